package rows

import (
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAll writes what a reader yields: "line: values" or "line: !reason".
func readAll(t *testing.T, in string, format Format, columns ...string) []string {
	t.Helper()
	r, err := Open(strings.NewReader(in), format, columns)
	if err != nil {
		return []string{"open: " + err.Error()}
	}
	var out []string
	for {
		values, line, err := r.Read()
		var bad *Bad
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.As(err, &bad):
			if bad.Line != line {
				t.Errorf("line %d and %d of one bad row", bad.Line, line)
			}
			out = append(out, "!"+bad.Error())
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, fmt.Sprintf("%d: %s", line, strings.Join(values, "|")))
		}
	}
}

var comma = Format{Kind: CSV, Delimiter: ','}

func TestCSV(t *testing.T) {
	long := strings.Repeat("x", MaxRow)
	for _, test := range []struct {
		name, in string
		format   Format
		columns  []string
		want     []string
	}{
		{"columns in the wanted order", "a,b,c\n1,2,3\n", comma, []string{"c", "a"}, []string{"2: 3|1"}},
		{"byte order mark", "\uFEFFa,b\n1,2\n", comma, []string{"a"}, []string{"2: 1"}},
		{"byte order mark before a quote", "\uFEFF\"a\",b\n1,2\n", comma, []string{"a"}, []string{"2: 1"}},
		{"CRLF", "a,b\r\n1,2\r\n3,4", comma, []string{"a", "b"}, []string{"2: 1|2", "3: 3|4"}},
		{"no line break at the end", "a\n1", comma, []string{"a"}, []string{"2: 1"}},
		{"line breaks within quotes", "a,b\n\"x\ny\r\n\nz\",2\n3,4\n", comma, []string{"a", "b"}, []string{"2: x\ny\n\nz|2", "6: 3|4"}},
		{"doubled quotes", "a,b\n\"say \"\"hi\"\"\",\"\"\n", comma, []string{"a", "b"}, []string{"2: say \"hi\"|"}},
		{"delimiter within quotes", "a,b\n\"1,2\",3\n", comma, []string{"a", "b"}, []string{"2: 1,2|3"}},
		{"empty lines are no rows", "a\n\n1\n\r\n2\n", comma, []string{"a"}, []string{"3: 1", "5: 2"}},
		{"empty fields at the ends", "a,b,c\n,,\n", comma, []string{"a", "b", "c"}, []string{"2: ||"}},
		{
			"ragged rows", "a,b\n1\n1,2,3\n4,5\n", comma, []string{"a"},
			[]string{"!line 2: 1 fields, the file has 2 columns", "!line 3: 3 fields, the file has 2 columns", "4: 4"},
		},
		{
			"bad UTF-8 in a column that is read", "a,b\n\xff,2\n3,\xff\n", comma, []string{"a"},
			[]string{"!line 2: column a: not UTF-8", "3: 3"},
		},
		{
			"a quote within", "a,b\n1\"2,3\n4,5\n", comma, []string{"a"},
			[]string{"!line 2: field 1 has a quote within but is not quoted itself", "3: 4"},
		},
		{
			"text behind a quote", "a,b\n\"1\"2,3\n4,5\n", comma, []string{"a"},
			[]string{"!line 2: field 1 goes on after its closing quote (line 2)", "3: 4"},
		},
		{
			"a quote that is never closed costs its line alone", "a,b\n\"1,2\n3,4\n5,6\n", comma, []string{"a"},
			[]string{"!line 2: the quote that opens field 1 is never closed", "3: 3", "4: 5"},
		},
		{
			"so do two of them", "a,b\n1,\"2\n3,4\n\"5,6\n7,8", comma, []string{"a"},
			[]string{"!line 2: field 2 goes on after its closing quote (line 4)", "5: 7"},
		},
		{
			"a row that is too long", "a,b\n" + long + "x,2\n3,4\n", comma, []string{"a"},
			[]string{"!line 2: longer than 1048576 bytes", "3: 3"},
		},
		{
			"a quoted field that is too long", "a,b\n\"x\n" + long[:MaxRow-1] + "\ny\n3,4\n", comma, []string{"a"},
			[]string{
				"!line 2: the quote that opens field 1 is not closed within 1048576 bytes",
				"!line 3: 1 fields, the file has 2 columns", "!line 4: 1 fields, the file has 2 columns", "5: 3",
			},
		},
		{"semicolons and spaces", "a; b \n 1 ;\"2;\t\"\n", Format{Kind: CSV, Delimiter: ';', Trim: true}, []string{"a", "b"}, []string{"2: 1|2;"}},
		{"a delimiter of two bytes", "a§b\n1§\"2§\"\n", Format{Kind: CSV, Delimiter: '§'}, []string{"a", "b"}, []string{"2: 1|2§"}},
		{"no header", "1,2\n3,4\n", Format{Kind: CSV, Delimiter: ',', Columns: []string{"a", "b"}}, []string{"b"}, []string{"1: 2", "2: 4"}},
		{"columns that lack", "a,b\n1,2\n", comma, []string{"c", "a", "d"}, []string{"open: no column c, d; the file has a, b"}},
		{"a column twice", "a,b,a\n1,2,3\n", comma, []string{"a"}, []string{"open: column a stands twice in the header"}},
		{"an unread column twice", "a,b,a\n1,2,3\n", comma, []string{"b"}, []string{"2: 2"}},
		{"nothing", "", comma, []string{"a"}, []string{"open: the file is empty, not even a header"}},
		{"UTF-16", "\xff\xfea\x00", comma, []string{"a"}, []string{"open: the file is UTF-16; save it as UTF-8"}},
		{"header that is no UTF-8", "\xe9t\xe9,b\n", comma, []string{"b"}, []string{"open: header: not UTF-8"}},
		{"header with a broken quote", "a\"b\n1\n", comma, []string{"b"}, []string{"open: header: line 1: field 1 has a quote within but is not quoted itself"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readAll(t, test.in, test.format, test.columns...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzCSV holds the reader against the standard library's: wherever that one
// accepts a whole file, both read the same.
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("a\r\n\"x\r\ny\"\n\n\"\"\"\"\n")
	f.Add("\"a\",\"b\n\n\nc\"\n1,2,3")
	f.Add("a,\"\n")
	f.Fuzz(func(t *testing.T, in string) {
		std := stdcsv.NewReader(strings.NewReader(in))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		ours, openErr := Open(strings.NewReader(in), Format{Kind: CSV, Delimiter: ',', Columns: []string{"x"}}, nil)
		if openErr != nil {
			return // UTF-16
		}
		reader, ok := ours.(*csv)
		if !ok {
			t.Fatalf("a %T", ours)
		}
		var got [][]string
		for {
			_, recordErr := reader.record()
			if errors.Is(recordErr, io.EOF) {
				break
			}
			if recordErr != nil {
				got = nil
				var bad *Bad
				if !errors.As(recordErr, &bad) {
					t.Fatal(recordErr)
				}
				if err == nil {
					t.Fatalf("%v; the standard library reads it", recordErr)
				}
				continue
			}
			var row []string
			for i := range reader.ends {
				row = append(row, string(reader.field(i)))
			}
			got = append(got, row)
		}
		// A byte order mark is text there.
		if err != nil || strings.HasPrefix(in, "\uFEFF") || len(want) == 0 {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNDJSON(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"values of all kinds", `{"a":"x","b":{"c":12345678901234567890,"d":[1,{"c":2}]}}` + "\n" + `{"b":{"c":true},"a":null}` + "\n", []string{"1: x|12345678901234567890", "2: |true"}},
		{"numbers as they are written", `{"a":1.50,"b":{"c":1e3}}`, []string{"1: 1.50|1e3"}},
		{"left out, empty lines, CRLF", "\r\n{}\r\n\n{\"a\":\"ü\"}\r\n", []string{"2: |", "4: ü|"}},
		{"byte order mark", "\uFEFF{\"a\":1}", []string{"1: 1|"}},
		{"no object", "[1]\n7\n{\"a\":1}", []string{"!line 1: not a JSON object: it begins with [", "!line 2: not a JSON object: it begins with 7", "3: 1|"}},
		{"cut off", `{"a":`, []string{"!line 1: not a JSON object: it ends in the middle"}},
		{"two on a line", `{"a":1} {"a":2}`, []string{"!line 1: not a JSON object: more follows on the same line"}},
		{"a member twice", `{"a":1,"a":2}`, []string{"!line 1: column a: stands twice"}},
		{"an unread member twice", `{"x":1,"x":2,"a":3}`, []string{"1: 3|"}},
		{"an object for a value", `{"a":{"x":1}}`, []string{"!line 1: column a: holds an object or array, not one value"}},
		{"bad UTF-8", "{\"a\":\"\xff\"}\n{\"a\":1}", []string{"!line 1: not UTF-8", "2: 1|"}},
		{"too long", `{"a":"` + strings.Repeat("x", MaxRow) + "\"}\n{\"a\":1}", []string{"!line 1: longer than 1048576 bytes", "2: 1|"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readAll(t, test.in, Format{Kind: NDJSON}, "a", "b.c")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckNDJSON(t *testing.T) {
	in := "{\"a\":1,\"x\":{\"y\":1}}\nbroken\n{\"b\":{\"c\":2}}\n"
	format := Format{Kind: NDJSON}
	if err := Check(strings.NewReader(in), format, []string{"a", "b.c"}); err != nil {
		t.Error(err)
	}
	err := Check(strings.NewReader(in), format, []string{"a", "b.d"})
	if want := "no column b.d; the file has a, b, b.c, x, x.y"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
