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
// of values / weights. Count: the numerator alone.
const (
	Ratio         Kind = "ratio"
	RatioOfCounts Kind = "ratio_of_counts"
	Mean          Kind = "mean"
	Count         Kind = "count"
)

// Unit of the value.
type Unit string

// The units. Rate is 0..1 and shown in percent.
const (
	Rate   Unit = "rate"
	P10k   Unit = "p10k"
	Points Unit = "points"
	Units  Unit = "count"
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
	// Value is the measured number of a mean.
	Value string `yaml:"value"`
	// Weight is the unit's weight; empty means 1.
	Weight  string   `yaml:"weight"`
	Scale   float64  `yaml:"scale"` // ratio of counts: per how many
	Unit    Unit     `yaml:"unit"`
	Better  string   `yaml:"better"` // up or down
	Targets []Target `yaml:"targets"`
	// Minimum is the smallest denominator that gets a verdict.
	Minimum int64 `yaml:"minimum"`
	// Reports are the steps that a source must report at all, else the figure
	// is "no data source" there.
	Reports    []string `yaml:"reports"`
	Dimensions []string `yaml:"dimensions"`
	Chart      string   `yaml:"chart"` // line or bar
}

// Catalogue is the loaded indicators in order of chapter and file.
type Catalogue struct {
	indicators []Indicator
	byKey      map[string]int
	version    string
}

// Version changes with the content of any file.
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
