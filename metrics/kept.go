package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// mostKept bounds what is kept, in figures of about half a kilobyte: some 40 MiB.
const (
	mostKept    = 80_000
	figureBytes = 512
)

// kept are answers from the live state. They are those of one run of the fold: state
// and facts change with a run alone, and with the next one all are dropped. What is
// kept is shared and never changed.
type kept struct {
	lock    sync.Mutex
	of      pinned
	size    int
	answers map[string]any
	// asking are closed when what is being asked has its answer, or none.
	asking map[asked]chan struct{}
}

// asked is what is asked of a state.
type asked struct {
	of   pinned
	name string
}

// keep gives the answer to a question from a state, which ask finds if it is not
// kept; who asks the same meanwhile waits for it. kind tells what is asked of the
// question, size is that of an answer in figures.
func keep[A any](ctx context.Context, k *kept, of pinned, kind string, q Question, size func(A) int, ask func() (A, error)) (A, error) {
	if of.run == 0 {
		return ask()
	}
	var none A
	text, err := json.Marshal(q)
	if err != nil {
		return none, fmt.Errorf("name a question: %w", err)
	}
	what := asked{of, kind + string(text)}
	have, ok, other, done := k.begin(what)
	if other != nil {
		select {
		case <-other:
		case <-ctx.Done():
			return none, fmt.Errorf("wait for the same figures: %w", context.Cause(ctx))
		}
		// There is none if the other one failed, or gave up.
		have, ok = k.get(what)
	}
	if ok {
		return have.(A), nil
	}
	defer done()
	a, err := ask()
	if err != nil {
		return none, err
	}
	k.put(of, what.name, a, 1+len(what.name)/figureBytes+size(a))
	return a, nil
}

// begin gives the answer that is kept, or what ends when another one has asked, or
// notes that it is asked now, until done.
func (k *kept) begin(what asked) (answer any, ok bool, other <-chan struct{}, done func()) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if what.of == k.of {
		if answer, ok = k.answers[what.name]; ok {
			return answer, true, nil, nil
		}
	}
	if under, ok := k.asking[what]; ok {
		return nil, false, under, func() {}
	}
	if k.asking == nil {
		k.asking = map[asked]chan struct{}{}
	}
	mine := make(chan struct{})
	k.asking[what] = mine
	return nil, false, nil, func() {
		k.lock.Lock()
		defer k.lock.Unlock()
		delete(k.asking, what)
		close(mine)
	}
}

func (k *kept) get(what asked) (any, bool) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if what.of != k.of {
		return nil, false
	}
	a, ok := k.answers[what.name]
	return a, ok
}

func (k *kept) put(of pinned, name string, answer any, size int) {
	k.lock.Lock()
	defer k.lock.Unlock()
	// A large answer would push out all others.
	if of.run < k.of.run || size > mostKept/2 {
		return
	}
	if _, have := k.answers[name]; of == k.of && have {
		return
	}
	if of != k.of || k.size+size > mostKept {
		k.of, k.size, k.answers = of, 0, map[string]any{}
	}
	k.size += size
	k.answers[name] = answer
}
