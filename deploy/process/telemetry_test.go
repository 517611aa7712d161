package process

import (
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestTelemetry(t *testing.T) {
	telemetry := NewTelemetry()
	rows := telemetry.Counter("youzhi_ingest_rows_total", "Rows stored.", "topic")
	runs := telemetry.Counter("youzhi_job_runs_total", "Runs ended.")
	lag := telemetry.Gauge("youzhi_ingest_lag_seconds", "Age of the oldest message not stored.")
	flush := telemetry.Histogram("youzhi_ingest_flush_seconds", "Time of one flush.", []float64{0.1, 1})

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				rows(2, "a\"b\n")
			}
		})
	}
	wg.Wait()
	lag(3.5)
	lag(1.5)
	flush(0.05)
	flush(5)

	var text strings.Builder
	if err := telemetry.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"# HELP youzhi_ingest_rows_total Rows stored.",
		"# TYPE youzhi_ingest_rows_total counter",
		`youzhi_ingest_rows_total{topic="a\"b\n"} 800`,
		"youzhi_job_runs_total 0",
		"youzhi_ingest_lag_seconds 1.5",
		`youzhi_ingest_flush_seconds_bucket{le="0.1"} 1`,
		`youzhi_ingest_flush_seconds_bucket{le="+Inf"} 2`,
		"youzhi_ingest_flush_seconds_sum 5.05",
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("lacks %s", line)
		}
	}
	runs(1)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go_goroutines", "go_build_info"} {
		if families[name] == nil {
			t.Errorf("lacks %s", name)
		}
	}
}

// A mistake never stops the caller, and the reader of the telemetry sees it.
func TestTelemetryMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		mistake func(*Telemetry)
		want    string
	}{
		"twice": {func(t *Telemetry) {
			t.Gauge("youzhi_a", "A.")
			t.Gauge("youzhi_a", "A.")
		}, "telemetry youzhi_a: duplicate metrics collector registration attempted"},
		"labels":   {func(t *Telemetry) { t.Gauge("youzhi_a", "A.", "topic")(1) }, "telemetry youzhi_a: inconsistent label cardinality: expected 1 label values but got 0"},
		"shrinks":  {func(t *Telemetry) { t.Counter("youzhi_a_total", "A.")(-1) }, "telemetry youzhi_a_total: a counter can't grow by -1"},
		"prefix":   {func(t *Telemetry) { t.Gauge("rows", "A.") }, "telemetry rows: the name begins with youzhi_"},
		"no total": {func(t *Telemetry) { t.Counter("youzhi_a", "A.") }, "telemetry youzhi_a: a counter's name ends in _total"},
	} {
		t.Run(name, func(t *testing.T) {
			telemetry := NewTelemetry()
			test.mistake(telemetry)
			err := telemetry.WriteText(&strings.Builder{})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
