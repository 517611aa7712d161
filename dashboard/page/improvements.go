package page

import (
	"net/url"
	"slices"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
	"youzhi/metrics/stats"
)

// ImprovementsPath is the page of improvements.
const ImprovementsPath = "/improvements"

// ImprovementsJudged is how many improvements a page compares at most.
const ImprovementsJudged = 40

// ImprovementsSaid is how many the overview names at most.
const ImprovementsSaid = 3

// Improvements is what was tried to make an indicator better, and what came of it.
type Improvements struct {
	Frame
	Rows []Improvement
	// Unavailable says that they could not be read.
	Unavailable bool
}

func (*Improvements) template() string { return "improvements" }

// ImprovementPage is one improvement with the events behind it.
type ImprovementPage struct {
	Frame
	Improvement
	// Events are those of the improvement, of which Counted count; Raw is the URL of
	// them as JSON.
	Events  []Event
	Counted int
	Raw     string
	All     string // URL of the page of all improvements
}

func (*ImprovementPage) template() string { return "improvement" }

// Improvement is one improvement as it is shown.
type Improvement struct {
	Subject, Href string
	// Indicator is what was to become better, with its page in the unit and the days
	// checked, or those of the baseline.
	Indicator Link
	For       string
	OwnerPost string
	Stage     string
	// Stages are its stages with their days, in order.
	Stages []Field
	// Before and After are the values with the units behind them.
	Before, After    Link
	BeforeN, AfterN  Link
	BaselineDays     string
	CheckDays        string
	Effect, Interval string
	Verdict, Class   string
	// Why says why there is no verdict.
	Why string
	// Notes are what one should know of the verdict.
	Notes []string
	// Result is what became of it, as reported.
	Result string
}

// ImprovementOf makes an improvement ready to be shown.
func ImprovementOf(l Language, ind catalogue.Indicator, known bool, s Scope, m metrics.Improvement) Improvement {
	out := Improvement{
		Subject: m.Subject, Href: s.URL(ImprovementsPath + "/" + url.PathEscape(m.Subject)),
		Indicator: Link{Text: m.Indicator}, For: m.For, OwnerPost: m.OwnerPost, Stage: l.Word("stage", m.State), Class: "none",
	}
	if m.Result != "" {
		out.Result = l.Word("improvement_result", m.Result)
	}
	for _, stage := range []struct {
		name string
		at   time.Time
	}{{"planned", m.PlannedAt}, {"started", m.StartedAt}, {"checked", m.CheckedAt}, {"closed", m.ClosedAt}} {
		if !stage.at.IsZero() {
			out.Stages = append(out.Stages, Field{Name: l.Word("stage", stage.name), Value: calendar.DayOf(stage.at).String()})
		}
	}
	out.BaselineDays, out.CheckDays = l.days(m.Baseline), l.days(m.Check)
	if out.CheckDays == "" && m.CheckPlanned != 0 {
		out.CheckDays = l.T("improvement.check_planned", m.CheckPlanned.String())
	}
	if known {
		out.Indicator.Text = l.Title(ind.Title)
		out.Indicator.Href = s.URL(IndicatorPath(ind.Key))
	}
	at := func(d fold.Days) Scope { return s.In(calendar.Period{From: d.From, To: d.To}) }
	for dimension, values := range m.Where {
		out.For = l.Value(dimension, values[0])
		// Its figures are those of the unit alone, whatever the page is filtered by.
		s.Where = map[string]string{dimension: values[0]}
		out.Indicator.Href = s.URL(IndicatorPath(ind.Key))
	}
	if m.Check.Len() > 0 && m.Where != nil {
		out.Indicator.Href = at(m.Check).URL(IndicatorPath(ind.Key))
	}
	side := func(d fold.Days, f *metrics.Figure) (value, n Link) {
		if f == nil || f.Value == nil {
			return Link{Text: Dash}, Link{}
		}
		scope := at(d)
		value = Link{Text: l.WithUnit(ind.Unit, *f.Value), Href: scope.URL(IndicatorPath(ind.Key))}
		if f.Denominator != nil {
			n = part(l, scope, ind, metrics.PartDenominator, "part.sample", *f.Denominator)
		}
		return value, n
	}
	out.Before, out.BeforeN = side(m.Baseline, m.Before)
	out.After, out.AfterN = side(m.Check, m.After)
	if m.NoVerdict != "" {
		out.Verdict, out.Why = l.T("improvement.verdict.none"), l.T("improvement.why."+string(m.NoVerdict))
	}
	if m.Effect != nil {
		out.judge(l, ind, m)
	}
	for _, f := range m.Flags {
		out.Notes = append(out.Notes, l.T("improvement.flag", l.Word("flag", f)))
	}
	return out
}

// ImprovementsIn are the improvements that were compared, with days checked that
// ended in the year up to a scope's period's end: what a first page is to tell. In
// one unit they are those of it.
func ImprovementsIn(s Scope, all []metrics.Improvement) []metrics.Improvement {
	var out []metrics.Improvement
	for _, m := range all {
		ours := len(s.Where) == 0 || len(s.Where) == 1 && len(m.Where) == 1
		for d, v := range s.Where {
			ours = ours && slices.Contains(m.Where[d], v)
		}
		if ours && m.Effect != nil && m.Check.To <= s.Period.To && m.Check.To > s.Period.To-366 {
			out = append(out, m)
		}
	}
	return out
}

// judge says what the comparison says.
func (i *Improvement) judge(l Language, ind catalogue.Indicator, m metrics.Improvement) {
	e := m.Effect
	i.Effect = l.effect(ind.Unit, e.Ratio, e.Value)
	i.Interval = l.T("improvement.interval", l.effect(ind.Unit, e.Ratio, e.Interval.Lower), l.effect(ind.Unit, e.Ratio, e.Interval.Upper))
	i.Verdict = l.T("improvement.verdict." + string(m.Verdict))
	switch m.Verdict {
	case stats.VerdictImproved:
		i.Class = "met"
	case stats.VerdictWorse:
		i.Class = "missed"
	}
	if m.Charted {
		key := "improvement.chart"
		if !m.Agrees() {
			key = "improvement.chart.differs"
		}
		i.Notes = append(i.Notes, l.T(key, l.T("improvement.variation."+string(m.Chart))))
	}
	if e.Phi > 1 {
		i.Notes = append(i.Notes, l.T("improvement.phi", number(e.Phi, 2)))
	}
	if m.ShortBaseline() {
		i.Notes = append(i.Notes, l.T("improvement.short", m.Baseline.Len(), metrics.BaselineAtLeast))
	}
}

// effect writes a change with its sign: rates in percentage points, ratios as a
// factor, anything else in the indicator's unit.
func (l Language) effect(u catalogue.Unit, ratio bool, v float64) string {
	if ratio {
		return "×" + number(v, 2)
	}
	sign := "+"
	if v < 0 {
		sign, v = "−", -v
	}
	if u == catalogue.Rate {
		return sign + number(100*v, 1) + space + l.T("unit.pp")
	}
	return sign + number(v, 1) + l.join(u)
}

// days writes a span of days; empty for none.
func (l Language) days(d fold.Days) string {
	if d.Len() <= 0 {
		return ""
	}
	return l.Period(calendar.Period{From: d.From, To: d.To})
}
