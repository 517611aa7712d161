package simulate

import (
	"math"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
)

// What is planted is seen in the messages, by counting.
func TestPlan_Messages(t *testing.T) {
	op := operator(t, 5, 0.1, func(o *Options) { o.NoLedger = true })
	p := op.Plan()
	failures := map[bool]int{}
	opened := time.Time{}
	silent, before, after := 0, 0, 0
	incidents, improvements := 0, 0
	for m := range op.Messages(to.AddDate(0, -3, 0), p.Silence.Until.Add(24*time.Hour)) {
		e, err := event.Decode(m.Value, m.Sent, m.Topic)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := event.DecodeData(e.Type, e.Data)
		if err != nil {
			t.Fatal(err)
		}
		switch d := payload.(type) {
		case *event.CaseProgressed:
			if d.ReasonCode == "centre_failure" {
				// They leave the centre after it failed, days late.
				failures[d.Location == p.Incident.Location && e.Time.After(p.Incident.From) && e.Time.Before(p.Incident.Until.AddDate(0, 0, 12))]++
			}
		case *event.IncidentOpened:
			if e.Subject == p.Incident.Subject {
				incidents++
			}
		}
		if e.Source == p.Silence.Source {
			switch {
			case m.Sent.Before(p.Silence.From):
				before++
			case m.Sent.Before(p.Silence.Until):
				silent++
			default:
				after++
			}
		}
	}
	if failures[true] < 15 || failures[false] > 0 {
		t.Errorf("%d items were held up at %s in its window, %d elsewhere", failures[true], p.Incident.Location, failures[false])
	}
	if silent > 0 || before < 300 || after < 30 {
		t.Errorf("%s sent %d messages while it was silent, %d before, %d after", p.Silence.Source, silent, before, after)
	}
	if incidents == 0 {
		t.Error("the incident was not opened")
	}
	for m := range op.Messages(p.Outlet.Opened.AddDate(0, 0, -5), p.Outlet.Opened.AddDate(0, 0, 30)) {
		if strings.Contains(string(m.Value), `"outlet":"`+p.Outlet.Code+`"`) && opened.IsZero() {
			opened = m.Sent
		}
	}
	if opened.Before(p.Outlet.Opened) || opened.After(p.Outlet.Opened.AddDate(0, 0, 4)) {
		t.Errorf("outlet %s opened on %s, its first case is of %s", p.Outlet.Code, p.Outlet.Opened, opened)
	}
	day := p.Improvement.Planned.Start()
	for m := range op.Messages(day, p.Improvement.Checked.Start().AddDate(0, 0, 20)) {
		if string(m.Key) == p.Improvement.Subject {
			improvements++
		}
	}
	if improvements < 4 {
		t.Errorf("%d events of the improvement", improvements)
	}
}

// rateOf asks a ledger for a rate of a scope in a period.
func rateOf(t *testing.T, op *Operator, key string, where map[string]string, first, last Day) (rate, n float64) {
	t.Helper()
	f, err := op.Ledger().Figure(Question{Key: key, Where: where, From: first, To: last, AsOf: to})
	if err != nil {
		t.Fatal(err)
	}
	return f.Value, float64(f.N)
}

// What is planted is seen in the figures, beyond chance and at its place alone.
func TestPlan_Figures(t *testing.T) {
	op := operator(t, 5, 0.3, nil)
	op.Draw(DayOf(to))
	p := op.Plan()
	region := func(code string) map[string]string { return map[string]string{"region": code} }
	first := DayOf(p.Incident.From)
	for _, c := range []struct {
		name        string
		key         string
		where       map[string]string
		a, b, c, d  Day // before [a, b), after [c, d)
		least, most float64
	}{
		{"incident", "on_time_delivery_rate", region(p.Incident.Region), first - 40, first, first + 1, first + 8, -1, -0.2},
		{"incident, elsewhere", "on_time_delivery_rate", region("33"), first - 40, first, first + 1, first + 8, -0.09, 0.05},
		{"improvement", "on_time_delivery_rate", region(p.Improvement.Region), p.Improvement.Started - 120, p.Improvement.Started, p.Improvement.Started + 7, p.Improvement.Checked, 0.07, 0.15},
		{"futile improvement", "first_attempt_delivery_rate", region(p.Futile.Region), p.Futile.Started - 120, p.Futile.Started, p.Futile.Started, p.Futile.Checked, -0.02, 0.02},
		{"drift", "on_time_delivery_rate", map[string]string{"product": p.Drift.Product}, p.Drift.From - 120, p.Drift.From, DayOf(to) - 30, DayOf(to), -0.15, -0.05},
		{"no drift", "on_time_delivery_rate", map[string]string{"product": "parcel"}, p.Drift.From - 120, p.Drift.From, DayOf(to) - 30, DayOf(to), -0.045, 0.045},
	} {
		before, n := rateOf(t, op, c.key, c.where, c.a, c.b)
		after, k := rateOf(t, op, c.key, c.where, c.c, c.d)
		if d := after - before; d < c.least || d > c.most {
			t.Errorf("%s: from %.3f of %.0f to %.3f of %.0f", c.name, before, n, after, k)
		}
	}
	for _, code := range p.Slow {
		rate, _ := rateOf(t, op, "on_time_delivery_rate", map[string]string{"outlet": code}, DayOf(from), DayOf(to))
		all, _ := rateOf(t, op, "on_time_delivery_rate", nil, DayOf(from), DayOf(to))
		if rate > all-0.03 {
			t.Errorf("slow outlet %s: %.3f, all %.3f", code, rate, all)
		}
	}
}

// A quiet operator varies as much as chance does: the moving ranges of its
// standardised months are those of independent draws.
func TestQuiet_Chance(t *testing.T) {
	var z []float64
	for seed := range uint64(8) {
		op := operator(t, 100+seed, 0.05, func(o *Options) { o.Quiet = true })
		op.Draw(DayOf(to))
		figures, err := op.Ledger().Figures(Question{Key: "on_time_delivery_rate", From: DayOf(from) + 31, To: DayOf(to), Grain: "month", AsOf: to})
		if err != nil {
			t.Fatal(err)
		}
		var num, den float64
		for _, f := range figures {
			num, den = num+float64(f.Numerator), den+float64(f.Denominator)
		}
		for _, f := range figures {
			z = append(z, (f.Value-num/den)/math.Sqrt(num/den*(1-num/den)/float64(f.N)))
		}
	}
	sum := 0.0
	for _, v := range z {
		sum += v * v
	}
	// 8 × 14 months around the mean of each: 104 degrees of freedom, ± 3.5 σ.
	if dispersion := sum / 104; dispersion < 0.5 || dispersion > 1.5 {
		t.Errorf("the variance between months is %.2f times that of chance", dispersion)
	}
}
