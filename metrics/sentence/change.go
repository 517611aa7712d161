package sentence

import (
	"math"
	"strings"

	"youzhi/metrics"
	"youzhi/metrics/catalogue"
)

// Change compares two values of a unit: rates in points, scores and times in
// their own unit, counts and counts per volume in percent of the earlier value.
// The arrow is ▲, ▼ or =, and the text has no sign; both are empty where a value
// is missing.
func (v Voice) Change(u catalogue.Unit, before, now *float64) (arrow, text string) {
	if before == nil || now == nil {
		return "", ""
	}
	points, same := "百分点", "持平"
	if v.Language == English {
		points, same = "pp", "unchanged"
	}
	diff := *now - *before
	size := math.Abs(diff)
	arrow = "▲"
	if diff < 0 {
		arrow = "▼"
	}
	switch u {
	case catalogue.Rate:
		decimals := 1
		if *before > 0.98 && *now > 0.98 {
			decimals = 2
		}
		text = Number(size*100, decimals) + space + points
	case catalogue.Points, catalogue.Hours:
		text = Number(size, 1)
		if unit, _ := v.unit(u); unit != "" {
			text += space + unit
		}
	default:
		if *before == 0 {
			text = v.Amount(u, size)
		} else {
			text = Number(size / *before * 100, 1) + space + "%"
		}
	}
	if !strings.ContainsAny(text, "123456789") {
		return "=", same
	}
	return arrow, text
}

// Goal writes what is aimed at, with its direction; empty without a target.
func (v Voice) Goal(f metrics.Figure) string {
	ind, ok := v.indicator(f.Key)
	if !ok || f.Target == nil {
		return ""
	}
	sign := "≥"
	if ind.Better == "down" {
		sign = "≤"
	}
	// A bound that can't be passed is met by equality alone.
	if *f.Target == 1 && ind.Unit == catalogue.Rate || *f.Target == 0 && sign == "≤" {
		sign = ""
	}
	return strings.TrimSpace(sign + space + v.Amount(ind.Unit, *f.Target))
}

// Sample writes the count behind a figure: n of a rate or a mean, both counts of a
// ratio of two; empty without.
func (v Voice) Sample(f metrics.Figure) string {
	ind, ok := v.indicator(f.Key)
	switch {
	case !ok || ind.Kind == catalogue.Count || f.Units == 0:
		return ""
	case ind.Kind == catalogue.RatioOfCounts && f.Numerator != nil && f.Denominator != nil:
		return Sum(*f.Numerator) + " / " + Sum(*f.Denominator)
	}
	return Count(f.Units)
}
