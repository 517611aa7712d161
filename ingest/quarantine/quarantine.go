// Package quarantine is the work with messages that are no events of the contract:
// they are listed, shown and exported for a person, written to their topic again
// once what was wrong is mended, and watched, so that a rising share of them is
// seen and their bytes do not stay.
//
//   - quarantine.go: which messages are meant
//   - list.go, show.go, export.go: what a person is given
//   - replay.go: messages that are written again
//   - watch.go: the share of bad messages, and the end of their bytes
package quarantine

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

// Room is the quarantine of an installation.
type Room struct {
	DB     *queries.DB
	Kafka  *topic.Client // for Replay
	Logger *slog.Logger
	Now    func() time.Time
	// Who looks at bytes: they may hold personal data, so each look is logged.
	Who string
}

// beijing has kept UTC+8 all year since 1992.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// ParseFilter reads which messages are meant; empty texts do not narrow. since and
// until are instants with their offset (RFC 3339) or Beijing days, by the time that
// Kafka recorded; until is not part of it.
func ParseFilter(name, code, source, since, until string) (queries.QuarantineFilter, error) {
	f := queries.QuarantineFilter{Topic: name, Code: code, Source: source}
	var faults []error
	if topics := event.Topics(); name != "" && !slices.Contains(topics, name) {
		faults = append(faults, fmt.Errorf("--topic %q: want one of %s", name, strings.Join(topics, ", ")))
	}
	if codes := Codes(); code != "" && !slices.Contains(codes, code) {
		faults = append(faults, fmt.Errorf("--code %q: want one of %s", code, strings.Join(codes, ", ")))
	}
	for _, at := range []struct {
		name, text string
		to         *time.Time
	}{{"since", since, &f.Since}, {"until", until, &f.Until}} {
		if at.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, at.text)
		if err != nil {
			t, err = time.ParseInLocation(time.DateOnly, at.text, beijing)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s %q: want RFC 3339 with an offset, or a Beijing day YYYY-MM-DD", at.name, at.text))
		}
		*at.to = t
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		faults = append(faults, errors.New("--until: is not after --since"))
	}
	return f, errors.Join(faults...)
}

// Codes are all reasons for which a message is in quarantine.
func Codes() []string {
	var out []string
	for _, c := range event.Codes() {
		out = append(out, string(c))
	}
	return append(out, consume.Codes()...)
}

// beijingTime writes an instant in Beijing, to the second, with its offset.
func beijingTime(t time.Time) string { return t.In(beijing).Format(time.RFC3339) }
