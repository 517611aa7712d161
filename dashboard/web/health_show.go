package web

import (
	"bytes"
	"fmt"

	"github.com/gofiber/fiber/v2"
)

// apiWarning is something that somebody should look at.
type apiWarning struct {
	Name   string `json:"name"`
	Topic  string `json:"topic,omitempty"`
	Reason string `json:"reason"`
}

// healthz says that the process answers.
func (*Server) healthz(c *fiber.Ctx) error { return c.SendString("ok\n") }

// readyz says whether ClickHouse answers and every other part is ready.
func (s *Server) readyz(c *fiber.Ctx) error {
	clickhouse := Component{Name: "clickhouse", Ready: true}
	if err := s.o.DB.Ping(c.UserContext()); err != nil {
		s.o.Logger.ErrorContext(c.UserContext(), "clickhouse does not answer", "request_id", requestID(c), "error", err)
		clickhouse.Ready, clickhouse.Reason = false, "does not answer"
	}
	parts := []Component{clickhouse}
	if s.o.Components != nil {
		parts = append(parts, s.o.Components()...)
	}
	for _, p := range parts {
		if !p.Ready {
			c.Status(fiber.StatusServiceUnavailable)
		}
	}
	// Bad messages are no reason to send events or readers elsewhere.
	warnings := []apiWarning{}
	shares, err := s.apiShares(c.UserContext())
	if err != nil && clickhouse.Ready {
		s.o.Logger.ErrorContext(c.UserContext(), "shares of bad messages unavailable", "request_id", requestID(c), "error", err)
		warnings = append(warnings, apiWarning{Name: "quarantine", Reason: "can't be told"})
	}
	for _, share := range shares {
		if share.Alarm {
			warnings = append(warnings, apiWarning{"quarantine", share.Topic, fmt.Sprintf("%d of the last %d messages went to quarantine", share.Quarantined, share.Messages)})
		}
	}
	return writeJSON(c, map[string]any{"components": parts, "warnings": warnings})
}

// telemetry gives the process's counters.
func (s *Server) telemetry(c *fiber.Ctx) error {
	if s.o.Telemetry == nil {
		return &notFound{key: "fault.not_found"}
	}
	var b bytes.Buffer
	if err := s.o.Telemetry(&b); err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	c.Set(fiber.HeaderContentType, "text/plain; version=0.0.4; charset=utf-8")
	return c.Send(b.Bytes())
}
