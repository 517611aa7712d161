package topic

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errStalled says that a partition brings nothing although its log has more.
var errStalled = errors.New("a partition makes no progress")

// watch looks after a generation's topics and partitions until ctx ends, and ends
// the generation when it can't go on like this.
func (m *member) watch(ctx context.Context, g *Generation, end func(cause error)) {
	ticker := time.NewTicker(m.o.Watch)
	defer ticker.Stop()
	w := &stalls{member: m, g: g, since: map[place]time.Time{}, at: map[place]int64{}}
	w.forget()
	for {
		var now time.Time
		select {
		case now = <-ticker.C:
		case <-ctx.Done():
			return
		}
		told := make([]int64, len(g.partitions))
		for i, p := range g.partitions {
			told[i] = p.end.Load()
		}
		// That the brokers can't be asked is told by whoever fetches and commits.
		if have, err := m.client.Topics(ctx, m.o.Topics...); err == nil {
			if !sameTopics(have, g.topics) {
				end(errTopicsChanged)
				return
			}
			for i, p := range g.partitions {
				p.sure.Store(told[i])
			}
		}
		if err := w.look(ctx, now); err != nil {
			end(err)
			return
		}
	}
}

// stalls finds partitions that bring nothing although their log has more.
type stalls struct {
	member *member
	g      *Generation
	since  map[place]time.Time // since when a partition has brought nothing
	at     map[place]int64     // its position then
}

// forget drops what was said of partitions that are somebody else's now.
func (w *stalls) forget() {
	mine := map[place]bool{}
	for _, p := range w.g.partitions {
		mine[place{p.Topic, p.Partition}] = true
	}
	for key := range w.member.stalled {
		if !mine[key] {
			w.set(key, nil)
		}
	}
}

func (w *stalls) set(key place, err error) {
	if err == nil && !w.member.stalled[key] {
		return
	}
	if err == nil {
		delete(w.member.stalled, key)
	} else {
		w.member.stalled[key] = true
	}
	w.member.o.Stalled(key.topic, key.partition, err)
}

// look returns an error that is errStalled when a partition has brought nothing
// for too long.
func (w *stalls) look(ctx context.Context, now time.Time) error {
	asked := map[string][]int{}
	for _, p := range w.g.partitions {
		asked[p.Topic] = append(asked[p.Topic], int(p.Partition))
	}
	if len(asked) == 0 {
		return nil
	}
	// Over another connection than that of a fetch which gets no answer. Where this
	// gets none either, the ends that were told last have to do.
	logs, err := w.g.client.logs(ctx, asked)
	if ctx.Err() != nil {
		return nil
	}
	var fault error
	for _, p := range w.g.partitions {
		key, position, last := place{p.Topic, p.Partition}, p.at.Load(), p.end.Load()
		if err == nil {
			last = max(last, logs[key].End)
			p.end.Store(last)
		}
		lag := last - position
		began, known := w.since[key]
		moved := known && w.at[key] != position
		if lag <= 0 || moved {
			w.set(key, nil)
		}
		if lag <= 0 || !known || moved || !p.waiting.Load() {
			w.since[key], w.at[key] = now, position
			continue
		}
		if now.Sub(began) < w.member.o.Stall {
			continue
		}
		why := ""
		if stable := p.stable.Load(); stable <= position && stable < last {
			why = fmt.Sprintf(": a transaction is open since offset %d", stable)
		}
		stall := fmt.Errorf("%w: %s/%d stands at offset %d for %s, and %d are behind it%s",
			errStalled, p.Topic, p.Partition, position, now.Sub(began).Round(time.Second), lag, why)
		w.set(key, stall)
		fault = stall
	}
	return fault
}
