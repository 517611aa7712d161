package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Files in the data folder.
const (
	// lockFile is locked by the holder as long as it lives: the kernel frees the
	// lock of a process that was killed.
	lockFile = "lock"
	// publishedFile is where the holder says how to reach it. It is there while
	// the holder serves, and may be left over from one that was killed.
	publishedFile = "holder.json"
	socketFile    = "clickhouse.sock"
	engineFolder  = "clickhouse"
	brokerFolder  = "kafka"
)

// published is the content of publishedFile.
type published struct {
	PID     int      `json:"pid"`
	Socket  string   `json:"socket"`
	Brokers []string `json:"brokers"`
}

// lockFolder locks a folder for this process; nil without an error says that
// another process has it.
func lockFolder(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the data folder's lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, file.Close()
	}
	return nil, errors.Join(fmt.Errorf("lock the data folder %s: %w", dir, err), file.Close())
}

// holder is a folder that this process holds.
type holder struct {
	dir     string
	users   int
	lock    *os.File
	engine  *engine
	handler http.Handler
	broker  *Broker
	server  *http.Server
	socket  string
	logger  *slog.Logger
	// stopping ends, by stop, when clients in this process have had their time.
	stopping context.Context
	stop     context.CancelFunc
	// base carries what Open's context does, but not its end.
	base context.Context
}

// hold starts everything on a folder that is locked, and serves it.
func hold(ctx context.Context, options Options, lock *os.File) (_ *holder, err error) {
	h := &holder{dir: options.Dir, users: 1, lock: lock, logger: options.Logger}
	h.base = context.WithoutCancel(ctx)
	h.stopping, h.stop = context.WithCancel(h.base)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	// What a killed holder left would lead guests to nowhere.
	if err := os.Remove(filepath.Join(h.dir, publishedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clear the data folder: %w", err)
	}
	if h.engine, err = openEngine(filepath.Join(h.dir, engineFolder), options.Statements); err != nil {
		return nil, err
	}
	h.handler = &handler{engine: h.engine, logger: options.Logger}
	if h.broker, err = openBroker(ctx, filepath.Join(h.dir, brokerFolder), options.Topics, options.SegmentBytes, options.Logger); err != nil {
		return nil, err
	}
	listener, err := h.listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen for other processes: %w", err)
	}
	h.server = newServer(h.handler, options.Logger)
	go func() {
		if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.logger.ErrorContext(h.base, "other processes are not served any more", "error", err)
		}
	}()
	text, err := json.Marshal(published{PID: os.Getpid(), Socket: h.socket, Brokers: h.broker.Addrs()})
	if err == nil {
		err = writeFile(filepath.Join(h.dir, publishedFile), text)
	}
	if err != nil {
		return nil, fmt.Errorf("publish how to reach this process: %w", err)
	}
	return h, nil
}

// maxSocketPath is what the address of a unix socket has room for, its last zero
// byte left out.
const maxSocketPath = 107

// listen opens the socket in the folder, or, when its path would be too long, in
// a folder of its own for temporary files.
func (h *holder) listen(ctx context.Context) (net.Listener, error) {
	h.socket = filepath.Join(h.dir, socketFile)
	if len(h.socket) > maxSocketPath {
		short, err := os.MkdirTemp("", "youzhi-")
		if err != nil {
			return nil, err
		}
		h.socket = filepath.Join(short, socketFile)
	}
	if err := os.Remove(h.socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", h.socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(h.socket, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// goodbye is how long clients have to end what they are doing, first those in
// other processes, then those in this one.
var goodbye = 5 * time.Second

// close stops everything that was started, in the order that guests notice first.
func (h *holder) close() error {
	var errs []error
	if h.server != nil {
		if err := os.Remove(filepath.Join(h.dir, publishedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		patience, cancel := context.WithTimeout(h.base, goodbye)
		defer cancel()
		if h.server.Shutdown(patience) != nil {
			errs = append(errs, h.server.Close())
		}
	}
	if h.socket != "" && filepath.Dir(h.socket) != h.dir {
		errs = append(errs, os.RemoveAll(filepath.Dir(h.socket)))
	}
	if h.broker != nil {
		h.broker.Close()
	}
	if h.engine != nil {
		late := time.AfterFunc(goodbye, h.stop)
		h.engine.release()
		late.Stop()
	}
	h.stop()
	errs = append(errs, h.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the data folder %s: %w", h.dir, err)
	}
	return nil
}

// guest is a folder that another process holds.
type guest struct {
	dir       string
	published published
	http      *http.Transport
}

// visit reaches a folder's holder. An error says that it cannot be reached now.
func visit(ctx context.Context, dir string) (*guest, error) {
	text, err := os.ReadFile(filepath.Join(dir, publishedFile))
	if err != nil {
		return nil, err
	}
	g := &guest{dir: dir}
	if err := json.Unmarshal(text, &g.published); err != nil {
		return nil, fmt.Errorf("read %s: %w", publishedFile, err)
	}
	g.http = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", g.published.Socket)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: DefaultStatements,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://embedded/ping", nil)
	if err != nil {
		return nil, err
	}
	response, err := g.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("process %d answers %s", g.published.PID, response.Status)
	}
	return g, nil
}

// RoundTrip carries a request to the holder.
func (g *guest) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := g.http.RoundTrip(r)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, fmt.Errorf("reach process %d, which holds %s: %w", g.published.PID, g.dir, err)
	}
	return response, err
}
