package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// MethodOrderStatistics is the interval of a percentile between two of the sorted values.
const MethodOrderStatistics = "order_statistics"

// Percentile returns the quantile p, 0.9 for P90, of values in any order (STATISTICS.md 21). It is R's definition 7, linear
// between order statistics, which is ClickHouse's quantileExactInclusive. There is none for no values, one that is not a
// number, or p outside [0, 1].
func Percentile(values []float64, p float64) (v float64, ok bool) {
	if len(values) == 0 || !(p >= 0 && p <= 1) || slices.ContainsFunc(values, func(v float64) bool { return !finite(v) }) {
		return 0, false
	}
	return quantileSorted(slices.Sorted(slices.Values(values)), p), true
}

// quantileSorted is [Percentile] of one or more sorted values.
func quantileSorted(sorted []float64, p float64) float64 {
	h := float64(len(sorted)-1) * p
	lo := int(math.Floor(h))
	if lo+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	// In this form the result cannot overflow, and equal neighbours give their value.
	w := h - float64(lo)
	if sorted[lo] == sorted[lo+1] {
		return sorted[lo]
	}
	return sorted[lo]*(1-w) + sorted[lo+1]*w
}

// PercentileSample is the number of values from which a percentile is shown: five beyond it, so 50 for P90, 100 for P95.
func PercentileSample(p float64) int {
	if !inside(p) {
		return 0
	}
	return int(math.Ceil(5/min(p, 1-p) - 1e-9))
}

// PercentileInterval returns the interval of the quantile p between two order statistics, with at most half of what the
// confidence leaves in each tail, and the confidence that it reaches (STATISTICS.md 21). There is none where the values
// are too few to have such ranks.
func PercentileInterval(values []float64, p, confidence float64) (iv Interval, coverage float64, ok bool) {
	lower, upper, coverage, ok := percentileRanks(int64(len(values)), p, confidence)
	if !ok || slices.ContainsFunc(values, func(v float64) bool { return !finite(v) }) {
		return Interval{}, 0, false
	}
	sorted := slices.Sorted(slices.Values(values))
	return Interval{Lower: sorted[lower-1], Upper: sorted[upper-1], Method: MethodOrderStatistics}, coverage, true
}

// percentileRanks returns the ranks, from 1, of the ends of the interval among n sorted values.
func percentileRanks(n int64, p, confidence float64) (lower, upper int64, coverage float64, ok bool) {
	if n < 1 || !inside(p) || !inside(confidence) {
		return 0, 0, 0, false
	}
	tail := (1 - confidence) / 2
	// The number of values below the quantile is binomial.
	lower, upper = binomialQuantile(tail, n, p), binomialQuantile(1-tail, n, p)+1
	if lower < 1 || upper > n {
		return 0, 0, 0, false
	}
	return lower, upper, binomialUpTo(upper-1, n, p) - binomialUpTo(lower-1, n, p), true
}

// binomialUpTo is P(X <= k) of n draws with a probability 0 < p < 1.
func binomialUpTo(k, n int64, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	default:
		return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-p)
	}
}

// binomialFrom is P(X >= k), for k up to n. As 1 minus the other tail it would lose the digits of small ones.
func binomialFrom(k, n int64, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// binomialQuantile is the smallest k with P(X <= k) >= q, for 0 < q < 1.
func binomialQuantile(q float64, n int64, p float64) int64 {
	lo, hi := int64(0), n
	for lo < hi {
		mid := lo + (hi-lo)/2
		if binomialUpTo(mid, n, p) >= q {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
