package page

import (
	"strconv"
	"time"

	"youzhi/metrics/calendar"
)

// Simulated says, at the top of every page, that the data are a simulated
// operator's.
type Simulated struct {
	// Text says so, and which operator it is.
	Text string
	// Loading says what of its history has come; empty: all of it.
	Loading string
	// Ended says that its stream has ended.
	Ended string
}

// Simulation is what is known of the operator, for Simulated.
type Simulation struct {
	Seed     uint64
	Scale    float64
	From, To time.Time // of the history
	// What came from First on was sent first; History is how far what was before
	// it has come, Live how far what was after. Ends is the end of the stream.
	First, History, Live, Ends time.Time
	Loaded                     float64 // share of the history, 0 to 1
}

// SimulatedOf puts what is known of the operator into words.
func SimulatedOf(l Language, s Simulation, now time.Time) *Simulated {
	day := func(t time.Time) string { return calendar.DayOf(t).String() }
	out := &Simulated{Text: l.T("simulated", strconv.FormatUint(s.Seed, 10), strconv.FormatFloat(s.Scale, 'g', -1, 64), day(s.From), day(s.To))}
	share := strconv.Itoa(int(100 * s.Loaded))
	switch {
	case s.Loaded >= 1:
	case s.Live.Before(s.To):
		out.Loading = l.T("simulated.first", share, day(s.First))
	default:
		out.Loading = l.T("simulated.rest", share, day(s.First), day(s.From), day(s.History))
	}
	if !now.Before(s.Ends) {
		out.Ended = l.T("simulated.ended", day(s.Ends))
	}
	return out
}
