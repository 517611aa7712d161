// Package metrics is all that a figure means: a question (indicator, period,
// scope, as_of) is evaluated to figures with their parts, and to the rows behind
// each part.
package metrics

import (
	"encoding/json"
	"time"

	"youzhi/metrics/calendar"
)

// Question asks for figures of one or more indicators.
type Question struct {
	Keys []string
	// From is inclusive, To exclusive; Beijing days.
	From, To calendar.Day
	// Grain cuts the period: one figure per day, week, month, quarter or year.
	// Empty: one figure for the whole period.
	Grain calendar.Grain
	// By are dimensions to split by: region, region4, region6, outlet, product, …
	By []string
	// Where keeps units whose dimension has one of the values.
	Where map[string][]string
	// Delay keeps cases whose delay has the value: a name of [DelayNames] each. It
	// is for lists behind [DelayKey].
	Delay map[string]string
	// AsOf is the instant that is calculated for. Zero: now, as last folded.
	AsOf time.Time
}

// Part names a list behind a figure.
type Part string

// The parts of a figure. Of a ratio of two counts, PartNumerator and
// PartDenominator are rows of different bases.
const (
	PartNumerator   Part = "numerator"
	PartDenominator Part = "denominator"
	PartMissed      Part = "missed" // denominator without numerator
	PartPending     Part = "pending"
	PartExcluded    Part = "excluded"
	PartUnknown     Part = "unknown"
)

// Status is the verdict on a figure.
type Status string

// The statuses. No verdict is given below the indicator's minimum sample
// (StatusSmall) or without a target (StatusNone).
const (
	StatusMet      Status = "met"
	StatusNear     Status = "near"
	StatusMissed   Status = "missed"
	StatusSmall    Status = "small_sample"
	StatusNone     Status = "no_target"
	StatusNoData   Status = "no_data"
	StatusNoSource Status = "no_data_source"
)

// Interval is the uncertainty of a value at 95 %.
type Interval struct {
	Lower  float64 `json:"lower"`
	Upper  float64 `json:"upper"`
	Method string  `json:"method"` // wilson, t, poisson_exact
}

// Figure is an answer with its parts. Nil is "no data".
type Figure struct {
	Key         string            `json:"key"`
	Revision    int               `json:"revision"`
	From        calendar.Day      `json:"from"`
	To          calendar.Day      `json:"to"`
	AsOf        time.Time         `json:"as_of"`
	By          map[string]string `json:"by"`
	Numerator   *float64          `json:"numerator"`
	Denominator *float64          `json:"denominator"`
	Pending     *int64            `json:"pending"`
	Excluded    *int64            `json:"excluded"`
	Unknown     *int64            `json:"unknown"`
	Value       *float64          `json:"value"`
	Unit        string            `json:"unit"`
	Interval    *Interval         `json:"interval"`
	Target      *float64          `json:"target"`
	Status      Status            `json:"status"`
	// UnknownShare flags data quality: unknown / (denominator + unknown) > 0.05.
	UnknownShare *float64 `json:"-"`
	// Units are those in the denominator, whatever they weigh.
	Units int64 `json:"-"`
	// FirstDay is the first of the period's days with a unit, of a ratio of two
	// counts with one that is counted if there is any; zero without units.
	FirstDay calendar.Day `json:"-"`
}

// Row is one unit behind a figure.
type Row struct {
	Base    string       `json:"base"` // cases, tickets, surveys
	Subject string       `json:"subject"`
	Day     calendar.Day `json:"day"`
	DueAt   *time.Time   `json:"due_at"`
	DoneAt  *time.Time   `json:"done_at"`
	Region  string       `json:"region"`
	Outlet  string       `json:"outlet"`
	Product string       `json:"product"`
	Channel string       `json:"channel"`
	State   string       `json:"state"`
	Outcome string       `json:"outcome"`
	Value   *float64     `json:"value"`  // means: the unit's value
	Reason  string       `json:"reason"` // excluded: why
	Flags   []string     `json:"flags"`
	// Cause, Place and OverHours say why a late case is late, in a list that
	// Question.Delay has narrowed.
	Cause     string   `json:"cause,omitempty"`
	Place     string   `json:"place,omitempty"`
	OverHours *float64 `json:"over_hours,omitempty"`
}

// RowPage is a page of a list. Next is empty on the last one.
type RowPage struct {
	Rows []Row  `json:"rows"`
	Next string `json:"next"`
}

// MarshalFigures writes figures as the JSON array of the command line and API.
func MarshalFigures(figures []Figure) ([]byte, error) {
	if figures == nil {
		figures = []Figure{}
	}
	return json.MarshalIndent(figures, "", "  ")
}
