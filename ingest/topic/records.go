package topic

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// kafka-go reads the record batches of an answer into pages, and gives each record
// as readers of its key and its value, which have to be copied once more: a tenth
// of what an event costs from Kafka to ClickHouse. Here an answer's batches are
// read into one piece of memory, and records are parts of it.
//
// The answer to fetch is registered in the place of kafka-go's own. Of the library
// only kafka.Client's Fetch uses that, which nothing here does.
func init() {
	protocol.Register(&fetch.Request{}, &response{})
}

// response is fetch.Response, up to the batches.
type response struct {
	ThrottleTimeMs int32           `kafka:"min=v1,max=v11"`
	ErrorCode      int16           `kafka:"min=v7,max=v11"`
	SessionID      int32           `kafka:"min=v7,max=v11"`
	Topics         []responseTopic `kafka:"min=v0,max=v11"`
}

// ApiKey makes it a protocol.Message.
func (r *response) ApiKey() protocol.ApiKey { return protocol.Fetch } //nolint:revive,staticcheck // kafka-go's name

type responseTopic struct {
	Topic      string              `kafka:"min=v0,max=v11"`
	Partitions []responsePartition `kafka:"min=v0,max=v11"`
}

type responsePartition struct {
	Partition            int32                       `kafka:"min=v0,max=v11"`
	ErrorCode            int16                       `kafka:"min=v0,max=v11"`
	HighWatermark        int64                       `kafka:"min=v0,max=v11"`
	LastStableOffset     int64                       `kafka:"min=v4,max=v11"`
	LogStartOffset       int64                       `kafka:"min=v5,max=v11"`
	AbortedTransactions  []fetch.ResponseTransaction `kafka:"min=v4,max=v11"`
	PreferredReadReplica int32                       `kafka:"min=v11,max=v11"`
	RecordSet            recordSet                   `kafka:"min=v0,max=v11"`
}

// recordSet is the batches of an answer as the broker sent them.
type recordSet struct{ memory *memory }

// memory is that of a chunk: the batches as sent, those that were compressed
// unpacked, and the records, whose keys and values are parts of them.
type memory struct {
	sent     []byte
	unpacked [][]byte
	used     int // of unpacked
	held     int // bytes unpacked, and those of their records
	records  []Record
}

// mostKept is how much memory for unpacked batches is kept for a later fetch.
const mostKept = 64 << 20

func (m *memory) reset() {
	kept := 0
	for _, of := range m.unpacked {
		kept += cap(of)
	}
	if kept > mostKept {
		m.unpacked = nil
	}
	m.used, m.held = 0, 0
}

var released = sync.Pool{New: func() any { return new(memory) }}

// ReadFrom reads the length and as many bytes.
func (s *recordSet) ReadFrom(r io.Reader) (int64, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return 0, err
	}
	n := max(0, int(int32(binary.BigEndian.Uint32(size[:]))))
	s.memory = released.Get().(*memory)
	if cap(s.memory.sent) < n {
		s.memory.sent = make([]byte, n)
	}
	s.memory.sent = s.memory.sent[:n]
	read, err := io.ReadFull(r, s.memory.sent)
	return int64(len(size) + read), err
}

// recordBatch is a batch of version 2, the only one since Kafka 0.11 (2017).
// https://kafka.apache.org/documentation/#recordbatch
type recordBatch struct {
	base, last    int64 // offsets; records at the end may have been compacted away
	attributes    protocol.Attributes
	first, newest int64 // milliseconds
	producer      int64
	count         int
	records       []byte
}

const (
	behindLength   = 12 // bytes up to and with the length
	behindChecksum = 21
	behindHeader   = 61
	// logAppendTime is the attribute of batches whose records were all stamped by
	// the broker, at newest.
	logAppendTime = 1 << 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// nextBatch cuts the first batch off. The broker sends as many bytes as were asked
// for, so the last batch may be a piece of one: there is none then.
func nextBatch(sent []byte) (b recordBatch, rest []byte, ok bool, err error) {
	if len(sent) < behindLength {
		return b, nil, false, nil
	}
	b.base = int64(binary.BigEndian.Uint64(sent))
	size := behindLength + int(int32(binary.BigEndian.Uint32(sent[8:])))
	if size < behindLength {
		return b, nil, false, fmt.Errorf("batch of offset %d: a length below 0", b.base)
	}
	if len(sent) < size {
		return b, nil, false, nil
	}
	sent, rest = sent[:size:size], sent[size:]
	if size > 16 && sent[16] != 2 {
		return b, nil, false, fmt.Errorf("batch of offset %d: message format %d, only 2 is read", b.base, sent[16])
	}
	if size < behindHeader {
		return b, nil, false, fmt.Errorf("batch of offset %d: %d bytes are too few", b.base, size)
	}
	if got, want := crc32.Checksum(sent[behindChecksum:], castagnoli), binary.BigEndian.Uint32(sent[17:]); got != want {
		return b, nil, false, fmt.Errorf("batch of offset %d: its checksum is %08x, the broker says %08x", b.base, got, want)
	}
	b.attributes = protocol.Attributes(binary.BigEndian.Uint16(sent[21:]))
	b.last = b.base + int64(int32(binary.BigEndian.Uint32(sent[23:])))
	b.first = int64(binary.BigEndian.Uint64(sent[27:]))
	b.newest = int64(binary.BigEndian.Uint64(sent[35:]))
	b.producer = int64(binary.BigEndian.Uint64(sent[43:]))
	b.count = int(int32(binary.BigEndian.Uint32(sent[57:])))
	b.records = sent[behindHeader:]
	return b, rest, true, nil
}

// next cuts the first record off. Its key and value are parts of the batch.
func (b *recordBatch) next() (Record, error) {
	r, rest, ok := b.cut(b.records)
	if !ok {
		return Record{}, fmt.Errorf("batch of offset %d: a record that does not end", b.base)
	}
	b.records = rest
	b.count--
	return r, nil
}

func (b *recordBatch) cut(from []byte) (r Record, rest []byte, ok bool) {
	size, from, ok := varint(from)
	if !ok || size < 1 || size > int64(len(from)) {
		return r, nil, false
	}
	rest, from = from[size:], from[1:size] // without its attributes, of which there are none
	stamp, from, okStamp := varint(from)
	offset, from, okOffset := varint(from)
	key, from, okKey := field(from)
	value, _, okValue := field(from)
	r = b.record(offset, stamp)
	r.Key, r.Value = key, value
	return r, rest, okStamp && okOffset && okKey && okValue
}

// record is one whose offset and stamp are told from the batch's own.
func (b *recordBatch) record(offset, stamp int64) Record {
	if b.attributes&logAppendTime != 0 {
		stamp = b.newest - b.first
	}
	return Record{Offset: b.base + offset, Time: time.UnixMilli(b.first + stamp).UTC()}
}

// field is the bytes behind their length; nil if that is below 0.
func field(from []byte) (content, rest []byte, ok bool) {
	n, from, ok := varint(from)
	switch {
	case !ok || n > int64(len(from)):
		return nil, nil, false
	case n < 0:
		return nil, from, true
	}
	return from[:n:n], from[n:], true
}

func varint(from []byte) (n int64, rest []byte, ok bool) {
	n, size := binary.Varint(from)
	if size <= 0 {
		return 0, nil, false
	}
	return n, from[size:], true
}
