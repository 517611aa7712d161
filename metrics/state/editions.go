package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
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
	made    []edition
	prefix  string
}

type edition struct {
	name  string
	asOf  time.Time
	upto  int
	state string // of the log when it was made
}

// NewEditions is inert; Close drops what was made.
func NewEditions(b *Builder) *Editions {
	var id [8]byte
	_, _ = rand.Read(id[:])
	return &Editions{builder: b, prefix: "as_of:" + hex.EncodeToString(id[:]) + ":"}
}

// At gives the name of an edition for an as_of that holds the bases up to upto.
func (e *Editions) At(ctx context.Context, asOf time.Time, upto int) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	log, err := e.builder.logState(ctx)
	if err != nil {
		return "", err
	}
	for i := 0; i < len(e.made); {
		m := e.made[i]
		switch {
		case m.state != log || (m.asOf.Equal(asOf) && m.upto < upto):
			if err := e.drop(ctx, i); err != nil {
				return "", err
			}
		case m.asOf.Equal(asOf):
			return m.name, nil
		default:
			i++
		}
	}
	for len(e.made) >= kept {
		if err := e.drop(ctx, 0); err != nil {
			return "", err
		}
	}
	m := edition{name: e.prefix + asOf.Format(time.RFC3339Nano), asOf: asOf, upto: upto, state: log}
	e.made = append(e.made, m)
	// The live fold may not have looked at the newest events yet.
	last, err := e.builder.LastRun(ctx)
	if err == nil {
		var ranges []Range
		if ranges, err = e.builder.Arrived(ctx, last); err == nil {
			err = e.builder.FindConflicts(ctx, ranges, 0)
		}
	}
	if err != nil {
		e.made = e.made[:len(e.made)-1]
		return "", err
	}
	_, _, err = e.builder.Fold(ctx, Scope{Edition: m.name, Run: 1, AsOf: asOf, All: true, Fresh: true}, upto)
	if err != nil {
		return "", errors.Join(err, e.drop(context.WithoutCancel(ctx), len(e.made)-1))
	}
	return m.name, nil
}

func (e *Editions) drop(ctx context.Context, i int) error {
	name := e.made[i].name
	e.made = append(e.made[:i], e.made[i+1:]...)
	return e.builder.Drop(ctx, name)
}

// Close drops the editions made.
func (e *Editions) Close(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for len(e.made) > 0 {
		faults = append(faults, e.drop(ctx, 0))
	}
	return errors.Join(faults...)
}

// editionTables hold rows by edition; the first element of each partition is it.
var editionTables = []string{"cases", "tickets", "surveys", "subjects", "links", "wakeups", "touched"}

// Drop takes an edition away.
func (b *Builder) Drop(ctx context.Context, name string) error {
	for _, table := range editionTables {
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

// logState changes with every stored event.
func (b *Builder) logState(ctx context.Context) (string, error) {
	var rows []struct {
		State string `ch:"state"`
	}
	err := b.db.Select(ctx, &rows, `SELECT toString(groupArray((topic, partition, next))) AS state
FROM (SELECT topic, partition, max(offset) AS next FROM arrivals GROUP BY topic, partition ORDER BY topic, partition)`, nil)
	if err != nil {
		return "", fmt.Errorf("read the end of the log: %w", err)
	}
	if len(rows) == 0 {
		return "", nil
	}
	return rows[0].State, nil
}

// Forget drops the live edition, the facts and the record of what was folded: all
// that is derived from the events.
func (b *Builder) Forget(ctx context.Context) error {
	// The record goes first: without it everything is folded again.
	for _, table := range []string{"fold_runs", "facts", "reported_steps", "conflicts"} {
		if err := b.db.Exec(ctx, "TRUNCATE TABLE "+table, nil); err != nil {
			return fmt.Errorf("forget %s: %w", table, err)
		}
	}
	return b.Drop(ctx, Live)
}
