// Youzhi (邮质) watches the service quality of a postal operator: it stores the
// operator's events, calculates the indicators of its service process manual and
// shows them down to the events behind each figure.
//
// This file names the subcommands and wires the rooms.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"youzhi/dashboard/assets"
	"youzhi/dashboard/page"
	"youzhi/dashboard/web"
	"youzhi/deploy/config"
	"youzhi/deploy/embedded"
	"youzhi/deploy/process"
	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/quarantine"
	"youzhi/ingest/source"
	"youzhi/ingest/topic"
	jobfold "youzhi/jobs/fold"
	"youzhi/jobs/ledger"
	"youzhi/jobs/report"
	"youzhi/jobs/schedule"
	"youzhi/jobs/simulation"
	"youzhi/jobs/snapshot"
	"youzhi/metrics"
	"youzhi/metrics/calendar"
	"youzhi/metrics/catalogue"
	"youzhi/metrics/chart"
	"youzhi/metrics/policy"
	"youzhi/metrics/sentence"
	"youzhi/metrics/state"
	"youzhi/queries"
)

func main() {
	ctx, stop := process.UntilSignal(context.Background())
	code := 0
	if err := command(os.Stdout, os.Stderr).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "youzhi:", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		code = 1
	}
	stop()
	os.Exit(code)
}

// program is what all subcommands work with.
type program struct {
	out, diagnostics io.Writer
	file             string            // settings file
	flags            map[string]string // settings given as flags
	cfg              *config.Config
	log              *slog.Logger
	telemetry        *process.Telemetry
	health           *process.Health
	// now is the clock; a demo may have one that runs faster.
	now func() time.Time
	// segment is the size of a file of the embedded broker's log, 0 for its own.
	segment int
}

// command is the command line.
func command(out, diagnostics io.Writer) *cobra.Command {
	p := &program{out: out, diagnostics: diagnostics, flags: map[string]string{}, now: time.Now}
	root := &cobra.Command{
		Use:           "youzhi",
		Short:         "Youzhi 邮质: service quality of a postal operator, from its events to the figures",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return p.load(cmd)
		},
	}
	root.SetOut(out)
	root.SetErr(diagnostics)
	root.PersistentFlags().StringVar(&p.file, "config", "", "settings file (default youzhi.yaml if it exists)")
	root.PersistentFlags().String("data", "", "folder of the embedded ClickHouse and Kafka")
	jobs := p.serviceCommand("jobs", "calculate figures and publish snapshots on schedule", "jobs")
	jobs.AddCommand(p.runJobCommand())
	root.AddCommand(
		jobs, p.demoCommand(), p.simulateCommand(),
		p.serviceCommand("all", "run ingest, jobs and dashboard in one process", "ingest", "jobs", "dashboard"),
		p.serviceCommand("ingest", "store the events of the Kafka topics in ClickHouse", "ingest"),
		p.serviceCommand("dashboard", "serve the pages and the API", "dashboard"),
		p.clickhouseCommand(), p.importCommand(), p.validateCommand(), p.kpiCommand(), p.reportCommand(), p.phaseCommand(),
		p.reconcileCommand(), p.quarantineCommand(), p.rebuildCommand(), p.migrateCommand(), p.checkCommand(),
	)
	return root
}

// load reads the settings; a flag that a command has and that was given wins.
func (p *program) load(cmd *cobra.Command) error {
	for _, name := range []string{"data", "listen"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			p.flags[name] = f.Value.String()
		}
	}
	var err error
	if p.cfg, err = config.Load(config.Sources{File: p.file, Environ: os.Environ(), Flags: p.flags}); err != nil {
		return err
	}
	if p.log, err = process.NewLogger(p.diagnostics, p.cfg.Log.Level, p.cfg.Log.Format); err != nil {
		return err
	}
	if p.cfg.Engine != "" {
		// The engine is found by its variable, wherever the setting stands.
		if err := os.Setenv(embedded.EngineVariable, p.cfg.Engine); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
	}
	p.telemetry = process.NewTelemetry()
	p.health = process.NewHealth(p.log, p.now, p.telemetry.Gauge("youzhi_ready", "Readiness of a component, 1 or 0.", "component"))
	return nil
}

// stores are the open ClickHouse and Kafka.
type stores struct {
	instance *embedded.Instance // nil with servers
	db       *queries.DB
	kafka    *topic.Client // nil where only ClickHouse is used
	brokers  []string
}

// holder says that nobody else serves or fills these stores.
func (s *stores) holder() bool { return s.instance != nil && s.instance.Holder() }

func (s *stores) close(err error) error {
	if s.kafka != nil {
		s.kafka.Close()
	}
	faults := []error{err}
	if s.db != nil {
		faults = append(faults, s.db.Close())
	}
	if s.instance != nil {
		faults = append(faults, s.instance.Close())
	}
	return errors.Join(faults...)
}

// open opens the stores that the settings name and brings the schema up to date.
// Where a server is named for one of them only, the other one is embedded.
func (p *program) open(ctx context.Context) (*stores, error) {
	s := &stores{brokers: p.cfg.Kafka.Brokers}
	options := queries.Options{DSN: p.cfg.ClickHouse.DSN.Reveal(), Database: p.cfg.ClickHouse.Database}
	if options.DSN == "" || len(s.brokers) == 0 {
		instance, err := p.openEmbedded(ctx)
		if err != nil {
			return nil, err
		}
		s.instance = instance
		if options.DSN == "" {
			options.Transport = instance.Transport()
		}
		if len(s.brokers) == 0 {
			s.brokers = instance.Brokers()
		}
	}
	var err error
	if s.db, err = queries.Open(ctx, options); err != nil {
		return nil, s.close(err)
	}
	if err := s.db.Migrate(ctx, p.now()); err != nil {
		return nil, s.close(err)
	}
	if s.kafka, err = topic.New(p.kafkaOptions(s.brokers)); err != nil {
		return nil, s.close(err)
	}
	return s, nil
}

// kafkaOptions say how to reach the brokers.
func (p *program) kafkaOptions(brokers []string) topic.Options {
	o := topic.Options{Brokers: brokers}
	if t := p.cfg.Kafka.TLS; t.Enabled {
		o.TLS = &topic.TLS{CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName}
	}
	if s := p.cfg.Kafka.SASL; s.Mechanism != "" {
		o.SASL = &topic.SASL{Mechanism: s.Mechanism, User: s.User, Password: s.Password.Reveal()}
		if s.Mechanism == topic.Plain && o.TLS == nil {
			p.log.Warn("the password goes to the brokers as it is, for all to read on the way: set kafka.tls, or another kafka.sasl.mechanism")
		}
	}
	return o
}

func (p *program) openEmbedded(ctx context.Context) (*embedded.Instance, error) {
	partitions := map[string]int32{}
	for _, name := range event.Topics() {
		partitions[name] = int32(p.cfg.Kafka.Partitions)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return embedded.Open(ctx, embedded.Options{Dir: p.cfg.Data, Topics: partitions, SegmentBytes: p.segment, Logger: p.log})
}

// figures is the metrics room over open stores.
type figures struct {
	cat      *catalogue.Catalogue
	builder  *state.Builder
	editions *state.Editions
	eval     *metrics.Evaluator
	fold     *jobfold.Job
	calendar *calendar.Calendar
	// versions names those of policy, calendar and catalogue.
	versions string
}

// definitions decide what a figure means.
type definitions struct {
	cat *catalogue.Catalogue
	pol *policy.Policy
	cal *calendar.Calendar
}

// definitions reads what the settings name, before anything is opened.
func (p *program) definitions() (*definitions, error) {
	var faults []error
	cat, err := catalogue.Load(p.cfg.Catalogue)
	faults = append(faults, err)
	pol, err := policy.Default()
	if p.cfg.Policy != "" {
		var text []byte
		if text, err = os.ReadFile(p.cfg.Policy); err == nil {
			pol, err = policy.Load(p.cfg.Policy, text)
		}
	}
	if err != nil {
		faults = append(faults, fmt.Errorf("load policy: %w", err))
	}
	cal, err := calendar.StateCouncil()
	if err == nil && p.cfg.Calendar != "" {
		var f *os.File
		if f, err = os.Open(p.cfg.Calendar); err == nil {
			cal, err = cal.With(p.cfg.Calendar, f)
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		faults = append(faults, fmt.Errorf("load calendar: %w", err))
	}
	if err == nil {
		for _, job := range []struct{ key, spec string }{
			{"jobs.fold", p.cfg.Jobs.Fold}, {"jobs.snapshot_daily", p.cfg.Jobs.SnapshotDaily}, {"jobs.snapshot_monthly", p.cfg.Jobs.SnapshotMonthly},
			{"jobs.report_monthly", p.cfg.Jobs.ReportMonthly},
		} {
			if _, err := schedule.Parse(job.spec, cal); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", job.key, err))
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if err := metrics.CheckWindows(cat, pol); err != nil {
		return nil, err
	}
	return &definitions{cat, pol, cal}, nil
}

// figures opens the metrics room. ClickHouse must understand every expression of
// the catalogue before anything counts by it.
func (p *program) figures(ctx context.Context, s *stores, d *definitions) (*figures, error) {
	builder := state.NewBuilder(s.db, d.pol, d.cal)
	editions := state.NewEditions(builder)
	versions := strings.Join([]string{d.pol.Version, d.cal.Version(), d.cat.Version()}, " ")
	f := &figures{
		versions: versions, cat: d.cat, builder: builder, editions: editions, calendar: d.cal,
		eval: metrics.New(s.db, d.cat, editions),
		fold: jobfold.New(jobfold.Options{
			Builder: builder, Facts: metrics.NewFacts(s.db, d.cat), Logger: p.log, Quiet: time.Minute,
			Versions: versions,
		}),
	}
	return f, f.eval.Check(ctx)
}

// serviceCommand runs services until it is told to stop.
func (p *program) serviceCommand(name, short string, services ...string) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	for _, s := range services {
		if s == "dashboard" {
			cmd.Flags().String("listen", "", "address of the pages, host:port")
		}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		err := p.runServices(cmd.Context(), name, services)
		if told := cmd.Context().Err(); told != nil && errors.Is(err, told) {
			return nil // it was told to end while it was still starting
		}
		return err
	}
	return cmd
}

// runServices opens the stores and runs services over them.
func (p *program) runServices(ctx context.Context, name string, services []string) error {
	d, err := p.definitions()
	if err != nil {
		return err
	}
	var listener net.Listener
	if slices.Contains(services, "dashboard") {
		if listener, err = web.Listen(ctx, p.cfg.Listen); err != nil {
			return err
		}
		defer func() { _ = listener.Close() }() // the server has closed it, if it came so far
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	if s.instance != nil && !s.holder() && slices.Contains(services, "jobs") {
		return s.close(fmt.Errorf("%s: another process holds the data folder, and one at a time folds into it; stop it first", name))
	}
	if _, ok, err := s.db.Simulation(ctx); err != nil {
		return s.close(err)
	} else if ok {
		p.log.InfoContext(ctx, "the data are a simulated operator's; only demo and simulate go on with it")
	}
	// What stores events counts nothing, and is soon there.
	var f *figures
	if len(services) > 1 || services[0] != "ingest" {
		if f, err = p.figures(ctx, s, d); err != nil {
			return s.close(err)
		}
	}
	return p.serve(ctx, s, f, listener, services)
}

// serve runs services, and others beside them, over open stores, which it closes.
// f is nil where none of them counts.
func (p *program) serve(ctx context.Context, s *stores, f *figures, listener net.Listener, services []string, others ...process.Service) error {
	run := others
	for _, name := range services {
		var service process.Service
		var err error
		switch name {
		case "ingest":
			// A setting of the tables: the service decides on it, and not a command that
			// happens to store something as well.
			if err = s.db.Fsync(ctx, p.cfg.Ingest.Fsync); err != nil {
				err = fmt.Errorf("ingest.fsync: %w", err)
				break
			}
			var watch *quarantine.Watch
			if watch, err = p.watch(s); err == nil {
				run = append(run, process.Service{Name: "quarantine", Run: watch.Run})
				service, err = p.ingest(s, watch.Counters(consume.NewCounters(p.telemetry.Counter)))
			}
		case "jobs":
			service, err = p.jobs(s, f)
		case "dashboard":
			service, err = p.dashboard(s, f, listener)
		}
		if err != nil {
			return s.close(err)
		}
		run = append(run, service)
	}
	err := process.RunServices(ctx, p.log, p.cfg.Shutdown, run...)
	if f == nil {
		return s.close(err)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Shutdown)
	defer cancel()
	return s.close(errors.Join(err, f.editions.Close(last)))
}

// watch watches what goes to quarantine, and how long its bytes stay there.
func (p *program) watch(s *stores) (*quarantine.Watch, error) {
	return quarantine.NewWatch(quarantine.WatchOptions{
		DB: s.db, Keep: p.cfg.Quarantine.Keep, AlarmRatio: p.cfg.Quarantine.AlarmRatio, Logger: p.log, Now: p.now,
		Ratio: p.telemetry.Gauge("youzhi_quarantine_ratio", "Share of a topic's messages of the last ten minutes that went to quarantine, from 0 to 1.", "topic"),
		Alarm: p.telemetry.Gauge("youzhi_quarantine_alarm", "Whether that share is above the limit, 1 or 0.", "topic"),
	})
}

func (p *program) ingest(s *stores, counters consume.Counters) (process.Service, error) {
	service, err := consume.New(consume.Options{
		Kafka: s.kafka, Store: s.db, DB: s.db, Group: p.cfg.Kafka.Group, Topics: event.Topics(), Partitions: p.cfg.Kafka.Partitions,
		Rows: p.cfg.Ingest.BatchRows, Bytes: int(p.cfg.Ingest.BatchBytes), Age: p.cfg.Ingest.BatchAge,
		ReconcileEvery: p.cfg.Ingest.ReconcileEvery, Stall: p.cfg.Ingest.StallAfter,
		Health: p.health.Component("ingest"), Counters: counters,
		Lag:    p.telemetry.Gauge("youzhi_ingest_lag_offsets", "Offsets that the group has not done, of any process's partitions.", "topic", "partition"),
		Logger: p.log, Now: p.now,
	})
	if err != nil {
		return process.Service{}, err
	}
	return process.Service{Name: "ingest", Run: service.Run}, nil
}

// jobNames are those that `youzhi jobs run` takes.
const (
	jobFold            = "fold"
	jobSnapshotDaily   = "snapshot-daily"
	jobSnapshotMonthly = "snapshot-monthly"
	jobReportMonthly   = "report-monthly"
)

func (p *program) scheduler(s *stores, f *figures) (*schedule.Scheduler, error) {
	publish := func(grain calendar.Grain) func(context.Context, time.Time) error {
		return snapshot.New(snapshot.Options{DB: s.db, Evaluator: f.eval, Catalogue: f.cat, Fold: f.fold.Run, Now: p.now}, grain).Run
	}
	health := p.health.Component("fold")
	fold := func(ctx context.Context, at time.Time) error {
		err := f.fold.Run(ctx, at)
		health(err)
		return err
	}
	maker, err := p.reports(s, f)
	if err != nil {
		return nil, err
	}
	return schedule.New(p.log, p.now, ledger.New(s.db), f.calendar,
		schedule.Job{Name: jobFold, Spec: p.cfg.Jobs.Fold, Run: fold, Timeout: time.Hour, Quiet: true},
		schedule.Job{Name: jobSnapshotDaily, Spec: p.cfg.Jobs.SnapshotDaily, Run: publish(calendar.GrainDay), CatchUp: schedule.CatchUpEach, Timeout: time.Hour},
		schedule.Job{Name: jobSnapshotMonthly, Spec: p.cfg.Jobs.SnapshotMonthly, Run: publish(calendar.GrainMonth), CatchUp: schedule.CatchUpEach, Timeout: time.Hour},
		schedule.Job{Name: jobReportMonthly, Spec: p.cfg.Jobs.ReportMonthly, Run: maker.Run, CatchUp: schedule.CatchUpEach, Timeout: time.Hour},
	)
}

// reports makes the reports on paper.
func (p *program) reports(s *stores, f *figures) (*report.Maker, error) {
	files, err := assets.Load()
	if err != nil {
		return nil, err
	}
	script, err := files.Script("echarts.min.js")
	if err != nil {
		return nil, err
	}
	return report.New(report.Options{
		DB: s.db, Evaluator: f.eval, Catalogue: f.cat, Definitions: f.versions,
		Charts: chart.NewRenderer(script), Typeface: files.Typeface, Now: p.now, Logger: p.log,
		Name: func(l sentence.Language, dimension, value string) string {
			return page.Language(l).Value(dimension, value)
		},
	}), nil
}

func (p *program) jobs(s *stores, f *figures) (process.Service, error) {
	scheduler, err := p.scheduler(s, f)
	if err != nil {
		return process.Service{}, err
	}
	return process.Service{Name: "jobs", Run: scheduler.Run}, nil
}

func (p *program) dashboard(s *stores, f *figures, listener net.Listener) (process.Service, error) {
	server, err := web.New(web.Options{
		Evaluator: f.eval, DB: s.db, Catalogue: f.cat, Language: page.Language(p.cfg.Language),
		Logger: p.log, Now: p.now, Components: p.components, Telemetry: p.telemetry.WriteText,
		QuarantineKeep: p.cfg.Quarantine.Keep, AlarmRatio: p.cfg.Quarantine.AlarmRatio,
	})
	if err != nil {
		return process.Service{}, err
	}
	return process.Service{Name: "dashboard", Run: func(ctx context.Context) error { return server.Run(ctx, listener) }}, nil
}

// components tells the dashboard what the process knows of its parts.
func (p *program) components() []web.Component {
	var out []web.Component
	for _, s := range p.health.States() {
		out = append(out, web.Component{Name: s.Component, Ready: s.Ready, Reason: s.Reason})
	}
	return out
}

func (p *program) clickhouseCommand() *cobra.Command {
	var listen string
	var anyone bool
	cmd := &cobra.Command{
		Use:   "clickhouse",
		Short: "serve the embedded engine by ClickHouse's HTTP interface",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			listener, err := embedded.Listen(listen, anyone)
			if err != nil {
				return err
			}
			instance, err := p.openEmbedded(cmd.Context())
			if err != nil {
				return errors.Join(err, listener.Close())
			}
			fmt.Fprintf(p.out, "ClickHouse's HTTP interface at http://%s\n", listener.Addr())
			return errors.Join(embedded.Serve(cmd.Context(), listener, instance.Handler(), p.log), instance.Close())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8123", "address, host:port")
	cmd.Flags().BoolVar(&anyone, "anyone", false, "also listen where others reach it; there is no password")
	return cmd
}

// demoSegment is small, for the demo's log is freed file by file.
const demoSegment = 4 << 20

// simulated are the open stores as those of a simulated operator.
func (p *program) simulated(s *stores) simulation.Stores {
	at := simulation.Stores{DB: s.db, Name: "the database " + p.cfg.ClickHouse.Database, Logged: func(ctx context.Context) (bool, error) {
		ends, err := consume.Ends(ctx, s.kafka, p.cfg.Kafka.Group, event.Topics()...)
		return len(ends) > 0, err
	}}
	if s.instance != nil {
		at.Name, at.Folder = "the folder "+p.cfg.Data, p.cfg.Data
	}
	return at
}

// operatorFlags are those that say which simulated operator is wanted.
func operatorFlags(cmd *cobra.Command, o *simulation.Order) {
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of the operator: the same seed and days are the same events")
	cmd.Flags().Float64Var(&o.Scale, "scale", 1, "size of the operator; 1 is some 300000 cases in 15 months")
}

// stored waits until the group has stored all that the log holds.
func (p *program) stored(ctx context.Context, s *stores) error {
	targets, err := consume.Ends(ctx, s.kafka, p.cfg.Kafka.Group, event.Topics()...)
	if err != nil {
		return err
	}
	return consume.WaitCommitted(ctx, s.kafka, p.cfg.Kafka.Group, targets, nil)
}

func (p *program) demoCommand() *cobra.Command {
	var o simulation.Order
	var speed float64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "run everything with a simulated operator: 15 months of history, then a live stream",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Given = given(cmd)
			if err := p.demo(cmd.Context(), &o, speed); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			return nil
		},
	}
	operatorFlags(cmd, &o)
	cmd.Flags().Float64Var(&speed, "speed", 1, "how many times as fast as ours its clock runs, for tests")
	cmd.Flags().String("listen", "", "address of the pages, host:port")
	return cmd
}

// given are the names of the flags of an operator that a person has set.
func given(cmd *cobra.Command) []string {
	return slices.DeleteFunc([]string{"seed", "scale", "from", "to"}, func(name string) bool { return !cmd.Flags().Changed(name) })
}

func (p *program) demo(ctx context.Context, o *simulation.Order, speed float64) error {
	if p.cfg.ClickHouse.DSN.Reveal() != "" || len(p.cfg.Kafka.Brokers) > 0 {
		return errors.New("it has its own ClickHouse and Kafka: leave clickhouse.dsn and kafka.brokers empty, or use youzhi simulate")
	}
	wanted, err := o.New(p.now())
	if err := errors.Join(err, simulation.CheckSpeed("speed", speed, false)); err != nil {
		return err
	}
	d, err := p.definitions()
	if err != nil {
		return err
	}
	listener, err := web.Listen(ctx, p.cfg.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it, if it came so far
	p.segment = demoSegment
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	if !s.holder() {
		return s.close(errors.New("another process holds the data folder; stop it first"))
	}
	operator, err := o.Own(ctx, p.simulated(s), simulation.NewestFirst(wanted))
	if err != nil {
		return s.close(err)
	}
	// A demo whose clock was faster than ours goes on where it was.
	if begin := operator.Live; speed != 1 || begin.After(p.now()) {
		if now := p.now(); begin.Before(now) {
			begin = now
		}
		p.now = simulation.Faster(p.now, begin, speed)
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	feed, err := simulation.Feed(s.db, &operator, s.kafka, func(ctx context.Context) error {
		if err := p.stored(ctx, s); err != nil {
			return err
		}
		return f.fold.Run(ctx, p.now())
	}, p.now, p.log)
	if err != nil {
		return s.close(err)
	}
	p.log.InfoContext(ctx, "the data are simulated", "seed", operator.Seed, "scale", operator.Scale, "from", operator.From, "to", operator.To, "live_until", operator.Ends)
	return p.serve(ctx, s, f, listener, []string{"ingest", "jobs", "dashboard"},
		process.Service{Name: "simulation", Run: func(ctx context.Context) error {
			err := feed.Run(ctx)
			if err == nil {
				// The pages stay when the operator has come to its end.
				<-ctx.Done()
			}
			return err
		}},
		process.Service{Name: "trim", Run: func(ctx context.Context) error {
			consume.Forget(ctx, s.kafka, p.cfg.Kafka.Group, s.instance.Trim, p.log, event.Topics()...)
			return nil
		}})
}

func (p *program) simulateCommand() *cobra.Command {
	var o simulation.Order
	var live bool
	var rate float64
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "send a simulated operator's events to Kafka: its history at full speed and, with --live, what comes after",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Given = given(cmd)
			err := simulation.CheckSpeed("rate", rate, true)
			if cmd.Flags().Changed("rate") && !live {
				err = errors.New("--rate: only goes with --live")
			}
			if err == nil {
				err = p.simulate(cmd.Context(), &o, live, rate)
			}
			if err != nil {
				return fmt.Errorf("simulate: %w", err)
			}
			return nil
		},
	}
	operatorFlags(cmd, &o)
	cmd.Flags().StringVar(&o.From, "from", "", "first Beijing day of the history, YYYY-MM-DD (default: 15 months before its end)")
	cmd.Flags().StringVar(&o.To, "to", "", "Beijing day after its last, YYYY-MM-DD (default: now)")
	cmd.Flags().BoolVar(&live, "live", false, "go on by the clock when the history is sent, until told to stop")
	cmd.Flags().Float64Var(&rate, "rate", 0, "with --live: how many times as fast as the clock, until it is now (default: at full speed)")
	return cmd
}

func (p *program) simulate(ctx context.Context, o *simulation.Order, live bool, rate float64) error {
	wanted, err := o.New(p.now())
	if err != nil {
		return err
	}
	d, err := p.definitions()
	if err != nil {
		return err
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	if err := s.kafka.Create(ctx, p.cfg.Kafka.Partitions, event.Topics()...); err != nil {
		return s.close(err)
	}
	operator, err := o.Own(ctx, p.simulated(s), wanted)
	if err != nil {
		return s.close(err)
	}
	clock := p.now
	if live {
		operator = simulation.Endless(operator)
		if rate > 0 {
			clock = simulation.CatchingUp(clock, slices.MaxFunc([]time.Time{operator.To, operator.Live}, time.Time.Compare), rate)
		}
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	stop, err := p.besides(ctx, s)
	if err != nil {
		return s.close(err)
	}
	var settle func(context.Context) error
	if s.instance != nil {
		settle = func(ctx context.Context) error { return p.stored(ctx, s) }
	}
	feed, err := simulation.Feed(s.db, &operator, s.kafka, settle, clock, p.log)
	if err == nil {
		err = feed.Run(ctx)
	}
	err = errors.Join(err, stop())
	if err != nil || ctx.Err() != nil {
		return s.close(err)
	}
	fmt.Fprintf(p.out, "sent: the operator with seed %d, scale %v, from %s up to %s\n", operator.Seed, operator.Scale,
		operator.From.In(calendar.Beijing).Format(time.RFC3339), operator.Live.In(calendar.Beijing).Format(time.RFC3339))
	if s.holder() {
		err = f.fold.Run(ctx, p.now())
	}
	if s.instance != nil {
		err = errors.Join(err, p.reconcile(ctx, s))
	}
	return s.close(err)
}

// besides stores what is sent, until it is stopped: with the stores of this machine
// a command that sends is a member of the group itself, since who holds them need
// not be. Only the command's own end checks the books.
func (p *program) besides(ctx context.Context, s *stores) (stop func() error, err error) {
	if s.instance == nil {
		return func() error { return nil }, nil
	}
	p.cfg.Ingest.ReconcileEvery = 0
	service, err := p.ingest(s, consume.NewCounters(p.telemetry.Counter))
	if err != nil {
		return nil, err
	}
	working, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- service.Run(working) }()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

func (p *program) importCommand() *cobra.Command {
	o := source.Options{}
	cmd := &cobra.Command{
		Use:   "import --map FILE INPUT...",
		Short: "bring files or folders through Kafka into ClickHouse, and check the books",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Inputs, o.Now = args, p.now
			o.Progress, o.Terminal = p.diagnostics, terminal(p.diagnostics)
			return p.runImport(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Mapping, "map", "", "mapping file")
	cmd.Flags().StringVar(&o.Rejects, "rejects", "", "file for the list of all bad rows, as CSV")
	cmd.Flags().BoolVar(&o.AllowBadRows, "allow-bad-rows", false, "bad rows are counted and listed, but no error")
	_ = cmd.MarkFlagRequired("map")
	return cmd
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// runImport sends files to Kafka, waits until the group has stored them and
// prints the books. Where nobody else holds the stores, it also folds.
func (p *program) runImport(ctx context.Context, o source.Options) error {
	if err := source.Check(o); err != nil {
		return err
	}
	d, err := p.definitions()
	if err != nil {
		return err
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	if err := simulation.Refuse(ctx, p.simulated(s)); err != nil {
		return s.close(fmt.Errorf("import: %w", err))
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	if err := s.kafka.Create(ctx, p.cfg.Kafka.Partitions, event.Topics()...); err != nil {
		return s.close(err)
	}
	o.Sink = s.kafka
	stop, err := p.besides(ctx, s)
	if err != nil {
		return s.close(err)
	}
	result, err := source.Import(ctx, o)
	if err == nil || errors.Is(err, source.ErrBadRows) {
		targets := consume.Targets{}
		for _, end := range result.Ends {
			targets.Add(end.Topic, []topic.Acknowledgement{{Partition: end.Partition, Offset: end.Offset - 1}})
		}
		err = errors.Join(err, consume.WaitCommitted(ctx, s.kafka, p.cfg.Kafka.Group, targets, p.waiting(o)))
	}
	err = errors.Join(err, stop())
	if werr := result.WriteText(p.out); werr != nil {
		err = errors.Join(err, werr)
	}
	if ctx.Err() != nil || result.Mapping == "" {
		return s.close(err)
	}
	if s.holder() {
		err = errors.Join(err, f.fold.Run(ctx, p.now()))
	}
	return s.close(errors.Join(err, p.reconcile(ctx, s)))
}

// waiting tells how much is still to be stored, every few seconds.
func (p *program) waiting(o source.Options) func(left int64) {
	next := o.Now().Add(5 * time.Second)
	return func(left int64) {
		if now := o.Now(); left > 0 && now.After(next) {
			next = now.Add(5 * time.Second)
			fmt.Fprintf(o.Progress, "waiting for ingest: %d messages to store\n", left)
		}
	}
}

func (p *program) reconcile(ctx context.Context, s *stores) error {
	r, err := consume.Reconcile(ctx, s.kafka, s.db, p.cfg.Kafka.Group, event.Topics(), p.now())
	if err != nil {
		return err
	}
	if err := r.Print(p.out); err != nil {
		return err
	}
	if !r.OK() {
		return errors.New("reconcile: the books do not add up")
	}
	return nil
}

func (p *program) reconcileCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reconcile",
		Short: "compare the broker's offsets with the rows in ClickHouse; exit code 1 unless they add up",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			return s.close(p.reconcile(cmd.Context(), s))
		},
	}
}

// replayWait is how long a replay waits until what it wrote is stored.
const replayWait = 2 * time.Minute

// quarantineCommand is the work with messages that are no events.
func (p *program) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "quarantine", Short: "messages that are no events: list, show, export or replay them", Args: cobra.NoArgs}
	var name, code, source, since, until string
	// with makes a subcommand that works on the messages that the flags mean.
	with := func(c *cobra.Command, normal int, work func(context.Context, *stores, *quarantine.Room, queries.QuarantineFilter, int) error) *cobra.Command {
		var limit int
		c.Args = cobra.NoArgs
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			f, err := quarantine.ParseFilter(name, code, source, since, until)
			if limit < 0 {
				err = errors.Join(err, fmt.Errorf("--limit %d: is below 0", limit))
			}
			if err != nil {
				return fmt.Errorf("quarantine %s: %w", c.Name(), err)
			}
			return p.withQuarantine(cmd.Context(), c.Name(), func(s *stores, r *quarantine.Room) error { return work(cmd.Context(), s, r, f, limit) })
		}
		flags := c.Flags()
		flags.StringVar(&name, "topic", "", "only messages of this topic")
		flags.StringVar(&code, "code", "", "only messages with this reason")
		flags.StringVar(&source, "source", "", "only messages that name this source")
		flags.StringVar(&since, "since", "", "from this record time on: RFC 3339 with offset, or a Beijing day YYYY-MM-DD")
		flags.StringVar(&until, "until", "", "up to this record time, which is not part of it")
		flags.IntVar(&limit, "limit", normal, "no more than so many, the newest; 0: all")
		return c
	}
	var by, format string
	list := with(&cobra.Command{Use: "list", Short: "list messages, the newest first, or count them by reason; without their bytes"}, 100,
		func(ctx context.Context, _ *stores, r *quarantine.Room, f queries.QuarantineFilter, limit int) error {
			if by == "reason" {
				return r.Count(ctx, p.out, f, limit, format)
			}
			return r.List(ctx, p.out, f, limit, format)
		})
	list.Flags().StringVar(&by, "by", "message", "message or reason")
	list.Flags().StringVar(&format, "format", quarantine.FormatTable, "table, json or csv")
	list.PreRunE = func(*cobra.Command, []string) error {
		err := quarantine.CheckFormat(format)
		if by != "message" && by != "reason" {
			err = errors.Join(err, fmt.Errorf("--by %q: want message or reason", by))
		}
		return err
	}
	show := &cobra.Command{
		Use: "show TOPIC/PARTITION/OFFSET", Short: "show one message with its bytes; that it was looked at is logged", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := queries.ParsePlace(args[0])
			if err != nil {
				return fmt.Errorf("quarantine show: %w", err)
			}
			return p.withQuarantine(cmd.Context(), "show", func(_ *stores, r *quarantine.Room) error { return r.Show(cmd.Context(), p.out, at) })
		},
	}
	var file string
	export := with(&cobra.Command{Use: "export --out FILE", Short: "write messages with their bytes to a new file, a line of JSON each; that they were is logged"}, 0,
		func(ctx context.Context, _ *stores, r *quarantine.Room, f queries.QuarantineFilter, limit int) error {
			n, err := r.Export(ctx, file, f, limit)
			if err == nil {
				fmt.Fprintf(p.out, "%d messages in %s\n", n, file)
			}
			return err
		})
	export.Flags().StringVar(&file, "out", "", "the file to write; it must not exist")
	_ = export.MarkFlagRequired("out")
	var o quarantine.ReplayOptions
	var all bool
	replay := with(&cobra.Command{Use: "replay", Short: "write messages to their topic again, once what was wrong is mended"}, 0,
		func(ctx context.Context, s *stores, r *quarantine.Room, f queries.QuarantineFilter, limit int) error {
			o.Filter, o.Limit = f, limit
			return p.replay(ctx, s, r, o)
		})
	replay.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be written")
	replay.Flags().BoolVar(&o.Again, "again", false, "also those that were replayed before")
	replay.Flags().BoolVar(&all, "all", false, "all messages, without a filter")
	replay.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if narrowed := slices.ContainsFunc([]string{"topic", "code", "source", "since", "until", "limit"}, cmd.Flags().Changed); narrowed || all {
			return nil
		}
		return errors.New("quarantine replay: name a topic, a code, a source, a time or a limit, or say --all")
	}
	cmd.AddCommand(list, show, replay, export)
	return cmd
}

// withQuarantine opens the stores around some work with the quarantine.
func (p *program) withQuarantine(ctx context.Context, name string, work func(*stores, *quarantine.Room) error) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	who := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	if err = work(s, &quarantine.Room{DB: s.db, Kafka: s.kafka, Logger: p.log, Now: p.now, Who: who}); err != nil {
		err = fmt.Errorf("quarantine %s: %w", name, err)
	}
	return s.close(err)
}

// replay writes messages again and waits until they are stored, to say what became
// of them.
func (p *program) replay(ctx context.Context, s *stores, r *quarantine.Room, o quarantine.ReplayOptions) error {
	stop := func() error { return nil }
	if !o.DryRun {
		var err error
		if stop, err = p.besides(ctx, s); err != nil {
			return err
		}
	}
	outcome, err := r.Replay(ctx, o)
	outcome.WriteText(p.out)
	if err == nil {
		waiting, cancel := context.WithTimeout(ctx, replayWait)
		err = consume.WaitCommitted(waiting, s.kafka, p.cfg.Kafka.Group, outcome.Targets, nil)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = nil // what is not stored yet is said
		}
		cancel()
	}
	if ctx.Err() == nil {
		err = errors.Join(err, r.Became(ctx, p.out, outcome))
	}
	return errors.Join(err, stop())
}

func (p *program) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "check events against the contract without sending them",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			in, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("validate: %w", err)
			}
			defer func() { err = errors.Join(err, in.Close()) }()
			v, err := source.Validate(in, p.now(), func(f source.Finding) error {
				_, err := fmt.Fprintf(p.out, "%s: %s\n", args[0], f)
				return err
			})
			if err != nil {
				return err
			}
			if err := v.WriteText(p.out); err != nil {
				return err
			}
			if !v.OK() {
				return fmt.Errorf("validate: %s does not keep the contract", args[0])
			}
			return nil
		},
	}
}

func (p *program) kpiCommand() *cobra.Command {
	var (
		from, to, grain, asOf, published, format string
		by, where                                []string
		explain                                  bool
	)
	cmd := &cobra.Command{
		Use:   "kpi [KEY...]",
		Short: "print figures; without keys, of all indicators",
		RunE: func(cmd *cobra.Command, keys []string) error {
			q, err := metrics.ParseQuestion(keys, from, to, grain, by, where, asOf, calendar.DayOf(p.now()))
			if err != nil {
				return err
			}
			if q.AsOf.After(p.now()) {
				return fmt.Errorf("--as-of %q: lies in the future", asOf)
			}
			var day *calendar.Day
			if published != "" {
				d, err := calendar.ParseDay(published)
				if err != nil {
					return fmt.Errorf("--published: %w", err)
				}
				day = &d
			}
			return p.kpi(cmd.Context(), q, day, format, explain)
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "first Beijing day, YYYY-MM-DD (default: the last complete month)")
	f.StringVar(&to, "to", "", "Beijing day after the last, YYYY-MM-DD")
	f.StringVar(&grain, "grain", "", "a figure per day, week, month, quarter or year")
	f.StringArrayVar(&by, "by", nil, "split by a dimension; may be repeated")
	f.StringArrayVar(&where, "where", nil, "DIMENSION=VALUE; may be repeated")
	f.StringVar(&asOf, "as-of", "", "instant to calculate for, RFC 3339 with offset (default: now)")
	f.StringVar(&published, "published", "", "what was published on a Beijing day, YYYY-MM-DD")
	f.StringVar(&format, "format", "table", "table, json or csv")
	f.BoolVar(&explain, "explain", false, "print how each indicator is defined first")
	// What was published has its own period and scope.
	for _, name := range []string{"as-of", "from", "to", "grain", "where"} {
		cmd.MarkFlagsMutuallyExclusive("published", name)
	}
	return cmd
}

func (p *program) kpi(ctx context.Context, q metrics.Question, published *calendar.Day, format string, explain bool) error {
	write, ok := map[string]func([]metrics.Figure) error{
		"table": func(figures []metrics.Figure) error { return metrics.WriteTable(p.out, figures) },
		"csv":   func(figures []metrics.Figure) error { return metrics.WriteCSV(p.out, q.By, figures) },
		"json": func(figures []metrics.Figure) error {
			text, err := metrics.MarshalFigures(figures)
			if err == nil {
				_, err = fmt.Fprintln(p.out, string(text))
			}
			return err
		},
	}[format]
	if !ok {
		return fmt.Errorf("kpi: --format %q: want table, json or csv", format)
	}
	d, err := p.definitions()
	if err != nil {
		return err
	}
	if len(q.Keys) == 0 {
		for _, ind := range d.cat.All() {
			q.Keys = append(q.Keys, ind.Key)
		}
	}
	if _, err := q.Indicators(d.cat); err != nil {
		return fmt.Errorf("kpi: %w", err)
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	answer := func() ([]metrics.Figure, error) {
		if published != nil {
			return f.eval.Published(ctx, q.Keys, q.By, *published)
		}
		if q.AsOf.IsZero() && s.holder() {
			if err := f.fold.Run(ctx, p.now()); err != nil {
				return nil, err
			}
		}
		return f.eval.Figures(ctx, q)
	}
	figures, err := answer()
	if err != nil {
		err = fmt.Errorf("kpi: %w", err)
	} else {
		if explain {
			for _, key := range q.Keys {
				if ind, ok := f.cat.Get(key); ok {
					fmt.Fprintln(p.diagnostics, metrics.Explain(ind))
				}
			}
		}
		err = write(figures)
	}
	return s.close(errors.Join(err, f.editions.Close(context.WithoutCancel(ctx))))
}

func (p *program) reportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "make a report", Args: cobra.NoArgs}
	var period, language, asOf, out string
	monthly := &cobra.Command{
		Use:   "monthly --out FILE",
		Short: "make the report of a month as FILE.pdf or FILE.html; the archive is not touched",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if language == "" {
				language = p.cfg.Language
			}
			o, err := report.ParseOrder(period, language, asOf, out, p.now())
			if err != nil {
				return err
			}
			return p.report(cmd.Context(), o)
		},
	}
	f := monthly.Flags()
	f.StringVar(&period, "period", "", "the month, YYYY-MM (default: the last complete one)")
	f.StringVar(&language, "language", "", "zh or en (default: the setting)")
	f.StringVar(&asOf, "as-of", "", "instant to calculate for, RFC 3339 with offset (default: when the report is due, or now)")
	f.StringVar(&out, "out", "", "the file to write, ending in .pdf or .html")
	_ = monthly.MarkFlagRequired("out")
	cmd.AddCommand(monthly)
	return cmd
}

// report writes a report to a file. Where nothing can print it, the same stands
// beside as HTML.
func (p *program) report(ctx context.Context, o report.Order) error {
	return p.withFigures(ctx, func(s *stores, f *figures) error {
		maker, err := p.reports(s, f)
		if err != nil {
			return err
		}
		due, err := schedule.Parse(p.cfg.Jobs.ReportMonthly, f.calendar)
		if err != nil {
			return err
		}
		name, err := maker.WriteFile(ctx, o, due)
		if name != "" {
			fmt.Fprintln(p.out, name)
		}
		return err
	})
}

// phaseCommand decides about new phases of control charts.
func (p *program) phaseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "phase", Short: "begin a new phase of a control chart, or take one back", Args: cobra.NoArgs}
	var (
		key, where, day string
		lasts           bool
		b               metrics.PhaseBreak
	)
	read := func() error {
		b.Key, b.DecidedAt = key, p.now().UTC().Truncate(time.Microsecond)
		var err error
		if b.Day, err = calendar.ParseDay(day); err != nil {
			return fmt.Errorf("--day: %w", err)
		}
		if where != "" {
			dimension, value, ok := strings.Cut(where, "=")
			if !ok || dimension == "" || value == "" {
				return fmt.Errorf("--where %q: want DIMENSION=VALUE", where)
			}
			b.Where = map[string]string{dimension: value}
		}
		return nil
	}
	// decide does something with the decision that the flags name, and says so.
	decide := func(said string, do func(context.Context, *metrics.Evaluator) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			if err := read(); err != nil {
				return err
			}
			return p.withFigures(cmd.Context(), func(_ *stores, f *figures) error {
				if err := do(cmd.Context(), f.eval); err != nil {
					return err
				}
				fmt.Fprintf(p.out, said, b.Key, b.Day)
				return nil
			})
		}
	}
	start := &cobra.Command{
		Use:   "start --indicator KEY --day DAY --author NAME --reason TEXT --expected-to-last",
		Short: "begin a new phase: what was before no longer says what to expect",
		Args:  cobra.NoArgs,
		RunE:  decide("a new phase of %s begins on %s\n", func(ctx context.Context, eval *metrics.Evaluator) error { return eval.StartPhase(ctx, b, lasts) }),
	}
	withdraw := &cobra.Command{
		Use:   "withdraw --indicator KEY --day DAY --author NAME",
		Short: "take a new phase back",
		Args:  cobra.NoArgs,
		RunE:  decide("the phase of %s from %s on is taken back\n", func(ctx context.Context, eval *metrics.Evaluator) error { return eval.WithdrawPhase(ctx, b) }),
	}
	for _, c := range []*cobra.Command{start, withdraw} {
		f := c.Flags()
		f.StringVar(&key, "indicator", "", "key of the indicator")
		f.StringVar(&where, "where", "", "scope of the chart, DIMENSION=VALUE (default: the whole)")
		f.StringVar(&day, "day", "", "first Beijing day of the new phase, YYYY-MM-DD")
		f.StringVar(&b.Author, "author", "", "who decides")
		f.StringVar(&b.Reason, "reason", "", "why: what changed")
		for _, name := range []string{"indicator", "day", "author"} {
			_ = c.MarkFlagRequired(name)
		}
	}
	f := start.Flags()
	f.StringVar(&b.Improvement, "improvement", "", "the improvement that is the cause, if one is")
	f.BoolVar(&lasts, "expected-to-last", false, "say that the change is expected to last")
	_ = start.MarkFlagRequired("reason")
	list := &cobra.Command{
		Use: "list", Short: "the phases in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withFigures(cmd.Context(), func(_ *stores, f *figures) error {
				all, err := f.eval.PhaseBreaks(cmd.Context(), time.Time{})
				for _, b := range all {
					fmt.Fprintf(p.out, "%s %s from %s: %s (%s, %s)\n", b.Key, b.Scope(), b.Day, b.Reason, b.Author, b.DecidedAt.In(calendar.Beijing).Format(time.DateOnly))
				}
				return err
			})
		},
	}
	cmd.AddCommand(start, withdraw, list)
	return cmd
}

// withFigures opens the stores and the metrics room around some work.
func (p *program) withFigures(ctx context.Context, work func(*stores, *figures) error) error {
	d, err := p.definitions()
	if err != nil {
		return err
	}
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	err = work(s, f)
	return s.close(errors.Join(err, f.editions.Close(context.WithoutCancel(ctx))))
}

func (p *program) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "drop what is derived and make it again from the events",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withFigures(cmd.Context(), func(s *stores, f *figures) error {
				if s.instance != nil && !s.holder() {
					return errors.New("rebuild: another process holds the data folder and folds into it; stop it first")
				}
				if err := f.builder.Forget(cmd.Context()); err != nil {
					return err
				}
				return f.fold.Run(cmd.Context(), p.now())
			})
		},
	}
}

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "bring the schema up to date",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			return s.close(nil)
		},
	}
}

func (p *program) runJobCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:       "run NAME",
		Short:     "run one job now: fold, snapshot-daily, snapshot-monthly or report-monthly",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{jobFold, jobSnapshotDaily, jobSnapshotMonthly, jobReportMonthly},
		RunE: func(cmd *cobra.Command, args []string) error {
			instant := p.now()
			if at != "" {
				var err error
				if instant, err = time.Parse(time.RFC3339, at); err != nil {
					return fmt.Errorf("--at %q: want RFC 3339 with an offset", at)
				}
				if instant.After(p.now()) {
					// Live figures never go back in time, so one run for a day to come
					// would hold them there.
					return fmt.Errorf("--at %q: lies in the future", at)
				}
			}
			return p.withFigures(cmd.Context(), func(s *stores, f *figures) error {
				if s.instance != nil && !s.holder() {
					return errors.New("jobs run: another process holds the data folder, and one at a time folds into it; stop it first")
				}
				scheduler, err := p.scheduler(s, f)
				if err != nil {
					return err
				}
				return scheduler.RunNow(cmd.Context(), args[0], instant)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the instant it is run for, RFC 3339 with offset (default: now)")
	return cmd
}

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "check the settings, the policy, the calendar and the catalogue",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, v := range p.cfg.Values() {
				fmt.Fprintf(p.out, "%s: %s\n", v.Key, v.Text)
			}
			return p.withFigures(cmd.Context(), func(_ *stores, f *figures) error {
				first, last := f.calendar.Covered()
				fmt.Fprintf(p.out, "%d indicators; working days known from %d to %d\n", len(f.cat.All()), first, last)
				return nil
			})
		},
	}
}
