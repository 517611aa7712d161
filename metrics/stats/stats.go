// Package stats holds the statistics of figures: the intervals that say how far a figure can be trusted, the control charts
// that tell a signal from common variation, and the verdicts on a change.
//
// All functions are pure. Without data there is no interval, which they say with ok = false: they never return NaN or an
// infinity with ok = true, nor without an error. A confidence is a share, 0.95 for 95 %, and an interval is two-sided with equal tails.
package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a range for the true value behind a figure, with the name of the method that gave it.
type Interval struct {
	Lower, Upper float64
	Method       string
}

// Names of methods, as pages and answers show them.
const (
	MethodWilson       = "wilson"        // Wilson's score interval.
	MethodWilsonNEff   = "wilson_n_eff"  // The same with the effective number of weighted answers.
	MethodT            = "t"             // Student's t interval of a mean.
	MethodTNEff        = "t_n_eff"       // The same with the effective number of weighted answers.
	MethodPoissonExact = "poisson_exact" // Garwood's exact interval of a Poisson rate.
)

// Per returns the interval in another unit: per 10,000, Per(10_000). The scale is positive.
func (i Interval) Per(scale float64) Interval {
	return Interval{Lower: i.Lower * scale, Upper: i.Upper * scale, Method: i.Method}
}

// ZForConfidence returns the quantile of the normal distribution for a two-sided confidence: 1.959964 for 0.95. It is NaN
// for a confidence outside (0, 1), with which no interval is given.
func ZForConfidence(confidence float64) float64 {
	if !inside(confidence) {
		return math.NaN()
	}
	return distuv.UnitNormal.Quantile((1 + confidence) / 2)
}

// TForConfidence returns the quantile of Student's t distribution for a two-sided confidence. It is NaN for a confidence
// outside (0, 1) and for degrees of freedom that are not positive.
func TForConfidence(confidence, degreesOfFreedom float64) float64 {
	if !inside(confidence) || !positive(degreesOfFreedom) {
		return math.NaN()
	}
	if degreesOfFreedom > 1e6 {
		// The library's search loses digits here; the first term of the expansion about the normal quantile has them.
		z := ZForConfidence(confidence)
		return z + (z*z*z+z)/(4*degreesOfFreedom)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: degreesOfFreedom}.Quantile((1 + confidence) / 2)
}

// Wilson returns the score interval of the rate x/n (Wilson 1927, JASA 22:209). It lies in [0, 1] and holds x/n; its lower
// end is exactly 0 for x = 0, its upper end exactly 1 for x = n. There is none for n <= 0, x outside [0, n] or a z that is
// not positive.
func Wilson(x, n int64, z float64) (iv Interval, ok bool) {
	if n <= 0 {
		return Interval{}, false
	}
	return wilson(float64(x)/float64(n), float64(n), z, MethodWilson)
}

// WilsonEffective returns the score interval of a weighted rate from Σ(weight of successes), Σ(weight) and Σ(weight²). The
// number of answers is replaced by the effective one of [EffectiveSize]. There is none without weight, for a success
// weight outside [0, Σ(weight)] or a z that is not positive.
func WilsonEffective(sumSuccess, sumWeight, sumWeight2, z float64) (iv Interval, ok bool) {
	n, ok := EffectiveSize(sumWeight, sumWeight2)
	if !ok {
		return Interval{}, false
	}
	return wilson(sumSuccess/sumWeight, n, z, MethodWilsonNEff)
}

func wilson(p, n, z float64, method string) (Interval, bool) {
	if !(p >= 0 && p <= 1) || !positive(z) {
		return Interval{}, false
	}
	z2n := z * z / n
	centre := (p + z2n/2) / (1 + z2n)
	half := z * math.Sqrt(p*(1-p)/n+z2n/(4*n)) / (1 + z2n)
	iv := Interval{Lower: max(0, centre-half), Upper: min(1, centre+half), Method: method}
	// What is exact on paper is not in floating point.
	if p == 0 {
		iv.Lower = 0
	}
	if p == 1 {
		iv.Upper = 1
	}
	return iv, true
}

// EffectiveSize returns the number of equally weighted answers that carry as much as weighted ones: (Σw)²/Σw² (Kish).
// There is none without weight.
func EffectiveSize(sumWeight, sumWeight2 float64) (n float64, ok bool) {
	if !positive(sumWeight) || !positive(sumWeight2) {
		return 0, false
	}
	n = sumWeight * sumWeight / sumWeight2
	return n, positive(n)
}

// ClusterEffectiveSize returns the number of independent answers that n answers are worth which come in clusters (outlets)
// of perCluster answers with the intra-class correlation icc: n/(1+(m-1)·icc). There is none for n or perCluster below 1
// and for icc outside [0, 1].
func ClusterEffectiveSize(n, perCluster, icc float64) (effective float64, ok bool) {
	if !(n >= 1 && perCluster >= 1 && icc >= 0 && icc <= 1) {
		return 0, false
	}
	effective = n / (1 + (perCluster-1)*icc)
	return effective, positive(effective)
}

// StdDev returns the sample standard deviation, with n-1, from n, Σx and Σx². There is none for n < 2.
func StdDev(n int64, sum, sumSquares float64) (s float64, ok bool) {
	return stdDev(float64(n), float64(n), sum, sumSquares)
}

// stdDev takes weighted sums: Σw, Σwx, Σwx², and an effective n; with weights of 1 it is the ordinary one.
func stdDev(n, sumWeight, sum, sumSquares float64) (float64, bool) {
	if !(n > 1) || !positive(sumWeight) {
		return 0, false
	}
	// Equal values can give a square that is a rounding error below zero.
	variance := max(0, sumSquares/sumWeight-sum/sumWeight*(sum/sumWeight)) * n / (n - 1)
	s := math.Sqrt(variance)
	return s, !math.IsNaN(s) && !math.IsInf(s, 0)
}

// MeanT returns Student's t interval of a mean, x̄ ± t(n-1)·s/√n, from n, Σx and Σx². There is none for n < 2. Values that
// are all equal give an interval without width: the sample shows no spread.
func MeanT(n int64, sum, sumSquares, confidence float64) (iv Interval, ok bool) {
	return meanT(float64(n), float64(n), sum, sumSquares, confidence, MethodT)
}

// MeanTEffective returns the t interval of a weighted mean from Σw, Σw², Σwx and Σwx²: spread and degrees of freedom use
// the effective number of [EffectiveSize], so that equal weights of any size give what [MeanT] gives. There is none for an
// effective number of 1 or less.
func MeanTEffective(sumWeight, sumWeight2, sum, sumSquares, confidence float64) (iv Interval, ok bool) {
	n, ok := EffectiveSize(sumWeight, sumWeight2)
	if !ok {
		return Interval{}, false
	}
	return meanT(n, sumWeight, sum, sumSquares, confidence, MethodTNEff)
}

func meanT(n, sumWeight, sum, sumSquares, confidence float64, method string) (Interval, bool) {
	s, ok := stdDev(n, sumWeight, sum, sumSquares)
	if !ok || !inside(confidence) {
		return Interval{}, false
	}
	mean := sum / sumWeight
	half := TForConfidence(confidence, n-1) * s / math.Sqrt(n)
	iv := Interval{Lower: mean - half, Upper: mean + half, Method: method}
	return iv, !math.IsNaN(half) && !math.IsInf(half, 0)
}

// RatePer returns events per so much exposure: complaints per 10,000 cases, RatePer(complaints, cases, 10_000). There is
// none for an exposure that is not positive or a negative count.
func RatePer(x int64, exposure, scale float64) (rate float64, ok bool) {
	if x < 0 || !positive(exposure) || !positive(scale) {
		return 0, false
	}
	return float64(x) / exposure * scale, true
}

// PoissonExact returns the exact interval of a rate of events, x in an exposure (Garwood 1936, Biometrika 28:437). Its
// lower end is exactly 0 for x = 0. There is none for an exposure that is not positive or a negative count.
func PoissonExact(x int64, exposure, confidence float64) (iv Interval, ok bool) {
	if x < 0 || !positive(exposure) || !inside(confidence) {
		return Interval{}, false
	}
	tail := (1 - confidence) / 2
	iv = Interval{Upper: mathext.GammaIncRegCompInv(float64(x)+1, tail) / exposure, Method: MethodPoissonExact}
	if x > 0 {
		iv.Lower = mathext.GammaIncRegInv(float64(x), tail) / exposure
	}
	return iv, true
}

func inside(share float64) bool { return share > 0 && share < 1 }

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
