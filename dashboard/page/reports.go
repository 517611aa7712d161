package page

import (
	"fmt"
	"net/url"
	"time"

	"youzhi/metrics/calendar"
)

// Reports is the archive of the reports.
type Reports struct {
	Frame
	Periods []ReportPeriod
	// More says that there are more reports than are listed.
	More bool
	// Listed is the most that are listed.
	Listed int
	// Unavailable says that the archive could not be read.
	Unavailable bool
}

func (*Reports) template() string { return "reports" }

// ReportPeriod is the reports of one kind and period.
type ReportPeriod struct {
	Title   string
	Latest  []ReportLine // one of each language
	Earlier []ReportLine
}

// ReportLine is one report in one language.
type ReportLine struct {
	Language string
	Version  string
	AsOf     string
	Made     string
	HTML     string // URL to read it at
	PDF      string // URL; empty: not printed
	SaveHTML string
	SavePDF  string
	Size     string // of the PDF, or of the HTML where there is none
	Content  string // the first digits of the hash of what it says
	Hash     string // all of them
}

// ReportEntry is what the archive says of one report.
type ReportEntry struct {
	Kind, Period, Language string
	Version                uint32
	AsOf, Made             time.Time
	HTMLBytes, PDFBytes    uint64
	Content                string
}

// ReportPath is where a document of a report is served.
func ReportPath(kind, period, language string, version uint32, format string) string {
	return fmt.Sprintf("/reports/%s/%s/%s/%d.%s", url.PathEscape(kind), url.PathEscape(period), url.PathEscape(language), version, format)
}

// Fill puts the reports, the newest period and version first, into their periods.
func (r *Reports) Fill(entries []ReportEntry) {
	type place struct{ kind, period string }
	at := map[place]int{}
	seen := map[string]bool{}
	for _, e := range entries {
		p := place{e.Kind, e.Period}
		i, ok := at[p]
		if !ok {
			i = len(r.Periods)
			at[p] = i
			r.Periods = append(r.Periods, ReportPeriod{Title: r.title(e)})
		}
		line := r.line(e)
		if name := e.Kind + " " + e.Period + " " + e.Language; !seen[name] {
			seen[name] = true
			r.Periods[i].Latest = append(r.Periods[i].Latest, line)
		} else {
			r.Periods[i].Earlier = append(r.Periods[i].Earlier, line)
		}
	}
}

func (r *Reports) title(e ReportEntry) string {
	name := e.Period
	if p, err := calendar.ParsePeriod(e.Period); err == nil {
		name = r.Lang.Period(p)
	}
	if e.Kind == "month" {
		return r.Lang.T("reports.month", name)
	}
	return name + space + e.Kind
}

func (r *Reports) line(e ReportEntry) ReportLine {
	path := func(format string) string { return ReportPath(e.Kind, e.Period, e.Language, e.Version, format) }
	l := ReportLine{
		Language: r.Lang.Word("reports.lang", e.Language), Version: r.Lang.T("reports.version", e.Version),
		AsOf: Minute(e.AsOf), Made: Minute(e.Made), HTML: path("html"), SaveHTML: path("html") + "?save=1",
		Size: bytesText(e.HTMLBytes), Content: e.Content[:min(12, len(e.Content))], Hash: e.Content,
	}
	if e.PDFBytes > 0 {
		l.PDF, l.SavePDF, l.Size = path("pdf"), path("pdf")+"?save=1", bytesText(e.PDFBytes)
	}
	return l
}

// bytesText writes a size in kB or MB.
func bytesText(n uint64) string {
	if n < 1_000_000 {
		return number(float64(n)/1000, 0) + space + "kB"
	}
	return number(float64(n)/1_000_000, 1) + space + "MB"
}
