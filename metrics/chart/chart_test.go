package chart

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected options in testdata")

func ptr(v float64) *float64 { return &v }

var percent = Axis{Suffix: " %", Floor: ptr(0), Ceiling: ptr(100)}

// hostile is a label that breaks out of a script element, an attribute or a
// formatter if anything writes it unescaped.
const hostile = `</script><img src=x onerror=alert(1)>"'{b}`

func TestOptions(t *testing.T) {
	trend := Trend{
		Name: "准时投递率", Description: "准时投递率，按月", Unfinished: "未结束", Axis: percent,
		Target: &Target{Value: 93, Text: "目标 93.0 %"},
		Points: []Point{
			{Label: "2018-05", Value: ptr(91.5), Text: "2018-05：91.5 %", Link: "/a"},
			{Label: "2018-06", Text: "2018-06：无数据"},
			{Label: "2018-07", Value: ptr(88.25), Text: "2018-07：88.3 %", Small: true},
			{Label: "2018-08", Value: ptr(90), Text: "2018-08：90.0 %，未结束", Unfinished: true},
		},
	}
	cases := map[string]func() (Chart, error){
		"trend":       func() (Chart, error) { return Line(trend) },
		"trend_empty": func() (Chart, error) { return Line(Trend{Name: "空", Axis: percent}) },
		"trend_hostile": func() (Chart, error) {
			return Line(Trend{Name: hostile, Description: hostile, Points: []Point{{Label: hostile, Value: ptr(0), Text: hostile, Link: "/b"}}})
		},
		"split": func() (Chart, error) {
			return Bars(Split{Name: "准时投递率", Description: "按地区", Axis: percent, Target: &Target{Value: 93, Text: "目标 93.0 %"}, Bars: []Bar{
				{Label: "河南", Value: 86.9, Tone: ToneMissed, Note: "86.9 % 未达标", Text: "河南：86.9 %", Link: "/41"},
				{Label: "浙江", Value: 92, Tone: ToneNeutral, Note: "92.0 % 接近"},
				{Label: "北京", Value: 94, Tone: ToneMet, Note: "94.0 % 达标"},
				{Label: "西藏", Value: 100, Tone: ToneSmall, Note: "100 % 样本不足"},
			}})
		},
		"split_empty": func() (Chart, error) { return Bars(Split{Name: "空"}) },
		"split_hostile": func() (Chart, error) {
			return Bars(Split{Name: hostile, Description: hostile, Bars: []Bar{{Label: hostile, Value: -3, Tone: ToneNeutral, Note: "−3", Text: hostile}}})
		},
	}
	for name, draw := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := draw()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, c)
		})
	}
}

// golden holds a chart to the option in testdata, and to what a page may hold.
func golden(t *testing.T, name string, c Chart) {
	t.Helper()
	page, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(page, "<>&") {
		t.Errorf("the chart holds a character that may end a script element: %s", page)
	}
	if bytes.Contains(page, []byte("function")) || bytes.Contains(page, []byte("__f__")) {
		t.Errorf("the chart holds a JavaScript function: %s", page)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, page, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("-want +got; -update rewrites %s:\n%s", file, diff)
	}
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		draw func() (Chart, error)
		want string
	}{
		"not a number in a trend": {func() (Chart, error) {
			return Line(Trend{Name: "t", Points: []Point{{Label: "x", Value: ptr(math.NaN())}}})
		}, "value of x"},
		"infinite in a split": {func() (Chart, error) {
			return Bars(Split{Name: "s", Bars: []Bar{{Label: "x", Value: math.Inf(1), Tone: ToneMet}}})
		}, "value of x"},
		"unknown tone": {func() (Chart, error) { return Bars(Split{Name: "s", Bars: []Bar{{Label: "x", Tone: "red"}}}) }, `tone "red"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.draw(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %s", err, c.want)
			}
		})
	}
}

func TestScale(t *testing.T) {
	for name, c := range map[string]struct {
		values          []float64
		axis            Axis
		low, high, step float64
	}{
		"rates near the top stop at 100": {[]float64{97.2, 99.96}, percent, 97, 100, 1},
		"one value":                      {[]float64{50}, percent, 49, 51, 0.5},
		"zero alone":                     {[]float64{0}, percent, 0, 0.5, 0.25},
		"nothing":                        {nil, percent, 0, 100, 25},
		"fine":                           {[]float64{0.1, 0.35}, Axis{}, 0.1, 0.4, 0.1},
		"large":                          {[]float64{0, 128431}, Axis{Floor: ptr(0)}, 0, 150000, 50000},
		"below zero":                     {[]float64{-0.35, 0}, Axis{}, -0.4, 0, 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRange()
			for _, v := range c.values {
				r.add(v)
			}
			low, high, step := r.nice(c.axis)
			if low != c.low || high != c.high || step != c.step {
				t.Errorf("got %v to %v by %v, want %v to %v by %v", low, high, step, c.low, c.high, c.step)
			}
		})
	}
}
