package fold_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/fold"
	"youzhi/metrics/policy"
	"youzhi/queries"
)

// rules are what states are folded by.
type rules struct {
	policy   *policy.Policy
	calendar *calendar.Calendar
}

func loadRules(t testing.TB) rules {
	t.Helper()
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.StateCouncil()
	if err != nil {
		t.Fatal(err)
	}
	return rules{pol, cal}
}

// unit is one subject of the reference with what its row and its figures need.
type unit struct {
	base string
	*fold.Unit
	links fold.Links
	// words and instants are the base's own columns of these kinds.
	words    map[string]string
	instants map[string]time.Time
	score    *fold.Survey
	kase     *fold.Case
	ticket   *fold.Ticket
}

// reference folds all events in memory, subject by subject, without a database:
// what a subject takes from others is looked up in maps of all of them.
func (r rules) reference(events []reported, at time.Time) []unit {
	type place struct{ topic, subject string }
	histories := map[place][]event.Event{}
	contents := map[fold.Identity]map[event.Hash]bool{}
	for _, e := range events {
		p := place{e.topic, e.Subject}
		histories[p] = append(histories[p], *e.Event)
		id := fold.Identity{Source: e.Source, ID: e.ID}
		if contents[id] == nil {
			contents[id] = map[event.Hash]bool{}
		}
		contents[id][e.Hash] = true
	}
	// The lowest hash counts, wherever it stands.
	winners := map[fold.Identity]event.Hash{}
	for id, hashes := range contents {
		if len(hashes) > 1 {
			winners[id] = slices.MinFunc(slices.Collect(maps.Keys(hashes)), func(a, b event.Hash) int { return bytes.Compare(a[:], b[:]) })
		}
	}
	effective := map[string]map[string]fold.History{"cases": {}, "tickets": {}, "surveys": {}}
	for base, topic := range map[string]string{"cases": "youzhi.cases.v1", "tickets": "youzhi.complaints.v1", "surveys": "youzhi.surveys.v1"} {
		for p, history := range histories {
			if p.topic == topic {
				effective[base][p.subject] = fold.Effective(history, at, winners)
			}
		}
	}
	var out []unit
	cases := map[string]*fold.Dims{}
	for subject, h := range effective["cases"] {
		c := fold.FoldCase(h, r.policy, r.calendar)
		cases[subject] = &c.Dims
		out = append(out, unit{base: "cases", Unit: &c.Unit, kase: &c, instants: map[string]time.Time{
			"submitted_at": c.SubmittedAt, "accepted_at": c.AcceptedAt, "promised_at": c.PromisedAt, "delivered_at": c.DeliveredAt, "ended_at": c.EndedAt,
		}})
	}
	links := map[string]fold.Links{}
	for subject, h := range effective["tickets"] {
		links[subject] = fold.TicketLinks(h)
	}
	// Every ticket gives its receipt to all that it was merged into.
	earliest := map[string]time.Time{}
	for subject, l := range links {
		seen := map[string]bool{subject: true}
		for into := l.DuplicateOf; into != "" && !seen[into]; into = links[into].DuplicateOf {
			seen[into] = true
			if have, ok := earliest[into]; !l.ReceivedAt.IsZero() && (!ok || l.ReceivedAt.Before(have)) {
				earliest[into] = l.ReceivedAt
			}
		}
	}
	tickets := map[string]*fold.Dims{}
	for subject, h := range effective["tickets"] {
		circle := circleOf(subject, links)
		s := fold.FoldTicket(h, fold.Linked{
			Case: cases[links[subject].CaseID], GroupReceivedAt: earliest[subject],
			StandsForCircle: len(circle) > 0 && slices.Min(circle) == subject,
		}, r.policy, r.calendar)
		tickets[subject] = &s.Dims
		severity := fold.Unknown
		if s.Severity > 0 {
			severity = strconv.FormatInt(s.Severity, 10)
		}
		out = append(out, unit{base: "tickets", Unit: &s.Unit, ticket: &s, links: links[subject], words: map[string]string{
			"kind": s.Kind, "category": s.Category, "severity": severity, "validity": s.Validity, "unit": s.ActingUnit, "case_id": s.CaseID, "duplicate_of": s.DuplicateOf,
		}, instants: map[string]time.Time{
			"received_at": s.ReceivedAt, "accepted_at": s.AcceptedAt, "responded_at": s.RespondedAt, "investigated_at": s.InvestigatedAt,
			"resolved_at": s.ResolvedAt, "replied_at": s.RepliedAt, "withdrawn_at": s.WithdrawnAt, "closed_at": s.ClosedAt,
		}})
	}
	for _, h := range effective["surveys"] {
		l := fold.SurveyLinks(h)
		s := fold.FoldSurvey(h, fold.Linked{Case: cases[l.CaseID], Ticket: tickets[l.TicketID]})
		wave := s.Wave
		if wave == "" {
			wave = fold.Unknown
		}
		out = append(out, unit{base: "surveys", Unit: &s.Unit, links: l, score: &s, words: map[string]string{
			"instrument": s.Instrument, "wave": wave, "case_id": s.CaseID, "ticket_id": s.TicketID,
		}, instants: map[string]time.Time{"invited_at": s.InvitedAt, "answered_at": s.AnsweredAt}})
	}
	return out
}

// Columns of the state tables by kind, in the order of the text of a row.
var (
	dimColumns     = []string{"region", "outlet", "product", "channel", "direction", "customer_type", "customer_tier", "special_need", "area_type"}
	wordColumns    = map[string][]string{"tickets": {"kind", "category", "severity", "validity", "unit", "case_id", "duplicate_of"}, "surveys": {"instrument", "wave", "case_id", "ticket_id"}}
	instantColumns = map[string][]string{
		"cases":   {"submitted_at", "accepted_at", "promised_at", "delivered_at", "ended_at"},
		"tickets": {"received_at", "accepted_at", "responded_at", "investigated_at", "resolved_at", "replied_at", "withdrawn_at", "closed_at"},
		"surveys": {"invited_at", "answered_at"},
	}
)

// rows are texts by place: a table, a subject and its window.
type rows map[string]string

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func dims(d *fold.Dims) []string {
	return []string{d.Region, d.Outlet, d.Product, d.Channel, d.Direction, d.CustomerType, d.CustomerTier, d.SpecialNeed, d.AreaType}
}

// rows writes the reference as the tables would hold it.
func referenceRows(units []unit) rows {
	out := rows{}
	for _, u := range units {
		var keys, parents []string
		for _, a := range u.Anchors {
			keys = append(keys, a.Name+" "+a.Day.String())
			cells := []string{a.Day.String(), u.Source}
			cells = append(cells, dims(&u.Dims)...)
			cells = append(cells, strings.Join(slices.Concat(u.Dims.FromCase, u.Dims.FromTicket), ","), stamp(a.Due), stamp(a.Done),
				fmt.Sprint(a.Open), fmt.Sprint(a.Paused), fmt.Sprint(a.Undetermined), fmt.Sprint(a.Unknown), a.Excluded, u.State, u.Outcome,
				strings.Join(u.Steps, ","), strings.Join(u.Flags, ","), stamp(u.FirstEventAt), stamp(u.LastEventAt))
			for _, name := range wordColumns[u.base] {
				word := u.words[name]
				if word == "" && !strings.HasSuffix(name, "_id") && name != "duplicate_of" {
					word = fold.Unknown
				}
				cells = append(cells, word)
			}
			for _, name := range instantColumns[u.base] {
				cells = append(cells, stamp(u.instants[name]))
			}
			if s := u.score; s != nil {
				score := []string{"", "", ""}
				if s.Scored {
					score = []string{number(s.Score), number(s.ScoreMin), number(s.ScoreMax)}
				}
				cells = append(append(cells, score...), number(s.Weight))
			}
			out[strings.Join([]string{u.base, u.Subject, a.Name}, " ")] = strings.Join(cells, "|")
		}
		for _, l := range [][2]string{{"cases", u.links.CaseID}, {"tickets", u.links.TicketID}, {"tickets", u.links.DuplicateOf}} {
			if l[1] != "" {
				parents = append(parents, l[0]+" "+l[1])
				out[strings.Join([]string{"links", l[0], l[1], u.base, u.Subject}, " ")] = ""
			}
		}
		slices.Sort(keys)
		slices.Sort(parents)
		cells := append(dims(&u.Dims), stamp(u.links.ReceivedAt), u.links.DuplicateOf, strings.Join(keys, ","), strings.Join(parents, ","))
		out["subjects "+u.base+" "+u.Subject] = strings.Join(cells, "|")
	}
	return out
}

// stored reads an edition of the state: all columns of the rows that a reader
// sees, but the run that wrote them.
func stored(t testing.TB, db *queries.DB, edition string) rows {
	t.Helper()
	out := rows{}
	read := func(statement string) {
		t.Helper()
		err := db.Rows(context.Background(), statement, queries.Params{"edition": edition}, func(scan func(...any) error) error {
			var place, text string
			if err := scan(&place, &text); err != nil {
				return err
			}
			if _, twice := out[place]; twice {
				t.Errorf("two rows at %s", place)
			}
			out[place] = text
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, base := range catalogue.Bases {
		columns := slices.Concat([]string{"day", "source"}, dimColumns, []string{"arrayStringConcat(linked, ',')", "due_at", "done_at", "open", "paused", "undetermined", "unknown",
			"excluded", "state", "outcome", "arrayStringConcat(steps, ',')", "arrayStringConcat(flags, ',')", "first_event_at", "last_event_at"}, wordColumns[base], instantColumns[base])
		if base == "surveys" {
			columns = append(columns, "score", "score_min", "score_max", "weight")
		}
		for i, c := range columns {
			columns[i] = "ifNull(toString(" + c + "), '')"
		}
		read("SELECT concat('" + base + " ', subject, ' ', anchor) AS place, concatWithSeparator('|', " + strings.Join(columns, ", ") + ") AS text FROM " + base + " FINAL WHERE edition = {edition:String}")
	}
	read(`SELECT concat('subjects ', base, ' ', subject) AS place,
    concatWithSeparator('|', ` + strings.Join(dimColumns, ", ") + `, ifNull(toString(received_at), ''), duplicate_of,
        arrayStringConcat(arraySort(arrayMap(k -> concat(k.1, ' ', toString(k.2)), keys)), ','),
        arrayStringConcat(arraySort(arrayMap(p -> concat(p.1, ' ', p.2), parents)), ',')) AS text
FROM subjects FINAL WHERE edition = {edition:String}`)
	read("SELECT concat('links ', parent_base, ' ', parent, ' ', base, ' ', subject) AS place, '' AS text FROM links FINAL WHERE edition = {edition:String}")
	return out
}

// derived reads what is calculated from the live state: the facts that say
// anything, and which steps the sources report.
func derived(t testing.TB, db *queries.DB) rows {
	t.Helper()
	out := rows{}
	for _, statement := range []string{
		`SELECT concatWithSeparator(' ', 'facts', key, part, toString(day), region, outlet, product, channel) AS place,
    concatWithSeparator('|', toString(numerator), toString(denominator), toString(squares), toString(weights),
        toString(n), toString(pending), toString(excluded), toString(unknown), toString(unreported)) AS text
FROM facts FINAL
WHERE numerator != 0 OR denominator != 0 OR squares != 0 OR weights != 0 OR n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0`,
		`SELECT concatWithSeparator(' ', 'totals', kept, key, part, toString(day), region, product, channel) AS place,
    concatWithSeparator('|', toString(numerator), toString(denominator), toString(squares), toString(weights),
        toString(n), toString(pending), toString(excluded), toString(unknown), toString(unreported)) AS text
FROM totals FINAL
WHERE numerator != 0 OR denominator != 0 OR squares != 0 OR weights != 0 OR n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0`,
		`SELECT concatWithSeparator(' ', 'reported_steps', base, toString(day), source, product, step) AS place, toString(units) AS text FROM reported_steps FINAL WHERE units != 0`,
		`SELECT concatWithSeparator(' ', 'reporters', base, source, product, step) AS place, '' AS text FROM reporters FINAL`,
	} {
		err := db.Rows(context.Background(), statement, nil, func(scan func(...any) error) error {
			var place, text string
			if err := scan(&place, &text); err != nil {
				return err
			}
			out[place] = text
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// differences names the places at which two sets of rows differ, at most ten.
func differences(want, got rows) string {
	var out []string
	for _, place := range slices.Sorted(maps.Keys(want)) {
		if text, ok := got[place]; !ok {
			out = append(out, fmt.Sprintf("%s\n  missing  %s", place, want[place]))
		} else if text != want[place] {
			out = append(out, fmt.Sprintf("%s\n  want  %s\n  got   %s", place, want[place], text))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[place]; !ok {
			out = append(out, fmt.Sprintf("%s\n  not wanted  %s", place, got[place]))
		}
	}
	if n := len(out); n > 10 {
		out = append(out[:10], fmt.Sprintf("and %d more", n-10))
	}
	return strings.Join(out, "\n")
}

// circleOf lists the tickets of the circle that a ticket is in, if it is in one.
func circleOf(subject string, links map[string]fold.Links) []string {
	circle := []string{subject}
	for at := links[subject].DuplicateOf; at != subject; at = links[at].DuplicateOf {
		if at == "" || slices.Contains(circle, at) {
			return nil
		}
		circle = append(circle, at)
	}
	return circle
}
