package chart

import (
	"fmt"
	"math"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Meaning is what a point of a control chart is shown as.
type Meaning string

// The meanings. Each has a shape and a colour: a small grey dot, a blue diamond,
// an orange square, a dark triangle.
const (
	MeaningCommon      Meaning = ""
	MeaningImprovement Meaning = "improvement"
	MeaningConcern     Meaning = "concern"
	MeaningNeutral     Meaning = "neutral" // a signal that is neither good nor bad
)

// marks are the shapes: name, size on a screen and colour.
var marks = map[Meaning]struct {
	symbol string
	size   float64
	colour string
}{
	MeaningCommon:      {"circle", 5, ColourNeutral},
	MeaningImprovement: {"diamond", 11, ColourMet},
	MeaningConcern:     {"rect", 8, ColourMissed},
	MeaningNeutral:     {"triangle", 9, ColourDim},
}

// Medium is what a chart is drawn for.
type Medium string

// The media. On paper nothing can be pointed at, and the picture is small.
const (
	MediumScreen Medium = ""
	MediumPaper  Medium = "paper"
)

// ControlLimits are those of one point, cut to what is possible.
type ControlLimits struct {
	Centre, Lower, Upper float64
	NearLower, NearUpper float64
	NoNear               bool // without near lines
	Trial                bool // not fixed yet: dashed
	// NoLower and NoUpper leave out a limit, and its near line, that no value can
	// pass.
	NoLower, NoUpper bool
}

// ControlPoint is one period of a control chart.
type ControlPoint struct {
	Label      string   // the period, for example "2026-W33"
	Value      *float64 // in the unit of the axis; nil is no data: a gap
	Text       string   // the whole sentence for the tooltip
	Link       string
	Unfinished bool // hollow, and joined by a dashed stroke
	Meaning    Meaning
	Limits     *ControlLimits // nil without
	Phase      int            // limits of two phases are not joined
}

// Control is a control chart. All texts are ready for the reader.
type Control struct {
	Name        string // name of the series
	Description string // read out by screen readers in place of the picture
	Unfinished  string // name of the series of unfinished periods
	Axis        Axis
	Target      *Target
	Points      []ControlPoint
	// Breaks name the points at which a new phase starts.
	Breaks []Break
	// Centre, Lower and Upper stand at the right end of the lines: the numbers of
	// the last limits.
	Centre, Lower, Upper string
	Medium               Medium
}

// Break is the start of a new phase.
type Break struct {
	Point int // index of the first point of the new phase
	Text  string
}

// The series of a control chart that hold values: SeriesFinished and
// SeriesUnfinished, as of a trend. The lines come after them.

// ControlChart draws the points in order with mean, limits and near lines. Limits
// are steps, since they can differ from point to point; those of a trial are
// dashed. A point with a signal has a shape and a colour of its own.
func ControlChart(c Control) (Chart, error) {
	n := len(c.Points)
	labels, texts, links := make([]string, n), make([]string, n), make([]string, n)
	finished, unfinished := blank(n), blank(n)
	size := screen
	if c.Medium == MediumPaper {
		size = paper
	}
	scale := newRange()
	add := func(label, what string, values ...float64) error {
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("draw control chart %s: %s of %s is not a number", c.Name, what, label)
			}
			scale.add(v)
		}
		return nil
	}
	for i, p := range c.Points {
		labels[i], texts[i], links[i] = p.Label, p.Text, p.Link
		if l := p.Limits; l != nil {
			drawn := []float64{l.Centre}
			if !l.NoLower {
				drawn = append(drawn, l.Lower, l.NearLower)
			}
			if !l.NoUpper {
				drawn = append(drawn, l.Upper, l.NearUpper)
			}
			if err := add(p.Label, "a limit", drawn...); err != nil {
				return Chart{}, err
			}
		}
		mark, ok := marks[p.Meaning]
		if !ok {
			return Chart{}, fmt.Errorf("draw control chart %s: meaning %q of %s is none of improvement, concern, neutral", c.Name, p.Meaning, p.Label)
		}
		if p.Value == nil {
			continue
		}
		if err := add(p.Label, "value", *p.Value); err != nil {
			return Chart{}, err
		}
		if p.Unfinished {
			unfinished[i] = item(*p.Value, "emptyCircle", 7*size.mark, ColourNeutral)
			// The dashed stroke starts at the last finished point.
			if i > 0 && c.Points[i-1].Value != nil && !c.Points[i-1].Unfinished {
				unfinished[i-1] = item(*c.Points[i-1].Value, "none", 0, ColourNeutral)
			}
			continue
		}
		across := mark.size
		switch {
		case n <= crowded:
		case p.Meaning == MeaningCommon:
			across /= 2
		default:
			across *= 0.75
		}
		finished[i] = item(*p.Value, mark.symbol, across*size.mark, mark.colour)
	}
	if c.Target != nil {
		if err := add(c.Target.Text, "target", c.Target.Value); err != nil {
			return Chart{}, err
		}
	}
	low, high, step := scale.nice(c.Axis)
	axis := axisLabel(c.Axis.Suffix)
	axis.FontSize = size.font

	line := charts.NewLine()
	line.SetGlobalOptions(common(c.Description, c.Target)...)
	line.SetGlobalOptions(
		charts.WithGridOpts(opts.Grid{Left: "8", Right: fmt.Sprint(size.right), Top: "30", Bottom: "8", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{
			Type:      "category",
			AxisLine:  &opts.AxisLine{LineStyle: &opts.LineStyle{Color: ColourLine}},
			AxisTick:  &opts.AxisTick{Show: opts.Bool(false)},
			AxisLabel: &opts.AxisLabel{Show: opts.Bool(true), Color: ColourDim, FontSize: size.font, HideOverlap: opts.Bool(true)},
		}),
		charts.WithYAxisOpts(opts.YAxis{
			Type: "value", Min: low, Max: high, MinInterval: step, MaxInterval: step, AxisLabel: axis,
			SplitLine: &opts.SplitLine{Show: opts.Bool(false)},
		}),
	)
	line.SetXAxis(labels)
	line.Validate()
	option := line.JSON()
	stroke := func(name, kind string, data []any) map[string]any {
		// Without showAllSymbol ECharts leaves out marks where labels are left out.
		return map[string]any{
			"name": name, "type": "line", "data": data, "connectNulls": false, "showSymbol": true, "showAllSymbol": true, "z": 4,
			"lineStyle": map[string]any{"color": ColourNeutral, "width": size.stroke, "type": kind}, "itemStyle": map[string]any{"color": ColourNeutral},
		}
	}
	first := stroke(c.Name, "solid", finished)
	first["markLine"] = c.marked(size.font)
	series := append([]map[string]any{first, stroke(c.Unfinished, "dashed", unfinished)}, c.rules(size.font)...)
	option["series"] = series
	if c.Medium == MediumPaper && c.Target != nil {
		option["title"] = opts.Title{Title: "┄ " + c.Target.Text, Top: "0", Right: "4", TitleStyle: &opts.TextStyle{Color: ColourDim, FontSize: size.font, FontWeight: "normal"}}
	}
	allTexts, allLinks := make([][]string, len(series)), make([][]string, len(series))
	for i := range series {
		allTexts[i], allLinks[i] = []string{}, []string{}
		if i <= SeriesUnfinished {
			allTexts[i], allLinks[i] = texts, links
		}
	}
	return finish("control chart "+c.Name, option, allTexts, allLinks, size.height)
}

// crowded is how many points stand so close that they are drawn smaller, common
// ones most.
const crowded = 60

// size is what differs between the media.
type size struct {
	mark          float64 // factor of the shapes
	stroke        float64
	font          int
	right, height int // CSS pixels
}

var (
	screen = size{mark: 1, stroke: 1.5, font: 12, right: 56, height: 300}
	paper  = size{mark: 0.7, stroke: 1, font: 9, right: 42, height: 150}
)

// blank is a series without values.
func blank(n int) []any {
	data := make([]any, n)
	for i := range data {
		data[i] = noValue
	}
	return data
}

func item(v float64, symbol string, across float64, colour string) map[string]any {
	return map[string]any{"value": v, "symbol": symbol, "symbolSize": across, "itemStyle": map[string]any{"color": colour}}
}

// marked are the target and the starts of phases.
func (c Control) marked(font int) map[string]any {
	lines := []any{}
	if c.Target != nil {
		lines = append(lines, c.target())
	}
	for _, b := range c.Breaks {
		lines = append(lines, map[string]any{"name": b.Text, "xAxis": b.Point,
			"label":     map[string]any{"show": true, "formatter": "{b}", "position": "insideEndTop", "color": ColourDim, "fontSize": font},
			"lineStyle": map[string]any{"color": ColourDim, "width": 1, "type": "solid"}})
	}
	return map[string]any{"silent": true, "symbol": []string{"none", "none"}, "animation": false, "data": lines}
}

// target is the line of what is aimed at: from the first point to the last, since
// the numbers of the limits stand behind it, or across the picture of one point.
func (c Control) target() any {
	line := map[string]any{"name": c.Target.Text, "yAxis": c.Target.Value, "label": map[string]any{"show": false},
		"lineStyle": map[string]any{"color": ColourInk, "width": 1, "type": "dashed"}}
	last := len(c.Points) - 1
	if last < 1 {
		return line
	}
	delete(line, "yAxis")
	line["coord"] = []any{0, c.Target.Value}
	return []any{line, map[string]any{"coord": []any{last, c.Target.Value}}}
}

// rules are the lines of the limits: for each phase, and apart for limits that are
// not fixed yet, mean, limits and near lines.
func (c Control) rules(font int) []map[string]any {
	type stretch struct {
		phase int
		trial bool
	}
	var order []stretch
	of := map[stretch][]int{}
	for i, p := range c.Points {
		if p.Limits == nil {
			continue
		}
		s := stretch{p.Phase, p.Limits.Trial}
		if of[s] == nil {
			order = append(order, s)
		}
		of[s] = append(of[s], i)
	}
	var out []map[string]any
	for k, s := range order {
		for _, kind := range []struct {
			value  func(ControlLimits) (float64, bool)
			colour string
			width  float64
			stroke string // of limits that are fixed
			end    string
		}{
			{func(l ControlLimits) (float64, bool) { return l.NearLower, !l.NoLower && !l.NoNear }, ColourLine, 1, "solid", ""},
			{func(l ControlLimits) (float64, bool) { return l.NearUpper, !l.NoUpper && !l.NoNear }, ColourLine, 1, "solid", ""},
			{func(l ControlLimits) (float64, bool) { return l.Lower, !l.NoLower }, ColourDim, 1, "solid", c.Lower},
			{func(l ControlLimits) (float64, bool) { return l.Upper, !l.NoUpper }, ColourDim, 1, "solid", c.Upper},
			{func(l ControlLimits) (float64, bool) { return l.Centre, true }, ColourDim, 1, "dotted", c.Centre},
		} {
			data, some := blank(len(c.Points)), false
			for _, i := range of[s] {
				if v, ok := kind.value(*c.Points[i].Limits); ok {
					data[i], some = v, true
				}
			}
			if !some {
				continue
			}
			stroke := kind.stroke
			if s.trial && stroke == "solid" {
				stroke = "dashed"
			}
			rule := map[string]any{
				"type": "line", "data": data, "step": "middle", "connectNulls": true, "showSymbol": false, "symbol": "none", "silent": true, "z": 2,
				"tooltip": map[string]any{"show": false}, "lineStyle": map[string]any{"color": kind.colour, "width": kind.width, "type": stroke},
			}
			if k == len(order)-1 && kind.end != "" {
				rule["endLabel"] = map[string]any{"show": true, "formatter": escape(kind.end), "color": ColourDim, "fontSize": font}
				rule["labelLayout"] = map[string]any{"moveOverlap": "shiftY"}
			}
			out = append(out, rule)
		}
	}
	return out
}

// escape keeps a text from being read as a template of ECharts.
func escape(s string) string { return strings.NewReplacer("{", "｛", "}", "｝").Replace(s) }
