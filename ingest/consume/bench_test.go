package consume

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// BenchmarkIngest measures the way from Kafka to acknowledged: a log of events of
// about 551 bytes is consumed, decoded, stored and committed. Broker and engine
// run in the same process, so their work is in the CPU time too; writing the log
// is in neither.
func BenchmarkIngest(b *testing.B) {
	const n = 300_000
	r := newRig(b, 4)
	targets, lines := r.log("youzhi.cases.v1", n, func(i int) topic.Message { return accepted(i, "s-81") })
	var c cost
	for b.Loop() {
		// Each run is a group of its own, so that it reads the whole log again. The
		// rows collapse with those of the run before, by their place in the log.
		c.add(b, n, func() { r.consumed(fmt.Sprintf("bench-%d", c.events), targets) })
	}
	b.ReportMetric(c.rate(), "events/s")
	b.ReportMetric(1e6/c.perCPU(), "cpu-s/Mevents")
	b.ReportMetric(float64(len(lines))/n-1, "bytes/event") // without the ends of lines
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
	var decoder event.Decoder
	for b.Loop() {
		got := decode(&decoder, "youzhi.cases.v1", 0, topic.Chunk{Records: records})
		if got.rows() != len(records) || len(got.quarantine) > 0 {
			b.Fatal("not all are events")
		}
		got.freeRows()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/event")
}

// BenchmarkReconcile measures the books over two million stored events, of which
// one in a hundred is a copy.
func BenchmarkReconcile(b *testing.B) {
	const n = 2_000_000
	r := newRig(b, 4)
	ctx := b.Context()
	err := r.db.Exec(ctx, `INSERT INTO events_cases (subject, day, source, id, content_hash, partition, offset, type, time)
SELECT 'C' || toString(intDiv(event, 8)), toDate('2026-01-01') + event % 90, '/cn/post/core', 'a-' || toString(event), sipHash128(event),
    number % 4, intDiv(number, 4), 'cn.post.case.accepted', toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + event % 90 * 86400
FROM (SELECT number, if(number % 100 = 99, number - 4, number) AS event FROM numbers({n:UInt64}))`, queries.Params{"n": n})
	if err != nil {
		b.Fatal(err)
	}
	var logs []queries.LogOffsets
	for p := range int32(4) {
		logs = append(logs, queries.LogOffsets{Partition: p, End: n / 4, Committed: n / 4})
	}
	for b.Loop() {
		ledgers, _, err := r.db.Ledger(ctx, "youzhi.cases.v1", logs, nil)
		if err != nil {
			b.Fatal(err)
		}
		var counted, missing int64
		for _, l := range ledgers {
			counted += l.Counted
			missing += l.Missing
		}
		if counted != n-n/100 || missing != 0 {
			b.Fatalf("%d counted, %d missing", counted, missing)
		}
	}
}
