package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one row of an input while its events are made.
type row struct {
	input  *Input
	fields []string
	found  map[string]*Found
	notes  *Notes

	seen   []noteKey
	times  []readTime
	faults []Fault
}

// noteKey keeps a row from counting the same thing twice when several of its
// events use the same value.
type noteKey struct {
	table  string
	column int
}

type readTime struct {
	clock  *clock
	column int
	text   string
	at     time.Time
}

// none is the column of what stands in no column.
const none = -1

// value is what an expression yields: a text, "" for nothing, and the column
// that it came from, for messages.
type value struct {
	text   string
	column int
}

// Fault says why a row cannot become events.
type Fault struct {
	Column string // "" if no single column is to blame
	Reason string
}

func (r *row) fault(column int, format string, args ...any) *Fault {
	f := &Fault{Reason: fmt.Sprintf(format, args...)}
	if column != none {
		f.Column = r.input.columns[column]
	}
	return f
}

// blame puts a fault on the list, once, and reports whether there is one.
func (r *row) blame(f *Fault) bool {
	if f == nil {
		return false
	}
	if !slices.Contains(r.faults, *f) {
		r.faults = append(r.faults, *f)
	}
	return true
}

// once reports whether the row meets the key for the first time.
func (r *row) once(key noteKey) bool {
	if slices.Contains(r.seen, key) {
		return false
	}
	r.seen = append(r.seen, key)
	return true
}

func (r *row) readTime(c *clock, v value) (time.Time, *Fault) {
	for _, t := range r.times {
		if t.clock == c && t.column == v.column && t.text == v.text {
			return t.at, nil
		}
	}
	at, change, err := c.read(v.text)
	if err != nil {
		return time.Time{}, r.fault(v.column, "%v", err)
	}
	if r.once(noteKey{table: "local time", column: v.column}) {
		switch change {
		case skipped:
			r.notes.Skipped++
		case ambiguous:
			r.notes.Ambiguous++
		case noChange:
		}
	}
	r.times = append(r.times, readTime{clock: c, column: v.column, text: v.text, at: at})
	return at, nil
}

// expression yields the text of one value of a row.
type expression func(*row) (value, *Fault)

// kind is what a value is in JSON.
type kind string

const (
	asText    kind = "text"
	asInteger kind = "integer"
	asNumber  kind = "number"
	asBoolean kind = "boolean"
	asInstant kind = "instant"
	asDate    kind = "date"
)

// typed is an expression with the kind of its value. Its texts are checked:
// they are the JSON value, for a string without its quotes.
type typed struct {
	eval  expression
	kind  kind
	clock *clock   // that reads it as an instant or a date
	words []string // constants that it can yield
}

// convert makes an expression yield checked texts of the kind.
func convert(eval expression, k kind, c *clock) expression {
	if k == asText {
		return eval
	}
	return func(r *row) (value, *Fault) {
		v, fault := eval(r)
		if fault != nil || v.text == "" {
			return v, fault
		}
		text, fault := r.convert(v, k, c)
		return value{text, v.column}, fault
	}
}

func (r *row) convert(v value, k kind, c *clock) (string, *Fault) {
	switch k {
	case asInteger:
		// Programs that know no missing integer write whole numbers as 4.0.
		digits := v.text
		if whole, fraction, ok := strings.Cut(digits, "."); ok && strings.Trim(fraction, "0") == "" && fraction != "" {
			digits = whole
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return "", r.fault(v.column, "%s is no whole number", quote(v.text))
		}
		return strconv.FormatInt(n, 10), nil
	case asNumber:
		if !json.Valid([]byte(v.text)) || strings.Trim(v.text, "+-.0123456789eE") != "" {
			return "", r.fault(v.column, "%s is no number", quote(v.text))
		}
		return v.text, nil
	case asBoolean:
		b, err := strconv.ParseBool(v.text)
		if err != nil {
			return "", r.fault(v.column, "%s is neither true nor false", quote(v.text))
		}
		return strconv.FormatBool(b), nil
	case asInstant:
		at, fault := r.readTime(c, v)
		if fault != nil {
			return "", fault
		}
		return at.Format(time.RFC3339Nano), nil
	case asDate:
		for _, l := range c.layouts {
			if at, err := time.Parse(l.text, v.text); err == nil && l.unix == 0 {
				return at.Format(time.DateOnly), nil
			}
		}
		return "", r.fault(v.column, "%s is no date", quote(v.text))
	case asText:
	}
	return v.text, nil
}

// quote shortens a value for a message: a row may hold anything of any length.
func quote(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// node writes one value of `data`. It writes nothing and returns false where the
// row has none, or one with a fault, which it puts on the row's list.
type node interface {
	write(r *row, out *bytes.Buffer) bool
}

type literal []byte

func (l literal) write(_ *row, out *bytes.Buffer) bool {
	out.Write(l)
	return true
}

func (t *typed) write(r *row, out *bytes.Buffer) bool {
	v, fault := t.eval(r)
	if r.blame(fault) || v.text == "" {
		return false
	}
	switch t.kind {
	case asText, asInstant, asDate:
		writeString(out, v.text)
	case asInteger, asNumber, asBoolean:
		out.WriteString(v.text)
	}
	return true
}

type list []node

// write leaves out the items that the row has not, and with them a list of none.
func (l list) write(r *row, out *bytes.Buffer) bool {
	begin := out.Len()
	separator := byte('[')
	for _, n := range l {
		mark := out.Len()
		out.WriteByte(separator)
		if n.write(r, out) {
			separator = ','
		} else {
			out.Truncate(mark)
		}
	}
	if out.Len() == begin {
		return false
	}
	out.WriteByte(']')
	return true
}

type object []field

type field struct {
	name  string
	value node
}

func (o object) write(r *row, out *bytes.Buffer) bool {
	out.WriteByte('{')
	first := true
	for _, f := range o {
		mark := out.Len()
		if !first {
			out.WriteByte(',')
		}
		writeString(out, f.name)
		out.WriteByte(':')
		if f.value.write(r, out) {
			first = false
		} else {
			out.Truncate(mark)
		}
	}
	out.WriteByte('}')
	return true
}

// guarded is a value that the row has only if the condition holds.
type guarded struct {
	when condition
	node node
}

func (g guarded) write(r *row, out *bytes.Buffer) bool {
	ok, fault := g.when(r)
	return !r.blame(fault) && ok && g.node.write(r, out)
}

// writeString writes a JSON string. HTML is not escaped: a reader of raw events
// should see the words of the source.
func writeString(out *bytes.Buffer, text string) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err == nil { // a string in memory always encodes
		out.Truncate(out.Len() - 1) // the line break that Encode adds
	}
}

// condition says whether something holds for a row.
type condition func(*row) (bool, *Fault)

// never stands for a condition that could not be read.
func never(*row) (bool, *Fault) { return false, nil }

func not(c condition) condition {
	return func(r *row) (bool, *Fault) {
		ok, fault := c(r)
		return !ok, fault
	}
}

func allOf(parts []condition) condition {
	return func(r *row) (bool, *Fault) {
		for _, p := range parts {
			if ok, fault := p(r); fault != nil || !ok {
				return false, fault
			}
		}
		return true, nil
	}
}

func anyOf(parts []condition) condition {
	return func(r *row) (bool, *Fault) {
		for _, p := range parts {
			if ok, fault := p(r); fault != nil || ok {
				return ok, fault
			}
		}
		return false, nil
	}
}
