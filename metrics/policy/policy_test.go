package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefault(t *testing.T) {
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, base := range []Base{Cases, Tickets} {
		for _, c := range p.Over(base) {
			names = append(names, string(base)+"."+c.Name)
		}
	}
	want := []string{
		"cases.promise", "cases.promise_day", "cases.acceptance", "cases.archiving",
		"tickets.enquiry_answer", "tickets.feedback_response", "tickets.complaint_accept",
		"tickets.complaint_investigation", "tickets.complaint_feedback", "tickets.ticket_due",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("clocks (-want +got):\n%s", diff)
	}
	if got := p.ConstructiveAcceptance(); got != 24*time.Hour {
		t.Errorf("constructive acceptance after %v, want 24h", got)
	}
	feedback, ok := p.Clock("complaint_feedback")
	if !ok || feedback.Length.WorkingDays != 15 || feedback.Length.CutoffSpan() != 24*time.Hour {
		t.Errorf("complaint_feedback is %+v, want 15 working days that end at 24:00", feedback)
	}
	if _, ok := p.Clock("nobody"); ok {
		t.Error("found a clock that is not there")
	}
}

// A clock that the manual names without a number is an entry of the operator, without Go.
func TestLoad_AddedClocks(t *testing.T) {
	p, err := Load("own.yaml", []byte(`
version: "2026-03"
clocks:
  - name: acceptance
    base: cases
    start: submitted
    length: {working_days: 1, cutoff: "17:30"}
    done: accepted
  - name: archive
    base: cases
    start: ended
    length: {working_days: 1}
    done: archived
`))
	if err != nil {
		t.Fatal(err)
	}
	acceptance, _ := p.Clock("acceptance")
	if got, want := acceptance.Length.CutoffSpan(), 17*time.Hour+30*time.Minute; got != want {
		t.Errorf("cutoff %v, want %v", got, want)
	}
}

func TestCondition_Meets(t *testing.T) {
	unit := map[string]string{"kind": "complaint", "channel": "phone"}
	get := func(dim string) string { return unit[dim] }
	for _, c := range []struct {
		name string
		when Condition
		want bool
	}{
		{"none", nil, true},
		{"one", Condition{"kind": {"enquiry", "complaint"}}, true},
		{"other value", Condition{"kind": {"enquiry"}}, false},
		{"one of two", Condition{"kind": {"complaint"}, "channel": {"online"}}, false},
		{"both", Condition{"kind": {"complaint"}, "channel": {"phone"}}, true},
	} {
		if got := c.when.Meets(get); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Each file of testdata/bad ends with the faults that it has to be refused with, as "# want: text": one fault on each line
// of the error, with file and line.
func TestLoad_BadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(content)) {
				if text, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, strings.TrimSpace(text))
				}
			}
			_, err = Load(filepath.Base(file), content)
			if err == nil {
				t.Fatalf("loaded, want %q", want)
			}
			got := strings.Split(strings.TrimPrefix(err.Error(), "load policy: "), "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_Empty(t *testing.T) {
	if _, err := Load("own.yaml", nil); err == nil || err.Error() != "load policy: own.yaml:1: empty" {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// Whatever is loaded can be run: no panic, and every clock is found under its base.
func FuzzLoad(f *testing.F) {
	f.Add(defaultYAML)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Load("fuzz.yaml", content)
		if err != nil {
			return
		}
		if n := len(p.Over(Cases)) + len(p.Over(Tickets)); n != len(p.Clocks) {
			t.Errorf("%d clocks under their bases, want %d", n, len(p.Clocks))
		}
	})
}
