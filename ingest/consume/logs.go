package consume

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"youzhi/ingest/topic"
	"youzhi/queries"
)

// logs knows which log each topic has now, and what is known of how far its
// partitions reach: where a topic is deleted or made anew, its brokers tell nothing
// more about the old one.
type logs struct {
	mu      sync.Mutex
	numbers map[string]numbered
	extents map[extentOf]map[int32]extent
}

type numbered struct {
	id  topic.ID
	log int32
}

type extentOf struct {
	topic string
	id    topic.ID
}

// extent is what is known of a partition's log.
type extent struct {
	first     int64 // it began there, or later
	committed int64 // -1: nothing
	end       int64 // it reached at least so far
}

// and is what two sources know of it together.
func (e extent) and(o extent) extent {
	return extent{min(e.first, o.first), max(e.committed, o.committed), max(e.end, o.end)}
}

func newLogs() *logs {
	return &logs{numbers: map[string]numbered{}, extents: map[extentOf]map[int32]extent{}}
}

// know notes what is known of a partition, in addition to what was.
func (l *logs) know(name string, id topic.ID, partition int32, e extent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := extentOf{name, id}
	if l.extents[key] == nil {
		l.extents[key] = map[int32]extent{}
	}
	if have, ok := l.extents[key][partition]; ok {
		e = e.and(have)
	}
	l.extents[key][partition] = e
}

// known is what is known of a topic's partitions.
func (l *logs) known(name string, id topic.ID) map[int32]extent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.extents[extentOf{name, id}])
}

func (l *logs) set(name string, n numbered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers[name] = n
}

// number is the number of the log that a topic of this id has.
func (l *logs) number(name string, id topic.ID) (int32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.numbers[name]
	if !ok || n.id != id {
		return 0, fmt.Errorf("the log of topic %s with id %s has no number", name, id)
	}
	return n.log, nil
}

// seen is told which topics exist before partitions of them are asked for. It gives
// the log of each its number, and records those that were deleted or made anew.
func (s *Service) seen(ctx context.Context, have map[string]topic.Topic) error {
	recorded, err := s.o.DB.TopicLogs(ctx)
	if err != nil {
		return err
	}
	for _, name := range s.o.Topics {
		of := recordedOf(recorded, name)
		t, exists := have[name]
		if !exists {
			s.health.set("topic "+name, fmt.Errorf("topic %s does not exist", name))
			if err := s.deleted(ctx, name, of); err != nil {
				return err
			}
			continue
		}
		n, err := s.number(ctx, name, t.ID, of)
		if err != nil {
			return err
		}
		s.logs.set(name, numbered{t.ID, n})
		s.health.set("topic "+name, nil)
	}
	return nil
}

// recordedOf are the logs of one topic.
func recordedOf(recorded []queries.TopicLog, name string) []queries.TopicLog {
	return slices.DeleteFunc(slices.Clone(recorded), func(l queries.TopicLog) bool { return l.Topic != name })
}

// newest is the last of a topic's logs, and the number of the one that has the id;
// -1 where there is none. Of two numbers that processes gave at once the smaller
// one holds.
func newest(of []queries.TopicLog, id topic.ID) (last queries.TopicLog, number int32) {
	last.Log, number = -1, -1
	for _, l := range of {
		switch {
		case topic.ID(l.ID) != id && l.Log > last.Log:
			last = l
		case topic.ID(l.ID) == id && number < 0:
			number = l.Log
		}
	}
	return last, number
}

// number gives the number of the log of a topic that has an id. A number belongs to
// one id: it is claimed first, and used only if the topic still has the id then.
// Whoever meets the topic under another id later finds the claim.
func (s *Service) number(ctx context.Context, name string, id topic.ID, of []queries.TopicLog) (int32, error) {
	last, number := newest(of, id)
	switch {
	case id == topic.ID{}:
		return max(0, last.Log), nil // the brokers tell no ids
	case number >= 0 && number < last.Log:
		// One of several brokers that has not heard of it yet.
		return 0, fmt.Errorf("topic %s was made anew, but the broker still tells of the log before", name)
	case number >= 0:
		return number, nil
	}
	at := s.o.Now().UTC()
	if last.Log >= 0 {
		if err := s.remade(ctx, name, last, id, at); err != nil {
			return 0, err
		}
	}
	claim := queries.TopicLog{Topic: name, Log: last.Log + 1, ID: id, Since: at}
	if _, err := queries.StoredPartition(claim.Log, 0); err != nil {
		return 0, fmt.Errorf("topic %s was made anew: %w", name, err)
	}
	if err := s.o.DB.InsertTopicLog(ctx, claim); err != nil {
		return 0, fmt.Errorf("number the log of topic %s: %w", name, err)
	}
	now, err := s.o.Kafka.Topics(ctx, name)
	if err != nil {
		return 0, err
	}
	if now[name].ID != id {
		return 0, fmt.Errorf("topic %s was made anew again meanwhile", name)
	}
	recorded, err := s.o.DB.TopicLogs(ctx)
	if err != nil {
		return 0, err
	}
	_, number = newest(recordedOf(recorded, name), id)
	if number < 0 {
		return 0, fmt.Errorf("number the log of topic %s: it is not there after it was stored", name)
	}
	return number, nil
}

// deleted records that a topic is gone, once, with what was not read of its log.
func (s *Service) deleted(ctx context.Context, name string, of []queries.TopicLog) error {
	last, _ := newest(of, topic.ID{})
	if last.Log < 0 {
		return nil // it has never been there
	}
	told, err := s.told(ctx, name, last.Log)
	if err != nil || told {
		return err
	}
	detail := fmt.Sprintf("topic id %s", topic.ID(last.ID))
	return s.over(ctx, name, last, queries.IncidentDeleted, detail, s.o.Now().UTC(), true)
}

// remade records that a topic was made anew, with what was not read of its old log,
// unless that was told when the topic was found deleted.
func (s *Service) remade(ctx context.Context, name string, old queries.TopicLog, id topic.ID, at time.Time) error {
	told, err := s.told(ctx, name, old.Log)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("old topic id %s, new topic id %s", topic.ID(old.ID), id)
	return s.over(ctx, name, old, queries.IncidentRemade, detail, at, !told)
}

// told says whether it is on record that a log was deleted.
func (s *Service) told(ctx context.Context, name string, log int32) (bool, error) {
	incidents, err := s.o.DB.Incidents(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(incidents, func(i queries.Incident) bool {
		of, _ := queries.SplitPartition(i.Partition)
		return i.Topic == name && i.Kind == queries.IncidentDeleted && of == log
	}), nil
}

// over records the end of a log, an incident for each partition that is known.
// Without the rest it is told of its first partition that nothing more is gone.
func (s *Service) over(ctx context.Context, name string, log queries.TopicLog, kind, detail string, at time.Time, rest bool) error {
	extents, err := logExtents(ctx, s.o.DB, name, log.Log, nil)
	if err != nil {
		return err
	}
	for p, e := range s.logs.known(name, log.ID) {
		if have, ok := extents[p]; ok {
			e = e.and(have)
		}
		extents[p] = e
	}
	if !rest || len(extents) == 0 {
		extents = map[int32]extent{0: {}}
	}
	var rows []queries.Incident
	for _, p := range slices.Sorted(maps.Keys(extents)) {
		e := extents[p]
		stored, err := queries.StoredPartition(log.Log, p)
		if err != nil {
			return err
		}
		from := e.committed
		if from < 0 {
			from = e.first
		}
		rows = append(rows, queries.Incident{Topic: name, Partition: stored, Kind: kind, From: from, To: max(from, e.end), FoundAt: at, Detail: detail})
	}
	if err := s.o.Store.InsertIncidents(ctx, rows); err != nil {
		return err
	}
	var gone int64
	for _, r := range rows {
		gone += r.Count
	}
	add(s.o.Counters.Incidents, 1, name, kind)
	add(s.o.Counters.Gaps, int(gone), name)
	s.o.Logger.ErrorContext(ctx, "a topic's log is over", "topic", name, "kind", kind, "log", log.Log, "unread_offsets", gone, "detail", detail)
	return nil
}

// logExtents is what is on record of the partitions of a log, by Kafka's number.
func logExtents(ctx context.Context, db *queries.DB, name string, log int32, incidents []queries.Incident) (map[int32]extent, error) {
	known, err := db.LogKnown(ctx, name, log)
	if err != nil {
		return nil, err
	}
	out := map[int32]extent{}
	for _, k := range known {
		_, p := queries.SplitPartition(k.Partition)
		out[p] = extent{k.First, k.Committed, k.End}
	}
	for _, i := range incidents {
		of, p := queries.SplitPartition(i.Partition)
		if i.Topic != name || of != log || i.To == 0 {
			continue
		}
		e, ok := out[p]
		if !ok {
			e = extent{first: i.From, committed: -1}
		}
		e.end = max(e.end, i.To)
		out[p] = e
	}
	return out, nil
}

// learn notes where the partitions of a generation stand.
func (s *Service) learn(g *topic.Generation) {
	for _, p := range g.Partitions() {
		s.logs.know(p.Topic, p.ID, p.Partition, extent{p.Log().First, g.Committed(p.Topic, p.Partition), p.End()})
	}
}

// lagEvery is how often the group's offsets are looked at.
const lagEvery = 5 * time.Second

// lag tells how many offsets of each partition the group has not done, whichever
// process has the partition.
func (s *Service) lag(ctx context.Context) {
	ticker := time.NewTicker(lagEvery)
	defer ticker.Stop()
	for {
		// That the brokers can't be asked is told by whoever fetches and commits.
		if offsets, err := s.o.Kafka.Offsets(ctx, s.o.Group, s.o.Topics...); err == nil {
			// The ends may be those of a topic that was made anew since its id was asked for.
			still, err := s.o.Kafka.Topics(ctx, s.o.Topics...)
			for _, o := range offsets {
				if err == nil && still[o.Topic].ID == o.ID {
					s.logs.know(o.Topic, o.ID, o.Partition, extent{o.First, o.Committed, o.End})
				}
				if s.o.Lag != nil {
					s.o.Lag(float64(o.Lag()), o.Topic, fmt.Sprint(o.Partition))
				}
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// gone records gaps before anything behind them can be committed. It returns an
// error when the partitions have to be asked for anew.
func (p *pipeline) gone(ctx context.Context, part *topic.Partition, stored int32, gaps []topic.Gap) error {
	if len(gaps) == 0 {
		return nil
	}
	// Gaps of another topic of this name are none of ours.
	if err := p.same(ctx); err != nil {
		return err
	}
	at := p.o.Now().UTC()
	rows := make([]queries.Incident, len(gaps))
	for i, gap := range gaps {
		kind := queries.IncidentExpired
		if gap.Inside {
			kind = queries.IncidentCompacted
		}
		rows[i] = queries.Incident{Topic: gap.Topic, Partition: stored, Kind: kind, From: gap.From, To: gap.To, FoundAt: at}
	}
	err := p.retry(ctx, "insert_incidents", p.topic, func(ctx context.Context) error {
		return p.o.Store.InsertIncidents(ctx, rows)
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		add(p.o.Counters.Incidents, 1, r.Topic, r.Kind)
		add(p.o.Counters.Gaps, int(r.Count), r.Topic)
		p.o.Logger.ErrorContext(ctx, "offsets are gone from the log before they were read",
			"topic", r.Topic, "partition", part.Partition, "kind", r.Kind, "from", r.From, "to", r.To, "never_stored", r.Count)
	}
	return nil
}

// same returns an error when the topic is no longer the one whose partitions the
// pipeline has. What was fetched until then is of its log alone.
func (p *pipeline) same(ctx context.Context) error {
	return p.retry(ctx, "identify", p.topic, func(ctx context.Context) error {
		return p.generation.Same(ctx, p.topic)
	})
}

// stalled makes a partition that brings nothing a reason not to be ready.
func (s *Service) stalled(name string, partition int32, err error) {
	s.health.set(fmt.Sprintf("stalled %s/%d", name, partition), err)
	if err != nil {
		add(s.o.Counters.Stalls, 1, name)
	}
}
