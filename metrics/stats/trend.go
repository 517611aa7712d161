package stats

import (
	"cmp"
	"math"
	"slices"
)

// TrendTest is the direction of a series (STATISTICS.md 18). Points of a series hang together, which makes P too small:
// call it a direction, and take signals from the control chart.
type TrendTest struct {
	S        int     // Rising pairs minus falling ones (Mann 1945).
	Variance float64 // Of S without a trend, with ties.
	Z        float64
	// P is two-sided; shown from ten points on.
	P float64
	// TauB is Kendall's rank correlation with time.
	TauB float64
	// Slope is the median of the slopes of all pairs, per period (Sen 1968, JASA 63:1379), Intercept the level at the first one.
	Slope, Intercept float64
	// Interval is that of Slope.
	Interval Interval
}

// TrendPoints are the points from which a trend has a p value to show.
const TrendPoints = 10

// MethodSen is the interval of the Theil-Sen slope.
const MethodSen = "sen"

// MannKendall tests values at equal distances in time for a trend, and estimates its slope. There is none for fewer than
// two values, one that is not a number, or values that are all equal, which have no trend. Memory and time grow with the
// square of their number.
func MannKendall(values []float64, confidence float64) (t TrendTest, ok bool) {
	n := len(values)
	if n < 2 || !inside(confidence) || slices.ContainsFunc(values, func(v float64) bool { return !finite(v) }) {
		return TrendTest{}, false
	}
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range values {
		for j := i + 1; j < n; j++ {
			switch {
			case values[j] > values[i]:
				t.S++
			case values[j] < values[i]:
				t.S--
			}
			slopes = append(slopes, (values[j]-values[i])/float64(j-i))
		}
	}
	variance, tiedPairs := float64(n)*float64(n-1)*float64(2*n+5), 0.0
	sorted := slices.Sorted(slices.Values(values))
	for i := 0; i < n; {
		j := i + 1
		for j < n && sorted[j] == sorted[i] {
			j++
		}
		tied := float64(j - i)
		variance -= tied * (tied - 1) * (2*tied + 5)
		tiedPairs += tied * (tied - 1) / 2
		i = j
	}
	t.Variance = variance / 18
	if t.Variance <= 0 {
		return TrendTest{}, false
	}
	sign := float64(cmp.Compare(t.S, 0))
	t.Z = (float64(t.S) - sign) / math.Sqrt(t.Variance)
	t.P = normalP(t.Z)
	pairs := float64(len(slopes))
	t.TauB = float64(t.S) / math.Sqrt((pairs-tiedPairs)*pairs)

	slices.Sort(slopes)
	t.Slope = quantileSorted(slopes, 0.5)
	levels := make([]float64, n)
	for i, v := range values {
		levels[i] = v - t.Slope*float64(i)
	}
	slices.Sort(levels)
	t.Intercept = quantileSorted(levels, 0.5)
	c := ZForConfidence(confidence) * math.Sqrt(t.Variance)
	t.Interval = Interval{Lower: atRank(slopes, (pairs-c)/2), Upper: atRank(slopes, (pairs+c)/2+1), Method: MethodSen}
	return t, finite(t.Slope) && finite(t.Intercept) && finite(t.Interval.Lower) && finite(t.Interval.Upper)
}

// atRank is the value at a rank from 1, linear between ranks; one beyond the ends is the end's.
func atRank(sorted []float64, rank float64) float64 {
	last := float64(len(sorted) - 1)
	if last == 0 {
		return sorted[0]
	}
	return quantileSorted(sorted, min(last, max(0, rank-1))/last)
}
