package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Below those that systems hand out by themselves, so that no connection takes the
// port of a process that is down for a moment.
const firstPort, lastPort = 21000, 29999

// Port gives a port of the loopback interface that no other test is given until
// this one ends. It is free now, and still free when a process that had it has
// ended.
func Port(t testing.TB) int {
	t.Helper()
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		lock, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("youzhi-port-%d.lock", port)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && free(port) {
			t.Cleanup(func() {
				if err := lock.Close(); err != nil {
					t.Error(err)
				}
			})
			return port
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no port of the loopback interface is free")
	return 0
}

func free(port int) bool {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	return err == nil && listener.Close() == nil
}
