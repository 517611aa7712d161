package topic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	// connectTimeout ends an attempt to connect, the handshakes included. It is
	// shorter than what kafka-go waits, so that the reason is ours.
	connectTimeout = 4 * time.Second
	// connectPause is how long an address that failed is not tried again: whoever
	// asks meanwhile gets the reason of the failure.
	connectPause = time.Second
)

// TLS says how connections are encrypted. The files are read for each
// connection, so that a renewed certificate is used without a restart.
type TLS struct {
	CA         string // file of the authorities that sign brokers' certificates, PEM; empty: the system's
	Cert, Key  string // files of the client's certificate and its key, PEM; both or none
	ServerName string // the name in the brokers' certificates; empty: the host of their address
}

func (t *TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if c.ServerName == "" {
		c.ServerName = host
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificate authorities: %s holds no certificate in PEM", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("the client's certificate and its key belong together: one of them is missing")
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// The mechanisms of SASL, as they are written in settings.
const (
	Plain       = "plain"
	ScramSHA256 = "scram-sha-256"
	ScramSHA512 = "scram-sha-512"
)

// SASL is who this program is to the brokers.
type SASL struct {
	Mechanism      string // Plain, ScramSHA256 or ScramSHA512
	User, Password string
}

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	if s.User == "" || s.Password == "" {
		return nil, fmt.Errorf("SASL %s needs a user and a password", s.Mechanism)
	}
	secret := scram.Auth{User: s.User, Pass: s.Password}
	switch s.Mechanism {
	case Plain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case ScramSHA256:
		return secret.AsSha256Mechanism(), nil
	case ScramSHA512:
		return secret.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q is none of %s, %s, %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512)
}

// connector makes every connection to a broker, whoever of kafka-go's transport,
// kafka-go's group and franz-go's client wants it: encrypted, authenticated, and
// proven by an answer. So there is one way in which the settings are used, one
// place that knows why a connection failed, and one that keeps all of them
// together from trying an address more often than once in connectPause.
type connector struct {
	clientID  string
	tls       *TLS           // nil: plain
	mechanism sasl.Mechanism // nil: none

	mu      sync.Mutex
	brokers map[string]*attempts // by address
}

// attempts is what is known of an address.
type attempts struct {
	turn chan struct{} // holds a token while somebody tries an address that is not known to work

	mu      sync.Mutex
	works   bool  // the last attempt succeeded
	failure error // of the last attempt, for connectPause
}

func newConnector(o Options) (*connector, error) {
	c := &connector{clientID: o.ClientID, tls: o.TLS, brokers: map[string]*attempts{}}
	if o.TLS != nil {
		if _, err := o.TLS.config(""); err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
	}
	if o.SASL != nil {
		var err error
		if c.mechanism, err = o.SASL.mechanism(); err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
	}
	return c, nil
}

func (c *connector) attempts(address string) *attempts {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.brokers[address]
	if a == nil {
		a = &attempts{turn: make(chan struct{}, 1)}
		c.brokers[address] = a
	}
	return a
}

func (a *attempts) state() (works bool, failure error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.works, a.failure
}

func (a *attempts) succeeded() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.works, a.failure = true, nil
}

func (a *attempts) failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.works, a.failure = false, err
	time.AfterFunc(connectPause, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failure = nil
	})
}

// dial connects to an address, host:port.
func (c *connector) dial(ctx context.Context, network, address string) (net.Conn, error) {
	a := c.attempts(address)
	if works, _ := a.state(); !works {
		// One tries, the others wait for what comes of it.
		select {
		case a.turn <- struct{}{}:
			defer func() { <-a.turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if _, failure := a.state(); failure != nil {
		return nil, failure
	}
	conn, err := c.connect(ctx, network, address)
	if err != nil {
		err = fmt.Errorf("connect to Kafka at %s: %w", address, err)
		// Who gave up has learned nothing about the address.
		if !errors.Is(ctx.Err(), context.Canceled) {
			a.failed(err)
		}
		return nil, err
	}
	a.succeeded()
	return conn, nil
}

func (c *connector) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	// The handshakes end with ctx.
	var past time.Time
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past.Add(time.Second)) })
	defer stop()
	secured, err := c.greet(ctx, conn, host)
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("no answer in time: %w", err)
		}
		return nil, err
	}
	return secured, nil
}

// greet brings a new connection to the point where any request is answered.
func (c *connector) greet(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	if c.tls != nil {
		config, err := c.tls.config(host)
		if err != nil {
			return nil, err
		}
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			// Brokers that take the handshake for a request close the connection, or
			// wait for the rest of it.
			if errors.As(err, new(tls.RecordHeaderError)) || closed(err) || ctx.Err() != nil {
				return nil, fmt.Errorf("TLS: the broker does not seem to speak TLS on this port: %w", err)
			}
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = encrypted
	}
	broker := protocol.NewConn(conn, c.clientID)
	answer, err := broker.RoundTrip(new(apiversions.Request))
	if err != nil {
		if c.tls == nil {
			return nil, fmt.Errorf("the broker does not answer the first request, it may speak TLS on this port (kafka.tls): %w", err)
		}
		return nil, fmt.Errorf("the broker does not answer the first request, it may want another client certificate: %w", err)
	}
	versions := answer.(*apiversions.Response)
	if versions.ErrorCode != 0 {
		return nil, fmt.Errorf("versions of the protocol: %w", kafka.Error(versions.ErrorCode))
	}
	supported := map[protocol.ApiKey]int16{}
	for _, v := range versions.ApiKeys {
		key := protocol.ApiKey(v.ApiKey)
		supported[key] = key.SelectVersion(v.MinVersion, v.MaxVersion)
	}
	broker.SetVersions(supported)
	if c.mechanism != nil {
		return conn, c.authenticate(ctx, broker, host)
	}
	// A broker that wants a password closes the connection at the first request
	// that is no part of it.
	if _, err := broker.RoundTrip(&metadata.Request{TopicNames: []string{}}); err != nil {
		return nil, fmt.Errorf("the broker does not answer a request, it may want a user and a password (kafka.sasl): %w", err)
	}
	return conn, nil
}

func (c *connector) authenticate(ctx context.Context, broker *protocol.Conn, host string) error {
	name := c.mechanism.Name()
	answer, err := broker.RoundTrip(&saslhandshake.Request{Mechanism: name})
	if err != nil {
		return fmt.Errorf("SASL %s: %w", name, err)
	}
	handshake := answer.(*saslhandshake.Response)
	switch code := kafka.Error(handshake.ErrorCode); code {
	case 0:
	case kafka.UnsupportedSASLMechanism:
		return fmt.Errorf("SASL %s: the broker takes %s: %w", name, strings.Join(handshake.Mechanisms, ", "), code)
	case kafka.IllegalSASLState:
		return fmt.Errorf("SASL %s: the broker wants no user on this port: %w", name, code)
	default:
		return fmt.Errorf("SASL %s: %w", name, code)
	}
	session, message, err := c.mechanism.Authenticate(ctx, host)
	for done := false; err == nil && !done; {
		if answer, err = broker.RoundTrip(&saslauthenticate.Request{AuthBytes: message}); err != nil {
			break
		}
		told := answer.(*saslauthenticate.Response)
		if told.ErrorCode != 0 {
			err = fmt.Errorf("%w: %s", kafka.Error(told.ErrorCode), told.ErrorMessage)
			break
		}
		done, message, err = session.Challenge(told.AuthBytes)
	}
	if closed(err) {
		// That is how brokers refuse where the protocol has no word for it.
		err = fmt.Errorf("the broker closed the connection: %w", err)
	}
	if err != nil {
		return fmt.Errorf("SASL %s: the broker refuses the user or the password: %w", name, err)
	}
	return nil
}

// closed says that the other side ended the connection.
func closed(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &network) && !network.Timeout() && network.Op == "read"
}
