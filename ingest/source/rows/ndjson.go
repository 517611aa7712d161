package rows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// ndjson reads a file with a JSON object on each line.
type ndjson struct {
	lines   *Lines
	columns []string
	place   map[string]int
	values  []string
	set     []bool
	seen    []bool          // columns that some line had
	other   map[string]bool // members that nobody asked for, to name them
}

func newNDJSON(in *Lines, columns []string) *ndjson {
	n := &ndjson{
		lines: in, columns: columns, place: make(map[string]int, len(columns)), other: make(map[string]bool),
		values: make([]string, len(columns)), set: make([]bool, len(columns)), seen: make([]bool, len(columns)),
	}
	for i, name := range columns {
		n.place[name] = i
	}
	return n
}

func (n *ndjson) check() error {
	for slices.Contains(n.seen, false) {
		_, _, err := n.Read()
		var bad *Bad
		switch {
		case errors.Is(err, io.EOF):
			m := &MissingError{}
			for i, seen := range n.seen {
				if seen {
					m.Has = append(m.Has, n.columns[i])
				} else {
					m.Columns = append(m.Columns, n.columns[i])
				}
			}
			for name := range n.other {
				m.Has = append(m.Has, name)
			}
			slices.Sort(m.Has)
			return m
		case err != nil && !errors.As(err, &bad):
			return err
		}
	}
	return nil
}

func (n *ndjson) Read() ([]string, int, error) {
	for {
		l, err := n.lines.Next()
		if err != nil {
			return nil, 0, err
		}
		if l.Long {
			return nil, l.Number, &Bad{Line: l.Number, Reason: fmt.Sprintf("longer than %d bytes", MaxRow)}
		}
		if len(bytes.TrimSpace(l.Text)) == 0 {
			continue
		}
		if err := n.object(l.Text); err != nil {
			var bad *Bad
			if !errors.As(err, &bad) {
				bad = &Bad{Reason: "not a JSON object: " + err.Error()}
			}
			bad.Line = l.Number
			return nil, l.Number, bad
		}
		return n.values, l.Number, nil
	}
}

func (n *ndjson) object(text []byte) error {
	clear(n.values)
	clear(n.set)
	// The JSON library of the standard library replaces broken bytes silently.
	if !utf8.Valid(text) {
		return &Bad{Reason: "not UTF-8"}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return unexpectedEnd(err)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("it begins with %v", token)
	}
	if err := n.members(d, ""); err != nil {
		return unexpectedEnd(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows on the same line")
	}
	return nil
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it ends in the middle")
	}
	return err
}

// maxOther bounds what is remembered of unwanted members for an error message.
const maxOther = 50

// members reads the members of an object whose opening brace was read.
func (n *ndjson) members(d *json.Decoder, prefix string) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("a member named %v", token)
		}
		path := prefix + name
		place, wanted := n.place[path]
		if wanted {
			if n.set[place] {
				return &Bad{Column: path, Reason: "stands twice"}
			}
			n.set[place], n.seen[place] = true, true
		} else if len(n.other) < maxOther {
			n.other[path] = true
		}
		token, err = d.Token()
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok {
			if wanted {
				return &Bad{Column: path, Reason: "holds an object or array, not one value"}
			}
			if delim == '{' {
				err = n.members(d, path+".")
			} else {
				err = skipArray(d)
			}
			if err != nil {
				return err
			}
			continue
		}
		if wanted && token != nil {
			n.values[place] = fmt.Sprint(token)
		}
	}
	_, err := d.Token() // the closing brace
	return err
}

// skipArray reads to the end of an array whose opening bracket was read.
func skipArray(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}
