package report

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/sentence"
	"youzhi/metrics/stats"
)

//go:embed month.html month.css
var files embed.FS

// document is the month ready to be set: all texts as they are read.
type document struct {
	Language     sentence.Language
	Title        string
	Period       string
	AsOf         string // with the words around it
	Instant      string // the same alone
	Headline     string
	Sentences    []line
	More         string
	Tally        string
	Leading      []panel
	Picture      float64 // the height of the trends, in points
	Backlogs     []backlog
	Rows         []row
	Without      []string // titles of those without a data source, where the table has no room for all
	Left         int      // indicators that the table has no room for
	Setting      setting  // how close the rows of the table stand
	Span         string   // the period's days
	Events       []string
	Refused      string
	Definitions  string
	Revisions    []string
	Hash         string
	Again        []string // the command that makes the same again, in parts
	BacklogTitle string
	Style        template.CSS
}

// line is a sentence of the headline with what it means.
type line struct{ Text, Class string }

// panel is one of the leading indicators with its trend.
type panel struct {
	row
	Picture template.HTML // SVG, or empty
	How     string        // how the trend is judged
}

// row is one indicator.
type row struct {
	Key, Chapter, Title string
	FirstOfChapter      bool
	Value, Unit         string // Value is a dash without data
	Goal, Sample        string
	Arrow, Change       string
	Variation           icon
	Assurance           icon
	Status, Class       string
}

// icon is a letter in a ring and what it says; hidden without Word.
type icon struct {
	Letter string // empty in a shown icon: common variation, a wave
	Word   string
	Class  string
	Name   string // the whole meaning, also why there is none
}

// backlog is one time limit.
type backlog struct {
	Base     string // empty unless it is the first of its base
	Title    string
	NoSource bool
	Cells    []cell
}

type cell struct {
	Text  string
	Late  bool
	First bool // of those by age
}

// leadingOnes is how many indicators the first sheet shows with their trends.
const leadingOnes = 4

// pixel is how many CSS pixels make a point.
const pixel = 96.0 / 72

const dash = "—"

// Document sets the month in a language: a self-contained HTML document of two
// sheets, without script, that asks for nothing from elsewhere.
func (m *Maker) Document(ctx context.Context, month *Month, language sentence.Language) ([]byte, error) {
	if _, ok := words[language]; !ok {
		return nil, fmt.Errorf("report of %s: no language %q", month.Period.Label(), language)
	}
	d, err := m.document(ctx, month, language)
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	parsed, err := template.New("month.html").Funcs(template.FuncMap{
		"t": func(key string, args ...any) string { return say(language, key, args...) },
	}).ParseFS(files, "month.html")
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	style, err := files.ReadFile("month.css")
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	// Set once without the typeface, to know which characters it needs.
	d.Style = template.CSS(style)
	var bare bytes.Buffer
	if err := parsed.Execute(&bare, d); err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	faces, err := m.o.Typeface(bare.String())
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	d.Style = template.CSS(faces + string(style))
	var out bytes.Buffer
	if err := parsed.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("report of %s: %w", month.Period.Label(), err)
	}
	return out.Bytes(), nil
}

func (m *Maker) document(ctx context.Context, month *Month, language sentence.Language) (*document, error) {
	v := sentence.Voice{Language: language, Catalogue: m.o.Catalogue, Name: func(dimension, value string) string {
		return m.o.Name(language, dimension, value)
	}}
	hash, err := month.Hash()
	if err != nil {
		return nil, err
	}
	asOf := month.AsOf.In(calendar.Beijing).Format("2006-01-02 15:04:05")
	asOf = strings.TrimSuffix(asOf, ":00")
	d := &document{
		Language: language, Period: v.Period(month.Period), AsOf: say(language, "as_of", asOf), Instant: asOf, Tally: v.Tally(month.Figures),
		Span:        month.Period.Label() + say(language, "brackets", month.Period.From.String()+"–"+(month.Period.To-1).String()),
		Definitions: definitions(language, month.Definitions), Hash: hash, BacklogTitle: say(language, "backlog.lead", asOf),
		Again: []string{
			"youzhi report monthly", "--period " + month.Period.Label(), "--as-of " + month.AsOf.In(calendar.Beijing).Format(time.RFC3339Nano),
			"--language " + string(language), "--out report.pdf",
		},
	}
	d.Title = say(language, "title", d.Period)
	leading := metrics.Leading(leadingOnes, m.o.Catalogue.All(), month.Figures, trendFigures(month.Trends))
	headline := v.Headline(month.Period, month.Figures, append(importantFirst(month.Trends, leading), month.Places...))
	d.Headline = headline.Line
	for _, s := range headline.Sentences {
		class := string(s.Direction)
		if s.Direction == "" {
			class = string(stats.DirectionConcern)
		}
		d.Sentences = append(d.Sentences, line{s.Text, class})
	}
	if headline.More > 0 {
		d.More = say(language, "more", headline.More)
	}
	rows := m.rows(v, month)
	var trends []metrics.Trend // of the leading indicators
	for _, ind := range leading {
		i := slices.IndexFunc(rows, func(r row) bool { return r.Key == ind.Key })
		if i < 0 {
			continue
		}
		p := panel{row: rows[i]}
		t, ok := trendOf(month.Trends, ind.Key)
		if ok && drawable(t) {
			p.How = v.Chart(t)
		}
		d.Leading = append(d.Leading, p)
		trends = append(trends, t)
	}
	d.Backlogs = backlogs(v, month.Backlogs)
	d.Picture = d.pictureHeight()
	if !slices.ContainsFunc(trends, drawable) {
		d.Picture = leastPicture
	}
	for i, t := range trends {
		ind, ok := m.o.Catalogue.Get(t.Key)
		if !ok || !drawable(t) {
			continue
		}
		svg, err := m.picture(ctx, v, ind, t, int(d.Picture*pixel))
		if err != nil {
			return nil, err
		}
		// The picture is ECharts' own, with the labels escaped.
		d.Leading[i].Picture = template.HTML(svg)
	}
	d.Revisions = revisions(language, month.Figures)
	for _, c := range month.Events {
		d.Events = append(d.Events, say(language, "topic."+c.Topic)+" "+sentence.Count(int64(c.N)))
	}
	if month.Refused > 0 {
		d.Refused = say(language, "source.refused", sentence.Count(int64(month.Refused)))
	}
	d.fill(rows)
	return d, nil
}

// trendFigures are the figures of all trends.
func trendFigures(trends []metrics.Trend) []metrics.Figure {
	var out []metrics.Figure
	for _, t := range trends {
		out = append(out, t.Figures...)
	}
	return out
}

// importantFirst puts the trends of the leading indicators before the others,
// which is the order that a headline speaks in.
func importantFirst(trends []metrics.Trend, leading []catalogue.Indicator) []metrics.Trend {
	rank := func(t metrics.Trend) int {
		if i := slices.IndexFunc(leading, func(ind catalogue.Indicator) bool { return ind.Key == t.Key }); i >= 0 {
			return i
		}
		return len(leading)
	}
	out := slices.Clone(trends)
	slices.SortStableFunc(out, func(a, b metrics.Trend) int { return rank(a) - rank(b) })
	return out
}

// rows are all indicators, in the order of the catalogue.
func (m *Maker) rows(v sentence.Voice, month *Month) []row {
	before := map[string]metrics.Figure{}
	for _, f := range month.Before {
		before[f.Key] = f
	}
	var out []row
	for _, f := range month.Figures {
		ind, ok := m.o.Catalogue.Get(f.Key)
		if !ok {
			continue
		}
		r := row{
			Key: f.Key, Chapter: ind.Chapter, Title: v.Title(f.Key), Value: dash, Goal: v.Goal(f), Sample: v.Sample(f),
			Status: say(v.Language, "status."+string(f.Status)), Class: string(f.Status),
		}
		if f.Value != nil {
			r.Value = sentence.Plain(ind.Unit, *f.Value)
			r.Unit = strings.TrimSpace(strings.TrimPrefix(v.Amount(ind.Unit, *f.Value), r.Value))
		}
		if b, ok := before[f.Key]; ok {
			r.Arrow, r.Change = v.Change(ind.Unit, b.Value, f.Value)
		}
		if t, ok := trendOf(month.Trends, f.Key); ok {
			r.Variation, r.Assurance = variation(v, t), assurance(v, t)
			// One reason is enough for both.
			if r.Variation.Word == "" && r.Assurance.Word == "" && r.Variation.Name == r.Assurance.Name {
				r.Assurance.Name = ""
			}
		}
		out = append(out, r)
	}
	return out
}

// variation is the icon of a trend's latest month.
func variation(v sentence.Voice, t metrics.Trend) icon {
	if len(t.Figures) == 0 && t.Variation.Hidden != stats.ReasonNoChartWanted {
		return icon{}
	}
	i := icon{Name: say(v.Language, "hidden."+string(t.Variation.Hidden))}
	if t.Variation.Shown() {
		i.Name, i.Letter, i.Class = v.Variation(t), t.Variation.Letter(), string(t.Variation.Direction)
		i.Word = say(v.Language, "variation."+string(t.Variation.Direction))
	}
	return i
}

// assurance is the icon of what a process can be expected to do about its target.
func assurance(v sentence.Voice, t metrics.Trend) icon {
	if len(t.Figures) == 0 {
		return icon{}
	}
	i := icon{Name: say(v.Language, "hidden."+string(t.Assurance.Hidden))}
	if t.Assurance.Shown() {
		i.Name, i.Letter, i.Class = v.Assurance(t), t.Assurance.Assurance.Letter(), string(t.Assurance.Assurance)
		i.Word = say(v.Language, "assurance."+string(t.Assurance.Assurance))
	}
	return i
}

// backlogs are the time limits with what is open under them.
func backlogs(v sentence.Voice, all []metrics.Backlog) []backlog {
	var out []backlog
	last := ""
	for _, b := range all {
		title := v.Title(b.Key)
		if _, ok := words[v.Language]["clock."+b.Anchor]; ok {
			title = say(v.Language, "clock."+b.Anchor)
		}
		row := backlog{Title: title, NoSource: b.NoSource}
		if b.Base != last {
			row.Base, last = say(v.Language, "base."+b.Base), b.Base
		}
		for i, n := range []int64{b.Open, b.DueSoon, b.Overdue, b.Ageing[0], b.Ageing[1], b.Ageing[2], b.Ageing[3], b.Waiting} {
			row.Cells = append(row.Cells, cell{sentence.Count(n), i == 2 && n > 0, i == 3})
		}
		out = append(out, row)
	}
	return out
}

// definitions names the versions of policy, calendar and catalogue.
func definitions(l sentence.Language, versions string) string {
	of := strings.Fields(versions)
	if len(of) != 3 {
		return versions
	}
	return say(l, "source.definitions.of", of[0], of[1], of[2])
}

// revisions says which definitions of the indicators the figures come from: those
// of most of them in one word, the others by name.
func revisions(l sentence.Language, figures []metrics.Figure) []string {
	of := map[int][]string{}
	for _, f := range figures {
		of[f.Revision] = append(of[f.Revision], f.Key)
	}
	numbers := slices.Sorted(maps.Keys(of))
	if len(numbers) == 1 {
		return []string{say(l, "source.revision.all", len(figures), numbers[0])}
	}
	var out []string
	for _, n := range numbers {
		what := strings.Join(of[n], ", ")
		if len(of[n]) > 4 {
			what = fmt.Sprintf("%s … (%d)", of[n][0], len(of[n]))
		}
		out = append(out, say(l, "source.revision", n, what))
	}
	return out
}
