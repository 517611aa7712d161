package simulate

import (
	"math"
	"time"
)

// Plan is what is planted in an operator's history, so that tests can look for
// it and a demo can tell of it. Instants are UTC, days Beijing's.
type Plan struct {
	Quiet       bool
	Incident    Incident
	Improvement Improvement // works
	Futile      Improvement // does not
	Drift       Drift
	Outlet      NewOutlet
	Silence     Silence
	Slow        []string // codes of outlets that are worse than the others all the time
}

// Incident is a sorting centre that fails: nearly every item that arrives there
// in [From, Until), also on its way between other provinces, is delivered one to
// three days late.
type Incident struct {
	Subject  string // of incident.opened and .closed
	Location string // of the scans at the centre
	Region   string // its province, 2 digits
	From     time.Time
	Until    time.Time
}

// Improvement is planned, started and checked.
type Improvement struct {
	Subject   string
	Indicator string
	Region    string // province, 2 digits
	Planned   Day
	Started   Day
	Checked   Day
	Effect    float64 // added to the chance of an outcome from Started on
}

// Drift is a product that gets slowly worse.
type Drift struct {
	Product string
	From    Day
	PerWeek float64 // taken from the chance of being in time, week after week, up to Most
	Most    float64
}

// NewOutlet opens in the middle of the history.
type NewOutlet struct {
	Code   string
	Opened time.Time
}

// Silence is a source that sends nothing in [From, Until) and all of it after.
type Silence struct {
	Source string
	From   time.Time
	Until  time.Time
}

const (
	incidentProvince    = "42"
	improvementProvince = "51"
	futileProvince      = "37"
	driftProduct        = "ems"
	silentSource        = 6
)

func newPlan(o Options, first Day) Plan {
	if o.Quiet {
		return Plan{Quiet: true}
	}
	days := float64(DayOf(o.To) - first)
	at := func(share float64) Day { return first + Day(math.Round(days*share)) }
	location, _ := centreOf(provinceIndex(incidentProvince))
	p := Plan{
		Incident: Incident{
			Subject: "INC-" + incidentProvince + "-" + at(0.86).String(), Location: location, Region: incidentProvince,
			From: toTime(at(0.86).start() + 5*hour), Until: toTime(at(0.86).start() + 4*daySpan + 14*hour),
		},
		Improvement: Improvement{
			Subject: "IMP-" + improvementProvince + "-1", Indicator: "on_time_delivery_rate", Region: improvementProvince,
			Planned: at(0.52), Started: at(0.58), Checked: at(0.85), Effect: 0.12,
		},
		Futile: Improvement{
			Subject: "IMP-" + futileProvince + "-1", Indicator: "first_attempt_delivery_rate", Region: futileProvince,
			Planned: at(0.45), Started: at(0.5), Checked: at(0.75),
		},
		Drift:  Drift{Product: driftProduct, From: at(0.6), PerWeek: 0.004, Most: 0.12},
		Outlet: NewOutlet{Code: "440300-02", Opened: at(0.5).Start()},
		Silence: Silence{
			Source: sources[silentSource],
			From:   o.To.UTC().Truncate(time.Microsecond).Add(-40 * time.Hour), Until: o.To.UTC().Truncate(time.Microsecond).Add(20 * time.Hour),
		},
	}
	return p
}

// held delays what a silent source would send.
func (op *Operator) held(source int, sent int64, d dice) int64 {
	if op.plan.Quiet || source != silentSource {
		return sent
	}
	from, until := op.plan.Silence.From.UnixMicro(), op.plan.Silence.Until.UnixMicro()
	if sent < from || sent >= until {
		return sent
	}
	return until + d.span(0, 2*hour)
}

// character draws what distinguishes the outlets for good.
func (op *Operator) character() {
	d := newDice(op.o.Seed, forPlan, op.first, 0)
	for _, o := range op.outlets {
		o.skill = 0.02 * (d.Float64() - 0.5)
	}
	for range 5 {
		o := op.outlets[d.IntN(len(op.outlets)-1)]
		if o.skill > -0.05 && provinces[o.province].code != improvementProvince {
			o.skill = -0.10
			op.plan.Slow = append(op.plan.Slow, o.code)
		}
	}
}

// weather makes the mail of some provinces late for some days.
type weather struct {
	provinces   []int
	from, until Day
	penalty     float64
}

// weatherOf draws the weather that begins in a week.
func (op *Operator) weatherOf(week int) []weather {
	if w, ok := op.weather[week]; ok {
		return w
	}
	d := newDice(op.o.Seed, forWeather, Day(week), 0)
	var list []weather
	if d.chance(0.4) {
		p := d.IntN(len(provinces))
		w := weather{provinces: []int{p}, penalty: 0.1 + 0.2*d.Float64()}
		for q := range provinces {
			if q != p && provinces[q].area == provinces[p].area && d.chance(0.3) {
				w.provinces = append(w.provinces, q)
			}
		}
		w.from = Day(week*7 + d.IntN(7))
		w.until = w.from + Day(1+d.IntN(4))
		list = append(list, w)
	}
	op.weather[week] = list
	return list
}

// storm is what the weather in a province takes from the chance of being in time.
func (op *Operator) storm(p int, d Day) float64 {
	if op.o.Quiet {
		return 0
	}
	for week := int(d) / 7; week >= int(d)/7-1; week-- {
		for _, w := range op.weatherOf(week) {
			if d < w.from || d >= w.until {
				continue
			}
			for _, q := range w.provinces {
				if q == p {
					return w.penalty
				}
			}
		}
	}
	return 0
}

// The products, in the order of the contract.
var products = []string{"letter", "parcel", "printed", "ems", "e_comm", "financial"}

const (
	letter = iota
	parcel
	printed
	ems
	ecomm
	financial
)

// What is known of the products.
var (
	productShare = []float64{0.20, 0.29, 0.07, 0.20, 0.20, 0.04}
	// inTime is the chance of being in time.
	inTime = []float64{0.925, 0.915, 0.92, 0.955, 0.935, 0.95}
	// promiseDays are the days that a product promises, by distance.
	promiseDays = [][4]int{{2, 3, 4, 6}, {1, 2, 4, 5}, {3, 4, 5, 7}, {1, 1, 2, 3}, {1, 2, 3, 4}, {3, 3, 5, 5}}
)

// festival is the first and the last day off around a lunar new year.
var festivals = [][2]Day{
	{NewDay(2025, 1, 28), NewDay(2025, 2, 4)},
	{NewDay(2026, 2, 15), NewDay(2026, 2, 23)},
}

// season is the volume of a product on a day, against an ordinary day.
func season(product int, d Day) float64 {
	f := 1.0
	for _, s := range festivals {
		switch {
		case d >= s[0] && d <= s[1]:
			return 0.22
		case d >= s[0]-14 && d < s[0]:
			f *= 1.25
		}
	}
	_, month, day := d.date().Date()
	sale := product == ecomm || product == parcel
	switch {
	case sale && month == time.November && day >= 10 && day <= 20:
		f *= 2.4 - 0.12*float64(day-10)
	case sale && month == time.June && day >= 17 && day <= 21:
		f *= 1.6
	}
	switch {
	case d.festive():
		return f * 0.5
	case d.worked():
		return f * 1.06
	}
	if product == financial {
		return f * 0.3
	}
	return f * 0.82
}

// peak is what crowding takes from the chance of being in time.
func (op *Operator) peak(d Day) float64 {
	if op.o.Quiet {
		return 0
	}
	for _, s := range festivals {
		if d >= s[0]-10 && d <= s[1]-4 {
			return 0.04
		}
	}
	if _, month, day := d.date().Date(); month == time.November && day >= 10 && day <= 18 {
		return 0.05
	}
	return 0
}

// chanceInTime is the chance that a case accepted on a day is delivered in time,
// as far as the incident does not decide.
func (op *Operator) chanceInTime(o *outlet, product, destination int, d Day) float64 {
	p := inTime[product] + o.skill
	if op.o.Quiet {
		return p
	}
	p -= op.peak(d) + max(op.storm(o.province, d), op.storm(destination, d+1))
	if provinces[o.province].code == improvementProvince {
		p -= 0.10
		if d >= op.plan.Improvement.Started {
			p += op.plan.Improvement.Effect
		}
	}
	if drift := op.plan.Drift; products[product] == drift.Product && d >= drift.From {
		p -= min(drift.Most, drift.PerWeek*float64(d-drift.From)/7)
	}
	return p
}
