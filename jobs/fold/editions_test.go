package fold_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/metrics"
	"youzhi/queries/queriestest"
)

// TestEditionsUnderQuestions asks for more past instants at once than are kept,
// while events arrive that make what is kept old: every answer is the one that a
// question alone gets.
func TestEditionsUnderQuestions(t *testing.T) {
	r := inSteps(newRoom(t, queriestest.Open(t)))
	ctx := context.Background()
	r.store(t, generate(t, 2), 0, func() int32 { return 0 })
	r.run(t, asOf)
	question := func(i int) metrics.Question {
		return metrics.Question{Keys: r.keys("cases"), From: span.From, To: span.To, By: []string{"region"}, AsOf: asOf.Add(time.Duration(-i) * 4 * day)}
	}
	var want [5][]metrics.Figure
	for i := range want {
		var err error
		if want[i], err = r.eval.Figures(ctx, question(i)); err != nil {
			t.Fatal(err)
		}
	}
	var askers sync.WaitGroup
	for asker := range 3 {
		askers.Go(func() {
			for n := range 4 {
				i := (asker + n) % len(want)
				got, err := r.eval.Figures(ctx, question(i))
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want[i], got); diff != "" {
					t.Errorf("as of %s (-alone +among others):\n%.1000s", question(i).AsOf, diff)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		askers.Wait()
		close(done)
	}()
	s := newTeller(r)
	for {
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
			s.tell(t, "/a", "I1", "incident.opened", asOf, fields{"kind": "outage", "level": 1, "unit": "U-1"})
		}
	}
}

// TestLive asks for figures of one run while the next one waits to write: none of
// the answers holds the other up, and all are of the run that was there first.
func TestLive(t *testing.T) {
	r := inSteps(newRoom(t, queriestest.Open(t)))
	ctx := context.Background()
	events := generate(t, 2)
	r.store(t, events[:len(events)/2], 0, func() int32 { return 0 })
	r.run(t, asOf)
	figures := func(e *metrics.Evaluator, q metrics.Question) []metrics.Figure {
		q.Keys, q.From, q.To = r.keys(""), span.From, span.To
		found, err := e.Figures(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	questions := []metrics.Question{{}, {By: []string{"product"}}, {By: []string{"outlet"}}, {Grain: "month"}}
	var want [][]metrics.Figure
	for _, q := range questions {
		want = append(want, figures(r.eval, q))
	}
	// Another evaluator has kept nothing.
	e := metrics.New(r.db, r.cat, r.editions)
	at, release, err := e.Live(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.store(t, events[len(events)/2:], 0, func() int32 { return 0 })
	done := make(chan error, 1)
	go func() { done <- r.job.Run(ctx, asOf.Add(time.Hour)) }()
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		for i, q := range questions {
			if diff := cmp.Diff(want[i], figures(at, q)); diff != "" {
				t.Fatalf("%+v is not of the run that is held (-of it +got):\n%.1000s", q, diff)
			}
		}
	}
	select {
	case err := <-done:
		t.Fatalf("a run has written while its state was read: %v", err)
	default:
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i, q := range questions {
		got := figures(e, q)
		if cmp.Equal(want[i], got) || !got[0].AsOf.Equal(asOf.Add(time.Hour)) {
			t.Errorf("%+v as of %s is still of the run before", q, got[0].AsOf)
		}
		if diff := cmp.Diff(figures(metrics.New(r.db, r.cat, r.editions), q), got); diff != "" {
			t.Errorf("%+v is not of the new run (-asked anew +kept):\n%.1000s", q, diff)
		}
	}
}
