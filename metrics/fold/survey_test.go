package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func answer(item, role string, value any) map[string]any {
	return map[string]any{"item": item, "role": role, "value": value, "min": 1, "max": 5}
}

func TestFoldSurvey_Score(t *testing.T) {
	overall := answer("overall", "score", 4)
	for _, c := range []struct {
		name    string
		answers []map[string]any
		scored  bool
		score   float64
		flags   []string
	}{
		{"overall", []map[string]any{overall}, true, 4, nil},
		{"overall among others", []map[string]any{answer("speed", "score", 1), overall, answer("smile", "score", 2)}, true, 4, nil},
		{"the only score", []map[string]any{answer("speed", "score", 2), answer("why", "choice", 3)}, true, 2, nil},
		{"several scores, none overall", []map[string]any{answer("speed", "score", 2), answer("smile", "score", 3)}, false, 0, nil},
		{"overall in another role", []map[string]any{answer("overall", "perception", 2)}, false, 0, nil},
		{"don't know", []map[string]any{answer("overall", "score", nil), answer("speed", "score", 2)}, false, 0, nil},
		{"no answers", []map[string]any{answer("why", "choice", 1)}, false, 0, nil},
		{"overall twice", []map[string]any{overall, answer("overall", "score", 2)}, false, 0, []string{FlagBadScore}},
		{"ends of the scale", []map[string]any{answer("overall", "score", 1)}, true, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t, "S-1").add("survey.answered", "2026-03-13 16:00", fields{"instrument": "csat", "answers": c.answers})
			got := s.foldSurvey(Linked{})
			if got.Scored != c.scored || got.Score != c.score || got.Weight != 1 {
				t.Errorf("scored %v %v weight %v, want %v %v 1", got.Scored, got.Score, got.Weight, c.scored, c.score)
			}
			if c.scored && (got.ScoreMin != 1 || got.ScoreMax != 5) {
				t.Errorf("scale %v to %v, want 1 to 5", got.ScoreMin, got.ScoreMax)
			}
			if diff := cmp.Diff(c.flags, got.Flags); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldSurvey_State(t *testing.T) {
	s := newStory(t, "S-5")
	s.add("survey.invited", "2026-02-28 09:00", fields{"instrument": "csat", "wave": "2026Q1", "ticket_id": "T-9", "channel": "phone", "expires_at": s.instant("2026-03-14 00:00")})
	open := s.foldSurvey(Linked{})
	if !open.Open || open.State != "invited" || open.Weight != 0 || len(open.Anchors) != 1 {
		t.Errorf("invited: %+v", open)
	}
	s.add("survey.answered", "2026-03-01 09:30", fields{
		"instrument": "csat", "case_id": "C-1", "outlet": "HZ-017", "weight": 2.5,
		"answers": []map[string]any{answer("overall", "score", 5)},
	})
	s.add("survey.answered", "2026-03-02 09:30", fields{
		"instrument": "nps", "case_id": "C-2", "outlet": "HZ-018", "answers": []map[string]any{answer("overall", "score", 1)},
	})
	if diff := cmp.Diff(Links{CaseID: "C-1", TicketID: "T-9"}, SurveyLinks(Effective(s.events, forever, nil))); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	got := s.foldSurvey(Linked{
		Case:   &Dims{Region: "330100", Outlet: "HZ-001", Product: "parcel", Channel: "online", Direction: Unknown},
		Ticket: &Dims{Region: "110000", Outlet: "BJ-001", Product: "ems", Channel: "phone", Direction: "inbound"},
	})
	want := Survey{
		Unit: Unit{
			Subject: "S-5", Source: "/cn/post/core", Counted: 3,
			Dims: Dims{
				Region: "330100", Outlet: "HZ-017", Product: "parcel", Channel: "phone", Direction: "inbound",
				CustomerType: Unknown, CustomerTier: Unknown, SpecialNeed: Unknown, AreaType: Unknown,
				FromCase: []string{"product", "region"}, FromTicket: []string{"direction"},
			},
			State: "answered", Outcome: "answered", Steps: []string{"answered", "invited"}, Flags: []string{FlagRepeatedAnswer},
			FirstEventAt: at(t, "2026-02-28 09:00"), LastEventAt: at(t, "2026-03-02 09:30"),
		},
		Instrument: "csat", Wave: "2026Q1", CaseID: "C-1", TicketID: "T-9",
		InvitedAt: at(t, "2026-02-28 09:00"), AnsweredAt: at(t, "2026-03-01 09:30"), ExpiresAt: at(t, "2026-03-14 00:00"),
		Scored: true, Score: 5, ScoreMin: 1, ScoreMax: 5, Weight: 2.5,
	}
	var anchors []string
	for _, a := range got.Anchors {
		anchors = append(anchors, a.Name+" "+a.Day.String())
	}
	got.Anchors = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"invited 2026-02-28", "answered 2026-03-01"}, anchors); diff != "" {
		t.Errorf("anchors (-want +got):\n%s", diff)
	}
}
