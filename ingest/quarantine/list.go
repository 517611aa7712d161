package quarantine

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"youzhi/queries"
)

// Message is a message in quarantine and what became of it, without its bytes.
type Message struct {
	queries.QuarantineMessage
	Replay *queries.QuarantineReplay // nil: it was never written again
}

// page is how many messages are read at once.
const page = 500

// each hands over the messages, the newest first, part by part; a limit of 0 is
// none.
func (r *Room) each(ctx context.Context, f queries.QuarantineFilter, size, limit int, do func([]Message) error) error {
	if limit == 0 {
		limit = math.MaxInt
	}
	var at queries.QuarantineCursor
	for limit > 0 {
		want := min(size, limit)
		found, err := r.DB.QuarantineMessages(ctx, f, at, want)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		at = queries.CursorOf(&found[len(found)-1])
		limit -= len(found)
		replays, err := r.DB.QuarantineReplays(ctx, placesOf(found))
		if err != nil {
			return err
		}
		messages := make([]Message, len(found))
		for i, m := range found {
			messages[i].QuarantineMessage = m
			if replay, ok := replays[m.Place()]; ok {
				messages[i].Replay = &replay
			}
		}
		if err := do(messages); err != nil {
			return err
		}
		if len(found) < want {
			return nil
		}
	}
	return nil
}

func placesOf(messages []queries.QuarantineMessage) []queries.Place {
	out := make([]queries.Place, len(messages))
	for i := range messages {
		out[i] = messages[i].Place()
	}
	return out
}

// Became says in words what became of a message that was written again.
func (m *Message) Became() string {
	if m.Replay == nil {
		return ""
	}
	words := map[string]string{
		queries.ReplayEvent:   "replayed, became event",
		queries.ReplayBack:    "replayed, back in quarantine",
		queries.ReplayWaiting: "replayed, waiting",
	}[m.Replay.State()]
	if m.Replay.Code != "" {
		words += ": " + m.Replay.Code
	}
	return words
}

// Formats of what is listed.
const (
	FormatTable = "table"
	FormatJSON  = "json"
	FormatCSV   = "csv"
)

// CheckFormat refuses what is none of the formats.
func CheckFormat(format string) error {
	switch format {
	case FormatTable, FormatJSON, FormatCSV:
		return nil
	}
	return fmt.Errorf("--format %q: want table, json or csv", format)
}

// messageLine is a message as JSON.
type messageLine struct {
	Topic      string      `json:"topic"`
	Log        int32       `json:"log"` // of a topic that was made anew
	Partition  int32       `json:"partition"`
	Offset     int64       `json:"offset"`
	ReceivedAt time.Time   `json:"received_at"`
	StoredAt   time.Time   `json:"stored_at"`
	Code       string      `json:"code"`
	Detail     string      `json:"detail"`
	Source     string      `json:"source"`
	Size       uint64      `json:"size"`
	SHA256     string      `json:"sha256"`
	Kept       string      `json:"kept"`
	Replay     *replayLine `json:"replay"`
}

type replayLine struct {
	Times     uint64    `json:"times"`
	At        time.Time `json:"at"`
	Log       int32     `json:"log"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	State     string    `json:"state"`
	Code      string    `json:"code,omitempty"`
}

func lineOf(m *Message) messageLine {
	log, partition := queries.SplitPartition(m.Partition)
	line := messageLine{
		Topic: m.Topic, Log: log, Partition: partition, Offset: m.Offset, ReceivedAt: m.ReceivedAt, StoredAt: m.StoredAt, Code: m.Code,
		Detail: m.Detail, Source: m.Source, Size: m.Size, SHA256: m.SHA256, Kept: m.Kept(),
	}
	if p := m.Replay; p != nil {
		log, partition := queries.SplitPartition(p.NewPartition)
		line.Replay = &replayLine{p.Times, p.ReplayedAt, log, partition, p.NewOffset, p.State(), p.Code}
	}
	return line
}

// List writes messages, the newest first, up to the limit.
func (r *Room) List(ctx context.Context, w io.Writer, f queries.QuarantineFilter, limit int, format string) error {
	var all []Message
	err := r.each(ctx, f, page, limit, func(part []Message) error {
		all = append(all, part...)
		return nil
	})
	if err != nil {
		return err
	}
	if format == FormatJSON {
		lines := make([]messageLine, len(all))
		for i := range all {
			lines[i] = lineOf(&all[i])
		}
		return writeJSON(w, lines)
	}
	head := []string{"place", "received", "code", "source", "bytes", "kept", "replay", "detail"}
	if format == FormatCSV {
		head = append(head, "sha256", "stored")
	}
	lines := make([][]string, len(all))
	for i := range all {
		m := &all[i]
		lines[i] = []string{m.Place().String(), beijingTime(m.ReceivedAt), m.Code, m.Source, strconv.FormatUint(m.Size, 10), m.Kept(), m.Became(), m.Detail}
		if format == FormatCSV {
			lines[i] = append(lines[i], m.SHA256, beijingTime(m.StoredAt))
		}
	}
	return writeLines(w, format, head, lines)
}

// reasonLine is a reason as JSON.
type reasonLine struct {
	Topic  string    `json:"topic"`
	Code   string    `json:"code"`
	Source string    `json:"source"`
	N      uint64    `json:"n"`
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

// Count writes how many messages have which reason, the most first.
func (r *Room) Count(ctx context.Context, w io.Writer, f queries.QuarantineFilter, limit int, format string) error {
	if limit == 0 {
		limit = math.MaxInt32
	}
	reasons, err := r.DB.QuarantineReasons(ctx, f, math.MaxInt64, limit)
	if err != nil {
		return err
	}
	if format == FormatJSON {
		lines := make([]reasonLine, len(reasons))
		for i, c := range reasons {
			lines[i] = reasonLine(c)
		}
		return writeJSON(w, lines)
	}
	lines := make([][]string, len(reasons))
	for i, c := range reasons {
		lines[i] = []string{c.Topic, c.Code, c.Source, strconv.FormatUint(c.N, 10), beijingTime(c.Oldest), beijingTime(c.Newest)}
	}
	return writeLines(w, format, []string{"topic", "code", "source", "messages", "oldest", "newest"}, lines)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func writeLines(w io.Writer, format string, head []string, lines [][]string) error {
	if format == FormatCSV {
		out := csv.NewWriter(w)
		if err := out.Write(head); err != nil {
			return err
		}
		return out.WriteAll(lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range append([][]string{head}, lines...) {
		if _, err := fmt.Fprintln(table, strings.Join(line, "\t")); err != nil {
			return err
		}
	}
	return table.Flush()
}
