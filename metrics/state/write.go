package state

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/fold"
	"youzhi/queries"
)

// folded is one subject's state on its way into the tables.
type folded struct {
	unit    *fold.Unit
	columns []any // the base's own columns
	// way are the columns of a case's legs, which stand in one of its rows only.
	way   []any
	links fold.Links
}

// wayAnchor is the row of a case that has its legs: the one that tells whether it
// was late.
const wayAnchor = "promise"

var noWay = wayOf(nil)

// wayOf are the columns of legs.
func wayOf(legs []fold.Leg) []any {
	steps, places, reasons := make([]string, len(legs)), make([]string, len(legs)), make([]string, len(legs))
	hours, ended := make([]float64, len(legs)), make([]time.Time, len(legs))
	for i, l := range legs {
		steps[i], places[i], reasons[i], hours[i], ended[i] = l.Step, l.Place, l.Reason, l.Ended.Sub(l.Began).Hours(), l.Ended
	}
	return []any{steps, places, reasons, hours, ended}
}

// ownColumns are the columns of a base beside the common ones.
var ownColumns = map[string]string{
	"cases": "submitted_at, accepted_at, promised_at, delivered_at, ended_at, attempted, delivered_attempt_no, delivered_time_unknown, settled_outcome, settled_at, " +
		"path, conforms, archived_documents, leg_step, leg_place, leg_reason, leg_hours, leg_ended_at",
	"tickets": "kind, category, severity, validity, unit, case_id, duplicate_of, received_at, accepted_at, responded_at, investigated_at, resolved_at, replied_at, withdrawn_at, closed_at, " +
		"first_response_at, given_up_at, reopened_at, escalation_level, owner_kept",
	"surveys": "instrument, wave, case_id, ticket_id, invited_at, answered_at, score, score_min, score_max, weight",
}

const commonColumns = "edition, anchor, day, subject, version, is_deleted, source, region, outlet, product, channel, direction, " +
	"customer_type, customer_tier, special_need, area_type, linked, due_at, done_at, open, paused, undetermined, unknown, excluded, " +
	"state, outcome, steps, flags, first_event_at, last_event_at"

// fold folds some subjects to their rows.
func (f *baseFold) fold(ctx context.Context, table string, histories [][]event.Event) (*chunkRows, error) {
	subjects := make([]string, len(histories))
	for i, h := range histories {
		subjects[i] = h[0].Subject
	}
	elsewhere, err := f.elsewhere(ctx, topics[f.base], table, subjects)
	if err != nil {
		return nil, err
	}
	effective := make([]fold.History, len(histories))
	inParallel(len(histories), func(i int) {
		effective[i] = fold.Effective(histories[i], f.AsOf, elsewhere[subjects[i]])
	})
	results, err := f.results(ctx, subjects, effective)
	if err != nil {
		return nil, err
	}
	prior := map[string]priorRow{}
	if !f.Fresh || f.second {
		if prior, err = f.prior(ctx, subjects); err != nil {
			return nil, err
		}
	}
	return f.rows(subjects, results, prior), nil
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
			var attempt any
			if c.DeliveredAttemptNo > 0 {
				attempt = uint32(min(c.DeliveredAttemptNo, math.MaxUint32))
			}
			out[i] = folded{unit: &c.Unit, columns: []any{null(c.SubmittedAt), null(c.AcceptedAt), null(c.PromisedAt), null(c.DeliveredAt), null(c.EndedAt),
				!c.FirstAttemptAt.IsZero(), attempt, c.DeliveredTimeUnknown, c.SettledOutcome, null(c.SettledAt), c.Path, c.Conforms, c.ArchivedDocuments},
				way: wayOf(c.Legs)}
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
			out[i].unit = &t.Unit
			severity := fold.Unknown
			if t.Severity > 0 {
				severity = strconv.FormatInt(t.Severity, 10)
			}
			var kept any
			if t.FirstOwner != "" {
				kept = t.OwnerKept
			}
			out[i].columns = []any{known(t.Kind), known(t.Category), severity, known(t.Validity), known(t.ActingUnit), t.CaseID, t.DuplicateOf, null(t.ReceivedAt), null(t.AcceptedAt),
				null(t.RespondedAt), null(t.InvestigatedAt), null(t.ResolvedAt), null(t.RepliedAt), null(t.WithdrawnAt), null(t.ClosedAt),
				null(t.FirstResponseAt), null(t.GivenUpAt), null(t.ReopenedAfterAt), uint8(min(t.EscalationLevel, math.MaxUint8)), kept}
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
		out[i].unit = &s.Unit
		var score, low, high any
		if s.Scored {
			score, low, high = s.Score, s.ScoreMin, s.ScoreMax
		}
		out[i].columns = []any{known(s.Instrument), known(s.Wave), s.CaseID, s.TicketID, null(s.InvitedAt), null(s.AnsweredAt), score, low, high, s.Weight}
	})
	return out, nil
}

// known gives a dimension that was not reported the name of the others.
func known(dim string) string {
	if dim == "" {
		return fold.Unknown
	}
	return dim
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

func (f *baseFold) prior(ctx context.Context, subjects []string) (map[string]priorRow, error) {
	out := map[string]priorRow{}
	err := f.db.Rows(ctx, queries.File("state/prior"), queries.Params{"edition": f.Edition, "base": f.base, "subjects": subjects}, func(scan func(...any) error) error {
		var (
			subject                               string
			version                               uint64
			anchors, staleAnchors                 []string
			days, staleDays                       []time.Time
			parentBases, parentSubjects           []string
			staleParentBases, staleParentSubjects []string
		)
		if err := scan(&subject, &version, &anchors, &days, &staleAnchors, &staleDays,
			&parentBases, &parentSubjects, &staleParentBases, &staleParentSubjects); err != nil {
			return err
		}
		// A row of this run means that the run was cut off: the rows that it
		// was to take away may still be there.
		if version >= f.Run {
			anchors, days = append(anchors, staleAnchors...), append(days, staleDays...)
			parentBases, parentSubjects = append(parentBases, staleParentBases...), append(parentSubjects, staleParentSubjects...)
		}
		var row priorRow
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
		out[subject] = row
		return nil
	})
	return out, err
}

func null(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// pairs writes keys or links as an Array(Tuple).
func pairs[T any](in []T, pair func(T) []any) []any {
	out := make([]any, 0, len(in))
	for _, v := range in {
		out = append(out, pair(v))
	}
	return out
}

func keyPair(k Key) []any   { return []any{k.Anchor, k.Day.UTC()} }
func linkPair(l link) []any { return []any{l.base, l.subject} }

type stateRow struct {
	of     *folded
	anchor fold.Anchor
}

// chunkRows are the rows of some subjects, of all tables.
type chunkRows struct {
	subjects   []string
	results    []folded
	prior      map[string]priorRow
	rows       []stateRow
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

// rows makes the rows of some subjects.
func (f *baseFold) rows(subjects []string, results []folded, prior map[string]priorRow) *chunkRows {
	c := &chunkRows{
		subjects: subjects, results: results, prior: prior,
		keys: make([][]Key, len(results)), parents: make([][]link, len(results)),
	}
	for i := range results {
		r := &results[i]
		for _, a := range r.unit.Anchors {
			k := Key{f.base, a.Name, a.Day}
			c.keys[i] = append(c.keys[i], k)
			f.out.Changed[k] = struct{}{}
			c.rows = append(c.rows, stateRow{r, a})
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
		if !r.unit.NextAt.IsZero() && f.Edition == Live {
			c.wakeups = append(c.wakeups, i)
		}
	}
	return c
}

// write writes the rows of a chunk. The subject's row, which knows the places of
// both the old and the new rows, is written first, so that whatever a crash
// leaves behind is found and taken away when it is done again.
func (f *baseFold) write(ctx context.Context, c *chunkRows) error {
	subjects, results := c.subjects, c.results
	err := f.db.Insert(ctx, "subjects", "edition, base, subject, version, keys, stale_keys, parents, stale_parents, region, outlet, product, channel, direction, customer_type, customer_tier, special_need, area_type, received_at, duplicate_of",
		len(results), func(i int) []any {
			d := &results[i].unit.Dims
			return []any{f.Edition, f.base, subjects[i], f.Run, pairs(c.keys[i], keyPair), pairs(c.prior[subjects[i]].keys, keyPair),
				pairs(c.parents[i], linkPair), pairs(c.prior[subjects[i]].parents, linkPair),
				d.Region, d.Outlet, d.Product, d.Channel, d.Direction, d.CustomerType, d.CustomerTier, d.SpecialNeed, d.AreaType,
				null(results[i].links.ReceivedAt), results[i].links.DuplicateOf}
		})
	if err != nil {
		return err
	}
	if err := f.state(ctx, c); err != nil {
		return err
	}
	for _, l := range []struct {
		links []link
		of    []string
		gone  uint8
	}{{c.links, c.linksOf, 0}, {c.unlinked, c.unlinkedOf, 1}} {
		err = f.db.Insert(ctx, "links", "edition, parent_base, parent, base, subject, version, is_deleted", len(l.links), func(i int) []any {
			return []any{f.Edition, l.links[i].base, l.links[i].subject, f.base, l.of[i], f.Run, l.gone}
		})
		if err != nil {
			return err
		}
	}
	return f.db.Insert(ctx, "wakeups", "edition, at, base, subject", len(c.wakeups), func(i int) []any {
		return []any{f.Edition, results[c.wakeups[i]].unit.NextAt, f.base, subjects[c.wakeups[i]]}
	})
}

// stateColumns are the columns of a base's rows.
func stateColumns(base string) string { return commonColumns + ", " + ownColumns[base] }

// state writes the rows that answers read, or keeps them.
func (f *baseFold) state(ctx context.Context, c *chunkRows) error {
	row := func(i int) []any { return f.stateRow(&c.rows[i]) }
	if f.held != nil {
		return f.held.add(ctx, f, c, row)
	}
	if err := f.db.Insert(ctx, f.base, stateColumns(f.base), len(c.rows), row); err != nil {
		return err
	}
	return f.takeAway(ctx, c.gone)
}

// stateRow is a row in the order of stateColumns.
func (f *baseFold) stateRow(r *stateRow) []any {
	u, a, d := r.of.unit, r.anchor, &r.of.unit.Dims
	way := r.of.way
	if way != nil && a.Name != wayAnchor {
		way = noWay
	}
	return slices.Concat([]any{f.Edition, a.Name, a.Day.UTC(), u.Subject, f.Run, uint8(0), u.Source, d.Region, d.Outlet, d.Product, d.Channel, d.Direction,
		d.CustomerType, d.CustomerTier, d.SpecialNeed, d.AreaType, slices.Concat(d.FromCase, d.FromTicket), null(a.Due), null(a.Done), a.Open, a.Paused,
		a.Undetermined, a.Unknown, a.Excluded, u.State, u.Outcome, u.Steps, u.Flags, u.FirstEventAt, u.LastEventAt}, r.of.columns, way)
}

// takeAway deletes rows.
func (f *baseFold) takeAway(ctx context.Context, gone []goneRow) error {
	return f.db.Insert(ctx, f.base, "edition, anchor, day, subject, version, is_deleted", len(gone), func(i int) []any {
		return []any{f.Edition, gone[i].Anchor, gone[i].Day.UTC(), gone[i].subject, f.Run, uint8(1)}
	})
}

// held are rows of one base that are to be written later.
type held struct {
	base string
	of   *baseFold
	rows *queries.Batch // nil: none
	gone []goneRow
}

func (h *held) add(ctx context.Context, f *baseFold, c *chunkRows, row func(int) []any) (err error) {
	h.of, h.gone = f, append(h.gone, c.gone...)
	if len(c.rows) == 0 {
		return nil
	}
	if h.rows == nil {
		if h.rows, err = f.db.Batch(context.WithoutCancel(ctx), f.base, stateColumns(f.base)); err != nil {
			return err
		}
	}
	return h.rows.Append(len(c.rows), row)
}

func (h *held) write(ctx context.Context) error {
	if h.rows != nil {
		rows := h.rows
		h.rows = nil
		if err := rows.Send(); err != nil {
			return err
		}
	}
	if h.of == nil {
		return nil
	}
	return h.of.takeAway(ctx, h.gone)
}

func (h *held) drop() {
	if h.rows != nil {
		h.rows.Abort()
		h.rows = nil
	}
}
