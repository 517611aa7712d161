package embedded_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
)

// client sends plain HTTP requests, as curl would.
type client struct {
	t         testing.TB
	transport http.RoundTripper
	database  string
}

func newClient(t testing.TB) *client {
	t.Helper()
	instance := embeddedtest.Engine(t)
	return &client{t: t, transport: instance.Transport(), database: newDatabase(t, instance)}
}

type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// do sends a request; keys are the URL's.
func (c *client) do(method string, keys map[string]string, body io.Reader, headers ...string) reply {
	c.t.Helper()
	values := url.Values{"database": {c.database}}
	for key, value := range keys {
		values.Set(key, value)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, "http://embedded/?"+values.Encode(), body)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		c.t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); closeErr != nil {
		c.t.Error(closeErr)
	}
	return reply{status: response.StatusCode, header: response.Header, body: string(content), err: err}
}

// must sends a statement as a POST's body and gives what comes back.
func (c *client) must(statement string) string {
	c.t.Helper()
	r := c.do(http.MethodPost, nil, strings.NewReader(statement))
	if r.status != http.StatusOK || r.err != nil {
		c.t.Fatalf("%s: status %d, error %v: %s", statement, r.status, r.err, r.body)
	}
	return r.body
}

// expect compares what a statement gives.
func (c *client) expect(statement, want string) {
	c.t.Helper()
	if got := c.must(statement); got != want {
		c.t.Errorf("%s\ngot:  %q\nwant: %q", statement, got, want)
	}
}

func TestFormats(t *testing.T) {
	c := newClient(t)
	c.must("CREATE TABLE t (x UInt64, s String) ENGINE = MergeTree ORDER BY x")
	c.must("INSERT INTO t SELECT number, concat('\"', toString(number), '\\n') FROM numbers(300000)")
	c.must("CREATE TABLE back (x UInt64, `a\"\nb` String) ENGINE = Memory")
	// The rows sit in many blocks, so that what each block repeats would show.
	query := "SELECT x, s AS `a\"\nb` FROM t WHERE x % 50000 = 7 ORDER BY x"
	for _, format := range []string{
		"TSV", "TabSeparatedWithNames", "TSVWithNamesAndTypes", "CSV", "CSVWithNames", "CSVWithNamesAndTypes", "JSON", "JSONCompact",
		"JSONEachRow", "JSONCompactEachRow", "JSONCompactEachRowWithNames", "JSONCompactEachRowWithNamesAndTypes", "JSONStringsEachRow",
		"JSONColumns", "TSKV", "RowBinary", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes", "XML", "Vertical", "Values", "Markdown",
		"Pretty", "PrettyCompact", "Parquet", "Arrow", "ArrowStream", "ORC", "LineAsString", "MsgPack", "Native", "Null", "TSVRaw",
	} {
		ask := query
		if format == "LineAsString" {
			ask = "SELECT leftPad(s, 20) FROM t WHERE x % 50000 = 7 ORDER BY x"
		}
		streamed := c.do(http.MethodPost, map[string]string{"default_format": format}, strings.NewReader(ask))
		// One block, so that there is nothing to put together.
		whole := c.do(http.MethodPost, nil, strings.NewReader("SELECT * FROM ("+strings.TrimSuffix(ask, " ORDER BY x")+") ORDER BY 1 LIMIT 1000 SETTINGS max_threads = 1 FORMAT "+format))
		if streamed.status != http.StatusOK || whole.status != http.StatusOK || streamed.err != nil || whole.err != nil {
			t.Errorf("%s: %d %v %d %v %s %s", format, streamed.status, streamed.err, whole.status, whole.err, streamed.body, whole.body)
			continue
		}
		if streamed.header.Get("X-ClickHouse-Format") != format || whole.header.Get("X-ClickHouse-Format") != format {
			t.Errorf("%s: format headers %q and %q", format, streamed.header.Get("X-ClickHouse-Format"), whole.header.Get("X-ClickHouse-Format"))
		}
		switch format {
		case "Native":
			// Blocks stay blocks.
			continue
		case "XML", "JSON", "JSONCompact":
			// They hold the time that the query took.
			if !strings.Contains(streamed.body, "250007") {
				t.Errorf("%s: the last row is missing", format)
			}
			continue
		case "Arrow", "ArrowStream", "Parquet", "ORC":
			// Cut into groups of rows, as the blocks were: one whole file, which
			// the engine itself reads back.
			back := c.do(http.MethodPost, map[string]string{"query": "INSERT INTO back FORMAT " + format}, strings.NewReader(streamed.body))
			if back.status != http.StatusOK {
				t.Errorf("%s: read back: %s", format, back.body)
			}
			c.expect("SELECT count(), sum(x) FROM back", "6\t750042\n")
			c.must("TRUNCATE TABLE back")
			continue
		}
		if diff := cmp.Diff(whole.body, streamed.body); diff != "" {
			t.Errorf("%s: streamed differs (-whole +streamed):\n%s", format, diff)
		}
	}
	// Without rows the columns still come.
	none := "SELECT x, s FROM t WHERE x > 1000000"
	for format, want := range map[string]string{
		"TSVWithNames":               "x\ts\n",
		"CSVWithNamesAndTypes":       "\"x\",\"s\"\n\"UInt64\",\"String\"\n",
		"Native":                     "\x02\x00\x01x\x06UInt64\x01s\x06String",
		"RowBinaryWithNamesAndTypes": "\x02\x01x\x01s\x06UInt64\x06String",
		"TSV":                        "",
	} {
		got := c.do(http.MethodPost, map[string]string{"default_format": format}, strings.NewReader(none+" ; -- none"))
		if got.body != want {
			t.Errorf("%s without rows: got %q, want %q", format, got.body, want)
		}
	}
	var answer struct {
		Rows int              `json:"rows"`
		Data []map[string]any `json:"data"`
	}
	if err := json.Unmarshal([]byte(c.must(query+" FORMAT JSON")), &answer); err != nil || answer.Rows != 6 || len(answer.Data) != 6 {
		t.Errorf("JSON: %v, %d rows, %d data", err, answer.Rows, len(answer.Data))
	}
}

func TestInsertFormats(t *testing.T) {
	c := newClient(t)
	c.must("CREATE TABLE t (x UInt64, s String DEFAULT 'none') ENGINE = MergeTree ORDER BY x")
	insert := func(keys map[string]string, body string, headers ...string) reply {
		t.Helper()
		r := c.do(http.MethodPost, keys, strings.NewReader(body), headers...)
		if r.status != http.StatusOK || r.err != nil || r.body != "" {
			t.Errorf("%v %q: status %d, error %v, body %q", keys, body, r.status, r.err, r.body)
		}
		return r
	}
	insert(nil, "INSERT INTO t FORMAT JSONEachRow\n{\"x\":1,\"s\":\"a\"}\n{\"x\":2}\n")
	insert(nil, "INSERT INTO t FORMAT JSONEachRow {\"x\":3,\"s\":\"a\"}")
	insert(map[string]string{"query": "INSERT INTO t FORMAT JSONEachRow"}, "{\"x\":4,\"s\":\"a;b\"}")
	r := insert(map[string]string{"query": "INSERT INTO t (s, x) FORMAT CSV"}, "\"q\"\"uote\",5\n\"two\nlines\",6\n")
	if !strings.Contains(r.header.Get("X-ClickHouse-Summary"), `"written_rows":"2"`) {
		t.Errorf("summary is %s", r.header.Get("X-ClickHouse-Summary"))
	}
	insert(nil, "INSERT INTO t VALUES (7, 'v'), (8, lower('V;'))")
	insert(map[string]string{"query": "INSERT INTO t VALUES (9, 'url')"}, "")
	insert(map[string]string{"query": "INSERT INTO t VALUES"}, "(10, 'body')")
	insert(map[string]string{"query": "INSERT INTO t"}, "FORMAT TSV\n11\ttab\n")
	insert(map[string]string{"query": "INSERT INTO t SELECT 12, {s:String}", "param_s": "it's"}, "")
	insert(map[string]string{"query": "INSERT INTO t VALUES ({x:UInt64}, {s:String})", "param_x": "13", "param_s": "p'"}, "")
	insert(nil, "INSERT INTO t (x) SETTINGS max_threads = 1 FORMAT CSVWithNames\nx\n14\n")
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.WriteString(writer, "15\tgzip\n"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	insert(map[string]string{"query": "INSERT INTO t FORMAT TSV"}, packed.String(), "Content-Encoding", "gzip")
	c.expect("SELECT x, s FROM t ORDER BY x",
		"1\ta\n2\tnone\n3\ta\n4\ta;b\n5\tq\"uote\n6\ttwo\\nlines\n7\tv\n8\tv;\n9\turl\n10\tbody\n11\ttab\n12\tit\\'s\n13\tp\\'\n14\tnone\n15\tgzip\n")

	// Rows that do not fit are refused whole.
	for _, bad := range []struct{ query, body string }{
		{"INSERT INTO t FORMAT JSONEachRow", "{\"x\":100}\n{\"x\":\"no\"}"},
		{"INSERT INTO t FORMAT CSV", "101,ok\nno,no"},
		{"INSERT INTO t FORMAT Native", "\x02\x01\x01x\x06UInt64\x01"},
		{"INSERT INTO nowhere FORMAT CSV", "1"},
		{"INSERT INTO t (nothing) FORMAT CSV", "1"},
		{"INSERT INTO t FORMAT Nonsense", "1"},
		{"INSERT INTO t VALUES (102, 'a'), (", ""},
	} {
		r := c.do(http.MethodPost, map[string]string{"query": bad.query}, strings.NewReader(bad.body))
		if r.status < 400 || !strings.HasPrefix(r.body, "Code: ") || r.header.Get("X-ClickHouse-Exception-Code") == "" {
			t.Errorf("%s %q: status %d, body %q", bad.query, bad.body, r.status, r.body)
		}
	}
	c.expect("SELECT count() FROM t WHERE x >= 100", "0\n")
}

// TestInsertStreams sends rows of which no part has an end in sight, and counts
// them from another connection.
func TestInsertStreams(t *testing.T) {
	c := newClient(t)
	c.must("CREATE TABLE t (x UInt64, s String) ENGINE = MergeTree ORDER BY x")
	const total = 3_000_000
	reader, writer := io.Pipe()
	go func() {
		var lines bytes.Buffer
		for i := range total {
			fmt.Fprintf(&lines, "%d\trow\n", i)
			if lines.Len() > 1<<16 {
				if _, err := writer.Write(lines.Bytes()); err != nil {
					return
				}
				lines.Reset()
			}
		}
		_, err := writer.Write(lines.Bytes())
		writer.CloseWithError(err)
	}()
	r := c.do(http.MethodPost, map[string]string{"query": "INSERT INTO t FORMAT TSV"}, reader)
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	c.expect("SELECT count(), sum(x) FROM t", fmt.Sprintf("%d\t%d\n", total, total*(total-1)/2))
}

// TestInsertBreaksOff has a client go away in the middle of its rows.
func TestInsertBreaksOff(t *testing.T) {
	c := newClient(t)
	c.must("CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x")
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, strings.Repeat("1\n", 100_000))
		writer.CloseWithError(errors.New("the line is dead"))
	}()
	r := c.do(http.MethodPost, map[string]string{"query": "INSERT INTO t FORMAT TSV"}, reader)
	if r.status != http.StatusInternalServerError || !strings.Contains(r.body, "the line is dead") {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	c.expect("SELECT count() FROM t", "0\n")
}

func TestErrors(t *testing.T) {
	c := newClient(t)
	post := func(keys map[string]string, statement string, headers ...string) reply {
		return c.do(http.MethodPost, keys, strings.NewReader(statement), headers...)
	}
	for name, test := range map[string]struct {
		reply  reply
		status int
		code   string
		part   string
	}{
		"unknown table":         {post(nil, "SELECT * FROM nowhere"), 404, "60", "UNKNOWN_TABLE"},
		"unknown database":      {post(map[string]string{"database": "no`where"}, "SELECT 1"), 404, "81", "UNKNOWN_DATABASE"},
		"unknown setting":       {post(map[string]string{"no_such_setting": "1"}, "SELECT 1"), 404, "115", "no_such_setting"},
		"bad setting":           {post(map[string]string{"max_threads": "many"}, "SELECT 1"), 400, "", "many"},
		"bad setting name":      {post(map[string]string{"a b": "1"}, "SELECT 1"), 404, "115", "a b"},
		"syntax":                {post(nil, "SELEC 1"), 400, "62", "SYNTAX_ERROR"},
		"empty":                 {post(nil, ""), 400, "62", ""},
		"two statements":        {post(nil, "SELECT 1; SELECT 2"), 400, "62", "Multi-statements"},
		"two changes":           {post(nil, "CREATE TABLE a (x UInt8) ENGINE = Memory; DROP TABLE a"), 400, "62", ""},
		"missing parameter":     {post(nil, "SELECT {x:UInt8}"), 500, "456", "x"},
		"bad parameter":         {post(map[string]string{"param_x": "no"}, "SELECT {x:UInt8}"), 500, "457", "no"},
		"session":               {post(map[string]string{"session_id": "1"}, "SELECT 1"), 501, "48", "sessions"},
		"compress":              {post(map[string]string{"compress": "1"}, "SELECT 1"), 501, "48", "compression"},
		"wait":                  {post(map[string]string{"wait_end_of_query": "1"}, "SELECT 1"), 501, "48", "wait_end_of_query"},
		"user":                  {post(map[string]string{"user": "root"}, "SELECT 1"), 403, "516", "root"},
		"outfile":               {post(nil, "SELECT 1 INTO OUTFILE '/tmp/youzhi-never'"), 501, "48", "OUTFILE"},
		"write by GET":          {c.do(http.MethodGet, map[string]string{"query": "DROP TABLE IF EXISTS x"}, nil), 500, "164", "READONLY"},
		"insert by GET":         {c.do(http.MethodGet, map[string]string{"query": "INSERT INTO x VALUES (1)"}, nil), 500, "164", "READONLY"},
		"external table":        {post(nil, "x", "Content-Type", "multipart/form-data; boundary=x"), 501, "48", "multipart"},
		"strange encoding":      {post(nil, "x", "Content-Encoding", "br"), 501, "48", "br"},
		"implicit select":       {post(nil, "1 + 1"), 400, "62", ""},
		"streamed from nowhere": {post(map[string]string{"default_format": "Native"}, "SELECT number, throwIf(number = 0) FROM numbers(10)"), 500, "395", "throwIf"},
	} {
		if test.reply.status != test.status || test.code != "" && test.reply.header.Get("X-ClickHouse-Exception-Code") != test.code ||
			!strings.Contains(test.reply.body, test.part) || !strings.HasPrefix(test.reply.body, "Code: ") {
			t.Errorf("%s: status %d, code %s: %s", name, test.reply.status, test.reply.header.Get("X-ClickHouse-Exception-Code"), test.reply.body)
		}
	}
	// The connections work on.
	for range 10 {
		c.expect("SELECT 1", "1\n")
	}
}

// TestErrorHalfWay has a query fail after its answer has begun.
func TestErrorHalfWay(t *testing.T) {
	c := newClient(t)
	query := "SELECT number, throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_threads = 1"
	for _, format := range []string{"TSV", "JSONEachRow", "Native"} {
		r := c.do(http.MethodPost, map[string]string{"default_format": format}, strings.NewReader(query))
		if r.status != http.StatusOK || r.err == nil {
			t.Errorf("%s: status %d, error %v after %d bytes: the answer looks whole", format, r.status, r.err, len(r.body))
		}
		if !strings.Contains(r.body, "__exception__\r\n"+r.header.Get("X-ClickHouse-Exception-Tag")+"\r\nCode: 395.") {
			t.Errorf("%s: no exception at the end: %q", format, r.body[max(0, len(r.body)-300):])
		}
	}
	conn := openDatabase(t, c.transport, c.database)
	rows, err := conn.Query(t.Context(), query)
	if err == nil {
		for rows.Next() {
			continue
		}
		err = rows.Err()
		if closeErr := rows.Close(); closeErr != nil && err == nil {
			err = closeErr
		}
	}
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || exception.Code != 395 {
		t.Errorf("the driver says %v", err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT * FROM nowhere").Scan(new(string)); !errors.As(err, &exception) || exception.Code != 60 {
		t.Errorf("the driver says %v", err)
	}
}

// TestNothingStays checks that a request leaves nothing to the next one on the
// same connection.
func TestNothingStays(t *testing.T) {
	c := newClient(t)
	for range 5 {
		c.must("SET max_threads = 1, max_block_size = 17")
		c.must("USE system")
		c.must("CREATE TEMPORARY TABLE passing (x UInt8)")
		if r := c.do(http.MethodPost, map[string]string{"max_block_size": "19"}, strings.NewReader("SELECT getSetting('max_block_size')")); r.body != "19\n" {
			t.Errorf("setting in the URL: %s", r.body)
		}
		c.expect("SELECT getSetting('max_block_size')", "65409\n")
		c.expect("SELECT getSetting('max_block_size') SETTINGS max_block_size = 23", "23\n")
		c.expect("SELECT getSetting('max_block_size')", "65409\n")
		c.expect("SELECT currentDatabase()", c.database+"\n")
		c.expect("EXISTS TEMPORARY TABLE passing", "0\n")
		if r := c.do(http.MethodPost, map[string]string{"param_x": "1"}, strings.NewReader("SELECT {x:UInt8}")); r.body != "1\n" {
			t.Errorf("parameter: %s", r.body)
		}
		if r := c.do(http.MethodPost, nil, strings.NewReader("SELECT {x:UInt8}")); r.status == http.StatusOK {
			t.Errorf("the parameter stayed: %s", r.body)
		}
	}
	c.expect("SELECT timezone(), toString(toDateTime(0))", "UTC\t1970-01-01 00:00:00\n")
}

func TestOtherStatements(t *testing.T) {
	c := newClient(t)
	c.must("CREATE TABLE t (x UInt8) ENGINE = Memory;")
	c.expect("SHOW TABLES", "t\n")
	c.expect("EXISTS TABLE t FORMAT JSONEachRow", "{\"result\":1}\n")
	c.expect("-- a comment first\nSELECT 1", "1\n")
	c.expect("WITH 2 AS two SELECT two", "2\n")
	c.expect("(SELECT 1) UNION ALL (SELECT 1)", "1\n1\n")
	c.expect("FROM numbers(1) SELECT number", "0\n")
	c.expect("SELECT name FROM system.columns WHERE table = 't' ORDER BY position DESC", "x\n")
	if r := c.do(http.MethodGet, map[string]string{"query": "DESCRIBE TABLE t", "default_format": "CSV"}, nil); !strings.HasPrefix(r.body, `"x","UInt8"`) {
		t.Errorf("describe: %q", r.body)
	}
	if r := c.do(http.MethodGet, map[string]string{"query": "SELECT 1", "query_id": "mine"}, nil); r.header.Get("X-ClickHouse-Query-Id") != "mine" {
		t.Errorf("query id: %q", r.header.Get("X-ClickHouse-Query-Id"))
	}
	if r := c.do(http.MethodPost, map[string]string{"query": "SELECT 1,"}, strings.NewReader(" 2")); r.body != "1\t2\n" {
		t.Errorf("statement in two halves: %q", r.body)
	}
	c.must("SYSTEM FLUSH LOGS")
	if got := c.must("EXPLAIN SELECT 1"); got == "" {
		t.Error("EXPLAIN says nothing")
	}
}

// TestEmptyAnswerKeepsColumns checks what the driver needs of an answer without
// rows.
func TestEmptyAnswerKeepsColumns(t *testing.T) {
	conn := open(t, embeddedtest.Engine(t))
	rows, err := conn.Query(t.Context(), "SELECT number AS n, toLowCardinality({x:String}) AS low, [('a', toDate('2026-01-01'))] AS days FROM numbers(10) WHERE n > 100 -- none",
		clickhouse.Named("x", "y"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if diff := cmp.Diff([]string{"n", "low", "days"}, rows.Columns()); diff != "" {
		t.Errorf("columns differ (-want +got):\n%s", diff)
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("there is a row, or an error: %v", rows.Err())
	}
}

// TestCancel ends statements whose client has gone, and takes their connections
// into use again.
func TestCancel(t *testing.T) {
	instance := embeddedtest.Engine(t)
	database := newDatabase(t, instance)
	conn := openDatabase(t, instance.Transport(), database)
	if err := conn.Exec(t.Context(), "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	for name, statement := range map[string]string{
		"before the first block": "SELECT count() FROM numbers(100000000000000) WHERE NOT ignore(sipHash64(number))",
		"in the middle":          "SELECT number FROM numbers(100000000000000)",
		"collected":              "SELECT count() FROM numbers(100000000000000) WHERE NOT ignore(sipHash64(number)) FORMAT JSON",
		"insert":                 "INSERT INTO t SELECT sipHash64(number) % 10 FROM numbers(100000000000000) WHERE number % 100000000000 = 7",
		"in planning":            "SELECT 1 WHERE 1 IN (SELECT count() FROM numbers(100000000000000) WHERE NOT ignore(sipHash64(number)))",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begin := time.Now()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://embedded/?database="+database, strings.NewReader(statement))
			if err != nil {
				t.Fatal(err)
			}
			response, err := instance.Transport().RoundTrip(request)
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			if err == nil {
				t.Error("the statement ended without an error")
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("the client waited %s", took)
			}
			deadline := time.Now().Add(10 * time.Second)
			for {
				var running uint64
				if err := conn.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'").Scan(&running); err != nil {
					t.Fatal(err)
				}
				if running == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d statements still run", running)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}

// TestLimit checks that the bound on statements holds and that waiting for a
// connection can be given up.
func TestLimit(t *testing.T) {
	instance := embeddedtest.Engine(t)
	client := &http.Client{Transport: instance.Transport()}
	var open []io.Closer
	for range embedded.DefaultStatements {
		response, err := client.Get("http://embedded/?query=SELECT+number+FROM+numbers(100000000000)") //nolint:bodyclose // all are closed below, at once
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, response.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://embedded/?query=SELECT+1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("there was one more connection")
	}
	for _, body := range open {
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	response, err := client.Get("http://embedded/?query=SELECT+1")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}
