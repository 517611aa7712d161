// Package policy is what an operator decides about clocks, as data: which units a clock runs over, when it starts and
// ends, what pauses it, and what an end of the unit means to it. A clock is added by an entry, without Go.
//
// Source: the postal service process manual, chapters 1 to 3; the built-in policy names the section of each clock.
package policy

import (
	_ "embed"
	"slices"
	"sync"
	"time"
)

// Base is the kind of unit that a clock runs over.
type Base string

// The bases of clocks.
const (
	Cases   Base = "cases"
	Tickets Base = "tickets"
)

// EndEffect is what an end of the unit means to a clock that is not done yet.
type EndEffect string

const (
	// Excluded leaves the unit out of the clock if it ended at or before the deadline; after it, the unit failed.
	Excluded EndEffect = "excluded"
	// Failed counts the unit as a failure at its deadline, whenever it ended.
	Failed EndEffect = "failed"
)

// Words that clocks start with, end with or take their deadline from.
const (
	// StartConstructive is the acceptance of a ticket, or the instant ConstructiveAcceptance after its receipt if that
	// is earlier.
	StartConstructive = "constructive"
	// InstantPromise is the delivery instant promised for a case, or the working days promised from its acceptance.
	InstantPromise = "promise"
	// InstantDueAt is the deadline that a ticket carries.
	InstantDueAt = "due_at"
)

// Policy is one version of an operator's decisions. It never changes once loaded.
type Policy struct {
	// Version names the policy beside the figures that were calculated by it.
	Version string `yaml:"version"`
	// ConstructiveAcceptanceHours is the time, in wall hours, after which a ticket that nobody accepted is taken as
	// accepted. Used by clocks whose start is [StartConstructive].
	ConstructiveAcceptanceHours int     `yaml:"constructive_acceptance_hours"`
	Clocks                      []Clock `yaml:"clocks"`
	// Paths are the steps that cases of some products go through. Without any, conformance is not known.
	Paths []Path `yaml:"paths"`

	over map[Base][]*Clock
}

// Path is the steps that a case of some products goes through, each once and in this order. A review may send it back
// to its acceptance. Source: the manual's 1.3 and 2.3.
type Path struct {
	// Products are those that go this way; all that no other path names if empty.
	Products []string `yaml:"products"`
	// Steps are of accepted, reviewed, approved, progressed (handling and scans, any number in a row) and delivered.
	Steps []string `yaml:"steps"`
}

// Clock is one time limit.
type Clock struct {
	// Name is the anchor's name in the folded state, [a-z][a-z0-9_]*.
	Name string `yaml:"name"`
	Base Base   `yaml:"base"`
	// When restricts the clock to units whose dimensions have one of the values; all units if empty.
	When Condition `yaml:"when"`
	// Start is the step that starts the clock. A unit without it has no such clock, unless the unit carries the deadline
	// as an instant: then the start only says from when pauses count.
	Start  string `yaml:"start"`
	Length Length `yaml:"length"`
	// Done is the step that stops the clock; its first occurrence counts.
	Done string `yaml:"done"`
	// MovedBy lists the reasons of promise changes that move the deadline; only for the promised instant.
	MovedBy []string `yaml:"moved_by"`
	Pauses  []Pause  `yaml:"pauses"`
	// Ends says what the ends of a unit mean to the clock. An end that is not listed does not touch it.
	Ends map[string]EndEffect `yaml:"ends"`
}

// Length is how long a clock runs: exactly one of Hours, WorkingDays and Instant is given.
type Length struct {
	// Hours are wall hours, through nights, weekends and holidays; an end at the deadline itself is in time.
	Hours int `yaml:"hours"`
	// WorkingDays are Chinese working days after the Beijing date of the start; the deadline is the end of the last.
	WorkingDays int `yaml:"working_days"`
	// Instant is a deadline that the unit carries itself: [InstantPromise] or [InstantDueAt].
	Instant string `yaml:"instant"`
	// WholeDay extends an instant to the end of its Beijing day.
	WholeDay bool `yaml:"whole_day"`
	// Cutoff is the hour, HH:MM Beijing time up to 24:00, at which the last working day is over; 24:00 if empty.
	// Source: Civil Code art. 203, 24:00, or the close of business where business hours apply.
	Cutoff string `yaml:"cutoff"`

	cutoff time.Duration
}

// CutoffSpan is the cutoff as a span after 00:00 of the due day: 24 hours unless the policy says less.
func (l Length) CutoffSpan() time.Duration { return l.cutoff }

// Pause is a reason for which a clock stands still.
type Pause struct {
	Reason string `yaml:"reason"`
	// When restricts the pause to units whose dimensions have one of the values.
	When Condition `yaml:"when"`
	// NeedsResume takes the pause off only if its end was reported: without it, a delivery would close a pause that
	// nobody ever ended, and hide any delay behind it.
	NeedsResume bool `yaml:"needs_resume"`
}

// Condition maps a dimension to the values that meet it; all dimensions have to be met.
type Condition map[string][]string

//go:embed default.yaml
var defaultYAML []byte

// DefaultName is the file name that faults in the built-in policy would be reported under.
const DefaultName = "default.yaml"

var builtIn = sync.OnceValues(func() (*Policy, error) { return Load(DefaultName, defaultYAML) })

// Default returns the built-in policy.
func Default() (*Policy, error) { return builtIn() }

// Clock returns the clock with a name.
func (p *Policy) Clock(name string) (*Clock, bool) {
	i := slices.IndexFunc(p.Clocks, func(c Clock) bool { return c.Name == name })
	if i < 0 {
		return nil, false
	}
	return &p.Clocks[i], true
}

// PathOf returns the steps that a case of a product goes through, in order.
func (p *Policy) PathOf(product string) []string {
	var others []string
	for _, path := range p.Paths {
		if slices.Contains(path.Products, product) {
			return path.Steps
		}
		if len(path.Products) == 0 {
			others = path.Steps
		}
	}
	return others
}

// Over returns the clocks of a base, in the order of the policy.
func (p *Policy) Over(base Base) []*Clock { return p.over[base] }

// Meets says whether the values that get returns for the dimensions meet the condition.
func (c Condition) Meets(get func(dim string) string) bool {
	for dim, values := range c {
		if !slices.Contains(values, get(dim)) {
			return false
		}
	}
	return true
}

// ConstructiveAcceptance is [Policy.ConstructiveAcceptanceHours] as a duration.
func (p *Policy) ConstructiveAcceptance() time.Duration {
	return time.Duration(p.ConstructiveAcceptanceHours) * time.Hour
}
