package web

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// together runs parts of a request side by side. A panic in one of them is an
// error of the request and not the end of the process, in which ingest and jobs
// may run too.
type together struct {
	group sync.WaitGroup
	lock  sync.Mutex
	errs  []error
}

// Go starts a part.
func (t *together) Go(part func()) {
	t.group.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				t.lock.Lock()
				defer t.lock.Unlock()
				t.errs = append(t.errs, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		part()
	})
}

// Wait returns when all parts have ended; the error tells of panics alone.
func (t *together) Wait() error {
	t.group.Wait()
	return errors.Join(t.errs...)
}
