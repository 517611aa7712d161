// Package topic is Kafka as Youzhi uses it: topics that are made when missing,
// writes that return where the log took each message, the consumer group with
// its generations, and the offsets of the log and of a group. It is the only
// user of kafka-go.
//
// The group is built on kafka-go's ConsumerGroup and on fetches of our own, not
// on its Reader: the Reader skips expired offsets in silence, commits for
// partitions that it lost, and hands out records of aborted transactions. Each
// trap of kafka-go, what guards against it and the test that shows it stand in
// .adr/0013.
//
//   - topic.go: the client, topics, offsets
//   - connect.go: connections: TLS, SASL, and how often they are tried
//   - identity.go: which topic it is that bears a name
//   - group.go: the consumer group, its generations and commits
//   - watch.go: what may happen to a generation's partitions meanwhile
//   - fetch.go: records and gaps
//   - writer.go: writes
package topic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxMessage is the largest message, key and value, in bytes, that topics made
// by Create take and that Write sends: 8 MiB less what the record's frame needs.
const MaxMessage = maxBatch - 1024

// maxBatch is what a topic is told to take, and the largest produce request.
const maxBatch = 8 << 20

// requestTimeout ends a request to a broker that does not answer.
const requestTimeout = 10 * time.Second

// Options say where the brokers are, and how to be let in.
type Options struct {
	// Brokers are the addresses host:port that are asked first.
	Brokers []string
	// ClientID names this program to the brokers; "youzhi" if empty.
	ClientID string
	TLS      *TLS  // nil: connections are not encrypted
	SASL     *SASL // nil: nobody asks who this is
}

// Client speaks to a Kafka cluster. It is safe for many goroutines.
type Client struct {
	options    Options
	connector  *connector
	transport  *kafka.Transport
	kafka      *kafka.Client
	identifier *kgo.Client
}

// New checks the options; it connects to nothing.
func New(o Options) (*Client, error) {
	if len(o.Brokers) == 0 {
		return nil, errors.New("kafka: no broker address")
	}
	for _, b := range o.Brokers {
		host, port, err := net.SplitHostPort(b)
		if err != nil || host == "" {
			return nil, fmt.Errorf("kafka: broker address %q: want host:port", b)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("kafka: broker address %q: the port is no number from 1 to 65535", b)
		}
	}
	if o.ClientID == "" {
		o.ClientID = "youzhi"
	}
	connector, err := newConnector(o)
	if err != nil {
		return nil, err
	}
	identifier, err := newIdentifier(o, connector)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	transport := &kafka.Transport{ClientID: o.ClientID, DialTimeout: 5 * time.Second, Dial: connector.dial}
	return &Client{
		options:    o,
		connector:  connector,
		transport:  transport,
		kafka:      &kafka.Client{Addr: kafka.TCP(o.Brokers...), Timeout: requestTimeout, Transport: transport},
		identifier: identifier,
	}, nil
}

// Close drops the connections.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.identifier.Close()
}

// Create makes the topics that are missing, each with so many partitions, the
// broker's own replication and room for messages of MaxMessage bytes. Topics
// that exist stay as they are, whatever their number of partitions. It returns
// when the topics can be written to.
func (c *Client) Create(ctx context.Context, partitions int, topics ...string) error {
	if partitions < 1 {
		return fmt.Errorf("create topics: %d partitions: want at least 1", partitions)
	}
	have, err := c.Topics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var request []kafka.TopicConfig
	for _, t := range topics {
		if have[t].Partitions > 0 {
			continue
		}
		request = append(request, kafka.TopicConfig{
			Topic:             t,
			NumPartitions:     partitions,
			ReplicationFactor: -1,
			ConfigEntries:     []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(maxBatch)}},
		})
	}
	if len(request) == 0 {
		return nil
	}
	response, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: request})
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var faults []error
	for _, t := range request {
		// Another process may have made it meanwhile.
		if err := response.Errors[t.Topic]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			faults = append(faults, fmt.Errorf("create topic %s: %w", t.Topic, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	// The brokers learn of a new topic one by one.
	for {
		have, err := c.Partitions(ctx, topics...)
		if err != nil {
			return fmt.Errorf("create topics: %w", err)
		}
		missing := ""
		for _, t := range topics {
			if have[t] == 0 {
				missing = t
			}
		}
		if missing == "" {
			return nil
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return fmt.Errorf("create topics: wait for %s: %w", missing, ctx.Err())
		}
	}
}

// Partitions answers how many partitions each topic has; a topic that does not
// exist has 0.
func (c *Client) Partitions(ctx context.Context, topics ...string) (map[string]int, error) {
	response, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, fmt.Errorf("read topics from %s: %w", strings.Join(c.options.Brokers, ","), err)
	}
	have := make(map[string]int, len(topics))
	for _, t := range response.Topics {
		switch {
		case errors.Is(t.Error, kafka.UnknownTopicOrPartition):
		case t.Error != nil:
			return nil, fmt.Errorf("read topic %s: %w", t.Name, t.Error)
		default:
			have[t.Name] = len(t.Partitions)
		}
	}
	return have, nil
}

// PartitionOffsets is the state of one partition.
type PartitionOffsets struct {
	Topic     string
	ID        ID // of the topic
	Partition int32
	First     int64 // the oldest offset that the log still holds
	End       int64 // high watermark: the offset that the next message gets
	Committed int64 // the first offset that the group has not done of this log; -1: none committed
}

// Lag is how many offsets of the log the group has not done.
func (p PartitionOffsets) Lag() int64 {
	return p.End - max(p.First, p.Committed)
}

// Offsets reads the log's and the group's offsets of every partition of the
// topics, by topic and partition. A topic that does not exist has none.
func (c *Client) Offsets(ctx context.Context, group string, topics ...string) ([]PartitionOffsets, error) {
	have, err := c.Topics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("read offsets: %w", err)
	}
	partitions := map[string][]int{}
	for t, topic := range have {
		for p := range topic.Partitions {
			partitions[t] = append(partitions[t], p)
		}
	}
	if len(partitions) == 0 {
		return nil, nil
	}
	// Committed first: the log only grows meanwhile, so a commit is never seen
	// beyond its end.
	committed, err := c.committed(ctx, group, partitions)
	if err != nil {
		return nil, err
	}
	logs, err := c.logs(ctx, partitions)
	if err != nil {
		return nil, err
	}
	var out []PartitionOffsets
	for t, ps := range partitions {
		for _, p := range ps {
			key := place{t, int32(p)}
			o := logs[key]
			o.ID, o.Committed = have[t].ID, -1
			if done, ok := committed[key]; ok && done.of(o.ID) {
				o.Committed = done.next
			}
			out = append(out, o)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Topic != out[j].Topic {
			return out[i].Topic < out[j].Topic
		}
		return out[i].Partition < out[j].Partition
	})
	return out, nil
}

type place struct {
	topic     string
	partition int32
}

// commit is what a group has done of a partition.
type commit struct {
	next int64
	id   ID // of the topic that the offset is of; zero if it does not say
}

// of says whether the commit is one of this topic, and not of another one that
// bore its name. One that does not say is: brokers forget commits together with
// the topic, and who sets them by hand means the topic that is there.
func (c commit) of(id ID) bool { return c.id == id || c.id == ID{} || id == ID{} }

func (c *Client) committed(ctx context.Context, group string, partitions map[string][]int) (map[place]commit, error) {
	response, err := c.kafka.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: partitions})
	if err == nil {
		err = response.Error
	}
	committed := map[place]commit{}
	if errors.Is(err, kafka.GroupIdNotFound) {
		return committed, nil // no member has come yet
	}
	if err != nil {
		return nil, fmt.Errorf("read offsets of group %s: %w", group, err)
	}
	for t, ps := range response.Topics {
		for _, p := range ps {
			if p.Error != nil {
				return nil, fmt.Errorf("read offset of group %s: %s/%d: %w", group, t, p.Partition, p.Error)
			}
			if p.CommittedOffset >= 0 {
				committed[place{t, int32(p.Partition)}] = commit{p.CommittedOffset, idOf(p.Metadata)}
			}
		}
	}
	return committed, nil
}

func (c *Client) logs(ctx context.Context, partitions map[string][]int) (map[place]PartitionOffsets, error) {
	request := map[string][]kafka.OffsetRequest{}
	for t, ps := range partitions {
		for _, p := range ps {
			request[t] = append(request[t], kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
		}
	}
	response, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: request})
	if err != nil {
		return nil, fmt.Errorf("read the log's offsets: %w", err)
	}
	logs := map[place]PartitionOffsets{}
	for t, ps := range response.Topics {
		for _, p := range ps {
			if p.Error != nil {
				return nil, fmt.Errorf("read the log's offsets: %s/%d: %w", t, p.Partition, p.Error)
			}
			logs[place{t, int32(p.Partition)}] = PartitionOffsets{
				Topic: t, Partition: int32(p.Partition), First: p.FirstOffset, End: p.LastOffset,
			}
		}
	}
	for t, ps := range partitions {
		for _, p := range ps {
			if _, ok := logs[place{t, int32(p)}]; !ok {
				return nil, fmt.Errorf("read the log's offsets: %s/%d: the broker did not answer for it", t, p)
			}
		}
	}
	return logs, nil
}

// sleep answers whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
