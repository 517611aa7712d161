package metrics

import (
	"context"
	"errors"
	"time"
)

// pinned is a state that all questions of one moment are answered from.
type pinned struct {
	edition string
	asOf    time.Time
	// run of the live edition that it is; 0 of another one.
	run uint64
}

// Moment gives an Evaluator whose answers for asOf, and for a zero AsOf, all come
// from one state: the events stored now, up to asOf. Events that arrive between
// two questions are in none of their answers, so that what is made of several
// answers, such as a report, does not contradict itself. It is good until release
// is called.
func (e *Evaluator) Moment(ctx context.Context, asOf time.Time) (at *Evaluator, release func(), err error) {
	if asOf.IsZero() {
		return nil, nil, errors.New("a moment needs its instant")
	}
	of, release, err := e.read(ctx, asOf, e.cat.All())
	if err != nil {
		return nil, nil, err
	}
	return e.at(of), release, nil
}

// Live gives an Evaluator whose answers for a zero AsOf all come from one run of
// the fold, so that the parts of a page wait for it at most once and are of one
// instant. The next run waits until release is called: soon. Whoever holds it asks
// nothing of e meanwhile: that would wait for the run, which waits for the holder.
func (e *Evaluator) Live(ctx context.Context) (at *Evaluator, release func(), err error) {
	of, release, err := e.read(ctx, time.Time{}, nil)
	if err != nil {
		return nil, nil, err
	}
	return e.at(of), release, nil
}

func (e *Evaluator) at(of pinned) *Evaluator {
	return &Evaluator{db: e.db, cat: e.cat, editions: e.editions, kept: e.kept, pinned: &of}
}

// holds says whether a moment answers for an instant; zero is its own. The live
// edition holds more than the events up to its as_of where one came late, so that
// it answers for no instant that is named.
func (p *pinned) holds(asOf time.Time) bool {
	return p != nil && (asOf.IsZero() || p.edition != liveEdition && asOf.UTC().Truncate(time.Microsecond).Equal(p.asOf))
}
