package metrics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
)

// Trend is an indicator over time as its control chart judges it (STATISTICS.md 1
// to 6, 19 and 22).
type Trend struct {
	Key   string
	Grain calendar.Grain
	// By are the values of the split; empty: the whole scope. Where is the scope.
	By    map[string]string
	Where map[string][]string
	// Figures are one per period, in order, as long as Chart.Points. A period
	// without data has one too, without a value.
	Figures []Figure
	// Chart has a point per period; its time is the period's first day. Values are
	// in the indicator's unit: rates are 0 to 1.
	Chart     stats.Chart
	Variation stats.VariationIcon
	Assurance stats.AssuranceIcon
	// Breaks are the decisions in force about this chart; each begins a phase of it,
	// if it has points on both sides.
	Breaks []PhaseBreak
	// Cut says that the first period lies at the bound of periods that are looked
	// at ([TrendPeriods]): there may be data before it.
	Cut bool
}

// Periods are the calendar periods of the trend's points.
func (t Trend) Periods() []calendar.Period {
	out := make([]calendar.Period, len(t.Figures))
	for i, f := range t.Figures {
		out[i] = calendar.PeriodOf(t.Grain, f.From)
	}
	return out
}

// ByWeekday says that each day is held against its own weekday: mean and limits
// are those of the weekday, and there is no mean of all.
func (t Trend) ByWeekday() bool { return t.Grain == calendar.GrainDay }

// TrendGrains are the periods that a trend can have.
var TrendGrains = []calendar.Grain{calendar.GrainWeek, calendar.GrainMonth, calendar.GrainDay}

// TrendPeriods is how many periods of a grain a trend looks back at most: ten
// years of weeks, twenty of months, three of days. It bounds what one trend costs.
func TrendPeriods(g calendar.Grain) int {
	switch g {
	case calendar.GrainDay:
		return 3 * 366
	case calendar.GrainWeek:
		return 10 * 53
	case calendar.GrainMonth:
		return 20 * 12
	}
	return 0
}

// BaselineDays are the days that fix the rates by weekday and the limits of a
// daily chart: eight weeks (STATISTICS.md 19).
const BaselineDays = 8 * 7

// Trends answers one trend per key, in the order asked, and per combination of
// q.By that has units. A trend starts at the first complete period with data in
// the scope, wherever q.From lies, and ends with the last whole period before
// q.To that has begun at as_of. A period that had not ended then, or has units
// whose deadline is still open, is unfinished and not judged. q.Grain is day, week
// or month; empty: [TrendGrain] chooses for each trend. The state at as_of has no
// history: its trend has no points.
//
// All keys are answered together: once over the facts for a given grain, at most
// twice without one.
func (e *Evaluator) Trends(ctx context.Context, q Question) ([]Trend, error) {
	if q.Grain != "" && !slices.Contains(TrendGrains, q.Grain) {
		return nil, &QuestionError{"grain", fmt.Sprintf("%q: a trend is by day, week or month", q.Grain)}
	}
	inds, err := q.Indicators(e.cat)
	if err != nil {
		return nil, err
	}
	of, release, err := e.read(ctx, q.AsOf, inds)
	if err != nil {
		return nil, err
	}
	defer release()
	size := func(trends []Trend) int {
		n := 0
		for _, t := range trends {
			// A period has a figure and a point of the chart.
			n += 1 + 2*len(t.Figures)
		}
		return n
	}
	// A decision counts from when it is taken, not from the next run on, and for no
	// instant before.
	var decided time.Time
	if of.edition != liveEdition {
		decided = of.asOf
	}
	breaks, err := e.PhaseBreaks(ctx, decided)
	if err != nil {
		return nil, err
	}
	trends, err := keep(ctx, e.kept, of, fmt.Sprint("trends ", breaks), q, size, func() ([]Trend, error) { return e.judge(ctx, q, inds, breaks, of) })
	return slices.Clone(trends), err
}

// judge answers trends from a state that its caller holds.
func (e *Evaluator) judge(ctx context.Context, q Question, inds []catalogue.Indicator, breaks []PhaseBreak, of pinned) ([]Trend, error) {
	var timed []catalogue.Indicator
	for _, ind := range inds {
		if ind.Window != catalogue.Snap {
			timed = append(timed, ind)
		}
	}
	found := map[string][]Trend{}
	grain := q.Grain
	if grain == "" {
		grain = calendar.GrainWeek
	}
	if err := e.trends(ctx, q, timed, grain, breaks, of, found); err != nil {
		return nil, err
	}
	if q.Grain == "" {
		if err := e.coarser(ctx, q, timed, breaks, of, found); err != nil {
			return nil, err
		}
	}
	var out []Trend
	for _, ind := range inds {
		if ind.Window == catalogue.Snap {
			if len(q.By) == 0 {
				hidden := stats.VariationIcon{Hidden: stats.ReasonNoChartWanted, Direction: stats.DirectionCommon}
				out = append(out, Trend{Key: ind.Key, Grain: grain, Where: q.Where, By: map[string]string{}, Chart: stats.Chart{Better: better(ind)},
					Variation: hidden, Assurance: stats.AssuranceIcon{Hidden: stats.ReasonNoChartWanted}})
			}
			continue
		}
		out = append(out, found[ind.Key]...)
	}
	return out, nil
}

// FromFacts says whether the facts by day answer a question about an indicator, so
// that its cost is that of days and not of units.
func FromFacts(ind catalogue.Indicator, q Question) bool {
	return q.AsOf.IsZero() && ind.Window != catalogue.Snap && factsAnswer(q) && !ofState(ind)
}

// coarser replaces the weekly trends whose weeks hold too little by monthly ones.
func (e *Evaluator) coarser(ctx context.Context, q Question, inds []catalogue.Indicator, breaks []PhaseBreak, of pinned, found map[string][]Trend) error {
	var sparse []catalogue.Indicator
	for _, ind := range inds {
		for _, t := range found[ind.Key] {
			if TrendGrain(ind, t) != t.Grain {
				sparse = append(sparse, ind)
				break
			}
		}
	}
	if len(sparse) == 0 {
		return nil
	}
	months := map[string][]Trend{}
	if err := e.trends(ctx, q, sparse, calendar.GrainMonth, breaks, of, months); err != nil {
		return err
	}
	for _, ind := range sparse {
		of := map[string]Trend{}
		for _, t := range months[ind.Key] {
			of[group(q.By, t.By)] = t
		}
		for i, t := range found[ind.Key] {
			// A scope whose data began this month has no month to show yet.
			if m, ok := of[group(q.By, t.By)]; ok && TrendGrain(ind, t) != t.Grain {
				found[ind.Key][i] = m
			}
		}
	}
	return nil
}

// group names the values of a split.
func group(by []string, values map[string]string) string {
	var b strings.Builder
	for _, d := range by {
		fmt.Fprintf(&b, "%q", values[d])
	}
	return b.String()
}

// TrendGrain is the grain that a trend is best judged in, from the trend in weeks:
// weeks where enough is counted in one for its chart, else months. Rates and
// counts per volume need five expected events, and non-events of a rate
// (STATISTICS.md 2 and 3); means and others the indicator's minimum sample in the
// median week; and no more than a quarter of the weeks may be without data.
func TrendGrain(ind catalogue.Indicator, weekly Trend) calendar.Grain {
	var baseline []stats.Observation
	var units []int64
	missing := 0
	for i, p := range weekly.Chart.Points {
		switch {
		case p.Judged && len(baseline) < stats.BaselineWeekly:
			baseline = append(baseline, p.Observation)
			units = append(units, weekly.Figures[i].Units)
		case p.Missing:
			missing++
		}
	}
	if 4*missing > len(weekly.Chart.Points) {
		return calendar.GrainMonth
	}
	if len(units) == 0 {
		return calendar.GrainWeek
	}
	slices.Sort(units)
	enough := units[len(units)/2] >= ind.Minimum
	if m := measure(ind); m != stats.MeasureValue {
		var num, den float64
		for _, o := range baseline {
			num, den = num+o.Numerator, den+o.Denominator
		}
		// Nothing or everything in all weeks: the expected counts say nothing.
		if num > 0 && (m != stats.MeasureRate || num < den) {
			enough = stats.Choose(m, baseline).Kind != stats.KindNone
		}
	}
	if !enough {
		return calendar.GrainMonth
	}
	return calendar.GrainWeek
}

// trends asks for the figures of one grain and judges them.
func (e *Evaluator) trends(ctx context.Context, q Question, inds []catalogue.Indicator, grain calendar.Grain, breaks []PhaseBreak, of pinned, found map[string][]Trend) error {
	if len(inds) == 0 || of.asOf.IsZero() {
		return e.empty(q, inds, grain, found)
	}
	last := calendar.PeriodOf(grain, q.To-1)
	if last.To > q.To {
		last = last.Previous()
	}
	if last.Start().After(of.asOf) {
		last = calendar.PeriodOf(grain, calendar.DayOf(of.asOf))
	}
	first := last
	for range TrendPeriods(grain) - 1 {
		first = first.Previous()
	}
	q.From, q.To, q.Grain, q.Keys = first.From, last.To, grain, nil
	for _, ind := range inds {
		q.Keys = append(q.Keys, ind.Key)
	}
	figures, err := e.calculate(ctx, q, inds, of, true)
	if err != nil {
		return err
	}
	// Figures come grouped: by key, by the values of the split, in order of time.
	grouped := map[string][][]Figure{}
	for i, f := range figures {
		groups := grouped[f.Key]
		if i > 0 && figures[i-1].Key == f.Key && group(q.By, figures[i-1].By) == group(q.By, f.By) {
			groups[len(groups)-1] = append(groups[len(groups)-1], f)
		} else {
			groups = append(groups, []Figure{f})
		}
		grouped[f.Key] = groups
	}
	for _, ind := range inds {
		for _, figures := range grouped[ind.Key] {
			t, err := judged(ind, q, first, last, figures, breaks)
			if err != nil {
				return fmt.Errorf("trend of %s: %w", ind.Key, err)
			}
			found[ind.Key] = append(found[ind.Key], t)
		}
	}
	return nil
}

// empty are the trends of what was never counted.
func (e *Evaluator) empty(q Question, inds []catalogue.Indicator, grain calendar.Grain, found map[string][]Trend) error {
	for _, ind := range inds {
		if len(q.By) > 0 {
			continue
		}
		q.Grain = grain
		t, err := judged(ind, q, calendar.Period{}, calendar.Period{}, nil, nil)
		if err != nil {
			return fmt.Errorf("trend of %s: %w", ind.Key, err)
		}
		found[ind.Key] = []Trend{t}
	}
	return nil
}

// judged makes a trend of an indicator's figures in [first, last], of which some
// may be missing.
func judged(ind catalogue.Indicator, q Question, first, last calendar.Period, figures []Figure, breaks []PhaseBreak) (Trend, error) {
	t := Trend{Key: ind.Key, Grain: q.Grain, Where: q.Where, By: map[string]string{}}
	if len(figures) > 0 {
		t.By = figures[0].By
	}
	start, partly := firstComplete(ind, figures)
	if start < len(figures) {
		t.Cut = figures[start].From == first.From
		of := map[calendar.Day]Figure{}
		for _, f := range figures[start:] {
			of[f.From] = f
		}
		blank := figures[start]
		for p := calendar.PeriodOf(q.Grain, blank.From); p.From <= last.From; p = p.Next() {
			f, ok := of[p.From]
			if !ok {
				f = Figure{Key: ind.Key, Revision: blank.Revision, From: p.From, To: p.To, AsOf: blank.AsOf, By: blank.By, Unit: blank.Unit, Status: StatusNoData}
			}
			t.Figures = append(t.Figures, f)
		}
	}
	t.Breaks = breaksOf(breaks, ind.Key, q.Where, t.By)
	var err error
	if t.Chart, err = controlChart(ind, q.Grain, t.Figures, partly, t.Breaks); err != nil {
		return t, err
	}
	t.Variation = t.Chart.Variation()
	target, moving := t.target()
	t.Assurance = t.Chart.Assurance(target, moving)
	return t, nil
}

// firstComplete is the index of the first figure with data of a period that was
// observed from its first day on. Where there is no such period, it is the first
// with data, and partly observed.
func firstComplete(ind catalogue.Indicator, figures []Figure) (start int, partly bool) {
	// Of a ratio of two counts nothing is known before the first unit of the one
	// that is counted: nobody may have reported them.
	counted := func(f Figure) bool {
		return f.Units > 0 && (ind.Kind != catalogue.RatioOfCounts || *f.Numerator > 0)
	}
	units := func(f Figure) bool { return f.Units > 0 }
	if start = slices.IndexFunc(figures, counted); start < 0 {
		if start = slices.IndexFunc(figures, units); start < 0 {
			return len(figures), false
		}
	}
	if figures[start].FirstDay <= figures[start].From {
		return start, false
	}
	if next := slices.IndexFunc(figures[start+1:], units); next >= 0 {
		return start + 1 + next, false
	}
	return start, true
}

// target is the one in force at the end of the trend, and whether another one was
// in force earlier in the last phase.
func (t Trend) target() (target *float64, moving bool) {
	phase, ok := t.Chart.Last()
	if !ok {
		return nil, false
	}
	seen := false
	for i := len(t.Figures) - 1; i >= phase.From; i-- {
		v := t.Figures[i].Target
		switch {
		case t.Chart.Points[i].Missing:
		case !seen:
			target, seen = v, true
		case (v == nil) != (target == nil), v != nil && *v != *target:
			moving = true
		}
	}
	return target, moving
}

// measure is what an indicator's value is for its chart. A kind that is neither a
// share nor a count per volume is judged by its values.
func measure(ind catalogue.Indicator) stats.Measure {
	switch ind.Kind {
	case catalogue.Ratio:
		return stats.MeasureRate
	case catalogue.RatioOfCounts:
		return stats.MeasurePerVolume
	}
	return stats.MeasureValue
}

func better(ind catalogue.Indicator) stats.Better {
	switch ind.Better {
	case "up":
		return stats.BetterHigher
	case "down":
		return stats.BetterLower
	}
	return stats.BetterNone
}

// bounds are those of an indicator's values: nothing counted, and no time, lies
// below 0; points lie within 0 and 100, a net promoter score within -100 and 100.
func bounds(ind catalogue.Indicator) stats.Bounds {
	zero, top := 0.0, 100.0
	switch ind.Unit {
	case catalogue.Rate:
		top = 1
		return stats.Bounds{Floor: &zero, Ceiling: &top}
	case catalogue.Points:
		if ind.Kind == catalogue.NPS {
			floor := -top
			return stats.Bounds{Floor: &floor, Ceiling: &top}
		}
		return stats.Bounds{Floor: &zero, Ceiling: &top}
	}
	return stats.Bounds{Floor: &zero}
}

// pendingShare is the share of a period's units that may still be pending: more
// make it unfinished. One parcel that customs keeps for months must not take a
// month of a million from the chart; it moves the rate by less than its limits.
const pendingShare = 0.01

// pending says whether too many units of a period can't be judged yet.
func (f Figure) pending() bool {
	return f.Pending != nil && float64(*f.Pending) > pendingShare*float64(f.Units+*f.Pending)
}

// observation is a figure as the chart sees it.
func observation(ind catalogue.Indicator, grain calendar.Grain, f Figure) stats.Observation {
	p := calendar.PeriodOf(grain, f.From)
	o := stats.Observation{Label: p.Label(), At: int64(p.From), Missing: f.Value == nil}
	o.Unfinished = p.End().After(f.AsOf) || f.pending()
	if o.Missing {
		return o
	}
	switch ind.Kind {
	case catalogue.Ratio:
		o.Numerator, o.Denominator = *f.Numerator, *f.Denominator
		if ind.Weight != "" {
			// Sums of weights are no counts: the chart needs the units behind them.
			o.Denominator = float64(f.Units)
			o.Numerator = min(*f.Value, 1) * o.Denominator
		}
	case catalogue.RatioOfCounts:
		o.Numerator, o.Denominator = *f.Numerator, *f.Denominator
	default:
		o.Value = *f.Value
	}
	return o
}

// chartOptions are those of an indicator's chart by periods of a grain.
func chartOptions(ind catalogue.Indicator, grain calendar.Grain) stats.Options {
	opts := stats.Options{Measure: measure(ind), Better: better(ind), Baseline: stats.BaselineMonthly, Bounds: bounds(ind), Scale: 1}
	if opts.Measure == stats.MeasurePerVolume {
		opts.Scale = ind.Scale
	}
	if grain != calendar.GrainMonth {
		opts.Baseline = stats.BaselineWeekly
	}
	return opts
}

// controlChart judges an indicator's figures of consecutive periods; partly says
// that the first one was observed in part.
func controlChart(ind catalogue.Indicator, grain calendar.Grain, figures []Figure, partly bool, breaks []PhaseBreak) (stats.Chart, error) {
	opts := chartOptions(ind, grain)
	opts.Breaks = breakTimes(grain, breaks)
	observations := make([]stats.Observation, len(figures))
	for i, f := range figures {
		observations[i] = observation(ind, grain, f)
	}
	if partly {
		observations[0].Unfinished = true
	}
	judge := stats.ControlChart
	switch {
	case ind.Kind == catalogue.Mean && ind.Moves():
		// What is still open gets older: a mean of its age is larger for every earlier
		// period, whatever was done.
		judge = func(o []stats.Observation, opts stats.Options) (stats.Chart, error) {
			opts.Kind = stats.KindXmR
			return lineOf(o, opts, stats.ReasonNoChartWanted)
		}
	case grain == calendar.GrainDay:
		judge = dayChart
	}
	c, err := judge(observations, opts)
	if err != nil {
		return c, err
	}
	// Limits of a trial still move with each point: they are drawn, and nothing is
	// said by them.
	for i, p := range c.Points {
		if p.Phase >= 0 && c.Phases[p.Phase].State == stats.PhaseTrial {
			c.Points[i].Signals, c.Points[i].Direction = nil, stats.DirectionCommon
		}
	}
	return c, nil
}

// dayChart judges days. What a weekday makes of a rate is no signal: each is held
// against the rate of its weekday in the first eight weeks, in standard deviations
// of sampling, by an XmR chart of those (STATISTICS.md 19); limits are written
// back to the unit of the values, so that each weekday has its own. Other values
// than rates and counts per volume have a line without limits.
func dayChart(observations []stats.Observation, opts stats.Options) (stats.Chart, error) {
	plain := opts
	plain.Kind = stats.KindXmR
	values := slices.Clone(observations)
	var nums, dens [7]float64
	var baseline []stats.Observation
	counts := opts.Measure == stats.MeasureRate || opts.Measure == stats.MeasurePerVolume
	for i, o := range observations {
		if !counts || o.Missing || o.Denominator == 0 {
			continue
		}
		values[i].Value = o.Numerator / o.Denominator * opts.Scale
		if !o.Unfinished && len(baseline) < BaselineDays {
			baseline = append(baseline, o)
			w := calendar.Day(o.At).Weekday()
			nums[w], dens[w] = nums[w]+o.Numerator, dens[w]+o.Denominator
		}
	}
	reason := stats.ReasonNone
	switch {
	case !counts:
		reason = stats.ReasonNoChartWanted
	case len(baseline) < BaselineDays:
		reason = stats.ReasonFewPoints
	case stats.Choose(opts.Measure, baseline).Kind == stats.KindNone:
		reason = stats.ReasonFewExpected
	}
	var rate, deviation [7]float64
	for w := range 7 {
		rate[w] = nums[w] / dens[w]
		spread := rate[w]
		if opts.Measure == stats.MeasureRate {
			spread *= 1 - rate[w]
		}
		deviation[w] = math.Sqrt(spread)
		if reason == stats.ReasonNone && !(deviation[w] > 0) {
			reason = stats.ReasonFewExpected
		}
	}
	if reason != stats.ReasonNone {
		return lineOf(values, plain, reason)
	}
	z := slices.Clone(values)
	for i, o := range values {
		if o.Missing || o.Denominator == 0 {
			z[i].Missing = true
			continue
		}
		w := calendar.Day(o.At).Weekday()
		z[i].Value = (o.Numerator/o.Denominator - rate[w]) / deviation[w] * math.Sqrt(o.Denominator)
	}
	judge := plain
	judge.Bounds, judge.Baseline = stats.Bounds{}, BaselineDays
	c, err := stats.ControlChart(z, judge)
	if err != nil {
		return c, err
	}
	c.Bounds = opts.Bounds
	for i := range c.Points {
		p := &c.Points[i]
		p.Value = values[i].Value
		if p.Limits == nil {
			continue
		}
		w := calendar.Day(p.At).Weekday()
		back := func(z float64) float64 {
			return (rate[w] + z*deviation[w]/math.Sqrt(p.Denominator)) * opts.Scale
		}
		l := stats.Limits{Centre: back(p.Limits.Centre), Lower: back(p.Limits.Lower), Upper: back(p.Limits.Upper),
			NearLower: back(p.Limits.NearLower), NearUpper: back(p.Limits.NearUpper)}
		l.ClippedLower = l.Lower < 0
		l.ClippedUpper = opts.Measure == stats.MeasureRate && l.Upper > opts.Scale
		p.Limits = &l
	}
	return c, nil
}

// lineOf is a chart without limits, and why.
func lineOf(observations []stats.Observation, opts stats.Options, reason stats.Reason) (stats.Chart, error) {
	c, err := stats.ControlChart(observations, opts)
	if err != nil {
		return c, err
	}
	c.Kind = stats.KindNone
	for i := range c.Phases {
		c.Phases[i] = stats.Phase{From: c.Phases[i].From, To: c.Phases[i].To, State: stats.PhaseLine, Reason: reason, Points: c.Phases[i].Points}
	}
	for i := range c.Points {
		c.Points[i].Limits, c.Points[i].Signals, c.Points[i].Direction = nil, nil, stats.DirectionCommon
	}
	return c, nil
}

// Signal is one pattern that a rule found in a trend, with what it means.
// Neighbouring points outside on one side, and overlapping windows of two in
// three, are one signal.
type Signal struct {
	stats.Signal
	Direction stats.Direction
}

// Signals are the patterns in the trend, the newest first; of those that end
// together the one with the highest precedence.
func (t Trend) Signals() []Signal {
	var out []Signal
	for _, p := range t.Chart.Points {
		for _, s := range p.Signals {
			out = join(out, s)
		}
	}
	for i := range out {
		out[i].Direction = out[i].Side.Means(t.Chart.Better)
	}
	slices.SortStableFunc(out, func(a, b Signal) int {
		return cmp.Or(cmp.Compare(b.To, a.To), cmp.Compare(a.Rule.Precedence(), b.Rule.Precedence()), cmp.Compare(b.From, a.From))
	})
	return out
}

// join adds a signal of a further point to those of the points before.
func join(signals []Signal, s stats.Signal) []Signal {
	for i := range signals {
		have := &signals[i]
		if have.Rule != s.Rule || have.Side != s.Side {
			continue
		}
		same := have.From == s.From && have.To == s.To
		next := s.Rule == stats.RuleOutside && s.From == have.To
		overlap := s.Rule == stats.RuleTwoInThree && s.From < have.To && have.From < s.To
		if same || next || overlap {
			have.From, have.To = min(have.From, s.From), max(have.To, s.To)
			return signals
		}
	}
	return append(signals, Signal{Signal: s})
}
