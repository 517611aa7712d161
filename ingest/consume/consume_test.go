package consume

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// start stands for the clock.
var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

const group = "youzhi"

var databases atomic.Int32

// rig is a broker, a database and the topics of the contract.
type rig struct {
	t     testing.TB
	kafka *topic.Client
	db    *queries.DB
	addrs []string

	database string
}

func newRig(t testing.TB, partitions int32) *rig {
	t.Helper()
	return newRigOf(t, embeddedtest.Broker(t, topics(partitions)))
}

// topics are those of the contract, each with so many partitions.
func topics(partitions int32) map[string]int32 {
	out := map[string]int32{}
	for _, name := range event.Topics() {
		out[name] = partitions
	}
	return out
}

func newRigOf(t testing.TB, brokers []string) *rig {
	t.Helper()
	engine := embeddedtest.Engine(t)
	kafka, err := topic.New(topic.Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	db, database := newDB(t, engine)
	return &rig{t: t, kafka: kafka, db: db, addrs: brokers, database: database}
}

// newDB is an empty database with the newest schema, and its name.
func newDB(t testing.TB, engine *embedded.Instance) (db *queries.DB, name string) {
	t.Helper()
	ctx := t.Context()
	name = fmt.Sprintf("consume_%d", databases.Add(1))
	db, err := queries.Open(ctx, queries.Options{Transport: engine.Transport(), Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(ctx, start); err != nil {
		t.Fatal(err)
	}
	return db, name
}

func (r *rig) options() Options {
	return Options{
		Kafka: r.kafka, Store: r.db, DB: r.db, Group: group, Topics: event.Topics(),
		Age: 50 * time.Millisecond, BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return start },
	}
}

// run starts a service and gives the function that ends it and waits for it.
func (r *rig) run(o Options) (stop func()) {
	r.t.Helper()
	s, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.t.Errorf("run: %v", err)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) within() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) write(name string, messages ...topic.Message) Targets {
	r.t.Helper()
	acks, err := r.kafka.Write(r.within(), name, messages)
	if err != nil {
		r.t.Fatal(err)
	}
	targets := Targets{}
	targets.Add(name, acks)
	return targets
}

func (r *rig) wait(targets Targets) {
	r.t.Helper()
	if err := WaitCommitted(r.within(), r.kafka, group, targets, nil); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) reconcile() *Reconciliation {
	r.t.Helper()
	books, err := Reconcile(r.within(), r.kafka, r.db, group, event.Topics(), start)
	if err != nil {
		r.t.Fatal(err)
	}
	return books
}

// sums adds up the books of all partitions.
func sums(b *Reconciliation) (consumed, rows, duplicates, quarantined, missing int64) {
	for i := range b.Partitions {
		p := &b.Partitions[i]
		consumed += p.Consumed()
		rows += p.Rows()
		duplicates += p.Duplicates()
		quarantined += p.Quarantined
		missing += p.Missing
	}
	return
}

func (r *rig) books(rows, duplicates, quarantined int64) {
	r.t.Helper()
	b := r.reconcile()
	gotConsumed, gotRows, gotDuplicates, gotQuarantined, missing := sums(b)
	want := [5]int64{rows + duplicates + quarantined, rows, duplicates, quarantined, 0}
	if diff := cmp.Diff(want, [5]int64{gotConsumed, gotRows, gotDuplicates, gotQuarantined, missing}); diff != "" || !b.OK() {
		r.t.Errorf("consumed, rows, duplicates, quarantined, missing: %s\n%s", diff, printed(b))
	}
}

func printed(b *Reconciliation) string {
	var s strings.Builder
	_ = b.Print(&s)
	return s.String()
}

// accepted is an event of the case k, about 550 bytes long.
func accepted(k int, reference string) topic.Message {
	subject := fmt.Sprintf("C%09d", k)
	at := start.Add(-time.Duration(k%1000) * time.Hour).Format(time.RFC3339)
	value := fmt.Sprintf(`{"specversion":"1.0","id":"a-%d","source":"/cn/post/core","type":"cn.post.case.accepted","subject":%q,"time":%q,"datacontenttype":"application/json","dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","sequence":"0000000002","recordedtime":%q,"data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","promised_at":"2026-03-04T18:00:00+08:00","owner_ref":%q,"documents":["application_form","id_proof"],"note":"杭州","remark":"0123456789"}}`,
		k, subject, at, at, reference)
	return topic.Message{Key: []byte(subject), Value: []byte(value), Time: start}
}

func many(from, n int) []topic.Message {
	out := make([]topic.Message, n)
	for i := range out {
		out[i] = accepted(from+i, "s-81")
	}
	return out
}

// faulty is a store that stands before the real one and fails as told.
type faulty struct {
	Store
	before func() error // before the insert: nothing is stored
	after  func() error // after it: stored, and not acknowledged
}

func (f *faulty) InsertEvents(ctx context.Context, name string, rows *queries.Events) error {
	if f.before != nil {
		if err := f.before(); err != nil {
			return err
		}
	}
	if err := f.Store.InsertEvents(ctx, name, rows); err != nil {
		return err
	}
	if f.after != nil {
		return f.after()
	}
	return nil
}

type stored struct {
	Topic     string `ch:"topic"`
	Partition int32  `ch:"partition"`
	Offset    int64  `ch:"offset"`
	Code      string `ch:"code"`
	Key       string `ch:"key"`
	Payload   string `ch:"payload"`
	Size      uint64 `ch:"size"`
	SHA256    string `ch:"sha256"`
}

func (r *rig) quarantine() (rows []stored) {
	r.t.Helper()
	err := r.db.Select(r.within(), &rows, "SELECT topic, partition, offset, code, key, payload, size, sha256 FROM quarantine FINAL ORDER BY topic, partition, offset", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

// Every message that is none of the contract is in quarantine with its code and
// its bytes; its neighbours are stored.
func TestBadMessages(t *testing.T) {
	r := newRig(t, 1)
	good := string(accepted(1, "s-81").Value)
	big := `{"specversion":"1.0","filler":"` + strings.Repeat("x", 5<<20) + `"}`
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	at := start.Add(-time.Hour).Format(time.RFC3339)
	bad := []struct {
		code  event.Code
		value []byte
	}{
		{event.CodeJSON, []byte(`{"specversion":`)},
		{event.CodeType, []byte(change(`"id":"a-1"`, `"id":7`))},
		{event.CodeUnknownType, []byte(change(`"type":"cn.post.case.accepted"`, `"type":"cn.post.case.invented"`))},
		{event.CodeMissing, []byte(change(`"id":"a-1",`, ``))},
		{event.CodeNoOffset, []byte(change(at, `2026-03-01T07:00:00`))},
		{event.CodePast, []byte(change(at, `1970-01-01T00:00:00Z`))},
		{event.CodeFuture, []byte(change(at, `2099-01-01T00:00:00Z`))},
		{event.CodeDuplicateKey, []byte(change(`"id":"a-1"`, `"id":"a-1","id":"a-2"`))},
		{event.CodeUTF8, []byte(change("杭州", "\xff\xfe"))},
		{event.CodeTrailing, []byte(good + "{}")},
		{event.CodeDepth, []byte(change(`"note":"杭州"`, `"note":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)))},
		{event.CodeWrongTopic, []byte(good)}, // written to another topic below
		{event.CodeEmpty, nil},
		{event.CodeEmpty, []byte{}},
		{event.CodeOversize, []byte(big)},
	}
	stop := r.run(r.options())
	type want struct {
		Topic, Code, Key, Payload string
		Size                      uint64
		SHA256                    string
	}
	wants := map[string]map[int64]want{}
	var neighbours int64
	for i, b := range bad {
		name := "youzhi.cases.v1"
		if b.code == event.CodeWrongTopic {
			name = "youzhi.surveys.v1"
		}
		m := topic.Message{Key: fmt.Appendf(nil, "bad-%d", i), Value: b.value, Time: start}
		acks, err := r.kafka.Write(r.within(), name, []topic.Message{m})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.value)
		w := want{Topic: name, Code: string(b.code), Key: string(m.Key), Payload: string(b.value), Size: uint64(len(b.value)), SHA256: string(sum[:])}
		if len(b.value) > event.MaxSize {
			w.Payload = w.Payload[:64<<10]
		}
		if wants[name] == nil {
			wants[name] = map[int64]want{}
		}
		wants[name][acks[0].Offset] = w
		r.wait(r.write("youzhi.cases.v1", accepted(100+i, "s-1")))
		neighbours++
	}
	stop()
	rows := r.quarantine()
	if len(rows) != len(bad) {
		t.Errorf("%d messages in quarantine, want %d", len(rows), len(bad))
	}
	for _, row := range rows {
		got := want{row.Topic, row.Code, row.Key, row.Payload, row.Size, row.SHA256}
		if diff := cmp.Diff(wants[row.Topic][row.Offset], got); diff != "" {
			t.Errorf("%s/%d: %.2000s", row.Topic, row.Offset, diff)
		}
	}
	r.books(neighbours, 0, int64(len(bad)))
}

// The samples of the contract, good and bad, through Kafka: each bad one ends in
// quarantine with its bytes, each good one as a row.
func TestSamplesOfTheContract(t *testing.T) {
	r := newRig(t, 3)
	good, bad := map[string]int{}, map[string]string{}
	var goods int
	targets := Targets{}
	err := filepath.WalkDir("../event/testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := "youzhi.cases.v1"
		if e, err := event.Decode(content, sampled, ""); err == nil {
			name, _ = event.TopicOf(e.Type)
		}
		e, err := event.Decode(content, sampled, name)
		if err == nil {
			good[e.Source+" "+e.ID]++
			goods++
		} else {
			var reject *event.Reject
			if !errors.As(err, &reject) {
				t.Fatalf("%s: %v", path, err)
			}
			bad[path] = string(reject.Code)
		}
		acks, err := r.kafka.Write(r.within(), name, []topic.Message{{Key: []byte(path), Value: content, Time: sampled}})
		targets.Add(name, acks)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if goods == 0 || len(bad) == 0 {
		t.Fatalf("%d good and %d bad samples", goods, len(bad))
	}
	r.run(r.options())
	r.wait(targets)
	for _, row := range r.quarantine() {
		content, err := os.ReadFile(row.Key)
		if err != nil {
			t.Fatal(err)
		}
		if row.Code != bad[row.Key] || !strings.HasPrefix(string(content), row.Payload) || row.Size != uint64(len(content)) {
			t.Errorf("%s: code %s, want %s; %d bytes of %d", row.Key, row.Code, bad[row.Key], len(row.Payload), len(content))
		}
		delete(bad, row.Key)
	}
	for path, code := range bad {
		t.Errorf("%s: not in quarantine with code %s", path, code)
	}
	b := r.reconcile()
	_, rows, duplicates, _, _ := sums(b)
	if !b.OK() || rows != int64(len(good)) || rows+duplicates != int64(goods) {
		t.Errorf("%d good samples with %d identities\n%s", goods, len(good), printed(b))
	}
}

// sampled is after the time of every sample.
var sampled = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)

// What is written is what is read back, column by column.
func TestRowsAreWhole(t *testing.T) {
	r := newRig(t, 1)
	r.run(r.options())
	m := accepted(7, "s-81")
	m.Value = bytes.Replace(m.Value, []byte(`"sequence"`), []byte(`"test":true,"sequence"`), 1)
	r.wait(r.write("youzhi.cases.v1", m, accepted(1000, "s-81")))
	e, err := event.Decode(m.Value, m.Time, "youzhi.cases.v1")
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Subject    string     `ch:"subject"`
		Day        string     `ch:"day"`
		Source     string     `ch:"source"`
		ID         string     `ch:"id"`
		Hash       string     `ch:"hash"`
		Partition  int32      `ch:"partition"`
		Offset     int64      `ch:"offset"`
		Type       string     `ch:"type"`
		Time       time.Time  `ch:"time"`
		Sequence   string     `ch:"sequence"`
		Recorded   *time.Time `ch:"recordedtime"`
		Test       bool       `ch:"test"`
		CorrectsID string     `ch:"correctsid"`
		DataSchema string     `ch:"dataschema"`
		Data       string     `ch:"data"`
		ReceivedAt time.Time  `ch:"received_at"`
	}
	var got []row
	err = r.db.Select(r.within(), &got, `SELECT subject, toString(day) AS day, source, id, toString(content_hash) AS hash, partition, offset, type, time, sequence, recordedtime, test, correctsid, dataschema, data, received_at
FROM events_cases WHERE id = 'a-7'`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []row{{e.Subject, "2026-03-01", e.Source, e.ID, string(e.Hash[:]), 0, 0, e.Type, e.Time, e.Sequence, &e.Recorded, true, "", e.DataSchema, string(e.Data), start}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The same events at other offsets are duplicates, another content under the same
// identity is one too, and a conflict.
func TestDuplicatesAndConflicts(t *testing.T) {
	r := newRig(t, 3)
	r.run(r.options())
	for range 2 {
		r.wait(r.write("youzhi.cases.v1", many(0, 100)...))
	}
	r.books(100, 100, 0)
	// Another content; the same with another day; the same under another subject.
	other := accepted(3, "s-99")
	day := accepted(4, "s-81")
	day.Value = bytes.Replace(day.Value, []byte("2026-03-01T04:00:00Z"), []byte("2026-02-01T04:00:00Z"), 1)
	subject := accepted(5, "s-81")
	subject.Value = bytes.Replace(subject.Value, []byte(`"C000000005"`), []byte(`"C900000005"`), 1)
	subject.Key = []byte("C900000005")
	r.wait(r.write("youzhi.cases.v1", other, day, subject))
	r.books(100, 103, 0)
	if n := r.reconcile().Conflicts["youzhi.cases.v1"]; n != 3 {
		t.Errorf("%d conflicts, want 3", n)
	}
}

// A process that dies between insert and commit: the rows come again, at the same
// offsets, and count once.
func TestCrashBetweenInsertAndCommit(t *testing.T) {
	r := newRig(t, 2)
	// Small record batches, so that one fetch does not bring everything.
	targets := Targets{}
	for i := 0; i < 5000; i += 1000 {
		acks, err := r.kafka.Write(r.within(), "youzhi.cases.v1", many(i, 1000))
		if err != nil {
			t.Fatal(err)
		}
		targets.Add("youzhi.cases.v1", acks)
	}
	o := r.options()
	o.Rows, o.Age = 500, time.Millisecond
	o.FetchBytes = 64 << 10
	o.Grace = time.Nanosecond
	var inserts atomic.Int32
	crashed := make(chan struct{})
	var once sync.Once
	o.Store = &faulty{Store: r.db, after: func() error {
		// From the third insert on, what is stored is never acknowledged.
		if inserts.Add(1) < 3 {
			return nil
		}
		once.Do(func() { close(crashed) })
		return errors.New("the process is gone")
	}}
	stop := r.run(o)
	select {
	case <-crashed:
	case <-r.within().Done():
		t.Fatal("there was no third insert")
	}
	stop()

	before := r.reconcile()
	var inFlight int64
	for _, p := range before.Partitions {
		inFlight += p.InFlight
	}
	if !before.OK() || inFlight == 0 {
		t.Errorf("after the crash: %d offsets in flight\n%s", inFlight, printed(before))
	}
	r.run(r.options())
	r.wait(targets)
	r.books(5000, 0, 0)
}

// A store that fails for a while: not ready, with the reason, nothing committed;
// then everything is there.
func TestStoreDownForAWhile(t *testing.T) {
	r := newRig(t, 2)
	o := r.options()
	var down atomic.Bool
	down.Store(true)
	o.Store = &faulty{Store: r.db, before: func() error {
		if down.Load() {
			return errors.New("connection refused")
		}
		return nil
	}}
	reasons := make(chan string, 1000)
	o.Health = func(err error) {
		text := ""
		if err != nil {
			text = err.Error()
		}
		reasons <- text
	}
	var retries atomic.Int64
	o.Counters.Retries = func(n float64, _ ...string) { retries.Add(int64(n)) }
	r.run(o)
	await := func(want string) {
		t.Helper()
		ctx := r.within()
		for {
			select {
			case got := <-reasons:
				if got == want {
					return
				}
			case <-ctx.Done():
				t.Fatalf("readiness never said %q", want)
			}
		}
	}
	await("")
	targets := r.write("youzhi.cases.v1", many(0, 300)...)
	targets2 := r.write("youzhi.cases.v1", topic.Message{Key: []byte("x"), Value: []byte("{"), Time: start})
	await("insert_events youzhi.cases.v1: connection refused")
	offsets, err := r.kafka.Offsets(r.within(), group, "youzhi.cases.v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range offsets {
		if p.Committed > 0 {
			t.Errorf("partition %d: %d committed and nothing stored", p.Partition, p.Committed)
		}
	}
	down.Store(false)
	await("")
	r.wait(targets)
	r.wait(targets2)
	r.books(300, 0, 1)
	if retries.Load() == 0 {
		t.Error("no retry was counted")
	}
}

// A row that is deleted by hand is named, and so is one that is stored twice over.
func TestReconciliationNamesWhatIsWrong(t *testing.T) {
	r := newRig(t, 2)
	r.run(r.options())
	r.wait(r.write("youzhi.cases.v1", many(0, 1000)...))
	r.books(1000, 0, 0)

	ctx := r.within()
	exec := func(statement string) {
		t.Helper()
		if err := r.db.Exec(ctx, statement, nil); err != nil {
			t.Fatal(err)
		}
	}
	exec("ALTER TABLE events_cases DELETE WHERE partition = 1 AND offset IN (17, 18, 230) SETTINGS mutations_sync = 2")
	b := r.reconcile()
	text := printed(b)
	if b.OK() {
		t.Error("three rows are gone and the books add up")
	}
	for _, offset := range []string{"17", "18", "230"} {
		if !strings.Contains(text, "missing: topic youzhi.cases.v1, partition 1, offset "+offset+"\n") {
			t.Errorf("offset %s is not named", offset)
		}
	}
	if _, _, _, _, missing := sums(b); missing != 3 {
		t.Errorf("%d missing, want 3", missing)
	}
	last, err := r.db.LastReconciliation(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var recorded []int64
	for _, p := range last {
		recorded = append(recorded, p.MissingAt...)
	}
	if diff := cmp.Diff([]int64{17, 18, 230}, recorded); diff != "" {
		t.Error(diff)
	}

	// The last and the first row of a partition are missed as well.
	exec("ALTER TABLE events_cases DELETE WHERE partition = 0 AND (offset = 0 OR offset = (SELECT max(offset) FROM events_cases WHERE partition = 0)) SETTINGS mutations_sync = 2")
	if _, _, _, _, missing := sums(r.reconcile()); missing != 5 {
		t.Errorf("%d missing, want 5", missing)
	}
	// An event that is quarantined too, and another one at the same offset.
	exec("INSERT INTO quarantine (topic, partition, offset) SELECT 'youzhi.cases.v1', 0, 5")
	exec("INSERT INTO events_cases (subject, day, partition, offset) SELECT 'C', '2026-03-01', 0, 6")
	exec("INSERT INTO events_cases (subject, day, partition, offset) SELECT 'C', '2026-03-01', 0, 1000000")
	text = printed(r.reconcile())
	for _, line := range []string{
		"both event and quarantined: topic youzhi.cases.v1, partition 0, offset 5\n",
		"two events at one offset: topic youzhi.cases.v1, partition 0, offset 6\n",
		"beyond the log's end: topic youzhi.cases.v1, partition 0, 1 offsets",
		"The books do not add up.",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	exec("TRUNCATE TABLE events_cases")
	exec("TRUNCATE TABLE quarantine")
	b = r.reconcile()
	if _, _, _, _, missing := sums(b); missing != 1000 || len(b.Partitions[0].MissingAt)+len(b.Partitions[1].MissingAt)+len(b.Partitions[2].MissingAt)+len(b.Partitions[3].MissingAt) != 200 {
		t.Errorf("%d missing, want 1000 of which 200 named", missing)
	}
}

// hooked calls before for each statement that has a text, and lets it go then.
type hooked struct {
	http.RoundTripper
	text   string
	before func()
}

func (h *hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	statement := new(strings.Builder)
	if r.Body != nil {
		if _, err := io.Copy(statement, r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(strings.NewReader(statement.String()))
	}
	if strings.Contains(statement.String()+r.URL.RawQuery, h.text) {
		h.before()
	}
	return h.RoundTripper.RoundTrip(r)
}

// What is written and stored between the log's ends were read and the rows are
// counted is in flight; what the log still does not have then is beyond its end.
func TestReconciliationBesideARush(t *testing.T) {
	r := newRig(t, 1)
	r.run(r.options())
	r.wait(r.write("youzhi.cases.v1", many(0, 100)...))
	var rushes int
	rush := &hooked{RoundTripper: embeddedtest.Engine(t).Transport(), text: "beyond_end", before: func() {
		rushes++
		r.wait(r.write("youzhi.cases.v1", many(100*rushes, 100)...))
	}}
	db, err := queries.Open(t.Context(), queries.Options{Transport: rush, Database: r.database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cases := func() *PartitionBooks {
		t.Helper()
		b, err := Reconcile(r.within(), r.kafka, db, group, []string{"youzhi.cases.v1"}, start)
		if err != nil {
			t.Fatal(err)
		}
		return &b.Partitions[0]
	}
	if b := cases(); !b.OK() || b.Consumed() != 100 || b.InFlight != 100 || b.End != 200 || rushes != 1 {
		t.Errorf("beside a rush: %+v", b)
	}
	// Of five offsets that the log does not have three are written in the rush.
	err = r.db.Exec(r.within(), "INSERT INTO events_cases (subject, day, partition, offset) SELECT 'C', '2026-03-01', 0, arrayJoin([297, 298, 299, 300, 301])", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := cases(); b.OK() || b.Beyond != 2 || b.End != 300 {
		t.Errorf("beside a rush, with two offsets that the log does not have: %+v", b)
	}
}

// Members that come and go: nothing is missing, and what is committed never goes
// back.
func TestTwoMembersAndRebalances(t *testing.T) {
	r := newRig(t, 4)
	o := r.options()
	o.Age = 20 * time.Millisecond
	o.Topics = []string{"youzhi.cases.v1"}
	ctx, cancel := context.WithCancel(r.within())
	var watch sync.WaitGroup
	watch.Go(func() {
		high := map[int32]int64{}
		for ctx.Err() == nil {
			offsets, err := r.kafka.Offsets(ctx, group, o.Topics...)
			if err != nil {
				continue
			}
			for _, p := range offsets {
				if before, ok := high[p.Partition]; ok && p.Committed < before {
					t.Errorf("partition %d: committed went from %d back to %d", p.Partition, high[p.Partition], p.Committed)
				}
				high[p.Partition] = p.Committed
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	r.run(o)
	targets := Targets{}
	for i := range 4 {
		stop := r.run(o)
		for j := range 20 {
			acks, err := r.kafka.Write(ctx, "youzhi.cases.v1", many(i*2000+j*100, 100))
			if err != nil {
				t.Fatal(err)
			}
			targets.Add("youzhi.cases.v1", acks)
		}
		stop()
	}
	r.wait(targets)
	cancel()
	watch.Wait()
	r.books(8000, 0, 0)
}

// watched calls seen for each log line with its message.
type watched struct {
	slog.Handler
	seen func(slog.Record)
}

func (w watched) Enabled(context.Context, slog.Level) bool { return true }

func (w watched) Handle(_ context.Context, r slog.Record) error {
	w.seen(r)
	return nil
}

// What is in hand when the service is told to end is stored and committed.
func TestShutdownStoresWhatIsInHand(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.Age = time.Hour
	inHand := make(chan struct{}, 100)
	o.Logger = slog.New(watched{slog.DiscardHandler, func(record slog.Record) {
		if record.Message == "batch grows" {
			inHand <- struct{}{}
		}
	}})
	stop := r.run(o)
	r.write("youzhi.cases.v1", many(0, 50)...)
	select {
	case <-inHand:
	case <-r.within().Done():
		t.Fatal("nothing was fetched")
	}
	stop()
	r.books(50, 0, 0)
}

// Rows that ClickHouse refuses go to quarantine, alone; a table that refuses every
// row is waited for, and so is memory, with smaller inserts.
func TestRefusedRows(t *testing.T) {
	r := newRig(t, 1)
	ctx := r.within()
	exec := func(statement string) {
		t.Helper()
		if err := r.db.Exec(ctx, statement, nil); err != nil {
			t.Fatal(err)
		}
	}
	memory := r.db.Exec(ctx, "SELECT count() FROM (SELECT number FROM numbers(10000000) GROUP BY number) SETTINGS max_memory_usage = 1000000", nil)
	if queries.Code(memory) != memoryLimitExceeded {
		t.Fatalf("this should exceed the memory limit: %v", memory)
	}
	exec("ALTER TABLE events_cases ADD CONSTRAINT odd CHECK id NOT IN ('a-7', 'a-33')")
	o := r.options()
	o.Store = &sized{Store: r.db, largest: 20, err: memory}
	var mu sync.Mutex
	var reasons []string
	waits := make(chan struct{}, 1000)
	o.Health = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			reasons = append(reasons, err.Error())
			if strings.Contains(err.Error(), "insert_events") {
				waits <- struct{}{}
			}
		}
	}
	r.run(o)
	messages := many(0, 100)
	r.wait(r.write("youzhi.cases.v1", messages...))
	rows := r.quarantine()
	if len(rows) != 2 || rows[0].Offset != 7 || rows[1].Offset != 33 || rows[0].Code != CodeRefused || rows[0].Payload != string(messages[7].Value) {
		t.Errorf("in quarantine: %+v", rows)
	}
	r.books(98, 0, 2)

	exec("ALTER TABLE events_cases ADD CONSTRAINT none CHECK offset < 0")
	targets := r.write("youzhi.cases.v1", many(100, 300)...)
	select {
	case <-waits:
	case <-ctx.Done():
		t.Fatal("readiness never told of the refusals")
	}
	exec("ALTER TABLE events_cases DROP CONSTRAINT none")
	r.wait(targets)
	r.books(398, 0, 2)
	mu.Lock()
	defer mu.Unlock()
	if last := reasons[len(reasons)-1]; !strings.Contains(last, "none") {
		t.Errorf("the reason does not name the constraint: %s", last)
	}
}

// sized fails for inserts of more rows than it takes at once.
type sized struct {
	Store
	largest int
	err     error
}

func (s *sized) InsertEvents(ctx context.Context, name string, rows *queries.Events) error {
	if rows.Len() > s.largest {
		return fmt.Errorf("insert: %w", s.err)
	}
	return s.Store.InsertEvents(ctx, name, rows)
}

// The service makes the books by itself and records them.
func TestBooksAreMadeFromTimeToTime(t *testing.T) {
	r := newRig(t, 1)
	o := r.options()
	o.ReconcileEvery = 20 * time.Millisecond
	var ticks atomic.Int64
	o.Now = func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * time.Second) }
	r.run(o)
	r.wait(r.write("youzhi.cases.v1", many(0, 10)...))
	for ctx := r.within(); ctx.Err() == nil; {
		last, err := r.db.LastReconciliation(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(last) == len(event.Topics()) {
			if got := last[1]; got.Counted == 10 && got.Missing == 0 && got.Committed == 10 {
				return
			}
		}
	}
	t.Error("no reconciliation has the ten events")
}

func TestFreshness(t *testing.T) {
	r := newRig(t, 1)
	r.run(r.options())
	m := accepted(0, "s-1")
	m.Time = start.Add(time.Minute)
	r.wait(r.write("youzhi.cases.v1", accepted(1, "s-1"), m))
	got, err := r.db.Freshness(r.within(), "youzhi.cases.v1", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []queries.Newest{{Offset: 1, ReceivedAt: m.Time, Time: start}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none, err := r.db.Freshness(r.within(), "youzhi.surveys.v1", 0); err != nil || len(none) != 0 {
		t.Errorf("no events: %v, %v", none, err)
	}
}
