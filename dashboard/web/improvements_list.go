package web

import (
	"context"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/metrics/stats"
)

// improvementEvents is where the events of improvements are.
var improvementEvents = base{name: "improvements", topic: event.TopicAssurance}

// improvementsList is the page of all improvements.
func (s *Server) improvementsList(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	v := &page.Improvements{Frame: s.frame(o, "improvements", o.lang.T("improvements.title"), page.ImprovementsPath, "")}
	v.Bar.Fixed()
	all, err := s.o.Evaluator.Improvements(c.UserContext(), o.scope.AsOf, page.ImprovementsJudged)
	if isAsked(err) {
		return err
	}
	if v.Unavailable = s.failed(c, "improvements", err); !v.Unavailable {
		v.Rows = s.shownImprovements(o, all)
	}
	return s.send(c, v)
}

// improvementsSaid are the improvements that a first page names, for the year up
// to the end of its period; none for a past as_of, for which each would cost its
// figures anew.
func (s *Server) improvementsSaid(ctx context.Context, at *metrics.Evaluator, o *opening) ([]page.Improvement, error) {
	if !o.scope.AsOf.IsZero() {
		return nil, nil
	}
	all, err := at.Improvements(ctx, o.scope.AsOf, page.ImprovementsJudged)
	if err != nil {
		return nil, err
	}
	said := page.ImprovementsIn(o.scope, all)
	return s.shownImprovements(o, said[:min(len(said), page.ImprovementsSaid)]), nil
}

func (s *Server) shownImprovements(o *opening, all []metrics.Improvement) []page.Improvement {
	var out []page.Improvement
	for _, m := range all {
		ind, known := s.o.Catalogue.Get(m.Indicator)
		out = append(out, page.ImprovementOf(o.lang, ind, known, o.scope, m))
	}
	return out
}

// improvementShow is the page of one improvement.
func (s *Server) improvementShow(c *fiber.Ctx) error {
	id, err := pathText(c, "id")
	if err != nil {
		return err
	}
	o, err := s.open(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	all, err := s.o.Evaluator.Improvements(ctx, o.scope.AsOf, page.ImprovementsJudged)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m metrics.Improvement) bool { return m.Subject == id })
	if i < 0 {
		return &notFound{"fault.not_found.improvement", []any{clip(id)}}
	}
	asOf := o.scope.AsOf
	if asOf.IsZero() {
		asOf = o.standing.AsOf
	}
	rows, history, err := s.history(ctx, improvementEvents, id, asOf)
	if err != nil {
		return err
	}
	path := page.ImprovementsPath + "/" + c.Params("id")
	v := &page.ImprovementPage{
		Frame:       s.frame(o, "improvements", o.lang.T("improvement.title", id), path, ""),
		Improvement: s.shownImprovements(o, all[i:i+1])[0],
		All:         o.scope.URL(page.ImprovementsPath),
		Raw:         "/api/v1" + path + "/events",
	}
	v.Bar.Fixed()
	v.Events, v.Counted = page.EventsOf(o.lang, told(rows, history, improvementEvents.topic))
	return s.send(c, v)
}

// apiImprovement is an improvement for programs.
type apiImprovement struct {
	Subject   string            `json:"subject"`
	State     string            `json:"state"`
	Indicator string            `json:"indicator"`
	Unit      string            `json:"unit"`
	OwnerPost string            `json:"owner_post"`
	Baseline  *apiDays          `json:"baseline"`
	Check     *apiDays          `json:"check"`
	PlannedAt *time.Time        `json:"planned_at"`
	StartedAt *time.Time        `json:"started_at"`
	CheckedAt *time.Time        `json:"checked_at"`
	ClosedAt  *time.Time        `json:"closed_at"`
	Result    string            `json:"result"`
	Before    *metrics.Figure   `json:"before"`
	After     *metrics.Figure   `json:"after"`
	Effect    *apiEffect        `json:"effect"`
	Verdict   stats.Verdict     `json:"verdict"`
	NoVerdict metrics.NoVerdict `json:"no_verdict"`
	Chart     *stats.Direction  `json:"chart"`
	Flags     []string          `json:"flags"`
}

type apiDays struct {
	From calendar.Day `json:"from"`
	To   calendar.Day `json:"to"`
}

type apiEffect struct {
	Value    float64          `json:"value"`
	Ratio    bool             `json:"ratio"`
	Interval metrics.Interval `json:"interval"`
	Phi      float64          `json:"phi"`
	P        float64          `json:"p"`
}

// apiImprovements answers with all improvements, of which the page's number has
// figures and a verdict.
func (s *Server) apiImprovements(c *fiber.Ctx) error {
	asOf, err := s.askedAsOf(c)
	if err != nil {
		return err
	}
	all, err := s.o.Evaluator.Improvements(c.UserContext(), asOf, page.ImprovementsJudged)
	if err != nil {
		return err
	}
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	days := func(d fold.Days) *apiDays {
		if d.Len() <= 0 {
			return nil
		}
		return &apiDays{d.From, d.To}
	}
	out := make([]apiImprovement, 0, len(all))
	for _, m := range all {
		a := apiImprovement{
			Subject: m.Subject, State: m.State, Indicator: m.Indicator, Unit: m.For, OwnerPost: m.OwnerPost, Baseline: days(m.Baseline), Check: days(m.Check),
			PlannedAt: at(m.PlannedAt), StartedAt: at(m.StartedAt), CheckedAt: at(m.CheckedAt), ClosedAt: at(m.ClosedAt), Result: m.Result,
			Before: m.Before, After: m.After, Verdict: m.Verdict, NoVerdict: m.NoVerdict, Flags: append([]string{}, m.Flags...),
		}
		if m.Effect != nil {
			a.Effect = &apiEffect{m.Effect.Value, m.Effect.Ratio, m.Effect.Interval, m.Effect.Phi, m.Effect.P}
		}
		if m.Charted {
			a.Chart = &m.Chart
		}
		out = append(out, a)
	}
	return writeJSON(c, map[string]any{"improvements": out})
}
