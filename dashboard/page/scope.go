package page

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
)

// Dimensions are the dimensions that the URL of a page may filter by, in the
// order they are named on a page. A parameter of the URL has the same name.
var Dimensions = []string{
	"region", "region4", "region6", "outlet", "product", "channel", "direction", "customer_type", "customer_tier",
	"special_need", "area_type", "kind", "category", "severity", "validity", "unit", "instrument", "wave",
}

// Scope is what a page is about: all of it stands in the page's URL, so that a
// link shows another person the same figures.
type Scope struct {
	Period calendar.Period
	// Where keeps units whose dimension has the value.
	Where map[string]string
	// AsOf is the instant that is calculated for; zero: now, as last folded.
	AsOf time.Time
}

// Question asks for the figures of the scope.
func (s Scope) Question(keys ...string) metrics.Question {
	q := metrics.Question{Keys: keys, From: s.Period.From, To: s.Period.To, AsOf: s.AsOf}
	if len(s.Where) > 0 {
		q.Where = map[string][]string{}
		for d, v := range s.Where {
			q.Where[d] = []string{v}
		}
	}
	return q
}

// In is the scope of another period.
func (s Scope) In(p calendar.Period) Scope {
	s.Period = p
	return s
}

// With narrows the scope to one value of a dimension.
func (s Scope) With(dimension, value string) Scope {
	s.Where = maps.Clone(s.Where)
	if s.Where == nil {
		s.Where = map[string]string{}
	}
	s.Where[dimension] = value
	return s
}

// Without widens the scope to all values of a dimension.
func (s Scope) Without(dimension string) Scope {
	s.Where = maps.Clone(s.Where)
	delete(s.Where, dimension)
	return s
}

// Now is the scope without an as_of.
func (s Scope) Now() Scope {
	s.AsOf = time.Time{}
	return s
}

// URL is a path with the scope, and pairs of further parameters; a pair without
// a value is left out.
func (s Scope) URL(path string, pairs ...string) string {
	q := url.Values{}
	q.Set("period", s.Period.Label())
	for d, v := range s.Where {
		q.Set(d, v)
	}
	if !s.AsOf.IsZero() {
		q.Set("as_of", s.AsOf.In(calendar.Beijing).Format(time.RFC3339Nano))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return path + "?" + q.Encode()
}

// filtered are the dimensions of the scope, in the order of Dimensions.
func (s Scope) filtered() []string {
	var out []string
	for _, d := range Dimensions {
		if _, ok := s.Where[d]; ok {
			out = append(out, d)
		}
	}
	return out
}

// IndicatorPath is the page of an indicator.
func IndicatorPath(key string) string { return "/indicators/" + url.PathEscape(key) }

// SubjectPath is the page of one case, ticket or survey.
func SubjectPath(base, subject string) string { return "/" + base + "/" + url.PathEscape(subject) }

// TrendPeriods are the last n periods of a grain, up to the one that holds the
// last day of the scope's period.
func TrendPeriods(g calendar.Grain, p calendar.Period, n int) []calendar.Period {
	out := make([]calendar.Period, n)
	last := calendar.PeriodOf(g, p.To-1)
	for i := n - 1; i >= 0; i-- {
		out[i] = last
		last = last.Previous()
	}
	return out
}

// TrendGrain is the grain that a period's own trend is drawn in: its own, or for
// a free span one that gives a readable number of points.
func TrendGrain(p calendar.Period) calendar.Grain {
	switch {
	case p.Grain != "":
		return p.Grain
	case p.Len() <= 14:
		return calendar.GrainDay
	case p.Len() <= 120:
		return calendar.GrainWeek
	}
	return calendar.GrainMonth
}

// TrendLength is how many periods of a grain a trend without a verdict shows.
func TrendLength(g calendar.Grain) int {
	if g == calendar.GrainYear {
		return 6
	}
	return 12
}

// Grains are the grains in the order of their length.
var Grains = []calendar.Grain{calendar.GrainDay, calendar.GrainWeek, calendar.GrainMonth, calendar.GrainQuarter, calendar.GrainYear}

// has says whether a list holds a value.
func has(list []string, v string) bool { return slices.Contains(list, v) }
