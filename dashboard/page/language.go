package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// Language is a language of the pages.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// Languages are all languages, the default first.
var Languages = []Language{Chinese, English}

// ParseLanguage reads a language's name.
func ParseLanguage(s string) (Language, error) {
	for _, l := range Languages {
		if s == string(l) {
			return l, nil
		}
	}
	return "", fmt.Errorf("language %q: want zh or en", s)
}

// Other is the language that the switch leads to.
func (l Language) Other() Language {
	if l == English {
		return Chinese
	}
	return English
}

// Tag is the language's name for browsers.
func (l Language) Tag() string {
	if l == English {
		return "en"
	}
	return "zh-CN"
}

var messages = map[Language]map[string]string{Chinese: messagesZh, English: messagesEn}

// text is T for templates, where an unknown key must end the rendering.
func (l Language) text(key string, args ...any) (string, error) {
	m, ok := messages[l][key]
	if !ok {
		return "", fmt.Errorf("no text %q in %s", key, l)
	}
	if len(args) > 0 {
		return fmt.Sprintf(m, args...), nil
	}
	return m, nil
}

// T is the text of a key, with arguments filled in.
func (l Language) T(key string, args ...any) string {
	s, err := l.text(key, args...)
	if err != nil {
		// A test keeps every key that the program names; this is for the rest.
		return key
	}
	return s
}

// Word is the text of a value that data brings, such as a product or a state;
// the value itself where there is no word for it.
func (l Language) Word(kind, value string) string {
	for _, key := range []string{kind + "." + value, "value." + value} {
		if m, ok := messages[l][key]; ok {
			return m
		}
	}
	return value
}

// Title is an indicator's title or meaning in the language.
func (l Language) Title(t catalogue.Text) string {
	if l == English {
		return t.En
	}
	return t.Zh
}

// Dash stands where there is no value.
const Dash = "—"

const (
	thin  = "\u202f" // narrow no-break space, between groups of digits
	space = "\u00a0" // no-break space, between a number and its unit
	minus = "\u2212"
)

// Count writes a whole number in groups of three digits.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = minus, s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + thin + s[i:]
	}
	return sign + s
}

// number writes a number with so many decimals, in groups of three digits.
func number(v float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thin + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	// A number that rounds to nothing has no sign.
	if v < 0 && strings.ContainsAny(s, "123456789") {
		return minus + whole
	}
	return whole
}

// Percent writes a rate in percent without the sign: one decimal, two above 99,
// none at 0 and 1. A rate that is not 0 or 1 is never rounded to it, since
// "100" says that nothing failed.
func Percent(v float64) string {
	switch {
	case v == 0 || v == 1:
		return number(v*100, 0)
	case v > 0.99 && v < 1:
		return number(min(math.Round(v*10000), 9999)/100, 2)
	case v > 0 && v < 0.001:
		return number(max(math.Round(v*10000), 1)/100, 2)
	}
	return number(v*100, 1)
}

// Sum writes a part of a figure: whole if it is, else with two decimals.
func Sum(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return Count(int64(v))
	}
	return number(v, 2)
}

// Amount writes a value of a unit without the unit's name.
func Amount(u catalogue.Unit, v float64) string {
	switch u {
	case catalogue.Rate:
		return Percent(v)
	case catalogue.Units:
		return Sum(v)
	}
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) < 1:
		return number(v, 2)
	}
	return number(v, 1)
}

// Unit is the name that follows a value of the unit.
func (l Language) Unit(u catalogue.Unit) string { return l.T("unit." + string(u)) }

// WithUnit writes a value with its unit.
func (l Language) WithUnit(u catalogue.Unit, v float64) string {
	return Amount(u, v) + l.join(u)
}

// join is the unit with the space before it, if it takes one.
func (l Language) join(u catalogue.Unit) string {
	name := l.Unit(u)
	if name == "" || strings.HasPrefix(name, "/") {
		return name
	}
	return space + name
}

// Change is the difference from an earlier value.
type Change struct {
	Arrow string // ▲, ▼ or =
	Text  string // without sign: the arrow has it
	Than  string // compared with what
}

// ChangeOf compares two values of a unit: rates in points, scores in their own
// unit, counts and counts per 10,000 in percent of the earlier value.
func (l Language) ChangeOf(u catalogue.Unit, before, now *float64) *Change {
	if before == nil || now == nil {
		return nil
	}
	c := &Change{Arrow: "▲"}
	diff := *now - *before
	if diff < 0 {
		c.Arrow = "▼"
	}
	size := math.Abs(diff)
	switch u {
	case catalogue.Rate:
		decimals := 1
		if *before > 0.98 && *now > 0.98 {
			decimals = 2
		}
		c.Text = number(size*100, decimals) + space + l.T("unit.pp")
	case catalogue.Points:
		c.Text = number(size, 1) + l.join(u)
	default:
		if *before == 0 {
			c.Text = Amount(u, size) + l.join(u)
		} else {
			c.Text = number(size / *before * 100, 1) + space + "%"
		}
	}
	if !strings.ContainsAny(c.Text, "123456789") {
		c.Arrow, c.Text = "=", l.T("change.same")
	}
	return c
}

// Status is a verdict in a word.
func (l Language) Status(s metrics.Status) string { return l.T("status." + string(s)) }

// Time writes an instant in Beijing, to the second.
func Time(t time.Time) string { return t.In(calendar.Beijing).Format("2006-01-02 15:04:05") }

// Minute writes an instant in Beijing, to the minute.
func Minute(t time.Time) string { return t.In(calendar.Beijing).Format("2006-01-02 15:04") }

// Short writes an instant in Beijing to the minute, without the year if it is now's.
func Short(t, now time.Time) string {
	if t.In(calendar.Beijing).Year() == now.In(calendar.Beijing).Year() {
		return t.In(calendar.Beijing).Format("01-02 15:04")
	}
	return Minute(t)
}

// Span writes a length of time in its largest unit, or two: 4 seconds, 3 hours.
func (l Language) Span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	switch {
	case d < 2*time.Minute:
		return l.T("span.seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return l.T("span.minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return l.T("span.hours", int(d.Hours()))
	}
	return l.T("span.days", int(d.Hours())/24)
}

// Period names a period in words.
func (l Language) Period(p calendar.Period) string {
	y, m, d := p.From.Date()
	switch p.Grain {
	case calendar.GrainDay:
		return l.date(y, m, d)
	case calendar.GrainWeek:
		year, week, _ := strings.Cut(p.Label(), "-W")
		return l.T("period.week", year, strings.TrimPrefix(week, "0"))
	case calendar.GrainMonth:
		return l.month(y, m)
	case calendar.GrainQuarter:
		return l.T("period.quarter", y, (int(m)-1)/3+1)
	case calendar.GrainYear:
		return l.T("period.year", y)
	}
	y2, m2, d2 := (p.To - 1).Date()
	if p.Len() == 1 {
		return l.date(y, m, d)
	}
	return l.date(y, m, d) + " – " + l.date(y2, m2, d2)
}

func (l Language) month(y int, m time.Month) string {
	if l == English {
		return fmt.Sprintf("%s %d", m, y)
	}
	return fmt.Sprintf("%d 年 %d 月", y, int(m))
}

func (l Language) date(y int, m time.Month, d int) string {
	if l == English {
		return fmt.Sprintf("%d %s %d", d, m.String()[:3], y)
	}
	return fmt.Sprintf("%d 年 %d 月 %d 日", y, int(m), d)
}
