package topic

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"youzhi/deploy/embedded/embeddedtest"
	"youzhi/deploy/kafka/kafkatest"
)

func TestNewNamesWhatIsWrongWithTLSAndSASL(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	if err := os.WriteFile(nothing, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]struct {
		o    Options
		want string
	}{
		"no file":      {Options{TLS: &TLS{CA: "/nowhere/ca.pem"}}, "no such file"},
		"no PEM":       {Options{TLS: &TLS{CA: nothing}}, "holds no certificate"},
		"no key":       {Options{TLS: &TLS{Cert: nothing}}, "belong together"},
		"no pair":      {Options{TLS: &TLS{Cert: nothing, Key: nothing}}, "client's certificate"},
		"no mechanism": {Options{SASL: &SASL{User: "u", Password: "p"}}, "is none of"},
		"no password":  {Options{SASL: &SASL{Mechanism: Plain, User: "u"}}, "needs a user and a password"},
	} {
		o.o.Brokers = []string{"127.0.0.1:1"}
		if _, err := New(o.o); err == nil || !strings.Contains(err.Error(), o.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Everything works over each kind of connection.
func TestSecureConnections(t *testing.T) {
	ca := kafkatest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	secure := &TLS{CA: ca.File}
	client := ca.Issue(hour)
	both := ca.Server(hour, "127.0.0.1")
	both.ClientAuth, both.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	both.ClientCAs.AddCert(ca.Cert)
	for kind, test := range map[string]struct {
		server    *tls.Config
		mechanism string
		o         Options
	}{
		"TLS":                     {ca.Server(hour, "127.0.0.1"), "", Options{TLS: secure}},
		"TLS, another name":       {ca.Server(hour, "kafka.test"), "", Options{TLS: &TLS{CA: ca.File, ServerName: "kafka.test"}}},
		"TLS, client certificate": {both, "", Options{TLS: &TLS{CA: ca.File, Cert: client.Cert, Key: client.Key}}},
		"PLAIN":                   {nil, "PLAIN", Options{SASL: &SASL{Plain, "youzhi", "pass,word="}}},
		"SCRAM-SHA-256":           {nil, "SCRAM-SHA-256", Options{SASL: &SASL{ScramSHA256, "youzhi", "pass,word="}}},
		"TLS and SCRAM-SHA-512":   {ca.Server(hour, "127.0.0.1"), "SCRAM-SHA-512", Options{TLS: secure, SASL: &SASL{ScramSHA512, "youzhi", "pass,word="}}},
		"TLS and PLAIN":           {ca.Server(hour, "127.0.0.1"), "PLAIN", Options{TLS: secure, SASL: &SASL{Plain, "youzhi", "pass,word="}}},
	} {
		t.Run(kind, func(t *testing.T) {
			k := embeddedtest.OpenSecureKafka(t, nil, test.server, test.mechanism, "youzhi", "pass,word=")
			test.o.Brokers = k.Addrs()
			c, err := New(test.o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			if err := c.Create(within(t), 2, name); err != nil {
				t.Fatal(err)
			}
			f, stop := follow(t, c, []string{name}, nil, nil)
			write(t, c, name, 0, 40)
			f.until(t, "all is read", func() bool { return len(f.values) == 40 })
			stop()
			offsets, err := c.Offsets(within(t), "g", name)
			if err != nil || len(offsets) != 2 || offsets[0].Lag()+offsets[1].Lag() != 0 {
				t.Errorf("offsets %+v, %v", offsets, err)
			}
		})
	}
}

// Whatever keeps a connection from being made is told within 10 s, is not tried
// more than once a second, and is over when it is mended.
func TestReasonOfARefusedConnection(t *testing.T) {
	ca, other := kafkatest.NewAuthority(t), kafkatest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	good := ca.Server(hour, "127.0.0.1")
	wantsClient := ca.Server(hour, "127.0.0.1")
	wantsClient.ClientAuth, wantsClient.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	wantsClient.ClientCAs.AddCert(ca.Cert)
	expired := ca.Issue(time.Now().Add(-time.Hour))
	type broker struct {
		server                    *tls.Config
		mechanism, user, password string
	}
	secure := &TLS{CA: ca.File}
	var all sync.WaitGroup
	defer all.Wait()
	for _, test := range []struct {
		name          string
		o             Options
		before, after broker
		want          []string
	}{
		{"wrong password, PLAIN", Options{SASL: &SASL{Plain, "youzhi", "right"}},
			broker{nil, "PLAIN", "youzhi", "wrong"}, broker{nil, "PLAIN", "youzhi", "right"}, []string{"SASL PLAIN", "user or the password"}},
		{"wrong password, SCRAM", Options{SASL: &SASL{ScramSHA256, "youzhi", "right"}},
			broker{nil, "SCRAM-SHA-256", "youzhi", "wrong"}, broker{nil, "SCRAM-SHA-256", "youzhi", "right"}, []string{"SASL SCRAM-SHA-256", "user or the password"}},
		{"unknown user", Options{SASL: &SASL{ScramSHA512, "youzhi", "right"}},
			broker{nil, "SCRAM-SHA-512", "another", "right"}, broker{nil, "SCRAM-SHA-512", "youzhi", "right"}, []string{"SASL SCRAM-SHA-512", "user or the password"}},
		{"password not wanted", Options{SASL: &SASL{Plain, "youzhi", "right"}},
			broker{}, broker{nil, "PLAIN", "youzhi", "right"}, []string{"SASL PLAIN"}},
		{"no user given", Options{},
			broker{nil, "PLAIN", "youzhi", "right"}, broker{}, []string{"user and a password (kafka.sasl)"}},
		{"expired certificate", Options{TLS: secure},
			broker{server: ca.Server(time.Now().Add(-time.Minute), "127.0.0.1")}, broker{server: good}, []string{"TLS", "expired"}},
		{"unknown authority", Options{TLS: secure},
			broker{server: other.Server(hour, "127.0.0.1")}, broker{server: good}, []string{"TLS", "unknown authority"}},
		{"another host's certificate", Options{TLS: secure},
			broker{server: ca.Server(hour, "kafka.test")}, broker{server: good}, []string{"TLS", "127.0.0.1"}},
		{"plain against TLS", Options{},
			broker{server: good}, broker{}, []string{"may speak TLS"}},
		{"TLS against plain", Options{TLS: secure},
			broker{}, broker{server: good}, []string{"does not seem to speak TLS"}},
		{"client certificate missing", Options{TLS: secure},
			broker{server: wantsClient}, broker{server: good}, []string{"client certificate"}},
		{"client certificate expired", Options{TLS: &TLS{CA: ca.File, Cert: expired.Cert, Key: expired.Key}},
			broker{server: wantsClient}, broker{server: good}, []string{"client certificate"}},
	} {
		// Most of the time they wait, so that all run at once.
		all.Go(func() {
			t.Run(test.name, func(t *testing.T) {
				b := test.before
				k := embeddedtest.OpenSecureKafka(t, map[string]int32{name: 1}, b.server, b.mechanism, b.user, b.password)
				o := test.o
				o.Brokers = k.Addrs()
				c, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				began, dials := time.Now(), k.Dials()
				f, _ := follow(t, c, []string{name}, nil, nil)
				// Others want connections meanwhile, as in the program.
				ctx := within(t)
				for range 3 {
					go func() {
						for ctx.Err() == nil && time.Since(began) < 4*time.Second {
							_, _ = c.Offsets(ctx, "g", name)
							_, _ = c.Partitions(ctx, name)
							sleep(ctx, 20*time.Millisecond)
						}
					}()
				}
				f.until(t, "a reason", func() bool { return len(f.faults) > 0 })
				told := time.Since(began)
				f.mu.Lock()
				reason := f.faults[0].Error()
				f.mu.Unlock()
				for _, want := range test.want {
					if !strings.Contains(reason, want) {
						t.Errorf("the reason does not say %q: %s", want, reason)
					}
				}
				if told > 10*time.Second {
					t.Errorf("told after %s", told)
				}
				sleep(ctx, 4*time.Second-told)
				if n := k.Dials() - dials; n > 5 {
					t.Errorf("%d connections in 4 s", n)
				}
				b = test.after
				k.Restart(b.server, b.mechanism, b.user, b.password)
				mended := time.Now()
				write(t, c, name, 0, 10)
				f.until(t, "all is read", func() bool { return len(f.values) == 10 })
				t.Logf("told in %s: %s; mended, and read after %s", told.Round(time.Millisecond), reason, time.Since(mended).Round(time.Millisecond))
			})
		})
	}
}

// The settings of a password are no part of what is said.
func TestRefusalKeepsThePassword(t *testing.T) {
	k := embeddedtest.OpenSecureKafka(t, nil, nil, "PLAIN", "youzhi", "right")
	c, err := New(Options{Brokers: k.Addrs(), SASL: &SASL{Plain, "youzhi", "hunter2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Topics(within(t), name); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("refused: %v", err)
	}
}

// A broker that accepts connections and says nothing is given up in time.
func TestSilentBroker(t *testing.T) {
	k := embeddedtest.OpenKafka(t, map[string]int32{name: 1})
	k.Silence(true)
	c := client(t, k.Addrs())
	began := time.Now()
	f, _ := follow(t, c, []string{name}, nil, nil)
	f.until(t, "a reason", func() bool { return len(f.faults) > 0 })
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("told after %s", d)
	}
	k.Silence(false)
	write(t, c, name, 0, 10)
	f.until(t, "all is read", func() bool { return len(f.values) == 10 })
}
