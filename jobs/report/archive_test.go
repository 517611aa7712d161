package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"youzhi/jobs/ledger"
	"youzhi/jobs/schedule"
	"youzhi/metrics/calendar"
	"youzhi/metrics/sentence"
	"youzhi/queries"
)

// spec is the schedule of the report, as it is set without a setting.
const spec = "@first-workday month 08:00"

// without lets a Maker find no browser.
func (r *room) without() *Maker {
	o := r.o
	o.Browser = func() (string, error) { return "", ErrNoBrowser }
	return New(o)
}

// entries are those of the archive, the newest first.
func (r *room) entries(t testing.TB) []queries.ReportEntry {
	t.Helper()
	out, err := r.db.Reports(t.Context(), Kind, "", archived)
	must(t, err)
	return out
}

// TestMadeTwice: the same events and the same as_of make the same bytes, in
// another database too, in another order, told twice, and with all that happened
// afterwards. What is in the archive is what a person gets who asks for a file.
func TestMadeTwice(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	p, at := month(t, "2026-08")
	one, two := newRoom(t), newRoom(t)
	messages := sent(t, 0.004, at)
	one.store(t, messages)
	shuffled := sent(t, 0.004, made)
	random := rand.New(rand.NewPCG(1, 2))
	for _, topic := range slices.Sorted(maps.Keys(shuffled)) {
		of := shuffled[topic]
		of = append(of, of[:len(of)/3]...)
		random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		shuffled[topic] = of
	}
	two.store(t, shuffled)

	must(t, one.Run(t.Context(), at))
	var sums []string
	for _, e := range one.entries(t) {
		sums = append(sums, e.HTMLSHA256, e.PDFSHA256)
	}
	if len(sums) != 2*len(Languages) || len(slices.Compact(slices.Sorted(slices.Values(sums)))) != len(sums) {
		t.Fatalf("the archive has %+v", one.entries(t))
	}
	var again []string
	m, err := two.Month(t.Context(), p, at)
	must(t, err)
	for _, e := range one.entries(t) {
		document, pdf, _ := printed(t, two.Maker, browser, m, sentence.Language(e.Language))
		again = append(again, fmt.Sprintf("%x", sha256.Sum256(document)), fmt.Sprintf("%x", sha256.Sum256(pdf)))
		stored, ok, err := one.db.ReportDocument(t.Context(), Kind, p.Label(), e.Language, 1, "pdf")
		if err != nil || !ok || !bytes.Equal(stored, pdf) {
			t.Errorf("%s: the archive's PDF is another one: %v", e.Language, err)
		}
	}
	if !slices.Equal(sums, again) {
		t.Errorf("hashes of HTML and PDF, once and again:\n%s\n%s", strings.Join(sums, "\n"), strings.Join(again, "\n"))
	}
}

// TestArchive: a report that says the same is not kept twice; one that could not
// be printed is, when it can be.
func TestArchive(t *testing.T) {
	t.Parallel()
	_ = chromium(t)
	r := newRoom(t)
	r.store(t, sent(t, 0.001, made))
	p, at := month(t, "2026-10")
	var got []string
	look := func(what string) {
		t.Helper()
		line := what + ":"
		for _, e := range r.entries(t) {
			line += fmt.Sprintf(" %s-%s-%d", e.Period, e.Language, e.Version)
			if e.PDFBytes > 0 {
				line += "p"
			}
		}
		got = append(got, line)
	}
	must(t, r.without().Run(t.Context(), at))
	look("without a browser")
	if !strings.Contains(r.log.String(), "report kept as HTML only") || !strings.Contains(r.log.String(), "apt-get install chromium") {
		t.Errorf("the log says: %s", r.log)
	}
	must(t, r.Run(t.Context(), at))
	look("with one")
	must(t, r.without().Run(t.Context(), at))
	look("again")
	must(t, r.without().Run(t.Context(), at.Add(time.Hour)))
	look("an hour later")
	want := []string{
		"without a browser: 2026-10-zh-1 2026-10-en-1",
		"with one: 2026-10-zh-2p 2026-10-en-2p 2026-10-zh-1 2026-10-en-1",
		"again: 2026-10-zh-2p 2026-10-en-2p 2026-10-zh-1 2026-10-en-1",
		"an hour later: 2026-10-zh-3 2026-10-en-3 2026-10-zh-2p 2026-10-en-2p 2026-10-zh-1 2026-10-en-1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the archive:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// A person who asks for a PDF gets the same as HTML, with a word about it.
	cal, err := calendar.StateCouncil()
	must(t, err)
	due, err := schedule.Parse(spec, cal)
	must(t, err)
	folder := t.TempDir()
	name, err := r.without().WriteFile(t.Context(), Order{Period: p, Language: sentence.Chinese, Now: made, File: filepath.Join(folder, "r.pdf")}, due)
	if !errors.Is(err, ErrNoBrowser) || !strings.Contains(err.Error(), "r.pdf was not made") || !strings.Contains(err.Error(), "r.html") {
		t.Errorf("the error is %v", err)
	}
	written, err := os.ReadFile(name)
	must(t, err)
	kept, _, err := r.db.ReportDocument(t.Context(), Kind, p.Label(), "zh", 1, "html")
	must(t, err)
	if filepath.Base(name) != "r.html" || !bytes.Equal(written, kept) {
		t.Errorf("%s has %d bytes, in the archive there are %d", name, len(written), len(kept))
	}
	if _, err := os.Stat(filepath.Join(folder, "r.pdf")); err == nil {
		t.Error("there is an r.pdf")
	}
	if _, err := r.Month(t.Context(), p, p.End().Add(-time.Second)); err == nil || !strings.Contains(err.Error(), "not over") {
		t.Errorf("a month that is not over: %v", err)
	}
}

// clock is one that can be set; between, it goes as ours does.
type clock struct {
	lock        sync.Mutex
	from, start time.Time
}

func (c *clock) set(to time.Time) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.from, c.start = to, time.Now()
}

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.from.Add(time.Since(c.start))
}

// TestFourteenMonths lets the scheduler make the reports of 14 months by a clock
// that is set: one a month, at 08:00 of the first day that the State Council's
// arrangement lets people work, and not before; what was missed while nothing ran
// once and in order, as of its own instant.
func TestFourteenMonths(t *testing.T) {
	t.Parallel()
	// The months and their days, from the State Council's notices.
	months := []struct{ month, due, why string }{
		{"2025-09", "2025-10-09", "National Day, 1 to 8 October, with Mid-Autumn"},
		{"2025-10", "2025-11-03", "1 November is a Saturday"},
		{"2025-11", "2025-12-01", ""},
		{"2025-12", "2026-01-04", "New Year, 1 to 3 January; Sunday 4 January is worked"},
		{"2026-01", "2026-02-02", "1 February is a Sunday"},
		{"2026-02", "2026-03-02", "1 March is a Sunday"},
		{"2026-03", "2026-04-01", ""},
		{"2026-04", "2026-05-06", "Labour Day, 1 to 5 May"},
		{"2026-05", "2026-06-01", ""},
		{"2026-06", "2026-07-01", ""},
		{"2026-07", "2026-08-03", "1 August is a Saturday"},
		{"2026-08", "2026-09-01", ""},
		{"2026-09", "2026-10-08", "National Day, 1 to 7 October"},
		{"2026-10", "2026-11-02", "1 November is a Sunday"},
	}
	// Nothing runs at these.
	missed := []string{"2026-02", "2026-03", "2026-04"}

	r := newRoom(t)
	r.store(t, sent(t, 0.001, made))
	cal, err := calendar.StateCouncil()
	must(t, err)
	var c clock
	o := r.o
	o.Browser, o.Now = func() (string, error) { return "", ErrNoBrowser }, c.now
	maker, ran := New(o), make(chan time.Time, len(months)+1)
	run := func(ctx context.Context, at time.Time) error {
		err := maker.Run(ctx, at)
		ran <- at
		return err
	}
	// start runs the program, so to speak.
	start := func() (stop func()) {
		s, err := schedule.New(r.o.Logger, c.now, ledger.New(r.db), cal,
			schedule.Job{Name: "report-monthly", Spec: spec, Run: run, CatchUp: schedule.CatchUpEach, Timeout: time.Minute})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		return func() {
			cancel()
			must(t, <-ended)
		}
	}
	until := func(runs int) {
		t.Helper()
		for range runs {
			select {
			case <-ran:
			case <-time.After(time.Minute):
				t.Fatalf("no report in a minute\n%s", r.log)
			}
		}
	}
	instant := func(day string) time.Time {
		d, err := calendar.ParseDay(day)
		must(t, err)
		return d.At(8 * time.Hour)
	}
	for i, m := range months {
		if slices.Contains(missed, m.month) {
			continue
		}
		if i > 0 && slices.Contains(missed, months[i-1].month) {
			c.set(instant(m.due).Add(-90 * time.Minute))
			stop := start()
			until(len(missed))
			stop()
		}
		// The days before go by without a report: it would be as of another instant.
		c.set(instant(m.due).Add(-400 * time.Millisecond))
		stop := start()
		until(1)
		stop()
	}
	// Started once more, it has nothing to do.
	c.set(instant(months[len(months)-1].due).Add(24 * time.Hour))
	start()()
	if len(ran) > 0 {
		t.Errorf("made once more, as of %s", <-ran)
	}

	got := r.entries(t)
	slices.Reverse(got)
	if len(got) != len(months)*len(Languages) {
		t.Fatalf("%d reports of %d months", len(got), len(months))
	}
	for i, e := range got {
		m := months[i/len(Languages)]
		due := instant(m.due)
		if e.Period != m.month || e.Version != 1 || !e.AsOf.Equal(due) {
			t.Errorf("%d: %s version %d as of %s, want %s at %s (%s)", i, e.Period, e.Version, e.AsOf.In(calendar.Beijing), m.month, due, m.why)
		}
		late := e.MadeAt.Sub(due)
		if isMissed := slices.Contains(missed, m.month); late < 0 || !isMissed && late > time.Minute || isMissed && late < 24*time.Hour {
			t.Errorf("%s was made %s after it was due", m.month, late)
		}
	}
	// Made up late, a report says what it would have said in time.
	p, at := month(t, missed[0])
	m, err := r.Month(t.Context(), p, at)
	must(t, err)
	hash, err := m.Hash()
	must(t, err)
	if i := slices.IndexFunc(got, func(e queries.ReportEntry) bool { return e.Period == missed[0] }); got[i].Content != hash {
		t.Errorf("the report of %s says something else", missed[0])
	}
}

// TestParseOrder names what is wrong with an order.
func TestParseOrder(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		period, language, asOf, file string
		want                         []string
	}{
		{"2026-9", "zh", "", "r.pdf", []string{`--period "2026-9"`, "YYYY-MM"}},
		{"2026", "zh", "", "r.pdf", []string{`--period "2026"`}},
		{"2026-10", "fr", "", "r.pdf", []string{`--language "fr"`, "zh or en"}},
		{"2026-10", "zh", "2026-11-02 08:00", "r.pdf", []string{`--as-of "2026-11-02 08:00"`, "offset"}},
		{"2026-10", "zh", "2026-12-02T08:00:00+08:00", "r.pdf", []string{"future"}},
		{"2026-10", "zh", "", "r.docx", []string{`--out "r.docx"`, ".pdf or .html"}},
		{"x", "y", "z", "", []string{"--period", "--language", "--as-of", "--out"}},
	} {
		_, err := ParseOrder(c.period, c.language, c.asOf, c.file, now)
		if err == nil {
			t.Errorf("%+v is no fault", c)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("want %q in %v", w, err)
			}
		}
	}
	cal, err := calendar.StateCouncil()
	must(t, err)
	due, err := schedule.Parse(spec, cal)
	must(t, err)
	for _, c := range []struct{ period, asOf, wantPeriod, wantAsOf string }{
		{"", "", "2026-10", "2026-11-02T08:00:00+08:00"},
		{"2026-09", "", "2026-09", "2026-10-08T08:00:00+08:00"},
		{"2026-09", "2026-11-01T00:00:00+08:00", "2026-09", "2026-11-01T00:00:00+08:00"},
		// Not over yet: as of now, which the report refuses.
		{"2026-11", "", "2026-11", "2026-11-25T11:00:00+08:00"},
	} {
		o, err := ParseOrder(c.period, "en", c.asOf, "r.html", now)
		must(t, err)
		if at := o.asOf(due).In(calendar.Beijing).Format(time.RFC3339); o.Period.Label() != c.wantPeriod || at != c.wantAsOf {
			t.Errorf("%+v: %s as of %s", c, o.Period.Label(), at)
		}
	}
}

// TestSettle: what a browser writes by its own count and clock is the same in the
// end, and no longer.
func TestSettle(t *testing.T) {
	page := func(first int, date string) []byte {
		return fmt.Appendf(nil, "/ID (node%08d)>> /Headers [(node%08d) (node%08d)] /Names [(node%08d) 1 0 R (node%08d) 2 0 R] /CreationDate (D:%s+00'00')",
			first, first, first+2, first, first+2, date)
	}
	one, err := settle(page(345, "20261125140000"), made)
	must(t, err)
	two, err := settle(page(98_765, "20261126150001"), made)
	must(t, err)
	want := "/ID (node00000001)>> /Headers [(node00000001) (node00000002)] /Names [(node00000001) 1 0 R (node00000002) 2 0 R] /CreationDate (D:20261120040000+00'00')"
	if string(one) != want || string(two) != want {
		t.Errorf("%s\n%s", one, two)
	}
	if _, err := settle([]byte("%PDF"), made); !errors.Is(err, errNoDate) {
		t.Errorf("without a date: %v", err)
	}
}
