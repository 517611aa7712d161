// Package calendar knows Beijing days, the periods made of them, and working days in China: the plain week with the
// State Council's yearly arrangement of holidays and make-up working days.
//
// Nothing here reads a clock or a zone of the machine. Outside the years whose arrangement is known, nothing is guessed:
// the plain week would take holidays for working days, and a deadline would come out days too early.
package calendar

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed state_council.csv
var stateCouncil string

// Calendar says which days are working days, for a run of whole years. It never changes once made and may be used by
// many goroutines.
type Calendar struct {
	rules       map[Day]rule
	first, last int
	begin       Day
	// upTo[i] is the number of working days among the i days from begin on; workdays holds them in order. Together they
	// answer every question without a walk over days.
	upTo     []int32
	workdays []Day
	version  string
}

// NotCoveredError says that a day lies outside the years whose arrangement is known.
type NotCoveredError struct {
	Day         Day
	First, Last int
}

func (e *NotCoveredError) Error() string {
	return fmt.Sprintf("no working day calendar for the year %d of %s: known are %d to %d", e.Day.Year(), e.Day, e.First, e.Last)
}

// ErrBackwards is the error of counting working days towards an earlier day.
var ErrBackwards = errors.New("the end is before the start")

var builtIn = sync.OnceValues(func() (*Calendar, error) {
	rules, err := readArrangement("state_council.csv", strings.NewReader(stateCouncil))
	if err != nil {
		return nil, err
	}
	return build("state_council.csv", nil, rules)
})

// StateCouncil returns the calendar that is built in: 2007 to 2026, by the notices named in state_council.csv.
func StateCouncil() (*Calendar, error) { return builtIn() }

// With returns a calendar with the days of an operator's file on top of c. The file is CSV in UTF-8, with the columns
// date (YYYY-MM-DD), kind (work or off), name (of the holiday) and source (the notice, or its address), the first line
// naming them; lines that begin with # are comments. It may change days of covered years and add years next to them; an
// added year has to be given whole. Faults name the file and the line.
func (c *Calendar) With(file string, r io.Reader) (*Calendar, error) {
	rules, err := readArrangement(file, r)
	if err != nil {
		return nil, err
	}
	return build(file, c, rules)
}

// build makes a calendar of rules on top of a base, which may be nil.
func build(file string, base *Calendar, rules []rule) (*Calendar, error) {
	c := &Calendar{rules: map[Day]rule{}}
	years := map[int]bool{}
	if base != nil {
		maps.Copy(c.rules, base.rules)
		for y := base.first; y <= base.last; y++ {
			years[y] = true
		}
	}
	off := map[Day]bool{}
	added := map[int]int{}
	for _, ru := range rules {
		c.rules[ru.day] = ru
		off[ru.day] = !ru.work
		if y := ru.day.Year(); !years[y] {
			if _, ok := added[y]; !ok {
				added[y] = ru.line
			}
		}
	}
	var faults []error
	for _, y := range slices.Sorted(maps.Keys(added)) {
		years[y] = true
		if err := complete(y, off); err != nil {
			faults = append(faults, fmt.Errorf("calendar %s line %d: %w", file, added[y], err))
		}
	}
	covered := slices.Sorted(maps.Keys(years))
	c.first, c.last = covered[0], covered[len(covered)-1]
	for y := c.first; y <= c.last; y++ {
		if !years[y] {
			faults = append(faults, fmt.Errorf("calendar %s: year %d is missing between %d and %d", file, y, c.first, c.last))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	c.index()
	return c, nil
}

func (c *Calendar) index() {
	c.begin = Date(c.first, time.January, 1)
	n := int(Date(c.last+1, time.January, 1) - c.begin)
	c.upTo = make([]int32, n+1)
	hash := sha256.New()
	hash.Write(binary.BigEndian.AppendUint32(nil, uint32(c.begin)))
	for i := range n {
		d := c.begin + Day(i)
		wd := d.Weekday()
		work := wd != time.Saturday && wd != time.Sunday
		if ru, ok := c.rules[d]; ok {
			work = ru.work
		}
		c.upTo[i+1] = c.upTo[i]
		if work {
			c.upTo[i+1]++
			c.workdays = append(c.workdays, d)
			hash.Write([]byte{1})
		} else {
			hash.Write([]byte{0})
		}
	}
	c.version = fmt.Sprintf("%d-%d-%s", c.first, c.last, hex.EncodeToString(hash.Sum(nil)[:6]))
}

// Version names the calendar by its years and a hash over which days work, so that two calendars with the same version
// give the same deadlines.
func (c *Calendar) Version() string { return c.version }

// Covered returns the first and the last year whose arrangement is known.
func (c *Calendar) Covered() (first, last int) { return c.first, c.last }

// holds says whether the number of working days up to and including d is known. The day before the first year belongs to
// it: nothing has been counted there.
func (c *Calendar) holds(d Day) bool { return d >= c.begin-1 && int(d-c.begin) < len(c.upTo)-1 }

func (c *Calendar) notCovered(d Day) error {
	return &NotCoveredError{Day: d, First: c.first, Last: c.last}
}

// IsWorkday says whether the day is a working day. The error is a [*NotCoveredError].
func (c *Calendar) IsWorkday(d Day) (bool, error) {
	if d < c.begin || !c.holds(d) {
		return false, c.notCovered(d)
	}
	i := int(d - c.begin)
	return c.upTo[i+1] > c.upTo[i], nil
}

// Holiday returns the name and the source of the arrangement that a day belongs to, be it a day of rest or a make-up
// working day; ok is false for a day that follows the plain week.
func (c *Calendar) Holiday(d Day) (name, source string, ok bool) {
	ru, ok := c.rules[d]
	return ru.name, ru.source, ok
}

// AddWorkdays returns the n-th working day after start. Start is day 0, working day or not; n = 0 gives start itself.
// If the count runs into a year that is not covered, determined is false and due is the first day that could not be
// judged: its year is the one that lacks a calendar. A negative n is never determined and gives start.
func (c *Calendar) AddWorkdays(start Day, n int) (due Day, determined bool) {
	switch {
	case n <= 0:
		return start, n == 0
	case !c.holds(start):
		return start + 1, false
	}
	rest := c.workdays[c.upTo[start+1-c.begin]:]
	if n > len(rest) {
		return Date(c.last+1, time.January, 1), false
	}
	return rest[n-1], true
}

// WorkdaysBetween returns the number of working days in (start, end]: 0 for the same day. The error is [ErrBackwards] if
// end is before start, or a [*NotCoveredError] if a day between them is not covered.
func (c *Calendar) WorkdaysBetween(start, end Day) (int, error) {
	switch {
	case end < start:
		return 0, fmt.Errorf("count working days from %s to %s: %w", start, end, ErrBackwards)
	case end == start:
		return 0, nil
	case !c.holds(start):
		return 0, c.notCovered(start + 1)
	case !c.holds(end):
		return 0, c.notCovered(Date(c.last+1, time.January, 1))
	}
	return int(c.upTo[end+1-c.begin] - c.upTo[start+1-c.begin]), nil
}
