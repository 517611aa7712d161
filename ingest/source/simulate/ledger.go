package simulate

import (
	"slices"
	"time"
)

// base is a family of units.
type base uint8

const (
	cases base = iota
	tickets
	surveys
)

// word is how a case ended.
type word uint8

const (
	deliveredWord word = iota + 1
	returnedWord
	lostWord
	damagedWord
	declinedWord
	cancelledWord
	withdrawnWord
)

var wordNames = [...]string{"", "delivered", "returned", "lost", "damaged", "declined", "cancelled", "withdrawn"}

// leaves says whether an end takes the case out of what is judged by time.
func (w word) leaves() bool { return w == declinedWord || w == cancelledWord || w == withdrawnWord }

// clock is one of the deadlines that a unit can have.
type clock uint8

const (
	onTime clock = iota
	onTimeByDay
	acceptance
	answer24
	accept24
	investigate7
	reply15
	response3
	ticketDue
	answer14
	clocks
)

// verdict is what a unit is for a figure.
type verdict uint8

const (
	outside  verdict = iota // it has no such deadline
	kept                    // in numerator and denominator
	missed                  // in the denominator
	waits                   // its deadline is yet to come, or can't be told
	excluded                // left out for good
	unknown                 // it can't be told whether it was kept
)

var verdictNames = [...]string{"outside", "kept", "missed", "pending", "excluded", "unknown"}

func (v verdict) String() string { return verdictNames[v] }

// fact is a drawn happening of a unit: that it happened at an instant, and since
// when that is known. A happening that was first reported wrong, or taken back,
// has a fact for each thing that was believed of it.
type fact struct {
	at    int64
	known int64 // when the message that tells of it is sent
	until int64 // when one is sent that says otherwise; 0 for never
	value int64 // promised or due instant; weight of an answer, in millionths
	seq   int32
	n     int32 // promised days; number of the attempt; score
	low   int32 // lowest and top of the score's scale
	top   int32
	kind  kind
	word  word
	// flag is: a notice, an unknown instant, a promise that moves the deadline, a
	// pause by the customs, "not received", a complete archive, a merged ticket, an
	// accepted handover, a valid score.
	flag     bool
	text     string // owner; product of an answer
	place    *spot
	original *unit // the ticket that this one was merged into
}

// seen says whether the fact is believed by one who has every message sent before
// an instant.
func (f *fact) seen(before int64) bool {
	return f.known < before && (f.until == 0 || f.until >= before)
}

// unit is a case, a ticket or a survey.
type unit struct {
	id      string
	base    base
	source  int
	test    bool
	product string // of a case
	channel string
	inbound bool
	kind    string // of a ticket; instrument of a survey
	owner   string // first owner of a ticket
	about   *unit  // the case of a ticket; the case or ticket of a survey
	facts   []fact
	// drawn is what each of its deadlines comes to in the end, as it was drawn
	// before any event was made.
	drawn [clocks]verdict
}

// Ledger is the truth about everything that was drawn. A figure of it is asked
// for an as_of and for the messages sent before an instant: what the pipeline
// can't know yet the ledger does not count.
type Ledger struct {
	units [3][]*unit
	next  Day // the first day that is not in it
	// reading is the last one, which most questions share.
	reading *Reading
}

// unit opens a unit in the ledger, nil where there is none to be kept.
func (m *maker) unit(b base, s *subject) *unit {
	if !m.book {
		return nil
	}
	u := &unit{id: s.id, base: b, source: s.source, test: s.test}
	m.o.ledger.units[b] = append(m.o.ledger.units[b], u)
	return u
}

// drawn notes what a deadline comes to.
func (m *maker) drawn(s *subject, c clock, v verdict) {
	if s.unit != nil {
		s.unit.drawn[c] = v
	}
}

// undraw is for what never was.
func (m *maker) undraw(s *subject) {
	if s.unit != nil {
		s.unit.drawn = [clocks]verdict{}
	}
}

// versions turns messages and what one believes who has some of them into facts.
// known are the instants at which they are sent.
func versions(known []int64, belief func(have []bool) (fact, bool)) []fact {
	moments := slices.Clone(known)
	slices.Sort(moments)
	moments = slices.Compact(moments)
	var list []fact
	have := make([]bool, len(known))
	for i, at := range moments {
		for j := range known {
			have[j] = known[j] <= at
		}
		f, ok := belief(have)
		if !ok {
			continue
		}
		f.known, f.until = at, 0
		if i+1 < len(moments) {
			f.until = moments[i+1]
		}
		list = append(list, f)
	}
	return list
}

// Days returns how far the ledger reaches: every case that begins before the day
// is in it, with all that will become of it.
func (l *Ledger) Days() Day { return l.next }

// Units returns how many cases, tickets and surveys are in the ledger.
func (l *Ledger) Units() (cases, tickets, surveys int) {
	return len(l.units[0]), len(l.units[1]), len(l.units[2])
}

// Everything stands for having every message.
var Everything = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
