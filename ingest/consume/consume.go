// Package consume is the pipeline from Kafka to ClickHouse: fetch, decode,
// insert, commit. Every offset of the log becomes one row, an event or a
// quarantined message, and is committed only after that row was acknowledged:
// at least once stored, counted once by whoever reads.
package consume

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"youzhi/ingest/topic"
	"youzhi/queries"
)

// Store is where rows go: *queries.DB, or something that stands before it.
type Store interface {
	// InsertEvents and InsertQuarantine return nil when the rows are stored. After
	// an error the outcome is unknown and the same rows are inserted again.
	InsertEvents(ctx context.Context, topic string, rows *queries.Events) error
	InsertQuarantine(ctx context.Context, rows []queries.QuarantineRow) error
	// InsertIncidents is the same for offsets that can't be read any more.
	InsertIncidents(ctx context.Context, rows []queries.Incident) error
}

// Options of the ingest. Kafka, Store, DB, Group, Topics, Logger and Now must be
// given; the rest has defaults.
type Options struct {
	Kafka  *topic.Client
	Store  Store
	DB     *queries.DB
	Group  string   // the consumer group that all ingest processes share
	Topics []string // those of the contract

	// Partitions of topics that are missing and are made at the start; 0 leaves
	// making them to others.
	Partitions int

	// A batch of a topic is flushed at the first of these. Defaults: 200,000 rows,
	// 64 MiB of keys and values, 1 s since its first message.
	Rows  int
	Bytes int
	Age   time.Duration
	// FetchBytes is how much one fetch of a partition brings; 4 MiB if 0. Those of
	// all partitions together bring half a batch.
	FetchBytes int

	// Attempt ends an insert that is not acknowledged; 2 min if 0.
	Attempt time.Duration
	// Grace is for what is in hand when the service ends or the partitions are
	// given away; 20 s if 0.
	Grace time.Duration
	// What fails is tried again after BackoffMin, then ever later up to
	// BackoffMax, for as long as it takes. Defaults: 100 ms and 30 s.
	BackoffMin, BackoffMax time.Duration

	// ReconcileEvery makes the service check its books and record the result: one
	// Age after the start and then at the interval. 0: never.
	ReconcileEvery time.Duration

	// Watch is how often the topics and the progress of this member's partitions
	// are looked at; 5 s if 0. Stall is how long a partition may bring nothing
	// although its log has more, until partitions are asked for anew; 60 s if 0.
	Watch, Stall time.Duration

	// Health is told why events are not flowing, and nil when they are.
	Health   func(reason error)
	Counters Counters
	// Lag is set to how many offsets of a topic and partition the group has not
	// done; nil tells nobody.
	Lag    Count
	Logger *slog.Logger
	Now    func() time.Time
}

// Counters are functions that add to a counter; nil ones count nothing.
type Counters struct {
	Events      Count // stored events, by topic
	Quarantined Count // stored messages that are no events, by topic and code
	Batches     Count // batches committed, by topic
	Bytes       Count // keys and values of what was stored, by topic
	Retries     Count // attempts that failed and are made again, by operation
	Gaps        Count // offsets that were gone before they were stored, by topic
	Incidents   Count // ranges of such offsets, topics deleted and made anew, by topic and kind
	Stalls      Count // partitions asked for anew because one brought nothing, by topic
}

// Count adds value to a counter for the values of its labels.
type Count = func(value float64, labels ...string)

// NewCounters makes the counters by a function that makes one from its name,
// help text and labels.
func NewCounters(counter func(name, help string, labels ...string) Count) Counters {
	return Counters{
		Events:      counter("youzhi_ingest_events_total", "Events stored, copies included.", "topic"),
		Quarantined: counter("youzhi_ingest_quarantined_total", "Messages stored in quarantine.", "topic", "code"),
		Batches:     counter("youzhi_ingest_batches_total", "Batches stored and committed.", "topic"),
		Bytes:       counter("youzhi_ingest_bytes_total", "Bytes of keys and values stored.", "topic"),
		Retries:     counter("youzhi_ingest_retries_total", "Attempts that failed and were made again.", "operation"),
		Gaps:        counter("youzhi_ingest_gap_offsets_total", "Offsets that were gone from the log before they were read.", "topic"),
		Incidents:   counter("youzhi_ingest_incidents_total", "Ranges of offsets found gone, and topics found deleted or made anew.", "topic", "kind"),
		Stalls:      counter("youzhi_ingest_stalls_total", "Times that partitions were asked for anew because one brought nothing though its log had more.", "topic"),
	}
}

func add(c Count, value int, labels ...string) {
	if c != nil && value > 0 {
		c(float64(value), labels...)
	}
}

// Service is one member of the group. Any number of processes may run one.
type Service struct {
	o      Options
	health *health
	logs   *logs
}

// New checks the options; it starts nothing.
func New(o Options) (*Service, error) {
	switch {
	case o.Kafka == nil:
		return nil, errors.New("ingest: no kafka client")
	case o.Store == nil || o.DB == nil:
		return nil, errors.New("ingest: no store or database")
	case o.Group == "":
		return nil, errors.New("ingest: no consumer group")
	case len(o.Topics) == 0:
		return nil, errors.New("ingest: no topics")
	case o.Logger == nil || o.Now == nil:
		return nil, errors.New("ingest: no logger or clock")
	case o.Rows < 0 || o.Bytes < 0 || o.Age < 0 || o.Attempt < 0 || o.Grace < 0 || o.FetchBytes < 0 || o.BackoffMin < 0 || o.BackoffMax < o.BackoffMin:
		return nil, errors.New("ingest: a limit is below zero, or the longest backoff shorter than the first")
	}
	for _, t := range o.Topics {
		if _, err := queries.EventsTable(t); err != nil {
			return nil, err
		}
	}
	orElse(&o.Rows, 200_000)
	orElse(&o.Bytes, 64<<20)
	orElse(&o.Age, time.Second)
	orElse(&o.Attempt, 2*time.Minute)
	orElse(&o.Grace, 20*time.Second)
	orElse(&o.BackoffMin, 100*time.Millisecond)
	orElse(&o.BackoffMax, max(o.BackoffMin, 30*time.Second))
	if o.Health == nil {
		o.Health = func(error) {}
	}
	return &Service{o: o, health: &health{report: o.Health, causes: map[string]error{}}, logs: newLogs()}, nil
}

func orElse[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run consumes until ctx ends. It then stops fetching, stores and commits what
// it has within the grace, leaves the group and returns nil.
func (s *Service) Run(ctx context.Context) error {
	s.health.set("group", errors.New("joining the consumer group"))
	if s.o.Partitions > 0 {
		err := s.retry(ctx, "create_topics", "topics", func(ctx context.Context) error {
			return s.o.Kafka.Create(ctx, s.o.Partitions, s.o.Topics...)
		})
		if err != nil {
			return nil
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if s.o.ReconcileEvery > 0 {
		wg.Go(func() { s.reconcile(ctx) })
	}
	wg.Go(func() { s.lag(ctx) })
	return s.o.Kafka.Consume(ctx, topic.GroupOptions{
		ID:       s.o.Group,
		Topics:   s.o.Topics,
		MaxBytes: s.o.FetchBytes,
		AllBytes: s.o.Bytes / 2,
		// Others wait for what this member still finishes.
		RebalanceTimeout: s.o.Grace + 20*time.Second,
		Watch:            s.o.Watch,
		Stall:            s.o.Stall,
		Seen:             s.seen,
		State:            func(err error) { s.health.set("group", err) },
		Stalled:          s.stalled,
		Logger:           s.o.Logger,
	}, func(generation context.Context, g *topic.Generation) error {
		return s.generation(ctx, generation, g)
	})
}

// generation consumes the partitions of one generation, a pipeline for each
// topic, until they are given away or the service ends.
func (s *Service) generation(service, ctx context.Context, g *topic.Generation) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	byTopic := map[string][]*topic.Partition{}
	for _, p := range g.Partitions() {
		byTopic[p.Topic] = append(byTopic[p.Topic], p)
	}
	defer s.learn(g)
	s.learn(g)
	var wg sync.WaitGroup
	held := new(atomic.Int64)
	for name, partitions := range byTopic {
		log, err := s.logs.number(name, partitions[0].ID)
		if err != nil {
			cancel(err)
			break
		}
		for _, part := range partitions {
			// The group has read this topic from its beginning, before it was made
			// anew.
			if log > 0 {
				part.Expect(0)
			}
		}
		p := &pipeline{Service: s, generation: g, topic: name, log: log, identity: name + " " + partitions[0].ID.String(), held: held, partitions: partitions}
		wg.Go(func() {
			if err := p.run(service, ctx); err != nil {
				cancel(err)
			}
		})
	}
	// Without a partition there is still the next generation to wait for.
	<-ctx.Done()
	wg.Wait()
	if service.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// health joins the reasons of all that is retried at the moment.
type health struct {
	report func(error)

	mu     sync.Mutex
	causes map[string]error
}

// set says that what goes by this name fails, or with nil that it doesn't.
func (h *health) set(name string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.causes, name)
	} else {
		h.causes[name] = err
	}
	// One reason is enough to act on; the smallest name, so that it stays the
	// same from call to call.
	first := ""
	for n := range h.causes {
		if first == "" || n < first {
			first = n
		}
	}
	if first == "" {
		h.report(nil)
	} else {
		h.report(h.causes[first])
	}
}
