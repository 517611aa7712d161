package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"youzhi/metrics/stats"
)

var z95 = stats.ZForConfidence(0.95)

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance }

func expect(t *testing.T, name string, iv stats.Interval, ok bool, method string, lower, upper, tolerance float64) {
	t.Helper()
	if !ok || iv.Method != method || !near(iv.Lower, lower, tolerance) || !near(iv.Upper, upper, tolerance) {
		t.Errorf("%s: %s [%.9f, %.9f] %v, want %s [%.6f, %.6f]", name, iv.Method, iv.Lower, iv.Upper, ok, method, lower, upper)
	}
}

func TestQuantiles(t *testing.T) {
	for _, ex := range []struct{ confidence, want float64 }{
		{0.95, 1.959963984540054}, {0.90, 1.6448536269514722}, {0.99, 2.5758293035489004}, {0.998, 3.090232306167813},
	} {
		if got := stats.ZForConfidence(ex.confidence); !near(got, ex.want, 1e-12) {
			t.Errorf("z for %v: %.15f, want %.15f", ex.confidence, got, ex.want)
		}
	}
	// The column 0.975 of the printed tables, and the worked example's 199.
	for _, ex := range []struct{ df, want float64 }{
		{1, 12.706205}, {2, 4.302653}, {4, 2.776445}, {10, 2.228139}, {30, 2.042272}, {199, 1.971957}, {1000, 1.962339},
		{1e6, 1.959966}, {1e9, 1.959964}, {1e15, 1.959964},
	} {
		if got := stats.TForConfidence(0.95, ex.df); !near(got, ex.want, 6e-7) {
			t.Errorf("t for %v degrees of freedom: %.7f, want %.6f", ex.df, got, ex.want)
		}
	}
	if below, above := stats.TForConfidence(0.95, 1e6), stats.TForConfidence(0.95, 1e6+1); !near(below, above, 1e-9) {
		t.Errorf("t jumps where the method changes: %v, %v", below, above)
	}
	for _, bad := range []float64{0, 1, -0.5, 95, math.NaN()} {
		if !math.IsNaN(stats.ZForConfidence(bad)) || !math.IsNaN(stats.TForConfidence(bad, 5)) {
			t.Errorf("a quantile for the confidence %v", bad)
		}
	}
	if !math.IsNaN(stats.TForConfidence(0.95, 0)) {
		t.Error("a quantile for no degree of freedom")
	}
}

func TestWilsonWorkedExamples(t *testing.T) {
	for _, ex := range []struct {
		name         string
		x, n         int64
		lower, upper float64
	}{
		{"87 of 100", 87, 100, 0.790196, 0.922428},
		{"none of 20", 0, 20, 0, 0.161125},
		{"all of 20", 20, 20, 0.838875, 1},
		{"1 of 1", 1, 1, 0.206549, 1},
		{"4750 of 5164", 4750, 5164, 0.912107, 0.926928},
		{"18 of 24", 18, 24, 0.551006, 0.880006},
		{"top two boxes, 160 of 200", 160, 200, 0.739145, 0.849548},
	} {
		iv, ok := stats.Wilson(ex.x, ex.n, z95)
		expect(t, ex.name, iv, ok, stats.MethodWilson, ex.lower, ex.upper, 6e-7)
	}
	iv, ok := stats.Wilson(81, 263, z95)
	expect(t, "81 of 263, from the literature", iv, ok, stats.MethodWilson, 0.255, 0.366, 6e-4)
	if iv, _ := stats.Wilson(0, 20, z95); iv.Lower != 0 {
		t.Errorf("lower end of none: %v", iv.Lower)
	}
	if iv, _ := stats.Wilson(20, 20, z95); iv.Upper != 1 {
		t.Errorf("upper end of all: %v", iv.Upper)
	}
}

func TestEffectiveSizes(t *testing.T) {
	if n, ok := stats.ClusterEffectiveSize(200, 10, 0.05); !ok || !near(n, 137.931034, 6e-7) {
		t.Errorf("clusters: %v %v", n, ok)
	}
	// Weights 1 1 2 2 4.
	n, ok := stats.EffectiveSize(10, 26)
	if !ok || !near(n, 3.846154, 6e-7) {
		t.Errorf("weights: %v %v", n, ok)
	}
	// With three of the five answers a success, of weights 1, 2 and 4: a share of 0.7 from 3.846154 answers. The limits
	// satisfy |p - limit| = z·√(limit·(1-limit)/n), which is what the interval inverts.
	iv, ok := stats.WilsonEffective(7, 10, 26, z95)
	if !ok || iv.Method != stats.MethodWilsonNEff {
		t.Fatalf("weighted rate: %v %v", iv, ok)
	}
	for _, limit := range []float64{iv.Lower, iv.Upper} {
		if want := z95 * math.Sqrt(limit*(1-limit)/n); !near(math.Abs(0.7-limit), want, 1e-12) {
			t.Errorf("limit %v is %v from the share, want %v", limit, math.Abs(0.7-limit), want)
		}
	}
	for _, ok := range []bool{
		second(stats.ClusterEffectiveSize(0, 10, 0.05)), second(stats.ClusterEffectiveSize(10, 0, 0.05)),
		second(stats.ClusterEffectiveSize(10, 10, 1.5)), second(stats.ClusterEffectiveSize(math.NaN(), 10, 0)),
		second(stats.ClusterEffectiveSize(math.Inf(1), 10, 0)),
		second(stats.EffectiveSize(0, 0)), second(stats.EffectiveSize(-1, 1)), second(stats.EffectiveSize(math.Inf(1), 1)),
	} {
		if ok {
			t.Error("an effective number without answers")
		}
	}
}

func second(_ float64, ok bool) bool { return ok }

func TestSatisfactionWorkedExample(t *testing.T) {
	// Answers 1:6 2:9 3:25 4:88 5:72 as scores 0, 25, 50, 75, 100.
	var n int64
	var sum, squares float64
	for i, count := range []int64{6, 9, 25, 88, 72} {
		score := 25 * float64(i)
		n += count
		sum += score * float64(count)
		squares += score * score * float64(count)
	}
	if mean := sum / float64(n); mean != 76.375 {
		t.Fatalf("mean %v", mean)
	}
	if s, ok := stats.StdDev(n, sum, squares); !ok || !near(s, 24.195277, 6e-7) {
		t.Errorf("standard deviation %v %v", s, ok)
	}
	iv, ok := stats.MeanT(n, sum, squares, 0.95)
	expect(t, "score", iv, ok, stats.MethodT, 73.001250, 79.748750, 6e-7)

	// Each answer with the weight 3 says no more than each with the weight 1.
	iv, ok = stats.MeanTEffective(3*float64(n), 9*float64(n), 3*sum, 3*squares, 0.95)
	expect(t, "score, weights of 3", iv, ok, stats.MethodTNEff, 73.001250, 79.748750, 6e-7)
}

func TestMeansWithoutSpread(t *testing.T) {
	iv, ok := stats.MeanT(3, 3*0.1, 3*0.1*0.1, 0.95)
	expect(t, "three equal values", iv, ok, stats.MethodT, 0.1, 0.1, 1e-7)
}

// TestPoissonPublished holds printed tables of exact limits of a count (Garwood 1936; Ulm 1990), at an exposure of 1.
func TestPoissonPublished(t *testing.T) {
	for _, ex := range []struct {
		x            int64
		lower, upper float64
	}{
		{0, 0, 3.688879}, {1, 0.025318, 5.571643}, {2, 0.242209, 7.224688}, {3, 0.618672, 8.767273}, {5, 1.623486, 11.668332},
		{10, 4.795389, 18.390356}, {20, 12.216520, 30.888378}, {50, 37.110964, 65.918767}, {100, 81.363991, 121.626794},
	} {
		iv, ok := stats.PoissonExact(ex.x, 1, 0.95)
		expect(t, "count", iv, ok, stats.MethodPoissonExact, ex.lower, ex.upper, 6e-7)
	}
	if iv, _ := stats.PoissonExact(0, 1, 0.95); iv.Lower != 0 {
		t.Errorf("lower end of no event: %v", iv.Lower)
	}
	// No event: the one-sided 95 % limit is -ln 0.05, which is the upper end of the two-sided 90 %.
	if iv, _ := stats.PoissonExact(0, 4, 0.90); !near(iv.Upper, 2.995732/4, 6e-7) {
		t.Errorf("one-sided limit of no event in 4: %v", iv.Upper)
	}
}

// TestPoissonIsExact takes the limits at their word: with the lower one as the true mean, x or more events have the
// probability 0.025, with the upper one x or fewer have.
func TestPoissonIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64Range(0, 300).Draw(t, "x")
		iv, ok := stats.PoissonExact(x, 1, 0.95)
		if !ok {
			t.Fatal("no interval")
		}
		if got := poissonUpTo(x, iv.Upper); !near(got, 0.025, 1e-9) {
			t.Fatalf("P(X <= %d) at the upper limit: %v", x, got)
		}
		if x > 0 && !near(1-poissonUpTo(x-1, iv.Lower), 0.025, 1e-9) {
			t.Fatalf("P(X >= %d) at the lower limit: %v", x, 1-poissonUpTo(x-1, iv.Lower))
		}
	})
}

func poissonUpTo(x int64, mean float64) float64 {
	sum := 0.0
	for k := range x + 1 {
		lgamma, _ := math.Lgamma(float64(k) + 1)
		sum += math.Exp(float64(k)*math.Log(mean) - mean - lgamma)
	}
	return sum
}

// TestComplaintRates are the rows of the table of rates before and after, each rate by itself: 120 complaints in 400 000
// cases are 3 per 10 000.
func TestComplaintRates(t *testing.T) {
	for _, ex := range []struct {
		name                   string
		x                      int64
		exposure, scale        float64
		rate, lower, upper, by float64
	}{
		{"120 in 400 000 per 10 000", 120, 400_000, 10_000, 3, 99.491926 / 40, 143.490585 / 40, 6e-7},
		{"2 in 17 877 per 10 000", 2, 17_877, 10_000, 1.118756, 0.242209 / 1.7877, 7.224688 / 1.7877, 1e-6},
		{"none in 10", 0, 10, 1, 0, 0, 0.3688879, 1e-7},
	} {
		rate, ok := stats.RatePer(ex.x, ex.exposure, ex.scale)
		if !ok || !near(rate, ex.rate, 6e-7) {
			t.Errorf("%s: rate %v %v, want %v", ex.name, rate, ok, ex.rate)
		}
		iv, ok := stats.PoissonExact(ex.x, ex.exposure, 0.95)
		expect(t, ex.name, iv.Per(ex.scale), ok, stats.MethodPoissonExact, ex.lower, ex.upper, ex.by)
	}
}

func TestNoDataNoInterval(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	type answer struct {
		iv stats.Interval
		ok bool
	}
	of := func(iv stats.Interval, ok bool) answer { return answer{iv, ok} }
	for name, a := range map[string]answer{
		"wilson n 0":                  of(stats.Wilson(0, 0, z95)),
		"wilson n < 0":                of(stats.Wilson(0, -1, z95)),
		"wilson x > n":                of(stats.Wilson(3, 2, z95)),
		"wilson x < 0":                of(stats.Wilson(-1, 2, z95)),
		"wilson z NaN":                of(stats.Wilson(1, 2, stats.ZForConfidence(95))),
		"wilson z 0":                  of(stats.Wilson(1, 2, 0)),
		"weighted no weight":          of(stats.WilsonEffective(0, 0, 0, z95)),
		"weighted more than all":      of(stats.WilsonEffective(3, 2, 2, z95)),
		"weighted NaN":                of(stats.WilsonEffective(nan, 2, 2, z95)),
		"mean n 0":                    of(stats.MeanT(0, 0, 0, 0.95)),
		"mean n 1":                    of(stats.MeanT(1, 5, 25, 0.95)),
		"mean confidence 1":           of(stats.MeanT(5, 5, 25, 1)),
		"mean infinite":               of(stats.MeanT(5, inf, inf, 0.95)),
		"weighted mean one answer":    of(stats.MeanTEffective(2, 4, 10, 50, 0.95)),
		"weighted mean without":       of(stats.MeanTEffective(0, 0, 0, 0, 0.95)),
		"weighted mean one dominates": of(stats.MeanTEffective(1e6+1, 1e12+1, 1e6, 1e6, 0.95)),
		"poisson no exposure":         of(stats.PoissonExact(3, 0, 0.95)),
		"poisson x < 0":               of(stats.PoissonExact(-1, 10, 0.95)),
		"poisson exposure NaN":        of(stats.PoissonExact(3, nan, 0.95)),
		"poisson confidence 0":        of(stats.PoissonExact(3, 1, 0)),
	} {
		if a.ok {
			t.Errorf("%s: %+v", name, a.iv)
		}
	}
	for _, ok := range []bool{
		second(stats.RatePer(1, 0, 1)), second(stats.RatePer(-1, 1, 1)), second(stats.RatePer(1, 1, 0)), second(stats.RatePer(1, nan, 1)),
		second(stats.StdDev(0, 0, 0)), second(stats.StdDev(1, 5, 25)), second(stats.StdDev(2, nan, 1)),
	} {
		if ok {
			t.Error("a figure without data")
		}
	}
}

func TestWilsonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1_000_000_000).Draw(t, "n")
		x := rapid.Int64Range(0, n).Draw(t, "x")
		z := rapid.Float64Range(0.1, 5).Draw(t, "z")
		iv, ok := stats.Wilson(x, n, z)
		p := float64(x) / float64(n)
		if !ok || iv.Lower < 0 || iv.Upper > 1 || iv.Lower > p || iv.Upper < p {
			t.Fatalf("%v of %v: %+v %v", x, n, iv, ok)
		}
		if more, _ := stats.Wilson(2*x, 2*n, z); more.Upper-more.Lower >= iv.Upper-iv.Lower {
			t.Fatalf("twice the data, no narrower: %+v, %+v", iv, more)
		}
		mirror, _ := stats.Wilson(n-x, n, z)
		if !near(mirror.Lower, 1-iv.Upper, 1e-12) || !near(mirror.Upper, 1-iv.Lower, 1e-12) {
			t.Fatalf("failures do not mirror successes: %+v, %+v", iv, mirror)
		}
		if same, ok := stats.WilsonEffective(3*float64(x), 3*float64(n), 9*float64(n), z); !ok ||
			!near(same.Lower, iv.Lower, 1e-12) || !near(same.Upper, iv.Upper, 1e-12) {
			t.Fatalf("equal weights: %+v, want %+v", same, iv)
		}
	})
}

func TestMeanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(0, 100), 2, 50).Draw(t, "xs")
		var sum, squares float64
		for _, x := range xs {
			sum += x
			squares += x * x
		}
		n := int64(len(xs))
		mean := sum / float64(n)
		iv, ok := stats.MeanT(n, sum, squares, 0.95)
		if !ok || iv.Lower > mean || iv.Upper < mean {
			t.Fatalf("%+v %v, mean %v", iv, ok, mean)
		}
		if more, _ := stats.MeanT(4*n, 4*sum, 4*squares, 0.95); more.Upper-more.Lower > iv.Upper-iv.Lower {
			t.Fatalf("four times the data, wider: %+v, %+v", iv, more)
		}
		if wider, _ := stats.MeanT(n, sum, squares, 0.99); wider.Upper-wider.Lower < iv.Upper-iv.Lower {
			t.Fatalf("more confidence, narrower: %+v, %+v", iv, wider)
		}
	})
}

func TestPoissonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64Range(0, 10_000_000).Draw(t, "x")
		exposure := rapid.Float64Range(0.001, 1e9).Draw(t, "exposure")
		rate, _ := stats.RatePer(x, exposure, 1)
		iv, ok := stats.PoissonExact(x, exposure, 0.95)
		if !ok || iv.Lower < 0 || iv.Lower > rate || iv.Upper < rate {
			t.Fatalf("%d in %v: %+v %v", x, exposure, iv, ok)
		}
		if more, _ := stats.PoissonExact(2*x, 2*exposure, 0.95); more.Upper-more.Lower >= iv.Upper-iv.Lower {
			t.Fatalf("twice the data, no narrower: %+v, %+v", iv, more)
		}
		if next, _ := stats.PoissonExact(x+1, exposure, 0.95); next.Lower <= iv.Lower || next.Upper <= iv.Upper {
			t.Fatalf("one event more, no higher: %+v, %+v", iv, next)
		}
	})
}

func BenchmarkIntervals(b *testing.B) {
	for name, of := range map[string]func() (stats.Interval, bool){
		"Wilson":       func() (stats.Interval, bool) { return stats.Wilson(4750, 5164, z95) },
		"MeanT":        func() (stats.Interval, bool) { return stats.MeanT(200, 15275, 1_283_125, 0.95) },
		"PoissonExact": func() (stats.Interval, bool) { return stats.PoissonExact(120, 400_000, 0.95) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := of(); !ok {
					b.Fatal("no interval")
				}
			}
		})
	}
}
