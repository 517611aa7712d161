package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestChunksFitAParameter cuts names of all lengths that the contract admits.
func TestChunksFitAParameter(t *testing.T) {
	for _, name := range []string{"C1", strings.Repeat("件", 128), strings.Repeat("'", 128), strings.Repeat(`\`, 128), strings.Repeat("𠀀", 128)} {
		var names, got []string
		for i := range 5000 {
			names = append(names, fmt.Sprint(name, i))
		}
		for part := range chunks(names) {
			text := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(strings.Join(part, "\x00"))
			if bytes := len(text) + 2*len(part); len(part) > chunk || bytes > 128<<10-2 {
				t.Errorf("%d names of %d bytes", len(part), bytes)
			}
			got = append(got, part...)
		}
		if !slices.Equal(names, got) {
			t.Errorf("%d names became %d", len(names), len(got))
		}
	}
}
