// Package chart says how a figure is drawn: pure functions from a series to an
// ECharts option as JSON. It is the only user of go-echarts.
//
// The option holds no JavaScript functions, so that a page needs no inline
// script: what a tooltip says and where a click leads stand beside it as text.
package chart

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// The colours of the house in the light; the pages' script swaps each for its
// counterpart in the dark. Blue is improvement or met, orange is concern or
// missed, grey is neutral. A colour never stands without a word.
const (
	ColourMet     = "#1a66b3"
	ColourMissed  = "#c25700"
	ColourNeutral = "#7a8794"
	ColourInk     = "#17212b"
	ColourDim     = "#5d6b7a"
	ColourLine    = "#e3e7ec"
	ColourPanel   = "#ffffff"
)

// fontFamily is the typeface of the pages. Its digits are all of one width. It
// has single quotes, since ECharts writes it into attributes of an SVG as it is.
const fontFamily = `'Noto Sans SC Variable','Noto Sans SC','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif`

// Chart is what a page needs to draw one chart.
type Chart struct {
	// Option is ECharts' option.
	Option json.RawMessage `json:"option"`
	// Texts says what the tooltip of a data item shows, by series and item.
	Texts [][]string `json:"texts"`
	// Links says where a click on a data item leads, by series and item; empty: nowhere.
	Links [][]string `json:"links"`
	// Height is the height to draw at, in CSS pixels.
	Height int `json:"height"`
}

// Target is a line to compare with.
type Target struct {
	Value float64 // in the unit of the axis
	Text  string  // short, for example "目标 93.0 %"
}

// Axis is the scale that values are drawn on.
type Axis struct {
	// Suffix follows the numbers of the axis, for example " %".
	Suffix string
	// Floor and Ceiling are the ends that values can't pass, or nil.
	Floor, Ceiling *float64
}

// Point is one period of a trend.
type Point struct {
	Label string   // the period, for example "2018-08"
	Value *float64 // in the unit of the axis; nil is no data
	Text  string   // the whole sentence for the tooltip
	Link  string
	// Unfinished periods are drawn dashed and hollow.
	Unfinished bool
	// Small samples are drawn hollow.
	Small bool
}

// Trend is a figure over time.
type Trend struct {
	Name        string // name of the series
	Description string // read out by screen readers in place of the picture
	Unfinished  string // name of the series of unfinished periods
	Axis        Axis
	Target      *Target
	Points      []Point
}

// The series of a trend: SeriesFinished holds the finished periods,
// SeriesUnfinished the others and the point that they are joined to.
const (
	SeriesFinished   = 0
	SeriesUnfinished = 1
)

// noValue is how ECharts is told that an item has no value: a gap in the line.
const noValue = "-"

// Line draws a trend as a line with its target. Periods without data are gaps.
func Line(t Trend) (Chart, error) {
	n := len(t.Points)
	labels := make([]string, n)
	finished := make([]opts.LineData, n)
	unfinished := make([]opts.LineData, n)
	texts := [][]string{make([]string, n), make([]string, n)}
	links := [][]string{make([]string, n), make([]string, n)}
	scale := newRange()
	for i, p := range t.Points {
		labels[i] = p.Label
		finished[i] = opts.LineData{Value: noValue}
		unfinished[i] = opts.LineData{Value: noValue}
		texts[SeriesFinished][i], links[SeriesFinished][i] = p.Text, p.Link
		texts[SeriesUnfinished][i], links[SeriesUnfinished][i] = p.Text, p.Link
		if p.Value == nil {
			continue
		}
		if math.IsNaN(*p.Value) || math.IsInf(*p.Value, 0) {
			return Chart{}, fmt.Errorf("draw trend %s: value of %s is not a number", t.Name, p.Label)
		}
		scale.add(*p.Value)
		symbol := "circle"
		if p.Unfinished || p.Small {
			symbol = "emptyCircle"
		}
		item := opts.LineData{Value: *p.Value, Symbol: symbol, SymbolSize: 7}
		if p.Unfinished {
			unfinished[i] = item
			// The dashed stroke starts at the last finished point.
			if i > 0 && t.Points[i-1].Value != nil && !t.Points[i-1].Unfinished {
				unfinished[i-1] = opts.LineData{Value: *t.Points[i-1].Value, Symbol: "none"}
			}
		} else {
			finished[i] = item
		}
	}
	if t.Target != nil {
		scale.add(t.Target.Value)
	}
	low, high, step := scale.nice(t.Axis)

	line := charts.NewLine()
	line.SetGlobalOptions(common(t.Description, t.Target)...)
	line.SetGlobalOptions(
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "24", Top: "32", Bottom: "8", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{
			Type:      "category",
			AxisLine:  &opts.AxisLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
			AxisTick:  &opts.AxisTick{Show: opts.Bool(false)},
			AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ColourDim, FontSize: 12, HideOverlap: opts.Bool(true)},
		}),
		charts.WithYAxisOpts(opts.YAxis{
			Type: "value", Min: low, Max: high, MinInterval: step, MaxInterval: step,
			AxisLabel: axisLabel(t.Axis.Suffix),
			SplitLine: &opts.SplitLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
		}),
	)
	line.SetXAxis(labels)
	drawn := []charts.SeriesOpts{
		charts.WithLineChartOpts(opts.LineChart{ConnectNulls: opts.Bool(false), ShowSymbol: opts.Bool(true)}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: ColourNeutral, Width: 2}),
		charts.WithItemStyleOpts(opts.ItemStyle{Color: ColourNeutral}),
	}
	if t.Target != nil {
		drawn = append(drawn,
			charts.WithMarkLineNameYAxisItemOpts(opts.MarkLineNameYAxisItem{Name: t.Target.Text, YAxis: t.Target.Value}),
			charts.WithMarkLineStyleOpts(opts.MarkLineStyle{
				Symbol:    []string{"none", "none"},
				Label:     &opts.Label{Show: opts.Bool(false)},
				LineStyle: &opts.LineStyle{Color: ColourInk, Width: 1, Type: "dashed"},
			}))
	}
	line.AddSeries(t.Name, finished, drawn...)
	line.AddSeries(t.Unfinished, unfinished,
		charts.WithLineChartOpts(opts.LineChart{ConnectNulls: opts.Bool(false), ShowSymbol: opts.Bool(true)}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: ColourNeutral, Width: 2, Type: "dashed"}),
		charts.WithItemStyleOpts(opts.ItemStyle{Color: ColourNeutral}),
	)
	line.Validate()
	return finish("trend "+t.Name, line.JSON(), texts, links, 260)
}

// Tone is the verdict that colours a bar.
type Tone string

// The tones. Small is for values without a verdict: hollow.
const (
	ToneMet     Tone = "met"
	ToneMissed  Tone = "missed"
	ToneNeutral Tone = "neutral"
	ToneSmall   Tone = "small"
)

// Bar is one part of a split.
type Bar struct {
	Label string  // for example the region's name
	Value float64 // in the unit of the axis
	Tone  Tone
	Note  string // stands in a column at the right: the value and what a click opens
	Text  string // the whole sentence for the tooltip
	Link  string
}

// Split is a figure by the values of a dimension, in the order to show: the
// first stands on top.
type Split struct {
	Name        string
	Description string
	Axis        Axis
	Target      *Target
	Bars        []Bar
}

// Bars draws a split as horizontal bars from zero.
func Bars(s Split) (Chart, error) {
	n := len(s.Bars)
	labels := make([]string, n)
	notes := make([]string, n)
	data := make([]opts.BarData, n)
	texts := [][]string{make([]string, n)}
	links := [][]string{make([]string, n)}
	scale := newRange()
	scale.add(0)
	for i, b := range s.Bars {
		if math.IsNaN(b.Value) || math.IsInf(b.Value, 0) {
			return Chart{}, fmt.Errorf("draw split %s: value of %s is not a number", s.Name, b.Label)
		}
		scale.add(b.Value)
		style := &opts.ItemStyle{Color: ColourNeutral}
		switch b.Tone {
		case ToneMet:
			style.Color = ColourMet
		case ToneMissed:
			style.Color = ColourMissed
		case ToneSmall:
			style.Color, style.BorderColor, style.BorderWidth = ColourPanel, ColourNeutral, 1
		case ToneNeutral:
		default:
			return Chart{}, fmt.Errorf("draw split %s: tone %q of %s is none of met, missed, neutral, small", s.Name, b.Tone, b.Label)
		}
		labels[i] = b.Label
		notes[i] = b.Note
		data[i] = opts.BarData{Name: b.Label, Value: b.Value, ItemStyle: style}
		texts[0][i], links[0][i] = b.Text, b.Link
	}
	if s.Target != nil {
		scale.add(s.Target.Value)
	}
	low, high, step := scale.nice(s.Axis)

	bar := charts.NewBar()
	bar.SetGlobalOptions(common(s.Description, s.Target)...)
	bar.SetGlobalOptions(
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "8", Top: "28", Bottom: "4", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{
			Type: "value", Min: low, Max: high, MinInterval: step, MaxInterval: step,
			AxisLabel: axisLabel(s.Axis.Suffix),
			SplitLine: &opts.SplitLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
		}),
		charts.WithYAxisOpts(opts.YAxis{
			Type: "category", Inverse: opts.Bool(true),
			AxisLine:  &opts.AxisLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
			AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ColourInk, FontSize: 12, Width: 130, Overflow: "break"},
		}),
	)
	// The notes are a second axis, so that they stand in a column of their own and
	// no line crosses them.
	bar.ExtendYAxis(opts.YAxis{
		Type: "category", Inverse: opts.Bool(true), Position: "right", Data: notes,
		AxisLine:  &opts.AxisLine{Show: opts.Bool(false)},
		AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ColourDim, FontSize: 12},
	})
	bar.SetXAxis(labels)
	drawn := []charts.SeriesOpts{charts.WithBarChartOpts(opts.BarChart{BarWidth: "14"})}
	if s.Target != nil {
		drawn = append(drawn,
			charts.WithMarkLineNameXAxisItemOpts(opts.MarkLineNameXAxisItem{Name: s.Target.Text, XAxis: s.Target.Value}),
			charts.WithMarkLineStyleOpts(opts.MarkLineStyle{
				Symbol:    []string{"none", "none"},
				Label:     &opts.Label{Show: opts.Bool(false)},
				LineStyle: &opts.LineStyle{Color: ColourInk, Width: 1, Type: "dashed"},
			}))
	}
	bar.AddSeries(s.Name, data, drawn...)
	bar.XYReversal()
	bar.Validate()
	return finish("split "+s.Name, bar.JSON(), texts, links, 56+26*max(n, 1))
}

// common are the options of every chart. What the dashed line of the target
// means stands above the picture, where no stroke crosses it.
func common(description string, target *Target) []charts.GlobalOpts {
	title := opts.Title{}
	if target != nil {
		title = opts.Title{
			Title: "┄ " + target.Text, Top: "0", Right: "8",
			TitleStyle: &opts.TextStyle{Color: ColourDim, FontSize: 12, FontWeight: "normal"},
		}
	}
	return []charts.GlobalOpts{
		charts.WithTitleOpts(title),
		charts.WithAnimation(false),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}),
		charts.WithColorsOpts(opts.Colors{ColourNeutral}),
		charts.WithAriaOpts(&opts.Aria{Enabled: opts.Bool(true), Label: &opts.AriaLabel{Enabled: opts.Bool(true), Description: description}}),
	}
}

// axisLabel are the numbers of a scale, with their unit.
func axisLabel(suffix string) *opts.AxisLabel {
	return &opts.AxisLabel{Show: opts.Bool(true), Color: ColourDim, FontSize: 12, HideOverlap: opts.Bool(true), Formatter: types.FuncStr("{value}" + suffix)}
}

// finish adds what go-echarts has no field for, and encodes. Package json
// escapes <, > and &, so that a label can't leave a script element.
func finish(name string, option map[string]any, texts, links [][]string, height int) (Chart, error) {
	option["textStyle"] = opts.TextStyle{FontFamily: fontFamily, FontSize: 12}
	// Rich text is drawn on the canvas: HTML tooltips carry style attributes,
	// which a strict Content-Security-Policy refuses.
	option["tooltip"] = map[string]any{
		"trigger": "item", "renderMode": "richText", "confine": true, "transitionDuration": 0,
		"backgroundColor": ColourPanel, "borderColor": ColourLine, "borderWidth": 1, "padding": []int{8, 12},
		"textStyle": map[string]any{"color": ColourInk, "fontSize": 12},
		// No shadow, as everywhere on the pages.
		"extraCssText": "",
		"shadowBlur":   0,
	}
	b, err := json.Marshal(option)
	if err != nil {
		return Chart{}, fmt.Errorf("draw %s: %w", name, err)
	}
	return Chart{Option: b, Texts: texts, Links: links, Height: height}, nil
}

// span is the smallest range that holds the values added.
type span struct{ low, high float64 }

func newRange() *span { return &span{low: math.Inf(1), high: math.Inf(-1)} }

func (s *span) add(v float64) { s.low, s.high = min(s.low, v), max(s.high, v) }

// nice widens the range to round numbers, about four steps long, and cuts it at
// the ends of the axis.
func (s *span) nice(a Axis) (low, high, step float64) {
	low, high = s.low, s.high
	if low > high { // nothing was added
		low, high = 0, 1
		if a.Floor != nil {
			low = *a.Floor
		}
		if a.Ceiling != nil {
			high = *a.Ceiling
		}
	}
	if low == high {
		pad := max(math.Abs(low)*0.02, 0.5)
		low, high = low-pad, high+pad
	}
	step = niceStep((high - low) / 4)
	low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if a.Floor != nil {
		low = max(low, *a.Floor)
	}
	if a.Ceiling != nil {
		high = min(high, *a.Ceiling)
	}
	return round(low), round(high), step
}

// niceStep is the smallest of 1, 2, 2.5, 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= v*(1-1e-9) {
			return round(m * power)
		}
	}
	return round(10 * power)
}

// round takes off the noise of binary fractions, so that an axis reads 0.3 and
// not 0.30000000000000004.
func round(v float64) float64 { return math.Round(v*1e9) / 1e9 }
