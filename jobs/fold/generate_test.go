package fold_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
)

// asOf is the instant that all histories are folded for. Events, deadlines and
// the end of the known calendar lie on both sides of it.
var asOf = time.Date(2026, 12, 15, 12, 0, 0, 0, calendar.Beijing).UTC()

// recordTime is late enough that no event lies in the future of its record.
var recordTime = time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	day  = 24 * time.Hour
	none = "" // a field that is not reported
)

// fields are the data of an event.
type fields map[string]any

// draft is an event before it is written down.
type draft struct {
	event.Event
	data fields
}

// reported is an event as a topic carries it.
type reported struct {
	topic string
	*event.Event
}

// generator draws the histories of one seed: some thirty to sixty subjects,
// with all that the fold reacts to. What it draws depends on the seed alone.
type generator struct {
	*rand.Rand
	// prefix keeps apart the subjects and ids of seeds that share a database.
	prefix  string
	drafts  []draft
	ids     int
	cases   []string
	tickets []string
}

// generate gives the events of a seed in the order of their time, each once.
func generate(t testing.TB, seed uint64) []reported {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), prefix: fmt.Sprintf("s%03d-", seed)}
	cases, tickets, surveys := 12+g.IntN(13), 10+g.IntN(11), 8+g.IntN(9)
	for i := range cases {
		g.cases = append(g.cases, fmt.Sprintf("%sC%d", g.prefix, i))
	}
	for i := range tickets {
		g.tickets = append(g.tickets, fmt.Sprintf("%sT%d", g.prefix, i))
	}
	for _, subject := range g.cases {
		g.subject(subject, g.caseStory)
	}
	merges := g.merges()
	for i, subject := range g.tickets {
		g.subject(subject, func(subject string) { g.ticketStory(subject, merges[i]) })
	}
	for i := range surveys {
		g.subject(fmt.Sprintf("%sS%d", g.prefix, i), g.surveyStory)
	}
	g.totals()
	g.conflictsElsewhere()
	return g.decoded(t)
}

// odds says yes in so many of a hundred.
func (g *generator) odds(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// after is an instant some time later, now and then to the microsecond.
func (g *generator) after(t time.Time, most time.Duration) time.Time {
	d := time.Duration(g.Int64N(int64(most)))
	switch g.IntN(3) {
	case 0:
		d = d.Truncate(time.Hour)
	case 1:
		d = d.Truncate(time.Second)
	default:
		d = d.Truncate(time.Microsecond)
	}
	return t.Add(d)
}

// around is an instant before, at or after a limit.
func (g *generator) around(limit time.Time, most time.Duration) time.Time {
	switch g.IntN(10) {
	case 0:
		return limit
	case 1:
		return limit.Add(time.Microsecond)
	case 2:
		return limit.Add(-time.Microsecond)
	}
	return g.after(limit.Add(-most), 2*most)
}

// start is when a story begins: mostly in the weeks before asOf, also around it,
// months before, and at the turn of the year before.
func (g *generator) start() time.Time {
	switch n := g.IntN(100); {
	case n < 50:
		return g.after(asOf.Add(-30*day), 29*day)
	case n < 65:
		return g.around(asOf, 3*day)
	case n < 85:
		return g.after(asOf.Add(-100*day), 70*day)
	}
	return g.after(time.Date(2025, 12, 20, 0, 0, 0, 0, time.UTC), 20*day)
}

func instant(t time.Time) string { return t.Format(time.RFC3339Nano) }

// add reports an event and gives its place among the drafts.
func (g *generator) add(subject, kind string, at time.Time, data fields) int {
	g.ids++
	d := draft{data: data, Event: event.Event{ID: fmt.Sprintf("%se%d", g.prefix, g.ids), Type: "cn.post." + kind, Subject: subject, Time: at}}
	switch {
	case strings.HasPrefix(kind, "case.") || strings.HasPrefix(kind, "volume."):
		d.Source = pick(g, "/cn/post/core", "/cn/post/core", "/cn/post/core", "/cn/post/branch")
	case strings.HasPrefix(kind, "ticket."):
		d.Source = pick(g, "/cn/post/crm", "/cn/post/crm", "/cn/post/12305")
	default:
		d.Source = "/cn/post/survey"
	}
	if d.data == nil {
		d.data = fields{}
	}
	maps.DeleteFunc(d.data, func(_ string, v any) bool { return v == none })
	if g.odds(60) {
		d.Sequence = fmt.Sprintf("%06d", g.IntN(1000))
	}
	if g.odds(60) {
		d.Recorded = g.after(at, 2*time.Hour)
	}
	g.drafts = append(g.drafts, d)
	return len(g.drafts) - 1
}

// subject tells a story and then what repairs it, contradicts it or was a test.
func (g *generator) subject(name string, story func(string)) {
	from := len(g.drafts)
	story(name)
	told := len(g.drafts)
	if told == from {
		return
	}
	switch n := g.IntN(100); {
	case n < 5: // all tests
		for i := from; i < told; i++ {
			g.drafts[i].Test = true
		}
	case n < 9: // a test among real events
		g.drafts[from+g.IntN(told-from)].Test = true
	}
	if g.odds(12) {
		// The same instant: sequence, recordedtime, source and id decide.
		a, b := from+g.IntN(told-from), from+g.IntN(told-from)
		g.drafts[a].Time = g.drafts[b].Time
	}
	for g.odds(40) {
		g.repair(name, from)
	}
	if g.odds(8) {
		g.conflict(from+g.IntN(len(g.drafts)-from), name)
	}
}

func (g *generator) caseStory(subject string) {
	at := g.start()
	product := pick(g, "parcel", "parcel", "parcel", "letter", "ems", "financial", "drone")
	region := pick(g, "330100", "330100", "330106", "3301", "33", "110000", "unknown", "X-9")
	outlet := pick(g, "HZ-017", "HZ-017", "HZ-018", "BJ-001", "unknown")
	channel := pick(g, "outlet", "online", "third_party")
	if g.odds(25) {
		g.add(subject, "case.submitted", at, fields{"channel": channel, "product": product, "region": region, "outlet": pick(g, none, outlet), "customer_type": pick(g, none, "person", "enterprise")})
		at = g.after(at, day)
	}
	promised := g.after(at.Add(day), 9*day)
	if g.odds(10) {
		promised = g.around(asOf, time.Hour)
	}
	accept := func(at time.Time) {
		data := fields{
			"product": product, "region": region, "outlet": outlet, "channel": channel, "direction": pick(g, "domestic", "domestic", "inbound", "outbound"),
			"customer_type": pick(g, none, "person", "government"), "customer_tier": pick(g, none, "vip"), "special_need": pick(g, none, "elderly"), "area_type": pick(g, none, "city", "rural"),
		}
		switch n := g.IntN(100); {
		case n < 65:
			data["promised_at"] = instant(promised)
		case n < 87:
			data["promise_days"] = pick(g, 0, 1, 3, 7, 15)
		}
		g.add(subject, "case.accepted", at, data)
	}
	if g.odds(92) {
		accept(at)
	}
	if g.odds(6) {
		promised = promised.Add(5 * day)
		region, outlet = "110000", "BJ-001"
		accept(g.after(at, 5*day))
	}
	if g.odds(20) {
		g.add(subject, "case.reviewed", g.after(at, day), fields{"result": "pass"})
	}
	if g.odds(15) {
		g.add(subject, "case.approved", g.after(at, 2*day), fields{"decision": pick(g, "approved", "declined"), "approver_level": 1 + g.IntN(5)})
	}
	for g.odds(40) {
		data := fields{"step": pick(g, "handling", "scan", "notice")}
		if g.odds(30) {
			data["attempt_no"] = 1 + g.IntN(2)
		}
		g.add(subject, "case.progressed", g.after(at, 8*day), data)
	}
	g.pauses(subject, "case", at)
	for g.odds(25) {
		// Before or after the deadline that it would move.
		moved := g.around(promised, 2*day)
		promised = g.after(promised.Add(-day), 6*day)
		g.add(subject, "case.promise_changed", moved, fields{"promised_at": instant(promised), "reason": pick(g, "customer", "customer", "address", "operator", "force_majeure", "weather")})
	}
	deliver := func(at time.Time) {
		data := fields{}
		if g.odds(8) {
			data["time_unknown"] = true
		}
		if g.odds(20) {
			data["attempt_no"] = 1
		}
		g.add(subject, "case.delivered", at, data)
	}
	end := func(at time.Time) {
		g.add(subject, "case.ended", at, fields{"outcome": pick(g, "cancelled", "withdrawn", "declined", "returned", "lost", "damaged", "odd")})
	}
	ended := g.around(promised, 3*day)
	switch n := g.IntN(100); {
	case n < 50:
		deliver(ended)
	case n < 68:
		end(ended)
	case n < 78:
		deliver(ended)
		end(g.after(ended.Add(-day), 3*day))
	}
	for g.odds(15) {
		ended = g.after(ended, 2*day)
		g.add(subject, "case.reopened", ended, fields{"reason": pick(g, "not_received", "not_received", "mistake")})
		if g.odds(60) {
			ended = g.after(ended, 2*day)
			if g.odds(70) {
				deliver(ended)
			} else {
				end(ended)
			}
		}
	}
	if g.odds(15) {
		g.add(subject, "case.archived", g.after(ended, 4*day), fields{"documents": []string{"operation_log"}})
	}
}

// pauses draws pauses that overlap, hold one another and never end.
func (g *generator) pauses(subject, family string, at time.Time) {
	for g.odds(40) {
		reason := pick(g, "customs", "customs", "awaiting_customer", "force_majeure")
		from := g.after(at, 8*day)
		if g.odds(90) {
			g.add(subject, family+".paused", from, fields{"reason": reason})
		}
		if g.odds(75) {
			g.add(subject, family+".resumed", g.after(from, 4*day), fields{"reason": reason})
		}
	}
}

// merges draws which ticket each was merged into: chains, a circle, a ticket
// that names itself and one that never comes.
func (g *generator) merges() []string {
	into := make([]string, len(g.tickets))
	order := g.Perm(len(g.tickets))
	at := func(i int) string { return g.tickets[order[i]] }
	into[order[0]], into[order[1]] = at(1), at(2) // T3 -> T2 -> T1
	if g.odds(50) {
		into[order[3]] = at(1)
	}
	switch g.IntN(4) {
	case 0:
		into[order[4]], into[order[5]] = at(5), at(4)
	case 1:
		into[order[4]], into[order[5]], into[order[6]] = at(5), at(6), at(5)
	case 2:
		into[order[4]] = at(4)
	case 3:
		into[order[4]] = g.prefix + "T-none"
	}
	return into
}

func (g *generator) ticketStory(subject, duplicateOf string) {
	at := g.start()
	kind := pick(g, "complaint", "complaint", "complaint", "enquiry", "enquiry", "feedback", "praise", "riddle")
	receive := func(at time.Time, duplicateOf string) {
		data := fields{
			"kind": kind, "region": pick(g, "330100", "3301", "110000", "unknown"), "channel": pick(g, "phone", "online", "12305"),
			"case_id": g.caseID(), "category": pick(g, none, "delay", "loss", "attitude", "odd"), "outlet": pick(g, none, none, "HZ-017", "unknown"),
			"unit": pick(g, none, "U-1", "U-2"), "duplicate_of": duplicateOf,
		}
		if g.odds(40) {
			data["severity"] = 1 + g.IntN(3)
		}
		if g.odds(40) {
			data["due_at"] = instant(g.around(at.Add(3*day), 3*day))
		}
		g.add(subject, "ticket.received", at, data)
	}
	if g.odds(95) {
		receive(at, duplicateOf)
	}
	if g.odds(8) {
		receive(g.after(at, 3*day), pick(g, none, none, pick(g, g.tickets...)))
	}
	if g.odds(65) {
		data := fields{"owner_ref": "s-1", "category": pick(g, none, none, "fee")}
		if g.odds(20) {
			data["due_at"] = instant(g.after(at, 9*day))
		}
		g.add(subject, "ticket.accepted", g.around(at.Add(day), day), data)
	}
	if g.odds(15) {
		g.add(subject, "ticket.handed_over", g.after(at, 4*day), fields{"to_owner_ref": "s-2", "accepted": g.odds(50)})
	}
	if g.odds(60) {
		g.add(subject, "ticket.responded", g.around(at.Add(day), day), nil)
	}
	for percent := 55; g.odds(percent); percent = 15 {
		g.add(subject, "ticket.investigated", g.after(at, 14*day), fields{"finding": pick(g, "valid", "invalid", "undetermined")})
	}
	if g.odds(35) {
		g.add(subject, "ticket.resolved", g.after(at, 16*day), fields{"remedy": pick(g, "apology", "compensation", "song")})
	}
	if g.odds(50) {
		g.add(subject, "ticket.replied", g.after(at, 25*day), nil)
	}
	if g.odds(20) {
		g.pauses(subject, "ticket", at)
	}
	if g.odds(10) {
		g.add(subject, "ticket.escalated", g.after(at, 9*day), fields{"level": 2 + g.IntN(3), "to": "regulator"})
	}
	for percent := 18; g.odds(percent); percent = 25 {
		at = g.after(at, 4*day)
		g.add(subject, "ticket.withdrawn", at, nil)
		if g.odds(35) {
			g.add(subject, "ticket.reopened", g.after(at, day), fields{"reason": "again"})
		}
	}
	if g.odds(12) {
		g.add(subject, "ticket.reopened", g.after(at, 20*day), fields{"reason": "not solved"})
	}
	if g.odds(12) {
		g.add(subject, "ticket.archived", g.after(at, 28*day), nil)
	}
}

// caseID names a case of the seed, which may come later, one that never comes,
// or none.
func (g *generator) caseID() string {
	switch n := g.IntN(100); {
	case n < 60:
		return pick(g, g.cases...)
	case n < 65:
		return g.prefix + "C-none"
	}
	return none
}

func (g *generator) ticketID() string {
	switch n := g.IntN(100); {
	case n < 50:
		return pick(g, g.tickets...)
	case n < 55:
		return g.prefix + "T-none"
	}
	return none
}

func (g *generator) surveyStory(subject string) {
	at := g.start()
	instrument := pick(g, "csat", "csat", "csat", "csat", "servqual", "nps", "mood")
	if g.odds(80) {
		g.add(subject, "survey.invited", at, fields{
			"instrument": instrument, "wave": pick(g, none, "2026Q4"), "case_id": g.caseID(), "ticket_id": g.ticketID(),
			"channel": pick(g, none, "phone", "online"), "region": pick(g, none, none, "330100"),
		})
	}
	for percent := 78; g.odds(percent); percent = 10 {
		at = g.after(at, 6*day)
		low, high := 1, 5
		if g.odds(25) {
			low, high = 0, 10
		}
		answer := fields{"item": pick(g, "overall", "overall", "overall", "speed"), "role": pick(g, "score", "score", "score", "choice"), "value": low + g.IntN(high-low+1), "min": low, "max": high}
		if g.odds(10) {
			answer["value"] = nil
		}
		answers := []fields{answer}
		if g.odds(25) {
			answers = append(answers, fields{"item": pick(g, "overall", "staff"), "role": "score", "value": 4, "min": 1, "max": 5})
		}
		data := fields{
			"instrument": instrument, "answers": answers, "case_id": pick(g, none, none, g.caseID()), "ticket_id": pick(g, none, none, g.ticketID()),
			"region": pick(g, none, none, "110000"), "outlet": pick(g, none, none, "BJ-001", "unknown"), "product": pick(g, none, none, "ems"),
		}
		if g.odds(30) {
			data["weight"] = pick(g, 0.5, 2, 1.25)
		}
		g.add(subject, "survey.answered", at, data)
	}
}

// totals are events whose subject is no unit.
func (g *generator) totals() {
	at := g.start()
	g.add(g.prefix+"V1", "volume.reported", at, fields{"date": "2026-12-01", "region": "330100", "product": "parcel", "items": 7})
	g.add(g.prefix+"W1", "ticket.tallied", at, fields{"month": "2026-11", "region": "330100", "line": "postal", "received": 7})
}

// repair corrects an event of the drafts since from, which all are of one
// subject: also corrections, by which there are corrections of corrections,
// circles and targets that never come.
func (g *generator) repair(subject string, from int) {
	target := g.drafts[from+g.IntN(len(g.drafts)-from)]
	family, _, _ := strings.Cut(strings.TrimPrefix(target.Type, "cn.post."), ".")
	data := fields{}
	if strings.HasSuffix(target.Type, ".corrected") {
		// What is replaced is what the correction says.
		switch g.IntN(4) {
		case 0:
			data["data"] = fields{"void": true}
		case 1:
			data["data"] = fields{"void": nil, "time_new": instant(g.around(target.Time.Add(-day), 3*day))}
		case 2:
			data["void"] = true
		case 3:
			data["data"] = fields{"data": fields{"note": "as on paper", "region": "320000"}}
		}
	} else {
		switch n := g.IntN(100); {
		case n < 20:
			data["void"] = true
		case n < 45:
			data["time_new"] = instant(g.around(target.Time, 5*day))
		case n < 55:
			data["data"], data["time_new"] = g.patch(target), instant(g.around(target.Time, 5*day))
		default:
			data["data"] = g.patch(target)
		}
	}
	i := g.add(subject, family+".corrected", g.around(target.Time.Add(2*day), 4*day), data)
	c := &g.drafts[i]
	c.Source, c.CorrectsID = target.Source, target.ID
	switch n := g.IntN(100); {
	case n < 4:
		c.CorrectsID = g.prefix + "e-none"
	case n < 8: // a circle
		c.CorrectsID = c.ID
	case n < 12:
		c.Test = true
	}
	if g.odds(50) {
		c.Recorded = g.after(target.Time, 20*day)
	}
}

// patch draws data that replace those of an event; now and then they leave
// nothing that its type admits.
func (g *generator) patch(target draft) fields {
	at := target.Time
	var choices []fields
	switch strings.TrimPrefix(target.Type, "cn.post.") {
	case "case.submitted":
		choices = []fields{{"product": "letter"}, {"region": "320100"}, {"channel": nil}}
	case "case.accepted":
		choices = []fields{
			{"promised_at": instant(g.around(at.Add(4*day), 4*day)), "promise_days": nil},
			{"promised_at": nil, "promise_days": pick(g, 1, 15)},
			{"promised_at": nil},
			{"region": "320100", "outlet": "NJ-001"}, {"product": "letter"}, {"direction": "inbound"}, {"outlet": "unknown"},
			{"product": nil},
		}
	case "case.delivered":
		choices = []fields{{"time_unknown": true}, {"time_unknown": nil}}
	case "case.promise_changed":
		choices = []fields{{"promised_at": instant(g.around(at.Add(2*day), 3*day))}, {"reason": "operator"}, {"reason": "customer"}, {"reason": nil}}
	case "case.ended":
		choices = []fields{{"outcome": "cancelled"}, {"outcome": "lost"}}
	case "case.reopened":
		choices = []fields{{"reason": "not_received"}, {"reason": "mistake"}}
	case "case.paused", "case.resumed", "ticket.paused", "ticket.resumed":
		choices = []fields{{"reason": "customs"}, {"reason": "force_majeure"}}
	case "ticket.received":
		choices = []fields{
			{"duplicate_of": pick(g, g.tickets...)}, {"duplicate_of": pick(g, g.tickets...)}, {"duplicate_of": nil}, {"duplicate_of": nil},
			{"case_id": pick(g, g.cases...)}, {"case_id": nil}, {"kind": "complaint"}, {"kind": "enquiry"}, {"due_at": instant(g.around(asOf, 3*day))}, {"due_at": nil},
			{"region": "320100"}, {"region": nil},
		}
	case "ticket.accepted":
		choices = []fields{{"due_at": instant(g.around(asOf, 3*day))}, {"category": "loss"}}
	case "ticket.investigated":
		choices = []fields{{"finding": "invalid"}}
	case "survey.invited":
		choices = []fields{{"case_id": pick(g, g.cases...)}, {"ticket_id": pick(g, g.tickets...)}, {"case_id": nil, "ticket_id": nil}, {"instrument": "csat"}}
	case "survey.answered":
		choices = []fields{
			{"case_id": pick(g, g.cases...)}, {"ticket_id": nil}, {"weight": 3}, {"instrument": "csat"}, {"region": nil, "outlet": nil, "product": nil},
			{"answers": []fields{{"item": "overall", "role": "score", "value": 5, "min": 1, "max": 5}}},
		}
	default:
		choices = []fields{{"note": "as on paper"}}
	}
	return pick(g, choices...)
}

// conflict reports another content with the source and id of a draft.
func (g *generator) conflict(of int, subject string) {
	d := g.drafts[of]
	d.Subject = subject
	d.data = maps.Clone(d.data)
	if g.odds(50) {
		d.data["note"] = fmt.Sprint("other content ", g.IntN(1000))
	} else {
		d.Time = g.around(d.Time, 3*day)
	}
	g.drafts = append(g.drafts, d)
}

// conflictsElsewhere use identities again under another subject, and in another
// topic, also in one that has no fold.
func (g *generator) conflictsElsewhere() {
	for g.odds(60) {
		of := g.IntN(len(g.drafts))
		d := g.drafts[of]
		family := strings.Split(d.Type, ".")[2]
		switch g.IntN(3) {
		case 0:
			subjects := g.cases
			if family == "ticket" {
				subjects = g.tickets
			} else if family != "case" {
				subjects = []string{g.prefix + "S0", g.prefix + "S1"}
			}
			g.conflict(of, pick(g, subjects...))
			continue
		case 1:
			d.Type, d.Subject, d.data = "cn.post.survey.invited", g.prefix+"S0", fields{"instrument": "csat", "region": "330100"}
			if family == "survey" {
				d.Type, d.Subject, d.data = "cn.post.case.progressed", pick(g, g.cases...), fields{"step": "scan"}
			}
		case 2:
			d.Type, d.Subject, d.data = "cn.post.incident.opened", g.prefix+"I0", fields{"kind": "outage", "level": 1, "unit": "U-1"}
		}
		d.CorrectsID = ""
		g.drafts = append(g.drafts, d)
	}
}

// decoded sends the drafts through the real decoder, so that nothing is folded
// that could not have been stored.
func (g *generator) decoded(t testing.TB) []reported {
	t.Helper()
	var out []reported
	for _, d := range g.drafts {
		data, err := event.EncodeData(map[string]any(d.data))
		if err != nil {
			t.Fatal(err)
		}
		d.Data = data
		message, err := event.Marshal(d.Event)
		if err != nil {
			t.Fatal(err)
		}
		topic, _ := event.TopicOf(d.Type)
		e, err := event.Decode(message, recordTime, topic)
		if err != nil {
			t.Fatalf("%v\n%s", err, message)
		}
		out = append(out, reported{topic, e})
	}
	slices.SortStableFunc(out, func(a, b reported) int { return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.ID, b.ID)) })
	return out
}
