package fold_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	jobfold "youzhi/jobs/fold"
	"youzhi/metrics"
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
	s.store(t, s.told(t), func() int32 { return 0 })
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
	accept := func(source, subject, product string, at time.Time) {
		s.tell(t, source, subject, "case.accepted", at, fields{
			"product": product, "region": "330100", "outlet": "HZ-017", "channel": "outlet", "direction": "domestic", "promised_at": instant(at.Add(2 * day)),
		})
	}
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
	accept("/a", "C1", "parcel", start)
	accept("/a", "C2", "parcel", start.Add(3*day))
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// Another source reports deliveries, and this one those of letters.
	accept("/b", "C3", "letter", start)
	s.tell(t, "/b", "C3", "case.delivered", start.Add(day), nil)
	accept("/a", "C4", "letter", start)
	s.tell(t, "/a", "C4", "case.delivered", start.Add(day), nil)
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// A step later the source does report deliveries of parcels.
	accept("/a", "C5", "parcel", start.Add(20*day))
	s.tell(t, "/a", "C5", "case.delivered", start.Add(21*day), nil)
	delivered := s.events[len(s.events)-1]
	expect("1 / 3, pending 0, excluded 0, unknown 0", metrics.StatusSmall)
	void := func(of reported) {
		i := s.add(of.Subject, "case.corrected", start.Add(22*day), fields{"void": true})
		s.drafts[i].Source, s.drafts[i].CorrectsID = of.Source, of.ID
		s.store(t, s.told(t), func() int32 { return 0 })
	}
	void(delivered)
	expect("0 / 0, pending 0, excluded 0, unknown 0", metrics.StatusNoSource)
	// Taking the voiding back brings the delivery back.
	void(s.events[len(s.events)-1])
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
		s.store(t, contents[i:i+1], func() int32 { return 0 })
		edition, err := s.editions.At(context.Background(), asOf, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := referenceRows(s.reference(contents[:i+1], asOf))
		if diff := differences(want, stored(t, s.db, edition)); diff != "" {
			t.Errorf("%d contents, before a run:\n%s", i+1, diff)
		}
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
	r := newRoom(t, openThrough(t, &b, "crash_policy"))
	events := generate(t, 1)
	r.store(t, events, func() int32 { return 0 })
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
	for n := 10; ; n += 10 {
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
