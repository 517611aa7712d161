package source

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"youzhi/ingest/event"
)

const good = `{"specversion":"1.0","id":"t-9-1","source":"/cn/post/crm","type":"cn.post.ticket.received","subject":"T-9","time":"2026-02-13T16:00:00+08:00","dataschema":"urn:youzhi:schema:cn.post.ticket.received:1","data":{"kind":"complaint","region":"330100","channel":"phone"}}`

func TestValidate(t *testing.T) {
	noRegion := strings.Replace(good, `"region":"330100",`, "", 1)
	noOffset := strings.Replace(good, "+08:00", "", 1)
	twice := strings.Replace(good, `"id":"t-9-1"`, `"id":"t-9-1","id":"x"`, 1)
	pretty := strings.NewReplacer("{", "{\n", ",", ",\n").Replace(good)
	for _, test := range []struct {
		name, in string
		events   int64
		want     []string // beginnings of the findings
	}{
		{"good lines", good + "\n\r\n" + good + "\r\n", 2, nil},
		{
			"each fault has its line and code",
			good + "\n{\"specversion\"\n" + noRegion + "\n" + noOffset + "\n" + twice + "\n" + good + " x\n\"\xff\"\n" + good,
			8, []string{
				"line 2: json: ", "line 3: missing: /data/region", "line 4: no_offset: /time", "line 5: duplicate_key: ",
				"line 6: trailing: ", "line 7: utf8: ",
			},
		},
		{"a line that is too long", good + "\n{\"a\":\"" + strings.Repeat("x", event.MaxSize) + "\"}\n" + good, 3, []string{"line 2: oversize: "}},
		{"byte order mark", "\uFEFF" + good, 1, nil},
		{"one document", pretty, 1, nil},
		{"a bad document", strings.Replace(pretty, "complaint", "", 1), 1, []string{"line 1: missing: /data/kind"}},
		{"an array", "\uFEFF\n[" + pretty + ",\n\n" + noRegion + "]\n", 2, []string{"line 15: missing: /data/region"}},
		{"an empty array", "[]", 0, nil},
		{"an array that is not closed", "[" + good + ",\n\n ", 2, []string{"line 3: json: the document ends in the middle"}},
		{"nor with a comma", "[" + good + "\n", 2, []string{"line 2: json: the document ends in the middle"}},
		{"an array that breaks", "[" + good + ",\n}" + good + "]", 2, []string{"line 2: json: "}},
		{"something behind an array", "[" + good + "]\n" + good, 2, []string{"line 2: trailing: something follows the array"}},
		{"duplicate members in an array", "[" + twice + "]", 1, []string{"line 1: duplicate_key: "}},
		{"nothing", "", 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			v, err := Validate(strings.NewReader(test.in), now(), func(f Finding) error {
				got = append(got, f.String())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if v.Events != test.events || v.Bad != int64(len(got)) || len(got) != len(test.want) || v.OK() != (len(test.want) == 0 && test.events > 0) {
				t.Fatalf("%+v, ok %t\ngot %q\nwant %q", v, v.OK(), got, test.want)
			}
			for i, beginning := range test.want {
				if !strings.HasPrefix(got[i], beginning) {
					t.Errorf("got %s, want %s", got[i], beginning)
				}
			}
		})
	}
}

func TestValidationText(t *testing.T) {
	v, err := Validate(strings.NewReader(good+"\n{}\nx\ny\n"), now(), func(Finding) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := v.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	want := "4 events, 3 bad\n  good cn.post.ticket.received: 1\n  bad json: 2\n  bad missing: 1\n"
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	stop := errors.New("enough")
	if _, err := Validate(strings.NewReader("x\ny\n"), now(), func(Finding) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := Validate(strings.NewReader("\xff\xfe{\x00"), now(), nil); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Error(err)
	}
}
