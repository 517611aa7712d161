package queries_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"youzhi/queries"
	"youzhi/queries/queriestest"
)

var at = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func rowsOf(n int) *queries.Events {
	rows := make([]queries.EventRow, n)
	for i := range rows {
		// Over four months, so that a block is several parts.
		day := at.AddDate(0, -i%4, 0)
		rows[i] = queries.EventRow{
			Subject: fmt.Appendf(nil, "C%d", i), Source: fmt.Appendf(nil, "/cn/post/%d", i%3), ID: fmt.Appendf(nil, "a-%d", i), Hash: [16]byte{byte(i), byte(i >> 8)},
			Day: day.Truncate(24 * time.Hour), Offset: int64(i), Type: "cn.post.case.accepted", Time: day, DataSchema: "urn:x", Data: []byte(`{"note":"杭州"}`), ReceivedAt: at,
		}
	}
	return queries.EventsOf(rows...)
}

func count(t *testing.T, db *queries.DB, from string) uint64 {
	t.Helper()
	var rows []struct {
		N uint64 `ch:"n"`
	}
	if err := db.Select(context.Background(), &rows, "SELECT count() AS n FROM "+from, nil); err != nil {
		t.Fatal(err)
	}
	return rows[0].N
}

func exec(t *testing.T, db *queries.DB, statement string) {
	t.Helper()
	if err := db.Exec(context.Background(), statement, nil); err != nil {
		t.Fatal(err)
	}
}

func wantRows(t *testing.T, db *queries.DB, n uint64) {
	t.Helper()
	for _, table := range []string{"events_cases", "identities", "arrivals"} {
		if got := count(t, db, table); got != n {
			t.Errorf("%s has %d rows, not %d", table, got, n)
		}
	}
}

// What is inserted again under its token is not stored again, in the table nor
// behind it; under another token, or under none, it is, and counts once by its key.
func TestTokenIsTakenOnce(t *testing.T) {
	db, ctx := queriestest.Open(t), context.Background()
	for _, table := range []string{"events_cases", "identities", "arrivals"} {
		if err := db.Exec(ctx, "SYSTEM STOP MERGES "+table, nil); err != nil {
			t.Fatal(err)
		}
	}
	rows := rowsOf(1000)
	insert := func(token string) {
		t.Helper()
		rows.Token = token
		if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); err != nil {
			t.Fatal(err)
		}
	}
	insert("topic 1 0:0-999")
	insert("topic 1 0:0-999")
	wantRows(t, db, 1000)
	insert("topic 2 0:0-999")
	wantRows(t, db, 2000)
	insert("")
	wantRows(t, db, 3000)
	if got := count(t, db, "events_cases FINAL"); got != 1000 {
		t.Errorf("%d rows count", got)
	}
}

// broken fails an insert of events, when it is told to, before it has read it.
type broken struct {
	http.RoundTripper
	fail   bool
	unread io.Reader // what it was to send
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if !b.fail || !strings.Contains(r.URL.RawQuery, "insert_deduplication_token=topic") {
		return b.RoundTripper.RoundTrip(r)
	}
	b.fail, b.unread = false, r.Body
	return nil, errors.New("the connection broke")
}

// A process of ClickHouse that is killed may know the token of an insert whose rows
// it has not got: its next life, to which the insert goes again after it has failed,
// stores them. (Here the rows are deleted, which leaves the token too.)
func TestTokenOfAnEarlierLife(t *testing.T) {
	var b broken
	db, ctx := queriestest.Open(t, func(through http.RoundTripper) http.RoundTripper {
		b.RoundTripper = through
		return &b
	}), context.Background()
	rows := rowsOf(100)
	rows.Token = "topic 1 0:0-99"
	insert := func(want uint64) {
		t.Helper()
		if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); err != nil {
			t.Fatal(err)
		}
		if got := count(t, db, "events_cases"); got != want {
			t.Fatalf("%d rows, not %d", got, want)
		}
	}
	fails := func() {
		t.Helper()
		b.fail = true
		if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); err == nil {
			t.Fatal("the insert passes")
		}
	}
	insert(100)
	exec(t, db, "ALTER TABLE events_cases DELETE WHERE true SETTINGS mutations_sync = 2")
	fails()
	insert(0) // the same life knows the token
	exec(t, db, "TRUNCATE TABLE lives")
	fails()
	insert(100)
	insert(100)
}

// An insert that reached the table and failed behind it is made whole when it is
// made again under its token.
func TestTokenFillsWhatFailedBehindTheTable(t *testing.T) {
	db, ctx := queriestest.Open(t), context.Background()
	rows := rowsOf(100)
	rows.Token = "topic 1 0:0-99"
	for _, table := range []string{"identities", "arrivals"} {
		exec(t, db, "ALTER TABLE "+table+" ADD CONSTRAINT broken CHECK subject = ''")
	}
	if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); queries.Code(err) != 469 || strings.Contains(err.Error(), "C1") || !strings.Contains(err.Error(), "`broken`") {
		t.Fatalf("a view fails, and tells no values: %v", err)
	}
	exec(t, db, "ALTER TABLE identities DROP CONSTRAINT broken")
	if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); queries.Code(err) != 469 {
		t.Fatalf("the next view fails: %v", err)
	}
	exec(t, db, "ALTER TABLE arrivals DROP CONSTRAINT broken")
	for range 2 {
		if err := db.InsertEvents(ctx, "youzhi.cases.v1", rows); err != nil {
			t.Fatal(err)
		}
	}
	wantRows(t, db, 100)
}

// Once an insert has failed nobody reads its rows any more: their memory is used
// for others.
func TestFailedInsertIsNotSentAnyMore(t *testing.T) {
	b := &broken{fail: true}
	db := queriestest.Open(t, func(through http.RoundTripper) http.RoundTripper {
		b.RoundTripper = through
		return b
	})
	rows := rowsOf(100)
	rows.Token = "topic held"
	if err := db.InsertEvents(t.Context(), "youzhi.cases.v1", rows); err == nil {
		t.Fatal("the insert passes")
	}
	if _, err := io.Copy(io.Discard, b.unread); !errors.Is(err, context.Canceled) {
		t.Errorf("the block is read to its end: %v", err)
	}
}

// Rows come back from pieces of columns as they were put in.
func TestPiecesOfColumns(t *testing.T) {
	db, ctx := queriestest.Open(t), context.Background()
	whole, again, joined := rowsOf(500), new(queries.Events), new(queries.Events)
	var pieces []*queries.Events
	for from := 0; from < 500; from += 77 {
		again.AppendRows(whole, from, min(500, from+77))
		piece := new(queries.Events)
		piece.AppendRows(whole, from, min(500, from+77))
		pieces = append(pieces, piece)
	}
	joined.Join(pieces)
	cut := new(queries.Events)
	cut.AppendRows(joined, 0, 3)
	cut.AppendRows(joined, 3, 200)
	cut.AppendRows(joined, 200, 500)
	for table, rows := range map[string]*queries.Events{"cases": whole, "surveys": again, "complaints": joined, "assurance": cut} {
		if rows.Digest() != whole.Digest() {
			t.Errorf("%s: another digest", table)
		}
		if err := db.InsertEvents(ctx, "youzhi."+table+".v1", rows); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"events_surveys", "events_complaints", "events_assurance"} {
		if got := count(t, db, "(SELECT * FROM events_cases EXCEPT SELECT * FROM "+table+")"); got != 0 || count(t, db, table) != 500 {
			t.Errorf("%d rows of %s differ", got, table)
		}
	}
}

func TestFsync(t *testing.T) {
	db, ctx := queriestest.Open(t), context.Background()
	tables := func() uint64 {
		return count(t, db, "system.tables WHERE database = currentDatabase() AND engine_full LIKE '%fsync_after_insert = 1, fsync_part_directory = 1%'")
	}
	for _, on := range []bool{true, true, false, true} {
		if err := db.Fsync(ctx, on); err != nil {
			t.Fatal(err)
		}
		if got := tables(); on != (got == 13) || !on && got > 0 {
			t.Errorf("fsync %v: %d tables", on, got)
		}
	}
	if err := db.InsertEvents(ctx, "youzhi.cases.v1", rowsOf(10)); err != nil {
		t.Fatal(err)
	}
}
