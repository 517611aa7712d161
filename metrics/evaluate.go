package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/state"
	"youzhi/metrics/stats"
	"youzhi/queries"
)

// confidence of every interval.
const confidence = 0.95

// Evaluator answers questions from ClickHouse. It is safe for many goroutines.
type Evaluator struct {
	db       *queries.DB
	cat      *catalogue.Catalogue
	editions *state.Editions
	// pinned is set where all answers are of one moment.
	pinned *pinned
	kept   *kept
}

// New is inert. Close drops the editions that questions about a past as_of made.
func New(db *queries.DB, cat *catalogue.Catalogue, editions *state.Editions) *Evaluator {
	return &Evaluator{db: db, cat: cat, editions: editions, kept: &kept{}}
}

// QuestionError is a question that can't be answered as asked.
type QuestionError struct {
	Field  string // key, from, by, where, part, cursor
	Reason string
}

func (e *QuestionError) Error() string { return e.Field + ": " + e.Reason }

// parts are the summed columns of one group of units.
type parts struct {
	numerator, denominator, squares, weights  float64
	n, pending, excluded, unknown, unreported int64
	first                                     calendar.Day // with any of them; zero: none
	// percentile is nil if there is none, or it is not reached.
	percentile *float64
}

func (p *parts) add(o parts) {
	p.numerator += o.numerator
	p.denominator += o.denominator
	p.squares += o.squares
	p.weights += o.weights
	p.n += o.n
	p.pending += o.pending
	p.excluded += o.excluded
	p.unknown += o.unknown
	p.unreported += o.unreported
	if o.percentile != nil {
		p.percentile = o.percentile
	}
	if p.first == 0 || o.first != 0 && o.first < p.first {
		p.first = o.first
	}
}

// cell is the place of a figure within an answer.
type cell struct {
	key    string
	bucket calendar.Day
	by     string // values of the split, as a JSON array
}

// Figures answers a question: for each key in the order asked, each combination
// of By that has units, each period, a figure. Without By a figure is given for
// each period even where there is no data.
func (e *Evaluator) Figures(ctx context.Context, q Question) ([]Figure, error) {
	inds, err := q.Indicators(e.cat)
	if err != nil {
		return nil, err
	}
	of, release, err := e.read(ctx, q.AsOf, inds)
	if err != nil {
		return nil, err
	}
	defer release()
	return e.figures(ctx, q, inds, of)
}

// figures answers a question from a state that its caller holds.
func (e *Evaluator) figures(ctx context.Context, q Question, inds []catalogue.Indicator, of pinned) ([]Figure, error) {
	figures, err := keep(ctx, e.kept, of, "figures", q, func(f []Figure) int { return len(f) }, func() ([]Figure, error) {
		return e.calculate(ctx, q, inds, of, false)
	})
	return slices.Clone(figures), err
}

// calculate gives the figures of a question. Without the blank ones, those of the
// periods before the first with a unit are left out, but for the last period's.
func (e *Evaluator) calculate(ctx context.Context, q Question, inds []catalogue.Indicator, of pinned, withoutBlank bool) ([]Figure, error) {
	edition, asOf := of.edition, of.asOf
	// found[cell][role] are the parts; a role is numerator or denominator of a
	// ratio of two counts, unit else.
	found := map[cell]map[string]parts{}
	put := func(c cell, role string, p parts) {
		if found[c] == nil {
			found[c] = map[string]parts{}
		}
		have := found[c][role]
		have.add(p)
		found[c][role] = have
	}
	// Facts answer what they hold; the rest is counted anew.
	var stored, counted []catalogue.Indicator
	for _, ind := range inds {
		if edition == liveEdition && factsAnswer(q) && !ofState(ind) {
			stored = append(stored, ind)
		} else {
			counted = append(counted, ind)
		}
	}
	if err := e.fromFacts(ctx, q, stored, put); err != nil {
		return nil, err
	}
	if err := e.fromState(ctx, q, counted, edition, asOf, put); err != nil {
		return nil, err
	}
	var out []Figure
	for _, ind := range inds {
		periods := []calendar.Period{{From: q.From, To: q.To}}
		if q.Grain != "" && ind.Window != catalogue.Snap {
			periods = slices.Collect(calendar.Periods(q.Grain, q.From, q.To))
		}
		seen := map[string]bool{}
		for c := range found {
			if c.key == ind.Key {
				seen[c.by] = true
			}
		}
		groups := slices.Sorted(maps.Keys(seen))
		if len(q.By) == 0 {
			groups = []string{""}
			if withoutBlank {
				first := slices.IndexFunc(periods[:len(periods)-1], func(p calendar.Period) bool { return found[cell{ind.Key, p.From, ""}] != nil })
				if first < 0 {
					first = len(periods) - 1
				}
				periods = periods[first:]
			}
		}
		reported := false
		for _, group := range groups {
			for _, period := range periods {
				c := cell{ind.Key, period.From, group}
				if q.Grain == "" || ind.Window == catalogue.Snap {
					c.bucket = 0
				}
				roles, ok := found[c]
				if !ok && len(q.By) > 0 {
					continue
				}
				reported = reported || ok
				from, to := max(period.From, q.From), min(period.To, q.To)
				// The target in force on the period's last day is the one it is judged
				// by; the state at as_of is judged by that day's.
				day := to - 1
				if ind.Window == catalogue.Snap {
					day = calendar.DayOf(asOf)
				}
				figure := e.figure(ind, roles, asOf, day)
				figure.From, figure.To = from, to
				figure.By = map[string]string{}
				if len(q.By) > 0 {
					var values []string
					if err := json.Unmarshal([]byte(group), &values); err != nil {
						return nil, fmt.Errorf("values of the split: %w", err)
					}
					for i, v := range values {
						figure.By[q.By[i]] = v
					}
				}
				out = append(out, figure)
			}
		}
		// Nothing here: is it this period and scope, or the whole source? And no
		// complaint is no figure where nobody reports complaints.
		if reported && ind.Kind != catalogue.RatioOfCounts {
			continue
		}
		missing, err := e.unsourced(ctx, ind, of)
		if err != nil {
			return nil, err
		}
		for i := range out {
			f := &out[i]
			switch {
			case f.Key != ind.Key || len(missing) == 0:
			case slices.Equal(missing, []string{"denominator"}):
				// How many there are is known, but not of how many.
				f.Status = StatusNoSource
			default:
				*f = Figure{Key: f.Key, Revision: f.Revision, From: f.From, To: f.To, AsOf: f.AsOf, By: f.By, Unit: f.Unit, Target: f.Target, Status: StatusNoSource}
			}
		}
	}
	return out, nil
}

// figure turns parts into a figure with value, interval and status.
func (e *Evaluator) figure(ind catalogue.Indicator, roles map[string]parts, asOf time.Time, day calendar.Day) Figure {
	f := Figure{Key: ind.Key, Revision: ind.Revision, AsOf: asOf, Unit: string(ind.Unit), Status: StatusNoData}
	p, sample := roles["unit"], int64(0)
	if ind.Kind == catalogue.RatioOfCounts {
		p = roles["numerator"]
		p.denominator, p.n = roles["denominator"].denominator, roles["denominator"].n
		if p.first == 0 {
			p.first = roles["denominator"].first
		}
		if p.numerator == 0 && p.n == 0 && p.excluded == 0 {
			p = parts{unreported: p.unreported + roles["denominator"].unreported}
		}
	}
	if t, ok := ind.TargetOn(day); ok {
		value := t.Value
		f.Target = &value
	}
	if p.n+p.pending+p.excluded+p.unknown == 0 && p.numerator == 0 {
		if p.unreported > 0 {
			f.Status = StatusNoSource
		}
		return f
	}
	f.Units, f.FirstDay = p.n, p.first
	sample = p.n
	if ind.Kind != catalogue.Percentile {
		f.Numerator = new(p.numerator)
	}
	if ind.Window != catalogue.Snap {
		f.Denominator = new(p.denominator)
		f.Pending, f.Excluded, f.Unknown = new(p.pending), new(p.excluded), new(p.unknown)
		if share := float64(p.unknown) / float64(max(p.n+p.unknown, 1)); share > 0.05 {
			f.UnknownShare = &share
		}
	}
	switch ind.Kind {
	case catalogue.Count:
		f.Value = new(p.numerator)
	case catalogue.Percentile:
		f.Denominator = new(float64(p.n))
		f.Value = p.percentile
	case catalogue.Ratio, catalogue.Mean, catalogue.NPS:
		if p.denominator > 0 {
			f.Value = new(p.numerator / p.denominator)
		}
	case catalogue.RatioOfCounts:
		if p.denominator > 0 {
			f.Value = new(p.numerator / p.denominator * ind.Scale)
		}
	}
	f.Interval = interval(ind, p)
	f.Status = verdict(ind, f.Value, sample, day)
	return f
}

func interval(ind catalogue.Indicator, p parts) *Interval {
	var (
		iv stats.Interval
		ok bool
	)
	switch ind.Kind {
	case catalogue.Ratio:
		if ind.Weight != "" && p.weights != float64(p.n) {
			iv, ok = stats.WilsonEffective(p.numerator, p.denominator, p.weights, stats.ZForConfidence(confidence))
		} else {
			iv, ok = stats.Wilson(int64(p.numerator), p.n, stats.ZForConfidence(confidence))
		}
	case catalogue.Mean:
		if ind.Weight != "" && p.weights != float64(p.n) {
			iv, ok = stats.MeanTEffective(p.denominator, p.weights, p.numerator, p.squares, confidence)
		} else {
			iv, ok = stats.MeanT(p.n, p.numerator, p.squares, confidence)
		}
	case catalogue.NPS:
		if n, some := stats.EffectiveSize(p.denominator, p.weights); some {
			mean := p.numerator / p.denominator
			iv, ok = stats.Measured{Value: mean, SE: math.Sqrt(max(0, p.squares/p.denominator-mean*mean) / n)}.Interval(confidence)
		}
	case catalogue.RatioOfCounts:
		iv, ok = stats.PoissonExact(int64(p.numerator), p.denominator, confidence)
		iv = iv.Per(ind.Scale)
	}
	if !ok {
		return nil
	}
	return &Interval{Lower: iv.Lower, Upper: iv.Upper, Method: iv.Method}
}

// verdict compares a value with the target in force on a day. Below the minimum
// sample there is none.
func verdict(ind catalogue.Indicator, value *float64, sample int64, day calendar.Day) Status {
	if value == nil {
		return StatusNoData
	}
	target, ok := ind.TargetOn(day)
	if !ok {
		return StatusNone
	}
	if ind.Window != catalogue.Snap && sample < ind.Minimum {
		return StatusSmall
	}
	beyond := func(bound float64) bool {
		if ind.Better == "down" {
			return *value <= bound
		}
		return *value >= bound
	}
	switch {
	case beyond(target.Met):
		return StatusMet
	case beyond(target.Near):
		return StatusNear
	}
	return StatusMissed
}

// factsAnswer says whether facts by day hold all the dimensions of a question.
func factsAnswer(q Question) bool {
	fact := func(d string) bool {
		return slices.Contains(catalogue.FactDimensions, d) || d == "region4" || d == "region6"
	}
	for _, d := range q.By {
		if !fact(d) {
			return false
		}
	}
	for d := range q.Where {
		if !fact(d) {
			return false
		}
	}
	return true
}

// split is the SQL of a question's groups and conditions.
func split(q Question, p queries.Params) (by, where string) {
	by = "emptyArrayString()"
	if len(q.By) > 0 {
		var columns []string
		for _, d := range q.By {
			columns = append(columns, dimension(d))
		}
		by = "[" + strings.Join(columns, ", ") + "]"
	}
	var conditions []string
	for i, d := range slices.Sorted(maps.Keys(q.Where)) {
		name := fmt.Sprintf("where%d", i)
		p[name] = q.Where[d]
		conditions = append(conditions, fmt.Sprintf(" AND %s IN {%s:Array(String)}", dimension(d), name))
	}
	return by, strings.Join(conditions, "")
}

// scanParts reads the columns that both sources give in the same order.
func scanParts(scan func(...any) error, put func(cell, string, parts)) error {
	var (
		c    cell
		role string
		day  time.Time
		from time.Time
		p    parts
		by   []string
	)
	err := scan(&c.key, &role, &day, &from, &by, &p.numerator, &p.denominator, &p.squares, &p.weights,
		&p.n, &p.pending, &p.excluded, &p.unknown, &p.unreported)
	if err != nil {
		return err
	}
	key := c.key
	if c, err = placeOf(day, by); err != nil {
		return err
	}
	c.key, p.first = key, calendar.OfDate(from)
	put(c, role, p)
	return nil
}

// placeOf is the place of a bucket and the values of a split, of no key yet.
func placeOf(day time.Time, by []string) (cell, error) {
	c := cell{bucket: calendar.OfDate(day)}
	if len(by) > 0 {
		text, err := json.Marshal(by)
		if err != nil {
			return c, err
		}
		c.by = string(text)
	}
	return c, nil
}

// fromFacts sums the facts by day. SNAP figures are the state at as_of, whatever
// the period.
func (e *Evaluator) fromFacts(ctx context.Context, q Question, inds []catalogue.Indicator, put func(cell, string, parts)) error {
	var keys, snaps []string
	for _, ind := range inds {
		if ind.Window == catalogue.Snap {
			snaps = append(snaps, ind.Key)
		} else {
			keys = append(keys, ind.Key)
		}
	}
	ask := func(keys []string, grain calendar.Grain, days string) error {
		if len(keys) == 0 {
			return nil
		}
		p := queries.Params{"keys": keys}
		if days != "" {
			p["from"], p["to"] = q.From.String(), q.To.String()
		}
		by, where := split(q, p)
		table, condition := factsOf(q)
		// What names a row goes before its versions are compared: they all have it.
		statement := fmt.Sprintf(`SELECT toString(key) AS key, toString(part) AS part, %s AS bucket, min(day) AS first_day, %s AS by,
    toFloat64(sum(numerator)), toFloat64(sum(denominator)), toFloat64(sum(squares)), toFloat64(sum(weights)),
    sum(n), sum(pending), sum(excluded), sum(unknown), sum(unreported)
FROM %s FINAL
PREWHERE %s AND key IN {keys:Array(String)}%s%s
WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0
GROUP BY key, part, bucket, by`, bucket(grain), by, table, condition, days, where)
		return e.db.Rows(ctx, statement, p, func(scan func(...any) error) error { return scanParts(scan, put) })
	}
	if err := ask(keys, q.Grain, " AND day >= {from:Date} AND day < {to:Date}"); err != nil {
		return fmt.Errorf("figures from facts: %w", err)
	}
	if err := ask(snaps, "", ""); err != nil {
		return fmt.Errorf("figures from facts: %w", err)
	}
	return nil
}

// fromState counts the units of an edition of the state, all figures of the same
// units in one pass.
func (e *Evaluator) fromState(ctx context.Context, q Question, inds []catalogue.Indicator, edition string, asOf time.Time, put func(cell, string, parts)) error {
	type units struct {
		pop  catalogue.Population
		snap bool
	}
	var order []units
	groups := map[units][]member{}
	for _, ind := range inds {
		pops := roles(ind)
		for _, role := range slices.Sorted(maps.Keys(pops)) {
			of := units{pops[role], ind.Window == catalogue.Snap}
			if groups[of] == nil {
				order = append(order, of)
			}
			groups[of] = append(groups[of], member{ind, role, pops[role]})
		}
	}
	var lock sync.Mutex
	return sideBySide(ctx, beside, order, func(ctx context.Context, of units) error {
		err := e.count(ctx, q, groups[of], edition, asOf, func(c cell, role string, p parts) {
			lock.Lock()
			defer lock.Unlock()
			put(c, role, p)
		})
		if err != nil {
			var keys []string
			for _, m := range groups[of] {
				keys = append(keys, m.ind.Key)
			}
			return fmt.Errorf("figure %s from state: %w", strings.Join(keys, ", "), err)
		}
		return nil
	})
}

// beside is how many statements of one question run side by side: much of one is
// done by one thread.
const beside = 2

// sideBySide does something with each of some things, at most so many of them at
// once, and gives its first error.
func sideBySide[T any](ctx context.Context, most int, things []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	places := make(chan struct{}, most)
	var all sync.WaitGroup
	for _, thing := range things {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if err := do(ctx, thing); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// columns are expressions over units, each once, and what is made of them.
type columns struct {
	inner, outer []string
	place        map[string]int
}

// add gives the place of an aggregate of an expression over each unit.
func (c *columns) add(prefix, aggregate, expression string) int {
	id := aggregate + "\x00" + expression
	i, ok := c.place[id]
	if !ok {
		if c.place == nil {
			c.place = map[string]int{}
		}
		i = len(c.outer)
		c.place[id] = i
		name := fmt.Sprintf("%s_%d", prefix, i)
		c.inner = append(c.inner, expression+" AS "+name)
		c.outer = append(c.outer, fmt.Sprintf(aggregate, name))
	}
	return i
}

// array is all of them as an array; none is an empty one of its type.
func (c *columns) array(empty string) string {
	if len(c.outer) == 0 {
		return empty
	}
	return "[" + strings.Join(c.outer, ", ") + "]"
}

// summed are the places of a figure's parts: numbers are numerator, denominator,
// squares and weights; counts the others.
type summed struct {
	numbers, counts []int
	// valued is how many values there are, level that of them which is asked for;
	// both are -1 if none is.
	valued, level int
}

// count counts the units of members of one population, and gives their percentiles.
func (e *Evaluator) count(ctx context.Context, q Question, members []member, edition string, asOf time.Time, put func(cell, string, parts)) error {
	pop, snap := members[0].pop, members[0].ind.Window == catalogue.Snap
	p := queries.Params{"edition": edition}
	grain, days := q.Grain, ""
	if snap {
		grain = ""
	} else {
		p["from"], p["to"] = q.From.String(), q.To.String()
		days = " AND day >= {from:Date} AND day < {to:Date}"
	}
	by, where := split(q, p)
	var numbers, counts, levels columns
	var of terms
	found := make([]summed, len(members))
	for i, m := range members {
		ind, c := of.named(m.ind, sqlOf(m.ind, m.pop))
		found[i].valued, found[i].level = -1, -1
		for _, sum := range sums(ind, c) {
			expression, name, _ := cutLast(sum, " AS ")
			switch name {
			case "numerator", "denominator", "squares", "weights":
				// A percentile does not sum.
				if ind.Kind != catalogue.Percentile {
					found[i].numbers = append(found[i].numbers, numbers.add("number", "toFloat64(sum(%s))", expression))
				}
			default:
				found[i].counts = append(found[i].counts, counts.add("count", "sum(%s)", expression))
			}
		}
		if ind.Kind == catalogue.Percentile {
			found[i].valued = counts.add("count", "sum(%s)", fmt.Sprintf("toInt64((%s) AND isNotNull(%s))", c.counted, ind.Value))
			found[i].level = levels.percentile(ind, fmt.Sprintf("count_%d != 0", found[i].valued))
		}
	}
	if of.usesAsOf() {
		p["as_of"] = queries.Instant(asOf)
	}
	statement := fmt.Sprintf(`WITH %s
SELECT bucket, min(on_day) AS first_day, by, %s AS numbers, %s AS counts, %s AS levels
FROM
(
    SELECT bucket, on_day, by,
        %s
    FROM
    (
        SELECT %s AS bucket, day AS on_day, %s AS by,
            %s
        FROM %s FINAL
        WHERE edition = {edition:String} AND %s%s%s
    )
)
GROUP BY bucket, by
HAVING arrayExists(x -> x != 0, counts)`, reportedSQL(pop.Base, edition), numbers.array("emptyArrayFloat64()"), counts.array("emptyArrayInt64()"), levels.array("[]::Array(Nullable(Float64))"),
		strings.Join(slices.Concat(numbers.inner, counts.inner, levels.inner), ",\n        "),
		bucket(grain), by, strings.Join(of.columns, ",\n            "), pop.Base, sqlOf(members[0].ind, pop).population, days, where)
	return e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		var (
			day, first time.Time
			values     []string
			sums       []float64
			units      []int64
			reached    []*float64
		)
		if err := scan(&day, &first, &values, &sums, &units, &reached); err != nil {
			return err
		}
		place, err := placeOf(day, values)
		if err != nil {
			return err
		}
		for i, m := range members {
			at := found[i]
			n := parts{n: units[at.counts[0]], pending: units[at.counts[1]], excluded: units[at.counts[2]], unknown: units[at.counts[3]], unreported: units[at.counts[4]]}
			if n == (parts{}) {
				continue
			}
			n.first = calendar.OfDate(first)
			if len(at.numbers) > 0 {
				n.numerator, n.denominator, n.squares, n.weights = sums[at.numbers[0]], sums[at.numbers[1]], sums[at.numbers[2]], sums[at.numbers[3]]
			}
			if at.level >= 0 && units[at.valued] > 0 {
				n.percentile = reached[at.level]
			}
			place.key = m.ind.Key
			put(place, m.role, n)
		}
		return nil
	})
}

// reportedSQL names as `reported` which steps each source reports, per product.
func reportedSQL(base, edition string) string {
	if edition == liveEdition {
		return "reported AS (SELECT base, source, product, step FROM reporters FINAL)"
	}
	return fmt.Sprintf("reported AS (SELECT %s AS base, source, product, arrayJoin(steps) AS step FROM %s FINAL WHERE edition = {edition:String} AND excluded != 'test' GROUP BY source, product, step)", quote(base), base)
}

// edition is read, for what is not kept.
func (e *Evaluator) edition(ctx context.Context, asOf time.Time, inds []catalogue.Indicator) (name string, at time.Time, release func(), err error) {
	of, release, err := e.read(ctx, asOf, inds)
	return of.edition, of.asOf, release, err
}

// read chooses the state that answers for an as_of: the live one for zero, else one
// folded from the events up to it, which stays until release is called.
func (e *Evaluator) read(ctx context.Context, asOf time.Time, inds []catalogue.Indicator) (of pinned, release func(), err error) {
	if e.pinned.holds(asOf) {
		return *e.pinned, func() {}, nil
	}
	if asOf.IsZero() {
		release, err = e.editions.ReadLive(ctx)
		if err != nil {
			return pinned{}, nil, err
		}
		of, err := e.live(ctx)
		if err != nil {
			release()
			return pinned{}, nil, err
		}
		return of, release, nil
	}
	asOf = asOf.UTC().Truncate(time.Microsecond)
	base := 0
	for _, ind := range inds {
		for _, pop := range roles(ind) {
			base = max(base, slices.Index(catalogue.Bases, pop.Base))
		}
	}
	name, release, err := e.editions.At(ctx, asOf, base)
	if err != nil {
		return pinned{}, nil, fmt.Errorf("fold the events up to %s: %w", asOf.Format(time.RFC3339), err)
	}
	return pinned{edition: name, asOf: asOf}, release, nil
}

// unsourced names the populations of an indicator that no source reports: there
// are no units of their base at all, or none with a step that the figure needs.
func (e *Evaluator) unsourced(ctx context.Context, ind catalogue.Indicator, of pinned) ([]string, error) {
	var missing []string
	for _, role := range slices.Sorted(maps.Keys(roles(ind))) {
		base := roles(ind)[role].Base
		steps, err := keep(ctx, e.kept, of, "steps of "+base, Question{}, func([]string) int { return 1 }, func() ([]string, error) { return e.steps(ctx, base, of.edition) })
		if err != nil {
			return nil, fmt.Errorf("look for the sources of %s: %w", ind.Key, err)
		}
		asked := slices.DeleteFunc(slices.Clone(ind.Reports), func(step string) bool { return step == catalogue.ReportsPath })
		if len(steps) == 0 || slices.ContainsFunc(asked, func(step string) bool { return !slices.Contains(steps, step) }) {
			missing = append(missing, role)
		}
	}
	return missing, nil
}

// steps are those that any source of a base reports.
func (e *Evaluator) steps(ctx context.Context, base, edition string) ([]string, error) {
	statement := fmt.Sprintf("WITH %s SELECT DISTINCT toString(step) FROM reported WHERE base = %s", reportedSQL(base, edition), quote(base))
	p := queries.Params{}
	if edition != liveEdition {
		p["edition"] = edition
	}
	var steps []string
	err := e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		var step string
		err := scan(&step)
		steps = append(steps, step)
		return err
	})
	return steps, err
}

// Values lists the values that a fact dimension has, for filters: at most limit,
// the commonest first.
func (e *Evaluator) Values(ctx context.Context, name string, limit int) ([]string, error) {
	if !factsAnswer(Question{By: []string{name}}) {
		return nil, &QuestionError{"by", fmt.Sprintf("no dimension %q in the facts", name)}
	}
	var rows []struct {
		Value string `ch:"value"`
	}
	table, condition := factsOf(Question{By: []string{name}})
	statement := fmt.Sprintf(`SELECT %s AS value
FROM %s FINAL
WHERE %s
GROUP BY value
HAVING sum(n + pending) > 0
ORDER BY sum(n + pending) DESC, value
LIMIT {limit:UInt32}`, dimension(name), table, condition)
	if err := e.db.Select(ctx, &rows, statement, queries.Params{"limit": uint32(limit)}); err != nil {
		return nil, fmt.Errorf("values of %s: %w", name, err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.Value)
	}
	return out, nil
}

// Extent is the span of days that any of the keys has counted units on; ok is
// false if there are none.
func (e *Evaluator) Extent(ctx context.Context, keys []string) (span calendar.Period, ok bool, err error) {
	var rows []struct {
		From time.Time `ch:"from"`
		To   time.Time `ch:"to"`
		Rows uint64    `ch:"found"`
	}
	err = e.db.Select(ctx, &rows, `SELECT min(day) AS from, max(day) AS to, count() AS found
FROM totals FINAL
WHERE kept = '' AND key IN {keys:Array(String)} AND n != 0`, queries.Params{"keys": keys})
	if err != nil {
		return span, false, fmt.Errorf("extent of the data: %w", err)
	}
	if len(rows) == 0 || rows[0].Rows == 0 {
		return span, false, nil
	}
	return calendar.Period{From: calendar.OfDate(rows[0].From), To: calendar.OfDate(rows[0].To) + 1}, true, nil
}

// LiveAsOf is the instant up to which the live figures are calculated, of a moment
// its own; zero before the first fold.
func (e *Evaluator) LiveAsOf(ctx context.Context) (time.Time, error) {
	if e.pinned != nil {
		return e.pinned.asOf, nil
	}
	of, err := e.live(ctx)
	return of.asOf, err
}

// live is the live state as of the last completed run of the fold.
func (e *Evaluator) live(ctx context.Context) (pinned, error) {
	var rows []struct {
		Run  uint64    `ch:"run"`
		AsOf time.Time `ch:"as_of"`
	}
	of := pinned{edition: liveEdition}
	if err := e.db.Select(ctx, &rows, "SELECT run, as_of FROM fold_runs ORDER BY run DESC LIMIT 1", nil); err != nil {
		return of, fmt.Errorf("as_of of the live figures: %w", err)
	}
	if len(rows) > 0 {
		of.run, of.asOf = rows[0].Run, rows[0].AsOf.UTC()
	}
	return of, nil
}
