package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each file of testdata/bad says in its first lines what is wrong with it:
// "# want: LINE: BEGINNING OF THE REASON", one for each fault, in order.
func TestBadMappings(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(text)) {
				if w, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# want: "); ok {
					want = append(want, "bad.yaml:"+w)
				}
			}
			m, err := Load("bad.yaml", text)
			if err == nil || m != nil {
				t.Fatalf("loaded: %v", m)
			}
			got := strings.Split(err.Error(), "\n")
			for i := range max(len(got), len(want)) {
				g, w := "(nothing)", "(nothing)"
				if i < len(got) {
					g = got[i]
				}
				if i < len(want) {
					w = want[i]
				}
				if w == "(nothing)" || !strings.HasPrefix(g, w) {
					t.Errorf("fault %d:\n got %s\nwant %s", i+1, g, w)
				}
			}
		})
	}
}

// The mappings that come with the program are good.
func TestGivenMappings(t *testing.T) {
	files, err := filepath.Glob("../../../deploy/mappings/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		if _, err := ReadFile(file); err != nil {
			t.Error(err)
		}
	}
}

// So is the example of their description.
func TestReadmeExample(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/mappings/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("no example")
	}
	if _, err := Load("README.md", []byte(example)); err != nil {
		t.Error(err)
	}
}

func TestReadFileMissing(t *testing.T) {
	_, err := ReadFile("testdata/nothing.yaml")
	if err == nil || !strings.Contains(err.Error(), "mapping: open testdata/nothing.yaml") {
		t.Error(err)
	}
}
