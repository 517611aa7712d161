package sentence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
)

// Headline is what stands at the top of a page or a report.
type Headline struct {
	// Line counts what changed: 2026 年 10 月：2 项改善，1 项变差.
	Line string
	// Sentences are the most telling first: what changed, since when, where; what
	// changed in one place alone; the targets that were missed. At most
	// [MostSentences].
	Sentences []Sentence
	// More counts the signals that Sentences leave out.
	More int
}

// MostSentences is how many sentences stand below a headline.
const MostSentences = 4

// Headline says what the figures of a period and the trends up to its end show.
// Trends of the whole scope speak for their indicator; those of a split by one
// dimension add where the same signal is seen, and what is beyond doubt there
// alone. Both come in the order of their
// importance. A signal belongs to the period that it ends in.
func (v Voice) Headline(period calendar.Period, figures []metrics.Figure, trends []metrics.Trend) Headline {
	var (
		out            Headline
		signals        []Sentence
		counts         = map[stats.Direction]int{}
		ended, settled int
		data           bool
		spoken         = map[string]stats.Direction{} // what is said of indicators
		since          = map[string]calendar.Day{}
	)
	for _, t := range trends {
		if len(t.By) > 0 {
			continue
		}
		for _, p := range t.Chart.Points {
			data = data || !p.Missing
		}
		if t.Variation.Shown() {
			settled++
		}
		s, ok := within(t, period)
		if !ok {
			continue
		}
		said := v.stretch(t, s)
		signals = append(signals, said)
		spoken[t.Key], since[t.Key] = said.Direction, said.Span.From
		if said.Ended {
			ended++
		} else {
			counts[said.Direction]++
		}
	}
	strong := v.strong(period, trends)
	// What began somewhere long before it was seen in the whole is told there too: the
	// whole may have it from there. The earliest speaks for its indicator.
	origins := map[string]Sentence{}
	for _, s := range strong {
		have, ok := origins[s.Key]
		if !s.Ended && spoken[s.Key] == s.Direction && s.Span.From+longBefore <= since[s.Key] && (!ok || s.Span.From < have.Span.From) {
			origins[s.Key] = s
		}
	}
	// One sentence of a place and a direction: indicators that measure the same
	// twice would say it twice.
	whole, placed := len(signals), map[string]bool{}
	for i, said := range signals {
		if origin, ok := origins[said.Key]; ok {
			place := fmt.Sprint(origin.By, origin.Direction)
			if placed[place] {
				delete(origins, said.Key)
			}
			placed[place] = true
		}
		signals[i].Text += v.where(said, said.Signal.Side, period, trends, origins[said.Key].By)
	}
	parts := 0
	for _, s := range strong {
		place := fmt.Sprint(s.By, s.Direction)
		if spoken[s.Key] != s.Direction && !placed[place] {
			signals = append(signals, s)
			placed[place] = true
			parts++
		}
	}
	slices.SortStableFunc(signals, func(a, b Sentence) int { return cmp.Compare(rank(a), rank(b)) })
	for i := len(signals) - 1; i >= 0; i-- {
		if origin, ok := origins[signals[i].Key]; ok && len(signals[i].By) == 0 {
			signals = slices.Insert(signals, i+1, origin)
		}
	}
	var line []string
	for _, d := range []stats.Direction{stats.DirectionConcern, stats.DirectionImprovement, stats.DirectionNeutral} {
		if n := counts[d]; n > 0 {
			line = append(line, v.t("headline."+string(d), n))
		}
	}
	if ended > 0 {
		line = append(line, v.t("headline.ended", ended))
	}
	for _, f := range figures {
		data = data || f.Value != nil && ofPeriod(f)
	}
	switch {
	case len(line) > 0:
	case parts > 0:
		line = []string{v.t("headline.parts", parts)}
	case settled > 0:
		line = []string{v.t("headline.none")}
	case data:
		line = []string{v.t("headline.unjudged")}
	default:
		line = []string{v.t("headline.no_data")}
	}
	out.Line = v.t("headline", v.Period(period), strings.Join(line, v.t("comma")))
	out.Sentences = signals[:min(len(signals), MostSentences)]
	for _, s := range out.Sentences {
		if len(s.By) == 0 {
			whole--
		}
	}
	out.More = whole
	add := func(s Sentence) {
		if len(out.Sentences) < MostSentences {
			out.Sentences = append(out.Sentences, s)
		}
	}
	for _, s := range v.Missed(figures, trends) {
		if spoken[s.Key] == "" {
			add(s)
		}
	}
	return out
}

// rank orders the signals of a headline: what stands before what is over, worse
// before better, the whole before a part of it, what is neither good nor bad last.
func rank(s Sentence) int {
	out := 0
	switch {
	case s.Ended:
		out = 6
	case s.Direction == stats.DirectionNeutral:
		out = 4
	case s.Direction == stats.DirectionImprovement:
		out = 1
	}
	if len(s.By) > 0 && s.Ended {
		return out + 1
	}
	if len(s.By) > 0 && out < 4 {
		return out + 2
	}
	return out
}

// strong says what changed in single values of a split where chance hardly makes
// it, however many values are looked at: two or more periods in a row outside the
// limits (STATISTICS.md 5: one is 0.0027). The most of them stand first.
func (v Voice) strong(period calendar.Period, trends []metrics.Trend) []Sentence {
	type found struct {
		said    Sentence
		outside int
	}
	var list []found
	for _, t := range splits(trends) {
		for _, s := range stretches(t) {
			outside := 0
			for _, signal := range s.signals {
				if signal.Rule == stats.RuleOutside && endsIn(t, signal.To, period) {
					outside = max(outside, signal.Length())
				}
			}
			if outside > 1 {
				list = append(list, found{v.stretch(t, s), outside})
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(b.outside, a.outside) })
	var out []Sentence
	for _, f := range list {
		out = append(out, f.said)
	}
	return out
}

// splits are the trends of the values of one dimension, of which there is more
// than one: a single value is the whole.
func splits(trends []metrics.Trend) []metrics.Trend {
	of := map[[2]string]int{}
	id := func(t metrics.Trend) [2]string { return [2]string{t.Key, strings.Join(sortedKeys(t.By), ",")} }
	for _, t := range trends {
		of[id(t)]++
	}
	return slices.DeleteFunc(slices.Clone(trends), func(t metrics.Trend) bool { return len(t.By) != 1 || of[id(t)] == 1 })
}

// within is the newest stretch of a trend of those that end in a period.
func within(t metrics.Trend, period calendar.Period) (stretch, bool) {
	for _, s := range stretches(t) {
		if endsIn(t, s.to, period) {
			return s, true
		}
	}
	return stretch{}, false
}

// endsIn says whether what ends before the point to ends in a period. A week
// belongs to the month of its last day.
func endsIn(t metrics.Trend, to int, period calendar.Period) bool {
	end := t.Periods()[to-1].To
	return end > period.From && end <= period.To
}

// mostPlaces is how many places a sentence names.
const mostPlaces = 3

// longBefore is how many days earlier than the whole a place has to have begun, so
// that its own beginning is told: what is seen in the whole may come from there.
const longBefore = 28

// where names the values of a split in which the same change is seen in the
// period, but for one; empty if there are none. Those in which it began long before come first,
// the earliest of all at the front, then the others by the strength of their rules.
func (v Voice) where(said Sentence, side stats.Side, period calendar.Period, trends []metrics.Trend, but map[string]string) string {
	type place struct {
		name  string
		order int
		since calendar.Day // 0: not long before
	}
	var places []place
	for _, t := range splits(trends) {
		if t.Key != said.Key || maps.Equal(t.By, but) {
			continue
		}
		periods := t.Periods()
		for _, other := range stretches(t) {
			first, end := periods[other.from], periods[other.to-1].To
			overlaps := first.From < said.Span.To && said.Span.From < end
			if other.lead.Side != side || !overlaps || end <= period.From {
				continue
			}
			for d, value := range t.By {
				p := place{name: v.name(d, value), order: other.lead.Rule.Precedence()}
				if first.From+longBefore <= said.Span.From {
					p.name, p.since = v.t("where.since", p.name, v.Period(first)), first.From
				}
				places = append(places, p)
			}
			break
		}
	}
	if len(places) == 0 {
		return ""
	}
	slices.SortStableFunc(places, func(a, b place) int {
		if (a.since == 0) != (b.since == 0) {
			return cmp.Compare(b.since, a.since)
		}
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.order, b.order))
	})
	var names []string
	for _, p := range places[:min(len(places), mostPlaces)] {
		names = append(names, p.name)
	}
	text := strings.Join(names, v.t("and"))
	if n := len(places) - len(names); n > 0 {
		text += v.t("others", n)
	}
	return v.t("where", text)
}

// ofPeriod says whether a figure is one of a period. The state at as_of, which has
// no denominator, says nothing of it.
func ofPeriod(f metrics.Figure) bool { return f.Denominator != nil }

// Missed says of each figure that missed its target by how much, in the order
// given, and whether the process can reach it at all.
func (v Voice) Missed(figures []metrics.Figure, trends []metrics.Trend) []Sentence {
	var out []Sentence
	for _, f := range figures {
		if f.Status != metrics.StatusMissed || f.Value == nil || f.Target == nil || len(f.By) > 0 || !ofPeriod(f) {
			continue
		}
		ind, ok := v.indicator(f.Key)
		if !ok {
			continue
		}
		sign := "≥"
		if ind.Better == "down" {
			sign = "≤"
		}
		// A bound that can't be passed is met by equality alone.
		if *f.Target == 1 && ind.Unit == catalogue.Rate || *f.Target == 0 && sign == "≤" {
			sign = ""
		}
		target := strings.TrimSpace(sign + space + v.Amount(ind.Unit, *f.Target))
		subject := v.Title(f.Key)
		text := v.t("missed", subject, v.Amount(ind.Unit, *f.Value), target)
		if n := v.sample(ind, f); n != "" {
			text += v.t("brackets", n)
		}
		for _, t := range trends {
			if t.Key == f.Key && len(t.By) == 0 && t.Assurance.Assurance == stats.AssuranceFail {
				text += v.t("missed.fail")
			}
		}
		out = append(out, Sentence{Text: text + v.t("stop"), Subject: subject, Key: f.Key, Span: calendar.Period{From: f.From, To: f.To}})
	}
	return out
}

// Tally counts the verdicts of a table of figures: 5 项达标，2 项未达标.
func (v Voice) Tally(figures []metrics.Figure) string {
	n := map[metrics.Status]int{}
	for _, f := range figures {
		n[f.Status]++
	}
	var out []string
	for _, s := range []metrics.Status{metrics.StatusMet, metrics.StatusNear, metrics.StatusMissed, metrics.StatusSmall, metrics.StatusNone, metrics.StatusNoData, metrics.StatusNoSource} {
		if n[s] > 0 {
			out = append(out, v.t("tally."+string(s), n[s]))
		}
	}
	return strings.Join(out, v.t("comma"))
}
