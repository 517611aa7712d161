package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/jobs/schedule"
	"youzhi/metrics/calendar"
)

func workdays(t testing.TB) *calendar.Calendar {
	t.Helper()
	c, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func beijing(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, calendar.Beijing)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func written(at time.Time) string { return at.In(calendar.Beijing).Format("2006-01-02 15:04:05") }

// inZone gives the machine another zone for the length of a test.
func inZone(t *testing.T, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Local
	time.Local = zone
	t.Cleanup(func() { time.Local = old })
}

func TestInstantsAreThoseOfBeijingWhateverTheMachinesZone(t *testing.T) {
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"} {
		inZone(t, zone)
		for _, ex := range []struct {
			spec, after string
			want        []string
		}{
			{"30 2 * * *", "2025-03-08 02:29:59", []string{"2025-03-08 02:30:00", "2025-03-09 02:30:00", "2025-03-10 02:30:00"}},
			{"30 2 * * *", "2025-03-08 02:30:00", []string{"2025-03-09 02:30:00"}},
			{"0 0 1 * *", "2024-02-01 00:00:00", []string{"2024-03-01 00:00:00", "2024-04-01 00:00:00"}},
			{"0 8 * * MON", "2025-12-30 12:00:00", []string{"2026-01-05 08:00:00", "2026-01-12 08:00:00"}},
			{"0 0 29 2 *", "2025-01-01 00:00:00", []string{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
			{"@daily", "2025-11-02 12:00:00", []string{"2025-11-03 00:00:00"}},
			{"*/20 23 * * *", "2025-12-31 23:39:59", []string{"2025-12-31 23:40:00", "2026-01-01 23:00:00"}},
			{"@every 5s", "2025-01-01 00:00:00", []string{"2025-01-01 00:00:05", "2025-01-01 00:00:10"}},
			{"@every 5s", "2025-01-01 00:00:03", []string{"2025-01-01 00:00:05"}},
			{"@every 24h", "2025-01-01 00:00:01", []string{"2025-01-02 00:00:00"}},
			{"@every 6h", "1969-12-31 13:00:00", []string{"1969-12-31 18:00:00", "1970-01-01 00:00:00", "1970-01-01 06:00:00"}},
			{"@first-workday month 08:00", "2025-01-02 08:00:00", []string{"2025-02-05 08:00:00"}},
			{"@first-workday month 08:00", "2025-10-01 00:00:00", []string{"2025-10-09 08:00:00"}},
			{"@first-workday week 07:30", "2025-09-28 09:00:00", []string{"2025-09-29 07:30:00", "2025-10-09 07:30:00"}},
			{"@first-workday quarter 08:00", "2025-12-31 00:00:00", []string{"2026-01-04 08:00:00", "2026-04-01 08:00:00", "2026-07-01 08:00:00"}},
			{"@first-workday year 00:00", "2025-06-01 00:00:00", []string{"2026-01-04 00:00:00"}},
		} {
			s, err := schedule.Parse(ex.spec, workdays(t))
			if err != nil {
				t.Errorf("%s: %v", zone, err)
				continue
			}
			// The instant is given as the machine would write it.
			at := beijing(t, ex.after).Local()
			var got []string
			for range ex.want {
				at = s.Next(at)
				got = append(got, written(at))
			}
			if diff := cmp.Diff(ex.want, got); diff != "" {
				t.Errorf("%s: %q after %s (-want +got):\n%s", zone, ex.spec, ex.after, diff)
			}
		}
	}
}

func TestBadSchedules(t *testing.T) {
	for spec, want := range map[string]string{
		"":                            `schedule "": empty spec string`,
		"* * * *":                     `schedule "* * * *": expected exactly 5 fields, found 4: [* * * *]`,
		"0 0 30 2 *":                  `schedule "0 0 30 2 *": it has no instant`,
		"TZ=UTC":                      `schedule "TZ=UTC": a zone cannot be chosen: schedules are in Beijing time`,
		"CRON_TZ=UTC 0 0 * * *":       `schedule "CRON_TZ=UTC 0 0 * * *": a zone cannot be chosen: schedules are in Beijing time`,
		"@every 500ms":                `schedule "@every 500ms": "500ms" is not a duration of whole seconds`,
		"@every 1.5s":                 `schedule "@every 1.5s": "1.5s" is not a duration of whole seconds`,
		"@every":                      `schedule "@every": "" is not a duration of whole seconds`,
		"@every\t5s":                  `schedule "@every\t5s": unrecognized descriptor: @every	5s`,
		"@every -5s":                  `schedule "@every -5s": "-5s" is not a duration of whole seconds`,
		"@first-workday":              `schedule "@first-workday": "" is not week, month, quarter or year`,
		"@first-workday day 08:00":    `schedule "@first-workday day 08:00": "day" is not week, month, quarter or year`,
		"@first-workday month 8 o'cl": `schedule "@first-workday month 8 o'cl": "8 o'cl" is not a time of day HH:MM`,
		"@first-workday month 24:00":  `schedule "@first-workday month 24:00": "24:00" is not a time of day HH:MM`,
	} {
		if _, err := schedule.Parse(spec, workdays(t)); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if _, err := schedule.Parse("@first-workday month 08:00", nil); err == nil || !strings.Contains(err.Error(), "needs a calendar") {
		t.Errorf("without a calendar: %v", err)
	}
}

func TestFirstWorkingDaysOfTheMonthsOf2025And2026(t *testing.T) {
	want := strings.Fields(`
		2025-01-02 2025-02-05 2025-03-03 2025-04-01 2025-05-06 2025-06-03
		2025-07-01 2025-08-01 2025-09-01 2025-10-09 2025-11-03 2025-12-01
		2026-01-04 2026-02-02 2026-03-02 2026-04-01 2026-05-06 2026-06-01
		2026-07-01 2026-08-03 2026-09-01 2026-10-08 2026-11-02 2026-12-01`)
	s := schedule.FirstWorkingDay(workdays(t), calendar.GrainMonth, 8*time.Hour)
	var got []string
	for at := s.Next(beijing(t, "2024-12-31 23:59:59")); !at.IsZero(); at = s.Next(at) {
		day, clock, _ := strings.Cut(written(at), " ")
		if clock != "08:00:00" {
			t.Errorf("at %s", written(at))
		}
		got = append(got, day)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}
