package consume

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// Codes of the quarantine beside those of package event: offsets that hold no
// message of a producer, or none that counts, and messages whose frame is wrong.
// They are kept there so that every offset of the log has its row.
const (
	CodeMarker    = "transaction_marker"  // written by the broker at the end of a transaction
	CodeAborted   = "transaction_aborted" // its producer took it back
	CodeTimestamp = "timestamp"           // the Kafka record's own time can't be right
	CodeRefused   = "refused"             // a good event that ClickHouse does not take
)

// prefixBytes is how much is kept of an oversize message, and of a key.
const prefixBytes = 64 << 10

// batch is what is stored and committed together.
type batch struct {
	events     []queries.EventRow
	records    []topic.Record // those of the events, should a row be refused
	quarantine []queries.QuarantineRow
	next       map[int32]int64 // partition -> first offset behind the batch
	bytes      int             // of keys and values
}

func newBatch() *batch { return &batch{next: map[int32]int64{}} }

func (b *batch) empty() bool { return len(b.next) == 0 }
func (b *batch) rows() int   { return len(b.events) + len(b.quarantine) }

func (b *batch) add(o *batch) {
	b.events = append(b.events, o.events...)
	b.records = append(b.records, o.records...)
	b.quarantine = append(b.quarantine, o.quarantine...)
	for p, n := range o.next {
		b.next[p] = n
	}
	b.bytes += o.bytes
}

// Kafka's record timestamp is set by the producer and may be anything. Outside
// of these it is not stored, because no column holds all of them.
var (
	timestampMin = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	timestampMax = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// decode makes one row of each record.
func decode(name string, partition int32, records []topic.Record) *batch {
	b := newBatch()
	b.events = make([]queries.EventRow, 0, len(records))
	b.records = make([]topic.Record, 0, len(records))
	for i := range records {
		r := &records[i]
		b.bytes += len(r.Key) + len(r.Value)
		code, detail := "", ""
		switch {
		case r.Kind == topic.Marker:
			code, detail = CodeMarker, "no message: the end of a transaction"
		case r.Kind == topic.Aborted:
			code, detail = CodeAborted, "the producer aborted the transaction of this message"
		case r.Time.Before(timestampMin) || !r.Time.Before(timestampMax):
			code, detail = CodeTimestamp, fmt.Sprintf("Kafka record timestamp %d ms is not between the years 1970 and 2099", r.Time.UnixMilli())
		default:
			e, err := event.Decode(r.Value, r.Time, name)
			if err == nil {
				b.events = append(b.events, eventRow(e, partition, r))
				b.records = append(b.records, *r)
				continue
			}
			code, detail = rejected(err)
		}
		b.quarantine = append(b.quarantine, quarantineRow(name, partition, r, code, detail))
	}
	return b
}

func rejected(err error) (code, detail string) {
	var reject *event.Reject
	if errors.As(err, &reject) {
		return string(reject.Code), reject.Detail
	}
	return string(event.CodeJSON), err.Error()
}

func eventRow(e *event.Event, partition int32, r *topic.Record) queries.EventRow {
	return queries.EventRow{
		Subject:    e.Subject,
		Source:     e.Source,
		ID:         e.ID,
		Hash:       e.Hash,
		Day:        beijingDay(e.Time),
		Partition:  partition,
		Offset:     r.Offset,
		Type:       e.Type,
		Time:       e.Time,
		Sequence:   e.Sequence,
		Recorded:   e.Recorded,
		Test:       e.Test,
		CorrectsID: e.CorrectsID,
		DataSchema: e.DataSchema,
		Data:       e.Data,
		ReceivedAt: r.Time,
	}
}

// beijingDay is 00:00 UTC of the Beijing date. The contract takes no events from
// before 2000, and Beijing has kept UTC+8 all year since 1992.
func beijingDay(t time.Time) time.Time {
	return t.Add(8 * time.Hour).Truncate(24 * time.Hour)
}

func quarantineRow(name string, partition int32, r *topic.Record, code, detail string) queries.QuarantineRow {
	row := queries.QuarantineRow{
		Topic:      name,
		Partition:  partition,
		Offset:     r.Offset,
		ReceivedAt: r.Time,
		Code:       code,
		Detail:     detail,
		Key:        r.Key,
		Payload:    r.Value,
		Size:       uint64(len(r.Value)),
		SHA256:     sha256.Sum256(r.Value),
	}
	if len(r.Value) > event.MaxSize {
		row.Payload = r.Value[:prefixBytes]
	}
	if len(r.Key) > prefixBytes {
		row.Key = r.Key[:prefixBytes]
		row.Detail += fmt.Sprintf("; key cut from %d to %d bytes", len(r.Key), prefixBytes)
	}
	if code == CodeTimestamp {
		row.ReceivedAt = timestampMin
	}
	return row
}
