package faults_test

import (
	"testing"

	"youzhi/deploy/kafka/kafkatest"
)

// TestHarness builds programs with a bug that loses messages, and fails unless the
// judge finds it.
func TestHarness(t *testing.T) {
	cluster := kafkatest.Start(t, 1)
	for _, bug := range []struct {
		name   string
		change change
		place  string // where a kill shows it
		kinds  []string
	}{
		{"commits before it inserts", change{
			pipelineFile, "\tif err := p.insertEvents(ctx, b); err != nil {\n",
			"\tif err := p.generation.Commit(ctx, p.topic, b.next); err != nil {\n\t\treturn err\n\t}\n\tif err := p.insertEvents(ctx, b); err != nil {\n",
		}, insertQuarantine, []string{ahead, lost}},
		{"drops a quarantine row", change{
			pipelineFile, "p.o.Store.InsertQuarantine(ctx, b.quarantine)", "p.o.Store.InsertQuarantine(ctx, b.quarantine[1:])",
		}, commitFold, []string{ahead, lost, books}},
	} {
		t.Run(bug.name, func(t *testing.T) {
			program := build(t, bug.name, bug.change)
			s := newStage(t, cluster, program, seed(t))
			s.pour.begin(s)
			for range 3 {
				kill(bug.place)(s)
			}
			s.pour.stop()
			s.settle()
			v := s.checkCommitted()
			s.judgeRows(v)
			s.judgeBooks(v)
			for _, kind := range bug.kinds {
				if v.counts[kind] == 0 {
					t.Errorf("nothing found that is %s; only this:\n%s", kind, v)
				}
			}
			t.Logf("the judge says:\n%s", v)
		})
	}
}
