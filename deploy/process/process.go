// Package process is what every long-running command needs of a process: the
// log, the end by signal, services that run and stop together, readiness with
// its reasons, and telemetry in Prometheus's text format.
//
// Only main.go uses it. Rooms take what they need as a logger, a func or a small
// interface of their own.
//
//   - process.go: log and signals
//   - services.go: services that run and stop together
//   - health.go: readiness
//   - telemetry.go: counters, gauges, histograms
package process

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"
)

// NewLogger writes to w the records of level and above. level is debug, info,
// warn or error; format is text or json.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		// Nothing depends on the machine's zone.
		if a.Key == slog.TimeKey && len(groups) == 0 {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("make the log: format %q is neither text nor json", format)
}

// UntilSignal returns a context that ends at the first SIGINT or SIGTERM; its
// cause names the signal. From then on signals have their usual effect, so a
// second one ends the process at once. Call stop when the work is done.
func UntilSignal(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
