package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// The entries of a PDF that differ from one making to the next.
var (
	dated    = regexp.MustCompile(`/(CreationDate|ModDate) \(D:[0-9]{14}[^)]*\)`)
	numbered = regexp.MustCompile(`/ID \[<([0-9a-fA-F]{32})>\s*<([0-9a-fA-F]{32})>\]`)
	// The cells of tables are named after the browser's own count of nodes.
	noded     = regexp.MustCompile(`\(node([0-9]{8})\)`)
	errNoDate = errors.New("the PDF says nowhere when it was made")
)

// settle writes an instant for the time at which a PDF was made, counts the named
// nodes from one, and writes a hash of the rest for its id. Lengths stay the same,
// so that the PDF's own table of places holds.
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
	renumber(out)
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

// renumber counts the nodes that a PDF names in the order of their numbers, which
// is that of its tree of names. The browser counts on for nodes that are not
// printed, and how many there are differs.
func renumber(pdf []byte) {
	found := noded.FindAllSubmatchIndex(pdf, -1)
	var names []string
	for _, at := range found {
		names = append(names, string(pdf[at[2]:at[3]]))
	}
	order := slices.Compact(slices.Sorted(slices.Values(names)))
	for i, at := range found {
		rank, _ := slices.BinarySearch(order, names[i])
		copy(pdf[at[2]:at[3]], fmt.Sprintf("%08d", rank+1))
	}
}
