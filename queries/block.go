package queries

import (
	"context"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// Block is rows of a table as the columns that ClickHouse takes, kept until they are
// sent. Its columns are named one by one, before the first row, and each row has to
// be appended to all of them. It holds no connection, and rows cost no memory of
// their own.
type Block struct {
	table   string
	columns []blockColumn
	names   []string
}

// Column takes a value of each row.
type Column[T any] interface{ Append(v T) }

// blockColumn is a column as it is sent.
type blockColumn interface {
	input() proto.ColInput
	reset()
	Rows() int
}

// NewBlock is no rows yet, and no columns.
func NewBlock(table string) *Block { return &Block{table: table} }

// Rows is how many it holds.
func (b *Block) Rows() int {
	if len(b.columns) == 0 {
		return 0
	}
	return b.columns[0].Rows()
}

// Reset gives the rows up and keeps their memory.
func (b *Block) Reset() {
	for _, c := range b.columns {
		c.reset()
	}
}

// InsertBlock stores the rows of a block, if there are any; nil means acknowledged.
// The block is not changed: after an error the outcome is unknown and the caller
// inserts the same rows again, or gives them up.
func (db *DB) InsertBlock(ctx context.Context, b *Block) error {
	columns := make(proto.Input, len(b.columns))
	for i, c := range b.columns {
		columns[i] = proto.InputColumn{Name: b.names[i], Data: c.input()}
	}
	return db.insertBlock(ctx, b.table, b.Rows(), columns)
}

func add[C blockColumn](b *Block, name string, c C) C {
	b.names, b.columns = append(b.names, name), append(b.columns, c)
	return c
}

// Word adds a column LowCardinality(String).
func (b *Block) Word(name string) Column[string] { return add(b, name, new(wordColumn)) }

// Words adds a column Array(LowCardinality(String)).
func (b *Block) Words(name string) Column[[]string] { return add(b, name, new(wordsColumn)) }

// Text adds a column String.
func (b *Block) Text(name string) Column[string] {
	return add(b, name, plain[string]{new(proto.ColStr)})
}

// Flag adds a column Bool.
func (b *Block) Flag(name string) Column[bool] {
	return add(b, name, plain[bool]{new(proto.ColBool)})
}

// Uint8 adds a column UInt8.
func (b *Block) Uint8(name string) Column[uint8] {
	return add(b, name, plain[uint8]{new(proto.ColUInt8)})
}

// Uint64 adds a column UInt64.
func (b *Block) Uint64(name string) Column[uint64] {
	return add(b, name, plain[uint64]{new(proto.ColUInt64)})
}

// Float adds a column Float64.
func (b *Block) Float(name string) Column[float64] {
	return add(b, name, plain[float64]{new(proto.ColFloat64)})
}

// Date adds a column Date, of the day that a time shows in its own zone.
func (b *Block) Date(name string) Column[time.Time] {
	return add(b, name, plain[time.Time]{new(proto.ColDate)})
}

// Instant adds a column DateTime64(6, 'UTC').
func (b *Block) Instant(name string) Column[time.Time] {
	return add(b, name, plain[time.Time]{instants()})
}

// Instants adds a column Array(DateTime64(6, 'UTC')).
func (b *Block) Instants(name string) Column[[]time.Time] {
	return add(b, name, plain[[]time.Time]{proto.NewArray[time.Time](instants())})
}

// Floats adds a column Array(Float64).
func (b *Block) Floats(name string) Column[[]float64] {
	return add(b, name, plain[[]float64]{proto.NewArray[float64](new(proto.ColFloat64))})
}

// Pair is a word and what belongs to it.
type Pair[T any] struct {
	Word string
	With T
}

// WordsWithDates adds a column Array(Tuple(LowCardinality(String), Date)).
func (b *Block) WordsWithDates(name string) Column[[]Pair[time.Time]] {
	return add(b, name, &pairsColumn[time.Time]{with: new(proto.ColDate)})
}

// WordsWithTexts adds a column Array(Tuple(LowCardinality(String), String)).
func (b *Block) WordsWithTexts(name string) Column[[]Pair[string]] {
	return add(b, name, &pairsColumn[string]{with: new(proto.ColStr)})
}

// MaybeInstant adds a column Nullable(DateTime64(6, 'UTC')), whose NULL is the zero
// time.
func (b *Block) MaybeInstant(name string) Column[time.Time] {
	return add(b, name, maybeInstant{maybe[time.Time]{plain[proto.Nullable[time.Time]]{proto.NewColNullable[time.Time](instants())}}})
}

// MaybeFloat adds a column Nullable(Float64), whose NULL is nil.
func (b *Block) MaybeFloat(name string) Column[*float64] {
	return add(b, name, maybe[float64]{plain[proto.Nullable[float64]]{proto.NewColNullable[float64](new(proto.ColFloat64))}})
}

// MaybeUint32 adds a column Nullable(UInt32), whose NULL is nil.
func (b *Block) MaybeUint32(name string) Column[*uint32] {
	return add(b, name, maybe[uint32]{plain[proto.Nullable[uint32]]{proto.NewColNullable[uint32](new(proto.ColUInt32))}})
}

// MaybeFlag adds a column Nullable(Bool), whose NULL is nil.
func (b *Block) MaybeFlag(name string) Column[*bool] {
	return add(b, name, maybe[bool]{plain[proto.Nullable[bool]]{proto.NewColNullable[bool](new(proto.ColBool))}})
}

func instants() *proto.ColDateTime64 {
	return new(proto.ColDateTime64).WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
}

// growing is a column of ch-go that rows are appended to.
type growing[T any] interface {
	proto.ColInput
	proto.Resettable
	Append(v T)
}

// plain is a column that is sent as it is.
type plain[T any] struct{ growing[T] }

func (c plain[T]) input() proto.ColInput { return c.growing }
func (c plain[T]) reset()                { c.Reset() }

// maybe is a column of values that may be missing.
type maybe[T any] struct{ plain[proto.Nullable[T]] }

func (c maybe[T]) Append(v *T) {
	if v == nil {
		c.plain.Append(proto.Null[T]())
		return
	}
	c.plain.Append(proto.NewNullable(*v))
}

type maybeInstant struct{ maybe[time.Time] }

func (c maybeInstant) Append(t time.Time) {
	if t.IsZero() {
		c.maybe.Append(nil)
		return
	}
	c.maybe.Append(&t)
}

type wordColumn struct{ words }

func (c *wordColumn) Append(s string)       { c.appendString(s) }
func (c *wordColumn) Rows() int             { return len(c.keys) }
func (c *wordColumn) input() proto.ColInput { return c.column() }

type wordsColumn struct {
	words
	ends proto.ColUInt64
}

func (c *wordsColumn) Append(list []string) {
	for _, s := range list {
		c.appendString(s)
	}
	c.end()
}

// end ends a list.
func (c *wordsColumn) end() { c.ends = append(c.ends, uint64(len(c.keys))) }

func (c *wordsColumn) Rows() int { return len(c.ends) }

func (c *wordsColumn) reset() {
	c.words.reset()
	c.ends = c.ends[:0]
}

func (c *wordsColumn) input() proto.ColInput { return &wordLists{c.column(), c.ends} }

// wordLists is Array(LowCardinality(String)) as it is sent.
type wordLists struct {
	*proto.ColLowCardinalityRaw
	ends proto.ColUInt64
}

// Type is Array(LowCardinality(String)).
func (c *wordLists) Type() proto.ColumnType {
	return proto.ColumnTypeArray.Sub(c.ColLowCardinalityRaw.Type())
}

// Rows is the number of lists.
func (c *wordLists) Rows() int { return len(c.ends) }

// EncodeColumn appends where the lists end and their words.
func (c *wordLists) EncodeColumn(b *proto.Buffer) {
	c.ends.EncodeColumn(b)
	c.ColLowCardinalityRaw.EncodeColumn(b)
}

// WriteColumn writes where the lists end and their words.
func (c *wordLists) WriteColumn(w *proto.Writer) {
	c.ends.WriteColumn(w)
	c.ColLowCardinalityRaw.WriteColumn(w)
}

type pairsColumn[T any] struct {
	words wordsColumn
	with  growing[T]
}

func (c *pairsColumn[T]) Append(pairs []Pair[T]) {
	for _, p := range pairs {
		c.words.appendString(p.Word)
		c.with.Append(p.With)
	}
	c.words.end()
}

func (c *pairsColumn[T]) Rows() int { return c.words.Rows() }

func (c *pairsColumn[T]) reset() {
	c.words.reset()
	c.with.Reset()
}

func (c *pairsColumn[T]) input() proto.ColInput {
	return &pairLists{&wordLists{c.words.column(), c.words.ends}, c.with}
}

// pairLists is an Array(Tuple(LowCardinality(String), …)) as it is sent: where the
// lists end, all words, and all that belongs to them.
type pairLists struct {
	*wordLists
	with proto.ColInput
}

// Type is Array(Tuple(LowCardinality(String), …)).
func (c *pairLists) Type() proto.ColumnType {
	tuple := proto.ColumnTypeTuple.With(c.ColLowCardinalityRaw.Type().String(), c.with.Type().String())
	return proto.ColumnTypeArray.Sub(tuple)
}

// EncodeColumn appends the lists.
func (c *pairLists) EncodeColumn(b *proto.Buffer) {
	c.wordLists.EncodeColumn(b)
	c.with.EncodeColumn(b)
}

// WriteColumn writes the lists.
func (c *pairLists) WriteColumn(w *proto.Writer) {
	c.wordLists.WriteColumn(w)
	c.with.WriteColumn(w)
}
