package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// happening is one event of a table: type without the family, Beijing time, data.
type happening struct {
	what, when string
	data       fields
}

func (s *story) tell(family string, happenings ...happening) *story {
	s.t.Helper()
	for _, h := range happenings {
		s.add(family+"."+h.what, h.when, h.data)
	}
	return s
}

// The promise of a case, one row for each rule of the indicator catalogue's sections 0, B3 and B4. Promised is 18:00 on
// Monday 2026-03-16, unless a row says otherwise.
func TestFoldCase_Promise(t *testing.T) {
	const promised = "2026-03-16 18:00"
	inbound := func() fields { return with(accepted(t, promised), fields{"direction": "inbound"}) }
	accept := happening{"accepted", "2026-03-13 16:00", accepted(t, promised)}
	acceptInbound := happening{"accepted", "2026-03-13 16:00", inbound()}
	deliver := func(when string) happening { return happening{"delivered", when, nil} }
	end := func(when, outcome string) happening { return happening{"ended", when, fields{"outcome": outcome}} }
	reopen := func(when, reason string) happening { return happening{"reopened", when, fields{"reason": reason}} }
	change := func(when, to, reason string) happening {
		return happening{"promise_changed", when, fields{"promised_at": instant(t, to), "reason": reason}}
	}
	pause := func(when, reason string) happening { return happening{"paused", when, fields{"reason": reason}} }
	resumed := func(when, reason string) happening { return happening{"resumed", when, fields{"reason": reason}} }

	for _, c := range []struct {
		rule string
		tell []happening
		// verdict on the clock promise, and on promise_day where it differs.
		want, wantDay string
		due           string
		open          bool
		flags         []string
		outcome       string
	}{
		{rule: "open: no end and no delivery", tell: []happening{accept}, want: "failed", due: promised, open: true},
		{rule: "delivered before", tell: []happening{accept, deliver("2026-03-16 17:00")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "delivered at the deadline is in time", tell: []happening{accept, deliver(promised)}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "delivered a second later is late, by the day in time", tell: []happening{accept, deliver("2026-03-16 18:00:01")}, want: "late", wantDay: "in time", due: promised, outcome: "delivered"},
		{rule: "by the day: the last second", tell: []happening{accept, deliver("2026-03-16 23:59:59")}, want: "late", wantDay: "in time", due: promised, outcome: "delivered"},
		{rule: "by the day: midnight is late", tell: []happening{accept, deliver("2026-03-17 00:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "no promise: outside", tell: []happening{{"accepted", "2026-03-13 16:00", accepted(t, "")}, deliver("2026-03-14 10:00")}, want: "none", outcome: "delivered"},
		{rule: "delivered without instant is unknown", tell: []happening{accept, {"delivered", "2026-03-17 10:00", fields{"time_unknown": true}}}, want: "unknown", due: promised, outcome: "delivered"},
		{rule: "time_unknown false is a delivery like any other", tell: []happening{accept, {"delivered", "2026-03-16 10:00", fields{"time_unknown": false}}}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "B4.3 delivered, never accepted, no promise", tell: []happening{deliver("2026-03-16 10:00")}, want: "unknown", flags: []string{FlagIncomplete}, outcome: "delivered"},
		{rule: "B4.3 delivered after submission alone", tell: []happening{{"submitted", "2026-03-13 15:00", fields{"channel": "outlet", "product": "parcel", "region": "330100"}}, deliver("2026-03-16 10:00")}, want: "unknown", flags: []string{FlagIncomplete}, outcome: "delivered"},
		{rule: "B4.3 lost, never accepted, no promise", tell: []happening{end("2026-03-16 10:00", "lost")}, want: "none", flags: []string{FlagIncomplete}, outcome: "lost"},

		{rule: "0 cancelled before the deadline is excluded", tell: []happening{accept, end("2026-03-14 10:00", "cancelled")}, want: "excluded: cancelled", due: promised, outcome: "cancelled"},
		{rule: "0 withdrawn at the deadline is excluded", tell: []happening{accept, end(promised, "withdrawn")}, want: "excluded: withdrawn", due: promised, outcome: "withdrawn"},
		{rule: "0 declined before", tell: []happening{accept, end("2026-03-14 10:00", "declined")}, want: "excluded: declined", due: promised, outcome: "declined"},
		{rule: "0 cancelled after the deadline fails, by the day it is excluded", tell: []happening{accept, end("2026-03-16 18:00:01", "cancelled")}, want: "failed", wantDay: "excluded: cancelled", due: promised, outcome: "cancelled"},
		{rule: "0 cancelled after the day fails", tell: []happening{accept, end("2026-03-17 00:00", "cancelled")}, want: "failed", due: promised, outcome: "cancelled"},
		{rule: "0 cancelled before, delivered later: after_end", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), deliver("2026-03-15 10:00")}, want: "excluded: cancelled", due: promised, flags: []string{FlagAfterEnd}, outcome: "cancelled"},
		{rule: "0 cancelled and reported delivered without instant stays excluded", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), {"delivered", "2026-03-15 10:00", fields{"time_unknown": true}}}, want: "excluded: cancelled", due: promised, flags: []string{FlagAfterEnd}, outcome: "cancelled"},
		{rule: "cancelled after the delivery changes nothing", tell: []happening{accept, deliver("2026-03-14 10:00"), end("2026-03-15 10:00", "cancelled")}, want: "in time", due: promised, flags: []string{FlagAfterEnd}, outcome: "delivered"},
		{rule: "cancel and reopen does not hide lateness", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), reopen("2026-03-17 10:00", "mistake")}, want: "failed", due: promised, open: true, outcome: "cancelled"},
		{rule: "cancelled, reopened, delivered late", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), reopen("2026-03-17 10:00", "mistake"), deliver("2026-03-18 10:00")}, want: "late", due: promised, outcome: "cancelled"},
		{rule: "cancelled, reopened, delivered in time", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), reopen("2026-03-15 10:00", "mistake"), deliver("2026-03-16 10:00")}, want: "in time", due: promised, outcome: "cancelled"},
		{rule: "cancelled, reopened, cancelled again before", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), reopen("2026-03-15 10:00", "mistake"), end("2026-03-16 10:00", "withdrawn")}, want: "excluded: withdrawn", due: promised, outcome: "cancelled"},
		{rule: "cancelled, reopened, cancelled again after", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), reopen("2026-03-15 10:00", "mistake"), end("2026-03-18 10:00", "cancelled")}, want: "failed", due: promised, outcome: "cancelled"},
		{rule: "the first end is kept", tell: []happening{accept, end("2026-03-14 10:00", "cancelled"), end("2026-03-15 10:00", "lost")}, want: "excluded: cancelled", due: promised, flags: []string{FlagAfterEnd}, outcome: "cancelled"},

		{rule: "B4.7 lost without delivery fails", tell: []happening{accept, end("2026-03-14 10:00", "lost")}, want: "failed", due: promised, outcome: "lost"},
		{rule: "B4.7 returned without delivery fails", tell: []happening{accept, end("2026-03-14 10:00", "returned")}, want: "failed", due: promised, outcome: "returned"},
		{rule: "B4.7 damaged without delivery fails", tell: []happening{accept, end("2026-03-18 10:00", "damaged")}, want: "failed", due: promised, outcome: "damaged"},
		{rule: "an end in a word we do not know fails", tell: []happening{accept, end("2026-03-14 10:00", "evaporated")}, want: "failed", due: promised, outcome: "other"},
		{rule: "B4.7 delivered in time, then damaged", tell: []happening{accept, deliver("2026-03-14 10:00"), end("2026-03-15 10:00", "damaged")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "B4.7 delivered in time, then returned", tell: []happening{accept, deliver("2026-03-14 10:00"), end("2026-03-20 10:00", "returned")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "lost, then found and delivered without reopening", tell: []happening{accept, end("2026-03-14 10:00", "lost"), deliver("2026-03-15 10:00")}, want: "failed", due: promised, flags: []string{FlagAfterEnd}, outcome: "lost"},
		{rule: "B4.7 two deliveries: the first counts", tell: []happening{accept, deliver("2026-03-14 10:00"), deliver("2026-03-18 10:00")}, want: "in time", due: promised, flags: []string{FlagAfterEnd}, outcome: "delivered"},
		{rule: "B4.7 two deliveries: the first counts though unknown", tell: []happening{accept, {"delivered", "2026-03-14 10:00", fields{"time_unknown": true}}, deliver("2026-03-15 10:00")}, want: "unknown", due: promised, flags: []string{FlagAfterEnd}, outcome: "delivered"},
		{rule: "B4.7 attempt after delivery", tell: []happening{accept, deliver("2026-03-14 10:00"), {"progressed", "2026-03-15 10:00", fields{"step": "scan", "attempt_no": 2}}}, want: "in time", due: promised, flags: []string{FlagAfterEnd, FlagIllogicalOrder}, outcome: "delivered"},
		{rule: "a notice after delivery is no attempt", tell: []happening{accept, deliver("2026-03-14 10:00"), {"progressed", "2026-03-15 10:00", fields{"step": "notice"}}}, want: "in time", due: promised, outcome: "delivered"},

		{rule: "B3 reopened not_received: the delivery is void", tell: []happening{accept, deliver("2026-03-14 10:00"), reopen("2026-03-15 10:00", "not_received")}, want: "failed", due: promised, open: true},
		{rule: "B3 reopened not_received: the next delivery counts", tell: []happening{accept, deliver("2026-03-14 10:00"), reopen("2026-03-15 10:00", "not_received"), deliver("2026-03-17 10:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "B3 not_received twice", tell: []happening{accept, deliver("2026-03-14 10:00"), reopen("2026-03-14 11:00", "not_received"), deliver("2026-03-14 12:00"), reopen("2026-03-15 10:00", "not_received")}, want: "failed", due: promised, open: true},
		{rule: "B3 reopened otherwise: the first delivery counts", tell: []happening{accept, deliver("2026-03-14 10:00"), reopen("2026-03-15 10:00", "wrong_receipt"), deliver("2026-03-18 10:00")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "work on a reopened case is no surprise", tell: []happening{accept, {"progressed", "2026-03-13 17:00", fields{"step": "scan"}}, deliver("2026-03-14 10:00"), reopen("2026-03-15 10:00", "wrong_receipt"), {"progressed", "2026-03-15 11:00", fields{"step": "handling"}}, end("2026-03-15 12:00", "cancelled")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "a change after a reopened delivery moves nothing", tell: []happening{accept, deliver("2026-03-17 10:00"), reopen("2026-03-17 11:00", "wrong_receipt"), change("2026-03-17 12:00", "2026-03-20 12:00", "customer")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "not_received before any delivery voids nothing", tell: []happening{accept, reopen("2026-03-14 10:00", "not_received"), deliver("2026-03-15 10:00")}, want: "in time", due: promised, outcome: "delivered"},
		{rule: "delivered without instant, not received, delivered", tell: []happening{accept, {"delivered", "2026-03-14 10:00", fields{"time_unknown": true}}, reopen("2026-03-15 10:00", "not_received"), deliver("2026-03-16 10:00")}, want: "in time", due: promised, outcome: "delivered"},

		{rule: "B4.8 the customer moves the promise before it", tell: []happening{accept, change("2026-03-15 10:00", "2026-03-20 12:00", "customer"), deliver("2026-03-20 11:00")}, want: "in time", due: "2026-03-20 12:00", outcome: "delivered"},
		{rule: "B4.8 address moves it, also to an earlier instant", tell: []happening{accept, change("2026-03-14 10:00", "2026-03-15 12:00", "address"), deliver("2026-03-16 11:00")}, want: "late", due: "2026-03-15 12:00", outcome: "delivered"},
		{rule: "B3 the operator does not move it", tell: []happening{accept, change("2026-03-15 10:00", "2026-03-20 12:00", "operator"), deliver("2026-03-20 11:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "B3 force majeure does not move it", tell: []happening{accept, change("2026-03-15 10:00", "2026-03-20 12:00", "force_majeure")}, want: "failed", due: promised, open: true},
		{rule: "B4.8 a change at the deadline still moves", tell: []happening{accept, change(promised, "2026-03-20 12:00", "customer"), deliver("2026-03-20 11:00")}, want: "in time", due: "2026-03-20 12:00", outcome: "delivered"},
		{rule: "B4.8 a change after the deadline never cures, by the day it moves", tell: []happening{accept, change("2026-03-16 18:00:01", "2026-03-20 12:00", "customer"), deliver("2026-03-20 11:00")}, want: "late", wantDay: "in time", due: promised, flags: []string{FlagPromiseLateChange}, outcome: "delivered"},
		{rule: "B4.8 a change after the moved deadline never cures", tell: []happening{accept, change("2026-03-14 10:00", "2026-03-15 12:00", "customer"), change("2026-03-16 10:00", "2026-03-25 12:00", "customer"), deliver("2026-03-20 11:00")}, want: "late", due: "2026-03-15 12:00", flags: []string{FlagPromiseLateChange}, outcome: "delivered"},
		{rule: "a change after the delivery changes nothing", tell: []happening{accept, deliver("2026-03-14 10:00"), change("2026-03-15 10:00", "2026-03-14 09:00", "customer")}, want: "in time", due: promised, flags: []string{FlagAfterEnd}, outcome: "delivered"},
		{rule: "a change after a void delivery moves", tell: []happening{accept, deliver("2026-03-14 10:00"), change("2026-03-15 10:00", "2026-03-20 12:00", "customer"), reopen("2026-03-15 11:00", "not_received"), deliver("2026-03-19 10:00")}, want: "in time", due: "2026-03-20 12:00", outcome: "delivered"},
		{rule: "a change gives a promise where there was none", tell: []happening{{"accepted", "2026-03-13 16:00", accepted(t, "")}, change("2026-03-14 10:00", "2026-03-15 12:00", "customer"), deliver("2026-03-16 11:00")}, want: "late", due: "2026-03-15 12:00", outcome: "delivered"},
		{rule: "a second acceptance does not move the promise", tell: []happening{accept, {"accepted", "2026-03-15 16:00", accepted(t, "2026-03-25 18:00")}, deliver("2026-03-20 11:00")}, want: "late", due: promised, flags: []string{FlagPromiseRepeated}, outcome: "delivered"},
		{rule: "the first acceptance that promises sets the promise", tell: []happening{{"accepted", "2026-03-13 15:00", accepted(t, "")}, accept, deliver("2026-03-20 11:00")}, want: "late", due: promised, outcome: "delivered"},

		{rule: "promise_days: working days from the acceptance", tell: []happening{{"accepted", "2026-02-13 16:00", with(accepted(t, ""), fields{"promise_days": 3})}, deliver("2026-02-25 23:59:59")}, want: "in time", due: "2026-02-25 23:59:59", outcome: "delivered"},
		{rule: "promise_days: the day after is late", tell: []happening{{"accepted", "2026-02-13 16:00", with(accepted(t, ""), fields{"promise_days": 3})}, deliver("2026-02-26 00:00")}, want: "late", due: "2026-02-25 23:59:59", outcome: "delivered"},
		{rule: "promise_days beyond the calendar", tell: []happening{{"accepted", "2026-12-30 16:00", with(accepted(t, ""), fields{"promise_days": 5})}}, want: "undetermined", open: true},
		{rule: "promise_days beyond the calendar, cancelled", tell: []happening{{"accepted", "2026-12-30 16:00", with(accepted(t, ""), fields{"promise_days": 5})}, end("2026-12-31 10:00", "cancelled")}, want: "excluded: cancelled", outcome: "cancelled"},

		{rule: "C7 customs moves the promise of an inbound item", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), resumed("2026-03-15 12:00", "customs"), deliver("2026-03-17 19:00")}, want: "in time", due: "2026-03-17 20:00", outcome: "delivered"},
		{rule: "C7 not of a domestic one", tell: []happening{accept, pause("2026-03-14 10:00", "customs"), resumed("2026-03-15 12:00", "customs"), deliver("2026-03-17 19:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "C7 nor for another reason", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "awaiting_customer"), resumed("2026-03-15 12:00", "awaiting_customer"), deliver("2026-03-17 19:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "B4.8 a pause reported twice counts once", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), pause("2026-03-14 11:00", "customs"), resumed("2026-03-14 12:00", "customs"), deliver("2026-03-16 20:00")}, want: "in time", due: "2026-03-16 20:00", outcome: "delivered"},
		{rule: "C7 two pauses add up", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), resumed("2026-03-14 11:00", "customs"), pause("2026-03-15 10:00", "customs"), resumed("2026-03-15 11:00", "customs")}, want: "failed", due: "2026-03-16 20:00", open: true},
		{rule: "a pause that starts at the deadline counts", tell: []happening{acceptInbound, pause(promised, "customs"), resumed("2026-03-17 16:00", "customs"), deliver("2026-03-17 16:00")}, want: "in time", due: "2026-03-17 16:00", outcome: "delivered"},
		{rule: "a pause that starts after the deadline does nothing, by the day it counts", tell: []happening{acceptInbound, pause("2026-03-16 18:00:01", "customs"), resumed("2026-03-17 18:00", "customs"), deliver("2026-03-17 19:00")}, want: "late", wantDay: "in time", due: promised, outcome: "delivered"},
		{rule: "a second pause may start before the deadline that the first moved", tell: []happening{acceptInbound, pause("2026-03-16 17:00", "customs"), resumed("2026-03-16 19:00", "customs"), pause("2026-03-16 20:00", "customs"), resumed("2026-03-16 21:00", "customs")}, want: "failed", due: "2026-03-16 21:00", open: true},
		{rule: "0 paused at as_of is pending", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs")}, want: "paused", due: promised, open: true},
		{rule: "paused only after the deadline is not pending", tell: []happening{acceptInbound, pause("2026-03-18 10:00", "customs")}, want: "failed", due: promised, open: true},
		{rule: "B5 customs counts only with its end: delivery closes the pause", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), deliver("2026-03-20 10:00")}, want: "late", due: promised, outcome: "delivered"},
		{rule: "an end closes the pause", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), end("2026-03-20 10:00", "lost")}, want: "failed", due: promised, outcome: "lost"},
		{rule: "resumed without pause", tell: []happening{acceptInbound, resumed("2026-03-14 10:00", "customs")}, want: "failed", due: promised, open: true, flags: []string{FlagResumedWithoutPause}},
		{rule: "resumed for another reason", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), resumed("2026-03-14 11:00", "awaiting_customer")}, want: "paused", due: promised, open: true, flags: []string{FlagResumedWithoutPause}},
		{rule: "B4.8 a change in a pause moves though the promise has passed", tell: []happening{acceptInbound, pause("2026-03-16 10:00", "customs"), change("2026-03-17 10:00", "2026-03-25 12:00", "customer"), resumed("2026-03-18 10:00", "customs"), deliver("2026-03-26 11:00")}, want: "in time", due: "2026-03-26 12:00", outcome: "delivered"},
		{rule: "a promise made after a pause knows of it", tell: []happening{acceptInbound, pause("2026-03-14 10:00", "customs"), resumed("2026-03-15 10:00", "customs"), change("2026-03-15 11:00", "2026-03-20 12:00", "customer"), deliver("2026-03-20 13:00")}, want: "late", wantDay: "in time", due: "2026-03-20 12:00", outcome: "delivered"},
		{rule: "C7 promised working days grow by the paused ones", tell: []happening{{"accepted", "2026-03-13 16:00", with(accepted(t, ""), fields{"promise_days": 2, "direction": "inbound"})}, pause("2026-03-16 10:00", "customs"), resumed("2026-03-18 10:00", "customs")}, want: "failed", due: "2026-03-19 23:59:59", open: true},
		{rule: "B4.8 a change in a pause of promised working days, on a holiday", tell: []happening{{"accepted", "2026-09-29 16:00", with(accepted(t, ""), fields{"promise_days": 1, "direction": "inbound"})}, pause("2026-09-30 10:00", "customs"), change("2026-10-03 10:00", "2026-10-20 12:00", "customer"), resumed("2026-10-03 12:00", "customs")}, want: "failed", due: "2026-10-20 14:00", open: true},

		{rule: "B4.3 illogical order is kept and flagged", tell: []happening{accept, {"progressed", "2026-03-13 17:00", fields{"step": "scan"}}, {"approved", "2026-03-13 18:00", fields{"decision": "approved", "approver_level": 1}}, deliver("2026-03-14 10:00")}, want: "in time", due: promised, flags: []string{FlagIllogicalOrder}, outcome: "delivered"},
		{rule: "B4.3 delivered before accepted", tell: []happening{deliver("2026-03-13 10:00"), accept}, want: "in time", due: promised, flags: []string{FlagIllogicalOrder}, outcome: "delivered"},
		{rule: "rework is no illogical order", tell: []happening{accept, {"reviewed", "2026-03-13 17:00", fields{"result": "more_material"}}, {"accepted", "2026-03-13 18:00", accepted(t, promised)}, {"reviewed", "2026-03-13 19:00", fields{"result": "pass"}}}, want: "failed", due: promised, open: true},
		{rule: "B4.8 an event after archiving is kept and flagged", tell: []happening{accept, {"archived", "2026-03-14 10:00", fields{"documents": []string{"operation_log"}}}, {"archived", "2026-03-14 11:00", fields{"documents": []string{"operation_log"}}}, deliver("2026-03-15 10:00")}, want: "in time", due: promised, flags: []string{FlagAfterArchive}, outcome: "delivered"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := newStory(t, "C-1").tell("case", c.tell...).foldCase()
			wantDay := c.wantDay
			if wantDay == "" {
				wantDay = c.want
			}
			for clock, want := range map[string]string{"promise": c.want, "promise_day": wantDay} {
				a, ok := anchor(got.Unit, clock)
				have := "none"
				if ok {
					have = verdict(a)
				}
				if have != want {
					t.Errorf("%s: %s, want %s: %+v", clock, have, want, a)
				}
				if ok && a.Open != c.open {
					t.Errorf("%s: open %v, want %v", clock, a.Open, c.open)
				}
			}
			if c.due != "" {
				due := at(t, c.due)
				if due.Second() == 59 {
					due = due.Add(999_999_000) // the last microsecond of a day
				}
				if a := mustAnchor(t, got.Unit, "promise"); !a.Due.Equal(due) {
					t.Errorf("due %v, want %v", a.Due, due)
				}
			}
			if got.Open != c.open {
				t.Errorf("open %v, want %v", got.Open, c.open)
			}
			if diff := cmp.Diff(c.flags, got.Flags, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
			if got.Outcome != c.outcome {
				t.Errorf("outcome %q, want %q", got.Outcome, c.outcome)
			}
		})
	}
}

// What has the same instant happened in the order of the fold.
func TestFoldCase_SameInstant(t *testing.T) {
	for end, want := range map[[2]string]string{
		{"cancelled", "1"}: "excluded: cancelled", {"cancelled", "3"}: "in time",
		{"lost", "1"}: "failed", {"lost", "3"}: "in time",
	} {
		s := newStory(t, "C-1").add("case.accepted", "2026-03-13 16:00", accepted(t, "2026-03-16 18:00"))
		s.add("case.delivered", "2026-03-14 10:00", nil, withSequence("2"))
		s.add("case.ended", "2026-03-14 10:00", fields{"outcome": end[0]}, withSequence(end[1]))
		if got := verdict(mustAnchor(t, s.foldCase().Unit, "promise")); got != want {
			t.Errorf("%s as number %s, delivered as number 2: %s, want %s", end[0], end[1], got, want)
		}
	}
}

// Steps and attributes of a case, apart from its promise.
func TestFoldCase_State(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.submitted", "2026-03-13 15:00", fields{"channel": "online", "product": "letter", "region": "110000", "customer_type": "person", "customer_tier": "vip"})
	s.add("case.accepted", "2026-03-13 16:00", with(accepted(t, "2026-03-16 18:00"), fields{"outlet": "unknown", "area_type": "rural", "special_need": "elderly"}), withSource("/cn/post/second"))
	s.add("case.reviewed", "2026-03-13 16:10", fields{"result": "pass"})
	s.add("case.approved", "2026-03-13 16:20", fields{"decision": "approved", "approver_level": 1})
	s.add("case.progressed", "2026-03-13 17:00", fields{"step": "notice"})
	s.add("case.progressed", "2026-03-14 09:00", fields{"step": "scan"})
	s.add("case.progressed", "2026-03-14 17:00", fields{"step": "scan", "attempt_no": 1, "reason_code": "absent"})
	s.add("case.promise_changed", "2026-03-15 10:00", fields{"promised_at": s.instant("2026-03-17 18:00"), "reason": "operator"})
	s.add("case.paused", "2026-03-15 11:00", fields{"reason": "awaiting_customer"})
	open := s.foldCase()
	if open.State != "handling" || !open.Open || !open.Paused {
		t.Errorf("state %q, open %v, paused %v, want handling, open and paused", open.State, open.Open, open.Paused)
	}
	s.add("case.resumed", "2026-03-15 12:00", fields{"reason": "awaiting_customer"})
	s.add("case.delivered", "2026-03-16 10:00", nil)
	s.add("case.ended", "2026-03-17 10:00", fields{"outcome": "damaged"})
	s.add("case.archived", "2026-03-18 10:00", fields{"documents": []string{"operation_log"}})
	// A total of a day and other families are no part of a case.
	s.add("volume.reported", "2026-03-19 10:00", fields{"date": "2026-03-18", "region": "330100", "product": "parcel", "items": 7})

	got := s.foldCase()
	got.Anchors = nil
	want := Case{
		Unit: Unit{
			Subject: "C-1", Source: "/cn/post/core", Counted: 13,
			Dims: Dims{
				Region: "330100", Outlet: Unknown, Product: "parcel", Channel: "outlet", Direction: "domestic",
				CustomerType: "person", CustomerTier: "vip", SpecialNeed: "elderly", AreaType: "rural",
			},
			State: "archived", Outcome: OutcomeDelivered,
			Steps:        []string{"accepted", "approved", "archived", "delivered", "ended", "paused", "progressed", "promise_changed", "resumed", "reviewed", "submitted"},
			FirstEventAt: at(t, "2026-03-13 15:00"), LastEventAt: at(t, "2026-03-18 10:00"),
		},
		SubmittedAt: at(t, "2026-03-13 15:00"), AcceptedAt: at(t, "2026-03-13 16:00"), ReviewedAt: at(t, "2026-03-13 16:10"),
		ApprovedAt: at(t, "2026-03-13 16:20"), HandledAt: at(t, "2026-03-14 09:00"), FirstAttemptAt: at(t, "2026-03-14 17:00"),
		DeliveredAt: at(t, "2026-03-16 10:00"), EndedAt: at(t, "2026-03-16 10:00"),
		EndOutcome: "damaged", EndReportedAt: at(t, "2026-03-17 10:00"), ArchivedAt: at(t, "2026-03-18 10:00"),
		PromisedAt: at(t, "2026-03-16 18:00"), LastPromisedAt: at(t, "2026-03-17 18:00"),
		DeliveredAttemptNo: 2, SettledOutcome: "delivered", SettledAt: at(t, "2026-03-16 10:00"),
		Path: []string{"accepted", "progressed", "delivered"}, Conforms: true, ArchivedDocuments: []string{"operation_log"},
		Legs: []Leg{
			{Step: "reviewed", Began: at(t, "2026-03-13 16:00"), Ended: at(t, "2026-03-13 16:10")},
			{Step: "approved", Began: at(t, "2026-03-13 16:10"), Ended: at(t, "2026-03-13 16:20")},
			{Step: "scan", Began: at(t, "2026-03-13 16:20"), Ended: at(t, "2026-03-14 09:00")},
			{Step: "scan", Reason: "absent", Began: at(t, "2026-03-14 09:00"), Ended: at(t, "2026-03-14 17:00")},
			{Step: "delivered", Began: at(t, "2026-03-14 17:00"), Ended: at(t, "2026-03-16 10:00")},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if empty := newStory(t, "V-1").add("volume.reported", "2026-03-19 10:00", fields{"date": "2026-03-18", "region": "330100", "product": "parcel", "items": 7}).foldCase(); empty.Counted != 0 || empty.Anchors != nil {
		t.Errorf("a total became a case: %+v", empty)
	}
}

// The steps of a case stand in the windows of their own days, in Beijing.
func TestFoldCase_Anchors(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.submitted", "2026-03-13 00:00", fields{"channel": "online", "product": "letter", "region": "110000"})
	s.add("case.accepted", "2026-03-13 23:59:59", accepted(t, "2026-03-16 18:00"))
	s.add("case.delivered", "2026-03-15 00:00", nil)
	var got []string
	for _, a := range s.foldCase().Anchors {
		got = append(got, a.Name+" "+a.Day.String())
	}
	want := []string{"submitted 2026-03-13", "accepted 2026-03-13", "ended 2026-03-15", "promise 2026-03-16", "promise_day 2026-03-16", "acceptance 2026-03-16", "archiving 2026-03-16"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("anchors (-want +got):\n%s", diff)
	}
}
