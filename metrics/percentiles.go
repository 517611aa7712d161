package metrics

import (
	"fmt"

	"youzhi/metrics/catalogue"
)

// reached is by how much a survival curve may miss a level that it reaches: the
// error of its arithmetic, far below the step of one unit.
const reached = 1e-9

// percentile gives the place of the percentile of an indicator, named by its terms,
// of the values that meet a condition on columns inside: null if its curve does not reach the level, any
// number if there is no value.
func (c *columns) percentile(ind catalogue.Indicator, condition string) int {
	hours := fmt.Sprintf("toFloat64(assumeNotNull(%s))", ind.Value)
	if ind.Censored == "" {
		return c.add("value", fmt.Sprintf("toNullable(quantileExactInclusiveIf(%v)(%%s, %s))", ind.Level, condition), hours)
	}
	// Kaplan and Meier: what is done and what is censored at one instant, the done
	// comes first, so that both are at risk then. Units that are done at one instant
	// step down one after the other, to where one step of all would lead.
	return c.add("value", fmt.Sprintf(`if((arrayFirstIndex(s -> s <= %[1]v, arrayMap(s -> exp(s), arrayCumSum(arrayMap((unit, risk) -> if(unit.2, 0., log(1 - 1 / risk)),
        arraySort(groupArrayIf(%%[1]s, %[2]s)), arrayReverse(arrayEnumerate(arraySort(groupArrayIf(%%[1]s, %[2]s)))))))) AS %%[1]s_at) = 0,
        NULL, arraySort(groupArrayIf(%%[1]s, %[2]s))[%%[1]s_at].1)`, 1-ind.Level+reached, condition),
		fmt.Sprintf("(%s, ifNull(%s, true))", hours, ind.Censored))
}
