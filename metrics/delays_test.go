package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/ingest/source/simulate"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries/queriestest"
)

// way writes the events of one case. Instants are hours after its acceptance.
type way struct {
	t        *testing.T
	subject  string
	accepted time.Time
	product  string
	region   string
	messages *[][]byte
}

func (w way) add(kind string, hours float64, data map[string]any) way {
	at := w.accepted.Add(time.Duration(hours * float64(time.Hour)))
	b, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s-%d", w.subject, len(*w.messages)), "source": "/cn/post/core", "type": "cn.post.case." + kind,
		"subject": w.subject, "time": at.In(calendar.Beijing).Format(time.RFC3339Nano), "dataschema": "urn:youzhi:schema:cn.post.case." + kind + ":1", "data": data,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	*w.messages = append(*w.messages, b)
	return w
}

func (w way) accept(promised float64) way {
	return w.add("accepted", 0, map[string]any{"product": w.product, "region": w.region, "outlet": "O-" + w.region, "channel": "outlet", "direction": "domestic",
		"promised_at": w.accepted.Add(time.Duration(promised * float64(time.Hour))).Format(time.RFC3339Nano)})
}

func (w way) scan(activity, place, reason string, hours float64) way {
	return w.add("progressed", hours, map[string]any{"step": "scan", "activity": activity, "location": place, "reason_code": reason})
}

func (w way) deliver(hours float64) way { return w.add("delivered", hours, map[string]any{}) }

// cause is what a list of delays says of a case.
type cause struct {
	Lateness, Cause, Step, Place string
	Over                         float64
}

// TestDelays_ByHand holds the causes of a few cases to what was worked out by hand
// from the rule (INDICATORS.md B4.10): from the events, and live.
//
// Budgets of parcels, from the three in time of February: arrival 2, 4, 3 h ->
// 3 h; departure 4, 6, 11 h -> 6 h; delivery 18, 20, 10 h -> 18 h. The late
// parcel, the letter and the parcel due on 30 November, a day too early, give none.
func TestDelays_ByHand(t *testing.T) {
	r := newRoom(t)
	var messages [][]byte
	begin := func(subject, day, product string, promised float64) way {
		at, err := time.ParseInLocation("2006-01-02 15", day, calendar.Beijing)
		if err != nil {
			t.Fatal(err)
		}
		return way{t, subject, at, product, "420100", &messages}.accept(promised)
	}
	for i, legs := range [][3]float64{{2, 4, 18}, {4, 6, 20}, {3, 11, 10}} {
		begin(fmt.Sprintf("B%d", i), "2026-02-10 08", "parcel", 48).
			scan("centre_arrival", "A", "", legs[0]).scan("centre_departure", "A", "", legs[0]+legs[1]).deliver(legs[0] + legs[1] + legs[2])
	}
	begin("B-late", "2026-02-11 08", "parcel", 48).scan("centre_arrival", "A", "", 40).scan("centre_departure", "A", "", 90).deliver(200)
	begin("B-letter", "2026-02-11 08", "letter", 320).scan("centre_arrival", "A", "", 100).scan("centre_departure", "A", "", 200).deliver(300)
	begin("B-early", "2025-11-30 00", "parcel", 23).scan("centre_arrival", "A", "", 0.1).scan("centre_departure", "A", "", 0.2).deliver(0.3)
	begin("B-edge", "2025-12-01 00", "parcel", 23).scan("only_here", "A", "", 7).deliver(17 + 8) // late: no budget

	begin("I1", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 3).deliver(48) // on the last instant
	begin("I2", "2026-03-10 08", "letter", 48).deliver(47)
	// 54 h over at the departure, which says why: 35 h late.
	begin("L1", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 3).scan("centre_departure", "A", "sorting_backlog", 63).deliver(83)
	// 24 h over at the departure, 25 h at the delivery, whose event names no place.
	begin("L2", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "B", "", 3).scan("centre_departure", "B", "weather", 33).deliver(76)
	// 10 h over at both: the first of equal ones. One hour late.
	begin("L3", "2026-03-10 08", "parcel", 32).scan("centre_arrival", "A", "", 13).scan("centre_departure", "B", "weather", 29).deliver(33)
	// Open, and lying in A since its arrival: 24·21 + 1 h until as_of, without budget.
	begin("L4", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "customs", 3)
	// Lost before the promise: its end is the longest step.
	begin("L5", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 4).add("ended", 40, map[string]any{"outcome": "lost"})
	// A step that no case in time had has no budget: 15 h over, arrival 14 h.
	begin("L6", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 17).scan("x_ray", "</script>'\\", "", 32).deliver(49)
	// Letters have a budget of their own for the arrival: 30 - 100 h is less than 0 h for x_ray.
	begin("L7", "2026-03-10 08", "letter", 24).scan("centre_arrival", "A", "", 30).scan("x_ray", "B", "", 30).deliver(30.5)
	// More than three days late, and called off after the promise.
	begin("L8", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 3).deliver(48 + 72.001)
	begin("L9", "2026-03-10 08", "parcel", 48).scan("centre_arrival", "A", "", 3).add("ended", 49, map[string]any{"outcome": "cancelled"})
	// Not of the figure: pending, excluded, a test.
	begin("P1", "2026-03-30 08", "parcel", 48)
	begin("E1", "2026-03-10 08", "parcel", 48).add("ended", 10, map[string]any{"outcome": "cancelled"})
	want := map[string]cause{
		"L1": {"2", "sorting_backlog", "centre_departure", "A", 54},
		"L2": {"2", "delivered", "delivered", metrics.UnknownPlace, 25},
		"L3": {"1", "centre_arrival", "centre_arrival", "A", 10},
		"L4": {"open", metrics.CauseOpen, metrics.CauseOpen, "A", 24*21 + 1},
		"L5": {"ended", "lost", "lost", metrics.UnknownPlace, 36},
		"L6": {"1", "x_ray", "x_ray", `</script>'\`, 15},
		"L7": {"1", "x_ray", "x_ray", "B", 0},
		"L8": {"more", "delivered", "delivered", metrics.UnknownPlace, 117.001 - 18},
		"L9": {"ended", "cancelled", "cancelled", metrics.UnknownPlace, 46},
	}
	queriestest.Store(t, r.db, event.TopicCases, 0, messages...)
	asOf := time.Date(2026, 3, 31, 12, 0, 0, 0, calendar.Beijing)
	ctx := context.Background()
	if err := r.job.Run(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{asOf, {}} {
		q := metrics.Question{From: calendar.Date(2026, 3, 1), To: calendar.Date(2026, 4, 1), AsOf: at}
		d, err := r.eval.Delays(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if *d.Rate.Numerator != 2 || *d.Rate.Denominator != 11 || d.Yardstick != 4 {
			t.Fatalf("as of %v: %v of %v in time, budgets of %d cases", at, *d.Rate.Numerator, *d.Rate.Denominator, d.Yardstick)
		}
		got := map[string]cause{}
		for _, subject := range causesOf(t, r.eval, q, d) {
			got[subject.id] = subject.cause
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })); diff != "" {
			t.Errorf("as of %v: -want +got:\n%s", at, diff)
		}
		addsUp(t, d)
		legs, err := r.eval.Way(ctx, q, "L4")
		if err != nil {
			t.Fatal(err)
		}
		accepted := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
		wantLegs := []metrics.Leg{
			{Step: "centre_arrival", Place: "A", Reason: "customs", Began: accepted, Hours: 3, Budget: 3},
			{Step: metrics.CauseOpen, Place: "A", Began: accepted.Add(3 * time.Hour), Hours: 24*21 + 1, Cause: true},
		}
		if diff := cmp.Diff(wantLegs, legs); diff != "" {
			t.Errorf("way of L4 -want +got:\n%s", diff)
		}
		if legs, err := r.eval.Way(ctx, q, "I1"); err != nil || len(legs) != 0 {
			t.Errorf("way of a case in time: %v, %v", legs, err)
		}
		if worst, ok := d.Worst(); !ok || worst.Place == metrics.UnknownPlace || worst.Cases != 1 {
			t.Errorf("worst %+v", worst)
		}
	}
}

type causeOf struct {
	id    string
	cause cause
}

// causesOf walks the lists of every cell of the delays to their ends: each holds
// as many cases as the cell says.
func causesOf(t *testing.T, eval *metrics.Evaluator, q metrics.Question, d metrics.Delays) []causeOf {
	t.Helper()
	ctx := context.Background()
	q.Keys = []string{metrics.DelayKey}
	of, none := map[string]*causeOf{}, 0
	walk := func(part metrics.Part, cases int64, note func(c *causeOf, r metrics.Row), delay map[string]string) {
		// The pairs of the days before the period have no cases in it: a few show that.
		if cases == 0 {
			if none++; none > 3 {
				return
			}
		}
		q.Delay = delay
		var rows []metrics.Row
		for after := ""; ; {
			page, err := eval.Rows(ctx, q, part, after, 20)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, page.Rows...)
			if after = page.Next; after == "" {
				break
			}
		}
		n, err := eval.CountRows(ctx, q, part)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(rows)) != cases || n != cases {
			t.Errorf("%v: the cell says %d, its list has %d rows and counts %d", delay, cases, len(rows), n)
		}
		for _, r := range rows {
			if of[r.Subject] == nil {
				of[r.Subject] = &causeOf{id: r.Subject}
			}
			note(of[r.Subject], r)
		}
	}
	for _, rung := range d.Ladder {
		part := metrics.PartMissed
		if rung.Lateness == "in_time" {
			part = metrics.PartNumerator
		}
		walk(part, rung.Cases, func(c *causeOf, _ metrics.Row) { c.cause.Lateness = rung.Lateness }, map[string]string{metrics.DelayLateness: rung.Lateness})
	}
	for _, step := range d.Steps {
		walk(metrics.PartMissed, step.Cases, func(c *causeOf, _ metrics.Row) { c.cause.Step = step.Name }, map[string]string{metrics.DelayStep: step.Name})
	}
	for _, pair := range d.Pairs {
		walk(metrics.PartMissed, pair.Cases, func(c *causeOf, r metrics.Row) {
			c.cause.Cause, c.cause.Place, c.cause.Over = pair.Name, pair.Place, *r.OverHours
			if r.Cause != pair.Name || r.Place != pair.Place {
				t.Errorf("%s is listed under %s in %s, its row says %s in %s", r.Subject, pair.Name, pair.Place, r.Cause, r.Place)
			}
		}, map[string]string{metrics.DelayCause: pair.Name, metrics.DelayPlace: pair.Place})
	}
	for _, hour := range d.Hours {
		delay := map[string]string{metrics.DelayWeekday: fmt.Sprint(hour.Weekday), metrics.DelayHour: fmt.Sprint(hour.Hour)}
		walk(metrics.PartMissed, hour.Late, func(*causeOf, metrics.Row) {}, delay)
		walk(metrics.PartDenominator, hour.Cases, func(*causeOf, metrics.Row) {}, delay)
	}
	var out []causeOf
	for _, c := range of {
		if c.cause.Lateness != "in_time" && c.cause.Lateness != "" {
			out = append(out, *c)
		}
	}
	return out
}

// addsUp holds every list of the delays to the rate.
func addsUp(t *testing.T, d metrics.Delays) {
	t.Helper()
	late := int64(*d.Rate.Denominator - *d.Rate.Numerator)
	lost := 100 * (1 - *d.Rate.Value)
	shares := map[string][]metrics.DelayShare{"causes": d.Causes, "steps": d.Steps, "places": d.Places, "pairs": nil}
	for _, pair := range d.Pairs {
		shares["pairs"] = append(shares["pairs"], pair.DelayShare)
	}
	for name, list := range shares {
		var cases, due, began int64
		points := 0.0
		for _, e := range list {
			cases, points = cases+e.Cases, points+e.Points
			for day, n := range e.ByDay {
				if day >= d.Rate.From {
					due += n
				}
			}
			for _, n := range e.Began {
				began += n
			}
		}
		if cases != late || due != late || began != late || math.Abs(points-lost) > 1e-9 {
			t.Errorf("%s: %d cases, by day %d, by the day they began %d, %v points; the rate has %d and lost %v", name, cases, due, began, points, late, lost)
		}
	}
	var rungs, hourLate, hourAll, days int64
	for _, rung := range d.Ladder {
		rungs += rung.Cases
	}
	for _, hour := range d.Hours {
		hourLate, hourAll = hourLate+hour.Late, hourAll+hour.Cases
	}
	for day, n := range d.Of {
		if day >= d.Rate.From {
			days += n
		}
	}
	all := int64(*d.Rate.Denominator)
	if rungs != all || days != all || hourAll != all || hourLate != late || d.Ladder[0].Cases != all-late {
		t.Errorf("ladder %d, days %d, hours %d with %d late; the rate has %d with %d", rungs, days, hourAll, hourLate, all, late)
	}
	for name, figures := range map[string][]metrics.Figure{"regions": d.Regions, "outlets": outletsOf(d)} {
		var num, den float64
		for _, f := range figures {
			if f.Denominator != nil {
				num, den = num+*f.Numerator, den+*f.Denominator
			}
		}
		if num != *d.Rate.Numerator || den != *d.Rate.Denominator {
			t.Errorf("%s: %v of %v, the rate has %v of %v", name, num, den, *d.Rate.Numerator, *d.Rate.Denominator)
		}
	}
}

func outletsOf(d metrics.Delays) []metrics.Figure {
	var out []metrics.Figure
	for _, o := range d.Outlets {
		out = append(out, o.Figure)
	}
	return out
}

// TestDelays_Simulated finds the planted incident, and holds all lists to their
// rate by period, scope and as_of.
func TestDelays_Simulated(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	to := time.Date(2026, 7, 1, 10, 0, 0, 0, calendar.Beijing)
	op, err := simulate.New(simulate.Options{Seed: 5, Scale: 0.15, From: to.AddDate(0, -7, 0), To: to, NoLedger: true})
	if err != nil {
		t.Fatal(err)
	}
	var messages [][]byte
	for m := range op.History(to) {
		if m.Topic == event.TopicCases {
			messages = append(messages, m.Value)
		}
	}
	queriestest.Store(t, r.db, event.TopicCases, 0, messages...)
	if err := r.job.Run(ctx, to); err != nil {
		t.Fatal(err)
	}
	incident := op.Plan().Incident
	day := calendar.DayOf(incident.From)
	month := calendar.PeriodOf(calendar.GrainMonth, day+5)
	ask := func(q metrics.Question) metrics.Delays {
		d, err := r.eval.Delays(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		addsUp(t, d)
		return d
	}
	quarter := calendar.PeriodOf(calendar.GrainQuarter, day)
	for _, p := range []calendar.Period{month, quarter, calendar.PeriodOf(calendar.GrainYear, day), {From: day, To: day + 1}} {
		ask(metrics.Question{From: p.From, To: p.To})
	}
	ask(metrics.Question{From: month.From, To: month.To, Where: map[string][]string{"region": {"42"}, "product": {"parcel", "ems"}}})
	ask(metrics.Question{From: month.From, To: month.To, Where: map[string][]string{"region": {"42"}}, AsOf: incident.Until.AddDate(0, 0, 12)})

	q := metrics.Question{From: month.From, To: month.To}
	d := ask(q)
	check := func(loss metrics.DelayLoss, ok bool) {
		t.Helper()
		if !ok || loss.Place != incident.Location || loss.Cause != "centre_failure" || !loss.Burst {
			t.Fatalf("%+v; planted is %+v", loss, incident)
		}
		// The days are those of the incident, give or take one at its ends.
		first, last := calendar.DayOf(incident.From), calendar.DayOf(incident.Until)
		if loss.Days.From < first || loss.Days.From > first+1 || loss.Days.To-1 > last || loss.Days.To-1 < last-1 || loss.Within*2 < loss.Cases {
			t.Errorf("days %v, planted %s to %s", loss.Days, first, last)
		}
	}
	worst, ok := d.Worst()
	check(worst, ok)
	if math.Abs(worst.Points - float64(worst.Cases) / *d.Rate.Denominator * 100) > 1e-9 {
		t.Errorf("%+v of %v", worst, *d.Rate.Denominator)
	}
	// A month later it is still told of, as what it cost then.
	next := month.Next()
	later := ask(metrics.Question{From: next.From, To: next.To})
	earlier, ok := later.Earlier(next)
	check(earlier, ok)
	if earlier.Period != month {
		t.Errorf("an earlier loss of %v, want %v", earlier.Period, month)
	}

	// The live answer and the one from the events are the same, but for as_of.
	q.AsOf = to
	past := ask(q)
	past.Rate.AsOf = d.Rate.AsOf
	if diff := cmp.Diff(causeTable(d), causeTable(past)); diff != "" {
		t.Errorf("-live +from events:\n%s", diff)
	}
	q.AsOf = time.Time{}
	causesOf(t, r.eval, metrics.Question{From: day + 2, To: day + 3}, ask(metrics.Question{From: day + 2, To: day + 3}))
}

func causeTable(d metrics.Delays) []string {
	var out []string
	for _, p := range d.Pairs {
		out = append(out, fmt.Sprintf("%s in %s: %d, %v points, %v h over", p.Name, p.Place, p.Cases, p.Points, p.OverHours == nil))
	}
	slices.Sort(out)
	return out
}

func TestDelays_Questions(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	q := metrics.Question{From: calendar.Date(2026, 3, 1), To: calendar.Date(2026, 4, 1)}
	d, err := r.eval.Delays(ctx, q)
	if err != nil || d.Rate.Value != nil || len(d.Causes) != 0 {
		t.Errorf("without data: %+v, %v", d, err)
	}
	if _, ok := d.Worst(); ok {
		t.Error("a worst loss without data")
	}
	for _, c := range []struct {
		key   string
		part  metrics.Part
		delay map[string]string
		want  string
	}{
		{metrics.DelayKey, metrics.PartMissed, map[string]string{"mood": "bad"}, `no "mood"`},
		{"complaint_accept_24h_rate", metrics.PartMissed, map[string]string{metrics.DelayCause: "weather"}, "belongs to " + metrics.DelayKey},
		{metrics.DelayKey, metrics.PartExcluded, map[string]string{metrics.DelayCause: "weather"}, `the part "excluded"`},
	} {
		q.Keys, q.Delay = []string{c.key}, c.delay
		if _, err := r.eval.Rows(ctx, q, c.part, "", 10); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c, err, c.want)
		}
	}
}
