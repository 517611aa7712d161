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

// rate is how many messages a second come while all is broken; slow is for while a
// fold runs, which has to get on beside them.
const rate, slow = 1000, 200

// trouble is something that happens, and its name.
type trouble struct {
	name   string
	happen func(*stage)
}

// campaign draws n kills in the three windows, as many in each, a third of those
// behind the commit in the fold, and beside them kills of ClickHouse and others.
func (s *stage) campaign(n int, others ...trouble) []trouble {
	folds := []string{foldFound, foldState, foldFacts}
	var all []trouble
	for i := range n {
		switch place := []string{insertQuarantine, insertCommit, commitFold}[i%3]; {
		case place == commitFold && i/3%3 == 0:
			fold := folds[i/9%3]
			all = append(all, trouble{commitFold + " in the " + fold, killFold(fold)})
		default:
			all = append(all, trouble{place, kill(place)})
		}
	}
	for i := range max(2, n/10) {
		place := []string{clickhouseRows, clickhouseStored}[i%2]
		all = append(all, trouble{place, killClickHouse(place)})
	}
	all = append(all, others...)
	s.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// suffer lets troubles happen one after the other while the load goes on, and looks
// after each that nothing is committed which is not stored.
func (s *stage) suffer(troubles []trouble) {
	s.Helper()
	histogram, took := map[string]int{}, map[string]time.Duration{}
	s.pour.begin(s)
	begun := time.Now()
	for i, t := range troubles {
		start := time.Now()
		s.now = fmt.Sprintf("trouble %d of %d, %s", i+1, len(troubles), t.name)
		t.happen(s)
		s.check("after it")
		if s.Failed() {
			s.FailNow()
		}
		histogram[t.name]++
		took[t.name] += time.Since(start)
		s.Logf("%s: %v", s.now, time.Since(start).Round(time.Second/100))
	}
	s.pour.stop()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(histogram)) {
		lines = append(lines, fmt.Sprintf("%-36s %3d times, %v each", name, histogram[name], (took[name]/time.Duration(histogram[name])).Round(time.Second/100)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.longest)) {
		lines = append(lines, fmt.Sprintf("at most %v until what was sent is stored: %s", s.longest[name].Round(time.Second/100), name))
	}
	s.Logf("%d kills and other faults in %v\n%s", len(troubles), time.Since(begun).Round(time.Second/10), strings.Join(lines, "\n"))
}

// check ends the test if something is committed that is not stored, or a commit
// went back.
func (s *stage) check(when string) {
	s.Helper()
	if v := s.checkCommitted(); len(v.lines) > 0 {
		s.Fatalf("seed %d, %s, %s:\n%s", s.seed, s.now, when, v)
	}
}

// settle lets the program store all that was sent.
func (s *stage) settle() {
	s.Helper()
	s.pour.flush(s)
	s.book.complete(s)
	p := s.start(fault{}, "ingest")
	s.ready(p)
	s.until("all that was sent is committed", patience, s.done)
	s.ends(p)
}

// TestFaults breaks the program, ClickHouse and Kafka. YOUZHI_KILLS says how often
// the program is killed; with it there are three brokers, and what takes longer
// happens too.
func TestFaults(t *testing.T) {
	n, brokers := wanted(t, "YOUZHI_KILLS"), 3
	others := []trouble{
		{"told to end", terminate}, {"halted", halt}, {"no quarantine", quarantineGone}, {"nothing but poison", poisoned},
		{"huge messages", huge}, {"transactions", transactions}, {"offsets set to 0", replay},
		{"messages expired", expired}, {"a topic made anew", remade}, {"disk full", refuse(diskFull)},
	}
	if n == 0 {
		n, brokers = 9, 1
	} else {
		long := []trouble{
			{"a broker gone", brokerGone}, {"a broker gone", brokerGone}, {"ClickHouse away", clickhouseDown}, {"too many parts", refuse(tooManyParts)},
			{"too little memory", shortOfMemory}, {"a packed bomb", bomb},
			{"storm of rebalances", storm(40*time.Second, 5*time.Second)},
		}
		others = append(others, long...)
		// More of them with more kills, but for what takes longest.
		again := others[:len(others)-1]
		for range n / 90 {
			others = append(others, again...)
		}
	}
	seed := seed(t)
	s := newStage(t, kafkatest.Start(t, brokers), build(t, "true"), seed)
	s.suffer(s.campaign(n, others...))
	s.settle()
	if v := s.judge(); len(v.lines) > 0 {
		t.Errorf("seed %d:\n%s", seed, v)
	}
}
