package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"youzhi/ingest/topic"
)

// Targets are, by topic and partition, the first offset that need not be done.
type Targets map[string]map[int32]int64

// Add raises the targets so that the acknowledged messages are done too.
func (t Targets) Add(name string, acks []topic.Acknowledgement) {
	for _, a := range acks {
		if a.Offset < 0 {
			continue
		}
		if t[name] == nil {
			t[name] = map[int32]int64{}
		}
		t[name][a.Partition] = max(t[name][a.Partition], a.Offset+1)
	}
}

// WaitCommitted returns when the group has stored and committed everything below
// the targets, whichever process does it. left, if not nil, is told how many
// offsets are still to do, whenever that was asked.
func WaitCommitted(ctx context.Context, kafka *topic.Client, group string, targets Targets, left func(int64)) error {
	if len(targets) == 0 {
		return nil
	}
	var topics []string
	partitions := 0
	for t, ps := range targets {
		topics = append(topics, t)
		partitions += len(ps)
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		offsets, err := kafka.Offsets(ctx, group, topics...)
		if err != nil {
			return fmt.Errorf("wait for group %s: %w", group, err)
		}
		var todo int64
		found := 0
		for _, o := range offsets {
			if target, ok := targets[o.Topic][o.Partition]; ok {
				found++
				// Without a commit the group will begin where the log does.
				todo += max(0, target-max(o.Committed, o.First))
			}
		}
		if found != partitions {
			return fmt.Errorf("wait for group %s: the brokers know %d of %d partitions", group, found, partitions)
		}
		if left != nil {
			left(todo)
		}
		if todo == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for group %s: %d offsets are left: %w", group, todo, ctx.Err())
		}
	}
}

// Ends are targets for all that the topics hold now.
func Ends(ctx context.Context, kafka *topic.Client, group string, topics ...string) (Targets, error) {
	offsets, err := kafka.Offsets(ctx, group, topics...)
	if err != nil {
		return nil, err
	}
	targets := Targets{}
	for _, o := range offsets {
		targets.Add(o.Topic, []topic.Acknowledgement{{Partition: o.Partition, Offset: o.End - 1}})
	}
	return targets, nil
}

// Forget takes what the group has stored out of a log that nobody else reads, each
// minute until ctx ends. trim forgets the messages of a partition before an offset.
func Forget(ctx context.Context, kafka *topic.Client, group string, trim func(topic string, partition int32, before int64) error, log *slog.Logger, topics ...string) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		offsets, err := kafka.Offsets(ctx, group, topics...)
		for _, o := range offsets {
			err = errors.Join(err, trim(o.Topic, o.Partition, o.Committed))
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the broker's log keeps what is stored", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
