package source

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"youzhi/ingest/event"
	"youzhi/ingest/source/mapping"
	"youzhi/ingest/source/rows"
	"youzhi/ingest/topic"
)

const (
	// Messages are handed over when so many or so many bytes are ready. This
	// bounds the memory of an import, look-ups apart.
	batchMessages = 5_000
	batchBytes    = 4 << 20
	// keptFaults is how many faults of bad rows stay in the Result.
	keptFaults = 20
	// showRows is after how many rows the progress is looked at.
	showRows = 500
)

// Import reads files by a mapping and sends their events. Before the first of
// them is sent, the mapping, the names and columns of all files and the look-ups
// are checked. Rows that cannot become events, or whose events would break the
// contract, are counted and listed and not sent, none of their events; the
// others are. A second import of the same rows sends the same bytes, so that
// nothing is counted twice.
//
// The Result says what was done also beside an error. The error wraps ErrBadRows
// if that is all there is to say against the import.
func Import(ctx context.Context, o Options) (Result, error) {
	i, err := newImporter(o)
	if err != nil {
		return Result{}, err
	}
	if err := i.run(ctx); err != nil {
		return i.result, fmt.Errorf("import %s: %w", i.mapping.Name, err)
	}
	return i.result, nil
}

// Check finds the faults of the mapping and of the names and columns of the
// files, so that a caller can ask before it opens a store. It needs no Sink.
func Check(o Options) error {
	_, err := newImporter(o)
	return err
}

func newImporter(o Options) (*importer, error) {
	m, err := mapping.ReadFile(o.Mapping)
	if err != nil {
		return nil, err
	}
	i := &importer{
		Options: o, mapping: m, ends: make(map[End]int64),
		result: Result{Mapping: m.Name, Events: make(map[string]int64)},
		batch:  make(map[string][]topic.Message), waiting: make(map[string]int64),
	}
	if i.plan, err = newPlan(m, o.Inputs); err == nil {
		err = i.check()
	}
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", m.Name, err)
	}
	i.result.Unused = i.plan.unused
	return i, nil
}

type importer struct {
	Options
	mapping  *mapping.Mapping
	plan     *plan
	found    map[string]*mapping.Found
	result   Result
	notes    mapping.Notes
	progress *progress
	rejects  *csv.Writer // nil: none
	file     string      // being read

	batch     map[string][]topic.Message // by topic
	waiting   map[string]int64           // events of the batch by type
	batchSize int
	batchLen  int
	ends      map[End]int64 // last offset by topic and partition
}

func (i *importer) run(ctx context.Context) (err error) {
	if i.Rejects != "" {
		file, err := i.openRejects()
		if err != nil {
			return err
		}
		defer func() {
			i.rejects.Flush()
			if closed := errors.Join(i.rejects.Error(), file.Close()); closed != nil {
				err = errors.Join(err, fmt.Errorf("list of bad rows: %w", closed))
			}
		}()
	}
	if err := i.readLookups(ctx); err != nil {
		return err
	}
	var total int64
	for _, files := range i.plan.inputs {
		for _, f := range files {
			total += f.info.Size()
		}
	}
	i.progress = newProgress(i.Options, i.mapping.Name, total)
	defer i.finish()
	for _, in := range i.mapping.Inputs {
		for _, f := range i.plan.inputs[in] {
			if err := i.readInput(ctx, in, f.name); err != nil {
				return err
			}
		}
	}
	if err := i.send(ctx); err != nil {
		return err
	}
	if err := i.progress.end(&i.result); err != nil {
		return err
	}
	return i.badRows()
}

// finish puts the sums into the result.
func (i *importer) finish() {
	r := &i.result
	r.Skipped, r.Ambiguous = i.notes.Skipped, i.notes.Ambiguous
	r.NotFound, r.Defaulted = i.notes.NotFound, i.notes.Defaulted
	for place, last := range i.ends {
		place.Offset = last + 1
		r.Ends = append(r.Ends, place)
	}
	slices.SortFunc(r.Ends, func(a, b End) int {
		if a.Topic != b.Topic {
			if a.Topic < b.Topic {
				return -1
			}
			return 1
		}
		return int(a.Partition) - int(b.Partition)
	})
}

func (i *importer) badRows() error {
	if i.result.BadRows == 0 || i.AllowBadRows {
		return nil
	}
	return fmt.Errorf("%d %w, the first is %s", i.result.BadRows, ErrBadRows, i.result.Bad[0])
}

// check looks at the columns of every file before anything is sent.
func (i *importer) check() error {
	var faults []error
	for _, in := range i.mapping.Inputs {
		for _, f := range i.plan.inputs[in] {
			faults = append(faults, i.checkFile(f.name, in.Format, in.Columns(), in.Line))
		}
	}
	for _, l := range i.mapping.Lookups {
		for _, f := range i.plan.lookups[l] {
			faults = append(faults, i.checkFile(f.name, l.Format, l.Columns, func(string) int { return l.Line }))
		}
	}
	return errors.Join(faults...)
}

func (i *importer) checkFile(name string, format rows.Format, columns []string, line func(string) int) error {
	return reading(name, func(file io.Reader) error {
		err := rows.Check(file, format, columns)
		var missing *rows.MissingError
		if errors.As(err, &missing) {
			return fmt.Errorf("%w (wanted by %s:%d)", missing, i.mapping.File, line(missing.Columns[0]))
		}
		return err
	})
}

// reading opens a file for read and names it in its errors.
func reading(name string, read func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	if err := errors.Join(read(file), file.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (i *importer) openRejects() (*os.File, error) {
	// A slip of the hand must not cost what is to be read.
	read := []string{i.mapping.File}
	for _, files := range i.plan.inputs {
		read = append(read, namesOf(files)...)
	}
	for _, files := range i.plan.lookups {
		read = append(read, namesOf(files)...)
	}
	if there, err := os.Stat(i.Rejects); err == nil {
		for _, name := range read {
			if info, err := os.Stat(name); err == nil && os.SameFile(there, info) {
				return nil, fmt.Errorf("list of bad rows: %s is read by this import", i.Rejects)
			}
		}
	}
	file, err := os.Create(i.Rejects)
	if err != nil {
		return nil, fmt.Errorf("list of bad rows: %w", err)
	}
	i.rejects = csv.NewWriter(file)
	if err := i.rejects.Write([]string{"file", "line", "column", "reason"}); err != nil {
		return nil, errors.Join(fmt.Errorf("list of bad rows: %w", err), file.Close())
	}
	return file, nil
}

// bad lists one bad row with its faults.
func (i *importer) bad(line int, faults ...mapping.Fault) error {
	i.result.BadRows++
	for _, f := range faults {
		b := BadRow{File: i.file, Line: line, Column: f.Column, Reason: f.Reason}
		if len(i.result.Bad) < keptFaults {
			i.result.Bad = append(i.result.Bad, b)
		}
		if i.rejects != nil {
			if err := i.rejects.Write([]string{b.File, strconv.Itoa(b.Line), b.Column, b.Reason}); err != nil {
				return fmt.Errorf("list of bad rows: %w", err)
			}
		}
	}
	return nil
}

// readLookups fills the look-ups. One that cannot be read whole would change
// the content of events under the ids that a later, mended import uses again,
// so that its bad rows end the import here unless they are allowed.
func (i *importer) readLookups(ctx context.Context) error {
	i.found = make(map[string]*mapping.Found)
	for _, l := range i.mapping.Lookups {
		table := l.NewFound()
		i.found[l.Name] = table
		for _, f := range i.plan.lookups[l] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := i.readLookup(l, table, f.name); err != nil {
				return err
			}
		}
	}
	return i.badRows()
}

func (i *importer) readLookup(l *mapping.Lookup, table *mapping.Found, name string) error {
	i.file = name
	return reading(name, func(file io.Reader) error {
		in, err := rows.Open(file, l.Format, l.Columns)
		if err != nil {
			return err
		}
		var listed error
		n, err := table.Read(in, func(b *rows.Bad) {
			listed = errors.Join(listed, i.bad(b.Line, mapping.Fault{Column: b.Column, Reason: b.Reason}))
		})
		i.result.Files = append(i.result.Files, File{Name: name, As: "look-up " + l.Name, Rows: n})
		return errors.Join(err, listed)
	})
}

func (i *importer) readInput(ctx context.Context, in *mapping.Input, name string) error {
	i.file = name
	i.result.Files = append(i.result.Files, File{Name: name, As: "input " + in.Name})
	count := &i.result.Files[len(i.result.Files)-1].Rows
	return reading(name, func(file io.Reader) error {
		reader, err := rows.Open(counted{file, i.progress}, in.Format, in.Columns())
		if err != nil {
			return err
		}
		for {
			fields, line, err := reader.Read()
			var bad *rows.Bad
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case errors.As(err, &bad):
				err = i.bad(line, mapping.Fault{Column: bad.Column, Reason: bad.Reason})
			case err == nil:
				err = i.row(ctx, in, fields, line)
			}
			if err != nil {
				return err
			}
			*count++
			if i.result.Rows++; i.result.Rows%showRows == 0 {
				if err := errors.Join(ctx.Err(), i.progress.show(&i.result)); err != nil {
					return err
				}
			}
		}
	})
}

// row makes the events of a row and puts them into the batch, all or none.
func (i *importer) row(ctx context.Context, in *mapping.Input, fields []string, line int) error {
	var notes mapping.Notes
	drafts, faults := in.Events(fields, i.found, &notes)
	if faults != nil {
		return i.bad(line, faults...)
	}
	at := i.Now()
	values := make([][]byte, len(drafts))
	for n, d := range drafts {
		value, err := event.Marshal(d.Event)
		if err == nil {
			_, err = event.Decode(value, at, d.Topic)
		}
		if err != nil {
			fault := mapping.Fault{Reason: d.Name + ": " + err.Error()}
			var reject *event.Reject
			if errors.As(err, &reject) {
				pointer, _, _ := strings.Cut(reject.Detail, ":")
				fault.Column = in.Column(fields, i.found, d.Name, pointer)
			}
			faults = append(faults, fault)
		}
		values[n] = value
	}
	if faults != nil {
		return i.bad(line, faults...)
	}
	i.notes.Add(&notes)
	if len(drafts) == 0 {
		i.result.NoEvent++
	}
	for n, d := range drafts {
		i.batch[d.Topic] = append(i.batch[d.Topic], topic.Message{Key: []byte(d.Event.Subject), Value: values[n], Time: at})
		i.waiting[d.Event.Type]++
		i.batchLen++
		i.batchSize += len(values[n])
	}
	if i.batchLen >= batchMessages || i.batchSize >= batchBytes {
		return i.send(ctx)
	}
	return nil
}

// send hands the batch over.
func (i *importer) send(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(i.batch)) {
		acks, err := i.Sink.Write(ctx, name, i.batch[name])
		for _, ack := range acks {
			place := End{Topic: name, Partition: ack.Partition}
			if last, ok := i.ends[place]; ack.Offset >= 0 && (!ok || ack.Offset > last) {
				i.ends[place] = ack.Offset
			}
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		delete(i.batch, name)
	}
	for typ, n := range i.waiting {
		i.result.Events[typ] += n
	}
	clear(i.waiting)
	i.batchLen, i.batchSize = 0, 0
	return nil
}
