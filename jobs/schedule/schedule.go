// Package schedule runs jobs at their instants, on a clock that is handed in, and finds what was missed while the program
// was not running.
//
// Cron's expressions are read by a library; the loop is ours, because the library's reads the wall clock itself. All
// schedules are in Beijing time, whatever the zone of the machine.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"youzhi/metrics/calendar"
)

// Schedule gives the instants of a job.
type Schedule interface {
	// Next returns the first instant after t, and the zero time if there is none.
	Next(t time.Time) time.Time
}

// Parse reads a schedule, in Beijing time:
//
//	30 2 * * *                  cron's five fields: minute, hour, day of month, month, day of week
//	@daily                      cron's names: @hourly, @daily, @weekly, @monthly, @yearly
//	@every 5s                   whole seconds, counted from midnight of 1970-01-01, so that a restart does not move them
//	@first-workday month 08:00  the first working day of each week, month, quarter or year
func Parse(spec string, cal *calendar.Calendar) (Schedule, error) {
	s, err := parse(spec, cal)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", spec, err)
	}
	return s, nil
}

func parse(spec string, cal *calendar.Calendar) (Schedule, error) {
	word, rest, _ := strings.Cut(spec, " ")
	switch {
	case strings.Contains(spec, "TZ="):
		return nil, errors.New("a zone cannot be chosen: schedules are in Beijing time")
	case word == "@every":
		return parseEvery(rest)
	case word == "@first-workday":
		return parseFirstWorkday(rest, cal)
	}
	parsed, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, err
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("want five fields, @daily and its like, @every DURATION or @first-workday GRAIN HH:MM")
	}
	fields.Location = calendar.Beijing
	// Within five years from any day each date comes by; 30 February does not.
	if fields.Next(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("it has no instant")
	}
	return fields, nil
}

// every is a fixed distance between instants.
type every time.Duration

func parseEvery(text string) (Schedule, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d%time.Second != 0 {
		return nil, fmt.Errorf("%q is not a duration of whole seconds", text)
	}
	return every(d), nil
}

func (e every) Next(t time.Time) time.Time {
	step := int64(time.Duration(e) / time.Second)
	midnight := calendar.Day(0).Start().Unix()
	since := t.Unix() - midnight
	n := since / step
	if since%step < 0 {
		n--
	}
	return time.Unix(midnight+(n+1)*step, 0).UTC()
}

type firstWorkingDay struct {
	cal   *calendar.Calendar
	grain calendar.Grain
	at    time.Duration
}

// FirstWorkingDay returns the schedule of the first working day of each period of a grain, at a span after that day's
// midnight in Beijing. It ends where the calendar ends: which day of a year is the first to work is not guessed.
func FirstWorkingDay(cal *calendar.Calendar, grain calendar.Grain, at time.Duration) Schedule {
	return firstWorkingDay{cal: cal, grain: grain, at: at}
}

func parseFirstWorkday(text string, cal *calendar.Calendar) (Schedule, error) {
	name, clock, _ := strings.Cut(text, " ")
	grain, err := calendar.ParseGrain(name)
	if err != nil || grain == calendar.GrainDay {
		return nil, fmt.Errorf("%q is not week, month, quarter or year", name)
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time of day HH:MM", clock)
	}
	if cal == nil {
		return nil, errors.New("it needs a calendar of working days")
	}
	sinceMidnight := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return FirstWorkingDay(cal, grain, sinceMidnight), nil
}

func (f firstWorkingDay) Next(t time.Time) time.Time {
	// The first working day of this period may have passed; that of the next one has not.
	p := calendar.PeriodOf(f.grain, calendar.DayOf(t))
	for range 2 {
		due, determined := f.cal.AddWorkdays(p.From-1, 1)
		if !determined {
			break
		}
		if at := due.At(f.at); at.After(t) {
			return at
		}
		p = p.Next()
	}
	return time.Time{}
}
