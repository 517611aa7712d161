package stats

import (
	"fmt"
	"slices"
)

// What a series has to show before a person may start a new phase (STATISTICS.md 6).
const (
	BreakBefore = 12 // Points before the break, in the phase that it ends.
	BreakAfter  = 5  // Points from the break on.
)

// BreakEvidence is what a series shows for a new phase at one time. A known cause with a date, and that it is expected to
// last, is the person's to say.
type BreakEvidence struct {
	Before, After int
	// Shift says whether a shift of seven or more points stands in the new level.
	Shift bool
}

// Enough says whether the series allows the new phase.
func (e BreakEvidence) Enough() bool {
	return e.Shift && e.Before >= BreakBefore && e.After >= BreakAfter
}

// EvidenceForBreak judges the series without a break at the time given, as [Observation.At], and says what it shows there.
func EvidenceForBreak(observations []Observation, opts Options, at int64) (BreakEvidence, error) {
	opts.Breaks = slices.DeleteFunc(slices.Clone(opts.Breaks), func(b int64) bool { return b == at })
	c, err := ControlChart(observations, opts)
	if err != nil {
		return BreakEvidence{}, fmt.Errorf("evidence for a new phase: %w", err)
	}
	var e BreakEvidence
	for _, ph := range c.Phases {
		if at <= c.Points[ph.From].At || c.Points[ph.To-1].At < at {
			continue
		}
		runs := map[int]int{} // points from the break on, by the start of their run
		for _, p := range c.Points[ph.From:ph.To] {
			switch {
			case !p.Judged:
				continue
			case p.At < at:
				e.Before++
				continue
			}
			e.After++
			for _, s := range p.Signals {
				if s.Rule == RuleShift {
					runs[s.From]++
					e.Shift = e.Shift || runs[s.From] >= RunLength
				}
			}
		}
	}
	return e, nil
}
