// Package kafkatest gives tests a real Apache Kafka: brokers in KRaft mode, each
// a process of its own that can be stopped, killed and started again, and what an
// operator does to topics and groups from outside.
//
//   - kafkatest.go: the cluster and its brokers
//   - admin.go: topics, records, groups and users
//   - authority.go: certificates
//   - process.go, process_linux.go: processes that never outlive the test
//   - port.go: ports that stay free for a process which is started again
package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// patience bounds the start and the end of a broker.
const patience = 90 * time.Second

// Cluster is some brokers that know each other.
type Cluster struct {
	t      testing.TB
	nodes  []*node
	client *kgo.Client
}

// node is one broker, which is a controller too.
type node struct {
	id       int32
	address  string // of the clients
	secured  string // where they need TLS and a password, empty if nowhere
	settings string // its file
	output   string // what it says
	process  *Process
}

// jars is the folder that `make setup` filled.
func jars() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("the source of this package is not known")
	}
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	folder := filepath.Join(root, "bin", "kafka")
	if _, err := os.Stat(filepath.Join(folder, ".youzhi-installed")); err != nil {
		return "", fmt.Errorf("apache kafka is missing: run `make setup`: %w", err)
	}
	return folder, nil
}

// Secure gives each broker a second address, which wants TLS and a password: by
// SCRAM one of [Cluster.SetPassword], or by PLAIN this one.
type Secure struct {
	// PEM is a file with the brokers' key and certificate, read when they start.
	PEM            string
	User, Password string
}

// Start starts a cluster of so many brokers and waits until it answers. It stops
// when the test ends. Without Kafka's jars or Java the test is skipped, or fails
// where the variable CI is set.
func Start(t testing.TB, brokers int) *Cluster {
	t.Helper()
	return start(t, brokers, nil)
}

// StartSecured is Start with a secured address of each broker.
func StartSecured(t testing.TB, brokers int, secure Secure) *Cluster {
	t.Helper()
	return start(t, brokers, &secure)
}

func start(t testing.TB, brokers int, secure *Secure) *Cluster {
	t.Helper()
	folder, err := jars()
	if err == nil {
		_, err = exec.LookPath("java")
	}
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	c := &Cluster{t: t}
	var voters []string
	var controllers []string
	for i := range brokers {
		n := &node{id: int32(i + 1), address: fmt.Sprintf("127.0.0.1:%d", Port(t))}
		if secure != nil {
			n.secured = fmt.Sprintf("127.0.0.1:%d", Port(t))
		}
		controller := fmt.Sprintf("127.0.0.1:%d", Port(t))
		controllers = append(controllers, controller)
		voters = append(voters, fmt.Sprintf("%d@%s", n.id, controller))
		c.nodes = append(c.nodes, n)
	}
	name := uuid()
	var formats sync.WaitGroup
	faults := make([]error, brokers)
	for i, n := range c.nodes {
		dir := t.TempDir()
		n.settings, n.output = filepath.Join(dir, "server.properties"), filepath.Join(dir, "output.txt")
		if err := os.WriteFile(n.settings, []byte(settings(n, controllers[i], voters, filepath.Join(dir, "log"), secure)), 0o600); err != nil {
			t.Fatal(err)
		}
		formats.Go(func() {
			format := java(folder, "kafka.tools.StorageTool", "format", "--cluster-id", name, "--config", n.settings)
			if text, err := format.CombinedOutput(); err != nil {
				faults[i] = fmt.Errorf("format the folder of broker %d: %w\n%s", n.id, err, text)
			}
		})
	}
	formats.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
	for i := range c.nodes {
		c.launch(folder, i)
	}
	// Later versions of these requests name topics by their ids.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9)
	versions.SetMaxKeyVersion(int16(kmsg.OffsetFetch), 9)
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.Brokers()...), kgo.MetadataMinAge(50*time.Millisecond), kgo.MaxVersions(versions))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	c.awaitAll()
	return c
}

// settings are those of a broker. Each topic has a replica on every broker, and
// two have to take a message where there are three.
func settings(n *node, controller string, voters []string, logs string, secure *Secure) string {
	listeners, securely := "PLAINTEXT://"+n.address, []string(nil)
	if secure != nil {
		listeners += ",SECURED://" + n.secured
		securely = securedSettings(secure)
	}
	lines := []string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", n.id),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"listeners=" + listeners + ",CONTROLLER://" + controller,
		"advertised.listeners=" + listeners,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT",
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=PLAINTEXT",
		"log.dirs=" + logs,
		fmt.Sprintf("default.replication.factor=%d", len(voters)),
		fmt.Sprintf("min.insync.replicas=%d", (len(voters)+1)/2),
		fmt.Sprintf("offsets.topic.replication.factor=%d", len(voters)),
		"offsets.topic.num.partitions=1",
		fmt.Sprintf("transaction.state.log.replication.factor=%d", len(voters)),
		fmt.Sprintf("transaction.state.log.min.isr=%d", (len(voters)+1)/2),
		"transaction.state.log.num.partitions=1",
		// Nobody else comes in the first seconds of a test.
		"group.initial.rebalance.delay.ms=0",
		// A topic is there because somebody made it.
		"auto.create.topics.enable=false",
		// A broker that is killed is missed soon.
		"broker.session.timeout.ms=4000",
		"broker.heartbeat.interval.ms=500",
		"controller.quorum.election.timeout.ms=500",
		"controller.quorum.fetch.timeout.ms=1000",
		"replica.lag.time.max.ms=5000",
		"controlled.shutdown.max.retries=1",
		// A topic that was deleted is gone at once.
		"log.segment.delete.delay.ms=0",
		"log.cleaner.dedupe.buffer.size=2097152",
		"num.network.threads=2",
		"num.io.threads=4",
		"background.threads=2",
	}
	return strings.Join(append(lines, securely...), "\n") + "\n"
}

// securedSettings are those of the address that wants TLS and a password.
func securedSettings(s *Secure) []string {
	const listener, modules = "listener.name.secured.", "org.apache.kafka.common.security."
	return []string{
		listener + "ssl.keystore.type=PEM",
		listener + "ssl.keystore.location=" + s.PEM,
		listener + "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		fmt.Sprintf(`%splain.sasl.jaas.config=%splain.PlainLoginModule required user_%s="%s";`, listener, modules, s.User, s.Password),
		listener + "scram-sha-256.sasl.jaas.config=" + modules + "scram.ScramLoginModule required;",
		listener + "scram-sha-512.sasl.jaas.config=" + modules + "scram.ScramLoginModule required;",
	}
}

// java is a program of Kafka in a small machine that starts fast.
func java(folder, main string, args ...string) *exec.Cmd {
	configuration := filepath.Join(folder, "..", "..", "deploy", "kafka", "log4j2.properties")
	all := append([]string{
		"-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dlog4j2.configurationFile=" + configuration,
		"-cp", filepath.Join(folder, "*"), main,
	}, args...)
	return exec.CommandContext(context.Background(), "java", all...)
}

// uuid makes an id as Kafka writes it.
func uuid() string {
	var id [16]byte
	// rand.Read never fails.
	_, _ = rand.Read(id[:])
	id[0] &= 0x7f // an id that begins with '-' is taken for a flag
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// launch starts a broker's process.
func (c *Cluster) launch(folder string, i int) {
	c.t.Helper()
	n := c.nodes[i]
	output, err := os.OpenFile(n.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	command := java(folder, "kafka.Kafka", n.settings)
	command.Stdout, command.Stderr = output, output
	n.process = Run(c.t, command)
	if err := output.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// Brokers are the addresses of all brokers, of the dead ones too.
func (c *Cluster) Brokers() []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.address)
	}
	return all
}

// Secured are the secured addresses of all brokers.
func (c *Cluster) Secured() []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.secured)
	}
	return all
}

// Nodes is how many brokers there are, dead or alive.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Kill ends a broker as a power cut does, by its index.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.nodes[i].process.Kill()
}

// Stop ends a broker as an operator does: it hands its partitions over.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	c.nodes[i].process.Terminate(patience)
}

// Restart starts a broker that has ended, and waits until it takes part.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	folder, err := jars()
	if err != nil {
		c.t.Fatal(err)
	}
	c.launch(folder, i)
	c.awaitAll()
}

// awaitAll waits until all brokers that were started take part.
func (c *Cluster) awaitAll() {
	c.t.Helper()
	var started []*node
	for _, n := range c.nodes {
		if !n.process.Ended() {
			started = append(started, n)
		}
	}
	ctx, cancel := c.within()
	defer cancel()
	for {
		err := c.ready(ctx, len(started))
		if err == nil {
			return
		}
		ended := slices.ContainsFunc(started, func(n *node) bool { return n.process.Ended() })
		if ended || ctx.Err() != nil {
			for _, n := range started {
				if text, rerr := os.ReadFile(n.output); rerr == nil {
					c.t.Logf("broker %d says:\n%.4000s", n.id, text)
				}
			}
			c.t.Fatalf("kafka does not get ready: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *Cluster) ready(ctx context.Context, brokers int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, c.client)
	if err != nil {
		return err
	}
	if len(answer.Brokers) < brokers {
		return fmt.Errorf("%d of %d brokers take part", len(answer.Brokers), brokers)
	}
	return nil
}
