// Package fold keeps the live edition of the state and the facts up to date: new
// events to state to facts. What is to be folded is known from what is stored,
// by place in the log, so that a stored event is always folded; a run cut off
// anywhere is done again.
package fold

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/state"
)

// Options are what the job works with.
type Options struct {
	Builder *state.Builder
	Facts   *metrics.Facts
	// Versions name the policy, calendar and catalogue. Where they are not
	// those of the last run, everything is folded again.
	Versions string
	Logger   *slog.Logger
	// Quiet is how long the figures may stay without a new as_of while nothing
	// arrives. Deadlines mature that much later.
	Quiet time.Duration
}

// Job folds what has arrived. One Job at a time may run over one database; its
// own runs wait for each other.
type Job struct {
	o    Options
	turn sync.Mutex
}

// New is inert.
func New(o Options) *Job { return &Job{o: o} }

// Run folds what is stored and not folded yet, for the instant at, and replaces
// the facts that change. It does nothing if nothing has arrived and the last run
// is younger than Quiet.
func (j *Job) Run(ctx context.Context, at time.Time) error {
	j.turn.Lock()
	defer j.turn.Unlock()
	at = at.UTC().Truncate(time.Microsecond)
	last, err := j.o.Builder.LastRun(ctx)
	if err != nil {
		return err
	}
	if at.Before(last.AsOf) {
		// A clock that was set back: figures do not go back in time.
		at = last.AsOf
	}
	ranges, err := j.o.Builder.Arrived(ctx, last)
	if err != nil {
		return err
	}
	begun, err := j.o.Builder.TouchedAll(ctx, last.Number+1)
	if err != nil {
		return err
	}
	all := last.Number == 0 || last.Versions != j.o.Versions || begun
	if len(ranges) == 0 && !all && at.Sub(last.AsOf) < j.o.Quiet {
		return nil
	}
	run := state.Run{Number: last.Number + 1, AsOf: at, Next: last.Next, Versions: j.o.Versions, Reported: last.Reported}
	if err := j.find(ctx, run.Number, all, ranges, last.AsOf, at); err != nil {
		return err
	}
	touched, err := j.o.Builder.Touched(ctx, run.Number)
	if err != nil {
		return err
	}
	done, err := j.o.Builder.WriteLive(ctx)
	if err != nil {
		return err
	}
	defer done()
	var (
		changed  map[state.Key]struct{}
		subjects uint64
	)
	if touched > 0 {
		scope := state.Scope{Edition: state.Live, Run: run.Number, AsOf: at, All: all}
		changed, subjects, err = j.o.Builder.Fold(ctx, scope, len(state.Bases)-1)
		if err != nil {
			return err
		}
	}
	before := last.AsOf
	if all {
		// Every day with rows is among the changed ones.
		before = time.Time{}
	}
	if run.Reported, err = j.o.Facts.Refresh(ctx, run.Number, changed, before, at, last.Reported); err != nil {
		return err
	}
	for _, r := range ranges {
		run.Next[r.Place] = r.End
	}
	if err := j.o.Builder.Complete(ctx, run, subjects); err != nil {
		return err
	}
	if subjects > 0 {
		j.o.Logger.InfoContext(ctx, "events folded", "run", run.Number, "subjects", subjects, "places", len(changed), "as_of", at)
	}
	return nil
}

// find looks for what a run has to fold: all subjects, or those that events and
// conflicts of some ranges of the log and the time between two instants touch.
func (j *Job) find(ctx context.Context, run uint64, all bool, ranges []state.Range, after, upto time.Time) error {
	if all {
		if err := j.o.Builder.TouchAll(ctx, run); err != nil {
			return err
		}
		return j.o.Builder.FindAllConflicts(ctx, run)
	}
	if err := j.o.Builder.FindConflicts(ctx, ranges, run); err != nil {
		return err
	}
	return j.o.Builder.Touch(ctx, run, ranges, after, upto)
}
