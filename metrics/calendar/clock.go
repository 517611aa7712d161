package calendar

import "time"

// W24End returns the deadline of a clock of 24 wall hours that starts at an instant: nights, weekends and holidays count,
// and an end at the deadline itself is in time.
func W24End(start time.Time) time.Time { return start.Add(24 * time.Hour) }

// LastInstant returns the last instant of a due day, in microseconds: an end at or before it is in time, an end at the
// next day's 00:00 is late.
func LastInstant(due Day) time.Time { return due.End().Add(-time.Microsecond) }
