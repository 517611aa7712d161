package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Load reads a policy from YAML in UTF-8. Unknown keys, values of the wrong type and contradictions are faults, each
// reported as "file:line: what and why"; all contradictions are reported together.
func Load(file string, content []byte) (*Policy, error) {
	tree, err := parser.ParseBytes(content, 0)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", located(file, err))
	}
	switch {
	case len(tree.Docs) > 1 && tree.Docs[1].Body != nil:
		line := tree.Docs[1].Body.GetToken().Position.Line
		return nil, fmt.Errorf("load policy: %s:%d: a second document begins here, want one", file, line)
	case len(tree.Docs) == 0 || tree.Docs[0].Body == nil:
		return nil, fmt.Errorf("load policy: %s:1: empty", file)
	}
	var short shorthand
	ast.Walk(&short, tree.Docs[0].Body)
	if short.found != nil {
		return nil, fmt.Errorf("load policy: %s:%d: a YAML %s: write the value out", file, short.found.GetToken().Position.Line,
			strings.ToLower(short.found.Type().String()))
	}
	var p Policy
	if err := yaml.NodeToValue(tree.Docs[0].Body, &p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("load policy: %w", located(file, err))
	}
	if err := p.validate(place{file, tree}); err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	p.over = map[Base][]*Clock{}
	for i := range p.Clocks {
		p.over[p.Clocks[i].Base] = append(p.over[p.Clocks[i].Base], &p.Clocks[i])
	}
	return &p, nil
}

// shorthand finds tags, anchors, aliases and merges. A policy needs none of them, and the YAML library does not stand
// every use of them.
type shorthand struct{ found ast.Node }

// Visit looks at one node.
func (s *shorthand) Visit(node ast.Node) ast.Visitor {
	switch node.(type) {
	case *ast.TagNode, *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		if s.found == nil {
			s.found = node
		}
		return nil
	}
	return s
}

// located puts file and line in front of a fault of the YAML library, and leaves its drawing of the source out.
func located(file string, err error) error {
	var fault yaml.Error
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) && wrong.Token != nil {
		return fmt.Errorf("%s:%d: a value of type %s, want %s", file, wrong.Token.Position.Line, wrong.SrcType, wrong.DstType)
	}
	if errors.As(err, &fault) && fault.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", file, fault.GetToken().Position.Line, fault.GetMessage())
	}
	return fmt.Errorf("%s: %w", file, err)
}

// place finds the line of a value by its path.
type place struct {
	file string
	tree *ast.File
}

// at names the file and the line of the deepest part of the path that stands in the file.
func (p place) at(path string) string {
	for ; path != "$" && path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		parsed, err := yaml.PathString(path)
		if err != nil {
			continue
		}
		if node, err := parsed.FilterFile(p.tree); err == nil && node != nil {
			return fmt.Sprintf("%s:%d", p.file, node.GetToken().Position.Line)
		}
	}
	return p.file + ":1"
}

var clockName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// reserved are the anchors that the fold makes without a policy.
var reserved = []string{"submitted", "accepted", "ended", "received", "closed", "invited", "answered"}

// vocabulary is what a policy may say about a base.
type vocabulary struct {
	starts, dones, instants, ends, dims []string
}

var dims = []string{"region", "outlet", "product", "channel", "direction", "customer_type", "customer_tier", "special_need", "area_type"}

var vocabularies = map[Base]vocabulary{
	Cases: {
		starts:   []string{"submitted", "accepted", "reviewed", "approved", "delivered", "ended"},
		dones:    []string{"accepted", "reviewed", "approved", "first_attempt", "delivered", "ended", "archived"},
		instants: []string{InstantPromise},
		ends:     []string{"cancelled", "withdrawn", "declined", "returned", "lost", "damaged", "other"},
		dims:     dims,
	},
	Tickets: {
		starts:   []string{"received", "accepted", StartConstructive, "investigated", "resolved", "responded", "replied", "closed"},
		dones:    []string{"accepted", "responded", "first_response", "investigated", "resolved", "replied", "closed", "archived"},
		instants: []string{InstantDueAt},
		ends:     []string{"withdrawn"},
		dims:     append([]string{"kind", "category", "unit"}, dims...),
	},
}

var (
	changeReasons = []string{"customer", "operator", "force_majeure", "address"}
	pauseReasons  = []string{"customs", "awaiting_customer", "force_majeure"}
)

// validate reports every contradiction in the policy, and reads the cutoffs.
func (p *Policy) validate(where place) error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", where.at(path), fmt.Sprintf(format, args...)))
	}
	if strings.TrimSpace(p.Version) == "" {
		fault("$.version", "version is empty: figures name the policy they were calculated by")
	}
	if p.ConstructiveAcceptanceHours < 0 || p.ConstructiveAcceptanceHours > 24*366 {
		fault("$.constructive_acceptance_hours", "constructive_acceptance_hours is %d, want 0 to %d", p.ConstructiveAcceptanceHours, 24*366)
	}
	if len(p.Clocks) == 0 {
		fault("$.clocks", "no clocks")
	}
	seen := map[string]bool{}
	for i := range p.Clocks {
		c := &p.Clocks[i]
		path := fmt.Sprintf("$.clocks[%d]", i)
		switch {
		case !clockName.MatchString(c.Name):
			fault(path+".name", "clock name %q, want lower case letters, digits and _, a letter first", c.Name)
		case slices.Contains(reserved, c.Name):
			fault(path+".name", "clock name %q belongs to an anchor that every unit has", c.Name)
		case seen[c.Name]:
			fault(path+".name", "clock name %q is given a second time", c.Name)
		}
		seen[c.Name] = true
		words, ok := vocabularies[c.Base]
		if !ok {
			fault(path+".base", "clock %s: base %q, want %s or %s", c.Name, c.Base, Cases, Tickets)
			continue
		}
		c.validate(words, path, p, fault)
	}
	p.validatePaths(fault)
	return errors.Join(faults...)
}

// pathSteps are those that a path can have, in the order of a case.
var pathSteps = []string{"accepted", "reviewed", "approved", "progressed", "delivered"}

func (p *Policy) validatePaths(fault func(path, format string, args ...any)) {
	seen := map[string]bool{}
	others := false
	for i, path := range p.Paths {
		at := fmt.Sprintf("$.paths[%d]", i)
		if len(path.Products) == 0 {
			if others {
				fault(at, "path %d: a second path without products", i+1)
			}
			others = true
		}
		for _, product := range path.Products {
			if seen[product] {
				fault(at+".products", "path %d: the product %s has a path already", i+1, product)
			}
			seen[product] = true
		}
		if len(path.Steps) == 0 {
			fault(at, "path %d: no steps", i+1)
		}
		for j, step := range path.Steps {
			switch {
			case !slices.Contains(pathSteps, step):
				fault(fmt.Sprintf("%s.steps[%d]", at, j), "path %d: step %q, want one of %s", i+1, step, strings.Join(pathSteps, ", "))
			case slices.Contains(path.Steps[:j], step):
				fault(fmt.Sprintf("%s.steps[%d]", at, j), "path %d: step %s is given a second time", i+1, step)
			}
		}
	}
	if len(p.Paths) > 0 && !others {
		fault("$.paths", "no path for the products that no path names: one without products is needed")
	}
}

func (c *Clock) validate(words vocabulary, path string, p *Policy, fault func(path, format string, args ...any)) {
	word := func(path, what, got string, want []string) {
		if !slices.Contains(want, got) {
			fault(path, "clock %s: %s %q, want one of %s", c.Name, what, got, strings.Join(want, ", "))
		}
	}
	condition := func(path string, cond Condition) {
		for _, dim := range slices.Sorted(maps.Keys(cond)) {
			word(path+"."+dim, "dimension", dim, words.dims)
			if len(cond[dim]) == 0 {
				fault(path+"."+dim, "clock %s: dimension %s has no values, so no unit would ever meet it", c.Name, dim)
			}
		}
	}
	word(path+".start", "start", c.Start, words.starts)
	word(path+".done", "done", c.Done, words.dones)
	condition(path+".when", c.When)
	if c.Start == StartConstructive && p.ConstructiveAcceptanceHours == 0 {
		fault(path+".start", "clock %s: start %s needs constructive_acceptance_hours", c.Name, StartConstructive)
	}
	c.Length.validate(words, path+".length", c.Name, fault)

	if len(c.MovedBy) > 0 && c.Length.Instant != InstantPromise {
		fault(path+".moved_by", "clock %s: moved_by is only for a clock of the promised instant", c.Name)
	}
	for i, reason := range c.MovedBy {
		word(fmt.Sprintf("%s.moved_by[%d]", path, i), "moved_by", reason, changeReasons)
	}
	for i, pause := range c.Pauses {
		at := fmt.Sprintf("%s.pauses[%d]", path, i)
		word(at+".reason", "pause reason", pause.Reason, pauseReasons)
		condition(at+".when", pause.When)
	}
	for _, end := range slices.Sorted(maps.Keys(c.Ends)) {
		word(path+".ends."+end, "end", end, words.ends)
		word(path+".ends."+end, "effect of "+end, string(c.Ends[end]), []string{string(Excluded), string(Failed)})
	}
}

func (l *Length) validate(words vocabulary, path, clock string, fault func(path, format string, args ...any)) {
	given := 0
	for _, is := range []bool{l.Hours != 0, l.WorkingDays != 0, l.Instant != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		fault(path, "clock %s: length has %d of hours, working_days and instant, want exactly one", clock, given)
	case l.Hours < 0 || l.Hours > 24*3660:
		fault(path+".hours", "clock %s: hours is %d, want 1 to %d", clock, l.Hours, 24*3660)
	case l.WorkingDays < 0 || l.WorkingDays > 2500:
		fault(path+".working_days", "clock %s: working_days is %d, want 1 to 2500", clock, l.WorkingDays)
	case l.Instant != "" && !slices.Contains(words.instants, l.Instant):
		fault(path+".instant", "clock %s: instant %q, want %s", clock, l.Instant, strings.Join(words.instants, ", "))
	}
	if l.WholeDay && l.Instant == "" {
		fault(path+".whole_day", "clock %s: whole_day is only for an instant", clock)
	}
	l.cutoff = 24 * time.Hour
	if l.Cutoff == "" {
		return
	}
	// Days promised for a case are working days too, so a promise may have a cutoff.
	if l.WorkingDays == 0 && l.Instant != InstantPromise {
		fault(path+".cutoff", "clock %s: cutoff is only for working days", clock)
	}
	if l.WholeDay {
		fault(path+".cutoff", "clock %s: cutoff and whole_day contradict each other", clock)
	}
	span, err := parseCutoff(l.Cutoff)
	if err != nil {
		fault(path+".cutoff", "clock %s: %v", clock, err)
		return
	}
	l.cutoff = span
}

// parseCutoff reads HH:MM after 00:00 and up to 24:00.
func parseCutoff(s string) (time.Duration, error) {
	if s == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("cutoff %q, want HH:MM up to 24:00", s)
	}
	span := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	if span == 0 {
		return 0, fmt.Errorf("cutoff %q would end the day before it begins", s)
	}
	return span, nil
}
