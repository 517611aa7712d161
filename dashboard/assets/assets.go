// Package assets holds the files that the pages load: style, script, icon,
// ECharts and the typeface, all embedded. Each has a URL with a hash of its
// content, so that a browser may keep it for ever.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

//go:embed static fetched
var embedded embed.FS

// Prefix is the path that the URLs of all files begin with.
const Prefix = "/assets/"

// File is one file to serve.
type File struct {
	Type string // Content-Type
	ETag string // quoted
	Body []byte
	// Gzip is Body compressed, or nil where that saves nothing.
	Gzip []byte
}

// Set is all files by their URLs.
type Set struct {
	urls  map[string]string // name -> URL
	files map[string]File   // last part of the URL -> file
}

// required are the names that the layout refers to.
var required = []string{"app.css", "app.js", "icon.svg", "echarts.min.js", "noto-sans-sc.css"}

// fontURL finds the files that the style sheet of the typeface refers to.
var fontURL = regexp.MustCompile(`url\(\./files/([a-z0-9-]+\.woff2)\)`)

// Load reads the embedded files. It fails if one is missing, which happens in a
// program built before `make setup` had run.
func Load() (*Set, error) { return load(embedded) }

func load(from fs.FS) (*Set, error) {
	s := &Set{urls: map[string]string{}, files: map[string]File{}}
	var typeface []byte
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		switch base := path.Base(name); {
		case base == "noto-sans-sc.css":
			typeface = body // refers to hashed URLs, so it is added last
			return nil
		case path.Ext(base) == ".md":
			return nil
		default:
			return s.add(base, body)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("load assets: %w", err)
	}
	if typeface != nil {
		var missing []string
		css := fontURL.ReplaceAllStringFunc(string(typeface), func(m string) string {
			name := fontURL.FindStringSubmatch(m)[1]
			url, ok := s.urls[name]
			if !ok {
				missing = append(missing, name)
			}
			return "url(" + url + ")"
		})
		if missing != nil {
			return nil, fmt.Errorf("load assets: typeface without its files %s: run make setup and build again", strings.Join(missing, ", "))
		}
		if err := s.add("noto-sans-sc.css", []byte(css)); err != nil {
			return nil, fmt.Errorf("load assets: %w", err)
		}
	}
	var errs []error
	for _, name := range required {
		if _, ok := s.urls[name]; !ok {
			errs = append(errs, fmt.Errorf("load assets: %s is missing in this program: run make setup and build again", name))
		}
	}
	return s, errors.Join(errs...)
}

func (s *Set) add(name string, body []byte) error {
	kind, ok := types[path.Ext(name)]
	if !ok {
		return fmt.Errorf("%s: no content type for this kind of file", name)
	}
	if _, twice := s.urls[name]; twice {
		return fmt.Errorf("%s: two files of one name", name)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:8])
	ext := path.Ext(name)
	last := strings.TrimSuffix(name, ext) + "." + hash + ext
	f := File{Type: kind, ETag: `"` + hash + `"`, Body: body}
	if ext != ".woff2" { // compressed already
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(body); err != nil {
			return fmt.Errorf("%s: compress: %w", name, err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("%s: compress: %w", name, err)
		}
		if b.Len() < len(body) {
			f.Gzip = b.Bytes()
		}
	}
	s.urls[name] = Prefix + last
	s.files[last] = f
	return nil
}

var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// URL is where a file is served.
func (s *Set) URL(name string) (string, error) {
	url, ok := s.urls[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return url, nil
}

// Get finds a file by the last part of its URL.
func (s *Set) Get(last string) (File, bool) {
	f, ok := s.files[last]
	return f, ok
}
