package queries

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// logPartitions is how many partitions of a log of a topic can be stored.
const logPartitions = 10_000

// MaxLogs is how many logs of a topic can be stored one after the other.
const MaxLogs = 200_000

// StoredPartition is what is stored as partition of an offset: the number of the
// topic's log, which is 0 unless the topic was made anew, and Kafka's partition.
func StoredPartition(log, partition int32) (int32, error) {
	if log < 0 || log >= MaxLogs || partition < 0 || partition >= logPartitions {
		return 0, fmt.Errorf("partition %d of a topic's log %d can't be stored: the largest are %d and %d", partition, log, logPartitions-1, MaxLogs-1)
	}
	return log*logPartitions + partition, nil
}

// SplitPartition is the opposite of StoredPartition.
func SplitPartition(stored int32) (log, partition int32) {
	return stored / logPartitions, stored % logPartitions
}

// PartitionName writes a stored partition as people know it.
func PartitionName(stored int32) string {
	log, partition := SplitPartition(stored)
	if log == 0 {
		return fmt.Sprint(partition)
	}
	return fmt.Sprintf("%d (log %d)", partition, log)
}

// TopicLog is one log that a topic has had.
type TopicLog struct {
	Topic string
	Log   int32
	ID    [16]byte // the topic's id in Kafka
	Since time.Time
}

// TopicLogs are the logs that the topics have had, by topic and number. Where two
// processes gave one topic different numbers, both are there.
func (db *DB) TopicLogs(ctx context.Context) ([]TopicLog, error) {
	var out []TopicLog
	err := db.Rows(ctx, File("ingest/topic_logs"), nil, func(scan func(...any) error) error {
		var l TopicLog
		var id string
		if err := scan(&l.Topic, &l.Log, &id, &l.Since); err != nil {
			return err
		}
		copy(l.ID[:], id)
		l.Since = l.Since.UTC()
		out = append(out, l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("logs of topics: %w", err)
	}
	return out, nil
}

// InsertTopicLog records that a topic has a log of this number; doing it again is
// safe.
func (db *DB) InsertTopicLog(ctx context.Context, l TopicLog) error {
	return db.Insert(ctx, "topic_logs", "topic, log, topic_id, since", 1, func(int) []any {
		return []any{l.Topic, l.Log, string(l.ID[:]), l.Since.UTC()}
	})
}

// LogKnown is what is known of a partition of a log from what is stored.
type LogKnown struct {
	Partition int32 // as it is stored
	First     int64 // the first offset known
	Committed int64 // -1: not known
	End       int64 // the end of the log when it was last looked at
}

// LogKnown is what is known of the partitions of a topic's log.
func (db *DB) LogKnown(ctx context.Context, topic string, log int32) ([]LogKnown, error) {
	least, err := StoredPartition(log, 0)
	if err != nil {
		return nil, err
	}
	var out []LogKnown
	err = db.Rows(ctx, File("ingest/log_known"), Params{"topic": topic, "least": least}, func(scan func(...any) error) error {
		var k LogKnown
		if err := scan(&k.Partition, &k.First, &k.Committed, &k.End); err != nil {
			return err
		}
		out = append(out, k)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("what is known of log %d of %s: %w", log, topic, err)
	}
	return out, nil
}

// The kinds of incidents.
const (
	IncidentExpired   = "expired"   // offsets that expired or were deleted before they were read
	IncidentCompacted = "compacted" // offsets that the log has between others no longer
	IncidentDeleted   = "deleted"   // a topic that does not exist any more
	IncidentRemade    = "remade"    // a topic that was made anew: the rest of its old log
)

// Incident is something that happened to a log before it was read.
type Incident struct {
	Topic     string    `ch:"topic"`
	Partition int32     `ch:"partition"` // as it is stored
	Kind      string    `ch:"kind"`
	From      int64     `ch:"begin"`
	To        int64     `ch:"end"`  // the first offset after them
	Count     int64     `ch:"lost"` // offsets among them that were never stored
	FoundAt   time.Time `ch:"found"`
	Detail    string    `ch:"said"`
}

// fewGaps is how many ranges are counted one by one; more of them lie close
// together, and what is stored among them is read once.
const fewGaps = 16

// InsertIncidents records incidents; nil means acknowledged, and doing it again is
// safe. It sets the Count of each to the number of its offsets that are not stored.
func (db *DB) InsertIncidents(ctx context.Context, rows []Incident) error {
	if err := db.countGone(ctx, rows); err != nil {
		return fmt.Errorf("incidents of logs: count what is stored: %w", err)
	}
	return db.Insert(ctx, "log_incidents", "topic, partition, kind, first, next, gone, found_at, detail", len(rows), func(n int) []any {
		i := &rows[n]
		return []any{i.Topic, i.Partition, i.Kind, i.From, i.To, i.Count, i.FoundAt.UTC(), i.Detail}
	})
}

func (db *DB) countGone(ctx context.Context, rows []Incident) error {
	byPlace := map[string][]*Incident{}
	for n := range rows {
		i := &rows[n]
		i.Count = max(0, i.To-i.From)
		if i.Count > 0 {
			key := fmt.Sprintf("%s/%d", i.Topic, i.Partition)
			byPlace[key] = append(byPlace[key], i)
		}
	}
	for _, of := range byPlace {
		if len(of) <= fewGaps {
			for _, i := range of {
				var stored int64
				params := Params{"topic": i.Topic, "partition": i.Partition, "from": i.From, "to": i.To}
				err := db.Rows(ctx, File("ingest/stored_between"), params, func(scan func(...any) error) error { return scan(&stored) })
				if err != nil {
					return err
				}
				i.Count -= stored
			}
			continue
		}
		slices.SortFunc(of, func(a, b *Incident) int { return cmp.Compare(a.From, b.From) })
		params := Params{"topic": of[0].Topic, "partition": of[0].Partition, "from": of[0].From, "to": of[len(of)-1].To}
		err := db.Rows(ctx, File("ingest/offsets_between"), params, func(scan func(...any) error) error {
			var offset int64
			if err := scan(&offset); err != nil {
				return err
			}
			at, _ := slices.BinarySearchFunc(of, offset+1, func(i *Incident, behind int64) int { return cmp.Compare(i.To, behind) })
			if at < len(of) && of[at].From <= offset {
				of[at].Count--
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Incidents are all that were recorded, the newest first.
func (db *DB) Incidents(ctx context.Context) ([]Incident, error) {
	var rows []Incident
	if err := db.Select(ctx, &rows, File("ingest/incidents"), nil); err != nil {
		return nil, fmt.Errorf("incidents of logs: %w", err)
	}
	for i := range rows {
		rows[i].FoundAt = rows[i].FoundAt.UTC()
	}
	return rows, nil
}
