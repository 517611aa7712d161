package stats

import (
	"math"
)

// AssurancePoints are the points of a phase from which its limits speak about a target (STATISTICS.md 5).
const AssurancePoints = 13

// VariationIcon is the state of the latest point.
type VariationIcon struct {
	// Hidden says why there is no icon; empty: there is one.
	Hidden    Reason
	Direction Direction
	// Side and Rule are those of the signal; empty for a common cause.
	Side Side
	Rule Rule
}

// Shown says whether there is an icon.
func (i VariationIcon) Shown() bool { return i.Hidden == ReasonNone }

// Letter is H or L by the side that signalled, and empty for a common cause.
func (i VariationIcon) Letter() string {
	switch {
	case !i.Shown():
		return ""
	case i.Side == SideHigh:
		return "H"
	case i.Side == SideLow:
		return "L"
	default:
		return ""
	}
}

// Variation returns the icon of the chart's latest judged point (STATISTICS.md 5). It is hidden while the limits of the
// last phase are trial ones and where the baseline shows no variation.
func (c Chart) Variation() VariationIcon {
	phase, latest, hidden := c.settled()
	if hidden != ReasonNone {
		return VariationIcon{Hidden: hidden, Direction: DirectionCommon}
	}
	icon := VariationIcon{Direction: latest.Direction}
	if s, ok := latest.Signal(); ok {
		icon.Side, icon.Rule = s.Side, s.Rule
	}
	if phase.NoVariation {
		icon.Hidden = ReasonNoVariation
	}
	return icon
}

// settled returns the last phase and the latest point, or why they say nothing yet.
func (c Chart) settled() (Phase, Point, Reason) {
	phase, ok := c.Last()
	latest, found := c.Latest()
	switch {
	case !ok || !found:
		return phase, latest, ReasonNoData
	case phase.State == PhaseLine:
		return phase, latest, phase.Reason
	case phase.State == PhaseTrial:
		return phase, latest, ReasonTrial
	default:
		return phase, latest, ReasonNone
	}
}

// Assurance is what a process as it is can be expected to do about a target.
type Assurance string

// The assurances.
const (
	AssuranceNone  Assurance = ""
	AssurancePass  Assurance = "pass"         // Consistently passes: P.
	AssuranceFail  Assurance = "fail"         // Consistently fails: F.
	AssuranceMixed Assurance = "hit_and_miss" // Passes or fails by chance: ?.
)

// Letter is P, F or ?, and empty without assurance.
func (a Assurance) Letter() string {
	switch a {
	case AssurancePass:
		return "P"
	case AssuranceFail:
		return "F"
	case AssuranceMixed:
		return "?"
	default:
		return ""
	}
}

// AssuranceIcon speaks of the process, not of its last value.
type AssuranceIcon struct {
	// Hidden says why there is no icon; empty: there is one.
	Hidden    Reason
	Assurance Assurance
}

// Shown says whether there is an icon.
func (i AssuranceIcon) Shown() bool { return i.Hidden == ReasonNone }

// Assurance returns the icon of the chart's last phase against a target in the displayed unit, nil without one
// (STATISTICS.md 5). It is hidden below 13 points in the phase, while its limits are trial ones, where the baseline shows
// no variation, and for a target that moves over the phase. Limits that differ from point to point are the latest one's.
func (c Chart) Assurance(target *float64, moving bool) AssuranceIcon {
	if target == nil || !finite(*target) {
		return AssuranceIcon{Hidden: ReasonNoTarget}
	}
	if moving {
		return AssuranceIcon{Hidden: ReasonMovingTarget}
	}
	if c.Better == BetterNone {
		return AssuranceIcon{Hidden: ReasonUndirected}
	}
	phase, latest, hidden := c.settled()
	switch {
	case hidden != ReasonNone:
		return AssuranceIcon{Hidden: hidden}
	case phase.NoVariation:
		return AssuranceIcon{Hidden: ReasonNoVariation}
	case phase.Points < AssurancePoints:
		return AssuranceIcon{Hidden: ReasonFewPoints}
	case latest.Limits == nil:
		return AssuranceIcon{Hidden: ReasonFewExpected}
	}
	return AssuranceIcon{Assurance: Assure(*latest.Limits, *target, c.Better)}
}

// Assure compares a target with limits, strictly: equality is hit and miss. Without a good side there is no assurance.
func Assure(l Limits, target float64, better Better) Assurance {
	above, below := target > l.Upper, target < l.Lower
	switch {
	case better == BetterNone:
		return AssuranceNone
	case !above && !below:
		return AssuranceMixed
	case above == (better == BetterHigher):
		return AssuranceFail
	default:
		return AssurancePass
	}
}

// AnhojTest is an extra check of a long series for runs (Anhøj and Olesen 2014, PLoS ONE 9:e113825).
type AnhojTest struct {
	Useful       int // Points that don't lie on the centre.
	LongestRun   int
	LongestUsual int // A longer run is a signal.
	Crossings    int
	FewestUsual  int // Fewer crossings are a signal.
	Signal       bool
}

// Anhoj tests values in order of time against a centre (STATISTICS.md 5). Values on the centre are left out. There is no
// test for fewer than two useful values.
func Anhoj(values []float64, centre float64) (t AnhojTest, ok bool) {
	if !finite(centre) {
		return AnhojTest{}, false
	}
	run, last := 0, 0
	for _, v := range values {
		if !finite(v) {
			return AnhojTest{}, false
		}
		side := order(v, centre, rounding*math.Abs(centre))
		if side == 0 {
			continue
		}
		t.Useful++
		if side == last {
			run++
		} else {
			if last != 0 {
				t.Crossings++
			}
			run, last = 1, side
		}
		t.LongestRun = max(t.LongestRun, run)
	}
	if t.Useful < 2 {
		return AnhojTest{}, false
	}
	t.LongestUsual = int(math.Round(math.Log2(float64(t.Useful)))) + 3
	t.FewestUsual = int(binomialQuantile(0.05, int64(t.Useful-1), 0.5))
	t.Signal = t.LongestRun > t.LongestUsual || t.Crossings < t.FewestUsual
	return t, true
}
