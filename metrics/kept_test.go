package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// asker counts how often it is asked.
type asker struct {
	k     *kept
	asked int
}

func (a *asker) figures(t *testing.T, of pinned, q Question, n int) []Figure {
	t.Helper()
	figures, err := keep(t.Context(), a.k, of, "figures", q, func(f []Figure) int { return len(f) }, func() ([]Figure, error) {
		a.asked++
		return make([]Figure, n), nil
	})
	if err != nil || len(figures) != n {
		t.Fatalf("%d figures, %v; want %d", len(figures), err, n)
	}
	return figures
}

// TestKept asks questions of runs: an answer is kept for its question and run, and
// for no other.
func TestKept(t *testing.T) {
	a := &asker{k: &kept{}}
	first, second := pinned{edition: liveEdition, run: 1}, pinned{edition: liveEdition, run: 2}
	q := Question{Keys: []string{"a", "b"}, Where: map[string][]string{"region": {"33"}, "product": {"ems"}}}
	other := Question{Keys: []string{"b", "a"}, Where: q.Where}
	for i, step := range []struct {
		of    pinned
		q     Question
		asked int
	}{
		{first, q, 1}, {first, q, 1}, {first, other, 2}, {first, q, 2},
		{second, q, 3}, {second, q, 3}, {second, other, 4},
		// An answer of the run before that comes late is not one of this run.
		{first, q, 5}, {second, q, 5},
		// Another edition is never kept.
		{pinned{edition: "as_of:1"}, q, 6}, {pinned{edition: "as_of:1"}, q, 7}, {second, q, 7},
	} {
		a.figures(t, step.of, step.q, 3)
		if a.asked != step.asked {
			t.Fatalf("step %d: asked %d times, want %d", i, a.asked, step.asked)
		}
	}
	// What failed is asked again.
	broken := errors.New("broken")
	for range 2 {
		_, err := keep(t.Context(), a.k, second, "trends", q, func([]Trend) int { return 0 }, func() ([]Trend, error) { a.asked++; return nil, broken })
		if !errors.Is(err, broken) {
			t.Fatalf("%v, want %v", err, broken)
		}
	}
	if a.asked != 9 {
		t.Errorf("asked %d times, want 9", a.asked)
	}
}

// TestKept_Together asks the same at one time: one finds the answer for all; where
// it fails, each finds it alone; and who gives up does not wait.
func TestKept_Together(t *testing.T) {
	k, of := &kept{}, pinned{edition: liveEdition, run: 1}
	ask := func(ctx context.Context, key string, find func() ([]Figure, error)) ([]Figure, error) {
		return keep(ctx, k, of, "figures", Question{Keys: []string{key}}, func(f []Figure) int { return len(f) }, find)
	}
	broken := errors.New("broken")
	for _, c := range []struct {
		key   string
		err   error
		asked int64
	}{{"good", nil, 1}, {"bad", broken, 4}} {
		var (
			all   sync.WaitGroup
			found atomic.Int64
			begun = make(chan struct{})
			goes  = make(chan struct{})
		)
		for i := range 4 {
			if i == 1 {
				<-begun
			}
			all.Go(func() {
				_, err := ask(t.Context(), c.key, func() ([]Figure, error) {
					if found.Add(1) == 1 {
						close(begun)
						<-goes
					}
					return []Figure{{Key: c.key}}, c.err
				})
				if !errors.Is(err, c.err) {
					t.Errorf("%s: %v, want %v", c.key, err, c.err)
				}
			})
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ask(ended, c.key, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: who gave up has %v", c.key, err)
		}
		close(goes)
		all.Wait()
		if found.Load() != c.asked {
			t.Errorf("%s was asked %d times, want %d", c.key, found.Load(), c.asked)
		}
	}
	if len(k.asking) != 0 {
		t.Errorf("%d questions are still being asked", len(k.asking))
	}
}

// TestKept_LongQuestions asks long questions that have hardly an answer: what is
// kept is bounded by what it takes, of which the questions are a part.
func TestKept_LongQuestions(t *testing.T) {
	k := &kept{}
	a := &asker{k: k}
	const long = 1 << 14
	for i := range 2 * mostKept * figureBytes / long {
		a.figures(t, pinned{edition: liveEdition, run: 1}, Question{Where: map[string][]string{"region": {fmt.Sprintf("%0*d", long, i)}}}, 0)
	}
	taken := 0
	for name := range k.answers {
		taken += len(name)
	}
	if taken == 0 || taken > mostKept*figureBytes {
		t.Errorf("questions of %d bytes are kept; want at most %d", taken, mostKept*figureBytes)
	}
}

// TestKept_Bounded asks for more than is kept, side by side.
func TestKept_Bounded(t *testing.T) {
	k := &kept{}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			a := &asker{k: k}
			for i := range 24 {
				of := pinned{edition: liveEdition, run: uint64(1 + i/8)}
				a.figures(t, of, Question{Keys: []string{fmt.Sprint(worker, i)}}, mostKept/10)
				a.figures(t, of, Question{Keys: []string{"large"}}, mostKept)
			}
		})
	}
	all.Wait()
	size := 0
	for _, answer := range k.answers {
		figures, ok := answer.([]Figure)
		if !ok {
			t.Fatalf("%T is kept", answer)
		}
		size += 1 + len(figures)
	}
	if size != k.size || size == 0 || size > mostKept {
		t.Errorf("%d figures are kept, counted as %d; want 1 to %d", size, k.size, mostKept)
	}
}
