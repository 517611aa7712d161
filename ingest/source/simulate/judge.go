package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Reading is the ledger as of an instant, for one who has the messages sent
// before another.
type Reading struct {
	asOf, before int64
	views        [3][]*view
	byUnit       map[*unit]*view
	reporters    map[reporter]uint64
	size         int // units in the ledger then
}

// reporter tells by source and product which kinds of events are reported: what a
// source never reports did not fail.
type reporter struct {
	base    base
	source  int
	product string
}

// view is a unit as far as a reading sees it.
type view struct {
	*unit
	facts []fact // by time, then by their order in the source
	at    *Reading

	region, outlet, product, channel string
	duplicate                        bool
	received                         int64 // of a ticket: the earliest of its group

	c caseView
	t ticketView
}

// At reads the ledger as of an instant, for one who has every message sent before
// another ([Everything]). The error says that the ledger does not reach so far.
func (l *Ledger) At(asOf, before time.Time) (*Reading, error) {
	if asOf.UnixMicro() >= l.next.start() {
		return nil, fmt.Errorf("read the ledger as of %s: it reaches to %s", asOf.UTC().Format(time.RFC3339), l.next.Start().Format(time.RFC3339))
	}
	size := len(l.units[cases]) + len(l.units[tickets]) + len(l.units[surveys])
	if r := l.reading; r != nil && r.asOf == asOf.UnixMicro() && r.before == before.UnixMicro() && r.size == size {
		return r, nil
	}
	r := &Reading{asOf: asOf.UnixMicro(), before: before.UnixMicro(), byUnit: map[*unit]*view{}, reporters: map[reporter]uint64{}, size: size}
	for b := range l.units {
		for _, u := range l.units[b] {
			if v := r.view(u); v != nil {
				r.views[b] = append(r.views[b], v)
				r.byUnit[u] = v
			}
		}
	}
	// The earliest receipt of merged tickets counts for the one they were merged into.
	for _, v := range r.views[tickets] {
		for _, f := range v.facts {
			if f.kind == ticketReceived && f.original != nil {
				v.duplicate = true
				if o := r.byUnit[f.original]; o != nil && f.at < o.received {
					o.received = f.at
				}
			}
		}
	}
	for b := range r.views {
		for _, v := range r.views[b] {
			v.settle()
			if v.test {
				continue
			}
			key := reporter{v.base, v.source, v.product}
			for _, f := range v.facts {
				r.reporters[key] |= 1 << f.kind
			}
		}
	}
	l.reading = r
	return r, nil
}

// view collects what is seen of a unit, nil if nothing is.
func (r *Reading) view(u *unit) *view {
	var facts []fact
	for i := range u.facts {
		if f := &u.facts[i]; f.seen(r.before) && f.at <= r.asOf {
			facts = append(facts, *f)
		}
	}
	if len(facts) == 0 {
		return nil
	}
	slices.SortFunc(facts, func(a, b fact) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	v := &view{unit: u, facts: facts, at: r}
	if u.base == tickets {
		v.received = forever
		if f := v.first(ticketReceived); f != nil {
			v.received = f.at
		}
	}
	return v
}

// forever is later than everything.
const forever int64 = 1 << 62

func (v *view) first(k kind) *fact {
	for i := range v.facts {
		if v.facts[i].kind == k {
			return &v.facts[i]
		}
	}
	return nil
}

// settle finds the dimensions, then what happened.
func (v *view) settle() {
	for i := range v.facts {
		f := &v.facts[i]
		if f.place == nil {
			continue
		}
		if f.place.region != "" {
			v.region = f.place.region
		}
		if f.place.outlet != "" {
			v.outlet = f.place.outlet
		}
		if v.base == cases {
			v.product, v.channel = v.unit.product, v.unit.channel
		}
	}
	switch v.base {
	case cases:
		v.settleCase()
	case tickets:
		if v.first(ticketReceived) != nil {
			v.channel = v.unit.channel
			v.inherit(v.at.byUnit[v.about], false)
		}
		v.settleTicket()
	case surveys:
		if v.first(surveyInvited) != nil {
			v.channel = v.unit.channel
		}
		for i := range v.facts {
			// Only the first answer counts.
			if f := &v.facts[i]; f.kind == surveyAnswered {
				v.region, v.outlet = v.ownPlace(f)
				v.product = f.text
				break
			}
		}
		v.inherit(v.at.byUnit[v.about], true)
	}
	for _, dim := range [...]*string{&v.region, &v.outlet, &v.product, &v.channel} {
		if *dim == "" {
			*dim = nowhere
		}
	}
}

// nowhere is what a dimension is where nobody reports it.
const nowhere = "unknown"

// ownPlace is where a survey's invitation and its first answer say it belongs.
func (v *view) ownPlace(answer *fact) (region, outlet string) {
	for i := range v.facts {
		f := &v.facts[i]
		if f.place == nil || f.kind == surveyAnswered && f.seq != answer.seq {
			continue
		}
		if f.place.region != "" {
			region = f.place.region
		}
		if f.place.outlet != "" {
			outlet = f.place.outlet
		}
	}
	return region, outlet
}

// inherit takes from what the unit is about what it does not say itself. A
// ticket's channel is not its case's.
func (v *view) inherit(from *view, channel bool) {
	if from == nil {
		return
	}
	take := func(dim *string, value string) {
		if *dim == "" && value != nowhere {
			*dim = value
		}
	}
	take(&v.region, from.region)
	take(&v.outlet, from.outlet)
	take(&v.product, from.product)
	if channel {
		take(&v.channel, from.channel)
	}
}

// caseView is what is seen of a case.
type caseView struct {
	submitted, accepted, delivered, ended *fact
	acceptedFor                           *fact // the acceptance that promises
	attempted                             bool
	outcome                               word
	// off is the end in force, other than a delivery.
	off     *fact
	archive *fact // the last
}

func (v *view) settleCase() {
	c := &v.c
	// A delivery that was never received did not happen.
	from := 0
	for i := range v.facts {
		if v.facts[i].kind == caseReopened && v.facts[i].flag {
			from = i
		}
	}
	over := false
	for i := range v.facts {
		f := &v.facts[i]
		switch f.kind {
		case caseSubmitted:
			if c.submitted == nil {
				c.submitted = f
			}
		case caseAccepted:
			if c.accepted == nil {
				c.accepted = f
			}
			if c.acceptedFor == nil && (f.value != 0 || f.n != 0) {
				c.acceptedFor = f
			}
		case caseProgressed:
			c.attempted = c.attempted || f.n > 0
		case caseDelivered:
			c.attempted = true
			if i < from {
				continue
			}
			over = true
			if c.delivered == nil {
				c.delivered = f
				if c.ended == nil {
					c.ended, c.outcome = f, deliveredWord
				}
			}
		case caseEnded:
			comesBack := f.word == returnedWord || f.word == lostWord || f.word == damagedWord
			if c.off != nil || over && !comesBack {
				continue
			}
			c.off, over = f, true
			if c.ended == nil {
				c.ended, c.outcome = f, f.word
			}
		case caseReopened:
			c.off, over = nil, false
		case caseArchived:
			c.archive = f
		}
	}
}

// order says whether a comes before b in time, then in the source's order; what
// did not happen comes after everything.
func order(a, b *fact) bool {
	switch {
	case a == nil:
		return false
	case b == nil:
		return true
	case a.at != b.at:
		return a.at < b.at
	}
	return a.seq < b.seq
}

// promiseView is where a case stands with its promise.
type promiseView struct {
	verdict   verdict
	day       Day
	due, done int64
	// open says that it is still under way.
	open bool
}

// promise judges a case by the instant promised, or by its day.
func (v *view) promise(byDay bool) promiseView {
	c := &v.c
	done, off := c.delivered, c.off
	blind := done != nil && done.flag
	if order(off, done) {
		done, blind = nil, false
	}
	if c.acceptedFor == nil {
		if c.accepted == nil && c.delivered != nil {
			return promiseView{verdict: unknown, day: dayOf(c.delivered.at)}
		}
		return promiseView{}
	}
	stop := forever
	if done != nil {
		stop = done.at
	}
	if off != nil {
		stop = min(stop, off.at)
	}
	due, day, known, paused := v.deadline(byDay, stop)
	p := promiseView{day: day, due: due, open: done == nil && off == nil}
	if done != nil && !blind {
		p.done = done.at
	}
	switch {
	case v.test:
		p.verdict = excluded
	case off != nil && off.word.leaves() && !order(done, off) && (!known || off.at <= due):
		p.verdict = excluded
	case blind:
		p.verdict = unknown
	case !known || paused || due > v.at.asOf:
		p.verdict = waits
	case p.done != 0 && p.done <= due:
		p.verdict = kept
	default:
		p.verdict = missed
	}
	return p
}

// deadline finds the deadline of a case: as promised, moved by what the customer
// agreed to before it had passed, later by what the customs took of an inbound
// item. paused says that they still hold it.
func (v *view) deadline(byDay bool, stop int64) (due int64, day Day, known, paused bool) {
	c := &v.c
	p := c.acceptedFor
	end := func(at int64) int64 {
		if byDay {
			return dayOf(at).last()
		}
		return at
	}
	if p.n != 0 {
		day, known = addWorkdays(dayOf(c.accepted.at), int(p.n))
		return day.last(), day, known, false
	}
	due = p.value
	over := false
	var from int64 // of the customs' pause that is under way
	var extra int64
	for i := range v.facts {
		f := &v.facts[i]
		switch f.kind {
		case caseDelivered:
			over = over || f == c.delivered
		case caseEnded:
			over = over || f == c.off
		case casePromiseChanged:
			if f.flag && !over && f.at <= end(due+extra) {
				due = f.value
			}
		case casePaused:
			if f.flag && from == 0 && v.inbound && f.at <= stop && !over {
				from = f.at
			}
		case caseResumed:
			if f.flag && from != 0 && !over {
				if from <= end(due+extra) {
					extra += f.at - max(from, p.at)
				}
				from = 0
			}
		}
	}
	// A pause that nobody ended stops with the case, and is not taken off.
	paused = from != 0 && stop == forever && from <= end(due+extra)
	due = end(due + extra)
	return due, dayOf(due), true, paused
}

// conforms says whether the steps that were reported are those of the product's
// path, each once and in order. A review may send a case back to its acceptance.
func (v *view) conforms() bool {
	from := 0
	for i := range v.facts {
		if v.facts[i].kind == caseReopened && v.facts[i].flag {
			from = i
		}
	}
	var steps []kind
	for i := range v.facts {
		f := &v.facts[i]
		switch f.kind {
		case caseAccepted:
			if n := len(steps); n > 1 && steps[n-1] == caseReviewed && steps[n-2] == caseAccepted {
				steps = steps[:n-2]
			}
		case caseProgressed:
			if f.flag || len(steps) > 0 && steps[len(steps)-1] == caseProgressed {
				continue
			}
		case caseDelivered:
			if i < from {
				continue
			}
		case caseReviewed, caseApproved:
		default:
			continue
		}
		steps = append(steps, f.kind)
	}
	path := pathOf(v.product)
	steps = slices.DeleteFunc(steps, func(k kind) bool { return !slices.Contains(path, k) })
	return slices.Equal(steps, path)
}

// pathReported says whether the case's source reports every step of its product's
// path at all.
func (v *view) pathReported() bool {
	reported := v.at.reporters[reporter{v.base, v.source, v.product}]
	return !slices.ContainsFunc(pathOf(v.product), func(k kind) bool { return reported&(1<<k) == 0 })
}

// pathOf is the path of a product. Only services are reviewed and approved;
// letters are not tracked.
func pathOf(product string) []kind {
	switch product {
	case "letter":
		return []kind{caseAccepted, caseDelivered}
	case "financial":
		return []kind{caseAccepted, caseReviewed, caseApproved, caseProgressed, caseDelivered}
	}
	return []kind{caseAccepted, caseProgressed, caseDelivered}
}

// ticketView is what is seen of a ticket.
type ticketView struct {
	accepted, responded, investigated, replied *fact
	withdrawn                                  *fact // in force
	reopened                                   *fact // first
	closed                                     *fact
	due                                        int64 // that it carries
	escalated                                  bool
}

func (v *view) settleTicket() {
	t := &v.t
	keep := func(at **fact, f *fact) {
		if *at == nil {
			*at = f
		}
	}
	for i := range v.facts {
		f := &v.facts[i]
		switch f.kind {
		case ticketReceived, ticketAccepted:
			if f.kind == ticketAccepted {
				keep(&t.accepted, f)
			}
			if f.value != 0 && (t.due == 0 || f.at <= t.due) {
				t.due = f.value
			}
		case ticketResponded:
			keep(&t.responded, f)
		case ticketInvestigated:
			keep(&t.investigated, f)
		case ticketReplied:
			keep(&t.replied, f)
		case ticketEscalated:
			t.escalated = true
		case ticketWithdrawn:
			keep(&t.withdrawn, f)
		case ticketReopened:
			keep(&t.reopened, f)
			t.withdrawn = nil
		}
	}
	answer := t.responded
	if v.reportedKind() == "complaint" {
		answer = t.replied
	} else if v.reportedKind() == "" && order(t.replied, t.responded) {
		answer = t.replied
	}
	t.closed = answer
	if order(t.withdrawn, answer) {
		t.closed = t.withdrawn
	}
}

// reportedKind is the kind of a ticket, "" until its receipt is known.
func (v *view) reportedKind() string {
	if v.first(ticketReceived) == nil {
		return ""
	}
	return v.unit.kind
}

// judge is the verdict on a ticket's step, done or not, by a deadline.
func (v *view) judge(done *fact, due int64, known bool) verdict {
	off := v.t.withdrawn
	if order(off, done) {
		done = nil
	}
	switch {
	case v.test || v.duplicate:
		return excluded
	case off != nil && !order(done, off) && (!known || off.at <= due):
		return excluded
	case !known || due > v.at.asOf:
		return waits
	case done != nil && done.at <= due:
		return kept
	}
	return missed
}

// start is when the clocks of a complaint's later steps start: when it is
// accepted, and a day after its receipt at the latest.
func (v *view) start() int64 {
	start := v.received + 24*hour
	if a := v.t.accepted; a != nil && a.at < start {
		start = a.at
	}
	return start
}

// owners finds the owner who closed a ticket, and whether one handed it over to
// another who accepted.
func (v *view) owners() (closing string, handed bool) {
	closing = v.owner
	for i := range v.facts {
		f := &v.facts[i]
		if v.t.closed != nil && order(v.t.closed, f) {
			break
		}
		switch f.kind {
		case ticketAccepted, ticketResponded:
			if f.text != "" {
				closing = f.text
			}
		case ticketHandedOver:
			if f.flag {
				closing, handed = f.text, true
			}
		}
	}
	return closing, handed
}
