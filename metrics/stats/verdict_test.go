package stats_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"youzhi/metrics/stats"
)

func rateTerms(phi float64) stats.Terms {
	return stats.Terms{Better: stats.BetterHigher, Confidence: 0.95, Phi: phi}
}

func TestCompareRatesWorkedExamples(t *testing.T) {
	holm := rateTerms(1)
	holm.Confidence = 0.99 // z 2.575829: 0.05 over five tests
	for _, ex := range []struct {
		name            string
		before, after   stats.Sample
		terms           stats.Terms
		d, lower, upper float64
		verdict         stats.Verdict
	}{
		{"improved", stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}, rateTerms(1), 0.11, 0.077735, 0.142173, stats.VerdictImproved},
		{"improved, just", stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}, rateTerms(2.915377), 0.11, 0.014744, 0.204287, stats.VerdictImproved},
		{"over-dispersed", stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}, rateTerms(8.593840), 0.11, -0.183561, 0.389246, stats.VerdictNoEvidence},
		{"fifty each", stats.Sample{X: 39, N: 50}, stats.Sample{X: 44, N: 50}, rateTerms(0), 0.1, -0.049948, 0.246994, stats.VerdictNoEvidence},
		{"worse alone", stats.Sample{X: 940, N: 1000}, stats.Sample{X: 915, N: 1000}, rateTerms(1), -0.025, -0.048009, -0.002220, stats.VerdictWorse},
		{"one of five", stats.Sample{X: 940, N: 1000}, stats.Sample{X: 915, N: 1000}, holm, -0.025, -0.055460, 0.005075, stats.VerdictNoEvidence},
		{"large", stats.Sample{X: 8500, N: 10000}, stats.Sample{X: 8650, N: 10000}, rateTerms(1), 0.015, 0.005311, 0.024689, stats.VerdictImproved},
		{"large, widened", stats.Sample{X: 8500, N: 10000}, stats.Sample{X: 8650, N: 10000}, rateTerms(2.915377), 0.015, -0.013290, 0.043292, stats.VerdictNoEvidence},
		{"ten each", stats.Sample{X: 10, N: 10}, stats.Sample{X: 7, N: 10}, rateTerms(1), -0.3, -0.603222, 0.037592, stats.VerdictTooFew},
		{"from the literature", stats.Sample{X: 48, N: 80}, stats.Sample{X: 56, N: 70}, rateTerms(1), 0.2, 0.052431, 0.333873, stats.VerdictImproved},
	} {
		got, err := stats.CompareRates(ex.before, ex.after, ex.terms)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, ex.name+": difference", got.Difference, ex.d)
		// The widths are printed to six places.
		expect(t, ex.name, got.Interval, true, stats.MethodNewcombe, ex.lower, ex.upper, 1e-6)
		if got.Verdict != ex.verdict {
			t.Errorf("%s: %s, want %s", ex.name, got.Verdict, ex.verdict)
		}
		// With the other side good, the verdict is the other one.
		ex.terms.Better = stats.BetterLower
		turned, _ := stats.CompareRates(ex.before, ex.after, ex.terms)
		want := map[stats.Verdict]stats.Verdict{stats.VerdictImproved: stats.VerdictWorse, stats.VerdictWorse: stats.VerdictImproved}[ex.verdict]
		if want != "" && turned.Verdict != want {
			t.Errorf("%s, lower is better: %s, want %s", ex.name, turned.Verdict, want)
		}
		ex.terms.Better = stats.BetterNone
		if none, _ := stats.CompareRates(ex.before, ex.after, ex.terms); none.Verdict != stats.VerdictNone {
			t.Errorf("%s, without a good side: %s", ex.name, none.Verdict)
		}
	}
}

func TestSmallestUsefulChange(t *testing.T) {
	before, after := stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}
	for _, ex := range []struct {
		delta float64
		want  stats.Verdict
	}{{0.07, stats.VerdictImproved}, {0.08, stats.VerdictNoEvidence}} {
		terms := rateTerms(1)
		terms.SmallestChange = ex.delta
		if got, _ := stats.CompareRates(before, after, terms); got.Verdict != ex.want {
			t.Errorf("δ %v: %s, want %s", ex.delta, got.Verdict, ex.want)
		}
		// Back again it is worse, or not, by the same distance.
		want := ex.want
		if want == stats.VerdictImproved {
			want = stats.VerdictWorse
		}
		if got, _ := stats.CompareRates(after, before, terms); got.Verdict != want {
			t.Errorf("back, δ %v: %s, want %s", ex.delta, got.Verdict, want)
		}
	}
}

func TestRateTests(t *testing.T) {
	for _, ex := range []struct {
		before, after stats.Sample
		p, fisher     float64
	}{
		{stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}, 3.434e-11, 0},
		{stats.Sample{X: 39, N: 50}, stats.Sample{X: 44, N: 50}, 0.183160, 0.286885},
		{stats.Sample{X: 940, N: 1000}, stats.Sample{X: 915, N: 1000}, 0.031103, 0.038181},
		{stats.Sample{X: 10, N: 10}, stats.Sample{X: 7, N: 10}, 0.060289, 0.210526},
	} {
		got, err := stats.CompareRates(ex.before, ex.after, rateTerms(1))
		if err != nil {
			t.Fatal(err)
		}
		if ex.fisher == 0 {
			// Printed to four digits, with z = 6.626626.
			if math.Abs(got.P/ex.p-1) > 2e-4 || !tight(math.Sqrt2*math.Erfcinv(got.P), 6.626626) {
				t.Errorf("p %v, want %v", got.P, ex.p)
			}
			continue
		}
		equal(t, "pooled z", got.P, ex.p)
		fisher, ok := stats.FisherExact(ex.before, ex.after)
		if !ok {
			t.Error("no exact test")
		}
		equal(t, "exact", fisher, ex.fisher)
	}
	// φ widens the test as it does the interval: z 6.626626 / 2.915377.
	got, err := stats.CompareRates(stats.Sample{X: 780, N: 1000}, stats.Sample{X: 890, N: 1000}, rateTerms(2.915377))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "widened z", math.Sqrt2*math.Erfcinv(got.P), 6.626626/2.915377)
	// All on both sides: nothing speaks for a difference.
	got, err = stats.CompareRates(stats.Sample{X: 50, N: 50}, stats.Sample{X: 40, N: 40}, rateTerms(1))
	if err != nil || got.P != 1 || got.Verdict != stats.VerdictNoEvidence {
		t.Errorf("all on both sides: %+v %v", got, err)
	}
}

func TestBadComparisons(t *testing.T) {
	ok := stats.Sample{X: 50, N: 100}
	for name, ex := range map[string]struct {
		before, after stats.Sample
		terms         stats.Terms
	}{
		"none before":     {stats.Sample{}, ok, rateTerms(1)},
		"none after":      {ok, stats.Sample{}, rateTerms(1)},
		"more than all":   {ok, stats.Sample{X: 2, N: 1}, rateTerms(1)},
		"negative":        {stats.Sample{X: -1, N: 1}, ok, rateTerms(1)},
		"no confidence":   {ok, ok, stats.Terms{Better: stats.BetterHigher}},
		"bad direction":   {ok, ok, stats.Terms{Better: "up", Confidence: 0.95}},
		"phi NaN":         {ok, ok, stats.Terms{Confidence: 0.95, Phi: math.NaN()}},
		"negative change": {ok, ok, stats.Terms{Confidence: 0.95, SmallestChange: -1}},
	} {
		if got, err := stats.CompareRates(ex.before, ex.after, ex.terms); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, ex := range [][2]stats.Sample{{{}, ok}, {ok, {}}, {ok, {X: 2, N: 1}}} {
		if p, ok := stats.FisherExact(ex[0], ex[1]); ok {
			t.Errorf("exact test of %v: %v", ex, p)
		}
	}
}

func TestRelativeChange(t *testing.T) {
	for _, ex := range []struct{ before, after, want float64 }{{85, 92, 0.08235294}, {78, 89, 0.14102564}, {-10, -5, 0.5}} {
		if got, ok := stats.RelativeChange(ex.before, ex.after); !ok || !tight(got, ex.want) {
			t.Errorf("%v to %v: %v %v", ex.before, ex.after, got, ok)
		}
	}
	if got, ok := stats.RelativeChange(0, 1); ok {
		t.Errorf("from nothing: %v", got)
	}
}

func TestNPSWorkedExamples(t *testing.T) {
	before, ok := stats.NPS(120, 50, 30)
	if !ok || !tight(before.Value, 45) || !tight(before.SE, 5.232112) {
		t.Errorf("%+v %v", before, ok)
	}
	iv, ok := before.Interval(0.95)
	expect(t, "NPS", iv, ok, stats.MethodNormal, 34.745248, 55.254752, 6e-7)
	if small, _ := stats.NPS(6, 3, 1); !tight(small.Value, 50) || !tight(small.SE, 21.213203) {
		t.Errorf("ten answers: %+v", small)
	}
	after, _ := stats.NPS(150, 40, 40)
	equal(t, "after", after.Value, 47.826087)
	equal(t, "SE", after.SE, 5.096262)
	got, err := stats.CompareMeasured(before, after, rateTerms(1))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "difference", got.Difference, 2.826087)
	equal(t, "SE of it", got.SE, 7.303896)
	expect(t, "difference", got.Interval, true, stats.MethodNormal, -11.489285, 17.141459, 1e-6)
	if got.Verdict != stats.VerdictNoEvidence || got.P < 0.69 || got.P > 0.71 {
		t.Errorf("%+v", got)
	}
	if all, ok := stats.NPS(7, 0, 0); !ok || all.Value != 100 || all.SE != 0 {
		t.Errorf("promoters alone: %+v %v", all, ok)
	}
	if _, ok := (stats.Measured{Value: 100}).Interval(0.95); ok {
		t.Error("an interval without a standard error")
	}
	for _, bad := range [][3]int64{{0, 0, 0}, {-1, 2, 3}, {1, -2, 3}, {1, 2, -3}} {
		if got, ok := stats.NPS(bad[0], bad[1], bad[2]); ok {
			t.Errorf("%v: %+v", bad, got)
		}
	}
}

func TestCompareMeasured(t *testing.T) {
	for _, ex := range []struct {
		after stats.Measured
		phi   float64
		want  stats.Verdict
	}{
		{stats.Measured{Value: 80, SE: 1}, 1, stats.VerdictImproved},
		{stats.Measured{Value: 80, SE: 1}, 2, stats.VerdictNoEvidence},
		{stats.Measured{Value: 70, SE: 1}, 1, stats.VerdictWorse},
		{stats.Measured{Value: 77, SE: 1}, 1, stats.VerdictNoEvidence},
	} {
		got, err := stats.CompareMeasured(stats.Measured{Value: 75, SE: 1}, ex.after, rateTerms(ex.phi))
		if err != nil || got.Verdict != ex.want || (got.P < 0.05) != (ex.want != stats.VerdictNoEvidence) {
			t.Errorf("%+v φ %v: %+v %v, want %s", ex.after, ex.phi, got, err, ex.want)
		}
	}
	for name, ex := range map[string]struct {
		after stats.Measured
		terms stats.Terms
	}{
		"no spread":     {stats.Measured{Value: 80}, rateTerms(1)},
		"negative":      {stats.Measured{Value: 80, SE: -1}, rateTerms(1)},
		"not a number":  {stats.Measured{Value: math.NaN(), SE: 1}, rateTerms(1)},
		"no confidence": {stats.Measured{Value: 80, SE: 1}, stats.Terms{}},
	} {
		if got, err := stats.CompareMeasured(stats.Measured{Value: 75}, ex.after, ex.terms); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestVerdictAgrees(t *testing.T) {
	for _, ex := range []struct {
		v    stats.Verdict
		d    stats.Direction
		want bool
	}{
		{stats.VerdictImproved, stats.DirectionImprovement, true},
		{stats.VerdictImproved, stats.DirectionCommon, false},
		{stats.VerdictWorse, stats.DirectionConcern, true},
		{stats.VerdictWorse, stats.DirectionImprovement, false},
		{stats.VerdictNoEvidence, stats.DirectionCommon, true},
		{stats.VerdictNoEvidence, stats.DirectionConcern, false},
		{stats.VerdictTooFew, stats.DirectionConcern, true},
	} {
		if got := ex.v.Agrees(ex.d); got != ex.want {
			t.Errorf("%s and %s: %v", ex.v, ex.d, got)
		}
	}
}

func TestManyTestsWorkedExample(t *testing.T) {
	ps := []float64{.004, .030, .020, .300, .0005}
	near6 := cmpopts.EquateApprox(0, 5e-7)
	holm, err := stats.Holm(ps)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{.016, .060, .060, .300, .0025}, holm, near6); diff != "" {
		t.Error(diff)
	}
	bh, err := stats.BenjaminiHochberg(ps)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{.010, .0375, .033333, .300, .0025}, bh, near6); diff != "" {
		t.Error(diff)
	}
	tested := []stats.Tested{
		{stats.VerdictImproved, .004}, {stats.VerdictWorse, .030}, {stats.VerdictImproved, .020},
		{stats.VerdictNoEvidence, .300}, {stats.VerdictImproved, .0005}, {stats.VerdictTooFew, 0.0001}, {stats.VerdictNone, 0.5},
	}
	verdicts, err := stats.HoldToFamily(tested)
	if err != nil {
		t.Fatal(err)
	}
	want := []stats.Verdict{
		stats.VerdictImproved, stats.VerdictNoEvidence, stats.VerdictNoEvidence, stats.VerdictNoEvidence,
		stats.VerdictImproved, stats.VerdictTooFew, stats.VerdictNone,
	}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := stats.Holm([]float64{0.5, bad}); err == nil {
			t.Errorf("Holm takes %v", bad)
		}
		if _, err := stats.BenjaminiHochberg([]float64{0.5, bad}); err == nil {
			t.Errorf("Benjamini-Hochberg takes %v", bad)
		}
		if _, err := stats.HoldToFamily([]stats.Tested{{stats.VerdictImproved, bad}}); err == nil {
			t.Errorf("a family takes %v", bad)
		}
	}
}

func TestDifferenceInDifferencesWorkedExample(t *testing.T) {
	of := func(x int64) stats.Sample { return stats.Sample{X: x, N: 1000} }
	got, ok := stats.DifferenceInDifferences(of(780), of(890), of(790), of(840), 0.95)
	if !ok || !tight(got.Difference, 0.06) || !tight(got.SE, 0.023870) {
		t.Errorf("%+v %v", got, ok)
	}
	expect(t, "difference in differences", got.Interval, ok, stats.MethodNormal, 0.013215, 0.106785, 6e-7)
	if _, ok := stats.DifferenceInDifferences(of(780), of(890), stats.Sample{}, of(840), 0.95); ok {
		t.Error("without a control group")
	}
	if _, ok := stats.DifferenceInDifferences(of(780), of(890), of(790), of(840), 1); ok {
		t.Error("without doubt")
	}
}

func TestSampleSizeWorkedExample(t *testing.T) {
	n, ok := stats.SampleSize(0.85, 0.88, 0.95, 0.8)
	if !ok || math.Abs(n-2035.605) > 6e-4 {
		t.Errorf("%v %v", n, ok)
	}
	if same, _ := stats.SampleSize(0.88, 0.85, 0.95, 0.8); !near(same, n, 1e-9) {
		t.Errorf("down again: %v", same)
	}
	for _, ok := range []bool{
		second(stats.SampleSize(0.85, 0.85, 0.95, 0.8)), second(stats.SampleSize(0, 0.85, 0.95, 0.8)),
		second(stats.SampleSize(0.5, 0.85, 1, 0.8)), second(stats.SampleSize(0.5, 0.85, 0.95, 1)), second(stats.SampleSize(0.5, 0.6, 0.95, 1e-9)),
	} {
		if ok {
			t.Error("a sample size for nothing")
		}
	}
}

func TestCompareEventRatesWorkedExamples(t *testing.T) {
	terms := stats.Terms{Better: stats.BetterLower, Confidence: 0.95}
	for _, ex := range []struct {
		name                 string
		before, after        stats.Events
		ratio, lower, upper  float64
		p, midP              float64
		waldLower, waldUpper float64
		verdict              stats.Verdict
		small                bool
	}{
		{"quarter less", stats.Events{X: 120, Exposure: 400_000}, stats.Events{X: 90, Exposure: 400_000}, 0.75, 0.564197, 0.993995, 0.045114, 0.038643, 0.570646, 0.985725, stats.VerdictImproved, false},
		{"unequal volume", stats.Events{X: 120, Exposure: 40}, stats.Events{X: 150, Exposure: 60}, 0.833333, 0.651116, 1.068444, 0.154207, 0.137943, 0.655493, 1.059423, stats.VerdictNoEvidence, false},
		{"none after", stats.Events{X: 8, Exposure: 10}, stats.Events{X: 0, Exposure: 10}, 0, 0, 0.585833, 0.007813, 0.003906, 0, 0, stats.VerdictImproved, true},
		{"large", stats.Events{X: 480, Exposure: 1200}, stats.Events{X: 370, Exposure: 1180}, 0.783898, 0.682638, 0.899613, 0.000467, 0.000414, 0.684499, 0.897732, stats.VerdictImproved, false},
	} {
		got, err := stats.CompareEventRates(ex.before, ex.after, terms)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, ex.name+": ratio", got.Ratio, ex.ratio)
		expect(t, ex.name, got.Interval, true, stats.MethodRatioExact, ex.lower, ex.upper, 1e-6)
		equal(t, ex.name+": p", got.P, ex.p)
		equal(t, ex.name+": mid-p", got.MidP, ex.midP)
		if got.Verdict != ex.verdict || got.Small != ex.small || got.Unbounded {
			t.Errorf("%s: %+v", ex.name, got)
		}
		if ex.waldLower > 0 {
			// The least φ above 1 gives the log-Wald interval as it is printed.
			widened := terms
			widened.Phi = math.Nextafter(1, 2)
			got, err := stats.CompareEventRates(ex.before, ex.after, widened)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, ex.name+", log-Wald", got.Interval, true, stats.MethodLogWald, ex.waldLower, ex.waldUpper, 1e-6)
		}
	}
	// The package rateratio.test's vignette: 2 in 17,877 against 9 in 16,660.
	got, err := stats.CompareEventRates(stats.Events{X: 9, Exposure: 16660}, stats.Events{X: 2, Exposure: 17877}, terms)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "vignette: ratio", got.Ratio, 0.207094)
	expect(t, "vignette", got.Interval, true, stats.MethodRatioExact, 0.021774, 1.000549, 1e-6)
	equal(t, "vignette: p", got.P, 0.050106)
	if got.Verdict != stats.VerdictNoEvidence || !got.Small {
		t.Errorf("vignette: %+v", got)
	}
	// A quarter less is evidence from 116 on.
	for _, ex := range []struct {
		before, after int64
		p             float64
		verdict       stats.Verdict
	}{{116, 87, 0.049121, stats.VerdictImproved}, {112, 84, 0.053506, stats.VerdictNoEvidence}} {
		got, err := stats.CompareEventRates(stats.Events{X: ex.before, Exposure: 1}, stats.Events{X: ex.after, Exposure: 1}, terms)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "quarter less: p", got.P, ex.p)
		if got.Verdict != ex.verdict {
			t.Errorf("%d to %d: %s", ex.before, ex.after, got.Verdict)
		}
	}
}

func TestEventRatesAtTheEdges(t *testing.T) {
	terms := stats.Terms{Better: stats.BetterLower, Confidence: 0.95}
	compare := func(x1, x2 int64, terms stats.Terms) stats.RateRatio {
		t.Helper()
		got, err := stats.CompareEventRates(stats.Events{X: x1, Exposure: 10}, stats.Events{X: x2, Exposure: 10}, terms)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := compare(0, 0, terms); got.Verdict != stats.VerdictTooFew || got.P != 1 || !got.Unbounded {
		t.Errorf("no event: %+v", got)
	}
	// None before: the reverse of none after, whose upper limit is 0.585833.
	got := compare(0, 8, terms)
	if !got.Unbounded || got.Verdict != stats.VerdictWorse || !tight(got.Interval.Lower, 1/0.585833) || got.Interval.Upper != 0 {
		t.Errorf("none before: %+v", got)
	}
	// Over-dispersed, eight to none is no evidence any more: the interval is the exact one at z 1.96·4.
	wide := terms
	wide.Phi = 4
	got = compare(8, 0, wide)
	if got.Verdict != stats.VerdictNoEvidence || got.Interval.Method != stats.MethodRatioExact || !(got.Interval.Upper > 1) || !(got.P > 0.4 && got.P < 0.6) {
		t.Errorf("none after, over-dispersed: %+v", got)
	}
	// Interval and test say the same: 400 to none, whose exact p is 2^-399,
	// is z 23.375 without φ, 11.926 times the usual quantile, which is where evidence ends.
	for _, ex := range []struct {
		phi  float64
		want stats.Verdict
	}{{11, stats.VerdictImproved}, {11.8, stats.VerdictImproved}, {12.1, stats.VerdictNoEvidence}, {12.5, stats.VerdictNoEvidence}} {
		wide.Phi = ex.phi
		if got := compare(400, 0, wide); got.Verdict != ex.want || (got.P < 0.05) != (ex.want == stats.VerdictImproved) {
			t.Errorf("400 to none, φ %v: %+v", ex.phi, got)
		}
	}
	// φ so large that the tail has no probability left in floating point.
	wide.Phi = 40
	if got, err := stats.CompareEventRates(stats.Events{X: 0, Exposure: 1}, stats.Events{X: 8, Exposure: 1}, wide); err != nil || got.Verdict != stats.VerdictNoEvidence {
		t.Errorf("hopeless: %+v %v", got, err)
	}
	// The smallest useful change of a tenth takes the quarter's evidence away.
	delta := terms
	delta.SmallestChange = 0.1
	got, err := stats.CompareEventRates(stats.Events{X: 120, Exposure: 1}, stats.Events{X: 90, Exposure: 1}, delta)
	if err != nil || got.Verdict != stats.VerdictNoEvidence {
		t.Errorf("a tenth: %+v %v", got, err)
	}
	for _, bad := range [][2]stats.Events{
		{{X: -1, Exposure: 1}, {X: 1, Exposure: 1}}, {{X: 1, Exposure: 0}, {X: 1, Exposure: 1}}, {{X: 1, Exposure: 1}, {X: 1, Exposure: math.Inf(1)}},
		{{X: 1, Exposure: 1e-300}, {X: 1, Exposure: 1e300}},
	} {
		if got, err := stats.CompareEventRates(bad[0], bad[1], terms); err == nil {
			t.Errorf("%v: %+v", bad, got)
		}
	}
	if _, err := stats.CompareEventRates(stats.Events{X: 1, Exposure: 1}, stats.Events{X: 1, Exposure: 1}, stats.Terms{}); err == nil {
		t.Error("no error without a confidence")
	}
}

func TestFunnelWorkedExample(t *testing.T) {
	for _, ex := range []struct{ n, lower, upper float64 }{{50, 0.772721, 1}, {200, 0.836360, 0.963640}, {1000, 0.871540, 0.928460}} {
		l, ok := stats.FunnelAt(0.9, ex.n, 1)
		if !ok {
			t.Fatal("no limits")
		}
		equal(t, "lower", l.Lower3, ex.lower)
		equal(t, "upper", l.Upper3, ex.upper)
		equal(t, "lower 95 %", 0.9-l.Lower95, min(1, z95/3*(0.9-ex.lower)))
		wide, _ := stats.FunnelAt(0.9, ex.n, 1.5)
		if !near(0.9-wide.Lower3, 1.5*(0.9-ex.lower), 1e-6) {
			t.Errorf("widened: %v", wide.Lower3)
		}
		floor, _ := stats.FunnelAt(0.9, ex.n, 0.5)
		equal(t, "φ has a floor", floor.Lower3, ex.lower)
	}
	for _, bad := range [][3]float64{{1.1, 50, 1}, {0.9, 0, 1}, {0.9, 50, math.NaN()}, {math.NaN(), 50, 1}} {
		if _, ok := stats.FunnelAt(bad[0], bad[1], bad[2]); ok {
			t.Errorf("limits for %v", bad)
		}
	}
}

func TestFunnel(t *testing.T) {
	units := []stats.Sample{{X: 180, N: 200}, {X: 160, N: 200}, {X: 197, N: 200}, {X: 900, N: 1000}, {X: 172, N: 200}, {X: 1, N: 10}, {}, {X: 45, N: 50}}
	points, err := stats.Funnel(units, 0.9, 1, stats.BetterHigher)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Outside       stats.Side
		Direction     stats.Direction
		NoData, Small bool
		LookAt        bool
	}
	want := []seen{
		{"", stats.DirectionCommon, false, false, false},
		{stats.SideLow, stats.DirectionConcern, false, false, true}, // 0.800 < 0.836
		{stats.SideHigh, stats.DirectionImprovement, false, false, true},
		{"", stats.DirectionCommon, false, false, false},
		{"", stats.DirectionCommon, false, false, false}, // 0.860: outside 95 %, not outside three
		{"", stats.DirectionCommon, false, true, false},  // one expected failure
		{"", stats.DirectionCommon, true, false, false},
		{"", stats.DirectionCommon, false, false, false},
	}
	for i, p := range points {
		if got := (seen{p.Outside, p.Direction, p.NoData, p.Small, p.LookAt}); got != want[i] {
			t.Errorf("unit %d: %+v, want %+v; %+v", i+1, got, want[i], p)
		}
	}
	equal(t, "z", points[1].Z, -0.1/(0.3/math.Sqrt(200)))
	if p := points[4]; p.Rate >= p.Limits.Lower95+0.0016 || p.Rate < p.Limits.Lower3 {
		t.Errorf("unit 5: %+v", p)
	}
	// A group that varies more than sampling has none outside.
	points, err = stats.Funnel(units, 0.9, 3, stats.BetterHigher)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range points {
		if p.Outside != stats.SideNone || p.LookAt {
			t.Errorf("unit %d of an over-dispersed group: %+v", i+1, p)
		}
	}
	if rate, ok := stats.GroupRate(units); !ok || !near(rate, 1655.0/1860, 1e-12) {
		t.Errorf("group's rate %v %v", rate, ok)
	}
	if _, ok := stats.GroupRate([]stats.Sample{{}, {X: 2, N: 1}}); ok {
		t.Error("a rate of a bad group")
	}
	if _, err := stats.Funnel([]stats.Sample{{X: 2, N: 1}}, 0.9, 1, stats.BetterHigher); err == nil {
		t.Error("more than all")
	}
	if _, err := stats.Funnel(units, math.NaN(), 1, stats.BetterHigher); err == nil {
		t.Error("no group rate")
	}
}

func TestPercentileWorkedExample(t *testing.T) {
	xs := []float64{40, 1, 2, 2, 3, 4, 14, 5, 7, 9}
	for _, ex := range []struct{ p, want float64 }{{0.5, 4.5}, {0.9, 16.6}, {0.95, 28.3}, {0, 1}, {1, 40}} {
		got, ok := stats.Percentile(xs, ex.p)
		if !ok || !tight(got, ex.want) {
			t.Errorf("P%v: %v %v, want %v", 100*ex.p, got, ok, ex.want)
		}
	}
	if xs[0] != 40 {
		t.Error("the values were sorted in place")
	}
	// ClickHouse's documentation: 0..9, of which P10 is 0.9 and P90 8.1.
	digits := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, ex := range []struct{ p, want float64 }{{0.1, 0.9}, {0.9, 8.1}} {
		if got, _ := stats.Percentile(digits, ex.p); !tight(got, ex.want) {
			t.Errorf("P%v of the digits: %v", 100*ex.p, got)
		}
	}
	for _, ok := range []bool{
		second(stats.Percentile(nil, 0.5)), second(stats.Percentile([]float64{1, math.NaN()}, 0.5)),
		second(stats.Percentile(digits, -0.1)), second(stats.Percentile(digits, 1.1)), second(stats.Percentile(digits, math.NaN())),
	} {
		if ok {
			t.Error("a percentile of nothing")
		}
	}
	if n := stats.PercentileSample(0.9); n != 50 {
		t.Errorf("P90 from %d", n)
	}
	if n := stats.PercentileSample(0.95); n != 100 {
		t.Errorf("P95 from %d", n)
	}
	if n := stats.PercentileSample(1); n != 0 {
		t.Errorf("P100 from %d", n)
	}
}

func TestPercentileIntervalWorkedExample(t *testing.T) {
	xs := make([]float64, 200)
	for i := range xs {
		xs[i] = float64(200 - i) // each is its rank
	}
	iv, coverage, ok := stats.PercentileInterval(xs, 0.9, 0.95)
	expect(t, "P90 of 200", iv, ok, stats.MethodOrderStatistics, 171, 189, 0)
	equal(t, "coverage", coverage, 0.966884)
	for _, ex := range []struct {
		n             int
		p, confidence float64
	}{{0, 0.9, 0.95}, {10, 0.9, 0.95}, {200, 0, 0.95}, {200, 1, 0.95}, {200, 0.9, 1}} {
		if iv, _, ok := stats.PercentileInterval(xs[:ex.n], ex.p, ex.confidence); ok {
			t.Errorf("%+v: %+v", ex, iv)
		}
	}
	xs[3] = math.Inf(1)
	if _, _, ok := stats.PercentileInterval(xs, 0.9, 0.95); ok {
		t.Error("an interval of an infinite value")
	}
}

func waits(done, open []float64) []stats.Wait {
	var out []stats.Wait
	for _, t := range done {
		out = append(out, stats.Wait{Time: t, Done: true})
	}
	for _, t := range open {
		out = append(out, stats.Wait{Time: t})
	}
	return out
}

func curve(t failer, ws []stats.Wait) stats.Curve {
	t.Helper()
	c, err := stats.KaplanMeier(ws)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKaplanMeierWorkedExamples(t *testing.T) {
	delivered := []float64{20, 26, 30, 41, 47, 60}
	c := curve(t, waits(delivered, []float64{50, 72, 80, 96}))
	at, ok := c.At(48, 0.95)
	if !ok || at.Interval == nil {
		t.Fatalf("%+v %v", at, ok)
	}
	equal(t, "S(48)", at.Share, 0.5)
	equal(t, "SE", at.SE, 0.158114)
	expect(t, "S(48)", *at.Interval, true, stats.MethodLogLog, 0.183606, 0.753174, 6e-7)
	within, ok := c.Within(48, 0.95)
	if !ok || !tight(within.Share, 0.5) || !tight(within.Interval.Lower, 1-0.753174) || !tight(within.Interval.Upper, 1-0.183606) {
		t.Errorf("within %+v %v", within, ok)
	}
	if q, ok := c.Quantile(0.5, 0.95); !ok || q.Time != 47 {
		t.Errorf("median %+v %v", q, ok)
	}
	if q, ok := c.Quantile(0.9, 0.95); ok {
		t.Errorf("P90 %+v", q)
	}

	c = curve(t, waits(delivered, []float64{10, 35, 80, 96}))
	for _, ex := range []struct{ t, want float64 }{
		{0, 1}, {19.9, 1}, {20, 0.888889}, {25, 0.888889}, {26, 0.777778}, {30, 0.666667}, {41, 0.533333}, {47, 0.4}, {48, 0.4},
	} {
		at, ok := c.At(ex.t, 0.95)
		if !ok || !tight(at.Share, ex.want) {
			t.Errorf("S(%v) = %v %v, want %v", ex.t, at.Share, ok, ex.want)
		}
	}
	within, _ = c.Within(48, 0.95)
	equal(t, "on time", within.Share, 0.6)
	equal(t, "SE", within.SE, 0.173845)

	// Two in time, one late, seven open and overdue.
	c = curve(t, waits([]float64{20, 30, 60}, []float64{50, 51, 52, 53, 54, 55, 56}))
	within, ok = c.Within(48, 0.95)
	if !ok || !tight(within.Share, 0.2) {
		t.Errorf("overdue: %+v %v", within, ok)
	}
}

func TestKaplanMeierAtTheEdges(t *testing.T) {
	// At one time, done comes before open: both of the two are at risk.
	c := curve(t, waits([]float64{10}, []float64{10}))
	if at, ok := c.At(10, 0.95); !ok || at.Share != 0.5 {
		t.Errorf("tie: %+v %v", at, ok)
	}
	if at, ok := c.At(10.1, 0.95); ok {
		t.Errorf("beyond the observation: %+v", at)
	}
	if within, ok := c.Within(10.1, 0.95); ok || within != (stats.Estimate{}) {
		t.Errorf("beyond the observation: %+v", within)
	}
	// Lost cases stay at risk to the end.
	c = curve(t, append(waits([]float64{10, 20}, nil), stats.Wait{Never: true}, stats.Wait{Never: true}))
	if at, ok := c.At(1e9, 0.95); !ok || at.Share != 0.5 || !c.Endless {
		t.Errorf("lost: %+v %v", at, ok)
	}
	// All done: no doubt is left in the curve's own terms.
	c = curve(t, waits([]float64{10, 20}, nil))
	if at, ok := c.At(99, 0.95); !ok || at.Share != 0 || at.SE != 0 || at.Interval != nil {
		t.Errorf("all done: %+v %v", at, ok)
	}
	// None done: 1, without an interval, as far as they were seen.
	c = curve(t, waits(nil, []float64{10, 20}))
	if at, ok := c.At(15, 0.95); !ok || at.Share != 1 || at.Interval != nil {
		t.Errorf("none done: %+v %v", at, ok)
	}
	if _, ok := c.Quantile(0.5, 0.95); ok {
		t.Error("a median of none done")
	}
	for _, bad := range [][]stats.Wait{nil, {{Time: -1}}, {{Time: math.NaN(), Done: true}}, {{Time: math.Inf(1)}}} {
		if _, err := stats.KaplanMeier(bad); err == nil {
			t.Errorf("a curve of %v", bad)
		}
	}
	if _, ok := c.At(math.NaN(), 0.95); ok {
		t.Error("a share at no time")
	}
	if _, ok := c.Quantile(1, 0.95); ok {
		t.Error("the time by which all are done")
	}
}

// TestLeukaemia holds the curve of Freireich et al. (1963), the data that survival analysis is taught with: remission of 21
// patients on 6-mercaptopurine in weeks, with the values that R's survfit gives.
func TestLeukaemia(t *testing.T) {
	c := curve(t, waits([]float64{6, 6, 6, 7, 10, 13, 16, 22, 23}, []float64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}))
	for _, ex := range []struct{ t, survival, se float64 }{
		{6, 0.8571, 0.0764}, {7, 0.8067, 0.0869}, {10, 0.7529, 0.0963}, {13, 0.6902, 0.1068}, {16, 0.6275, 0.1141}, {22, 0.5378, 0.1282}, {23, 0.4482, 0.1346},
	} {
		at, ok := c.At(ex.t, 0.95)
		if !ok || math.Abs(at.Share-ex.survival) > 5.1e-5 || math.Abs(at.SE-ex.se) > 5.1e-5 {
			t.Errorf("week %v: %+v, want %v (%v)", ex.t, at, ex.survival, ex.se)
		}
	}
	// survfit with conf.type = "log-log": median 23, from 13, no upper end.
	q, ok := c.Quantile(0.5, 0.95)
	if !ok || q.Time != 23 || q.Lower == nil || *q.Lower != 13 || q.Upper != nil {
		t.Errorf("median %+v %v", q, ok)
	}
}

func TestTrendWorkedExamples(t *testing.T) {
	y := []float64{82.1, 83.0, 82.4, 84.2, 83.9, 84.2, 85.1, 84.7, 86.0, 85.5, 86.3, 86.9}
	got, ok := stats.MannKendall(y, 0.95)
	if !ok || got.S != 57 {
		t.Fatalf("%+v %v", got, ok)
	}
	equal(t, "variance", got.Variance, 211.666667)
	equal(t, "z", got.Z, 3.849123)
	equal(t, "p", got.P, 0.000119)
	equal(t, "tau", got.TauB, 0.870254)
	equal(t, "slope", got.Slope, 0.42)
	equal(t, "intercept", got.Intercept, 82.16)
	expect(t, "slope", got.Interval, ok, stats.MethodSen, 0.3, 0.506438, 6e-7)

	got, ok = stats.MannKendall([]float64{5, 3, 4, 6, 5, 4}, 0.95)
	if !ok || got.S != 1 || got.Z != 0 || got.P != 1 {
		t.Errorf("%+v %v", got, ok)
	}
	equal(t, "variance", got.Variance, 26.333333)
	for _, bad := range [][]float64{nil, {1}, {2, 2, 2, 2}, {1, math.NaN(), 2}} {
		if got, ok := stats.MannKendall(bad, 0.95); ok {
			t.Errorf("a trend of %v: %+v", bad, got)
		}
	}
	if got, ok := stats.MannKendall([]float64{1, 3}, 0.95); !ok || got.Slope != 2 || got.Interval.Lower != 2 || got.Interval.Upper != 2 {
		t.Errorf("two values: %+v %v", got, ok)
	}
}
