package main_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/metrics/policy"
)

// site is the running program's pages.
type site struct {
	*process
	root string
}

// pages starts the program on a data folder and gives its pages.
func (d *desk) pages(folder string) site {
	d.Helper()
	s := d.site("all", "--data", folder)
	d.Cleanup(s.stop)
	return s
}

// site starts a command that serves pages, and waits until it is ready.
func (d *desk) site(args ...string) site {
	d.Helper()
	p := d.start(append(args, "--listen", "127.0.0.1:0")...)
	address := regexp.MustCompile(`address=(http://[0-9.:]+)`)
	p.until("address of the pages", func() bool { return address.MatchString(p.err.String()) })
	s := site{p, address.FindStringSubmatch(p.err.String())[1]}
	p.until("readiness", func() bool {
		answer, err := http.Get(s.root + "/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return s
}

func (s site) get(path string) string {
	s.Helper()
	answer, err := http.Get(s.root + path)
	if err != nil {
		<-s.ended
		s.Fatalf("%v: the program ended: %v", err, s.command.ProcessState)
	}
	text, err := io.ReadAll(answer.Body)
	if cerr := answer.Body.Close(); err != nil || cerr != nil {
		s.Fatal(err, cerr)
	}
	if answer.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s\n%s", path, answer.Status, text)
	}
	return string(text)
}

// judged is what an independent look at a unit's raw events says of it: its day
// and its part, for each indicator that it belongs to.
type judged struct {
	dims map[string]string
	of   map[string]verdict
}

type verdict struct {
	day      calendar.Day
	excluded bool
	unknown  bool
	pending  bool
	success  bool
	value    float64
}

func (v verdict) in(part string) bool {
	counted := !v.excluded && !v.unknown && !v.pending
	switch part {
	case "numerator":
		return counted && v.success
	case "denominator":
		return counted
	case "missed":
		return counted && !v.success
	case "pending":
		return v.pending
	case "excluded":
		return v.excluded
	case "unknown":
		return v.unknown
	}
	return false
}

// judge reads raw events as they are stored and decides in Go what each indicator
// makes of the unit: by the fold, which has its own tests and the figures of the
// data's description, and by nothing of the SQL that the pages ask.
type judge struct {
	events map[string][]event.Event
	pol    *policy.Policy
	cal    *calendar.Calendar
	asOf   time.Time
}

// stored reads all raw events of a data folder, by base and subject.
func (d *desk) stored(folder string) map[string][]event.Event {
	d.Helper()
	server := d.serve(folder)
	out := map[string][]event.Event{}
	for base, table := range map[string]string{"cases": "events_cases", "tickets": "events_complaints", "surveys": "events_surveys"} {
		text := server.ask(`SELECT source, id, hex(content_hash) AS hash, type, subject, toString(time) AS at, sequence, data
FROM ` + table + ` WHERE NOT test AND correctsid = '' FORMAT JSONEachRow`)
		for line := range strings.Lines(text) {
			var r struct{ Source, ID, Hash, Type, Subject, At, Sequence, Data string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				d.Fatal(err)
			}
			at, err := time.Parse("2006-01-02 15:04:05.999999", r.At)
			if err != nil {
				d.Fatal(err)
			}
			e := event.Event{Source: r.Source, ID: r.ID, Type: r.Type, Subject: r.Subject, Time: at, Sequence: r.Sequence, Data: []byte(r.Data)}
			hash, err := hex.DecodeString(r.Hash)
			if err != nil {
				d.Fatal(err)
			}
			copy(e.Hash[:], hash)
			out[base+"/"+r.Subject] = append(out[base+"/"+r.Subject], e)
		}
	}
	server.stop()
	return out
}

func (j *judge) clock(a fold.Anchor) verdict {
	return verdict{
		day: a.Day, excluded: a.Excluded != "", unknown: a.Excluded == "" && a.Unknown,
		pending: a.Excluded == "" && !a.Unknown && (a.Undetermined || a.Paused || a.Due.After(j.asOf)),
		success: !a.Done.IsZero() && !a.Done.After(a.Due),
	}
}

func (j *judge) unit(base, subject string) judged {
	h := fold.Effective(j.events[base+"/"+subject], j.asOf, nil)
	out := judged{of: map[string]verdict{}}
	var unit fold.Unit
	switch base {
	case "cases":
		c := fold.FoldCase(h, j.pol, j.cal)
		unit = c.Unit
		for _, a := range unit.Anchors {
			switch a.Name {
			case "promise":
				out.of["on_time_delivery_rate"] = j.clock(a)
				overdue := a.Excluded == "" && !a.Unknown && a.Open && !a.Paused && a.Due.Before(j.asOf)
				if overdue {
					out.of["overdue_open_cases"] = verdict{success: true}
				}
			case "promise_day":
				out.of["on_time_delivery_rate_by_day"] = j.clock(a)
			case "accepted":
				out.of["complaint_rate_p10k/denominator"] = verdict{day: a.Day, excluded: a.Excluded != "", success: true}
			}
		}
	case "tickets":
		t := fold.FoldTicket(h, fold.Linked{}, j.pol, j.cal)
		unit = t.Unit
		for _, a := range unit.Anchors {
			switch a.Name {
			case "ticket_due":
				out.of["ticket_on_time_rate"] = j.clock(a)
			case "complaint_feedback":
				out.of["complaint_feedback_15wd_rate"] = j.clock(a)
			case "received":
				out.of["complaint_rate_p10k"] = verdict{day: a.Day, excluded: a.Excluded != "", success: true}
			}
		}
	case "surveys":
		var link fold.Linked
		if id := fold.SurveyLinks(h).CaseID; id != "" {
			c := fold.FoldCase(fold.Effective(j.events["cases/"+id], j.asOf, nil), j.pol, j.cal)
			link.Case = &c.Dims
		}
		s := fold.FoldSurvey(h, link)
		unit = s.Unit
		if s.Scored {
			v := verdict{day: calendar.DayOf(s.AnsweredAt), success: true, value: 100 * (s.Score - s.ScoreMin) / (s.ScoreMax - s.ScoreMin)}
			out.of["satisfaction_score_100"] = v
			v.success = s.Score >= 4
			out.of["satisfaction_top2_rate"] = v
		}
	}
	out.dims = map[string]string{"region": unit.Dims.Region, "outlet": unit.Dims.Outlet, "product": unit.Dims.Product, "channel": unit.Dims.Channel}
	return out
}

// all judges every unit.
func (j *judge) all() map[string]judged {
	out := map[string]judged{}
	for name := range j.events {
		base, subject, _ := strings.Cut(name, "/")
		out[name] = j.unit(base, subject)
	}
	return out
}

// population is the name under which judgements of a list are kept.
func population(key, part string) string {
	if key == "complaint_rate_p10k" && part == "denominator" {
		return key + "/denominator"
	}
	return key
}

// scope is what a page's URL says.
type scope struct {
	period calendar.Period
	where  map[string]string
}

func scopeOf(t testing.TB, query url.Values) scope {
	t.Helper()
	s := scope{where: map[string]string{}}
	var err error
	if s.period, err = calendar.ParsePeriod(query.Get("period")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"region", "outlet", "product", "channel"} {
		if v := query.Get(d); v != "" {
			s.where[d] = v
		}
	}
	return s
}

func (s scope) holds(key string, u judged, v verdict) bool {
	if key != "overdue_open_cases" && !s.period.Contains(v.day) {
		return false
	}
	for d, want := range s.where {
		if u.dims[d] != want {
			return false
		}
	}
	return true
}

var (
	countLink  = regexp.MustCompile(`<a class="n" href="([^"]+)" data-rows="([^"]*)"`)
	listRow    = regexp.MustCompile(`<tr data-subject="([^"]+)"`)
	listNext   = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)
	shownValue = regexp.MustCompile(`(?s)<(?:article class="tile"|tr) data-key="([a-z0-9_]+)">.*?</(?:article|tr)>`)
	dataValue  = regexp.MustCompile(`<data value="([^"]+)"`)
	baseOf     = regexp.MustCompile(`<a href="/(cases|tickets|surveys)/`)
)

// TestEveryNumberIsItsList follows every count on pages of the real data to its
// list, to the last page: ids stand once, each unit judged again from its raw
// events belongs there, none is missing, and the list is as long as the count
// said. Every value is calculated again from the units.
func TestEveryNumberIsItsList(t *testing.T) {
	d := withEngine(t, "YOUZHI_LOG_FORMAT=text")
	folder := both.copy(d, "data")
	events := d.stored(folder)
	s := d.pages(folder)
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	var fresh struct {
		AsOf time.Time `json:"as_of"`
	}
	if err := json.Unmarshal([]byte(s.get("/api/v1/freshness")), &fresh); err != nil || fresh.AsOf.IsZero() {
		t.Fatal("no as_of of the live figures", err)
	}
	j := &judge{events, pol, cal, fresh.AsOf}
	units := j.all()

	starts := []string{
		"/?period=2018-03", "/?period=2017", "/?period=2018-Q1&region=SP", "/?period=2018-02&region=Downtown",
		"/indicators/on_time_delivery_rate?period=2018-03", "/indicators/on_time_delivery_rate?period=2018-01&by=outlet&trend=week&region=PR",
		"/indicators/on_time_delivery_rate_by_day?period=2017-11&by=region", "/indicators/overdue_open_cases?period=2018-03",
		"/indicators/ticket_on_time_rate?period=2018-03&by=region", "/indicators/complaint_feedback_15wd_rate?period=2018-02&by=channel",
		"/indicators/complaint_rate_p10k?period=2018-03&by=product", "/indicators/satisfaction_score_100?period=2018-03&by=region",
		"/indicators/satisfaction_top2_rate?period=2018-Q1&by=product&region=SP",
	}
	seen := map[string]bool{}
	values, lists, rows := 0, 0, 0
	for _, start := range starts {
		text := s.get(start)
		at, err := url.Parse(start)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shownValue.FindAllStringSubmatch(text, -1) {
			if v := dataValue.FindStringSubmatch(m[0]); v != nil {
				values++
				shown, err := strconv.ParseFloat(v[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				if want := valueOf(m[1], units, scopeOf(t, at.Query())); fmt.Sprintf("%.6f", want) != fmt.Sprintf("%.6f", shown) {
					t.Errorf("%s: %s shows %v, its units give %v", start, m[1], shown, want)
				}
			}
		}
		for _, m := range countLink.FindAllStringSubmatch(text, -1) {
			href := html.UnescapeString(m[1])
			if seen[href+m[2]] || m[2] == "" {
				continue
			}
			seen[href+m[2]] = true
			lists++
			rows += checkList(s, units, start, href, m[2], lists%12 == 1)
		}
	}
	t.Logf("%d values and %d lists of %d rows", values, lists, rows)
	if values < 20 || lists < 200 || rows < 10_000 {
		t.Error("the pages show less than they should")
	}
}

// valueOf calculates an indicator's value from judged units.
func valueOf(key string, units map[string]judged, s scope) float64 {
	var num, den float64
	for _, u := range units {
		if v, ok := u.of[key]; ok && s.holds(key, u, v) {
			switch {
			case key == "satisfaction_score_100" && v.in("denominator"):
				num += v.value
				den++
			case v.in("numerator"):
				num++
				fallthrough
			case v.in("denominator"):
				den++
			}
		}
	}
	switch key {
	case "overdue_open_cases":
		return num
	case "complaint_rate_p10k":
		den = 0
		for _, u := range units {
			if v, ok := u.of[key+"/denominator"]; ok && s.holds(key, u, v) && v.in("denominator") {
				den++
			}
		}
		return num / den * 10_000
	}
	return num / den
}

// listByPage follows a list through its pages.
func (s site) listByPage(href string) (got []string) {
	s.Helper()
	for next := href; next != ""; {
		text := s.get(next)
		base := ""
		if m := baseOf.FindStringSubmatch(text); m != nil {
			base = m[1]
		}
		for _, m := range listRow.FindAllStringSubmatch(text, -1) {
			got = append(got, base+"/"+html.UnescapeString(m[1]))
		}
		next = ""
		if m := listNext.FindStringSubmatch(text); m != nil {
			next = html.UnescapeString(m[1])
		}
	}
	return got
}

// listByAPI follows a list through the API, in pages of 200.
func (s site) listByAPI(key, part string, in scope) (got []string) {
	s.Helper()
	q := url.Values{"key": {key}, "part": {part}, "from": {in.period.From.String()}, "to": {in.period.To.String()}, "limit": {"200"}}
	for d, v := range in.where {
		q.Add("where", d+":"+v)
	}
	for {
		var page struct {
			Rows []struct{ Base, Subject string }
			Next string
		}
		if err := json.Unmarshal([]byte(s.get("/api/v1/rows?"+q.Encode())), &page); err != nil {
			s.Fatal(err)
		}
		for _, r := range page.Rows {
			got = append(got, r.Base+"/"+r.Subject)
		}
		if page.Next == "" {
			return got
		}
		q.Set("cursor", page.Next)
	}
}

func checkList(s site, units map[string]judged, from, href, count string, byPage bool) int {
	s.Helper()
	at, err := url.Parse(href)
	if err != nil {
		s.Fatal(err)
	}
	key := strings.TrimSuffix(strings.TrimPrefix(at.Path, "/indicators/"), "/rows")
	part := at.Query().Get("part")
	in := scopeOf(s, at.Query())
	got := s.listByAPI(key, part, in)
	if byPage {
		if diff := cmp.Diff(got, s.listByPage(href)); diff != "" {
			s.Errorf("%s: the list on pages differs from the API's (-API +pages):\n%s", href, diff)
		}
	}
	if want, err := strconv.Atoi(count); err != nil || want != len(got) {
		s.Errorf("%s: a count of %s opens a list of %d: %s", from, count, len(got), href)
	}
	var want []string
	for name, u := range units {
		if v, ok := u.of[population(key, part)]; ok && in.holds(key, u, v) && v.in(part) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		s.Errorf("%s: %s: the list has %d units, %d judged from their events belong there", from, href, len(got), len(want))
	}
	return len(got)
}
