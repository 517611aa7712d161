package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// reader walks the YAML of one file and gathers every fault with its line,
// where a decoder into structs would stop at the first one.
type reader struct {
	file   string
	faults []located
}

type located struct {
	line int
	text string
}

// parse returns the one document of the file, nil if there is none to read.
func (r *reader) parse(text []byte) ast.Node {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		line, message := 1, err.Error()
		var at yaml.Error
		if errors.As(err, &at) {
			message = at.GetMessage()
			if at.GetToken() != nil && at.GetToken().Position != nil {
				line = at.GetToken().Position.Line
			}
		}
		message, _, _ = strings.Cut(message, "\n")
		r.faults = append(r.faults, located{line, message})
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			r.fault(doc.Body, "a second document; a mapping is one document")
			return nil
		default:
			body = doc.Body
		}
	}
	if body == nil {
		r.faults = append(r.faults, located{1, "the file is empty"})
	}
	return body
}

func (r *reader) fault(at ast.Node, format string, args ...any) {
	line := 1
	if at != nil && at.GetToken() != nil && at.GetToken().Position != nil {
		line = at.GetToken().Position.Line
	}
	r.faults = append(r.faults, located{line, fmt.Sprintf(format, args...)})
}

// err joins the faults in the order of their lines.
func (r *reader) err() error {
	slices.SortStableFunc(r.faults, func(a, b located) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, f := range slices.Compact(r.faults) {
		all = append(all, fmt.Errorf("%s:%d: %s", r.file, f.line, f.text))
	}
	return errors.Join(all...)
}

// entry is one key of a YAML mapping with what stands behind it.
type entry struct {
	key   string
	at    ast.Node // the key, for its line
	value ast.Node
}

// block is a YAML mapping; its methods name the place in faults.
type block struct {
	r       *reader
	at      ast.Node
	what    string
	entries []entry
}

// block reads a YAML mapping of which only the known keys may occur; without
// known keys any may. ok is false if it is no mapping at all.
func (r *reader) block(n ast.Node, what string, known ...string) (b block, ok bool) {
	b = block{r: r, at: n, what: what}
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		r.fault(n, "%s: %s found, keys and values wanted", what, kindOf(n))
		return b, false
	}
	for _, pair := range pairs {
		key, isScalar := scalarText(pair.Key)
		if !isScalar {
			r.fault(pair.Key, "%s: %s cannot be a key", what, kindOf(pair.Key))
			continue
		}
		if len(known) > 0 && !slices.Contains(known, key) {
			r.fault(pair.Key, "%s: unknown key %q; known are %s", what, key, strings.Join(known, ", "))
			continue
		}
		b.entries = append(b.entries, entry{key: key, at: pair.Key, value: pair.Value})
	}
	return b, true
}

// get returns what stands behind the key, nil if the key is not there.
func (b block) get(key string) ast.Node {
	for _, e := range b.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// need is get for a key that has to be there.
func (b block) need(key string) ast.Node {
	n := b.get(key)
	if n == nil {
		b.r.fault(b.at, "%s: %s is missing", b.what, key)
	}
	return n
}

// text reads a string that is not empty; "" if the key is not there.
func (b block) text(key string) string {
	n := b.get(key)
	if n == nil {
		return ""
	}
	return b.r.text(n, b.what+": "+key)
}

func (b block) flag(key string) bool {
	n := b.get(key)
	if n == nil {
		return false
	}
	v, ok := n.(*ast.BoolNode)
	if !ok {
		b.r.fault(n, "%s: %s: %s found, true or false wanted", b.what, key, kindOf(n))
		return false
	}
	return v.Value
}

// texts reads a list of strings, or one string as a list of one.
func (b block) texts(key string) []string {
	n := b.get(key)
	if n == nil {
		return nil
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		if text := b.r.text(n, b.what+": "+key); text != "" {
			return []string{text}
		}
		return nil
	}
	var out []string
	for _, item := range list.Values {
		if text := b.r.text(item, b.what+": "+key); text != "" {
			out = append(out, text)
		}
	}
	if len(list.Values) == 0 {
		b.r.fault(n, "%s: %s: the list is empty", b.what, key)
	}
	return out
}

func (r *reader) text(n ast.Node, what string) string {
	text, ok := scalarText(n)
	switch {
	case !ok:
		r.fault(n, "%s: %s found, a text wanted", what, kindOf(n))
	case text == "":
		r.fault(n, "%s: the text is empty", what)
	}
	return text
}

// list returns the items of a list.
func (r *reader) list(n ast.Node, what string) []ast.Node {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(n, "%s: %s found, a list wanted", what, kindOf(n))
		return nil
	}
	if len(list.Values) == 0 {
		r.fault(n, "%s: the list is empty", what)
	}
	return list.Values
}

// scalarText returns a scalar as it is written, without its quotes.
func scalarText(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor, alias or merge key (not used in mappings)"
	}
	return strings.ToLower(n.Type().String())
}
