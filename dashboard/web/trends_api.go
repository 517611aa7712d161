package web

import (
	"github.com/gofiber/fiber/v2"

	"youzhi/dashboard/page"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/stats"
)

// apiTrend is a trend as its control chart judges it. Values are in the
// indicator's unit; null is no data, or no limits.
type apiTrend struct {
	Key       string              `json:"key"`
	Grain     calendar.Grain      `json:"grain"`
	By        map[string]string   `json:"by"`
	Where     map[string][]string `json:"where"`
	Cut       bool                `json:"cut"` // earlier periods are not looked at
	Chart     stats.Kind          `json:"chart"`
	Better    stats.Better        `json:"better"`
	Variation apiIcon             `json:"variation"`
	Assurance apiIcon             `json:"assurance"`
	Phases    []apiPhase          `json:"phases"`
	Points    []apiPoint          `json:"points"`
	Signals   []apiSignal         `json:"signals"` // the newest first
	// Sentences say what the signals show, as the page does: those of one side that
	// overlap in one sentence. The newest stands first.
	Sentences []apiText `json:"sentences"`
	State     apiText   `json:"state"`
}

// apiIcon is an icon, or why there is none.
type apiIcon struct {
	Hidden stats.Reason `json:"hidden"`
	State  string       `json:"state"`
	Letter string       `json:"letter"`
	Side   stats.Side   `json:"side,omitempty"`
	Rule   stats.Rule   `json:"rule,omitempty"`
}

// apiPhase is a stretch with one set of limits; from and to are its first and last
// period.
type apiPhase struct {
	From        string           `json:"from"`
	To          string           `json:"to"`
	Chart       stats.Kind       `json:"chart"`
	State       stats.PhaseState `json:"state"`
	Reason      stats.Reason     `json:"reason"`
	Points      int              `json:"points"`
	Baseline    int              `json:"baseline"`
	Centre      *float64         `json:"centre"` // null where it differs from point to point
	SigmaZ      *float64         `json:"sigma_z"`
	NoVariation bool             `json:"no_variation"`
}

type apiPoint struct {
	Period      string          `json:"period"`
	From        calendar.Day    `json:"from"`
	To          calendar.Day    `json:"to"`
	Value       *float64        `json:"value"`
	Numerator   *float64        `json:"numerator"`
	Denominator *float64        `json:"denominator"`
	Pending     *int64          `json:"pending"`
	Unfinished  bool            `json:"unfinished"`
	Judged      bool            `json:"judged"`
	Phase       int             `json:"phase"` // -1: none
	Limits      *apiLimits      `json:"limits"`
	Direction   stats.Direction `json:"direction"`
	Rules       []stats.Rule    `json:"rules"`
}

// apiLimits are those of a point, not cut to what is possible; a limit that no
// value can pass is marked.
type apiLimits struct {
	Centre       float64 `json:"centre"`
	Lower        float64 `json:"lower"`
	Upper        float64 `json:"upper"`
	NearLower    float64 `json:"near_lower"`
	NearUpper    float64 `json:"near_upper"`
	ClippedLower bool    `json:"clipped_lower"`
	ClippedUpper bool    `json:"clipped_upper"`
}

// apiSignal is a pattern: its first and last period, and its sentence.
type apiSignal struct {
	Rule      stats.Rule      `json:"rule"`
	Side      stats.Side      `json:"side"`
	Direction stats.Direction `json:"direction"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Periods   int             `json:"periods"`
	Ended     bool            `json:"ended"`
	Sentence  apiText         `json:"sentence"`
}

func (s *Server) apiTrends(c *fiber.Ctx) error {
	v, err := query(c, "key", "from", "to", "by", "grain", "where", "as_of")
	if err != nil {
		return err
	}
	q, err := question(v, s.o.Now())
	if err != nil {
		return err
	}
	trends, err := s.o.Evaluator.Trends(c.UserContext(), q)
	if err != nil {
		return err
	}
	out := []apiTrend{}
	for _, t := range trends {
		out = append(out, s.apiTrendOf(t))
	}
	return writeJSON(c, out)
}

func (s *Server) apiTrendOf(t metrics.Trend) apiTrend {
	zh, en := page.Chinese.Voice(s.o.Catalogue), page.English.Voice(s.o.Catalogue)
	periods := t.Periods()
	out := apiTrend{
		Key: t.Key, Grain: t.Grain, By: t.By, Where: t.Where, Cut: t.Cut, Chart: t.Chart.Kind, Better: t.Chart.Better,
		Variation: apiIcon{Hidden: t.Variation.Hidden, State: string(t.Variation.Direction), Letter: t.Variation.Letter(), Side: t.Variation.Side, Rule: t.Variation.Rule},
		Assurance: apiIcon{Hidden: t.Assurance.Hidden, State: string(t.Assurance.Assurance), Letter: t.Assurance.Assurance.Letter()},
		Phases:    []apiPhase{}, Points: []apiPoint{}, Signals: []apiSignal{}, Sentences: []apiText{}, State: apiText{Zh: zh.State(t), En: en.State(t)},
	}
	if out.Where == nil {
		out.Where = map[string][]string{}
	}
	for _, p := range t.Chart.Phases {
		phase := apiPhase{From: periods[p.From].Label(), To: periods[p.To-1].Label(), Chart: p.Kind, State: p.State, Reason: p.Reason,
			Points: p.Points, Baseline: p.Baseline, NoVariation: p.NoVariation}
		if p.HasLimits() && !t.ByWeekday() {
			phase.Centre = &p.Centre
		}
		if p.SigmaZ > 0 {
			phase.SigmaZ = &p.SigmaZ
		}
		out.Phases = append(out.Phases, phase)
	}
	for i, p := range t.Chart.Points {
		f := t.Figures[i]
		point := apiPoint{Period: p.Label, From: f.From, To: f.To, Value: f.Value, Numerator: f.Numerator, Denominator: f.Denominator, Pending: f.Pending,
			Unfinished: p.Unfinished, Judged: p.Judged, Phase: p.Phase, Direction: p.Direction, Rules: []stats.Rule{}}
		if l := p.Limits; l != nil {
			point.Limits = &apiLimits{l.Centre, l.Lower, l.Upper, l.NearLower, l.NearUpper, l.ClippedLower, l.ClippedUpper}
		}
		for _, signal := range p.Signals {
			point.Rules = append(point.Rules, signal.Rule)
		}
		out.Points = append(out.Points, point)
	}
	for _, signal := range t.Signals() {
		said := zh.Signal(t, signal)
		out.Signals = append(out.Signals, apiSignal{
			Rule: signal.Rule, Side: signal.Side, Direction: signal.Direction, From: periods[signal.From].Label(), To: periods[signal.To-1].Label(),
			Periods: signal.Length(), Ended: said.Ended, Sentence: apiText{Zh: said.Text, En: en.Signal(t, signal).Text},
		})
	}
	english := en.Signals(t)
	for i, said := range zh.Signals(t) {
		out.Sentences = append(out.Sentences, apiText{Zh: said.Text, En: english[i].Text})
	}
	return out
}
