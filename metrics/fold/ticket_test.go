package fold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The clocks of a ticket, one row for each rule. A complaint is received on Friday 2026-03-13 16:00: accepted by Saturday
// 16:00, WD7 from constructive acceptance (Saturday) ends on 03-24, WD15 on 04-03.
func TestFoldTicket_Clocks(t *testing.T) {
	receive := func(kind string, more fields) happening {
		return happening{"received", "2026-03-13 16:00", with(received(kind), more)}
	}
	accept := func(when string, more fields) happening {
		return happening{"accepted", when, with(fields{"owner_ref": "s-1"}, more)}
	}
	finding := func(when, f string) happening { return happening{"investigated", when, fields{"finding": f}} }
	due := func(when string) fields { return fields{"due_at": instant(t, when)} }
	reopen := func(when string) happening { return happening{"reopened", when, fields{"reason": "not solved"}} }

	for _, c := range []struct {
		rule  string
		tell  []happening
		want  map[string]string // clock -> verdict; clocks left out must not exist
		flags []string
		// outcome and closed, "" if open.
		outcome, closed string
	}{
		{rule: "complaint, open", tell: []happening{receive("complaint", nil)},
			want: map[string]string{"complaint_accept": "failed", "complaint_investigation": "failed", "complaint_feedback": "failed"}},
		{rule: "complaint, four steps in time", tell: []happening{receive("complaint", nil), accept("2026-03-14 16:00", nil), finding("2026-03-24 23:59:59", "valid"), {"resolved", "2026-03-25 10:00", fields{"remedy": "apology"}}, {"replied", "2026-04-03 23:59:59", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "in time", "complaint_feedback": "in time"},
			outcome: "replied", closed: "2026-04-03 23:59:59"},
		{rule: "complaint, each step a moment late", tell: []happening{receive("complaint", nil), accept("2026-03-14 16:00:01", nil), finding("2026-03-25 00:00", "valid"), {"replied", "2026-04-04 00:00", nil}},
			want:    map[string]string{"complaint_accept": "late", "complaint_investigation": "late", "complaint_feedback": "late"},
			outcome: "replied", closed: "2026-04-04 00:00"},
		{rule: "replied, never accepted or investigated", tell: []happening{receive("complaint", nil), {"replied", "2026-03-20 10:00", nil}},
			want:    map[string]string{"complaint_accept": "failed", "complaint_investigation": "failed", "complaint_feedback": "in time"},
			outcome: "replied", closed: "2026-03-20 10:00"},
		{rule: "a response does not close a complaint", tell: []happening{receive("complaint", nil), {"responded", "2026-03-13 17:00", nil}},
			want: map[string]string{"complaint_accept": "failed", "complaint_investigation": "failed", "complaint_feedback": "failed"}},
		{rule: "the first of each step counts", tell: []happening{receive("complaint", nil), accept("2026-03-13 17:00", nil), accept("2026-03-20 17:00", nil), finding("2026-03-16 10:00", "invalid"), finding("2026-03-30 10:00", "valid"), {"replied", "2026-03-20 10:00", nil}, {"replied", "2026-05-20 10:00", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "in time", "complaint_feedback": "in time"},
			outcome: "replied", closed: "2026-03-20 10:00"},
		{rule: "B4.5 reopened keeps the first reply", tell: []happening{receive("complaint", nil), accept("2026-03-13 17:00", nil), finding("2026-03-16 10:00", "valid"), {"replied", "2026-03-20 10:00", nil}, reopen("2026-03-21 10:00"), {"replied", "2026-05-20 10:00", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "in time", "complaint_feedback": "in time"},
			outcome: "replied", closed: "2026-03-20 10:00"},

		{rule: "B4.5 withdrawn before the deadlines", tell: []happening{receive("complaint", nil), {"withdrawn", "2026-03-14 16:00", nil}},
			want:    map[string]string{"complaint_accept": "excluded: withdrawn", "complaint_investigation": "excluded: withdrawn", "complaint_feedback": "excluded: withdrawn"},
			outcome: "withdrawn", closed: "2026-03-14 16:00"},
		{rule: "B4.5 withdrawn after the first deadline", tell: []happening{receive("complaint", nil), {"withdrawn", "2026-03-14 16:00:01", nil}},
			want:    map[string]string{"complaint_accept": "failed", "complaint_investigation": "excluded: withdrawn", "complaint_feedback": "excluded: withdrawn"},
			outcome: "withdrawn", closed: "2026-03-14 16:00:01"},
		{rule: "withdrawn after a step that was done", tell: []happening{receive("complaint", nil), accept("2026-03-13 17:00", nil), {"withdrawn", "2026-03-16 16:00", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "excluded: withdrawn", "complaint_feedback": "excluded: withdrawn"},
			outcome: "withdrawn", closed: "2026-03-16 16:00"},
		{rule: "B4.5 replied after withdrawal stays withdrawn", tell: []happening{receive("complaint", nil), accept("2026-03-13 17:00", nil), {"withdrawn", "2026-03-16 16:00", nil}, {"replied", "2026-03-17 16:00", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "excluded: withdrawn", "complaint_feedback": "excluded: withdrawn"},
			outcome: "withdrawn", closed: "2026-03-16 16:00", flags: []string{FlagAfterEnd}},
		{rule: "withdrawn after the reply changes nothing", tell: []happening{receive("complaint", nil), accept("2026-03-13 17:00", nil), finding("2026-03-16 10:00", "valid"), {"replied", "2026-03-17 16:00", nil}, {"withdrawn", "2026-03-18 16:00", nil}},
			want:    map[string]string{"complaint_accept": "in time", "complaint_investigation": "in time", "complaint_feedback": "in time"},
			outcome: "replied", closed: "2026-03-17 16:00"},
		{rule: "withdraw and reopen does not hide lateness", tell: []happening{receive("complaint", nil), {"withdrawn", "2026-03-14 10:00", nil}, reopen("2026-04-20 10:00"), {"replied", "2026-04-21 10:00", nil}},
			want:    map[string]string{"complaint_accept": "failed", "complaint_investigation": "failed", "complaint_feedback": "late"},
			outcome: "replied", closed: "2026-04-21 10:00"},
		{rule: "withdrawn twice", tell: []happening{receive("complaint", nil), {"withdrawn", "2026-03-14 10:00", nil}, {"withdrawn", "2026-04-14 10:00", nil}},
			want:    map[string]string{"complaint_accept": "excluded: withdrawn", "complaint_investigation": "excluded: withdrawn", "complaint_feedback": "excluded: withdrawn"},
			outcome: "withdrawn", closed: "2026-03-14 10:00", flags: []string{FlagAfterEnd}},

		{rule: "enquiry", tell: []happening{receive("enquiry", nil), {"responded", "2026-03-14 16:00", nil}},
			want: map[string]string{"enquiry_answer": "in time"}, outcome: "responded", closed: "2026-03-14 16:00"},
		{rule: "a reply alone does not answer an enquiry", tell: []happening{receive("enquiry", nil), {"replied", "2026-03-14 15:00", nil}},
			want: map[string]string{"enquiry_answer": "failed"}},
		{rule: "feedback", tell: []happening{receive("feedback", nil), {"responded", "2026-03-18 23:59:59", nil}},
			want: map[string]string{"feedback_response": "in time"}, outcome: "responded", closed: "2026-03-18 23:59:59"},
		{rule: "suggestion", tell: []happening{receive("suggestion", nil), {"responded", "2026-03-19 00:00", nil}},
			want: map[string]string{"feedback_response": "late"}, outcome: "responded", closed: "2026-03-19 00:00"},
		{rule: "review", tell: []happening{receive("review", nil)}, want: map[string]string{"feedback_response": "failed"}},
		{rule: "praise has no clock", tell: []happening{receive("praise", nil), {"responded", "2026-03-18 10:00", nil}}, want: map[string]string{}, outcome: "responded", closed: "2026-03-18 10:00"},
		{rule: "never received: no kind, no clock", tell: []happening{accept("2026-03-14 16:00", nil), {"responded", "2026-03-15 10:00", nil}, {"replied", "2026-03-16 10:00", nil}},
			want: map[string]string{}, outcome: "responded", closed: "2026-03-15 10:00", flags: []string{FlagIncomplete}},

		{rule: "due_at", tell: []happening{receive("praise", due("2026-03-20 12:00")), {"replied", "2026-03-20 12:00", nil}},
			want: map[string]string{"ticket_due": "in time"}},
		{rule: "due_at, open", tell: []happening{receive("praise", due("2026-03-20 12:00"))}, want: map[string]string{"ticket_due": "failed"}},
		{rule: "due_at of the acceptance alone", tell: []happening{receive("praise", nil), accept("2026-03-14 10:00", due("2026-03-20 12:00")), {"replied", "2026-03-20 12:00:01", nil}},
			want: map[string]string{"ticket_due": "late"}},
		{rule: "due_at moved at the acceptance, in time", tell: []happening{receive("praise", due("2026-03-20 12:00")), accept("2026-03-20 12:00", due("2026-03-25 12:00")), {"replied", "2026-03-25 10:00", nil}},
			want: map[string]string{"ticket_due": "in time"}},
		{rule: "due_at moved after it had passed cures nothing", tell: []happening{receive("praise", due("2026-03-20 12:00")), accept("2026-03-20 12:00:01", due("2026-03-25 12:00")), {"replied", "2026-03-25 10:00", nil}},
			want: map[string]string{"ticket_due": "late"}, flags: []string{FlagPromiseLateChange}},
		{rule: "due_at told again after it had passed", tell: []happening{receive("praise", due("2026-03-20 12:00")), accept("2026-03-20 12:00:01", due("2026-03-20 12:00"))},
			want: map[string]string{"ticket_due": "failed"}},
		{rule: "due_at though never received", tell: []happening{accept("2026-03-14 10:00", due("2026-03-20 12:00")), {"replied", "2026-03-20 11:00", nil}},
			want: map[string]string{"ticket_due": "in time"}, flags: []string{FlagIncomplete}, outcome: "replied", closed: "2026-03-20 11:00"},

		{rule: "B4.3 illogical order", tell: []happening{receive("praise", nil), {"replied", "2026-03-14 10:00", nil}, finding("2026-03-15 10:00", "valid")},
			want: map[string]string{}, flags: []string{FlagIllogicalOrder}},
		{rule: "B4.8 after archiving", tell: []happening{receive("praise", nil), {"archived", "2026-03-14 10:00", nil}, {"archived", "2026-03-15 10:00", nil}, {"escalated", "2026-03-16 10:00", fields{"level": 2, "to": "regulator"}}},
			want: map[string]string{}, flags: []string{FlagAfterArchive}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := newStory(t, "T-1").tell("ticket", c.tell...).foldTicket(Linked{})
			have := map[string]string{}
			for _, a := range got.Anchors {
				if a.Name != "received" && a.Name != "closed" {
					have[a.Name] = verdict(a)
				}
			}
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Errorf("clocks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.flags, got.Flags, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
			var closed time.Time
			if c.closed != "" {
				closed = at(t, c.closed)
			}
			if got.Outcome != c.outcome || !got.ClosedAt.Equal(closed) || got.Open != closed.IsZero() {
				t.Errorf("outcome %q, closed %v, open %v, want %q %v", got.Outcome, got.ClosedAt, got.Open, c.outcome, closed)
			}
			if a, ok := anchor(got.Unit, "closed"); ok != (c.closed != "") || !a.Done.Equal(closed) {
				t.Errorf("anchor closed: %v %+v", ok, a)
			}
		})
	}
}

func TestFoldTicket_State(t *testing.T) {
	s := newStory(t, "T-9")
	s.add("ticket.received", "2026-03-13 16:00", with(received("complaint"), fields{
		"case_id": "C-1", "category": "delay", "category_source": "late parcel", "severity": 1, "unit": "HZ-delivery", "line": "postal", "due_at": s.instant("2026-03-20 12:00"),
	}))
	s.add("ticket.accepted", "2026-03-13 17:00", fields{"owner_ref": "s-1", "category": "loss", "severity": 3})
	s.add("ticket.investigated", "2026-03-14 10:00", fields{"finding": "valid"})
	s.add("ticket.investigated", "2026-03-15 10:00", fields{"finding": "invalid"})
	s.add("ticket.escalated", "2026-03-15 11:00", fields{"level": 3, "to": "head_office"})
	s.add("ticket.escalated", "2026-03-15 12:00", fields{"level": 2, "to": "supervisor"})
	s.add("ticket.paused", "2026-03-15 13:00", fields{"reason": "customs"})
	s.add("ticket.tallied", "2026-03-15 14:00", fields{"date": "2026-03-14", "region": "330100", "line": "postal", "received": 7})

	link := Linked{Case: &Dims{Region: "110000", Outlet: "BJ-001", Product: "ems", Channel: "online", Direction: "inbound", CustomerType: "person", CustomerTier: Unknown, SpecialNeed: Unknown, AreaType: "city"}}
	if diff := cmp.Diff(Links{CaseID: "C-1", ReceivedAt: at(t, "2026-03-13 16:00")}, TicketLinks(Effective(s.events, forever, nil))); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	got := s.foldTicket(link)
	got.Anchors = nil
	want := Ticket{
		Unit: Unit{
			Subject: "T-9", Source: "/cn/post/core", Counted: 7,
			Dims: Dims{
				Region: "330100", Outlet: "BJ-001", Product: "ems", Channel: "phone", Direction: "inbound",
				CustomerType: "person", CustomerTier: Unknown, SpecialNeed: Unknown, AreaType: "city",
				FromCase: []string{"area_type", "customer_type", "direction", "outlet", "product"},
			},
			State: "investigated", Open: true,
			Steps:        []string{"accepted", "escalated", "investigated", "paused", "received"},
			FirstEventAt: at(t, "2026-03-13 16:00"), LastEventAt: at(t, "2026-03-15 13:00"),
		},
		Kind: "complaint", Category: "loss", CategorySource: "late parcel", Severity: 3, Validity: "invalid",
		ActingUnit: "HZ-delivery", Line: "postal", CaseID: "C-1",
		ReceivedAt: at(t, "2026-03-13 16:00"), OwnReceivedAt: at(t, "2026-03-13 16:00"), AcceptedAt: at(t, "2026-03-13 17:00"),
		InvestigatedAt: at(t, "2026-03-14 10:00"), DueAt: at(t, "2026-03-20 12:00"), EscalationLevel: 3, Paused: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	// Another unit's channel is no channel of a complaint, even where its own is not known.
	s2 := newStory(t, "T-10").add("ticket.accepted", "2026-03-13 17:00", fields{"owner_ref": "s-1"})
	if d := s2.foldTicket(link).Dims; d.Channel != Unknown || d.Region != "110000" {
		t.Errorf("dims %+v, want an unknown channel and the region of the case", d)
	}
}

// B4 rule 6: a merged ticket leaves every count, and the earliest receipt of the group starts the clocks of its root.
func TestFoldTicket_Merge(t *testing.T) {
	s := newStory(t, "T-2").add("ticket.received", "2026-03-13 16:00", with(received("complaint"), fields{"duplicate_of": "T-1"}))
	if got := TicketLinks(Effective(s.events, forever, nil)).DuplicateOf; got != "T-1" {
		t.Errorf("duplicate of %q, want T-1", got)
	}
	got := s.foldTicket(Linked{})
	if got.Excluded != ExcludedDuplicate || len(got.Anchors) != 4 {
		t.Errorf("excluded %q, %d anchors, want duplicate and 4", got.Excluded, len(got.Anchors))
	}
	for _, a := range got.Anchors {
		if a.Excluded != ExcludedDuplicate {
			t.Errorf("%s: excluded %q, want duplicate", a.Name, a.Excluded)
		}
	}

	root := newStory(t, "T-1").add("ticket.received", "2026-03-16 10:00", received("complaint"))
	for group, want := range map[string]string{"2026-03-13 16:00": "2026-03-13 16:00", "2026-03-17 10:00": "2026-03-16 10:00"} {
		got := root.foldTicket(Linked{GroupReceivedAt: at(t, group)})
		a := mustAnchor(t, got.Unit, "complaint_accept")
		if !got.ReceivedAt.Equal(at(t, want)) || !got.OwnReceivedAt.Equal(at(t, "2026-03-16 10:00")) || !a.Due.Equal(at(t, want).Add(24*time.Hour)) {
			t.Errorf("group of %s: received %v, due %v, want %s", group, got.ReceivedAt, a.Due, want)
		}
		if day := mustAnchor(t, got.Unit, "received").Day.Start(); !day.Before(at(t, want)) || at(t, want).Sub(day) >= 24*time.Hour {
			t.Errorf("group of %s: stands on %v", group, day)
		}
	}
	if got := root.foldTicket(Linked{}); !got.ReceivedAt.Equal(at(t, "2026-03-16 10:00")) {
		t.Errorf("no group: received %v", got.ReceivedAt)
	}

	self := newStory(t, "T-3").add("ticket.received", "2026-03-13 16:00", with(received("complaint"), fields{"duplicate_of": "T-3"}))
	if got := self.foldTicket(Linked{}); got.Excluded != "" || !cmp.Equal(got.Flags, []string{FlagDuplicateOfSelf}) {
		t.Errorf("duplicate of itself: excluded %q, flags %v, want only the flag", got.Excluded, got.Flags)
	}
	// A test comes before a merge.
	test := newStory(t, "T-4").add("ticket.received", "2026-03-13 16:00", with(received("complaint"), fields{"duplicate_of": "T-1"}), withTest)
	if got := test.foldTicket(Linked{}); got.Excluded != ExcludedTest {
		t.Errorf("excluded %q, want test", got.Excluded)
	}
}
