package web

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// answers are the figures of all indicators that have the dimensions of the
// scope's filter: of the period and of the one before, and their trends.
func (s *Server) answers(ctx context.Context, at *metrics.Evaluator, scope page.Scope) (page.Answers, error) {
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
		group    together
		errs     [3]error
		ofPeriod = func(p calendar.Period, keys []string) ([]metrics.Figure, error) {
			if len(keys) == 0 {
				return nil, nil
			}
			return at.Figures(ctx, scope.In(p).Question(keys...))
		}
	)
	group.Go(func() { a.Period, errs[0] = ofPeriod(scope.Period, keys) })
	group.Go(func() { a.Before, errs[1] = ofPeriod(scope.Period.Previous(), timed) })
	group.Go(func() { a.Trends, errs[2] = at.Trends(ctx, scope.Question(keys...)) })
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
	ctx := c.UserContext()
	at, release, err := s.live(ctx, o.scope)
	var (
		answers                   page.Answers
		asked, told               together
		answerErr                 error
		placeErr, lossErr, impErr error
		lose                      = func() { v.Losses, lossErr = s.losses(ctx, at, o) }
		dimension                 = regionBelow(o.scope)
	)
	if err == nil {
		defer release()
		asked.Go(func() { answers, answerErr = s.answers(ctx, at, o.scope) })
		// The state of a past as_of is made for the first that asks, and of all that
		// the figures need.
		if o.scope.AsOf.IsZero() {
			asked.Go(lose)
		}
		if err := asked.Wait(); err != nil {
			return err
		}
		err = answerErr
	}
	if isAsked(err) {
		return err
	}
	if s.failed(c, "figures", err) {
		v.Losses, v.Unavailable = nil, page.Unavailable{Figures: true, Regions: true, Clocks: true}
		return s.send(c, v)
	}
	if !o.scope.AsOf.IsZero() {
		told.Go(lose)
	}
	told.Go(func() { answers.Places, placeErr = s.places(ctx, at, answers, o.scope, dimension) })
	told.Go(func() { v.Improvements, impErr = s.improvementsSaid(ctx, at, o) })
	if err := told.Wait(); err != nil {
		return err
	}
	// Without them the sentences say what changed, but not where, or why.
	s.failed(c, "places", placeErr)
	s.failed(c, "losses", lossErr)
	s.failed(c, "improvements", impErr)
	v.Fill(o.lang.Voice(s.o.Catalogue), answers)
	if v.Nothing {
		v.Last, v.LastText = o.last("/")
	}
	if next := o.scope.Period.Next(); o.scope.Period.Grain != "" && o.scope.AsOf.IsZero() && next.Contains(calendar.DayOf(s.o.Now())) {
		v.Running, v.RunningText = o.scope.In(next).URL("/"), o.lang.T("overview.running", o.lang.Period(next))
	}
	v.Clocks = page.ClocksOf(o.lang, o.scope, answers.Indicators, answers.Period)
	if ind, ok := regional(answers, o.scope, dimension); ok {
		q := o.scope.Question(ind.Key)
		q.By = []string{dimension}
		figures, err := at.Figures(ctx, q)
		if v.Unavailable.Regions = s.failed(c, "regions", err); !v.Unavailable.Regions {
			v.Regions = page.RegionsOf(o.lang, ind, o.scope, dimension, figures)
		}
	}
	return s.send(c, v)
}

// regionBelow is the level of region that lies below the one that is chosen.
func regionBelow(scope page.Scope) string {
	switch {
	case scope.Where["region6"] != "", scope.Where["region4"] != "":
		return "region6"
	case scope.Where["region"] != "":
		return "region4"
	}
	return "region"
}

// regional is the leading indicator to show by region.
func regional(a page.Answers, scope page.Scope, dimension string) (catalogue.Indicator, bool) {
	for _, ind := range page.Leading(a) {
		if hasAll(ind, scope) && ind.HasDimension(dimension) {
			return ind, true
		}
	}
	return catalogue.Indicator{}, false
}

// places are the trends by region and by product of the indicators that have a
// signal and of the leading ones, where the facts hold them: what a past as_of
// costs per region is too much.
func (s *Server) places(ctx context.Context, at *metrics.Evaluator, a page.Answers, scope page.Scope, region string) ([]metrics.Trend, error) {
	leading := map[string]bool{}
	for _, ind := range page.Leading(a) {
		leading[ind.Key] = true
	}
	var out []metrics.Trend
	for _, dimension := range []string{region, "product"} {
		if scope.Where[dimension] != "" {
			continue
		}
		q := scope.Question()
		q.By = []string{dimension}
		for _, t := range a.Trends {
			ind, ok := s.o.Catalogue.Get(t.Key)
			if ok && ind.HasDimension(dimension) && metrics.FromFacts(ind, q) && (leading[t.Key] || len(t.Signals()) > 0) {
				q.Keys = append(q.Keys, t.Key)
			}
		}
		if len(q.Keys) == 0 {
			continue
		}
		trends, err := at.Trends(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, trends...)
	}
	return out, nil
}
