package quarantine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"youzhi/ingest/consume"
	"youzhi/queries"
)

// WatchOptions of a Watch. All but Every and the gauges must be given.
type WatchOptions struct {
	DB *queries.DB
	// Keep is how long the bytes of a message stay.
	Keep time.Duration
	// AlarmRatio is the share of a topic's messages above which it is an alarm.
	AlarmRatio float64
	// Every is the pause between two looks; 10 s if 0.
	Every  time.Duration
	Logger *slog.Logger
	Now    func() time.Time
	// Ratio and Alarm are gauges by topic: the share, and 1 or 0.
	Ratio, Alarm func(value float64, labels ...string)
}

// The bytes are looked at from time to time, and minutes that nobody asks for are
// taken away then.
const (
	emptyEvery   = time.Hour
	minutesStay  = 24 * time.Hour
	defaultEvery = 10 * time.Second
)

// Watch counts what a process stores, tells when too much of it goes to quarantine,
// and takes bytes out of the quarantine whose time is over. Any number of processes
// may have one: their counts are put together, and each tells the same.
type Watch struct {
	o       WatchOptions
	process string

	mu      sync.Mutex
	minutes map[minuteOf]*queries.QuarantineMinute
	changed map[minuteOf]bool

	// Of Run alone.
	alarmed map[string]bool
	failing bool
	emptied time.Time // when the bytes were last looked at
}

type minuteOf struct {
	minute time.Time
	topic  string
}

// NewWatch makes a Watch; it starts nothing.
func NewWatch(o WatchOptions) (*Watch, error) {
	if o.DB == nil || o.Keep <= 0 || o.Logger == nil || o.Now == nil {
		return nil, errors.New("watch the quarantine: no database, time to keep, logger or clock")
	}
	if o.Every == 0 {
		o.Every = defaultEvery
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return &Watch{
		o: o, process: hex.EncodeToString(id[:]), minutes: map[minuteOf]*queries.QuarantineMinute{}, changed: map[minuteOf]bool{}, alarmed: map[string]bool{},
	}, nil
}

// Counters are counters of the ingest that tell this too what they are told.
func (w *Watch) Counters(c consume.Counters) consume.Counters {
	events, quarantined := c.Events, c.Quarantined
	c.Events = func(n float64, labels ...string) {
		w.count(labels[0], uint64(n), 0)
		if events != nil {
			events(n, labels...)
		}
	}
	c.Quarantined = func(n float64, labels ...string) {
		// What no producer sent, and what it took back, is nobody's fault.
		if code := labels[1]; code != consume.CodeMarker && code != consume.CodeAborted {
			w.count(labels[0], uint64(n), uint64(n))
		}
		if quarantined != nil {
			quarantined(n, labels...)
		}
	}
	return c
}

func (w *Watch) count(name string, messages, quarantined uint64) {
	at := minuteOf{w.o.Now().UTC().Truncate(time.Minute), name}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.minutes[at]
	if m == nil {
		m = &queries.QuarantineMinute{Minute: at.minute, Topic: name}
		w.minutes[at] = m
	}
	m.Messages += messages
	m.Quarantined += quarantined
	w.changed[at] = true
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	ticker := time.NewTicker(w.o.Every)
	defer ticker.Stop()
	for {
		err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !w.failing:
			w.o.Logger.WarnContext(ctx, "the quarantine can't be watched", "error", err)
		case err == nil && w.failing:
			w.o.Logger.InfoContext(ctx, "the quarantine is watched again")
		}
		w.failing = err != nil
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look does what is to do.
func (w *Watch) look(ctx context.Context) error {
	now := w.o.Now()
	if err := w.record(ctx, now); err != nil {
		return err
	}
	shares, err := w.o.DB.QuarantineShares(ctx, now)
	if err != nil {
		return err
	}
	w.tell(ctx, shares)
	if now.Sub(w.emptied) < emptyEvery {
		return nil
	}
	n, err := w.o.DB.EmptyQuarantine(ctx, now.Add(-w.o.Keep), now)
	if err != nil {
		return err
	}
	if n > 0 {
		w.o.Logger.InfoContext(ctx, "bytes of messages in quarantine were taken away", "messages", n, "kept_for", w.o.Keep.String())
	}
	if err := w.o.DB.ForgetQuarantineMinutes(ctx, now.Add(-minutesStay)); err != nil {
		return err
	}
	w.emptied = now
	return nil
}

// record stores the minutes that have changed, and forgets those that are over.
func (w *Watch) record(ctx context.Context, now time.Time) error {
	w.mu.Lock()
	var rows []queries.QuarantineMinute
	for at := range w.changed {
		rows = append(rows, *w.minutes[at])
	}
	clear(w.changed)
	w.mu.Unlock()
	err := w.o.DB.RecordQuarantineMinutes(ctx, w.process, rows)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		for _, m := range rows {
			w.changed[minuteOf{m.Minute, m.Topic}] = true
		}
		return err
	}
	for at := range w.minutes {
		if !w.changed[at] && now.Sub(at.minute) > 2*queries.ShareWindow {
			delete(w.minutes, at)
		}
	}
	return nil
}

// tell sets the gauges and logs what has changed.
func (w *Watch) tell(ctx context.Context, shares []queries.QuarantineShare) {
	for name := range w.alarmed {
		if !slices.ContainsFunc(shares, func(s queries.QuarantineShare) bool { return s.Topic == name }) {
			shares = append(shares, queries.QuarantineShare{Topic: name}) // silent since
		}
	}
	for _, s := range shares {
		alarm := s.Above(w.o.AlarmRatio)
		value := 0.0
		if alarm {
			value = 1
		}
		if w.o.Ratio != nil {
			w.o.Ratio(s.Ratio(), s.Topic)
		}
		if w.o.Alarm != nil {
			w.o.Alarm(value, s.Topic)
		}
		before := w.alarmed[s.Topic]
		w.alarmed[s.Topic] = alarm
		switch {
		case alarm && !before:
			w.o.Logger.WarnContext(ctx, "too many messages go to quarantine", "topic", s.Topic, "messages", s.Messages, "quarantined", s.Quarantined,
				"ratio", s.Ratio(), "limit", w.o.AlarmRatio, "minutes", queries.ShareWindow.Minutes())
		case !alarm && before:
			w.o.Logger.InfoContext(ctx, "the share of messages in quarantine is in its limit again", "topic", s.Topic, "messages", s.Messages, "quarantined", s.Quarantined,
				"ratio", s.Ratio(), "limit", w.o.AlarmRatio)
		}
	}
}
