package page

import (
	"cmp"
	"slices"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/sentence"
)

// tiles are the most that an overview begins with.
const tiles = 4

// Overview is the first page.
type Overview struct {
	Frame
	// Empty says that no event was ever folded.
	Empty bool
	// Headline is the line at the top, Sentences what stands below it; More counts
	// the signals that are left out.
	Headline  string
	Sentences []Said
	More      int
	// Losses say what cost most of the on-time rate, and where.
	Losses []Loss
	// Improvements are those that were checked lately, with their verdict.
	Improvements []Improvement
	// Nothing says that the period has no data; Last leads to the last with data.
	Nothing  bool
	Last     string
	LastText string
	// Running leads to the next period where that is the one of now.
	Running     string
	RunningText string
	Summary     []Tally
	Tiles       []Figure
	Rows        []Figure
	Regions     *Regions
	Clocks      []Clock
	// Unavailable are the panels that could not be made.
	Unavailable Unavailable
}

// Unavailable says which parts of a page could not be made.
type Unavailable struct{ Figures, Regions, Clocks, Split, Trend bool }

func (*Overview) template() string { return "overview" }

// Tally is how many figures have a verdict.
type Tally struct {
	Class, Text string
}

// Answers are the figures behind the overview.
type Answers struct {
	Indicators []catalogue.Indicator
	// Period are the figures of the period, one per indicator; an indicator that
	// does not have a dimension of the filter has none.
	Period []metrics.Figure
	// Before are the figures of the period before.
	Before []metrics.Figure
	// Trends are those of the indicators, up to the end of the period. Places are
	// those by region and by product of the indicators that have a signal or lead.
	Trends, Places []metrics.Trend
}

// series are all figures of the trends.
func (a Answers) series() []metrics.Figure {
	var out []metrics.Figure
	for _, t := range a.Trends {
		out = append(out, t.Figures...)
	}
	return out
}

// Fill puts the figures into tiles and table.
func (o *Overview) Fill(v sentence.Voice, a Answers) {
	now, before := byKey(a.Period), byKey(a.Before)
	trends := map[string]metrics.Trend{}
	for _, t := range a.Trends {
		trends[t.Key] = t
	}
	o.say(v, a)
	show := func(ind catalogue.Indicator, width, height int) Figure {
		fs := now[ind.Key]
		if len(fs) == 0 {
			return NotByFilter(o.Lang, ind, o.Scope)
		}
		f := FigureOf(o.Lang, ind, o.Scope, fs[0])
		if ind.Window != catalogue.Snap {
			if b := before[ind.Key]; len(b) > 0 {
				if f.Change = o.Lang.ChangeOf(ind.Unit, b[0].Value, fs[0].Value); f.Change != nil {
					f.Change.Than = o.Lang.T("change.than", o.Lang.before(o.Scope.Period))
				}
			}
		}
		if t, ok := trends[ind.Key]; ok {
			f.judged(o.Lang, v, ind, o.Scope, t, width, height)
		}
		return f
	}
	tally := map[metrics.Status]int{}
	o.Nothing = true
	for _, ind := range a.Indicators {
		f := show(ind, 120, 28)
		o.Rows = append(o.Rows, f)
		if fs := now[ind.Key]; len(fs) > 0 {
			tally[fs[0].Status]++
			// The state at as_of has a value in every period; it says nothing about this one.
			if ind.Window != catalogue.Snap && fs[0].Numerator != nil {
				o.Nothing = false
			}
		}
	}
	for _, s := range []metrics.Status{metrics.StatusMet, metrics.StatusNear, metrics.StatusMissed, metrics.StatusSmall, metrics.StatusNone, metrics.StatusNoData, metrics.StatusNoSource} {
		if n := tally[s]; n > 0 {
			o.Summary = append(o.Summary, Tally{Class: string(s), Text: o.Lang.T("tally."+string(s), n)})
		}
	}
	for _, ind := range Leading(a) {
		o.Tiles = append(o.Tiles, show(ind, 264, 52))
	}
}

// say puts the headline and its sentences, the leading indicators first.
func (o *Overview) say(v sentence.Voice, a Answers) {
	trends := slices.Concat(a.Trends, a.Places)
	slices.SortStableFunc(trends, func(a, b metrics.Trend) int {
		return cmp.Compare(metrics.LeadingRank(a.Key), metrics.LeadingRank(b.Key))
	})
	figures := slices.Clone(a.Period)
	slices.SortStableFunc(figures, func(a, b metrics.Figure) int {
		return cmp.Compare(metrics.LeadingRank(a.Key), metrics.LeadingRank(b.Key))
	})
	h := v.Headline(o.Scope.Period, figures, trends)
	o.Headline, o.More = h.Line, h.More
	for _, said := range h.Sentences {
		o.Sentences = append(o.Sentences, saidOf(o.Scope, said))
	}
}

// Leading are the indicators of the tiles.
func Leading(a Answers) []catalogue.Indicator {
	return metrics.Leading(tiles, a.Indicators, a.Period, a.series())
}

// before names the period before one, for comparisons.
func (l Language) before(p calendar.Period) string {
	if p.Grain == "" {
		return l.T("before.custom", p.Len())
	}
	return l.T("before." + string(p.Grain))
}

// Regions is a figure by region: in the map of tiles where all codes are
// provinces of GB/T 2260, else as bars with the worst first.
type Regions struct {
	Title, Unit, Href string
	Tiles             []Tile
	Bars              []Line
	More              int // regions that the bars leave out
	Bands             []Tally
}

// Tile is one province in the map.
type Tile struct {
	Row, Column  int
	Short, Value string
	Title, Href  string
	Class        string
}

// Line is one bar drawn in the page itself.
type Line struct {
	Text, Value string
	Width       string // 0 to 100
	Class       string
	Status      string
	Href        string
	Rows        *Link
}

const regionBars = 14

// RegionsOf shows the figures of one indicator split by region.
func RegionsOf(l Language, ind catalogue.Indicator, s Scope, dimension string, figures []metrics.Figure) *Regions {
	r := &Regions{
		Title: l.T("regions.title", l.Title(ind.Title)), Unit: l.Unit(ind.Unit),
		Href: s.URL(IndicatorPath(ind.Key), "by", dimension) + "#split",
	}
	chinese := len(figures) > 0 && dimension == "region"
	seen := map[metrics.Status]bool{}
	for _, f := range figures {
		v := f.By[dimension]
		if _, ok := provinceOf[v]; !ok && v != "unknown" {
			chinese = false
		}
		seen[f.Status] = true
	}
	if chinese {
		of := map[string]metrics.Figure{}
		for _, f := range figures {
			of[f.By[dimension]] = f
		}
		for _, p := range provinces {
			t := Tile{Row: p.row, Column: p.column, Short: p.short, Value: Dash, Class: "none", Title: l.T("regions.none", l.Region(p.code))}
			if f, ok := of[p.code]; ok && f.Value != nil {
				t.Value = Amount(ind.Unit, *f.Value)
				t.Class = string(f.Status)
				t.Href = s.With(dimension, p.code).URL(IndicatorPath(ind.Key))
				t.Title = l.Region(p.code) + space + l.WithUnit(ind.Unit, *f.Value) + " · " + l.Status(f.Status)
			}
			r.Tiles = append(r.Tiles, t)
		}
	} else {
		sorted := WorstFirst(ind, figures)
		scale := 0.0
		for _, f := range sorted {
			if f.Value != nil {
				scale = max(scale, *f.Value)
			}
		}
		if ind.Unit == catalogue.Rate {
			scale = 1
		}
		for i, f := range sorted {
			if i == regionBars {
				r.More = len(sorted) - regionBars
				break
			}
			r.Bars = append(r.Bars, line(l, ind, s, dimension, f, scale))
		}
	}
	for _, st := range []metrics.Status{metrics.StatusMissed, metrics.StatusNear, metrics.StatusMet, metrics.StatusSmall} {
		if seen[st] {
			r.Bands = append(r.Bands, Tally{Class: string(st), Text: l.Status(st)})
		}
	}
	return r
}

// line is one value of a split as a bar.
func line(l Language, ind catalogue.Indicator, s Scope, dimension string, f metrics.Figure, scale float64) Line {
	v := f.By[dimension]
	at := s.With(dimension, v)
	out := Line{Text: l.Value(dimension, v), Value: Dash, Width: "0", Class: string(f.Status), Status: l.Status(f.Status), Href: at.URL(IndicatorPath(ind.Key))}
	if f.Value == nil {
		return out
	}
	out.Value = l.WithUnit(ind.Unit, *f.Value)
	if scale > 0 {
		out.Width = number(min(max(*f.Value/scale*100, 0), 100), 1)
	}
	if b := behind(l, ind, at, f); len(b) > 0 {
		out.Rows = &b[0]
	}
	return out
}

// WorstFirst orders the values of a split: those with a verdict from the worst
// to the best, then those whose sample is too small for one, then those without
// data. Equal ones keep an order by name.
func WorstFirst(ind catalogue.Indicator, figures []metrics.Figure) []metrics.Figure {
	rank := func(f metrics.Figure) int {
		switch {
		case f.Value == nil:
			return 2
		case f.Status == metrics.StatusSmall:
			return 1
		}
		return 0
	}
	sorted := slices.Clone(figures)
	slices.SortStableFunc(sorted, func(a, b metrics.Figure) int {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 {
			return c
		}
		if a.Value != nil && b.Value != nil {
			c := cmp.Compare(*a.Value, *b.Value)
			if ind.Better == "down" {
				c = -c
			}
			if c != 0 {
				return c
			}
			if a.Denominator != nil && b.Denominator != nil {
				if c := cmp.Compare(*b.Denominator, *a.Denominator); c != 0 {
					return c
				}
			}
		}
		return cmp.Compare(splitName(a), splitName(b))
	})
	return sorted
}

func splitName(f metrics.Figure) string {
	for _, v := range f.By {
		return v
	}
	return ""
}

// Clock is one time limit of tickets: how many missed it in the period, and for
// how many it still runs.
type Clock struct {
	Title, Href string
	Late        Link
	Pending     Link
	Of          Link
	Bad         bool
	Note        string
}

// ClocksOf shows the indicators that count against a time limit of tickets.
// Those without a data source are left out.
func ClocksOf(l Language, s Scope, indicators []catalogue.Indicator, figures []metrics.Figure) []Clock {
	of := byKey(figures)
	var out []Clock
	for _, ind := range indicators {
		fs := of[ind.Key]
		if !IsClock(ind) || len(fs) == 0 || fs[0].Status == metrics.StatusNoSource {
			continue
		}
		f := fs[0]
		c := Clock{Title: l.Title(ind.Title), Href: s.URL(IndicatorPath(ind.Key))}
		if f.Numerator == nil || f.Denominator == nil {
			c.Note = l.T("status.no_data")
			out = append(out, c)
			continue
		}
		late := *f.Denominator - *f.Numerator
		c.Late = part(l, s, ind, metrics.PartMissed, "clock.late", late)
		c.Late.Text = Sum(late)
		c.Of = part(l, s, ind, metrics.PartDenominator, "part.of", *f.Denominator)
		c.Bad = late > 0
		if f.Pending != nil {
			c.Pending = part(l, s, ind, metrics.PartPending, "clock.pending", float64(*f.Pending))
		}
		out = append(out, c)
	}
	return out
}

// IsClock says whether an indicator counts against a time limit of tickets.
func IsClock(ind catalogue.Indicator) bool {
	return ind.Window == catalogue.Due && ind.Kind == catalogue.Ratio && ind.Population.Base == "tickets"
}
