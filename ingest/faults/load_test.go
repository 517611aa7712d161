package faults_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"youzhi/deploy/kafka/kafkatest"
	"youzhi/ingest/event"
)

// partitions of each topic.
const partitions = 8

// place is an offset of the log, by the partition that is stored.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

// entry is what a message must become.
type entry struct {
	// An event: its identity in its topic, and what must be stored of it.
	identity string
	content  string
	// Or a row in quarantine.
	code string
	sum  string // SHA-256 of the message
	size int
	kept string // SHA-256 of what is kept of it
}

// book is what was written to the log.
type book struct {
	mu      sync.Mutex
	entries map[place]entry
	markers map[string]int // ends of transactions by topic, at offsets that nobody is told
	failed  []error
	sent    int
	logs    map[string]int32 // how often a topic was made anew
	gone    map[place]bool   // what the log forgot before anyone stored it
}

// perLog is by how much the stored partitions of one log of a topic lie apart from
// those of the next.
const perLog = 10_000

// partition is what a partition of the topic's log of now is stored as.
func (b *book) partition(topic string, partition int32) int32 {
	return b.logs[topic]*perLog + partition
}

func (b *book) note(m kafkatest.Message, e entry, offset int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.failed = append(b.failed, fmt.Errorf("write to %s/%d: %w", m.Topic, m.Partition, err))
		return
	}
	b.entries[place{m.Topic, b.partition(m.Topic, m.Partition), offset}] = e
}

// sending counts a message that is on its way.
func (b *book) sending() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
}

// marked counts the ends of a transaction, one in each partition that it touched.
func (b *book) marked(touched map[place]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range touched {
		b.markers[p.topic]++
	}
}

// load is a sequence of messages: the same for the same seed.
type load struct {
	*rand.Rand
	n      int
	recent []sent // some of the last events, to be sent again

	cases, delivered, punctual int // distinct cases, those delivered, those in time
	waiting                    []int
	tickets, surveys, duties   int
}

type sent struct {
	message kafkatest.Message
	entry   entry
}

func newLoad(seed uint64) *load {
	return &load{Rand: rand.New(rand.NewPCG(seed, 17))}
}

// The cases are accepted in February 2026 and promised for March. They are of few
// days and places, for with those grows what a fold has to do.
var (
	accepted = time.Date(2026, 2, 2, 8, 0, 0, 0, time.UTC)
	promised = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
)

func (l *load) promise(k int) time.Time { return promised.Add(time.Duration(k%72) * time.Hour) }

// next is the next message: of a hundred, one is no event, one a copy of an
// earlier event at another place, and of a thousand three bear the identity of an
// earlier one with other content.
func (l *load) next() (kafkatest.Message, entry) {
	l.n++
	switch n := l.IntN(1000); {
	case n < 10:
		return l.poison(l.IntN(len(poisons)))
	case n < 20 && len(l.recent) > 0:
		s := l.recent[l.IntN(len(l.recent))]
		s.message.Partition = l.Int32N(partitions)
		return s.message, s.entry
	case n < 23 && len(l.recent) > 0:
		s := l.recent[l.IntN(len(l.recent))]
		// What no figure looks at.
		other := bytes.Replace(s.message.Value, []byte(`"remark":"`), fmt.Appendf(nil, `"remark":"%d `, l.n), 1)
		return l.message(s.message.Topic, s.message.Partition, string(s.message.Key), string(other))
	}
	return l.event()
}

// event is a new event of the contract, of about 551 bytes.
func (l *load) event() (kafkatest.Message, entry) {
	var m kafkatest.Message
	var e entry
	switch n := l.IntN(100); {
	case n < 30 || n < 60 && len(l.waiting) == 0:
		k := l.cases
		l.cases++
		l.waiting = append(l.waiting, k)
		m, e = l.write(event.TopicCases, k, "case.accepted", fmt.Sprintf("C%09d", k), accepted.Add(time.Duration(k%72)*time.Hour),
			fmt.Sprintf(`"product":"parcel","region":"33%02d00","outlet":"HZ-%03d","channel":"outlet","direction":"domestic","promised_at":%q`, 1+k%3, k%6, l.promise(k).Format(time.RFC3339)))
	case n < 60:
		i := l.IntN(len(l.waiting))
		k := l.waiting[i]
		l.waiting[i] = l.waiting[len(l.waiting)-1]
		l.waiting = l.waiting[:len(l.waiting)-1]
		l.delivered++
		at := l.promise(k).Add(time.Hour)
		if l.IntN(5) > 0 {
			l.punctual++
			at = at.Add(-2 * time.Hour)
		}
		m, e = l.write(event.TopicCases, k, "case.delivered", fmt.Sprintf("C%09d", k), at, `"attempt_no":1`)
	case n < 80:
		k := l.tickets
		l.tickets++
		m, e = l.write(event.TopicComplaints, k, "ticket.received", fmt.Sprintf("T%09d", k), accepted.Add(time.Duration(k%72)*time.Hour),
			fmt.Sprintf(`"kind":"complaint","region":"33%02d00","channel":"phone"`, 1+k%3))
	case n < 92:
		k := l.surveys
		l.surveys++
		m, e = l.write(event.TopicSurveys, k, "survey.answered", fmt.Sprintf("S%09d", k), accepted.Add(time.Duration(k%72)*time.Hour),
			fmt.Sprintf(`"instrument":"csat","answers":[{"item":"overall","role":"score","value":%d,"min":1,"max":5}]`, 1+k%5))
	default:
		k := l.duties
		l.duties++
		m, e = l.write(event.TopicAssurance, k, "assurance.scheduled", fmt.Sprintf("A%09d", k), accepted.Add(time.Duration(k%72)*time.Hour),
			fmt.Sprintf(`"kind":"training_quarterly","unit":"HZ-%03d","due_date":"2026-03-31"`, k%6))
	}
	if s := (sent{m, e}); len(l.recent) < 500 {
		l.recent = append(l.recent, s)
	} else {
		l.recent[l.IntN(len(l.recent))] = s
	}
	return m, e
}

func (l *load) write(topic string, k int, kind, subject string, at time.Time, data string) (kafkatest.Message, entry) {
	value := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":"/cn/post/core","type":"cn.post.%s","subject":%q,"time":%q,"datacontenttype":"application/json","dataschema":"urn:youzhi:schema:cn.post.%s:1","sequence":"0000000002","recordedtime":%q,"data":{%s,"note":"杭州","remark":"`,
		kind, k, kind, subject, at.Format(time.RFC3339), kind, at.Format(time.RFC3339), data)
	value += strings.Repeat("r", max(1, 548-len(value))) + `"}}`
	return l.message(topic, int32(k%partitions), subject, value)
}

// message is an event with its entry.
func (l *load) message(topic string, partition int32, subject, value string) (kafkatest.Message, entry) {
	m := kafkatest.Message{Topic: topic, Partition: partition, Key: []byte(subject), Value: []byte(value)}
	id := between(value, `"id":"`, `"`)
	data := value[strings.Index(value, `"data":`)+len(`"data":`) : len(value)-1]
	return m, entry{identity: "/cn/post/core " + id, content: sum(subject + "\n" + id + "\n" + between(value, `"type":"`, `"`) + "\n" + data)}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// poisons are messages that are no events, with the reason.
var poisons = []struct {
	code event.Code
	make func(good string) string
}{
	{event.CodeJSON, func(good string) string { return good[:len(good)/2] }},
	{event.CodeJSON, func(good string) string { return "\ufeff" + good }},
	{event.CodeJSON, swap(`"attempt":1`, `"attempt":NaN`)},
	{event.CodeType, swap(`"id":"p"`, `"id":7`)},
	{event.CodeUnknownType, swap(`"type":"cn.post.case.accepted"`, `"type":"cn.post.case.invented"`)},
	{event.CodeMissing, swap(`"id":"p",`, ``)},
	{event.CodeNoOffset, swap(`"time":"2026-02-02T08:00:00Z"`, `"time":"2026-02-02T08:00:00"`)},
	{event.CodePast, swap(`"time":"2026-02-02T08:00:00Z"`, `"time":"1970-01-01T00:00:00Z"`)},
	{event.CodeFuture, swap(`"time":"2026-02-02T08:00:00Z"`, `"time":"2099-01-01T00:00:00Z"`)},
	{event.CodeDuplicateKey, swap(`"id":"p"`, `"id":"p","id":"q"`)},
	{event.CodeUTF8, swap("杭州", "\xff\xfe")},
	{event.CodeTrailing, func(good string) string { return good + "{}" }},
	{event.CodeDepth, swap(`"attempt":1`, `"attempt":`+strings.Repeat("[", 64)+strings.Repeat("]", 64))},
	{event.CodeWrongTopic, func(good string) string { return good }},
	{event.CodeEmpty, func(string) string { return "" }},
}

func swap(old, with string) func(string) string {
	return func(good string) string { return strings.Replace(good, old, with, 1) }
}

const goodOne = `{"specversion":"1.0","id":"p","source":"/cn/post/core","type":"cn.post.case.accepted","subject":"P","time":"2026-02-02T08:00:00Z","dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","attempt":1,"note":"杭州"}}`

// poison is a message that is no event of the contract.
func (l *load) poison(i int) (kafkatest.Message, entry) {
	p := poisons[i]
	topic := event.TopicCases
	if p.code == event.CodeWrongTopic || p.code == event.CodeJSON || p.code == event.CodeEmpty {
		// These are wrong anywhere but there, or anywhere.
		topic = event.Topics()[1+l.IntN(3)]
	}
	return quarantined(topic, l.Int32N(partitions), fmt.Sprintf("bad-%d", l.n), p.make(goodOne), string(p.code))
}

// huge is a message that is too long to be read.
func (l *load) huge(size int) (kafkatest.Message, entry) {
	value := `{"specversion":"1.0","filler":"` + strings.Repeat("x", size) + `"}`
	return quarantined(event.Topics()[l.IntN(4)], l.Int32N(partitions), fmt.Sprintf("huge-%d", l.n), value, string(event.CodeOversize))
}

// outside is an event of a subject that no other load has.
func (l *load) outside() (kafkatest.Message, entry) {
	l.n++
	return l.write(event.TopicComplaints, 1_000_000_000+l.n, "ticket.received", fmt.Sprintf("X%09d", l.n), accepted, `"kind":"complaint","region":"330100","channel":"phone"`)
}

// aborted is what becomes of a message whose producer takes it back.
func aborted(m kafkatest.Message) entry {
	_, e := quarantined(m.Topic, m.Partition, string(m.Key), string(m.Value), "transaction_aborted")
	return e
}

func quarantined(topic string, partition int32, key, value, code string) (kafkatest.Message, entry) {
	kept := value
	if len(value) > event.MaxSize {
		kept = value[:64<<10]
	}
	return kafkatest.Message{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value)},
		entry{code: code, sum: sum(value), size: len(value), kept: sum(kept)}
}

// pour writes a load to the log, so many messages a second, until it is stopped.
type pour struct {
	load     *load
	book     *book
	producer *kafkatest.Producer
	rate     atomic.Int64 // messages a second
	cancel   context.CancelFunc
	done     chan struct{}
}

func newBook() *book {
	return &book{entries: map[place]entry{}, markers: map[string]int{}, logs: map[string]int32{}, gone: map[place]bool{}}
}

// begin pours until stop.
func (p *pour) begin(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{})
	t.Cleanup(p.stop)
	go func() {
		defer close(p.done)
		const tick = 10 * time.Millisecond
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for last, due := time.Now(), 0.0; ; {
			now := time.Now()
			due += now.Sub(last).Seconds() * float64(p.rate.Load())
			for last = now; due >= 1; due-- {
				m, e := p.load.next()
				p.send(m, e, nil)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
}

// send writes one message and tells its place, if someone wants to know.
func (p *pour) send(m kafkatest.Message, e entry, told func(place)) {
	m.Time = time.Now()
	p.book.sending()
	p.producer.Send(context.Background(), m, func(offset int64, err error) {
		p.book.note(m, e, offset, err)
		if err == nil && told != nil {
			told(place{m.Topic, m.Partition, offset})
		}
	})
}

// flush waits until the log has what was sent.
func (p *pour) flush(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.producer.Flush(ctx); err != nil {
		t.Fatalf("the log does not take the load: %v", err)
	}
}

// stop ends the pouring.
func (p *pour) stop() {
	p.cancel()
	<-p.done
}

// lose takes out of the book what the log has forgotten.
func (b *book) lose(p place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, p)
	b.gone[p] = true
	b.sent--
}

// remade counts a new log of a topic.
func (b *book) remade(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logs[topic]++
}

// complete checks that the log has all that was sent, by whomever.
func (b *book) complete(t testing.TB) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failed) > 0 {
		t.Fatalf("%d messages were not written, the first: %v", len(b.failed), b.failed[0])
	}
	if len(b.entries) != b.sent {
		t.Fatalf("%d messages sent, the log has %d", b.sent, len(b.entries))
	}
}
