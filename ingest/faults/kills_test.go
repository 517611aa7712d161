// Package faults_test runs the program as its operators do, as processes beside
// an Apache Kafka and a ClickHouse of their own, breaks all of them, and holds
// what is stored and shown to what was sent.
//
//   - build_test.go: the program with places in it where it can be ended
//   - stage_test.go: the processes
//   - load_test.go: what is sent, and the book of it
//   - judge_test.go: what must hold
//   - kills_test.go: kills at the places, under load
package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"youzhi/deploy/kafka/kafkatest"
)

// rate is how many messages a second come while the program is broken.
const rate = 2000

func TestKills(t *testing.T) {
	n := max(wanted(t, "YOUZHI_KILLS"), 6)
	seed := seed(t)
	s := newStage(t, kafkatest.Start(t, 1), build(t, "true"), seed)
	s.kills(n)
	s.settle()
	if v := s.judge(); len(v.lines) > 0 {
		t.Errorf("seed %d:\n%s", seed, v)
	}
}

// kills ends the ingest n times, in each of the windows as often, while the load
// goes on.
func (s *stage) kills(n int) {
	s.Helper()
	histogram := map[string]int{}
	var plan []fault
	for i := range n {
		plan = append(plan, fault{place: []string{insertQuarantine, insertCommit, commitFold}[i%3]})
	}
	s.Shuffle(n, func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	s.pour.begin(s, rate)
	start := time.Now()
	for i, f := range plan {
		f.pass = 1 + s.IntN(6)
		p := s.start(f, "ingest")
		s.dies(p, f.place)
		histogram[f.place]++
		s.cluster.Expel(group, s.cluster.Members(group)...)
		if v := s.checkCommitted(); len(v.lines) > 0 {
			s.Fatalf("kill %d, %s at pass %d:\n%s", i+1, f.place, f.pass, v)
		}
	}
	s.pour.stop()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(histogram)) {
		lines = append(lines, fmt.Sprintf("%-24s %d", name, histogram[name]))
	}
	s.Logf("%d kills in %v\n%s", n, time.Since(start).Round(time.Second/10), strings.Join(lines, "\n"))
}

// settle lets the program store all that was sent.
func (s *stage) settle() {
	s.Helper()
	s.pour.settle(s)
	p := s.start(fault{}, "ingest")
	took := s.until("all that was sent is committed", patience, s.done)
	s.Logf("caught up in %v", took.Round(time.Second/100))
	s.ends(p)
}
