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
	edition, asOf, release, err := e.edition(ctx, asOf, e.cat.All())
	if err != nil {
		return nil, nil, err
	}
	return &Evaluator{db: e.db, cat: e.cat, editions: e.editions, pinned: &pinned{edition, asOf}}, release, nil
}

// holds says whether a moment answers for an instant; zero is its own.
func (p *pinned) holds(asOf time.Time) bool {
	return p != nil && (asOf.IsZero() || asOf.UTC().Truncate(time.Microsecond).Equal(p.asOf))
}
