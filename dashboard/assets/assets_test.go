package assets

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestEmbedded needs what `make setup` fetches, as the pages do.
func TestEmbedded(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.URL("noto-sans-sc.css")
	if err != nil {
		t.Fatal(err)
	}
	css, ok := s.Get(strings.TrimPrefix(url, Prefix))
	if !ok {
		t.Fatalf("%s is not served", url)
	}
	if strings.Contains(string(css.Body), "./files/") || !strings.Contains(string(css.Body), "url("+Prefix+"noto-sans-sc-") {
		t.Error("the typeface's style sheet does not refer to the hashed URLs of its files")
	}
	for _, name := range required {
		url, err := s.URL(name)
		if err != nil {
			t.Error(err)
			continue
		}
		f, ok := s.Get(strings.TrimPrefix(url, Prefix))
		if !ok || f.Type == "" || f.ETag == "" || len(f.Body) == 0 {
			t.Errorf("%s: incomplete", url)
		}
	}
	if _, err := s.URL("nothing.css"); err == nil {
		t.Error("an unknown name has a URL")
	}
}

func TestURLsFollowContent(t *testing.T) {
	files := func(style string) fstest.MapFS {
		m := fstest.MapFS{"static/app.css": {Data: []byte(style)}}
		for _, name := range []string{"app.js", "icon.svg", "echarts.min.js"} {
			m["static/"+name] = &fstest.MapFile{Data: []byte(name)}
		}
		m["fetched/noto-sans-sc.css"] = &fstest.MapFile{Data: []byte("src: url(./files/noto-sans-sc-4-wght-normal.woff2)")}
		m["fetched/files/noto-sans-sc-4-wght-normal.woff2"] = &fstest.MapFile{Data: []byte("font")}
		return m
	}
	url := func(style, name string) string {
		s, err := load(files(style))
		if err != nil {
			t.Fatal(err)
		}
		u, err := s.URL(name)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if url("a", "app.css") == url("b", "app.css") {
		t.Error("other content has the same URL")
	}
	if url("a", "app.js") != url("b", "app.js") {
		t.Error("same content has another URL")
	}
}

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"before setup":        {fstest.MapFS{"fetched/README.md": {}}, "echarts.min.js is missing in this program: run make setup"},
		"typeface half there": {fstest.MapFS{"fetched/noto-sans-sc.css": {Data: []byte("url(./files/noto-1.woff2)")}}, "noto-1.woff2: run make setup"},
		"unknown kind":        {fstest.MapFS{"static/a.exe": {}}, "a.exe: no content type"},
		"one name twice":      {fstest.MapFS{"static/a.js": {}, "fetched/a.js": {}}, "a.js: two files"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
