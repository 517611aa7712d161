package topic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded/embeddedtest"
)

const name = "youzhi.cases.v1"

// start stands for the clock: the record timestamps of the tests.
var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func client(t testing.TB, addrs []string) *Client {
	t.Helper()
	c, err := New(Options{Brokers: addrs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func messages(from, n int) []Message {
	out := make([]Message, n)
	for i := range out {
		k := from + i
		out[i] = Message{Key: fmt.Appendf(nil, "C%d", k%97), Value: fmt.Appendf(nil, "value %d", k), Time: start.Add(time.Duration(k) * time.Millisecond)}
	}
	return out
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	for _, brokers := range [][]string{nil, {"localhost"}, {"localhost:kafka"}, {":9092"}, {"a:0"}} {
		if _, err := New(Options{Brokers: brokers}); err == nil {
			t.Errorf("brokers %q: no error", brokers)
		}
	}
}

func TestCreateMakesOnlyWhatIsMissing(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 2}))
	for range 2 {
		if err := c.Create(ctx, 5, name, "youzhi.surveys.v1"); err != nil {
			t.Fatal(err)
		}
	}
	have, err := c.Partitions(ctx, name, "youzhi.surveys.v1", "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{name: 2, "youzhi.surveys.v1": 5}, have); diff != "" {
		t.Error(diff)
	}
	big := []Message{{Key: []byte("k"), Value: make([]byte, MaxMessage-1), Time: start}}
	if _, err := c.Write(ctx, "youzhi.surveys.v1", big); err != nil {
		t.Errorf("the largest message: %v", err)
	}
	big[0].Value = append(big[0].Value, 0)
	if _, err := c.Write(ctx, "youzhi.surveys.v1", big); err == nil {
		t.Error("a message that is too large: no error")
	}
	if err := c.Create(ctx, 0, name); err == nil {
		t.Error("no partitions: no error")
	}
}

func TestWriteReturnsThePlaceOfEachMessage(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 3}))
	sent := messages(0, 25_000)
	sent = append(sent, Message{Key: []byte("C1"), Time: start}) // a tombstone
	acks, err := c.Write(ctx, name, sent)
	if err != nil {
		t.Fatal(err)
	}
	type at struct {
		partition int32
		offset    int64
	}
	want := map[at]int{}
	keys := map[string]int32{}
	for i, a := range acks {
		want[at{a.Partition, a.Offset}] = i
		if p, ok := keys[string(sent[i].Key)]; ok && p != a.Partition {
			t.Fatalf("key %s is in partitions %d and %d", sent[i].Key, p, a.Partition)
		}
		keys[string(sent[i].Key)] = a.Partition
	}
	if len(want) != len(sent) {
		t.Fatalf("%d places for %d messages", len(want), len(sent))
	}
	got := 0
	read(ctx, t, c, "g", func(p *Partition, r Record) bool {
		i, ok := want[at{p.Partition, r.Offset}]
		if !ok {
			t.Fatalf("%d/%d was never acknowledged", p.Partition, r.Offset)
		}
		if !bytes.Equal(r.Key, sent[i].Key) || !bytes.Equal(r.Value, sent[i].Value) || (r.Value == nil) != (sent[i].Value == nil) || !r.Time.Equal(sent[i].Time) {
			t.Fatalf("message %d came back as %+v", i, r)
		}
		got++
		return got < len(sent)
	})

	if _, err := c.Write(ctx, "nowhere", messages(0, 1)); err == nil {
		t.Error("a topic that does not exist: no error")
	}
	if _, err := c.Write(ctx, name, []Message{{Key: []byte("k")}}); err == nil {
		t.Error("a message without time: no error")
	}
}

// read fetches every partition of the topic as a member of the group until each
// says enough.
func read(ctx context.Context, t testing.TB, c *Client, group string, each func(*Partition, Record) bool) (gaps []Gap) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	err := c.Consume(ctx, GroupOptions{ID: group, Topics: []string{name}, MaxWait: 50 * time.Millisecond, Logger: quiet()}, func(ctx context.Context, g *Generation) error {
		var wg sync.WaitGroup
		for _, p := range g.Partitions() {
			wg.Go(func() {
				for ctx.Err() == nil {
					chunk, err := p.Fetch(ctx)
					if err != nil && ctx.Err() == nil {
						t.Errorf("fetch: %v", err)
						cancel()
					}
					mu.Lock()
					gaps = append(gaps, chunk.Gaps...)
					for _, r := range chunk.Records {
						if ctx.Err() == nil && !each(p, r) {
							cancel()
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return gaps
}

func TestCommitNeverGoesBack(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 1}))
	if _, err := c.Write(ctx, name, messages(0, 100)); err != nil {
		t.Fatal(err)
	}
	committed := func() int64 {
		t.Helper()
		offsets, err := c.Offsets(ctx, "g", name)
		if err != nil {
			t.Fatal(err)
		}
		return offsets[0].Committed
	}
	if got := committed(); got != -1 {
		t.Errorf("a new group has committed %d", got)
	}
	member := func(each func(g *Generation)) {
		t.Helper()
		ctx, cancel := context.WithCancel(ctx)
		err := c.Consume(ctx, GroupOptions{ID: "g", Topics: []string{name}, Logger: quiet()}, func(_ context.Context, g *Generation) error {
			each(g)
			cancel()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var old *Generation
	member(func(g *Generation) {
		old = g
		for _, next := range []int64{0, 50, 40, 50, 10} {
			if err := g.Commit(ctx, name, map[int32]int64{0: next}); err != nil {
				t.Fatal(err)
			}
		}
		if got := committed(); got != 50 {
			t.Errorf("committed 50 and then less: %d", got)
		}
	})
	member(func(g *Generation) {
		if p := g.Partitions()[0]; p.Next() != 50 {
			t.Errorf("the next generation begins at %d", p.Next())
		}
		if err := g.Commit(ctx, name, map[int32]int64{0: 20}); err != nil {
			t.Fatal(err)
		}
		if got := committed(); got != 50 {
			t.Errorf("a generation commits below what it found: %d", got)
		}
	})
	if err := old.Commit(ctx, name, map[int32]int64{0: 99}); err == nil {
		t.Error("an ended generation could commit")
	}
	if got := committed(); got != 50 {
		t.Errorf("an ended generation committed: %d", got)
	}
}

func TestExpiredOffsetsAreAGap(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 1}))
	if _, err := c.Write(ctx, name, messages(0, 100)); err != nil {
		t.Fatal(err)
	}
	generations := 0
	ctx, cancel := context.WithCancel(ctx)
	err := c.Consume(ctx, GroupOptions{ID: "g", Topics: []string{name}, Logger: quiet()}, func(ctx context.Context, g *Generation) error {
		p := g.Partitions()[0]
		if generations++; generations == 1 {
			if err := g.Commit(ctx, name, map[int32]int64{0: 10}); err != nil {
				t.Error(err)
			}
			deleteBefore(ctx, t, c, 70)
			// This generation's position is gone from the log.
			chunk, err := p.Fetch(ctx)
			if diff := cmp.Diff([]Gap{{Topic: name, From: 0, To: 70}}, chunk.Gaps); diff != "" || len(chunk.Records) > 0 || err != nil {
				t.Errorf("%v %s", err, diff)
			}
			return nil
		}
		// The next one finds that what is committed is gone.
		chunk, err := p.Fetch(ctx)
		if diff := cmp.Diff([]Gap{{Topic: name, From: 10, To: 70}}, chunk.Gaps); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		chunk, err = p.Fetch(ctx)
		if err != nil || len(chunk.Records) != 30 || chunk.Records[0].Offset != 70 {
			t.Errorf("after the gap: %d records, %v", len(chunk.Records), err)
		}
		cancel()
		return nil
	})
	if err != nil || generations != 2 {
		t.Errorf("%d generations, %v", generations, err)
	}
	offsets, err := c.Offsets(within(t), "g", name)
	if diff := cmp.Diff([]PartitionOffsets{{Topic: name, ID: one(t, c, name).ID, First: 70, End: 100, Committed: 10}}, offsets); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if lag := offsets[0].Lag(); lag != 30 {
		t.Errorf("lag %d", lag)
	}
}

// A log that lost its tail is an error: its offsets will name other messages than
// those that are stored.
// What a chunk holds stays until it is released, and what comes into released
// memory is what the log holds.
func TestChunksAndTheirMemory(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 1}))
	for from := 0; from < 600; from += 20 {
		if _, err := c.Write(ctx, name, messages(from, 20)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	err := c.Consume(ctx, GroupOptions{ID: "g", Topics: []string{name}, Logger: quiet(), MaxBytes: 2000}, func(ctx context.Context, g *Generation) error {
		defer cancel()
		p, next := g.Partitions()[0], int64(0)
		check := func(chunk Chunk, first int64) {
			want := messages(int(first), len(chunk.Records))
			for i, r := range chunk.Records {
				if r.Offset != first+int64(i) || !bytes.Equal(r.Key, want[i].Key) || !bytes.Equal(r.Value, want[i].Value) {
					t.Errorf("offset %d: %d, %s: %s", first+int64(i), r.Offset, r.Key, r.Value)
				}
			}
		}
		var held Chunk
		chunks := 0
		for next < 600 {
			chunk, err := p.Fetch(ctx)
			if err != nil {
				return err
			}
			check(chunk, next)
			chunks++
			if next += int64(len(chunk.Records)); next == int64(len(chunk.Records)) {
				held = chunk
				continue
			}
			chunk.Release()
		}
		check(held, 0)
		if chunks < 3 {
			t.Errorf("%d chunks", chunks)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPositionBeyondTheLogIsAnError(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 1}))
	if _, err := c.Write(ctx, name, messages(0, 5)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	generations := 0
	_ = c.Consume(ctx, GroupOptions{ID: "g", Topics: []string{name}, Logger: quiet()}, func(ctx context.Context, g *Generation) error {
		if generations++; generations == 1 {
			return g.Commit(ctx, name, map[int32]int64{0: 50})
		}
		defer cancel()
		p := g.Partitions()[0]
		if _, err := p.Fetch(ctx); err == nil || p.Next() != 50 {
			t.Errorf("fetched at %d: %v", p.Next(), err)
		}
		return nil
	})
}

func TestTransactions(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 1}))
	if _, err := c.Write(ctx, name, messages(0, 2)); err != nil {
		t.Fatal(err)
	}
	transaction(ctx, t, c, messages(2, 2), false)
	transaction(ctx, t, c, messages(4, 3), true)
	if _, err := c.Write(ctx, name, messages(7, 1)); err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	gaps := read(ctx, t, c, "g", func(_ *Partition, r Record) bool {
		kinds = append(kinds, r.Kind)
		return len(kinds) < 10
	})
	want := []Kind{Data, Data, Aborted, Aborted, Marker, Data, Data, Data, Marker, Data}
	if diff := cmp.Diff(want, kinds); diff != "" || len(gaps) > 0 {
		t.Errorf("gaps %v, kinds %s", gaps, diff)
	}
}

// Two members, one of which leaves: every message is read, and each commit is
// taken.
func TestRebalanceLosesNothing(t *testing.T) {
	ctx, c := within(t), client(t, embeddedtest.Broker(t, map[string]int32{name: 4}))
	const n = 2000
	// Many small batches, for a fetch brings whole ones.
	for i := 0; i < n; i += 20 {
		if _, err := c.Write(ctx, name, messages(i, 20)); err != nil {
			t.Fatal(err)
		}
	}
	generations := map[int32]bool{}
	var mu sync.Mutex
	seen := map[string]bool{}
	waits := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(generations) < 2 && len(seen) > n*3/4
	}
	all, cancelAll := context.WithCancel(ctx)
	defer cancelAll()
	member := func(ctx context.Context, pause time.Duration) error {
		return c.Consume(ctx, GroupOptions{ID: "g", Topics: []string{name}, MaxWait: 50 * time.Millisecond, MaxBytes: 1000, SessionTimeout: 6 * time.Second, Logger: quiet()},
			func(ctx context.Context, g *Generation) error {
				mu.Lock()
				generations[g.raw.ID] = true
				mu.Unlock()
				var wg sync.WaitGroup
				for _, p := range g.Partitions() {
					wg.Go(func() {
						for ctx.Err() == nil {
							chunk, err := p.Fetch(ctx)
							if err != nil {
								return
							}
							mu.Lock()
							for _, r := range chunk.Records {
								seen[string(r.Value)] = true
							}
							mu.Unlock()
							if err := g.Commit(context.WithoutCancel(ctx), name, map[int32]int64{p.Partition: p.Next()}); err != nil && !errors.Is(err, ErrGenerationEnded) {
								t.Errorf("commit: %v", err)
							}
							sleep(ctx, pause)
							// The last of them wait for the one that leaves.
							for waits() {
								if !sleep(ctx, pause) {
									return
								}
							}
						}
					})
				}
				wg.Wait()
				return nil
			})
	}
	var wg sync.WaitGroup
	first, leave := context.WithCancel(all)
	wg.Go(func() { _ = member(first, 20*time.Millisecond) })
	wg.Go(func() { _ = member(all, 20*time.Millisecond) })
	for left := int64(n); left > 0; {
		if !sleep(ctx, 50*time.Millisecond) {
			t.Fatal("the messages were not read in time")
		}
		offsets, err := c.Offsets(ctx, "g", name)
		if err != nil {
			t.Fatal(err)
		}
		left = 0
		for _, o := range offsets {
			left += o.Lag()
		}
		if left < n/2 {
			leave()
		}
	}
	cancelAll()
	leave()
	wg.Wait()
	if len(seen) != n || len(generations) < 2 {
		t.Errorf("%d of %d messages were read, in %d generations", len(seen), n, len(generations))
	}
}
