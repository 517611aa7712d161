// Package fold turns the events of one subject into its state: what happened to a case, a ticket or a survey, by when
// each of its time limits ended, and what stands in the way of counting it.
//
// All functions are pure. The instant a state is calculated for enters only by the choice of the events that count
// ([Effective]), so that the same events in any order, with any repetition, give the same state, and a state changes
// only when an event does. Whether a deadline has matured is asked by those who read the state.
//
// The rules are those of the indicator catalogue's sections 0, B4 and C; comments name the rule they carry out.
package fold

import (
	"slices"
	"strings"
	"time"

	"youzhi/metrics/calendar"
)

// Unknown stands for a dimension that neither the subject nor what it is linked to reports.
const Unknown = "unknown"

// Reasons for which a whole subject is left out of every figure. An anchor can also be left out by the outcome that
// ended the unit before its deadline: "cancelled", "withdrawn", "declined".
const (
	ExcludedTest      = "test"
	ExcludedDuplicate = "duplicate"
)

// Flags mark what a person should know about a state. They change no figure.
const (
	// FlagIncomplete: an earlier step is missing, as of a case delivered without acceptance.
	FlagIncomplete = "incomplete"
	// FlagIllogicalOrder: an earlier step has a later instant. The order is kept, not repaired.
	FlagIllogicalOrder = "illogical_order"
	// FlagAfterEnd: something was reported after the unit had ended that an ended unit does not do.
	FlagAfterEnd = "after_end"
	// FlagAfterArchive: something was reported after the unit was archived.
	FlagAfterArchive = "after_archive"
	// FlagConflict: two events with one source and id but different content; the lowest hash counts.
	FlagConflict = "conflict"
	// FlagBadCorrection: a correction that could not be applied.
	FlagBadCorrection = "bad_correction"
	// FlagUnmatchedCorrection: a correction whose target is not among the subject's events.
	FlagUnmatchedCorrection = "unmatched_correction"
	// FlagUndecodable: a stored event that its type does not admit; it is left out.
	FlagUndecodable = "undecodable"
	// FlagPromiseLateChange: a promise or due instant moved after it had passed, which cures nothing.
	FlagPromiseLateChange = "promise_late_change"
	// FlagPromiseRepeated: a later acceptance names another promise, which moves nothing.
	FlagPromiseRepeated = "promise_repeated"
	// FlagResumedWithoutPause: the end of a pause that was not reported to have begun.
	FlagResumedWithoutPause = "resumed_without_pause"
	// FlagRepeatedAnswer: a survey answered more than once; the first answer counts.
	FlagRepeatedAnswer = "repeated_answer"
	// FlagBadScore: an answer whose score cannot be told or lies outside its scale; it is no valid answer.
	FlagBadScore = "bad_score"
	// FlagDuplicateOfSelf: a ticket that names itself as its original, which removes nothing.
	FlagDuplicateOfSelf = "duplicate_of_self"
)

// Dims are the dimensions of a unit, [Unknown] where nothing is reported. What the subject's own events say comes first,
// then the linked case, then the linked ticket.
type Dims struct {
	Region, Outlet, Product, Channel, Direction       string
	CustomerType, CustomerTier, SpecialNeed, AreaType string
	// FromCase and FromTicket name the dimensions that came over a link, sorted.
	FromCase, FromTicket []string
}

// dimNames are the names of the dimensions in the order of the fields.
var dimNames = [...]string{"region", "outlet", "product", "channel", "direction", "customer_type", "customer_tier", "special_need", "area_type"}

func (d *Dims) fields() [len(dimNames)]*string {
	return [...]*string{&d.Region, &d.Outlet, &d.Product, &d.Channel, &d.Direction, &d.CustomerType, &d.CustomerTier, &d.SpecialNeed, &d.AreaType}
}

// get returns the value of a dimension by its name, "" for a name that is none.
func (d *Dims) get(name string) string {
	for i, field := range d.fields() {
		if dimNames[i] == name {
			return *field
		}
	}
	return ""
}

// report puts a reported value over an earlier one: the last wins, but a source that does not know never wins.
func report(dim *string, value string) {
	if value != "" && value != Unknown {
		*dim = value
	}
}

// complete fills what is missing from the links, but not the dimensions named in own, and then with [Unknown].
func (d *Dims) complete(link Linked, own ...string) {
	for _, from := range []struct {
		dims   *Dims
		origin *[]string
	}{{link.Case, &d.FromCase}, {link.Ticket, &d.FromTicket}} {
		if from.dims == nil {
			continue
		}
		linked := from.dims.fields()
		for i, field := range d.fields() {
			if *field != "" || slices.Contains(own, dimNames[i]) {
				continue
			}
			if report(field, *linked[i]); *field != "" {
				*from.origin = append(*from.origin, dimNames[i])
			}
		}
		slices.Sort(*from.origin)
	}
	for _, field := range d.fields() {
		if *field == "" {
			*field = Unknown
		}
	}
}

// Linked is what a subject takes over from others, fetched by the caller with [TicketLinks] or [SurveyLinks].
type Linked struct {
	// Case and Ticket are the folded dimensions of the linked case and ticket, nil if there is none.
	Case, Ticket *Dims
	// GroupReceivedAt is the earliest received_at among the tickets merged into this one, zero if there are none.
	GroupReceivedAt time.Time
	// StandsForCircle says that tickets name each other in a circle and that this one, the first of them by its id,
	// stands for them all: else none of them would count.
	StandsForCircle bool
}

// Links are the subjects that a subject refers to, "" where it does not.
type Links struct {
	CaseID, TicketID string
	// DuplicateOf is the ticket that this one was merged into.
	DuplicateOf string
	// ReceivedAt is the ticket's own received instant, for the earliest of its merge group.
	ReceivedAt time.Time
}

// Anchor is one window that a unit belongs to: the instant of a step, or the deadline of a clock.
type Anchor struct {
	// Name is the step ("submitted", "accepted", "ended"; "received", "closed"; "invited", "answered") or the clock.
	Name string
	// Day is the Beijing day that the unit belongs to: of the step, or of the deadline. The first day that the calendar
	// does not cover if Undetermined; the day of the delivery where no deadline is known at all.
	Day calendar.Day
	// Due is the deadline, inclusive: done at or before it is in time. Zero for a step, or if it cannot be told.
	Due time.Time
	// Done is the instant that stopped the clock, or of the step. Zero if there is none that counts.
	Done time.Time
	// Open says that the clock still runs: neither done nor ended.
	Open bool
	// Paused says that the clock stands still in a pause that has not ended. Due is then without that pause.
	Paused bool
	// Undetermined says that the deadline lies beyond the calendar's years.
	Undetermined bool
	// Unknown says that it cannot be told whether the clock was kept.
	Unknown bool
	// Excluded is why the unit does not count here, "" if it does.
	Excluded string
}

// Unit is what the states of all subjects have.
type Unit struct {
	Subject string
	// Source is the source of the first counted event.
	Source string
	// Counted is the number of events that count. A state of none is no unit and has no anchors.
	Counted int
	Dims    Dims
	// Excluded leaves the subject out of every figure: [ExcludedTest], [ExcludedDuplicate] or "".
	Excluded string
	// State is the word for where the unit is now.
	State string
	// Outcome is the first end that the unit came to, "" if it has not ended.
	Outcome string
	// Open says that the unit has not ended.
	Open bool
	// Steps are the short names of the event types that count, sorted: what was never reported did not fail.
	Steps []string
	// Flags are sorted.
	Flags []string
	// FirstEventAt and LastEventAt span the counted events.
	FirstEventAt, LastEventAt time.Time
	// NextAt is the earliest event after the instant of the state, at which it has to be folded again; zero if none.
	NextAt time.Time
	// Anchors are in a fixed order: steps, then clocks in the order of the policy.
	Anchors []Anchor
}

// begin fills what comes from the history alone.
func (u *Unit) begin(h *History, counts func(eventType string) bool) []Entry {
	u.NextAt = h.NextAt
	u.Flags = slices.Clone(h.Flags)
	entries := make([]Entry, 0, len(h.Events))
	for _, e := range h.Events {
		if !counts(e.Type) {
			continue
		}
		entries = append(entries, e)
		u.Steps = insert(u.Steps, shortName(e.Type))
	}
	u.Subject = h.Subject
	u.Counted = len(entries)
	if len(entries) == 0 {
		return nil
	}
	u.Source = entries[0].Source
	u.FirstEventAt, u.LastEventAt = entries[0].Time, entries[len(entries)-1].Time
	if h.Test {
		u.Excluded = ExcludedTest
	}
	return entries
}

// finish puts the subject's exclusion on every anchor: it comes before any reason of a single clock.
func (u *Unit) finish() {
	if u.Excluded == "" {
		return
	}
	for i := range u.Anchors {
		u.Anchors[i].Excluded = u.Excluded
	}
}

func (u *Unit) flag(name string) { u.Flags = insert(u.Flags, name) }

// step adds the anchor of a step that has happened.
func (u *Unit) step(name string, m moment) {
	if m.set() {
		u.Anchors = append(u.Anchors, Anchor{Name: name, Day: calendar.DayOf(m.at), Done: m.at})
	}
}

// insert adds a word to a sorted list of unique words.
func insert(words []string, word string) []string {
	i, found := slices.BinarySearch(words, word)
	if found {
		return words
	}
	return slices.Insert(words, i, word)
}

// shortName is the last part of an event type: "accepted" of cn.post.case.accepted.
func shortName(eventType string) string { return eventType[strings.LastIndexByte(eventType, '.')+1:] }

// moment is an instant with the place of its event in the order of the fold, which tells apart what has the same instant.
type moment struct {
	at  time.Time
	pos int
}

func (m moment) set() bool { return !m.at.IsZero() }

// before says whether m happened, and before the other one if that happened.
func (m moment) before(o moment) bool { return m.set() && (!o.set() || m.pos < o.pos) }

// first keeps the earliest report of a step: the first value wins.
func (m *moment) first(at moment) {
	if !m.set() {
		*m = at
	}
}
