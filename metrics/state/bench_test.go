package state_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// BenchmarkFold folds an edition of cases with five events each, from the events
// table to the state table; an operation is one case.
func BenchmarkFold(b *testing.B) {
	db := queriestest.Open(b)
	pol, err := policy.Default()
	if err != nil {
		b.Fatal(err)
	}
	cal, err := calendar.StateCouncil()
	if err != nil {
		b.Fatal(err)
	}
	const cases = 20_000
	start := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	var rows []queries.EventRow
	add := func(subject, id, kind string, at time.Time, data string) {
		rows = append(rows, queries.EventRow{
			Subject: []byte(subject), Source: []byte("/cn/post/core"), ID: []byte(id), Day: calendar.DayOf(at).UTC(), Offset: int64(len(rows)),
			Type: "cn.post.case." + kind, Time: at, DataSchema: "urn:youzhi:schema:cn.post.case." + kind + ":1", Data: []byte(data), ReceivedAt: at,
		})
	}
	for i := range cases {
		s := fmt.Sprintf("C%09d", i)
		at := start.Add(time.Duration(i) * time.Minute)
		add(s, s+"-1", "submitted", at, `{"channel":"outlet","product":"parcel","region":"330100","outlet":"HZ-017"}`)
		add(s, s+"-2", "accepted", at.Add(time.Minute), fmt.Sprintf(`{"product":"parcel","region":"330100","outlet":"HZ-%03d","channel":"outlet","direction":"domestic","promised_at":%q}`, i%100, at.Add(72*time.Hour).Format(time.RFC3339)))
		add(s, s+"-3", "progressed", at.Add(time.Hour), `{"step":"scan","location":"HZ-C1"}`)
		add(s, s+"-4", "progressed", at.Add(20*time.Hour), `{"step":"scan","location":"SH-C1"}`)
		add(s, s+"-5", "delivered", at.Add(time.Duration(50+i%40)*time.Hour), `{"result":"to_addressee","attempt_no":1}`)
	}
	if err := db.InsertEvents(context.Background(), event.Topics()[0], queries.EventsOf(rows...)); err != nil {
		b.Fatal(err)
	}
	builder := state.NewBuilder(db, pol, cal)
	done := 0
	for b.Loop() {
		if done%cases == 0 {
			name := fmt.Sprintf("bench%d", done)
			if _, err := builder.Fold(context.Background(), state.Scope{Edition: name, Run: 1, AsOf: start.AddDate(1, 0, 0), All: true}, 0); err != nil {
				b.Fatal(err)
			}
		}
		done++
	}
}
