package simulate

// service makes the life of a financial case: reviewed, approved by the level its
// risk asks for, handled, done.
func (m *maker) service(l *life, kind class) {
	switch kind {
	case plain, edge, stuck, cancelled, withdrawn, timeless, unaccepted, wrongTime, wrongTwice, correctedFix, voidedFix, wrongPlace:
	default:
		kind = plain
	}
	switch kind {
	case unaccepted:
	case wrongPlace:
		m.misplaced(l)
	default:
		m.note(l.s, m.acceptedEvent(l, l.accepted, l.o.whole, 0, false))
	}
	risk := m.pick([]float64{0.7, 0.22, 0.08})
	x := m.inTime(l)
	if kind == edge {
		x = l.due + [...]int64{0, 1 - second, 1}[m.IntN(3)]
	} else if !m.chance(m.o.chanceInTime(l.o, l.product, l.o.province, dayOf(l.accepted))) {
		x = m.hours(dayOf(l.due)+Day(1+m.IntN(4)), 9, 17)
		l.reason = "approval_backlog"
	}
	span := x - l.accepted
	at := func(share float64) int64 { return l.accepted + int64(share*float64(span))/1000*1000 }
	// When an approval waits, most of the time goes there.
	wait := 0.5
	if l.reason != "" {
		wait = 0.9
	}
	u := m.Float64()
	if u < 0.06 && kind == plain {
		m.reviewed(l, at(0.1), "more_material", risk)
		m.note(l.s, m.acceptedEvent(l, at(0.2), l.o.whole, 0, true))
	}
	declined := kind == plain && u > 0.96
	switch {
	case u > 0.93 && u < 0.937: // a review that nobody made, or reported
	case u > 0.937 && u < 0.944: // one that comes after the approval
		m.approved(l, at(0.25), risk, false)
		m.reviewed(l, at(0.3), "pass", risk)
	default:
		result := "pass"
		if declined && u > 0.99 {
			result = "fail"
		}
		m.reviewed(l, at(0.3), result, risk)
		if result == "fail" {
			m.decline(l, at(0.35))
			return
		}
	}
	if u < 0.937 || u > 0.944 {
		m.approved(l, at(wait), risk, declined)
		if declined {
			m.decline(l, at(wait)+m.span(minute, hour))
			return
		}
	}
	if kind == cancelled || kind == withdrawn {
		l.scanned = at(wait)
		m.calledOff(l, kind)
		return
	}
	m.begin(l.s, caseProgressed, at(wait+0.05))
	if m.on {
		m.text("step", "handling")
		m.text("activity", "remittance_processing")
		m.text("resource_ref", l.owner)
	}
	m.note(l.s, m.end())
	switch kind {
	case stuck:
		m.over(l, 0)
		l.late = true
	case timeless:
		m.note(l.s, m.delivery(l, x, 1, true))
		l.end, l.word = x, deliveredWord
		m.drawn(l.s, onTime, unknown)
		m.drawn(l.s, onTimeByDay, unknown)
	case unaccepted:
		m.deliver(l, x)
		m.drawn(l.s, onTime, unknown)
		m.drawn(l.s, onTimeByDay, unknown)
	case wrongTime, wrongTwice, correctedFix, voidedFix:
		m.misreported(l, x, kind)
		l.end, l.word = x, deliveredWord
		m.over(l, x)
	default:
		m.deliver(l, x)
		m.over(l, x)
	}
}

func (m *maker) reviewed(l *life, at int64, result string, risk int) {
	m.begin(l.s, caseReviewed, at)
	if m.on {
		m.text("result", result)
		m.text("risk_level", risks[risk])
		m.flag("materials_complete", result != "more_material")
		m.flag("compliant", result != "fail")
		m.flag("authentic", true)
	}
	m.note(l.s, m.end())
}

var risks = [...]string{"low", "medium", "high"}

// approved decides; now and then at too low a level, or unsigned.
func (m *maker) approved(l *life, at int64, risk int, declined bool) {
	level := risk + 1
	if m.chance(0.03) {
		level = max(1, level-1)
	}
	signed := !m.chance(0.02)
	m.begin(l.s, caseApproved, at)
	if m.on {
		decision := "approved"
		if declined {
			decision = "declined"
		}
		m.text("decision", decision)
		m.whole("approver_level", int64(level))
		m.whole("required_level", int64(risk+1))
		m.flag("opinion_present", true)
		m.flag("signed", signed)
		m.text("approver_ref", "m-"+provinces[l.o.province].code+"-1")
		if risk > 0 {
			m.text("rechecked_by", "m-"+provinces[l.o.province].code+"-2")
		}
		m.instant("applicant_notified_at", at+10*minute)
	}
	m.note(l.s, m.end())
}

func (m *maker) decline(l *life, at int64) {
	m.ended(l.s, declinedWord, at, "risk")
	l.end, l.word = at, declinedWord
	instant, day := missed, missed
	if at <= l.due || l.open {
		instant = excluded
	}
	if dayOf(at) <= dayOf(l.due) || l.open {
		day = excluded
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
}

// after makes what follows a case: its archive, what customers ask and complain
// about, and what they answer when they are asked.
func (m *maker) after(l *life) {
	m.archive(l)
	m.ask(l)
	m.survey(l)
}

var archiveDocuments = [...]string{"application_form", "approval_record", "operation_log", "delivery_receipt"}

// archive files the papers of an ended case, or forgets to. Letters, printed
// matter and e-commerce have no archive.
func (m *maker) archive(l *life) {
	switch l.product {
	case letter, printed, ecomm:
		return
	}
	if l.word == 0 {
		return
	}
	next, _ := addWorkdays(dayOf(l.end), 1)
	filed := func(at int64, lacking int, version int) {
		m.begin(l.s, caseArchived, at)
		if m.on {
			documents := make([]string, 0, 4)
			for i, d := range archiveDocuments {
				if i != lacking {
					documents = append(documents, d)
				}
			}
			m.texts("documents", documents...)
			m.whole("version", int64(version))
			m.flag("backup", l.n%9 != 1)
		}
		f := m.end()
		f.flag = lacking < 0
		m.note(l.s, f)
	}
	soon := m.span(l.end+minute, next.last())
	switch u := m.Float64(); {
	case u < 0.93:
		filed(soon, -1, 1)
	case u < 0.955:
		filed(soon, m.IntN(4), 1)
		if m.chance(0.4) {
			filed(soon+m.span(hour, 10*daySpan), -1, 2)
		}
	case u < 0.975:
		filed(next.last()+m.span(1, 10*daySpan), -1, 1)
	}
}
