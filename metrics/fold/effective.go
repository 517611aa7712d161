package fold

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/event"
)

// Identity is what makes an event one: the same pair is the same event.
type Identity struct{ Source, ID string }

// Fate is what became of a reported event.
type Fate string

// The fates of events.
const (
	FateCounted Fate = "counted"
	// FateDuplicate: a copy of an event that is already there.
	FateDuplicate Fate = "duplicate"
	// FateConflict: another event with the same source and id has the lower hash, and counts instead.
	FateConflict Fate = "conflict"
	// FateCorrection: a correction that was applied.
	FateCorrection Fate = "correction"
	// FateBadCorrection: a correction that could not be applied.
	FateBadCorrection Fate = "bad_correction"
	// FateUnmatched: a correction without a target.
	FateUnmatched Fate = "unmatched_correction"
	// FateVoided: taken back by a correction.
	FateVoided Fate = "voided"
	// FateTest: a test event beside real ones, or a test correction of a real event.
	FateTest Fate = "test"
	// FateLater: happened after the instant that the state is for.
	FateLater Fate = "later"
	// FateUndecodable: its type does not admit its data.
	FateUndecodable Fate = "undecodable"
)

// Note says what became of one reported event.
type Note struct {
	// Event is as it was reported.
	Event event.Event
	Fate  Fate
	// Conflict says that its source and id came with different contents.
	Conflict bool
	// CorrectedBy are the ids of the corrections applied to it, of the same source, in the order of their effect.
	CorrectedBy []string
}

// Entry is an event that counts, with its corrections applied.
type Entry struct {
	event.Event
	// Payload is the decoded data, as of [event.DecodeData].
	Payload any
	// CorrectedBy are the ids of the corrections in Time and Data, of the same source.
	CorrectedBy []string
}

// History is what counts of the events of one subject, and what became of the others.
type History struct {
	Subject string
	// Events count, in the order of the fold.
	Events []Entry
	// Notes tell of every reported event, in the order of what was reported.
	Notes []Note
	// Test says that the events that count are all tests.
	Test bool
	// NextAt is the earliest event later than the instant asked for, zero if there is none.
	NextAt time.Time
	// Flags are sorted.
	Flags []string
}

// Effective returns the events of one subject that count at an instant. The order in which events are given, and copies
// among them, make no difference. elsewhere gives the hash that counts for identities with contents under several
// subjects, which a look at one subject cannot decide; it may be nil.
//
//   - Identity: copies with the same content are one. With different contents the lowest hash counts.
//   - Corrections replace their target before all else and count at every instant, for they repair knowledge.
//   - Events later than asOf are left out; an event at asOf counts.
//   - Test events are dropped beside real ones; a subject that has only tests keeps them.
//   - Order: time, sequence, recordedtime, source, id; an absent sequence or recordedtime comes first.
//
// Source: indicator catalogue B1 (identity), B4 rules 1 and 2, section 0 (as_of).
func Effective(events []event.Event, asOf time.Time, elsewhere map[Identity]event.Hash) History {
	var h History
	if len(events) == 0 {
		return h
	}
	h.Subject = events[0].Subject
	copies := identify(events, elsewhere)
	nodes := make([]*node, 0, len(copies))
	for i := range copies {
		if copies[i].fate == "" {
			nodes = append(nodes, &copies[i])
		}
	}
	correct(nodes)

	var counted []*node
	for _, n := range nodes {
		switch {
		case n.fate != "":
		case n.time.After(asOf):
			n.fate = FateLater
			if h.NextAt.IsZero() || n.time.Before(h.NextAt) {
				h.NextAt = n.time
			}
		default:
			counted = append(counted, n)
		}
	}
	real := slices.ContainsFunc(counted, func(n *node) bool { return !n.raw.Test })
	h.Test = len(counted) > 0 && !real
	for _, n := range counted {
		if real && n.raw.Test {
			n.fate = FateTest
			continue
		}
		payload, err := event.DecodeData(n.raw.Type, n.data)
		if err != nil {
			n.fate = FateUndecodable
			continue
		}
		n.fate = FateCounted
		e := Entry{Event: *n.raw, Payload: payload, CorrectedBy: n.correctedBy}
		e.Time, e.Data = n.time, n.data
		h.Events = append(h.Events, e)
	}
	slices.SortFunc(h.Events, func(a, b Entry) int { return compare(&a.Event, &b.Event) })

	h.Notes = make([]Note, len(copies))
	for i := range copies {
		n := &copies[i]
		h.Notes[i] = Note{Event: *n.raw, Fate: n.fate, Conflict: n.conflict, CorrectedBy: n.correctedBy}
		if n.conflict {
			h.Flags = insert(h.Flags, FlagConflict)
		}
		switch n.fate {
		case FateBadCorrection:
			h.Flags = insert(h.Flags, FlagBadCorrection)
		case FateUnmatched:
			h.Flags = insert(h.Flags, FlagUnmatchedCorrection)
		case FateUndecodable:
			h.Flags = insert(h.Flags, FlagUndecodable)
		}
	}
	slices.SortFunc(h.Notes, func(a, b Note) int {
		return cmp.Or(compare(&a.Event, &b.Event), bytes.Compare(a.Event.Hash[:], b.Event.Hash[:]), strings.Compare(string(a.Fate), string(b.Fate)))
	})
	return h
}

// compare is the order of the fold.
func compare(a, b *event.Event) int {
	return cmp.Or(
		a.Time.Compare(b.Time),
		strings.Compare(a.Sequence, b.Sequence),
		a.Recorded.Compare(b.Recorded),
		strings.Compare(a.Source, b.Source),
		strings.Compare(a.ID, b.ID),
	)
}

// node is one reported copy on its way to a fate; "" while that is open.
type node struct {
	raw      *event.Event
	fate     Fate
	conflict bool

	// time and data are those of raw with the corrections applied.
	time        time.Time
	data        []byte
	correctedBy []string

	// amendments are the corrections that name raw; recorded is when it was last recorded, amendments included.
	amendments []*node
	recorded   time.Time
	resolved   bool
}

// identify sorts the copies by identity and hash, and decides which copy of each identity counts.
func identify(events []event.Event, elsewhere map[Identity]event.Hash) []node {
	copies := make([]node, len(events))
	for i := range events {
		copies[i] = node{raw: &events[i], time: events[i].Time, data: events[i].Data, recorded: events[i].Recorded}
	}
	slices.SortFunc(copies, func(a, b node) int {
		return cmp.Or(compareIdentity(a.raw, b.raw), bytes.Compare(a.raw.Hash[:], b.raw.Hash[:]))
	})
	for from := 0; from < len(copies); {
		to := from + 1
		for to < len(copies) && compareIdentity(copies[from].raw, copies[to].raw) == 0 {
			to++
		}
		same := copies[from:to]
		from = to
		winner, conflict := elsewhere[Identity{same[0].raw.Source, same[0].raw.ID}]
		if !conflict {
			winner = same[0].raw.Hash
			conflict = same[len(same)-1].raw.Hash != winner
		}
		for i := range same {
			same[i].conflict = conflict
			switch {
			case i > 0 && same[i].raw.Hash == same[i-1].raw.Hash:
				same[i].fate = FateDuplicate
			case same[i].raw.Hash != winner:
				same[i].fate = FateConflict
			}
		}
	}
	return copies
}

func compareIdentity(a, b *event.Event) int {
	return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
}
