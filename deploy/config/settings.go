package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// prefix begins every environment variable of the program.
const prefix = "YOUZHI_"

// setting is one value of a Config and the way it is written.
type setting struct {
	key string
	// set parses text, checks its range and stores it.
	set func(text string) error
	// get writes the value as set would read it; a secret is masked.
	get func() string
	// secret allows the variable with the ending _FILE.
	secret bool
	// many allows a YAML sequence.
	many bool
}

// variable is the setting's name in the environment.
func (s setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// settings lists every setting of c, in the order of the example files.
func (c *Config) settings() []setting {
	return []setting{
		text("data", &c.Data, notEmpty),
		text("engine", &c.Engine, anything),
		text("listen", &c.Listen, hostPort),
		text("language", &c.Language, oneOf("zh", "en")),
		text("catalogue", &c.Catalogue, anything),
		text("policy", &c.Policy, anything),
		text("calendar", &c.Calendar, anything),
		duration("shutdown", &c.Shutdown, time.Second, 10*time.Minute),
		secret("clickhouse.dsn", &c.ClickHouse.DSN, httpURL),
		text("clickhouse.database", &c.ClickHouse.Database, identifier),
		list("kafka.brokers", &c.Kafka.Brokers, hostPort),
		text("kafka.group", &c.Kafka.Group, notEmpty),
		whole("kafka.partitions", &c.Kafka.Partitions, 1, 1024),
		yes("kafka.tls.enabled", &c.Kafka.TLS.Enabled),
		text("kafka.tls.ca", &c.Kafka.TLS.CA, anything),
		text("kafka.tls.cert", &c.Kafka.TLS.Cert, anything),
		text("kafka.tls.key", &c.Kafka.TLS.Key, anything),
		text("kafka.tls.server_name", &c.Kafka.TLS.ServerName, anything),
		text("kafka.sasl.mechanism", &c.Kafka.SASL.Mechanism, oneOf("", "plain", "scram-sha-256", "scram-sha-512")),
		text("kafka.sasl.user", &c.Kafka.SASL.User, anything),
		secret("kafka.sasl.password", &c.Kafka.SASL.Password, anything),
		whole("ingest.batch_rows", &c.Ingest.BatchRows, 1, 1_000_000),
		size("ingest.batch_bytes", &c.Ingest.BatchBytes, 1<<20, 1<<30),
		duration("ingest.batch_age", &c.Ingest.BatchAge, 10*time.Millisecond, 5*time.Minute),
		duration("ingest.reconcile_every", &c.Ingest.ReconcileEvery, time.Second, 24*time.Hour),
		duration("ingest.stall_after", &c.Ingest.StallAfter, 5*time.Second, time.Hour),
		yes("ingest.fsync", &c.Ingest.Fsync),
		duration("quarantine.keep", &c.Quarantine.Keep, time.Hour, 365*24*time.Hour),
		share("quarantine.alarm_ratio", &c.Quarantine.AlarmRatio),
		text("jobs.fold", &c.Jobs.Fold, schedule),
		text("jobs.snapshot_daily", &c.Jobs.SnapshotDaily, schedule),
		text("jobs.snapshot_monthly", &c.Jobs.SnapshotMonthly, schedule),
		text("jobs.report_monthly", &c.Jobs.ReportMonthly, schedule),
		text("log.level", &c.Log.Level, oneOf("debug", "info", "warn", "error")),
		text("log.format", &c.Log.Format, oneOf("text", "json")),
	}
}

// Value is a setting as it is in force.
type Value struct {
	Key      string // ingest.batch_rows
	Variable string // YOUZHI_INGEST_BATCH_ROWS
	Text     string // the value as it would be written; secrets are masked
}

// Values lists every setting in force, secrets masked, for `youzhi check` and
// the log line at the start.
func (c *Config) Values() []Value {
	var values []Value
	for _, s := range c.settings() {
		values = append(values, Value{Key: s.key, Variable: s.variable(), Text: s.get()})
	}
	return values
}

func text(key string, at *string, check func(string) error) setting {
	return setting{
		key: key,
		set: func(s string) error {
			if err := check(s); err != nil {
				return err
			}
			*at = s
			return nil
		},
		get: func() string { return *at },
	}
}

func secret(key string, at *Secret, check func(string) error) setting {
	return setting{
		key: key,
		set: func(s string) error {
			if err := check(s); err != nil {
				return err
			}
			*at = NewSecret(s)
			return nil
		},
		get:    func() string { return at.String() },
		secret: true,
	}
}

// list is a comma-separated list, which in YAML may also be a sequence. The
// empty text is the empty list.
func list(key string, at *[]string, check func(string) error) setting {
	return setting{
		key: key,
		set: func(s string) error {
			var items []string
			var faults []error
			if s != "" {
				for item := range strings.SplitSeq(s, ",") {
					item = strings.TrimSpace(item)
					faults = append(faults, check(item))
					items = append(items, item)
				}
			}
			if err := errors.Join(faults...); err != nil {
				return err
			}
			*at = items
			return nil
		},
		get:  func() string { return strings.Join(*at, ",") },
		many: true,
	}
}

func whole(key string, at *int, least, most int) setting {
	return setting{
		key: key,
		set: func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				return fmt.Errorf("%q is no whole number", s)
			}
			if n < least || n > most {
				return fmt.Errorf("%d is outside %d to %d", n, least, most)
			}
			*at = n
			return nil
		},
		get: func() string { return strconv.Itoa(*at) },
	}
}

// yes is a setting that is on or off.
func yes(key string, at *bool) setting {
	return setting{
		key: key,
		set: func(s string) error {
			if s != "true" && s != "false" {
				return fmt.Errorf("%q is neither true nor false", s)
			}
			*at = s == "true"
			return nil
		},
		get: func() string { return strconv.FormatBool(*at) },
	}
}

// units are the endings of a size, the longest name first so that "KiB" is not
// read as "B".
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// size is a number of bytes, written 64MiB, 512KiB or 1048576.
func size(key string, at *int64, least, most int64) setting {
	return setting{
		key: key,
		set: func(s string) error {
			number, unit := s, int64(1)
			for _, u := range units {
				if before, found := strings.CutSuffix(s, u.name); found {
					number, unit = strings.TrimSpace(before), u.bytes
					break
				}
			}
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return fmt.Errorf("%q is no size: write 1048576, 512KiB, 64MiB or 1GiB", s)
			}
			// Divided, not multiplied, so that no product overflows.
			if n < 0 || n > most/unit || n*unit < least {
				return fmt.Errorf("%s is outside %s to %s", s, sizeText(least), sizeText(most))
			}
			*at = n * unit
			return nil
		},
		get: func() string { return sizeText(*at) },
	}
}

// sizeText writes n with the largest unit that divides it.
func sizeText(n int64) string {
	for _, u := range units {
		if n != 0 && n%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func duration(key string, at *time.Duration, least, most time.Duration) setting {
	return setting{
		key: key,
		set: func(s string) error {
			d, err := time.ParseDuration(s)
			if err != nil {
				return fmt.Errorf("%q is no duration: write 500ms, 5s or 1m30s", s)
			}
			if d < least || d > most {
				return fmt.Errorf("%s is outside %s to %s", s, durationText(least), durationText(most))
			}
			*at = d
			return nil
		},
		get: func() string { return durationText(*at) },
	}
}

// durationText drops the zero parts that time.Duration writes: 10m, not 10m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// share is a number from 0 to 1.
func share(key string, at *float64) setting {
	return setting{
		key: key,
		set: func(s string) error {
			n, err := strconv.ParseFloat(s, 64)
			if err != nil || math.IsNaN(n) {
				return fmt.Errorf("%q is no number such as 0.01", s)
			}
			if n < 0 || n > 1 {
				return fmt.Errorf("%s is outside 0 to 1", s)
			}
			*at = n
			return nil
		},
		get: func() string { return strconv.FormatFloat(*at, 'f', -1, 64) },
	}
}

func anything(string) error { return nil }

func notEmpty(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("%q is none of %s", s, strings.TrimPrefix(strings.Join(words, ", "), ", "))
		}
		return nil
	}
}

func hostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is no address: write host:port", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port from 0 to 65535", s)
	}
	return nil
}

var identifiers = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// identifier is a name that ClickHouse takes without quotes.
func identifier(s string) error {
	if !identifiers.MatchString(s) {
		return fmt.Errorf("%q is no name: write letters, digits and _, at most 64, no digit first", s)
	}
	return nil
}

// httpURL accepts an empty text or a URL of a server. Its faults never repeat
// the text, which holds a password.
func httpURL(s string) error {
	if s == "" {
		return nil
	}
	const want = "write http(s)://user:password@host:port"
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return errors.New("is no URL: " + want)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("does not begin with http:// or https://: " + want)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("has something behind the port: " + want + "; the database is clickhouse.database")
	}
	return nil
}

// schedule checks the outline alone; jobs/schedule knows what is wrong inside.
func schedule(s string) error {
	if strings.HasPrefix(s, "@") || len(strings.Fields(s)) == 5 {
		return nil
	}
	return fmt.Errorf("%q is no schedule: write minute hour day month weekday, such as 30 4 * * *, or @every 5s", s)
}
