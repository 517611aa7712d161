package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// node is JSON with the order of its members, to write one document in many ways.
type node struct {
	members  []nodeMember // of an object
	elements []*node      // of an array
	scalar   string       // as written; "" for the others
	array    bool
}

type nodeMember struct {
	name  string
	value *node
}

func parseNode(t testing.TB, raw []byte) *node {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return nextNode(t, d)
}

func nextNode(t testing.TB, d *json.Decoder) *node {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		n := &node{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			n.members = append(n.members, nodeMember{name.(string), nextNode(t, d)})
		}
		_, _ = d.Token()
		return n
	case json.Delim('['):
		n := &node{array: true}
		for d.More() {
			n.elements = append(n.elements, nextNode(t, d))
		}
		_, _ = d.Token()
		return n
	}
	raw, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	return &node{scalar: string(raw)}
}

// write writes the node; with r, members in any order, white space anywhere and
// characters escaped at will.
func (n *node) write(b *bytes.Buffer, r *rand.Rand) {
	space := func() {
		if r != nil {
			b.WriteString([]string{"", "", " ", "\n", "\t\r\n  "}[r.IntN(5)])
		}
	}
	text := func(quoted string) {
		if r == nil || !strings.HasPrefix(quoted, `"`) {
			b.WriteString(quoted)
			return
		}
		var s string
		if err := json.Unmarshal([]byte(quoted), &s); err != nil {
			panic(err)
		}
		b.WriteByte('"')
		for _, c := range s {
			switch {
			case c < ' ' || c == '"' || c == '\\' || c < 0x10000 && r.IntN(8) == 0:
				fmt.Fprintf(b, `\u%04X`, c)
			default:
				b.WriteRune(c)
			}
		}
		b.WriteByte('"')
	}
	space()
	defer space()
	switch {
	case n.scalar != "":
		text(n.scalar)
	case n.array:
		b.WriteByte('[')
		for i, e := range n.elements {
			if i > 0 {
				b.WriteByte(',')
			}
			e.write(b, r)
		}
		b.WriteByte(']')
	default:
		order := make([]int, len(n.members))
		for i := range order {
			order[i] = i
		}
		if r != nil {
			order = r.Perm(len(n.members))
		}
		b.WriteByte('{')
		for i, at := range order {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			name, _ := json.Marshal(n.members[at].name)
			text(string(name))
			space()
			b.WriteByte(':')
			n.members[at].value.write(b, r)
		}
		b.WriteByte('}')
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func (n *node) bytes(r *rand.Rand) []byte {
	var b bytes.Buffer
	n.write(&b, r)
	return b.Bytes()
}

// TestWritingDoesNotMatter: the order of members, white space and escapes change
// neither the hash, nor the payload, nor which reason a bad message gets.
func TestWritingDoesNotMatter(t *testing.T) {
	for _, s := range samples(t) {
		if s.bad != "" && !slices.Contains([]Code{CodeMissing, CodeType, CodeRange, CodeUnknownType, CodeWrongTopic, CodeNoOffset, CodePast, CodeFuture}, s.bad) {
			continue // not JSON enough to be written anew
		}
		want, wantErr := Decode(s.content, recorded, s.topic())
		n := parseNode(t, s.content)
		for seed := range uint64(10) {
			value := n.bytes(seeded(seed))
			got, err := Decode(value, recorded, s.topic())
			if diff := cmp.Diff(wantErr, err); diff != "" {
				t.Fatalf("%s written as %s: %s", s.file, value, diff)
			}
			if err != nil {
				continue
			}
			if want.Hash != got.Hash {
				t.Fatalf("%s written as %s has another hash", s.file, value)
			}
			a, _ := DecodeData(want.Type, want.Data)
			b, _ := DecodeData(got.Type, got.Data)
			if diff := cmp.Diff(a, b, cmp.Comparer(sameWords), cmp.Comparer(sameJSON)); diff != "" {
				t.Fatalf("%s: %s", s.file, diff)
			}
		}
	}
}

// sameWords compares as sets: words are listed by the names of their members.
func sameWords(a, b []Word) bool {
	order := func(x, y Word) int { return strings.Compare(x.Pointer, y.Pointer) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return cmp.Equal(x, y)
}

// scalars lists the leaves of a document, those of unknown members too.
func (n *node) scalars() []*node {
	if n.scalar != "" {
		return []*node{n}
	}
	var list []*node
	for _, m := range n.members {
		list = append(list, m.value.scalars()...)
	}
	for _, e := range n.elements {
		list = append(list, e.scalars()...)
	}
	return list
}

// TestEveryValueIsInTheHash: changing any value anywhere changes the hash.
func TestEveryValueIsInTheHash(t *testing.T) {
	for _, s := range samples(t) {
		if s.bad != "" || s.file == "testdata/envelope/good-depth-32.json" {
			continue
		}
		n := parseNode(t, s.content)
		base, ok := hashOf(n.bytes(nil))
		if !ok {
			t.Fatal("no hash")
		}
		seen := map[Hash]string{base: "the sample"}
		for i, leaf := range n.scalars() {
			was := leaf.scalar
			for _, other := range []string{`"changed"`, "null", "true", "12345", "12345678901234567", "12345678901234568", "0.25"} {
				if other == was {
					continue
				}
				leaf.scalar = other
				hash, ok := hashOf(n.bytes(nil))
				if !ok {
					t.Fatal("no hash")
				}
				if before, ok := seen[hash]; ok {
					t.Fatalf("%s: leaf %d as %s hashes like %s", s.file, i, other, before)
				}
				seen[hash] = fmt.Sprintf("leaf %d as %s", i, other)
			}
			leaf.scalar = was
		}
	}
}

// substitutes are what TestDecoderAndSchemaAgree puts in the place of a value.
var substitutes = []string{
	`null`, `""`, `"x"`, `"` + strings.Repeat("长", 65) + `"`, `"` + strings.Repeat("x", 300) + `"`, `true`, `0`, `-1`, `1`, `2.5`, `7.0`, `1e3`, `123456789012345678901234567890`,
	`[]`, `{}`, `[null]`, `["x"]`, `[{}]`, `{"x":1}`, `"2026-02-13"`, `"2026-02-13T16:00:00"`, `"2026-02-13T16:00:00+08:00"`, `"2026-02"`, `"2026-02-30"`, `"2026-02-30T00:00:00Z"`, `"true"`, `"1"`,
}

// TestDecoderAndSchemaAgree puts every substitute in the place of every member
// of every full sample, and takes the member away: what the decoder accepts the
// schema accepts, and what it refuses for a member missing or of a wrong type
// the schema refuses as well. What is out of range only the decoder may see.
func TestDecoderAndSchemaAgree(t *testing.T) {
	schemas := compiled(t)
	for _, name := range Types() {
		root := parseNode(t, read(t, name+"/good-full.json"))
		tried := 0
		judge := func(what string) {
			tried++
			value := root.bytes(nil)
			_, err := Decode(value, recorded, registry[name].topic)
			refusal := valid(t, schemas[name], value)
			if err == nil {
				if refusal != nil {
					t.Errorf("%s: %s: only the schema refuses: %v", name, what, refusal)
				}
				return
			}
			reject, ok := errors.AsType[*Reject](err)
			if !ok {
				t.Fatalf("not a reject: %v", err)
			}
			switch reject.Code {
			case CodeMissing, CodeType, CodeNoOffset, CodeUnknownType:
				if refusal == nil {
					t.Errorf("%s: %s: only the decoder refuses: %v", name, what, err)
				}
			}
		}
		var visit func(n *node, path string)
		visit = func(n *node, path string) {
			for i := range n.members {
				all := n.members
				n.members = slices.Delete(slices.Clone(all), i, i+1)
				judge("without " + path + "/" + all[i].name)
				n.members = all
				was := all[i].value
				for _, s := range substitutes {
					all[i].value = &node{scalar: s}
					judge(path + "/" + all[i].name + " = " + s)
				}
				all[i].value = was
				if all[i].name != "x_of_the_source" {
					visit(was, path+"/"+all[i].name)
				}
			}
			for i, e := range n.elements {
				for _, s := range substitutes {
					n.elements[i] = &node{scalar: s}
					judge(fmt.Sprintf("%s/%d = %s", path, i, s))
				}
				n.elements[i] = e
				visit(e, fmt.Sprintf("%s/%d", path, i))
			}
		}
		visit(root, "")
		if tried < 300 {
			t.Errorf("%s: only %d messages tried", name, tried)
		}
	}
}

// TestOrderOfReasons: of several faults the one whose code comes first decides.
func TestOrderOfReasons(t *testing.T) {
	good := string(bytes.TrimSpace(read(t, "cn.post.case.accepted/good-example.json")))
	faults := []struct {
		code     Code
		old, new string
	}{
		{CodeUTF8, `s-81`, "s-\xff"},
		{CodeJSON, `"documents":[`, `"documents":[,`},
		{CodeDepth, `"data":{`, `"data":{"deep":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `,`},
		{CodeDuplicateKey, `"data":{`, `"data":{"region":"11",`},
		{CodeMissing, `"id":"c-1-2",`, ``},
		{CodeType, `"outlet":"HZ-017"`, `"outlet":17`},
		{CodeRange, `"specversion":"1.0"`, `"specversion":"2.0"`},
		{CodeNoOffset, `"promised_at":"2026-02-16T18:00:00+08:00"`, `"promised_at":"2026-02-16T18:00:00"`},
		{CodeFuture, `"time":"2026-02-13T16:00:00+08:00"`, `"time":"2099-02-13T16:00:00+08:00"`},
	}
	message := good
	for i := len(faults) - 1; i >= 0; i-- {
		changed := strings.Replace(message, faults[i].old, faults[i].new, 1)
		if changed == message {
			t.Fatalf("%s changed nothing", faults[i].code)
		}
		message = changed
		_, err := Decode([]byte(message), recorded, TopicCases)
		if r, ok := errors.AsType[*Reject](err); !ok || r.Code != faults[i].code {
			t.Fatalf("%s is not the reason: %v", faults[i].code, err)
		}
	}
	_, err := Decode([]byte(strings.Replace(good, `"s-81"`, `81`, 1)), recorded, TopicSurveys)
	if r, ok := errors.AsType[*Reject](err); !ok || r.Code != CodeType || r.Detail != "/data/owner_ref: is a number, a string is needed" {
		t.Errorf("a wrong topic hides a wrong type: %v", err)
	}
}

func TestInstantsAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "offset")*60)
		want := time.Unix(rapid.Int64Range(-62_135_000_000, 253_402_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).In(zone)
		got, form := parseInstant([]byte(want.Format(time.RFC3339Nano)))
		if form != wellWritten || !got.Equal(want.Truncate(time.Microsecond)) {
			t.Fatalf("%s: %v %v", want.Format(time.RFC3339Nano), got, form)
		}
	})
}

// canonicalIsThatOfTheLibrary compares the canonical form with jsontext's.
func canonicalIsThatOfTheLibrary(t interface{ Fatalf(string, ...any) }, value []byte) {
	want := jsontext.Value(bytes.Clone(value))
	if err := want.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	var c tape
	if !c.read(value) {
		t.Fatalf("%s is not read", value)
	}
	if got, err := c.appendCanonical(nil, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s is written\n%s, the library writes\n%s (%v)", value, got, want, err)
	}
}

// hashOf is the hash of any JSON value.
func hashOf(value []byte) (Hash, bool) {
	var d Decoder
	var f Fields
	return f.Hash, d.walker.read(value) && d.hash(&f)
}

// compact is valid JSON without white space between its parts.
func compact(value []byte) []byte {
	var c tape
	c.read(value)
	return c.appendCompact(nil, 0)
}

// acceptedAsByTheLibrary holds the tape's judgement to that of encoding/json/v2.
func acceptedAsByTheLibrary(t interface{ Fatalf(string, ...any) }, value []byte) {
	var c tape
	got := utf8.Valid(value) && c.read(value)
	want := jsontext.Value(value).IsValid() && deepest(value) <= MaxDepth
	if got != want {
		t.Fatalf("read: %v, the library: %v\n%q", got, want, value)
	}
	if !got {
		return
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, value); err != nil || !bytes.Equal(tight.Bytes(), c.appendCompact(nil, 0)) {
		t.Fatalf("without white space %q, the library writes %q (%v)", c.appendCompact(nil, 0), tight.Bytes(), err)
	}
}

// TestAcceptedAsByTheLibrary spoils samples in small ways: what the tape takes is
// what encoding/json/v2 takes, to the byte.
func TestAcceptedAsByTheLibrary(t *testing.T) {
	all := samples(t)
	pieces := []string{"\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "\x00", "\x1f", "\x7f", "\u00e9", "\xff", "\xed\xa0\x80", "0", "-", "1e", ".", "+", "E5", "00", "-0", "true", "nul", "null",
		`\u`, `\ud83d`, `\ud83d\ude00`, `\udc00`, `\uD800\u0041`, `\u00e`, `\/`, `\x`, `"a":1`, `"a":1,"a":2`, `"\u0061":1,"a":2`, `{"b":{},"b":[]}`, "NaN", "\ufeff", "\u2028"}
	for _, s := range all {
		acceptedAsByTheLibrary(t, s.content)
	}
	rapid.Check(t, func(t *rapid.T) {
		value := bytes.Clone(all[rapid.IntRange(0, len(all)-1).Draw(t, "sample")].content)
		if len(value) > 4096 {
			value = value[:4096]
		}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(value)).Draw(t, "at")
			to := min(len(value), at+rapid.IntRange(0, 3).Draw(t, "removed"))
			value = slices.Concat(value[:at], []byte(rapid.SampledFrom(pieces).Draw(t, "piece")), value[to:])
		}
		acceptedAsByTheLibrary(t, value)
	})
}

// An object of many members is judged and written as one of few.
func TestManyMembers(t *testing.T) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range 500 {
		fmt.Fprintf(&b, `"%s%d":%d,`, strings.Repeat("m", i%12), i*7919%500, i)
	}
	text := b.String()
	canonicalIsThatOfTheLibrary(t, []byte(text+`"last":0}`))
	acceptedAsByTheLibrary(t, []byte(text+`"mmm123":0,"mmm123":1}`))
}

func TestCanonicalFormIsThatOfTheLibrary(t *testing.T) {
	for _, s := range samples(t) {
		if jsontext.Value(s.content).IsValid() && deepest(s.content) <= MaxDepth {
			canonicalIsThatOfTheLibrary(t, s.content)
		}
	}
	names := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("aé\ud7ff\ue000\uffff\U00010000\U0010ffff\"\\\n/")), 0, 4, -1))
	scalars := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { b, _ := json.Marshal(names.Draw(t, "text")); return string(b) }),
		rapid.Custom(func(t *rapid.T) string { b, _ := json.Marshal(rapid.Float64().Draw(t, "number")); return string(b) }),
		rapid.SampledFrom([]string{"null", "true", "false", "-0", "0", "-0.0", "1.0", "1e2", "1E+2", "100", "12345678901234567890", "1e999", "-1e-999", "0.1e1", `"\ud83d\ude00\u007f\u2028\/"`}),
	)
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t, names, scalars, 3)
		canonicalIsThatOfTheLibrary(t, n.bytes(seeded(rapid.Uint64().Draw(t, "writing"))))
	})
}

func drawNode(t *rapid.T, names, scalars *rapid.Generator[string], depth int) *node {
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	n := &node{array: kind == 1}
	switch {
	case kind > 1 || depth == 0:
		n.scalar = scalars.Draw(t, "scalar")
	case kind == 1:
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			n.elements = append(n.elements, drawNode(t, names, scalars, depth-1))
		}
	default:
		for _, name := range rapid.SliceOfNDistinct(names, 0, 5, rapid.ID[string]).Draw(t, "names") {
			n.members = append(n.members, nodeMember{name, drawNode(t, names, scalars, depth-1)})
		}
	}
	return n
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.content)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		acceptedAsByTheLibrary(t, value)
		e, err := Decode(value, recorded, "")
		if err != nil {
			r, ok := errors.AsType[*Reject](err)
			if !ok || !slices.Contains(Codes(), r.Code) || r.Detail == "" {
				t.Fatalf("not a reject: %v", err)
			}
			return
		}
		canonicalIsThatOfTheLibrary(t, value)
		again, err := Decode(compact(value), recorded, "")
		if err != nil || again.Hash != e.Hash || !bytes.Equal(again.Data, e.Data) {
			t.Fatalf("without white space: %v\n%s", err, value)
		}
		payload, err := DecodeData(e.Type, e.Data)
		if err != nil {
			t.Fatalf("stored data does not decode: %v\n%s", err, e.Data)
		}
		if _, err := EncodeData(payload); err != nil {
			t.Fatalf("payload does not encode: %v\n%s", err, e.Data)
		}
		message, err := Marshal(*e)
		if err != nil {
			t.Fatalf("marshal: %v", err)
		}
		second, err := Decode(message, recorded, "")
		if err != nil {
			t.Fatalf("marshalled: %v\n%s", err, message)
		}
		e.Hash, second.Hash = Hash{}, Hash{} // unknown attributes are not marshalled
		if diff := cmp.Diff(e, second); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzDecodeData: stored bytes that something else has spoilt are an error, not
// a panic.
func FuzzDecodeData(f *testing.F) {
	for _, s := range samples(f) {
		if e, err := Decode(s.content, recorded, ""); err == nil {
			f.Add(e.Type, e.Data, e.Data)
		}
	}
	f.Fuzz(func(t *testing.T, eventType string, data, patch []byte) {
		_, _ = DecodeData(eventType, data)
		merged, err := Merge(data, patch)
		if err != nil {
			return
		}
		if _, err := Merge(merged, patch); err != nil {
			t.Fatalf("%s with %s gives %s: %v", data, patch, merged, err)
		}
	})
}
