// Package rows reads the rows of CSV and NDJSON files as a stream: of each row
// only the columns that are asked for, and of each row that cannot be read the
// line and the reason, so that one bad row never costs its neighbours.
package rows

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxRow is the largest row in bytes, line breaks within quotes included. It
// bounds the memory that a file can claim, whatever stands in it.
const MaxRow = 1 << 20

// Format says how a file is written down.
type Format struct {
	Kind      Kind
	Delimiter rune     // CSV: between fields
	Columns   []string // CSV without a header line: the names of its columns, in order
	Trim      bool     // CSV: spaces and tabs around a value are no part of it
}

// Kind is the kind of a file.
type Kind string

// The kinds of files. In NDJSON each line is a JSON object, and the name of a
// column is the path to a member of it, with dots: "customer.state".
const (
	CSV    Kind = "csv"
	NDJSON Kind = "ndjson"
)

// A Bad row is one that cannot be used; the reading goes on after it.
type Bad struct {
	Line   int    // in the file, from 1
	Column string // "" where the whole row is meant
	Reason string
}

func (b *Bad) Error() string {
	if b.Column == "" {
		return fmt.Sprintf("line %d: %s", b.Line, b.Reason)
	}
	return fmt.Sprintf("line %d: column %s: %s", b.Line, b.Column, b.Reason)
}

// Reader reads the rows of one file.
type Reader interface {
	// Read returns the asked-for columns of the next row, in the order in which
	// they were asked for, and the line on which the row begins. A column that
	// holds nothing is "". The slice is valid until the next call, the strings
	// stay. The error is io.EOF at the end and *Bad for a row that cannot be
	// read; after any other error the file cannot be read further.
	Read() (values []string, line int, err error)
}

// MissingError names the columns that a file lacks.
type MissingError struct {
	Columns []string // asked for and not there
	Has     []string // what the file has instead
}

func (m *MissingError) Error() string {
	return fmt.Sprintf("no column %s; the file has %s", strings.Join(m.Columns, ", "), strings.Join(m.Has, ", "))
}

// Open begins to read r, whose rows are to yield the columns. The error is a
// *MissingError if a CSV file lacks one of them. What an NDJSON file lacks
// cannot be seen at its beginning: ask Check first.
func Open(r io.Reader, format Format, columns []string) (Reader, error) {
	lines, err := NewLines(r)
	if err != nil {
		return nil, err
	}
	if format.Kind == NDJSON {
		return newNDJSON(lines, columns), nil
	}
	return newCSV(lines, format, columns)
}

// Check reads of r what is needed to know that it has the columns: the header
// of a CSV file; the lines of an NDJSON file, where a member may be left out of
// any line, until each column was seen once. The error is a *MissingError if
// one is lacking.
func Check(r io.Reader, format Format, columns []string) error {
	reader, err := Open(r, format, columns)
	if err != nil {
		return err
	}
	if lines, ok := reader.(*ndjson); ok {
		return lines.check()
	}
	return nil
}

// Line is one line of a file without its line break.
type Line struct {
	Number int // from 1
	Text   []byte
	Long   bool // longer than MaxRow; Text is its beginning
}

// Lines splits a file at its line breaks (LF or CRLF).
type Lines struct {
	in     *bufio.Reader
	number int
	buf    []byte
}

var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16LE = []byte{0xFF, 0xFE}
	bomUTF16BE = []byte{0xFE, 0xFF}
)

// NewLines begins to read r. A byte order mark of UTF-8 is no part of the first
// line; one of UTF-16 is an error.
func NewLines(r io.Reader) (*Lines, error) {
	in := bufio.NewReaderSize(r, 128<<10)
	head, err := in.Peek(len(bomUTF8))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		if _, err := in.Discard(len(bomUTF8)); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(head, bomUTF16LE), bytes.HasPrefix(head, bomUTF16BE):
		return nil, errors.New("the file is UTF-16; save it as UTF-8")
	}
	return &Lines{in: in}, nil
}

// Next returns the next line; its text is valid until the following call. The
// error is io.EOF at the end.
func (l *Lines) Next() (Line, error) {
	l.buf = l.buf[:0]
	out := Line{Number: l.number + 1}
	for {
		part, err := l.in.ReadSlice('\n')
		if room := MaxRow - len(l.buf); len(part) > room+1 {
			out.Long = true
			l.buf = append(l.buf, part[:room]...)
		} else {
			l.buf = append(l.buf, part...)
		}
		switch {
		case err == nil:
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			if len(l.buf) == 0 {
				return Line{}, io.EOF
			}
		default:
			return Line{}, err
		}
		break
	}
	l.number++
	if !out.Long {
		l.buf = bytes.TrimSuffix(l.buf, []byte("\n"))
		l.buf = bytes.TrimSuffix(l.buf, []byte("\r"))
	}
	out.Text = l.buf
	return out, nil
}
