package queries

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ListedOffsets is how many offsets of a kind of fault are named for each
// partition or topic; all of them are counted.
const ListedOffsets = 100

// blockOffsets is the size of the blocks of ingest/coverage.sql.
const blockOffsets = 65536

// LogOffsets is what the broker says about a partition, or what is known of one of
// a log that is over: all of that is done.
type LogOffsets struct {
	Partition int32 // as it is stored
	First     int64 // the oldest offset that the log still holds
	End       int64 // the offset that the next message gets
	Committed int64 // the first offset that is not done; -1: none committed
}

// Gap is a range of offsets that were gone before they could be read.
type Gap struct {
	Partition int32 // as it is stored
	From, To  int64 // To is the first offset after it
}

// Ledger is what is stored of the offsets of one partition that are done.
type Ledger struct {
	Partition   int32
	Start       int64   // the first offset that must be stored
	Stored      int64   // offsets with an event
	Counted     int64   // different events among them: each (source, id) once in its topic
	Quarantined int64   // offsets with a quarantined message
	Gone        int64   // offsets in [Start, committed) with neither, in a gap
	Missing     int64   // offsets in [Start, committed) with neither, in no gap
	MissingAt   []int64 // the first of them
	Both        int64   // offsets with both
	BothAt      []int64
	Twice       int64 // offsets with several different events
	TwiceAt     []int64
	InFlight    int64 // stored, and not committed yet
	Beyond      int64 // stored, but beyond the log's end
	Largest     int64 // the last offset that is stored; -1: none
}

// Ledger compares what is stored of a topic with its offsets. The offsets must
// have been read before, so that all they call committed is stored. An offset is
// expected from where the log started when it was first looked at, or from the
// smallest stored one, whatever the log has deleted since. Gaps may overlap, and
// hold offsets that are stored nevertheless.
//
// conflicts is the number of contents that do not count because another content
// bears the same (source, id): they are among the offsets that are stored and not
// counted.
func (db *DB) Ledger(ctx context.Context, topic string, logs []LogOffsets, gaps []Gap) (rows []Ledger, conflicts int64, err error) {
	table, err := EventsTable(topic)
	if err != nil {
		return nil, 0, err
	}
	if len(logs) == 0 {
		return nil, 0, nil
	}
	l := &ledger{db: db, table: table, topic: topic, logs: logs, at: map[int32]int{}}
	var partitions []int32
	var committed, ends []int64
	var places []uint64
	for i, p := range logs {
		places = append(places, uint64(i))
		l.at[p.Partition] = i
		l.rows = append(l.rows, Ledger{Partition: p.Partition, Start: p.First, Largest: -1})
		partitions = append(partitions, p.Partition)
		committed = append(committed, max(0, p.Committed))
		ends = append(ends, p.End)
	}
	l.blocks = make([]blocks, len(logs))
	l.gaps = make([][]Gap, len(logs))
	for _, g := range gaps {
		if i, ok := l.at[g.Partition]; ok {
			l.gaps[i] = append(l.gaps[i], g)
		}
	}
	for i := range l.gaps {
		l.gaps[i] = merged(l.gaps[i])
	}
	params := Params{"table": table, "topic": topic, "partitions": partitions, "places": places, "committed": committed, "ends": ends}
	for _, step := range []func(context.Context, Params) error{l.firstSeen, l.coverage, l.gone, l.missing, l.both, l.counted, l.twice} {
		if err := step(ctx, params); err != nil {
			return nil, 0, fmt.Errorf("ledger of %s: %w", topic, err)
		}
	}
	return l.rows, l.conflicts, nil
}

type ledger struct {
	db     *DB
	table  string
	topic  string
	logs   []LogOffsets
	at     map[int32]int // partition -> index
	rows   []Ledger
	blocks []blocks
	gaps   [][]Gap // in order, apart from each other

	conflicts int64
	// Blocks with more rows than offsets, as two columns.
	fullPartitions []int32
	fullBlocks     []int64
}

// blocks collects which blocks of a partition lack offsets.
type blocks struct {
	next    int64   // the first block that was not seen yet
	lacking []int64 // the first blocks that lack offsets
	unclear []int64 // blocks that lack offsets, some of them in a gap
}

// merged puts gaps in order and joins those that meet.
func merged(gaps []Gap) []Gap {
	slices.SortFunc(gaps, func(a, b Gap) int { return cmp.Compare(a.From, b.From) })
	var out []Gap
	for _, g := range gaps {
		if n := len(out); n > 0 && g.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, g.To)
		} else if g.From < g.To {
			out = append(out, g)
		}
	}
	return out
}

// inGaps is how many of the offsets from first up to and without next are in a gap
// of the partition.
func (l *ledger) inGaps(i int, first, next int64) int64 {
	gaps := l.gaps[i]
	at, _ := slices.BinarySearchFunc(gaps, first, func(g Gap, first int64) int { return cmp.Compare(g.To, first+1) })
	var n int64
	for ; at < len(gaps) && gaps[at].From < next; at++ {
		n += max(0, min(gaps[at].To, next)-max(gaps[at].From, first))
	}
	return n
}

func (l *ledger) firstSeen(ctx context.Context, p Params) error {
	return l.db.Rows(ctx, File("ingest/first_seen"), only(p, "topic"), func(scan func(...any) error) error {
		var partition int32
		var first int64
		if err := scan(&partition, &first); err != nil {
			return err
		}
		if i, ok := l.at[partition]; ok {
			l.rows[i].Start = min(l.rows[i].Start, first)
		}
		return nil
	})
}

func (l *ledger) coverage(ctx context.Context, p Params) error {
	seen := make([]bool, len(l.rows))
	err := l.db.Rows(ctx, File("ingest/coverage"), only(p, "table", "topic", "partitions", "committed", "ends"), func(scan func(...any) error) error {
		var partition int32
		var block, smallest, largest int64
		var stored, rows, quarantined, known, inFlight, beyond int64
		if err := scan(&partition, &block, &smallest, &largest, &stored, &rows, &quarantined, &known, &inFlight, &beyond); err != nil {
			return err
		}
		i, ok := l.at[partition]
		if !ok {
			log, partition := SplitPartition(partition)
			return fmt.Errorf("partition %d of the topic's log %d is stored, but the topic has no such partition", partition, log)
		}
		r := &l.rows[i]
		if !seen[i] {
			seen[i] = true
			r.Start = min(r.Start, smallest)
			l.blocks[i].next = r.Start / blockOffsets
		}
		r.Largest = max(r.Largest, largest)
		r.Stored += stored
		r.Quarantined += quarantined
		r.Both += stored + quarantined - known
		r.InFlight += inFlight
		r.Beyond += beyond
		if rows > stored {
			l.fullPartitions = append(l.fullPartitions, partition)
			l.fullBlocks = append(l.fullBlocks, block)
		}
		l.emptyUntil(i, block)
		l.block(i, block, known)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range l.rows {
		if !seen[i] {
			l.blocks[i].next = l.rows[i].Start / blockOffsets
		}
		if c := l.logs[i].Committed; c > 0 {
			l.emptyUntil(i, (c-1)/blockOffsets+1)
		}
	}
	return nil
}

// emptyUntil notes that nothing is stored in the blocks not seen so far, up to
// and without the given one.
func (l *ledger) emptyUntil(i int, block int64) {
	b := &l.blocks[i]
	for b.next < block {
		if len(b.lacking) < ListedOffsets {
			l.block(i, b.next, 0)
			continue
		}
		// They need no names, only a number.
		first, next := l.due(i, b.next, block)
		gone := l.inGaps(i, first, next)
		l.rows[i].Gone += gone
		l.rows[i].Missing += next - first - gone
		b.next = block
	}
}

func (l *ledger) block(i int, block, known int64) {
	b := &l.blocks[i]
	b.next = block + 1
	first, next := l.due(i, block, block+1)
	lacks := next - first - known
	if lacks <= 0 {
		l.rows[i].Missing += lacks
		return
	}
	switch gone := l.inGaps(i, first, next); {
	case gone == 0:
		l.lacks(i, block, lacks)
	case gone == next-first:
		l.rows[i].Gone += lacks
	case known == 0:
		l.rows[i].Gone += gone
		l.lacks(i, block, lacks-gone)
	default:
		b.unclear = append(b.unclear, block)
	}
}

// lacks notes that so many offsets of a block are missing.
func (l *ledger) lacks(i int, block, n int64) {
	b := &l.blocks[i]
	l.rows[i].Missing += n
	if n > 0 && len(b.lacking) < ListedOffsets {
		b.lacking = append(b.lacking, block)
	}
}

// gone tells the offsets that are gone from the missing ones, in the blocks where
// their numbers do not say it.
func (l *ledger) gone(ctx context.Context, _ Params) error {
	for i := range l.rows {
		r := &l.rows[i]
		for blocks := range slices.Chunk(l.blocks[i].unclear, 1000) {
			inGap, outside := map[int64]int64{}, map[int64]int64{}
			err := l.db.Rows(ctx, File("ingest/offsets"), Params{"table": l.table, "topic": l.topic, "partition": r.Partition, "blocks": blocks},
				func(scan func(...any) error) error {
					var offset int64
					if err := scan(&offset); err != nil {
						return err
					}
					switch {
					case offset >= l.logs[i].Committed:
					case l.inGaps(i, offset, offset+1) > 0:
						inGap[offset/blockOffsets]++
					default:
						outside[offset/blockOffsets]++
					}
					return nil
				})
			if err != nil {
				return err
			}
			for _, block := range blocks {
				first, next := l.due(i, block, block+1)
				gone := l.inGaps(i, first, next)
				r.Gone += gone - inGap[block]
				l.lacks(i, block, next-first-gone-outside[block])
			}
		}
		slices.Sort(l.blocks[i].lacking)
	}
	return nil
}

// due are the offsets of the blocks that must be stored, or gone: from first up to
// and without next.
func (l *ledger) due(i int, from, to int64) (first, next int64) {
	first = max(from*blockOffsets, l.rows[i].Start)
	return first, max(first, min(to*blockOffsets, l.logs[i].Committed))
}

var errEnough = errors.New("enough")

func (l *ledger) missing(ctx context.Context, _ Params) error {
	for i := range l.rows {
		r, lacking := &l.rows[i], l.blocks[i].lacking
		if len(lacking) == 0 {
			continue
		}
		// The offsets that should be there, in the order of those that are.
		block, next := 0, max(lacking[0]*blockOffsets, r.Start)
		until := func(offset int64) error {
			for block < len(lacking) && next < offset {
				end := min((lacking[block]+1)*blockOffsets, l.logs[i].Committed)
				for ; next < min(end, offset); next++ {
					if l.inGaps(i, next, next+1) > 0 {
						continue
					}
					if r.MissingAt = append(r.MissingAt, next); len(r.MissingAt) == ListedOffsets {
						return errEnough
					}
				}
				if next < end {
					return nil
				}
				if block++; block < len(lacking) {
					next = lacking[block] * blockOffsets
				}
			}
			return nil
		}
		err := l.db.Rows(ctx, File("ingest/offsets"), Params{"table": l.table, "topic": l.topic, "partition": r.Partition, "blocks": lacking},
			func(scan func(...any) error) error {
				var offset int64
				if err := scan(&offset); err != nil {
					return err
				}
				if err := until(offset); err != nil {
					return err
				}
				next = max(next, offset+1)
				return nil
			})
		if err == nil {
			err = until(l.logs[i].Committed)
		}
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return nil
}

func (l *ledger) both(ctx context.Context, p Params) error {
	if !slices.ContainsFunc(l.rows, func(r Ledger) bool { return r.Both > 0 }) {
		return nil
	}
	return l.db.Rows(ctx, File("ingest/both"), only(p, "table", "topic"), func(scan func(...any) error) error {
		var partition int32
		var offset int64
		if err := scan(&partition, &offset); err != nil {
			return err
		}
		if i, ok := l.at[partition]; ok && int64(len(l.rows[i].BothAt)) < min(l.rows[i].Both, ListedOffsets) {
			l.rows[i].BothAt = append(l.rows[i].BothAt, offset)
		}
		return nil
	})
}

func (l *ledger) counted(ctx context.Context, p Params) error {
	params := only(p, "table", "partitions", "places", "committed")
	err := l.db.Rows(ctx, File("ingest/counted"), params, func(scan func(...any) error) error {
		var partition int32
		var counted int64
		if err := scan(&partition, &counted); err != nil {
			return err
		}
		if i, ok := l.at[partition]; ok {
			l.rows[i].Counted = counted
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = l.db.Rows(ctx, File("ingest/conflicts"), only(p, "topic"), func(scan func(...any) error) error {
		return scan(&l.conflicts)
	})
	if err != nil || l.conflicts == 0 {
		return err
	}
	return l.db.Rows(ctx, File("ingest/repeated"), only(p, "table", "topic", "partitions", "committed"), func(scan func(...any) error) error {
		var partition int32
		var repeated int64
		if err := scan(&partition, &repeated); err != nil {
			return err
		}
		if i, ok := l.at[partition]; ok {
			l.rows[i].Counted -= repeated
		}
		return nil
	})
}

func (l *ledger) twice(ctx context.Context, p Params) error {
	if len(l.fullBlocks) == 0 {
		return nil
	}
	params := Params{"table": l.table, "partitions": l.fullPartitions, "blocks": l.fullBlocks, "done_partitions": p["partitions"], "committed": p["committed"]}
	return l.db.Rows(ctx, File("ingest/twice"), params, func(scan func(...any) error) error {
		var partition int32
		var offset int64
		if err := scan(&partition, &offset); err != nil {
			return err
		}
		r := &l.rows[l.at[partition]]
		if r.Twice++; r.Twice <= ListedOffsets {
			r.TwiceAt = append(r.TwiceAt, offset)
		}
		return nil
	})
}

// only leaves out the parameters that a statement does not name.
func only(p Params, names ...string) Params {
	out := make(Params, len(names))
	for _, n := range names {
		out[n] = p[n]
	}
	return out
}

// Reconciliation is one partition's line of a reconciliation, as recorded.
type Reconciliation struct {
	At          time.Time `ch:"at"`
	Topic       string    `ch:"topic"`
	Partition   int32     `ch:"partition"`
	First       int64     `ch:"first"` // log start
	Committed   int64     `ch:"committed"`
	End         int64     `ch:"end"` // log end
	Stored      int64     `ch:"stored"`
	Counted     int64     `ch:"counted"`
	Duplicates  int64     `ch:"duplicates"`
	Quarantined int64     `ch:"quarantined"`
	Gone        int64     `ch:"gone"`
	Missing     int64     `ch:"missing"`
	MissingAt   []int64   `ch:"missing_at"` // the first of them
}

// InsertReconciliation records a reconciliation.
func (db *DB) InsertReconciliation(ctx context.Context, rows []Reconciliation) error {
	return db.Insert(ctx, "reconciliations", "at, topic, partition, first, committed, end, stored, counted, duplicates, quarantined, gone, missing, missing_at",
		len(rows), func(i int) []any {
			r := &rows[i]
			missing := r.MissingAt
			if missing == nil {
				missing = []int64{}
			}
			return []any{r.At.UTC(), r.Topic, r.Partition, r.First, r.Committed, r.End, r.Stored, r.Counted, r.Duplicates, r.Quarantined, r.Gone, r.Missing, missing}
		})
}

// LastReconciliation reads the newest recorded one; empty if there is none.
func (db *DB) LastReconciliation(ctx context.Context) ([]Reconciliation, error) {
	var rows []Reconciliation
	if err := db.Select(ctx, &rows, File("ingest/reconciliations"), nil); err != nil {
		return nil, fmt.Errorf("last reconciliation: %w", err)
	}
	return rows, nil
}

// Newest is the event of a partition that was stored last, by offset.
type Newest struct {
	Partition  int32     `ch:"partition"`
	Offset     int64     `ch:"offset"`
	ReceivedAt time.Time `ch:"received_at"` // when Kafka recorded it
	Time       time.Time `ch:"time"`        // when it happened
}

// Freshness reads the newest stored event of each partition of a topic; a
// partition without events has none.
func (db *DB) Freshness(ctx context.Context, topic string, partitions ...int32) ([]Newest, error) {
	table, err := EventsTable(topic)
	if err != nil {
		return nil, err
	}
	var out []Newest
	for _, p := range partitions {
		var rows []Newest
		if err := db.Select(ctx, &rows, File("ingest/newest"), Params{"table": table, "topic": topic, "partition": p}); err != nil {
			return nil, fmt.Errorf("freshness of %s/%d: %w", topic, p, err)
		}
		out = append(out, rows...)
	}
	return out, nil
}
