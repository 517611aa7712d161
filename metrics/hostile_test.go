package metrics_test

import (
	"context"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// TestNoStoredEventStopsTheFigures stores what an older contract could have let
// in: numbers that no sum holds and a code with a zero byte. The units are
// unknown or a group of their own; all others have their figures.
func TestNoStoredEventStopsTheFigures(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	row := func(subject, kind, data string, offset int64) queries.EventRow {
		return queriestest.Row(&event.Event{
			Source: "/cn/post/old", ID: subject, Type: kind, Subject: subject, Time: at, Data: []byte(data), Hash: event.Hash{byte(offset)},
		}, 0, offset, at)
	}
	surveys := []queries.EventRow{
		row("S1", "cn.post.survey.answered", `{"instrument":"csat","outlet":"A","answers":[{"item":"overall","role":"score","value":4,"min":1,"max":5}]}`, 0),
		row("S2", "cn.post.survey.answered", `{"instrument":"csat","outlet":"A","answers":[{"item":"overall","role":"score","value":4,"min":1,"max":5}],"weight":1e300}`, 1),
		row("S3", "cn.post.survey.answered", `{"instrument":"csat","outlet":"A","answers":[{"item":"overall","role":"score","value":4,"min":-1.7e308,"max":1.7e308}]}`, 2),
		row("S4", "cn.post.survey.answered", `{"instrument":"csat","outlet":"A\u00001","answers":[{"item":"overall","role":"score","value":2,"min":1,"max":5}]}`, 3),
	}
	if err := r.db.InsertEvents(ctx, event.TopicSurveys, queries.EventsOf(surveys...)); err != nil {
		t.Fatal(err)
	}
	if err := r.job.Run(ctx, at.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	day := calendar.DayOf(at)
	for _, asOf := range []time.Time{{}, at.AddDate(0, 1, 0)} {
		figures, err := r.eval.Figures(ctx, metrics.Question{Keys: []string{"satisfaction_score_100"}, From: day, To: day + 1, By: []string{"outlet"}, AsOf: asOf})
		if err != nil {
			t.Fatal(err)
		}
		if len(figures) != 2 {
			t.Fatalf("%d figures, want one of each outlet: %+v", len(figures), figures)
		}
		for i, want := range []struct {
			outlet  string
			value   float64
			unknown int64
		}{{"A", 75, 2}, {"A\x001", 25, 0}} {
			f := figures[i]
			if f.By["outlet"] != want.outlet || f.Value == nil || *f.Value != want.value || *f.Unknown != want.unknown {
				t.Errorf("as of %v: %+v, want %+v", asOf, f, want)
			}
		}
	}
}
