package event

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// maxSource is the longest source that the contract allows, in bytes.
const maxSource = 256

// SourceHint is the source that a message names, for those that are no events of
// the contract: "" if it can't be read. It is what the contract allows as a
// source, but nothing else of the message was judged: any producer may have
// written it. value may be the beginning of a message.
func SourceHint(value []byte) string {
	r := reader{bytes.TrimPrefix(value, []byte("\xEF\xBB\xBF"))}
	if !r.take('{') {
		return ""
	}
	for first := true; first || r.take(','); first = false {
		name := r.value()
		if len(name) == 0 || name[0] != '"' || !r.take(':') {
			return ""
		}
		written := r.value()
		if len(written) == 0 {
			return ""
		}
		if key, err := jsontext.AppendUnquote(nil, name); err != nil || string(key) != "source" {
			continue
		}
		content, err := jsontext.AppendUnquote(nil, written)
		if err != nil || len(content) == 0 || len(content) > maxSource {
			return ""
		}
		if _, form := forms["uri_reference"].check(content); form != wellWritten {
			return ""
		}
		return string(content)
	}
	return ""
}

// reader finds the ends of values in what may be JSON. It judges nothing: bytes
// that are none give pieces that mean nothing, and what is cut short gives none.
type reader struct{ rest []byte }

func (r *reader) take(c byte) bool {
	r.rest = bytes.TrimLeft(r.rest, " \t\n\r")
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// value gives the bytes of the next value, from its first to its last.
func (r *reader) value() []byte {
	r.rest = bytes.TrimLeft(r.rest, " \t\n\r")
	depth, quoted := 0, false
	for i := 0; i < len(r.rest); i++ {
		end := -1
		switch c := r.rest[i]; {
		case quoted && c == '\\':
			i++ // what is escaped ends nothing
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				end = i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				end = i + 1
			} else if depth < 0 {
				end = i
			}
		case depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			end = i
		}
		if end >= 0 {
			piece := r.rest[:end]
			r.rest = r.rest[end:]
			return piece
		}
	}
	return nil
}
