package consume

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// These are the measurements of `make bench-ingest`: ours beside what ClickHouse
// has of its own, taken in turns, in one process, from one broker, with the same
// events, into the same tables with the same views. Broker and engine run in the
// process, so what they do is in the CPU time of each that uses them.

// cost is what some events took.
type cost struct {
	events    int
	wall, cpu time.Duration
}

func (c *cost) add(b *testing.B, events int, f func()) {
	b.Helper()
	wall, cpu := time.Now(), cpuTime(b)
	f()
	c.events += events
	c.wall += time.Since(wall)
	c.cpu += cpuTime(b) - cpu
}

// perCPU is events for each second of CPU.
func (c *cost) perCPU() float64 { return float64(c.events) / c.cpu.Seconds() }

func (c *cost) rate() float64 { return float64(c.events) / c.wall.Seconds() }

func (c *cost) report(b *testing.B, name string) {
	b.ReportMetric(c.rate(), name+"-events/s")
	b.ReportMetric(1e6/c.perCPU(), name+"-cpu-s/Mevents")
}

// backlog is how many events there are to take when nothing says otherwise. Of one
// million, joining the group and the wait for the last batch's age were a third of
// the time.
const backlog = 3_000_000

// number is a size from the environment, for a longer or a shorter run.
func number(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q is no number above 0", name, text)
	}
	return n
}

// log writes events to the broker and returns them as lines too.
func (r *rig) log(name string, n int, message func(i int) topic.Message) (Targets, []byte) {
	r.t.Helper()
	targets := Targets{}
	var lines bytes.Buffer
	for from := 0; from < n; from += 5000 {
		messages := make([]topic.Message, min(5000, n-from))
		for i := range messages {
			messages[i] = message(from + i)
			lines.Write(messages[i].Value)
			lines.WriteByte('\n')
		}
		acks, err := r.kafka.Write(r.t.Context(), name, messages)
		if err != nil {
			r.t.Fatal(err)
		}
		targets.Add(name, acks)
	}
	return targets, lines.Bytes()
}

func (r *rig) count(statement string) float64 {
	r.t.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	if err := r.db.Select(r.t.Context(), &rows, "SELECT toFloat64("+statement, nil); err != nil {
		r.t.Fatal(err)
	}
	return rows[0].N
}

func (r *rig) exec(statement string) {
	r.t.Helper()
	if err := r.db.Exec(r.t.Context(), statement, nil); err != nil {
		r.t.Fatal(err)
	}
}

// fresh gives the rig empty tables. Those of the run before are gone with what was
// left to merge of them, which would else be done at the cost of the next.
func (r *rig) fresh(b *testing.B, engine *embedded.Instance) {
	r.t.Helper()
	var names []struct {
		Name string `ch:"name"`
	}
	if err := r.db.Select(b.Context(), &names, "SELECT currentDatabase() AS name", nil); err != nil {
		b.Fatal(err)
	}
	before := r.db
	r.db, r.database = newDB(b, engine)
	if err := before.Exec(b.Context(), "DROP DATABASE "+names[0].Name+" SYNC", nil); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
}

// consumed runs the service as a group of its own until it has stored the targets.
func (r *rig) consumed(name string, targets Targets) {
	r.t.Helper()
	s, err := New(Options{
		Kafka: r.kafka, Store: r.db, DB: r.db, Group: name, Topics: event.Topics(),
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return start },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := WaitCommitted(r.t.Context(), r.kafka, name, targets, nil); err != nil {
		r.t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

// peerColumns are the message as ClickHouse's own formats read it, and peerRow the
// row made of it. The content hash is the cheapest that fills the column; grammar,
// duplicate names and the contract are not judged.
const (
	peerColumns = `specversion String, id String, source String, type String, subject String, time DateTime64(6, ''UTC''), datacontenttype String,
    dataschema String, sequence String, recordedtime DateTime64(6, ''UTC''), data String`
	peerRow = `subject, toDate(time + INTERVAL 8 HOUR) AS day, source, id, sipHash128(subject, id, data) AS content_hash,
    type, time, sequence, recordedtime, false AS test,
    '' AS correctsid, dataschema, data`
)

// BenchmarkPeers: (a) ours, from Kafka to acknowledged and committed; (b)
// ClickHouse's Kafka engine with a materialized view; (c) INSERT from a file of
// JSON lines; (d) our columns alone, made before and inserted.
func BenchmarkPeers(b *testing.B) {
	n := number(b, "YOUZHI_BENCH_EVENTS", backlog)
	rounds := number(b, "YOUZHI_BENCH_ROUNDS", 3)
	r := newRig(b, 4)
	const name = "youzhi.cases.v1"
	targets, lines := r.log(name, n, func(i int) topic.Message { return accepted(i, "s-81") })
	file := filepath.Join(b.TempDir(), "events.json")
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		b.Fatal(err)
	}
	var blocks []*queries.Events
	var decoder event.Decoder
	for from := 0; from < n; from += 50_000 {
		var records []topic.Record
		for i := from; i < min(n, from+50_000); i++ {
			m := accepted(i, "s-81")
			records = append(records, topic.Record{Offset: int64(i), Time: m.Time, Key: m.Key, Value: m.Value})
		}
		blocks = append(blocks, decode(&decoder, name, 0, topic.Chunk{Records: records}).parts[0])
	}
	engine := embeddedtest.Engine(b)
	var a, kafka, lined, native cost
	for b.Loop() {
		for round := range rounds {
			unique := fmt.Sprintf("%s-%d-%d", b.Name(), b.N, round)
			fresh := func() { r.fresh(b, engine) }
			full := func() {
				if got := r.count("count()) AS n FROM events_cases"); got < float64(n) {
					b.Fatalf("%v of %d events are stored", got, n)
				}
			}

			fresh()
			a.add(b, n, func() { r.consumed("ours-"+unique, targets) })
			full()

			fresh()
			r.exec(fmt.Sprintf(`CREATE TABLE queue (%s) ENGINE = Kafka SETTINGS kafka_broker_list = '%s', kafka_topic_list = '%s', kafka_group_name = 'peer-%s',
    kafka_format = 'JSONEachRow', kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_flush_interval_ms = 1000, input_format_json_read_objects_as_strings = 1, date_time_input_format = 'best_effort'`,
				strings.ReplaceAll(peerColumns, "''", "'"), strings.Join(r.addrs, ","), name, unique))
			kafka.add(b, n, func() {
				r.exec("CREATE MATERIALIZED VIEW queued TO events_cases AS SELECT " + peerRow + ", toInt32(_partition) AS partition, toInt64(_offset) AS offset, toDateTime64(_timestamp_ms, 3, 'UTC') AS received_at FROM queue")
				for end := time.Now().Add(5 * time.Minute); r.count("count()) AS n FROM events_cases") < float64(n); time.Sleep(50 * time.Millisecond) {
					if time.Now().After(end) {
						b.Fatal("the Kafka engine has not stored all in five minutes")
					}
				}
			})
			r.exec("DROP VIEW queued")
			r.exec("DROP TABLE queue")

			fresh()
			lined.add(b, n, func() {
				r.exec(fmt.Sprintf(`INSERT INTO events_cases (subject, day, source, id, content_hash, type, time, sequence, recordedtime, test, correctsid, dataschema, data, partition, offset, received_at)
SELECT %s, 0, rowNumberInAllBlocks(), toDateTime64('2026-03-01 08:00:00', 3, 'UTC')
FROM file('%s', JSONEachRow, '%s') SETTINGS input_format_json_read_objects_as_strings = 1`, peerRow, file, peerColumns))
			})
			full()

			fresh()
			native.add(b, n, func() {
				for _, block := range blocks {
					if err := r.db.InsertEvents(b.Context(), name, block); err != nil {
						b.Fatal(err)
					}
				}
			})
			full()
		}
	}
	a.report(b, "a-ours")
	kafka.report(b, "b-kafka-engine")
	lined.report(b, "c-file")
	native.report(b, "d-native")
	b.ReportMetric(a.perCPU()/kafka.perCPU(), "a/b")
	b.ReportMetric(a.perCPU()/lined.perCPU(), "a/c")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPoison: what one bad message in a hundred costs.
func BenchmarkPoison(b *testing.B) {
	n := number(b, "YOUZHI_BENCH_EVENTS", backlog)
	const name = "youzhi.cases.v1"
	var clean, poisoned cost
	engine := embeddedtest.Engine(b)
	good, bad := newRig(b, 4), newRig(b, 4)
	goods, _ := good.log(name, n, func(i int) topic.Message { return accepted(i, "s-81") })
	bads, _ := bad.log(name, n, func(i int) topic.Message {
		m := accepted(i, "s-81")
		if i%100 == 0 {
			spoilt := [][]byte{nil, []byte("\xff\xfe"), bytes.Replace(m.Value, []byte(`"id"`), []byte(`"subject"`), 1), m.Value[:300], bytes.Replace(m.Value, []byte(`"region":"330100"`), []byte(`"region":33`), 1)}
			m.Value = spoilt[i/100%len(spoilt)]
		}
		return m
	})
	for b.Loop() {
		for round := range number(b, "YOUZHI_BENCH_ROUNDS", 3) {
			unique := fmt.Sprintf("%d-%d", b.N, round)
			good.fresh(b, engine)
			clean.add(b, n, func() { good.consumed("clean-"+unique, goods) })
			bad.fresh(b, engine)
			poisoned.add(b, n, func() { bad.consumed("poison-"+unique, bads) })
			if got := bad.count("uniqExact(partition, offset)) AS n FROM quarantine"); got != float64(n/100) {
				b.Fatalf("%v of %d bad messages are in quarantine", got, n/100)
			}
		}
	}
	clean.report(b, "clean")
	poisoned.report(b, "poison")
	b.ReportMetric(poisoned.rate()/clean.rate(), "poison/clean")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStored: bytes on disk of an event, all tables that an event fills
// counted, against its JSON and that compressed by gzip.
func BenchmarkStored(b *testing.B) {
	n := number(b, "YOUZHI_BENCH_EVENTS", backlog)
	r := newRig(b, 4)
	targets, lines := r.log("youzhi.cases.v1", n, func(i int) topic.Message { return accepted(i, "s-81") })
	var packed bytes.Buffer
	for b.Loop() {
		r.consumed("stored-"+strconv.Itoa(b.N), targets)
	}
	for _, table := range []string{"events_cases", "identities", "arrivals"} {
		r.exec("OPTIMIZE TABLE " + table + " FINAL")
		size := r.count("sum(bytes_on_disk)) AS n FROM system.parts WHERE active AND database = currentDatabase() AND table = '" + table + "'")
		b.ReportMetric(size/float64(n), table+"-bytes/event")
	}
	w := gzip.NewWriter(bufio.NewWriter(&packed))
	if _, err := w.Write(lines); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(lines))/float64(n), "json-bytes/event")
	b.ReportMetric(float64(packed.Len())/float64(n), "gzip-bytes/event")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLag sends 5,000 events a second for some minutes and measures how long
// each tenth of a second's events take until a SELECT sees them, and the memory
// that the process holds meanwhile, broker and engine included.
func BenchmarkLag(b *testing.B) {
	minutes := number(b, "YOUZHI_BENCH_MINUTES", 10)
	const name, each = "youzhi.cases.v1", 500
	r := newRig(b, 4)
	o := r.options()
	o.Age = 0 // as the program runs it
	stop := r.run(o)
	type sent struct {
		at   time.Time
		ends map[int32]int64
	}
	var lags []time.Duration
	var resident []float64
	for b.Loop() {
		sends := make(chan sent, 10_000)
		done := make(chan struct{})
		go func() {
			defer close(done)
			seen := map[int32]int64{}
			for s := range sends {
				for behind := true; behind; {
					behind = false
					for partition, end := range s.ends {
						behind = behind || seen[partition] < end
					}
					if !behind {
						break
					}
					err := r.db.Rows(b.Context(), "SELECT partition, max(offset) + 1 FROM arrivals WHERE topic = {topic:String} AND offset >= {from:Int64} GROUP BY partition",
						queries.Params{"topic": name, "from": leastSeen(seen)}, func(scan func(...any) error) error {
							var partition int32
							var end int64
							err := scan(&partition, &end)
							seen[partition] = end
							return err
						})
					if err != nil {
						b.Error(err)
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				lags = append(lags, time.Since(s.at))
			}
		}()
		tick := time.NewTicker(100 * time.Millisecond)
		for i := range minutes * 600 {
			<-tick.C
			s := sent{at: time.Now(), ends: map[int32]int64{}}
			acks, err := r.kafka.Write(b.Context(), name, many((b.N*minutes*600+i)*each, each))
			if err != nil {
				b.Fatal(err)
			}
			for _, a := range acks {
				s.ends[a.Partition] = max(s.ends[a.Partition], a.Offset+1)
			}
			sends <- s
			if i%100 == 0 {
				resident = append(resident, residentMB(b))
			}
		}
		tick.Stop()
		close(sends)
		<-done
	}
	stop()
	slices.Sort(lags)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(lags[len(lags)*p/100].Seconds(), fmt.Sprintf("p%d-s", p))
	}
	half := len(resident) / 2
	b.ReportMetric(slices.Max(resident[:half]), "first-half-MB")
	b.ReportMetric(slices.Max(resident[half:]), "second-half-MB")
	b.ReportMetric(0, "ns/op")
}

// leastSeen is the smallest of what was seen of the partitions.
func leastSeen(seen map[int32]int64) int64 {
	least := int64(-1)
	for _, end := range seen {
		if least < 0 || end < least {
			least = end
		}
	}
	return max(0, least-1)
}

func residentMB(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// BenchmarkFsync: what it costs that ClickHouse writes to the disk before it
// acknowledges.
func BenchmarkFsync(b *testing.B) {
	n := number(b, "YOUZHI_BENCH_EVENTS", backlog)
	r := newRig(b, 4)
	targets, _ := r.log("youzhi.cases.v1", n, func(i int) topic.Message { return accepted(i, "s-81") })
	engine := embeddedtest.Engine(b)
	var costs [2]cost
	for b.Loop() {
		for round := range number(b, "YOUZHI_BENCH_ROUNDS", 3) {
			for i, on := range []bool{false, true} {
				r.fresh(b, engine)
				if err := r.db.Fsync(b.Context(), on); err != nil {
					b.Fatal(err)
				}
				costs[i].add(b, n, func() { r.consumed(fmt.Sprintf("fsync-%v-%d-%d", on, b.N, round), targets) })
			}
		}
	}
	costs[0].report(b, "without")
	costs[1].report(b, "fsync")
	b.ReportMetric(costs[1].rate()/costs[0].rate(), "fsync/without")
	b.ReportMetric(0, "ns/op")
}
