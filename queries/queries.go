// Package queries is all that ClickHouse is asked: it opens the connection,
// migrates the schema, inserts rows and runs the questions of the rooms that
// ask, a folder for each asker with one .sql file per question. It is the only
// user of clickhouse-go.
package queries

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed */*.sql
var files embed.FS

// Options say where ClickHouse is.
type Options struct {
	// DSN is the address of a server, http(s)://user:password@host:port.
	// Empty means the engine behind Transport.
	DSN string
	// Transport reaches the embedded engine; nil with a DSN.
	Transport http.RoundTripper
	// Database is created by Migrate if it is missing. Letters, digits and _.
	Database string
}

// DB is a pool of connections to one database. It is safe for many goroutines.
type DB struct {
	conn     driver.Conn
	database string
	life     life
}

// settings are sent with every statement, so that no figure depends on the
// defaults of a server version. All that decides whether rows that were inserted
// are kept is among them: nothing is gathered by the server before it is
// acknowledged, and only what brings a token (events) is taken once for it. They
// are those of ClickHouse 26.2 and later; an older one refuses to be opened.
var settings = clickhouse.Settings{
	"session_timezone":                "UTC",
	"max_partitions_per_insert_block": 1000,

	"async_insert":                                       0,
	"wait_for_async_insert":                              1,
	"async_insert_deduplicate":                           0,
	"insert_deduplicate":                                 0,
	"deduplicate_insert":                                 "disable",
	"deduplicate_insert_select":                          "disable",
	"insert_deduplication_token":                         "",
	"insert_quorum":                                      0,
	"materialized_views_ignore_errors":                   0,
	"deduplicate_blocks_in_dependent_materialized_views": 1,

	// Rows of one insert hardly ever have one key, so they are not looked through for
	// it, which is more than a third of an insert's work: a merge or FINAL finds them.
	"optimize_on_insert": 0,

	// Passes over a statement that change none of ours, and were a third of the time
	// until one of facts is understood.
	"optimize_and_compare_chain":               0,
	"optimize_syntax_fuse_functions":           0,
	"optimize_injective_functions_inside_uniq": 0,

	"date_time_input_format": "best_effort",

	"join_use_nulls": 0,
	"final":          0,
}

var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Open connects and answers whether the database engine speaks. The database
// itself need not exist yet.
func Open(ctx context.Context, o Options) (*DB, error) {
	if !databaseName.MatchString(o.Database) {
		return nil, fmt.Errorf("open clickhouse: database name %q: want letters, digits and _", o.Database)
	}
	opt := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded:80"}}
	if o.DSN != "" {
		parsed, err := clickhouse.ParseDSN(o.DSN)
		if err != nil {
			return nil, errors.New("open clickhouse: the address is not a URL http(s)://user:password@host:port")
		}
		if parsed.Protocol != clickhouse.HTTP {
			return nil, errors.New("open clickhouse: the address must begin with http:// or https://")
		}
		opt = parsed
	} else if o.Transport == nil {
		return nil, errors.New("open clickhouse: neither an address nor an embedded engine")
	} else {
		opt.TransportFunc = func(*http.Transport) (http.RoundTripper, error) { return o.Transport, nil }
	}
	// The database is created before it is used, so the first connection must
	// not name it.
	opt.Auth.Database = ""
	opt.Settings = settings
	opt.Compression = nil
	opt.MaxOpenConns = 16
	opt.MaxIdleConns = 8
	opt.DialTimeout = 10 * time.Second
	opt.ReadTimeout = time.Hour
	first, err := clickhouse.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	err = first.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+o.Database)
	if cerr := first.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: create database %s: %w", o.Database, err)
	}
	opt.Auth.Database = o.Database
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	return &DB{conn: conn, database: o.Database}, nil
}

// Close ends the connections.
func (db *DB) Close() error { return db.conn.Close() }

// Ping answers whether the engine speaks.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.conn.Ping(ctx); err != nil {
		return fmt.Errorf("ping clickhouse: %w", err)
	}
	return nil
}

// Params are the typed parameters {name:Type} of a statement.
type Params map[string]any

func (p Params) args() []any {
	args := make([]any, 0, len(p))
	for name, v := range p {
		args = append(args, clickhouse.Named(name, v))
	}
	return args
}

// File is the statement in folder/name.sql.
func File(name string) string {
	b, err := fs.ReadFile(files, name+".sql")
	if err != nil {
		panic("queries: no statement " + name) //nolint:forbidigo // the name is a constant of this program, checked by a test
	}
	return strings.TrimRight(strings.TrimSpace(string(b)), ";")
}

// Select runs a statement and reads all rows into dest, a pointer to a slice of
// structs with `ch:"column"` tags. For bounded answers only.
func (db *DB) Select(ctx context.Context, dest any, statement string, p Params) error {
	if err := db.conn.Select(ctx, dest, statement, p.args()...); err != nil {
		return failed("select", err)
	}
	return nil
}

// Rows runs a statement and hands each row's scanner to each, one at a time, so
// that an answer of any size needs the memory of a block.
func (db *DB) Rows(ctx context.Context, statement string, p Params, each func(scan func(dest ...any) error) error) (err error) {
	rows, err := db.conn.Query(ctx, statement, p.args()...)
	if err != nil {
		return failed("query", err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = failed("query", cerr)
		}
	}()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failed("query", err)
	}
	return nil
}

// Exec runs a statement without an answer.
func (db *DB) Exec(ctx context.Context, statement string, p Params) error {
	if err := db.conn.Exec(ctx, statement, p.args()...); err != nil {
		return failed("exec", err)
	}
	return nil
}

// Insert appends rows to the named columns of a table as one block. It returns
// nil only when the engine has acknowledged the rows; after an error the outcome
// is unknown and the caller inserts the same rows again.
func (db *DB) Insert(ctx context.Context, table, columns string, n int, row func(i int) []any) error {
	if n == 0 {
		return nil
	}
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+columns+")")
	if err != nil {
		return failed("insert into "+table, err)
	}
	for i := range n {
		if err := batch.Append(row(i)...); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("insert into %s: row %d: %w", table, i, err)
		}
	}
	if err := batch.Send(); err != nil {
		return failed("insert into "+table, err)
	}
	return nil
}

// failed names the operation of an error. The URL of a request that did not get
// through holds every parameter of its statement; it says nothing to a reader.
func failed(operation string, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// withoutValues takes the values of a refused row out of an error: they are the
// operator's data, and errors are logged and shown.
func withoutValues(err error) error {
	var refused *clickhouse.Exception
	if !errors.As(err, &refused) {
		return err
	}
	if at := strings.Index(refused.Message, "Column values:"); at >= 0 {
		plain := *refused
		plain.Message = refused.Message[:at] + "Column values: not shown"
		return &plain
	}
	return err
}

// Code is ClickHouse's number of an error, 0 if it is none of ClickHouse's.
func Code(err error) int32 {
	var ex *clickhouse.Exception
	if errors.As(err, &ex) {
		return ex.Code
	}
	return 0
}

// nullTime is NULL for the zero time.
func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// Instant writes an instant as a parameter of type DateTime64(6, 'UTC').
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }
