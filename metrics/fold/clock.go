package fold

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"youzhi/metrics/calendar"
	"youzhi/metrics/policy"
)

// timeline is what clocks read of a unit.
type timeline struct {
	policy   *policy.Policy
	calendar *calendar.Calendar
	// step returns when a step of the policy's vocabulary happened and counts, unset if it did not.
	step func(word string) moment
	// unsure says that the instant of a step is only when it was recorded.
	unsure func(word string) bool
	// dim returns a value that conditions of the policy ask for.
	dim func(name string) string
	// end is the end in force, by its word; unset while the unit goes on.
	end     moment
	endWord string
	// promises are in their order; deliveredUnasked is the delivery of a case that nobody accepted or promised.
	promises         []promise
	deliveredUnasked moment
	// dueAt is the instant that the unit carries as its deadline, zero if none.
	dueAt  time.Time
	pauses []pause
	flag   func(name string)
}

// promise is one word about when a case will be delivered.
type promise struct {
	moment
	// instant is promised, or days working days from the acceptance.
	instant time.Time
	days    int
	// reason is that of the change, "" for the promise of the acceptance.
	reason string
	// idle says that the case had ended, so that there was nothing left to promise.
	idle bool
}

// pause is a span in which others have to act.
type pause struct {
	reason   string
	from, to time.Time // to is zero while the pause is open
	resumed  bool      // its end was reported
}

func (p pause) open() bool { return p.to.IsZero() }

// limit is a deadline.
type limit struct {
	due          time.Time
	day          calendar.Day
	undetermined bool
	// paused says that an open pause holds the clock; due is without it.
	paused bool
	// held says that a pause that counts was going on at the instant asked about.
	held bool
}

// passed says whether the deadline lies before an instant.
func (l limit) passed(at time.Time) bool { return !l.undetermined && at.After(l.due) }

// anchor returns the window of a clock, ok=false where the unit has no such deadline.
func (t *timeline) anchor(c *policy.Clock) (a Anchor, ok bool) {
	if !c.When.Meets(t.dim) {
		return Anchor{}, false
	}
	done, end := t.step(c.Done), moment{}
	unsure := done.set() && t.unsure(c.Done)
	effect, ends := c.Ends[t.endWord]
	if ends {
		end = t.end
	}
	// What ended before it was done stays undone: a delivery reported after a cancellation or a loss does not undo it,
	// only a reopening does. Source: indicator catalogue section 0, excluded; B4 rules 5 and 7.
	if end.before(done) {
		done, unsure = moment{}, false
	}
	stop := done
	if end.before(stop) {
		stop = end
	}
	pauses := t.pausesOf(c, stop.at)

	at, known, exists := t.deadline(c, pauses)
	switch {
	case !exists && c.Length.Instant == policy.InstantPromise && t.deliveredUnasked.set():
		// Delivered, but nobody knows what was promised. Source: indicator catalogue B4 rule 3.
		return Anchor{Name: c.Name, Day: calendar.DayOf(t.deliveredUnasked.at), Unknown: true}, true
	case !exists:
		return Anchor{}, false
	}
	a = Anchor{
		Name: c.Name, Day: at.day, Due: at.due, Done: done.at, Undetermined: at.undetermined,
		Open: !stop.set(), Paused: at.paused, Unknown: unsure || !known,
	}
	if a.Unknown {
		a.Done = time.Time{}
	}
	// An end at the deadline itself still leaves the denominator. Source: indicator catalogue section 0, excluded.
	if end.set() && !done.before(end) && effect == policy.Excluded && !at.passed(end.at) {
		a.Excluded = t.endWord
	}
	return a, true
}

// deadline returns when a clock ends. known is false if its start is only when something was recorded; exists is false
// if the unit has no such deadline.
func (t *timeline) deadline(c *policy.Clock, pauses []pause) (l limit, known, exists bool) {
	switch c.Length.Instant {
	case policy.InstantPromise:
		l, exists = t.promised(c, pauses)
		return l, true, exists
	case policy.InstantDueAt:
		if t.dueAt.IsZero() {
			return limit{}, true, false
		}
		return t.wall(c, t.dueAt, t.start(c.Start).at, pauses, time.Time{}), true, true
	}
	start := t.start(c.Start)
	if !start.set() {
		return limit{}, true, false
	}
	known = !t.unsure(c.Start)
	if c.Length.Hours > 0 {
		due := start.at.Add(time.Duration(c.Length.Hours) * time.Hour)
		return t.wall(c, due, start.at, pauses, time.Time{}), known, true
	}
	return t.workdays(c, start.at, c.Length.WorkingDays, pauses, time.Time{}), known, true
}

// start returns when a clock starts.
func (t *timeline) start(word string) moment {
	if word != policy.StartConstructive {
		return t.step(word)
	}
	// Not accepting a ticket must not stop the clocks that run from its acceptance. Source: indicator catalogue C6.
	accepted, received := t.step("accepted"), t.step("received")
	if !received.set() {
		return accepted
	}
	latest := moment{received.at.Add(t.policy.ConstructiveAcceptance()), received.pos}
	if accepted.set() && accepted.at.Before(latest.at) {
		return accepted
	}
	return latest
}

// promised follows the promise through its changes. The first acceptance that promises anything sets it, and only a
// change for a reason of the policy moves it: a second acceptance must not cure lateness. A change after the deadline
// cures nothing either, unless a pause holds the clock then. Source: indicator catalogue B4 rule 8.
func (t *timeline) promised(c *policy.Clock, pauses []pause) (l limit, exists bool) {
	var current promise
	limitOf := func(asked time.Time) limit {
		if current.instant.IsZero() {
			start := t.start(c.Start)
			if !start.set() {
				start = current.moment
			}
			return t.workdays(c, start.at, current.days, pauses, asked)
		}
		// The promise was made in knowledge of what had already been paused by then.
		return t.wall(c, current.instant, current.at, pauses, asked)
	}
	for _, p := range t.promises {
		switch {
		case p.reason == "" && !current.set():
			current = p
		case p.reason == "", p.idle, !slices.Contains(c.MovedBy, p.reason):
		case !current.set():
			// Agreed before anything was promised: there is nothing yet that it could cure.
			current = p
		default:
			if l := limitOf(p.at); l.passed(p.at) && !l.held {
				t.flag(FlagPromiseLateChange)
				continue
			}
			current = p
		}
	}
	if !current.set() {
		return limit{}, false
	}
	return limitOf(time.Time{}), true
}

// wall returns the deadline of a clock that runs on the wall: due, later by the paused time after since. If asked is
// given, it is the deadline as it stood then, and what came later is not known.
// Source: indicator catalogue C5 and C7.
func (t *timeline) wall(c *policy.Clock, due, since time.Time, pauses []pause, asked time.Time) limit {
	end := func() time.Time {
		if c.Length.WholeDay {
			return calendar.LastInstant(calendar.DayOf(due))
		}
		return due
	}
	var l limit
	for _, p := range pauses {
		p, going, ok := p.seen(asked)
		if !ok || p.from.After(end()) {
			break
		}
		l.held = l.held || going
		if p.open() {
			l.paused = true
			break
		}
		if since.After(p.from) {
			p.from = since
		}
		if p.to.After(p.from) {
			due = due.Add(p.to.Sub(p.from))
		}
	}
	l.due = end()
	l.day = calendar.DayOf(l.due)
	return l
}

// workdays returns the deadline at the end of the n-th working day after the date of start. n grows by the working days
// d with pause date < d <= resume date. Source: indicator catalogue C4 and C7.
func (t *timeline) workdays(c *policy.Clock, start time.Time, n int, pauses []pause, asked time.Time) limit {
	from := calendar.DayOf(start)
	undetermined := func(day calendar.Day) limit { return limit{day: day, undetermined: true} }
	day, determined := t.calendar.AddWorkdays(from, n)
	if !determined {
		return undetermined(day)
	}
	end := func() time.Time { return day.At(c.Length.CutoffSpan()).Add(-time.Microsecond) }
	var l limit
	for _, p := range pauses {
		p, going, ok := p.seen(asked)
		if !ok || p.from.After(end()) {
			break
		}
		l.held = l.held || going
		if p.open() {
			l.paused = true
			break
		}
		first, last := max(from, calendar.DayOf(p.from)), calendar.DayOf(p.to)
		if last <= first {
			continue
		}
		paused, err := t.calendar.WorkdaysBetween(first, last)
		if missing := (*calendar.NotCoveredError)(nil); errors.As(err, &missing) {
			return undetermined(missing.Day)
		}
		n += paused
		if day, determined = t.calendar.AddWorkdays(from, n); !determined {
			return undetermined(day)
		}
	}
	l.due, l.day = end(), day
	return l
}

// seen cuts a pause to what had happened of it at an instant: going says that it went on then, ok is false if it had not
// begun. A zero instant sees all.
func (p pause) seen(asked time.Time) (seen pause, going, ok bool) {
	if asked.IsZero() {
		return p, p.open(), true
	}
	if p.from.After(asked) {
		return p, false, false
	}
	if p.open() || p.to.After(asked) {
		p.to = asked
		return p, true, true
	}
	return p, false, true
}

// pausesOf returns the pauses that hold a clock, as spans that do not overlap, in order. stop is when the clock stopped,
// zero if it has not; what was paused after it does not count.
func (t *timeline) pausesOf(c *policy.Clock, stop time.Time) []pause {
	var spans []pause
	for _, p := range t.pauses {
		if !t.holds(c, p) || !stop.IsZero() && p.from.After(stop) {
			continue
		}
		if !stop.IsZero() && (p.open() || p.to.After(stop)) {
			p.to = stop
		}
		spans = append(spans, p)
	}
	slices.SortFunc(spans, func(a, b pause) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	// Overlapping pauses count once. Source: indicator catalogue B4 rule 8.
	var union []pause
	for _, p := range spans {
		last := len(union) - 1
		switch {
		case last < 0 || !union[last].open() && p.from.After(union[last].to):
			union = append(union, p)
		case union[last].open():
		case p.open() || p.to.After(union[last].to):
			union[last].to = p.to
		}
	}
	return union
}

// holds says whether a pause is one that the policy takes off the clock.
func (t *timeline) holds(c *policy.Clock, p pause) bool {
	return slices.ContainsFunc(c.Pauses, func(rule policy.Pause) bool {
		return rule.Reason == p.reason && rule.When.Meets(t.dim) && (!rule.NeedsResume || p.resumed || p.open())
	})
}
