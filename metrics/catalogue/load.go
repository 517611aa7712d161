package catalogue

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"

	"github.com/goccy/go-yaml"

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

// FactDimensions are those that facts by day are kept by.
var FactDimensions = []string{"region", "outlet", "product", "channel"}

// Load reads the built-in indicators and then the .yaml files of dir in order of
// name; dir may be empty. It reports every fault of every file, each with its
// place. A key stands once over all files.
func Load(dir string) (*Catalogue, error) {
	c := &Catalogue{byKey: map[string]int{}}
	content := sha256.New()
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
		_, _ = content.Write(text)
		faults = append(faults, c.add(filepath.Base(name), text)...)
	}
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("load catalogue: %w", err)
		}
		own, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			return nil, fmt.Errorf("load catalogue: %w", err)
		}
		sort.Strings(own)
		for _, name := range own {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("load catalogue: %w", err)
			}
			_, _ = content.Write(text)
			faults = append(faults, c.add(name, text)...)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	c.version = hex.EncodeToString(content.Sum(nil)[:8])
	sort.SliceStable(c.indicators, func(i, j int) bool { return c.indicators[i].Chapter < c.indicators[j].Chapter })
	for i, ind := range c.indicators {
		c.byKey[ind.Key] = i
	}
	return c, nil
}

func (c *Catalogue) add(file string, text []byte) []error {
	var doc struct {
		Indicators []Indicator `yaml:"indicators"`
	}
	if err := yaml.UnmarshalWithOptions(text, &doc, yaml.Strict()); err != nil {
		return []error{fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, false))}
	}
	if len(doc.Indicators) == 0 {
		return []error{fmt.Errorf("%s: no indicators", file)}
	}
	var faults []error
	for i, ind := range doc.Indicators {
		place := fmt.Sprintf("%s: indicator %d (%s)", file, i+1, ind.Key)
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
	if !slices.Contains([]Unit{Rate, P10k, Points, Units}, ind.Unit) {
		fault("unit %q: want rate, p10k, points or count", ind.Unit)
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
	case Mean:
		if ind.Value == "" {
			fault("value: a mean needs its expression")
		}
	case Count:
	default:
		fault("kind %q: want ratio, ratio_of_counts, mean or count", ind.Kind)
	}
	if ind.Kind != RatioOfCounts && (ind.Denominator != nil || ind.Scale != 0) {
		fault("denominator and scale belong to kind ratio_of_counts")
	}
	if ind.Kind != Mean && ind.Value != "" {
		fault("value belongs to kind mean")
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
