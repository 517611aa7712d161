package queries

import (
	"context"
	"fmt"
)

// durable are the tables that hold what a commit says is stored.
var durable = []string{
	"events_cases", "events_complaints", "events_surveys", "events_assurance", "identities", "arrivals", "source_hours",
	"quarantine", "quarantine_times", "quarantine_hours", "quarantine_minutes", "topic_logs", "log_incidents",
}

// Fsync makes ClickHouse write the parts of these tables to the disk before it
// acknowledges them, or leaves that to the system, as ClickHouse does by itself:
// the last seconds before a power cut are lost then, though their offsets are
// committed (ClickHouse issue 111799). The tables keep it until they are told
// otherwise.
func (db *DB) Fsync(ctx context.Context, on bool) error {
	want := 0
	if on {
		want = 1
	}
	var other []struct {
		Name string `ch:"name"`
	}
	err := db.Select(ctx, &other, File("ingest/fsync_differs"), Params{"tables": durable, "on": on})
	if err != nil {
		return err
	}
	for _, t := range other {
		statement := fmt.Sprintf("ALTER TABLE %s MODIFY SETTING fsync_after_insert = %d, fsync_part_directory = %d", t.Name, want, want)
		if err := db.Exec(ctx, statement, nil); err != nil {
			return err
		}
	}
	return nil
}
