package web

import (
	"fmt"
	"sync"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

// latestRows is how many rows the panels of the data page show.
const latestRows = 50

// dataShow is the page about the data itself.
func (s *Server) dataShow(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	ctx, l, now := c.UserContext(), o.lang, s.o.Now()
	v := &page.Data{Frame: s.frame(o, "data", l.T("data.title"), "/data", ""), Failed: map[string]bool{}}
	v.Bar.Fixed()
	v.Quarantine = v.URL(page.QuarantinePath)
	if !o.standing.AsOf.IsZero() {
		v.AsOf, v.Lag = page.Time(o.standing.AsOf), l.Span(now.Sub(o.standing.AsOf))
	}
	limit := queries.Params{"limit": uint32(latestRows)}
	var (
		group  together
		lock   sync.Mutex
		errs   = map[string]error{}
		topics []topicStanding
	)
	panel := func(name string, ask func() error) {
		group.Go(func() {
			if err := ask(); err != nil {
				lock.Lock()
				defer lock.Unlock()
				errs[name] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	panel("freshness", func() (err error) { topics, err = s.topics(ctx); return err })
	panel("sources", func() error {
		sources, err := s.o.Evaluator.Sources(ctx, now)
		for _, source := range sources {
			v.Sources = append(v.Sources, page.SourceOf(l, source, now))
		}
		return err
	})
	panel("books", func() (err error) { v.Books, err = s.books(ctx, l); return err })
	panel("incidents", func() error {
		incidents, err := s.o.DB.Incidents(ctx)
		for _, i := range incidents[:min(len(incidents), latestRows)] {
			partition := l.Partition(queries.SplitPartition(i.Partition))
			v.Incidents = append(v.Incidents, page.IncidentOf(l, i.FoundAt, i.Topic, partition, i.Kind, i.From, i.To, i.Count, i.Detail))
		}
		return err
	})
	panel("quarantine", func() error {
		counts, err := s.o.DB.QuarantineCounts(ctx, queries.QuarantineFilter{Since: (calendar.DayOf(now) - quarantineDays + 1).Start()})
		v.Reasons = page.ReasonsOf(l, tallies(counts))
		return err
	})
	panel("conflicts", func() error { return s.o.DB.Select(ctx, &v.Conflicts, queries.File("page/conflicts_latest"), limit) })
	panel("jobs", func() error { return s.o.DB.Select(ctx, &v.Jobs, queries.File("page/job_runs_latest"), limit) })
	if err := group.Wait(); err != nil {
		return err
	}
	for name, err := range errs {
		v.Failed[name] = s.failed(c, name, err)
	}
	for _, t := range topics {
		v.Topics = append(v.Topics, page.TopicOf(l, t.Topic, t.Newest, t.Received, now))
	}
	for _, b := range v.Books {
		v.BooksAt = page.Time(b.At)
		v.BooksBad = v.BooksBad || b.Missing > 0
	}
	for i, r := range v.Conflicts {
		for _, b := range bases {
			if b.topic == r.Topic {
				v.Conflicts[i].Href = page.SubjectPath(b.name, r.Subject)
			}
		}
	}
	for i, j := range v.Jobs {
		v.Jobs[i] = page.JobOf(l, j)
	}
	return s.send(c, v)
}

// definitionsList is the page of all definitions.
func (s *Server) definitionsList(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	v := &page.Definitions{Frame: s.frame(o, "definitions", o.lang.T("nav.definitions"), "/definitions", "")}
	v.Bar.Fixed()
	for _, ind := range s.o.Catalogue.All() {
		v.Entries = append(v.Entries, page.DefinitionOf(o.lang, ind, o.scope.URL(page.IndicatorPath(ind.Key))))
	}
	return s.send(c, v)
}
