package topic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
)

// ErrGenerationEnded says that the group gave the partitions away, or that their
// topic is gone: what was fetched and not committed is dropped, and will be
// fetched again by whoever has the partitions next.
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
	// AllBytes is how much one fetch each of all partitions of this member return
	// together: with many partitions each returns less, down to 64 KiB. 32 MiB if 0.
	AllBytes int
	// SessionTimeout is how long the group waits for a heartbeat before it gives
	// the partitions to others; 15 s if 0.
	SessionTimeout time.Duration
	// RebalanceTimeout is how long the group waits for members that still finish
	// what they have; 60 s if 0.
	RebalanceTimeout time.Duration
	// Watch is how often a member looks whether the topics are still the same and
	// have the same partitions, and whether each of its own moves on; 5 s if 0.
	Watch time.Duration
	// Stall is how long a partition may bring nothing although its log has more,
	// until this member asks for partitions anew, over new connections; 60 s if 0.
	Stall time.Duration
	// Seen is told which of the topics exist, before partitions of them are asked
	// for and whenever that has changed. After an error nothing is asked for, and
	// it is told again. It may be nil.
	Seen func(ctx context.Context, have map[string]Topic) error
	// State is told of each failure to get partitions, and with nil that they
	// were got. It may be nil.
	State func(err error)
	// Stalled is told of each partition that brings nothing although its log has
	// more, and with nil when it moves again or is somebody else's. It may be nil.
	Stalled func(topic string, partition int32, err error)
	Logger  *slog.Logger
}

func (o GroupOptions) defaults() GroupOptions {
	if o.MaxWait == 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 4 << 20
	}
	if o.AllBytes == 0 {
		o.AllBytes = 32 << 20
	}
	if o.SessionTimeout == 0 {
		o.SessionTimeout = 15 * time.Second
	}
	if o.RebalanceTimeout == 0 {
		o.RebalanceTimeout = 60 * time.Second
	}
	if o.Watch == 0 {
		o.Watch = 5 * time.Second
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Seen == nil {
		o.Seen = func(context.Context, map[string]Topic) error { return nil }
	}
	if o.State == nil {
		o.State = func(error) {}
	}
	if o.Stalled == nil {
		o.Stalled = func(string, int32, error) {}
	}
	return o
}

// A member that fails to get partitions tries again after groupBackoffLeast, then
// ever later up to groupBackoffMost: brokers that are back are found soon.
const (
	groupBackoffLeast = 500 * time.Millisecond
	groupBackoffMost  = 5 * time.Second
)

// Consume is a member of the group until ctx ends. For each generation it calls
// each with the partitions that this member has; the context it hands over ends
// with ctx, or with a cause when the partitions are to be given away. each
// returns when it is done with them: after the end of its context it may still
// commit, because the member leaves the group only after each has returned. When
// each returns earlier, the member asks for partitions anew, from what is
// committed. Topics that do not exist are left out until they do. Consume returns
// an error only for options it can't work with.
func (c *Client) Consume(ctx context.Context, o GroupOptions, each func(context.Context, *Generation) error) error {
	o = o.defaults()
	config := c.groupConfig(o, o.Topics)
	if err := config.Validate(); err != nil {
		return fmt.Errorf("consumer group %s: %w", o.ID, err)
	}
	m := &member{client: c, o: o, each: each, stalled: map[place]bool{}}
	for ctx.Err() == nil {
		if err := m.join(ctx); err != nil && !m.pause(ctx, err) {
			break
		}
	}
	return nil
}

func (c *Client) groupConfig(o GroupOptions, topics []string) kafka.ConsumerGroupConfig {
	return kafka.ConsumerGroupConfig{
		ID:                o.ID,
		Brokers:           c.options.Brokers,
		Dialer:            &kafka.Dialer{ClientID: c.options.ClientID, Timeout: 5 * time.Second, DialFunc: c.connector.dial},
		Topics:            topics,
		SessionTimeout:    o.SessionTimeout,
		HeartbeatInterval: min(3*time.Second, o.SessionTimeout/4),
		RebalanceTimeout:  o.RebalanceTimeout,
		JoinGroupBackoff:  time.Second,
		StartOffset:       kafka.FirstOffset,
	}
}

// member is this process in the group, over all its generations.
type member struct {
	client   *Client
	o        GroupOptions
	each     func(context.Context, *Generation) error
	failures int            // in a row
	id       string         // what the group calls this member in the last generation
	stalled  map[place]bool // partitions that brought nothing when they were last looked at
}

// pause says why there are no partitions, and waits; false if ctx ended.
func (m *member) pause(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	m.o.State(err)
	m.o.Logger.WarnContext(ctx, "consumer group has no partitions", "group", m.o.ID, "error", err)
	// Ever longer, and never all members at once.
	wait := min(groupBackoffLeast<<min(m.failures, 6), groupBackoffMost)
	m.failures++
	return sleep(ctx, wait/2+rand.N(wait/2))
}

// join is a member of the group for the topics that exist, until that changes.
// kafka-go must not be given others: as long as one is missing it assigns no
// partition of any, and its own watch for new partitions ends each generation as
// soon as it has begun.
func (m *member) join(ctx context.Context) error {
	have, err := m.client.Topics(ctx, m.o.Topics...)
	if err != nil {
		return err
	}
	if err := m.o.Seen(ctx, have); err != nil {
		return err
	}
	var names, missing []string
	for _, name := range m.o.Topics {
		if _, exists := have[name]; exists {
			names = append(names, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		m.o.Logger.WarnContext(ctx, "topics do not exist", "topics", missing)
	}
	if len(names) == 0 {
		return fmt.Errorf("none of the topics exists: %s", strings.Join(missing, ", "))
	}
	group, err := kafka.NewConsumerGroup(m.client.groupConfig(m.o, names))
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", m.o.ID, err)
	}
	// Close makes the member leave the group, so that others need not wait for
	// its session to end.
	defer func() { _ = group.Close() }()
	for {
		next, err := group.Next(ctx)
		if err == nil {
			err = m.generation(ctx, group, have, next)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errTopicsChanged), errors.Is(err, errStalled):
			m.o.Logger.WarnContext(ctx, "asking for partitions anew, over new connections", "group", m.o.ID, "error", err)
			// What the transport remembers of leaders, and its connections, are of
			// no use any more.
			m.client.transport.CloseIdleConnections()
			// Until all brokers have heard of it they may contradict each other.
			sleep(ctx, 100*time.Millisecond)
			return nil
		// The broker itself slows down who asks while others still join.
		case err == nil, errors.Is(err, ErrGenerationEnded), errors.Is(err, kafka.RebalanceInProgress):
			m.failures = 0
		default:
			if m.id != "" {
				go m.client.bury(ctx, m.o.ID, m.id)
				m.id = ""
			}
			if !m.pause(ctx, err) {
				return nil
			}
		}
	}
}

// bury makes a member leave the group of which kafka-go has forgotten the name:
// after a failure it joins as another one, and the group would wait for the old
// one's session to end before anybody gets partitions. It is tried for as long as
// such a session lasts.
func (c *Client) bury(ctx context.Context, group, id string) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		answer, err := c.kafka.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: group, Members: []kafka.LeaveGroupRequestMember{{ID: id}}})
		if err == nil {
			err = answer.Error
		}
		if err == nil || errors.Is(err, kafka.UnknownMemberId) || !sleep(ctx, time.Second) {
			return
		}
	}
}

// generation runs each within a generation of the group and waits for it.
func (m *member) generation(ctx context.Context, group *kafka.ConsumerGroup, have map[string]Topic, raw *kafka.Generation) error {
	m.id = raw.MemberID
	result := make(chan error, 1)
	raw.Start(func(ended context.Context) {
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := context.AfterFunc(ended, func() { cancel(ErrGenerationEnded) })
		defer stop()
		g, err := m.client.assigned(inner, m.o, have, raw)
		if err == nil {
			m.o.State(nil)
			m.o.Logger.InfoContext(ctx, "consumer group assigned partitions", "group", m.o.ID, "generation", raw.ID, "partitions", len(g.partitions))
			var watching sync.WaitGroup
			watching.Go(func() { m.watch(inner, g, cancel) })
			err = m.each(inner, g)
			cancel(ErrGenerationEnded)
			watching.Wait()
		}
		switch cause := context.Cause(inner); {
		case errors.Is(cause, errTopicsChanged), errors.Is(cause, errStalled):
			err = cause
		case g == nil && errors.Is(cause, ErrGenerationEnded):
			err = ErrGenerationEnded
		}
		if ctx.Err() != nil || errors.Is(err, errTopicsChanged) || errors.Is(err, errStalled) {
			leave(ctx, group)
		}
		result <- err
	})
	return <-result
}

// leave begins to leave the group while its generation still runs. Otherwise the
// end of the generation would make kafka-go join again, and wait for all others
// to do so, before it can leave.
func leave(ctx context.Context, group *kafka.ConsumerGroup) {
	go func() { _ = group.Close() }()
	over, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	for {
		if _, err := group.Next(over); errors.Is(err, kafka.ErrGroupClosed) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// assigned looks where the partitions start: at what is committed of their log,
// or at the log's start for a group that is new to it.
func (c *Client) assigned(ctx context.Context, o GroupOptions, have map[string]Topic, raw *kafka.Generation) (*Generation, error) {
	g := &Generation{client: c, options: o, raw: raw, topics: have, floor: map[place]int64{}}
	asked := map[string][]int{}
	for t, as := range raw.Assignments {
		for _, a := range as {
			// Whoever assigned the partitions may have seen the topic before it was
			// made anew with fewer of them.
			if a.ID < have[t].Partitions {
				asked[t] = append(asked[t], a.ID)
			}
		}
	}
	if len(asked) == 0 {
		return g, nil
	}
	// kafka-go has read the commits already, but not what they are of.
	committed, err := c.committed(ctx, o.ID, asked)
	if err != nil {
		return nil, err
	}
	logs, err := c.logs(ctx, asked)
	if err != nil {
		return nil, err
	}
	for t, ids := range asked {
		for _, id := range ids {
			p := &Partition{Topic: t, ID: have[t].ID, Partition: int32(id), generation: g}
			key := place{t, p.Partition}
			p.log = logs[key]
			p.log.ID, p.log.Committed = p.ID, -1
			p.end.Store(p.log.End)
			p.stable.Store(p.log.End)
			first := p.log.First
			if done, ok := committed[key]; ok && done.of(p.ID) {
				p.log.Committed, first = done.next, done.next
				g.floor[key] = done.next
			}
			p.sure.Store(max(0, p.log.Committed))
			p.begin(first)
			g.partitions = append(g.partitions, p)
		}
	}
	for _, p := range g.partitions {
		p.share(&g.options, len(g.partitions))
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
	topics     map[string]Topic // when the partitions were asked for
	partitions []*Partition

	mu    sync.Mutex
	floor map[place]int64 // what is known to be committed
}

// Partitions are those of this member, by topic and partition.
func (g *Generation) Partitions() []*Partition { return g.partitions }

// Committed is what is known to be committed of a partition; -1: nothing.
func (g *Generation) Committed(topic string, partition int32) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, ok := g.floor[place{topic, partition}]; ok {
		return n
	}
	return -1
}

// Commit tells the group that everything below the offsets is done. Offsets that
// are not above what is known to be committed are left out: a commit never goes
// back. The broker refuses it when the partitions belong to another generation;
// the error is ErrGenerationEnded then.
func (g *Generation) Commit(ctx context.Context, topic string, next map[int32]int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	request := offsetcommit.RequestTopic{Name: topic}
	for p, n := range next {
		if have, ok := g.floor[place{topic, p}]; !ok || n > have {
			request.Partitions = append(request.Partitions, offsetcommit.RequestPartition{
				PartitionIndex: p, CommittedOffset: n, CommittedLeaderEpoch: -1, CommittedMetadata: g.topics[topic].ID.metadata(),
			})
		}
	}
	if len(request.Partitions) == 0 {
		return nil
	}
	if err := g.commit(ctx, request); err != nil {
		switch {
		case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.RebalanceInProgress):
			return fmt.Errorf("commit %s: %w", topic, ErrGenerationEnded)
		}
		return fmt.Errorf("commit %s: %w", topic, err)
	}
	for _, p := range request.Partitions {
		g.floor[place{topic, p.PartitionIndex}] = p.CommittedOffset
	}
	return nil
}

// commit is kafka-go's Generation.CommitOffsets with metadata.
func (g *Generation) commit(ctx context.Context, topic offsetcommit.RequestTopic) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := g.client.transport.RoundTrip(ctx, g.client.kafka.Addr, &offsetcommit.Request{
		GroupID: g.raw.GroupID, GenerationID: g.raw.ID, MemberID: g.raw.MemberID, RetentionTimeMs: -1,
		Topics: []offsetcommit.RequestTopic{topic},
	})
	if err != nil {
		return err
	}
	response, ok := answer.(*offsetcommit.Response)
	if !ok || len(response.Topics) != 1 || len(response.Topics[0].Partitions) != len(topic.Partitions) {
		return errors.New("the broker's answer is not about these partitions")
	}
	for _, p := range response.Topics[0].Partitions {
		if p.ErrorCode != 0 {
			return fmt.Errorf("partition %d: %w", p.PartitionIndex, kafka.Error(p.ErrorCode))
		}
	}
	return nil
}
