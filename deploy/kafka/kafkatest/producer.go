package kafkatest

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Message is written to the partition that it names.
type Message struct {
	Topic     string
	Partition int32
	Key       []byte
	Value     []byte // nil is a tombstone
	Time      time.Time
}

// Producer writes each message once, however often it has to try: a broker knows
// the ones that it has from their numbers.
type Producer struct {
	c      *Cluster
	client *kgo.Client
}

// Producer is open until the test ends. One with a transaction's name writes in
// transactions alone.
func (c *Cluster) Producer(transaction string) *Producer {
	c.t.Helper()
	options := []kgo.Opt{
		kgo.ProducerBatchMaxBytes(8 << 20), kgo.BrokerMaxWriteBytes(64 << 20), kgo.MaxBufferedRecords(100_000),
		kgo.ProducerLinger(5 * time.Millisecond), kgo.MetadataMinAge(50 * time.Millisecond),
	}
	if transaction != "" {
		options = append(options, kgo.TransactionalID(transaction))
	}
	return c.producer(options...)
}

// Packer is a producer of messages of any size, which it packs as small as can be.
func (c *Cluster) Packer() *Producer {
	c.t.Helper()
	return c.producer(kgo.ProducerBatchMaxBytes(1<<29), kgo.BrokerMaxWriteBytes(1<<30), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
}

func (c *Cluster) producer(options ...kgo.Opt) *Producer {
	c.t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(c.Brokers()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return &Producer{c: c, client: client}
}

// Send writes a message, and tells done the offset that it got. It waits only
// while very many are on their way.
func (p *Producer) Send(ctx context.Context, m Message, done func(offset int64, err error)) {
	r := &kgo.Record{Topic: m.Topic, Partition: m.Partition, Key: m.Key, Value: m.Value, Timestamp: m.Time}
	p.client.Produce(ctx, r, func(r *kgo.Record, err error) { done(r.Offset, err) })
}

// Flush waits until all that was sent has its offset.
func (p *Producer) Flush(ctx context.Context) error { return p.client.Flush(ctx) }

// Transaction writes what send sends in one transaction, and then commits it or
// takes it back.
func (p *Producer) Transaction(ctx context.Context, commit bool, send func()) error {
	if err := p.client.BeginTransaction(); err != nil {
		return err
	}
	send()
	if err := p.client.Flush(ctx); err != nil {
		return err
	}
	return p.client.EndTransaction(ctx, kgo.TransactionEndTry(commit))
}
