package event

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxSize is the longest message in bytes.
	MaxSize = 1 << 20
	// MaxDepth is how deep objects and arrays may nest, the message being 1.
	MaxDepth = 32
	// Ahead is how far the time of an event may lie after Kafka recorded it:
	// clocks differ, but nobody reports what has not happened.
	Ahead = 10 * time.Minute
)

// DecoderVersion changes whenever a message that is accepted would be read, or
// refused, in another way than before.
const DecoderVersion = 1

// earliest bounds all instants, and so does latest, which is not included: real
// logs hold stamps of 1948.
var (
	earliest = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Decoder reads messages one after the other and reuses its memory. It is one
// goroutine's at a time; the zero value is ready.
type Decoder struct {
	walker walker
	hashed []byte // the canonical form, of which the hash is taken
	data   []byte
}

// Fields are an Event whose text is still bytes of the message or of the Decoder:
// they are good until its next Decode.
type Fields struct {
	Source, ID, Subject, Sequence, CorrectsID []byte
	Type, DataSchema                          string // the contract's own
	Time, Recorded                            time.Time
	Test                                      bool
	Data                                      []byte
	Hash                                      Hash
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// Decode reads one message. recordedAt is its Kafka timestamp, topic the topic
// it came from; "" leaves the topic unchecked. The error is always a *Reject.
// The event keeps no part of value.
//
// Members of the envelope and of data that the contract does not name are
// allowed; they stay in Data and count in Hash.
func Decode(value []byte, recordedAt time.Time, topic string) (*Event, error) {
	d := decoders.Get().(*Decoder)
	defer decoders.Put(d)
	f, err := d.Decode(value, recordedAt, topic)
	if err != nil {
		return nil, err
	}
	return &Event{
		Source: string(f.Source), ID: string(f.ID), Type: f.Type, Subject: string(f.Subject), Time: f.Time,
		Sequence: string(f.Sequence), Recorded: f.Recorded, Test: f.Test, CorrectsID: string(f.CorrectsID),
		DataSchema: f.DataSchema, Data: bytes.Clone(f.Data), Hash: f.Hash,
	}, nil
}

// Decode is the function Decode for those who read many messages and copy what
// they need at once.
func (d *Decoder) Decode(value []byte, recordedAt time.Time, topic string) (Fields, error) {
	switch {
	case len(value) == 0:
		return Fields{}, &Reject{CodeEmpty, "the message has no bytes"}
	case len(value) > MaxSize:
		return Fields{}, Oversize(int64(len(value)))
	case !utf8.Valid(value):
		return Fields{}, &Reject{CodeUTF8, fmt.Sprintf("byte %d is not UTF-8", invalidAt(value))}
	}
	w := &d.walker
	if !w.read(value) {
		return Fields{}, diagnose(value)
	}
	w.faults, w.strict, w.recordedAt, w.path = faults{}, true, recordedAt, w.path[:0]
	f := d.envelope(topic)
	if w.faults.first != nil {
		return Fields{}, w.faults.first
	}
	if !d.hash(&f) {
		return Fields{}, diagnose(value)
	}
	return f, nil
}

func (d *Decoder) hash(f *Fields) bool {
	var err error
	if d.hashed, err = d.walker.appendCanonical(d.hashed[:0], 0); err != nil {
		return false
	}
	sum := sha256.Sum256(d.hashed)
	f.Hash = Hash(sum[:len(Hash{})])
	return true
}

func invalidAt(value []byte) int {
	for i := 0; i < len(value); {
		r, n := utf8.DecodeRune(value[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(value)
}

// diagnose names the first fault of a message whose JSON is not acceptable, in
// the order of the codes: each reading allows less than the one before.
func diagnose(value []byte) *Reject {
	lax := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	first, end, err := readValue(value, lax...)
	if err != nil {
		var s *jsontext.SyntacticError
		if errors.As(err, &s) && deepest(value[:min(s.ByteOffset+1, int64(len(value)))]) >= libraryDepth {
			return tooDeep()
		}
		return &Reject{CodeJSON, explain(value, err)}
	}
	if deepest(first) > MaxDepth {
		return tooDeep()
	}
	if _, _, err := readValue(first, jsontext.AllowDuplicateNames(true)); err != nil {
		return &Reject{CodeUTF8, explain(value, err)}
	}
	if _, _, err := readValue(first); err != nil {
		return &Reject{CodeDuplicateKey, explain(value, err)}
	}
	return &Reject{CodeTrailing, fmt.Sprintf("byte %d: more than one JSON value", end)}
}

// libraryDepth is where jsontext itself stops.
const libraryDepth = 10_000

func tooDeep() *Reject {
	return &Reject{CodeDepth, fmt.Sprintf("nested deeper than %d", MaxDepth)}
}

// readValue returns the first JSON value and the offset of what follows it.
func readValue(value []byte, options ...jsontext.Options) (first []byte, end int64, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(value), options...)
	v, err := d.ReadValue()
	if err != nil {
		return nil, 0, err
	}
	return v, d.InputOffset(), nil
}

// explain says where and why without quoting the message.
func explain(value []byte, err error) string {
	if len(value) >= 3 && value[0] == 0xEF && value[1] == 0xBB && value[2] == 0xBF {
		return "byte 0: a byte order mark is not JSON"
	}
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) {
		return "the end comes too early"
	}
	if s.JSONPointer != "" {
		return fmt.Sprintf("byte %d, at %s: %s", s.ByteOffset, shorten(ownPointer(string(s.JSONPointer))), shorten(unspoken(s.Err)))
	}
	return fmt.Sprintf("byte %d: %s", s.ByteOffset, shorten(unspoken(s.Err)))
}

// walker checks JSON against plans. It fills payloads where it is given one.
type walker struct {
	tape
	faults      faults
	strict      bool // also missing, range and the relations; else only types
	recordedAt  time.Time
	lastInstant time.Time // that value has read
	path        []step
	fields      []*field // of the members of objects without a known layout, a stack
	words       []Word
}

// step is one part of the pointer to where the walker is.
type step struct {
	name  string
	index int // of an element, if name is ""
}

func (w *walker) pointer() string {
	var b strings.Builder
	for _, s := range w.path {
		b.WriteByte('/')
		if s.name == "" {
			fmt.Fprint(&b, s.index)
			continue
		}
		b.WriteString(escapePointer.Replace(s.name))
	}
	return b.String()
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// fault records a fault at the value the walker is at, or at one of its members.
func (w *walker) fault(code Code, member, format string, args ...any) {
	if !w.strict && code != CodeType {
		return
	}
	pointer := w.pointer()
	if member != "" {
		pointer += "/" + escapePointer.Replace(member)
	}
	w.faults.add(code, pointer, format, args...)
}

func (w *walker) wrongType(i int32, needs string) {
	w.fault(CodeType, "", "is %s, %s is needed", w.kindOf(i), needs)
}

// envelope is the message: the attributes of CloudEvents 1.0 that the contract
// knows, and data. Other attributes are extensions, which are kept unread.
type envelope struct {
	SpecVersion     string         `json:"specversion" rule:"required,form=specversion"`
	ID              string         `json:"id" rule:"required,max=256"`
	Source          string         `json:"source" rule:"required,form=uri_reference"`
	Type            string         `json:"type" rule:"required,max=128"`
	Subject         string         `json:"subject" rule:"required,max=128"`
	Time            time.Time      `json:"time" rule:"required,happened"`
	DataContentType string         `json:"datacontenttype" rule:"form=json_content"`
	DataSchema      string         `json:"dataschema" rule:"required,max=256"`
	Sequence        string         `json:"sequence"`
	RecordedTime    time.Time      `json:"recordedtime"`
	Test            bool           `json:"test"`
	CorrectsID      string         `json:"correctsid" rule:"max=256"`
	Data            jsontext.Value `json:"data" rule:"required"`
}

// Places of the attributes in envelope.
const (
	attributeID         = 1
	attributeSource     = 2
	attributeType       = 3
	attributeSubject    = 4
	attributeTime       = 5
	attributeDataSchema = 7
	attributeSequence   = 8
	attributeRecorded   = 9
	attributeTest       = 10
	attributeCorrectsID = 11
	attributeData       = 12
)

// envelope reads the attributes and checks data by the type they name.
func (d *Decoder) envelope(topic string) Fields {
	w := &d.walker
	if w.parts[0].kind != '{' {
		w.faults.add(CodeType, "", "the message is %s, an object is needed", w.kindOf(0))
		return Fields{}
	}
	var found [maxAttributes]attribute
	w.object(0, envelopePlan, reflect.Value{}, &found)
	text := func(attribute int) []byte {
		if i := found[attribute].part; i > 0 && w.parts[i].kind == '"' {
			return w.content(i)
		}
		return nil
	}
	name := text(attributeType)
	spec, known := registry[string(name)]
	if !known {
		if len(name) > 0 {
			w.fault(CodeUnknownType, "type", "%s is no event type of this version", ownType(string(name)))
		}
		return Fields{}
	}
	if schema := text(attributeDataSchema); len(schema) > 0 && string(schema) != spec.schemaURI {
		w.fault(CodeRange, "dataschema", "must be %s", spec.schemaURI)
	}
	if topic != "" && topic != spec.topic {
		w.fault(CodeWrongTopic, "type", "%s belongs on %s, not on %s", spec.name, spec.topic, topic)
	}
	corrects := text(attributeCorrectsID)
	if spec.corrected && len(corrects) == 0 {
		w.fault(CodeMissing, "correctsid", "is required")
	}
	if !spec.corrected && len(corrects) > 0 {
		w.fault(CodeRange, "correctsid", "only *.corrected corrects another event")
	}
	data := found[attributeData].part
	if data == 0 || w.parts[data].kind != '{' {
		return Fields{}
	}
	w.path = append(w.path, step{name: "data"})
	w.object(data, spec.plan, reflect.Value{}, nil)
	w.path = w.path[:0]
	if w.faults.first != nil {
		return Fields{}
	}
	f := Fields{
		Source: text(attributeSource), ID: text(attributeID), Type: spec.name, Subject: text(attributeSubject),
		Sequence: text(attributeSequence), CorrectsID: corrects, DataSchema: spec.schemaURI,
		Time: found[attributeTime].instant, Recorded: found[attributeRecorded].instant,
	}
	if test := found[attributeTest].part; test > 0 {
		f.Test = w.parts[test].kind == 't'
	}
	if f.Data = w.raw(data); w.spaced {
		d.data = w.appendCompact(d.data[:0], data)
		f.Data = d.data
	}
	return f
}

// attribute is one of the envelope's: its part, 0 if it is not there, and what it
// means if it is an instant.
type attribute struct {
	part    int32
	instant time.Time
}

// extension checks an attribute that the contract does not name.
func (w *walker) extension(i int32) {
	name := w.name(i)
	if len(name) == 0 {
		w.faults.add(CodeRange, "/", "an attribute needs a name")
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			w.faults.add(CodeRange, "/"+notOurs, "attribute names have lower case letters and digits only")
			return
		}
	}
	if kind := w.parts[i].kind; kind == '{' || kind == '[' {
		w.faults.add(CodeType, "/"+notOurs, "an extension attribute is a string, a number or a boolean")
	}
}

func shorten(s string) string {
	const longest = 120
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// happened checks the time of an event.
func (w *walker) happened(t time.Time) {
	switch {
	case t.Before(earliest):
		w.fault(CodePast, "", "before 2000-01-01T00:00:00Z")
	case t.After(w.recordedAt.Add(Ahead)):
		w.fault(CodeFuture, "", "more than %s after the message was recorded at %s", Ahead, w.recordedAt.UTC().Format(time.RFC3339))
	}
}

// between checks an instant that is not the time of the event.
func (w *walker) between(t time.Time) {
	if t.Before(earliest) || !t.Before(latest) {
		w.fault(CodeRange, "", "not between the years %d and %d", firstYear, lastYear-1)
	}
}

// object checks an object against p: members and fields are both in the order of
// names. found, if there is one, is told where the fields of the envelope stand.
func (w *walker) object(object int32, p *plan, dst reflect.Value, found *[maxAttributes]attribute) {
	var there uint64
	var slots [maxSlots]slot
	base := len(w.path)
	members := w.sorted[w.parts[object].first:][:w.parts[object].count]
	unkept := len(w.fields)
	var fields []*field
	if l := w.parts[object].layout; l >= 0 {
		fields = w.fieldsOf(l, p, members)
	} else {
		w.fields = w.matched(p, members, w.fields)
		fields = w.fields[unkept:]
	}
	for n, i := range members {
		if w.parts[i].kind == 'n' {
			continue // as if it were absent
		}
		f := fields[n]
		if f == nil {
			if p.extensible {
				w.extension(i)
			}
			continue
		}
		w.path = append(w.path[:base], step{name: f.name})
		var at *slot
		if f.slot >= 0 {
			at = &slots[f.slot]
		}
		if w.value(i, f, dst, at) {
			there |= f.bit
		}
		if found != nil {
			found[f.index].part = i
			if f.kind == kindInstant {
				found[f.index].instant = w.lastInstant
			}
		}
	}
	w.path, w.fields = w.path[:base], w.fields[:unkept]
	if !w.strict {
		return
	}
	if lacking := p.required &^ there; lacking != 0 {
		for _, f := range p.fields {
			if lacking&f.bit != 0 {
				w.fault(CodeMissing, f.name, "is required")
			}
		}
	}
	for i := range p.relations {
		w.relation(&p.relations[i], there, &slots)
	}
}

// matched appends the field that each member is, nil if it is none.
func (w *walker) matched(p *plan, members []int32, out []*field) []*field {
	next := 0
	for _, i := range members {
		order := 1
		for ; next < len(p.byOrder); next++ {
			if order = compareUTF16(w.name(i), p.byOrder[next].name); order <= 0 {
				break
			}
		}
		if order != 0 {
			out = append(out, nil)
			continue
		}
		out = append(out, p.byOrder[next].field)
		next++
	}
	return out
}

func (w *walker) relation(r *relation, there uint64, slots *[maxSlots]slot) {
	a, b := slots[r.slots[0]], slots[r.slots[1]]
	all := there&r.bits == r.bits
	switch {
	case r.op == opOneOf && there&r.bits == 0:
		w.fault(CodeMissing, r.names[0], "one of %s is required", strings.Join(r.names, ", "))
	case r.op == opNotBoth && all:
		w.fault(CodeRange, r.names[1], "either %s or %s, not both", r.names[0], r.names[1])
	case r.op == opBelow && all && !(a.number < b.number):
		w.fault(CodeRange, r.names[1], "must be above %s", r.names[0])
	case r.op == opNotAbove && all && !(a.number <= b.number):
		w.fault(CodeRange, r.names[0], "must not be above %s", r.names[1])
	case r.op == opDiffer && all && string(a.raw) == string(b.raw):
		w.fault(CodeRange, r.names[1], "must differ from %s", r.names[0])
	}
}

// value checks one member and puts it into dst, if there is a dst, and into at,
// if a relation asks for it. It reports whether the member says anything: ""
// does not, and an array without elements only where it is required. What has
// the wrong type counts as said, so that it is not called missing as well.
func (w *walker) value(i int32, f *field, dst reflect.Value, at *slot) bool {
	switch f.kind {
	case kindText, kindEnum:
		content, ok := w.limited(i, f.length)
		if !ok || len(content) == 0 {
			return !ok
		}
		if at != nil {
			at.raw = content
		}
		if f.form != nil {
			order, form := f.form.check(content)
			w.written(form, f.form.says)
			if at != nil {
				at.number = order
			}
		}
		if !dst.IsValid() {
			return true
		}
		if f.kind == kindEnum {
			dst.Field(f.index).SetString(w.word(content, f, dst))
			return true
		}
		if f.form == forms["hash"] {
			content = lower(content)
		}
		dst.Field(f.index).SetString(string(content))
	case kindBool:
		b := w.boolean(i)
		if dst.IsValid() {
			settable(dst.Field(f.index), f).SetBool(b)
		}
	case kindInt:
		n, ok := w.integer(i, f)
		if !ok {
			return true
		}
		if at != nil {
			at.number = float64(n)
		}
		if dst.IsValid() {
			settable(dst.Field(f.index), f).SetInt(n)
		}
	case kindNumber:
		n, ok := w.float(i, f)
		if !ok {
			return true
		}
		if at != nil {
			at.number = n
		}
		if dst.IsValid() {
			settable(dst.Field(f.index), f).SetFloat(n)
		}
	case kindInstant:
		t, ok := w.instant(i)
		if w.lastInstant = t; !ok {
			return true
		}
		if f.happened {
			w.happened(t)
		} else {
			w.between(t)
		}
		if at != nil {
			at.number = float64(t.UnixMicro())
		}
		if dst.IsValid() {
			settable(dst.Field(f.index), f).Set(reflect.ValueOf(t))
		}
	case kindObject:
		if w.parts[i].kind != '{' {
			w.wrongType(i, "an object")
			return true
		}
		if dst.IsValid() {
			w.object(i, f.sub, settable(dst.Field(f.index), f), nil)
		} else {
			w.object(i, f.sub, reflect.Value{}, nil)
		}
	case kindRaw:
		if w.parts[i].kind != '{' {
			w.wrongType(i, "an object")
			return true
		}
		if w.strict && f.sub != nil {
			w.object(i, f.sub, reflect.Value{}, nil)
		}
		if dst.IsValid() {
			dst.Field(f.index).SetBytes(bytes.Clone(w.raw(i)))
		}
	case kindTexts, kindEnums, kindObjects:
		return w.array(i, f, dst) || f.required
	}
	return true
}

// array reports whether there are elements, or something that is no array.
func (w *walker) array(array int32, f *field, dst reflect.Value) bool {
	if w.parts[array].kind != '[' {
		w.wrongType(array, "an array")
		return true
	}
	var texts []string
	var objects reflect.Value
	if dst.IsValid() && f.kind == kindObjects {
		objects = reflect.MakeSlice(dst.Field(f.index).Type(), 0, 4)
	}
	base := len(w.path)
	n := 0
	for i := array + 1; i < w.parts[array].next; i, n = w.parts[i].next, n+1 {
		w.path = append(w.path[:base], step{index: n})
		if f.kind == kindObjects {
			objects = w.part(i, f, objects)
			continue
		}
		content, ok := w.limited(i, f.length)
		if !ok {
			continue
		}
		if len(content) == 0 {
			w.fault(CodeRange, "", "is empty")
		}
		switch {
		case !dst.IsValid():
		case f.kind == kindEnums:
			texts = append(texts, w.word(content, f, reflect.Value{}))
		default:
			texts = append(texts, string(content))
		}
	}
	w.path = w.path[:base]
	if n == 0 && f.nonempty {
		w.fault(CodeRange, "", "needs one element at least")
	}
	if dst.IsValid() {
		if f.kind == kindObjects {
			dst.Field(f.index).Set(objects)
		} else {
			dst.Field(f.index).Set(reflect.ValueOf(texts))
		}
	}
	return n > 0
}

// part checks an element that is an object and appends it to objects, if valid.
func (w *walker) part(i int32, f *field, objects reflect.Value) reflect.Value {
	if w.parts[i].kind != '{' {
		w.wrongType(i, "an object")
		return objects
	}
	if !objects.IsValid() {
		w.object(i, f.sub, reflect.Value{}, nil)
		return objects
	}
	objects = reflect.Append(objects, reflect.Zero(f.sub.typ))
	w.object(i, f.sub, objects.Index(objects.Len()-1), nil)
	return objects
}

// settable returns the value to set, making what a pointer field points to.
func settable(v reflect.Value, f *field) reflect.Value {
	if !f.pointer {
		return v
	}
	v.Set(reflect.New(v.Type().Elem()))
	return v.Elem()
}

// word gives the payload's word for an enum: the known one, or Other.
func (w *walker) word(content []byte, f *field, dst reflect.Value) string {
	for _, known := range f.words {
		if known == string(content) {
			return known
		}
	}
	if string(content) == Other {
		return Other
	}
	word := string(content)
	w.words = append(w.words, Word{Pointer: w.pointer(), Word: word})
	if dst.IsValid() && f.source >= 0 {
		if own := dst.Field(f.source); own.Len() == 0 {
			own.SetString(word)
		}
	}
	return Other
}

// limited is the content of a string of at most so many characters.
func (w *walker) limited(i int32, longest int) ([]byte, bool) {
	if w.parts[i].kind != '"' {
		w.wrongType(i, "a string")
		return nil, false
	}
	content := w.content(i)
	if len(content) > longest {
		if n := utf8.RuneCount(content); n > longest {
			w.fault(CodeRange, "", "has %d characters, at most %d are read", n, longest)
		}
	}
	return content, true
}

func (w *walker) boolean(i int32) bool {
	switch w.parts[i].kind {
	case 't':
		return true
	case 'f':
	default:
		w.wrongType(i, "a boolean")
	}
	return false
}

func (w *walker) instant(i int32) (time.Time, bool) {
	if w.parts[i].kind != '"' {
		w.wrongType(i, "an RFC 3339 instant with its offset")
		return time.Time{}, false
	}
	t, form := parseInstant(w.content(i))
	w.written(form, "an RFC 3339 instant with its offset")
	return t, form == wellWritten
}

func (w *walker) written(form written, needs string) {
	switch {
	case form == wellWritten:
	case form == withoutShift && w.strict:
		w.fault(CodeNoOffset, "", "has no offset from UTC (Z or +08:00)")
	case form == notReal && w.strict:
		w.fault(CodeRange, "", "is not %s", needs)
	default:
		w.fault(CodeType, "", "is not %s", needs)
	}
}

func lower(s []byte) []byte {
	out := slices.Clone(s)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c | 0x20
		}
	}
	return out
}

// DecodeData reads the data of a stored event, or of one with its corrections
// merged, into the payload of its type, such as *CaseAccepted. It does not judge
// again what Decode let in: a member that is absent is zero, a value out of
// range stays, a member the contract does not name is passed over. Only JSON of
// the wrong type, or an unknown event type, is an error.
//
// The payload keeps no part of data. It has enums in known words or Other, instants in UTC to the
// microsecond, customer_hash in lower case; "", nil and an empty list mean "not
// reported".
func DecodeData(eventType string, data []byte) (any, error) {
	s, ok := registry[eventType]
	if !ok {
		return nil, fmt.Errorf("decode data: no event type %q", eventType)
	}
	d := decoders.Get().(*Decoder)
	defer decoders.Put(d)
	w := &d.walker
	if !utf8.Valid(data) || !w.read(data) || w.parts[0].kind != '{' {
		return nil, fmt.Errorf("decode data of %s: not one JSON object", eventType)
	}
	w.faults, w.strict, w.recordedAt, w.path, w.words = faults{}, false, time.Time{}, w.path[:0], nil
	payload := reflect.New(s.plan.typ)
	w.object(0, s.plan, payload.Elem(), nil)
	if w.faults.first != nil {
		return nil, fmt.Errorf("decode data of %s: %w", eventType, w.faults.first)
	}
	if w.words != nil {
		payload.Elem().FieldByName("Unknown").Set(reflect.ValueOf(Unknown{Words: w.words}))
	}
	if s.derives {
		payload.Interface().(deriver).derive()
	}
	return payload.Interface(), nil
}
