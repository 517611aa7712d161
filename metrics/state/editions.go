package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"youzhi/queries"
)

// kept is how many editions of a past as_of one process keeps for the next
// question.
const kept = 4

// Editions makes the state as of past instants, by folding the events again, and
// keeps the latest few as long as no event arrives.
type Editions struct {
	builder *Builder
	mu      sync.Mutex
	made    []*edition
	names   int
	prefix  string
}

type edition struct {
	name  string
	asOf  time.Time
	upto  int
	state string // of the log when it was made
	users atomic.Int32
}

// NewEditions is inert; Close drops what was made.
func NewEditions(b *Builder) *Editions {
	var id [8]byte
	_, _ = rand.Read(id[:])
	return &Editions{builder: b, prefix: "as_of:" + hex.EncodeToString(id[:]) + ":"}
}

// ReadLive waits until no run of this process writes the live edition, and keeps
// the next one waiting until release is called, so that all of an answer is of
// one run.
func (e *Editions) ReadLive(ctx context.Context) (release func(), err error) {
	return e.builder.gate.read(ctx)
}

// At gives the name of an edition for an as_of that holds the bases up to upto.
// It stays until release is called.
func (e *Editions) At(ctx context.Context, asOf time.Time, upto int) (name string, release func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, err := e.builder.LastRun(ctx)
	if err != nil {
		return "", nil, err
	}
	ranges, err := e.builder.Arrived(ctx, last)
	if err != nil {
		return "", nil, err
	}
	log := logEnd(last, ranges)
	for _, m := range e.made {
		if m.state == log && m.asOf.Equal(asOf) && m.upto >= upto {
			return m.name, m.use(), nil
		}
	}
	if err := e.makeRoom(ctx, log); err != nil {
		return "", nil, err
	}
	// The live fold may not have looked at the newest events yet.
	if len(last.Next) == 0 {
		err = e.builder.FindAllConflicts(ctx, 0)
	} else {
		err = e.builder.FindConflicts(ctx, ranges, 0)
	}
	if err != nil {
		return "", nil, err
	}
	e.names++
	m := &edition{name: fmt.Sprintf("%s%d:%s", e.prefix, e.names, asOf.Format(time.RFC3339Nano)), asOf: asOf, upto: upto, state: log}
	e.made = append(e.made, m)
	_, err = e.builder.Fold(ctx, Scope{Edition: m.name, Run: 1, AsOf: asOf, All: true}, upto)
	if err != nil {
		return "", nil, errors.Join(err, e.drop(context.WithoutCancel(ctx), m))
	}
	return m.name, m.use(), nil
}

func (m *edition) use() (release func()) {
	m.users.Add(1)
	return sync.OnceFunc(func() { m.users.Add(-1) })
}

// makeRoom drops the editions of another state of the log and the oldest of more
// than are kept, but none that a question still reads.
func (e *Editions) makeRoom(ctx context.Context, log string) error {
	left := len(e.made)
	for _, m := range slices.Clone(e.made) {
		if m.users.Load() > 0 || m.state == log && left < kept {
			continue
		}
		if err := e.drop(ctx, m); err != nil {
			return err
		}
		left--
	}
	return nil
}

func (e *Editions) drop(ctx context.Context, m *edition) error {
	e.made = slices.DeleteFunc(e.made, func(o *edition) bool { return o == m })
	return e.builder.Drop(ctx, m.name)
}

// Close drops the editions made.
func (e *Editions) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for len(e.made) > 0 {
		faults = append(faults, e.drop(ctx, e.made[0]))
	}
	return errors.Join(faults...)
}

// stateTables hold the rows of editions; the first element of each partition is
// the edition. The subjects, by which it is known what the others hold, go last.
var stateTables = []string{"cases", "tickets", "surveys", "links", "wakeups", "subjects"}

// Drop takes an edition away.
func (b *Builder) Drop(ctx context.Context, name string) error {
	return b.drop(ctx, name, append([]string{"touched"}, stateTables...))
}

func (b *Builder) drop(ctx context.Context, name string, tables []string) error {
	for _, table := range tables {
		var parts []struct {
			ID string `ch:"partition_id"`
		}
		err := b.db.Select(ctx, &parts, `SELECT DISTINCT _partition_id AS partition_id FROM {table:Identifier} WHERE edition = {edition:String}`,
			queries.Params{"table": table, "edition": name})
		if err != nil {
			return fmt.Errorf("drop edition: %w", err)
		}
		for _, p := range parts {
			err := b.db.Exec(ctx, "ALTER TABLE "+table+" DROP PARTITION ID "+quote(p.ID), nil)
			if err != nil {
				return fmt.Errorf("drop edition: %w", err)
			}
		}
	}
	return nil
}

// quote writes a partition id, which is made of hexadecimal digits and dashes.
func quote(s string) string { return "'" + s + "'" }

// Forget drops the live edition and the facts. The next run of the fold makes
// them again from the events.
func (b *Builder) Forget(ctx context.Context) error {
	last, err := b.LastRun(ctx)
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	// A run that folded nothing, by no versions, goes first: with it everything is
	// folded again, wherever this ends, and for any instant. The record of the
	// runs before stays, for the numbers of runs must not go back.
	if err := b.record(ctx, Run{Number: last.Number + 1, AsOf: time.Unix(0, 0)}, 0); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	for _, table := range []string{"facts", "totals", "reported_steps", "reporters"} {
		if err := b.db.Exec(ctx, "TRUNCATE TABLE "+table, nil); err != nil {
			return fmt.Errorf("forget %s: %w", table, err)
		}
	}
	return b.drop(ctx, Live, stateTables)
}
