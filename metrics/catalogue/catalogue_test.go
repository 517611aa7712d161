package catalogue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
)

func TestLoad(t *testing.T) {
	ours, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"on_time_delivery_rate", "on_time_delivery_rate_by_day", "overdue_open_cases",
		"enquiry_answer_24h_rate", "complaint_accept_24h_rate", "complaint_investigation_7wd_rate", "complaint_feedback_15wd_rate",
		"ticket_on_time_rate", "complaint_rate_p10k", "satisfaction_score_100", "satisfaction_top2_rate",
	}
	for _, key := range want {
		if ind, ok := ours.Get(key); !ok || ind.Key != key {
			t.Errorf("no %s", key)
		}
	}
	for i, ind := range ours.All() {
		if i > 0 && ind.Chapter < ours.All()[i-1].Chapter {
			t.Errorf("%s of chapter %s stands behind chapter %s", ind.Key, ind.Chapter, ours.All()[i-1].Chapter)
		}
	}
	if _, ok := ours.Get("own_rate"); ok {
		t.Error("own_rate is there without its file")
	}

	both, err := Load("testdata/own")
	if err != nil {
		t.Fatal(err)
	}
	ind, ok := both.Get("own_rate")
	if !ok || len(both.All()) != len(ours.All())+1 || both.All()[len(ours.All())].Key != "own_rate" {
		t.Fatalf("own indicators: %v of %d", ok, len(both.All()))
	}
	if ind.Weight != "1" || ind.Minimum != 30 || !slices.Equal(ind.Reports, []string{"delivered"}) {
		t.Errorf("read %+v", ind)
	}
	if !ind.HasDimension("region6") || ind.HasDimension("product") {
		t.Errorf("dimensions %v", ind.Dimensions)
	}
	if both.Version() == ours.Version() {
		t.Error("own indicators do not change the version")
	}
	again, err := Load("testdata/own")
	if err != nil || again.Version() != both.Version() {
		t.Errorf("the same files have versions %s and %s, %v", both.Version(), again.Version(), err)
	}
	text, err := os.ReadFile("testdata/own/rate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for change, counts := range map[string]bool{"chapter: \"9.9\"->chapter: \"1.0\"": false, "minimum: 30->minimum: 31": false, "reports: [delivered]->reports: [archived]": true} {
		old, changed, _ := strings.Cut(change, "->")
		if !strings.Contains(string(text), old) {
			t.Errorf("there is no %q to change", old)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(strings.Replace(string(text), old, changed, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		other, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := other.Version() != both.Version(); got != counts {
			t.Errorf("%s: another version: %v, want %v", change, got, counts)
		}
	}
}

func TestTargetOn(t *testing.T) {
	c, err := Load("testdata/own")
	if err != nil {
		t.Fatal(err)
	}
	ind, _ := c.Get("own_rate")
	for day, want := range map[string]float64{"2025-12-31": 0, "2026-01-01": 0.9, "2026-12-31": 0.9, "2027-01-01": 0.95} {
		on, err := calendar.ParseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := ind.TargetOn(on); got.Value != want || ok != (want != 0) {
			t.Errorf("on %s %v, %v", day, got, ok)
		}
	}
}

// Each file of testdata/bad ends with the faults that it has to be refused with,
// as "# want: LINE: text", one for each line of the error.
func TestLoad_BadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			own := filepath.Join(t.TempDir(), "own.yaml")
			if err := os.WriteFile(own, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(content)) {
				if text, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, own+":"+strings.TrimSpace(text))
				}
			}
			c, err := Load(filepath.Dir(own))
			if err == nil || c != nil {
				t.Fatalf("loaded, want %q", want)
			}
			got := strings.Split(strings.TrimPrefix(err.Error(), "load catalogue: "), "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_BadFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "indicators: []\n", "b.yml": "indicators: []\n", "c.yaml": "x: 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, want := range map[string][]string{
		dir: {
			"load catalogue: " + filepath.Join(dir, "a.yaml") + ":1: no indicators",
			filepath.Join(dir, "b.yml") + ": a file of indicators ends in .yaml",
			filepath.Join(dir, "c.yaml") + `:1: unknown field "x"`,
		},
		filepath.Join(dir, "nowhere"): {"load catalogue: the folder of own indicators: open " + filepath.Join(dir, "nowhere") + ": no such file or directory"},
		filepath.Join(dir, "a.yaml"):  {"load catalogue: the folder of own indicators: open " + filepath.Join(dir, "a.yaml") + ": not a directory"},
	} {
		if _, err := Load(folder); err == nil {
			t.Errorf("loaded %s", folder)
		} else if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", folder, diff)
		}
	}
}

// The steps that an indicator can wait for are those of the contract.
func TestSteps(t *testing.T) {
	want := map[string][]string{}
	for _, name := range event.Types() {
		for base, prefix := range map[string]string{"cases": "cn.post.case.", "tickets": "cn.post.ticket.", "surveys": "cn.post.survey."} {
			if step, ok := strings.CutPrefix(name, prefix); ok && step != "corrected" {
				want[base] = append(want[base], step)
			}
		}
	}
	for _, base := range Bases {
		got := slices.Sorted(slices.Values(steps[base]))
		slices.Sort(want[base])
		if diff := cmp.Diff(want[base], got); diff != "" {
			t.Errorf("%s (-contract +catalogue):\n%s", base, diff)
		}
	}
}

func TestClosed(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "score >= 4": true, "has(flags, 'a') AND (b = ')')": true, `x = 'it\'s ('`: true, "x = ''": true, `"a b" = 1`: true,
		"(": false, ")": false, ") OR (": false, "x = 'a": false, "a; b": false, "a -- b": false, "a # b": false, "a /* b": false, `x = 'a\'`: false,
	} {
		if closed(text) != want {
			t.Errorf("closed(%q) is not %v", text, want)
		}
	}
}

// Whatever is read, it is loaded or refused with its place, without a panic.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c := &Catalogue{byKey: map[string]int{}}
		for _, fault := range c.add("fuzz.yaml", content) {
			if text := fault.Error(); !strings.HasPrefix(text, "fuzz.yaml") {
				t.Errorf("a fault without its place: %s", text)
			}
		}
	})
}
