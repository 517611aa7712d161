package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Methods of the interval of a ratio of rates.
const (
	MethodRatioExact = "poisson_ratio_exact" // Conditional on the sum (Przyborowski and Wilenski 1940).
	MethodLogWald    = "log_wald"            // Normal in the logarithm; used where φ widens it.
)

// SmallCount is the number of events on a side below which a verdict is to say that the numbers are small.
const SmallCount = 5

// Events are counted in an exposure: 120 complaints in 400,000 cases, in any unit that both sides share.
type Events struct {
	X        int64
	Exposure float64
}

// RateRatio compares two rates of events.
type RateRatio struct {
	// Ratio is after divided by before: 0.75 is a quarter less.
	Ratio    float64
	Interval Interval
	// Unbounded says that the interval has no upper end, and holds 0 for it: there was no event before, in which case Ratio
	// is infinite and holds 0 too, or the data bound nothing at so large a φ.
	Unbounded bool
	// P is the exact p value widened by φ as the interval is; MidP counts half of what was seen, and has no φ.
	P, MidP float64
	Verdict Verdict
	// Small says that one of the counts is small.
	Small bool
}

// CompareEventRates compares a rate of events, complaints per case, before and after (STATISTICS.md 11). The interval is the
// exact one given the sum of both counts; with φ above 1 it is log-Wald, or with a count of 0 the exact one at the
// confidence of the widened quantile. Without any event the verdict is that they are too few. An exposure that is not
// positive is an error.
func CompareEventRates(before, after Events, terms Terms) (RateRatio, error) {
	if err := terms.check(); err != nil {
		return RateRatio{}, fmt.Errorf("compare event rates: %w", err)
	}
	if before.X < 0 || after.X < 0 || !positive(before.Exposure) || !positive(after.Exposure) {
		return RateRatio{}, fmt.Errorf("compare event rates: %d in %v before, %d in %v after: want counts in a positive exposure",
			before.X, before.Exposure, after.X, after.Exposure)
	}
	k := before.X + after.X
	share := after.Exposure / (before.Exposure + after.Exposure)
	scale := before.Exposure / after.Exposure
	if !inside(share) || !positive(scale) {
		return RateRatio{}, fmt.Errorf("compare event rates: exposures %v and %v cannot be compared", before.Exposure, after.Exposure)
	}
	r := RateRatio{Unbounded: before.X == 0, P: 1, MidP: 1, Small: min(before.X, after.X) < SmallCount}
	if before.X > 0 {
		r.Ratio = float64(after.X) / float64(before.X) * scale
	}
	if k == 0 {
		r.Interval.Method = MethodRatioExact
		if terms.Better != BetterNone {
			r.Verdict = VerdictTooFew
		}
		return r, nil
	}

	least, most := binomialUpTo(after.X, k, share), binomialFrom(after.X, k, share)
	exactly := max(0, least+most-1)
	r.P = min(1, 2*min(least, most))
	r.MidP = max(0, min(1, 2*min(least, most)-exactly))

	z := terms.width()
	var lower, upper float64
	if phi := terms.phi(); phi > 1 && before.X > 0 && after.X > 0 {
		se := math.Sqrt(1/float64(before.X) + 1/float64(after.X))
		lower, upper = r.Ratio*math.Exp(-z*se), r.Ratio*math.Exp(z*se)
		r.Interval.Method = MethodLogWald
		r.P = normalP(math.Log(r.Ratio) / (phi * se))
	} else {
		lower, upper = ratioLimits(after.X, k, scale, logTail(z))
		r.Interval.Method = MethodRatioExact
		if phi > 1 && r.P < 1 {
			// All events are on one side.
			all := math.Log(share)
			if after.X == 0 {
				all = math.Log1p(-share)
			}
			r.P = normalP(zOfLogTail(float64(k)*all) / phi)
		}
	}
	r.Unbounded = math.IsInf(upper, 1)
	if !finite(lower) || !finite(r.Ratio) || math.IsNaN(upper) {
		return RateRatio{}, fmt.Errorf("compare event rates: the ratio of %d in %v to %d in %v is too large to compute with",
			after.X, after.Exposure, before.X, before.Exposure)
	}
	r.Verdict = terms.verdict(lower, upper, 1+terms.SmallestChange, 1-terms.SmallestChange)
	r.Interval.Lower, r.Interval.Upper = lower, upper
	if r.Unbounded {
		r.Interval.Upper = 0
	}
	return r, nil
}

// ratioLimits are the odds of the Clopper-Pearson limits of x of k, times the scale, with the logarithm of the probability
// in each tail. With x = k the upper one is infinite.
func ratioLimits(x, k int64, scale, logTail float64) (lower, upper float64) {
	odds := func(q float64) float64 { return q / (1 - q) * scale }
	switch x {
	case 0:
		// (1-q)^k is the tail.
		return 0, math.Expm1(-logTail/float64(k)) * scale
	case k:
		// q^k is the tail, and the odds are 1/(1/q - 1).
		return scale / math.Expm1(-logTail/float64(k)), math.Inf(1)
	default:
		tail := math.Exp(logTail)
		return odds(mathext.InvRegIncBeta(float64(x), float64(k-x+1), tail)), odds(mathext.InvRegIncBeta(float64(x+1), float64(k-x), 1-tail))
	}
}

// farTail is the z from which the normal tail is taken from its expansion, as its probability runs out of floating point.
const farTail = 25

// logTail is the logarithm of the probability beyond a standard normal z.
func logTail(z float64) float64 {
	if z < farTail {
		return math.Log(math.Erfc(z/math.Sqrt2) / 2)
	}
	return -z*z/2 - math.Log(z*math.Sqrt(2*math.Pi)) + math.Log1p(-1/(z*z))
}

// zOfLogTail is the inverse of [logTail].
func zOfLogTail(l float64) float64 {
	if l > logTail(farTail) {
		return -distuv.UnitNormal.Quantile(math.Exp(l))
	}
	z := math.Sqrt(-2 * l)
	for range 8 {
		// Newton's step: the slope of the logarithm of the tail is close to -z here.
		z += (logTail(z) - l) / z
	}
	return z
}
