package consume

import (
	"time"

	"youzhi/ingest/event"
	"youzhi/queries"
)

// stamp completes rows before they are put into quarantine, at an instant. A row
// that is inserted again keeps what it has.
func stamp(rows []queries.QuarantineRow, at time.Time) {
	for i := range rows {
		rows[i].StoredAt = at
		rows[i].Source = event.SourceHint(rows[i].Payload)
	}
}

// Codes returns the reasons of the quarantine beside those of package event.
func Codes() []string { return []string{CodeMarker, CodeAborted, CodeTimestamp, CodeRefused} }
