package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
)

// listedMessage is a line of `youzhi quarantine list --format json`.
type listedMessage struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Code      string `json:"code"`
	Source    string `json:"source"`
	Kept      string `json:"kept"`
	Replay    *struct {
		State string `json:"state"`
	} `json:"replay"`
}

func (m listedMessage) place() string { return fmt.Sprintf("%s/%d/%d", m.Topic, m.Partition, m.Offset) }

func (d *desk) quarantined(args ...string) (list []listedMessage) {
	d.Helper()
	if err := json.Unmarshal([]byte(d.must(append([]string{"quarantine", "list", "--format", "json", "--limit", "0"}, args...)...)), &list); err != nil {
		d.Fatal(err)
	}
	return list
}

// A person's way with bad messages, beside the running services: seen, looked at,
// exported, and replayed once what was wrong is mended.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	d := withEngine(t)
	folder := "data"
	s := d.pages(folder)
	text, err := os.ReadFile(filepath.Join(d.dir, folder, "holder.json"))
	if err != nil {
		t.Fatal(err)
	}
	var holder struct{ Brokers []string }
	if err := json.Unmarshal(text, &holder); err != nil {
		t.Fatal(err)
	}
	kafka, err := topic.New(topic.Options{Brokers: holder.Brokers})
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	const hidden = "zhangsan-13800138000"
	at := time.Now().Add(-time.Hour)
	message := func(value string) topic.Message {
		return topic.Message{Key: []byte(hidden), Value: []byte(value), Time: at}
	}
	accepted := func(k int) topic.Message {
		return message(fmt.Sprintf(`{"specversion":"1.0","id":"a-%d","source":"/cn/post/core","type":"cn.post.case.accepted","subject":"C-%d","time":"2026-03-01T08:00:00Z","dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","promised_at":"2026-03-04T18:00:00+08:00","note":%q}}`, k, k, hidden))
	}
	write := func(messages ...topic.Message) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := kafka.Write(ctx, event.TopicCases, messages); err != nil {
			t.Fatal(err)
		}
	}
	sql := d.serve(folder)
	defer sql.stop()
	// The table is at fault: it takes no case but the first.
	sql.ask("ALTER TABLE events_cases ADD CONSTRAINT odd CHECK subject = 'C-0'")
	write(accepted(0), accepted(1), accepted(2), accepted(3), message(`{"source":"/cn/post/agents","note":"`+hidden+`",`), message(strings.Repeat("x", 3<<20)), message(""))
	here := []string{"--data", folder}
	s.until("six messages in quarantine", func() bool { return len(d.quarantined(here...)) == 6 })

	if said := d.must(append(here, "quarantine", "list", "--by", "reason", "--format", "csv", "--code", "refused")...); !strings.HasPrefix(said, "topic,code,source,messages,") || !strings.Contains(said, "youzhi.cases.v1,refused,/cn/post/core,3,") {
		t.Error(said)
	}
	bad := d.quarantined(append(here, "--source", "/cn/post/agents")...)
	if len(bad) != 1 || bad[0].Code != "json" || bad[0].Kept != "whole" {
		t.Fatalf("%+v", bad)
	}
	shown := d.run(append(here, "quarantine", "show", bad[0].place())...)
	if shown.code != 0 || !strings.Contains(shown.out, hidden) || !strings.Contains(shown.out, "the whole, and its hash is right") || strings.Contains(shown.err, hidden) || !strings.Contains(shown.err, "are shown") {
		t.Errorf("%+v", shown)
	}
	exported := d.run(append(here, "quarantine", "export", "--out", "bad.ndjson")...)
	content, err := os.ReadFile(filepath.Join(d.dir, "bad.ndjson"))
	if err != nil || exported.code != 0 || exported.out != "6 messages in bad.ndjson\n" || bytes.Count(content, []byte("\n")) != 6 || strings.Contains(exported.err, hidden) {
		t.Errorf("%+v, %v", exported, err)
	}
	if info, err := os.Stat(filepath.Join(d.dir, "bad.ndjson")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, path := range []string{"/quarantine", "/data", "/api/v1/quarantine"} {
		if strings.Contains(s.get(path), "13800138000") {
			t.Errorf("%s shows bytes", path)
		}
	}

	d.fails([]string{"--code", "want one of"}, append(here, "quarantine", "list", "--code", "jsn")...)
	d.fails([]string{"--format", "want table, json or csv"}, append(here, "quarantine", "list", "--format", "x")...)
	d.fails([]string{"want TOPIC/PARTITION/OFFSET"}, append(here, "quarantine", "show", "youzhi.cases.v1")...)
	d.fails([]string{"no message is in quarantine"}, append(here, "quarantine", "show", "youzhi.cases.v1/0/999")...)
	d.fails([]string{"bad.ndjson", "exists"}, append(here, "quarantine", "export", "--out", "bad.ndjson")...)
	d.fails([]string{"--all"}, append(here, "quarantine", "replay")...)

	if said := d.must(append(here, "quarantine", "replay", "--all", "--dry-run")...); !strings.HasPrefix(said, "would be replayed: 4\n  json: 1\n  refused: 3\nrefused: 2\n") {
		t.Error(said)
	}
	sql.ask("ALTER TABLE events_cases DROP CONSTRAINT odd")
	if said := d.must(append(here, "quarantine", "replay", "--code", "refused")...); said != "replayed: 3\n  refused: 3\nrefused: 0\nbecame events: 3\n" {
		t.Error(said)
	}
	if said := d.must(append(here, "quarantine", "replay", "--all")...); !strings.Contains(said, "replayed: 1\n") || !strings.Contains(said, "back in quarantine, json: 1\n") || !strings.Contains(said, "left out: 3 were replayed before") {
		t.Error(said)
	}
	if got := sql.ask("SELECT uniqExact(id), count() FROM events_cases"); got != "4\t4" {
		t.Errorf("events: %s", got)
	}
	for _, m := range d.quarantined(append(here, "--code", "refused")...) {
		if m.Replay == nil || m.Replay.State != "event" {
			t.Errorf("%+v", m)
		}
	}
	// The running jobs fold what was mended.
	s.until("the mended cases", func() bool { return sql.ask("SELECT uniqExact(subject) FROM cases FINAL") == "4" })
	said := d.must("reconcile", "--data", folder)
	if got, want := readBooks(t, said), (books{consumed: 11, rows: 4, quarantined: 7}); got != want || !strings.Contains(said, addUp) {
		t.Errorf("books %+v, want %+v\n%s", got, want, said)
	}
}
