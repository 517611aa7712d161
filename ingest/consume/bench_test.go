package consume

import (
	"context"
	"io"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
)

// BenchmarkIngest measures the way from Kafka to acknowledged: a log of events of
// about 551 bytes is consumed, decoded, stored and committed. Broker and engine
// run in the same process, so their work is in the CPU time too; writing the log
// is in neither.
func BenchmarkIngest(b *testing.B) {
	const n = 300_000
	r := newRig(b, 4)
	targets := Targets{}
	var bytes int64
	for i := 0; i < n; i += 5000 {
		messages := many(i, 5000)
		for _, m := range messages {
			bytes += int64(len(m.Value))
		}
		acks, err := r.kafka.Write(b.Context(), "youzhi.cases.v1", messages)
		if err != nil {
			b.Fatal(err)
		}
		targets.Add("youzhi.cases.v1", acks)
	}
	var wall, cpu time.Duration
	runs := 0
	for b.Loop() {
		// Each run is a group of its own, so that it reads the whole log again. The
		// rows collapse with those of the run before, by their place in the log.
		name := "bench-" + time.Duration(runs).String()
		runs++
		s, err := New(Options{
			Kafka: r.kafka, Store: r.db, Group: name, Topics: event.Topics(),
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return start },
		})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		begin, used := time.Now(), cpuTime(b)
		go func() { done <- s.Run(ctx) }()
		if err := WaitCommitted(b.Context(), r.kafka, name, targets, nil); err != nil {
			b.Fatal(err)
		}
		wall += time.Since(begin)
		cpu += cpuTime(b) - used
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	total := float64(runs * n)
	b.ReportMetric(total/wall.Seconds(), "events/s")
	b.ReportMetric(cpu.Seconds()/total*1e6, "cpu-s/Mevents")
	b.ReportMetric(float64(bytes)/n, "bytes/event")
	b.ReportMetric(0, "ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDecode is the part of it that makes rows of records.
func BenchmarkDecode(b *testing.B) {
	messages := many(0, 1000)
	records := make([]topic.Record, len(messages))
	for i, m := range messages {
		records[i] = topic.Record{Offset: int64(i), Time: m.Time, Key: m.Key, Value: m.Value}
	}
	for b.Loop() {
		if got := decode("youzhi.cases.v1", 0, records); len(got.events) != len(records) {
			b.Fatal("not all are events")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/event")
}
