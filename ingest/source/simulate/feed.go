package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Progress is how far an operator has been sent.
type Progress struct {
	// History: what is sent from Options.From up to here. It ends at Feed.First.
	History time.Time
	// Live: what is sent from Feed.First up to here.
	Live time.Time
}

// Feed sends an operator's messages to a sink: the newest part of the history
// first, for its figures are what a person looks at first, then side by side the
// rest of it and what the clock brings.
type Feed struct {
	Operator Options
	// First begins the part of the history that is sent first; Operator.From for
	// all of it in order.
	First time.Time
	// Ends is where the stream ends.
	Ends time.Time
	// Progress is how far it was sent before.
	Progress Progress
	// Save is told how far everything has been sent and settled. After a crash, what
	// came since is sent again, as copies.
	Save func(ctx context.Context, p Progress) error
	Sink Sink
	// Settle returns when what was sent is stored and shown; nil: nobody waits.
	Settle func(ctx context.Context) error
	Now    func() time.Time
	Logger *slog.Logger
	// Tick is how often the stream looks at the clock; a second if 0.
	Tick time.Duration

	lock sync.Mutex // of Progress
}

const (
	// feedBatch is how many messages are written at once.
	feedBatch = 20_000
	// feedSpan is how much of the history is sent before it is said how far it has
	// come: once begun it is sent to its end.
	feedSpan = 4 * 24 * time.Hour
	// feedStep is how many messages are sent before they are waited for.
	feedStep = 60_000
	// sendGrace is how long what has begun may take when the feed is to end.
	sendGrace = 10 * time.Second
	// savePause is how often the live stream says how far it has come.
	savePause = 15 * time.Second
)

// Run sends until the clock has come to Ends or ctx ends, which is no error.
func (f *Feed) Run(ctx context.Context) error {
	err := f.run(ctx)
	if ctx.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendGrace)
	defer cancel()
	return f.save(last)
}

func (f *Feed) run(ctx context.Context) error {
	// Each stream has an operator of its own, since each goes through the days by
	// itself.
	live, err := New(f.Operator)
	if err != nil {
		return err
	}
	history, err := New(f.Operator)
	if err != nil {
		return err
	}
	if err := f.catchUp(ctx, live); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var both sync.WaitGroup
	both.Go(func() {
		if err := f.past(ctx, history); err != nil {
			cancel(err)
		}
	})
	both.Go(func() {
		if err := f.present(ctx, live); err != nil {
			cancel(err)
		}
	})
	both.Wait()
	return context.Cause(ctx)
}

// end is the instant up to which the clock lets messages pass.
func (f *Feed) end() time.Time {
	now := f.Now().UTC().Truncate(time.Microsecond)
	if now.After(f.Ends) {
		return f.Ends
	}
	return now
}

// send sends a span, to its end even if ctx ends, so that it is known what was
// sent.
func (f *Feed) send(ctx context.Context, op *Operator, from, to time.Time) (int64, error) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(sendGrace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	return Send(work, f.Sink, op.Messages(from, to), feedBatch)
}

// reach moves one of the places of Progress.
func (f *Feed) reach(place *time.Time, at time.Time) {
	f.lock.Lock()
	defer f.lock.Unlock()
	*place = at
}

// advance sends from a place of Progress up to an instant.
func (f *Feed) advance(ctx context.Context, op *Operator, place *time.Time, to time.Time) error {
	begun := *place
	settled := make(chan error, 1)
	settled <- nil
	var settling sync.WaitGroup
	defer settling.Wait()
	unsettled := int64(0)
	for from := begun; from.Before(to); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		until := from.Add(feedSpan)
		if until.After(to) {
			until = to
		}
		n, err := f.send(ctx, op, from, until)
		if err != nil {
			return err
		}
		from, unsettled = until, unsettled+n
		f.reach(place, from)
		last := !from.Before(to)
		if last || unsettled >= feedStep {
			// One step is folded while the next one is made.
			if err := <-settled; err != nil {
				return err
			}
			settling.Go(func() { settled <- f.settle(ctx) })
			unsettled = 0
		}
		if last {
			// It is told when it is settled, or when the feed ends before.
			if err := <-settled; err != nil {
				return err
			}
		}
		if err := f.save(ctx); err != nil {
			return err
		}
	}
	if begun.Before(to) {
		f.Logger.InfoContext(ctx, "simulated history sent", "from", begun, "to", to)
	}
	return nil
}

func (f *Feed) settle(ctx context.Context) error {
	if f.Settle == nil {
		return nil
	}
	if err := f.Settle(ctx); err != nil {
		return fmt.Errorf("wait for simulated events: %w", err)
	}
	return nil
}

// catchUp sends what the live stream lacks up to now. What comes meanwhile is the
// stream's.
func (f *Feed) catchUp(ctx context.Context, op *Operator) error {
	return f.advance(ctx, op, &f.Progress.Live, f.end())
}

// past sends the history before First.
func (f *Feed) past(ctx context.Context, op *Operator) error {
	return f.advance(ctx, op, &f.Progress.History, f.First)
}

// present sends what the clock brings.
func (f *Feed) present(ctx context.Context, op *Operator) error {
	tick := f.Tick
	if tick == 0 {
		tick = time.Second
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	saved := f.Now()
	for {
		from, to := f.Progress.Live, f.end()
		if from.Before(to) {
			if _, err := f.send(ctx, op, from, to); err != nil {
				return err
			}
			f.reach(&f.Progress.Live, to)
		}
		over := !f.Progress.Live.Before(f.Ends)
		if now := f.Now(); over || now.Sub(saved) >= savePause {
			if err := f.save(ctx); err != nil {
				return err
			}
			saved = now
		}
		if over {
			f.Logger.InfoContext(ctx, "the simulated operator has come to its end", "at", f.Ends)
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *Feed) save(ctx context.Context) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.Save(ctx, f.Progress)
}
