package stats

import "math"

// NPSColour is the number of answers from which an NPS is judged by colour (STATISTICS.md 13).
const NPSColour = 100

// NPS returns the net promoter score, 100·(promoters - detractors)/all, -100 to 100, with its standard error
// 100·√((P + D - (P-D)²)/n) (STATISTICS.md 13). There is none without answers or for a negative count.
func NPS(promoters, passives, detractors int64) (score Measured, ok bool) {
	n := float64(promoters) + float64(passives) + float64(detractors)
	if promoters < 0 || passives < 0 || detractors < 0 || n == 0 {
		return Measured{}, false
	}
	p, d := float64(promoters)/n, float64(detractors)/n
	// What is 0 on paper, if all answers are of one kind, can come out a little below.
	return Measured{Value: 100 * (p - d), SE: 100 * math.Sqrt(max(0, p+d-(p-d)*(p-d))/n)}, true
}

// Interval is the normal interval of an estimate. There is none for a confidence outside (0, 1) or without a standard error.
func (m Measured) Interval(confidence float64) (iv Interval, ok bool) {
	if !inside(confidence) || !positive(m.SE) || !finite(m.Value) {
		return Interval{}, false
	}
	half := ZForConfidence(confidence) * m.SE
	return Interval{Lower: m.Value - half, Upper: m.Value + half, Method: MethodNormal}, true
}
