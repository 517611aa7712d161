package fold

import (
	"fmt"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

// fields are the data of an event.
type fields map[string]any

// at reads "2006-01-02 15:04[:05[.000000]]" in Beijing.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if v, err := time.ParseInLocation(layout, s, calendar.Beijing); err == nil {
			return v.UTC()
		}
	}
	t.Fatalf("no instant: %q", s)
	return time.Time{}
}

// instant writes a Beijing time as the contract wants it.
func instant(t testing.TB, s string) string { return at(t, s).Format(time.RFC3339Nano) }

// story collects the events of one subject; each goes through the real decoder, so that no test folds what could not
// have been stored.
type story struct {
	t       testing.TB
	subject string
	events  []event.Event
}

func newStory(t testing.TB, subject string) *story { return &story{t: t, subject: subject} }

// option changes an event before it is encoded.
type option func(*event.Event)

func withID(id string) option            { return func(e *event.Event) { e.ID = id } }
func withSource(source string) option    { return func(e *event.Event) { e.Source = source } }
func withSequence(seq string) option     { return func(e *event.Event) { e.Sequence = seq } }
func withTest(e *event.Event)            { e.Test = true }
func recorded(v time.Time) option        { return func(e *event.Event) { e.Recorded = v } }
func correcting(id string) option        { return func(e *event.Event) { e.CorrectsID = id } }
func (s *story) instant(v string) string { return instant(s.t, v) }

// add reports an event of a type like "case.accepted" at a Beijing time.
func (s *story) add(kind, when string, data fields, options ...option) *story {
	s.t.Helper()
	if data == nil {
		data = fields{}
	}
	raw, err := event.EncodeData(map[string]any(data))
	if err != nil {
		s.t.Fatal(err)
	}
	e := event.Event{
		Source: "/cn/post/core", ID: fmt.Sprintf("e%03d", len(s.events)+1), Type: "cn.post." + kind,
		Subject: s.subject, Time: at(s.t, when), Data: raw,
	}
	for _, o := range options {
		o(&e)
	}
	s.events = append(s.events, decoded(s.t, e))
	return s
}

func decoded(t testing.TB, e event.Event) event.Event {
	t.Helper()
	value, err := event.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	topic, _ := event.TopicOf(e.Type)
	got, err := event.Decode(value, forever, topic)
	if err != nil {
		t.Fatalf("%s %s: %v", e.Type, value, err)
	}
	return *got
}

func rules(t testing.TB) (*policy.Policy, *calendar.Calendar) {
	t.Helper()
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	return p, cal
}

// forever is an instant after all events of the tests.
var forever = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *story) foldCase() Case { return s.foldCaseAt(forever) }

func (s *story) foldCaseAt(asOf time.Time) Case {
	p, cal := rules(s.t)
	return FoldCase(Effective(s.events, asOf, nil), p, cal)
}

func (s *story) foldTicket(link Linked) Ticket {
	p, cal := rules(s.t)
	return FoldTicket(Effective(s.events, forever, nil), link, p, cal)
}

func (s *story) foldSurvey(link Linked) Survey {
	return FoldSurvey(Effective(s.events, forever, nil), link)
}

// anchor returns the window of a name; ok is false if the unit has none.
func anchor(u Unit, name string) (Anchor, bool) {
	for _, a := range u.Anchors {
		if a.Name == name {
			return a, true
		}
	}
	return Anchor{}, false
}

func mustAnchor(t testing.TB, u Unit, name string) Anchor {
	t.Helper()
	a, ok := anchor(u, name)
	if !ok {
		t.Fatalf("no anchor %s in %+v", name, u.Anchors)
	}
	return a
}

// verdict says in a word how the reader of an anchor counts it once its deadline has matured.
func verdict(a Anchor) string {
	switch {
	case a.Excluded != "":
		return "excluded: " + a.Excluded
	case a.Unknown:
		return "unknown"
	case a.Undetermined:
		return "undetermined"
	case a.Paused:
		return "paused"
	case a.Done.IsZero():
		return "failed"
	case a.Done.After(a.Due):
		return "late"
	}
	return "in time"
}

func accepted(t testing.TB, promised string) fields {
	f := fields{"product": "parcel", "region": "330100", "outlet": "HZ-017", "channel": "outlet", "direction": "domestic"}
	if promised != "" {
		f["promised_at"] = instant(t, promised)
	}
	return f
}

func with(f fields, more fields) fields {
	for k, v := range more {
		f[k] = v
	}
	return f
}

func received(kind string) fields {
	return fields{"kind": kind, "region": "330100", "channel": "phone"}
}
