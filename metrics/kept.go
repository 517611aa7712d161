package metrics

import (
	"encoding/json"
	"fmt"
	"sync"
)

// mostKept bounds what is kept, in figures of about half a kilobyte: some 40 MiB.
const mostKept = 80_000

// kept are answers from the live state. They are those of one run of the fold: state
// and facts change with a run alone, and with the next one all are dropped. What is
// kept is shared and never changed.
type kept struct {
	lock    sync.Mutex
	of      pinned
	size    int
	answers map[string]any
}

// keep gives the answer to a question from a state, which ask finds if it is not
// kept. kind tells what is asked of the question, size is that of an answer in
// figures.
func keep[A any](k *kept, of pinned, kind string, q Question, size func(A) int, ask func() (A, error)) (A, error) {
	if of.run == 0 {
		return ask()
	}
	var none A
	text, err := json.Marshal(q)
	if err != nil {
		return none, fmt.Errorf("name a question: %w", err)
	}
	name := kind + string(text)
	if have, ok := k.get(of, name); ok {
		return have.(A), nil
	}
	a, err := ask()
	if err != nil {
		return none, err
	}
	k.put(of, name, a, 1+size(a))
	return a, nil
}

func (k *kept) get(of pinned, name string) (any, bool) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if of != k.of {
		return nil, false
	}
	a, ok := k.answers[name]
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
