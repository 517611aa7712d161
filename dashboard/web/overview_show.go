package web

import (
	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// answers are the figures of all indicators that have the dimensions of the
// scope's filter: of the period, of the one before and of the last ones.
func (s *Server) answers(c *fiber.Ctx, scope page.Scope) (page.Answers, error) {
	ctx := c.UserContext()
	a := page.Answers{Indicators: s.o.Catalogue.All()}
	var keys, timed []string
	for _, ind := range a.Indicators {
		if !hasAll(ind, scope) {
			continue
		}
		keys = append(keys, ind.Key)
		if ind.Window != catalogue.Snap {
			timed = append(timed, ind.Key)
		}
	}
	if len(keys) == 0 {
		return a, nil
	}
	var (
		group     together
		errs      [3]error
		grain     = page.TrendGrain(scope.Period)
		trend     = page.TrendPeriods(grain, scope.Period, page.TrendLength(grain))
		ofPeriods = func(g calendar.Grain, p calendar.Period, keys []string) ([]metrics.Figure, error) {
			if len(keys) == 0 {
				return nil, nil
			}
			q := scope.In(p).Question(keys...)
			q.Grain = g
			return s.o.Evaluator.Figures(ctx, q)
		}
	)
	group.Go(func() { a.Period, errs[0] = ofPeriods("", scope.Period, keys) })
	group.Go(func() { a.Before, errs[1] = ofPeriods("", scope.Period.Previous(), timed) })
	group.Go(func() {
		a.Trend, errs[2] = ofPeriods(grain, calendar.Period{From: trend[0].From, To: trend[len(trend)-1].To}, timed)
	})
	if err := group.Wait(); err != nil {
		return a, err
	}
	for _, err := range errs {
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// hasAll says whether an indicator has all dimensions of a scope's filter.
func hasAll(ind catalogue.Indicator, scope page.Scope) bool {
	for d := range scope.Where {
		if !ind.HasDimension(d) {
			return false
		}
	}
	return true
}

// overviewShow is the first page.
func (s *Server) overviewShow(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	v := &page.Overview{
		Frame: s.frame(o, "overview", o.lang.T("overview.title"), "/", o.scope.URL("/export/figures.csv")),
		Empty: o.empty(),
	}
	if v.Empty {
		return s.send(c, v)
	}
	answers, err := s.answers(c, o.scope)
	if isAsked(err) {
		return err
	}
	if s.failed(c, "figures", err) {
		v.Unavailable = page.Unavailable{Figures: true, Regions: true, Clocks: true}
		return s.send(c, v)
	}
	v.Fill(answers)
	if v.Nothing {
		v.Last, v.LastText = o.last("/")
	}
	v.Clocks = page.ClocksOf(o.lang, o.scope, answers.Indicators, answers.Period)
	if ind, dimension, ok := regional(answers, o.scope); ok {
		q := o.scope.Question(ind.Key)
		q.By = []string{dimension}
		figures, err := s.o.Evaluator.Figures(c.UserContext(), q)
		if v.Unavailable.Regions = s.failed(c, "regions", err); !v.Unavailable.Regions {
			v.Regions = page.RegionsOf(o.lang, ind, o.scope, dimension, figures)
		}
	}
	return s.send(c, v)
}

// regional is the leading indicator to show by region, and the level of region
// that lies below the one that is chosen.
func regional(a page.Answers, scope page.Scope) (catalogue.Indicator, string, bool) {
	dimension := "region"
	switch {
	case scope.Where["region6"] != "", scope.Where["region4"] != "":
		dimension = "region6"
	case scope.Where["region"] != "":
		dimension = "region4"
	}
	for _, ind := range page.Leading(a) {
		if hasAll(ind, scope) && ind.HasDimension(dimension) {
			return ind, dimension, true
		}
	}
	return catalogue.Indicator{}, "", false
}
