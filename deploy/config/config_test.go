package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

var secrets = cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() })

func TestBadFiles(t *testing.T) {
	// File -> what the message says behind the file's name.
	want := map[string]string{
		"unknown_key":            "line 2: lissten: unknown setting",
		"unknown_key_in_section": "line 3: ingest.batch_size: unknown setting",
		"unknown_section":        "line 1: databases: unknown setting",
		"number_as_key":          "line 1: 1: unknown setting",
		"no_value":               `line 1: listen: has no value: write one, or "" for an empty one, or remove the line`,
		"no_number":              `line 2: ingest.batch_rows: "many" is no whole number`,
		"too_many_rows":          "line 2: ingest.batch_rows: 1000001 is outside 1 to 1000000",
		"zero_rows":              "line 2: ingest.batch_rows: 0 is outside 1 to 1000000",
		"no_size":                `line 2: ingest.batch_bytes: "64MB" is no size: write 1048576, 512KiB, 64MiB or 1GiB`,
		"size_overflow":          "line 2: ingest.batch_bytes: 9223372036854775807GiB is outside 1MiB to 1GiB",
		"no_duration":            `line 2: ingest.batch_age: "5" is no duration: write 500ms, 5s or 1m30s`,
		"duration_range":         "line 1: shutdown: 1h is outside 1s to 10m",
		"no_share":               `line 2: quarantine.alarm_ratio: "1%" is no number such as 0.01`,
		"share_range":            "line 2: quarantine.alarm_ratio: 1.5 is outside 0 to 1",
		"share_nan":              `line 2: quarantine.alarm_ratio: `,
		"no_port":                `line 1: listen: "localhost" is no address: write host:port`,
		"port_range":             `line 1: listen: "localhost:70000" has no port from 0 to 65535`,
		"language":               `line 1: language: "fr" is none of zh, en`,
		"level":                  `line 2: log.level: "loud" is none of debug, info, warn, error`,
		"database":               `line 2: clickhouse.database: "my-db" is no name: write letters, digits and _, at most 64, no digit first`,
		"dsn_scheme":             "line 2: clickhouse.dsn: does not begin with http:// or https://: write http(s)://user:password@host:port",
		"dsn_path":               "line 2: clickhouse.dsn: has something behind the port: write http(s)://user:password@host:port; the database is clickhouse.database",
		"dsn_no_url":             "line 2: clickhouse.dsn: is no URL: write http(s)://user:password@host:port",
		"broker":                 `line 2: kafka.brokers: "kafka-2" is no address: write host:port`,
		"broker_item":            "line 2: kafka.brokers: an item of the list is no plain text",
		"tls_not_enabled":        "kafka.tls: settings without effect: kafka.tls.enabled is not true",
		"tls_key_alone":          "kafka.tls: cert and key belong together: one of them is missing",
		"tls_neither":            `line 3: kafka.tls.enabled: "1" is neither true nor false`,
		"sasl_mechanism":         `line 4: kafka.sasl.mechanism: "kerberos" is none of plain, scram-sha-256, scram-sha-512`,
		"sasl_no_user":           "kafka.sasl.user: must not be empty with kafka.sasl.mechanism plain",
		"sasl_no_password":       "kafka.sasl.password: must not be empty with kafka.sasl.mechanism scram-sha-256",
		"sasl_no_mechanism":      "kafka.sasl: a user or password without kafka.sasl.mechanism",
		"sasl_embedded":          "kafka.brokers: empty, and the broker inside the process knows no TLS and no users",
		"list_for_one":           "line 1: data: takes one value, this is a list",
		"map_for_one":            "line 2: data: want a plain value, this is a YAML mapping",
		"value_for_section":      "line 1: ingest: is a section, write its settings below it",
		"schedule":               `line 2: jobs.snapshot_daily: "daily" is no schedule: write minute hour day month weekday, such as 30 4 * * *, or @every 5s`,
		"duplicate_key":          `line 2: no valid YAML: mapping key "data" already defined at [1:1]`,
		"alias":                  "line 1: data: want a plain value, this is a YAML anchor",
		"merge":                  "line 2: <<: unknown setting",
		"two_documents":          "line 3: a second document: write all settings in one",
		"list_at_top":            "line 1: want settings such as listen: 127.0.0.1:8080",
		"broken":                 "line 1: no valid YAML: could not find end character of double-quoted text",
		"tab":                    "line 2: no valid YAML: found character '\t' that cannot start any token",
		"empty_data":             "line 1: data: must not be empty",
		"two_faults":             `line 1: language: "fr" is none of zh, en`,
	}
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want) {
		t.Errorf("%d files, %d expectations", len(files), len(want))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			c, err := Load(Sources{File: file})
			if err == nil {
				t.Fatalf("loaded %+v", c)
			}
			if want[name] == "" || !strings.Contains(err.Error(), want[name]) {
				t.Errorf("got  %s\nwant %s", err, want[name])
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows the password: %s", err)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "youzhi.yaml", "language: fr\nlog:\n  format: xml\n")
	_, err := Load(Sources{
		Environ: []string{"YOUZHI_DATA=", "YOUZHI_KAFKA_PARTITIONS=0", "YOUZHI_LISTN=:1", "OTHER=1"},
		Flags:   map[string]string{"listen": "x", "colour": "blue"},
	})
	if err == nil {
		t.Fatal("loaded")
	}
	want := []string{
		`youzhi.yaml: line 1: language: "fr" is none of zh, en`,
		`youzhi.yaml: line 3: log.format: "xml" is none of text, json`,
		"YOUZHI_DATA: must not be empty",
		"YOUZHI_KAFKA_PARTITIONS: 0 is outside 1 to 1024",
		"YOUZHI_LISTN: unknown setting",
		"command line: colour: unknown setting",
		`command line: listen: "x" is no address: write host:port`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The later source wins, value by value.
func TestOrderOfSources(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "youzhi.yaml", "data: file\nlisten: file:1\nlanguage: en\ningest: # all defaults\nlog:\n  level: debug\nkafka:\n  brokers:\n    - a:1\n    - b:2\n")
	c, err := Load(Sources{
		Environ: []string{"YOUZHI_DATA=variable", "YOUZHI_LISTEN=variable:2", "YOUZHI_INGEST_BATCH_BYTES=2MiB"},
		Flags:   map[string]string{"data": "flag", "jobs.fold": "@every 5s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data = "flag"
	want.Listen = "variable:2"
	want.Language = "en"
	want.Log.Level = "debug"
	want.Kafka.Brokers = []string{"a:1", "b:2"}
	want.Ingest.BatchBytes = 2 << 20
	want.Jobs.Fold = "@every 5s"
	if diff := cmp.Diff(want, c, secrets); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhichFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if c, err := Load(Sources{}); err != nil || c.Data != "data" {
		t.Errorf("without a file: %+v, %v", c, err)
	}
	write(t, "youzhi.yaml", "data: working_folder\n")
	write(t, "b.yaml", "data: variable\n")
	write(t, "c.yaml", "data: flag\n")
	for _, test := range []struct {
		flag, variable, want string
	}{
		{"", "", "working_folder"},
		{"", "b.yaml", "variable"},
		{"c.yaml", "b.yaml", "flag"},
	} {
		c, err := Load(Sources{File: test.flag, Environ: []string{"YOUZHI_CONFIG=" + test.variable}})
		if err != nil || c.Data != test.want {
			t.Errorf("%+v: %+v, %v", test, c, err)
		}
	}
	for _, from := range []Sources{{File: "none.yaml"}, {Environ: []string{"YOUZHI_CONFIG=none.yaml"}}} {
		if _, err := Load(from); err == nil || err.Error() != "read settings: open none.yaml: no such file or directory" {
			t.Errorf("a named file that is missing: %v", err)
		}
	}
	write(t, "empty.yaml", "# nothing\n")
	if _, err := Load(Sources{File: "empty.yaml"}); err != nil {
		t.Errorf("a file of comments: %v", err)
	}
}

func TestSecretFromFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const dsn = "https://u:hunter2@ch.example:8443"
	write(t, "dsn", dsn+"\n")
	c, err := Load(Sources{Environ: []string{"YOUZHI_CLICKHOUSE_DSN_FILE=dsn"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ClickHouse.DSN.Reveal(); got != dsn {
		t.Errorf("read %q", got)
	}
	for variable, want := range map[string]string{
		"YOUZHI_CLICKHOUSE_DSN_FILE=none": "YOUZHI_CLICKHOUSE_DSN_FILE: open none: no such file or directory",
		"YOUZHI_DATA_FILE=dsn":            "YOUZHI_DATA_FILE: unknown setting",
		"YOUZHI_CLICKHOUSE_DSN=http://x":  "YOUZHI_CLICKHOUSE_DSN: YOUZHI_CLICKHOUSE_DSN_FILE is set too: set one of them",
	} {
		environ := []string{variable}
		if strings.HasPrefix(variable, "YOUZHI_CLICKHOUSE_DSN=") {
			environ = append(environ, "YOUZHI_CLICKHOUSE_DSN_FILE=dsn")
		}
		if _, err := Load(Sources{Environ: environ}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", variable, err, want)
		}
	}
}

// However a configuration is printed, its secrets are not.
func TestSecretIsMasked(t *testing.T) {
	c := Default()
	c.ClickHouse.DSN = NewSecret("http://u:hunter2@h:1")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, c.ClickHouse.DSN)
		fmt.Fprintf(&out, verb, c.ClickHouse)
		fmt.Fprintf(&out, verb, c)
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := encode(c)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("settings", "dsn", c.ClickHouse.DSN, "all", c)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("settings", "dsn", c.ClickHouse.DSN, "all", c)
	fmt.Fprint(&out, c.Values(), fmt.Errorf("open: %v", c.ClickHouse.DSN))
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("printed %s in:\n%s", leak, &out)
		}
	}
	if got := fmt.Sprint(c.ClickHouse.DSN); got != masked {
		t.Errorf("prints %q", got)
	}
	if got := fmt.Sprint(Secret{}); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}

// The examples name every setting once, with its default.
func TestExampleYAML(t *testing.T) {
	c := Default()
	seen := make(map[string]int)
	known := make(map[string]setting)
	for _, s := range c.settings() {
		inner := s.set
		s.set = func(text string) error { seen[s.key]++; return inner(text) }
		known[s.key] = s
	}
	if faults := loadFile(known, "example.yaml", ""); len(faults) > 0 {
		t.Fatal(faults)
	}
	for key := range known {
		if seen[key] != 1 {
			t.Errorf("%s appears %d times", key, seen[key])
		}
	}
	if diff := cmp.Diff(Default(), c, secrets); diff != "" {
		t.Errorf("differs from the defaults (-default +example)\n%s", diff)
	}
}

func TestExampleEnv(t *testing.T) {
	content, err := os.ReadFile("example.env")
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	seen := make(map[string]int)
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		environ = append(environ, line)
		name, _, _ := strings.Cut(line, "=")
		seen[name]++
	}
	for _, v := range Default().Values() {
		if seen[v.Variable] != 1 {
			t.Errorf("%s appears %d times", v.Variable, seen[v.Variable])
		}
	}
	c, err := Load(Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, secrets); diff != "" {
		t.Errorf("differs from the defaults (-default +example)\n%s", diff)
	}
}

// What Values writes is read back as the same.
func TestValuesAreWrittenAsTheyAreRead(t *testing.T) {
	c := Default()
	c.Kafka.Brokers = []string{"a:1", "b:2"}
	c.Shutdown = 90 * time.Second
	c.Ingest.BatchBytes = 1<<20 + 1
	flags := make(map[string]string)
	for _, v := range c.Values() {
		flags[v.Key] = v.Text
	}
	got, err := Load(Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got, secrets); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
