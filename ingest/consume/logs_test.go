package consume

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/ingest/topic"
	"youzhi/queries"
)

const cases = "youzhi.cases.v1"

// incidents are those on record, without when they were found and what is said of
// them.
func (r *rig) incidents() []queries.Incident {
	r.t.Helper()
	rows, err := r.db.Incidents(r.within())
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range rows {
		rows[i].FoundAt, rows[i].Detail = time.Time{}, ""
	}
	slices.SortFunc(rows, func(a, b queries.Incident) int { return int(a.Partition - b.Partition) })
	return rows
}

func (r *rig) wantIncidents(want ...queries.Incident) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.incidents(), cmpopts.EquateEmpty()); diff != "" {
		r.t.Errorf("incidents: %s", diff)
	}
}

// health is the reasons that a service gives.
type reasons struct {
	mu  sync.Mutex
	now error
	all []string
}

func (h *reasons) set(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = err
	if err != nil {
		h.all = append(h.all, err.Error())
	}
}

// until waits for a reason with the text, or for none if it is empty.
func (h *reasons) until(t testing.TB, limit time.Duration, text string) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		h.mu.Lock()
		now, all := h.now, h.all
		h.mu.Unlock()
		if text == "" && now == nil || text != "" && now != nil && strings.Contains(now.Error(), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: reason %q; now %v; before %q", limit, text, now, all[max(0, len(all)-5):])
		}
	}
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// gone is how many offsets the books call gone.
func gone(b *Reconciliation) (n int64) {
	for i := range b.Partitions {
		n += b.Partitions[i].Gone
	}
	return n
}

// withGaps checks the books where offsets are gone.
func (r *rig) withGaps(rows, duplicates, missing int64) *Reconciliation {
	r.t.Helper()
	b := r.reconcile()
	_, gotRows, gotDuplicates, _, gotMissing := sums(b)
	if !b.OK() || gotRows != rows || gotDuplicates != duplicates || gone(b) != missing || gotMissing != 0 {
		r.t.Errorf("want %d rows, %d duplicates, %d gone\n%s", rows, duplicates, missing, printed(b))
	}
	return b
}

// Offsets that expire before they are read are an incident with their exact
// number, recorded before anything behind them is committed; the books add up.
func TestExpiredOffsetsAreAnIncident(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(1))
	r := newRigOf(t, k.Addrs())
	stop := r.run(r.options())
	r.wait(r.write(cases, many(0, 10)...))
	stop()
	r.books(10, 0, 0)
	targets := r.write(cases, many(10, 90)...)
	k.Forget(cases, 0, 70)

	o := r.options()
	var refuses atomic.Bool
	refuses.Store(true)
	o.Store = &forgetful{Store: r.db, refuses: &refuses}
	h := &reasons{}
	o.Health = h.set
	var counted atomic.Int64
	o.Counters.Gaps = func(n float64, _ ...string) { counted.Add(int64(n)) }
	r.run(o)
	h.until(t, 20*time.Second, "insert_incidents")
	offsets, err := r.kafka.Offsets(r.within(), group, cases)
	if err != nil || offsets[0].Committed != 10 {
		t.Fatalf("committed %d before the incident was recorded, %v", offsets[0].Committed, err)
	}
	refuses.Store(false)
	h.until(t, 20*time.Second, "")
	r.wait(targets)
	r.wantIncidents(queries.Incident{Topic: cases, Kind: queries.IncidentExpired, From: 10, To: 70, Count: 60})
	b := r.withGaps(40, 0, 60)
	if counted.Load() != 60 {
		t.Errorf("%d offsets counted as gone", counted.Load())
	}
	for _, want := range []string{"gone", "The books add up: consumed = rows + duplicates + quarantined + gone."} {
		if !strings.Contains(printed(b), want) {
			t.Errorf("%q is not in\n%s", want, printed(b))
		}
	}
	last, err := r.db.LastReconciliation(r.within())
	if err != nil {
		t.Fatal(err)
	}
	var recorded int64
	for _, p := range last {
		recorded += p.Gone
	}
	if recorded != 60 {
		t.Errorf("%d gone on record", recorded)
	}

	// A row that is deleted by hand is missing, beside the gap as elsewhere.
	err = r.db.Exec(r.within(), "ALTER TABLE events_cases DELETE WHERE offset IN (9, 70) SETTINGS mutations_sync = 2", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := printed(r.reconcile())
	for _, want := range []string{"offset 9\n", "offset 70\n", "do not add up"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// forgetful does not record incidents.
type forgetful struct {
	Store
	refuses *atomic.Bool
}

func (f *forgetful) InsertIncidents(ctx context.Context, rows []queries.Incident) error {
	if f.refuses.Load() {
		return errors.New("no room for incidents")
	}
	return f.Store.InsertIncidents(ctx, rows)
}

// What was stored already is not gone: the group is set back by hand to offsets
// that the log has lost since.
func TestGapOfWhatIsStoredIsNothingGone(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(1))
	r := newRigOf(t, k.Addrs())
	r.run(r.options())
	r.wait(r.write(cases, many(0, 30)...))
	k.Forget(cases, 0, 20)
	o := r.options()
	o.Group = "another"
	rows := []queries.Incident{{Topic: cases, Kind: queries.IncidentExpired, From: 5, To: 20, FoundAt: start}, {Topic: cases, Kind: queries.IncidentExpired, From: 25, To: 40, FoundAt: start}}
	for range 2 { // again is the same
		if err := r.db.InsertIncidents(r.within(), rows); err != nil {
			t.Fatal(err)
		}
	}
	if rows[0].Count != 0 || rows[1].Count != 10 {
		t.Errorf("gone: %d and %d", rows[0].Count, rows[1].Count)
	}
	if n := len(r.incidents()); n != 2 {
		t.Errorf("%d incidents on record", n)
	}
	r.withGaps(30, 0, 0)
}

// A topic is made anew while the rest of its old log waits: what is lost of it is
// counted, the new log is stored beside the old one, and all of it can be folded.
func TestTopicMadeAnew(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(1))
	r := newRigOf(t, k.Addrs())
	o := r.options()
	o.Watch, o.Grace = 100*time.Millisecond, 50*time.Millisecond
	var down atomic.Bool
	o.Store = &faulty{Store: r.db, before: func() error {
		if down.Load() {
			return errors.New("connection refused")
		}
		return nil
	}}
	h := &reasons{}
	o.Health = h.set
	r.run(o)
	r.wait(r.write(cases, many(0, 20)...))
	down.Store(true)
	r.write(cases, many(20, 15)...)
	h.until(t, 20*time.Second, "insert_events")
	// How far the old log reaches has to be known before it is gone.
	time.Sleep(10 * o.Watch)

	k.Delete(cases)
	k.Create(cases, 2)
	began := time.Now()
	// The new log is longer than the old one was.
	fresh, err := topic.New(topic.Options{Brokers: k.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fresh.Close)
	acks, err := fresh.Write(r.within(), cases, many(1000, 200))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "an incident", func() bool { return len(r.incidents()) > 0 })
	t.Logf("noticed in %s", time.Since(began).Round(time.Millisecond))
	down.Store(false)
	targets := Targets{}
	targets.Add(cases, acks)
	r.wait(targets)
	h.until(t, 20*time.Second, "")
	r.wantIncidents(queries.Incident{Topic: cases, Kind: queries.IncidentRemade, From: 20, To: 35, Count: 15})
	b := r.withGaps(220, 0, 15)
	if !strings.Contains(printed(b), "1 (log 1)") {
		t.Errorf("the new log is not named\n%s", printed(b))
	}
	// Each offset has its own arrival, by which it is folded.
	var rows []struct {
		Partition int32  `ch:"partition"`
		N         uint64 `ch:"n"`
	}
	if err := r.db.Select(r.within(), &rows, "SELECT partition, uniqExact(offset) AS n FROM arrivals WHERE topic = 'youzhi.cases.v1' GROUP BY partition ORDER BY partition", nil); err != nil {
		t.Fatal(err)
	}
	var arrived uint64
	for _, row := range rows {
		arrived += row.N
	}
	if len(rows) != 3 || rows[0].Partition != 0 || rows[0].N != 20 || rows[1].Partition != 10_000 || rows[2].Partition != 10_001 || arrived != 220 {
		t.Errorf("arrived: %+v", rows)
	}

	// And once more, with nothing lost.
	k.Delete(cases)
	k.Create(cases, 1)
	if acks, err = writeSoon(r, k, many(5000, 30)); err != nil {
		t.Fatal(err)
	}
	targets = Targets{}
	targets.Add(cases, acks)
	r.wait(targets)
	r.withGaps(250, 0, 15)
	logs, err := r.db.TopicLogs(r.within())
	if err != nil {
		t.Fatal(err)
	}
	logs = slices.DeleteFunc(logs, func(l queries.TopicLog) bool { return l.Topic != cases })
	if len(logs) != 3 || logs[2].Log != 2 || logs[2].ID == logs[1].ID {
		t.Errorf("logs %+v", logs)
	}
}

func writeSoon(r *rig, k *embeddedtest.Kafka, messages []topic.Message) ([]topic.Acknowledgement, error) {
	client, err := topic.New(topic.Options{Brokers: k.Addrs()})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Write(r.within(), cases, messages)
}

// A topic that was made anew while no ingest ran: what was not read of the old log
// is known from the last books.
func TestTopicMadeAnewMeanwhile(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(1))
	r := newRigOf(t, k.Addrs())
	stop := r.run(r.options())
	r.wait(r.write(cases, many(0, 20)...))
	stop()
	r.write(cases, many(20, 7)...)
	r.reconcile()
	k.Delete(cases)
	k.Create(cases, 1)
	// Nobody has noticed yet, and the books say nothing wrong.
	if b := r.reconcile(); !b.OK() {
		t.Errorf("before it was noticed:\n%s", printed(b))
	}
	acks, err := writeSoon(r, k, many(100, 40))
	if err != nil {
		t.Fatal(err)
	}
	r.run(r.options())
	targets := Targets{}
	targets.Add(cases, acks)
	r.wait(targets)
	r.wantIncidents(queries.Incident{Topic: cases, Kind: queries.IncidentRemade, From: 20, To: 27, Count: 7})
	r.withGaps(60, 0, 7)
}

// Whoever meets a topic made anew, by fetching or by storing, asks for its partitions
// itself, long before topics are looked at.
func TestTopicMadeAnewIsMet(t *testing.T) {
	for name, n := range map[string]int64{"its log is shorter": 5, "its log is longer": 40} {
		t.Run(name, func(t *testing.T) {
			k := embeddedtest.OpenKafka(t, topics(1))
			r := newRigOf(t, k.Addrs())
			o := r.options()
			o.Watch = time.Hour
			r.run(o)
			r.wait(r.write(cases, many(0, 20)...))
			k.Delete(cases)
			k.Create(cases, 1)
			acks, err := writeSoon(r, k, many(100, int(n)))
			if err != nil {
				t.Fatal(err)
			}
			targets := Targets{}
			targets.Add(cases, acks)
			r.wait(targets)
			r.withGaps(20+n, 0, 0)
		})
	}
}

// A topic that is deleted makes the ingest not ready, with the reason; the other
// topics are stored meanwhile, and so is this one when it is back.
func TestTopicDeleted(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(1))
	r := newRigOf(t, k.Addrs())
	o := r.options()
	o.Watch = 100 * time.Millisecond
	h := &reasons{}
	o.Health = h.set
	r.run(o)
	r.wait(r.write(cases, many(0, 20)...))
	h.until(t, 20*time.Second, "")
	k.Delete(cases)
	h.until(t, 30*time.Second, "topic youzhi.cases.v1 does not exist")
	r.wait(r.write("youzhi.surveys.v1", topic.Message{Key: []byte("x"), Value: []byte("{"), Time: start}))
	r.wantIncidents(queries.Incident{Topic: cases, Kind: queries.IncidentDeleted, From: 20, To: 20})
	k.Create(cases, 1)
	h.until(t, 30*time.Second, "")
	acks, err := writeSoon(r, k, many(100, 10))
	if err != nil {
		t.Fatal(err)
	}
	targets := Targets{}
	targets.Add(cases, acks)
	r.wait(targets)
	kinds := map[string]int{}
	for _, i := range r.incidents() {
		kinds[i.Kind]++
	}
	if diff := cmp.Diff(map[string]int{queries.IncidentDeleted: 1, queries.IncidentRemade: 1}, kinds); diff != "" {
		t.Error(diff)
	}
	b := r.reconcile()
	if _, rows, _, quarantined, _ := sums(b); !b.OK() || rows != 30 || quarantined != 1 || gone(b) != 0 {
		t.Errorf("30 rows, 1 in quarantine:\n%s", printed(b))
	}
}

// What a broker refuses is the reason why the ingest is not ready, within 10 s; it
// is ready by itself once that is mended.
func TestReadinessTellsOfARefusedPassword(t *testing.T) {
	k := embeddedtest.OpenSecureKafka(t, topics(1), nil, "SCRAM-SHA-256", "youzhi", "another")
	r := newRigOf(t, k.Addrs())
	kafka, err := topic.New(topic.Options{Brokers: k.Addrs(), SASL: &topic.SASL{Mechanism: topic.ScramSHA256, User: "youzhi", Password: "right"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	r.kafka = kafka
	o := r.options()
	o.Partitions = 1
	h := &reasons{}
	o.Health = h.set
	dials := k.Dials()
	r.run(o)
	h.until(t, 10*time.Second, "SASL SCRAM-SHA-256: the broker refuses the user or the password")
	time.Sleep(3 * time.Second)
	if n := k.Dials() - dials; n > 5 {
		t.Errorf("%d connections in some 3 s", n)
	}
	k.Restart(nil, "SCRAM-SHA-256", "youzhi", "right")
	h.until(t, 20*time.Second, "")
	r.wait(r.write(cases, many(0, 10)...))
	r.books(10, 0, 0)
}

// A broker that comes back on its folder and port is found soon; a partition that
// brings nothing is a reason not to be ready; the lag is told of each partition.
func TestBrokerRestartAndStall(t *testing.T) {
	k := embeddedtest.OpenKafka(t, topics(2))
	r := newRigOf(t, k.Addrs())
	o := r.options()
	o.Watch, o.Stall = 100*time.Millisecond, time.Second
	h := &reasons{}
	o.Health = h.set
	var mu sync.Mutex
	lag := map[string]float64{}
	o.Lag = func(n float64, labels ...string) {
		mu.Lock()
		defer mu.Unlock()
		lag[strings.Join(labels, "/")] = n
	}
	var stalls atomic.Int64
	o.Counters.Stalls = func(n float64, _ ...string) { stalls.Add(int64(n)) }
	r.run(o)
	r.wait(r.write(cases, many(0, 50)...))
	h.until(t, 20*time.Second, "")
	k.Stop()
	h.until(t, 20*time.Second, "connect")
	k.Start()
	began := time.Now()
	acks, err := writeSoon(r, k, many(50, 50))
	if err != nil {
		t.Fatal(err)
	}
	targets := Targets{}
	targets.Add(cases, acks)
	eventually(t, "what was written after the restart is stored", func() bool {
		offsets, err := r.kafka.Offsets(r.within(), group, cases)
		if err != nil {
			return false
		}
		var left int64
		for _, p := range offsets {
			left += p.Lag()
		}
		return left == 0
	})
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("it took %s", d)
	}
	h.until(t, 20*time.Second, "")
	r.books(100, 0, 0)

	k.Starve(cases)
	r.write(cases, many(100, 40)...)
	h.until(t, 20*time.Second, "a partition makes no progress: youzhi.cases.v1/")
	if stalls.Load() == 0 {
		t.Error("no stall was counted")
	}
	eventually(t, "the lag is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return lag[cases+"/0"]+lag[cases+"/1"] == 40
	})
	k.Starve("")
	h.until(t, 20*time.Second, "")
	eventually(t, "there is no lag", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return lag[cases+"/0"]+lag[cases+"/1"] == 0
	})
	r.books(140, 0, 0)
}
