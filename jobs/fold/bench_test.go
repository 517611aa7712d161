package fold_test

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// BenchmarkRefresh measures what the figures cost after 1 % new events against
// what they cost when they are made from nothing, as by `youzhi rebuild`. New are
// the events that come next (new cases, and the progress of those under way), and,
// as the worst case, one event each for cases drawn from the whole store. It ends
// by making everything anew once more, to the same facts.
//
// An operator has a number of events a day, so a larger store is a longer one:
// what follows the change and not the store costs the same per event in all of
// them. Sizes beyond 1 M run where YOUZHI_EVENTS allows them: going by 1 M, 50 M
// take more than an hour of two cores and 12 GB of disk.
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []struct {
		name   string
		events int64
	}{{"1M", 1_000_000}, {"10M", 10_000_000}, {"50M", 50_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			if size.events > mostEvents(b) {
				b.Skipf("YOUZHI_EVENTS=%d allows it", size.events)
			}
			for b.Loop() {
				refresh(b, size.events)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// mostEvents is the size of the largest store: that of YOUZHI_EVENTS, if set.
func mostEvents(b *testing.B) int64 {
	b.Helper()
	n, err := strconv.ParseInt(cmp.Or(os.Getenv("YOUZHI_EVENTS"), "1000000"), 10, 64)
	if err != nil {
		b.Fatalf("YOUZHI_EVENTS: want a number of events: %v", err)
	}
	return n
}

func refresh(b *testing.B, events int64) {
	r := newRoom(b, queriestest.Open(b))
	s := &store{room: r, perDay: min(events/90, 110_000), now: firstDay.Start()}
	changed := events / 100
	s.more(b, events)
	s.decodes(b)
	if err := r.builder.Forget(b.Context()); err != nil {
		b.Fatal(err)
	}
	rebuilt := s.fold(b, "rebuild", events, "from nothing")
	s.more(b, changed)
	newest := s.fold(b, "newest", changed, "that come next")
	s.scattered(b, changed)
	scattered := s.fold(b, "scattered", changed, "for cases of all days")
	b.ReportMetric(newest.Seconds()/rebuilt.Seconds()*100, "newest-%")
	b.ReportMetric(scattered.Seconds()/rebuilt.Seconds()*100, "scattered-%")

	facts := s.facts(b)
	if err := r.builder.Forget(b.Context()); err != nil {
		b.Fatal(err)
	}
	r.run(b, s.now)
	if again := s.facts(b); again != facts {
		b.Fatalf("facts after a refresh\n%+v\nand made anew\n%+v", facts, again)
	}
}

// store is a log of cases, each with seven events over some four days.
type store struct {
	*room
	perDay int64     // events
	now    time.Time // the end of what is stored
	stored int64     // events
}

const (
	perCase = 7
	// longest is more days than a case takes.
	longest = 5
)

var firstDay = calendar.Date(2025, time.January, 1)

// cases is how many cases were submitted until some days before now.
func (s *store) cases(before int64) int64 {
	return int64(s.now.AddDate(0, 0, -int(before)).Sub(firstDay.Start()).Hours() / 24 * float64(s.perDay) / perCase)
}

// more stores about as many events, those that come next, a day's at a time.
func (s *store) more(b *testing.B, events int64) {
	b.Helper()
	for events += s.stored; s.stored < events-events/1000; {
		from := s.now
		s.now = s.now.Add(time.Duration(float64(min(s.perDay, events-s.stored)) / float64(s.perDay) * float64(24*time.Hour)))
		s.insert(b, `WITH
    {per_day:Int64} / 7 AS cases,
    toUnixTimestamp64Micro({start:DateTime64(6, 'UTC')}) AS start_at
SELECT *
FROM
(
    SELECT c, k, start_at + toInt64(c * 86400e6 / cases) AS t0, cityHash64(c) AS h,
        h % 60 + 1 AS accepted, accepted + 120 + h % 481 AS scanned, scanned + 600 + intDiv(h, 512) % 600 AS handled,
        handled + 120 + intDiv(h, 262144) % 600 AS noticed, noticed + 60 + intDiv(h, 134217728) % 3000 AS delivered,
        delivered + 60 + intDiv(h, 274877906944) % 1200 AS archived,
        fromUnixTimestamp64Micro(t0 + toInt64([0, accepted, scanned, handled, noticed, delivered, archived][k + 1]) * 60000000, 'UTC') AS time,
        concat('e-', toString(c), '-', toString(k)) AS id
    FROM (SELECT {first:Int64} + intDiv(number, 7) AS c, number % 7 AS k FROM numbers({n:UInt64}))
)
WHERE c >= 0 AND time >= {from:DateTime64(6, 'UTC')} AND time < {to:DateTime64(6, 'UTC')}`, queries.Params{
			"per_day": s.perDay, "start": queries.Instant(firstDay.Start()),
			"first": s.cases(longest + 1), "n": (longest + 2) * s.perDay,
			"from": queries.Instant(from), "to": queries.Instant(s.now),
		})
	}
}

// scattered stores one late scan each of cases drawn from all that are done.
func (s *store) scattered(b *testing.B, events int64) {
	b.Helper()
	s.insert(b, `WITH
    {per_day:Int64} / 7 AS cases,
    toUnixTimestamp64Micro({start:DateTime64(6, 'UTC')}) AS start_at
SELECT toInt64(cityHash64(number, 'late') % {cases:UInt64}) AS c, 3 AS k, start_at + toInt64(c * 86400e6 / cases) AS t0, cityHash64(c) AS h, h % 60 + 1 AS accepted,
    fromUnixTimestamp64Micro(t0 + toInt64(accepted + 700 + number % 60) * 60000000, 'UTC') AS time,
    concat('l-', toString(c), '-', toString(number)) AS id
FROM numbers({n:UInt64})`, queries.Params{
		"per_day": s.perDay, "start": queries.Instant(firstDay.Start()), "cases": s.cases(longest), "n": events,
	})
}

// insert stores the events that a statement draws: of the case c, whose numbers
// are h, the kind k. Ids of cases are in no order, as those of many operators are.
func (s *store) insert(b *testing.B, drawn string, p queries.Params) {
	b.Helper()
	p["next"] = s.next[state.Place{Topic: "youzhi.cases.v1"}]
	err := s.db.Exec(b.Context(), `INSERT INTO events_cases (subject, day, source, id, content_hash, partition, offset, type, time, sequence, recordedtime, dataschema, data, received_at)
SELECT concat('C', lower(hex(toUInt32(c * 2654435761)))) AS subject, toDate(time, 'Asia/Shanghai') AS day, '/cn/post/core', id, sipHash128(id, data), place % 4, {next:Int64} + intDiv(place, 4),
    concat('cn.post.case.', ['submitted', 'accepted', 'progressed', 'progressed', 'progressed', 'delivered', 'archived'][k + 1]) AS type, time,
    leftPad(toString(k + 1), 10, '0'), time + 2, concat('urn:youzhi:schema:', type, ':1'),
    [
        concat('{"channel":"', channel, '","product":"', product, '","region":"', region, '","outlet":"', outlet, '","customer_type":"person"}'),
        concat('{"product":"', product, '","region":"', region, '","outlet":"', outlet, '","channel":"', channel, '","direction":"domestic","promised_at":"', promised,
            '","owner_ref":"s-', toString(h % 1000), '","documents":["application_form","id_proof"],"note":"杭州","remark":"0123456789"}'),
        concat('{"step":"scan","location":"', outlet, '"}'),
        concat('{"step":"handling","location":"', region, '-C1"}'),
        concat('{"step":"notice","location":"', outlet, '","customer_notified":true}'),
        '{"result":"to_addressee","attempt_no":1,"signed_by":"self"}',
        '{"documents":["application_form","operation_log","delivery_receipt"]}'
    ][k + 1] AS data, time + 2
FROM
(
    SELECT *, (row_number() OVER (ORDER BY time, c, k)) - 1 AS place,
        formatDateTime(fromUnixTimestamp64Micro(t0 + toInt64(accepted + 4320) * 60000000, 'UTC'), '%FT%TZ', 'UTC') AS promised,
        intDiv(cityHash64(h, 'place'), 16) AS o,
        multiIf(o % 100 < 65, 'parcel', o % 100 < 80, 'letter', o % 100 < 92, 'ems', o % 100 < 97, 'e_comm', 'printed') AS product,
        multiIf(intDiv(o, 128) % 10 < 6, 'outlet', intDiv(o, 128) % 10 < 9, 'online', 'third_party') AS channel,
        intDiv(o, 4096) % 400 AS site,
        concat(['11', '12', '13', '14', '15', '21', '22', '23', '31', '32', '33', '34', '35', '36', '37', '41', '42', '43', '44', '45', '46', '50', '51', '52', '53', '54', '61', '62', '63', '64', '65'][site % 31 + 1],
            ['0100', '0200', '0300'][intDiv(site, 31) % 3 + 1]) AS region,
        concat(region, '-', toString(site)) AS outlet
    FROM (`+drawn+`)
)`, p)
	if err != nil {
		b.Fatal(err)
	}
	var stored []struct {
		N    uint64 `ch:"n"`
		Next int64  `ch:"next"`
	}
	if err := s.db.Select(b.Context(), &stored, "SELECT count() AS n, max(offset) + 1 AS next FROM arrivals", nil); err != nil {
		b.Fatal(err)
	}
	s.stored = int64(stored[0].N)
	s.next[state.Place{Topic: "youzhi.cases.v1"}] = stored[0].Next
}

// decodes holds some of what is stored to the contract.
func (s *store) decodes(b *testing.B) {
	b.Helper()
	kinds := map[string]int{}
	err := s.db.Rows(b.Context(), `SELECT type, concat('{"specversion":"1.0","id":', toJSONString(id), ',"source":', toJSONString(toString(source)), ',"type":', toJSONString(toString(type)),
    ',"subject":', toJSONString(subject), ',"time":"', formatDateTime(time, '%FT%TZ', 'UTC'), '","datacontenttype":"application/json","dataschema":', toJSONString(toString(dataschema)),
    ',"sequence":', toJSONString(sequence), ',"recordedtime":"', formatDateTime(assumeNotNull(recordedtime), '%FT%TZ', 'UTC'), '","data":', data, '}') AS message
FROM events_cases
WHERE cityHash64(id) % 1000 = 0
LIMIT 2000`, nil, func(scan func(...any) error) error {
		var kind, message string
		if err := scan(&kind, &message); err != nil {
			return err
		}
		kinds[kind]++
		if _, err := event.Decode([]byte(message), s.now, "youzhi.cases.v1"); err != nil {
			return fmt.Errorf("%w\n%s", err, message)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if len(kinds) != 5 {
		b.Fatalf("events of the kinds %v, want five", kinds)
	}
}

// fold runs the job over what is new and says what that cost, in CPU time of the
// whole process: the engine runs in it.
func (s *store) fold(b *testing.B, name string, events int64, which string) time.Duration {
	b.Helper()
	s.settle(b)
	resetPeak(b)
	begun, used := time.Now(), cpuTime(b)
	s.run(b, s.now)
	wall, cpu := time.Since(begun), cpuTime(b)-used
	peak := peakRSS(b)
	s.settle(b)
	merged := cpuTime(b) - used - cpu
	var run []struct {
		Runs     uint64 `ch:"runs"`
		Subjects uint64 `ch:"subjects"`
	}
	if err := s.db.Select(b.Context(), &run, "SELECT count() AS runs, sum(subjects) AS subjects FROM fold_runs", nil); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d events %s, until %s: %.1f s, %.1f CPU-s (%.1f CPU-s/Mevents) and %.1f of merges, peak %d MiB, runs so far %d, subjects so far %d",
		events, which, s.now.Format(time.DateOnly), wall.Seconds(), cpu.Seconds(), cpu.Seconds()/float64(events)*1e6, merged.Seconds(), peak>>20, run[0].Runs, run[0].Subjects)
	b.ReportMetric(wall.Seconds(), name+"-s")
	b.ReportMetric(cpu.Seconds(), name+"-cpu-s")
	b.ReportMetric(float64(peak>>20), name+"-MiB")
	return cpu
}

// settle waits until the engine merges nothing, so that no work is measured that
// others have left behind.
func (s *store) settle(b *testing.B) {
	b.Helper()
	for quiet := 0; quiet < 5; quiet++ {
		var merges []struct {
			N uint64 `ch:"n"`
		}
		if err := s.db.Select(b.Context(), &merges, "SELECT count() AS n FROM system.merges", nil); err != nil {
			b.Fatal(err)
		}
		if merges[0].N > 0 {
			quiet = 0
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// sums are the facts, and all cases that they count by the promise.
type sums struct {
	Rows   uint64 `ch:"rows"`
	Digest uint64 `ch:"digest"`
	Cases  int64  `ch:"cases"`
	Late   int64  `ch:"late"`
}

func (s *store) facts(b *testing.B) sums {
	b.Helper()
	var out []sums
	err := s.db.Select(b.Context(), &out, `SELECT count() AS rows,
    groupBitXor(cityHash64(key, part, day, region, outlet, product, channel, numerator, denominator, squares, weights, n, pending, excluded, unknown, unreported)) AS digest,
    sumIf(n + pending, key = 'on_time_delivery_rate') AS cases,
    sumIf(n - toInt64(numerator), key = 'on_time_delivery_rate') AS late
FROM facts FINAL
WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0`, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%+v", out[0])
	if accepted := s.cases(0); out[0].Cases < accepted*99/100 || out[0].Late == 0 {
		b.Fatalf("%+v, where %d cases were accepted", out[0], accepted)
	}
	return out[0]
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak lets Linux forget how much memory the process has had.
func resetPeak(b *testing.B) {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of the memory is that of the whole process: %v", err)
	}
}

// peakRSS is the most memory, in bytes, that the process has had; 0 where there is
// no Linux to tell.
func peakRSS(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Logf("the memory is not known: %v", err)
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	text, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		b.Fatalf("read the peak of the memory: %v", err)
	}
	return kib << 10
}
