package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"youzhi/metrics/calendar"
	"youzhi/metrics/stats"
	"youzhi/queries"
)

// PhaseBreak is the decision that a new phase of an indicator's control chart
// begins: what was before no longer says what is to be expected. It is a person's
// decision, never automatic, and can be withdrawn (STATISTICS.md 6).
type PhaseBreak struct {
	Key string
	// Where is the scope of the chart, one value of a dimension; empty: the whole.
	Where map[string]string
	// Day is the first of the new phase: its first point is the first period that
	// begins on it or later.
	Day calendar.Day
	// Author decided at DecidedAt, for Reason; Improvement is the subject of the
	// improvement that is the cause, if one is.
	Author, Reason, Improvement string
	DecidedAt                   time.Time
}

// Scope is the scope in a word: whole, or DIMENSION=VALUE.
func (b PhaseBreak) Scope() string {
	for d, v := range b.Where {
		return d + "=" + v
	}
	return "whole"
}

// mostWords is how long the words of a decision may be.
const mostWords = 500

// scopeText is a scope as it is stored.
func scopeText(where map[string]string) string {
	if len(where) == 0 {
		return "{}"
	}
	b, err := json.Marshal(where)
	if err != nil {
		return ""
	}
	return string(b)
}

// PhaseBreaks are the decisions in force at an instant, zero for now, by
// indicator, scope and day.
func (e *Evaluator) PhaseBreaks(ctx context.Context, asOf time.Time) ([]PhaseBreak, error) {
	if asOf.IsZero() {
		// Later than any decision.
		asOf = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	rows, err := e.db.PhaseBreaks(ctx, asOf)
	if err != nil {
		return nil, err
	}
	var out []PhaseBreak
	for _, r := range rows {
		if r.Withdrawn {
			continue
		}
		b := PhaseBreak{Key: r.Key, Day: calendar.OfDate(r.Day), Author: r.Author, Reason: r.Reason, Improvement: r.Improvement, DecidedAt: r.DecidedAt}
		if err := json.Unmarshal([]byte(r.Scope), &b.Where); err != nil {
			return nil, fmt.Errorf("new phase of %s on %s: scope: %w", r.Key, b.Day, err)
		}
		out = append(out, b)
	}
	return out, nil
}

// breaksOf are those of a chart: of an indicator in exactly this scope, where the
// values of a filter and of a split are alike.
func breaksOf(all []PhaseBreak, key string, where map[string][]string, by map[string]string) []PhaseBreak {
	scope := maps.Clone(by)
	for d, values := range where {
		if len(values) != 1 {
			return nil
		}
		if scope == nil {
			scope = map[string]string{}
		}
		scope[d] = values[0]
	}
	text := scopeText(scope)
	var out []PhaseBreak
	for _, b := range all {
		if b.Key == key && scopeText(b.Where) == text {
			out = append(out, b)
		}
	}
	return out
}

// breakTimes are the points at which new phases begin, rising, of periods of a
// grain. Days are held against the weeks before: their chart has one phase.
func breakTimes(grain calendar.Grain, breaks []PhaseBreak) []int64 {
	var out []int64
	if grain == calendar.GrainDay {
		return nil
	}
	for _, b := range breaks {
		p := calendar.PeriodOf(grain, b.Day)
		if p.From < b.Day {
			p = p.Next()
		}
		out = append(out, int64(p.From))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// PhaseError says why a new phase is not begun.
type PhaseError struct{ Reason string }

func (e *PhaseError) Error() string { return "new phase: " + e.Reason }

// StartPhase records that a new phase begins, if the chart allows it: a known cause
// with a date, twelve points before and five from the day on, a shift of seven in
// the new level, and a person who expects it to last (STATISTICS.md 6). The error
// is a *PhaseError where it does not.
func (e *Evaluator) StartPhase(ctx context.Context, b PhaseBreak, lasts bool) error {
	refuse := func(format string, args ...any) error { return &PhaseError{fmt.Sprintf(format, args...)} }
	b.Author, b.Reason = strings.TrimSpace(b.Author), strings.TrimSpace(b.Reason)
	q := Question{Keys: []string{b.Key}, From: b.Day, To: calendar.DayOf(b.DecidedAt) + 1, Where: map[string][]string{}}
	for d, v := range b.Where {
		q.Where[d] = []string{v}
	}
	if b.Day >= q.To {
		return refuse("%s lies in the future", b.Day)
	}
	if _, err := q.Indicators(e.cat); err != nil {
		return refuse("%v", err)
	}
	switch {
	case b.Author == "" || b.Reason == "":
		return refuse("an author and a reason are needed: who decides, and what changed")
	case utf8.RuneCountInString(b.Author) > mostWords || utf8.RuneCountInString(b.Reason) > mostWords:
		return refuse("author and reason may have %d characters each", mostWords)
	case !lasts:
		return refuse("only a change that is expected to last begins a new phase")
	case len(b.Where) > 1:
		return refuse("a chart is of the whole or of one value of a dimension")
	}
	if b.Improvement != "" {
		if err := e.causes(ctx, b); err != nil {
			return err
		}
	}
	trends, err := e.Trends(ctx, q)
	if err != nil {
		return err
	}
	if len(trends) == 0 || len(trends[0].Figures) == 0 {
		return refuse("%s has no data there", b.Key)
	}
	t := trends[0]
	ind, _ := e.cat.Get(b.Key)
	at := breakTimes(t.Grain, []PhaseBreak{b})
	var observations []stats.Observation
	for _, p := range t.Chart.Points {
		observations = append(observations, p.Observation)
	}
	opts := chartOptions(ind, t.Grain)
	opts.Breaks = breakTimes(t.Grain, t.Breaks)
	evidence, err := stats.EvidenceForBreak(observations, opts, at[0])
	if err != nil {
		return err
	}
	if !evidence.Enough() {
		shift := "no shift of seven points in the new level"
		if evidence.Shift {
			shift = "a shift in the new level"
		}
		return refuse("the chart by %s shows %d points before %s (want %d), %d from it on (want %d), and %s",
			t.Grain, evidence.Before, b.Day, stats.BreakBefore, evidence.After, stats.BreakAfter, shift)
	}
	return e.db.RecordPhaseBreak(ctx, stored(b, false))
}

// causes looks whether an improvement can be the cause: of this indicator, and
// begun on the day or before.
func (e *Evaluator) causes(ctx context.Context, b PhaseBreak) error {
	all, err := e.Improvements(ctx, time.Time{}, 0)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m Improvement) bool { return m.Subject == b.Improvement })
	switch {
	case i < 0:
		return &PhaseError{fmt.Sprintf("no improvement %q", b.Improvement)}
	case all[i].Indicator != b.Key:
		return &PhaseError{fmt.Sprintf("improvement %s is of %s", b.Improvement, all[i].Indicator)}
	case all[i].StartedAt.IsZero() || calendar.DayOf(all[i].StartedAt) > b.Day:
		return &PhaseError{fmt.Sprintf("improvement %s had not begun on %s", b.Improvement, b.Day)}
	}
	return nil
}

// WithdrawPhase records that a new phase is taken back. The error is a *PhaseError
// where none is in force there.
func (e *Evaluator) WithdrawPhase(ctx context.Context, b PhaseBreak) error {
	all, err := e.PhaseBreaks(ctx, time.Time{})
	if err != nil {
		return err
	}
	if strings.TrimSpace(b.Author) == "" {
		return &PhaseError{"an author is needed: who takes it back"}
	}
	same := func(o PhaseBreak) bool {
		return o.Key == b.Key && o.Day == b.Day && scopeText(o.Where) == scopeText(b.Where)
	}
	if !slices.ContainsFunc(all, same) {
		return &PhaseError{fmt.Sprintf("%s has none on %s in this scope", b.Key, b.Day)}
	}
	return e.db.RecordPhaseBreak(ctx, stored(b, true))
}

func stored(b PhaseBreak, withdrawn bool) queries.PhaseBreak {
	return queries.PhaseBreak{
		Key: b.Key, Scope: scopeText(b.Where), Day: b.Day.UTC(), DecidedAt: b.DecidedAt, Author: b.Author, Reason: b.Reason, Improvement: b.Improvement, Withdrawn: withdrawn,
	}
}
