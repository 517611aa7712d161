package metrics_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries/queriestest"
)

func TestSilent(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, calendar.Beijing)
	for _, c := range []struct {
		name   string
		ago    time.Duration
		gap    time.Duration
		days   int
		silent bool
	}{
		{"a day, of one that reports each hour", day, time.Hour, 90, false},
		{"more than a day", day + time.Second, time.Hour, 90, true},
		{"its weekend", 64 * time.Hour, 64 * time.Hour, 60, false},
		{"half as long again as a weekend", 96 * time.Hour, 64 * time.Hour, 60, false},
		{"longer than that", 96*time.Hour + time.Second, 64 * time.Hour, 60, true},
		{"one whose habits are not known", 30 * day, time.Hour, 6, false},
		{"one whose habits are known", 30 * day, time.Hour, 7, true},
	} {
		if got := (metrics.Source{Newest: now.Add(-c.ago), Gap: c.gap, Days: c.days}).Silent(now); got != c.silent {
			t.Errorf("%s: silent %v", c.name, got)
		}
	}
}

// TestSources stores what three sources report: one each hour until two days ago,
// one once a day until now, one of a year ago and of tomorrow alone.
func TestSources(t *testing.T) {
	r := newRoom(t)
	now := time.Date(2026, 3, 31, 12, 30, 0, 0, calendar.Beijing)
	var messages [][]byte
	tell := func(source string, at time.Time) {
		messages = append(messages, []byte(fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":%q,"type":"cn.post.case.progressed","subject":"C1","time":%q,`+
			`"dataschema":"urn:youzhi:schema:cn.post.case.progressed:1","data":{"step":"scan"}}`, len(messages), source, at.UTC().Format(time.RFC3339))))
	}
	for hour := range 240 {
		tell("/hourly", now.Add(-2*24*time.Hour-time.Duration(hour)*time.Hour))
	}
	for day := range 10 {
		tell("/daily", now.AddDate(0, 0, -day))
	}
	tell("/elsewhere", now.AddDate(-1, 0, 0))
	tell("/elsewhere", now.AddDate(0, 0, 1))
	queriestest.Store(t, r.db, event.TopicCases, 0, messages...)
	// Stored again after an insert whose outcome nobody learned, it is the same.
	queriestest.Store(t, r.db, event.TopicCases, 0, messages...)
	got, err := r.eval.Sources(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	// The hour of an event is that it begins in.
	want := []metrics.Source{
		{Name: "/hourly", Newest: now.Add(-48 * time.Hour).UTC(), Days: 11, Gap: time.Hour},
		{Name: "/daily", Newest: now.UTC(), Days: 10, Gap: 24 * time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	silent := slices.Collect(func(yield func(string) bool) {
		for _, s := range got {
			if s.Silent(now) && !yield(s.Name) {
				return
			}
		}
	})
	if !slices.Equal(silent, []string{"/hourly"}) {
		t.Errorf("silent: %v", silent)
	}
}
