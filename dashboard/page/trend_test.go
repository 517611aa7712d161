package page

import (
	"strings"
	"testing"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
)

// trendOf is a monthly trend of an indicator from January 2025.
func trendOf(t *testing.T, key string, values []float64, missing, unfinished int) (catalogue.Indicator, metrics.Trend) {
	t.Helper()
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ind, ok := cat.Get(key)
	if !ok {
		t.Fatal(key)
	}
	out := metrics.Trend{Key: key, Grain: calendar.GrainMonth}
	p := calendar.PeriodOf(calendar.GrainMonth, calendar.Date(2025, time.January, 1))
	target := 92.0
	var observations []stats.Observation
	for i, v := range values {
		f := metrics.Figure{Key: key, From: p.From, To: p.To, Value: &v, Target: &target, Units: 200, Status: metrics.StatusNear}
		o := stats.Observation{Label: p.Label(), At: int64(p.From), Value: v, Missing: i == missing, Unfinished: i == unfinished}
		if o.Missing {
			f.Value = nil
		}
		out.Figures, observations = append(out.Figures, f), append(observations, o)
		p = p.Next()
	}
	if out.Chart, err = stats.ControlChart(observations, stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher}); err != nil {
		t.Fatal(err)
	}
	out.Variation, out.Assurance = out.Chart.Variation(), out.Chart.Assurance(&target, false)
	return ind, out
}

// The worked example of STATISTICS.md 1, then a value below its limits, one
// missing and one that is not over.
var worked = []float64{88.2, 89.1, 87.5, 90.3, 88.8, 86.9, 89.6, 88.1, 90.0, 87.7, 88.4, 89.3, 88, 84, 0, 89}

func TestSpark(t *testing.T) {
	ind, trend := trendOf(t, "satisfaction_score_100", worked, 14, 15)
	s := SparkOf(Chinese, ind, trend, 120, 28)
	if len(s.Bands) != 1 || len(s.Means) != 1 || len(s.Lines) != 1 || s.Dashed != "" || s.Target == "" {
		t.Errorf("%+v", s)
	}
	if len(s.Marks) != 1 || s.Marks[0].Class != "con" || strings.Count(s.Marks[0].Points, " ") != 3 {
		t.Errorf("marks %+v", s.Marks)
	}
	if s.End == nil || !s.End.Hollow {
		t.Errorf("end %+v", s.End)
	}
	if _, few := trendOf(t, "satisfaction_score_100", worked[:1], -1, -1); SparkOf(Chinese, ind, few, 120, 28) != nil {
		t.Error("a spark of one point")
	}
	if SparkOf(Chinese, ind, metrics.Trend{}, 120, 28) != nil {
		t.Error("a spark of nothing")
	}
}

func TestIcons(t *testing.T) {
	for _, l := range Languages {
		v := l.Voice(nil)
		for _, c := range []struct {
			values            []float64
			variation, letter string
			assurance, target string
		}{
			{worked[:14], "con", "L", "com", "?"},
			{worked[:13], "com", "", "com", "?"},
			{worked[:5], "none", "", "none", ""}, // trial limits
			{nil, "none", "", "none", ""},
		} {
			_, trend := trendOf(t, "satisfaction_score_100", c.values, -1, -1)
			if i := VariationOf(v, trend); i.Class != c.variation || i.Letter != c.letter || i.Text == "" {
				t.Errorf("%d values: variation %+v", len(c.values), i)
			}
			if i := AssuranceOf(v, trend); i.Class != c.assurance || i.Letter != c.target || i.Text == "" {
				t.Errorf("%d values: assurance %+v", len(c.values), i)
			}
		}
	}
}

// TestControl: the panel of a trend has its chart, its table and its sentences,
// whose links keep the scope.
func TestControl(t *testing.T) {
	scope := Scope{Period: calendar.PeriodOf(calendar.GrainMonth, calendar.Date(2026, time.February, 1))}.With("region", "33")
	for _, l := range Languages {
		ind, trend := trendOf(t, "satisfaction_score_100", worked, 14, 15)
		got, err := ControlOf(l, l.Voice(nil), ind, scope, trend, "outlet")
		if err != nil {
			t.Fatal(err)
		}
		if !got.Judged || !got.Limits || got.Trial || len(got.Rows) != len(worked) || got.How == "" || got.State == "" {
			t.Errorf("%+v", got)
		}
		if len(got.Signals) != 1 || got.Signals[0].Class != "con" || !strings.Contains(got.Signals[0].Href, "region=33") || !strings.Contains(got.Signals[0].Href, "2026-02-01..2026-02-28") {
			t.Errorf("signals %+v", got.Signals)
		}
		if row := got.Rows[2]; row.Signal == nil || !row.Now || row.Period.Text != l.Period(scope.Period) {
			t.Errorf("the row of February: %+v", row)
		}
		if !got.Rows[0].Figure.Unfinished || got.Rows[1].Figure.HasValue() {
			t.Error("the last rows are not as the chart has them")
		}
		// Nothing to draw is no fault.
		if got, err = ControlOf(l, l.Voice(nil), ind, scope, metrics.Trend{Grain: calendar.GrainWeek}, ""); err != nil || got.Limits || len(got.Rows) > 0 {
			t.Errorf("%+v %v", got, err)
		}
	}
}

// TestTrendWords: every rule, side and mark has its words.
func TestTrendWords(t *testing.T) {
	var keys []string
	for _, r := range []stats.Rule{stats.RuleOutside, stats.RuleShift, stats.RuleTrend, stats.RuleTwoInThree} {
		for _, s := range []stats.Side{stats.SideHigh, stats.SideLow} {
			keys = append(keys, "rule."+string(r)+"."+string(s))
		}
	}
	for _, k := range keys {
		if messagesZh[k] == "" || messagesEn[k] == "" {
			t.Errorf("no word for %s", k)
		}
	}
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	// A value is written one way, in sentences and beside them.
	for _, l := range Languages {
		for _, ind := range cat.All() {
			if got, want := l.Voice(cat).Amount(ind.Unit, 12.5), l.WithUnit(ind.Unit, 12.5); got != want {
				t.Errorf("%s: a sentence writes %q, a page %q", l, got, want)
			}
		}
	}
}
