package metrics

import (
	"testing"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/queries/queriestest"
)

// BenchmarkFactsOfNothing replaces the facts of a day without rows, of each window: what
// is left of a statement's time is that the engine reads it.
func BenchmarkFactsOfNothing(b *testing.B) {
	db := queriestest.Open(b)
	cat, err := catalogue.Load("")
	if err != nil {
		b.Fatal(err)
	}
	f := NewFacts(db, cat)
	day := calendar.Date(2026, time.March, 1)
	for b.Loop() {
		for w, members := range f.windows() {
			if err := f.replace(b.Context(), 1, w, members, [][]calendar.Day{{day}}, day.Start()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
