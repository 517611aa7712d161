package page

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"youzhi/metrics"
)

// Data is the page about the data itself: how fresh it is, whether the books add
// up, what was refused.
type Data struct {
	Frame
	AsOf     string
	Lag      string
	Topics   []Topic
	Sources  []Source
	Books    []Book
	BooksAt  string
	BooksBad bool
	// Incidents are those of the log.
	Incidents []Incident
	Reasons   []Reason
	// Quarantine leads to the page of bad messages.
	Quarantine string
	Conflicts  []Conflict
	Jobs       []Job
	// Failed names the panels that could not be made.
	Failed map[string]bool
}

func (*Data) template() string { return "data" }

// Verdict says in words whether the books add up.
func (d *Data) Verdict() string {
	var missing int64
	for _, b := range d.Books {
		missing += b.Missing
	}
	if missing > 0 {
		return d.Lang.T("books.missing", Count(missing))
	}
	return d.Lang.T("books.ok")
}

// Topic is the newest of one topic.
type Topic struct {
	Name, Text       string
	Newest, Received string
	Lag              string // now - Newest
	Behind           string // Received - Newest: how late it was reported
}

// TopicOf makes a topic's line.
func TopicOf(l Language, name string, newest, received, now time.Time) Topic {
	t := Topic{Name: name, Text: l.T("topic." + name)}
	if newest.IsZero() {
		return t
	}
	t.Newest, t.Received = Time(newest), Time(received)
	t.Lag, t.Behind = l.Span(now.Sub(newest)), l.Span(received.Sub(newest))
	return t
}

// Source is when one source was last heard of.
type Source struct {
	Name, Newest string
	Lag          string // now - Newest
	Gap          string // the longest it was silent before
	Days         string // with events
	Silent       bool
}

// SourceOf makes a source's line.
func SourceOf(l Language, s metrics.Source, now time.Time) Source {
	return Source{
		Name: s.Name, Newest: Time(s.Newest), Lag: l.Span(now.Sub(s.Newest)), Gap: l.Span(s.Gap), Days: Count(int64(s.Days)), Silent: s.Silent(now),
	}
}

// Book is the reconciliation of one partition.
type Book struct {
	Topic                 string
	Partition             string
	First, Committed, End int64 // offsets
	Stored, Counted       int64
	Duplicate, Refused    int64
	Gone                  int64
	Missing               int64
	MissingAt             []int64 // the first of them
	At                    time.Time
}

// passed is the first offset that is not consumed; a group that never committed
// is at the log's start.
func (b Book) passed() int64 { return max(b.Committed, b.First) }

// Consumed is how many offsets the group has passed.
func (b Book) Consumed() string { return Count(b.passed() - b.First) }

// Waiting is how many messages of the log are not consumed yet.
func (b Book) Waiting() string { return Count(b.End - b.passed()) }

// Cells are the other numbers, written out.
func (b Book) Cells() []string {
	return []string{Count(b.Stored), Count(b.Counted), Count(b.Duplicate), Count(b.Refused), Count(b.Gone)}
}

// Lost is how many consumed offsets are neither stored nor quarantined.
func (b Book) Lost() string { return Count(b.Missing) }

// Reason is how many messages of a topic were refused for a reason.
type Reason struct {
	Topic, Code, Text, Count string
}

// ReasonsOf sums counts over their days, the most first.
func ReasonsOf(l Language, counts []Tallied) []Reason {
	n := map[[2]string]uint64{}
	for _, c := range counts {
		n[[2]string{c.Topic, c.Code}] += c.N
	}
	var out []Reason
	for _, key := range slices.SortedFunc(maps.Keys(n), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		out = append(out, Reason{key[0], key[1], l.Word("code", key[1]), Count(int64(n[key]))})
	}
	return out
}

// Conflict is an identity that came with two contents.
type Conflict struct {
	Topic    string `ch:"topic"`
	Subject  string `ch:"subject"`
	Identity string `ch:"identity"`
	Hash     string `ch:"hash"`
	Wins     bool   `ch:"wins"`
	Href     string
}

// Job is one run of a scheduled job.
type Job struct {
	Name    string    `ch:"job"`
	At      time.Time `ch:"at"`
	Started time.Time `ch:"started"`
	Ended   time.Time `ch:"ended"` // zero while it runs
	Outcome string    `ch:"outcome"`
	Error   string    `ch:"error"`

	Text, Began, Took, State string
	Bad                      bool
}

// JobOf makes a run ready to be shown.
func JobOf(l Language, j Job) Job {
	j.Text, j.Began, j.State = l.Word("job", j.Name), Time(j.Started), l.Word("outcome.job", j.Outcome)
	if j.Ended.Unix() > 0 {
		j.Took = strconv.FormatFloat(j.Ended.Sub(j.Started).Seconds(), 'f', 1, 64) + space + "s"
	}
	j.Bad = j.Outcome == "failed" || j.Outcome == "missed"
	if m := leftOut.FindStringSubmatch(j.Error); m != nil && j.Outcome == "missed" {
		j.Error = l.leftOut(m[1], m[2], m[3], m[4])
	}
	return j
}

// leftOut is how the scheduler says which instants a job was not run for: how many
// from when, or none; until when; why.
var leftOut = regexp.MustCompile(`^not run for (?:(\d+) instants from (\S+) to )?(\S+): (.+)$`)

// whyLeftOut are the scheduler's reasons.
var whyLeftOut = map[string]string{
	"the run before was still going": "job.left_out.going",
	"a run by hand was still going":  "job.left_out.by_hand",
	"newer ones were due too":        "job.left_out.newer",
}

func (l Language) leftOut(count, oldest, newest, why string) string {
	clock := func(s string) string {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return Time(t)
		}
		return s
	}
	if key, ok := whyLeftOut[why]; ok {
		why = l.T(key)
	}
	if count == "" {
		return l.T("job.left_out", clock(newest), why)
	}
	return l.T("job.left_out.many", count, clock(oldest), clock(newest), why)
}

// Fault is the page shown in place of one that could not be made.
type Fault struct {
	Frame
	Code      int
	Heading   string
	Message   string
	RequestID string
}

func (*Fault) template() string { return "fault" }
