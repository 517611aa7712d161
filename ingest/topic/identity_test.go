package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/deploy/embedded/embeddedtest"
)

// follower is a member of the group that commits what it fetches, and tells.
type follower struct {
	mu      sync.Mutex
	seen    []map[string]Topic
	values  []string // partition and value of each record
	gaps    []Gap
	faults  []error
	stalls  []error
	changed chan struct{}
}

// follow runs a member until the test ends. expect, if not nil, is called with
// each partition before it is read.
func follow(t testing.TB, c *Client, topics []string, set func(*GroupOptions), expect func(*Partition)) (f *follower, stop func()) {
	t.Helper()
	f = &follower{changed: make(chan struct{}, 1)}
	note := func(change func()) {
		f.mu.Lock()
		change()
		f.mu.Unlock()
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	o := GroupOptions{
		ID: "g", Topics: topics, MaxWait: 50 * time.Millisecond, Watch: 100 * time.Millisecond, Logger: quiet(),
		Seen: func(_ context.Context, have map[string]Topic) error {
			note(func() { f.seen = append(f.seen, have) })
			return nil
		},
		State: func(err error) {
			if err != nil {
				note(func() { f.faults = append(f.faults, err) })
			}
		},
		Stalled: func(_ string, _ int32, err error) { note(func() { f.stalls = append(f.stalls, err) }) },
	}
	if set != nil {
		set(&o)
	}
	go func() {
		defer close(done)
		err := c.Consume(ctx, o, func(ctx context.Context, g *Generation) error {
			var wg sync.WaitGroup
			for _, p := range g.Partitions() {
				if expect != nil {
					expect(p)
				}
				wg.Go(func() {
					for ctx.Err() == nil {
						chunk, err := p.Fetch(ctx)
						if errors.Is(err, ErrGenerationEnded) {
							return
						}
						if err != nil {
							sleep(ctx, 20*time.Millisecond)
							continue
						}
						// As the ingest does: nothing is kept of another topic.
						if chunk.Empty() || g.Same(ctx, p.Topic) != nil {
							continue
						}
						note(func() {
							f.gaps = append(f.gaps, chunk.Gaps...)
							for _, r := range chunk.Records {
								f.values = append(f.values, fmt.Sprintf("%s/%d/%d=%s", p.ID.String()[:4], p.Partition, r.Offset, r.Value))
							}
						})
						_ = g.Commit(context.WithoutCancel(ctx), p.Topic, map[int32]int64{p.Partition: p.Next()})
					}
				})
			}
			<-ctx.Done()
			wg.Wait()
			return nil
		})
		if err != nil {
			t.Errorf("consume: %v", err)
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-done
		})
	}
	t.Cleanup(stop)
	return f, stop
}

// until waits for what the follower is to know.
func (f *follower) until(t testing.TB, what string, ready func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		f.mu.Lock()
		ok := ready()
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-f.changed:
		case <-deadline:
			f.mu.Lock()
			defer f.mu.Unlock()
			t.Fatalf("not in time: %s; values %d, gaps %v, faults %v", what, len(f.values), f.gaps, f.faults)
		}
	}
}

// different is how many records were read, each counted once. f.mu is held.
func (f *follower) different() int {
	seen := map[string]bool{}
	for _, v := range f.values {
		seen[v] = true
	}
	return len(seen)
}

func write(t testing.TB, c *Client, topic string, from, n int) {
	t.Helper()
	// The client learns of a new topic within kafka-go's time of keeping metadata.
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := c.Write(within(t), topic, messages(from, n))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func one(t testing.TB, c *Client, topic string) Topic {
	t.Helper()
	found, err := c.Topics(within(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	return found[topic]
}

func TestTopicsHaveIDs(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 3})
	c := client(t, k.Addrs())
	first := one(t, c, name)
	if first.ID == (ID{}) || first.Partitions != 3 {
		t.Errorf("found %+v", first)
	}
	if again := one(t, c, name); again != first {
		t.Errorf("asked twice: %v and %v", first, again)
	}
	k.Delete(name)
	if gone := one(t, c, name); gone != (Topic{}) {
		t.Errorf("deleted, and found %v", gone)
	}
	k.Create(name, 3)
	if next := one(t, c, name); next.ID == first.ID || next.ID == (ID{}) {
		t.Errorf("made anew: %v, before %v", next.ID, first.ID)
	}
}

func TestCommitsNameTheirTopic(t *testing.T) {
	var id ID
	copy(id[:], "0123456789abcdef")
	if got := idOf(id.metadata()); got != id {
		t.Errorf("read back %v", got)
	}
	for _, text := range []string{"", "topic id ", "topic id 00", "another program", ID{}.metadata()} {
		if got := idOf(text); got != (ID{}) {
			t.Errorf("%q is of %v", text, got)
		}
	}
}

// A topic is made anew, and its log is already longer than what was read of the
// old one: nothing of it is taken for the old one's, and all of it is read.
func TestTopicMadeAnewIsReadFromItsStart(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1, "other": 1})
	c := client(t, k.Addrs())
	f, _ := follow(t, c, []string{name, "other"}, nil, nil)
	write(t, c, name, 0, 10)
	f.until(t, "the first log is read", func() bool { return len(f.values) == 10 })
	old := one(t, c, name)

	k.Delete(name)
	k.Create(name, 2)
	writer := client(t, k.Addrs())
	write(t, writer, name, 100, 200)
	began := time.Now()
	f.until(t, "the new log is read", func() bool { return len(f.values) == 210 })
	t.Logf("noticed and read in %s", time.Since(began).Round(time.Millisecond))
	seen := map[string]bool{}
	for _, v := range f.values[10:] {
		if v[:4] == old.ID.String()[:4] {
			t.Fatalf("%s is taken for one of the old log", v)
		}
		seen[v] = true
	}
	if len(seen) != 200 || len(f.gaps) > 0 {
		t.Errorf("%d of 200, gaps %v", len(seen), f.gaps)
	}
	// What is committed is of the new log.
	offsets, err := c.Offsets(within(t), "g", name)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offsets {
		if o.ID == old.ID || o.Committed > o.End {
			t.Errorf("offsets %+v", o)
		}
	}
}

// Whoever notices that a topic was made anew, and gives the partitions back for it,
// gets those of the new one next, long before the topics are looked at.
func TestGivenBackForATopicMadeAnew(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	old := one(t, c, name)
	ctx, cancel := context.WithTimeout(within(t), 20*time.Second)
	defer cancel()
	var given []ID
	o := GroupOptions{ID: "g", Topics: []string{name}, Watch: time.Hour, Logger: quiet()}
	err := c.Consume(ctx, o, func(ctx context.Context, g *Generation) error {
		given = append(given, g.Partitions()[0].ID)
		if len(given) == 1 {
			k.Delete(name)
			k.Create(name, 1)
		}
		err := g.Same(ctx, name)
		if err == nil || len(given) == 10 {
			cancel()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if now := one(t, c, name).ID; len(given) != 2 || given[0] != old.ID || given[1] != now {
		t.Errorf("partitions of %v were given, the topic was %v and is %v", given, old.ID, now)
	}
}

// What is committed of another topic that bore the name says nothing about this
// one.
func TestCommitOfAnotherTopicIsNotTaken(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	write(t, c, name, 0, 10)
	f, stop := follow(t, c, []string{name}, nil, nil)
	f.until(t, "all is read", func() bool { return len(f.values) == 10 })
	stop()
	// The broker forgets commits with their topic; one that comes too late, from a
	// member that has not noticed yet, is what is left.
	old := one(t, c, name)
	k.Delete(name)
	k.Create(name, 1)
	fresh := client(t, k.Addrs())
	write(t, fresh, name, 50, 20)
	late := &Generation{client: fresh, options: GroupOptions{ID: "g"}, topics: map[string]Topic{name: old}, floor: map[place]int64{}}
	commitOutside(t, late, 10)
	offsets, err := fresh.Offsets(within(t), "g", name)
	if err != nil || offsets[0].Committed != -1 {
		t.Fatalf("%v: offsets %+v", err, offsets)
	}
	f, _ = follow(t, fresh, []string{name}, nil, func(p *Partition) { p.Expect(0) })
	f.until(t, "the new log is read from its start", func() bool { return len(f.values) == 20 })
}

// A topic that was made anew and has lost its beginning before it was noticed.
func TestBeginningOfANewLogThatIsGoneIsAGap(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	write(t, c, name, 0, 20)
	k.Forget(name, 0, 5)
	f, _ := follow(t, c, []string{name}, nil, func(p *Partition) { p.Expect(0) })
	f.until(t, "the rest is read", func() bool { return len(f.values) == 15 })
	if diff := cmp.Diff([]Gap{{Topic: name, From: 0, To: 5}}, f.gaps); diff != "" {
		t.Error(diff)
	}
}

// A topic that is missing does not keep the others from being read, and is read
// as soon as it is there.
func TestMissingTopicHoldsUpNoOther(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{"other": 2})
	c := client(t, k.Addrs())
	write(t, c, "other", 0, 30)
	f, _ := follow(t, c, []string{name, "other"}, nil, nil)
	f.until(t, "the other topic is read", func() bool { return len(f.values) == 30 })
	dials := k.Dials()
	time.Sleep(500 * time.Millisecond)
	if more := k.Dials() - dials; more > 5 {
		t.Errorf("%d connections in half a second in which nothing happened", more)
	}
	k.Create(name, 1)
	write(t, client(t, k.Addrs()), name, 100, 5)
	f.until(t, "the new topic is read", func() bool { return len(f.values) == 35 })
	k.Delete(name)
	f.until(t, "it is noticed that the topic was deleted", func() bool {
		last := f.seen[len(f.seen)-1]
		_, there := last[name]
		return !there
	})
	write(t, c, "other", 200, 5)
	f.until(t, "the other topic is read on", func() bool { return len(f.values) == 40 })
	k.Delete("other")
	f.until(t, "it is said that no topic is there", func() bool { return len(f.faults) > 0 })
	k.Create(name, 1)
	write(t, client(t, k.Addrs()), name, 300, 5)
	f.until(t, "the topic that is back is read", func() bool { return len(f.values) == 45 })
}

func TestNewPartitionsAreRead(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	c := client(t, k.Addrs())
	f, _ := follow(t, c, []string{name}, nil, nil)
	write(t, c, name, 0, 10)
	f.until(t, "the one partition is read", func() bool { return len(f.values) == 10 })
	k.Grow(name, 4)
	write(t, client(t, k.Addrs()), name, 100, 200)
	f.until(t, "all partitions are read", func() bool { return len(f.values) == 210 })
	partitions := map[byte]bool{}
	for _, v := range f.values {
		partitions[v[5]] = true
	}
	if len(partitions) != 4 {
		t.Errorf("read partitions %v", maps.Keys(partitions))
	}
}
