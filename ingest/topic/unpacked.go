package topic

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/compress"
)

// A few packed kilobytes can be gigabytes, of many records or of one. So a chunk has
// a budget for what is unpacked. A batch that has more in it than fits is opened, and
// read record by record over as many chunks as it takes, each of them held by itself;
// and of a key or value that no message has, the beginning is held alone.
const (
	LongestWhole = 2 << 20  // bytes of a key or value that is held whole wherever it stands
	Beginning    = 64 << 10 // bytes held of one that is longer
)

// Cut says what a record has of which Key or Value is the beginning alone.
type Cut struct {
	Key, Value int64    // bytes
	SHA256     [32]byte // of the whole value
}

// opened is a packed batch that is being read.
type opened struct {
	recordBatch
	kind   Kind
	packed *stream
	reader *bufio.Reader
}

// stream counts what is read of it, and fails once ended does.
type stream struct {
	io.ReadCloser
	ended func() error
	read  int64
}

func (s *stream) Read(b []byte) (int, error) {
	if err := s.ended(); err != nil {
		return 0, err
	}
	n, err := s.ReadCloser.Read(b)
	s.read += int64(n)
	return n, err
}

// open begins to read a packed batch, in memory of its own.
func (b *recordBatch) open(kind Kind) (*opened, error) {
	r, err := b.unpacked(bytes.Clone(b.records))
	if err != nil {
		return nil, err
	}
	packed := &stream{ReadCloser: r}
	o := &opened{recordBatch: *b, kind: kind, packed: packed, reader: bufio.NewReaderSize(packed, 64<<10)}
	o.records = nil
	return o, nil
}

func (b *recordBatch) unpacked(packed []byte) (io.ReadCloser, error) {
	codec := b.attributes.Compression().Codec()
	if codec == nil {
		return nil, fmt.Errorf("batch of offset %d: unknown compression %d", b.base, b.attributes.Compression())
	}
	return codec.NewReader(bytes.NewReader(packed)), nil
}

// unpack replaces packed records by what they are, if the memory then holds no more
// than most bytes.
func (b *recordBatch) unpack(m *memory, most int) (fits bool, err error) {
	if b.attributes.Compression() == compress.None {
		return true, nil
	}
	records := max(b.count, 0) * recordSize
	if most -= m.held + records; most < 0 {
		return false, nil
	}
	r, err := b.unpacked(b.records)
	if err != nil {
		return false, err
	}
	if m.used == len(m.unpacked) {
		m.unpacked = append(m.unpacked, nil)
	}
	buf := bytes.NewBuffer(m.unpacked[m.used][:0])
	_, err = buf.ReadFrom(io.LimitReader(r, int64(most)+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return false, fmt.Errorf("batch of offset %d: unpack: %w", b.base, err)
	}
	if buf.Len() > most {
		return false, nil
	}
	m.unpacked[m.used], b.records = buf.Bytes(), buf.Bytes()
	m.used++
	m.held += buf.Len() + records
	return true, nil
}

// next reads a record and what its key and value hold in memory, in bytes. They are
// left out if it stands before an offset.
func (o *opened) next(from int64) (r Record, held int, err error) {
	o.count--
	size, err := binary.ReadVarint(o.reader)
	if err == nil && size < 1 {
		err = errors.New("it has no length")
	}
	if err == nil {
		r, held, err = o.read(&frame{o.reader, size}, from)
	}
	if err != nil {
		return Record{}, 0, fmt.Errorf("batch of offset %d: a record that does not end: %w", o.base, err)
	}
	return r, held, nil
}

func (o *opened) read(f *frame, from int64) (r Record, held int, err error) {
	if _, err := f.ReadByte(); err != nil { // its attributes, of which there are none
		return r, 0, err
	}
	stamp, errStamp := binary.ReadVarint(f)
	offset, errOffset := binary.ReadVarint(f)
	if err := errors.Join(errStamp, errOffset); err != nil {
		return r, 0, err
	}
	r = o.record(offset, stamp)
	r.Kind = o.kind
	if r.Offset < from {
		return r, 0, f.discard()
	}
	var cut Cut
	if r.Key, cut.Key, _, err = f.field(); err != nil {
		return r, 0, err
	}
	if r.Value, cut.Value, cut.SHA256, err = f.field(); err != nil {
		return r, 0, err
	}
	if held = len(r.Key) + len(r.Value); int64(held) < cut.Key+cut.Value {
		if int64(len(r.Value)) == cut.Value {
			cut.SHA256 = sha256.Sum256(r.Value)
		}
		r.Cut = &cut
	}
	return r, held, f.discard() // its headers
}

// frame is a record's bytes.
type frame struct {
	*bufio.Reader
	left int64
}

// ReadByte fails behind the record's end.
func (f *frame) ReadByte() (byte, error) {
	if f.left--; f.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return f.Reader.ReadByte()
}

// discard passes over what is left of the record.
func (f *frame) discard() error {
	_, err := io.CopyN(io.Discard, f.Reader, f.left)
	return err
}

// field reads the bytes behind their length, nil if that is below 0. Of very many it
// holds the beginning.
func (f *frame) field() (content []byte, size int64, sum [sha256.Size]byte, err error) {
	size, err = binary.ReadVarint(f)
	switch {
	case err != nil:
		return nil, 0, sum, err
	case size < 0:
		return nil, 0, sum, nil
	case size > f.left:
		return nil, 0, sum, io.ErrUnexpectedEOF
	}
	f.left -= size
	held := size
	if size > LongestWhole {
		held = Beginning
	}
	content = make([]byte, held)
	if _, err := io.ReadFull(f.Reader, content); err != nil || held == size {
		return content, size, sum, err
	}
	h := sha256.New()
	h.Write(content)
	if _, err := io.CopyN(h, f.Reader, size-held); err != nil {
		return nil, 0, sum, err
	}
	return content, size, [sha256.Size]byte(h.Sum(nil)), nil
}
