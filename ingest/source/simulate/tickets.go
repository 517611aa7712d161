package simulate

import (
	"fmt"
	"strconv"
)

// ticket is a ticket while it is made.
type ticket struct {
	s        *subject
	l        *life // the case, nil for a ticket without one
	o        *outlet
	received int64
	owner    string
}

// ask makes the tickets that a case leads to.
func (m *maker) ask(l *life) {
	about := l.end
	if l.word == 0 {
		about = l.due + daySpan
	}
	failed := l.word == lostWord || l.word == damagedWord || l.word == 0
	complaint, enquiry := 0.0012, 0.012
	switch {
	case failed:
		complaint, enquiry = 0.22, 0.3
	case l.late:
		complaint, enquiry = 0.022, 0.07
	case l.word == withdrawnWord || l.word == cancelledWord:
		complaint = 0.01
	}
	often := m.o.o.Contacts
	no := 0
	next := func(received int64) *ticket {
		no++
		return m.newTicket(l, l.o, "T"+l.s.id[1:]+"-"+strconv.Itoa(no), received)
	}
	if m.chance(enquiry * often) {
		from := l.accepted + hour
		if l.late && l.hasDue {
			from = max(from, l.due)
		}
		m.enquiry(next(m.span(from, max(about, from+hour))))
	}
	if m.chance(complaint * often) {
		var category string
		switch {
		case l.word == lostWord:
			category = "loss"
		case l.word == damagedWord:
			category = "damage"
		case l.late || failed:
			category = "delay"
		default:
			category = [...]string{"attitude", "fee", "address", "wrong_information", "privacy"}[m.IntN(5)]
		}
		received := about + m.span(hour, 6*daySpan)
		m.complaint(next(received), category, next)
	}
	if m.chance(0.003 * often) {
		m.feedback(next(about+m.span(hour, 8*daySpan)), [...]string{"feedback", "suggestion", "review", "praise"}[m.pick([]float64{0.5, 0.2, 0.2, 0.1})])
	}
}

// ticketsOf makes the tickets of a day that are about no case.
func (m *maker) ticketsOf(o *outlet, d Day) {
	if o.opened > d {
		return
	}
	m.dice = newDice(m.o.o.Seed, forTickets, d, o.index)
	rate := m.o.o.Contacts * m.o.o.Scale * casesPerDay * o.weight * season(letter, d)
	no := 0
	next := func(received int64) *ticket {
		no++
		return m.newTicket(nil, o, fmt.Sprintf("T%s-%03dG%d", dayDigits(d), o.index, no), received)
	}
	for range m.poisson(0.004 * rate) {
		m.enquiry(next(m.hours(d, 0, 24)))
	}
	for range m.poisson(0.0003 * rate) {
		m.complaint(next(m.hours(d, 0, 24)), [...]string{"attitude", "fee", "other"}[m.IntN(3)], next)
	}
	for range m.poisson(0.001 * rate) {
		m.feedback(next(m.hours(d, 0, 24)), [...]string{"feedback", "suggestion", "review"}[m.IntN(3)])
	}
}

func (m *maker) newTicket(l *life, o *outlet, id string, received int64) *ticket {
	t := &ticket{l: l, o: o, received: received}
	t.s = &subject{id: id, source: sourceCRM, test: m.chance(m.o.shares.Test)}
	t.s.unit = m.unit(tickets, t.s)
	t.owner = fmt.Sprintf("s-%03d-%02d", o.index, m.IntN(o.staff))
	if t.s.unit != nil && l != nil {
		t.s.unit.about = l.s.unit
	}
	return t
}

// receipt says what is reported of a ticket when it is received.
type receipt struct {
	kind, category string
	severity       int
	due            int64
	duplicateOf    *ticket
}

var ticketChannels = [...]string{"phone", "online", "outlet", "12305", "letter", "bot"}

// receivedEvent makes the receipt of a ticket.
func (m *maker) receivedEvent(t *ticket, r receipt) fact {
	place := t.o.whole
	if m.chance(0.3) {
		place = t.o.regional
	}
	channel := ticketChannels[m.pick([]float64{0.45, 0.3, 0.12, 0.05, 0.03, 0.05})]
	m.begin(t.s, ticketReceived, t.received)
	if m.on {
		m.text("kind", r.kind)
		m.text("region", place.region)
		m.text("channel", channel)
		if t.l != nil {
			m.text("case_id", t.l.s.id)
			m.text("customer_hash", customerHash(t.l))
			m.instant("applied_at", t.l.accepted)
		}
		m.text("category", r.category)
		if r.severity > 0 {
			m.whole("severity", int64(r.severity))
		}
		m.text("outlet", place.outlet)
		m.text("first_owner_ref", t.owner)
		if r.due != 0 {
			m.instant("due_at", r.due)
		}
		if r.duplicateOf != nil {
			m.text("duplicate_of", r.duplicateOf.s.id)
		}
		m.text("line", "postal")
		m.text("unit", t.o.code)
	}
	f := m.end()
	f.place, f.value = place, r.due
	if t.s.unit != nil {
		t.s.unit.kind, t.s.unit.channel = r.kind, channel
		t.s.unit.owner = t.owner
	}
	if r.duplicateOf != nil {
		f.original = r.duplicateOf.s.unit
		f.flag = true
	}
	return f
}

// answer draws when something is done that is due by an instant: in time, exactly
// at the deadline, a second before or after it, late, or never (0). hopeless is
// the share that is late or never done.
func (m *maker) answer(from, due int64, hopeless float64) int64 {
	switch u := m.Float64(); {
	case u < hopeless*0.7:
		return due + m.span(second, 4*daySpan)
	case u < hopeless*0.85:
		return due + m.span(4*daySpan, 20*daySpan)
	case u < hopeless:
		return 0
	case u < hopeless+0.006:
		return due
	case u < hopeless+0.012:
		return due + 1 - second
	case u < hopeless+0.018:
		return due + 1
	case u < hopeless+0.024:
		return due + second
	}
	// Most answer early.
	return min(m.span(from+minute, max(due, from+2*minute)), m.span(from+minute, max(due, from+2*minute)))
}

// judged is the verdict over something done at an instant, or never.
func judged(done, due int64, known bool) verdict {
	switch {
	case !known:
		return waits
	case done == 0 || done > due:
		return missed
	}
	return kept
}

// withdrawnAt draws whether and when a customer takes a ticket back before
// anything is done, against its first deadline: in time, at it, or after.
func (m *maker) withdrawnAt(t *ticket, due int64) (at int64, ok bool) {
	switch u := m.Float64(); {
	case u < 0.012:
		return m.span(t.received+minute, due), true
	case u < 0.014:
		return due, true
	case u < 0.016:
		return due + 1, true
	case u < 0.02:
		return due + m.span(second, 5*daySpan), true
	}
	return 0, false
}

func withdrawnVerdict(at, due int64, known bool) verdict {
	switch {
	case !known || at <= due:
		return excluded
	}
	return missed
}

func (m *maker) withdrawTicket(t *ticket, at int64) {
	m.simple(t.s, ticketWithdrawn, at, func() { m.text("reason", "settled") })
}

// enquiry is answered within 24 hours, or not.
func (m *maker) enquiry(t *ticket) {
	f := m.receivedEvent(t, receipt{kind: "enquiry", category: "other"})
	m.note(t.s, f)
	due := t.received + 24*hour
	if at, ok := m.withdrawnAt(t, due); ok {
		m.withdrawTicket(t, at)
		if m.chance(0.2) {
			// Asked again after all: the clock has not stopped.
			m.reopened(t.s, ticketReopened, at+m.span(minute, hour), "asked_again")
			done := m.answer(at+hour, max(due, at+2*hour), 0.2)
			if done != 0 {
				m.responded(t, max(done, at+hour))
				done = max(done, at+hour)
			}
			m.drawn(t.s, answer24, judged(done, due, true))
			return
		}
		m.drawn(t.s, answer24, withdrawnVerdict(at, due, true))
		return
	}
	done := m.answer(t.received, due, 0.08)
	m.drawn(t.s, answer24, judged(done, due, true))
	if done == 0 {
		return
	}
	if m.chance(0.03) {
		from := m.span(t.received+minute, done)
		m.simple(t.s, ticketPaused, from, func() { m.text("reason", "awaiting_customer") })
		m.simple(t.s, ticketResumed, m.span(from+1000, done), func() { m.text("reason", "awaiting_customer") })
	}
	m.hand(t, t.received, done)
	if m.chance(m.o.shares.Corrected) {
		m.misanswered(t, done)
	} else {
		m.responded(t, done)
	}
	if m.chance(0.02) {
		m.reopened(t.s, ticketReopened, done+m.span(hour, 10*daySpan), "wrong_information")
	}
}

func (m *maker) responded(t *ticket, at int64) fact {
	m.begin(t.s, ticketResponded, at)
	if m.on {
		m.text("owner_ref", t.owner)
		m.text("record_ref", "r-"+t.s.id)
	}
	f := m.end()
	f.text = t.owner
	m.note(t.s, f)
	return f
}

// misanswered is a response first reported at a wrong instant.
func (m *maker) misanswered(t *ticket, at int64) {
	wrong := max(t.received, at+m.span(-daySpan, daySpan))
	m.begin(t.s, ticketResponded, wrong)
	if m.on {
		m.text("owner_ref", t.owner)
	}
	f := m.end()
	f.text = t.owner
	known := m.correction(t.s, ticketCorrected, int(f.seq), max(at, wrong)+m.span(hour, 3*daySpan), func() { m.instant("time_new", at) }).known
	m.note(t.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.at = at
		}
		return v, have[0]
	})...)
}

// hand gives a ticket to another owner between two instants: in the open, without
// the other having accepted it, or without any record.
func (m *maker) hand(t *ticket, from, to int64) {
	u := m.Float64()
	if u > 0.1 || to-from < 2*minute {
		return
	}
	next := fmt.Sprintf("s-%03d-%02d", t.o.index, t.o.staff+m.IntN(5))
	if u < 0.08 {
		accepted := u < 0.06
		m.begin(t.s, ticketHandedOver, m.span(from+1000, to))
		if m.on {
			m.text("to_owner_ref", next)
			m.flag("accepted", accepted)
		}
		f := m.end()
		f.text, f.flag = next, accepted
		m.note(t.s, f)
	}
	t.owner = next
}

// feedback is responded to within three working days, or not.
func (m *maker) feedback(t *ticket, kind string) {
	f := m.receivedEvent(t, receipt{kind: kind, category: "other"})
	m.note(t.s, f)
	day, known := addWorkdays(dayOf(t.received), 3)
	due := day.last()
	clock := kind != "praise"
	judge := func(v verdict) {
		if clock {
			m.drawn(t.s, response3, v)
		}
	}
	if at, ok := m.withdrawnAt(t, due); ok {
		m.withdrawTicket(t, at)
		judge(withdrawnVerdict(at, due, known))
		return
	}
	done := m.answer(t.received, due, 0.06)
	judge(judged(done, due, known))
	if done == 0 {
		return
	}
	m.hand(t, t.received, done)
	m.responded(t, done)
	m.simple(t.s, ticketArchived, done+m.span(hour, 3*daySpan), func() {
		if kind == "suggestion" && !m.o.plan.Quiet {
			m.text("improvement_id", m.o.plan.Improvement.Subject)
		}
	})
}

// complaint runs through its four steps with their three deadlines.
func (m *maker) complaint(t *ticket, category string, next func(received int64) *ticket) {
	r := receipt{kind: "complaint", category: category, severity: 1 + m.pick([]float64{0.6, 0.3, 0.1})}
	received := t.received
	// A ticket of the same complaint may come first: the earliest receipt counts.
	var other *ticket
	switch u := m.Float64(); {
	case u < 0.02:
		other = next(received)
		t.received += m.span(minute, 2*daySpan)
	case u < 0.05:
		other = next(received + m.span(minute, 2*daySpan))
	}
	if other != nil {
		received = min(received, other.received)
		for _, s := range [...]*subject{t.s, other.s} {
			s.test = false
			if s.unit != nil {
				s.unit.test = false
			}
		}
	}
	if m.chance(0.3) {
		r.due = dayOf(t.received).start() + int64(14+m.IntN(10))*daySpan + 18*hour
	}
	m.note(t.s, m.receivedEvent(t, r))
	if other != nil {
		m.merged(other, t, category)
	}

	accept := received + 24*hour
	at, withdraw := m.withdrawnAt(t, accept)
	if withdraw {
		at = max(at, t.received+second)
		m.withdrawTicket(t, at)
		m.drawn(t.s, accept24, withdrawnVerdict(at, accept, true))
		for _, c := range [...]struct {
			clock clock
			days  int
		}{{investigate7, 7}, {reply15, 15}} {
			day, known := addWorkdays(dayOf(accept), c.days)
			m.drawn(t.s, c.clock, withdrawnVerdict(at, day.last(), known))
		}
		if r.due != 0 {
			m.drawn(t.s, ticketDue, withdrawnVerdict(at, r.due, true))
		}
		return
	}
	accepted := m.answer(t.received, max(accept, t.received+2*minute), 0.05)
	start := accept
	if accepted != 0 && accepted < accept {
		start = accepted
	}
	m.drawn(t.s, accept24, judged(accepted, accept, true))
	day7, known7 := addWorkdays(dayOf(start), 7)
	day15, known15 := addWorkdays(dayOf(start), 15)
	begun := max(start, accepted)
	replied := m.answer(begun+2*hour, day15.last(), 0.08)
	investigated := m.answer(begun, day7.last(), 0.08)
	if replied != 0 && replied <= begun {
		replied = begun + m.span(2*hour, daySpan)
	}
	if investigated != 0 && investigated <= begun {
		investigated = begun + m.span(minute, hour)
	}
	if replied != 0 && investigated > replied {
		// Found out before it is told; which may be at the last instant that is in time.
		investigated = begun + (replied-begun)/2
	}
	m.drawn(t.s, investigate7, judged(investigated, day7.last(), known7))
	m.drawn(t.s, reply15, judged(replied, day15.last(), known15))

	due := r.due
	if accepted != 0 {
		m.hand(t, t.received, accepted)
		m.begin(t.s, ticketAccepted, accepted)
		var moved int64
		if due != 0 && m.hash(t)%5 == 0 {
			moved = due + 3*daySpan
		}
		if m.on {
			m.text("owner_ref", t.owner)
			if moved != 0 {
				m.instant("due_at", moved)
			}
			m.text("category", category)
		}
		f := m.end()
		f.text, f.value = t.owner, moved
		m.note(t.s, f)
		if moved != 0 && accepted <= due {
			due = moved
		}
	}
	if due != 0 {
		m.drawn(t.s, ticketDue, judged(replied, due, true))
	}
	if investigated != 0 {
		m.simple(t.s, ticketInvestigated, investigated, func() {
			m.text("finding", [...]string{"valid", "valid", "invalid", "undetermined"}[m.hash(t)%4])
			m.text("cause_code", category)
		})
	}
	if m.chance(0.06) {
		level := 2 + m.IntN(3)
		m.simple(t.s, ticketEscalated, begun+m.span(hour, 8*daySpan), func() {
			m.whole("level", int64(level))
			m.text("to", [...]string{"supervisor", "head_office", "regulator"}[level-2])
		})
	}
	if replied == 0 {
		return
	}
	m.hand(t, begun, replied)
	m.simple(t.s, ticketResolved, replied-min(hour, (replied-max(begun, investigated))/2), func() {
		m.text("remedy", [...]string{"apology", "compensation", "redelivery", "none"}[m.hash(t)%4])
		if m.hash(t)%4 == 1 {
			m.number("compensation_cny", float64(m.hash(t)%200)+0.5)
		}
	})
	m.simple(t.s, ticketReplied, replied, func() {
		m.flag("disclosed_to_customer", m.hash(t)%20 != 0)
		m.text("record_ref", "r-"+t.s.id)
		m.whole("contacts_count", int64(1+m.hash(t)%3))
	})
	switch u := m.Float64(); {
	case u < 0.03:
		m.reopened(t.s, ticketReopened, replied+m.span(hour, 29*daySpan), "not_satisfied")
	case u < 0.036:
		m.reopened(t.s, ticketReopened, replied+30*daySpan, "not_satisfied")
	case u < 0.042:
		m.reopened(t.s, ticketReopened, replied+30*daySpan+second, "not_satisfied")
	case u < 0.05:
		m.reopened(t.s, ticketReopened, replied+m.span(31*daySpan, 40*daySpan), "not_satisfied")
	case u < 0.3:
		m.simple(t.s, ticketArchived, replied+m.span(hour, 5*daySpan), nil)
	}
	if m.chance(0.4) && !t.s.test {
		m.handled(t, replied)
	}
}

// hash is a number for details of a ticket that decide nothing.
func (m *maker) hash(t *ticket) int {
	return int(mix(uint64(t.received)) >> 33)
}

// merged makes a second ticket of the complaint t, which is a duplicate of it:
// from the start, or by a correction when it came first.
func (m *maker) merged(other, t *ticket, category string) {
	r := receipt{kind: "complaint", category: category}
	for _, c := range [...]clock{accept24, investigate7, reply15} {
		m.drawn(other.s, c, excluded)
	}
	if other.received > t.received {
		r.duplicateOf = t
		m.note(other.s, m.receivedEvent(other, r))
		return
	}
	f := m.receivedEvent(other, r)
	known := m.correction(other.s, ticketCorrected, int(f.seq), t.received+m.span(hour, 3*daySpan), func() {
		m.object("data")
		m.text("duplicate_of", t.s.id)
		m.close()
	}).known
	m.note(other.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.original, v.flag = t.s.unit, true
		}
		return v, have[0]
	})...)
}
