package source

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"youzhi/ingest/topic"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/import")

// Main hands Import the client of Kafka.
var _ Sink = (*topic.Client)(nil)

// log is a Sink that keeps what it is given, in one partition a topic.
type log struct {
	messages map[string][]topic.Message
	writes   int
	full     int // fails once it has so many messages; 0: never
}

var errFull = errors.New("the log is full")

func (l *log) Write(_ context.Context, name string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	if l.messages == nil {
		l.messages = make(map[string][]topic.Message)
	}
	l.writes++
	acks := make([]topic.Acknowledgement, len(messages))
	for i := range messages {
		if l.full > 0 && len(l.messages[name]) == l.full {
			acks[i].Offset = -1
			continue
		}
		acks[i].Offset = int64(len(l.messages[name]))
		l.messages[name] = append(l.messages[name], messages[i])
	}
	if l.full > 0 && len(l.messages[name]) == l.full {
		return acks, errFull
	}
	return acks, nil
}

// lines are the messages as text, one a line, in the order they were sent.
func (l *log) lines(topics ...string) string {
	var b strings.Builder
	for _, name := range topics {
		for _, m := range l.messages[name] {
			fmt.Fprintf(&b, "%s %s\n", m.Key, m.Value)
		}
	}
	return b.String()
}

var topics = []string{"youzhi.cases.v1", "youzhi.complaints.v1", "youzhi.surveys.v1", "youzhi.assurance.v1"}

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Each archive of testdata/import is a mapping (map.yaml), files, and what
// comes of an import. Its comment says why it is there; a line "inputs: …" names
// the inputs, a line "allow" allows bad rows.
func TestImport(t *testing.T) {
	archives, err := filepath.Glob("testdata/import/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			want := make(map[string]string)
			var given []txtar.File
			for _, f := range archive.Files {
				if strings.HasPrefix(f.Name, "want.") {
					want[f.Name] = string(f.Data)
					continue
				}
				given = append(given, f)
				if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			sink := &log{}
			o := Options{Mapping: "map.yaml", Inputs: []string{"in"}, Sink: sink, Now: now, Rejects: "rejects.csv"}
			for line := range strings.Lines(string(archive.Comment)) {
				line = strings.TrimSpace(line)
				if inputs, ok := strings.CutPrefix(line, "inputs: "); ok {
					o.Inputs = strings.Fields(inputs)
				}
				o.AllowBadRows = o.AllowBadRows || line == "allow"
			}
			result, err := Import(context.Background(), o)
			got := map[string]string{"want.events": sink.lines(topics...)}
			if err != nil {
				got["want.error"] = err.Error() + "\n"
			}
			if result.Rows > 0 {
				var text bytes.Buffer
				if err := result.WriteText(&text); err != nil {
					t.Fatal(err)
				}
				got["want.result"] = text.String()
			}
			if rejects, err := os.ReadFile("rejects.csv"); err == nil && result.BadRows > 0 {
				got["want.rejects"] = string(rejects)
			}
			if got["want.events"] == "" {
				delete(got, "want.events")
			}
			if diff := cmp.Diff(want, got); diff != "" && !*update {
				t.Error(diff)
			}
			if *update {
				for _, section := range []string{"want.events", "want.result", "want.rejects", "want.error"} {
					if text := got[section]; text != "" {
						given = append(given, txtar.File{Name: section, Data: []byte(text)})
					}
				}
				archive.Files = given
				updated[name] = txtar.Format(archive)
			}
		})
	}
	for name, text := range updated {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var updated = make(map[string][]byte)
