package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// The entries of a PDF that tell when it was made.
var (
	dated     = regexp.MustCompile(`/(CreationDate|ModDate) \(D:[0-9]{14}[^)]*\)`)
	numbered  = regexp.MustCompile(`/ID \[<([0-9a-fA-F]{32})>\s*<([0-9a-fA-F]{32})>\]`)
	errNoDate = errors.New("the PDF says nowhere when it was made")
)

// settle writes an instant for the time at which a PDF was made, and a hash of
// the rest for its id. Lengths stay the same, so that the PDF's own table of
// places holds.
func settle(pdf []byte, made time.Time) ([]byte, error) {
	out := bytes.Clone(pdf)
	found := dated.FindAllIndex(out, -1)
	if len(found) == 0 {
		return nil, fmt.Errorf("print report: %w", errNoDate)
	}
	for _, at := range found {
		entry := out[at[0]:at[1]]
		open := bytes.IndexByte(entry, '(')
		text := []byte("D:" + made.UTC().Format("20060102150405") + "+00'00'")
		if room := len(entry) - open - 2; len(text) != room {
			return nil, fmt.Errorf("print report: a date of the PDF has %d characters, not %d: %s", room, len(text), entry)
		}
		copy(entry[open+1:], text)
	}
	ids := numbered.FindAllSubmatchIndex(out, -1)
	for _, at := range ids {
		for _, group := range [][]int{at[2:4], at[4:6]} {
			copy(out[group[0]:group[1]], bytes.Repeat([]byte("0"), group[1]-group[0]))
		}
	}
	sum := sha256.Sum256(out)
	id := hex.EncodeToString(sum[:16])
	for _, at := range ids {
		copy(out[at[2]:at[3]], id)
		copy(out[at[4]:at[5]], id)
	}
	return out, nil
}
