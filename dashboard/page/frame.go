package page

import (
	"time"

	"youzhi/metrics/calendar"
)

// Frame is what every page has around its content.
type Frame struct {
	Lang  Language
	Title string
	// Path is the page's own path, without query.
	Path  string
	Scope Scope
	// Query are the parameters of the page besides its scope, as pairs.
	Query []string
	// Bar is nil where nothing can be chosen, as on a page about a fault.
	Bar *Bar
	// Section is the entry of the navigation that is lit.
	Section string
	// Export is the URL of the page's figures or rows as CSV; empty: none.
	Export string
	// Made is when the page was made.
	Made time.Time
	// Simulated is nil where nobody said that the data are simulated.
	Simulated *Simulated
}

// MadeAt is when the page was made, in Beijing.
func (f *Frame) MadeAt() string { return Minute(f.Made) }

func (f *Frame) frame() *Frame { return f }

// Tag is the language of the page for browsers.
func (f *Frame) Tag() string { return f.Lang.Tag() }

// Home is the overview in the page's scope.
func (f *Frame) Home() string { return f.URL("/") }

// URL is a path in the page's scope.
func (f *Frame) URL(path string, pairs ...string) string {
	if f.Scope.Period.Len() == 0 {
		return path
	}
	return f.Scope.URL(path, pairs...)
}

// Switch is this page in the other language.
func (f *Frame) Switch() string {
	return f.URL(f.Path, append([]string{"lang", string(f.Lang.Other())}, f.Query...)...)
}

// Entry is one place of the navigation.
type Entry struct {
	Text, Href string
	On         bool
}

// Navigation are the places to go.
func (f *Frame) Navigation() []Entry {
	var out []Entry
	for _, e := range []struct{ section, path string }{
		{"overview", "/"}, {"delays", DelaysPath}, {"improvements", ImprovementsPath}, {"cases", "/cases"}, {"tickets", "/tickets"}, {"surveys", "/surveys"}, {"reports", "/reports"}, {"data", "/data"}, {"definitions", "/definitions"},
	} {
		out = append(out, Entry{Text: f.Lang.T("nav." + e.section), Href: f.URL(e.path), On: e.section == f.Section})
	}
	return out
}

// Choice is one option of a select.
type Choice struct {
	Value, Text string
	On          bool
}

// Select is a filter that a person chooses.
type Select struct {
	Name, Text string
	Choices    []Choice
}

// Pair is a parameter that the filters' form keeps.
type Pair struct{ Name, Value string }

// Bar is the top of each page: what is chosen, and how far the data can be trusted.
type Bar struct {
	Selects []Select
	// Custom says that a free span is chosen by its two days.
	Custom         bool
	First, Last    string // first and last day, YYYY-MM-DD
	Previous, Next string // URLs of the periods beside this one
	Keep           []Pair
	Chips          []Chip // further filters in force
	AsOf           string // instant of a past as_of; empty: now
	Now            string // URL without as_of
	Fresh          Fresh
	PeriodText     string
}

// Fixed takes the filters away, on a page that they would not change.
func (b *Bar) Fixed() { b.Selects, b.Chips = nil, nil }

// Chip is a filter in force and the URL that takes it away.
type Chip struct{ Text, Remove string }

// Fresh says how far the data can be trusted.
type Fresh struct {
	// Unavailable says that it could not be told.
	Unavailable bool
	// Empty says that nothing was ever calculated.
	Empty bool
	// AsOf is the instant up to which the figures are calculated.
	AsOf string
	Lag  string
	Late bool // the lag is longer than it should be
	// Newest is the newest event's instant, where it is more than a day before AsOf.
	Newest string
	// Books says whether the books add up, in words; Bad if they don't.
	Books string
	Bad   bool
	// Silent says how many sources have fallen silent; empty: none.
	Silent string
	// Gone says that the log lost offsets, or a topic, before they were read;
	// empty: not lately.
	Gone string
	Href string
	// Refused says of which topics too many messages go to quarantine; empty: none.
	Refused, RefusedHref string
}

// Standing is what is known about the data, for Fresh.
type Standing struct {
	AsOf   time.Time // zero: nothing was calculated yet
	Newest time.Time // zero: no event
	// Reconciled is when the books were last looked at; zero: never.
	Reconciled time.Time
	Missing    int64
	// Silent is how many sources have fallen silent.
	Silent int
	// Incidents is how many incidents of the log were found lately, and Gone how
	// many offsets were lost by them.
	Incidents int
	Gone      int64
	// Refused are the topics of which too many messages go to quarantine.
	Refused []Share
	Err     error
}

// lagLimit is how old the figures may be before the page says so loudly.
const lagLimit = 2 * time.Minute

// FreshOf puts what is known about the data into words.
func FreshOf(l Language, s Standing, now time.Time, href string) Fresh {
	f := Fresh{Href: href}
	if s.Err != nil {
		f.Unavailable = true
		return f
	}
	if s.AsOf.IsZero() {
		f.Empty = true
	} else {
		f.AsOf = Short(s.AsOf, now)
		f.Lag = l.Span(now.Sub(s.AsOf))
		f.Late = now.Sub(s.AsOf) > lagLimit
		if !s.Newest.IsZero() && s.AsOf.Sub(s.Newest) > 24*time.Hour {
			f.Newest = calendar.DayOf(s.Newest).String()
		}
	}
	if s.Silent > 0 {
		f.Silent = l.T("fresh.silent", s.Silent)
	}
	for i, share := range s.Refused {
		if i > 0 {
			f.Refused += " · "
		}
		f.Refused += l.T("fresh.quarantine", share.Text, share.Percent)
		f.RefusedHref = QuarantinePath
	}
	switch {
	case s.Gone > 0:
		f.Gone = l.T("fresh.gone", Count(s.Gone))
	case s.Incidents > 0:
		f.Gone = l.T("fresh.incidents", s.Incidents)
	}
	switch {
	case s.Reconciled.IsZero():
		f.Books = l.T("books.never")
	case s.Missing > 0:
		f.Books, f.Bad = l.T("books.missing", Count(s.Missing)), true
	default:
		f.Books = l.T("books.ok")
	}
	return f
}

// Filters are the values to choose from.
type Filters struct {
	// Extent is the span of days with data; empty: none.
	Extent calendar.Period
	// Values are the values of region, product and channel.
	Values map[string][]string
}

// FilterDimensions have a select in the bar; other filters come by links.
var FilterDimensions = []string{"region", "product", "channel"}

// mostPeriods bounds the periods of a select.
const mostPeriods = 60

// BarOf makes the top of a page. path is where the form leads; keep are
// parameters of the page that a change of filter leaves as they are.
func BarOf(l Language, s Scope, path string, keep []string, have Filters, fresh Fresh) *Bar {
	b := &Bar{Fresh: fresh, PeriodText: l.Dated(s.Period)}
	grain := s.Period.Grain
	grains := Select{Name: "grain", Text: l.T("filter.grain")}
	for _, g := range []calendar.Grain{calendar.GrainDay, calendar.GrainWeek, calendar.GrainMonth, calendar.GrainQuarter, calendar.GrainYear, ""} {
		name := string(g)
		if g == "" {
			name = "custom"
		}
		grains.Choices = append(grains.Choices, Choice{Value: name, Text: l.T("grain." + name), On: g == grain})
	}
	b.Selects = append(b.Selects, grains)
	if grain == "" {
		b.Custom = true
		b.First, b.Last = s.Period.From.String(), (s.Period.To - 1).String()
	} else {
		periods := Select{Name: "period", Text: l.T("filter.period")}
		for _, p := range choosable(grain, have.Extent, s.Period) {
			periods.Choices = append(periods.Choices, Choice{Value: p.Label(), Text: l.Dated(p), On: p == s.Period})
		}
		b.Selects = append(b.Selects, periods)
	}
	for _, d := range FilterDimensions {
		choice := Select{Name: d, Text: l.T("dim." + d)}
		all := l.T("filter.all")
		if d == "region" {
			all = l.T("filter.nation")
		}
		choice.Choices = append(choice.Choices, Choice{Text: all, On: s.Where[d] == ""})
		values := have.Values[d]
		if v := s.Where[d]; v != "" && !has(values, v) {
			values = append(values[:len(values):len(values)], v)
		}
		for _, v := range values {
			choice.Choices = append(choice.Choices, Choice{Value: v, Text: l.Value(d, v), On: s.Where[d] == v})
		}
		b.Selects = append(b.Selects, choice)
	}
	for _, d := range s.filtered() {
		if has(FilterDimensions, d) {
			continue
		}
		v := s.Where[d]
		b.Keep = append(b.Keep, Pair{d, v})
		b.Chips = append(b.Chips, Chip{Text: l.T("dim."+d) + l.T("punctuation.colon") + l.Value(d, v), Remove: s.Without(d).URL(path, keep...)})
	}
	for i := 0; i+1 < len(keep); i += 2 {
		b.Keep = append(b.Keep, Pair{keep[i], keep[i+1]})
	}
	if !s.AsOf.IsZero() {
		b.AsOf = Time(s.AsOf)
		b.Now = s.Now().URL(path, keep...)
		b.Keep = append(b.Keep, Pair{"as_of", s.AsOf.In(calendar.Beijing).Format(time.RFC3339Nano)})
	}
	b.Previous = s.In(s.Period.Previous()).URL(path, keep...)
	b.Next = s.In(s.Period.Next()).URL(path, keep...)
	return b
}

// choosable are the periods to choose from, the newest first: those with data,
// and the chosen one.
func choosable(g calendar.Grain, extent, chosen calendar.Period) []calendar.Period {
	var out []calendar.Period
	if extent.Len() > 0 {
		first := calendar.PeriodOf(g, extent.From)
		for p := calendar.PeriodOf(g, extent.To-1); p.From >= first.From && len(out) < mostPeriods; p = p.Previous() {
			out = append(out, p)
		}
	}
	for _, p := range out {
		if p == chosen {
			return out
		}
	}
	switch {
	case len(out) > 0 && chosen.From > out[0].From:
		return append([]calendar.Period{chosen}, out...)
	default:
		return append(out, chosen)
	}
}
