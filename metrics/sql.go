package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// liveEdition is the state that the fold job keeps up to date.
const liveEdition = "live"

// conditions are the SQL conditions that sort the rows of a population into the
// parts of a figure. Each row is in at most one of excluded, unknown, pending
// and counted, in this order; success is within counted. {as_of} is a parameter.
type conditions struct {
	population string // rows that are looked at, without edition and day
	reported   string // rows whose source reports the steps the figure needs
	excluded   string
	unknown    string
	pending    string
	counted    string
	success    string
}

// sqlOf builds the conditions of one population. Expressions come from the
// catalogue; nothing of a request is in the text.
func sqlOf(ind catalogue.Indicator, pop catalogue.Population) conditions {
	c := conditions{population: "anchor = " + quote(pop.Anchor), reported: "true"}
	if pop.Where != "" {
		c.population += " AND (" + pop.Where + ")"
	}
	if len(ind.Reports) > 0 {
		var steps []string
		for _, step := range ind.Reports {
			if step == catalogue.ReportsPath {
				steps = append(steps, fmt.Sprintf("arrayAll(s -> (source, product, s) IN (SELECT source, product, step FROM reported WHERE base = %s), path)", quote(pop.Base)))
				continue
			}
			steps = append(steps, fmt.Sprintf("(source, product) IN (SELECT source, product FROM reported WHERE base = %s AND step = %s)", quote(pop.Base), quote(step)))
		}
		c.reported = strings.Join(steps, " AND ")
	}
	c.excluded = "(" + c.reported + ") AND excluded != ''"
	unknown := "unknown"
	if ind.Unknown != "" {
		unknown += " OR ifNull(" + at(ind.Unknown) + ", false)"
	}
	for _, expression := range []string{at(ind.Value), ind.Weight} {
		// A percentile does not sum, and its open units may have no end.
		if expression != "" && ind.Kind != catalogue.Percentile {
			// A number that no sum can hold is not known, so that no stored event
			// can stop the figures of all others.
			unknown += " OR NOT ifNull(abs(toFloat64(" + expression + ")) <= 1e9, true)"
		}
	}
	c.unknown = "(" + c.reported + ") AND excluded = '' AND (" + unknown + ")"
	left := "(" + c.reported + ") AND excluded = '' AND NOT (" + unknown + ")"
	waiting := "false"
	if ind.Window == catalogue.Due {
		waiting = "(undetermined OR paused OR ifNull(due_at > {as_of:DateTime64(6, 'UTC')}, true))"
	}
	if ind.MaturesDays > 0 {
		waiting = fmt.Sprintf("ifNull(done_at + toIntervalDay(%d) > {as_of:DateTime64(6, 'UTC')}, true)", ind.MaturesDays)
	}
	c.pending = left + " AND " + waiting
	c.counted = left + " AND NOT " + waiting
	if ind.Among != "" {
		c.counted += " AND ifNull(" + at(ind.Among) + ", false)"
	}
	switch {
	case ind.Success != "":
		c.success = "ifNull(" + ind.Success + ", false)"
	case ind.Window == catalogue.Due:
		c.success = "ifNull(done_at <= due_at, false)"
	case ind.Window == catalogue.Snap:
		// The state at as_of has no denominator: counted are the open and overdue.
		// The others are shown nowhere; they tell none overdue from no data.
		overdue := "(open AND NOT paused AND NOT undetermined AND ifNull(due_at < {as_of:DateTime64(6, 'UTC')}, false))"
		c.counted = left + " AND " + overdue
		c.pending = left + " AND NOT " + overdue
		c.success = "true"
	default:
		c.success = "true"
	}
	return c
}

// namesAsOf finds the instant of the question in an expression of the catalogue.
var namesAsOf = regexp.MustCompile(`\bas_of\b`)

// at puts the instant of the question into an expression of the catalogue.
func at(expression string) string {
	return namesAsOf.ReplaceAllString(expression, "{as_of:DateTime64(6, 'UTC')}")
}

// part is the condition of a list behind a figure.
func (c conditions) part(p Part) string {
	switch p {
	case PartNumerator:
		return c.counted + " AND " + c.success
	case PartDenominator:
		return c.counted
	case PartMissed:
		return c.counted + " AND NOT (" + c.success + ")"
	case PartPending:
		return c.pending
	case PartExcluded:
		return c.excluded
	case PartUnknown:
		return c.unknown
	}
	return "false"
}

// sums are the aggregated parts of a figure, one expression a line, named as the
// columns of facts.
func sums(ind catalogue.Indicator, c conditions) []string {
	weight, value := "1", "1"
	if ind.Weight != "" {
		weight = ind.Weight
	}
	if ind.Measured() && ind.Kind != catalogue.Percentile {
		value = at(ind.Value)
	}
	success := c.success
	if ind.Measured() || ind.Kind == catalogue.RatioOfCounts {
		success = "true"
	}
	decimal := func(condition string, factors ...string) string {
		factors = slices.DeleteFunc(factors, func(f string) bool { return f == "1" })
		if len(factors) == 0 {
			return fmt.Sprintf("toDecimal128(toInt64(%s), 6)", condition)
		}
		expression := "(" + strings.Join(factors, ") * (") + ")"
		// The number is made harmless before it is converted: both branches of an
		// if may be calculated.
		// And the conversion cuts what is below a millionth, which a rounded number
		// may lack the last bit of: it is put there first.
		v := fmt.Sprintf("toFloat64(ifNull(%s, 0))", expression)
		return fmt.Sprintf("toDecimal128(if((%s) AND abs(%s) <= 1e28, round(%s, 6) + sign(%s) * 3e-7, 0), 6)", condition, v, v, v)
	}
	count := func(condition string) string { return fmt.Sprintf("toInt64(%s)", condition) }
	return []string{
		decimal(c.counted+" AND "+success, weight, value) + " AS numerator",
		decimal(c.counted, weight) + " AS denominator",
		decimal(c.counted, weight, value, value) + " AS squares",
		decimal(c.counted, weight, weight) + " AS weights",
		count(c.counted) + " AS n",
		count(c.pending) + " AS pending",
		count(c.excluded) + " AS excluded_n",
		count(c.unknown) + " AS unknown_n",
		count("NOT ("+c.reported+")") + " AS unreported",
	}
}

// terms are the expressions over a row that parts of figures are made of, as columns
// of a query inside, each once: written out wherever they are used, the engine would
// take longer to read a statement than to answer it.
type terms struct {
	columns []string
	names   map[string]string
}

// name gives the column of an expression.
func (t *terms) name(expression string) string {
	name, ok := t.names[expression]
	if !ok {
		if t.names == nil {
			t.names = map[string]string{}
		}
		name = fmt.Sprintf("term_%d", len(t.columns))
		t.names[expression] = name
		t.columns = append(t.columns, expression+" AS "+name)
	}
	return name
}

// named are an indicator and its conditions with the columns for what they say.
func (t *terms) named(ind catalogue.Indicator, c conditions) (catalogue.Indicator, conditions) {
	for _, expression := range []*string{&ind.Value, &ind.Weight, &ind.Censored} {
		if *expression != "" {
			*expression = t.name(at(*expression))
		}
	}
	reported := "(" + c.reported + ")"
	c.reported = t.name(c.reported)
	for _, condition := range []*string{&c.excluded, &c.unknown, &c.pending, &c.counted, &c.success} {
		*condition = t.name(strings.ReplaceAll(*condition, reported, c.reported))
	}
	return ind, c
}

// usesAsOf says whether a statement with the terms needs the parameter as_of.
func (t *terms) usesAsOf() bool {
	return slices.ContainsFunc(t.columns, func(column string) bool { return strings.Contains(column, "{as_of:") })
}

// ofState says that a figure is calculated from the state and not from facts by
// day: what can't be summed, and what gets older without an event.
func ofState(ind catalogue.Indicator) bool { return ind.Kind == catalogue.Percentile || ind.Moves() }

// roles are the populations of an indicator by the name of the part they fill.
func roles(ind catalogue.Indicator) map[string]catalogue.Population {
	if ind.Kind == catalogue.RatioOfCounts {
		return map[string]catalogue.Population{"numerator": ind.Population, "denominator": *ind.Denominator}
	}
	return map[string]catalogue.Population{"unit": ind.Population}
}

// dimension is the SQL of a dimension. The levels of a GB/T 2260 code are 2, 4
// and 6 digits; any other region is a level of its own.
func dimension(name string) string {
	const code = `match(region, '^[0-9]{2}([0-9]{2}){0,2}$')`
	switch name {
	case "region":
		return "if(" + code + ", substring(region, 1, 2), toString(region))"
	case "region4":
		return "if(" + code + ", substring(region, 1, 4), toString(region))"
	case "region6":
		return "toString(region)"
	}
	return "toString(" + name + ")"
}

// bucket is the SQL of the first day of the period that a row's day is in.
func bucket(g calendar.Grain) string {
	switch g {
	case calendar.GrainDay:
		return "day"
	case calendar.GrainWeek:
		return "toMonday(day)"
	case calendar.GrainMonth:
		return "toStartOfMonth(day)"
	case calendar.GrainQuarter:
		return "toStartOfQuarter(day)"
	case calendar.GrainYear:
		return "toStartOfYear(day)"
	}
	return "toDate(0)"
}

// quote writes a string constant of this program or its catalogue.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
