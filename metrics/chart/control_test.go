package chart

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// control is a chart with all that one can show: a trial and a fixed phase, each
// kind of signal, a gap, a limit that nothing can pass, an unfinished period.
func control() Control {
	limits := func(trial bool) *ControlLimits {
		return &ControlLimits{Centre: 90, Lower: 84, Upper: 96, NearLower: 86, NearUpper: 94, Trial: trial}
	}
	open := limits(false)
	open.NoUpper = true
	return Control{
		Name: "准时投递率", Description: "准时投递率，按周的控制图", Unfinished: "未结束", Axis: percent, Target: &Target{Value: 93, Text: "目标 93.0 %"},
		Points: []ControlPoint{
			{Label: "2026-W30", Value: ptr(91), Text: "2026-W30：91.0 %", Link: "/a", Limits: limits(true)},
			{Label: "2026-W31", Value: ptr(83), Meaning: MeaningConcern, Limits: limits(true)},
			{Label: "2026-W32", Value: ptr(97), Meaning: MeaningImprovement, Limits: limits(false), Phase: 1},
			{Label: "2026-W33", Phase: 1},
			{Label: "2026-W34", Value: ptr(90), Meaning: MeaningNeutral, Limits: open, Phase: 1},
			{Label: "2026-W35", Value: ptr(89), Unfinished: true, Phase: 1},
		},
		Breaks: []Break{{Point: 2, Text: "新阶段"}},
		Centre: "90.0", Lower: "84.0", Upper: "96.0",
	}
}

func TestControlChart(t *testing.T) {
	onPaper := control()
	onPaper.Medium = MediumPaper
	bad := control()
	bad.Name, bad.Description, bad.Centre, bad.Breaks = hostile, hostile, hostile, []Break{{Point: 0, Text: hostile}}
	bad.Points[0].Label, bad.Points[0].Text = hostile, hostile
	for name, c := range map[string]Control{"control": control(), "control_paper": onPaper, "control_hostile": bad, "control_empty": {Name: "空"}} {
		t.Run(name, func(t *testing.T) {
			drawn, err := ControlChart(c)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, drawn)
		})
	}
}

// TestControlMarks: what a point means can be told by its shape alone, and by its
// colour alone; lines of limits carry no points.
func TestControlMarks(t *testing.T) {
	drawn, err := ControlChart(control())
	if err != nil {
		t.Fatal(err)
	}
	var option struct {
		Series []struct {
			Data []any  `json:"data"`
			Step string `json:"step"`
			Line struct {
				Type string `json:"type"`
			} `json:"lineStyle"`
		} `json:"series"`
	}
	if err := json.Unmarshal(drawn.Option, &option); err != nil {
		t.Fatal(err)
	}
	shapes, colours := map[string]bool{}, map[string]bool{}
	for _, d := range option.Series[SeriesFinished].Data {
		if item, ok := d.(map[string]any); ok {
			shapes[item["symbol"].(string)] = true
			colours[item["itemStyle"].(map[string]any)["color"].(string)] = true
		}
	}
	if len(shapes) != 4 || len(colours) != 4 {
		t.Errorf("shapes %v, colours %v", shapes, colours)
	}
	dashed := 0
	for _, s := range option.Series[SeriesUnfinished+1:] {
		if s.Step != "middle" {
			t.Errorf("a limit is no step: %+v", s)
		}
		if s.Line.Type == "dashed" {
			dashed++
		}
	}
	if dashed != 4 {
		t.Errorf("%d dashed lines, want limits and near lines of the trial", dashed)
	}
	if len(drawn.Texts) != len(option.Series) || len(drawn.Links) != len(option.Series) {
		t.Errorf("%d texts and %d links of %d series", len(drawn.Texts), len(drawn.Links), len(option.Series))
	}
}

func TestControlFaults(t *testing.T) {
	for want, change := range map[string]func(*Control){
		"value of 2026-W30":   func(c *Control) { c.Points[0].Value = ptr(math.NaN()) },
		"limit of 2026-W30":   func(c *Control) { c.Points[0].Limits.Upper = math.Inf(1) },
		"target of 目标 93.0 %": func(c *Control) { c.Target.Value = math.NaN() },
		`meaning "red"`:       func(c *Control) { c.Points[0].Meaning = "red" },
	} {
		c := control()
		change(&c)
		if _, err := ControlChart(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %s", err, want)
		}
	}
}
