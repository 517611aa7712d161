package fold_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mutant is a bug: some text of a source file in the place of another.
type mutant struct {
	name     string
	file     string // from the root of the module
	old, new string
	seed     int // of the operator that shows it; 0 is 1
}

// mutants are bugs that somebody could make in the fold, the calendar, the policy,
// the catalogue or the SQL of figures. Each has to show in TestTruth.
var mutants = []mutant{
	// Deadlines and the calendar.
	{"a second more", "metrics/fold/clock.go", "\t\treturn due\n", "\t\treturn due.Add(time.Second)\n", 0},
	{"done at the deadline is late", "metrics/sql.go", `"ifNull(done_at <= due_at, false)"`, `"ifNull(done_at < due_at, false)"`, 0},
	{"24 hours less a second", "metrics/fold/clock.go", "* time.Hour)\n", "*time.Hour - time.Second)\n", 0},
	{"a working day more", "metrics/calendar/calendar.go", "return rest[n-1], true", "return rest[min(n, len(rest)-1)], true", 0},
	{"the day of the start is counted", "metrics/calendar/calendar.go", "rest := c.workdays[c.upTo[start+1-c.begin]:]", "rest := c.workdays[c.upTo[start-c.begin]:]", 0},
	{"days of UTC", "metrics/calendar/day.go", "s := t.Unix() + beijingOffset", "s := t.Unix()", 0},
	{"a make-up day is off", "metrics/calendar/state_council.csv", "2025-09-28,work", "2025-09-28,off", 0},
	{"a holiday is worked", "metrics/calendar/state_council.csv", "2025-05-05,off", "2025-05-05,work", 0},
	{"beyond the calendar, the plain week", "metrics/calendar/calendar.go", "return Date(c.last+1, time.January, 1), false\n\t}\n\treturn rest", "return Date(c.last+1, time.January, 1), true\n\t}\n\treturn rest", 10},
	{"due days end at 18:00", "metrics/policy/default.yaml", "length: {working_days: 7}", `length: {working_days: 7, cutoff: "18:00"}`, 0},
	{"due at as_of is pending", "metrics/sql.go", "ifNull(due_at > {as_of:DateTime64(6, 'UTC')}, true))", "ifNull(due_at >= {as_of:DateTime64(6, 'UTC')}, true))", 0},
	{"clocks start when a complaint is accepted", "metrics/policy/default.yaml", "start: constructive\n    length: {working_days: 15}", "start: accepted\n    length: {working_days: 15}", 0},

	// What counts.
	{"open cases are left out", "metrics/sql.go", `c.counted = left + " AND NOT " + waiting`, `c.counted = left + " AND NOT open AND NOT " + waiting`, 0},
	{"withdrawn cases are kept", "metrics/policy/default.yaml", "instant: promise}\n    done: delivered\n    moved_by: [customer, address]\n    pauses:\n      - {reason: customs, when: {direction: [inbound]}, needs_resume: true}\n    ends: {cancelled: excluded, withdrawn: excluded,", "instant: promise}\n    done: delivered\n    moved_by: [customer, address]\n    pauses:\n      - {reason: customs, when: {direction: [inbound]}, needs_resume: true}\n    ends: {cancelled: excluded, withdrawn: failed,", 0},
	{"withdrawn at any time leaves the denominator", "metrics/fold/clock.go", "effect == policy.Excluded && !at.passed(end.at)", "effect == policy.Excluded", 0},
	{"a merged ticket counts", "metrics/fold/ticket.go", "t.Excluded = ExcludedDuplicate", "t.Excluded = \"\"", 0},
	{"a repeated event counts", "metrics/fold/effective.go", "\t\t\t\tsame[i].fate = FateDuplicate\n", "", 0},
	{"each merged ticket has its own receipt", "metrics/fold/ticket.go", "!g.IsZero() && g.Before(t.received.at)", "false && g.Before(t.received.at)", 0},
	{"tests count", "metrics/fold/fold.go", "if h.Test {", "if false {", 0},
	{"the last delivery counts", "metrics/fold/case.go", "if c.delivered.set() {\n\t\treturn\n\t}\n\tc.delivered = at", "c.delivered = at", 0},
	{"what was not received counts", "metrics/fold/case.go", "if at.pos < c.voidBefore {", "if false {", 0},
	{"an unknown instant is known", "metrics/fold/case.go", "c.timeUnknown = d.TimeUnknown != nil && *d.TimeUnknown", "c.timeUnknown = false", 0},
	{"delivered after it was called off", "metrics/fold/clock.go", "if end.before(done) {", "if false {", 5},
	{"rows are counted once more when they are written again", "metrics/facts.go", "FROM %s FINAL\n            PREWHERE edition = 'live'", "FROM %s\n            PREWHERE edition = 'live'", 0},

	// Corrections, promises, pauses.
	{"a corrected instant is ignored", "metrics/fold/correct.go", "n.time = *a.what.TimeNew", "_ = *a.what.TimeNew", 0},
	{"corrected data are ignored", "metrics/fold/correct.go", "n.data = merged", "_ = merged", 0},
	{"what was taken back counts", "metrics/fold/correct.go", "if void {", "if void && n.raw == nil {", 0},
	{"corrections of corrections are ignored", "metrics/fold/correct.go", "\t\tby.amend()\n", "", 0},
	{"the higher hash counts", "queries/state/conflicts.sql", "min(content_hash) AS winner", "max(content_hash) AS winner", 0},
	{"the operator moves his own promise", "metrics/policy/default.yaml", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address]", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address, operator, force_majeure]", 0},
	{"a promise is moved when it has passed", "metrics/fold/clock.go", "l.passed(p.at) && !l.held", "false && !l.held", 0},
	{"customs time is not taken off", "metrics/policy/default.yaml", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address]\n    pauses:\n      - {reason: customs, when: {direction: [inbound]}, needs_resume: true}", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address]", 0},
	{"a pause ends without its end", "metrics/policy/default.yaml", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address]\n    pauses:\n      - {reason: customs, when: {direction: [inbound]}, needs_resume: true}", "length: {instant: promise}\n    done: delivered\n    moved_by: [customer, address]\n    pauses:\n      - {reason: customs, when: {direction: [inbound]}}", 0},

	// The way of cases and tickets.
	{"a failed attempt is none", "metrics/catalogue/indicators/a1_cases.yaml", "delivered_attempt_no = 1", "delivered_attempt_no >= 1", 0},
	{"steps in any order", "metrics/fold/case.go", "return slices.Equal(slices.DeleteFunc(slices.Clone(taken), func(s string) bool { return !slices.Contains(path, s) }), path)", "return !slices.ContainsFunc(path, func(s string) bool { return !slices.Contains(taken, s) })", 0},
	{"a second review is a fault", "metrics/fold/case.go", `case step == "accepted" && n > 1 &&`, `case step == "accepted" && n > 100 &&`, 0},
	{"the first archive counts", "metrics/fold/case.go", "c.ArchivedDocuments = d.Documents", "if c.ArchivedDocuments == nil {\n\t\t\tc.ArchivedDocuments = d.Documents\n\t\t}", 0},
	{"returned is lost", "metrics/catalogue/indicators/a1_cases.yaml", "outcome = 'lost'", "outcome IN ('lost', 'returned')", 0},
	{"the next owner need not accept", "metrics/fold/ticket.go", "t.OwnerKept = t.OwnerKept || o.handedOver", "t.OwnerKept = true", 0},
	{"escalated from level 3 on", "metrics/catalogue/indicators/a2_tickets.yaml", "escalation_level >= 2", "escalation_level >= 3", 0},
	{"reopened whenever", "metrics/catalogue/indicators/a2_tickets.yaml", "reopened_at <= closed_at + toIntervalDay(30)", "reopened_at IS NOT NULL", 0},
	{"an answer need not mature", "metrics/catalogue/indicators/a3_surveys.yaml", "    matures_days: 14\n", "", 0},

	// Percentiles.
	{"percentiles of the nearest rank", "metrics/percentiles.go", "quantileExactInclusiveIf(%v)", "quantileExactIf(%v)", 0},
	{"open cases end at as_of", "metrics/percentiles.go", "(%s, ifNull(%s, true))", "(%s, ifNull(%s, true) AND false)", 0},
	{"lost cases are no longer watched", "metrics/catalogue/indicators/a1_cases.yaml", "inf)\n    censored: >-\n      settled_outcome != 'delivered'\n    unknown: >-\n      settled_outcome = 'delivered' AND (delivered_time_unknown OR settled_at < accepted_at)\n    level: 0.9", "0)\n    censored: >-\n      settled_outcome != 'delivered'\n    unknown: >-\n      settled_outcome = 'delivered' AND (delivered_time_unknown OR settled_at < accepted_at)\n    level: 0.9", 0},
	{"the delay of open cases is not counted", "metrics/catalogue/indicators/a1_cases.yaml", "OR open AND due_at < as_of)\n    unit", "OR false)\n    unit", 0},

	// The catalogue, and where things belong.
	{"7 and 8 are detractors", "metrics/catalogue/indicators/a3_surveys.yaml", "score <= 6, -100, 0)", "score <= 8, -100, 0)", 0},
	{"what a source never reports has failed", "metrics/catalogue/indicators/a1_cases.yaml", "    reports: [archived]\n", "", 0},
	{"only the best answer satisfies", "metrics/catalogue/indicators/a3_surveys.yaml", "success: score >= 4", "success: score >= 5", 0},
	{"answers weigh the same", "metrics/catalogue/indicators/a3_surveys.yaml", "value: 100 * (score - score_min) / (score_max - score_min)\n    weight: weight", "value: 100 * (score - score_min) / (score_max - score_min)", 0},
	{"every ticket is a complaint", "metrics/catalogue/indicators/a2_tickets.yaml", "population: {base: tickets, anchor: received, where: kind = 'complaint'}\n    denominator:", "population: {base: tickets, anchor: received}\n    denominator:", 0},
	{"a ticket has the channel of its case", "metrics/fold/ticket.go", `t.Dims.complete(Linked{Case: link.Case}, "channel")`, `t.Dims.Channel = ""; t.Dims.complete(Linked{Case: link.Case})`, 0},
	{"nothing is taken from the case", "metrics/fold/survey.go", "s.Dims.complete(link)", "s.Dims.complete(Linked{})", 0},
}

// TestMutants puts the bugs into the program one by one and finds each of them by
// the figures, which are then no longer the ledger's. Without YOUZHI_SEEDS it only
// looks whether the texts that they replace are still there, once each.
func TestMutants(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(root, filepath.FromSlash(m.file))
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s has %d times\n%s", m.file, n, m.old)
			}
			if thorough(t) {
				m.find(t, path, strings.Replace(string(source), m.old, m.new, 1))
			}
		})
	}
}

// find builds the tests of this package with another text of a file, and runs
// TestTruth in them.
func (m mutant) find(t *testing.T, path, text string) {
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, filepath.Base(path)), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := func(name string, arguments ...string) (string, error) {
		var output bytes.Buffer
		command := exec.CommandContext(ctx, name, arguments...)
		command.Stdout, command.Stderr = &output, &output
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "YOUZHI_SEEDS=")
		err := command.Run()
		return output.String(), err
	}
	if output, err := run("go", "test", "-c", "-overlay", overlay, "-ldflags", "-s -w", "-o", program, "."); err != nil {
		t.Fatalf("it does not build: %v\n%s", err, output)
	}
	start := time.Now()
	output, err := run(program, "-test.run", "^TestTruth$", "-seed", strconv.Itoa(max(m.seed, 1)))
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Errorf("nobody has noticed\n%s", output)
	case !errors.As(err, &exit) || !strings.Contains(output, notTheLedgers):
		t.Errorf("not found by the figures: %v\n%.3000s", err, output)
	default:
		t.Logf("found in %s by %s", time.Since(start).Round(time.Second/10), firstFigure(output))
	}
}

// firstFigure is the first line of a failed TestTruth that names a figure.
func firstFigure(output string) string {
	_, after, _ := strings.Cut(output, notTheLedgers)
	lines := strings.SplitN(strings.TrimLeft(after, "\n"), "\n", 3)
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines[:min(2, len(lines))], " ")
}
