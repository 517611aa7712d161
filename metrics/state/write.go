package state

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/queries"
)

// folded is one subject's state on its way into the tables: one of the three.
type folded struct {
	kase   *fold.Case
	ticket *fold.Ticket
	survey *fold.Survey
	links  fold.Links
}

func (r *folded) unit() *fold.Unit {
	switch {
	case r.kase != nil:
		return &r.kase.Unit
	case r.ticket != nil:
		return &r.ticket.Unit
	}
	return &r.survey.Unit
}

// fold folds some subjects to their rows.
func (f *baseFold) fold(ctx context.Context, table string, histories []history, before *priors) (*chunkRows, error) {
	subjects := make([]string, len(histories))
	var contested []string
	for i, h := range histories {
		subjects[i] = h.events[0].Subject
		if h.contested {
			contested = append(contested, subjects[i])
		}
	}
	var elsewhere map[string]map[fold.Identity]event.Hash
	if len(contested) > 0 {
		var err error
		if elsewhere, err = f.elsewhere(ctx, topics[f.base], table, contested); err != nil {
			return nil, err
		}
	}
	effective := make([]fold.History, len(histories))
	inParallel(len(histories), func(i int) {
		effective[i] = fold.Effective(histories[i].events, f.AsOf, elsewhere[subjects[i]])
	})
	results, err := f.results(ctx, subjects, effective)
	if err != nil {
		return nil, err
	}
	prior, err := before.of(ctx, subjects)
	if err != nil {
		return nil, err
	}
	return f.rowsOf(subjects, results, prior), nil
}

// inParallel runs n independent computations on two goroutines.
func inParallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			for i := half; i < n; i += 2 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// results folds histories of the base to states.
func (f *baseFold) results(ctx context.Context, subjects []string, histories []fold.History) ([]folded, error) {
	out := make([]folded, len(histories))
	switch f.base {
	case "cases":
		inParallel(len(histories), func(i int) {
			c := fold.FoldCase(histories[i], f.pol, f.cal)
			out[i].kase = &c
		})
		return out, nil
	case "tickets":
		var caseIDs []string
		for i := range histories {
			out[i].links = fold.TicketLinks(histories[i])
			caseIDs = append(caseIDs, out[i].links.CaseID)
		}
		cases, err := f.takeovers(ctx, "cases", unique(caseIDs))
		if err != nil {
			return nil, err
		}
		groups, err := f.groupReceived(ctx, subjects)
		if err != nil {
			return nil, err
		}
		circle := make([]bool, len(histories))
		for i := range histories {
			if circle[i], err = f.standsForCircle(ctx, subjects[i], out[i].links.DuplicateOf, groups); err != nil {
				return nil, err
			}
		}
		inParallel(len(histories), func(i int) {
			link := fold.Linked{GroupReceivedAt: groups[subjects[i]], StandsForCircle: circle[i]}
			if c, ok := cases[out[i].links.CaseID]; ok {
				link.Case = &c.dims
			}
			t := fold.FoldTicket(histories[i], link, f.pol, f.cal)
			out[i].ticket = &t
		})
		return out, nil
	}
	var caseIDs, ticketIDs []string
	for i := range histories {
		out[i].links = fold.SurveyLinks(histories[i])
		caseIDs = append(caseIDs, out[i].links.CaseID)
		ticketIDs = append(ticketIDs, out[i].links.TicketID)
	}
	cases, err := f.takeovers(ctx, "cases", unique(caseIDs))
	if err != nil {
		return nil, err
	}
	tickets, err := f.takeovers(ctx, "tickets", unique(ticketIDs))
	if err != nil {
		return nil, err
	}
	inParallel(len(histories), func(i int) {
		var link fold.Linked
		if c, ok := cases[out[i].links.CaseID]; ok {
			link.Case = &c.dims
		}
		if t, ok := tickets[out[i].links.TicketID]; ok {
			link.Ticket = &t.dims
		}
		s := fold.FoldSurvey(histories[i], link)
		out[i].survey = &s
	})
	return out, nil
}

func unique(names []string) []string {
	names = slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
	slices.Sort(names)
	return slices.Compact(names)
}

// priorRow is what the tables hold of a subject.
type priorRow struct {
	keys    []Key
	parents []link
}

type link struct{ base, subject string }

// priors are what the tables held of a base's subjects when a fold began, subject
// by subject. It is one statement beside the one that reads the events, so that it
// costs what the subjects have and not a statement for each chunk of them.
type priors struct {
	read chan []priorOf // nil: there are none
	next []priorOf
}

type priorOf struct {
	subject string
	priorRow
}

// of takes the rows of some subjects, which come after those asked for before.
func (p *priors) of(ctx context.Context, subjects []string) (map[string]priorRow, error) {
	out := map[string]priorRow{}
	if p.read == nil {
		return out, nil
	}
	for _, s := range subjects {
		for {
			if len(p.next) == 0 {
				select {
				case p.next = <-p.read:
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				}
				if len(p.next) == 0 { // the end; after a failure ctx is over
					return out, context.Cause(ctx)
				}
			}
			if p.next[0].subject > s {
				break
			}
			if p.next[0].subject == s {
				out[s] = p.next[0].priorRow
			}
			p.next = p.next[1:]
		}
	}
	return out, nil
}

// drain lets who reads come to its end.
func (p *priors) drain() {
	if p.read != nil {
		for range p.read {
		}
	}
}

// readPriors hands on what the tables hold of the base's subjects.
func (f *baseFold) readPriors(ctx context.Context, touched string, out chan<- []priorOf) error {
	p := queries.Params{"edition": f.Edition, "base": f.base, "run": f.Run}
	statement := f.ofTouched(queries.File("state/prior"), touched, p)
	var (
		some []priorOf
		last string
	)
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		full := some
		some = nil
		return handOn(ctx, out, full)
	}
	err := f.db.Rows(ctx, statement, p, func(scan func(...any) error) error {
		row, err := f.scanPrior(scan)
		if err != nil {
			return err
		}
		if row.subject <= last && last != "" {
			return fmt.Errorf("subject %q comes after %q", row.subject, last)
		}
		last = row.subject
		if some = append(some, row); len(some) == f.chunk {
			return flush()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the rows of before: %w", err)
	}
	return flush()
}

func (f *baseFold) scanPrior(scan func(...any) error) (priorOf, error) {
	var (
		row                                  priorOf
		anchors, parentBases, parentSubjects []string
		days                                 []time.Time
	)
	if err := scan(&row.subject, &anchors, &days, &parentBases, &parentSubjects); err != nil {
		return row, err
	}
	for i := range anchors {
		if k := (Key{f.base, anchors[i], calendar.OfDate(days[i])}); !slices.Contains(row.keys, k) {
			row.keys = append(row.keys, k)
		}
	}
	for i := range parentBases {
		if l := (link{parentBases[i], parentSubjects[i]}); !slices.Contains(row.parents, l) {
			row.parents = append(row.parents, l)
		}
	}
	return row, nil
}

// chunkRows are the rows of some subjects, of all tables.
type chunkRows struct {
	subjects   []string
	results    []folded
	prior      map[string]priorRow
	gone       []goneRow
	keys       [][]Key
	parents    [][]link
	wakeups    []int // of results
	links      []link
	linksOf    []string
	unlinked   []link
	unlinkedOf []string
}

// goneRow is a row that a subject has no more.
type goneRow struct {
	Key
	subject string
}

// rowsOf makes the rows of some subjects.
func (f *baseFold) rowsOf(subjects []string, results []folded, prior map[string]priorRow) *chunkRows {
	c := &chunkRows{
		subjects: subjects, results: results, prior: prior,
		keys: make([][]Key, len(results)), parents: make([][]link, len(results)),
	}
	for i := range results {
		r := &results[i]
		for _, a := range r.unit().Anchors {
			k := Key{f.base, a.Name, a.Day}
			c.keys[i] = append(c.keys[i], k)
			f.out.Changed[k] = struct{}{}
		}
		for _, k := range prior[subjects[i]].keys {
			f.out.Changed[k] = struct{}{}
			if !slices.Contains(c.keys[i], k) {
				c.gone = append(c.gone, goneRow{k, subjects[i]})
			}
		}
		for _, l := range []link{{"cases", r.links.CaseID}, {"tickets", r.links.TicketID}} {
			if l.subject != "" {
				c.parents[i] = append(c.parents[i], l)
			}
		}
		if f.base == "tickets" && r.links.DuplicateOf != "" {
			c.parents[i] = append(c.parents[i], link{"tickets", r.links.DuplicateOf})
		}
		for _, l := range c.parents[i] {
			c.links, c.linksOf = append(c.links, l), append(c.linksOf, subjects[i])
			if f.base == "tickets" && l.base == "tickets" {
				f.merged[l.subject] = struct{}{}
			}
		}
		for _, l := range prior[subjects[i]].parents {
			if f.base == "tickets" && l.base == "tickets" {
				f.merged[l.subject] = struct{}{}
			}
			if !slices.Contains(c.parents[i], l) {
				c.unlinked, c.unlinkedOf = append(c.unlinked, l), append(c.unlinkedOf, subjects[i])
			}
		}
		if !r.unit().NextAt.IsZero() && f.Edition == Live {
			c.wakeups = append(c.wakeups, i)
		}
	}
	return c
}

// blockRows is how many rows of a base are written at once: the fewer blocks, the
// fewer the parts that are merged. They take some 300 bytes each.
const blockRows = 100_000

// outgoing are rows of one base on their way into the tables. A subject's row, which
// knows the places of both the old and the new rows, is written before these, so
// that whatever a crash leaves behind is found and taken away when it is done again.
type outgoing struct {
	of     *baseFold
	chunks []*chunkRows
	added  int // rows of the chunks, at least one for each subject
	rows   *stateBlock
	gone   []goneRow
}

// add takes the rows of a chunk and writes what there is if it is much.
func (o *outgoing) add(ctx context.Context, c *chunkRows) error {
	f := o.of
	before := o.rows.Rows()
	for i := range c.results {
		r := &c.results[i]
		for a := range r.unit().Anchors {
			o.rows.append(f.Edition, f.Run, r, &r.unit().Anchors[a])
		}
	}
	o.gone = append(o.gone, c.gone...)
	// A subject whose events all come later has no row and is kept all the same.
	o.chunks, o.added = append(o.chunks, c), o.added+max(o.rows.Rows()-before, len(c.results))
	if o.added < f.blockRows {
		return nil
	}
	return o.write(ctx)
}

// write writes what has been added, less the rows that answers read if they are
// held.
func (o *outgoing) write(ctx context.Context) error {
	if err := o.writeSubjects(ctx); err != nil {
		return err
	}
	if !o.of.Hold {
		if err := o.writeRows(ctx); err != nil {
			return err
		}
	}
	if err := o.writeLinks(ctx); err != nil {
		return err
	}
	o.chunks, o.added = nil, 0
	return nil
}

func (o *outgoing) writeSubjects(ctx context.Context) error {
	f := o.of
	rows := newSubjectBlock()
	for _, c := range o.chunks {
		for i := range c.results {
			rows.append(f.Edition, f.base, f.Run, c, i)
		}
	}
	return f.db.InsertBlock(ctx, rows.Block)
}

// writeRows writes the rows that answers read.
func (o *outgoing) writeRows(ctx context.Context) error {
	f := o.of
	if err := f.db.InsertBlock(ctx, o.rows.Block); err != nil {
		return err
	}
	o.rows.Reset()
	gone := o.gone
	o.gone = nil
	return f.db.Insert(ctx, f.base, "edition, anchor, day, subject, version, is_deleted", len(gone), func(i int) []any {
		return []any{f.Edition, gone[i].Anchor, gone[i].Day.UTC(), gone[i].subject, f.Run, uint8(1)}
	})
}

func (o *outgoing) writeLinks(ctx context.Context) error {
	f := o.of
	var links, wakeups [][]any
	for _, c := range o.chunks {
		for i, l := range c.links {
			links = append(links, []any{f.Edition, l.base, l.subject, f.base, c.linksOf[i], f.Run, uint8(0)})
		}
		for i, l := range c.unlinked {
			links = append(links, []any{f.Edition, l.base, l.subject, f.base, c.unlinkedOf[i], f.Run, uint8(1)})
		}
		for _, i := range c.wakeups {
			wakeups = append(wakeups, []any{f.Edition, c.results[i].unit().NextAt, f.base, c.subjects[i]})
		}
	}
	err := f.db.Insert(ctx, "links", "edition, parent_base, parent, base, subject, version, is_deleted", len(links), func(i int) []any { return links[i] })
	if err != nil {
		return err
	}
	return f.db.Insert(ctx, "wakeups", "edition, at, base, subject", len(wakeups), func(i int) []any { return wakeups[i] })
}
