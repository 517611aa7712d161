package consume

import (
	"context"
	"fmt"
	"slices"

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
	last, number := newest(slices.DeleteFunc(recorded, func(l queries.TopicLog) bool { return l.Topic != name }), t.ID)
	switch {
	case t.ID == topic.ID{}:
		return max(0, last.Log), nil // the brokers tell no ids
	case number >= 0:
		return number, nil
	}
	return last.Log + 1, nil
}
