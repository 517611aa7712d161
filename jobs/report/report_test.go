package report

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	r := &room{db: queriestest.Open(t), log: &strings.Builder{}}
	pol, err := policy.Default()
	must(t, err)
	cal, err := calendar.StateCouncil()
	must(t, err)
	r.cat, err = catalogue.Load("")
	must(t, err)
	editions := state.NewEditions(state.NewBuilder(r.db, pol, cal))
	t.Cleanup(func() { must(t, editions.Close(context.Background())) })
	r.eval = metrics.New(r.db, r.cat, editions)
	files, err := assets.Load()
	must(t, err)
	script, err := files.Script("echarts.min.js")
	must(t, err)
	r.Maker = New(Options{
		DB: r.db, Evaluator: r.eval, Catalogue: r.cat, Charts: chart.NewRenderer(script), Typeface: files.Typeface,
		Definitions: strings.Join([]string{pol.Version, cal.Version(), r.cat.Version()}, " "),
		Now:         func() time.Time { return made }, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	return r
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

func TestLook(t *testing.T) {
	browser, err := Browser()
	must(t, err)
	r := newRoom(t)
	begin := time.Now()
	r.operate(t, 0.03, 12, made)
	t.Log("stored", time.Since(begin))
	for _, label := range []string{"2026-10", "2025-08", "2026-02"} {
		p, at := month(t, label)
		begin = time.Now()
		m, err := r.Month(t.Context(), p, at)
		must(t, err)
		t.Log("month", time.Since(begin))
		for _, l := range Languages {
			begin = time.Now()
			doc, err := r.Document(t.Context(), m, l)
			must(t, err)
			t.Log("document", time.Since(begin), len(doc))
			begin = time.Now()
			pdf, err := Print(t.Context(), browser, doc, at)
			must(t, err)
			t.Log("pdf", time.Since(begin), len(pdf))
			show(t, label+"-"+string(l)+".html", doc)
			show(t, label+"-"+string(l)+".pdf", pdf)
		}
	}
}
