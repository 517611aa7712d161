package web

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

// The API answers questions as `youzhi kpi` does, with the evaluator of the pages.

// mostFigures bounds the periods of one answer.
const mostPeriods = 4000

func writeJSON(c *fiber.Ctx, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, "application/json; charset=utf-8")
	return c.Send(append(body, '\n'))
}

// query reads the parameters of the API, which may be given more than once.
func query(c *fiber.Ctx, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return nil, &badParameter{"query", "not a list of name=value"}
	}
	for name, vs := range values {
		if !slices.Contains(known, name) {
			return nil, &badParameter{clip(name), "no such parameter here"}
		}
		for _, v := range vs {
			if v == "" {
				return nil, &badParameter{name, "is empty"}
			}
			if strings.ContainsRune(v, 0) {
				return nil, &badParameter{name, "holds a zero byte"}
			}
		}
		if len(vs) > 1 && name != "key" && name != "by" && name != "where" {
			return nil, &badParameter{name, "given more than once"}
		}
	}
	return values, nil
}

// question reads a question. from is inclusive, to exclusive, Beijing dates.
func question(v url.Values, now time.Time) (metrics.Question, error) {
	var q metrics.Question
	one := parameters{}
	for name := range v {
		one[name] = v.Get(name)
	}
	for _, key := range v["key"] {
		q.Keys = append(q.Keys, strings.Split(key, ",")...)
	}
	for _, by := range v["by"] {
		q.By = append(q.By, strings.Split(by, ",")...)
	}
	for _, w := range v["where"] {
		d, value, ok := strings.Cut(w, ":")
		if !ok || d == "" || value == "" {
			return q, &badParameter{"where", "want dimension:value"}
		}
		if q.Where == nil {
			q.Where = map[string][]string{}
		}
		q.Where[d] = append(q.Where[d], value)
	}
	var err error
	if q.From, err = one.day("from"); err != nil {
		return q, err
	}
	if q.To, err = one.day("to"); err != nil {
		return q, err
	}
	if q.AsOf, err = one.asOf(now); err != nil {
		return q, err
	}
	if g := one["grain"]; g != "" {
		if q.Grain, err = calendar.ParseGrain(g); err != nil {
			return q, &badParameter{"grain", "want day, week, month, quarter or year"}
		}
		n := 0
		for range calendar.Periods(q.Grain, q.From, q.To) {
			if n++; n > mostPeriods {
				return q, &badParameter{"grain", fmt.Sprintf("more than %d periods from %s to %s", mostPeriods, q.From, q.To)}
			}
		}
	}
	return q, nil
}

func (s *Server) apiFigures(c *fiber.Ctx) error {
	v, err := query(c, "key", "from", "to", "by", "grain", "where", "as_of")
	if err != nil {
		return err
	}
	q, err := question(v, s.o.Now())
	if err != nil {
		return err
	}
	figures, err := s.o.Evaluator.Figures(c.UserContext(), q)
	if err != nil {
		return err
	}
	body, err := metrics.MarshalFigures(figures)
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	c.Set(fiber.HeaderContentType, "application/json; charset=utf-8")
	return c.Send(append(body, '\n'))
}

// apiRowsNormal is how many rows a page of the API has if nothing is said.
const apiRowsNormal = 100

func (s *Server) apiRows(c *fiber.Ctx) error {
	v, err := query(c, append([]string{"key", "part", "from", "to", "where", "as_of", "cursor", "limit"}, metrics.DelayNames...)...)
	if err != nil {
		return err
	}
	q, err := question(v, s.o.Now())
	if err != nil {
		return err
	}
	one := parameters{}
	for name := range v {
		one[name] = v.Get(name)
	}
	q.Delay = one.delay()
	limit, err := parameters{"limit": v.Get("limit")}.count("limit", apiRowsNormal, metrics.MaxRows)
	if err != nil {
		return err
	}
	rows, err := s.o.Evaluator.Rows(c.UserContext(), q, metrics.Part(v.Get("part")), v.Get("cursor"), limit)
	if err != nil {
		return err
	}
	return writeJSON(c, rows)
}

// apiIndicator is an entry of the catalogue.
type apiIndicator struct {
	Key        string      `json:"key"`
	Revision   int         `json:"revision"`
	Title      apiText     `json:"title"`
	Meaning    apiText     `json:"meaning"`
	Section    string      `json:"section"`
	Chapter    string      `json:"chapter"`
	Window     string      `json:"window"`
	Kind       string      `json:"kind"`
	Unit       string      `json:"unit"`
	Better     string      `json:"better"`
	Minimum    int64       `json:"minimum"`
	Dimensions []string    `json:"dimensions"`
	Targets    []apiTarget `json:"targets"`
}

type apiText struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

type apiTarget struct {
	From   string  `json:"from"`
	Value  float64 `json:"value"`
	Met    float64 `json:"met"`
	Near   float64 `json:"near"`
	Source string  `json:"source"`
}

func (s *Server) apiIndicators(c *fiber.Ctx) error {
	if _, err := query(c); err != nil {
		return err
	}
	out := []apiIndicator{}
	for _, ind := range s.o.Catalogue.All() {
		a := apiIndicator{
			Key: ind.Key, Revision: ind.Revision, Title: apiText(ind.Title), Meaning: apiText(ind.Meaning), Section: ind.Section, Chapter: ind.Chapter,
			Window: string(ind.Window), Kind: string(ind.Kind), Unit: string(ind.Unit), Better: ind.Better, Minimum: ind.Minimum,
			Dimensions: append([]string{}, ind.Dimensions...), Targets: []apiTarget{},
		}
		for _, t := range ind.Targets {
			a.Targets = append(a.Targets, apiTarget(t))
		}
		out = append(out, a)
	}
	return writeJSON(c, out)
}

// apiFresh is one topic's newest event; null: no event.
type apiFresh struct {
	Topic      string     `json:"topic"`
	Newest     *time.Time `json:"newest"`
	ReceivedAt *time.Time `json:"received_at"`
}

// apiSimulation is the operator whose events these are, if it is a simulated one.
type apiSimulation struct {
	Seed   uint64    `json:"seed"`
	Scale  float64   `json:"scale"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Ends   time.Time `json:"ends"`
	Loaded float64   `json:"loaded"`
}

// askedAsOf is the as_of of a question that has no other parameter.
func (s *Server) askedAsOf(c *fiber.Ctx) (time.Time, error) {
	v, err := query(c, "as_of")
	if err != nil {
		return time.Time{}, err
	}
	return parameters{"as_of": v.Get("as_of")}.asOf(s.o.Now())
}

// apiSource is when a source was last heard of.
type apiSource struct {
	Source            string    `json:"source"`
	Newest            time.Time `json:"newest"`
	Days              int       `json:"days"`
	LongestGapSeconds float64   `json:"longest_gap_seconds"`
	Silent            bool      `json:"silent"`
}

// apiIncident is something that happened to a log before it was read.
type apiIncident struct {
	FoundAt   time.Time `json:"found_at"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Log       int32     `json:"log"` // of the logs that the topic has had
	Kind      string    `json:"kind"`
	From      int64     `json:"from"`
	To        int64     `json:"to"`   // the first offset after them
	Gone      int64     `json:"gone"` // of them, never stored
}

func (s *Server) apiFreshness(c *fiber.Ctx) error {
	if _, err := query(c); err != nil {
		return err
	}
	ctx := c.UserContext()
	asOf, err := s.o.Evaluator.LiveAsOf(ctx)
	if err != nil {
		return err
	}
	topics, err := s.topics(ctx)
	if err != nil {
		return err
	}
	books, err := s.o.DB.LastReconciliation(ctx)
	if err != nil {
		return err
	}
	simulated, err := s.simulation(ctx)
	if err != nil {
		return err
	}
	out := map[string]any{"as_of": nil, "lag_seconds": nil, "reconciled_at": nil, "missing": nil, "gone": nil, "simulated": nil}
	if simulated != nil {
		out["simulated"] = apiSimulation{
			Seed: simulated.Seed, Scale: simulated.Scale, From: simulated.From, To: simulated.To, Ends: simulated.Ends, Loaded: simulated.Loaded,
		}
	}
	if !asOf.IsZero() {
		out["as_of"], out["lag_seconds"] = asOf, s.o.Now().Sub(asOf).Seconds()
	}
	fresh := []apiFresh{}
	for _, t := range topics {
		f := apiFresh{Topic: t.Topic}
		if !t.Newest.IsZero() {
			f.Newest, f.ReceivedAt = &t.Newest, &t.Received
		}
		fresh = append(fresh, f)
	}
	out["topics"] = fresh
	sources, err := s.o.Evaluator.Sources(ctx, s.o.Now())
	if err != nil {
		return err
	}
	heard := []apiSource{}
	for _, source := range sources {
		heard = append(heard, apiSource{Source: source.Name, Newest: source.Newest, Days: source.Days, LongestGapSeconds: source.Gap.Seconds(), Silent: source.Silent(s.o.Now())})
	}
	out["sources"] = heard
	var missing, gone int64
	for _, b := range books {
		missing, gone = missing+b.Missing, gone+b.Gone
		out["reconciled_at"], out["missing"], out["gone"] = b.At.UTC(), missing, gone
	}
	incidents, err := s.o.DB.Incidents(ctx)
	if err != nil {
		return err
	}
	told := []apiIncident{}
	for _, i := range incidents[:min(len(incidents), latestRows)] {
		log, partition := queries.SplitPartition(i.Partition)
		told = append(told, apiIncident{i.FoundAt, i.Topic, partition, log, i.Kind, i.From, i.To, i.Count})
	}
	out["incidents"] = told
	return writeJSON(c, out)
}

// apiEvent is an event as it is stored, at its place in the log.
type apiEvent struct {
	Topic       string          `json:"topic"`
	Partition   int32           `json:"partition"`
	Log         int32           `json:"log"` // of the logs that the topic has had
	Offset      int64           `json:"offset"`
	ReceivedAt  time.Time       `json:"received_at"`
	Source      string          `json:"source"`
	ID          string          `json:"id"`
	ContentHash string          `json:"content_hash"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	Sequence    string          `json:"sequence"`
	Recorded    *time.Time      `json:"recordedtime"`
	Test        bool            `json:"test"`
	CorrectsID  string          `json:"correctsid"`
	DataSchema  string          `json:"dataschema"`
	Data        json.RawMessage `json:"data"`
}

func (s *Server) apiEvents(b base) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if _, err := query(c); err != nil {
			return err
		}
		id, err := pathText(c, "id")
		if err != nil {
			return err
		}
		rows, err := s.storedEvents(c.UserContext(), b, id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &notFound{"fault.not_found.subject", []any{clip(id)}}
		}
		out := make([]apiEvent, 0, len(rows))
		for _, r := range rows {
			log, partition := queries.SplitPartition(r.Partition)
			out = append(out, apiEvent{
				Topic: b.topic, Partition: partition, Log: log, Offset: r.Offset, ReceivedAt: r.ReceivedAt.UTC(), Source: r.Source, ID: r.ID,
				ContentHash: hex.EncodeToString([]byte(r.Hash)), Type: r.Type, Subject: id, Time: r.Time.UTC(), Sequence: r.Sequence,
				Recorded: r.Recorded, Test: r.Test, CorrectsID: r.CorrectsID, DataSchema: r.DataSchema, Data: page.WithoutFreeText([]byte(r.Data)),
			})
		}
		return writeJSON(c, out)
	}
}
