package simulate

import (
	"fmt"
	"strconv"
	"time"
)

// duties makes what the operator itself reports on a day: its registry, its
// obligations, incidents, resources, improvements, exclusions, conduct and
// campaigns, and ready totals of others.
func (m *maker) duties(d Day) {
	m.dice = newDice(m.o.o.Seed, forDuties, d, 0)
	t := d.date()
	if d == m.o.first {
		m.registry(d)
	}
	if !m.o.plan.Quiet {
		if opened := m.o.outlets[len(m.o.outlets)-1]; opened.opened == d && d != m.o.first {
			m.registerOutlet(opened, d)
		}
		m.planted(d)
	}
	m.obligations(d, t)
	m.faults(d)
	if t.Day() == 1 {
		m.resources(d)
		m.tallies(d, t)
	}
	if t.Weekday() == time.Monday {
		m.volumes(d)
	}
	if t.Day() == 15 && int(t.Month())%3 == 0 {
		m.conduct(d)
	}
	if t.Month() == time.October && t.Day() <= 20 {
		m.campaign(d, t)
	}
}

func (m *maker) own(id string, source int) *subject { return &subject{id: id, source: source} }

func (m *maker) registry(d Day) {
	at := d.start()
	region := func(code, zh, en, parent string) {
		m.simple(m.own("R-"+code, sourceQuality), regionRegistered, at, func() {
			m.text("code", code)
			m.text("name_zh", zh)
			m.text("name_en", en)
			m.text("parent", parent)
		})
	}
	for i := range provinces {
		p := &provinces[i]
		region(p.code, p.zh, p.en, "")
		if p.municipality() {
			region(p.code+"01", p.zh, p.en, p.code)
		}
		for _, c := range p.cities {
			if !p.municipality() {
				region(c.code[:4], c.zh, c.en, p.code)
			}
			region(c.code, c.zh, c.en, c.code[:4])
		}
	}
	for _, o := range m.o.outlets {
		if o.opened == 0 {
			m.registerOutlet(o, d)
		}
	}
}

func (m *maker) registerOutlet(o *outlet, d Day) {
	m.simple(m.own("O-"+o.code, sourceQuality), outletRegistered, d.start(), func() {
		m.text("code", o.code)
		m.text("name_zh", o.zh)
		m.text("name_en", o.en)
		m.text("parent", o.region())
		if o.rural {
			m.text("area_type", "rural")
		} else {
			m.text("area_type", "city")
		}
		if o.opened != 0 {
			m.text("opened_on", o.opened.String())
		}
	})
}

// planted tells of what the plan has for a day.
func (m *maker) planted(d Day) {
	p := &m.o.plan
	centre := "SC-" + p.Incident.Region
	if from := p.Incident.From.UnixMicro(); dayOf(from) == d {
		s := m.own(p.Incident.Subject, sourceQuality)
		incident := func(until bool) func() {
			return func() {
				m.text("kind", "outage")
				m.whole("level", 2)
				m.text("unit", centre)
				m.text("device_ref", "sorter-1")
				m.flag("key", true)
				if until {
					m.instant("responded_at", from+2*hour)
				}
			}
		}
		m.simple(s, incidentOpened, from+20*minute, incident(false))
		m.simple(s, incidentClosed, p.Incident.Until.UnixMicro(), incident(true))
	}
	for _, i := range [...]*Improvement{&p.Improvement, &p.Futile} {
		if i.Planned != d {
			continue
		}
		s := m.own(i.Subject, sourceQuality)
		m.simple(s, improvementPlanned, d.start()+10*hour, func() {
			m.text("indicator", i.Indicator)
			m.text("unit", i.Region)
			m.text("owner_post", "operations-"+i.Region)
			m.object("baseline")
			m.text("start", (i.Started - 90).String())
			m.text("end", i.Started.String())
			m.close()
			m.text("planned_check_date", i.Checked.String())
		})
		m.simple(s, improvementStarted, i.Started.start()+9*hour, nil)
		m.simple(s, improvementChecked, i.Checked.start()+16*hour, func() {
			m.text("start", i.Started.String())
			m.text("end", i.Checked.String())
		})
		result := "standardised"
		if i.Effect == 0 {
			result = "dropped"
		}
		m.simple(s, improvementClosed, (i.Checked+7).start()+11*hour, func() { m.text("result", result) })
	}
	if int(d)%7 != 6 {
		return
	}
	for n, w := range m.o.weatherOf(int(d) / 7) {
		if w.penalty < 0.2 || w.from > d {
			continue
		}
		s := m.own(fmt.Sprintf("EX-%s-%d", d, n), sourceQuality)
		m.simple(s, exclusionRequested, d.start()+9*hour, func() {
			m.text("kind", "force_majeure")
			m.object("scope")
			m.texts("regions", provinces[w.provinces[0]].code)
			m.close()
			m.instant("from", w.from.start())
			m.instant("until", (w.until + 2).start())
			m.text("evidence_ref", "met-"+w.from.String())
			m.text("requester_ref", "m-"+provinces[w.provinces[0]].code+"-1")
		})
		m.simple(s, exclusionApproved, d.start()+34*hour, func() {
			m.text("approver_ref", "m-head-1")
			m.text("requester_ref", "m-"+provinces[w.provinces[0]].code+"-1")
		})
		if m.chance(0.2) {
			m.simple(s, exclusionWithdrawn, d.start()+80*hour, func() { m.text("reason", "evidence") })
		}
	}
}

// duty is an obligation that every province has once in so many months.
type duty struct {
	kind   string
	months int
}

var dutyList = [...]duty{
	{"equipment_care_monthly", 1}, {"patrol", 1}, {"supervision_report", 1},
	{"training_quarterly", 3}, {"equipment_check_quarterly", 3}, {"infosec_training", 3},
	{"access_review", 3}, {"supplies_check", 3}, {"assessment", 3}, {"conduct_check", 3},
	{"emergency_drill", 6}, {"restore_drill", 6}, {"archive_review", 6},
	{"training_key_post_annual", 12}, {"equipment_overhaul_annual", 12}, {"internal_audit", 12}, {"document_review", 12},
}

// obligations are scheduled on the first of a month for its provinces, due at the
// end of their period, and done in time, late or never.
func (m *maker) obligations(d Day, t time.Time) {
	if t.Day() != 1 && d != m.o.first {
		return
	}
	for i, duty := range dutyList {
		if (int(t.Month())-1)%duty.months != 0 && d != m.o.first {
			continue
		}
		first := time.Month((int(t.Month())-1)/duty.months*duty.months + 1)
		due := NewDay(t.Year(), first+time.Month(duty.months), 1) - 1
		for p := range provinces {
			s := m.own(fmt.Sprintf("D-%s-%s-%02d", dayDigits(d), provinces[p].code, i), sourceQuality)
			m.simple(s, assuranceScheduled, d.start()+8*hour, func() {
				m.text("kind", duty.kind)
				m.text("unit", provinces[p].code)
				m.text("due_date", due.String())
				m.text("period", quarterOf(due))
				if duty.kind == "equipment_check_quarterly" {
					m.text("target_ref", "sorter-1")
					m.flag("key", true)
				}
			})
			u := m.Float64()
			var at int64
			switch {
			case u < 0.93:
				at = m.span(d.start()+9*hour, due.last())
			case u < 0.965:
				at = due.last() + m.span(second, 20*daySpan)
			case u < 0.975:
				m.simple(s, assuranceWaived, m.span(d.start()+9*hour, due.last()), func() { m.text("reason", "unit_closed") })
				continue
			default:
				continue
			}
			result, met := "pass", int64(10)
			if m.chance(0.05) {
				result, met = "fail", 6
			}
			score := float64(70 + m.IntN(30))
			f := m.simple(s, assurancePerformed, at, func() {
				m.text("result", result)
				m.number("score", score)
				m.number("hours", 1.5)
				m.whole("participants", int64(5+p))
				m.text("record_ref", "rec-"+s.id)
				m.whole("items_met", met)
				m.whole("items_total", 10)
			})
			if m.chance(m.o.shares.Corrected) {
				m.correction(s, assuranceCorrected, int(f.seq), at+2*daySpan, func() {
					m.object("data")
					m.number("score", score-1)
					m.close()
				})
			}
		}
	}
}

// faults are the small incidents of every day.
func (m *maker) faults(d Day) {
	for n := range m.poisson(0.3) {
		p := m.IntN(len(provinces))
		kind := [...]string{"equipment_fault", "infosec", "emergency"}[m.pick([]float64{0.85, 0.1, 0.05})]
		at := m.hours(d, 0, 24)
		s := m.own(fmt.Sprintf("INC-%s-%d", dayDigits(d), n), sourceQuality)
		data := func() {
			m.text("kind", kind)
			m.whole("level", 4)
			m.text("unit", provinces[p].code)
			m.flag("key", false)
		}
		m.simple(s, incidentOpened, at, data)
		m.simple(s, incidentClosed, at+m.span(hour, 3*daySpan), data)
	}
}

func (m *maker) resources(d Day) {
	for p := range provinces {
		employees := int64(80 + 20*provinces[p].weight)
		m.simple(m.own("RS-"+provinces[p].code+"-"+dayDigits(d), sourceQuality), resourceSnapshot, d.start()+7*hour, func() {
			m.text("date", d.String())
			m.text("unit", provinces[p].code)
			m.whole("employees", employees)
			m.whole("key_post_employees", employees/8)
			m.whole("new_employees", employees/20)
			m.whole("devices", employees/4)
			m.whole("key_devices", employees/16)
			m.whole("key_devices_with_backup", employees/16-1)
			m.number("courier_hours", float64(employees)*168)
			m.whole("delivery_areas", 40)
			m.whole("areas_served", 40-int64(p%3))
			m.whole("certified_employees", employees*9/10)
			m.whole("plans_valid", 3)
		})
	}
}

// tallies are the regulator's totals of the month before.
func (m *maker) tallies(d Day, t time.Time) {
	month := t.AddDate(0, -1, 0).Format("2006-01")
	for p := range provinces {
		received := int64(m.poisson(4 * provinces[p].weight))
		m.simple(m.own("TT-"+provinces[p].code+"-"+month, sourceRegulator), ticketTallied, d.start()+9*hour, func() {
			m.text("month", month)
			m.text("region", provinces[p].code)
			m.text("line", "postal")
			m.whole("received", received)
			m.whole("valid", received/6)
			m.whole("decided", received)
			m.whole("satisfied", received*95/100)
		})
	}
}

// volumes are totals of agents in places without a system.
func (m *maker) volumes(d Day) {
	items := int64(40 + m.IntN(30))
	m.simple(m.own("V-540200-"+dayDigits(d), sourceAgents), volumeReported, d.start()+20*hour, func() {
		m.text("date", d.String())
		m.text("region", "540200")
		m.text("product", "letter")
		m.whole("items", items)
		m.whole("promised_items", items)
		m.whole("on_time_items", items*8/10)
	})
}

func (m *maker) conduct(d Day) {
	for n := range 12 {
		o := m.o.outlets[m.IntN(len(m.o.outlets))]
		good := m.chance(0.6)
		m.simple(m.own("CR-"+dayDigits(d)+"-"+strconv.Itoa(n), sourceQuality), conductRecorded, d.start()+15*hour, func() {
			m.text("staff_ref", fmt.Sprintf("s-%03d-00", o.index))
			m.text("unit", o.code)
			if good {
				m.whole("points", 2)
				m.text("action", "bonus")
			} else {
				m.whole("points", -2)
				m.text("action", "deduction")
			}
			m.text("quarter", quarterOf(d))
		})
	}
}

func (m *maker) campaign(d Day, t time.Time) {
	for _, channel := range [...]string{"video", "community"} {
		views := int64(20_000 + m.IntN(30_000))
		m.simple(m.own("CP-"+strconv.Itoa(t.Year())+"-"+channel+"-"+dayDigits(d), sourceQuality), campaignReported, d.start()+23*hour, func() {
			m.text("campaign", "peak-season-"+strconv.Itoa(t.Year()))
			m.text("date", d.String())
			m.text("channel", channel)
			m.whole("views", views)
			m.whole("reach", views/2)
			m.whole("conversions", views/100)
		})
	}
}
