package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"youzhi/deploy/process/processtest"
)

// change puts a text of a source file in the place of another, in the program that
// the tests build. The old text stands in the file once.
type change struct {
	file     string // from the root of the module
	old, new string
}

// The places at which the program can be ended.
const (
	// A batch: its events are stored, its quarantine is not; all of it is stored,
	// and not committed; it is committed, and not folded.
	insertQuarantine = "insert→quarantine"
	insertCommit     = "insert→commit"
	commitFold       = "commit→fold"
	// The fold: what has arrived is found, the state is written, the facts are
	// written, and the run is not complete.
	foldFound = "fold:found"
	foldState = "fold:state"
	foldFacts = "fold:facts"
	// ClickHouse has an insert's rows; it has stored them and not said so.
	clickhouseRows   = "clickhouse:rows"
	clickhouseStored = "clickhouse:stored"
)

const (
	pipelineFile = "ingest/consume/pipeline.go"
	foldFile     = "jobs/fold/fold.go"
	handlerFile  = "deploy/embedded/handler.go"
)

// reach is a place before or behind a text of the source.
func reach(place, file, before, text, behind string) change {
	call := "failpoint.Reach(\"" + place + "\")\n"
	with := text
	if before != "" {
		with = before + call + with
	}
	if behind != "" {
		with += behind + call
	}
	return change{file, text, with}
}

var places = []change{
	reach(insertQuarantine, pipelineFile, "", "\tif len(b.quarantine) > 0 {\n", "\t\t"),
	reach(insertCommit, pipelineFile, "\t", "\terr := p.retry(ctx, \"commit\", p.topic,", ""),
	reach(commitFold, pipelineFile, "\t", "\tc := &p.o.Counters\n", ""),
	reach(foldFound, foldFile, "\t", "\ttouched, err := j.o.Builder.Touched(ctx, run.Number)\n", ""),
	reach(foldState, foldFile, "\t", "\tbefore := last.AsOf\n", ""),
	reach(foldFacts, foldFile, "\t", "\tfor _, r := range ranges {\n\t\trun.Next[r.Place] = r.End\n", ""),
	reach(clickhouseRows, handlerFile, "\t", "\tdone, err := in.finish()\n", ""),
	reach(clickhouseStored, handlerFile, "\t", "\ta.summarise(done)\n\treturn nil\n", ""),
}

// root is the folder of the module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// built is a program with the places in it, made once for each set of changes.
var built struct {
	sync.Mutex
	dir      string
	programs map[string]string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

// build makes the program with the places and with further changes in it.
func build(t testing.TB, name string, changes ...change) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path := built.programs[name]; path != "" {
		return path
	}
	if built.dir == "" {
		if err := processtest.Sources(root(t)); err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("", "youzhi-faults-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.programs = dir, map[string]string{}
	}
	sources := map[string]string{}
	for _, c := range append(append([]change{}, places...), changes...) {
		path := filepath.Join(root(t), filepath.FromSlash(c.file))
		text, ok := sources[path]
		if !ok {
			original, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.Replace(string(original), "import (\n", "import (\n\t\"youzhi/ingest/faults/failpoint\"\n", 1)
		}
		if n := strings.Count(text, c.old); n != 1 {
			t.Fatalf("%s has %d times\n%s", c.file, n, c.old)
		}
		sources[path] = strings.Replace(text, c.old, c.new, 1)
	}
	dir := filepath.Join(built.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	var faults []error
	for path, text := range sources {
		replace[path] = filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(path, root(t)), string(filepath.Separator), "_"))
		faults = append(faults, os.WriteFile(replace[path], []byte(text), 0o600))
	}
	overlay, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "youzhi")
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err := errors.Join(append(faults, err, os.WriteFile(overlay, list, 0o600))...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-ldflags", "-s -w", "-o", program, ".")
	command.Dir, command.Env = root(t), append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the program %s: %v\n%s", name, err, text)
	}
	built.programs[name] = program
	return program
}
