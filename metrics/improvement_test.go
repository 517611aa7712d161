package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/metrics/stats"
	"youzhi/queries/queriestest"
)

// improvement writes the events of one improvement.
type improvement struct {
	t        *testing.T
	subject  string
	messages *[][]byte
}

func (m improvement) add(stage, at string, data map[string]any) improvement {
	m.t.Helper()
	b, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s-%d", m.subject, len(*m.messages)), "source": "/cn/post/quality", "type": "cn.post.improvement." + stage,
		"subject": m.subject, "time": at + "T09:00:00+08:00", "dataschema": "urn:youzhi:schema:cn.post.improvement." + stage + ":1", "data": data,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	*m.messages = append(*m.messages, b)
	return m
}

func (m improvement) plan(at, indicator, unit, from, to string) improvement {
	return m.add("planned", at, map[string]any{
		"indicator": indicator, "unit": unit, "owner_post": "operations", "planned_check_date": "2026-03-01",
		"baseline": map[string]any{"start": from, "end": to},
	})
}

func (m improvement) check(at, from, to string) improvement {
	return m.add("checked", at, map[string]any{"start": from, "end": to})
}

// TestImprovements_ByHand holds verdicts to worked numbers (STATISTICS.md 10):
// 780 of 1,000 before and 890 of 1,000 after, over twenty weeks that vary no more
// than sampling would have it.
func TestImprovements_ByHand(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	begin := time.Date(2025, 10, 6, 0, 0, 0, 0, calendar.Beijing) // a Monday
	var cases, duties [][]byte
	for week := range 20 {
		for i := range 100 {
			hours := 40.0
			if late := i >= 78 && week < 10 || i >= 89; late {
				hours = 60
			}
			w := way{t, fmt.Sprintf("C-%d-%d", week, i), begin.AddDate(0, 0, 7*week).Add(8 * time.Hour), "parcel", "510100", &cases}
			w.accept(48).deliver(hours)
		}
	}
	say := func(subject string) improvement { return improvement{t, subject, &duties} }
	const key = "on_time_delivery_rate"
	// Of 2025: weeks 41 to 50 before, week 51 to week 8 of 2026 after.
	say("WORKED").plan("2025-12-10", key, "51", "2025-10-06", "2025-12-15").add("started", "2025-12-15", map[string]any{}).check("2026-02-24", "2025-12-15", "2026-02-23")
	say("FUTILE").plan("2025-10-01", key, "5101", "2025-10-06", "2025-11-10").check("2026-03-20", "2025-11-10", "2025-12-15")
	say("RUNNING").plan("2025-12-10", key, "51", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-04-23")
	say("UNCHECKED").plan("2025-12-10", key, "51", "2025-10-06", "2025-12-15")
	say("UNPLANNED").add("started", "2025-12-15", map[string]any{})
	say("ELSEWHERE").plan("2025-12-10", key, "O-nowhere", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-02-23")
	say("NOTHING").plan("2025-12-10", "no_such_rate", "51", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-02-23")
	say("COUNT").plan("2025-12-10", "case_volume", "51", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-02-23")
	say("OVERLAP").plan("2025-10-01", key, "51", "2025-10-06", "2025-12-16").check("2026-02-24", "2025-12-15", "2026-02-23")
	// What is called before came after: that it was worse then is no verdict on what was done.
	say("BACKWARDS").plan("2025-10-01", key, "51", "2025-12-15", "2026-02-23").check("2026-02-24", "2025-10-06", "2025-12-15")
	say("LATER").plan("2026-05-10", key, "51", "2025-10-06", "2025-12-15")
	queriestest.Store(t, r.db, event.TopicCases, 0, cases...)
	queriestest.Store(t, r.db, event.TopicAssurance, 0, duties...)
	asOf := time.Date(2026, 3, 25, 0, 0, 0, 0, calendar.Beijing)
	if err := r.job.Run(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	ask := func(at time.Time, judged int) map[string]metrics.Improvement {
		t.Helper()
		list, err := r.eval.Improvements(ctx, at, judged)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]metrics.Improvement{}
		for _, m := range list {
			out[m.Subject] = m
		}
		return out
	}
	for _, at := range []time.Time{{}, asOf.Add(-time.Hour)} {
		got := ask(at, 10)
		why := map[string]metrics.NoVerdict{}
		for subject, m := range got {
			why[subject] = m.NoVerdict
		}
		want := map[string]metrics.NoVerdict{
			"WORKED": "", "FUTILE": "", "RUNNING": metrics.NoVerdictRunning, "UNCHECKED": metrics.NoVerdictUnchecked, "UNPLANNED": metrics.NoVerdictUnplanned,
			"ELSEWHERE": metrics.NoVerdictNoData, "NOTHING": metrics.NoVerdictIndicator, "COUNT": metrics.NoVerdictKind, "OVERLAP": metrics.NoVerdictOverlap, "BACKWARDS": metrics.NoVerdictOverlap,
		}
		if diff := cmp.Diff(want, why); diff != "" {
			t.Fatalf("as of %s: why there is no verdict (-want +got):\n%s", at, diff)
		}
		m := got["WORKED"]
		if *m.Before.Numerator != 780 || *m.Before.Denominator != 1000 || *m.After.Numerator != 890 || *m.After.Denominator != 1000 {
			t.Errorf("before %v of %v, after %v of %v", *m.Before.Numerator, *m.Before.Denominator, *m.After.Numerator, *m.After.Denominator)
		}
		near := func(got, want float64) bool { return math.Abs(got-want) < 5e-7 }
		if e := m.Effect; m.Verdict != stats.VerdictImproved || !near(e.Value, 0.11) || !near(e.Interval.Lower, 0.077735) || !near(e.Interval.Upper, 0.142173) || e.Phi != 1 || e.Ratio {
			t.Errorf("verdict %q, effect %+v", m.Verdict, e)
		}
		if m = got["FUTILE"]; m.Verdict != stats.VerdictNoEvidence || m.Effect.Value != 0 || !m.ShortBaseline() {
			t.Errorf("verdict %q, effect %+v", m.Verdict, m.Effect)
		}
	}
	// Before its check was reported there is none, whatever the figures say.
	if m := ask(time.Date(2026, 2, 24, 8, 59, 59, 0, calendar.Beijing), 10)["WORKED"]; m.NoVerdict != metrics.NoVerdictUnchecked || m.State != "started" {
		t.Errorf("before its check: %q, %s", m.NoVerdict, m.State)
	}
	// A quarter with more than are judged says so, as all before it.
	if got := ask(time.Time{}, 1); got["WORKED"].NoVerdict != metrics.NoVerdictTooMany || got["FUTILE"].NoVerdict != metrics.NoVerdictTooMany || got["UNCHECKED"].NoVerdict != metrics.NoVerdictUnchecked {
		t.Errorf("one judged at most: %q and %q", got["WORKED"].NoVerdict, got["FUTILE"].NoVerdict)
	}
	// Families are judged whole or not at all: there is one improvement in the first quarter with a verdict, and one in the quarter before.
	if got := ask(time.Time{}, 2); got["WORKED"].Verdict != stats.VerdictImproved || got["FUTILE"].Before != nil || got["FUTILE"].NoVerdict != metrics.NoVerdictTooMany {
		t.Errorf("two judged at most: %q and %v", got["WORKED"].Verdict, got["FUTILE"].Before)
	}
}

// TestImprovements_ShortBaseline: weeks that swing between 70 and 90 in a hundred
// are not calmer for who compares with four of them than with all.
func TestImprovements_ShortBaseline(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	begin := time.Date(2025, 6, 2, 0, 0, 0, 0, calendar.Beijing) // a Monday
	var cases, duties [][]byte
	for week := range 28 {
		onTime := []int{70, 90}[week%2]
		if week >= 24 {
			onTime = 92
		}
		for i := range 100 {
			hours := 40.0
			if i >= onTime {
				hours = 60
			}
			way{t, fmt.Sprintf("C-%d-%d", week, i), begin.AddDate(0, 0, 7*week).Add(8 * time.Hour), "parcel", "510100", &cases}.accept(48).deliver(hours)
		}
	}
	day := func(week int) string { return begin.AddDate(0, 0, 7*week).Format(time.DateOnly) }
	for _, from := range []int{0, 20} {
		improvement{t, fmt.Sprintf("IMP-%d", from), &duties}.plan(day(22), "on_time_delivery_rate", "51", day(from), day(24)).check(day(29), day(24), day(28))
	}
	queriestest.Store(t, r.db, event.TopicCases, 0, cases...)
	queriestest.Store(t, r.db, event.TopicAssurance, 0, duties...)
	if err := r.job.Run(ctx, begin.AddDate(0, 0, 7*32)); err != nil {
		t.Fatal(err)
	}
	list, err := r.eval.Improvements(ctx, time.Time{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if e := m.Effect; m.Verdict != stats.VerdictNoEvidence || math.Abs(e.Value-0.12) > 5e-7 || e.Phi < 4 {
			t.Errorf("%s, with %d days to compare: %q, %+v", m.Subject, m.Baseline.Len(), m.Verdict, e)
		}
	}
}

// TestImprovements_Corrected follows a correction of the check's days, and one of
// the plan that takes it back.
func TestImprovements_Corrected(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	var duties [][]byte
	m := improvement{t, "IMP", &duties}
	m.plan("2025-12-10", "on_time_delivery_rate", "51", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-02-23")
	correct := func(id string, data map[string]any) {
		b, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": id, "source": "/cn/post/quality", "type": "cn.post.assurance.corrected", "subject": "IMP", "time": "2026-02-25T09:00:00+08:00",
			"dataschema": "urn:youzhi:schema:cn.post.assurance.corrected:1", "correctsid": "IMP-1", "data": data,
		})
		if err != nil {
			t.Fatal(err)
		}
		duties = append(duties, b)
	}
	correct("fix", map[string]any{"data": map[string]any{"end": "2026-02-16"}})
	queriestest.Store(t, r.db, event.TopicAssurance, 0, duties...)
	if err := r.job.Run(ctx, time.Date(2026, 3, 1, 0, 0, 0, 0, calendar.Beijing)); err != nil {
		t.Fatal(err)
	}
	list, err := r.eval.Improvements(ctx, time.Time{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Check.To.String() != "2026-02-16" || list[0].State != "checked" {
		t.Fatalf("%+v", list)
	}
	if want := (fold.Days{From: list[0].Check.From, To: list[0].Check.From + 63}); list[0].Check != want {
		t.Errorf("check %v, want %v", list[0].Check, want)
	}
}

// TestImprovements_OneRun asks while runs of the fold follow each other: all that
// is compared is of one of them.
func TestImprovements_OneRun(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	begin := time.Date(2025, 10, 6, 0, 0, 0, 0, calendar.Beijing)
	var cases, duties [][]byte
	for i := range 20 {
		way{t, fmt.Sprintf("C-%d", i), begin.AddDate(0, 0, 7*i).Add(8 * time.Hour), "parcel", "510100", &cases}.accept(48).deliver(40)
	}
	for i := range 3 {
		improvement{t, fmt.Sprintf("IMP-%d", i), &duties}.plan("2025-12-10", "on_time_delivery_rate", "51", "2025-10-06", "2025-12-15").check("2026-02-24", "2025-12-15", "2026-02-23")
	}
	queriestest.Store(t, r.db, event.TopicCases, 0, cases...)
	queriestest.Store(t, r.db, event.TopicAssurance, 0, duties...)
	at := time.Date(2026, 3, 25, 0, 0, 0, 0, calendar.Beijing)
	if err := r.job.Run(ctx, at); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	runs := make(chan error, 1)
	go func() {
		for {
			select {
			case <-asked:
				runs <- nil
				return
			default:
			}
			at = at.Add(time.Minute)
			if err := r.job.Run(ctx, at); err != nil {
				runs <- err
				return
			}
		}
	}()
	seen := map[time.Time]bool{}
	for range 4 {
		list, err := r.eval.Improvements(ctx, time.Time{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		first := list[0].Before.AsOf
		seen[first] = true
		for _, m := range list {
			if !m.Before.AsOf.Equal(first) || !m.After.AsOf.Equal(first) {
				t.Errorf("%s: before as of %s, after as of %s; the first as of %s", m.Subject, m.Before.AsOf, m.After.AsOf, first)
			}
		}
	}
	close(asked)
	if err := <-runs; err != nil {
		t.Fatal(err)
	}
	if len(seen) < 2 {
		t.Error("no run went by")
	}
}
