package web

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
)

// byteOrderMark makes spreadsheet programs read a file as UTF-8.
const byteOrderMark = "\ufeff"

// export streams a CSV file. If it can't be finished, the connection is cut, so
// that half a file never looks whole.
func export(c *fiber.Ctx, name string, write func(ctx context.Context, w *csv.Writer) error) error {
	ctx := c.UserContext()
	cancel, _ := c.Locals(localCancel).(context.CancelFunc)
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="youzhi-`+fileName(name)+`.csv"`)
	r, w := io.Pipe()
	go func() {
		if cancel != nil {
			defer cancel()
		}
		b := bufio.NewWriterSize(w, 32<<10)
		_, err := b.WriteString(byteOrderMark)
		if err == nil {
			out := csv.NewWriter(b)
			out.UseCRLF = true
			if err = write(ctx, out); err == nil {
				out.Flush()
				err = errors.Join(out.Error(), b.Flush())
			}
		}
		w.CloseWithError(err) // nil ends the file
	}()
	return c.SendStream(r)
}

// fileName keeps what a file name may have everywhere.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, s)
}

// cell is a text of the data in a spreadsheet. One that would be read as a
// formula gets an apostrophe, as spreadsheet programs themselves write text.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.In(calendar.Beijing).Format(time.RFC3339Nano)
}

func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func whole(v *int64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatInt(*v, 10)
}

var figureColumns = []string{"section", "dimension", "dimension_value", "key", "title", "revision", "from", "to", "as_of", "numerator", "denominator",
	"pending", "excluded", "unknown", "value", "unit", "interval_lower", "interval_upper", "interval_method", "target", "status"}

func figureRow(section, dimension, title string, f metrics.Figure) []string {
	row := []string{section, dimension, cell(f.By[dimension]), f.Key, title, strconv.Itoa(f.Revision), f.From.String(), f.To.String(), when(&f.AsOf),
		decimal(f.Numerator), decimal(f.Denominator), whole(f.Pending), whole(f.Excluded), whole(f.Unknown), decimal(f.Value), f.Unit}
	if f.Interval == nil {
		row = append(row, "", "", "")
	} else {
		row = append(row, decimal(&f.Interval.Lower), decimal(&f.Interval.Upper), f.Interval.Method)
	}
	return append(row, decimal(f.Target), string(f.Status))
}

// overviewExport gives the figures of the overview.
func (s *Server) overviewExport(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	at, release, err := s.live(c.UserContext(), o.scope)
	if err != nil {
		return err
	}
	defer release()
	answers, err := s.answers(c.UserContext(), at, o.scope)
	if err != nil {
		return err
	}
	return export(c, "figures-"+o.scope.Period.Label(), func(_ context.Context, w *csv.Writer) error {
		if err := w.Write(figureColumns); err != nil {
			return err
		}
		for _, part := range []struct {
			section string
			figures []metrics.Figure
		}{{"period", answers.Period}, {"before", answers.Before}, {"trend", figuresOf(answers.Trends)}} {
			for _, f := range part.figures {
				ind, _ := s.o.Catalogue.Get(f.Key)
				if err := w.Write(figureRow(part.section, "", o.lang.Title(ind.Title), f)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// figuresOf are the figures of trends, one after the other.
func figuresOf(trends []metrics.Trend) []metrics.Figure {
	var out []metrics.Figure
	for _, t := range trends {
		out = append(out, t.Figures...)
	}
	return out
}

// indicatorExport gives the figure of an indicator, its trend and its split.
func (s *Server) indicatorExport(c *fiber.Ctx) error {
	ind, err := s.indicator(c)
	if err != nil {
		return err
	}
	o, err := s.open(c, "trend", "by")
	if err != nil {
		return err
	}
	cut, err := o.params.drawn(ind, o.scope)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	total, err := s.o.Evaluator.Figures(ctx, o.scope.Question(ind.Key))
	if err != nil {
		return err
	}
	trend, plain, err := s.trend(ctx, ind, o.scope, cut.trend)
	if err != nil {
		return err
	}
	plain = append(plain, trend.Figures...)
	var split []metrics.Figure
	if cut.by != "" {
		q := o.scope.Question(ind.Key)
		q.By = []string{cut.by}
		if split, err = s.o.Evaluator.Figures(ctx, q); err != nil {
			return err
		}
	}
	return export(c, ind.Key+"-"+o.scope.Period.Label(), func(_ context.Context, w *csv.Writer) error {
		if err := w.Write(figureColumns); err != nil {
			return err
		}
		for _, part := range []struct {
			section, dimension string
			figures            []metrics.Figure
		}{{"period", "", total}, {"trend", "", plain}, {"split", cut.by, page.WorstFirst(ind, split)}} {
			for _, f := range part.figures {
				if err := w.Write(figureRow(part.section, part.dimension, o.lang.Title(ind.Title), f)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

var rowColumns = []string{"base", "subject", "day", "due_at", "done_at", "region", "outlet", "product", "channel", "state", "outcome", "value", "reason", "flags", "cause", "place", "over_hours"}

func rowCells(r metrics.Row) []string {
	return []string{r.Base, cell(r.Subject), r.Day.String(), when(r.DueAt), when(r.DoneAt), cell(r.Region), cell(r.Outlet), cell(r.Product), cell(r.Channel),
		cell(r.State), cell(r.Outcome), decimal(r.Value), cell(r.Reason), strings.Join(r.Flags, " "),
		cell(r.Cause), cell(r.Place), decimal(r.OverHours)}
}

// rowsExport gives the whole list behind a part of a figure.
func (s *Server) rowsExport(c *fiber.Ctx) error {
	ind, err := s.indicator(c)
	if err != nil {
		return err
	}
	o, err := s.open(c, append([]string{"part"}, metrics.DelayNames...)...)
	if err != nil {
		return err
	}
	part := metrics.Part(o.params["part"])
	if part == "" {
		part = page.FirstPart(ind)
	}
	q := o.scope.Question(ind.Key)
	q.Delay = o.params.delay()
	// The first page is asked for before the headers are sent: a wrong question is
	// an answer of its own.
	first, err := s.o.Evaluator.Rows(c.UserContext(), q, part, "", metrics.MaxRows)
	if err != nil {
		return err
	}
	return export(c, ind.Key+"-"+string(part)+"-"+o.scope.Period.Label(), func(ctx context.Context, w *csv.Writer) error {
		rows := first
		if err := w.Write(rowColumns); err != nil {
			return err
		}
		for {
			for _, r := range rows.Rows {
				if err := w.Write(rowCells(r)); err != nil {
					return err
				}
			}
			if rows.Next == "" {
				return nil
			}
			var err error
			if rows, err = s.o.Evaluator.Rows(ctx, q, part, rows.Next, metrics.MaxRows); err != nil {
				return fmt.Errorf("export rows of %s: %w", ind.Key, err)
			}
		}
	})
}

// subjectsExport gives the whole list of a period's cases, tickets or surveys.
func (s *Server) subjectsExport(b base) fiber.Handler {
	return func(c *fiber.Ctx) error {
		o, err := s.open(c)
		if err != nil {
			return err
		}
		if err := subjectsScope(o); err != nil {
			return err
		}
		first, next, err := s.subjects(c.UserContext(), b, o.scope, "", "", metrics.MaxRows)
		if err != nil {
			return err
		}
		return export(c, b.name+"-"+o.scope.Period.Label(), func(ctx context.Context, w *csv.Writer) error {
			rows := first
			if err := w.Write(rowColumns); err != nil {
				return err
			}
			for {
				for _, r := range rows {
					if err := w.Write(rowCells(r)); err != nil {
						return err
					}
				}
				if next == "" {
					return nil
				}
				var err error
				if rows, next, err = s.subjects(ctx, b, o.scope, "", next, metrics.MaxRows); err != nil {
					return err
				}
			}
		})
	}
}
