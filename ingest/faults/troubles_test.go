package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"youzhi/deploy/kafka/kafkatest"
	"youzhi/ingest/event"
)

// logEnds are the offsets that the next messages get.
func (s *stage) logEnds() kafkatest.Offsets {
	s.Helper()
	var ends kafkatest.Offsets
	s.until("the log's ends are known", patience, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var err error
		ends, err = s.cluster.Ends(ctx, event.Topics()...)
		return err == nil
	})
	return ends
}

// behind says whether the group has not yet committed some offsets.
func (s *stage) behind(offsets kafkatest.Offsets) bool {
	s.Helper()
	committed := s.cluster.Committed(group)
	for topic, of := range offsets {
		for p, offset := range of {
			if committed[topic][p] < offset {
				return true
			}
		}
	}
	return false
}

// resumes waits until all that the log has now is committed, and remembers how
// long that took at most.
func (s *stage) resumes(after string, limit time.Duration) {
	s.Helper()
	ends := s.logEnds()
	took := s.until("what the log had when "+after+" is committed", limit, func() bool { return !s.behind(ends) })
	s.longest[after] = max(s.longest[after], took)
}

// terminate tells an ingest to end: it does so in time, and what it had stored is
// committed.
func terminate(s *stage) {
	s.Helper()
	p := s.start(fault{}, "ingest")
	s.ready(p)
	s.resumes("an ingest has started", patience)
	s.ends(p)
	committed := s.cluster.Committed(group)
	for _, topic := range event.Topics() {
		for _, row := range s.rows("SELECT partition, max(offset) + 1 FROM (SELECT partition, offset FROM " + events(s, topic) +
			" UNION ALL SELECT partition, offset FROM quarantine WHERE topic = '" + topic + "') GROUP BY partition") {
			partition := int32(s.integer(row[0])) - s.book.partition(topic, 0)
			if partition < 0 {
				continue // of a log that is no more
			}
			if stored := s.integer(row[1]); stored != committed[topic][partition] {
				s.Errorf("after a quiet end %s/%d is stored up to %d and committed up to %d", topic, partition, stored, committed[topic][partition])
			}
		}
	}
}

// halt stops an ingest that has stored a batch. Its partitions move on to another
// one; when it wakes up, its commit comes too late and must not count.
func halt(s *stage) {
	s.Helper()
	hung := s.start(fault{place: insertCommit, pass: 1 + s.IntN(4), halt: true}, "ingest")
	s.until("the ingest has halted", patience, func() bool { return hung.reached(insertCommit) })
	s.bury()
	other := s.start(fault{}, "ingest")
	s.ready(other)
	s.resumes("another ingest has the partitions of one that hangs", 30*time.Second)
	s.check("before the hung ingest goes on")
	hung.Signal(syscall.SIGCONT)
	s.until("the hung ingest has partitions again", 30*time.Second, func() bool {
		s.check("after the hung ingest went on")
		return strings.Count(s.said(hung), "consumer group assigned partitions") > 1
	})
	s.check("with both")
	hung.Kill()
	other.Kill()
	s.bury()
}

// quarantineGone takes the quarantine's table away: no offset behind a message
// that belongs there is committed, and the ingest says why.
func quarantineGone(s *stage) {
	s.Helper()
	ingest := s.start(fault{}, "ingest")
	s.ready(ingest)
	s.resumes("an ingest has started", patience)
	s.exec("RENAME TABLE quarantine TO quarantine_away")
	var mu sync.Mutex
	var waiting []place
	for i := range poisons {
		m, e := s.aside.load.poison(i)
		s.aside.send(m, e, func(at place) {
			mu.Lock()
			defer mu.Unlock()
			waiting = append(waiting, at)
		})
	}
	s.aside.flush(s)
	// The reason of not being ready names the topic that was first; the log all.
	s.until("the ingest says what it waits for", patience, func() bool {
		said := s.said(ingest)
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(said, `component=ingest reason="insert_quarantine `) && !slices.ContainsFunc(waiting, func(p place) bool {
			return !strings.Contains(said, "operation=insert_quarantine subject="+p.topic+" ")
		})
	})
	time.Sleep(time.Second)
	committed := s.cluster.Committed(group)
	for _, p := range waiting {
		if at := committed[p.topic][p.partition]; at > p.offset {
			s.Errorf("%s is committed, up to %d, and could not be stored in quarantine", p, at)
		}
	}
	s.exec("RENAME TABLE quarantine_away TO quarantine")
	s.resumes("the quarantine is there again", 10*time.Second)
	s.anywhere(ingest)
}

// poisoned sends nothing but what is no event: it goes by as fast as all else.
func poisoned(s *stage) {
	s.Helper()
	for range 200 {
		for i := range poisons {
			m, e := s.aside.load.poison(i)
			s.aside.send(m, e, nil)
		}
	}
	s.aside.flush(s)
	ingest := s.start(fault{}, "ingest")
	s.resumes("3000 messages that are no events came", 30*time.Second)
	s.anywhere(ingest)
}

// huge sends messages that are too long to be read, some nearly as long as a topic
// takes.
func huge(s *stage) {
	s.Helper()
	for _, size := range []int{event.MaxSize + 1, 3 << 20, 7 << 20, event.MaxSize + s.IntN(5<<20)} {
		m, e := s.aside.load.huge(size)
		s.aside.send(m, e, nil)
	}
	s.aside.flush(s)
	ingest := s.start(fault{}, "ingest")
	s.resumes("huge messages came", 30*time.Second)
	s.anywhere(ingest)
}

// bomb sends a few kilobytes that are hundreds of megabytes when they are unpacked.
func bomb(s *stage) {
	s.Helper()
	packer := &pour{load: s.aside.load, book: s.book, producer: s.cluster.Packer()}
	m, e := s.aside.load.huge(150 << 20)
	packer.send(m, e, nil)
	packer.flush(s)
	ingest := s.start(fault{}, "ingest")
	s.resumes("a packed bomb came", 30*time.Second)
	if peak := s.peak(ingest); peak > 256<<20 {
		s.Errorf("the ingest has grown to %d MiB", peak>>20)
	}
	s.anywhere(ingest)
}

// transactions writes messages of which the producer takes some back.
func transactions(s *stage) {
	s.Helper()
	s.transacted++
	producer := s.cluster.Producer(fmt.Sprintf("youzhi-faults-%d", s.transacted))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, commit := range []bool{true, false, true} {
		touched := map[place]bool{}
		err := producer.Transaction(ctx, commit, func() {
			for range 40 {
				m, e := s.aside.load.outside()
				if !commit {
					e = aborted(m)
				}
				touched[place{m.Topic, m.Partition, 0}] = true
				m.Time = time.Now()
				s.book.sending()
				producer.Send(ctx, m, func(offset int64, err error) { s.book.note(m, e, offset, err) })
			}
		})
		if err != nil {
			s.Fatalf("transaction: %v", err)
		}
		s.book.marked(touched)
	}
	ingest := s.start(fault{}, "ingest")
	s.resumes("transactions ended", 30*time.Second)
	s.anywhere(ingest)
}

// replay lets the group begin where the log does.
func replay(s *stage) {
	s.Helper()
	start := kafkatest.Offsets{}
	for topic, of := range s.logEnds() {
		for p := range of {
			start.Set(topic, p, 0)
		}
	}
	s.cluster.Commit(group, start)
	s.committed, s.verified = kafkatest.Offsets{}, kafkatest.Offsets{}
	ingest := s.start(fault{}, "ingest")
	s.resumes("the group's offsets were set to 0", patience)
	s.anywhere(ingest)
}

// clickhouseDown leaves ClickHouse away for a while: the ingest keeps its
// partitions and its size, does not hammer, and goes on soon after.
func clickhouseDown(s *stage) {
	s.Helper()
	const away = 12 * time.Second
	ingest := s.start(fault{}, "ingest")
	s.ready(ingest)
	s.resumes("an ingest has started", patience)
	before := s.said(ingest)
	s.clickhouse.Kill()
	time.Sleep(away)
	s.startClickHouse()
	s.resumes("ClickHouse was away for long", 5*time.Second)
	said := s.said(ingest)[len(before):]
	for _, topic := range event.Topics() {
		// The first tries come at once, then they get rare.
		if n := strings.Count(said, "operation=insert_events subject="+topic+" error"); n > 4+int(away/time.Second) {
			s.Errorf("%s: %d tries to insert in %v", topic, n, away)
		}
	}
	if strings.Contains(said, "consumer group assigned partitions") {
		s.Error("the ingest has lost its partitions while ClickHouse was away")
	}
	if peak := s.peak(ingest); peak > 1<<30 {
		s.Errorf("the ingest has grown to %d MiB", peak>>20)
	}
	s.anywhere(ingest)
}

// peak is the most memory that a process has had, in bytes.
func (s *stage) peak(p *process) int64 {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.ID()))
	if err != nil {
		s.Logf("the size of a process is not known here: %v", err)
		return 0
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		s.Fatalf("no VmHWM in\n%s", text)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return n << 10
}

// Settings of a table with which ClickHouse takes no insert, and the error it gives.
var (
	tooManyParts = refusal{map[string]string{"parts_to_throw_insert": "1", "parts_to_delay_insert": "1"}, 252}
	diskFull     = refusal{map[string]string{"min_free_disk_bytes_to_perform_insert": "1000000000000000"}, 243}
)

type refusal struct {
	settings map[string]string
	code     int
}

// refuse lets ClickHouse refuse all inserts into a table for a while: what waits is
// not committed, and stored as soon as it can be.
func refuse(r refusal) func(*stage) {
	return func(s *stage) {
		s.Helper()
		ingest := s.start(fault{}, "ingest")
		s.ready(ingest)
		s.resumes("an ingest has started", patience)
		var set []string
		for name, value := range r.settings {
			set = append(set, name+" = "+value)
		}
		s.exec("ALTER TABLE events_cases MODIFY SETTING " + strings.Join(set, ", "))
		reason := regexp.MustCompile(fmt.Sprintf(`component=ingest reason=.*code: %d`, r.code))
		s.until("the ingest says that ClickHouse refuses inserts", 20*time.Second, func() bool { return reason.MatchString(s.said(ingest)) })
		before, committed := len(s.said(ingest)), s.cluster.Committed(group)[event.TopicCases]
		time.Sleep(3 * time.Second)
		if n := strings.Count(s.said(ingest)[before:], "operation=insert_events subject="+event.TopicCases); n > 6 {
			s.Errorf("%d tries in 3 s to insert into a table that takes nothing", n)
		}
		// Whoever has the partitions anew may commit what is no event.
		moved := strings.Contains(s.said(ingest)[before:], "consumer group assigned partitions")
		if now := s.cluster.Committed(group)[event.TopicCases]; !moved && !maps.Equal(now, committed) {
			s.Errorf("commits went from %v to %v while nothing could be stored", committed, now)
		}
		s.exec("ALTER TABLE events_cases RESET SETTING " + strings.Join(slices.Sorted(maps.Keys(r.settings)), ", "))
		s.resumes("ClickHouse takes inserts again", 30*time.Second)
		s.anywhere(ingest)
	}
}

// shortOfMemory gives ClickHouse too little memory for what waits: inserts are
// halved until they pass, and nobody has to help.
func shortOfMemory(s *stage) {
	s.Helper()
	for range 30_000 {
		m, e := s.aside.load.outside()
		s.aside.send(m, e, nil)
	}
	s.aside.flush(s)
	server, err := url.Parse(s.url())
	if err != nil {
		s.Fatal(err)
	}
	// All goes to ClickHouse as it is, inserts of events with a limit.
	limiting := httptest.NewServer(&httputil.ReverseProxy{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		if query := r.Out.URL.Query(); strings.HasPrefix(query.Get("query"), "INSERT INTO events_") {
			query.Set("max_memory_usage", strconv.Itoa(12<<20))
			r.Out.URL.RawQuery = query.Encode()
		}
	}})
	defer limiting.Close()
	refused := func() int64 {
		return s.integer(s.rows("SELECT sum(value) FROM system.errors WHERE name = 'MEMORY_LIMIT_EXCEEDED'")[0][0])
	}
	before := refused()
	// What waits becomes one batch, however the brokers give it out.
	s.settings = []string{"YOUZHI_CLICKHOUSE_DSN=" + limiting.URL, "YOUZHI_INGEST_BATCH_AGE=3s"}
	ingest := s.start(fault{}, "ingest")
	s.settings = nil
	s.resumes("ClickHouse has little memory", 30*time.Second)
	if refused() == before {
		s.Error("ClickHouse had memory enough")
	}
	s.anywhere(ingest)
}

// exec changes something in ClickHouse.
func (s *stage) exec(statement string) {
	s.Helper()
	if _, err := s.ask(statement); err != nil {
		s.Fatal(err)
	}
}

// storm lets ingests join and leave, quietly or not, all the time beside one that
// stays.
func storm(during, every time.Duration) func(*stage) {
	return func(s *stage) {
		s.Helper()
		stays := s.start(fault{}, "ingest")
		s.ready(stays)
		var guests []*process
		moved, longest, last := time.Now(), time.Duration(0), s.sum()
		leave := func(i int) {
			p := guests[i]
			guests = slices.Delete(guests, i, i+1)
			if s.IntN(2) == 0 {
				s.ends(p)
				return
			}
			// All that are alive come back by themselves.
			p.Kill()
			s.bury()
		}
		watch := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if n := s.sum(); n > last {
					last, moved = n, time.Now()
				}
				longest = max(longest, time.Since(moved))
			}
		}
		for end := time.Now().Add(during); time.Now().Before(end); {
			if len(guests) > 2 || len(guests) > 0 && s.IntN(2) == 0 {
				leave(s.IntN(len(guests)))
			} else {
				guests = append(guests, s.start(fault{}, "ingest"))
			}
			watch(every)
			s.check("in a storm of rebalances")
		}
		s.longest["between two commits in a storm of rebalances"] = max(s.longest["between two commits in a storm of rebalances"], longest)
		if longest > 30*time.Second {
			s.Errorf("no progress for %v in a storm of rebalances", longest)
		}
		for len(guests) > 0 {
			leave(0)
		}
		s.resumes("a storm of rebalances is over", 30*time.Second)
		s.anywhere(stays)
	}
}

// sum is how many offsets are committed.
func (s *stage) sum() (n int64) {
	s.Helper()
	for _, of := range s.cluster.Committed(group) {
		for _, offset := range of {
			n += offset
		}
	}
	return n
}

// brokerGone kills the broker that leads a partition, or stops it, and starts it
// again. Where there are others, the ingest goes on without it.
func brokerGone(s *stage) {
	s.Helper()
	ingest := s.start(fault{}, "ingest")
	s.ready(ingest)
	leader := s.cluster.Leader(event.Topics()[s.IntN(4)], s.Int32N(partitions))
	how := "killed"
	if s.IntN(3) > 0 {
		s.cluster.Kill(leader)
	} else {
		how = "stopped"
		s.cluster.Stop(leader)
	}
	if s.cluster.Nodes() > 1 {
		s.resumes("a broker was "+how, 15*time.Second)
	}
	s.cluster.Restart(leader)
	s.resumes("a broker was up again", 15*time.Second)
	s.anywhere(ingest)
}

// caughtUp lets an ingest store all that was sent while nothing more comes, and
// goes on with the load when then has happened.
func (s *stage) caughtUp(then func()) {
	s.Helper()
	// As the first trouble of all it comes before the first messages.
	s.until("each partition has a message", patience, func() bool {
		for _, of := range s.logEnds() {
			for _, end := range of {
				if end == 0 {
					return false
				}
			}
		}
		return true
	})
	s.pour.stop()
	s.pour.flush(s)
	ingest := s.start(fault{}, "ingest")
	s.ready(ingest)
	s.until("all that was sent is committed", patience, s.done)
	s.ends(ingest)
	s.check("when all is stored")
	then()
	s.pour.begin(s)
}

// expired lets the log forget messages before they are read: they are counted, and
// what comes behind them is stored.
func expired(s *stage) {
	s.Helper()
	s.caughtUp(func() {
		var mu sync.Mutex
		var sent []place
		for range 300 {
			m, e := s.aside.load.outside()
			s.aside.send(m, e, func(at place) {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, place{at.topic, s.book.partition(at.topic, at.partition), at.offset})
			})
		}
		s.aside.flush(s)
		before := kafkatest.Offsets{}
		for p, end := range s.logEnds()[event.TopicComplaints] {
			if n := end - s.committed[event.TopicComplaints][p]; n > 1 {
				before.Set(event.TopicComplaints, p, end-1-s.Int64N(n-1))
			}
		}
		for _, at := range sent {
			if at.offset < before[at.topic][at.partition-s.book.partition(at.topic, 0)] {
				s.book.lose(at)
			}
		}
		s.cluster.DeleteRecords(before)
	})
	ingest := s.start(fault{}, "ingest")
	s.resumes("messages had expired", 30*time.Second)
	s.anywhere(ingest)
	if got := s.integer(s.rows("SELECT sum(gone) FROM (SELECT max(gone) AS gone FROM log_incidents WHERE kind = 'expired' AND first > 0 GROUP BY topic, partition, first)")[0][0]); got != int64(len(s.book.gone)) {
		s.Errorf("%d messages have expired unread, the incidents name %d", len(s.book.gone), got)
	}
}

// remade deletes a topic and makes it anew while an ingest runs: its offsets begin
// at 0 again and are other messages, which are stored beside the old ones.
func remade(s *stage) {
	s.Helper()
	topic := event.Topics()[s.IntN(4)]
	var ingest *process
	s.caughtUp(func() {
		ingest = s.start(fault{}, "ingest")
		s.ready(ingest)
		s.cluster.DeleteTopics(topic)
		time.Sleep(time.Duration(s.IntN(3)) * time.Second)
		s.cluster.CreateTopics(partitions, 8<<20, topic)
		s.book.remade(topic)
		delete(s.committed, topic)
		delete(s.verified, topic)
		// A producer that knew the old one has numbers that the new one does not.
		s.pour.producer, s.aside.producer = s.cluster.Producer(""), s.cluster.Producer("")
	})
	time.Sleep(500 * time.Millisecond)
	s.resumes("a topic was made anew", 30*time.Second)
	s.anywhere(ingest)
}
