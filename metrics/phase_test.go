package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/stats"
	"youzhi/queries/queriestest"
)

// TestPhases begins and takes back a new phase of a chart that rises from 78 to 89
// in 100 in its 21st week: refused where STATISTICS.md 6 does not allow it, in the
// chart of its scope alone, and not before it was decided.
func TestPhases(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	begin := time.Date(2025, 10, 6, 0, 0, 0, 0, calendar.Beijing) // a Monday
	week := func(n int) calendar.Day { return calendar.DayOf(begin) + calendar.Day(7*n) }
	var cases, duties [][]byte
	for n := range 40 {
		for i := range 100 {
			hours := 40.0
			if i >= 78 && n < 20 || i >= 89 {
				hours = 60
			}
			way{t, fmt.Sprintf("C-%d-%d", n, i), begin.AddDate(0, 0, 7*n).Add(8 * time.Hour), "parcel", "510100", &cases}.accept(48).deliver(hours)
		}
	}
	for _, m := range []struct{ subject, indicator, start string }{{"IMP-1", "on_time_delivery_rate", week(20).String()}, {"IMP-2", "loss_rate", week(20).String()}, {"IMP-3", "on_time_delivery_rate", week(21).String()}} {
		improvement{t, m.subject, &duties}.plan("2026-01-10", m.indicator, "51", "2025-10-06", "2026-01-10").add("started", m.start, map[string]any{})
	}
	queriestest.Store(t, r.db, event.TopicCases, 0, cases...)
	queriestest.Store(t, r.db, event.TopicAssurance, 0, duties...)
	asOf := week(41).Start()
	if err := r.job.Run(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	in51 := map[string]string{"region": "51"}
	decided := asOf.Add(time.Hour)
	ask := func(at time.Time, where map[string][]string, by ...string) metrics.Trend {
		t.Helper()
		trends, err := r.eval.Trends(ctx, metrics.Question{Keys: []string{"on_time_delivery_rate"}, From: week(0), To: week(41), AsOf: at, Where: where, By: by, Grain: calendar.GrainWeek})
		if err != nil {
			t.Fatal(err)
		}
		return trends[0]
	}
	sichuan := map[string][]string{"region": {"51"}}
	if before := ask(time.Time{}, sichuan); len(before.Chart.Phases) != 1 || before.Variation.Direction != stats.DirectionImprovement {
		t.Fatalf("before: %d phases, %+v", len(before.Chart.Phases), before.Variation)
	}
	good := metrics.PhaseBreak{Key: "on_time_delivery_rate", Where: in51, Day: week(20), Author: "王", Reason: "a second sorting line", Improvement: "IMP-1", DecidedAt: decided}
	with := func(change func(*metrics.PhaseBreak)) metrics.PhaseBreak {
		b := good
		change(&b)
		return b
	}
	for name, c := range map[string]struct {
		b     metrics.PhaseBreak
		lasts bool
		want  string
	}{
		"not expected to last":           {good, false, "expected to last"},
		"nobody decides":                 {with(func(b *metrics.PhaseBreak) { b.Author = " " }), true, "an author and a reason"},
		"no reason":                      {with(func(b *metrics.PhaseBreak) { b.Reason = "" }), true, "an author and a reason"},
		"a novel":                        {with(func(b *metrics.PhaseBreak) { b.Reason = strings.Repeat("因", 501) }), true, "500 characters"},
		"no such indicator":              {with(func(b *metrics.PhaseBreak) { b.Key = "rate" }), true, `no indicator "rate"`},
		"no such dimension":              {with(func(b *metrics.PhaseBreak) { b.Where = map[string]string{"unit": "51"} }), true, `no dimension "unit"`},
		"tomorrow":                       {with(func(b *metrics.PhaseBreak) { b.Day = calendar.DayOf(decided) + 1 }), true, "in the future"},
		"ten points before":              {with(func(b *metrics.PhaseBreak) { b.Day, b.Improvement = week(11), "" }), true, "shows 10 points before"},
		"four points after":              {with(func(b *metrics.PhaseBreak) { b.Day = week(36) }), true, "4 from it on"},
		"nothing there":                  {with(func(b *metrics.PhaseBreak) { b.Where, b.Improvement = map[string]string{"region": "11"}, "" }), true, "no data"},
		"no such improvement":            {with(func(b *metrics.PhaseBreak) { b.Improvement = "IMP-9" }), true, `no improvement "IMP-9"`},
		"improvement of something else":  {with(func(b *metrics.PhaseBreak) { b.Improvement = "IMP-2" }), true, "is of loss_rate"},
		"improvement that had not begun": {with(func(b *metrics.PhaseBreak) { b.Improvement = "IMP-3" }), true, "had not begun"},
	} {
		t.Run(name, func(t *testing.T) {
			var refused *metrics.PhaseError
			if err := r.eval.StartPhase(ctx, c.b, c.lasts); !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	if all, err := r.eval.PhaseBreaks(ctx, time.Time{}); err != nil || len(all) != 0 {
		t.Fatalf("what was refused is recorded: %v, %v", all, err)
	}
	if err := r.eval.StartPhase(ctx, good, true); err != nil {
		t.Fatal(err)
	}
	// At once, whether it is a filter or a split: no signal runs over the break, and
	// the icons are of the new level.
	for _, now := range []metrics.Trend{ask(time.Time{}, sichuan), ask(time.Time{}, nil, "region")} {
		if len(now.Chart.Phases) != 2 || now.Chart.Points[now.Chart.Phases[1].From].At != int64(week(20)) || now.Variation.Direction != stats.DirectionCommon {
			t.Errorf("%d phases, %+v", len(now.Chart.Phases), now.Variation)
		}
		if len(now.Breaks) != 1 || now.Breaks[0].Reason != good.Reason {
			t.Errorf("breaks %+v", now.Breaks)
		}
	}
	if days, err := r.eval.Trends(ctx, metrics.Question{Keys: []string{good.Key}, From: week(0), To: week(41), Where: sichuan, Grain: calendar.GrainDay}); err != nil || len(days[0].Chart.Phases) != 1 {
		t.Errorf("by day: %v", err)
	}
	// Not in another scope, and not for an instant before it was decided.
	if whole := ask(time.Time{}, nil); len(whole.Chart.Phases) != 1 {
		t.Errorf("the whole has %d phases", len(whole.Chart.Phases))
	}
	if earlier := ask(asOf.Add(-time.Second), sichuan); len(earlier.Chart.Phases) != 1 {
		t.Errorf("before it was decided: %d phases", len(earlier.Chart.Phases))
	}
	elsewhere := with(func(b *metrics.PhaseBreak) { b.Day++ })
	var refused *metrics.PhaseError
	if err := r.eval.WithdrawPhase(ctx, elsewhere); !errors.As(err, &refused) {
		t.Errorf("one that is not there: %v", err)
	}
	back := with(func(b *metrics.PhaseBreak) { b.DecidedAt = decided.Add(time.Hour) })
	if err := r.eval.WithdrawPhase(ctx, back); err != nil {
		t.Fatal(err)
	}
	if after := ask(time.Time{}, sichuan); len(after.Chart.Phases) != 1 || len(after.Breaks) != 0 {
		t.Errorf("taken back: %d phases", len(after.Chart.Phases))
	}
}
