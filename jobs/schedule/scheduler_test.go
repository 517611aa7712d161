package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/jobs/schedule"
)

// rig is a scheduler's surroundings: a clock that starts where a test wants it, a ledger in memory, and a log to read.
// Inside synctest time stands still while anything runs, so instants are exact.
type rig struct {
	t      *testing.T
	log    bytes.Buffer
	ledger ledger

	mu    sync.Mutex
	shift time.Duration
}

func newRig(t *testing.T, start string) *rig {
	r := &rig{t: t}
	r.set(start)
	return r
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.shift)
}

// set puts the clock to another time at once, as a machine's sleep or a correction does.
func (r *rig) set(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shift = time.Until(beijing(r.t, to))
}

func (r *rig) scheduler(jobs ...schedule.Job) *schedule.Scheduler {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	s, err := schedule.New(log, r.now, &r.ledger, workdays(r.t), jobs...)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// start runs the scheduler in the background; what it returns ends it and waits for it.
func (r *rig) start(s *schedule.Scheduler) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("run: %v", err)
		}
	}
}

// until runs the scheduler up to an instant of the clock, which itself is dealt with.
func (r *rig) until(to string, jobs ...schedule.Job) {
	r.t.Helper()
	stop := r.start(r.scheduler(jobs...))
	r.sleepUntil(to)
	stop()
}

func (r *rig) sleepUntil(to string) {
	time.Sleep(beijing(r.t, to).Sub(r.now()))
	synctest.Wait()
}

func (r *rig) wantLog(parts ...string) {
	r.t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.log.String(), "\n"), "\n")
	if r.log.Len() == 0 {
		lines = nil
	}
	if len(lines) != len(parts) {
		r.t.Errorf("%d lines of log, want %d:\n%s", len(lines), len(parts), r.log.String())
		return
	}
	for i, part := range parts {
		if !strings.Contains(lines[i], part) {
			r.t.Errorf("line %d of the log is %s\nwant %s in it", i+1, lines[i], part)
		}
	}
}

// ledger keeps entries in memory, one for each run, by the rules of [schedule.Ledger].
type ledger struct {
	mu            sync.Mutex
	entries       []schedule.Entry
	refuseReads   int
	refuseWriting bool
}

func (l *ledger) Start(ctx context.Context, e schedule.Entry) error { return l.put(ctx, e) }

func (l *ledger) Finish(ctx context.Context, e schedule.Entry) error { return l.put(ctx, e) }

func (l *ledger) put(ctx context.Context, e schedule.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuseWriting {
		return errors.New("no ledger")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	same := func(o schedule.Entry) bool {
		return o.Job == e.Job && o.At.Equal(e.At) && o.StartedAt.Equal(e.StartedAt) && o.Outcome == schedule.Running
	}
	if i := slices.IndexFunc(l.entries, same); i >= 0 {
		l.entries[i] = e
	} else {
		l.entries = append(l.entries, e)
	}
	return nil
}

func (l *ledger) Last(_ context.Context, job string) (time.Time, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuseReads > 0 {
		l.refuseReads--
		return time.Time{}, false, errors.New("no ledger")
	}
	var last time.Time
	for _, e := range l.entries {
		if e.Job == job && e.Outcome == schedule.Done && !e.Manual && e.At.After(last) {
			last = e.At
		}
	}
	return last, !last.IsZero(), nil
}

// lines writes the ledger as "outcome at [started-ended] error".
func (l *ledger) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, e := range l.entries {
		line := fmt.Sprintf("%s %s", e.Outcome, written(e.At))
		if e.Manual {
			line += " by hand"
		}
		if e.Error != "" {
			first, _, _ := strings.Cut(e.Error, "\n")
			line += " " + first
		}
		out = append(out, line)
	}
	return out
}

// diary is a job that notes when it ran, for which instant.
type diary struct {
	rig   *rig
	takes time.Duration
	fail  func(at time.Time) error
	runs  []string
	fors  []string
}

func (d *diary) run(ctx context.Context, at time.Time) error {
	d.runs = append(d.runs, written(d.rig.now()))
	d.fors = append(d.fors, written(at))
	if at.Location() != time.UTC {
		d.rig.t.Errorf("instant %s is not in UTC", at)
	}
	if d.takes > 0 {
		select {
		case <-time.After(d.takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if d.fail != nil {
		return d.fail(at)
	}
	return nil
}

func (d *diary) job(spec string, c schedule.CatchUp) schedule.Job {
	return schedule.Job{Name: "diary", Spec: spec, Run: d.run, CatchUp: c, Timeout: time.Hour}
}

func want(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEveryDayOfAYearAtItsInstant(t *testing.T) {
	for _, zone := range []string{"America/New_York", "UTC"} {
		inZone(t, zone)
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "2024-12-31 12:00:00")
			daily, monthly := &diary{rig: r}, &diary{rig: r}
			m := monthly.job("@first-workday month 08:00", schedule.CatchUpEach)
			m.Name = "monthly"
			r.until("2025-12-31 23:59:59", daily.job("30 2 * * *", schedule.CatchUpEach), m)

			var days []string
			for at := beijing(t, "2025-01-01 02:30:00"); at.Year() == 2025; at = at.Add(24 * time.Hour) {
				days = append(days, written(at))
			}
			want(t, "days", days, daily.runs)
			want(t, "instants", days, daily.fors)
			if len(monthly.runs) != 12 || monthly.runs[9] != "2025-10-09 08:00:00" {
				t.Errorf("months: %v", monthly.runs)
			}
			if len(r.ledger.entries) != 365+12 {
				t.Errorf("%d entries", len(r.ledger.entries))
			}
			r.wantLog()
		})
	}
}

func TestRestartCatchesUp(t *testing.T) {
	for _, ex := range []struct {
		name    string
		catchUp schedule.CatchUp
		runs    []string
		fors    []string
		ledger  []string
	}{
		{
			"each", schedule.CatchUpEach,
			[]string{"2025-03-05 10:00:00", "2025-03-05 10:01:00", "2025-03-05 10:02:00", "2025-03-06 02:00:00"},
			[]string{"2025-03-03 02:00:00", "2025-03-04 02:00:00", "2025-03-05 02:00:00", "2025-03-06 02:00:00"},
			[]string{"done 2025-03-02 02:00:00", "done 2025-03-03 02:00:00", "done 2025-03-04 02:00:00", "done 2025-03-05 02:00:00", "done 2025-03-06 02:00:00"},
		},
		{
			"last", schedule.CatchUpLast,
			[]string{"2025-03-05 10:00:00", "2025-03-06 02:00:00"},
			[]string{"2025-03-05 02:00:00", "2025-03-06 02:00:00"},
			[]string{
				"done 2025-03-02 02:00:00",
				"missed 2025-03-04 02:00:00 not run for 2 instants from 2025-03-02T18:00:00Z to 2025-03-03T18:00:00Z: newer ones were due too",
				"done 2025-03-05 02:00:00", "done 2025-03-06 02:00:00",
			},
		},
		{
			"none", schedule.CatchUpNone,
			[]string{"2025-03-06 02:00:00"},
			[]string{"2025-03-06 02:00:00"},
			[]string{"done 2025-03-02 02:00:00", "done 2025-03-06 02:00:00"},
		},
	} {
		t.Run(ex.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2025-03-02 01:00:00")
				d := &diary{rig: r, takes: time.Minute}
				r.until("2025-03-02 03:00:00", d.job("0 2 * * *", ex.catchUp))
				want(t, "runs before the halt", []string{"2025-03-02 02:00:00"}, d.runs)

				r.set("2025-03-05 10:00:00")
				d.runs, d.fors = nil, nil
				r.until("2025-03-06 03:00:00", d.job("0 2 * * *", ex.catchUp))
				want(t, "runs", ex.runs, d.runs)
				want(t, "for", ex.fors, d.fors)
				want(t, "ledger", ex.ledger, r.ledger.lines())

				// Nothing is caught up twice.
				d.runs = nil
				r.until("2025-03-06 04:00:00", d.job("0 2 * * *", ex.catchUp))
				want(t, "runs after another restart", nil, d.runs)
			})
		})
	}
}

func TestCatchUpIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 00:00:00")
		d := &diary{rig: r}
		r.until("2025-03-01 00:00:00", d.job("@every 1h", schedule.CatchUpEach))
		if len(d.runs) != 0 {
			t.Fatalf("a job that never ran has missed nothing: %v", d.runs)
		}
		r.until("2025-03-01 01:00:00", d.job("@every 1h", schedule.CatchUpEach))
		r.set("2025-03-21 00:30:00")
		d.fors = nil
		r.until("2025-03-21 00:30:00", d.job("@every 1h", schedule.CatchUpEach))
		// 479 hours were missed; the newest 366 are run.
		if len(d.fors) != schedule.MaxCatchUp || d.fors[0] != "2025-03-05 19:00:00" || d.fors[365] != "2025-03-21 00:00:00" {
			t.Errorf("%d runs, from %s to %s", len(d.fors), d.fors[0], d.fors[len(d.fors)-1])
		}
		if !slices.IsSorted(d.fors) {
			t.Error("not in order")
		}
		missed := "missed 2025-03-05 18:00:00 not run for 113 instants from 2025-02-28T18:00:00Z to 2025-03-05T10:00:00Z: newer ones were due too"
		if got := r.ledger.lines(); len(got) != 1+1+366 || got[1] != missed {
			t.Errorf("%d entries, the second %s", len(got), got[1])
		}
		r.wantLog("job missed")
	})
}

func TestARunThatWasCutShortIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 01:59:00")
		d := &diary{rig: r, takes: 30 * time.Minute}
		r.until("2025-03-02 02:10:00", d.job("0 2 * * *", schedule.CatchUpLast))
		want(t, "ledger", []string{"done 2025-03-01 02:00:00", "failed 2025-03-02 02:00:00 context canceled"}, r.ledger.lines())
		r.wantLog()
		// A crash would have left the entry as running.
		r.ledger.entries[1].Outcome = schedule.Running

		r.until("2025-03-02 03:00:00", d.job("0 2 * * *", schedule.CatchUpLast))
		want(t, "for", []string{"2025-03-01 02:00:00", "2025-03-02 02:00:00", "2025-03-02 02:00:00"}, d.fors)
	})
}

func TestPanicsAndErrorsAreRecordedAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 00:00:00")
		d := &diary{rig: r}
		d.fail = func(time.Time) error {
			switch len(d.runs) {
			case 1:
				var outlets []string
				return errors.New(outlets[len(d.runs)])
			case 2:
				return errors.New("no figures")
			}
			return nil
		}
		other := &diary{rig: r}
		o := other.job("@every 1h", schedule.CatchUpEach)
		o.Name = "other"
		r.until("2025-03-01 03:00:00", d.job("0 * * * *", schedule.CatchUpEach), o)
		want(t, "runs", []string{"2025-03-01 01:00:00", "2025-03-01 02:00:00", "2025-03-01 03:00:00"}, d.runs)
		want(t, "the other's runs", d.runs, other.runs)
		var got []string
		for i, line := range r.ledger.lines() {
			if r.ledger.entries[i].Job == "diary" {
				got = append(got, line)
			}
		}
		want(t, "ledger", []string{
			"failed 2025-03-01 01:00:00 panic: runtime error: index out of range [1] with length 0",
			"failed 2025-03-01 02:00:00 no figures",
			"done 2025-03-01 03:00:00",
		}, got)
		r.wantLog("scheduler_test.go", `msg="job failed" job=diary at=2025-02-28T18:00:00.000Z error="no figures"`)
	})
}

func TestARunIsGivenItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 00:59:00")
		d := &diary{rig: r, takes: 2 * time.Hour}
		j := d.job("0 1 * * *", schedule.CatchUpEach)
		j.Timeout = 10 * time.Minute
		r.until("2025-03-01 01:30:00", j)
		want(t, "ledger", []string{"failed 2025-03-01 01:00:00 context deadline exceeded"}, r.ledger.lines())
		if e := r.ledger.entries[0]; e.EndedAt.Sub(e.StartedAt) != 10*time.Minute {
			t.Errorf("ran from %s to %s", e.StartedAt, e.EndedAt)
		}
		r.wantLog("context deadline exceeded")
	})
}

func TestARunLongerThanItsInterval(t *testing.T) {
	for _, ex := range []struct {
		name    string
		catchUp schedule.CatchUp
		runs    []string
		fors    []string
		missed  []string
	}{
		{
			"none waits for the next instant", schedule.CatchUpNone,
			[]string{"00:00:05", "00:00:20", "00:00:35"},
			[]string{"00:00:05", "00:00:20", "00:00:35"},
			[]string{
				"missed 2025-03-01 00:00:15 not run for 2 instants from 2025-02-28T16:00:10Z to 2025-02-28T16:00:15Z: the run before was still going",
				"missed 2025-03-01 00:00:30 not run for 2 instants from 2025-02-28T16:00:25Z to 2025-02-28T16:00:30Z: the run before was still going",
			},
		},
		{
			"last takes the newest at once", schedule.CatchUpLast,
			[]string{"00:00:05", "00:00:17", "00:00:29"},
			[]string{"00:00:05", "00:00:15", "00:00:25"},
			[]string{
				"missed 2025-03-01 00:00:10 not run for 2025-02-28T16:00:10Z: newer ones were due too",
				"missed 2025-03-01 00:00:20 not run for 2025-02-28T16:00:20Z: newer ones were due too",
			},
		},
		{
			"each takes them in order", schedule.CatchUpEach,
			[]string{"00:00:05", "00:00:17", "00:00:29"},
			[]string{"00:00:05", "00:00:10", "00:00:15"},
			nil,
		},
	} {
		t.Run(ex.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2025-03-01 00:00:00")
				d := &diary{rig: r, takes: 12 * time.Second}
				r.until("2025-03-01 00:00:36", d.job("@every 5s", ex.catchUp))
				day := func(clocks []string) (out []string) {
					for _, c := range clocks {
						out = append(out, "2025-03-01 "+c)
					}
					return out
				}
				want(t, "runs", day(ex.runs), d.runs)
				want(t, "for", day(ex.fors), d.fors)
				var missed []string
				for _, line := range r.ledger.lines() {
					if strings.HasPrefix(line, "missed") {
						missed = append(missed, line)
					}
				}
				want(t, "missed", ex.missed, missed)
			})
		})
	}
}

func TestAQuietJobLeavesOnlyFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 00:00:00")
		d := &diary{rig: r}
		d.fail = func(time.Time) error {
			if len(d.runs) == 3 {
				return errors.New("no figures")
			}
			return nil
		}
		j := d.job("@every 5s", schedule.CatchUpNone)
		j.Quiet = true
		r.until("2025-03-01 00:01:00", j)
		if len(d.runs) != 12 {
			t.Errorf("%d runs", len(d.runs))
		}
		want(t, "ledger", []string{"failed 2025-03-01 00:00:15 no figures"}, r.ledger.lines())
	})
}

func TestAMachinesSleepAndAClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 00:00:00")
		d := &diary{rig: r}
		stop := r.start(r.scheduler(d.job("0 * * * *", schedule.CatchUpNone)))
		r.sleepUntil("2025-03-01 01:30:00")
		// The machine sleeps until the afternoon; its timers do not notice.
		r.set("2025-03-01 15:10:00")
		r.sleepUntil("2025-03-01 16:10:00")
		// The clock is set back two hours: what has run does not run again.
		r.set("2025-03-01 14:10:00")
		r.sleepUntil("2025-03-01 17:10:00")
		stop()
		want(t, "for", []string{"2025-03-01 01:00:00", "2025-03-01 15:00:00", "2025-03-01 16:00:00", "2025-03-01 17:00:00"}, d.fors)
		if woke := beijing(t, d.runs[1]); woke.After(beijing(t, "2025-03-01 15:11:00")) {
			t.Errorf("the sleep was noticed at %s", d.runs[1])
		}
		want(t, "missed", []string{
			"missed 2025-03-01 14:00:00 not run for 13 instants from 2025-02-28T18:00:00Z to 2025-03-01T06:00:00Z: newer ones were due too",
		}, r.ledger.lines()[1:2])
	})
}

func TestRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-05 10:00:00")
		d := &diary{rig: r, takes: time.Minute}
		broken := schedule.Job{Name: "broken", Spec: "@yearly", Timeout: time.Minute, Run: func(context.Context, time.Time) error {
			return errors.New("no figures")
		}}
		s := r.scheduler(d.job("0 2 * * *", schedule.CatchUpEach), broken)
		want(t, "names", []string{"diary", "broken"}, s.Names())
		if at := s.Next("diary", r.now()); written(at) != "2025-03-06 02:00:00" || !s.Next("nobody", r.now()).IsZero() {
			t.Errorf("next instants: %s, %s", at, s.Next("nobody", r.now()))
		}
		for _, ex := range []struct{ name, want string }{
			{"nobody", `run job "nobody": there is none of this name, only diary, broken`},
			{"broken", `run job "broken": no figures`},
		} {
			if err := s.RunNow(t.Context(), ex.name, r.now()); err == nil || err.Error() != ex.want {
				t.Errorf("%v, want %s", err, ex.want)
			}
		}
		go func() {
			time.Sleep(10 * time.Second)
			if err := s.RunNow(t.Context(), "diary", r.now()); !errors.Is(err, schedule.ErrRunning) {
				t.Errorf("a second run at the same time: %v", err)
			}
		}()
		if err := s.RunNow(t.Context(), "diary", beijing(t, "2025-03-01 02:00:00")); err != nil {
			t.Errorf("run: %v", err)
		}
		want(t, "ledger", []string{"failed 2025-03-05 10:00:00 by hand no figures", "done 2025-03-01 02:00:00 by hand"}, r.ledger.lines())
		// The caller has the error; it is not logged as well.
		r.wantLog()
	})
}

func TestARunByHandAndTheScheduleDoNotOverlap(t *testing.T) {
	for _, ex := range []struct {
		name    string
		catchUp schedule.CatchUp
		ledger  []string
	}{
		{"each waits", schedule.CatchUpEach, []string{"done 2025-01-01 00:00:00 by hand", "done 2025-03-01 02:00:00", "done 2025-03-01 03:00:00"}},
		{"none lets the instant go", schedule.CatchUpNone, []string{
			"done 2025-01-01 00:00:00 by hand",
			"missed 2025-03-01 02:00:00 not run for 2025-02-28T18:00:00Z: a run by hand was still going",
			"done 2025-03-01 03:00:00",
		}},
	} {
		t.Run(ex.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2025-03-01 01:30:00")
				d := &diary{rig: r, takes: 40 * time.Minute}
				j := d.job("0 * * * *", ex.catchUp)
				s := r.scheduler(j)
				stop := r.start(s)
				synctest.Wait()
				if err := s.RunNow(t.Context(), "diary", beijing(t, "2025-01-01 00:00:00")); err != nil {
					t.Errorf("run: %v", err)
				}
				r.sleepUntil("2025-03-01 03:45:00")
				stop()
				want(t, "ledger", ex.ledger, r.ledger.lines())
			})
		})
	}
}

func TestEndWhileWaitingForARunByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 01:59:00")
		d := &diary{rig: r, takes: 10 * time.Minute}
		s := r.scheduler(d.job("0 * * * *", schedule.CatchUpEach))
		stop := r.start(s)
		go func() {
			if err := s.RunNow(t.Context(), "diary", r.now()); err != nil {
				t.Errorf("run: %v", err)
			}
		}()
		r.sleepUntil("2025-03-01 02:05:00")
		stop()
		if len(d.runs) != 1 {
			t.Errorf("runs: %v", d.runs)
		}
		r.sleepUntil("2025-03-01 02:15:00")
	})
}

func TestALedgerThatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2025-03-01 01:59:00")
		d := &diary{rig: r}
		r.until("2025-03-01 02:00:00", d.job("0 2 * * *", schedule.CatchUpEach))
		r.set("2025-03-02 10:00:00")
		r.ledger.refuseReads = 3
		stop := r.start(r.scheduler(d.job("0 2 * * *", schedule.CatchUpEach)))
		r.sleepUntil("2025-03-02 10:00:14")
		if len(d.runs) != 1 {
			t.Errorf("runs without knowing what has run: %v", d.runs)
		}
		r.ledger.mu.Lock()
		r.ledger.refuseWriting = true
		r.ledger.mu.Unlock()
		r.sleepUntil("2025-03-02 10:00:15")
		want(t, "runs", []string{"2025-03-01 02:00:00", "2025-03-02 10:00:15"}, d.runs)
		stop()
		r.wantLog("cannot be read", "outcome=running", "outcome=done")

		// Ended before the ledger ever answers.
		r.ledger.refuseReads = 1000
		r.until("2025-03-02 10:01:00", d.job("0 2 * * *", schedule.CatchUpEach))
	})
}

func TestACalendarThatEndsIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-11-30 00:00:00")
		d := &diary{rig: r}
		r.until("2027-02-01 00:00:00", d.job("@first-workday month 08:00", schedule.CatchUpEach))
		want(t, "ledger", []string{
			"done 2026-12-01 08:00:00",
			`failed 2026-12-01 08:00:00 schedule "@first-workday month 08:00" has no instant after 2026-12-01T00:00:00Z: the calendar of working days ends with 2026`,
		}, r.ledger.lines())
		r.wantLog("job has no next instant")
	})
}

func TestBadJobs(t *testing.T) {
	run := func(context.Context, time.Time) error { return nil }
	good := schedule.Job{Name: "good", Spec: "@daily", Run: run, Timeout: time.Minute}
	with := func(change func(*schedule.Job)) schedule.Job {
		j := good
		change(&j)
		return j
	}
	_, err := schedule.New(slog.New(slog.DiscardHandler), time.Now, &ledger{}, nil,
		good, good,
		with(func(j *schedule.Job) { j.Name = "" }),
		with(func(j *schedule.Job) { j.Name, j.Spec = "a", "never" }),
		with(func(j *schedule.Job) { j.Name, j.Run = "b", nil }),
		with(func(j *schedule.Job) { j.Name, j.Timeout = "c", 0 }),
		with(func(j *schedule.Job) { j.Name, j.Quiet, j.CatchUp = "d", true, schedule.CatchUpEach }),
	)
	want(t, "faults", []string{
		`job "good": there are two of this name`,
		`job "": it has no name`,
		`job "a": schedule "never": expected exactly 5 fields, found 1: [never]`,
		`job "b": it has nothing to run`,
		`job "c": it has no timeout`,
		`job "d": a quiet job cannot catch up`,
	}, strings.Split(err.Error(), "\n"))
}
