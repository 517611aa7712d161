package metrics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
	"youzhi/metrics/stats"
)

// BaselineAtLeast is how many days a baseline should have for an improvement's
// verdict: three months (STATISTICS.md 10).
const BaselineAtLeast = 90

// NoVerdict says why an improvement has no verdict, or none yet.
type NoVerdict string

// The reasons.
const (
	NoVerdictUnplanned NoVerdict = "unplanned"  // No plan says what is to become better, and against what.
	NoVerdictUnchecked NoVerdict = "unchecked"  // The check was not reported yet.
	NoVerdictRunning   NoVerdict = "running"    // The days to check have not all passed at as_of.
	NoVerdictIndicator NoVerdict = "indicator"  // No such indicator, or it does not know the unit.
	NoVerdictKind      NoVerdict = "kind"       // Before and after of such an indicator can't be compared: a count, a percentile, the state of now.
	NoVerdictNoData    NoVerdict = "no_data"    // Nothing was counted on a side.
	NoVerdictPending   NoVerdict = "pending"    // More than one in a hundred of its units can't be judged yet.
	NoVerdictOverlap   NoVerdict = "overlap"    // The baseline does not end before the days to check: they share days, or what is called before came after.
	NoVerdictTooMany   NoVerdict = "too_many"   // More were checked in its quarter and later than are compared at once.
	NoVerdictComparing NoVerdict = "incomplete" // The parts do not allow a comparison.
)

// Improvement is a piece of work that is to make an indicator of one unit better,
// with what became of the indicator.
type Improvement struct {
	fold.Improvement
	// Where is the unit as a scope of figures; nil if the indicator does not know it.
	Where map[string][]string
	// Before and After are the figures of the baseline and of the days checked.
	Before, After *Figure
	// Effect is after minus before in the indicator's unit, or of counts per volume
	// after divided by before. It has none without a verdict.
	Effect *Effect
	// Verdict is held to all that were checked in the same quarter (Holm).
	// NoVerdict says why it is empty.
	Verdict   stats.Verdict
	NoVerdict NoVerdict
	// Chart is what the control chart of the unit says at the end of the check, by
	// its latest point, where it judges that: Charted.
	Chart   stats.Direction
	Charted bool
}

// Agrees says whether verdict and control chart say the same (STATISTICS.md 10).
func (m Improvement) Agrees() bool { return !m.Charted || m.Verdict.Agrees(m.Chart) }

// ShortBaseline says that the baseline is shorter than [BaselineAtLeast].
func (m Improvement) ShortBaseline() bool { return m.Baseline.Len() < BaselineAtLeast }

// Effect is the change that an improvement made.
type Effect struct {
	Value    float64
	Interval Interval
	// Ratio says that Value is after divided by before.
	Ratio bool
	// Phi is what the interval was widened by: the variation of the baseline's weeks,
	// of a short one of those before it too, as a multiple of that of sampling.
	Phi float64
	// P is the p value before it is held to the family.
	P float64
}

// Improvements are all that were reported up to as_of (zero: now, as last folded),
// the one last reported on first. At most judged of them get figures and a
// verdict, in whole quarters: improvements checked in one are a family, whose
// members are held to each other.
func (e *Evaluator) Improvements(ctx context.Context, asOf time.Time, judged int) ([]Improvement, error) {
	at := asOf
	if at.IsZero() {
		// The two sides of a comparison, and all of a family, are of one run.
		live, release, err := e.Live(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
		e, at = live, live.pinned.asOf
	}
	folded, err := e.editions.Improvements(ctx, at)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(folded, func(a, b fold.Improvement) int {
		return cmp.Or(b.LastEventAt.Compare(a.LastEventAt), cmp.Compare(a.Subject, b.Subject))
	})
	out := make([]Improvement, len(folded))
	var families []calendar.Period
	members := map[calendar.Period][]int{}
	for i, f := range folded {
		m := Improvement{Improvement: f, Where: e.scopeOf(f.Indicator, f.For)}
		out[i] = m
		if out[i].NoVerdict = m.comparable(e.cat, at); out[i].NoVerdict != "" {
			continue
		}
		quarter := calendar.PeriodOf(calendar.GrainQuarter, m.Check.To-1)
		if len(members[quarter]) == 0 {
			families = append(families, quarter)
		}
		members[quarter] = append(members[quarter], i)
	}
	slices.SortFunc(families, func(a, b calendar.Period) int { return cmp.Compare(b.From, a.From) })
	for _, quarter := range families {
		if judged = max(-1, judged-len(members[quarter])); judged < 0 {
			for _, i := range members[quarter] {
				out[i].NoVerdict = NoVerdictTooMany
			}
			continue
		}
		var tested []stats.Tested
		for _, i := range members[quarter] {
			if err := e.compare(ctx, &out[i], asOf); err != nil {
				return nil, fmt.Errorf("improvement %s: %w", out[i].Subject, err)
			}
			t := stats.Tested{Verdict: out[i].Verdict}
			if out[i].Effect != nil {
				t.P = out[i].Effect.P
			}
			tested = append(tested, t)
		}
		verdicts, err := stats.HoldToFamily(tested)
		if err != nil {
			return nil, fmt.Errorf("improvements of %s: %w", quarter.Label(), err)
		}
		for k, i := range members[quarter] {
			out[i].Verdict = verdicts[k]
		}
	}
	return out, nil
}

// scopeOf is an organisational unit as a scope of an indicator's figures: codes of
// GB/T 2260 are regions, any other an outlet. It is nil where the indicator is not
// known, or does not know the dimension.
func (e *Evaluator) scopeOf(key, unit string) map[string][]string {
	ind, ok := e.cat.Get(key)
	if !ok || unit == "" {
		return nil
	}
	dimension := "outlet"
	if digits := !slices.ContainsFunc([]byte(unit), func(b byte) bool { return b < '0' || b > '9' }); digits {
		if of, ok := map[int]string{2: "region", 4: "region4", 6: "region6"}[len(unit)]; ok {
			dimension = of
		}
	}
	if !ind.HasDimension(dimension) {
		return nil
	}
	return map[string][]string{dimension: {unit}}
}

// comparable says what stands in the way of a comparison, if anything.
func (m Improvement) comparable(cat *catalogue.Catalogue, asOf time.Time) NoVerdict {
	ind, known := cat.Get(m.Indicator)
	switch {
	case m.PlannedAt.IsZero() || m.Baseline.Len() <= 0:
		return NoVerdictUnplanned
	case !known || m.Where == nil:
		return NoVerdictIndicator
	case m.Check.Len() <= 0:
		return NoVerdictUnchecked
	case m.Check.To.Start().After(asOf):
		return NoVerdictRunning
	case m.Baseline.To > m.Check.From:
		return NoVerdictOverlap
	case ind.Window == catalogue.Snap, ind.Moves(), ind.Kind != catalogue.Ratio && ind.Kind != catalogue.RatioOfCounts && ind.Kind != catalogue.Mean && ind.Kind != catalogue.NPS:
		return NoVerdictKind
	}
	return ""
}

// compare puts the figures of an improvement side by side, as of an instant, zero
// for now.
func (e *Evaluator) compare(ctx context.Context, m *Improvement, asOf time.Time) error {
	ind, ok := e.cat.Get(m.Indicator)
	if !ok {
		return fmt.Errorf("no indicator %q", m.Indicator)
	}
	q := Question{Keys: []string{m.Indicator}, Where: m.Where, AsOf: asOf}
	for _, side := range []struct {
		fold.Days
		figure **Figure
	}{{m.Baseline, &m.Before}, {m.Check, &m.After}} {
		q.From, q.To, q.Grain = side.From, side.To, ""
		figures, err := e.Figures(ctx, q)
		if err != nil {
			return err
		}
		*side.figure = &figures[0]
	}
	switch {
	case m.Before.Value == nil || m.After.Value == nil:
		m.NoVerdict = NoVerdictNoData
		return nil
	case m.After.pending() || m.Before.pending():
		m.NoVerdict = NoVerdictPending
		return nil
	}
	phi, err := e.phi(ctx, q, ind, m.Baseline)
	if err != nil {
		return err
	}
	if m.Effect, m.Verdict = effect(ind, *m.Before, *m.After, phi); m.Effect == nil {
		m.NoVerdict = NoVerdictComparing
		return nil
	}
	q.From, q.To, q.Grain = m.Check.From, m.Check.To, ""
	trends, err := e.Trends(ctx, q)
	if err != nil {
		return err
	}
	for _, t := range trends {
		if t.Variation.Hidden == stats.ReasonNone {
			m.Chart, m.Charted = t.Variation.Direction, true
		}
	}
	return nil
}

// phi is the variation of the baseline's weeks as a multiple of that of sampling,
// 1 where there are too few weeks to tell. Of a short baseline the weeks before it
// are among them, to [BaselineAtLeast]: who compares with fewer days does not know
// less of how they vary.
func (e *Evaluator) phi(ctx context.Context, q Question, ind catalogue.Indicator, baseline fold.Days) (float64, error) {
	m := measure(ind)
	if m == stats.MeasureValue {
		return 1, nil
	}
	baseline.From = min(baseline.From, baseline.To-BaselineAtLeast)
	first, last := calendar.PeriodOf(calendar.GrainWeek, baseline.From), calendar.PeriodOf(calendar.GrainWeek, baseline.To-1)
	if first.From < baseline.From {
		first = first.Next()
	}
	if last.To > baseline.To {
		last = last.Previous()
	}
	if first.From >= last.To {
		return 1, nil
	}
	q.From, q.To, q.Grain = first.From, last.To, calendar.GrainWeek
	figures, err := e.Figures(ctx, q)
	if err != nil {
		return 0, err
	}
	observations := make([]stats.Observation, len(figures))
	for i, f := range figures {
		observations[i] = observation(ind, calendar.GrainWeek, f)
	}
	if phi, ok := stats.SigmaZ(observations, m == stats.MeasurePerVolume); ok {
		return phi, nil
	}
	return 1, nil
}

// effect compares two figures of an indicator; nil if their parts don't allow it.
func effect(ind catalogue.Indicator, before, after Figure, phi float64) (*Effect, stats.Verdict) {
	terms := stats.Terms{Better: better(ind), Confidence: confidence, Phi: phi}
	switch ind.Kind {
	case catalogue.Ratio:
		sample := func(f Figure) stats.Sample {
			o := observation(ind, calendar.GrainWeek, f)
			return stats.Sample{X: int64(math.Round(o.Numerator)), N: int64(math.Round(o.Denominator))}
		}
		c, err := stats.CompareRates(sample(before), sample(after), terms)
		if err != nil {
			return nil, ""
		}
		return &Effect{Value: c.Difference, Interval: Interval(c.Interval), Phi: phi, P: c.P}, c.Verdict
	case catalogue.RatioOfCounts:
		events := func(f Figure) stats.Events {
			return stats.Events{X: int64(math.Round(*f.Numerator)), Exposure: *f.Denominator}
		}
		c, err := stats.CompareEventRates(events(before), events(after), terms)
		if err != nil || c.Unbounded {
			return nil, ""
		}
		return &Effect{Value: c.Ratio, Interval: Interval(c.Interval), Ratio: true, Phi: phi, P: c.P}, c.Verdict
	}
	// The standard error is half of the figure's own interval by the normal
	// quantile, a little large where that is Student's.
	measured := func(f Figure) stats.Measured {
		if f.Interval == nil {
			return stats.Measured{Value: *f.Value, SE: math.NaN()}
		}
		return stats.Measured{Value: *f.Value, SE: (f.Interval.Upper - f.Interval.Lower) / 2 / stats.ZForConfidence(confidence)}
	}
	c, err := stats.CompareMeasured(measured(before), measured(after), terms)
	if err != nil {
		return nil, ""
	}
	if before.Units < ind.Minimum || after.Units < ind.Minimum {
		c.Verdict = stats.VerdictTooFew
	}
	return &Effect{Value: c.Difference, Interval: Interval(c.Interval), Phi: phi, P: c.P}, c.Verdict
}
