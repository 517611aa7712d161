package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"

	"youzhi/deploy/embedded"
)

// childVariable makes the test program play another process: its value is what to
// do, in a folder that the first argument names.
const childVariable = "YOUZHI_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role, os.Args[1]); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const childTopic = "kept"

// child opens a folder as a process of its own. It says "holder" or "guest", does
// what its role says, and closes the folder when its standard input ends.
func child(role, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	instance, err := embedded.Open(ctx, embedded.Options{Dir: dir, Topics: map[string]int32{childTopic: 2}})
	if err != nil {
		return err
	}
	if instance.Holder() {
		fmt.Println("holder")
	} else {
		fmt.Println("guest")
	}
	ask := func(statement string, body io.Reader) (string, error) {
		client := &http.Client{Transport: instance.Transport()}
		response, err := client.Post("http://embedded/?query="+strings.ReplaceAll(statement, " ", "+"), "", body)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = errors.New(string(text))
		}
		return string(text), err
	}
	switch role {
	case "ask":
		text, err := ask("SELECT sum(x) FROM shared.t", nil)
		if err != nil {
			return err
		}
		fmt.Print(text)
		if _, err := ask("INSERT INTO shared.t FORMAT TSV", strings.NewReader("100\n")); err != nil {
			return err
		}
		if err := instance.Ready(ctx); err != nil {
			return err
		}
		fmt.Println("done")
	case "write":
		// Rows and messages without end, each told only after it is acknowledged.
		if _, err := ask("CREATE TABLE IF NOT EXISTS default.kept (n UInt64, text String) ENGINE = MergeTree ORDER BY n", nil); err != nil {
			return err
		}
		writer := &kafka.Writer{Addr: kafka.TCP(instance.Brokers()...), Topic: childTopic, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond}
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: instance.Brokers(), GroupID: childTopic, Topic: childTopic, StartOffset: kafka.FirstOffset, MaxWait: 10 * time.Millisecond})
		for n := 0; ; n++ {
			if _, err := ask("INSERT INTO default.kept FORMAT TSV", strings.NewReader(fmt.Sprintf("%d\t%s\n", n, strings.Repeat("x", 1000)))); err != nil {
				return err
			}
			if err := writer.WriteMessages(ctx, kafka.Message{Value: []byte(fmt.Sprint(n))}); err != nil {
				return err
			}
			message, err := reader.FetchMessage(ctx)
			if err == nil {
				err = reader.CommitMessages(ctx, message)
			}
			if err != nil {
				return err
			}
			fmt.Println(n, message.Partition, message.Offset)
		}
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return instance.Close()
}

// process is a child that runs.
type process struct {
	command *exec.Cmd
	lines   *bufio.Scanner
	input   io.WriteCloser
	errors  bytes.Buffer
}

func startChild(t testing.TB, role, dir string) *process {
	t.Helper()
	p := &process{command: exec.Command(os.Args[0], dir)}
	// A machine's own time zone must not matter.
	p.command.Env = append(os.Environ(), childVariable+"="+role, "TZ=Asia/Tokyo")
	p.command.Stderr = &p.errors
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.input, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(output)
	t.Cleanup(func() {
		if p.command.ProcessState == nil {
			_ = p.command.Process.Kill()
			_ = p.command.Wait()
		}
	})
	return p
}

// line reads the child's next line.
func (p *process) line(t testing.TB) string {
	t.Helper()
	if !p.lines.Scan() {
		_ = p.command.Wait()
		t.Fatalf("the child says no more: %v\n%s", p.lines.Err(), p.errors.String())
	}
	return p.lines.Text()
}

// end lets the child close its folder.
func (p *process) end(t testing.TB) {
	t.Helper()
	if err := p.input.Close(); err != nil {
		t.Error(err)
	}
	for p.lines.Scan() {
		continue
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("the child ended with %v\n%s", err, p.errors.String())
	}
}

// openDir opens a folder in this process.
func openDir(t testing.TB, dir string) *embedded.Instance {
	t.Helper()
	if _, err := embedded.EnginePath(); err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	instance, err := embedded.Open(ctx, embedded.Options{Dir: dir, Topics: map[string]int32{childTopic: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := instance.Close(); err != nil {
			t.Error(err)
		}
	})
	return instance
}

func TestGuestOfThisProcess(t *testing.T) {
	for name, dir := range map[string]string{
		"short": t.TempDir(),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("long", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			instance := openDir(t, dir)
			if !instance.Holder() {
				t.Fatal("this process is not the holder")
			}
			conn := openDatabase(t, instance.Transport(), "default")
			for _, statement := range []string{
				"CREATE DATABASE shared",
				"CREATE TABLE shared.t (x UInt64) ENGINE = MergeTree ORDER BY x",
				"INSERT INTO shared.t SELECT number FROM numbers(10)",
			} {
				if err := conn.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			guest := startChild(t, "ask", dir)
			for _, want := range []string{"guest", "45", "done"} {
				if got := guest.line(t); got != want {
					t.Errorf("the guest says %q, not %q", got, want)
				}
			}
			guest.end(t)
			var sum uint64
			if err := conn.QueryRow(t.Context(), "SELECT sum(x) FROM shared.t").Scan(&sum); err != nil || sum != 145 {
				t.Errorf("sum is %d, %v", sum, err)
			}
			if err := instance.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestGuestOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	holder := startChild(t, "hold", dir)
	if got := holder.line(t); got != "holder" {
		t.Fatalf("the child says %q", got)
	}
	guest := openDir(t, dir)
	if guest.Holder() {
		t.Fatal("two processes hold the folder")
	}
	if err := guest.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := open(t, guest)
	var zone string
	if err := conn.QueryRow(t.Context(), "SELECT timezone()").Scan(&zone); err != nil || zone != "UTC" {
		t.Errorf("the engine's time zone is %q, %v", zone, err)
	}
	if err := conn.Exec(t.Context(), "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(1000) {
		if err := batch.Append(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var count uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM t").Scan(&count); err != nil || count != 1000 {
		t.Errorf("%d rows, %v", count, err)
	}
	rows, err := conn.Query(t.Context(), "SELECT throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_threads = 1")
	if err == nil {
		for rows.Next() {
			continue
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || exception.Code != 395 {
		t.Errorf("an error half way through the socket is %v", err)
	}
	// A handler over a guest, as `youzhi clickhouse --listen` has it.
	listener, err := embedded.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, listener, guest.Handler())
	if got := get(t, base+"/?query=SELECT+number+FROM+numbers(3)+FORMAT+CSV"); got != "0\n1\n2\n" {
		t.Errorf("through the guest's handler: %q", got)
	}
	holder.end(t)
	if err := guest.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "which holds") {
		t.Errorf("the holder has gone, and the guest says %v", err)
	}
}

// TestOneFolderInAProcess opens a second folder and a folder twice.
func TestOneFolderInAProcess(t *testing.T) {
	dir := t.TempDir()
	first := openDir(t, dir)
	other := filepath.Join(t.TempDir(), "other")
	if _, err := embedded.Open(t.Context(), embedded.Options{Dir: other}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), other) {
		t.Errorf("a second folder: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	second, err := embedded.Open(t.Context(), embedded.Options{Dir: link, Topics: map[string]int32{"more": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if err := second.Ready(t.Context()); err != nil {
		t.Errorf("after the other one is closed: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Ready(t.Context()); err == nil {
		t.Error("a closed instance is ready")
	}
	// Now the engine is free for another folder.
	third := openDir(t, other)
	if err := third.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCloseDoesNotWaitForever closes under a client that neither reads on nor lets go.
func TestCloseDoesNotWaitForever(t *testing.T) {
	defer embedded.SetGoodbye(100 * time.Millisecond)()
	instance := openDir(t, t.TempDir())
	client := &http.Client{Transport: instance.Transport()}
	var left []io.ReadCloser
	for _, query := range []string{"SELECT+number+FROM+numbers(100000000000)", "SELECT+1"} {
		response, err := client.Get("http://embedded/?query=" + query) //nolint:bodyclose // closed after the engine, below
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, response.Body)
	}
	closed := make(chan error, 1)
	go func() { closed <- instance.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Close still waits")
	}
	if _, err := io.Copy(io.Discard, left[0]); err == nil {
		t.Error("an answer that was cut off looks whole")
	}
	for _, body := range left {
		_ = body.Close()
	}
}

func TestOpenWaits(t *testing.T) {
	dir := t.TempDir()
	// Somebody has the lock and never serves.
	if err := os.WriteFile(filepath.Join(dir, "holder.json"), []byte(`{"pid":1,"socket":"/nowhere/x.sock"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := embedded.LockFolder(dir)
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = embedded.Open(ctx, embedded.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another process") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// It leaves while somebody waits.
	time.AfterFunc(200*time.Millisecond, func() { _ = lock.Close() })
	if instance := openDir(t, dir); !instance.Holder() {
		t.Error("the freed folder is not held")
	}
}

// TestKill kills a process in the middle of its writes and opens its folder again.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged, partition := -1, 0
	committed := []int64{-1, -1}
	// note reads what the child says is done; a line may be cut short.
	note := func(line string) bool {
		var offset int64
		if n, _ := fmt.Sscan(line, &acknowledged, &partition, &offset); n != 3 {
			return false
		}
		// What was committed never comes again, in later rounds neither.
		if offset <= committed[partition] {
			t.Errorf("offset %d of partition %d came again after %d was committed", offset, partition, committed[partition])
		}
		committed[partition] = offset
		return true
	}
	for round := range 3 {
		writer := startChild(t, "write", dir)
		if got := writer.line(t); got != "holder" {
			t.Fatalf("round %d: the child says %q", round, got)
		}
		for range 60 {
			if line := writer.line(t); !note(line) {
				t.Fatalf("round %d: the child says %q", round, line)
			}
		}
		if err := writer.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for writer.lines.Scan() {
			note(writer.lines.Text())
		}
		_ = writer.command.Wait()
	}
	instance := openDir(t, dir)
	if !instance.Holder() {
		t.Fatal("the dead child still holds the folder")
	}
	conn := openDatabase(t, instance.Transport(), "default")
	var rows, highest uint64
	if err := conn.QueryRow(t.Context(), "SELECT count(), max(n) FROM kept").Scan(&rows, &highest); err != nil {
		t.Fatal(err)
	}
	// Each round began again at 0.
	if rows < uint64(3*60) || highest < uint64(acknowledged) {
		t.Errorf("%d rows up to %d are there, the last round's %d were acknowledged", rows, highest, acknowledged)
	}
	var missing uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM numbers({n:UInt64}) WHERE number NOT IN (SELECT n FROM kept)", clickhouse.Named("n", uint64(acknowledged+1))).Scan(&missing); err != nil || missing != 0 {
		t.Errorf("%d acknowledged rows are missing, %v", missing, err)
	}
	messages := readAll(t, instance.Brokers(), childTopic)
	seen := make(map[string]int)
	for _, message := range messages {
		seen[string(message.Value)]++
	}
	for n := range acknowledged + 1 {
		if seen[fmt.Sprint(n)] == 0 {
			t.Errorf("message %d was acknowledged and is missing", n)
		}
	}
	if len(messages) < 3*60 {
		t.Errorf("only %d messages are there", len(messages))
	}
}

func TestRestartKeepsData(t *testing.T) {
	dir := t.TempDir()
	first := openDir(t, dir)
	address := first.Brokers()[0]
	conn := openDatabase(t, first.Transport(), "default")
	for _, statement := range []string{
		"CREATE DATABASE kept",
		"CREATE TABLE kept.t (x UInt64, at DateTime('UTC')) ENGINE = MergeTree ORDER BY x",
		"CREATE TABLE kept.sums (k UInt8, s SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k",
		"CREATE MATERIALIZED VIEW kept.view TO kept.sums AS SELECT toUInt8(x % 3) AS k, sum(x) AS s FROM kept.t GROUP BY k",
		"INSERT INTO kept.t SELECT number, '2026-01-01 00:00:00' FROM numbers(1000)",
	} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openDir(t, dir)
	if got := second.Brokers()[0]; got != address {
		t.Errorf("the broker moved from %s to %s", address, got)
	}
	conn = openDatabase(t, second.Transport(), "kept")
	if err := conn.Exec(t.Context(), "INSERT INTO t SELECT 1000, now()"); err != nil {
		t.Fatal(err)
	}
	var count, sum uint64
	if err := conn.QueryRow(t.Context(), "SELECT (SELECT count() FROM t), (SELECT sum(s) FROM sums)").Scan(&count, &sum); err != nil {
		t.Fatal(err)
	}
	if count != 1001 || sum != 1000*1001/2 {
		t.Errorf("%d rows, sum %d", count, sum)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	// Its port may be taken meanwhile.
	taken, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	third := openDir(t, dir)
	if third.Brokers()[0] == address {
		t.Error("the broker has a port that is taken")
	}
	if err := third.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
