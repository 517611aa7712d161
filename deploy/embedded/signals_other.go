//go:build !linux

package embedded

import (
	"errors"
	"runtime"
)

// keepSignals refuses: how to keep the Go runtime's signal handlers beside the
// engine was tried on Linux only.
func keepSignals(func()) error {
	return errors.New("the embedded engine runs on Linux only, this is " + runtime.GOOS + ": name a ClickHouse server by YOUZHI_CLICKHOUSE_DSN")
}
