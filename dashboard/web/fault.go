package web

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
)

// badParameter is a parameter of the URL that can't be used.
type badParameter struct{ name, reason string }

func (e *badParameter) Error() string { return e.name + ": " + e.reason }

// notFound is something that is not here: a key of messages and its arguments.
type notFound struct {
	key  string
	args []any
}

func (e *notFound) Error() string { return "not found" }

// answer is what a reader is told of an error: never more than that.
type answer struct {
	status    int
	code      string // for programs
	parameter string
	heading   string
	message   string
}

// answerTo is the one mapping of errors.
func answerTo(l page.Language, err error) answer {
	var (
		bad      *badParameter
		question *metrics.QuestionError
		missing  *notFound
		http     *fiber.Error
	)
	switch {
	case errors.As(err, &bad):
		return answer{fiber.StatusBadRequest, "bad_parameter", bad.name, l.T("fault.bad"), l.T("fault.parameter", bad.name, bad.reason)}
	case errors.As(err, &question):
		return answer{fiber.StatusBadRequest, "bad_parameter", question.Field, l.T("fault.bad"), l.T("fault.parameter", question.Field, question.Reason)}
	case errors.As(err, &missing):
		return answer{fiber.StatusNotFound, "not_found", "", l.T("fault.not_found"), l.T(missing.key, missing.args...)}
	case errors.As(err, &http) && http.Code == fiber.StatusMethodNotAllowed:
		return answer{http.Code, "method_not_allowed", "", l.T("fault.bad"), l.T("fault.method")}
	case errors.As(err, &http) && http.Code < fiber.StatusInternalServerError:
		return answer{http.Code, "bad_request", "", l.T("fault.bad"), http.Message}
	}
	// What ClickHouse says is for the log.
	return answer{fiber.StatusServiceUnavailable, "unavailable", "", l.T("fault.unavailable"), l.T("fault.unavailable.lead")}
}

// fault answers a request that failed, as a page or for the API.
func (s *Server) fault(c *fiber.Ctx, err error) error {
	id := requestID(c)
	harden(c)
	l := s.language(c)
	a := answerTo(l, err)
	if a.status >= fiber.StatusInternalServerError {
		ctx := c.UserContext()
		s.o.Logger.ErrorContext(ctx, "request failed", "request_id", id, "path", c.Path(), "error", err,
			"timed_out", errors.Is(ctx.Err(), context.DeadlineExceeded))
	}
	c.Status(a.status)
	if a.status == fiber.StatusMethodNotAllowed {
		c.Set(fiber.HeaderAllow, "GET, HEAD")
	}
	if strings.HasPrefix(c.Path(), "/api/") {
		return writeJSON(c, map[string]any{"error": map[string]string{
			"code": a.code, "parameter": a.parameter, "message": a.message, "request_id": id,
		}})
	}
	body, err := s.renderer.Render(&page.Fault{
		Frame: page.Frame{Lang: l, Title: a.heading, Path: "/", Made: s.o.Now(), Simulated: simulatedLine(l, s.lastSimulation(), s.o.Now())},
		Code:  a.status, Heading: a.heading, Message: a.message, RequestID: id,
	})
	if err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Send(body)
}
