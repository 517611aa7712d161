package simulate

import (
	"reflect"
	"testing"
	"time"

	"youzhi/ingest/event"
)

var (
	from = time.Date(2025, 8, 1, 0, 0, 0, 0, beijingZone)
	to   = time.Date(2026, 11, 1, 0, 0, 0, 0, beijingZone)
)

func operator(t testing.TB, seed uint64, scale float64, change func(*Options)) *Operator {
	t.Helper()
	o := Options{Seed: seed, Scale: scale, From: from, To: to}
	if change != nil {
		change(&o)
	}
	op, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// Every message is one that the contract admits, at the instant of its sending,
// and every event type is among them.
func TestMessages_Decode(t *testing.T) {
	op := operator(t, 1, 0.01, func(o *Options) { o.Contacts = 4 })
	seen := map[string]int{}
	last := time.Time{}
	for m := range op.History(to.AddDate(0, 0, 100)) {
		if m.Sent.Before(last) {
			t.Fatalf("%s is sent before %s", m.Sent, last)
		}
		last = m.Sent
		e, err := event.Decode(m.Value, m.Sent, m.Topic)
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Value)
		}
		if e.Time.After(m.Sent) {
			t.Fatalf("sent at %s before it happens: %s", m.Sent, m.Value)
		}
		payload, err := event.DecodeData(e.Type, e.Data)
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Value)
		}
		if words := wordsOf(payload); len(words) > 0 {
			t.Fatalf("words %v that the contract does not know\n%s", words, m.Value)
		}
		if string(m.Key) != e.Subject {
			t.Fatalf("key %s of subject %s", m.Key, e.Subject)
		}
		seen[e.Type]++
	}
	for _, name := range event.Types() {
		if seen[name] == 0 {
			t.Errorf("no %s", name)
		}
	}
}

// Every deadline comes to what was drawn for it before its events were made.
func TestLedger_Drawn(t *testing.T) {
	counts := map[clock]map[verdict]int{}
	for seed := range uint64(3) {
		op := operator(t, seed, 0.03, func(o *Options) { o.Contacts = 10 })
		op.Draw(DayOf(to) + 300)
		r, err := op.Ledger().At(to.AddDate(0, 0, 299), Everything)
		if err != nil {
			t.Fatal(err)
		}
		checkDrawn(t, op, r, counts)
	}
	for c := range clocks {
		for _, v := range []verdict{kept, missed, excluded} {
			if counts[c][v] == 0 {
				t.Errorf("clock %d: none is %s", c, v)
			}
		}
	}
}

func checkDrawn(t *testing.T, op *Operator, r *Reading, counts map[clock]map[verdict]int) {
	t.Helper()
	rulesOf := map[clock]string{
		acceptance: "case_acceptance_on_time_rate", answer24: "enquiry_answer_24h_rate", accept24: "complaint_accept_24h_rate",
		investigate7: "complaint_investigation_7wd_rate", reply15: "complaint_feedback_15wd_rate",
		response3: "feedback_response_3wd_rate", ticketDue: "ticket_on_time_rate", answer14: "survey_response_rate",
	}
	faults := 0
	for b := range op.ledger.units {
		for _, u := range op.ledger.units[b] {
			if dayOfUnit(u) >= DayOf(to) {
				continue
			}
			v := r.byUnit[u]
			for c := range clocks {
				want, have := u.drawn[c], outside
				if v != nil {
					switch c {
					case onTime:
						have = v.promise(false).verdict
					case onTimeByDay:
						have = v.promise(true).verdict
					default:
						if ru := rules[rulesOf[c]]; ru.base == u.base {
							have = ru.count(v).verdict
						}
					}
				}
				if want != outside && (u.test || v != nil && v.duplicate) {
					want = excluded
				}
				if counts[c] == nil {
					counts[c] = map[verdict]int{}
				}
				counts[c][want]++
				if want != have {
					if faults++; faults < 20 {
						t.Errorf("%s: clock %d was drawn %s, is %s", u.id, c, want, have)
					}
				}
			}
		}
	}
}

func dayOfUnit(u *unit) Day {
	d := Day(1 << 30)
	for _, f := range u.facts {
		d = min(d, dayOf(f.at))
	}
	return d
}

func BenchmarkHistory(b *testing.B) {
	op := operator(b, 1, 1, func(o *Options) { o.NoLedger = true })
	b.ReportAllocs()
	n, size := 0, 0
	for b.Loop() {
		n, size = 0, 0
		for m := range op.History(from.AddDate(0, 2, 0)) {
			n++
			size += len(m.Value)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(size)/float64(n), "bytes/event")
}

func wordsOf(payload any) []event.Word {
	v := reflect.ValueOf(payload).Elem().FieldByName("Unknown")
	return v.Interface().(event.Unknown).Words
}
