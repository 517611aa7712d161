package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"youzhi/metrics/calendar"
)

func TestDayOfAnInstant(t *testing.T) {
	for _, ex := range []struct{ at, want string }{
		{"2025-09-29T15:59:59.999999Z", "2025-09-29"},
		{"2025-09-29T16:00:00Z", "2025-09-30"},
		{"2025-09-30T00:00:00+08:00", "2025-09-30"},
		{"2025-09-29T09:00:00-07:00", "2025-09-30"},
		{"1970-01-01T00:00:00+08:00", "1970-01-01"},
		{"1969-12-31T23:59:59.999999+08:00", "1969-12-31"},
		{"1900-02-28T23:30:00Z", "1900-03-01"},
		// In 1988 Beijing kept summer time; our days do not.
		{"1988-07-01T15:30:00Z", "1988-07-01"},
	} {
		if got := calendar.DayOf(instant(t, ex.at)).String(); got != ex.want {
			t.Errorf("%s: %s, want %s", ex.at, got, ex.want)
		}
	}
}

func TestDayHoldsItsInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := calendar.Day(rapid.Int32Range(-200_000, 200_000).Draw(t, "day"))
		if calendar.DayOf(d.Start()) != d || calendar.DayOf(d.End().Add(-time.Nanosecond)) != d || calendar.DayOf(d.End()) != d+1 {
			t.Fatalf("%s does not hold its own instants", d)
		}
		if d.End().Sub(d.Start()) != 24*time.Hour || d.At(8*time.Hour).In(calendar.Beijing).Hour() != 8 {
			t.Fatalf("%s has other hours", d)
		}
		if back, err := calendar.ParseDay(d.String()); err != nil || back != d {
			t.Fatalf("%s reads back as %s, %v", d, back, err)
		}
		y, m, dom := d.Date()
		if calendar.Date(y, m, dom) != d || d.AddDays(7).Weekday() != d.Weekday() {
			t.Fatalf("%s is not its date", d)
		}
	})
}

func TestParseDayIsStrict(t *testing.T) {
	for _, s := range []string{"", "2025-1-1", "2025-02-29", "20250101", "2025-01-01 ", "2025-01-01T00:00:00Z", "25-01-01", "2025-13-01"} {
		if d, err := calendar.ParseDay(s); err == nil {
			t.Errorf("%q is read as %s", s, d)
		}
	}
}

func TestDayAsText(t *testing.T) {
	raw, err := json.Marshal(map[string]calendar.Day{"from": calendar.Date(2025, 2, 1)})
	if err != nil || string(raw) != `{"from":"2025-02-01"}` {
		t.Fatalf("%s, %v", raw, err)
	}
	var back struct{ From calendar.Day }
	if err := json.Unmarshal(raw, &back); err != nil || back.From != calendar.Date(2025, 2, 1) {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"from":"2025-02-30"}`), &back); err == nil {
		t.Error("a day that does not exist is read")
	}
}

func TestPeriods(t *testing.T) {
	for _, ex := range []struct {
		grain                     calendar.Grain
		day, label, from, to, was string
	}{
		{calendar.GrainDay, "2025-03-01", "2025-03-01", "2025-03-01", "2025-03-02", "2025-02-28"},
		{calendar.GrainWeek, "2025-03-02", "2025-W09", "2025-02-24", "2025-03-03", "2025-W08"},
		{calendar.GrainWeek, "2024-12-30", "2025-W01", "2024-12-30", "2025-01-06", "2024-W52"},
		{calendar.GrainWeek, "2027-01-03", "2026-W53", "2026-12-28", "2027-01-04", "2026-W52"},
		{calendar.GrainMonth, "2024-02-29", "2024-02", "2024-02-01", "2024-03-01", "2024-01"},
		{calendar.GrainMonth, "2025-12-31", "2025-12", "2025-12-01", "2026-01-01", "2025-11"},
		{calendar.GrainQuarter, "2025-03-31", "2025-Q1", "2025-01-01", "2025-04-01", "2024-Q4"},
		{calendar.GrainQuarter, "2025-12-01", "2025-Q4", "2025-10-01", "2026-01-01", "2025-Q3"},
		{calendar.GrainYear, "2024-12-31", "2024", "2024-01-01", "2025-01-01", "2023"},
	} {
		p := calendar.PeriodOf(ex.grain, day(t, ex.day))
		got := []string{p.Label(), p.From.String(), p.To.String(), p.Previous().Label()}
		if diff := cmp.Diff([]string{ex.label, ex.from, ex.to, ex.was}, got); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", ex.grain, ex.day, diff)
		}
		if p.Previous().Next() != p || !p.Contains(day(t, ex.day)) || p.Contains(p.To) {
			t.Errorf("%s of %s is not between its neighbours", ex.grain, ex.day)
		}
		if back, err := calendar.ParsePeriod(ex.label); err != nil || back != p {
			t.Errorf("%s reads as %v, %v", ex.label, back, err)
		}
		if !p.Start().Equal(p.From.Start()) || !p.End().Equal(p.To.Start()) {
			t.Errorf("%s of %s: instants %s, %s", ex.grain, ex.day, p.Start(), p.End())
		}
	}
}

func TestFreePeriod(t *testing.T) {
	p, err := calendar.ParsePeriod("2025-01-11..2025-01-20")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{p.Label(), p.Previous().Label(), p.Next().Label()}
	want := []string{"2025-01-11..2025-01-20", "2025-01-01..2025-01-10", "2025-01-21..2025-01-30"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	n := 0
	for d := range p.Days() {
		if d != p.From.AddDays(n) {
			t.Errorf("day %d is %s", n, d)
		}
		n++
	}
	if n != 10 || p.Len() != 10 {
		t.Errorf("%d days, length %d", n, p.Len())
	}
}

func TestPeriodsOfASpan(t *testing.T) {
	var got []string
	for p := range calendar.Periods(calendar.GrainMonth, day(t, "2025-11-30"), day(t, "2026-02-01")) {
		got = append(got, p.Label())
	}
	if diff := cmp.Diff([]string{"2025-11", "2025-12", "2026-01"}, got); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	for p := range calendar.Periods(calendar.GrainMonth, day(t, "2026-02-01"), day(t, "2026-02-01")) {
		t.Errorf("a month in an empty span: %s", p.Label())
	}
	for p := range calendar.Periods("fortnight", day(t, "2026-01-01"), day(t, "2026-02-01")) {
		t.Errorf("an unknown grain: %s", p.Label())
	}
}

func TestParseIsStrict(t *testing.T) {
	for _, s := range []string{"", "2025-W00", "2025-W53", "2025-W1", "2025-Q0", "2025-Q5", "2025-13", "2025-00", "2025-02-30", "2025-01-10..2025-01-01", "2025-01-01..2025-02-30", "25", " 2025"} {
		if p, err := calendar.ParsePeriod(s); err == nil {
			t.Errorf("%q is read as %v", s, p)
		}
	}
	if p, err := calendar.ParsePeriod("2026-W53"); err != nil || p.From.String() != "2026-12-28" {
		t.Errorf("2026-W53: %v, %v", p, err)
	}
	if _, err := calendar.ParseGrain("fortnight"); err == nil {
		t.Error("fortnight is a grain")
	}
	if g, err := calendar.ParseGrain("week"); err != nil || g != calendar.GrainWeek {
		t.Errorf("week: %v, %v", g, err)
	}
}
