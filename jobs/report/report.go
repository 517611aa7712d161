// Package report makes the reports that are read on paper: the managers' month,
// two pages in Chinese and in English, as a self-contained HTML document and, by
// a headless Chromium, as PDF. What was made is kept in the archive as it was.
package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/sentence"
	"youzhi/queries"
)

// Kind names the managers' month in the archive.
const Kind = "month"

// Languages are those that every report is made in.
var Languages = []sentence.Language{sentence.Chinese, sentence.English}

// Options are what reports are made with.
type Options struct {
	DB        *queries.DB
	Evaluator *metrics.Evaluator
	Catalogue *catalogue.Catalogue
	// Definitions names the versions of policy, calendar and catalogue.
	Definitions string
	Charts      *chart.Renderer
	// Name names a value of a dimension, as a region, in a language.
	Name func(l sentence.Language, dimension, value string) string
	// Typeface is the style sheet of the typeface for a text, with its files in it.
	Typeface func(text string) (string, error)
	// Browser finds the Chromium that prints; its error is ErrNoBrowser without one.
	// Nil: [Browser].
	Browser func() (string, error)
	// Now is when a report is made, whatever instant it is made for.
	Now    func() time.Time
	Logger *slog.Logger
}

// Maker makes reports. It is safe for many goroutines.
type Maker struct{ o Options }

// New is inert.
func New(o Options) *Maker {
	if o.Browser == nil {
		o.Browser = Browser
	}
	return &Maker{o}
}

// archived bounds the versions of one period that are looked at.
const archived = 1000

// Run makes the report of the month before an instant, as of it, in each
// language, and keeps it in the archive. Made again, it is kept as a further
// version only if it says something else, or could not be printed before; what
// it says includes the instant that it is made for.
func (m *Maker) Run(ctx context.Context, at time.Time) error {
	period := calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(at)).Previous()
	month, err := m.Month(ctx, period, at)
	if err != nil {
		return err
	}
	hash, err := month.Hash()
	if err != nil {
		return err
	}
	kept, err := m.o.DB.Reports(ctx, Kind, period.Label(), archived)
	if err != nil {
		return fmt.Errorf("report of %s: %w", period.Label(), err)
	}
	browser, err := m.o.Browser()
	if err != nil && !errors.Is(err, ErrNoBrowser) {
		return fmt.Errorf("report of %s: %w", period.Label(), err)
	}
	version, same := uint32(0), false
	if len(kept) > 0 {
		version, same = kept[0].Version, kept[0].Content == hash
	}
	printed := !slices.ContainsFunc(kept, func(r queries.ReportEntry) bool { return r.Version == version && r.PDFBytes == 0 })
	if same && (printed || browser == "") {
		m.o.Logger.InfoContext(ctx, "report is in the archive already", "report", Kind, "period", period.Label(), "version", version)
		return nil
	}
	if browser == "" {
		m.o.Logger.WarnContext(ctx, "report kept as HTML only", "report", Kind, "period", period.Label(), "reason", ErrNoBrowser.Error())
	}
	source, err := month.Provenance()
	if err != nil {
		return err
	}
	var reports []queries.Report
	for _, language := range Languages {
		r := queries.Report{
			Kind: Kind, Period: period.Label(), From: period.From.UTC(), Language: string(language), Version: version + 1,
			AsOf: month.AsOf, MadeAt: m.o.Now().UTC(), Content: hash, Provenance: source,
		}
		if r.HTML, err = m.Document(ctx, month, language); err != nil {
			return err
		}
		if browser != "" {
			if r.PDF, err = Print(ctx, browser, r.HTML, month.AsOf); err != nil {
				return err
			}
		}
		reports = append(reports, r)
	}
	if err := m.o.DB.RecordReports(ctx, reports); err != nil {
		return err
	}
	m.o.Logger.InfoContext(ctx, "report made", "report", Kind, "period", period.Label(), "version", version+1)
	return nil
}

// Make makes the report of a month in one language, as PDF or as HTML. It is not
// kept in the archive.
func (m *Maker) Make(ctx context.Context, period calendar.Period, asOf time.Time, language sentence.Language, pdf bool) ([]byte, error) {
	browser := ""
	if pdf {
		// Before anything is counted, for it costs nothing.
		var err error
		if browser, err = m.o.Browser(); err != nil {
			return nil, err
		}
	}
	month, err := m.Month(ctx, period, asOf)
	if err != nil {
		return nil, err
	}
	document, err := m.Document(ctx, month, language)
	if err != nil || !pdf {
		return document, err
	}
	return Print(ctx, browser, document, month.AsOf)
}
