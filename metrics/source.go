package metrics

import (
	"context"
	"fmt"
	"time"

	"youzhi/queries"
)

// Source is when a reporting system was last heard of, by the time of its events.
type Source struct {
	Name   string
	Newest time.Time
	// Days are the Beijing days with an event, Gap the longest time between two hours
	// with one; both of the last [SourceDays] days.
	Days int
	Gap  time.Duration
}

const (
	// SourceDays is how far back a source's habits are looked at.
	SourceDays = 90
	// silentAfter is the least that counts as silence, sourceKnown the days with
	// events from which a source's habits are known.
	silentAfter = 24 * time.Hour
	sourceKnown = 7
)

// Silent says whether a source is silent at an instant: for a day at least, and
// half as long again as ever in the days before. A week without events of one that
// rests each weekend is silence, its weekend is none.
func (s Source) Silent(now time.Time) bool {
	return s.Days >= sourceKnown && now.Sub(s.Newest) > max(silentAfter, s.Gap+s.Gap/2)
}

// Sources are those that reported anything of the last [SourceDays] days, the one
// longest silent first.
func (e *Evaluator) Sources(ctx context.Context, now time.Time) ([]Source, error) {
	p := queries.Params{"from": now.UTC().AddDate(0, 0, -SourceDays).Format(time.DateTime), "to": now.UTC().Format(time.DateTime)}
	var out []Source
	err := e.db.Rows(ctx, queries.File("page/sources"), p, func(scan func(...any) error) error {
		var (
			s    Source
			days uint64
			gap  uint32
		)
		if err := scan(&s.Name, &s.Newest, &days, &gap); err != nil {
			return err
		}
		s.Newest, s.Days, s.Gap = s.Newest.UTC(), int(days), time.Duration(gap)*time.Second
		out = append(out, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	return out, nil
}
