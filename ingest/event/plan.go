package event

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A plan is what the struct of a payload says about its JSON: the decoder walks
// it and the published schema is written from it, so they cannot differ.
//
// The json tag gives a field its name. The rule tag holds, parted by commas:
//
//	required   absent, null and "" are faults
//	enum=NAME  a word of enums; an unknown one becomes Other
//	form=NAME  a written form of forms
//	min=N max=N above=N  bounds of a number; max is a length for text
//	signed     a whole number that may be negative
//	nonempty   an array with one element at least
//	happened   an instant judged as the time of an event: past, future
//
// Text is at most 64 characters long unless max says otherwise, whole numbers
// are 0 or more unless min or signed do.
type plan struct {
	fields    []*field
	byName    map[string]*field
	byOrder   []orderedField // as the members of an object are
	required  uint64         // a bit for each required field
	relations []relation
	typ       reflect.Type

	extensible bool // the envelope: members it does not know are attributes
}

// orderedField is a field in the order of names.
type orderedField struct {
	name  []byte
	field *field
}

type kind uint8

const (
	kindText    kind = iota // string
	kindEnum                // string
	kindBool                // bool
	kindInt                 // int64
	kindNumber              // float64
	kindInstant             // time.Time
	kindObject              // struct
	kindTexts               // []string
	kindEnums               // []string
	kindObjects             // []struct
	kindRaw                 // jsontext.Value: an object, kept as received
)

type field struct {
	name     string
	index    int // of the Go field
	source   int // of the Go field for the source's own word; -1 without one
	bit      uint64
	kind     kind
	pointer  bool // the Go field is a pointer
	required bool
	nonempty bool
	happened bool
	words    []string
	form     *form
	length   int // longest text, in characters
	min, max int64
	least    float64 // smallest number
	most     float64 // largest number
	above    bool    // least itself is not allowed
	slot     int     // where relations find the value; -1 if none asks
	sub      *plan
}

const (
	maxText   = 64
	maxWord   = 256 // an enum word, and the source's own words
	firstYear = 2000
	lastYear  = 2100 // not included
)

// form is a written form of text that has a meaning.
type form struct {
	name    string
	pattern string // regular expression of the schema
	format  string // format of the schema, if there is one
	check   func([]byte) (order float64, w written)
	says    string // what is wrong, after "is "
}

var forms = map[string]*form{
	"date":          {name: "date", pattern: `^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$`, format: "date", check: checkDate, says: "a day YYYY-MM-DD between 1900 and 2099"},
	"month":         {name: "month", pattern: `^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$`, check: checkMonth, says: "a month YYYY-MM between 1900 and 2099"},
	"quarter":       {name: "quarter", pattern: `^(19|20)[0-9]{2}Q[1-4]$`, check: checkQuarter, says: "a quarter such as 2026Q1"},
	"hash":          {name: "hash", pattern: `^[0-9a-fA-F]{64}$`, check: checkHash, says: "an HMAC-SHA-256 in 64 hexadecimal digits"},
	"specversion":   {name: "specversion", pattern: `^1\.0$`, check: exactly("1.0"), says: "1.0"},
	"json_content":  {name: "json_content", pattern: `^application/json$`, check: exactly("application/json"), says: "application/json"},
	"uri_reference": {name: "uri_reference", pattern: `^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$`, check: checkURI, says: "a URI-reference: only the characters of RFC 3986"},
	"emsevt":        {name: "emsevt", pattern: `^[A-Z]{3}$`, check: checkEMSEVT, says: "a UPU event code of three capital letters"},
}

func checkDate(s []byte) (float64, written) {
	day, w := parseDay(s)
	if w != wellWritten {
		return 0, w
	}
	if century, _ := digits(s[:2]); century < 19 || century > 20 {
		return 0, notReal
	}
	return float64(day), w
}

func checkMonth(s []byte) (float64, written) {
	if len(s) != 7 {
		return 0, notWritten
	}
	return checkDate(append(slices.Clone(s), "-01"...))
}

func checkQuarter(s []byte) (float64, written) {
	if len(s) != 6 || s[4] != 'Q' || s[5] < '1' || s[5] > '4' {
		return 0, notReal
	}
	_, w := checkDate(append(slices.Clone(s[:4]), "-01-01"...))
	if w != wellWritten {
		return 0, notReal
	}
	return 0, wellWritten
}

func checkHash(s []byte) (float64, written) {
	for _, c := range s {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0, notReal
		}
	}
	if len(s) != 64 {
		return 0, notReal
	}
	return 0, wellWritten
}

func exactly(only string) func([]byte) (float64, written) {
	return func(s []byte) (float64, written) {
		if string(s) != only {
			return 0, notReal
		}
		return 0, wellWritten
	}
}

var uriCharacter = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/?#[]@!$&'()*+,;=%-") {
		set[c] = true
	}
	return set
}()

func checkURI(s []byte) (float64, written) {
	for _, c := range s {
		if !uriCharacter[c] {
			return 0, notReal
		}
	}
	return 0, wellWritten
}

func checkEMSEVT(s []byte) (float64, written) {
	if len(s) != 3 {
		return 0, notReal
	}
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return 0, notReal
		}
	}
	return 0, wellWritten
}

// A relation is a rule on several fields of one object. A field that is absent
// makes it hold, but for oneOf.
type relation struct {
	op    op
	names []string
	bits  uint64 // of the fields
	slots [2]int // of the first two fields, for relations on values
}

type op uint8

const (
	opOneOf    op = iota // at least one is there
	opNotBoth            // at most one is there
	opBelow              // first < second
	opNotAbove           // first <= second
	opDiffer             // first and second are different text
)

func oneOf(names ...string) relation  { return relation{op: opOneOf, names: names} }
func notBoth(a, b string) relation    { return relation{op: opNotBoth, names: []string{a, b}} }
func below(a, b string) relation      { return relation{op: opBelow, names: []string{a, b}} }
func notAbove(a, b string) relation   { return relation{op: opNotAbove, names: []string{a, b}} }
func differ(a, b string) relation     { return relation{op: opDiffer, names: []string{a, b}} }
func (r relation) comparesNums() bool { return r.op == opBelow || r.op == opNotAbove }

// related is implemented by payloads and their parts that have relations.
type related interface{ relations() []relation }

// maxSlots bounds the values that the relations of one object look at.
const maxSlots = 4

// maxAttributes is more than the envelope has fields.
const maxAttributes = 16

// slot holds a value for the relations: a number, an instant in microseconds or
// a day in number; text in raw.
type slot struct {
	number float64
	raw    []byte
}

var envelopePlan, errEnvelope = newEnvelopePlan()

func newEnvelopePlan() (*plan, error) {
	p, err := newPlan(reflect.TypeFor[envelope]())
	if err == nil {
		p.extensible = true
	}
	return p, err
}

// newPlan reads the tags of t. Its errors are mistakes in this package.
func newPlan(t reflect.Type) (*plan, error) {
	p := &plan{byName: map[string]*field{}, typ: t}
	var faults []error
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		f, err := newField(t.Field(i), name, i)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s.%s: %w", t.Name(), t.Field(i).Name, err))
			continue
		}
		p.add(f)
	}
	for _, f := range p.fields {
		if f.kind != kindEnum {
			continue
		}
		source, ok := p.byName[f.name+"_source"]
		if !ok || source.kind != kindText || source.pointer {
			faults = append(faults, fmt.Errorf("%s: enum %s has no field for the source's own word", t.Name(), f.name))
			continue
		}
		f.source = source.index
	}
	if r, ok := reflect.New(t).Elem().Interface().(related); ok {
		faults = append(faults, p.relate(r.relations()))
	}
	if len(p.fields) > 64 {
		faults = append(faults, fmt.Errorf("%s: more than 64 fields", t.Name()))
	}
	return p, errors.Join(faults...)
}

func (p *plan) add(f *field) {
	f.bit = 1 << len(p.fields)
	if f.required {
		p.required |= f.bit
	}
	p.fields = append(p.fields, f)
	p.byName[f.name] = f
	o := orderedField{name: []byte(f.name), field: f}
	at, _ := slices.BinarySearchFunc(p.byOrder, o, func(a, b orderedField) int { return compareUTF16(a.name, b.name) })
	p.byOrder = slices.Insert(p.byOrder, at, o)
}

func newField(sf reflect.StructField, name string, index int) (*field, error) {
	f := &field{name: name, index: index, source: -1, slot: -1, length: maxText, max: math.MaxInt64, least: math.Inf(-1), most: math.Inf(1)}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		f.pointer = true
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		f.kind = kindInstant
	case t == reflect.TypeFor[jsontext.Value]():
		f.kind = kindRaw
	case t == reflect.TypeFor[[]string]():
		f.kind = kindTexts
	case t.Kind() == reflect.String:
		f.kind = kindText
	case t.Kind() == reflect.Bool:
		f.kind = kindBool
	case t.Kind() == reflect.Int64:
		f.kind = kindInt
	case t.Kind() == reflect.Float64:
		f.kind = kindNumber
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		f.kind = kindObject
		if t.Kind() == reflect.Slice {
			f.kind = kindObjects
			t = t.Elem()
		}
		sub, err := newPlan(t)
		if err != nil {
			return nil, err
		}
		f.sub = sub
	default:
		return nil, fmt.Errorf("no JSON form for Go type %s", sf.Type)
	}
	rules := sf.Tag.Get("rule")
	if rules == "" {
		return f, nil
	}
	for rule := range strings.SplitSeq(rules, ",") {
		key, value, _ := strings.Cut(rule, "=")
		if err := f.apply(key, value); err != nil {
			return nil, fmt.Errorf("rule %q: %w", rule, err)
		}
	}
	return f, nil
}

func (f *field) apply(key, value string) error {
	var err error
	switch key {
	case "required":
		f.required = true
	case "nonempty":
		f.nonempty = true
	case "happened":
		f.happened = true
	case "signed":
		f.min = math.MinInt64
	case "enum":
		words, ok := enums[value]
		if !ok {
			return errors.New("no such enum")
		}
		f.words, f.length = words, maxWord
		switch f.kind {
		case kindText:
			f.kind = kindEnum
		case kindTexts:
			f.kind = kindEnums
		default:
			return errors.New("not a string")
		}
	case "form":
		if f.form = forms[value]; f.form == nil || f.kind != kindText {
			return errors.New("no such form of text")
		}
		f.length = maxWord
	case "min":
		if f.kind == kindNumber {
			f.least, err = strconv.ParseFloat(value, 64)
			return err
		}
		f.min, err = strconv.ParseInt(value, 10, 64)
	case "above":
		f.above = true
		f.least, err = strconv.ParseFloat(value, 64)
	case "max":
		if f.kind == kindText || f.kind == kindTexts {
			f.length, err = strconv.Atoi(value)
			return err
		}
		if f.kind == kindNumber {
			f.most, err = strconv.ParseFloat(value, 64)
			return err
		}
		f.max, err = strconv.ParseInt(value, 10, 64)
	default:
		return errors.New("no such rule")
	}
	return err
}

// relate binds relations to fields and gives the compared ones their slots.
func (p *plan) relate(relations []relation) error {
	slots := 0
	for _, r := range relations {
		for i, name := range r.names {
			f, ok := p.byName[name]
			if !ok {
				return fmt.Errorf("%s: relation on %s, which is no field", p.typ.Name(), name)
			}
			r.bits |= f.bit
			if !r.comparesNums() && r.op != opDiffer {
				continue
			}
			if f.slot < 0 {
				f.slot = slots
				slots++
			}
			r.slots[i] = f.slot
		}
		p.relations = append(p.relations, r)
	}
	if slots > maxSlots {
		return fmt.Errorf("%s: relations compare more than %d fields", p.typ.Name(), maxSlots)
	}
	return nil
}

// union joins the plans of a family into the one that its corrections are
// checked with: every field by its name, none required, bounds the widest.
func union(plans []*plan) (*plan, error) {
	u := &plan{byName: map[string]*field{}}
	for _, p := range plans {
		for _, f := range p.fields {
			have, ok := u.byName[f.name]
			if !ok {
				c := *f
				c.required, c.slot, c.index, c.source = false, -1, -1, -1
				u.add(&c)
				continue
			}
			if err := have.widen(f); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", p.typ.Name(), f.name, err)
			}
		}
	}
	return u, nil
}

func (f *field) widen(g *field) error {
	textual := func(k kind) bool { return k == kindText || k == kindEnum }
	switch {
	case textual(f.kind) && textual(g.kind) && f.kind != g.kind:
		f.kind, f.words, f.form = kindText, nil, nil
	case (f.kind == kindTexts || f.kind == kindEnums) && (g.kind == kindTexts || g.kind == kindEnums):
		if f.kind != g.kind {
			f.kind, f.words = kindTexts, nil
		}
	case f.kind != g.kind || f.sub != nil && f.sub.typ != g.sub.typ:
		return errors.New("the family has two types of field under this name")
	}
	if f.form != g.form {
		f.form = nil
	}
	for _, word := range g.words {
		if f.words != nil && !slices.Contains(f.words, word) {
			f.words = append(slices.Clip(f.words), word)
		}
	}
	f.length = max(f.length, g.length)
	f.min, f.max = min(f.min, g.min), max(f.max, g.max)
	f.most = max(f.most, g.most)
	if g.least < f.least {
		f.least, f.above = g.least, g.above
	}
	f.nonempty = f.nonempty && g.nonempty
	return nil
}
