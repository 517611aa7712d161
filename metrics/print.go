package metrics

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"youzhi/metrics/calendar"
)

// WriteCSV writes figures with a header; a field without data is empty. The
// split's dimensions have a column each.
func WriteCSV(w io.Writer, by []string, figures []Figure) error {
	out := csv.NewWriter(w)
	header := append([]string{"key", "revision", "from", "to", "as_of"}, by...)
	header = append(header, "numerator", "denominator", "pending", "excluded", "unknown", "value", "unit", "lower", "upper", "method", "target", "status")
	rows := [][]string{header}
	for _, f := range figures {
		row := []string{f.Key, strconv.Itoa(f.Revision), f.From.String(), f.To.String(), f.AsOf.Format(time.RFC3339Nano)}
		for _, d := range by {
			row = append(row, f.By[d])
		}
		var lower, upper, method string
		if f.Interval != nil {
			lower, upper, method = number(&f.Interval.Lower), number(&f.Interval.Upper), f.Interval.Method
		}
		rows = append(rows, append(row, number(f.Numerator), number(f.Denominator), whole(f.Pending), whole(f.Excluded), whole(f.Unknown),
			number(f.Value), f.Unit, lower, upper, method, number(f.Target), string(f.Status)))
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

// WriteTable writes figures for a person at a terminal, values to six places.
func WriteTable(w io.Writer, figures []Figure) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(out, strings.Join(cells, "\t")) }
	line("INDICATOR", "FROM", "TO", "BY", "NUMERATOR", "DENOMINATOR", "VALUE", "95 %", "TARGET", "STATUS", "PENDING", "EXCLUDED", "UNKNOWN")
	for _, f := range figures {
		var by []string
		for _, d := range slices.Sorted(maps.Keys(f.By)) {
			by = append(by, d+"="+f.By[d])
		}
		value, interval := "no data", ""
		if f.Value != nil {
			value = strconv.FormatFloat(*f.Value, 'f', 6, 64)
		}
		if f.Interval != nil {
			interval = fmt.Sprintf("%.6f to %.6f", f.Interval.Lower, f.Interval.Upper)
		}
		line(f.Key, f.From.String(), f.To.String(), strings.Join(by, " "), number(f.Numerator), number(f.Denominator), value, interval,
			number(f.Target), string(f.Status), whole(f.Pending), whole(f.Excluded), whole(f.Unknown))
	}
	if len(figures) > 0 {
		_, _ = fmt.Fprintf(out, "\nas of %s Beijing\n", figures[0].AsOf.In(calendar.Beijing).Format("2006-01-02 15:04:05"))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func whole(v *int64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatInt(*v, 10)
}
