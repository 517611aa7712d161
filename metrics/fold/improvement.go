package fold

import (
	"strings"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
)

// Flags of improvements.
const (
	// FlagPlanRepeated: a second plan of one improvement, which changes nothing.
	FlagPlanRepeated = "plan_repeated"
	// FlagPlanLate: planned only when the days to check had begun, so that its terms were not fixed before.
	FlagPlanLate = "plan_late"
	// FlagCheckRepeated: a second check of one improvement, which changes nothing: who may check until it fits finds what he
	// looks for.
	FlagCheckRepeated = "check_repeated"
	// FlagTermsCorrected: a plan or a check was corrected or taken back, so that its terms are others than were first told.
	FlagTermsCorrected = "terms_corrected"
)

// Days are a span of Beijing days, From inclusive and To exclusive.
type Days struct{ From, To calendar.Day }

// Len is the number of days.
func (d Days) Len() int { return int(d.To - d.From) }

// Improvement is work that is to make one indicator of one organisational unit better: plan, do, check, act (manual 4.4).
type Improvement struct {
	Unit
	// Indicator is the key of an indicator, and For the unit: the code of a region or an outlet. OwnerPost answers for it.
	Indicator, For, OwnerPost string
	// Baseline are the days to compare with, of the first plan; zero without a plan that can be read.
	Baseline Days
	// CheckPlanned is the day the plan names for the check.
	CheckPlanned calendar.Day
	// Check are the days of the first check; zero before it.
	Check Days
	// PlannedAt, StartedAt, CheckedAt and ClosedAt are zero for a stage that was not reported.
	PlannedAt, StartedAt, CheckedAt, ClosedAt time.Time
	// Result is what became of it: standardised, adjusted or dropped.
	Result string
}

// FoldImprovement returns the state of an improvement from the events that count: of each stage the first report. Events of
// other families are passed over.
//
// Source: indicator catalogue A5 and section C (improvement.*); manual 4.4.
func FoldImprovement(h History) Improvement {
	var m Improvement
	entries := m.begin(&h, func(t string) bool { return strings.HasPrefix(t, "cn.post.improvement.") })
	if len(entries) == 0 {
		return m
	}
	var planned, started, checked, closed moment
	m.State = "planned"
	for i, e := range entries {
		at := moment{e.Time, i}
		switch d := e.Payload.(type) {
		case *event.ImprovementPlanned:
			if planned.set() {
				m.flag(FlagPlanRepeated)
				continue
			}
			planned = at
			m.Indicator, m.For, m.OwnerPost = d.Indicator, d.Unit, d.OwnerPost
			m.Baseline = days(d.Baseline.Start, d.Baseline.End)
			// The contract has read the date already.
			m.CheckPlanned, _ = calendar.ParseDay(d.PlannedCheckDate)
		case *event.ImprovementStarted:
			started.first(at)
		case *event.ImprovementChecked:
			if checked.set() {
				m.flag(FlagCheckRepeated)
				continue
			}
			checked = at
			m.Check = days(d.Start, d.End)
		case *event.ImprovementClosed:
			if !closed.set() {
				closed, m.Result = at, d.Result
			}
		}
	}
	m.PlannedAt, m.StartedAt, m.CheckedAt, m.ClosedAt = planned.at, started.at, checked.at, closed.at
	for _, stage := range []struct {
		name string
		moment
	}{{"started", started}, {"checked", checked}, {"closed", closed}} {
		if stage.set() {
			m.State = stage.name
		}
	}
	m.Open = !closed.set()
	if m.Check.Len() > 0 && planned.set() && !planned.at.Before(m.Check.From.Start()) {
		m.flag(FlagPlanLate)
	}
	for _, n := range h.Notes {
		terms := n.Event.Type == event.TypeImprovementPlanned || n.Event.Type == event.TypeImprovementChecked
		if terms && (n.Fate == FateVoided || len(n.CorrectedBy) > 0) {
			m.flag(FlagTermsCorrected)
		}
	}
	if !planned.set() {
		m.flag(FlagIncomplete)
	}
	if illogical(planned, started, checked, closed) {
		m.flag(FlagIllogicalOrder)
	}
	return m
}

// days are the span between two dates that the contract has read already.
func days(start, end string) Days {
	from, err := calendar.ParseDay(start)
	if err != nil {
		return Days{}
	}
	to, err := calendar.ParseDay(end)
	if err != nil {
		return Days{}
	}
	return Days{from, to}
}
