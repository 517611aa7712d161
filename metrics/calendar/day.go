package calendar

import (
	"fmt"
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60
	beijingOffset = 8 * 60 * 60
)

// Beijing is the zone of all days and periods: UTC+8 throughout. It is fixed and not read from the machine's zone
// database, which also means that the summer time of 1986 to 1991 is not known here.
var Beijing = time.FixedZone("UTC+8", beijingOffset)

// Day is a calendar day in Beijing, as the number of days since 1970-01-01.
type Day int32

// DayOf returns the Beijing date of an instant, in whatever zone the instant is written.
func DayOf(t time.Time) Day {
	s := t.Unix() + beijingOffset
	d := s / secondsPerDay
	if s%secondsPerDay < 0 {
		d--
	}
	return Day(d)
}

// Date returns the day of a year, month and day of the month; values out of range carry over as in [time.Date].
func Date(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// ParseDay reads a day written "2006-01-02" and nothing else.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("parse day %q: want YYYY-MM-DD, a date that exists", s)
	}
	return Date(t.Date()), nil
}

// UTC is the day's date at 00:00 UTC, the form of a date without a zone, such as ClickHouse's Date. It is no instant of
// the day, which begins at [Day.Start].
func (d Day) UTC() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// OfDate is the day of a date at 00:00 UTC, the inverse of [Day.UTC].
func OfDate(t time.Time) Day { return Day(t.Unix() / secondsPerDay) }

// Date returns the day's year, month and day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return d.UTC().Date() }

// Year returns the day's year.
func (d Day) Year() int { return d.UTC().Year() }

// Weekday returns the day's day of the week.
func (d Day) Weekday() time.Weekday { return d.UTC().Weekday() }

// String writes the day as "2006-01-02".
func (d Day) String() string { return d.UTC().Format(time.DateOnly) }

// MarshalText writes the day as "2006-01-02".
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a day as [ParseDay] does.
func (d *Day) UnmarshalText(text []byte) error {
	v, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Start returns the day's first instant, 00:00 in Beijing, in UTC.
func (d Day) Start() time.Time { return time.Unix(int64(d)*secondsPerDay-beijingOffset, 0).UTC() }

// End returns the first instant after the day, in UTC.
func (d Day) End() time.Time { return (d + 1).Start() }

// At returns the instant a span after the day's 00:00, in UTC: At(8*time.Hour) is eight o'clock in Beijing.
func (d Day) At(sinceMidnight time.Duration) time.Time { return d.Start().Add(sinceMidnight) }

// AddDays returns the day n calendar days later, or earlier if n is negative.
func (d Day) AddDays(n int) Day { return d + Day(n) }
