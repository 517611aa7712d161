package web

import (
	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/catalogue"
)

// pageRows is how many rows a page of a list has.
const pageRows = 50

// rowsList is the list behind a part of a figure.
func (s *Server) rowsList(c *fiber.Ctx) error {
	ind, err := s.indicator(c)
	if err != nil {
		return err
	}
	o, err := s.open(c, append([]string{"part", "cursor"}, metrics.DelayNames...)...)
	if err != nil {
		return err
	}
	part := metrics.Part(o.params["part"])
	if part == "" {
		part = page.FirstPart(ind)
	}
	ctx, l := c.UserContext(), o.lang
	path := page.IndicatorPath(ind.Key) + "/rows"
	q := o.scope.Question(ind.Key)
	q.Delay = o.params.delay()
	kept := append([]string{"part", string(part)}, delayPairs(q.Delay)...)
	rows, err := s.o.Evaluator.Rows(ctx, q, part, o.params["cursor"], pageRows)
	if err != nil {
		return err
	}
	figures, err := s.o.Evaluator.Figures(ctx, o.scope.Question(ind.Key))
	if err != nil {
		return err
	}
	base := ind.Population.Base
	if ind.Kind == catalogue.RatioOfCounts && part == metrics.PartDenominator {
		base = ind.Denominator.Base
	}
	v := &page.Rows{
		Base:    base,
		Frame:   s.frame(o, "", l.Title(ind.Title), path, o.scope.URL(path+".csv", kept...), kept...),
		Heading: l.Title(ind.Title), Part: l.T("list." + string(part)), Help: l.T("help." + string(part)),
		Href:  o.scope.URL(page.IndicatorPath(ind.Key)),
		Timed: ind.Window == catalogue.Due || ind.Window == catalogue.Snap, Scored: ind.Measured(), Reasoned: part == metrics.PartExcluded,
		Rows: page.RowsOf(l, ind, figures[0].AsOf, rows.Rows),
	}
	for _, p := range page.PartsOf(l, ind, o.scope, figures[0]) {
		if p.Link.Href == "" {
			continue
		}
		on := p.Link.Part == part && len(q.Delay) == 0
		v.Parts = append(v.Parts, page.Entry{Text: p.Name + " " + p.Link.Text, Href: p.Link.Href, On: on})
		if on {
			v.Count, v.CountRaw = p.Link.Text, p.Link.Rows
		}
	}
	if len(q.Delay) > 0 {
		n, err := s.o.Evaluator.CountRows(ctx, q, part)
		if err != nil {
			return err
		}
		v.Narrow(q.Delay, n)
		for i := range v.Rows {
			// The case is judged by the budgets of the list.
			v.Rows[i].Subject.Href = page.Scope{Period: o.scope.Period}.URL(v.Rows[i].Subject.Href)
		}
	}
	if o.params["cursor"] != "" {
		v.First = o.scope.URL(path, kept...)
	}
	if rows.Next != "" {
		v.Next = o.scope.URL(path, append(kept, "cursor", rows.Next)...)
	}
	return s.send(c, v)
}
