package simulate

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"youzhi/ingest/topic"
)

// shelf is a sink that keeps what it is sent.
type shelf struct {
	lock sync.Mutex
	got  []string
}

func (s *shelf) Write(_ context.Context, name string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, m := range messages {
		s.got = append(s.got, name+"\x00"+m.Time.UTC().Format(time.RFC3339Nano)+"\x00"+string(m.Key)+"\x00"+string(m.Value))
	}
	return make([]topic.Acknowledgement, len(messages)), nil
}

func (s *shelf) len() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	return len(s.got)
}

// TestFeed_SendsEachOnce stops a feed in its first part, in the history and in the
// live stream, and starts it again from what it has saved: together everything
// was sent, and nothing twice.
func TestFeed_SendsEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		options := Options{Seed: 3, Scale: 0.02, From: from, To: from.AddDate(0, 0, 120), NoLedger: true}
		clock := func() time.Time { return options.To.Add(time.Since(start)) }
		var (
			sink  shelf
			first = options.To.AddDate(0, 0, -30)
			at    = Progress{History: options.From, Live: first}
			ends  = options.To.Add(50 * time.Hour)
			seen  []Progress
		)
		run := func(stop func(saved Progress) bool) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := &Feed{
				Operator: options, First: first, Ends: ends, Progress: at, Sink: &sink, Now: clock, Logger: slog.New(slog.DiscardHandler),
				Settle: func(ctx context.Context) error {
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
					}
					return context.Cause(ctx)
				},
				Save: func(_ context.Context, p Progress) error {
					at = p
					seen = append(seen, p)
					if stop(p) {
						cancel()
					}
					return nil
				},
			}
			if err := f.Run(ctx); err != nil {
				t.Fatal(err)
			}
		}
		run(func(p Progress) bool { return p.Live.After(first) })
		if !at.Live.Before(options.To) || !at.History.Equal(options.From) {
			t.Fatalf("stopped in the first part: %v", at)
		}
		run(func(p Progress) bool { return p.History.After(options.From.AddDate(0, 0, 40)) })
		if at.Live.Before(options.To) || !at.History.Before(first) {
			t.Fatalf("stopped in the history: %v", at)
		}
		run(func(p Progress) bool { return p.Live.After(options.To.Add(20 * time.Hour)) })
		if !at.History.Equal(first) || !at.Live.Before(ends) {
			t.Fatalf("stopped in the live stream: %v", at)
		}
		// It was switched off for some hours.
		time.Sleep(5 * time.Hour)
		run(func(Progress) bool { return false })
		if !at.Live.Equal(ends) {
			t.Fatalf("it ended at %v, not at %v", at.Live, ends)
		}
		for i := 1; i < len(seen); i++ {
			if seen[i].History.Before(seen[i-1].History) || seen[i].Live.Before(seen[i-1].Live) {
				t.Fatalf("the progress went back from %v to %v", seen[i-1], seen[i])
			}
		}
		op, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		var whole shelf
		if _, err := Send(t.Context(), &whole, op.Messages(options.From, ends), 1000); err != nil {
			t.Fatal(err)
		}
		slices.Sort(sink.got)
		slices.Sort(whole.got)
		if whole.len() < 1000 || !slices.Equal(whole.got, sink.got) {
			t.Errorf("the feed sent %d messages, the operator has %d", sink.len(), whole.len())
		}
	})
}
