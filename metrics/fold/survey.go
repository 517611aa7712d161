package fold

import (
	"strings"
	"time"

	"youzhi/ingest/event"
)

// Survey is the state of one invitation and its answer.
type Survey struct {
	Unit
	Instrument, Wave string
	CaseID, TicketID string
	InvitedAt        time.Time
	// AnsweredAt is the first answer.
	AnsweredAt time.Time
	ExpiresAt  time.Time
	// Scored says that there is a valid answer to the overall item: Score lies on a scale from ScoreMin to ScoreMax.
	Scored                    bool
	Score, ScoreMin, ScoreMax float64
	// Weight of the answer is above 0; 1 if the source gives none, 0 before an answer.
	Weight float64
}

// SurveyLinks returns the subjects that a survey refers to.
func SurveyLinks(h History) Links {
	var l Links
	answered := false
	for _, e := range h.Events {
		switch d := e.Payload.(type) {
		case *event.SurveyInvited:
			report(&l.CaseID, d.CaseID)
			report(&l.TicketID, d.TicketID)
		case *event.SurveyAnswered:
			if !answered {
				report(&l.CaseID, d.CaseID)
				report(&l.TicketID, d.TicketID)
			}
			answered = true
		}
	}
	return l
}

// FoldSurvey returns the state of a survey from the events that count. Events of other families are passed over.
//
// Source: indicator catalogue B4 rule 9.
func FoldSurvey(h History, link Linked) Survey {
	var s Survey
	entries := s.begin(&h, func(t string) bool { return strings.HasPrefix(t, "cn.post.survey.") })
	if len(entries) == 0 {
		return s
	}
	links := SurveyLinks(h)
	s.CaseID, s.TicketID = links.CaseID, links.TicketID
	s.Instrument = Unknown
	var invited, answered moment
	for i, e := range entries {
		at := moment{e.Time, i}
		switch d := e.Payload.(type) {
		case *event.SurveyInvited:
			invited.first(at)
			report(&s.Instrument, d.Instrument)
			report(&s.Wave, d.Wave)
			report(&s.Dims.Region, d.Region)
			report(&s.Dims.Channel, d.Channel)
			if d.ExpiresAt != nil {
				s.ExpiresAt = *d.ExpiresAt
			}
		case *event.SurveyAnswered:
			if answered.set() {
				s.flag(FlagRepeatedAnswer)
				continue
			}
			answered = at
			report(&s.Instrument, d.Instrument)
			report(&s.Dims.Region, d.Region)
			report(&s.Dims.Outlet, d.Outlet)
			report(&s.Dims.Product, d.Product)
			s.answer(d)
		}
	}
	s.InvitedAt, s.AnsweredAt = invited.at, answered.at
	s.Open = !answered.set()
	s.State = "invited"
	if answered.set() {
		s.State, s.Outcome = "answered", "answered"
	}
	if illogical(invited, answered) {
		s.flag(FlagIllogicalOrder)
	}
	s.Dims.complete(link)
	s.step("invited", invited)
	s.step("answered", answered)
	s.finish()
	return s
}

// answer takes the score: of the item "overall", or of the only scored item where there is no such item. "Don't know" is
// no valid answer. Source: indicator catalogue A3, B3 (survey.answered).
func (s *Survey) answer(d *event.SurveyAnswered) {
	s.Weight = 1
	if d.Weight != nil {
		s.Weight = *d.Weight
	}
	var overall, scores []event.Answer
	for _, a := range d.Answers {
		if a.Role != "score" {
			continue
		}
		scores = append(scores, a)
		if a.Item == "overall" {
			overall = append(overall, a)
		}
	}
	if len(overall) > 0 {
		scores = overall
	}
	switch {
	case len(scores) == 0:
	case len(overall) > 1, scores[0].Min >= scores[0].Max:
		s.flag(FlagBadScore)
	case len(scores) > 1, scores[0].Value == nil:
	case *scores[0].Value < scores[0].Min || *scores[0].Value > scores[0].Max:
		s.flag(FlagBadScore)
	default:
		s.Scored = true
		s.Score, s.ScoreMin, s.ScoreMax = *scores[0].Value, scores[0].Min, scores[0].Max
	}
}
