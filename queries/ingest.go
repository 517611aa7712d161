package queries

import (
	"context"
	"fmt"
	"time"
)

// EventsTable is the table of a topic's events.
func EventsTable(topic string) (string, error) {
	switch topic {
	case "youzhi.cases.v1":
		return "events_cases", nil
	case "youzhi.complaints.v1":
		return "events_complaints", nil
	case "youzhi.surveys.v1":
		return "events_surveys", nil
	case "youzhi.assurance.v1":
		return "events_assurance", nil
	}
	return "", fmt.Errorf("no events table for topic %q", topic)
}

// EventRow is one event at one place of the log.
type EventRow struct {
	Subject, Source, ID string
	Hash                [16]byte
	Day                 time.Time // 00:00 UTC of the Beijing date of Time
	Partition           int32
	Offset              int64
	Type                string
	Time                time.Time
	Sequence            string
	Recorded            time.Time // zero if absent
	Test                bool
	CorrectsID          string
	DataSchema          string
	Data                []byte
	ReceivedAt          time.Time // Kafka record timestamp
}

// InsertEvents stores rows of one topic; nil means acknowledged.
func (db *DB) InsertEvents(ctx context.Context, topic string, rows []EventRow) error {
	table, err := EventsTable(topic)
	if err != nil {
		return err
	}
	return db.Insert(ctx, table, "subject, day, source, id, content_hash, partition, offset, type, time, sequence, recordedtime, test, correctsid, dataschema, data, received_at",
		len(rows), func(i int) []any {
			r := &rows[i]
			return []any{r.Subject, r.Day, r.Source, r.ID, string(r.Hash[:]), r.Partition, r.Offset, r.Type, r.Time, r.Sequence,
				nullTime(r.Recorded), r.Test, r.CorrectsID, r.DataSchema, string(r.Data), r.ReceivedAt}
		})
}

// QuarantineRow is one message that is no event of the contract.
type QuarantineRow struct {
	Topic      string
	Partition  int32
	Offset     int64
	ReceivedAt time.Time
	Code       string
	Detail     string
	Key        []byte
	Payload    []byte // whole, or the first part of an oversize message
	Size       uint64 // bytes of the whole message
	SHA256     [32]byte
}

// InsertQuarantine stores what could not be read; nil means acknowledged.
func (db *DB) InsertQuarantine(ctx context.Context, rows []QuarantineRow) error {
	return db.Insert(ctx, "quarantine", "topic, partition, offset, received_at, code, detail, key, payload, size, sha256",
		len(rows), func(i int) []any {
			r := &rows[i]
			return []any{r.Topic, r.Partition, r.Offset, r.ReceivedAt, r.Code, r.Detail, string(r.Key), string(r.Payload), r.Size, string(r.SHA256[:])}
		})
}

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
