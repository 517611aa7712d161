package state

import (
	"math"
	"slices"
	"strconv"
	"time"

	"youzhi/metrics/fold"
	"youzhi/queries"
)

// stateBlock is rows of a base's table.
type stateBlock struct {
	*queries.Block
	edition, anchor                     queries.Column[string]
	day                                 queries.Column[time.Time]
	subject                             queries.Column[string]
	version                             queries.Column[uint64]
	deleted                             queries.Column[uint8]
	source                              queries.Column[string]
	dims                                dimColumns
	linked                              queries.Column[[]string]
	due, done                           queries.Column[time.Time]
	open, paused, undetermined, unknown queries.Column[bool]
	excluded, state, outcome            queries.Column[string]
	steps, flags                        queries.Column[[]string]
	firstEvent, lastEvent               queries.Column[time.Time]
	own                                 ownColumns
}

// ownColumns are the columns of a base beside the common ones.
type ownColumns interface {
	append(r *folded, anchor string)
}

func newStateBlock(base string) *stateBlock {
	b := queries.NewBlock(base)
	s := &stateBlock{
		Block: b, edition: b.Word("edition"), anchor: b.Word("anchor"), day: b.Date("day"), subject: b.Text("subject"),
		version: b.Uint64("version"), deleted: b.Uint8("is_deleted"), source: b.Word("source"), dims: newDimColumns(b), linked: b.Words("linked"),
		due: b.MaybeInstant("due_at"), done: b.MaybeInstant("done_at"),
		open: b.Flag("open"), paused: b.Flag("paused"), undetermined: b.Flag("undetermined"), unknown: b.Flag("unknown"),
		excluded: b.Word("excluded"), state: b.Word("state"), outcome: b.Word("outcome"), steps: b.Words("steps"), flags: b.Words("flags"),
		firstEvent: b.Instant("first_event_at"), lastEvent: b.Instant("last_event_at"),
	}
	switch base {
	case "cases":
		s.own = newCaseColumns(b)
	case "tickets":
		s.own = newTicketColumns(b)
	default:
		s.own = newSurveyColumns(b)
	}
	return s
}

// append adds the row of one window of a subject.
func (s *stateBlock) append(edition string, run uint64, r *folded, a *fold.Anchor) {
	u := r.unit()
	s.edition.Append(edition)
	s.anchor.Append(a.Name)
	s.day.Append(a.Day.UTC())
	s.subject.Append(u.Subject)
	s.version.Append(run)
	s.deleted.Append(0)
	s.source.Append(u.Source)
	s.dims.append(&u.Dims)
	s.linked.Append(slices.Concat(u.Dims.FromCase, u.Dims.FromTicket))
	s.due.Append(a.Due)
	s.done.Append(a.Done)
	s.open.Append(a.Open)
	s.paused.Append(a.Paused)
	s.undetermined.Append(a.Undetermined)
	s.unknown.Append(a.Unknown)
	s.excluded.Append(a.Excluded)
	s.state.Append(u.State)
	s.outcome.Append(u.Outcome)
	s.steps.Append(u.Steps)
	s.flags.Append(u.Flags)
	s.firstEvent.Append(u.FirstEventAt)
	s.lastEvent.Append(u.LastEventAt)
	s.own.append(r, a.Name)
}

// dimColumns are the dimensions that all bases have.
type dimColumns struct {
	region, outlet, product, channel, direction, customerType, customerTier, specialNeed, areaType queries.Column[string]
}

func newDimColumns(b *queries.Block) dimColumns {
	return dimColumns{
		b.Word("region"), b.Word("outlet"), b.Word("product"), b.Word("channel"), b.Word("direction"),
		b.Word("customer_type"), b.Word("customer_tier"), b.Word("special_need"), b.Word("area_type"),
	}
}

func (c *dimColumns) append(d *fold.Dims) {
	c.region.Append(d.Region)
	c.outlet.Append(d.Outlet)
	c.product.Append(d.Product)
	c.channel.Append(d.Channel)
	c.direction.Append(d.Direction)
	c.customerType.Append(d.CustomerType)
	c.customerTier.Append(d.CustomerTier)
	c.specialNeed.Append(d.SpecialNeed)
	c.areaType.Append(d.AreaType)
}

// wayAnchor is the row of a case that has its legs: the one that tells whether it
// was late.
const wayAnchor = "promise"

type caseColumns struct {
	submitted, accepted, promised, delivered, ended queries.Column[time.Time]
	attempted                                       queries.Column[bool]
	attemptNo                                       queries.Column[*uint32]
	timeUnknown                                     queries.Column[bool]
	settledOutcome                                  queries.Column[string]
	settled                                         queries.Column[time.Time]
	path                                            queries.Column[[]string]
	conforms                                        queries.Column[bool]
	documents                                       queries.Column[[]string]
	legStep, legPlace, legReason                    queries.Column[[]string]
	legHours                                        queries.Column[[]float64]
	legEnded                                        queries.Column[[]time.Time]
}

func newCaseColumns(b *queries.Block) *caseColumns {
	return &caseColumns{
		submitted: b.MaybeInstant("submitted_at"), accepted: b.MaybeInstant("accepted_at"), promised: b.MaybeInstant("promised_at"),
		delivered: b.MaybeInstant("delivered_at"), ended: b.MaybeInstant("ended_at"),
		attempted: b.Flag("attempted"), attemptNo: b.MaybeUint32("delivered_attempt_no"), timeUnknown: b.Flag("delivered_time_unknown"),
		settledOutcome: b.Word("settled_outcome"), settled: b.MaybeInstant("settled_at"),
		path: b.Words("path"), conforms: b.Flag("conforms"), documents: b.Words("archived_documents"),
		legStep: b.Words("leg_step"), legPlace: b.Words("leg_place"), legReason: b.Words("leg_reason"),
		legHours: b.Floats("leg_hours"), legEnded: b.Instants("leg_ended_at"),
	}
}

func (s *caseColumns) append(r *folded, anchor string) {
	c := r.kase
	s.submitted.Append(c.SubmittedAt)
	s.accepted.Append(c.AcceptedAt)
	s.promised.Append(c.PromisedAt)
	s.delivered.Append(c.DeliveredAt)
	s.ended.Append(c.EndedAt)
	s.attempted.Append(!c.FirstAttemptAt.IsZero())
	var attempt *uint32
	if c.DeliveredAttemptNo > 0 {
		n := uint32(min(c.DeliveredAttemptNo, math.MaxUint32))
		attempt = &n
	}
	s.attemptNo.Append(attempt)
	s.timeUnknown.Append(c.DeliveredTimeUnknown)
	s.settledOutcome.Append(c.SettledOutcome)
	s.settled.Append(c.SettledAt)
	s.path.Append(c.Path)
	s.conforms.Append(c.Conforms)
	s.documents.Append(c.ArchivedDocuments)
	var legs []fold.Leg
	if anchor == wayAnchor {
		legs = c.Legs
	}
	steps, places, reasons := make([]string, len(legs)), make([]string, len(legs)), make([]string, len(legs))
	hours, ended := make([]float64, len(legs)), make([]time.Time, len(legs))
	for i, l := range legs {
		steps[i], places[i], reasons[i], hours[i], ended[i] = l.Step, l.Place, l.Reason, l.Ended.Sub(l.Began).Hours(), l.Ended
	}
	s.legStep.Append(steps)
	s.legPlace.Append(places)
	s.legReason.Append(reasons)
	s.legHours.Append(hours)
	s.legEnded.Append(ended)
}

type ticketColumns struct {
	kind, category, severity, validity, unit                     queries.Column[string]
	caseID, duplicateOf                                          queries.Column[string]
	received, accepted, responded, investigated, resolved        queries.Column[time.Time]
	replied, withdrawn, closed, firstResponse, givenUp, reopened queries.Column[time.Time]
	escalation                                                   queries.Column[uint8]
	ownerKept                                                    queries.Column[*bool]
}

func newTicketColumns(b *queries.Block) *ticketColumns {
	return &ticketColumns{
		kind: b.Word("kind"), category: b.Word("category"), severity: b.Word("severity"), validity: b.Word("validity"), unit: b.Word("unit"),
		caseID: b.Text("case_id"), duplicateOf: b.Text("duplicate_of"),
		received: b.MaybeInstant("received_at"), accepted: b.MaybeInstant("accepted_at"), responded: b.MaybeInstant("responded_at"),
		investigated: b.MaybeInstant("investigated_at"), resolved: b.MaybeInstant("resolved_at"), replied: b.MaybeInstant("replied_at"),
		withdrawn: b.MaybeInstant("withdrawn_at"), closed: b.MaybeInstant("closed_at"),
		firstResponse: b.MaybeInstant("first_response_at"), givenUp: b.MaybeInstant("given_up_at"), reopened: b.MaybeInstant("reopened_at"),
		escalation: b.Uint8("escalation_level"), ownerKept: b.MaybeFlag("owner_kept"),
	}
}

func (s *ticketColumns) append(r *folded, _ string) {
	t := r.ticket
	s.kind.Append(known(t.Kind))
	s.category.Append(known(t.Category))
	severity := fold.Unknown
	if t.Severity > 0 {
		severity = strconv.FormatInt(t.Severity, 10)
	}
	s.severity.Append(severity)
	s.validity.Append(known(t.Validity))
	s.unit.Append(known(t.ActingUnit))
	s.caseID.Append(t.CaseID)
	s.duplicateOf.Append(t.DuplicateOf)
	s.received.Append(t.ReceivedAt)
	s.accepted.Append(t.AcceptedAt)
	s.responded.Append(t.RespondedAt)
	s.investigated.Append(t.InvestigatedAt)
	s.resolved.Append(t.ResolvedAt)
	s.replied.Append(t.RepliedAt)
	s.withdrawn.Append(t.WithdrawnAt)
	s.closed.Append(t.ClosedAt)
	s.firstResponse.Append(t.FirstResponseAt)
	s.givenUp.Append(t.GivenUpAt)
	s.reopened.Append(t.ReopenedAfterAt)
	s.escalation.Append(uint8(min(t.EscalationLevel, math.MaxUint8)))
	var kept *bool
	if t.FirstOwner != "" {
		kept = &t.OwnerKept
	}
	s.ownerKept.Append(kept)
}

type surveyColumns struct {
	instrument, wave  queries.Column[string]
	caseID, ticketID  queries.Column[string]
	invited, answered queries.Column[time.Time]
	score, low, high  queries.Column[*float64]
	weight            queries.Column[float64]
}

func newSurveyColumns(b *queries.Block) *surveyColumns {
	return &surveyColumns{
		instrument: b.Word("instrument"), wave: b.Word("wave"), caseID: b.Text("case_id"), ticketID: b.Text("ticket_id"),
		invited: b.MaybeInstant("invited_at"), answered: b.MaybeInstant("answered_at"),
		score: b.MaybeFloat("score"), low: b.MaybeFloat("score_min"), high: b.MaybeFloat("score_max"), weight: b.Float("weight"),
	}
}

func (c *surveyColumns) append(r *folded, _ string) {
	s := r.survey
	c.instrument.Append(known(s.Instrument))
	c.wave.Append(known(s.Wave))
	c.caseID.Append(s.CaseID)
	c.ticketID.Append(s.TicketID)
	c.invited.Append(s.InvitedAt)
	c.answered.Append(s.AnsweredAt)
	var score, low, high *float64
	if s.Scored {
		score, low, high = &s.Score, &s.ScoreMin, &s.ScoreMax
	}
	c.score.Append(score)
	c.low.Append(low)
	c.high.Append(high)
	c.weight.Append(s.Weight)
}

// known gives a dimension that was not reported the name of the others.
func known(dim string) string {
	if dim == "" {
		return fold.Unknown
	}
	return dim
}

// subjectBlock is rows of subjects: which rows of the state each one has, and what
// others take from it.
type subjectBlock struct {
	*queries.Block
	edition, base       queries.Column[string]
	subject             queries.Column[string]
	version             queries.Column[uint64]
	keys, staleKeys     queries.Column[[]queries.Pair[time.Time]]
	parents, staleLinks queries.Column[[]queries.Pair[string]]
	dims                dimColumns
	received            queries.Column[time.Time]
	duplicateOf         queries.Column[string]

	days  []queries.Pair[time.Time] // of one row
	links []queries.Pair[string]
}

func newSubjectBlock() *subjectBlock {
	b := queries.NewBlock("subjects")
	return &subjectBlock{
		Block: b, edition: b.Word("edition"), base: b.Word("base"), subject: b.Text("subject"), version: b.Uint64("version"),
		keys: b.WordsWithDates("keys"), staleKeys: b.WordsWithDates("stale_keys"),
		parents: b.WordsWithTexts("parents"), staleLinks: b.WordsWithTexts("stale_parents"),
		dims: newDimColumns(b), received: b.MaybeInstant("received_at"), duplicateOf: b.Text("duplicate_of"),
	}
}

// append adds the row of the subject i of a chunk.
func (s *subjectBlock) append(edition, base string, run uint64, c *chunkRows, i int) {
	r, prior := &c.results[i], c.prior[c.subjects[i]]
	s.edition.Append(edition)
	s.base.Append(base)
	s.subject.Append(c.subjects[i])
	s.version.Append(run)
	s.keys.Append(s.placed(c.keys[i]))
	s.staleKeys.Append(s.placed(prior.keys))
	s.parents.Append(s.linked(c.parents[i]))
	s.staleLinks.Append(s.linked(prior.parents))
	s.dims.append(&r.unit().Dims)
	s.received.Append(r.links.ReceivedAt)
	s.duplicateOf.Append(r.links.DuplicateOf)
}

func (s *subjectBlock) placed(keys []Key) []queries.Pair[time.Time] {
	s.days = s.days[:0]
	for _, k := range keys {
		s.days = append(s.days, queries.Pair[time.Time]{Word: k.Anchor, With: k.Day.UTC()})
	}
	return s.days
}

func (s *subjectBlock) linked(links []link) []queries.Pair[string] {
	s.links = s.links[:0]
	for _, l := range links {
		s.links = append(s.links, queries.Pair[string]{Word: l.base, With: l.subject})
	}
	return s.links
}
