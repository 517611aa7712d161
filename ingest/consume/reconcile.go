package consume

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
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
	Log       int32 // of the logs that the topic has had; all of an old one is done
	Partition int32
	topic.PartitionOffsets
	queries.Ledger
}

// Name is the partition as people know it.
func (b *PartitionBooks) Name() string { return queries.PartitionName(b.Ledger.Partition) }

// Consumed is the number of offsets that the group has done, from the broker,
// beginning with the first that must be stored.
func (b *PartitionBooks) Consumed() int64 { return max(0, b.Committed-b.Start) }

// Rows is the number of different events stored.
func (b *PartitionBooks) Rows() int64 { return b.Counted }

// Duplicates is the number of offsets that hold a further copy of an event, or
// another content under its identity.
func (b *PartitionBooks) Duplicates() int64 { return b.Stored - b.Counted }

// OK says that the books add up: consumed = rows + duplicates + quarantined + gone,
// and no offset is missing, stored twice or unknown to the log.
func (b *PartitionBooks) OK() bool {
	return b.Missing == 0 && b.Both == 0 && b.Twice == 0 && b.Beyond == 0 &&
		b.Consumed() == b.Rows()+b.Duplicates()+b.Quarantined+b.Gone
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
	logs, err := db.TopicLogs(ctx)
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	incidents, err := db.Incidents(ctx)
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	var recorded []queries.Reconciliation
	for _, name := range topics {
		parts, gaps, err := logsOf(ctx, db, name, offsets, logs, incidents)
		if err != nil {
			return nil, fmt.Errorf("reconcile: %w", err)
		}
		var asked []queries.LogOffsets
		for _, p := range parts {
			asked = append(asked, queries.LogOffsets{Partition: p.Ledger.Partition, First: p.First, End: p.End, Committed: p.Committed})
		}
		ledgers, conflicts, err := db.Ledger(ctx, name, asked, gaps)
		if err != nil {
			return nil, fmt.Errorf("reconcile: %w", err)
		}
		r.Conflicts[name] = conflicts
		for i := range ledgers {
			parts[i].Ledger = ledgers[i]
		}
		if err := grown(ctx, kafka, group, name, parts); err != nil {
			return nil, fmt.Errorf("reconcile: %w", err)
		}
		for _, b := range parts {
			r.Partitions = append(r.Partitions, b)
			recorded = append(recorded, queries.Reconciliation{
				At: r.At, Topic: name, Partition: b.Ledger.Partition, First: b.First, Committed: b.Committed, End: b.End,
				Stored: b.Stored, Counted: b.Counted, Duplicates: b.Duplicates(), Quarantined: b.Quarantined, Gone: b.Gone,
				Missing: b.Missing, MissingAt: b.MissingAt,
			})
		}
	}
	if err := db.InsertReconciliation(ctx, recorded); err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	return r, nil
}

// grown takes back that offsets of a topic are beyond the log's end if the log has
// grown over them since its ends were read: what is written and stored until the
// rows are counted is in flight, and no fault.
func grown(ctx context.Context, kafka *topic.Client, group, name string, parts []PartitionBooks) error {
	if !slices.ContainsFunc(parts, func(b PartitionBooks) bool { return b.Beyond > 0 }) {
		return nil
	}
	offsets, err := kafka.Offsets(ctx, group, name)
	if err != nil {
		return err
	}
	var now int32
	for i := range parts {
		now = max(now, parts[i].Log)
	}
	for i := range parts {
		b := &parts[i]
		for _, o := range offsets {
			if b.Log == now && b.ID == o.ID && b.Partition == o.Partition && o.End > b.End {
				b.End = o.End
				b.Beyond = min(b.Beyond, max(0, b.Largest+1-o.End))
			}
		}
	}
	return nil
}

// logsOf are the partitions of all logs that a topic has had, the newest by what
// the brokers say and the older ones by what is on record, and what is gone of them.
func logsOf(ctx context.Context, db *queries.DB, name string, offsets []topic.PartitionOffsets, logs []queries.TopicLog, incidents []queries.Incident) (parts []PartitionBooks, gaps []queries.Gap, err error) {
	of := recordedOf(logs, name)
	numbers := map[int32]bool{}
	for _, l := range of {
		numbers[l.Log] = true
	}
	for _, o := range offsets {
		if o.Topic != name {
			continue
		}
		number := logNow(of, o.ID)
		stored, err := queries.StoredPartition(number, o.Partition)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, PartitionBooks{Topic: name, Log: number, Partition: o.Partition, PartitionOffsets: o, Ledger: queries.Ledger{Partition: stored}})
		delete(numbers, number)
	}
	over := map[int32]bool{}
	for _, i := range incidents {
		if i.Topic == name && (i.Kind == queries.IncidentDeleted || i.Kind == queries.IncidentRemade) {
			log, _ := queries.SplitPartition(i.Partition)
			over[log] = true
		}
	}
	for _, log := range slices.Sorted(maps.Keys(numbers)) {
		extents, err := logExtents(ctx, db, name, log, incidents)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range slices.Sorted(maps.Keys(extents)) {
			e := extents[p]
			stored, err := queries.StoredPartition(log, p)
			if err != nil {
				return nil, nil, err
			}
			// Until it is on record that the log is over, only what was committed of
			// it is done.
			if over[log] {
				e.committed = e.end
			}
			parts = append(parts, PartitionBooks{
				Topic: name, Log: log, Partition: p, Ledger: queries.Ledger{Partition: stored},
				PartitionOffsets: topic.PartitionOffsets{Topic: name, Partition: p, First: e.first, Committed: e.committed, End: e.end},
			})
		}
	}
	slices.SortFunc(parts, func(a, b PartitionBooks) int { return cmp.Compare(a.Ledger.Partition, b.Ledger.Partition) })
	for _, i := range incidents {
		if i.Topic == name && i.From < i.To {
			gaps = append(gaps, queries.Gap{Partition: i.Partition, From: i.From, To: i.To})
		}
	}
	return parts, gaps, nil
}

// Print writes the books as a table, a line for each partition and the sum, and
// below it a line for each offset that is missing or wrong.
func (r *Reconciliation) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "topic\tpartition\tconsumed\trows\tduplicates\tquarantined\tgone\tmissing\t")
	var sum [6]int64
	for i := range r.Partitions {
		b := &r.Partitions[i]
		line := [6]int64{b.Consumed(), b.Rows(), b.Duplicates(), b.Quarantined, b.Gone, b.Missing}
		for j, n := range line {
			sum[j] += n
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", b.Topic, b.Name(), line[0], line[1], line[2], line[3], line[4], line[5])
	}
	fmt.Fprintf(table, "all\t\t%d\t%d\t%d\t%d\t%d\t%d\t\n", sum[0], sum[1], sum[2], sum[3], sum[4], sum[5])
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range r.Faults() {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	verdict := "The books add up: consumed = rows + duplicates + quarantined + gone."
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
				lines = append(lines, fmt.Sprintf("%s: topic %s, partition %s, offset %d", what, b.Topic, b.Name(), offset))
			}
			if more := n - int64(len(at)); more > 0 {
				lines = append(lines, fmt.Sprintf("%s: topic %s, partition %s, %d more offsets", what, b.Topic, b.Name(), more))
			}
		}
		list("missing", b.Missing, b.MissingAt)
		list("both event and quarantined", b.Both, b.BothAt)
		list("two events at one offset", b.Twice, b.TwiceAt)
		if b.Beyond > 0 {
			lines = append(lines, fmt.Sprintf("beyond the log's end: topic %s, partition %s, %d offsets are stored that the log, ending at %d, does not have: it has lost its tail",
				b.Topic, b.Name(), b.Beyond, b.End))
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
