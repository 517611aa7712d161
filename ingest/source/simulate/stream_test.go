package simulate

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
)

// digest is what a stream comes to, byte by byte.
func digest(parts ...iter.Seq[Message]) (sum [32]byte, n int) {
	h := sha256.New()
	for _, messages := range parts {
		for m := range messages {
			n++
			for _, b := range [][]byte{[]byte(m.Topic), m.Key, m.Value, []byte(m.Sent.String())} {
				h.Write(b)
				h.Write([]byte{0})
			}
		}
	}
	return [32]byte(h.Sum(nil)), n
}

func TestMessages_SameSeedSameBytes(t *testing.T) {
	end := from.AddDate(0, 4, 0)
	whole, n := digest(operator(t, 7, 0.02, nil).History(end))
	if n < 3000 {
		t.Fatalf("only %d messages", n)
	}
	again, _ := digest(operator(t, 7, 0.02, func(o *Options) { o.NoLedger = true }).History(end))
	if whole != again {
		t.Error("without a ledger other messages are sent")
	}
	other, _ := digest(operator(t, 8, 0.02, nil).History(end))
	if whole == other {
		t.Error("another seed makes no difference")
	}
	// In pieces, which end within days.
	op := operator(t, 7, 0.02, nil)
	var parts []iter.Seq[Message]
	for at := from; at.Before(end); {
		next := at.Add(391*time.Hour + 7*time.Minute)
		if next.After(end) {
			next = end
		}
		parts = append(parts, op.Messages(at, next))
		at = next
	}
	if pieces, k := digest(parts...); pieces != whole {
		t.Errorf("in pieces it is another stream: %d messages, %d in one", k, n)
	}
	// From the middle, by an operator that did not make what was before.
	middle := from.Add(1500 * time.Hour)
	tail, k := digest(op.Messages(middle, end))
	fresh, l := digest(operator(t, 7, 0.02, nil).Messages(middle, end))
	bare, _ := digest(operator(t, 7, 0.02, func(o *Options) { o.NoLedger = true }).Messages(middle, end))
	if tail != fresh || tail != bare {
		t.Errorf("begun in the middle it is another stream: %d and %d messages", k, l)
	}
}

// A ledger that was only drawn is the one beside the messages.
func TestDraw_SameLedger(t *testing.T) {
	op, drawn := operator(t, 7, 0.02, nil), operator(t, 7, 0.02, nil)
	end := from.AddDate(0, 3, 0)
	for range op.History(end) {
	}
	drawn.Draw(DayOf(end) - 30)
	drawn.Draw(DayOf(end))
	if op.Ledger().Days() != drawn.Ledger().Days() {
		t.Fatalf("one reaches to %s, the other to %s", op.Ledger().Days(), drawn.Ledger().Days())
	}
	for _, key := range Keys() {
		q := Question{Key: key, From: DayOf(from), To: DayOf(end), Grain: "month", By: []string{"region"}, AsOf: end, Before: end}
		want, err := op.Ledger().Figures(q)
		if err != nil {
			t.Fatal(err)
		}
		have, err := drawn.Ledger().Figures(q)
		if err != nil {
			t.Fatal(err)
		}
		nans := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
		if diff := cmp.Diff(want, have, nans); diff != "" {
			t.Errorf("%s:\n%s", key, diff)
		}
		if len(want) == 0 {
			t.Errorf("%s: nothing to compare", key)
		}
	}
}

func TestLive_GoesOn(t *testing.T) {
	op := operator(t, 7, 0.02, nil)
	start := from.Add(1000*time.Hour + 5*time.Minute)
	for range op.History(start) {
	}
	var want []Message
	for m := range operator(t, 7, 0.02, nil).Messages(start, start.AddDate(0, 0, 6)) {
		want = append(want, m)
	}
	var have []Message
	var last time.Time
	for m := range op.Live(start, func(until time.Time) bool {
		last = until
		return until.Before(start.AddDate(0, 0, 6))
	}) {
		have = append(have, m)
	}
	if diff := cmp.Diff(want, have); diff != "" || len(want) < 100 {
		t.Errorf("%d messages live, %d at once: %s", len(have), len(want), diff[:min(len(diff), 500)])
	}
	if last.Before(start.AddDate(0, 0, 6)) || last.After(start.AddDate(0, 0, 7)) {
		t.Errorf("the clock was last asked for %s", last)
	}
}

// No message is sent longer after its day than the horizon says, nor one of a duty
// longer than that of duties.
func TestMessages_Horizon(t *testing.T) {
	for seed := range uint64(3) {
		op := operator(t, seed, 0.05, nil)
		op.Draw(DayOf(from) + 120)
		longest := func(days Day, begun func(m *maker, d Day)) (longest Day) {
			for d := DayOf(from); d < DayOf(from)+days; d++ {
				s := stream{pending: map[Day][]pending{}}
				s.m = maker{o: op, from: d.start(), out: func(sent int64, msg Message) {
					day := dayOf(sent)
					if day < d {
						t.Fatalf("sent on %s what begins on %s: %s", day, d, msg.Value)
					}
					longest = max(longest, day-d)
				}}
				begun(&s.m, d)
			}
			return longest
		}
		all := longest(120, func(m *maker, d Day) {
			for _, o := range op.outlets {
				m.casesOf(o, d)
				m.ticketsOf(o, d)
			}
		})
		duties := longest(400, func(m *maker, d Day) { m.duties(d) })
		t.Logf("at most %d days, duties %d", all, duties)
		if all >= horizon || duties >= dutyHorizon {
			t.Errorf("a message is sent %d days after its day, one of a duty %d", all, duties)
		}
	}
}

// A stream that begins with a month, as that of a demo does, lacks nothing of what
// was begun before.
func TestMessages_BegunWithAnyMonth(t *testing.T) {
	end := from.AddDate(0, 16, 0)
	quiet := func(o *Options) { o.NoLedger, o.To = true, end }
	sent := map[time.Time]int{} // by the month that they are sent in
	month := func(at time.Time) time.Time {
		at = at.In(beijingZone)
		return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, beijingZone)
	}
	for m := range operator(t, 5, 0.02, quiet).History(end) {
		sent[month(m.Sent)]++
	}
	for begin := from; begin.Before(end); begin = begin.AddDate(0, 1, 0) {
		n := 0
		for range operator(t, 5, 0.02, quiet).Messages(begin, begin.AddDate(0, 1, 0)) {
			n++
		}
		if n != sent[begin] {
			t.Errorf("%s: a stream that begins has %d messages, one that goes on %d", begin.Format("2006-01"), n, sent[begin])
		}
	}
}

// The shares of late, shuffled, repeated, corrected and tested messages are those
// that were asked for.
func TestMessages_Shares(t *testing.T) {
	shares := &Shares{Late: 0.08, Shuffled: 0.1, Repeated: 0.06, Corrected: 0.04, Voided: 0.02, Test: 0.03, Conflicting: 0.002, MaxLate: 30 * time.Hour}
	op := operator(t, 3, 0.1, func(o *Options) { o.Shares, o.Quiet, o.NoLedger = shares, true, true })
	type identity struct{ source, id string }
	first := map[identity]event.Hash{}
	var n, late, shuffled, repeated, conflicts, corrections, tests, cases float64
	for m := range op.History(from.AddDate(0, 3, 0)) {
		e, err := event.Decode(m.Value, m.Sent, m.Topic)
		if err != nil {
			t.Fatal(err)
		}
		if m.Topic != event.TopicCases {
			continue
		}
		if e.Type == event.TypeCaseCorrected {
			corrections++
			continue
		}
		key := identity{e.Source, e.ID}
		if hash, ok := first[key]; ok {
			if hash == e.Hash {
				repeated++
			} else {
				conflicts++
			}
			continue
		}
		first[key] = e.Hash
		n++
		switch lag := m.Sent.Sub(e.Time); {
		case lag > 31*time.Hour+48*time.Hour:
			t.Fatalf("%s late", lag)
		case lag > 2*time.Hour:
			late++
		case lag > time.Minute:
			shuffled++
		}
		if strings.HasSuffix(e.ID, "-1") {
			cases++
			if e.Test {
				tests++
			}
		}
	}
	for _, c := range []struct {
		name             string
		have, want, give float64
	}{
		// Of what is late an hour to 30, one in 29 is below two; of what is sent again
		// some is beyond the end.
		{"late", late / n, 0.08 * 28 / 29, 0.01}, {"shuffled", shuffled / n, 0.1 + 0.08/29, 0.01},
		{"repeated", repeated / n, 0.06, 0.01}, {"tests", tests / cases, 0.03, 0.01},
		{"conflicts", conflicts / cases, 0.002, 0.001},
		// A voided case takes back each of its events.
		{"corrections", corrections / cases, 0.04*1.15 + 0.01 + 0.01*7, 0.04},
	} {
		if c.have < c.want-c.give || c.have > c.want+c.give {
			t.Errorf("%s: %.4f, want %.4f", c.name, c.have, c.want)
		}
	}
}

// Cases counted from the messages alone are those of the ledger.
func TestLedger_Recount(t *testing.T) {
	op := operator(t, 4, 0.01, nil)
	type identity struct{ source, id string }
	accepted := map[identity]*event.Event{}
	corrections := map[identity][]*event.Event{}
	seen := map[identity]bool{}
	for m := range op.History(to.AddDate(0, 0, 30)) {
		e, err := event.Decode(m.Value, m.Sent, m.Topic)
		if err != nil {
			t.Fatal(err)
		}
		if key := (identity{e.Source, e.ID}); !seen[key] {
			seen[key] = true
			switch e.Type {
			case event.TypeCaseAccepted:
				accepted[key] = e
			case event.TypeCaseCorrected:
				target := identity{e.Source, e.CorrectsID}
				corrections[target] = append(corrections[target], e)
			}
		}
	}
	want := map[string]int64{}
	subjects := map[string]bool{}
	var order []*event.Event
	for _, e := range accepted {
		order = append(order, e)
	}
	slices.SortFunc(order, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range order {
		data := e.Data
		void := false
		for _, c := range corrections[identity{e.Source, e.ID}] {
			payload, err := event.DecodeData(c.Type, c.Data)
			if err != nil {
				t.Fatal(err)
			}
			fix := payload.(*event.Corrected)
			if void = fix.Void; !void {
				if data, err = event.Merge(data, fix.Data); err != nil {
					t.Fatal(err)
				}
			}
		}
		payload, err := event.DecodeData(e.Type, data)
		if err != nil {
			t.Fatal(err)
		}
		if void || e.Test || subjects[e.Subject] || !e.Time.Before(to) {
			continue
		}
		subjects[e.Subject] = true
		p := payload.(*event.CaseAccepted)
		want[e.Time.In(beijingZone).Format("2006-01")+" "+p.Region[:2]+" "+p.Outlet+" "+p.Product]++
	}
	figures, err := op.Ledger().Figures(Question{
		Key: "case_volume", From: DayOf(from), To: DayOf(to), Grain: "month", By: []string{"region", "outlet", "product"},
		AsOf: to.Add(-time.Microsecond), Before: to.AddDate(0, 0, 30),
	})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]int64{}
	for _, f := range figures {
		if f.N > 0 {
			have[f.From.String()[:7]+" "+strings.Join(f.By, " ")] = f.N
		}
	}
	if diff := cmp.Diff(want, have); diff != "" || len(want) < 300 {
		t.Errorf("%d cells: %s", len(want), diff)
	}
}

func TestNew_Faults(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Scale = 0 }, "scale 0 is not above 0"},
		{func(o *Options) { o.Scale = math.NaN() }, "scale NaN"},
		{func(o *Options) { o.Contacts = -1 }, "contacts -1 are not"},
		{func(o *Options) { o.To = o.From }, "at least 30 are needed"},
		{func(o *Options) { o.From = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC) }, "working days are known from 2025-01-01 to 2026-12-31"},
		{func(o *Options) { o.Shares = &Shares{Late: 0.6, MaxLate: time.Hour} }, "share of late 0.6"},
		{func(o *Options) { o.Shares = &Shares{Late: 0.1} }, "late by up to 0s"},
	} {
		o := Options{Seed: 1, Scale: 1, From: from, To: to}
		c.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// sink keeps what is written, and fails after some of it.
type sink struct {
	written map[string][]topic.Message
	left    int
}

func (s *sink) Write(_ context.Context, name string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	if s.left--; s.left < 0 {
		return nil, errors.New("the disk is full")
	}
	s.written[name] = append(s.written[name], slices.Clone(messages)...)
	return make([]topic.Acknowledgement, len(messages)), nil
}

func TestSend(t *testing.T) {
	end := from.AddDate(0, 0, 5)
	s := &sink{written: map[string][]topic.Message{}, left: math.MaxInt}
	n, err := Send(t.Context(), s, operator(t, 1, 0.02, nil).History(end), 100)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]topic.Message{}
	for m := range operator(t, 1, 0.02, nil).History(end) {
		want[m.Topic] = append(want[m.Topic], topic.Message{Key: m.Key, Value: m.Value, Time: m.Sent})
		n--
	}
	if n != 0 {
		t.Errorf("it says that %d more were sent", n)
	}
	if diff := cmp.Diff(want, s.written); diff != "" {
		t.Error(diff[:min(len(diff), 500)])
	}
	s.left = 3
	if _, err := Send(t.Context(), s, operator(t, 1, 0.02, nil).History(end), 100); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("a failing sink: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Send(ctx, s, operator(t, 1, 0.02, nil).History(end), 100); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}
