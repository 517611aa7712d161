package state

import (
	"context"
	"fmt"
	"maps"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/fold"
	"youzhi/queries"
)

// Improvements folds all improvements from their events, as of an instant, in the
// order of their subjects. They are few and no figure counts them, so that they
// have no rows in an edition: events that no run has folded yet are among them.
func (e *Editions) Improvements(ctx context.Context, asOf time.Time) ([]fold.Improvement, error) {
	b := e.builder
	table, err := queries.EventsTable(event.TopicAssurance)
	if err != nil {
		return nil, err
	}
	var subjects, disputed []string
	events := map[string][]event.Event{}
	statement := about(queries.File("state/events"), "subject IN (SELECT subject FROM improvement_subjects)")
	err = b.db.Rows(ctx, statement, queries.Params{"table": table, "topic": event.TopicAssurance}, func(scan func(...any) error) error {
		v, contested, err := scanEvent(scan)
		if err != nil {
			return err
		}
		if len(events[v.Subject]) == 0 {
			subjects = append(subjects, v.Subject)
			if contested {
				disputed = append(disputed, v.Subject)
			}
		}
		events[v.Subject] = append(events[v.Subject], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read improvements: %w", err)
	}
	elsewhere := map[string]map[fold.Identity]event.Hash{}
	for part := range chunks(disputed) {
		of, err := b.elsewhere(ctx, event.TopicAssurance, table, part)
		if err != nil {
			return nil, fmt.Errorf("read improvements: %w", err)
		}
		maps.Copy(elsewhere, of)
	}
	var out []fold.Improvement
	for _, s := range subjects {
		m := fold.FoldImprovement(fold.Effective(events[s], asOf, elsewhere[s]))
		// One whose events all lie after as_of, or all are tests, is none.
		if m.Counted > 0 && m.Excluded == "" {
			out = append(out, m)
		}
	}
	return out, nil
}
