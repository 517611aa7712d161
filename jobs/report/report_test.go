package report

import (
	"context"
	"encoding/json"
	"flag"
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
	"youzhi/dashboard/page"
	"youzhi/ingest/source/simulate"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/policy"
	"youzhi/metrics/sentence"
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
	pol, err := policy.Default()
	must(t, err)
	cal, err := calendar.StateCouncil()
	must(t, err)
	db := queriestest.Open(t)
	editions := state.NewEditions(state.NewBuilder(db, pol, cal))
	t.Cleanup(func() { must(t, editions.Close(context.Background())) })
	r := &room{db: db, cat: cat, eval: metrics.New(db, cat, editions), log: &strings.Builder{}}
	o := options(t, cat)
	o.DB, o.Evaluator, o.Logger = db, r.eval, slog.New(slog.NewTextHandler(r.log, nil))
	o.Definitions = strings.Join([]string{pol.Version, cal.Version(), cat.Version()}, " ")
	r.Maker = New(o)
	return r
}

// options are those that a document is set with, without data.
func options(t testing.TB, cat *catalogue.Catalogue) Options {
	t.Helper()
	files, err := assets.Load()
	must(t, err)
	script, err := files.Script("echarts.min.js")
	must(t, err)
	return Options{
		Catalogue: cat, Charts: chart.NewRenderer(script), Typeface: files.Typeface, Now: func() time.Time { return made },
		Name: func(l sentence.Language, dimension, value string) string {
			return page.Language(l).Value(dimension, value)
		},
	}
}

// printed sets a month and prints it.
func printed(t testing.TB, m *Maker, browser string, of *Month, l sentence.Language) (html, pdf []byte, d *document) {
	t.Helper()
	html, err := m.Document(t.Context(), of, l)
	must(t, err)
	pdf, err = Print(t.Context(), browser, html, of.AsOf)
	must(t, err)
	d, err = m.document(t.Context(), of, l)
	must(t, err)
	return html, pdf, d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sent are the messages of a simulated operator, by topic, of what happened from
// July 2025 up to an instant.
func sent(t testing.TB, scale float64, until time.Time) map[string][][]byte {
	t.Helper()
	op, err := simulate.New(simulate.Options{
		Seed: 7, Scale: scale, Contacts: 12, NoLedger: true,
		From: calendar.Date(2025, time.July, 1).Start(), To: made,
	})
	must(t, err)
	of := map[string][][]byte{}
	for m := range op.History(made) {
		var head struct{ Time time.Time }
		must(t, json.Unmarshal(m.Value, &head))
		if !head.Time.After(until) {
			of[m.Topic] = append(of[m.Topic], m.Value)
		}
	}
	return of
}

func (r *room) store(t testing.TB, of map[string][][]byte) {
	t.Helper()
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
	var keys, timed []string
	for _, ind := range r.cat.All() {
		if keys = append(keys, ind.Key); ind.Window != catalogue.Snap {
			timed = append(timed, ind.Key)
		}
	}
	for _, ask := range []struct {
		keys   []string
		period calendar.Period
		got    []metrics.Figure
	}{{keys, m.Period, m.Figures}, {timed, m.Period.Previous(), m.Before}} {
		want, err := r.eval.Figures(t.Context(), metrics.Question{Keys: ask.keys, From: ask.period.From, To: ask.period.To, AsOf: m.AsOf})
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

// embeddedFile is a file in a document, at the place of an address.
var embeddedFile = regexp.MustCompile(`(url\(["']?)?data:[a-z/0-9+-]+;base64,[A-Za-z0-9+/=]*`)

// TestMonthOnPaper makes the reports of a busy month, of one whose limits are not
// yet fixed, of the second month of all and of one before any data.
func TestMonthOnPaper(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	r := newRoom(t)
	r.store(t, sent(t, 0.02, made))
	for _, label := range []string{"2026-10", "2026-02", "2025-08", "2025-05"} {
		p, at := month(t, label)
		m, err := r.Month(t.Context(), p, at)
		must(t, err)
		r.same(t, m)
		for _, l := range Languages {
			t.Run(label+" "+string(l), func(t *testing.T) {
				document, pdf, d := printed(t, r.Maker, browser, m, l)
				show(t, label+"-"+string(l)+".html", document)
				show(t, label+"-"+string(l)+".pdf", pdf)
				checkPDF(t, pdf, d)
				pictures := 0
				for _, panel := range d.Leading {
					if panel.Picture != "" {
						pictures++
					}
				}
				if label == "2026-10" && (pictures != leadingOnes || len(d.Sentences) == 0) {
					t.Errorf("%d pictures and %d sentences in a busy month", pictures, len(d.Sentences))
				}
				// Names of namespaces are no addresses, nor are parts of a picture; embedded
				// files are no text.
				text := strings.NewReplacer(`="http://www.w3.org/`, "", "url(#", "").Replace(embeddedFile.ReplaceAllString(string(document), ""))
				for _, bad := range []string{"<script", "http://", "https://", "src=", "url(", "NaN", "%!", "Inf"} {
					if _, after, found := strings.Cut(text, bad); found {
						t.Errorf("the document has %q in it, before %.80s", bad, after)
					}
				}
			})
		}
	}
}
