package mapping

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"youzhi/ingest/source/rows"
)

// Lookup is a second file in which rows are found by a key. It is held in
// memory while an import runs, but of its columns only the key and those taken.
type Lookup struct {
	Name    string
	Files   string // pattern of the file names
	Format  rows.Format
	Columns []string // key, taken columns, and the one of the order if there is one
	Line    int      // in the mapping file

	taken   int // how many columns are taken
	order   bool
	numeric bool
}

// Found holds the rows of a look-up by their key.
type Found struct {
	lookup *Lookup
	byKey  map[string]found
}

type found struct {
	order  string
	number int64
	values []string
}

// NewFound returns an empty table of the look-up.
func (l *Lookup) NewFound() *Found {
	return &Found{lookup: l, byKey: make(map[string]found)}
}

// Read adds the rows of one file. Of rows with the same key the first by the
// order column stays, whatever their order in the file; without an order column
// such rows must say the same. Every bad row is told to bad. It returns the
// number of rows, bad ones included.
func (f *Found) Read(in rows.Reader, bad func(*rows.Bad)) (count int64, err error) {
	l := f.lookup
	for ; ; count++ {
		values, line, err := in.Read()
		var badRow *rows.Bad
		switch {
		case errors.Is(err, io.EOF):
			return count, nil
		case errors.As(err, &badRow):
			bad(badRow)
			continue
		case err != nil:
			return count, err
		}
		key := values[0]
		if key == "" {
			bad(&rows.Bad{Line: line, Column: l.Columns[0], Reason: "empty; it is the key of the look-up " + l.Name})
			continue
		}
		row := found{values: slices.Clone(values[1 : 1+l.taken])}
		if l.order {
			row.order = values[1+l.taken]
			if l.numeric {
				if row.number, err = strconv.ParseInt(row.order, 10, 64); err != nil {
					bad(&rows.Bad{Line: line, Column: l.Columns[1+l.taken], Reason: quote(row.order) + " is no whole number; it orders the look-up " + l.Name})
					continue
				}
			}
		}
		old, ok := f.byKey[key]
		switch {
		case ok && !l.order && !slices.Equal(old.values, row.values):
			bad(&rows.Bad{Line: line, Column: l.Columns[0], Reason: fmt.Sprintf("the look-up %s has another row with this key; order_by would say which counts", l.Name)})
		case !ok || l.compare(row, old) < 0:
			f.byKey[key] = row
		}
	}
}

func (l *Lookup) compare(a, b found) int {
	if a.number != b.number {
		if a.number < b.number {
			return -1
		}
		return 1
	}
	if c := strings.Compare(a.order, b.order); c != 0 {
		return c
	}
	return slices.Compare(a.values, b.values)
}
