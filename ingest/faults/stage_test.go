package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"youzhi/deploy/embedded"
	"youzhi/deploy/kafka/kafkatest"
	"youzhi/ingest/event"
	"youzhi/ingest/faults/failpoint"
)

// patience is the longest that anything may take which has no limit of its own.
const patience = 90 * time.Second

const (
	group    = "youzhi"
	database = "youzhi"
)

// seed is that of a run: the variable YOUZHI_SEED's, or another one each time.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64N(1_000_000)
	if text := os.Getenv("YOUZHI_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("YOUZHI_SEED: %v", err)
		}
	}
	t.Logf("seed %d: YOUZHI_SEED=%d go test -run '^%s$' ./ingest/faults does the same again", n, n, t.Name())
	return n
}

// wanted is the number that a variable asks for, 0 if it is not set.
func wanted(t testing.TB, variable string) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number from 1 on", variable, text)
	}
	return n
}

// stage is Kafka, ClickHouse and the program, each a process of its own, and the
// book of what was written to Kafka.
type stage struct {
	testing.TB
	*rand.Rand // for the faults
	cluster    *kafkatest.Cluster
	program    string
	dir        string
	settings   []string // of the program, beside the common ones
	port       int
	clickhouse *process
	book       *book
	pour       *pour // what comes all the time
	aside      *pour // what comes beside it, in some troubles
	seed       uint64
	now        string // the trouble that is just happening
	longest    map[string]time.Duration
	started    int
	transacted int

	// committed is what was last seen, verified what was found stored below it.
	committed, verified kafkatest.Offsets
}

// newStage sets up all but the program itself. After a failed test what the
// processes said is kept.
func newStage(t testing.TB, cluster *kafkatest.Cluster, program string, seed uint64) *stage {
	t.Helper()
	engine, err := embedded.EnginePath()
	if err == nil {
		engine, err = filepath.Abs(engine)
	}
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Setenv(embedded.EngineVariable, engine)
	dir, err := os.MkdirTemp("", "youzhi-faults-stage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the processes said and stored is kept in %s", dir)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &stage{
		TB: t, Rand: rand.New(rand.NewPCG(seed, 5)), cluster: cluster, program: program, dir: dir, port: kafkatest.Port(t),
		seed: seed, longest: map[string]time.Duration{}, book: newBook(), committed: kafkatest.Offsets{}, verified: kafkatest.Offsets{},
	}
	// Each test begins with empty topics and a new group.
	cluster.DeleteTopics(event.Topics()...)
	cluster.DeleteGroup(group)
	cluster.CreateTopics(partitions, 8<<20, event.Topics()...)
	s.pour = &pour{load: newLoad(seed), book: s.book, producer: cluster.Producer("")}
	s.pour.rate.Store(rate)
	s.aside = &pour{load: newLoad(seed + 1), book: s.book, producer: cluster.Producer("")}
	s.startClickHouse()
	s.run("migrate")
	return s
}

// process is the program as it runs.
type process struct {
	*kafkatest.Process
	name string
	log  string // the file of what it says
	arm  string // the file that tells where it ends
}

// environment is that of the program: nothing of the test's own.
func (s *stage) environment(extra ...string) []string {
	return slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "TZ=Pacific/Marquesas",
		embedded.EngineVariable + "=" + os.Getenv(embedded.EngineVariable),
		"YOUZHI_CLICKHOUSE_DSN=" + s.url(), "YOUZHI_CLICKHOUSE_DATABASE=" + database,
		"YOUZHI_KAFKA_BROKERS=" + strings.Join(s.cluster.Brokers(), ","), "YOUZHI_KAFKA_GROUP=" + group,
		"YOUZHI_INGEST_BATCH_AGE=200ms", "YOUZHI_JOBS_FOLD=@every 1s",
		"YOUZHI_LOG_LEVEL=info",
	}, s.settings, extra)
}

func (s *stage) url() string { return fmt.Sprintf("http://127.0.0.1:%d", s.port) }

// start starts the program, to end where fault says if it says so.
func (s *stage) start(fault fault, args ...string) *process {
	s.Helper()
	s.started++
	p := &process{name: args[0], log: filepath.Join(s.dir, fmt.Sprintf("%03d-%s.log", s.started, args[0]))}
	p.arm = p.log + ".fault"
	if fault.place != "" {
		s.arm(p, fault)
	}
	output, err := os.Create(p.log)
	if err != nil {
		s.Fatal(err)
	}
	command := exec.CommandContext(context.Background(), s.program, args...)
	command.Dir, command.Stdout, command.Stderr = s.dir, output, output
	command.Env = s.environment(failpoint.File + "=" + p.arm)
	p.Process = kafkatest.Run(s, command)
	if err := output.Close(); err != nil {
		s.Fatal(err)
	}
	return p
}

// fault is a place of the program at which a process ends, and at which pass.
type fault struct {
	place string
	pass  int
	halt  bool // it is halted, not killed
}

// arm tells a process where to end.
func (s *stage) arm(p *process, f fault) {
	s.Helper()
	what := "kill"
	if f.halt {
		what = "stop"
	}
	half := p.arm + ".new"
	if err := os.WriteFile(half, fmt.Appendf(nil, "%s %d %s", f.place, f.pass, what), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(half, p.arm); err != nil {
		s.Fatal(err)
	}
}

// reached says whether a process has come to the place where it ends.
func (p *process) reached(place string) bool {
	text, err := os.ReadFile(p.arm + failpoint.Reached)
	return err == nil && strings.HasSuffix(string(text), place+"\n")
}

// said is what a process has said so far.
func (s *stage) said(p *process) string {
	s.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// dies waits until a process has come to its end at a place. A fold that was ended
// again and again finds all that has come since the last one that was not, and has
// that to fold before it comes to a place of its second run.
func (s *stage) dies(p *process, place string) {
	s.Helper()
	limit := patience
	if p.name == "jobs" {
		limit = 4 * patience
	}
	if !p.Wait(limit) {
		s.Fatalf("%s did not come to %s within %v and says:\n%s", p.name, place, limit, tail(s.said(p)))
	}
	if !p.Killed() || !p.reached(place) {
		s.Fatalf("%s ended before it came to %s: %v, and says:\n%s", p.name, place, p.State(), tail(s.said(p)))
	}
}

func tail(text string) string { return text[max(0, len(text)-3000):] }

// until waits for something.
func (s *stage) until(what string, limit time.Duration, done func() bool) time.Duration {
	s.Helper()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if done() {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			s.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// ready waits until a process stores what comes.
func (s *stage) ready(p *process) {
	s.Helper()
	s.until(p.name+" is ready", patience, func() bool {
		if p.Ended() {
			s.Fatalf("%s ended: %v, and says:\n%s", p.name, p.State(), tail(s.said(p)))
		}
		return strings.Contains(s.said(p), "consumer group assigned partitions")
	})
}

// ends tells a process to end, which it does without a fault.
func (s *stage) ends(p *process) {
	s.Helper()
	p.Terminate(40 * time.Second)
	if !p.State().Success() {
		s.Errorf("%s told to end: %v, and says:\n%s", p.name, p.State(), tail(s.said(p)))
	}
}

// startClickHouse starts the engine on its folder, and waits until it answers.
func (s *stage) startClickHouse() {
	s.Helper()
	s.clickhouse = s.start(fault{}, "clickhouse", "--data", "clickhouse", "--listen", fmt.Sprintf("127.0.0.1:%d", s.port))
	s.until("ClickHouse answers", patience, func() bool {
		if s.clickhouse.Ended() {
			s.Fatalf("ClickHouse ended: %s", tail(s.said(s.clickhouse)))
		}
		response, err := http.Get(s.url() + "/ping")
		return err == nil && response.Body.Close() == nil
	})
}

// run runs a command to its end and gives what it prints.
func (s *stage) run(args ...string) string {
	s.Helper()
	text, err := s.try(args...)
	if err != nil {
		s.Fatalf("youzhi %s: %v\n%s", strings.Join(args, " "), err, tail(text))
	}
	return text
}

// try runs a command that may fail.
func (s *stage) try(args ...string) (string, error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, s.program, args...)
	command.Dir, command.Env = s.dir, s.environment()
	var out, diagnostics bytes.Buffer
	command.Stdout, command.Stderr = &out, &diagnostics
	err := command.Run()
	if err != nil {
		return out.String() + diagnostics.String(), err
	}
	return out.String(), nil
}

// ask asks ClickHouse and gives its answer, tab separated.
func (s *stage) ask(statement string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url()+"/?database="+database, strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s\n%.2000s", statement, response.Status, text)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

// rows are the lines of an answer, cut into their columns.
func (s *stage) rows(statement string) [][]string {
	s.Helper()
	text, err := s.ask(statement)
	if err != nil {
		s.Fatal(err)
	}
	var rows [][]string
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows
}
