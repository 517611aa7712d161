package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"youzhi/dashboard/page"
	"youzhi/metrics/calendar"
)

var shots = flag.String("shots", "", "folder for pictures of the pages; none are taken without it")

// browserTimeout bounds all that one browser does.
const browserTimeout = 5 * time.Minute

// browser is a headless Chromium with an empty profile. It collects what no page
// may do: messages of the console and requests to other places.
type browser struct {
	ctx  context.Context
	base string

	lock   sync.Mutex
	faults []string
}

// startBrowser starts Chromium for the site at base. Without a Chromium the test
// is skipped, or fails where the variable CI is set.
func startBrowser(t *testing.T, base string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "" {
			t.Skip("no Chromium: run make setup, or install it")
		}
		t.Fatal("no Chromium: run make setup, or install it")
	}
	profile, err := os.MkdirTemp("", "youzhi-chromium-")
	must(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true), chromedp.Flag("no-pings", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own rule for root
	}
	ctx, cancel := context.WithTimeout(context.Background(), browserTimeout)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	b := &browser{base: base}
	ctx, end := chromedp.NewContext(ctx)
	b.ctx = ctx
	t.Cleanup(func() {
		end()
		stop()
		cancel()
		// Chromium's last processes may still write for a moment.
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	must(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	console := chromedp.Console(ctx)
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			b.note("console: " + m.String())
		}
	}()
	go func() {
		for r, err := range requests {
			if err != nil {
				return
			}
			if u := r.Request.URL; !strings.HasPrefix(u, base+"/") && !strings.HasPrefix(u, "data:") && u != "about:blank" {
				b.note("request to " + u)
			}
		}
	}()
	return b
}

func (b *browser) note(s string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.faults = append(b.faults, s)
}

// told gives what was noted since the last call.
func (b *browser) told() []string {
	b.lock.Lock()
	defer b.lock.Unlock()
	out := b.faults
	b.faults = nil
	return out
}

// open loads a page and waits until its charts are drawn.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	must(t, chromedp.Do(b.ctx, chromedp.Navigate(b.base+path)))
	b.await(t, drawnScript)
}

// drawnScript says whether the page is complete and every chart has an instance.
const drawnScript = `document.readyState === "complete" && document.fonts.status === "loaded" &&
	[...document.querySelectorAll("script[data-chart]")].every(s => window.echarts && echarts.getInstanceByDom(s.previousElementSibling))`

// await waits until an expression is true in the page.
func (b *browser) await(t *testing.T, expression string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s (%v)", expression, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// read evaluates an expression to JSON and decodes it.
func (b *browser) read(t *testing.T, expression string, v any) {
	t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	must(t, json.Unmarshal([]byte(text), v))
}

// look sets width and light or dark, and takes a picture if they are wanted.
func (b *browser) look(t *testing.T, path, name string, width int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(t, err)
	must(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
	b.open(t, path)
	var wide bool
	b.read(t, "document.documentElement.scrollWidth > innerWidth", &wide)
	if wide {
		t.Errorf("%s at %d pixels scrolls sideways", path, width)
	}
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o644))
}

// TestBrowser tries one site in a real browser.
func TestBrowser(t *testing.T) {
	s := serve(t, seed)
	b := startBrowser(t, s.url)
	t.Run("looks", func(t *testing.T) { b.looks(t) })
	t.Run("charts", func(t *testing.T) { b.charts(t, s) })
	t.Run("glyphs", func(t *testing.T) { b.glyphs(t) })
}

// looks opens every kind of page, wide and narrow, in both languages, light and
// dark.
func (b *browser) looks(t *testing.T) {
	for _, p := range []struct{ name, path string }{
		{"overview", "/?period=2026-10"}, {"unfinished", "/?period=2026-11"}, {"overview-region", "/?period=2026-10&region=41"}, {"no-period", "/?period=2025-01"},
		{"indicator", "/indicators/on_time_delivery_rate?period=2026-10"}, {"indicator-now", "/indicators/on_time_delivery_rate?period=2026-11&by=outlet"},
		{"indicator-mean", "/indicators/satisfaction_score_100?period=2026-10"}, {"indicator-ratio", "/indicators/complaint_rate_p10k?period=2026-10"},
		{"indicator-snap", "/indicators/overdue_open_cases?period=2026-10"},
		{"rows", "/indicators/on_time_delivery_rate/rows?period=2026-10&part=missed"}, {"cases", "/cases?period=2026-10"},
		{"case", "/cases/C-odd"}, {"ticket", page.SubjectPath("tickets", awkward)}, {"survey", "/surveys/S-C11-000"},
		{"improvements", "/improvements"}, {"improvement", "/improvements/IMP-1"}, {"data", "/data"}, {"definitions", "/definitions"},
	} {
		for _, lang := range page.Languages {
			path := p.path + "?lang=" + string(lang)
			if strings.Contains(p.path, "?") {
				path = p.path + "&lang=" + string(lang)
			}
			name := p.name + "-" + string(lang)
			t.Run(name, func(t *testing.T) {
				b.look(t, path, name, 1440, "light")
				b.look(t, path, name, 390, "light")
				if lang == page.Chinese {
					b.look(t, path, name, 1440, "dark")
				}
				if told := b.told(); len(told) > 0 {
					t.Errorf("%s", strings.Join(told, "\n"))
				}
			})
		}
	}
}

// charts: the series read from the live chart are the API's; a click on the
// worst bar opens the list that the bar speaks of.
func (b *browser) charts(t *testing.T, s *site) {
	must(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(1440, 900)))
	b.open(t, "/?lang=zh") // the choice stays
	const chartOf = `echarts.getInstanceByDom(document.querySelectorAll("script[data-chart]")[%d].previousElementSibling)`
	for _, c := range []struct {
		key    string
		factor float64
		by     string
	}{
		{"on_time_delivery_rate", 100, "region"}, {"satisfaction_score_100", 1, "product"}, {"complaint_rate_p10k", 1, "region"}, {"complaint_accept_24h_rate", 100, "category"},
	} {
		t.Run(c.key, func(t *testing.T) {
			b.open(t, "/indicators/"+c.key+"?period=2026-11&trend=month&by="+c.by)
			var trend struct {
				Labels               []string
				Finished, Unfinished []any
			}
			b.read(t, fmt.Sprintf(`(o => ({Labels: o.xAxis[0].data, Finished: o.series[0].data.map(d => d.value), Unfinished: o.series[1].data.map(d => d.value)}))(`+chartOf+`.getOption())`, 0), &trend)
			first, err := calendar.ParsePeriod(trend.Labels[0])
			must(t, err)
			figures := s.apiFigures(t, url.Values{"key": {c.key}, "from": {first.From.String()}, "to": {"2026-12-01"}, "grain": {"month"}})
			if len(figures) != len(trend.Labels) {
				t.Fatalf("the chart has %d points, the API %d", len(trend.Labels), len(figures))
			}
			for i, f := range figures {
				drawn := trend.Finished[i]
				if i == len(figures)-1 {
					drawn = trend.Unfinished[i] // November is not over
				}
				same(t, trend.Labels[i], drawn, f.Value, c.factor)
			}

			var split struct {
				Labels []string
				Values []any
			}
			b.read(t, fmt.Sprintf(`(o => ({Labels: o.yAxis[0].data, Values: o.series[0].data.map(d => d.value)}))(`+chartOf+`.getOption())`, 1), &split)
			parts := map[string]*float64{}
			for _, f := range s.apiFigures(t, url.Values{"key": {c.key}, "from": {"2026-11-01"}, "to": {"2026-12-01"}, "by": {c.by}}) {
				parts[page.Chinese.Value(c.by, f.By[c.by])] = f.Value
			}
			if len(split.Labels) == 0 {
				t.Fatal("the split is empty")
			}
			for i, label := range split.Labels {
				same(t, label, split.Values[i], parts[label], c.factor)
			}
		})
	}

	b.open(t, "/indicators/on_time_delivery_rate?period=2026-10&by=region")
	var bar struct {
		Text, Link string
		X, Y       float64
	}
	b.read(t, fmt.Sprintf(`(() => {
		const script = document.querySelectorAll("script[data-chart]")[1];
		script.previousElementSibling.scrollIntoView({block: "center"});
		const chart = %s, source = JSON.parse(script.textContent), box = script.previousElementSibling.getBoundingClientRect();
		const [x, y] = chart.convertToPixel({seriesIndex: 0}, [chart.getOption().series[0].data[0].value / 2, 0]);
		return {Text: source.texts[0][0], Link: source.links[0][0], X: box.left + x, Y: box.top + y};
	})()`, fmt.Sprintf(chartOf, 1)), &bar)
	must(t, chromedp.Do(b.ctx, chromedp.MouseClickXY(bar.X, bar.Y)))
	b.await(t, `location.pathname.endsWith("/rows") && document.readyState === "complete"`)
	var list struct {
		Count, Path string
		Rows        int
		Next        bool
	}
	rows := 0
	for {
		b.read(t, `({Count: document.getElementById("count").dataset.count, Path: location.pathname + location.search,
			Rows: document.querySelectorAll("tr[data-subject]").length, Next: !!document.querySelector("a[rel=next]:not(.step)")})`, &list)
		rows += list.Rows
		if !list.Next {
			break
		}
		_, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS("a[rel=next]:not(.step)")))
		must(t, err)
	}
	if list.Count != fmt.Sprint(rows) || !strings.Contains(bar.Text, list.Count+" 件超时") {
		t.Errorf("the bar says %q and leads to %s; the list says %s and has %d rows", bar.Text, list.Path, list.Count, rows)
	}
	if told := b.told(); len(told) > 0 {
		t.Errorf("%s", strings.Join(told, "\n"))
	}
}

func same(t *testing.T, label string, drawn any, value *float64, factor float64) {
	t.Helper()
	v, ok := drawn.(float64)
	switch {
	case value == nil && drawn == "-":
	case value == nil || !ok || math.Abs(v-*value*factor) > 1e-9*math.Max(1, math.Abs(v)):
		t.Errorf("%s: the chart has %v, the API %v", label, drawn, value)
	}
}

// glyphs: Chinese is drawn as glyphs of the embedded typeface, not as the box
// that stands for a missing one.
func (b *browser) glyphs(t *testing.T) {
	b.open(t, "/definitions")
	var loaded bool
	b.read(t, `[...document.fonts].some(f => f.family.includes("Noto Sans SC Variable") && f.status === "loaded")`, &loaded)
	if !loaded {
		t.Error("the page does not load its typeface")
	}
	var pictures map[string]string
	b.read(t, `(() => {
		const out = {};
		for (const c of ["准", "时", "\u{10FFFD}"]) {
			const canvas = document.createElement("canvas");
			canvas.width = canvas.height = 40;
			const g = canvas.getContext("2d");
			g.font = '32px "Noto Sans SC Variable"';
			g.fillText(c, 2, 34);
			out[c] = canvas.toDataURL();
		}
		return out;
	})()`, &pictures)
	box, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(pictures["\U0010FFFD"], "data:image/png;base64,"))
	if err != nil || len(box) == 0 {
		t.Fatal(errors.Join(err, errors.New("no picture of a missing glyph")))
	}
	if pictures["准"] == pictures["时"] || pictures["准"] == pictures["\U0010FFFD"] {
		t.Error("Chinese characters are drawn as boxes")
	}
}
