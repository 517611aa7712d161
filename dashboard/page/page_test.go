package page

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/dashboard/assets"
	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
	"youzhi/metrics/policy"
)

const hostile = `</script><img src=x onerror=alert(1)>"'{b}`

var verbs = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

func TestMessages(t *testing.T) {
	for key, zh := range messagesZh {
		en, ok := messagesEn[key]
		if !ok {
			t.Errorf("%s has no English", key)
			continue
		}
		sorted := func(s string) []string {
			v := verbs.FindAllString(strings.ReplaceAll(s, "%%", ""), -1)
			slices.Sort(v)
			return v
		}
		if diff := cmp.Diff(sorted(zh), sorted(en)); diff != "" {
			t.Errorf("%s has other arguments in English: %s", key, diff)
		}
	}
	for key, one := range messagesEn {
		// Chinese has no plural.
		if many, ok := strings.CutSuffix(key, ".one"); ok {
			if diff := cmp.Diff(verbs.FindAllString(messagesEn[many], -1), verbs.FindAllString(one, -1)); diff != "" {
				t.Errorf("%s has other arguments: %s", key, diff)
			}
			continue
		}
		if _, ok := messagesZh[key]; !ok {
			t.Errorf("%s has no Chinese", key)
		}
	}
}

// TestJobOf: what the scheduler left out is said in the reader's language and time.
func TestJobOf(t *testing.T) {
	for raw, want := range map[string]map[Language]string{
		"not run for 2026-11-25T17:46:32Z: the run before was still going": {
			Chinese: "2026-11-26 01:46:32 的一次没有运行：上一次还没有结束", English: "the run of 2026-11-26 01:46:32 was left out: the one before had not ended"},
		"not run for 13 instants from 2025-02-28T18:00:00Z to 2025-03-01T06:00:00Z: newer ones were due too": {
			Chinese: "13 次没有运行（2025-03-01 02:00:00 至 2025-03-01 14:00:00）：更晚的一次也已到时，只运行最晚的",
			English: "13 runs from 2025-03-01 02:00:00 to 2025-03-01 14:00:00 were left out: newer ones were due too, only the last was run"},
		"of another kind": {Chinese: "of another kind", English: "of another kind"},
	} {
		for l, text := range want {
			if got := JobOf(l, Job{Outcome: "missed", Error: raw}).Error; got != text {
				t.Errorf("%s: got %q, want %q", l, got, text)
			}
		}
	}
}

// TestSplitOf: a value without data can't be drawn, and isn't missed among the bars.
func TestSplitOf(t *testing.T) {
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	ind, _ := cat.Get(metrics.DelayKey)
	var figures []metrics.Figure
	for i := range splitBars + 3 {
		f := metrics.Figure{Key: ind.Key, By: map[string]string{"product": fmt.Sprint("P", i)}, Value: new(0.5), Status: metrics.StatusNone}
		if i == 0 {
			f.Value = nil
		}
		figures = append(figures, f)
	}
	for n, want := range map[int][3]int{7: {6, 6, 7}, len(figures): {splitBars, splitBars + 2, splitBars + 3}} {
		s, err := SplitOf(English, ind, frame(English).Scope, "product", figures[:n])
		if err != nil || [3]int{s.Shown, s.Drawable, s.Values} != want {
			t.Errorf("%v: %d drawn of %d, %d values, want %v", err, s.Shown, s.Drawable, s.Values, want)
		}
	}
}

// TestOne: one of something is not called by its plural.
func TestOne(t *testing.T) {
	for _, c := range []struct {
		key  string
		n    any
		want string
	}{
		{"headline.more", 1, "1 more signal, see the table"}, {"headline.more", 2, "2 more signals, see the table"},
		{"part.of_cases", "1", "1 case"}, {"part.of_cases", "11", "11 cases"},
	} {
		if got := English.T(c.key, c.n); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := Chinese.T("headline.more", 1); got != "另有 1 个信号，见下表" {
		t.Error(got)
	}
}

// TestMessageKeys finds the keys that templates and program name, in this folder
// and in the one of the routes.
func TestMessageKeys(t *testing.T) {
	named := regexp.MustCompile(`(?:\bt |\.T\(|key: )"([a-z0-9_.]+)"`)
	used := 0
	for _, pattern := range []string{"templates/*.html", "*.go", "../web/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllStringSubmatch(string(text), -1) {
				used++
				key := m[1]
				// A key that ends with a dot is completed by a value.
				if strings.HasSuffix(key, ".") {
					continue
				}
				if _, ok := messagesZh[key]; !ok {
					t.Errorf("%s names the text %q, which is not there", file, key)
				}
			}
		}
	}
	if used < 150 {
		t.Errorf("found only %d keys", used)
	}
}

// TestWords: what data brings has words in both languages.
func TestWords(t *testing.T) {
	var keys []string
	for _, name := range event.Types() {
		if topic, _ := event.TopicOf(name); topic != "youzhi.assurance.v1" {
			keys = append(keys, "type."+name)
		}
	}
	for _, name := range event.Topics() {
		keys = append(keys, "topic."+name)
	}
	for _, c := range event.Codes() {
		keys = append(keys, "code."+string(c))
	}
	for _, f := range []fold.Fate{fold.FateCounted, fold.FateDuplicate, fold.FateConflict, fold.FateCorrection, fold.FateBadCorrection,
		fold.FateUnmatched, fold.FateVoided, fold.FateTest, fold.FateLater, fold.FateUndecodable} {
		keys = append(keys, "fate."+string(f), "fate.why."+string(f))
	}
	for _, f := range []string{fold.FlagIncomplete, fold.FlagIllogicalOrder, fold.FlagAfterEnd, fold.FlagAfterArchive, fold.FlagConflict, fold.FlagBadCorrection,
		fold.FlagUnmatchedCorrection, fold.FlagUndecodable, fold.FlagPromiseLateChange, fold.FlagPromiseRepeated, fold.FlagResumedWithoutPause,
		fold.FlagRepeatedAnswer, fold.FlagBadScore, fold.FlagDuplicateOfSelf,
		fold.FlagPlanRepeated, fold.FlagPlanLate, fold.FlagCheckRepeated, fold.FlagTermsCorrected} {
		keys = append(keys, "flag."+f)
	}
	for _, n := range []metrics.NoVerdict{metrics.NoVerdictUnplanned, metrics.NoVerdictUnchecked, metrics.NoVerdictRunning, metrics.NoVerdictIndicator, metrics.NoVerdictKind,
		metrics.NoVerdictNoData, metrics.NoVerdictPending, metrics.NoVerdictOverlap, metrics.NoVerdictTooMany, metrics.NoVerdictComparing} {
		keys = append(keys, "improvement.why."+string(n))
	}
	for _, s := range []metrics.Status{metrics.StatusMet, metrics.StatusNear, metrics.StatusMissed, metrics.StatusSmall, metrics.StatusNone, metrics.StatusNoData, metrics.StatusNoSource} {
		keys = append(keys, "status."+string(s), "tally."+string(s))
	}
	for _, p := range []metrics.Part{metrics.PartNumerator, metrics.PartDenominator, metrics.PartMissed, metrics.PartPending, metrics.PartExcluded, metrics.PartUnknown} {
		keys = append(keys, "part."+string(p), "help."+string(p), "list."+string(p))
	}
	for _, d := range Dimensions {
		keys = append(keys, "dim."+d)
	}
	for _, g := range Grains {
		keys = append(keys, "grain."+string(g), "each."+string(g), "before."+string(g))
	}
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, ind := range cat.All() {
		keys = append(keys, "unit."+string(ind.Unit), "unit.name."+string(ind.Unit), "window."+string(ind.Window), "formula."+string(ind.Kind), "better."+ind.Better)
		if len(ind.Targets) > 0 {
			keys = append(keys, "bands."+ind.Better)
		}
		for _, d := range ind.Dimensions {
			keys = append(keys, "dim."+d)
			if !slices.Contains(Dimensions, d) {
				t.Errorf("%s is split by %s, which no URL can name", ind.Key, d)
			}
		}
		for _, target := range ind.Targets {
			keys = append(keys, "source."+target.Source)
		}
	}
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range pol.Clocks {
		keys = append(keys, "anchor."+c.Name)
	}
	for _, k := range keys {
		if _, ok := messagesZh[k]; !ok {
			t.Errorf("no word for %s", k)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Percent(0.914), "91.4"}, {Percent(1), "100"}, {Percent(0), "0"}, {Percent(0.9987), "99.87"}, {Percent(0.99999999), "99.99"},
		{Percent(0.00001), "0.01"}, {Percent(0.05), "5.0"}, {Percent(0.99), "99.0"},
		{Count(1284310), "1\u202f284\u202f310"}, {Count(-1234), "\u22121\u202f234"}, {Count(0), "0"}, {Count(999), "999"},
		{Sum(12), "12"}, {Sum(12.5), "12.50"}, {Sum(-0.001), "0.00"},
		{Amount(catalogue.P10k, 4.63), "4.6"}, {Amount(catalogue.P10k, 0.046), "0.05"}, {Amount(catalogue.Points, 88.25), "88.2"},
		{Chinese.WithUnit(catalogue.P10k, 4.6), "4.6/万件"}, {Chinese.WithUnit(catalogue.Rate, 0.5), "50.0\u00a0%"}, {English.WithUnit(catalogue.Points, 92), "92.0\u00a0points"},
		{Chinese.Span(4 * time.Second), "4 秒"}, {Chinese.Span(-time.Second), "0 秒"}, {English.Span(50 * time.Hour), "2 days"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestChange(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	for _, c := range []struct {
		unit        catalogue.Unit
		before, now *float64
		want        string
	}{
		{catalogue.Rate, v(0.926), v(0.914), "▼ 1.2\u00a0百分点"},
		{catalogue.Rate, v(0.989), v(0.9915), "▲ 0.25\u00a0百分点"},
		{catalogue.Rate, v(0.5), v(0.5001), "= 持平"},
		{catalogue.P10k, v(5), v(4.6), "▼ 8.0\u00a0%"},
		{catalogue.P10k, v(0), v(4.6), "▲ 4.6/万件"},
		{catalogue.Points, v(87.6), v(88.2), "▲ 0.6\u00a0分"},
		{catalogue.Units, v(10), v(20), "▲ 100.0\u00a0%"},
		{catalogue.Rate, nil, v(1), ""},
		{catalogue.Rate, v(1), nil, ""},
	} {
		got := ""
		if change := Chinese.ChangeOf(c.unit, c.before, c.now); change != nil {
			got = change.Arrow + " " + change.Text
		}
		if got != c.want {
			t.Errorf("from %v to %v %s: %q, want %q", c.before, c.now, c.unit, got, c.want)
		}
	}
}

func TestPeriodNames(t *testing.T) {
	for label, want := range map[string][2]string{
		"2026-10": {"2026 年 10 月", "October 2026"}, "2026-W05": {"2026 年第 5 周", "week 5 of 2026"}, "2026-Q3": {"2026 年第 3 季度", "Q3 2026"},
		"2026": {"2026 年", "2026"}, "2026-10-05": {"2026 年 10 月 5 日", "5 Oct 2026"},
		"2026-10-05..2026-10-06": {"2026 年 10 月 5 日 – 2026 年 10 月 6 日", "5 Oct 2026 – 6 Oct 2026"},
	} {
		p, err := calendar.ParsePeriod(label)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{Chinese.Period(p), English.Period(p)}; got != want {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
}

func TestScopeURL(t *testing.T) {
	p, err := calendar.ParsePeriod("2026-10")
	if err != nil {
		t.Fatal(err)
	}
	s := Scope{Period: p}.With("outlet", hostile)
	wide := s.Without("outlet")
	if len(s.Where) != 1 || len(wide.Where) != 0 {
		t.Error("a scope changes the one it was made of")
	}
	s.AsOf = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	want := "/x?as_of=2026-10-05T08%3A00%3A00%2B08%3A00&outlet=%3C%2Fscript%3E%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E%22%27%7Bb%7D&part=missed&period=2026-10"
	if got := s.URL("/x", "part", "missed", "none", ""); got != want {
		t.Errorf("got %s", got)
	}
	if got := SubjectPath("cases", "a/b?c#d"); got != "/cases/a%2Fb%3Fc%23d" {
		t.Errorf("got %s", got)
	}
}

func TestRegions(t *testing.T) {
	places := map[[2]int]string{}
	for _, p := range provinces {
		at := [2]int{p.row, p.column}
		if other, taken := places[at]; taken {
			t.Errorf("%s and %s have one place", p.zh, other)
		}
		places[at] = p.zh
		if p.row < 1 || p.row > 9 || p.column < 1 || p.column > 9 {
			t.Errorf("%s lies outside the map", p.zh)
		}
	}
	if len(provinces) != 34 {
		t.Errorf("%d provinces, want 34", len(provinces))
	}
	for v, want := range map[string]string{"33": "浙江", "330100": "浙江 330100", "SP": "SP", "99": "99", "unknown": "未知"} {
		if got := Chinese.Region(v); got != want {
			t.Errorf("%s: got %s, want %s", v, got, want)
		}
	}
}

func TestWorstFirst(t *testing.T) {
	f := func(name string, value float64, den float64, s metrics.Status) metrics.Figure {
		out := metrics.Figure{By: map[string]string{"region": name}, Status: s, Denominator: &den}
		if s != metrics.StatusNoData {
			out.Value = &value
		}
		return out
	}
	figures := []metrics.Figure{
		f("none", 0, 0, metrics.StatusNoData), f("small", 0.1, 3, metrics.StatusSmall), f("good", 0.99, 100, metrics.StatusMet),
		f("bad", 0.5, 100, metrics.StatusMissed), f("bad too", 0.5, 200, metrics.StatusMissed),
	}
	for better, want := range map[string][]string{
		"up":   {"bad too", "bad", "good", "small", "none"},
		"down": {"good", "bad too", "bad", "small", "none"},
	} {
		var got []string
		for _, f := range WorstFirst(catalogue.Indicator{Better: better}, figures) {
			got = append(got, f.By["region"])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("better %s: %s", better, diff)
		}
	}
}

func TestFields(t *testing.T) {
	if f := fields(English, []byte(`{"activity":"centre_departure","product":"ems","signed_by":"self","reason_code":"X-1"}`)); f[0].Value != "departure from a centre" || f[0].Raw != "centre_departure" || f[1].Raw != "ems" || f[2] != (Field{Name: "signed_by", Value: "self"}) || f[3].Value != "X-1" {
		t.Errorf("%+v", f)
	}
	got := fields(Chinese, []byte(`{"b":"x","a":[1,{"c":2.50}],"comment":"张三","n":12345678901234567890}`))
	want := []Field{{Name: "b", Value: "x"}, {Name: "a", Value: `[1,{"c":2.50}]`}, {Name: "comment", Value: "（自由文本，不显示）"}, {Name: "n", Value: "12345678901234567890"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := string(WithoutFreeText([]byte(`{"comment":"张三","x":1.0}`))); got != `{"comment":null,"x":1.0}` {
		t.Errorf("got %s", got)
	}
}

func renderer(t *testing.T) *Renderer {
	t.Helper()
	files, err := assets.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func frame(l Language) Frame {
	p := calendar.PeriodOf(calendar.GrainMonth, calendar.Date(2026, time.October, 1))
	s := Scope{Period: p}.With("outlet", hostile)
	return Frame{Lang: l, Title: hostile, Path: "/", Scope: s, Bar: BarOf(l, s, "/", nil, Filters{Values: map[string][]string{"region": {hostile}}}, Fresh{Unavailable: true})}
}

// TestUnavailablePanels: a panel that failed says so and shows no number.
func TestUnavailablePanels(t *testing.T) {
	r := renderer(t)
	failed := map[string]bool{"freshness": true, "books": true, "quarantine": true, "conflicts": true, "jobs": true}
	for _, l := range Languages {
		all := Unavailable{Figures: true, Regions: true, Clocks: true, Split: true, Trend: true}
		for _, v := range []View{
			&Overview{Frame: frame(l), Unavailable: all},
			&Indicator{Frame: frame(l), Unavailable: all, Figure: Figure{Title: hostile}},
			&Data{Frame: frame(l), Failed: failed},
			&Fault{Frame: Frame{Lang: l, Title: hostile}, Heading: hostile, Message: hostile},
		} {
			body, err := r.Render(v)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(body), "<img") {
				t.Errorf("%s: a label was written as it is", v.template())
			}
			if _, fault := v.(*Fault); !fault && strings.Count(string(body), l.T("unavailable")) < 3 {
				t.Errorf("%s in %s does not say what is unavailable", v.template(), l)
			}
			if strings.Contains(string(body), "<data ") {
				t.Errorf("%s shows a value", v.template())
			}
		}
	}
}

// TestTemplates: every template is the page of a view, and every view has one.
func TestTemplates(t *testing.T) {
	r := renderer(t)
	want := map[string]bool{}
	for _, v := range []View{&Overview{}, &Indicator{}, &Rows{}, &Subjects{}, &Subject{}, &Data{}, &Definitions{}, &Delays{}, &Reports{}, &Improvements{}, &ImprovementPage{}, &Quarantine{}, &Fault{}} {
		want[v.template()] = true
	}
	files, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want)+len(shared) {
		t.Errorf("%d templates for %d views", len(files), len(want))
	}
	for name := range want {
		for _, l := range Languages {
			if _, ok := r.pages[pageKey{name, l}]; !ok {
				t.Errorf("no page %s in %s", name, l)
			}
		}
	}
	if _, err := r.Render(&Fault{Frame: Frame{Lang: "fr"}}); !errors.Is(err, errNoTemplate) {
		t.Errorf("got %v", err)
	}
}

func TestRenderTogether(t *testing.T) {
	r := renderer(t)
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			l := Languages[i%2]
			body, err := r.Render(&Fault{Frame: Frame{Lang: l, Title: "x"}, Heading: "x"})
			if err != nil || !strings.Contains(string(body), `lang="`+l.Tag()+`"`) {
				t.Errorf("%v: %.80s", err, body)
			}
		})
	}
	group.Wait()
}
