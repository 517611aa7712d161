package topic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// A produce request is kept below the broker's usual limit of 1 MiB; only a
// larger message goes alone in a larger one.
const (
	batchBytes    = 900 << 10
	batchMessages = 10_000
	// recordFrame is more than what a record needs beside key and value.
	recordFrame = 64

	writeAttempts   = 10
	writeBackoff    = 100 * time.Millisecond
	writeBackoffMax = 3 * time.Second
)

// Message is what is written to a topic.
type Message struct {
	Key   []byte    // the event's subject; chooses the partition
	Value []byte    // nil is a tombstone
	Time  time.Time // the record's timestamp, to the millisecond; must be set
}

// Acknowledgement is the place that the log gave a message.
type Acknowledgement struct {
	Partition int32
	Offset    int64 // -1: not acknowledged
}

// balancer puts a key where the Java client puts it, so that an operator's own
// producers and ours agree.
var balancer = kafka.Murmur2Balancer{Consistent: true}

// Write appends messages to a topic and returns when all replicas in sync have
// them. The order of messages with the same key is kept. The answer has a place
// for each message, also beside an error: those not acknowledged (offset -1) may
// be in the log or not, and writing them again is safe, because an event counts
// once.
func (c *Client) Write(ctx context.Context, topic string, messages []Message) ([]Acknowledgement, error) {
	acks := make([]Acknowledgement, len(messages))
	for i, m := range messages {
		acks[i].Offset = -1
		if n := len(m.Key) + len(m.Value); n > MaxMessage {
			return acks, fmt.Errorf("write to %s: message %d has %d bytes, the largest may have %d", topic, i, n, MaxMessage)
		}
		if m.Time.IsZero() {
			return acks, fmt.Errorf("write to %s: message %d has no time", topic, i)
		}
	}
	if len(messages) == 0 {
		return acks, nil
	}
	have, err := c.Partitions(ctx, topic)
	if err != nil {
		return acks, fmt.Errorf("write to %s: %w", topic, err)
	}
	if have[topic] == 0 {
		return acks, fmt.Errorf("write to %s: %w", topic, kafka.UnknownTopicOrPartition)
	}
	partitions := make([]int, have[topic])
	for i := range partitions {
		partitions[i] = i
	}
	byPartition := make([][]int, len(partitions))
	for i, m := range messages {
		p := balancer.Balance(kafka.Message{Key: m.Key}, partitions...)
		acks[i].Partition = int32(p)
		byPartition[p] = append(byPartition[p], i)
	}
	faults := make([]error, len(partitions))
	var wg sync.WaitGroup
	for p, indexes := range byPartition {
		if len(indexes) > 0 {
			wg.Go(func() { faults[p] = c.writePartition(ctx, topic, p, messages, indexes, acks) })
		}
	}
	wg.Wait()
	return acks, errors.Join(faults...)
}

// writePartition sends the messages at the indexes in requests of bounded size,
// one after the other.
func (c *Client) writePartition(ctx context.Context, topic string, partition int, messages []Message, indexes []int, acks []Acknowledgement) error {
	for len(indexes) > 0 {
		n, size := 0, 0
		for n < len(indexes) && n < batchMessages {
			m := messages[indexes[n]]
			size += len(m.Key) + len(m.Value) + recordFrame
			if n > 0 && size > batchBytes {
				break
			}
			n++
		}
		records := make([]kafka.Record, n)
		base, err := c.produce(ctx, topic, partition, func() kafka.RecordReader {
			for i := range n {
				m := messages[indexes[i]]
				records[i] = kafka.Record{Time: m.Time, Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value)}
			}
			return kafka.NewRecordReader(records...)
		})
		if err != nil {
			return fmt.Errorf("write to %s/%d: %d messages not acknowledged: %w", topic, partition, len(indexes), err)
		}
		for i := range n {
			acks[indexes[i]].Offset = base + int64(i)
		}
		indexes = indexes[n:]
	}
	return nil
}

// produce sends one request, and again while the failure may pass. A request
// whose answer got lost is in the log twice then, as two copies of its events.
func (c *Client) produce(ctx context.Context, topic string, partition int, records func() kafka.RecordReader) (int64, error) {
	backoff := writeBackoff
	for attempt := 1; ; attempt++ {
		response, err := c.kafka.Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: records(),
		})
		if err == nil {
			err = response.Error
		}
		if err == nil {
			return response.BaseOffset, nil
		}
		if ctx.Err() != nil || attempt == writeAttempts || !passing(err) || !sleep(ctx, backoff) {
			return 0, err
		}
		backoff = min(2*backoff, writeBackoffMax)
	}
}

// passing answers whether a failure may be gone with the next attempt.
func passing(err error) bool {
	var broker kafka.Error
	if errors.As(err, &broker) {
		return broker.Temporary()
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded)
}
