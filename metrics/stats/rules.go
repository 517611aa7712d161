package stats

import (
	"cmp"
	"slices"
)

// Rule is one of the four that tell a special cause from common variation (STATISTICS.md 5; NHS Making Data Count).
type Rule string

// The rules, by precedence. All inequalities are strict.
const (
	// RuleOutside flags a point beyond a limit.
	RuleOutside Rule = "outside"
	// RuleTrend flags seven or more points that rise, or fall, one after the other.
	RuleTrend Rule = "trend"
	// RuleTwoInThree flags the points between near line and limit, if they are two or more of three on one side of the centre.
	RuleTwoInThree Rule = "two_in_three"
	// RuleShift flags seven or more points in a row on one side of the centre.
	RuleShift Rule = "shift"
)

// RunLength is the number of points that make a shift or a trend.
const RunLength = 7

var precedence = []Rule{RuleOutside, RuleTrend, RuleTwoInThree, RuleShift}

// Precedence is the rule's place in the order in which a point is shown with one of several signals, from 0.
func (r Rule) Precedence() int { return slices.Index(precedence, r) }

// Side is where a signal points: above the centre or rising, below it or falling.
type Side string

// The sides.
const (
	SideNone Side = ""
	SideHigh Side = "high"
	SideLow  Side = "low"
)

// Direction is what a signal means for the indicator.
type Direction string

// The directions.
const (
	DirectionCommon      Direction = "common"      // No signal.
	DirectionImprovement Direction = "improvement" // A signal to the good side.
	DirectionConcern     Direction = "concern"     // A signal to the bad side.
	DirectionNeutral     Direction = "neutral"     // A signal of an indicator without a good side.
)

// Means says what a signal to the side means for an indicator that improves in a direction.
func (s Side) Means(b Better) Direction {
	switch {
	case b == BetterNone:
		return DirectionNeutral
	case (s == SideHigh) == (b == BetterHigher):
		return DirectionImprovement
	default:
		return DirectionConcern
	}
}

// Signal is a rule that flags a point.
type Signal struct {
	Rule Rule
	Side Side
	// From and To are indices of [Chart.Points] and span the pattern, To not included: the point itself, the run, or the
	// last window of three.
	From, To int
}

// Length is the number of periods of the pattern.
func (s Signal) Length() int { return s.To - s.From }

// seenPoint is a judged point on the scale that limits are symmetrical on.
type seenPoint struct {
	index                      int  // among the points of the phase
	joined                     bool // the judged point before it is of the period before it
	x, centre                  float64
	limited                    bool
	lower, upper               float64
	nearLower, nearUpper       float64
	clippedLower, clippedUpper bool
}

// order compares two values; those within the tolerance are equal.
func order(a, b, tolerance float64) int {
	if d := a - b; d > tolerance {
		return 1
	} else if d < -tolerance {
		return -1
	}
	return 0
}

func sideOf(sign int) Side {
	switch {
	case sign > 0:
		return SideHigh
	case sign < 0:
		return SideLow
	default:
		return SideNone
	}
}

// judge applies the rules to the judged points of one phase and returns the signals of each, by precedence.
func judge(seen []seenPoint, tolerance float64) [][]Signal {
	flags := make([]map[Rule]Signal, len(seen))
	flag := func(k int, s Signal) {
		if flags[k] == nil {
			flags[k] = map[Rule]Signal{}
		}
		// A point that ends one trend and starts another belongs to the later, which comes later here too.
		flags[k][s.Rule] = s
	}
	signal := func(rule Rule, side, from, to int) Signal {
		return Signal{Rule: rule, Side: sideOf(side), From: seen[from].index, To: seen[to].index + 1}
	}

	sides, outside, near := make([]int, len(seen)), make([]int, len(seen)), make([]bool, len(seen))
	for k, p := range seen {
		sides[k] = order(p.x, p.centre, tolerance)
		if !p.limited {
			continue
		}
		switch {
		case order(p.x, p.upper, tolerance) > 0:
			if !p.clippedUpper {
				outside[k] = 1
			}
		case order(p.x, p.lower, tolerance) < 0:
			if !p.clippedLower {
				outside[k] = -1
			}
		default:
			near[k] = order(p.x, p.nearUpper, tolerance) > 0 || order(p.x, p.nearLower, tolerance) < 0
		}
		if outside[k] != 0 {
			flag(k, signal(RuleOutside, outside[k], k, k))
		}
	}

	runs(len(seen), func(k int) int { return sides[k] }, func(k int) bool { return seen[k].joined }, func(from, to, side int) {
		if to-from >= RunLength {
			for k := from; k < to; k++ {
				flag(k, signal(RuleShift, side, from, to-1))
			}
		}
	})

	steps := make([]int, len(seen)) // steps[k] leads from the point before k to k
	for k := 1; k < len(seen); k++ {
		if seen[k].joined {
			steps[k] = order(seen[k].x, seen[k-1].x, tolerance)
		}
	}
	runs(len(seen), func(k int) int { return steps[k] }, func(int) bool { return true }, func(from, to, side int) {
		if to-from >= RunLength-1 {
			for k := from - 1; k < to; k++ {
				flag(k, signal(RuleTrend, side, from-1, to-1))
			}
		}
	})

	for k := 2; k < len(seen); k++ {
		side := sides[k]
		if side == 0 || sides[k-1] != side || sides[k-2] != side || !seen[k].joined || !seen[k-1].joined {
			continue
		}
		count := 0
		for j := k - 2; j <= k; j++ {
			if near[j] {
				count++
			}
		}
		for j := k - 2; j <= k && count >= 2; j++ {
			if near[j] {
				flag(j, signal(RuleTwoInThree, side, k-2, k))
			}
		}
	}

	out := make([][]Signal, len(seen))
	for k, f := range flags {
		for _, s := range f {
			out[k] = append(out[k], s)
		}
		slices.SortFunc(out[k], func(a, b Signal) int {
			return cmp.Compare(a.Rule.Precedence(), b.Rule.Precedence())
		})
	}
	return out
}

// runs calls found for each longest stretch of points with one sign other than 0, each joined to the one before it.
func runs(n int, sign func(int) int, joined func(int) bool, found func(from, to, sign int)) {
	for from := 0; from < n; {
		to := from + 1
		for to < n && joined(to) && sign(to) == sign(from) {
			to++
		}
		if sign(from) != 0 {
			found(from, to, sign(from))
		}
		from = to
	}
}
