package web

import (
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// isAsked says whether an error is the reader's: the question was wrong, not
// the data out of reach.
func isAsked(err error) bool {
	var q *metrics.QuestionError
	return errors.As(err, &q)
}

// indicator is the one named in the path.
func (s *Server) indicator(c *fiber.Ctx) (catalogue.Indicator, error) {
	key, err := pathText(c, "key")
	if err != nil {
		return catalogue.Indicator{}, err
	}
	ind, ok := s.o.Catalogue.Get(key)
	if !ok {
		return ind, &notFound{"fault.not_found.indicator", []any{clip(key)}}
	}
	return ind, nil
}

// drawn is how an indicator's page cuts its figures.
type drawn struct {
	trend calendar.Grain
	by    string
}

func (p parameters) drawn(ind catalogue.Indicator, scope page.Scope) (drawn, error) {
	d := drawn{trend: page.TrendGrain(scope.Period), by: p["by"]}
	if v := p["trend"]; v != "" {
		g, err := calendar.ParseGrain(v)
		if err != nil {
			return d, &badParameter{"trend", "want day, week, month, quarter or year"}
		}
		d.trend = g
	}
	if d.by != "" && !ind.HasDimension(d.by) {
		return d, &badParameter{"by", "the indicator has no such dimension"}
	}
	if d.by == "" && len(ind.Dimensions) > 0 {
		// A dimension that the filter has fixed tells nothing.
		d.by = ind.Dimensions[0]
		for _, name := range ind.Dimensions {
			if scope.Where[name] == "" {
				d.by = name
				break
			}
		}
	}
	return d, nil
}

// indicatorShow is the page of one indicator.
func (s *Server) indicatorShow(c *fiber.Ctx) error {
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
	l, path := o.lang, page.IndicatorPath(ind.Key)
	v := &page.Indicator{
		Frame: s.frame(o, "", l.Title(ind.Title), path, o.scope.URL(path+"/export.csv", "trend", string(cut.trend), "by", cut.by),
			"trend", o.params["trend"], "by", o.params["by"]),
		Figure:     page.Figure{Key: ind.Key, Chapter: ind.Chapter, Title: l.Title(ind.Title)},
		Definition: page.DefinitionOf(l, ind, ""),
		Empty:      o.empty(),
	}
	if v.Empty {
		return s.send(c, v)
	}
	if !hasAll(ind, o.scope) {
		v.Figure = page.NotByFilter(l, ind, o.scope)
		return s.send(c, v)
	}
	ctx := c.UserContext()
	var (
		group                     together
		figure, trend, split      []metrics.Figure
		figureErr, trendErr, err2 error
		periods                   = page.TrendPeriods(cut.trend, o.scope.Period, page.TrendLength(cut.trend))
	)
	group.Go(func() { figure, figureErr = s.o.Evaluator.Figures(ctx, o.scope.Question(ind.Key)) })
	if ind.Window != catalogue.Snap {
		group.Go(func() {
			q := o.scope.In(calendar.Period{From: periods[0].From, To: periods[len(periods)-1].To}).Question(ind.Key)
			q.Grain = cut.trend
			trend, trendErr = s.o.Evaluator.Figures(ctx, q)
		})
	}
	if cut.by != "" {
		group.Go(func() {
			q := o.scope.Question(ind.Key)
			q.By = []string{cut.by}
			split, err2 = s.o.Evaluator.Figures(ctx, q)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := errors.Join(figureErr, trendErr, err2); isAsked(err) {
		return err
	}
	if v.Unavailable.Figures = s.failed(c, "figure", figureErr); !v.Unavailable.Figures {
		f := figure[0]
		v.Figure = page.FigureOf(l, ind, o.scope, f)
		v.Parts = page.PartsOf(l, ind, o.scope, f)
		v.Interval = page.IntervalOf(l, ind, f)
		v.AsOf = page.Time(f.AsOf)
		if v.Nothing = f.Numerator == nil; v.Nothing {
			v.Last, v.LastText = o.last(path, "by", cut.by)
		}
	}
	if v.Unavailable.Trend = s.failed(c, "trend", trendErr); !v.Unavailable.Trend && ind.Window != catalogue.Snap {
		if v.Trend, err = page.TrendOf(l, ind, o.scope, cut.trend, cut.by, periods, trend); err != nil {
			return err
		}
	}
	if v.Unavailable.Split = s.failed(c, "split", err2); !v.Unavailable.Split && cut.by != "" {
		if v.Split, err = page.SplitOf(l, ind, o.scope, cut.by, split); err != nil {
			return err
		}
	}
	names := slices.Clone(ind.Dimensions)
	if i := slices.Index(names, "region"); i >= 0 && page.HasLevels(o.filters.Values["region"]) {
		names = slices.Insert(names, i+1, "region4", "region6")
	}
	for _, d := range names {
		v.Dimensions = append(v.Dimensions, page.Entry{
			Text: l.T("dim." + d), Href: o.scope.URL(path, "trend", o.params["trend"], "by", d) + "#split", On: d == cut.by,
		})
	}
	return s.send(c, v)
}
