package web

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// firstWeek is where the history of the trends begins: 40 weeks of cases due on
// their Mondays, the last one the week of now.
var firstWeek = calendar.Date(2026, time.February, 9)

const trendWeeks = 40

// seedTrends fills a database with a history long enough for limits: a hundred
// cases a week in each of two regions, ten of them late; from the 32nd week on
// thirty in region 42. Two weeks of region 33 are better than all others.
func seedTrends(t testing.TB, db *queries.DB) {
	t.Helper()
	cases := &stream{t: t, source: "/cn/post/core"}
	for w := range trendWeeks {
		for _, region := range []string{"420100", "330100"} {
			late := 10 + w%3
			switch {
			case region == "420100" && w >= 32:
				late = 30
			case region == "330100" && (w == 25 || w == 26):
				late = 0
			}
			due := (firstWeek + calendar.Day(7*w)).At(12 * time.Hour)
			for i := range 100 {
				id := fmt.Sprintf("C-%s-%d-%d", region, w, i)
				cases.add(event.TypeCaseAccepted, id, due.AddDate(0, 0, -3), map[string]any{
					"product": "parcel", "region": region, "outlet": "O-" + region, "channel": "outlet", "direction": "domestic", "promised_at": due.Format(time.RFC3339)})
				done := due.Add(-time.Hour)
				if i < late {
					done = due.Add(20 * time.Hour)
				}
				cases.add(event.TypeCaseDelivered, id, done, map[string]any{"result": "to_addressee"})
			}
		}
	}
	queriestest.Store(t, db, "youzhi.cases.v1", 0, cases.messages...)
}

// drawnTrend is the control chart of an indicator's page.
type drawnTrend struct {
	Option struct {
		XAxis []struct {
			Data []string `json:"data"`
		} `json:"xAxis"`
		Series []struct {
			Data []any  `json:"data"`
			Step string `json:"step"`
			Line struct {
				Type string `json:"type"`
			} `json:"lineStyle"`
		} `json:"series"`
	} `json:"option"`
	Texts [][]string `json:"texts"`
	Links [][]string `json:"links"`
}

// at is the value of a point of a series; NaN without one.
func (d drawnTrend) at(series, point int) float64 {
	switch v := d.Option.Series[series].Data[point].(type) {
	case float64:
		return v
	case map[string]any:
		return v["value"].(float64)
	}
	return math.NaN()
}

var (
	chartData   = regexp.MustCompile(`(?s)<script type="application/json" data-chart>(.*?)</script>`)
	saidList    = regexp.MustCompile(`(?s)<ul class="said list">(.*?)</ul>`)
	saidLink    = regexp.MustCompile(`<li><svg class="bullet (\w*)".*?</svg><a href="([^"]+)">(.*?)</a></li>`)
	overviewTop = regexp.MustCompile(`(?s)<ul class="said">(.*?)</ul>`)
	tags        = regexp.MustCompile(`<[^>]+>`)
	iconOf      = regexp.MustCompile(`<svg class="ic (\w+)"[^>]*aria-label="([^"]*)"`)
)

func (s *site) apiTrends(t *testing.T, q url.Values) []apiTrend {
	t.Helper()
	a := s.get(t, "/api/v1/trends?"+q.Encode())
	if a.status != http.StatusOK {
		t.Fatalf("%v: %d %s", q, a.status, a.body)
	}
	var out []apiTrend
	must(t, json.Unmarshal([]byte(a.body), &out))
	return out
}

// TestTrends tries the pages and the API of one history.
func TestTrends(t *testing.T) {
	s := serve(t, seedTrends)
	t.Run("page equals API", s.trendPageEqualsAPI)
	t.Run("overview", s.trendOverview)
	t.Run("API", s.trendAPI)
	if s.log.Len() > 0 {
		t.Errorf("the log has warnings:\n%s", s.log)
	}
}

// trendPageEqualsAPI: values, limits, sentences and icons of an indicator's page
// are those of the API.
func (s *site) trendPageEqualsAPI(t *testing.T) {
	for _, c := range []struct{ grain, filter string }{{"week", ""}, {"week", "region:42"}, {"month", "region:42"}, {"day", "region:42"}} {
		t.Run(c.grain+" "+c.filter, func(t *testing.T) {
			q := url.Values{"key": {"on_time_delivery_rate"}, "from": {"2026-11-01"}, "to": {"2026-12-01"}, "grain": {c.grain}}
			path := "/indicators/on_time_delivery_rate?period=2026-11&trend=" + c.grain
			if d, v, ok := strings.Cut(c.filter, ":"); ok {
				q.Set("where", c.filter)
				path += "&" + d + "=" + v
			}
			trend := s.apiTrends(t, q)[0]
			a := s.get(t, path)
			if a.status != http.StatusOK {
				t.Fatalf("status %d", a.status)
			}
			checkHTML(t, a.body)
			var drawn drawnTrend
			must(t, json.Unmarshal([]byte(chartData.FindStringSubmatch(a.body)[1]), &drawn))
			labels := drawn.Option.XAxis[0].Data
			points := trend.Points[len(trend.Points)-len(labels):]
			if c.grain != "day" && len(labels) != len(trend.Points) {
				t.Errorf("the chart has %d points, the API %d", len(labels), len(trend.Points))
			}
			for i, p := range points {
				series := 0
				if p.Unfinished {
					series = 1
				}
				if labels[i] != p.Period {
					t.Fatalf("point %d is %s, the API's %s", i, labels[i], p.Period)
				}
				if v := drawn.at(series, i); p.Value == nil != math.IsNaN(v) || p.Value != nil && math.Abs(v-*p.Value*100) > 1e-9 {
					t.Errorf("%s: the chart has %v, the API %v", p.Period, v, p.Value)
				}
			}
			// The lines of limits are those of the API, in whatever order.
			for i, p := range points {
				if p.Limits == nil {
					continue
				}
				seen := []float64{}
				for k := 2; k < len(drawn.Option.Series); k++ {
					if v := drawn.at(k, i); !math.IsNaN(v) {
						seen = append(seen, v)
					}
				}
				want := []float64{p.Limits.Centre}
				if !p.Limits.ClippedLower {
					want = append(want, p.Limits.Lower)
				}
				if !p.Limits.ClippedUpper {
					want = append(want, p.Limits.Upper)
				}
				for _, w := range want {
					found := false
					for _, v := range seen {
						found = found || math.Abs(v-w*100) < 1e-9
					}
					if !found {
						t.Errorf("%s: no line at %v among %v", p.Period, w*100, seen)
					}
				}
			}
			var said, want []string
			for _, list := range saidList.FindAllStringSubmatch(a.body, -1) {
				for _, m := range saidLink.FindAllStringSubmatch(list[1], -1) {
					said = append(said, html.UnescapeString(tags.ReplaceAllString(m[3], "")))
					rows := s.get(t, html.UnescapeString(m[2]))
					if rows.status != http.StatusOK || !strings.Contains(rows.body, "data-subject=") {
						t.Errorf("%s leads to no rows: %d", m[2], rows.status)
					}
				}
			}
			for _, text := range trend.Sentences {
				want = append(want, strings.TrimPrefix(text.Zh, "准时投递率"))
			}
			if len(want) > len(trend.Signals) || len(want) == 0 && len(trend.Signals) > 0 {
				t.Errorf("%d sentences of %d signals", len(want), len(trend.Signals))
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("sentences (-API +page):\n%s", diff)
			}
			icons := iconOf.FindAllStringSubmatch(a.body, -1)
			if trend.Variation.Hidden == "" && (len(icons) == 0 || icons[0][1] != map[string]string{"common": "com", "concern": "con", "improvement": "imp"}[trend.Variation.State]) {
				t.Errorf("icons %v, the API says %+v", icons, trend.Variation)
			}
		})
	}
}

func (s *site) trendOverview(t *testing.T) {
	for _, l := range page.Languages {
		a := s.get(t, "/?period=2026-10&lang="+string(l))
		checkHTML(t, a.body)
		said := saidLink.FindAllStringSubmatch(overviewTop.FindString(a.body), -1)
		if len(said) == 0 {
			t.Fatalf("%s: no sentence", l)
		}
		first := html.UnescapeString(tags.ReplaceAllString(said[0][3], ""))
		zh, en := "准时投递率变差：自 2026 年第 39 周（9 月 21 日）起连续", "On-time delivery rate gets worse: since week 39 of 2026 (21 Sep),"
		if want := map[page.Language]string{page.Chinese: zh, page.English: en}[l]; !strings.HasPrefix(first, want) || said[0][1] != "con" {
			t.Errorf("the first sentence is %q with %s", first, said[0][1])
		}
		// Where: only the one region, by its name.
		if want := map[page.Language]string{page.Chinese: "同向信号：湖北。", page.English: "Same signal in: Hubei."}[l]; !strings.HasSuffix(first, want) {
			t.Errorf("the first sentence is %q", first)
		}
		next := s.get(t, html.UnescapeString(said[0][2]))
		if next.status != http.StatusOK || !strings.Contains(said[0][2], "period=2026-10") || !strings.Contains(next.body, `id="trend"`) {
			t.Errorf("the sentence leads to %s: %d", said[0][2], next.status)
		}
		if !strings.Contains(a.body, `<tr class="sigrow">`) || !strings.Contains(a.body, `class="mark con"`) || !strings.Contains(a.body, `class="band"`) {
			t.Error("the table shows no signal")
		}
	}
	// A scope without the bad region has no such signal, and its links keep it.
	a := s.get(t, "/?period=2026-10&region=33&lang=zh")
	if strings.Contains(a.body, "变差：自") {
		t.Error("the other region is worse too")
	}
	for _, m := range saidLink.FindAllStringSubmatch(overviewTop.FindString(a.body), -1) {
		if !strings.Contains(m[2], "region=33") {
			t.Errorf("the link %s loses the filter", m[2])
		}
	}
	// The row of the bad region has its icon.
	body := s.get(t, "/indicators/on_time_delivery_rate?period=2026-10&by=region&lang=zh").body
	row := regexp.MustCompile(`(?s)<tr><th scope="row" class="cut" title="湖北">.*?</tr>`).FindString(body)
	if icon := iconOf.FindStringSubmatch(row); icon == nil || icon[1] != "con" || !strings.Contains(icon[2], "变差") {
		t.Errorf("the row of Hubei: %s", row)
	}
}

func (s *site) trendAPI(t *testing.T) {
	trends := s.apiTrends(t, url.Values{"key": {"on_time_delivery_rate,overdue_open_cases"}, "from": {"2026-10-01"}, "to": {"2026-11-01"}, "where": {"region:42"}})
	trend := trends[0]
	if len(trends) != 2 || trend.Grain != calendar.GrainWeek || trend.Chart != "p" || trend.Variation.Letter != "L" || trend.Points[0].Period != "2026-W07" || len(trend.Phases) != 1 || trend.Phases[0].Baseline != 20 {
		t.Errorf("%d trends, the first %+v", len(trends), trend.Phases)
	}
	if last := trend.Points[len(trend.Points)-1]; last.Period != "2026-W43" || !last.Judged || last.Limits == nil {
		t.Errorf("the last point %+v", last)
	}
	by := s.apiTrends(t, url.Values{"key": {"on_time_delivery_rate"}, "from": {"2026-10-01"}, "to": {"2026-11-01"}, "by": {"region"}})
	if len(by) != 2 || by[1].By["region"] != "42" || !cmp.Equal(by[1].Points, trend.Points) || len(by[0].Points) != len(trend.Points) {
		t.Errorf("by region: %d trends", len(by))
	}
	for path, want := range map[string]string{
		"/api/v1/trends?from=2026-01-01&to=2026-02-01":                                          `"parameter": "key"`,
		"/api/v1/trends?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&grain=quarter":  `"parameter": "grain"`,
		"/api/v1/trends?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&by=mood":        `"parameter": "by"`,
		"/api/v1/trends?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&part=numerator": `"parameter": "part"`,
	} {
		if a := s.get(t, path); a.status != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
