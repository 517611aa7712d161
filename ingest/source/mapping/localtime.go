package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every machine
)

// How a local time met a change of the clock.
type clockChange uint8

const (
	noChange  clockChange = iota
	skipped               // the clock never showed it: it was put forward over it
	ambiguous             // the clock showed it twice: it was put back over it
)

// layout is one way in which an instant is written.
type layout struct {
	text   string
	offset bool  // the offset from UTC is written with it
	unix   int64 // microseconds per unit of a plain number since 1970; 0 if it is none
}

// named are layouts that need no learning of Go's.
var named = map[string]string{
	"rfc3339":  "2006-01-02T15:04:05Z07:00",
	"iso":      "2006-01-02T15:04:05",
	"datetime": "2006-01-02 15:04:05",
	"date":     "2006-01-02",
}

var named1970 = map[string]int64{"unix": 1_000_000, "unix_ms": 1_000}

// newLayout checks a named or a Go layout.
func newLayout(text string) (layout, error) {
	if unit, ok := named1970[text]; ok {
		return layout{text: text, offset: true, unix: unit}, nil
	}
	if known, ok := named[text]; ok {
		text = known
	}
	if strings.Contains(text, "MST") {
		return layout{}, fmt.Errorf("time layout %q: the short name of a zone is not unique; write the offset or give the zone", text)
	}
	// A layout that loses the day or the year reads every row as year 0.
	probe := time.Date(2017, 11, 23, 0, 0, 0, 0, time.UTC)
	back, err := time.Parse(text, probe.Format(text))
	if err != nil || back.Year() != 2017 || back.YearDay() != probe.YearDay() {
		return layout{}, fmt.Errorf("time layout %q names no full date; give a Go layout such as 2006-01-02 15:04:05, or rfc3339, iso, datetime, date, unix, unix_ms", text)
	}
	return layout{text: text, offset: strings.Contains(text, "Z07") || strings.Contains(text, "-07")}, nil
}

// clock reads instants: by one of its layouts, and local ones in its zone.
type clock struct {
	layouts []layout
	zone    *time.Location // nil if every layout has the offset
}

var errUnread = errors.New("no time")

// read returns the instant, to the microsecond, with the offset that it was
// read with, so that its digits stay those of the source.
func (c *clock) read(text string) (time.Time, clockChange, error) {
	for _, l := range c.layouts {
		if l.unix != 0 {
			n, err := strconv.ParseInt(text, 10, 64)
			if limit := int64(1) << 62 / l.unix; err == nil && -limit < n && n < limit {
				return time.UnixMicro(n * l.unix).UTC(), noChange, nil
			}
			continue
		}
		t, err := time.Parse(l.text, text)
		if err != nil {
			continue
		}
		t = t.Truncate(time.Microsecond)
		if l.offset {
			return t, noChange, nil
		}
		at, change := fromLocal(t, c.zone)
		return at, change, nil
	}
	layouts := make([]string, len(c.layouts))
	for i, l := range c.layouts {
		layouts[i] = l.text
	}
	return time.Time{}, noChange, fmt.Errorf("%s is %w as %s", quote(text), errUnread, strings.Join(layouts, " or "))
}

// fromLocal returns the instant at which a clock in the zone showed the digits
// of wall, whose own zone is UTC. Digits that the clock skipped are read with
// the offset that held before; of digits that it showed twice it is the first
// instant. time.Date promises neither.
func fromLocal(wall time.Time, zone *time.Location) (time.Time, clockChange) {
	near := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	_, offset := near.Zone()
	start, end := near.ZoneBounds()
	// Every change of the clock that can concern these digits is one of the two
	// that bound the zone time.Date has chosen.
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Nanosecond).In(zone).Zone()
		_, after := change.In(zone).Zone()
		first := wall.Add(-time.Duration(before) * time.Second)
		second := wall.Add(-time.Duration(after) * time.Second)
		switch {
		case before < after && !first.Before(change) && second.Before(change):
			return first.In(time.FixedZone("", before)), skipped
		case before > after && first.Before(change) && !second.Before(change):
			return first.In(time.FixedZone("", before)), ambiguous
		}
	}
	return near.In(time.FixedZone("", offset)), noChange
}
