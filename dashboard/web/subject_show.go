package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/queries"
)

// stored is one event at one place of the log.
type stored struct {
	Partition  int32      `ch:"partition"`
	Offset     int64      `ch:"offset"`
	Source     string     `ch:"source"`
	ID         string     `ch:"id"`
	Hash       string     `ch:"content_hash"`
	Type       string     `ch:"type"`
	Time       time.Time  `ch:"time"`
	Sequence   string     `ch:"sequence"`
	Recorded   *time.Time `ch:"recordedtime"`
	Test       bool       `ch:"test"`
	CorrectsID string     `ch:"correctsid"`
	DataSchema string     `ch:"dataschema"`
	Data       string     `ch:"data"`
	ReceivedAt time.Time  `ch:"received_at"`
}

func (r stored) event(subject string) event.Event {
	e := event.Event{Source: r.Source, ID: r.ID, Type: r.Type, Subject: subject, Time: r.Time.UTC(), Sequence: r.Sequence,
		Test: r.Test, CorrectsID: r.CorrectsID, DataSchema: r.DataSchema, Data: []byte(r.Data)}
	if r.Recorded != nil {
		e.Recorded = r.Recorded.UTC()
	}
	copy(e.Hash[:], r.Hash)
	return e
}

// storedEvents are the events of one subject as they are stored.
func (s *Server) storedEvents(ctx context.Context, b base, id string) ([]stored, error) {
	table, err := b.table()
	if err != nil {
		return nil, err
	}
	var rows []stored
	if err := s.o.DB.Select(ctx, &rows, queries.File("page/subject_events"), queries.Params{"table": table, "subject": id}); err != nil {
		return nil, fmt.Errorf("events of %s %s: %w", b.name, id, err)
	}
	return rows, nil
}

// elsewhere are the hashes that count for those identities of a subject that
// came with other content, there or under another subject.
func (s *Server) elsewhere(ctx context.Context, b base, id string) (map[fold.Identity]event.Hash, error) {
	table, err := b.table()
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Subject string `ch:"subject"`
		Source  string `ch:"source"`
		ID      string `ch:"id"`
		Winner  string `ch:"winner"`
	}
	p := queries.Params{"topic": b.topic, "table": table, "subjects": []string{id}}
	if err := s.o.DB.Select(ctx, &rows, queries.File("state/conflicts"), p); err != nil {
		return nil, fmt.Errorf("conflicts of %s %s: %w", b.name, id, err)
	}
	out := map[fold.Identity]event.Hash{}
	for _, r := range rows {
		var h event.Hash
		copy(h[:], r.Winner)
		out[fold.Identity{Source: r.Source, ID: r.ID}] = h
	}
	return out, nil
}

// history is the events of one subject as they are stored, and what counts of them
// at an instant; none are stored of a subject that is not there.
func (s *Server) history(ctx context.Context, b base, id string, asOf time.Time) ([]stored, fold.History, error) {
	rows, err := s.storedEvents(ctx, b, id)
	if err != nil || len(rows) == 0 {
		return nil, fold.History{}, err
	}
	elsewhere, err := s.elsewhere(ctx, b, id)
	if err != nil {
		return nil, fold.History{}, err
	}
	events := make([]event.Event, len(rows))
	for i, r := range rows {
		events[i] = r.event(id)
	}
	return rows, fold.Effective(events, asOf, elsewhere), nil
}

// told puts what became of each event beside its places in the log. Copies are
// alike: the one that counts is shown at the first place.
func told(rows []stored, history fold.History, topic string) []page.Stored {
	type copyOf struct {
		source, id string
		hash       event.Hash
	}
	places := map[copyOf][]stored{}
	for _, r := range rows {
		e := r.event("")
		k := copyOf{e.Source, e.ID, e.Hash}
		places[k] = append(places[k], r)
	}
	counts := map[copyOf]*fold.Entry{}
	for i, e := range history.Events {
		counts[copyOf{e.Source, e.ID, e.Hash}] = &history.Events[i]
	}
	var out []page.Stored
	take := func(duplicates bool) {
		for _, n := range history.Notes {
			if (n.Fate == fold.FateDuplicate) != duplicates {
				continue
			}
			k := copyOf{n.Event.Source, n.Event.ID, n.Event.Hash}
			r := places[k][0]
			places[k] = places[k][1:]
			told := page.Stored{Note: n, Topic: topic, Offset: r.Offset, ReceivedAt: r.ReceivedAt.UTC()}
			told.Log, told.Partition = queries.SplitPartition(r.Partition)
			if n.Fate == fold.FateCounted {
				told.Counts = counts[k]
			}
			out = append(out, told)
		}
	}
	take(false)
	take(true)
	return page.InOrder(out)
}

// anchor is one window of a subject in the state.
type anchor struct {
	Anchor       string     `ch:"anchor"`
	Day          time.Time  `ch:"day"`
	Due          *time.Time `ch:"due_at"`
	Done         *time.Time `ch:"done_at"`
	Open         bool       `ch:"open"`
	Paused       bool       `ch:"paused"`
	Undetermined bool       `ch:"undetermined"`
	Unknown      bool       `ch:"unknown"`
	Excluded     string     `ch:"excluded"`
	State        string     `ch:"state"`
	Outcome      string     `ch:"outcome"`
	Linked       []string   `ch:"linked"`
	Flags        []string   `ch:"flags"`
	Dims         []string   `ch:"dims"`
	Links        []string   `ch:"links"`
}

// anchors are the windows of one subject; none before its events are folded.
func (s *Server) anchors(ctx context.Context, b base, id string) ([]page.Anchor, error) {
	list := func(names []string, as string) string {
		var columns []string
		for _, n := range names {
			columns = append(columns, "toString("+n+")")
		}
		return "CAST([" + strings.Join(columns, ", ") + "], 'Array(String)') AS " + as
	}
	statement := strings.Replace(queries.File("page/subject_state"), "/*columns*/", list(b.dimensions, "dims")+",\n    "+list(b.links, "links"), 1)
	var rows []anchor
	if err := s.o.DB.Select(ctx, &rows, statement, queries.Params{"base": b.name, "subject": id}); err != nil {
		return nil, fmt.Errorf("state of %s %s: %w", b.name, id, err)
	}
	var out []page.Anchor
	for _, r := range rows {
		a := page.Anchor{
			Name: r.Anchor, Day: calendar.OfDate(r.Day), Due: r.Due, Done: r.Done, Open: r.Open, Paused: r.Paused,
			Undetermined: r.Undetermined, Unknown: r.Unknown, Excluded: r.Excluded, State: r.State, Outcome: r.Outcome,
			Linked: r.Linked, Flags: r.Flags, Dims: map[string]string{},
		}
		for i, d := range b.dimensions {
			a.Dims[d] = r.Dims[i]
		}
		for i, name := range b.links {
			switch name {
			case "case_id":
				a.CaseID = r.Links[i]
			case "ticket_id":
				a.TicketID = r.Links[i]
			case "duplicate_of":
				a.Duplicate = r.Links[i]
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// subjectShow is the page of one case, ticket or survey.
func (s *Server) subjectShow(b base) fiber.Handler {
	return func(c *fiber.Ctx) error {
		id, err := pathText(c, "id")
		if err != nil {
			return err
		}
		o, err := s.open(c)
		if err != nil {
			return err
		}
		ctx, l := c.UserContext(), o.lang
		asOf := o.standing.AsOf
		if asOf.IsZero() {
			asOf = s.o.Now()
		}
		rows, history, err := s.history(ctx, b, id, asOf)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &notFound{"fault.not_found.subject", []any{clip(id)}}
		}
		state, err := s.anchors(ctx, b, id)
		if err != nil {
			return err
		}
		path := page.SubjectPath(b.name, id)
		v := &page.Subject{
			Frame: s.frame(o, b.name, l.T("subject.title."+b.name, id), path, ""),
			Base:  b.name, ID: id, Raw: "/api/v1" + path + "/events",
		}
		v.Bar.Fixed()
		v.Events, v.Counted = page.EventsOf(l, told(rows, history, b.topic))
		v.Fill(state, asOf)
		if b.name == "cases" {
			legs, err := s.way(ctx, o.scope, id, state)
			// Without it the page says what happened, but not why it was late.
			if !s.failed(c, "way", err) {
				v.WayOf(legs)
			}
		}
		return s.send(c, v)
	}
}
