package event

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// tape is one JSON value cut into its parts in a single pass: what a message
// needs is looked up in it, and its bytes are read once. It is reused from message
// to message, so that a message costs no memory of its own.
//
// It accepts what encoding/json/v2 accepts, nested no deeper than MaxDepth: one
// value of RFC 8259 in UTF-8, without lone surrogates, without two members of the
// same name in an object. A test holds it to that library.
type tape struct {
	layouts
	text      []byte
	parts     []part
	sorted    []int32  // members of objects by name, an object's beside each other
	meanings  [][]byte // of names with escapes
	unsettled []int32  // members of objects that are not closed yet, a stack
	nameIDs   []int32  // their names as layouts knows them, beside them
	at        int
	depth     int
	spaced    bool // there is white space between the parts
}

// part is a value and, if it is a member of an object, its name.
type part struct {
	kind    byte // first byte of the value, '0' for numbers
	escaped bool // a string with escapes

	start, end int32 // of the value in text; a string's with its quotes
	next       int32 // the part behind this one and all within it

	// Of a member: its name between its quotes, and if it has escapes the index of
	// its meaning in meanings.
	nameStart, nameEnd int32
	nameMeaning        int32 // -1: as written

	// Of an object: where its members stand in sorted, and its layout; -1 is none.
	first, count, layout int32
}

// read cuts a message. It reports false on whatever is not exactly one acceptable
// value; why not is for diagnose to say. text must be UTF-8 already, and stay as
// it is while the tape is used.
func (t *tape) read(text []byte) bool {
	t.text, t.at, t.depth, t.spaced = text, 0, 0, false
	t.parts, t.sorted, t.meanings = t.parts[:0], t.sorted[:0], t.meanings[:0]
	t.unsettled, t.nameIDs = t.unsettled[:0], t.nameIDs[:0]
	t.prepare()
	t.space()
	if _, ok := t.value(0); !ok {
		return false
	}
	t.space()
	return t.at == len(text)
}

// raw is a value as written.
func (t *tape) raw(i int32) []byte { return t.text[t.parts[i].start:t.parts[i].end] }

// content is what a string means. It is a part of the text unless something is
// escaped.
func (t *tape) content(i int32) []byte {
	p := &t.parts[i]
	if !p.escaped {
		return t.text[p.start+1 : p.end-1]
	}
	return unquoted(t.text[p.start:p.end])
}

// name is what the name of a member means.
func (t *tape) name(i int32) []byte {
	p := &t.parts[i]
	if p.nameMeaning >= 0 {
		return t.meanings[p.nameMeaning]
	}
	return t.text[p.nameStart:p.nameEnd]
}

// unquoted is what a valid JSON string with escapes means.
func unquoted(written []byte) []byte {
	content, err := jsontext.AppendUnquote(nil, written)
	if err != nil {
		return nil // the tape has judged each escape
	}
	return content
}

func (t *tape) space() {
	for t.at < len(t.text) {
		switch t.text[t.at] {
		case ' ', '\t', '\n', '\r':
			t.spaced = true
			t.at++
		default:
			return
		}
	}
}

// skipSpace is space where mostly none is.
func (t *tape) skipSpace() {
	if t.at < len(t.text) && t.text[t.at] <= ' ' {
		t.space()
	}
}

// value reads the value that begins at t.at, of the member of that name, and
// returns its part.
func (t *tape) value(name int32) (int32, bool) {
	if t.at >= len(t.text) {
		return 0, false
	}
	i := int32(len(t.parts))
	c := t.text[t.at]
	t.parts = append(t.parts, part{kind: c, start: int32(t.at), nameMeaning: -1})
	ok := false
	switch c {
	case '"':
		var escaped bool
		escaped, ok = t.string()
		t.parts[i].escaped = escaped
	case '{':
		if t.depth++; t.depth <= MaxDepth {
			ok = t.object(i, name)
		}
		t.depth--
	case '[':
		if t.depth++; t.depth <= MaxDepth {
			ok = t.array(name)
		}
		t.depth--
	case 't':
		ok = t.literal("true")
	case 'f':
		ok = t.literal("false")
	case 'n':
		ok = t.literal("null")
	default:
		t.parts[i].kind = '0'
		ok = t.number()
	}
	t.parts[i].end, t.parts[i].next = int32(t.at), int32(len(t.parts))
	return i, ok
}

func (t *tape) literal(word string) bool {
	if len(t.text)-t.at < len(word) || string(t.text[t.at:t.at+len(word)]) != word {
		return false
	}
	t.at += len(word)
	return true
}

// number reads -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
func (t *tape) number() bool {
	if t.peek() == '-' {
		t.at++
	}
	if t.peek() == '0' {
		t.at++
	} else if !t.digits() {
		return false
	}
	if t.peek() == '.' {
		t.at++
		if !t.digits() {
			return false
		}
	}
	if t.peek()|0x20 == 'e' {
		t.at++
		if c := t.peek(); c == '+' || c == '-' {
			t.at++
		}
		return t.digits()
	}
	return true
}

// peek is the next byte, 0 at the end.
func (t *tape) peek() byte {
	if t.at < len(t.text) {
		return t.text[t.at]
	}
	return 0
}

func (t *tape) digits() bool {
	start := t.at
	for t.at < len(t.text) && t.text[t.at]-'0' <= 9 {
		t.at++
	}
	return t.at > start
}

// Bytes of a word, eight at a time.
const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// hasLess marks, by their highest bit, bytes of a word that are below n <= 128;
// bytes above the first marked one may be marked wrongly, bytes from 128 on never.
func hasLess(word, n uint64) uint64 { return (word - ones*n) & ^word & high }

// string reads a string from its quote to its other one.
func (t *tape) string() (escaped, ok bool) {
	text, at := t.text, t.at+1
	for {
		for at+8 <= len(text) {
			w := binary.LittleEndian.Uint64(text[at:])
			stop := hasLess(w, ' ') | hasLess(w^(ones*'"'), 1) | hasLess(w^(ones*'\\'), 1)
			if stop != 0 {
				at += bits.TrailingZeros64(stop) / 8
				break
			}
			at += 8
		}
		for at < len(text) && text[at] >= ' ' && text[at] != '"' && text[at] != '\\' {
			at++
		}
		if at >= len(text) || text[at] < ' ' {
			return false, false
		}
		if text[at] == '"' {
			t.at = at + 1
			return escaped, true
		}
		escaped = true
		n := escape(text[at:])
		if n == 0 {
			return false, false
		}
		at += n
	}
}

// escape is the length of the escape that s begins with, 0 if it is none: a
// backslash and a letter, or the four hexadecimal digits of a character. The two
// halves of a surrogate pair are one escape; half a pair is none.
func escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	switch r := hex4(s[2:]); {
	case r < 0 || r >= 0xDC00 && r < 0xE000:
		return 0
	case r < 0xD800 || r >= 0xE000:
		return 6
	}
	if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
		return 0
	}
	if low := hex4(s[8:]); low < 0xDC00 || low >= 0xE000 {
		return 0
	}
	return 12
}

// hex4 is the number of four hexadecimal digits, -1 if they are none.
func hex4(s []byte) int {
	if len(s) < 4 {
		return -1
	}
	n := 0
	for _, c := range s[:4] {
		switch {
		case c-'0' <= 9:
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

func (t *tape) array(name int32) bool {
	t.at++
	t.skipSpace()
	if t.peek() == ']' {
		t.at++
		return true
	}
	for {
		if _, ok := t.value(name); !ok {
			return false
		}
		t.skipSpace()
		c := t.peek()
		t.at++
		if c == ']' {
			return true
		}
		if c != ',' {
			return false
		}
		t.skipSpace()
	}
}

// object reads an object under that name.
func (t *tape) object(object, under int32) bool {
	base := len(t.unsettled)
	t.at++
	t.skipSpace()
	if t.peek() == '}' {
		t.at++
		t.parts[object].layout = -1
		return true
	}
	before := int32(0)
	for {
		start := t.at
		name, escaped := int32(0), false
		remembered := under != unknownName && before != unknownName
		if remembered {
			name = t.expect(t.successors(under, before), t.text[start:])
		}
		if name > 0 {
			t.at += len(t.layouts.names[name].quoted)
		} else {
			if t.peek() != '"' {
				return false
			}
			ok := false
			if escaped, ok = t.string(); !ok {
				return false
			}
			name = unknownName
			if remembered && !escaped {
				name = t.learn(under, before, t.text[start:t.at])
			}
		}
		end := t.at
		t.skipSpace()
		if t.peek() != ':' {
			return false
		}
		t.at++
		t.skipSpace()
		i, ok := t.value(name)
		if !ok {
			return false
		}
		m := &t.parts[i]
		if m.nameStart, m.nameEnd = int32(start+1), int32(end-1); escaped {
			m.nameMeaning = int32(len(t.meanings))
			t.meanings = append(t.meanings, unquoted(t.text[start:end]))
		}
		t.unsettled, t.nameIDs = append(t.unsettled, i), append(t.nameIDs, name)
		before = name
		t.skipSpace()
		c := t.peek()
		t.at++
		if c == '}' {
			break
		}
		if c != ',' {
			return false
		}
		t.skipSpace()
	}
	p := &t.parts[object]
	p.first, p.count = int32(len(t.sorted)), int32(len(t.unsettled)-base)
	if !t.settle(p, t.unsettled[base:], t.nameIDs[base:]) {
		return false
	}
	t.unsettled, t.nameIDs = t.unsettled[:base], t.nameIDs[:base]
	return true
}

// settle puts the members of an object, in the order of names, behind those that
// are sorted. It reports false when two have the same name.
func (t *tape) settle(object *part, members, names []int32) bool {
	if object.layout = t.find(names); object.layout >= 0 {
		for _, i := range t.known[object.layout].sorted {
			t.sorted = append(t.sorted, members[i])
		}
		return true
	}
	t.sorted = append(t.sorted, members...)
	sorted := t.sorted[object.first:]
	if !t.sort(sorted) {
		return false
	}
	object.layout = t.remember(names, members, sorted)
	return true
}

// compareNames orders two members, a and b, by name.
func (t *tape) compareNames(a, b int32) int { return compareUTF16(t.name(a), t.name(b)) }

// sort orders members by name and reports false when two have the same one. There
// are few, and those of one producer mostly in the same order.
func (t *tape) sort(members []int32) bool {
	if len(members) > 32 {
		return t.sortMany(members)
	}
	for i := 1; i < len(members); i++ {
		m := members[i]
		j := i
		for ; j > 0; j-- {
			order := t.compareNames(m, members[j-1])
			if order == 0 {
				return false
			}
			if order > 0 {
				break
			}
			members[j] = members[j-1]
		}
		members[j] = m
	}
	return true
}

// sortMany is sort for objects with more members than the contract knows of any.
func (t *tape) sortMany(members []int32) bool {
	slices.SortFunc(members, t.compareNames)
	for i := 1; i < len(members); i++ {
		if t.compareNames(members[i-1], members[i]) == 0 {
			return false
		}
	}
	return true
}

// compareUTF16 orders names as RFC 8785 does, by UTF-16 code units: of UTF-8 that
// is the order of bytes, but for characters beyond U+FFFF, whose surrogates stand
// before U+E000 to U+FFFF.
func compareUTF16(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

// appendCompact appends a value without the white space between its parts; order,
// numbers and escapes stay as received.
func (t *tape) appendCompact(out []byte, i int32) []byte {
	p := &t.parts[i]
	if !t.spaced || p.kind != '{' && p.kind != '[' {
		return append(out, t.text[p.start:p.end]...)
	}
	out = append(out, p.kind)
	for at := i + 1; at < p.next; at = t.parts[at].next {
		if at > i+1 {
			out = append(out, ',')
		}
		if m := &t.parts[at]; p.kind == '{' {
			out = append(append(out, t.text[m.nameStart-1:m.nameEnd+1]...), ':')
		}
		out = t.appendCompact(out, at)
	}
	return append(out, p.kind+2) // '{' and '}', '[' and ']' stand two apart
}

// appendCanonical appends a value in the form of RFC 8785, but for whole numbers,
// which stay as written: ids beyond 2^53 must not become equal. It is what
// jsontext.Value.Canonicalize makes with CanonicalizeRawInts(false), to which a
// test holds it.
func (t *tape) appendCanonical(out []byte, i int32) ([]byte, error) {
	p := &t.parts[i]
	var err error
	switch p.kind {
	case '{':
		out = append(out, '{')
		for n, m := range t.sorted[p.first : p.first+p.count] {
			if n > 0 {
				out = append(out, ',')
			}
			at := &t.parts[m]
			if at.nameMeaning < 0 {
				if at.start == at.nameEnd+2 && t.asWritten(at) {
					out = append(out, t.text[at.nameStart-1:at.end]...)
					continue
				}
				out = append(out, t.text[at.nameStart-1:at.nameEnd+1]...)
			} else if out, err = jsontext.AppendQuote(out, t.meanings[at.nameMeaning]); err != nil {
				return out, err
			}
			out = append(out, ':')
			if out, err = t.appendCanonical(out, m); err != nil {
				return out, err
			}
		}
		return append(out, '}'), nil
	case '[':
		out = append(out, '[')
		for at := i + 1; at < p.next; at = t.parts[at].next {
			if at > i+1 {
				out = append(out, ',')
			}
			if out, err = t.appendCanonical(out, at); err != nil {
				return out, err
			}
		}
		return append(out, ']'), nil
	}
	if t.asWritten(p) {
		return append(out, t.text[p.start:p.end]...), nil
	}
	raw := t.raw(i)
	switch {
	case p.kind == '"':
		return jsontext.AppendQuote(out, t.content(i))
	case string(raw) == "-0":
		return append(out, '0'), nil // as RFC 8785 and the library write it
	}
	return jsontext.AppendFormat(out, raw, jsontext.CanonicalizeRawFloats(true))
}

// asWritten says that a value is its own canonical form.
func (t *tape) asWritten(p *part) bool {
	switch p.kind {
	case '{', '[':
		return false
	case '"':
		return !p.escaped // nothing that RFC 8785 would escape can stand unescaped
	case '0':
		raw := t.text[p.start:p.end]
		return string(raw) != "-0" && !bytes.ContainsAny(raw, ".eE")
	}
	return true
}

// kindOf names the JSON type of a value for messages.
func (t *tape) kindOf(i int32) string {
	switch t.parts[i].kind {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// deepest returns how deep containers nest in what may be valid JSON; a scalar has
// depth 0.
func deepest(text []byte) int {
	most, now := 0, 0
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			now++
			most = max(most, now)
		case c == '}', c == ']':
			now--
		}
	}
	return most
}
