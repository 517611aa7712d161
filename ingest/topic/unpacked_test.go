package topic

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"pgregory.net/rapid"
)

// readAll reads batches as they come from a broker: each fetch begins with the batch
// that holds the position.
func readAll(p *Partition, batches [][]byte) (all Chunk, chunks int, err error) {
	for {
		chunk, err := p.readOn(context.Background())
		if err != nil {
			return all, chunks, err
		}
		if chunk.Empty() {
			var sent []byte
			for _, b := range batches {
				if last := int64(binary.BigEndian.Uint64(b)) + int64(binary.BigEndian.Uint32(b[23:])); last >= p.next {
					sent = append(sent, b...)
				}
			}
			if len(sent) == 0 {
				return all, chunks, nil
			}
			if chunk, err = p.read(context.Background(), &responsePartition{RecordSet: recordSet{&memory{sent: sent}}}); err != nil {
				return all, chunks, err
			}
		}
		chunks++
		all.Records, all.Gaps = append(all.Records, chunk.Records...), append(all.Gaps, chunk.Gaps...)
	}
}

// However little a chunk may hold, all chunks together are what one is that may hold
// all.
func TestBatchesInPortions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var batches [][]byte
		offset := int64(100)
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			b := drawBatch(t)
			binary.BigEndian.PutUint64(b, uint64(offset))
			// Some offsets at its end, and between it and the next, are no more.
			last := int64(binary.BigEndian.Uint32(b[23:])) + rapid.Int64Range(0, 2).Draw(t, "lost")
			binary.BigEndian.PutUint32(b[23:], uint32(last))
			offset += last + 1 + rapid.Int64Range(0, 2).Draw(t, "between")
			batches = append(batches, signed(b))
		}
		from := rapid.Int64Range(100, offset-1).Draw(t, "from")
		whole := &Partition{Topic: name, next: from, unpacked: 1 << 30}
		want, _, err := readAll(whole, batches)
		if err != nil {
			t.Fatal(err)
		}
		p := &Partition{Topic: name, next: from, unpacked: rapid.IntRange(0, 5_000).Draw(t, "unpacked")}
		got, _, err := readAll(p, batches)
		if diff := cmp.Diff(want.Records, got.Records); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		if diff := cmp.Diff(want.Gaps, got.Gaps); diff != "" || p.next != whole.next {
			t.Fatalf("next %d, want %d: %s", p.next, whole.next, diff)
		}
	})
}

// packed is a batch of so many records, packed by gzip as they are written.
func packed(t testing.TB, count int, write func(out io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := append(written(t, 0, protocol.Record{Time: start})[:behindHeader], out.Bytes()...)
	b[22] = byte(protocol.Gzip)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-behindLength))
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	return signed(b)
}

// record is one with a key and a value of so many bytes, all the same.
func record(out io.Writer, offset int, key, value int64) error {
	head := func(b []byte) []byte {
		b = append(b, 0)
		b = binary.AppendVarint(b, 0)
		return binary.AppendVarint(b, int64(offset))
	}
	whole := binary.AppendVarint(binary.AppendVarint(head(nil), key), value)
	frame := binary.AppendVarint(nil, int64(len(whole))+key+value+1)
	for _, b := range [][]byte{frame, binary.AppendVarint(head(nil), key)} {
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	if _, err := io.CopyN(out, manyK, key); err != nil {
		return err
	}
	if _, err := out.Write(binary.AppendVarint(nil, value)); err != nil {
		return err
	}
	if _, err := io.CopyN(out, manyV, value); err != nil {
		return err
	}
	_, err := out.Write([]byte{0}) // no headers
	return err
}

// same reads the same bytes without end.
type same []byte

func (s same) Read(b []byte) (int, error) { return copy(b, s), nil }

var manyK, manyV = same(bytes.Repeat([]byte("k"), 64<<10)), same(bytes.Repeat([]byte("v"), 64<<10))

// A few kilobytes that are many megabytes take no more memory than a
// chunk: of a value that no message has its length and its hash are known.
func TestPackedBomb(t *testing.T) {
	const size = 32 << 20
	bomb := packed(t, 4, func(out io.Writer) error {
		for offset, length := range [][2]int64{{3, 5}, {3, size}, {size, 7}, {3, 5}} {
			if err := record(out, offset, length[0], length[1]); err != nil {
				return err
			}
		}
		return nil
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := &Partition{Topic: name, unpacked: 1 << 20}
	all, _, err := readAll(p, [][]byte{bomb})
	runtime.ReadMemStats(&after)
	if err != nil || len(all.Records) != 4 || len(all.Gaps) != 0 || p.next != 4 {
		t.Fatalf("%d records, gaps %v, next %d: %v", len(all.Records), all.Gaps, p.next, err)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 16 {
		t.Errorf("%d MiB of memory were asked for", took)
	}
	for _, i := range []int{0, 3} {
		if r := all.Records[i]; string(r.Key) != "kkk" || string(r.Value) != "vvvvv" || r.Cut != nil {
			t.Errorf("record %d beside it: %+v", i, r)
		}
	}
	h := sha256.New()
	if _, err := io.CopyN(h, manyV, size); err != nil {
		t.Fatal(err)
	}
	if r := all.Records[1]; string(r.Value) != strings.Repeat("v", Beginning) || r.Cut == nil || *r.Cut != (Cut{3, size, [32]byte(h.Sum(nil))}) {
		t.Errorf("long value: %d bytes, %+v", len(r.Value), r.Cut)
	}
	if r := all.Records[2]; string(r.Key) != strings.Repeat("k", Beginning) || r.Cut == nil || *r.Cut != (Cut{size, 7, sha256.Sum256([]byte("vvvvvvv"))}) {
		t.Errorf("long key: %d bytes, %+v", len(r.Key), r.Cut)
	}
}

// Many small records that fill the memory are read chunk after chunk.
func TestPackedCrowd(t *testing.T) {
	const count = 30_000
	crowd := packed(t, count, func(out io.Writer) error {
		for offset := range count {
			if err := record(out, offset, 1, 90); err != nil {
				return err
			}
		}
		return nil
	})
	p := &Partition{Topic: name, unpacked: 1 << 20}
	all, chunks, err := readAll(p, [][]byte{crowd})
	if err != nil || len(all.Records) != count || len(all.Gaps) != 0 || p.next != count {
		t.Fatalf("%d records, gaps %v, next %d: %v", len(all.Records), all.Gaps, p.next, err)
	}
	if chunks < 3 || chunks > 10 {
		t.Errorf("%d chunks", chunks)
	}
}

// Long values that are not held end a chunk too, and so does whoever has waited enough.
func TestPackedBombsInARow(t *testing.T) {
	bombs := packed(t, 4, func(out io.Writer) error {
		for offset := range 4 {
			if err := record(out, offset, 1, 3<<20); err != nil {
				return err
			}
		}
		return nil
	})
	p := &Partition{Topic: name, unpacked: 128 << 10}
	all, chunks, err := readAll(p, [][]byte{bombs})
	if err != nil || len(all.Records) != 4 || chunks != 4 || p.next != 4 {
		t.Fatalf("%d records in %d chunks, next %d: %v", len(all.Records), chunks, p.next, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p = &Partition{Topic: name}
	_, err = p.read(ctx, &responsePartition{RecordSet: recordSet{&memory{sent: bombs}}})
	if !errors.Is(err, context.Canceled) || p.next != 0 || p.opened != nil {
		t.Errorf("next %d: %v", p.next, err)
	}
}

// Records of an aborted transaction are that in each portion of their batch.
func TestAbortedInPortions(t *testing.T) {
	b := packed(t, 3, func(out io.Writer) error {
		for offset := range 3 {
			if err := record(out, offset, 1, 5); err != nil {
				return err
			}
		}
		return nil
	})
	b[22] |= byte(protocol.Transactional)
	binary.BigEndian.PutUint64(b[43:], 77)
	p := &Partition{Topic: name}
	chunk, err := p.read(t.Context(), &responsePartition{
		AbortedTransactions: []fetch.ResponseTransaction{{ProducerID: 77}},
		RecordSet:           recordSet{&memory{sent: signed(b)}},
	})
	for i := range 3 {
		if err != nil || len(chunk.Records) != 1 || chunk.Records[0].Kind != Aborted || chunk.Records[0].Offset != int64(i) {
			t.Fatalf("portion %d: %+v, %v", i, chunk.Records, err)
		}
		chunk, err = p.readOn(t.Context())
	}
}

// What is wrong within an opened batch is told as in any other, and it is read again
// from the position.
func TestBrokenOpenedBatch(t *testing.T) {
	for name, spoil := range map[string]func(io.Writer) error{
		"it ends in a value":     func(w io.Writer) error { _, err := w.Write([]byte{40, 0, 0, 2, 1, 20, 'a'}); return err },
		"a value beyond its end": func(w io.Writer) error { _, err := w.Write([]byte{12, 0, 0, 2, 1, 120, 'a', 'b'}); return err },
		"no length":              func(w io.Writer) error { _, err := w.Write([]byte{0, 0, 0}); return err },
	} {
		b := packed(t, 2, func(out io.Writer) error {
			if err := record(out, 0, 1, 5); err != nil {
				return err
			}
			return spoil(out)
		})
		p := &Partition{Topic: name}
		all, _, err := readAll(p, [][]byte{b})
		if err == nil || !strings.Contains(err.Error(), "batch of offset 0: a record that does not end") || len(all.Records) != 1 || p.next != 1 || p.opened != nil {
			t.Errorf("%s: %d records, next %d: %v", name, len(all.Records), p.next, err)
		}
	}
}
