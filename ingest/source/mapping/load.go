package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"youzhi/ingest/event"
	"youzhi/ingest/source/rows"
)

// loader turns the YAML of a mapping into a Mapping.
type loader struct {
	*reader
	mapping *Mapping
	source  string
	clock   clock
	tables  map[string]*table
	lookups map[string]*Lookup
}

// table turns words of the source into ours.
type table struct {
	name     string
	values   map[string]string
	fallback *string
}

// scope is where an expression stands: its input with its columns, its named
// values and its clock.
type scope struct {
	*loader
	input  *Input
	clock  clock
	values map[string]*typed
}

// Load reads a mapping; file is its name for messages. The error joins every
// fault that the mapping has, one line each: file, line and reason.
func Load(file string, text []byte) (*Mapping, error) {
	l := &loader{
		reader: &reader{file: file}, mapping: &Mapping{File: file},
		tables: make(map[string]*table), lookups: make(map[string]*Lookup),
	}
	if body := l.parse(text); body != nil {
		l.document(body)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.mapping, nil
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

func (r *reader) name(at ast.Node, text, what string) {
	if text != "" && !nameForm.MatchString(text) {
		r.fault(at, "%s: the name %q is not made of a-z, 0-9, _, . and -", what, text)
	}
}

func (l *loader) document(body ast.Node) {
	b, ok := l.block(body, "mapping", "name", "source", "time", "tables", "lookups", "inputs")
	if !ok {
		return
	}
	if n := b.need("name"); n != nil {
		l.mapping.Name = b.text("name")
		l.name(n, l.mapping.Name, "mapping")
	}
	l.source = l.uri(b, "source")
	l.clock = l.readClock(b.get("time"), clock{})
	if n := b.get("tables"); n != nil {
		l.readTables(n)
	}
	if n := b.get("lookups"); n != nil {
		l.readLookups(n)
	}
	n := b.need("inputs")
	if n == nil {
		return
	}
	for _, item := range l.list(n, "inputs") {
		l.readInput(item)
	}
	used := make(map[string]bool)
	for _, in := range l.mapping.Inputs {
		for _, name := range in.lookups {
			used[name] = true
		}
	}
	for _, lookup := range l.mapping.Lookups {
		if !used[lookup.Name] {
			l.faults = append(l.faults, located{lookup.Line, fmt.Sprintf("look-up %s: no input uses it", lookup.Name)})
		}
	}
}

// uri reads a URI-reference.
func (l *loader) uri(b block, key string) string {
	text := b.text(key)
	if text == "" {
		return ""
	}
	if _, err := url.Parse(text); err != nil || strings.ContainsAny(text, " \t\n") {
		l.fault(b.get(key), "%s: %s: %q is no URI-reference such as /olist/orders", b.what, key, text)
	}
	return text
}

// readClock reads layouts and zone; what is not given is that of outer.
func (l *loader) readClock(n ast.Node, outer clock) clock {
	if n == nil {
		return outer
	}
	b, ok := l.block(n, "time", "layouts", "zone")
	if !ok {
		return outer
	}
	return l.clockOf(b, outer)
}

func (l *loader) clockOf(b block, outer clock) clock {
	c := outer
	if n := b.get("layouts"); n != nil {
		c.layouts = nil
		for _, text := range b.texts("layouts") {
			parsed, err := newLayout(text)
			if err != nil {
				l.fault(n, "%s: %v", b.what, err)
				continue
			}
			c.layouts = append(c.layouts, parsed)
		}
	}
	if n := b.get("zone"); n != nil {
		name := b.text("zone")
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			l.fault(n, "%s: zone %q is not in the IANA list; it is a name such as Asia/Shanghai", b.what, name)
		} else if name != "" {
			c.zone = zone
		}
	}
	return c
}

// usable says that instants can be read with the clock.
func (l *loader) usable(c *clock, at ast.Node, what string) {
	if len(c.layouts) == 0 {
		l.fault(at, "%s: no time layouts are given, here or under time at the top", what)
		return
	}
	for _, layout := range c.layouts {
		if !layout.offset && c.zone == nil {
			l.fault(at, "%s: the layout %q has no offset from UTC and no zone is given, here or under time at the top", what, layout.text)
		}
	}
}

func (l *loader) readTables(n ast.Node) {
	all, ok := l.block(n, "tables")
	if !ok {
		return
	}
	for _, e := range all.entries {
		what := "table " + e.key
		l.name(e.at, e.key, "table")
		b, ok := l.block(e.value, what, "values", "default")
		if !ok {
			continue
		}
		t := &table{name: e.key, values: make(map[string]string)}
		l.tables[e.key] = t
		if n := b.get("default"); n != nil {
			text := b.text("default")
			t.fallback = &text
		}
		values := b.need("values")
		if values == nil {
			continue
		}
		words, ok := l.block(values, what+": values")
		if !ok {
			continue
		}
		for _, word := range words.entries {
			t.values[word.key] = l.text(word.value, what+": "+word.key)
		}
	}
}

func (l *loader) readFormat(b block) rows.Format {
	format := rows.Format{Kind: rows.CSV, Delimiter: ','}
	if n := b.get("format"); n != nil {
		format.Kind = rows.Kind(b.text("format"))
		if format.Kind != rows.CSV && format.Kind != rows.NDJSON {
			l.fault(n, "%s: format %q is neither csv nor ndjson", b.what, format.Kind)
			return format
		}
	}
	n := b.get("csv")
	if n == nil {
		return format
	}
	if format.Kind != rows.CSV {
		l.fault(n, "%s: csv options for a file that is no CSV", b.what)
		return format
	}
	options, ok := l.block(n, b.what+": csv", "delimiter", "header", "columns", "encoding", "trim")
	if !ok {
		return format
	}
	if n := options.get("delimiter"); n != nil {
		text := options.text("delimiter")
		if text == `\t` || text == "tab" {
			text = "\t"
		}
		char, size := utf8.DecodeRuneInString(text)
		if size != len(text) || strings.ContainsAny(text, "\"\r\n") || char == utf8.RuneError {
			l.fault(n, "%s: delimiter %q is not one character other than a quote or line break", options.what, text)
		} else {
			format.Delimiter = char
		}
	}
	if n := options.get("encoding"); n != nil {
		if text := strings.ToLower(options.text("encoding")); text != "utf-8" {
			l.fault(n, "%s: encoding %q is not known; known is utf-8 (with or without a byte order mark)", options.what, text)
		}
	}
	format.Trim = options.flag("trim")
	format.Columns = options.texts("columns")
	header := true
	if n := options.get("header"); n != nil && n.Type() == ast.BoolType {
		header = options.flag("header")
	} else if n != nil {
		l.fault(n, "%s: header: %s found, true or false wanted", options.what, kindOf(n))
	}
	switch {
	case header && format.Columns != nil:
		l.fault(options.get("columns"), "%s: columns are named here and by a header; a file without header has header: false", options.what)
	case !header && format.Columns == nil:
		l.fault(options.get("header"), "%s: without a header, columns has to name them in order", options.what)
	}
	return format
}

// pattern reads a pattern of file names.
func (l *loader) pattern(b block) string {
	n := b.need("files")
	if n == nil {
		return ""
	}
	text := b.text("files")
	if _, err := path.Match(text, "x"); err != nil || strings.Contains(text, "/") {
		l.fault(n, "%s: files %q is no pattern of file names such as orders-*.csv (without folders)", b.what, text)
	}
	return text
}

func (l *loader) readLookups(n ast.Node) {
	all, ok := l.block(n, "lookups")
	if !ok {
		return
	}
	for _, e := range all.entries {
		l.name(e.at, e.key, "look-up")
		b, ok := l.block(e.value, "look-up "+e.key, "files", "format", "csv", "key", "take", "order_by", "order_as")
		if !ok {
			continue
		}
		lookup := &Lookup{Name: e.key, Line: e.at.GetToken().Position.Line, Files: l.pattern(b), Format: l.readFormat(b)}
		l.lookups[e.key] = lookup
		l.mapping.Lookups = append(l.mapping.Lookups, lookup)
		b.need("key")
		lookup.Columns = append(lookup.Columns, b.text("key"))
		b.need("take")
		take := b.texts("take")
		lookup.taken = len(take)
		lookup.Columns = append(lookup.Columns, take...)
		if by := b.text("order_by"); by != "" {
			lookup.order = true
			lookup.Columns = append(lookup.Columns, by)
		}
		if n := b.get("order_as"); n != nil {
			switch text := b.text("order_as"); text {
			case "text":
			case "integer":
				lookup.numeric = true
			default:
				l.fault(n, "%s: order_as %q is neither text nor integer", b.what, text)
			}
			if !lookup.order {
				l.fault(n, "%s: order_as without order_by", b.what)
			}
		}
	}
}

func (l *loader) readInput(n ast.Node) {
	b, ok := l.block(n, "input", "name", "files", "optional", "format", "csv", "source", "time", "key", "subject", "values", "events")
	if !ok {
		return
	}
	in := &Input{Optional: b.flag("optional")}
	if name := b.need("name"); name != nil {
		in.Name = b.text("name")
		b.what = "input " + in.Name
		l.name(name, in.Name, "input")
		for _, other := range l.mapping.Inputs {
			if other.Name == in.Name {
				l.fault(name, "%s: a second input of this name", b.what)
			}
		}
	}
	l.mapping.Inputs = append(l.mapping.Inputs, in)
	in.Files = l.pattern(b)
	in.Format = l.readFormat(b)
	s := &scope{loader: l, input: in, clock: l.readClock(b.get("time"), l.clock), values: make(map[string]*typed)}
	source := l.uri(b, "source")
	if source == "" {
		source = l.source
	}
	if n := b.need("key"); n != nil {
		for _, column := range b.texts("key") {
			in.key = append(in.key, s.column(n, column))
		}
	}
	if n := b.get("values"); n != nil {
		if all, ok := l.block(n, b.what+": values"); ok {
			for _, e := range all.entries {
				l.name(e.at, e.key, b.what+": value")
				// In the order of the file, so a value can use those above it.
				s.values[e.key] = s.value(e.value, b.what+": "+e.key)
			}
		}
	}
	var subject expression
	if n := b.get("subject"); n != nil {
		subject = s.template(n, b.what+": subject")
	}
	events := b.need("events")
	if events == nil {
		return
	}
	for i, item := range l.list(events, b.what+": events") {
		if spec := s.event(item, b.what, i+1); spec != nil {
			if spec.source == "" {
				spec.source = source
			}
			if spec.source == "" {
				l.fault(item, "%s: %s: no source is given, here, for the input or at the top", b.what, spec.name)
			}
			if spec.subject == nil {
				spec.subject = subject
			}
			if spec.subject == nil {
				l.fault(item, "%s: %s: no subject is given, here or for the input", b.what, spec.name)
			}
			in.events = append(in.events, spec)
		}
	}
	for i, name := range in.columns {
		if _, ok := s.values[name]; ok {
			l.faults = append(l.faults, located{in.lines[i], fmt.Sprintf("%s: %s is the name of a column and of a value; rename the value", b.what, name)})
		}
	}
}

func (s *scope) event(n ast.Node, what string, place int) *eventSpec {
	b, ok := s.block(n, what+": event", "type", "name", "when", "source", "subject", "sequence", "time", "recorded", "corrects", "test", "data")
	if !ok {
		return nil
	}
	spec := &eventSpec{sequence: fmt.Sprintf("%02d", place), test: b.flag("test")}
	if n := b.need("type"); n != nil {
		spec.typ = b.text("type")
		if spec.topic, ok = event.TopicOf(spec.typ); !ok && spec.typ != "" {
			s.fault(n, "%s: type %q is not of the contract; known are %s", b.what, spec.typ, strings.Join(event.Types(), ", "))
		}
	}
	spec.name = strings.TrimPrefix(spec.typ, "cn.post.")
	if n := b.get("name"); n != nil {
		spec.name = b.text("name")
		s.name(n, spec.name, b.what)
	}
	b.what = what + ": " + spec.name
	for _, other := range s.input.events {
		if other.name == spec.name {
			s.fault(n, "%s: a second event of this name; a name of its own keeps their ids apart", b.what)
		}
	}
	if n := b.get("when"); n != nil {
		spec.when = s.condition(n, b.what+": when")
	}
	spec.source = s.uri(b, "source")
	if n := b.get("subject"); n != nil {
		spec.subject = s.template(n, b.what+": subject")
	}
	if b.get("sequence") != nil {
		spec.sequence = b.text("sequence")
	}
	if n := b.need("time"); n != nil {
		spec.time = s.instant(n, b.what+": time")
	}
	if n := b.get("recorded"); n != nil {
		spec.recorded = s.instant(n, b.what+": recorded")
	}
	if n := b.get("corrects"); n != nil {
		spec.corrects = s.template(n, b.what+": corrects")
	}
	var of *schema
	if spec.topic != "" {
		var err error
		if of, err = dataSchema(spec.typ); err != nil {
			s.fault(n, "%s: %v", b.what, err)
		}
	}
	spec.data = object{}
	if n := b.get("data"); n != nil {
		spec.data = s.object(n, b.what+": data", of)
	} else {
		s.fields(block{r: s.reader, at: b.at, what: b.what + ": data"}, of)
	}
	return spec
}

// instant reads a value that is an instant whether it says so or not.
func (s *scope) instant(n ast.Node, what string) *typed {
	t := s.value(n, what)
	switch {
	case t == nil || t.kind == asInstant:
	case t.kind != asText:
		s.fault(n, "%s: a value as %s is no instant", what, t.kind)
	default:
		s.usable(t.clock, n, what)
		t.kind = asInstant
		t.eval = convert(t.eval, asInstant, t.clock)
	}
	return t
}

// column returns the place of a column among those that the input reads.
func (s *scope) column(at ast.Node, name string) int {
	in := s.input
	if i := slices.Index(in.columns, name); i >= 0 {
		return i
	}
	line := at.GetToken().Position.Line
	if in.Format.Columns != nil && !slices.Contains(in.Format.Columns, name) {
		s.fault(at, "column %s is not among the columns of input %s", name, in.Name)
	}
	in.columns = append(in.columns, name)
	in.lines = append(in.lines, line)
	return len(in.columns) - 1
}

func columnValue(i int) expression {
	return func(r *row) (value, *Fault) { return value{r.fields[i], i}, nil }
}

// origins are the keys of which a value has one: where its text comes from.
var origins = []string{"column", "value", "lookup", "first_of", "template", "const"}

var valueKeys = append([]string{"by", "take", "table", "as", "layouts", "zone", "empty", "when"}, origins...)

// value reads an expression: keys and values with one origin. It returns nil
// after a fault.
func (s *scope) value(n ast.Node, what string) *typed {
	b, ok := s.block(n, what, valueKeys...)
	if !ok {
		return nil
	}
	var given []string
	for _, e := range b.entries {
		if slices.Contains(origins, e.key) {
			given = append(given, e.key)
		}
	}
	if len(given) != 1 {
		s.fault(n, "%s: one of %s is wanted, %d found", what, strings.Join(origins, ", "), len(given))
		return nil
	}
	before := len(s.faults)
	c := s.clockOf(b, s.clock)
	out := &typed{kind: asText, clock: &c}
	origin := b.get(given[0])
	switch given[0] {
	case "column":
		if name := b.text("column"); name != "" {
			out.eval = columnValue(s.column(origin, name))
		}
	case "value":
		name := b.text("value")
		known, ok := s.values[name]
		switch {
		case !ok:
			s.fault(origin, "%s: no value %q is named above", what, name)
		case known == nil: // its own fault is in the list already
			return nil
		default:
			copied := *known
			out = &copied
		}
	case "lookup":
		out.eval = s.lookup(b, origin)
	case "first_of":
		out.eval = s.firstOf(origin, what+": first_of")
	case "template":
		out.eval = s.template(origin, what+": template")
	case "const":
		if text := b.text("const"); text != "" {
			out.eval, out.words = func(*row) (value, *Fault) { return value{text, none}, nil }, []string{text}
		}
	}
	if given[0] != "lookup" {
		for _, key := range []string{"by", "take"} {
			if at := b.get(key); at != nil {
				s.fault(at, "%s: %s belongs to a lookup", what, key)
			}
		}
	}
	if at := b.get("table"); at != nil {
		out.eval, out.words = s.translate(at, b.text("table"), what, out.eval)
	}
	if at := b.get("when"); at != nil {
		when, eval := s.condition(at, what+": when"), out.eval
		out.eval = func(r *row) (value, *Fault) {
			if ok, fault := when(r); fault != nil || !ok {
				return value{column: none}, fault
			}
			return eval(r)
		}
	}
	if b.get("empty") != nil {
		text, eval := b.text("empty"), out.eval
		out.words = append(slices.Clone(out.words), text)
		out.eval = func(r *row) (value, *Fault) {
			v, fault := eval(r)
			if fault == nil && v.text == "" {
				v = value{text, none}
			}
			return v, fault
		}
	}
	if at := b.get("as"); at != nil {
		s.as(out, at, kind(b.text("as")), what)
	}
	if len(s.faults) > before {
		return nil
	}
	return out
}

var kinds = []kind{asText, asInteger, asNumber, asBoolean, asInstant, asDate}

func (s *scope) as(t *typed, at ast.Node, k kind, what string) {
	switch {
	case !slices.Contains(kinds, k):
		s.fault(at, "%s: as %q is none of %v", what, k, kinds)
	case t.kind != asText && t.kind != k:
		s.fault(at, "%s: the value is already read as %s", what, t.kind)
	case t.kind == asText:
		if k == asInstant {
			s.usable(t.clock, at, what)
		}
		t.kind = k
		t.eval = convert(t.eval, k, t.clock)
	}
}

// plain reads a value that is a text still.
func (s *scope) plain(n ast.Node, what string) expression {
	t := s.value(n, what)
	if t == nil {
		return nil
	}
	if t.kind != asText {
		s.fault(n, "%s: `as` belongs to the whole, not to a part", what)
	}
	return t.eval
}

func (s *scope) firstOf(n ast.Node, what string) expression {
	var parts []expression
	for _, item := range s.list(n, what) {
		parts = append(parts, s.plain(item, what))
	}
	return func(r *row) (value, *Fault) {
		v := value{column: none}
		for _, part := range parts {
			var fault *Fault
			if v, fault = part(r); fault != nil || v.text != "" {
				return v, fault
			}
		}
		return v, nil
	}
}

// lookup finds the row of a second file. What it yields came, for messages,
// from the column with the key.
func (s *scope) lookup(b block, at ast.Node) expression {
	name := b.text("lookup")
	lookup, ok := s.lookups[name]
	if !ok {
		s.fault(at, "%s: no look-up %q", b.what, name)
		return nil
	}
	if !slices.Contains(s.input.lookups, name) {
		s.input.lookups = append(s.input.lookups, name)
	}
	byNode, takeNode := b.need("by"), b.need("take")
	if byNode == nil || takeNode == nil {
		return nil
	}
	take := slices.Index(lookup.Columns[1:1+lookup.taken], b.text("take"))
	if take < 0 {
		s.fault(takeNode, "%s: look-up %s does not take the column %s", b.what, name, b.text("take"))
		return nil
	}
	by := s.column(byNode, b.text("by"))
	return func(r *row) (value, *Fault) {
		out := value{column: by}
		key := r.fields[by]
		row, ok := r.found[name].byKey[key]
		switch {
		case ok:
			out.text = row.values[take]
		case key != "" && r.once(noteKey{table: "look-up " + name, column: by}):
			addOne(&r.notes.NotFound, name, 1)
		}
		return out, nil
	}
}

// translate reads words by a table; it also returns all words of ours that can
// come out.
func (s *scope) translate(at ast.Node, name, what string, eval expression) (expression, []string) {
	t, ok := s.tables[name]
	if !ok {
		s.fault(at, "%s: no table %q", what, name)
		return nil, nil
	}
	words := slices.Sorted(maps.Values(t.values))
	if t.fallback != nil {
		words = append(words, *t.fallback)
	}
	return func(r *row) (value, *Fault) {
		v, fault := eval(r)
		if fault != nil || v.text == "" {
			return v, fault
		}
		ours, ok := t.values[v.text]
		if !ok {
			if t.fallback == nil {
				return v, r.fault(v.column, "%s is not in the table %s, which has no default", quote(v.text), name)
			}
			ours = *t.fallback
			if r.once(noteKey{table: "table " + name, column: v.column}) {
				addOne(&r.notes.Defaulted, name, 1)
			}
		}
		return value{ours, v.column}, nil
	}, slices.Compact(words)
}

// template reads a text in which {name} stands for a value named above or else
// for a column. It yields nothing if one of them is empty, so that no
// identifier is made of halves.
func (s *scope) template(n ast.Node, what string) expression {
	rest := s.text(n, what)
	var parts []expression
	fixed := func(text string) {
		if text != "" {
			parts = append(parts, func(*row) (value, *Fault) { return value{text, none}, nil })
		}
	}
	for {
		before, after, ok := strings.Cut(rest, "{")
		fixed(before)
		if !ok {
			break
		}
		name, behind, ok := strings.Cut(after, "}")
		if !ok || name == "" {
			s.fault(n, "%s: %q has a { without a name and }", what, s.text(n, what))
			return nil
		}
		rest = behind
		switch known, isValue := s.values[name]; {
		case isValue && known == nil:
			return nil
		case isValue:
			parts = append(parts, known.eval)
		default:
			parts = append(parts, columnValue(s.column(n, name)))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return func(r *row) (value, *Fault) {
		var text strings.Builder
		for _, part := range parts {
			v, fault := part(r)
			if fault != nil || v.text == "" {
				return v, fault
			}
			text.WriteString(v.text)
		}
		return value{text.String(), none}, nil
	}
}

// condition reads a condition; a list of conditions means all of them.
func (s *scope) condition(n ast.Node, what string) condition {
	if items, ok := n.(*ast.SequenceNode); ok {
		return allOf(s.conditions(items, what))
	}
	b, ok := s.block(n, what, "all", "any", "not", "column", "value", "equals", "not_equals", "in", "not_in", "empty")
	if !ok {
		return never
	}
	for _, e := range b.entries {
		if e.key != "all" && e.key != "any" && e.key != "not" {
			continue
		}
		if len(b.entries) > 1 {
			s.fault(n, "%s: %s stands together with other keys; each condition is an item of its own", what, e.key)
		}
		switch e.key {
		case "all":
			return allOf(s.conditions(e.value, what+": all"))
		case "any":
			return anyOf(s.conditions(e.value, what+": any"))
		default:
			return not(s.condition(e.value, what+": not"))
		}
	}
	return s.test(b, n)
}

func (s *scope) conditions(n ast.Node, what string) []condition {
	var out []condition
	for _, item := range s.list(n, what) {
		out = append(out, s.condition(item, what))
	}
	return out
}

// test reads a condition on one value.
func (s *scope) test(b block, n ast.Node) condition {
	var of expression
	switch column, named := b.get("column"), b.get("value"); {
	case (column == nil) == (named == nil):
		s.fault(n, "%s: either column or value says what is tested", b.what)
		return never
	case column != nil:
		of = columnValue(s.column(column, b.text("column")))
	default:
		known, ok := s.values[b.text("value")]
		if !ok {
			s.fault(named, "%s: no value %q is named above", b.what, b.text("value"))
		}
		if known == nil {
			return never
		}
		of = known.eval
	}
	if len(b.entries) != 2 {
		s.fault(n, "%s: one of equals, not_equals, in, not_in, empty is wanted, %d found", b.what, len(b.entries)-1)
		return never
	}
	var words []string
	var wanted bool
	switch {
	case b.get("equals") != nil:
		words, wanted = []string{b.text("equals")}, true
	case b.get("not_equals") != nil:
		words = []string{b.text("not_equals")}
	case b.get("in") != nil:
		words, wanted = b.texts("in"), true
	case b.get("not_in") != nil:
		words = b.texts("not_in")
	default:
		words, wanted = []string{""}, b.flag("empty")
	}
	return func(r *row) (bool, *Fault) {
		v, fault := of(r)
		return slices.Contains(words, v.text) == wanted, fault
	}
}

// object reads the fields of a JSON object.
func (s *scope) object(n ast.Node, what string, of *schema) object {
	b, ok := s.block(n, what)
	if !ok {
		return nil
	}
	s.fields(b, of)
	out := object{}
	for _, e := range b.entries {
		if v := s.node(e.value, what+": "+e.key, of.field(e.key)); v != nil {
			out = append(out, field{e.key, v})
		}
	}
	return out
}

// node reads one value of `data`: a constant, a list, an object (under the key
// object) or an expression.
func (s *scope) node(n ast.Node, what string, of *schema) node {
	switch v := n.(type) {
	case *ast.SequenceNode:
		s.fits(n, what, of, "array", nil)
		var out list
		for _, item := range s.list(v, what) {
			if element := s.node(item, what, of.items()); element != nil {
				out = append(out, element)
			}
		}
		return out
	case *ast.MappingNode, *ast.MappingValueNode:
		if b, ok := s.block(n, what); ok && b.get("object") != nil {
			b, _ = s.block(n, what, "object", "when")
			s.fits(n, what, of, "object", nil)
			inner := s.object(b.get("object"), what, of)
			if at := b.get("when"); at != nil {
				return guarded{s.condition(at, what+": when"), inner}
			}
			return inner
		}
		if t := s.value(n, what); t != nil {
			s.fits(n, what, of, t.kind.jsonType(), t.words)
			return t
		}
		return nil
	}
	return s.literal(n, what, of)
}

// literal reads a constant as JSON.
func (s *scope) literal(n ast.Node, what string, of *schema) node {
	var value any
	jsonType := ""
	switch v := n.(type) {
	case *ast.StringNode:
		value, jsonType = v.Value, "string"
	case *ast.LiteralNode:
		value, jsonType = v.Value.Value, "string"
	case *ast.BoolNode:
		value, jsonType = v.Value, "boolean"
	case *ast.IntegerNode:
		value, jsonType = v.Value, "integer"
	case *ast.FloatNode:
		value, jsonType = v.Value, "number"
	default:
		s.fault(n, "%s: %s found, a value wanted", what, kindOf(n))
		return nil
	}
	if word, ok := value.(string); ok {
		s.fits(n, what, of, jsonType, []string{word})
	} else {
		s.fits(n, what, of, jsonType, nil)
	}
	text, err := json.Marshal(value)
	if err != nil {
		s.fault(n, "%s: %v", what, err)
		return nil
	}
	return literal(text)
}
