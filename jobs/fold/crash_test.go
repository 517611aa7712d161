package fold_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// errCrash stands for the end of the process.
var errCrash = errors.New("the process ended here")

// breaker is the way to the engine, which breaks at the n-th statement from
// when it is set: before the engine has seen it, or when the engine has done it
// and its answer is lost.
type breaker struct {
	next http.RoundTripper

	mu    sync.Mutex
	seen  int
	at    int // 0: never
	after bool
	text  string // or at the first statement that has this in its address
	what  string // the statement that it broke at
}

// setAt makes the first statement from now whose address has a text fail, and all
// after it; "" mends it.
func (b *breaker) setAt(text string) {
	b.set(0, false)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = text
}

// set makes the n-th statement from now fail, and all after it: what is dead
// asks no more.
func (b *breaker) set(n int, after bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen, b.at, b.after, b.what = 0, n, after, ""
}

func (b *breaker) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.seen++
	if b.at == 0 && b.text != "" && strings.Contains(r.URL.Query().Get("query"), b.text) {
		b.at = b.seen
	}
	breaks, dead := b.at != 0 && b.seen == b.at, b.at != 0 && b.seen > b.at
	b.mu.Unlock()
	if dead {
		return nil, errCrash
	}
	if !breaks {
		return b.next.RoundTrip(r)
	}
	what := r.URL.Query().Get("query")
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if what == "" {
			what = string(body)
		}
	}
	b.mu.Lock()
	b.what, _, _ = strings.Cut(what, "\n")
	b.mu.Unlock()
	if !b.after {
		return nil, errCrash
	}
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return nil, errors.Join(errCrash, err, response.Body.Close())
}

// openThrough is a database of the test's own behind a breaker.
func openThrough(t *testing.T, b *breaker, name string) *queries.DB {
	t.Helper()
	ctx := context.Background()
	b.next = embeddedtest.Engine(t).Transport()
	db, err := queries.Open(ctx, queries.Options{Transport: b, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Exec(ctx, "DROP DATABASE "+name, nil), db.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(ctx, asOf); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestFoldAfterCrash ends runs at each of their statements, before the engine
// has seen it or after it has done it, lets more events come or not, runs again,
// and holds the state and the figures to a fold in memory; in the end the facts
// are those of one ordered pass.
func TestFoldAfterCrash(t *testing.T) {
	var b breaker
	broken, ordered := inSteps(newRoom(t, openThrough(t, &b, "crash"))), newRoom(t, queriestest.Open(t))
	// Few calls have more statements; one without a statement of a number is one
	// that nothing ends.
	const statements = 200
	crashes := 6
	if thorough(t) {
		crashes = statements
	}
	rnd := rand.New(rand.NewPCG(1, 4))
	var pool, events []reported
	for seed := range uint64(20) {
		pool = append(pool, generate(t, 1000+seed)...)
	}
	rnd.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	store := func(n int) {
		n = min(n, len(pool))
		broken.store(t, pool[:n], 0, func() int32 { return rnd.Int32N(3) })
		events = append(events, pool[:n]...)
		pool = pool[n:]
	}
	// Most of the events come first, so that later ones find old rows.
	store(len(pool) / 2)
	at := asOf.Add(-60 * day)
	broken.run(t, at)
	most := len(pool) / crashes
	// Some calls take two runs, or three.
	broken.inSpans(most / 3)
	for i := range crashes {
		store(1 + rnd.IntN(most))
		at = at.Add(50 * day / time.Duration(crashes)).Truncate(time.Microsecond)
		n, after := 1+i*statements/crashes, rnd.IntN(2) == 0
		var ends []string
		for {
			b.set(n, after)
			err := broken.job.Run(context.Background(), at)
			if err != nil && !errors.Is(err, errCrash) {
				t.Fatalf("crash %d: %v", i, err)
			}
			ends = append(ends, b.what)
			b.set(0, false)
			if rnd.IntN(2) == 0 {
				store(1 + rnd.IntN(most))
				at = at.Add(time.Hour)
			}
			if err == nil || rnd.IntN(3) > 0 {
				break
			}
			n, after = 1+rnd.IntN(statements), rnd.IntN(2) == 0
		}
		b.set(0, false)
		broken.run(t, at)
		name := fmt.Sprintf("crash %d, after the ends of runs at %q", i, ends)
		units := broken.reference(events, at)
		if diff := differences(referenceRows(units), stored(t, broken.db, state.Live)); diff != "" {
			t.Fatalf("%s: the state is not the fold in memory:\n%s", name, diff)
		}
		if diff := broken.figuresByDay(t, judge(units, at)); diff != "" {
			t.Fatalf("%s: the figures by day are not the units judged one by one:\n%s", name, diff)
		}
	}
	store(len(pool))
	broken.run(t, asOf)
	ordered.inOrder(t, events)
	if diff := differences(stored(t, ordered.db, state.Live), stored(t, broken.db, state.Live)); diff != "" {
		t.Fatalf("the state is not that of the ordered pass:\n%s", diff)
	}
	if diff := differences(derived(t, ordered.db), derived(t, broken.db)); diff != "" {
		t.Fatalf("the facts are not those of the ordered pass:\n%s", diff)
	}
}

// TestMergeAfterCrash moves a ticket from one group of merged tickets to another
// in runs that end at each of their statements: the group that it leaves has to
// lose its receipt though no event of that group has come.
func TestMergeAfterCrash(t *testing.T) {
	var b breaker
	r := inSteps(newRoom(t, openThrough(t, &b, "crash_merge")))
	g := &generator{Rand: rand.New(rand.NewPCG(1, 5))}
	start := asOf.Add(-10 * day)
	var events []reported
	tell := func(subject, kind string, at time.Time, data fields, correct string) string {
		i := g.add(subject, kind, at, data)
		g.drafts[i].Source, g.drafts[i].CorrectsID = "/cn/post/crm", correct
		g.drafts[i].Recorded = start.Add(time.Duration(g.ids) * time.Second)
		told := g.decoded(t)
		g.drafts = g.drafts[:0:0]
		r.store(t, told, 0, func() int32 { return 0 })
		events = append(events, told...)
		return told[0].ID
	}
	received := func(subject string, at time.Time, into string) string {
		return tell(subject, "ticket.received", at, fields{"kind": "complaint", "region": "330100", "channel": "phone", "duplicate_of": into}, none)
	}
	received("T1", start.Add(3*day), none)
	received("T2", start.Add(2*day), "T1")
	received("T3", start.Add(4*day), none)
	moved := received("T4", start.Add(day), "T2")
	r.run(t, asOf)
	targets := []any{"T3", "T2", nil}
	all, step := thorough(t), 1
	if !all {
		step = 2
	}
	for n, ended := 1, false; !ended; n += step {
		for _, after := range []bool{n/2%2 == 0, n/2%2 == 1} {
			tell("T4", "ticket.corrected", start.Add(5*day), fields{"data": fields{"duplicate_of": targets[g.IntN(3)]}}, moved)
			b.set(n, after)
			err := r.job.Run(context.Background(), asOf)
			if err != nil && !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			what := b.what
			b.set(0, false)
			r.run(t, asOf)
			if diff := differences(referenceRows(r.reference(events, asOf)), stored(t, r.db, state.Live)); diff != "" {
				t.Fatalf("after the end of a run at statement %d, %q, done %v: the state is not the fold in memory:\n%s", n, what, after, diff)
			}
			// With the facts the state is written.
			ended = ended || err == nil || !all && strings.HasPrefix(what, "INSERT INTO facts")
			if !all {
				break
			}
		}
	}
}

// TestCutOffBetweenTwoReports ends a run that has replaced the facts of all days,
// because a source was found to report deliveries, before it is recorded; when it is
// done again the source turns out not to have, and all days change back.
func TestCutOffBetweenTwoReports(t *testing.T) {
	var b breaker
	s := newTeller(newRoom(t, openThrough(t, &b, "reports")))
	start := asOf.Add(-40 * day)
	// Without complaints the complaints per case have no source either.
	s.tell(t, "/c", "T1", "ticket.received", start, fields{"kind": "complaint", "region": "330100", "channel": "phone"})
	s.accept(t, "/a", "C1", "parcel", start)
	s.run(t, asOf)
	s.accept(t, "/a", "C2", "parcel", start.Add(20*day))
	s.tell(t, "/a", "C2", "case.delivered", start.Add(21*day), nil)
	delivered := s.events[len(s.events)-1]
	b.setAt("INSERT INTO fold_runs")
	if err := s.job.Run(context.Background(), asOf); !errors.Is(err, errCrash) {
		t.Fatalf("the run ended with %v", err)
	}
	b.setAt("")
	s.void(t, delivered, start.Add(22*day))
	s.run(t, asOf)
	s.check(t, asOf)
}
