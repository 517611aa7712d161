package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/sentence"
	"youzhi/metrics/stats"
)

// Icon is the state of a process in a circle: a letter, or a wave for common
// variation, a colour and the words for it.
type Icon struct {
	// Class is imp, con, com or neu; none: there is no icon, and Text says why.
	Class  string
	Letter string // empty: a wave
	Text   string
}

// Shown says whether there is an icon.
func (i *Icon) Shown() bool { return i != nil && i.Class != "none" }

// directions are the classes of what a signal means.
var directions = map[stats.Direction]string{
	stats.DirectionCommon: "com", stats.DirectionImprovement: "imp", stats.DirectionConcern: "con", stats.DirectionNeutral: "neu",
}

// VariationOf is the icon of a trend's latest point.
func VariationOf(v sentence.Voice, t metrics.Trend) *Icon {
	out := &Icon{Class: "none", Text: v.Variation(t)}
	if t.Variation.Shown() {
		out.Class, out.Letter = directions[t.Variation.Direction], t.Variation.Letter()
	}
	return out
}

// AssuranceOf is the icon of a trend against its target.
func AssuranceOf(v sentence.Voice, t metrics.Trend) *Icon {
	out := &Icon{Class: "none", Text: v.Assurance(t)}
	if t.Assurance.Shown() {
		out.Letter = t.Assurance.Assurance.Letter()
		switch t.Assurance.Assurance {
		case stats.AssurancePass:
			out.Class = "imp"
		case stats.AssuranceFail:
			out.Class = "con"
		default:
			out.Class = "com"
		}
	}
	return out
}

// Said is a sentence with its mark and where it leads.
type Said struct {
	Class string // imp, con, neu; empty: no signal stands behind it
	// Subject is the indicator and where; Text is the rest of the sentence.
	Subject, Text string
	Href          string
	Ended         bool
}

func textOf(said sentence.Sentence) Said {
	return Said{Class: directions[said.Direction], Subject: said.Subject, Text: strings.TrimPrefix(said.Text, said.Subject), Ended: said.Ended}
}

// saidOf is a sentence of the overview; it leads to the chart of its indicator.
func saidOf(s Scope, said sentence.Sentence) Said {
	for d, v := range said.By {
		s = s.With(d, v)
	}
	out := textOf(said)
	out.Href = s.URL(IndicatorPath(said.Key), "trend", string(said.Grain)) + "#trend"
	if said.Direction == "" {
		out.Href = s.URL(IndicatorPath(said.Key))
	}
	return out
}

// judged puts what a trend says of an indicator into its figure: icons, the last
// points with their limits, the newest signal if it still stands.
func (f *Figure) judged(l Language, v sentence.Voice, ind catalogue.Indicator, s Scope, t metrics.Trend, width, height int) {
	f.Variation, f.Assurance = VariationOf(v, t), AssuranceOf(v, t)
	f.Spark = SparkOf(l, ind, t, width, height)
	if said, ok := v.Latest(t); ok {
		line := saidOf(s, said)
		// The title stands above it.
		line.Subject = ""
		f.Signal = &line
	}
}

// shownPeriods is how many periods of a grain a trend's chart and table show;
// signals and limits come from all of them.
func shownPeriods(g calendar.Grain) int {
	switch g {
	case calendar.GrainDay:
		return 90
	case calendar.GrainWeek:
		return 104
	}
	return 60
}

// mostSignals is how many signals stand below a chart before the rest is folded.
const mostSignals = 6

// Settled says that the chart has limits that are fixed, so that it judges.
func (t *Trend) Settled() bool { return t.Limits && !t.Trial }

// ControlOf draws a trend as its control chart and says what it shows. by is the
// split of the page, which links keep.
func ControlOf(l Language, v sentence.Voice, ind catalogue.Indicator, s Scope, t metrics.Trend, by string) (*Trend, error) {
	factor, axis := scaleOf(ind)
	out := &Trend{
		Title: l.T("trend.title", l.T("each."+string(t.Grain))), Grains: trendGrains(l, ind, s, t.Grain, by),
		Variation: VariationOf(v, t), Assurance: AssuranceOf(v, t), How: v.Chart(t), Judged: true,
	}
	if phase, ok := t.Chart.Last(); ok && phase.HasLimits() {
		out.State = v.State(t)
		out.Limits, out.Trial = true, phase.State == stats.PhaseTrial
	}
	for _, b := range t.Breaks {
		out.Breaks = append(out.Breaks, l.T("trend.break.of", b.Day.String(), b.Reason, b.Author, calendar.DayOf(b.DecidedAt).String()))
	}
	if t.Cut {
		out.Note = l.T("trend.cut", metrics.TrendPeriods(t.Grain))
	}
	for i, said := range v.Signals(t) {
		line := textOf(said)
		line.Subject = ""
		line.Href = s.In(calendar.Period{From: said.Span.From, To: said.Span.To}).URL(IndicatorPath(ind.Key)+"/rows", "part", string(failedPart(ind)))
		if i < mostSignals {
			out.Signals = append(out.Signals, line)
		} else {
			out.Older = append(out.Older, line)
		}
	}
	periods := t.Periods()
	from := max(0, len(periods)-shownPeriods(t.Grain))
	draw := chart.Control{
		Name: l.Title(ind.Title), Unfinished: l.T("chart.unfinished"), Description: l.T("chart.control", l.Title(ind.Title), l.T("each."+string(t.Grain))),
		Axis: axis, Target: targetLine(l, ind, t.Figures, factor),
	}
	value := func(x float64) string { return Amount(ind.Unit, x) }
	for i := from; i < len(periods); i++ {
		p, f, judged := periods[i], t.Figures[i], t.Chart.Points[i]
		at := s.In(p)
		fig := FigureOf(l, ind, at, f)
		point := chart.ControlPoint{
			Label: p.Label(), Link: at.URL(IndicatorPath(ind.Key), "trend", string(t.Grain), "by", by), Phase: judged.Phase,
			Unfinished: judged.Unfinished, Meaning: meanings[judged.Direction],
		}
		if f.Value != nil {
			x := *f.Value * factor
			point.Value = &x
		}
		parts := []string{said(l, l.Dated(p), fig)}
		if limits := judged.Limits; limits != nil {
			d := limits.Drawn(t.Chart.Bounds)
			point.Limits = &chart.ControlLimits{
				Centre: d.Centre * factor, Lower: d.Lower * factor, Upper: d.Upper * factor, NearLower: d.NearLower * factor, NearUpper: d.NearUpper * factor,
				Trial: t.Chart.Phases[judged.Phase].State == stats.PhaseTrial, NoNear: t.ByWeekday(), NoLower: limits.ClippedLower, NoUpper: limits.ClippedUpper,
			}
			draw.Centre, draw.Lower, draw.Upper = value(d.Centre), value(d.Lower), value(d.Upper)
			parts = append(parts, l.T("trend.limits", value(d.Centre), value(d.Lower), value(d.Upper)))
		}
		for _, signal := range judged.Signals {
			parts = append(parts, l.T("rule."+string(signal.Rule)+"."+string(signal.Side)))
		}
		point.Text = strings.Join(parts, "\n")
		draw.Points = append(draw.Points, point)
		if judged.Phase > 0 && t.Chart.Phases[judged.Phase].From == i {
			draw.Breaks = append(draw.Breaks, chart.Break{Point: i - from, Text: l.T("trend.break")})
		}
		row := TrendRow{Period: Link{Text: l.Dated(p), Href: point.Link}, Figure: fig, Now: p.From == s.Period.From && p.To == s.Period.To}
		if signal, ok := judged.Signal(); ok {
			row.Signal = &Said{Class: directions[judged.Direction], Text: l.T("rule." + string(signal.Rule) + "." + string(signal.Side))}
		}
		row.Figure.Unfinished = judged.Unfinished
		out.Rows = append(out.Rows, row)
	}
	slices.Reverse(out.Rows)
	var err error
	if out.Chart, err = chart.ControlChart(draw); err != nil {
		return nil, fmt.Errorf("trend of %s: %w", ind.Key, err)
	}
	return out, nil
}

var meanings = map[stats.Direction]chart.Meaning{
	stats.DirectionCommon: chart.MeaningCommon, stats.DirectionImprovement: chart.MeaningImprovement,
	stats.DirectionConcern: chart.MeaningConcern, stats.DirectionNeutral: chart.MeaningNeutral,
}

// failedPart is the list that tells why a figure changed: what failed, where units
// can fail.
func failedPart(ind catalogue.Indicator) metrics.Part {
	if ind.Kind == catalogue.Ratio && ind.Window != catalogue.Snap {
		return metrics.PartMissed
	}
	return FirstPart(ind)
}

// trendGrains are the grains that a trend can be shown in.
func trendGrains(l Language, ind catalogue.Indicator, s Scope, grain calendar.Grain, by string) []Entry {
	var out []Entry
	for _, g := range Grains {
		out = append(out, Entry{Text: l.T("grain." + string(g)), Href: s.URL(IndicatorPath(ind.Key), "trend", string(g), "by", by) + "#trend", On: g == grain})
	}
	return out
}

// Judge puts the variation of each value's own trend into a split.
func (s *Split) Judge(l Language, v sentence.Voice, trends []metrics.Trend) {
	of := map[string]metrics.Trend{}
	for _, t := range trends {
		of[t.By[s.Dimension]] = t
	}
	for i := range s.Rows {
		if t, ok := of[s.Rows[i].value]; ok {
			icon := VariationOf(v, t)
			icon.Text += " · " + l.T("each."+string(t.Grain))
			s.Rows[i].Variation = icon
			s.Judged = true
		}
	}
}

// Spark is a small picture of the last periods: strokes and marks in a box, with
// the band between the limits.
type Spark struct {
	Width, Height int
	Bands         []string // points of a polygon each, between the limits
	Means         []string // points of a polyline each
	Lines         []string // points of a polyline each
	Dashed        string   // the stroke to an unfinished period
	Dots          []Dot    // points that no stroke reaches
	Marks         []Mark   // points with a signal
	End           *Dot
	Target        string // y of the target's line; empty if it is far outside
	Label         string
}

// Dot is a place in a picture.
type Dot struct {
	X, Y   string
	Hollow bool
}

// Mark is a point with a signal: a diamond for improvement, a square for concern,
// a triangle for neither.
type Mark struct{ Class, Points string }

// sparkPeriods is how many periods a spark shows.
const sparkPeriods = 24

// SparkOf draws the last periods of a trend. Periods without a value are gaps; nil
// is returned where there are less than two values.
func SparkOf(l Language, ind catalogue.Indicator, t metrics.Trend, width, height int) *Spark {
	from := max(0, len(t.Figures)-sparkPeriods)
	points, figures := t.Chart.Points[from:], t.Figures[from:]
	low, high, n := math.Inf(1), math.Inf(-1), 0
	var target *float64
	for i, p := range points {
		if v := figures[i].Value; v != nil {
			low, high = min(low, *v), max(high, *v)
			n++
		}
		if p.Limits != nil {
			d := p.Limits.Drawn(t.Chart.Bounds)
			low, high = min(low, d.Lower), max(high, d.Upper)
		}
		if figures[i].Target != nil {
			target = figures[i].Target
		}
	}
	if n < 2 {
		return nil
	}
	// A target near the values is drawn with them; one far away would flatten them.
	if target != nil {
		spread := max(high-low, math.Abs(high)*0.02)
		if *target <= high+spread && *target >= low-spread {
			low, high = min(low, *target), max(high, *target)
		} else {
			target = nil
		}
	}
	if low == high {
		low, high = low-1, high+1
	}
	const pad = 4.0
	at := func(i int, v float64) (float64, float64) {
		x := pad + (float64(width)-2*pad)*float64(i)/float64(max(len(points)-1, 1))
		y := pad + (float64(height)-2*pad)*(high-v)/(high-low)
		return x, y
	}
	coordinate := func(v float64) string { return fmt.Sprintf("%.1f", v) }
	place := func(x, y float64) string { return coordinate(x) + "," + coordinate(y) }
	s := &Spark{Width: width, Height: height, Label: l.T("spark.label", len(points), l.Title(ind.Title))}
	if target != nil {
		_, y := at(0, *target)
		s.Target = coordinate(y)
	}
	// Limits run on over periods without a point, within one phase.
	var upper, lower, mean []string
	phase := -1
	limits := func() {
		if len(upper) > 1 {
			slices.Reverse(lower)
			s.Bands = append(s.Bands, strings.Join(append(upper, lower...), " "))
			s.Means = append(s.Means, strings.Join(mean, " "))
		}
		upper, lower, mean = nil, nil, nil
	}
	for i, p := range points {
		if p.Limits == nil {
			continue
		}
		if p.Phase != phase {
			limits()
			phase = p.Phase
		}
		d := p.Limits.Drawn(t.Chart.Bounds)
		for _, line := range []struct {
			to *[]string
			v  float64
		}{{&upper, d.Upper}, {&lower, d.Lower}, {&mean, d.Centre}} {
			*line.to = append(*line.to, place(at(i, line.v)))
		}
	}
	limits()
	var stroke []string
	flush := func() {
		switch len(stroke) {
		case 0:
		case 1:
			x, y, _ := strings.Cut(stroke[0], ",")
			s.Dots = append(s.Dots, Dot{X: x, Y: y})
		default:
			s.Lines = append(s.Lines, strings.Join(stroke, " "))
		}
		stroke = nil
	}
	for i, p := range points {
		v := figures[i].Value
		if v == nil {
			flush()
			continue
		}
		x, y := at(i, *v)
		if p.Unfinished && len(stroke) > 0 {
			s.Dashed = strings.TrimSpace(stroke[len(stroke)-1] + " " + place(x, y))
			flush()
		} else if !p.Unfinished {
			stroke = append(stroke, place(x, y))
		}
		if p.Direction != stats.DirectionCommon {
			s.Marks = append(s.Marks, markOf(p.Direction, x, y, place))
		}
		if i == len(points)-1 && p.Direction == stats.DirectionCommon {
			s.End = &Dot{X: coordinate(x), Y: coordinate(y), Hollow: p.Unfinished}
		}
	}
	flush()
	return s
}

// markOf is the shape of a signal around a place.
func markOf(d stats.Direction, x, y float64, place func(x, y float64) string) Mark {
	var corners [][2]float64
	switch d {
	case stats.DirectionImprovement:
		corners = [][2]float64{{0, -3.6}, {3.6, 0}, {0, 3.6}, {-3.6, 0}}
	case stats.DirectionConcern:
		corners = [][2]float64{{-2.6, -2.6}, {2.6, -2.6}, {2.6, 2.6}, {-2.6, 2.6}}
	default:
		corners = [][2]float64{{0, -3.2}, {3.2, 2.6}, {-3.2, 2.6}}
	}
	var points []string
	for _, c := range corners {
		points = append(points, place(x+c[0], y+c[1]))
	}
	return Mark{Class: directions[d], Points: strings.Join(points, " ")}
}
