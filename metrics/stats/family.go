package stats

import (
	"cmp"
	"fmt"
	"slices"
)

// FamilyLevel is the level that adjusted p values are held to (STATISTICS.md 10).
const FamilyLevel = 0.05

// Holm returns the p values of measures that are judged together, adjusted so that the chance of any false verdict among
// them stays what it is for one (Holm 1979), in the order given. A p value outside [0, 1] is an error.
func Holm(ps []float64) ([]float64, error) {
	order, err := ascending(ps)
	if err != nil {
		return nil, fmt.Errorf("adjust by Holm: %w", err)
	}
	out, floor := make([]float64, len(ps)), 0.0
	for rank, i := range order {
		floor = max(floor, min(1, float64(len(ps)-rank)*ps[i]))
		out[i] = floor
	}
	return out, nil
}

// BenjaminiHochberg returns the q values of many units that are screened at once: below 0.05, at most one in twenty of
// those picked is expected to be a false one (Benjamini and Hochberg 1995). They are to look at, not proven. A p value
// outside [0, 1] is an error.
func BenjaminiHochberg(ps []float64) ([]float64, error) {
	order, err := ascending(ps)
	if err != nil {
		return nil, fmt.Errorf("adjust by Benjamini-Hochberg: %w", err)
	}
	out, ceiling := make([]float64, len(ps)), 1.0
	for rank, i := range slices.Backward(order) {
		ceiling = min(ceiling, float64(len(ps))/float64(rank+1)*ps[i])
		out[i] = ceiling
	}
	return out, nil
}

// ascending returns the indices of the p values from the smallest on.
func ascending(ps []float64) ([]int, error) {
	order := make([]int, len(ps))
	for i, p := range ps {
		if !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("p value %d is %v", i+1, p)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	return order, nil
}

// Tested is a verdict with its p value.
type Tested struct {
	Verdict Verdict
	P       float64
}

// HoldToFamily returns the verdicts that measures judged together keep: improved and worse stand only with a p value below
// 0.05 after [Holm]. Those that were not tested, for want of data or of a good side, don't count as members.
func HoldToFamily(tested []Tested) ([]Verdict, error) {
	var ps []float64
	var members []int
	out := make([]Verdict, len(tested))
	for i, t := range tested {
		out[i] = t.Verdict
		if t.Verdict != VerdictNone && t.Verdict != VerdictTooFew {
			ps, members = append(ps, t.P), append(members, i)
		}
	}
	adjusted, err := Holm(ps)
	if err != nil {
		return nil, err
	}
	for k, i := range members {
		if adjusted[k] >= FamilyLevel {
			out[i] = VerdictNoEvidence
		}
	}
	return out, nil
}
