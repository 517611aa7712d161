package event

import (
	"strings"
	"testing"
)

func TestSourceHint(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"whole", `{"specversion":"1.0","source":"/cn/post/core","id":"1"}`, "/cn/post/core"},
		{"cut short behind it", `{"data":{"source":"/inner"}, "source" : "/cn/post/core", "id":"1`, "/cn/post/core"},
		{"bad behind it", "{\"source\":\"/cn/post/core\",\"note\":\"\xff\",,}", "/cn/post/core"},
		{"byte order mark", "\xef\xbb\xbf{\"source\":\"/cn/post/core\"}", "/cn/post/core"},
		{"escaped", `{"source":"\/cn\/post"}`, "/cn/post"},
		{"escaped name", `{"sour\u0063e":"/cn/post"}`, "/cn/post"},
		{"longest", `{"source":"` + strings.Repeat("s", 256) + `"}`, strings.Repeat("s", 256)},
		{"cut short in it", `{"source":"/cn/po`, ""},
		{"too long", `{"source":"` + strings.Repeat("s", 257) + `"}`, ""},
		{"of data alone", `{"data":{"source":"/inner"}}`, ""},
		{"no string", `{"source":7}`, ""},
		{"object", `{"source":{"source":"/inner"}}`, ""},
		{"empty", `{"source":""}`, ""},
		{"a name", `{"source":"张三"}`, ""},
		{"a line", `{"source":"a\nb"}`, ""},
		{"a space", `{"source":"a b"}`, ""},
		{"markup", `{"source":"<img src=x>"}`, ""},
		{"not UTF-8", "{\"source\":\"/cn/\xff\"}", ""},
		{"bad escape", `{"source":"\ud800"}`, ""},
		{"array", `["source","/cn"]`, ""},
		{"text", `source`, ""},
		{"nothing", ``, ""},
		{"depth bomb", strings.Repeat(`{"source":`, 200_000), ""},
	} {
		if got := SourceHint([]byte(c.message)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzSourceHint(f *testing.F) {
	f.Add([]byte(`{"data":{},"source":"/cn/post/core"`))
	f.Add([]byte("\xef\xbb\xbf{\"source\":\"\\u002f\"}"))
	f.Fuzz(func(t *testing.T, message []byte) {
		got := SourceHint(message)
		if len(got) > maxSource {
			t.Errorf("%d bytes", len(got))
		}
		for i := range len(got) {
			if !uriCharacter[got[i]] {
				t.Errorf("byte %#x", got[i])
			}
		}
		// What the contract reads is what the hint says.
		if e, err := Decode(message, recorded, ""); err == nil && e.Source != got {
			t.Errorf("%q of an event of %q", got, e.Source)
		}
	})
}

// A detail is shown where the message may not be: whatever a producer writes, and
// wherever, none of it is there.
func TestDetailsHoldNoText(t *testing.T) {
	const secret = "zhangsan13800138000"
	good := `{"specversion":"1.0","id":"a","source":"/cn","type":"cn.post.case.accepted","subject":"C1","time":"2026-03-01T08:00:00Z","dataschema":"urn:youzhi:schema:cn.post.case.accepted:1","data":{"product":"parcel","region":"330100","outlet":"HZ-017","channel":"outlet","direction":"domestic","promised_at":"2026-03-04T18:00:00+08:00"}}`
	if _, err := Decode([]byte(good), recorded, ""); err != nil {
		t.Fatal(err)
	}
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, strings.ReplaceAll(with, "SECRET", secret), 1)
	}
	for _, message := range []string{
		change(`"cn.post.case.accepted"`, `"SECRET"`),
		change(`"cn.post.case.accepted"`, `"cn.post.SECRET"`),
		change(`"data":{`, `"data":{"SECRET":{"SECRET":1,"SECRET":2},`),
		change(`"data":{`, `"data":{"SECRET":"\ud800",`),
		change(`"data":{`, `"data":{"note":"\ud800\uSECRET",`),
		change(`"data":{`, `"data":{"note":"\uzhangsan",`),
		change(`"data":{`, `"data":{"note":"\ud83dzhangsan",`),
		change(`"data":{`, `"data":{"note":"\ud83d","zhangsan":1,`),
		change(`"data":{`, `"data":{"note":"\qzhangsan",`),
		change(`"data":{`, `"data":{"SECRET":NaN,`),
		change(`"data":{`, `"data":{"SECRET":SECRET,`),
		change(`"id":"a"`, `"id":"a","SECRET":{}`),
		change(`"id":"a"`, `"id":"a","SECRET_":1`),
		change(`"id":"a"`, `"id":"a","SECRET":1,"SECRET":1`),
		change(`"id":"a"`, `"id":SECRET`),
		change(`"time":"2026-03-01T08:00:00Z"`, `"time":"SECRET"`),
		change(`"promised_at":"2026-03-04T18:00:00+08:00"`, `"promised_at":"SECRET"`),
		change(`"urn:youzhi:schema:cn.post.case.accepted:1"`, `"SECRET"`),
		change(`"source":"/cn"`, `"source":"SECRET SECRET"`),
		change(`"specversion":"1.0"`, `"specversion":"SECRET"`),
		change(`"product":"parcel"`, `"product":{"SECRET":1}`),
		good + secret,
		secret,
		`"` + secret + `"`,
	} {
		_, err := Decode([]byte(message), recorded, "")
		if err == nil {
			t.Errorf("accepted: %s", message)
		} else if text := err.Error(); strings.Contains(text, "zha") || strings.Contains(text, "1380013") {
			t.Errorf("%s\n%s", text, message)
		}
	}
}
