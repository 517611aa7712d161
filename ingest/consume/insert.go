package consume

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"youzhi/ingest/event"
	"youzhi/queries"
)

// ClickHouse's numbers of errors for which a smaller insert may pass.
const memoryLimitExceeded = 241

// rowFaults are ClickHouse's numbers of errors that lie in a row: inserting it
// again can't help, and those beside it may be good.
var rowFaults = map[int32]bool{
	6:   true, // CANNOT_PARSE_TEXT
	69:  true, // ARGUMENT_OUT_OF_BOUND
	117: true, // INCORRECT_DATA
	131: true, // TOO_LARGE_STRING_SIZE
	321: true, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349: true, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	407: true, // DECIMAL_OVERFLOW
	469: true, // VIOLATED_CONSTRAINT
}

// refusedLimit is how many rows are refused one by one, before any is taken,
// until it is clear that the table is at fault and not the rows.
const refusedLimit = 64

// token names what is inserted, for ClickHouse to know it again when an insert of
// unknown outcome is made once more: the topic by its identity, so that one made
// anew is another one, the offsets of each partition, how they were read, and
// what came of them.
func token(identity string, b *batch) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s v%d", identity, event.DecoderVersion)
	for _, f := range b.fetched {
		if n := len(f.Records); n > 0 {
			fmt.Fprintf(&s, " %d:%d-%d", f.partition, f.Records[0].Offset, f.Records[n-1].Offset)
		}
	}
	name, digest := s.String(), b.events.Digest()
	if len(name) > 400 {
		// The list is long when partitions are many; its hash says as much to ClickHouse.
		sum := sha256.Sum256([]byte(name))
		name = fmt.Sprintf("%s v%d %d ranges %x", identity, event.DecoderVersion, len(b.fetched), sum[:16])
	}
	return fmt.Sprintf("%s %x", name, digest[:16])
}

// insertEvents stores the batch's events. When ClickHouse refuses rows, the batch
// is halved until those alone are left, and they are moved to the quarantine.
func (p *pipeline) insertEvents(ctx context.Context, b *batch) error {
	var d division
	b.join(&p.whole)
	b.events.Token = token(p.identity, b)
	err := p.retry(ctx, "insert_events", p.topic, func(ctx context.Context) error {
		d = division{store: p.o.Store, topic: p.topic, reasons: map[int]error{}}
		if err := d.insert(ctx, b.events, 0, b.events.Len()); err != nil {
			return err
		}
		if d.taken == 0 && len(d.reasons) > 1 {
			// No row is taken: somebody has to mend the table, and until then the
			// events wait in Kafka.
			return d.last
		}
		return d.again(ctx, b.events)
	})
	if err != nil {
		return err
	}
	if len(d.reasons) == 0 {
		return nil
	}
	taken, from := emptyColumns(), 0
	for _, i := range slices.Sorted(maps.Keys(d.reasons)) {
		taken.AppendRows(b.events, from, i)
		from = i + 1
		partition, offset := b.events.Place(i)
		p.o.Logger.ErrorContext(ctx, "clickhouse refused an event, it goes to quarantine",
			"topic", p.topic, "partition", partition, "offset", offset, "error", d.reasons[i])
		b.quarantine = append(b.quarantine, quarantineRow(p.topic, partition, b.record(partition, offset), CodeRefused,
			fmt.Sprintf("ClickHouse error %d", queries.Code(d.reasons[i]))))
	}
	taken.AppendRows(b.events, from, b.events.Len())
	b.freeRows()
	b.parts, b.events = []*queries.Events{taken}, taken
	return nil
}

// division inserts rows in ever smaller pieces.
type division struct {
	store   Store
	topic   string
	taken   int
	reasons map[int]error // of the rows that were refused, by index
	last    error         // of reasons
}

// again tries the refused rows once more, now that others were taken: the table
// may have been mended meanwhile, and a row is to blame only if it is refused by a
// table that takes its neighbours.
func (d *division) again(ctx context.Context, rows *queries.Events) error {
	first := d.reasons
	d.reasons = map[int]error{}
	for i := range first {
		if err := d.insert(ctx, rows, i, i+1); err != nil {
			return err
		}
	}
	return nil
}

// insert stores the rows from one up to, and without, to.
func (d *division) insert(ctx context.Context, rows *queries.Events, from, to int) error {
	if from == to || (d.taken == 0 && len(d.reasons) >= refusedLimit) {
		return nil
	}
	piece := rows
	if to-from < rows.Len() {
		piece = emptyColumns()
		piece.AppendRows(rows, from, to)
		piece.Token = fmt.Sprintf("%s rows %d-%d", rows.Token, from, to)
	}
	err := d.store.InsertEvents(ctx, d.topic, piece)
	code := queries.Code(err)
	switch {
	case err == nil:
		d.taken += to - from
		if piece != rows {
			freeColumns(piece)
		}
		return nil
	case rowFaults[code] && to-from == 1:
		d.reasons[from], d.last = err, err
		return nil
	case !rowFaults[code] && (code != memoryLimitExceeded || to-from == 1):
		return err
	}
	half := from + (to-from)/2
	if err := d.insert(ctx, rows, from, half); err != nil {
		return err
	}
	return d.insert(ctx, rows, half, to)
}
