// Package catalogue holds the indicators as data: what is counted, over which
// rows of the state, against which target. Files are YAML, one per table of the
// catalogue of indicators; an operator adds files of his own. Adding an
// indicator is an entry here and a golden case in metrics/testdata.
package catalogue

// Window says which period a unit belongs to.
type Window string

// The windows. DUE: the period that holds the deadline, open and overdue counts
// as failure. OPEN: by the accepted, received or invited instant. CLOSE: by the
// end instant. ANS: by the answer instant. SNAP: the state at as_of.
const (
	Due   Window = "DUE"
	Open  Window = "OPEN"
	Close Window = "CLOSE"
	Ans   Window = "ANS"
	Snap  Window = "SNAP"
)

// Kind says how the value comes from the parts.
type Kind string

// The kinds. Ratio: numerator / denominator, both counts of one population.
// RatioOfCounts: units of one population per Scale units of another. Mean: sum
// of values / weights. Count: the numerator alone. Percentile: the value that a
// share of Level of the units does not exceed: by linear interpolation, or
// with Censored by Kaplan and Meier (STATISTICS.md 17 and 21). NPS: the mean of
// values 100, 0 and -100 (STATISTICS.md 13).
const (
	Ratio         Kind = "ratio"
	RatioOfCounts Kind = "ratio_of_counts"
	Mean          Kind = "mean"
	Count         Kind = "count"
	Percentile    Kind = "percentile"
	NPS           Kind = "nps"
)

// ReportsPath stands in Indicator.Reports for the steps of the case's path.
const ReportsPath = "path"

// Unit of the value.
type Unit string

// The units. Rate is 0..1 and shown in percent.
const (
	Rate   Unit = "rate"
	P10k   Unit = "p10k"
	Points Unit = "points"
	Units  Unit = "count"
	Hours  Unit = "hours"
)

// Text is a title in the languages of the pages.
type Text struct {
	Zh string `yaml:"zh"`
	En string `yaml:"en"`
}

// Population is the rows of the state that an indicator looks at, and the SQL
// expressions over the state's columns that sort them into parts.
type Population struct {
	Base   string `yaml:"base"`   // cases, tickets, surveys
	Anchor string `yaml:"anchor"` // the window's name in the state
	Where  string `yaml:"where"`  // condition of the population; empty: all rows of the anchor
}

// Target is what is aimed at from a Beijing day on.
type Target struct {
	From   string  `yaml:"from"`   // YYYY-MM-DD
	Value  float64 `yaml:"value"`  // in the indicator's unit
	Met    float64 `yaml:"met"`    // met at or beyond
	Near   float64 `yaml:"near"`   // near at or beyond; worse is missed
	Source string  `yaml:"source"` // M stated in the manual, Me an example of it, D our default
}

// Indicator is one entry.
type Indicator struct {
	Key        string     `yaml:"key"`
	Revision   int        `yaml:"revision"`
	Title      Text       `yaml:"title"`
	Meaning    Text       `yaml:"meaning"` // one or two sentences: formula and clock in words
	Section    string     `yaml:"section"` // section of the manual, quoted phrase
	Chapter    string     `yaml:"chapter"` // e.g. "2.4", for grouping and order
	Window     Window     `yaml:"window"`
	Kind       Kind       `yaml:"kind"`
	Population Population `yaml:"population"`
	// Denominator is the second population of a ratio of two counts.
	Denominator *Population `yaml:"denominator"`
	// Success is the condition of the numerator of a ratio or count. For DUE
	// and SNAP windows empty means the clock's own: done in time; open and overdue.
	Success string `yaml:"success"`
	// Value is the measured number of a mean, percentile or NPS. It may name as_of,
	// as Among and Unknown may; the figure then moves with the clock.
	Value string `yaml:"value"`
	// Level is the share of a percentile, above 0 and below 1.
	Level float64 `yaml:"level"`
	// Censored is the condition under which a percentile's unit has taken at least
	// its value, and is not done. Without it all values are final.
	Censored string `yaml:"censored"`
	// Among is a condition on what is counted; units that do not meet it and are
	// neither excluded, unknown nor pending are outside the figure.
	Among string `yaml:"among"`
	// Unknown is a further condition under which a unit cannot be judged.
	Unknown string `yaml:"unknown"`
	// MaturesDays is for how many days of 24 hours after the step of its window a
	// unit is pending.
	MaturesDays int `yaml:"matures_days"`
	// Weight is the unit's weight; empty means 1.
	Weight  string   `yaml:"weight"`
	Scale   float64  `yaml:"scale"` // ratio of counts: per how many
	Unit    Unit     `yaml:"unit"`
	Better  string   `yaml:"better"` // up or down
	Targets []Target `yaml:"targets"`
	// Minimum is the smallest denominator that gets a verdict.
	Minimum int64 `yaml:"minimum"`
	// Reports are the steps that a source must report at all, else the figure
	// is "no data source" there; ReportsPath stands for all of the product's path.
	Reports    []string `yaml:"reports"`
	Dimensions []string `yaml:"dimensions"`
	Chart      string   `yaml:"chart"` // line or bar
}

// Measured says that the indicator has a value of each unit.
func (ind *Indicator) Measured() bool {
	return ind.Kind == Mean || ind.Kind == Percentile || ind.Kind == NPS
}

// Moves says that the figure changes as time passes, without any event and after
// all deadlines: what is still open gets older.
func (ind *Indicator) Moves() bool {
	return namesAsOf.MatchString(ind.Value) || namesAsOf.MatchString(ind.Among) || namesAsOf.MatchString(ind.Unknown)
}

// Catalogue is the loaded indicators in order of chapter and file.
type Catalogue struct {
	indicators []Indicator
	byKey      map[string]int
	version    string
}

// Version changes with how any indicator is counted: facts of another version are
// made again. Words, targets and what else only shows a figure leave it as it is.
func (c *Catalogue) Version() string { return c.version }

// All gives the indicators in their order.
func (c *Catalogue) All() []Indicator { return c.indicators }

// Get finds an indicator.
func (c *Catalogue) Get(key string) (Indicator, bool) {
	i, ok := c.byKey[key]
	if !ok {
		return Indicator{}, false
	}
	return c.indicators[i], true
}
