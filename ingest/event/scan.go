package event

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner walks the members and elements of JSON that the library has already
// found valid. It is safe on any bytes (it stops with ok=false and never reads
// past the end), but it does not judge: grammar, UTF-8 and duplicate names are
// the library's matter.
type scanner struct {
	b []byte
	i int
}

// kindOf names the JSON type of a raw value for messages.
func kindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
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

func isNull(raw []byte) bool { return len(raw) == 4 && raw[0] == 'n' }

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// done reports that only white space is left.
func (s *scanner) done() bool {
	s.space()
	return s.i == len(s.b)
}

// member returns the next member of the object whose opening brace was taken:
// its name as written, between quotes, and its raw value. more is false at the
// closing brace, which it takes; ok is false when the bytes are not an object.
func (s *scanner) member(first bool) (name, value []byte, more, ok bool) {
	if s.take('}') {
		return nil, nil, false, true
	}
	if !first && !s.take(',') {
		return nil, nil, false, false
	}
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, nil, false, false
	}
	if name, ok = s.value(); !ok || !s.take(':') {
		return nil, nil, false, false
	}
	value, ok = s.value()
	return name, value, ok, ok
}

// element is member for the array whose opening bracket was taken.
func (s *scanner) element(first bool) (value []byte, more, ok bool) {
	if s.take(']') {
		return nil, false, true
	}
	if !first && !s.take(',') {
		return nil, false, false
	}
	value, ok = s.value()
	return value, ok, ok
}

// value returns the raw bytes of the next value, from its first to its last.
func (s *scanner) value() ([]byte, bool) {
	s.space()
	start := s.i
	if start >= len(s.b) {
		return nil, false
	}
	switch s.b[start] {
	case '"':
		if !s.skipString() {
			return nil, false
		}
	case '{', '[':
		depth := 0
		for {
			if s.i >= len(s.b) {
				return nil, false
			}
			switch s.b[s.i] {
			case '"':
				if !s.skipString() {
					return nil, false
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.i++
			if depth == 0 {
				return s.b[start:s.i], true
			}
		}
	default:
		for s.i < len(s.b) && !delimiter[s.b[s.i]] {
			s.i++
		}
		if s.i == start {
			return nil, false
		}
	}
	return s.b[start:s.i], true
}

var delimiter = [256]bool{' ': true, '\t': true, '\n': true, '\r': true, ',': true, ':': true, '}': true, ']': true, '{': true, '[': true, '"': true}

func (s *scanner) skipString() bool {
	for s.i++; ; {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			s.i = len(s.b)
			return false
		}
		escapes := 0
		for n-escapes > 0 && s.b[s.i+n-escapes-1] == '\\' {
			escapes++
		}
		s.i += n + 1
		if escapes%2 == 0 {
			return true
		}
	}
}

// text returns the content of a raw JSON string. It aliases raw when nothing is
// escaped. ok is false when raw is not a string or an escape is not valid.
func text(raw []byte) (content []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil, false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	content, err := jsontext.AppendUnquote(nil, raw)
	return content, err == nil
}

// depth returns how deep containers nest in valid JSON; a scalar has depth 0.
func depth(b []byte) int {
	deepest, now := 0, 0
	s := scanner{b: b}
	for s.i < len(b) {
		switch b[s.i] {
		case '"':
			if !s.skipString() {
				return deepest
			}
			continue
		case '{', '[':
			now++
			deepest = max(deepest, now)
		case '}', ']':
			now--
		}
		s.i++
	}
	return deepest
}
