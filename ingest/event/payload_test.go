package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func TestDecodeData(t *testing.T) {
	hash := strings.Repeat("0aF9", 16)
	tests := []struct {
		name, eventType, data string
		want                  any
	}{
		{"unknown words", TypeTicketReceived, `{"kind":"kudos","region":"unknown","channel":"phone","category":"weather","category_source":"台风","line":"other"}`,
			&TicketReceived{Kind: Other, KindSource: "kudos", Region: "unknown", Channel: "phone", Category: Other, CategorySource: "台风", Line: Other,
				Unknown: Unknown{Words: []Word{{"/category", "weather"}, {"/kind", "kudos"}}}}},
		{"the source's word comes first", TypeTicketReceived, `{"category_source":"台风","category":"weather"}`,
			&TicketReceived{Category: Other, CategorySource: "台风", Unknown: Unknown{Words: []Word{{"/category", "weather"}}}}},
		{"the source's word beside a known one", TypeTicketReceived, `{"category":"delay","category_source":"late"}`,
			&TicketReceived{Category: "delay", CategorySource: "late"}},
		{"unknown words in lists", TypeCaseAccepted, `{"features":["drone","parcel_hold"],"documents":["drone_permit"]}`,
			&CaseAccepted{Features: []string{Other, "parcel_hold"}, Documents: []string{"drone_permit"}, Unknown: Unknown{Words: []Word{{"/features/0", "drone"}}}}},
		{"unknown words in parts", TypeSurveyAnswered, `{"answers":[{"item":"a","role":"score","value":3,"min":1,"max":5},{"item":"b","role":"guess","value":null,"min":0,"max":1}]}`,
			&SurveyAnswered{Answers: []Answer{{Item: "a", Role: "score", Value: ptr(3.0), Min: 1, Max: 5}, {Item: "b", Role: Other, RoleSource: "guess", Min: 0, Max: 1}},
				Unknown: Unknown{Words: []Word{{"/answers/1/role", "guess"}}}}},
		{"nothing is not false", TypeCaseReviewed, `{"result":"pass","compliant":null,"authentic":false}`,
			&CaseReviewed{Result: "pass", Authentic: ptr(false)}},
		{"instants are UTC to the microsecond", TypeCaseAccepted, `{"promised_at":"2026-02-16T18:00:00.1234567+08:00"}`,
			&CaseAccepted{PromisedAt: ptr(time.Date(2026, 2, 16, 10, 0, 0, 123456000, time.UTC))}},
		{"a whole number with a point", TypeCaseAccepted, `{"promise_days":3.0,"required_fields_present":1e1}`,
			&CaseAccepted{PromiseDays: ptr(int64(3)), RequiredFieldsPresent: ptr(int64(10))}},
		{"a bad check digit is kept", TypeCaseAccepted, `{"item_id":"RR473124828CN"}`, &CaseAccepted{ItemID: "RR473124828CN"}},
		{"a good check digit", TypeCaseAccepted, `{"item_id":"RR473124829CN"}`, &CaseAccepted{ItemID: "RR473124829CN", ItemIDValid: true}},
		{"customer_hash in lower case", TypeCaseSubmitted, `{"customer_hash":"` + hash + `"}`, &CaseSubmitted{CustomerHash: strings.ToLower(hash)}},
		{"parts", TypeCaseDelivered, `{"receipt":{"case_no":true,"delivered_at":false}}`, &CaseDelivered{Receipt: &Receipt{CaseNo: ptr(true), DeliveredAt: ptr(false)}}},
		{"escapes", TypeTicketWithdrawn, `{"\u0072eason":"\u676d\u5dde \ud83d\ude00\n"}`, &TicketWithdrawn{Reason: "杭州 😀\n"}},
		{"white space and unknown members", TypeTicketWithdrawn, " {\n\"x\" : [ { } ] , \"reason\" : \"r\" }\t", &TicketWithdrawn{Reason: "r"}},
		{"out of range after a merge", TypeTicketReceived, `{"severity":9,"region":null}`, &TicketReceived{Severity: ptr(int64(9))}},
		{"a correction", TypeCaseCorrected, `{"data":{"region":"33","x":[1, 2]},"time_new":"2026-02-12T09:00:00Z"}`,
			&Corrected{Data: jsontext.Value(`{"region":"33","x":[1, 2]}`), TimeNew: ptr(time.Date(2026, 2, 12, 9, 0, 0, 0, time.UTC))}},
		{"a void", TypeAssuranceCorrected, `{"void":true}`, &Corrected{Void: true}},
		{"a negative number of points", TypeConductRecorded, `{"points":-12}`, &ConductRecorded{Points: -12}},
		{"an empty list", TypeCaseArchived, `{"documents":[]}`, &CaseArchived{}},
		{"an exclusion", TypeExclusionRequested, `{"kind":"force_majeure","scope":{"regions":["3301"],"products":["parcel","drone"]},"from":"2026-02-10T00:00:00+08:00","until":"2026-02-13T00:00:00+08:00"}`,
			&ExclusionRequested{Kind: "force_majeure", Scope: Scope{Regions: []string{"3301"}, Products: []string{"parcel", Other}},
				From: time.Date(2026, 2, 9, 16, 0, 0, 0, time.UTC), Until: time.Date(2026, 2, 12, 16, 0, 0, 0, time.UTC),
				Unknown: Unknown{Words: []Word{{"/scope/products/1", "drone"}}}}},
		{"no fields at all", TypeImprovementStarted, `{}`, &ImprovementStarted{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeData(tt.eventType, []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeDataRefuses(t *testing.T) {
	for _, tt := range []struct{ eventType, data, says string }{
		{"cn.post.case.teleported", `{}`, "no event type"},
		{TypeCaseAccepted, ``, "not one JSON object"},
		{TypeCaseAccepted, `[]`, "not one JSON object"},
		{TypeCaseAccepted, `{"region":"33"} {}`, "not one JSON object"},
		{TypeCaseAccepted, `{"region"}`, "not one JSON object"},
		{TypeCaseAccepted, `{"region":33}`, "type: /region: is a number"},
		{TypeCaseAccepted, `{"promised_at":"2026-02-16T18:00:00"}`, "type: /promised_at: "},
		{TypeCaseAccepted, `{"promise_days":99999999999999999999}`, "type: /promise_days: "},
		{TypeCaseAccepted, `{"promise_days":0x10}`, "not one JSON object"},
		{TypeSurveyAnswered, `{"answers":[{"item":"a","value":-Inf}]}`, "not one JSON object"},
		{TypeSurveyAnswered, `{"answers":{}}`, "type: /answers: is an object"},
	} {
		_, err := DecodeData(tt.eventType, []byte(tt.data))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, expected %q", tt.data, err, tt.says)
		}
	}
}

// TestPayloadsRoundTrip: what DecodeData read, EncodeData writes, and the whole
// contract holds for it; so producers inside the program can build on structs.
func TestPayloadsRoundTrip(t *testing.T) {
	schemas := compiled(t)
	for _, s := range samples(t) {
		if s.bad != "" || s.folder == "envelope" {
			continue
		}
		e, err := Decode(s.content, recorded, "")
		if err != nil {
			t.Fatal(err)
		}
		first, err := DecodeData(e.Type, e.Data)
		if err != nil {
			t.Fatal(err)
		}
		if e.Data, err = EncodeData(first); err != nil {
			t.Fatal(err)
		}
		message, err := Marshal(*e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(message, recorded, s.topic()); err != nil {
			t.Errorf("%s, encoded again: %v\n%s", s.file, err, message)
		}
		if err := valid(t, schemas[e.Type], message); err != nil {
			t.Errorf("%s, encoded again: %v\n%s", s.file, err, message)
		}
		second, err := DecodeData(e.Type, e.Data)
		if err != nil {
			t.Fatal(err)
		}
		reflect.ValueOf(first).Elem().FieldByName("Unknown").SetZero() // the words are known by now: they are Other
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%s: %s", s.file, diff)
		}
	}
}

// TestFullSamplesAreFull: a field added to a payload has to be added to its
// sample, or nothing would show that it is read.
func TestFullSamplesAreFull(t *testing.T) {
	said := map[string]map[string]bool{}
	for _, s := range samples(t) {
		if s.bad != "" || s.folder == "envelope" {
			continue
		}
		var message struct {
			Data map[string]json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(s.content, &message); err != nil {
			t.Fatal(err)
		}
		if said[s.folder] == nil {
			said[s.folder] = map[string]bool{}
		}
		for name := range message.Data {
			said[s.folder][name] = true
		}
	}
	for _, name := range Types() {
		for _, f := range registry[name].plan.fields {
			if source, ok := strings.CutSuffix(f.name, "_source"); ok && registry[name].plan.byName[source] != nil {
				continue // stands beside every enum
			}
			if !said[name][f.name] {
				t.Errorf("no good sample of %s has %s", name, f.name)
			}
		}
	}
}

func TestMarshal(t *testing.T) {
	beijing := time.FixedZone("", 8*3600)
	e := Event{
		Source: "/import/olist", ID: "o-1", Type: TypeCaseCorrected, Subject: "C \"1\"", Time: time.Date(2026, 2, 13, 16, 0, 0, 120_000_000, beijing),
		Sequence: "01", Recorded: time.Date(2026, 2, 13, 8, 0, 3, 0, time.UTC), Test: true, CorrectsID: "o-0", Data: []byte("{ \"void\": true }\n"),
	}
	want := `{"specversion":"1.0","id":"o-1","source":"/import/olist","type":"cn.post.case.corrected","subject":"C \"1\"","time":"2026-02-13T16:00:00.12+08:00","datacontenttype":"application/json","dataschema":"urn:youzhi:schema:cn.post.case.corrected:1","sequence":"01","recordedtime":"2026-02-13T08:00:03Z","test":true,"correctsid":"o-0","data":{"void":true}}`
	got, err := Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	back, err := Decode(got, recorded, TopicCases)
	if err != nil {
		t.Fatal(err)
	}
	e.Time, e.DataSchema, e.Data, e.Hash = e.Time.UTC(), "urn:youzhi:schema:cn.post.case.corrected:1", []byte(`{"void":true}`), back.Hash
	if diff := cmp.Diff(&e, back); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]Event{
		"unknown type": {Type: "cn.post.case.teleported", Data: []byte(`{}`)},
		"no data":      {Type: TypeCaseEnded},
		"bad data":     {Type: TypeCaseEnded, Data: []byte(`{"a":}`)},
		"two data":     {Type: TypeCaseEnded, Data: []byte(`{}{}`)},
		"bad UTF-8":    {Type: TypeCaseEnded, ID: "\xff", Data: []byte(`{}`)},
		"double names": {Type: TypeCaseEnded, Data: []byte(`{"a":1,"a":2}`)},
	} {
		if got, err := Marshal(bad); err == nil {
			t.Errorf("%s: wrote %s", name, got)
		}
	}
	if _, err := EncodeData(map[string]any{"a": "\xff"}); err == nil {
		t.Error("encoded bad UTF-8")
	}
	data, err := EncodeData(map[string]any{"z": 1, "a": "杭", "m": nil})
	if err != nil || string(data) != `{"a":"杭","m":null,"z":1}` {
		t.Errorf("%s, %v", data, err)
	}
}

func TestMerge(t *testing.T) {
	for _, tt := range []struct{ data, patch, want string }{
		{`{"a":1,"b":{"x":1},"c":3}`, `{"b":{"y":2},"d":4,"a":null}`, `{"b":{"y":2},"c":3,"d":4}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{}`, `{"a":null}`, `{}`},
		{`{"a":null}`, `{"b":[ 1 , "x y" ]}`, `{"a":null,"b":[1,"x y"]}`},
		{` { "a" : 1 } `, `{"\u0061":2}`, `{"a":2}`},
		{`{"a":1,"b":2}`, `{"a":null,"b":null}`, `{}`},
	} {
		data := []byte(tt.data)
		got, err := Merge(data, []byte(tt.patch))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s with %s: %s, %v", tt.data, tt.patch, got, err)
		}
		if string(data) != tt.data {
			t.Errorf("%s was changed", tt.data)
		}
	}
	for _, bad := range [][2]string{{`[]`, `{}`}, {`{}`, `null`}, {`{"a"`, `{}`}, {`{}`, `{}x`}, {``, ``}} {
		if got, err := Merge([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q with %q: %s", bad[0], bad[1], got)
		}
	}
}

func TestValidItemID(t *testing.T) {
	for id, want := range map[string]bool{
		"RR473124829CN": true, "RR473124828CN": false, // INDICATORS.md B2
		"EE123456785CN": true, "EE123456784CN": false, // remainder 6
		"EE000000080CN": true, "EE000000000CN": false, "EE000000005CN": true, // 10 -> 0, 11 -> 5
		"1234567": false, "12345678": true, "9876543210123": true, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345": true, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456": false,
		"rr473124829cn": false, "RR 473124829 CN": false, "": false, "RR47312482-CN": false, "RR4731248290CN": true, "RRR73124829CN": true,
	} {
		if got := ValidItemID(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestParseInstant(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.UTC().Truncate(time.Microsecond)
	}
	for _, s := range []string{
		"2026-02-13T16:00:00+08:00", "2026-02-13T16:00:00Z", "2024-02-29T23:59:59.999999999-11:30", "2000-02-29T00:00:00Z",
		"1969-12-31T23:59:59.5Z", "1900-03-01T00:00:00+00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-13T16:00:00.1-00:00", "0000-01-01T00:00:00Z",
	} {
		if got, form := parseInstant([]byte(s)); form != wellWritten || !got.Equal(at(s)) || got.Location() != time.UTC {
			t.Errorf("%s: %v %v", s, got, form)
		}
	}
	for s, want := range map[string]written{
		"": notWritten, "2026-02-13": notWritten, "20260213T160000Z": notWritten, "2026-02-13T16:00:00.Z": notWritten, "2026-02-13T16:00:00 Z": notWritten,
		"2026-02-13T16:00:00+8:00": notWritten, "2026-02-13T16:00:00+0800": notWritten, "2026-02-13T16:00:00+08": notWritten, "2026-02-13T16:00:00,5Z": notWritten,
		"2026-02-13T16:00:00ZZ": notWritten, "2026-2-13T16:00:00Z.": notWritten, "+026-02-13T16:00:00Z": notWritten, "2026-02-13T1a:00:00Z": notWritten, "2026-02-13T16:00:00+08:0x": notWritten,
		"２０２６-02-13T16:00:00Z": notWritten,
		"2026-02-13T16:00:00":  withoutShift, "2026-02-13T16:00:00.250": withoutShift,
		"2026-02-30T16:00:00Z": notReal, "2100-02-29T16:00:00Z": notReal, "2026-00-10T16:00:00Z": notReal, "2026-13-10T16:00:00Z": notReal, "2026-04-31T16:00:00Z": notReal,
		"2026-02-13T24:00:00Z": notReal, "2026-02-13T16:60:00Z": notReal, "2016-12-31T23:59:60Z": notReal, "2026-02-13T16:00:00+24:00": notReal, "2026-02-13T16:00:00+08:60": notReal,
	} {
		if got, form := parseInstant([]byte(s)); form != want {
			t.Errorf("%q: %v %v, expected %v", s, got, form, want)
		}
	}
}
