package event

import (
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Schema returns the JSON Schema (2020-12) of a whole message of eventType, nil
// for a type that is not in Types. It is written from the plans that Decode
// walks; the files in schemas/ are these bytes.
//
// A schema cannot say everything: what compares two values, what hangs on the
// time of recording, duplicate names and bad UTF-8 are the decoder's alone.
// Formats are to be asserted.
func Schema(eventType string) []byte {
	s, ok := registry[eventType]
	if !ok {
		return nil
	}
	message := objectSchema(envelopePlan)
	properties := message.get("properties").(*object)
	properties.set("type", list{{"const", s.name}}.object())
	properties.set("dataschema", list{{"const", s.schemaURI}}.object())
	properties.set("data", objectSchema(s.plan))
	if s.corrected {
		properties.set("correctsid", list{{"type", "string"}, {"minLength", 1}, {"maxLength", envelopePlan.byName["correctsid"].length}}.object())
		message.set("required", append(message.get("required").([]string), "correctsid"))
	} else {
		properties.set("correctsid", list{{"enum", []any{nil, ""}}}.object())
	}
	root := list{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", s.schemaURI},
		{"title", s.name},
		{"description", "A message of the topic " + s.topic + ": CloudEvents 1.0, structured JSON."},
	}
	root = append(root, message.members...)
	root = append(root,
		member{"propertyNames", list{{"pattern", "^[a-z0-9]+$"}}.object()},
		member{"additionalProperties", list{{"type", []string{"string", "number", "boolean", "null"}}}.object()},
	)
	text, err := json.Marshal(root.object(), jsontext.Multiline(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil // an object of strings, numbers and lists always encodes
	}
	return append(text, '\n')
}

// object is a JSON object that keeps the order of its members.
type object struct{ members list }

type list []member

type member struct {
	name  string
	value any
}

func (l list) object() *object { return &object{members: l} }

func (o *object) get(name string) any {
	for _, m := range o.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o *object) set(name string, value any) {
	for i, m := range o.members {
		if m.name == name {
			o.members[i].value = value
			return
		}
	}
	o.members = append(o.members, member{name, value})
}

// MarshalJSONTo writes the members in their order.
func (o *object) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o.members {
		if err := enc.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, m.value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func objectSchema(p *plan) *object {
	properties, required, rules := &object{}, []string{}, []any{}
	for _, f := range p.fields {
		properties.set(f.name, fieldSchema(f))
		if f.required {
			required = append(required, f.name)
		}
	}
	o := list{{"type", "object"}, {"properties", properties}, {"required", required}}.object()
	for _, r := range p.relations {
		rules = append(rules, relationSchema(p, r))
	}
	if len(rules) > 0 {
		o.set("allOf", rules)
	}
	return o
}

func fieldSchema(f *field) *object {
	o := &object{}
	typed := func(name string) {
		if f.required {
			o.set("type", name)
		} else {
			o.set("type", []string{name, "null"})
		}
	}
	switch f.kind {
	case kindText, kindEnum:
		typed("string")
		if f.required {
			o.set("minLength", 1)
		}
		textSchema(o, f)
	case kindBool:
		typed("boolean")
	case kindInt:
		typed("integer")
		o.set("minimum", f.min)
		o.set("maximum", f.max)
	case kindNumber:
		typed("number")
		if f.above {
			o.set("exclusiveMinimum", f.least)
		} else if !math.IsInf(f.least, -1) {
			o.set("minimum", f.least)
		}
		if !math.IsInf(f.most, 1) {
			o.set("maximum", f.most)
		}
	case kindInstant:
		typed("string")
		o.set("format", "date-time")
		if !f.happened {
			o.set("description", fmt.Sprintf("Between the years %d and %d.", firstYear, lastYear-1))
		}
	case kindObject, kindRaw:
		if f.sub != nil {
			o = objectSchema(f.sub)
		}
		typed("object")
	case kindTexts, kindEnums:
		typed("array")
		items := list{{"type", "string"}, {"minLength", 1}}.object()
		textSchema(items, f)
		o.set("items", items)
	case kindObjects:
		typed("array")
		o.set("items", objectSchema(f.sub))
	}
	if f.nonempty {
		o.set("minItems", 1)
	}
	return o
}

func textSchema(o *object, f *field) {
	o.set("maxLength", f.length)
	if f.words != nil {
		o.set("examples", f.words)
		o.set("description", "A word that is not among the examples is kept, counted and treated as "+Other+".")
	}
	if f.form == nil {
		return
	}
	if !f.required { // "" is as good as absent
		o.set("pattern", "^$|"+f.form.pattern)
		return
	}
	o.set("pattern", f.form.pattern)
	if f.form.format != "" {
		o.set("format", f.form.format)
	}
}

// says is a schema that holds when the member is there and says something.
func says(f *field) *object {
	value := list{{"not", list{{"enum", []any{nil, ""}}}.object()}}.object()
	if f.kind == kindTexts || f.kind == kindEnums || f.kind == kindObjects {
		value = list{{"type", "array"}, {"minItems", 1}}.object()
	}
	return list{{"required", []string{f.name}}, {"properties", list{{f.name, value}}.object()}}.object()
}

func relationSchema(p *plan, r relation) *object {
	said := make([]any, len(r.names))
	for i, name := range r.names {
		said[i] = says(p.byName[name])
	}
	switch r.op {
	case opOneOf:
		return list{{"anyOf", said}}.object()
	case opNotBoth:
		return list{{"not", list{{"allOf", said}}.object()}}.object()
	case opBelow:
		return comment("%s must be below %s", r)
	case opNotAbove:
		return comment("%s must not be above %s", r)
	}
	return comment("%s must differ from %s", r)
}

func comment(format string, r relation) *object {
	return list{{"$comment", fmt.Sprintf(format, r.names[0], r.names[1])}}.object()
}
