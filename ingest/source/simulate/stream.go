package simulate

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"youzhi/ingest/event"
	"youzhi/ingest/topic"
)

// horizon is how many days before an instant a message sent then can have been
// begun at most. What is due within a year is begun with the year, and may be late:
// dutyHorizon is that of duties, which are few.
const (
	horizon     = 300
	dutyHorizon = 450
)

// stream is a place in the messages.
type stream struct {
	at      int64 // everything sent before has been yielded
	next    Day   // the first day that has not been made
	pending map[Day][]pending
	m       maker
}

type pending struct {
	sent int64
	msg  Message
}

// Messages yields what is sent in [from, to), in the order of sending. Where the
// last call ended, the next goes on without making the days before again.
func (op *Operator) Messages(from, to time.Time) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		begin, end := from.UnixMicro(), to.UnixMicro()
		s := op.stream
		op.stream = nil
		if s == nil || s.at != begin {
			s = op.newStream(begin)
		}
		last := dayOf(end)
		for d := dayOf(max(begin, op.first.start())); d <= last; d++ {
			for ; s.next <= d; s.next++ {
				s.make(op, s.next)
			}
			list := s.pending[d]
			delete(s.pending, d)
			slices.SortStableFunc(list, func(a, b pending) int {
				switch {
				case a.sent < b.sent:
					return -1
				case a.sent > b.sent:
					return 1
				}
				return 0
			})
			for i := range list {
				if list[i].sent >= end {
					s.pending[d] = list[i:]
					break
				}
				if list[i].sent >= begin && !yield(list[i].msg) {
					return
				}
			}
		}
		s.at = end
		op.stream = s
	}
}

// History is everything that is sent before an instant.
func (op *Operator) History(to time.Time) iter.Seq[Message] { return op.Messages(op.first.Start(), to) }

// Live yields what is sent from an instant on, each message when wait has let it
// pass: wait returns when its clock has come to the instant, or false to end.
func (op *Operator) Live(from time.Time, wait func(until time.Time) bool) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for {
			// Days are taken one by one, so that no more than one is made ahead.
			to := (DayOf(from) + 1).Start()
			for msg := range op.Messages(from, to) {
				if !wait(msg.Sent) || !yield(msg) {
					return
				}
			}
			if from = to; !wait(from) {
				return
			}
		}
	}
}

// Draw fills the ledger up to and including a day without making messages, which
// is some times faster. The operator must have a ledger.
func (op *Operator) Draw(upTo Day) {
	s := op.newStream(op.first.start())
	s.m.mute, s.next = true, op.ledger.next
	for ; s.next <= upTo; s.next++ {
		s.make(op, s.next)
	}
}

func (op *Operator) newStream(begin int64) *stream {
	s := &stream{next: max(op.first, dayOf(begin)-horizon), pending: map[Day][]pending{}}
	if op.ledger != nil {
		s.next = min(s.next, op.ledger.next)
	}
	s.m = maker{o: op, from: begin, out: func(sent int64, msg Message) {
		d := dayOf(sent)
		s.pending[d] = append(s.pending[d], pending{sent, msg})
	}}
	for d := max(op.first, dayOf(begin)-dutyHorizon); d < s.next; d++ {
		s.m.duties(d)
	}
	return s
}

// make makes everything that begins on a day.
func (s *stream) make(op *Operator, d Day) {
	m := &s.m
	m.book = op.ledger != nil && op.ledger.next == d
	m.duties(d)
	for _, o := range op.outlets {
		m.casesOf(o, d)
		m.ticketsOf(o, d)
	}
	if m.book {
		op.ledger.next = d + 1
	}
}

// Sink is where messages go; a *topic.Client is one.
type Sink interface {
	Write(ctx context.Context, topicName string, messages []topic.Message) ([]topic.Acknowledgement, error)
}

// Send writes messages to a sink, in batches by topic that keep their order, with
// the instant at which they are sent as the record's, and returns how many. A
// batch goes out when size messages are together: a live stream wants 1.
func Send(ctx context.Context, sink Sink, messages iter.Seq[Message], size int) (int64, error) {
	batches := map[string][]topic.Message{}
	held := 0
	var sent int64
	flush := func() error {
		for _, name := range event.Topics() {
			if len(batches[name]) == 0 {
				continue
			}
			if _, err := sink.Write(ctx, name, batches[name]); err != nil {
				return fmt.Errorf("send simulated events: %w", err)
			}
			sent += int64(len(batches[name]))
			batches[name] = batches[name][:0]
		}
		held = 0
		return nil
	}
	for msg := range messages {
		if err := ctx.Err(); err != nil {
			return sent, fmt.Errorf("send simulated events: %w", err)
		}
		batches[msg.Topic] = append(batches[msg.Topic], topic.Message{Key: msg.Key, Value: msg.Value, Time: msg.Sent})
		if held++; held >= size {
			if err := flush(); err != nil {
				return sent, err
			}
		}
	}
	return sent, flush()
}
