package embedded

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// handler speaks ClickHouse's HTTP interface over an engine: statement in the
// URL, in the body or in both, typed parameters, settings, any format, rows
// streamed both ways.
type handler struct {
	engine *engine
	logger *slog.Logger
}

// ClickHouse's codes for what this package refuses by itself.
const (
	codeNotImplemented = 48
	codeSyntax         = 62
	codeSetting        = 115
	codeReadOnly       = 164
	codeQueryTooLarge  = 307
	codeNetwork        = 210
	codePassword       = 516
)

// statuses are the HTTP statuses of ClickHouse's codes, as its own server gives
// them; every other code is 500.
var statuses = map[int]int{
	6: 400, 8: 400, 15: 400, 25: 400, 26: 400, 27: 400, 38: 400, 41: 400, 44: 400, 53: 400, 61: 400, 62: 400, 72: 400,
	117: 400, 167: 400, 168: 400, 179: 400, 321: 400, 376: 400, 441: 400, 675: 400, 676: 400,
	46: 404, 47: 404, 50: 404, 56: 404, 60: 404, 63: 404, 73: 404, 78: 404, 81: 404, 115: 404, 336: 404,
	codeNotImplemented: 501, 159: 408, codeQueryTooLarge: 413, codePassword: 403, 209: 503, 439: 503,
}

// request is what a client asks for, read from the URL and the headers.
type request struct {
	queryID   string
	statement string
	format    string
	session   session
	params    parameters
	// hello says that the client takes answers in the form of the native
	// protocol's revision, at which the driver's first query must be answered.
	revision int
	readOnly bool
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// unsupported are the URL's keys that ask for what is not there, with the
// reason; a value that asks for nothing is let through.
var unsupported = map[string]string{
	"session_id":        "sessions over several requests are not supported by the embedded engine: name the database and the settings in each request",
	"session_check":     "sessions are not supported by the embedded engine",
	"session_timeout":   "sessions are not supported by the embedded engine",
	"compress":          "ClickHouse's own compression is not supported by the embedded engine: open the driver with no compression",
	"decompress":        "ClickHouse's own compression is not supported by the embedded engine: open the driver with no compression",
	"wait_end_of_query": "wait_end_of_query is not supported by the embedded engine: an answer that fails half way is cut off, never ended",
	"buffer_size":       "buffer_size is not supported by the embedded engine: answers are streamed",
	"role":              "roles are not supported by the embedded engine: it has one user",
	"stacktrace":        "stacktrace is not supported by the embedded engine",
}

// readRequest reads a request's URL and headers.
func readRequest(r *http.Request) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refusal(codeSyntax, "SYNTAX_ERROR", fmt.Sprintf("the URL's query cannot be read: %v", err))
	}
	q := &request{
		queryID:  values.Get("query_id"),
		format:   r.Header.Get("X-ClickHouse-Format"),
		session:  session{database: r.Header.Get("X-ClickHouse-Database"), settings: make(map[string]string)},
		params:   make(parameters),
		readOnly: r.Method == http.MethodGet || r.Method == http.MethodHead,
	}
	user, password, _ := r.BasicAuth()
	if name := r.Header.Get("X-ClickHouse-User"); name != "" {
		user = name
	}
	if key := r.Header.Get("X-ClickHouse-Key"); key != "" {
		password = key
	}
	for name, all := range values {
		value := all[len(all)-1]
		switch name {
		case "query":
			q.statement = value
		case "database":
			q.session.database = value
		case "default_format":
			q.format = value
		case "user":
			user = value
		case "password":
			password = value
		case "query_id", "quota_key", tagSetting:
			// Quotas do not exist here, and the tag is the connection's own.
		case "client_protocol_version":
			if q.revision, err = strconv.Atoi(value); err != nil {
				return nil, refusal(codeSyntax, "SYNTAX_ERROR", fmt.Sprintf("client_protocol_version %q is not a number", value))
			}
		default:
			if reason, found := unsupported[name]; found {
				if value == "" || value == "0" || value == "false" {
					continue
				}
				return nil, refusal(codeNotImplemented, "NOT_IMPLEMENTED", reason)
			}
			if parameter, found := strings.CutPrefix(name, "param_"); found {
				q.params[parameter] = value
				continue
			}
			if !settingName.MatchString(name) {
				return nil, refusal(codeSetting, "UNKNOWN_SETTING", fmt.Sprintf("the URL's key %q is not the name of a setting", name))
			}
			q.session.settings[name] = value
		}
	}
	if user != "" && user != "default" || password != "" {
		return nil, refusal(codePassword, "AUTHENTICATION_FAILED", fmt.Sprintf("%s: the embedded engine has the user default without a password, and no other", user))
	}
	if q.format == "" {
		q.format = "TabSeparated"
	}
	if q.queryID == "" {
		q.queryID = newQueryID()
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, refusal(codeNotImplemented, "NOT_IMPLEMENTED", "external tables (multipart/form-data) are not supported by the embedded engine")
	}
	return q, nil
}

// newQueryID makes an id in the form of a version 4 UUID.
func newQueryID() string {
	var id [16]byte
	// rand.Read never fails.
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text := hex.EncodeToString(id[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" || r.URL.Path == "/" && r.URL.RawQuery == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		_, _ = io.WriteString(w, "Ok.\n")
		return
	}
	if r.URL.Path != "/" && r.URL.Path != "" {
		http.Error(w, "There is no handle "+r.URL.Path+"\n\nUse / or /ping.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "the method is not GET, HEAD or POST", http.StatusMethodNotAllowed)
		return
	}
	a := &answer{w: w, tag: newTag()}
	q, err := readRequest(r)
	if err == nil {
		a.begin(q)
		err = h.serve(r.Context(), a, q, r)
	}
	if err != nil {
		h.logger.DebugContext(r.Context(), "statement failed", "query_id", w.Header().Get("X-ClickHouse-Query-Id"), "error", err)
		a.fail(err)
	}
}

// serve runs the statement of a request.
func (h *handler) serve(ctx context.Context, a *answer, q *request, r *http.Request) error {
	body := io.Reader(r.Body)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return refusal(codeNetwork, "NETWORK_ERROR", fmt.Sprintf("the body is not gzip: %v", err))
		}
		// Close checks nothing that reading has not.
		defer func() { _ = unpacked.Close() }()
		body = unpacked
	default:
		return refusal(codeNotImplemented, "NOT_IMPLEMENTED", fmt.Sprintf("a body in Content-Encoding %s is not supported by the embedded engine: send it plain or as gzip", encoding))
	}
	statement, parts, rows, err := readStatement(q.statement, body)
	if err != nil {
		return err
	}
	if parts == nil && q.revision > 0 && strings.TrimSpace(statement) == driverHello {
		return h.hello(ctx, a, q)
	}
	c, err := h.engine.acquire(ctx, q.session)
	if err != nil {
		return err
	}
	end := c.killWhenDone(ctx)
	clean := true
	switch {
	case parts == nil:
		clean, err = h.query(ctx, a, c, q, statement)
	case q.readOnly:
		err = refuseWrite()
	default:
		err = h.insert(ctx, a, c, q, parts, rows)
	}
	end()
	// The engine keeps a statement that failed or was killed, and all that it
	// holds, until the next one on the connection.
	if clean && err == nil && ctx.Err() == nil {
		c.release()
	} else {
		c.retire()
	}
	return err
}

func refuseWrite() error {
	return refusal(codeReadOnly, "READONLY", "Cannot execute query in readonly mode. The method GET implies readonly: send what changes something by POST")
}

// maxStatement bounds a statement's text, rows left out: ClickHouse takes 256 KiB
// itself unless max_query_size says more.
const maxStatement = 16 << 20

// firstRead is how much of a body is read at once to find where an INSERT's rows
// begin.
const firstRead = 64 << 10

// readStatement gives a request's statement: the URL's, the body's, or the one
// after the other. For an INSERT whose rows follow it gives its parts, and the
// reader of the rows.
func readStatement(inURL string, body io.Reader) (statement string, parts *insertParts, rows io.Reader, err error) {
	if firstWord(inURL) == "INSERT" {
		if found := splitInsert(inURL); !found.open && !found.selects {
			inline := io.Reader(strings.NewReader(found.rows))
			if strings.TrimSpace(found.rows) != "" {
				inline = io.MultiReader(inline, strings.NewReader("\n"))
			} else {
				inline = strings.NewReader("")
			}
			return found.statement, &found, io.MultiReader(inline, body), nil
		}
	}
	var head bytes.Buffer
	head.WriteString(inURL)
	if inURL != "" {
		head.WriteByte('\n')
	}
	for want := int64(firstRead); ; want *= 2 {
		n, err := io.CopyN(&head, body, want)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return "", nil, nil, fmt.Errorf("read the statement: %w", err)
		}
		text := head.String()
		if firstWord(text) == "INSERT" {
			found := splitInsert(text)
			// Where the text was cut, a word may go on after it.
			if !found.open && !found.selects && (ended || found.rows != "") {
				return found.statement, &found, io.MultiReader(strings.NewReader(found.rows), body), nil
			}
			if ended && found.open && strings.TrimSpace(text) != "" {
				// It names no format and has no rows: ClickHouse takes VALUES.
				return text, nil, nil, nil
			}
		}
		if ended {
			return text, nil, nil, nil
		}
		if n == 0 || head.Len() > maxStatement {
			return "", nil, nil, refusal(codeQueryTooLarge, "QUERY_IS_TOO_LARGE", fmt.Sprintf("the statement is longer than %d MiB", maxStatement>>20))
		}
	}
}

// pieceSize is the size of the pieces in which rows are read.
const pieceSize = 256 << 10

// insert stores the rows that follow an INSERT.
func (h *handler) insert(ctx context.Context, a *answer, c *conn, q *request, parts *insertParts, rows io.Reader) error {
	in, err := c.insert(strings.TrimSpace(parts.statement), parts.format, q.params)
	if err != nil {
		drain(rows)
		return err
	}
	piece := make([]byte, pieceSize)
	for {
		n, err := rows.Read(piece)
		if !in.write(piece[:n]) {
			_, failed := in.finish()
			if failed == nil {
				failed = refusal(unknownException, "UNKNOWN_EXCEPTION", "the engine stopped to take rows and does not say why")
			}
			drain(rows)
			return failed
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if ctx.Err() != nil {
			in.abandon()
			return context.Cause(ctx)
		}
		if err != nil {
			in.abandon()
			return refusal(codeNetwork, "NETWORK_ERROR", fmt.Sprintf("the rows broke off: %v", err))
		}
	}
	// A client that has gone cannot be told that its rows are stored.
	if ctx.Err() != nil {
		in.abandon()
		return context.Cause(ctx)
	}
	done, err := in.finish()
	if err != nil {
		return err
	}
	a.summarise(done)
	return nil
}

// drainLimit bounds what is read of rows that nobody wants.
const drainLimit = 256 << 20

// drain reads rows to their end: most clients look at the answer only after
// they have sent all, and see a broken connection instead of the error if they
// cannot.
func drain(rows io.Reader) {
	_, _ = io.Copy(io.Discard, io.LimitReader(rows, drainLimit))
}

// query runs any other statement. It says whether the connection is as it was
// before.
func (h *handler) query(ctx context.Context, a *answer, c *conn, q *request, statement string) (clean bool, err error) {
	kind, statements, err := c.classify(statement)
	if err != nil {
		return false, err
	}
	if statements > 1 {
		return true, refusal(codeSyntax, "SYNTAX_ERROR", "Multi-statements are not allowed: send one statement in a request")
	}
	if trimEnd(statement) == "" {
		return true, refusal(codeSyntax, "SYNTAX_ERROR", "Empty query")
	}
	if kind == classControl && hasWord(statement, "OUTFILE") {
		return true, refusal(codeNotImplemented, "NOT_IMPLEMENTED", "INTO OUTFILE is not supported over HTTP: the answer is the output")
	}
	if q.readOnly && kind != classReadOnly && kind != classUnknown {
		return true, refuseWrite()
	}
	// SET, USE and temporary tables would stay with the connection, and the next
	// request on it is another client's.
	clean = kind != classControl && kind != classUnknown && !hasWord(statement, "TEMPORARY")

	format := q.format
	if named := outputFormat(statement); named != "" {
		format = named
	}
	a.w.Header().Set("X-ClickHouse-Format", format)
	a.w.Header().Set("Content-Type", contentType(format))
	form, streamed := streamedFormats[strings.ToUpper(format)]
	if kind == classReadOnly && streamed && selects(statement) {
		err = h.stream(ctx, a, c, q, statement, form)
		if !notStreamable(err) {
			return clean, err
		}
	}
	done, err := c.collect(statement, q.format, q.params, func(all []byte, done outcome) error {
		a.summarise(done)
		return a.write(all)
	})
	if err == nil && len(a.w.Header().Get(summaryHeader)) == 0 {
		a.summarise(done)
	}
	return clean, err
}

// selects says whether a statement may be a SELECT: no other kind is streamed
// by the engine.
func selects(statement string) bool {
	switch firstWord(statement) {
	case "SELECT", "WITH", "FROM":
		return true
	}
	return false
}

// notStreamable recognises the engine's refusal, before it has done anything, to
// stream a statement that is not a SELECT after all.
func notStreamable(err error) bool {
	var exception *Exception
	return errors.As(err, &exception) && exception.Code == 36 && strings.Contains(exception.Text, "Streaming query is not supported")
}

// stream runs a SELECT and sends its blocks as they come.
func (h *handler) stream(ctx context.Context, a *answer, c *conn, q *request, statement string, form documentForm) error {
	header := form.header
	err := c.stream(ctx, statement, q.format, q.params, func(piece []byte) error {
		if a.started && header != nil {
			// Each piece is a document of its own and repeats what stands at the top.
			piece = piece[header(piece):]
		}
		return a.write(piece)
	})
	if err != nil || a.started {
		return err
	}
	// There were no rows, and so no piece that would name the columns.
	switch {
	case form.native:
		return h.emptyBlock(a, c, q, statement)
	case header != nil:
		_, err := c.collect(statement, q.format, q.params, func(all []byte, _ outcome) error { return a.write(all) })
		return err
	}
	return nil
}

// emptyBlock sends a Native block with a query's columns and no rows: what
// ClickHouse's server sends, and what a client takes the columns from.
func (h *handler) emptyBlock(a *answer, c *conn, q *request, statement string) error {
	var names, types, other proto.ColStr
	_, err := c.collect("DESCRIBE TABLE (\n"+trimEnd(statement)+"\n)", "Native", q.params, func(all []byte, _ outcome) error {
		if len(all) == 0 {
			return nil
		}
		var block proto.Block
		results := proto.Results{{Name: "name", Data: &names}, {Name: "type", Data: &types}}
		for _, name := range []string{"default_type", "default_expression", "comment", "codec_expression", "ttl_expression"} {
			results = append(results, proto.ResultColumn{Name: name, Data: &other})
		}
		return block.DecodeRawBlock(proto.NewReader(bytes.NewReader(all)), 0, results)
	})
	if err != nil {
		return fmt.Errorf("describe the columns of an empty answer: %w", err)
	}
	var buffer proto.Buffer
	buffer.PutUVarInt(uint64(names.Rows()))
	buffer.PutUVarInt(0)
	for i := range names.Rows() {
		buffer.PutString(names.Row(i))
		buffer.PutString(types.Row(i))
	}
	return a.write(buffer.Buf)
}

// driverHello is the first query of clickhouse-go on a connection.
const driverHello = "SELECT displayName(), version(), revision(), timezone()"

// hello answers the driver's first query. It expects a block of the native
// protocol's revision that it names, which the engine does not print. The answer
// says that the server has revision 0, and from then on the driver takes plain
// Native blocks, which are just what the engine prints.
func (h *handler) hello(ctx context.Context, a *answer, q *request) error {
	c, err := h.engine.acquire(ctx, session{})
	if err != nil {
		return err
	}
	defer c.release()
	var version, zone string
	_, err = c.collect("SELECT version(), timezone()", "TSV", nil, func(all []byte, _ outcome) error {
		version, zone, _ = strings.Cut(strings.TrimSpace(string(all)), "\t")
		return nil
	})
	if err != nil {
		return err
	}
	var (
		names, versions, zones proto.ColStr
		revisions              proto.ColUInt32
		buffer                 proto.Buffer
	)
	names.Append("embedded")
	versions.Append(version)
	revisions.Append(0)
	zones.Append(zone)
	block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: 4, Rows: 1}
	err = block.EncodeBlock(&buffer, q.revision, []proto.InputColumn{
		{Name: "displayName()", Data: &names},
		{Name: "version()", Data: &versions},
		{Name: "revision()", Data: &revisions},
		{Name: "timezone()", Data: &zones},
	})
	if err != nil {
		return fmt.Errorf("encode the answer to the driver's first query: %w", err)
	}
	return a.write(buffer.Buf)
}

// answer writes a response.
type answer struct {
	w       http.ResponseWriter
	tag     string
	started bool
}

const summaryHeader = "X-ClickHouse-Summary"

// begin sets the headers that every answer has.
func (a *answer) begin(q *request) {
	header := a.w.Header()
	header.Set("X-ClickHouse-Query-Id", q.queryID)
	header.Set("X-ClickHouse-Server-Display-Name", "embedded")
	header.Set("X-ClickHouse-Timezone", "UTC")
	header.Set("X-ClickHouse-Exception-Tag", a.tag)
}

// summarise tells what a statement that has ended did.
func (a *answer) summarise(done outcome) {
	text, err := json.Marshal(map[string]string{
		"read_rows":     strconv.FormatUint(done.readRows, 10),
		"read_bytes":    strconv.FormatUint(done.readBytes, 10),
		"written_rows":  strconv.FormatUint(done.writtenRows, 10),
		"written_bytes": strconv.FormatUint(done.writtenBytes, 10),
	})
	if err == nil && !a.started {
		a.w.Header().Set(summaryHeader, string(text))
	}
}

// errClientGone wraps what went wrong in sending to the client.
var errClientGone = errors.New("the client takes no more")

func (a *answer) write(piece []byte) error {
	if len(piece) == 0 {
		return nil
	}
	a.started = true
	if _, err := a.w.Write(piece); err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	return nil
}

// fail ends the answer with an error. One that has begun is cut off, after the
// frame by which ClickHouse tells the client why, so that no client takes it for
// a whole one.
func (a *answer) fail(err error) {
	var exception *Exception
	if !errors.As(err, &exception) {
		exception = refusal(codeNetwork, "NETWORK_ERROR", err.Error())
	}
	if !a.started {
		status, found := statuses[exception.Code]
		if !found {
			status = http.StatusInternalServerError
		}
		header := a.w.Header()
		header.Set("Content-Type", "text/plain; charset=UTF-8")
		header.Set("X-ClickHouse-Exception-Code", strconv.Itoa(exception.Code))
		header.Del("X-ClickHouse-Format")
		a.w.WriteHeader(status)
		_, _ = io.WriteString(a.w, exception.Text+"\n")
		return
	}
	if !errors.Is(err, errClientGone) {
		text := exception.Text
		const limit = 8 << 10
		if len(text) > limit {
			text = text[:limit]
		}
		_, _ = fmt.Fprintf(a.w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", a.tag, text, len(text)+1, a.tag)
		_ = http.NewResponseController(a.w).Flush()
	}
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut an answer off
}

// newTag makes the random word that tells a true exception in an answer from
// rows that look like one.
func newTag() string {
	var raw [8]byte
	// rand.Read never fails.
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
