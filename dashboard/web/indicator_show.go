package web

import (
	"context"
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
	trend calendar.Grain // empty: the one that the data are best judged in
	by    string
}

func (p parameters) drawn(ind catalogue.Indicator, scope page.Scope) (drawn, error) {
	d := drawn{by: p["by"]}
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
		figure, plain, split      []metrics.Figure
		trend                     metrics.Trend
		figureErr, trendErr, err2 error
	)
	group.Go(func() { figure, figureErr = s.o.Evaluator.Figures(ctx, o.scope.Question(ind.Key)) })
	if ind.Window != catalogue.Snap {
		group.Go(func() { trend, plain, trendErr = s.trend(ctx, ind, o.scope, cut.trend) })
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
	voice := l.Voice(s.o.Catalogue)
	switch v.Unavailable.Trend = s.failed(c, "trend", trendErr); {
	case v.Unavailable.Trend, ind.Window == catalogue.Snap:
	case plain != nil:
		if v.Trend, err = page.TrendOf(l, ind, o.scope, cut.trend, cut.by, plainPeriods(cut.trend, o.scope), plain); err != nil {
			return err
		}
	default:
		if v.Trend, err = page.ControlOf(l, voice, ind, o.scope, trend, cut.by); err != nil {
			return err
		}
	}
	if v.Unavailable.Split = s.failed(c, "split", err2); !v.Unavailable.Split && cut.by != "" {
		if v.Split, err = page.SplitOf(l, ind, o.scope, cut.by, split); err != nil {
			return err
		}
		trends, err := s.splitTrends(ctx, ind, o.scope, cut)
		// Without it the rows have their figures, and no icon.
		if !s.failed(c, "trends of the split", err) {
			v.Split.Judge(l, voice, trends)
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

// trend is an indicator's trend in a grain; quarters and years, which are too few
// to judge, have figures alone.
func (s *Server) trend(ctx context.Context, ind catalogue.Indicator, scope page.Scope, grain calendar.Grain) (metrics.Trend, []metrics.Figure, error) {
	if grain == "" || slices.Contains(metrics.TrendGrains, grain) {
		q := scope.Question(ind.Key)
		q.Grain = grain
		trends, err := s.o.Evaluator.Trends(ctx, q)
		if err != nil {
			return metrics.Trend{}, nil, err
		}
		return trends[0], nil, nil
	}
	periods := plainPeriods(grain, scope)
	q := scope.In(calendar.Period{From: periods[0].From, To: periods[len(periods)-1].To}).Question(ind.Key)
	q.Grain = grain
	figures, err := s.o.Evaluator.Figures(ctx, q)
	return metrics.Trend{}, figures, err
}

// plainPeriods are the periods of a trend that is not judged.
func plainPeriods(grain calendar.Grain, scope page.Scope) []calendar.Period {
	return page.TrendPeriods(grain, scope.Period, page.TrendLength(grain))
}

// splitTrends are the trends of each value of a split, where the facts hold them;
// each in the grain that is chosen, or in the one it is best judged in.
func (s *Server) splitTrends(ctx context.Context, ind catalogue.Indicator, scope page.Scope, cut drawn) ([]metrics.Trend, error) {
	q := scope.Question(ind.Key)
	q.By, q.Grain = []string{cut.by}, cut.trend
	if !metrics.FromFacts(ind, q) || cut.trend != "" && !slices.Contains(metrics.TrendGrains, cut.trend) {
		return nil, nil
	}
	return s.o.Evaluator.Trends(ctx, q)
}
