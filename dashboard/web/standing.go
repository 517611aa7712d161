package web

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

// topicStanding is the newest of one topic; zero instants: no event.
type topicStanding struct {
	Topic    string    `ch:"topic"`
	Newest   time.Time `ch:"newest"`
	Received time.Time `ch:"received"`
}

// topics are the newest events of each topic.
func (s *Server) topics(ctx context.Context) ([]topicStanding, error) {
	var out []topicStanding
	for _, name := range event.Topics() {
		table, err := queries.EventsTable(name)
		if err != nil {
			return nil, err
		}
		var rows []topicStanding
		if err := s.o.DB.Select(ctx, &rows, queries.File("page/newest"), queries.Params{"table": table}); err != nil {
			return nil, fmt.Errorf("newest event of %s: %w", name, err)
		}
		t := topicStanding{Topic: name}
		// The maximum of no rows is the first instant of the type.
		if len(rows) == 1 && rows[0].Newest.Unix() > 0 {
			t.Newest, t.Received = rows[0].Newest.UTC(), rows[0].Received.UTC()
		}
		out = append(out, t)
	}
	return out, nil
}

// books are the reconciliation as last looked at; empty: never.
func (s *Server) books(ctx context.Context, l page.Language) ([]page.Book, error) {
	rows, err := s.o.DB.LastReconciliation(ctx)
	if err != nil {
		return nil, err
	}
	var out []page.Book
	for _, r := range rows {
		out = append(out, page.Book{
			Topic: r.Topic, Partition: l.Partition(queries.SplitPartition(r.Partition)), First: r.First, Committed: r.Committed, End: r.End, Stored: r.Stored, Counted: r.Counted,
			Duplicate: r.Duplicates, Refused: r.Quarantined, Gone: r.Gone, Missing: r.Missing, MissingAt: r.MissingAt, At: r.At.UTC(),
		})
	}
	return out, nil
}

// lately is for how long the top of each page tells of an incident of the log.
const lately = 7 * 24 * time.Hour

// standing is what is known about the data.
func (s *Server) standing(ctx context.Context, l page.Language) page.Standing {
	var out page.Standing
	asOf, err := s.o.Evaluator.LiveAsOf(ctx)
	if err != nil {
		return page.Standing{Err: err}
	}
	out.AsOf = asOf
	topics, err := s.topics(ctx)
	if err != nil {
		return page.Standing{Err: err}
	}
	for _, t := range topics {
		if t.Newest.After(out.Newest) {
			out.Newest = t.Newest
		}
	}
	sources, err := s.o.Evaluator.Sources(ctx, s.o.Now())
	if err != nil {
		return page.Standing{Err: err}
	}
	for _, source := range sources {
		if source.Silent(s.o.Now()) {
			out.Silent++
		}
	}
	shares, err := s.shares(ctx, l)
	if err != nil {
		return page.Standing{Err: err}
	}
	for _, share := range shares {
		if share.Alarm {
			out.Refused = append(out.Refused, share)
		}
	}
	incidents, err := s.o.DB.Incidents(ctx)
	if err != nil {
		return page.Standing{Err: err}
	}
	for _, i := range incidents {
		if s.o.Now().Sub(i.FoundAt) < lately {
			out.Incidents, out.Gone = out.Incidents+1, out.Gone+i.Count
		}
	}
	books, err := s.books(ctx, l)
	if err != nil {
		return page.Standing{Err: err}
	}
	for _, b := range books {
		out.Reconciled, out.Missing = b.At, out.Missing+b.Missing
	}
	return out
}

// opening is what every page needs before it asks for its own figures.
type opening struct {
	lang     page.Language
	extent   calendar.Period // empty: no data
	params   parameters
	scope    page.Scope
	filters  page.Filters
	standing page.Standing
	// simulated is nil where the data are not said to be simulated.
	simulated *page.Simulation
}

// choices bounds the values of a filter.
const choices = 300

// filtersAge is how long the values to choose from may be old. They are counted
// over all facts, which a page must not do each time it is shown.
const filtersAge = 15 * time.Second

// filters remembers the values to choose from.
type filters struct {
	lock  sync.Mutex
	until time.Time
	last  page.Filters
}

// get gives the values to choose from. Where there are none yet, they are looked
// for each time: the first data show at once.
func (f *filters) get(ctx context.Context, o Options) (page.Filters, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if o.Now().Before(f.until) {
		return f.last, nil
	}
	var keys []string
	for _, ind := range o.Catalogue.All() {
		keys = append(keys, ind.Key)
	}
	out := page.Filters{Values: map[string][]string{}}
	span, ok, err := o.Evaluator.Extent(ctx, keys)
	if err != nil {
		return out, err
	}
	if !ok {
		return out, nil
	}
	out.Extent = span
	for _, d := range page.FilterDimensions {
		if out.Values[d], err = o.Evaluator.Values(ctx, d, choices); err != nil {
			return out, err
		}
	}
	f.last, f.until = out, o.Now().Add(filtersAge)
	return out, nil
}

// open reads a page's parameters and asks for what is around its content.
func (s *Server) open(c *fiber.Ctx, known ...string) (*opening, error) {
	o := &opening{lang: s.language(c)}
	var err error
	if o.params, err = parse(c, append(known, scopeNames...)...); err != nil {
		return nil, err
	}
	if v := o.params["lang"]; v != "" {
		l, err := page.ParseLanguage(v)
		if err != nil {
			return nil, &badParameter{"lang", "want zh or en"}
		}
		c.Cookie(&fiber.Cookie{Name: langCookie, Value: string(l), Path: "/", MaxAge: langMaxAge, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
	}
	ctx := c.UserContext()
	var (
		group        together
		filtersErr   error
		simulatedErr error
	)
	group.Go(func() { o.simulated, simulatedErr = s.simulation(ctx) })
	group.Go(func() { o.standing = s.standing(ctx, o.lang) })
	group.Go(func() { o.filters, filtersErr = s.filters.get(ctx, s.o) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// A page without the line that it is simulated is not shown.
	if err := errors.Join(filtersErr, simulatedErr); err != nil {
		return nil, err
	}
	if o.standing.Err != nil {
		s.o.Logger.ErrorContext(ctx, "state of the data unavailable", "request_id", requestID(c), "error", o.standing.Err)
	}
	o.extent = o.filters.Extent
	o.scope, err = o.params.scope(o.extent, s.o.Now())
	return o, err
}

// live gives the evaluator of a page: all that it asks is of one run of the fold,
// which the next run waits for until release is called. A past as_of is of one
// state whatever is folded meanwhile.
func (s *Server) live(ctx context.Context, scope page.Scope) (at *metrics.Evaluator, release func(), err error) {
	if !scope.AsOf.IsZero() {
		return s.o.Evaluator, func() {}, nil
	}
	return s.o.Evaluator.Live(ctx)
}

// frame is the page around the content. keep are the page's own parameters that
// stay when a filter changes, as pairs.
func (s *Server) frame(o *opening, section, title, path, export string, keep ...string) page.Frame {
	now := s.o.Now()
	var pairs []string
	for i := 0; i+1 < len(keep); i += 2 {
		if keep[i+1] != "" {
			pairs = append(pairs, keep[i], keep[i+1])
		}
	}
	return page.Frame{
		Simulated: simulatedLine(o.lang, o.simulated, now),
		Lang:      o.lang, Title: title, Path: path, Scope: o.scope, Query: pairs, Section: section, Export: export, Made: now,
		Bar: page.BarOf(o.lang, o.scope, path, pairs, o.filters, page.FreshOf(o.lang, o.standing, now, "/data")),
	}
}

// empty says whether no event was ever folded to a figure.
func (o *opening) empty() bool { return o.extent.Len() == 0 }

// last is the last period with data, of the grain of the page's own.
func (o *opening) last(path string, keep ...string) (href, text string) {
	if o.empty() {
		return "", ""
	}
	p := calendar.PeriodOf(page.TrendGrain(o.scope.Period), o.extent.To-1)
	if p == o.scope.Period {
		return "", ""
	}
	return o.scope.In(p).URL(path, keep...), o.lang.Period(p)
}

// send renders a page.
func (s *Server) send(c *fiber.Ctx, v page.View) error {
	body, err := s.renderer.Render(v)
	if err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Send(body)
}

// failed logs why a panel of a page could not be made; the page says only that
// it is unavailable.
func (s *Server) failed(c *fiber.Ctx, panel string, err error) bool {
	if err == nil {
		return false
	}
	s.o.Logger.ErrorContext(c.UserContext(), "panel unavailable", "request_id", requestID(c), "panel", panel, "error", err)
	return true
}
