// Package mapping says by data how the rows of files become events: a YAML file
// names the columns, the constants, the tables of words, the zone of local
// times and the conditions. deploy/mappings/README.md describes its keys.
package mapping

import (
	"fmt"
	"os"
	"path/filepath"

	"youzhi/ingest/source/rows"
)

// Mapping is one mapping file, checked and ready. It does not change and may be
// used by several goroutines.
type Mapping struct {
	File    string // its name, for messages
	Name    string
	Inputs  []*Input
	Lookups []*Lookup
}

// Input is one kind of file whose rows become events.
type Input struct {
	Name     string
	Files    string // pattern of the file names, as of path.Match
	Optional bool   // a folder may be without such a file
	Format   rows.Format

	columns []string
	lines   []int // of the mapping file: where each column is first named
	lookups []string
	key     []int
	events  []*eventSpec
}

// Columns are the columns that the input reads, in the order in which Events
// wants them. The caller does not change them.
func (in *Input) Columns() []string { return in.columns }

// Line is the line of the mapping file that first names the column.
func (in *Input) Line(column string) int {
	for i, name := range in.columns {
		if name == column {
			return in.lines[i]
		}
	}
	return 0
}

// Lookups are the names of the look-ups that the input needs.
func (in *Input) Lookups() []string { return in.lookups }

// Notes counts what a person should know of the values of rows.
type Notes struct {
	Skipped   int64            // local times that a change of the clock left out
	Ambiguous int64            // local times that a change of the clock showed twice
	Defaulted map[string]int64 // by table: words that it does not have, read as its default
	NotFound  map[string]int64 // by look-up: rows for which it has nothing
}

// Add adds the counts of other.
func (n *Notes) Add(other *Notes) {
	n.Skipped += other.Skipped
	n.Ambiguous += other.Ambiguous
	addAll(&n.Defaulted, other.Defaulted)
	addAll(&n.NotFound, other.NotFound)
}

func addAll(to *map[string]int64, from map[string]int64) {
	for name, count := range from {
		addOne(to, name, count)
	}
}

func addOne(to *map[string]int64, name string, count int64) {
	if *to == nil {
		*to = make(map[string]int64)
	}
	(*to)[name] += count
}

// ReadFile loads the mapping of a file.
func ReadFile(name string) (*Mapping, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	return Load(filepath.ToSlash(name), text)
}
