package simulate

import (
	"bytes"
	"fmt"
	"strconv"

	"youzhi/ingest/event"
)

// class is what becomes of a case, as drawn before anything is made.
type class int

const (
	plain           class = iota // delivered, in time or late
	edge                         // delivered at the deadline, a second before or a second after it
	stuck                        // never delivered, or weeks late
	lost                         // as the next two: ended without a delivery
	returned                     //
	damaged                      //
	cancelled                    // by the operator, before, at or after the deadline
	withdrawn                    // by the customer, likewise
	revived                      // cancelled in time, reopened and delivered
	delivered2ended              // cancelled, and yet a delivery is reported
	cameBack                     // delivered, then returned or found damaged
	notReceived                  // reopened because it was never received
	complainedOf                 // reopened for another reason
	twice                        // delivered twice
	timeless                     // delivered, but when is unknown
	unaccepted                   // delivered, but its acceptance is missing
	moved                        // another promise is agreed, before, at or after the deadline
	held                         // inbound: paused by the customs
	waiting                      // paused for the customer, which moves nothing
	wrongTime                    // delivered, first reported at a wrong instant
	wrongTwice                   // two corrections of one delivery
	correctedFix                 // a correction that is corrected itself
	voidedFix                    // a correction that is taken back
	wrongPlace                   // accepted, first reported elsewhere
	wrongPromise                 // accepted, first reported with another promise
	phantom                      // a delivery that never was, taken back
	voidedCase                   // every event is taken back
	conflicting                  // two deliveries with one id
	classes
)

// classWeights are the weights of the classes; what is left of 1 is plain.
func (op *Operator) classWeights() []float64 {
	s := &op.shares
	w := make([]float64, classes)
	for c, weight := range map[class]float64{
		edge: 0.012, stuck: 0.0015, lost: 0.0013, returned: 0.006, damaged: 0.0008,
		cancelled: 0.004, withdrawn: 0.004, revived: 0.0006, delivered2ended: 0.0006,
		cameBack: 0.002, notReceived: 0.0015, complainedOf: 0.0015, twice: 0.0008,
		timeless: 0.004, unaccepted: 0.0015, moved: 0.01, held: 0, waiting: 0.004,
		wrongTime: s.Corrected * 0.45, wrongTwice: s.Corrected * 0.1, correctedFix: s.Corrected * 0.1,
		voidedFix: s.Corrected * 0.05, wrongPlace: s.Corrected * 0.15, wrongPromise: s.Corrected * 0.15,
		phantom: s.Voided * 0.5, voidedCase: s.Voided * 0.5, conflicting: s.Conflicting,
	} {
		w[c] = weight
		w[plain] -= weight
	}
	w[plain]++
	return w
}

// life is a case while it is made.
type life struct {
	s       *subject
	o       *outlet
	product int
	channel string
	// direction of inbound items decides on pauses.
	direction              string
	destProvince, destCity int
	submitted, accepted    int64
	// promised is the instant promised, or days the working days; due is the last
	// instant in time, and open says that the calendar does not reach it.
	promised  int64
	days      int
	due       int64
	open      bool
	hasDue    bool
	owner     string
	customer  string
	tier      string
	need      string
	failed    bool // the first attempt at delivery
	cause     int
	reason    string
	breakdown bool
	scanned   int64 // last scan
	// What came of it, for those who ask afterwards.
	end  int64
	word word
	late bool
	n    int
}

// causes of delay, in the order of the way: where an item lies too long.
const (
	atOrigin  = iota // sorting centre of the sender's province
	atTransit        // the hub that mail between the north and the south passes
	onTheWay
	atDestination // sorting centre of the addressee's province
	atOffice      // before it is taken out
	lastMile      // after that
)

var (
	causeReasons = [...]string{"sorting_backlog", "sorting_backlog", "transport_delay", "sorting_backlog", "courier_short", "recipient_absent"}
	causeWeights = []float64{0.15, 0, 0.2, 0.2, 0.2, 0.25}
)

// casesOf makes the cases that begin at an outlet on a day.
func (m *maker) casesOf(o *outlet, d Day) {
	if o.opened > d {
		return
	}
	m.dice = newDice(m.o.o.Seed, forCases, d, o.index)
	var weights [6]float64
	total := 0.0
	for p := range weights {
		weights[p] = productShare[p] * season(m.o.seasonal(p), d)
		total += weights[p]
	}
	for n := range m.poisson(m.o.o.Scale * casesPerDay * o.weight * total) {
		m.aCase(o, d, n, m.pick(weights[:]))
	}
}

// seasonal is the product whose seasons another has: its own, but when it is
// quiet, for then the mix must not change.
func (op *Operator) seasonal(product int) int {
	if op.o.Quiet {
		return letter
	}
	return product
}

// casesPerDay is the volume of an ordinary day at scale 1.
const casesPerDay = 690

func (m *maker) aCase(o *outlet, d Day, n, product int) {
	l := &life{o: o, product: product, direction: "domestic", destProvince: o.province, destCity: o.city, n: n}
	kind := class(m.pick(m.o.weights))
	m.describe(l, d)
	if l.direction == "inbound" && kind == plain && m.chance(0.5) {
		kind = held
	}
	test := m.chance(m.o.shares.Test)
	if test {
		kind = plain
	}
	l.s = &subject{id: fmt.Sprintf("C%s-%03d%05d", dayDigits(d), o.index, n), source: provinces[o.province].area, test: test}
	if l.s.unit = m.unit(cases, l.s); l.s.unit != nil {
		l.s.unit.product, l.s.unit.channel, l.s.unit.inbound = products[l.product], l.channel, l.direction == "inbound"
	}
	if !m.arrive(l, d, kind) {
		return
	}
	if l.product == financial {
		m.service(l, kind)
	} else {
		m.item(l, kind)
	}
	if test || kind == voidedCase {
		return
	}
	m.after(l)
}

func dayDigits(d Day) string { return d.date().Format("20060102") }

// describe draws what the case is.
func (m *maker) describe(l *life, d Day) {
	l.channel = [...]string{"outlet", "online", "third_party"}[m.pick(channelsOf[l.product][:])]
	switch u := m.Float64(); {
	case l.product == financial || l.product == letter:
	case u < 0.03:
		l.direction = "inbound"
	case u < 0.06:
		l.direction = "outbound"
	}
	switch u := m.Float64(); {
	case u < 0.25 || l.product == financial:
	case u < 0.5:
		l.destCity = m.IntN(len(provinces[l.destProvince].cities))
	default:
		l.destProvince = m.pick(m.o.pull)
		l.destCity = m.IntN(len(provinces[l.destProvince].cities))
	}
	l.owner = fmt.Sprintf("s-%03d-%02d", l.o.index, m.IntN(l.o.staff))
	l.customer = [...]string{"person", "enterprise", "government", "intl_org"}[m.pick([]float64{0.72, 0.24, 0.035, 0.005})]
	l.tier = [...]string{"ordinary", "vip"}[m.pick([]float64{0.9, 0.1})]
	l.need = [...]string{"none", "elderly", "disabled"}[m.pick([]float64{0.93, 0.05, 0.02})]
}

var channelsOf = [...][3]float64{
	letter: {0.8, 0.1, 0.1}, parcel: {0.55, 0.4, 0.05}, printed: {0.8, 0.2, 0}, ems: {0.5, 0.45, 0.05},
	ecomm: {0.05, 0.7, 0.25}, financial: {0.85, 0.15, 0},
}

// arrive makes the submission and draws the acceptance; false says that the case
// ends before it.
func (m *maker) arrive(l *life, d Day, kind class) bool {
	at := m.hours(d, 8, 18)
	if l.channel == "online" {
		at = m.hours(d, 0, 24)
	}
	if l.product != financial && (l.channel != "online" || m.chance(0.4)) {
		l.accepted = at
		m.promise(l)
		return true
	}
	l.submitted = at
	m.begin(l.s, caseSubmitted, at)
	if m.on {
		m.text("channel", l.channel)
		m.text("product", products[l.product])
		m.text("region", l.o.region())
		m.text("outlet", l.o.code)
		m.text("customer_type", l.customer)
		m.text("special_need", l.need)
		m.texts("applied_fields_present", "sender", "recipient", "service")
	}
	f := m.end()
	f.place = l.o.whole
	m.note(l.s, f)

	next, known := addWorkdays(dayOf(at), 1)
	due := next.last()
	draw := func(v verdict) {
		if !known && v != excluded {
			v = waits
		}
		m.drawn(l.s, acceptance, v)
	}
	soon := at + m.span(2*minute, 3*hour)
	switch u := m.Float64(); {
	case kind == unaccepted:
		l.accepted = soon
		draw(missed)
	case kind != plain || u < 0.95:
		// Overnight, an application waits until the morning.
		l.accepted = soon
		if l.product == financial && m.chance(0.5) {
			l.accepted = m.span(at+minute, due)
		}
		draw(kept)
	case u < 0.965:
		l.accepted = due - second + 1 // 23:59:59 of the last day
		if m.chance(0.3) {
			l.accepted = due
		}
		draw(kept)
	case u < 0.975:
		l.accepted = due + 1 // 00:00:00 of the day after
		draw(missed)
	case u < 0.992:
		l.accepted = due + m.span(second, 3*daySpan)
		draw(missed)
	case u < 0.996:
		end := m.span(at+minute, due)
		if m.chance(0.2) {
			end = due
		}
		m.ended(l.s, withdrawnWord, end, "changed_mind")
		draw(excluded)
		return false
	case u < 0.998:
		m.ended(l.s, withdrawnWord, due+m.between(1, 2)+m.span(0, daySpan), "waited_too_long")
		draw(missed)
		return false
	default:
		draw(missed)
		return false
	}
	m.promise(l)
	return true
}

// promise draws what is promised and makes the deadline of it.
func (m *maker) promise(l *life) {
	from := dayOf(l.accepted)
	days := promiseDays[l.product][distance(l.o, l.destProvince, l.destCity)]
	switch {
	case l.product == financial:
		l.days = days
		due, known := addWorkdays(from, days)
		l.due, l.open, l.hasDue = due.last(), !known, true
		return
	case l.product == letter && m.chance(0.3):
		return // ordinary letters come without a promise
	case l.direction != "domestic":
		days += 8
	case l.accepted-from.start() >= 16*hour:
		days++
	}
	l.promised = (from + Day(days)).start() + 18*hour
	l.due, l.hasDue = l.promised, true
}

// acceptedEvent makes the acceptance, with another place or promise where a wrong
// one is reported first, without a promise when it is repeated.
func (m *maker) acceptedEvent(l *life, at int64, place *spot, promised int64, again bool) fact {
	m.begin(l.s, caseAccepted, at)
	days := l.days
	if again {
		promised, days = 0, 0
	}
	if m.on {
		m.text("product", products[l.product])
		m.text("region", place.region)
		m.text("outlet", place.outlet)
		m.text("channel", l.channel)
		m.text("direction", l.direction)
		m.text("item_id", itemID(l))
		if promised != 0 {
			m.instant("promised_at", promised)
		}
		if days != 0 {
			m.whole("promise_days", int64(days))
		}
		m.text("owner_ref", l.owner)
		m.texts("documents", documentsOf(l)...)
		if l.channel == "online" && l.n%3 == 0 {
			m.texts("features", "door_pickup")
		}
		if l.n%40 == 0 {
			m.flag("referral_code", true)
		}
		if l.product == financial {
			m.text("class_code", "remittance")
		}
		if l.o.rural {
			m.text("area_type", "rural")
		} else {
			m.text("area_type", "city")
		}
		m.text("dest_region", provinces[l.destProvince].cities[l.destCity].code)
		m.whole("required_fields_present", int64(11+min(1, l.n%50)))
		m.whole("required_fields_total", 12)
		m.text("customer_type", l.customer)
		m.text("customer_tier", l.tier)
		m.text("special_need", l.need)
		m.text("customer_hash", customerHash(l))
	}
	f := m.end()
	f.place, f.value, f.n = place, promised, int32(days)
	return f
}

func documentsOf(l *life) []string {
	switch {
	case l.n%97 == 5:
		return []string{"application_form"}
	case l.direction != "domestic":
		return []string{"application_form", "id_proof", "customs_form"}
	}
	return []string{"application_form", "id_proof"}
}

// customerHash is a pseudonym of one in a few thousand customers of the outlet.
func customerHash(l *life) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 64)
	x := uint64(l.o.index)<<32 | uint64(dayOf(l.accepted))*31%2000 + uint64(l.n)
	for range 4 {
		x = mix(x)
		for i := range 16 {
			b = append(b, digits[x>>(4*i)&15])
		}
	}
	return string(b)
}

// itemID is an S10 identifier of a tracked item, else a domestic number.
func itemID(l *life) string {
	serial := (int(dayOf(l.accepted))%1000*100_000 + l.o.index*700 + l.n%700) % 100_000_000
	switch l.product {
	case letter, financial:
		return ""
	case ems, parcel:
		s := fmt.Sprintf("%08d", serial)
		sum := 0
		for i, weight := range [...]int{8, 6, 4, 2, 3, 5, 9, 7} {
			sum += weight * int(s[i]-'0')
		}
		check := 11 - sum%11
		switch check {
		case 10:
			check = 0
		case 11:
			check = 5
		}
		prefix := "EA"
		if l.product == parcel {
			prefix = "CP"
		}
		return prefix + s + strconv.Itoa(check) + "CN"
	}
	return fmt.Sprintf("98%011d", serial)
}

// over notes what a case is against its promise that is delivered at an instant,
// or never (0).
func (m *maker) over(l *life, delivered int64) {
	l.late = l.hasDue && delivered > l.due
	m.promiseVerdict(l, l.due, delivered)
}

func (m *maker) promiseVerdict(l *life, due, delivered int64) {
	if !l.hasDue {
		return
	}
	instant, day := kept, kept
	if delivered == 0 || delivered > due {
		instant = missed
	}
	if delivered == 0 || dayOf(delivered) > dayOf(due) {
		day = missed
	}
	if l.open {
		instant, day = waits, waits
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
}

// outcome draws when a plain case is delivered, and what holds it up.
func (m *maker) outcome(l *life) int64 {
	p := m.o.chanceInTime(l.o, l.product, l.destProvince, dayOf(l.accepted))
	l.cause = m.pick(causeWeights)
	if m.o.storm(l.o.province, dayOf(l.accepted)) > 0 || m.o.storm(l.destProvince, dayOf(l.accepted)+1) > 0 {
		l.cause, l.reason = onTheWay, "weather"
	}
	if at := m.passes(l); at >= 0 {
		p, l.cause, l.reason, l.breakdown = 0.06, at, "centre_failure", true
	}
	if l.reason == "" {
		l.reason = causeReasons[l.cause]
	}
	switch {
	case !l.hasDue:
		return m.hours(dayOf(l.accepted)+Day(1+m.IntN(5)), 8, 18)
	case m.chance(p):
		return m.inTime(l)
	}
	return m.afterDue(l)
}

// passes tells at which centre an item meets the planted incident, -1 for none.
func (m *maker) passes(l *life) int {
	incident := &m.o.plan.Incident
	if m.o.plan.Quiet || !l.hasDue {
		return -1
	}
	from, until := incident.From.UnixMicro(), incident.Until.UnixMicro()
	for _, node := range route(l) {
		if node.depart && node.location == incident.Location {
			at := l.accepted + int64(node.before*float64(l.firm()))
			if at >= from && at < until {
				return node.cause
			}
		}
	}
	return -1
}

// firm is how long an item needs that is not held up, of what is promised.
func (l *life) firm() int64 { return (l.due - l.accepted) * 4 / 5 }

// inTime is an instant of a delivery round before the deadline.
func (m *maker) inTime(l *life) int64 {
	first, last := dayOf(l.accepted)+1, dayOf(l.due)
	if first > last {
		return m.span(l.accepted+minute, l.due)
	}
	d := first + Day(m.between(int64(last-first)/3, int64(last-first)+1))
	return m.hours(d, 8, 18)
}

// afterDue is an instant after it: the same evening, or one of the days after.
func (m *maker) afterDue(l *life) int64 {
	d := dayOf(l.due)
	if l.breakdown {
		return m.hours(d+Day(1+m.IntN(3)), 8, 20)
	}
	switch m.pick([]float64{0.15, 0.5, 0.18, 0.09, 0.08}) {
	case 0:
		if l.due < d.start()+22*hour {
			return m.span(l.due+second, d.start()+22*hour)
		}
		return m.hours(d+1, 8, 20)
	case 1:
		return m.hours(d+1, 8, 20)
	case 2:
		return m.hours(d+2, 8, 20)
	case 3:
		return m.hours(d+3, 8, 20)
	}
	return m.hours(d+Day(4+m.IntN(9)), 8, 20)
}

// node is a place on an item's way: it arrives there, or departs.
type node struct {
	activity, location string
	share              float64 // of the way, in time
	before             float64 // that of the arrival, for a departure
	cause              int     // the delay that comes before this node
	depart             bool
}

// route is the way of an item. Letters are not tracked, and services stay where
// they are.
func route(l *life) []node {
	if l.product == letter || l.product == financial {
		return nil
	}
	origin, _ := centreOf(l.o.province)
	nodes := []node{
		{"centre_arrival", origin, 0.15, 0, -1, false},
		{"centre_departure", origin, 0.25, 0.15, atOrigin, true},
	}
	if viaHub(l) {
		hub, _ := centreOf(provinceIndex(incidentProvince))
		nodes = append(nodes,
			node{"centre_arrival", hub, 0.4, 0, atOrigin, false},
			node{"centre_departure", hub, 0.48, 0.4, atTransit, true})
	}
	if l.destProvince != l.o.province {
		destination, _ := centreOf(l.destProvince)
		nodes = append(nodes,
			node{"centre_arrival", destination, 0.6, 0, onTheWay, false},
			node{"centre_departure", destination, 0.7, 0.6, atDestination, true})
	}
	office := provinces[l.destProvince].cities[l.destCity].zh + "投递部"
	return append(nodes, node{"out_for_delivery", office, 0.92, 0, atOffice, false})
}

// viaHub says whether an item goes between the north and the south, through the
// hub in between.
func viaHub(l *life) bool {
	north := func(area int) bool { return area == 0 || area == 1 || area == 6 }
	south := func(area int) bool { return area == 4 || area == 5 }
	a, b := provinces[l.o.province].area, provinces[l.destProvince].area
	return north(a) && south(b) || south(a) && north(b)
}

// travel makes the scans on the way to a delivery or another end at an instant.
// The time that it takes too long is spent at the cause.
func (m *maker) travel(l *life, end int64, arrives bool) {
	nodes := route(l)
	if len(nodes) == 0 {
		return
	}
	if m.chance(0.008) {
		return // an item that nobody scanned
	}
	firm := end - l.accepted
	if l.hasDue && end > l.accepted+l.firm() {
		firm = l.firm()
	}
	lag := end - l.accepted - firm
	if l.reason == "" {
		l.cause = m.pick(causeWeights)
	}
	if l.cause == atDestination || l.cause == onTheWay {
		if l.destProvince == l.o.province {
			l.cause = atOrigin
		}
	}
	if !arrives {
		nodes = nodes[:m.IntN(len(nodes))]
	}
	out := l.accepted
	for i, node := range nodes {
		at := l.accepted + int64(node.share*float64(firm))/1000*1000
		if node.cause >= l.cause {
			at += lag
		}
		if at <= out {
			at = out + 1000
		}
		out = at
		m.begin(l.s, caseProgressed, at)
		if m.on {
			m.text("step", "scan")
			m.text("activity", node.activity)
			m.text("location", node.location)
			if l.direction == "inbound" && i == 0 {
				m.text("emsevt", "EMD")
			}
			if lag > 12*hour && node.cause == l.cause && l.reason != "" {
				m.text("reason_code", l.reason)
			}
		}
		m.note(l.s, m.end())
	}
	l.scanned = out
	reason := "recipient_absent"
	if l.n%4 == 0 {
		reason = "address"
	}
	if lag > 12*hour && l.cause == lastMile && l.reason != "" {
		l.failed, reason = true, l.reason
	}
	if arrives && l.failed && end-out > 20*minute {
		m.begin(l.s, caseProgressed, m.span(out+minute, end-minute))
		if m.on {
			m.text("step", "scan")
			m.text("activity", "delivery_attempt")
			m.text("location", nodes[len(nodes)-1].location)
			m.whole("attempt_no", 1)
			m.text("reason_code", reason)
		}
		f := m.end()
		f.n = 1
		m.note(l.s, f)
	} else if l.failed {
		l.failed = false
	}
	if m.chance(0.06) {
		m.begin(l.s, caseProgressed, m.span(l.accepted+minute, l.accepted+max(2*minute, firm/2)))
		if m.on {
			m.text("step", "notice")
			m.text("activity", "customer_notice")
			m.flag("customer_notified", true)
		}
		f := m.end()
		f.flag = true
		m.note(l.s, f)
	}
}

// delivery makes the event of a delivery at an instant.
func (m *maker) delivery(l *life, at int64, attempt int, timeless bool) fact {
	result := m.IntN(10)
	m.begin(l.s, caseDelivered, at)
	if m.on {
		if timeless {
			m.flag("time_unknown", true)
		}
		switch {
		case result < 6 || l.product == financial:
			m.text("result", "to_addressee")
		case result < 8:
			m.text("result", "to_locker")
		default:
			m.text("result", "to_agent")
		}
		m.object("receipt")
		m.flag("case_no", true)
		m.flag("service_content", true)
		m.flag("delivered_at", l.n%83 != 7)
		m.flag("result", true)
		m.close()
		m.whole("attempt_no", int64(attempt))
		if result < 8 {
			m.text("signed_by", "self")
		} else {
			m.text("signed_by", "agent")
		}
		if l.n%11 == 3 {
			m.whole("outlet_rating", int64(3+l.n%3))
		}
	}
	f := m.end()
	f.n, f.flag = int32(attempt), timeless
	return f
}

// attempt is the number of the attempt that succeeds.
func (l *life) attempt() int {
	if l.failed {
		return 2
	}
	return 1
}

func (m *maker) ended(s *subject, w word, at int64, reason string) {
	m.begin(s, caseEnded, at)
	if m.on {
		m.text("outcome", wordNames[w])
		m.text("reason", reason)
	}
	f := m.end()
	f.word = w
	m.note(s, f)
}

func (m *maker) reopened(s *subject, k kind, at int64, reason string) {
	m.begin(s, k, at)
	if m.on {
		m.text("reason", reason)
	}
	f := m.end()
	f.flag = reason == "not_received"
	m.note(s, f)
}

// item makes the life of a posted item after its promise is known.
func (m *maker) item(l *life, kind class) {
	if !l.hasDue && kind != plain {
		// What is not promised can't be late; only some classes make sense.
		switch kind {
		case lost, returned, damaged, timeless, wrongPlace, voidedCase, cameBack, unaccepted:
		default:
			kind = plain
		}
	}
	switch kind {
	case unaccepted:
	case wrongPlace:
		m.misplaced(l)
	case wrongPromise:
		m.mispromised(l)
	default:
		m.note(l.s, m.acceptedEvent(l, l.accepted, l.o.whole, l.promised, false))
	}
	l.failed = l.product != letter && m.chance(m.failure(l))
	x := m.outcome(l)
	switch kind {
	case plain, wrongPlace, wrongPromise:
		m.finish(l, x)
	case edge:
		m.finish(l, l.due+[...]int64{0, -second, second}[m.IntN(3)])
	case stuck:
		m.travel(l, l.due, false)
		m.over(l, 0)
		found := m.hours(dayOf(l.due)+Day(15+m.IntN(40)), 8, 18)
		switch m.pick([]float64{0.55, 0.35, 0.1}) {
		case 0:
			m.deliver(l, found)
		case 1:
			m.ended(l.s, lostWord, found, "not_found")
			l.end, l.word = found, lostWord
		}
		l.late = true
	case lost, returned, damaged:
		m.travel(l, x, kind == returned)
		at, w := x, returnedWord
		if kind != returned {
			w = lostWord
			if kind == damaged {
				w = damagedWord
			}
			at = x + m.span(hour, 10*daySpan)
		}
		m.ended(l.s, w, at, "")
		m.over(l, 0)
		l.end, l.word, l.late = at, w, true
	case cancelled, withdrawn:
		m.calledOff(l, kind)
	case revived:
		off := m.span(l.accepted+minute, l.due-hour)
		m.ended(l.s, cancelledWord, off, "capacity")
		m.reopened(l.s, caseReopened, off+m.span(minute, hour), "cancelled_by_mistake")
		m.finish(l, max(x, off+2*hour))
	case delivered2ended:
		off := m.span(l.accepted+minute, l.due)
		m.ended(l.s, cancelledWord, off, "capacity")
		m.note(l.s, m.delivery(l, max(x, off+hour), 2, false))
		m.drawn(l.s, onTime, excluded)
		m.drawn(l.s, onTimeByDay, excluded)
		l.end, l.word = off, cancelledWord
	case cameBack:
		m.finish(l, x)
		w := returnedWord
		if m.chance(0.4) {
			w = damagedWord
		}
		m.ended(l.s, w, x+m.span(hour, 4*daySpan), "after_delivery")
	case notReceived:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), false))
		again := x + m.span(6*hour, 5*daySpan)
		m.reopened(l.s, caseReopened, again, "not_received")
		l.end, l.word, l.late = again, 0, true
		if m.chance(0.7) {
			y := again + m.span(6*hour, 6*daySpan)
			m.note(l.s, m.delivery(l, y, 2, false))
			m.over(l, y)
			l.end, l.word, l.late = y, deliveredWord, true
			break
		}
		m.promiseVerdict(l, l.due, 0)
	case complainedOf:
		m.finish(l, x)
		m.reopened(l.s, caseReopened, x+m.span(hour, 5*daySpan), "claim")
	case twice:
		m.finish(l, x)
		m.note(l.s, m.delivery(l, x+m.span(minute, 2*daySpan), 2, false))
	case timeless:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), true))
		l.end, l.word = x, deliveredWord
		if l.hasDue {
			m.drawn(l.s, onTime, unknown)
			m.drawn(l.s, onTimeByDay, unknown)
		}
	case unaccepted:
		m.travel(l, x, true)
		m.note(l.s, m.delivery(l, x, l.attempt(), false))
		l.end, l.word = x, deliveredWord
		m.drawn(l.s, onTime, unknown)
		m.drawn(l.s, onTimeByDay, unknown)
	case moved:
		m.movedPromise(l)
	case held:
		m.customs(l, x)
	case waiting:
		from := m.span(l.accepted+minute, l.due)
		m.paused(l.s, from, from+m.span(hour, 2*daySpan), "awaiting_customer", true)
		m.finish(l, x)
	case wrongTime, wrongTwice, correctedFix, voidedFix:
		m.travel(l, x, true)
		m.misreported(l, x, kind)
		l.end, l.word = x, deliveredWord
		m.over(l, x)
	case phantom:
		m.travel(l, x, true)
		never := m.span(l.accepted+hour, x)
		f := m.delivery(l, never, 1, false)
		m.void(l.s, caseCorrected, &f, x+m.span(hour, 3*daySpan))
		m.note(l.s, f)
		m.deliver(l, x)
		m.over(l, x)
	case conflicting:
		m.travel(l, x, true)
		m.conflict(l, x)
	case voidedCase:
		m.travel(l, x, true)
		m.deliver(l, x)
		m.voidAll(l.s, caseCorrected, x+m.span(hour, 3*daySpan))
		m.undraw(l.s)
	}
}

// failure is the chance that the first attempt at delivery fails. The futile
// improvement does not change it.
func (m *maker) failure(l *life) float64 {
	if l.product == ems {
		return 0.05
	}
	return 0.085
}

// finish brings an item to its delivery.
func (m *maker) finish(l *life, x int64) {
	m.travel(l, x, true)
	m.deliver(l, x)
	m.over(l, x)
}

func (m *maker) deliver(l *life, x int64) {
	m.note(l.s, m.delivery(l, x, l.attempt(), false))
	l.end, l.word = x, deliveredWord
}

// calledOff ends a case by the operator or the customer, before, at, or after
// the deadline.
func (m *maker) calledOff(l *life, kind class) {
	w := cancelledWord
	if kind == withdrawn {
		w = withdrawnWord
	}
	m.travel(l, l.due, false)
	from := max(l.accepted, l.scanned)
	var off int64
	switch u := m.Float64(); {
	case u < 0.6 && from < l.due:
		off = m.span(from, l.due)
	case u < 0.7:
		off = l.due
	case u < 0.8:
		off = l.due + second
	default:
		off = l.due + m.span(second, 6*daySpan)
	}
	m.ended(l.s, w, off, "")
	l.end, l.word = off, w
	instant, day := missed, missed
	if off <= l.due {
		instant = excluded
	}
	if dayOf(off) <= dayOf(l.due) {
		day = excluded
	}
	if l.open {
		instant, day = excluded, excluded
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
}

// movedPromise agrees on another promise. Only the customer and the address move
// what is measured, and only until the deadline.
func (m *maker) movedPromise(l *life) {
	reasons := [...]string{"customer", "address", "operator", "force_majeure"}
	reason := m.pick([]float64{0.45, 0.15, 0.2, 0.2})
	var at int64
	switch u := m.Float64(); {
	case u < 0.7:
		at = m.span(l.accepted+minute, l.due)
	case u < 0.8:
		at = l.due
	case u < 0.9:
		at = l.due + second
	default:
		at = l.due + m.span(hour, 2*daySpan)
	}
	later := l.due + int64(1+m.IntN(4))*daySpan
	byInstant, byDay := l.due, l.due
	if reason < 2 {
		if at <= l.due {
			byInstant = later
		}
		if dayOf(at) <= dayOf(l.due) {
			byDay = later
		}
	}
	// Delivered in time, or not, against the promise that counts.
	l.reason, l.cause = "", 0
	l.failed = false
	x := byInstant - m.span(0, 8*hour)
	switch m.IntN(4) {
	case 0:
		x = byInstant
	case 1:
		x = byInstant + second
	case 2:
		x = byInstant + m.span(hour, 3*daySpan)
	}
	x = max(x, at+second)
	m.travel(l, x, true)
	m.begin(l.s, casePromiseChanged, at)
	if m.on {
		m.instant("promised_at", later)
		m.text("reason", reasons[reason])
	}
	f := m.end()
	f.value, f.flag = later, reason < 2
	m.note(l.s, f)
	m.deliver(l, x)
	instant, day := kept, kept
	if x > byInstant {
		instant = missed
	}
	if dayOf(x) > dayOf(byDay) {
		day = missed
	}
	m.drawn(l.s, onTime, instant)
	m.drawn(l.s, onTimeByDay, day)
	l.late = instant == missed
}

// paused makes a pause, and its end if that is reported.
func (m *maker) paused(s *subject, from, to int64, reason string, reported bool) {
	customs := reason == "customs"
	for i, k := range [...]kind{casePaused, caseResumed} {
		if i == 1 && !reported {
			return
		}
		m.begin(s, k, [...]int64{from, to}[i])
		if m.on {
			m.text("reason", reason)
		}
		f := m.end()
		f.flag = customs
		m.note(s, f)
	}
}

// customs holds an inbound item; the time until its reported end is not the
// operator's.
func (m *maker) customs(l *life, x int64) {
	from := m.span(l.accepted+minute, l.due)
	if m.chance(0.1) {
		from = l.due
	}
	length := m.span(6*hour, 3*daySpan)
	reported := m.chance(0.85)
	due := l.due
	if reported {
		due += length
	}
	l.failed, l.reason = false, "customs"
	l.cause = onTheWay
	switch m.IntN(5) {
	case 0:
		x = due
	case 1:
		x = due + second
	case 2:
		x = due + m.span(hour, 3*daySpan)
	default:
		x = from + length + m.span(hour, daySpan)
	}
	x = max(x, from+length+minute)
	m.travel(l, x, true)
	m.paused(l.s, from, from+length, "customs", reported)
	m.deliver(l, x)
	m.promiseVerdict(l, due, x)
	l.late = x > due
}

// misplaced accepts a case that is first reported by another outlet.
func (m *maker) misplaced(l *life) {
	other := m.o.outlets[m.IntN(len(m.o.outlets))]
	f := m.acceptedEvent(l, l.accepted, other.whole, l.promised, false)
	known := m.correction(l.s, caseCorrected, int(f.seq), l.accepted+m.span(hour, 5*daySpan), func() {
		m.object("data")
		m.text("region", l.o.region())
		m.text("outlet", l.o.code)
		m.close()
	}).known
	m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.place = l.o.whole
		}
		return v, have[0]
	})...)
}

// mispromised accepts a case that is first reported with another promise.
func (m *maker) mispromised(l *life) {
	wrong := l.promised + int64(1-2*m.IntN(2))*daySpan
	if wrong <= l.accepted {
		wrong = l.promised + daySpan
	}
	f := m.acceptedEvent(l, l.accepted, l.o.whole, wrong, false)
	known := m.correction(l.s, caseCorrected, int(f.seq), l.accepted+m.span(hour, 5*daySpan), func() {
		m.object("data")
		m.instant("promised_at", l.promised)
		m.close()
	}).known
	m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
		v := f
		if have[1] {
			v.value = l.promised
		}
		return v, have[0]
	})...)
}

// misreported delivers at x what is first reported at another instant.
func (m *maker) misreported(l *life, x int64, kind class) {
	wrong := func() int64 {
		w := x + m.span(-2*daySpan, 2*daySpan)
		if m.chance(0.3) {
			w = l.due // which would have been in time
		}
		return max(w, l.accepted+hour)
	}
	first := wrong()
	if kind == voidedFix {
		first = x
	}
	f := m.delivery(l, first, l.attempt(), false)
	fix := func(at, right int64) (known, recorded int64, seq int) {
		c := m.correction(l.s, caseCorrected, int(f.seq), at, func() { m.instant("time_new", right) })
		return c.known, m.now.recorded, int(c.seq)
	}
	at := max(x, first) + m.span(hour, 3*daySpan)
	facts := func(times ...int64) func(i int) fact {
		return func(i int) fact {
			v := f
			v.at = times[i]
			return v
		}
	}
	switch kind {
	case wrongTime:
		known, _, _ := fix(at, x)
		version := facts(first, x)
		m.note(l.s, versions([]int64{f.known, known}, func(have []bool) (fact, bool) {
			if have[1] {
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	case wrongTwice:
		// Of two corrections that one counts which was recorded last.
		second := wrong()
		at = max(at, second) + hour
		known1, recorded1, _ := fix(at, second)
		later := at + m.span(minute, 2*daySpan)
		known2, recorded2, _ := fix(later, x)
		if recorded1 > recorded2 {
			known3, _, _ := fix(max(recorded1, later)+15*daySpan, x)
			m.note(l.s, versions([]int64{f.known, known1, known2, known3}, func(have []bool) (fact, bool) {
				version := facts(first, second, x)
				switch {
				case have[3]:
					return version(2), have[0]
				case have[1]:
					return version(1), have[0]
				case have[2]:
					return version(2), have[0]
				}
				return version(0), have[0]
			})...)
			return
		}
		version := facts(first, second, x)
		m.note(l.s, versions([]int64{f.known, known1, known2}, func(have []bool) (fact, bool) {
			switch {
			case have[2]:
				return version(2), have[0]
			case have[1]:
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	case correctedFix, voidedFix:
		second := wrong()
		at = max(at, second) + hour
		known1, _, seq := fix(at, second)
		again := m.correction(l.s, caseCorrected, seq, at+m.span(minute, 2*daySpan), func() {
			if kind == voidedFix {
				m.flag("void", true)
				return
			}
			m.object("data")
			m.instant("time_new", x)
			m.close()
		})
		version := facts(first, second, x)
		m.note(l.s, versions([]int64{f.known, known1, again.known}, func(have []bool) (fact, bool) {
			switch {
			case have[1] && have[2] && kind == correctedFix:
				return version(2), have[0]
			case have[1] && !have[2]:
				return version(1), have[0]
			}
			return version(0), have[0]
		})...)
	}
}

// conflict delivers once, but reports it twice under one id with two instants.
// The report with the lower hash counts, which nobody can know before.
func (m *maker) conflict(l *life, x int64) {
	other := x + m.span(minute, 3*daySpan)
	var facts [2]fact
	var hashes [2]event.Hash
	for i, at := range [...]int64{x, other} {
		m.force = true
		facts[i] = m.delivery(l, at, l.attempt(), false)
		m.force = false
		// Every message decodes; a test holds them to that.
		if e, err := event.Decode(m.writer.b, toTime(m.now.sent), ""); err == nil {
			hashes[i] = e.Hash
		}
		if i == 0 {
			l.s.events--
		}
	}
	winner := 0
	if bytes.Compare(hashes[1][:], hashes[0][:]) < 0 {
		winner = 1
	}
	m.note(l.s, versions([]int64{facts[0].known, facts[1].known}, func(have []bool) (fact, bool) {
		switch {
		case have[0] && have[1]:
			return facts[winner], true
		case have[0]:
			return facts[0], true
		}
		return facts[1], true
	})...)
	l.end, l.word = facts[winner].at, deliveredWord
	m.over(l, l.end)
}

// void takes an event back.
func (m *maker) void(s *subject, k kind, f *fact, at int64) {
	f.until = m.correction(s, k, int(f.seq), at, func() { m.flag("void", true) }).known
}

// voidAll takes back every event that was noted.
func (m *maker) voidAll(s *subject, k kind, at int64) {
	if s.unit == nil {
		// Without a ledger the same events are made.
		for seq, n := 1, s.events; seq <= n; seq++ {
			m.void(s, k, &fact{seq: int32(seq)}, at+int64(seq)*second)
		}
		return
	}
	for i := range s.unit.facts {
		f := &s.unit.facts[i]
		m.void(s, k, f, at+int64(f.seq)*second)
	}
}
