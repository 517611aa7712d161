package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/sentence"
	"youzhi/metrics/stats"
)

// withOwn is our catalogue with n indicators of an operator's own.
func withOwn(t *testing.T, n int) *catalogue.Catalogue {
	t.Helper()
	if n == 0 {
		cat, err := catalogue.Load("")
		must(t, err)
		return cat
	}
	text := "indicators:\n"
	for i := range n {
		text += fmt.Sprintf(`  - key: own_indicator_%d
    revision: %d
    title: {zh: 本局自定指标之准时投递率 %[1]d, en: On-time delivery rate of our own office by its own rules %[1]d}
    meaning: {zh: 按本局的规则, en: By our own rules}
    section: "9.%[1]d"
    chapter: "9.%[1]d"
    window: DUE
    kind: ratio
    population: {base: cases, anchor: promise}
    unit: rate
    better: up
    targets:
      - {from: "2000-01-01", value: 0.89, met: 0.89, near: 0.78, source: D}
    minimum: 30
    reports: [delivered]
    dimensions: [region, outlet, product, channel]
    chart: line
`, i, 1+i%2)
	}
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "own.yaml"), []byte(text), 0o600))
	cat, err := catalogue.Load(folder)
	must(t, err)
	return cat
}

// full is a month as full as a month can be: long numbers, a signal in every
// indicator and in two places, every limit with a backlog. Of the indicators, the
// last ones have no data source.
func full(t *testing.T, cat *catalogue.Catalogue, sourceless int) *Month {
	t.Helper()
	period, at := month(t, "2026-10")
	out := &Month{Period: period, AsOf: at.UTC(), Refused: 1_234_567, Definitions: "policy-12 2007-2026-0123456789ab 0123456789abcdef"}
	for i, topic := range event.Topics() {
		out.Events = append(out.Events, Count{topic, 123_456_789 + uint64(i)})
	}
	statuses := []metrics.Status{metrics.StatusMissed, metrics.StatusNear, metrics.StatusMet, metrics.StatusSmall, metrics.StatusNone}
	for i, ind := range cat.All() {
		value, before, target, num, den := 0.8765, 0.9876, 0.95, 1_082_152.0, 1_234_567.0
		if ind.Unit != catalogue.Rate {
			value, before, target = 98_765.4, 12_345.6, 10_000
		}
		f := metrics.Figure{
			Key: ind.Key, Revision: 1 + i%3, From: period.From, To: period.To, AsOf: at, Value: &value, Numerator: &num, Denominator: &den,
			Units: 1_234_567, Unit: string(ind.Unit), Target: &target, Status: statuses[i%len(statuses)],
		}
		if i >= len(cat.All())-sourceless {
			out.Figures = append(out.Figures, metrics.Figure{Key: ind.Key, Revision: 1, From: period.From, To: period.To, Status: metrics.StatusNoSource})
			continue
		}
		last := f
		last.From, last.To, last.Value = period.Previous().From, period.Previous().To, &before
		out.Figures, out.Before = append(out.Figures, f), append(out.Before, last)
		out.Trends = append(out.Trends, outside(t, f, nil))
		if i < 2 {
			for _, place := range []map[string]string{{"region": "15"}, {"region": "23"}, {"region": "44"}, {"product": "e_comm"}} {
				out.Places = append(out.Places, outside(t, f, place))
			}
		}
		clocks := []string{"promise", "acceptance", "archiving", "enquiry_answer", "feedback_response", "complaint_accept", "complaint_investigation", "complaint_feedback", "ticket_due"}
		if i < len(clocks) {
			base := "cases"
			if i > 2 {
				base = "tickets"
			}
			out.Backlogs = append(out.Backlogs, metrics.Backlog{
				Key: ind.Key, Base: base, Anchor: clocks[i], AsOf: at, Open: 1_234_567, DueSoon: 345_678, Overdue: 456_789,
				Waiting: 12_345, Ageing: [4]int64{100_000, 100_000, 100_000, 156_789},
			})
		}
	}
	return out
}

// outside is a trend of 20 months to a figure, the last of which lie above the
// limits for so long that a sentence says so.
func outside(t *testing.T, f metrics.Figure, by map[string]string) metrics.Trend {
	t.Helper()
	out := metrics.Trend{Key: f.Key, Grain: calendar.GrainMonth, By: by}
	p := calendar.Period{Grain: calendar.GrainMonth, From: f.From, To: f.To}
	for range 19 {
		p = p.Previous()
	}
	var seen []stats.Observation
	for i := range 20 {
		v := *f.Value * (0.8 + 0.01*float64(i%3))
		if i > 16 {
			v = *f.Value
		}
		one := f
		one.From, one.To, one.Value = p.From, p.To, &v
		out.Figures = append(out.Figures, one)
		seen = append(seen, stats.Observation{Label: p.Label(), At: int64(p.From), Value: v})
		p = p.Next()
	}
	var err error
	out.Chart, err = stats.ControlChart(seen, stats.Options{Kind: stats.KindXmR, Better: stats.BetterLower, Scale: 1, Baseline: stats.BaselineMonthly})
	must(t, err)
	out.Variation, out.Assurance = out.Chart.Variation(), out.Chart.Assurance(f.Target, false)
	return out
}

// TestTwoSheets: however many indicators there are, however much is said of them,
// a report has two sheets and says what it leaves out.
func TestTwoSheets(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	plain, err := catalogue.Load("")
	must(t, err)
	ours := len(plain.All())
	for _, c := range []struct {
		indicators, sourceless int
		language               sentence.Language
		left                   bool
	}{
		{1, 0, sentence.Chinese, false},
		{ours, 0, sentence.English, false},
		{ours, 0, sentence.Chinese, false},
		{42, 0, sentence.Chinese, false},
		{70, 30, sentence.English, true},
		{120, 40, sentence.English, true},
		{120, 0, sentence.Chinese, true},
	} {
		t.Run(fmt.Sprintf("%d %s", c.indicators, c.language), func(t *testing.T) {
			cat := withOwn(t, max(c.indicators-ours, 0))
			m := full(t, cat, c.sourceless)
			m.Figures = m.Figures[:c.indicators]
			_, pdf, d := printed(t, New(options(t, cat)), browser, m, c.language)
			show(t, fmt.Sprintf("sheets-%d-%s.pdf", c.indicators, c.language), pdf)
			checkPDF(t, pdf, d)
			if len(d.Rows)+len(d.Without)+d.Left != c.indicators || c.left != (d.Left > 0) {
				t.Errorf("%d rows, %d without a source and %d left out, of %d", len(d.Rows), len(d.Without), d.Left, c.indicators)
			}
			if c.indicators > 1 && (len(d.Sentences) != sentence.MostSentences || len(d.Leading) != leadingOnes) {
				t.Errorf("%d sentences and %d leading indicators", len(d.Sentences), len(d.Leading))
			}
			if slices.ContainsFunc(d.Leading, func(p panel) bool { return p.Picture == "" }) {
				t.Error("a leading indicator without a picture")
			}
		})
	}
}
