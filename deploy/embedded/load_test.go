package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"youzhi/deploy/embedded/embeddedtest"
)

// resident is the process's memory in use, in bytes, the engine's included.
func resident(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("the process has no VmRSS")
	return 0
}

// watchMemory measures how far the memory in use grows until the function that it
// gives is called.
func watchMemory(t testing.TB) (grown func() int64) {
	t.Helper()
	runtime.GC()
	before, highest := resident(t), atomic.Int64{}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if now := resident(t); now > highest.Load() {
				highest.Store(now)
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return highest.Load() - before
	}
}

// TestGigabyteStreams reads an answer of 1 GB, and writes rows of 1 GB, neither of
// which may sit in memory.
func TestGigabyteStreams(t *testing.T) {
	const (
		total = 1 << 30
		limit = 256 << 20
	)
	c := newClient(t)
	// The first statements take memory that stays: threads, caches, code.
	c.must("CREATE TABLE sink (x String) ENGINE = Null")
	c.must("SELECT sum(number) FROM numbers_mt(10000000)")
	for _, format := range []string{"Native", "TSV", "JSONEachRow", "CSVWithNames"} {
		grown := watchMemory(t)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://embedded/?default_format="+format,
			strings.NewReader(fmt.Sprintf("SELECT randomPrintableASCII(200) AS x FROM numbers(%d)", total/200)))
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		read, err := io.Copy(io.Discard, response.Body)
		if closeErr := response.Body.Close(); err != nil || closeErr != nil {
			t.Fatal(err, closeErr)
		}
		if read < total-total/100 {
			t.Errorf("%s: only %d bytes came", format, read)
		}
		if more := grown(); more > limit {
			t.Errorf("%s: memory grew by %d MiB", format, more>>20)
		}
	}
	grown := watchMemory(t)
	line := []byte(strings.Repeat("x", 999) + "\n")
	rows := io.LimitReader(repeating(line), total/1000*1000)
	if r := c.do(http.MethodPost, map[string]string{"query": "INSERT INTO sink FORMAT TSV"}, rows); r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	} else if !strings.Contains(r.header.Get("X-ClickHouse-Summary"), fmt.Sprintf(`"written_rows":"%d"`, total/1000)) {
		t.Errorf("summary: %s", r.header.Get("X-ClickHouse-Summary"))
	}
	// The engine gathers a block of rows before it stores them.
	if more := grown(); more > 4*limit {
		t.Errorf("insert: memory grew by %d MiB", more>>20)
	}
}

// repeating gives a line over and over.
func repeating(line []byte) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		block := bytes.Repeat(line, 64)
		for {
			if _, err := writer.Write(block); err != nil {
				return
			}
		}
	}()
	return reader
}

// TestManyAtOnce reads and writes from many goroutines while the garbage collector
// runs, which is when a wrong signal handler or a lost pointer shows.
func TestManyAtOnce(t *testing.T) {
	conn := open(t, embeddedtest.Engine(t))
	ctx := t.Context()
	if err := conn.Exec(ctx, "CREATE TABLE t (worker UInt64, n UInt64, text String, dims Map(LowCardinality(String), String)) ENGINE = MergeTree ORDER BY (worker, n)"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, "CREATE TABLE big (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, "INSERT INTO big SELECT number FROM numbers(500000)"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	const workers, rounds, batchRows = 8, 15, 200
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for round := range rounds {
				batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
				if err != nil {
					t.Error(err)
					return
				}
				for i := range batchRows {
					n := uint64(round*batchRows + i)
					if err := batch.Append(uint64(worker), n, strings.Repeat("邮", i%7), map[string]string{"region": strconv.Itoa(i % 5)}); err != nil {
						t.Error(err)
						return
					}
				}
				if err := batch.Send(); err != nil {
					t.Error(err)
					return
				}
				var count, sum, groups uint64
				if err := conn.QueryRow(ctx, "SELECT count(), sum(n) FROM t WHERE worker = {worker:UInt64}", clickhouse.Named("worker", uint64(worker))).Scan(&count, &sum); err != nil {
					t.Error(err)
					return
				}
				if want := uint64((round + 1) * batchRows); count != want || sum != want*(want-1)/2 {
					t.Errorf("worker %d, round %d: %d rows with the sum %d", worker, round, count, sum)
				}
				if err := conn.QueryRow(ctx, "SELECT count() FROM (SELECT n % 5000 AS k, sum(n) FROM big GROUP BY k)").Scan(&groups); err != nil || groups != 5000 {
					t.Errorf("%d groups, %v", groups, err)
				}
				if worker%2 == 0 {
					// Left half way.
					short, cancel := context.WithTimeout(ctx, time.Duration(round)*time.Millisecond)
					rows, err := conn.Query(short, "SELECT n, sipHash64(n) FROM big")
					if err == nil {
						rows.Next()
						_ = rows.Close()
					}
					cancel()
				}
				recoverNil(t)
			}
		})
	}
	running.Wait()
	close(stop)
	collector.Wait()
}

// recoverNil makes the processor fault, which the Go runtime must still turn into a
// panic.
func recoverNil(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("there was no panic")
		}
	}()
	var nothing *struct{ field int }
	nothing.field++
}

// TestInsertFormat sends a block made of typed columns, as ingest does.
func TestInsertFormat(t *testing.T) {
	conn := open(t, embeddedtest.Engine(t))
	ctx := t.Context()
	if err := conn.Exec(ctx, "CREATE TABLE t (id UInt64, kind LowCardinality(String), text String) ENGINE = MergeTree ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	body := blockOf(t, 100_000, 0)
	if err := conn.InsertFormat(ctx, "Native", "INSERT INTO t (id, kind, text)", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	var count, sum, kinds uint64
	if err := conn.QueryRow(ctx, "SELECT count(), sum(id), uniqExact(kind) FROM t").Scan(&count, &sum, &kinds); err != nil {
		t.Fatal(err)
	}
	if count != 100_000 || sum != 100_000*99_999/2 || kinds != 7 {
		t.Errorf("%d rows, sum %d, %d kinds", count, sum, kinds)
	}
	if err := conn.InsertFormat(ctx, "Native", "INSERT INTO t (id, kind, text)", bytes.NewReader(body[:len(body)/2])); err == nil {
		t.Error("half a block was taken")
	}
	var parts uint64
	if err := conn.QueryRow(ctx, "SELECT count(), (SELECT count() FROM system.parts WHERE database = currentDatabase() AND active) FROM t").Scan(&count, &parts); err != nil {
		t.Fatal(err)
	}
	if count != 100_000 || parts != 1 {
		t.Errorf("%d rows in %d parts", count, parts)
	}
}

// blockOf encodes a block of three columns.
func blockOf(t testing.TB, rows int, from uint64) []byte {
	t.Helper()
	var (
		ids    proto.ColUInt64
		kinds  = new(proto.ColStr).LowCardinality()
		texts  proto.ColStr
		buffer proto.Buffer
	)
	for i := range rows {
		ids.Append(from + uint64(i))
		kinds.Append("kind" + strconv.Itoa(i%7))
		texts.Append("some text of a usual length " + strconv.Itoa(i))
	}
	input := []proto.InputColumn{{Name: "id", Data: ids}, {Name: "kind", Data: kinds}, {Name: "text", Data: texts}}
	block := proto.Block{Columns: len(input), Rows: rows}
	if err := block.EncodeRawBlock(&buffer, 0, input); err != nil {
		t.Fatal(err)
	}
	return buffer.Buf
}

func BenchmarkSelectOne(b *testing.B) {
	conn := open(b, embeddedtest.Engine(b))
	b.ReportAllocs()
	for b.Loop() {
		var one uint8
		if err := conn.QueryRow(b.Context(), "SELECT 1").Scan(&one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInsertBlock(b *testing.B) {
	conn := open(b, embeddedtest.Engine(b))
	if err := conn.Exec(b.Context(), "CREATE TABLE t (id UInt64, kind LowCardinality(String), text String) ENGINE = MergeTree ORDER BY id"); err != nil {
		b.Fatal(err)
	}
	const rows = 100_000
	body := blockOf(b, rows, 0)
	for b.Loop() {
		if err := conn.InsertFormat(b.Context(), "Native", "INSERT INTO t (id, kind, text)", bytes.NewReader(body)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkReadRows(b *testing.B) {
	client := &http.Client{Transport: embeddedtest.Engine(b).Transport()}
	for b.Loop() {
		response, err := client.Post("http://embedded/?default_format=Native", "", strings.NewReader("SELECT number, toString(number) FROM numbers(1000000)"))
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if closeErr := response.Body.Close(); err != nil || closeErr != nil {
			b.Fatal(err, closeErr)
		}
		b.SetBytes(n)
	}
}
