package embedded_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
)

// open gives a driver's connection over a transport, in a new database.
func open(t testing.TB, instance *embedded.Instance) driver.Conn {
	t.Helper()
	return openDatabase(t, instance.Transport(), newDatabase(t, instance))
}

func openDatabase(t testing.TB, transport http.RoundTripper, database string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol:     clickhouse.HTTP,
		Addr:         []string{"embedded:80"},
		Auth:         clickhouse.Auth{Database: database},
		MaxOpenConns: 32,
		TransportFunc: func(*http.Transport) (http.RoundTripper, error) {
			return transport, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// newDatabase makes a database named after the test.
func newDatabase(t testing.TB, instance *embedded.Instance) string {
	t.Helper()
	name := fmt.Sprintf("test_%s_%d", strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name()), time.Now().UnixNano())
	conn := openDatabase(t, instance.Transport(), "default")
	if err := conn.Exec(context.Background(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDriverRoundTrip writes and reads every type that the schema uses.
func TestDriverRoundTrip(t *testing.T) {
	conn := open(t, embeddedtest.Engine(t))
	ctx := t.Context()
	err := conn.Exec(ctx, `CREATE TABLE types (
		id UInt64, small UInt8, signed Int64, partition Int32, text String, fixed FixedString(16),
		low LowCardinality(String), lownull LowCardinality(Nullable(String)),
		micros DateTime64(6, 'UTC'), millis DateTime64(3, 'UTC'), seconds DateTime('UTC'),
		maybe Nullable(DateTime64(6, 'UTC')), maybetext Nullable(String), maybenumber Nullable(Int64),
		day Date, wideday Date32, money Decimal(18, 4), number Float64, yes Bool,
		list Array(String), days Array(Tuple(LowCardinality(String), Date)), dims Map(LowCardinality(String), String),
		uuid UUID
	) ENGINE = MergeTree ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 2, 28, 15, 59, 59, 123456000, time.UTC)
	date := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	hostile := "it's \"q\" `b` \\ \x00 \t\n 邮质 </script> {x:String} ; -- /* \U0001F4EE"
	text := "x"
	number := int64(-7)
	type row struct {
		ID        uint64            `ch:"id"`
		Small     uint8             `ch:"small"`
		Signed    int64             `ch:"signed"`
		Partition int32             `ch:"partition"`
		Text      string            `ch:"text"`
		Fixed     string            `ch:"fixed"`
		Low       string            `ch:"low"`
		LowNull   *string           `ch:"lownull"`
		Micros    time.Time         `ch:"micros"`
		Millis    time.Time         `ch:"millis"`
		Seconds   time.Time         `ch:"seconds"`
		Maybe     *time.Time        `ch:"maybe"`
		MaybeText *string           `ch:"maybetext"`
		MaybeNum  *int64            `ch:"maybenumber"`
		Day       time.Time         `ch:"day"`
		WideDay   time.Time         `ch:"wideday"`
		Money     decimal.Decimal   `ch:"money"`
		Number    float64           `ch:"number"`
		Yes       bool              `ch:"yes"`
		List      []string          `ch:"list"`
		Days      [][]any           `ch:"days"`
		Dims      map[string]string `ch:"dims"`
		UUID      string            `ch:"uuid"`
	}
	want := []row{
		{
			ID: 1<<64 - 1, Small: 255, Signed: -1 << 63, Partition: -1, Text: hostile, Fixed: "0123456789abcde\x00",
			Low: hostile, LowNull: &text, Micros: at, Millis: at.Truncate(time.Millisecond), Seconds: at.Truncate(time.Second),
			Maybe: &at, MaybeText: &hostile, MaybeNum: &number, Day: date, WideDay: date.AddDate(-60, 0, 0),
			Money: decimal.RequireFromString("-12345678901234.5678"), Number: 0.1, Yes: true,
			List: []string{hostile, ""}, Days: [][]any{{"closed", date}, {hostile, date.AddDate(0, 0, 1)}},
			Dims: map[string]string{"region": "华北", hostile: hostile}, UUID: "11111111-2222-4333-8444-555555555555",
		},
		{
			Fixed: strings.Repeat("\x00", 16), Micros: time.Unix(0, 0).UTC(), Millis: time.Unix(0, 0).UTC(), Seconds: time.Unix(0, 0).UTC(),
			Day: time.Unix(0, 0).UTC(), WideDay: time.Unix(0, 0).UTC(), List: []string{}, Days: [][]any{}, Dims: map[string]string{},
			UUID: "00000000-0000-0000-0000-000000000000",
		},
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO types")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range want {
		if err := batch.AppendStruct(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var got []row
	if err := conn.Select(ctx, &got, "SELECT * FROM types ORDER BY id DESC"); err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("rows differ (-sent +got):\n%s", diff)
	}
}

// TestParameters binds typed parameters by name.
func TestParameters(t *testing.T) {
	conn := open(t, embeddedtest.Engine(t))
	hostile := []string{"it's", `back\slash`, "tab\t", "new\nline", "\x00", "'; DROP TABLE x; --", "邮", "", `\N`, "{a:String}", "\\'"}
	for _, text := range hostile {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT {text:String}", clickhouse.Named("text", text)).Scan(&got); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got != text {
			t.Errorf("sent %q, got %q", text, got)
		}
	}
	var (
		list   []string
		number uint64
		at     time.Time
		none   *string
	)
	moment := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	err := conn.QueryRow(t.Context(),
		"SELECT {list:Array(String)}, {n:UInt64}, {at:DateTime64(6, 'UTC')}, {none:Nullable(String)}",
		clickhouse.Named("list", hostile), clickhouse.Named("n", uint64(1<<64-1)), clickhouse.Named("at", moment), clickhouse.Named("none", nil),
	).Scan(&list, &number, &at, &none)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hostile, list); diff != "" {
		t.Errorf("list differs (-sent +got):\n%s", diff)
	}
	if number != 1<<64-1 || !at.Equal(moment) || none != nil {
		t.Errorf("got %d, %s, %v", number, at, none)
	}
}
