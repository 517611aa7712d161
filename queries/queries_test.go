package queries

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFilesAreThere looks up each statement that the program names, and each
// statement that is there in the program.
func TestFilesAreThere(t *testing.T) {
	named := map[string]bool{}
	call := regexp.MustCompile(`\bFile\("([a-z_/]+)"\)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			named[m[1]] = true
			if _, err := fs.ReadFile(files, m[1]+".sql"); err != nil {
				t.Errorf("%s: no statement %s", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(named) == 0 {
		t.Fatal("no statement is named anywhere")
	}
	there, err := fs.Glob(files, "*/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		name := strings.TrimSuffix(file, ".sql")
		if !strings.HasPrefix(name, "schema/") && !named[name] {
			t.Errorf("nobody asks %s", file)
		}
	}
}

func TestStatementsAreCutAtSemicolonsThatEndALine(t *testing.T) {
	got := statements("-- only a comment;\n\nCREATE TABLE a (x String COMMENT 'a;b');\n-- next\nCREATE TABLE b (y String)\n;\n\n")
	if len(got) != 2 || !strings.Contains(got[0], "'a;b'") || !strings.Contains(got[1], "TABLE b") {
		t.Errorf("got %q", got)
	}
}

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	for name, o := range map[string]Options{
		"database name":   {DSN: "http://127.0.0.1:8123", Database: "a; DROP"},
		"no address":      {Database: "youzhi"},
		"native protocol": {DSN: "clickhouse://127.0.0.1:9000", Database: "youzhi"},
		"not a URL":       {DSN: "http://us er:secret@:::", Database: "youzhi"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}
