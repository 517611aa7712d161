package topic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sort"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrGenerationEnded says that the group gave the partitions away: what was
// fetched and not committed will be fetched again by whoever has them now.
var ErrGenerationEnded = errors.New("the consumer group's generation has ended")

// GroupOptions name a consumer group and its topics.
type GroupOptions struct {
	ID     string
	Topics []string
	// MaxWait is how long a broker may hold back an answer without messages;
	// 500 ms if 0.
	MaxWait time.Duration
	// MaxBytes is how much one fetch of one partition returns; a single message
	// may be larger. 4 MiB if 0.
	MaxBytes int
	// SessionTimeout is how long the group waits for a heartbeat before it gives
	// the partitions to others; 30 s if 0.
	SessionTimeout time.Duration
	// RebalanceTimeout is how long the group waits for members that still finish
	// what they have; 60 s if 0.
	RebalanceTimeout time.Duration
	// State is told of each failure to get partitions, and with nil that they
	// were got. It may be nil.
	State  func(err error)
	Logger *slog.Logger
}

func (o GroupOptions) defaults() GroupOptions {
	if o.MaxWait == 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 4 << 20
	}
	if o.SessionTimeout == 0 {
		o.SessionTimeout = 30 * time.Second
	}
	if o.RebalanceTimeout == 0 {
		o.RebalanceTimeout = 60 * time.Second
	}
	if o.State == nil {
		o.State = func(error) {}
	}
	return o
}

// Consume is a member of the group until ctx ends. For each generation it calls
// each with the partitions that this member has; the context it hands over ends
// with ctx, or with cause ErrGenerationEnded when the partitions are to be given
// away. each returns when it is done with them: after the end of ctx it may
// still commit, because the member leaves the group only after each has
// returned. When each returns earlier, the member asks for partitions anew, from
// what is committed. Consume returns an error only for options it can't work
// with.
func (c *Client) Consume(ctx context.Context, o GroupOptions, each func(context.Context, *Generation) error) error {
	o = o.defaults()
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                    o.ID,
		Brokers:               c.options.Brokers,
		Dialer:                c.options.dialer(),
		Topics:                o.Topics,
		SessionTimeout:        o.SessionTimeout,
		HeartbeatInterval:     min(3*time.Second, o.SessionTimeout/4),
		RebalanceTimeout:      o.RebalanceTimeout,
		JoinGroupBackoff:      time.Second,
		WatchPartitionChanges: true,
		StartOffset:           kafka.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", o.ID, err)
	}
	// Close makes the member leave the group, so that others need not wait for
	// its session to end.
	defer func() { _ = group.Close() }()

	failures := 0
	for ctx.Err() == nil {
		next, err := group.Next(ctx)
		if err == nil {
			err = c.generation(ctx, o, next, each)
		}
		if ctx.Err() != nil {
			return nil
		}
		// The broker itself slows down who asks while others still join.
		if err == nil || errors.Is(err, ErrGenerationEnded) || errors.Is(err, kafka.RebalanceInProgress) {
			failures = 0
			continue
		}
		o.State(err)
		o.Logger.WarnContext(ctx, "consumer group has no partitions", "group", o.ID, "error", err)
		// Half a second and more, up to half a minute, and never all at once.
		wait := min(500*time.Millisecond<<min(failures, 6), 30*time.Second)
		failures++
		if !sleep(ctx, wait/2+rand.N(wait/2)) {
			return nil
		}
	}
	return nil
}

// generation runs each within a generation of the group and waits for it.
func (c *Client) generation(ctx context.Context, o GroupOptions, raw *kafka.Generation, each func(context.Context, *Generation) error) error {
	result := make(chan error, 1)
	raw.Start(func(ended context.Context) {
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := context.AfterFunc(ended, func() { cancel(ErrGenerationEnded) })
		defer stop()
		g, err := c.assigned(inner, o, raw)
		if err == nil {
			o.State(nil)
			o.Logger.InfoContext(ctx, "consumer group assigned partitions", "group", o.ID, "generation", raw.ID, "partitions", len(g.partitions))
			err = each(inner, g)
		} else if errors.Is(context.Cause(inner), ErrGenerationEnded) {
			err = ErrGenerationEnded
		}
		result <- err
	})
	return <-result
}

// assigned looks where the partitions start: at what is committed, or at the
// log's start for a group that is new to them.
func (c *Client) assigned(ctx context.Context, o GroupOptions, raw *kafka.Generation) (*Generation, error) {
	g := &Generation{client: c, options: o, raw: raw, floor: map[place]int64{}}
	asked := map[string][]int{}
	for t, as := range raw.Assignments {
		for _, a := range as {
			asked[t] = append(asked[t], a.ID)
		}
	}
	if len(asked) == 0 {
		return g, nil
	}
	logs, err := c.logs(ctx, asked)
	if err != nil {
		return nil, err
	}
	for t, as := range raw.Assignments {
		for _, a := range as {
			p := &Partition{Topic: t, Partition: int32(a.ID), generation: g, next: a.Offset}
			log := logs[place{t, p.Partition}]
			if a.Offset < 0 {
				p.next = log.First
			} else {
				g.floor[place{t, p.Partition}] = a.Offset
			}
			if p.next < log.First {
				p.gap = &Gap{Topic: t, Partition: p.Partition, From: p.next, To: log.First}
				p.next = log.First
			}
			g.partitions = append(g.partitions, p)
		}
	}
	sort.Slice(g.partitions, func(i, j int) bool {
		a, b := g.partitions[i], g.partitions[j]
		if a.Topic != b.Topic {
			return a.Topic < b.Topic
		}
		return a.Partition < b.Partition
	})
	return g, nil
}

// Generation is the time for which the group has given this member its
// partitions.
type Generation struct {
	client     *Client
	options    GroupOptions
	raw        *kafka.Generation
	partitions []*Partition

	mu    sync.Mutex
	floor map[place]int64 // what is known to be committed
}

// Partitions are those of this member, by topic and partition.
func (g *Generation) Partitions() []*Partition { return g.partitions }

// Commit tells the group that everything below the offsets is done. Offsets that
// are not above what is known to be committed are left out: a commit never goes
// back. The broker refuses it when the partitions belong to another generation;
// the error is ErrGenerationEnded then.
func (g *Generation) Commit(topic string, next map[int32]int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	offsets := map[int]int64{}
	for p, n := range next {
		if have, ok := g.floor[place{topic, p}]; !ok || n > have {
			offsets[int(p)] = n
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	err := g.raw.CommitOffsets(map[string]map[int]int64{topic: offsets})
	switch {
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.RebalanceInProgress):
		return fmt.Errorf("commit %s: %w", topic, ErrGenerationEnded)
	case err != nil:
		return fmt.Errorf("commit %s: %w", topic, err)
	}
	for p, n := range offsets {
		g.floor[place{topic, int32(p)}] = n
	}
	return nil
}
