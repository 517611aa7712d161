package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/source/rows"
)

// Validation says how many events of a file keep the contract.
type Validation struct {
	Events int64                // good ones and bad ones
	Bad    int64                // those that ingest would put into quarantine
	Types  map[string]int64     // good ones by event type
	Codes  map[event.Code]int64 // bad ones by reason
}

// OK says that there are events and that none of them is bad.
func (v Validation) OK() bool { return v.Events > 0 && v.Bad == 0 }

// Finding is one event that breaks the contract.
type Finding struct {
	Line   int // where the event begins
	Code   event.Code
	Detail string
}

func (f Finding) String() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Code, f.Detail) }

// Validate judges the events of a file as ingest would judge them if Kafka had
// recorded them at the instant at. The file is NDJSON with an event on each
// line, or one JSON document: an event, or an array of events. Every event that
// breaks the contract is told to found. The error is one of reading or of found.
func Validate(in io.Reader, at time.Time, found func(Finding) error) (Validation, error) {
	v := validator{
		Validation: Validation{Types: make(map[string]int64), Codes: make(map[event.Code]int64)},
		at:         at, found: found,
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, err := buffered.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return v.Validation, fmt.Errorf("validate: %w", err)
	}
	if isDocument(head) {
		err = v.document(buffered)
	} else {
		err = v.lines(buffered)
	}
	if err != nil {
		err = fmt.Errorf("validate: %w", err)
	}
	return v.Validation, err
}

// isDocument tells a JSON document that spans lines from NDJSON.
func isDocument(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	first, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(head, []byte("[")) || string(bytes.TrimSpace(first)) == "{"
}

type validator struct {
	Validation
	at    time.Time
	found func(Finding) error
}

func (v *validator) judge(line int, value []byte) error {
	e, err := event.Decode(value, v.at, "")
	if err == nil {
		v.Events++
		v.Types[e.Type]++
		return nil
	}
	var reject *event.Reject
	if !errors.As(err, &reject) {
		return err
	}
	return v.bad(Finding{Line: line, Code: reject.Code, Detail: reject.Detail})
}

func (v *validator) bad(f Finding) error {
	v.Events++
	v.Bad++
	v.Codes[f.Code]++
	return v.found(f)
}

func (v *validator) lines(in io.Reader) error {
	lines, err := rows.NewLines(in)
	if err != nil {
		return err
	}
	for {
		line, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Long:
			err = v.bad(Finding{Line: line.Number, Code: event.CodeOversize, Detail: fmt.Sprintf("more than %d bytes", rows.MaxRow)})
		case len(bytes.TrimSpace(line.Text)) > 0:
			err = v.judge(line.Number, line.Text)
		}
		if err != nil {
			return err
		}
	}
}

// document reads values one after the other, and of an array its elements. What
// is no JSON ends the reading, since nothing tells where the next event begins.
func (v *validator) document(in *bufio.Reader) error {
	head, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head) == "\uFEFF" {
		if _, err := in.Discard(len(head)); err != nil {
			return err
		}
	}
	array, skipped, err := opensArray(in)
	if err != nil {
		return err
	}
	breaks := &lineBreaks{in: in, passed: skipped}
	d := json.NewDecoder(breaks)
	if array {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	for !array || d.More() {
		var value json.RawMessage
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) && !array {
			return nil
		}
		if err != nil {
			return v.broken(err, d, breaks)
		}
		if err := v.judge(breaks.line(d.InputOffset()-int64(len(value))), value); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return v.broken(err, d, breaks)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v.bad(Finding{Line: breaks.line(d.InputOffset()), Code: event.CodeTrailing, Detail: "something follows the array"})
	}
	return nil
}

// broken tells what is no JSON from what cannot be read.
func (v *validator) broken(err error, d *json.Decoder, breaks *lineBreaks) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return v.bad(Finding{Line: breaks.line(breaks.offset), Code: event.CodeJSON, Detail: "the document ends in the middle"})
	case errors.As(err, &syntax):
		line := breaks.line(d.InputOffset())
		// What is broken begins behind the white space.
		rest := bufio.NewReader(d.Buffered())
		if _, skipped, err := opensArray(rest); err == nil {
			line += skipped
		}
		return v.bad(Finding{Line: line, Code: event.CodeJSON, Detail: syntax.Error() + "; nothing behind it was read"})
	}
	return err
}

// opensArray looks over white space at the first character; it also returns the
// lines that it passed.
func opensArray(in *bufio.Reader) (array bool, lines int, err error) {
	for {
		char, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return false, lines, nil
		case err != nil:
			return false, lines, err
		case char == '\n':
			lines++
		case char != ' ' && char != '\t' && char != '\r':
			return char == '[', lines, in.UnreadByte()
		}
	}
}

// lineBreaks remembers where lines end, as long as that is asked for.
type lineBreaks struct {
	in     io.Reader
	offset int64   // of what was read
	ends   []int64 // of the lines that are not passed yet
	passed int
}

func (b *lineBreaks) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	for i, char := range p[:n] {
		if char == '\n' {
			b.ends = append(b.ends, b.offset+int64(i))
		}
	}
	b.offset += int64(n)
	return n, err
}

// line returns the line of an offset; offsets are asked for in rising order.
func (b *lineBreaks) line(offset int64) int {
	n := 0
	for n < len(b.ends) && b.ends[n] < offset {
		n++
	}
	b.ends = b.ends[n:]
	b.passed += n
	return b.passed + 1
}

// WriteText writes the sums for people, one a line.
func (v Validation) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events, %d bad\n", v.Events, v.Bad)
	for _, typ := range slices.Sorted(maps.Keys(v.Types)) {
		fmt.Fprintf(&b, "  good %s: %d\n", typ, v.Types[typ])
	}
	for _, code := range slices.Sorted(maps.Keys(v.Codes)) {
		fmt.Fprintf(&b, "  bad %s: %d\n", code, v.Codes[code])
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write validation: %w", err)
	}
	return nil
}
