package topic

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ID tells a topic from one that bore its name before: Kafka gives each topic
// that is made a new one (KIP-516). It is zero where the brokers are older than
// Kafka 2.8 and name none; then a topic made anew is noticed only when its log
// is shorter than what was read.
type ID [16]byte

// String writes the ID as hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Topic is a topic as it is now.
type Topic struct {
	ID         ID
	Partitions int
}

// newIdentifier makes the client for the one request that kafka-go has no version
// of: metadata with the topics' ids. It connects the same way as everything else,
// and its answers, unlike those of kafka-go's transport, come from no cache.
func newIdentifier(o Options, c *connector) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID(o.ClientID),
		kgo.Dialer(c.dial),
		kgo.DisableClientMetrics(),
		// Whoever asks tries again himself, and says why.
		kgo.RequestRetries(1),
	)
}

// Topics asks a broker for the topics as they are now; what does not exist is not
// in the answer, and is not made by being asked for.
func (c *Client) Topics(ctx context.Context, names ...string) (map[string]Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ask := kmsg.NewPtrMetadataRequest()
	ask.AllowAutoTopicCreation = false
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		ask.Topics = append(ask.Topics, t)
	}
	answer, err := ask.RequestWith(ctx, c.identifier)
	if err != nil {
		return nil, fmt.Errorf("read topics from %s: %w", strings.Join(c.options.Brokers, ","), err)
	}
	found := map[string]Topic{}
	for _, t := range answer.Topics {
		if t.Topic == nil {
			continue
		}
		switch code := kafka.Error(t.ErrorCode); code {
		case 0:
			found[*t.Topic] = Topic{ID: t.TopicID, Partitions: len(t.Partitions)}
		case kafka.UnknownTopicOrPartition:
		default:
			return nil, fmt.Errorf("read topic %s: %w", *t.Topic, code)
		}
	}
	return found, nil
}

// errTopicsChanged says that topics or their partitions are no longer those that
// the group has.
var errTopicsChanged = errors.New("topics or their partitions have changed")

// Same returns nil if the topic is still the one whose partitions this generation
// has. What was fetched before the question is then of its log and no other. Its
// error is ErrGenerationEnded if the topic was deleted or made anew.
func (g *Generation) Same(ctx context.Context, name string) error {
	found, err := g.client.Topics(ctx, name)
	if err != nil {
		return err
	}
	now, exists := found[name]
	what := ""
	switch {
	case !exists:
		what = "deleted"
	case now.ID != g.topics[name].ID:
		what = "made anew"
	default:
		return nil
	}
	// Joining with the topics as they were would end at the same place again.
	return fmt.Errorf("topic %s was %s: %w: %w", name, what, errTopicsChanged, ErrGenerationEnded)
}

// sameTopics says whether nothing has happened to topics.
func sameTopics(a, b map[string]Topic) bool { return maps.Equal(a, b) }

// A commit says in its metadata which topic its offset is of, because an offset
// alone would be taken for one of whatever topic bears the name later.
const commitPrefix = "topic id "

func (id ID) metadata() string {
	if id == (ID{}) {
		return ""
	}
	return commitPrefix + id.String()
}

// idOf reads the metadata of a commit; zero if a tool or another program made it.
func idOf(text string) ID {
	var id ID
	digits, ok := strings.CutPrefix(text, commitPrefix)
	if raw, err := hex.DecodeString(digits); ok && err == nil && len(raw) == len(id) {
		copy(id[:], raw)
	}
	return id
}
