package simulate

import (
	"fmt"
	"strconv"
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
	m.describe(l)
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
func (m *maker) describe(l *life) {
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
