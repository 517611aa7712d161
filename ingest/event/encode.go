package event

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// EncodeData writes a payload struct, or a map by sorted names, as compact JSON.
// Equal payloads give equal bytes. Fields that report nothing are left out.
func EncodeData(payload any) ([]byte, error) {
	data, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode data: %w", err)
	}
	return data, nil
}

// Marshal writes e as one CloudEvents message; the same event always gives the
// same bytes: attributes in a fixed order, instants in the zone they carry, Data
// without white space. DataSchema may be left empty: it follows from Type. Hash
// is not looked at. Marshal knows the envelope only; whether the message keeps
// the contract is for Decode to say.
func Marshal(e Event) ([]byte, error) {
	s, ok := registry[e.Type]
	if !ok {
		return nil, fmt.Errorf("marshal event: no event type %q", e.Type)
	}
	if e.DataSchema == "" {
		e.DataSchema = s.schemaURI
	}
	var b bytes.Buffer
	enc := jsontext.NewEncoder(&b, jsontext.PreserveRawStrings(true))
	w := attributeWriter{enc: enc}
	w.token(jsontext.BeginObject)
	w.text("specversion", "1.0")
	w.text("id", e.ID)
	w.text("source", e.Source)
	w.text("type", e.Type)
	w.text("subject", e.Subject)
	w.instant("time", e.Time)
	w.text("datacontenttype", "application/json")
	w.text("dataschema", e.DataSchema)
	w.text("sequence", e.Sequence)
	w.instant("recordedtime", e.Recorded)
	if e.Test {
		w.token(jsontext.String("test"))
		w.token(jsontext.True)
	}
	w.text("correctsid", e.CorrectsID)
	w.token(jsontext.String("data"))
	w.errs = append(w.errs, enc.WriteValue(e.Data))
	w.token(jsontext.EndObject)
	if err := errors.Join(w.errs...); err != nil {
		return nil, fmt.Errorf("marshal event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// attributeWriter leaves out what is empty.
type attributeWriter struct {
	enc  *jsontext.Encoder
	errs []error
}

func (w *attributeWriter) token(t jsontext.Token) { w.errs = append(w.errs, w.enc.WriteToken(t)) }

func (w *attributeWriter) text(name, value string) {
	if value == "" {
		return
	}
	w.token(jsontext.String(name))
	w.token(jsontext.String(value))
}

func (w *attributeWriter) instant(name string, t time.Time) {
	if !t.IsZero() {
		w.text(name, t.Format(time.RFC3339Nano))
	}
}

// Merge lays the members of patch, the data of a correction, over data, the data
// of its target: a member of data is replaced in its place, null takes it away,
// new ones follow in their order. Members are replaced whole, not merged. data
// is not changed.
func Merge(data, patch []byte) ([]byte, error) {
	target, err := members(data)
	if err != nil {
		return nil, fmt.Errorf("merge: data: %w", err)
	}
	over, err := members(patch)
	if err != nil {
		return nil, fmt.Errorf("merge: patch: %w", err)
	}
	at := make(map[string]int, len(target)+len(over))
	for i, m := range target {
		at[m.key] = i
	}
	for _, m := range over {
		i, known := at[m.key]
		if known {
			target[i].value = m.value
			continue
		}
		at[m.key] = len(target)
		target = append(target, m)
	}
	removed := make(map[string]bool, len(over))
	for _, m := range over {
		removed[m.key] = string(m.value) == "null"
	}
	out := make([]byte, 0, len(data)+len(patch))
	out = append(out, '{')
	for _, m := range target {
		if removed[m.key] {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, m.name...), ':'), m.value...)
	}
	return append(out, '}'), nil
}

// rawMember is a member of an object: its name as written and as meant.
type rawMember struct {
	name, value []byte
	key         string
}

func members(object []byte) ([]rawMember, error) {
	var t tape
	if !utf8.Valid(object) || !t.read(object) || t.parts[0].kind != '{' {
		return nil, errors.New("not one JSON object")
	}
	var list []rawMember
	for i := int32(1); i < t.parts[0].next; i = t.parts[i].next {
		p := &t.parts[i]
		list = append(list, rawMember{name: object[p.nameStart-1 : p.nameEnd+1], value: t.appendCompact(nil, i), key: string(t.name(i))})
	}
	return list, nil
}
