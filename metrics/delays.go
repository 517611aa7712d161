package metrics

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/stats"
	"youzhi/queries"
)

// DelayKey is the indicator whose late cases [Evaluator.Delays] takes apart.
const DelayKey = "on_time_delivery_rate"

// budgetDays are the days before a period whose cases in time say how long a step
// takes. Source: indicator catalogue B4 rule 10.
const budgetDays = 90

// The names by which the cases of a figure can be narrowed to a cell of its
// delays, see [Question.Delay].
const (
	DelayLateness = "lateness" // one of Latenesses
	DelayCause    = "cause"
	DelayStep     = "step"
	DelayPlace    = "place"   // UnknownPlace where none is reported
	DelayWeekday  = "weekday" // of the acceptance in Beijing, 1 is Monday
	DelayHour     = "hour"    // of the acceptance in Beijing, 0 to 23
)

// DelayNames are all of them.
var DelayNames = []string{DelayLateness, DelayCause, DelayStep, DelayPlace, DelayWeekday, DelayHour}

// delayColumns are their expressions among those of delaySQL.
var delayColumns = map[string]string{
	DelayLateness: "delay_lateness", DelayCause: "delay_cause", DelayStep: "delay_step", DelayPlace: "delay_place",
	DelayWeekday: "toString(delay_weekday)", DelayHour: "toString(delay_hour)",
}

// Latenesses are the steps of the ladder: late by up to one day of 24 hours, two,
// three, more; still open; ended without a delivery (returned, lost, called off
// after the promise).
var Latenesses = []string{"in_time", "1", "2", "3", "more", "open", "ended"}

const (
	// CauseNoScans is that of a late case of whose way nothing is known.
	CauseNoScans = "no_scans"
	// CauseOpen is that of a case which lies where it was last seen.
	CauseOpen = "open"
	// UnknownPlace stands for a step whose event named no place.
	UnknownPlace = "unknown"
)

// DelayShare is the part of a rate's loss that has one cause, step or place.
type DelayShare struct {
	Name string `json:"name"`
	// Cases are those late in the period.
	Cases int64 `json:"cases"`
	// Points of the on-time rate that they cost: cases / denominator · 100.
	Points float64 `json:"points"`
	// OverHours is the median of what the step took above its budget; nil: none.
	OverHours *float64 `json:"over_hours"`
	// ByDay are the late cases by the day they were due on, of the period and the
	// days before that it is compared with.
	ByDay map[calendar.Day]int64 `json:"by_day"`
	// Began are the late cases of the period by the day on which the step began that
	// took too long, BeganBefore those due before the period.
	Began       map[calendar.Day]int64 `json:"began_by_day"`
	BeganBefore map[calendar.Day]int64 `json:"-"`
}

// DelayPair is a cause at a place. Its Name is the cause.
type DelayPair struct {
	DelayShare
	Place string `json:"place"`
}

// DelayRung is a step of the ladder.
type DelayRung struct {
	Lateness string `json:"lateness"`
	Cases    int64  `json:"cases"`
	// Share of the denominator.
	Share float64 `json:"share"`
}

// DelayHourCell are the cases accepted in one hour of one weekday; Weekday 0 are
// those whose acceptance is not known.
type DelayHourCell struct {
	Weekday int   `json:"weekday"` // 1 is Monday
	Hour    int   `json:"hour"`
	Cases   int64 `json:"cases"`
	Late    int64 `json:"late"`
}

// DelayOutlet is an outlet in the funnel (STATISTICS.md 9).
type DelayOutlet struct {
	Figure Figure            `json:"figure"`
	Funnel stats.FunnelPoint `json:"-"`
	// Side is "low" or "high" beyond three standard deviations, else "".
	Side stats.Side `json:"side"`
}

// Delays says where the late cases of a period lost their time. Each late case has
// one cause, one step, one place and one rung, so that the points of each list
// add up to 100 · (1 - on-time rate).
type Delays struct {
	Rate Figure `json:"rate"`
	// Compared is the span whose late cases the maps by day hold: the period and the
	// days before it whose cases in time gave the budgets.
	Compared calendar.Period `json:"-"`
	// Yardstick are the cases in time that gave the budgets. Without any all budgets
	// are zero and the longest step is the cause.
	Yardstick int64 `json:"yardstick_cases"`
	// Of are the cases counted by the day they were due on.
	Of      map[calendar.Day]int64 `json:"of_by_day"`
	Ladder  []DelayRung            `json:"ladder"`
	Causes  []DelayShare           `json:"causes"`
	Steps   []DelayShare           `json:"steps"`
	Places  []DelayShare           `json:"places"`
	Pairs   []DelayPair            `json:"cause_places"`
	Hours   []DelayHourCell        `json:"hours"`
	Regions []Figure               `json:"regions"`
	// RegionLevel is the dimension of Regions.
	RegionLevel string        `json:"region_level"`
	Outlets     []DelayOutlet `json:"outlets"`
	// Group is the rate of all outlets, Phi the widening of their limits.
	Group float64 `json:"group_rate"`
	Phi   float64 `json:"phi"`
	// Cut says that a list had more entries than maxDelayEntries and holds the
	// largest; what is left out is the difference to the rate.
	Cut bool `json:"cut"`
}

// maxDelayEntries bounds each list of a Delays.
const maxDelayEntries = 2000

// Delays takes the late cases of the on-time rate apart, by q's period, scope and
// as_of. Its late cases are exactly those of the figure: one condition makes both.
//
// The cause of a late case is the step with the largest excess over its budget,
// the first of equal ones; the budget of a step is the median of what it
// took the cases in time of the same product that were due in the 90 days before
// the period, whatever the scope; the cause's name is the reason that the step's
// event gave, else the step. Source: indicator catalogue B4 rule 10.
func (e *Evaluator) Delays(ctx context.Context, q Question) (Delays, error) {
	ind, q, err := e.delayQuestion(q)
	if err != nil {
		return Delays{}, err
	}
	inds := []catalogue.Indicator{ind}
	of, release, err := e.read(ctx, q.AsOf, inds)
	if err != nil {
		return Delays{}, err
	}
	defer release()
	d, err := e.delays(ctx, q, ind, of)
	if err != nil || d.Rate.Denominator == nil {
		return d, err
	}
	d.RegionLevel = regionBelow(q.Where)
	by := q
	by.By = []string{d.RegionLevel}
	if d.Regions, err = e.figures(ctx, by, inds, of); err != nil {
		return Delays{}, fmt.Errorf("delays by region: %w", err)
	}
	by.By = []string{"outlet"}
	outlets, err := e.figures(ctx, by, inds, of)
	if err != nil {
		return Delays{}, fmt.Errorf("delays by outlet: %w", err)
	}
	if err := d.funnel(outlets); err != nil {
		return Delays{}, fmt.Errorf("delays by outlet: %w", err)
	}
	return d, nil
}

// DelayCauses is Delays without its regions and outlets, for a page that shows the
// worst of them in a sentence.
func (e *Evaluator) DelayCauses(ctx context.Context, q Question) (Delays, error) {
	ind, q, err := e.delayQuestion(q)
	if err != nil {
		return Delays{}, err
	}
	of, release, err := e.read(ctx, q.AsOf, []catalogue.Indicator{ind})
	if err != nil {
		return Delays{}, err
	}
	defer release()
	return e.delays(ctx, q, ind, of)
}

func (e *Evaluator) delayQuestion(q Question) (catalogue.Indicator, Question, error) {
	q.Keys, q.By, q.Grain, q.Delay = []string{DelayKey}, nil, "", nil
	inds, err := q.Indicators(e.cat)
	if err != nil {
		return catalogue.Indicator{}, q, err
	}
	return inds[0], q, nil
}

// regionBelow is the level of regions to split a scope by.
func regionBelow(where map[string][]string) string {
	switch {
	case where["region6"] != nil, where["region4"] != nil:
		return "region6"
	case where["region"] != nil:
		return "region4"
	}
	return "region"
}

// delays is all that one pass over the state gives. Its lists are shared.
func (e *Evaluator) delays(ctx context.Context, q Question, ind catalogue.Indicator, of pinned) (Delays, error) {
	return keep(ctx, e.kept, of, "delays", q, Delays.size, func() (Delays, error) { return e.takeApart(ctx, q, ind, of) })
}

// size is about how many figures take as much memory.
func (d Delays) size() int {
	days := len(d.Of)
	add := func(s DelayShare) { days += 8 + len(s.ByDay) + len(s.Began) + len(s.BeganBefore) }
	for _, list := range [][]DelayShare{d.Causes, d.Steps, d.Places} {
		for _, s := range list {
			add(s)
		}
	}
	for _, pair := range d.Pairs {
		add(pair.DelayShare)
	}
	return (days + len(d.Hours)) / 10
}

func (e *Evaluator) takeApart(ctx context.Context, q Question, ind catalogue.Indicator, of pinned) (Delays, error) {
	inds := []catalogue.Indicator{ind}
	rate, err := e.figures(ctx, q, inds, of)
	if err != nil {
		return Delays{}, err
	}
	d := Delays{
		Rate: rate[0], Compared: calendar.Period{From: q.From - budgetDays, To: q.To}, Of: map[calendar.Day]int64{},
		Ladder: []DelayRung{}, Causes: []DelayShare{}, Steps: []DelayShare{}, Places: []DelayShare{}, Pairs: []DelayPair{}, Hours: []DelayHourCell{},
		Regions: []Figure{}, Outlets: []DelayOutlet{},
	}
	if d.Rate.Denominator == nil {
		return d, nil
	}
	before := Question{Keys: q.Keys, From: q.From - budgetDays, To: q.From}
	yardstick, err := e.figures(ctx, before, inds, of)
	if err != nil {
		return Delays{}, fmt.Errorf("cases that give the budgets: %w", err)
	}
	if n := yardstick[0].Numerator; n != nil {
		d.Yardstick = int64(*n)
	}
	daily := Question{Keys: q.Keys, From: d.Compared.From, To: d.Compared.To, Grain: calendar.GrainDay, Where: q.Where}
	days, err := e.calculate(ctx, daily, inds, of, true)
	if err != nil {
		return Delays{}, fmt.Errorf("cases by day: %w", err)
	}
	for _, day := range days {
		if day.Units > 0 {
			d.Of[day.From] = day.Units
		}
	}
	if err := e.delayCells(ctx, q, ind, of.edition, of.asOf, &d); err != nil {
		return Delays{}, fmt.Errorf("causes of delay: %w", err)
	}
	return d, nil
}

// The kinds of cells that delayCells counts.
const (
	cellRung  = "rung"
	cellCause = "cause"
	cellStep  = "step"
	cellPlace = "place"
	cellPair  = "pair"
	cellHour  = "hour"
)

func (e *Evaluator) delayCells(ctx context.Context, q Question, ind catalogue.Indicator, edition string, asOf time.Time, d *Delays) error {
	c := sqlOf(ind, ind.Population)
	p := queries.Params{
		"edition": edition, "as_of": queries.Instant(asOf), "from": q.From.String(), "to": q.To.String(), "limit": uint32(maxDelayEntries) + 1,
	}
	budgetParams(q, p)
	_, where := split(q, p)
	statement := fmt.Sprintf(`WITH %[1]s,
    %[2]s
SELECT cell.1 AS kind, cell.2 AS first, cell.3 AS second,
    countIf(now) AS cases, countIf(now AND late) AS late_cases,
    quantileExactInclusiveIf(0.5)(over, now AND late) AS over_hours,
    sumMapIf(map(day, toUInt64(1)), dated) AS due,
    sumMapIf(map(began, toUInt64(1)), dated AND now) AS began_now,
    sumMapIf(map(began, toUInt64(1)), dated AND NOT now) AS began_before
FROM
(
    SELECT day, day >= {from:Date} AS now, delay_late AS late, delay_over AS over, delay_began AS began,
        arrayJoin(arrayConcat(
            if(now, [('rung', delay_lateness, ''), ('hour', toString(delay_weekday), toString(delay_hour))], []),
            if(delay_late, [('cause', delay_cause, ''), ('step', delay_step, ''), ('place', delay_place, ''), ('pair', delay_cause, delay_place)], []))) AS cell,
        cell.1 IN ('cause', 'step', 'place', 'pair') AS dated
    FROM %[3]s
)
GROUP BY kind, first, second
ORDER BY kind, late_cases DESC, count() DESC, first, second
LIMIT {limit:UInt32} BY kind`, reportedSQL(ind.Population.Base, edition), budgetSQL(ind.Population, c),
		delaySQL(ind.Population, c, delayInputs, fmt.Sprintf(" AND day >= {budget_from:Date} AND day < {to:Date}%s AND (%s) AND (day >= {from:Date} OR NOT (%s))", where, c.counted, c.success)))
	found := map[string]int{}
	rungs := map[string]int64{}
	denominator := *d.Rate.Denominator
	err := e.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		var (
			kind, first, second    string
			cases, late            uint64
			over                   float64
			due, began, beganPrior map[time.Time]uint64
		)
		if err := scan(&kind, &first, &second, &cases, &late, &over, &due, &began, &beganPrior); err != nil {
			return err
		}
		if found[kind]++; found[kind] > maxDelayEntries && kind != cellHour {
			d.Cut = true
			return nil
		}
		share := DelayShare{
			Name: first, Cases: int64(late), Points: float64(late) / denominator * 100,
			ByDay: byDay(due), Began: byDay(began), BeganBefore: byDay(beganPrior),
		}
		if late > 0 {
			share.OverHours = &over
		}
		switch kind {
		case cellRung:
			rungs[first] = int64(cases)
		case cellCause:
			d.Causes = append(d.Causes, share)
		case cellStep:
			d.Steps = append(d.Steps, share)
		case cellPlace:
			d.Places = append(d.Places, share)
		case cellPair:
			d.Pairs = append(d.Pairs, DelayPair{share, second})
		case cellHour:
			weekday, err := strconv.Atoi(first)
			if err != nil {
				return err
			}
			hour, err := strconv.Atoi(second)
			if err != nil {
				return err
			}
			d.Hours = append(d.Hours, DelayHourCell{weekday, hour, int64(cases), int64(late)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range Latenesses {
		d.Ladder = append(d.Ladder, DelayRung{name, rungs[name], float64(rungs[name]) / denominator})
	}
	slices.SortFunc(d.Hours, func(a, b DelayHourCell) int {
		return cmp.Or(cmp.Compare(a.Weekday, b.Weekday), cmp.Compare(a.Hour, b.Hour))
	})
	return nil
}

func byDay(cases map[time.Time]uint64) map[calendar.Day]int64 {
	out := make(map[calendar.Day]int64, len(cases))
	for day, n := range cases {
		out[calendar.OfDate(day)] = int64(n)
	}
	return out
}

// budgetSQL is the expression, for the WITH of a statement, of what each step of
// each product may take. The statement has the parameters of budgetParams.
func budgetSQL(pop catalogue.Population, c conditions) string {
	return fmt.Sprintf(`(
        SELECT mapFromArrays(groupArray(name), groupArray(budget))
        FROM
        (
            SELECT concat(product, '\0', step) AS name, quantileExactInclusive(0.5)(hours) AS budget
            FROM
            (
                SELECT toString(product) AS product, arrayMap(x -> toString(x), leg_step) AS steps, leg_hours
                FROM %s FINAL
                WHERE edition = {edition:String} AND %s AND day >= {budget_from:Date} AND day < {budget_to:Date} AND (%s AND %s)
            )
            ARRAY JOIN steps AS step, leg_hours AS hours
            GROUP BY name
        )
    ) AS delay_budget`, pop.Base, c.population, c.counted, c.success)
}

// delayInputs are the columns of a case that its delay is told from.
const delayInputs = "day, product, open, due_at, done_at, accepted_at, leg_step, leg_place, leg_reason, leg_hours, leg_ended_at"

// delaySQL is the table of the counted cases that meet a condition, with further
// columns that say of each whether it is late, how late, why, at which step and where;
// rows are the columns of the cases that it has, at least delayInputs. The
// statement has budgetSQL in its WITH, and the parameters edition and as_of. Each
// column builds on those of the query inside: written as one query, expressions
// would be put into each other and grow without end.
func delaySQL(pop catalogue.Population, c conditions, rows, condition string) string {
	text := func(column string) string { return "arrayMap(x -> toString(x), " + column + ")" }
	// A case that is still open lies, since its last event, where it was last seen.
	leg := func(column, open, name string) string {
		return fmt.Sprintf("arrayConcat(if(delay_late, %s, []), if(delay_waits, [%s], [])) AS %s", column, open, name)
	}
	from := fmt.Sprintf("%s FINAL\n    WHERE edition = {edition:String} AND %s%s", pop.Base, c.population, condition)
	for _, columns := range [][]string{
		{
			"NOT (" + c.success + ") AS delay_late",
			"(delay_late AND open AND (isNotNull(accepted_at) OR notEmpty(leg_ended_at))) AS delay_waits",
			// The instants at which the legs, and what comes after the last, began.
			`arrayPushFront(leg_ended_at, if(notEmpty(leg_ended_at), fromUnixTimestamp64Micro(toUnixTimestamp64Micro(leg_ended_at[1]) - toInt64(round(leg_hours[1] * 3.6e9)), 'UTC'),
            ifNull(accepted_at, toDateTime64(0, 6, 'UTC')))) AS delay_starts`,
		},
		{
			leg(text("leg_step"), quote(CauseOpen), "delay_steps"),
			leg(text("leg_place"), "toString(leg_place[-1])", "delay_places"),
			leg(text("leg_reason"), "''", "delay_reasons"),
			leg("leg_hours", "(toUnixTimestamp64Micro({as_of:DateTime64(6, 'UTC')}) - toUnixTimestamp64Micro(delay_starts[-1])) / 3.6e9", "delay_hours"),
		},
		{"arrayMap((s, h) -> h - delay_budget[concat(toString(product), '\\0', s)], delay_steps, delay_hours) AS delay_overs"},
		{"indexOf(delay_overs, arrayMax(delay_overs)) AS delay_at"},
		{
			fmt.Sprintf("multiIf(NOT delay_late, '', delay_at = 0, %s, delay_steps[delay_at]) AS delay_step", quote(CauseNoScans)),
			fmt.Sprintf("multiIf(NOT delay_late, '', delay_at > 0 AND delay_places[delay_at] != '', delay_places[delay_at], %s) AS delay_place", quote(UnknownPlace)),
			"delay_overs[delay_at] AS delay_over",
			"if(delay_at > 0, toDate(delay_starts[delay_at], 'Asia/Shanghai'), day) AS delay_began",
			`multiIf(NOT delay_late, 'in_time', isNull(done_at), if(open, 'open', 'ended'), done_at <= due_at + INTERVAL 1 DAY, '1',
        done_at <= due_at + INTERVAL 2 DAY, '2', done_at <= due_at + INTERVAL 3 DAY, '3', 'more') AS delay_lateness`,
			"if(isNull(accepted_at), 0, toDayOfWeek(assumeNotNull(accepted_at), 0, 'Asia/Shanghai')) AS delay_weekday",
			"if(isNull(accepted_at), 0, toHour(assumeNotNull(accepted_at), 'Asia/Shanghai')) AS delay_hour",
		},
		{"if(delay_at > 0 AND delay_reasons[delay_at] != '', delay_reasons[delay_at], delay_step) AS delay_cause"},
	} {
		from = fmt.Sprintf("(\n    SELECT %s, %s\n    FROM %s\n)", rows, strings.Join(columns, ",\n        "), from)
		rows = "*"
	}
	return from
}

// budgetParams are the days whose cases in time give the budgets of a period.
func budgetParams(q Question, p queries.Params) {
	p["budget_from"], p["budget_to"] = (q.From - budgetDays).String(), q.From.String()
}

// delayWhere is the condition of a cell of the delays.
func delayWhere(q Question, p queries.Params) string {
	var conditions []string
	for i, name := range slices.Sorted(maps.Keys(q.Delay)) {
		parameter := fmt.Sprintf("delay%d", i)
		p[parameter] = q.Delay[name]
		conditions = append(conditions, fmt.Sprintf("%s = {%s:String}", delayColumns[name], parameter))
	}
	return strings.Join(conditions, " AND ")
}

// checkDelay says whether a list can be narrowed to a cell of the delays.
func checkDelay(q Question, part Part) error {
	for _, name := range slices.Sorted(maps.Keys(q.Delay)) {
		switch {
		case delayColumns[name] == "":
			return &QuestionError{"delay", fmt.Sprintf("no %q; there are %s", name, strings.Join(DelayNames, ", "))}
		case q.Keys[0] != DelayKey:
			return &QuestionError{name, "belongs to " + DelayKey}
		case part != PartNumerator && part != PartMissed && part != PartDenominator:
			return &QuestionError{name, fmt.Sprintf("there is none in the part %q", part)}
		}
	}
	return nil
}

// funnel judges outlets against the rate of all of them.
func (d *Delays) funnel(outlets []Figure) error {
	var units []stats.Sample
	var observations []stats.Observation
	for _, f := range outlets {
		if f.Denominator == nil || *f.Denominator == 0 {
			continue
		}
		units = append(units, stats.Sample{X: int64(*f.Numerator), N: int64(*f.Denominator)})
		observations = append(observations, stats.Observation{At: int64(len(units)), Numerator: *f.Numerator, Denominator: *f.Denominator})
		d.Outlets = append(d.Outlets, DelayOutlet{Figure: f})
	}
	rate, ok := stats.GroupRate(units)
	if !ok {
		return nil
	}
	// The variation from outlet to outlet as a multiple of that of sampling: without
	// it most outlets of a large operator would lie outside.
	phi, ok := stats.SigmaZ(observations, false)
	if !ok {
		phi = 1
	}
	points, err := stats.Funnel(units, rate, phi, stats.BetterHigher)
	if err != nil {
		return err
	}
	d.Group, d.Phi = rate, phi
	for i, point := range points {
		d.Outlets[i].Funnel = point
		d.Outlets[i].Side = point.Outside
	}
	return nil
}

// Loss is what one cause at one place cost the period; ok is false if nothing.
func (d Delays) Loss(cause, place string) (loss DelayLoss, ok bool) {
	for _, pair := range d.Pairs {
		if pair.Name == cause && pair.Place == place && pair.Cases > 0 {
			return d.lossOf(pair, calendar.Period{From: d.Rate.From, To: d.Rate.To}, pair.Began), true
		}
	}
	return loss, false
}

// FunnelCurve are the limits of outlets of so many sizes from 1 to the largest, to
// draw the funnel; closer together where the limits bend.
func (d Delays) FunnelCurve(sizes int) (n []float64, limits []stats.FunnelLimits) {
	largest := 0.0
	for _, o := range d.Outlets {
		largest = max(largest, float64(o.Funnel.N))
	}
	for i := range sizes {
		share := float64(i+1) / float64(sizes)
		size := max(1, largest*share*share)
		if l, ok := stats.FunnelAt(d.Group, size, d.Phi); ok {
			n, limits = append(n, size), append(limits, l)
		}
	}
	return n, limits
}

// When finds the burst of an entry within the period: the days on which the step
// began that took too long for at least half of its cases, see burst.
func (d Delays) When(s DelayShare) (days calendar.Period, within int64, ok bool) {
	return d.burst(s, s.Began)
}

// DelayLoss is what one cause at one place cost.
type DelayLoss struct {
	Cause, Place string
	// Period whose on-time rate lost the points, by Cases of Of.
	Period    calendar.Period
	Cases, Of int64
	Points    float64
	// Burst says that the step began too late within a few days for most of the
	// cases: for Within of them in Days.
	Burst  bool
	Days   calendar.Period
	Within int64
}

// Worst is the cause and place that cost the period the most points. One with a
// named place goes before one without. ok is false if nothing was late.
func (d Delays) Worst() (worst DelayLoss, ok bool) {
	for _, named := range []bool{true, false} {
		for _, pair := range d.Pairs {
			if pair.Cases == 0 || named && pair.Place == UnknownPlace {
				continue
			}
			if loss := d.lossOf(pair, calendar.Period{From: d.Rate.From, To: d.Rate.To}, pair.Began); !ok || loss.Cases > worst.Cases {
				worst, ok = loss, true
			}
		}
		if ok {
			return worst, true
		}
	}
	return worst, false
}

// Earlier is the largest burst before the period, with what it cost the period
// of the same length in which it ended; one that began before the days compared is
// not told of. ok is false if there was none.
func (d Delays) Earlier(period calendar.Period) (worst DelayLoss, ok bool) {
	for _, pair := range d.Pairs {
		days, within, is := d.burst(pair.DelayShare, pair.BeganBefore)
		if !is || within < burstCases || within <= worst.Within || pair.Place == UnknownPlace {
			continue
		}
		p := period.Previous()
		for p.From >= days.To {
			p = p.Previous()
		}
		if p.From < d.Compared.From {
			continue
		}
		worst, ok = d.lossOf(pair, p, nil), true
		worst.Burst, worst.Days, worst.Within = true, days, within
	}
	return worst, ok
}

// Burst is the largest burst within the period, which a long one may hide among
// what goes on all the time. ok is false if there was none.
func (d Delays) Burst() (worst DelayLoss, ok bool) {
	for _, pair := range d.Pairs {
		if pair.Cases < burstCases || pair.Place == UnknownPlace {
			continue
		}
		loss := d.lossOf(pair, calendar.Period{From: d.Rate.From, To: d.Rate.To}, pair.Began)
		if loss.Burst && loss.Within >= burstCases && loss.Within > worst.Within {
			worst, ok = loss, true
		}
	}
	return worst, ok
}

// burstCases is the least number of cases that a burst is told of for.
const burstCases = 10

func (d Delays) lossOf(pair DelayPair, period calendar.Period, began map[calendar.Day]int64) DelayLoss {
	out := DelayLoss{Cause: pair.Name, Place: pair.Place, Period: period}
	for day := period.From; day < period.To; day++ {
		out.Cases += pair.ByDay[day]
		out.Of += d.Of[day]
	}
	if out.Of > 0 {
		out.Points = float64(out.Cases) / float64(out.Of) * 100
	}
	out.Days, out.Within, out.Burst = d.burst(pair.DelayShare, began)
	return out
}

// burst finds, among some of an entry's cases by the day they began on, the run of
// days that holds the most of them above twice the average of all days compared. It
// is a burst if it holds at least half of those cases, in at most a third of the
// days of the period, or a week if that is more.
func (d Delays) burst(s DelayShare, began map[calendar.Day]int64) (days calendar.Period, within int64, ok bool) {
	if len(began) == 0 {
		return days, 0, false
	}
	var all, compared int64
	for _, n := range began {
		all += n
	}
	for _, cases := range []map[calendar.Day]int64{s.Began, s.BeganBefore} {
		for _, n := range cases {
			compared += n
		}
	}
	twice := 2 * float64(compared) / float64(d.Compared.Len())
	sorted := slices.Sorted(maps.Keys(began))
	best, sum, from := 0.0, 0.0, sorted[0]
	for day := sorted[0]; day <= sorted[len(sorted)-1]; day++ {
		if sum <= 0 {
			sum, from = 0, day
		}
		if sum += float64(began[day]) - twice; sum > best {
			best, days = sum, calendar.Period{From: from, To: day + 1}
		}
	}
	for day := days.From; day < days.To; day++ {
		within += began[day]
	}
	return days, within, within > 0 && within*2 >= all && days.Len() <= max(7, int(d.Rate.To-d.Rate.From)/3)
}
