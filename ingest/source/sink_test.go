package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
)

const simpleMapping = `
name: simple
source: /simple
time: {layouts: datetime, zone: Asia/Shanghai}
inputs:
  - name: rows
    files: rows.csv
    key: id
    subject: "{id}"
    events:
      - {type: cn.post.case.submitted, time: {column: at}, data: {channel: online, product: e_comm, region: "330100"}}
      - {type: cn.post.case.delivered, time: {column: at}}
      - {type: cn.post.survey.invited, time: {column: at}, data: {instrument: csat, case_id: {column: id}}}
`

// simple writes the mapping and a file with so many rows.
func simple(t testing.TB, rows int) Options {
	t.Helper()
	dir := t.TempDir()
	var text bytes.Buffer
	text.WriteString("id,at,text\n")
	for i := range rows {
		fmt.Fprintf(&text, "C%d,2026-02-13 16:%02d:%02d,\"nobody, reads\nthis\"\n", i, i/60%60, i%60)
	}
	o := Options{Mapping: filepath.Join(dir, "map.yaml"), Inputs: []string{filepath.Join(dir, "rows.csv")}, Now: now}
	for name, content := range map[string][]byte{o.Mapping: []byte(simpleMapping), o.Inputs[0]: text.Bytes()} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestImportSendsInBatches(t *testing.T) {
	o := simple(t, 12_000)
	sink := &log{}
	o.Sink = sink
	r, err := Import(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []End{{Topic: event.TopicCases, Offset: 24_000}, {Topic: event.TopicSurveys, Offset: 12_000}}
	if diff := cmp.Diff(want, r.Ends); diff != "" || r.Sent() != 36_000 || sink.writes < 10 {
		t.Errorf("%d writes, %d events\n%s", sink.writes, r.Sent(), diff)
	}
	for _, m := range sink.messages[event.TopicCases] {
		if !m.Time.Equal(now()) {
			t.Fatalf("time of the record %s", m.Time)
		}
	}
}

// A log that takes no more ends the import; what it took stays known.
func TestImportWhenTheLogFails(t *testing.T) {
	o := simple(t, 5_000)
	o.Sink = &log{full: 4_000}
	r, err := Import(context.Background(), o)
	if !errors.Is(err, errFull) || errors.Is(err, ErrBadRows) || !strings.HasPrefix(err.Error(), "import simple: ") {
		t.Error(err)
	}
	if diff := cmp.Diff([]End{{Topic: event.TopicCases, Offset: 4_000}, {Topic: event.TopicSurveys, Offset: 1_667}}, r.Ends); diff != "" || r.Sent() != 5_001 {
		t.Errorf("%d sent\n%s", r.Sent(), diff)
	}
}

func TestImportIsCancelled(t *testing.T) {
	o := simple(t, 5_000)
	sink := &log{}
	o.Sink = sink
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Import(ctx, o); !errors.Is(err, context.Canceled) || sink.writes > 0 {
		t.Errorf("%v after %d writes", err, sink.writes)
	}
}

// What is read must not be overwritten by the list of bad rows.
func TestRejectsIsNoInput(t *testing.T) {
	o := simple(t, 1)
	for _, name := range []string{o.Inputs[0], o.Mapping} {
		o.Rejects = name
		if _, err := Import(context.Background(), o); err == nil || !strings.Contains(err.Error(), "is read by this import") {
			t.Error(err)
		}
	}
	o.Rejects = filepath.Join(t.TempDir(), "no", "folder.csv")
	if _, err := Import(context.Background(), o); err == nil || !strings.Contains(err.Error(), "list of bad rows: open ") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	o := simple(t, 1)
	if err := Check(o); err != nil {
		t.Error(err)
	}
	o.Inputs = append(o.Inputs, filepath.Join(t.TempDir(), "nothing"))
	if err := Check(o); err == nil {
		t.Error("no fault found")
	}
}

// clock goes on by a second whenever it is asked.
func clock() func() time.Time {
	at := now()
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func TestProgress(t *testing.T) {
	o := simple(t, 2_000)
	var lines, bar bytes.Buffer
	o.Sink, o.Progress, o.Now = &log{}, &lines, clock()
	if _, err := Import(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(lines.String()), "\n")
	last := "import simple: 100 %, 2000 rows, 6000 events, 0 bad rows"
	if len(got) < 2 || got[len(got)-1] != last || strings.ContainsAny(lines.String(), "\r\x1b") {
		t.Errorf("%q", got)
	}
	o.Sink, o.Progress, o.Terminal = &log{}, &bar, true
	if _, err := Import(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if text := bar.String(); !strings.Contains(text, "import simple") || !strings.Contains(text, "\r") || !strings.HasSuffix(text, last+"\n") {
		t.Errorf("%q", text)
	}
	o.Progress, o.Terminal = failing{}, false
	if _, err := Import(context.Background(), o); err == nil || !strings.Contains(err.Error(), "write progress") {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// watcher measures the memory while an import runs and keeps no message.
type watcher struct{ most uint64 }

func (w *watcher) Write(_ context.Context, _ string, messages []topic.Message) ([]topic.Acknowledgement, error) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	return make([]topic.Acknowledgement, len(messages)), nil
}

// Eight times the rows do not need more memory, since only a batch of them is held.
func TestMemoryIsFlat(t *testing.T) {
	var most [2]uint64
	for i, rows := range []int{4_000, 32_000} {
		o, w := simple(t, rows), &watcher{}
		o.Sink = w
		if _, err := Import(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		most[i] = w.most
	}
	if most[1] > most[0]+4<<20 {
		t.Errorf("%d bytes for 4,000 rows, %d for 32,000", most[0], most[1])
	}
}

// The same through a broker: what is consumed is what was sent, in the partition
// of its key, up to the offsets that the import names.
func TestImportIntoKafka(t *testing.T) {
	ctx := context.Background()
	broker, err := embedded.OpenBroker(ctx, t.TempDir(), map[string]int32{event.TopicCases: 3, event.TopicSurveys: 2}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := topic.New(topic.Options{Brokers: broker.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	o := simple(t, 3_000)
	o.Sink = client
	first, err := Import(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(ends []End) map[string]int64 {
		out := make(map[string]int64)
		for _, e := range ends {
			out[e.Topic] += e.Offset
		}
		return out
	}
	want := map[string]int64{event.TopicCases: 6_000, event.TopicSurveys: 3_000}
	if diff := cmp.Diff(want, sum(first.Ends)); diff != "" || len(first.Ends) != 5 {
		t.Errorf("%d ends\n%s", len(first.Ends), diff)
	}
	offsets, err := client.Offsets(ctx, "nobody", event.TopicCases, event.TopicSurveys)
	if err != nil {
		t.Fatal(err)
	}
	var ends []End
	for _, p := range offsets {
		ends = append(ends, End{Topic: p.Topic, Partition: p.Partition, Offset: p.End})
	}
	if diff := cmp.Diff(ends, first.Ends); diff != "" {
		t.Error(diff)
	}
}
