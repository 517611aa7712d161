package metrics

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/queries"
)

// cursor is the place after a row of a list.
type cursor struct {
	Day     calendar.Day `json:"d"`
	Subject string       `json:"s"`
}

// MaxRows is the largest page of a list.
const MaxRows = 1000

// Rows gives a page of the units behind a part of a figure, ordered by day and
// subject: the number is its list. The question must have one key; Grain and By
// are not used, a cell of a split is asked by Where, From and To. An empty cursor
// starts at the first; limit is 1 to MaxRows.
func (e *Evaluator) Rows(ctx context.Context, q Question, part Part, after string, limit int) (RowPage, error) {
	q.By, q.Grain = nil, ""
	if len(q.Keys) != 1 {
		return RowPage{}, &QuestionError{"key", "a list belongs to one indicator"}
	}
	if limit < 1 || limit > MaxRows {
		return RowPage{}, &QuestionError{"limit", fmt.Sprintf("%d is not within 1 to %d", limit, MaxRows)}
	}
	inds, err := q.Indicators(e.cat)
	if err != nil {
		return RowPage{}, err
	}
	ind := inds[0]
	pop := ind.Population
	if ind.Kind == catalogue.RatioOfCounts {
		switch part {
		case PartDenominator:
			pop = *ind.Denominator
		case PartMissed:
			return RowPage{}, &QuestionError{"part", "a ratio of two counts has no missed units"}
		}
	}
	if ind.Window == catalogue.Snap && part != PartNumerator {
		return RowPage{}, &QuestionError{"part", "a figure of the state at as_of has a numerator only"}
	}
	c := sqlOf(ind, pop)
	condition := c.part(part)
	if condition == "false" {
		return RowPage{}, &QuestionError{"part", fmt.Sprintf("no part %q", part)}
	}
	// Every unit of a mean is in its list, whichever of the two is opened.
	if ind.Measured() && part == PartNumerator {
		condition = c.part(PartDenominator)
	}
	if err := checkDelay(q, part); err != nil {
		return RowPage{}, err
	}
	edition, asOf, release, err := e.edition(ctx, q.AsOf, inds)
	if err != nil {
		return RowPage{}, err
	}
	defer release()
	p := queries.Params{"edition": edition, "limit": uint32(limit) + 1}
	days := ""
	if ind.Window != catalogue.Snap {
		p["from"], p["to"] = q.From.String(), q.To.String()
		days = " AND day >= {from:Date} AND day < {to:Date}"
	}
	if after != "" {
		var at cursor
		text, err := base64.RawURLEncoding.DecodeString(after)
		if err == nil {
			err = json.Unmarshal(text, &at)
		}
		if err != nil {
			return RowPage{}, &QuestionError{"cursor", "not one that this list gave"}
		}
		p["after_day"], p["after_subject"] = at.Day.String(), at.Subject
		days += " AND (day, subject) > ({after_day:Date}, {after_subject:String})"
	}
	_, where := split(q, p)
	with, cause, place, over := reportedSQL(pop.Base, edition), "''", "''", "CAST(NULL, 'Nullable(Float64)')"
	if len(q.Delay) > 0 {
		with += ",\n    " + delaySQL(pop, c)
		budgetParams(q, p)
		where += delayWhere(q, p)
		cause, place, over = "delay_cause", "delay_place", "if(delay_late, toNullable(delay_over), NULL)"
	}
	value := "CAST(NULL, 'Nullable(Float64)')"
	if ind.Measured() {
		// What will never end has no number of hours.
		value = "if(isFinite(ifNull(" + at(ind.Value) + ", nan)), toNullable(toFloat64(" + at(ind.Value) + ")), NULL)"
	}
	if strings.Contains(condition+value+with, "{as_of:") {
		p["as_of"] = queries.Instant(asOf)
	}
	statement := fmt.Sprintf(`WITH %s
SELECT subject, day, due_at, done_at, toString(region) AS region, toString(outlet) AS outlet, toString(product) AS product,
    toString(channel) AS channel, toString(state) AS state, toString(outcome) AS outcome, %s AS value,
    toString(excluded) AS reason, arrayMap(f -> toString(f), flags) AS flags, %s AS cause, %s AS place, %s AS over_hours
FROM %s FINAL
WHERE edition = {edition:String} AND %s%s%s AND (%s)
ORDER BY day, subject
LIMIT {limit:UInt32}`, with, value, cause, place, over, pop.Base, c.population, days, where, condition)
	page := RowPage{Rows: []Row{}}
	err = e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		r := Row{Base: pop.Base}
		var day time.Time
		if err := scan(&r.Subject, &day, &r.DueAt, &r.DoneAt, &r.Region, &r.Outlet, &r.Product, &r.Channel,
			&r.State, &r.Outcome, &r.Value, &r.Reason, &r.Flags,
			&r.Cause, &r.Place, &r.OverHours); err != nil {
			return err
		}
		r.Day = calendar.OfDate(day)
		page.Rows = append(page.Rows, r)
		return nil
	})
	if err != nil {
		return RowPage{}, fmt.Errorf("rows of %s: %w", ind.Key, err)
	}
	if len(page.Rows) > limit {
		page.Rows = page.Rows[:limit]
		last := page.Rows[limit-1]
		text, err := json.Marshal(cursor{last.Day, last.Subject})
		if err != nil {
			return RowPage{}, fmt.Errorf("rows of %s: %w", ind.Key, err)
		}
		page.Next = base64.RawURLEncoding.EncodeToString(text)
	}
	return page, nil
}

// Published reads the figures that were published on a Beijing day, as they were
// published: of the keys asked, split as asked.
func (e *Evaluator) Published(ctx context.Context, keys, by []string, day calendar.Day) ([]Figure, error) {
	texts, err := e.db.PublishedOn(ctx, keys, day.Start(), day.End())
	if err != nil {
		return nil, err
	}
	var out []Figure
	for _, text := range texts {
		var f Figure
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			return nil, fmt.Errorf("read what was published: %w", err)
		}
		if len(f.By) != len(by) {
			continue
		}
		asked := true
		for _, d := range by {
			_, has := f.By[d]
			asked = asked && has
		}
		if asked {
			out = append(out, f)
		}
	}
	return out, nil
}
