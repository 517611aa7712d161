package fold

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

// families draw the events of one subject: few instants, so that many are equal, and few ids, so that some are in
// conflict, corrected or part of a circle.
var families = map[string][]func(*rapid.T) (string, fields){
	"case": {
		func(*rapid.T) (string, fields) {
			return "case.submitted", fields{"channel": "online", "product": "letter", "region": "110000"}
		},
		func(r *rapid.T) (string, fields) {
			f := fields{"product": "parcel", "region": "330100", "outlet": "unknown", "channel": "outlet", "direction": rapid.SampledFrom([]string{"domestic", "inbound"}).Draw(r, "direction")}
			switch rapid.IntRange(0, 2).Draw(r, "promise") {
			case 1:
				f["promised_at"] = drawInstant(r).Format(time.RFC3339)
			case 2:
				f["promise_days"] = rapid.IntRange(0, 3).Draw(r, "days")
			}
			return "case.accepted", f
		},
		func(*rapid.T) (string, fields) { return "case.reviewed", fields{"result": "pass"} },
		func(*rapid.T) (string, fields) {
			return "case.approved", fields{"decision": "approved", "approver_level": 1}
		},
		func(r *rapid.T) (string, fields) {
			return "case.progressed", fields{"step": rapid.SampledFrom([]string{"scan", "notice"}).Draw(r, "step"), "attempt_no": 1}
		},
		func(r *rapid.T) (string, fields) {
			return "case.delivered", fields{"time_unknown": rapid.Bool().Draw(r, "unknown")}
		},
		func(r *rapid.T) (string, fields) {
			return "case.promise_changed", fields{"promised_at": drawInstant(r).Format(time.RFC3339), "reason": rapid.SampledFrom([]string{"customer", "operator"}).Draw(r, "reason")}
		},
		func(r *rapid.T) (string, fields) { return "case.paused", fields{"reason": drawPause(r)} },
		func(r *rapid.T) (string, fields) { return "case.resumed", fields{"reason": drawPause(r)} },
		func(r *rapid.T) (string, fields) {
			return "case.ended", fields{"outcome": rapid.SampledFrom([]string{"cancelled", "lost", "returned", "odd"}).Draw(r, "outcome")}
		},
		func(r *rapid.T) (string, fields) {
			return "case.reopened", fields{"reason": rapid.SampledFrom([]string{"not_received", "mistake"}).Draw(r, "reason")}
		},
		func(*rapid.T) (string, fields) {
			return "case.archived", fields{"documents": []string{"operation_log"}}
		},
	},
	"ticket": {
		func(r *rapid.T) (string, fields) {
			f := received(rapid.SampledFrom([]string{"complaint", "enquiry", "feedback"}).Draw(r, "kind"))
			if rapid.Bool().Draw(r, "due") {
				f["due_at"] = drawInstant(r).Format(time.RFC3339)
			}
			if rapid.IntRange(0, 5).Draw(r, "duplicate") == 0 {
				f["duplicate_of"] = "T-0"
			}
			return "ticket.received", f
		},
		func(r *rapid.T) (string, fields) {
			return "ticket.accepted", fields{"owner_ref": "s-1", "due_at": drawInstant(r).Format(time.RFC3339)}
		},
		func(*rapid.T) (string, fields) { return "ticket.responded", fields{} },
		func(*rapid.T) (string, fields) {
			return "ticket.handed_over", fields{"to_owner_ref": "s-2", "accepted": true}
		},
		func(r *rapid.T) (string, fields) {
			return "ticket.investigated", fields{"finding": rapid.SampledFrom([]string{"valid", "invalid"}).Draw(r, "finding")}
		},
		func(*rapid.T) (string, fields) { return "ticket.resolved", fields{"remedy": "apology"} },
		func(*rapid.T) (string, fields) { return "ticket.replied", fields{} },
		func(r *rapid.T) (string, fields) { return "ticket.paused", fields{"reason": drawPause(r)} },
		func(r *rapid.T) (string, fields) { return "ticket.resumed", fields{"reason": drawPause(r)} },
		func(*rapid.T) (string, fields) {
			return "ticket.escalated", fields{"level": 2, "to": "regulator"}
		},
		func(*rapid.T) (string, fields) { return "ticket.withdrawn", fields{} },
		func(*rapid.T) (string, fields) { return "ticket.reopened", fields{"reason": "not solved"} },
		func(*rapid.T) (string, fields) { return "ticket.archived", fields{} },
	},
	"survey": {
		func(*rapid.T) (string, fields) {
			return "survey.invited", fields{"instrument": "csat", "region": "330100"}
		},
		func(r *rapid.T) (string, fields) {
			return "survey.answered", fields{"instrument": "csat", "answers": []map[string]any{answer("overall", "score", rapid.IntRange(1, 5).Draw(r, "score"))}}
		},
	},
}

func drawPause(r *rapid.T) string {
	return rapid.SampledFrom([]string{"customs", "awaiting_customer", "force_majeure"}).Draw(r, "pause")
}

// drawInstant draws one of few instants around the National Day holidays of 2025, and a few beyond the calendar.
func drawInstant(r *rapid.T) time.Time {
	if rapid.IntRange(0, 19).Draw(r, "far") == 0 {
		return time.Date(2026, 12, 31, 4, 0, 0, 0, time.UTC)
	}
	return time.Date(2025, 9, 28, 16, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 30).Draw(r, "hours")) * 12 * time.Hour)
}

func drawEvents(r *rapid.T, t testing.TB, family string) []event.Event {
	events := make([]event.Event, 0, 16)
	for range rapid.IntRange(1, 14).Draw(r, "n") {
		var kind string
		var data fields
		e := event.Event{Source: "/s", Subject: "X-1", Time: drawInstant(r)}
		e.ID = fmt.Sprintf("e%d", rapid.IntRange(0, 11).Draw(r, "id"))
		if rapid.IntRange(0, 3).Draw(r, "corrects") == 0 {
			kind, data = family+".corrected", fields{}
			e.CorrectsID = fmt.Sprintf("e%d", rapid.IntRange(0, 11).Draw(r, "target"))
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				data["void"] = true
			case 1:
				data["time_new"] = drawInstant(r).Format(time.RFC3339)
			case 2:
				data["data"] = fields{"reason": "not_received"}
			case 3:
				data["data"] = fields{"void": rapid.Bool().Draw(r, "void"), "time_new": drawInstant(r).Format(time.RFC3339)}
			case 4:
				data["data"] = fields{"region": rapid.SampledFrom([]any{"120000", nil}).Draw(r, "region"), "promised_at": drawInstant(r).Format(time.RFC3339)}
			}
		} else {
			kind, data = rapid.SampledFrom(families[family]).Draw(r, "kind")(r)
		}
		e.Type = "cn.post." + kind
		e.Sequence = rapid.SampledFrom([]string{"", "", "1", "2"}).Draw(r, "sequence")
		e.Test = rapid.IntRange(0, 9).Draw(r, "test") == 0
		if rapid.Bool().Draw(r, "recorded") {
			e.Recorded = drawInstant(r)
		}
		raw, err := event.EncodeData(map[string]any(data))
		if err != nil {
			r.Fatal(err)
		}
		e.Data = raw
		events = append(events, decoded(t, e))
	}
	return events
}

// folded is all that comes of the events of a subject.
type folded struct {
	Case   Case
	Ticket Ticket
	Survey Survey
	Flags  []string
	Events []Entry
	Notes  []Note
	Next   time.Time
}

func foldAll(h History, p *policy.Policy, cal *calendar.Calendar) folded {
	return folded{
		Case: FoldCase(h, p, cal), Ticket: FoldTicket(h, Linked{}, p, cal), Survey: FoldSurvey(h, Linked{}),
		Flags: h.Flags, Events: h.Events, Next: h.NextAt,
		// How often something was repeated is no part of what is known.
		Notes: slices.DeleteFunc(slices.Clone(h.Notes), func(n Note) bool { return n.Fate == FateDuplicate }),
	}
}

func eachFamily(t *testing.T, property func(r *rapid.T, family string, p *policy.Policy, cal *calendar.Calendar)) {
	_, cal := rules(t)
	content, err := policy.Load("test.yaml", []byte(everyClock))
	if err != nil {
		t.Fatal(err)
	}
	for family := range families {
		t.Run(family, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { property(r, family, content, cal) })
		})
	}
}

// everyClock has clocks of every length, with pauses.
const everyClock = `
version: test
constructive_acceptance_hours: 24
clocks:
  - {name: promise, base: cases, start: accepted, length: {instant: promise}, done: delivered, moved_by: [customer], pauses: [{reason: customs, when: {direction: [inbound]}, needs_resume: true}, {reason: awaiting_customer}], ends: {cancelled: excluded, lost: failed, returned: failed, other: failed}}
  - {name: promise_day, base: cases, start: accepted, length: {instant: promise, whole_day: true}, done: delivered, moved_by: [customer], pauses: [{reason: awaiting_customer}], ends: {cancelled: excluded, lost: failed, returned: failed, other: failed}}
  - {name: archive, base: cases, start: ended, length: {working_days: 1}, done: archived, pauses: [{reason: awaiting_customer}]}
  - {name: attempt, base: cases, start: submitted, length: {hours: 36}, done: first_attempt, pauses: [{reason: awaiting_customer}, {reason: customs}], ends: {cancelled: excluded}}
  - {name: answer, base: tickets, start: received, length: {hours: 36}, done: first_response, pauses: [{reason: awaiting_customer}, {reason: customs}], ends: {withdrawn: excluded}}
  - {name: reply, base: tickets, when: {kind: [complaint, unknown]}, start: constructive, length: {working_days: 2}, done: replied, pauses: [{reason: awaiting_customer}, {reason: customs}], ends: {withdrawn: excluded}}
  - {name: due, base: tickets, start: received, length: {instant: due_at}, done: closed, pauses: [{reason: customs}], ends: {withdrawn: failed}}
`

// What always holds, 2: any permutation and repetition of the events, and any cut of them into batches that arrive in
// any order, ends in the same state.
func TestProperty_OrderAndRepetition(t *testing.T) {
	eachFamily(t, func(r *rapid.T, family string, p *policy.Policy, cal *calendar.Calendar) {
		events := drawEvents(r, t, family)
		asOf := rapid.SampledFrom([]time.Time{forever, drawInstant(r)}).Draw(r, "as_of")
		want := foldAll(Effective(events, asOf, nil), p, cal)
		again := slices.Clone(events)
		for range rapid.IntRange(0, 5).Draw(r, "copies") {
			again = append(again, rapid.SampledFrom(events).Draw(r, "copy"))
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		before := slices.Clone(again)
		got := foldAll(Effective(again, asOf, nil), p, cal)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("state (-in order +shuffled):\n%s", diff)
		}
		if diff := cmp.Diff(before, again); diff != "" {
			r.Fatalf("the fold changed its input:\n%s", diff)
		}
	})
}

// What always holds, 6: what happens after as_of, other than a correction, changes nothing but when to fold again.
func TestProperty_AsOf(t *testing.T) {
	eachFamily(t, func(r *rapid.T, family string, p *policy.Policy, cal *calendar.Calendar) {
		events := drawEvents(r, t, family)
		asOf := drawInstant(r)
		h := Effective(events, asOf, nil)
		later := map[Identity]bool{}
		for _, n := range h.Notes {
			if n.Fate == FateLater {
				later[Identity{n.Event.Source, n.Event.ID}] = true
			}
		}
		known := slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool { return later[Identity{e.Source, e.ID}] })
		// Without its target a correction is flagged as such; the flag says nothing of the state.
		ignore := cmp.Options{cmpopts.IgnoreFields(Unit{}, "Flags", "NextAt", "Subject"), cmpopts.IgnoreFields(folded{}, "Flags", "Notes", "Next")}
		want, got := foldAll(Effective(known, asOf, nil), p, cal), foldAll(h, p, cal)
		if diff := cmp.Diff(want, got, ignore); diff != "" {
			r.Fatalf("state (-without later events +with them):\n%s", diff)
		}
		if h.NextAt.IsZero() != (len(later) == 0) || !h.NextAt.IsZero() && !h.NextAt.After(asOf) {
			r.Fatalf("next at %v with %d later events, as of %v", h.NextAt, len(later), asOf)
		}
		if h.NextAt.IsZero() {
			return
		}
		// Up to the next event the state stays.
		just := foldAll(Effective(events, h.NextAt.Add(-time.Microsecond), nil), p, cal)
		if diff := cmp.Diff(got, just); diff != "" {
			r.Fatalf("state before the next event (-as of +just before):\n%s", diff)
		}
	})
}

// What any reader of an anchor relies on.
func TestProperty_Anchors(t *testing.T) {
	eachFamily(t, func(r *rapid.T, family string, p *policy.Policy, cal *calendar.Calendar) {
		f := foldAll(Effective(drawEvents(r, t, family), forever, nil), p, cal)
		for _, u := range []Unit{f.Case.Unit, f.Ticket.Unit, f.Survey.Unit} {
			if (u.Counted == 0) != (u.Anchors == nil && u.State == "") && u.Counted == 0 {
				r.Fatalf("a unit of nothing: %+v", u)
			}
			if !slices.IsSorted(u.Flags) || !slices.IsSorted(u.Steps) {
				r.Fatalf("not sorted: %v %v", u.Flags, u.Steps)
			}
			seen := map[string]bool{}
			for _, a := range u.Anchors {
				if seen[a.Name] {
					r.Fatalf("two anchors %s", a.Name)
				}
				seen[a.Name] = true
				_, isClock := p.Clock(a.Name)
				switch {
				case !isClock && (a.Done.IsZero() || !a.Due.IsZero() || a.Open || a.Day != calendar.DayOf(a.Done)):
					r.Fatalf("step %+v", a)
				case isClock && !a.Due.IsZero() && a.Day != calendar.DayOf(a.Due):
					r.Fatalf("clock stands on another day than its deadline: %+v", a)
				case isClock && a.Due.IsZero() != (a.Undetermined || a.Unknown && a.Due.IsZero()):
					r.Fatalf("clock without deadline: %+v", a)
				case a.Open && (!a.Done.IsZero() || u.Excluded == "" && a.Excluded != ""):
					r.Fatalf("open and done or excluded: %+v", a)
				case a.Paused && !a.Open:
					r.Fatalf("paused though it has stopped: %+v", a)
				case a.Unknown && !a.Done.IsZero():
					r.Fatalf("unknown and done: %+v", a)
				}
			}
		}
	})
}

// The wall clock of a policy against one that is read every half day: it runs while nothing pauses it, and when it has
// run out, later pauses do not wind it up again.
func TestProperty_WallClock(t *testing.T) {
	_, cal := rules(t)
	p := load(t, "  - {name: own, base: tickets, start: received, length: {hours: 96}, done: replied, pauses: [{reason: customs}, {reason: awaiting_customer}]}\n")
	const step = 12 * time.Hour
	rapid.Check(t, func(r *rapid.T) {
		start := time.Date(2025, 9, 28, 16, 0, 0, 0, time.UTC)
		s := newStory(t, "T-1").add("ticket.received", start.In(calendar.Beijing).Format("2006-01-02 15:04"), received("praise"))
		paused := map[int]bool{} // half days in which something pauses
		for _, reason := range []string{"customs", "awaiting_customer"} {
			cuts := rapid.SliceOfNDistinct(rapid.IntRange(1, 40), 0, 6, rapid.ID[int]).Draw(r, reason)
			slices.Sort(cuts)
			for i := 0; i+1 < len(cuts); i += 2 {
				for at, kind := range map[int]string{cuts[i]: "paused", cuts[i+1]: "resumed"} {
					s.add("ticket."+kind, start.Add(time.Duration(at)*step).In(calendar.Beijing).Format("2006-01-02 15:04"), fields{"reason": reason})
				}
				for at := cuts[i]; at < cuts[i+1]; at++ {
					paused[at] = true
				}
			}
		}
		left, at := 8, 0
		// A pause that begins at the deadline itself still holds.
		for ; left > 0 || paused[at]; at++ {
			if !paused[at] {
				left--
			}
		}
		want := start.Add(time.Duration(at) * step)
		got := mustAnchor(t, FoldTicket(Effective(s.events, forever, nil), Linked{}, p, cal).Unit, "own").Due
		if !got.Equal(want) {
			r.Fatalf("due %v, want %v", got, want)
		}
	})
}

// Any messages that the contract lets in fold without a panic, and alike in both directions.
func FuzzFold(f *testing.F) {
	p, cal := rules(f)
	s := newStory(f, "X-1")
	for name, data := range map[string]fields{
		"case.accepted": accepted(f, "2026-03-16 18:00"), "case.delivered": nil, "case.ended": {"outcome": "lost"},
		"case.promise_changed": {"promised_at": s.instant("2026-03-17 18:00"), "reason": "customer"},
		"case.paused":          {"reason": "customs"}, "case.resumed": {"reason": "customs"}, "case.reopened": {"reason": "not_received"},
		"ticket.received": received("complaint"), "ticket.accepted": {"owner_ref": "s-1"}, "ticket.withdrawn": nil, "ticket.replied": nil,
		"survey.answered": {"instrument": "csat", "answers": []map[string]any{answer("overall", "score", 4)}},
	} {
		s.add(name, "2026-03-16 10:00", data)
	}
	s.add("case.corrected", "2026-03-16 10:00", fields{"data": fields{"region": "110000"}}, correcting("e001"))
	var lines [][]byte
	for _, e := range s.events {
		line, err := event.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		lines = append(lines, line)
		f.Add(line)
	}
	f.Add(bytes.Join(lines, []byte("\n")))
	samples, err := filepath.Glob("../../ingest/event/testdata/*/good*.json")
	if err != nil || len(samples) == 0 {
		f.Fatalf("no samples of the contract: %v", err)
	}
	for _, file := range samples {
		message, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.ReplaceAll(message, []byte("\n"), []byte(" ")))
	}
	f.Fuzz(func(t *testing.T, messages []byte) {
		var events []event.Event
		for line := range bytes.Lines(messages) {
			for _, topic := range event.Topics() {
				if e, err := event.Decode(bytes.TrimSpace(line), forever, topic); err == nil {
					e.Subject = "X-1"
					events = append(events, *e)
				}
			}
		}
		want := foldAll(Effective(events, forever, nil), p, cal)
		slices.Reverse(events)
		if diff := cmp.Diff(want, foldAll(Effective(events, forever, nil), p, cal), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("state (-one way +the other):\n%s", diff)
		}
	})
}

// A usual case: accepted, scanned, delivered; and one that was corrected.
func BenchmarkFoldCase(b *testing.B) {
	p, cal := rules(b)
	for _, scans := range []int{3, 12} {
		for _, corrected := range []bool{false, true} {
			s := newStory(b, "C-1").add("case.accepted", "2026-03-13 16:00", accepted(b, "2026-03-16 18:00"))
			for i := range scans {
				s.add("case.progressed", fmt.Sprintf("2026-03-14 %02d:00", i), fields{"step": "scan", "emsevt": "EMJ"})
			}
			s.add("case.delivered", "2026-03-16 10:00", fields{"result": "to_addressee"})
			if corrected {
				s.add("case.corrected", "2026-03-17 10:00", fields{"data": fields{"region": "110000"}}, correcting("e001"))
			}
			b.Run(strings.Join([]string{fmt.Sprint(len(s.events)), "events", fmt.Sprint("corrected=", corrected)}, "_"), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if c := FoldCase(Effective(s.events, forever, nil), p, cal); c.Outcome != OutcomeDelivered {
						b.Fatal(c.Outcome)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.events)), "ns/event")
			})
		}
	}
}
