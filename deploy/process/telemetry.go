package process

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// Telemetry holds the process's own counters, gauges and histograms, beside
// those of the Go runtime. It is safe for many goroutines.
//
// A wrong name, a name given twice or a wrong number of labels is a mistake of
// the program: it never stops the work that is counted, but WriteText fails
// with it from then on.
type Telemetry struct {
	registry *prometheus.Registry

	mu     sync.Mutex
	faults map[string]error // by name
}

// Record adds to a counter, sets a gauge or observes into a histogram. labels
// are the values of the label names it was made with, in their order. It is an
// alias, so that a room can name the type without this package.
type Record = func(value float64, labels ...string)

// NewTelemetry begins with what the Go runtime and the system tell.
func NewTelemetry() *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry(), faults: make(map[string]error)}
	t.register("go", collectors.NewGoCollector())
	t.register("process", collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.register("build", collectors.NewBuildInfoCollector())
	return t
}

// Counter makes a value that only grows. Its name begins with youzhi_ and ends
// in _total.
func (t *Telemetry) Counter(name, help string, labels ...string) Record {
	if !strings.HasSuffix(name, "_total") {
		t.fault(name, errors.New("a counter's name ends in _total"))
	}
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	t.own(name, vec)
	record := func(value float64, labels ...string) {
		counter, err := vec.GetMetricWithLabelValues(labels...)
		if err == nil && (value < 0 || math.IsNaN(value)) {
			err = fmt.Errorf("a counter can't grow by %g", value)
		}
		if err != nil {
			t.fault(name, err)
			return
		}
		counter.Add(value)
	}
	if len(labels) == 0 {
		record(0) // Shown from the start, so that its first growth is one.
	}
	return record
}

// Gauge makes a value that is set. Its name begins with youzhi_ and ends in its
// unit, such as _seconds or _bytes.
func (t *Telemetry) Gauge(name, help string, labels ...string) Record {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	t.own(name, vec)
	return func(value float64, labels ...string) {
		gauge, err := vec.GetMetricWithLabelValues(labels...)
		if err != nil {
			t.fault(name, err)
			return
		}
		gauge.Set(value)
	}
}

// Histogram makes a distribution. Its name begins with youzhi_ and ends in its
// unit; buckets are upper limits in that unit, ascending.
func (t *Telemetry) Histogram(name, help string, buckets []float64, labels ...string) Record {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	t.own(name, vec)
	return func(value float64, labels ...string) {
		histogram, err := vec.GetMetricWithLabelValues(labels...)
		if err != nil {
			t.fault(name, err)
			return
		}
		histogram.Observe(value)
	}
}

func (t *Telemetry) own(name string, c prometheus.Collector) {
	if !strings.HasPrefix(name, "youzhi_") {
		t.fault(name, errors.New("the name begins with youzhi_"))
	}
	t.register(name, c)
}

func (t *Telemetry) register(name string, c prometheus.Collector) {
	if err := t.registry.Register(c); err != nil {
		t.fault(name, err)
	}
}

// fault keeps the first mistake of each name.
func (t *Telemetry) fault(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.faults[name]; !known {
		t.faults[name] = fmt.Errorf("telemetry %s: %w", name, err)
	}
}

// TextType is the Content-Type of what WriteText writes.
const TextType = string(expfmt.FmtText)

// WriteText writes all values in Prometheus's text format.
func (t *Telemetry) WriteText(w io.Writer) error {
	families, err := t.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather telemetry: %w", err)
	}
	if err := t.mistakes(); err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return fmt.Errorf("write telemetry: %w", err)
		}
	}
	return nil
}

func (t *Telemetry) mistakes() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []error
	for _, name := range slices.Sorted(maps.Keys(t.faults)) {
		all = append(all, t.faults[name])
	}
	return errors.Join(all...)
}
