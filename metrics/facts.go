package metrics

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/state"
	"youzhi/queries"
)

// Facts writes the facts by day from the live state.
type Facts struct {
	db   *queries.DB
	cat  *catalogue.Catalogue
	rows uint64 // maxRows
}

// NewFacts is inert.
func NewFacts(db *queries.DB, cat *catalogue.Catalogue) *Facts {
	return &Facts{db: db, cat: cat, rows: maxRows}
}

// InPortions makes a statement take days of so many rows instead of 1.5 million: few
// enough and a test of few rows has many statements.
func (f *Facts) InPortions(rows uint64) { f.rows = rows }

// member is one population of one indicator.
type member struct {
	ind  catalogue.Indicator
	role string
	pop  catalogue.Population
}

// window is the rows that populations share: one pass answers them all.
type window struct{ base, anchor string }

func (f *Facts) windows() map[window][]member {
	out := map[window][]member{}
	for _, ind := range f.cat.All() {
		if ofState(ind) {
			continue
		}
		for role, pop := range roles(ind) {
			w := window{pop.Base, pop.Anchor}
			out[w] = append(out[w], member{ind, role, pop})
		}
	}
	for _, members := range out {
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.ind.Key+a.role, b.ind.Key+b.role) })
	}
	return out
}

// Refresh replaces the facts of the days that changed, as calculated for asOf.
// Deadlines that passed between before and asOf mature without an event, so the
// days in between are replaced too, and those that mature some days later. reported is the hash that the run before
// returned: when the steps that sources report have changed, all days of the
// base change with them. A refresh done again ends in the same facts.
func (f *Facts) Refresh(ctx context.Context, run uint64, changed map[state.Key]struct{}, before, asOf time.Time, reported string) (string, error) {
	// The same run, cut off before, may have replaced the facts of all days by steps
	// that are no longer what is reported.
	cutOff, err := f.reportersOf(ctx, run)
	if err != nil {
		return "", err
	}
	days := map[window]map[calendar.Day]struct{}{}
	baseDays := map[string]map[calendar.Day]struct{}{}
	windows := f.windows()
	add := func(w window, day calendar.Day) {
		if days[w] == nil {
			days[w] = map[calendar.Day]struct{}{}
		}
		days[w][day] = struct{}{}
	}
	for k := range changed {
		add(window{k.Base, k.Anchor}, k.Day)
		if baseDays[k.Base] == nil {
			baseDays[k.Base] = map[calendar.Day]struct{}{}
		}
		baseDays[k.Base][k.Day] = struct{}{}
	}
	if !before.IsZero() {
		matured, err := f.matured(ctx, windows, before, asOf)
		if err != nil {
			return "", err
		}
		for _, k := range matured {
			add(window{k.Base, k.Anchor}, k.Day)
		}
	}
	for _, base := range catalogue.Bases {
		changed := slices.Sorted(maps.Keys(baseDays[base]))
		if err := f.steps(ctx, run, base, changed); err != nil {
			return "", err
		}
		others, err := f.othersReport(ctx, run, base, changed)
		if err != nil {
			return "", err
		}
		if others || before.IsZero() {
			if err := f.reporters(ctx, run, base); err != nil {
				return "", err
			}
		}
	}
	now, err := f.reportedHash(ctx)
	if err != nil {
		return "", err
	}
	// A run over everything also replaces the facts of days that a window, as it
	// is now, has no rows on: the catalogue may have changed.
	if now != reported || cutOff || before.IsZero() {
		for w, members := range windows {
			all, err := f.daysOf(ctx, w, members)
			if err != nil {
				return "", err
			}
			for _, day := range all {
				add(w, day)
			}
		}
	}
	return now, f.replaceAll(ctx, run, windows, days, asOf)
}

// matured are the places with rows whose facts change without an event between two
// instants, for deadlines passed or days of waiting went by.
func (f *Facts) matured(ctx context.Context, windows map[window][]member, before, asOf time.Time) ([]state.Key, error) {
	places := map[state.Key]struct{}{}
	days := map[string]map[calendar.Day]struct{}{} // by base
	for w, members := range windows {
		if days[w.base] == nil {
			days[w.base] = map[calendar.Day]struct{}{}
		}
		// What matures some days after its step does so on the days so long ago.
		lags := map[int]struct{}{0: {}}
		for _, m := range members {
			lags[m.ind.MaturesDays] = struct{}{}
		}
		for lag := range lags {
			for day := calendar.DayOf(before).AddDays(-lag); day <= calendar.DayOf(asOf).AddDays(-lag); day++ {
				places[state.Key{Base: w.base, Anchor: w.anchor, Day: day}] = struct{}{}
				days[w.base][day] = struct{}{}
			}
		}
	}
	var out []state.Key
	for _, base := range slices.Sorted(maps.Keys(days)) {
		for part := range slices.Chunk(slices.Sorted(maps.Keys(days[base])), maxDays) {
			p := queries.Params{}
			condition := dayCondition(part, p)
			err := f.db.Rows(ctx, fmt.Sprintf("SELECT DISTINCT toString(anchor) AS anchor, day FROM %s WHERE edition = 'live' AND %s", base, condition), p, func(scan func(...any) error) error {
				k := state.Key{Base: base}
				var day time.Time
				if err := scan(&k.Anchor, &day); err != nil {
					return err
				}
				k.Day = calendar.OfDate(day)
				if _, ok := places[k]; ok {
					out = append(out, k)
				}
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("days of %s that mature: %w", base, err)
			}
		}
	}
	return out, nil
}

// refreshing is how many windows' facts are replaced side by side: answers wait
// for them, and much of a statement's time is its analysis, by one thread.
const refreshing = 3

// replaceAll replaces the facts of some days of each window.
func (f *Facts) replaceAll(ctx context.Context, run uint64, windows map[window][]member, days map[window]map[calendar.Day]struct{}, asOf time.Time) error {
	var changed []window
	for w := range windows {
		if len(days[w]) > 0 {
			changed = append(changed, w)
		}
	}
	rows, err := f.rowsOf(ctx, windows, days)
	if err != nil {
		return err
	}
	err = sideBySide(ctx, refreshing, changed, func(ctx context.Context, w window) error {
		if err := f.replace(ctx, run, w, windows[w], f.portions(slices.Sorted(maps.Keys(days[w])), rows[w]), asOf); err != nil {
			return fmt.Errorf("facts of %s by %s: %w", w.base, w.anchor, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.totals(ctx, run, windows, days, rows)
}

// totals sums the facts of the days that were replaced without the dimensions that
// most questions do not name. Days that only another window's facts changed on are
// summed again with them, to the same.
func (f *Facts) totals(ctx context.Context, run uint64, windows map[window][]member, days map[window]map[calendar.Day]struct{}, rows map[window]map[calendar.Day]uint64) error {
	var keys []string
	changed := map[calendar.Day]struct{}{}
	sum := map[calendar.Day]uint64{}
	for w, members := range windows {
		if len(days[w]) == 0 {
			continue
		}
		keys = append(keys, keysOf(members)...)
		maps.Copy(changed, days[w])
		for day, n := range rows[w] {
			sum[day] += n
		}
	}
	for _, part := range f.portions(slices.Sorted(maps.Keys(changed)), sum) {
		p := queries.Params{"run": run}
		condition := dayCondition(part, p)
		err := f.db.Exec(ctx, fmt.Sprintf(`INSERT INTO totals (kept, key, part, day, region, product, channel, version, %[6]s)
SELECT place.1, key, part, day, place.2, place.3, place.4, {run:UInt64}, %[1]s
FROM
(
    SELECT key, part, day, province, product, channel, %[2]s
    FROM
    (
        SELECT *, %[3]s AS province
        FROM facts FINAL
        PREWHERE (key, part) IN (%[4]s) AND %[5]s
    )
    GROUP BY key, part, day, province, product, channel
)
ARRAY JOIN [('', '', '', ''), ('region', province, '', ''), ('product', '', toString(product), ''), ('channel', '', '', toString(channel))] AS place
GROUP BY place, key, part, day`, measured("sum(s_%[1]s)"), measured("sum(%[1]s) AS s_%[1]s"), dimension("region"), strings.Join(keys, ", "), condition, measured("%[1]s")), p)
		if err != nil {
			return fmt.Errorf("totals of the facts: %w", err)
		}
	}
	return nil
}

// keysOf are the keys and parts of members' facts, as SQL.
func keysOf(members []member) []string {
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprintf("(%s, %s)", quote(m.ind.Key), quote(m.role)))
	}
	return out
}

// factsOf is the table that answers a question by facts: their totals where it
// names no dimension that they lack.
func factsOf(q Question) (table, condition string) {
	named := map[string]bool{}
	for _, d := range q.By {
		named[d] = true
	}
	for d := range q.Where {
		named[d] = true
	}
	kept := slices.Collect(maps.Keys(named))
	switch {
	case len(kept) == 0:
		return "totals", "kept = ''"
	case len(kept) == 1 && slices.Contains([]string{"region", "product", "channel"}, kept[0]):
		return "totals", "kept = " + quote(kept[0])
	}
	return "facts", "true"
}

// dayCondition is a condition on the days and its parameters.
func dayCondition(days []calendar.Day, p queries.Params) string {
	var names []string
	for _, d := range days {
		names = append(names, d.String())
	}
	p["days"] = names
	return "day IN (SELECT toDate(arrayJoin({days:Array(String)})))"
}

// measured are the columns of facts and totals that are summed, in a form, as SQL.
func measured(form string) string {
	names := []string{"numerator", "denominator", "squares", "weights", "n", "pending", "excluded", "unknown", "unreported"}
	for i, name := range names {
		names[i] = fmt.Sprintf(form, name)
	}
	return strings.Join(names, ", ")
}

const (
	// maxRows is of how many rows one statement makes facts, about. It bounds the memory
	// of a rebuild: a statement holds a group for each place and indicator of its days.
	maxRows = 1_500_000
	// maxDays is how many days one statement names, for the length of its parameter.
	maxDays = 5_000
)

// portions cuts days into as many as one statement takes: a large operator's day is
// one, the years of a small one are too, for a statement takes longer to be read than
// to answer for few rows.
func (f *Facts) portions(days []calendar.Day, rows map[calendar.Day]uint64) [][]calendar.Day {
	var out [][]calendar.Day
	from, sum := 0, uint64(0)
	for i, day := range days {
		if i > from && (sum+rows[day] > f.rows || i-from == maxDays) {
			out, from, sum = append(out, days[from:i]), i, 0
		}
		sum += rows[day]
	}
	if from < len(days) {
		out = append(out, days[from:])
	}
	return out
}

// stateRows counts the live rows of a base on some days, by anchor and day, those that
// were replaced and are not merged yet among them.
func (f *Facts) stateRows(ctx context.Context, base string, days []calendar.Day, add func(anchor string, day calendar.Day, n uint64)) error {
	for part := range slices.Chunk(days, maxDays) {
		p := queries.Params{}
		condition := dayCondition(part, p)
		statement := fmt.Sprintf("SELECT toString(anchor) AS anchor, day, count() AS n FROM %s WHERE edition = 'live' AND %s GROUP BY anchor, day", base, condition)
		err := f.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
			var (
				anchor string
				day    time.Time
				n      uint64
			)
			if err := scan(&anchor, &day, &n); err != nil {
				return err
			}
			add(anchor, calendar.OfDate(day), n)
			return nil
		})
		if err != nil {
			return fmt.Errorf("count the rows of %s: %w", base, err)
		}
	}
	return nil
}

// rowsOf counts what the facts of each window's days are made of, and those that are
// there.
func (f *Facts) rowsOf(ctx context.Context, windows map[window][]member, days map[window]map[calendar.Day]struct{}) (map[window]map[calendar.Day]uint64, error) {
	out := map[window]map[calendar.Day]uint64{}
	windowOf := map[[2]string]window{} // by key and part of the facts
	all, byBase := map[calendar.Day]struct{}{}, map[string]map[calendar.Day]struct{}{}
	for w, of := range days {
		out[w] = map[calendar.Day]uint64{}
		for _, m := range windows[w] {
			windowOf[[2]string{m.ind.Key, m.role}] = w
		}
		if byBase[w.base] == nil {
			byBase[w.base] = map[calendar.Day]struct{}{}
		}
		maps.Copy(byBase[w.base], of)
		maps.Copy(all, of)
	}
	for base, of := range byBase {
		err := f.stateRows(ctx, base, slices.Sorted(maps.Keys(of)), func(anchor string, day calendar.Day, n uint64) {
			if rows, ok := out[window{base, anchor}]; ok {
				rows[day] += n
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(all)), maxDays) {
		p := queries.Params{}
		condition := dayCondition(part, p)
		err := f.db.Rows(ctx, "SELECT toString(key) AS key, toString(part) AS part, day, count() AS n FROM facts WHERE "+condition+" GROUP BY key, part, day", p, func(scan func(...any) error) error {
			var (
				key, part string
				day       time.Time
				n         uint64
			)
			if err := scan(&key, &part, &day, &n); err != nil {
				return err
			}
			if w, ok := windowOf[[2]string{key, part}]; ok {
				out[w][calendar.OfDate(day)] += n
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("count the facts: %w", err)
		}
	}
	return out, nil
}

// steps replaces which steps were reported on some days of a base.
func (f *Facts) steps(ctx context.Context, run uint64, base string, days []calendar.Day) error {
	rows := map[calendar.Day]uint64{}
	if err := f.stateRows(ctx, base, days, func(_ string, day calendar.Day, n uint64) { rows[day] += n }); err != nil {
		return err
	}
	for _, part := range f.portions(days, rows) {
		p := queries.Params{"run": run}
		condition := dayCondition(part, p)
		err := f.db.Exec(ctx, fmt.Sprintf(`INSERT INTO reported_steps (base, day, source, product, step, version, units)
SELECT base, day, source, product, step, {run:UInt64}, sum(units)
FROM
(
    SELECT %[1]s AS base, day, source, product, arrayJoin(steps) AS step, units
    FROM
    (
        SELECT day, source, product, steps, toInt64(count()) AS units
        FROM %[2]s FINAL
        PREWHERE edition = 'live' AND %[3]s
        WHERE excluded != 'test'
        GROUP BY day, source, product, steps
    )
    UNION ALL
    SELECT base, day, source, product, step, toInt64(0)
    FROM reported_steps FINAL
    PREWHERE base = %[1]s AND %[3]s
    WHERE units > 0
)
GROUP BY base, day, source, product, step`, quote(base), base, condition), p)
		if err != nil {
			return fmt.Errorf("reported steps of %s: %w", base, err)
		}
	}
	return nil
}

// othersReport says whether some changed days of a base tell of a step that was
// not known to be reported, or no longer of one that was.
func (f *Facts) othersReport(ctx context.Context, run uint64, base string, days []calendar.Day) (bool, error) {
	for part := range slices.Chunk(days, maxDays) {
		p := queries.Params{"run": run}
		condition := dayCondition(part, p)
		var rows []struct {
			Found uint64 `ch:"found"`
		}
		err := f.db.Select(ctx, &rows, fmt.Sprintf(`SELECT count() AS found
FROM reported_steps FINAL
PREWHERE base = %[1]s AND %[2]s
WHERE (units > 0 OR version = {run:UInt64})
    AND (units > 0) != ((source, product, step) IN (SELECT source, product, step FROM reporters FINAL WHERE base = %[1]s))`, quote(base), condition), p)
		if err != nil {
			return false, fmt.Errorf("look for other reported steps of %s: %w", base, err)
		}
		if rows[0].Found > 0 {
			return true, nil
		}
	}
	return false, nil
}

// reporters replaces which steps the sources of a base report, from all days.
func (f *Facts) reporters(ctx context.Context, run uint64, base string) error {
	err := f.db.Exec(ctx, fmt.Sprintf(`INSERT INTO reporters (base, source, product, step, version, is_deleted)
SELECT base, source, product, step, {run:UInt64}, max(units) = 0
FROM
(
    SELECT base, source, product, step, units
    FROM reported_steps FINAL
    WHERE base = %[1]s
    UNION ALL
    SELECT base, source, product, step, toInt64(0)
    FROM reporters FINAL
    WHERE base = %[1]s
)
GROUP BY base, source, product, step`, quote(base)), queries.Params{"run": run})
	if err != nil {
		return fmt.Errorf("reporters of %s: %w", base, err)
	}
	return nil
}

// reportersOf says whether a run has replaced which steps are reported.
func (f *Facts) reportersOf(ctx context.Context, run uint64) (bool, error) {
	var rows []struct {
		N uint64 `ch:"n"`
	}
	if err := f.db.Select(ctx, &rows, "SELECT count() AS n FROM reporters WHERE version = {run:UInt64}", queries.Params{"run": run}); err != nil {
		return false, fmt.Errorf("look for reported steps of the run: %w", err)
	}
	return rows[0].N > 0, nil
}

func (f *Facts) reportedHash(ctx context.Context) (string, error) {
	h := sha256.New()
	err := f.db.Rows(ctx, `SELECT concat(base, '\0', source, '\0', product, '\0', step) AS line
FROM reporters FINAL
ORDER BY line`, nil, func(scan func(...any) error) error {
		var line string
		if err := scan(&line); err != nil {
			return err
		}
		_, _ = h.Write([]byte(line + "\n"))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reported steps: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// daysOf lists the days that a window has rows on or its members facts.
func (f *Facts) daysOf(ctx context.Context, w window, members []member) ([]calendar.Day, error) {
	var out []calendar.Day
	err := f.db.Rows(ctx, fmt.Sprintf(`SELECT DISTINCT day
FROM (SELECT day FROM %s WHERE edition = 'live' AND anchor = %s UNION ALL SELECT day FROM facts WHERE (key, part) IN (%s))`,
		w.base, quote(w.anchor), strings.Join(keysOf(members), ", ")), nil,
		func(scan func(...any) error) error {
			var day time.Time
			if err := scan(&day); err != nil {
				return err
			}
			out = append(out, calendar.OfDate(day))
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("days of %s by %s: %w", w.base, w.anchor, err)
	}
	return out, nil
}

// replace writes the facts of one window for some portions of days, those that are not
// what they were. Groups that had facts and have no units any more are written with
// zeros, so that a day is replaced and never added to. The statements are not compiled:
// most name an instant and are others in each run.
func (f *Facts) replace(ctx context.Context, run uint64, w window, members []member, portions [][]calendar.Day, asOf time.Time) error {
	var (
		tuples, columns []string
		of              terms
	)
	for i, m := range members {
		c := sqlOf(m.ind, m.pop)
		inScope := "(" + strings.TrimPrefix(strings.TrimPrefix(c.population, "anchor = "+quote(w.anchor)), " AND ") + ")"
		if inScope == "()" {
			inScope = "true"
		}
		names := []string{quote(m.ind.Key), quote(m.role), of.name(inScope)}
		ind, c := of.named(m.ind, c)
		for _, sum := range sums(ind, c) {
			expression, name, _ := cutLast(sum, " AS ")
			columns = append(columns, fmt.Sprintf("%s AS %s_%d", expression, name, i))
			names = append(names, fmt.Sprintf("%s_%d", name, i))
		}
		tuples = append(tuples, "("+strings.Join(names, ", ")+")")
	}
	for _, part := range portions {
		p := queries.Params{"run": run}
		if of.usesAsOf() {
			p["as_of"] = queries.Instant(asOf)
		}
		condition := dayCondition(part, p)
		statement := fmt.Sprintf(`INSERT INTO facts (key, part, day, region, outlet, product, channel, version, %s)
WITH %s
SELECT key, part, day, region, outlet, product, channel, {run:UInt64}, %s
FROM
(
    SELECT u.1 AS key, u.2 AS part, day, region, outlet, product, channel,
        u.4 AS f_numerator, u.5 AS f_denominator, u.6 AS f_squares, u.7 AS f_weights,
        u.8 AS f_n, u.9 AS f_pending, u.10 AS f_excluded, u.11 AS f_unknown, u.12 AS f_unreported, %s
    FROM
    (
        SELECT day, region, outlet, product, channel,
            %s,
            arrayJoin([%s]) AS u
        FROM
        (
            SELECT day, region, outlet, product, channel,
                %s
            FROM %s FINAL
            PREWHERE edition = 'live' AND anchor = %s AND %s
        )
    )
    WHERE u.3 AND (f_n != 0 OR f_pending != 0 OR f_excluded != 0 OR f_unknown != 0 OR f_unreported != 0)
    UNION ALL
    SELECT key, part, day, region, outlet, product, channel,
        toDecimal128(0, 6), toDecimal128(0, 6), toDecimal128(0, 6), toDecimal128(0, 6),
        toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), %s
    FROM facts FINAL
    PREWHERE (key, part) IN (%s) AND %s
    WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0
)
GROUP BY key, part, day, region, outlet, product, channel
HAVING (%s) != (%s)
SETTINGS compile_expressions = 0, compile_aggregate_expressions = 0`,
			measured("%[1]s"), reportedSQL(w.base, liveEdition), measured("sum(f_%[1]s)"), measured("0 AS had_%[1]s"),
			strings.Join(columns, ",\n            "), strings.Join(tuples, ", "),
			strings.Join(of.columns, ",\n                "), w.base, quote(w.anchor), condition,
			measured("%[1]s"), strings.Join(keysOf(members), ", "), condition,
			measured("sum(f_%[1]s)"), measured("sum(had_%[1]s)"))
		if err := f.db.Exec(ctx, statement, p); err != nil {
			return err
		}
	}
	return nil
}

// cutLast cuts s at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
