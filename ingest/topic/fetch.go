package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// Kind says what stands at an offset.
type Kind uint8

// The kinds of records.
const (
	Data    Kind = iota // a message
	Marker              // the end of a transaction, written by the broker
	Aborted             // a message of a transaction that was given up
)

// Record is what the log holds at an offset. Key and Value belong to the caller,
// until the chunk is released.
type Record struct {
	Offset int64
	Kind   Kind
	Time   time.Time // UTC, to the millisecond
	Key    []byte
	Value  []byte // nil: a tombstone
	Cut    *Cut   // nil: Key and Value are whole
}

// Gap is a range of offsets that the log does not hold any more, or never held.
type Gap struct {
	Topic     string
	Partition int32
	From, To  int64 // To is the first offset after the gap
	// Inside says that the log holds offsets on both sides: they were compacted
	// away. Otherwise its beginning has moved on: they expired or were deleted.
	Inside bool
}

// Chunk is what one fetch brought: the records from the partition's position on,
// in order, and the gaps between them.
type Chunk struct {
	Records []Record
	Gaps    []Gap

	memory *memory
	next   int64 // the offset behind it
}

// Empty says that the fetch brought nothing.
func (c *Chunk) Empty() bool { return len(c.Records) == 0 && len(c.Gaps) == 0 }

// add takes a record, if it does not stand before what comes next. Offsets between
// them were compacted away.
func (c *Chunk) add(p *Partition, r Record) (taken bool) {
	if r.Offset < c.next {
		return false
	}
	c.pass(p, r.Offset)
	c.Records = append(c.Records, r)
	c.next = r.Offset + 1
	return true
}

// pass counts the offsets up to, and without, to as compacted away.
func (c *Chunk) pass(p *Partition, to int64) {
	if to > c.next {
		c.Gaps = append(c.Gaps, Gap{Topic: p.Topic, Partition: p.Partition, From: c.next, To: to, Inside: true})
		c.next = to
	}
}

// Release gives the memory of the records, and of their keys and values, back for
// a later fetch. Whoever calls it uses none of them any more; who does not leaves
// them to the garbage collector.
func (c *Chunk) Release() {
	if c.memory != nil {
		c.memory.records = c.Records[:0]
		c.memory.reset()
		released.Put(c.memory)
	}
	*c = Chunk{}
}

// Partition is a partition of this member and the position in it.
type Partition struct {
	Topic     string
	ID        ID // of the topic
	Partition int32

	generation *Generation
	next       int64
	log        PartitionOffsets // when the partition was assigned
	gap        *Gap             // found when the partition was assigned
	opened     *opened          // the batch at the position, where it did not fit into a chunk

	// How much a fetch asks for, packed as it is, and what a chunk may hold of what
	// is unpacked, in bytes.
	fetched, unpacked int

	// For whoever watches: the position, and what the last answer said.
	at      atomic.Int64
	end     atomic.Int64 // high watermark
	sure    atomic.Int64 // a high watermark told before the topic was last seen to be the same
	stable  atomic.Int64 // last stable offset: open transactions are behind it
	waiting atomic.Bool  // for the brokers, and not for whoever takes the records
}

// Next is the offset that the next fetch begins with.
func (p *Partition) Next() int64 { return p.next }

// Log is the partition's log as it was when it was assigned, and what the group
// had done of it.
func (p *Partition) Log() PartitionOffsets { return p.log }

// End is how far the log is known to reach at least. It was told before the topic
// was last seen to be the one that was assigned: what brokers say in between may
// be of another topic, made under the same name.
func (p *Partition) End() int64 { return p.sure.Load() }

// Expect makes a partition of which the group has done nothing begin at an
// offset, and not where its log happens to start now; what is gone before that is
// a gap then. Call it before the first Fetch.
func (p *Partition) Expect(first int64) {
	if p.log.Committed < 0 {
		p.begin(first)
	}
}

// begin sets the position before the first fetch.
func (p *Partition) begin(at int64) {
	p.next, p.gap = at, nil
	if at < p.log.First {
		p.gap = &Gap{Topic: p.Topic, Partition: p.Partition, From: at, To: p.log.First}
		p.next = p.log.First
	}
	p.at.Store(p.next)
}

// Fetch waits for records at the partition's position and moves it behind them.
// The chunk is empty when none came in time. After an error the position is
// unchanged, and fetching again is right; it is one goroutine's at a time.
//
// Records of open transactions are not returned before their end. Offsets that
// the log no longer holds are returned as a gap, never skipped in silence. Where
// the topic was deleted or made anew the error is ErrGenerationEnded. A position
// beyond the end of the same log is an error that does not pass: it lost its
// tail, and its offsets now name other messages than those stored.
func (p *Partition) Fetch(ctx context.Context) (Chunk, error) {
	p.waiting.Store(true)
	chunk, err := p.chunk(ctx)
	if err == nil {
		p.at.Store(p.next)
		p.waiting.Store(chunk.Empty())
	}
	return chunk, err
}

func (p *Partition) chunk(ctx context.Context) (Chunk, error) {
	if p.gap != nil {
		chunk := Chunk{Gaps: []Gap{*p.gap}}
		p.gap = nil
		return chunk, nil
	}
	chunk, err := p.readOn(ctx)
	if err == nil && chunk.Empty() {
		chunk, err = p.fetch(ctx)
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		chunk, err = p.outOfRange(ctx)
	}
	if err != nil {
		return Chunk{}, fmt.Errorf("fetch %s/%d at offset %d: %w", p.Topic, p.Partition, p.next, err)
	}
	return chunk, nil
}

func (p *Partition) outOfRange(ctx context.Context) (Chunk, error) {
	logs, err := p.generation.client.logs(ctx, map[string][]int{p.Topic: {int(p.Partition)}})
	if err != nil {
		return Chunk{}, err
	}
	// Another topic of this name says nothing about the offsets of ours.
	if err := p.generation.Same(ctx, p.Topic); err != nil {
		return Chunk{}, err
	}
	log := logs[place{p.Topic, p.Partition}]
	if p.next > log.End {
		return Chunk{}, fmt.Errorf("the log ends at %d: it has lost its tail", log.End)
	}
	if p.next >= log.First {
		return Chunk{}, nil // meanwhile in range
	}
	gap := Gap{Topic: p.Topic, Partition: p.Partition, From: p.next, To: log.First}
	p.next = log.First
	return Chunk{Gaps: []Gap{gap}}, nil
}

// leastFetched is what a fetch returns at least if there is as much, however many
// partitions there are; leastUnpacked the same for what is unpacked.
const leastFetched, leastUnpacked = 64 << 10, 8 << 20

// share gives a partition its part of what as many partitions bring together.
func (p *Partition) share(o *GroupOptions, partitions int) {
	p.fetched = min(o.MaxBytes, max(leastFetched, o.AllBytes/partitions))
	// JSON gets that small and hardly smaller.
	p.unpacked = max(leastUnpacked, 8*p.fetched)
}

func (p *Partition) fetch(ctx context.Context) (Chunk, error) {
	o := p.generation.options
	whole := ctx // the answer may take longer to be read
	ctx, cancel := context.WithTimeout(ctx, o.MaxWait+requestTimeout)
	defer cancel()
	answer, err := p.generation.client.transport.RoundTrip(ctx, p.generation.client.kafka.Addr, &fetch.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(o.MaxWait / time.Millisecond),
		MinBytes:       1,
		MaxBytes:       int32(p.fetched),
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics: []fetch.RequestTopic{{
			Topic: p.Topic,
			Partitions: []fetch.RequestPartition{{
				Partition:          p.Partition,
				CurrentLeaderEpoch: -1,
				FetchOffset:        p.next,
				LogStartOffset:     -1,
				PartitionMaxBytes:  int32(p.fetched),
			}},
		}},
	})
	if err != nil {
		return Chunk{}, err
	}
	response, ok := answer.(*response)
	if !ok || len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return Chunk{}, errors.New("the broker's answer is not about this partition")
	}
	if response.ErrorCode != 0 {
		return Chunk{}, kafka.Error(response.ErrorCode)
	}
	part := &response.Topics[0].Partitions[0]
	if part.ErrorCode != 0 {
		return Chunk{}, kafka.Error(part.ErrorCode)
	}
	p.end.Store(part.HighWatermark)
	p.stable.Store(part.LastStableOffset)
	return p.read(whole, part)
}

// read turns an answer into records. The broker sends whole batches, so the
// first may begin before the position.
func (p *Partition) read(ctx context.Context, part *responsePartition) (Chunk, error) {
	memory := part.RecordSet.memory
	chunk := Chunk{Records: memory.records, memory: memory, next: p.next}
	aborted := newAbortedProducers(part.AbortedTransactions)
	for sent := memory.sent; ; {
		b, rest, ok, err := nextBatch(sent)
		if err != nil {
			return Chunk{}, err
		}
		if !ok {
			break
		}
		sent = rest
		kind := Data
		switch {
		case b.attributes.Control():
			kind = Marker
			aborted.end(b.producer, b.base)
		case b.attributes.Transactional() && aborted.has(b.producer, b.base):
			kind = Aborted
		}
		fits, err := b.unpack(memory, p.unpacked)
		switch {
		case err != nil:
			return Chunk{}, err
		case fits:
		case !chunk.Empty():
			// The next fetch begins with it.
			p.next = chunk.next
			return chunk, nil
		default:
			if p.opened, err = b.open(kind); err != nil {
				return Chunk{}, err
			}
			return p.readOn(ctx)
		}
		chunk.Records = slices.Grow(chunk.Records, min(max(b.count, 0), len(b.records)))
		for b.count > 0 {
			r, err := b.next()
			if err != nil {
				return Chunk{}, err
			}
			r.Kind = kind
			chunk.add(p, r)
		}
		chunk.pass(p, b.last+1)
	}
	p.next = chunk.next
	return chunk, nil
}

// readOn reads as many records of a batch that was opened as a chunk holds, if there
// is one; fewer where most of what is unpacked is not held, for that takes time too. It
// gives up when ctx ends.
func (p *Partition) readOn(ctx context.Context) (Chunk, error) {
	o := p.opened
	if o == nil {
		return Chunk{}, nil
	}
	// However long this takes, no broker is waited for.
	p.waiting.Store(false)
	// After an error it is fetched again.
	p.opened = nil
	o.packed.ended, o.packed.read = func() error { return context.Cause(ctx) }, 0
	chunk := Chunk{next: p.next}
	for held := 0; o.count > 0 && (held < p.unpacked && o.packed.read < 8*int64(p.unpacked) || chunk.Empty()); {
		r, size, err := o.next(chunk.next)
		if err != nil {
			return Chunk{}, errors.Join(err, o.packed.Close())
		}
		if chunk.add(p, r) {
			held += size + recordSize
		}
	}
	if o.count > 0 {
		p.opened = o
	} else {
		chunk.pass(p, o.last+1)
		if err := o.packed.Close(); err != nil {
			return Chunk{}, err
		}
	}
	p.next = chunk.next
	return chunk, nil
}

// recordSize is what a record takes beside its key and value.
const recordSize = int(unsafe.Sizeof(Record{}))

// abortedProducers tells which transactional batches of one answer were given
// up: from a transaction's first offset to its marker.
type abortedProducers struct {
	coming map[int64][]int64 // producer -> first offsets of its aborted transactions
}

func newAbortedProducers(list []fetch.ResponseTransaction) abortedProducers {
	a := abortedProducers{coming: map[int64][]int64{}}
	for _, t := range list {
		a.coming[t.ProducerID] = append(a.coming[t.ProducerID], t.FirstOffset)
	}
	return a
}

func (a abortedProducers) has(producer, offset int64) bool {
	first := a.coming[producer]
	return len(first) > 0 && offset >= first[0]
}

// end is a marker of the producer at the offset: its transaction, if it was an
// aborted one that had begun, is over.
func (a abortedProducers) end(producer, offset int64) {
	if a.has(producer, offset) {
		first := a.coming[producer]
		a.coming[producer] = first[1:]
	}
}
