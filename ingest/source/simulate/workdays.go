package simulate

import (
	"fmt"
	"time"
)

// Day is a calendar day in Beijing, counted from 1970-01-01.
type Day int32

// Instants in this package are microseconds since 1970-01-01T00:00:00Z, as the
// pipeline stores them; 0 stands for "never".
const (
	second  int64 = 1_000_000
	minute        = 60 * second
	hour          = 60 * minute
	daySpan       = 24 * hour
	// beijing is ahead of UTC, without daylight saving since 1992.
	beijing = 8 * hour
)

var beijingZone = time.FixedZone("", 8*3600)

// DayOf returns the Beijing day of an instant.
func DayOf(t time.Time) Day { return dayOf(t.UnixMicro()) }

// NewDay returns the day of a date.
func NewDay(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86_400)
}

// Start is 00:00 in Beijing.
func (d Day) Start() time.Time { return time.UnixMicro(d.start()).UTC() }

func (d Day) String() string { return d.date().Format(time.DateOnly) }

func (d Day) date() time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }

func (d Day) start() int64 { return int64(d)*daySpan - beijing }

// last is the last microsecond of the day.
func (d Day) last() int64 { return (d + 1).start() - 1 }

func (d Day) weekend() bool {
	w := d.date().Weekday()
	return w == time.Saturday || w == time.Sunday
}

func dayOf(at int64) Day {
	at += beijing
	d := at / daySpan
	if at%daySpan < 0 {
		d--
	}
	return Day(d)
}

// arrangement is what the State Council announces for a year: days off beyond
// the weekends, and weekend days worked in exchange.
//
// It stands here a second time, apart from metrics/calendar: the ledger must not
// share a fault with what it judges. A test compares the two day by day.
//
// Source: the notices of the General Office of the State Council for 2025
// (of November 2024) and for 2026 (of November 2025).
type arrangement struct {
	off    [][2]Day // first and last day off
	worked []Day
}

var arrangements = map[int]arrangement{
	2025: {
		off: [][2]Day{
			{NewDay(2025, 1, 1), NewDay(2025, 1, 1)},
			{NewDay(2025, 1, 28), NewDay(2025, 2, 4)},
			{NewDay(2025, 4, 4), NewDay(2025, 4, 6)},
			{NewDay(2025, 5, 1), NewDay(2025, 5, 5)},
			{NewDay(2025, 5, 31), NewDay(2025, 6, 2)},
			{NewDay(2025, 10, 1), NewDay(2025, 10, 8)},
		},
		worked: []Day{
			NewDay(2025, 1, 26), NewDay(2025, 2, 8), NewDay(2025, 4, 27),
			NewDay(2025, 9, 28), NewDay(2025, 10, 11),
		},
	},
	2026: {
		off: [][2]Day{
			{NewDay(2026, 1, 1), NewDay(2026, 1, 3)},
			{NewDay(2026, 2, 15), NewDay(2026, 2, 23)},
			{NewDay(2026, 4, 4), NewDay(2026, 4, 6)},
			{NewDay(2026, 5, 1), NewDay(2026, 5, 5)},
			{NewDay(2026, 6, 19), NewDay(2026, 6, 21)},
			{NewDay(2026, 9, 25), NewDay(2026, 9, 27)},
			{NewDay(2026, 10, 1), NewDay(2026, 10, 7)},
		},
		worked: []Day{
			NewDay(2026, 1, 4), NewDay(2026, 2, 14), NewDay(2026, 2, 28),
			NewDay(2026, 5, 9), NewDay(2026, 9, 20), NewDay(2026, 10, 10),
		},
	},
}

// The years that the table covers: from firstCovered up to, not including,
// uncovered.
var (
	firstCovered = NewDay(2025, 1, 1)
	uncovered    = NewDay(2027, 1, 1)
)

// worktable says for each day from firstCovered whether it is worked.
var worktable = func() []bool {
	t := make([]bool, uncovered-firstCovered)
	for i := range t {
		t[i] = !(firstCovered + Day(i)).weekend()
	}
	for _, a := range arrangements {
		for _, s := range a.off {
			for d := s[0]; d <= s[1]; d++ {
				t[d-firstCovered] = false
			}
		}
		for _, d := range a.worked {
			t[d-firstCovered] = true
		}
	}
	return t
}()

// worked says whether a day is a working day; beyond the table, whether it is
// none of the weekend, which serves for volumes but for no deadline.
func (d Day) worked() bool {
	if d < firstCovered || d >= uncovered {
		return !d.weekend()
	}
	return worktable[d-firstCovered]
}

// festive says whether a day is off beyond an ordinary weekend.
func (d Day) festive() bool {
	return !d.worked() && (!d.weekend() || !(d+1).worked() && !(d-1).worked())
}

// addWorkdays returns the n-th working day after d. It is not determined where
// counting leaves the table; the day is then the first that the table lacks.
func addWorkdays(d Day, n int) (due Day, determined bool) {
	for n > 0 {
		d++
		if d >= uncovered || d < firstCovered {
			return d, false
		}
		if d.worked() {
			n--
		}
	}
	return d, true
}

func toTime(at int64) time.Time { return time.UnixMicro(at).UTC() }

// appendInstant writes an instant in RFC 3339 with Beijing's offset.
func appendInstant(b []byte, at int64) []byte {
	return toTime(at).In(beijingZone).AppendFormat(b, time.RFC3339Nano)
}

// quarterOf writes 2026Q1.
func quarterOf(d Day) string {
	t := d.date()
	return fmt.Sprintf("%dQ%d", t.Year(), (int(t.Month())+2)/3)
}
