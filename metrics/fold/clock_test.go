package fold

import (
	"fmt"
	"testing"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

func load(t *testing.T, clocks string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("test.yaml", []byte("version: test\nconstructive_acceptance_hours: 24\nclocks:\n"+clocks))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Examples 1 to 15 of the indicator catalogue's section C, through clocks of the policy: the start is the receipt of a
// complaint, the due date that of a clock of 1, 3, 7 or 15 working days.
func TestExamplesOfWorkingDays(t *testing.T) {
	_, cal := rules(t)
	var clocks string
	lengths := []int{1, 3, 7, 15}
	for _, n := range lengths {
		clocks += fmt.Sprintf("  - {name: wd%d, base: tickets, start: received, length: {working_days: %d}, done: replied}\n", n, n)
	}
	p := load(t, clocks)
	for _, c := range []struct {
		example string
		start   string // Beijing, or RFC 3339
		due     [4]string
	}{
		{"1", "2025-01-24 10:00", [4]string{"2025-01-26", "2025-02-05", "2025-02-10", "2025-02-20"}},
		{"2", "2025-01-25 10:00", [4]string{"2025-01-26", "2025-02-05", "2025-02-10", "2025-02-20"}},
		{"3", "2025-04-25 10:00", [4]string{"2025-04-27", "2025-04-29", "2025-05-08", "2025-05-20"}},
		{"4", "2025-09-28 10:00", [4]string{"2025-09-29", "2025-10-09", "2025-10-14", "2025-10-24"}},
		{"5", "2025-09-30 10:00", [4]string{"2025-10-09", "2025-10-11", "2025-10-16", "2025-10-28"}},
		{"6", "2025-10-08 10:00", [4]string{"2025-10-09", "2025-10-11", "2025-10-16", "2025-10-28"}},
		{"7", "2025-12-31 10:00", [4]string{"2026-01-04", "2026-01-06", "2026-01-12", "2026-01-22"}},
		{"8", "2026-02-13 10:00", [4]string{"2026-02-14", "2026-02-25", "2026-03-02", "2026-03-12"}},
		{"9", "2026-02-14 10:00", [4]string{"2026-02-24", "2026-02-26", "2026-03-03", "2026-03-13"}},
		{"10", "2026-04-30 10:00", [4]string{"2026-05-06", "2026-05-08", "2026-05-13", "2026-05-25"}},
		{"11", "2026-09-18 10:00", [4]string{"2026-09-20", "2026-09-22", "2026-09-29", "2026-10-15"}},
		{"12", "2026-09-30 10:00", [4]string{"2026-10-08", "2026-10-10", "2026-10-15", "2026-10-27"}},
		{"13", "2026-12-11 10:00", [4]string{"2026-12-14", "2026-12-16", "2026-12-22", "undetermined 2027-01-01"}},
		{"14", "2025-09-29T15:30:00Z", [4]string{"2025-09-30", "2025-10-10", "", ""}},
		{"15", "2025-09-29T17:30:00Z", [4]string{"2025-10-09", "2025-10-11", "", ""}},
	} {
		t.Run(c.example, func(t *testing.T) {
			start := c.start
			if v, err := time.Parse(time.RFC3339, start); err == nil {
				start = v.In(calendar.Beijing).Format("2006-01-02 15:04")
			}
			s := newStory(t, "T-1").add("ticket.received", start, received("complaint"))
			got := FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal)
			for i, n := range lengths {
				a := mustAnchor(t, got.Unit, fmt.Sprintf("wd%d", n))
				day := a.Day.String()
				if a.Undetermined {
					day = "undetermined " + day
				}
				if c.due[i] == "" {
					continue
				}
				if day != c.due[i] {
					t.Errorf("WD%d: %s, want %s", n, day, c.due[i])
				}
				if want := calendar.LastInstant(a.Day); !a.Undetermined && !a.Due.Equal(want) {
					t.Errorf("WD%d: due %v, want the last microsecond of the day, %v", n, a.Due, want)
				}
			}
		})
	}
}

// Example 16: an enquiry of a holiday runs on the wall clock.
func TestExample16(t *testing.T) {
	for _, c := range []struct{ answered, want string }{
		{"2026-02-16 10:00:00", "in time"},
		{"2026-02-16 10:00:01", "late"},
	} {
		s := newStory(t, "T-1").add("ticket.received", "2026-02-15 10:00", received("enquiry"))
		s.add("ticket.responded", c.answered, nil)
		a := mustAnchor(t, s.foldTicket(Linked{}).Unit, "enquiry_answer")
		if got := verdict(a); got != c.want || !a.Due.Equal(at(t, "2026-02-16 10:00")) {
			t.Errorf("answered %s: %s, due %v, want %s", c.answered, got, a.Due, c.want)
		}
	}
}

// Example 17: not accepting a complaint does not stop its clocks; the option accepted would.
func TestExample17(t *testing.T) {
	_, cal := rules(t)
	s := newStory(t, "T-1").add("ticket.received", "2026-02-13 16:00", received("complaint"))
	open := s.foldTicket(Linked{})
	s.add("ticket.accepted", "2026-02-24 09:00", fields{"owner_ref": "s-1"})
	got := s.foldTicket(Linked{})
	if v := verdict(mustAnchor(t, got.Unit, "complaint_accept")); v != "late" {
		t.Errorf("acceptance %s, want late", v)
	}
	for clock, want := range map[string]string{"complaint_investigation": "2026-03-03", "complaint_feedback": "2026-03-13"} {
		for name, unit := range map[string]Unit{"before its acceptance": open.Unit, "accepted": got.Unit} {
			if day := mustAnchor(t, unit, clock).Day.String(); day != want {
				t.Errorf("%s %s due %s, want %s", clock, name, day, want)
			}
		}
	}
	s2 := newStory(t, "T-2").add("ticket.received", "2026-02-13 16:00", received("complaint"))
	s2.add("ticket.accepted", "2026-02-13 17:00", fields{"owner_ref": "s-1"})
	if day := mustAnchor(t, s2.foldTicket(Linked{}).Unit, "complaint_investigation").Day.String(); day != "2026-03-02" {
		t.Errorf("accepted the same day: due %s, want 2026-03-02", day)
	}
	for start, want := range map[string]string{"received": "2026-02-14", "accepted": "2026-02-25", "constructive": "2026-02-24"} {
		p := load(t, fmt.Sprintf("  - {name: own, base: tickets, start: %s, length: {working_days: 1}, done: replied}\n", start))
		if day := mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "own").Day.String(); day != want {
			t.Errorf("start %s: WD1 due %s, want %s", start, day, want)
		}
	}
}

// Example 18: three working days paused.
func TestExample18(t *testing.T) {
	_, cal := rules(t)
	p := load(t, "  - {name: own, base: tickets, start: received, length: {working_days: 7}, done: replied, pauses: [{reason: awaiting_customer}]}\n")
	s := newStory(t, "T-1").add("ticket.received", "2026-09-18 10:00", received("complaint"))
	s.add("ticket.paused", "2026-09-22 10:00", fields{"reason": "awaiting_customer"})
	fold := func() Anchor {
		return mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "own")
	}
	if a := fold(); !a.Paused || a.Day.String() != "2026-09-29" {
		t.Errorf("in the pause: paused %v, due %s, want paused and 2026-09-29", a.Paused, a.Day)
	}
	s.add("ticket.resumed", "2026-09-28 10:00", fields{"reason": "awaiting_customer"})
	if a := fold(); a.Paused || a.Day.String() != "2026-10-09" {
		t.Errorf("after it: paused %v, due %s, want 2026-10-09", a.Paused, a.Day)
	}
}

// Example 19: the reply of the last second is in time, midnight is late.
func TestExample19(t *testing.T) {
	_, cal := rules(t)
	p := load(t, "  - {name: own, base: tickets, start: received, length: {working_days: 7}, done: replied}\n")
	for replied, want := range map[string]string{"2025-10-16 23:59:59": "in time", "2025-10-17 00:00:00": "late"} {
		s := newStory(t, "T-1").add("ticket.received", "2025-09-30 10:00", received("complaint")).add("ticket.replied", replied, nil)
		if got := verdict(mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "own")); got != want {
			t.Errorf("replied %s: %s, want %s", replied, got, want)
		}
	}
}

// Pauses of several reasons on clocks of each kind. Source: C7, B4 rule 8.
func TestClock_Pauses(t *testing.T) {
	_, cal := rules(t)
	const reasons = "pauses: [{reason: awaiting_customer}, {reason: force_majeure, when: {channel: [phone]}}]"
	p := load(t, `
  - {name: hours, base: tickets, start: received, length: {hours: 24}, done: replied, `+reasons+`, ends: {withdrawn: excluded}}
  - {name: days, base: tickets, start: received, length: {working_days: 2}, done: replied, `+reasons+`, ends: {withdrawn: excluded}}
  - {name: due, base: tickets, start: received, length: {instant: due_at}, done: replied, `+reasons+`, ends: {withdrawn: excluded}}
  - {name: due_day, base: tickets, start: received, length: {instant: due_at, whole_day: true}, done: replied, `+reasons+`, ends: {withdrawn: excluded}}
`)
	pause := func(when, reason string) happening { return happening{"paused", when, fields{"reason": reason}} }
	resumed := func(when, reason string) happening { return happening{"resumed", when, fields{"reason": reason}} }
	// Received on Monday 2026-03-16 10:00, due_at Tuesday 18:00.
	for _, c := range []struct {
		name                   string
		tell                   []happening
		hours, days, due, late string
	}{
		{"none", nil, "2026-03-17 10:00", "2026-03-18", "2026-03-17 18:00", "2026-03-17"},
		{"an hour", []happening{pause("2026-03-16 11:00", "awaiting_customer"), resumed("2026-03-16 12:00", "awaiting_customer")}, "2026-03-17 11:00", "2026-03-18", "2026-03-17 19:00", "2026-03-17"},
		{"overlapping", []happening{
			pause("2026-03-16 11:00", "awaiting_customer"), pause("2026-03-16 11:30", "force_majeure"),
			resumed("2026-03-16 12:00", "awaiting_customer"), resumed("2026-03-16 13:00", "force_majeure"),
		}, "2026-03-17 12:00", "2026-03-18", "2026-03-17 20:00", "2026-03-17"},
		{"one within the other, over days", []happening{
			pause("2026-03-16 11:00", "awaiting_customer"), pause("2026-03-17 11:30", "force_majeure"),
			resumed("2026-03-18 12:00", "force_majeure"), resumed("2026-03-18 13:00", "awaiting_customer"),
		}, "2026-03-19 12:00", "2026-03-20", "2026-03-19 20:00", "2026-03-19"},
		{"two on one day count the day once", []happening{
			pause("2026-03-16 11:00", "awaiting_customer"), resumed("2026-03-17 09:00", "awaiting_customer"),
			pause("2026-03-17 10:00", "awaiting_customer"), resumed("2026-03-17 11:00", "awaiting_customer"),
		}, "2026-03-18 09:00", "2026-03-19", "2026-03-18 17:00", "2026-03-18"},
		{"over a weekend", []happening{
			pause("2026-03-16 11:00", "awaiting_customer"), resumed("2026-03-23 11:00", "awaiting_customer"),
		}, "2026-03-24 10:00", "2026-03-25", "2026-03-24 18:00", "2026-03-24"},
		{"of another reason", []happening{pause("2026-03-16 11:00", "customs"), resumed("2026-03-16 12:00", "customs")}, "2026-03-17 10:00", "2026-03-18", "2026-03-17 18:00", "2026-03-17"},
		{"after the deadlines", []happening{pause("2026-03-19 11:00", "awaiting_customer"), resumed("2026-03-20 12:00", "awaiting_customer")}, "2026-03-17 10:00", "2026-03-18", "2026-03-17 18:00", "2026-03-17"},
		{"after two of them", []happening{pause("2026-03-18 11:00", "awaiting_customer"), resumed("2026-03-19 12:00", "awaiting_customer")}, "2026-03-17 10:00", "2026-03-19", "2026-03-17 18:00", "2026-03-17"},
		{"cut by the reply", []happening{pause("2026-03-16 11:00", "awaiting_customer"), {"replied", "2026-03-16 12:00", nil}, resumed("2026-03-18 12:00", "awaiting_customer")}, "2026-03-17 11:00", "2026-03-18", "2026-03-17 19:00", "2026-03-17"},
		{"closed by the withdrawal", []happening{pause("2026-03-16 11:00", "awaiting_customer"), {"withdrawn", "2026-03-18 12:00", nil}}, "2026-03-19 11:00", "2026-03-20", "2026-03-19 19:00", "2026-03-19"},
		{"begun days before the receipt", []happening{pause("2026-03-11 09:00", "awaiting_customer"), resumed("2026-03-17 10:00", "awaiting_customer")}, "2026-03-18 10:00", "2026-03-19", "2026-03-18 18:00", "2026-03-18"},
		{"begun before the receipt", []happening{pause("2026-03-16 09:00", "awaiting_customer"), resumed("2026-03-16 11:00", "awaiting_customer")}, "2026-03-17 11:00", "2026-03-18", "2026-03-17 19:00", "2026-03-17"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t, "T-1").add("ticket.received", "2026-03-16 10:00", with(received("complaint"), fields{"due_at": instant(t, "2026-03-17 18:00")}))
			got := FoldTicket(Effective(s.tell("ticket", c.tell...).events, forever, nil), Linked{}, p, cal).Unit
			for clock, want := range map[string]string{"hours": c.hours, "due": c.due} {
				if a := mustAnchor(t, got, clock); !a.Due.Equal(at(t, want)) {
					t.Errorf("%s: due %v, want %s", clock, a.Due.In(calendar.Beijing), want)
				}
			}
			for clock, want := range map[string]string{"days": c.days, "due_day": c.late} {
				if a := mustAnchor(t, got, clock); a.Day.String() != want || !a.Due.Equal(calendar.LastInstant(a.Day)) {
					t.Errorf("%s: due %v on %s, want the end of %s", clock, a.Due.In(calendar.Beijing), a.Day, want)
				}
			}
		})
	}
	t.Run("beyond the calendar", func(t *testing.T) {
		s := newStory(t, "T-1").add("ticket.received", "2026-12-28 10:00", received("complaint"))
		s.add("ticket.paused", "2026-12-29 10:00", fields{"reason": "awaiting_customer"})
		s.add("ticket.resumed", "2027-01-06 10:00", fields{"reason": "awaiting_customer"})
		a := mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "days")
		if !a.Undetermined || a.Day.String() != "2027-01-01" || !a.Due.IsZero() {
			t.Errorf("%+v, want undetermined on 2027-01-01", a)
		}
	})
	t.Run("condition", func(t *testing.T) {
		s := newStory(t, "T-1").add("ticket.received", "2026-03-16 10:00", with(received("complaint"), fields{"channel": "online"}))
		s.add("ticket.paused", "2026-03-16 11:00", fields{"reason": "force_majeure"})
		if a := mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "hours"); a.Paused {
			t.Error("paused for a reason that counts on another channel only")
		}
	})
}

// Clocks that the manual names without a number are entries of a policy.
func TestClock_OfAnOperator(t *testing.T) {
	_, cal := rules(t)
	p := load(t, `
  - {name: acceptance, base: cases, start: submitted, length: {working_days: 1, cutoff: "17:30"}, done: accepted, ends: {withdrawn: excluded, other: failed}}
  - {name: archive, base: cases, start: ended, length: {working_days: 1}, done: archived}
  - {name: attempt, base: cases, when: {product: [ems]}, start: accepted, length: {hours: 48}, done: first_attempt}
`)
	submit := happening{"submitted", "2026-03-13 15:00", fields{"channel": "outlet", "product": "parcel", "region": "330100"}}
	accept := func(when string) happening { return happening{"accepted", when, accepted(t, "")} }
	archive := func(when string) happening {
		return happening{"archived", when, fields{"documents": []string{"operation_log"}}}
	}
	for _, c := range []struct {
		name string
		tell []happening
		want map[string]string
	}{
		{"accepted before the cutoff", []happening{submit, accept("2026-03-16 17:29:59")}, map[string]string{"acceptance": "in time"}},
		{"accepted at the cutoff", []happening{submit, accept("2026-03-16 17:30:00")}, map[string]string{"acceptance": "late"}},
		{"withdrawn unaccepted", []happening{submit, {"ended", "2026-03-14 10:00", fields{"outcome": "withdrawn"}}, archive("2026-03-16 23:00")}, map[string]string{"acceptance": "excluded: withdrawn", "archive": "in time"}},
		{"never submitted: no such clock", []happening{accept("2026-03-16 17:30:00")}, map[string]string{}},
		{"archived late", []happening{accept("2026-03-13 10:00"), {"delivered", "2026-03-13 12:00", nil}, archive("2026-03-17 00:00")}, map[string]string{"archive": "late"}},
		{"not archived", []happening{accept("2026-03-13 10:00"), {"delivered", "2026-03-13 12:00", nil}}, map[string]string{"archive": "failed"}},
		{"nobody knows since when", []happening{accept("2026-03-13 10:00"), {"delivered", "2026-03-13 12:00", fields{"time_unknown": true}}, archive("2026-03-14 00:00")}, map[string]string{"archive": "unknown"}},
		{"a product with a clock of its own", []happening{{"accepted", "2026-03-13 10:00", with(accepted(t, ""), fields{"product": "ems"})}, {"progressed", "2026-03-15 10:00", fields{"step": "scan", "attempt_no": 1}}}, map[string]string{"attempt": "in time"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := FoldCase(Effective(newStory(t, "C-1").tell("case", c.tell...).events, forever, nil), p, cal)
			for _, clock := range []string{"acceptance", "archive", "attempt"} {
				have := ""
				if a, ok := anchor(got.Unit, clock); ok {
					have = verdict(a)
				}
				if have != c.want[clock] {
					t.Errorf("%s: %q, want %q", clock, have, c.want[clock])
				}
			}
		})
	}
}
