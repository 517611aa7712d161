package consume

import (
	"context"
	"fmt"

	"youzhi/ingest/topic"
	"youzhi/queries"
)

// LogNow is the number of the log that a topic has now, as the ingest stores its
// offsets: the one on record or, where it has not seen the topic yet, the next.
func LogNow(ctx context.Context, kafka *topic.Client, db *queries.DB, name string) (int32, error) {
	have, err := kafka.Topics(ctx, name)
	if err != nil {
		return 0, err
	}
	t, ok := have[name]
	if !ok {
		return 0, fmt.Errorf("topic %s does not exist", name)
	}
	recorded, err := db.TopicLogs(ctx)
	if err != nil {
		return 0, err
	}
	return logNow(recordedOf(recorded, name), t.ID), nil
}

// logNow is the number of the log of a topic with an id, of which the given logs
// are on record.
func logNow(of []queries.TopicLog, id topic.ID) int32 {
	last, number := newest(of, id)
	switch {
	case number >= 0:
		return number
	case id == topic.ID{}:
		return max(0, last.Log) // the brokers tell no ids
	}
	return last.Log + 1 // the ingest has not noticed yet
}
