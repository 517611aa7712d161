package calendar

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"time"
)

// Grain is the length of a calendar period.
type Grain string

// The grains that figures are made for. A week is the ISO week, Monday to Sunday.
const (
	GrainDay     Grain = "day"
	GrainWeek    Grain = "week"
	GrainMonth   Grain = "month"
	GrainQuarter Grain = "quarter"
	GrainYear    Grain = "year"
)

// ParseGrain reads the name of a grain.
func ParseGrain(s string) (Grain, error) {
	switch g := Grain(s); g {
	case GrainDay, GrainWeek, GrainMonth, GrainQuarter, GrainYear:
		return g, nil
	}
	return "", fmt.Errorf("parse grain %q: want day, week, month, quarter or year", s)
}

// Period is a span of Beijing days, From included and To excluded. Grain says which calendar period it is and is empty
// for a span that was chosen freely.
type Period struct {
	Grain    Grain
	From, To Day
}

// PeriodOf returns the period of a grain that holds the day. A grain that is not one of the five gives an empty period.
func PeriodOf(g Grain, d Day) Period {
	y, m, _ := d.Date()
	p := Period{Grain: g, From: d, To: d}
	switch g {
	case GrainDay:
		p.To = d + 1
	case GrainWeek:
		p.From = d - Day((int(d.Weekday())+6)%7)
		p.To = p.From + 7
	case GrainMonth:
		p.From, p.To = Date(y, m, 1), Date(y, m+1, 1)
	case GrainQuarter:
		first := (m-1)/3*3 + 1
		p.From, p.To = Date(y, first, 1), Date(y, first+3, 1)
	case GrainYear:
		p.From, p.To = Date(y, time.January, 1), Date(y+1, time.January, 1)
	}
	return p
}

// Periods yields, in order, the whole periods of a grain that share a day with [from, to). The first and the last may
// reach beyond it.
func Periods(g Grain, from, to Day) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		if from >= to {
			return
		}
		for p := PeriodOf(g, from); p.From < to && p.Len() > 0; p = p.Next() {
			if !yield(p) {
				return
			}
		}
	}
}

// Days yields the days of the period in order.
func (p Period) Days() iter.Seq[Day] {
	return func(yield func(Day) bool) {
		for d := p.From; d < p.To; d++ {
			if !yield(d) {
				return
			}
		}
	}
}

// Len returns the number of days in the period.
func (p Period) Len() int { return max(0, int(p.To-p.From)) }

// Contains says whether the day lies in the period.
func (p Period) Contains(d Day) bool { return p.From <= d && d < p.To }

// Start returns the period's first instant, in UTC.
func (p Period) Start() time.Time { return p.From.Start() }

// End returns the first instant after the period, in UTC.
func (p Period) End() time.Time { return p.To.Start() }

// Previous returns the period before this one: of the same grain, or of the same number of days if it has none.
func (p Period) Previous() Period {
	if p.Grain == "" {
		return Period{From: p.From - Day(p.Len()), To: p.From}
	}
	return PeriodOf(p.Grain, p.From-1)
}

// Next returns the period after this one: of the same grain, or of the same number of days if it has none.
func (p Period) Next() Period {
	if p.Grain == "" {
		return Period{From: p.To, To: p.To + Day(p.Len())}
	}
	return PeriodOf(p.Grain, p.To)
}

// Label names the period: 2025-01-01, 2025-W01, 2025-01, 2025-Q1, 2025; a free span is named by its first and its last
// day, 2025-01-01..2025-01-10.
func (p Period) Label() string {
	y, m, _ := p.From.Date()
	switch p.Grain {
	case GrainDay:
		return p.From.String()
	case GrainWeek:
		y, w := p.From.UTC().ISOWeek()
		return fmt.Sprintf("%04d-W%02d", y, w)
	case GrainMonth:
		return fmt.Sprintf("%04d-%02d", y, m)
	case GrainQuarter:
		return fmt.Sprintf("%04d-Q%d", y, (m-1)/3+1)
	case GrainYear:
		return fmt.Sprintf("%04d", y)
	}
	return p.From.String() + ".." + (p.To - 1).String()
}

var periodForm = regexp.MustCompile(`^(\d{4})(?:-(?:W(\d\d)|Q(\d)|(\d\d)))?$`)

// ParsePeriod reads what [Period.Label] writes.
func ParsePeriod(s string) (Period, error) {
	bad := fmt.Errorf("parse period %q: want YYYY-MM-DD, YYYY-Www, YYYY-MM, YYYY-Qn, YYYY or first..last, that exists", s)
	if len(s) == 22 && s[10:12] == ".." {
		first, err1 := ParseDay(s[:10])
		last, err2 := ParseDay(s[12:])
		if err1 != nil || err2 != nil || last < first {
			return Period{}, bad
		}
		return Period{From: first, To: last + 1}, nil
	}
	if d, err := ParseDay(s); err == nil {
		return PeriodOf(GrainDay, d), nil
	}
	part := periodForm.FindStringSubmatch(s)
	if part == nil {
		return Period{}, bad
	}
	// The form holds digits only, so that a group that did not match is the only way to fail, and reads as 0.
	num := func(i int) int { n, _ := strconv.Atoi(part[i]); return n }
	y := num(1)
	var p Period
	switch {
	case part[2] != "":
		// 4 January lies in the first ISO week of its year.
		p = PeriodOf(GrainWeek, Date(y, time.January, 4)+Day(7*(num(2)-1)))
	case part[3] != "":
		p = PeriodOf(GrainQuarter, Date(y, time.Month(3*num(3)-2), 1))
	case part[4] != "":
		p = PeriodOf(GrainMonth, Date(y, time.Month(num(4)), 1))
	default:
		p = PeriodOf(GrainYear, Date(y, time.January, 1))
	}
	if p.Label() != s {
		return Period{}, bad
	}
	return p, nil
}
