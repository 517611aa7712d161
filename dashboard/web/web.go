// Package web serves the pages and the API over HTTP: routes, one file per page
// action, one mapping of errors. It is the only user of fiber.
//
// Pages and API ask the same evaluator, so that they give the same numbers.
// Everything is read only; all that a page shows stands in its URL.
package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	fiberrecover "github.com/gofiber/fiber/v2/middleware/recover"

	"youzhi/dashboard/assets"
	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// Component is a part of the process that can be ready or not.
type Component struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
}

// Options say what a Server shows.
type Options struct {
	Evaluator *metrics.Evaluator
	DB        *queries.DB
	Catalogue *catalogue.Catalogue
	// Language is for readers who chose none; empty means Chinese.
	Language page.Language
	Logger   *slog.Logger
	// Now is the clock of freshness and of the default period.
	Now func() time.Time
	// Components tells the readiness of the process's other parts; nil: there are none.
	Components func() []Component
	// QuarantineKeep is how long the bytes of a bad message are kept, AlarmRatio the
	// share of a topic's messages above which the pages say so.
	QuarantineKeep time.Duration
	AlarmRatio     float64
	// Telemetry writes the process's counters for /metrics; nil: there are none.
	Telemetry func(io.Writer) error
	// Timeout bounds a request, 20 s if zero. A question about a past as_of, which
	// folds events again, and an export have six times as long.
	Timeout time.Duration
}

// defaultTimeout bounds a request.
const defaultTimeout = 20 * time.Second

// longer is how many times as long a slow kind of request may take.
const longer = 6

// shutdownTimeout bounds the wait for requests that are under way.
const shutdownTimeout = 5 * time.Second

// Server serves the dashboard.
type Server struct {
	o        Options
	assets   *assets.Set
	renderer *page.Renderer
	filters  filters
	// simulated is what was last read of it, for pages about faults.
	simulated atomic.Pointer[page.Simulation]
}

// New loads assets and templates; it opens nothing.
func New(o Options) (*Server, error) {
	if o.Language == "" {
		o.Language = page.Chinese
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	files, err := assets.Load()
	if err != nil {
		return nil, fmt.Errorf("make dashboard: %w", err)
	}
	renderer, err := page.NewRenderer(files)
	if err != nil {
		return nil, fmt.Errorf("make dashboard: %w", err)
	}
	return &Server{o: o, assets: files, renderer: renderer}, nil
}

// Listen takes an address, host:port, for a Server; port 0 takes a free one. A
// program does it before it opens anything else, so that a port in use is told
// at once.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("serve pages: the address %s is in use by another program", address)
	}
	if err != nil {
		return nil, fmt.Errorf("serve pages: %w", err)
	}
	return listener, nil
}

// Run serves on a listener, which it closes, until ctx ends; requests under way
// get a few seconds.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	app := s.app(ctx)
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	s.o.Logger.InfoContext(ctx, "pages are served", "address", "http://"+listener.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serve pages: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := app.ShutdownWithContext(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("end serving pages: %w", err)
	}
	return nil
}

// app is the routes. ctx is the parent of every request's context.
func (s *Server) app(ctx context.Context) *fiber.App {
	app := fiber.New(fiber.Config{
		// Strings of a request live on in figures and logs.
		Immutable:             true,
		GETOnly:               true,
		CaseSensitive:         true,
		DisableStartupMessage: true,
		BodyLimit:             1 << 10,
		ReadBufferSize:        16 << 10,
		ReadTimeout:           10 * time.Second,
		WriteTimeout:          longer * s.o.Timeout,
		IdleTimeout:           time.Minute,
		ErrorHandler:          s.fault,
	})
	app.Use(s.begin(ctx))
	app.Use(fiberrecover.New())
	app.Use(compress.New(compress.Config{
		Level: compress.LevelBestSpeed,
		// Assets are compressed once, at the start; exports stream.
		Next: func(c *fiber.Ctx) bool {
			return strings.HasPrefix(c.Path(), assets.Prefix) || strings.HasSuffix(c.Path(), ".csv")
		},
	}))

	app.Get(assets.Prefix+":name", s.assetShow)
	app.Get("/", s.overviewShow)
	app.Get("/indicators/:key", s.indicatorShow)
	app.Get("/indicators/:key/export.csv", s.indicatorExport)
	app.Get("/indicators/:key/rows", s.rowsList)
	app.Get("/indicators/:key/rows.csv", s.rowsExport)
	app.Get("/export/figures.csv", s.overviewExport)
	app.Get(page.DelaysPath, s.delaysShow)
	app.Get(page.DelaysPath+".csv", s.delaysExport)
	app.Get(page.ImprovementsPath, s.improvementsList)
	app.Get(page.ImprovementsPath+"/:id", s.improvementShow)
	app.Get("/api/v1/improvements", s.apiImprovements)
	app.Get("/api/v1/improvements/:id/events", s.apiEvents(improvementEvents))
	for _, b := range bases {
		app.Get("/"+b.name, s.subjectsList(b))
		app.Get("/"+b.name+".csv", s.subjectsExport(b))
		app.Get("/"+b.name+"/:id", s.subjectShow(b))
		app.Get("/api/v1/"+b.name+"/:id/events", s.apiEvents(b))
	}
	app.Get("/reports", s.reportsList)
	app.Get("/reports/:kind/:period/:language/:file", s.reportShow)
	app.Get("/data", s.dataShow)
	app.Get(page.QuarantinePath, s.quarantineList)
	app.Get("/definitions", s.definitionsList)

	app.Get("/api/v1/figures", s.apiFigures)
	app.Get("/api/v1/trends", s.apiTrends)
	app.Get("/api/v1/rows", s.apiRows)
	app.Get("/api/v1/delays", s.apiDelays)
	app.Get("/api/v1/indicators", s.apiIndicators)
	app.Get("/api/v1/freshness", s.apiFreshness)
	app.Get("/api/v1/quarantine", s.apiQuarantine)
	app.Get("/api/v1/reports", s.apiReports)
	app.Get("/api/v1/backlogs", s.apiBacklogs)
	app.Get("/healthz", s.healthz)
	app.Get("/readyz", s.readyz)
	app.Get("/metrics", s.telemetry)
	app.Use(func(*fiber.Ctx) error { return &notFound{key: "fault.not_found"} })
	return app
}

// Names of what is kept beside a request.
const (
	localRequestID = "request_id"
	localCancel    = "cancel"
)

// begin gives a request its id, its deadline, its headers and its line in the log.
func (s *Server) begin(parent context.Context) fiber.Handler {
	return func(c *fiber.Ctx) error {
		started := s.o.Now()
		id := requestID(c)
		harden(c)
		limit := s.o.Timeout
		if strings.HasSuffix(c.Path(), ".csv") || c.Query("as_of") != "" {
			limit *= longer
		}
		// Fiber's own context does not end; this one does, and with the server.
		ctx, cancel := context.WithTimeout(parent, limit)
		c.SetUserContext(ctx)
		c.Locals(localCancel, cancel)
		err := c.Next()
		if err != nil {
			// Here, so that the log and the compression see what is sent.
			if err := s.fault(c, err); err != nil {
				return err
			}
		}
		if !c.Response().IsBodyStream() {
			cancel()
		}
		level := slog.LevelInfo
		if strings.HasPrefix(c.Path(), assets.Prefix) {
			level = slog.LevelDebug
		}
		s.o.Logger.Log(ctx, level, "request", "request_id", id, "method", c.Method(), "path", c.Path(),
			"status", c.Response().StatusCode(), "duration_ms", s.o.Now().Sub(started).Milliseconds())
		return nil
	}
}

// requestID is the request's id, made when it is first asked for.
func requestID(c *fiber.Ctx) string {
	if id, ok := c.Locals(localRequestID).(string); ok {
		return id
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	id := hex.EncodeToString(b[:])
	c.Locals(localRequestID, id)
	c.Set(fiber.HeaderXRequestID, id)
	return id
}

// contentPolicy allows what the pages load from here and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// harden sets the headers of every answer.
func harden(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, contentPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAcceptEncoding, fiber.HeaderCookie)
}
