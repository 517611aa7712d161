package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Kind is a kind of control chart.
type Kind string

// The kinds of charts. KindNone is a line without limits.
const (
	KindNone   Kind = ""
	KindXmR    Kind = "xmr"     // Single values and their moving range.
	KindP      Kind = "p"       // Rates of counted units.
	KindPPrime Kind = "p_prime" // The same at large denominators (Laney 2002).
	KindU      Kind = "u"       // Counts per volume.
	KindUPrime Kind = "u_prime" // The same at large volumes.
	KindT      Kind = "t"       // Days between rare events.
)

// Numbers of the charts (STATISTICS.md 1, 4 and 6).
const (
	// BaselineMonthly and BaselineWeekly are the points that the limits of a phase are computed from. The second one also
	// holds for days.
	BaselineMonthly = 12
	BaselineWeekly  = 20
	// TrialPoints are the points from which a phase has limits.
	TrialPoints = 5
	// SigmaZDominates is the σ_z above which the variation between periods outweighs that of sampling.
	SigmaZDominates = 2.0

	limitFactor = 2.66  // 3/d2(2), rounded as control charts of individuals have it.
	rangeFactor = 3.267 // D4(2).
	d2          = 1.128 // Mean range of two normal values in standard deviations.
	minExpected = 5.0   // Events and non-events that a point of counts is expected to have.
	tExponent   = 3.6   // Days between Poisson events to the power of 1/3.6 are close to normal (Nelson 1994).
	rounding    = 1e-12 // Share of the size of values by which equal ones can differ after arithmetic.
)

// Better says in which direction an indicator improves.
type Better string

// The directions. BetterNone is that of an indicator which neither rises nor falls for the better.
const (
	BetterNone   Better = ""
	BetterHigher Better = "higher"
	BetterLower  Better = "lower"
)

// Bounds are the values that a quantity cannot pass, or nil.
type Bounds struct{ Floor, Ceiling *float64 }

// Clip returns the value, or the bound that it passes.
func (b Bounds) Clip(v float64) float64 {
	if b.Floor != nil && v < *b.Floor {
		return *b.Floor
	}
	if b.Ceiling != nil && v > *b.Ceiling {
		return *b.Ceiling
	}
	return v
}

// Observation is what was seen in one period or, on a t chart, at one event.
type Observation struct {
	// Label names the period for a reader.
	Label string
	// At orders the points: the first day of the period, or the instant of the event. Only order and equality count.
	At int64
	// Value is that of an XmR or a t chart; the other kinds compute it as Numerator/Denominator·Scale.
	Value float64
	// Numerator and Denominator are counts: 182 late of 1,000, 31 complaints in 98,000 cases.
	Numerator, Denominator float64
	// Missing marks a period without data. A denominator of 0 is the same for a chart of counts.
	Missing bool
	// Unfinished marks a period of which a part is not yet, or was never, observed.
	Unfinished bool
}

// Options say how a series is judged.
type Options struct {
	// Kind is the chart's; KindNone: chosen for each phase from Measure and its baseline by [Choose].
	Kind    Kind
	Measure Measure
	Better  Better
	// Baseline is the number of points that fix the limits of a phase, [BaselineMonthly] or [BaselineWeekly]; 0 is the former.
	Baseline int
	// Scale is the displayed unit of counts per volume: 10,000 for complaints per 10,000 cases; 0 is 1.
	Scale float64
	// Bounds are those of the values of an XmR chart. Rates, counts per volume and days have their own.
	Bounds Bounds
	// Breaks are the times, as [Observation.At], at which a new phase starts; rising.
	Breaks []int64
	// Screen drops moving ranges beyond their own limit once (Nelson 1982) from those that an XmR or t chart's limits use.
	Screen bool
	// Known are limits that don't come from the series, for an XmR chart; nil: from the baseline.
	Known *Known
}

// Known is what an XmR chart is to hold a series against, in place of its baseline.
type Known struct{ Centre, Sigma float64 }

// PhaseState says which limits a phase has.
type PhaseState string

// The states of a phase.
const (
	PhaseLine   PhaseState = "line"   // No limits.
	PhaseTrial  PhaseState = "trial"  // Limits that still move with each new point; dashed, no icons.
	PhaseFrozen PhaseState = "frozen" // Limits fixed on the whole baseline.
)

// Reason says why something is not there.
type Reason string

// The reasons.
const (
	ReasonNone          Reason = ""
	ReasonFewPoints     Reason = "few_points"     // Too few points in the phase.
	ReasonGaps          Reason = "gaps"           // Too few points with a neighbour.
	ReasonFewExpected   Reason = "few_expected"   // Too few events or non-events in a point: take a longer period or a t chart.
	ReasonTrial         Reason = "trial"          // The limits are not yet fixed.
	ReasonNoVariation   Reason = "no_variation"   // All of the baseline is equal, so that every other value would be a signal.
	ReasonNoTarget      Reason = "no_target"      // There is nothing to compare with.
	ReasonMovingTarget  Reason = "moving_target"  // The target is not the same over the phase.
	ReasonUndirected    Reason = "undirected"     // The indicator neither rises nor falls for the better.
	ReasonNoData        Reason = "no_data"        // There is no point at all.
	ReasonNoChartWanted Reason = "not_applicable" // The measure is not judged by a chart.
)

// Phase is a stretch of time with one level and one set of limits. Rules never run from one into the next.
type Phase struct {
	// From and To are indices of [Chart.Points], To not included.
	From, To int
	Kind     Kind
	State    PhaseState
	// Reason says why there are no limits or, with NoVariation, no rules.
	Reason Reason
	// Points counts those that are judged: neither missing nor unfinished.
	Points int
	// Baseline counts the points that the limits are computed from. They are the first ones of the phase.
	Baseline int
	// Centre is the mean of the baseline, in the displayed unit, if there are limits.
	Centre float64
	// MeanRange is the mean moving range of an XmR or t chart, RangeUpper the limit of a range, Sigma the standard
	// deviation they imply. On a t chart all are of days^(1/3.6).
	MeanRange, RangeUpper, Sigma float64
	// SigmaZ is the variation between periods as a multiple of that of sampling, at least 1; of p′ and u′ charts.
	SigmaZ float64
	// NoVariation says that the baseline shows none: the limits are the mean, and the rules are not applied.
	NoVariation bool
}

// HasLimits says whether points of the phase are judged.
func (p Phase) HasLimits() bool { return p.State != PhaseLine }

// Dominated says whether the variation between periods dominates (STATISTICS.md 4).
func (p Phase) Dominated() bool { return p.SigmaZ > SigmaZDominates }

// Limits are those of one point, three standard deviations from the centre, in the displayed unit. They are not cut to
// what is possible, except on a t chart, where no days lie below 0.
type Limits struct {
	Centre, Lower, Upper float64
	// NearLower and NearUpper are two standard deviations from the centre.
	NearLower, NearUpper float64
	// ClippedLower and ClippedUpper mark limits beyond a bound. No point can pass such a limit.
	ClippedLower, ClippedUpper bool
}

// Drawn returns the limits as they are drawn: cut to the bounds.
func (l Limits) Drawn(b Bounds) Limits {
	l.Lower, l.Upper = b.Clip(l.Lower), b.Clip(l.Upper)
	l.NearLower, l.NearUpper = b.Clip(l.NearLower), b.Clip(l.NearUpper)
	return l
}

// Point is an observation as the chart judges it.
type Point struct {
	Observation
	// Phase is an index of [Chart.Phases], -1 before the first one.
	Phase int
	// Judged is false for a missing or unfinished period, to which no rule is applied.
	Judged bool
	// Limits are nil without: not judged, a phase without limits, or too few expected events in this point.
	Limits *Limits
	// Signals are those of all rules that flag the point, in the order of precedence.
	Signals []Signal
	// Direction is what the first of the signals means; DirectionCommon without one.
	Direction Direction
}

// Signal returns the signal that the point is shown with, the first by precedence.
func (p Point) Signal() (s Signal, ok bool) {
	if len(p.Signals) == 0 {
		return Signal{}, false
	}
	return p.Signals[0], true
}

// Chart is a series with its limits and signals.
type Chart struct {
	// Kind is that of the last phase.
	Kind   Kind
	Better Better
	Bounds Bounds
	Phases []Phase
	// Points are in order of time.
	Points []Point
}

// Last returns the last phase.
func (c Chart) Last() (p Phase, ok bool) {
	if len(c.Phases) == 0 {
		return Phase{}, false
	}
	return c.Phases[len(c.Phases)-1], true
}

// Latest returns the last judged point.
func (c Chart) Latest() (p Point, ok bool) {
	for _, p := range slices.Backward(c.Points) {
		if p.Judged {
			return p, true
		}
	}
	return Point{}, false
}

// ControlChart judges a series (STATISTICS.md 1 to 6 and 8).
//
// The observations hold every period of the span, those without data marked as missing: two neighbours are one period
// apart. They may come in any order; two at one time are an error, as is a value that no chart of this kind can have. A
// missing or unfinished period breaks moving ranges and runs. The first phase starts at the first complete period with data.
func ControlChart(observations []Observation, opts Options) (Chart, error) {
	if err := opts.check(); err != nil {
		return Chart{}, fmt.Errorf("control chart: %w", err)
	}
	c := Chart{Better: opts.Better}
	sorted := slices.SortedStableFunc(slices.Values(observations), func(a, b Observation) int { return cmp.Compare(a.At, b.At) })
	for i, o := range sorted {
		if i > 0 && o.At == sorted[i-1].At {
			return Chart{}, fmt.Errorf("control chart: point %q: same time as %q", o.Label, sorted[i-1].Label)
		}
		p, err := newPoint(o, opts)
		if err != nil {
			return Chart{}, fmt.Errorf("control chart: point %q: %w", o.Label, err)
		}
		c.Points = append(c.Points, p)
	}
	for _, span := range phaseSpans(c.Points, opts.Breaks) {
		phase, err := judgePhase(c.Points[span.from:span.to], opts)
		if err != nil {
			return Chart{}, fmt.Errorf("control chart: phase from %q: %w", c.Points[span.from].Label, err)
		}
		phase.From, phase.To = span.from, span.to
		for i := span.from; i < span.to; i++ {
			c.Points[i].Phase = len(c.Phases)
			for j := range c.Points[i].Signals {
				c.Points[i].Signals[j].From += span.from
				c.Points[i].Signals[j].To += span.from
			}
		}
		c.Phases = append(c.Phases, phase)
		c.Kind = phase.Kind
	}
	c.Bounds = opts.bounds(c.Kind)
	return c, nil
}

func (o Options) scale() float64 {
	if o.Scale == 0 {
		return 1
	}
	return o.Scale
}

func (o Options) baseline() int {
	if o.Baseline == 0 {
		return BaselineMonthly
	}
	return o.Baseline
}

func (o Options) counts() bool {
	switch o.Kind {
	case KindP, KindPPrime, KindU, KindUPrime:
		return true
	case KindNone:
		return o.Measure == MeasureRate || o.Measure == MeasurePerVolume
	default:
		return false
	}
}

func (o Options) rates() bool {
	return o.Kind == KindP || o.Kind == KindPPrime || o.Kind == KindNone && o.Measure == MeasureRate
}

func (o Options) days() bool {
	return o.Kind == KindT || o.Kind == KindNone && o.Measure == MeasureRare
}

func (o Options) check() error {
	switch o.Kind {
	case KindXmR, KindP, KindPPrime, KindU, KindUPrime, KindT:
	case KindNone:
		switch o.Measure {
		case MeasureRate, MeasurePerVolume, MeasureRare, MeasureValue:
		default:
			return fmt.Errorf("measure %q: want rate, per_volume, rare or value", o.Measure)
		}
	default:
		return fmt.Errorf("kind %q: want xmr, p, p_prime, u, u_prime or t", o.Kind)
	}
	switch o.Better {
	case BetterNone, BetterHigher, BetterLower:
	default:
		return fmt.Errorf("better %q: want higher, lower or nothing", o.Better)
	}
	if b := o.baseline(); b < TrialPoints {
		return fmt.Errorf("baseline of %d points: want at least %d", b, TrialPoints)
	}
	if !positive(o.scale()) {
		return fmt.Errorf("scale %v: want a positive number", o.Scale)
	}
	for i := 1; i < len(o.Breaks); i++ {
		if o.Breaks[i] <= o.Breaks[i-1] {
			return fmt.Errorf("break %d is not after the one before it", i+1)
		}
	}
	if k := o.Known; k != nil {
		if o.counts() || o.days() {
			return fmt.Errorf("known limits are for an XmR chart")
		}
		if !finite(k.Centre) || !(k.Sigma >= 0) || !finite(k.Sigma) {
			return fmt.Errorf("known limits: centre %v, sigma %v", k.Centre, k.Sigma)
		}
	}
	for _, b := range []*float64{o.Bounds.Floor, o.Bounds.Ceiling} {
		if b != nil && !finite(*b) {
			return fmt.Errorf("bound %v: want a number", *b)
		}
	}
	if f, c := o.Bounds.Floor, o.Bounds.Ceiling; f != nil && c != nil && *f > *c {
		return fmt.Errorf("bounds: floor %v above ceiling %v", *f, *c)
	}
	return nil
}

// bounds returns those of a kind of chart.
func (o Options) bounds(k Kind) Bounds {
	zero, one := 0.0, o.scale()
	switch k {
	case KindP, KindPPrime:
		return Bounds{&zero, &one}
	case KindU, KindUPrime, KindT:
		return Bounds{Floor: &zero}
	case KindNone:
		switch {
		case o.rates():
			return Bounds{&zero, &one}
		case o.counts():
			return Bounds{Floor: &zero}
		}
	}
	return o.Bounds
}

func newPoint(o Observation, opts Options) (Point, error) {
	p := Point{Observation: o, Phase: -1, Direction: DirectionCommon}
	if o.Missing {
		p.Value = 0
		return p, nil
	}
	if opts.counts() {
		if !finite(o.Numerator) || !finite(o.Denominator) || o.Numerator < 0 || o.Denominator < 0 {
			return p, fmt.Errorf("%v of %v: want counts", o.Numerator, o.Denominator)
		}
		if opts.rates() && o.Numerator > o.Denominator {
			return p, fmt.Errorf("%v of %v: more than all", o.Numerator, o.Denominator)
		}
		if o.Denominator == 0 {
			p.Missing, p.Value = true, 0
			return p, nil
		}
		p.Value = o.Numerator / o.Denominator * opts.scale()
	}
	if !finite(p.Value) {
		return p, fmt.Errorf("value %v: want a number", p.Value)
	}
	if opts.days() && p.Value <= 0 {
		return p, fmt.Errorf("%v days between events: want more than 0, count hours as parts of a day", p.Value)
	}
	p.Judged = !o.Unfinished
	return p, nil
}

type span struct{ from, to int }

// phaseSpans cuts the points at the breaks. Periods before the first judged point belong to no phase, and a break beyond
// the last point starts none yet.
func phaseSpans(points []Point, breaks []int64) []span {
	first := slices.IndexFunc(points, func(p Point) bool { return p.Judged })
	if first < 0 {
		return nil
	}
	spans := []span{{first, len(points)}}
	for _, b := range breaks {
		last := &spans[len(spans)-1]
		at := first + slices.IndexFunc(points[first:], func(p Point) bool { return p.At >= b })
		if at <= last.from {
			continue
		}
		last.to = at
		spans = append(spans, span{at, len(points)})
	}
	return spans
}

// judgePhase sets limits and signals of the points of one phase. Indices in its signals count from the first of them.
func judgePhase(points []Point, opts Options) (Phase, error) {
	judged := make([]int, 0, len(points))
	for i, p := range points {
		if p.Judged {
			judged = append(judged, i)
		}
	}
	ph := Phase{Kind: opts.Kind, Points: len(judged), Baseline: min(len(judged), opts.baseline()), State: PhaseLine}
	base := judged[:ph.Baseline]
	if ph.Kind == KindNone {
		choice := Choose(opts.Measure, at(points, base))
		ph.Kind, ph.Reason = choice.Kind, choice.Reason
	}
	if ph.Baseline < TrialPoints && opts.Known == nil {
		ph.Reason = ReasonFewPoints
		return ph, nil
	}
	if ph.Kind == KindNone {
		return ph, nil
	}
	model, reason := newModel(ph.Kind, points, base, opts)
	if reason != ReasonNone {
		ph.Reason = reason
		return ph, nil
	}
	ph.State = PhaseTrial
	if ph.Baseline == opts.baseline() || opts.Known != nil {
		ph.State = PhaseFrozen
	}
	ph.Centre, ph.MeanRange, ph.SigmaZ = model.back(model.centre), model.meanRange, model.sigmaZ
	ph.RangeUpper, ph.Sigma = rangeFactor*model.meanRange, model.meanRange/d2
	ph.NoVariation = model.still
	if model.still {
		ph.Reason = ReasonNoVariation
	}
	if !finite(ph.Centre) || !finite(ph.RangeUpper) || !finite(ph.SigmaZ) {
		return ph, fmt.Errorf("values too large to compute with")
	}

	bounds := opts.bounds(ph.Kind)
	seen := make([]seenPoint, len(judged))
	for k, i := range judged {
		p := &points[i]
		s := seenPoint{index: i, joined: k > 0 && judged[k-1] == i-1, x: model.forth(p.Value), centre: model.centre}
		if half, ok := model.half(p.Observation); ok {
			l := model.limits(half, bounds)
			if !finite(l.Lower) || !finite(l.Upper) {
				return ph, fmt.Errorf("point %q: values too large to compute with", p.Label)
			}
			p.Limits = &l
			s.limited = true
			s.lower, s.upper = model.centre-half, model.centre+half
			s.nearLower, s.nearUpper = model.centre-2*half/3, model.centre+2*half/3
			s.clippedLower, s.clippedUpper = l.ClippedLower, l.ClippedUpper
		}
		seen[k] = s
	}
	if !ph.NoVariation {
		signals := judge(seen, model.tolerance)
		for k, i := range judged {
			points[i].Signals = signals[k]
			if len(signals[k]) > 0 {
				points[i].Direction = signals[k][0].Side.Means(opts.Better)
			}
		}
	}
	return ph, nil
}

func at(points []Point, indices []int) []Observation {
	out := make([]Observation, len(indices))
	for k, i := range indices {
		out[k] = points[i].Observation
	}
	return out
}

// model is what the baseline of a phase says, on the scale that its limits are symmetrical on.
type model struct {
	kind   Kind
	scale  float64 // displayed unit of counts
	centre float64
	// meanRange is that of XmR and t charts, sigmaZ that of p′ and u′ charts.
	meanRange, sigmaZ float64
	still             bool
	tolerance         float64 // below this two values are equal
}

func newModel(kind Kind, points []Point, base []int, opts Options) (model, Reason) {
	m := model{kind: kind, scale: opts.scale()}
	if opts.Known != nil {
		m.centre, m.meanRange = opts.Known.Centre, opts.Known.Sigma*3/limitFactor
		m.tolerance, m.still = rounding*math.Abs(m.centre), m.meanRange == 0
		return m, ReasonNone
	}
	for _, i := range base {
		m.tolerance = max(m.tolerance, rounding*math.Abs(m.forth(points[i].Value)))
	}
	if kind == KindXmR || kind == KindT {
		values := make([]float64, len(base))
		for k, i := range base {
			values[k] = m.forth(points[i].Value)
		}
		m.centre = mean(values)
		ranges := movingRanges(values, base, m.tolerance)
		// As many ranges as five points in a row have.
		if len(ranges) < TrialPoints-1 {
			return m, ReasonGaps
		}
		m.meanRange = meanRange(ranges, opts.Screen)
		m.still = m.meanRange == 0
		return m, ReasonNone
	}
	var num, den float64
	for _, i := range base {
		num += points[i].Numerator
		den += points[i].Denominator
	}
	m.centre = num / den * m.scale
	m.still = num == 0 || (kind == KindP || kind == KindPPrime) && num == den
	if kind == KindPPrime || kind == KindUPrime {
		zs := make([]float64, len(base))
		for k, i := range base {
			if s := m.sampling(points[i].Denominator); s > 0 {
				zs[k] = (points[i].Value - m.centre) / s
			}
		}
		ranges := movingRanges(zs, base, 0)
		if len(ranges) < TrialPoints-1 {
			return m, ReasonGaps
		}
		m.sigmaZ = max(1, mean(ranges)/d2)
	}
	return m, ReasonNone
}

// sampling is the standard deviation of a point from sampling alone, in the displayed unit.
func (m model) sampling(den float64) float64 {
	rate := m.centre / m.scale
	if m.kind == KindP || m.kind == KindPPrime {
		return m.scale * math.Sqrt(max(0, rate*(1-rate)/den))
	}
	return m.scale * math.Sqrt(rate/den)
}

// half returns the distance of a point's limits from the centre. There is none for a point of counts in which fewer than
// five events, or non-events of a rate, are expected.
func (m model) half(o Observation) (float64, bool) {
	switch m.kind {
	case KindXmR, KindT:
		return limitFactor * m.meanRange, true
	default:
		if !m.still && !enoughExpected(m.centre/m.scale, o.Denominator, m.kind == KindP || m.kind == KindPPrime) {
			return 0, false
		}
		return 3 * m.sampling(o.Denominator) * max(1, m.sigmaZ), true
	}
}

func enoughExpected(rate, den float64, isRate bool) bool {
	enough := minExpected * (1 - 1e-9) // five of a hundred can come out a little below five
	return den*rate >= enough && (!isRate || den*(1-rate) >= enough)
}

func (m model) limits(half float64, b Bounds) Limits {
	l := Limits{
		Centre: m.back(m.centre),
		Lower:  m.back(m.centre - half), Upper: m.back(m.centre + half),
		NearLower: m.back(m.centre - 2*half/3), NearUpper: m.back(m.centre + 2*half/3),
	}
	l.ClippedLower = b.Floor != nil && (l.Lower < *b.Floor || m.kind == KindT && m.centre-half < 0)
	l.ClippedUpper = b.Ceiling != nil && l.Upper > *b.Ceiling
	return l
}

// forth and back change between the displayed value and the scale of the limits.
func (m model) forth(v float64) float64 {
	if m.kind == KindT {
		return math.Pow(v, 1/tExponent)
	}
	return v
}

func (m model) back(y float64) float64 {
	if m.kind == KindT {
		return math.Pow(max(0, y), tExponent)
	}
	return y
}

// movingRanges returns |x_i - x_(i-1)| of neighbours; positions of them differ by 1. A difference within the tolerance is none.
func movingRanges(values []float64, positions []int, tolerance float64) []float64 {
	var ranges []float64
	for k := 1; k < len(values); k++ {
		if positions[k]-positions[k-1] != 1 {
			continue
		}
		r := math.Abs(values[k] - values[k-1])
		if r <= tolerance {
			r = 0
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// meanRange is the mean of the moving ranges. Screened, those at or beyond 3.267 times it are dropped once.
func meanRange(ranges []float64, screen bool) float64 {
	m := mean(ranges)
	if !screen || m == 0 || !finite(m) {
		return m
	}
	return mean(slices.DeleteFunc(slices.Clone(ranges), func(r float64) bool { return r >= rangeFactor*m }))
}

// mean of one or more values. That of equal values is their value exactly.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v - values[0]
	}
	return values[0] + sum/float64(len(values))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// SigmaZ returns the variation between neighbouring periods as a multiple of that of sampling, at least 1 (STATISTICS.md
// 4): the φ by which intervals of rates (perVolume false) or of counts per volume widen. The observations are in order of
// time, with those without data marked as missing. There is none for fewer than five neighbouring points, or if nothing
// or everything happened.
func SigmaZ(observations []Observation, perVolume bool) (sigmaZ float64, ok bool) {
	kind := KindPPrime
	if perVolume {
		kind = KindUPrime
	}
	c, err := ControlChart(observations, Options{Kind: kind, Baseline: max(TrialPoints, len(observations))})
	if err != nil {
		return 0, false
	}
	p, ok := c.Last()
	if !ok || !p.HasLimits() || p.NoVariation {
		return 0, false
	}
	return p.SigmaZ, true
}

// DaysBetween returns the observations of a t chart from the instants of rare events, in any order: the days from each
// event to the next. The first event only starts the count. Two events at one instant are an error, as no time lies
// between them.
func DaysBetween(instants []time.Time) ([]Observation, error) {
	sorted := slices.SortedFunc(slices.Values(instants), time.Time.Compare)
	var out []Observation
	for i := 1; i < len(sorted); i++ {
		days := sorted[i].Sub(sorted[i-1]).Hours() / 24
		if days == 0 {
			return nil, fmt.Errorf("days between events: two at %s", sorted[i].Format(time.RFC3339))
		}
		out = append(out, Observation{Label: sorted[i].Format(time.RFC3339), At: sorted[i].UnixMicro(), Value: days})
	}
	return out, nil
}
