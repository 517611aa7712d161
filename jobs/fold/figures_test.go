package fold_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
)

// clocks are the indicators of a deadline: the population and the step that a
// source has to report, written down here a second time.
var clocks = map[string]struct{ base, anchor, reports string }{
	"on_time_delivery_rate":            {"cases", "promise", "delivered"},
	"on_time_delivery_rate_by_day":     {"cases", "promise_day", "delivered"},
	"overdue_open_cases":               {"cases", "promise", "delivered"},
	"enquiry_answer_24h_rate":          {"tickets", "enquiry_answer", "responded"},
	"complaint_accept_24h_rate":        {"tickets", "complaint_accept", "accepted"},
	"complaint_investigation_7wd_rate": {"tickets", "complaint_investigation", "investigated"},
	"complaint_feedback_15wd_rate":     {"tickets", "complaint_feedback", "replied"},
	"ticket_on_time_rate":              {"tickets", "ticket_due", "replied"},
	"case_acceptance_on_time_rate":     {"cases", "acceptance", "accepted"},
	"feedback_response_3wd_rate":       {"tickets", "feedback_response", "responded"},
}

// judged is what one unit is to an indicator.
type judged struct {
	key, subject string
	day          calendar.Day
	part         metrics.Part
	// numerator and denominator are what the unit adds to them.
	numerator, denominator float64
}

// judge sorts every unit of the reference into the parts of the indicators, unit
// by unit, without SQL.
func judge(units []unit, at time.Time) []judged {
	type reporter struct{ base, source, product, step string }
	reports := map[reporter]bool{}
	for _, u := range units {
		for _, a := range u.Anchors {
			for _, step := range u.Steps {
				reports[reporter{u.base, u.Source, u.Dims.Product, step}] = reports[reporter{u.base, u.Source, u.Dims.Product, step}] || a.Excluded != fold.ExcludedTest
			}
		}
	}
	var out []judged
	for _, u := range units {
		for _, a := range u.Anchors {
			add := func(key string, part metrics.Part, numerator, denominator float64) {
				switch {
				case a.Excluded != "":
					out = append(out, judged{key, u.Subject, a.Day, metrics.PartExcluded, 0, 0})
				case a.Unknown:
					out = append(out, judged{key, u.Subject, a.Day, metrics.PartUnknown, 0, 0})
				default:
					out = append(out, judged{key, u.Subject, a.Day, part, numerator, denominator})
				}
			}
			for key, c := range clocks {
				if c.base != u.base || c.anchor != a.Name || !reports[reporter{u.base, u.Source, u.Dims.Product, c.reports}] {
					continue
				}
				waits := a.Undetermined || a.Paused || a.Due.IsZero()
				if key == "overdue_open_cases" {
					if a.Excluded == "" && !a.Unknown && a.Open && !waits && a.Due.Before(at) {
						add(key, metrics.PartNumerator, 1, 0)
					}
					continue
				}
				switch {
				case waits || a.Due.After(at):
					add(key, metrics.PartPending, 0, 0)
				case !a.Done.IsZero() && !a.Done.After(a.Due):
					add(key, metrics.PartNumerator, 1, 1)
				default:
					add(key, metrics.PartMissed, 0, 1)
				}
			}
			told := func(steps ...string) bool {
				return !slices.ContainsFunc(steps, func(step string) bool { return !reports[reporter{u.base, u.Source, u.Dims.Product, step}] })
			}
			switch u.base {
			case "cases":
				judgeCase(u.kase, a, at, told, add)
			case "tickets":
				judgeTicket(u.ticket, a, at, told, add)
			case "surveys":
				judgeSurvey(u.score, a, at, told, add)
			}
			switch {
			case u.base == "tickets" && a.Name == "received" && u.words["kind"] == "complaint":
				add("complaint_rate_p10k", metrics.PartNumerator, 1, 0)
			case u.base == "cases" && a.Name == "accepted" && a.Excluded == "":
				add("complaint_rate_p10k", metrics.PartDenominator, 0, 1)
			case u.base == "surveys" && a.Name == "answered" && u.score.Scored && u.words["instrument"] == "csat":
				s := u.score
				add("satisfaction_score_100", metrics.PartNumerator, millionths(s.Weight*100*(s.Score-s.ScoreMin)/(s.ScoreMax-s.ScoreMin)), millionths(s.Weight))
				if s.ScoreMin == 1 && s.ScoreMax == 5 {
					if s.Score >= 4 {
						add("satisfaction_top2_rate", metrics.PartNumerator, millionths(s.Weight), millionths(s.Weight))
					} else {
						add("satisfaction_top2_rate", metrics.PartMissed, 0, millionths(s.Weight))
					}
				}
			}
		}
	}
	return out
}

// judging adds a unit to an indicator; told says whether its source reports some
// steps for its product.
type (
	judging func(key string, part metrics.Part, numerator, denominator float64)
	told    func(steps ...string) bool
)

// either counts a unit as success or failure.
func (add judging) either(key string, success bool) {
	if success {
		add(key, metrics.PartNumerator, 1, 1)
	} else {
		add(key, metrics.PartMissed, 0, 1)
	}
}

func judgeCase(c *fold.Case, a fold.Anchor, at time.Time, told told, add judging) {
	unknown := func(key string) { add(key, metrics.PartUnknown, 0, 0) }
	switch a.Name {
	case "accepted":
		add("case_volume", metrics.PartNumerator, 1, 1)
		for _, key := range []string{"delivery_duration_hours_p50", "delivery_duration_hours_p90"} {
			switch {
			case !told("delivered"):
			case c.SettledOutcome == fold.OutcomeDelivered && (c.DeliveredTimeUnknown || c.SettledAt.Before(c.AcceptedAt)):
				unknown(key)
			default:
				add(key, metrics.PartNumerator, 0, 1)
			}
		}
	case "ended":
		add.either("loss_rate", c.Outcome == "lost")
		if told(c.Path...) {
			add.either("process_conformance_rate", c.Conforms)
		}
		switch {
		case c.FirstAttemptAt.IsZero() || !told("delivered"):
		case !c.DeliveredAt.IsZero() && c.DeliveredAttemptNo == 0:
			unknown("first_attempt_delivery_rate")
		default:
			add.either("first_attempt_delivery_rate", c.DeliveredAttemptNo == 1)
		}
	case "archiving":
		documents := 0
		for _, d := range []string{"application_form", "approval_record", "operation_log", "delivery_receipt"} {
			if slices.Contains(c.ArchivedDocuments, d) {
				documents++
			}
		}
		switch {
		case !told("archived"):
		case a.Undetermined || a.Due.After(at):
			add("archive_completeness_rate", metrics.PartPending, 0, 0)
		default:
			add.either("archive_completeness_rate", documents == 4)
		}
	case "promise":
		if !told("delivered") {
			return
		}
		inTime := !a.Done.IsZero() && !a.Done.After(a.Due)
		for _, key := range []string{"delivery_delay_hours_p50", "delivery_delay_hours_p90", "delivery_delay_hours_mean"} {
			switch {
			case a.Excluded != "" || a.Unknown:
				add(key, "", 0, 0)
			case a.Undetermined || a.Paused || a.Due.IsZero() || a.Due.After(at):
				add(key, metrics.PartPending, 0, 0)
			case inTime || a.Done.IsZero() && (!a.Open || !a.Due.Before(at)):
			case key != "delivery_delay_hours_mean":
				add(key, metrics.PartNumerator, 0, 1)
			case a.Done.IsZero():
				add(key, metrics.PartNumerator, millionths(hours(at.Sub(a.Due))), 1)
			default:
				add(key, metrics.PartNumerator, millionths(hours(a.Done.Sub(a.Due))), 1)
			}
		}
	}
}

func judgeTicket(k *fold.Ticket, a fold.Anchor, at time.Time, told told, add judging) {
	complaint := k.Kind == "complaint"
	switch a.Name {
	case "received":
		for _, key := range []string{"response_hours_p50", "response_hours_p90"} {
			if !k.FirstResponseAt.IsZero() && k.FirstResponseAt.Before(k.ReceivedAt) {
				add(key, metrics.PartUnknown, 0, 0)
			} else {
				add(key, metrics.PartNumerator, 0, 1)
			}
		}
		if complaint {
			add("complaint_volume", metrics.PartNumerator, 1, 1)
			add.either("complaint_escalation_rate", k.EscalationLevel > 1)
		}
	case "closed":
		if k.FirstOwner == "" {
			add("first_contact_responsibility_rate", metrics.PartUnknown, 0, 0)
		} else {
			add.either("first_contact_responsibility_rate", k.OwnerKept)
		}
		if !complaint || !told("replied") {
			return
		}
		if until := k.ClosedAt.Add(30 * 24 * time.Hour); until.After(at) {
			add("complaint_reopen_rate", metrics.PartPending, 0, 0)
		} else {
			add.either("complaint_reopen_rate", !k.ReopenedAfterAt.IsZero() && !k.ReopenedAfterAt.After(until))
		}
	}
}

func judgeSurvey(s *fold.Survey, a fold.Anchor, at time.Time, told told, add judging) {
	switch {
	case a.Name == "invited" && told("answered"):
		if until := s.InvitedAt.Add(14 * 24 * time.Hour); until.After(at) {
			add("survey_response_rate", metrics.PartPending, 0, 0)
		} else {
			add.either("survey_response_rate", !s.AnsweredAt.IsZero() && !s.AnsweredAt.After(until))
		}
	case a.Name == "answered" && s.Scored && s.Instrument == "nps" && s.ScoreMin == 0 && s.ScoreMax == 10:
		value := 0.0
		if s.Score >= 9 {
			value = 100
		} else if s.Score <= 6 {
			value = -100
		}
		add("nps", metrics.PartNumerator, millionths(value*s.Weight), millionths(s.Weight))
	}
}

// hours divides once, so that its last bit is that of the catalogue's expression.
func hours(d time.Duration) float64 { return float64(d.Microseconds()) / 3_600_000_000 }

// millionths is a value as sums hold it: in millionths, ties to the even one.
func millionths(v float64) float64 { return math.RoundToEven(v*1e6) / 1e6 }

// span holds all days that histories have units on.
var span = calendar.Period{From: calendar.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)), To: calendar.DayOf(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))}

// tally is a figure's parts as text, for comparison; decimals to 1e-6.
type tally struct {
	numerator, denominator     float64
	pending, excluded, unknown int64
}

func (a *tally) add(j judged) {
	switch j.part {
	case metrics.PartPending:
		a.pending++
	case metrics.PartExcluded:
		a.excluded++
	case metrics.PartUnknown:
		a.unknown++
	default:
		a.numerator += j.numerator
		a.denominator += j.denominator
	}
}

func (a tally) String() string {
	return fmt.Sprintf("%v / %v, pending %d, excluded %d, unknown %d", millionths(a.numerator), millionths(a.denominator), a.pending, a.excluded, a.unknown)
}

func tallyOf(f metrics.Figure) tally {
	var out tally
	if f.Numerator != nil {
		out.numerator = *f.Numerator
	}
	if f.Denominator != nil {
		out.denominator, out.pending, out.excluded, out.unknown = *f.Denominator, *f.Pending, *f.Excluded, *f.Unknown
	}
	return out
}

func (r *room) figures(t testing.TB, q metrics.Question) []metrics.Figure {
	t.Helper()
	q.From, q.To = span.From, span.To
	out, err := r.eval.Figures(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *room) keys(base string) []string {
	var out []string
	for _, ind := range r.cat.All() {
		if base == "" || ind.Kind != catalogue.RatioOfCounts && ind.Population.Base == base {
			out = append(out, ind.Key)
		}
	}
	return out
}

// figuresByDay names the days on which the live figures are not the units judged
// one by one.
func (r *room) figuresByDay(t testing.TB, all []judged) string {
	t.Helper()
	tallies := map[string]tally{}
	for _, j := range all {
		place := fmt.Sprintf("%s %s", j.key, j.day)
		if j.key == "overdue_open_cases" {
			place = j.key
		}
		s := tallies[place]
		s.add(j)
		tallies[place] = s
	}
	want, got := rows{}, rows{}
	for place, s := range tallies {
		if s != (tally{}) {
			want[place] = s.String()
		}
	}
	for _, f := range r.figures(t, metrics.Question{Keys: r.keys(""), Grain: calendar.GrainDay}) {
		place := fmt.Sprintf("%s %s", f.Key, f.From)
		if f.Key == "overdue_open_cases" {
			place = f.Key
		}
		if s := tallyOf(f); s != (tally{}) {
			got[place] = s.String()
		}
	}
	return differences(want, got)
}

// checkFigures holds the live figures of every day to the units judged one by
// one, and their splits to those from the events.
func (r *room) checkFigures(t testing.TB, all []judged) {
	t.Helper()
	if diff := r.figuresByDay(t, all); diff != "" {
		t.Errorf("figures by day are not the units judged one by one:\n%s", diff)
	}
	// What facts answer, and what only the state can; both also from the events.
	for _, q := range []metrics.Question{
		{Keys: r.keys(""), By: []string{"region", "product"}, Grain: calendar.GrainMonth},
		{Keys: r.keys(""), By: []string{"region6", "outlet"}},
		{Keys: r.keys(""), By: []string{"region"}, Grain: calendar.GrainWeek},
		{Keys: r.keys(""), By: []string{"product"}, Grain: calendar.GrainMonth},
		{Keys: r.keys("cases"), By: []string{"channel"}, Where: map[string][]string{"channel": {"phone", "outlet", "unknown"}}},
		{Keys: r.keys(""), Where: map[string][]string{"region": {"33", "X-9"}}, Grain: calendar.GrainYear},
		{Keys: r.keys("cases"), By: []string{"direction", "channel"}, Grain: calendar.GrainQuarter},
		{Keys: r.keys("tickets"), By: []string{"kind"}, Where: map[string][]string{"severity": {"1", "3", "unknown"}}, Grain: calendar.GrainWeek},
		{Keys: r.keys("surveys"), By: []string{"wave"}},
	} {
		live := r.figures(t, q)
		if len(live) == 0 {
			t.Errorf("no figures for %+v", q)
		}
		q.AsOf = asOf
		if diff := cmp.Diff(r.figures(t, q), live); diff != "" {
			t.Errorf("live figures by %v where %v are not those of the events (-events +live):\n%.2000s", q.By, q.Where, diff)
		}
	}
	// Facts and state tell the same: the sum over a dimension that facts do not
	// have is the figure without it.
	for base, more := range map[string]string{"cases": "area_type", "tickets": "category", "surveys": "instrument"} {
		sums := func(by ...string) rows {
			found := map[string]tally{}
			for _, f := range r.figures(t, metrics.Question{Keys: r.keys(base), By: by}) {
				place := f.Key + " " + f.By["outlet"]
				s, more := found[place], tallyOf(f)
				s.numerator += more.numerator
				s.denominator += more.denominator
				s.pending += more.pending
				s.excluded += more.excluded
				s.unknown += more.unknown
				found[place] = s
			}
			out := rows{}
			for place, s := range found {
				out[place] = s.String()
			}
			return out
		}
		if diff := differences(sums("outlet"), sums("outlet", more)); diff != "" {
			t.Errorf("figures by outlet from the facts are not those from the state:\n%s", diff)
		}
	}
}

// checkLists fetches the lists of some indicators to the end, live and from the
// events, and holds them to the units judged one by one.
func (r *room) checkLists(t testing.TB, all []judged, keys []string) {
	t.Helper()
	ctx := context.Background()
	for _, key := range keys {
		ind, _ := r.cat.Get(key)
		for _, part := range []metrics.Part{metrics.PartNumerator, metrics.PartDenominator, metrics.PartMissed, metrics.PartPending, metrics.PartExcluded, metrics.PartUnknown} {
			if ind.Window == catalogue.Snap && part != metrics.PartNumerator || ind.Kind == catalogue.RatioOfCounts && part == metrics.PartMissed {
				continue
			}
			var want []string
			for _, j := range all {
				in := j.part == part
				if part == metrics.PartDenominator {
					// The list of a denominator holds what the numerator's holds.
					in = in || ind.Kind != catalogue.RatioOfCounts && (j.part == metrics.PartNumerator || j.part == metrics.PartMissed)
				}
				if j.key == key && in {
					want = append(want, j.day.String()+" "+j.subject)
				}
			}
			slices.Sort(want)
			for _, q := range []metrics.Question{{}, {AsOf: asOf}} {
				q.Keys, q.From, q.To = []string{key}, span.From, span.To
				var got []string
				for cursor, more := "", true; more; more = cursor != "" {
					page, err := r.eval.Rows(ctx, q, part, cursor, len(want)/3+1)
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range page.Rows {
						got = append(got, row.Day.String()+" "+row.Subject)
					}
					cursor = page.Next
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("list of %s, %s, as of %q (-want +got):\n%.2000s", key, part, q.AsOf, diff)
				}
			}
		}
	}
}
