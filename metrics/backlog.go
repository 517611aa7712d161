package metrics

import (
	"context"
	"fmt"
	"time"

	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// DueSoon is how far ahead a Backlog looks.
const DueSoon = 7 * 24 * time.Hour

// Backlog is what is open under one time limit at an instant. Units that are
// excluded, whose deadline is unknown, or whose source never reports the step
// that ends it are in none of its counts.
type Backlog struct {
	// Key is the indicator that counts against the limit.
	Key    string    `json:"key"`
	Base   string    `json:"base"`   // cases, tickets
	Anchor string    `json:"anchor"` // the limit's name in the policy
	AsOf   time.Time `json:"as_of"`
	Open   int64     `json:"open"`
	// DueSoon are those of Open whose deadline lies within the next 7 days.
	DueSoon int64 `json:"due_soon"`
	// Waiting are those of Open that are paused, or whose deadline lies beyond the
	// calendar: they can be neither overdue nor due.
	Waiting int64 `json:"waiting"`
	Overdue int64 `json:"overdue"`
	// Ageing are the overdue by days since their deadline: (0,1], (1,3], (3,7], more than 7.
	Ageing [4]int64 `json:"ageing"`
	// NoSource says that no source reports the step that ends the limit.
	NoSource bool `json:"no_source"`
}

// otherClocks are limits that wait for the same as another one does.
var otherClocks = map[string]bool{"promise_day": true}

// Backlogs counts what is open under each time limit of cases and tickets, in the
// order of the catalogue. asOf is as in a Question: zero is now, as last folded.
func (e *Evaluator) Backlogs(ctx context.Context, asOf time.Time) ([]Backlog, error) {
	var inds []catalogue.Indicator
	seen := map[[2]string]bool{}
	for _, ind := range e.cat.All() {
		pop := ind.Population
		if ind.Window != catalogue.Due || ind.Kind != catalogue.Ratio || ind.Success != "" || pop.Where != "" || otherClocks[pop.Anchor] || seen[[2]string{pop.Base, pop.Anchor}] ||
			pop.Base != "cases" && pop.Base != "tickets" {
			continue
		}
		seen[[2]string{pop.Base, pop.Anchor}] = true
		inds = append(inds, ind)
	}
	if len(inds) == 0 {
		return nil, nil
	}
	edition, asOf, release, err := e.edition(ctx, asOf, inds)
	if err != nil {
		return nil, err
	}
	defer release()
	var out []Backlog
	for _, ind := range inds {
		b, err := e.backlog(ctx, ind, edition, asOf)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func (e *Evaluator) backlog(ctx context.Context, ind catalogue.Indicator, edition string, asOf time.Time) (Backlog, error) {
	b := Backlog{Key: ind.Key, Base: ind.Population.Base, Anchor: ind.Population.Anchor, AsOf: asOf}
	c := sqlOf(ind, ind.Population)
	statement := fmt.Sprintf(`WITH %s,
    open AND (%s) AND excluded = '' AND NOT unknown AS counted,
    paused OR undetermined OR due_at IS NULL AS waits,
    counted AND NOT waits AND assumeNotNull(due_at) < {as_of:DateTime64(6, 'UTC')} AS late,
    dateDiff('microsecond', ifNull(due_at, {as_of:DateTime64(6, 'UTC')}), {as_of:DateTime64(6, 'UTC')}) AS since
SELECT toInt64(countIf(counted)),
    toInt64(countIf(counted AND NOT waits AND NOT late AND since >= -{soon:Int64})),
    toInt64(countIf(counted AND waits)),
    toInt64(countIf(late)),
    toInt64(countIf(late AND since <= {day:Int64})),
    toInt64(countIf(late AND since > {day:Int64} AND since <= 3 * {day:Int64})),
    toInt64(countIf(late AND since > 3 * {day:Int64} AND since <= 7 * {day:Int64})),
    toInt64(countIf(late AND since > 7 * {day:Int64}))
FROM %s FINAL
WHERE edition = {edition:String} AND %s`, reportedSQL(b.Base, edition), c.reported, b.Base, c.population)
	p := queries.Params{"edition": edition, "as_of": queries.Instant(asOf), "soon": DueSoon.Microseconds(), "day": (24 * time.Hour).Microseconds()}
	err := e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		return scan(&b.Open, &b.DueSoon, &b.Waiting, &b.Overdue, &b.Ageing[0], &b.Ageing[1], &b.Ageing[2], &b.Ageing[3])
	})
	if err != nil {
		return b, fmt.Errorf("backlog of %s: %w", ind.Key, err)
	}
	if b.Open == 0 {
		missing, err := e.unsourced(ctx, ind, pinned{edition: edition})
		if err != nil {
			return b, err
		}
		b.NoSource = len(missing) > 0
	}
	return b, nil
}
