package simulate

// item makes the life of a posted item after its promise is known.
func (m *maker) item(l *life, kind class) {
	if !l.hasDue && kind != plain {
		// What is not promised can't be late; only some classes make sense.
		switch kind {
		case lost, returned, damaged, timeless, wrongPlace, voidedCase, cameBack, unaccepted:
		default:
			kind = plain
		}
	}
	switch kind {
	case unaccepted:
	case wrongPlace:
		m.misplaced(l)
	case wrongPromise:
		m.mispromised(l)
	default:
		m.note(l.s, m.acceptedEvent(l, l.accepted, l.o.whole, l.promised, false))
	}
	l.failed = l.product != letter && m.chance(l.failure())
	x := m.outcome(l)
	switch kind {
	case plain, wrongPlace, wrongPromise:
		m.finish(l, x)
	case edge:
		m.finish(l, l.due+[...]int64{0, -second, second}[m.IntN(3)])
	case stuck:
		m.travel(l, l.due, false)
		m.over(l, 0)
		found := m.hours(dayOf(l.due)+Day(15+m.IntN(40)), 8, 18)
		switch m.pick([]float64{0.55, 0.35, 0.1}) {
		case 0:
			m.deliver(l, found)
		case 1:
			m.ended(l.s, lostWord, found, "not_found")
			l.end, l.word = found, lostWord
		}
		l.late = true
	case lost, returned, damaged:
		m.travel(l, x, kind == returned)
		at, w := x, returnedWord
		if kind != returned {
			w = lostWord
			if kind == damaged {
				w = damagedWord
			}
			at = x + m.span(hour, 10*daySpan)
		}
		found := kind == lost && l.hasDue && m.chance(0.3)
		if found {
			at = m.span(l.accepted+minute, l.due)
		}
		m.ended(l.s, w, at, "")
		m.over(l, 0)
		l.end, l.word, l.late = at, w, true
		if found {
			// Given up too soon, and delivered in time after all: that does not undo the loss.
			m.note(l.s, m.delivery(l, m.span(at+1000, max(l.due, at+minute)), 1, false))
		}
	case cancelled, withdrawn:
		m.calledOff(l, kind)
	case revived:
		off := m.span(l.accepted+minute, l.due-hour)
		m.ended(l.s, cancelledWord, off, "capacity")
		m.reopened(l.s, caseReopened, off+m.span(minute, hour), "cancelled_by_mistake")
		m.finish(l, max(x, off+2*hour))
	case delivered2ended:
		off := m.span(l.accepted+minute, l.due)
		m.ended(l.s, cancelledWord, off, "capacity")
		m.note(l.s, m.delivery(l, max(x, off+hour), 2, false))
		m.drawn(l.s, onTime, excluded)
		m.drawn(l.s, onTimeByDay, excluded)
		l.end, l.word = off, cancelledWord
	case cameBack:
		m.finish(l, x)
		w := returnedWord
		if m.chance(0.4) {
			w = damagedWord
		}
		m.ended(l.s, w, x+m.span(hour, 4*daySpan), "after_delivery")
	case notReceived:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), false))
		again := x + m.span(6*hour, 5*daySpan)
		m.reopened(l.s, caseReopened, again, "not_received")
		l.end, l.word, l.late = again, 0, true
		if m.chance(0.7) {
			y := again + m.span(6*hour, 6*daySpan)
			m.note(l.s, m.delivery(l, y, 2, false))
			m.over(l, y)
			l.end, l.word, l.late = y, deliveredWord, true
			break
		}
		m.promiseVerdict(l, l.due, 0)
	case complainedOf:
		m.finish(l, x)
		m.reopened(l.s, caseReopened, x+m.span(hour, 5*daySpan), "claim")
	case twice:
		m.finish(l, x)
		m.note(l.s, m.delivery(l, x+m.span(minute, 2*daySpan), 2, false))
	case timeless:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), true))
		l.end, l.word = x, deliveredWord
		if l.hasDue {
			m.drawn(l.s, onTime, unknown)
			m.drawn(l.s, onTimeByDay, unknown)
		}
	case unaccepted:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), false))
		l.end, l.word = x, deliveredWord
		m.drawn(l.s, onTime, unknown)
		m.drawn(l.s, onTimeByDay, unknown)
	case moved:
		m.movedPromise(l)
	case held:
		m.customs(l)
	case waiting:
		from := m.span(l.accepted+minute, l.due)
		m.paused(l.s, from, from+m.span(hour, 2*daySpan), "awaiting_customer", true)
		m.finish(l, x)
	case wrongTime, wrongTwice, correctedFix, voidedFix:
		m.travel(l, x, true)
		m.misreported(l, x, kind)
		l.end, l.word = x, deliveredWord
		m.over(l, x)
	case phantom:
		m.travel(l, x, true)
		never := m.span(l.accepted+hour, x)
		f := m.delivery(l, never, 1, false)
		m.void(l.s, caseCorrected, &f, x+m.span(hour, 3*daySpan))
		m.note(l.s, f)
		m.deliver(l, x)
		m.over(l, x)
	case conflicting:
		m.travel(l, x, true)
		m.conflict(l, x)
	case voidedCase:
		m.travel(l, x, true)
		m.deliver(l, x)
		m.voidAll(l.s, caseCorrected, x+m.span(hour, 3*daySpan))
		m.undraw(l.s)
	}
}

// failure is the chance that the first attempt at delivery fails. The futile
// improvement does not change it.
func (l *life) failure() float64 {
	if l.product == ems {
		return 0.05
	}
	return 0.085
}

// finish brings an item to its delivery.
func (m *maker) finish(l *life, x int64) {
	m.travel(l, x, true)
	m.deliver(l, x)
	m.over(l, x)
}

func (m *maker) deliver(l *life, x int64) {
	m.note(l.s, m.delivery(l, x, l.attempt(), false))
	l.end, l.word = x, deliveredWord
}

// calledOff ends a case by the operator or the customer, before, at, or after
// the deadline.
func (m *maker) calledOff(l *life, kind class) {
	w := cancelledWord
	if kind == withdrawn {
		w = withdrawnWord
	}
	m.travel(l, l.due, false)
	from := max(l.accepted, l.scanned)
	var off int64
	switch u := m.Float64(); {
	case u < 0.6 && from < l.due:
		off = m.span(from, l.due)
	case u < 0.7:
		off = l.due
	case u < 0.8:
		off = l.due + second
	default:
		off = l.due + m.span(second, 6*daySpan)
	}
	m.ended(l.s, w, off, "")
	l.end, l.word = off, w
	instant, day := missed, missed
	if off <= l.due {
		instant = excluded
	}
	if dayOf(off) <= dayOf(l.due) {
		day = excluded
	}
	if l.open {
		instant, day = excluded, excluded
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
}

// movedPromise agrees on another promise. Only the customer and the address move
// what is measured, and only until the deadline.
func (m *maker) movedPromise(l *life) {
	reasons := [...]string{"customer", "address", "operator", "force_majeure"}
	reason := m.pick([]float64{0.45, 0.15, 0.2, 0.2})
	var at int64
	switch u := m.Float64(); {
	case u < 0.7:
		at = m.span(l.accepted+minute, l.due)
	case u < 0.8:
		at = l.due
	case u < 0.9:
		at = l.due + second
	default:
		at = l.due + m.span(hour, 2*daySpan)
	}
	later := l.due + int64(1+m.IntN(4))*daySpan
	byInstant, byDay := l.due, l.due
	if reason < 2 {
		if at <= l.due {
			byInstant = later
		}
		if dayOf(at) <= dayOf(l.due) {
			byDay = later
		}
	}
	// Delivered in time, or not, against the promise that counts.
	l.reason, l.cause = "", 0
	l.failed = false
	x := byInstant - m.span(0, 8*hour)
	switch m.IntN(4) {
	case 0:
		x = byInstant
	case 1:
		x = byInstant + second
	case 2:
		x = byInstant + m.span(hour, 3*daySpan)
	}
	x = max(x, at+second)
	m.travel(l, x, true)
	m.begin(l.s, casePromiseChanged, at)
	if m.on {
		m.instant("promised_at", later)
		m.text("reason", reasons[reason])
	}
	f := m.end()
	f.value, f.flag = later, reason < 2
	m.note(l.s, f)
	m.deliver(l, x)
	instant, day := kept, kept
	if x > byInstant {
		instant = missed
	}
	if dayOf(x) > dayOf(byDay) {
		day = missed
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
	l.late = instant == missed
}

// paused makes a pause, and its end if that is reported.
func (m *maker) paused(s *subject, from, to int64, reason string, reported bool) {
	customs := reason == "customs"
	for i, k := range [...]kind{casePaused, caseResumed} {
		if i == 1 && !reported {
			return
		}
		m.begin(s, k, [...]int64{from, to}[i])
		if m.on {
			m.text("reason", reason)
		}
		f := m.end()
		f.flag = customs
		m.note(s, f)
	}
}

// customs holds an inbound item; the time until its reported end is not the
// operator's.
func (m *maker) customs(l *life) {
	from := m.span(l.accepted+minute, l.due)
	if m.chance(0.1) {
		from = l.due
	}
	length := m.span(6*hour, 3*daySpan)
	reported := m.chance(0.85)
	due := l.due
	if reported {
		due += length
	}
	l.failed, l.reason = false, "customs"
	l.cause = onTheWay
	x := from + length + m.span(hour, daySpan)
	switch m.IntN(5) {
	case 0:
		x = due
	case 1:
		x = due + second
	case 2:
		x = due + m.span(hour, 3*daySpan)
	}
	x = max(x, from+length+minute)
	m.travel(l, x, true)
	m.paused(l.s, from, from+length, "customs", reported)
	m.deliver(l, x)
	m.promiseVerdict(l, due, x)
	l.late = x > due
}

// over notes what a case is against its promise that is delivered at an instant,
// or never (0).
func (m *maker) over(l *life, delivered int64) {
	l.late = l.hasDue && delivered > l.due
	m.promiseVerdict(l, l.due, delivered)
}

func (m *maker) promiseVerdict(l *life, due, delivered int64) {
	if !l.hasDue {
		return
	}
	instant, day := kept, kept
	if delivered == 0 || delivered > due {
		instant = missed
	}
	if delivered == 0 || dayOf(delivered) > dayOf(due) {
		day = missed
	}
	if l.open {
		instant, day = waits, waits
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
}

// outcome draws when a plain case is delivered, and what holds it up.
func (m *maker) outcome(l *life) int64 {
	p := m.o.chanceInTime(l.o, l.product, l.destProvince, dayOf(l.accepted))
	l.cause = m.pick(causeWeights)
	if m.o.storm(l.o.province, dayOf(l.accepted)) > 0 || m.o.storm(l.destProvince, dayOf(l.accepted)+1) > 0 {
		l.cause, l.reason = onTheWay, "weather"
	}
	if at := m.passes(l); at >= 0 {
		p, l.cause, l.reason, l.breakdown = 0.06, at, "centre_failure", true
	}
	if l.reason == "" {
		l.reason = causeReasons[l.cause]
	}
	switch {
	case !l.hasDue:
		return m.hours(dayOf(l.accepted)+Day(1+m.IntN(5)), 8, 18)
	case m.chance(p):
		return m.inTime(l)
	}
	return m.afterDue(l)
}

// passes tells at which centre an item meets the planted incident, -1 for none.
func (m *maker) passes(l *life) int {
	incident := &m.o.plan.Incident
	if m.o.plan.Quiet || !l.hasDue {
		return -1
	}
	from, until := incident.From.UnixMicro(), incident.Until.UnixMicro()
	for _, node := range route(l) {
		if node.depart && node.location == incident.Location {
			at := l.accepted + int64(node.before*float64(l.firm()))
			if at >= from && at < until {
				return node.cause
			}
		}
	}
	return -1
}

// firm is how long an item needs that is not held up, of what is promised.
func (l *life) firm() int64 { return (l.due - l.accepted) * 4 / 5 }

// inTime is an instant of a delivery round before the deadline.
func (m *maker) inTime(l *life) int64 {
	first, last := dayOf(l.accepted)+1, dayOf(l.due)
	if first > last {
		return m.span(l.accepted+minute, l.due)
	}
	d := first + Day(m.between(int64(last-first)/3, int64(last-first)+1))
	return m.hours(d, 8, 18)
}

// afterDue is an instant after it: the same evening, or one of the days after.
func (m *maker) afterDue(l *life) int64 {
	d := dayOf(l.due)
	if l.breakdown {
		return m.hours(d+Day(1+m.IntN(3)), 8, 20)
	}
	switch m.pick([]float64{0.15, 0.5, 0.18, 0.09, 0.08}) {
	case 0:
		if l.due < d.start()+22*hour {
			return m.span(l.due+second, d.start()+22*hour)
		}
		return m.hours(d+1, 8, 20)
	case 1:
		return m.hours(d+1, 8, 20)
	case 2:
		return m.hours(d+2, 8, 20)
	case 3:
		return m.hours(d+3, 8, 20)
	}
	return m.hours(d+Day(4+m.IntN(9)), 8, 20)
}
