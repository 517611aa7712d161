package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

// base is a kind of subject with pages of its own.
type base struct {
	name, topic string
	anchor      string // the step that a list is ordered by
	// dimensions that its list can be filtered by and its page shows, and columns
	// that only its state has.
	dimensions, links []string
}

var common = []string{"region", "outlet", "product", "channel", "direction", "customer_type", "customer_tier", "special_need", "area_type"}

var bases = []base{
	{name: "cases", topic: topicOf(event.TypeCaseAccepted), anchor: "accepted", dimensions: common},
	{name: "tickets", topic: topicOf(event.TypeTicketReceived), anchor: "received",
		dimensions: append(slices.Clone(common), "kind", "category", "severity", "validity", "unit"), links: []string{"case_id", "duplicate_of"}},
	{name: "surveys", topic: topicOf(event.TypeSurveyAnswered), anchor: "answered",
		dimensions: append(slices.Clone(common), "instrument", "wave"), links: []string{"case_id", "ticket_id"}},
}

func topicOf(eventType string) string {
	topic, _ := event.TopicOf(eventType)
	return topic
}

// table is where the base's events are.
func (b base) table() (string, error) { return queries.EventsTable(b.topic) }

// where is the condition of a scope's filter on the base's state. The levels of
// a region are the figures' own: 2, 4 and 6 digits of a GB/T 2260 code.
func (b base) where(s page.Scope, p queries.Params) (string, error) {
	var out strings.Builder
	for _, d := range page.Dimensions {
		v, ok := s.Where[d]
		if !ok {
			continue
		}
		column := "toString(" + d + ")"
		switch {
		case d == "region":
			column = "if(match(region, '^[0-9]{2}([0-9]{2}){0,2}$'), substring(region, 1, 2), toString(region))"
		case d == "region4":
			column = "if(match(region, '^[0-9]{2}([0-9]{2}){0,2}$'), substring(region, 1, 4), toString(region))"
		case d == "region6":
			column = "toString(region)"
		case !slices.Contains(b.dimensions, d):
			return "", &badParameter{d, "these have no such dimension"}
		}
		fmt.Fprintf(&out, " AND %s = {where_%s:String}", column, d)
		p["where_"+d] = v
	}
	return out.String(), nil
}

// subject is one row of such a list.
type subject struct {
	Subject string    `ch:"subject"`
	Day     time.Time `ch:"day"`
	Region  string    `ch:"region"`
	Outlet  string    `ch:"outlet"`
	Product string    `ch:"product"`
	Channel string    `ch:"channel"`
	State   string    `ch:"state"`
	Outcome string    `ch:"outcome"`
	Reason  string    `ch:"reason"`
	Flags   []string  `ch:"flags"`
}

func (r subject) row(b base) metrics.Row {
	return metrics.Row{Base: b.name, Subject: r.Subject, Day: calendar.OfDate(r.Day), Region: r.Region, Outlet: r.Outlet,
		Product: r.Product, Channel: r.Channel, State: r.State, Outcome: r.Outcome, Reason: r.Reason, Flags: r.Flags}
}

// subjects gives a page of a base's list after a place, and the next place.
func (s *Server) subjects(ctx context.Context, b base, scope page.Scope, find, after string, limit int) (rows []metrics.Row, next string, err error) {
	day, from := time.Unix(0, 0).UTC().Format(time.DateOnly), ""
	if after != "" {
		text, err := base64.RawURLEncoding.DecodeString(after)
		at, subject, ok := strings.Cut(string(text), " ")
		if _, perr := calendar.ParseDay(at); err != nil || perr != nil || !ok {
			return nil, "", &badParameter{"cursor", "not one that this list gave"}
		}
		day, from = at, subject
	}
	p := queries.Params{"base": b.name, "limit": uint32(limit) + 1, "after_subject": from}
	statement := queries.File("page/subjects_find")
	if find != "" {
		p["prefix"] = find
	} else {
		where, err := b.where(scope, p)
		if err != nil {
			return nil, "", err
		}
		statement = strings.Replace(queries.File("page/subjects_list"), "/*where*/", where, 1)
		p["anchor"], p["from"], p["to"], p["after_day"] = b.anchor, scope.Period.From.String(), scope.Period.To.String(), day
	}
	var found []subject
	if err := s.o.DB.Select(ctx, &found, statement, p); err != nil {
		return nil, "", fmt.Errorf("list of %s: %w", b.name, err)
	}
	for i, r := range found {
		if i == limit {
			last := rows[limit-1]
			next = base64.RawURLEncoding.EncodeToString([]byte(last.Day.String() + " " + last.Subject))
			break
		}
		rows = append(rows, r.row(b))
	}
	return rows, next, nil
}

func (s *Server) subjectsCount(ctx context.Context, b base, scope page.Scope) (int64, error) {
	p := queries.Params{"base": b.name, "anchor": b.anchor, "from": scope.Period.From.String(), "to": scope.Period.To.String()}
	where, err := b.where(scope, p)
	if err != nil {
		return 0, err
	}
	var rows []struct {
		N uint64 `ch:"n"`
	}
	if err := s.o.DB.Select(ctx, &rows, strings.Replace(queries.File("page/subjects_count"), "/*where*/", where, 1), p); err != nil {
		return 0, fmt.Errorf("count of %s: %w", b.name, err)
	}
	return int64(rows[0].N), nil
}

// subjectsScope refuses what such a list, which is of the live state, can't answer.
func subjectsScope(o *opening) error {
	if !o.scope.AsOf.IsZero() {
		return &badParameter{"as_of", "this list is of the latest data; the lists behind a figure take an as_of"}
	}
	return nil
}

// subjectsList is the list of all cases, tickets or surveys of a period.
func (s *Server) subjectsList(b base) fiber.Handler {
	return func(c *fiber.Ctx) error {
		o, err := s.open(c, "cursor", "find")
		if err != nil {
			return err
		}
		if err := subjectsScope(o); err != nil {
			return err
		}
		path, find, ctx := "/"+b.name, o.params["find"], c.UserContext()
		rows, next, err := s.subjects(ctx, b, o.scope, find, o.params["cursor"], pageRows)
		if err != nil {
			return err
		}
		export := ""
		if find == "" {
			export = o.scope.URL(path + ".csv")
		}
		v := &page.Subjects{
			Frame: s.frame(o, b.name, o.lang.T("subjects.title."+b.name), path, export, "find", find),
			Base:  b.name, Find: find, Rows: page.SubjectRows(o.lang, rows), Empty: o.empty(),
		}
		if find == "" {
			n, err := s.subjectsCount(ctx, b, o.scope)
			if err != nil {
				return err
			}
			v.Count = page.Count(n)
		}
		if o.params["cursor"] != "" {
			v.First = o.scope.URL(path, "find", find)
		}
		if next != "" {
			v.Next = o.scope.URL(path, "find", find, "cursor", next)
		}
		if len(rows) == 0 {
			v.Last, v.LastText = o.last(path)
		}
		return s.send(c, v)
	}
}
