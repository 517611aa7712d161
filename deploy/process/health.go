package process

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// errStarting is the state of a component that has not reported yet.
var errStarting = errors.New("starting")

// Health knows which components of the process are ready and why others are
// not. It is safe for many goroutines.
type Health struct {
	log   *slog.Logger
	now   func() time.Time
	ready Record

	mu     sync.Mutex
	states map[string]State
}

// State is the readiness of one component.
type State struct {
	Component string
	Ready     bool
	Reason    string    // why it is not ready; empty when it is
	Since     time.Time // of Ready, not of the reason
}

// NewHealth logs each change of readiness to log and records it as 1 or 0 by
// ready, whose one label is the component.
func NewHealth(log *slog.Logger, now func() time.Time, ready Record) *Health {
	return &Health{log: log, now: now, ready: ready, states: make(map[string]State)}
}

// Component adds a component, not ready while it is starting, and returns the
// func it reports by: nil when it is ready, else the reason why it is not. It may
// be called as often as its caller likes; only changes are logged.
func (h *Health) Component(name string) func(reason error) {
	h.report(name, errStarting)
	return func(reason error) { h.report(name, reason) }
}

func (h *Health) report(name string, reason error) {
	state := State{Component: name, Ready: reason == nil}
	if reason != nil {
		state.Reason = reason.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.states[name]
	changed := !known || before.Ready != state.Ready
	state.Since = before.Since
	if changed {
		state.Since = h.now().UTC()
	}
	h.states[name] = state

	value := 0.0
	if state.Ready {
		value = 1
	}
	h.ready(value, name)
	switch {
	case state.Ready && changed:
		h.log.Info("component is ready", "component", name)
	case !state.Ready && before.Reason != state.Reason && !errors.Is(reason, errStarting):
		h.log.Warn("component is not ready", "component", name, "reason", state.Reason)
	}
}

// States lists all components by name.
func (h *Health) States() []State {
	h.mu.Lock()
	defer h.mu.Unlock()
	states := make([]State, 0, len(h.states))
	for _, s := range h.states {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Component, b.Component) })
	return states
}

// Ready tells whether every component is.
func (h *Health) Ready() bool {
	return !slices.ContainsFunc(h.States(), func(s State) bool { return !s.Ready })
}
