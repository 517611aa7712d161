package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"youzhi/dashboard/web"
	"youzhi/deploy/process"
	"youzhi/ingest/consume"
	"youzhi/ingest/event"
	"youzhi/ingest/source/simulate"
	"youzhi/ingest/topic"
	"youzhi/metrics/calendar"
	"youzhi/queries"
)

const (
	// historyMonths is how much of the past a new operator has.
	historyMonths = 15
	// liveDays bounds what a demo adds to its history, and so its disk.
	liveDays = 92
	// demoSegment is small, for the log is freed file by file.
	demoSegment = 4 << 20
	// trimPause is how often what is stored is taken out of the log.
	trimPause = time.Minute
	// mostScale and mostSpeed keep a wrong number from filling a disk.
	mostScale = 20
	mostSpeed = 10_000
)

// simulatedFile stands in a data folder whose events are simulated, for people
// and for make. What counts is the record in ClickHouse.
const simulatedFile = "SIMULATED"

const simulatedNote = "The data in this folder are those of a simulated operator, made by youzhi.\n"

// operator is what the flags say of the simulated operator.
type operator struct {
	seed     uint64
	scale    float64
	from, to string
}

func (o *operator) flags(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "seed of the operator: the same seed and days are the same events")
	cmd.Flags().Float64Var(&o.scale, "scale", 1, "size of the operator; 1 is some 300000 cases in 15 months")
}

// wanted is a new operator, checked, by the flags.
func (o *operator) wanted(now time.Time) (queries.Simulation, error) {
	to := now.UTC().Truncate(time.Microsecond)
	var faults []error
	day := func(flag, text string, otherwise time.Time) time.Time {
		if text == "" {
			return otherwise
		}
		d, err := calendar.ParseDay(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
			return otherwise
		}
		return d.Start().UTC()
	}
	to = day("to", o.to, to)
	from := day("from", o.from, calendar.DayOf(to.AddDate(0, -historyMonths, 0)).Start().UTC())
	if to.After(now) {
		faults = append(faults, fmt.Errorf("--to %s: lies in the future", o.to))
	}
	if !(o.scale > 0 && o.scale <= mostScale) {
		faults = append(faults, fmt.Errorf("--scale %v: want more than 0 and at most %d", o.scale, mostScale))
	}
	if err := errors.Join(faults...); err != nil {
		return queries.Simulation{}, err
	}
	shares, err := json.Marshal(simulate.DefaultShares())
	if err != nil {
		return queries.Simulation{}, fmt.Errorf("write shares: %w", err)
	}
	s := queries.Simulation{
		Seed: o.seed, Scale: o.scale, From: from, To: to, Shares: string(shares),
		First: from, History: from, Live: from, Ends: to,
	}
	options, err := optionsOf(&s)
	if err != nil {
		return s, err
	}
	_, err = simulate.New(options)
	return s, err
}

// optionsOf are what makes a recorded operator again.
func optionsOf(s *queries.Simulation) (simulate.Options, error) {
	o := simulate.Options{Seed: s.Seed, Scale: s.Scale, From: s.From, To: s.To, NoLedger: true}
	if err := json.Unmarshal([]byte(s.Shares), &o.Shares); err != nil {
		return o, fmt.Errorf("read the simulated operator's shares: %w", err)
	}
	return o, nil
}

// recorded gives the operator that the stores are of. Where they are new that is
// the one wanted; where they are of another one, or of none, it is an error.
func (p *program) recorded(ctx context.Context, cmd *cobra.Command, s *stores, wanted queries.Simulation) (queries.Simulation, error) {
	stored, ok, err := s.db.Simulation(ctx)
	if err != nil {
		return stored, err
	}
	if ok {
		for flag, differs := range map[string]bool{
			"seed": stored.Seed != wanted.Seed, "scale": stored.Scale != wanted.Scale,
			"from": !stored.From.Equal(wanted.From), "to": !stored.To.Equal(wanted.To),
		} {
			if f := cmd.Flags().Lookup(flag); f != nil && f.Changed && differs {
				return stored, fmt.Errorf("--%s %s: the data are those of the operator with seed %d, scale %v, history from %s to %s; leave the flag out to go on with it, or name another --data folder",
					flag, f.Value, stored.Seed, stored.Scale, calendar.DayOf(stored.From), calendar.DayOf(stored.To))
			}
		}
		return stored, nil
	}
	empty, err := s.db.Empty(ctx)
	if err != nil {
		return stored, err
	}
	if empty {
		var offsets []topic.PartitionOffsets
		if offsets, err = s.kafka.Offsets(ctx, p.cfg.Kafka.Group, event.Topics()...); err != nil {
			return stored, err
		}
		empty = !slices.ContainsFunc(offsets, func(o topic.PartitionOffsets) bool { return o.End > 0 })
	}
	if !empty {
		return stored, fmt.Errorf("%s holds events that are not simulated, and the two are never mixed; name another --data folder", p.place(s))
	}
	if s.instance != nil {
		if err := os.WriteFile(filepath.Join(p.cfg.Data, simulatedFile), []byte(simulatedNote), 0o600); err != nil {
			return wanted, fmt.Errorf("mark the data folder as simulated: %w", err)
		}
	}
	return wanted, s.db.RecordSimulation(ctx, &wanted)
}

// place names the stores.
func (p *program) place(s *stores) string {
	if s.instance == nil {
		return "the database " + p.cfg.ClickHouse.Database
	}
	return "the folder " + p.cfg.Data
}

// refuseSimulated is an error where the stores are a simulated operator's.
func (p *program) refuseSimulated(ctx context.Context, s *stores) error {
	_, ok, err := s.db.Simulation(ctx)
	if err == nil && ok {
		err = fmt.Errorf("%s holds the events of a simulated operator, and the two are never mixed; name another --data folder", p.place(s))
	}
	return err
}

// feed sends an operator and records how far it has come.
func (p *program) feed(s *stores, of *queries.Simulation, settle func(context.Context) error) (*simulate.Feed, error) {
	options, err := optionsOf(of)
	if err != nil {
		return nil, err
	}
	return &simulate.Feed{
		Operator: options, First: of.First, Ends: of.Ends, Progress: simulate.Progress{History: of.History, Live: of.Live},
		Save: func(ctx context.Context, at simulate.Progress) error {
			of.History, of.Live = at.History, at.Live
			return s.db.RecordSimulation(ctx, of)
		},
		Sink: s.kafka, Settle: settle, Now: p.now, Logger: p.log,
	}, nil
}

// stored waits until the group has stored all that the log holds.
func (p *program) stored(ctx context.Context, s *stores) error {
	offsets, err := s.kafka.Offsets(ctx, p.cfg.Kafka.Group, event.Topics()...)
	if err != nil {
		return err
	}
	targets := consume.Targets{}
	for _, o := range offsets {
		targets.Add(o.Topic, []topic.Acknowledgement{{Partition: o.Partition, Offset: o.End - 1}})
	}
	return consume.WaitCommitted(ctx, s.kafka, p.cfg.Kafka.Group, targets, nil)
}

// trim takes what is stored out of the embedded broker's log, from time to time.
func (p *program) trim(ctx context.Context, s *stores) error {
	ticker := time.NewTicker(trimPause)
	defer ticker.Stop()
	for {
		offsets, err := s.kafka.Offsets(ctx, p.cfg.Kafka.Group, event.Topics()...)
		for _, o := range offsets {
			err = errors.Join(err, s.instance.Trim(o.Topic, o.Partition, o.Committed))
		}
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "the broker's log keeps what is stored", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// faster is a clock that runs speed times as fast, beginning at an instant.
func faster(clock func() time.Time, begin time.Time, speed float64) func() time.Time {
	start := clock()
	return func() time.Time { return begin.Add(time.Duration(float64(clock().Sub(start)) * speed)) }
}

func (p *program) demoCommand() *cobra.Command {
	var (
		o     operator
		speed float64
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "run everything with a simulated operator: 15 months of history, then a live stream",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.demo(cmd, &o, speed); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().Float64Var(&speed, "speed", 1, "how many times as fast as ours its clock runs, for tests")
	cmd.Flags().String("listen", "", "address of the pages, host:port")
	return cmd
}

func (p *program) demo(cmd *cobra.Command, o *operator, speed float64) error {
	ctx := cmd.Context()
	if p.cfg.ClickHouse.DSN.Reveal() != "" || len(p.cfg.Kafka.Brokers) > 0 {
		return errors.New("it has its own ClickHouse and Kafka: leave clickhouse.dsn and kafka.brokers empty, or use youzhi simulate")
	}
	if !(speed > 0 && speed <= mostSpeed) {
		return fmt.Errorf("--speed %v: want more than 0 and at most %d", speed, mostSpeed)
	}
	wanted, err := o.wanted(p.now())
	if err != nil {
		return err
	}
	// The last complete month is what the pages show first.
	wanted.First = calendar.PeriodOf(calendar.GrainMonth, calendar.DayOf(wanted.To)).Previous().From.Start().UTC()
	wanted.Live, wanted.Ends = wanted.First, wanted.To.AddDate(0, 0, liveDays)
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
	simulation, err := p.recorded(ctx, cmd, s, wanted)
	if err != nil {
		return s.close(err)
	}
	// A demo whose clock was faster than ours goes on where it was.
	if begin := simulation.Live; speed != 1 || begin.After(p.now()) {
		if now := p.now(); begin.Before(now) {
			begin = now
		}
		p.now = faster(p.now, begin, speed)
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	feed, err := p.feed(s, &simulation, func(ctx context.Context) error {
		if err := p.stored(ctx, s); err != nil {
			return err
		}
		return f.fold.Run(ctx, p.now())
	})
	if err != nil {
		return s.close(err)
	}
	p.log.InfoContext(ctx, "the data are simulated", "seed", simulation.Seed, "scale", simulation.Scale, "from", simulation.From, "to", simulation.To, "live_until", simulation.Ends)
	return p.serve(ctx, s, f, listener, []string{"ingest", "jobs", "dashboard"},
		process.Service{Name: "simulation", Run: func(ctx context.Context) error {
			err := feed.Run(ctx)
			if err == nil {
				// The pages stay when the operator has come to its end.
				<-ctx.Done()
			}
			return err
		}},
		process.Service{Name: "trim", Run: func(ctx context.Context) error { return p.trim(ctx, s) }})
}

func (p *program) simulateCommand() *cobra.Command {
	var (
		o    operator
		live bool
		rate float64
	)
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "send a simulated operator's events to Kafka: its history at full speed and, with --live, what comes after",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.simulate(cmd, &o, live, rate); err != nil {
				return fmt.Errorf("simulate: %w", err)
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.from, "from", "", "first Beijing day of the history, YYYY-MM-DD (default: 15 months before its end)")
	cmd.Flags().StringVar(&o.to, "to", "", "Beijing day after its last, YYYY-MM-DD (default: now)")
	cmd.Flags().BoolVar(&live, "live", false, "go on by the clock when the history is sent, until told to stop")
	cmd.Flags().Float64Var(&rate, "rate", 0, "with --live: how many times as fast as the clock, until it is now (default: at full speed)")
	return cmd
}

// foreverYears is when a stream without an end ends.
const foreverYears = 100

func (p *program) simulate(cmd *cobra.Command, o *operator, live bool, rate float64) error {
	ctx := cmd.Context()
	switch {
	case cmd.Flags().Changed("rate") && !live:
		return errors.New("--rate: only goes with --live")
	case !(rate >= 0 && rate <= mostSpeed):
		return fmt.Errorf("--rate %v: want 0 to %d", rate, mostSpeed)
	}
	wanted, err := o.wanted(p.now())
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
	simulation, err := p.recorded(ctx, cmd, s, wanted)
	if err != nil {
		return s.close(err)
	}
	if live {
		simulation.Ends = simulation.To.AddDate(foreverYears, 0, 0)
	}
	f, err := p.figures(ctx, s, d)
	if err != nil {
		return s.close(err)
	}
	// With the stores of this machine it is a member of the group itself, as import.
	working, stop := context.WithCancel(ctx)
	defer stop()
	ingested := make(chan error, 1)
	var settle func(context.Context) error
	if s.instance != nil {
		p.cfg.Ingest.ReconcileEvery = 0
		service, err := p.ingest(s)
		if err != nil {
			return s.close(err)
		}
		go func() { ingested <- service.Run(working) }()
		settle = func(ctx context.Context) error { return p.stored(ctx, s) }
	} else {
		ingested <- nil
	}
	feed, err := p.feed(s, &simulation, settle)
	if err == nil {
		if clock := p.now; rate > 0 {
			begin := simulation.To
			if simulation.Live.After(begin) {
				begin = simulation.Live
			}
			quick := faster(clock, begin, rate)
			feed.Now = func() time.Time {
				if at, now := quick(), clock(); at.Before(now) {
					return at
				}
				return clock()
			}
		}
		err = feed.Run(ctx)
	}
	stop()
	err = errors.Join(err, <-ingested)
	if err != nil || ctx.Err() != nil {
		return s.close(err)
	}
	fmt.Fprintf(p.out, "sent: the operator with seed %d, scale %v, from %s up to %s\n", simulation.Seed, simulation.Scale,
		simulation.From.In(calendar.Beijing).Format(time.RFC3339), simulation.Live.In(calendar.Beijing).Format(time.RFC3339))
	if s.holder() {
		err = f.fold.Run(ctx, p.now())
	}
	if s.instance != nil {
		err = errors.Join(err, p.reconcile(ctx, s))
	}
	return s.close(err)
}
