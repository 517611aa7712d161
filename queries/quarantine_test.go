package queries_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/queries"
	"youzhi/queries/queriestest"
)

const topicCases = "youzhi.cases.v1"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bad is a message in quarantine.
func bad(offset int64, received time.Time, code, source string) queries.QuarantineRow {
	payload := fmt.Appendf(nil, `{"n":%d`, offset)
	return queries.QuarantineRow{
		Topic: topicCases, Partition: int32(offset % 2), Offset: offset, ReceivedAt: received, StoredAt: received.Add(time.Second),
		Code: code, Detail: "byte 7", Source: source, Key: []byte("C1"), Payload: payload, Size: uint64(len(payload)), SHA256: sha256.Sum256(payload),
	}
}

var noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC) // in Beijing

// A list walked page by page is each message once, in order, however often it was
// stored; counts say the same.
func TestQuarantineList(t *testing.T) {
	db := queriestest.Open(t)
	ctx := t.Context()
	var rows []queries.QuarantineRow
	for i := range int64(100) {
		code, source := "json", "/cn/post/core"
		if i%4 == 0 {
			code, source = "missing", ""
		}
		// Ten at a time have the same instant.
		rows = append(rows, bad(i, noon.Add(time.Duration(i/10)*time.Hour), code, source))
	}
	for _, part := range [][]queries.QuarantineRow{rows[:60], rows[30:], rows[:60], rows} {
		must(t, db.InsertQuarantine(ctx, part))
	}
	walk := func(f queries.QuarantineFilter, limit int) (offsets []int64) {
		t.Helper()
		var at queries.QuarantineCursor
		for {
			page, err := db.QuarantineMessages(ctx, f, at, limit)
			must(t, err)
			for i := range page {
				offsets = append(offsets, page[i].Offset)
				at = queries.CursorOf(&page[i])
			}
			if len(page) < limit {
				return offsets
			}
		}
	}
	var want []int64
	for hour := int64(9); hour >= 0; hour-- {
		for _, partition := range []int64{1, 0} {
			for i := hour*10 + 9; i >= hour*10; i-- {
				if i%2 == partition {
					want = append(want, i)
				}
			}
		}
	}
	for _, limit := range []int{7, 10, 1000} {
		if diff := cmp.Diff(want, walk(queries.QuarantineFilter{}, limit)); diff != "" {
			t.Errorf("by %d: %s", limit, diff)
		}
	}
	for name, c := range map[string]struct {
		filter queries.QuarantineFilter
		want   int
	}{
		"topic":       {queries.QuarantineFilter{Topic: topicCases}, 100},
		"other topic": {queries.QuarantineFilter{Topic: "youzhi.surveys.v1"}, 0},
		"code":        {queries.QuarantineFilter{Code: "missing"}, 25},
		"source":      {queries.QuarantineFilter{Source: "/cn/post/core"}, 75},
		"time":        {queries.QuarantineFilter{Since: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)}, 20},
		"all":         {queries.QuarantineFilter{Topic: topicCases, Code: "json", Source: "/cn/post/core", Since: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}, 8},
	} {
		if got := len(walk(c.filter, 3)); got != c.want {
			t.Errorf("%s: %d messages, want %d", name, got, c.want)
		}
		reasons, err := db.QuarantineReasons(ctx, c.filter, 1000, 100)
		must(t, err)
		var sum int
		for _, r := range reasons {
			sum += int(r.N)
		}
		if sum != c.want {
			t.Errorf("%s: %d messages by reason, want %d", name, sum, c.want)
		}
		if c.filter.Source != "" {
			continue
		}
		counts, err := db.QuarantineCounts(ctx, c.filter)
		must(t, err)
		sum = 0
		for _, n := range counts {
			sum += int(n.N)
		}
		if sum != c.want {
			t.Errorf("%s: %d messages by day, want %d: %v", name, sum, c.want, counts)
		}
	}
	must(t, db.Exec(ctx, "OPTIMIZE TABLE quarantine_times FINAL", nil))
	reasons, err := db.QuarantineReasons(ctx, queries.QuarantineFilter{}, 20, 100)
	must(t, err)
	wantReasons := []queries.QuarantineReason{
		{Topic: topicCases, Code: "json", Source: "/cn/post/core", N: 15, Oldest: noon.Add(8 * time.Hour), Newest: noon.Add(9 * time.Hour)},
		{Topic: topicCases, Code: "missing", N: 5, Oldest: noon.Add(8 * time.Hour), Newest: noon.Add(9 * time.Hour)},
	}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		t.Error(diff)
	}
	// A day is Beijing's.
	counts, err := db.QuarantineCounts(ctx, queries.QuarantineFilter{})
	must(t, err)
	if len(counts) != 2 || counts[0].Day.Format(time.DateOnly) != "2026-03-01" {
		t.Errorf("%v", counts)
	}
}

// Bytes go when their time is over, and nothing else.
func TestQuarantineIsEmptied(t *testing.T) {
	db := queriestest.Open(t)
	ctx := t.Context()
	const keep = 30 * 24 * time.Hour
	rows := []queries.QuarantineRow{bad(0, noon, "json", ""), bad(1, noon, "json", ""), bad(2, noon.Add(24*time.Hour), "json", "")}
	must(t, db.InsertQuarantine(ctx, rows))
	must(t, db.InsertQuarantine(ctx, rows[:1])) // stored again by a redelivery
	type state struct {
		Key, Payload string
		Emptied      time.Time
	}
	look := func(from string) (out map[int64]state) {
		t.Helper()
		out = map[int64]state{}
		must(t, db.Rows(ctx, "SELECT offset, key, payload, emptied_at, size, lower(hex(sha256)), detail, code FROM "+from, nil, func(scan func(...any) error) error {
			var offset int64
			var s state
			var size uint64
			var sum, detail, code string
			if err := scan(&offset, &s.Key, &s.Payload, &s.Emptied, &size, &sum, &detail, &code); err != nil {
				return err
			}
			want := bad(offset, noon, "json", "")
			if size != want.Size || sum != hex.EncodeToString(want.SHA256[:]) || detail != "byte 7" || code != "json" {
				t.Errorf("offset %d: %d %s %s %s", offset, size, sum, detail, code)
			}
			s.Emptied = s.Emptied.UTC()
			out[offset] = s
			return nil
		}))
		return out
	}
	empty := func(now time.Time, want uint64) {
		t.Helper()
		n, err := db.EmptyQuarantine(ctx, now.Add(-keep), now)
		must(t, err)
		if n != want {
			t.Errorf("%d rows emptied, want %d", n, want)
		}
	}
	epoch := time.Unix(0, 0).UTC()
	full := func(offset int64) state { return state{"C1", fmt.Sprintf(`{"n":%d`, offset), epoch} }
	empty(noon.Add(keep), 0) // a second before the first is due
	if diff := cmp.Diff(map[int64]state{0: full(0), 1: full(1), 2: full(2)}, look("quarantine FINAL")); diff != "" {
		t.Error(diff)
	}
	due := noon.Add(keep + 2*time.Second)
	empty(due, 3) // one is there twice
	want := map[int64]state{0: {Emptied: due}, 1: {Emptied: due}, 2: full(2)}
	for _, from := range []string{"quarantine", "quarantine FINAL"} {
		if diff := cmp.Diff(want, look(from)); diff != "" {
			t.Errorf("%s: %s", from, diff)
		}
	}
	empty(due.Add(time.Hour), 0)
	must(t, db.Exec(ctx, "OPTIMIZE TABLE quarantine FINAL", nil))
	if diff := cmp.Diff(want, look("quarantine")); diff != "" {
		t.Error(diff)
	}
	// One that is read from Kafka again is kept again, and not for ever.
	again := rows[1]
	again.StoredAt = due
	must(t, db.InsertQuarantine(ctx, []queries.QuarantineRow{again}))
	want[1] = full(1)
	if diff := cmp.Diff(want, look("quarantine FINAL")); diff != "" {
		t.Error(diff)
	}
	empty(due.Add(keep+time.Millisecond), 2)
	for offset, s := range look("quarantine FINAL") {
		if s.Payload != "" || s.Key != "" {
			t.Errorf("offset %d: %+v", offset, s)
		}
	}
	// Lists and counts are as before.
	page, err := db.QuarantineMessages(ctx, queries.QuarantineFilter{}, queries.QuarantineCursor{}, 10)
	must(t, err)
	if len(page) != 3 || !page[0].Emptied() || page[0].Size == 0 {
		t.Errorf("%+v", page)
	}
}

// What became of a replay is seen at its new place.
func TestQuarantineReplays(t *testing.T) {
	db := queriestest.Open(t)
	ctx := t.Context()
	must(t, db.InsertQuarantine(ctx, []queries.QuarantineRow{bad(0, noon, "refused", ""), bad(2, noon, "refused", ""), bad(4, noon, "refused", ""), bad(6, noon, "refused", ""), bad(100, noon, "json", "")}))
	must(t, db.InsertEvents(ctx, topicCases, queries.EventsOf(queries.EventRow{
		Subject: []byte("C1"), Source: []byte("/cn"), ID: []byte("1"), Day: noon, Offset: 102, Type: "cn.post.case.accepted", Time: noon, Data: []byte("{}"), ReceivedAt: noon,
	})))
	place := func(offset int64) queries.Place { return queries.Place{Topic: topicCases, Offset: offset} }
	must(t, db.RecordQuarantineReplays(ctx, noon, []queries.Place{place(0), place(2), place(4)}, []queries.Place{place(100), place(101), place(103)}))
	must(t, db.RecordQuarantineReplays(ctx, noon.Add(time.Minute), []queries.Place{place(2)}, []queries.Place{place(102)}))
	got, err := db.QuarantineReplays(ctx, []queries.Place{place(0), place(2), place(4), place(6), place(8)})
	must(t, err)
	want := map[queries.Place]queries.QuarantineReplay{
		place(0): {Topic: topicCases, Offset: 0, Times: 1, ReplayedAt: noon, NewOffset: 100, Code: "json"},
		place(2): {Topic: topicCases, Offset: 2, Times: 2, ReplayedAt: noon.Add(time.Minute), NewOffset: 102, IsEvent: true},
		place(4): {Topic: topicCases, Offset: 4, Times: 1, ReplayedAt: noon, NewOffset: 103},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	records, err := db.QuarantineRecords(ctx, []queries.Place{place(4), place(100), place(5)})
	must(t, err)
	if len(records) != 2 || records[0].Offset != 4 || records[0].Payload != `{"n":4` || records[0].Key != "C1" {
		t.Errorf("%+v", records)
	}
}

// Shares are those of the last ten minutes over all processes; a minute that was
// told again counts once.
func TestQuarantineShares(t *testing.T) {
	db := queriestest.Open(t)
	ctx := t.Context()
	record := func(process string, minute time.Time, messages, quarantined uint64) {
		t.Helper()
		must(t, db.RecordQuarantineMinutes(ctx, process, []queries.QuarantineMinute{{minute, topicCases, messages, quarantined}}))
	}
	record("a", noon.Add(-10*time.Minute), 1000, 1000)
	record("a", noon.Add(-9*time.Minute), 50, 1)
	record("a", noon, 10, 0)
	record("a", noon, 40, 1)
	record("b", noon, 60, 3)
	record("b", noon.Add(time.Minute), 7, 7)
	got, err := db.QuarantineShares(ctx, noon.Add(30*time.Second))
	must(t, err)
	if diff := cmp.Diff([]queries.QuarantineShare{{topicCases, 150, 5}}, got); diff != "" {
		t.Fatal(diff)
	}
	if s := got[0]; !s.Above(0.03) || s.Above(5./150) || (queries.QuarantineShare{Messages: 99, Quarantined: 99}).Above(0) {
		t.Errorf("%v", s)
	}
	must(t, db.ForgetQuarantineMinutes(ctx, noon))
	if got, err := db.QuarantineShares(ctx, noon); err != nil || got[0].Messages != 100 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPlace(t *testing.T) {
	for text, want := range map[string]queries.Place{
		"youzhi.cases.v1/3/17":       {Topic: topicCases, Partition: 3, Offset: 17},
		"youzhi.cases.v1/log2/3/17":  {Topic: topicCases, Partition: 20_003, Offset: 17},
		"youzhi.cases.v1/0/99999999": {Topic: topicCases, Offset: 99_999_999},
	} {
		if got, err := queries.ParsePlace(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{
		"", "a", "a/1", "a/b/c", "/0/1", "a/-1/1", "a/1/-1", "a/1/1/1", "a/99999999999/1", "a/10000/1", "a/log-1/1/1", "a/logx/1/1", "a/log1/1", "a/log300000/1/1", "a/log1/1/1/1",
	} {
		if at, err := queries.ParsePlace(text); err == nil {
			t.Errorf("%q is taken as %v", text, at)
		}
	}
}
