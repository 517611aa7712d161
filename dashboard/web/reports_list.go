package web

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/queries"
)

// mostReports bounds the list of the archive: twenty years of months in two
// languages.
const mostReports = 480

// reportsList is the archive of the reports.
func (s *Server) reportsList(c *fiber.Ctx) error {
	o, err := s.open(c)
	if err != nil {
		return err
	}
	v := &page.Reports{Frame: s.frame(o, "reports", o.lang.T("reports.title"), "/reports", ""), Listed: mostReports}
	v.Bar.Fixed()
	entries, err := s.o.DB.Reports(c.UserContext(), "", "", mostReports+1)
	if v.Unavailable = s.failed(c, "reports", err); v.Unavailable {
		return s.send(c, v)
	}
	if v.More = len(entries) > mostReports; v.More {
		entries = entries[:mostReports]
	}
	shown := make([]page.ReportEntry, len(entries))
	for i, e := range entries {
		shown[i] = page.ReportEntry{
			Kind: e.Kind, Period: e.Period, Language: e.Language, Version: e.Version,
			AsOf: e.AsOf, Made: e.MadeAt, HTMLBytes: e.HTMLBytes, PDFBytes: e.PDFBytes, Content: e.Content,
		}
	}
	v.Fill(shown)
	return s.send(c, v)
}

// reportPolicy is for a report as HTML. Its style and typeface are part of it,
// and it may do nothing else: no script, no address, no form.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// printedPolicy is for a report as PDF, which browsers show by a viewer of their own.
const printedPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"

// reportShow serves a document of the archive, to be read or, with save=1, kept.
func (s *Server) reportShow(c *fiber.Ctx) error {
	params, err := parse(c, "save")
	if err != nil {
		return err
	}
	if v := params["save"]; v != "" && v != "1" {
		return &badParameter{"save", "want 1"}
	}
	var part [3]string
	for i, name := range []string{"kind", "period", "language"} {
		if part[i], err = pathText(c, name); err != nil {
			return err
		}
	}
	file, err := pathText(c, "file")
	if err != nil {
		return err
	}
	number, format, _ := strings.Cut(file, ".")
	version, err := strconv.ParseUint(number, 10, 32)
	if err != nil || format != "html" && format != "pdf" {
		return &notFound{key: "fault.report"}
	}
	body, ok, err := s.o.DB.ReportDocument(c.UserContext(), part[0], part[1], part[2], uint32(version), format)
	switch {
	case err != nil:
		return err
	case !ok:
		return &notFound{key: "fault.report"}
	case len(body) == 0:
		return &notFound{key: "fault.report.pdf"}
	}
	kind, policy := "text/html; charset=utf-8", reportPolicy
	if format == "pdf" {
		kind, policy = "application/pdf", printedPolicy
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	disposition := "inline"
	if params["save"] != "" {
		disposition = "attachment"
	}
	// The parts are those of a stored report, which names them in letters and digits.
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`%s; filename="youzhi-%s-%s-%s-v%d.%s"`, disposition, part[0], part[1], part[2], version, format))
	return c.Send(body)
}

// apiReport is a report of the archive for programs.
type apiReport struct {
	Kind       string          `json:"kind"`
	Period     string          `json:"period"`
	Language   string          `json:"language"`
	Version    uint32          `json:"version"`
	AsOf       time.Time       `json:"as_of"`
	MadeAt     time.Time       `json:"made_at"`
	Content    string          `json:"content_sha256"`
	Provenance json.RawMessage `json:"provenance"`
	HTML       apiDocument     `json:"html"`
	PDF        *apiDocument    `json:"pdf"` // null: not printed
}

type apiDocument struct {
	URL    string `json:"url"`
	Bytes  uint64 `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// apiReports lists the archive, the newest period and version first.
func (s *Server) apiReports(c *fiber.Ctx) error {
	v, err := query(c, "kind", "period", "limit")
	if err != nil {
		return err
	}
	limit, err := parameters{"limit": v.Get("limit")}.count("limit", apiRowsNormal, mostReports)
	if err != nil {
		return err
	}
	entries, err := s.o.DB.Reports(c.UserContext(), v.Get("kind"), v.Get("period"), limit)
	if err != nil {
		return err
	}
	out := make([]apiReport, len(entries))
	for i, e := range entries {
		out[i] = apiReportOf(e)
	}
	return writeJSON(c, map[string]any{"reports": out})
}

func apiReportOf(e queries.ReportEntry) apiReport {
	document := func(format string, bytes uint64, hash string) apiDocument {
		return apiDocument{page.ReportPath(e.Kind, e.Period, e.Language, e.Version, format), bytes, hash}
	}
	out := apiReport{
		Kind: e.Kind, Period: e.Period, Language: e.Language, Version: e.Version, AsOf: e.AsOf, MadeAt: e.MadeAt,
		Content: e.Content, Provenance: json.RawMessage(e.Provenance), HTML: document("html", e.HTMLBytes, e.HTMLSHA256),
	}
	if e.PDFBytes > 0 {
		pdf := document("pdf", e.PDFBytes, e.PDFSHA256)
		out.PDF = &pdf
	}
	return out
}

// apiBacklogs is what is open under each time limit, at as_of or now.
func (s *Server) apiBacklogs(c *fiber.Ctx) error {
	asOf, err := s.askedAsOf(c)
	if err != nil {
		return err
	}
	backlogs, err := s.o.Evaluator.Backlogs(c.UserContext(), asOf)
	if err != nil {
		return err
	}
	return writeJSON(c, map[string]any{"backlogs": backlogs})
}
