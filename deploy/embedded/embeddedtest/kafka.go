package embeddedtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka is a broker of the test's own that can be broken: stopped and started
// again, made silent, its topics deleted and made anew.
type Kafka struct {
	t       testing.TB
	dir     string
	port    int
	options []kfake.Opt
	plain   bool // anybody is let in

	cluster *kfake.Cluster
	dials   atomic.Int64
	silent  atomic.Bool
	starved atomic.Pointer[string]
}

// OpenKafka starts a broker with the topics and their numbers of partitions. It
// stops when the test ends.
func OpenKafka(t testing.TB, topics map[string]int32) *Kafka {
	t.Helper()
	return openKafka(t, topics, true)
}

// OpenSecureKafka starts a broker that wants TLS, unless config is nil, and a user
// and password of a mechanism (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), unless that is
// empty.
func OpenSecureKafka(t testing.TB, topics map[string]int32, config *tls.Config, mechanism, user, password string) *Kafka {
	t.Helper()
	var options []kfake.Opt
	if config != nil {
		options = append(options, kfake.TLS(config))
	}
	if mechanism != "" {
		options = append(options, kfake.EnableSASL(), kfake.Superuser(mechanism, user, password))
	}
	return openKafka(t, topics, false, options...)
}

func openKafka(t testing.TB, topics map[string]int32, plain bool, options ...kfake.Opt) *Kafka {
	t.Helper()
	k := &Kafka{t: t, dir: t.TempDir(), options: options, plain: plain}
	k.Start()
	t.Cleanup(k.Stop)
	for name, partitions := range topics {
		if k.cluster.TopicInfo(name) == nil {
			k.Create(name, partitions)
		}
	}
	return k
}

// Start starts the broker, after Stop on the same folder and port.
func (k *Kafka) Start() {
	k.t.Helper()
	listener, err := new(net.ListenConfig).Listen(k.t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(k.port)))
	if err != nil {
		k.t.Fatal(err)
	}
	k.port = listener.Addr().(*net.TCPAddr).Port
	cluster, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DataDir(k.dir),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return &breakable{listener, k}, nil }),
	}, k.options...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	k.cluster = cluster
}

// Stop stops the broker, if it runs.
func (k *Kafka) Stop() {
	if k.cluster != nil {
		k.cluster.Close()
		k.cluster = nil
	}
}

// Restart starts the broker anew with another certificate, or other users.
func (k *Kafka) Restart(config *tls.Config, mechanism, user, password string) {
	k.t.Helper()
	k.Stop()
	// The broker would go on with the users that it had.
	if err := os.Remove(filepath.Join(k.dir, "sasl.json")); err != nil && !os.IsNotExist(err) {
		k.t.Fatal(err)
	}
	k.options = nil
	if config != nil {
		k.options = append(k.options, kfake.TLS(config))
	}
	if mechanism != "" {
		k.options = append(k.options, kfake.EnableSASL(), kfake.Superuser(mechanism, user, password))
	}
	k.Start()
}

// Addrs are the broker's addresses, host and port.
func (k *Kafka) Addrs() []string {
	return []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(k.port))}
}

// Dials is how many connections were made to the broker.
func (k *Kafka) Dials() int { return int(k.dials.Load()) }

// Silence makes the broker keep its answers to itself on all connections, those
// that come later too; with false those that come from then on are answered.
func (k *Kafka) Silence(on bool) { k.silent.Store(on) }

// Starve makes fetches of a topic bring nothing, as if its log had no more; with ""
// everything is brought again.
func (k *Kafka) Starve(topic string) {
	k.starved.Store(&topic)
	k.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		k.cluster.KeepControl()
		ask := request.(*kmsg.FetchRequest)
		if topic := *k.starved.Load(); topic == "" || len(ask.Topics) != 1 || ask.Topics[0].Topic != topic {
			return nil, nil, false
		}
		answer := ask.ResponseKind().(*kmsg.FetchResponse)
		of := kmsg.NewFetchResponseTopic()
		of.Topic = ask.Topics[0].Topic
		for _, p := range ask.Topics[0].Partitions {
			part := kmsg.NewFetchResponseTopicPartition()
			part.Partition, part.HighWatermark, part.LastStableOffset = p.Partition, p.FetchOffset, p.FetchOffset
			of.Partitions = append(of.Partitions, part)
		}
		answer.Topics = append(answer.Topics, of)
		return answer, nil, true
	})
}

// Create makes a topic.
func (k *Kafka) Create(topic string, partitions int32) {
	k.t.Helper()
	err := k.cluster.CreateTopic(topic, partitions, map[string]string{"max.message.bytes": "8388608"})
	if err != nil {
		k.t.Fatalf("create topic %s: %v", topic, err)
	}
}

// Delete deletes a topic.
func (k *Kafka) Delete(topic string) {
	k.t.Helper()
	if err := k.cluster.DeleteTopic(topic); err != nil {
		k.t.Fatalf("delete topic %s: %v", topic, err)
	}
}

// Forget takes the messages before an offset out of a partition's log.
func (k *Kafka) Forget(topic string, partition int32, before int64) {
	k.t.Helper()
	if err := k.cluster.DeleteRecords(topic, partition, before); err != nil {
		k.t.Fatalf("delete records of %s/%d: %v", topic, partition, err)
	}
}

// Grow gives a topic more partitions. The broker must let anybody in.
func (k *Kafka) Grow(topic string, partitions int32) {
	k.t.Helper()
	ask := kmsg.NewPtrCreatePartitionsRequest()
	ask.TimeoutMillis = 10_000
	ask.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: partitions}}
	k.ask(func(ctx context.Context, client *kgo.Client) error {
		answer, err := ask.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		if code := answer.Topics[0].ErrorCode; code != 0 {
			return fmt.Errorf("the broker says %d", code)
		}
		return nil
	})
}

func (k *Kafka) ask(f func(context.Context, *kgo.Client) error) {
	k.t.Helper()
	if !k.plain {
		k.t.Fatal("this broker does not let everybody in")
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addrs()...))
	if err != nil {
		k.t.Fatal(err)
	}
	defer client.Close()
	if err := f(ctx, client); err != nil {
		k.t.Fatal(err)
	}
}

// breakable counts and silences connections.
type breakable struct {
	net.Listener
	k *Kafka
}

func (b *breakable) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	b.k.dials.Add(1)
	return &breakableConn{Conn: conn, k: b.k}, nil
}

type breakableConn struct {
	net.Conn
	k    *Kafka
	mute atomic.Bool
}

func (c *breakableConn) Write(p []byte) (int, error) {
	if c.k.silent.Load() {
		c.mute.Store(true)
	}
	if c.mute.Load() {
		return len(p), nil // as if it were under way for ever
	}
	return c.Conn.Write(p)
}
