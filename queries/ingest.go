package queries

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
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

// InsertEvents stores rows of one topic; nil means acknowledged. After an error
// the outcome is unknown: inserting the same rows again is safe, because a row is
// identified by its place in the log.
func (db *DB) InsertEvents(ctx context.Context, topic string, rows *Events) (err error) {
	table, err := EventsTable(topic)
	if err != nil {
		return err
	}
	if rows.Token != "" {
		life, unknown := db.serverLife(ctx)
		if unknown != nil {
			return fmt.Errorf("insert into %s: %w", table, unknown)
		}
		defer func() {
			if err != nil {
				db.life.forget()
			}
		}()
		// The views behind the table keep tokens of their own, so that one that failed
		// is filled when the rows come again, though the table has them already.
		ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplicate": 1, "deduplicate_insert": "enable", "insert_deduplication_token": rows.Token + " life " + life,
		}))
	}
	return db.insertBlock(ctx, table, rows.Len(), rows.columns())
}

// QuarantineRow is one message that is no event of the contract.
type QuarantineRow struct {
	Topic      string
	Partition  int32
	Offset     int64
	ReceivedAt time.Time
	Code       string
	Detail     string
	Source     string    // that the message names, if it can be read
	StoredAt   time.Time // when it is put into quarantine
	Key        []byte
	Payload    []byte // whole, or the first part of an oversize message
	Size       uint64 // bytes of the whole message
	SHA256     [32]byte
}

// InsertQuarantine stores what could not be read; nil means acknowledged, and
// after an error inserting the same rows again is safe.
func (db *DB) InsertQuarantine(ctx context.Context, rows []QuarantineRow) error {
	var (
		topic, code          = lowCardinality(), lowCardinality()
		detail, key, payload proto.ColStr
		partition            proto.ColInt32
		offset               proto.ColInt64
		received             = new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
		size                 proto.ColUInt64
		sum                  = proto.ColFixedStr{Size: 32}
		source               = lowCardinality()
		stored               = new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	)
	for i := range rows {
		r := &rows[i]
		topic.Append(r.Topic)
		partition.Append(r.Partition)
		offset.Append(r.Offset)
		received.Append(r.ReceivedAt)
		code.Append(r.Code)
		detail.Append(r.Detail)
		key.AppendBytes(r.Key)
		payload.AppendBytes(r.Payload)
		size.Append(r.Size)
		sum.Append(r.SHA256[:])
		source.Append(r.Source)
		stored.Append(r.StoredAt)
	}
	return db.insertBlock(ctx, "quarantine", len(rows), proto.Input{
		{Name: "topic", Data: topic},
		{Name: "partition", Data: &partition},
		{Name: "offset", Data: &offset},
		{Name: "received_at", Data: received},
		{Name: "code", Data: code},
		{Name: "detail", Data: &detail},
		{Name: "key", Data: &key},
		{Name: "payload", Data: &payload},
		{Name: "size", Data: &size},
		{Name: "sha256", Data: &sum},
		{Name: "source", Data: source},
		{Name: "stored_at", Data: stored},
	})
}

func lowCardinality() *proto.ColLowCardinality[string] {
	return new(proto.ColStr).LowCardinality()
}

// insertBlock sends typed columns as one Native block: a quarter of the work of
// Insert, whose rows are boxed value by value. Strings go from where they stand.
func (db *DB) insertBlock(ctx context.Context, table string, rows int, columns proto.Input) error {
	if rows == 0 {
		return nil
	}
	buf := wire.Get().(*proto.Buffer)
	buf.Reset()
	block, err := native(buf, rows, columns)
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	statement := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ")"
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := db.conn.InsertFormat(ctx, "Native", statement, untilDone{sending, block}); err != nil {
		return failed("insert into "+table, withoutValues(err))
	}
	// After an error somebody may still be sending it.
	wire.Put(buf)
	return nil
}

// untilDone is what is read until ctx ends. Who sends a block may go on with it
// after the insert has failed; soon the memory holds other rows, so it gets no
// more of it, and a block that does not end is not stored.
type untilDone struct {
	ctx context.Context
	io.Reader
}

// Read fails when ctx has ended.
func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

var wire = sync.Pool{New: func() any { return new(proto.Buffer) }}

// native is a block in ClickHouse's Native format at revision 0, as every version
// of it reads it. It stands in buf, and its texts where they stood.
func native(buf *proto.Buffer, rows int, columns proto.Input) (io.Reader, error) {
	buf.PutInt(len(columns))
	buf.PutInt(rows)
	// What is written stands in buf, up to each of the ends; behind an end follow
	// strings that stand elsewhere.
	var ends []int
	var elsewhere [][][]byte
	for _, c := range columns {
		if c.Data.Rows() != rows {
			return nil, fmt.Errorf("column %s has %d rows, not %d", c.Name, c.Data.Rows(), rows)
		}
		c.EncodeStart(buf, 0)
		if p, ok := c.Data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
		}
		if state, ok := c.Data.(proto.StateEncoder); ok {
			state.EncodeState(buf)
		}
		if strings, ok := c.Data.(*sentTexts); ok {
			ends, elsewhere = append(ends, len(buf.Buf)), append(elsewhere, strings.pieces)
			continue
		}
		c.Data.EncodeColumn(buf)
	}
	var pieces []io.Reader
	begin := 0
	for i, end := range ends {
		pieces = append(pieces, bytes.NewReader(buf.Buf[begin:end]))
		for _, text := range elsewhere[i] {
			pieces = append(pieces, bytes.NewReader(text))
		}
		begin = end
	}
	return io.MultiReader(append(pieces, bytes.NewReader(buf.Buf[begin:]))...), nil
}
