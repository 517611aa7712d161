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

// list is a part of a figure as rows of a population.
type list struct {
	question  Question
	ind       catalogue.Indicator
	pop       catalogue.Population
	cond      conditions
	condition string // of the part
}

func (e *Evaluator) listOf(q Question, part Part) (list, error) {
	q.By, q.Grain = nil, ""
	if len(q.Keys) != 1 {
		return list{}, &QuestionError{"key", "a list belongs to one indicator"}
	}
	inds, err := q.Indicators(e.cat)
	if err != nil {
		return list{}, err
	}
	ind := inds[0]
	pop := ind.Population
	if ind.Kind == catalogue.RatioOfCounts {
		switch part {
		case PartDenominator:
			pop = *ind.Denominator
		case PartMissed:
			return list{}, &QuestionError{"part", "a ratio of two counts has no missed units"}
		}
	}
	if ind.Window == catalogue.Snap && part != PartNumerator {
		return list{}, &QuestionError{"part", "a figure of the state at as_of has a numerator only"}
	}
	c := sqlOf(ind, pop)
	condition := c.part(part)
	if condition == "false" {
		return list{}, &QuestionError{"part", fmt.Sprintf("no part %q", part)}
	}
	// Every unit of a mean is in its list, whichever of the two is opened.
	if ind.Measured() && part == PartNumerator {
		condition = c.part(PartDenominator)
	}
	return list{q, ind, pop, c, condition}, checkDelay(q, part)
}

// sql gives the WITH and the FROM of a statement about the list. after is a
// further condition; p gets the parameters, but for as_of.
func (l list) sql(edition, after string, p queries.Params) (with, from string) {
	q := l.question
	p["edition"] = edition
	days := ""
	if l.ind.Window != catalogue.Snap {
		p["from"], p["to"] = q.From.String(), q.To.String()
		days = " AND day >= {from:Date} AND day < {to:Date}"
	}
	_, where := split(q, p)
	with = reportedSQL(l.pop.Base, edition)
	condition := fmt.Sprintf("%s%s%s AND (%s)", days, after, where, l.condition)
	if len(q.Delay) == 0 {
		return with, fmt.Sprintf("%s FINAL\nWHERE edition = {edition:String} AND %s%s", l.pop.Base, l.cond.population, condition)
	}
	budgetParams(q, p)
	return with + ",\n    " + budgetSQL(l.pop, l.cond), delaySQL(l.pop, l.cond, "*", condition) + "\nWHERE " + delayWhere(q, p)
}

// CountRows counts the list that Rows gives.
func (e *Evaluator) CountRows(ctx context.Context, q Question, part Part) (int64, error) {
	l, err := e.listOf(q, part)
	if err != nil {
		return 0, err
	}
	edition, asOf, release, err := e.edition(ctx, q.AsOf, []catalogue.Indicator{l.ind})
	if err != nil {
		return 0, err
	}
	defer release()
	p := queries.Params{}
	with, from := l.sql(edition, "", p)
	statement := fmt.Sprintf("WITH %s\nSELECT count() AS found\nFROM %s", with, from)
	if strings.Contains(statement, "{as_of:") {
		p["as_of"] = queries.Instant(asOf)
	}
	var rows []struct {
		Found uint64 `ch:"found"`
	}
	if err := e.db.Select(ctx, &rows, statement, p); err != nil {
		return 0, fmt.Errorf("count rows of %s: %w", l.ind.Key, err)
	}
	return int64(rows[0].Found), nil
}

// Rows gives a page of the units behind a part of a figure, ordered by day and
// subject: the number is its list. The question must have one key; Grain and By
// are not used, a cell of a split is asked by Where, From and To, one of the
// delays by Delay. An empty cursor starts at the first; limit is 1 to MaxRows.
func (e *Evaluator) Rows(ctx context.Context, q Question, part Part, after string, limit int) (RowPage, error) {
	if limit < 1 || limit > MaxRows {
		return RowPage{}, &QuestionError{"limit", fmt.Sprintf("%d is not within 1 to %d", limit, MaxRows)}
	}
	l, err := e.listOf(q, part)
	if err != nil {
		return RowPage{}, err
	}
	ind, pop := l.ind, l.pop
	edition, asOf, release, err := e.edition(ctx, q.AsOf, []catalogue.Indicator{ind})
	if err != nil {
		return RowPage{}, err
	}
	defer release()
	p := queries.Params{"limit": uint32(limit) + 1}
	next := ""
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
		next = " AND (day, subject) > ({after_day:Date}, {after_subject:String})"
	}
	with, from := l.sql(edition, next, p)
	cause, place, over := "''", "''", "CAST(NULL, 'Nullable(Float64)')"
	if len(q.Delay) > 0 {
		cause, place, over = "delay_cause", "delay_place", "if(delay_late, toNullable(delay_over), NULL)"
	}
	value := "CAST(NULL, 'Nullable(Float64)')"
	if ind.Measured() {
		// What will never end has no number of hours.
		value = "if(isFinite(ifNull(" + at(ind.Value) + ", nan)), toNullable(toFloat64(" + at(ind.Value) + ")), NULL)"
	}
	if strings.Contains(from+value+with, "{as_of:") {
		p["as_of"] = queries.Instant(asOf)
	}
	statement := fmt.Sprintf(`WITH %s
SELECT subject, day, due_at, done_at, toString(region) AS region, toString(outlet) AS outlet, toString(product) AS product,
    toString(channel) AS channel, toString(state) AS state, toString(outcome) AS outcome, %s AS value,
    toString(excluded) AS reason, arrayMap(f -> toString(f), flags) AS flags, %s AS cause, %s AS place, %s AS over_hours
FROM %s
ORDER BY day, subject
LIMIT {limit:UInt32}`, with, value, cause, place, over, from)
	page := RowPage{Rows: []Row{}}
	err = e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		r := Row{Base: pop.Base}
		var day time.Time
		if err := scan(&r.Subject, &day, &r.DueAt, &r.DoneAt, &r.Region, &r.Outlet, &r.Product, &r.Channel,
			&r.State, &r.Outcome, &r.Value, &r.Reason, &r.Flags, &r.Cause, &r.Place, &r.OverHours); err != nil {
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
