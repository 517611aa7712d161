package embedded

import (
	"os"
	"testing"
)

// TestSignalsStay checks that the engine leaves every signal to the Go runtime,
// when it starts, when it works and when it stops.
func TestSignalsStay(t *testing.T) {
	if _, err := EnginePath(); err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	read := func() (all [signalCount + 1]action) {
		for signal := 1; signal <= signalCount; signal++ {
			if err := sigaction(signal, nil, &all[signal]); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	before := read()
	check := func(when string) {
		t.Helper()
		for signal, now := range read() {
			if now != before[signal] {
				t.Errorf("%s: the handler of signal %d is another one", when, signal)
			}
		}
	}
	e, err := openEngine(t.TempDir(), 4)
	if err != nil {
		t.Fatal(err)
	}
	check("started")
	for range 3 {
		c, err := e.acquire(t.Context(), session{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.run("SELECT sum(number) FROM numbers_mt(10000000)", "TSV", nil); err != nil {
			t.Error(err)
		}
		check("at work")
		defer c.release()
	}
	t.Cleanup(func() {
		e.release()
		check("stopped")
	})
}
