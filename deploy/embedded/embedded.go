// Package embedded is ClickHouse and Kafka inside the process, for one machine,
// the demo and the tests. The ClickHouse engine is libchdb, loaded without cgo and
// spoken to as to a server: by an http.Handler with ClickHouse's HTTP interface,
// which the driver reaches in the process through a RoundTripper. The broker is
// franz-go's kfake with its log in the same folder.
//
// A folder is held by one process. Others that open it become its guests and
// work through its socket and its broker.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say what to open.
type Options struct {
	// Dir is the folder of the data; it is made if need be.
	Dir string
	// Topics are the Kafka topics to have, with their numbers of partitions. A
	// topic that has fewer gets more, one that has more keeps them. A guest's
	// topics are the holder's.
	Topics map[string]int32
	// Statements bounds how many statements run at once; 0 is 64. One that
	// waits for rows to be read counts.
	Statements int
	// SegmentBytes is the size of a file of the broker's log; 0 is the broker's own
	// 100 MiB. Trim frees whole files.
	SegmentBytes int
	// Logger takes what happens inside; nil drops it.
	Logger *slog.Logger
}

// DefaultStatements is the bound on statements that run at once unless Options say
// another. It leaves room for pages and jobs that read one answer while
// they ask the next question.
const DefaultStatements = 64

// Instance is an open folder: held by this process, or by another one that
// serves it.
type Instance struct {
	holder    *holder
	guest     *guest
	transport http.RoundTripper
	handler   http.Handler
	close     sync.Once
}

// holders are the folders that this process holds. The engine allows one; a
// second Open of it shares it.
var holders struct {
	sync.Mutex
	byDir map[string]*holder
}

// retryPause is the pause between two tries to get at a folder which another
// process is just opening or leaving.
const retryPause = 50 * time.Millisecond

// Open opens a folder. The first process gets the lock, starts the engine and the
// broker and serves them to others; it is the holder until Close. Any other one
// becomes a guest. While the holder is just starting or stopping, Open waits, as
// long as ctx allows.
//
// A process can hold one folder at a time, which the engine dictates: a second
// Open of the same folder shares it, one of another folder is an error. A missing
// engine is an error that wraps ErrNoEngine.
func Open(ctx context.Context, options Options) (*Instance, error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Statements <= 0 {
		options.Statements = DefaultStatements
	}
	if options.Dir == "" {
		return nil, errors.New("open the embedded engine: no data folder is named")
	}
	// A folder that is there may have a holder, whose guests need no engine. A new
	// one is made only where it can be used.
	if _, err := os.Stat(options.Dir); errors.Is(err, os.ErrNotExist) {
		if _, err := loadLibrary(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	// One folder has one name, whatever links and relative paths lead to it.
	dir, err := filepath.Abs(options.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	options.Dir = dir
	for {
		instance, busy, err := open(ctx, options)
		if err != nil || instance != nil {
			return instance, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open %s: another process has the lock but does not answer: %w: %w", dir, busy, context.Cause(ctx))
		case <-time.After(retryPause):
		}
	}
}

// open tries once. It gives no instance when another process has the lock and is
// not to be reached, with the reason in busy.
func open(ctx context.Context, options Options) (instance *Instance, busy, err error) {
	holders.Lock()
	defer holders.Unlock()
	if h := holders.byDir[options.Dir]; h != nil {
		if err := h.broker.Ensure(ctx, options.Topics); err != nil {
			return nil, nil, err
		}
		h.users++
		return h.instance(), nil, nil
	}
	lock, err := lockFolder(options.Dir)
	if err != nil {
		return nil, nil, err
	}
	if lock == nil {
		g, busy := visit(ctx, options.Dir)
		if busy != nil {
			return nil, busy, nil
		}
		return g.instance(), nil, nil
	}
	h, err := hold(ctx, options, lock)
	if err != nil {
		return nil, nil, err
	}
	if holders.byDir == nil {
		holders.byDir = make(map[string]*holder)
	}
	holders.byDir[options.Dir] = h
	return h.instance(), nil, nil
}

// Holder says whether this process holds the folder.
func (i *Instance) Holder() bool { return i.holder != nil }

// Transport carries requests of ClickHouse's HTTP interface to the engine,
// whatever host their URL names; clickhouse-go takes it by Options.TransportFunc,
// and must be opened with no compression.
func (i *Instance) Transport() http.RoundTripper { return i.transport }

// Handler is ClickHouse's HTTP interface to the engine, e.g. for Serve.
func (i *Instance) Handler() http.Handler { return i.handler }

// Brokers are the addresses of the Kafka broker, host and port.
func (i *Instance) Brokers() []string {
	if i.holder != nil {
		return i.holder.broker.Addrs()
	}
	return append([]string(nil), i.guest.published.Brokers...)
}

// Trim lets the broker forget the messages of a partition before an offset, but
// not the last one: with it the log keeps its place over a crash. Only the holder
// can.
func (i *Instance) Trim(topic string, partition int32, before int64) error {
	if i.holder == nil {
		return errors.New("trim the broker's log: another process holds the data folder")
	}
	return i.holder.broker.trim(topic, partition, before)
}

// Ready says whether engine and broker answer; nil is yes.
func (i *Instance) Ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://embedded/?query=SELECT+1", nil)
	if err != nil {
		return fmt.Errorf("ask the ClickHouse engine: %w", err)
	}
	response, err := i.transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the ClickHouse engine: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("ask the ClickHouse engine: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the ClickHouse engine: %s", response.Status)
	}
	for _, address := range i.Brokers() {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("reach the Kafka broker: %w", err)
		}
		if err := conn.Close(); err != nil {
			return fmt.Errorf("reach the Kafka broker: %w", err)
		}
	}
	return nil
}

// Close gives the folder up. The holder's last Close waits for the running
// statements, stops the engine and the broker and frees the folder.
func (i *Instance) Close() error {
	var err error
	i.close.Do(func() {
		if i.guest != nil {
			i.guest.http.CloseIdleConnections()
			return
		}
		holders.Lock()
		defer holders.Unlock()
		i.holder.users--
		if i.holder.users > 0 {
			return
		}
		delete(holders.byDir, i.holder.dir)
		err = i.holder.close()
	})
	return err
}

func (h *holder) instance() *Instance {
	return &Instance{holder: h, transport: &transport{handler: h.handler, stopping: h.stopping}, handler: h.handler}
}

func (g *guest) instance() *Instance {
	proxy := &httputil.ReverseProxy{
		Transport: g,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "embedded"
		},
		// A block is passed on as it comes.
		FlushInterval: -1,
	}
	return &Instance{guest: g, transport: g, handler: proxy}
}
