package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// sameUnits are percentiles of the same values: one pass gives all their levels.
func sameUnits(a, b catalogue.Indicator) bool {
	return a.Population == b.Population && a.Window == b.Window && a.Value == b.Value && a.Censored == b.Censored &&
		a.Among == b.Among && a.Unknown == b.Unknown && a.MaturesDays == b.MaturesDays && slices.Equal(a.Reports, b.Reports)
}

// percentiles puts the values of the percentiles among some indicators; their
// counts come as those of all others do.
func (e *Evaluator) percentiles(ctx context.Context, q Question, inds []catalogue.Indicator, edition string, asOf time.Time, put func(cell, string, parts)) error {
	var groups [][]catalogue.Indicator
	for _, ind := range inds {
		if ind.Kind != catalogue.Percentile {
			continue
		}
		i := slices.IndexFunc(groups, func(g []catalogue.Indicator) bool { return sameUnits(g[0], ind) })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], ind)
	}
	for _, group := range groups {
		if err := e.percentile(ctx, q, group, edition, asOf, put); err != nil {
			return fmt.Errorf("percentiles of %s: %w", group[0].Key, err)
		}
	}
	return nil
}

// reached is by how much a survival curve may miss a level that it reaches: the
// error of its arithmetic, far below the step of one unit.
const reached = 1e-9

func (e *Evaluator) percentile(ctx context.Context, q Question, group []catalogue.Indicator, edition string, asOf time.Time, put func(cell, string, parts)) error {
	ind := group[0]
	p := queries.Params{"edition": edition, "from": q.From.String(), "to": q.To.String()}
	by, where := split(q, p)
	c := sqlOf(ind, ind.Population)
	censored := "false"
	if ind.Censored != "" {
		censored = "ifNull(" + at(ind.Censored) + ", true)"
	}
	units := fmt.Sprintf(`    SELECT %s AS bucket, %s AS by, toFloat64(assumeNotNull(%s)) AS hours, %s AS still
    FROM %s FINAL
    WHERE edition = {edition:String} AND %s AND day >= {from:Date} AND day < {to:Date}%s AND (%s) AND isNotNull(%s)`,
		bucket(q.Grain), by, at(ind.Value), censored, ind.Population.Base, c.population, where, c.counted, at(ind.Value))
	var levels []string
	var statement string
	if ind.Censored == "" {
		for _, member := range group {
			levels = append(levels, fmt.Sprintf("toNullable(quantileExactInclusive(%v)(hours))", member.Level))
		}
		statement = fmt.Sprintf(`WITH %s
SELECT bucket, by, [%s]
FROM
(
%s
)
GROUP BY bucket, by`, reportedSQL(ind.Population.Base, edition), strings.Join(levels, ", "), units)
	} else {
		// Kaplan and Meier: what is done and what is censored at one instant, the
		// done comes first, so that both are at risk then.
		for _, member := range group {
			levels = append(levels, fmt.Sprintf("minOrNullIf(hours, survival <= %v)", 1-member.Level+reached))
		}
		statement = fmt.Sprintf(`WITH %s
SELECT bucket, by, [%s]
FROM
(
    SELECT bucket, by, hours, exp(sum(log(1 - done / risk)) OVER (PARTITION BY bucket, by ORDER BY hours)) AS survival
    FROM
    (
        SELECT bucket, by, hours, done, sum(units) OVER (PARTITION BY bucket, by ORDER BY hours DESC) AS risk
        FROM
        (
            SELECT bucket, by, hours, countIf(NOT still) AS done, count() AS units
            FROM
            (
%s
            )
            GROUP BY bucket, by, hours
        )
    )
    WHERE done > 0
)
GROUP BY bucket, by`, reportedSQL(ind.Population.Base, edition), strings.Join(levels, ", "), units)
	}
	if strings.Contains(statement, "{as_of:") {
		p["as_of"] = queries.Instant(asOf)
	}
	return e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		var (
			day    time.Time
			values []string
			found  []*float64
		)
		if err := scan(&day, &values, &found); err != nil {
			return err
		}
		place, err := placeOf(day, values)
		if err != nil {
			return err
		}
		for i, member := range group {
			place.key = member.Key
			put(place, "unit", parts{percentile: found[i]})
		}
		return nil
	})
}
