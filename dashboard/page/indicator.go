package page

import (
	"fmt"
	"slices"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
)

// Indicator is the page of one indicator.
type Indicator struct {
	Frame
	Figure Figure
	// Parts are all parts of the figure, each with its list.
	Parts    []Part
	Interval string
	AsOf     string
	Trend    *Trend
	Split    *Split
	// Dimensions to split by.
	Dimensions  []Entry
	Definition  Definition
	Unavailable Unavailable
	// Nothing says that the period has no data; Last leads to the last with data.
	Nothing        bool
	Last, LastText string
	Empty          bool
}

func (*Indicator) template() string { return "indicator" }

// Part is one part of a figure.
type Part struct {
	Name string
	Link Link
	Help string
}

// PartsOf lists all parts of a figure.
func PartsOf(l Language, ind catalogue.Indicator, s Scope, f metrics.Figure) []Part {
	var out []Part
	add := func(p metrics.Part, name string, n *float64, listed bool) {
		if n == nil {
			return
		}
		link := Link{Text: Sum(*n), Part: p}
		if listed {
			link = part(l, s, ind, p, "part.plain", *n)
		}
		out = append(out, Part{Name: l.T(name), Link: link, Help: l.T("help." + string(p))})
	}
	whole := func(n *int64) *float64 {
		if n == nil {
			return nil
		}
		v := float64(*n)
		return &v
	}
	switch {
	case ind.Measured():
		// A sum has no list of its own: the units that entered are the sample's.
		add(metrics.PartNumerator, "part.sum", f.Numerator, false)
		add(metrics.PartDenominator, "part.n", f.Denominator, true)
	case ind.Kind == catalogue.RatioOfCounts:
		add(metrics.PartNumerator, "part.numerator", f.Numerator, true)
		add(metrics.PartDenominator, "part.denominator", f.Denominator, true)
	case ind.Kind == catalogue.Count:
		add(metrics.PartNumerator, "part.numerator", f.Numerator, true)
		add(metrics.PartDenominator, "part.denominator", f.Denominator, true)
	default:
		add(metrics.PartNumerator, "part.numerator", f.Numerator, true)
		if f.Numerator != nil && f.Denominator != nil {
			missed := *f.Denominator - *f.Numerator
			add(metrics.PartMissed, "part.missed", &missed, true)
		}
		add(metrics.PartDenominator, "part.denominator", f.Denominator, true)
	}
	add(metrics.PartPending, "part.pending", whole(f.Pending), true)
	add(metrics.PartExcluded, "part.excluded", whole(f.Excluded), true)
	add(metrics.PartUnknown, "part.unknown", whole(f.Unknown), true)
	return out
}

// IntervalOf writes the interval of a figure.
func IntervalOf(l Language, ind catalogue.Indicator, f metrics.Figure) string {
	if f.Interval == nil {
		return ""
	}
	return l.T("interval", Amount(ind.Unit, f.Interval.Lower), l.WithUnit(ind.Unit, f.Interval.Upper), l.T("method."+f.Interval.Method))
}

// Trend is a figure over time, as a chart and as a table.
type Trend struct {
	Grains []Entry
	Chart  chart.Chart
	Rows   []TrendRow
	Title  string
	// Judged says that the chart is a control chart; the rest is empty without.
	Judged bool
	// Variation is the icon of the latest point, Assurance that of the target.
	Variation, Assurance *Icon
	// How says how the trend is judged, State what it shows besides its signals.
	How, State string
	// Limits says that the chart has limits, Trial that they are not fixed yet.
	Limits, Trial bool
	// Signals are the newest ones, Older the rest.
	Signals, Older []Said
	// Breaks say who began which phase of it, and why.
	Breaks []string
	// Note is what else to know about it.
	Note string
}

// TrendRow is one period of the table below the chart.
type TrendRow struct {
	Period Link
	Figure Figure
	Now    bool // the period of the page
	Signal *Said
}

// scaleOf is how a value of an indicator is drawn: rates in percent.
func scaleOf(ind catalogue.Indicator) (factor float64, axis chart.Axis) {
	zero, hundred := 0.0, 100.0
	if ind.Kind == catalogue.NPS {
		floor := -hundred
		return 1, chart.Axis{Floor: &floor, Ceiling: &hundred}
	}
	switch ind.Unit {
	case catalogue.Rate:
		return 100, chart.Axis{Suffix: " %", Floor: &zero, Ceiling: &hundred}
	case catalogue.Points:
		return 1, chart.Axis{Floor: &zero, Ceiling: &hundred}
	}
	return 1, chart.Axis{Floor: &zero}
}

// targetLine is the target as a line of a chart.
func targetLine(l Language, ind catalogue.Indicator, figures []metrics.Figure, factor float64) *chart.Target {
	for _, f := range figures {
		if f.Target != nil {
			return &chart.Target{Value: *f.Target * factor, Text: l.T("chart.target", l.target(ind, f))}
		}
	}
	return nil
}

// TrendOf draws the figures of consecutive periods, which nothing judges.
func TrendOf(l Language, ind catalogue.Indicator, s Scope, grain calendar.Grain, by string, periods []calendar.Period, figures []metrics.Figure) (*Trend, error) {
	factor, axis := scaleOf(ind)
	t := &Trend{Title: l.T("trend.title", l.T("each."+string(grain))), Grains: trendGrains(l, ind, s, grain, by), Note: l.T("trend.plain")}
	of := map[calendar.Day]metrics.Figure{}
	for _, f := range figures {
		of[f.From] = f
	}
	draw := chart.Trend{
		Name: l.Title(ind.Title), Unfinished: l.T("chart.unfinished"),
		Description: l.T("chart.trend", l.Title(ind.Title), l.T("each."+string(grain))),
		Axis:        axis, Target: targetLine(l, ind, figures, factor),
	}
	for _, p := range periods {
		f, ok := of[p.From]
		if !ok {
			f = metrics.Figure{Key: ind.Key, From: p.From, To: p.To, Status: metrics.StatusNoData}
		}
		at := s.In(p)
		fig := FigureOf(l, ind, at, f)
		point := chart.Point{
			Label: p.Label(), Link: at.URL(IndicatorPath(ind.Key), "trend", string(grain), "by", by),
			Text: said(l, l.Dated(p), fig), Unfinished: unfinishedAt(p, f), Small: f.Status == metrics.StatusSmall,
		}
		if f.Value != nil {
			v := *f.Value * factor
			point.Value = &v
		}
		draw.Points = append(draw.Points, point)
		t.Rows = append(t.Rows, TrendRow{Period: Link{Text: l.Dated(p), Href: point.Link}, Figure: fig, Now: p.From == s.Period.From && p.To == s.Period.To})
	}
	slices.Reverse(t.Rows)
	var err error
	if t.Chart, err = chart.Line(draw); err != nil {
		return nil, fmt.Errorf("trend of %s: %w", ind.Key, err)
	}
	return t, nil
}

// said is a figure for a tooltip: value, verdict and the counts behind it.
func said(l Language, name string, f Figure) string {
	parts := []string{name + l.T("punctuation.colon") + f.Value}
	if f.HasValue() && f.Unit != "" {
		sep := space
		if strings.HasPrefix(f.Unit, "/") {
			sep = ""
		}
		parts[0] += sep + f.Unit
	}
	parts = append(parts, f.Status)
	for _, b := range f.Behind {
		parts = append(parts, b.Text)
	}
	if f.Unfinished {
		parts = append(parts, l.T("chart.unfinished"))
	}
	return strings.Join(parts, " · ")
}

// Split is a figure by the values of a dimension.
type Split struct {
	Dimension string
	Title     string
	Chart     chart.Chart
	Rows      []SplitRow
	Shown     int // bars drawn
	Drawable  int // values that a bar can show
	Values    int // of the dimension; Rows has the first of them, all are in the export
	// Columns are the names of the parts' columns.
	Columns []string
	// Judged says that rows have the icon of their own trend.
	Judged bool
}

// SplitRow is one value of the dimension.
type SplitRow struct {
	Name      Link
	Figure    Figure
	Parts     []Part
	Variation *Icon
	value     string
}

// splitBars is how many values are drawn, splitRows how many the table has; the
// export has all of them.
const (
	splitBars = 20
	splitRows = 200
)

// SplitOf shows the figures of one indicator by a dimension.
func SplitOf(l Language, ind catalogue.Indicator, s Scope, dimension string, figures []metrics.Figure) (*Split, error) {
	factor, axis := scaleOf(ind)
	out := &Split{Dimension: dimension, Title: l.T("split.title", l.T("dim."+dimension))}
	draw := chart.Split{
		Name: l.Title(ind.Title), Description: l.T("chart.split", l.Title(ind.Title), l.T("dim."+dimension)),
		Axis: axis, Target: targetLine(l, ind, figures, factor),
	}
	out.Values = len(figures)
	for i, f := range WorstFirst(ind, figures) {
		if i == splitRows {
			break
		}
		v := f.By[dimension]
		at := s.With(dimension, v)
		name := l.Value(dimension, v)
		fig := FigureOf(l, ind, at, f)
		row := SplitRow{Name: Link{Text: name, Href: at.URL(IndicatorPath(ind.Key), "by", dimension)}, Figure: fig, Parts: PartsOf(l, ind, at, f), value: v}
		out.Rows = append(out.Rows, row)
		if f.Value == nil {
			continue
		}
		out.Drawable++
		if len(draw.Bars) == splitBars {
			continue
		}
		bar := chart.Bar{Label: name, Value: *f.Value * factor, Text: said(l, name, fig), Tone: tone(f.Status)}
		bar.Note = l.WithUnit(ind.Unit, *f.Value)
		if b := fig.Behind; len(b) > 0 {
			// A click opens the list that the bar's own words count.
			if bar.Note += " · " + b[0].Text; ind.Kind == catalogue.Count {
				bar.Note = b[0].Text
			}
			bar.Link = b[0].Href
		}
		draw.Bars = append(draw.Bars, bar)
	}
	out.Shown = len(draw.Bars)
	if len(out.Rows) > 0 {
		for _, p := range out.Rows[0].Parts {
			out.Columns = append(out.Columns, p.Name)
		}
		// A row without data has fewer parts; its cells stay empty.
		for _, r := range out.Rows {
			if len(r.Parts) > len(out.Columns) {
				out.Columns = nil
				for _, p := range r.Parts {
					out.Columns = append(out.Columns, p.Name)
				}
			}
		}
	}
	var err error
	if out.Chart, err = chart.Bars(draw); err != nil {
		return nil, fmt.Errorf("split of %s: %w", ind.Key, err)
	}
	return out, nil
}

func tone(s metrics.Status) chart.Tone {
	switch s {
	case metrics.StatusMet:
		return chart.ToneMet
	case metrics.StatusMissed:
		return chart.ToneMissed
	case metrics.StatusSmall:
		return chart.ToneSmall
	}
	return chart.ToneNeutral
}

// Definition says what an indicator means and where it comes from.
type Definition struct {
	Key, Title, Meaning, Formula, Section, Chapter string
	Window, Unit, Better, Minimum, Revision        string
	Dimensions                                     string
	Targets                                        []DefinedTarget
	Href                                           string
}

// DefinedTarget is a target with its day and source.
type DefinedTarget struct{ From, Value, Bands, Source string }

// DefinitionOf writes out an indicator's entry.
func DefinitionOf(l Language, ind catalogue.Indicator, href string) Definition {
	d := Definition{
		Key: ind.Key, Title: l.Title(ind.Title), Meaning: l.Title(ind.Meaning), Section: ind.Section, Chapter: ind.Chapter,
		Formula: l.formula(ind), Window: l.T("window." + string(ind.Window)), Unit: l.T("unit.name." + string(ind.Unit)),
		Better: l.T("better." + ind.Better), Revision: Count(int64(ind.Revision)), Href: href,
	}
	if ind.Minimum > 0 {
		d.Minimum = l.T("minimum", Count(ind.Minimum))
	}
	var dims []string
	for _, name := range ind.Dimensions {
		dims = append(dims, l.T("dim."+name))
	}
	d.Dimensions = strings.Join(dims, l.T("punctuation.comma"))
	for _, t := range ind.Targets {
		d.Targets = append(d.Targets, DefinedTarget{
			From: t.From, Value: l.WithUnit(ind.Unit, t.Value),
			Bands:  l.T("bands."+ind.Better, l.WithUnit(ind.Unit, t.Met), l.WithUnit(ind.Unit, t.Near)),
			Source: l.T("source." + t.Source),
		})
	}
	return d
}

func (l Language) formula(ind catalogue.Indicator) string {
	if ind.Kind == catalogue.RatioOfCounts {
		return l.T("formula.ratio_of_counts", Sum(ind.Scale))
	}
	if ind.Kind == catalogue.Percentile {
		return l.T("formula.percentile", l.WithUnit(catalogue.Rate, ind.Level))
	}
	return l.T("formula." + string(ind.Kind))
}

// Definitions is the page of all definitions.
type Definitions struct {
	Frame
	Entries []Definition
}

func (*Definitions) template() string { return "definitions" }
