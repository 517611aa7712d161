package page

import (
	"strconv"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/catalogue"
)

// Rows is the list behind a part of a figure.
type Rows struct {
	Frame
	// Heading names the figure, Part the part of it.
	Heading, Part, Help string
	Href                string // the indicator
	// Count is the part's number, as the figure has it; empty if it could not be told.
	Count, CountRaw string
	// Base is what is listed: cases, tickets, surveys.
	Base string
	// Parts are the other lists of the figure.
	Parts []Entry
	// Timed lists have a deadline, Scored ones a value, Reasoned ones a reason.
	Timed, Scored, Reasoned bool
	// Delayed lists say why each case is late; Narrowed says to what the list is
	// narrowed.
	Delayed  bool
	Narrowed []string
	Rows     []Row
	First    string // URL of the first page, on the others
	Next     string // URL of the next page; empty on the last
}

func (*Rows) template() string { return "rows" }

// Narrow says that the list is the n cases of a cell of the delays.
func (r *Rows) Narrow(delay map[string]string, n int64) {
	l := r.Lang
	r.Delayed, r.Count, r.CountRaw, r.Help = true, Count(n), strconv.FormatInt(n, 10), ""
	r.Href = r.Scope.URL(DelaysPath)
	for _, name := range metrics.DelayNames {
		v, ok := delay[name]
		if !ok {
			continue
		}
		switch name {
		case metrics.DelayLateness:
			v = l.Word("delays.ladder", v)
		case metrics.DelayCause, metrics.DelayStep:
			v = l.Cause(v)
		case metrics.DelayPlace:
			v = l.Place(v)
		case metrics.DelayWeekday:
			v = l.Word("weekday", v)
		case metrics.DelayHour:
			v += ":00"
		}
		r.Narrowed = append(r.Narrowed, l.T("delays.by."+name)+l.T("punctuation.colon")+v)
	}
}

// Row is one case, ticket or survey in a list.
type Row struct {
	Subject Link
	Day     string
	Due     string
	Done    string
	Verdict string
	Class   string
	Region, Outlet, Product,
	Channel, State, Outcome string
	Value  string
	Reason string
	Flags  []string
	// Cause, Place and Over are those of a late case in a list of delays.
	Cause, Place, Over string
}

// RowsOf makes rows of a list ready to be shown.
func RowsOf(l Language, ind catalogue.Indicator, asOf time.Time, rows []metrics.Row) []Row {
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		row := rowOf(l, r)
		if r.DueAt != nil && r.Reason == "" {
			row.Verdict, row.Class = l.verdict(r.DueAt, r.DoneAt, asOf)
			if r.DoneAt == nil && row.Class == "missed" {
				// A list does not say whether the unit is still open or came to another end.
				row.Verdict = l.T("verdict.not_done")
			}
		}
		if r.Value != nil {
			row.Value = Amount(ind.Unit, *r.Value)
		}
		if r.Cause != "" {
			row.Cause, row.Place = l.Cause(r.Cause), l.Place(r.Place)
		}
		if r.OverHours != nil {
			row.Over = l.overHours(*r.OverHours)
		}
		out = append(out, row)
	}
	return out
}

func rowOf(l Language, r metrics.Row) Row {
	row := Row{
		Subject: Link{Text: r.Subject, Href: SubjectPath(r.Base, r.Subject)},
		Day:     r.Day.String(), Due: instant(r.DueAt), Done: instant(r.DoneAt),
		Region: l.Value("region", r.Region), Outlet: l.Value("outlet", r.Outlet), Product: l.Value("product", r.Product), Channel: l.Value("channel", r.Channel),
		State: l.Word("state", r.State), Outcome: l.Word("outcome", r.Outcome), Reason: l.Word("reason", r.Reason),
	}
	for _, f := range r.Flags {
		row.Flags = append(row.Flags, l.Word("flag", f))
	}
	return row
}

// verdict says in a word how a clock ended: in time, late, or still open.
func (l Language) verdict(due, done *time.Time, asOf time.Time) (word, class string) {
	switch {
	case done != nil && !done.After(*due):
		return l.T("verdict.in_time"), "met"
	case done != nil:
		return l.T("verdict.late", l.lateness(done.Sub(*due))), "missed"
	case !asOf.IsZero() && asOf.After(*due):
		return l.T("verdict.overdue", l.lateness(asOf.Sub(*due))), "missed"
	}
	return l.T("verdict.open"), "near"
}

// lateness writes how late something is: as a length of steps, or in minutes or
// seconds if it is below two hours.
func (l Language) lateness(d time.Duration) string {
	if d < 2*time.Hour {
		return l.Span(d)
	}
	return l.overHours(d.Hours())
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return Time(*t)
}

// Subjects is the list of all cases, tickets or surveys of a period.
type Subjects struct {
	Frame
	Base  string // cases, tickets, surveys
	Count string
	// Find is what was looked for; a list that is found is not bound to the period.
	Find  string
	Rows  []Row
	First string
	Next  string
	Empty bool
	// Last leads to the last period with data, where this one has none.
	Last, LastText string
}

func (*Subjects) template() string { return "subjects" }

// Lead says what the list is.
func (s *Subjects) Lead() string { return s.Lang.T("subjects.lead." + s.Base) }

// SubjectRows makes rows of the state ready to be shown.
func SubjectRows(l Language, rows []metrics.Row) []Row {
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		out = append(out, rowOf(l, r))
	}
	return out
}
