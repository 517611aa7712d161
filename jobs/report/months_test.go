package report

import (
	"context"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/jobs/ledger"
	"youzhi/jobs/schedule"
	"youzhi/metrics/calendar"
)

// dueDays are the first working days after the months from October 2025 to November
// 2026, by the State Council's notices.
var dueDays = map[string]string{
	"2025-10": "2025-11-03", "2025-11": "2025-12-01", "2025-12": "2026-01-04", "2026-01": "2026-02-02",
	"2026-02": "2026-03-02", "2026-03": "2026-04-01", "2026-04": "2026-05-06", "2026-05": "2026-06-01",
	"2026-06": "2026-07-01", "2026-07": "2026-08-03", "2026-08": "2026-09-01", "2026-09": "2026-10-08",
	"2026-10": "2026-11-02", "2026-11": "2026-12-01",
}

// TestMonthsMadeUp lets the first report become due by a set clock, then stops the
// program for some months (thirteen where YOUZHI_SEEDS is set, else two): each
// month is made up once, as of the instant at which it was due, and nothing is
// made a second time.
func TestMonthsMadeUp(t *testing.T) {
	months := slices.Sorted(maps.Keys(dueDays))
	if os.Getenv("YOUZHI_SEEDS") == "" {
		months = months[:3]
	}
	r := newRoom(t)
	r.o.Browser = func() (string, error) { return "", ErrNoBrowser }
	cal, err := calendar.StateCouncil()
	must(t, err)
	// live runs the scheduler by a clock that begins at an instant, until done.
	live := func(begin time.Time, done func() bool) {
		started := time.Now()
		clock := func() time.Time { return begin.Add(time.Since(started)) }
		s, err := schedule.New(r.o.Logger, clock, ledger.New(r.db), cal, schedule.Job{
			Name: "report-monthly", Spec: "@first-workday month 08:00", Run: r.Run, CatchUp: schedule.CatchUpEach, Timeout: time.Minute,
		})
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		for deadline := started.Add(10 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("not done in time:\n%s", r.log)
				break
			}
		}
		stop()
		must(t, <-ended)
	}
	made := func() int {
		entries, err := r.db.Reports(t.Context(), Kind, "", archived)
		must(t, err)
		return len(entries)
	}
	live(time.Date(2025, time.November, 3, 7, 59, 59, 500_000_000, calendar.Beijing), func() bool { return made() == len(Languages) })
	last, err := calendar.ParseDay(dueDays[months[len(months)-1]])
	must(t, err)
	after := last.At(9 * time.Hour)
	live(after, func() bool { return made() == len(months)*len(Languages) })
	began := time.Now()
	live(after.Add(time.Hour), func() bool { return time.Since(began) > time.Second })

	entries, err := r.db.Reports(t.Context(), Kind, "", archived)
	must(t, err)
	got := map[string][]string{}
	for _, e := range entries {
		if e.Version != 1 {
			t.Errorf("%s %s was made %d times", e.Period, e.Language, e.Version)
		}
		got[e.Period] = append(got[e.Period], e.Language+" "+e.AsOf.In(calendar.Beijing).Format("2006-01-02 15:04:05"))
	}
	want := map[string][]string{}
	for _, period := range months {
		day := dueDays[period]
		want[period] = []string{"en " + day + " 08:00:00", "zh " + day + " 08:00:00"}
		slices.Sort(got[period])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports (-want +made):\n%s", diff)
	}
}
