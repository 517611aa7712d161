package queries

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// QuarantineFilter says which messages of the quarantine are meant. What is empty
// does not narrow.
type QuarantineFilter struct {
	Topic, Code, Source string
	// Since and Until bound the time that Kafka recorded; Until is not part of it.
	Since, Until time.Time
}

// Bounds of the times that the quarantine holds.
var (
	quarantineFirst = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	quarantineEnd   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

func (f QuarantineFilter) params() Params {
	since, until := f.Since, f.Until
	if since.Before(quarantineFirst) {
		since = quarantineFirst
	}
	if until.IsZero() || until.After(quarantineEnd) {
		until = quarantineEnd
	}
	return Params{"topic": f.Topic, "code": f.Code, "source": f.Source, "since": milli(since), "until": milli(until)}
}

// milli writes an instant as a parameter of type DateTime64(3, 'UTC').
func milli(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// Place is where a message stands in the log.
type Place struct {
	Topic     string
	Partition int32 // as it is stored
	Offset    int64
}

// String writes TOPIC/PARTITION/OFFSET with Kafka's partition; of a topic that was
// made anew TOPIC/log1/PARTITION/OFFSET, with the number of its log.
func (p Place) String() string {
	log, partition := SplitPartition(p.Partition)
	if log == 0 {
		return fmt.Sprintf("%s/%d/%d", p.Topic, partition, p.Offset)
	}
	return fmt.Sprintf("%s/log%d/%d/%d", p.Topic, log, partition, p.Offset)
}

// ParsePlace reads what String writes.
func ParsePlace(text string) (Place, error) {
	parts := strings.Split(text, "/")
	wrong := fmt.Errorf("%q: want TOPIC/PARTITION/OFFSET, such as youzhi.cases.v1/0/17", text)
	var log int64
	if len(parts) == 4 {
		number, ok := strings.CutPrefix(parts[1], "log")
		n, err := strconv.ParseInt(number, 10, 32)
		if !ok || err != nil {
			return Place{}, wrong
		}
		log, parts = n, slices.Delete(parts, 1, 2)
	}
	if len(parts) != 3 || parts[0] == "" {
		return Place{}, wrong
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	offset, oerr := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || oerr != nil || offset < 0 {
		return Place{}, wrong
	}
	stored, err := StoredPartition(int32(log), int32(partition))
	if err != nil {
		return Place{}, wrong
	}
	return Place{Topic: parts[0], Partition: stored, Offset: offset}, nil
}

// Compare orders places by topic, partition and offset.
func (p Place) Compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Topic, o.Topic), cmp.Compare(p.Partition, o.Partition), cmp.Compare(p.Offset, o.Offset))
}

// placesParams are places as parameters of a statement.
func placesParams(places []Place) Params {
	topics, partitions, offsets := make([]string, len(places)), make([]int32, len(places)), make([]int64, len(places))
	for i, p := range places {
		topics[i], partitions[i], offsets[i] = p.Topic, p.Partition, p.Offset
	}
	return Params{"topics": topics, "partitions": partitions, "offsets": offsets}
}

// QuarantineMessage is a message in quarantine without its bytes.
type QuarantineMessage struct {
	Topic      string    `ch:"topic"`
	Partition  int32     `ch:"partition"`
	Offset     int64     `ch:"offset"`
	ReceivedAt time.Time `ch:"received_at"`
	StoredAt   time.Time `ch:"stored_at"`
	EmptiedAt  time.Time `ch:"emptied_at"` // the first instant of 1970: its bytes are kept
	Code       string    `ch:"code"`
	Detail     string    `ch:"detail"`
	Source     string    `ch:"source"`
	Size       uint64    `ch:"size"`
	SHA256     string    `ch:"sha256"` // hexadecimal digits
}

// Place is where the message stands in the log.
func (m *QuarantineMessage) Place() Place { return Place{m.Topic, m.Partition, m.Offset} }

// Emptied says that the message's bytes were taken away.
func (m *QuarantineMessage) Emptied() bool { return m.EmptiedAt.Unix() > 0 }

// What is kept of the bytes of a message in quarantine.
const (
	KeptWhole   = "whole"
	KeptPrefix  = "prefix"  // the first of an oversize message
	KeptNothing = "nothing" // it had none
	KeptEmptied = "emptied" // they were taken away
)

// Kept is one of these words.
func (m *QuarantineMessage) Kept() string {
	switch {
	case m.Size == 0:
		return KeptNothing
	case m.Emptied():
		return KeptEmptied
	case m.Code == "oversize":
		return KeptPrefix
	}
	return KeptWhole
}

// QuarantineRecord is a message in quarantine with what is kept of its bytes.
type QuarantineRecord struct {
	QuarantineMessage
	Key     string `ch:"key"`
	Payload string `ch:"payload"`
}

// QuarantineCursor is a place in the list of messages, the newest first. The zero
// one is before all of them.
type QuarantineCursor struct {
	ReceivedAt time.Time
	Place
}

// CursorOf is the place of a message in the list.
func CursorOf(m *QuarantineMessage) QuarantineCursor {
	return QuarantineCursor{m.ReceivedAt, m.Place()}
}

// QuarantineMessages lists messages that come after a place in the list: as many as
// limit says, or fewer if there are no more.
func (db *DB) QuarantineMessages(ctx context.Context, f QuarantineFilter, after QuarantineCursor, limit int) ([]QuarantineMessage, error) {
	places, err := db.quarantinePlaces(ctx, f, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the quarantine: %w", err)
	}
	if len(places) == 0 {
		return nil, nil
	}
	var found []QuarantineMessage
	if err := db.Select(ctx, &found, File("quarantine/messages"), placesParams(places)); err != nil {
		return nil, fmt.Errorf("list the quarantine: %w", err)
	}
	byPlace := map[Place]QuarantineMessage{}
	for _, m := range found {
		m.inUTC()
		byPlace[m.Place()] = m
	}
	out := make([]QuarantineMessage, 0, len(found))
	for _, at := range places {
		if m, ok := byPlace[at]; ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// quarantinePlaces are the places of messages that come after one in the list.
func (db *DB) quarantinePlaces(ctx context.Context, f QuarantineFilter, after QuarantineCursor, limit int) ([]Place, error) {
	p := f.params()
	p["limit"] = uint32(limit)
	if after.ReceivedAt.IsZero() {
		after.ReceivedAt = quarantineEnd
	}
	var places []Place
	for {
		p["before_at"], p["before_topic"], p["before_partition"], p["before_offset"] = milli(after.ReceivedAt), after.Topic, after.Partition, after.Offset
		rows := 0
		err := db.Rows(ctx, File("quarantine/places"), p, func(scan func(...any) error) error {
			rows++
			before := after.Place
			if err := scan(&after.ReceivedAt, &after.Topic, &after.Partition, &after.Offset); err != nil {
				return err
			}
			if after.Place != before && len(places) < limit {
				places = append(places, after.Place)
			}
			return nil
		})
		if err != nil || rows < limit || len(places) == limit {
			return places, err
		}
	}
}

func (m *QuarantineMessage) inUTC() {
	m.ReceivedAt, m.StoredAt, m.EmptiedAt = m.ReceivedAt.UTC(), m.StoredAt.UTC(), m.EmptiedAt.UTC()
}

// QuarantineRecords reads messages with their bytes, by place. Those that are not
// in quarantine are left out.
func (db *DB) QuarantineRecords(ctx context.Context, places []Place) ([]QuarantineRecord, error) {
	var out []QuarantineRecord
	if err := db.Select(ctx, &out, File("quarantine/records"), placesParams(places)); err != nil {
		return nil, fmt.Errorf("read messages in quarantine: %w", err)
	}
	for i := range out {
		out[i].inUTC()
	}
	slices.SortFunc(out, func(a, b QuarantineRecord) int { return a.Place().Compare(b.Place()) })
	return out, nil
}

// QuarantineReplay is what became of a message that was written to its topic again.
type QuarantineReplay struct {
	Topic        string    `ch:"topic"`
	Partition    int32     `ch:"partition"`
	Offset       int64     `ch:"offset"`
	Times        uint64    `ch:"times"` // how often it was written
	ReplayedAt   time.Time `ch:"replayed_at"`
	NewPartition int32     `ch:"new_partition"`
	NewOffset    int64     `ch:"new_offset"`
	IsEvent      bool      `ch:"is_event"` // an event stands at the new place
	Code         string    `ch:"code"`     // why the one at the new place is in quarantine; empty: it is not
}

// What became of a message that was written again.
const (
	ReplayEvent   = "event"
	ReplayBack    = "quarantine"
	ReplayWaiting = "waiting"
)

// State is one of these words.
func (r *QuarantineReplay) State() string {
	switch {
	case r.IsEvent:
		return ReplayEvent
	case r.Code != "":
		return ReplayBack
	}
	return ReplayWaiting
}

// Place is where the message stands that was written again.
func (r *QuarantineReplay) Place() Place { return Place{r.Topic, r.Partition, r.Offset} }

// NewPlace is where it stands now.
func (r *QuarantineReplay) NewPlace() Place { return Place{r.Topic, r.NewPartition, r.NewOffset} }

// QuarantineReplays answers for places what became of their messages; those that
// were never written again are left out.
func (db *DB) QuarantineReplays(ctx context.Context, places []Place) (map[Place]QuarantineReplay, error) {
	out := map[Place]QuarantineReplay{}
	if len(places) == 0 {
		return out, nil
	}
	var rows []QuarantineReplay
	if err := db.Select(ctx, &rows, File("quarantine/replays"), placesParams(places)); err != nil {
		return nil, fmt.Errorf("read replays: %w", err)
	}
	for _, r := range rows {
		r.ReplayedAt = r.ReplayedAt.UTC()
		out[r.Place()] = r
	}
	return out, nil
}

// RecordQuarantineReplays stores that messages were written again at an instant.
// to are their new places, in the order of from.
func (db *DB) RecordQuarantineReplays(ctx context.Context, at time.Time, from, to []Place) error {
	err := db.Insert(ctx, "quarantine_replays", "topic, partition, offset, replayed_at, new_partition, new_offset", len(from), func(i int) []any {
		return []any{from[i].Topic, from[i].Partition, from[i].Offset, at.UTC(), to[i].Partition, to[i].Offset}
	})
	if err != nil {
		return fmt.Errorf("record replays: %w", err)
	}
	return nil
}

// QuarantineCount is how many messages of a topic have a reason, of a Beijing day.
type QuarantineCount struct {
	Topic string    `ch:"topic"`
	Code  string    `ch:"code"`
	Day   time.Time `ch:"day"`
	N     uint64    `ch:"n"`
}

// QuarantineCounts counts messages by topic, reason and day. It knows of no
// sources, and takes whole hours.
func (db *DB) QuarantineCounts(ctx context.Context, f QuarantineFilter) ([]QuarantineCount, error) {
	var out []QuarantineCount
	if err := db.Select(ctx, &out, File("quarantine/counts"), f.params()); err != nil {
		return nil, fmt.Errorf("count the quarantine: %w", err)
	}
	return out, nil
}

// QuarantineReason is how many messages of a topic and source have a reason.
type QuarantineReason struct {
	Topic  string    `ch:"topic"`
	Code   string    `ch:"code"`
	Source string    `ch:"source"` // empty: it can't be read
	N      uint64    `ch:"n"`
	Oldest time.Time `ch:"oldest"`
	Newest time.Time `ch:"newest"`
}

// QuarantineReasons counts the newest messages, no more than most of them, by
// topic, reason and source. The groups with the most messages are given.
func (db *DB) QuarantineReasons(ctx context.Context, f QuarantineFilter, most uint64, groups int) ([]QuarantineReason, error) {
	p := f.params()
	p["most"], p["groups"] = most, uint32(groups)
	var out []QuarantineReason
	if err := db.Select(ctx, &out, File("quarantine/reasons"), p); err != nil {
		return nil, fmt.Errorf("count the quarantine by source: %w", err)
	}
	for i := range out {
		out[i].Oldest, out[i].Newest = out[i].Oldest.UTC(), out[i].Newest.UTC()
	}
	return out, nil
}

// EmptyQuarantine takes away the bytes of messages that were put into quarantine
// before an instant, and answers how many rows that were. at is now.
func (db *DB) EmptyQuarantine(ctx context.Context, before, at time.Time) (uint64, error) {
	n, err := db.count(ctx, "look for bytes in quarantine", File("quarantine/due"), Params{"before": milli(before)})
	if err != nil || n == 0 {
		return 0, err
	}
	if err := db.Exec(ctx, File("quarantine/empty"), Params{"before": milli(before), "at": milli(at)}); err != nil {
		return 0, fmt.Errorf("take bytes out of quarantine: %w", err)
	}
	return n, nil
}

// The share of bad messages is that of the minutes before now, and one of a topic
// with fewer messages says nothing.
const (
	ShareWindow = 10 * time.Minute
	ShareLeast  = 100
)

// QuarantineShare is how much of a topic went to quarantine lately.
type QuarantineShare struct {
	Topic string `ch:"topic"`
	// Messages of the topic that were stored, without what no producer sent:
	// markers and messages of aborted transactions.
	Messages    uint64 `ch:"messages"`
	Quarantined uint64 `ch:"quarantined"`
}

// Ratio is the share, from 0 to 1.
func (s QuarantineShare) Ratio() float64 {
	if s.Messages == 0 {
		return 0
	}
	return float64(s.Quarantined) / float64(s.Messages)
}

// Above says that the share is above a limit, of enough messages to say so.
func (s QuarantineShare) Above(limit float64) bool {
	return s.Messages >= ShareLeast && s.Ratio() > limit
}

// QuarantineShares tells how much of each topic went to quarantine in the window
// before now, over all processes. A topic without messages is left out.
func (db *DB) QuarantineShares(ctx context.Context, now time.Time) ([]QuarantineShare, error) {
	minute := now.UTC().Truncate(time.Minute)
	var out []QuarantineShare
	p := Params{"since": milli(minute.Add(time.Minute - ShareWindow)), "until": milli(minute.Add(time.Minute))}
	if err := db.Select(ctx, &out, File("quarantine/shares"), p); err != nil {
		return nil, fmt.Errorf("read shares of bad messages: %w", err)
	}
	return out, nil
}

// QuarantineMinute is what a process has stored of a topic in a minute, so far.
type QuarantineMinute struct {
	Minute                time.Time
	Topic                 string
	Messages, Quarantined uint64
}

// RecordQuarantineMinutes stores what a process has stored, in place of what it
// said of the same minutes before.
func (db *DB) RecordQuarantineMinutes(ctx context.Context, process string, minutes []QuarantineMinute) error {
	err := db.Insert(ctx, "quarantine_minutes", "minute, topic, process, messages, quarantined", len(minutes), func(i int) []any {
		m := &minutes[i]
		return []any{m.Minute.UTC(), m.Topic, process, m.Messages, m.Quarantined}
	})
	if err != nil {
		return fmt.Errorf("record what was stored: %w", err)
	}
	return nil
}

// ForgetQuarantineMinutes takes away the minutes before an instant.
func (db *DB) ForgetQuarantineMinutes(ctx context.Context, before time.Time) error {
	if err := db.Exec(ctx, File("quarantine/forget_minutes"), Params{"before": milli(before)}); err != nil {
		return fmt.Errorf("forget minutes: %w", err)
	}
	return nil
}
