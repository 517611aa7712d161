package consume

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// pipeline carries one topic's messages of one generation: the partitions are
// fetched and decoded side by side, their rows are put together, and one batch
// is stored and committed while the next one fills. So at most two batches and two
// fetches of each partition are in memory.
type pipeline struct {
	*Service
	generation *topic.Generation
	topic      string
	log        int32          // the number of the topic's log
	identity   string         // of the topic, another one when it was made anew
	whole      queries.Events // the batch that is being stored
	held       *atomic.Int64  // bytes in the batches of all topics of the generation
	partitions []*topic.Partition
}

// run returns when ctx ends, or with the error for which the partitions have to
// be asked for anew. ctx ends with the service or when the partitions are given
// away.
func (p *pipeline) run(service, ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	decoded := make(chan *batch)
	var fetchers sync.WaitGroup
	for _, part := range p.partitions {
		fetchers.Go(func() { cancel(p.fetch(ctx, part, decoded)) })
	}
	go func() {
		fetchers.Wait()
		close(decoded)
	}()

	full := make(chan *batch)
	stored := make(chan error, 1)
	go func() {
		err := p.store(ctx, full)
		if err != nil {
			cancel(err)
		}
		stored <- err
		// The collector may still hand over a batch: it is dropped, uncommitted.
		for range full {
		}
	}()

	p.collect(service, decoded, full)
	close(full)
	if err := <-stored; err != nil {
		return err
	}
	return context.Cause(ctx)
}

// fetch reads one partition, decodes what comes and hands it on. It returns why it
// ends.
func (p *pipeline) fetch(ctx context.Context, part *topic.Partition, decoded chan<- *batch) error {
	name := fmt.Sprintf("%s/%d", part.Topic, part.Partition)
	var decoder event.Decoder
	stored, err := queries.StoredPartition(p.log, part.Partition)
	if err != nil {
		p.health.set("partition "+name, err)
		<-ctx.Done()
		p.health.set("partition "+name, nil)
		return context.Cause(ctx)
	}
	for {
		var chunk topic.Chunk
		err := p.retry(ctx, "fetch", name, func(ctx context.Context) (err error) {
			chunk, err = part.Fetch(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if err := p.gone(ctx, part, stored, chunk.Gaps); err != nil {
			return err
		}
		if chunk.Empty() {
			chunk.Release()
			continue
		}
		b := decode(&decoder, part.Topic, stored, chunk)
		b.next[part.Partition] = part.Next()
		select {
		case decoded <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// collect puts what was decoded together into batches, until decoded is closed.
// What it has when the service ends is handed on too; what it has when the
// partitions are given away is dropped, for their next owner reads it anyway.
func (p *pipeline) collect(service context.Context, decoded <-chan *batch, full chan<- *batch) {
	age := time.NewTimer(p.o.Age)
	defer age.Stop()
	current := newBatch()
	flush := func() {
		full <- current
		current = newBatch()
	}
	for {
		select {
		case b, ok := <-decoded:
			if !ok {
				if !current.empty() && service.Err() != nil {
					full <- current
				}
				return
			}
			if current.empty() {
				age.Reset(p.o.Age)
			}
			current.add(b)
			p.held.Add(int64(b.bytes))
			p.o.Logger.DebugContext(service, "batch grows", "topic", p.topic, "rows", current.rows(), "bytes", current.bytes)
			if current.rows() >= p.o.Rows || current.bytes >= p.o.Bytes || p.crowded(current) {
				flush()
			}
		case <-age.C:
			if !current.empty() {
				flush()
			}
		}
	}
}

// crowded says that what all topics hold is as much as two batches may be, and that
// this batch has its part in that: a rush in all topics takes hardly more memory
// than one in a single topic.
func (p *pipeline) crowded(b *batch) bool {
	return p.held.Load() >= 2*int64(p.o.Bytes) && b.bytes*len(p.o.Topics) >= p.o.Bytes
}

// store inserts and commits batch after batch. It goes on for the grace after
// ctx has ended. A batch that can't be stored by then stays uncommitted.
func (p *pipeline) store(ctx context.Context, full <-chan *batch) error {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(p.o.Grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	for b := range full {
		if err := p.flush(work, b); err != nil {
			return err
		}
	}
	return nil
}

// flush stores a batch and then, and only then, commits it. What may be of another
// topic that was made under the same name is not stored.
func (p *pipeline) flush(ctx context.Context, b *batch) error {
	if err := p.same(ctx); err != nil {
		return err
	}
	if err := p.insertEvents(ctx, b); err != nil {
		return err
	}
	if len(b.quarantine) > 0 {
		stamp(b.quarantine, p.o.Now())
		err := p.retry(ctx, "insert_quarantine", p.topic, func(ctx context.Context) error {
			return p.o.Store.InsertQuarantine(ctx, b.quarantine)
		})
		if err != nil {
			return err
		}
	}
	err := p.retry(ctx, "commit", p.topic, func(ctx context.Context) error {
		return p.generation.Commit(ctx, p.topic, b.next)
	})
	if err != nil {
		return err
	}
	c := &p.o.Counters
	add(c.Events, b.events.Len(), p.topic)
	codes := map[string]int{}
	for i := range b.quarantine {
		codes[b.quarantine[i].Code]++
	}
	for code, n := range codes {
		add(c.Quarantined, n, p.topic, code)
	}
	add(c.Batches, 1, p.topic)
	add(c.Bytes, b.bytes, p.topic)
	p.o.Logger.DebugContext(ctx, "batch stored and committed", "topic", p.topic,
		"events", b.events.Len(), "quarantined", len(b.quarantine), "bytes", b.bytes)
	p.held.Add(-int64(b.bytes))
	b.free()
	return nil
}
