package web

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
)

// answered is what the site said.
type answered struct {
	status int
	header http.Header
	body   string
}

func (s *site) get(t testing.TB, path string, header ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	must(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	must(t, err)
	defer func() { must(t, res.Body.Close()) }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return answered{res.StatusCode, res.Header, string(b)}
}

// pages are one of each kind, on the seeded data.
func pages() []string {
	odd := "/cases/C-odd"
	return []string{
		"/", "/?period=2026-10", "/?period=2026-11", "/?period=2026-W40&region=33", "/?period=2026-Q3&channel=online", "/?period=2026", "/?period=2026-10-01..2026-10-20&product=ems",
		"/?grain=week", "/?grain=custom", "/?grain=custom&first=2026-09-01&last=2026-09-10", "/?period=2025-01",
		"/indicators/on_time_delivery_rate?period=2026-10", "/indicators/on_time_delivery_rate?period=2026-10&by=outlet&trend=week", "/indicators/on_time_delivery_rate?period=2026-10&by=region6&region=41",
		"/indicators/overdue_open_cases", "/indicators/complaint_rate_p10k?by=product", "/indicators/complaint_rate_p10k?channel=online",
		"/indicators/satisfaction_score_100?period=2026-10", "/indicators/satisfaction_top2_rate?trend=day", "/indicators/complaint_accept_24h_rate?by=category",
		"/indicators/on_time_delivery_rate/rows?period=2026-10&part=missed", "/indicators/on_time_delivery_rate/rows?period=2026-10&part=excluded",
		"/indicators/satisfaction_score_100/rows?period=2026-10", "/indicators/overdue_open_cases/rows", "/indicators/complaint_rate_p10k/rows?part=numerator&period=2026-10",
		"/indicators/on_time_delivery_rate?period=2026-09&as_of=2026-09-20T12:00:00%2B08:00",
		"/cases?period=2026-10", "/cases?find=C11", "/cases?period=2026-10&region=11&product=ems", "/tickets?period=2026-10&kind=complaint", "/surveys?period=2026-10", "/cases?period=2020-01",
		"/delays", "/delays?period=2026-10", "/delays?period=2026-W40&region=41", "/delays?period=2026-Q4&product=ems", "/delays?period=2026", "/delays?period=2025-01",
		"/delays?period=2026-09&as_of=2026-09-20T12:00:00%2B08:00",
		"/indicators/on_time_delivery_rate/rows?period=2026-10&part=missed&cause=weather&place=" + url.QueryEscape(hostile), "/indicators/on_time_delivery_rate/rows?period=2026-10&part=denominator&weekday=3&hour=9",
		odd, page.SubjectPath("tickets", awkward), "/surveys/S-C11-000", "/data", "/definitions",
		"/quarantine", "/quarantine?code=json&topic=youzhi.cases.v1", "/quarantine?source=" + url.QueryEscape(hostile), "/quarantine?since=1970-01-01&through=1970-01-01", "/quarantine?since=2026-01-01&through=2026-01-05",
		"/improvements", "/improvements?as_of=2026-09-20T12:00:00%2B08:00", "/improvements/IMP-1", "/improvements/IMP-2", page.ImprovementsPath + "/" + url.PathEscape(awkward),
	}
}

// TestSite tries one site over the seeded data.
func TestSite(t *testing.T) {
	s := serve(t, seed)
	t.Run("pages", s.pages)
	t.Run("numbers are their lists", s.numbersAreTheirLists)
	t.Run("page equals API", s.pageEqualsAPI)
	t.Run("delays", s.delays)
	t.Run("subject", s.subject)
	t.Run("exports", s.exports)
	t.Run("quarantine", s.quarantine)
	t.Run("unavailable", s.unavailable)
}

func (s *site) pages(t *testing.T) {
	for _, path := range pages() {
		for _, lang := range page.Languages {
			t.Run(string(lang)+path, func(t *testing.T) {
				a := s.get(t, path, "Cookie", "lang="+string(lang))
				if a.status != http.StatusOK {
					t.Fatalf("status %d: %s\n%s", a.status, a.body, s.log)
				}
				checkHTML(t, a.body)
				if !strings.Contains(a.body, `<html lang="`+lang.Tag()+`">`) {
					t.Error("in another language")
				}
			})
		}
	}
	if s.log.Len() > 0 {
		t.Errorf("the log has warnings:\n%s", s.log)
	}
}

var (
	inline   = regexp.MustCompile(`<[^>]* (style|on[a-z]+)=`)
	quoted   = regexp.MustCompile(`"[^"]*"`)
	scripts  = regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`)
	unknowns = regexp.MustCompile(`%!|\{\{|&lt;nil&gt;|<no value>|NaN|\+Inf`)
)

// checkHTML looks for what a strict Content-Security-Policy refuses, labels that
// were written unescaped, and faults of formatting.
func checkHTML(t *testing.T, body string) {
	t.Helper()
	if m := inline.FindString(quoted.ReplaceAllString(body, `""`)); m != "" {
		t.Errorf("inline style or script: %s", m)
	}
	for _, m := range scripts.FindAllStringSubmatch(body, -1) {
		switch {
		case strings.Contains(m[1], "application/json"):
			if !json.Valid([]byte(m[2])) {
				t.Errorf("a chart is no JSON: %.200s", m[2])
			}
		case strings.TrimSpace(m[2]) != "":
			t.Errorf("inline script: %.200s", m[2])
		}
	}
	if strings.Contains(body, "<img") {
		t.Error("a hostile label was written as it is")
	}
	text := scripts.ReplaceAllString(body, "")
	if m := unknowns.FindString(text); m != "" {
		i := strings.Index(text, m)
		t.Errorf("fault of formatting: …%s…", text[max(0, i-60):min(len(text), i+60)])
	}
}

func TestEmpty(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/", "/indicators/on_time_delivery_rate", "/cases", "/tickets?find=T", "/surveys", "/delays", "/improvements", "/data", "/quarantine", "/definitions"} {
		for _, lang := range page.Languages {
			a := s.get(t, path, "Cookie", "lang="+string(lang))
			if a.status != http.StatusOK {
				t.Errorf("%s: status %d\n%s", path, a.status, s.log)
				continue
			}
			checkHTML(t, a.body)
			if path == "/" && !strings.Contains(a.body, "youzhi import --map") {
				t.Error("the empty overview does not say how to import")
			}
		}
	}
	if a := s.get(t, "/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "starting") {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	if a := s.get(t, "/healthz"); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}
	if a := s.get(t, "/api/v1/freshness"); !strings.Contains(a.body, `"as_of": null`) {
		t.Errorf("freshness: %s", a.body)
	}
}

func TestFaults(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		path   string
		status int
		want   string // in the answer
	}{
		{"/nothing", 404, "没有这个页面"},
		{"/nothing?lang=en", 404, "No such page"},
		{"/indicators/nothing", 404, "nothing"},
		{"/cases/none", 404, "none"},
		{"/assets/none.js", 404, "没有这个页面"},
		{"/metrics", 404, ""},
		{"/?colour=red", 400, "colour"},
		{"/?period=2026-13", 400, "period"},
		{"/?period=1999", 400, "period"},
		{"/?period=2026-10-05..2026-10-01", 400, "period"},
		{"/?grain=decade", 400, "grain"},
		{"/?grain=custom&first=2026-10-05&last=2026-10-01", 400, "last"},
		{"/?grain=custom&first=2026-02-30&last=2026-10-01", 400, "first"},
		{"/?region=a&region=b", 400, "region"},
		{"/?region=%00", 400, "region"},
		{"/?region=" + strings.Repeat("x", 300), 400, "region"},
		{"/?lang=fr", 400, "lang"},
		{"/?as_of=2019-01-01", 400, "as_of"},
		{"/?as_of=0001-01-01T00:00:00Z", 400, "as_of"},
		{"/?as_of=2019-01-01T00:00:00", 400, "as_of"},
		{"/?%zz", 400, "query"},
		{"/cases?as_of=2026-01-01T00:00:00Z", 400, "as_of"},
		{"/cases?cursor=x", 400, "cursor"},
		{"/cases?kind=complaint", 400, "kind"},
		{"/indicators/on_time_delivery_rate/rows?part=best", 400, "part"},
		{"/indicators/on_time_delivery_rate/rows?cursor=%25%25", 400, "cursor"},
		{"/indicators/on_time_delivery_rate/rows.csv?part=best", 400, "part"},
		{"/indicators/overdue_open_cases/rows?part=denominator", 400, "part"},
		{"/api/v1/figures", 400, `"parameter": "from"`},
		{"/api/v1/figures?from=2026-01-01&to=2026-02-01", 400, `"parameter": "key"`},
		{"/api/v1/figures?key=none&from=2026-01-01&to=2026-02-01", 400, `"parameter": "key"`},
		{"/api/v1/figures?key=overdue_open_cases&from=2026-02-01&to=2026-01-01", 400, `"parameter": "from"`},
		{"/api/v1/figures?key=overdue_open_cases&from=0001-01-01&to=9999-01-01", 400, `"parameter": "from"`},
		{"/api/v1/figures?key=on_time_delivery_rate&from=2000-01-01&to=2099-01-01&grain=day", 400, `"parameter": "grain"`},
		{"/api/v1/figures?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&where=region", 400, `"parameter": "where"`},
		{"/api/v1/figures?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&by=mood", 400, `"parameter": "by"`},
		{"/api/v1/figures?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&colour=red", 400, `"parameter": "colour"`},
		{"/api/v1/rows?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&part=numerator&limit=0", 400, `"parameter": "limit"`},
		{"/api/v1/rows?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01&part=numerator&limit=many", 400, `"parameter": "limit"`},
		{"/delays?kind=complaint", 400, "kind"},
		{"/delays.csv?cause=weather", 400, "cause"},
		{"/indicators/on_time_delivery_rate/rows?part=excluded&cause=weather", 400, "cause"},
		{"/indicators/complaint_accept_24h_rate/rows?part=missed&place=x", 400, "place"},
		{"/api/v1/delays", 400, `"parameter": "from"`},
		{"/api/v1/delays?from=2026-01-01&to=2026-02-01&by=outlet", 400, `"parameter": "by"`},
		{"/quarantine?code=none", 400, "code"},
		{"/quarantine?topic=cases", 400, "topic"},
		{"/quarantine?since=yesterday", 400, "since"},
		{"/quarantine?since=2026-02-01&through=2026-01-01", 400, "through"},
		{"/quarantine?since=2020-01-01", 400, "since"},
		{"/quarantine?cursor=x", 400, "cursor"},
		{"/quarantine?cursor=LTEgYSAwIDA", 400, "cursor"},
		{"/api/v1/quarantine?code=none", 400, `"parameter": "code"`},
		{"/api/v1/quarantine?from=2026-01-01&to=2026-01-01", 400, `"parameter": "to"`},
		{"/api/v1/quarantine?from=2026-01-01&to=2026-12-01", 400, `"parameter": "from"`},
		{"/api/v1/quarantine?limit=0", 400, `"parameter": "limit"`},
		{"/api/v1/quarantine?cursor=x", 400, `"parameter": "cursor"`},
		{"/api/v1/cases/none/events", 404, `"code": "not_found"`},
		{"/api/v1/nothing", 404, `"code": "not_found"`},
	} {
		t.Run(c.path, func(t *testing.T) {
			a := s.get(t, c.path)
			if a.status != c.status || !strings.Contains(html.UnescapeString(a.body), c.want) {
				t.Errorf("got %d, want %d and %q in\n%s", a.status, c.status, c.want, a.body)
			}
			checkHeaders(t, a)
			if strings.HasPrefix(c.path, "/api/") && !json.Valid([]byte(a.body)) {
				t.Errorf("the answer is no JSON: %s", a.body)
			}
		})
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+"/", strings.NewReader("x=1"))
		must(t, err)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, res.Body.Close())
		if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
			t.Errorf("%s: status %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
		checkHeaders(t, answered{header: res.Header})
	}
	if s.log.Len() > 0 {
		t.Errorf("faults of readers are logged as the program's:\n%s", s.log)
	}
}

func checkHeaders(t *testing.T, a answered) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(a.header.Get("X-Request-Id")) != 16 {
		t.Errorf("request id %q", a.header.Get("X-Request-Id"))
	}
}

// unavailable is a store that is gone: pages say so and show no figure, what
// ClickHouse says stays in the log.
func (s *site) unavailable(t *testing.T) {
	must(t, s.db.Exec(t.Context(), "RENAME TABLE totals TO gone", nil))
	defer func() { must(t, s.db.Exec(t.Context(), "RENAME TABLE gone TO totals", nil)) }()
	// What was asked before is kept.
	a := s.get(t, "/?lang=zh&period=2026-03")
	if a.status != http.StatusOK || !strings.Contains(a.body, "这部分暂时无法取得") || strings.Contains(a.body, "<data ") || strings.Contains(a.body, "totals") {
		t.Errorf("status %d\n%s", a.status, a.body)
	}
	if !strings.Contains(s.log.String(), a.header.Get("X-Request-Id")) || !strings.Contains(s.log.String(), "totals") {
		t.Errorf("the log does not tell:\n%s", s.log)
	}
	if a := s.get(t, "/api/v1/figures?key=on_time_delivery_rate&from=2026-01-01&to=2026-02-01"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, `"unavailable"`) {
		t.Errorf("status %d\n%s", a.status, a.body)
	}
}

func TestListen(t *testing.T) {
	first, err := Listen(t.Context(), "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, first.Close()) }()
	_, err = Listen(t.Context(), first.Addr().String())
	if err == nil || !strings.Contains(err.Error(), first.Addr().String()+" is in use") {
		t.Errorf("a port in use: %v", err)
	}
}

func TestLanguage(t *testing.T) {
	s := serve(t, nil)
	a := s.get(t, "/?lang=en")
	if !strings.Contains(a.header.Get("Set-Cookie"), "lang=en") || !strings.Contains(a.body, `<html lang="en">`) {
		t.Errorf("the switch does not stay: %q", a.header.Get("Set-Cookie"))
	}
	for cookie, want := range map[string]string{"lang=en": "en", "lang=zh": "zh-CN", "lang=xx": "zh-CN", "": "zh-CN"} {
		if a := s.get(t, "/", "Cookie", cookie); !strings.Contains(a.body, `<html lang="`+want+`">`) {
			t.Errorf("cookie %q: not in %s", cookie, want)
		}
	}
}

func TestAssets(t *testing.T) {
	s := serve(t, nil)
	a := s.get(t, "/")
	urls := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(a.body, -1)
	if len(urls) < 4 {
		t.Fatalf("the page loads %d files", len(urls))
	}
	for _, m := range urls {
		f := s.get(t, m[1])
		if f.status != http.StatusOK || f.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || f.header.Get("ETag") == "" {
			t.Errorf("%s: %d %v", m[1], f.status, f.header)
		}
		if f := s.get(t, m[1], "If-None-Match", f.header.Get("ETag")); f.status != http.StatusNotModified || f.body != "" {
			t.Errorf("%s is sent again: %d", m[1], f.status)
		}
	}
	if a := s.get(t, urls[1][1], "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "gzip" {
		t.Error("a style sheet is not compressed")
	}
}

// apiFigures asks the API as another program would.
func (s *site) apiFigures(t *testing.T, q url.Values) []metrics.Figure {
	t.Helper()
	a := s.get(t, "/api/v1/figures?"+q.Encode())
	if a.status != http.StatusOK {
		t.Fatalf("%v: %d %s", q, a.status, a.body)
	}
	var out []metrics.Figure
	must(t, json.Unmarshal([]byte(a.body), &out))
	return out
}

// rowsOf fetches a list over the API to its end.
func (s *site) rowsOf(t *testing.T, q url.Values) []metrics.Row {
	t.Helper()
	var out []metrics.Row
	q.Set("limit", "90")
	for {
		a := s.get(t, "/api/v1/rows?"+q.Encode())
		if a.status != http.StatusOK {
			t.Fatalf("%v: %d %s", q, a.status, a.body)
		}
		var p metrics.RowPage
		must(t, json.Unmarshal([]byte(a.body), &p))
		out = append(out, p.Rows...)
		if p.Next == "" {
			return out
		}
		q.Set("cursor", p.Next)
	}
}

var (
	counted = regexp.MustCompile(`<a class="n" href="(/indicators/[^"]+/rows\?[^"]+)" data-rows="([^"]+)"`)
	listed  = regexp.MustCompile(`data-subject="([^"]*)"`)
	next    = regexp.MustCompile(`<a href="([^"]+)" rel="next">(?:下一页|Next page)`)
)

// numbersAreTheirLists: behind every number of every page stands a list of
// so many rows, each once; the pages of the list, the API and the CSV agree.
func (s *site) numbersAreTheirLists(t *testing.T) {
	numbers := map[string]string{}
	for _, path := range pages() {
		for _, m := range counted.FindAllStringSubmatch(s.get(t, path).body, -1) {
			href := html.UnescapeString(m[1])
			if before, ok := numbers[href]; ok && before != m[2] {
				t.Errorf("%s is said to have %s and %s rows", href, before, m[2])
			}
			numbers[href] = m[2]
		}
	}
	if len(numbers) < 300 {
		t.Fatalf("only %d numbers have a list", len(numbers))
	}
	checked := 0
	for _, href := range sorted(numbers) {
		u, err := url.Parse(href)
		must(t, err)
		q := u.Query()
		p, err := calendar.ParsePeriod(q.Get("period"))
		must(t, err)
		ask := url.Values{"key": {strings.Split(u.Path, "/")[2]}, "part": {q.Get("part")}, "from": {p.From.String()}, "to": {p.To.String()}}
		for _, d := range page.Dimensions {
			if v := q.Get(d); v != "" {
				ask.Add("where", d+":"+v)
			}
		}
		for _, d := range metrics.DelayNames {
			if v := q.Get(d); v != "" {
				ask.Set(d, v)
			}
		}
		if v := q.Get("as_of"); v != "" {
			ask.Set("as_of", v)
		}
		rows := s.rowsOf(t, ask)
		ids := map[string]bool{}
		for _, r := range rows {
			ids[r.Base+"/"+r.Subject] = true
		}
		if want := numbers[href]; fmt.Sprint(len(rows)) != want || fmt.Sprint(len(ids)) != want {
			t.Errorf("%s says %s, its list has %d rows, %d of them different", href, want, len(rows), len(ids))
		}
		// Every so often the page and the file are read to their end as well.
		if checked++; checked%23 != 0 {
			continue
		}
		var shown []string
		for at := href; at != ""; {
			body := s.get(t, at).body
			for _, m := range listed.FindAllStringSubmatch(body, -1) {
				shown = append(shown, html.UnescapeString(m[1]))
			}
			at = ""
			if m := next.FindStringSubmatch(body); m != nil {
				at = html.UnescapeString(m[1])
			}
		}
		file := s.get(t, strings.Replace(href, "/rows?", "/rows.csv?", 1))
		if !strings.HasPrefix(file.body, "\xef\xbb\xbf") {
			t.Errorf("%s as CSV has no byte order mark", href)
		}
		records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\xef\xbb\xbf"))).ReadAll()
		must(t, err)
		if len(shown) != len(rows) || len(records)-1 != len(rows) {
			t.Errorf("%s: the page lists %d, the file %d, the API %d", href, len(shown), len(records)-1, len(rows))
			continue
		}
		for i, r := range rows {
			if shown[i] != r.Subject || strings.TrimPrefix(records[i+1][1], "'") != r.Subject {
				t.Errorf("%s row %d: page %q, file %q, API %q", href, i, shown[i], records[i+1][1], r.Subject)
			}
		}
	}
}

func sorted(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

var value = regexp.MustCompile(`<tr data-key="([^"]+)">.*?<data value="([^"]+)">`)

// pageEqualsAPI: the values of the overview are those of the API.
func (s *site) pageEqualsAPI(t *testing.T) {
	for _, filter := range []string{"", "region:33", "product:ems"} {
		d, v, _ := strings.Cut(filter, ":")
		path := "/?period=2026-10"
		if filter != "" {
			path += "&" + d + "=" + v
		}
		found := value.FindAllStringSubmatch(s.get(t, path).body, -1)
		if len(found) < 5 {
			t.Fatalf("%s shows %d values", path, len(found))
		}
		for _, m := range found {
			q := url.Values{"key": {m[1]}, "from": {"2026-10-01"}, "to": {"2026-11-01"}}
			if filter != "" {
				q.Set("where", filter)
			}
			f := s.apiFigures(t, q)
			if f[0].Value == nil || fmt.Sprintf("%g", *f[0].Value) != m[2] {
				t.Errorf("%s %s: page %s, API %v", path, m[1], m[2], f[0].Value)
			}
		}
	}
}

// delays: the page says what the API says, the largest loss at a place first.
func (s *site) delays(t *testing.T) {
	a := s.get(t, "/api/v1/delays?from=2026-10-01&to=2026-11-01")
	var d metrics.Delays
	must(t, json.Unmarshal([]byte(a.body), &d))
	worst, ok := d.Worst()
	if !ok || worst.Place != hostile || worst.Cause != "weather" {
		t.Fatalf("worst is %+v", worst)
	}
	body := s.get(t, "/delays?period=2026-10&lang=zh").body
	lead := body[strings.Index(body, "<h1>"):strings.Index(body, "</section>")]
	want := fmt.Sprintf("%s · 天气</b></a>：<b class=\"con\">拉低 %.2f 个百分点</b>", template.HTMLEscapeString(hostile), worst.Points)
	if !strings.Contains(lead, want) {
		t.Errorf("the page begins with\n%s\nwant %s", lead, want)
	}
	// The first page says the same.
	first := s.get(t, "/?period=2026-10&lang=zh").body
	if first = first[strings.Index(first, "<h1>"):strings.Index(first, "</section>")]; !strings.Contains(first, want) {
		t.Errorf("the overview begins with\n%s\nwant %s", first, want)
	}
	// Down to a case, which says why it is late.
	list := s.get(t, "/indicators/on_time_delivery_rate/rows?period=2026-10&part=missed&cause=weather&place="+url.QueryEscape(hostile)).body
	at := regexp.MustCompile(`<a href="(/cases/[^"]+)"`).FindStringSubmatch(list)
	if at == nil {
		t.Fatalf("no case in the list:\n%s", list)
	}
	if body := s.get(t, html.UnescapeString(at[1])).body; !strings.Contains(body, `<tr class="cause">`) || !strings.Contains(body, "天气 · "+template.HTMLEscapeString(hostile)) {
		t.Errorf("%s does not say why it is late:\n%s", at[1], body)
	}
	if !strings.Contains(lead, fmt.Sprintf(`data-rows="%d"`, worst.Cases)) {
		t.Errorf("no list of %d cases behind\n%s", worst.Cases, lead)
	}
}

func (s *site) subject(t *testing.T) {
	body := s.get(t, "/cases/C-odd").body
	for _, fate := range []string{"counted", "duplicate", "correction", "voided", "conflict", "test"} {
		if !strings.Contains(body, `data-fate="`+fate+`"`) {
			t.Errorf("no event is shown as %s", fate)
		}
	}
	a := s.get(t, "/api/v1/cases/C-odd/events")
	var events []struct {
		Offset int64  `json:"offset"`
		Topic  string `json:"topic"`
		ID     string `json:"id"`
	}
	must(t, json.Unmarshal([]byte(a.body), &events))
	if len(events) != 9 {
		t.Errorf("%d stored events, want 9", len(events))
	}
	// Free text may name a person: it is neither shown nor given out.
	for _, path := range []string{"/surveys/S-C11-000", "/api/v1/surveys/S-C11-000/events"} {
		if a := s.get(t, path); a.status != http.StatusOK || strings.Contains(a.body, "张三") {
			t.Errorf("%s: status %d, or a comment is shown", path, a.status)
		}
	}
}

func (s *site) exports(t *testing.T) {
	for path, least := range map[string]int{
		"/export/figures.csv?period=2026-10": 50, "/indicators/on_time_delivery_rate/export.csv?period=2026-10": 30,
		"/cases.csv?period=2026-10": 300, "/tickets.csv?period=2026-10": 50, "/surveys.csv?period=2026-10": 30,
		"/indicators/on_time_delivery_rate/export.csv?period=2026-10&by=outlet": 30, "/delays.csv?period=2026-10": 60,
	} {
		a := s.get(t, path)
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
			continue
		}
		records, err := csv.NewReader(bytes.NewReader([]byte(strings.TrimPrefix(a.body, "\xef\xbb\xbf")))).ReadAll()
		must(t, err)
		if len(records) < least {
			t.Errorf("%s has %d lines", path, len(records))
		}
	}
	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-1": "'-1", "ok": "ok", "": ""} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}
