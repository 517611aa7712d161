package page

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
)

// TestImprovementOf_Links: an improvement's figures are those of its unit alone, so
// that what leads to them has no filter of the page it stands on, but its as_of.
func TestImprovementOf_Links(t *testing.T) {
	asOf := time.Date(2026, 3, 1, 0, 0, 0, 0, calendar.Beijing)
	s := Scope{Period: calendar.PeriodOf(calendar.GrainMonth, calendar.Date(2026, time.February, 1)), AsOf: asOf, Where: map[string]string{"product": "ems", "region": "33"}}
	days := func(from, to calendar.Day) fold.Days { return fold.Days{From: from, To: to} }
	m := metrics.Improvement{
		Improvement: fold.Improvement{
			Indicator: "on_time_delivery_rate", For: "5101",
			Baseline: days(calendar.Date(2025, time.October, 1), calendar.Date(2026, time.January, 1)), Check: days(calendar.Date(2026, time.January, 1), calendar.Date(2026, time.February, 1)),
		},
		Where:  map[string][]string{"region4": {"5101"}},
		Before: &metrics.Figure{Value: new(0.8), Denominator: new(100.0)}, After: &metrics.Figure{Value: new(0.9), Denominator: new(100.0)},
	}
	m.Subject = "IMP-1"
	out := ImprovementOf(English, catalogue.Indicator{Key: m.Indicator, Unit: catalogue.Rate}, true, s, m)
	for name, href := range map[string]string{"indicator": out.Indicator.Href, "before": out.Before.Href, "units before": out.BeforeN.Href, "after": out.After.Href, "units after": out.AfterN.Href} {
		u, err := url.Parse(href)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("region4") != "5101" || q.Has("product") || q.Has("region") || q.Get("as_of") != "2026-03-01T00:00:00+08:00" {
			t.Errorf("%s leads to %s", name, href)
		}
	}
	// The page of the improvement leads back to where the reader was.
	if u, err := url.Parse(out.Href); err != nil || u.Query().Get("product") != "ems" || u.Query().Get("region") != "33" {
		t.Errorf("its page is %s", out.Href)
	}
}

// TestImprovementsIn: a first page names those that were compared, of its unit
// alone where it has one, with days checked that ended in the year before.
func TestImprovementsIn(t *testing.T) {
	october := calendar.PeriodOf(calendar.GrainMonth, calendar.Date(2026, time.October, 1))
	of := func(subject, region string, ended calendar.Day, compared bool) metrics.Improvement {
		m := metrics.Improvement{Where: map[string][]string{"region": {region}}}
		m.Subject, m.Check = subject, fold.Days{From: ended - 90, To: ended}
		if compared {
			m.Effect = &metrics.Effect{}
		}
		return m
	}
	all := []metrics.Improvement{
		of("late", "51", october.To, true), of("later", "51", october.To+1, true), of("old", "33", october.To-366, true),
		of("year", "33", october.To-365, true), of("open", "51", october.To-30, false),
	}
	for _, c := range []struct {
		where map[string]string
		want  string
	}{
		{nil, "late year"}, {map[string]string{"region": "51"}, "late"}, {map[string]string{"region": "11"}, ""},
		{map[string]string{"product": "ems"}, ""}, {map[string]string{"region": "51", "product": "ems"}, ""},
	} {
		var got []string
		for _, m := range ImprovementsIn(Scope{Period: october, Where: c.where}, all) {
			got = append(got, m.Subject)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v: %q, want %q", c.where, s, c.want)
		}
	}
}
