// Package simulation goes on with a simulated operator: it says whose events the
// stores hold, refuses to mix them with real ones, and sends what is still to come.
package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"youzhi/ingest/source/simulate"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

const (
	// historyMonths is how much of the past a new operator has.
	historyMonths = 15
	// liveDays bounds what a demo adds to its history, and so its disk.
	liveDays = 92
	// foreverYears is when a stream without an end ends.
	foreverYears = 100
	// mostScale and mostSpeed keep a wrong number from filling a disk.
	mostScale = 20
	mostSpeed = 10_000
)

// markFile stands in a data folder whose events are simulated, for people and for
// make. What counts is the record in ClickHouse.
const markFile = "SIMULATED"

const markText = "The data in this folder are those of a simulated operator, made by youzhi.\n"

// Order is what is asked of a simulated operator.
type Order struct {
	Seed uint64
	// Scale is the operator's size, above 0 and at most 20; 1 is some 300,000 cases in 15
	// months.
	Scale float64
	// From and To bound the history as Beijing days, YYYY-MM-DD, To not included. Empty:
	// the 15 months up to now.
	From, To string
	// Given are the names of the fields that a person has set: they must agree with an
	// operator that the stores have.
	Given []string
}

// New is the operator that an order asks for. Its errors name the flag.
func (o *Order) New(now time.Time) (queries.Simulation, error) {
	to := now.UTC().Truncate(time.Microsecond)
	var faults []error
	day := func(flag, text string, otherwise time.Time) time.Time {
		if text == "" {
			return otherwise
		}
		d, err := calendar.ParseDay(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
			return otherwise
		}
		return d.Start().UTC()
	}
	to = day("to", o.To, to)
	from := day("from", o.From, calendar.DayOf(to.AddDate(0, -historyMonths, 0)).Start().UTC())
	if to.After(now) {
		faults = append(faults, fmt.Errorf("--to %s: lies in the future", o.To))
	}
	if !(o.Scale > 0 && o.Scale <= mostScale) {
		faults = append(faults, fmt.Errorf("--scale %v: want more than 0 and at most %d", o.Scale, mostScale))
	}
	if err := errors.Join(faults...); err != nil {
		return queries.Simulation{}, err
	}
	shares, err := json.Marshal(simulate.DefaultShares())
	if err != nil {
		return queries.Simulation{}, fmt.Errorf("write shares: %w", err)
	}
	s := queries.Simulation{
		Seed: o.Seed, Scale: o.Scale, From: from, To: to, Shares: string(shares),
		First: from, History: from, Live: from, Ends: to,
	}
	options, err := optionsOf(&s)
	if err != nil {
		return s, err
	}
	_, err = simulate.New(options)
	return s, err
}

// NewestFirst lets the last complete month come first, for the pages show it
// first, and lets the stream go on for 92 days after the history.
func NewestFirst(s queries.Simulation) queries.Simulation {
	s.First = calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(s.To)).Previous().From.Start().UTC()
	s.Live, s.Ends = s.First, s.To.AddDate(0, 0, liveDays)
	return s
}

// Endless lets the stream go on after the history, without an end.
func Endless(s queries.Simulation) queries.Simulation {
	s.Ends = s.To.AddDate(foreverYears, 0, 0)
	return s
}

// optionsOf are what makes a recorded operator again.
func optionsOf(s *queries.Simulation) (simulate.Options, error) {
	o := simulate.Options{Seed: s.Seed, Scale: s.Scale, From: s.From, To: s.To, NoLedger: true}
	if err := json.Unmarshal([]byte(s.Shares), &o.Shares); err != nil {
		return o, fmt.Errorf("read the simulated operator's shares: %w", err)
	}
	return o, nil
}

// differs names a field that was given and is not that of the stored operator.
func (o *Order) differs(stored, wanted *queries.Simulation) string {
	for _, f := range []struct {
		flag, text string
		same       bool
	}{
		{"seed", fmt.Sprint(o.Seed), stored.Seed == wanted.Seed},
		{"scale", fmt.Sprint(o.Scale), stored.Scale == wanted.Scale},
		{"from", o.From, stored.From.Equal(wanted.From)},
		{"to", o.To, stored.To.Equal(wanted.To)},
	} {
		if !f.same && slices.Contains(o.Given, f.flag) {
			return "--" + f.flag + " " + f.text
		}
	}
	return ""
}

// Stores are those that an operator's events go to.
type Stores struct {
	DB *queries.DB
	// Logged says that the topics hold, or held, messages.
	Logged func(context.Context) (bool, error)
	// Name names them to a person; Folder is the data folder, empty with servers.
	Name, Folder string
}

// Own gives the operator whose events the stores hold. Where they are new that is
// the one wanted, and they are marked as its own; where they hold those of another
// one, or real ones, it is an error.
func (o *Order) Own(ctx context.Context, at Stores, wanted queries.Simulation) (queries.Simulation, error) {
	stored, ok, err := at.DB.Simulation(ctx)
	if err != nil {
		return stored, err
	}
	if ok {
		if flag := o.differs(&stored, &wanted); flag != "" {
			return stored, fmt.Errorf("%s: the data are those of the operator with seed %d, scale %v, history from %s to %s; leave the flag out to go on with it, or name another --data folder",
				flag, stored.Seed, stored.Scale, calendar.DayOf(stored.From), calendar.DayOf(stored.To))
		}
		return stored, nil
	}
	empty, err := at.DB.Empty(ctx)
	if err != nil {
		return stored, err
	}
	if empty {
		logged, err := at.Logged(ctx)
		if err != nil {
			return stored, err
		}
		empty = !logged
	}
	if !empty {
		return stored, fmt.Errorf("%s holds events that are not simulated, and the two are never mixed; name another --data folder", at.Name)
	}
	if at.Folder != "" {
		if err := os.WriteFile(filepath.Join(at.Folder, markFile), []byte(markText), 0o600); err != nil {
			return wanted, fmt.Errorf("mark the data folder as simulated: %w", err)
		}
	}
	return wanted, at.DB.RecordSimulation(ctx, &wanted)
}

// Refuse is an error where the stores hold a simulated operator's events.
func Refuse(ctx context.Context, at Stores) error {
	_, ok, err := at.DB.Simulation(ctx)
	if err == nil && ok {
		err = fmt.Errorf("%s holds the events of a simulated operator, and the two are never mixed; name another --data folder", at.Name)
	}
	return err
}

// Feed sends an operator to a sink and records in the stores how far it has come.
// settle returns when what was sent is stored and shown; nil: nobody waits.
func Feed(db *queries.DB, of *queries.Simulation, sink simulate.Sink, settle func(context.Context) error, now func() time.Time, log *slog.Logger) (*simulate.Feed, error) {
	options, err := optionsOf(of)
	if err != nil {
		return nil, err
	}
	return &simulate.Feed{
		Operator: options, First: of.First, Ends: of.Ends, Progress: simulate.Progress{History: of.History, Live: of.Live},
		Save: func(ctx context.Context, at simulate.Progress) error {
			of.History, of.Live = at.History, at.Live
			return db.RecordSimulation(ctx, of)
		},
		Sink: sink, Settle: settle, Now: now, Logger: log,
	}, nil
}

// CheckSpeed is an error unless a clock may run speed times as fast as ours. Zero
// is as fast as it goes.
func CheckSpeed(flag string, speed float64, zero bool) error {
	if !(speed > 0 && speed <= mostSpeed) && !(zero && speed == 0) {
		return fmt.Errorf("--%s %v: want more than 0 and at most %d", flag, speed, mostSpeed)
	}
	return nil
}

// Faster is a clock that runs speed times as fast, beginning at an instant.
func Faster(clock func() time.Time, begin time.Time, speed float64) func() time.Time {
	start := clock()
	return func() time.Time { return begin.Add(time.Duration(float64(clock().Sub(start)) * speed)) }
}

// CatchingUp is such a clock that stays with ours once it has come so far.
func CatchingUp(clock func() time.Time, begin time.Time, speed float64) func() time.Time {
	quick := Faster(clock, begin, speed)
	return func() time.Time {
		at, now := quick(), clock()
		if at.After(now) {
			return now
		}
		return at
	}
}
