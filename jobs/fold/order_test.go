package fold_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	jobfold "youzhi/jobs/fold"
	"youzhi/metrics"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/state"
	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// oneSeed runs a single seed: the one that a failed test has named.
var oneSeed = flag.Int("seed", 0, "run the fold's histories of this seed alone")

// room is the fold job and what asks for its figures, over a database of its own.
type room struct {
	rules
	db       *queries.DB
	cat      *catalogue.Catalogue
	builder  *state.Builder
	facts    *metrics.Facts
	job      *jobfold.Job
	eval     *metrics.Evaluator
	editions *state.Editions
	// next is the first free offset, by place in the log.
	next map[state.Place]int64
}

func newRoom(t testing.TB, db *queries.DB) *room {
	t.Helper()
	cat, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	r := &room{rules: loadRules(t), db: db, cat: cat, next: map[state.Place]int64{}}
	r.builder = state.NewBuilder(db, r.policy, r.calendar)
	r.editions = state.NewEditions(r.builder)
	t.Cleanup(func() {
		if err := r.editions.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.facts = metrics.NewFacts(db, cat)
	r.inSpans(0)
	r.eval = metrics.New(db, cat, r.editions)
	return r
}

// inSteps is a room whose folds take a few subjects at once, write a few rows, and
// replace the facts of a few days, as those of many do.
func inSteps(r *room) *room {
	r.builder.InSteps(25, 150)
	r.facts.InPortions(200)
	return r
}

// inSpans makes the job take about n events in one run, DefaultSpan if 0.
func (r *room) inSpans(n int) {
	r.job = jobfold.New(jobfold.Options{
		Builder: r.builder, Facts: r.facts, Versions: "test", Logger: slog.New(slog.DiscardHandler), Span: int64(n),
	})
}

// clear empties the database: a new one for each world takes longer.
func (r *room) clear(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	if err := r.editions.Close(ctx); err != nil {
		t.Fatal(err)
	}
	var tables []struct {
		Name string `ch:"name"`
	}
	err := r.db.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'migrations' AND total_rows > 0", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := r.db.Exec(ctx, "TRUNCATE TABLE "+table.Name, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.next = map[state.Place]int64{}
	// The numbers of runs begin anew, which they never do where answers are kept.
	r.eval = metrics.New(r.db, r.cat, r.editions)
}

// store appends events to the log, each at the end of its partition, and stores
// as many of them a second time at the same place, as after an insert whose
// outcome ingest did not learn.
func (r *room) store(t testing.TB, events []reported, twice int, partition func() int32) {
	t.Helper()
	rows := map[string][]queries.EventRow{}
	for _, e := range events {
		p := state.Place{Topic: e.topic, Partition: partition()}
		rows[e.topic] = append(rows[e.topic], queriestest.Row(e.Event, p.Partition, r.next[p], recordTime))
		// What is not an event leaves a gap.
		r.next[p] += 1 + int64(len(e.Subject)+len(e.ID))%2
	}
	for topic, rows := range rows {
		insert := func(rows []queries.EventRow) {
			if err := r.db.InsertEvents(context.Background(), topic, queries.EventsOf(rows...)); err != nil {
				t.Fatal(err)
			}
		}
		insert(rows)
		insert(rows[:min(twice, len(rows))])
	}
}

func (r *room) run(t testing.TB, at time.Time) {
	t.Helper()
	if err := r.job.Run(context.Background(), at); err != nil {
		t.Fatal(err)
	}
}

// inOrder is the pass that all others are held to: everything stored at once in
// the order of its time, and one run.
func (r *room) inOrder(t testing.TB, events []reported) {
	t.Helper()
	r.store(t, events, 0, func() int32 { return 0 })
	r.run(t, asOf)
}

// inPieces stores each piece of a world, spread over three partitions, and folds
// it, whole or in spans of the log.
func (r *room) inPieces(t testing.TB, w world) {
	t.Helper()
	n := int32(0)
	for i, piece := range w.pieces {
		// One piece in one run, the next in two, the next in three.
		r.inSpans(len(piece)/(1+i%3) + 1)
		r.store(t, piece, 10, func() int32 { n++; return n % 3 })
		r.run(t, w.instants[i])
	}
}

// seedCount is how many seeds run: all of them where YOUZHI_SEEDS says so.
func seedCount(t testing.TB, some int) int {
	t.Helper()
	text := os.Getenv("YOUZHI_SEEDS")
	if text == "" {
		return some
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("YOUZHI_SEEDS=%s: want a number of seeds", text)
	}
	return n
}

// thorough says that time does not matter: `make verify`.
func thorough(t testing.TB) bool {
	t.Helper()
	return seedCount(t, 0) > 0
}

// together is how many seeds share a database, as the subjects of one operator:
// a run costs the same for one seed as for ten.
const together = 20

// world is some seeds in one store.
type world struct {
	name   string
	events []reported
	// pieces are the events shuffled, some of them again, cut into inserts with
	// a run after each; instants are those of the runs, which rise to asOf.
	pieces   [][]reported
	instants []time.Time
}

// worlds draws the worlds of the seeds from 1 to count, or that of the seed
// asked for. How a seed is cut depends on it and on its neighbours' number
// alone, so that what failed among others fails by itself.
func worlds(t testing.TB, count int) iter.Seq[world] {
	t.Helper()
	return func(yield func(world) bool) {
		for first := 1; first <= count; first += together {
			seeds := []int{}
			for seed := first; seed < min(first+together, count+1); seed++ {
				seeds = append(seeds, seed)
			}
			if *oneSeed != 0 {
				first = (*oneSeed-1)/together*together + 1
				seeds, count = []int{*oneSeed}, 0
			}
			if !yield(newWorld(t, uint64(first), seeds)) {
				return
			}
		}
	}
}

var seedOf = regexp.MustCompile(`\bs(\d{3,})-`)

// fail names the seeds whose subjects differ, each of which fails alone.
func (w world) fail(t testing.TB, what, diff string) {
	t.Helper()
	var alone []string
	for _, m := range seedOf.FindAllStringSubmatch(diff, -1) {
		alone = append(alone, "-seed "+strings.TrimLeft(m[1], "0"))
	}
	slices.Sort(alone)
	t.Fatalf("%s: %s %v:\n%s", w.name, what, slices.Compact(alone), diff)
}

func newWorld(t testing.TB, number uint64, seeds []int) world {
	t.Helper()
	w := world{name: fmt.Sprintf("seeds %d to %d", seeds[0], seeds[len(seeds)-1])}
	plan := rand.New(rand.NewPCG(number, 2))
	w.pieces = make([][]reported, 3+plan.IntN(3))
	w.instants = []time.Time{asOf}
	for len(w.instants) < len(w.pieces) {
		before := []time.Duration{0, time.Second, time.Hour, day, 10 * day, 40 * day, 400 * day}[plan.IntN(7)]
		w.instants = append(w.instants, asOf.Add(-before))
	}
	slices.SortFunc(w.instants, time.Time.Compare)
	for _, seed := range seeds {
		events := generate(t, uint64(seed))
		w.events = append(w.events, events...)
		cut := rand.New(rand.NewPCG(uint64(seed), 3))
		for _, e := range events {
			for again := true; again; again = cut.IntN(8) == 0 {
				i := cut.IntN(len(w.pieces))
				w.pieces[i] = append(w.pieces[i], e)
			}
		}
	}
	slices.SortStableFunc(w.events, func(a, b reported) int { return a.Time.Compare(b.Time) })
	for _, piece := range w.pieces {
		plan.Shuffle(len(piece), func(a, b int) { piece[a], piece[b] = piece[b], piece[a] })
	}
	return w
}

// TestFoldInAnyOrder holds the state and the facts of a store that was filled in
// pieces, in any order and with repetitions, to those of one ordered pass, and
// both to a fold in memory; then the figures and lists to their units, and the
// state folded from the events for an as_of, now and past, to a fold in memory.
func TestFoldInAnyOrder(t *testing.T) {
	ctx := context.Background()
	ordered, pieces := newRoom(t, queriestest.Open(t)), inSteps(newRoom(t, queriestest.Open(t)))
	keys := ordered.keys("")
	n := 0
	for w := range worlds(t, seedCount(t, 20)) {
		ordered.clear(t)
		pieces.clear(t)
		ordered.inOrder(t, w.events)
		pieces.inPieces(t, w)
		units := ordered.reference(w.events, asOf)
		want := referenceRows(units)
		if diff := differences(want, stored(t, ordered.db, state.Live)); diff != "" {
			w.fail(t, "the ordered pass is not the fold in memory", diff)
		}
		if diff := differences(want, stored(t, pieces.db, state.Live)); diff != "" {
			w.fail(t, "the state in pieces is not the fold in memory", diff)
		}
		if diff := differences(derived(t, ordered.db), derived(t, pieces.db)); diff != "" {
			w.fail(t, "the facts in pieces are not those of the ordered pass", diff)
		}
		// Merged down, rows of one version keep their order: the last one stays.
		for _, table := range []string{"cases", "tickets", "surveys", "subjects", "links", "facts", "totals", "reported_steps", "reporters"} {
			if err := pieces.db.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL", nil); err != nil {
				t.Fatal(err)
			}
		}
		if diff := differences(want, stored(t, pieces.db, state.Live)); diff != "" {
			w.fail(t, "the state in pieces, merged down, is not the fold in memory", diff)
		}
		if diff := differences(derived(t, ordered.db), derived(t, pieces.db)); diff != "" {
			w.fail(t, "the facts in pieces, merged down, are not those of the ordered pass", diff)
		}
		for _, at := range []time.Time{asOf, w.instants[0].Add(-5 * day)} {
			edition, release, err := pieces.editions.At(ctx, at, len(state.Bases)-1)
			if err != nil {
				t.Fatal(err)
			}
			if diff := differences(referenceRows(pieces.reference(w.events, at)), stored(t, pieces.db, edition)); diff != "" {
				w.fail(t, fmt.Sprintf("the state as of %s is not the fold in memory", at), diff)
			}
			release()
		}
		judgements := judge(units, asOf)
		pieces.checkFigures(t, judgements)
		// The lists take longest: each world looks at those of some indicators.
		pieces.checkLists(t, judgements, []string{keys[n%len(keys)], keys[(n+4)%len(keys)]})
		n++
		if t.Failed() {
			w.fail(t, "see above", "")
		}
	}
}
