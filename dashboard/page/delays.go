package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/stats"
)

// DelaysPath is the page of the delays.
const DelaysPath = "/delays"

// Delays is the page of where late cases lost their time.
type Delays struct {
	Frame
	Empty, Failed bool
	// Nothing says that the period has no data; Last leads to the last with data.
	Nothing        bool
	Last, LastText string
	Figure         Figure
	// Lost are the points that the rate lost, Late its cases, LostOf their list.
	Lost, Late string
	LostOf     Link
	Losses     []Loss
	Ladder     []DelayRow
	// Causes draws those with a reason first; CauseGroups names the two groups.
	Causes      *chart.Chart
	CauseGroups []CauseGroup
	// CauseRows, PlaceRows and StepRows each add up to Lost; where entries are left
	// out, the last row stands for them.
	CauseRows, PlaceRows, StepRows []DelayRow
	StripTitle                     string
	// OtherPlaces are those that PlaceRows leaves out, as far as they are listed.
	OtherPlaces  []DelayRow
	Regions      []DelayRow
	RegionTitle  string
	Funnel       *chart.Chart
	FunnelNote   string
	Outlets      []DelayRow // those outside the limits, the worst first
	OtherOutlets []DelayRow
	OutletsLeft  int // in neither
	Hours        []HourRow
	HourNames    []string
	// Method says from what the budgets come.
	Method string
}

func (*Delays) template() string { return "delays" }

// Loss is what a cause at a place cost, as a sentence.
type Loss struct {
	Heading string
	What    Link // place and cause
	Points  string
	Cases   Link
	Days    string // when; empty if not within a few days
}

// CauseGroup is what the causes with a reason cost, or those where none was given.
type CauseGroup struct{ Class, Text string }

// DelayRow is one entry of a table of delays.
type DelayRow struct {
	Name   Link
	Title  string
	Points string // without unit; empty where points don't apply
	Value  string // share or rate
	Cases  Link
	Of     Link
	Over   string // typical hours above the budget
	Width  string // of its bar, 0 to 100
	Class  string
	Causes []Link
	Days   string
	Strip  *Strip
	Status string
}

// Strip is the loss over time as bars.
type Strip struct {
	Width, Height int
	Label         string
	Bars          []StripBar
}

// StripBar is one period of a strip.
type StripBar struct {
	X, Y, W, H  string
	Class       string
	Title, Href string
}

// HourRow are the hours of a weekday.
type HourRow struct {
	Name  string
	Cells []HourCell
	All   HourCell
}

// HourCell is the late share of cases accepted in an hour; empty without cases.
type HourCell struct {
	Text, Class, Title string
	Href, Rows         string
}

// The most entries that a table shows; the export has all.
const (
	delayRows   = 15
	causesDrawn = 20
	outletRows  = 20
	causesShown = 2
)

// rowsOfDelay is the list of the late cases of a cell; pairs are names of
// metrics.DelayNames and their values.
func rowsOfDelay(s Scope, part metrics.Part, pairs ...string) string {
	return s.URL(IndicatorPath(metrics.DelayKey)+"/rows", append([]string{"part", string(part)}, pairs...)...)
}

// late is a number of late cases with the list of their cell.
func late(s Scope, n int64, pairs ...string) Link {
	return Link{Text: Count(n), Href: rowsOfDelay(s, metrics.PartMissed, pairs...), Rows: strconv.FormatInt(n, 10), Part: metrics.PartMissed}
}

// Cause names a cause of delay or a step.
func (l Language) Cause(v string) string { return l.Word("cause", v) }

// Place names a place where a step happened.
func (l Language) Place(v string) string {
	if v == metrics.UnknownPlace {
		return l.T("delays.place.unknown")
	}
	return v
}

// Points writes percentage points.
func (l Language) Points(v float64) string {
	if v > 0 && v < 0.005 {
		return "< 0.01"
	}
	return number(v, 2)
}

// Days writes a span of days without their year.
func (l Language) Days(p calendar.Period) string {
	_, m, d := p.From.Date()
	_, m2, d2 := (p.To - 1).Date()
	switch {
	case l == English && p.Len() == 1:
		return fmt.Sprintf("%d %s", d, m.String()[:3])
	case l == English && m == m2:
		return fmt.Sprintf("%d–%d %s", d, d2, m.String()[:3])
	case l == English:
		return fmt.Sprintf("%d %s – %d %s", d, m.String()[:3], d2, m2.String()[:3])
	case p.Len() == 1:
		return fmt.Sprintf("%d 月 %d 日", int(m), d)
	case m == m2:
		return fmt.Sprintf("%d 月 %d 日至 %d 日", int(m), d, d2)
	}
	return fmt.Sprintf("%d 月 %d 日至 %d 月 %d 日", int(m), d, int(m2), d2)
}

// LossOf puts a loss into words. s is the scope of the loss's period; heading is
// the key of what stands before it.
func LossOf(l Language, s Scope, heading string, loss metrics.DelayLoss) Loss {
	out := Loss{
		Heading: l.T(heading, l.Period(s.Period)),
		What:    Link{Text: l.Place(loss.Place) + " · " + l.Cause(loss.Cause), Href: s.URL(DelaysPath) + "#places"},
		Points:  l.T("delays.points", l.Points(loss.Points)),
		Cases:   late(s, loss.Cases, metrics.DelayCause, loss.Cause, metrics.DelayPlace, loss.Place),
	}
	out.Cases.Text = l.T("delays.cases", out.Cases.Text)
	if loss.Burst {
		out.Days = l.T("delays.days", Count(loss.Within), l.Days(loss.Days))
		if loss.Within == loss.Cases {
			out.Days = l.T("delays.days.all", l.Days(loss.Days))
		}
	}
	return out
}

// LossesOf are the sentences of a period: its largest loss at a place, its largest
// burst where that is another, and earlier, if any.
func LossesOf(l Language, s Scope, d metrics.Delays, earlier *Loss) []Loss {
	var out []Loss
	worst, ok := d.Worst()
	if ok {
		out = append(out, LossOf(l, s, "delays.worst", worst))
	}
	if burst, ok := d.Burst(); ok && (burst.Cause != worst.Cause || burst.Place != worst.Place) {
		// What is left over of an earlier burst is told with it.
		if loss := LossOf(l, s, "delays.burst", burst); earlier == nil || earlier.What.Text != loss.What.Text {
			out = append(out, loss)
		}
	}
	if earlier != nil {
		out = append(out, *earlier)
	}
	return out
}

// WayStep is a step on the way of a late case.
type WayStep struct {
	Step, Place, Reason, Began string
	Hours, Budget, Over        string
	Cause                      bool
}

// WayOf puts the way of a late case on its page.
func (s *Subject) WayOf(legs []metrics.Leg) {
	l := s.Lang
	hours := func(v float64) string { return number(v, 1) }
	for _, leg := range legs {
		// What stands there adds up: the difference is that of the rounded hours.
		over := math.Round(leg.Hours*10)/10 - math.Round(leg.Budget*10)/10
		step := WayStep{Step: l.Cause(leg.Step), Place: leg.Place, Began: Minute(leg.Began), Hours: hours(leg.Hours), Budget: hours(leg.Budget), Over: hours(over), Cause: leg.Cause}
		if leg.Budget == 0 {
			step.Budget = Dash
		}
		if leg.Reason != "" {
			step.Reason = l.Cause(leg.Reason)
		}
		if leg.Cause {
			s.Why = step.Step
			if step.Reason != "" {
				s.Why = step.Reason
			}
			if step.Place != "" {
				s.Why += " · " + step.Place
			}
		}
		s.Way = append(s.Way, step)
	}
}

// Fill puts the delays of the period into the page. earlier is the page's own
// sentence about the days before, if any.
func (v *Delays) Fill(ind catalogue.Indicator, d metrics.Delays, earlier *Loss) error {
	l, s := v.Lang, v.Scope
	v.Figure = FigureOf(l, ind, s, d.Rate)
	if d.Rate.Denominator == nil || *d.Rate.Denominator == 0 {
		v.Nothing = true
		return nil
	}
	missed := int64(*d.Rate.Denominator - *d.Rate.Numerator)
	lost := float64(missed) / *d.Rate.Denominator * 100
	v.Lost, v.Late, v.LostOf = l.Points(lost), Count(missed), late(s, missed)
	v.LostOf.Text = l.T("delays.cases", v.LostOf.Text)
	if d.Yardstick > 0 {
		v.Method = l.T("delays.method", Count(d.Yardstick), l.Period(calendar.Period{From: d.Compared.From, To: d.Rate.From}))
	} else {
		v.Method = l.T("delays.method.none")
	}
	v.Losses = LossesOf(l, s, d, earlier)
	v.ladder(d)
	if err := v.causes(d, lost); err != nil {
		return err
	}
	v.places(d, lost)
	v.steps(d, lost)
	v.regions(ind, d)
	if err := v.outlets(ind, d); err != nil {
		return err
	}
	v.hours(d)
	return nil
}

func (v *Delays) ladder(d metrics.Delays) {
	for _, rung := range d.Ladder {
		part, class := metrics.PartMissed, "missed"
		if rung.Lateness == metrics.Latenesses[0] {
			part, class = metrics.PartNumerator, "met"
		}
		v.Ladder = append(v.Ladder, DelayRow{
			Name: Link{Text: v.Lang.T("delays.ladder." + rung.Lateness)}, Value: Percent(rung.Share), Class: class, Width: number(rung.Share*100, 2),
			Cases: Link{Text: Count(rung.Cases), Rows: strconv.FormatInt(rung.Cases, 10), Part: part,
				Href: rowsOfDelay(v.Scope, part, metrics.DelayLateness, rung.Lateness)},
		})
	}
}

// shareRow is an entry of one of the lists that add up.
func (v *Delays) shareRow(d metrics.Delays, name string, share metrics.DelayShare, most float64, pairs ...string) DelayRow {
	row := DelayRow{
		Name: Link{Text: name}, Points: v.Lang.Points(share.Points), Cases: late(v.Scope, share.Cases, pairs...), Width: width(share.Points, most), Class: "missed",
	}
	if share.OverHours != nil {
		row.Over = v.Lang.overHours(*share.OverHours)
	}
	if days, within, ok := d.When(share); ok && share.Cases > 1 {
		row.Days = v.Lang.T("delays.days.short", v.Lang.Days(days), Count(within))
	}
	return row
}

// overHours writes a length of time in hours, from one day of 24 hours on in days,
// with one decimal: lengths of a column can be compared.
func (l Language) overHours(hours float64) string {
	if math.Abs(hours) >= 23.95 {
		return l.T("delays.over.days", number(hours/24, 1))
	}
	return l.T("delays.over.hours", number(hours, 1))
}

func width(part, most float64) string {
	if most <= 0 {
		return "0"
	}
	return number(min(part/most*100, 100), 1)
}

// rest is the row of the late cases that the rows before leave out, if any. They
// are found at href.
func (v *Delays) rest(shown int64, d metrics.Delays, href string) []DelayRow {
	left := int64(*d.Rate.Denominator-*d.Rate.Numerator) - shown
	if left <= 0 {
		return nil
	}
	return []DelayRow{{
		Name: Link{Text: v.Lang.T("delays.rest"), Href: href}, Points: v.Lang.Points(float64(left) / *d.Rate.Denominator * 100),
		Cases: Link{Text: Count(left)}, Width: "0",
	}}
}

func (v *Delays) causes(d metrics.Delays, lost float64) error {
	l := v.Lang
	zero := 0.0
	draw := chart.Split{Name: l.T("delays.causes"), Description: l.T("delays.causes.chart"), Axis: chart.Axis{Floor: &zero}}
	// Where no reason was given, the cause has the name of its step.
	unexplained := func(cause metrics.DelayShare) bool {
		return slices.ContainsFunc(d.Steps, func(step metrics.DelayShare) bool { return step.Name == cause.Name })
	}
	var shown int64
	for _, group := range []struct {
		class, name string
		step        bool
		tone        chart.Tone
	}{{"full", "delays.causes.reason", false, chart.ToneNeutral}, {"hollow", "delays.causes.step", true, chart.ToneSmall}} {
		var cases int64
		for i, cause := range d.Causes[:min(len(d.Causes), 2*delayRows)] {
			if cause.Cases == 0 || unexplained(cause) != group.step {
				continue
			}
			name := l.Cause(cause.Name)
			row := v.shareRow(d, name, cause, lost, metrics.DelayCause, cause.Name)
			if group.step {
				row.Name.Text = l.T("delays.cause.step", name)
			}
			v.CauseRows = append(v.CauseRows, row)
			cases += cause.Cases
			if i < causesDrawn {
				draw.Bars = append(draw.Bars, chart.Bar{
					Label: name, Value: cause.Points, Tone: group.tone, Note: row.Points + " · " + l.T("delays.cases", row.Cases.Text), Link: row.Cases.Href,
					Text: row.Name.Text + l.T("punctuation.colon") + l.T("delays.points", row.Points) + " · " + l.T("delays.cases", row.Cases.Text),
				})
			}
		}
		if cases > 0 {
			points := l.Points(float64(cases) / *d.Rate.Denominator * 100)
			v.CauseGroups = append(v.CauseGroups, CauseGroup{group.class, l.T(group.name, points, Count(cases))})
		}
		shown += cases
	}
	v.CauseRows = append(v.CauseRows, v.rest(shown, d, v.Scope.URL(DelaysPath+".csv"))...)
	if len(draw.Bars) == 0 {
		return nil
	}
	c, err := chart.Bars(draw)
	if err != nil {
		return fmt.Errorf("causes of delay: %w", err)
	}
	v.Causes = &c
	return nil
}

func (v *Delays) places(d metrics.Delays, lost float64) {
	l := v.Lang
	causes := map[string][]metrics.DelayPair{}
	for _, pair := range d.Pairs {
		causes[pair.Place] = append(causes[pair.Place], pair)
	}
	buckets := stripPeriods(v.Scope.Period, d.Compared)
	var most float64
	var shown int64
	var list []metrics.DelayShare
	// Places with a name come first: they can be gone to.
	for _, named := range []bool{true, false} {
		for _, place := range d.Places {
			if (place.Name != metrics.UnknownPlace) != named || place.Cases == 0 {
				continue
			}
			if named && len(list) == delayRows {
				if len(v.OtherPlaces) < splitRows {
					row := v.shareRow(d, l.Place(place.Name), place, lost, metrics.DelayPlace, place.Name)
					row.Title = place.Name
					v.OtherPlaces = append(v.OtherPlaces, row)
				}
				continue
			}
			list = append(list, place)
			if named {
				most = max(most, peak(d, place, buckets))
			}
		}
	}
	for _, place := range list {
		row := v.shareRow(d, l.Place(place.Name), place, lost, metrics.DelayPlace, place.Name)
		row.Title = place.Name
		for i, pair := range causes[place.Name] {
			if i == causesShown || pair.Cases == 0 {
				break
			}
			link := late(v.Scope, pair.Cases, metrics.DelayCause, pair.Name, metrics.DelayPlace, pair.Place)
			link.Text = l.Cause(pair.Name) + space + Count(pair.Cases)
			row.Causes = append(row.Causes, link)
		}
		if place.Name != metrics.UnknownPlace {
			row.Strip = v.strip(d, place, buckets, most)
		}
		v.PlaceRows = append(v.PlaceRows, row)
		shown += place.Cases
	}
	v.PlaceRows = append(v.PlaceRows, v.rest(shown, d, "#other-places")...)
	if len(buckets) > 0 {
		v.StripTitle = l.T("delays.strip", l.T("each."+string(stripGrain(buckets))))
	}
}

func (v *Delays) steps(d metrics.Delays, lost float64) {
	var shown int64
	for i, step := range d.Steps {
		if step.Cases == 0 || i == 2*delayRows {
			break
		}
		v.StepRows = append(v.StepRows, v.shareRow(d, v.Lang.Cause(step.Name), step, lost, metrics.DelayStep, step.Name))
		shown += step.Cases
	}
	v.StepRows = append(v.StepRows, v.rest(shown, d, v.Scope.URL(DelaysPath+".csv"))...)
}

// stripPeriods are the periods of a strip: days around a short period, else weeks
// or months of all days compared. What lies across an edge of the period is cut
// there, so that a bar counts no day of another period.
func stripPeriods(period, compared calendar.Period) []calendar.Period {
	grain, from := calendar.GrainWeek, compared.From
	switch {
	case period.Len() <= 14:
		grain, from = calendar.GrainDay, period.To-35
	case compared.Len() > 190:
		grain = calendar.GrainMonth
	}
	var out []calendar.Period
	for p := range calendar.Periods(grain, from, compared.To) {
		if p.From < from {
			continue
		}
		if p.From < period.From && period.From < p.To {
			out = append(out, calendar.Period{From: p.From, To: period.From})
			p = calendar.Period{From: period.From, To: p.To}
		}
		if p.To > period.To {
			p = calendar.Period{From: p.From, To: period.To}
		}
		out = append(out, p)
	}
	return out
}

// points are what an entry cost the rate of the days of a period.
func points(d metrics.Delays, share metrics.DelayShare, p calendar.Period) (points float64, cases int64) {
	var of int64
	for day := p.From; day < p.To; day++ {
		cases += share.ByDay[day]
		of += d.Of[day]
	}
	if of == 0 {
		return 0, cases
	}
	return float64(cases) / float64(of) * 100, cases
}

func peak(d metrics.Delays, share metrics.DelayShare, buckets []calendar.Period) float64 {
	most := 0.0
	for _, p := range buckets {
		v, _ := points(d, share, p)
		most = max(most, v)
	}
	return most
}

// stripGrain is what the periods of a strip are that are not cut.
func stripGrain(buckets []calendar.Period) calendar.Grain {
	for _, p := range buckets {
		if p.Grain != "" {
			return p.Grain
		}
	}
	return calendar.GrainDay
}

const (
	stripWidth  = 216
	stripHeight = 28
)

// strip draws an entry over time; most is the height of the tallest of all places,
// so that a burst stands out.
func (v *Delays) strip(d metrics.Delays, share metrics.DelayShare, buckets []calendar.Period, most float64) *Strip {
	l := v.Lang
	out := &Strip{Width: stripWidth, Height: stripHeight, Label: l.T("delays.strip.label", l.Place(share.Name), len(buckets))}
	grain := stripGrain(buckets)
	// A bar is as wide as it has days: what is cut is narrow.
	first, last := buckets[0].From, buckets[len(buckets)-1].To
	day := float64(stripWidth) / float64(last-first)
	gap := day * float64(calendar.PeriodOf(grain, first).Len()) * 0.2
	for _, p := range buckets {
		lost, cases := points(d, share, p)
		name := l.Dated(p)
		if p.Grain == "" {
			name += l.T("delays.strip.part", l.Period(calendar.PeriodOf(grain, p.From)))
		}
		wide := day * float64(p.Len())
		bar := StripBar{
			X: fmt.Sprintf("%.1f", float64(p.From-first)*day), W: fmt.Sprintf("%.1f", max(wide-gap, wide/2)), Class: "before",
			Title: name + l.T("punctuation.colon") + l.T("delays.points", l.Points(lost)) + " · " + l.T("delays.cases", Count(cases)),
			Href:  v.Scope.In(p).URL(DelaysPath),
		}
		if v.Scope.Period.Contains(p.From) {
			bar.Class = "now"
		}
		height := 1.0
		if most > 0 {
			height = max(1, min(lost/most, 1)*(stripHeight-2))
		}
		bar.H, bar.Y = fmt.Sprintf("%.1f", height), fmt.Sprintf("%.1f", stripHeight-height)
		out.Bars = append(out.Bars, bar)
	}
	return out
}

func (v *Delays) regions(ind catalogue.Indicator, d metrics.Delays) {
	l := v.Lang
	v.RegionTitle = l.T("delays.regions", l.T("dim."+d.RegionLevel))
	figures := slices.Clone(d.Regions)
	missed := func(f metrics.Figure) float64 {
		if f.Denominator == nil || f.Numerator == nil {
			return 0
		}
		return *f.Denominator - *f.Numerator
	}
	slices.SortStableFunc(figures, func(a, b metrics.Figure) int { return int(missed(b) - missed(a)) })
	var shown int64
	most := 0.0
	for _, f := range figures {
		most = max(most, missed(f))
	}
	for i, f := range figures {
		if i == delayRows {
			break
		}
		if f.Denominator == nil {
			continue
		}
		name := f.By[d.RegionLevel]
		at := v.Scope.With(d.RegionLevel, name)
		n := int64(missed(f))
		shown += n
		v.Regions = append(v.Regions, DelayRow{
			Name: Link{Text: l.Value(d.RegionLevel, name), Href: at.URL(DelaysPath)}, Points: l.Points(missed(f) / *d.Rate.Denominator * 100),
			Value: v.rate(f), Cases: late(at, n), Of: part(l, at, ind, metrics.PartDenominator, "part.sample", *f.Denominator),
			Width: width(missed(f), most), Class: string(f.Status), Status: l.Status(f.Status),
		})
	}
	v.Regions = append(v.Regions, v.rest(shown, d, v.Scope.URL(IndicatorPath(ind.Key), "by", d.RegionLevel)+"#split")...)
}

func (v *Delays) rate(f metrics.Figure) string {
	if f.Value == nil {
		return Dash
	}
	return Percent(*f.Value) + space + "%"
}

// funnelCurve is how many points a limit of the funnel has.
const funnelCurve = 60

func (v *Delays) outlets(ind catalogue.Indicator, d metrics.Delays) error {
	l := v.Lang
	if len(d.Outlets) == 0 {
		return nil
	}
	zero, hundred := 0.0, 100.0
	draw := chart.Funnel{
		Name: l.Title(ind.Title), Description: l.T("delays.funnel.chart"), SizeName: l.T("delays.funnel.size"),
		Axis: chart.Axis{Suffix: " %", Floor: &zero, Ceiling: &hundred},
	}
	outlets := slices.Clone(d.Outlets)
	slices.SortStableFunc(outlets, func(a, b metrics.DelayOutlet) int {
		switch {
		case a.Funnel.Z < b.Funnel.Z:
			return -1
		case a.Funnel.Z > b.Funnel.Z:
			return 1
		}
		return 0
	})
	outside := 0
	for _, o := range outlets {
		f := o.Figure
		name := f.By["outlet"]
		at := v.Scope.With("outlet", name)
		row := DelayRow{
			Name: Link{Text: l.Value("outlet", name), Href: at.URL(DelaysPath)}, Title: name, Value: v.rate(f),
			Cases: late(at, o.Funnel.N-o.Funnel.X), Of: part(l, at, ind, metrics.PartDenominator, "part.sample", *f.Denominator),
			Status: l.T("delays.side.in"), Class: "near",
		}
		tone := chart.ToneNeutral
		switch {
		case o.Funnel.Small:
			tone, row.Status, row.Class = chart.ToneSmall, l.T("delays.side.small"), "small_sample"
		case o.Side == stats.SideLow:
			tone, row.Status, row.Class = chart.ToneMissed, l.T("delays.side.low"), "missed"
		case o.Side == stats.SideHigh:
			tone, row.Status, row.Class = chart.ToneMet, l.T("delays.side.high"), "met"
		case o.Funnel.LookAt:
			row.Status = l.T("delays.side.look")
		}
		draw.Units = append(draw.Units, chart.FunnelUnit{
			Label: row.Name.Text, Size: float64(o.Funnel.N), Value: o.Funnel.Rate * 100, Tone: tone, Link: row.Name.Href,
			Text: row.Name.Text + l.T("punctuation.colon") + row.Value + " · " + l.T("delays.cases", row.Cases.Text) + " · " + row.Of.Text + " · " + row.Status,
		})
		if o.Side != stats.SideNone {
			outside++
		}
		// Only what lies outside is ranked (STATISTICS.md 9).
		switch {
		case o.Side != stats.SideNone && len(v.Outlets) < outletRows:
			v.Outlets = append(v.Outlets, row)
		case o.Side == stats.SideNone && len(v.OtherOutlets) < splitRows:
			v.OtherOutlets = append(v.OtherOutlets, row)
		default:
			v.OutletsLeft++
		}
	}
	slices.SortStableFunc(v.OtherOutlets, func(a, b DelayRow) int {
		if a.Title < b.Title {
			return -1
		}
		return 1
	})
	sizes, limits := d.FunnelCurve(funnelCurve)
	percent := func(of func(stats.FunnelLimits) float64) []float64 {
		var out []float64
		for _, limit := range limits {
			out = append(out, of(limit)*100)
		}
		return out
	}
	draw.Lines = []chart.FunnelLine{
		{Name: l.T("delays.funnel.group", Percent(d.Group)), Sizes: sizes, Values: percent(func(stats.FunnelLimits) float64 { return d.Group })},
		{Name: l.T("delays.funnel.95"), Dashed: true, Sizes: sizes, Values: percent(func(f stats.FunnelLimits) float64 { return f.Lower95 })},
		{Name: l.T("delays.funnel.95"), Dashed: true, Sizes: sizes, Values: percent(func(f stats.FunnelLimits) float64 { return f.Upper95 })},
		{Name: l.T("delays.funnel.3"), Sizes: sizes, Values: percent(func(f stats.FunnelLimits) float64 { return f.Lower3 })},
		{Name: l.T("delays.funnel.3"), Sizes: sizes, Values: percent(func(f stats.FunnelLimits) float64 { return f.Upper3 })},
	}
	v.FunnelNote = l.T("delays.funnel.note", Percent(d.Group), outside, len(outlets), number(d.Phi, 2))
	c, err := chart.Scatter(draw)
	if err != nil {
		return fmt.Errorf("outlets: %w", err)
	}
	v.Funnel = &c
	return nil
}

// hourMinimum is how many cases an hour needs to be coloured.
const hourMinimum = 30

func (v *Delays) hours(d metrics.Delays) {
	l := v.Lang
	type count struct{ cases, late int64 }
	cells, days, hours := map[[2]int]count{}, map[int]count{}, map[int]count{}
	var all, unknown count
	add := func(c count, cell metrics.DelayHourCell) count {
		return count{c.cases + cell.Cases, c.late + cell.Late}
	}
	first, last := 24, -1
	for _, cell := range d.Hours {
		all = add(all, cell)
		if cell.Weekday == 0 {
			unknown = add(unknown, cell)
			continue
		}
		cells[[2]int{cell.Weekday, cell.Hour}] = count{cell.Cases, cell.Late}
		days[cell.Weekday], hours[cell.Hour] = add(days[cell.Weekday], cell), add(hours[cell.Hour], cell)
		first, last = min(first, cell.Hour), max(last, cell.Hour)
	}
	if all.cases == 0 || last < 0 {
		return
	}
	overall := float64(all.late) / float64(all.cases)
	show := func(c count, name string, pairs ...string) HourCell {
		if c.cases == 0 {
			return HourCell{Class: "none"}
		}
		share := float64(c.late) / float64(c.cases)
		cell := HourCell{
			Text: Percent(share), Href: rowsOfDelay(v.Scope, metrics.PartMissed, pairs...), Rows: strconv.FormatInt(c.late, 10),
			Title: name + l.T("punctuation.colon") + l.T("delays.hour", Count(c.late), Count(c.cases)), Class: "h0",
		}
		switch ratio := share / max(overall, 1e-9); {
		case c.cases < hourMinimum:
			cell.Class = "small_sample"
		case ratio >= 2:
			cell.Class = "h3"
		case ratio >= 1.5:
			cell.Class = "h2"
		case ratio >= 1.2:
			cell.Class = "h1"
		}
		return cell
	}
	hourName := func(hour int) string { return fmt.Sprintf("%02d", hour) }
	for hour := first; hour <= last; hour++ {
		v.HourNames = append(v.HourNames, hourName(hour))
	}
	for weekday := 1; weekday <= 7; weekday++ {
		name := l.T("weekday." + strconv.Itoa(weekday))
		row := HourRow{Name: name, All: show(days[weekday], name, metrics.DelayWeekday, strconv.Itoa(weekday))}
		for hour := first; hour <= last; hour++ {
			row.Cells = append(row.Cells, show(cells[[2]int{weekday, hour}], name+space+hourName(hour)+":00",
				metrics.DelayWeekday, strconv.Itoa(weekday), metrics.DelayHour, strconv.Itoa(hour)))
		}
		v.Hours = append(v.Hours, row)
	}
	total := HourRow{Name: l.T("delays.hours.all"), All: show(all, l.T("delays.hours.all"))}
	for hour := first; hour <= last; hour++ {
		total.Cells = append(total.Cells, show(count{hours[hour].cases, hours[hour].late}, hourName(hour)+":00", metrics.DelayHour, strconv.Itoa(hour)))
	}
	v.Hours = append(v.Hours, total)
	if unknown.cases > 0 {
		v.Hours = append(v.Hours, HourRow{Name: l.T("value.unknown"), All: show(unknown, l.T("value.unknown"), metrics.DelayWeekday, "0")})
	}
}
