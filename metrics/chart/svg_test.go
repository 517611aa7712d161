package chart

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func renderer(t testing.TB) *Renderer {
	t.Helper()
	script, err := os.ReadFile("../../dashboard/assets/fetched/echarts.min.js")
	if err != nil {
		t.Fatalf("%v: run make setup", err)
	}
	return NewRenderer(script)
}

// month is a chart of some points that begins at a value.
func month(t testing.TB, first float64) Chart {
	t.Helper()
	trend := Trend{Name: "准时投递率 <b>", Description: "trend", Unfinished: "未完", Axis: Axis{Suffix: " %"}, Target: &Target{Value: 89, Text: "目标 ≥ 89 %"}}
	for i := range 18 {
		v := first + float64(i%5)
		trend.Points = append(trend.Points, Point{Label: fmt.Sprintf("2026-%02d", i), Value: &v})
	}
	trend.Points[2].Label = hostile
	c, err := Line(trend)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func draw(t testing.TB, r *Renderer, c Chart) []byte {
	t.Helper()
	svg, err := r.SVG(t.Context(), c, 600, 260)
	if err != nil {
		t.Fatal(err)
	}
	return svg
}

// TestSVG: what comes out is one well-formed SVG without script, reference to
// elsewhere or raster, with the texts in it.
func TestSVG(t *testing.T) {
	svg := draw(t, renderer(t), month(t, 85))
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	var names []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("<%s> has %s", e.Name.Local, a.Name.Local)
				}
			}
		}
	}
	if names[0] != "svg" || bytes.Contains(svg, []byte("<script")) || bytes.Contains(svg, []byte("<image")) {
		t.Errorf("elements %v", names)
	}
	for _, want := range []string{"2026-00", "目标 ≥ 89 %", "85 %"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%q is not in the picture:\n%s", want, svg)
		}
	}
}

// TestSVGSame: the same chart gives the same bytes, in whichever order and
// company it is drawn, and from whichever Renderer; other charts have other ids.
func TestSVGSame(t *testing.T) {
	r := renderer(t)
	want := draw(t, r, month(t, 85))
	other := draw(t, r, month(t, 70))
	if got := draw(t, r, month(t, 85)); !bytes.Equal(got, want) {
		t.Errorf("the third picture differs from the first:\n%s\n%s", got, want)
	}
	if got := draw(t, renderer(t), month(t, 85)); !bytes.Equal(got, want) {
		t.Error("another Renderer draws it otherwise")
	}
	ids := regexp.MustCompile(`\bid="([^"]+)"|\.([\w-]+)\{`)
	seen := map[string]bool{}
	for _, m := range ids.FindAllStringSubmatch(string(want), -1) {
		seen[m[1]+m[2]] = true
	}
	if len(seen) == 0 {
		t.Errorf("no ids to compare in\n%s", want)
	}
	for _, m := range ids.FindAllStringSubmatch(string(other), -1) {
		if seen[m[1]+m[2]] {
			t.Errorf("two pictures have the id %s", m[1]+m[2])
		}
	}
	if regexp.MustCompile(`zr\d`).Match(want) {
		t.Errorf("a number of ECharts' own is left:\n%s", want)
	}
}

func TestSVGTogether(t *testing.T) {
	r := renderer(t)
	want := map[int][]byte{}
	for i := range 3 {
		want[i] = draw(t, r, month(t, float64(60+i*10)))
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			c := month(t, float64(60+i%3*10))
			got, err := r.SVG(t.Context(), c, 600, 260)
			if err != nil || !bytes.Equal(got, want[i%3]) {
				t.Errorf("picture %d differs: %v", i, err)
			}
		})
	}
	group.Wait()
}

func TestSVGFaults(t *testing.T) {
	r := renderer(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.SVG(ended, month(t, 85), 600, 260); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := renderer(t).SVG(short, month(t, 85), 600, 260); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beyond its deadline: %v", err)
	}
	if _, err := r.SVG(t.Context(), Chart{Option: []byte("{")}, 600, 260); err == nil || !strings.Contains(err.Error(), "draw SVG") {
		t.Errorf("of no JSON: %v", err)
	}
	if _, err := r.SVG(t.Context(), month(t, 85), 0, 260); err == nil {
		t.Error("of no width")
	}
	if _, err := NewRenderer([]byte("var = ;")).SVG(t.Context(), month(t, 85), 600, 260); err == nil {
		t.Error("by a script that is none")
	}
	draw(t, r, month(t, 85)) // still draws
}

func BenchmarkSVG(b *testing.B) {
	r, c := renderer(b), month(b, 85)
	for b.Loop() {
		draw(b, r, c)
	}
}
