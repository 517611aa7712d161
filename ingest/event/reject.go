package event

import (
	"fmt"
	"strings"
)

// Code names why a message is not an event of the contract. Codes are stored
// with quarantined messages and never change their meaning.
type Code string

// The codes in the order in which they are decided: a message with several
// faults has the first of them, whatever the order of its keys.
const (
	CodeEmpty        Code = "empty"         // no bytes, as a Kafka tombstone
	CodeOversize     Code = "oversize"      // longer than MaxSize
	CodeUTF8         Code = "utf8"          // bytes that are not UTF-8, or an escaped half of a surrogate pair
	CodeJSON         Code = "json"          // not JSON; also a byte order mark or a raw control character
	CodeDepth        Code = "depth"         // nested deeper than MaxDepth
	CodeDuplicateKey Code = "duplicate_key" // one object names a member twice
	CodeTrailing     Code = "trailing"      // something other than white space after the message
	CodeMissing      Code = "missing"       // a required member is absent, null or an empty string
	CodeType         Code = "type"          // a member of another JSON type or another written form than its name fixes
	CodeRange        Code = "range"         // a member of the right type whose value is not allowed
	CodeUnknownType  Code = "unknown_type"  // an event type that is not in Types
	CodeWrongTopic   Code = "wrong_topic"   // a known type on a topic that is not its own
	CodeNoOffset     Code = "no_offset"     // an instant without its offset from UTC
	CodePast         Code = "past"          // happened before 2000-01-01T00:00Z
	CodeFuture       Code = "future"        // happened more than 10 minutes after Kafka recorded it
)

var codes = []Code{
	CodeEmpty, CodeOversize, CodeUTF8, CodeJSON, CodeDepth, CodeDuplicateKey, CodeTrailing,
	CodeMissing, CodeType, CodeRange, CodeUnknownType, CodeWrongTopic, CodeNoOffset, CodePast, CodeFuture,
}

// Codes returns every code in the order in which they are decided.
func Codes() []Code { return append([]Code(nil), codes...) }

// Reject is the error of Decode: one code and, for people, the place (a JSON
// pointer or a byte offset) and the reason. Detail quotes no free text of the
// message, so it can be shown where the message itself may not.
type Reject struct {
	Code   Code
	Detail string
}

func (r *Reject) Error() string { return string(r.Code) + ": " + r.Detail }

// Oversize rejects a message of so many bytes, more than MaxSize.
func Oversize(size int64) *Reject {
	return &Reject{CodeOversize, fmt.Sprintf("%d bytes, at most %d are read", size, MaxSize)}
}

// faults keeps the one fault that decides. Of two with the same code the
// smaller pointer stays, so that the answer does not hang on the order of keys.
type faults struct {
	first   *Reject
	rank    int
	pointer string
}

func (f *faults) add(code Code, pointer, format string, args ...any) {
	rank := 0
	for codes[rank] != code {
		rank++
	}
	if f.first != nil && (rank > f.rank || rank == f.rank && !pointerLess(pointer, f.pointer)) {
		return
	}
	f.rank, f.pointer = rank, pointer
	f.first = &Reject{Code: code, Detail: pointer + ": " + fmt.Sprintf(format, args...)}
}

// pointerLess orders the envelope before data, and pointers by their text.
func pointerLess(a, b string) bool {
	inA, inB := strings.HasPrefix(a, "/data/"), strings.HasPrefix(b, "/data/")
	if inA != inB {
		return inB
	}
	return a < b
}
