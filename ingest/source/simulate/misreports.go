package simulate

import (
	"bytes"

	"youzhi/ingest/event"
)

// misplaced accepts a case that is first reported by another outlet.
func (m *maker) misplaced(l *life) {
	other := m.o.outlets[m.IntN(len(m.o.outlets))]
	f := m.acceptedEvent(l, l.accepted, other.whole, l.promised, false)
	known := m.correction(l.s, caseCorrected, int(f.seq), l.accepted+m.span(hour, 5*daySpan), func() {
		m.object("data")
		m.text("region", l.o.region())
		m.text("outlet", l.o.code)
		m.close()
	}).known
	m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.place = l.o.whole
		}
		return v, have[0]
	})...)
}

// mispromised accepts a case that is first reported with another promise.
func (m *maker) mispromised(l *life) {
	wrong := l.promised + int64(1-2*m.IntN(2))*daySpan
	if wrong <= l.accepted {
		wrong = l.promised + daySpan
	}
	f := m.acceptedEvent(l, l.accepted, l.o.whole, wrong, false)
	known := m.correction(l.s, caseCorrected, int(f.seq), l.accepted+m.span(hour, 5*daySpan), func() {
		m.object("data")
		m.instant("promised_at", l.promised)
		m.close()
	}).known
	m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.value = l.promised
		}
		return v, have[0]
	})...)
}

// misreported delivers at x what is first reported at another instant.
func (m *maker) misreported(l *life, x int64, kind class) {
	wrong := func() int64 {
		w := x + m.span(-2*daySpan, 2*daySpan)
		if m.chance(0.3) {
			w = l.due // which would have been in time
		}
		return max(w, l.accepted+hour)
	}
	first := wrong()
	if kind == voidedFix {
		first = x
	}
	f := m.delivery(l, first, l.attempt(), false)
	fix := func(at, right int64) (known, recorded int64, seq int) {
		c := m.correction(l.s, caseCorrected, int(f.seq), at, func() { m.instant("time_new", right) })
		return c.known, m.now.recorded, int(c.seq)
	}
	at := max(x, first) + m.span(hour, 3*daySpan)
	facts := func(times ...int64) func(i int) fact {
		return func(i int) fact {
			v := f
			v.at = times[i]
			return v
		}
	}
	switch kind {
	case wrongTime:
		known, _, _ := fix(at, x)
		version := facts(first, x)
		m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
			if have[1] {
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	case wrongTwice:
		// Of two corrections that one counts which was recorded last.
		second := wrong()
		at = max(at, second) + hour
		known1, recorded1, _ := fix(at, second)
		later := at + m.span(minute, 2*daySpan)
		known2, recorded2, _ := fix(later, x)
		if recorded1 > recorded2 {
			known3, _, _ := fix(max(recorded1, later)+15*daySpan, x)
			m.note(l.s, versions([]int64{f.known, known1, known2, known3}, func(have []bool) (fact, bool) {
				version := facts(first, second, x)
				switch {
				case have[3]:
					return version(2), have[0]
				case have[1]:
					return version(1), have[0]
				case have[2]:
					return version(2), have[0]
				}
				return version(0), have[0]
			})...)
			return
		}
		version := facts(first, second, x)
		m.note(l.s, versions([]int64{f.known, known1, known2}, func(have []bool) (fact, bool) {
			switch {
			case have[2]:
				return version(2), have[0]
			case have[1]:
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	case correctedFix, voidedFix:
		second := wrong()
		at = max(at, second) + hour
		known1, _, seq := fix(at, second)
		again := m.correction(l.s, caseCorrected, seq, at+m.span(minute, 2*daySpan), func() {
			if kind == voidedFix {
				m.flag("void", true)
				return
			}
			m.object("data")
			m.instant("time_new", x)
			m.close()
		})
		version := facts(first, second, x)
		m.note(l.s, versions([]int64{f.known, known1, again.known}, func(have []bool) (fact, bool) {
			switch {
			case have[1] && have[2] && kind == correctedFix:
				return version(2), have[0]
			case have[1] && !have[2]:
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	}
}

// conflict delivers once, but reports it twice under one id with two instants.
// The report with the lower hash counts, which nobody can know before.
func (m *maker) conflict(l *life, x int64) {
	other := x + m.span(minute, 3*daySpan)
	var facts [2]fact
	var hashes [2]event.Hash
	for i, at := range [...]int64{x, other} {
		m.force = true
		facts[i] = m.delivery(l, at, l.attempt(), false)
		m.force = false
		// Every message decodes; a test holds them to that.
		if e, err := event.Decode(m.writer.b, toTime(m.now.sent), ""); err == nil {
			hashes[i] = e.Hash
		}
		if i == 0 {
			l.s.events--
		}
	}
	winner := 0
	if bytes.Compare(hashes[1][:], hashes[0][:]) < 0 {
		winner = 1
	}
	m.note(l.s, versions([]int64{facts[0].known, facts[1].known}, func(have []bool) (fact, bool) {
		switch {
		case have[0] && have[1]:
			return facts[winner], true
		case have[0]:
			return facts[0], true
		}
		return facts[1], true
	})...)
	l.end, l.word = facts[winner].at, deliveredWord
	m.over(l, l.end)
}

// void takes an event back.
func (m *maker) void(s *subject, k kind, f *fact, at int64) {
	f.until = m.correction(s, k, int(f.seq), at, func() { m.flag("void", true) }).known
}

// voidAll takes back every event that was noted.
func (m *maker) voidAll(s *subject, k kind, at int64) {
	if s.unit == nil {
		// Without a ledger the same events are made.
		for seq, n := 1, s.events; seq <= n; seq++ {
			m.void(s, k, &fact{seq: int32(seq)}, at+int64(seq)*second)
		}
		return
	}
	for i := range s.unit.facts {
		f := &s.unit.facts[i]
		m.void(s, k, f, at+int64(f.seq)*second)
	}
}
