package report

import (
	"context"
	"fmt"
	"slices"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/sentence"
	"youzhi/metrics/stats"
)

// trendWidth is the width that a trend is drawn at, in CSS pixels: that of a panel.
const trendWidth = 322

// mostMonths is how many months a picture shows at most; what came before is
// judged with them all the same.
const mostMonths = 24

// drawable says whether two months of a trend have a value at least.
func drawable(t metrics.Trend) bool {
	values := 0
	for i := max(0, len(t.Figures)-mostMonths); i < len(t.Figures); i++ {
		if t.Figures[i].Value != nil && !t.Chart.Points[i].Missing {
			values++
		}
	}
	return values > 1
}

// picture draws the control chart of a trend as SVG, so many CSS pixels high.
func (m *Maker) picture(ctx context.Context, v sentence.Voice, ind catalogue.Indicator, t metrics.Trend, height int) ([]byte, error) {
	first := max(0, len(t.Figures)-mostMonths)
	control := chart.Control{
		Name: v.Title(ind.Key), Description: say(v.Language, "trend", v.Title(ind.Key)), Unfinished: say(v.Language, "unfinished"),
		Axis: axisOf(ind), Medium: chart.MediumPaper,
	}
	scale := 1.0
	if ind.Unit == catalogue.Rate {
		scale = 100
	}
	for i, f := range t.Figures[first:] {
		p := t.Chart.Points[first+i]
		point := chart.ControlPoint{Label: monthLabel(f.From), Unfinished: p.Unfinished, Phase: p.Phase, Meaning: meaning(p)}
		if f.Value != nil && !p.Missing {
			point.Value = new(p.Value * scale)
		}
		if p.Limits != nil {
			l := p.Limits.Drawn(t.Chart.Bounds)
			point.Limits = &chart.ControlLimits{
				Centre: l.Centre * scale, Lower: l.Lower * scale, Upper: l.Upper * scale, NearLower: l.NearLower * scale, NearUpper: l.NearUpper * scale,
				NoLower: l.ClippedLower, NoUpper: l.ClippedUpper,
				Trial: p.Phase >= 0 && t.Chart.Phases[p.Phase].State == stats.PhaseTrial,
			}
		}
		control.Points = append(control.Points, point)
	}
	for i, phase := range t.Chart.Phases {
		if i > 0 && phase.From > first {
			control.Breaks = append(control.Breaks, chart.Break{Point: phase.From - first, Text: say(v.Language, "break")})
		}
	}
	if p, ok := t.Chart.Latest(); ok && p.Limits != nil {
		l := p.Limits.Drawn(t.Chart.Bounds)
		control.Centre = sentence.Plain(ind.Unit, l.Centre)
		if !l.ClippedLower {
			control.Lower = sentence.Plain(ind.Unit, l.Lower)
		}
		if !l.ClippedUpper {
			control.Upper = sentence.Plain(ind.Unit, l.Upper)
		}
	}
	if f := t.Figures[len(t.Figures)-1]; f.Target != nil {
		control.Target = &chart.Target{Value: *f.Target * scale, Text: say(v.Language, "target", v.Goal(f))}
	}
	drawn, err := chart.ControlChart(control)
	if err != nil {
		return nil, err
	}
	return m.o.Charts.SVG(ctx, drawn, trendWidth, height)
}

// axisOf is the scale of an indicator's values, as they are drawn.
func axisOf(ind catalogue.Indicator) chart.Axis {
	zero, hundred := 0.0, 100.0
	a := chart.Axis{Floor: &zero}
	switch {
	case ind.Unit == catalogue.Rate:
		a.Suffix, a.Ceiling = " %", &hundred
	case ind.Kind == catalogue.NPS:
		a.Floor = nil
	}
	return a
}

// monthLabel writes a month short: 25-09.
func monthLabel(d calendar.Day) string {
	y, m, _ := d.Date()
	return fmt.Sprintf("%02d-%02d", y%100, int(m))
}

// meaning is what a point is shown as.
func meaning(p stats.Point) chart.Meaning {
	switch p.Direction {
	case stats.DirectionImprovement:
		return chart.MeaningImprovement
	case stats.DirectionConcern:
		return chart.MeaningConcern
	case stats.DirectionNeutral:
		return chart.MeaningNeutral
	}
	return chart.MeaningCommon
}

// trendOf finds the trend of an indicator's whole scope.
func trendOf(trends []metrics.Trend, key string) (metrics.Trend, bool) {
	i := slices.IndexFunc(trends, func(t metrics.Trend) bool { return t.Key == key && len(t.By) == 0 })
	if i < 0 {
		return metrics.Trend{}, false
	}
	return trends[i], true
}
