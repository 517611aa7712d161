package consume

import (
	"context"
	"fmt"

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

// insertEvents stores the batch's events. When ClickHouse refuses rows, the batch
// is halved until those alone are left, and they are moved to the quarantine.
func (p *pipeline) insertEvents(ctx context.Context, b *batch) error {
	var d division
	err := p.retry(ctx, "insert_events", p.topic, func(ctx context.Context) error {
		d = division{store: p.o.Store, topic: p.topic, reasons: map[int]error{}}
		if err := d.insert(ctx, b.events, 0); err != nil {
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
	events, records := b.events[:0], b.records[:0]
	for i, e := range b.events {
		reason, refused := d.reasons[i]
		if !refused {
			events, records = append(events, e), append(records, b.records[i])
			continue
		}
		p.o.Logger.ErrorContext(ctx, "clickhouse refused an event, it goes to quarantine",
			"topic", p.topic, "partition", e.Partition, "offset", e.Offset, "error", reason)
		b.quarantine = append(b.quarantine, quarantineRow(p.topic, e.Partition, &b.records[i], CodeRefused,
			fmt.Sprintf("ClickHouse error %d", queries.Code(reason))))
	}
	b.events, b.records = events, records
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
func (d *division) again(ctx context.Context, rows []queries.EventRow) error {
	first := d.reasons
	d.reasons = map[int]error{}
	for i := range first {
		if err := d.insert(ctx, rows[i:i+1], i); err != nil {
			return err
		}
	}
	return nil
}

func (d *division) insert(ctx context.Context, rows []queries.EventRow, first int) error {
	if len(rows) == 0 || (d.taken == 0 && len(d.reasons) >= refusedLimit) {
		return nil
	}
	err := d.store.InsertEvents(ctx, d.topic, rows)
	code := queries.Code(err)
	switch {
	case err == nil:
		d.taken += len(rows)
		return nil
	case rowFaults[code] && len(rows) == 1:
		d.reasons[first], d.last = err, err
		return nil
	case !rowFaults[code] && (code != memoryLimitExceeded || len(rows) == 1):
		return err
	}
	half := len(rows) / 2
	if err := d.insert(ctx, rows[:half], first); err != nil {
		return err
	}
	return d.insert(ctx, rows[half:], first+half)
}
