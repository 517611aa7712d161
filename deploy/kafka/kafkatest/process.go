package kafkatest

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a command that runs in a process group of its own. It ends with the
// test, and on Linux also when the test's process ends without having said so.
type Process struct {
	t       testing.TB
	command *exec.Cmd
	ended   chan struct{}
}

// Run starts a command.
func Run(t testing.TB, command *exec.Cmd) *Process {
	t.Helper()
	command.SysProcAttr = attributes()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, command: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // State tells how it ended
		close(p.ended)
	}()
	t.Cleanup(p.Kill)
	return p
}

// ID is the id of the process and of its group.
func (p *Process) ID() int { return p.command.Process.Pid }

// Wait answers whether the process ended within d.
func (p *Process) Wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// State tells how an ended process ended.
func (p *Process) State() *os.ProcessState {
	<-p.ended
	return p.command.ProcessState
}

// Killed says whether an ended process was killed, by itself or by others.
func (p *Process) Killed() bool {
	status, ok := p.State().Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Signal sends a signal to the process group.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	// Once it has ended and was waited for, its number may be another's.
	if p.Ended() {
		return
	}
	if err := syscall.Kill(-p.ID(), s); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Errorf("send %v to process %d: %v", s, p.ID(), err)
	}
}

// Kill ends the process group at once and waits for its end.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Terminate asks the process to end and waits for it; after d it fails the test
// and kills it.
func (p *Process) Terminate(d time.Duration) {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	if !p.Wait(d) {
		p.t.Errorf("process %d (%s) still runs %v after it was told to end", p.ID(), p.command.Path, d)
		p.Kill()
	}
}
