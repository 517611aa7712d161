package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// MaxMessageBytes is the largest message that the embedded broker's topics take:
// what is too large for the contract must reach ingest to be put into
// quarantine, where a broker with the default of 1 MiB would refuse it.
const MaxMessageBytes = 8 << 20

// Broker is a Kafka broker in the process. It listens on the loopback interface,
// keeps its log and the consumer groups' offsets in a folder, and has written to
// the disk what it has acknowledged.
type Broker struct {
	cluster *kfake.Cluster
	address string
}

// OpenBroker starts a broker on a folder, which it makes if need be, with at
// least the topics given, each with at least so many partitions. A topic that
// has fewer gets more; Kafka takes none away. It listens on the port that it had
// before, when that is free.
func OpenBroker(ctx context.Context, dir string, topics map[string]int32, logger *slog.Logger) (*Broker, error) {
	return openBroker(ctx, dir, topics, 0, logger)
}

// openBroker also sets the size of the log's files, unless it is 0.
func openBroker(ctx context.Context, dir string, topics map[string]int32, segment int, logger *slog.Logger) (*Broker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the Kafka broker's folder: %w", err)
	}
	listener, err := listenAgain(ctx, filepath.Join(dir, "port"))
	if err != nil {
		return nil, fmt.Errorf("listen for the Kafka broker: %w", err)
	}
	address := listener.Addr().String()
	configs := map[string]string{
		"message.max.bytes": strconv.Itoa(MaxMessageBytes),
		// Offsets that Kafka forgets after a week without a reader would make
		// ingest read everything again.
		"offsets.retention.minutes": strconv.Itoa(100 * 366 * 24 * 60),
	}
	if segment > 0 {
		configs["log.segment.bytes"] = strconv.Itoa(segment)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return listener, nil }),
		kfake.DataDir(filepath.Join(dir, "log")),
		kfake.SyncWrites(),
		kfake.ClusterID("youzhi"),
		kfake.WithLogger(brokerLog{logger}),
		kfake.BrokerConfigs(configs),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the Kafka broker on %s: %w", dir, err), listener.Close())
	}
	b := &Broker{cluster: cluster, address: address}
	if err := b.Ensure(ctx, topics); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// listenAgain listens on the loopback port that a file names, or on another one
// when there is no such file or the port is taken, and writes the port down.
func listenAgain(ctx context.Context, file string) (net.Listener, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var listener net.Listener
	if port, parseErr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16); parseErr == nil && port > 0 {
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)))
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
	if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err == nil {
		err = writeFile(file, []byte(port+"\n"))
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Ensure makes the topics that are not there and adds the partitions that are
// missing.
func (b *Broker) Ensure(ctx context.Context, topics map[string]int32) error {
	names := make([]string, 0, len(topics))
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	limit := strconv.Itoa(MaxMessageBytes)
	for _, name := range names {
		wanted := topics[name]
		if wanted < 1 {
			return fmt.Errorf("topic %s: %d partitions are not possible, 1 is the least", name, wanted)
		}
		info := b.cluster.TopicInfo(name)
		if info == nil {
			if err := b.cluster.CreateTopic(name, wanted, map[string]string{"max.message.bytes": limit}); err != nil {
				return fmt.Errorf("create topic %s: %w", name, err)
			}
			continue
		}
		if have := int32(len(b.cluster.PartitionInfos(name))); have < wanted {
			if err := b.grow(ctx, name, wanted); err != nil {
				return fmt.Errorf("give topic %s %d partitions instead of %d: %w", name, wanted, have, err)
			}
		}
	}
	return nil
}

// grow gives a topic more partitions; the broker has no other way than to be asked
// as any client would.
func (b *Broker) grow(ctx context.Context, topic string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.address))
	if err != nil {
		return err
	}
	defer client.Close()
	ask := kmsg.NewPtrCreatePartitionsRequest()
	ask.TimeoutMillis = 10_000
	ask.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: partitions}}
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, of := range answer.Topics {
		if of.ErrorCode != 0 {
			reason := ""
			if of.ErrorMessage != nil {
				reason = *of.ErrorMessage
			}
			return fmt.Errorf("the broker says %d %s", of.ErrorCode, reason)
		}
	}
	return nil
}

// trim forgets the messages of a partition before an offset, but not the last.
func (b *Broker) trim(topic string, partition int32, before int64) error {
	info := b.cluster.PartitionInfo(topic, partition)
	if info == nil {
		return fmt.Errorf("trim topic %s: it has no partition %d", topic, partition)
	}
	if before = min(before, info.HighWatermark-1); before <= info.LogStartOffset {
		return nil
	}
	if err := b.cluster.DeleteRecords(topic, partition, before); err != nil {
		return fmt.Errorf("trim topic %s, partition %d: %w", topic, partition, err)
	}
	return nil
}

// Addrs are the broker's addresses, host and port.
func (b *Broker) Addrs() []string { return []string{b.address} }

// Close writes what is left to the disk and stops the broker.
func (b *Broker) Close() { b.cluster.Close() }

// brokerLog hands the broker's messages on. What it calls information is one
// line for each request.
type brokerLog struct {
	logger *slog.Logger
}

// Logf is the broker's way to log.
func (l brokerLog) Logf(level kfake.LogLevel, format string, values ...any) {
	switch level {
	case kfake.LogLevelError:
		l.logger.Error("kafka broker", "message", fmt.Sprintf(format, values...))
	case kfake.LogLevelWarn:
		l.logger.Warn("kafka broker", "message", fmt.Sprintf(format, values...))
	default:
		l.logger.Debug("kafka broker", "message", quietly{format, values})
	}
}

// quietly is a message that is put together only when it is logged.
type quietly struct {
	format string
	values []any
}

// LogValue is slog's way to ask for the message.
func (q quietly) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf(q.format, q.values...))
}

// writeFile replaces a file in one step, so that a reader sees the old or the new
// content.
func writeFile(path string, content []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	err = errors.Join(err, next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
