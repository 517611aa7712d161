package process

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHealth(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	telemetry := NewTelemetry()
	health := NewHealth(log, now, telemetry.Gauge("youzhi_component_ready", "1 when ready.", "component"))

	ingest := health.Component("ingest")
	dashboard := health.Component("dashboard")
	if health.Ready() {
		t.Error("ready while starting")
	}
	at = at.Add(time.Minute)
	dashboard(nil)
	ingest(nil)
	ingest(nil)
	if !health.Ready() {
		t.Errorf("not ready: %v", health.States())
	}
	at = at.Add(time.Minute)
	ingest(errors.New("insert: disk full"))
	ingest(errors.New("insert: disk full"))
	at = at.Add(time.Minute)
	ingest(errors.New("insert: connection refused"))
	want := []State{
		{Component: "dashboard", Ready: true, Since: time.Date(2026, 3, 1, 8, 1, 0, 0, time.UTC)},
		{Component: "ingest", Reason: "insert: connection refused", Since: time.Date(2026, 3, 1, 8, 2, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, health.States()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if health.Ready() {
		t.Error("ready while ingest is not")
	}
	wantLog := `level=INFO msg="component is ready" component=dashboard
level=INFO msg="component is ready" component=ingest
level=WARN msg="component is not ready" component=ingest reason="insert: disk full"
level=WARN msg="component is not ready" component=ingest reason="insert: connection refused"
`
	if diff := cmp.Diff(wantLog, out.String()); diff != "" {
		t.Errorf("log (-want +got)\n%s", diff)
	}
	var text strings.Builder
	if err := telemetry.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`youzhi_component_ready{component="dashboard"} 1`, `youzhi_component_ready{component="ingest"} 0`} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("telemetry lacks %s", line)
		}
	}
}

func TestHealthFromManyGoroutines(t *testing.T) {
	telemetry := NewTelemetry()
	health := NewHealth(slog.New(slog.DiscardHandler), time.Now, telemetry.Gauge("youzhi_component_ready", "1 when ready.", "component"))
	report := health.Component("ingest")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				report(errors.New("no broker"))
				report(nil)
				health.Ready()
			}
		})
	}
	wg.Wait()
	if !health.Ready() {
		t.Error("the last report was ready")
	}
}
