package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/sentence"
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
		// One of something has its own words, where they differ.
		if one, ok := messages[l][key+".one"]; ok && fmt.Sprint(args[0]) == "1" {
			m = one
		}
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

// space stands between a number and its unit and does not break.
const space = "\u00a0"

// Count writes a whole number in groups of three digits.
func Count(n int64) string { return sentence.Count(n) }

// number writes a number with so many decimals, in groups of three digits.
func number(v float64, decimals int) string { return sentence.Number(v, decimals) }

// Percent writes a rate in percent without the sign, as in all sentences.
func Percent(v float64) string { return sentence.Percent(v) }

// Sum writes a part of a figure: whole if it is, else with two decimals.
func Sum(v float64) string { return sentence.Sum(v) }

// Amount writes a value of a unit without the unit's name.
func Amount(u catalogue.Unit, v float64) string { return sentence.Plain(u, v) }

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
	case catalogue.Points, catalogue.Hours:
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
func (l Language) Period(p calendar.Period) string { return l.Voice(nil).Period(p) }

// Dated is the name of a period with its days where the name does not tell them:
// 2026 年第 43 周（10 月 19 日至 25 日）, week 43 of 2026 (19–25 Oct).
func (l Language) Dated(p calendar.Period) string {
	if p.Grain != calendar.GrainWeek {
		return l.Period(p)
	}
	return l.T("period.dated", l.Period(p), l.Days(p))
}

// Voice says figures and trends in the language; indicators may be nil where none
// are named.
func (l Language) Voice(indicators *catalogue.Catalogue) sentence.Voice {
	return sentence.Voice{Language: sentence.Language(l), Catalogue: indicators, Name: l.Value}
}
