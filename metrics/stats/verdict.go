package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Verdict is what a comparison of before and after says. No evidence is not the same as no change.
type Verdict string

// The verdicts.
const (
	VerdictNone       Verdict = ""            // The indicator has no good side.
	VerdictImproved   Verdict = "improved"    // The change is good, by more than the smallest useful one.
	VerdictWorse      Verdict = "worse"       // The change is bad, by more than the smallest useful one.
	VerdictNoEvidence Verdict = "no_evidence" // The data allow either.
	VerdictTooFew     Verdict = "too_few"     // Too little was seen to judge.
)

// MinDenominator is the number of units on each side from which rates are judged.
const MinDenominator = 30

// Agrees says whether the verdict and the chart's latest point say the same, so that a page can say when they don't.
func (v Verdict) Agrees(d Direction) bool {
	switch v {
	case VerdictImproved:
		return d == DirectionImprovement
	case VerdictWorse:
		return d == DirectionConcern
	case VerdictNoEvidence:
		return d == DirectionCommon
	default:
		return true
	}
}

// Sample is a count of units and of those among them that have what is counted.
type Sample struct{ X, N int64 }

func (s Sample) check() error {
	if s.N < 0 || s.X < 0 || s.X > s.N {
		return fmt.Errorf("%d of %d", s.X, s.N)
	}
	return nil
}

// Rate is X/N. There is none without units.
func (s Sample) Rate() (rate float64, ok bool) {
	if s.check() != nil || s.N == 0 {
		return 0, false
	}
	return float64(s.X) / float64(s.N), true
}

// Terms are those of a comparison, fixed before its check period starts (STATISTICS.md 10).
type Terms struct {
	Better Better
	// Confidence is that of the interval, 0.95 for one test; 1-0.05/m for the strictest of m.
	Confidence float64
	// Phi widens the interval by the variation between periods: σ_z of the baseline. Below 1 it counts as 1.
	Phi float64
	// SmallestChange is the least useful one: a difference of rates, 0.01 for a point, or of estimates in their unit; of ratios a
	// share, 0.1 for 10 %.
	SmallestChange float64
}

func (t Terms) check() error {
	switch {
	case t.Better != BetterNone && t.Better != BetterHigher && t.Better != BetterLower:
		return fmt.Errorf("better %q: want higher, lower or nothing", t.Better)
	case !inside(t.Confidence):
		return fmt.Errorf("confidence %v: want a share between 0 and 1", t.Confidence)
	case !finite(t.Phi):
		return fmt.Errorf("phi %v: want a number", t.Phi)
	case !(t.SmallestChange >= 0) || !finite(t.SmallestChange):
		return fmt.Errorf("smallest change %v: want 0 or more", t.SmallestChange)
	}
	return nil
}

// width is the quantile that intervals are built with.
func (t Terms) width() float64 { return ZForConfidence(t.Confidence) * t.phi() }

func (t Terms) phi() float64 { return max(1, t.Phi) }

// verdict judges an interval of a change, in which up is higher.
func (t Terms) verdict(lower, upper, up, down float64) Verdict {
	rose, fell := lower > up, upper < down
	switch {
	case t.Better == BetterNone:
		return VerdictNone
	case !rose && !fell:
		return VerdictNoEvidence
	case rose == (t.Better == BetterHigher):
		return VerdictImproved
	default:
		return VerdictWorse
	}
}

// MethodNewcombe is the hybrid score interval of a difference of rates.
const MethodNewcombe = "newcombe"

// RateChange is the difference of two rates.
type RateChange struct {
	// Difference is after minus before, as a share: 0.07 is seven points.
	Difference float64
	Interval   Interval
	// P is that of the pooled z test, widened by φ as the interval is.
	P       float64
	Verdict Verdict
}

// CompareRates compares a rate before and after (STATISTICS.md 10) by Newcombe's hybrid score interval (1998, Statistics in
// Medicine 17:873, method 10). Below 30 units on a side the verdict is that they are too few, and without units on a side
// there is nothing to compare, which is an error.
func CompareRates(before, after Sample, terms Terms) (RateChange, error) {
	if err := terms.check(); err != nil {
		return RateChange{}, fmt.Errorf("compare rates: %w", err)
	}
	for _, s := range []struct {
		name string
		Sample
	}{{"before", before}, {"after", after}} {
		if err := s.check(); err != nil {
			return RateChange{}, fmt.Errorf("compare rates: %s: %w", s.name, err)
		}
		if s.N == 0 {
			return RateChange{}, fmt.Errorf("compare rates: %s: no units", s.name)
		}
	}
	z := terms.width()
	p1, _ := before.Rate()
	p2, _ := after.Rate()
	w1, _ := Wilson(before.X, before.N, z)
	w2, _ := Wilson(after.X, after.N, z)
	d := p2 - p1
	c := RateChange{Difference: d, P: twoProportionP(before, after, terms.phi())}
	c.Interval = Interval{
		Lower: d - math.Hypot(p2-w2.Lower, w1.Upper-p1), Upper: d + math.Hypot(w2.Upper-p2, p1-w1.Lower),
		Method: MethodNewcombe,
	}
	c.Verdict = terms.verdict(c.Interval.Lower, c.Interval.Upper, terms.SmallestChange, -terms.SmallestChange)
	if c.Verdict != VerdictNone && (before.N < MinDenominator || after.N < MinDenominator) {
		c.Verdict = VerdictTooFew
	}
	return c, nil
}

// RelativeChange is the change as a share of what was before: 85 to 92 is 0.0823, and 7 points. "15 % better" has to say which of
// the two it means. There is none from 0.
func RelativeChange(before, after float64) (share float64, ok bool) {
	share = (after - before) / math.Abs(before)
	return share, finite(share)
}

// Measured is an estimate with its standard error: a mean with s/√n, an NPS.
type Measured struct{ Value, SE float64 }

// MeasuredChange is the difference of two estimates.
type MeasuredChange struct {
	Change
	P       float64 // Two-sided, widened by φ as the interval is.
	Verdict Verdict
}

// CompareMeasured compares an estimate before and after that are independent (STATISTICS.md 13 and 22). It does not know how
// many answers they come from: below the indicator's minimum sample there is to be no verdict. A standard error below 0, or
// none on both sides, is an error.
func CompareMeasured(before, after Measured, terms Terms) (MeasuredChange, error) {
	if err := terms.check(); err != nil {
		return MeasuredChange{}, fmt.Errorf("compare estimates: %w", err)
	}
	d, se := after.Value-before.Value, math.Hypot(before.SE, after.SE)
	half := terms.width() * se
	if !(before.SE >= 0 && after.SE >= 0) || !positive(se) || !finite(d-half) || !finite(d+half) {
		return MeasuredChange{}, fmt.Errorf("compare estimates: %v ± %v before, %v ± %v after", before.Value, before.SE, after.Value, after.SE)
	}
	c := MeasuredChange{Change: Change{Difference: d, SE: se, Interval: Interval{Lower: d - half, Upper: d + half, Method: MethodNormal}}}
	c.P = normalP(d / se / terms.phi())
	c.Verdict = terms.verdict(d-half, d+half, terms.SmallestChange, -terms.SmallestChange)
	return c, nil
}

// twoProportionZ is the pooled z of after against before; 0 where nothing or everything happened on both sides.
func twoProportionZ(before, after Sample) float64 {
	n1, n2 := float64(before.N), float64(after.N)
	p := (float64(before.X) + float64(after.X)) / (n1 + n2)
	se := math.Sqrt(p * (1 - p) * (1/n1 + 1/n2))
	if se == 0 {
		return 0
	}
	return (float64(after.X)/n2 - float64(before.X)/n1) / se
}

func twoProportionP(before, after Sample, phi float64) float64 {
	return normalP(twoProportionZ(before, after) / phi)
}

// normalP is the two-sided p value of a standard normal z.
func normalP(z float64) float64 { return min(1, math.Erfc(math.Abs(z)/math.Sqrt2)) }

// FisherExact returns the two-sided p value of two samples having one rate: the sum of the probabilities of all tables with
// these margins that are no likelier than this one. It speaks for small samples (STATISTICS.md 10). There is none without
// units on a side.
func FisherExact(before, after Sample) (p float64, ok bool) {
	if before.check() != nil || after.check() != nil || before.N == 0 || after.N == 0 {
		return 0, false
	}
	k := before.X + after.X
	logP := func(x int64) float64 {
		return lchoose(before.N, k-x) + lchoose(after.N, x) - lchoose(before.N+after.N, k)
	}
	seen := logP(after.X)
	for x := max(0, k-before.N); x <= min(k, after.N); x++ {
		// Tables that are equally likely on paper differ in floating point.
		if l := logP(x); l <= seen+1e-7 {
			p += math.Exp(l)
		}
	}
	return min(1, p), true
}

func lchoose(n, k int64) float64 {
	lg := func(v int64) float64 { l, _ := math.Lgamma(float64(v) + 1); return l }
	return lg(n) - lg(k) - lg(n-k)
}

// MethodNormal is an interval from a standard error.
const MethodNormal = "normal"

// Change is an estimated change with its standard error.
type Change struct {
	Difference, SE float64
	Interval       Interval
}

// DifferenceInDifferences returns how much more a treated group's rate changed than that of a control group, which takes
// out what happened to both and the regression to the mean (STATISTICS.md 10). There is none without units in any of the
// four samples.
func DifferenceInDifferences(treatedBefore, treatedAfter, controlBefore, controlAfter Sample, confidence float64) (c Change, ok bool) {
	if !inside(confidence) {
		return Change{}, false
	}
	variance := 0.0
	for _, s := range []struct {
		Sample
		sign float64
	}{{treatedAfter, 1}, {treatedBefore, -1}, {controlAfter, -1}, {controlBefore, 1}} {
		p, ok := s.Rate()
		if !ok {
			return Change{}, false
		}
		c.Difference += s.sign * p
		variance += p * (1 - p) / float64(s.N)
	}
	c.SE = math.Sqrt(variance)
	half := ZForConfidence(confidence) * c.SE
	c.Interval = Interval{Lower: c.Difference - half, Upper: c.Difference + half, Method: MethodNormal}
	return c, true
}

// SampleSize returns the units that each period needs so that a change from one rate to another is seen with the power
// given, 0.8 for four of five times, by a two-sided test at 1 - confidence (STATISTICS.md 10). It is not rounded up. There is
// none for equal rates or shares outside (0, 1).
func SampleSize(before, after, confidence, power float64) (n float64, ok bool) {
	if !inside(before) || !inside(after) || !inside(confidence) || !inside(power) || before == after {
		return 0, false
	}
	p := (before + after) / 2
	root := ZForConfidence(confidence)*math.Sqrt(2*p*(1-p)) +
		distuv.UnitNormal.Quantile(power)*math.Sqrt(before*(1-before)+after*(1-after))
	n = root * root / ((after - before) * (after - before))
	return n, root > 0 && positive(n)
}
