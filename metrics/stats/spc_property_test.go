package stats_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"youzhi/metrics/stats"
)

// drawSeries draws up to three years of months on a grid of whole numbers, with runs, trends, gaps and unfinished months among them.
func drawSeries(t *rapid.T) []stats.Observation {
	n := rapid.IntRange(0, 36).Draw(t, "n")
	out := make([]stats.Observation, n)
	level, slope := 0, 0
	for i := range out {
		if rapid.IntRange(0, 6).Draw(t, "turn") == 0 {
			level, slope = rapid.IntRange(-20, 20).Draw(t, "level"), rapid.IntRange(-3, 3).Draw(t, "slope")
		}
		level += slope
		out[i] = stats.Observation{At: int64(10 * i), Value: float64(level + rapid.IntRange(-6, 6).Draw(t, "noise"))}
		switch rapid.IntRange(0, 20).Draw(t, "kind") {
		case 0:
			out[i].Missing = true
		case 1:
			out[i].Unfinished = true
		}
	}
	return out
}

func drawCounts(t *rapid.T) []stats.Observation {
	n := rapid.IntRange(0, 36).Draw(t, "n")
	size := rapid.SampledFrom([]int{1, 20, 300, 5_000, 1_000_000}).Draw(t, "size")
	out := make([]stats.Observation, n)
	for i := range out {
		den := rapid.IntRange(0, size).Draw(t, "den")
		out[i] = stats.Observation{At: int64(i), Denominator: float64(den), Numerator: float64(rapid.IntRange(0, den).Draw(t, "num"))}
	}
	return out
}

func drawOptions(t *rapid.T) stats.Options {
	opts := stats.Options{
		Kind:     stats.KindXmR,
		Better:   rapid.SampledFrom([]stats.Better{stats.BetterNone, stats.BetterHigher, stats.BetterLower}).Draw(t, "better"),
		Baseline: rapid.SampledFrom([]int{0, 5, stats.BaselineMonthly, stats.BaselineWeekly}).Draw(t, "baseline"),
		Screen:   rapid.Bool().Draw(t, "screen"),
	}
	if rapid.Bool().Draw(t, "break") {
		opts.Breaks = []int64{int64(rapid.IntRange(0, 370).Draw(t, "at"))}
	}
	return opts
}

func signals(c stats.Chart) [][]stats.Signal {
	var out [][]stats.Signal
	for _, p := range c.Points {
		out = append(out, p.Signals)
	}
	return out
}

func turned(all [][]stats.Signal) [][]stats.Signal {
	out := slices.Clone(all)
	for i := range out {
		out[i] = slices.Clone(out[i])
		for j, s := range out[i] {
			out[i][j].Side = map[stats.Side]stats.Side{stats.SideHigh: stats.SideLow, stats.SideLow: stats.SideHigh}[s.Side]
		}
	}
	return out
}

// TestSignalsDoNotDependOnTheUnit: with values in another unit, a·x + b, the signals are the same, on the other side if a is
// negative.
func TestSignalsDoNotDependOnTheUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawSeries(t), drawOptions(t)
		a := rapid.SampledFrom([]float64{0.01, 0.1, 1.0 / 3, 3, 100, 1e6, -0.01, -1, -7}).Draw(t, "a")
		b := rapid.SampledFrom([]float64{0, 0.1, 88.2, -1000, 1e5}).Draw(t, "b")
		want := chart(t, obs, opts)
		moved := slices.Clone(obs)
		for i := range moved {
			moved[i].Value = a*moved[i].Value + b
		}
		got := chart(t, moved, opts)
		expected := signals(want)
		if a < 0 {
			expected = turned(expected)
		}
		if diff := cmp.Diff(expected, signals(got)); diff != "" {
			t.Fatal(diff)
		}
		for i, p := range got.Points {
			l, w := p.Limits, want.Points[i].Limits
			if (l == nil) != (w == nil) {
				t.Fatalf("point %d: limits %v, want %v", i, l, w)
			}
			if l == nil {
				continue
			}
			lower, upper := a*w.Lower+b, a*w.Upper+b
			tolerance := 1e-9 * (math.Abs(a)*100 + math.Abs(b))
			if !near(l.Lower, min(lower, upper), tolerance) || !near(l.Upper, max(lower, upper), tolerance) {
				t.Fatalf("point %d: limits %v, want those of %v", i, l, w)
			}
		}
	})
}

// TestTheOtherSideIsGood: with the other direction good, improvement and concern change places, and nothing else does.
func TestTheOtherSideIsGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawSeries(t), drawOptions(t)
		opts.Better = stats.BetterHigher
		higher := chart(t, obs, opts)
		opts.Better = stats.BetterLower
		lower := chart(t, obs, opts)
		opts.Better = stats.BetterNone
		none := chart(t, obs, opts)
		swap := map[stats.Direction]stats.Direction{
			stats.DirectionImprovement: stats.DirectionConcern, stats.DirectionConcern: stats.DirectionImprovement, stats.DirectionCommon: stats.DirectionCommon,
		}
		if !reflect.DeepEqual(signals(higher), signals(lower)) || !reflect.DeepEqual(signals(higher), signals(none)) {
			t.Fatal("signals differ with the direction")
		}
		for i := range higher.Points {
			h, l, n := higher.Points[i].Direction, lower.Points[i].Direction, none.Points[i].Direction
			if swap[h] != l || (n == stats.DirectionNeutral) != (h != stats.DirectionCommon) {
				t.Fatalf("point %d: %s, %s, %s", i, h, l, n)
			}
		}
		if h, l := higher.Variation(), lower.Variation(); h.Letter() != l.Letter() || h.Hidden != l.Hidden {
			t.Fatalf("icons %+v, %+v", h, l)
		}
		target := rapid.Float64Range(-30, 30).Draw(t, "target")
		h, l := higher.Assurance(&target, false), lower.Assurance(&target, false)
		if want := map[string]string{"P": "F", "F": "P", "?": "?", "": ""}[h.Assurance.Letter()]; l.Assurance.Letter() != want || h.Hidden != l.Hidden {
			t.Fatalf("assurance %+v, %+v", h, l)
		}
	})
}

// TestOnlyTheOrderOfTimeCounts: points come in any order, and later times than they had, without a difference.
func TestOnlyTheOrderOfTimeCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawSeries(t), drawOptions(t)
		want := chart(t, obs, opts)
		shuffled := rapid.Permutation(obs).Draw(t, "order")
		if diff := cmp.Diff(want, chart(t, shuffled, opts)); diff != "" {
			t.Fatal(diff)
		}
		if len(obs) > 0 {
			tied := append(slices.Clone(shuffled), obs[rapid.IntRange(0, len(obs)-1).Draw(t, "tie")])
			if _, err := stats.ControlChart(tied, opts); err == nil {
				t.Fatal("no error for two points at one time")
			}
		}
	})
}

// TestThePastStays: a new point changes neither limits nor signals of a frozen phase before it, other than that a run or a
// pattern that it continues is flagged now.
func TestThePastStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawSeries(t), drawOptions(t)
		all := chart(t, obs, opts)
		cut := rapid.IntRange(0, len(obs)).Draw(t, "cut")
		before := chart(t, obs[:cut], opts)
		for i, p := range before.Points {
			if p.Phase < 0 || before.Phases[p.Phase].State != stats.PhaseFrozen {
				continue
			}
			if diff := cmp.Diff(p.Limits, all.Points[i].Limits); diff != "" {
				t.Fatalf("point %d: %s", i, diff)
			}
			for _, s := range p.Signals {
				if !slices.ContainsFunc(all.Points[i].Signals, func(l stats.Signal) bool { return l.Rule == s.Rule }) {
					t.Fatalf("point %d: signal %+v is gone", i, s)
				}
			}
		}
	})
}

// TestSignalsAsTheyAreDefined holds the signals of XmR charts to the rules' definitions, point by point and the slow way.
func TestSignalsAsTheyAreDefined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawSeries(t), drawOptions(t)
		c := chart(t, obs, opts)
		for i, p := range c.Points {
			got := map[stats.Rule]bool{}
			for _, s := range p.Signals {
				got[s.Rule] = true
				if i < s.From || i >= s.To {
					t.Fatalf("point %d: signal %+v", i, s)
				}
			}
			want := map[stats.Rule]bool{}
			if p.Judged && p.Limits != nil && !c.Phases[p.Phase].NoVariation {
				l := p.Limits
				want[stats.RuleOutside] = p.Value > l.Upper+1e-9 || p.Value < l.Lower-1e-9
				want[stats.RuleShift] = window(c, i, 7, func(w []stats.Point) bool {
					return each(w, func(k int) bool { return w[k].Value > l.Centre+1e-9 }) || each(w, func(k int) bool { return w[k].Value < l.Centre-1e-9 })
				})
				want[stats.RuleTrend] = window(c, i, 7, func(w []stats.Point) bool {
					return each(w, func(k int) bool { return k == 0 || w[k].Value > w[k-1].Value }) || each(w, func(k int) bool { return k == 0 || w[k].Value < w[k-1].Value })
				})
				nearLine := func(q stats.Point) bool {
					return q.Value <= l.Upper+1e-9 && q.Value > l.NearUpper+1e-9 || q.Value >= l.Lower-1e-9 && q.Value < l.NearLower-1e-9
				}
				want[stats.RuleTwoInThree] = nearLine(p) && window(c, i, 3, func(w []stats.Point) bool {
					count := 0
					for _, q := range w {
						if nearLine(q) {
							count++
						}
					}
					return count >= 2 && (each(w, func(k int) bool { return w[k].Value > l.Centre+1e-9 }) || each(w, func(k int) bool { return w[k].Value < l.Centre-1e-9 }))
				})
			}
			for _, r := range []stats.Rule{stats.RuleOutside, stats.RuleTrend, stats.RuleTwoInThree, stats.RuleShift} {
				if got[r] != want[r] {
					t.Fatalf("point %d, rule %s: %v, want %v", i, r, got[r], want[r])
				}
			}
		}
	})
}

// window says whether any n points in a row, of one phase, all judged, with point i among them, satisfy the condition.
func window(c stats.Chart, i, n int, satisfied func([]stats.Point) bool) bool {
	for from := max(0, i-n+1); from <= i && from+n <= len(c.Points); from++ {
		w := c.Points[from : from+n]
		if each(w, func(k int) bool { return w[k].Judged && w[k].Phase == c.Points[i].Phase }) && satisfied(w) {
			return true
		}
	}
	return false
}

func each(w []stats.Point, holds func(int) bool) bool {
	for k := range w {
		if !holds(k) {
			return false
		}
	}
	return true
}

// allFinite fails on the first number in a value that is not one.
func allFinite(t failer, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			t.Fatalf("%s is %v", path, v.Float())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			allFinite(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		for i := range v.Len() {
			allFinite(t, v.Index(i), path+"[]")
		}
	case reflect.Pointer:
		if !v.IsNil() {
			allFinite(t, v.Elem(), path)
		}
	}
}

func TestChartsOfCountsAreFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs, opts := drawCounts(t), drawOptions(t)
		opts.Screen = false
		opts.Kind = stats.KindNone
		opts.Measure = rapid.SampledFrom([]stats.Measure{stats.MeasureRate, stats.MeasurePerVolume}).Draw(t, "measure")
		if rapid.Bool().Draw(t, "kind is given") {
			opts.Kind = rapid.SampledFrom([]stats.Kind{stats.KindP, stats.KindPPrime, stats.KindU, stats.KindUPrime}).Draw(t, "kind")
		}
		opts.Scale = rapid.SampledFrom([]float64{0, 100, 10_000}).Draw(t, "scale")
		c := chart(t, obs, opts)
		allFinite(t, reflect.ValueOf(c), "chart")
		for i, p := range c.Points {
			if p.Missing != (obs[i].Denominator == 0) {
				t.Fatalf("point %d: missing %v", i, p.Missing)
			}
			if l := p.Limits; l != nil {
				if !(l.Lower <= l.NearLower && l.NearLower <= l.Centre && l.Centre <= l.NearUpper && l.NearUpper <= l.Upper) {
					t.Fatalf("point %d: %+v", i, l)
				}
				if d := l.Drawn(c.Bounds); d.Lower < 0 || d.Lower > d.Upper {
					t.Fatalf("point %d: drawn %+v", i, d)
				}
			}
		}
		// The failures' chart is the mirror image of the successes'.
		if opts.Kind == stats.KindP || opts.Kind == stats.KindPPrime {
			mirrored := slices.Clone(obs)
			for i := range mirrored {
				mirrored[i].Numerator = mirrored[i].Denominator - mirrored[i].Numerator
			}
			if diff := cmp.Diff(turned(signals(c)), signals(chart(t, mirrored, opts))); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// TestOddsOfFalseSignals: values that never change give the false signals that the rules are known to give, at limits that
// are known: 0.0027 of the points outside, 1/64 of the windows of seven on one side.
func TestOddsOfFalseSignals(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 7))
	const points, years = 700, 300
	outside, windows, shifts := 0, 0, 0
	for range years {
		obs := make([]stats.Observation, points)
		for i := range obs {
			obs[i] = stats.Observation{At: int64(i), Value: 88 + 2*random.NormFloat64()}
		}
		c := chart(t, obs, stats.Options{Kind: stats.KindXmR, Known: &stats.Known{Centre: 88, Sigma: 2}})
		if p := last(t, c); p.State != stats.PhaseFrozen || !near(p.Centre, 88, 0) {
			t.Fatalf("phase %+v", p)
		}
		for i, p := range c.Points {
			for _, s := range p.Signals {
				switch s.Rule {
				case stats.RuleOutside:
					outside++
				case stats.RuleShift:
					// Each window of seven within the run counts once, at its last point.
					if i-s.From >= stats.RunLength-1 {
						shifts++
					}
				}
			}
		}
		windows += points - stats.RunLength + 1
	}
	for _, ex := range []struct {
		name            string
		got, of         int
		odds, tolerance float64
	}{{"outside", outside, points * years, 0.002700, 0.0004}, {"shift", shifts, windows, 0.015625, 0.0012}} {
		if share := float64(ex.got) / float64(ex.of); !near(share, ex.odds, ex.tolerance) {
			t.Errorf("%s: %v, want %v", ex.name, share, ex.odds)
		}
	}
}

func TestKnownLimits(t *testing.T) {
	c := chart(t, values(90, 95, 81, 88), stats.Options{Kind: stats.KindXmR, Better: stats.BetterHigher, Known: &stats.Known{Centre: 88, Sigma: 2}})
	limits(t, c, 1, 82, 94)
	if diff := cmp.Diff([]int{2, 3}, flagged(c, stats.RuleOutside)); diff != "" {
		t.Error(diff)
	}
	c = chart(t, values(90, 95), stats.Options{Measure: stats.MeasureValue, Known: &stats.Known{Centre: 88}})
	if p := last(t, c); !p.NoVariation || len(c.Points[1].Signals) != 0 {
		t.Errorf("phase %+v", p)
	}
}

func TestComparisonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := func(name string) stats.Sample {
			n := rapid.Int64Range(1, 5_000_000).Draw(t, name+" n")
			return stats.Sample{X: rapid.Int64Range(0, n).Draw(t, name+" x"), N: n}
		}
		before, after := sample("before"), sample("after")
		terms := stats.Terms{Better: stats.BetterHigher, Confidence: rapid.SampledFrom([]float64{0.9, 0.95, 0.99}).Draw(t, "confidence"), Phi: rapid.Float64Range(0, 10).Draw(t, "phi")}
		got, err := stats.CompareRates(before, after, terms)
		if err != nil {
			t.Fatal(err)
		}
		allFinite(t, reflect.ValueOf(got), "change")
		if got.Interval.Lower > got.Difference || got.Interval.Upper < got.Difference || got.Interval.Lower < -1-1e-9 || got.Interval.Upper > 1+1e-9 || got.P < 0 || got.P > 1 {
			t.Fatalf("%+v", got)
		}
		back, _ := stats.CompareRates(after, before, terms)
		if !near(back.Interval.Lower, -got.Interval.Upper, 1e-12) || !near(back.P, got.P, 1e-12) {
			t.Fatalf("back: %+v, %+v", back, got)
		}
		terms.Phi = max(1, terms.Phi) + 0.5
		if wider, _ := stats.CompareRates(before, after, terms); wider.Interval.Upper < got.Interval.Upper || wider.Interval.Lower > got.Interval.Lower || wider.P < got.P {
			t.Fatalf("a larger φ is narrower: %+v, %+v", got, wider)
		}
	})
}

func TestEventRateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := func(name string) stats.Events {
			return stats.Events{
				X:        rapid.OneOf(rapid.Int64Range(0, 10), rapid.Int64Range(0, 100_000)).Draw(t, name+" x"),
				Exposure: rapid.Float64Range(0.01, 1e8).Draw(t, name+" exposure"),
			}
		}
		before, after := events("before"), events("after")
		terms := stats.Terms{Better: stats.BetterLower, Confidence: 0.95, Phi: rapid.SampledFrom([]float64{1, 1.5, 4, 20}).Draw(t, "phi")}
		got, err := stats.CompareEventRates(before, after, terms)
		if err != nil {
			t.Fatal(err)
		}
		allFinite(t, reflect.ValueOf(got), "ratio")
		if got.P < 0 || got.P > 1 || got.MidP < 0 || got.MidP > 1 || before.X == 0 && !got.Unbounded || got.Unbounded && before.X > 0 && (after.X > 0 || terms.Phi < 20) {
			t.Fatalf("%+v", got)
		}
		if before.X > 0 && (got.Interval.Lower > got.Ratio*(1+1e-9) || !got.Unbounded && got.Interval.Upper < got.Ratio*(1-1e-9)) {
			t.Fatalf("%+v", got)
		}
		// Test and interval say the same, the exact ones up to where they touch.
		if before.X+after.X > 0 && math.Abs(got.P-0.05) > 1e-4 && (got.P < 0.05) != (got.Verdict != stats.VerdictNoEvidence) {
			t.Fatalf("%+v", got)
		}
		terms.Better = stats.BetterHigher
		if turned, _ := stats.CompareEventRates(before, after, terms); (turned.Verdict == stats.VerdictImproved) != (got.Verdict == stats.VerdictWorse) {
			t.Fatalf("%+v, %+v", got, turned)
		}
	})
}

func TestAdjustedPValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 20).Draw(t, "ps")
		holm, err := stats.Holm(ps)
		if err != nil {
			t.Fatal(err)
		}
		bh, err := stats.BenjaminiHochberg(ps)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ps {
			if bh[i] < ps[i] || holm[i] < bh[i]-1e-15 || holm[i] > 1 {
				t.Fatalf("p %v, q %v, Holm %v", ps[i], bh[i], holm[i])
			}
			for j := range ps {
				if ps[i] < ps[j] && (holm[i] > holm[j] || bh[i] > bh[j]) {
					t.Fatal("the order changed")
				}
			}
		}
	})
}

func TestPercentileProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float64Range(-1e300, 1e300), 1, 200).Draw(t, "xs")
		p, q := rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(0, 1).Draw(t, "q")
		a, ok := stats.Percentile(xs, min(p, q))
		b, _ := stats.Percentile(xs, max(p, q))
		if !ok || a > b || a < slices.Min(xs) || b > slices.Max(xs) {
			t.Fatalf("%v, %v of %v", a, b, xs)
		}
		if iv, coverage, ok := stats.PercentileInterval(xs, p, 0.95); ok {
			v, _ := stats.Percentile(xs, p)
			if coverage < 0.95-1e-9 || coverage > 1 || iv.Lower > v || iv.Upper < v {
				t.Fatalf("%+v with %v, P %v", iv, coverage, v)
			}
		}
	})
}

func TestKaplanMeierProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		ws := make([]stats.Wait, n)
		complete := true
		for i := range ws {
			ws[i] = stats.Wait{Time: float64(rapid.IntRange(0, 20).Draw(t, "time")), Done: rapid.Bool().Draw(t, "done")}
			ws[i].Never = rapid.IntRange(0, 9).Draw(t, "never") == 0
			complete = complete && (ws[i].Done || ws[i].Never)
		}
		c := curve(t, ws)
		allFinite(t, reflect.ValueOf(c), "curve")
		before := 1.0
		for x := 0.0; x <= 21; x += 0.5 {
			at, ok := c.At(x, 0.95)
			if !ok {
				if complete {
					t.Fatalf("no share at %v though nobody is open", x)
				}
				continue
			}
			if at.Share > before || at.Share < 0 || at.SE < 0 {
				t.Fatalf("S(%v) = %+v after %v", x, at, before)
			}
			before = at.Share
			if iv := at.Interval; iv != nil && !(0 <= iv.Lower && iv.Lower <= at.Share && at.Share <= iv.Upper && iv.Upper <= 1) {
				t.Fatalf("S(%v) = %+v", x, *iv)
			}
			// Where nobody is open, it is the plain share.
			if complete {
				left := 0
				for _, w := range ws {
					if w.Never || w.Time > x {
						left++
					}
				}
				if !near(at.Share, float64(left)/float64(n), 1e-9) {
					t.Fatalf("S(%v) = %v, %d of %d left", x, at.Share, left, n)
				}
			}
		}
		if q, ok := c.Quantile(rapid.Float64Range(0.05, 0.95).Draw(t, "p"), 0.95); ok {
			allFinite(t, reflect.ValueOf(q), "quantile")
			if q.Lower != nil && *q.Lower > q.Time || q.Upper != nil && *q.Upper < q.Time {
				t.Fatalf("%+v", q)
			}
		}
		shuffled := rapid.Permutation(ws).Draw(t, "order")
		if !reflect.DeepEqual(c, curve(t, shuffled)) {
			t.Fatal("the order of cases matters")
		}
	})
}

// FuzzControlChart draws a series from raw bytes: any of them gives finite numbers or an error.
func FuzzControlChart(f *testing.F) {
	var seed []byte
	for _, v := range ex11 {
		seed = binary.LittleEndian.AppendUint64(seed, math.Float64bits(v))
	}
	for kind := range byte(10) {
		f.Add(seed, kind, int64(6))
	}
	f.Add(append(seed, seed...), byte(0), int64(12))
	f.Fuzz(func(t *testing.T, raw []byte, kind byte, brk int64) {
		kinds := []stats.Options{
			{Kind: stats.KindXmR}, {Kind: stats.KindP}, {Kind: stats.KindPPrime}, {Kind: stats.KindU}, {Kind: stats.KindUPrime}, {Kind: stats.KindT},
			{Measure: stats.MeasureRate}, {Measure: stats.MeasurePerVolume, Scale: 1e4}, {Measure: stats.MeasureValue, Screen: true}, {Measure: stats.MeasureRare},
		}
		opts := kinds[int(kind)%len(kinds)]
		opts.Breaks = []int64{brk}
		opts.Better = stats.BetterHigher
		var obs []stats.Observation
		for ; len(raw) >= 8 && len(obs) < 60; raw = raw[8:] {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw))
			bits := binary.LittleEndian.Uint64(raw)
			obs = append(obs, stats.Observation{
				At: int64(len(obs)), Value: v, Numerator: float64(bits >> 52), Denominator: float64(bits>>40&0xffff) * math.Exp2(float64(bits&0x3f)),
				Missing: bits&0x700 == 0x700, Unfinished: bits&0x7000 == 0x7000,
			})
		}
		c, err := stats.ControlChart(obs, opts)
		if err != nil {
			return
		}
		for i := range c.Points {
			// An observation out of all judgement keeps what it came with.
			if !c.Points[i].Judged {
				c.Points[i].Observation = stats.Observation{}
			}
			c.Points[i].Numerator, c.Points[i].Denominator = 0, 0
		}
		allFinite(t, reflect.ValueOf(c), "chart")
		target := 1.0
		c.Variation()
		c.Assurance(&target, false)
	})
}
