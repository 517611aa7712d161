package calendar_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/6tail/lunar-go/HolidayUtil"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"youzhi/metrics/calendar"
)

func builtIn(t testing.TB) *calendar.Calendar {
	t.Helper()
	c, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func day(t testing.TB, s string) calendar.Day {
	t.Helper()
	d, err := calendar.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestWorkedExamples holds the worked examples 1 to 15 of the rules for working time: deadlines by working days.
func TestWorkedExamples(t *testing.T) {
	c := builtIn(t)
	for _, ex := range []struct {
		name, start string
		due         map[int]string
	}{
		{"01 before Spring Festival", "2025-01-24T10:00:00+08:00", map[int]string{1: "2025-01-26", 3: "2025-02-05", 7: "2025-02-10", 15: "2025-02-20"}},
		{"02 from a Saturday off", "2025-01-25T10:00:00+08:00", map[int]string{1: "2025-01-26", 3: "2025-02-05", 7: "2025-02-10", 15: "2025-02-20"}},
		{"03 before Labour Day", "2025-04-25T10:00:00+08:00", map[int]string{1: "2025-04-27", 3: "2025-04-29", 7: "2025-05-08", 15: "2025-05-20"}},
		{"04 from a make-up Sunday", "2025-09-28T10:00:00+08:00", map[int]string{1: "2025-09-29", 3: "2025-10-09", 7: "2025-10-14", 15: "2025-10-24"}},
		{"05 due on a make-up Saturday", "2025-09-30T10:00:00+08:00", map[int]string{1: "2025-10-09", 3: "2025-10-11", 7: "2025-10-16", 15: "2025-10-28"}},
		{"06 from a Wednesday off", "2025-10-08T10:00:00+08:00", map[int]string{1: "2025-10-09", 3: "2025-10-11", 7: "2025-10-16", 15: "2025-10-28"}},
		{"07 over the turn of the year", "2025-12-31T10:00:00+08:00", map[int]string{1: "2026-01-04", 3: "2026-01-06", 7: "2026-01-12", 15: "2026-01-22"}},
		{"08 Spring Festival 2026", "2026-02-13T10:00:00+08:00", map[int]string{1: "2026-02-14", 3: "2026-02-25", 7: "2026-03-02", 15: "2026-03-12"}},
		{"09 from a make-up Saturday", "2026-02-14T10:00:00+08:00", map[int]string{1: "2026-02-24", 3: "2026-02-26", 7: "2026-03-03", 15: "2026-03-13"}},
		{"10 a make-up Saturday counts", "2026-04-30T10:00:00+08:00", map[int]string{1: "2026-05-06", 3: "2026-05-08", 7: "2026-05-13", 15: "2026-05-25"}},
		{"11 Mid-Autumn and National Day", "2026-09-18T10:00:00+08:00", map[int]string{1: "2026-09-20", 3: "2026-09-22", 7: "2026-09-29", 15: "2026-10-15"}},
		{"12 National Day 2026", "2026-09-30T10:00:00+08:00", map[int]string{1: "2026-10-08", 3: "2026-10-10", 7: "2026-10-15", 15: "2026-10-27"}},
		{"13 past the last year known", "2026-12-11T10:00:00+08:00", map[int]string{1: "2026-12-14", 3: "2026-12-16", 7: "2026-12-22", 15: "undetermined 2027"}},
		{"14 same date in both zones", "2025-09-29T15:30:00Z", map[int]string{1: "2025-09-30", 3: "2025-10-10"}},
		{"15 next date in Beijing", "2025-09-29T17:30:00Z", map[int]string{1: "2025-10-09", 3: "2025-10-11"}},
	} {
		t.Run(ex.name, func(t *testing.T) {
			start := calendar.DayOf(instant(t, ex.start))
			got := map[int]string{}
			for n := range ex.due {
				due, determined := c.AddWorkdays(start, n)
				got[n] = due.String()
				if !determined {
					got[n] = fmt.Sprintf("undetermined %d", due.Year())
				}
			}
			if diff := cmp.Diff(ex.due, got); diff != "" {
				t.Errorf("due days (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWorkedExample16WallHoursThroughAHoliday(t *testing.T) {
	end := calendar.W24End(instant(t, "2026-02-15T10:00:00+08:00"))
	if want := instant(t, "2026-02-16T10:00:00+08:00"); !end.Equal(want) {
		t.Fatalf("W24 ends %s, want %s", end, want)
	}
	if answered := instant(t, "2026-02-16T10:00:00+08:00"); answered.After(end) {
		t.Error("an answer at the deadline is late")
	}
	if answered := instant(t, "2026-02-16T10:00:01+08:00"); !answered.After(end) {
		t.Error("an answer a second after the deadline is in time")
	}
}

// The choice of the clock's start is the fold's; here it is that the two possible starts give the days the example names.
func TestWorkedExample17DaysOfAConstructiveAcceptance(t *testing.T) {
	c := builtIn(t)
	received, accepted := instant(t, "2026-02-13T16:00:00+08:00"), instant(t, "2026-02-24T09:00:00+08:00")
	constructive := calendar.W24End(received)
	if want := instant(t, "2026-02-14T16:00:00+08:00"); !constructive.Equal(want) || !accepted.After(constructive) {
		t.Fatalf("24 h end %s, want %s and before the acceptance", constructive, want)
	}
	for n, want := range map[int]string{7: "2026-03-03", 15: "2026-03-13"} {
		if due, ok := c.AddWorkdays(calendar.DayOf(constructive), n); !ok || due.String() != want {
			t.Errorf("WD%d is due %s, want %s", n, due, want)
		}
	}
	if due, _ := c.AddWorkdays(calendar.DayOf(accepted), 7); due.String() != "2026-03-04" {
		t.Errorf("WD7 from the acceptance is due %s, want 2026-03-04", due)
	}
}

// Which pauses stop a clock is the policy's; here it is the working days that a pause adds.
func TestWorkedExample18WorkingDaysOfAPause(t *testing.T) {
	c := builtIn(t)
	paused, err := c.WorkdaysBetween(day(t, "2026-09-22"), day(t, "2026-09-28"))
	if err != nil || paused != 3 {
		t.Fatalf("paused working days: %d, %v, want 3", paused, err)
	}
	if due, ok := c.AddWorkdays(day(t, "2026-09-18"), 7+paused); !ok || due.String() != "2026-10-09" {
		t.Errorf("due %s, want 2026-10-09", due)
	}
}

func TestWorkedExample19ElapsedWorkingDaysAndTheLastInstant(t *testing.T) {
	c := builtIn(t)
	for _, ex := range []struct {
		start, end string
		want       int
	}{{"2025-09-30", "2025-10-09", 1}, {"2025-09-30", "2025-10-10", 2}, {"2025-09-30", "2025-09-30", 0}} {
		if got, err := c.WorkdaysBetween(day(t, ex.start), day(t, ex.end)); err != nil || got != ex.want {
			t.Errorf("%s to %s: %d working days, %v, want %d", ex.start, ex.end, got, err, ex.want)
		}
	}
	if _, err := c.WorkdaysBetween(day(t, "2025-10-09"), day(t, "2025-09-30")); !errors.Is(err, calendar.ErrBackwards) {
		t.Errorf("end before start: %v, want ErrBackwards", err)
	}
	due, _ := c.AddWorkdays(day(t, "2025-09-30"), 7)
	last := calendar.LastInstant(due)
	if reply := instant(t, "2025-10-16T23:59:59+08:00"); reply.After(last) {
		t.Error("a reply in the last second of the due day is late")
	}
	if reply := instant(t, "2025-10-17T00:00:00+08:00"); !reply.After(last) {
		t.Error("a reply at 00:00 after the due day is in time")
	}
	if want := instant(t, "2025-10-16T23:59:59.999999+08:00"); !last.Equal(want) {
		t.Errorf("last instant %s, want %s", last, want)
	}
}

// TestSecondOpinion compares every day with another library's table. Two make-up days of 2013 are in that year's notice
// and not in the library.
func TestSecondOpinion(t *testing.T) {
	c := builtIn(t)
	differs := map[string]bool{}
	for d := calendar.Date(2007, 1, 1); d.Year() <= 2026; d++ {
		ours, err := c.IsWorkday(d)
		if err != nil {
			t.Fatal(err)
		}
		theirs := d.Weekday() != time.Saturday && d.Weekday() != time.Sunday
		if h := HolidayUtil.GetHoliday(d.String()); h != nil {
			theirs = h.IsWork()
		}
		if ours != theirs {
			differs[d.String()] = ours
		}
	}
	if diff := cmp.Diff(map[string]bool{"2013-04-07": true, "2013-10-12": true}, differs); diff != "" {
		t.Errorf("days on which only we work (-want +got):\n%s", diff)
	}
}

// TestWorkingDaysOfAYear holds the yearly totals that employers' circulars print.
func TestWorkingDaysOfAYear(t *testing.T) {
	c := builtIn(t)
	for year, want := range map[int]int{2013: 250, 2019: 250, 2020: 249, 2023: 249, 2024: 251, 2025: 248, 2026: 248} {
		got, err := c.WorkdaysBetween(calendar.Date(year-1, 12, 31), calendar.Date(year, 12, 31))
		if err != nil || got != want {
			t.Errorf("%d: %d working days, %v, want %d", year, got, err, want)
		}
	}
}

func TestNothingIsGuessedOutsideTheYearsKnown(t *testing.T) {
	c := builtIn(t)
	if first, last := c.Covered(); first != 2007 || last != 2026 {
		t.Fatalf("covered %d to %d", first, last)
	}
	for _, s := range []string{"2006-12-31", "2027-01-01", "1970-01-01", "2099-06-01"} {
		var nc *calendar.NotCoveredError
		if _, err := c.IsWorkday(day(t, s)); !errors.As(err, &nc) || nc.Day != day(t, s) {
			t.Errorf("%s: %v, want NotCoveredError", s, err)
		}
	}
	for _, ex := range []struct {
		start string
		n     int
		due   string
		ok    bool
	}{
		{"2006-12-31", 1, "2007-01-04", true},
		{"2006-12-30", 1, "2006-12-31", false},
		{"2026-12-30", 1, "2026-12-31", true},
		{"2026-12-31", 1, "2027-01-01", false},
		{"2027-03-05", 1, "2027-03-06", false},
		{"2026-12-31", 0, "2026-12-31", true},
		{"2026-12-31", -1, "2026-12-31", false},
		{"2026-12-01", int(^uint(0) >> 1), "2027-01-01", false},
	} {
		if due, ok := c.AddWorkdays(day(t, ex.start), ex.n); due.String() != ex.due || ok != ex.ok {
			t.Errorf("%s + %d: %s %v, want %s %v", ex.start, ex.n, due, ok, ex.due, ex.ok)
		}
	}
	for _, span := range [][2]string{{"2006-12-30", "2007-01-04"}, {"2026-12-30", "2027-01-04"}, {"2027-02-01", "2027-02-03"}} {
		var nc *calendar.NotCoveredError
		if _, err := c.WorkdaysBetween(day(t, span[0]), day(t, span[1])); !errors.As(err, &nc) {
			t.Errorf("%v: %v, want NotCoveredError", span, err)
		}
	}
}

func TestCountsAgreeWithAWalk(t *testing.T) {
	c := builtIn(t)
	rapid.Check(t, func(t *rapid.T) {
		start := calendar.Date(2007, 1, 1) + calendar.Day(rapid.IntRange(-1, 19*365).Draw(t, "start"))
		n := rapid.IntRange(1, 40).Draw(t, "n")
		want, left := start, n
		for left > 0 {
			want++
			if work, err := c.IsWorkday(want); err != nil {
				t.Fatal(err)
			} else if work {
				left--
			}
		}
		due, ok := c.AddWorkdays(start, n)
		if !ok || due != want {
			t.Fatalf("%s + %d: %s %v, a walk gives %s", start, n, due, ok, want)
		}
		if got, err := c.WorkdaysBetween(start, due); err != nil || got != n {
			t.Fatalf("%s to %s: %d %v, want %d", start, due, got, err, n)
		}
	})
}

const year2027 = `# 2027, invented for this test
date,kind,name,source
2027-01-01,off,元旦,notice
2027-02-05,off,春节,notice
2027-02-06,off,春节,notice
2027-02-07,off,春节,notice
2027-02-20,work,春节,notice
2027-05-01,off,劳动节,notice
2027-10-01,off,国庆节,notice
2027-10-02,off,国庆节,notice
2027-10-03,off,国庆节,notice
`

func TestOperatorAddsAYear(t *testing.T) {
	c := builtIn(t)
	before := c.Version()
	more, err := c.With("mine.csv", strings.NewReader("\ufeff"+year2027+"2026-12-26,work,元旦,notice\n"))
	if err != nil {
		t.Fatal(err)
	}
	if first, last := more.Covered(); first != 2007 || last != 2027 {
		t.Errorf("covered %d to %d", first, last)
	}
	// 26 December is a working day now, so the fifteenth comes a day sooner.
	if due, ok := more.AddWorkdays(day(t, "2026-12-11"), 15); !ok || due.String() != "2026-12-31" {
		t.Errorf("due %s %v, want 2026-12-31", due, ok)
	}
	if due, ok := more.AddWorkdays(day(t, "2026-12-31"), 1); !ok || due.String() != "2027-01-04" {
		t.Errorf("due %s %v, want 2027-01-04", due, ok)
	}
	if name, source, ok := more.Holiday(day(t, "2027-02-20")); name != "春节" || source != "notice" || !ok {
		t.Errorf("2027-02-20: %q %q %v", name, source, ok)
	}
	if _, _, ok := more.Holiday(day(t, "2027-02-22")); ok {
		t.Error("an ordinary Monday belongs to a holiday")
	}
	if more.Version() == before || c.Version() != before || !strings.HasPrefix(more.Version(), "2007-2027-") {
		t.Errorf("versions: %s, then %s", before, more.Version())
	}
	if _, last := c.Covered(); last != 2026 {
		t.Error("the calendar that was built upon has changed")
	}
}

func TestVersionIsThatOfTheDays(t *testing.T) {
	c := builtIn(t)
	const head = "date,kind,name,source\n"
	same, err := c.With("mine.csv", strings.NewReader(head+"2026-10-01,off,another name,another source\n"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.With("mine.csv", strings.NewReader(head+"2026-10-01,work,国庆节,notice\n"))
	if err != nil {
		t.Fatal(err)
	}
	if same.Version() != c.Version() || other.Version() == c.Version() {
		t.Errorf("versions %s, same days %s, other days %s", c.Version(), same.Version(), other.Version())
	}
}

func TestFaultsOfAnOperatorsFile(t *testing.T) {
	c := builtIn(t)
	const head = "date,kind,name,source\n"
	for name, ex := range map[string]struct{ file, want string }{
		"empty":           {"", "calendar mine.csv: empty, want the header date,kind,name,source"},
		"header":          {"# c\ndate,name\n", `calendar mine.csv line 2: header is "date,name", want date,kind,name,source`},
		"no rows":         {head, "calendar mine.csv: no day in it"},
		"bad date":        {head + "2026-02-30,off,n,s\n", `calendar mine.csv line 2: parse day "2026-02-30": want YYYY-MM-DD, a date that exists`},
		"bad kind":        {head + "# c\n2026-02-03,rest,n,s\n", `calendar mine.csv line 3: kind "rest", want work or off`},
		"columns":         {head + "2026-02-03,off,n\n", "calendar mine.csv line 2: 3 columns, want 4 (date,kind,name,source)"},
		"no name":         {head + "2026-02-03,off, ,s\n", "calendar mine.csv line 2: name is empty: say which holiday it belongs to"},
		"no source":       {head + "2026-02-03,off,n,\n", "calendar mine.csv line 2: source is empty: say which notice arranges the day"},
		"twice":           {head + "2026-02-03,off,n,s\n2026-02-04,off,n,s\n2026-02-03,work,n,s\n", "calendar mine.csv line 4: 2026-02-03 is given a second time, first on line 2"},
		"quote":           {head + "2026-02-03,\"off,n,s\n", "calendar mine.csv: parse error on line 2, column 21: extraneous or missing \" in quoted-field"},
		"all faults":      {head + "x,off,n,s\n2026-02-03,y,n,s\n", "calendar mine.csv line 2: parse day \"x\": want YYYY-MM-DD, a date that exists\ncalendar mine.csv line 3: kind \"y\", want work or off"},
		"part of a year":  {head + "2027-01-01,off,元旦,s\n", "calendar mine.csv line 2: year 2027 is incomplete: 2027-05-01 is not given as off"},
		"no spring":       {strings.ReplaceAll(year2027, "2027-02-0", "2027-03-0"), "calendar mine.csv line 3: year 2027 is incomplete: 0 days of the Spring Festival are given as off, want at least 3"},
		"a gap of a year": {strings.ReplaceAll(year2027, "2027-", "2028-"), "calendar mine.csv: year 2027 is missing between 2007 and 2028"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.With("mine.csv", strings.NewReader(ex.file))
			if err == nil || err.Error() != ex.want {
				t.Errorf("error:\n%v\nwant:\n%s", err, ex.want)
			}
		})
	}
	if _, err := c.With("mine.csv", iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

func BenchmarkAddWorkdays(b *testing.B) {
	c := builtIn(b)
	start := calendar.Date(2025, 1, 1)
	b.ReportAllocs()
	for i := range b.N {
		if _, ok := c.AddWorkdays(start+calendar.Day(i%365), 15); !ok {
			b.Fatal("undetermined")
		}
	}
}
