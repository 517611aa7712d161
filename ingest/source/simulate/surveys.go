package simulate

import "fmt"

// survey asks some customers after their case, and draws what they answer.
func (m *maker) survey(l *life) {
	if l.word == 0 || l.word == withdrawnWord || l.word == cancelledWord {
		return
	}
	asked := l.end + m.span(hour, 2*daySpan)
	// However often customers are asked, each instrument keeps its share.
	u := m.Float64() / min(m.o.o.Contacts, 1/0.094)
	switch {
	case u < 0.06:
		m.csat(l, asked)
	case u < 0.085:
		m.nps(l, asked)
	case u < 0.09:
		m.servqual(l, asked)
	case u < 0.092:
		m.opinion(l, asked, "brand")
	case u < 0.093:
		m.opinion(l, asked, "image")
	case u < 0.094:
		m.opinion(l, asked, "campaign")
	}
}

// sheet is a survey while it is made.
type sheet struct {
	s       *subject
	l       *life
	about   *unit
	caseID  string
	ticket  string
	kind    string
	invited int64
}

func (m *maker) newSheet(id, kind string, l *life, at int64) *sheet {
	q := &sheet{kind: kind, l: l, invited: at}
	q.s = &subject{id: id, source: sourceSurvey, test: m.chance(m.o.shares.Test)}
	q.s.unit = m.unit(surveys, q.s)
	if u := q.s.unit; u != nil {
		u.kind = kind
	}
	return q
}

// invite makes the invitation and draws when it is answered, 0 for never. keen
// is the chance of an answer.
func (m *maker) invite(q *sheet, keen float64) int64 {
	channel := [...]string{"online", "phone", "outlet"}[m.pick([]float64{0.7, 0.2, 0.1})]
	region := m.chance(0.3)
	m.begin(q.s, surveyInvited, q.invited)
	if m.on {
		m.text("instrument", q.kind)
		m.text("wave", quarterOf(dayOf(q.invited)))
		m.text("case_id", q.caseID)
		m.text("ticket_id", q.ticket)
		m.text("channel", channel)
		if region && q.l != nil {
			m.text("region", q.l.o.region())
		}
		m.instant("expires_at", q.invited+14*daySpan)
	}
	f := m.end()
	if region && q.l != nil {
		f.place = q.l.o.regional
	}
	m.note(q.s, f)
	if q.s.unit != nil {
		q.s.unit.channel, q.s.unit.about = channel, q.about
	}
	switch u := m.Float64(); {
	case u < keen*0.92:
		m.drawn(q.s, answer14, kept)
		return m.span(q.invited+minute, q.invited+14*daySpan)
	case u < keen*0.94:
		m.drawn(q.s, answer14, kept)
		return q.invited + 14*daySpan
	case u < keen*0.96:
		m.drawn(q.s, answer14, missed)
		return q.invited + 14*daySpan + second
	case u < keen:
		m.drawn(q.s, answer14, missed)
		return q.invited + 14*daySpan + m.span(second, 6*daySpan)
	}
	m.drawn(q.s, answer14, missed)
	return 0
}

// mark is an answer on a scale; nil stands for "don't know".
type mark struct {
	item, role  string
	value       int
	known       bool
	lowest, top int
}

// answered makes the answer. The first mark is the one that is counted, if it is
// a score; weight is in millionths.
func (m *maker) answered(q *sheet, at int64, weight int64, marks ...mark) {
	m.note(q.s, m.answerEvent(q, at, weight, marks...))
}

func (m *maker) answerEvent(q *sheet, at int64, weight int64, marks ...mark) fact {
	how := m.Float64()
	m.begin(q.s, surveyAnswered, at)
	own := q.l != nil && how < 0.4
	if m.on {
		m.text("instrument", q.kind)
		m.list("answers")
		for _, k := range marks {
			m.element()
			m.text("item", k.item)
			m.text("role", k.role)
			if k.known {
				m.whole("value", int64(k.value))
			} else {
				m.null("value")
			}
			m.whole("min", int64(k.lowest))
			m.whole("max", int64(k.top))
			m.close()
		}
		m.close()
		m.text("case_id", q.caseID)
		m.text("ticket_id", q.ticket)
		if own {
			m.text("region", q.l.o.region())
			m.text("outlet", q.l.o.code)
			m.text("product", products[q.l.product])
		}
		if how > 0.9 {
			m.text("comment", "希望更快一些")
			m.texts("topics", "speed")
			m.whole("sentiment", -1)
		}
		if weight != 1_000_000 {
			m.number("weight", float64(weight)/1e6)
		}
	}
	f := m.end()
	if own {
		f.place, f.text = q.l.o.whole, products[q.l.product]
	}
	first := marks[0]
	f.flag = first.role == "score" && first.known
	f.n, f.low, f.top, f.value = int32(first.value), int32(first.lowest), int32(first.top), weight
	return f
}

// contentment draws a score of 1 to 5 that depends on what happened.
func (m *maker) contentment(l *life) int {
	switch {
	case l.word == lostWord || l.word == damagedWord:
		return 1 + m.pick([]float64{0.6, 0.25, 0.1, 0.04, 0.01})
	case l.late:
		return 1 + m.pick([]float64{0.14, 0.2, 0.3, 0.24, 0.12})
	case l.failed:
		return 1 + m.pick([]float64{0.02, 0.04, 0.14, 0.4, 0.4})
	}
	return 1 + m.pick([]float64{0.004, 0.012, 0.04, 0.27, 0.674})
}

func (m *maker) csat(l *life, at int64) {
	q := m.newSheet("S"+l.s.id[1:]+"-1", "csat", l, at)
	q.caseID, q.about = l.s.id, l.s.unit
	weight := int64(1_000_000)
	if m.chance(0.1) {
		weight = [...]int64{500_000, 1_250_000, 2_000_000}[m.IntN(3)]
	}
	when := q.invited
	if m.chance(0.04) {
		// Asked at the counter: an answer without an invitation.
		q.about = l.s.unit
		if u := q.s.unit; u != nil {
			u.about = q.about
		}
	} else if when = m.invite(q, 0.24); when == 0 {
		return
	}
	score := m.contentment(l)
	marks := []mark{{"overall", "score", score, !m.chance(0.02), 1, 5}}
	switch m.IntN(5) {
	case 0:
		marks[0].value, marks[0].top = 2*score-m.IntN(2), 10
	case 1, 2:
		marks = append(marks,
			mark{"efficiency", "score", m.near(score), true, 1, 5},
			mark{"attitude", "score", m.near(score), true, 1, 5})
	}
	if m.chance(m.o.shares.Corrected) {
		m.miscounted(q, when, weight, marks)
		return
	}
	m.answered(q, when, weight, marks...)
	if m.chance(0.004) {
		m.answered(q, when+m.span(minute, daySpan), weight, mark{"overall", "score", 1, true, 1, 5})
	}
}

// near is a score within one of another.
func (m *maker) near(score int) int { return min(5, max(1, score+m.IntN(3)-1)) }

// miscounted is an answer whose score was first entered wrong.
func (m *maker) miscounted(q *sheet, at int64, weight int64, marks []mark) {
	wrong := append([]mark(nil), marks...)
	wrong[0].value, wrong[0].known = wrong[0].lowest, true
	f := m.answerEvent(q, at, weight, wrong...)
	known := m.correction(q.s, surveyCorrected, int(f.seq), at+m.span(hour, 3*daySpan), func() {
		m.object("data")
		m.list("answers")
		for _, k := range marks {
			m.element()
			m.text("item", k.item)
			m.text("role", k.role)
			if k.known {
				m.whole("value", int64(k.value))
			} else {
				m.null("value")
			}
			m.whole("min", int64(k.lowest))
			m.whole("max", int64(k.top))
			m.close()
		}
		m.close()
		m.close()
	}).known
	m.note(q.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.n, v.flag = int32(marks[0].value), marks[0].known
		}
		return v, have[0]
	})...)
}

func (m *maker) nps(l *life, at int64) {
	q := m.newSheet("S"+l.s.id[1:]+"-2", "nps", l, at)
	q.caseID, q.about = l.s.id, l.s.unit
	when := m.invite(q, 0.22)
	if when == 0 {
		return
	}
	score := 2*m.contentment(l) - m.pick([]float64{0.45, 0.4, 0.15})
	m.answered(q, when, 1_000_000, mark{"recommend", "score", max(0, score), !m.chance(0.02), 0, 10})
}

var servqualItems = [...]string{"tangibles.1", "reliability.1", "responsiveness.1", "assurance.1", "empathy.1"}

func (m *maker) servqual(l *life, at int64) {
	q := m.newSheet("S"+l.s.id[1:]+"-3", "servqual", l, at)
	q.caseID, q.about = l.s.id, l.s.unit
	when := m.invite(q, 0.2)
	if when == 0 {
		return
	}
	var marks []mark
	for _, item := range servqualItems {
		expected := 5 + m.IntN(3)
		perceived := min(7, max(1, expected-1+m.IntN(3)-boolInt(l.late)))
		marks = append(marks, mark{item, "expectation", expected, true, 1, 7}, mark{item, "perception", perceived, true, 1, 7})
	}
	m.answered(q, when, 1_000_000, marks...)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// opinion is a survey of the public that asks about no case.
func (m *maker) opinion(l *life, at int64, kind string) {
	q := m.newSheet("S"+l.s.id[1:]+"-4", kind, nil, at)
	when := m.invite(q, 0.3)
	if when == 0 {
		return
	}
	m.answered(q, when, 1_000_000,
		mark{kind, "score", 3 + m.IntN(3), true, 1, 5},
		mark{"aware", "choice", m.IntN(2), true, 0, 1})
}

// handled asks how a complaint was handled.
func (m *maker) handled(t *ticket, replied int64) {
	q := m.newSheet(fmt.Sprintf("S%s-h", t.s.id[1:]), "handling", nil, replied+m.span(hour, 2*daySpan))
	q.ticket, q.about = t.s.id, t.s.unit
	when := m.invite(q, 0.3)
	if when == 0 {
		return
	}
	m.answered(q, when, 1_000_000, mark{"overall", "score", 2 + m.pick([]float64{0.2, 0.3, 0.3, 0.2}), true, 1, 5})
}
