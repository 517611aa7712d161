package fold_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	jobfold "youzhi/jobs/fold"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/policy"
	"youzhi/metrics/state"
	"youzhi/queries/queriestest"
)

// teller reports single events to a room.
type teller struct {
	*generator
	*room
	events []reported
}

func newTeller(r *room) *teller {
	return &teller{generator: &generator{Rand: rand.New(rand.NewPCG(1, 6))}, room: r}
}

// told decodes and keeps what was added, without storing it.
func (s *teller) told(t testing.TB) []reported {
	t.Helper()
	told := s.decoded(t)
	s.drafts = nil
	s.events = append(s.events, told...)
	return told
}

// tell stores one event.
func (s *teller) tell(t testing.TB, source, subject, kind string, at time.Time, data fields) {
	t.Helper()
	i := s.add(subject, kind, at, data)
	s.drafts[i].Source = source
	s.store(t, s.told(t), 0, func() int32 { return 0 })
}

// accept stores the acceptance of a case that is promised two days later.
func (s *teller) accept(t testing.TB, source, subject, product string, at time.Time) {
	t.Helper()
	s.tell(t, source, subject, "case.accepted", at, fields{
		"product": product, "region": "330100", "outlet": "HZ-017", "channel": "outlet", "direction": "domestic", "promised_at": instant(at.Add(2 * day)),
	})
}

// void stores that an event of a case did not happen.
func (s *teller) void(t testing.TB, of reported, at time.Time) {
	t.Helper()
	i := s.add(of.Subject, "case.corrected", at, fields{"void": true})
	s.drafts[i].Source, s.drafts[i].CorrectsID = of.Source, of.ID
	s.store(t, s.told(t), 0, func() int32 { return 0 })
}

// check holds state and figures to a fold in memory.
func (s *teller) check(t testing.TB, at time.Time) {
	t.Helper()
	units := s.reference(s.events, at)
	if diff := differences(referenceRows(units), stored(t, s.db, state.Live)); diff != "" {
		t.Errorf("the state is not the fold in memory:\n%s", diff)
	}
	if diff := s.figuresByDay(t, judge(units, at)); diff != "" {
		t.Errorf("the figures by day are not the units judged one by one:\n%s", diff)
	}
}

// TestUnreportedIsNotFailed follows a source that reports acceptances alone,
// then deliveries, and then turns out not to have: the days before change with
// it, though no event of theirs has come.
func TestUnreportedIsNotFailed(t *testing.T) {
	s := newTeller(newRoom(t, queriestest.Open(t)))
	start := asOf.Add(-40 * day)
	expect := func(want string, status metrics.Status) {
		t.Helper()
		s.run(t, asOf)
		s.check(t, asOf)
		f := s.figures(t, metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: map[string][]string{"product": {"parcel"}}})[0]
		if got := tallyOf(f).String(); got != want || f.Status != status {
			t.Errorf("parcels on time: %s, %s; want %s, %s", got, f.Status, want, status)
		}
	}
	// Without complaints the complaints per case have no source either.
	s.tell(t, "/c", "T1", "ticket.received", start, fields{"kind": "complaint", "region": "330100", "channel": "phone"})
	s.accept(t, "/a", "C1", "parcel", start)
	s.accept(t, "/a", "C2", "parcel", start.Add(3*day))
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// Another source reports deliveries, and this one those of letters.
	s.accept(t, "/b", "C3", "letter", start)
	s.tell(t, "/b", "C3", "case.delivered", start.Add(day), nil)
	s.accept(t, "/a", "C4", "letter", start)
	s.tell(t, "/a", "C4", "case.delivered", start.Add(day), nil)
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// A step later the source does report deliveries of parcels.
	s.accept(t, "/a", "C5", "parcel", start.Add(20*day))
	s.tell(t, "/a", "C5", "case.delivered", start.Add(21*day), nil)
	delivered := s.events[len(s.events)-1]
	expect("1 / 3, pending 0, excluded 0, unknown 0", metrics.StatusSmall)
	s.void(t, delivered, start.Add(22*day))
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// Taking the voiding back brings the delivery back.
	s.void(t, s.events[len(s.events)-1], start.Add(22*day))
	expect("1 / 3, pending 0, excluded 0, unknown 0", metrics.StatusSmall)
}

// TestConflictBeforeRun asks for the state as of an instant while contents of
// one identity have arrived that no run has looked at: the lowest hash counts,
// also over one that a run has found to be the lowest.
func TestConflictBeforeRun(t *testing.T) {
	s := newTeller(newRoom(t, queriestest.Open(t)))
	at := asOf.Add(-9 * day)
	for i := range 4 {
		place := s.add(fmt.Sprintf("C%d", i), "case.progressed", at, fields{"step": "scan", "note": i})
		s.drafts[place].Source, s.drafts[place].ID, s.drafts[place].Sequence, s.drafts[place].Recorded = "/a", "e1", "", time.Time{}
	}
	contents := s.told(t)
	slices.SortFunc(contents, func(a, b reported) int { return bytes.Compare(b.Hash[:], a.Hash[:]) })
	for i := range contents {
		s.store(t, contents[i:i+1], 0, func() int32 { return 0 })
		edition, release, err := s.editions.At(context.Background(), asOf, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := referenceRows(s.reference(contents[:i+1], asOf))
		if diff := differences(want, stored(t, s.db, edition)); diff != "" {
			t.Errorf("%d contents, before a run:\n%s", i+1, diff)
		}
		release()
		if i%2 == 1 {
			s.run(t, asOf)
			if diff := differences(want, stored(t, s.db, state.Live)); diff != "" {
				t.Errorf("%d contents, after a run:\n%s", i+1, diff)
			}
		}
	}
}

// TestPolicyTakenBack ends the run that folds everything by another policy, and
// goes on with the one before: nothing of the other stays.
func TestPolicyTakenBack(t *testing.T) {
	var b breaker
	r := inSteps(newRoom(t, openThrough(t, &b, "crash_policy")))
	events := generate(t, 1)
	r.store(t, events, 0, func() int32 { return 0 })
	r.run(t, asOf)
	other, err := policy.Load("other.yaml", []byte(`version: other
constructive_acceptance_hours: 1
clocks:
  - {name: promise, base: cases, start: accepted, length: {instant: promise, whole_day: true}, done: delivered}
`))
	if err != nil {
		t.Fatal(err)
	}
	ended := jobfold.New(jobfold.Options{
		Builder: state.NewBuilder(r.db, other, r.calendar), Facts: metrics.NewFacts(r.db, r.cat), Versions: "other", Logger: slog.New(slog.DiscardHandler),
	})
	step := 25
	if thorough(t) {
		step = 3
	}
	for n := 10; ; n += step {
		b.set(n, true)
		err := ended.Run(context.Background(), asOf)
		b.set(0, false)
		if err == nil {
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		r.run(t, asOf.Add(time.Duration(n)*time.Microsecond))
		at := asOf.Add(time.Duration(n) * time.Microsecond)
		units := r.reference(events, at)
		if diff := differences(referenceRows(units), stored(t, r.db, state.Live)); diff != "" {
			t.Fatalf("after the end at statement %d: the state is not that of the policy in force:\n%s", n, diff)
		}
		if diff := r.figuresByDay(t, judge(units, at)); diff != "" {
			t.Fatalf("after the end at statement %d: the figures are not those of the policy in force:\n%s", n, diff)
		}
	}
}

// TestCatalogueChanged lets an operator's indicator look at another window: the
// facts of days on which the new one has no units go.
func TestCatalogueChanged(t *testing.T) {
	r := newRoom(t, queriestest.Open(t))
	ctx := context.Background()
	r.store(t, generate(t, 1), 0, func() int32 { return 0 })
	for _, population := range []string{"{base: cases, anchor: promise}", "{base: cases, anchor: submitted}", "{base: tickets, anchor: closed}"} {
		dir := t.TempDir()
		err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(`indicators:
  - key: own
    revision: 1
    title: {zh: 自定, en: Own}
    meaning: {zh: 件数, en: How many}
    section: "1.1"
    chapter: "9"
    window: OPEN
    kind: count
    population: `+population+`
    unit: count
    better: up
    dimensions: [region, outlet, product, channel]
    chart: line
`), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		cat, err := catalogue.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		job := jobfold.New(jobfold.Options{Builder: r.builder, Facts: metrics.NewFacts(r.db, cat), Versions: population, Logger: slog.New(slog.DiscardHandler)})
		if err := job.Run(ctx, asOf); err != nil {
			t.Fatal(err)
		}
		eval := metrics.New(r.db, cat, r.editions)
		q := metrics.Question{Keys: []string{"own"}, From: span.From, To: span.To, By: []string{"product"}, Grain: calendar.GrainDay}
		live, err := eval.Figures(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		q.AsOf = asOf
		told, err := eval.Figures(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(told, live); diff != "" || len(live) == 0 {
			t.Errorf("%s: %d live figures are not those of the events (-events +live):\n%.2000s", population, len(live), diff)
		}
	}
}

// TestForgetAndFoldAgain drops what is derived, also when that is cut off: the
// next run makes the same rows, though it was folded for a later instant before.
func TestForgetAndFoldAgain(t *testing.T) {
	var b breaker
	r := inSteps(newRoom(t, openThrough(t, &b, "crash_forget")))
	w := newWorld(t, 1, []int{1})
	r.inPieces(t, w)
	state1, facts1 := stored(t, r.db, state.Live), derived(t, r.db)
	later := referenceRows(r.reference(w.events, asOf.Add(100*day)))
	step := 25
	if thorough(t) {
		step = 1
	}
	for n, done := 1, false; !done; n += step {
		r.run(t, asOf.Add(100*day))
		b.set(n, n%2 == 0)
		err := r.builder.Forget(context.Background())
		b.set(0, false)
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if done = err == nil; !done {
			// What is cut off may have begun or not: it is asked for again.
			r.run(t, asOf.Add(100*day))
			if diff := differences(later, stored(t, r.db, state.Live)); diff != "" {
				t.Fatalf("cut off at statement %d: the state is not the fold in memory:\n%s", n, diff)
			}
			if err := r.builder.Forget(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		r.run(t, asOf)
		if diff := differences(state1, stored(t, r.db, state.Live)); diff != "" {
			t.Fatalf("cut off at statement %d: the state is not what it was:\n%s", n, diff)
		}
		if diff := differences(facts1, derived(t, r.db)); diff != "" {
			t.Fatalf("cut off at statement %d: the facts are not what they were:\n%s", n, diff)
		}
	}
}
