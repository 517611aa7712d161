package event

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// canonicaliser writes JSON in the form of RFC 8785, but for whole numbers,
// which stay as written: ids beyond 2^53 must not become equal. It does what
// jsontext.Value.Canonicalize does with CanonicalizeRawInts(false), which a test
// holds it to, at a third of the cost, for it reads what is already found valid.
type canonicaliser struct {
	out     []byte
	members []namedValue // a stack: those of an object above those of its parent
	order   []int32      // beside it: indexes into members, which are cheaper to sort
	depth   int
}

type namedValue struct {
	name, written, value []byte // name is what written means
}

// value appends one valid value; it reports false on bytes that are none, and
// on what nests deeper than MaxDepth.
func (c *canonicaliser) value(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	if raw[0] == '{' || raw[0] == '[' {
		c.depth++
		defer func() { c.depth-- }()
		if c.depth > MaxDepth {
			return false
		}
	}
	switch raw[0] {
	case '{':
		return c.object(raw)
	case '[':
		s := scanner{b: raw, i: 1}
		c.out = append(c.out, '[')
		for first := true; ; first = false {
			element, more, ok := s.element(first)
			if !ok {
				return false
			}
			if !more {
				break
			}
			if !first {
				c.out = append(c.out, ',')
			}
			if !c.value(element) {
				return false
			}
		}
		c.out = append(c.out, ']')
	case '"':
		if bytes.IndexByte(raw, '\\') < 0 {
			c.out = append(c.out, raw...) // nothing that RFC 8785 would escape can stand unescaped
			break
		}
		content, ok := text(raw)
		return ok && c.text(content)
	default:
		switch {
		case string(raw) == "-0":
			raw = raw[1:] // as RFC 8785 and the library write it
		case isNumber(raw) && bytes.ContainsAny(raw, ".eE"):
			var err error
			c.out, err = jsontext.AppendFormat(c.out, raw, jsontext.CanonicalizeRawFloats(true))
			return err == nil
		}
		c.out = append(c.out, raw...)
	}
	return true
}

func (c *canonicaliser) object(raw []byte) bool {
	base := len(c.members)
	s := scanner{b: raw, i: 1}
	for {
		name, value, more, ok := s.member(len(c.members) == base)
		if !ok {
			return false
		}
		if !more {
			break
		}
		content, ok := text(name)
		if !ok {
			return false
		}
		c.order = append(c.order, int32(len(c.members)))
		c.members = append(c.members, namedValue{content, name, value})
	}
	slices.SortFunc(c.order[base:], func(a, b int32) int { return compareUTF16(c.members[a].name, c.members[b].name) })
	c.out = append(c.out, '{')
	for i := base; i < len(c.order); i++ {
		m := c.members[c.order[i]]
		if i > base {
			c.out = append(c.out, ',')
		}
		if len(m.written) == len(m.name)+2 { // nothing is escaped
			c.out = append(c.out, m.written...)
		} else if !c.text(m.name) {
			return false
		}
		c.out = append(c.out, ':')
		if !c.value(m.value) {
			return false
		}
	}
	c.members, c.order = c.members[:base], c.order[:base]
	c.out = append(c.out, '}')
	return true
}

func (c *canonicaliser) text(content []byte) bool {
	var err error
	c.out, err = jsontext.AppendQuote(c.out, content)
	return err == nil
}

// compareUTF16 orders names as RFC 8785 does, by UTF-16 code units. Of UTF-8
// that is the order of bytes, but for characters beyond U+FFFF, whose
// surrogates stand before U+E000 to U+FFFF.
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
