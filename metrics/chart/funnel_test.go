package chart

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScatter(t *testing.T) {
	full := Funnel{
		Name: "准时投递率", Description: "网点", SizeName: "件数", Axis: percent,
		Units: []FunnelUnit{
			{Label: "甲", Size: 120, Value: 74.5, Tone: ToneMissed, Text: "甲：74.5 %", Link: "/a"},
			{Label: "乙", Size: 300, Value: 87, Tone: ToneNeutral, Text: "乙：87.0 %", Link: "/b"},
			{Label: "丙", Size: 4, Value: 100, Tone: ToneSmall, Text: "丙：100 %"},
			{Label: hostile, Size: 500, Value: 97, Tone: ToneMet, Text: hostile},
		},
		Lines: []FunnelLine{
			{Name: "全体 87 %", Sizes: []float64{1, 500}, Values: []float64{87, 87}},
			{Name: "下限", Dashed: true, Sizes: []float64{1, 100, 500}, Values: []float64{-10, 76.9, 82.5}},
		},
	}
	for name, f := range map[string]Funnel{"funnel": full, "funnel_empty": {Name: "空", Axis: percent}} {
		t.Run(name, func(t *testing.T) {
			c, err := Scatter(f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(c, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.ContainsAny(got, "<>&") || bytes.Contains(got, []byte("function")) {
				t.Errorf("the chart can leave its script element, or holds a function: %s", got)
			}
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("-want +got; -update rewrites %s:\n%s", file, diff)
			}
			// What a tooltip says stands beside the item that it is said of.
			var option struct {
				Series []struct {
					Data []struct {
						Name string `json:"name"`
					} `json:"data"`
				} `json:"series"`
			}
			if err := json.Unmarshal(c.Option, &option); err != nil {
				t.Fatal(err)
			}
			if len(option.Series) != len(c.Texts) || len(option.Series) != len(c.Links) {
				t.Fatalf("%d series, %d texts, %d links", len(option.Series), len(c.Texts), len(c.Links))
			}
			for i, s := range option.Series {
				if len(s.Data) != len(c.Texts[i]) || len(s.Data) != len(c.Links[i]) {
					t.Errorf("series %d: %d items, %d texts, %d links", i, len(s.Data), len(c.Texts[i]), len(c.Links[i]))
					continue
				}
				for k, item := range s.Data {
					if !strings.HasPrefix(c.Texts[i][k], item.Name) {
						t.Errorf("series %d item %d: %q is told as %q", i, k, item.Name, c.Texts[i][k])
					}
				}
			}
		})
	}
	for want, f := range map[string]Funnel{
		"size or value of x":   {Name: "f", Units: []FunnelUnit{{Label: "x", Size: math.Inf(1), Tone: ToneMet}}},
		`tone "red"`:           {Name: "f", Units: []FunnelUnit{{Label: "x", Tone: "red"}}},
		"1 sizes and 0 values": {Name: "f", Lines: []FunnelLine{{Name: "l", Sizes: []float64{1}}}},
		"that is not a number": {Name: "f", Lines: []FunnelLine{{Name: "l", Sizes: []float64{1}, Values: []float64{math.NaN()}}}},
	} {
		if _, err := Scatter(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %s", err, want)
		}
	}
}
