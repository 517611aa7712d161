// The tests of this file use the program as a person does: the binary, built
// once, with files, a fresh data folder and nothing else. Real data is read from
// ../shared/data; ../shared/data/README.md states the figures.
package main_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded"
	"youzhi/deploy/process/processtest"
	"youzhi/metrics/catalogue"
)

// patience is the longest that any one command may take.
const patience = 2 * time.Minute

// What TestMain prepares.
var (
	program string // the binary
	engine  string // the engine's file, empty if it is missing
	missing error  // why engine is empty
	shelf   string // folder of what the tests share
)

func TestMain(m *testing.M) {
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (code int, err error) {
	if shelf, err = os.MkdirTemp("", "youzhi-main-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(shelf)) }()
	if err := processtest.Sources("."); err != nil {
		return 0, err
	}
	program = filepath.Join(shelf, "youzhi")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the program: %w\n%s", err, text)
	}
	engine, missing = embedded.EnginePath()
	if missing == nil {
		engine, err = filepath.Abs(engine)
	}
	return m.Run(), err
}

// need skips a test for what this machine lacks; where the variable CI is set,
// nothing may be lacking.
func need(t testing.TB, lacking error) {
	t.Helper()
	switch {
	case lacking == nil:
	case os.Getenv("CI") != "":
		t.Fatal(lacking)
	default:
		t.Skip(lacking)
	}
}

// sample is the full name of a file or folder of the real data.
func sample(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../shared/data", name))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(path)
	need(t, err)
	return path
}

func mapping(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("deploy/mappings", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// desk is a person's working folder.
type desk struct {
	testing.TB
	dir string
	// env is all of the environment.
	env []string
}

func newDesk(t testing.TB, settings ...string) *desk {
	t.Helper()
	// No figure depends on the machine's zone, so take one that nobody has in mind.
	env := []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "TZ=Pacific/Marquesas"}
	if engine != "" {
		env = append(env, embedded.EngineVariable+"="+engine)
	}
	for _, setting := range settings {
		// A name alone takes the variable away, a later value replaces an earlier one.
		name, _, given := strings.Cut(setting, "=")
		env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		if given {
			env = append(env, setting)
		}
	}
	return &desk{t, t.TempDir(), env}
}

// withEngine is a desk for commands that open a data folder.
func withEngine(t testing.TB, settings ...string) *desk {
	t.Helper()
	need(t, missing)
	return newDesk(t, settings...)
}

func (d *desk) write(name, text string) string {
	d.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
	return path
}

// process is a command that runs.
type process struct {
	*desk
	command  *exec.Cmd
	out, err *buffer
	ended    chan struct{}
}

// buffer is written by a process and read by a test.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (d *desk) start(args ...string) *process {
	d.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	p := &process{desk: d, command: exec.CommandContext(ctx, program, args...), out: new(buffer), err: new(buffer), ended: make(chan struct{})}
	p.command.Dir, p.command.Env = d.dir, d.env
	p.command.Stdout, p.command.Stderr = p.out, p.err
	if err := p.command.Start(); err != nil {
		cancel()
		d.Fatal(err)
	}
	go func() {
		defer cancel()
		_ = p.command.Wait() // ProcessState tells how it ended
		close(p.ended)
	}()
	d.Cleanup(func() {
		_ = p.command.Process.Kill() // mostly it has ended
		<-p.ended
	})
	return p
}

// until waits for something that a running process does.
func (p *process) until(what string, done func() bool) {
	p.Helper()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-p.ended:
			if done() {
				return
			}
			p.Fatalf("%v ended before %s\n%s", p.command.Args, what, p.err)
		case <-deadline:
			p.Fatalf("%v: no %s\n%s", p.command.Args, what, p.err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks a process to end, which it must do in order.
func (p *process) stop() {
	p.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	<-p.ended
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.Errorf("%v, told to stop: exit code %d (%s)\n%s", p.command.Args, code, p.command.ProcessState, p.err)
	}
}

// outcome is how a command ended.
type outcome struct {
	code     int
	out, err string
}

func (d *desk) run(args ...string) outcome {
	d.Helper()
	p := d.start(args...)
	<-p.ended
	return outcome{p.command.ProcessState.ExitCode(), p.out.String(), p.err.String()}
}

// must runs a command that has to succeed.
func (d *desk) must(args ...string) string {
	d.Helper()
	o := d.run(args...)
	if o.code != 0 {
		d.Fatalf("youzhi %s: exit code %d\n%s\n%s", strings.Join(args, " "), o.code, o.out, o.err)
	}
	return o.out
}

// complaints are the lines on stderr that are neither log nor progress.
func (o outcome) complaints() []string {
	var lines []string
	for line := range strings.Lines(o.err) {
		if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "import ") && !strings.HasPrefix(line, "waiting for ingest: ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// fails runs a command that has to fail: one line on stderr that says all of
// want, no word of the program's inside.
func (d *desk) fails(want []string, args ...string) outcome {
	d.Helper()
	o := d.run(args...)
	d.refused(o, want, args...)
	return o
}

func (d *desk) refused(o outcome, want []string, args ...string) {
	d.Helper()
	name := "youzhi " + strings.Join(args, " ")
	if o.code != 1 {
		d.Errorf("%s: exit code %d, want 1\n%s", name, o.code, o.out)
	}
	said := o.complaints()
	if len(said) != 1 || !strings.HasPrefix(said[0], "youzhi: ") || len(said[0]) > 2000 {
		d.Errorf("%s: want one clear line, got\n%s", name, strings.Join(said, "\n"))
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(said, "\n"), w) {
			d.Errorf("%s: want %q in\n%s", name, w, strings.Join(said, "\n"))
		}
	}
	for _, inside := range []string{"panic", "goroutine ", ".go:", "context canceled", "0x", "[HTTP", "SELECT "} {
		if strings.Contains(o.err, inside) {
			d.Errorf("%s: %q in\n%s", name, inside, o.err)
		}
	}
}

// nothing says that a folder or file was not made.
func (d *desk) nothing(name string) {
	d.Helper()
	if _, err := os.Stat(filepath.Join(d.dir, name)); !errors.Is(err, fs.ErrNotExist) {
		d.Errorf("%s was made: %v", name, err)
	}
}

// fixture is a data folder that tests copy, made by the first that needs it.
type fixture struct {
	name string
	make func(d *desk, folder string) string
	once sync.Once
	said string
	ok   bool
}

// copy puts a copy of a closed data folder on the desk.
func (f *fixture) copy(d *desk, name string) string {
	d.Helper()
	f.prepare(d)
	if err := os.CopyFS(filepath.Join(d.dir, name), os.DirFS(filepath.Join(shelf, f.name))); err != nil {
		d.Fatal(err)
	}
	return name
}

// prepare gives what the commands said that made the folder.
func (f *fixture) prepare(d *desk) string {
	d.Helper()
	f.once.Do(func() {
		f.said = f.make(d, filepath.Join(shelf, f.name))
		f.ok = true
	})
	if !f.ok {
		d.Fatalf("the data folder %s could not be made", f.name)
	}
	return f.said
}

var (
	olist = &fixture{name: "olist", make: func(d *desk, folder string) string {
		return d.must("import", "--data", folder, "--map", mapping(d, "olist.yaml"), sample(d, "olist"))
	}}
	requests = &fixture{name: "requests311", make: func(d *desk, folder string) string {
		return d.must("import", "--data", folder, "--map", mapping(d, "requests311.yaml"), sample(d, "requests311/requests.csv"))
	}}
	// both holds the two sets, imported once and in the order of their files.
	both = &fixture{name: "both", make: func(d *desk, folder string) string {
		olist.prepare(d)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(shelf, olist.name))); err != nil {
			d.Fatal(err)
		}
		return d.must("import", "--data", folder, "--map", mapping(d, "requests311.yaml"), sample(d, "requests311/requests.csv"))
	}}
)

// figure is the JSON form of an answer. Nothing may be missing or more.
type figure struct {
	Key         string            `json:"key"`
	Revision    int               `json:"revision"`
	From        string            `json:"from"`
	To          string            `json:"to"`
	AsOf        time.Time         `json:"as_of"`
	By          map[string]string `json:"by"`
	Numerator   *float64          `json:"numerator"`
	Denominator *float64          `json:"denominator"`
	Pending     *int64            `json:"pending"`
	Excluded    *int64            `json:"excluded"`
	Unknown     *int64            `json:"unknown"`
	Value       *float64          `json:"value"`
	Unit        string            `json:"unit"`
	Interval    *struct {
		Lower  float64 `json:"lower"`
		Upper  float64 `json:"upper"`
		Method string  `json:"method"`
	} `json:"interval"`
	Target *float64 `json:"target"`
	Status string   `json:"status"`
}

// String writes what the figures to reach are stated in; - is null.
func (f figure) String() string {
	float := func(v *float64, digits int) string {
		if v == nil {
			return "-"
		}
		return strconv.FormatFloat(*v, 'f', digits, 64)
	}
	whole := func(v *int64) string {
		if v == nil {
			return "-"
		}
		return strconv.FormatInt(*v, 10)
	}
	return fmt.Sprintf("%s %s/%s excluded %s unknown %s pending %s = %s", f.Key,
		float(f.Numerator, -1), float(f.Denominator, -1), whole(f.Excluded), whole(f.Unknown), whole(f.Pending), float(f.Value, 6))
}

// kpi asks for figures as JSON.
func (d *desk) kpi(folder string, args ...string) ([]figure, string) {
	d.Helper()
	text := d.must(append([]string{"kpi", "--data", folder, "--format", "json"}, args...)...)
	var figures []figure
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&figures); err != nil {
		d.Fatalf("kpi %v: %v\n%s", args, err, text)
	}
	for i, raw := range rawObjects(d, text) {
		if want := 16; len(raw) != want {
			d.Errorf("figure %d has %d fields, want %d: %v", i, len(raw), want, slices.Sorted(maps.Keys(raw)))
		}
	}
	return figures, text
}

func rawObjects(t testing.TB, text string) (objects []map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &objects); err != nil {
		t.Fatal(err)
	}
	return objects
}

func (d *desk) expect(got []figure, want ...string) {
	d.Helper()
	var lines []string
	for _, f := range got {
		lines = append(lines, f.String())
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		d.Errorf("figures (-want +got):\n%s", diff)
	}
}

// Questions of ../shared/data/README.md.
var (
	olistAsOf    = []string{"--from", "2016-01-01", "--to", "2019-01-02", "--as-of", "2019-01-01T00:00:00-03:00"}
	requestsAsOf = []string{"--from", "2010-01-01", "--to", "2019-03-02", "--as-of", "2019-03-01T00:00:00-05:00"}
)

// Answers of the same page.
const (
	onTime      = "on_time_delivery_rate 2348/3434 excluded 663 unknown 5 pending 0 = 0.683751"
	onTimeByDay = "on_time_delivery_rate_by_day 2354/3434 excluded 663 unknown 5 pending 0 = 0.685498"
	top2        = "satisfaction_top2_rate 2271/4144 excluded 0 unknown 0 pending 0 = 0.548021"
	score100    = "satisfaction_score_100 233525/4144 excluded 0 unknown 0 pending 0 = 56.352558"
	overdueOpen = "overdue_open_cases 874/- excluded - unknown - pending - = 874.000000"
	ticketsDue  = "ticket_on_time_rate 4011/4876 excluded 0 unknown 0 pending 0 = 0.822600"
)

// books are the sums of a printed reconciliation.
type books struct{ consumed, rows, duplicates, quarantined, gone, missing int64 }

// readBooks checks each line of a printed reconciliation and their sum.
func readBooks(t testing.TB, text string) books {
	t.Helper()
	line := regexp.MustCompile(`(?m)^ *(youzhi\.[a-z]+\.v1 +\d+|all) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) *$`)
	var sum, all books
	partitions := 0
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		var n [6]int64
		for i := range n {
			var err error
			if n[i], err = strconv.ParseInt(m[2+i], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		b := books{n[0], n[1], n[2], n[3], n[4], n[5]}
		if b.consumed != b.rows+b.duplicates+b.quarantined+b.gone {
			t.Errorf("the line does not add up: %s", m[0])
		}
		if m[1] == "all" {
			all = b
			continue
		}
		partitions++
		sum = books{sum.consumed + b.consumed, sum.rows + b.rows, sum.duplicates + b.duplicates, sum.quarantined + b.quarantined, sum.gone + b.gone, sum.missing + b.missing}
	}
	if partitions == 0 || sum != all {
		t.Errorf("%d partitions add up to %+v, the sum says %+v in\n%s", partitions, sum, all, text)
	}
	return all
}

const addUp = "The books add up: consumed = rows + duplicates + quarantined + gone."

// sqlServer is `youzhi clickhouse` on a data folder, asked over HTTP.
type sqlServer struct {
	*process
	url string
}

func (d *desk) serve(folder string) *sqlServer {
	d.Helper()
	s := &sqlServer{process: d.start("clickhouse", "--data", folder, "--listen", "127.0.0.1:0")}
	address := regexp.MustCompile(`http://127\.0\.0\.1:[1-9]\d*`)
	s.until("address on stdout", func() bool { return address.MatchString(s.out.String()) })
	s.url = address.FindString(s.out.String())
	return s
}

// ask gives an answer in ClickHouse's tab-separated form.
func (s *sqlServer) ask(statement string) string {
	s.Helper()
	response, err := http.Post(s.url+"/?database=youzhi", "text/plain", strings.NewReader(statement))
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s %v\n%.2000s", statement, response.Status, err, text)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// derived are the tables that are made from events, without what tells when and
// in how many runs they were made.
var derived = map[string]string{
	"cases":          "SELECT * EXCEPT (version) FROM cases FINAL",
	"tickets":        "SELECT * EXCEPT (version) FROM tickets FINAL",
	"surveys":        "SELECT * EXCEPT (version) FROM surveys FINAL",
	"subjects":       "SELECT edition, base, subject, keys, parents, region, outlet, product, channel, direction, customer_type, customer_tier, special_need, area_type, received_at, duplicate_of FROM subjects FINAL",
	"links":          "SELECT * EXCEPT (version) FROM links FINAL",
	"facts":          "SELECT * EXCEPT (version) FROM facts FINAL WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0",
	"totals":         "SELECT * EXCEPT (version) FROM totals FINAL WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0",
	"reported_steps": "SELECT * EXCEPT (version) FROM reported_steps FINAL WHERE units != 0",
	"conflicts":      "SELECT * EXCEPT (version) FROM conflicts FINAL",
	"events":         "SELECT subject, day, source, id, hex(content_hash), type, time, data FROM events_cases GROUP BY ALL UNION ALL SELECT subject, day, source, id, hex(content_hash), type, time, data FROM events_complaints GROUP BY ALL UNION ALL SELECT subject, day, source, id, hex(content_hash), type, time, data FROM events_surveys GROUP BY ALL",
}

var allTables = slices.Sorted(maps.Keys(derived))

// holding is what a data folder says: derived rows by table, answers by question.
type holding struct {
	rows    map[string]string
	answers map[string]string
}

// hold reads the derived rows of a data folder.
func (d *desk) hold(folder string, tables ...string) holding {
	d.Helper()
	s := d.serve(folder)
	defer s.stop()
	return s.hold(tables...)
}

func (s *sqlServer) hold(tables ...string) holding {
	s.Helper()
	h := holding{rows: map[string]string{}, answers: map[string]string{}}
	for _, name := range tables {
		h.rows[name] = s.ask("SELECT * FROM (" + derived[name] + ") ORDER BY ALL")
	}
	return h
}

// holdAll reads all derived rows, and answers beside the process that holds the folder.
func (d *desk) holdAll(folder string) holding {
	d.Helper()
	s := d.serve(folder)
	defer s.stop()
	h := s.hold(allTables...)
	cat, err := catalogue.Load("")
	if err != nil {
		d.Fatal(err)
	}
	// Open cases grow later from one fold to the next.
	var moving, still []string
	for _, ind := range cat.All() {
		if strings.HasPrefix(ind.Key, "delivery_delay_hours_") {
			moving = append(moving, ind.Key)
		} else {
			still = append(still, ind.Key)
		}
	}
	for _, question := range []string{
		"on_time_delivery_rate on_time_delivery_rate_by_day satisfaction_score_100 --by region --grain year " + strings.Join(olistAsOf, " "),
		"ticket_on_time_rate complaint_rate_p10k " + strings.Join(requestsAsOf, " "),
		strings.Join(still, " ") + " --from 2010-01-01 --to 2020-01-01",
		strings.Join(moving, " ") + " " + strings.Join(olistAsOf, " "),
		"on_time_delivery_rate satisfaction_top2_rate ticket_on_time_rate --from 2010-01-01 --to 2020-01-01 --by region --by channel --grain month",
	} {
		_, text := d.kpi(folder, strings.Fields(question)...)
		if !strings.Contains(question, "--as-of") {
			// Live figures are as of the last fold, which every folder had at another instant.
			text = regexp.MustCompile(`"as_of": "[^"]*"`).ReplaceAllString(text, `"as_of": "now"`)
		}
		h.answers[question] = text
	}
	return h
}

// same compares what got has with want and shows the first rows that differ.
func (d *desk) same(want, got holding) {
	d.Helper()
	compare := func(name, want, got string) {
		d.Helper()
		if want == got {
			return
		}
		w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
		for i := range max(len(w), len(g)) {
			if i >= len(w) || i >= len(g) || w[i] != g[i] {
				d.Errorf("%s: %d rows, want %d, from row %d on other ones:\nwant %.1500s\n got %.1500s", name, len(g), len(w), i+1,
					strings.Join(w[min(i, len(w)):min(i+2, len(w))], "\n     "), strings.Join(g[min(i, len(g)):min(i+2, len(g))], "\n     "))
				return
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.rows)) {
		compare(name, want.rows[name], got.rows[name])
	}
	for _, name := range slices.Sorted(maps.Keys(got.answers)) {
		compare("kpi "+name, want.answers[name], got.answers[name])
	}
}

// reference is what the two sets, imported once, say.
var reference struct {
	once sync.Once
	ok   bool
	holding
}

func (d *desk) reference() holding {
	d.Helper()
	reference.once.Do(func() {
		reference.holding = d.holdAll(both.copy(d, "reference"))
		reference.ok = true
	})
	if !reference.ok {
		d.Fatal("the reference could not be made")
	}
	return reference.holding
}

func TestCommands(t *testing.T) {
	t.Parallel()
	d := withEngine(t)

	said := olist.prepare(d)
	if got, want := readBooks(t, said), (books{consumed: 22896, rows: 22896}); got != want || !strings.Contains(said, addUp) {
		t.Errorf("books of olist: %+v, want %+v\n%s", got, want, said)
	}
	D := olist.copy(d, "D")
	figures, _ := d.kpi(D, append([]string{"on_time_delivery_rate", "satisfaction_top2_rate"}, olistAsOf...)...)
	d.expect(figures, onTime, top2)
	for _, f := range figures {
		if f.From != "2016-01-01" || f.To != "2019-01-02" || !f.AsOf.Equal(time.Date(2019, 1, 1, 3, 0, 0, 0, time.UTC)) || len(f.By) != 0 {
			t.Errorf("%s is of %s to %s by %v, as of %s", f.Key, f.From, f.To, f.By, f.AsOf)
		}
		if f.Interval == nil || f.Interval.Method != "wilson" || f.Interval.Lower >= *f.Value || f.Interval.Upper <= *f.Value {
			t.Errorf("%s: interval %+v", f.Key, f.Interval)
		}
		if f.Status != "missed" || f.Revision != 1 || f.Unit != "rate" {
			t.Errorf("%s: status %s, revision %d, unit %s", f.Key, f.Status, f.Revision, f.Unit)
		}
	}

	said = requests.prepare(d)
	if got, want := readBooks(t, said), (books{consumed: 9959, rows: 9959}); got != want || !strings.Contains(said, addUp) {
		t.Errorf("books of requests311: %+v, want %+v\n%s", got, want, said)
	}
	E := requests.copy(d, "E")
	figures, _ = d.kpi(E, append([]string{"ticket_on_time_rate"}, requestsAsOf...)...)
	d.expect(figures, ticketsDue)
}

// Every other line of the page, from the rows that are stored.
func TestStoredRows(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := both.copy(d, "data")
	s := d.serve(folder)
	for _, q := range []struct{ name, sql, want string }{
		{"orders", "SELECT count() FROM subjects FINAL WHERE edition = 'live' AND base = 'cases'", "4102"},
		{"excluded", "SELECT excluded, count() FROM cases FINAL WHERE edition = 'live' AND anchor = 'promise' AND excluded != '' GROUP BY ALL", "cancelled\t663"},
		{"unknown", "SELECT count() FROM cases FINAL WHERE edition = 'live' AND anchor = 'promise' AND unknown", "5"},
		{"in time, late, open and overdue",
			`SELECT countIf(done_at <= due_at), countIf(done_at > due_at), countIf(done_at IS NULL AND open AND due_at < '2019-01-01 03:00:00')
			FROM cases FINAL WHERE edition = 'live' AND anchor = 'promise' AND excluded = '' AND NOT unknown`, "2348\t212\t874"},
		{"among the delivered only",
			"SELECT countIf(done_at <= due_at), count(), round(countIf(done_at <= due_at) / count(), 6) FROM cases FINAL WHERE edition = 'live' AND anchor = 'promise' AND excluded = '' AND NOT unknown AND done_at IS NOT NULL",
			"2348\t2560\t0.917188"},
		{"among the delivered only, by Beijing day",
			`SELECT countIf(toDate(delivered_at, 'Asia/Shanghai') <= toDate(promised_at, 'Asia/Shanghai')) AS n, count(), round(n / count(), 6)
			FROM cases FINAL WHERE edition = 'live' AND anchor = 'promise_day' AND excluded = '' AND NOT unknown AND done_at IS NOT NULL`, "2354\t2560\t0.919531"},
		{"no seller", "SELECT countIf(outlet = 'unknown') FROM cases FINAL WHERE edition = 'live' AND anchor = 'accepted'", "415"},
		{"constants", "SELECT DISTINCT product, channel, direction FROM cases FINAL WHERE edition = 'live' AND anchor = 'accepted'", "e_comm\tonline\tdomestic"},
		{"stars", "SELECT groupArray(n) FROM (SELECT score, count() AS n FROM surveys FINAL WHERE edition = 'live' AND anchor = 'answered' GROUP BY score ORDER BY score)", "[1357,191,325,584,1687]"},
		{"reviews", "SELECT uniqExact(subject) FROM surveys FINAL WHERE edition = 'live' AND anchor = 'answered'", "4144"},
		{"repeated review_id", "SELECT count() FROM (SELECT substring(subject, 1, 32) AS review FROM surveys FINAL WHERE edition = 'live' AND anchor = 'answered' GROUP BY review HAVING count() > 1)", "8"},
		{"orders with several reviews", "SELECT count() FROM (SELECT case_id FROM surveys FINAL WHERE edition = 'live' AND anchor = 'answered' GROUP BY case_id HAVING count() > 1)", "40"},
		{"mean of the stars", "SELECT round(avg(score), 6) FROM surveys FINAL WHERE edition = 'live' AND anchor = 'answered'", "3.254102"},

		{"requests", "SELECT count() FROM tickets FINAL WHERE edition = 'live' AND anchor = 'received'", "5032"},
		{"due, replied in time, open and overdue",
			`WITH toDateTime64('2019-03-01 05:00:00', 6, 'UTC') AS at
			SELECT countIf(due_at <= at), countIf(due_at <= at AND done_at <= due_at), countIf(due_at <= at AND ifNull(done_at > at, true))
			FROM tickets FINAL WHERE edition = 'live' AND anchor = 'ticket_due'`, "4876\t4011\t75"},
		{"neighbourhood unknown", "SELECT countIf(region = 'unknown') FROM tickets FINAL WHERE edition = 'live' AND anchor = 'received'", "388"},
		{"kind", "SELECT DISTINCT kind FROM tickets FINAL WHERE edition = 'live' AND anchor = 'received'", "complaint"},
		{"nothing in quarantine", "SELECT count() FROM quarantine", "0"},
		{"no past as_of is left behind", "SELECT uniqExact(edition) FROM subjects", "1"},
	} {
		if got := s.ask(q.sql); got != q.want {
			t.Errorf("%s: %s, want %s", q.name, got, q.want)
		}
	}
	s.stop()
	figures, _ := d.kpi(folder, append([]string{"on_time_delivery_rate", "on_time_delivery_rate_by_day", "overdue_open_cases", "satisfaction_top2_rate", "satisfaction_score_100"}, olistAsOf...)...)
	d.expect(figures, onTime, onTimeByDay, overdueOpen, top2, score100)
	figures, _ = d.kpi(folder, "ticket_on_time_rate", "--from", "2010-01-01", "--to", "2019-03-02", "--as-of", "2019-03-01T00:00:00-05:00", "--where", "region=unknown")
	if len(figures) != 1 || figures[0].Denominator == nil || *figures[0].Denominator <= 0 || *figures[0].Denominator > 388 {
		t.Errorf("tickets of unknown neighbourhood: %v", figures)
	}
}

// table is a CSV file.
type table struct {
	head []string
	rows [][]string
}

func readTable(t testing.TB, name string) table {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table{rows[0], rows[1:]}
}

func (d *desk) writeTable(name string, head []string, rows [][]string) {
	d.Helper()
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	if err := out.WriteAll(append([][]string{head}, rows...)); err != nil {
		d.Fatal(err)
	}
	d.write(name, text.String())
}

// The files whose rows become events, and those that are looked up in.
var (
	eventFiles  = []string{"olist/olist_orders_dataset.csv", "olist/olist_order_reviews_dataset.csv", "requests311/requests.csv"}
	lookupFiles = []string{"olist/olist_customers_dataset.csv", "olist/olist_order_items_dataset.csv"}
)

// cut writes the real data into n folders in an order of its own: the rows of
// the event files dealt out, the look-ups whole in each.
func (d *desk) cut(seed uint64, n int) (folders []string) {
	d.Helper()
	random := rand.New(rand.NewPCG(seed, seed))
	for _, name := range slices.Concat(eventFiles, lookupFiles) {
		whole := readTable(d, sample(d, name))
		random.Shuffle(len(whole.rows), func(i, j int) { whole.rows[i], whole.rows[j] = whole.rows[j], whole.rows[i] })
		for i := range n {
			from, to := i*len(whole.rows)/n, (i+1)*len(whole.rows)/n
			if slices.Contains(lookupFiles, name) {
				from, to = 0, len(whole.rows)
			}
			d.writeTable(fmt.Sprintf("cut%d/%s", i+1, name), whole.head, whole.rows[from:to])
		}
	}
	for i := range n {
		folders = append(folders, fmt.Sprintf("cut%d", i+1))
	}
	return folders
}

// importBoth imports the two sets of a folder and gives the books of the second.
func (d *desk) importBoth(folder, input string) books {
	d.Helper()
	d.must("import", "--data", folder, "--map", mapping(d, "olist.yaml"), filepath.Join(input, "olist"))
	said := d.must("import", "--data", folder, "--map", mapping(d, "requests311.yaml"), filepath.Join(input, "requests311"))
	if !strings.Contains(said, addUp) {
		d.Errorf("import of %s:\n%s", input, said)
	}
	return readBooks(d, said)
}

const eventsOfBoth = 22896 + 9959

func TestShuffled(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	got := d.importBoth("data", d.cut(311, 1)[0])
	if want := (books{consumed: eventsOfBoth, rows: eventsOfBoth}); got != want {
		t.Errorf("books %+v, want %+v", got, want)
	}
	d.same(d.reference(), d.holdAll("data"))
}

func TestTwice(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := both.copy(d, "data")
	got := d.importBoth(folder, filepath.Dir(sample(t, "olist")))
	if want := (books{consumed: 2 * eventsOfBoth, rows: eventsOfBoth, duplicates: eventsOfBoth}); got != want {
		t.Errorf("books %+v, want %+v", got, want)
	}
	d.same(d.reference(), d.holdAll(folder))
}

// Each import ends with a fold.
func TestFiveImports(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	var got books
	for _, input := range d.cut(5, 5) {
		got = d.importBoth("data", input)
	}
	if want := (books{consumed: eventsOfBoth, rows: eventsOfBoth}); got != want {
		t.Errorf("books %+v, want %+v", got, want)
	}
	d.same(d.reference(), d.holdAll("data"))
}

func TestReconcileNamesALostRow(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := olist.copy(d, "data")
	s := d.serve(folder)
	if said := d.must("reconcile", "--data", folder); !strings.Contains(said, addUp) || readBooks(t, said).rows != 22896 {
		t.Errorf("before:\n%s", said)
	}
	place := strings.Split(s.ask("SELECT partition, offset FROM events_cases ORDER BY sipHash64(offset) LIMIT 1"), "\t")
	s.ask(fmt.Sprintf("ALTER TABLE events_cases DELETE WHERE partition = %s AND offset = %s SETTINGS mutations_sync = 1", place[0], place[1]))
	o := d.fails([]string{"the books do not add up"}, "reconcile", "--data", folder)
	if want := fmt.Sprintf("missing: topic youzhi.cases.v1, partition %s, offset %s\n", place[0], place[1]); !strings.Contains(o.out, want) || strings.Count(o.out, "missing:") != 1 {
		t.Errorf("want %q once in\n%s", want, o.out)
	}
	if strings.Contains(o.out, addUp) {
		t.Errorf("the books add up all the same:\n%s", o.out)
	}
	s.stop()
	// Without another process, and for an import, the fault stays one.
	d.fails([]string{"the books do not add up"}, "reconcile", "--data", folder)
}

// While one process holds the folder, the others work beside it.
func TestBesideAnotherProcess(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := requests.copy(d, "data")
	question := append([]string{"ticket_on_time_rate"}, requestsAsOf...)
	_, alone := d.kpi(folder, question...)
	all := d.start("all", "--data", folder, "--listen", "127.0.0.1:0")
	all.until("holder.json", func() bool {
		_, err := os.Stat(filepath.Join(d.dir, folder, "holder.json"))
		return err == nil
	})
	if _, beside := d.kpi(folder, question...); beside != alone {
		t.Errorf("beside another process:\n%s\nalone:\n%s", beside, alone)
	}
	d.fails([]string{"rebuild", "another process holds the data folder"}, "rebuild", "--data", folder)
	d.fails([]string{"jobs run", "another process holds the data folder"}, "jobs", "run", "fold", "--data", folder)
	said := d.must("import", "--data", folder, "--map", mapping(t, "olist.yaml"), sample(t, "olist"))
	if got, want := readBooks(t, said), (books{consumed: eventsOfBoth, rows: eventsOfBoth}); got != want || !strings.Contains(said, addUp) {
		t.Errorf("books %+v, want %+v\n%s", got, want, said)
	}
	if said := d.must("reconcile", "--data", folder); !strings.Contains(said, addUp) {
		t.Errorf("reconcile beside:\n%s", said)
	}
	// The running jobs fold what came in.
	all.until("figures of what came in", func() bool {
		figures, _ := d.kpi(folder, "overdue_open_cases", "satisfaction_top2_rate", "--from", "2016-01-01", "--to", "2019-01-02")
		return slices.Equal([]string{overdueOpen, top2}, []string{figures[0].String(), figures[1].String()})
	})
	all.stop()
	// A fold that was cut off is done again.
	figures, _ := d.kpi(folder, "overdue_open_cases", "--from", "2016-01-01", "--to", "2019-01-02")
	d.expect(figures, overdueOpen)
	d.same(d.reference(), d.hold(folder, allTables...))
}

// A process that is killed leaves nothing that a second import does not mend.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	arguments := []string{"import", "--data", "data", "--map", mapping(t, "olist.yaml"), sample(t, "olist")}
	size := func() (n int64) {
		// Files come and go while the process runs.
		_ = filepath.WalkDir(filepath.Join(d.dir, "data", "kafka"), func(_ string, entry fs.DirEntry, err error) error {
			if err == nil {
				if info, err := entry.Info(); err == nil {
					n += info.Size()
				}
			}
			return nil
		})
		return n
	}
	for _, moment := range []struct {
		what    string
		reached func(p *process, before int64) bool
	}{
		{"half of the messages in the log", func(_ *process, before int64) bool { return size()-before > 3<<20 }},
		{"all messages sent", func(p *process, _ int64) bool { return strings.Contains(p.err.String(), " 100 %") }},
	} {
		before := size()
		p := d.start(arguments...)
		p.until(moment.what, func() bool { return moment.reached(p, before) })
		if err := p.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		if code := p.command.ProcessState.ExitCode(); code != -1 {
			t.Fatalf("%s: the import ended by itself, with exit code %d", moment.what, code)
		}
	}
	said := d.must(arguments...)
	got := readBooks(t, said)
	if got.rows != 22896 || got.duplicates == 0 || got.missing != 0 || got.quarantined != 0 || !strings.Contains(said, addUp) {
		t.Errorf("books after two kills: %+v\n%s", got, said)
	}
	figures, _ := d.kpi("data", append([]string{"on_time_delivery_rate", "satisfaction_top2_rate"}, olistAsOf...)...)
	d.expect(figures, onTime, top2)
	d.same(d.reference(), d.hold("data", "cases", "surveys"))
}

// What was published stays, through new data and through a rebuild, which makes
// everything derived again as it was.
func TestPublishedAndRebuilt(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	first := d.cut(2, 2)[0]
	d.must("import", "--data", "data", "--map", mapping(t, "olist.yaml"), filepath.Join(first, "olist"))
	publish := []string{"jobs", "run", "snapshot-daily", "--data", "data", "--at", "2018-08-14T04:30:00+08:00"}
	keys := []string{"on_time_delivery_rate", "satisfaction_top2_rate"}
	day := append(slices.Clone(keys), "--from", "2018-08-13", "--to", "2018-08-14")
	d.must(publish...)
	// What is due for a day long past is published when it is, not then.
	s := d.serve("data")
	today := s.ask("SELECT toString(toDate(min(published_at), 'Asia/Shanghai')) FROM snapshots")
	s.stop()
	for _, never := range []string{"2018-08-13", "2018-08-14"} {
		if figures, _ := d.kpi("data", append(slices.Clone(keys), "--published", never)...); len(figures) != 0 {
			t.Errorf("published on %s: %v", never, figures)
		}
	}
	published := append(slices.Clone(keys), "--published", today)
	figures, before := d.kpi("data", published...)
	live, _ := d.kpi("data", day...)
	if len(figures) != 2 || figures[0].String() != live[0].String() || figures[1].String() != live[1].String() {
		t.Errorf("published %v, calculated %v", figures, live)
	}
	for _, f := range figures {
		if f.From != "2018-08-13" || f.To != "2018-08-14" || f.Denominator == nil || *f.Denominator < 1 {
			t.Errorf("published %+v", f)
		}
	}
	_, split := d.kpi("data", append(published, "--by", "region")...)

	count := func() string {
		s := d.serve("data")
		defer s.stop()
		return s.ask("SELECT count(), uniqExact(key), min(published_at), max(published_at) FROM snapshots")
	}
	once := count()
	d.must(publish...)
	if twice := count(); twice != once {
		t.Errorf("a second run changed what was published from %s to %s", once, twice)
	}

	// The rest of the day's orders arrives, then all is made again.
	d.importBoth("data", filepath.Dir(sample(t, "olist")))
	live, _ = d.kpi("data", day...)
	if *live[0].Denominator <= *figures[0].Denominator {
		t.Errorf("the day did not change: %v", live)
	}
	d.must("rebuild", "--data", "data")
	d.same(d.reference(), d.hold("data", allTables...))
	if _, after := d.kpi("data", published...); after != before {
		t.Errorf("published is now\n%s\nwas\n%s", after, before)
	}
	if _, after := d.kpi("data", append(published, "--by", "region")...); after != split {
		t.Errorf("published by region is now\n%s\nwas\n%s", after, split)
	}
}

// A new phase is refused with its reason; what is refused is not kept.
func TestPhase(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := olist.copy(d, "data")
	start := []string{"phase", "start", "--data", folder, "--indicator", "on_time_delivery_rate", "--author", "quality", "--reason", "a new line"}
	d.fails([]string{"new phase: only a change that is expected to last"}, append(start, "--day", "2018-03-05")...)
	d.fails([]string{"new phase: on_time_delivery_rate has no data there"}, append(start, "--day", "2018-03-05", "--expected-to-last", "--where", "region=11")...)
	d.fails([]string{"the chart by month shows 16 points before 2018-03-05 (want 12), 6 from it on", "no shift of seven points"}, append(start, "--day", "2018-03-05", "--expected-to-last")...)
	d.fails([]string{"--day", "2018-13-05"}, append(start, "--day", "2018-13-05")...)
	d.fails([]string{`--where "region": want DIMENSION=VALUE`}, append(start, "--day", "2018-03-05", "--where", "region")...)
	d.fails([]string{"new phase: on_time_delivery_rate has none on 2018-03-05 in this scope"}, "phase", "withdraw", "--data", folder, "--indicator", "on_time_delivery_rate", "--day", "2018-03-05", "--author", "quality")
	if said := d.must("phase", "list", "--data", folder); strings.TrimSpace(said) != "" {
		t.Errorf("phases in force: %s", said)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	samples, err := filepath.Glob("ingest/event/testdata/cn.*/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var good, bad bytes.Buffer
	var want []string
	n := 0
	for _, name := range samples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(filepath.Base(name), "good-") {
			n++
			if err := json.Compact(&good, text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			good.WriteByte('\n')
			continue
		}
		if err := json.Compact(&bad, text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bad.WriteByte('\n')
		code := strings.Split(filepath.Base(name), "-")[1]
		want = append(want, fmt.Sprintf("bad.ndjson: line %d: %s: ", len(want)+1, strings.TrimSuffix(code, ".json")))
	}
	d.write("good.ndjson", good.String())
	if got := d.must("validate", "good.ndjson"); !strings.HasPrefix(got, fmt.Sprintf("%d events, 0 bad\n", n)) || strings.Count(got, "  good cn.post.") != 50 {
		t.Errorf("good samples:\n%s", got)
	}
	d.write("bad.ndjson", bad.String())
	o := d.fails([]string{"bad.ndjson", "contract"}, "validate", "bad.ndjson")
	found, sums, _ := strings.Cut(o.out, fmt.Sprintf("\n%d events, %d bad\n", len(want), len(want)))
	lines := strings.Split(found, "\n")
	if len(lines) != len(want) || !strings.Contains(sums, "  bad range: ") || strings.Contains(sums, "  good ") {
		t.Errorf("%d lines for %d bad samples, then\n%s", len(lines), len(want), sums)
	}
	for i, w := range want[:min(len(want), len(lines))] {
		if !strings.HasPrefix(lines[i], w) || len(lines[i]) == len(w) {
			t.Errorf("line %q, want it to begin with %q", lines[i], w)
		}
	}

	d.fails([]string{"nosuch.json", "no such file"}, "validate", "nosuch.json")
	d.write("empty.json", "")
	d.fails([]string{"empty.json"}, "validate", "empty.json")
	d.write("text.json", "{\n  \"id\": \"broken\n")
	d.fails([]string{"text.json"}, "validate", "text.json")
}

// What is wrong with the command line, the settings or a definition is said
// before anything is made.
func TestRefused(t *testing.T) {
	t.Parallel()
	indicator := func(change ...string) string {
		return strings.NewReplacer(change...).Replace(`indicators:
  - key: own_rate
    revision: 1
    title: {zh: 自有, en: Own}
    meaning: {zh: 自有指标, en: An own indicator}
    section: –
    chapter: "9.9"
    window: DUE
    kind: ratio
    population: {base: cases, anchor: promise, where: "region != ''"}
    unit: rate
    better: up
    reports: [delivered]
    dimensions: [region]
    chart: line
`)
	}
	const header = "id,at,region\n"
	const events = `name: own
source: /own
time: {layouts: datetime, zone: Asia/Shanghai}
inputs:
  - name: cases
    files: cases*.csv
    key: id
    subject: "{id}"
    events:
      - type: cn.post.case.ended
        time: {column: at}
        data: {outcome: cancelled, reason: {column: region}}
`
	for _, test := range []struct {
		name  string
		files map[string]string
		env   []string
		args  []string
		want  []string
	}{
		{name: "no such command", args: []string{"nosuch"}, want: []string{`unknown command "nosuch"`}},
		{name: "no such flag", args: []string{"kpi", "--nosuch"}, want: []string{"--nosuch"}},
		{name: "unknown variable", env: []string{"YOUZHI_INGEST_BATCHROWS=5"}, args: []string{"check"}, want: []string{"YOUZHI_INGEST_BATCHROWS: unknown setting"}},
		{name: "bad variable", env: []string{"YOUZHI_INGEST_BATCH_ROWS=many"}, args: []string{"all"}, want: []string{"YOUZHI_INGEST_BATCH_ROWS", "many"}},
		{name: "unknown key", files: map[string]string{"youzhi.yaml": "ingest:\n  batchrows: 5\n"}, args: []string{"all"}, want: []string{"youzhi.yaml: line 2", "ingest.batchrows: unknown setting"}},
		{name: "bad value", files: map[string]string{"youzhi.yaml": "language: latin\n"}, args: []string{"check"}, want: []string{"youzhi.yaml: line 1", "latin"}},
		{name: "bad schedule", files: map[string]string{"youzhi.yaml": "jobs:\n  snapshot_daily: 61 4 * * *\n"}, args: []string{"jobs"}, want: []string{"jobs.snapshot_daily", "61"}},
		{name: "no such settings file", args: []string{"check", "--config", "own.yaml"}, want: []string{"own.yaml"}},
		{name: "missing engine", env: []string{"YOUZHI_ENGINE=/nowhere/libchdb.so"}, args: []string{"all"}, want: []string{"engine is missing", "/nowhere/libchdb.so"}},
		{name: "missing engine, import", files: map[string]string{"own.yaml": events, "in/cases.csv": header}, env: []string{"YOUZHI_ENGINE=/nowhere/libchdb.so"}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"engine is missing", "/nowhere/libchdb.so"}},
		{name: "missing engine of the file", files: map[string]string{"youzhi.yaml": "engine: /nowhere/libchdb.so\n"}, env: []string{"YOUZHI_ENGINE"}, args: []string{"all"}, want: []string{"engine is missing", "/nowhere/libchdb.so"}},
		{name: "not an engine", files: map[string]string{"lib.so": "text"}, env: []string{"YOUZHI_ENGINE=lib.so"}, args: []string{"check"}, want: []string{"lib.so"}},
		{name: "data folder is a file", files: map[string]string{"own": ""}, args: []string{"kpi", "--data", "own"}, want: []string{"data folder", "own"}},

		{name: "catalogue, unknown key", files: map[string]string{"own/a.yaml": indicator("chart: line", "chart: line\n    colour: red")}, env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"check"}, want: []string{"own/a.yaml", "colour"}},
		{name: "catalogue, unknown key, services", files: map[string]string{"own/a.yaml": indicator("chart: line", "chart: line\n    colour: red")}, env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"all"}, want: []string{"own/a.yaml", "colour"}},
		{name: "catalogue, bad entry", files: map[string]string{"own/a.yaml": indicator("chart: line", "chart: pie")}, env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"kpi"}, want: []string{"own/a.yaml", "own_rate", "pie"}},
		{name: "catalogue, bad entry, import", files: map[string]string{"own/a.yaml": indicator("chart: line", "chart: pie"), "own.yaml": events, "in/cases.csv": header + "1,2026-01-01 00:00:00,BJ\n"}, env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"own/a.yaml", "own_rate", "pie"}},
		{name: "catalogue, a key of ours", files: map[string]string{"own/a.yaml": indicator("own_rate", "on_time_delivery_rate")}, env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"check"}, want: []string{"own/a.yaml", "on_time_delivery_rate", "twice"}},
		{name: "no such catalogue", env: []string{"YOUZHI_CATALOGUE=own"}, args: []string{"check"}, want: []string{"catalogue", "own"}},
		{name: "catalogue is a file", files: map[string]string{"own.yaml": indicator()}, env: []string{"YOUZHI_CATALOGUE=own.yaml"}, args: []string{"check"}, want: []string{"catalogue", "own.yaml", "folder"}},
		{name: "policy, unknown key", files: map[string]string{"own.yaml": "version: \"1\"\nclock: []\n"}, env: []string{"YOUZHI_POLICY=own.yaml"}, args: []string{"all"}, want: []string{"own.yaml:2", "clock"}},
		{name: "no such policy", env: []string{"YOUZHI_POLICY=own.yaml"}, args: []string{"check"}, want: []string{"policy", "own.yaml"}},
		{name: "calendar, bad date", files: map[string]string{"own.csv": "date,kind,name,source\n2027-02-30,off,x,y\n"}, env: []string{"YOUZHI_CALENDAR=own.csv"}, args: []string{"all"}, want: []string{"calendar", "own.csv", "2027-02-30"}},
		{name: "no such calendar", env: []string{"YOUZHI_CALENDAR=own.csv"}, args: []string{"check"}, want: []string{"calendar", "own.csv"}},

		{name: "no mapping", args: []string{"import", "in"}, want: []string{`"map" not set`}},
		{name: "no such mapping", args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"own.yaml"}},
		{name: "mapping, unknown key", files: map[string]string{"own.yaml": strings.Replace(events, "key: id", "key: id\n    keys: id", 1), "in/cases.csv": header}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"own.yaml:8", "keys"}},
		{name: "mapping, unknown type", files: map[string]string{"own.yaml": strings.Replace(events, "case.ended", "case.finished", 1), "in/cases.csv": header}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"own.yaml:10", "cn.post.case.finished"}},
		{name: "missing column", files: map[string]string{"own.yaml": events, "in/cases.csv": "id,at\n1,2026-01-01 00:00:00\n"}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"in/cases.csv", "region", "own.yaml"}},
		{name: "no such input", files: map[string]string{"own.yaml": events}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"own", "in: no such file"}},
		{name: "no file for the mapping", files: map[string]string{"own.yaml": events, "in/other.csv": header}, args: []string{"import", "--map", "own.yaml", "in"}, want: []string{"in", "cases*.csv"}},

		{name: "unknown indicator", args: []string{"kpi", "nosuch"}, want: []string{"nosuch"}},
		{name: "bad as-of", args: []string{"kpi", "--as-of", "2026-03-01"}, want: []string{"2026-03-01", "RFC 3339"}},
		{name: "where without a value", args: []string{"kpi", "on_time_delivery_rate", "--where", "region"}, want: []string{"where", "region", "DIMENSION=VALUE"}},
		{name: "where of no dimension", args: []string{"kpi", "on_time_delivery_rate", "--where", "colour=red"}, want: []string{"where", "colour"}},
		{name: "by no dimension", args: []string{"kpi", "on_time_delivery_rate", "--by", "colour"}, want: []string{"by", "colour"}},
		{name: "bad day", args: []string{"kpi", "--from", "2026-02-30", "--to", "2026-03-01"}, want: []string{"from", "2026-02-30"}},
		{name: "period without end", args: []string{"kpi", "--from", "2026-02-01"}, want: []string{"from", "to"}},
		{name: "period from behind", args: []string{"kpi", "--from", "2026-03-01", "--to", "2026-02-01"}, want: []string{"2026-03-01", "2026-02-01"}},
		{name: "bad grain", args: []string{"kpi", "--grain", "decade"}, want: []string{"grain", "decade"}},
		{name: "bad format", args: []string{"kpi", "--format", "xml"}, want: []string{"format", "xml"}},
		{name: "bad published", args: []string{"kpi", "--published", "yesterday"}, want: []string{"published", "yesterday"}},
		{name: "published and as-of", args: []string{"kpi", "--published", "2026-03-01", "--as-of", "2026-03-01T00:00:00Z"}, want: []string{"published", "as-of"}},
		{name: "published and where", args: []string{"kpi", "--published", "2026-03-01", "--where", "region=11"}, want: []string{"published", "where"}},
		{name: "key twice", args: []string{"kpi", "overdue_open_cases", "overdue_open_cases"}, want: []string{"overdue_open_cases", "twice"}},
		{name: "no such job", args: []string{"jobs", "run", "nosuch"}, want: []string{"nosuch"}},
		{name: "job at no instant", args: []string{"jobs", "run", "fold", "--at", "noon"}, want: []string{"--at", "noon"}},
		{name: "job in the future", args: []string{"jobs", "run", "fold", "--at", "2199-01-01T00:00:00Z"}, want: []string{"--at", "2199"}},
		{name: "open to anyone", args: []string{"clickhouse", "--listen", "0.0.0.0:0"}, want: []string{"0.0.0.0:0", "password"}},
		{name: "no address", args: []string{"all", "--listen", "here"}, want: []string{"listen", "here"}},
		{name: "demo scale", args: []string{"demo", "--scale", "0"}, want: []string{"demo: --scale 0", "more than 0"}},
		{name: "demo speed", args: []string{"demo", "--speed", "-1"}, want: []string{"demo: --speed -1"}},
		{name: "demo with servers", env: []string{"YOUZHI_KAFKA_BROKERS=127.0.0.1:1"}, args: []string{"demo"}, want: []string{"demo: ", "kafka.brokers", "youzhi simulate"}},
		{name: "simulate days", args: []string{"simulate", "--from", "2026-13-01"}, want: []string{"simulate: --from", "2026-13-01"}},
		{name: "simulate to come", args: []string{"simulate", "--to", "2099-01-01"}, want: []string{"simulate: --to 2099-01-01", "future"}},
		{name: "simulate short", args: []string{"simulate", "--from", "2026-01-01", "--to", "2026-01-05"}, want: []string{"simulate: ", "at least 30"}},
		{name: "simulate rate", args: []string{"simulate", "--rate", "2"}, want: []string{"simulate: --rate", "--live"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, test.env...)
			if engine == "" {
				need(t, missing)
			}
			for name, text := range test.files {
				d.write(name, text)
			}
			d.fails(test.want, test.args...)
			d.nothing("data")
		})
	}
}

// A condition that ClickHouse does not understand stops every command that would
// count by it, and names the indicator.
func TestRefusedExpression(t *testing.T) {
	t.Parallel()
	d := withEngine(t, "YOUZHI_CATALOGUE=own")
	d.write("own/a.yaml", `indicators:
  - key: own_rate
    revision: 1
    title: {zh: 自有, en: Own}
    meaning: {zh: 自有指标, en: An own indicator}
    section: –
    chapter: "9.9"
    window: DUE
    kind: ratio
    population: {base: cases, anchor: promise, where: "colour = 'red'"}
    unit: rate
    better: up
    dimensions: [region]
    chart: line
`)
	d.write("orders.csv", "id,at\n1,2026-01-01 00:00:00\n")
	d.write("map.yaml", `name: own
source: /own
time: {layouts: datetime, zone: Asia/Shanghai}
inputs:
  - name: cases
    files: orders.csv
    key: id
    subject: "{id}"
    events: [{type: cn.post.case.ended, time: {column: at}, data: {outcome: cancelled, reason: none}}]
`)
	for _, args := range [][]string{
		{"check"}, {"all", "--listen", "127.0.0.1:0"}, {"jobs"}, {"dashboard", "--listen", "127.0.0.1:0"}, {"kpi"}, {"rebuild"},
		{"import", "--map", "map.yaml", "orders.csv"}, {"jobs", "run", "fold"},
	} {
		d.fails([]string{"own_rate", "colour"}, args...)
	}
	s := d.serve("data")
	if n := s.ask("SELECT count() FROM events_cases"); n != "0" {
		t.Errorf("%s events were stored", n)
	}
	s.stop()
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d := withEngine(t)
	for _, command := range []string{"all", "dashboard", "clickhouse"} {
		d.fails([]string{taken.Addr().String(), "in use"}, command, "--data", command, "--listen", taken.Addr().String())
		d.nothing(command)
	}
}

// A service that is told to end while ClickHouse does not answer yet ends in order.
func TestToldToEndWhileStarting(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan struct{})
	go func() {
		if c, err := silent.Accept(); err == nil {
			close(asked)
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	d := newDesk(t, "YOUZHI_CLICKHOUSE_DSN=http://"+silent.Addr().String(), "YOUZHI_KAFKA_BROKERS=127.0.0.1:1")
	p := d.start("ingest")
	select {
	case <-asked:
	case <-p.ended:
		t.Fatalf("it ended before it was told to\n%s", p.err)
	}
	p.stop()
}

// Bad rows are named with file, line, column and reason; the others are stored,
// and the next import, without them, adds nothing to those.
func TestBadRows(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	for _, name := range slices.Concat(eventFiles[:2], lookupFiles) {
		whole := readTable(t, sample(t, name))
		if slices.Contains(eventFiles, name) {
			whole.rows = whole.rows[:100]
		}
		d.writeTable(name, whole.head, whole.rows)
	}
	orders := readTable(t, filepath.Join(d.dir, eventFiles[0]))
	purchased := slices.Index(orders.head, "order_purchase_timestamp")
	broken := slices.Clone(orders.rows)
	broken[7] = slices.Clone(broken[7])
	broken[7][purchased] = "2018-02-30 10:00:00"
	d.writeTable(eventFiles[0], orders.head, broken)
	arguments := []string{"import", "--data", "data", "--map", mapping(t, "olist.yaml"), "olist"}
	o := d.fails([]string{"1 bad rows", "olist_orders_dataset.csv:9", "order_purchase_timestamp", "2018-02-30 10:00:00"}, append(arguments, "--rejects", "bad.csv")...)
	before := readBooks(t, o.out)
	if before.rows == 0 || before.missing != 0 || !strings.Contains(o.out, addUp) || !strings.Contains(o.out, "bad row olist/olist_orders_dataset.csv:9: order_purchase_timestamp: ") {
		t.Errorf("books %+v in\n%s", before, o.out)
	}
	if list := readTable(t, filepath.Join(d.dir, "bad.csv")); len(list.rows) != 1 || !slices.Equal(list.rows[0][:3], []string{"olist/olist_orders_dataset.csv", "9", "order_purchase_timestamp"}) {
		t.Errorf("list of bad rows: %v", list)
	}
	s := d.serve("data")
	if n := s.ask("SELECT count(), uniqExact(subject) FROM subjects FINAL WHERE base = 'cases'"); n != "99\t99" {
		t.Errorf("cases without the bad row: %s", n)
	}

	// This time beside a process that holds the folder and does not ingest.
	d.writeTable(eventFiles[0], orders.head, orders.rows)
	after := readBooks(t, d.must(arguments...))
	// The order's events, two to five, are new; the others are there already.
	if more := after.rows - before.rows; more < 2 || more > 5 || after.duplicates != before.rows || after.missing != 0 {
		t.Errorf("books after the row was mended: %+v, before %+v", after, before)
	}
	s.stop()
}
