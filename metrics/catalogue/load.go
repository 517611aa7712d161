package catalogue

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"youzhi/metrics/calendar"
)

//go:embed indicators/*.yaml
var builtin embed.FS

// Bases are the state tables that an indicator can look at.
var Bases = []string{"cases", "tickets", "surveys"}

// dimensions by base: the columns that units of the base can be split by.
var dimensions = map[string][]string{
	"cases":   {"region", "outlet", "product", "channel", "direction", "customer_type", "customer_tier", "special_need", "area_type", "source"},
	"tickets": {"region", "outlet", "product", "channel", "category", "severity", "validity", "kind", "unit", "customer_type", "customer_tier", "special_need", "area_type", "source"},
	"surveys": {"region", "outlet", "product", "channel", "customer_type", "customer_tier", "special_need", "area_type", "instrument", "wave", "source"},
}

// steps by base: what a source can report of a unit, the short names of its
// event types. An indicator that waits for a step of another name would have no
// data source for ever.
var steps = map[string][]string{
	"cases": {"submitted", "accepted", "reviewed", "approved", "progressed", "delivered", "promise_changed",
		"paused", "resumed", "ended", "reopened", "archived"},
	"tickets": {"received", "accepted", "responded", "handed_over", "investigated", "resolved", "replied",
		"paused", "resumed", "escalated", "withdrawn", "reopened", "archived", "tallied"},
	"surveys": {"invited", "answered"},
}

// FactDimensions are those that facts by day are kept by.
var FactDimensions = []string{"region", "outlet", "product", "channel"}

// Load reads the built-in indicators and then the .yaml files of dir in order of
// name; dir may be empty. It reports every fault of every file, each with its
// place. A key stands once over all files.
func Load(dir string) (*Catalogue, error) {
	c := &Catalogue{byKey: map[string]int{}}
	var faults []error
	names, err := fs.Glob(builtin, "indicators/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	sort.Strings(names)
	for _, name := range names {
		text, err := builtin.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("load catalogue: %w", err)
		}
		faults = append(faults, c.add(filepath.Base(name), text)...)
	}
	if dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("load catalogue: the folder of own indicators: %w", err)
		}
		for _, entry := range entries {
			name := filepath.Join(dir, entry.Name())
			switch filepath.Ext(name) {
			case ".yaml":
			case ".yml":
				faults = append(faults, fmt.Errorf("%s: a file of indicators ends in .yaml", name))
				continue
			default:
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("load catalogue: %w", err)
			}
			faults = append(faults, c.add(name, text)...)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	if c.version, err = versionOf(c.indicators); err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	sort.SliceStable(c.indicators, func(i, j int) bool { return c.indicators[i].Chapter < c.indicators[j].Chapter })
	for i, ind := range c.indicators {
		c.byKey[ind.Key] = i
	}
	return c, nil
}

// versionOf is a hash of what decides how the indicators are counted.
func versionOf(indicators []Indicator) (string, error) {
	counted := slices.Clone(indicators)
	for i := range counted {
		ind := &counted[i]
		ind.Title, ind.Meaning, ind.Section, ind.Chapter, ind.Chart = Text{}, Text{}, "", "", ""
		ind.Targets, ind.Better, ind.Minimum, ind.Unit, ind.Scale = nil, "", 0, "", 0
	}
	slices.SortFunc(counted, func(a, b Indicator) int { return strings.Compare(a.Key, b.Key) })
	text, err := json.Marshal(counted)
	if err != nil {
		return "", fmt.Errorf("version: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// add reads one file. Each fault begins with file and line.
func (c *Catalogue) add(file string, text []byte) []error {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return []error{located(file, err)}
	}
	switch {
	case len(tree.Docs) > 1 && tree.Docs[1].Body != nil:
		return []error{fmt.Errorf("%s:%d: a second document begins here, want one", file, tree.Docs[1].Body.GetToken().Position.Line)}
	case len(tree.Docs) == 0 || tree.Docs[0].Body == nil:
		return []error{fmt.Errorf("%s:1: no indicators", file)}
	}
	var short shorthand
	ast.Walk(&short, tree.Docs[0].Body)
	if short.found != nil {
		return []error{fmt.Errorf("%s:%d: a YAML %s: write the value out", file, short.found.GetToken().Position.Line, strings.ToLower(short.found.Type().String()))}
	}
	var doc struct {
		Indicators []Indicator `yaml:"indicators"`
	}
	if err := yaml.NodeToValue(tree.Docs[0].Body, &doc, yaml.Strict()); err != nil {
		return []error{located(file, err)}
	}
	if len(doc.Indicators) == 0 {
		return []error{fmt.Errorf("%s:1: no indicators", file)}
	}
	var faults []error
	for i, ind := range doc.Indicators {
		place := fmt.Sprintf("%s: indicator %d (%s)", file, i+1, ind.Key)
		if path, err := yaml.PathString(fmt.Sprintf("$.indicators[%d]", i)); err == nil {
			if node, err := path.FilterFile(tree); err == nil && node != nil {
				// A mapping's own token is the colon of its first key, in the same line.
				place = fmt.Sprintf("%s:%d: indicator %d (%s)", file, node.GetToken().Position.Line, i+1, ind.Key)
			}
		}
		for _, fault := range ind.validate() {
			faults = append(faults, fmt.Errorf("%s: %w", place, fault))
		}
		if _, ok := c.byKey[ind.Key]; ok {
			faults = append(faults, fmt.Errorf("%s: the key stands twice", place))
		}
		c.byKey[ind.Key] = len(c.indicators)
		c.indicators = append(c.indicators, ind)
	}
	return faults
}

// shorthand finds tags, anchors, aliases and merges. An entry needs none of them,
// and the YAML library does not stand every use of them.
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

// located puts file and line in front of a fault of the YAML library, and leaves
// its drawing of the source out.
func located(file string, err error) error {
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) && wrong.Token != nil {
		return fmt.Errorf("%s:%d: a value of type %s, want %s", file, wrong.Token.Position.Line, wrong.SrcType, wrong.DstType)
	}
	var fault yaml.Error
	if errors.As(err, &fault) && fault.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", file, fault.GetToken().Position.Line, fault.GetMessage())
	}
	return fmt.Errorf("%s: %w", file, err)
}

var namesAsOf = regexp.MustCompile(`\bas_of\b`)

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{2,63}$`)

func (ind *Indicator) validate() []error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if !keyForm.MatchString(ind.Key) {
		fault("key %q: want 3 to 64 of a-z, 0-9 and _", ind.Key)
	}
	if ind.Revision < 1 {
		fault("revision: want 1 or more")
	}
	if ind.Title.Zh == "" || ind.Title.En == "" {
		fault("title: want zh and en")
	}
	if ind.Meaning.Zh == "" || ind.Meaning.En == "" {
		fault("meaning: want zh and en")
	}
	if ind.Section == "" || ind.Chapter == "" {
		fault("section and chapter of the manual are missing (write – where the manual has none)")
	}
	if !slices.Contains([]Window{Due, Open, Close, Ans, Snap}, ind.Window) {
		fault("window %q: want DUE, OPEN, CLOSE, ANS or SNAP", ind.Window)
	}
	if !slices.Contains([]Unit{Rate, P10k, Points, Units, Hours}, ind.Unit) {
		fault("unit %q: want rate, p10k, points, count or hours", ind.Unit)
	}
	if ind.Better != "up" && ind.Better != "down" && ind.Better != "none" {
		fault("better %q: want up, down or none", ind.Better)
	}
	if ind.Chart != "line" && ind.Chart != "bar" {
		fault("chart %q: want line or bar", ind.Chart)
	}
	ind.validatePopulation("population", ind.Population, fault)
	timed := ind.Window == Due || ind.Window == Snap
	switch ind.Kind {
	case Ratio:
		if ind.Success == "" && !timed {
			fault("success: a ratio of this window needs its condition")
		}
		if ind.Window == Snap {
			fault("kind ratio: SNAP has counts only")
		}
	case RatioOfCounts:
		if ind.Denominator == nil {
			fault("denominator: a ratio of two counts needs its second population")
		} else {
			ind.validatePopulation("denominator", *ind.Denominator, fault)
		}
		if ind.Scale <= 0 {
			fault("scale: want a number above 0 (per how many)")
		}
	case Mean, NPS:
		if ind.Value == "" {
			fault("value: a mean needs its expression")
		}
	case Percentile:
		if ind.Value == "" {
			fault("value: a percentile needs its expression")
		}
		if !(ind.Level > 0 && ind.Level < 1) {
			fault("level %v: want a share above 0 and below 1", ind.Level)
		}
		if ind.Weight != "" {
			fault("weight: a percentile has none")
		}
	case Count:
	default:
		fault("kind %q: want ratio, ratio_of_counts, mean, percentile, nps or count", ind.Kind)
	}
	if ind.Kind != Percentile && (ind.Level != 0 || ind.Censored != "") {
		fault("level and censored belong to kind percentile")
	}
	if ind.Kind == RatioOfCounts && (ind.Among != "" || ind.Unknown != "") {
		fault("among and unknown: what a ratio of two counts counts is its populations")
	}
	if ind.MaturesDays < 0 || ind.MaturesDays > 366 {
		fault("matures_days %d: want 0 to 366", ind.MaturesDays)
	}
	if ind.MaturesDays > 0 && (ind.Kind == RatioOfCounts || timed) {
		fault("matures_days belongs to the windows OPEN, CLOSE and ANS, and not to a ratio of two counts")
	}
	if ind.Kind != RatioOfCounts && (ind.Denominator != nil || ind.Scale != 0) {
		fault("denominator and scale belong to kind ratio_of_counts")
	}
	if !ind.Measured() && ind.Value != "" {
		fault("value belongs to kind mean, percentile and nps")
	}
	if (ind.Measured() || ind.Kind == RatioOfCounts) && ind.Success != "" {
		fault("success belongs to kind ratio and count; what a %s counts is its population", ind.Kind)
	}
	if ind.Minimum < 0 {
		fault("minimum %d: want 0 or more", ind.Minimum)
	}
	for _, e := range []struct{ name, text string }{{"success", ind.Success}, {"value", ind.Value}, {"weight", ind.Weight}, {"censored", ind.Censored}, {"among", ind.Among}, {"unknown", ind.Unknown}} {
		if !closed(e.text) {
			fault("%s %q: want one expression, its brackets and quotes closed", e.name, e.text)
		}
	}
	for _, step := range ind.Reports {
		if step == ReportsPath && ind.Population.Base == "cases" {
			continue
		}
		if known := steps[ind.Population.Base]; !slices.Contains(known, step) {
			fault("reports %q: %s have %v", step, ind.Population.Base, known)
		}
	}
	for _, d := range ind.Dimensions {
		if !slices.Contains(dimensions[ind.Population.Base], d) {
			fault("dimension %q: %s have %v", d, ind.Population.Base, dimensions[ind.Population.Base])
		}
		if ind.Denominator != nil && !slices.Contains(dimensions[ind.Denominator.Base], d) {
			fault("dimension %q: %s have %v", d, ind.Denominator.Base, dimensions[ind.Denominator.Base])
		}
	}
	ind.validateTargets(fault)
	return faults
}

func (ind *Indicator) validatePopulation(name string, p Population, fault func(string, ...any)) {
	if !slices.Contains(Bases, p.Base) {
		fault("%s.base %q: want one of %v", name, p.Base, Bases)
	}
	if !keyForm.MatchString(p.Anchor) {
		fault("%s.anchor %q: want the name of a window of the state", name, p.Anchor)
	}
	if !closed(p.Where) {
		fault("%s.where %q: want one condition, its brackets and quotes closed", name, p.Where)
	}
}

// closed says that an expression of SQL ends where it begins: put between
// brackets it stays there. Whether ClickHouse understands it is asked elsewhere.
func closed(expression string) bool {
	depth, quote := 0, rune(0)
	escaped := false
	for _, char := range expression {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && char == '\\':
			escaped = true
		case quote != 0:
			if char == quote {
				quote = 0
			}
		case strings.ContainsRune("'\"`", char):
			quote = char
		case char == '(':
			depth++
		case char == ')':
			if depth--; depth < 0 {
				return false
			}
		case char == ';', char == '#':
			return false
		}
	}
	return depth == 0 && quote == 0 && !strings.Contains(expression, "--") && !strings.Contains(expression, "/*")
}

func (ind *Indicator) validateTargets(fault func(string, ...any)) {
	var last calendar.Day
	for i, t := range ind.Targets {
		day, err := calendar.ParseDay(t.From)
		if err != nil {
			fault("target %d: from: %w", i+1, err)
			continue
		}
		if i > 0 && day <= last {
			fault("target %d: from %s is not after the one before", i+1, t.From)
		}
		last = day
		for _, number := range []float64{t.Value, t.Met, t.Near} {
			if math.IsNaN(number) || math.IsInf(number, 0) {
				fault("target %d: %v is no number to reach", i+1, number)
			}
		}
		if !slices.Contains([]string{"M", "Me", "D"}, t.Source) {
			fault("target %d: source %q: want M, Me or D", i+1, t.Source)
		}
		switch {
		case ind.Better == "none":
			fault("target %d: an indicator without a better direction has no target", i+1)
		case ind.Better == "up" && t.Near > t.Met, ind.Better == "down" && t.Near < t.Met:
			fault("target %d: near %v is beyond met %v", i+1, t.Near, t.Met)
		}
	}
}

// TargetOn is the target in force on a day; ok is false if there is none.
func (ind *Indicator) TargetOn(day calendar.Day) (t Target, ok bool) {
	for _, candidate := range ind.Targets {
		from, err := calendar.ParseDay(candidate.From)
		if err == nil && from <= day {
			t, ok = candidate, true
		}
	}
	return t, ok
}

// HasDimension says whether the indicator can be split by a dimension; region4
// and region6 are the deeper levels of region.
func (ind *Indicator) HasDimension(name string) bool {
	if name == "region4" || name == "region6" {
		name = "region"
	}
	return slices.Contains(ind.Dimensions, name)
}
