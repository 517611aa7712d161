package consume

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
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
const prefixBytes = topic.Beginning

// A message that may be read is whole.
const _ = uint(topic.LongestWhole - event.MaxSize)

// batch is what is stored and committed together.
type batch struct {
	parts      []*queries.Events // of the events, in the order they came
	events     *queries.Events   // all of them, when the batch is whole
	fetched    []fetched         // what the rows are made of, should one be refused
	quarantine []queries.QuarantineRow
	next       map[int32]int64 // partition -> first offset behind the batch
	bytes      int             // of keys and values
}

// fetched are records of one partition, by offset.
type fetched struct {
	partition int32
	topic.Chunk
}

// columns is the memory of rows, for one fetch after the other.
var columns = sync.Pool{New: func() any { return new(queries.Events) }}

func emptyColumns() *queries.Events { return columns.Get().(*queries.Events) }

// freeColumns gives memory back that nobody uses any more.
func freeColumns(e *queries.Events) {
	e.Reset()
	columns.Put(e)
}

func newBatch() *batch { return &batch{next: map[int32]int64{}} }

// join makes the events one in the memory of whole, when all parts are there.
func (b *batch) join(whole *queries.Events) {
	whole.Reset()
	whole.Join(b.parts)
	b.events = whole
}

// freeRows gives the memory of the rows back, and free that of what they were made
// of as well, when all is stored.
func (b *batch) freeRows() {
	for _, part := range b.parts {
		freeColumns(part)
	}
	b.parts, b.events = nil, nil
}

func (b *batch) free() {
	b.freeRows()
	for i := range b.fetched {
		b.fetched[i].Release()
	}
	b.fetched, b.quarantine = nil, nil
}

func (b *batch) empty() bool { return len(b.next) == 0 }

func (b *batch) rows() int {
	rows := len(b.quarantine)
	for _, part := range b.parts {
		rows += part.Len()
	}
	return rows
}

// add takes over what o holds; o is gone then.
func (b *batch) add(o *batch) {
	b.parts = append(b.parts, o.parts...)
	b.fetched = append(b.fetched, o.fetched...)
	b.quarantine = append(b.quarantine, o.quarantine...)
	for p, n := range o.next {
		b.next[p] = n
	}
	b.bytes += o.bytes
}

// record is the one that a row was made of.
func (b *batch) record(partition int32, offset int64) *topic.Record {
	for i := range b.fetched {
		f := &b.fetched[i]
		if f.partition != partition {
			continue
		}
		at, ok := slices.BinarySearchFunc(f.Records, offset, func(r topic.Record, offset int64) int { return cmp.Compare(r.Offset, offset) })
		if ok {
			return &f.Records[at]
		}
	}
	return nil
}

// Kafka's record timestamp is set by the producer and may be anything. Outside
// of these it is not stored, because no column holds all of them.
var (
	timestampMin = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	timestampMax = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// decode makes one row of each record, which it takes over.
func decode(decoder *event.Decoder, name string, partition int32, chunk topic.Chunk) *batch {
	b, events := newBatch(), emptyColumns()
	b.parts, b.fetched = []*queries.Events{events}, []fetched{{partition, chunk}}
	row := queries.EventRow{Partition: partition}
	for i := range chunk.Records {
		r := &chunk.Records[i]
		b.bytes += len(r.Key) + len(r.Value)
		code, detail := "", ""
		switch {
		case r.Kind == topic.Marker:
			code, detail = CodeMarker, "no message: the end of a transaction"
		case r.Kind == topic.Aborted:
			code, detail = CodeAborted, "the producer aborted the transaction of this message"
		case r.Time.Before(timestampMin) || !r.Time.Before(timestampMax):
			code, detail = CodeTimestamp, fmt.Sprintf("Kafka record timestamp %d ms is not between the years 1970 and 2099", r.Time.UnixMilli())
		case r.Cut != nil && r.Cut.Value > topic.LongestWhole:
			code, detail = rejected(event.Oversize(r.Cut.Value))
		default:
			f, err := decoder.Decode(r.Value, r.Time, name)
			if err == nil {
				fill(&row, &f, r)
				events.Append(&row)
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

func fill(row *queries.EventRow, f *event.Fields, r *topic.Record) {
	row.Subject, row.Source, row.ID, row.Hash = f.Subject, f.Source, f.ID, f.Hash
	row.Day, row.Offset, row.Type, row.Time = beijingDay(f.Time), r.Offset, f.Type, f.Time
	row.Sequence, row.Recorded, row.Test, row.CorrectsID = f.Sequence, f.Recorded, f.Test, f.CorrectsID
	row.DataSchema, row.Data, row.ReceivedAt = f.DataSchema, f.Data, r.Time
}

// beijingDay is 00:00 UTC of the Beijing date. The contract takes no events from
// before 2000, and Beijing has kept UTC+8 all year since 1992.
func beijingDay(t time.Time) time.Time {
	return t.Add(8 * time.Hour).Truncate(24 * time.Hour)
}

func quarantineRow(name string, partition int32, r *topic.Record, code, detail string) queries.QuarantineRow {
	whole := topic.Cut{Key: int64(len(r.Key)), Value: int64(len(r.Value))}
	if r.Cut != nil {
		whole = *r.Cut
	} else {
		whole.SHA256 = sha256.Sum256(r.Value)
	}
	row := queries.QuarantineRow{
		Topic:      name,
		Partition:  partition,
		Offset:     r.Offset,
		ReceivedAt: r.Time,
		Code:       code,
		Detail:     detail,
		Key:        r.Key,
		Payload:    r.Value,
		Size:       uint64(whole.Value),
		SHA256:     whole.SHA256,
	}
	if whole.Value > event.MaxSize {
		row.Payload = r.Value[:prefixBytes]
	}
	if whole.Key > prefixBytes {
		row.Key = r.Key[:prefixBytes]
		row.Detail += fmt.Sprintf("; key cut from %d to %d bytes", whole.Key, prefixBytes)
	}
	if code == CodeTimestamp {
		row.ReceivedAt = timestampMin
	}
	return row
}
