package queries

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// EventRow is one event at one place of the log.
type EventRow struct {
	Subject, Source, ID []byte
	Hash                [16]byte
	Day                 time.Time // 00:00 UTC of the Beijing date of Time
	Partition           int32
	Offset              int64
	Type                string
	Time                time.Time
	Sequence            []byte
	Recorded            time.Time // zero if absent
	Test                bool
	CorrectsID          []byte
	DataSchema          string
	Data                []byte
	ReceivedAt          time.Time // Kafka record timestamp
}

// Events are rows of one topic's events as the columns that ClickHouse takes, so
// that a row costs no memory of its own. The zero value is empty and ready.
type Events struct {
	// Token names the rows: ClickHouse takes what comes a second time under one token
	// as stored already, whatever it holds. So it may only name what is always the
	// same. "" is no token.
	Token string

	subject, id, sequence, corrects, data texts
	source, kind, schema                  words
	hash                                  []byte
	day                                   proto.ColDate
	partition                             proto.ColInt32
	offset                                proto.ColInt64
	at, recorded, received                proto.ColDateTime64
	unrecorded                            proto.ColUInt8 // 1: recorded is NULL
	test                                  proto.ColBool

	joined []*Events // whose texts are the rows' texts, instead of those above
}

// hashSize is the length of a content hash.
const hashSize = 16

// EventsOf are the rows as columns.
func EventsOf(rows ...EventRow) *Events {
	e := new(Events)
	for i := range rows {
		e.Append(&rows[i])
	}
	return e
}

// Len is the number of rows.
func (e *Events) Len() int { return len(e.offset) }

// Reset takes all rows and the token away and keeps the memory.
func (e *Events) Reset() {
	e.Token = ""
	for _, c := range e.texts() {
		c.reset()
	}
	for _, c := range e.words() {
		c.reset()
	}
	e.hash, e.day, e.partition, e.offset = e.hash[:0], e.day[:0], e.partition[:0], e.offset[:0]
	e.at.Data, e.recorded.Data, e.received.Data = e.at.Data[:0], e.recorded.Data[:0], e.received.Data[:0]
	e.unrecorded, e.test, e.joined = e.unrecorded[:0], e.test[:0], nil
}

// Join makes e, which has no rows, the rows of others, one after the other. It does
// not copy their texts, which are most of them: they must stay as they are while e
// is used, and to e no row can be appended.
func (e *Events) Join(others []*Events) {
	e.joined = others
	for _, o := range others {
		e.appendMeasured(o, 0, o.Len())
	}
}

func (e *Events) texts() [5]*texts {
	return [5]*texts{&e.subject, &e.id, &e.sequence, &e.corrects, &e.data}
}

func (e *Events) words() [3]*words { return [3]*words{&e.source, &e.kind, &e.schema} }

// Append adds a row. It keeps no part of it.
func (e *Events) Append(r *EventRow) {
	e.subject.append(r.Subject)
	e.day = append(e.day, proto.Date(r.Day.Unix()/86_400))
	e.source.append(r.Source)
	e.id.append(r.ID)
	e.hash = append(e.hash, r.Hash[:]...)
	e.partition = append(e.partition, r.Partition)
	e.offset = append(e.offset, r.Offset)
	e.kind.appendString(r.Type)
	e.at.Data = append(e.at.Data, proto.DateTime64(r.Time.UnixMicro()))
	e.sequence.append(r.Sequence)
	recorded, unrecorded := proto.DateTime64(0), uint8(1)
	if !r.Recorded.IsZero() {
		recorded, unrecorded = proto.DateTime64(r.Recorded.UnixMicro()), 0
	}
	e.recorded.Data, e.unrecorded = append(e.recorded.Data, recorded), append(e.unrecorded, unrecorded)
	e.test = append(e.test, r.Test)
	e.corrects.append(r.CorrectsID)
	e.schema.appendString(r.DataSchema)
	e.data.append(r.Data)
	e.received.Data = append(e.received.Data, proto.DateTime64(r.ReceivedAt.UnixMilli()))
}

// AppendRows adds the rows from up to, and without, to of others.
func (e *Events) AppendRows(o *Events, from, to int) {
	e.appendMeasured(o, from, to)
	first := 0 // row of the part
	for _, part := range o.parts() {
		begin, end := max(from-first, 0), min(to-first, part.Len())
		first += part.Len()
		if begin >= end {
			continue
		}
		mine, theirs := e.texts(), part.texts()
		for i := range mine {
			mine[i].appendRows(theirs[i], begin, end)
		}
	}
}

// parts are those that have the texts of the rows.
func (e *Events) parts() []*Events {
	if e.joined != nil {
		return e.joined
	}
	return []*Events{e}
}

// appendMeasured adds all columns of rows but their texts.
func (e *Events) appendMeasured(o *Events, from, to int) {
	words, otherWords := e.words(), o.words()
	for i := range words {
		words[i].appendRows(otherWords[i], from, to)
	}
	e.hash = append(e.hash, o.hash[from*hashSize:to*hashSize]...)
	e.day = append(e.day, o.day[from:to]...)
	e.partition = append(e.partition, o.partition[from:to]...)
	e.offset = append(e.offset, o.offset[from:to]...)
	e.at.Data = append(e.at.Data, o.at.Data[from:to]...)
	e.recorded.Data = append(e.recorded.Data, o.recorded.Data[from:to]...)
	e.unrecorded = append(e.unrecorded, o.unrecorded[from:to]...)
	e.test = append(e.test, o.test[from:to]...)
	e.received.Data = append(e.received.Data, o.received.Data[from:to]...)
}

// Digest is a hash of the rows' places and contents.
func (e *Events) Digest() [sha256.Size]byte {
	h := sha256.New()
	var place [12]byte
	for i := range e.offset {
		binary.LittleEndian.PutUint32(place[:], uint32(e.partition[i]))
		binary.LittleEndian.PutUint64(place[4:], uint64(e.offset[i]))
		h.Write(place[:])
	}
	h.Write(e.hash)
	return [sha256.Size]byte(h.Sum(nil))
}

// Place is where in the log the row i comes from.
func (e *Events) Place(i int) (partition int32, offset int64) { return e.partition[i], e.offset[i] }

// columns are what is sent.
func (e *Events) columns() proto.Input {
	e.at.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	e.recorded.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	e.received.WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	parts := e.parts()
	var texts [5]sentTexts
	for _, part := range parts {
		for i, c := range part.texts() {
			texts[i].pieces = append(texts[i].pieces, c.sent)
			texts[i].rows += c.rows
		}
	}
	subject, id, sequence, corrects, data := &texts[0], &texts[1], &texts[2], &texts[3], &texts[4]
	return proto.Input{
		{Name: "subject", Data: subject},
		{Name: "day", Data: &e.day},
		{Name: "source", Data: e.source.column()},
		{Name: "id", Data: id},
		{Name: "content_hash", Data: &proto.ColFixedStr{Size: hashSize, Buf: e.hash}},
		{Name: "partition", Data: &e.partition},
		{Name: "offset", Data: &e.offset},
		{Name: "type", Data: e.kind.column()},
		{Name: "time", Data: &e.at},
		{Name: "sequence", Data: sequence},
		{Name: "recordedtime", Data: &proto.ColNullable[time.Time]{Nulls: e.unrecorded, Values: &e.recorded}},
		{Name: "test", Data: &e.test},
		{Name: "correctsid", Data: corrects},
		{Name: "dataschema", Data: e.schema.column()},
		{Name: "data", Data: data},
		{Name: "received_at", Data: &e.received},
	}
}

// texts is a column of strings in the very form in which it is sent: before each
// string its length.
type texts struct {
	sent []byte
	rows int
}

func (c *texts) reset() { c.sent, c.rows = c.sent[:0], 0 }

func (c *texts) append(s []byte) {
	c.sent = append(binary.AppendUvarint(c.sent, uint64(len(s))), s...)
	c.rows++
}

func (c *texts) appendRows(o *texts, from, to int) {
	begin := o.skip(0, from)
	end := len(o.sent)
	if to < o.rows {
		end = o.skip(begin, to-from)
	}
	c.sent = append(c.sent, o.sent[begin:end]...)
	c.rows += to - from
}

// skip is the place behind n strings, from one on that begins at the given place.
func (c *texts) skip(at, n int) int {
	for range n {
		length, size := binary.Uvarint(c.sent[at:])
		at += size + int(length)
	}
	return at
}

// sentTexts is a column of strings whose pieces stand in several texts. It is a
// proto.ColInput.
type sentTexts struct {
	pieces [][]byte
	rows   int
}

// Type is String.
func (c *sentTexts) Type() proto.ColumnType { return proto.ColumnTypeString }

// Rows is the number of strings.
func (c *sentTexts) Rows() int { return c.rows }

// EncodeColumn appends what is sent.
func (c *sentTexts) EncodeColumn(b *proto.Buffer) {
	for _, piece := range c.pieces {
		b.Buf = append(b.Buf, piece...)
	}
}

// WriteColumn writes what is sent.
func (c *sentTexts) WriteColumn(w *proto.Writer) {
	for _, piece := range c.pieces {
		w.ChainWrite(piece)
	}
}

// words is a column of strings of which there are few different ones: each of
// them once, and a key for each row.
type words struct {
	known  map[string]uint32
	listed []string
	keys   []uint32
}

func (c *words) reset() {
	// What a batch has met the next one meets again, unless there is no end to it.
	if c.keys = c.keys[:0]; len(c.listed) > 1000 {
		clear(c.known)
		c.listed = c.listed[:0]
	}
}

func (c *words) append(s []byte) {
	if n := len(c.keys); n > 0 && c.listed[c.keys[n-1]] == string(s) {
		c.keys = append(c.keys, c.keys[n-1])
		return
	}
	key, ok := c.known[string(s)]
	if !ok {
		key = c.learn(string(s))
	}
	c.keys = append(c.keys, key)
}

func (c *words) appendString(s string) {
	if n := len(c.keys); n > 0 && c.listed[c.keys[n-1]] == s {
		c.keys = append(c.keys, c.keys[n-1])
		return
	}
	key, ok := c.known[s]
	if !ok {
		key = c.learn(s)
	}
	c.keys = append(c.keys, key)
}

func (c *words) learn(s string) uint32 {
	if c.known == nil {
		c.known = map[string]uint32{}
	}
	key := uint32(len(c.listed))
	c.listed = append(c.listed, s)
	c.known[s] = key
	return key
}

func (c *words) appendRows(o *words, from, to int) {
	same := make([]uint32, len(o.listed)) // key there -> key here, and one more
	for _, there := range o.keys[from:to] {
		here := same[there]
		if here == 0 {
			c.appendString(o.listed[there])
			same[there] = c.keys[len(c.keys)-1] + 1
			continue
		}
		c.keys = append(c.keys, here-1)
	}
}

// column is what is sent: only the words that have a row.
func (c *words) column() *proto.ColLowCardinalityRaw {
	index := new(proto.ColStr)
	sent := make([]uint32, len(c.listed)) // key -> key sent, and one more
	column := &proto.ColLowCardinalityRaw{Index: index, Key: proto.KeyUInt32, Keys32: make(proto.ColUInt32, len(c.keys))}
	for i, key := range c.keys {
		if sent[key] == 0 {
			index.Append(c.listed[key])
			sent[key] = uint32(index.Rows())
		}
		column.Keys32[i] = sent[key] - 1
	}
	return column
}
