package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// DefaultFile is read when no other file is named and it exists in the working
// folder.
const DefaultFile = "youzhi.yaml"

// fileVariable names the file where the command line does not.
const fileVariable = prefix + "CONFIG"

// Sources are where settings come from.
type Sources struct {
	// File is the settings file that the command line names; it must exist.
	// Empty: the file that YOUZHI_CONFIG names, which must exist too, else
	// DefaultFile if it exists.
	File string
	// Environ is the environment as os.Environ returns it. Variables without
	// the prefix YOUZHI_ are not looked at.
	Environ []string
	// Flags are the settings that the command line gives, by key, such as
	// "listen": ":9090". Only those that were given, not their defaults.
	Flags map[string]string
}

// Load reads all sources in order and checks the outcome. The error joins every
// fault, each with its place: the file and line, the variable or the flag.
func Load(from Sources) (*Config, error) {
	c := Default()
	known := make(map[string]setting)
	for _, s := range c.settings() {
		known[s.key] = s
	}
	environ := ours(from.Environ)

	var faults []error
	faults = append(faults, loadFile(known, from.File, environ[fileVariable])...)
	delete(environ, fileVariable)
	faults = append(faults, loadEnviron(known, environ)...)
	faults = append(faults, loadFlags(known, from.Flags)...)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if err := c.together(); err != nil {
		return nil, err
	}
	return c, nil
}

// together finds settings that are right alone and wrong beside others.
func (c *Config) together() error {
	var faults []error
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	tls, sasl := c.Kafka.TLS, c.Kafka.SASL
	named := tls.CA != "" || tls.Cert != "" || tls.Key != "" || tls.ServerName != ""
	fault(named && !tls.Enabled, "kafka.tls: settings without effect: kafka.tls.enabled is not true")
	fault((tls.Cert == "") != (tls.Key == ""), "kafka.tls: cert and key belong together: one of them is missing")
	fault(sasl.Mechanism == "" && (sasl.User != "" || sasl.Password.Reveal() != ""), "kafka.sasl: a user or password without kafka.sasl.mechanism")
	fault(sasl.Mechanism != "" && sasl.User == "", "kafka.sasl.user: must not be empty with kafka.sasl.mechanism "+sasl.Mechanism)
	fault(sasl.Mechanism != "" && sasl.Password.Reveal() == "", "kafka.sasl.password: must not be empty with kafka.sasl.mechanism "+sasl.Mechanism)
	fault(len(c.Kafka.Brokers) == 0 && (tls.Enabled || sasl.Mechanism != ""), "kafka.brokers: empty, and the broker inside the process knows no TLS and no users")
	return errors.Join(faults...)
}

// ours takes the variables with our prefix from an environment.
func ours(environ []string) map[string]string {
	found := make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) {
			found[name] = value
		}
	}
	return found
}

func loadFile(known map[string]setting, flag, variable string) []error {
	name, must := flag, true
	if name == "" {
		name = variable
	}
	if name == "" {
		name, must = DefaultFile, false
	}
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil {
		return []error{fmt.Errorf("read settings: %w", err)}
	}
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		return []error{fmt.Errorf("%s: %s", name, yamlFault(err))}
	}
	r := reader{file: name, known: known}
	for i, doc := range file.Docs {
		if i > 0 {
			r.fault(doc, "a second document: write all settings in one")
			break
		}
		r.read(doc.Body, "")
	}
	return r.faults
}

// yamlFault is the parser's message on one line, with the place of the fault
// but without the excerpt, which might hold a secret.
func yamlFault(err error) string {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			return fmt.Sprintf("line %d: no valid YAML: %s", t.Position.Line, syntax.GetMessage())
		}
		return "no valid YAML: " + syntax.GetMessage()
	}
	return "no valid YAML: " + err.Error()
}

// reader walks the nodes of a settings file.
type reader struct {
	file   string
	known  map[string]setting
	faults []error
}

func (r *reader) fault(at ast.Node, format string, args ...any) {
	place := r.file
	if t := at.GetToken(); t != nil && t.Position != nil {
		place = fmt.Sprintf("%s: line %d", r.file, t.Position.Line)
	}
	r.faults = append(r.faults, fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...)))
}

// read takes the settings below path from node.
func (r *reader) read(node ast.Node, path string) {
	switch n := node.(type) {
	case nil, *ast.CommentGroupNode:
	case *ast.MappingNode:
		for _, pair := range n.Values {
			r.pair(pair, path)
		}
	case *ast.MappingValueNode:
		r.pair(n, path)
	default:
		if path == "" {
			r.fault(node, "want settings such as listen: 127.0.0.1:8080")
			return
		}
		r.fault(node, "%s: is a section, write its settings below it", path)
	}
}

func (r *reader) pair(pair *ast.MappingValueNode, path string) {
	word, ok := pair.Key.(*ast.StringNode)
	if !ok {
		r.fault(pair, "%s: unknown setting", join(path, pair.Key.String()))
		return
	}
	key := join(path, word.Value)
	if s, found := r.known[key]; found {
		r.value(s, pair.Value)
		return
	}
	if !r.section(key) {
		r.fault(pair.Key, "%s: unknown setting", key)
		return
	}
	// A section whose settings are all commented out is an empty one.
	if _, empty := pair.Value.(*ast.NullNode); !empty {
		r.read(pair.Value, key)
	}
}

// section tells whether settings lie below key.
func (r *reader) section(key string) bool {
	for k := range r.known {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func (r *reader) value(s setting, node ast.Node) {
	var text string
	switch n := node.(type) {
	case *ast.NullNode:
		r.fault(node, `%s: has no value: write one, or "" for an empty one, or remove the line`, s.key)
		return
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimRight(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = node.GetToken().Value
	case *ast.SequenceNode:
		if !s.many {
			r.fault(node, "%s: takes one value, this is a list", s.key)
			return
		}
		var items []string
		for _, item := range n.Values {
			word, ok := item.(*ast.StringNode)
			if !ok || strings.Contains(word.Value, ",") {
				r.fault(item, "%s: an item of the list is no plain text", s.key)
				return
			}
			items = append(items, word.Value)
		}
		text = strings.Join(items, ",")
	default:
		r.fault(node, "%s: want a plain value, this is a YAML %s", s.key, strings.ToLower(node.Type().String()))
		return
	}
	if err := s.set(text); err != nil {
		r.fault(node, "%s: %w", s.key, err)
	}
}

func join(path, word string) string {
	if path == "" {
		return word
	}
	return path + "." + word
}

func loadEnviron(known map[string]setting, environ map[string]string) []error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(known)) {
		s := known[key]
		name := s.variable()
		value, given := environ[name]
		delete(environ, name)
		if s.secret {
			file, named := environ[name+"_FILE"]
			delete(environ, name+"_FILE")
			if named && given {
				faults = append(faults, fmt.Errorf("%s: %s_FILE is set too: set one of them", name, name))
				continue
			}
			if named {
				content, err := os.ReadFile(file)
				if err != nil {
					faults = append(faults, fmt.Errorf("%s_FILE: %w", name, err))
					continue
				}
				// An editor or echo ends the file with a newline that is no part of the secret.
				name, value, given = name+"_FILE", strings.TrimRight(string(content), "\r\n"), true
			}
		}
		if !given {
			continue
		}
		if err := s.set(value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		faults = append(faults, fmt.Errorf("%s: unknown setting", name))
	}
	return faults
}

func loadFlags(known map[string]setting, flags map[string]string) []error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		s, found := known[key]
		if !found {
			faults = append(faults, fmt.Errorf("command line: %s: unknown setting", key))
			continue
		}
		if err := s.set(flags[key]); err != nil {
			faults = append(faults, fmt.Errorf("command line: %s: %w", key, err))
		}
	}
	return faults
}
