package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// What kafka-go does not offer and the tests need: deleting the head of a log,
// and writing in a transaction.

type deleteRecordsRequest struct {
	Topics    []deleteRecordsTopic `kafka:"min=v0,max=v1"`
	TimeoutMs int32                `kafka:"min=v0,max=v1"`
}

type deleteRecordsTopic struct {
	Name       string                   `kafka:"min=v0,max=v1"`
	Partitions []deleteRecordsPartition `kafka:"min=v0,max=v1"`
}

type deleteRecordsPartition struct {
	Partition int32 `kafka:"min=v0,max=v1"`
	Offset    int64 `kafka:"min=v0,max=v1"`
}

// ApiKey is named by kafka-go.
//
//nolint:revive,staticcheck // the interface of kafka-go wants this spelling
func (*deleteRecordsRequest) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

type deleteRecordsResponse struct {
	ThrottleTimeMs int32                 `kafka:"min=v0,max=v1"`
	Topics         []deletedRecordsTopic `kafka:"min=v0,max=v1"`
}

type deletedRecordsTopic struct {
	Name       string                    `kafka:"min=v0,max=v1"`
	Partitions []deletedRecordsPartition `kafka:"min=v0,max=v1"`
}

type deletedRecordsPartition struct {
	Partition    int32 `kafka:"min=v0,max=v1"`
	LowWatermark int64 `kafka:"min=v0,max=v1"`
	ErrorCode    int16 `kafka:"min=v0,max=v1"`
}

// ApiKey is named by kafka-go.
//
//nolint:revive,staticcheck // the interface of kafka-go wants this spelling
func (*deleteRecordsResponse) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

func init() { protocol.Register(&deleteRecordsRequest{}, &deleteRecordsResponse{}) }

// deleteBefore deletes the records of partition 0 below the offset.
func deleteBefore(ctx context.Context, t testing.TB, c *Client, offset int64) {
	t.Helper()
	answer, err := c.transport.RoundTrip(ctx, c.kafka.Addr, &deleteRecordsRequest{
		Topics:    []deleteRecordsTopic{{Name: name, Partitions: []deleteRecordsPartition{{Offset: offset}}}},
		TimeoutMs: 5000,
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := answer.(*deleteRecordsResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.LowWatermark != offset {
		t.Fatalf("delete records: %+v", p)
	}
}

// transaction writes the messages to partition 0 and commits or aborts.
func transaction(ctx context.Context, t testing.TB, c *Client, messages []Message, commit bool) {
	t.Helper()
	openTransaction(ctx, t, c, messages)(commit)
}

// openTransaction writes the messages to partition 0 and gives the function that
// commits or aborts.
func openTransaction(ctx context.Context, t testing.TB, c *Client, messages []Message) (end func(commit bool)) {
	t.Helper()
	const id = "tx"
	producer, err := c.kafka.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 30_000, ProducerID: -1, ProducerEpoch: -1})
	if err == nil {
		err = producer.Error
	}
	if err != nil {
		t.Fatal(err)
	}
	pid, epoch := producer.Producer.ProducerID, producer.Producer.ProducerEpoch
	added, err := c.kafka.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{
		TransactionalID: id, ProducerID: pid, ProducerEpoch: epoch,
		Topics: map[string][]kafka.AddPartitionToTxn{name: {{Partition: 0}}},
	})
	if err == nil {
		err = added.Topics[name][0].Error
	}
	if err != nil {
		t.Fatal(err)
	}

	var records []protocol.Record
	for _, m := range messages {
		records = append(records, protocol.Record{Time: m.Time, Key: protocol.NewBytes(m.Key), Value: protocol.NewBytes(m.Value)})
	}
	set := protocol.RecordSet{Version: 2, Attributes: protocol.Transactional, Records: protocol.NewRecordReader(records...)}
	var raw bytes.Buffer
	if _, err := set.WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	batch := raw.Bytes()[4:]
	binary.BigEndian.PutUint64(batch[43:], uint64(pid))
	binary.BigEndian.PutUint16(batch[51:], uint16(epoch))
	binary.BigEndian.PutUint32(batch[53:], 0)
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	produced, err := c.kafka.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic: name, RequiredAcks: kafka.RequireAll, TransactionalID: id,
		RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(raw.Bytes())},
	})
	if err == nil {
		err = produced.Error
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(commit bool) {
		t.Helper()
		ended, err := c.kafka.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: id, ProducerID: pid, ProducerEpoch: epoch, Committed: commit})
		if err == nil {
			err = ended.Error
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// commitOutside commits for partition 0 as who is no member of the group, which
// must be empty.
func commitOutside(t testing.TB, g *Generation, next int64) {
	t.Helper()
	g.raw = &kafka.Generation{GroupID: g.options.ID, ID: -1}
	if err := g.Commit(within(t), name, map[int32]int64{0: next}); err != nil {
		t.Fatal(err)
	}
}
