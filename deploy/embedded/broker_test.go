package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
)

// readAll reads what a topic holds now, without a group.
func readAll(t testing.TB, addrs []string, topic string) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var messages []kafka.Message
	for _, partition := range partitions(t, addrs, topic) {
		conn, err := kafka.DialLeader(ctx, "tcp", addrs[0], topic, partition.ID)
		if err != nil {
			t.Fatal(err)
		}
		first, last, err := conn.ReadOffsets()
		if closeErr := conn.Close(); err != nil || closeErr != nil {
			t.Fatal(err, closeErr)
		}
		if first == last {
			continue
		}
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: addrs, Topic: topic, Partition: partition.ID, MaxBytes: embedded.MaxMessageBytes, MaxWait: 50 * time.Millisecond})
		for {
			message, err := reader.ReadMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			messages = append(messages, message)
			if message.Offset == last-1 {
				break
			}
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
	return messages
}

// partitions are a topic's partitions, asked for without kafka-go's memory of what
// it was told before.
func partitions(t testing.TB, addrs []string, topic string) []kafka.Partition {
	t.Helper()
	conn, err := kafka.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	found, err := conn.ReadPartitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestBrokerTakesLargeMessages(t *testing.T) {
	addrs := embeddedtest.Broker(t, map[string]int32{"large": 1})
	writer := &kafka.Writer{Addr: kafka.TCP(addrs...), Topic: "large", RequiredAcks: kafka.RequireAll, BatchBytes: embedded.MaxMessageBytes, BatchTimeout: time.Millisecond}
	large := bytes.Repeat([]byte("邮"), 5<<20/3)
	if err := writer.WriteMessages(t.Context(), kafka.Message{Key: []byte("k"), Value: large}, kafka.Message{Value: nil}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	messages := readAll(t, addrs, "large")
	if len(messages) != 2 || !bytes.Equal(messages[0].Value, large) || len(messages[1].Value) != 0 {
		t.Errorf("%d messages came back, or they differ", len(messages))
	}
}

// TestBrokerKeepsOffsets checks what ingest stands on: messages, the offsets that a
// group of kafka-go has committed, and partitions, over a close and a reopening.
func TestBrokerKeepsOffsets(t *testing.T) {
	dir := t.TempDir()
	openBroker := func(topics map[string]int32) *embedded.Broker {
		t.Helper()
		broker, err := embedded.OpenBroker(t.Context(), dir, topics, discard)
		if err != nil {
			t.Fatal(err)
		}
		return broker
	}
	write := func(addrs []string, topic string, from, to int) {
		t.Helper()
		writer := &kafka.Writer{Addr: kafka.TCP(addrs...), Topic: topic, Balancer: &kafka.RoundRobin{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond}
		for n := from; n < to; n++ {
			if err := writer.WriteMessages(t.Context(), kafka.Message{Value: []byte(fmt.Sprint(n))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	}
	// read takes so many messages in a group and commits some of them.
	read := func(addrs []string, count, commit int) map[string]bool {
		t.Helper()
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: addrs, GroupID: "group", Topic: "t", StartOffset: kafka.FirstOffset, MaxWait: 50 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		got := make(map[string]bool)
		for i := range count {
			message, err := reader.FetchMessage(ctx)
			if err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			if i < commit {
				if err := reader.CommitMessages(ctx, message); err != nil {
					t.Fatal(err)
				}
				got[string(message.Value)] = true
			}
		}
		if count > commit {
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
			return got
		}
		short, cancelShort := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancelShort()
		if message, err := reader.FetchMessage(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one more message: %q, %v", message.Value, err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		return got
	}
	broker := openBroker(map[string]int32{"t": 1})
	write(broker.Addrs(), "t", 0, 30)
	first := read(broker.Addrs(), 20, 10)
	broker.Close()

	broker = openBroker(map[string]int32{"t": 1})
	write(broker.Addrs(), "t", 30, 40)
	second := read(broker.Addrs(), 30, 30)
	all := make(map[string]bool)
	for n := range 40 {
		all[fmt.Sprint(n)] = true
	}
	for n := range first {
		if second[n] {
			t.Errorf("message %s was committed and came again", n)
		}
		second[n] = true
	}
	if diff := cmp.Diff(all, second); diff != "" {
		t.Errorf("messages differ (-written +read):\n%s", diff)
	}
	broker.Close()

	broker = openBroker(map[string]int32{"t": 3, "u": 2})
	defer broker.Close()
	if got := len(partitions(t, broker.Addrs(), "t")); got != 3 {
		t.Errorf("topic t has %d partitions", got)
	}
	if got := len(partitions(t, broker.Addrs(), "u")); got != 2 {
		t.Errorf("topic u has %d partitions", got)
	}
	if err := broker.Ensure(t.Context(), map[string]int32{"t": 2}); err != nil {
		t.Error(err)
	}
	if got := len(partitions(t, broker.Addrs(), "t")); got != 3 {
		t.Errorf("topic t lost partitions: %d", got)
	}
	if err := broker.Ensure(t.Context(), map[string]int32{"v": 0}); err == nil {
		t.Error("a topic with no partitions was made")
	}
	write(broker.Addrs(), "t", 40, 50)
	if got := len(readAll(t, broker.Addrs(), "t")); got != 50 {
		t.Errorf("%d messages", got)
	}
}
