package page

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
)

// Subject is the page of one case, ticket or survey: its events, its clocks and
// its dimensions.
type Subject struct {
	Frame
	Base, ID string
	State    string
	Outcome  string
	Excluded string
	Flags    []string
	Clocks   []SubjectClock
	Dims     []Dim
	Links    []Link // the case or ticket that it belongs to
	Events   []Event
	Counted  int
	// Folded says that a state was made of the events; false for a moment after they arrive.
	Folded bool
	Raw    string // URL of the stored events as JSON
	// Way is that of a late case, step by step; Why is its cause.
	Way []WayStep
	Why string
}

func (*Subject) template() string { return "subject" }

// SubjectClock is one window that a subject belongs to.
type SubjectClock struct {
	Name, Day, Due, Done, Verdict, Class string
	// Step says that it is the instant of a step, not a deadline.
	Step bool
}

// Anchor is a row of the state: one window of a subject.
type Anchor struct {
	Name                        string
	Day                         calendar.Day
	Due, Done                   *time.Time
	Open, Paused                bool
	Undetermined, Unknown       bool
	Excluded, State, Outcome    string
	Dims                        map[string]string
	Linked, Flags               []string
	CaseID, TicketID, Duplicate string
}

// Dim is one dimension, its value and where it comes from.
type Dim struct{ Name, Value, Origin string }

// Event is one event at one place of the log.
type Event struct {
	Time, Type, Name, Source, ID string
	Recorded                     string
	Lag                          string
	Place                        string // topic, partition, offset
	Received                     string
	Fate, FateText, Why          string
	Counted                      bool
	Test                         bool
	Corrects                     string
	Fields                       []Field
	// Effective is the time, and Corrected the data, that count after corrections.
	Effective string
	Corrected []Field
	Hash      string
}

// Field is one field of an event's data. Raw is the value as it was sent, where a
// word stands for it.
type Field struct{ Name, Value, Raw string }

// Stored is an event with its place in the log.
type Stored struct {
	Note fold.Note
	// Counts is the event with its corrections applied, nil if it does not count.
	Counts     *fold.Entry
	Topic      string
	Partition  int32 // of Kafka
	Log        int32 // of the logs that the topic has had
	Offset     int64
	ReceivedAt time.Time
}

// EventsOf makes events ready to be shown, in the order of the fold.
func EventsOf(l Language, stored []Stored) (events []Event, counted int) {
	for _, s := range stored {
		e := s.Note.Event
		out := Event{
			Time: Time(e.Time), Type: e.Type, Name: l.Word("type", e.Type), Source: e.Source, ID: e.ID,
			Place: l.T("event.place", s.Topic, l.Partition(s.Log, s.Partition), s.Offset), Received: Time(s.ReceivedAt),
			Fate: string(s.Note.Fate), FateText: l.Word("fate", string(s.Note.Fate)), Why: l.T("fate.why." + string(s.Note.Fate)),
			Counted: s.Note.Fate == fold.FateCounted, Test: e.Test, Corrects: e.CorrectsID, Fields: fields(l, e.Data),
			Hash: hex.EncodeToString(e.Hash[:]),
		}
		if !e.Recorded.IsZero() {
			out.Recorded, out.Lag = Time(e.Recorded), l.Span(e.Recorded.Sub(e.Time))
		}
		if len(s.Note.CorrectedBy) > 0 {
			out.Why = l.T("fate.corrected", strings.Join(s.Note.CorrectedBy, l.T("punctuation.comma")))
			if s.Counts != nil && !s.Counts.Time.Equal(e.Time) {
				out.Effective = Time(s.Counts.Time)
			}
			if s.Counts != nil && !bytes.Equal(s.Counts.Data, e.Data) {
				out.Corrected = fields(l, s.Counts.Data)
			}
		}
		if s.Note.Conflict && s.Note.Fate == fold.FateCounted {
			out.Why = strings.TrimSpace(out.Why + " " + l.T("fate.wins_conflict"))
		}
		if out.Counted {
			counted++
		}
		events = append(events, out)
	}
	return events, counted
}

// InOrder sorts events with their places: in the order of the fold, copies by
// their place in the log.
func InOrder(events []Stored) []Stored {
	slices.SortStableFunc(events, func(a, b Stored) int {
		return cmp.Or(
			a.Note.Event.Time.Compare(b.Note.Event.Time),
			strings.Compare(a.Note.Event.Sequence, b.Note.Event.Sequence),
			strings.Compare(a.Note.Event.Source, b.Note.Event.Source),
			strings.Compare(a.Note.Event.ID, b.Note.Event.ID),
			cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset),
		)
	})
	return events
}

// freeText are the fields of events that a person wrote: they may name somebody
// and are never shown or exported.
var freeText = []string{"comment"}

// WithoutFreeText is an event's data with the free text taken out.
func WithoutFreeText(data []byte) json.RawMessage {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return json.RawMessage("null")
	}
	found := false
	for _, name := range freeText {
		if _, ok := members[name]; ok {
			members[name], found = json.RawMessage("null"), true
		}
	}
	if !found {
		return data
	}
	out, err := json.Marshal(members)
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

// fields are the top level of an event's data, in the order they were sent.
// Free text is left out: it may name a person.
func fields(l Language, data []byte) []Field {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return []Field{{Name: "data", Value: string(data)}}
	}
	var out []Field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return []Field{{Name: "data", Value: string(data)}}
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return []Field{{Name: "data", Value: string(data)}}
		}
		key, _ := name.(string)
		f := Field{Name: key, Value: plain(l, key, v)}
		if word := l.fieldWord(key, f.Value); word != f.Value {
			f.Value, f.Raw = word, f.Value
		}
		out = append(out, f)
	}
	return out
}

// fieldWord is the word for a value of an event's field, the value itself if it has none.
func (l Language) fieldWord(key, value string) string {
	switch {
	case key == "step" || key == "activity" || key == "reason_code":
		return l.Cause(value)
	case has(Dimensions, key):
		return l.Value(key, value)
	}
	return value
}

// plain writes a JSON value for reading: strings without quotes, the rest as it is.
func plain(l Language, key string, v json.RawMessage) string {
	if has(freeText, key) {
		return l.T("event.comment")
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// Fill puts the state's rows into clocks and dimensions.
func (s *Subject) Fill(rows []Anchor, asOf time.Time) {
	if len(rows) == 0 {
		return
	}
	s.Folded = true
	l := s.Lang
	first := rows[0]
	s.State, s.Outcome = l.Word("state", first.State), l.Word("outcome", first.Outcome)
	for _, f := range first.Flags {
		s.Flags = append(s.Flags, l.Word("flag", f))
	}
	for _, link := range []struct{ base, id string }{{"cases", first.CaseID}, {"tickets", first.TicketID}, {"tickets", first.Duplicate}} {
		if link.id != "" && !(link.base == s.Base && link.id == s.ID) {
			text := l.T("subject.of."+link.base, link.id)
			if link.id == first.Duplicate {
				text = l.T("subject.duplicate_of", link.id)
			}
			s.Links = append(s.Links, Link{Text: text, Href: SubjectPath(link.base, link.id)})
		}
	}
	for _, a := range rows {
		c := SubjectClock{Name: l.Word("anchor", a.Name), Day: a.Day.String(), Due: instant(a.Due), Done: instant(a.Done)}
		switch {
		case a.Excluded != "":
			c.Verdict, c.Class = l.T("verdict.excluded", l.Word("reason", a.Excluded)), "none"
		case a.Unknown:
			c.Verdict, c.Class = l.T("verdict.unknown"), "none"
		case a.Undetermined:
			c.Verdict, c.Class = l.T("verdict.undetermined"), "none"
		case a.Paused:
			c.Verdict, c.Class = l.T("verdict.paused"), "near"
		case a.Due == nil:
			c.Step = true
		case a.Done == nil && !a.Open:
			c.Verdict, c.Class = l.T("verdict.ended"), "missed"
		default:
			c.Verdict, c.Class = l.verdict(a.Due, a.Done, asOf)
		}
		s.Clocks = append(s.Clocks, c)
	}
	slices.SortStableFunc(s.Clocks, func(a, b SubjectClock) int {
		switch {
		case a.Step == b.Step:
			return strings.Compare(a.Day, b.Day)
		case a.Step:
			return 1
		}
		return -1
	})
	for _, d := range Dimensions {
		v, ok := first.Dims[d]
		if !ok || v == "" {
			continue
		}
		origin := l.T("origin.own")
		if v == fold.Unknown {
			origin = l.T("origin.none")
		} else if has(first.Linked, d) {
			origin = l.T("origin.linked")
		}
		s.Dims = append(s.Dims, Dim{Name: l.T("dim." + d), Value: l.Value(d, v), Origin: origin})
	}
}
