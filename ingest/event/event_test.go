package event

import (
	"testing"
	"time"
)

var recorded = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

const acceptedExample = `{"specversion":"1.0","id":"c-1-2","source":"/cn/post/core","type":"cn.post.case.accepted","subject":"C20260213-000001","time":"2026-02-13T16:00:00+08:00","datacontenttype":"application/json","dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","sequence":"0000000002","recordedtime":"2026-02-13T16:00:03+08:00","data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","item_id":"RR473124829CN","promised_at":"2026-02-16T18:00:00+08:00","owner_ref":"s-81","documents":["application_form","id_proof"]}}`

func TestRegistry(t *testing.T) {
	if errRegistry != nil || errEnvelope != nil {
		t.Fatal(errRegistry, errEnvelope)
	}
}
func TestX(t *testing.T) {
	e, err := Decode([]byte(acceptedExample), recorded, TopicCases)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %s", e, e.Data)
	p, err := DecodeData(e.Type, e.Data)
	t.Logf("%+v %v", p, err)
	b, err := Marshal(*e)
	t.Logf("%s %v", b, err)
	d, err := EncodeData(p)
	t.Logf("%s %v", d, err)
}
func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := Decode([]byte(acceptedExample), recorded, TopicCases); err != nil {
			b.Fatal(err)
		}
	}
}
