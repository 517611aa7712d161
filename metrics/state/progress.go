package state

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"youzhi/queries"
)

// Run is one completed fold of the live edition.
type Run struct {
	Number uint64
	// AsOf is zero if what was folded has been forgotten.
	AsOf time.Time
	// Next is the first offset not folded, by place in the log.
	Next map[Place]int64
	// Versions names the policy, calendar and catalogue that it was made with.
	Versions string
	// Reported is a hash of which steps the sources report.
	Reported string
}

// Place is a partition of a topic.
type Place struct {
	Topic     string
	Partition int32
}

// Range is a span of offsets, Next included and End excluded.
type Range struct {
	Place
	Next, End int64
}

// LastRun is the last completed run; of number 0 if there is none.
func (b *Builder) LastRun(ctx context.Context) (Run, error) {
	last := Run{Next: map[Place]int64{}}
	err := b.db.Rows(ctx, queries.File("state/last_run"), nil, func(scan func(...any) error) error {
		var (
			topics     []string
			partitions []int32
			nexts      []int64
		)
		if err := scan(&last.Number, &last.AsOf, &topics, &partitions, &nexts, &last.Versions, &last.Reported); err != nil {
			return err
		}
		if last.AsOf = last.AsOf.UTC(); last.AsOf.Unix() == 0 {
			last.AsOf = time.Time{}
		}
		for i := range topics {
			last.Next[Place{topics[i], partitions[i]}] = nexts[i]
		}
		return nil
	})
	if err != nil {
		return Run{}, fmt.Errorf("read the last fold run: %w", err)
	}
	return last, nil
}

// Arrived gives the spans of the log that are stored and not in a run, each from
// the first to the last offset that is stored.
func (b *Builder) Arrived(ctx context.Context, last Run) ([]Range, error) {
	var out []Range
	statement := strings.Replace(queries.File("state/log_ends"), "/*ranges*/", beyond(last.Next), 1)
	err := b.db.Rows(ctx, statement, nil, func(scan func(...any) error) error {
		var r Range
		if err := scan(&r.Topic, &r.Partition, &r.Next, &r.End); err != nil {
			return err
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for new events: %w", err)
	}
	return out, nil
}

// logEnd names how far the log is stored; it changes with every stored event.
func logEnd(last Run, ranges []Range) string {
	ends := maps.Clone(last.Next)
	for _, r := range ranges {
		ends[r.Place] = r.End
	}
	var out []string
	for place, end := range ends {
		out = append(out, fmt.Sprintf("%s/%d:%d", place.Topic, place.Partition, end))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// beyond is the condition of offsets that no run has folded. Topics are
// constants of the contract, so the text holds nothing from outside.
func beyond(next map[Place]int64) string {
	if len(next) == 0 {
		return "true"
	}
	places := make([]Place, 0, len(next))
	for p := range next {
		places = append(places, p)
	}
	sort.Slice(places, func(i, j int) bool {
		a, b := places[i], places[j]
		return a.Topic < b.Topic || a.Topic == b.Topic && a.Partition < b.Partition
	})
	var later, known []string
	for _, p := range places {
		later = append(later, fmt.Sprintf("(topic = %s AND partition = %d AND offset >= %d)", quote(p.Topic), p.Partition, next[p]))
		known = append(known, fmt.Sprintf("(%s, %d)", quote(p.Topic), p.Partition))
	}
	return "(" + strings.Join(later, " OR ") + " OR (topic, partition) NOT IN (" + strings.Join(known, ", ") + "))"
}

// within is the condition of offsets in some ranges.
func within(ranges []Range) string {
	var spans []string
	for _, r := range ranges {
		spans = append(spans, fmt.Sprintf("(topic = %s AND partition = %d AND offset >= %d AND offset < %d)", quote(r.Topic), r.Partition, r.Next, r.End))
	}
	return "(" + strings.Join(spans, " OR ") + ")"
}

// FindConflicts looks for identities that arrived in some ranges and have more
// than one content anywhere, and records them under a version.
func (b *Builder) FindConflicts(ctx context.Context, ranges []Range, version uint64) error {
	if len(ranges) == 0 {
		return nil
	}
	statement := strings.Replace(queries.File("state/find_conflicts"), "/*ranges*/", within(ranges), 1)
	if err := b.db.Exec(ctx, statement, queries.Params{"run": version}); err != nil {
		return fmt.Errorf("look for conflicts: %w", err)
	}
	return nil
}

// FindAllConflicts is FindConflicts over all that is stored.
func (b *Builder) FindAllConflicts(ctx context.Context, version uint64) error {
	if err := b.db.Exec(ctx, queries.File("state/find_all_conflicts"), queries.Params{"run": version}); err != nil {
		return fmt.Errorf("look for conflicts: %w", err)
	}
	return nil
}

// Touch names the subjects that a run of the live edition has to fold: those
// with events in some ranges, those in a conflict found by the run, and those
// with an event whose instant has come since the run before.
func (b *Builder) Touch(ctx context.Context, run uint64, ranges []Range, after, upto time.Time) error {
	if len(ranges) > 0 {
		statement := strings.Replace(queries.File("state/touch_arrivals"), "/*ranges*/", within(ranges), 1)
		if err := b.db.Exec(ctx, statement, queries.Params{"run": run}); err != nil {
			return fmt.Errorf("touch new events' subjects: %w", err)
		}
		if err := b.db.Exec(ctx, queries.File("state/touch_conflicts"), queries.Params{"run": run}); err != nil {
			return fmt.Errorf("touch subjects in conflict: %w", err)
		}
	}
	if after.IsZero() {
		return nil
	}
	err := b.db.Exec(ctx, queries.File("state/touch_wakeups"), queries.Params{"run": run, "after": queries.Instant(after), "upto": queries.Instant(upto)})
	if err != nil {
		return fmt.Errorf("touch subjects of events that were in the future: %w", err)
	}
	return nil
}

// everything is the base of the mark that a run folds all subjects.
const everything = "all"

// TouchAll marks that a run folds all subjects: until it is completed, no other
// set of subjects will do, for it may have written any of them.
func (b *Builder) TouchAll(ctx context.Context, run uint64) error {
	err := b.db.Insert(ctx, "touched", "edition, run, base, subject", 1, func(int) []any { return []any{Live, run, everything, ""} })
	if err != nil {
		return fmt.Errorf("touch all subjects: %w", err)
	}
	return nil
}

// TouchedAll says whether a run has begun to fold all subjects and was cut off.
func (b *Builder) TouchedAll(ctx context.Context, run uint64) (bool, error) {
	var rows []struct {
		N uint64 `ch:"n"`
	}
	err := b.db.Select(ctx, &rows, "SELECT count() AS n FROM touched WHERE edition = 'live' AND run = {run:UInt64} AND base = {base:String}",
		queries.Params{"run": run, "base": everything})
	if err != nil {
		return false, fmt.Errorf("look for a fold of all subjects: %w", err)
	}
	return rows[0].N > 0, nil
}

// Touched is how many subjects a run has to fold.
func (b *Builder) Touched(ctx context.Context, run uint64) (uint64, error) {
	var rows []struct {
		N uint64 `ch:"n"`
	}
	err := b.db.Select(ctx, &rows, "SELECT count() AS n FROM touched WHERE edition = 'live' AND run = {run:UInt64}", queries.Params{"run": run})
	if err != nil {
		return 0, fmt.Errorf("count touched subjects: %w", err)
	}
	return rows[0].N, nil
}

func (b *Builder) record(ctx context.Context, r Run, subjects uint64) error {
	offsets := make([]any, 0, len(r.Next))
	for p, next := range r.Next {
		offsets = append(offsets, []any{p.Topic, p.Partition, next})
	}
	err := b.db.Insert(ctx, "fold_runs", "run, as_of, offsets, subjects, policy, reported", 1, func(int) []any {
		return []any{r.Number, r.AsOf, offsets, subjects, r.Versions, r.Reported}
	})
	if err != nil {
		return fmt.Errorf("record the fold run: %w", err)
	}
	return nil
}

// Complete records a run: what it folded is not folded again.
func (b *Builder) Complete(ctx context.Context, r Run, subjects uint64) error {
	if err := b.record(ctx, r, subjects); err != nil {
		return err
	}
	var parts []struct {
		ID string `ch:"partition_id"`
	}
	err := b.db.Select(ctx, &parts, "SELECT DISTINCT _partition_id AS partition_id FROM touched WHERE edition = 'live' AND run <= {run:UInt64}", queries.Params{"run": r.Number})
	if err != nil {
		return fmt.Errorf("clear the fold run's subjects: %w", err)
	}
	for _, p := range parts {
		if err := b.db.Exec(ctx, "ALTER TABLE touched DROP PARTITION ID "+quote(p.ID), nil); err != nil {
			return fmt.Errorf("clear the fold run's subjects: %w", err)
		}
	}
	return nil
}
