package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"youzhi/jobs/schedule"
	"youzhi/metrics/calendar"
	"youzhi/metrics/sentence"
)

// Order is a report that a person asks for.
type Order struct {
	Period   calendar.Period
	Language sentence.Language
	// AsOf is zero for the instant at which the report is due, or Now where that is
	// still to come.
	AsOf, Now time.Time
	// File is where to write it; its ending, .pdf or .html, says as what.
	File string
}

// ParseOrder reads an order as the command line writes it: a month YYYY-MM, or
// empty for the last complete one; asOf is RFC 3339 with an offset, or empty.
func ParseOrder(period, language, asOf, file string, now time.Time) (Order, error) {
	o := Order{Language: sentence.Language(language), Now: now, File: file, Period: calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(now)).Previous()}
	var faults []error
	if period != "" {
		p, err := calendar.ParsePeriod(period)
		if err != nil || p.Grain != calendar.GrainMonth {
			err = fmt.Errorf("--period %q: want a month YYYY-MM", period)
		}
		faults, o.Period = append(faults, err), p
	}
	if !slices.Contains(Languages, o.Language) {
		faults = append(faults, fmt.Errorf("--language %q: want zh or en", language))
	}
	if asOf != "" {
		at, err := time.Parse(time.RFC3339, asOf)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("--as-of %q: want RFC 3339 with an offset, as 2026-11-02T08:00:00+08:00", asOf))
		case at.After(now):
			faults = append(faults, fmt.Errorf("--as-of %q: lies in the future", asOf))
		}
		o.AsOf = at
	}
	if ext := filepath.Ext(file); ext != ".pdf" && ext != ".html" {
		faults = append(faults, fmt.Errorf("--out %q: want a name that ends in .pdf or .html", file))
	}
	if err := errors.Join(faults...); err != nil {
		return Order{}, fmt.Errorf("report: %w", err)
	}
	return o, nil
}

// asOf is the instant to make an order for. due is when reports are due.
func (o Order) asOf(due schedule.Schedule) time.Time {
	if !o.AsOf.IsZero() {
		return o.AsOf
	}
	// The first instant that lies in the next month, or later.
	if at := due.Next(o.Period.End().Add(-time.Nanosecond)); !at.IsZero() && at.Before(o.Now) {
		return at
	}
	return o.Now
}

// WriteFile makes what was ordered and writes it. Where there is no browser to
// print a PDF, the same document is written as HTML beside it: its name is given,
// and the error says why.
func (m *Maker) WriteFile(ctx context.Context, o Order, due schedule.Schedule) (name string, err error) {
	asOf := o.asOf(due)
	pdf := filepath.Ext(o.File) == ".pdf"
	document, err := m.Make(ctx, o.Period, asOf, o.Language, pdf)
	name = o.File
	unprinted := err
	if errors.Is(err, ErrNoBrowser) {
		name = strings.TrimSuffix(o.File, ".pdf") + ".html"
		document, err = m.Make(ctx, o.Period, asOf, o.Language, false)
	}
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(name, document, 0o644); err != nil {
		return "", fmt.Errorf("write report: %w", err)
	}
	if unprinted != nil {
		return name, fmt.Errorf("%s was not made: %w; the report is in %s", o.File, unprinted, name)
	}
	return name, nil
}
