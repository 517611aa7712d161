package simulate

import (
	"testing"
	"time"

	"youzhi/metrics/calendar"
)

// The ledger's own working days are those of the State Council's arrangement as
// metrics/calendar has it, which is another table by another hand.
func TestWorkdays_Calendar(t *testing.T) {
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	for d := firstCovered; d < uncovered; d++ {
		want, err := cal.IsWorkday(calendar.Day(d))
		if err != nil {
			t.Fatal(err)
		}
		if d.worked() != want {
			t.Errorf("%s is worked: %v, by metrics/calendar %v", d, d.worked(), want)
		}
		for _, n := range []int{1, 3, 7, 15} {
			due, known := addWorkdays(d, n)
			wantDue, wantKnown := cal.AddWorkdays(calendar.Day(d), n)
			if due != Day(wantDue) || known != wantKnown {
				t.Errorf("%d working days after %s: %s %v, by metrics/calendar %s %v", n, d, due, known, wantDue, wantKnown)
			}
		}
	}
}

// The worked examples of the indicator catalogue, section C.
func TestWorkdays_Examples(t *testing.T) {
	for _, c := range []struct {
		start string
		n     int
		due   string // "" is undetermined
	}{
		{"2025-01-24", 1, "2025-01-26"}, {"2025-01-24", 3, "2025-02-05"}, {"2025-01-24", 7, "2025-02-10"}, {"2025-01-24", 15, "2025-02-20"},
		{"2025-01-25", 1, "2025-01-26"}, {"2025-01-25", 15, "2025-02-20"},
		{"2025-04-25", 1, "2025-04-27"}, {"2025-04-25", 3, "2025-04-29"}, {"2025-04-25", 7, "2025-05-08"}, {"2025-04-25", 15, "2025-05-20"},
		{"2025-09-28", 1, "2025-09-29"}, {"2025-09-28", 3, "2025-10-09"}, {"2025-09-28", 7, "2025-10-14"}, {"2025-09-28", 15, "2025-10-24"},
		{"2025-09-30", 1, "2025-10-09"}, {"2025-09-30", 3, "2025-10-11"}, {"2025-09-30", 7, "2025-10-16"}, {"2025-09-30", 15, "2025-10-28"},
		{"2025-10-08", 7, "2025-10-16"},
		{"2025-12-31", 1, "2026-01-04"}, {"2025-12-31", 3, "2026-01-06"}, {"2025-12-31", 7, "2026-01-12"}, {"2025-12-31", 15, "2026-01-22"},
		{"2026-02-13", 1, "2026-02-14"}, {"2026-02-13", 3, "2026-02-25"}, {"2026-02-13", 7, "2026-03-02"}, {"2026-02-13", 15, "2026-03-12"},
		{"2026-02-14", 1, "2026-02-24"}, {"2026-02-14", 3, "2026-02-26"}, {"2026-02-14", 7, "2026-03-03"}, {"2026-02-14", 15, "2026-03-13"},
		{"2026-04-30", 1, "2026-05-06"}, {"2026-04-30", 3, "2026-05-08"}, {"2026-04-30", 7, "2026-05-13"}, {"2026-04-30", 15, "2026-05-25"},
		{"2026-09-18", 1, "2026-09-20"}, {"2026-09-18", 3, "2026-09-22"}, {"2026-09-18", 7, "2026-09-29"}, {"2026-09-18", 15, "2026-10-15"},
		{"2026-09-30", 1, "2026-10-08"}, {"2026-09-30", 3, "2026-10-10"}, {"2026-09-30", 7, "2026-10-15"}, {"2026-09-30", 15, "2026-10-27"},
		{"2026-12-11", 1, "2026-12-14"}, {"2026-12-11", 3, "2026-12-16"}, {"2026-12-11", 7, "2026-12-22"}, {"2026-12-11", 15, ""},
	} {
		start, err := time.Parse(time.DateOnly, c.start)
		if err != nil {
			t.Fatal(err)
		}
		due, known := addWorkdays(NewDay(start.Date()), c.n)
		have := due.String()
		if !known {
			have = ""
		}
		if have != c.due {
			t.Errorf("%d working days after %s: %q, want %q", c.n, c.start, have, c.due)
		}
	}
}

func at(t *testing.T, s string) int64 {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04:05", s, beijingZone)
	if err != nil {
		v, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMicro()
}

// made is a unit of facts made by hand.
func made(b base, kind string, facts ...fact) *unit {
	for i := range facts {
		facts[i].known, facts[i].seq = 1, int32(i+1)
	}
	return &unit{id: "X", base: b, kind: kind, owner: "s-1", facts: facts}
}

// read is the reading of such units as of an instant.
func read(t *testing.T, asOf string, units ...*unit) *Reading {
	t.Helper()
	l := Ledger{next: NewDay(2030, 1, 1)}
	for _, u := range units {
		l.units[u.base] = append(l.units[u.base], u)
	}
	r, err := l.At(toTime(at(t, asOf)), Everything)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The clocks of tickets, by the examples 14 to 17 and 19 of section C.
func TestLedger_Clocks(t *testing.T) {
	for _, c := range []struct {
		name, kind, key string
		facts           []fact
		verdict         verdict
		day             string
	}{
		{"late in the Beijing evening", "feedback", "feedback_response_3wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2025-09-29T15:30:00Z")}, {kind: ticketResponded, at: at(t, "2025-10-10 23:59:59")},
		}, kept, "2025-10-10"},
		{"after midnight in Beijing, before it in UTC", "feedback", "feedback_response_3wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2025-09-29T17:30:00Z")}, {kind: ticketResponded, at: at(t, "2025-10-11 23:59:59")},
		}, kept, "2025-10-11"},
		{"at the last second of 24 hours", "enquiry", "enquiry_answer_24h_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-02-15 10:00:00")}, {kind: ticketResponded, at: at(t, "2026-02-16 10:00:00")},
		}, kept, "2026-02-16"},
		{"a second after it", "enquiry", "enquiry_answer_24h_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-02-15 10:00:00")}, {kind: ticketResponded, at: at(t, "2026-02-16 10:00:01")},
		}, missed, "2026-02-16"},
		{"not accepted for days", "complaint", "complaint_accept_24h_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-02-13 16:00:00")}, {kind: ticketAccepted, at: at(t, "2026-02-24 09:00:00")},
		}, missed, "2026-02-14"},
		{"and yet the clock starts", "complaint", "complaint_investigation_7wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-02-13 16:00:00")}, {kind: ticketAccepted, at: at(t, "2026-02-24 09:00:00")},
			{kind: ticketInvestigated, at: at(t, "2026-03-03 23:59:59")},
		}, kept, "2026-03-03"},
		{"as that of the reply", "complaint", "complaint_feedback_15wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-02-13 16:00:00")}, {kind: ticketAccepted, at: at(t, "2026-02-24 09:00:00")},
			{kind: ticketReplied, at: at(t, "2026-03-14 00:00:00")},
		}, missed, "2026-03-13"},
		{"replied on the last day", "complaint", "complaint_investigation_7wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2025-09-30 09:00:00")}, {kind: ticketAccepted, at: at(t, "2025-09-30 10:00:00")},
			{kind: ticketInvestigated, at: at(t, "2025-10-16 23:59:59")},
		}, kept, "2025-10-16"},
		{"or at the first instant of the day after", "complaint", "complaint_investigation_7wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2025-09-30 09:00:00")}, {kind: ticketAccepted, at: at(t, "2025-09-30 10:00:00")},
			{kind: ticketInvestigated, at: at(t, "2025-10-17 00:00:00")},
		}, missed, "2025-10-16"},
		{"beyond the calendar", "complaint", "complaint_feedback_15wd_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-12-11 09:00:00")}, {kind: ticketAccepted, at: at(t, "2026-12-11 10:00:00")},
		}, waits, "2027-01-01"},
		{"withdrawn at the deadline", "enquiry", "enquiry_answer_24h_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-03-02 10:00:00")}, {kind: ticketWithdrawn, at: at(t, "2026-03-03 10:00:00")},
		}, excluded, "2026-03-03"},
		{"withdrawn after it", "enquiry", "enquiry_answer_24h_rate", []fact{
			{kind: ticketReceived, at: at(t, "2026-03-02 10:00:00")}, {kind: ticketWithdrawn, at: at(t, "2026-03-03 10:00:01")},
		}, missed, "2026-03-03"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := made(tickets, c.kind, c.facts...)
			e := rules[c.key].count(read(t, "2027-06-01 00:00:00", u).byUnit[u])
			if e.verdict != c.verdict || e.day.String() != c.day {
				t.Errorf("%s on %s, want %s on %s", e.verdict, e.day, c.verdict, c.day)
			}
		})
	}
}

// What a case's promise comes to, as of several instants.
func TestLedger_Promise(t *testing.T) {
	accepted := fact{kind: caseAccepted, at: at(t, "2026-03-02 10:00:00"), value: at(t, "2026-03-04 18:00:00")}
	days := fact{kind: caseAccepted, at: at(t, "2026-09-18 10:00:00"), n: 7}
	for _, c := range []struct {
		name    string
		asOf    string
		facts   []fact
		instant verdict
		byDay   verdict
		due     string
		inbound bool
	}{
		{name: "not due", asOf: "2026-03-04 17:59:59", facts: []fact{accepted}, instant: waits, byDay: waits, due: "2026-03-04"},
		{name: "due, by the instant", asOf: "2026-03-04 18:00:00", facts: []fact{accepted}, instant: missed, byDay: waits, due: "2026-03-04"},
		{name: "due, by the day", asOf: "2026-03-05 00:00:00", facts: []fact{accepted}, instant: missed, byDay: missed, due: "2026-03-04"},
		{name: "delivered at the deadline", asOf: "2026-03-05 00:00:00", instant: kept, byDay: kept, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, at: at(t, "2026-03-04 18:00:00")}}},
		{name: "a second after", asOf: "2026-03-05 00:00:00", instant: missed, byDay: kept, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, at: at(t, "2026-03-04 18:00:01")}}},
		{name: "called off at the deadline", asOf: "2026-03-05 00:00:00", instant: excluded, byDay: excluded, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseEnded, word: cancelledWord, at: at(t, "2026-03-04 18:00:00")}}},
		{name: "a second after", asOf: "2026-03-05 00:00:00", instant: missed, byDay: excluded, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseEnded, word: cancelledWord, at: at(t, "2026-03-04 18:00:01")}}},
		{name: "called off, then delivered", asOf: "2026-03-05 00:00:00", instant: excluded, byDay: excluded, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseEnded, word: cancelledWord, at: at(t, "2026-03-03 18:00:00")}, {kind: caseDelivered, at: at(t, "2026-03-04 10:00:00")}}},
		{name: "lost before it was due", asOf: "2026-03-05 00:00:00", instant: missed, byDay: missed, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseEnded, word: lostWord, at: at(t, "2026-03-03 18:00:00")}}},
		{name: "delivered in time, then found damaged", asOf: "2026-03-06 00:00:00", instant: kept, byDay: kept, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, at: at(t, "2026-03-04 10:00:00")}, {kind: caseEnded, word: damagedWord, at: at(t, "2026-03-04 11:00:00")}}},
		{name: "when is unknown", asOf: "2026-03-06 00:00:00", instant: unknown, byDay: unknown, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, flag: true, at: at(t, "2026-03-04 10:00:00")}}},
		{name: "never accepted", asOf: "2026-03-06 00:00:00", instant: unknown, byDay: unknown, due: "2026-03-04",
			facts: []fact{{kind: caseDelivered, at: at(t, "2026-03-04 10:00:00")}}},
		{name: "moved at the deadline", asOf: "2026-03-20 00:00:00", instant: kept, byDay: kept, due: "2026-03-06",
			facts: []fact{accepted, {kind: casePromiseChanged, flag: true, at: at(t, "2026-03-04 18:00:00"), value: at(t, "2026-03-06 18:00:00")},
				{kind: caseDelivered, at: at(t, "2026-03-06 18:00:00")}}},
		{name: "moved by the operator", asOf: "2026-03-20 00:00:00", instant: missed, byDay: missed, due: "2026-03-04",
			facts: []fact{accepted, {kind: casePromiseChanged, at: at(t, "2026-03-03 18:00:00"), value: at(t, "2026-03-06 18:00:00")},
				{kind: caseDelivered, at: at(t, "2026-03-06 18:00:00")}}},
		{name: "held by the customs", asOf: "2026-03-04 20:00:00", instant: waits, byDay: waits, due: "2026-03-04", inbound: true,
			facts: []fact{accepted, {kind: casePaused, flag: true, at: at(t, "2026-03-03 18:00:00")}}},
		{name: "and let go", asOf: "2026-03-20 00:00:00", instant: kept, byDay: kept, due: "2026-03-05", inbound: true,
			facts: []fact{accepted, {kind: casePaused, flag: true, at: at(t, "2026-03-03 18:00:00")}, {kind: caseResumed, flag: true, at: at(t, "2026-03-04 18:00:00")},
				{kind: caseDelivered, at: at(t, "2026-03-05 18:00:00")}}},
		{name: "an end that nobody reported", asOf: "2026-03-20 00:00:00", instant: missed, byDay: missed, due: "2026-03-04", inbound: true,
			facts: []fact{accepted, {kind: casePaused, flag: true, at: at(t, "2026-03-03 18:00:00")}, {kind: caseDelivered, at: at(t, "2026-03-05 18:00:00")}}},
		{name: "not received", asOf: "2026-03-20 00:00:00", instant: missed, byDay: missed, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, at: at(t, "2026-03-04 10:00:00")}, {kind: caseReopened, flag: true, at: at(t, "2026-03-05 10:00:00")},
				{kind: caseDelivered, at: at(t, "2026-03-06 10:00:00")}}},
		{name: "but not yet known to be", asOf: "2026-03-05 09:59:59", instant: kept, byDay: kept, due: "2026-03-04",
			facts: []fact{accepted, {kind: caseDelivered, at: at(t, "2026-03-04 10:00:00")}, {kind: caseReopened, flag: true, at: at(t, "2026-03-05 10:00:00")}}},
		{name: "working days", asOf: "2026-09-30 00:00:00", instant: kept, byDay: kept, due: "2026-09-29",
			facts: []fact{days, {kind: caseDelivered, at: at(t, "2026-09-29 23:59:59")}}},
		{name: "and a second more", asOf: "2026-09-30 00:00:00", instant: missed, byDay: missed, due: "2026-09-29",
			facts: []fact{days, {kind: caseDelivered, at: at(t, "2026-09-30 00:00:00")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := made(cases, "", c.facts...)
			u.inbound = c.inbound
			v := read(t, c.asOf, u).byUnit[u]
			p, d := v.promise(false), v.promise(true)
			if p.verdict != c.instant || d.verdict != c.byDay || p.day.String() != c.due {
				t.Errorf("%s, by the day %s, due %s; want %s, %s, %s", p.verdict, d.verdict, p.day, c.instant, c.byDay, c.due)
			}
		})
	}
}
