package web

import (
	"net/http"
	"testing"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
)

// BenchmarkPages measures each page over HTTP, and beside it what the evaluator
// needs for the page's own figures.
func BenchmarkPages(b *testing.B) {
	s := serve(b, seed)
	month := calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(now)).Previous()
	scope := page.Scope{Period: month}
	year := calendar.Period{From: page.TrendPeriods(calendar.GrainMonth, month, 13)[0].From, To: month.To}
	const key = "on_time_delivery_rate"
	var keys []string
	for _, ind := range s.cat.All() {
		keys = append(keys, ind.Key)
	}
	figures := func(q metrics.Question, grain calendar.Grain, by ...string) {
		q.Grain, q.By = grain, by
		_, err := s.eval.Figures(b.Context(), q)
		must(b, err)
	}
	for _, c := range []struct {
		name, path string
		queries    func()
	}{
		{"overview", "/?period=2026-10", func() {
			figures(scope.Question(keys...), "")
			figures(scope.In(month.Previous()).Question(keys...), "")
			figures(scope.In(year).Question(keys...), calendar.GrainMonth)
			figures(scope.Question(key), "", "region")
		}},
		{"indicator", "/indicators/" + key + "?period=2026-10", func() {
			figures(scope.Question(key), "")
			figures(scope.In(year).Question(key), calendar.GrainMonth)
			figures(scope.Question(key), "", "region")
		}},
		{"rows", "/indicators/" + key + "/rows?period=2026-10&part=missed", func() {
			_, err := s.eval.Rows(b.Context(), scope.Question(key), metrics.PartMissed, "", pageRows)
			must(b, err)
			figures(scope.Question(key), "")
		}},
		{"cases", "/cases?period=2026-10", nil},
		{"case", "/cases/C-odd", nil},
		{"data", "/data", nil},
		{"definitions", "/definitions", nil},
	} {
		b.Run(c.name+"/page", func(b *testing.B) {
			for b.Loop() {
				if a := s.get(b, c.path); a.status != http.StatusOK {
					b.Fatalf("status %d", a.status)
				}
			}
		})
		if c.queries == nil {
			continue
		}
		b.Run(c.name+"/queries", func(b *testing.B) {
			for b.Loop() {
				c.queries()
			}
		})
	}
}
