// Package page holds the typed view models of the dashboard's pages and the
// templates that show them, in Chinese and in English. It asks nothing: what a
// page shows is handed in.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"youzhi/dashboard/assets"
)

//go:embed templates
var embedded embed.FS

// Renderer writes pages. It is safe for many goroutines.
type Renderer struct {
	assets *assets.Set
	pages  map[pageKey]*template.Template
}

type pageKey struct {
	name string
	lang Language
}

// shared are the templates that every page may use; all others are pages.
var shared = []string{"layout.html", "partials.html"}

// NewRenderer parses all templates, in each language.
func NewRenderer(files *assets.Set) (*Renderer, error) {
	r := &Renderer{assets: files, pages: map[pageKey]*template.Template{}}
	names, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	for _, lang := range Languages {
		base := template.New("layout.html").Option("missingkey=error").Funcs(template.FuncMap{
			"t":     lang.text,
			"asset": files.URL,
		})
		for _, name := range shared {
			if base, err = base.ParseFS(embedded, "templates/"+name); err != nil {
				return nil, fmt.Errorf("load templates: %w", err)
			}
		}
		for _, name := range names {
			name = path.Base(name)
			if name == shared[0] || name == shared[1] {
				continue
			}
			t, err := base.Clone()
			if err != nil {
				return nil, fmt.Errorf("load templates: %w", err)
			}
			if t, err = t.ParseFS(embedded, "templates/"+name); err != nil {
				return nil, fmt.Errorf("load templates: %w", err)
			}
			r.pages[pageKey{strings.TrimSuffix(name, ".html"), lang}] = t
		}
	}
	return r, nil
}

// View is what a page shows.
type View interface {
	frame() *Frame
	template() string
}

// errNoTemplate is a view whose template does not exist, which a test rules out.
var errNoTemplate = errors.New("no such template")

// Render makes the page of a view, whole: a fault in the middle of a template
// never reaches the browser as half a page.
func (r *Renderer) Render(v View) ([]byte, error) {
	t, ok := r.pages[pageKey{v.template(), v.frame().Lang}]
	if !ok {
		return nil, fmt.Errorf("render page %s in %s: %w", v.template(), v.frame().Lang, errNoTemplate)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("render page %s in %s: %w", v.template(), v.frame().Lang, err)
	}
	return b.Bytes(), nil
}
