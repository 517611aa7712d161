package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"youzhi/ingest/event"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
)

// Month is all that the report of a month says, in no language yet. The same
// events and the same as_of make the same one.
type Month struct {
	Period calendar.Period
	AsOf   time.Time
	// Figures are those of the month, one per indicator in the order of the
	// catalogue; Before are those of the month before, of what has a history.
	Figures, Before []metrics.Figure
	// Trends are the months up to this one, of all indicators. Places are the same by
	// region and by product, of those that lead or have a signal.
	Trends, Places []metrics.Trend

	Backlogs []metrics.Backlog
	// Events are the different events of each topic up to AsOf; Refused the messages
	// that arrived by then and could not be read.
	Events  []Count
	Refused uint64
	// Definitions names the versions of policy, calendar and catalogue.
	Definitions string
}

// Count is a number of events of a topic.
type Count struct {
	Topic string `json:"topic"`
	N     uint64 `json:"n"`
}

// Month asks for all that the report of a month says, as of one instant, which
// may not lie before the month's end.
func (m *Maker) Month(ctx context.Context, period calendar.Period, asOf time.Time) (*Month, error) {
	if period.Grain != calendar.GrainMonth {
		return nil, fmt.Errorf("report of %s: it is no month", period.Label())
	}
	asOf = asOf.UTC().Truncate(time.Microsecond)
	if asOf.Before(period.End()) {
		return nil, fmt.Errorf("report of %s: the month is not over at %s", period.Label(), asOf.In(calendar.Beijing).Format(time.RFC3339))
	}
	at, release, err := m.o.Evaluator.Moment(ctx, asOf)
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", period.Label(), err)
	}
	defer release()
	out := &Month{Period: period, AsOf: asOf, Definitions: m.o.Definitions}
	var keys, timed, now []string
	for _, ind := range m.o.Catalogue.All() {
		keys = append(keys, ind.Key)
		// The state at as_of is the same whatever the month.
		if ind.Window == catalogue.Snap {
			now = append(now, ind.Key)
		} else {
			timed = append(timed, ind.Key)
		}
	}
	ask := func(keys []string, from calendar.Day) ([]metrics.Figure, error) {
		if len(keys) == 0 {
			return nil, nil
		}
		return at.Figures(ctx, metrics.Question{Keys: keys, From: from, To: period.To, Grain: calendar.GrainMonth, AsOf: asOf})
	}
	both, err := ask(timed, period.Previous().From)
	if err == nil {
		out.Figures, err = ask(now, period.From)
	}
	for _, f := range both {
		if f.From == period.From {
			out.Figures = append(out.Figures, f)
		} else {
			out.Before = append(out.Before, f)
		}
	}
	slices.SortFunc(out.Figures, func(a, b metrics.Figure) int { return slices.Index(keys, a.Key) - slices.Index(keys, b.Key) })
	if err == nil {
		out.Trends, err = at.Trends(ctx, metrics.Question{Keys: keys, From: period.From, To: period.To, Grain: calendar.GrainMonth, AsOf: asOf})
	}
	if err == nil {
		out.Places, err = m.places(ctx, at, out)
	}
	if err == nil {
		out.Backlogs, err = at.Backlogs(ctx, asOf)
	}
	if err == nil {
		out.Refused, err = m.o.DB.RefusedUntil(ctx, asOf)
	}
	for _, topic := range event.Topics() {
		if err != nil {
			break
		}
		c := Count{Topic: topic}
		c.N, err = m.o.DB.EventsUntil(ctx, topic, asOf)
		out.Events = append(out.Events, c)
	}
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", period.Label(), err)
	}
	return out, nil
}

// places asks where the signals of a month are seen.
func (m *Maker) places(ctx context.Context, at *metrics.Evaluator, month *Month) ([]metrics.Trend, error) {
	all := m.o.Catalogue.All()
	leads := map[string]bool{}
	for _, ind := range metrics.Leading(leadingOnes, all, month.Figures, trendFigures(month.Trends)) {
		leads[ind.Key] = true
	}
	var out []metrics.Trend
	for _, dimension := range []string{"region", "product"} {
		q := metrics.Question{From: month.Period.From, To: month.Period.To, Grain: calendar.GrainMonth, AsOf: month.AsOf, By: []string{dimension}}
		for _, t := range month.Trends {
			if ind, ok := m.o.Catalogue.Get(t.Key); ok && ind.HasDimension(dimension) && (leads[t.Key] || len(t.Signals()) > 0) {
				q.Keys = append(q.Keys, t.Key)
			}
		}
		if len(q.Keys) == 0 {
			continue
		}
		trends, err := at.Trends(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, trends...)
	}
	return out, nil
}

// content is what the hash of a month is made from.
type content struct {
	Report      string            `json:"report"`
	Period      string            `json:"period"`
	AsOf        time.Time         `json:"as_of"`
	Figures     []metrics.Figure  `json:"figures"`
	Before      []metrics.Figure  `json:"before"`
	Trends      []trendContent    `json:"trends"`
	Places      []trendContent    `json:"places"`
	Backlogs    []metrics.Backlog `json:"backlogs"`
	Events      []Count           `json:"events"`
	Refused     uint64            `json:"refused"`
	Definitions string            `json:"definitions"`
}

type trendContent struct {
	Key       string            `json:"key"`
	By        map[string]string `json:"by,omitempty"`
	Figures   []metrics.Figure  `json:"figures"`
	Variation string            `json:"variation"`
	Assurance string            `json:"assurance"`
}

func contentOf(t metrics.Trend) trendContent {
	return trendContent{
		Key: t.Key, By: t.By, Figures: t.Figures,
		Variation: fmt.Sprint(t.Variation.Hidden, t.Variation.Direction, t.Variation.Side, t.Variation.Rule),
		Assurance: fmt.Sprint(t.Assurance.Hidden, t.Assurance.Assurance),
	}
}

// Hash is the SHA-256 of the month, in hexadecimal digits. How it is set on paper
// is no part of it.
func (m *Month) Hash() (string, error) {
	c := content{
		Report: Kind, Period: m.Period.Label(), AsOf: m.AsOf, Figures: m.Figures, Before: m.Before, Backlogs: m.Backlogs,
		Events: m.Events, Refused: m.Refused, Definitions: m.Definitions,
	}
	for _, t := range m.Trends {
		c.Trends = append(c.Trends, contentOf(t))
	}
	for _, t := range m.Places {
		c.Places = append(c.Places, contentOf(t))
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hash of the report of %s: %w", m.Period.Label(), err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// provenance is what the archive keeps beside a report.
type provenance struct {
	AsOf        time.Time      `json:"as_of"`
	Definitions string         `json:"definitions"`
	Revisions   map[string]int `json:"revisions"`
	Events      []Count        `json:"events"`
	Refused     uint64         `json:"refused"`
}

// Provenance says what a month was made from, as JSON.
func (m *Month) Provenance() (string, error) {
	p := provenance{AsOf: m.AsOf, Definitions: m.Definitions, Revisions: map[string]int{}, Events: m.Events, Refused: m.Refused}
	for _, f := range m.Figures {
		p.Revisions[f.Key] = f.Revision
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("provenance of the report of %s: %w", m.Period.Label(), err)
	}
	return string(text), nil
}
