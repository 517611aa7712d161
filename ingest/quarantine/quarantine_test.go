package quarantine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

const group = "youzhi"

// start is where the clock of each test begins.
var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// rig is a broker, a database, an ingest and a quarantine with a clock that is set.
type rig struct {
	testing.TB
	kafka *topic.Client
	db    *queries.DB
	clock atomic.Int64 // unix ms
	log   logged
	room  *Room
}

type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newRig(t testing.TB) *rig {
	t.Helper()
	topics := map[string]int32{}
	for _, name := range event.Topics() {
		topics[name] = 2
	}
	kafka, err := topic.New(topic.Options{Brokers: embeddedtest.Broker(t, topics)})
	must(t, err)
	t.Cleanup(kafka.Close)
	r := &rig{TB: t, kafka: kafka, db: queriestest.Open(t)}
	r.clock.Store(start.UnixMilli())
	r.room = &Room{DB: r.db, Kafka: kafka, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Now: r.now, Who: "tester"}
	return r
}

func (r *rig) now() time.Time           { return time.UnixMilli(r.clock.Load()).UTC() }
func (r *rig) advance(by time.Duration) { r.clock.Add(by.Milliseconds()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) within() context.Context {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	r.Cleanup(cancel)
	return ctx
}

func (r *rig) ingest(counters consume.Counters) {
	r.Helper()
	s, err := consume.New(consume.Options{
		Kafka: r.kafka, Store: r.db, DB: r.db, Group: group, Topics: event.Topics(), Age: 20 * time.Millisecond,
		BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond, Counters: counters, Logger: slog.New(slog.DiscardHandler), Now: r.now,
	})
	must(r, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.Errorf("ingest: %v", err)
		}
	})
}

// send writes messages to the topic of cases and waits until they are stored.
func (r *rig) send(messages ...topic.Message) []topic.Acknowledgement {
	r.Helper()
	acks, err := r.kafka.Write(r.within(), event.TopicCases, messages)
	must(r, err)
	targets := consume.Targets{}
	targets.Add(event.TopicCases, acks)
	r.wait(targets)
	return acks
}

func (r *rig) wait(targets consume.Targets) {
	r.Helper()
	must(r, consume.WaitCommitted(r.within(), r.kafka, group, targets, nil))
}

func (r *rig) exec(statement string) {
	r.Helper()
	must(r, r.db.Exec(r.within(), statement, nil))
}

// books are offsets by what they hold, over all partitions.
func (r *rig) books() (rows, duplicates, quarantined int64) {
	r.Helper()
	b, err := consume.Reconcile(r.within(), r.kafka, r.db, group, event.Topics(), r.now())
	must(r, err)
	if !b.OK() {
		r.Errorf("the books do not add up: %v", b.Faults())
	}
	for i := range b.Partitions {
		p := &b.Partitions[i]
		rows, duplicates, quarantined = rows+p.Rows(), duplicates+p.Duplicates(), quarantined+p.Quarantined
	}
	return rows, duplicates, quarantined
}

// replay replays, waits and gives what was said, and what became of it.
func (r *rig) replay(o ReplayOptions) (*Outcome, string) {
	r.Helper()
	out, err := r.room.Replay(r.within(), o)
	must(r, err)
	r.wait(out.Targets)
	var text strings.Builder
	out.WriteText(&text)
	must(r, r.room.Became(r.within(), &text, out))
	return out, text.String()
}

func (r *rig) list(f queries.QuarantineFilter) []Message {
	r.Helper()
	var all []Message
	must(r, r.room.each(r.within(), f, 3, 0, func(part []Message) error {
		all = append(all, part...)
		return nil
	}))
	return all
}

// caseEvent is a good event; its note is what nobody may see.
func caseEvent(k int) topic.Message {
	subject := fmt.Sprintf("C%06d", k)
	at := start.Add(-time.Hour).Format(time.RFC3339)
	value := fmt.Sprintf(`{"specversion":"1.0","id":"a-%d","source":"/cn/post/core","type":"cn.post.case.accepted","subject":%q,"time":%q,"dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","promised_at":"2026-03-04T18:00:00+08:00","note":%q}}`, k, subject, at, secret)
	return topic.Message{Key: []byte(subject), Value: []byte(value), Time: start}
}

const secret = "张三 13800138000"

func message(value string) topic.Message {
	return topic.Message{Key: []byte("k"), Value: []byte(value), Time: start.Add(-time.Minute)}
}

// What was refused becomes events once what was wrong is mended: as many as were in
// quarantine, each once, however often they are written again.
func TestReplayBecomesEvents(t *testing.T) {
	r := newRig(t)
	// Something is wrong with the table: it takes no case from 100 on.
	r.exec("ALTER TABLE events_cases ADD CONSTRAINT odd CHECK subject < 'C000100'")
	r.ingest(consume.Counters{})
	const bad = 30
	var messages []topic.Message
	for k := range 10 {
		messages = append(messages, caseEvent(k))
	}
	for k := range bad {
		messages = append(messages, caseEvent(100+k))
	}
	r.send(messages...)
	r.send(message(`{"specversion":`), message(strings.Repeat("x", event.MaxSize+1)), topic.Message{Key: []byte("k"), Time: start})
	if rows, _, quarantined := r.books(); rows != 10 || quarantined != bad+3 {
		t.Fatalf("%d events, %d in quarantine", rows, quarantined)
	}
	f := queries.QuarantineFilter{Code: consume.CodeRefused}
	if _, said := r.replay(ReplayOptions{Filter: f, DryRun: true}); said != "would be replayed: 30\n  refused: 30\nrefused: 0\n" {
		t.Error(said)
	}
	if _, _, quarantined := r.books(); quarantined != bad+3 {
		t.Errorf("a dry run has written: %d", quarantined)
	}

	r.exec("ALTER TABLE events_cases DROP CONSTRAINT odd")
	r.advance(time.Minute)
	_, said := r.replay(ReplayOptions{Filter: f})
	if said != "replayed: 30\n  refused: 30\nrefused: 0\nbecame events: 30\n" {
		t.Error(said)
	}
	// Each is the event that it always was: the same key, bytes and record time.
	type row struct {
		Subject  string    `ch:"subject"`
		Received time.Time `ch:"received_at"`
		ID       string    `ch:"id"`
		Data     string    `ch:"data"`
	}
	var got []row
	must(t, r.db.Select(r.within(), &got, "SELECT subject, received_at, id, data FROM events_cases WHERE subject >= 'C000100' ORDER BY subject", nil))
	var want []row
	for k := range bad {
		m := caseEvent(100 + k)
		e, err := event.Decode(m.Value, m.Time, event.TopicCases)
		must(t, err)
		want = append(want, row{e.Subject, start, e.ID, string(e.Data)})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rows, duplicates, quarantined := r.books(); rows != 10+bad || duplicates != 0 || quarantined != bad+3 {
		t.Errorf("%d events, %d duplicates, %d in quarantine", rows, duplicates, quarantined)
	}
	for _, m := range r.list(f) {
		if m.Became() != "replayed, became event" || m.Replay.Times != 1 || !m.Replay.ReplayedAt.Equal(start.Add(time.Minute)) {
			t.Errorf("%s: %s, %+v", m.Place(), m.Became(), m.Replay)
		}
	}

	// A second time none is left; all the same it is safe.
	r.advance(time.Minute)
	if _, said := r.replay(ReplayOptions{Filter: f}); said != "replayed: 0\nrefused: 0\nleft out: 30 were replayed before; --again writes them once more, which is safe: an event counts once\n" {
		t.Error(said)
	}
	if _, said := r.replay(ReplayOptions{Filter: f, Again: true, Limit: 12}); said != "replayed: 12\n  refused: 12\nrefused: 0\nbecame events: 12\n" {
		t.Error(said)
	}
	if rows, duplicates, _ := r.books(); rows != 10+bad || duplicates != 12 {
		t.Errorf("%d events, %d duplicates", rows, duplicates)
	}
}

// What is still bad comes back to quarantine as a message of its own, which is the
// one to be replayed then; nothing goes round in a circle.
func TestReplayComesBack(t *testing.T) {
	r := newRig(t)
	r.ingest(consume.Counters{})
	for i := range 7 {
		r.send(message(fmt.Sprintf(`{"n":%d,`, i)))
	}
	for round := 1; round <= 3; round++ {
		r.advance(time.Minute)
		_, said := r.replay(ReplayOptions{})
		want := "replayed: 7\n  json: 7\nrefused: 0\n"
		if round > 1 {
			want += fmt.Sprintf("left out: %d were replayed before; --again writes them once more, which is safe: an event counts once\n", 7*(round-1))
		}
		if want += "became events: 0\nback in quarantine, json: 7\n"; said != want {
			t.Errorf("round %d: %s", round, said)
		}
		if _, _, quarantined := r.books(); quarantined != int64(7*(round+1)) {
			t.Errorf("round %d: %d in quarantine", round, quarantined)
		}
	}
	states := map[string]int{}
	for _, m := range r.list(queries.QuarantineFilter{}) {
		states[m.Became()]++
		if !m.ReceivedAt.Equal(start.Add(-time.Minute)) {
			t.Errorf("another record time: %s", m.ReceivedAt)
		}
	}
	if diff := cmp.Diff(map[string]int{"": 7, "replayed, back in quarantine: json": 21}, states); diff != "" {
		t.Error(diff)
	}
}

// A topic that was made anew has another log, with places of its own: what was
// replayed is found there.
func TestReplayIntoANewLog(t *testing.T) {
	r := newRig(t)
	must(t, r.db.InsertTopicLog(r.within(), queries.TopicLog{Topic: event.TopicCases, ID: [16]byte{1}, Since: start}))
	r.exec("ALTER TABLE events_cases ADD CONSTRAINT odd CHECK subject = 'C000000'")
	r.ingest(consume.Counters{})
	r.send(caseEvent(0), caseEvent(1), caseEvent(2), message(`{`))
	r.exec("ALTER TABLE events_cases DROP CONSTRAINT odd")
	r.advance(time.Minute)
	if _, said := r.replay(ReplayOptions{}); said != "replayed: 3\n  json: 1\n  refused: 2\nrefused: 0\nbecame events: 2\nback in quarantine, json: 1\n" {
		t.Error(said)
	}
	for _, m := range r.list(queries.QuarantineFilter{Code: consume.CodeRefused}) {
		if !strings.HasPrefix(m.Place().String(), "youzhi.cases.v1/log1/") || !strings.HasPrefix(m.Replay.NewPlace().String(), "youzhi.cases.v1/log1/") || lineOf(&m).Log != 1 || lineOf(&m).Partition > 1 {
			t.Errorf("%s, replayed at %s", m.Place(), m.Replay.NewPlace())
		}
	}
}

// What can't be written again is refused, named with its reason, and nothing of it
// is written.
func TestReplayRefuses(t *testing.T) {
	r := newRig(t)
	row := func(offset int64, code, payload string, change func(*queries.QuarantineRow)) queries.QuarantineRow {
		out := queries.QuarantineRow{
			Topic: event.TopicCases, Offset: offset, ReceivedAt: start, StoredAt: start, Code: code,
			Key: []byte("k"), Payload: []byte(payload), Size: uint64(len(payload)), SHA256: sha256.Sum256([]byte(payload)),
		}
		if change != nil {
			change(&out)
		}
		return out
	}
	must(t, r.db.InsertQuarantine(r.within(), []queries.QuarantineRow{
		row(0, "oversize", "{", func(q *queries.QuarantineRow) { q.Size = 2 << 20 }),
		row(1, "json", "{", func(q *queries.QuarantineRow) { q.StoredAt = start.Add(-40 * 24 * time.Hour) }),
		row(2, "empty", "", nil),
		row(3, consume.CodeMarker, "\x00\x00\x00\x01", nil),
		row(4, consume.CodeAborted, "{", nil),
		row(5, consume.CodeTimestamp, "{", nil),
		row(6, "json", "{", func(q *queries.QuarantineRow) { q.Key = bytes.Repeat([]byte("k"), 64<<10) }),
		row(7, "json", "{", func(q *queries.QuarantineRow) { q.SHA256[0]++ }),
	}))
	if n, err := r.db.EmptyQuarantine(r.within(), start.Add(-30*24*time.Hour), start); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	out, said := r.replay(ReplayOptions{})
	want := map[string][]queries.Place{}
	for offset, why := range []string{whyOversize, whyEmptied, whyNothing, whyMarker, whyAborted, whyTime, whyKey, whyHash} {
		want[why] = []queries.Place{{Topic: event.TopicCases, Offset: int64(offset)}}
	}
	if diff := cmp.Diff(want, out.Refused); diff != "" || len(out.Written) > 0 {
		t.Errorf("%s\nwritten: %v", diff, out.Written)
	}
	if !strings.HasPrefix(said, "replayed: 0\nrefused: 8\n") || !strings.Contains(said, "only the first 64 KiB are kept, not the message: 1\n    youzhi.cases.v1/0/0\n") {
		t.Error(said)
	}
	offsets, err := r.kafka.Offsets(r.within(), group, event.TopicCases)
	must(t, err)
	for _, o := range offsets {
		if o.End != 0 {
			t.Errorf("%d messages are in the log", o.End)
		}
	}
}

// Lists have no bytes of a message; what shows them says so in the log, and not
// what it shows.
func TestLooks(t *testing.T) {
	r := newRig(t)
	r.ingest(consume.Counters{})
	text := `{"source":"/cn/post/core","note":"` + secret + `"`
	binary := "\xff\x00\x1b[31m" + secret
	acks := r.send(message(text), message(binary), message("tab\tand\nline\x1b[2J"))
	place := func(i int) queries.Place {
		return queries.Place{Topic: event.TopicCases, Partition: acks[i].Partition, Offset: acks[i].Offset}
	}
	ctx := r.within()
	for _, format := range []string{FormatTable, FormatJSON, FormatCSV} {
		var out bytes.Buffer
		must(t, r.room.List(ctx, &out, queries.QuarantineFilter{}, 0, format))
		must(t, r.room.Count(ctx, &out, queries.QuarantineFilter{}, 0, format))
		if s := out.String(); strings.Contains(s, "13800138000") || !strings.Contains(s, "/cn/post/core") || !strings.Contains(s, "utf8") {
			t.Errorf("%s:\n%s", format, s)
		}
	}
	var lines []struct {
		Offset int64
		Code   string
		Kept   string
		SHA256 string
	}
	var out bytes.Buffer
	must(t, r.room.List(ctx, &out, queries.QuarantineFilter{Code: "utf8"}, 10, FormatJSON))
	must(t, json.Unmarshal(out.Bytes(), &lines))
	sum := sha256.Sum256([]byte(binary))
	if len(lines) != 1 || lines[0].SHA256 != hex.EncodeToString(sum[:]) || lines[0].Kept != "whole" {
		t.Errorf("%+v", lines)
	}
	out.Reset()
	must(t, r.room.Count(ctx, &out, queries.QuarantineFilter{}, 0, FormatCSV))
	counts, err := csv.NewReader(&out).ReadAll()
	must(t, err)
	want := [][]string{
		{"topic", "code", "source", "messages", "oldest", "newest"},
		{event.TopicCases, "json", "", "1", "2026-03-01T15:59:00+08:00", "2026-03-01T15:59:00+08:00"},
		{event.TopicCases, "json", "/cn/post/core", "1", "2026-03-01T15:59:00+08:00", "2026-03-01T15:59:00+08:00"},
		{event.TopicCases, "utf8", "", "1", "2026-03-01T15:59:00+08:00", "2026-03-01T15:59:00+08:00"},
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}

	for i, wanted := range [][]string{
		{text + "\n", "the whole, and its hash is right", "code      json", "key (1 bytes)\nk\n"},
		{"ff 00 1b 5b 33 31 6d e5"},
		{"74 61 62 09"},
	} {
		out.Reset()
		must(t, r.room.Show(ctx, &out, place(i)))
		for _, part := range wanted {
			if !strings.Contains(out.String(), part) {
				t.Errorf("no %q in\n%s", part, &out)
			}
		}
		if strings.ContainsRune(out.String(), '\x1b') {
			t.Errorf("a terminal would obey:\n%q", &out)
		}
	}
	if err := r.room.Show(ctx, &out, queries.Place{Topic: event.TopicCases, Offset: 99}); err == nil {
		t.Error("a message that is not there is shown")
	}

	path := filepath.Join(t.TempDir(), "bad.ndjson")
	n, err := r.room.Export(ctx, path, queries.QuarantineFilter{}, 0)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if n != 3 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d messages, mode %o", n, info.Mode().Perm())
	}
	content, err := os.ReadFile(path)
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(content)) {
		var m struct {
			Topic     string `json:"topic"`
			Partition int32  `json:"partition"`
			Offset    int64  `json:"offset"`
			Key       string `json:"key_base64"`
			Payload   string `json:"payload_base64"`
		}
		must(t, json.Unmarshal([]byte(line), &m))
		payload, err := base64.StdEncoding.DecodeString(m.Payload)
		must(t, err)
		got[fmt.Sprintf("%s/%d/%d %s", m.Topic, m.Partition, m.Offset, m.Key)] = string(payload)
	}
	if diff := cmp.Diff(map[string]string{place(0).String() + " aw==": text, place(1).String() + " aw==": binary, place(2).String() + " aw==": "tab\tand\nline\x1b[2J"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := r.room.Export(ctx, path, queries.QuarantineFilter{}, 0); err == nil {
		t.Error("a file is overwritten")
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, content) {
		t.Errorf("the file was touched: %v", err)
	}
	// A file that is not whole does not stay.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	half := filepath.Join(t.TempDir(), "half.ndjson")
	if _, err := r.room.Export(ended, half, queries.QuarantineFilter{}, 0); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("half a file is left: %v", err)
	}

	said := r.log.String()
	if strings.Count(said, "bytes of a message in quarantine are shown") != 3 || strings.Count(said, "are exported") != 2 || !strings.Contains(said, "who=tester place=youzhi.cases.v1/") {
		t.Error(said)
	}
	if strings.Contains(said, "13800138000") || strings.Contains(said, "张三") {
		t.Errorf("the log has what nobody may see:\n%s", said)
	}
}

func TestParse(t *testing.T) {
	f, err := ParseFilter(event.TopicCases, "json", "/cn", "2026-03-01", "2026-03-02T00:00:00Z")
	must(t, err)
	if want := (queries.QuarantineFilter{Topic: event.TopicCases, Code: "json", Source: "/cn", Since: time.Date(2026, 2, 28, 16, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}); !f.Since.Equal(want.Since) || !f.Until.Equal(want.Until) || f.Topic != want.Topic {
		t.Errorf("%+v", f)
	}
	for _, c := range [][5]string{
		{"cases"}, {"", "jsn"}, {"", "", "", "yesterday"}, {"", "", "", "", "2026-02-30"}, {"", "", "", "2026-03-02", "2026-03-01"}, {"", "", "", "2026-03-01", "2026-03-01"},
	} {
		if _, err := ParseFilter(c[0], c[1], c[2], c[3], c[4]); err == nil {
			t.Errorf("%q is taken", c)
		}
	}
	if CheckFormat("xml") == nil {
		t.Error("xml is taken")
	}
}
