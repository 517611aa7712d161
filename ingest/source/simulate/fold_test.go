package simulate

import (
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/metrics/policy"
)

// The fold, given the messages that are sent before an instant, comes to the
// verdict of the ledger for every deadline of every unit.
func TestLedger_Fold(t *testing.T) {
	for seed := range uint64(2) {
		op := operator(t, 10+seed, 0.01, func(o *Options) { o.Contacts = 10 })
		ends := []time.Time{to, to.AddDate(0, -6, -11), to.Add(26*time.Hour + 11*time.Minute)}
		events := map[string][]event.Event{}
		sent := map[string][]time.Time{}
		for m := range op.History(to.AddDate(0, 0, 40)) {
			e, err := event.Decode(m.Value, m.Sent, m.Topic)
			if err != nil {
				t.Fatal(err)
			}
			events[e.Subject] = append(events[e.Subject], *e)
			sent[e.Subject] = append(sent[e.Subject], m.Sent)
		}
		for i, end := range ends {
			asOf := end
			if i == 2 {
				asOf = end.Add(-3 * time.Hour)
			}
			for _, before := range []time.Time{end, to.AddDate(0, 0, 40)} {
				compareFold(t, op, events, sent, asOf, before)
			}
		}
	}
}

func compareFold(t *testing.T, op *Operator, events map[string][]event.Event, sent map[string][]time.Time, asOf, before time.Time) {
	t.Helper()
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	history := func(id string) fold.History {
		var known []event.Event
		for i, e := range events[id] {
			if sent[id][i].Before(before) {
				known = append(known, e)
			}
		}
		return fold.Effective(known, asOf, nil)
	}
	r, err := op.Ledger().At(asOf, before)
	if err != nil {
		t.Fatal(err)
	}
	faults, judged := 0, 0
	compare := func(v *view, u *unit, unit fold.Unit, names map[string]func(*view) entry) {
		if (v != nil) != (unit.Counted > 0) {
			if faults++; faults < 10 {
				t.Errorf("%s: %d events count, the ledger sees it: %v", u.id, unit.Counted, v != nil)
			}
			return
		}
		if v == nil {
			return
		}
		d := unit.Dims
		if d.Region != v.region || d.Outlet != v.outlet || d.Product != v.product || d.Channel != v.channel {
			if faults++; faults < 10 {
				t.Errorf("%s: dims %s %s %s %s, ledger %s %s %s %s", u.id, d.Region, d.Outlet, d.Product, d.Channel, v.region, v.outlet, v.product, v.channel)
			}
		}
		have := map[string]entry{}
		for _, a := range unit.Anchors {
			e := entry{day: Day(a.Day), verdict: missed}
			switch {
			case a.Excluded != "":
				e.verdict = excluded
			case a.Unknown:
				e.verdict = unknown
			case a.Undetermined || a.Paused || a.Due.After(asOf):
				e.verdict = waits
			case !a.Done.IsZero() && !a.Done.After(a.Due):
				e.verdict = kept
			}
			have[a.Name] = e
		}
		for name, count := range names {
			want, got := count(v), have[name]
			if want.verdict != got.verdict || want.verdict != outside && want.day != got.day {
				if faults++; faults < 10 {
					t.Errorf("%s as of %s before %s: %s is %s on %s, ledger %s on %s", u.id, asOf, before, name, got.verdict, got.day, want.verdict, want.day)
				}
			}
			judged++
		}
	}
	for _, u := range op.ledger.units[cases] {
		compare(r.byUnit[u], u, fold.FoldCase(history(u.id), p, cal).Unit, map[string]func(*view) entry{
			"promise": promised(false), "promise_day": promised(true),
		})
	}
	link := func(u *unit) fold.Linked {
		var l fold.Linked
		if u.about == nil {
			return l
		}
		switch u.about.base {
		case cases:
			if c := fold.FoldCase(history(u.about.id), p, cal); c.Counted > 0 {
				l.Case = &c.Dims
			}
		}
		return l
	}
	merged := map[string]time.Time{}
	links := map[string]fold.Links{}
	for _, u := range op.ledger.units[tickets] {
		l := fold.TicketLinks(history(u.id))
		links[u.id] = l
		if at := merged[l.DuplicateOf]; at.IsZero() || l.ReceivedAt.Before(at) {
			merged[l.DuplicateOf] = l.ReceivedAt
		}
	}
	dims := map[string]*fold.Dims{}
	for _, u := range op.ledger.units[tickets] {
		l := fold.Linked{}
		if links[u.id].CaseID != "" {
			l = link(u)
		}
		l.GroupReceivedAt = merged[u.id]
		ticket := fold.FoldTicket(history(u.id), l, p, cal)
		if ticket.Counted > 0 {
			dims[u.id] = &ticket.Dims
		}
		compare(r.byUnit[u], u, ticket.Unit, map[string]func(*view) entry{
			"enquiry_answer": rules["enquiry_answer_24h_rate"].count, "feedback_response": rules["feedback_response_3wd_rate"].count,
			"complaint_accept": rules["complaint_accept_24h_rate"].count, "complaint_investigation": rules["complaint_investigation_7wd_rate"].count,
			"complaint_feedback": rules["complaint_feedback_15wd_rate"].count, "ticket_due": rules["ticket_on_time_rate"].count,
		})
	}
	for _, u := range op.ledger.units[surveys] {
		h := history(u.id)
		l := fold.Linked{}
		found := fold.SurveyLinks(h)
		if found.CaseID != "" {
			l = link(u)
		}
		if found.TicketID != "" {
			l.Ticket = dims[found.TicketID]
		}
		s := fold.FoldSurvey(h, l)
		v := r.byUnit[u]
		compare(v, u, s.Unit, nil)
		if v == nil {
			continue
		}
		f := v.first(surveyAnswered)
		if (f != nil && f.flag) != s.Scored || s.Scored && (float64(f.n) != s.Score || float64(f.value)/one != s.Weight) {
			t.Errorf("%s: scored %v %v weight %v, ledger %+v", u.id, s.Scored, s.Score, s.Weight, f)
		}
	}
	if judged == 0 {
		t.Error("nothing was judged")
	}
	if faults > 10 {
		t.Errorf("%d differences", faults)
	}
}
