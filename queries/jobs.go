package queries

import (
	"context"
	"fmt"
	"time"
)

// JobRun is one run of a scheduled job.
type JobRun struct {
	Job            string
	At             time.Time // the scheduled instant
	Started, Ended time.Time // Ended is zero while it runs
	Outcome, Error string
	Manual         bool
}

// RecordJobRun writes the row of a run; the row of its end replaces that of its
// start.
func (db *DB) RecordJobRun(ctx context.Context, r JobRun) error {
	version := uint8(0)
	if !r.Ended.IsZero() {
		version = 1
	}
	return db.Insert(ctx, "job_runs", "job, at, started_at, ended_at, outcome, error, manual, version", 1, func(int) []any {
		return []any{r.Job, r.At, r.Started, nullTime(r.Ended), r.Outcome, r.Error, r.Manual, version}
	})
}

// LastDone is the instant of the latest scheduled run of a job that was done.
func (db *DB) LastDone(ctx context.Context, job string) (at time.Time, ok bool, err error) {
	var rows []struct {
		At time.Time `ch:"at"`
		N  uint64    `ch:"n"`
	}
	if err := db.Select(ctx, &rows, File("jobs/last_done"), Params{"job": job}); err != nil {
		return time.Time{}, false, fmt.Errorf("last run of %s: %w", job, err)
	}
	if len(rows) == 0 || rows[0].N == 0 {
		return time.Time{}, false, nil
	}
	return rows[0].At.UTC(), true, nil
}

// SnapshotRow is one published figure.
type SnapshotRow struct {
	Key               string
	Revision          uint32
	Grain             string
	From, To          time.Time // Dates
	By                map[string]string
	AsOf, PublishedAt time.Time
	Figure            string // JSON
}

// Published says whether a period has been published.
func (db *DB) Published(ctx context.Context, grain string, from time.Time) (bool, error) {
	var rows []struct {
		N uint64 `ch:"n"`
	}
	err := db.Select(ctx, &rows, "SELECT count() AS n FROM snapshots WHERE grain = {grain:String} AND period_from = {from:Date}",
		Params{"grain": grain, "from": from.Format(time.DateOnly)})
	if err != nil {
		return false, fmt.Errorf("look for a published %s: %w", grain, err)
	}
	return len(rows) > 0 && rows[0].N > 0, nil
}

// Publish stores the figures of one period in one block, all or none.
func (db *DB) Publish(ctx context.Context, rows []SnapshotRow) error {
	return db.Insert(ctx, "snapshots", "key, revision, grain, period_from, period_to, by, as_of, published_at, figure", len(rows), func(i int) []any {
		r := &rows[i]
		return []any{r.Key, r.Revision, r.Grain, r.From, r.To, r.By, r.AsOf, r.PublishedAt, r.Figure}
	})
}

// PublishedOn reads the figures published within a span of instants, as JSON, in
// the order of period, key and split.
func (db *DB) PublishedOn(ctx context.Context, keys []string, from, to time.Time) ([]string, error) {
	var out []string
	err := db.Rows(ctx, `SELECT figure
FROM snapshots
WHERE key IN {keys:Array(String)}
    AND published_at >= {from:DateTime64(6, 'UTC')} AND published_at < {to:DateTime64(6, 'UTC')}
ORDER BY grain, period_from, indexOf({keys:Array(String)}, toString(key)), toString(by), published_at`,
		Params{"keys": keys, "from": Instant(from), "to": Instant(to)},
		func(scan func(...any) error) error {
			var figure string
			if err := scan(&figure); err != nil {
				return err
			}
			out = append(out, figure)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read what was published: %w", err)
	}
	return out, nil
}
