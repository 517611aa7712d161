package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// engine is the one ClickHouse engine of the process: a bounded pool of
// connections to it, and one more connection over which running statements are
// killed. The engine has one storage folder for all of its connections.
type engine struct {
	lib  *library
	path string

	// slots bounds the statements that run at once; holding one is the right
	// to take a connection.
	slots chan struct{}
	// closed is closed when the engine is being stopped.
	closed chan struct{}

	mu     sync.Mutex
	idle   []*conn
	nextID int

	// killer is kept from the start to the end: a statement can be killed when
	// all other connections are taken, and the engine, which is torn down with
	// its last connection, lives as long as this one.
	killer   *conn
	killerMu sync.Mutex
}

// process holds what libchdb allows once in a process.
var process struct {
	sync.Mutex
	engine *engine
	users  int
}

// openEngine starts the engine on a folder, or takes one more share in it when
// it runs on that folder already. The engine has one folder at a time in a
// process, so any other folder is an error until the last share is given back
// by release.
func openEngine(path string, statements int) (*engine, error) {
	process.Lock()
	defer process.Unlock()
	if process.engine != nil {
		if process.engine.path != path {
			return nil, fmt.Errorf("open the ClickHouse engine on %s: this process already has it open on %s, and it allows one folder in a process", path, process.engine.path)
		}
		process.users++
		return process.engine, nil
	}
	lib, err := loadLibrary()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the ClickHouse engine's folder: %w", err)
	}
	if err := writeFile(filepath.Join(path, configFile), []byte(config)); err != nil {
		return nil, fmt.Errorf("write the ClickHouse engine's configuration: %w", err)
	}
	e := &engine{lib: lib, path: path, slots: make(chan struct{}, statements), closed: make(chan struct{})}
	// Only the first connection starts the engine, and only the start touches the
	// signal handlers.
	if signalErr := keepSignals(func() { e.killer, err = e.connect() }); err == nil {
		err = signalErr
	}
	if err != nil {
		return nil, fmt.Errorf("open the ClickHouse engine on %s: %w", path, err)
	}
	process.engine, process.users = e, 1
	return e, nil
}

// release gives a share in the engine back. The last one waits until the
// running statements have ended, closes all connections and so stops the engine.
func (e *engine) release() {
	process.Lock()
	defer process.Unlock()
	process.users--
	if process.users > 0 {
		return
	}
	close(e.closed)
	for range cap(e.slots) {
		e.slots <- struct{}{}
	}
	for _, c := range e.idle {
		c.close()
	}
	e.killer.close()
	process.engine = nil
}

// configFile is the engine's configuration, in its folder. Without one named the
// engine takes a config.xml of the working folder, of the home folder or of /etc,
// and a foreign file there would change what this program does.
const (
	configFile = "engine.xml"
	config     = "<!-- Written at each start. -->\n<clickhouse></clickhouse>\n"
)

// tagSetting marks a connection's statements in system.processes, so that the
// one running statement of a connection can be found and killed: the engine
// makes its query ids itself and does not tell them. The setting was chosen
// because it means nothing here: it paces headers that only ClickHouse's own
// HTTP server sends.
const tagSetting = "http_headers_progress_interval_ms"

// ownSettings are the settings in which the engine's connections differ from its
// own defaults.
var ownSettings = map[string]string{
	// A server does not take "1 + 1" for a query, so neither does this one.
	"implicit_select": "0",
	// Rows that come as text are gathered to blocks of a million, whatever their
	// size, before any are stored; this bounds the memory that long rows take.
	"max_insert_block_size_bytes": "67108864",
}

// connect opens one more connection.
func (e *engine) connect() (*conn, error) {
	e.mu.Lock()
	e.nextID++
	id := e.nextID
	e.mu.Unlock()
	c := &conn{engine: e, tag: strconv.Itoa(1_000_000_000 + id)}
	arguments := []string{
		"clickhouse",
		"--path=" + e.path,
		"--config-file=" + filepath.Join(e.path, configFile),
		"--" + tagSetting + "=" + c.tag,
	}
	for name, value := range ownSettings {
		arguments = append(arguments, "--"+name+"="+value)
	}
	argv := make([]unsafe.Pointer, len(arguments)+1)
	for i, argument := range arguments {
		argv[i] = unsafe.Pointer(unsafe.StringData(argument + "\x00"))
	}
	c.owner = e.lib.connect(int32(len(arguments)), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if c.owner == 0 {
		return nil, errors.New("the engine refused a connection: its log on standard error says why; another process may have the folder open")
	}
	c.handle = *(*uintptr)(pointer(c.owner))
	return c, nil
}

var errClosed = errors.New("the ClickHouse engine is closed")

// session is what a request asks of the connection that serves it.
type session struct {
	// database is the current one; "" is the default one.
	database string
	settings map[string]string
}

// acquire waits for a free connection and gives it the session's database and
// settings. The caller gives it back by release or retire.
func (e *engine) acquire(ctx context.Context, wanted session) (*conn, error) {
	if wanted.database == "" {
		wanted.database = "default"
	}
	select {
	case <-e.closed:
		return nil, errClosed
	default:
	}
	select {
	case e.slots <- struct{}{}:
	case <-e.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a connection to the ClickHouse engine: %w", context.Cause(ctx))
	}
	c, err := e.take(wanted)
	if err != nil {
		<-e.slots
		return nil, err
	}
	if err := c.adopt(wanted); err != nil {
		// Some of the settings may have been taken over: a new connection costs
		// a fifth of a millisecond and knows none of them.
		c.retire()
		return nil, err
	}
	return c, nil
}

// take gives an idle connection, best one that has the session already, or a
// new one.
func (e *engine) take(wanted session) (*conn, error) {
	e.mu.Lock()
	for i, c := range slices.Backward(e.idle) {
		if c.session.database == wanted.database && maps.Equal(c.session.settings, wanted.settings) {
			e.idle = slices.Delete(e.idle, i, i+1)
			e.mu.Unlock()
			return c, nil
		}
	}
	// Below the bound a new connection is cheaper than changing an old one back
	// and forth; at the bound the one that was idle longest is changed.
	if len(e.idle) > 0 && len(e.idle) >= cap(e.slots)-len(e.slots)+1 {
		c := e.idle[0]
		e.idle = e.idle[1:]
		e.mu.Unlock()
		return c, nil
	}
	e.mu.Unlock()
	return e.connect()
}

// conn is one connection. It runs one statement at a time and is used by one
// goroutine at a time.
type conn struct {
	engine *engine
	// owner is what the engine gave and what it takes back at the end; handle is
	// what its calls take.
	owner, handle uintptr
	tag           string
	session       session
}

// release gives the connection back for the next statement.
func (c *conn) release() {
	c.engine.mu.Lock()
	c.engine.idle = append(c.engine.idle, c)
	c.engine.mu.Unlock()
	<-c.engine.slots
}

// retire closes the connection instead of giving it back, because its state is
// not known any more.
func (c *conn) retire() {
	c.close()
	<-c.engine.slots
}

func (c *conn) close() {
	c.engine.lib.closeConn(c.owner)
}

// adopt makes the wanted database and settings those of the connection.
func (c *conn) adopt(wanted session) error {
	if c.session.database == "" {
		c.session.database = "default"
	}
	if wanted.database != c.session.database {
		if _, err := c.run("USE "+quoteName(wanted.database), "", nil); err != nil {
			return err
		}
		c.session.database = wanted.database
	}
	var changes []string
	for name, value := range wanted.settings {
		if current, set := c.session.settings[name]; !set || current != value {
			changes = append(changes, name+" = "+quoteText(value))
		}
	}
	for name := range c.session.settings {
		if _, kept := wanted.settings[name]; kept {
			continue
		}
		if own, found := ownSettings[name]; found {
			changes = append(changes, name+" = "+quoteText(own))
		} else {
			changes = append(changes, name+" = DEFAULT")
		}
	}
	if len(changes) == 0 {
		return nil
	}
	slices.Sort(changes)
	if _, err := c.run("SET "+strings.Join(changes, ", "), "", nil); err != nil {
		return err
	}
	c.session.settings = maps.Clone(wanted.settings)
	return nil
}

// quoteName quotes an identifier for SQL.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// quoteText quotes a string for SQL.
func quoteText(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}

// killInterval is the pause between two tries to kill a statement: a try comes
// to nothing when the statement is not yet, or no longer, in system.processes.
const killInterval = 20 * time.Millisecond

// killWhenDone kills the connection's statements from the moment that ctx ends.
// The function that it gives ends the watch and must be called when the
// statement has returned, before the connection runs another one: after it no
// kill is under way.
func (c *conn) killWhenDone(ctx context.Context) (end func()) {
	over := make(chan struct{})
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(killed)
		pause := time.NewTicker(killInterval)
		defer pause.Stop()
		for {
			c.engine.kill(c.tag)
			select {
			case <-over:
				return
			case <-pause.C:
			}
		}
	})
	return func() {
		close(over)
		if !stop() {
			<-killed
		}
	}
}

// kill kills the running statement of the connection with a tag, if there is
// one. Its outcome shows in that statement's own end, so there is none here.
func (e *engine) kill(tag string) {
	e.killerMu.Lock()
	defer e.killerMu.Unlock()
	result := e.killer.call(e.lib.query, "KILL QUERY WHERE Settings["+quoteText(tagSetting)+"] = "+quoteText(tag)+" ASYNC", "Null", nil)
	e.lib.destroyResult(result)
}

// parameters are the values of a statement's {name:Type} places, as text in
// ClickHouse's escaped form.
type parameters map[string]string

// statementCall is the shape that the engine's calls share which take a
// statement, a format and parameters.
type statementCall func(conn uintptr, text unsafe.Pointer, textLen uintptr, format unsafe.Pointer, formatLen uintptr,
	names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr

// call makes such a call. The engine copies what it is given before it returns.
func (c *conn) call(function statementCall, statement, format string, params parameters) uintptr {
	names := make([]unsafe.Pointer, 0, len(params)+1)
	values := make([]unsafe.Pointer, 0, len(params)+1)
	nameLens := make([]uintptr, 0, len(params)+1)
	valueLens := make([]uintptr, 0, len(params)+1)
	for name, value := range params {
		names = append(names, textPointer(name))
		nameLens = append(nameLens, uintptr(len(name)))
		values = append(values, textPointer(value))
		valueLens = append(valueLens, uintptr(len(value)))
	}
	result := function(c.handle,
		textPointer(statement), uintptr(len(statement)), textPointer(format), uintptr(len(format)),
		unsafe.Pointer(unsafe.SliceData(names)), unsafe.Pointer(unsafe.SliceData(nameLens)),
		unsafe.Pointer(unsafe.SliceData(values)), unsafe.Pointer(unsafe.SliceData(valueLens)), uintptr(len(params)))
	// The foreign call is not seen by the garbage collector.
	runtime.KeepAlive(statement)
	runtime.KeepAlive(format)
	runtime.KeepAlive(names)
	runtime.KeepAlive(nameLens)
	runtime.KeepAlive(values)
	runtime.KeepAlive(valueLens)
	return result
}

// emptyText stands for the empty string, for the engine refuses null pointers
// even for no bytes.
const emptyText = "\x00"

// textPointer points at a string's bytes.
func textPointer(text string) unsafe.Pointer {
	if text == "" {
		text = emptyText
	}
	return unsafe.Pointer(unsafe.StringData(text))
}

// outcome is what a statement that has ended says of itself.
type outcome struct {
	readRows, readBytes, writtenRows, writtenBytes uint64
}

func (c *conn) outcome(result uintptr) outcome {
	lib := c.engine.lib
	return outcome{
		readRows:     lib.resultRowsRead(result),
		readBytes:    lib.resultBytesRead(result),
		writtenRows:  lib.resultRowsWritten(result),
		writtenBytes: lib.resultBytesWritten(result),
	}
}

// resultErr gives the error that a result carries.
func (c *conn) resultErr(result uintptr) error {
	if text := engineText(c.engine.lib.resultError(result)); text != "" {
		return newException(text)
	}
	return nil
}

// run executes a statement whose answer is of no interest.
func (c *conn) run(statement, format string, params parameters) (outcome, error) {
	return c.collect(statement, format, params, func([]byte, outcome) error { return nil })
}

// collect executes a statement of any kind and hands its whole answer to emit
// at once. The bytes are valid until emit returns.
func (c *conn) collect(statement, format string, params parameters, emit func([]byte, outcome) error) (outcome, error) {
	lib := c.engine.lib
	result := c.call(lib.query, statement, format, params)
	defer lib.destroyResult(result)
	if err := c.resultErr(result); err != nil {
		return outcome{}, err
	}
	done := c.outcome(result)
	return done, emit(c.bytes(result), done)
}

// bytes are a result's answer; they belong to the engine and go with the result.
func (c *conn) bytes(result uintptr) []byte {
	length := c.engine.lib.resultLength(result)
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(c.engine.lib.resultBuffer(result))), length)
}

// stream executes a SELECT and hands its answer to emit block by block; each
// piece is a whole document of the format, and valid until emit returns. An
// error of emit, or an end of ctx, cancels the statement.
func (c *conn) stream(ctx context.Context, statement, format string, params parameters, emit func([]byte) error) error {
	lib := c.engine.lib
	stream := c.call(lib.stream, statement, format, params)
	defer lib.destroyResult(stream)
	if err := c.resultErr(stream); err != nil {
		return err
	}
	for {
		more, err := c.fetch(stream, emit)
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			// Harmless when the engine has ended the stream itself.
			lib.cancelStream(c.handle, stream)
			return err
		}
		if !more {
			return nil
		}
	}
}

// fetch hands the stream's next piece to emit; more is false at its end.
func (c *conn) fetch(stream uintptr, emit func([]byte) error) (more bool, err error) {
	lib := c.engine.lib
	result := lib.fetch(c.handle, stream)
	defer lib.destroyResult(result)
	if err := c.resultErr(result); err != nil {
		return false, err
	}
	piece := c.bytes(result)
	if len(piece) == 0 {
		return false, nil
	}
	return true, emit(piece)
}

// insertion is an INSERT under way, whose rows come in pieces.
type insertion struct {
	conn   *conn
	handle uintptr
}

// insert begins an INSERT. The statement ends before its FORMAT or VALUES.
func (c *conn) insert(statement, format string, params parameters) (*insertion, error) {
	lib := c.engine.lib
	in := &insertion{conn: c, handle: c.call(lib.insert, statement, format, params)}
	if text := engineText(lib.insertError(in.handle)); text != "" {
		lib.destroyInsert(in.handle)
		return nil, newException(text)
	}
	return in, nil
}

// write gives the engine a piece of the rows, cut anywhere; it waits when the
// engine is behind. False says that the INSERT has failed: finish tells why.
func (in *insertion) write(piece []byte) bool {
	if len(piece) == 0 {
		return true
	}
	state := in.conn.engine.lib.appendInsert(in.handle, unsafe.Pointer(unsafe.SliceData(piece)), uintptr(len(piece)))
	runtime.KeepAlive(piece)
	return state == 0
}

// finish ends the rows; without an error they are stored.
func (in *insertion) finish() (outcome, error) {
	lib := in.conn.engine.lib
	defer lib.destroyInsert(in.handle)
	result := lib.finishInsert(in.handle)
	defer lib.destroyResult(result)
	if err := in.conn.resultErr(result); err != nil {
		return outcome{}, err
	}
	return in.conn.outcome(result), nil
}

// abandon gives the INSERT up. As in ClickHouse, blocks that were full before
// are stored.
func (in *insertion) abandon() {
	lib := in.conn.engine.lib
	lib.cancelInsert(in.handle)
	lib.destroyInsert(in.handle)
}

// class is what the engine's own parser says a statement does.
type class uint32

const (
	classReadOnly class = iota
	classMutating
	classMutatingGlobal
	// classControl is what changes the session (SET, USE) or reaches outside of
	// the stored tables (INTO OUTFILE, ATTACH, SYSTEM, KILL).
	classControl
	// classUnknown is text that is no statement; running it says why.
	classUnknown
)

// analysis is the engine's structure of that name, version 1.
type analysis struct {
	size, statements, flags, class uint32
}

// classify says what a statement would do, without running it, and how many
// statements the text holds.
func (c *conn) classify(statement string) (kind class, statements int, err error) {
	report := analysis{size: uint32(unsafe.Sizeof(analysis{}))}
	state := c.engine.lib.classify(c.handle, textPointer(statement), uintptr(len(statement)), nil, 0, unsafe.Pointer(&report))
	runtime.KeepAlive(statement)
	if state != 0 {
		return classUnknown, 0, errors.New("the ClickHouse engine could not judge the statement: the connection is closed")
	}
	return class(report.class), int(report.statements), nil
}

// Exception is an error of the ClickHouse engine.
type Exception struct {
	// Code is ClickHouse's number of the error, e.g. 60 for an unknown table.
	Code int
	// Text is the whole message, "Code: 60. DB::Exception: …".
	Text string
}

func (e *Exception) Error() string { return e.Text }

var exceptionCode = regexp.MustCompile(`^Code: (\d+)\.`)

// unknownException is ClickHouse's code for an error that has none.
const unknownException = 1002

// newException reads the engine's message. What has no code gets ClickHouse's
// own for that, so that every client reads it as an exception.
func newException(text string) *Exception {
	text = strings.TrimSpace(text)
	if found := exceptionCode.FindStringSubmatch(text); found != nil {
		if code, err := strconv.Atoi(found[1]); err == nil {
			return &Exception{Code: code, Text: text}
		}
	}
	return refusal(unknownException, "UNKNOWN_EXCEPTION", text)
}

// refusal is an exception of this package's own, in the engine's form.
func refusal(code int, name, reason string) *Exception {
	return &Exception{Code: code, Text: fmt.Sprintf("Code: %d. DB::Exception: %s (%s)", code, reason, name)}
}
