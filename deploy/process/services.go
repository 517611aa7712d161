package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Service is work that blocks until its context ends.
type Service struct {
	Name string
	Run  func(ctx context.Context) error
}

// RunServices runs all services until ctx ends or one of them returns, which
// cancels the others. They then have grace to finish what they hold.
//
// The error joins what the services returned, each with its name. A service that
// returns before it is told to is an error even when it returns nil, since the
// process would go on without it; a service that is still running after grace is
// one too. The context's own end is none.
func RunServices(ctx context.Context, log *slog.Logger, grace time.Duration, services ...Service) error {
	if len(services) == 0 {
		return errors.New("run services: there are none")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	type end struct {
		service int
		err     error
	}
	ends := make(chan end, len(services))
	for i, s := range services {
		go func() { ends <- end{i, s.Run(ctx)} }()
		log.InfoContext(ctx, "service started", "service", s.Name)
	}

	var faults []error
	running := make(map[int]bool)
	for i := range services {
		running[i] = true
	}
	ended := func(e end) {
		delete(running, e.service)
		name := services[e.service].Name
		log.InfoContext(ctx, "service ended", "service", name)
		switch told := ctx.Err() != nil; {
		case e.err == nil && !told:
			faults = append(faults, fmt.Errorf("%s: ended before it was told to", name))
		case e.err != nil && !(told && errors.Is(e.err, context.Canceled)):
			faults = append(faults, fmt.Errorf("%s: %w", name, e.err))
		}
	}

	select {
	case <-ctx.Done():
	case e := <-ends:
		ended(e)
		cancel(fmt.Errorf("%s ended", services[e.service].Name))
	}
	log.InfoContext(ctx, "stopping", "cause", context.Cause(ctx), "grace", grace)

	late := time.NewTimer(grace)
	defer late.Stop()
	for len(running) > 0 {
		select {
		case e := <-ends:
			ended(e)
		case <-late.C:
			var names []string
			for i, s := range services {
				if running[i] {
					names = append(names, s.Name)
				}
			}
			faults = append(faults, fmt.Errorf("still running %s after being told to stop: %s", grace, strings.Join(names, ", ")))
			return errors.Join(faults...)
		}
	}
	return errors.Join(faults...)
}
