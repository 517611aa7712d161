package topic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go/protocol"
	"pgregory.net/rapid"
)

// written is a batch as kafka-go writes it, without the length of the set.
func written(t interface{ Fatal(...any) }, attributes protocol.Attributes, records ...protocol.Record) []byte {
	set := protocol.RecordSet{Version: 2, Attributes: attributes, Records: protocol.NewRecordReader(records...)}
	var out bytes.Buffer
	if _, err := set.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()[4:]
}

// readBatches are the records of batches, up to the first that is cut off.
func readBatches(sent []byte) ([]Record, error) {
	var out []Record
	m := new(memory)
	for {
		b, rest, ok, err := nextBatch(sent)
		if err != nil || !ok {
			return out, err
		}
		if fits, err := b.unpack(m, 1<<30); err != nil || !fits {
			return out, err
		}
		for b.count > 0 {
			r, err := b.next()
			if err != nil {
				return out, err
			}
			out = append(out, r)
		}
		sent = rest
	}
}

// byTheLibrary are the records as kafka-go reads them.
func byTheLibrary(t interface{ Fatal(...any) }, sent []byte) []Record {
	var set protocol.RecordSet
	if _, err := set.ReadFrom(bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, uint32(len(sent))), sent...))); err != nil {
		t.Fatal(err)
	}
	content := func(b protocol.Bytes) []byte {
		if b == nil {
			return nil
		}
		all, err := io.ReadAll(b)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	var out []Record
	for {
		r, err := set.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Record{Offset: r.Offset, Time: r.Time.UTC(), Key: content(r.Key), Value: content(r.Value)})
	}
}

func drawBatch(t *rapid.T) []byte {
	bytesOrNil := rapid.OneOf(rapid.Just([]byte(nil)), rapid.Just([]byte{}), rapid.SliceOfN(rapid.Byte(), 1, 20), rapid.Custom(func(t *rapid.T) []byte {
		return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(1, 3_000).Draw(t, "length"))
	}))
	var records []protocol.Record
	for range rapid.IntRange(1, 6).Draw(t, "records") {
		r := protocol.Record{
			Offset: int64(len(records)),
			Time:   start.Add(time.Duration(rapid.IntRange(-100_000, 100_000).Draw(t, "ms")) * time.Millisecond),
		}
		if key := bytesOrNil.Draw(t, "key"); key != nil {
			r.Key = protocol.NewBytes(key)
		}
		if value := bytesOrNil.Draw(t, "value"); value != nil {
			r.Value = protocol.NewBytes(value)
		}
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			r.Headers = append(r.Headers, protocol.Header{Key: rapid.String().Draw(t, "name"), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "content")})
		}
		records = append(records, r)
	}
	return written(t, protocol.Attributes(rapid.IntRange(0, 4).Draw(t, "compression")), records...)
}

// Batches are read as kafka-go reads them, packed or not; one that is cut off is
// left out.
func TestBatchesAsTheLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawBatch(t), drawBatch(t)
		got, err := readBatches(append(bytes.Clone(first), second[:rapid.IntRange(0, len(second)-1).Draw(t, "cut")]...))
		if diff := cmp.Diff(byTheLibrary(t, first), got); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		both, err := readBatches(append(bytes.Clone(first), second...))
		if diff := cmp.Diff(append(got, byTheLibrary(t, second)...), both); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// signed gives a batch that was changed its checksum.
func signed(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[behindChecksum:], castagnoli))
	return batch
}

func TestBrokenBatches(t *testing.T) {
	good := func() []byte {
		return written(t, 0, protocol.Record{Time: start, Key: protocol.NewBytes([]byte("key")), Value: protocol.NewBytes([]byte("value"))})
	}
	for _, c := range []struct {
		says  string
		spoil func(b []byte) []byte
	}{
		{"checksum", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"message format 1", func(b []byte) []byte { b[16] = 1; return b }},
		{"are too few", func(b []byte) []byte { binary.BigEndian.PutUint32(b[8:], 40); return b }},
		{"a length below 0", func(b []byte) []byte { binary.BigEndian.PutUint32(b[8:], 1<<31); return b }},
		{"a record that does not end", func(b []byte) []byte { binary.BigEndian.PutUint32(b[57:], 2); return signed(b) }},
		{"a record that does not end", func(b []byte) []byte { b[behindHeader] = 126; return signed(b) }},
		{"a record that does not end", func(b []byte) []byte { b[behindHeader+4] = 126; return signed(b) }},
		{"unpack: ", func(b []byte) []byte { b[22] = byte(protocol.Zstd); return signed(b) }},
		{"unknown compression 7", func(b []byte) []byte { b[22] = 7; return signed(b) }},
	} {
		if _, err := readBatches(c.spoil(good())); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.says, err)
		}
	}
}

// A topic may let the broker stamp its records; that is in the batch alone.
func TestStampsOfTheBroker(t *testing.T) {
	b := written(t, 0, protocol.Record{Offset: 0, Time: start}, protocol.Record{Offset: 1, Time: start.Add(time.Hour)})
	b[22] |= logAppendTime
	binary.BigEndian.PutUint64(b[35:], uint64(start.Add(time.Minute).UnixMilli()))
	got, err := readBatches(signed(b))
	if err != nil || len(got) != 2 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for _, r := range got {
		if !r.Time.Equal(start.Add(time.Minute)) {
			t.Errorf("offset %d: %s", r.Offset, r.Time)
		}
	}
}

// Records that were compacted away at the end of a batch are a gap.
func TestBatchThatLostItsEnd(t *testing.T) {
	b := written(t, 0, protocol.Record{Offset: 0, Time: start, Value: protocol.NewBytes([]byte("a"))}, protocol.Record{Offset: 1, Time: start, Value: protocol.NewBytes([]byte("b"))})
	binary.BigEndian.PutUint64(b, 100)    // its base
	binary.BigEndian.PutUint32(b[23:], 9) // its last offset is 109
	b[behindHeader+8+3] = 2 * 2           // the second record is the third
	p := Partition{Topic: name, next: 100}
	chunk, err := p.read(t.Context(), &responsePartition{RecordSet: recordSet{&memory{sent: signed(b)}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Gap{{Topic: name, From: 101, To: 102, Inside: true}, {Topic: name, From: 103, To: 110, Inside: true}}
	if diff := cmp.Diff(want, chunk.Gaps); diff != "" || len(chunk.Records) != 2 || p.Next() != 110 {
		t.Errorf("%d records, next %d: %s", len(chunk.Records), p.Next(), diff)
	}
}

func FuzzBatches(f *testing.F) {
	for compression := range protocol.Attributes(5) {
		f.Add(written(f, compression, protocol.Record{Time: start, Key: protocol.NewBytes([]byte("key")), Value: protocol.NewBytes(bytes.Repeat([]byte("value "), 30))}))
	}
	f.Fuzz(func(_ *testing.T, sent []byte) {
		if len(sent) >= behindHeader {
			_, _ = readBatches(signed(bytes.Clone(sent)))
		}
		_, _ = readBatches(sent)
	})
}
