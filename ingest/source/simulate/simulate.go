// Package simulate is a postal operator made of dice: a seeded stream of all the
// event types of the four topics, late, repeated, shuffled and corrected in set
// shares, and a ledger of what is true of it.
//
// Each outcome is drawn first (in time, late by so much, never delivered,
// answered with 4, …), then the events are made that realise it. The [Ledger]
// keeps what was drawn and counts it by the rules of the manual's indicators. It
// uses nothing of the pipeline that it is compared with: not its calendar, not
// its fold, not its catalogue.
//
// The same [Options] give the same bytes. A day is made from the seed and its
// date alone, so that a stream can begin anywhere.
package simulate

import (
	"errors"
	"fmt"
	"time"
)

// Options of an operator.
type Options struct {
	Seed uint64
	// Scale 1 is a mid-size operator with some 300 000 cases in 15 months. More
	// than 0.
	Scale float64
	// From and To span the history: From is cut to its Beijing day, on which the
	// operator opens; what is planted lies at fixed shares of the span. To is no
	// end: the operator works on after it. Another To is another operator.
	From, To time.Time
	// Quiet plants nothing, and leaves out weather, peaks and everything else that
	// makes the chance of an outcome change with time.
	Quiet bool
	// Contacts is how many times as often customers ask, complain and are asked; 0
	// is 1. A small operator with many contacts tests more in less time.
	Contacts float64
	// NoLedger saves the memory of a ledger; Ledger is nil then.
	NoLedger bool
	// Shares of messages out of the ordinary; nil for DefaultShares.
	Shares *Shares
}

// Shares are parts of 1: of messages for the first three, of cases for the rest.
type Shares struct {
	Late      float64 // sent an hour to MaxLate after the event
	Shuffled  float64 // sent a minute to two hours after the event, so that later ones overtake it
	Repeated  float64 // sent a second time, up to two days later
	Corrected float64 // with a wrong instant, place or promise that is corrected later
	Voided    float64 // with an event, or all of them, taken back
	Test      float64 // that are tests
	// Conflicting cases report two deliveries under one id.
	Conflicting float64
	MaxLate     time.Duration
}

// DefaultShares is an operator with an ordinary number of faults.
func DefaultShares() *Shares {
	return &Shares{
		Late: 0.02, Shuffled: 0.03, Repeated: 0.01, Corrected: 0.006, Voided: 0.003, Test: 0.002, Conflicting: 0.0004,
		MaxLate: 72 * time.Hour,
	}
}

// Operator is a simulated operator. It is not safe for several goroutines, nor is
// its ledger while messages are drawn.
type Operator struct {
	o       Options
	shares  Shares
	first   Day
	plan    Plan
	outlets []*outlet
	weights []float64 // of the classes of cases
	pull    []float64 // of the provinces as destinations
	ledger  *Ledger
	weather map[int][]weather
	stream  *stream
}

// New is inert: it makes no events yet.
func New(o Options) (*Operator, error) {
	op := &Operator{o: o, shares: *DefaultShares(), weather: map[int][]weather{}}
	if o.Shares != nil {
		op.shares = *o.Shares
	}
	if op.o.Contacts == 0 {
		op.o.Contacts = 1
	}
	op.first = DayOf(o.From)
	var faults []error
	if !(o.Scale > 0) {
		faults = append(faults, fmt.Errorf("scale %v is not above 0", o.Scale))
	}
	if !(o.Contacts >= 0 && o.Contacts <= 100) {
		faults = append(faults, fmt.Errorf("contacts %v are not between 0 and 100", o.Contacts))
	}
	if days := int(DayOf(o.To) - op.first); days < 30 {
		faults = append(faults, fmt.Errorf("from %s to %s are %d days, at least 30 are needed", op.first, DayOf(o.To), days))
	}
	if op.first < firstCovered || op.first >= uncovered {
		faults = append(faults, fmt.Errorf("from %s: working days are known from %s to %s", op.first, firstCovered, uncovered-1))
	}
	s := &op.shares
	for _, share := range []struct {
		name  string
		value float64
	}{{"late", s.Late}, {"shuffled", s.Shuffled}, {"repeated", s.Repeated}, {"corrected", s.Corrected}, {"voided", s.Voided}, {"test", s.Test}, {"conflicting", s.Conflicting}} {
		if !(share.value >= 0 && share.value <= 0.5) {
			faults = append(faults, fmt.Errorf("share of %s %v is not between 0 and 0.5", share.name, share.value))
		}
	}
	if s.Late > 0 && (s.MaxLate <= time.Hour || s.MaxLate > 14*24*time.Hour) {
		faults = append(faults, fmt.Errorf("late by up to %s: more than 1h and at most 336h are possible", s.MaxLate))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("simulated operator: %w", err)
	}
	op.plan = newPlan(o, op.first)
	op.outlets = newOutlets(DayOf(op.plan.Outlet.Opened))
	if o.Quiet {
		op.outlets = op.outlets[:len(op.outlets)-1]
	}
	op.character()
	op.weights = op.classWeights()
	for p := range provinces {
		op.pull = append(op.pull, provinces[p].weight)
	}
	if !o.NoLedger {
		op.ledger = &Ledger{next: op.first}
	}
	return op, nil
}

// Plan tells what is planted, where and when. Nothing is if the operator is quiet.
func (op *Operator) Plan() Plan { return op.plan }

// Ledger is the truth about all days that have been made so far; nil without one.
func (op *Operator) Ledger() *Ledger { return op.ledger }

// Outlets lists the codes of the operator's outlets.
func (op *Operator) Outlets() []string {
	var codes []string
	for _, o := range op.outlets {
		codes = append(codes, o.code)
	}
	return codes
}
