package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Wait is one case's time until it was done, or as far as it was seen.
type Wait struct {
	// Time is how long it took, or how long the case has been open, in any unit, 0 or more.
	Time float64
	// Done says that it was done at Time.
	Done bool
	// Never marks a case that ended without ever being done, lost or returned. It stays among those at risk to the end,
	// as leaving it out would flatter the curve. Time is not used.
	Never bool
}

// CurveStep is a time at which cases were done.
type CurveStep struct {
	Time         float64
	AtRisk, Done int
	Survival     float64 // Share not done after Time.
	SE           float64 // Greenwood's standard error of Survival; 0 once all are done.
	greenwood    float64 // Σ d/(n(n-d)) up to here.
}

// Curve is the Kaplan-Meier estimate of the share of cases not yet done (Kaplan and Meier 1958, JASA 53:457).
type Curve struct {
	N     int
	Steps []CurveStep
	// Until is the longest time that any case was under observation; Endless says that one is never done, so that the
	// curve holds for ever.
	Until   float64
	Endless bool
}

// KaplanMeier estimates the curve from cases done and open (STATISTICS.md 17). At one time, done comes before open. No cases,
// or a time that is negative or not a number, are an error.
func KaplanMeier(waits []Wait) (Curve, error) {
	if len(waits) == 0 {
		return Curve{}, fmt.Errorf("kaplan-meier: no cases")
	}
	sorted := slices.Clone(waits)
	for i := range sorted {
		w := &sorted[i]
		if w.Never {
			w.Time, w.Done = math.Inf(1), false
		} else if !(w.Time >= 0) || !finite(w.Time) {
			return Curve{}, fmt.Errorf("kaplan-meier: case %d: time %v", i+1, w.Time)
		}
	}
	slices.SortFunc(sorted, func(a, b Wait) int { return cmp.Compare(a.Time, b.Time) })
	c := Curve{N: len(sorted)}
	survival, greenwood := 1.0, 0.0
	for i := 0; i < len(sorted); {
		t, done, j := sorted[i].Time, 0, i
		for ; j < len(sorted) && sorted[j].Time == t; j++ {
			if sorted[j].Done {
				done++
			}
		}
		if math.IsInf(t, 1) {
			c.Endless = true
		} else {
			c.Until = t
		}
		if done > 0 {
			n := len(sorted) - i
			step := CurveStep{Time: t, AtRisk: n, Done: done}
			if done < n {
				survival *= float64(n-done) / float64(n)
				greenwood += float64(done) / (float64(n) * float64(n-done))
				step.SE = survival * math.Sqrt(greenwood)
			} else {
				survival, greenwood = 0, 0
			}
			step.Survival, step.greenwood = survival, greenwood
			c.Steps = append(c.Steps, step)
		}
		i = j
	}
	return c, nil
}

// MethodLogLog is the interval of a Kaplan-Meier estimate that is normal in ln(-ln S).
const MethodLogLog = "log_log"

// Estimate is a share with its standard error.
type Estimate struct {
	Share, SE float64
	// Interval is nil where the curve gives none: before the first case done, and once all are.
	Interval *Interval
}

// At returns the share not done after a time. There is none beyond the time under observation.
func (c Curve) At(t, confidence float64) (e Estimate, ok bool) {
	if !(t >= 0) || !inside(confidence) || c.N == 0 || t > c.Until && !c.Endless && !c.finished() {
		return Estimate{}, false
	}
	i, found := slices.BinarySearchFunc(c.Steps, t, func(s CurveStep, t float64) int { return cmp.Compare(s.Time, t) })
	if !found {
		i--
	}
	if i < 0 {
		return Estimate{Share: 1}, true
	}
	s := c.Steps[i]
	e = Estimate{Share: s.Survival, SE: s.SE}
	if iv, ok := s.interval(ZForConfidence(confidence)); ok {
		e.Interval = &iv
	}
	return e, true
}

// Within returns the share done within a time, 1 minus [Curve.At]: on time, if the time is the limit.
func (c Curve) Within(t, confidence float64) (e Estimate, ok bool) {
	e, ok = c.At(t, confidence)
	e.Share = 1 - e.Share
	if iv := e.Interval; iv != nil {
		e.Interval = &Interval{Lower: 1 - iv.Upper, Upper: 1 - iv.Lower, Method: iv.Method}
	}
	if !ok {
		return Estimate{}, false
	}
	return e, true
}

func (c Curve) finished() bool {
	return len(c.Steps) > 0 && c.Steps[len(c.Steps)-1].Survival == 0
}

func (s CurveStep) interval(z float64) (Interval, bool) {
	if s.Survival <= 0 || s.Survival >= 1 {
		return Interval{}, false
	}
	w := math.Exp(z * math.Sqrt(s.greenwood) / math.Abs(math.Log(s.Survival)))
	return Interval{Lower: math.Pow(s.Survival, w), Upper: math.Pow(s.Survival, 1/w), Method: MethodLogLog}, true
}

// QuantileEstimate is the time by which a share of cases is done.
type QuantileEstimate struct {
	Time float64
	// Lower and Upper are the ends of its interval, nil where the curve does not reach them.
	Lower, Upper *float64
}

// Quantile returns the time by which the share p of cases is done, 0.5 for the median, with the interval at which that of
// the curve holds 1-p (Brookmeyer and Crowley 1982). It is not reached (ok false) while more than 1-p of them are not done.
func (c Curve) Quantile(p, confidence float64) (q QuantileEstimate, ok bool) {
	if !inside(p) || !inside(confidence) {
		return QuantileEstimate{}, false
	}
	z := ZForConfidence(confidence)
	// The product of shares can come out a little above what it is on paper.
	left := 1 - p + rounding
	for _, s := range c.Steps {
		lower, upper := s.Survival, s.Survival
		if iv, ok := s.interval(z); ok {
			lower, upper = iv.Lower, iv.Upper
		}
		t := s.Time
		if lower <= left && q.Lower == nil {
			q.Lower = &t
		}
		if s.Survival <= left && !ok {
			q.Time, ok = t, true
		}
		if upper <= left && q.Upper == nil {
			q.Upper = &t
		}
	}
	if !ok {
		return QuantileEstimate{}, false
	}
	return q, true
}
