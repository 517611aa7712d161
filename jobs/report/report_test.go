package report

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"youzhi/dashboard/assets"
	"youzhi/ingest/source/simulate"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/policy"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// keep names a folder for the documents that the tests make, to be looked at.
var keep = flag.String("keep", "", "folder for the reports that the tests make; none are kept without it")

// made is when the tests make their reports.
var made = time.Date(2026, 11, 20, 12, 0, 0, 0, calendar.Beijing)

// room is a Maker over a database of its own.
type room struct {
	*Maker
	db   *queries.DB
	cat  *catalogue.Catalogue
	eval *metrics.Evaluator
	log  *strings.Builder
}

func newRoom(t testing.TB) *room {
	t.Helper()
	cat, err := catalogue.Load("")
	must(t, err)
	return (&room{db: queriestest.Open(t)}).with(t, cat)
}

// with is the same database seen by a catalogue.
func (r *room) with(t testing.TB, cat *catalogue.Catalogue) *room {
	t.Helper()
	out := &room{db: r.db, cat: cat, log: &strings.Builder{}}
	pol, err := policy.Default()
	must(t, err)
	cal, err := calendar.StateCouncil()
	must(t, err)
	editions := state.NewEditions(state.NewBuilder(out.db, pol, cal))
	t.Cleanup(func() { must(t, editions.Close(context.Background())) })
	out.eval = metrics.New(out.db, cat, editions)
	files, err := assets.Load()
	must(t, err)
	script, err := files.Script("echarts.min.js")
	must(t, err)
	out.Maker = New(Options{
		DB: out.db, Evaluator: out.eval, Catalogue: cat, Charts: chart.NewRenderer(script), Typeface: files.Typeface,
		Definitions: strings.Join([]string{pol.Version, cal.Version(), cat.Version()}, " "),
		Now:         func() time.Time { return made }, Logger: slog.New(slog.NewTextHandler(out.log, nil)),
	})
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// operate stores what a simulated operator sends from July 2025 on.
func (r *room) operate(t testing.TB, scale, contacts float64, until time.Time) {
	t.Helper()
	op, err := simulate.New(simulate.Options{
		Seed: 7, Scale: scale, Contacts: contacts, NoLedger: true,
		From: calendar.Date(2025, time.July, 1).Start(), To: until,
	})
	must(t, err)
	of := map[string][][]byte{}
	for m := range op.History(until) {
		of[m.Topic] = append(of[m.Topic], m.Value)
	}
	for topic, messages := range of {
		queriestest.Store(t, r.db, topic, 0, messages...)
	}
}

// month is the period and the instant at which its report is due.
func month(t testing.TB, label string) (calendar.Period, time.Time) {
	t.Helper()
	p, err := calendar.ParsePeriod(label)
	must(t, err)
	cal, err := calendar.StateCouncil()
	must(t, err)
	day, ok := cal.AddWorkdays(p.To-1, 1)
	if !ok {
		t.Fatalf("the calendar does not know %s", label)
	}
	return p, day.At(8 * time.Hour)
}

// show keeps a document, if asked to.
func show(t testing.TB, name string, document []byte) {
	t.Helper()
	if *keep != "" {
		must(t, os.MkdirAll(*keep, 0o750))
		must(t, os.WriteFile(filepath.Join(*keep, name), document, 0o600))
	}
}

// tool runs a program of poppler-utils over a PDF. Without it the test is
// skipped, or fails where the variable CI is set.
func tool(t testing.TB, pdf []byte, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("no %s: run make setup, or install poppler-utils", name)
		}
		t.Fatalf("no %s: run make setup, or install poppler-utils", name)
	}
	file := filepath.Join(t.TempDir(), "report.pdf")
	must(t, os.WriteFile(file, pdf, 0o600))
	for i, a := range args {
		if a == "FILE" {
			args[i] = file
		}
	}
	out, err := exec.CommandContext(t.Context(), path, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

// chromium finds the browser, as tool does.
func chromium(t testing.TB) string {
	t.Helper()
	path, err := Browser()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	return path
}

// packed takes out all space, since a PDF has none that could be relied on.
func packed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\u202f' || r == '\u00a0' {
			return -1
		}
		return r
	}, s)
}

// checkPDF looks at a printed document with other programs: two sheets of A4,
// every typeface in it, nothing raster, and every figure of it in its text.
func checkPDF(t *testing.T, pdf []byte, d *document) {
	t.Helper()
	info := tool(t, pdf, "pdfinfo", "FILE")
	if !regexp.MustCompile(`Pages: +2\n`).MatchString(info) || !strings.Contains(info, "(A4)") || !regexp.MustCompile(`Tagged: +yes`).MatchString(info) {
		t.Errorf("not two tagged sheets of A4:\n%s", info)
	}
	fonts := strings.Split(strings.TrimSpace(tool(t, pdf, "pdffonts", "FILE")), "\n")[2:]
	if len(fonts) == 0 {
		t.Error("no typeface at all")
	}
	for _, f := range fonts {
		// name, type (may hold a space), encoding, emb, sub, uni, object, generation
		fields := strings.Fields(f)
		if n := len(fields); n < 8 || fields[n-5] != "yes" || fields[n-3] != "yes" {
			t.Errorf("typeface not embedded, or its text can't be read: %s", f)
		}
	}
	if images := strings.Split(strings.TrimSpace(tool(t, pdf, "pdfimages", "-list", "FILE")), "\n"); len(images) > 2 {
		t.Errorf("raster images:\n%s", strings.Join(images, "\n"))
	}
	text := packed(tool(t, pdf, "pdftotext", "-raw", "FILE", "-"))
	find := func(what string, parts ...string) {
		t.Helper()
		if want := packed(strings.Join(parts, "")); !strings.Contains(text, want) {
			t.Errorf("%s: no %q in the text of the PDF", what, want)
		}
	}
	find("title", d.Title)
	find("headline", d.Headline)
	for _, s := range d.Sentences {
		find("sentence", s.Text)
	}
	find("tally", d.Tally)
	for _, p := range d.Leading {
		find("panel", p.Title, p.Status)
		find("panel "+p.Key, p.Value, p.Unit)
		if p.Change != "" {
			find("panel "+p.Key, p.Arrow, p.Change)
		}
		if p.How != "" {
			find("panel "+p.Key, p.How)
		}
	}
	for _, b := range d.Backlogs {
		parts := []string{b.Title}
		if b.NoSource {
			parts = append(parts, say(d.Language, "no_source"))
		} else {
			for _, c := range b.Cells {
				parts = append(parts, c.Text)
			}
		}
		find("backlog", parts...)
	}
	for _, r := range d.Rows {
		find("row "+r.Key, r.Title, r.Value, r.Unit, r.Goal, r.Sample, r.Arrow, r.Change)
	}
	for _, e := range append(slices.Clone(d.Events), d.Hash, d.Definitions, d.Instant) {
		find("provenance", e)
	}
}

// same compares the figures of a month with what the evaluator answers at the
// same as_of to a question of its own.
func (r *room) same(t *testing.T, m *Month) {
	t.Helper()
	var keys []string
	for _, ind := range r.cat.All() {
		keys = append(keys, ind.Key)
	}
	for _, ask := range []struct {
		period calendar.Period
		got    []metrics.Figure
	}{{m.Period, m.Figures}, {m.Period.Previous(), m.Before}} {
		want, err := r.eval.Figures(t.Context(), metrics.Question{Keys: keys, From: ask.period.From, To: ask.period.To, AsOf: m.AsOf})
		must(t, err)
		if diff := cmp.Diff(want, ask.got); diff != "" {
			t.Errorf("figures of %s (-evaluator +report):\n%s", ask.period.Label(), diff)
		}
	}
	backlogs, err := r.eval.Backlogs(t.Context(), m.AsOf)
	must(t, err)
	if diff := cmp.Diff(backlogs, m.Backlogs); diff != "" {
		t.Errorf("backlogs (-evaluator +report):\n%s", diff)
	}
	for _, b := range m.Backlogs {
		if b.Ageing[0]+b.Ageing[1]+b.Ageing[2]+b.Ageing[3] != b.Overdue || b.DueSoon+b.Waiting+b.Overdue > b.Open {
			t.Errorf("parts that do not add up: %+v", b)
		}
		for _, f := range m.Figures {
			// The promise's overdue are an indicator of their own.
			if f.Key == "overdue_open_cases" && f.Numerator != nil && b.Anchor == "promise" && float64(b.Overdue) != *f.Numerator {
				t.Errorf("%d overdue cases, the indicator has %v", b.Overdue, *f.Numerator)
			}
		}
	}
}

var embeddedFile = regexp.MustCompile(`data:[a-z/0-9+-]+;base64,[A-Za-z0-9+/=]*`)

// TestMonthOnPaper makes the reports of a busy month, of one whose limits are not
// yet fixed, of the second month of all and of one before any data.
func TestMonthOnPaper(t *testing.T) {
	browser := chromium(t)
	r := newRoom(t)
	r.operate(t, 0.03, 12, made)
	for _, label := range []string{"2026-10", "2026-02", "2025-08", "2025-05"} {
		p, at := month(t, label)
		m, err := r.Month(t.Context(), p, at)
		must(t, err)
		r.same(t, m)
		for _, l := range Languages {
			t.Run(label+" "+string(l), func(t *testing.T) {
				document, err := r.Document(t.Context(), m, l)
				must(t, err)
				pdf, err := Print(t.Context(), browser, document, at)
				must(t, err)
				show(t, label+"-"+string(l)+".html", document)
				show(t, label+"-"+string(l)+".pdf", pdf)
				d, err := r.document(t.Context(), m, l)
				must(t, err)
				checkPDF(t, pdf, d)
				pictures := 0
				for _, panel := range d.Leading {
					if panel.Picture != "" {
						pictures++
					}
				}
				if label == "2026-10" && (pictures != 4 || len(d.Sentences) == 0) {
					t.Errorf("%d pictures and %d sentences in a busy month", pictures, len(d.Sentences))
				}
				// Names of namespaces are no addresses, and embedded files no text.
				text := strings.ReplaceAll(embeddedFile.ReplaceAllString(string(document), ""), `="http://www.w3.org/`, "")
				for _, bad := range []string{"<script", "http://", "https://", "src=", "NaN", "%!"} {
					if _, after, found := strings.Cut(text, bad); found {
						t.Errorf("the document has %q in it, before %.80s", bad, after)
					}
				}
			})
		}
	}
}

// TestMadeTwice: the same events and the same as_of make the same bytes, from
// another process's empty hands too, and whatever arrived afterwards.
func TestMadeTwice(t *testing.T) {
	browser := chromium(t)
	p, at := month(t, "2026-09")
	var sums []string
	for i := range 2 {
		r := newRoom(t)
		r.operate(t, 0.01, 12, made.AddDate(0, -1, 0))
		m, err := r.Month(t.Context(), p, at)
		must(t, err)
		for _, l := range Languages {
			document, err := r.Document(t.Context(), m, l)
			must(t, err)
			pdf, err := Print(t.Context(), browser, document, at)
			must(t, err)
			sums = append(sums, fmt.Sprintf("%x %x", sha256.Sum256(document), sha256.Sum256(pdf)))
			show(t, fmt.Sprintf("twice-%d-%s.pdf", i, l), pdf)
		}
	}
	if sums[0] != sums[2] || sums[1] != sums[3] || sums[0] == sums[1] {
		t.Errorf("hashes of HTML and PDF, zh, en and again:\n%s", strings.Join(sums, "\n"))
	}
}

// TestManyIndicators: the table of a catalogue that is more than full still ends
// on its page, and says what it leaves out.
func TestManyIndicators(t *testing.T) {
	browser := chromium(t)
	for _, n := range []int{36, 60, 96} {
		r := newRoom(t)
		r.operate(t, 0.005, 12, made)
		have := r.cat.All()
		var b strings.Builder
		b.WriteString("indicators:\n")
		for i := range max(n-len(have), 0) {
			fmt.Fprintf(&b, `  - key: own_indicator_%d
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
		must(t, os.WriteFile(filepath.Join(folder, "own.yaml"), []byte(b.String()), 0o600))
		cat, err := catalogue.Load(folder)
		must(t, err)
		r = r.with(t, cat)
		p, at := month(t, "2026-10")
		m, err := r.Month(t.Context(), p, at)
		must(t, err)
		for _, l := range Languages {
			document, err := r.Document(t.Context(), m, l)
			must(t, err)
			pdf, err := Print(t.Context(), browser, document, at)
			must(t, err)
			show(t, fmt.Sprintf("many-%d-%s.pdf", n, l), pdf)
			d, err := r.document(t.Context(), m, l)
			must(t, err)
			if len(d.Rows)+len(d.Without)+d.Left != len(cat.All()) {
				t.Errorf("%d rows, %d without a source and %d left out of %d", len(d.Rows), len(d.Without), d.Left, len(cat.All()))
			}
			if n == 36 && d.Left > 0 || n == 96 && d.Left == 0 {
				t.Errorf("%d of %d indicators are left out", d.Left, n)
			}
			checkPDF(t, pdf, d)
		}
	}
}
