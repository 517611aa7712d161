package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"youzhi/ingest/consume"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// keyLimit is how much of a key is kept; one as long may have been cut.
const keyLimit = 64 << 10

// Why a message can't be written again.
const (
	whyOversize = "only the first 64 KiB are kept, not the message"
	whyEmptied  = "its bytes were taken away after their time"
	whyNothing  = "it has no bytes"
	whyMarker   = "no producer sent it: it marks the end of a transaction"
	whyAborted  = "its producer took it back: the transaction was aborted"
	whyTime     = "its record time could not be kept"
	whyKey      = "its key was too long to be kept whole"
	whyHash     = "what is kept has another hash"
)

// refusal says why a message can't be written again; empty: it can.
func refusal(m *queries.QuarantineRecord) string {
	switch {
	case m.Code == consume.CodeMarker:
		return whyMarker
	case m.Code == consume.CodeAborted:
		return whyAborted
	case m.Code == consume.CodeTimestamp:
		return whyTime
	}
	switch m.Kept() {
	case queries.KeptNothing:
		return whyNothing
	case queries.KeptEmptied:
		return whyEmptied
	case queries.KeptPrefix:
		return whyOversize
	}
	switch {
	case len(m.Key) >= keyLimit:
		return whyKey
	case !intact(m):
		return whyHash
	}
	return ""
}

// ReplayOptions say what is written again.
type ReplayOptions struct {
	Filter queries.QuarantineFilter
	Limit  int  // 0: none
	Again  bool // those too that were written again before
	DryRun bool // nothing is written
}

// Outcome is what a replay did.
type Outcome struct {
	DryRun  bool
	Written map[string]int             // by code; of a dry run those that would be
	Refused map[string][]queries.Place // by the reason why they can't be written again
	Before  int                        // left out: they were written again before
	Targets consume.Targets            // that the group has to reach for all to be stored
	from    []queries.Place
}

// Replay writes messages to their topic again: the same key, bytes and record time.
// What is mended meanwhile makes events of them. A message that was written again
// before is left out, for there is an event, or another message in quarantine, or
// one on its way instead; to write it again is safe all the same, because an event
// counts once. Beside an error the outcome says what was written.
func (r *Room) Replay(ctx context.Context, o ReplayOptions) (*Outcome, error) {
	out := &Outcome{DryRun: o.DryRun, Written: map[string]int{}, Refused: map[string][]queries.Place{}, Targets: consume.Targets{}}
	began := r.Now()
	return out, r.each(ctx, o.Filter, chunk, o.Limit, func(part []Message) error {
		part = slices.DeleteFunc(part, func(m Message) bool {
			// What comes back while this runs is not written in a circle.
			if m.StoredAt.After(began) {
				return true
			}
			if m.Replay != nil && !o.Again {
				out.Before++
				return true
			}
			return false
		})
		if len(part) == 0 {
			return nil
		}
		records, err := r.records(ctx, part)
		if err != nil {
			return err
		}
		byTopic := map[string][]*queries.QuarantineRecord{}
		for i := range part {
			m, ok := records[part[i].Place()]
			if !ok {
				return fmt.Errorf("%s: is listed but not there", part[i].Place())
			}
			if why := refusal(m); why != "" {
				out.Refused[why] = append(out.Refused[why], m.Place())
				continue
			}
			if o.DryRun {
				out.Written[m.Code]++
				continue
			}
			byTopic[m.Topic] = append(byTopic[m.Topic], m)
		}
		for _, name := range slices.Sorted(maps.Keys(byTopic)) {
			if err := r.write(ctx, name, byTopic[name], out); err != nil {
				return err
			}
		}
		return nil
	})
}

// write sends messages of one topic and records their new places.
func (r *Room) write(ctx context.Context, name string, records []*queries.QuarantineRecord, out *Outcome) error {
	messages := make([]topic.Message, len(records))
	for i, m := range records {
		messages[i] = topic.Message{Value: []byte(m.Payload), Time: m.ReceivedAt}
		if m.Key != "" {
			messages[i].Key = []byte(m.Key)
		}
	}
	log, err := consume.LogNow(ctx, r.Kafka, r.DB, name)
	if err != nil {
		return err
	}
	acks, err := r.Kafka.Write(ctx, name, messages)
	out.Targets.Add(name, acks)
	var from, to []queries.Place
	for i, a := range acks {
		if a.Offset < 0 {
			continue
		}
		stored, serr := queries.StoredPartition(log, a.Partition)
		if serr != nil {
			return serr // the ingest can't store it either
		}
		from = append(from, records[i].Place())
		to = append(to, queries.Place{Topic: name, Partition: stored, Offset: a.Offset})
		out.Written[records[i].Code]++
	}
	out.from = append(out.from, from...)
	// They are in the log, whatever becomes of the rest and of ctx.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, r.DB.RecordQuarantineReplays(recording, r.Now(), from, to))
}

// shownPlaces is how many places of a reason are named.
const shownPlaces = 100

// WriteText says what was written and what was not.
func (o *Outcome) WriteText(w io.Writer) {
	said, total := "replayed", 0
	if o.DryRun {
		said = "would be replayed"
	}
	for _, n := range o.Written {
		total += n
	}
	fmt.Fprintf(w, "%s: %d\n", said, total)
	for _, code := range slices.Sorted(maps.Keys(o.Written)) {
		fmt.Fprintf(w, "  %s: %d\n", code, o.Written[code])
	}
	total = 0
	for _, places := range o.Refused {
		total += len(places)
	}
	fmt.Fprintf(w, "refused: %d\n", total)
	for _, why := range slices.Sorted(maps.Keys(o.Refused)) {
		places := o.Refused[why]
		fmt.Fprintf(w, "  %s: %d\n", why, len(places))
		for _, at := range places[:min(len(places), shownPlaces)] {
			fmt.Fprintf(w, "    %s\n", at)
		}
		if more := len(places) - shownPlaces; more > 0 {
			fmt.Fprintf(w, "    and %d more\n", more)
		}
	}
	if o.Before > 0 {
		fmt.Fprintf(w, "left out: %d were replayed before; --again writes them once more, which is safe: an event counts once\n", o.Before)
	}
}

// Became says what the replayed messages are by now.
func (r *Room) Became(ctx context.Context, w io.Writer, o *Outcome) error {
	events, waiting := 0, 0
	back := map[string]int{}
	for part := range slices.Chunk(o.from, page) {
		replays, err := r.DB.QuarantineReplays(ctx, part)
		if err != nil {
			return err
		}
		for _, p := range replays {
			switch p.State() {
			case queries.ReplayEvent:
				events++
			case queries.ReplayBack:
				back[p.Code]++
			default:
				waiting++
			}
		}
	}
	if len(o.from) == 0 {
		return nil
	}
	fmt.Fprintf(w, "became events: %d\n", events)
	for _, code := range slices.Sorted(maps.Keys(back)) {
		fmt.Fprintf(w, "back in quarantine, %s: %d\n", code, back[code])
	}
	if waiting > 0 {
		fmt.Fprintf(w, "not stored yet: %d\n", waiting)
	}
	return nil
}
