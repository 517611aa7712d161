package rows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csv reads a CSV file after RFC 4180. It is not encoding/csv because a quote
// that is never closed there takes the rest of the file into memory and with
// it every row that follows.
type csv struct {
	lines     *Lines
	pending   []Line // lines that were read ahead in vain and are read again
	delimiter []byte
	trim      bool
	header    []string
	pick      []int // the place in the file of each asked-for column

	fields []byte // the fields of one row, without quotes, one after the other
	ends   []int  // where each of them ends
	values []string
}

func newCSV(in *Lines, format Format, columns []string) (*csv, error) {
	c := &csv{lines: in, delimiter: []byte(string(format.Delimiter)), trim: format.Trim, header: format.Columns}
	if len(c.header) == 0 {
		if err := c.readHeader(); err != nil {
			return nil, err
		}
	}
	places := make(map[string]int, len(c.header))
	repeated := make(map[string]bool)
	for i, name := range c.header {
		if _, ok := places[name]; ok {
			repeated[name] = true
		}
		places[name] = i
	}
	var missing []string
	for _, name := range columns {
		place, ok := places[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		if repeated[name] {
			return nil, fmt.Errorf("column %s stands twice in the header", name)
		}
		c.pick = append(c.pick, place)
	}
	if missing != nil {
		return nil, &MissingError{Columns: missing, Has: c.header}
	}
	c.values = make([]string, len(columns))
	return c, nil
}

func (c *csv) readHeader() error {
	_, err := c.record()
	var bad *Bad
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty, not even a header")
	case errors.As(err, &bad):
		return fmt.Errorf("header: %w", bad)
	case err != nil:
		return err
	}
	if !utf8.Valid(c.fields) {
		return errors.New("header: not UTF-8")
	}
	for i := range c.ends {
		c.header = append(c.header, strings.TrimSpace(string(c.field(i))))
	}
	return nil
}

func (c *csv) field(i int) []byte {
	begin := 0
	if i > 0 {
		begin = c.ends[i-1]
	}
	return c.fields[begin:c.ends[i]]
}

func (c *csv) Read() ([]string, int, error) {
	number, err := c.record()
	if err != nil {
		return nil, number, err
	}
	if len(c.ends) != len(c.header) {
		return nil, number, &Bad{Line: number, Reason: fmt.Sprintf("%d fields, the file has %d columns", len(c.ends), len(c.header))}
	}
	for i, place := range c.pick {
		field := c.field(place)
		if c.trim {
			field = bytes.Trim(field, " \t")
		}
		if !utf8.Valid(field) {
			return nil, number, &Bad{Line: number, Column: c.header[place], Reason: "not UTF-8"}
		}
		c.values[i] = string(field)
	}
	return c.values, number, nil
}

func (c *csv) nextLine() (Line, error) {
	if len(c.pending) > 0 {
		l := c.pending[0]
		c.pending = c.pending[1:]
		return l, nil
	}
	return c.lines.Next()
}

// record reads one row into fields and ends and returns the line on which it
// begins. Lines without a single character are no rows.
func (c *csv) record() (int, error) {
	var l Line
	var err error
	for {
		if l, err = c.nextLine(); err != nil {
			return 0, err
		}
		if len(l.Text) > 0 || l.Long {
			break
		}
	}
	first := l.Number
	if l.Long {
		return first, &Bad{Line: first, Reason: fmt.Sprintf("longer than %d bytes", MaxRow)}
	}
	c.fields, c.ends = c.fields[:0], c.ends[:0]
	text := l.Text
	// The lines after the first are kept as long as the row is open: a quote
	// that is never closed belongs to the first line alone, and the others are
	// then read again as rows of their own.
	var held []Line
	giveBack := func(reason string) (int, error) {
		c.pending = append(held, c.pending...)
		return first, &Bad{Line: first, Reason: reason}
	}
	for {
		if len(text) == 0 || text[0] != '"' {
			end := bytes.Index(text, c.delimiter)
			field := text
			if end >= 0 {
				field = text[:end]
			}
			if bytes.IndexByte(field, '"') >= 0 {
				return first, &Bad{Line: first, Reason: fmt.Sprintf("field %d has a quote within but is not quoted itself", len(c.ends)+1)}
			}
			c.fields = append(c.fields, field...)
			c.ends = append(c.ends, len(c.fields))
			if end < 0 {
				return first, nil
			}
			text = text[end+len(c.delimiter):]
			continue
		}
		text = text[1:]
		for {
			quote := bytes.IndexByte(text, '"')
			if quote < 0 {
				c.fields = append(append(c.fields, text...), '\n')
				if len(c.fields) > MaxRow {
					return giveBack(fmt.Sprintf("the quote that opens field %d is not closed within %d bytes", len(c.ends)+1, MaxRow))
				}
				l, err = c.nextLine()
				switch {
				case errors.Is(err, io.EOF):
					return giveBack(fmt.Sprintf("the quote that opens field %d is never closed", len(c.ends)+1))
				case err != nil:
					return first, err
				}
				kept := l
				kept.Text = bytes.Clone(l.Text)
				held = append(held, kept)
				if l.Long {
					return giveBack(fmt.Sprintf("the quote that opens field %d is not closed within %d bytes", len(c.ends)+1, MaxRow))
				}
				text = kept.Text
				continue
			}
			c.fields = append(c.fields, text[:quote]...)
			text = text[quote+1:]
			if len(text) > 0 && text[0] == '"' {
				c.fields = append(c.fields, '"')
				text = text[1:]
				continue
			}
			break
		}
		c.ends = append(c.ends, len(c.fields))
		if len(text) == 0 {
			return first, nil
		}
		if !bytes.HasPrefix(text, c.delimiter) {
			return first, &Bad{Line: first, Reason: fmt.Sprintf("field %d goes on after its closing quote (line %d)", len(c.ends), l.Number)}
		}
		text = text[len(c.delimiter):]
	}
}
