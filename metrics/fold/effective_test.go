package fold

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
)

// fates lists what became of the events as "id fate", with a star where the identity is in conflict, in a fixed order.
func fates(h History) []string {
	var out []string
	for _, n := range h.Notes {
		star := ""
		if n.Conflict {
			star = "*"
		}
		out = append(out, n.Event.ID+star+" "+string(n.Fate))
	}
	slices.Sort(out)
	return out
}

func counted(h History) []string {
	var out []string
	for _, e := range h.Events {
		out = append(out, e.ID)
	}
	return out
}

func check(t *testing.T, h History, wantCounted, wantFates []string) {
	t.Helper()
	if diff := cmp.Diff(wantCounted, counted(h)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantFates, fates(h)); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
}

func TestEffective_Identity(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.accepted", "2026-03-13 16:00", accepted(t, "2026-03-16 18:00"), withID("a"))
	s.add("case.delivered", "2026-03-14 10:00", nil, withID("d"))
	s.add("case.delivered", "2026-03-18 10:00", nil, withID("d"))
	// The same id of another source is another event.
	s.add("case.progressed", "2026-03-14 09:00", fields{"step": "scan"}, withID("a"), withSource("/cn/post/scanner"))
	s.events = append(s.events, s.events[0], s.events[1])
	h := Effective(s.events, forever, nil)
	check(t, h, []string{"a", "a", "d"}, []string{"a counted", "a counted", "a duplicate", "d* conflict", "d* counted", "d* duplicate"})
	if !cmp.Equal(h.Flags, []string{FlagConflict}) {
		t.Errorf("flags %v, want conflict", h.Flags)
	}
	first, second := s.events[1], s.events[2]
	lowest, highest := first, second
	if slices.Compare(first.Hash[:], second.Hash[:]) > 0 {
		lowest, highest = second, first
	}
	if got := h.Events[2].Time; !got.Equal(lowest.Time) {
		t.Errorf("the delivery of %v counts, want the lowest hash, %v", got, lowest.Time)
	}

	// The other content may lie under another subject: what counts is told from outside.
	for _, c := range []struct {
		winner event.Hash
		want   []string
	}{
		{lowest.Hash, []string{"d* counted"}},
		{highest.Hash, []string{"d* conflict"}},
	} {
		h := Effective([]event.Event{lowest}, forever, map[Identity]event.Hash{{lowest.Source, lowest.ID}: c.winner})
		if diff := cmp.Diff(c.want, fates(h)); diff != "" {
			t.Errorf("fates (-want +got):\n%s", diff)
		}
		if !cmp.Equal(h.Flags, []string{FlagConflict}) {
			t.Errorf("flags %v, want conflict", h.Flags)
		}
	}
}

func TestEffective_Order(t *testing.T) {
	s := newStory(t, "C-1")
	scan := fields{"step": "scan"}
	at0 := at(t, "2026-03-13 10:00")
	// The ids run against the order that is wanted, but for the last two, which nothing else tells apart.
	for _, e := range []struct {
		id, when, seq, source string
		recorded              time.Time
	}{
		{"3", "2026-03-13 10:00", "0002", "/a", time.Time{}},
		{"8", "2026-03-13 10:00", "", "/b", time.Time{}},
		{"2", "2026-03-13 11:00", "", "/a", time.Time{}},
		{"5", "2026-03-13 10:00", "0001", "/b", at0.Add(time.Second)},
		{"9", "2026-03-13 09:00", "0009", "/z", at0},
		{"4", "2026-03-13 10:00", "0001", "/a", at0.Add(2 * time.Second)},
		{"7", "2026-03-13 10:00", "", "/b", at0.Add(time.Hour)},
		{"6", "2026-03-13 10:00", "0001", "/b", time.Time{}},
		{"1", "2026-03-13 12:00", "0001", "/b", at0},
		{"10", "2026-03-13 12:00", "0001", "/b", at0},
		{"0", "2026-03-13 12:00", "0001", "/c", at0},
	} {
		s.add("case.progressed", e.when, scan, withID(e.id), withSequence(e.seq), withSource(e.source), recorded(e.recorded))
	}
	want := []string{"9", "8", "7", "6", "5", "4", "3", "2", "1", "10", "0"}
	if diff := cmp.Diff(want, counted(Effective(s.events, forever, nil))); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestEffective_AsOf(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.accepted", "2026-03-13 16:00", accepted(t, ""), withID("a"))
	s.add("case.delivered", "2026-03-14 10:00", nil, withID("d"))
	s.add("case.archived", "2026-03-15 10:00", fields{"documents": []string{"operation_log"}}, withID("r"))
	// What repairs knowledge counts whenever it was said.
	s.add("case.corrected", "2026-03-20 10:00", fields{"data": fields{"region": "110000"}}, withID("c"), correcting("a"))

	h := Effective(s.events, at(t, "2026-03-14 10:00"), nil)
	check(t, h, []string{"a", "d"}, []string{"a counted", "c correction", "d counted", "r later"})
	if !h.NextAt.Equal(at(t, "2026-03-15 10:00")) {
		t.Errorf("next at %v, want the archiving", h.NextAt)
	}
	if got := s.foldCaseAt(at(t, "2026-03-14 10:00")).Dims.Region; got != "110000" {
		t.Errorf("region %s, want the corrected one", got)
	}
	h = Effective(s.events, at(t, "2026-03-14 10:00").Add(-time.Microsecond), nil)
	check(t, h, []string{"a"}, []string{"a counted", "c correction", "d later", "r later"})
	if !h.NextAt.Equal(at(t, "2026-03-14 10:00")) {
		t.Errorf("next at %v, want the delivery", h.NextAt)
	}
	h = Effective(s.events, at(t, "2026-03-01 10:00"), nil)
	check(t, h, nil, []string{"a later", "c correction", "d later", "r later"})
	p, cal := rules(t)
	if c := FoldCase(h, p, cal); c.Counted != 0 || c.Anchors != nil || c.NextAt.IsZero() || c.Subject != "C-1" {
		t.Errorf("a case of nothing: %+v", c)
	}
	if h := Effective(nil, forever, nil); h.Subject != "" || h.Events != nil || h.Notes != nil {
		t.Errorf("nothing gives %+v", h)
	}
}

func TestEffective_Test(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.accepted", "2026-03-13 16:00", accepted(t, "2026-03-16 18:00"), withID("a"), withTest)
	s.add("case.delivered", "2026-03-14 10:00", nil, withID("d"), withTest)
	if got := s.foldCase(); got.Excluded != ExcludedTest || got.State != "delivered" || len(got.Anchors) != 5 {
		t.Errorf("only tests: excluded %q, state %q, %d anchors", got.Excluded, got.State, len(got.Anchors))
	} else {
		for _, a := range got.Anchors {
			if a.Excluded != ExcludedTest {
				t.Errorf("%s: excluded %q, want test", a.Name, a.Excluded)
			}
		}
	}
	s.add("case.accepted", "2026-03-13 17:00", accepted(t, "2026-03-17 18:00"), withID("b"))
	check(t, Effective(s.events, forever, nil), []string{"b"}, []string{"a test", "b counted", "d test"})
	if got := s.foldCase(); got.Excluded != "" || got.State != "accepted" {
		t.Errorf("beside a real event: excluded %q, state %q", got.Excluded, got.State)
	}
	// What happened later does not tell tests from real events before it.
	check(t, Effective(s.events, at(t, "2026-03-13 16:30"), nil), []string{"a"}, []string{"a counted", "b later", "d later"})
	// A test correction changes nothing real.
	s.add("case.corrected", "2026-03-13 18:00", fields{"void": true}, withID("c"), withTest, correcting("b"))
	s.add("case.corrected", "2026-03-13 18:00", fields{"void": true}, withID("e"), withTest, correcting("a"))
	check(t, Effective(s.events, forever, nil), []string{"b"}, []string{"a voided", "b counted", "c test", "d test", "e correction"})
}

// B4 rule 2: what a correction does. Each row corrects the case accepted as "a" on 2026-03-13 16:00.
func TestEffective_Corrections(t *testing.T) {
	type correction struct {
		id, target string
		recorded   string // "" if absent
		data       fields
	}
	replace := func(f fields) fields { return fields{"data": f} }
	void := fields{"void": true}
	for _, c := range []struct {
		rule        string
		corrections []correction
		region      string // of the corrected event; "" if it does not count
		outlet      string
		when        string
		fates       []string
		flags       []string
	}{
		{"fields are replaced, others stay", []correction{{"c1", "a", "", replace(fields{"region": "110000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction"}, nil},
		{"void removes", []correction{{"c1", "a", "", void}}, "", "", "", []string{"a voided", "c1 correction"}, nil},
		{"the time moves", []correction{{"c1", "a", "", fields{"time_new": instant(t, "2026-03-12 09:00")}}}, "330100", "HZ-017", "2026-03-12 09:00", []string{"a counted", "c1 correction"}, nil},
		{"the fields of several merge", []correction{{"c1", "a", "2026-03-14 10:00", replace(fields{"region": "110000"})}, {"c2", "a", "2026-03-15 10:00", replace(fields{"outlet": "BJ-001"})}}, "110000", "BJ-001", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"the latest recorded wins, not the last id", []correction{{"c1", "a", "2026-03-15 10:00", replace(fields{"region": "110000"})}, {"c2", "a", "2026-03-14 10:00", replace(fields{"region": "120000", "outlet": "TJ-001"})}}, "110000", "TJ-001", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"absent recordedtime comes first", []correction{{"c1", "a", "2026-03-14 10:00", replace(fields{"region": "110000"})}, {"c2", "a", "", replace(fields{"region": "120000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"the latest says not void", []correction{{"c1", "a", "2026-03-14 10:00", void}, {"c2", "a", "2026-03-15 10:00", replace(fields{"region": "110000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"the latest says void", []correction{{"c1", "a", "2026-03-15 10:00", void}, {"c2", "a", "2026-03-14 10:00", replace(fields{"region": "110000"})}}, "", "", "", []string{"a voided", "c1 correction", "c2 correction"}, nil},
		{"with void the rest says nothing", []correction{{"c1", "a", "2026-03-14 10:00", fields{"void": true, "data": fields{"region": "120000"}}}, {"c2", "a", "2026-03-15 10:00", replace(fields{"outlet": "BJ-001"})}}, "330100", "BJ-001", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"a void correction restores what it corrected", []correction{{"c1", "a", "", replace(fields{"region": "110000"})}, {"c2", "c1", "", void}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 voided", "c2 correction"}, nil},
		{"a void void restores the event", []correction{{"c1", "a", "", void}, {"c2", "c1", "", void}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 voided", "c2 correction"}, nil},
		{"void of a void of a void", []correction{{"c1", "a", "", void}, {"c2", "c1", "", void}, {"c3", "c2", "", void}}, "", "", "", []string{"a voided", "c1 correction", "c2 voided", "c3 correction"}, nil},
		{"a correction of a correction replaces its data", []correction{{"c1", "a", "", replace(fields{"region": "110000", "outlet": "BJ-001"})}, {"c2", "c1", "", replace(fields{"data": fields{"region": "120000"}})}}, "120000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction"}, nil},
		{"a correction of a correction makes it the latest", []correction{
			{"c1", "a", "2026-03-14 10:00", replace(fields{"region": "110000"})},
			{"c2", "a", "2026-03-15 10:00", replace(fields{"region": "120000"})},
			{"c3", "c1", "2026-03-16 10:00", replace(fields{"data": fields{"region": "310000"}})},
		}, "310000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 correction", "c3 correction"}, nil},
		{"a correction that takes a required field is refused", []correction{{"c1", "a", "", replace(fields{"region": nil})}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 bad_correction"}, []string{FlagBadCorrection}},
		{"a correction that makes the event impossible is refused", []correction{{"c1", "a", "2026-03-14 10:00", replace(fields{"promised_at": instant(t, "2026-03-20 10:00"), "promise_days": 3})}, {"c2", "a", "2026-03-15 10:00", replace(fields{"region": "110000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 bad_correction", "c2 correction"}, []string{FlagBadCorrection}},
		{"null removes an optional field", []correction{{"c1", "a", "", replace(fields{"area_type": nil, "region": "110000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction"}, nil},
		{"a member that a correction does not have", []correction{{"c1", "a", "", replace(fields{"region": "110000"})}, {"c2", "c1", "", replace(fields{"region": "120000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 correction", "c2 bad_correction"}, []string{FlagBadCorrection}},
		{"no target", []correction{{"c1", "nobody", "", void}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 unmatched_correction"}, []string{FlagUnmatchedCorrection}},
		{"a correction of one without target", []correction{{"c1", "nobody", "", void}, {"c2", "c1", "", void}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 voided", "c2 correction"}, nil},
		{"two that correct each other", []correction{{"c1", "c2", "", void}, {"c2", "c1", "", void}}, "330100", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 bad_correction", "c2 bad_correction"}, []string{FlagBadCorrection}},
		{"one that corrects itself, and one that hangs on it", []correction{{"c1", "c1", "", void}, {"c2", "c1", "", void}, {"c3", "a", "", replace(fields{"region": "110000"})}}, "110000", "HZ-017", "2026-03-13 16:00", []string{"a counted", "c1 bad_correction", "c2 bad_correction", "c3 correction"}, []string{FlagBadCorrection}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newStory(t, "C-1")
			s.add("case.accepted", "2026-03-13 16:00", with(accepted(t, "2026-03-16 18:00"), fields{"area_type": "city"}), withID("a"))
			for _, k := range c.corrections {
				options := []option{withID(k.id), correcting(k.target)}
				if k.recorded != "" {
					options = append(options, recorded(at(t, k.recorded)))
				}
				s.add("case.corrected", "2026-03-14 09:00", k.data, options...)
			}
			h := Effective(s.events, forever, nil)
			if diff := cmp.Diff(c.fates, fates(h)); diff != "" {
				t.Errorf("fates (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.flags, h.Flags); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
			if c.region == "" {
				if len(h.Events) != 0 {
					t.Errorf("%d events count, want none", len(h.Events))
				}
				return
			}
			if len(h.Events) != 1 {
				t.Fatalf("%d events count, want 1", len(h.Events))
			}
			got := h.Events[0].Payload.(*event.CaseAccepted)
			if got.Region != c.region || got.Outlet != c.outlet || !h.Events[0].Time.Equal(at(t, c.when)) {
				t.Errorf("%s %s at %v, want %s %s at %s", got.Region, got.Outlet, h.Events[0].Time, c.region, c.outlet, c.when)
			}
			if got.PromisedAt == nil || !got.PromisedAt.Equal(at(t, "2026-03-16 18:00")) {
				t.Errorf("promised at %v: a correction lost a field that it does not name", got.PromisedAt)
			}
			if !json.Valid(h.Events[0].Data) {
				t.Errorf("data %q is no JSON", h.Events[0].Data)
			}
		})
	}
}

// The case page shows what corrected an event, and the event as it was reported.
func TestEffective_CorrectedBy(t *testing.T) {
	s := newStory(t, "C-1")
	s.add("case.accepted", "2026-03-13 16:00", accepted(t, "2026-03-16 18:00"), withID("a"))
	s.add("case.corrected", "2026-03-14 09:00", fields{"time_new": s.instant("2026-03-12 10:00")}, withID("c2"), correcting("a"))
	s.add("case.corrected", "2026-03-14 09:00", fields{"data": fields{"region": "110000"}}, withID("c1"), correcting("a"), recorded(at(t, "2026-03-14 09:01")))
	h := Effective(s.events, forever, nil)
	want := []string{"c2", "c1"}
	for _, n := range h.Notes {
		if n.Event.ID == "a" && (!cmp.Equal(n.CorrectedBy, want) || !n.Event.Time.Equal(at(t, "2026-03-13 16:00"))) {
			t.Errorf("reported event: corrected by %v, time %v", n.CorrectedBy, n.Event.Time)
		}
	}
	if e := h.Events[0]; !cmp.Equal(e.CorrectedBy, want) || !e.Time.Equal(at(t, "2026-03-12 10:00")) {
		t.Errorf("counted event: corrected by %v, time %v", e.CorrectedBy, e.Time)
	}
}

func TestEffective_Undecodable(t *testing.T) {
	s := newStory(t, "C-1").add("case.accepted", "2026-03-13 16:00", accepted(t, ""), withID("a"))
	broken := s.events[0]
	broken.ID, broken.Data = "b", []byte(`{"region":7}`)
	h := Effective([]event.Event{s.events[0], broken}, forever, nil)
	check(t, h, []string{"a"}, []string{"a counted", "b undecodable"})
	if !cmp.Equal(h.Flags, []string{FlagUndecodable}) {
		t.Errorf("flags %v, want undecodable", h.Flags)
	}
}
