package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/source/simulate"
)

// simulated is what the API says of a simulated operator.
type simulated struct {
	Seed     uint64
	Scale    float64
	From, To time.Time
	Ends     time.Time
	Loaded   float64
}

func (s site) simulated() *simulated {
	s.Helper()
	var answer struct{ Simulated *simulated }
	if err := json.Unmarshal([]byte(s.get("/api/v1/freshness")), &answer); err != nil {
		s.Fatal(err)
	}
	return answer.Simulated
}

// sent is how many messages an operator sends from one instant to another.
func (s *simulated) sent(t testing.TB, until time.Time) int64 {
	t.Helper()
	op, err := simulate.New(simulate.Options{Seed: s.Seed, Scale: s.Scale, From: s.From, To: s.To, NoLedger: true})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for range op.Messages(s.From, until) {
		n++
	}
	return n
}

// live is up to where the operator of a closed folder has been sent.
func (d *desk) live(folder string) time.Time {
	d.Helper()
	server := d.serve(folder)
	defer server.stop()
	at, err := time.Parse("2006-01-02 15:04:05.000000", server.ask("SELECT max(live) FROM simulation"))
	if err != nil {
		d.Fatal(err)
	}
	return at
}

// TestDemo runs the demo on a new folder, ends it while it loads, goes on with it,
// and holds what is stored to what the operator sends.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	demo := []string{"demo", "--data", "D"}
	s := d.site(append(demo, "--seed", "5", "--scale", "0.1")...)
	month := time.Now().In(time.FixedZone("", 8*3600))
	month = month.AddDate(0, 0, -month.Day())
	figures := "/api/v1/figures?key=on_time_delivery_rate&from=" + month.Format("2006-01") + "-01&to=" + month.AddDate(0, 0, 1).Format(time.DateOnly)
	s.until("figures of the last month", func() bool { return strings.Contains(s.get(figures), `"value":`) })
	first := s.simulated()
	if first == nil || first.Seed != 5 || first.Scale != 0.1 || first.To.Sub(first.From) < 440*24*time.Hour || !first.Ends.After(first.To) {
		t.Fatalf("the API says of the operator: %+v", first)
	}
	pages := map[string]string{"/": "模拟数据", "/?lang=en": "Simulated data", "/delays": "模拟数据", "/indicators/on_time_delivery_rate": "模拟数据",
		"/cases": "模拟数据", "/tickets": "模拟数据", "/surveys": "模拟数据", "/data": "模拟数据", "/definitions?lang=en": "Simulated data"}
	for path, want := range pages {
		if !strings.Contains(s.get(path), want) {
			t.Errorf("%s does not say that it is simulated", path)
		}
	}
	answer, err := http.Get(s.root + "/nowhere?lang=en")
	if err != nil {
		t.Fatal(err)
	}
	fault, err := io.ReadAll(answer.Body)
	if cerr := answer.Body.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	if answer.StatusCode != http.StatusNotFound || !strings.Contains(string(fault), "Simulated data") {
		t.Errorf("a page about a fault does not say that the data are simulated: %s", answer.Status)
	}
	if first.Loaded < 1 && !strings.Contains(s.get("/?lang=en"), "Loading the history") && s.simulated().Loaded < 1 {
		t.Error("the page does not say that the history is being loaded")
	}
	s.stop()

	// Another operator is refused, and so is anything real.
	d.fails([]string{"--seed 6", "seed 5"}, append(demo, "--seed", "6")...)
	d.fails([]string{"--scale 1", "scale 0.1"}, append(demo, "--scale", "1")...)
	d.write("map.yaml", "name: own\nsource: /own\ntime: {layouts: datetime, zone: Asia/Shanghai}\ninputs:\n  - name: cases\n    files: cases*.csv\n    key: id\n    subject: \"{id}\"\n    events:\n      - type: cn.post.case.ended\n        time: {column: at}\n        data: {outcome: cancelled, reason: {column: region}}\n")
	d.write("in/cases.csv", "id,at,region\nC1,2026-01-01 00:00:00,110000\n")
	d.fails([]string{"D", "simulated", "--data"}, "import", "--data", "D", "--map", "map.yaml", "in")
	if _, err := os.Stat(filepath.Join(d.dir, "D", "SIMULATED")); err != nil {
		t.Error(err)
	}

	// It goes on with the operator that it had.
	s = d.site(demo...)
	s.until("all of the history", func() bool { return s.simulated().Loaded == 1 })
	again := s.simulated()
	again.Loaded = first.Loaded
	if *again != *first {
		t.Errorf("started again, the operator is %+v, before it was %+v", again, first)
	}
	if strings.Contains(s.get("/?lang=en"), "Loading the history") {
		t.Error("the page says that the history is being loaded when it is")
	}
	d.must("reconcile", "--data", "D")
	s.stop()
	until := d.live("D")
	if until.Before(first.To) {
		t.Errorf("sent up to %s only, the history ends at %s", until, first.To)
	}
	said := d.must("reconcile", "--data", "D")
	got := readBooks(t, said)
	if want := first.sent(t, until); got.consumed != want || got.missing != 0 || !strings.Contains(said, addUp) {
		t.Errorf("%d messages are stored, the operator has sent %d up to %s\n%s", got.consumed, want, until, said)
	}
}

// TestDemoByAFasterClock lets a day go by and finds its events on the pages.
func TestDemoByAFasterClock(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	s := d.site("demo", "--data", "D", "--seed", "5", "--scale", "0.02", "--speed", "5000")
	var asOf struct {
		AsOf time.Time `json:"as_of"`
	}
	s.until("events of a day later", func() bool {
		one := s.simulated()
		if err := json.Unmarshal([]byte(s.get("/api/v1/freshness")), &asOf); err != nil {
			t.Fatal(err)
		}
		return one.Loaded == 1 && asOf.AsOf.After(one.To.Add(24*time.Hour))
	})
	first := s.simulated()
	s.stop()
	until := d.live("D")
	got := readBooks(t, d.must("reconcile", "--data", "D"))
	if want := first.sent(t, until); got.consumed != want || until.Before(first.To.Add(24*time.Hour)) {
		t.Errorf("%d messages are stored, the operator has sent %d up to %s", got.consumed, want, until)
	}
}

// TestSimulate sends an operator's history, says what is stored, and goes on by
// the clock.
func TestSimulate(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	args := []string{"simulate", "--data", "S", "--seed", "9", "--scale", "0.02", "--from", "2026-01-01", "--to", "2026-04-01"}
	said := d.must(args...)
	op := simulated{Seed: 9, Scale: 0.02, From: time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC)}
	books := readBooks(t, said)
	if want := op.sent(t, op.To); books.consumed != want || !strings.Contains(said, addUp) || !strings.Contains(said, "up to 2026-04-01T00:00:00+08:00") {
		t.Errorf("%d messages are stored, want %d\n%s", books.consumed, want, said)
	}
	// A second time there is nothing left to send.
	if again := readBooks(t, d.must("simulate", "--data", "S")); again != books {
		t.Errorf("a second time: %+v, after %+v", again, books)
	}
	d.fails([]string{"--to 2026-05-01", "2026-04-01"}, "simulate", "--data", "S", "--to", "2026-05-01")
	p := d.start("simulate", "--data", "S", "--live", "--rate", "10000")
	p.until("its work", func() bool { return strings.Contains(p.err.String(), "component is ready") })
	beside := d.serve("S")
	p.until("a day of the stream", func() bool {
		return beside.ask("SELECT max(received_at) > '2026-04-02 00:00:00' FROM events_cases") == "1"
	})
	beside.stop()
	p.stop()
	until := d.live("S")
	if until.Before(op.To.Add(24 * time.Hour)) {
		t.Errorf("the stream came to %s only", until)
	}
}

// TestSimulateBesideRealData refuses to mix.
func TestSimulateBesideRealData(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := requests.copy(d, "E")
	for _, name := range []string{"demo", "simulate"} {
		d.fails([]string{name + ": ", "E", "not simulated", "--data"}, name, "--data", folder)
	}
	d.nothing("E/SIMULATED")
}
