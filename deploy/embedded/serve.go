package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// newServer makes a server of ClickHouse's HTTP interface. Statements may take
// any time, so only the headers have a limit.
func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// Listen opens the TCP address on which Serve answers. The engine has no
// password, so an address that is not of the loopback interface is refused unless
// anyone may come.
func Listen(address string, anyone bool) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if !anyone && !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: the embedded engine has no password, so whoever reaches this address can read and change everything: take a loopback address such as 127.0.0.1:8123, or say that anyone may come", address)
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// Serve answers ClickHouse's HTTP interface on a listener until ctx ends; running
// statements get a moment to end.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := newServer(sameSite(handler), logger)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve ClickHouse's HTTP interface: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		if err := errors.Join(err, server.Close()); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("stop serving ClickHouse's HTTP interface: %w", err)
		}
	}
	return nil
}

// sameSite refuses what a browser sends for a foreign page: there is no password
// that such a page would not know.
func sameSite(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "requests of web pages are refused", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	})
}
