package quarantine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"youzhi/queries"
)

// Show writes everything that is kept of one message, its bytes too: as they are if
// they are text, else in hexadecimal digits. That it was looked at is logged.
func (r *Room) Show(ctx context.Context, w io.Writer, at queries.Place) error {
	records, err := r.DB.QuarantineRecords(ctx, []queries.Place{at})
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fmt.Errorf("%s: no message is in quarantine at this place", at)
	}
	replays, err := r.DB.QuarantineReplays(ctx, []queries.Place{at})
	if err != nil {
		return err
	}
	m := &records[0]
	r.Logger.InfoContext(ctx, "bytes of a message in quarantine are shown", "who", r.Who, "place", at.String())
	line := func(name, value string) { fmt.Fprintf(w, "%-10s%s\n", name, value) }
	line("place", at.String())
	line("received", beijingTime(m.ReceivedAt))
	line("stored", beijingTime(m.StoredAt))
	line("code", m.Code)
	line("detail", m.Detail)
	line("source", m.Source)
	line("size", fmt.Sprintf("%d bytes", m.Size))
	line("sha256", m.SHA256)
	if replay, ok := replays[at]; ok {
		message := Message{QuarantineMessage: m.QuarantineMessage, Replay: &replay}
		line("replay", fmt.Sprintf("%s, at %s (%s)", message.Became(), replay.NewPlace(), beijingTime(replay.ReplayedAt)))
	}
	line("kept", r.kept(m))
	for _, part := range []struct{ name, bytes string }{{"key", m.Key}, {"payload", m.Payload}} {
		fmt.Fprintf(w, "\n%s (%d bytes)\n", part.name, len(part.bytes))
		if _, err := io.WriteString(w, readable(part.bytes)); err != nil {
			return err
		}
	}
	return nil
}

// kept says whether what is kept is what came.
func (r *Room) kept(m *queries.QuarantineRecord) string {
	switch m.Kept() {
	case queries.KeptNothing:
		return "nothing: the message had no bytes"
	case queries.KeptEmptied:
		return "nothing: key and payload were taken away at " + beijingTime(m.EmptiedAt)
	case queries.KeptPrefix:
		return fmt.Sprintf("the first %d bytes; the hash is that of the whole", len(m.Payload))
	}
	if !intact(m) {
		return "the whole, but its hash is another one"
	}
	return "the whole, and its hash is right"
}

// intact says that what is kept is what came, by its hash.
func intact(m *queries.QuarantineRecord) bool {
	sum := sha256.Sum256([]byte(m.Payload))
	return hex.EncodeToString(sum[:]) == m.SHA256
}

// readable gives text as it is, and a dump of what is no text. A terminal obeys
// control characters, so what holds any is no text.
func readable(s string) string {
	text := utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		return !unicode.IsPrint(c) && c != '\n' && c != '\t'
	})
	switch {
	case s == "":
		return ""
	case text:
		return s + "\n"
	}
	return hex.Dump([]byte(s))
}
