package simulate

import (
	"math"
	"testing"
)

func near(t *testing.T, name string, have, want float64) {
	t.Helper()
	if math.Abs(have-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", name, have, want)
	}
}

func hoursOf(done []float64, open ...float64) []entry {
	var list []entry
	for _, h := range done {
		list = append(list, entry{hours: h})
	}
	for _, h := range open {
		list = append(list, entry{hours: h, open: true})
	}
	return list
}

// Percentiles, by hand and by the examples of the statistics, section 17.
func TestFigures_Percentiles(t *testing.T) {
	near(t, "median of four", quantile(hoursOf([]float64{4, 1, 3, 2}), 0.5), 2.5)
	near(t, "p90 of four", quantile(hoursOf([]float64{4, 1, 3, 2}), 0.9), 3.7)
	near(t, "p90 of one", quantile(hoursOf([]float64{4}), 0.9), 4)
	done := []float64{20, 26, 30, 41, 47, 60}
	near(t, "S(47) = 0.5", survival(hoursOf(done, 50, 72, 80, 96), 0.5), 47)
	near(t, "S(47) = 0.4, S(41) = 0.533333", survival(hoursOf(done, 10, 35, 80, 96), 0.5), 47)
	near(t, "S(30) = 0.666667", survival(hoursOf(done, 10, 35, 80, 96), 0.3), 30)
	if v := survival(hoursOf(done, 10, 35, 80, 96), 0.9); !math.IsNaN(v) {
		t.Errorf("p90 is not reached, not %v", v)
	}
	near(t, "nobody waits", survival(hoursOf([]float64{1, 2, 3, 4}), 0.5), 2)
	near(t, "done and given up at once: the done first", survival(hoursOf([]float64{2, 5}, 2), 0.3), 2)
	if v := quantile(nil, 0.5); !math.IsNaN(v) {
		t.Errorf("a percentile of nothing is %v", v)
	}
}

// One of each, counted by hand.
func TestFigures_ByHand(t *testing.T) {
	place := &spot{"330100", "330100-01"}
	accepted := func(asOf, due string) fact {
		return fact{kind: caseAccepted, at: at(t, asOf), value: at(t, due), place: place}
	}
	scan := func(s string) fact { return fact{kind: caseProgressed, at: at(t, s)} }
	units := []*unit{
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-04 18:00:00"), scan("2026-03-03 10:00:00"), fact{kind: caseDelivered, n: 1, at: at(t, "2026-03-04 10:00:00")}),
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-04 18:00:00"), fact{kind: caseProgressed, n: 1, at: at(t, "2026-03-04 10:00:00")}, fact{kind: caseDelivered, n: 2, at: at(t, "2026-03-05 18:00:00")}),
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-04 18:00:00"), fact{kind: caseDelivered, n: 1, at: at(t, "2026-03-06 18:00:00")}),
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-04 18:00:00"), scan("2026-03-03 10:00:00")),
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-04 18:00:00"), scan("2026-03-03 10:00:00"), fact{kind: caseEnded, word: lostWord, at: at(t, "2026-03-05 10:00:00")}),
		made(cases, "", accepted("2026-03-02 10:00:00", "2026-03-30 18:00:00"), scan("2026-03-03 10:00:00")),
		made(tickets, "complaint", fact{kind: ticketReceived, at: at(t, "2026-03-05 10:00:00"), place: place}),
		made(surveys, "csat", fact{kind: surveyAnswered, at: at(t, "2026-03-05 10:00:00"), place: place, flag: true, n: 4, low: 1, top: 5, value: one}),
		made(surveys, "csat", fact{kind: surveyAnswered, at: at(t, "2026-03-05 10:00:00"), place: place, flag: true, n: 2, low: 1, top: 5, value: 2 * one}),
		made(surveys, "nps", fact{kind: surveyAnswered, at: at(t, "2026-03-05 10:00:00"), place: place, flag: true, n: 9, low: 0, top: 10, value: one}),
		made(surveys, "nps", fact{kind: surveyAnswered, at: at(t, "2026-03-05 10:00:00"), place: place, flag: true, n: 6, low: 0, top: 10, value: one}),
		made(surveys, "nps", fact{kind: surveyAnswered, at: at(t, "2026-03-05 10:00:00"), place: place, flag: true, n: 10, low: 0, top: 10, value: one}),
	}
	for _, u := range units {
		if u.base == cases {
			u.product = "parcel"
		}
	}
	l := Ledger{next: NewDay(2030, 1, 1)}
	for _, u := range units {
		l.units[u.base] = append(l.units[u.base], u)
	}
	asOf := toTime(at(t, "2026-03-10 18:00:00"))
	for _, c := range []struct {
		key                                string
		numerator, denominator, n, pending int64
		value                              float64
	}{
		{key: "on_time_delivery_rate", numerator: 1, denominator: 5, n: 5, pending: 1, value: 0.2},
		{key: "overdue_open_cases", numerator: 1, n: 1, value: 1},
		// 24 h and 48 h late, and 144 h so far.
		{key: "delivery_delay_hours_mean", numerator: 216, denominator: 3, n: 3, pending: 1, value: 72},
		{key: "delivery_delay_hours_p50", denominator: 3, n: 3, pending: 1, value: 48},
		{key: "delivery_delay_hours_p90", denominator: 3, n: 3, pending: 1, value: 124.8},
		// 48 h, 80 h, 104 h; two open for 200 h, one lost: 1 - 1/6 - 1/6 - 1/6.
		{key: "delivery_duration_hours_p50", denominator: 6, n: 6, value: 104},
		{key: "first_attempt_delivery_rate", numerator: 2, denominator: 3, n: 3, value: 2.0 / 3},
		// One was not handled, one lost.
		{key: "process_conformance_rate", numerator: 2, denominator: 4, n: 4, value: 0.5},
		{key: "loss_rate", numerator: 1, denominator: 4, n: 4, value: 0.25},
		{key: "case_volume", numerator: 6, n: 6, value: 6},
		{key: "complaint_volume", numerator: 1, n: 1, value: 1},
		{key: "complaint_rate_p10k", numerator: 1, denominator: 6, n: 6, value: 10_000.0 / 6},
		{key: "satisfaction_score_100", numerator: 125, denominator: 3, n: 2, value: 125.0 / 3},
		{key: "satisfaction_top2_rate", numerator: 1, denominator: 3, n: 2, value: 1.0 / 3},
		{key: "nps", numerator: 100, denominator: 3, n: 3, value: 100.0 / 3},
	} {
		f, err := l.Figure(Question{Key: c.key, From: NewDay(2026, 3, 1), To: NewDay(2026, 4, 1), AsOf: asOf, Where: map[string]string{"region": "33"}})
		if err != nil {
			t.Fatal(err)
		}
		if f.Numerator != c.numerator*one || f.Denominator != c.denominator*one || f.N != c.n || f.Pending != c.pending {
			t.Errorf("%s: %+v, want %+v", c.key, f, c)
		}
		near(t, c.key, f.Value, c.value)
	}
	if _, err := l.Figure(Question{Key: "loss", AsOf: asOf}); err == nil {
		t.Error("an unknown key is answered")
	}
	if _, err := l.Figures(Question{Key: "loss_rate", By: []string{"weather"}, AsOf: asOf}); err == nil {
		t.Error("an unknown dimension is answered")
	}
	if _, err := l.Figures(Question{Key: "loss_rate", AsOf: toTime(NewDay(2030, 1, 1).start())}); err == nil {
		t.Error("beyond the ledger is answered")
	}
}
