package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"youzhi/metrics/calendar"
)

func plan(indicator, baselineEnd string) fields {
	return fields{
		"indicator": indicator, "unit": "51", "owner_post": "operations-51", "planned_check_date": "2026-06-01",
		"baseline": fields{"start": "2025-11-01", "end": baselineEnd},
	}
}

func TestFoldImprovement(t *testing.T) {
	day := func(text string) calendar.Day {
		d, err := calendar.ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s := newStory(t, "IMP-1")
	s.add("improvement.planned", "2026-02-01 10:00", plan("on_time_delivery_rate", "2026-02-01"))
	s.add("improvement.started", "2026-03-01 09:00", fields{})
	// What was fixed before stays: neither a second plan nor a second check counts.
	s.add("improvement.planned", "2026-03-02 10:00", plan("loss_rate", "2026-03-01"))
	s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"})
	s.add("improvement.checked", "2026-06-08 16:00", fields{"start": "2026-05-01", "end": "2026-06-08"})
	s.add("improvement.closed", "2026-06-10 11:00", fields{"result": "standardised"})
	got := FoldImprovement(Effective(s.events, forever, nil))
	want := Improvement{
		Unit: Unit{
			Subject: "IMP-1", Source: "/cn/post/core", Counted: 6, State: "closed",
			Steps: []string{"checked", "closed", "planned", "started"}, Flags: []string{FlagCheckRepeated, FlagPlanRepeated},
			FirstEventAt: at(t, "2026-02-01 10:00"), LastEventAt: at(t, "2026-06-10 11:00"),
		},
		Indicator: "on_time_delivery_rate", For: "51", OwnerPost: "operations-51",
		Baseline: Days{day("2025-11-01"), day("2026-02-01")}, CheckPlanned: day("2026-06-01"), Check: Days{day("2026-03-01"), day("2026-06-01")},
		PlannedAt: at(t, "2026-02-01 10:00"), StartedAt: at(t, "2026-03-01 09:00"), CheckedAt: at(t, "2026-06-01 16:00"), ClosedAt: at(t, "2026-06-10 11:00"),
		Result: "standardised",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestFoldImprovement_Flags(t *testing.T) {
	for _, c := range []struct {
		name  string
		story func(*story)
		state string
		flags []string
	}{
		{"planned when the days to check had begun", func(s *story) {
			s.add("improvement.planned", "2026-03-01 00:00", plan("loss_rate", "2026-02-01"))
			s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"})
		}, "checked", []string{FlagPlanLate}},
		{"planned at the last moment before", func(s *story) {
			s.add("improvement.planned", "2026-02-28 23:59", plan("loss_rate", "2026-02-01"))
			s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"})
		}, "checked", nil},
		{"the days to check corrected", func(s *story) {
			s.add("improvement.planned", "2026-02-01 10:00", plan("loss_rate", "2026-02-01"))
			s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"}, withID("check"))
			s.add("assurance.corrected", "2026-06-02 16:00", fields{"data": fields{"end": "2026-05-01"}}, correcting("check"))
		}, "checked", []string{FlagTermsCorrected}},
		{"planned late, and put earlier", func(s *story) {
			s.add("improvement.planned", "2026-03-02 00:00", plan("loss_rate", "2026-02-01"), withID("plan"))
			s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"})
			s.add("assurance.corrected", "2026-06-02 16:00", fields{"time_new": s.instant("2026-02-01 10:00")}, correcting("plan"))
		}, "checked", []string{FlagTermsCorrected}},
		{"checked again after the first check was taken back", func(s *story) {
			s.add("improvement.planned", "2026-02-01 10:00", plan("loss_rate", "2026-02-01"))
			s.add("improvement.checked", "2026-06-01 16:00", fields{"start": "2026-03-01", "end": "2026-06-01"}, withID("check"))
			s.add("assurance.corrected", "2026-06-02 16:00", fields{"void": true}, correcting("check"))
			s.add("improvement.checked", "2026-06-03 16:00", fields{"start": "2026-03-01", "end": "2026-05-01"})
		}, "checked", []string{FlagTermsCorrected}},
		{"begun without a plan", func(s *story) { s.add("improvement.started", "2026-03-01 09:00", fields{}) }, "started", []string{FlagIncomplete}},
		{"begun before it was planned", func(s *story) {
			s.add("improvement.started", "2026-01-01 09:00", fields{})
			s.add("improvement.planned", "2026-02-01 10:00", plan("loss_rate", "2026-02-01"))
		}, "started", []string{FlagIllogicalOrder}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t, "IMP-2")
			c.story(s)
			got := FoldImprovement(Effective(s.events, forever, nil))
			if got.State != c.state || !got.Open {
				t.Errorf("state %q, open %v; want %q, open", got.State, got.Open, c.state)
			}
			if diff := cmp.Diff(c.flags, got.Flags); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}
