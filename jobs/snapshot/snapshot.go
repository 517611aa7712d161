// Package snapshot publishes the figures of complete periods: what was published
// stays as it was, whatever arrives later. Periods are published from the
// installation on, not for imported history.
package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// Options are what the job works with.
type Options struct {
	DB        *queries.DB
	Evaluator *metrics.Evaluator
	Catalogue *catalogue.Catalogue
	// Fold brings the live figures up to an instant before they are published.
	Fold func(ctx context.Context, at time.Time) error
	// Now is when something is published, whatever period it was due for.
	Now func() time.Time
}

// Job publishes the last complete period of a grain.
type Job struct {
	o     Options
	grain calendar.Grain
}

// New is inert.
func New(o Options, grain calendar.Grain) *Job { return &Job{o, grain} }

// Run publishes the last period that was complete at an instant: each indicator
// in all and by region. A period that was published stays as it is.
func (j *Job) Run(ctx context.Context, at time.Time) error {
	period := calendar.PeriodOf(j.grain, calendar.DayOf(at)).Previous()
	published, err := j.o.DB.Published(ctx, string(j.grain), period.From.UTC())
	if err != nil || published {
		return err
	}
	if err := j.o.Fold(ctx, at); err != nil {
		return fmt.Errorf("fold before publishing %s: %w", period.Label(), err)
	}
	rows, err := j.figures(ctx, period)
	if err != nil {
		return err
	}
	if err := j.o.DB.Publish(ctx, rows); err != nil {
		return fmt.Errorf("publish %s: %w", period.Label(), err)
	}
	return nil
}

// tries is how often the figures are asked again because a run of the fold came
// between the questions.
const tries = 20

// figures asks for all that is published of a period, as of one instant.
func (j *Job) figures(ctx context.Context, period calendar.Period) ([]queries.SnapshotRow, error) {
	for range tries {
		rows, err := j.ask(ctx, period)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(rows, func(r queries.SnapshotRow) bool { return !r.AsOf.Equal(rows[0].AsOf) }) {
			return rows, nil
		}
	}
	return nil, fmt.Errorf("publish %s: the figures changed between the questions, %d times", period.Label(), tries)
}

func (j *Job) ask(ctx context.Context, period calendar.Period) ([]queries.SnapshotRow, error) {
	from, to := period.From.UTC(), period.To.UTC()
	published := j.o.Now().UTC()
	var rows []queries.SnapshotRow
	for _, by := range [][]string{nil, {"region"}} {
		var keys []string
		for _, ind := range j.o.Catalogue.All() {
			if len(by) == 0 || ind.HasDimension(by[0]) {
				keys = append(keys, ind.Key)
			}
		}
		figures, err := j.o.Evaluator.Figures(ctx, metrics.Question{Keys: keys, From: period.From, To: period.To, By: by})
		if err != nil {
			return nil, fmt.Errorf("figures of %s: %w", period.Label(), err)
		}
		for _, f := range figures {
			if f.AsOf.Before(period.End()) {
				return nil, fmt.Errorf("publish %s: the figures are as of %s, before the period's end", period.Label(), f.AsOf.Format(time.RFC3339))
			}
			text, err := json.Marshal(f)
			if err != nil {
				return nil, fmt.Errorf("publish %s: %s: %w", period.Label(), f.Key, err)
			}
			rows = append(rows, queries.SnapshotRow{
				Key: f.Key, Revision: uint32(f.Revision), Grain: string(j.grain), From: from, To: to,
				By: f.By, AsOf: f.AsOf, PublishedAt: published, Figure: string(text),
			})
		}
	}
	return rows, nil
}
