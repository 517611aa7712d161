package queries_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"youzhi/queries"
	"youzhi/queries/queriestest"
)

// kinds is a value of each kind of column.
type kinds struct {
	Word     string      `ch:"word"`
	Words    []string    `ch:"words"`
	Text     string      `ch:"text"`
	Flag     bool        `ch:"flag"`
	Small    uint8       `ch:"small"`
	Large    uint64      `ch:"large"`
	Float    float64     `ch:"float"`
	Day      time.Time   `ch:"day"`
	At       time.Time   `ch:"at"`
	Ats      []time.Time `ch:"ats"`
	Floats   []float64   `ch:"floats"`
	MaybeAt  *time.Time  `ch:"maybe_at"`
	MaybeF   *float64    `ch:"maybe_float"`
	MaybeN   *uint32     `ch:"maybe_n"`
	MaybeYes *bool       `ch:"maybe_flag"`
	Dates    [][]any     `ch:"dates"`
	Texts    [][]any     `ch:"texts"`
}

// pairs are what the driver reads of them.
func pairs[T any](of [][]any) []queries.Pair[T] {
	var out []queries.Pair[T]
	for _, p := range of {
		out = append(out, queries.Pair[T]{Word: p[0].(string), With: p[1].(T)})
	}
	return out
}

// What a block is given is what the table holds: of each kind of column, with and
// without values, and again when its memory is used a second time.
func TestBlockHoldsEachKindOfColumn(t *testing.T) {
	db, ctx := queriestest.Open(t), context.Background()
	err := db.Exec(ctx, `CREATE TABLE kinds (word LowCardinality(String), words Array(LowCardinality(String)), text String, flag Bool, small UInt8, large UInt64,
		float Float64, day Date, at DateTime64(6, 'UTC'), ats Array(DateTime64(6, 'UTC')), floats Array(Float64), maybe_at Nullable(DateTime64(6, 'UTC')),
		maybe_float Nullable(Float64), maybe_n Nullable(UInt32), maybe_flag Nullable(Bool),
		dates Array(Tuple(LowCardinality(String), Date)), texts Array(Tuple(LowCardinality(String), String))) ENGINE = MergeTree ORDER BY large`, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := queries.NewBlock("kinds")
	var (
		word, words, text, flag      = b.Word("word"), b.Words("words"), b.Text("text"), b.Flag("flag")
		small, large, float, day     = b.Uint8("small"), b.Uint64("large"), b.Float("float"), b.Date("day")
		instant, instants, floats    = b.Instant("at"), b.Instants("ats"), b.Floats("floats")
		maybeAt, maybeF, maybeN, yes = b.MaybeInstant("maybe_at"), b.MaybeFloat("maybe_float"), b.MaybeUint32("maybe_n"), b.MaybeFlag("maybe_flag")
		dates, texts                 = b.WordsWithDates("dates"), b.WordsWithTexts("texts")
	)
	precise := time.Date(2026, 3, 1, 23, 59, 59, 999999000, time.UTC)
	half, many, no := 0.5, uint32(1<<31), false
	full := kinds{
		Word: "投递", Words: []string{"a", "b", "a"}, Text: "文本\x00'", Flag: true, Small: 255, Large: 1 << 63, Float: -1.25, Day: at.Truncate(24 * time.Hour),
		At: precise, Ats: []time.Time{precise, at}, Floats: []float64{1, 2}, MaybeAt: &precise, MaybeF: &half, MaybeN: &many, MaybeYes: &no,
		Dates: [][]any{{"a", at.Truncate(24 * time.Hour)}, {"b", time.Unix(0, 0).UTC()}, {"a", time.Unix(0, 0).UTC()}}, Texts: [][]any{{"", "文本"}, {"z", ""}},
	}
	empty := kinds{Words: []string{}, Dates: [][]any{}, Texts: [][]any{}, Ats: []time.Time{}, Floats: []float64{}, Day: time.Unix(0, 0).UTC(), At: time.Unix(0, 0).UTC()}
	add := func(k kinds) {
		word.Append(k.Word)
		words.Append(k.Words)
		text.Append(k.Text)
		flag.Append(k.Flag)
		small.Append(k.Small)
		large.Append(k.Large)
		float.Append(k.Float)
		day.Append(k.Day)
		instant.Append(k.At)
		instants.Append(k.Ats)
		floats.Append(k.Floats)
		var maybe time.Time
		if k.MaybeAt != nil {
			maybe = *k.MaybeAt
		}
		maybeAt.Append(maybe)
		maybeF.Append(k.MaybeF)
		maybeN.Append(k.MaybeN)
		yes.Append(k.MaybeYes)
		dates.Append(pairs[time.Time](k.Dates))
		texts.Append(pairs[string](k.Texts))
	}
	other := full
	other.Large, other.Word, other.Words = 7, "收寄", []string{"c", ""}
	other.Dates, other.Texts = [][]any{{"q", at.Truncate(24 * time.Hour)}}, [][]any{}
	for _, rows := range [][]kinds{{}, {empty}, {empty, other, full}, {other}} {
		b.Reset()
		for _, k := range rows {
			add(k)
		}
		if b.Rows() != len(rows) {
			t.Errorf("%d rows of %d", b.Rows(), len(rows))
		}
		if err := db.Exec(ctx, "TRUNCATE TABLE kinds", nil); err != nil {
			t.Fatal(err)
		}
		if err := db.InsertBlock(ctx, b); err != nil {
			t.Fatal(err)
		}
		have := []kinds{}
		if err := db.Select(ctx, &have, "SELECT * FROM kinds ORDER BY large", nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows, have); diff != "" {
			t.Errorf("%d rows: %s", len(rows), diff)
		}
	}
}
