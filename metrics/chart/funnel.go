package chart

import (
	"fmt"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// FunnelUnit is one unit of a funnel: an outlet.
type FunnelUnit struct {
	Label string
	Size  float64 // cases
	Value float64 // in the unit of the axis
	Tone  Tone
	Text  string // the whole sentence for the tooltip
	Link  string
}

// FunnelLine is a limit by the size of a unit, or the group's own value.
type FunnelLine struct {
	Name   string
	Dashed bool
	// Sizes rise; Values are in the unit of the axis.
	Sizes, Values []float64
}

// Funnel is units against their group: each by its size and its value, between
// limits that narrow as the size grows.
type Funnel struct {
	Name        string
	Description string
	SizeName    string // what the sizes count
	Axis        Axis
	Units       []FunnelUnit
	Lines       []FunnelLine
}

// funnelTones are the series of the units in a funnel; what stands out is drawn
// last, so that nothing covers it.
var funnelTones = []struct {
	tone           Tone
	symbol, colour string
	size           int
}{
	{ToneSmall, "emptyCircle", ColourNeutral, 7}, {ToneNeutral, "circle", ColourNeutral, 7}, {ToneMet, "triangle", ColourMet, 11}, {ToneMissed, "diamond", ColourMissed, 12},
}

// Scatter draws a funnel. Its first series are the units by their tone, whose sign
// follows the tone too, so that none is told by colour alone; then come the lines.
func Scatter(f Funnel) (Chart, error) {
	scale, size := newRange(), newRange()
	size.add(0)
	for _, u := range f.Units {
		if !finite(u.Size) || !finite(u.Value) {
			return Chart{}, fmt.Errorf("draw funnel %s: size or value of %s is not a number", f.Name, u.Label)
		}
		scale.add(u.Value)
		size.add(u.Size)
		switch u.Tone {
		case ToneMet, ToneMissed, ToneNeutral, ToneSmall:
		default:
			return Chart{}, fmt.Errorf("draw funnel %s: tone %q of %s is none of met, missed, neutral, small", f.Name, u.Tone, u.Label)
		}
	}
	low, high, step := scale.nice(f.Axis)
	smallest, largest, sizeStep := size.nice(Axis{})
	scatter := charts.NewScatter()
	scatter.SetGlobalOptions(common(f.Description, nil)...)
	scatter.SetGlobalOptions(
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "24", Top: "16", Bottom: "28", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{
			Type: "value", Min: smallest, Max: largest, MinInterval: sizeStep, MaxInterval: sizeStep, Name: f.SizeName, NameLocation: "middle", NameGap: 28,
			AxisLabel: axisLabel(""), SplitLine: &opts.SplitLine{Show: opts.Bool(false)},
		}),
		charts.WithYAxisOpts(opts.YAxis{
			Type: "value", Min: low, Max: high, MinInterval: step, MaxInterval: step, AxisLabel: axisLabel(f.Axis.Suffix),
			SplitLine: &opts.SplitLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
		}),
	)
	var texts, links [][]string
	for _, t := range funnelTones {
		data := []opts.ScatterData{}
		said, leads := []string{}, []string{}
		for _, u := range f.Units {
			if u.Tone == t.tone {
				data = append(data, opts.ScatterData{Name: u.Label, Value: []float64{u.Size, u.Value}, Symbol: t.symbol, SymbolSize: t.size})
				said, leads = append(said, u.Text), append(leads, u.Link)
			}
		}
		scatter.AddSeries(f.Name, data, charts.WithItemStyleOpts(opts.ItemStyle{Color: t.colour}))
		texts, links = append(texts, said), append(links, leads)
	}
	line := charts.NewLine()
	for _, l := range f.Lines {
		if len(l.Sizes) != len(l.Values) {
			return Chart{}, fmt.Errorf("draw funnel %s: line %s has %d sizes and %d values", f.Name, l.Name, len(l.Sizes), len(l.Values))
		}
		points := []opts.LineData{}
		for i, x := range l.Sizes {
			if !finite(x) || !finite(l.Values[i]) {
				return Chart{}, fmt.Errorf("draw funnel %s: line %s has a point that is not a number", f.Name, l.Name)
			}
			// What leaves the picture is left out, not drawn along its edge.
			if l.Values[i] < low || l.Values[i] > high {
				continue
			}
			points = append(points, opts.LineData{Value: []float64{x, l.Values[i]}, Symbol: "none"})
		}
		style := opts.LineStyle{Color: ColourDim, Width: 1, Type: "solid"}
		if l.Dashed {
			style.Type = "dashed"
		}
		said := make([]string, len(points))
		for i := range said {
			said[i] = l.Name
		}
		texts, links = append(texts, said), append(links, make([]string, len(points)))
		line.AddSeries(l.Name, points, charts.WithLineStyleOpts(style), charts.WithItemStyleOpts(opts.ItemStyle{Color: ColourDim}),
			charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false)}))
	}
	scatter.Overlap(line)
	scatter.Validate()
	return finish("funnel "+f.Name, scatter.JSON(), texts, links, 340)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
