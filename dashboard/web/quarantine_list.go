package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/ingest/event"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

const (
	// quarantineDays is how far back the quarantine is shown if nothing is said, and
	// quarantineSpan the longest that may be asked for.
	quarantineDays = 30
	quarantineSpan = 92
	// quarantineLooked is how many of the newest messages are counted by source: a
	// source is whatever a bad message says, so their number has no bound.
	quarantineLooked = 100_000
	quarantineGroups = 1000
)

// Codes of the quarantine that are not of the contract.
var frameCodes = []string{"transaction_marker", "transaction_aborted", codeTimestamp, "refused"}

// codeTimestamp is that of messages whose record time could not be kept; theirs is
// the first instant of 1970.
const codeTimestamp = "timestamp"

func quarantineCodes() []string {
	var out []string
	for _, c := range event.Codes() {
		out = append(out, string(c))
	}
	return append(out, frameCodes...)
}

// quarantineChoice reads which messages are meant. first and end are days; end is
// empty or the day after the last.
func quarantineChoice(v parameters, now time.Time, first, last string, inclusive bool) (page.QuarantineChoice, error) {
	c := page.QuarantineChoice{Topic: v["topic"], Code: v["code"], Source: v["source"], Open: true}
	if c.Topic != "" && !slices.Contains(event.Topics(), c.Topic) {
		return c, &badParameter{"topic", "want one of " + strings.Join(event.Topics(), ", ")}
	}
	if c.Code != "" && !slices.Contains(quarantineCodes(), c.Code) {
		return c, &badParameter{"code", "want one of " + strings.Join(quarantineCodes(), ", ")}
	}
	day := func(name string) (calendar.Day, error) {
		d, err := calendar.ParseDay(v[name])
		if err != nil || d < 0 || d > lastDay {
			return 0, &badParameter{name, "want a day YYYY-MM-DD from 1970 to 2099"}
		}
		return d, nil
	}
	var err error
	today := calendar.DayOf(now)
	if v[last] != "" {
		if c.Through, err = day(last); err != nil {
			return c, err
		}
		if !inclusive {
			c.Through--
		}
		c.Open = false
	} else {
		c.Through = today
	}
	c.Since = c.Through - quarantineDays + 1
	if v[first] != "" {
		if c.Since, err = day(first); err != nil {
			return c, err
		}
	}
	c.Since = max(c.Since, 0)
	switch {
	case !c.Open && c.Through < c.Since:
		return c, &badParameter{last, "is before " + first}
	case c.Through-c.Since >= quarantineSpan:
		return c, &badParameter{first, fmt.Sprintf("more than %d days", quarantineSpan)}
	}
	return c, nil
}

// quarantineFilter is a choice as a question. The record time of a message may lie
// ahead of the clock; an open end has it too.
func quarantineFilter(c page.QuarantineChoice) queries.QuarantineFilter {
	f := queries.QuarantineFilter{Topic: c.Topic, Code: c.Code, Source: c.Source, Since: c.Since.Start()}
	if !c.Open {
		f.Until = c.Through.End()
	}
	return f
}

// quarantined is a message and what became of it.
type quarantined struct {
	queries.QuarantineMessage
	replay *queries.QuarantineReplay
}

// quarantined lists messages after a place in the list, and gives the next place.
func (s *Server) quarantined(ctx context.Context, f queries.QuarantineFilter, cursor string, limit int) (rows []quarantined, next string, err error) {
	after, err := parseQuarantineCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.o.DB.QuarantineMessages(ctx, f, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = quarantineCursor(queries.CursorOf(&found[limit-1]))
	}
	places := make([]queries.Place, len(found))
	for i := range found {
		places[i] = found[i].Place()
	}
	replays, err := s.o.DB.QuarantineReplays(ctx, places)
	if err != nil {
		return nil, "", err
	}
	for _, m := range found {
		row := quarantined{QuarantineMessage: m}
		if r, ok := replays[m.Place()]; ok {
			row.replay = &r
		}
		rows = append(rows, row)
	}
	return rows, next, nil
}

func quarantineCursor(c queries.QuarantineCursor) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s %d %d", c.ReceivedAt.UnixMilli(), c.Topic, c.Partition, c.Offset))
}

func parseQuarantineCursor(text string) (c queries.QuarantineCursor, err error) {
	if text == "" {
		return c, nil
	}
	wrong := &badParameter{"cursor", "not one that this list gave"}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(plain), " ")
	if err != nil || len(parts) != 4 || parts[1] == "" {
		return c, wrong
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	partition, perr := strconv.ParseInt(parts[2], 10, 32)
	offset, oerr := strconv.ParseInt(parts[3], 10, 64)
	// The times that the quarantine holds.
	if err != nil || perr != nil || oerr != nil || at < 0 || at >= lastDay.End().UnixMilli() {
		return c, wrong
	}
	return queries.QuarantineCursor{ReceivedAt: time.UnixMilli(at).UTC(), Place: queries.Place{Topic: parts[1], Partition: int32(partition), Offset: offset}}, nil
}

// shownMessages makes rows ready to be shown.
func shownMessages(l page.Language, rows []quarantined) []page.Quarantined {
	var out []page.Quarantined
	for i := range rows {
		r := &rows[i]
		m := page.QuarantinedMessage{
			Place: r.Place().String(), ReceivedAt: r.ReceivedAt, StoredAt: r.StoredAt, Undated: r.Code == codeTimestamp, Code: r.Code, Detail: r.Detail,
			Source: r.Source, Size: r.Size, SHA256: r.SHA256, Kept: r.Kept(),
		}
		if r.replay != nil {
			m.ReplayState, m.ReplayCode, m.ReplayPlace, m.ReplayedAt = r.replay.State(), r.replay.Code, r.replay.NewPlace().String(), r.replay.ReplayedAt
		}
		out = append(out, page.QuarantinedOf(l, m))
	}
	return out
}

// tallies are counts for the page.
func tallies(counts []queries.QuarantineCount) []page.Tallied {
	out := make([]page.Tallied, len(counts))
	for i, c := range counts {
		out[i] = page.Tallied{Topic: c.Topic, Code: c.Code, Day: calendar.OfDate(c.Day), N: c.N}
	}
	return out
}

// shares are how much of each topic went to quarantine lately.
func (s *Server) shares(ctx context.Context, l page.Language) ([]page.Share, error) {
	found, err := s.o.DB.QuarantineShares(ctx, s.o.Now())
	var out []page.Share
	for _, f := range found {
		out = append(out, page.ShareOf(l, f.Topic, f.Messages, f.Quarantined, f.Ratio(), f.Above(s.o.AlarmRatio)))
	}
	return out, err
}

// quarantineList is the page of the messages that are no events.
func (s *Server) quarantineList(c *fiber.Ctx) error {
	o, err := s.open(c, "topic", "code", "source", "since", "through", "cursor")
	if err != nil {
		return err
	}
	ctx, l, now := c.UserContext(), o.lang, s.o.Now()
	choice, err := quarantineChoice(o.params, now, "since", "through", true)
	if err != nil {
		return err
	}
	if _, err := parseQuarantineCursor(o.params["cursor"]); err != nil {
		return err
	}
	keep := []string{"since", o.params["since"], "through", o.params["through"], "topic", choice.Topic, "code", choice.Code, "source", choice.Source}
	v := &page.Quarantine{
		Frame: s.frame(o, "data", l.T("quarantine.title"), page.QuarantinePath, "", keep...), Choice: choice,
		Keep: l.Span(s.o.QuarantineKeep), Limit: page.Percent(s.o.AlarmRatio), Failed: map[string]bool{},
	}
	v.Bar.Fixed()
	v.Choose(event.Topics(), quarantineCodes())
	f := quarantineFilter(choice)
	var (
		group   together
		lock    sync.Mutex
		errs    = map[string]error{}
		counts  []page.Tallied
		sources []page.Tallied
		undated uint64
	)
	panel := func(name string, ask func() error) {
		group.Go(func() {
			if err := ask(); err != nil {
				lock.Lock()
				defer lock.Unlock()
				errs[name] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	panel("shares", func() (err error) { v.Shares, err = s.shares(ctx, l); return err })
	panel("sources", func() error {
		found, err := s.o.DB.QuarantineReasons(ctx, f, quarantineLooked, quarantineGroups)
		for _, r := range found {
			sources = append(sources, page.Tallied{Topic: r.Topic, Code: r.Code, Source: r.Source, N: r.N})
		}
		return err
	})
	panel("counts", func() error {
		if choice.Source != "" {
			return nil // those by source are all that is asked for
		}
		found, err := s.o.DB.QuarantineCounts(ctx, f)
		counts = tallies(found)
		return err
	})
	panel("undated", func() error {
		first := queries.QuarantineFilter{Topic: choice.Topic, Code: codeTimestamp, Until: calendar.Day(0).End()}
		if choice.Since == 0 || choice.Source != "" || choice.Code != "" && choice.Code != codeTimestamp {
			return nil
		}
		found, err := s.o.DB.QuarantineCounts(ctx, first)
		for _, t := range found {
			undated += t.N
		}
		return err
	})
	panel("messages", func() error {
		rows, next, err := s.quarantined(ctx, f, o.params["cursor"], pageRows)
		v.Messages = shownMessages(l, rows)
		if next != "" {
			v.Next = choice.URL(&v.Frame, "cursor", next)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for name, err := range errs {
		v.Failed[name] = s.failed(c, name, err)
	}
	if o.params["cursor"] != "" {
		v.First = choice.URL(&v.Frame)
	}
	daily := choice.Source == ""
	if !daily {
		counts, v.Failed["counts"] = sources, v.Failed["sources"]
	}
	v.Count(counts, sources, daily)
	var looked uint64
	for _, t := range sources {
		looked += t.N
	}
	if looked >= quarantineLooked {
		v.Looked = page.Count(int64(looked))
	}
	if undated > 0 {
		at := page.QuarantineChoice{Topic: choice.Topic, Code: codeTimestamp}
		v.Undated = page.Link{Text: l.T("quarantine.undated", page.Count(int64(undated))), Href: at.URL(&v.Frame)}
	}
	return s.send(c, v)
}

// apiQuarantined is a message for programs, without its bytes.
type apiQuarantined struct {
	Topic      string     `json:"topic"`
	Log        int32      `json:"log"` // of a topic that was made anew
	Partition  int32      `json:"partition"`
	Offset     int64      `json:"offset"`
	ReceivedAt time.Time  `json:"received_at"`
	StoredAt   time.Time  `json:"stored_at"`
	Code       string     `json:"code"`
	Detail     string     `json:"detail"`
	Source     string     `json:"source"`
	Size       uint64     `json:"size"`
	SHA256     string     `json:"sha256"`
	Kept       string     `json:"kept"`
	EmptiedAt  *time.Time `json:"emptied_at"`
	Replay     *apiReplay `json:"replay"`
}

type apiReplay struct {
	Times     uint64    `json:"times"`
	At        time.Time `json:"at"`
	Log       int32     `json:"log"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	State     string    `json:"state"`
	Code      string    `json:"code"`
}

type apiQuarantineCount struct {
	Topic string       `json:"topic"`
	Code  string       `json:"code"`
	Day   calendar.Day `json:"day"`
	N     uint64       `json:"n"`
}

type apiShare struct {
	Topic       string  `json:"topic"`
	Messages    uint64  `json:"messages"`
	Quarantined uint64  `json:"quarantined"`
	Ratio       float64 `json:"ratio"`
	Alarm       bool    `json:"alarm"`
}

func (s *Server) apiShares(ctx context.Context) ([]apiShare, error) {
	found, err := s.o.DB.QuarantineShares(ctx, s.o.Now())
	out := make([]apiShare, 0, len(found))
	for _, f := range found {
		out = append(out, apiShare{f.Topic, f.Messages, f.Quarantined, f.Ratio(), f.Above(s.o.AlarmRatio)})
	}
	return out, err
}

// apiQuarantine answers with counts, shares and a page of messages. from is
// inclusive, to exclusive, Beijing days of the time that Kafka recorded. The counts
// know of no sources: with one they are left out.
func (s *Server) apiQuarantine(c *fiber.Ctx) error {
	v, err := query(c, "topic", "code", "source", "from", "to", "limit", "cursor")
	if err != nil {
		return err
	}
	params := parameters{}
	for name := range v {
		params[name] = v.Get(name)
	}
	limit, err := params.count("limit", apiRowsNormal, quarantineGroups)
	if err != nil {
		return err
	}
	choice, err := quarantineChoice(params, s.o.Now(), "from", "to", false)
	if err != nil {
		return err
	}
	ctx, f := c.UserContext(), quarantineFilter(choice)
	rows, next, err := s.quarantined(ctx, f, params["cursor"], limit)
	if err != nil {
		return err
	}
	shares, err := s.apiShares(ctx)
	if err != nil {
		return err
	}
	out := map[string]any{
		"keep_seconds": s.o.QuarantineKeep.Seconds(), "alarm_ratio": s.o.AlarmRatio, "shares": shares,
		"from": choice.Since, "to": nil, "counts": nil, "next": nil,
	}
	if !choice.Open {
		out["to"] = choice.Through + 1
	}
	if next != "" {
		out["next"] = next
	}
	if choice.Source == "" {
		found, err := s.o.DB.QuarantineCounts(ctx, f)
		if err != nil {
			return err
		}
		counts := make([]apiQuarantineCount, 0, len(found))
		for _, n := range found {
			counts = append(counts, apiQuarantineCount{n.Topic, n.Code, calendar.OfDate(n.Day), n.N})
		}
		out["counts"] = counts
	}
	messages := make([]apiQuarantined, 0, len(rows))
	for i := range rows {
		messages = append(messages, apiQuarantinedOf(&rows[i]))
	}
	out["messages"] = messages
	return writeJSON(c, out)
}

func apiQuarantinedOf(r *quarantined) apiQuarantined {
	log, partition := queries.SplitPartition(r.Partition)
	out := apiQuarantined{
		Topic: r.Topic, Log: log, Partition: partition, Offset: r.Offset, ReceivedAt: r.ReceivedAt, StoredAt: r.StoredAt, Code: r.Code, Detail: r.Detail,
		Source: r.Source, Size: r.Size, SHA256: r.SHA256, Kept: r.Kept(),
	}
	if r.Emptied() {
		out.EmptiedAt = &r.EmptiedAt
	}
	if p := r.replay; p != nil {
		log, partition := queries.SplitPartition(p.NewPartition)
		out.Replay = &apiReplay{p.Times, p.ReplayedAt, log, partition, p.NewOffset, p.State(), p.Code}
	}
	return out
}
