package queries

import (
	"context"
	"fmt"
	"time"
)

// PhaseBreak is a person's decision about a new phase of a control chart.
type PhaseBreak struct {
	Key string
	// Scope is a JSON object of dimension and value, with sorted names.
	Scope string
	// Day is the Beijing day, as midnight UTC of its date.
	Day                         time.Time
	DecidedAt                   time.Time
	Author, Reason, Improvement string
	Withdrawn                   bool
}

// PhaseBreaks are the decisions taken up to an instant, of one indicator, scope and
// day the last one.
func (db *DB) PhaseBreaks(ctx context.Context, until time.Time) ([]PhaseBreak, error) {
	var out []PhaseBreak
	err := db.Rows(ctx, `SELECT toString(key), scope, day, decided_at, author, reason, improvement, withdrawn
FROM phase_breaks
WHERE decided_at <= {until:DateTime64(6, 'UTC')}
ORDER BY key, scope, day, decided_at DESC
LIMIT 1 BY key, scope, day`, Params{"until": Instant(until)}, func(scan func(...any) error) error {
		var b PhaseBreak
		if err := scan(&b.Key, &b.Scope, &b.Day, &b.DecidedAt, &b.Author, &b.Reason, &b.Improvement, &b.Withdrawn); err != nil {
			return err
		}
		b.DecidedAt = b.DecidedAt.UTC()
		out = append(out, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read new phases: %w", err)
	}
	return out, nil
}

// RecordPhaseBreak keeps a decision.
func (db *DB) RecordPhaseBreak(ctx context.Context, b PhaseBreak) error {
	err := db.Insert(ctx, "phase_breaks", "key, scope, day, decided_at, author, reason, improvement, withdrawn", 1, func(int) []any {
		return []any{b.Key, b.Scope, b.Day, b.DecidedAt.UTC(), b.Author, b.Reason, b.Improvement, b.Withdrawn}
	})
	if err != nil {
		return fmt.Errorf("record a new phase: %w", err)
	}
	return nil
}
