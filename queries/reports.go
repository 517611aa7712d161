package queries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Report is a report as it was made.
type Report struct {
	Kind     string    // month
	Period   string    // label, such as 2026-10
	From     time.Time // Date, the period's first day
	Language string
	// Version counts the reports of one kind, period and language from 1 on.
	Version      uint32
	AsOf, MadeAt time.Time
	// Content is the SHA-256 of all that the report says, in hexadecimal digits.
	Content    string
	Provenance string // JSON
	HTML, PDF  []byte // PDF is empty where there was no browser
}

// ReportEntry is a report without its documents.
type ReportEntry struct {
	Kind       string    `ch:"kind"`
	Period     string    `ch:"period"`
	Language   string    `ch:"language"`
	Version    uint32    `ch:"version"`
	AsOf       time.Time `ch:"as_of"`
	MadeAt     time.Time `ch:"made_at"`
	Content    string    `ch:"content"`
	Provenance string    `ch:"provenance"`
	HTMLBytes  uint64    `ch:"html_bytes"`
	HTMLSHA256 string    `ch:"html_sha256"`
	PDFBytes   uint64    `ch:"pdf_bytes"`
	PDFSHA256  string    `ch:"pdf_sha256"`
}

// Reports lists the reports, the newest period and version first. An empty kind
// or period means all.
func (db *DB) Reports(ctx context.Context, kind, period string, limit int) ([]ReportEntry, error) {
	var out []ReportEntry
	if err := db.Select(ctx, &out, File("report/list"), Params{"kind": kind, "period": period, "limit": uint32(limit)}); err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	for i := range out {
		out[i].AsOf, out[i].MadeAt = out[i].AsOf.UTC(), out[i].MadeAt.UTC()
	}
	return out, nil
}

// RecordReports stores reports, all or none, each as the version that it names.
func (db *DB) RecordReports(ctx context.Context, reports []Report) error {
	err := db.Insert(ctx, "reports", "kind, period, period_from, language, version, as_of, made_at, content, provenance, html, html_sha256, pdf, pdf_sha256", len(reports), func(i int) []any {
		r := &reports[i]
		printed := ""
		if len(r.PDF) > 0 {
			printed = digest(r.PDF)
		}
		return []any{r.Kind, r.Period, r.From, r.Language, r.Version, r.AsOf, r.MadeAt, r.Content, r.Provenance, string(r.HTML), digest(r.HTML), string(r.PDF), printed}
	})
	if err != nil {
		return fmt.Errorf("record reports: %w", err)
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ReportDocument reads one document of a report, "html" or "pdf"; ok is false if
// there is no such report, and the document empty if it was not printed.
func (db *DB) ReportDocument(ctx context.Context, kind, period, language string, version uint32, format string) (document []byte, ok bool, err error) {
	column, known := map[string]string{"html": "html", "pdf": "pdf"}[format]
	if !known {
		return nil, false, fmt.Errorf("read report: format %q: want html or pdf", format)
	}
	err = db.Rows(ctx, "SELECT "+column+` FROM reports
WHERE kind = {kind:String} AND period = {period:String} AND language = {language:String} AND version = {version:UInt32}
ORDER BY made_at
LIMIT 1`, Params{"kind": kind, "period": period, "language": language, "version": version}, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		document, ok = []byte(text), true
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("read report: %w", err)
	}
	return document, ok, nil
}

// EventsUntil counts the different events of a topic that happened up to an
// instant, without those that were sent as a test.
func (db *DB) EventsUntil(ctx context.Context, topic string, asOf time.Time) (uint64, error) {
	table, err := EventsTable(topic)
	if err != nil {
		return 0, err
	}
	return db.count(ctx, "count events", File("report/events_counted"), Params{"table": table, "as_of": Instant(asOf)})
}

// RefusedUntil counts the messages in quarantine that arrived up to an instant.
func (db *DB) RefusedUntil(ctx context.Context, asOf time.Time) (uint64, error) {
	return db.count(ctx, "count refused messages", File("report/refused_counted"), Params{"as_of": Instant(asOf)})
}

func (db *DB) count(ctx context.Context, what, statement string, p Params) (uint64, error) {
	var rows []struct {
		N uint64 `ch:"n"`
	}
	if err := db.Select(ctx, &rows, statement, p); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return rows[0].N, nil
}
