package quarantine

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

func (r *rig) watch() (*Watch, map[string]float64) {
	r.Helper()
	gauges := map[string]float64{}
	w, err := NewWatch(WatchOptions{
		DB: r.db, Keep: 30 * 24 * time.Hour, AlarmRatio: 0.01, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Now: r.now,
		Ratio: func(v float64, labels ...string) { gauges["ratio "+labels[0]] = v },
		Alarm: func(v float64, labels ...string) { gauges["alarm "+labels[0]] = v },
	})
	must(r, err)
	return w, gauges
}

// A share above the limit is told once, with its numbers, and once when it is over.
func TestAlarm(t *testing.T) {
	r := newRig(t)
	w, gauges := r.watch()
	c := w.Counters(consume.Counters{})
	const name = event.TopicCases
	look := func(alarm, ratio float64, begun, ended int) {
		t.Helper()
		must(t, w.look(r.within()))
		if gauges["alarm "+name] != alarm || gauges["ratio "+name] != ratio {
			t.Errorf("%v, want alarm %v and ratio %v", gauges, alarm, ratio)
		}
		said := r.log.String()
		if got := [2]int{strings.Count(said, "too many messages go to quarantine"), strings.Count(said, "in its limit again")}; got != [2]int{begun, ended} {
			t.Errorf("told %v times, want %d and %d:\n%s", got, begun, ended, said)
		}
	}
	c.Quarantined(99, name, "json")
	look(0, 1, 0, 0) // all of too few
	c.Events(9801, name)
	look(0, 0.01, 0, 0) // at the limit
	c.Quarantined(1, name, "type")
	look(1, 100./9901, 1, 0)
	look(1, 100./9901, 1, 0)
	// What no producer sent counts on neither side.
	c.Quarantined(1_000_000, name, consume.CodeMarker)
	c.Quarantined(1_000_000, name, consume.CodeAborted)
	look(1, 100./9901, 1, 0)
	r.advance(9 * time.Minute)
	look(1, 100./9901, 1, 0)
	r.advance(time.Minute)
	look(0, 0, 1, 1)
	c.Quarantined(200, name, "json")
	look(1, 1, 2, 1)
	if !strings.Contains(r.log.String(), "level=WARN") || !strings.Contains(r.log.String(), "topic=youzhi.cases.v1 messages=9901 quarantined=100") {
		t.Error(r.log.String())
	}
	// Another process says the same of all.
	other, theirs := r.watch()
	must(t, other.look(r.within()))
	if theirs["alarm "+name] != 1 {
		t.Errorf("%v", theirs)
	}
}

// The alarm counts what the ingest has stored.
func TestAlarmOfIngest(t *testing.T) {
	r := newRig(t)
	w, gauges := r.watch()
	told := 0.0
	r.ingest(w.Counters(consume.Counters{Events: func(n float64, _ ...string) { told += n }}))
	var messages []topic.Message
	for k := range 120 {
		if k%10 == 0 {
			messages = append(messages, message(`{"bad":`))
		} else {
			messages = append(messages, caseEvent(k))
		}
	}
	r.send(messages...)
	must(t, w.look(r.within()))
	if gauges["alarm "+event.TopicCases] != 1 || gauges["ratio "+event.TopicCases] != 0.1 || told != 108 {
		t.Errorf("%v, %v events", gauges, told)
	}
	shares, err := r.db.QuarantineShares(r.within(), r.now())
	must(t, err)
	if len(shares) != 1 || shares[0].Messages != 120 || shares[0].Quarantined != 12 {
		t.Errorf("%+v", shares)
	}
}

// Bytes go when their time is over, by the clock that is handed in; the books still
// add up, for each offset keeps its row.
func TestBytesGo(t *testing.T) {
	r := newRig(t)
	w, _ := r.watch()
	r.ingest(consume.Counters{})
	r.send(message(`{"first":"`+secret), message(`{"second":`))
	r.advance(10 * 24 * time.Hour)
	r.send(message(`{"third":`))
	kept := func(want ...string) {
		t.Helper()
		must(t, w.look(r.within()))
		got := map[string]int{}
		for _, m := range r.list(queries.QuarantineFilter{}) {
			got[m.Kept()]++
			if m.Size == 0 || len(m.SHA256) != 64 || m.Code != "json" || m.Detail == "" {
				t.Errorf("%+v", m)
			}
		}
		wanted := map[string]int{}
		for _, word := range want {
			wanted[word]++
		}
		if len(got) != len(wanted) || got[queries.KeptWhole] != wanted[queries.KeptWhole] || got[queries.KeptEmptied] != wanted[queries.KeptEmptied] {
			t.Errorf("kept %v, want %v", got, wanted)
		}
		if rows, _, quarantined := r.books(); rows != 0 || quarantined != 3 {
			t.Errorf("%d events, %d in quarantine", rows, quarantined)
		}
	}
	kept("whole", "whole", "whole")
	r.advance(20 * 24 * time.Hour)
	kept("whole", "whole", "whole") // 30 days old, not older
	r.advance(30 * time.Minute)
	kept("whole", "whole", "whole") // not looked at again yet
	r.advance(30 * time.Minute)
	kept("emptied", "emptied", "whole")
	if !strings.Contains(r.log.String(), "bytes of messages in quarantine were taken away") || strings.Contains(r.log.String(), "13800138000") {
		t.Error(r.log.String())
	}
	out, _ := r.replay(ReplayOptions{DryRun: true})
	if len(out.Refused[whyEmptied]) != 2 || out.Written["json"] != 1 {
		t.Errorf("%+v", out)
	}
	r.advance(11 * 24 * time.Hour)
	kept("emptied", "emptied", "emptied")
}
