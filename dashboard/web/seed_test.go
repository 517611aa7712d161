package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"youzhi/ingest/event"
	jobfold "youzhi/jobs/fold"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/policy"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// now is the clock of the tests: November has begun, October is the last
// complete month.
var now = time.Date(2026, 11, 10, 10, 0, 0, 0, calendar.Beijing)

const (
	// hostile is a label that breaks out of a script, an attribute or a formatter
	// if anything writes it as it is.
	hostile = `</script><img src=x onerror=alert(1)>"'{b}`
	// awkward is a number that a path must escape.
	awkward = `T/1 <"&'>?#%2F;é`
)

// stream writes the events of one topic.
type stream struct {
	t        testing.TB
	source   string
	n        int
	messages [][]byte
}

// add writes an event; more are further members of the envelope, as pairs.
func (s *stream) add(eventType, subject string, at time.Time, data map[string]any, more ...any) string {
	if at.After(now) {
		return "" // not happened yet
	}
	s.n++
	id := fmt.Sprintf("e-%d", s.n)
	m := map[string]any{
		"specversion": "1.0", "id": id, "source": s.source, "type": eventType, "subject": subject,
		"time": at.In(calendar.Beijing).Format(time.RFC3339), "datacontenttype": "application/json",
		"dataschema": "urn:youzhi:schema:" + eventType + ":1", "recordedtime": at.Add(time.Minute).UTC().Format(time.RFC3339), "data": data,
	}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	s.messages = append(s.messages, b)
	return m["id"].(string)
}

// again sends the last message once more.
func (s *stream) again() { s.messages = append(s.messages, s.messages[len(s.messages)-1]) }

var provinceCodes = strings.Fields("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65")

// seed fills a database with an operator's history from August to the 9th of
// November: cases in all provinces but three, tickets of each kind, surveys, and
// everything that can be wrong with events.
func seed(t testing.TB, db *queries.DB) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 11))
	cases := &stream{t: t, source: "/cn/post/core"}
	tickets := &stream{t: t, source: "/cn/post/crm"}
	surveys := &stream{t: t, source: "/cn/post/survey"}
	start := time.Date(2026, 8, 1, 9, 0, 0, 0, calendar.Beijing)
	products := []string{"parcel", "letter", "ems", "e_comm"}
	channels := []string{"outlet", "online", "third_party"}
	const days = 100
	for i, code := range provinceCodes {
		for d := range days {
			if r.IntN(3) > 0 && i%5 != 0 {
				continue
			}
			id := fmt.Sprintf("C%s-%03d", code, d)
			at := start.AddDate(0, 0, d).Add(time.Duration(r.IntN(8*60)) * time.Minute)
			outlet := "O" + code
			if code == "41" && d%4 == 0 {
				outlet = hostile
			}
			promised := at.AddDate(0, 0, 3)
			cases.add(event.TypeCaseAccepted, id, at, map[string]any{
				"product": products[r.IntN(len(products))], "region": code + "0100", "outlet": outlet, "channel": channels[r.IntN(len(channels))],
				"direction": "domestic", "promised_at": promised.Format(time.RFC3339), "owner_ref": "s-81",
			})
			// Some are scanned in a centre, where a storm holds them up in October.
			if i%3 == 1 {
				cases.add(event.TypeCaseProgressed, id, at.Add(10*time.Hour), map[string]any{"step": "scan", "activity": "centre_arrival", "location": hostile})
				held := map[string]any{"step": "scan", "activity": "centre_departure", "location": hostile}
				if at.Month() == time.October && at.Day() >= 8 && at.Day() < 13 {
					held["reason_code"] = "weather"
					cases.add(event.TypeCaseProgressed, id, at.Add(100*time.Hour), held)
					cases.add(event.TypeCaseDelivered, id, at.Add(110*time.Hour), map[string]any{"result": "to_agent"})
					continue
				}
				cases.add(event.TypeCaseProgressed, id, at.Add(20*time.Hour), held)
			}
			switch n := r.IntN(100); {
			case n < 4:
				cases.add(event.TypeCaseEnded, id, at.Add(24*time.Hour), map[string]any{"outcome": "cancelled"})
			case n < 6+i/3: // open and, sooner or later, overdue
			case n < 10+i/2:
				cases.add(event.TypeCaseDelivered, id, promised.Add(time.Duration(1+r.IntN(60))*time.Hour), map[string]any{"result": "to_agent"})
			default:
				cases.add(event.TypeCaseDelivered, id, promised.Add(-time.Duration(1+r.IntN(40))*time.Hour), map[string]any{"result": "to_addressee"})
				if n%9 == 0 {
					cases.again()
				}
			}
			if d%6 == 0 {
				s := "S-" + id
				surveys.add(event.TypeSurveyInvited, s, promised, map[string]any{"instrument": "csat", "case_id": id})
				surveys.add(event.TypeSurveyAnswered, s, promised.Add(20*time.Hour), map[string]any{
					"instrument": "csat", "case_id": id, "comment": "张三说很好",
					"answers": []any{map[string]any{"item": "overall", "role": "score", "value": 2 + r.IntN(4), "min": 1, "max": 5}},
				})
			}
		}
	}
	categories := []string{"delay", "loss", "damage", "attitude", "fee"}
	for n := range 240 {
		id := fmt.Sprintf("T%04d", n)
		if n == 120 {
			id = awkward
		}
		at := start.AddDate(0, 0, n*days/240).Add(time.Duration(r.IntN(9*60)) * time.Minute)
		kind := "complaint"
		if n%4 == 3 {
			kind = "enquiry"
		}
		data := map[string]any{"kind": kind, "region": provinceCodes[r.IntN(len(provinceCodes))] + "0100", "channel": "phone", "category": categories[n%5], "severity": 1 + n%3}
		if n%3 == 0 {
			data["case_id"] = fmt.Sprintf("C11-%03d", n%days)
		}
		tickets.add(event.TypeTicketReceived, id, at, data)
		if kind == "enquiry" {
			if r.IntN(12) > 0 {
				tickets.add(event.TypeTicketResponded, id, at.Add(time.Duration(1+r.IntN(30))*time.Hour), map[string]any{"owner_ref": "s-2"})
			}
			continue
		}
		if r.IntN(10) > 0 {
			tickets.add(event.TypeTicketAccepted, id, at.Add(time.Duration(1+r.IntN(26))*time.Hour), map[string]any{"owner_ref": "s-1"})
		}
		if r.IntN(12) > 0 {
			tickets.add(event.TypeTicketInvestigated, id, at.AddDate(0, 0, 2+r.IntN(9)), map[string]any{"finding": "valid"})
			tickets.add(event.TypeTicketReplied, id, at.AddDate(0, 0, 11+r.IntN(14)), map[string]any{"disclosed_to_customer": true})
		}
	}

	// One case with everything: corrected, voided, in conflict, a test, a duplicate.
	const odd = "C-odd"
	day := time.Date(2026, 10, 5, 10, 0, 0, 0, calendar.Beijing)
	cases.add(event.TypeCaseAccepted, odd, day, map[string]any{"product": "parcel", "region": "330100", "outlet": "HZ-017", "channel": "outlet",
		"direction": "domestic", "promised_at": day.AddDate(0, 0, 3).Format(time.RFC3339)})
	cases.again()
	wrong := cases.add(event.TypeCaseDelivered, odd, day.AddDate(0, 0, 9), map[string]any{"result": "to_agent"})
	cases.add(event.TypeCaseCorrected, odd, day.AddDate(0, 0, 10), map[string]any{"time_new": day.AddDate(0, 0, 2).Format(time.RFC3339)}, "correctsid", wrong)
	scan := cases.add(event.TypeCaseProgressed, odd, day.AddDate(0, 0, 1), map[string]any{"step": "scan", "activity": hostile})
	cases.add(event.TypeCaseCorrected, odd, day.AddDate(0, 0, 1), map[string]any{"void": true}, "correctsid", scan)
	cases.add(event.TypeCaseProgressed, odd, day.AddDate(0, 0, 1), map[string]any{"step": "notice"}, "id", "same")
	cases.add(event.TypeCaseProgressed, odd, day.AddDate(0, 0, 1), map[string]any{"step": "handling"}, "id", "same")
	cases.add(event.TypeCaseProgressed, odd, day.AddDate(0, 0, 1), map[string]any{"step": "scan"}, "test", true)

	// Improvements: one with a verdict, one that nobody can judge, one with a label
	// that means harm.
	duties := &stream{t: t, source: "/cn/post/quality"}
	plan := func(subject, indicator, unit, owner string) {
		duties.add(event.TypeImprovementPlanned, subject, start.AddDate(0, 0, 10), map[string]any{"indicator": indicator, "unit": unit, "owner_post": owner,
			"baseline": map[string]any{"start": "2026-08-01", "end": "2026-09-01"}, "planned_check_date": "2026-10-20"})
	}
	check := func(subject string) {
		duties.add(event.TypeImprovementStarted, subject, start.AddDate(0, 0, 31), map[string]any{})
		duties.add(event.TypeImprovementChecked, subject, start.AddDate(0, 0, 80), map[string]any{"start": "2026-09-01", "end": "2026-10-01"})
	}
	plan("IMP-1", "on_time_delivery_rate", "11", "operations-11")
	check("IMP-1")
	plan("IMP-2", "overdue_open_cases", hostile, hostile)
	check("IMP-2")
	plan(awkward, "complaint_rate_p10k", "33", "service")
	check(awkward)

	ctx := t.Context()
	for topic, s := range map[string]*stream{"youzhi.assurance.v1": duties, "youzhi.cases.v1": cases, "youzhi.complaints.v1": tickets, "youzhi.surveys.v1": surveys} {
		queriestest.Store(t, db, topic, 0, s.messages...)
	}
	seedQuarantine(t, db)
	must(t, db.InsertReconciliation(ctx, []queries.Reconciliation{
		{At: now.Add(-time.Minute), Topic: "youzhi.cases.v1", First: 0, Committed: 4000, End: 4003, Stored: 3999, Counted: 3800, Duplicates: 199, Quarantined: 1},
	}))
	must(t, db.InsertIncidents(ctx, []queries.Incident{
		{Topic: "youzhi.surveys.v1", Partition: 30_002, Kind: queries.IncidentExpired, From: 70, To: 1304, FoundAt: now.Add(-time.Hour), Detail: hostile},
		{Topic: "youzhi.surveys.v1", Partition: 20_000, Kind: queries.IncidentDeleted, From: 70, To: 70, FoundAt: now.Add(-30 * 24 * time.Hour), Detail: "topic id 00ff"},
	}))
	must(t, db.RecordJobRun(ctx, queries.JobRun{Job: "snapshot-daily", At: now.Add(-time.Hour), Started: now.Add(-time.Hour), Ended: now.Add(-time.Hour).Add(2 * time.Second), Outcome: "done"}))
	must(t, db.RecordJobRun(ctx, queries.JobRun{Job: "snapshot-monthly", At: now.Add(-time.Hour), Started: now.Add(-30 * time.Minute), Ended: now.Add(-29 * time.Minute), Outcome: "failed", Error: hostile}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a running dashboard.
type site struct {
	url  string
	db   *queries.DB
	eval *metrics.Evaluator
	cat  *catalogue.Catalogue
	log  *logged
}

// serve starts a dashboard over a database of its own on a free port. fill, if
// given, stores events first, which are folded as the job does it.
func serve(t testing.TB, fill func(testing.TB, *queries.DB), through ...func(http.RoundTripper) http.RoundTripper) *site {
	t.Helper()
	db := queriestest.Open(t, through...)
	cat, err := catalogue.Load("")
	must(t, err)
	pol, err := policy.Default()
	must(t, err)
	cal, err := calendar.StateCouncil()
	must(t, err)
	builder := state.NewBuilder(db, pol, cal)
	editions := state.NewEditions(builder)
	s := &site{db: db, cat: cat, eval: metrics.New(db, cat, editions), log: &logged{}}
	if fill != nil {
		fill(t, db)
		job := jobfold.New(jobfold.Options{Builder: builder, Facts: metrics.NewFacts(db, cat), Versions: "test", Logger: slog.New(slog.DiscardHandler)})
		must(t, job.Run(t.Context(), now))
	}
	server, err := New(Options{
		Evaluator: s.eval, DB: db, Catalogue: cat,
		Logger:     slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Now:        func() time.Time { return now },
		AlarmRatio: 0.01, QuarantineKeep: 30 * 24 * time.Hour,
		Components: func() []Component { return []Component{{Name: "fold", Ready: fill != nil, Reason: "starting"}} },
	})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	listener, err := Listen(ctx, "127.0.0.1:0")
	must(t, err)
	s.url = "http://" + listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := editions.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	return s
}

// logged keeps what was logged, for many goroutines.
type logged struct {
	lock sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.String()
}

// Len is how much was logged.
func (l *logged) Len() int { return len(l.String()) }
