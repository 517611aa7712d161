package consume

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"youzhi/ingest/topic"
	"youzhi/queries"
)

// Reconciliation compares what the group has done, by the broker's offsets, with
// what ClickHouse holds, by SELECT.
type Reconciliation struct {
	At         time.Time
	Group      string
	Partitions []PartitionBooks // by topic and partition
	// Conflicts are contents that don't count because another one bears the same
	// (source, id), by topic. They are among the duplicates, and no fault.
	Conflicts map[string]int64
}

// PartitionBooks are the books of one partition.
type PartitionBooks struct {
	Topic     string
	Partition int32
	topic.PartitionOffsets
	queries.Ledger
}

// Consumed is the number of offsets that the group has done, from the broker,
// beginning with the first that must be stored.
func (b *PartitionBooks) Consumed() int64 { return max(0, b.Committed-b.Start) }

// Rows is the number of different events stored.
func (b *PartitionBooks) Rows() int64 { return b.Counted }

// Duplicates is the number of offsets that hold a further copy of an event, or
// another content under its identity.
func (b *PartitionBooks) Duplicates() int64 { return b.Stored - b.Counted }

// OK says that the books add up: consumed = rows + duplicates + quarantined, and
// no offset is missing, stored twice or unknown to the log.
func (b *PartitionBooks) OK() bool {
	return b.Missing == 0 && b.Both == 0 && b.Twice == 0 && b.Beyond == 0 &&
		b.Consumed() == b.Rows()+b.Duplicates()+b.Quarantined
}

// OK says that the books of all partitions add up.
func (r *Reconciliation) OK() bool {
	return !slices.ContainsFunc(r.Partitions, func(b PartitionBooks) bool { return !b.OK() })
}

// Reconcile makes the books of the group on the topics and records them, at the
// given instant. The ingest may run meanwhile: what it stores without having
// committed yet is counted apart.
func Reconcile(ctx context.Context, kafka *topic.Client, db *queries.DB, group string, topics []string, at time.Time) (*Reconciliation, error) {
	r := &Reconciliation{At: at.UTC(), Group: group, Conflicts: map[string]int64{}}
	// The broker first: what it calls committed was stored before.
	offsets, err := kafka.Offsets(ctx, group, topics...)
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	var recorded []queries.Reconciliation
	for _, name := range topics {
		var parts []topic.PartitionOffsets
		var logs []queries.LogOffsets
		for _, o := range offsets {
			if o.Topic == name {
				parts = append(parts, o)
				logs = append(logs, queries.LogOffsets{Partition: o.Partition, First: o.First, End: o.End, Committed: o.Committed})
			}
		}
		ledgers, conflicts, err := db.Ledger(ctx, name, logs)
		if err != nil {
			return nil, fmt.Errorf("reconcile: %w", err)
		}
		r.Conflicts[name] = conflicts
		for i, l := range ledgers {
			b := PartitionBooks{Topic: name, Partition: l.Partition, PartitionOffsets: parts[i], Ledger: l}
			r.Partitions = append(r.Partitions, b)
			recorded = append(recorded, queries.Reconciliation{
				At: r.At, Topic: name, Partition: l.Partition, First: b.First, Committed: b.Committed, End: b.End,
				Stored: b.Stored, Counted: b.Counted, Duplicates: b.Duplicates(), Quarantined: b.Quarantined,
				Missing: b.Missing, MissingAt: b.MissingAt,
			})
		}
	}
	if err := db.InsertReconciliation(ctx, recorded); err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	return r, nil
}

// Print writes the books as a table, a line for each partition and the sum, and
// below it a line for each offset that is missing or wrong.
func (r *Reconciliation) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "topic\tpartition\tconsumed\trows\tduplicates\tquarantined\tmissing\t")
	var sum [5]int64
	for i := range r.Partitions {
		b := &r.Partitions[i]
		line := [5]int64{b.Consumed(), b.Rows(), b.Duplicates(), b.Quarantined, b.Missing}
		for j, n := range line {
			sum[j] += n
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", b.Topic, b.Partition, line[0], line[1], line[2], line[3], line[4])
	}
	fmt.Fprintf(table, "all\t\t%d\t%d\t%d\t%d\t%d\t\n", sum[0], sum[1], sum[2], sum[3], sum[4])
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range r.Faults() {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	verdict := "The books add up: consumed = rows + duplicates + quarantined."
	if !r.OK() {
		verdict = "The books do not add up."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

// Faults names what does not add up, a line for each offset as far as they are
// listed.
func (r *Reconciliation) Faults() []string {
	var lines []string
	for i := range r.Partitions {
		b := &r.Partitions[i]
		list := func(what string, n int64, at []int64) {
			for _, offset := range at {
				lines = append(lines, fmt.Sprintf("%s: topic %s, partition %d, offset %d", what, b.Topic, b.Partition, offset))
			}
			if more := n - int64(len(at)); more > 0 {
				lines = append(lines, fmt.Sprintf("%s: topic %s, partition %d, %d more offsets", what, b.Topic, b.Partition, more))
			}
		}
		list("missing", b.Missing, b.MissingAt)
		list("both event and quarantined", b.Both, b.BothAt)
		list("two events at one offset", b.Twice, b.TwiceAt)
		if b.Beyond > 0 {
			lines = append(lines, fmt.Sprintf("beyond the log's end: topic %s, partition %d, %d offsets are stored that the log, ending at %d, does not have: it was made anew or lost its tail",
				b.Topic, b.Partition, b.Beyond, b.End))
		}
	}
	return lines
}

// reconcile makes the books from time to time. That they don't add up is logged
// and recorded, and shown by the pages; the events go on.
func (s *Service) reconcile(ctx context.Context) {
	timer := time.NewTimer(s.o.Age)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		r, err := Reconcile(ctx, s.o.Kafka, s.o.DB, s.o.Group, s.o.Topics, s.o.Now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.o.Logger.WarnContext(ctx, "reconciliation failed", "error", err)
		case !r.OK():
			faults := r.Faults()
			s.o.Logger.ErrorContext(ctx, "the books do not add up", "faults", len(faults), "first", strings.Join(faults[:min(len(faults), 3)], "; "))
		default:
			s.o.Logger.DebugContext(ctx, "the books add up", "partitions", len(r.Partitions))
		}
		timer.Reset(s.o.ReconcileEvery)
	}
}
