package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"youzhi/metrics/calendar"
)

// CatchUp says what becomes of the instants at which a job should have run and could not: because the program was not
// running, the machine slept, or the run before was still going.
type CatchUp int

const (
	// CatchUpNone lets them go. It suits a job whose next run does the work of those before.
	CatchUpNone CatchUp = iota
	// CatchUpLast runs the newest of them, once.
	CatchUpLast
	// CatchUpEach runs each of them, oldest first, but not more than the newest MaxCatchUp.
	CatchUpEach
)

// MaxCatchUp is the number of missed instants that CatchUpEach runs at most. Those before are recorded as missed.
const MaxCatchUp = 366

// Job is a piece of work with a schedule. It is done again for the same instant after a crash, so it must be idempotent.
type Job struct {
	Name string
	// Spec is a schedule as [Parse] reads it.
	Spec string
	// Run does the work that is due at an instant of the schedule, which lies in the past when it is caught up.
	Run     func(ctx context.Context, at time.Time) error
	CatchUp CatchUp
	// Timeout ends the context of a run.
	Timeout time.Duration
	// Quiet keeps runs that went well out of the ledger. It is for jobs of every few seconds, which would fill it, and
	// goes only with CatchUpNone, since the ledger then does not know what has run.
	Quiet bool
}

// Outcome is how a run stands.
type Outcome string

// The outcomes, as they are written to the ledger.
const (
	Running Outcome = "running"
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	Missed  Outcome = "missed"
)

// Entry is what the ledger is told of a run. All instants are UTC.
type Entry struct {
	Job string
	// At is the instant of the schedule, or the one that was asked for by hand. For Missed it is the newest of the
	// instants left out; Error says how many and since when.
	At                 time.Time
	StartedAt, EndedAt time.Time
	Outcome            Outcome
	Error              string
	// Manual marks a run asked for by hand. It must not count for Last: it says nothing of the instants before it.
	Manual bool
}

// Ledger is the lasting record of runs.
type Ledger interface {
	// Start records a run that begins, with the outcome Running and no EndedAt.
	Start(ctx context.Context, e Entry) error
	// Finish records how a run ended, or instants that were missed.
	Finish(ctx context.Context, e Entry) error
	// Last returns the latest At of the job's runs that are Done and not Manual; ok is false if there is none.
	Last(ctx context.Context, job string) (at time.Time, ok bool, err error)
}

// ErrRunning is the error of asking for a run while the job runs.
var ErrRunning = errors.New("it is running already")

const (
	// A timer does not count the hours that a machine sleeps, nor see its clock set, so the clock is looked at often.
	longestWait = time.Minute
	// How long the ledger may take for an entry, also when the program is being ended.
	ledgerTimeout = 10 * time.Second
	// How long to wait between attempts to read the ledger at the start.
	ledgerRetry = 5 * time.Second
)

// Scheduler runs jobs, each at most once at a time.
type Scheduler struct {
	log    *slog.Logger
	now    func() time.Time
	ledger Ledger
	jobs   []*job
}

type job struct {
	Job
	schedule Schedule
	// turn holds one token while the job runs.
	turn chan struct{}
}

// New checks the jobs and returns a scheduler for them that does nothing yet. All faults are reported together.
func New(log *slog.Logger, now func() time.Time, ledger Ledger, cal *calendar.Calendar, jobs ...Job) (*Scheduler, error) {
	s := &Scheduler{log: log, now: now, ledger: ledger}
	var faults []error
	seen := map[string]bool{}
	for _, j := range jobs {
		sched, err := Parse(j.Spec, cal)
		switch {
		case j.Name == "":
			err = errors.New("it has no name")
		case seen[j.Name]:
			err = errors.New("there are two of this name")
		case err != nil:
		case j.Run == nil:
			err = errors.New("it has nothing to run")
		case j.Timeout <= 0:
			err = errors.New("it has no timeout")
		case j.Quiet && j.CatchUp != CatchUpNone:
			err = errors.New("a quiet job cannot catch up")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("job %q: %w", j.Name, err))
			continue
		}
		seen[j.Name] = true
		s.jobs = append(s.jobs, &job{Job: j, schedule: sched, turn: make(chan struct{}, 1)})
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return s, nil
}

// Run catches up and runs the jobs at their instants until ctx ends, then waits for the runs that are going. It returns
// nil: what goes wrong in a job is recorded and logged, and the job's next instant comes all the same.
func (s *Scheduler) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, j := range s.jobs {
		all.Go(func() { s.loop(ctx, j) })
	}
	all.Wait()
	return nil
}

// RunNow runs a job once for an instant, which need not be one of its schedule, and returns the job's error. It fails with
// [ErrRunning] while the job runs.
func (s *Scheduler) RunNow(ctx context.Context, name string, at time.Time) error {
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.Name == name })
	if i < 0 {
		return fmt.Errorf("run job %q: there is none of this name, only %s", name, strings.Join(s.Names(), ", "))
	}
	j := s.jobs[i]
	select {
	case j.turn <- struct{}{}:
	default:
		return fmt.Errorf("run job %q: %w", name, ErrRunning)
	}
	defer func() { <-j.turn }()
	if err := s.execute(ctx, j, at.UTC(), true); err != nil {
		return fmt.Errorf("run job %q: %w", name, err)
	}
	return nil
}

// Names returns the names of the jobs in the order in which they were given.
func (s *Scheduler) Names() []string {
	names := make([]string, len(s.jobs))
	for i, j := range s.jobs {
		names[i] = j.Name
	}
	return names
}

// Next returns the first instant of a job's schedule after t; it is the zero time if there is none, or no such job.
func (s *Scheduler) Next(name string, t time.Time) time.Time {
	for _, j := range s.jobs {
		if j.Name == name {
			return next(j, t)
		}
	}
	return time.Time{}
}

func next(j *job, t time.Time) time.Time {
	at := j.schedule.Next(t)
	if at.IsZero() {
		return at
	}
	return at.UTC()
}

// loop runs one job. Its cursor is the latest instant that has been dealt with, by a run or by being let go, so that no
// instant comes twice even if the clock is set back.
func (s *Scheduler) loop(ctx context.Context, j *job) {
	cursor, ok := s.resume(ctx, j)
	if !ok {
		return
	}
	for {
		at := next(j, cursor)
		if at.IsZero() {
			s.recordEnd(ctx, j, cursor)
			return
		}
		if !s.waitUntil(ctx, at) {
			return
		}
		if !j.takeTurn(ctx) {
			if ctx.Err() != nil {
				return
			}
			cursor = s.letGo(ctx, j, cursor, "a run by hand was still going")
			continue
		}
		at = s.choose(ctx, j, cursor, at)
		cursor = at
		if err := s.execute(ctx, j, at, false); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "job failed", "job", j.Name, "at", at, "error", err)
		}
		<-j.turn
		if ctx.Err() != nil {
			return
		}
		if j.CatchUp == CatchUpNone {
			cursor = s.letGo(ctx, j, cursor, "the run before was still going")
		}
	}
}

// resume returns the instant after which the job's instants are still to be dealt with: now, or for jobs that catch up
// the last one that was done. A job that has never been done has missed nothing.
func (s *Scheduler) resume(ctx context.Context, j *job) (cursor time.Time, ok bool) {
	if j.CatchUp == CatchUpNone {
		return s.now(), true
	}
	for started, complained := s.now(), false; ; {
		last, found, err := s.last(ctx, j)
		switch {
		case err == nil && found:
			return last, true
		case err == nil:
			return started, true
		case !complained && ctx.Err() == nil:
			s.log.ErrorContext(ctx, "run ledger cannot be read, trying again", "job", j.Name, "error", err)
			complained = true
		}
		if !s.waitUntil(ctx, s.now().Add(ledgerRetry)) {
			return time.Time{}, false
		}
	}
}

func (s *Scheduler) last(ctx context.Context, j *job) (time.Time, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	return s.ledger.Last(ctx, j.Name)
}

// takeTurn gets the job to itself. A job that catches up waits for a run by hand to end, another does not.
func (j *job) takeTurn(ctx context.Context) bool {
	if j.CatchUp == CatchUpNone {
		select {
		case j.turn <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case j.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// choose returns the instant to run, of those that are due after the cursor, of which at is the first. There are more of
// them after a halt, a long run or a machine's sleep; those left out are recorded.
func (s *Scheduler) choose(ctx context.Context, j *job, cursor, at time.Time) time.Time {
	keep := 1
	if j.CatchUp == CatchUpEach {
		keep = MaxCatchUp
	}
	// The clock may have been set back since at was due.
	now := s.now()
	if now.Before(at) {
		now = at
	}
	kept, left := due(j, cursor, now, keep)
	if left.count > 0 {
		s.recordMissed(ctx, j, left, "newer ones were due too")
	}
	return kept[0]
}

// letGo deals with all instants that are due after the cursor by recording them as missed.
func (s *Scheduler) letGo(ctx context.Context, j *job, cursor time.Time, why string) (newCursor time.Time) {
	_, left := due(j, cursor, s.now(), 0)
	if left.count == 0 {
		return cursor
	}
	s.recordMissed(ctx, j, left, why)
	return left.newest
}

// span is a number of instants that were left out.
type span struct {
	oldest, newest time.Time
	count          int
}

// due returns the instants after the cursor up to and including now: the newest ones, oldest first, and the span of those
// before them.
func due(j *job, cursor, now time.Time, keep int) (kept []time.Time, left span) {
	for at := next(j, cursor); !at.IsZero() && !at.After(now); at = next(j, at) {
		kept = append(kept, at)
		if len(kept) <= keep {
			continue
		}
		if left.count == 0 {
			left.oldest = kept[0]
		}
		left.newest = kept[0]
		left.count++
		kept = kept[1:]
	}
	return kept, left
}

// execute runs the job for an instant and records it. The error is the job's own; the ledger's are logged here, since a
// run that did its work must not fail for want of a record: at worst it is done again.
func (s *Scheduler) execute(ctx context.Context, j *job, at time.Time, manual bool) error {
	e := Entry{Job: j.Name, At: at, StartedAt: s.now().UTC(), Outcome: Running, Manual: manual}
	if !j.Quiet {
		s.record(ctx, s.ledger.Start, e)
	}
	err := attempt(ctx, j, at)
	e.EndedAt, e.Outcome = s.now().UTC(), Done
	if err != nil {
		e.Outcome, e.Error = Failed, err.Error()
	}
	if !j.Quiet || err != nil {
		s.record(ctx, s.ledger.Finish, e)
	}
	if err == nil {
		s.log.DebugContext(ctx, "job done", "job", j.Name, "at", at, "seconds", e.EndedAt.Sub(e.StartedAt).Seconds())
	}
	return err
}

func attempt(ctx context.Context, j *job, at time.Time) (err error) {
	ctx, cancel := context.WithTimeout(ctx, j.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return j.Run(ctx, at)
}

func (s *Scheduler) recordMissed(ctx context.Context, j *job, left span, why string) {
	s.log.WarnContext(ctx, "job missed", "job", j.Name, "count", left.count, "oldest", left.oldest, "newest", left.newest, "reason", why)
	text := fmt.Sprintf("not run for %s: %s", left.newest.Format(time.RFC3339), why)
	if left.count > 1 {
		text = fmt.Sprintf("not run for %d instants from %s to %s: %s", left.count, left.oldest.Format(time.RFC3339), left.newest.Format(time.RFC3339), why)
	}
	now := s.now().UTC()
	s.record(ctx, s.ledger.Finish, Entry{Job: j.Name, At: left.newest, StartedAt: now, EndedAt: now, Outcome: Missed, Error: text})
}

// recordEnd says that the schedule has run out, as that of first working days does where the calendar ends: a job that
// falls silent has to be heard of.
func (s *Scheduler) recordEnd(ctx context.Context, j *job, cursor time.Time) {
	text := fmt.Sprintf("schedule %q has no instant after %s", j.Spec, cursor.UTC().Format(time.RFC3339))
	if f, ok := j.schedule.(firstWorkingDay); ok {
		_, last := f.cal.Covered()
		text += fmt.Sprintf(": the calendar of working days ends with %d", last)
	}
	s.log.ErrorContext(ctx, "job has no next instant", "job", j.Name, "error", text)
	now := s.now().UTC()
	s.record(ctx, s.ledger.Finish, Entry{Job: j.Name, At: now, StartedAt: now, EndedAt: now, Outcome: Failed, Error: text})
}

// record writes an entry even while the program is being ended, so that a run that was cut short does not look as if it
// were still going.
func (s *Scheduler) record(ctx context.Context, write func(context.Context, Entry) error, e Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	if err := write(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "run ledger cannot be written", "job", e.Job, "at", e.At, "outcome", string(e.Outcome), "error", err)
	}
}

// waitUntil waits for an instant of the clock; it is false when ctx ends first.
func (s *Scheduler) waitUntil(ctx context.Context, at time.Time) bool {
	for {
		if ctx.Err() != nil {
			return false
		}
		left := at.Sub(s.now())
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(min(left, longestWait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
