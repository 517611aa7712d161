package embedded

import (
	"fmt"
	"syscall"
	"unsafe"
)

// signalCount is how many signals Linux has on the platforms the engine is
// built for.
const signalCount = 64

// maskBytes is the size of the kernel's signal set, which rt_sigaction asks
// for: 64 bits.
const maskBytes = 8

// action holds one kernel sigaction structure as it came. It is only ever put
// back as it was, so its inner layout, which differs by platform, is of no
// interest; the largest one takes 32 bytes.
type action [64]byte

// keepSignals runs f and puts every signal handler of the process back as it
// was before. The engine installs handlers of its own for SIGSEGV, SIGBUS,
// SIGABRT and others when it starts; left so, the Go runtime loses the signals
// by which it preempts goroutines and turns a nil dereference into a panic, and
// queries on several threads hang or crash.
func keepSignals(f func()) error {
	var saved [signalCount + 1]action
	for signal := 1; signal <= signalCount; signal++ {
		if err := sigaction(signal, nil, &saved[signal]); err != nil {
			return fmt.Errorf("read the handler of signal %d: %w", signal, err)
		}
	}
	f()
	for signal := 1; signal <= signalCount; signal++ {
		// Nobody may set a handler for these two, and nobody can have.
		if syscall.Signal(signal) == syscall.SIGKILL || syscall.Signal(signal) == syscall.SIGSTOP {
			continue
		}
		if err := sigaction(signal, &saved[signal], nil); err != nil {
			return fmt.Errorf("put back the handler of signal %d: %w", signal, err)
		}
	}
	return nil
}

// sigaction is the system call itself: the C library's function of that name
// hides the two real-time signals that it keeps for its own threads.
func sigaction(signal int, next, previous *action) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal),
		uintptr(unsafe.Pointer(next)), uintptr(unsafe.Pointer(previous)), maskBytes, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
