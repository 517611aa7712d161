package page

import "maps"

// The words for one of something, where the plural would be wrong. Chinese has none.
func init() {
	maps.Copy(messagesEn, map[string]string{
		"before.custom.one":        "the %d day before",
		"delays.funnel.left.one":   "Another %d outlet is in the export only.",
		"delays.funnel.others.one": "The other %d outlet",
		"delays.places.others.one": "The other %d place",
		"headline.more.one":        "%d more signal, see the table",
		"part.of_cases.one":        "%s case",
		"part.of_surveys.one":      "%s survey",
		"part.of_tickets.one":      "%s ticket",
		"regions.more.one":         "%d more region",
		"trend.signals.older.one":  "%d earlier signal",
	})
}
