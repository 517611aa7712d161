package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// Link is a number or a word that leads to the rows behind it.
type Link struct {
	Text string
	Href string // empty: no list stands behind it
	// Rows is how many rows the list has, as a plain number; empty if it is not a count.
	Rows string
	Part metrics.Part
}

// Figure is a figure as it is shown.
type Figure struct {
	Key     string
	Chapter string
	Title   string
	Href    string // the indicator's page
	// Value is the value without its unit, Dash without data; Raw the number itself.
	Value, Raw string
	Unit       string
	Target     string // empty without one
	// Status is the verdict in a word, Class its name for the style sheet.
	Status, Class string
	// Behind are the parts of the value that matter at a glance, each with its list.
	Behind []Link
	Change *Change
	Spark  *Spark
	// Variation and Assurance are the icons of the trend, nil where there is none.
	Variation, Assurance *Icon
	// Signal is the newest signal of the trend, if it still stands.
	Signal *Said
	// Note says why there is no figure, or what to know about it.
	Note string
	// Unfinished says that the period was not over at as_of.
	Unfinished bool
}

// HasValue says whether there is a value to show.
func (f Figure) HasValue() bool { return f.Raw != "" }

// rowsURL is the list behind a part of a figure.
func rowsURL(s Scope, key string, part metrics.Part) string {
	return s.URL(IndicatorPath(key)+"/rows", "part", string(part))
}

// FigureOf makes the figure of an indicator in a scope ready to be shown.
func FigureOf(l Language, ind catalogue.Indicator, s Scope, f metrics.Figure) Figure {
	out := Figure{
		Key: ind.Key, Chapter: ind.Chapter, Title: l.Title(ind.Title), Href: s.URL(IndicatorPath(ind.Key)),
		Value: Dash, Status: l.Status(f.Status), Class: string(f.Status),
	}
	if f.Value != nil {
		out.Value, out.Raw, out.Unit = Amount(ind.Unit, *f.Value), raw(*f.Value), l.Unit(ind.Unit)
	}
	out.Target = l.target(ind, f)
	out.Behind = behind(l, ind, s, f)
	out.Unfinished = ind.Window != catalogue.Snap && !f.AsOf.IsZero() && f.To.Start().After(f.AsOf)
	switch {
	case f.Status == metrics.StatusNoData, f.Status == metrics.StatusNoSource:
		out.Note = l.T("note." + string(f.Status))
	case f.UnknownShare != nil:
		out.Note = l.T("note.unknown", Percent(*f.UnknownShare))
	case out.Unfinished:
		out.Note = l.T("note.unfinished")
	}
	return out
}

// NotByFilter stands for an indicator that lacks a dimension of the filter.
func NotByFilter(l Language, ind catalogue.Indicator, s Scope) Figure {
	return Figure{
		Key: ind.Key, Chapter: ind.Chapter, Title: l.Title(ind.Title), Href: s.URL(IndicatorPath(ind.Key)),
		Value: Dash, Status: l.T("status.not_by_filter"), Class: "none", Note: l.T("note.not_by_filter"),
	}
}

// FirstPart is the part whose list stands for an indicator's figure.
func FirstPart(ind catalogue.Indicator) metrics.Part {
	if ind.Kind == catalogue.Count || ind.Window == catalogue.Snap {
		return metrics.PartNumerator
	}
	return metrics.PartDenominator
}

// raw writes a value for programs, such as our own tests.
func raw(v float64) string { return fmt.Sprintf("%g", v) }

// target writes what is aimed at, with its direction.
func (l Language) target(ind catalogue.Indicator, f metrics.Figure) string {
	if f.Target == nil {
		return ""
	}
	sign := "≥"
	if ind.Better == "down" {
		sign = "≤"
	}
	// A bound that can't be passed is met by equality alone.
	if *f.Target == 1 && ind.Unit == catalogue.Rate || *f.Target == 0 && sign == "≤" {
		sign = ""
	}
	return strings.TrimSpace(sign + space + l.WithUnit(ind.Unit, *f.Target))
}

// behind names the parts that a glance needs: what was missed of how many for a
// rate, the two counts of a ratio of counts, the sample of a mean.
func behind(l Language, ind catalogue.Indicator, s Scope, f metrics.Figure) []Link {
	if f.Numerator == nil && (ind.Kind != catalogue.Percentile || f.Denominator == nil) {
		return nil
	}
	num, den := 0.0, 0.0
	if f.Numerator != nil {
		num = *f.Numerator
	}
	if f.Denominator != nil {
		den = *f.Denominator
	}
	switch ind.Kind {
	case catalogue.Count:
		return []Link{part(l, s, ind, metrics.PartNumerator, "part.of_"+ind.Population.Base, num)}
	case catalogue.RatioOfCounts:
		return []Link{
			part(l, s, ind, metrics.PartNumerator, "part.of_"+ind.Population.Base, num),
			part(l, s, ind, metrics.PartDenominator, "part.of_"+ind.Denominator.Base, den),
		}
	case catalogue.Mean, catalogue.Percentile, catalogue.NPS:
		return []Link{part(l, s, ind, metrics.PartDenominator, "part.sample", den)}
	}
	if ind.Better == "down" {
		// What is counted is the failure itself.
		return []Link{
			part(l, s, ind, metrics.PartNumerator, "part.of_"+ind.Population.Base, num),
			part(l, s, ind, metrics.PartDenominator, "part.sample", den),
		}
	}
	return []Link{
		part(l, s, ind, metrics.PartMissed, missedWord(ind), den-num),
		part(l, s, ind, metrics.PartDenominator, "part.sample", den),
	}
}

// missedWord is what the units that failed are called.
func missedWord(ind catalogue.Indicator) string {
	if ind.Window == catalogue.Due {
		return "part.late"
	}
	return "part.failed"
}

// part is a count with its list.
func part(l Language, s Scope, ind catalogue.Indicator, p metrics.Part, word string, n float64) Link {
	out := Link{Text: l.T(word, Sum(n)), Href: rowsURL(s, ind.Key, p), Part: p}
	if n == math.Trunc(n) && ind.Weight == "" || n == math.Trunc(n) && !ind.Measured() {
		out.Rows = raw(n)
	}
	return out
}

// byKey groups figures by their indicator, in order of time.
func byKey(figures []metrics.Figure) map[string][]metrics.Figure {
	out := map[string][]metrics.Figure{}
	for _, f := range figures {
		out[f.Key] = append(out[f.Key], f)
	}
	for _, fs := range out {
		slices.SortStableFunc(fs, func(a, b metrics.Figure) int { return int(a.From) - int(b.From) })
	}
	return out
}

// unfinishedAt says whether a period was not over at the instant of a figure.
func unfinishedAt(p calendar.Period, f metrics.Figure) bool {
	return !f.AsOf.IsZero() && p.End().After(f.AsOf)
}
