package consume

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// recorded is the Kafka timestamp that the bad samples are bad for: one of them is
// of a microsecond later than may be.
var recorded = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// sampleCode is the code that the name of a bad sample says, bad-CODE-why.json;
// empty for a good one.
func sampleCode(t testing.TB, path string) string {
	t.Helper()
	parts := strings.SplitN(strings.TrimSuffix(filepath.Base(path), ".json"), "-", 3)
	if parts[0] != "bad" {
		return ""
	}
	if !slices.Contains(event.Codes(), event.Code(parts[1])) {
		t.Fatalf("%s names no code", path)
	}
	return parts[1]
}

// badMessage is a message that is none of the contract, and what is expected of it.
type badMessage struct {
	name, topic, code string
	value             []byte
}

// badMessages are the samples of the contract and what is too big for a file of it.
func badMessages(t testing.TB) (out []badMessage) {
	t.Helper()
	err := filepath.WalkDir("../event/testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		code := sampleCode(t, path)
		if code == "" {
			return nil
		}
		value, err := os.ReadFile(path)
		// The folder names the type, and that the topic; those of the envelope are of
		// cases, but for the one that lies on another topic than its own.
		name, ok := event.TopicOf(filepath.Base(filepath.Dir(path)))
		if !ok {
			name = event.TopicCases
		}
		if code == string(event.CodeWrongTopic) {
			name = event.TopicSurveys
		}
		out = append(out, badMessage{path, name, code, value})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 200 {
		t.Fatalf("%d bad samples", len(out))
	}
	good := string(accepted(1, "s-81").Value)
	change := func(old, with string) []byte {
		if !strings.Contains(good, old) {
			t.Fatalf("the event has no %s", old)
		}
		return []byte(strings.Replace(good, old, with, 1))
	}
	// padded is an event that is good but for its length, in bytes.
	padded := func(size int) []byte {
		return change(`"0123456789"`, `"`+strings.Repeat("9", size-len(good)+10)+`"`)
	}
	add := func(name string, code event.Code, value []byte) {
		out = append(out, badMessage{name, event.TopicCases, string(code), value})
	}
	add("tombstone", event.CodeEmpty, nil)
	add("no bytes", event.CodeEmpty, []byte{})
	add("one byte more than the largest", event.CodeOversize, padded(event.MaxSize+1))
	for _, mib := range []int{3, 5, 8} {
		size := mib << 20
		if size > topic.MaxMessage-64 {
			size = topic.MaxMessage - 64 // room for the key
		}
		add(fmt.Sprintf("%d MiB", mib), event.CodeOversize, padded(size))
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(i * 167 >> 3)
		}
		add(fmt.Sprintf("%d MiB of no text", mib), event.CodeOversize, noise)
	}
	add("bytes that are not UTF-8", event.CodeUTF8, change("杭州", "\xff\xfe"))
	add("half of a surrogate pair", event.CodeUTF8, change("杭州", `\ud83d`))
	add("NaN", event.CodeJSON, change(`"杭州"`, `NaN`))
	add("infinity", event.CodeJSON, change(`"杭州"`, `-Infinity`))
	add("depth bomb", event.CodeDepth, []byte(strings.Repeat("[", 1<<20)))
	add("depth bomb that is closed", event.CodeDepth, change(`"杭州"`, strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_000)))
	add("byte order mark", event.CodeJSON, append([]byte("\xef\xbb\xbf"), good...))
	add("a key twice", event.CodeDuplicateKey, change(`"id":"a-1"`, `"id":"a-1","id":"a-2"`))
	add("a key twice, deep inside", event.CodeDuplicateKey, change(`"杭州"`, `{"a":[{"b":1,"b":1}]}`))
	return out
}

// The whole line of what has to be true: every bad sample is in quarantine, all of
// them, with the right code, its bytes equal by hash; of an oversize one the first
// 64 KiB, the hash and the size of the whole.
func TestEveryBadSample(t *testing.T) {
	r := newRig(t, 2)
	messages := badMessages(t)
	r.run(r.options())
	targets := Targets{}
	want := map[queries.Place]badMessage{}
	var neighbours int64
	for i, m := range messages {
		// Good events beside them are stored whatever comes before.
		if i%20 == 0 {
			acks, err := r.kafka.Write(r.within(), event.TopicCases, []topic.Message{accepted(1000+i, "s-1")})
			if err != nil {
				t.Fatal(err)
			}
			targets.Add(event.TopicCases, acks)
			neighbours++
		}
		acks, err := r.kafka.Write(r.within(), m.topic, []topic.Message{{Key: fmt.Appendf(nil, "bad-%d", i), Value: m.value, Time: recorded}})
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		targets.Add(m.topic, acks)
		want[queries.Place{Topic: m.topic, Partition: acks[0].Partition, Offset: acks[0].Offset}] = m
	}
	r.wait(targets)

	places := make([]queries.Place, 0, len(want))
	for at := range want {
		places = append(places, at)
	}
	counted, oversize := map[string]int{}, 0
	for part := range slices.Chunk(places, 50) {
		records, err := r.db.QuarantineRecords(r.within(), part)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != len(part) {
			t.Errorf("%d of %d messages are in quarantine", len(records), len(part))
		}
		for _, got := range records {
			m := want[got.Place()]
			sum := sha256.Sum256(m.value)
			if got.Code != m.code {
				t.Errorf("%s: code %s, want %s (%s)", m.name, got.Code, m.code, got.Detail)
			}
			if got.SHA256 != hex.EncodeToString(sum[:]) || got.Size != uint64(len(m.value)) {
				t.Errorf("%s: hash %s and %d bytes, want %x and %d", m.name, got.SHA256, got.Size, sum, len(m.value))
			}
			kept := m.value
			if m.code == string(event.CodeOversize) {
				kept, oversize = m.value[:64<<10], oversize+1
			} else if stored := sha256.Sum256([]byte(got.Payload)); stored != sum {
				t.Errorf("%s: what is kept has another hash", m.name)
			}
			if !bytes.Equal([]byte(got.Payload), kept) {
				t.Errorf("%s: %d bytes are kept, want the first %d", m.name, len(got.Payload), len(kept))
			}
			if got.Source != event.SourceHint(kept) || !got.StoredAt.Equal(start) || !got.ReceivedAt.Equal(recorded) || got.Emptied() {
				t.Errorf("%s: source %q, stored %s, received %s", m.name, got.Source, got.StoredAt, got.ReceivedAt)
			}
			counted[got.Code]++
		}
	}
	for _, code := range event.Codes() {
		if counted[string(code)] == 0 {
			t.Errorf("no message is in quarantine as %s", code)
		}
	}
	if oversize != 7 {
		t.Errorf("%d oversize messages, want 7", oversize)
	}
	r.books(neighbours, 0, int64(len(messages)))
	t.Logf("%d bad messages, all in quarantine: %v", len(messages), counted)
}

// A redelivered message is one message, of which the row stored last counts.
func TestRedeliveredIsOneMessage(t *testing.T) {
	r := newRig(t, 1)
	message := topic.Message{Key: []byte("k"), Value: []byte(`{"source":"/cn/post/core",`), Time: start}
	name := "youzhi.cases.v1"
	o := r.options()
	stop := r.run(o)
	r.wait(r.write(name, message, message))
	stop()
	// Another group reads all of it again, later.
	o.Group = "again"
	o.Now = func() time.Time { return start.Add(time.Hour) }
	r.run(o)
	targets := Targets{}
	targets.Add(name, []topic.Acknowledgement{{Partition: 0, Offset: 1}})
	if err := WaitCommitted(r.within(), r.kafka, "again", targets, nil); err != nil {
		t.Fatal(err)
	}
	list, err := r.db.QuarantineMessages(r.within(), queries.QuarantineFilter{Source: "/cn/post/core"}, queries.QuarantineCursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := r.db.QuarantineCounts(r.within(), queries.QuarantineFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || len(counts) != 1 || counts[0].N != 2 || !list[0].StoredAt.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v\n%+v", list, counts)
	}
	r.books(0, 0, 2)
}

// Of a message that was too long to be held there are its beginning, its length and
// its hash; a long key does not keep a good message from being read.
func TestCutMessages(t *testing.T) {
	var decoder event.Decoder
	good := accepted(1, "s-1")
	sum := sha256.Sum256([]byte("the whole"))
	b := decode(&decoder, "youzhi.cases.v1", 7, topic.Chunk{Records: []topic.Record{
		{Offset: 3, Time: start, Value: make([]byte, topic.Beginning), Cut: &topic.Cut{Value: 5 << 30, SHA256: sum}},
		{Offset: 4, Time: start, Key: make([]byte, topic.Beginning), Value: good.Value, Cut: &topic.Cut{Key: 3 << 20, Value: int64(len(good.Value)), SHA256: sha256.Sum256(good.Value)}},
		{Offset: 5, Time: start, Key: make([]byte, topic.Beginning), Value: []byte("{"), Cut: &topic.Cut{Key: 3 << 20, Value: 1, SHA256: sha256.Sum256([]byte("{"))}},
	}})
	if n := b.parts[0].Len(); n != 1 || len(b.quarantine) != 2 {
		t.Fatalf("%d events and %d in quarantine", n, len(b.quarantine))
	}
	if row := b.quarantine[0]; row.Code != string(event.CodeOversize) || row.Size != 5<<30 || row.SHA256 != sum || len(row.Payload) != topic.Beginning || !strings.HasPrefix(row.Detail, "5368709120 bytes") {
		t.Errorf("long message: %+v", row)
	}
	if row := b.quarantine[1]; row.Code != string(event.CodeJSON) || row.Size != 1 || row.SHA256 != sha256.Sum256([]byte("{")) || !strings.HasSuffix(row.Detail, "key cut from 3145728 to 65536 bytes") {
		t.Errorf("long key: %s, %s", row.Code, row.Detail)
	}
}
