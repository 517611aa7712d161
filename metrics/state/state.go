// Package state keeps what the fold makes of the events in ClickHouse: the rows
// of cases, tickets and surveys by window and day, and what subjects take from
// each other. It writes editions: the live one, which follows the log, and those
// for a past as_of, which are folded from the events and dropped after use.
//
// State is derived: an edition written again from the same events and the same
// as_of holds the same rows.
package state

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/metrics/policy"
	"youzhi/queries"
)

// Live is the edition that follows the log.
const Live = "live"

// Bases are the state tables in the order that they are folded in: a ticket
// takes dimensions from its case, a survey from both.
var Bases = []string{"cases", "tickets", "surveys"}

var topics = map[string]string{"cases": "youzhi.cases.v1", "tickets": "youzhi.complaints.v1", "surveys": "youzhi.surveys.v1"}

// chunk is how many subjects are folded and written at once.
const chunk = 2000

// chunkBytes bounds the names of the subjects that one statement has as a
// parameter: a server takes 128 KiB of one, quotes and commas included.
const chunkBytes = 100 << 10

// nameBytes is what a name takes in a parameter, where an escaped character is
// escaped again.
func nameBytes(name string) int {
	return len("'',") + len(name) + 3*(strings.Count(name, "'")+strings.Count(name, `\`))
}

// chunks cuts names into as many as one statement takes.
func chunks(names []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for len(names) > 0 {
			n, bytes := 1, nameBytes(names[0])
			for n < min(len(names), chunk) && bytes+nameBytes(names[n]) <= chunkBytes {
				bytes += nameBytes(names[n])
				n++
			}
			if !yield(names[:n]) {
				return
			}
			names = names[n:]
		}
	}
}

// Builder folds events into editions.
type Builder struct {
	db  *queries.DB
	pol *policy.Policy
	cal *calendar.Calendar
	// gate keeps answers of the live edition and its runs apart.
	gate gate

	chunk, blockRows int
}

// NewBuilder is inert.
func NewBuilder(db *queries.DB, pol *policy.Policy, cal *calendar.Calendar) *Builder {
	return &Builder{db: db, pol: pol, cal: cal, gate: newGate(), chunk: chunk, blockRows: blockRows}
}

// InSteps makes a fold take so many subjects at once instead of 2,000, and write so
// many rows instead of 100,000: few enough and a test of few subjects has many steps.
// It comes before the first fold.
func (b *Builder) InSteps(subjects, rows int) { b.chunk, b.blockRows = subjects, rows }

// WriteLive waits until no answer of this process reads the live edition, and
// keeps those to come waiting until done is called: state and facts of a run are
// seen whole or not at all. With [Scope.Hold] a fold can go before it.
func (b *Builder) WriteLive(ctx context.Context) (done func(), err error) { return b.gate.write(ctx) }

// Key is a place in the state: the rows of one window and day.
type Key struct {
	Base, Anchor string
	Day          calendar.Day
}

// Scope is what one fold writes.
type Scope struct {
	Edition string
	// Run is the version of the rows written.
	Run uint64
	// AsOf leaves out events of a later time.
	AsOf time.Time
	// All folds every subject; else those that the table touched names for Run.
	All bool
	// Hold keeps the rows that answers read in memory, for [Folded.Write]: some
	// 300 bytes for each window of a subject.
	Hold bool
}

// Folded is what a fold has made.
type Folded struct {
	// Changed are the places whose rows changed.
	Changed map[Key]struct{}
	// Subjects is how many were folded.
	Subjects uint64
	held     []*outgoing
}

// Write writes the rows that the fold held.
func (f *Folded) Write(ctx context.Context) error {
	for len(f.held) > 0 {
		if err := f.held[0].writeRows(ctx); err != nil {
			return fmt.Errorf("write %s: %w", f.held[0].of.base, err)
		}
		f.held = f.held[1:]
	}
	return nil
}

// Fold writes the state of a scope's subjects for the bases up to and including
// upto (an index of Bases). A fold cut off anywhere and done again ends in the
// same rows, which it has to be if rows are held and not written.
func (b *Builder) Fold(ctx context.Context, s Scope, upto int) (*Folded, error) {
	out := &Folded{Changed: map[Key]struct{}{}}
	fresh, err := b.fresh(ctx, s.Edition)
	if err != nil {
		return nil, err
	}
	for _, base := range Bases[:upto+1] {
		if !s.All && base != "cases" {
			if err := b.touchLinked(ctx, s, base); err != nil {
				return nil, err
			}
		}
		run := &baseFold{Builder: b, Scope: s, base: base, out: out, merged: map[string]struct{}{}, fresh: fresh}
		touched := base
		if s.All {
			touched = ""
		}
		if err := run.stream(ctx, touched); err != nil {
			return nil, fmt.Errorf("fold %s: %w", base, err)
		}
		out.Subjects += run.subjects
		if base == "tickets" && len(run.merged) > 0 {
			if err := run.again(ctx); err != nil {
				return nil, fmt.Errorf("fold merged tickets: %w", err)
			}
		}
	}
	return out, nil
}

// fresh says that an edition holds no rows, so that there are none to take away.
func (b *Builder) fresh(ctx context.Context, edition string) (bool, error) {
	var rows []struct {
		Subject string `ch:"subject"`
	}
	err := b.db.Select(ctx, &rows, "SELECT subject FROM subjects WHERE edition = {edition:String} LIMIT 1", queries.Params{"edition": edition})
	if err != nil {
		return false, fmt.Errorf("look for rows of the edition: %w", err)
	}
	return len(rows) == 0, nil
}

// touchLinked adds to a run the subjects of a base that take something from the
// subjects already in it.
func (b *Builder) touchLinked(ctx context.Context, s Scope, base string) error {
	for _, parent := range Bases[:slices.Index(Bases, base)] {
		err := b.db.Exec(ctx, queries.File("state/touch_linked"), queries.Params{"edition": s.Edition, "run": s.Run, "parent_base": parent})
		if err != nil {
			return fmt.Errorf("touch what is linked to %s: %w", parent, err)
		}
	}
	return nil
}

// baseFold folds the subjects of one base, a chunk at a time.
type baseFold struct {
	*Builder
	Scope
	base     string
	out      *Folded
	subjects uint64
	// merged are tickets that others were merged into, now or before.
	merged map[string]struct{}
	// fresh says that the edition holds no rows of the base.
	fresh bool
	rows  *outgoing
}

// history is the events of one subject.
type history struct {
	events []event.Event
	// contested says that some of them came with other content elsewhere.
	contested bool
}

// stream reads events in the order of their subjects and folds each chunk. A
// chunk is read, one folded and one written at the same time: no chunk needs what
// another one of its base writes, save merged tickets, which are folded again.
// touched is the name of the subjects in the table touched; "" is all of the base.
func (f *baseFold) stream(ctx context.Context, touched string) error {
	table, err := queries.EventsTable(topics[f.base])
	if err != nil {
		return err
	}
	p := queries.Params{"table": table, "topic": topics[f.base]}
	statement := f.ofTouched(queries.File("state/events"), touched, p)
	f.rows = &outgoing{of: f, rows: newStateBlock(f.base)}
	if f.Hold {
		f.out.held = append(f.out.held, f.rows)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		read   = make(chan []history)
		folded = make(chan *chunkRows)
		before = &priors{}
		all    sync.WaitGroup
	)
	if !f.fresh {
		rows := make(chan []priorOf)
		before.read = rows
		all.Go(func() {
			defer close(rows)
			if err := f.readPriors(ctx, touched, rows); err != nil {
				cancel(err)
			}
		})
	}
	all.Go(func() {
		defer close(read)
		if err := f.read(ctx, statement, p, read); err != nil {
			cancel(err)
		}
	})
	all.Go(func() {
		defer before.drain()
		defer close(folded)
		for histories := range read {
			rows, err := f.fold(ctx, table, histories, before)
			if err != nil {
				cancel(err)
				return
			}
			f.subjects += uint64(len(histories))
			if handOn(ctx, folded, rows) != nil {
				return // who has cancelled says why
			}
		}
	})
	all.Go(func() {
		for rows := range folded {
			if err := f.rows.add(ctx, rows); err != nil {
				cancel(err)
				return
			}
		}
	})
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return f.rows.write(ctx)
}

// ofTouched makes a statement one about the subjects of that name in the table touched,
// "" is all, and adds its parameters.
func (f *baseFold) ofTouched(statement, touched string, p queries.Params) string {
	condition := "true"
	if touched != "" {
		condition = "subject IN (SELECT subject FROM touched WHERE edition = {edition:String} AND run = {run:UInt64} AND base = {touched:String})"
		p["edition"], p["run"], p["touched"] = f.Edition, f.Run, touched
	}
	return about(statement, condition)
}

// about makes a statement one about the subjects that a condition holds for.
func about(statement, condition string) string {
	return strings.ReplaceAll(statement, "/*subjects*/", condition)
}

// handOn gives a value to who takes it, unless ctx ends before.
func handOn[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// read hands on the histories of some subjects at a time.
func (f *baseFold) read(ctx context.Context, statement string, p queries.Params, out chan<- []history) error {
	var (
		histories []history
		current   history
		names     int // bytes of the histories' subjects
	)
	flush := func() error {
		if len(histories) == 0 {
			return nil
		}
		full := histories
		histories, names = nil, 0
		return handOn(ctx, out, full)
	}
	err := f.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		e, contested, err := scanEvent(scan)
		if err != nil {
			return err
		}
		if len(current.events) > 0 && current.events[0].Subject != e.Subject {
			if e.Subject < current.events[0].Subject {
				return fmt.Errorf("subject %q comes after %q", e.Subject, current.events[0].Subject)
			}
			histories, names = append(histories, current), names+nameBytes(current.events[0].Subject)
			current = history{}
			if len(histories) == f.chunk || names+nameBytes(e.Subject) > chunkBytes {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		current.events, current.contested = append(current.events, e), contested
		return nil
	})
	if err != nil {
		return err
	}
	if len(current.events) > 0 {
		histories = append(histories, current)
	}
	return flush()
}

// scanEvent reads a row of the statement that asks for events subject by subject.
func scanEvent(scan func(...any) error) (e event.Event, contested bool, err error) {
	var (
		hash, data string
		recorded   *time.Time
	)
	err = scan(&e.Subject, &e.Source, &e.ID, &hash, &e.Type, &e.Time, &e.Sequence, &recorded, &e.Test, &e.CorrectsID, &data, &contested)
	if err != nil {
		return e, false, err
	}
	copy(e.Hash[:], hash)
	e.Time, e.Data = e.Time.UTC(), []byte(data)
	if recorded != nil {
		e.Recorded = recorded.UTC()
	}
	return e, contested, nil
}

// again folds the tickets that others were merged into once more, now that the
// links of all of them are written: the earliest received_at of a group counts.
func (f *baseFold) again(ctx context.Context) error {
	const base = "tickets:merged"
	seen := map[string]struct{}{}
	for next := f.merged; len(next) > 0; {
		var names []string
		for name := range next {
			seen[name] = struct{}{}
			names = append(names, name)
		}
		slices.Sort(names)
		err := f.db.Insert(ctx, "touched", "edition, run, base, subject", len(names), func(i int) []any {
			return []any{f.Edition, f.Run, base, names[i]}
		})
		if err != nil {
			return err
		}
		above, err := f.takeovers(ctx, "tickets", names)
		if err != nil {
			return err
		}
		next = map[string]struct{}{}
		for _, t := range above {
			if _, ok := seen[t.duplicateOf]; !ok && t.duplicateOf != "" {
				next[t.duplicateOf] = struct{}{}
			}
		}
	}
	second := &baseFold{Builder: f.Builder, Scope: f.Scope, base: "tickets", out: f.out, merged: map[string]struct{}{}}
	return second.stream(ctx, base)
}

// takeover is what others take from a subject.
type takeover struct {
	dims        fold.Dims
	receivedAt  time.Time
	duplicateOf string
}

func (f *baseFold) takeovers(ctx context.Context, base string, subjects []string) (map[string]takeover, error) {
	out := map[string]takeover{}
	for part := range chunks(subjects) {
		err := f.db.Rows(ctx, queries.File("state/dims"), queries.Params{"edition": f.Edition, "base": base, "subjects": part}, func(scan func(...any) error) error {
			var (
				subject  string
				t        takeover
				received *time.Time
				d        = &t.dims
			)
			if err := scan(&subject, &d.Region, &d.Outlet, &d.Product, &d.Channel, &d.Direction, &d.CustomerType, &d.CustomerTier,
				&d.SpecialNeed, &d.AreaType, &received, &t.duplicateOf); err != nil {
				return err
			}
			if received != nil {
				t.receivedAt = received.UTC()
			}
			out[subject] = t
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read what is taken from %s: %w", base, err)
		}
	}
	return out, nil
}

// elsewhere are the identities of some subjects of a topic whose content is also
// under another subject, with the hash that counts.
func (b *Builder) elsewhere(ctx context.Context, topic, table string, subjects []string) (map[string]map[fold.Identity]event.Hash, error) {
	out := map[string]map[fold.Identity]event.Hash{}
	err := b.db.Rows(ctx, queries.File("state/conflicts"), queries.Params{"topic": topic, "table": table, "subjects": subjects}, func(scan func(...any) error) error {
		var (
			subject, winner string
			id              fold.Identity
			hash            event.Hash
		)
		if err := scan(&subject, &id.Source, &id.ID, &winner); err != nil {
			return err
		}
		copy(hash[:], winner)
		if out[subject] == nil {
			out[subject] = map[fold.Identity]event.Hash{}
		}
		out[subject][id] = hash
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	return out, nil
}

// groupReceived is the earliest received_at among the tickets merged, directly
// or over others, into each of some tickets.
func (f *baseFold) groupReceived(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	roots := map[string][]string{} // ticket -> those whose group it belongs to
	for _, s := range subjects {
		roots[s] = []string{s}
	}
	earliest := map[string]time.Time{}
	for level := subjects; len(level) > 0; {
		var next []string
		for part := range chunks(level) {
			err := f.db.Rows(ctx, queries.File("state/children"), queries.Params{"edition": f.Edition, "subjects": part}, func(scan func(...any) error) error {
				var parent, child string
				if err := scan(&parent, &child); err != nil {
					return err
				}
				for _, root := range roots[parent] {
					if !slices.Contains(roots[child], root) {
						roots[child] = append(roots[child], root)
						next = append(next, child)
					}
				}
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("read merged tickets: %w", err)
			}
		}
		slices.Sort(next)
		next = slices.Compact(next)
		received, err := f.takeovers(ctx, "tickets", next)
		if err != nil {
			return nil, err
		}
		for child, t := range received {
			for _, root := range roots[child] {
				// What a ticket itself was received at is told by its events: the
				// row of it may be older than they are.
				if have, ok := earliest[root]; root != child && !t.receivedAt.IsZero() && (!ok || t.receivedAt.Before(have)) {
					earliest[root] = t.receivedAt
				}
			}
		}
		level = next
	}
	return earliest, nil
}

// standsForCircle says whether a ticket that names another is the first, by its
// id, of a circle of tickets that name each other. A ticket that none was merged
// into, whose group has no earliest, is in no circle.
func (f *baseFold) standsForCircle(ctx context.Context, subject, duplicateOf string, groups map[string]time.Time) (bool, error) {
	if _, ok := groups[subject]; !ok || duplicateOf == "" {
		return false, nil
	}
	seen := map[string]bool{}
	for at := duplicateOf; at != subject; {
		// A member before it stands for them; a walk that ends, or runs into
		// another circle, does not come back.
		if at == "" || at < subject || seen[at] {
			return false, nil
		}
		seen[at] = true
		above, err := f.takeovers(ctx, "tickets", []string{at})
		if err != nil {
			return false, err
		}
		at = above[at].duplicateOf
	}
	return true, nil
}
