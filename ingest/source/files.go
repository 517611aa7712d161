package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"youzhi/ingest/source/mapping"
)

// candidate is a file that an import may read.
type candidate struct {
	name   string
	info   fs.FileInfo
	folder bool // found in a folder, not named itself
}

// plan says which files are read as what.
type plan struct {
	inputs  map[*mapping.Input][]candidate
	lookups map[*mapping.Lookup][]candidate
	unused  []string
}

// newPlan finds the files of the mapping among the named ones. A file that is
// there twice is read once.
func newPlan(m *mapping.Mapping, names []string) (*plan, error) {
	var all []candidate
	folders := false
	var beside []string // folders of the files that were named
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			folders = true
			found, err := list(name)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		default:
			all = append(all, candidate{name: name, info: info})
			beside = append(beside, filepath.Dir(name))
		}
	}
	all = once(all)
	p := &plan{inputs: make(map[*mapping.Input][]candidate), lookups: make(map[*mapping.Lookup][]candidate)}
	for _, c := range all {
		if !p.assign(m, c) {
			switch {
			case c.folder:
				p.unused = append(p.unused, c.name)
			case len(m.Inputs) == 1:
				// Only one thing can be meant, whatever the file is called.
				p.inputs[m.Inputs[0]] = append(p.inputs[m.Inputs[0]], c)
			default:
				return nil, fmt.Errorf("%s: no input of mapping %s has this name; they are %s", c.name, m.Name, patterns(m))
			}
		}
	}
	if len(p.inputs) == 0 {
		return nil, fmt.Errorf("no file for mapping %s in %s; it reads %s", m.Name, strings.Join(names, ", "), patterns(m))
	}
	var faults []error
	for _, in := range m.Inputs {
		if folders && !in.Optional && len(p.inputs[in]) == 0 {
			faults = append(faults, fmt.Errorf("input %s: no file %s in %s", in.Name, in.Files, strings.Join(names, ", ")))
		}
	}
	faults = append(faults, p.findLookups(m, names, beside))
	slices.SortFunc(p.unused, strings.Compare)
	return p, errors.Join(faults...)
}

// assign gives the file to every input and look-up whose pattern it matches.
func (p *plan) assign(m *mapping.Mapping, c candidate) bool {
	taken := false
	for _, in := range m.Inputs {
		if matches(in.Files, c.name) {
			p.inputs[in] = append(p.inputs[in], c)
			taken = true
		}
	}
	for _, l := range m.Lookups {
		if matches(l.Files, c.name) {
			p.lookups[l] = append(p.lookups[l], c)
			taken = true
		}
	}
	return taken
}

// findLookups sees to it that every look-up that an input needs has its files:
// who names a single file gets the look-ups that lie beside it.
func (p *plan) findLookups(m *mapping.Mapping, names, beside []string) error {
	needed := make(map[string]string)
	for in := range p.inputs {
		for _, name := range in.Lookups() {
			needed[name] = in.Name
		}
	}
	var faults []error
	for _, l := range m.Lookups {
		if needed[l.Name] == "" {
			continue
		}
		for _, folder := range beside {
			if len(p.lookups[l]) > 0 {
				break
			}
			found, err := list(folder)
			if err != nil {
				return err
			}
			for _, c := range found {
				if matches(l.Files, c.name) {
					p.lookups[l] = append(p.lookups[l], c)
				}
			}
		}
		if len(p.lookups[l]) == 0 {
			faults = append(faults, fmt.Errorf("look-up %s: no file %s in or beside %s", l.Name, l.Files, strings.Join(names, ", ")))
		}
	}
	return errors.Join(faults...)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, filepath.Base(name))
	return ok && err == nil // the mapping has checked the pattern
}

func namesOf(files []candidate) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = f.name
	}
	return out
}

func patterns(m *mapping.Mapping) string {
	out := make([]string, len(m.Inputs))
	for i, in := range m.Inputs {
		out[i] = in.Files
	}
	return strings.Join(out, ", ")
}

// list returns the files of a folder, without those of its folders and without
// hidden ones.
func list(folder string) ([]candidate, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := filepath.Join(folder, e.Name())
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			out = append(out, candidate{name: name, info: info, folder: true})
		}
	}
	return out, nil
}

// once leaves each file one time, the one that was named itself first.
func once(all []candidate) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int {
		if a.folder != b.folder {
			if b.folder {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	var out []candidate
	for _, c := range all {
		if !slices.ContainsFunc(out, func(o candidate) bool { return os.SameFile(o.info, c.info) }) {
			out = append(out, c)
		}
	}
	return out
}
