package simulate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Question asks the ledger for an indicator.
type Question struct {
	Key string
	// From and To are Beijing days, To excluded. What is counted at as_of does not
	// depend on them.
	From, To Day
	// Grain divides the period: "" leaves it whole, else day, month or quarter.
	Grain string
	// By names dimensions to split by, Where chooses values of some: region (the
	// first two digits), region4, region6, outlet, product, channel, kind.
	By    []string
	Where map[string]string
	AsOf  time.Time
	// Before leaves out what was sent later; zero for nothing.
	Before time.Time
}

// Figure is the truth about an indicator in a group of units.
type Figure struct {
	From, To Day // of the grain, within the period
	By       []string
	// Numerator and Denominator are sums in millionths, so that they are exact.
	// Percentiles have no numerator; what is counted has no denominator.
	Numerator, Denominator int64
	// N is the number of units in the denominator, or counted.
	N, Pending, Excluded, Unknown int64
	// Value is the figure: a rate, a mean, a percentile in hours, points, or per
	// 10 000; NaN if there is none.
	Value float64
}

// style is how a figure comes of its units.
type style uint8

const (
	ratio       style = iota // Σ numerator / Σ denominator
	counted                  // Σ numerator
	snapshot                 // Σ numerator of what is so at as_of, on whatever day
	median                   // percentiles of hours, by linear interpolation
	kaplanMeier              // percentiles of hours, by Kaplan and Meier
	perCase                  // complaints for each 10 000 cases
)

// entry is what one unit adds to a figure.
type entry struct {
	verdict verdict
	day     Day
	value   int64 // to the numerator, in millionths; 1 000 000 for a rate's success
	weight  int64 // to the denominator, in millionths
	hours   float64
	open    bool // hours is not the end of it
}

const one = 1_000_000

// rule counts an indicator.
type rule struct {
	base  base
	style style
	level float64 // of a percentile
	// needs are the steps that the unit's source must report for its product.
	needs []kind
	count func(v *view) entry
	// cases counts the denominator of a ratio of two counts.
	cases func(v *view) entry
}

func rate(v verdict, day Day) entry {
	e := entry{verdict: v, day: day, weight: one}
	if v == kept {
		e.value = one
	}
	return e
}

// wall is a rule for a ticket's step by a deadline in hours; working for one in
// working days.
func (v *view) by(done *fact, start int64, days int) entry {
	if days == 0 {
		due := start + 24*hour
		return rate(v.judge(done, due, true), dayOf(due))
	}
	day, known := addWorkdays(dayOf(start), days)
	return rate(v.judge(done, day.last(), known), day)
}

// closing is the entry of a unit in a figure that counts it when it ends.
func (v *view) when(f *fact, success bool) entry {
	switch {
	case f == nil:
		return entry{}
	case v.test || v.duplicate:
		return entry{verdict: excluded, day: dayOf(f.at)}
	case success:
		return rate(kept, dayOf(f.at))
	}
	return rate(missed, dayOf(f.at))
}

func promised(byDay bool) func(v *view) entry {
	return func(v *view) entry {
		p := v.promise(byDay)
		return rate(p.verdict, p.day)
	}
}

// delay is how long a case is overdue.
func delay(v *view) entry {
	p := v.promise(false)
	e := rate(p.verdict, p.day)
	switch {
	case p.verdict == kept:
		return entry{}
	case p.verdict != missed:
		return e
	case p.done != 0:
		e.hours = inHours(p.done - p.due)
	case p.open && p.due < v.at.asOf:
		e.hours = inHours(v.at.asOf - p.due)
	default:
		return entry{}
	}
	e.value = int64(math.RoundToEven(e.hours * one))
	return e
}

// duration is how long a case takes from its acceptance to its delivery. Those
// called off are no longer watched; the lost and returned stay undelivered.
func duration(v *view) entry {
	c := &v.c
	if c.accepted == nil {
		return entry{}
	}
	e := v.when(c.accepted, false)
	if e.verdict == excluded {
		return e
	}
	done, off := c.delivered, c.off
	if order(off, done) {
		done = nil
	}
	switch {
	case done != nil && (done.flag || done.at < c.accepted.at):
		return entry{verdict: unknown, day: e.day}
	case done != nil:
		e.hours = inHours(done.at - c.accepted.at)
	case off != nil && off.word.leaves():
		e.hours, e.open = inHours(off.at-c.accepted.at), true
	case off != nil:
		e.hours, e.open = math.Inf(1), true
	default:
		e.hours, e.open = inHours(v.at.asOf-c.accepted.at), true
	}
	return e
}

// waitingTime is how long a ticket waits for its first response or reply.
func waitingTime(v *view) entry {
	received := v.first(ticketReceived)
	if received == nil {
		return entry{}
	}
	if v.test || v.duplicate {
		return entry{verdict: excluded, day: dayOf(v.received)}
	}
	e := rate(missed, dayOf(v.received))
	answer, off := v.t.responded, v.t.withdrawn
	if order(v.t.replied, answer) {
		answer = v.t.replied
	}
	switch {
	case order(off, answer):
		e.hours, e.open = inHours(off.at-v.received), true
	case answer == nil:
		e.hours, e.open = inHours(v.at.asOf-v.received), true
	case answer.at < v.received:
		return entry{verdict: unknown, day: e.day}
	default:
		e.hours = inHours(answer.at - v.received)
	}
	return e
}

func inHours(span int64) float64 { return float64(span) / float64(hour) }

// score is the first answer of a survey with an instrument.
func score(instrument string, valid func(f *fact) bool, value func(f *fact) float64) func(v *view) entry {
	return func(v *view) entry {
		f := v.first(surveyAnswered)
		if f == nil || v.unit.kind != instrument || !f.flag || !valid(f) {
			return entry{}
		}
		if v.test {
			return entry{verdict: excluded, day: dayOf(f.at)}
		}
		e := entry{verdict: missed, day: dayOf(f.at), weight: f.value}
		if v := value(f); v != 0 {
			e.verdict, e.value = kept, int64(math.Round(float64(f.value)*v))
		}
		return e
	}
}

func anyScale(*fact) bool { return true }

func complaintOnly(count func(v *view) entry) func(v *view) entry {
	return func(v *view) entry {
		if v.reportedKind() != "complaint" {
			return entry{}
		}
		return count(v)
	}
}

func receivedOn(v *view) entry {
	if v.first(ticketReceived) == nil {
		return entry{}
	}
	return v.when(&fact{at: v.received}, true)
}

var (
	whenDelivered = []kind{caseDelivered}
	rules         = map[string]rule{
		"on_time_delivery_rate":        {base: cases, needs: whenDelivered, count: promised(false)},
		"on_time_delivery_rate_by_day": {base: cases, needs: whenDelivered, count: promised(true)},
		"overdue_open_cases": {base: cases, style: snapshot, needs: whenDelivered, count: func(v *view) entry {
			p := v.promise(false)
			switch {
			case p.verdict == missed && p.open && p.due < v.at.asOf:
				return rate(kept, p.day)
			case p.verdict == kept || p.verdict == missed:
				// Not overdue: that there are none is known.
				return rate(waits, p.day)
			}
			return rate(p.verdict, p.day)
		}},
		"delivery_delay_hours_p50":    {base: cases, style: median, level: 0.5, needs: whenDelivered, count: delay},
		"delivery_delay_hours_p90":    {base: cases, style: median, level: 0.9, needs: whenDelivered, count: delay},
		"delivery_delay_hours_mean":   {base: cases, needs: whenDelivered, count: delay},
		"delivery_duration_hours_p50": {base: cases, style: kaplanMeier, level: 0.5, needs: whenDelivered, count: duration},
		"delivery_duration_hours_p90": {base: cases, style: kaplanMeier, level: 0.9, needs: whenDelivered, count: duration},
		"first_attempt_delivery_rate": {base: cases, needs: whenDelivered, count: func(v *view) entry {
			if !v.c.attempted {
				return entry{}
			}
			return v.when(v.c.ended, v.c.delivered != nil && v.c.delivered.n == 1)
		}},
		"process_conformance_rate": {base: cases, count: func(v *view) entry {
			if !v.pathReported() {
				return entry{}
			}
			return v.when(v.c.ended, v.conforms())
		}},
		"loss_rate":   {base: cases, count: func(v *view) entry { return v.when(v.c.ended, v.c.outcome == lostWord) }},
		"case_volume": {base: cases, style: counted, count: func(v *view) entry { return v.when(v.c.accepted, true) }},
		"case_acceptance_on_time_rate": {base: cases, needs: []kind{caseAccepted}, count: func(v *view) entry {
			c := &v.c
			if c.submitted == nil {
				return entry{}
			}
			day, known := addWorkdays(dayOf(c.submitted.at), 1)
			return rate(v.step(c.accepted, day.last(), known, false), day)
		}},
		"archive_completeness_rate": {base: cases, needs: []kind{caseArchived}, count: func(v *view) entry {
			c := &v.c
			if c.ended == nil {
				return entry{}
			}
			day, known := addWorkdays(dayOf(c.ended.at), 1)
			blind := c.ended.kind == caseDelivered && c.ended.flag
			e := rate(v.step(nil, day.last(), known, blind), day)
			if e.verdict == missed && c.archive != nil && c.archive.flag {
				e = rate(kept, day)
			}
			return e
		}},

		"enquiry_answer_24h_rate": {base: tickets, needs: []kind{ticketResponded}, count: func(v *view) entry {
			if v.reportedKind() != "enquiry" {
				return entry{}
			}
			return v.by(v.t.responded, v.received, 0)
		}},
		"feedback_response_3wd_rate": {base: tickets, needs: []kind{ticketResponded}, count: func(v *view) entry {
			switch v.reportedKind() {
			case "feedback", "suggestion", "review":
				return v.by(v.t.responded, v.received, 3)
			}
			return entry{}
		}},
		"complaint_accept_24h_rate": {base: tickets, needs: []kind{ticketAccepted}, count: complaintOnly(func(v *view) entry {
			return v.by(v.t.accepted, v.received, 0)
		})},
		"complaint_investigation_7wd_rate": {base: tickets, needs: []kind{ticketInvestigated}, count: complaintOnly(func(v *view) entry {
			return v.by(v.t.investigated, v.start(), 7)
		})},
		"complaint_feedback_15wd_rate": {base: tickets, needs: []kind{ticketReplied}, count: complaintOnly(func(v *view) entry {
			return v.by(v.t.replied, v.start(), 15)
		})},
		"ticket_on_time_rate": {base: tickets, needs: []kind{ticketReplied}, count: func(v *view) entry {
			if v.t.due == 0 {
				return entry{}
			}
			return rate(v.judge(v.t.replied, v.t.due, true), dayOf(v.t.due))
		}},
		"response_hours_p50": {base: tickets, style: kaplanMeier, level: 0.5, count: waitingTime},
		"response_hours_p90": {base: tickets, style: kaplanMeier, level: 0.9, count: waitingTime},
		"first_contact_responsibility_rate": {base: tickets, count: func(v *view) entry {
			closing, handed := v.owners()
			e := v.when(v.t.closed, handed || closing == v.owner)
			if (e.verdict == kept || e.verdict == missed) && v.first(ticketReceived) == nil {
				e = entry{verdict: unknown, day: e.day}
			}
			return e
		}},
		"complaint_escalation_rate": {base: tickets, count: complaintOnly(func(v *view) entry {
			e := receivedOn(v)
			if e.verdict == kept && !v.t.escalated {
				e = rate(missed, e.day)
			}
			return e
		})},
		"complaint_reopen_rate": {base: tickets, needs: []kind{ticketReplied}, count: complaintOnly(func(v *view) entry {
			t := &v.t
			if t.closed == nil {
				return entry{}
			}
			until := t.closed.at + 30*daySpan
			e := v.when(t.closed, t.reopened != nil && t.reopened.at <= until)
			if e.verdict != excluded && until > v.at.asOf {
				e = rate(waits, e.day)
			}
			return e
		})},
		"complaint_volume": {base: tickets, style: counted, count: complaintOnly(receivedOn)},
		"complaint_rate_p10k": {base: tickets, style: perCase, count: complaintOnly(receivedOn), cases: func(v *view) entry {
			return v.when(v.c.accepted, true)
		}},

		"satisfaction_score_100": {base: surveys, needs: []kind{surveyAnswered}, count: score("csat", anyScale, func(f *fact) float64 {
			return 100 * float64(f.n-f.low) / float64(f.top-f.low)
		})},
		"satisfaction_top2_rate": {base: surveys, needs: []kind{surveyAnswered}, count: score("csat", func(f *fact) bool { return f.low == 1 && f.top == 5 }, func(f *fact) float64 {
			if f.n >= 4 {
				return 1
			}
			return 0
		})},
		"nps": {base: surveys, needs: []kind{surveyAnswered}, count: score("nps", func(f *fact) bool { return f.low == 0 && f.top == 10 }, func(f *fact) float64 {
			switch {
			case f.n >= 9:
				return 100
			case f.n <= 6:
				return -100
			}
			return 0
		})},
		"survey_response_rate": {base: surveys, needs: []kind{surveyAnswered}, count: func(v *view) entry {
			invited, answered := v.first(surveyInvited), v.first(surveyAnswered)
			if invited == nil {
				return entry{}
			}
			until := invited.at + 14*daySpan
			e := v.when(invited, answered != nil && answered.at <= until)
			if e.verdict != excluded && until > v.at.asOf {
				e = rate(waits, e.day)
			}
			return e
		}},
	}
)

// step is the verdict on a case's step by a deadline of working days.
func (v *view) step(done *fact, due int64, known, blind bool) verdict {
	off := v.c.off
	if order(off, done) {
		done = nil
	}
	switch {
	case v.test:
		return excluded
	case off != nil && off.word.leaves() && !order(done, off) && (!known || off.at <= due):
		return excluded
	case blind:
		return unknown
	case !known || due > v.at.asOf:
		return waits
	case done != nil && done.at <= due:
		return kept
	}
	return missed
}

// Keys lists the indicators that the ledger counts.
func Keys() []string { return slices.Sorted(maps.Keys(rules)) }

// Figure answers a question without By and Grain.
func (l *Ledger) Figure(q Question) (Figure, error) {
	q.By, q.Grain = nil, ""
	list, err := l.Figures(q)
	if err != nil {
		return Figure{}, err
	}
	if len(list) == 0 {
		return Figure{From: q.From, To: q.To, Value: math.NaN()}, nil
	}
	return list[0], nil
}

// Figures answers a question: a figure for each group and period that has units,
// in their order.
func (l *Ledger) Figures(q Question) ([]Figure, error) {
	ru, r, err := l.ask(&q)
	if err != nil {
		return nil, err
	}
	groups := map[string]*group{}
	r.collect(&q, ru, false, groups)
	if ru.cases != nil {
		r.collect(&q, ru, true, groups)
	}
	var list []Figure
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, groups[key].figure(ru))
	}
	return list, nil
}

// ask finds the rule and the reading that answer a question.
func (l *Ledger) ask(q *Question) (*rule, *Reading, error) {
	ru, ok := rules[q.Key]
	if !ok {
		return nil, nil, fmt.Errorf("ask the ledger: no indicator %q", q.Key)
	}
	for _, d := range append(slices.Collect(maps.Keys(q.Where)), q.By...) {
		if _, ok := (&view{unit: &unit{}}).dim(d); !ok {
			return nil, nil, fmt.Errorf("ask the ledger for %s: no dimension %q", q.Key, d)
		}
	}
	before := q.Before
	if before.IsZero() {
		before = Everything
	}
	r, err := l.At(q.AsOf, before)
	return &ru, r, err
}

// group is a figure while it is summed.
type group struct {
	Figure
	hours []entry
	cases int64
}

// each calls back for every unit that a question asks for, with what it is to
// the figure. In the denominator of a ratio of two counts nobody needs to report
// the steps of the numerator.
func (r *Reading) each(q *Question, ru *rule, denominator bool, back func(v *view, e entry)) {
	b, count := ru.base, ru.count
	if denominator {
		b, count = cases, ru.cases
	}
units:
	for _, v := range r.views[b] {
		e := count(v)
		if e.verdict == outside || ru.style != snapshot && (e.day < q.From || e.day >= q.To) {
			continue
		}
		for d, want := range q.Where {
			if have, _ := v.dim(d); have != want {
				continue units
			}
		}
		if !denominator {
			for _, k := range ru.needs {
				if r.reporters[reporter{v.base, v.source, v.product}]&(1<<k) == 0 {
					continue units
				}
			}
		}
		back(v, e)
	}
}

func (r *Reading) collect(q *Question, ru *rule, denominator bool, groups map[string]*group) {
	r.each(q, ru, denominator, func(v *view, e entry) {
		from, to := q.From, q.To
		if ru.style != snapshot {
			from, to = q.period(e.day)
		}
		key := fmt.Sprintf("%08d", from)
		var by []string
		for _, d := range q.By {
			value, _ := v.dim(d)
			by = append(by, value)
			key += "\x00" + value
		}
		g := groups[key]
		if g == nil {
			g = &group{Figure: Figure{From: from, To: to, By: by}}
			groups[key] = g
		}
		if denominator {
			if e.verdict == kept {
				g.cases++
			}
			return
		}
		switch e.verdict {
		case kept, missed:
			g.Numerator += e.value
			g.Denominator += e.weight
			g.N++
			if ru.style == median || ru.style == kaplanMeier {
				g.hours = append(g.hours, e)
			}
		case waits:
			g.Pending++
		case excluded:
			g.Excluded++
		case unknown:
			g.Unknown++
		}
	})
}

// Row is a unit behind a figure.
type Row struct {
	Subject string
	Day     Day
	// Verdict is kept, missed, pending, excluded or unknown. In a mean, a percentile
	// and a count both of the former count.
	Verdict string
}

// Rows lists the units behind an indicator, in the order in which they were
// drawn; Grain and By are not used. Of a ratio of two counts they are those of
// the numerator.
func (l *Ledger) Rows(q Question) ([]Row, error) {
	ru, r, err := l.ask(&q)
	if err != nil {
		return nil, err
	}
	var list []Row
	r.each(&q, ru, false, func(v *view, e entry) {
		if ru.style == snapshot && e.verdict != kept {
			return
		}
		list = append(list, Row{v.id, e.day, e.verdict.String()})
	})
	return list, nil
}

// period is the part of the grain that holds a day, within the question's.
func (q *Question) period(d Day) (from, to Day) {
	t := d.date()
	switch q.Grain {
	case "":
		return q.From, q.To
	case "month":
		from, to = NewDay(t.Year(), t.Month(), 1), NewDay(t.Year(), t.Month()+1, 1)
	case "quarter":
		first := (t.Month()-1)/3*3 + 1
		from, to = NewDay(t.Year(), first, 1), NewDay(t.Year(), first+3, 1)
	default:
		from, to = d, d+1
	}
	return max(from, q.From), min(to, q.To)
}

// dim is the value of a dimension of a unit.
func (v *view) dim(name string) (value string, ok bool) {
	switch name {
	case "region":
		return v.level(2), true
	case "region4":
		return v.level(4), true
	case "region6":
		return v.region, true
	case "outlet":
		return v.outlet, true
	case "product":
		return v.product, true
	case "channel":
		return v.channel, true
	case "kind":
		if v.base == tickets {
			return cmp.Or(v.reportedKind(), nowhere), true
		}
		return cmp.Or(v.unit.kind, nowhere), true
	}
	return "", false
}

func (v *view) level(digits int) string {
	if _, err := strconv.Atoi(v.region); err != nil || len(v.region) < digits {
		return v.region
	}
	return v.region[:digits]
}

func (g *group) figure(ru *rule) Figure {
	f := g.Figure
	f.Value = math.NaN()
	switch ru.style {
	case ratio:
		if f.Denominator > 0 {
			f.Value = float64(f.Numerator) / float64(f.Denominator)
		}
	case snapshot:
		f.Denominator, f.Pending, f.Excluded, f.Unknown = 0, 0, 0, 0
		f.Value = float64(f.Numerator) / one
	case counted:
		f.Denominator = 0
		f.Value = float64(f.Numerator) / one
	case perCase:
		f.Denominator, f.N = g.cases*one, g.cases
		if g.cases > 0 {
			f.Value = float64(f.Numerator) / one / float64(g.cases) * 10_000
		}
	case median:
		f.Numerator = 0
		f.Value = quantile(g.hours, ru.level)
	case kaplanMeier:
		f.Numerator = 0
		f.Value = survival(g.hours, ru.level)
	}
	return f
}

// quantile interpolates between the order statistics (type 7 of Hyndman and Fan).
func quantile(list []entry, level float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	x := make([]float64, len(list))
	for i, e := range list {
		x[i] = e.hours
	}
	slices.Sort(x)
	at := level * float64(len(x)-1)
	i := int(at)
	if i+1 == len(x) {
		return x[i]
	}
	return x[i] + (at-float64(i))*(x[i+1]-x[i])
}

// survival is the shortest time by which a share of level is done, after Kaplan
// and Meier; NaN if it is not reached. What is done and what is given up at one
// instant: the done comes first.
func survival(list []entry, level float64) float64 {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.hours, b.hours), cmp.Compare(boolInt(a.open), boolInt(b.open)))
	})
	left := 1.0
	for i := 0; i < len(list); {
		at, done := i, 0
		for i < len(list) && list[i].hours == list[at].hours {
			if !list[i].open {
				done++
			}
			i++
		}
		if done == 0 {
			continue
		}
		risk := float64(len(list) - at)
		left *= (risk - float64(done)) / risk
		if left <= 1-level+1e-12 {
			return list[at].hours
		}
	}
	return math.NaN()
}
