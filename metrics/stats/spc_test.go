package stats_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/metrics/stats"
)

// The worked examples' series. ex11 is a percentage that stays at its level, ex6 the twelve months after it rose.
var (
	ex11 = []float64{88.2, 89.1, 87.5, 90.3, 88.8, 86.9, 89.6, 88.1, 90.0, 87.7, 88.4, 89.3}
	ex6  = []float64{90.9, 91.8, 90.2, 92.4, 91.1, 90.6, 92.0, 91.5, 90.8, 92.2, 91.3, 91.9}
)

// failer is what tests and drawn tests have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// tight is the relative tolerance against the worked examples, of which six places are printed.
func tight(got, want float64) bool {
	return math.Abs(got-want) <= max(1e-6*math.Abs(want), 5.1e-7)
}

func equal(t *testing.T, name string, got, want float64) {
	t.Helper()
	if !tight(got, want) {
		t.Errorf("%s: %.9f, want %.6f", name, got, want)
	}
}

func values(vs ...float64) []stats.Observation {
	out := make([]stats.Observation, len(vs))
	for i, v := range vs {
		out[i] = stats.Observation{Label: fmt.Sprint(i + 1), At: int64(i + 1), Value: v}
	}
	return out
}

func counts(nums, dens []float64) []stats.Observation {
	out := make([]stats.Observation, len(nums))
	for i := range nums {
		out[i] = stats.Observation{Label: fmt.Sprint(i + 1), At: int64(i + 1), Numerator: nums[i], Denominator: dens[i]}
	}
	return out
}

func chart(t failer, observations []stats.Observation, opts stats.Options) stats.Chart {
	t.Helper()
	c, err := stats.ControlChart(observations, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func xmr(t failer, better stats.Better, vs ...float64) stats.Chart {
	t.Helper()
	return chart(t, values(vs...), stats.Options{Measure: stats.MeasureValue, Better: better})
}

// last returns the last phase, which has to be there.
func last(t failer, c stats.Chart) stats.Phase {
	t.Helper()
	p, ok := c.Last()
	if !ok {
		t.Fatal("no phase")
	}
	return p
}

func limits(t *testing.T, c stats.Chart, point int, lower, upper float64) {
	t.Helper()
	l := c.Points[point-1].Limits
	if l == nil {
		t.Errorf("point %d has no limits", point)
		return
	}
	equal(t, fmt.Sprintf("point %d lower", point), l.Lower, lower)
	equal(t, fmt.Sprintf("point %d upper", point), l.Upper, upper)
}

// flagged lists the points, from 1, that are shown with a rule.
func flagged(c stats.Chart, rule stats.Rule) []int {
	var out []int
	for i, p := range c.Points {
		if s, ok := p.Signal(); ok && s.Rule == rule {
			out = append(out, i+1)
		}
	}
	return out
}

func numbers(from, to int) []int {
	var out []int
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

// expectSignals holds the points shown with each rule, and the direction of all of them.
func expectSignals(t *testing.T, c stats.Chart, want map[stats.Rule][]int, directions map[int]stats.Direction) {
	t.Helper()
	for _, r := range []stats.Rule{stats.RuleOutside, stats.RuleTrend, stats.RuleTwoInThree, stats.RuleShift} {
		if diff := cmp.Diff(want[r], flagged(c, r)); diff != "" {
			t.Errorf("points of rule %s (-want +got):\n%s", r, diff)
		}
	}
	for i, p := range c.Points {
		want, ok := directions[i+1]
		if !ok {
			want = stats.DirectionCommon
		}
		if p.Direction != want {
			t.Errorf("point %d: %s, want %s", i+1, p.Direction, want)
		}
	}
}

func directions(d stats.Direction, points ...int) map[int]stats.Direction {
	out := map[int]stats.Direction{}
	for _, p := range points {
		out[p] = d
	}
	return out
}

func join[T any](parts ...[]T) []T {
	var out []T
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestXmRWorkedExample(t *testing.T) {
	c := xmr(t, stats.BetterHigher, ex11...)
	p := last(t, c)
	if c.Kind != stats.KindXmR || p.State != stats.PhaseFrozen || p.Baseline != 12 || p.Points != 12 || p.NoVariation {
		t.Errorf("phase %+v", p)
	}
	equal(t, "mean", p.Centre, 88.658333)
	equal(t, "mean range", p.MeanRange, 1.7)
	equal(t, "upper limit of ranges", p.RangeUpper, 5.5539)
	equal(t, "sigma", p.Sigma, 1.507092)
	limits(t, c, 1, 84.136333, 93.180333)
	limits(t, c, 12, 84.136333, 93.180333)
	equal(t, "near lower", c.Points[0].Limits.NearLower, 85.643667)
	equal(t, "near upper", c.Points[0].Limits.NearUpper, 91.673)
	expectSignals(t, c, nil, nil)
}

func TestScreeningWorkedExample(t *testing.T) {
	x := values(1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1)
	opts := stats.Options{Kind: stats.KindXmR, Baseline: 18}
	c := chart(t, x, opts)
	equal(t, "mean", last(t, c).Centre, 1.944444)
	equal(t, "mean range", last(t, c).MeanRange, 1.882353)
	limits(t, c, 1, -3.062614, 6.951503)

	opts.Screen = true
	c = chart(t, x, opts)
	equal(t, "screened mean", last(t, c).Centre, 1.944444)
	equal(t, "screened mean range", last(t, c).MeanRange, 1)
	limits(t, c, 1, -0.715556, 4.604444)
}

func TestNoVariation(t *testing.T) {
	x := []float64{88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 88.2, 90, 91, 60}
	c := xmr(t, stats.BetterHigher, x...)
	p := last(t, c)
	if !p.NoVariation || p.Reason != stats.ReasonNoVariation || p.MeanRange != 0 || p.Centre != 88.2 || p.State != stats.PhaseFrozen {
		t.Errorf("phase %+v", p)
	}
	if l := c.Points[14].Limits; l == nil || l.Lower != 88.2 || l.Upper != 88.2 {
		t.Errorf("limits %+v", l)
	}
	expectSignals(t, c, nil, nil)
	if v := c.Variation(); v.Hidden != stats.ReasonNoVariation {
		t.Errorf("variation %+v", v)
	}
	target := 85.0
	if a := c.Assurance(&target, false); a.Hidden != stats.ReasonNoVariation {
		t.Errorf("assurance %+v", a)
	}
	// Values that are equal on paper only: 0.1+0.2 and 0.3.
	for i := range x {
		x[i] = 0.3
		if i%2 == 0 {
			x[i] = float64(i+1) * 0.1 / (float64(i+1) / 3)
		}
	}
	if p := last(t, xmr(t, stats.BetterHigher, x...)); !p.NoVariation {
		t.Errorf("rounding is taken for variation: %+v", p)
	}
	// Rates of which all, or none, happened.
	for _, num := range []float64{0, 5000} {
		c := chart(t, counts([]float64{num, num, num, num, num, num}, []float64{5000, 5000, 5000, 5000, 5000, 5000}), stats.Options{Measure: stats.MeasureRate})
		if p := last(t, c); p.Kind != stats.KindPPrime || !p.NoVariation || c.Points[0].Limits == nil {
			t.Errorf("%v of 5000: %+v", num, p)
		}
	}
}

func TestPWorkedExample(t *testing.T) {
	c := chart(t, counts([]float64{182, 175, 190, 168, 201, 160, 177, 185}, []float64{1000, 950, 1050, 980, 1020, 870, 990, 1010}),
		stats.Options{Kind: stats.KindP, Better: stats.BetterLower})
	equal(t, "mean", last(t, c).Centre, 0.182719)
	for _, ex := range []struct {
		point               int
		value, lower, upper float64
	}{{1, 0.182, 0.146059, 0.219380}, {5, 0.197059, 0.146420, 0.219019}, {6, 0.183908, 0.143415, 0.222023}} {
		equal(t, "value", c.Points[ex.point-1].Value, ex.value)
		limits(t, c, ex.point, ex.lower, ex.upper)
	}
	expectSignals(t, c, nil, nil)
	if last(t, c).State != stats.PhaseTrial {
		t.Errorf("eight points: %+v", last(t, c))
	}
	// In per cent, all is the same but for the unit.
	c = chart(t, counts([]float64{182, 175, 190, 168, 201, 160, 177, 185}, []float64{1000, 950, 1050, 980, 1020, 870, 990, 1010}),
		stats.Options{Kind: stats.KindP, Scale: 100})
	equal(t, "point 1 lower", c.Points[0].Limits.Lower/100, 0.146059)
	equal(t, "point 1 upper", c.Points[0].Limits.Upper/100, 0.219380)
	if d := c.Bounds.Clip(150); d != 100 {
		t.Errorf("ceiling of a percentage: %v", d)
	}
}

func TestUWorkedExample(t *testing.T) {
	// Complaints per 10,000 of 98,000 cases and so on. By their volume they would get a u′ chart.
	obs := counts([]float64{31, 28, 35, 52, 30, 27}, []float64{98000, 91000, 104000, 100000, 95000, 89000})
	c := chart(t, obs, stats.Options{Kind: stats.KindU, Scale: 10_000, Better: stats.BetterLower})
	equal(t, "mean", last(t, c).Centre, 3.518198)
	equal(t, "value 4", c.Points[3].Value, 5.2)
	limits(t, c, 4, 1.738766, 5.297629)
	equal(t, "value 1", c.Points[0].Value, 3.163265)
	limits(t, c, 1, 1.720700, 5.315695)
	if p := c.Points[3]; p.Value <= p.Limits.NearUpper || p.Value > p.Limits.Upper {
		t.Errorf("point 4 is not near its limit: %+v", p.Limits)
	}
	expectSignals(t, c, nil, nil)
}

func TestLaneyWorkedExamples(t *testing.T) {
	rates := counts([]float64{10800, 11250, 9900, 12400, 10100, 11900, 10350, 12100}, []float64{12000, 12400, 11200, 13500, 11500, 13000, 11600, 13300})
	p := chart(t, rates, stats.Options{Kind: stats.KindP})
	equal(t, "p mean", last(t, p).Centre, 0.901523)
	limits(t, p, 1, 0.893363, 0.909683)
	if diff := cmp.Diff(numbers(3, 8), flagged(p, stats.RuleOutside)); diff != "" {
		t.Errorf("outside p: %s", diff)
	}
	prime := chart(t, rates, stats.Options{Measure: stats.MeasureRate})
	if ph := last(t, prime); ph.Kind != stats.KindPPrime || !ph.Dominated() {
		t.Errorf("phase %+v", ph)
	}
	equal(t, "p′ σ_z", last(t, prime).SigmaZ, 8.593840)
	limits(t, prime, 1, 0.831398, 0.971648)
	expectSignals(t, prime, nil, nil)
	for i, z := range []float64{-0.559873, 2.143408, -6.249196, 6.627492, -8.372195, 5.304376, -3.354975, 3.193799} {
		l := p.Points[i].Limits
		equal(t, "z", 3*(p.Points[i].Value-l.Centre)/(l.Upper-l.Centre), z)
	}
	if s, ok := stats.SigmaZ(rates, false); !ok || !tight(s, 8.593840) {
		t.Errorf("σ_z alone: %v %v", s, ok)
	}

	perVolume := counts([]float64{480, 560, 640, 430, 530, 650, 420, 560}, []float64{1_000_000, 1_040_000, 1_100_000, 980_000, 1_050_000, 1_080_000, 990_000, 1_060_000})
	u := chart(t, perVolume, stats.Options{Kind: stats.KindU, Scale: 10_000})
	equal(t, "u mean", last(t, u).Centre, 5.144578)
	limits(t, u, 1, 4.464128, 5.825028)
	if diff := cmp.Diff([]int{3, 4, 6, 7}, flagged(u, stats.RuleOutside)); diff != "" {
		t.Errorf("outside u: %s", diff)
	}
	prime = chart(t, perVolume, stats.Options{Measure: stats.MeasurePerVolume, Scale: 10_000})
	if ph := last(t, prime); ph.Kind != stats.KindUPrime {
		t.Errorf("phase %+v", ph)
	}
	equal(t, "u′ σ_z", last(t, prime).SigmaZ, 3.914261)
	limits(t, prime, 1, 2.481120, 7.808037)
	expectSignals(t, prime, nil, nil)
	if s, ok := stats.SigmaZ(perVolume, true); !ok || !tight(s, 3.914261) {
		t.Errorf("σ_z alone: %v %v", s, ok)
	}
}

func TestSigmaZHasAFloor(t *testing.T) {
	// Rates that vary less than sampling would.
	dens := []float64{2000, 2000, 2000, 2000, 2000, 2000}
	obs := counts([]float64{1000, 1001, 1000, 1001, 1000, 1001}, dens)
	c := chart(t, obs, stats.Options{Measure: stats.MeasureRate})
	if p := last(t, c); p.SigmaZ != 1 || p.Dominated() {
		t.Errorf("σ_z %v", p.SigmaZ)
	}
	if s, ok := stats.SigmaZ(obs, false); !ok || s != 1 {
		t.Errorf("σ_z %v %v", s, ok)
	}
	if _, ok := stats.SigmaZ(counts([]float64{0, 0, 0, 0, 0, 0}, dens), false); ok {
		t.Error("σ_z of nothing")
	}
	if _, ok := stats.SigmaZ(counts([]float64{3}, []float64{2}), false); ok {
		t.Error("σ_z of more than all")
	}
	if _, ok := stats.SigmaZ(obs[:4], false); ok {
		t.Error("σ_z of four points")
	}
}

func TestTWorkedExample(t *testing.T) {
	c := chart(t, values(12, 30, 7, 45, 21, 60, 15, 33), stats.Options{Measure: stats.MeasureRare, Better: stats.BetterHigher})
	p := last(t, c)
	equal(t, "mean of y", math.Pow(p.Centre, 1/3.6), 2.421658)
	equal(t, "mean range of y", p.MeanRange, 0.778508)
	equal(t, "centre", p.Centre, 24.143814)
	limits(t, c, 1, 0.023032, 223.333024)
	if c.Kind != stats.KindT || c.Points[0].Limits.ClippedLower {
		t.Errorf("%s %+v", c.Kind, c.Points[0].Limits)
	}
	// Days that scatter more have no lower limit.
	c = chart(t, values(1, 90, 2, 120, 1, 80, 3), stats.Options{Kind: stats.KindT})
	if l := c.Points[0].Limits; l.Lower != 0 || !l.ClippedLower {
		t.Errorf("limits %+v", l)
	}
}

func TestDaysBetween(t *testing.T) {
	day := func(d, h int) time.Time { return time.Date(2026, 1, d, h, 0, 0, 0, time.UTC) }
	got, err := stats.DaysBetween([]time.Time{day(20, 6), day(1, 0), day(13, 0)})
	if err != nil {
		t.Fatal(err)
	}
	want := []stats.Observation{
		{Label: "2026-01-13T00:00:00Z", At: day(13, 0).UnixMicro(), Value: 12},
		{Label: "2026-01-20T06:00:00Z", At: day(20, 6).UnixMicro(), Value: 7.25},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := stats.DaysBetween([]time.Time{day(1, 0), day(1, 0)}); err == nil {
		t.Error("no error for two events at one instant")
	}
	if got, err := stats.DaysBetween([]time.Time{day(1, 0)}); err != nil || got != nil {
		t.Errorf("one event: %v %v", got, err)
	}
}

func TestRuleVectors(t *testing.T) {
	ten := []float64{10, 12, 10, 12, 10, 12, 10, 12, 10, 12, 10, 12}
	for _, ex := range []struct {
		name          string
		baseline, new []float64
		want          map[stats.Rule][]int
		directions    map[int]stats.Direction
		lower, upper  float64
	}{
		{"outside", ex11, []float64{84.0}, map[stats.Rule][]int{stats.RuleOutside: {13}}, directions(stats.DirectionConcern, 13), 84.136333, 93.180333},
		{
			"shift with the last of the baseline", ex11, []float64{88.9, 89.2, 88.7, 89.5, 88.8, 89.1},
			map[stats.Rule][]int{stats.RuleShift: numbers(12, 18)}, directions(stats.DirectionImprovement, numbers(12, 18)...), 84.136333, 93.180333,
		},
		{"run of six", ex11, []float64{88.9, 89.2, 88.7, 89.5, 88.8}, nil, nil, 84.136333, 93.180333},
		{
			"trend", ex11, []float64{87.0, 87.4, 87.9, 88.5, 88.7, 89.2, 89.9},
			map[stats.Rule][]int{stats.RuleTrend: numbers(13, 19)}, directions(stats.DirectionImprovement, numbers(13, 19)...), 84.136333, 93.180333,
		},
		{
			"two in three", ex11, []float64{92.0, 90.1, 92.3},
			map[stats.Rule][]int{stats.RuleTwoInThree: {13, 15}}, directions(stats.DirectionImprovement, 13, 15), 84.136333, 93.180333,
		},
		{"a point on the mean breaks the run", ten, []float64{12, 12, 12, 11, 12, 12, 12}, nil, nil, 5.68, 16.32},
		{
			"without it", ten, []float64{12, 12, 12, 12, 12, 12},
			map[stats.Rule][]int{stats.RuleShift: numbers(12, 18)}, directions(stats.DirectionImprovement, numbers(12, 18)...), 5.68, 16.32,
		},
		{
			"trend before shift", join(ex11[:11], []float64{87.0}), []float64{85.7, 85.9, 86.2, 86.5, 86.9, 87.3, 87.8},
			map[stats.Rule][]int{stats.RuleShift: {10, 11, 12}, stats.RuleTrend: numbers(13, 19)}, nil, 83.823758, 93.109576,
		},
	} {
		t.Run(ex.name, func(t *testing.T) {
			c := xmr(t, stats.BetterHigher, join(ex.baseline, ex.new)...)
			if ex.name == "trend before shift" {
				ex.directions = directions(stats.DirectionImprovement, numbers(13, 19)...)
				for _, i := range []int{10, 11, 12} {
					ex.directions[i] = stats.DirectionConcern
				}
				equal(t, "mean", last(t, c).Centre, 88.466667)
				equal(t, "mean range", last(t, c).MeanRange, 1.745455)
				// The shift below the mean is still known of the points that are shown as a trend.
				if s := c.Points[12].Signals; len(s) != 2 || s[1].Rule != stats.RuleShift || s[1].Side != stats.SideLow || s[1].Length() != 10 {
					t.Errorf("signals of point 13: %+v", s)
				}
			}
			limits(t, c, 1, ex.lower, ex.upper)
			expectSignals(t, c, ex.want, ex.directions)
		})
	}
}

func TestEndOfATrendBelongsToTheLater(t *testing.T) {
	// Seven up to 94, then seven down from it, within wide limits.
	c := xmr(t, stats.BetterHigher, join(repeat([]float64{80, 100}, 6), []float64{88, 89, 90, 91, 92, 93, 94, 93.5, 92.5, 91.5, 90.5, 89.5, 88.5})...)
	for i, p := range c.Points[12:] {
		s, ok := p.Signal()
		if !ok || s.Rule != stats.RuleTrend {
			t.Fatalf("point %d: %+v", i+13, p.Signals)
		}
		want := stats.SideHigh
		if i >= 6 {
			want = stats.SideLow
		}
		if s.Side != want {
			t.Errorf("point %d: %s, want %s", i+13, s.Side, want)
		}
	}
}

func repeat(vs []float64, n int) []float64 {
	var out []float64
	for range n {
		out = append(out, vs...)
	}
	return out
}

func TestNearIsNotOutside(t *testing.T) {
	// 95 is outside 93.18, so that only one of three is near.
	c := xmr(t, stats.BetterHigher, join(ex11, []float64{92.0, 89.0, 95.0})...)
	expectSignals(t, c, map[stats.Rule][]int{stats.RuleOutside: {15}}, directions(stats.DirectionImprovement, 15))
	// Two near ones on two sides are none.
	c = xmr(t, stats.BetterHigher, join(ex11, []float64{92.0, 85.0, 92.0})...)
	expectSignals(t, c, nil, nil)
	// Two near ones beside one outside, on one side, are.
	c = xmr(t, stats.BetterHigher, join(ex11, []float64{92.0, 95.0, 92.1})...)
	expectSignals(t, c, map[stats.Rule][]int{stats.RuleOutside: {14}, stats.RuleTwoInThree: {13, 15}}, directions(stats.DirectionImprovement, 13, 14, 15))
}

func TestRebaselineWorkedExample(t *testing.T) {
	all := join(ex11, ex6)
	c := xmr(t, stats.BetterHigher, all...)
	expectSignals(t, c, map[stats.Rule][]int{
		stats.RuleTwoInThree: {14, 16, 22, 24}, stats.RuleShift: {12, 13, 15, 17, 18, 19, 20, 21, 23},
	}, directions(stats.DirectionImprovement, numbers(12, 24)...))

	broken := chart(t, values(all...), stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher, Breaks: []int64{13}})
	if len(broken.Phases) != 2 {
		t.Fatalf("%d phases", len(broken.Phases))
	}
	first, second := broken.Phases[0], broken.Phases[1]
	equal(t, "first mean", first.Centre, 88.658333)
	equal(t, "second mean", second.Centre, 91.391667)
	equal(t, "second mean range", second.MeanRange, 1.090909)
	limits(t, broken, 12, 84.136333, 93.180333)
	limits(t, broken, 13, 88.489848, 94.293485)
	expectSignals(t, broken, nil, nil)
	if first.From != 0 || first.To != 12 || second.From != 12 || second.To != 24 || broken.Points[11].Phase != 0 || broken.Points[12].Phase != 1 {
		t.Errorf("phases %+v", broken.Phases)
	}

	whole := chart(t, values(all...), stats.Options{Kind: stats.KindXmR, Baseline: 24})
	equal(t, "mean of both levels", last(t, whole).Centre, 90.025)
	limits(t, whole, 1, 86.289435, 93.760565)

	// After the break the target is judged by the new level alone.
	target := 88.0
	with13 := join(all, []float64{91.4})
	broken = chart(t, values(with13...), stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher, Breaks: []int64{13}})
	if a := broken.Assurance(&target, false); a.Assurance != stats.AssurancePass {
		t.Errorf("assurance after the break: %+v", a)
	}
	target = 94.0
	old := chart(t, values(with13...), stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher})
	if a := old.Assurance(&target, false); a.Assurance != stats.AssuranceFail {
		t.Errorf("assurance of the first level: %+v", a)
	}
	if a := broken.Assurance(&target, false); a.Assurance != stats.AssuranceMixed {
		t.Errorf("the old fail stays: %+v", a)
	}
}

func TestEvidenceForBreak(t *testing.T) {
	all := values(join(ex11, ex6)...)
	opts := stats.Options{Measure: stats.MeasureValue, Better: stats.BetterHigher}
	for _, ex := range []struct {
		name   string
		points []stats.Observation
		breaks []int64
		at     int64
		want   stats.BreakEvidence
		enough bool
	}{
		{"a year on each side", all, nil, 13, stats.BreakEvidence{Before: 12, After: 12, Shift: true}, true},
		{"already made", all, []int64{13}, 13, stats.BreakEvidence{Before: 12, After: 12, Shift: true}, true},
		{"seven in the new level", all[:19], nil, 13, stats.BreakEvidence{Before: 12, After: 7, Shift: true}, true},
		{"six in the new level", all[:18], nil, 13, stats.BreakEvidence{Before: 12, After: 6, Shift: false}, false},
		{"too early", all, nil, 12, stats.BreakEvidence{Before: 11, After: 13, Shift: true}, false},
		{"in the second phase", all, []int64{13}, 20, stats.BreakEvidence{Before: 7, After: 5}, false},
		{"after the end", all, nil, 25, stats.BreakEvidence{}, false},
		{"at the start", all, nil, 1, stats.BreakEvidence{}, false},
	} {
		opts.Breaks = ex.breaks
		got, err := stats.EvidenceForBreak(ex.points, opts, ex.at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ex.want, got); diff != "" || got.Enough() != ex.enough {
			t.Errorf("%s: %s enough %v", ex.name, diff, got.Enough())
		}
	}
	if _, err := stats.EvidenceForBreak(all, stats.Options{}, 13); err == nil {
		t.Error("no error for options without a measure")
	}
}

func TestBaselineGrowsThenFreezes(t *testing.T) {
	for n := 1; n <= 14; n++ {
		x := join(ex11, []float64{70, 110})[:n]
		c := xmr(t, stats.BetterHigher, x...)
		p := last(t, c)
		want := stats.PhaseLine
		switch {
		case n >= 12:
			want = stats.PhaseFrozen
		case n >= 5:
			want = stats.PhaseTrial
		}
		if p.State != want || p.HasLimits() != (n >= 5) || (c.Points[0].Limits != nil) != (n >= 5) || p.Baseline != min(n, 12) {
			t.Errorf("%d points: %+v", n, p)
		}
		if n >= 12 {
			limits(t, c, n, 84.136333, 93.180333)
		}
		if n < 12 && c.Variation().Shown() {
			t.Errorf("%d points: an icon", n)
		}
		if n < 5 && c.Variation().Hidden != stats.ReasonFewPoints || n >= 5 && n < 12 && c.Variation().Hidden != stats.ReasonTrial {
			t.Errorf("%d points: %+v", n, c.Variation())
		}
	}
	if c := chart(t, values(join(ex11, ex6)...), stats.Options{Kind: stats.KindXmR, Baseline: stats.BaselineWeekly}); last(t, c).Baseline != 20 {
		t.Errorf("weekly: %+v", last(t, c))
	}
}

func TestGapsBreakRangesAndRuns(t *testing.T) {
	// Six and six above the mean, the month between them is missing.
	obs := values(join(ex11, []float64{88.9, 89.2, 88.7, 89.5, 88.8, 0, 89.1, 89.2, 88.7, 89.5, 88.8, 88.9})...)
	obs[17].Missing = true
	obs[17].Value = math.NaN()
	c := chart(t, obs, stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher})
	expectSignals(t, c, nil, nil)
	if p := c.Points[17]; p.Judged || p.Limits != nil || p.Value != 0 {
		t.Errorf("missing point %+v", p)
	}

	// In the baseline, no range spans the gap: 10 11 · 21 20 21 20 has ranges of 1 alone.
	obs = values(10, 11, 0, 21, 20, 21, 20)
	obs[2].Missing = true
	c = chart(t, obs, stats.Options{Kind: stats.KindXmR})
	if p := last(t, c); p.MeanRange != 1 || p.Points != 6 {
		t.Errorf("phase %+v", p)
	}
	// A rate of no units is a gap too, not 0.
	obs = counts([]float64{50, 51, 0, 49, 50, 52, 50}, []float64{100, 100, 0, 100, 100, 100, 100})
	c = chart(t, obs, stats.Options{Measure: stats.MeasureRate})
	if p := c.Points[2]; !p.Missing || p.Judged || p.Limits != nil {
		t.Errorf("a rate of no units: %+v", p)
	}
	// Too few neighbours to see how much periods vary.
	obs = values(1, 0, 2, 0, 3, 0, 4, 0, 5)
	for i := 1; i < len(obs); i += 2 {
		obs[i].Missing = true
	}
	if p := last(t, chart(t, obs, stats.Options{Kind: stats.KindXmR})); p.State != stats.PhaseLine || p.Reason != stats.ReasonGaps {
		t.Errorf("phase %+v", p)
	}
}

func TestUnfinishedPeriodsAreOut(t *testing.T) {
	obs := values(join([]float64{20}, ex11, []float64{20})...)
	obs[0].Unfinished, obs[13].Unfinished = true, true
	c := chart(t, obs, stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher})
	if p := last(t, c); !tight(p.Centre, 88.658333) || p.From != 1 || p.Points != 12 {
		t.Errorf("phase %+v", p)
	}
	expectSignals(t, c, nil, nil)
	if p := c.Points[0]; p.Phase != -1 || p.Judged || p.Value != 20 {
		t.Errorf("first point %+v", p)
	}
	if p, _ := c.Latest(); p.Label != "13" {
		t.Errorf("latest %+v", p)
	}
	if p := c.Points[13]; p.Judged || p.Limits != nil || p.Phase != 0 {
		t.Errorf("last point %+v", p)
	}
}

func TestClippedSidesDoNotSignal(t *testing.T) {
	// The upper limit of a rate near 1 lies beyond it.
	nums := []float64{98, 99, 97, 98, 99, 98, 97, 98, 99, 98, 97, 98}
	dens := repeat([]float64{300}, 12)
	for i := range nums {
		nums[i] += 195
	}
	c := chart(t, counts(nums, dens), stats.Options{Kind: stats.KindP})
	l := c.Points[0].Limits
	if !l.ClippedUpper || l.Upper <= 1 || l.Drawn(c.Bounds).Upper != 1 || l.ClippedLower || l.Drawn(c.Bounds).Lower != l.Lower {
		t.Errorf("limits %+v drawn %+v", l, l.Drawn(c.Bounds))
	}
	// A percentage without counts can be reported beyond its bound; the bound is what draws it, not a signal.
	ceiling := 90.0
	c = chart(t, values(join(ex11, []float64{95})...), stats.Options{Kind: stats.KindXmR, Bounds: stats.Bounds{Ceiling: &ceiling}})
	if s := c.Points[12].Signals; len(s) != 0 || !c.Points[12].Limits.ClippedUpper {
		t.Errorf("signals %+v", s)
	}
}

func TestFewExpectedHaveNoLimits(t *testing.T) {
	// Point 3 expects one late case: it keeps its place in runs, but has no limits.
	c := chart(t, counts([]float64{10, 11, 9, 10, 11, 10}, []float64{100, 100, 10, 100, 100, 100}), stats.Options{Kind: stats.KindP})
	if c.Points[2].Limits != nil || !c.Points[2].Judged || c.Points[1].Limits == nil || len(c.Points[2].Signals) != 0 {
		t.Errorf("points %+v", c.Points[2])
	}
}

func TestChoice(t *testing.T) {
	some := func(num, den float64) []stats.Observation {
		return counts([]float64{num, num, num, num, num}, []float64{den, den, den, den, den})
	}
	for _, ex := range []struct {
		name    string
		measure stats.Measure
		base    []stats.Observation
		want    stats.Choice
	}{
		{"mean", stats.MeasureValue, nil, stats.Choice{Kind: stats.KindXmR}},
		{"rare", stats.MeasureRare, nil, stats.Choice{Kind: stats.KindT}},
		{"rate of 1,000", stats.MeasureRate, some(900, 1000), stats.Choice{Kind: stats.KindPPrime}},
		{"rate of 999", stats.MeasureRate, some(900, 999), stats.Choice{Kind: stats.KindP}},
		{"five failures expected", stats.MeasureRate, some(95, 100), stats.Choice{Kind: stats.KindP}},
		{"four failures expected", stats.MeasureRate, some(96, 100), stats.Choice{Reason: stats.ReasonFewExpected}},
		{"four of a million", stats.MeasureRate, some(4, 1_000_000), stats.Choice{Reason: stats.ReasonFewExpected}},
		{"none at all", stats.MeasureRate, some(0, 100), stats.Choice{Kind: stats.KindP}},
		{"complaints per volume", stats.MeasurePerVolume, some(30, 98_000), stats.Choice{Kind: stats.KindUPrime}},
		{"faults per device-days", stats.MeasurePerVolume, some(7, 600), stats.Choice{Kind: stats.KindU}},
		{"two faults", stats.MeasurePerVolume, some(2, 600), stats.Choice{Reason: stats.ReasonFewExpected}},
		{"no units", stats.MeasureRate, some(0, 0), stats.Choice{Reason: stats.ReasonNoData}},
		{"of no measure", "", some(1, 2), stats.Choice{Reason: stats.ReasonNoChartWanted}},
	} {
		if got := stats.Choose(ex.measure, ex.base); got != ex.want {
			t.Errorf("%s: %+v, want %+v", ex.name, got, ex.want)
		}
	}
	// The median decides, and what comes after the baseline does not.
	obs := counts(repeat([]float64{450}, 15), join(repeat([]float64{900}, 12), repeat([]float64{50_000}, 3)))
	if p := last(t, chart(t, obs, stats.Options{Measure: stats.MeasureRate})); p.Kind != stats.KindP {
		t.Errorf("switched with the month: %+v", p)
	}
	// A new phase has a baseline of its own.
	obs = counts(repeat([]float64{450}, 24), join(repeat([]float64{900}, 12), repeat([]float64{50_000}, 12)))
	c := chart(t, obs, stats.Options{Measure: stats.MeasureRate, Breaks: []int64{13}})
	if c.Phases[0].Kind != stats.KindP || c.Phases[1].Kind != stats.KindPPrime || c.Kind != stats.KindPPrime {
		t.Errorf("phases %+v", c.Phases)
	}
	obs = counts(repeat([]float64{1}, 8), repeat([]float64{100}, 8))
	c = chart(t, obs, stats.Options{Measure: stats.MeasureRate})
	if p := last(t, c); p.HasLimits() || p.Reason != stats.ReasonFewExpected || c.Variation().Hidden != stats.ReasonFewExpected {
		t.Errorf("phase %+v", p)
	}
	if c.Bounds.Clip(2) != 1 {
		t.Errorf("bounds of a rate without limits: %+v", c.Bounds)
	}
}

func TestIconsWorkedExample(t *testing.T) {
	c := xmr(t, stats.BetterHigher, join(ex11, []float64{88.7})...)
	for _, ex := range []struct {
		target        float64
		higher, lower string
	}{{95, "F", "P"}, {93.2, "F", "P"}, {89, "?", "?"}, {84.2, "?", "?"}, {84, "P", "F"}} {
		if a := c.Assurance(&ex.target, false); !a.Shown() || a.Assurance.Letter() != ex.higher {
			t.Errorf("target %v, higher is better: %+v, want %s", ex.target, a, ex.higher)
		}
		l := *c.Points[0].Limits
		if a := stats.Assure(l, ex.target, stats.BetterLower); a.Letter() != ex.lower {
			t.Errorf("target %v, lower is better: %s, want %s", ex.target, a.Letter(), ex.lower)
		}
	}
	// Equality is hit and miss.
	l := *c.Points[0].Limits
	for _, target := range []float64{l.Lower, l.Upper} {
		if a := stats.Assure(l, target, stats.BetterHigher); a != stats.AssuranceMixed {
			t.Errorf("target on a limit: %s", a)
		}
	}
	if a := stats.Assure(l, 95, stats.BetterNone); a != stats.AssuranceNone || a.Letter() != "" {
		t.Errorf("assurance without a good side: %s", a)
	}
}

func TestHiddenIcons(t *testing.T) {
	target := 95.0
	twelve := xmr(t, stats.BetterHigher, ex11...)
	thirteen := xmr(t, stats.BetterHigher, join(ex11, []float64{88.7})...)
	for _, ex := range []struct {
		name string
		got  stats.AssuranceIcon
		want stats.Reason
	}{
		{"twelve points", twelve.Assurance(&target, false), stats.ReasonFewPoints},
		{"thirteen", thirteen.Assurance(&target, false), stats.ReasonNone},
		{"moving target", thirteen.Assurance(&target, true), stats.ReasonMovingTarget},
		{"no target", thirteen.Assurance(nil, false), stats.ReasonNoTarget},
		{"no good side", xmr(t, stats.BetterNone, ex11...).Assurance(&target, false), stats.ReasonUndirected},
		{"eight points", xmr(t, stats.BetterHigher, ex11[:8]...).Assurance(&target, false), stats.ReasonTrial},
		{"four points", xmr(t, stats.BetterHigher, ex11[:4]...).Assurance(&target, false), stats.ReasonFewPoints},
		{"nothing", xmr(t, stats.BetterHigher).Assurance(&target, false), stats.ReasonNoData},
	} {
		if ex.got.Hidden != ex.want {
			t.Errorf("%s: hidden %q, want %q", ex.name, ex.got.Hidden, ex.want)
		}
	}
	if v := xmr(t, stats.BetterHigher).Variation(); v.Hidden != stats.ReasonNoData || v.Letter() != "" {
		t.Errorf("variation of nothing: %+v", v)
	}
	// The latest rate has too few units for limits to hold a target against.
	obs := counts(repeat([]float64{90}, 13), join(repeat([]float64{100}, 12), []float64{90}))
	obs[3].Numerator, obs[12] = 85, stats.Observation{Label: "13", At: 13, Numerator: 9, Denominator: 10}
	share := 0.5
	if a := chart(t, obs, stats.Options{Kind: stats.KindP, Better: stats.BetterHigher}).Assurance(&share, false); a.Hidden != stats.ReasonFewExpected {
		t.Errorf("small latest point: %+v", a)
	}
}

func TestVariationIcon(t *testing.T) {
	for _, ex := range []struct {
		better    stats.Better
		new       float64
		direction stats.Direction
		letter    string
	}{
		{stats.BetterHigher, 88.7, stats.DirectionCommon, ""},
		{stats.BetterHigher, 95, stats.DirectionImprovement, "H"},
		{stats.BetterHigher, 80, stats.DirectionConcern, "L"},
		{stats.BetterLower, 95, stats.DirectionConcern, "H"},
		{stats.BetterLower, 80, stats.DirectionImprovement, "L"},
		{stats.BetterNone, 95, stats.DirectionNeutral, "H"},
		{stats.BetterNone, 80, stats.DirectionNeutral, "L"},
	} {
		v := xmr(t, ex.better, join(ex11, []float64{ex.new})...).Variation()
		if !v.Shown() || v.Direction != ex.direction || v.Letter() != ex.letter || (v.Rule == stats.RuleOutside) != (ex.letter != "") {
			t.Errorf("%q %v: %+v", ex.better, ex.new, v)
		}
	}
	// It is the latest point's, not that of a signal before it.
	if v := xmr(t, stats.BetterHigher, join(ex11, []float64{95, 88.7})...).Variation(); v.Direction != stats.DirectionCommon {
		t.Errorf("after a signal: %+v", v)
	}
}

func TestAnhojWorkedExample(t *testing.T) {
	got, ok := stats.Anhoj(join(ex11, ex6), 88.658333)
	want := stats.AnhojTest{Useful: 24, LongestRun: 13, LongestUsual: 8, Crossings: 9, FewestUsual: 8, Signal: true}
	if !ok || got != want {
		t.Errorf("%+v %v, want %+v", got, ok, want)
	}
	// Values on the centre neither break a run nor belong to one.
	got, ok = stats.Anhoj([]float64{1, 0, 1, -1, 0, -1}, 0)
	if !ok || got.Useful != 4 || got.LongestRun != 2 || got.Crossings != 1 || got.Signal {
		t.Errorf("%+v %v", got, ok)
	}
	for _, bad := range [][]float64{nil, {1}, {0, 0, 0}, {1, math.NaN(), 2}} {
		if _, ok := stats.Anhoj(bad, 0); ok {
			t.Errorf("a test of %v", bad)
		}
	}
	if _, ok := stats.Anhoj([]float64{1, 2, 3}, math.Inf(1)); ok {
		t.Error("a test against no centre")
	}
}

func TestBadSeries(t *testing.T) {
	floor, ceiling := 1.0, 0.0
	infinite := math.Inf(1)
	ok := values(ex11...)
	for name, ex := range map[string]struct {
		points []stats.Observation
		opts   stats.Options
	}{
		"two at one time":     {[]stats.Observation{{Label: "a", At: 1}, {Label: "b", At: 1}}, stats.Options{Kind: stats.KindXmR}},
		"not a number":        {values(1, math.NaN()), stats.Options{Kind: stats.KindXmR}},
		"infinite":            {values(1, math.Inf(-1)), stats.Options{Kind: stats.KindXmR}},
		"more than all":       {counts([]float64{3}, []float64{2}), stats.Options{Kind: stats.KindP}},
		"more than all (m)":   {counts([]float64{3}, []float64{2}), stats.Options{Measure: stats.MeasureRate}},
		"negative count":      {counts([]float64{-3}, []float64{2}), stats.Options{Kind: stats.KindU}},
		"negative exposure":   {counts([]float64{3}, []float64{-2}), stats.Options{Kind: stats.KindU}},
		"no days between":     {values(3, 0, 4), stats.Options{Kind: stats.KindT}},
		"unknown kind":        {ok, stats.Options{Kind: "c"}},
		"unknown measure":     {ok, stats.Options{Measure: "mood"}},
		"no measure":          {ok, stats.Options{}},
		"unknown direction":   {ok, stats.Options{Kind: stats.KindXmR, Better: "up"}},
		"baseline of four":    {ok, stats.Options{Kind: stats.KindXmR, Baseline: 4}},
		"negative scale":      {ok, stats.Options{Kind: stats.KindXmR, Scale: -1}},
		"breaks out of order": {ok, stats.Options{Kind: stats.KindXmR, Breaks: []int64{5, 5}}},
		"bounds upside down":  {ok, stats.Options{Kind: stats.KindXmR, Bounds: stats.Bounds{Floor: &floor, Ceiling: &ceiling}}},
		"infinite bound":      {ok, stats.Options{Kind: stats.KindXmR, Bounds: stats.Bounds{Ceiling: &infinite}}},
		"known for counts":    {ok, stats.Options{Kind: stats.KindP, Known: &stats.Known{Centre: 1, Sigma: 1}}},
		"known is nonsense":   {ok, stats.Options{Kind: stats.KindXmR, Known: &stats.Known{Centre: 1, Sigma: -1}}},
		"too large":           {values(1e308, -1e308, 1e308, -1e308, 1e308, 1e308), stats.Options{Kind: stats.KindXmR}},
		"too large, screened": {values(1e308, -1e308, 1e308, -1e308, 1e308, 1e308), stats.Options{Kind: stats.KindXmR, Screen: true}},
		"limits too large":    {values(1e308, 1e307, 1e308, 1e307, 1e308, 1e307), stats.Options{Kind: stats.KindXmR}},
	} {
		if c, err := stats.ControlChart(ex.points, ex.opts); err == nil {
			t.Errorf("%s: no error, %+v", name, c.Phases)
		}
	}
	if c, err := stats.ControlChart(nil, stats.Options{Kind: stats.KindXmR}); err != nil || len(c.Points) != 0 || len(c.Phases) != 0 {
		t.Errorf("nothing: %+v %v", c, err)
	}
	if c, err := stats.ControlChart(counts([]float64{0}, []float64{0}), stats.Options{Kind: stats.KindU}); err != nil || len(c.Phases) != 0 {
		t.Errorf("no volume: %+v %v", c, err)
	}
}
