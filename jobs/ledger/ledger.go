// Package ledger records the runs of the scheduled jobs in ClickHouse.
package ledger

import (
	"context"
	"time"

	"youzhi/jobs/schedule"
	"youzhi/queries"
)

// Ledger is a schedule.Ledger over the table job_runs.
type Ledger struct{ db *queries.DB }

// New is inert.
func New(db *queries.DB) *Ledger { return &Ledger{db} }

// Start records a run that begins.
func (l *Ledger) Start(ctx context.Context, e schedule.Entry) error {
	return l.db.RecordJobRun(ctx, row(e))
}

// Finish records how a run ended.
func (l *Ledger) Finish(ctx context.Context, e schedule.Entry) error {
	return l.db.RecordJobRun(ctx, row(e))
}

// Last is the latest instant of the job that was done on schedule.
func (l *Ledger) Last(ctx context.Context, job string) (time.Time, bool, error) {
	return l.db.LastDone(ctx, job)
}

func row(e schedule.Entry) queries.JobRun {
	return queries.JobRun{Job: e.Job, At: e.At, Started: e.StartedAt, Ended: e.EndedAt, Outcome: string(e.Outcome), Error: e.Error, Manual: e.Manual}
}
