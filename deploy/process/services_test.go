package process

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunServices(t *testing.T) {
	// untilTold ends as a service should, after it took some time to flush.
	untilTold := func(flush time.Duration, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(flush)
			return err
		}
	}
	after := func(d time.Duration, err error) func(context.Context) error {
		return func(context.Context) error {
			time.Sleep(d)
			return err
		}
	}
	for _, test := range []struct {
		name     string
		services []Service
		want     string        // the error; empty: none
		took     time.Duration // until RunServices returned; it is told to stop after 1 minute
	}{
		{
			name: "stopped from outside",
			services: []Service{
				{"ingest", untilTold(3*time.Second, nil)},
				{"jobs", untilTold(0, context.Canceled)},
			},
			took: time.Minute + 3*time.Second,
		}, {
			name: "first error stops the others",
			services: []Service{
				{"ingest", untilTold(2*time.Second, nil)},
				{"dashboard", after(time.Second, errors.New("port in use"))},
			},
			want: "dashboard: port in use",
			took: 3 * time.Second,
		}, {
			name: "all errors are kept",
			services: []Service{
				{"ingest", untilTold(2*time.Second, errors.New("flush failed"))},
				{"dashboard", after(time.Second, errors.New("port in use"))},
			},
			want: "dashboard: port in use\ningest: flush failed",
			took: 3 * time.Second,
		}, {
			name: "ended before it was told to",
			services: []Service{
				{"ingest", untilTold(0, nil)},
				{"jobs", after(time.Second, nil)},
			},
			want: "jobs: ended before it was told to",
			took: time.Second,
		}, {
			name: "cancelled by itself",
			services: []Service{
				{"jobs", after(time.Second, context.Canceled)},
			},
			want: "jobs: context canceled",
			took: time.Second,
		}, {
			name: "longer than the grace",
			services: []Service{
				{"ingest", untilTold(time.Hour, nil)},
				{"jobs", untilTold(time.Second, nil)},
			},
			want: "still running 10s after being told to stop: ingest",
			took: time.Minute + 10*time.Second,
		}, {
			name: "none",
			want: "run services: there are none",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("told to stop"))
				defer cancel()
				start := time.Now()
				err := RunServices(ctx, slog.New(slog.DiscardHandler), 10*time.Second, test.services...)
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				// A late service still ends, so that no goroutine is left.
				time.Sleep(2 * time.Hour)
			})
		})
	}
}
