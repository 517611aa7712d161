package fold_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/source/simulate"
	"youzhi/ingest/topic"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// history is an operator that is drawn.
type history struct {
	name, size string
	o          simulate.Options
}

// small operators have few cases that customers ask, complain and are asked
// about a lot, and more faults of every kind; the larger ones have the ordinary
// shares.
const (
	small = "small"
	large = "large"
)

// historyOf is the operator of a seed. The histories begin in different months,
// so that every holiday, and the end of the known calendar, is in some of them.
func historyOf(seed int, size string) history {
	from := calendar.Date(2025, time.January, 1) + calendar.Day(31*(seed-1))
	o := simulate.Options{Seed: uint64(seed), From: from.Start(), To: (from + 450).Start()}
	switch size {
	case small:
		o.Scale, o.Contacts = 0.01, 20
		o.Shares = &simulate.Shares{Late: 0.05, Shuffled: 0.05, Repeated: 0.03, Corrected: 0.06, Voided: 0.02, Test: 0.01, Conflicting: 0.01, MaxLate: 96 * time.Hour}
	case large:
		o.Scale, o.Contacts = 0.03, 2
	}
	return history{fmt.Sprintf("seed %d, %s", seed, size), size, o}
}

// moments are when the live figures are looked at: in the middle of the history,
// at its end, when a source is silent, and more than a week after.
func (h history) moments() []time.Time {
	return []time.Time{
		h.o.From.AddDate(0, 0, 200).Add(13*time.Hour + 7*time.Minute + time.Second),
		h.o.To,
		h.o.To.AddDate(0, 0, 9).Add(6*time.Hour + 11*time.Minute),
	}
}

// pasts are instants as of which figures are asked for when all is known: at
// the start of a Beijing day, at the instant that most promises are for, and a
// little before the last moment.
func (h history) pasts() []time.Time {
	return []time.Time{
		h.o.From.AddDate(0, 0, 180),
		h.o.To.AddDate(0, 0, -3).Add(18 * time.Hour),
		h.moments()[2].Add(-time.Microsecond),
	}
}

// split is a way to ask.
type split struct {
	by    []string
	grain calendar.Grain
}

// splits are the ways in which every indicator is asked for, if it has their
// dimensions.
var splits = []split{
	{[]string{"region"}, calendar.GrainMonth},
	{[]string{"outlet"}, calendar.GrainQuarter},
	{[]string{"product"}, calendar.GrainMonth},
	{[]string{"channel"}, calendar.GrainQuarter},
	{[]string{"region", "kind"}, calendar.GrainQuarter},
	{nil, calendar.GrainDay},
}

// send stores what the operator sends in [from, to), through the decoder, over
// three partitions by its key.
func (r *room) send(t testing.TB, op *simulate.Operator, from, to time.Time) (messages int) {
	t.Helper()
	rows := map[string][]queries.EventRow{}
	flush := func(topic string) {
		if err := r.db.InsertEvents(context.Background(), topic, queries.EventsOf(rows[topic]...)); err != nil {
			t.Fatal(err)
		}
		rows[topic] = rows[topic][:0]
	}
	for m := range op.Messages(from, to) {
		e, err := event.Decode(m.Value, m.Sent, m.Topic)
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Value)
		}
		h := fnv.New32a()
		_, _ = h.Write(m.Key)
		p := state.Place{Topic: m.Topic, Partition: int32(h.Sum32() % 3)}
		rows[m.Topic] = append(rows[m.Topic], queriestest.Row(e, p.Partition, r.next[p], m.Sent))
		r.next[p]++
		messages++
		if len(rows[m.Topic]) == 20_000 {
			flush(m.Topic)
		}
	}
	for topic := range rows {
		flush(topic)
	}
	return messages
}

// place is where a figure stands.
type place struct {
	from, to calendar.Day
	by       string // the values of the split, by tabs
}

// parts are what is compared of a figure; sums in millionths.
type parts struct {
	numerator, denominator, pending, excluded, unknown int64
	value                                              float64 // NaN: none
}

func (p parts) equal(o parts) bool {
	near := p.value == o.value || math.IsNaN(p.value) && math.IsNaN(o.value) ||
		// Both calculate with floats, in another order.
		math.Abs(p.value-o.value) <= 1e-9*math.Max(math.Abs(p.value), math.Abs(o.value))
	p.value, o.value = 0, 0
	return p == o && near
}

func (p parts) String() string {
	return fmt.Sprintf("%v = %v / %v, pending %d, excluded %d, unknown %d", p.value, float64(p.numerator)/1e6, float64(p.denominator)/1e6, p.pending, p.excluded, p.unknown)
}

// nothing is a figure of no unit, which the ledger does not tell from none.
var nothing = parts{value: math.NaN()}

// look is one instant at which the pipeline is held to the ledger.
type look struct {
	name string
	op   *simulate.Operator
	// asOf is zero for the live figures, which are those as of at; what was sent
	// before an instant is known.
	asOf, at, before time.Time
	splits           []split
}

func (l look) ledger(key string) simulate.Question {
	at := l.asOf
	if at.IsZero() {
		at = l.at
	}
	return simulate.Question{Key: key, From: simulate.Day(span.From), To: simulate.Day(span.To), AsOf: at, Before: l.before}
}

// of is an indicator of the ledger, which the catalogue must have.
func (r *room) of(t testing.TB, key string) catalogue.Indicator {
	t.Helper()
	ind, ok := r.cat.Get(key)
	if !ok {
		t.Fatalf("the catalogue lacks %s", key)
	}
	return ind
}

// truths are the figures of the ledger.
func (r *room) truths(t testing.TB, l look, ind catalogue.Indicator, by []string, grain calendar.Grain) map[place]parts {
	t.Helper()
	q := l.ledger(ind.Key)
	q.By, q.Grain = by, string(grain)
	list, err := l.op.Ledger().Figures(q)
	if err != nil {
		t.Fatal(err)
	}
	out := map[place]parts{}
	for _, f := range list {
		p := parts{f.Numerator, f.Denominator, f.Pending, f.Excluded, f.Unknown, f.Value}
		switch {
		case ind.Window == catalogue.Snap:
			p.denominator = 0
		case ind.Kind == catalogue.Count:
			p.denominator = f.N * 1e6
		}
		if !p.equal(nothing) {
			out[place{calendar.Day(f.From), calendar.Day(f.To), strings.Join(f.By, "\t")}] = p
		}
	}
	return out
}

// found are the figures of the pipeline.
func (r *room) found(t testing.TB, l look, keys, by []string, grain calendar.Grain) map[string]map[place]parts {
	t.Helper()
	list, err := r.eval.Figures(context.Background(), metrics.Question{Keys: keys, From: span.From, To: span.To, By: by, Grain: grain, AsOf: l.asOf})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[place]parts{}
	for _, f := range list {
		if f.Numerator == nil && f.Denominator == nil {
			continue
		}
		p := nothing
		for part, v := range map[*int64]*float64{&p.numerator: f.Numerator, &p.denominator: f.Denominator} {
			if v != nil {
				*part = int64(math.Round(*v * 1e6))
			}
		}
		for part, v := range map[*int64]*int64{&p.pending: f.Pending, &p.excluded: f.Excluded, &p.unknown: f.Unknown} {
			if v != nil {
				*part = *v
			}
		}
		if f.Value != nil {
			p.value = *f.Value
		}
		if p.equal(nothing) {
			continue
		}
		var values []string
		for _, d := range by {
			values = append(values, f.By[d])
		}
		if out[f.Key] == nil {
			out[f.Key] = map[place]parts{}
		}
		out[f.Key][place{f.From, f.To, strings.Join(values, "\t")}] = p
	}
	return out
}

// differ names where pipeline and ledger differ, by key, with the first units
// that do.
func (r *room) differ(t testing.TB, l look) string {
	t.Helper()
	report := map[string]*strings.Builder{}
	compared := 0
	for _, s := range l.splits {
		var asked []string
		for _, key := range simulate.Keys() {
			ind := r.of(t, key)
			if !slices.ContainsFunc(s.by, func(d string) bool { return !ind.HasDimension(d) }) {
				asked = append(asked, key)
			}
		}
		found := r.found(t, l, asked, s.by, s.grain)
		for _, key := range asked {
			ind := r.of(t, key)
			want, got := r.truths(t, l, ind, s.by, s.grain), found[key]
			places := map[place]bool{}
			for _, m := range []map[place]parts{want, got} {
				for p := range m {
					places[p] = true
				}
			}
			compared += len(places)
			faults := 0
			for _, p := range slices.SortedFunc(maps.Keys(places), func(a, b place) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.by, b.by)) }) {
				w, ok := want[p]
				if !ok {
					w = nothing
				}
				g, ok := got[p]
				if !ok {
					g = nothing
				}
				if w.equal(g) {
					continue
				}
				if faults++; faults > 3 {
					continue
				}
				first := report[key] == nil
				if first {
					report[key] = &strings.Builder{}
				}
				fmt.Fprintf(report[key], "  by %v %q from %s: ledger %s\n    pipeline %s\n", s.by, p.by, p.from, w, g)
				if !first {
					continue
				}
				where := map[string]string{}
				for i, d := range s.by {
					where[d] = strings.Split(p.by, "\t")[i]
				}
				report[key].WriteString(r.units(t, l, ind, where, p.from, p.to, 3))
			}
			if faults > 3 {
				fmt.Fprintf(report[key], "  by %v: %d of %d figures differ\n", s.by, faults, len(places))
			}
		}
	}
	if compared == 0 {
		t.Errorf("%s: nothing to compare", l.name)
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(report)) {
		fmt.Fprintf(&text, "%s\n%s", key, report[key])
	}
	return text.String()
}

// units names the first units of a figure that pipeline and ledger differ in.
func (r *room) units(t testing.TB, l look, ind catalogue.Indicator, where map[string]string, from, to calendar.Day, most int) string {
	t.Helper()
	q := l.ledger(ind.Key)
	q.Where, q.From, q.To = where, simulate.Day(from), simulate.Day(to)
	rows, err := l.op.Ledger().Rows(q)
	if err != nil {
		t.Fatal(err)
	}
	ratio := ind.Kind == catalogue.Ratio
	verdict := map[string]string{"kept": "counted", "missed": "counted"}
	if ratio {
		verdict = map[string]string{}
	}
	want, got := map[string]string{}, map[string]string{}
	for _, row := range rows {
		want[row.Subject] = cmp.Or(verdict[row.Verdict], row.Verdict) + " on " + row.Day.String()
	}
	lists := map[metrics.Part]string{
		metrics.PartDenominator: "counted", metrics.PartPending: "pending", metrics.PartExcluded: "excluded", metrics.PartUnknown: "unknown",
	}
	switch {
	case ind.Window == catalogue.Snap:
		lists = map[metrics.Part]string{metrics.PartNumerator: "counted"}
	case ind.Kind == catalogue.RatioOfCounts:
		delete(lists, metrics.PartDenominator)
		lists[metrics.PartNumerator] = "counted"
	case ratio:
		delete(lists, metrics.PartDenominator)
		lists[metrics.PartNumerator], lists[metrics.PartMissed] = "kept", "missed"
	}
	ask := metrics.Question{Keys: []string{ind.Key}, From: from, To: to, AsOf: l.asOf, Where: map[string][]string{}}
	for d, v := range where {
		ask.Where[d] = []string{v}
	}
	for part, word := range lists {
		for cursor, more := "", true; more; more = cursor != "" {
			page, err := r.eval.Rows(context.Background(), ask, part, cursor, metrics.MaxRows)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				if have := got[row.Subject]; have != "" {
					word = have + " and " + word
				}
				got[row.Subject] = word + " on " + row.Day.String()
			}
			cursor = page.Next
		}
	}
	var text strings.Builder
	named := 0
	for _, subject := range slices.Sorted(maps.Keys(merge(want, got))) {
		if w, g := cmp.Or(want[subject], "not in it"), cmp.Or(got[subject], "not in it"); w != g {
			if named++; named > most {
				continue
			}
			fmt.Fprintf(&text, "      %s: ledger %s, pipeline %s\n", subject, w, g)
		}
	}
	if named > most {
		fmt.Fprintf(&text, "      and %d more units\n", named-most)
	}
	return text.String()
}

func merge(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// notTheLedgers says that a figure is not the truth.
const notTheLedgers = "the figures are not the ledger's"

// check holds figures and lists to the ledger.
func (r *room) check(t testing.TB, l look, lists bool) {
	t.Helper()
	if diff := r.differ(t, l); diff != "" {
		t.Errorf("%s: %s\n%s", l.name, notTheLedgers, diff)
		return
	}
	if !lists {
		return
	}
	for _, key := range simulate.Keys() {
		if diff := r.units(t, l, r.of(t, key), nil, span.From, span.To, 5); diff != "" {
			t.Errorf("%s: the list of %s is not the ledger's\n%s", l.name, key, diff)
		}
	}
}

// TestTruth holds the figures that the pipeline makes of the messages of simulated
// operators to what was drawn before the messages were made: while the stream
// runs, at three moments, and as of three instants when it has come to its end
// (one of them, without YOUZHI_SEEDS).
func TestTruth(t *testing.T) {
	// As many side by side as there are rooms.
	rooms := make(chan *room, 2)
	for range cap(rooms) {
		rooms <- newRoom(t, queriestest.Open(t))
	}
	sizes := []string{small}
	if thorough(t) {
		sizes = []string{small, large}
	}
	for seed := 1; seed <= max(seedCount(t, 2), *oneSeed); seed++ {
		if *oneSeed != 0 && seed != *oneSeed {
			continue
		}
		for _, size := range sizes {
			h := historyOf(seed, size)
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				r := <-rooms
				defer func() { rooms <- r }()
				r.clear(t)
				r.truth(t, h, r.send)
			})
		}
	}
}

// sending stores what an operator sends between two instants, and counts it.
type sending func(t testing.TB, op *simulate.Operator, from, to time.Time) (messages int)

func (r *room) truth(t *testing.T, h history, send sending) {
	op, err := simulate.New(h.o)
	if err != nil {
		t.Fatal(err)
	}
	known := h.o.From
	messages := 0
	for i, at := range h.moments() {
		if thorough(t) && i == 1 {
			middle := known.Add(at.Sub(known) / 2)
			messages += send(t, op, known, middle)
			r.run(t, middle)
			known = middle
		}
		messages += send(t, op, known, at)
		r.run(t, at)
		known = at
		r.check(t, look{name: fmt.Sprintf("live at %s", at), op: op, at: at, before: known, splits: splits}, thorough(t) && i == 1)
		if t.Failed() {
			return
		}
	}
	for i, at := range h.pasts() {
		if !thorough(t) && uint64(i) != h.o.Seed%3 {
			continue
		}
		// A past takes longer: not everything is asked of each.
		some := []split{splits[0], splits[1], splits[2+i]}
		r.check(t, look{name: fmt.Sprintf("as of %s", at), op: op, asOf: at, before: known, splits: some}, thorough(t) && i == 1 && h.size == small)
	}
	cases, tickets, surveys := op.Ledger().Units()
	t.Logf("%d messages, %d cases, %d tickets, %d surveys", messages, cases, tickets, surveys)
}

// receipts is the way to Kafka, with where all that went it came to.
type receipts struct {
	*topic.Client
	targets consume.Targets
}

func (r receipts) Write(ctx context.Context, name string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	acks, err := r.Client.Write(ctx, name, messages)
	r.targets.Add(name, acks)
	return acks, err
}

// TestTruthOfTheStream is TestTruth with all that stands between an operator and
// the events: his messages go to a broker, and ingest takes them from there.
func TestTruthOfTheStream(t *testing.T) {
	const group = "truth"
	topics := map[string]int32{}
	for _, name := range event.Topics() {
		topics[name] = 2
	}
	r := newRoom(t, queriestest.Open(t))
	kafka, err := topic.New(topic.Options{Brokers: embeddedtest.Broker(t, topics)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	h := historyOf(3, small)
	h.o.Scale = 0.003
	ingest, err := consume.New(consume.Options{
		Kafka: kafka, Store: r.db, DB: r.db, Group: group, Topics: event.Topics(), Age: 100 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.o.To },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ingest.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	r.truth(t, h, func(t testing.TB, op *simulate.Operator, from, to time.Time) int {
		t.Helper()
		within, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		sink := receipts{kafka, consume.Targets{}}
		n, err := simulate.Send(within, sink, op.Messages(from, to), 2000)
		if err != nil {
			t.Fatal(err)
		}
		if err := consume.WaitCommitted(within, kafka, group, sink.targets, nil); err != nil {
			t.Fatal(err)
		}
		return int(n)
	})
}
