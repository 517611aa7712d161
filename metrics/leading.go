package metrics

import (
	"slices"

	"youzhi/metrics/catalogue"
)

// leading are the indicators that stand for all, the most telling first.
var leading = []string{
	"on_time_delivery_rate", "complaint_rate_p10k", "complaint_accept_24h_rate", "satisfaction_score_100",
	"ticket_on_time_rate", "satisfaction_top2_rate", "complaint_feedback_15wd_rate", "overdue_open_cases",
}

// LeadingRank orders indicators: those that stand for all in their order, then the
// others, all alike.
func LeadingRank(key string) int {
	if i := slices.Index(leading, key); i >= 0 {
		return i
	}
	return len(leading)
}

// Leading are n of the indicators that stand for all, on a first page or a report:
// those that have a value in any of the figures first, so that an office without
// parcels sees what it has.
func Leading(n int, indicators []catalogue.Indicator, figures ...[]Figure) []catalogue.Indicator {
	have, data := map[string]catalogue.Indicator{}, map[string]bool{}
	for _, ind := range indicators {
		have[ind.Key] = ind
	}
	for _, fs := range figures {
		for _, f := range fs {
			// The state at as_of has a value in every period: it says nothing of this one.
			if f.Value != nil && have[f.Key].Window != catalogue.Snap {
				data[f.Key] = true
			}
		}
	}
	var with, without []catalogue.Indicator
	for _, key := range leading {
		ind, ok := have[key]
		switch {
		case !ok:
		case data[key]:
			with = append(with, ind)
		default:
			without = append(without, ind)
		}
	}
	all := append(with, without...)
	return all[:min(n, len(all))]
}
