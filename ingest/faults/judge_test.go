package faults_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"youzhi/ingest/event"
	"youzhi/queries"
)

// verdict collects what is wrong, a few lines of each kind.
type verdict struct {
	lines  []string
	counts map[string]int
}

func (v *verdict) fault(kind, format string, args ...any) {
	if v.counts == nil {
		v.counts = map[string]int{}
	}
	if v.counts[kind]++; v.counts[kind] <= 3 {
		v.lines = append(v.lines, kind+": "+fmt.Sprintf(format, args...))
	}
}

func (v *verdict) String() string {
	lines := slices.Clone(v.lines)
	for _, kind := range slices.Sorted(maps.Keys(v.counts)) {
		lines = append(lines, fmt.Sprintf("%s: %d in all", kind, v.counts[kind]))
	}
	return strings.Join(lines, "\n")
}

// The kinds of faults.
const (
	ahead      = "committed and not stored"
	back       = "a commit went back"
	lost       = "missing"
	twice      = "counted twice"
	wrong      = "stored, but not as it was sent"
	unexpected = "stored, but never sent"
	books      = "the books"
	figures    = "the figures"
)

func events(t interface{ Fatal(...any) }, topic string) string {
	table, err := queries.EventsTable(topic)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// integer reads a number of ClickHouse's answer.
func (s *stage) integer(text string) int64 {
	s.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// checkCommitted holds what the group has committed to what ClickHouse has at this
// moment: every offset below has its row, and no commit goes back.
func (s *stage) checkCommitted() *verdict {
	s.Helper()
	v := &verdict{}
	// First what is committed: what is stored meanwhile can only be more.
	committed := s.cluster.Committed(group)
	for _, topic := range event.Topics() {
		var wheres []string
		for p := range int32(partitions) {
			from, to, before := s.verified[topic][p], committed[topic][p], s.committed[topic][p]
			if to < before {
				v.fault(back, "%s/%d from %d to %d", topic, p, before, to)
			}
			if from < to {
				wheres = append(wheres, fmt.Sprintf("partition = %d AND offset >= %d AND offset < %d", s.book.partition(topic, p), from, to))
			}
		}
		if len(wheres) == 0 {
			continue
		}
		where := "((" + strings.Join(wheres, ") OR (") + "))"
		stored := map[int32]int64{}
		for _, row := range s.rows("SELECT partition, uniqExact(offset) FROM (SELECT partition, offset FROM " + events(s, topic) + " WHERE " + where +
			" UNION ALL SELECT partition, offset FROM quarantine WHERE topic = '" + topic + "' AND " + where + ") GROUP BY partition") {
			stored[int32(s.integer(row[0]))] = s.integer(row[1])
		}
		for p := range int32(partitions) {
			from, to := s.verified[topic][p], committed[topic][p]
			if from >= to {
				continue
			}
			have := stored[s.book.partition(topic, p)]
			for lost := range s.book.gone {
				if lost.topic == topic && lost.partition == s.book.partition(topic, p) && from <= lost.offset && lost.offset < to {
					have++
				}
			}
			if have != to-from {
				v.fault(ahead, "%s/%d: of the offsets from %d to %d %d are stored", topic, p, from, to, have)
			} else {
				s.verified.Set(topic, p, to)
			}
		}
	}
	s.committed = committed
	return v
}

// done says whether the group has committed all that the log has.
func (s *stage) done() bool {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ends, err := s.cluster.Ends(ctx, event.Topics()...)
	if err != nil {
		return false // a leader is being elected
	}
	committed := s.cluster.Committed(group)
	for topic, of := range ends {
		for p, end := range of {
			if committed[topic][p] < end {
				return false
			}
		}
	}
	return true
}

// judge holds all that is stored to the book of what was sent, when everything is
// committed: offset by offset, by the program's own books, and by its figures.
func (s *stage) judge() *verdict {
	s.Helper()
	v := s.checkCommitted()
	s.judgeRows(v)
	s.judgeBooks(v)
	s.judgeFigures(v)
	return v
}

// judgeRows looks for each offset of the log.
func (s *stage) judgeRows(v *verdict) {
	s.Helper()
	seen := make(map[place]bool, len(s.book.entries))
	markers := maps.Clone(s.book.markers)
	at := func(topic, partition, offset string) (place, entry, bool) {
		p := place{topic, int32(s.integer(partition)), s.integer(offset)}
		if seen[p] {
			v.fault(twice, "%s has two rows", p)
		}
		seen[p] = true
		e, ok := s.book.entries[p]
		return p, e, ok
	}
	copies := int64(0)
	for _, topic := range event.Topics() {
		table := events(s, topic)
		for _, row := range s.rows("SELECT partition, offset, source || ' ' || id, lower(hex(SHA256(subject || '\\n' || id || '\\n' || type || '\\n' || data))) FROM " + table + " GROUP BY partition, offset, source, id, subject, type, data, content_hash, time") {
			p, e, ok := at(topic, row[0], row[1])
			switch {
			case !ok:
				v.fault(unexpected, "%s, the event %s", p, row[2])
			case e.identity != row[2] || e.content != row[3]:
				v.fault(wrong, "%s: the event %s, sent was %s %s", p, row[2], e.identity, e.code)
			}
		}
		copies += s.integer(s.rows("SELECT count() - uniqExact(partition, offset) FROM " + table)[0][0])
	}
	for _, row := range s.rows("SELECT topic, partition, offset, code, lower(hex(sha256)), size, lower(hex(SHA256(payload))) FROM quarantine GROUP BY ALL") {
		p, e, ok := at(row[0], row[1], row[2])
		switch {
		case !ok && row[3] == "transaction_marker" && markers[p.topic] > 0:
			markers[p.topic]--
		case !ok:
			v.fault(unexpected, "%s, in quarantine for %s", p, row[3])
		case e.code != row[3] || e.sum != row[4] || strconv.Itoa(e.size) != row[5] || e.kept != row[6]:
			v.fault(wrong, "%s: in quarantine for %s with %s bytes, sent was %s%s with %d", p, row[3], row[5], e.identity, e.code, e.size)
		}
	}
	for p, e := range s.book.entries {
		if !seen[p] {
			v.fault(lost, "%s: %s%s", p, e.identity, e.code)
		}
	}
	for topic, n := range markers {
		if n > 0 {
			v.fault(lost, "%s: %d ends of transactions", topic, n)
		}
	}
	s.Logf("%d offsets, of which %d rows were physically there more than once", len(seen), copies)
}

// tally is what the books have to say.
type tally struct{ consumed, rows, duplicates, quarantined, gone, missing int64 }

// expected counts the book.
func (b *book) expected() tally {
	var t tally
	identities := map[string]bool{}
	for p, e := range b.entries {
		t.consumed++
		if e.code != "" {
			t.quarantined++
			continue
		}
		id := p.topic + " " + e.identity
		if identities[id] {
			t.duplicates++
		} else {
			identities[id] = true
			t.rows++
		}
	}
	for _, n := range b.markers {
		t.consumed += int64(n)
		t.quarantined += int64(n)
	}
	t.gone = int64(len(b.gone))
	t.consumed += t.gone
	return t
}

var sums = regexp.MustCompile(`(?m)^ *all +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) *$`)

// judgeBooks asks the program whether its books add up, and to what.
func (s *stage) judgeBooks(v *verdict) {
	s.Helper()
	text, err := s.try("reconcile")
	if err != nil {
		v.fault(books, "youzhi reconcile: %v\n%s", err, tail(text))
	}
	m := sums.FindStringSubmatch(text)
	if m == nil {
		v.fault(books, "no sum in\n%s", tail(text))
		return
	}
	got := tally{s.integer(m[1]), s.integer(m[2]), s.integer(m[3]), s.integer(m[4]), s.integer(m[5]), s.integer(m[6])}
	if want := s.book.expected(); got != want {
		v.fault(books, "they say %+v, sent was %+v", got, want)
	}
}

// derived are the tables that are made from events, without what tells when and
// in how many runs they were made.
var derived = []string{
	"SELECT * EXCEPT (version) FROM cases FINAL",
	"SELECT * EXCEPT (version) FROM tickets FINAL",
	"SELECT * EXCEPT (version) FROM surveys FINAL",
	"SELECT * EXCEPT (version) FROM links FINAL",
	"SELECT * EXCEPT (version) FROM facts FINAL WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0",
	"SELECT * EXCEPT (version) FROM totals FINAL WHERE n != 0 OR pending != 0 OR excluded != 0 OR unknown != 0 OR unreported != 0",
	"SELECT * EXCEPT (version) FROM reported_steps FINAL WHERE units != 0",
	"SELECT * EXCEPT (version) FROM conflicts FINAL",
}

// judgeFigures holds the figures to the load, and the state and facts that were
// kept up to date to those that are made anew from the events.
func (s *stage) judgeFigures(v *verdict) {
	s.Helper()
	s.run("jobs", "run", "fold")
	want := fmt.Sprintf("%d of %d", s.pour.load.punctual, s.pour.load.cases)
	text := s.run("kpi", "on_time_delivery_rate", "--from", "2026-03-01", "--to", "2026-04-01", "--format", "json")
	m := regexp.MustCompile(`"numerator": *([0-9.]+),\s*"denominator": *([0-9.]+)`).FindStringSubmatch(text)
	if m == nil {
		v.fault(figures, "no figure in\n%s", text)
	} else if got := m[1] + " of " + m[2]; got != want {
		v.fault(figures, "on time are %s cases, sent were %s", got, want)
	}
	kept := make([][][]string, len(derived))
	for i, statement := range derived {
		kept[i] = s.rows("SELECT * FROM (" + statement + ") ORDER BY ALL")
	}
	s.run("rebuild")
	for i, statement := range derived {
		anew := s.rows("SELECT * FROM (" + statement + ") ORDER BY ALL")
		for j := range max(len(anew), len(kept[i])) {
			if j >= len(anew) || j >= len(kept[i]) || !slices.Equal(anew[j], kept[i][j]) {
				v.fault(figures, "%s: %d rows, made anew %d, from row %d on other ones:\nkept %q\nanew %q", statement, len(kept[i]), len(anew), j,
					kept[i][min(j, len(kept[i])):min(j+1, len(kept[i]))], anew[min(j, len(anew)):min(j+1, len(anew))])
				break
			}
		}
	}
}
