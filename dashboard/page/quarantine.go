package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"youzhi/metrics/calendar"
)

// QuarantinePath is the page of the messages that are no events.
const QuarantinePath = "/quarantine"

// Quarantine is the page of the messages that are no events of the contract. It has
// no byte of them: who may see those has the command line.
type Quarantine struct {
	Frame
	Choice QuarantineChoice
	// Keep is how long bytes are kept, Limit the share above which it is an alarm.
	Keep, Limit string
	Topics      []Choice // of the form
	Codes       []Choice
	Chips       []Chip
	Shares      []Share
	Total       string
	Reasons     []QuarantineGroup
	ByTopic     []QuarantineGroup
	Sources     []QuarantineGroup
	// Looked is how many of the newest messages the sources are counted of, where
	// those are not all.
	Looked string
	Days   *DayBars
	// Undated leads to messages whose record time could not be kept.
	Undated  Link
	Messages []Quarantined
	First    string // URL of the first page, on the others
	Next     string // URL of the next page; empty on the last
	// Failed names the panels that could not be made.
	Failed map[string]bool
}

func (*Quarantine) template() string { return "quarantine" }

// QuarantineChoice is what a reader has chosen. Days are Beijing's, of the time
// that Kafka recorded.
type QuarantineChoice struct {
	Topic, Code, Source string
	Since               calendar.Day
	// Through is the last day; the last there is if Open.
	Through calendar.Day
	Open    bool
}

// URL is the page with this choice, and further parameters as pairs.
func (c QuarantineChoice) URL(f *Frame, pairs ...string) string {
	all := []string{"since", c.Since.String()}
	if !c.Open {
		all = append(all, "through", c.Through.String())
	}
	for _, p := range [][2]string{{"topic", c.Topic}, {"code", c.Code}, {"source", c.Source}} {
		if p[1] != "" {
			all = append(all, p[0], p[1])
		}
	}
	return f.URL(QuarantinePath, append(all, pairs...)...)
}

// Since is the first day, for the form.
func (q *Quarantine) Since() string { return q.Choice.Since.String() }

// Through is the last day, for the form; empty: the last there is.
func (q *Quarantine) Through() string {
	if q.Choice.Open {
		return ""
	}
	return q.Choice.Through.String()
}

// Choose makes the form and the filters in force.
func (q *Quarantine) Choose(topics, codes []string) {
	l := q.Lang
	options := func(chosen, kind string, values []string) []Choice {
		out := []Choice{{Text: l.T("filter.all"), On: chosen == ""}}
		for _, v := range values {
			out = append(out, Choice{Value: v, Text: l.Word(kind, v), On: v == chosen})
		}
		return out
	}
	q.Topics, q.Codes = options(q.Choice.Topic, "topic", topics), options(q.Choice.Code, "code", codes)
	if q.Choice.Source != "" {
		without := q.Choice
		without.Source = ""
		q.Chips = append(q.Chips, Chip{Text: l.T("column.source") + l.T("punctuation.colon") + q.Choice.Source, Remove: without.URL(&q.Frame)})
	}
}

// Share is how much of a topic went to quarantine in the last minutes.
type Share struct {
	Topic, Text           string
	Messages, Quarantined string
	Percent               string
	Alarm                 bool
}

// ShareOf makes a topic's line.
func ShareOf(l Language, topic string, messages, quarantined uint64, ratio float64, alarm bool) Share {
	return Share{
		Topic: topic, Text: l.Word("topic", topic), Messages: Count(int64(messages)), Quarantined: Count(int64(quarantined)),
		Percent: Percent(ratio), Alarm: alarm,
	}
}

// QuarantineGroup is how many messages have something in common.
type QuarantineGroup struct {
	Value, Text, Count string
	// Fix says what to do about it.
	Fix, Href string
}

// Tallied is how many messages of a topic and source have a reason, of a day.
type Tallied struct {
	Topic, Code, Source string
	Day                 calendar.Day
	N                   uint64
}

// mostSources bounds the sources that are named.
const mostSources = 20

// Count fills the panels that count: topics, reasons and days of exact counts,
// sources of the newest messages.
func (q *Quarantine) Count(counts, bySource []Tallied, daily bool) {
	l := q.Lang
	sum := func(of []Tallied, key func(Tallied) string) (out []QuarantineGroup) {
		n := map[string]uint64{}
		for _, t := range of {
			n[key(t)] += t.N
		}
		for _, value := range slices.SortedFunc(maps.Keys(n), func(a, b string) int {
			return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b))
		}) {
			out = append(out, QuarantineGroup{Value: value, Count: Count(int64(n[value]))})
		}
		return out
	}
	var total uint64
	days := map[calendar.Day]uint64{}
	for _, t := range counts {
		total += t.N
		days[t.Day] += t.N
	}
	q.Total = Count(int64(total))
	with := func(change func(*QuarantineChoice)) string {
		c := q.Choice
		change(&c)
		return c.URL(&q.Frame)
	}
	q.Reasons = sum(counts, func(t Tallied) string { return t.Code })
	for i := range q.Reasons {
		r := &q.Reasons[i]
		r.Text, r.Fix = l.Word("code", r.Value), l.Word("fix", r.Value)
		if q.Choice.Code == "" {
			r.Href = with(func(c *QuarantineChoice) { c.Code = r.Value })
		}
	}
	q.ByTopic = sum(counts, func(t Tallied) string { return t.Topic })
	for i := range q.ByTopic {
		r := &q.ByTopic[i]
		r.Text = l.Word("topic", r.Value)
		if q.Choice.Topic == "" {
			r.Href = with(func(c *QuarantineChoice) { c.Topic = r.Value })
		}
	}
	q.Sources = sum(bySource, func(t Tallied) string { return t.Source })
	q.Sources = q.Sources[:min(len(q.Sources), mostSources)]
	for i := range q.Sources {
		r := &q.Sources[i]
		if r.Text = r.Value; r.Value == "" {
			r.Text = l.T("quarantine.source.none")
		} else if q.Choice.Source == "" {
			r.Href = with(func(c *QuarantineChoice) { c.Source = r.Value })
		}
	}
	if daily && len(days) > 0 {
		q.Days = q.bars(days)
	}
}

// DayBars is a count for each day, as bars.
type DayBars struct {
	Width, Height int
	Label         string
	Bars          []DayBar
	Rows          []QuarantineGroup // the days that have any, the newest first
}

// DayBar is one day of them.
type DayBar struct {
	X, Y, Width, Height string
	Text, Href          string
}

// Of the bars, in units of their drawing.
const (
	barsWidth  = 720
	barsHeight = 72
	mostBars   = 92
)

// bars draws the days from the first that is chosen to the last with messages, at
// most a quarter.
func (q *Quarantine) bars(days map[calendar.Day]uint64) *DayBars {
	last := slices.Max(slices.Collect(maps.Keys(days)))
	first := max(q.Choice.Since, last-mostBars+1)
	out := &DayBars{Width: barsWidth, Height: barsHeight, Label: q.Lang.T("quarantine.days")}
	highest := slices.Max(slices.Collect(maps.Values(days)))
	step := float64(barsWidth) / float64(last-first+1)
	at := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	for d := first; d <= last; d++ {
		n := days[d]
		if n == 0 {
			continue
		}
		c := q.Choice
		c.Since, c.Through, c.Open = d, d, false
		// One message of a million is seen too.
		height := max(2, float64(n)/float64(highest)*(barsHeight-2))
		bar := DayBar{
			X: at(float64(d-first) * step), Y: at(barsHeight - height), Width: at(max(1, step-1)), Height: at(height),
			Text: d.String() + q.Lang.T("punctuation.colon") + Count(int64(n)), Href: c.URL(&q.Frame),
		}
		out.Bars = append(out.Bars, bar)
		out.Rows = append(out.Rows, QuarantineGroup{Value: d.String(), Text: d.String(), Count: Count(int64(n)), Href: bar.Href})
	}
	slices.Reverse(out.Rows)
	return out
}

// Quarantined is one message, without its bytes.
type Quarantined struct {
	Place               string // TOPIC/PARTITION/OFFSET, as the command line takes it
	Received, Stored    string
	Code, Text, Detail  string
	Source              string
	Bytes, Hash, SHA256 string
	Kept, KeptText      string
	// Replay says what became of it when it was written again; empty: it was not.
	Replay, ReplayAt, ReplayState string
}

// QuarantinedMessage is what is known of a message.
type QuarantinedMessage struct {
	Place                string
	ReceivedAt, StoredAt time.Time
	Undated              bool // its record time could not be kept
	Code, Detail, Source string
	Size                 uint64
	SHA256, Kept         string
	// ReplayState is empty where it was never written again.
	ReplayState, ReplayCode, ReplayPlace string
	ReplayedAt                           time.Time
}

// hashShown is how many digits of a hash a list has.
const hashShown = 12

// QuarantinedOf makes a message ready to be shown.
func QuarantinedOf(l Language, m QuarantinedMessage) Quarantined {
	out := Quarantined{
		Place: m.Place, Received: Time(m.ReceivedAt), Stored: Time(m.StoredAt), Code: m.Code, Text: l.Word("code", m.Code), Detail: m.Detail, Source: m.Source,
		Bytes: Count(int64(m.Size)), Hash: m.SHA256[:min(len(m.SHA256), hashShown)], SHA256: m.SHA256, Kept: m.Kept, KeptText: l.Word("kept", m.Kept), ReplayState: m.ReplayState,
	}
	if m.Undated {
		out.Received = l.T("quarantine.undated.short")
	}
	if m.ReplayState != "" {
		out.Replay = l.Word("replay", m.ReplayState)
		if m.ReplayCode != "" {
			out.Replay += l.T("punctuation.colon") + l.Word("code", m.ReplayCode)
		}
		out.ReplayAt = fmt.Sprintf("%s · %s", Time(m.ReplayedAt), m.ReplayPlace)
	}
	return out
}
