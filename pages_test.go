package main_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"math"
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
	"youzhi/metrics"
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

// asOf is the instant of the live figures.
func (s site) asOf() time.Time {
	s.Helper()
	var fresh struct {
		AsOf time.Time `json:"as_of"`
	}
	if err := json.Unmarshal([]byte(s.get("/api/v1/freshness")), &fresh); err != nil || fresh.AsOf.IsZero() {
		s.Fatal("no as_of of the live figures", err)
	}
	return fresh.AsOf
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
	// With a censored value it is only known that the true one is not less.
	censored bool
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
	// steps are what a source was ever seen to report of a product.
	steps map[reporter]bool
}

type reporter struct{ base, source, product, step string }

// told says whether a unit's source reports all of some steps of its product.
func (j *judge) told(base string, u *fold.Unit, steps ...string) bool {
	return !slices.ContainsFunc(steps, func(step string) bool { return !j.steps[reporter{base, u.Source, u.Dims.Product, step}] })
}

// learn sees what the sources report.
func (j *judge) learn() {
	j.steps = map[reporter]bool{}
	for name, events := range j.events {
		base, _, _ := strings.Cut(name, "/")
		_, u := j.fold(name)
		for _, e := range events {
			_, step, _ := strings.Cut(strings.TrimPrefix(e.Type, "cn.post."), ".")
			j.steps[reporter{base, u.Source, u.Dims.Product, step}] = true
		}
	}
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

// fold gives a subject as the fold sees it: a case, a ticket or a survey.
func (j *judge) fold(name string) (any, *fold.Unit) {
	base, _, _ := strings.Cut(name, "/")
	h := fold.Effective(j.events[name], j.asOf, nil)
	switch base {
	case "cases":
		c := fold.FoldCase(h, j.pol, j.cal)
		return &c, &c.Unit
	case "tickets":
		k := fold.FoldTicket(h, fold.Linked{}, j.pol, j.cal)
		return &k, &k.Unit
	}
	var link fold.Linked
	if id := fold.SurveyLinks(h).CaseID; id != "" {
		_, u := j.fold("cases/" + id)
		link.Case = &u.Dims
	}
	s := fold.FoldSurvey(h, link)
	return &s, &s.Unit
}

func (j *judge) unit(name string) judged {
	of, unit := j.fold(name)
	out := judged{of: map[string]verdict{}, dims: map[string]string{"region": unit.Dims.Region, "outlet": unit.Dims.Outlet, "product": unit.Dims.Product, "channel": unit.Dims.Channel}}
	for _, a := range unit.Anchors {
		switch of := of.(type) {
		case *fold.Case:
			j.ofCase(of, a, out.of)
		case *fold.Ticket:
			j.ofTicket(of, a, out.of)
		case *fold.Survey:
			j.ofSurvey(of, a, out.of)
		}
	}
	return out
}

// plain is a unit of a population without a clock.
func plain(a fold.Anchor) verdict {
	return verdict{day: a.Day, excluded: a.Excluded != "", unknown: a.Excluded == "" && a.Unknown, success: true}
}

// either is a unit that succeeds or fails.
func either(a fold.Anchor, success bool) verdict {
	v := plain(a)
	v.success = success
	return v
}

// hoursBetween divides once.
func hoursBetween(from, to time.Time) float64 {
	return float64(to.Sub(from).Microseconds()) / 3_600_000_000
}

func (j *judge) ofCase(c *fold.Case, a fold.Anchor, of map[string]verdict) {
	switch a.Name {
	case "promise":
		clock := j.clock(a)
		of["on_time_delivery_rate"] = clock
		overdue := a.Excluded == "" && !a.Unknown && a.Open && !a.Paused && a.Due.Before(j.asOf)
		if overdue {
			of["overdue_open_cases"] = verdict{success: true}
		}
		// Of what is due, the late ones have a delay.
		late := clock
		if clock.in("denominator") {
			switch {
			case clock.success || a.Done.IsZero() && !overdue:
				return
			case a.Done.IsZero():
				late.value = hoursBetween(a.Due, j.asOf)
			default:
				late.value = hoursBetween(a.Due, a.Done)
			}
			late.success = true
		}
		for _, key := range []string{"delivery_delay_hours_p50", "delivery_delay_hours_p90", "delivery_delay_hours_mean"} {
			of[key] = late
		}
	case "promise_day":
		of["on_time_delivery_rate_by_day"] = j.clock(a)
	case "acceptance":
		if j.told("cases", &c.Unit, "accepted") {
			of["case_acceptance_on_time_rate"] = j.clock(a)
		}
	case "accepted":
		of["complaint_rate_p10k/denominator"] = verdict{day: a.Day, excluded: a.Excluded != "", success: true}
		of["case_volume"] = plain(a)
		if !j.told("cases", &c.Unit, "delivered") {
			return
		}
		v := plain(a)
		switch c.SettledOutcome {
		case "":
			v.value, v.censored = hoursBetween(c.AcceptedAt, j.asOf), true
		case fold.OutcomeDelivered:
			v.value = hoursBetween(c.AcceptedAt, c.SettledAt)
			v.unknown = v.unknown || !v.excluded && (c.DeliveredTimeUnknown || v.value < 0)
		case "cancelled", "withdrawn", "declined":
			v.value, v.censored = hoursBetween(c.AcceptedAt, c.SettledAt), true
		default:
			v.value, v.censored = math.Inf(1), true
		}
		of["delivery_duration_hours_p50"], of["delivery_duration_hours_p90"] = v, v
	case "ended":
		of["loss_rate"] = either(a, c.Outcome == "lost")
		if j.told("cases", &c.Unit, c.Path...) {
			of["process_conformance_rate"] = either(a, c.Conforms)
		}
	}
}

func (j *judge) ofTicket(k *fold.Ticket, a fold.Anchor, of map[string]verdict) {
	complaint := k.Kind == "complaint"
	switch a.Name {
	case "ticket_due":
		of["ticket_on_time_rate"] = j.clock(a)
	case "complaint_feedback":
		of["complaint_feedback_15wd_rate"] = j.clock(a)
	case "received":
		v := plain(a)
		switch {
		case !k.FirstResponseAt.IsZero():
			v.value = hoursBetween(k.ReceivedAt, k.FirstResponseAt)
			v.unknown = v.unknown || !v.excluded && v.value < 0
		case !k.GivenUpAt.IsZero():
			v.value, v.censored = hoursBetween(k.ReceivedAt, k.GivenUpAt), true
		default:
			v.value, v.censored = hoursBetween(k.ReceivedAt, j.asOf), true
		}
		of["response_hours_p50"], of["response_hours_p90"] = v, v
		if complaint {
			of["complaint_rate_p10k"] = verdict{day: a.Day, excluded: a.Excluded != "", success: true}
			of["complaint_volume"] = plain(a)
			of["complaint_escalation_rate"] = either(a, k.EscalationLevel > 1)
		}
	case "closed":
		if complaint && j.told("tickets", &k.Unit, "replied") {
			until := k.ClosedAt.AddDate(0, 0, 30)
			v := either(a, !k.ReopenedAfterAt.IsZero() && !k.ReopenedAfterAt.After(until))
			v.pending = !v.excluded && !v.unknown && until.After(j.asOf)
			of["complaint_reopen_rate"] = v
		}
	}
}

func (j *judge) ofSurvey(s *fold.Survey, a fold.Anchor, of map[string]verdict) {
	switch {
	case a.Name == "invited" && j.told("surveys", &s.Unit, "answered"):
		until := s.InvitedAt.AddDate(0, 0, 14)
		v := either(a, !s.AnsweredAt.IsZero() && !s.AnsweredAt.After(until))
		v.pending = !v.excluded && !v.unknown && until.After(j.asOf)
		of["survey_response_rate"] = v
	case a.Name == "answered" && s.Scored:
		v := plain(a)
		v.value = 100 * (s.Score - s.ScoreMin) / (s.ScoreMax - s.ScoreMin)
		of["satisfaction_score_100"] = v
		of["satisfaction_top2_rate"] = either(a, s.Score >= 4)
	}
}

// all judges every unit.
func (j *judge) all() map[string]judged {
	out := map[string]judged{}
	j.learn()
	for name := range j.events {
		out[name] = j.unit(name)
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
	j := &judge{events: events, pol: pol, cal: cal, asOf: s.asOf()}
	units := j.all()

	starts := []string{
		"/?period=2018-03", "/?period=2017", "/?period=2018-Q1&region=SP", "/?period=2018-02&region=Downtown",
		"/indicators/on_time_delivery_rate?period=2018-03", "/indicators/on_time_delivery_rate?period=2018-01&by=outlet&trend=week&region=PR",
		"/indicators/on_time_delivery_rate_by_day?period=2017-11&by=region", "/indicators/overdue_open_cases?period=2018-03",
		"/indicators/ticket_on_time_rate?period=2018-03&by=region", "/indicators/complaint_feedback_15wd_rate?period=2018-02&by=channel",
		"/indicators/complaint_rate_p10k?period=2018-03&by=product", "/indicators/satisfaction_score_100?period=2018-03&by=region",
		"/indicators/satisfaction_top2_rate?period=2018-Q1&by=product&region=SP",
		"/delays?period=2018-03",
	}
	seen := map[string]bool{}
	values, lists, rows := 0, 0, 0
	for _, start := range starts {
		text := s.get(start)
		// The live figures move on while nothing arrives, and open cases with them.
		for now := s.asOf(); !now.Equal(j.asOf); now = s.asOf() {
			j.asOf = now
			units, text = j.all(), s.get(start)
		}
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
	var counted []verdict
	for _, u := range units {
		if v, ok := u.of[key]; ok && s.holds(key, u, v) && v.in("denominator") {
			counted = append(counted, v)
		}
	}
	succeeded, sum := 0.0, 0.0
	for _, v := range counted {
		sum += math.RoundToEven(v.value*1e6) / 1e6 // as sums hold it
		if v.success {
			succeeded++
		}
	}
	n := float64(len(counted))
	switch key {
	case "overdue_open_cases", "case_volume", "complaint_volume":
		return n
	case "satisfaction_score_100", "delivery_delay_hours_mean":
		return sum / n
	case "delivery_delay_hours_p50":
		return quantile(counted, 0.5)
	case "delivery_delay_hours_p90":
		return quantile(counted, 0.9)
	case "delivery_duration_hours_p50", "response_hours_p50":
		return survived(counted, 0.5)
	case "delivery_duration_hours_p90", "response_hours_p90":
		return survived(counted, 0.9)
	case "complaint_rate_p10k":
		accepted := 0.0
		for _, u := range units {
			if v, ok := u.of[key+"/denominator"]; ok && s.holds(key, u, v) && v.in("denominator") {
				accepted++
			}
		}
		return succeeded / accepted * 10_000
	}
	return succeeded / n
}

// quantile is that of Hyndman and Fan's seventh definition.
func quantile(of []verdict, level float64) float64 {
	if len(of) == 0 {
		return math.NaN()
	}
	values := make([]float64, len(of))
	for i, v := range of {
		values[i] = v.value
	}
	slices.Sort(values)
	place := level * float64(len(values)-1)
	below := int(place)
	above := min(below+1, len(values)-1)
	return values[below] + (place-float64(below))*(values[above]-values[below])
}

// survived is the first value at which the estimate of Kaplan and Meier falls to
// what a level leaves. A unit censored at an instant is still at risk then.
func survived(of []verdict, level float64) float64 {
	done, left := map[float64]int{}, map[float64]int{}
	for _, v := range of {
		left[v.value]++
		if !v.censored {
			done[v.value]++
		}
	}
	alive, risk := 1.0, len(of)
	for _, at := range slices.Sorted(maps.Keys(left)) {
		alive *= 1 - float64(done[at])/float64(risk)
		risk -= left[at]
		if done[at] > 0 && alive <= 1-level+1e-9 {
			return at
		}
	}
	return math.NaN()
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

// listByAPI follows a list through the API, in pages of 200. The cells of the
// delays narrow it.
func (s site) listByAPI(key, part string, in scope, delay url.Values) (got []string) {
	s.Helper()
	q := url.Values{"key": {key}, "part": {part}, "from": {in.period.From.String()}, "to": {in.period.To.String()}, "limit": {"200"}}
	for d, v := range in.where {
		q.Add("where", d+":"+v)
	}
	maps.Copy(q, delay)
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
	delay := url.Values{}
	for _, name := range metrics.DelayNames {
		if v, ok := at.Query()[name]; ok {
			delay[name] = v
		}
	}
	got := s.listByAPI(key, part, in, delay)
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
	if len(delay) > 0 {
		// A cell of the delays holds some of the part, each once. Which ones is
		// judged by metrics.TestDelays_Simulated.
		if slices.ContainsFunc(got, func(name string) bool { _, ok := slices.BinarySearch(want, name); return !ok }) ||
			len(slices.Compact(slices.Clone(got))) != len(got) {
			s.Errorf("%s: %s: units twice, or not among the %d of the part", from, href, len(want))
		}
		return len(got)
	}
	if !slices.Equal(want, got) {
		s.Errorf("%s: %s: the list has %d units, %d judged from their events belong there", from, href, len(got), len(want))
	}
	return len(got)
}
