package quarantine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"youzhi/queries"
)

// exportLine is a message in a file, a line of JSON each.
type exportLine struct {
	messageLine
	Key     []byte `json:"key_base64"`
	Payload []byte `json:"payload_base64"`
}

// chunk is how many messages are read at once with their bytes, of which each may
// have a mebibyte.
const chunk = 64

// Export writes messages with their bytes to a new file that only its owner reads,
// and answers how many. That they were exported is logged. A limit of 0 is none.
func (r *Room) Export(ctx context.Context, path string, f queries.QuarantineFilter, limit int) (n int, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	r.Logger.InfoContext(ctx, "bytes of messages in quarantine are exported", "who", r.Who, "file", path,
		"topic", f.Topic, "code", f.Code, "source", f.Source, "since", instant(f.Since), "until", instant(f.Until))
	defer func() {
		if err != nil {
			// Half a file would pass for a whole one.
			err = errors.Join(err, os.Remove(path))
		}
	}()
	out := bufio.NewWriter(file)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err = r.each(ctx, f, chunk, limit, func(part []Message) error {
		records, err := r.records(ctx, part)
		if err != nil {
			return err
		}
		for i := range part {
			m, ok := records[part[i].Place()]
			if !ok {
				return fmt.Errorf("%s: is listed but not there", part[i].Place())
			}
			n++
			if err := lines.Encode(exportLine{lineOf(&part[i]), []byte(m.Key), []byte(m.Payload)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	return n, errors.Join(err, file.Close())
}

// records reads the bytes of messages, by place.
func (r *Room) records(ctx context.Context, messages []Message) (map[queries.Place]*queries.QuarantineRecord, error) {
	places := make([]queries.Place, len(messages))
	for i := range messages {
		places[i] = messages[i].Place()
	}
	found, err := r.DB.QuarantineRecords(ctx, places)
	if err != nil {
		return nil, err
	}
	out := make(map[queries.Place]*queries.QuarantineRecord, len(found))
	for i := range found {
		out[found[i].Place()] = &found[i]
	}
	return out, nil
}
