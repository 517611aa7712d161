package stats

import (
	"fmt"
	"math"
)

// FunnelLimits are those of one size of unit around the group's rate, cut to [0, 1].
type FunnelLimits struct {
	Lower95, Upper95 float64 // 1.96 standard deviations.
	Lower3, Upper3   float64 // Three.
}

// FunnelAt returns the limits for a unit of n cases around the group's rate, for drawing the funnel (STATISTICS.md 9). phi is
// the group's σ_z; below 1 it counts as 1. There are none for n <= 0 or a rate outside [0, 1].
func FunnelAt(rate, n, phi float64) (l FunnelLimits, ok bool) {
	if !(rate >= 0 && rate <= 1) || !positive(n) || !finite(phi) {
		return FunnelLimits{}, false
	}
	s := funnelSigma(rate, n, phi)
	z := ZForConfidence(0.95)
	return FunnelLimits{
		Lower95: max(0, rate-z*s), Upper95: min(1, rate+z*s),
		Lower3: max(0, rate-3*s), Upper3: min(1, rate+3*s),
	}, true
}

func funnelSigma(rate, n, phi float64) float64 { return math.Sqrt(rate*(1-rate)/n) * max(1, phi) }

// FunnelPoint is one unit, an outlet, within its group.
type FunnelPoint struct {
	Sample
	Rate   float64
	Limits FunnelLimits
	// NoData marks a unit without cases, Small one in which fewer than five events or non-events are expected. Neither is judged.
	NoData, Small bool
	// Z is the distance from the group's rate in its standard deviations, P its two-sided p value, and Q that value among
	// all units judged, by [BenjaminiHochberg].
	Z, P, Q float64
	// Outside is the side of a unit beyond three standard deviations. Only those are ranked.
	Outside   Side
	Direction Direction
	// LookAt says that Q is below 0.05: the unit is to look at, not proven.
	LookAt bool
}

// GroupRate is the rate of all units together. There is none without cases.
func GroupRate(units []Sample) (rate float64, ok bool) {
	var all Sample
	for _, u := range units {
		if u.check() != nil {
			return 0, false
		}
		all.X += u.X
		all.N += u.N
	}
	return all.Rate()
}

// Funnel judges units against the rate of their group, widened by phi, the group's σ_z (STATISTICS.md 9).
func Funnel(units []Sample, rate, phi float64, better Better) ([]FunnelPoint, error) {
	if !(rate >= 0 && rate <= 1) || !finite(phi) {
		return nil, fmt.Errorf("funnel: rate %v, phi %v: want a share and a number", rate, phi)
	}
	points := make([]FunnelPoint, len(units))
	var ps []float64
	var judged []int
	for i, u := range units {
		if err := u.check(); err != nil {
			return nil, fmt.Errorf("funnel: unit %d: %w", i+1, err)
		}
		p := &points[i]
		*p = FunnelPoint{Sample: u, NoData: u.N == 0, P: 1, Q: 1, Direction: DirectionCommon}
		if p.NoData {
			continue
		}
		n := float64(u.N)
		p.Rate, _ = u.Rate()
		p.Limits, _ = FunnelAt(rate, n, phi)
		p.Small = !enoughExpected(rate, n, true)
		if p.Small {
			continue
		}
		p.Z = (p.Rate - rate) / funnelSigma(rate, n, phi)
		p.P = normalP(p.Z)
		if side := sideOf(order(p.Z, 0, 3)); side != SideNone {
			p.Outside, p.Direction = side, side.Means(better)
		}
		ps, judged = append(ps, p.P), append(judged, i)
	}
	qs, err := BenjaminiHochberg(ps)
	if err != nil {
		return nil, fmt.Errorf("funnel: %w", err)
	}
	for k, i := range judged {
		points[i].Q = qs[k]
		points[i].LookAt = qs[k] < FamilyLevel
	}
	return points, nil
}
