// Package faults_test runs the program as its operators do, as processes beside
// an Apache Kafka and a ClickHouse of their own, breaks all of them, and holds
// what is stored and shown to what was sent.
//
//   - build_test.go: the program with places in it where it can be ended
//   - stage_test.go: the processes
//   - load_test.go: what is sent, and the book of it
//   - judge_test.go: what must hold
//   - kills_test.go: kills of the ingest, the fold and ClickHouse
//   - troubles_test.go: what else happens to them, and to Kafka
//   - campaign_test.go: all of it in an order drawn by a seed
//   - secured_test.go: brokers that want TLS and a password
//   - harness_test.go: programs with bugs, which must not pass
//   - failpoint/: what ends a process, built into it by the tests alone
package faults_test

import (
	"time"
)

// kill ends an ingest at a place.
func kill(place string) func(*stage) {
	return func(s *stage) {
		s.Helper()
		p := s.start(fault{place: place, pass: 1 + s.IntN(6)}, "ingest")
		s.dies(p, place)
		s.bury()
	}
}

// bury takes the dead out of the group, which else waits for their sessions to end.
func (s *stage) bury() {
	s.Helper()
	s.cluster.Expel(group, s.cluster.Members(group)...)
}

// anywhere kills an ingest wherever it is.
func (s *stage) anywhere(p *process) {
	s.Helper()
	time.Sleep(time.Duration(s.IntN(200)) * time.Millisecond)
	p.Kill()
	s.bury()
}

// killFold ends the jobs at a place of the fold, while an ingest brings more.
func killFold(place string) func(*stage) {
	return func(s *stage) {
		s.Helper()
		s.pour.rate.Store(slow)
		defer s.pour.rate.Store(rate)
		ingest := s.start(fault{}, "ingest")
		// Most often in the first run, which has what earlier ends left behind; else
		// that one comes to its end.
		s.dies(s.start(fault{place: place, pass: 1 + s.IntN(3)/2}, "jobs"), place)
		s.anywhere(ingest)
	}
}

// killClickHouse ends ClickHouse at a place of an insert. The ingest does not know
// whether the rows are stored; when ClickHouse is there again it goes on by itself.
func killClickHouse(place string) func(*stage) {
	return func(s *stage) {
		s.Helper()
		ingest := s.start(fault{}, "ingest")
		s.ready(ingest)
		s.arm(s.clickhouse, fault{place: place, pass: 1 + s.IntN(15)})
		s.dies(s.clickhouse, place)
		time.Sleep(time.Duration(s.IntN(1500)) * time.Millisecond)
		s.startClickHouse()
		s.resumes("ClickHouse is up again", 5*time.Second)
		s.anywhere(ingest)
	}
}
