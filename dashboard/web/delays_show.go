package web

import (
	"context"
	"encoding/csv"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// delayed is the indicator of the delays, if the scope's filter fits it.
func (s *Server) delayed(scope page.Scope) (catalogue.Indicator, error) {
	ind, ok := s.o.Catalogue.Get(metrics.DelayKey)
	if !ok {
		return ind, &notFound{"fault.not_found.indicator", []any{metrics.DelayKey}}
	}
	for d := range scope.Where {
		if !ind.HasDimension(d) {
			return ind, &badParameter{d, "cases have no such dimension"}
		}
	}
	return ind, nil
}

// earlierLoss is the sentence about the largest burst before the period, with what
// the page of that period says it cost.
func (s *Server) earlierLoss(ctx context.Context, e *metrics.Evaluator, l page.Language, scope page.Scope, d metrics.Delays) (*page.Loss, error) {
	found, ok := d.Earlier(scope.Period)
	if !ok {
		return nil, nil
	}
	at := scope.In(found.Period)
	then, err := e.DelayCauses(ctx, at.Question(metrics.DelayKey))
	if err != nil {
		return nil, err
	}
	loss, ok := then.Loss(found.Cause, found.Place)
	if !ok {
		return nil, nil
	}
	out := page.LossOf(l, at, "delays.earlier", loss)
	return &out, nil
}

// losses are the sentences about what cost most of the on-time rate, for a page
// beside that of the delays. A scope that late cases do not have has none.
func (s *Server) losses(ctx context.Context, at *metrics.Evaluator, o *opening) ([]page.Loss, error) {
	ind, ok := s.o.Catalogue.Get(metrics.DelayKey)
	if !ok || !hasAll(ind, o.scope) {
		return nil, nil
	}
	d, err := at.DelayCauses(ctx, o.scope.Question(ind.Key))
	if err != nil {
		return nil, err
	}
	earlier, err := s.earlierLoss(ctx, at, o.lang, o.scope, d)
	if err != nil {
		return nil, err
	}
	return page.LossesOf(o.lang, o.scope, d, earlier), nil
}

// delaysShow is the page of where late cases lost their time.
func (s *Server) delaysShow(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	ind, err := s.delayed(o.scope)
	if err != nil {
		return err
	}
	v := &page.Delays{
		Frame: s.frame(o, "delays", o.lang.T("delays.title"), page.DelaysPath, o.scope.URL(page.DelaysPath+".csv")),
		Empty: o.empty(),
	}
	if v.Empty {
		return s.send(c, v)
	}
	ctx := c.UserContext()
	at, release, err := s.live(ctx, o.scope)
	var d metrics.Delays
	if err == nil {
		defer release()
		d, err = at.Delays(ctx, o.scope.Question(ind.Key))
	}
	if isAsked(err) {
		return err
	}
	var earlier *page.Loss
	if err == nil {
		earlier, err = s.earlierLoss(ctx, at, o.lang, o.scope, d)
	}
	if v.Failed = s.failed(c, "delays", err); v.Failed {
		return s.send(c, v)
	}
	if err := v.Fill(ind, d, earlier); err != nil {
		return err
	}
	if v.Nothing {
		v.Last, v.LastText = o.last(page.DelaysPath)
	}
	return s.send(c, v)
}

// way is the way of a late case, judged as the delays of the page's period do it,
// or those of the month of its promise where the period does not hold it.
func (s *Server) way(ctx context.Context, scope page.Scope, id string, state []page.Anchor) ([]metrics.Leg, error) {
	ind, ok := s.o.Catalogue.Get(metrics.DelayKey)
	i := slices.IndexFunc(state, func(a page.Anchor) bool { return a.Name == ind.Population.Anchor })
	if !ok || i < 0 {
		return nil, nil
	}
	period := scope.Period
	if !period.Contains(state[i].Day) {
		period = calendar.PeriodOf(calendar.GrainMonth, state[i].Day)
	}
	return s.o.Evaluator.Way(ctx, page.Scope{Period: period}.Question(ind.Key), id)
}

var delayColumns = []string{"list", "name", "place", "cases", "late", "points", "over_hours", "rate", "side", "began_first", "began_last", "began_cases"}

// delaysExport gives all the tables of the page.
func (s *Server) delaysExport(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	ind, err := s.delayed(o.scope)
	if err != nil {
		return err
	}
	d, err := s.o.Evaluator.Delays(c.UserContext(), o.scope.Question(ind.Key))
	if err != nil {
		return err
	}
	return export(c, "delays-"+o.scope.Period.Label(), func(_ context.Context, w *csv.Writer) error {
		return w.WriteAll(delayRecords(d))
	})
}

func delayRecords(d metrics.Delays) [][]string {
	out := [][]string{delayColumns}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	share := func(list string, e metrics.DelayShare, place string) {
		row := []string{list, cell(e.Name), cell(place), "", count(e.Cases), decimal(&e.Points), decimal(e.OverHours), "", "", "", "", ""}
		if days, within, ok := d.When(e); ok {
			row[9], row[10], row[11] = days.From.String(), (days.To - 1).String(), count(within)
		}
		out = append(out, row)
	}
	figure := func(list, dimension string, f metrics.Figure, side string) {
		var late *float64
		if f.Numerator != nil && f.Denominator != nil {
			late = new(*f.Denominator - *f.Numerator)
		}
		var points *float64
		if late != nil && d.Rate.Denominator != nil && *d.Rate.Denominator > 0 {
			points = new(*late / *d.Rate.Denominator * 100)
		}
		out = append(out, []string{list, cell(f.By[dimension]), "", decimal(f.Denominator), decimal(late), decimal(points), "", decimal(f.Value), side, "", "", ""})
	}
	figure("rate", "", d.Rate, "")
	for _, rung := range d.Ladder {
		out = append(out, []string{"lateness", rung.Lateness, "", count(rung.Cases), "", "", "", decimal(&rung.Share), "", "", "", ""})
	}
	for _, list := range []struct {
		name    string
		entries []metrics.DelayShare
	}{{"cause", d.Causes}, {"step", d.Steps}, {"place", d.Places}} {
		for _, e := range list.entries {
			if e.Cases > 0 {
				share(list.name, e, "")
			}
		}
	}
	for _, pair := range d.Pairs {
		if pair.Cases > 0 {
			share("cause_place", pair.DelayShare, pair.Place)
		}
	}
	for _, f := range d.Regions {
		figure(d.RegionLevel, d.RegionLevel, f, "")
	}
	for _, outlet := range d.Outlets {
		figure("outlet", "outlet", outlet.Figure, string(outlet.Side))
	}
	for _, hour := range d.Hours {
		out = append(out, []string{"hour", strconv.Itoa(hour.Weekday) + " " + strconv.Itoa(hour.Hour), "", count(hour.Cases), count(hour.Late), "", "", "", "", "", "", ""})
	}
	return out
}

// delay reads which cell of the delays a list is narrowed to.
func (p parameters) delay() map[string]string {
	var out map[string]string
	for _, name := range metrics.DelayNames {
		if v := p[name]; v != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = v
		}
	}
	return out
}

// delayPairs are the parameters of a cell of the delays, as a URL has them.
func delayPairs(delay map[string]string) []string {
	var out []string
	for _, name := range metrics.DelayNames {
		if v := delay[name]; v != "" {
			out = append(out, name, v)
		}
	}
	return out
}

// apiDelays gives the delays as JSON.
func (s *Server) apiDelays(c *fiber.Ctx) error {
	v, err := query(c, "from", "to", "where", "as_of")
	if err != nil {
		return err
	}
	q, err := question(v, s.o.Now())
	if err != nil {
		return err
	}
	d, err := s.o.Evaluator.Delays(c.UserContext(), q)
	if err != nil {
		return err
	}
	return writeJSON(c, d)
}
