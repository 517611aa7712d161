package consume

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"youzhi/ingest/topic"
)

// brokerBackoffMax is the longest pause between attempts to reach the brokers: they
// are not asked more often than topic allows, and found soon when they are back.
const brokerBackoffMax = 5 * time.Second

// dialBackoffMax is the longest pause while nobody is there to refuse anything: a
// connection that is not made costs nothing, and who is back is soon found.
const dialBackoffMax = 3 * time.Second

// unreached says whether a failure is that no connection could be made.
func unreached(err error) bool {
	var fault *net.OpError
	return errors.As(err, &fault) && fault.Op == "dial"
}

// ofBrokers are the operations that are the brokers' to carry out.
var ofBrokers = map[string]bool{"create_topics": true, "fetch": true, "commit": true, "identify": true}

// retry calls f until it succeeds, waiting ever longer, with jitter, between the
// attempts; meanwhile the service is not ready, and says why. It gives up when
// ctx ends or the partitions belong to someone else, and returns why.
func (s *Service) retry(ctx context.Context, operation, subject string, f func(context.Context) error) error {
	name := operation + " " + subject
	failed := false
	// Whoever gives up no longer waits for anything: the reason goes too.
	defer func() {
		if failed {
			s.health.set(name, nil)
		}
	}()
	limit := s.o.BackoffMax
	if ofBrokers[operation] {
		limit = min(limit, brokerBackoffMax)
	}
	for backoff := min(s.o.BackoffMin, limit); ; backoff = min(2*backoff, limit) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		attempt, cancel := context.WithTimeout(ctx, s.o.Attempt)
		err := f(attempt)
		cancel()
		switch {
		case err == nil:
			if failed {
				s.o.Logger.InfoContext(ctx, "works again", "operation", operation, "subject", subject)
			}
			return nil
		case errors.Is(err, topic.ErrGenerationEnded):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		add(s.o.Counters.Retries, 1, operation)
		pause := backoff
		if unreached(err) {
			pause = min(pause, dialBackoffMax)
		}
		wait := pause/2 + rand.N(pause/2+1)
		s.health.set(name, fmt.Errorf("%s: %w", name, err))
		s.o.Logger.WarnContext(ctx, "failed, will be tried again", "operation", operation, "subject", subject, "error", err, "wait", wait)
		failed = true
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
