// Package source writes events into Kafka: Import from files by a mapping. What
// it writes has passed the same decoder that judges events of any other sender,
// and Validate lets that decoder judge a file without sending it.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/topic"
)

// Sink is where the messages go. A *topic.Client is one.
type Sink interface {
	// Write returns when the messages are stored. The answer has a place for
	// each message; offset -1 says that it was not acknowledged.
	Write(ctx context.Context, topicName string, messages []topic.Message) ([]topic.Acknowledgement, error)
}

// Options of Import.
type Options struct {
	Mapping string   // name of the mapping file
	Inputs  []string // names of files and folders, at least one
	Sink    Sink
	Now     func() time.Time // for the timestamps of Kafka's records and the progress

	// AllowBadRows makes bad rows no error. They are counted and listed anyway.
	AllowBadRows bool
	// Rejects is the name of a file for the list of all bad rows, as CSV with
	// the columns file, line, column, reason; "" for none.
	Rejects string

	Progress io.Writer // nil for silence
	Terminal bool      // Progress is a terminal: a bar instead of lines
}

// ErrBadRows is what Import returns, wrapped, when rows were bad and bad rows
// are not allowed. The other rows were sent and the Result is complete.
var ErrBadRows = errors.New("bad rows")

// Result says what an import read, sent and refused.
type Result struct {
	Mapping string
	Files   []File
	Unused  []string // files of the folders that the mapping does not name

	Rows      int64            // of all inputs, bad ones included
	Events    map[string]int64 // sent, by event type
	BadRows   int64            // not sent; those of look-ups included
	Bad       []BadRow         // the faults of the first bad rows
	NoEvent   int64            // good rows to which no event of the mapping applies
	Skipped   int64            // local times that a change of the clock left out
	Ambiguous int64            // local times that a change of the clock showed twice
	NotFound  map[string]int64 // by look-up: rows for which it had nothing
	Defaulted map[string]int64 // by table: words that it had not, read as its default

	// Ends are the ends of the log behind the messages of this import: all of
	// them are stored once every partition is consumed up to its Offset.
	Ends []End
}

// File is one file that was read.
type File struct {
	Name string
	As   string // "input orders" or "look-up customers"
	Rows int64
}

// BadRow is one fault of a row.
type BadRow struct {
	File   string
	Line   int    // where the row begins
	Column string // "" if no single column is to blame
	Reason string
}

func (b BadRow) String() string {
	if b.Column == "" {
		return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason)
	}
	return fmt.Sprintf("%s:%d: %s: %s", b.File, b.Line, b.Column, b.Reason)
}

// End is the place behind the last message of an import in one partition.
type End struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Sent is the number of all events sent.
func (r *Result) Sent() int64 {
	var n int64
	for _, count := range r.Events {
		n += count
	}
	return n
}

// WriteText writes the result for people, one fact a line.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "import %s: %d rows, %d events, %d bad rows\n", r.Mapping, r.Rows, r.Sent(), r.BadRows)
	for _, f := range r.Files {
		fmt.Fprintf(&b, "  read %s as %s: %d rows\n", f.Name, f.As, f.Rows)
	}
	for _, name := range r.Unused {
		fmt.Fprintf(&b, "  not read %s: the mapping does not name it\n", name)
	}
	for _, typ := range slices.Sorted(maps.Keys(r.Events)) {
		fmt.Fprintf(&b, "  sent %s: %d\n", typ, r.Events[typ])
	}
	if r.NoEvent > 0 {
		fmt.Fprintf(&b, "  rows without any event: %d\n", r.NoEvent)
	}
	fmt.Fprintf(&b, "  local times: %d skipped by a clock change (read with the offset before it), %d shown twice (read as the first)\n", r.Skipped, r.Ambiguous)
	for _, name := range slices.Sorted(maps.Keys(r.NotFound)) {
		fmt.Fprintf(&b, "  look-up %s: nothing for %d rows\n", name, r.NotFound[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Defaulted)) {
		fmt.Fprintf(&b, "  table %s: its default for %d rows\n", name, r.Defaulted[name])
	}
	for _, bad := range r.Bad {
		fmt.Fprintf(&b, "  bad row %s\n", bad)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
