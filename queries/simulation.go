package queries

import (
	"context"
	"fmt"
	"time"
)

// Simulation says that the stored events are those of a simulated operator, which
// one, and how far they have been sent.
type Simulation struct {
	Seed     uint64
	Scale    float64
	From, To time.Time // of the history
	Shares   string    // JSON
	// What was sent in [First, Live) came first; of what was sent before it,
	// [From, History) has come. Nothing is sent from Ends on.
	First, Ends, History, Live time.Time
	version                    uint64
}

// Loaded is the share of the history that has come, from 0 to 1.
func (s *Simulation) Loaded() float64 {
	whole := s.To.Sub(s.From)
	missing := s.First.Sub(s.History)
	if s.Live.Before(s.To) {
		missing += s.To.Sub(s.Live)
	}
	if whole <= 0 || missing <= 0 {
		return 1
	}
	return max(0, 1-float64(missing)/float64(whole))
}

// Simulation reads whose events these are; ok is false where nobody said that
// they are simulated.
func (db *DB) Simulation(ctx context.Context) (s Simulation, ok bool, err error) {
	err = db.Rows(ctx, `SELECT version, seed, scale, from_at, to_at, shares, first_at, ends_at, history, live
FROM simulation
ORDER BY version DESC
LIMIT 1`, nil, func(scan func(...any) error) error {
		ok = true
		return scan(&s.version, &s.Seed, &s.Scale, &s.From, &s.To, &s.Shares, &s.First, &s.Ends, &s.History, &s.Live)
	})
	if err != nil {
		return Simulation{}, false, fmt.Errorf("read whose events these are: %w", err)
	}
	for _, t := range []*time.Time{&s.From, &s.To, &s.First, &s.Ends, &s.History, &s.Live} {
		*t = t.UTC()
	}
	return s, ok, nil
}

// RecordSimulation writes whose events these are, or how far they have come.
func (db *DB) RecordSimulation(ctx context.Context, s *Simulation) error {
	s.version++
	err := db.Insert(ctx, "simulation", "one, version, seed, scale, from_at, to_at, shares, first_at, ends_at, history, live", 1, func(int) []any {
		return []any{uint8(1), s.version, s.Seed, s.Scale, s.From, s.To, s.Shares, s.First, s.Ends, s.History, s.Live}
	})
	if err != nil {
		return fmt.Errorf("record whose events these are: %w", err)
	}
	return nil
}

// Empty says that no message was ever stored, in quarantine neither.
func (db *DB) Empty(ctx context.Context) (bool, error) {
	for _, table := range []string{"arrivals", "quarantine"} {
		var rows []struct {
			N uint64 `ch:"n"`
		}
		if err := db.Select(ctx, &rows, "SELECT count() AS n FROM {table:Identifier}", Params{"table": table}); err != nil {
			return false, fmt.Errorf("look for stored events: %w", err)
		}
		if rows[0].N > 0 {
			return false, nil
		}
	}
	return true, nil
}
