package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/policy"
	"youzhi/queries"
)

// ParseQuestion reads a question as the command line and the API write it. Days
// are Beijing's; without both of them the period is the last month complete on
// today. where is a list of DIMENSION=VALUE or DIMENSION:VALUE; asOf is RFC 3339
// with an offset, or empty for now.
func ParseQuestion(keys []string, from, to, grain string, by, where []string, asOf string, today calendar.Day) (Question, error) {
	q := Question{Keys: keys, By: by}
	last := calendar.PeriodOf(calendar.GrainMonth, today).Previous()
	q.From, q.To = last.From, last.To
	if (from == "") != (to == "") {
		return q, &QuestionError{"from", "from and to belong together"}
	}
	if from != "" {
		var err error
		if q.From, err = calendar.ParseDay(from); err != nil {
			return q, &QuestionError{"from", err.Error()}
		}
		if q.To, err = calendar.ParseDay(to); err != nil {
			return q, &QuestionError{"to", err.Error()}
		}
	}
	if grain != "" {
		g, err := calendar.ParseGrain(grain)
		if err != nil {
			return q, &QuestionError{"grain", err.Error()}
		}
		q.Grain = g
	}
	for _, w := range where {
		i := strings.IndexAny(w, "=:")
		if i < 1 {
			return q, &QuestionError{"where", fmt.Sprintf("%q: want DIMENSION=VALUE", w)}
		}
		if q.Where == nil {
			q.Where = map[string][]string{}
		}
		q.Where[w[:i]] = append(q.Where[w[:i]], w[i+1:])
	}
	if asOf != "" {
		at, err := time.Parse(time.RFC3339, asOf)
		if err != nil {
			return q, &QuestionError{"as_of", fmt.Sprintf("%q: want RFC 3339 with an offset, as 2026-03-01T00:00:00+08:00", asOf)}
		}
		q.AsOf = at.UTC()
	}
	return q, nil
}

// Indicators are those of a catalogue that the question asks for. The error is a
// *QuestionError and says why the question can't be answered, whatever is stored.
func (q Question) Indicators(cat *catalogue.Catalogue) ([]catalogue.Indicator, error) {
	if len(q.Keys) == 0 {
		return nil, &QuestionError{"key", "none asked"}
	}
	if q.From >= q.To {
		return nil, &QuestionError{"from", fmt.Sprintf("%s is not before to %s", q.From, q.To)}
	}
	// What stands twice would be counted twice.
	for i, d := range q.By {
		if slices.Contains(q.By[:i], d) {
			return nil, &QuestionError{"by", fmt.Sprintf("%q is named twice", d)}
		}
	}
	var out []catalogue.Indicator
	for i, key := range q.Keys {
		if slices.Contains(q.Keys[:i], key) {
			return nil, &QuestionError{"key", fmt.Sprintf("%q is named twice", key)}
		}
		ind, ok := cat.Get(key)
		if !ok {
			return nil, &QuestionError{"key", fmt.Sprintf("no indicator %q", key)}
		}
		for _, d := range q.By {
			if !ind.HasDimension(d) {
				return nil, &QuestionError{"by", fmt.Sprintf("%s can't be split by %q; it has %s", key, d, strings.Join(ind.Dimensions, ", "))}
			}
		}
		for d := range q.Where {
			if !ind.HasDimension(d) {
				return nil, &QuestionError{"where", fmt.Sprintf("%s has no dimension %q; it has %s", key, d, strings.Join(ind.Dimensions, ", "))}
			}
		}
		out = append(out, ind)
	}
	return out, nil
}

// Explain says how an indicator is defined, for a terminal.
func Explain(ind catalogue.Indicator) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s / %s  (revision %d)\n  %s\n  %s\n  manual: %s\n  window %s, kind %s, rows of %s by %s",
		ind.Key, ind.Title.Zh, ind.Title.En, ind.Revision, ind.Meaning.Zh, ind.Meaning.En, ind.Section,
		ind.Window, ind.Kind, ind.Population.Base, ind.Population.Anchor)
	if ind.Population.Where != "" {
		fmt.Fprintf(&b, " where %s", ind.Population.Where)
	}
	for _, t := range ind.Targets {
		fmt.Fprintf(&b, "\n  target from %s: %v (met at %v, near at %v; %s)", t.From, t.Value, t.Met, t.Near, t.Source)
	}
	return b.String()
}

// Check asks ClickHouse whether it understands the expressions of every
// indicator; the error names the indicator.
func (e *Evaluator) Check(ctx context.Context) error {
	for _, ind := range e.cat.All() {
		q := Question{Keys: []string{ind.Key}, From: 0, To: 1}
		err := e.fromState(ctx, q, []catalogue.Indicator{ind}, "check", time.Unix(0, 0), func(cell, string, parts) {})
		if err != nil {
			reason := err.Error()
			if queries.Code(err) != 0 {
				reason = complaint(reason)
			}
			return fmt.Errorf("catalogue: indicator %s: %s", ind.Key, reason)
		}
	}
	return nil
}

// complaint is what ClickHouse says against a statement, without the statement,
// of which an entry of the catalogue is a small part.
func complaint(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if _, message, ok := strings.Cut(text, "message: "); ok {
		text = message
	}
	for _, end := range []string{" in scope ", ". In scope ", ": While processing ", ". Expected one of: "} {
		text, _, _ = strings.Cut(text, end)
	}
	const enough = 300
	if cut := []rune(text); len(cut) > enough {
		text = string(cut[:enough]) + " …"
	}
	return text
}

// steps are the windows that the fold gives each base beside the policy's clocks.
var steps = map[string][]string{
	"cases":   {"submitted", "accepted", "ended"},
	"tickets": {"received", "closed"},
	"surveys": {"invited", "answered"},
}

// CheckWindows finds indicators that look at a window which neither the fold nor
// the policy knows: they would have no data for ever.
func CheckWindows(cat *catalogue.Catalogue, pol *policy.Policy) error {
	var faults []error
	for _, ind := range cat.All() {
		for _, pop := range roles(ind) {
			known := slices.Clone(steps[pop.Base])
			for _, clock := range pol.Over(policy.Base(pop.Base)) {
				known = append(known, clock.Name)
			}
			if !slices.Contains(known, pop.Anchor) {
				faults = append(faults, fmt.Errorf("catalogue: indicator %s: no window %q of %s; there are %s", ind.Key, pop.Anchor, pop.Base, strings.Join(known, ", ")))
			}
		}
	}
	return errors.Join(faults...)
}
