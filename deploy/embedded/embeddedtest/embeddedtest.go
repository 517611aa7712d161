// Package embeddedtest gives tests the real ClickHouse engine and a Kafka broker,
// both in the test's own process.
//
// The engine allows one data folder in a process, so all tests of a package share
// one instance: make a new database for each test.
package embeddedtest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"youzhi/deploy/embedded"
)

// shared is the instance of this test process. It lives while a test uses it: the
// last one closes it and removes its folder, for a package has no end of its own
// to hook into without a TestMain in each.
var shared struct {
	sync.Mutex
	instance *embedded.Instance
	dir      string
	users    int
	keep     bool
}

// openTimeout bounds the start of the engine and the broker.
const openTimeout = time.Minute

// Engine gives the test process's instance, with no topics, until the test ends.
// Without the engine's file the test is skipped, or fails where the variable CI is
// set. After a failed test the folder is kept, and named in the test's log.
func Engine(t testing.TB) *embedded.Instance {
	t.Helper()
	if _, err := embedded.EnginePath(); err != nil {
		if errors.Is(err, embedded.ErrNoEngine) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.instance == nil {
		dir, err := os.MkdirTemp("", "youzhi-test-")
		if err != nil {
			t.Fatalf("make the engine's folder: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		defer cancel()
		instance, err := embedded.Open(ctx, embedded.Options{Dir: dir, Logger: logger()})
		if err != nil {
			t.Fatal(errors.Join(err, os.RemoveAll(dir)))
		}
		shared.instance, shared.dir, shared.keep = instance, dir, false
	}
	shared.users++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if t.Failed() {
			shared.keep = true
			t.Logf("the engine's data are kept in %s", shared.dir)
		}
		shared.users--
		if shared.users > 0 {
			return
		}
		if err := shared.instance.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
		shared.instance = nil
		if shared.keep {
			return
		}
		if err := os.RemoveAll(shared.dir); err != nil {
			t.Errorf("remove the engine's folder: %v", err)
		}
	})
	return shared.instance
}

// Broker starts a Kafka broker of the test's own, with the topics and their
// numbers of partitions, and gives its addresses. It stops when the test ends.
func Broker(t testing.TB, topics map[string]int32) (addrs []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	broker, err := embedded.OpenBroker(ctx, t.TempDir(), topics, logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker.Addrs()
}

// logger shows what goes wrong inside: warnings and errors.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
