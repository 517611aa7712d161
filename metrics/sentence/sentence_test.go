package sentence_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/sentence"
	"youzhi/metrics/stats"
)

var names = map[string]string{"42": "湖北", "41": "河南", "33": "浙江", "51": "四川", "11": "北京"}

func voice(t *testing.T, l sentence.Language) sentence.Voice {
	t.Helper()
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return sentence.Voice{Language: l, Catalogue: cat, Name: func(_, v string) string {
		if n, ok := names[v]; ok {
			return n
		}
		return v
	}}
}

// series is a trend to speak of.
type series struct {
	key    string
	grain  calendar.Grain
	first  string // period
	values []float64
	// n is the denominator of each point of a rate, or of a ratio of two counts; 0
	// for values.
	n      float64
	scale  float64
	by     map[string]string
	better stats.Better
	target *float64
	// unfinished is how many points at the end are not over.
	unfinished int
}

// trend judges a series as metrics does.
func (s series) trend(t *testing.T) metrics.Trend {
	t.Helper()
	if s.scale == 0 {
		s.scale = 1
	}
	opts := stats.Options{Kind: stats.KindXmR, Better: s.better, Scale: s.scale, Baseline: stats.BaselineMonthly}
	if s.grain != calendar.GrainMonth {
		opts.Baseline = stats.BaselineWeekly
	}
	if s.n > 0 {
		opts.Kind, opts.Measure = stats.KindNone, stats.MeasureRate
		if s.scale > 1 {
			opts.Measure = stats.MeasurePerVolume
		}
	}
	out := metrics.Trend{Key: s.key, Grain: s.grain, By: s.by}
	p, err := calendar.ParsePeriod(s.first)
	if err != nil {
		t.Fatal(err)
	}
	var observations []stats.Observation
	for i, v := range s.values {
		f := metrics.Figure{Key: s.key, From: p.From, To: p.To, Value: &v, Units: 200, Target: s.target}
		o := stats.Observation{Label: p.Label(), At: int64(p.From), Value: v, Unfinished: i >= len(s.values)-s.unfinished}
		if s.n > 0 {
			num, den := v/s.scale*s.n, s.n
			f.Numerator, f.Denominator, f.Units = &num, &den, int64(s.n)
			o.Numerator, o.Denominator = num, den
		}
		out.Figures, observations = append(out.Figures, f), append(observations, o)
		p = p.Next()
	}
	if out.Chart, err = stats.ControlChart(observations, opts); err != nil {
		t.Fatal(err)
	}
	out.Variation, out.Assurance = out.Chart.Variation(), out.Chart.Assurance(s.target, false)
	return out
}

var (
	// The worked example of STATISTICS.md 1, on which its test vectors build.
	base    = []float64{88.2, 89.1, 87.5, 90.3, 88.8, 86.9, 89.6, 88.1, 90.0, 87.7, 88.4, 89.3}
	monthly = series{key: "satisfaction_score_100", grain: calendar.GrainMonth, first: "2025-01", better: stats.BetterHigher}
	// Twenty weeks of 90 % of 1 000, which vary as sampling does.
	weeks  = []float64{.90, .91, .89, .905, .895, .90, .91, .89, .905, .895, .90, .91, .89, .905, .895, .90, .91, .89, .905, .895}
	weekly = series{key: "on_time_delivery_rate", grain: calendar.GrainWeek, first: "2026-W01", better: stats.BetterHigher, n: 900}
)

func (s series) with(values []float64, more ...float64) series {
	s.values = append(slices.Clone(values), more...)
	return s
}

// plain writes no-break spaces as spaces, so that the table can be read.
func plain(s string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s)
}

func TestSignals(t *testing.T) {
	down := monthly
	down.better = stats.BetterLower
	neither := monthly
	neither.better = stats.BetterNone
	placed := weekly
	placed.by = map[string]string{"region": "42"}
	volume := series{key: "complaint_rate_p10k", grain: calendar.GrainWeek, first: "2026-W01", better: stats.BetterLower, n: 9000, scale: 10000}
	var complaints []float64
	for _, v := range weeks {
		complaints = append(complaints, v*50)
	}
	daily := weekly
	daily.grain, daily.first = calendar.GrainDay, "2026-03-01"
	for name, c := range map[string]struct {
		series series
		zh, en []string
	}{
		"nothing": {monthly.with(base), nil, nil},
		"one outside": {monthly.with(base, 84.0),
			[]string{"满意度得分变差：2026 年 1 月为 84.0 分，低于下控制限（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score gets worse: January 2026 at 84.0 points, below the lower limit (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"outside for the better": {down.with(base, 84.0),
			[]string{"满意度得分改善：2026 年 1 月为 84.0 分，低于下控制限（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score improves: January 2026 at 84.0 points, below the lower limit (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"neither good nor bad": {neither.with(base, 94.0),
			[]string{"满意度得分有变化：2026 年 1 月为 94.0 分，高于上控制限（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score changes: January 2026 at 94.0 points, above the upper limit (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"outside and over": {monthly.with(base, 84.0, 84.1, 88.8),
			[]string{"满意度得分曾变差：2026 年 1 月至 2026 年 2 月连续 2 个月低于下控制限，最后一月 84.10 分（控制限 84.14 至 93.18 分，均值 88.66 分，n = 200）。"},
			[]string{"Satisfaction score was worse: from January 2026 to February 2026, 2 months in a row below the lower limit, last 84.10 points (limits 84.14 to 93.18 points, mean 88.66 points, n = 200)."}},
		"a value that rounds to its limit": {monthly.with(base, 84.1),
			[]string{"满意度得分变差：2026 年 1 月为 84.10 分，低于下控制限（控制限 84.14 至 93.18 分，均值 88.66 分，n = 200）。"},
			[]string{"Satisfaction score gets worse: January 2026 at 84.10 points, below the lower limit (limits 84.14 to 93.18 points, mean 88.66 points, n = 200)."}},
		"a value that hardly passes its limit": {monthly.with(base, 84.1363),
			[]string{"满意度得分变差：2026 年 1 月为 84.1363 分，低于下控制限（控制限 84.1363 至 93.1803 分，均值 88.6583 分，n = 200）。"},
			[]string{"Satisfaction score gets worse: January 2026 at 84.1363 points, below the lower limit (limits 84.1363 to 93.1803 points, mean 88.6583 points, n = 200)."}},
		"shift": {monthly.with(base, 88.9, 89.2, 88.7, 89.5, 88.8, 89.1),
			[]string{"满意度得分改善：自 2025 年 12 月起连续 7 个月高于均值 88.7 分，最近一月 89.1 分（控制限 84.1 至 93.2 分，n = 200）。"},
			[]string{"Satisfaction score improves: since December 2025, 7 months in a row above the mean of 88.7 points, last 89.1 points (limits 84.1 to 93.2 points, n = 200)."}},
		"trend": {monthly.with(base, 87.0, 87.4, 87.9, 88.5, 88.7, 89.2, 89.9),
			[]string{"满意度得分改善：自 2026 年 1 月起连续 7 个月上升，由 87.0 分升至 89.9 分（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score improves: since January 2026, 7 months in a row rising, from 87.0 points to 89.9 points (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"falling": {monthly.with(base, 89.9, 89.2, 88.7, 88.5, 87.9, 87.4, 87.0),
			[]string{"满意度得分变差：自 2026 年 1 月起连续 7 个月下降，由 89.9 分降至 87.0 分（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score gets worse: since January 2026, 7 months in a row falling, from 89.9 points to 87.0 points (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"two in three": {monthly.with(base, 92.0, 90.1, 92.3),
			[]string{"满意度得分改善：自 2026 年 1 月起 3 个月中有 2 个月接近上控制限，最近一月 92.3 分（控制限 84.1 至 93.2 分，均值 88.7 分，n = 200）。"},
			[]string{"Satisfaction score improves: since January 2026, 2 of 3 months near the upper limit, last 92.3 points (limits 84.1 to 93.2 points, mean 88.7 points, n = 200)."}},
		"a rate by weeks, somewhere": {placed.with(weeks, .86, .89, .89, .89, .89, .89, .89),
			[]string{
				"准时投递率（湖北）变差：自 2026 年第 20 周（5 月 11 日）起连续 8 周低于均值 90.0 %，最近一周 89.0 %（控制限 87.0 至 93.0 %，n = 900）。"},
			[]string{
				"On-time delivery rate (湖北) gets worse: since week 20 of 2026 (11 May), 8 weeks in a row below the mean of 90.0 %, last 89.0 % (limits 87.0 to 93.0 %, n = 900)."}},
		"what overlaps on one side is one change": {weekly.with(weeks, .92, .915, .91, .895, .892, .89, .888, .889, .889, .889),
			[]string{"准时投递率变差：自 2026 年第 21 周（5 月 18 日）起，最近连续 7 周低于均值 90.0 %，最近一周 88.9 %（控制限 87.0 至 93.0 %，n = 900）。"},
			[]string{"On-time delivery rate gets worse: since week 21 of 2026 (18 May), lately 7 weeks in a row below the mean of 90.0 %, last 88.9 % (limits 87.0 to 93.0 %, n = 900)."}},
		"what goes to the other side is another": {weekly.with(weeks, .94, .89, .89, .89, .89, .89, .89, .89),
			[]string{
				"准时投递率变差：自 2026 年第 22 周（5 月 25 日）起连续 7 周低于均值 90.0 %，最近一周 89.0 %（控制限 87.0 至 93.0 %，n = 900）。",
				"准时投递率曾改善：2026 年第 21 周（5 月 18 日）为 94.0 %，高于上控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。"},
			[]string{
				"On-time delivery rate gets worse: since week 22 of 2026 (25 May), 7 weeks in a row below the mean of 90.0 %, last 89.0 % (limits 87.0 to 93.0 %, n = 900).",
				"On-time delivery rate was better: week 21 of 2026 (18 May) at 94.0 %, above the upper limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900)."}},
		"complaints per volume": {volume.with(complaints, 80),
			[]string{"万件投诉率变差：2026 年第 21 周（5 月 18 日）为 80.0/万件，高于上控制限（控制限 23.8 至 66.2/万件，均值 45.0/万件，72 / 9 000）。"},
			[]string{"Complaints per 10 000 cases gets worse: week 21 of 2026 (18 May) at 80.0/10k, above the upper limit (limits 23.8 to 66.2/10k, mean 45.0/10k, 72 / 9 000)."}},
		"an unfinished week is not the latest": {func() series { s := weekly.with(weeks, .86, .95); s.unfinished = 1; return s }(),
			[]string{"准时投递率变差：2026 年第 21 周（5 月 18 日）为 86.0 %，低于下控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。"},
			[]string{"On-time delivery rate gets worse: week 21 of 2026 (18 May) at 86.0 %, below the lower limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900)."}},
		"days have the mean of their weekday": {daily.with(weeks, .89, .89, .89, .89, .89, .89, .89),
			[]string{"准时投递率变差：自 2026 年 3 月 20 日起连续 8 天低于同一星期几的均值，最近一天 89.0 %（控制限 87.0 至 93.0 %，n = 900）。"},
			[]string{"On-time delivery rate gets worse: since 20 Mar 2026, 8 days in a row below the mean of their weekday, last 89.0 % (limits 87.0 to 93.0 %, n = 900)."}},
	} {
		t.Run(name, func(t *testing.T) {
			trend := c.series.trend(t)
			for l, want := range map[sentence.Language][]string{sentence.Chinese: c.zh, sentence.English: c.en} {
				var got []string
				for _, s := range voice(t, l).Signals(trend) {
					got = append(got, plain(s.Text))
					if !strings.HasPrefix(s.Text, s.Subject) || s.Key != trend.Key || s.Span.From >= s.Span.To || s.Direction == "" {
						t.Errorf("%+v", s)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestStates(t *testing.T) {
	ptr := func(v float64) *float64 { return &v }
	target := func(s series, v float64) series { s.target = ptr(v); return s }
	few := series{key: "complaint_accept_24h_rate", grain: calendar.GrainMonth, first: "2025-01", better: stats.BetterHigher, n: 40}
	large := weekly
	large.n = 9000
	swinging := make([]float64, 22)
	for i := range swinging {
		swinging[i] = .90 + .02*float64(i%2)
	}
	thirteen := target(monthly, 95).with(base, 88.9)
	for name, c := range map[string]struct {
		series                     series
		state, variation, assured  string
		chart                      string
		stateEn, chartEn, assureEn string
	}{
		"common": {thirteen, "普通波动，没有信号。", "普通波动", "稳定不达标", "XmR 图；基线 2025 年 1 月至 2025 年 12 月（12 个月）；均值 88.7 分；控制限 84.1 至 93.2 分",
			"Common variation, no signal.", "XmR chart; baseline January 2025 to December 2025 (12 months); mean 88.7 points; limits 84.1 to 93.2 points", "consistently fails"},
		"passes": {target(monthly, 84).with(base, 88.9), "普通波动，没有信号。", "普通波动", "稳定达标", "", "", "", "consistently passes"},
		"hits and misses": {target(monthly, 89).with(base, 84), "特殊原因：变差，偏低或下降", "特殊原因：变差，偏低或下降", "时达时不达", "",
			"special cause: concern, low or falling", "", "hit and miss"},
		"trial": {monthly.with(base[:8]), "基线 8 个月，不足 12 个月：控制限为暂定，不判断。", "基线未满", "无目标", "XmR 图；基线 2025 年 1 月至 2025 年 8 月（8 个月）；均值 88.6 分；控制限 83.7 至 93.5 分；基线 8 个月，不足 12 个月：控制限为暂定，不判断。",
			"The baseline has 8 months, fewer than 12 months: limits are provisional, nothing is judged.", "", "no target"},
		"too few points": {monthly.with(base[:3]), "只有 3 个月可判断，不足 5 个月，不画控制限。", "期数不足", "无目标", "只有 3 个月可判断，不足 5 个月，不画控制限。",
			"Only 3 months can be judged, fewer than 5 months: no limits are drawn.", "", "no target"},
		"one point": {monthly.with(base[:1]), "只有 1 个月可判断，不足 5 个月，不画控制限。", "期数不足", "无目标", "",
			"Only 1 month can be judged, fewer than 5 months: no limits are drawn.", "", "no target"},
		"no variation": {monthly.with(slices.Repeat([]float64{88.2}, 14)), "基线期间各期相同，没有波动：不判断。", "没有波动", "无目标", "XmR 图；基线 2025 年 1 月至 2025 年 12 月（12 个月）；均值 88.2 分；控制限 88.2 至 88.2 分",
			"All periods of the baseline are equal, without variation: nothing is judged.", "", "no target"},
		"few expected": {few.with([]float64{.95, .975, .95, .925, .95, .975, .95}), "每期数量太少（预期不足 5 件），不画控制限：请看更长的期间。", "每期数量太少", "无目标", "",
			"Too few in a period (fewer than 5 expected): no limits are drawn; look at longer periods.", "", "no target"},
		"variation between periods dominates": {large.with(swinging), "普通波动，没有信号。", "普通波动", "无目标",
			"p′ 图（Laney）；基线 2026 年第 1 周至 2026 年第 20 周（20 周）；均值 91.0 %；控制限 85.7 至 96.3 %；σ_z 5.88（期间波动为主）",
			"Common variation, no signal.", "p′ chart (Laney); baseline week 1 of 2026 to week 20 of 2026 (20 weeks); mean 91.0 %; limits 85.7 to 96.3 %; σ_z 5.88 (variation between periods dominates)", "no target"},
		"no data": {monthly.with(nil), "没有数据。", "无数据", "无目标", "没有数据。", "No data.", "No data.", "no target"},
	} {
		t.Run(name, func(t *testing.T) {
			trend := c.series.trend(t)
			zh, en := voice(t, sentence.Chinese), voice(t, sentence.English)
			for what, pair := range map[string][2]string{
				"state": {zh.State(trend), c.state}, "variation": {zh.Variation(trend), c.variation}, "assurance": {zh.Assurance(trend), c.assured}, "chart": {zh.Chart(trend), c.chart},
				"state en": {en.State(trend), c.stateEn}, "chart en": {en.Chart(trend), c.chartEn}, "assurance en": {en.Assurance(trend), c.assureEn},
			} {
				if got := plain(pair[0]); pair[1] != "" && got != pair[1] {
					t.Errorf("%s: got %q, want %q", what, got, pair[1])
				}
			}
		})
	}
}

func TestHeadline(t *testing.T) {
	ptr := func(v float64) *float64 { return &v }
	period, err := calendar.ParsePeriod("2026-06")
	if err != nil {
		t.Fatal(err)
	}
	worse := weekly.with(weeks, .89, .89, .89, .89, .89, .89)
	recovered := weekly.with(weeks, .90, .90, .86, .90, .90, .90)
	recovered.key = "enquiry_answer_24h_rate"
	better := weekly.with(weeks, .90, .90, .90, .90, .90, .94)
	better.key = "complaint_accept_24h_rate"
	quiet := weekly.with(weeks, .90, .90, .90, .90, .90, .90)
	quiet.key = "satisfaction_top2_rate"
	at := func(s series, region string) series { s.by = map[string]string{"region": region}; return s }
	missed := []metrics.Figure{
		{Key: "satisfaction_top2_rate", Value: ptr(0.7), Target: ptr(0.9), Units: 300, Denominator: ptr(300), Status: metrics.StatusMissed, From: period.From, To: period.To},
		{Key: "on_time_delivery_rate", Value: ptr(0.7), Target: ptr(0.9), Units: 300, Denominator: ptr(300), Status: metrics.StatusMissed, From: period.From, To: period.To},
		{Key: "complaint_accept_24h_rate", Value: ptr(1), Target: ptr(1), Units: 300, Denominator: ptr(300), Status: metrics.StatusMet, From: period.From, To: period.To},
	}
	for name, c := range map[string]struct {
		figures []metrics.Figure
		series  []series
		zh, en  []string // line, then sentences
	}{
		"what, since when, where": {missed, []series{better, recovered, worse, quiet, at(worse, "42"), at(worse, "41"), at(worse, "33"), at(worse, "51"), at(quiet, "11")},
			[]string{
				"2026 年 6 月服务质量：1 项变差，1 项改善，1 项曾有异常波动",
				"准时投递率变差：自 2026 年第 20 周（5 月 11 日）起连续 7 周低于均值 90.0 %，最近一周 89.0 %（控制限 87.0 至 93.0 %，n = 900）。同向信号：湖北、河南、浙江等，另 1 处。",
				"投诉 24 小时受理率改善：2026 年第 26 周（6 月 22 日）为 94.0 %，高于上控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。",
				"查询 24 小时答复率曾变差：2026 年第 23 周（6 月 1 日）为 86.0 %，低于下控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。",
				"用户满意率未达标：70.0 %，目标 ≥ 90.0 %（n = 300）。",
			},
			[]string{
				"Service quality, June 2026: 1 worse, 1 better, 1 back to normal",
				"On-time delivery rate gets worse: since week 20 of 2026 (11 May), 7 weeks in a row below the mean of 90.0 %, last 89.0 % (limits 87.0 to 93.0 %, n = 900). Same signal in: 湖北, 河南, 浙江 and 1 more.",
				"Complaints accepted within 24 h improves: week 26 of 2026 (22 Jun) at 94.0 %, above the upper limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900).",
				"Enquiries answered within 24 h was worse: week 23 of 2026 (1 Jun) at 86.0 %, below the lower limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900).",
				"Satisfied customers (top two) missed its target: 70.0 %, target ≥ 90.0 % (n = 300).",
			}},
		// Hubei fell out of its limits weeks before the whole: it speaks for itself.
		"where it comes from": {nil, []series{weekly.with(weeks, .90, .90, .90, .90, .90, .86),
			at(weekly.with(weeks, .86, .85, .85, .84, .84, .84), "42"), at(weekly.with(weeks, .90, .90, .90, .90, .90, .86), "41"), at(weekly.with(weeks, .90, .90, .90, .90, .90, .90), "33")},
			[]string{"2026 年 6 月服务质量：1 项变差",
				"准时投递率变差：2026 年第 26 周（6 月 22 日）为 86.0 %，低于下控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。同向信号：河南。",
				"准时投递率（湖北）变差：自 2026 年第 20 周（5 月 11 日）起连续 7 周低于均值 90.0 %，最近一周 84.0 %，已越出控制限（控制限 87.0 至 93.0 %，n = 900）。"},
			[]string{"Service quality, June 2026: 1 worse",
				"On-time delivery rate gets worse: week 26 of 2026 (22 Jun) at 86.0 %, below the lower limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900). Same signal in: 河南.",
				"On-time delivery rate (湖北) gets worse: since week 20 of 2026 (11 May), 7 weeks in a row below the mean of 90.0 %, last 84.0 %, beyond the limit (limits 87.0 to 93.0 %, n = 900)."}},
		"quiet": {missed[:1], []series{func() series { s := quiet; s.target = ptr(.95); return s }()},
			[]string{"2026 年 6 月服务质量：各项指标没有信号", "用户满意率未达标：70.0 %，目标 ≥ 90.0 %（n = 300）；控制限内达不到目标，过程不变就会一直不达标。"},
			[]string{"Service quality, June 2026: no signal in any indicator", "Satisfied customers (top two) missed its target: 70.0 %, target ≥ 90.0 % (n = 300); the target lies beyond the limits, the process as it is will keep missing it."}},
		"too early": {nil, []series{weekly.with(weeks[:9])}, []string{"2026 年 6 月服务质量：基线未满，尚不判断"}, []string{"Service quality, June 2026: baselines are not full yet, nothing is judged"}},
		"one place alone": {nil, []series{quiet, at(func() series {
			s := quiet
			s.values = append(slices.Clone(weeks), .89, .89, .89, .89, .85, .84)
			return s
		}(), "42"), at(func() series {
			s := quiet
			s.values = append(slices.Clone(weeks), .90, .90, .90, .90, .90, .84)
			return s
		}(), "41")},
			[]string{"2026 年 6 月服务质量：总体没有信号，个别地区或产品有 1 处", "用户满意率（湖北）变差：自 2026 年第 20 周（5 月 11 日）起连续 7 周低于均值 90.0 %，最近一周 84.0 %，已越出控制限（控制限 87.0 至 93.0 %，n = 900）。"},
			[]string{"Service quality, June 2026: no signal overall, 1 in single regions or products", "Satisfied customers (top two) (湖北) gets worse: since week 20 of 2026 (11 May), 7 weeks in a row below the mean of 90.0 %, last 84.0 %, beyond the limit (limits 87.0 to 93.0 %, n = 900)."}},
		"what stands comes first": {nil, []series{recovered, quiet, at(func() series {
			s := quiet
			s.values = append(slices.Clone(weeks), .90, .90, .90, .90, .95, .96)
			return s
		}(), "51"), at(quiet, "11")},
			[]string{"2026 年 6 月服务质量：1 项曾有异常波动",
				"用户满意率（四川）改善：自 2026 年第 25 周（6 月 15 日）起连续 2 周高于上控制限，最近一周 96.0 %（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。",
				"查询 24 小时答复率曾变差：2026 年第 23 周（6 月 1 日）为 86.0 %，低于下控制限（控制限 87.0 至 93.0 %，均值 90.0 %，n = 900）。"},
			[]string{"Service quality, June 2026: 1 back to normal",
				"Satisfied customers (top two) (四川) improves: since week 25 of 2026 (15 Jun), 2 weeks in a row above the upper limit, last 96.0 % (limits 87.0 to 93.0 %, mean 90.0 %, n = 900).",
				"Enquiries answered within 24 h was worse: week 23 of 2026 (1 Jun) at 86.0 %, below the lower limit (limits 87.0 to 93.0 %, mean 90.0 %, n = 900)."}},
		"the state at as_of alone": {[]metrics.Figure{{Key: "overdue_open_cases", Value: ptr(7), Target: ptr(0), Status: metrics.StatusMissed}}, nil,
			[]string{"2026 年 6 月服务质量：没有数据"}, []string{"Service quality, June 2026: no data"}},
		"nothing": {nil, nil, []string{"2026 年 6 月服务质量：没有数据"}, []string{"Service quality, June 2026: no data"}},
	} {
		t.Run(name, func(t *testing.T) {
			var trends []metrics.Trend
			for _, s := range c.series {
				trends = append(trends, s.trend(t))
			}
			for l, want := range map[sentence.Language][]string{sentence.Chinese: c.zh, sentence.English: c.en} {
				h := voice(t, l).Headline(period, c.figures, trends)
				got := []string{plain(h.Line)}
				for _, s := range h.Sentences {
					got = append(got, plain(s.Text))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
	// More signals than there is room for are counted.
	var trends []metrics.Trend
	for range 6 {
		trends = append(trends, worse.trend(t))
	}
	if h := voice(t, sentence.Chinese).Headline(period, missed, trends); len(h.Sentences) != sentence.MostSentences || h.More != 2 {
		t.Errorf("%d sentences, %d more", len(h.Sentences), h.More)
	}
}

// TestLatest: since when is told by the longest signal that reaches the latest point.
func TestLatest(t *testing.T) {
	v := voice(t, sentence.Chinese)
	s, ok := v.Latest(weekly.with(weeks, .89, .89, .89, .89, .89, .89, .86).trend(t))
	if !ok || s.Signal.Rule != stats.RuleShift || s.Signal.Length() != 8 || !strings.Contains(s.Text, "，已越出控制限（") {
		t.Errorf("%v %+v", ok, s)
	}
	if s, ok := v.Latest(weekly.with(weeks, .86, .90).trend(t)); ok {
		t.Errorf("a signal that is over: %+v", s)
	}
}

func TestTally(t *testing.T) {
	figures := []metrics.Figure{{Status: metrics.StatusMet}, {Status: metrics.StatusNoData}, {Status: metrics.StatusMet}}
	if got := voice(t, sentence.Chinese).Tally(figures); got != "2 项达标，1 项无数据" {
		t.Error(got)
	}
	if got := voice(t, sentence.English).Tally(figures); got != "2 met, 1 without data" {
		t.Error(got)
	}
}

var fault = regexp.MustCompile(`%!|%[a-z]|  `)

// TestWords: every text that a trend can need is there in both languages, and
// every unit of the catalogue has a word.
func TestWords(t *testing.T) {
	reasons := []stats.Reason{stats.ReasonFewPoints, stats.ReasonGaps, stats.ReasonFewExpected, stats.ReasonTrial, stats.ReasonNoVariation,
		stats.ReasonNoTarget, stats.ReasonMovingTarget, stats.ReasonUndirected, stats.ReasonNoData, stats.ReasonNoChartWanted}
	for _, l := range []sentence.Language{sentence.Chinese, sentence.English} {
		v := voice(t, l)
		var texts []string
		for _, r := range reasons {
			trend := metrics.Trend{Grain: calendar.GrainMonth, Variation: stats.VariationIcon{Hidden: r}, Assurance: stats.AssuranceIcon{Hidden: r}}
			texts = append(texts, v.Variation(trend), v.Assurance(trend), v.State(trend))
		}
		for _, d := range []stats.Direction{stats.DirectionCommon, stats.DirectionImprovement, stats.DirectionConcern, stats.DirectionNeutral} {
			for _, side := range []stats.Side{stats.SideHigh, stats.SideLow} {
				texts = append(texts, v.Variation(metrics.Trend{Variation: stats.VariationIcon{Direction: d, Side: side}}))
			}
		}
		for _, a := range []stats.Assurance{stats.AssurancePass, stats.AssuranceFail, stats.AssuranceMixed} {
			texts = append(texts, v.Assurance(metrics.Trend{Assurance: stats.AssuranceIcon{Assurance: a}}))
		}
		for _, ind := range v.Catalogue.All() {
			texts = append(texts, v.Title(ind.Key))
			if got := v.Amount(ind.Unit, 0.5); strings.Contains(got, string(ind.Unit)) && ind.Unit != catalogue.Points {
				t.Errorf("%s: no word for the unit %s", l, ind.Unit)
			}
		}
		for _, label := range []string{"2026", "2026-Q3", "2026-10", "2026-W05", "2026-10-05", "2026-10-05..2026-10-09"} {
			p, err := calendar.ParsePeriod(label)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, v.Period(p))
		}
		for _, s := range texts {
			if s == "" || fault.MatchString(s) {
				t.Errorf("%s: text %q", l, s)
			}
		}
	}
}
