package fold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

// OutcomeDelivered is the outcome of a case that ended by its delivery.
const OutcomeDelivered = "delivered"

// Case is the state of a case. Instants are zero where the step was not reported.
type Case struct {
	Unit
	SubmittedAt, AcceptedAt, ReviewedAt, ApprovedAt time.Time
	// HandledAt is the first step of handling or scan of a carrier.
	HandledAt time.Time
	// FirstAttemptAt is the first attempt at delivery, successful or not.
	FirstAttemptAt time.Time
	// DeliveredAt is the first delivery that was not taken back by a reopening for not_received.
	DeliveredAt time.Time
	// DeliveredTimeUnknown says that DeliveredAt is only when the delivery was recorded.
	DeliveredTimeUnknown bool
	// EndedAt is the instant of the Outcome: the first delivery or other end.
	EndedAt time.Time
	// EndOutcome and EndReportedAt are those of the first end other than a delivery, also after one: a parcel that was
	// delivered in time and then came back damaged is both.
	EndOutcome    string
	EndReportedAt time.Time
	ReopenedAt    time.Time
	ArchivedAt    time.Time
	// PromisedAt is the instant, PromiseDays the working days that the acceptance promised; at most one of them.
	PromisedAt  time.Time
	PromiseDays int64
	// LastPromisedAt is the latest promise that was told, for whatever reason it changed. Anchors hold what is measured.
	LastPromisedAt time.Time
	// Paused says that a pause of whatever reason is open.
	Paused bool
	// DeliveredAttemptNo is the number of the attempt that delivered, 0 if it cannot be told.
	DeliveredAttemptNo int64
	// SettledOutcome is how the case stands: delivered, or the end in force that came before a delivery; "" while it is
	// open. SettledAt is the instant.
	SettledOutcome string
	SettledAt      time.Time
	// Path are the steps that the policy asks of the product; Conforms says that each was reported once, in order.
	Path     []string
	Conforms bool
	// ArchivedDocuments are those of the last archiving.
	ArchivedDocuments []string
	// Legs are the way of the case from its acceptance on.
	Legs []Leg
}

// Leg is what lies between two events of a case, named by the one that ends it.
type Leg struct {
	// Step is the operator's own name of a handling step or scan, else its UPU EMSEVT code or its kind; the short name of
	// the event type for others; the outcome of an end.
	Step string
	// Place is where the step happened, and Reason what delayed it; "" if not reported.
	Place, Reason string
	Began, Ended  time.Time
}

// casePass walks over the events of a case.
type casePass struct {
	Case
	submitted, accepted, reviewed, approved, handled, attempted, delivered, ended, archived moment

	timeUnknown bool
	// voidBefore is the place of the last reopening for not_received: deliveries before it did not happen.
	voidBefore int
	// end is the end in force, by its word, until a reopening.
	end     moment
	endWord string
	// atRest says that the case ended and was not reopened since.
	atRest bool

	promises []promise
	pauses   []pause
	// attempts is the highest number of an attempt before the delivery.
	attempts int64
	// taken are the steps of a path in the order in which they happened.
	taken []string
	// legFrom is when the leg under way began, zero before the acceptance.
	legFrom time.Time
}

// FoldCase returns the state of a case from the events that count. Events of other families are passed over.
//
// Source: indicator catalogue B4.
func FoldCase(h History, p *policy.Policy, cal *calendar.Calendar) Case {
	var c casePass
	entries := c.begin(&h, func(t string) bool { return strings.HasPrefix(t, "cn.post.case.") })
	if len(entries) == 0 {
		return c.Case
	}
	c.voidBefore = -1
	for i := range entries {
		if r, ok := entries[i].Payload.(*event.CaseReopened); ok && r.Reason == "not_received" {
			c.voidBefore = i
		}
	}
	for i := range entries {
		c.add(&entries[i], i)
	}
	c.settle()
	c.Path = p.PathOf(c.Dims.Product)
	c.Conforms = conforms(c.taken, c.Path)
	c.anchors(p, cal)
	c.finish()
	return c.Case
}

func (c *casePass) add(e *Entry, pos int) {
	at := moment{e.Time, pos}
	if _, again := e.Payload.(*event.CaseArchived); c.archived.set() && !again {
		c.flag(FlagAfterArchive)
	}
	switch d := e.Payload.(type) {
	case *event.CaseSubmitted:
		c.submitted.first(at)
		c.reportDims(d.Region, d.Outlet, d.Product, d.Channel, d.CustomerType, d.CustomerTier, d.SpecialNeed)
		c.enter("submitted")
	case *event.CaseAccepted:
		c.accepted.first(at)
		c.reportDims(d.Region, d.Outlet, d.Product, d.Channel, d.CustomerType, d.CustomerTier, d.SpecialNeed)
		report(&c.Dims.Direction, d.Direction)
		report(&c.Dims.AreaType, d.AreaType)
		c.promise(d, at)
		c.enter("accepted")
		c.take("accepted")
		if c.legFrom.IsZero() {
			c.legFrom = at.at
		}
	case *event.CaseReviewed:
		c.reviewed.first(at)
		c.goesOn()
		c.enter("reviewed")
		c.take("reviewed")
		c.leg(Leg{Step: "reviewed"}, at)
	case *event.CaseApproved:
		c.approved.first(at)
		c.goesOn()
		c.enter("approved")
		c.take("approved")
		c.leg(Leg{Step: "approved"}, at)
	case *event.CaseProgressed:
		if d.AttemptNo != nil {
			c.attempted.first(at)
			c.attempts = max(c.attempts, *d.AttemptNo)
		}
		// A notice to the customer is no handling, and may follow the end.
		if d.Step != "notice" {
			c.handled.first(at)
			c.goesOn()
			c.enter("handling")
			c.take("progressed")
			c.leg(Leg{Step: cmp.Or(d.Activity, d.EMSEVT, d.Step), Place: d.Location, Reason: d.ReasonCode}, at)
		}
	case *event.CaseDelivered:
		c.deliver(d, at)
	case *event.CaseEnded:
		c.leg(Leg{Step: d.Outcome}, at)
		c.endWith(d.Outcome, at)
	case *event.CaseReopened:
		if c.ReopenedAt.IsZero() {
			c.ReopenedAt = at.at
		}
		c.end, c.endWord, c.atRest = moment{}, "", false
		c.State = "handling"
	case *event.CasePromiseChanged:
		c.promises = append(c.promises, promise{moment: at, instant: d.PromisedAt, reason: d.Reason, idle: c.over()})
		c.LastPromisedAt = d.PromisedAt
		c.goesOn()
	case *event.CasePaused:
		c.goesOn()
		if !c.atRest {
			c.pauses = begin(c.pauses, d.Reason, at.at)
		}
	case *event.CaseResumed:
		if !resume(c.pauses, d.Reason, at.at) {
			c.flag(FlagResumedWithoutPause)
		}
	case *event.CaseArchived:
		c.archived.first(at)
		c.ArchivedDocuments = d.Documents
		c.State = "archived"
	}
}

func (c *casePass) reportDims(region, outlet, product, channel, customerType, customerTier, specialNeed string) {
	report(&c.Dims.Region, region)
	report(&c.Dims.Outlet, outlet)
	report(&c.Dims.Product, product)
	report(&c.Dims.Channel, channel)
	report(&c.Dims.CustomerType, customerType)
	report(&c.Dims.CustomerTier, customerTier)
	report(&c.Dims.SpecialNeed, specialNeed)
}

// over says whether what the case promises has been decided: by a delivery that counts, or an end in force. A reopening
// after the delivery does not undo that.
func (c *casePass) over() bool { return c.end.set() || c.delivered.set() }

// goesOn flags what an ended case does not do.
func (c *casePass) goesOn() {
	if c.atRest {
		c.flag(FlagAfterEnd)
	}
}

// enter moves the state word, unless the case has ended.
func (c *casePass) enter(state string) {
	if !c.atRest {
		c.State = state
	}
}

// promise keeps what the acceptance promised; a later acceptance that promises something else moves nothing.
func (c *casePass) promise(d *event.CaseAccepted, at moment) {
	p := promise{moment: at}
	switch {
	case d.PromisedAt != nil:
		p.instant = *d.PromisedAt
	case d.PromiseDays != nil:
		p.days = int(*d.PromiseDays)
	default:
		return
	}
	if !c.PromisedAt.IsZero() || c.PromiseDays != 0 {
		if !p.instant.Equal(c.PromisedAt) || int64(p.days) != c.PromiseDays {
			c.flag(FlagPromiseRepeated)
		}
		return
	}
	c.PromisedAt, c.PromiseDays = p.instant, int64(p.days)
	if c.LastPromisedAt.IsZero() {
		c.LastPromisedAt = p.instant
	}
	c.promises = append(c.promises, p)
}

// deliver takes a delivery. The first counts, unless a later reopening says that it was not received.
// Source: indicator catalogue B3 (reopened), B4 rule 7.
func (c *casePass) deliver(d *event.CaseDelivered, at moment) {
	c.attempted.first(at)
	if at.pos < c.voidBefore {
		return
	}
	c.take(OutcomeDelivered)
	c.leg(Leg{Step: OutcomeDelivered}, at)
	c.goesOn()
	c.enter(OutcomeDelivered)
	c.rest(at)
	if c.delivered.set() {
		return
	}
	c.delivered = at
	switch {
	case d.AttemptNo != nil:
		c.DeliveredAttemptNo = *d.AttemptNo
	case c.attempts > 0:
		c.DeliveredAttemptNo = c.attempts + 1
	}
	c.timeUnknown = d.TimeUnknown != nil && *d.TimeUnknown
	c.endFirst(OutcomeDelivered, at)
}

// rest marks the case as ended, which closes its pauses.
func (c *casePass) rest(at moment) {
	c.atRest = true
	shut(c.pauses, at.at)
}

// endWith takes an end other than a delivery.
func (c *casePass) endWith(outcome string, at moment) {
	if c.EndReportedAt.IsZero() {
		c.EndOutcome, c.EndReportedAt = outcome, at.at
	}
	// What was delivered may still come back, be lost or be found damaged; it can no longer be called off.
	comesBack := outcome == "returned" || outcome == "lost" || outcome == "damaged"
	if c.end.set() || c.atRest && !comesBack {
		c.flag(FlagAfterEnd)
		return
	}
	c.end, c.endWord = at, outcome
	c.endFirst(outcome, at)
	c.State = outcome
	c.rest(at)
}

// endFirst keeps the first end as the outcome. Source: indicator catalogue B3 (reopened).
func (c *casePass) endFirst(outcome string, at moment) {
	if !c.ended.set() {
		c.ended, c.Outcome = at, outcome
	}
}

// take notes a step of the path. What is scanned several times in a row is handled once, and a review may send the case
// back to its acceptance. Source: indicator catalogue A1, process_conformance_rate.
func (c *casePass) take(step string) {
	n := len(c.taken)
	switch {
	case step == "progressed" && n > 0 && c.taken[n-1] == step:
	case step == "accepted" && n > 1 && c.taken[n-1] == "reviewed" && c.taken[n-2] == step:
		c.taken = c.taken[:n-1]
	default:
		c.taken = append(c.taken, step)
	}
}

// conforms says whether the steps taken are those of a path; steps that it does not ask for are no fault.
func conforms(taken, path []string) bool {
	return slices.Equal(slices.DeleteFunc(slices.Clone(taken), func(s string) bool { return !slices.Contains(path, s) }), path)
}

// leg ends the leg under way and begins the next. The way is over when the case has ended, and goes on when it is
// reopened. Where nobody reported the acceptance it begins with what is known first.
func (c *casePass) leg(l Leg, at moment) {
	if c.atRest {
		return
	}
	if !c.legFrom.IsZero() {
		l.Began, l.Ended = c.legFrom, at.at
		c.Legs = append(c.Legs, l)
	}
	c.legFrom = at.at
}

// settle puts the instants and what follows from them into the state.
func (c *casePass) settle() {
	c.SubmittedAt, c.AcceptedAt, c.ReviewedAt, c.ApprovedAt = c.submitted.at, c.accepted.at, c.reviewed.at, c.approved.at
	c.HandledAt, c.FirstAttemptAt, c.DeliveredAt = c.handled.at, c.attempted.at, c.delivered.at
	c.EndedAt, c.ArchivedAt = c.ended.at, c.archived.at
	c.DeliveredTimeUnknown = c.timeUnknown
	switch {
	case c.delivered.before(c.end):
		c.SettledOutcome, c.SettledAt = OutcomeDelivered, c.delivered.at
	case c.end.set():
		c.SettledOutcome, c.SettledAt = c.endWord, c.end.at
	}
	c.Open = !c.over()
	for _, p := range c.pauses {
		c.Paused = c.Paused || p.open()
	}
	failed := c.EndOutcome == "returned" || c.EndOutcome == "lost" || c.EndOutcome == "damaged"
	if !c.accepted.set() && (c.reviewed.set() || c.approved.set() || c.handled.set() || c.delivered.set() || failed) {
		c.flag(FlagIncomplete)
	}
	if illogical(c.submitted, c.accepted, c.reviewed, c.approved, c.handled, c.delivered) {
		c.flag(FlagIllogicalOrder)
	}
	c.Dims.complete(Linked{})
}

// illogical says whether a later step has the earlier instant. Source: indicator catalogue B4 rule 3.
func illogical(steps ...moment) bool {
	var latest time.Time
	for _, s := range steps {
		if !s.set() {
			continue
		}
		if s.at.Before(latest) {
			return true
		}
		latest = s.at
	}
	return false
}

func (c *casePass) anchors(p *policy.Policy, cal *calendar.Calendar) {
	c.step("submitted", c.submitted)
	c.step("accepted", c.accepted)
	c.step("ended", c.ended)

	t := timeline{
		policy: p, calendar: cal,
		step: func(word string) moment {
			switch word {
			case "submitted":
				return c.submitted
			case "accepted":
				return c.accepted
			case "reviewed":
				return c.reviewed
			case "approved":
				return c.approved
			case "first_attempt":
				return c.attempted
			case "delivered":
				return c.delivered
			case "ended":
				return c.ended
			case "archived":
				return c.archived
			}
			return moment{}
		},
		unsure: func(word string) bool {
			return c.timeUnknown && (word == "delivered" || word == "ended" && c.Outcome == OutcomeDelivered || word == "first_attempt" && c.attempted == c.delivered)
		},
		dim: c.Dims.get,
		end: c.end, endWord: c.endWord,
		promises: c.promises, pauses: c.pauses,
		flag: c.flag,
	}
	if !c.accepted.set() {
		t.deliveredUnasked = c.delivered
	}
	for _, clock := range p.Over(policy.Cases) {
		if a, ok := t.anchor(clock); ok {
			c.Anchors = append(c.Anchors, a)
		}
	}
}

// begin opens a pause; one of the same reason that is open already goes on.
func begin(pauses []pause, reason string, at time.Time) []pause {
	for _, p := range pauses {
		if p.open() && p.reason == reason {
			return pauses
		}
	}
	return append(pauses, pause{reason: reason, from: at})
}

// resume ends the open pause of a reason, and says whether there was one.
func resume(pauses []pause, reason string, at time.Time) bool {
	for i := range pauses {
		if p := &pauses[i]; p.open() && p.reason == reason {
			p.to, p.resumed = at, true
			return true
		}
	}
	return false
}

// shut ends all open pauses because the unit ended, without anybody having reported their end.
func shut(pauses []pause, at time.Time) {
	for i := range pauses {
		if p := &pauses[i]; p.open() {
			p.to = at
		}
	}
}
