// Package event is the contract between the operator's systems and Youzhi: the
// CloudEvents envelope, the event types of the four topics, their strict
// decoder and validator, and the JSON Schemas published from the same source.
//
// The payload structs (case.go, ticket.go, survey.go, assurance.go) with their
// tags are that source; plan.go reads them, decode.go walks messages by them and
// schema.go writes schemas/ from them. registry.go says which type is on which
// topic, enums.go which words the contract knows. testdata/ has good and bad
// samples of every type; a bad one names its code.
//
// Source: CloudEvents 1.0, structured JSON; types and fields are those of the
// postal service process manual, chapters 1 to 7.
package event

import "time"

// Hash identifies the content of an event: the first 16 bytes of SHA-256 over
// the canonical JSON of the whole message (RFC 8785, integers kept as written).
// Two messages with the same source, id and Hash are copies of one event. The
// order of members, white space, escapes and spellings of the same 64-bit
// floating point number do not count; null and an absent member differ.
type Hash [16]byte

// Event is one decoded and validated event.
type Event struct {
	Source     string    // URI-reference of the system that reports
	ID         string    // unique within Source
	Type       string    // "cn.post.case.accepted", …; one of Types
	Subject    string    // case, ticket, survey or obligation id; the fold key
	Time       time.Time // when it happened; UTC, truncated to microseconds
	Sequence   string    // breaks ties of Time within subject and source; "" if absent
	Recorded   time.Time // when the source stored it; UTC microseconds; zero if absent
	Test       bool      // kept, never counted
	CorrectsID string    // *.corrected only: id of the corrected event, same source
	DataSchema string
	Data       []byte // `data` as compact JSON as received, unknown fields included
	Hash       Hash
}
