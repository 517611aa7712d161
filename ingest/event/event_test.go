package event

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write schemas/ anew")

// recorded is the Kafka timestamp of every sample.
var recorded = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

func TestRegistryIsSound(t *testing.T) {
	if errRegistry != nil || errEnvelope != nil {
		t.Fatal(errRegistry, errEnvelope)
	}
	perTopic := map[string]int{}
	for _, name := range Types() {
		topic, ok := TopicOf(name)
		if !ok || !slices.Contains(Topics(), topic) {
			t.Errorf("%s is on no topic", name)
		}
		perTopic[topic]++
	}
	want := map[string]int{TopicCases: 14, TopicComplaints: 15, TopicSurveys: 3, TopicAssurance: 18}
	if diff := cmp.Diff(want, perTopic); diff != "" {
		t.Error(diff)
	}
	if _, ok := TopicOf("cn.post.case.teleported"); ok || Schema("cn.post.case.teleported") != nil {
		t.Error("a type that is not there has a topic or a schema")
	}
}

func TestFamiliesAreOnTheirTopics(t *testing.T) {
	families := map[string]string{"case": TopicCases, "volume": TopicCases, "ticket": TopicComplaints, "survey": TopicSurveys}
	for _, name := range Types() {
		family := strings.Split(name, ".")[2]
		want, ok := families[family]
		if !ok {
			want = TopicAssurance
		}
		if got, _ := TopicOf(name); got != want {
			t.Errorf("%s is on %s, not on %s", name, got, want)
		}
	}
}

// TestSchemaFiles keeps the published files equal to what the plans say.
// go test ./ingest/event -run SchemaFiles -update writes them.
func TestSchemaFiles(t *testing.T) {
	if *update {
		if err := os.RemoveAll("schemas"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir("schemas", 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range Types() {
			if err := os.WriteFile(filepath.Join("schemas", name+".json"), Schema(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir("schemas")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Types()) {
		t.Errorf("%d files, %d types", len(files), len(Types()))
	}
	for _, name := range Types() {
		got, err := os.ReadFile(filepath.Join("schemas", name+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(Schema(name)), string(got)); diff != "" {
			t.Errorf("schemas/%s.json is not what the plan says; run with -update (-plan +file):\n%s", name, diff)
		}
	}
}

// compiled are the schemas as a stranger's validator reads them.
func compiled(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schemas := map[string]*jsonschema.Schema{}
	for _, name := range Types() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(name)))
		if err != nil {
			t.Fatalf("schema of %s: %v", name, err)
		}
		if err := c.AddResource(registry[name].schemaURI, doc); err != nil {
			t.Fatalf("schema of %s: %v", name, err)
		}
		if schemas[name], err = c.Compile(registry[name].schemaURI); err != nil {
			t.Fatalf("schema of %s: %v", name, err)
		}
	}
	return schemas
}

// valid says whether value is one JSON document that keeps the schema.
func valid(t testing.TB, schema *jsonschema.Schema, value []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		t.Fatalf("not JSON for the validator: %v", err)
	}
	return schema.Validate(doc)
}

type sample struct {
	file    string // testdata/<folder>/<name>.json
	folder  string // an event type, or envelope
	bad     Code   // "" if it is good
	content []byte
}

func (s sample) topic() string {
	if s.bad == CodeWrongTopic {
		return TopicComplaints
	}
	if topic, ok := TopicOf(s.folder); ok {
		return topic
	}
	return "" // of an envelope sample: some are of several types
}

func samples(t testing.TB) []sample {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	var list []sample
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{file: file, folder: filepath.Base(filepath.Dir(file)), content: content}
		switch parts := strings.SplitN(strings.TrimSuffix(filepath.Base(file), ".json"), "-", 3); parts[0] {
		case "good":
		case "bad":
			s.bad = Code(parts[1])
			if !slices.Contains(Codes(), s.bad) {
				t.Fatalf("%s: %q is no code", file, s.bad)
			}
		default:
			t.Fatalf("%s: neither good nor bad", file)
		}
		list = append(list, s)
	}
	return list
}

// beyondSchema are bad samples whose fault a schema cannot express, though
// others with their code can be.
var beyondSchema = map[string]string{
	"cn.post.case.accepted/bad-range-promised-at-2199.json":           "years of an instant",
	"cn.post.case.accepted/bad-range-fields-above-total.json":         "compares two members",
	"cn.post.volume.reported/bad-range-on-time-above-promised.json":   "compares two members",
	"cn.post.survey.invited/bad-range-expires-at-1999.json":           "years of an instant",
	"cn.post.survey.answered/bad-range-value-above-max.json":          "compares two members",
	"cn.post.survey.answered/bad-range-value-below-min.json":          "compares two members",
	"cn.post.survey.answered/bad-range-min-is-max.json":               "compares two members",
	"cn.post.survey.corrected/bad-range-data-answer.json":             "compares two members",
	"cn.post.assurance.performed/bad-range-met-above-total.json":      "compares two members",
	"cn.post.improvement.planned/bad-range-baseline-backwards.json":   "compares two members",
	"cn.post.improvement.checked/bad-range-backwards.json":            "compares two members",
	"cn.post.exclusion.requested/bad-range-until-not-after-from.json": "compares two members",
	"cn.post.exclusion.approved/bad-range-by-the-requester.json":      "compares two members",
	"cn.post.outlet.registered/bad-range-closed-before-opened.json":   "compares two members",
	"cn.post.outlet.registered/bad-range-opened-on.json":              "a format would refuse an empty string, which is as good as absent",
	"cn.post.region.registered/bad-range-closed-before-opened.json":   "compares two members",
	"cn.post.region.registered/bad-range-opened-on.json":              "a format would refuse an empty string, which is as good as absent",
	"envelope/bad-range-recordedtime-2100.json":                       "years of an instant",
	"envelope/bad-range-time-leap-second.json":                        "RFC 3339 knows leap seconds, our clocks do not",
}

func TestSamples(t *testing.T) {
	schemas := compiled(t)
	expressible := []Code{CodeMissing, CodeType, CodeRange, CodeUnknownType, CodeNoOffset}
	seen := map[Code]bool{}
	for _, s := range samples(t) {
		t.Run(strings.TrimPrefix(s.file, "testdata/"), func(t *testing.T) {
			schema, ok := schemas[s.folder]
			if !ok {
				schema = schemas[TypeCaseAccepted] // that of the envelope samples, but one
				if strings.Contains(s.file, "correctsid.json") {
					schema = schemas[TypeCaseCorrected]
				}
			}
			e, err := Decode(s.content, recorded, s.topic())
			if s.bad == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if err := valid(t, schema, s.content); err != nil {
					t.Errorf("the schema refuses it: %v", err)
				}
				if _, err := DecodeData(e.Type, e.Data); err != nil {
					t.Errorf("data does not decode: %v", err)
				}
				if s.folder != "envelope" && e.Type != s.folder {
					t.Errorf("is of type %s", e.Type)
				}
				return
			}
			reject, ok := errors.AsType[*Reject](err)
			if !ok {
				t.Fatalf("accepted, or another kind of error: %v", err)
			}
			t.Log(reject)
			if reject.Code != s.bad {
				t.Errorf("refused for another reason: %v", reject)
			}
			if len(reject.Detail) > 400 || !utf8.ValidString(reject.Detail) || strings.ContainsAny(reject.Detail, "\n\x00") || strings.Contains(reject.Detail, "13800138000") {
				t.Errorf("detail is not fit to be shown: %q", reject.Detail)
			}
			seen[s.bad] = true
			_, beyond := beyondSchema[strings.TrimPrefix(s.file, "testdata/")]
			if !slices.Contains(expressible, s.bad) {
				return
			}
			if got := valid(t, schema, s.content) == nil; got != beyond {
				t.Errorf("the schema accepts it: %v, expected: %v", got, beyond)
			}
		})
	}
	for _, code := range Codes() {
		if !seen[code] && code != CodeOversize {
			t.Errorf("no sample is refused as %s", code)
		}
	}
}

// TestEveryTypeHasSamples: a minimal and a full good one, and two bad ones.
func TestEveryTypeHasSamples(t *testing.T) {
	bad := map[string]int{}
	for _, s := range samples(t) {
		if s.bad != "" {
			bad[s.folder]++
		}
	}
	for _, name := range Types() {
		for _, file := range []string{"good-minimal.json", "good-full.json"} {
			if _, err := os.Stat(filepath.Join("testdata", name, file)); err != nil {
				t.Error(err)
			}
		}
		if least := 2; bad[name] < least && name != TypeImprovementStarted {
			t.Errorf("%s has %d bad samples, fewer than %d", name, bad[name], least)
		}
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSize(t *testing.T) {
	message := bytes.TrimSpace(read(t, "cn.post.case.accepted/good-minimal.json"))
	full := append(bytes.Clone(message), bytes.Repeat([]byte(" "), MaxSize-len(message))...)
	if _, err := Decode(full, recorded, ""); err != nil {
		t.Errorf("a message of the longest size: %v", err)
	}
	for _, value := range [][]byte{append(full, ' '), bytes.Repeat([]byte{0xFF}, 5<<20)} {
		_, err := Decode(value, recorded, "")
		if r, ok := errors.AsType[*Reject](err); !ok || r.Code != CodeOversize {
			t.Errorf("%d bytes: %v", len(value), err)
		}
	}
}

func TestEnvelopeOfTheExamples(t *testing.T) {
	got, err := Decode(read(t, "cn.post.case.accepted/good-example.json"), recorded, TopicCases)
	if err != nil {
		t.Fatal(err)
	}
	want := &Event{
		Source: "/cn/post/core", ID: "c-1-2", Type: TypeCaseAccepted, Subject: "C20260213-000001",
		Time: time.Date(2026, 2, 13, 8, 0, 0, 0, time.UTC), Recorded: time.Date(2026, 2, 13, 8, 0, 3, 0, time.UTC),
		Sequence: "0000000002", DataSchema: "urn:youzhi:schema:cn.post.case.accepted:1",
		Data: []byte(`{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","item_id":"RR473124829CN","promised_at":"2026-02-16T18:00:00+08:00","owner_ref":"s-81","documents":["application_form","id_proof"]}`),
		Hash: got.Hash,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	full, err := Decode(read(t, "cn.post.case.corrected/good-full.json"), recorded, TopicCases)
	if err != nil {
		t.Fatal(err)
	}
	if !full.Test || full.CorrectsID != "e-1" || !full.Recorded.Equal(time.Date(2026, 2, 13, 8, 0, 3, 123456000, time.UTC)) {
		t.Errorf("%+v", full)
	}
	if bytes.ContainsAny(full.Data, " \n") || !bytes.Contains(full.Data, []byte(`"x_of_the_source":{"kept":[1,2.5,null]}`)) {
		t.Errorf("data is not compact, or lacks what the contract does not name: %s", full.Data)
	}
}

// TestDecodeKeepsNothing: Kafka's buffer is used again after Decode.
func TestDecodeKeepsNothing(t *testing.T) {
	value := read(t, "cn.post.survey.answered/good-full.json")
	e, err := Decode(value, recorded, "")
	if err != nil {
		t.Fatal(err)
	}
	before := *e
	before.Data = bytes.Clone(e.Data)
	payload, err := DecodeData(e.Type, e.Data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeData(e.Type, bytes.Clone(e.Data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range value {
		value[i] = 'x'
	}
	if diff := cmp.Diff(&before, e); diff != "" {
		t.Errorf("the event changed with the buffer: %s", diff)
	}
	for i := range e.Data {
		e.Data[i] = 'x'
	}
	if diff := cmp.Diff(again, payload); diff != "" {
		t.Errorf("the payload changed with the buffer: %s", diff)
	}
}

func BenchmarkDecode(b *testing.B) {
	value := read(b, "cn.post.case.accepted/good-example.json")
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(value, recorded, TopicCases); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeData(b *testing.B) {
	e, err := Decode(read(b, "cn.post.case.accepted/good-example.json"), recorded, TopicCases)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeData(e.Type, e.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuse(b *testing.B) {
	value := read(b, "envelope/bad-duplicate_key-in-data.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(value, recorded, TopicCases); err == nil {
			b.Fatal("accepted")
		}
	}
}
