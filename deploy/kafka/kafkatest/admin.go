package kafkatest

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Offsets are by topic and partition.
type Offsets map[string]map[int32]int64

// Set sets the offset of a partition.
func (o Offsets) Set(topic string, partition int32, offset int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][partition] = offset
}

// within bounds what is asked of the cluster.
func (c *Cluster) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// again asks until the cluster has carried it out: while a leader is elected it
// can't.
func (c *Cluster) again(what string, ask func(context.Context) error) {
	c.t.Helper()
	ctx, cancel := c.within()
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		if !kerr.IsRetriable(err) && !kgo.IsRetryableBrokerErr(err) && !errors.Is(err, context.DeadlineExceeded) {
			c.t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("%s: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// CreateTopics makes topics with so many partitions that take messages of up to
// maxBytes.
func (c *Cluster) CreateTopics(partitions int32, maxBytes int, topics ...string) {
	c.t.Helper()
	limit := fmt.Sprint(maxBytes)
	for _, name := range topics {
		c.again("create topic "+name, func(ctx context.Context) error {
			r := kmsg.NewPtrCreateTopicsRequest()
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, -1
			t.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "max.message.bytes", Value: &limit}}
			r.Topics, r.TimeoutMillis = append(r.Topics, t), 10_000
			answer, err := r.RequestWith(ctx, c.client)
			if err != nil {
				return err
			}
			// The name of a topic that was just deleted is free in a moment.
			err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
			if errors.Is(err, kerr.TopicAlreadyExists) {
				return kerr.NotController
			}
			return err
		})
	}
	c.again("wait for the leaders", func(ctx context.Context) error {
		_, err := c.Ends(ctx, topics...)
		return err
	})
}

// DeleteTopics deletes topics with all that they hold.
func (c *Cluster) DeleteTopics(topics ...string) {
	c.t.Helper()
	for _, name := range topics {
		c.again("delete topic "+name, func(ctx context.Context) error {
			r := kmsg.NewPtrDeleteTopicsRequest()
			t := kmsg.NewDeleteTopicsRequestTopic()
			t.Topic = &name
			r.Topics, r.TopicNames, r.TimeoutMillis = append(r.Topics, t), []string{name}, 10_000
			answer, err := r.RequestWith(ctx, c.client)
			if err != nil {
				return err
			}
			err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
			if errors.Is(err, kerr.UnknownTopicOrPartition) {
				return nil
			}
			return err
		})
	}
}

// metadata are the topics that exist.
func (c *Cluster) metadata(ctx context.Context, topics []string) ([]kmsg.MetadataResponseTopic, error) {
	r := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		r.Topics = append(r.Topics, t)
	}
	answer, err := r.RequestWith(ctx, c.client)
	if err != nil {
		return nil, err
	}
	for _, t := range answer.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, err
		}
	}
	return answer.Topics, nil
}

// Leader is the index of the broker that leads a partition.
func (c *Cluster) Leader(topic string, partition int32) int {
	c.t.Helper()
	leader := -1
	c.again("find the leader", func(ctx context.Context) error {
		all, err := c.metadata(ctx, []string{topic})
		if err != nil {
			return err
		}
		for _, p := range all[0].Partitions {
			if p.Partition == partition {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
				leader = int(p.Leader) - 1
			}
		}
		return nil
	})
	return leader
}

// Ends are the offsets that the next messages get.
func (c *Cluster) Ends(ctx context.Context, topics ...string) (Offsets, error) {
	all, err := c.metadata(ctx, topics)
	if err != nil {
		return nil, err
	}
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID = -1
	for _, t := range all {
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = *t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p.Partition, -1
			rt.Partitions = append(rt.Partitions, rp)
		}
		r.Topics = append(r.Topics, rt)
	}
	ends := Offsets{}
	for _, shard := range c.client.RequestSharded(ctx, r) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, err
				}
				ends.Set(t.Topic, p.Partition, p.Offset)
			}
		}
	}
	return ends, nil
}

// Committed are the offsets that a group has committed.
func (c *Cluster) Committed(group string) Offsets {
	c.t.Helper()
	var out Offsets
	c.again("read the offsets of group "+group, func(ctx context.Context) error {
		out = Offsets{}
		r := kmsg.NewPtrOffsetFetchRequest()
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = group
		r.Groups, r.RequireStable = append(r.Groups, g), true
		answer, err := r.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(answer.Groups[0].ErrorCode); err != nil {
			return err
		}
		for _, t := range answer.Groups[0].Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
				if p.Offset >= 0 {
					out.Set(t.Topic, p.Partition, p.Offset)
				}
			}
		}
		return nil
	})
	return out
}

// Commit sets the offsets of a group without members, as an operator does who
// wants its messages read again.
func (c *Cluster) Commit(group string, offsets Offsets) {
	c.t.Helper()
	c.again("set the offsets of group "+group, func(ctx context.Context) error {
		r := kmsg.NewPtrOffsetCommitRequest()
		r.Group, r.Generation = group, -1
		for _, name := range slices.Sorted(maps.Keys(offsets)) {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = name
			for partition, offset := range offsets[name] {
				p := kmsg.NewOffsetCommitRequestTopicPartition()
				p.Partition, p.Offset = partition, offset
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
		answer, err := r.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Members are the ids of a group's members.
func (c *Cluster) Members(group string) []string {
	c.t.Helper()
	var members []string
	c.again("describe group "+group, func(ctx context.Context) error {
		members = nil
		r := kmsg.NewPtrDescribeGroupsRequest()
		r.Groups = []string{group}
		answer, err := r.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		err = kerr.ErrorForCode(answer.Groups[0].ErrorCode)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range answer.Groups[0].Members {
			members = append(members, m.MemberID)
		}
		return nil
	})
	return members
}

// Expel makes members leave a group: what the group itself does with dead ones
// when their session ends, at once.
func (c *Cluster) Expel(group string, members ...string) {
	c.t.Helper()
	if len(members) == 0 {
		return
	}
	c.again("expel members of group "+group, func(ctx context.Context) error {
		r := kmsg.NewPtrLeaveGroupRequest()
		r.Group = group
		for _, id := range members {
			m := kmsg.NewLeaveGroupRequestMember()
			m.MemberID = id
			r.Members = append(r.Members, m)
		}
		answer, err := r.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(answer.ErrorCode)
	})
}

// DeleteRecords makes the log forget the messages before offsets.
func (c *Cluster) DeleteRecords(before Offsets) {
	c.t.Helper()
	c.again("delete records", func(ctx context.Context) error {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.TimeoutMillis = 10_000
		for name, partitions := range before {
			t := kmsg.NewDeleteRecordsRequestTopic()
			t.Topic = name
			for partition, offset := range partitions {
				p := kmsg.NewDeleteRecordsRequestTopicPartition()
				p.Partition, p.Offset = partition, offset
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
		for _, shard := range c.client.RequestSharded(ctx, r) {
			if shard.Err != nil {
				return shard.Err
			}
			for _, t := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// DeleteGroup deletes a group without members, and with it what it has committed.
func (c *Cluster) DeleteGroup(group string) {
	c.t.Helper()
	c.again("delete group "+group, func(ctx context.Context) error {
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Groups = []string{group}
		answer, err := r.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		err = kerr.ErrorForCode(answer.Groups[0].ErrorCode)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		return err
	})
}

// SetPassword gives a user a password for SCRAM, by SHA-256 and by SHA-512.
func (c *Cluster) SetPassword(user, password string) {
	c.t.Helper()
	const iterations = 4096 // the fewest that Kafka takes
	for mechanism, hash := range map[int8]func() hash.Hash{1: sha256.New, 2: sha512.New} {
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism, u.Iterations, u.Salt = user, mechanism, iterations, []byte(rand.Text())
		salted, err := pbkdf2.Key(hash, password, u.Salt, iterations, hash().Size())
		if err != nil {
			c.t.Fatal(err)
		}
		u.SaltedPassword = salted
		// A request names a user once.
		c.again("set the password of "+user, func(ctx context.Context) error {
			r := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
			r.Upsertions = []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{u}
			answer, err := r.RequestWith(ctx, c.client)
			if err != nil {
				return err
			}
			for _, result := range answer.Results {
				if err := kerr.ErrorForCode(result.ErrorCode); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
