package stats

import "slices"

// Measure is what an indicator's value is, as far as it decides on the chart (STATISTICS.md 22).
type Measure string

// The measures.
const (
	// MeasureRate is a share of counted units.
	MeasureRate Measure = "rate"
	// MeasurePerVolume are events per volume, of which one unit can have several: complaints per 10,000 cases.
	MeasurePerVolume Measure = "per_volume"
	// MeasureRare are the days between rare events.
	MeasureRare Measure = "rare"
	// MeasureValue is any other number: a mean, gap, NPS, percentile, ready-made percentage, composite score or backlog.
	MeasureValue Measure = "value"
)

// PrimeDenominator is the median denominator of the baseline from which sampling explains too little of the variation
// between periods, so that the limits have to take it from the series itself.
const PrimeDenominator = 1000

// Choice is the chart for a measure, or why there is none.
type Choice struct {
	Kind   Kind
	Reason Reason
}

// Choose returns the chart for a measure by its baseline (STATISTICS.md 22). Rates and counts per volume get p′ and u′ at
// a median denominator of 1,000 or more, else p and u, and none if fewer than five events, or non-events of a rate, are
// expected in the median period: then a longer period is wanted, or for rare events a t chart. Everything else gets an
// XmR chart. A volume is counted in its units (98,000 cases), not in the displayed ones.
func Choose(measure Measure, baseline []Observation) Choice {
	var prime, plain Kind
	switch measure {
	case MeasureValue:
		return Choice{Kind: KindXmR}
	case MeasureRare:
		return Choice{Kind: KindT}
	case MeasureRate:
		prime, plain = KindPPrime, KindP
	case MeasurePerVolume:
		prime, plain = KindUPrime, KindU
	default:
		return Choice{Reason: ReasonNoChartWanted}
	}
	var dens []float64
	var num, den float64
	for _, o := range baseline {
		if o.Missing || o.Unfinished || !(o.Denominator > 0) {
			continue
		}
		dens = append(dens, o.Denominator)
		num += o.Numerator
		den += o.Denominator
	}
	if len(dens) == 0 {
		return Choice{Reason: ReasonNoData}
	}
	slices.Sort(dens)
	median := quantileSorted(dens, 0.5)
	switch {
	case num == 0 || measure == MeasureRate && num == den:
		// Nothing or everything happened in all of it; the chart says that there is no variation.
	case !enoughExpected(num/den, median, measure == MeasureRate):
		return Choice{Reason: ReasonFewExpected}
	}
	if median >= PrimeDenominator {
		return Choice{Kind: prime}
	}
	return Choice{Kind: plain}
}
