// Package config is the typed configuration of the program: what can be set,
// where it is read from, and what is refused.
//
// A setting has one key, such as ingest.batch_rows, which is its path in
// youzhi.yaml, its environment variable (YOUZHI_INGEST_BATCH_ROWS) and its name
// for Sources.Flags. Values are taken in this order, the later one wins:
// defaults, file, environment, flags. An unknown key, an unknown variable that
// begins with YOUZHI_ and a value that does not parse are errors, and all of
// them are reported at once.
//
//   - config.go: the settings and their defaults
//   - settings.go: the keys, and how each value is written and checked
//   - load.go: the sources
//   - secret.go: values that are never printed
//   - example.yaml, example.env: every setting, documented, with its default
package config

import "time"

// Config holds every setting. Sizes are in bytes, durations are time.Duration.
type Config struct {
	// Data is the folder of the embedded ClickHouse and Kafka. It is made when
	// it is missing, and unused when both are servers.
	Data string
	// Engine is the path of libchdb.so. Empty: the one `make setup` fetched.
	Engine string
	// Listen is the address of the pages and the API, host:port. Port 0 takes a
	// free one.
	Listen string
	// Language of the pages and reports where nobody chose one: zh or en.
	Language string
	// Catalogue is a folder of the operator's own indicators, read after the
	// ones that are built in. Empty: none.
	Catalogue string
	// Policy is the operator's policy file, in place of the one that is built
	// in. Empty: the one that is built in.
	Policy string
	// Calendar is a file of off days and make-up days for years that are not
	// built in. Empty: none.
	Calendar string
	// Shutdown is how long the services may take to finish what they hold after
	// they are told to stop; 1s to 10m.
	Shutdown time.Duration

	ClickHouse ClickHouse
	Kafka      Kafka
	Ingest     Ingest
	Quarantine Quarantine
	Jobs       Jobs
	Log        Log
}

// ClickHouse says where the events are stored.
type ClickHouse struct {
	// DSN is the address of a server, http(s)://user:password@host:port. Empty:
	// the engine inside the process, with its files in Data.
	DSN Secret
	// Database is made when it is missing. Letters, digits and _, at most 64.
	Database string
}

// Kafka says where events come from.
type Kafka struct {
	// Brokers are host:port. Empty: the broker inside the process, with its log
	// in Data.
	Brokers []string
	// Group is the consumer group; every ingest process of one installation
	// names the same.
	Group string
	// Partitions of a topic when it is made, 1 to 1024.
	Partitions int
	TLS        KafkaTLS
	SASL       KafkaSASL
}

// KafkaTLS says how connections to the brokers are encrypted. The files are read
// again for each connection.
type KafkaTLS struct {
	Enabled bool
	// CA is a file of the authorities that sign the brokers' certificates, PEM.
	// Empty: those of the system.
	CA string
	// Cert and Key are files of this program's certificate and its key, PEM, where
	// the brokers want one. Both or none.
	Cert, Key string
	// ServerName is the name in the brokers' certificates. Empty: the host of each
	// broker's address.
	ServerName string
}

// KafkaSASL says who this program is to the brokers.
type KafkaSASL struct {
	// Mechanism is plain, scram-sha-256 or scram-sha-512. Empty: the brokers ask
	// for no user.
	Mechanism string
	User      string
	Password  Secret
}

// Ingest says when a batch of a topic is stored, at the first of three limits,
// and how often the books are checked.
type Ingest struct {
	BatchRows  int           // 1 to 1,000,000
	BatchBytes int64         // of keys and values; 1MiB to 1GiB
	BatchAge   time.Duration // since the batch's first message; 10ms to 5m
	// ReconcileEvery is the pause between two comparisons of the broker's
	// offsets with the stored rows; 1s to 24h.
	ReconcileEvery time.Duration
	// StallAfter is how long a partition may bring nothing although its log has
	// more, until this process asks for partitions anew, over new connections; 5s
	// to 1h.
	StallAfter time.Duration
	// Fsync makes ClickHouse write to the disk what it acknowledges, so that a power
	// cut takes nothing whose offset is committed.
	Fsync bool
}

// Quarantine says how messages are kept that are no events of the contract.
type Quarantine struct {
	// Keep is how long key and payload stay, which may hold personal data; 1h to
	// 8760h. Place, reason, size and hash stay.
	Keep time.Duration
	// AlarmRatio is the share of a topic's messages that may go to quarantine
	// before it is said loudly, from 0 to 1; 1: never.
	AlarmRatio float64
}

// Jobs holds the schedules of the recurring work, in Asia/Shanghai, as
// jobs/schedule reads them: cron's five fields, @daily and its like, @every 5s,
// @first-workday month 08:00.
type Jobs struct {
	// Fold turns new events into state and facts.
	Fold string
	// SnapshotDaily publishes the figures of the last complete day, and
	// SnapshotMonthly those of the last complete month.
	SnapshotDaily   string
	SnapshotMonthly string
	// ReportMonthly makes the report of the month before, in each language.
	ReportMonthly string
}

// Log says what is written to standard error.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// Default returns the settings of the one-machine size.
func Default() *Config {
	return &Config{
		Data:     "data",
		Listen:   "127.0.0.1:8080",
		Language: "zh",
		Shutdown: 30 * time.Second,
		ClickHouse: ClickHouse{
			Database: "youzhi",
		},
		Kafka: Kafka{
			Group:      "youzhi",
			Partitions: 4,
		},
		Ingest: Ingest{
			BatchRows:      200_000,
			BatchBytes:     64 << 20,
			BatchAge:       time.Second,
			ReconcileEvery: 10 * time.Minute,
			StallAfter:     time.Minute,
		},
		Quarantine: Quarantine{
			Keep:       30 * 24 * time.Hour,
			AlarmRatio: 0.01,
		},
		Jobs: Jobs{
			Fold:            "@every 2s",
			SnapshotDaily:   "30 4 * * *",
			SnapshotMonthly: "0 6 1 * *",
			ReportMonthly:   "@first-workday month 08:00",
		},
		Log: Log{
			Level:  "info",
			Format: "text",
		},
	}
}
