package web

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
)

// recorder keeps the requests to the engine that a page makes, to make them
// again without the page.
type recorder struct {
	http.RoundTripper
	lock sync.Mutex
	on   bool
	kept []request
}

type request struct {
	*http.Request
	body []byte
}

func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	if err := r.keep(q); err != nil {
		return nil, err
	}
	return r.RoundTripper.RoundTrip(q)
}

// keep takes a copy of a request while the recorder is on.
func (r *recorder) keep(q *http.Request) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if !r.on {
		return nil
	}
	var body []byte
	if q.Body != nil {
		var err error
		if body, err = io.ReadAll(q.Body); err != nil {
			return err
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.kept = append(r.kept, request{q, body})
	return nil
}

// record gives the requests that something makes.
func (r *recorder) record(does func()) []request {
	r.lock.Lock()
	r.on, r.kept = true, nil
	r.lock.Unlock()
	does()
	r.lock.Lock()
	defer r.lock.Unlock()
	r.on = false
	return r.kept
}

// BenchmarkPages measures each page, and its queries alone, one after the other.
func BenchmarkPages(b *testing.B) {
	asked := &recorder{}
	s := serve(b, seed, func(t http.RoundTripper) http.RoundTripper {
		asked.RoundTripper = t
		return asked
	})
	for _, c := range []struct{ name, path string }{
		{"overview", "/?period=2026-10"},
		{"indicator", "/indicators/on_time_delivery_rate?period=2026-10"},
		{"rows", "/indicators/on_time_delivery_rate/rows?period=2026-10&part=missed"},
		{"cases", "/cases?period=2026-10"},
		{"case", "/cases/C-odd"},
		{"data", "/data"},
		{"definitions", "/definitions"},
	} {
		visit := func() {
			if a := s.get(b, c.path); a.status != http.StatusOK {
				b.Fatalf("%s: status %d", c.path, a.status)
			}
		}
		b.Run(c.name+"/page", func(b *testing.B) {
			for b.Loop() {
				visit()
			}
		})
		requests := asked.record(visit)
		b.Run(c.name+"/queries", func(b *testing.B) {
			for b.Loop() {
				for _, q := range requests {
					again := q.Clone(b.Context())
					again.Body = io.NopCloser(bytes.NewReader(q.body))
					answer, err := asked.RoundTripper.RoundTrip(again)
					must(b, err)
					_, err = io.Copy(io.Discard, answer.Body)
					must(b, err)
					must(b, answer.Body.Close())
				}
			}
			b.ReportMetric(float64(len(requests)), "queries")
		})
	}
}
