package faults_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"youzhi/deploy/kafka/kafkatest"
	"youzhi/ingest/event"
)

// cpu is the CPU time of a process so far.
func (s *stage) cpu(p *process) time.Duration {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.ID()))
	if err != nil {
		s.Fatal(err)
	}
	// The name in brackets may hold anything; user and system time are the 12th and
	// 13th field behind it, in hundredths of a second.
	_, behind, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
	fields := strings.Fields(behind)
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			s.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkScale lets one, two and four processes store a log of eight partitions
// in each topic, from an Apache Kafka into a ClickHouse, all of them processes on
// this machine. What each takes of the CPU is what a larger deployment is sized by:
// on a machine whose cores are busy more processes add no speed, and must not add
// work either. YOUZHI_BENCH_EVENTS is how many events.
func BenchmarkScale(b *testing.B) {
	n := wanted(b, "YOUZHI_BENCH_EVENTS")
	if n == 0 {
		n = 1_000_000
	}
	cluster, program := kafkatest.Start(b, 1), build(b, "true")
	for _, processes := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("processes=%d", processes), func(b *testing.B) {
			for b.Loop() {
				scale(b, newStage(b, cluster, program, 1), processes, n)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// scale fills the log with n events, lets so many processes store them, and ends the
// stage.
func scale(b *testing.B, s *stage, processes, n int) {
	b.Helper()
	for range n {
		m, _ := s.pour.load.event()
		s.pour.producer.Send(b.Context(), m, func(_ int64, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	s.pour.flush(b)
	before := s.cpu(s.clickhouse)
	var all []*process
	for range processes {
		all = append(all, s.start(fault{}, "ingest"))
	}
	for _, p := range all {
		s.ready(p)
	}
	start, first := time.Now(), s.sum()
	s.until("all is committed", 10*time.Minute, func() bool { return s.sum() == int64(n) })
	wall := time.Since(start)
	var cpu time.Duration
	var memory int64
	for _, p := range all {
		memory = max(memory, s.peak(p))
		s.ends(p)
		cpu += p.State().UserTime() + p.State().SystemTime()
	}
	b.ReportMetric(float64(int64(n)-first)/wall.Seconds(), "events/s")
	b.ReportMetric(cpu.Seconds()*1e6/float64(n), "ingest-cpu-s/Mevents")
	b.ReportMetric((s.cpu(s.clickhouse)-before).Seconds()*1e6/float64(n), "clickhouse-cpu-s/Mevents")
	b.ReportMetric(float64(memory>>20), "ingest-peak-MB")
	var stored int64
	for _, topic := range event.Topics() {
		stored += s.integer(s.rows("SELECT uniqExact(partition, offset) FROM " + events(b, topic))[0][0])
	}
	if stored != int64(n) {
		b.Errorf("%d of %d events are stored", stored, n)
	}
	s.ends(s.clickhouse)
}

// BenchmarkRebalance lets processes join and leave every five seconds under load,
// for YOUZHI_BENCH_MINUTES, and measures the longest time without progress, which
// may not reach 30 seconds.
func BenchmarkRebalance(b *testing.B) {
	minutes := wanted(b, "YOUZHI_BENCH_MINUTES")
	if minutes == 0 {
		minutes = 10
	}
	s := newStage(b, kafkatest.Start(b, 1), build(b, "true"), seed(b))
	for b.Loop() {
		s.pour.begin(b)
		storm(time.Duration(minutes)*time.Minute, 5*time.Second)(s)
		s.pour.stop()
	}
	s.settle()
	if v := s.judge(); len(v.lines) > 0 {
		b.Errorf("seed %d:\n%s", s.seed, v)
	}
	for name, longest := range s.longest {
		b.ReportMetric(longest.Seconds(), strings.ReplaceAll(name, " ", "-")+"-s")
	}
	b.ReportMetric(0, "ns/op")
}
