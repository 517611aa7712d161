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
	r := newRoom(t, queriestest.Open(t))
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
