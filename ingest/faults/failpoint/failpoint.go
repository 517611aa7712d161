// Package failpoint ends a process at a place of its program. No program has it
// in its source: the tests of package faults build one in which calls of Reach
// stand at the places where a crash would hurt most.
package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// File is the variable of the environment that names the file which says where to
// end: a place, at which pass of it from 1 on, and "kill", or "stop" to halt until
// told to go on. The file may be made or replaced while the process runs, which
// begins to count anew. When it is reached, the place is appended to a file
// beside it, named so with Reached behind.
const (
	File    = "FAULT_FILE"
	Reached = ".reached"
)

var counted struct {
	sync.Mutex
	armed  string
	passes int
}

// Reach is a pass of a place. At the one that the file names, the process says so
// and is no more.
func Reach(place string) {
	file := os.Getenv(File)
	text, err := os.ReadFile(file)
	if err != nil {
		return // nothing is wanted of this process
	}
	words := strings.Fields(string(text))
	if len(words) != 3 || words[0] != place || !due(string(text), words[1]) {
		return
	}
	f, err := os.OpenFile(file+Reached, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, place)
	}
	if err != nil {
		return // a test that finds nothing in the file fails
	}
	// Another thread may be the one that takes the signal, so this one does not go
	// on by itself.
	if words[2] == "stop" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond)
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// due counts a pass and says whether it is the one.
func due(armed, pass string) bool {
	counted.Lock()
	defer counted.Unlock()
	if counted.armed != armed {
		counted.armed, counted.passes = armed, 0
	}
	counted.passes++
	return strconv.Itoa(counted.passes) == pass
}
