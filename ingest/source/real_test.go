package source

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	realData = "../../../shared/data" // ../shared/data, seen from the root of the repository
	mappings = "../../deploy/mappings"
)

// needData skips a test where the real data is not there; in CI it has to be.
func needData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(realData); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("real data: %v", err)
		}
		t.Skipf("real data is not there: %v", err)
	}
}

// message is what the tests want of an event.
type message struct {
	ID, Source, Type, Subject string
	Time                      time.Time
	RecordedTime              string
	Data                      struct {
		PromisedAt  time.Time `json:"promised_at"`
		Outcome     string
		TimeUnknown bool `json:"time_unknown"`
		Outlet      string
		Region      string
		CaseID      string    `json:"case_id"`
		DueAt       time.Time `json:"due_at"`
		Answers     []struct {
			Item            string
			Value, Min, Max int
		}
	}
}

func imported(t *testing.T, mapping, input string) (*log, Result) {
	t.Helper()
	sink := &log{}
	r, err := Import(context.Background(), Options{
		Mapping: filepath.Join(mappings, mapping), Inputs: []string{input}, Sink: sink,
		Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return sink, r
}

// bySubject gives every event of the log by subject and type; no type occurs
// twice in these data.
func bySubject(t *testing.T, l *log, topicName string) map[string]map[string]message {
	t.Helper()
	out := make(map[string]map[string]message)
	ids := make(map[string]bool)
	for _, m := range l.messages[topicName] {
		var e message
		if err := json.Unmarshal(m.Value, &e); err != nil {
			t.Fatal(err)
		}
		if ids[e.Source+" "+e.ID] || string(m.Key) != e.Subject || e.RecordedTime != "" {
			t.Fatalf("id again, key that is no subject, or recordedtime: %s", m.Value)
		}
		ids[e.Source+" "+e.ID] = true
		if out[e.Subject] == nil {
			out[e.Subject] = make(map[string]message)
		}
		if _, ok := out[e.Subject][e.Type]; ok {
			t.Fatalf("a second %s of %s", e.Type, e.Subject)
		}
		out[e.Subject][e.Type] = e
	}
	return out
}

// The figures of the page that describes the data, counted from the events
// alone, with no code of ours between.
func TestOlist(t *testing.T) {
	needData(t)
	sink, r := imported(t, "olist.yaml", filepath.Join(realData, "olist"))
	if diff := cmp.Diff(map[string]int64{
		"cn.post.case.submitted": 4102, "cn.post.case.accepted": 4102, "cn.post.case.ended": 663,
		"cn.post.case.progressed": 3170, "cn.post.case.delivered": 2571,
		"cn.post.survey.invited": 4144, "cn.post.survey.answered": 4144,
	}, r.Events); diff != "" {
		t.Error(diff)
	}
	if r.Rows != 4102+4144 || r.BadRows != 0 || r.NoEvent != 0 || r.NotFound["first_items"] != 415 || r.NotFound["customers"] != 0 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{filepath.Join(realData, "olist", "olist_sellers_dataset.csv")}, r.Unused); diff != "" {
		t.Error(diff)
	}

	asOf := time.Date(2019, 1, 1, 3, 0, 0, 0, time.UTC) // 2019-01-01T00:00-03:00
	beijing := time.FixedZone("", 8*3600)
	var cases, excluded, unknown, inTime, late, open, inTimeByDay, noOutlet int
	for subject, events := range bySubject(t, sink, "youzhi.cases.v1") {
		accepted := events["cn.post.case.accepted"]
		delivered, isDelivered := events["cn.post.case.delivered"]
		ended, isEnded := events["cn.post.case.ended"]
		due := accepted.Data.PromisedAt
		if accepted.Data.Outlet == "unknown" {
			noOutlet++
		}
		if len(accepted.Data.Region) != 2 {
			t.Errorf("region %q of %s", accepted.Data.Region, subject)
		}
		if due.IsZero() || due.After(asOf) {
			t.Errorf("%s is due %s", subject, due)
		}
		cases++
		switch {
		case isEnded:
			if ended.Data.Outcome != "cancelled" || !ended.Time.Equal(accepted.Time) || ended.Time.After(due) {
				t.Errorf("ended %+v", ended)
			}
			excluded++
		case isDelivered && delivered.Data.TimeUnknown:
			if handover := events["cn.post.case.progressed"]; !delivered.Time.Equal(handover.Time) {
				t.Errorf("delivered at %s, handed over at %s", delivered.Time, handover.Time)
			}
			unknown++
		case isDelivered:
			if !delivered.Time.After(due) {
				inTime++
			} else {
				late++
			}
			if delivered.Time.In(beijing).Format(time.DateOnly) <= due.In(beijing).Format(time.DateOnly) {
				inTimeByDay++
			}
		default:
			open++
		}
	}
	got := []int{cases, excluded, unknown, inTime + late + open, inTime, late, open, inTimeByDay, noOutlet}
	if diff := cmp.Diff([]int{4102, 663, 5, 3434, 2348, 212, 874, 2354, 415}, got); diff != "" {
		t.Errorf("orders, excluded, unknown, denominator, in time, late, open, in time by day, without outlet:\n%s", diff)
	}

	var stars [6]int
	sum, orders, reviews := 0, make(map[string]int), make(map[string]int)
	for subject, events := range bySubject(t, sink, "youzhi.surveys.v1") {
		answered := events["cn.post.survey.answered"]
		if len(events) != 2 || len(answered.Data.Answers) != 1 {
			t.Fatalf("%s: %+v", subject, events)
		}
		a := answered.Data.Answers[0]
		if a.Item != "overall" || a.Min != 1 || a.Max != 5 {
			t.Errorf("%+v", a)
		}
		stars[a.Value]++
		sum += a.Value
		orders[answered.Data.CaseID]++
		reviews[strings.TrimSuffix(subject, "-"+answered.Data.CaseID)]++
	}
	several := func(of map[string]int) (n int) {
		for _, count := range of {
			if count > 1 {
				n++
			}
		}
		return n
	}
	if diff := cmp.Diff([6]int{0, 1357, 191, 325, 584, 1687}, stars); diff != "" {
		t.Error(diff)
	}
	// 3.254102 is the mean of the stars.
	if mean := float64(sum) / 4144; mean < 3.2541015 || mean > 3.2541025 || several(reviews) != 8 || several(orders) != 40 {
		t.Errorf("mean %f, %d reviews of several orders, %d orders with several reviews", mean, several(reviews), several(orders))
	}
}

func TestRequests311(t *testing.T) {
	needData(t)
	sink, r := imported(t, "requests311.yaml", filepath.Join(realData, "requests311", "requests.csv"))
	if diff := cmp.Diff(map[string]int64{"cn.post.ticket.received": 5032, "cn.post.ticket.replied": 4927}, r.Events); diff != "" {
		t.Error(diff)
	}
	// One due instant lies in the hour that the clocks of New York skip.
	if r.Rows != 5032 || r.BadRows != 0 || r.Skipped != 1 || r.Ambiguous != 0 {
		t.Errorf("%+v", r)
	}
	asOf := time.Date(2019, 3, 1, 5, 0, 0, 0, time.UTC) // 2019-03-01T00:00-05:00
	var due, inTime, open, noRegion int
	for _, events := range bySubject(t, sink, "youzhi.complaints.v1") {
		received := events["cn.post.ticket.received"]
		replied, isReplied := events["cn.post.ticket.replied"]
		if received.Data.Region == "unknown" {
			noRegion++
		}
		deadline := received.Data.DueAt
		if deadline.IsZero() || deadline.After(asOf) {
			continue
		}
		due++
		if isReplied && !replied.Time.After(deadline) {
			inTime++
		}
		if !isReplied && deadline.Before(asOf) {
			open++
		}
	}
	if diff := cmp.Diff([]int{4876, 4011, 75, 388}, []int{due, inTime, open, noRegion}); diff != "" {
		t.Errorf("due, replied in time, open and overdue, without region:\n%s", diff)
	}
}

// A second import sends the same bytes, and rows in another order the same
// events.
func TestImportsAreRepeatable(t *testing.T) {
	needData(t)
	for mapping, input := range map[string]string{"olist.yaml": "olist", "requests311.yaml": "requests311"} {
		first, _ := imported(t, mapping, filepath.Join(realData, input))
		again, _ := imported(t, mapping, filepath.Join(realData, input))
		if first.lines(topics...) != again.lines(topics...) {
			t.Errorf("%s: the second import differs", mapping)
		}
		for seed := range uint64(2) {
			folder := t.TempDir()
			shuffle(t, filepath.Join(realData, input), folder, rand.New(rand.NewPCG(seed, 1)))
			shuffled, _ := imported(t, mapping, folder)
			if sorted(first) != sorted(shuffled) {
				t.Errorf("%s: shuffled rows (seed %d) give other events", mapping, seed)
			}
		}
	}
}

func sorted(l *log) string {
	lines := strings.Split(l.lines(topics...), "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// shuffle copies the CSV files of a folder with their rows in another order.
func shuffle(t *testing.T, from, to string, random *rand.Rand) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		var rows []string
		open := false
		for scanner := bufio.NewScanner(file); scanner.Scan(); {
			line := scanner.Text()
			if open {
				rows[len(rows)-1] += "\n" + line
			} else {
				rows = append(rows, line)
			}
			open = open != (strings.Count(line, `"`)%2 == 1)
		}
		random.Shuffle(len(rows)-1, func(i, j int) { rows[i+1], rows[j+1] = rows[j+1], rows[i+1] })
		return os.WriteFile(filepath.Join(to, d.Name()), []byte(strings.Join(rows, "\r\n")), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An import of parts is an import of the whole.
func TestImportInParts(t *testing.T) {
	needData(t)
	whole, _ := imported(t, "requests311.yaml", filepath.Join(realData, "requests311"))
	text, err := os.ReadFile(filepath.Join(realData, "requests311", "requests.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	parts := &log{}
	for part := range slices.Chunk(lines[1:], 1000) {
		name := filepath.Join(t.TempDir(), "requests.csv")
		if err := os.WriteFile(name, []byte(lines[0]+strings.Join(part, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(context.Background(), Options{Mapping: filepath.Join(mappings, "requests311.yaml"), Inputs: []string{name}, Sink: parts, Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	if whole.lines(topics...) != parts.lines(topics...) {
		t.Error("the parts give other events than the whole")
	}
}
