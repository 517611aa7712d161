package faults_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"youzhi/deploy/kafka/kafkatest"
)

// TestSecuredBroker lets the ingest come to a broker that wants TLS and a password,
// and that it can't get in to: it says why within ten seconds, does not hammer, and
// goes on by itself when that is mended.
func TestSecuredBroker(t *testing.T) {
	const user, password = "youzhi", "pass,word="
	dir := t.TempDir()
	shown, trusted := filepath.Join(dir, "broker.pem"), filepath.Join(dir, "ca.pem")
	replace := func(file, by string) {
		t.Helper()
		text, err := os.ReadFile(by)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hour := time.Now().Add(time.Hour)
	ours, theirs := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	good, expired := ours.Issue(hour, "127.0.0.1").Both, ours.Issue(time.Now().Add(-time.Hour), "127.0.0.1").Both
	replace(shown, good)
	replace(trusted, ours.File)
	cluster := kafkatest.StartSecured(t, 1, kafkatest.Secure{PEM: shown, User: user, Password: password})
	cluster.SetPassword(user, "another")
	s := newStage(t, cluster, build(t, "true"), seed(t))
	d := open(t, cluster.Secured()[0])
	settings := func(mechanism string) []string {
		return []string{
			"YOUZHI_KAFKA_BROKERS=" + d.address, "YOUZHI_KAFKA_TLS_ENABLED=true", "YOUZHI_KAFKA_TLS_CA=" + trusted,
			"YOUZHI_KAFKA_SASL_MECHANISM=" + mechanism, "YOUZHI_KAFKA_SASL_USER=" + user, "YOUZHI_KAFKA_SASL_PASSWORD=" + password,
		}
	}
	s.pour.rate.Store(slow)
	s.pour.begin(s)

	keeps := func(p *process) {
		t.Helper()
		if strings.Contains(s.said(p), password) {
			t.Errorf("%s: the password is in the log", s.now)
		}
	}
	refused := func(when, reason string, mend func()) {
		t.Helper()
		s.now = when
		p := s.start(fault{}, "ingest")
		pattern := regexp.MustCompile(`component=ingest reason=.*` + regexp.QuoteMeta(reason))
		s.until("the ingest says why it can't begin: "+when, 10*time.Second, func() bool { return pattern.MatchString(s.said(p)) })
		before := d.opened.Load()
		time.Sleep(4 * time.Second)
		if n := d.opened.Load() - before; n < 1 || n > 5 {
			t.Errorf("%s: %d connections in four seconds", when, n)
		}
		if p.Ended() {
			t.Fatalf("%s: the ingest has ended", when)
		}
		if mend == nil {
			p.Kill()
		} else {
			mend()
			s.resumes(when+", and mended", 30*time.Second)
			s.ends(p)
		}
		s.check("after it")
		keeps(p)
	}
	begin := func() {
		// A certificate is read when a broker starts.
		cluster.Stop(0)
		cluster.Restart(0)
	}
	s.settings = settings("scram-sha-512")
	refused("a wrong password", "SASL SCRAM-SHA-512: the broker refuses the user or the password", func() { cluster.SetPassword(user, password) })
	replace(trusted, theirs.File)
	refused("a certificate of another authority", "unknown authority", func() { replace(trusted, ours.File) })
	replace(shown, expired)
	begin()
	refused("an expired certificate", "expired", func() { replace(shown, good); begin() })
	s.settings = append(settings("scram-sha-512"), "YOUZHI_KAFKA_TLS_ENABLED=false", "YOUZHI_KAFKA_TLS_CA=")
	refused("no TLS", "it may speak TLS on this port (kafka.tls)", nil)
	for _, mechanism := range []string{"scram-sha-256", "plain"} {
		s.settings, s.now = settings(mechanism), mechanism
		p := s.start(fault{}, "ingest")
		s.ready(p)
		s.resumes("begun with "+mechanism, patience)
		s.ends(p)
		keeps(p)
	}
	s.pour.stop()
	s.settle()
	if v := s.judge(); len(v.lines) > 0 {
		t.Errorf("seed %d:\n%s", s.seed, v)
	}
	t.Logf("%v", s.longest)
}

// door counts the connections that go through it.
type door struct {
	address string
	opened  atomic.Int64
}

// open lets connections to the door's address through to another one.
func open(t testing.TB, to string) *door {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{address: listener.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	all.Go(func() {
		for {
			outside, err := listener.Accept()
			if err != nil {
				return // closed
			}
			d.opened.Add(1)
			all.Go(func() { pass(t, outside, to) })
		}
	})
	return d
}

// pass carries a connection on until one side or the test ends it.
func pass(t testing.TB, outside net.Conn, to string) {
	inside, err := new(net.Dialer).DialContext(t.Context(), "tcp", to)
	if err != nil {
		_ = outside.Close() // as a broker that is away would
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{inside, outside}, {outside, inside}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // its end is that of the connection
			_, _ = inside.Close(), outside.Close()
		})
	}
	both.Wait()
}
