// Package sentence says in words what control charts and figures show, in Chinese
// and in English: a signal, the state of a trend, the line and the sentences at
// the top of a page or a report. It is pure: nothing is asked, nothing is claimed
// that the rules of the charts and the figures don't say (STATISTICS.md 5).
package sentence

import (
	"fmt"
	"slices"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
)

// Language is a language of the sentences.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// Voice says things in a language.
type Voice struct {
	// Language is Chinese unless it is English.
	Language Language
	// Catalogue has the titles and units of the indicators.
	Catalogue *catalogue.Catalogue
	// Name names a value of a dimension, as a region; nil: the value itself.
	Name func(dimension, value string) string
}

// Sentence is what is said, and what it is about, so that it can lead there.
type Sentence struct {
	Text string
	// Subject is how Text begins: the indicator and where.
	Subject string
	Key     string
	// By are the values of a split that it is about; empty: the whole scope.
	By map[string]string
	// Span is the periods it speaks of, whole periods of Grain.
	Span  calendar.Period
	Grain calendar.Grain
	// Direction is what a signal means; empty: no signal stands behind it.
	Direction stats.Direction
	// Ended says that the signal does not reach the latest judged point.
	Ended bool
	// Signal is the pattern behind it, if Direction is not empty.
	Signal metrics.Signal
}

// t is a text of the language with its arguments.
func (v Voice) t(key string, args ...any) string {
	m := zh
	if v.Language == English {
		m = en
	}
	if len(args) == 0 {
		return m[key]
	}
	return fmt.Sprintf(m[key], args...)
}

// Title is an indicator's title, its key where the catalogue does not have it.
func (v Voice) Title(key string) string {
	ind, ok := v.indicator(key)
	switch {
	case !ok:
		return key
	case v.Language == English:
		return ind.Title.En
	}
	return ind.Title.Zh
}

func (v Voice) indicator(key string) (catalogue.Indicator, bool) {
	if v.Catalogue == nil {
		return catalogue.Indicator{Key: key}, false
	}
	return v.Catalogue.Get(key)
}

// about names what a trend is about: title and, in brackets, the values of its
// split. What the scope keeps out is said by the page or report around it.
func (v Voice) about(t metrics.Trend) string {
	var names []string
	for _, d := range sortedKeys(t.By) {
		names = append(names, v.name(d, t.By[d]))
	}
	if len(names) == 0 {
		return v.Title(t.Key)
	}
	return v.t("about", v.Title(t.Key), strings.Join(names, " · "))
}

func (v Voice) name(dimension, value string) string {
	if v.Name == nil {
		return value
	}
	return v.Name(dimension, value)
}

// Period names a calendar period: 2026 年第 33 周, week 33 of 2026.
func (v Voice) Period(p calendar.Period) string {
	date := func(d calendar.Day) string {
		y, m, n := d.Date()
		return v.t("day", y, int(m), n, m.String()[:3])
	}
	y, m, _ := p.From.Date()
	switch p.Grain {
	case calendar.GrainWeek:
		year, week := p.From.UTC().ISOWeek()
		return v.t("week", year, week)
	case calendar.GrainMonth:
		return v.t("month", y, int(m), m.String())
	case calendar.GrainQuarter:
		return v.t("quarter", y, (int(m)-1)/3+1)
	case calendar.GrainYear:
		return v.t("year", y)
	}
	if p.Len() <= 1 {
		return date(p.From)
	}
	return date(p.From) + " – " + date(p.To-1)
}

// begin names a period that something begins with: a week with its first day.
func (v Voice) begin(p calendar.Period) string {
	if p.Grain != calendar.GrainWeek {
		return v.Period(p)
	}
	_, m, d := p.From.Date()
	return v.Period(p) + v.t("first_day", int(m), d, m.String()[:3])
}

// many writes a number of periods: 9 周, 9 weeks.
func (v Voice) many(n int, g calendar.Grain) string {
	s := v.t("many."+string(g), n)
	if v.Language == English && n == 1 {
		s = strings.TrimSuffix(s, "s")
	}
	return s
}

// Signal says what one signal of a trend shows: which indicator and where, since
// when or from when to when, which rule, the value at its end with its limits and
// the count behind it.
func (v Voice) Signal(t metrics.Trend, s metrics.Signal) Sentence {
	return v.stretch(t, stretch{s.From, s.To, s, nil})
}

// stretch says what a stretch of a trend shows, in the words of its lead.
func (v Voice) stretch(t metrics.Trend, all stretch) Sentence {
	s := all.lead
	ind, _ := v.indicator(t.Key)
	periods := t.Periods()
	last := s.To - 1
	point := t.Chart.Points[last]
	out := Sentence{
		Key: t.Key, By: t.By, Grain: t.Grain, Direction: s.Direction, Signal: s,
		Span: calendar.Period{From: periods[all.from].From, To: periods[last].To}, Ended: !current(t, s.To),
	}
	write := Plain
	if l := point.Limits; l != nil {
		d := l.Drawn(t.Chart.Bounds)
		write = apart(ind.Unit, point.Value, d.Lower, d.Upper)
	}
	value := func(x float64) string { return v.named(ind.Unit, write(ind.Unit, x)) }
	first, end := v.begin(periods[all.from]), v.Period(periods[last])
	lately := ""
	if all.from < s.From {
		lately = ".lately"
	}
	when := v.t("since"+lately, first)
	if out.Ended {
		when = v.t("from_to"+lately, first, end)
	}
	if all.to-all.from == 1 {
		when = v.t("in", first)
	}
	var what, limits string
	side := string(s.Side)
	latest := v.t("last."+string(t.Grain), value(point.Value))
	if out.Ended {
		latest = v.t("last.ended."+string(t.Grain), value(point.Value))
	}
	switch s.Rule {
	case stats.RuleOutside:
		if s.Length() == 1 {
			what = v.t("outside.one."+side, value(point.Value))
		} else {
			what = v.t("outside.many."+side, v.many(s.Length(), t.Grain)) + latest
		}
	case stats.RuleShift:
		mean := v.t("mean.weekday")
		if point.Limits != nil && t.Grain != calendar.GrainDay {
			mean = v.t("mean", value(point.Limits.Centre))
		} else if phase, ok := phaseOf(t, last); ok && t.Grain != calendar.GrainDay {
			mean = v.t("mean", value(phase.Centre))
		}
		what = v.t("shift."+side, v.many(s.Length(), t.Grain), mean) + latest
	case stats.RuleTrend:
		what = v.t("trend."+side, v.many(s.Length(), t.Grain), value(t.Chart.Points[s.From].Value), value(point.Value))
	case stats.RuleTwoInThree:
		what = v.t("two_in_three."+side, v.many(s.Length(), t.Grain), v.many(flagged(t, s), t.Grain), flagged(t, s)) + latest
	}
	if s.Rule != stats.RuleOutside && slices.ContainsFunc(point.Signals, func(o stats.Signal) bool { return o.Rule == stats.RuleOutside && o.Side == s.Side }) {
		what += v.t("beyond")
	}
	if l := point.Limits; l != nil {
		d := l.Drawn(t.Chart.Bounds)
		limits = v.t("limits", write(ind.Unit, d.Lower), value(d.Upper))
		if s.Rule != stats.RuleShift {
			limits += v.t("comma") + v.t("mean.short", value(l.Centre))
		}
	}
	verb := v.t("verb." + string(s.Direction))
	if out.Ended {
		verb = v.t("verb.ended." + string(s.Direction))
	}
	inside := v.sample(ind, t.Figures[last])
	if limits != "" && inside != "" {
		inside = limits + v.t("comma") + inside
	} else {
		inside += limits
	}
	out.Subject = v.about(t)
	out.Text = v.t("signal", out.Subject, verb, when, what)
	if inside != "" {
		out.Text += v.t("brackets", inside)
	}
	out.Text += v.t("stop")
	return out
}

// flagged counts the points that a two-in-three pattern flags.
func flagged(t metrics.Trend, s metrics.Signal) int {
	n := 0
	for _, p := range t.Chart.Points[s.From:s.To] {
		for _, other := range p.Signals {
			if other.Rule == s.Rule && other.Side == s.Side {
				n++
				break
			}
		}
	}
	return n
}

func phaseOf(t metrics.Trend, point int) (stats.Phase, bool) {
	i := t.Chart.Points[point].Phase
	if i < 0 || i >= len(t.Chart.Phases) {
		return stats.Phase{}, false
	}
	return t.Chart.Phases[i], t.Chart.Phases[i].HasLimits()
}

// current says whether what ends before the point to reaches the latest judged one.
func current(t metrics.Trend, to int) bool {
	for i := len(t.Chart.Points) - 1; i >= 0; i-- {
		if t.Chart.Points[i].Judged {
			return to > i
		}
	}
	return false
}

// sample writes the count behind a figure: n of a rate or a mean, both counts of a
// ratio of two.
func (v Voice) sample(ind catalogue.Indicator, f metrics.Figure) string {
	switch {
	case ind.Kind == catalogue.Count || f.Units == 0:
		return ""
	case ind.Kind == catalogue.RatioOfCounts && f.Numerator != nil && f.Denominator != nil:
		return Sum(*f.Numerator) + " / " + Sum(*f.Denominator)
	}
	return "n" + space + "=" + space + Count(f.Units)
}

// Signals says all that the signals of a trend show, the newest first, each
// stretch in one sentence.
func (v Voice) Signals(t metrics.Trend) []Sentence {
	var out []Sentence
	for _, s := range stretches(t) {
		out = append(out, v.stretch(t, s))
	}
	return out
}

// Latest says the signal that tells most of a trend's latest point; there is none
// if no signal reaches it.
func (v Voice) Latest(t metrics.Trend) (Sentence, bool) {
	all := stretches(t)
	if len(all) == 0 || !current(t, all[0].to) {
		return Sentence{}, false
	}
	return v.stretch(t, all[0]), true
}

// stretch is a run of points in which signals of one side overlap or follow each
// other: one change, whichever rules see it.
type stretch struct {
	// from and to are indices of the points, to not included.
	from, to int
	// lead is the longest of its signals that reach its end.
	lead metrics.Signal
	// signals are all of them, the newest first.
	signals []metrics.Signal
}

// stretches are those of a trend, the newest first; of those that end together the
// one whose signal has the highest precedence.
func stretches(t metrics.Trend) []stretch {
	phase := func(point int) int { return t.Chart.Points[point].Phase }
	var out []stretch
next:
	for _, s := range t.Signals() {
		for i := range out {
			have := &out[i]
			// No change runs across the break between two phases.
			if have.lead.Side != s.Side || s.To < have.from || phase(have.from) != phase(s.From) {
				continue
			}
			have.from = min(have.from, s.From)
			if s.To == have.to && s.Length() > have.lead.Length() {
				have.lead = s
			}
			have.signals = append(have.signals, s)
			continue next
		}
		out = append(out, stretch{s.From, s.To, s, []metrics.Signal{s}})
	}
	return out
}

// State says what there is to know of a trend's chart besides its signals: that
// there is no signal, that the limits are not fixed yet, that nothing varies, or
// why nothing is judged.
func (v Voice) State(t metrics.Trend) string {
	phase, ok := t.Chart.Last()
	switch {
	case !ok:
		if t.Variation.Hidden == stats.ReasonNoChartWanted {
			return v.t("reason." + string(stats.ReasonNoChartWanted))
		}
		return v.t("reason." + string(stats.ReasonNoData))
	case phase.State == stats.PhaseLine && phase.Reason == stats.ReasonNoChartWanted && t.Grain == calendar.GrainDay:
		return v.t("reason.day")
	case phase.State == stats.PhaseLine:
		return v.reason(t, phase)
	case phase.NoVariation:
		return v.t("reason.no_variation")
	case phase.State == stats.PhaseTrial:
		return v.t("reason.trial", v.many(phase.Points, t.Grain), v.many(baseline(t), t.Grain))
	case t.Variation.Direction == stats.DirectionCommon:
		return v.t("reason.common")
	}
	return v.Variation(t)
}

// reason says why a phase has no limits.
func (v Voice) reason(t metrics.Trend, phase stats.Phase) string {
	switch phase.Reason {
	case stats.ReasonFewPoints:
		least := stats.TrialPoints
		if t.Grain == calendar.GrainDay {
			least = metrics.BaselineDays
		}
		return v.t("reason.few_points", v.many(phase.Points, t.Grain), v.many(least, t.Grain))
	case stats.ReasonNone:
		return v.t("reason.common")
	}
	return v.t("reason." + string(phase.Reason))
}

// baseline is how many points fix the limits of a trend.
func baseline(t metrics.Trend) int {
	switch t.Grain {
	case calendar.GrainMonth:
		return stats.BaselineMonthly
	case calendar.GrainDay:
		return metrics.BaselineDays
	}
	return stats.BaselineWeekly
}

// Variation names the state of the latest point, for an icon: common cause, or
// special cause with its side and meaning.
func (v Voice) Variation(t metrics.Trend) string {
	if !t.Variation.Shown() {
		return v.hidden(t.Variation.Hidden)
	}
	name := v.t("variation." + string(t.Variation.Direction))
	if t.Variation.Side != stats.SideNone {
		name += v.t("comma") + v.t("side."+string(t.Variation.Side))
	}
	return name
}

// Assurance names what the process as it is can be expected to do about its
// target, for an icon.
func (v Voice) Assurance(t metrics.Trend) string {
	if !t.Assurance.Shown() {
		return v.hidden(t.Assurance.Hidden)
	}
	return v.t("assurance." + string(t.Assurance.Assurance))
}

// hidden says in a few words why there is no icon.
func (v Voice) hidden(r stats.Reason) string { return v.t("hidden." + string(r)) }

// Chart says how a trend is judged: the kind of chart, its baseline, mean and
// limits, and the variation between periods.
func (v Voice) Chart(t metrics.Trend) string {
	phase, ok := t.Chart.Last()
	if !ok || !phase.HasLimits() {
		return v.State(t)
	}
	ind, _ := v.indicator(t.Key)
	value := func(x float64) string { return v.Amount(ind.Unit, x) }
	first, last, n := -1, -1, 0
	for i := phase.From; i < phase.To && n < phase.Baseline; i++ {
		if t.Chart.Points[i].Judged {
			if first < 0 {
				first = i
			}
			last, n = i, n+1
		}
	}
	periods := t.Periods()
	kind := v.t("kind." + string(phase.Kind))
	if t.Grain == calendar.GrainDay {
		kind = v.t("kind.weekday")
	}
	parts := []string{kind, v.t("baseline", v.Period(periods[first]), v.Period(periods[last]), v.many(n, t.Grain))}
	if t.Grain != calendar.GrainDay {
		parts = append(parts, v.t("mean.short", value(phase.Centre)))
	}
	if p, ok := t.Chart.Latest(); ok && p.Limits != nil {
		d := p.Limits.Drawn(t.Chart.Bounds)
		parts = append(parts, v.t("limits", Plain(ind.Unit, d.Lower), value(d.Upper)))
	}
	if phase.SigmaZ > 0 {
		z := v.t("sigma_z", Number(phase.SigmaZ, 2))
		if phase.Dominated() {
			z += v.t("dominated")
		}
		parts = append(parts, z)
	}
	if phase.State == stats.PhaseTrial {
		parts = append(parts, v.State(t))
	}
	return strings.Join(parts, v.t("semicolon"))
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
