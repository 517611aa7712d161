package fold_test

import (
	"context"
	"testing"
	"time"

	"youzhi/metrics/state"
	"youzhi/queries/queriestest"
)

// TestRunsAreBounded follows a backlog that one call folds in several runs: each
// goes on where the one before ended, and together they take what had arrived.
func TestRunsAreBounded(t *testing.T) {
	ctx := context.Background()
	r := newRoom(t, queriestest.Open(t))
	var events []reported
	for seed := range uint64(5) {
		events = append(events, generate(t, 1+seed)...)
	}
	n := int32(0)
	r.store(t, events, 0, func() int32 { n++; return n % 3 })
	// Of sixteen parts, a run each takes one, two, four and the nine left, which are one
	// and a half times its eight at most; offsets without an event make it some more or
	// fewer.
	r.inSpans(len(events) / 16)
	r.run(t, asOf)
	last, err := r.builder.LastRun(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if last.Number < 3 || last.Number > 5 {
		t.Errorf("%d runs, want about 4", last.Number)
	}
	ranges, err := r.builder.Arrived(ctx, last)
	if err != nil || len(ranges) > 0 {
		t.Errorf("left to fold: %v, %v", ranges, err)
	}
	if diff := differences(referenceRows(r.reference(events, asOf)), stored(t, r.db, state.Live)); diff != "" {
		t.Errorf("the state is not the fold in memory:\n%s", diff)
	}
	// Nothing has come, but time has passed.
	r.run(t, asOf.Add(time.Minute))
	again, err := r.builder.LastRun(ctx)
	if err != nil || again.Number != last.Number+1 {
		t.Errorf("run %d after %d: %v", again.Number, last.Number, err)
	}
	// A run over all takes all at once.
	if err := r.builder.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	r.run(t, asOf.Add(time.Minute))
	all, err := r.builder.LastRun(ctx)
	if err != nil || all.Number != again.Number+2 {
		t.Errorf("run %d after the %d of forgetting: %v", all.Number, again.Number+1, err)
	}
	if diff := differences(referenceRows(r.reference(events, asOf.Add(time.Minute))), stored(t, r.db, state.Live)); diff != "" {
		t.Errorf("made again, the state is not the fold in memory:\n%s", diff)
	}
}

// TestAnswersWhileRunsFold asks for figures and the as_of over and over while a
// backlog is folded in many runs: what is told as calculated never goes back.
func TestAnswersWhileRunsFold(t *testing.T) {
	ctx := context.Background()
	r := newRoom(t, queriestest.Open(t))
	var events []reported
	for seed := range uint64(10) {
		events = append(events, generate(t, 100+seed)...)
	}
	r.store(t, events, 0, func() int32 { return 0 })
	r.inSpans(len(events) / 6)
	done := make(chan error, 1)
	go func() { done <- r.job.Run(ctx, asOf) }()
	answers := 0
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if answers == 0 {
				t.Error("no answer was given while the runs folded")
			}
			return
		default:
		}
		release, err := r.editions.ReadLive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		last, err := r.builder.LastRun(ctx)
		if err != nil {
			t.Fatal(err)
		}
		// The rows of the run that is being folded are not there yet.
		var rows []struct {
			Version uint64 `ch:"version"`
		}
		err = r.db.Select(ctx, &rows, "SELECT max(v) AS version FROM (SELECT max(version) AS v FROM cases UNION ALL SELECT max(version) FROM tickets UNION ALL SELECT max(version) FROM surveys UNION ALL SELECT max(version) FROM facts)", nil)
		release()
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Version > last.Number {
			t.Fatalf("rows of run %d are read before it has ended: the last one is %d", rows[0].Version, last.Number)
		}
		if last.Number > 0 {
			answers++
		}
	}
}
