package fold

import (
	"slices"
	"strings"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

// OutcomeWithdrawn is the outcome of a ticket that the customer took back.
const OutcomeWithdrawn = "withdrawn"

// Ticket is the state of a ticket. Instants are zero where the step was not reported; words are [Unknown] likewise.
type Ticket struct {
	Unit
	Kind string
	// Category and CategorySource are the last reported, the latter in the source's own word.
	Category, CategorySource string
	// Severity is 1 to 3, 0 if unknown.
	Severity int64
	// Validity is the finding of the last investigation.
	Validity string
	// ActingUnit is the organisational unit that has to act.
	ActingUnit string
	Line       string
	CaseID     string
	// DuplicateOf is the ticket that this one was merged into, "" if none.
	DuplicateOf string
	// ReceivedAt counts: the earliest in a group of merged tickets. OwnReceivedAt is the ticket's own.
	ReceivedAt, OwnReceivedAt time.Time
	AcceptedAt                time.Time
	// RespondedAt and RepliedAt are the first response and the first reply with the result, also if the ticket was
	// reopened after it.
	RespondedAt, RepliedAt     time.Time
	InvestigatedAt, ResolvedAt time.Time
	WithdrawnAt, ReopenedAt    time.Time
	ArchivedAt                 time.Time
	// ClosedAt is the first reply (complaint), the first response (other kinds) or the withdrawal.
	ClosedAt time.Time
	// DueAt is the deadline that the ticket carries, zero if none.
	DueAt time.Time
	// EscalationLevel is the highest reported, 2 to 4; 0 if none.
	EscalationLevel int64
	// Paused says that a pause of whatever reason is open.
	Paused bool
	// FirstResponseAt is the first response or reply, unless a withdrawal in force came before it; GivenUpAt is that
	// withdrawal then.
	FirstResponseAt, GivenUpAt time.Time
	// ReopenedAfterAt is the first reopening after ClosedAt.
	ReopenedAfterAt time.Time
	// FirstOwner is who took the ticket in, "" if not reported. OwnerKept says that the same closed it, or that it was
	// handed over to one who accepted it. Source: the manual's 3.5, first-contact responsibility.
	FirstOwner string
	OwnerKept  bool
}

// ticketPass walks over the events of a ticket.
type ticketPass struct {
	Ticket
	received, accepted, responded, investigated, resolved, replied, closed, archived moment

	// withdrawn is the withdrawal in force, until a reopening.
	withdrawn moment
	reopened  []moment
	owners    []owner
	pauses    []pause
}

// owner is who had a ticket from a moment on.
type owner struct {
	moment
	ref        string
	handedOver bool
}

// TicketLinks returns the subjects that a ticket refers to, and when it was received itself.
func TicketLinks(h History) Links {
	var l Links
	for _, e := range h.Events {
		if d, ok := e.Payload.(*event.TicketReceived); ok {
			report(&l.CaseID, d.CaseID)
			if d.DuplicateOf != e.Subject {
				report(&l.DuplicateOf, d.DuplicateOf)
			}
			if l.ReceivedAt.IsZero() {
				l.ReceivedAt = e.Time
			}
		}
	}
	return l
}

// FoldTicket returns the state of a ticket from the events that count. Events of other families, and ready totals, are
// passed over.
//
// Source: indicator catalogue B4.
func FoldTicket(h History, link Linked, p *policy.Policy, cal *calendar.Calendar) Ticket {
	var t ticketPass
	entries := t.begin(&h, func(eventType string) bool {
		return strings.HasPrefix(eventType, "cn.post.ticket.") && eventType != "cn.post.ticket.tallied"
	})
	if len(entries) == 0 {
		return t.Ticket
	}
	for i := range entries {
		t.add(&entries[i], i)
	}
	t.settle(link)
	t.anchors(p, cal)
	if t.DuplicateOf != "" && !link.StandsForCircle && t.Excluded == "" {
		t.Excluded = ExcludedDuplicate
	}
	t.finish()
	return t.Ticket
}

func (t *ticketPass) add(e *Entry, pos int) {
	at := moment{e.Time, pos}
	if _, again := e.Payload.(*event.TicketArchived); t.archived.set() && !again {
		t.flag(FlagAfterArchive)
	}
	switch d := e.Payload.(type) {
	case *event.TicketReceived:
		t.received.first(at)
		t.describe(d, e.Subject)
		t.due(d.DueAt, at)
		t.enter("received")
	case *event.TicketAccepted:
		t.accepted.first(at)
		t.own(at, d.OwnerRef, false)
		report(&t.Category, d.Category)
		report(&t.CategorySource, d.CategorySource)
		if d.Severity != nil {
			t.Severity = *d.Severity
		}
		t.due(d.DueAt, at)
		t.goesOn()
		t.enter("accepted")
	case *event.TicketResponded:
		t.responded.first(at)
		t.own(at, d.OwnerRef, false)
		t.goesOn()
		t.enter("responded")
	case *event.TicketHandedOver:
		if d.Accepted {
			t.own(at, d.ToOwnerRef, true)
		}
	case *event.TicketInvestigated:
		t.investigated.first(at)
		report(&t.Validity, d.Finding)
		t.goesOn()
		t.enter("investigated")
	case *event.TicketResolved:
		t.resolved.first(at)
		t.goesOn()
		t.enter("resolved")
	case *event.TicketReplied:
		t.replied.first(at)
		t.goesOn()
		t.enter("replied")
	case *event.TicketEscalated:
		t.EscalationLevel = max(t.EscalationLevel, d.Level)
		t.goesOn()
	case *event.TicketWithdrawn:
		if t.withdrawn.set() {
			t.flag(FlagAfterEnd)
			return
		}
		t.withdrawn = at
		if t.WithdrawnAt.IsZero() {
			t.WithdrawnAt = at.at
		}
		t.State = OutcomeWithdrawn
		shut(t.pauses, at.at)
	case *event.TicketReopened:
		if t.ReopenedAt.IsZero() {
			t.ReopenedAt = at.at
		}
		t.reopened = append(t.reopened, at)
		// A reopening lifts a withdrawal, as it lifts the end of a case: otherwise withdrawing and reopening would hide
		// lateness.
		t.withdrawn = moment{}
		t.State = "reopened"
	case *event.TicketPaused:
		t.goesOn()
		if !t.withdrawn.set() {
			t.pauses = begin(t.pauses, d.Reason, at.at)
		}
	case *event.TicketResumed:
		if !resume(t.pauses, d.Reason, at.at) {
			t.flag(FlagResumedWithoutPause)
		}
	case *event.TicketArchived:
		t.archived.first(at)
		t.State = "archived"
	}
}

// describe takes the attributes of a receipt; the last reported win.
func (t *ticketPass) describe(d *event.TicketReceived, subject string) {
	report(&t.Kind, d.Kind)
	report(&t.Category, d.Category)
	report(&t.CategorySource, d.CategorySource)
	if d.Severity != nil {
		t.Severity = *d.Severity
	}
	report(&t.ActingUnit, d.Unit)
	report(&t.Line, d.Line)
	report(&t.CaseID, d.CaseID)
	if t.FirstOwner == "" {
		t.FirstOwner = d.FirstOwnerRef
	}
	report(&t.Dims.Region, d.Region)
	report(&t.Dims.Outlet, d.Outlet)
	report(&t.Dims.Channel, d.Channel)
	if d.DuplicateOf == subject {
		t.flag(FlagDuplicateOfSelf)
		return
	}
	report(&t.DuplicateOf, d.DuplicateOf)
}

// due sets the deadline that the ticket carries, or moves it if it has not passed: what comes later cures nothing.
func (t *ticketPass) due(dueAt *time.Time, at moment) {
	switch {
	case dueAt == nil:
	case !t.DueAt.IsZero() && at.at.After(t.DueAt):
		if !dueAt.Equal(t.DueAt) {
			t.flag(FlagPromiseLateChange)
		}
	default:
		t.DueAt = *dueAt
	}
}

// goesOn flags what a withdrawn ticket does not do.
func (t *ticketPass) goesOn() {
	if t.withdrawn.set() {
		t.flag(FlagAfterEnd)
	}
}

// enter moves the state word. A ticket replied after its withdrawal stays withdrawn: B4 rule 5.
func (t *ticketPass) enter(state string) {
	if !t.withdrawn.set() {
		t.State = state
	}
}

// settle puts the instants and what follows from them into the state.
func (t *ticketPass) settle(link Linked) {
	t.OwnReceivedAt = t.received.at
	// The earliest receipt of a group of merged tickets counts, and starts the clocks. Source: indicator catalogue B4
	// rule 6.
	if g := link.GroupReceivedAt; t.received.set() && !g.IsZero() && g.Before(t.received.at) {
		t.received = moment{g, -1}
	}
	t.ReceivedAt, t.AcceptedAt, t.RespondedAt, t.RepliedAt = t.received.at, t.accepted.at, t.responded.at, t.replied.at
	t.InvestigatedAt, t.ResolvedAt, t.ArchivedAt = t.investigated.at, t.resolved.at, t.archived.at
	t.close()
	t.Open = !t.closed.set()
	t.respond()
	t.keepOwner()
	if i := slices.IndexFunc(t.reopened, t.closed.before); i >= 0 {
		t.ReopenedAfterAt = t.reopened[i].at
	}
	for _, p := range t.pauses {
		t.Paused = t.Paused || p.open()
	}
	if !t.received.set() {
		t.flag(FlagIncomplete)
	}
	if illogical(t.received, t.accepted, t.investigated, t.resolved, t.replied) || illogical(t.received, t.responded) {
		t.flag(FlagIllogicalOrder)
	}
	for _, word := range []*string{&t.Kind, &t.Category, &t.Validity, &t.ActingUnit, &t.Line} {
		if *word == "" {
			*word = Unknown
		}
	}
	// A ticket's channel is not a case's. Source: indicator catalogue section 0, ratio of two counts.
	t.Dims.complete(Linked{Case: link.Case}, "channel")
}

// own notes who has the ticket.
func (t *ticketPass) own(at moment, ref string, handedOver bool) {
	if ref != "" {
		t.owners = append(t.owners, owner{at, ref, handedOver})
	}
}

// keepOwner finds whether the ticket was closed by who took it in, or handed over.
func (t *ticketPass) keepOwner() {
	closing := t.FirstOwner
	for _, o := range t.owners {
		if t.closed.before(o.moment) {
			break
		}
		closing = o.ref
		t.OwnerKept = t.OwnerKept || o.handedOver
	}
	t.OwnerKept = t.OwnerKept || closing == t.FirstOwner
}

// respond finds the first answer of whatever kind, or what ended the wait for it.
func (t *ticketPass) respond() {
	first := t.replied
	if t.responded.before(first) {
		first = t.responded
	}
	switch {
	case t.withdrawn.before(first):
		t.GivenUpAt = t.withdrawn.at
	default:
		t.FirstResponseAt = first.at
	}
}

// close finds the first end: the result fed back for a complaint, the first response for other kinds, or the
// withdrawal. Source: indicator catalogue B4.
func (t *ticketPass) close() {
	answer := t.replied
	switch {
	case t.Kind == "":
		if t.responded.before(answer) {
			answer = t.responded
		}
	case t.Kind != "complaint":
		answer = t.responded
	}
	switch {
	case t.withdrawn.before(answer):
		t.closed, t.Outcome = t.withdrawn, OutcomeWithdrawn
	case !answer.set():
	case answer == t.replied:
		t.closed, t.Outcome = answer, "replied"
	default:
		t.closed, t.Outcome = answer, "responded"
	}
	t.ClosedAt = t.closed.at
}

func (t *ticketPass) anchors(p *policy.Policy, cal *calendar.Calendar) {
	t.step("received", t.received)
	t.step("closed", t.closed)

	line := timeline{
		policy: p, calendar: cal,
		step: func(word string) moment {
			switch word {
			case "received":
				return t.received
			case "accepted":
				return t.accepted
			case "responded":
				return t.responded
			case "first_response":
				if t.responded.before(t.replied) {
					return t.responded
				}
				return t.replied
			case "investigated":
				return t.investigated
			case "resolved":
				return t.resolved
			case "replied":
				return t.replied
			case "closed":
				return t.closed
			case "archived":
				return t.archived
			}
			return moment{}
		},
		unsure: func(string) bool { return false },
		dim: func(name string) string {
			switch name {
			case "kind":
				return t.Kind
			case "category":
				return t.Category
			case "unit":
				return t.ActingUnit
			}
			return t.Dims.get(name)
		},
		dueAt: t.DueAt, pauses: t.pauses,
		flag: t.flag,
	}
	if t.withdrawn.set() {
		line.end, line.endWord = t.withdrawn, OutcomeWithdrawn
	}
	for _, clock := range p.Over(policy.Tickets) {
		if a, ok := line.anchor(clock); ok {
			t.Anchors = append(t.Anchors, a)
		}
	}
}
