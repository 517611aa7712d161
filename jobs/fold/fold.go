// Package fold keeps the live edition of the state and the facts up to date: new
// events to state to facts. What is to be folded is known from what is stored,
// by place in the log, so that a stored event is always folded; a run cut off
// anywhere is done again.
package fold

import (
	"context"
	"log/slog"
	"maps"
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
	// Span is how many events the first run takes, about; DefaultSpan if 0. Of a
	// longer backlog each run takes more than the one before, or a share, so that
	// there are few runs. A run that folds everything again takes all.
	Span int64
}

// DefaultSpan keeps a run, and with it the wait of the first figures, short. What is
// at most half more is one run all the same, for two would replace the same days twice.
const DefaultSpan = 80_000

const (
	// mostRuns is how many runs what has arrived is cut into, about: each of them
	// replaces the facts of the days that it finds changed, which are all days
	// where events come in no order.
	mostRuns = 32
	// largestSpan is where spans stop growing: a run replaces the facts of all of a
	// day for a few events of it, so that what came at once costs less in few runs.
	largestSpan = 4 * DefaultSpan
	// mostHeld is how many subjects' rows are held in memory while answers go on.
	mostHeld = 200_000
)

// Job folds what has arrived. One Job at a time may run over one database; its
// own runs wait for each other.
type Job struct {
	o    Options
	turn sync.Mutex
}

// New is inert.
func New(o Options) *Job {
	if o.Span == 0 {
		o.Span = DefaultSpan
	}
	return &Job{o: o}
}

// Run folds what is stored and not folded yet, for the instant at, and replaces
// the facts that change: a span of the log at a time, so that figures of what
// came first are there before the rest is folded. What arrives meanwhile is left
// to the next call. It does nothing if nothing has arrived and the last run is
// younger than Quiet.
func (j *Job) Run(ctx context.Context, at time.Time) error {
	j.turn.Lock()
	defer j.turn.Unlock()
	last, err := j.o.Builder.LastRun(ctx)
	if err != nil {
		return err
	}
	ranges, err := j.o.Builder.Arrived(ctx, last)
	if err != nil {
		return err
	}
	var arrived int64
	for _, r := range ranges {
		arrived += r.End - r.Next
	}
	span := max(j.o.Span, arrived/mostRuns)
	for {
		now, left := cut(ranges, span)
		if last, err = j.run(ctx, last, now, len(left) > 0, at.UTC().Truncate(time.Microsecond)); err != nil {
			return err
		}
		if ranges = beyond(left, last); len(ranges) == 0 {
			return nil
		}
		span = max(span, min(2*span, largestSpan))
	}
}

// cut takes about n offsets from ranges, of each range the same share, since
// what was written at one time was written side by side.
func cut(ranges []state.Range, n int64) (now, left []state.Range) {
	var total int64
	for _, r := range ranges {
		total += r.End - r.Next
	}
	// A small rest is no run of its own: it would replace the same days once more.
	if total <= n+n/2 {
		return ranges, nil
	}
	for _, r := range ranges {
		end := r.Next + ((r.End-r.Next)*n+total-1)/total
		now = append(now, state.Range{Place: r.Place, Next: r.Next, End: end})
		if end < r.End {
			left = append(left, state.Range{Place: r.Place, Next: end, End: r.End})
		}
	}
	return now, left
}

// beyond is what of some ranges a run has not folded.
func beyond(ranges []state.Range, last state.Run) []state.Range {
	var out []state.Range
	for _, r := range ranges {
		if r.Next = max(r.Next, last.Next[r.Place]); r.Next < r.End {
			out = append(out, r)
		}
	}
	return out
}

// run folds some ranges after the last run and returns the run, or the last one
// if there was nothing to do. more says that further ranges have arrived.
func (j *Job) run(ctx context.Context, last state.Run, ranges []state.Range, more bool, at time.Time) (state.Run, error) {
	if at.Before(last.AsOf) {
		// A clock that was set back: figures do not go back in time.
		at = last.AsOf
	}
	begun, err := j.o.Builder.TouchedAll(ctx, last.Number+1)
	if err != nil {
		return last, err
	}
	all := last.Number > 0 && last.Versions != j.o.Versions || begun
	if len(ranges) == 0 && !all && last.Number > 0 && at.Sub(last.AsOf) < j.o.Quiet {
		return last, nil
	}
	if all && more {
		if ranges, err = j.o.Builder.Arrived(ctx, last); err != nil {
			return last, err
		}
	}
	run := state.Run{Number: last.Number + 1, AsOf: at, Next: maps.Clone(last.Next), Versions: j.o.Versions, Reported: last.Reported}
	if err := j.find(ctx, run.Number, all, ranges, last.AsOf, at); err != nil {
		return last, err
	}
	touched, err := j.o.Builder.Touched(ctx, run.Number)
	if err != nil {
		return last, err
	}
	scope := state.Scope{Edition: state.Live, Run: run.Number, AsOf: at, All: all, Hold: !all && touched <= mostHeld}
	folded := &state.Folded{}
	fold := func() error {
		if touched > 0 {
			folded, err = j.o.Builder.Fold(ctx, scope, len(state.Bases)-1)
		}
		return err
	}
	// Answers wait while the rows that they read are replaced, and no longer.
	if scope.Hold {
		if err := fold(); err != nil {
			return last, err
		}
	}
	done, err := j.o.Builder.WriteLive(ctx)
	if err != nil {
		return last, err
	}
	defer done()
	if !scope.Hold {
		if err := fold(); err != nil {
			return last, err
		}
	}
	if err := folded.Write(ctx); err != nil {
		return last, err
	}
	before := last.AsOf
	if all {
		// Every day with rows is among the changed ones.
		before = time.Time{}
	}
	if run.Reported, err = j.o.Facts.Refresh(ctx, run.Number, folded.Changed, before, at, last.Reported); err != nil {
		return last, err
	}
	for _, r := range ranges {
		run.Next[r.Place] = r.End
	}
	if err := j.o.Builder.Complete(ctx, run, folded.Subjects); err != nil {
		return last, err
	}
	if folded.Subjects > 0 {
		j.o.Logger.InfoContext(ctx, "events folded", "run", run.Number, "subjects", folded.Subjects, "places", len(folded.Changed), "as_of", at)
	}
	return run, nil
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
