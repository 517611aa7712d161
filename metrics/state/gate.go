package state

import (
	"context"
	"fmt"
	"sync"
)

// readers is how many answers may read the live edition at once.
const readers = 64

// gate lets many read or one write. Unlike sync.RWMutex, waiting ends with its
// context: a page gives up in time while a large import is folded.
type gate struct {
	places chan struct{}
	writer chan struct{}
}

func newGate() gate {
	return gate{places: make(chan struct{}, readers), writer: make(chan struct{}, 1)}
}

func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the live figures: %w", context.Cause(ctx))
	}
}

func (g gate) read(ctx context.Context) (release func(), err error) {
	// A writer that waits goes first, else answers without a pause would hold it
	// up for ever.
	if err := take(ctx, g.writer); err != nil {
		return nil, err
	}
	err = take(ctx, g.places)
	<-g.writer
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { <-g.places }), nil
}

func (g gate) write(ctx context.Context) (done func(), err error) {
	if err := take(ctx, g.writer); err != nil {
		return nil, err
	}
	for taken := range readers {
		if err := take(ctx, g.places); err != nil {
			for range taken {
				<-g.places
			}
			<-g.writer
			return nil, err
		}
	}
	return sync.OnceFunc(func() {
		for range readers {
			<-g.places
		}
		<-g.writer
	}), nil
}
