package kafkatest

import "syscall"

// attributes make a group of its own, and let the kernel end the process with
// this one: a test that runs out of time cleans nothing up.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
