package page

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
)

// delaysOf is a month of 200 cases, 20 of them late: 12 held up in a centre within
// three days, 3 in another, 5 nobody knows where.
func delaysOf(p calendar.Period) metrics.Delays {
	number := func(v float64) *float64 { return &v }
	figure := func(num, den float64, by map[string]string) metrics.Figure {
		return metrics.Figure{Key: metrics.DelayKey, From: p.From, To: p.To, By: by, Numerator: number(num), Denominator: number(den), Value: number(num / den), Status: metrics.StatusMet}
	}
	share := func(name string, cases int64, days ...calendar.Day) metrics.DelayShare {
		s := metrics.DelayShare{Name: name, Cases: cases, Points: float64(cases) / 2, OverHours: number(50), ByDay: map[calendar.Day]int64{}, Began: map[calendar.Day]int64{}}
		for i := range cases {
			day := p.From + days[int(i)%len(days)]
			s.ByDay[day]++
			s.Began[day]++
		}
		return s
	}
	d := metrics.Delays{
		Rate: figure(180, 200, nil), Compared: calendar.Period{From: p.From - 90, To: p.To}, Yardstick: 500, Of: map[calendar.Day]int64{},
		Causes:  []metrics.DelayShare{share("centre_failure", 12, 10, 11, 12), share("delivered", 5, 1, 9, 20), share(hostile, 3, 4)},
		Steps:   []metrics.DelayShare{share("centre_departure", 15, 10, 11, 12), share("delivered", 5, 1, 9, 20)},
		Places:  []metrics.DelayShare{share(hostile, 12, 10, 11, 12), share(metrics.UnknownPlace, 5, 1, 9, 20), share("B", 3, 4)},
		Pairs:   []metrics.DelayPair{{DelayShare: share("centre_failure", 12, 10, 11, 12), Place: hostile}, {DelayShare: share("delivered", 5, 1, 9, 20), Place: metrics.UnknownPlace}, {DelayShare: share(hostile, 3, 4), Place: "B"}},
		Ladder:  []metrics.DelayRung{{Lateness: "in_time", Cases: 180, Share: 0.9}, {Lateness: "1", Cases: 20, Share: 0.1}},
		Hours:   []metrics.DelayHourCell{{Weekday: 1, Hour: 9, Cases: 100, Late: 20}, {Weekday: 7, Hour: 10, Cases: 90}, {Weekday: 0, Cases: 10}},
		Regions: []metrics.Figure{figure(180, 200, map[string]string{"region": "42"})}, RegionLevel: "region", Group: 0.9, Phi: 1,
		Outlets: []metrics.DelayOutlet{
			{Figure: figure(100, 120, map[string]string{"outlet": hostile}), Side: stats.SideLow, Funnel: stats.FunnelPoint{Sample: stats.Sample{X: 100, N: 120}, Rate: 100. / 120, Z: -3.5, Outside: stats.SideLow}},
			{Figure: figure(80, 80, map[string]string{"outlet": "O2"}), Funnel: stats.FunnelPoint{Sample: stats.Sample{X: 80, N: 80}, Rate: 1, Z: 1}},
		},
	}
	for day := p.From; day < p.To; day++ {
		d.Of[day] = 200 / int64(p.Len())
	}
	return d
}

func TestDelaysPage(t *testing.T) {
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ind, ok := cat.Get(metrics.DelayKey)
	if !ok {
		t.Fatal("no indicator of the delays")
	}
	r := renderer(t)
	for _, l := range Languages {
		v := &Delays{Frame: frame(l)}
		d := delaysOf(v.Scope.Period)
		before := metrics.DelayLoss{Cause: "weather", Place: "C", Cases: 30, Of: 300, Points: 10, Burst: true, Within: 20, Days: calendar.Period{From: v.Scope.Period.From - 20, To: v.Scope.Period.From - 17}}
		earlier := LossOf(l, v.Scope.In(v.Scope.Period.Previous()), "delays.earlier", before)
		if err := v.Fill(ind, d, &earlier); err != nil {
			t.Fatal(err)
		}
		body, err := r.Render(v)
		if err != nil {
			t.Fatal(err)
		}
		text := html.UnescapeString(string(body))
		if strings.Contains(string(body), "<img") {
			t.Error("a label was written as it is")
		}
		for _, fault := range []string{"%!", "NaN", "&lt;nil&gt;"} {
			if strings.Contains(string(body), fault) {
				t.Errorf("%s: the page holds %s", l, fault)
			}
		}
		days := map[Language]string{Chinese: "10 月 11 日至 13 日", English: "11–13 Oct"}[l]
		for _, want := range []string{hostile + " · " + l.Cause("centre_failure"), l.T("delays.points", "6.00"), days, l.T("delays.points", "10.00"), l.T("delays.place.unknown")} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page does not say %q", l, want)
			}
		}
		// Each table adds up to what was lost.
		for name, rows := range map[string][]DelayRow{"causes": v.CauseRows, "places": v.PlaceRows, "steps": v.StepRows, "regions": v.Regions} {
			sum := 0.0
			for _, row := range rows {
				var points float64
				if _, err := fmt.Sscan(row.Points, &points); err != nil {
					t.Fatal(err)
				}
				sum += points
			}
			if sum != 10 {
				t.Errorf("%s add up to %v", name, sum)
			}
		}
		if v.PlaceRows[0].Title != hostile || v.PlaceRows[1].Title != "B" || len(v.Outlets) != 1 || len(v.OtherOutlets) != 1 {
			t.Errorf("places %v, outlets %v", v.PlaceRows, v.Outlets)
		}
		// Causes with a reason come first; those named by their step say so.
		if names := []string{v.CauseRows[0].Name.Text, v.CauseRows[1].Name.Text, v.CauseRows[2].Name.Text}; names[0] != l.Cause("centre_failure") || names[1] != hostile || names[2] != l.T("delays.cause.step", l.Cause("delivered")) {
			t.Errorf("causes %q", names)
		}
		groups := []CauseGroup{{"full", l.T("delays.causes.reason", "7.50", "15")}, {"hollow", l.T("delays.causes.step", "2.50", "5")}}
		if !slices.Equal(v.CauseGroups, groups) {
			t.Errorf("groups of causes %v", v.CauseGroups)
		}
		// A place of any name is kept in the URL of its list.
		u, err := url.Parse(v.PlaceRows[0].Cases.Href)
		if err != nil || u.Query().Get("place") != hostile || u.Query().Get("part") != "missed" || v.PlaceRows[0].Cases.Rows != "12" {
			t.Errorf("%+v: %v", v.PlaceRows[0].Cases, err)
		}
		if n := len(regexp.MustCompile(`class="now"`).FindAllString(string(body), -1)); n == 0 {
			t.Error("no bar of this period")
		}
		// A bar that is cut says so, and leads to the days that it counts.
		bars := v.PlaceRows[0].Strip.Bars
		edge, whole := bars[len(bars)-1], bars[len(bars)-2]
		part := l.T("delays.strip.part", l.Period(calendar.PeriodOf(calendar.GrainWeek, v.Scope.Period.To-1)))
		if u, err := url.Parse(edge.Href); err != nil || u.Query().Get("period") != "2026-10-26..2026-10-31" || !strings.Contains(edge.Title, part) || edge.W != "8.4" || whole.W != "10.3" {
			t.Errorf("%v: %+v beside %+v", err, edge, whole)
		}
	}
}

// TestDelaysPage_Rest: what a list leaves out can be reached from its last row.
func TestDelaysPage_Rest(t *testing.T) {
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ind, _ := cat.Get(metrics.DelayKey)
	v := &Delays{Frame: frame(English)}
	d := delaysOf(v.Scope.Period)
	d.Places, d.Pairs = nil, nil
	for i := range 20 {
		d.Places = append(d.Places, metrics.DelayShare{Name: fmt.Sprintf("P%d", i), Cases: 1, Points: 0.5})
	}
	if err := v.Fill(ind, d, nil); err != nil {
		t.Fatal(err)
	}
	rest := v.PlaceRows[len(v.PlaceRows)-1]
	if len(v.PlaceRows) != delayRows+1 || rest.Name.Href != "#other-places" || rest.Cases.Text != "5" || len(v.OtherPlaces) != 5 || v.OtherPlaces[0].Title != "P15" {
		t.Errorf("%+v, others %v", rest, v.OtherPlaces)
	}
	body, err := renderer(t).Render(v)
	if err != nil || !strings.Contains(string(body), `id="other-places"`) || !strings.Contains(string(body), `href="#other-places"`) {
		t.Errorf("%v\n%s", err, body)
	}
}

func TestDelaysPage_Bare(t *testing.T) {
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ind, _ := cat.Get(metrics.DelayKey)
	r := renderer(t)
	for _, l := range Languages {
		failed := &Delays{Frame: frame(l), Failed: true}
		body, err := r.Render(failed)
		if err != nil || !strings.Contains(string(body), l.T("unavailable")) || strings.Contains(string(body), "<table") {
			t.Errorf("%v\n%s", err, body)
		}
		// Nothing late, and nothing at all.
		none := &Delays{Frame: frame(l)}
		d := delaysOf(none.Scope.Period)
		d.Rate.Numerator, d.Causes, d.Steps, d.Places, d.Pairs, d.Hours, d.Outlets, d.Yardstick = d.Rate.Denominator, nil, nil, nil, nil, nil, nil, 0
		if err := none.Fill(ind, d, nil); err != nil {
			t.Fatal(err)
		}
		if body, err = r.Render(none); err != nil || !strings.Contains(string(body), l.T("delays.method.none")) || len(none.Losses) != 0 {
			t.Errorf("%v: %v", err, none.Losses)
		}
		empty := &Delays{Frame: frame(l)}
		if err := empty.Fill(ind, metrics.Delays{}, nil); err != nil || !empty.Nothing {
			t.Errorf("%v, %v", empty.Nothing, err)
		}
		if _, err = r.Render(empty); err != nil {
			t.Error(err)
		}
	}
}

func TestStripPeriods(t *testing.T) {
	for label, want := range map[string]struct {
		grain calendar.Grain
		most  int
	}{
		"2026-10-05": {calendar.GrainDay, 36}, "2026-W41": {calendar.GrainDay, 36}, "2026-09": {calendar.GrainWeek, 18}, "2026-10": {calendar.GrainWeek, 18},
		"2026-Q3": {calendar.GrainWeek, 27}, "2026": {calendar.GrainMonth, 15}, "2026-01-20..2026-09-10": {calendar.GrainMonth, 13},
	} {
		p, err := calendar.ParsePeriod(label)
		if err != nil {
			t.Fatal(err)
		}
		compared := calendar.Period{From: p.From - 90, To: p.To}
		list := stripPeriods(p, compared)
		if len(list) == 0 || len(list) > want.most || list[0].Grain != want.grain || list[0].From < compared.From || list[len(list)-1].To != p.To {
			t.Errorf("%s: %d of %s from %s", label, len(list), list[0].Grain, list[0].From)
		}
		// They follow each other, and none holds days within the period and without.
		inside := 0
		for i, bar := range list {
			if bar.Len() == 0 || i > 0 && bar.From != list[i-1].To || p.Contains(bar.From) != p.Contains(bar.To-1) {
				t.Errorf("%s: bar %d is %s", label, i, bar.Label())
			}
			if p.Contains(bar.From) {
				inside += bar.Len()
			}
		}
		if inside != p.Len() {
			t.Errorf("%s: bars of %d days", label, inside)
		}
	}
}

func TestLateness(t *testing.T) {
	due := time.Date(2026, 9, 23, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		late   time.Duration
		zh, en string
	}{
		{40 * time.Second, "40 秒", "40 s"},
		{90 * time.Minute, "90 分钟", "90 min"},
		{3*time.Hour + 20*time.Minute, "3.3 小时", "3.3 h"},
		{23*time.Hour + 58*time.Minute, "1.0 天", "1.0 days"},
		{47 * time.Hour, "2.0 天", "2.0 days"},
		{67*time.Hour + 57*time.Minute, "2.8 天", "2.8 days"},
	} {
		done := due.Add(c.late)
		for l, want := range map[Language]string{Chinese: c.zh, English: c.en} {
			if got, class := l.verdict(&due, &done, time.Time{}); got != l.T("verdict.late", want) || class != "missed" {
				t.Errorf("%s: %q, %s, want %q", c.late, got, class, want)
			}
			if got, _ := l.verdict(&due, nil, done); got != l.T("verdict.overdue", want) {
				t.Errorf("%s: %q, want %q", c.late, got, want)
			}
		}
	}
}

func TestWayOf(t *testing.T) {
	s := &Subject{Frame: frame(English)}
	s.WayOf([]metrics.Leg{{Step: "centre_departure", Place: "A", Hours: 78.44, Budget: 6.36, Cause: true}, {Step: "delivered", Hours: 1}})
	if w := s.Way[0]; w.Hours != "78.4" || w.Budget != "6.4" || w.Over != "72.0" || s.Why != English.Cause("centre_departure")+" · A" {
		t.Errorf("%+v, %s", w, s.Why)
	}
	if w := s.Way[1]; w.Budget != Dash || w.Over != "1.0" {
		t.Errorf("%+v", w)
	}
}

func TestDays(t *testing.T) {
	day := func(m time.Month, d int) calendar.Day { return calendar.Date(2026, m, d) }
	for _, c := range []struct {
		p      calendar.Period
		zh, en string
	}{
		{calendar.Period{From: day(9, 22), To: day(9, 27)}, "9 月 22 日至 26 日", "22–26 Sep"},
		{calendar.Period{From: day(9, 30), To: day(10, 1)}, "9 月 30 日", "30 Sep"},
		{calendar.Period{From: day(9, 30), To: day(10, 3)}, "9 月 30 日至 10 月 2 日", "30 Sep – 2 Oct"},
	} {
		if zh, en := Chinese.Days(c.p), English.Days(c.p); zh != c.zh || en != c.en {
			t.Errorf("got %q and %q, want %q and %q", zh, en, c.zh, c.en)
		}
	}
}
