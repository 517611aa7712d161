package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/stats"
	"youzhi/queries/queriestest"
)

// history are messages by topic.
type history map[string][][]byte

func (h history) add(kind, subject string, at time.Time, data string) {
	topic, _ := event.TopicOf(kind)
	h[topic] = append(h[topic], fmt.Appendf(nil,
		`{"specversion":"1.0","id":"%s-%d","source":"/cn/post/core","type":%q,"subject":%q,"time":%q,"dataschema":"urn:youzhi:schema:%s:1","data":%s}`,
		subject, len(h[topic]), kind, subject, at.Format(time.RFC3339), kind, data))
}

// cases adds n cases that are due four days after a day, of which some are late.
func (h history) cases(region string, accepted calendar.Day, n, late int) {
	at := accepted.At(9 * time.Hour)
	for i := range n {
		id := fmt.Sprintf("C-%s-%s-%d", region, accepted, i)
		h.add(event.TypeCaseAccepted, id, at, fmt.Sprintf(`{"product":"parcel","region":%q,"outlet":"O-%s","channel":"outlet","direction":"domestic","promised_at":%q}`,
			region, region, at.AddDate(0, 0, 4).Format(time.RFC3339)))
		done := at.AddDate(0, 0, 3)
		if i < late {
			done = at.AddDate(0, 0, 5)
		}
		h.add(event.TypeCaseDelivered, id, done, `{"result":"to_addressee"}`)
	}
}

// The worked examples of STATISTICS.md 1, 2 and 5, by months from January 2024.
var (
	example1 = []float64{88.2, 89.1, 87.5, 90.3, 88.8, 86.9, 89.6, 88.1, 90.0, 87.7, 88.4, 89.3}
	shifted  = []float64{88.9, 89.2, 88.7, 89.5, 88.8, 89.1}
	example2 = struct{ late, n []int }{[]int{182, 175, 190, 168, 201, 160, 177, 185}, []int{1000, 950, 1050, 980, 1020, 870, 990, 1010}}
	// complaints of the same months.
	complaints = []int{31, 28, 35, 52, 30, 27, 29, 30}
)

// weekly is region 11: a hundred cases a week from the first Monday of 2024, 15 of
// them late and from the 24th week on 40, with the 22nd week missing.
const (
	weekly      = "110100"
	missingWeek = 21
)

func monthOf(i int) calendar.Day { return calendar.Date(2024, time.January+time.Month(i), 1) }

// daily is region 44: sixty cases due each day for seventy days from 1 January
// 2024, on Saturdays and Sundays more of them late than else.
const daily, dailyDays = "440100", 70

// lateOn is how many of a day's sixty are late; the 66th day is a bad one.
func lateOn(i int) int {
	late := 6 + 2*(i*i%3-1)
	if i%7 >= 5 {
		late += 12
	}
	if i == 65 {
		late = 30
	}
	return late
}

var boundTo = calendar.Date(2024, time.July, 1)

func trendHistory() history {
	h := history{}
	for i := range dailyDays {
		h.cases(daily, calendar.Date(2024, time.January, 1)+calendar.Day(i)-4, 60, lateOn(i))
	}
	for i, v := range append(slices.Clone(example1), shifted...) {
		h.add("cn.post.survey.answered", fmt.Sprintf("S%d", i), monthOf(i).At(9*time.Hour),
			fmt.Sprintf(`{"instrument":"csat","answers":[{"item":"overall","role":"score","value":%v,"min":0,"max":100}]}`, v))
	}
	// A part of December 2023, before which nothing is known.
	h.cases("330100", calendar.Date(2023, time.December, 20), 5, 0)
	for i, n := range example2.n {
		h.cases("330100", monthOf(i)-4, n/2, example2.late[i]/2)
		h.cases("330100", monthOf(i)+10, n-n/2, example2.late[i]-example2.late[i]/2)
		for k := range complaints[i] {
			h.add(event.TypeTicketReceived, fmt.Sprintf("T%d-%d", i, k), monthOf(i).At(10*time.Hour), `{"kind":"complaint","region":"330100","channel":"phone"}`)
		}
	}
	// Region 64 has one case on the first day that a trend by day up to June 2024
	// looks at, and one on the last.
	for _, due := range []calendar.Day{boundTo - calendar.Day(metrics.TrendPeriods(calendar.GrainDay)), boundTo - 1} {
		h.cases("640100", due-4, 1, 0)
	}
	// Customs keep one of September, which no other month has to wait for.
	september := monthOf(8)
	h.cases("330100", september, 40, 4)
	held := september.At(9 * time.Hour)
	h.add(event.TypeCaseAccepted, "C-held", held, fmt.Sprintf(`{"product":"parcel","region":"330100","outlet":"O","channel":"outlet","direction":"inbound","promised_at":%q}`, held.AddDate(0, 0, 9).Format(time.RFC3339)))
	h.add(event.TypeCasePaused, "C-held", held.AddDate(0, 0, 1), `{"reason":"customs"}`)
	for w := range 28 {
		late := 15
		switch {
		case w == missingWeek:
			continue
		case w >= 23:
			late = 40
		}
		h.cases(weekly, calendar.Date(2024, time.January, 1)+calendar.Day(7*w)-4, 100, late)
	}
	return h
}

func TestTrends(t *testing.T) {
	r := newRoom(t)
	ctx := context.Background()
	for topic, messages := range trendHistory() {
		queriestest.Store(t, r.db, topic, 0, messages...)
	}
	asOf := calendar.Date(2025, time.July, 15).At(0)
	if err := r.job.Run(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	ask := func(t *testing.T, q metrics.Question) []metrics.Trend {
		t.Helper()
		if q.To == 0 {
			q.From, q.To = calendar.Date(2025, time.June, 1), calendar.Date(2025, time.July, 1)
		}
		live, err := r.eval.Trends(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		// The same from the events alone.
		q.AsOf = asOf
		past, err := r.eval.Trends(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(past, live); diff != "" {
			t.Errorf("live trends differ from those of the events (-events +live):\n%s", diff)
		}
		for _, trend := range live {
			checkShape(t, trend)
		}
		return live
	}
	zhejiang := map[string][]string{"region": {"33"}}

	t.Run("a mean has an XmR chart", func(t *testing.T) {
		trend := ask(t, metrics.Question{Keys: []string{"satisfaction_score_100"}})[0]
		if trend.Grain != calendar.GrainMonth {
			t.Fatalf("one answer a month is judged by %s", trend.Grain)
		}
		points := trend.Chart.Points
		if len(points) != 18 || points[0].Label != "2024-01" {
			t.Fatalf("%d points from %s", len(points), points[0].Label)
		}
		phase, _ := trend.Chart.Last()
		near(t, "mean", phase.Centre, 88.658333)
		near(t, "lower limit", points[17].Limits.Lower, 84.136333)
		near(t, "upper limit", points[17].Limits.Upper, 93.180333)
		signals := trend.Signals()
		want := []metrics.Signal{{Signal: stats.Signal{Rule: stats.RuleShift, Side: stats.SideHigh, From: 11, To: 18}, Direction: stats.DirectionImprovement}}
		if diff := cmp.Diff(want, signals); diff != "" {
			t.Error(diff)
		}
		if trend.Variation.Letter() != "H" || trend.Assurance.Assurance != stats.AssuranceMixed {
			t.Errorf("icons %+v %+v", trend.Variation, trend.Assurance)
		}
	})
	t.Run("a rate has a p chart", func(t *testing.T) {
		q := metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: zhejiang, Grain: calendar.GrainMonth}
		trend := ask(t, q)[0]
		points := trend.Chart.Points
		// December 2023 was not seen from its first day on.
		if points[0].Label != "2024-01" || points[len(points)-1].Label != "2025-06" {
			t.Fatalf("points from %s to %s", points[0].Label, points[len(points)-1].Label)
		}
		phase, _ := trend.Chart.Last()
		if phase.Kind != stats.KindP || phase.State != stats.PhaseTrial || phase.Points != 8 {
			t.Errorf("phase %+v", phase)
		}
		near(t, "mean", phase.Centre, 1-0.182719)
		for i, lates := range map[int][2]float64{0: {0.146059, 0.219380}, 4: {0.146420, 0.219019}, 5: {0.143415, 0.222023}} {
			near(t, "lower limit", points[i].Limits.Lower, 1-lates[1])
			near(t, "upper limit", points[i].Limits.Upper, 1-lates[0])
		}
		// One of 41 is with customs: the month may still change.
		if p := points[8]; !p.Unfinished || p.Judged || p.Limits != nil {
			t.Errorf("September is judged: %+v", p)
		}
		if p := points[10]; !p.Missing || p.Unfinished {
			t.Errorf("November has no data: %+v", p)
		}
		if trend.Variation.Hidden != stats.ReasonTrial || trend.Assurance.Hidden != stats.ReasonTrial {
			t.Errorf("icons %+v %+v", trend.Variation, trend.Assurance)
		}
		// Wherever the question begins, and at the end of a whole month.
		q.From, q.To = calendar.Date(2024, time.May, 3), calendar.Date(2024, time.June, 20)
		early := ask(t, q)[0]
		if diff := cmp.Diff([]string{"2024-01", "2024-05"}, []string{early.Chart.Points[0].Label, early.Chart.Points[len(early.Chart.Points)-1].Label}); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("complaints per volume have a u chart", func(t *testing.T) {
		trend := ask(t, metrics.Question{Keys: []string{"complaint_rate_p10k"}, Where: zhejiang, Grain: calendar.GrainMonth})[0]
		phase, _ := trend.Chart.Last()
		p := trend.Chart.Points[2]
		// The half of a month that is due on its first day is accepted in the month before.
		volume := float64(example2.n[2]-example2.n[2]/2) + float64(example2.n[3]/2)
		if phase.Kind != stats.KindU || trend.Chart.Points[0].Label != "2024-01" || p.Denominator != volume || p.Numerator != 35 {
			t.Fatalf("phase %+v, March %+v", phase, p)
		}
		near(t, "value", p.Value, 35/volume*10000)
		half := 3 * math.Sqrt(phase.Centre*10000/volume)
		near(t, "upper limit", p.Limits.Upper, phase.Centre+half)
		near(t, "lower limit", p.Limits.Lower, phase.Centre-half)
	})
	t.Run("a scope with enough in a week is judged by weeks", func(t *testing.T) {
		trends := ask(t, metrics.Question{Keys: []string{"on_time_delivery_rate"}, By: []string{"region"}, Where: map[string][]string{"region": {"11", "33", "44"}}, From: calendar.Date(2024, time.July, 1), To: calendar.Date(2024, time.July, 15)})
		grains := map[string]calendar.Grain{}
		for _, trend := range trends {
			grains[trend.By["region"]] = trend.Grain
		}
		want := map[string]calendar.Grain{"11": calendar.GrainWeek, "33": calendar.GrainMonth, "44": calendar.GrainMonth}
		if diff := cmp.Diff(want, grains); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		trend := trends[0]
		points := trend.Chart.Points
		phase, _ := trend.Chart.Last()
		if phase.State != stats.PhaseFrozen || phase.Baseline != stats.BaselineWeekly || len(points) != 28 {
			t.Errorf("%d points, phase %+v", len(points), phase)
		}
		near(t, "mean", phase.Centre, 0.85)
		near(t, "lower limit", points[27].Limits.Lower, 0.85-3*math.Sqrt(0.85*0.15/100))
		if p := points[missingWeek]; !p.Missing || trend.Figures[missingWeek].Value != nil || trend.Figures[missingWeek].Status != metrics.StatusNoData {
			t.Errorf("the missing week: %+v %+v", p, trend.Figures[missingWeek])
		}
		signals := []metrics.Signal{{Signal: stats.Signal{Rule: stats.RuleOutside, Side: stats.SideLow, From: 23, To: 28}, Direction: stats.DirectionConcern}}
		if diff := cmp.Diff(signals, trend.Signals()); diff != "" {
			t.Error(diff)
		}
		if trend.Variation.Letter() != "L" || trend.Variation.Rule != stats.RuleOutside {
			t.Errorf("icon %+v", trend.Variation)
		}
	})
	t.Run("days are held against their weekday", func(t *testing.T) {
		trend := ask(t, metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: map[string][]string{"region": {"44"}}, Grain: calendar.GrainDay, From: 0, To: monthOf(2) + 10})[0]
		if len(trend.Figures) != dailyDays || !trend.ByWeekday() {
			t.Fatalf("%d days", len(trend.Figures))
		}
		// The rate of each weekday in the first eight weeks, and how far neighbouring
		// days differ from theirs.
		var rate [7]float64
		for i := range 56 {
			rate[i%7] += (1 - float64(lateOn(i))/60) / 8
		}
		deviation := func(w int) float64 { return math.Sqrt(rate[w] * (1 - rate[w]) / 60) }
		var mean, last, moved float64
		for i := range 56 {
			z := (1 - float64(lateOn(i))/60 - rate[i%7]) / deviation(i%7)
			if mean += z / 56; i > 0 {
				moved += math.Abs(z-last) / 55
			}
			last = z
		}
		for _, i := range []int{0, 5, 6, 69} {
			l := trend.Chart.Points[i].Limits
			near(t, "mean of the weekday", l.Centre, rate[i%7]+mean*deviation(i%7))
			near(t, "lower limit", l.Lower, rate[i%7]+(mean-2.66*moved)*deviation(i%7))
			near(t, "upper limit", l.Upper, rate[i%7]+(mean+2.66*moved)*deviation(i%7))
		}
		signals := trend.Signals()
		if len(signals) != 1 || signals[0].Rule != stats.RuleOutside || signals[0].From != 65 || signals[0].Direction != stats.DirectionConcern {
			t.Errorf("signals %+v", signals)
		}

		// All of region 11 is due on Mondays: no other weekday has a rate.
		trend = ask(t, metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: map[string][]string{"region": {"11"}}, Grain: calendar.GrainDay, From: 0, To: calendar.Date(2024, time.July, 15)})[0]
		phase, _ := trend.Chart.Last()
		if phase.HasLimits() || phase.Reason != stats.ReasonFewPoints || len(trend.Signals()) > 0 {
			t.Errorf("phase %+v", phase)
		}
		// A score has no rate to expect of a weekday.
		trend = ask(t, metrics.Question{Keys: []string{"satisfaction_score_100"}, Grain: calendar.GrainDay})[0]
		if phase, _ := trend.Chart.Last(); phase.HasLimits() || phase.Reason != stats.ReasonNoChartWanted {
			t.Errorf("phase %+v", phase)
		}
	})
	t.Run("a trend looks back so far and says so", func(t *testing.T) {
		q := metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: map[string][]string{"region": {"64"}}, Grain: calendar.GrainDay, From: 0, To: boundTo}
		if trend := ask(t, q)[0]; !trend.Cut || len(trend.Figures) != metrics.TrendPeriods(calendar.GrainDay) {
			t.Errorf("%d days, cut %v", len(trend.Figures), trend.Cut)
		}
		if q.Grain = calendar.GrainMonth; ask(t, q)[0].Cut {
			t.Error("no month is left out")
		}
	})
	t.Run("the state at as_of has no history", func(t *testing.T) {
		trends := ask(t, metrics.Question{Keys: []string{"overdue_open_cases", "satisfaction_score_100"}})
		if len(trends) != 2 || trends[0].Key != "overdue_open_cases" || len(trends[0].Figures) != 0 || trends[0].Variation.Hidden != stats.ReasonNoChartWanted {
			t.Errorf("trends %+v", trends[0])
		}
	})
	t.Run("nothing to see", func(t *testing.T) {
		trends := ask(t, metrics.Question{Keys: []string{"on_time_delivery_rate", "enquiry_answer_24h_rate"}, Where: map[string][]string{"region": {"65"}}})
		for _, trend := range trends {
			if len(trend.Figures) != 0 || trend.Variation.Hidden != stats.ReasonNoData {
				t.Errorf("%s has %d figures, %+v", trend.Key, len(trend.Figures), trend.Variation)
			}
		}
	})
	t.Run("as of the middle", func(t *testing.T) {
		at := calendar.Date(2024, time.May, 20).At(0)
		trends, err := r.eval.Trends(ctx, metrics.Question{Keys: []string{"on_time_delivery_rate"}, Where: zhejiang, Grain: calendar.GrainMonth,
			From: calendar.Date(2024, time.January, 1), To: calendar.Date(2099, time.January, 1), AsOf: at})
		if err != nil {
			t.Fatal(err)
		}
		points := trends[0].Chart.Points
		if p := points[len(points)-1]; p.Label != "2024-05" || !p.Unfinished || p.Judged {
			t.Errorf("the last point %+v", p)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for field, q := range map[string]metrics.Question{
			"grain": {Keys: []string{"on_time_delivery_rate"}, Grain: calendar.GrainQuarter, From: 0, To: 1},
			"key":   {Keys: []string{"none"}, From: 0, To: 1},
			"by":    {Keys: []string{"on_time_delivery_rate"}, By: []string{"mood"}, From: 0, To: 1},
		} {
			_, err := r.eval.Trends(ctx, q)
			var asked *metrics.QuestionError
			if !errors.As(err, &asked) || asked.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// TestTrendsBeforeTheFirstFold: nothing is known yet, and that is no error.
func TestTrendsBeforeTheFirstFold(t *testing.T) {
	r := newRoom(t)
	trends, err := r.eval.Trends(context.Background(), metrics.Question{Keys: []string{"on_time_delivery_rate"}, From: 0, To: 30})
	if err != nil || len(trends) != 1 || trends[0].Variation.Hidden != stats.ReasonNoData {
		t.Errorf("%+v %v", trends, err)
	}
}

// checkShape holds what every trend holds.
func checkShape(t *testing.T, trend metrics.Trend) {
	t.Helper()
	if len(trend.Figures) != len(trend.Chart.Points) {
		t.Errorf("%s: %d figures of %d points", trend.Key, len(trend.Figures), len(trend.Chart.Points))
		return
	}
	for i, p := range trend.Periods() {
		f, point := trend.Figures[i], trend.Chart.Points[i]
		if f.From != p.From || f.To != p.To || point.Label != p.Label() || i > 0 && f.From != trend.Figures[i-1].To {
			t.Errorf("%s: figure %s to %s, point %s", trend.Key, f.From, f.To, point.Label)
		}
		if f.Value == nil != point.Missing || f.Value != nil && math.Abs(*f.Value-point.Value) > 1e-9*math.Abs(*f.Value) {
			t.Errorf("%s %s: figure %v, point %+v", trend.Key, p.Label(), f.Value, point.Observation)
		}
		if len(point.Signals) > 0 && trend.Chart.Phases[point.Phase].State != stats.PhaseFrozen {
			t.Errorf("%s %s: a signal by limits that still move", trend.Key, p.Label())
		}
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*math.Abs(want) {
		t.Errorf("%s %v, want %v", what, got, want)
	}
}
