package embedded

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitInsert(t *testing.T) {
	for _, test := range []struct {
		text string
		want insertParts
	}{
		{"INSERT INTO t (a, b) FORMAT Native", insertParts{statement: "INSERT INTO t (a, b) ", format: "Native"}},
		{"INSERT INTO t FORMAT CSV\n1,2\n", insertParts{statement: "INSERT INTO t ", format: "CSV", rows: "1,2\n"}},
		{"insert into t format JSONEachRow {\"a\":1}", insertParts{statement: "insert into t ", format: "JSONEachRow", rows: "{\"a\":1}"}},
		{"INSERT INTO t VALUES (1, 'FORMAT x')", insertParts{statement: "INSERT INTO t ", format: "Values", rows: " (1, 'FORMAT x')"}},
		{"INSERT INTO t (a) SETTINGS async_insert = 0 FORMAT TSV\r\n\n", insertParts{statement: "INSERT INTO t (a) SETTINGS async_insert = 0 ", format: "TSV", rows: "\n"}},
		{"INSERT INTO values VALUES (1)", insertParts{statement: "INSERT INTO values ", format: "Values", rows: " (1)"}},
		{"INSERT INTO db.values VALUES (1)", insertParts{statement: "INSERT INTO db.values ", format: "Values", rows: " (1)"}},
		{"INSERT INTO db.format FORMAT TSV 1", insertParts{statement: "INSERT INTO db.format ", format: "TSV", rows: "1"}},
		{"INSERT INTO `a VALUES` (`FORMAT`) /* FORMAT CSV */ -- VALUES\nFORMAT CSV", insertParts{statement: "INSERT INTO `a VALUES` (`FORMAT`) /* FORMAT CSV */ -- VALUES\n", format: "CSV"}},
		{"INSERT INTO t SELECT 1 FORMAT CSV", insertParts{statement: "INSERT INTO t SELECT 1 FORMAT CSV", selects: true}},
		{"INSERT INTO t (a) WITH 1 AS x SELECT x", insertParts{statement: "INSERT INTO t (a) WITH 1 AS x SELECT x", selects: true}},
		{"INSERT INTO t (SELECT 1)", insertParts{statement: "INSERT INTO t (SELECT 1)", selects: true}},
		{"INSERT INTO FUNCTION file('x.csv', 'CSV', 'a UInt8') VALUES (1)", insertParts{statement: "INSERT INTO FUNCTION file('x.csv', 'CSV', 'a UInt8') ", format: "Values", rows: " (1)"}},
		{"INSERT INTO TABLE t FORMAT RowBinary\x00\n", insertParts{statement: "INSERT INTO TABLE t ", format: "RowBinary", rows: "\x00\n"}},
		{"INSERT INTO t", insertParts{statement: "INSERT INTO t", open: true}},
		{"INSERT INTO t (a", insertParts{statement: "INSERT INTO t (a", open: true}},
		{"INSERT INTO t FORMAT", insertParts{statement: "INSERT INTO t FORMAT", open: true}},
		{"INSERT INTO t (a) FORMAT Native;", insertParts{statement: "INSERT INTO t (a) ", format: "Native"}},
	} {
		got := splitInsert(test.text)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(insertParts{})); diff != "" {
			t.Errorf("%q: parts differ (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestOutputFormat(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1":                            "",
		"SELECT 1 FORMAT JSON":                "JSON",
		"SELECT 1 format CSV settings a = 1":  "CSV",
		"SELECT 1 SETTINGS a = 1 FORMAT CSV;": "CSV",
		"SELECT 'FORMAT JSON'":                "",
		"SELECT 1 -- FORMAT JSON":             "",
		"SELECT 1 /* FORMAT JSON */":          "",
		"SELECT format('{}', 1)":              "",
		"SELECT (SELECT 1 AS format) AS x":    "",
		"SELECT $$FORMAT JSON$$":              "",
		"SELECT $a$ FORMAT JSON $a$":          "",
		"SELECT 'it''s' FORMAT TSV":           "TSV",
		"SELECT '\\'' FORMAT TSV":             "TSV",
	} {
		if got := outputFormat(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFirstWord(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		" -- x\n/* y */ # z\n select 1":   "SELECT",
		"((SELECT 1) UNION ALL SELECT 2)": "SELECT",
		"/* open":                         "",
		"'text' x":                        "",
	} {
		if got := firstWord(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestTrimEnd(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1 ; -- done\n": "SELECT 1",
		"SELECT 1 /* x */":     "SELECT 1",
		"SELECT ';' ":          "SELECT ';'",
	} {
		if got := trimEnd(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzScan looks for text on which the scanner stops or leaves its bounds.
func FuzzScan(f *testing.F) {
	for _, text := range []string{"INSERT INTO t (a) FORMAT CSV\n1", "SELECT $a$ x $a$ '\\", "/*", "--", "`", "$", "$$", "''''", "\\"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		scan(text, func(found token) bool {
			if found.begin < last || found.end <= found.begin || found.end > len(text) {
				t.Fatalf("%q: token %d..%d after %d", text, found.begin, found.end, last)
			}
			last = found.end
			return true
		})
		splitInsert(text)
		outputFormat(text)
		trimEnd(text)
	})
}
