package assets

import (
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// face finds one @font-face of the style sheet of the typeface: its file and the
// characters that the file has. There is one for each part of the alphabet.
var face = regexp.MustCompile(`(?s)@font-face\s*\{(.*?)url\(([^)]+)\)(.*?)unicode-range:\s*([^;]+);`)

// Typeface is the style sheet of the typeface for a document that stands alone:
// the files are part of it, and only those that the text needs.
func (s *Set) Typeface(text string) (string, error) {
	sheet, err := s.body("noto-sans-sc.css")
	if err != nil {
		return "", err
	}
	needed := map[rune]bool{}
	for _, r := range text {
		needed[r] = true
	}
	var b strings.Builder
	for _, m := range face.FindAllStringSubmatch(string(sheet), -1) {
		holds, err := within(m[4], needed)
		if err != nil {
			return "", fmt.Errorf("typeface: %w", err)
		}
		if !holds {
			continue
		}
		f, ok := s.Get(path.Base(m[2]))
		if !ok {
			return "", fmt.Errorf("typeface: no file %s", m[2])
		}
		fmt.Fprintf(&b, "@font-face{font-family:'Noto Sans SC Variable';font-style:normal;font-weight:100 900;src:url(data:font/woff2;base64,%s) format('woff2');unicode-range:%s}\n",
			base64.StdEncoding.EncodeToString(f.Body), m[4])
	}
	return b.String(), nil
}

// Script is the text of a script, for what runs it outside of a browser.
func (s *Set) Script(name string) ([]byte, error) { return s.body(name) }

func (s *Set) body(name string) ([]byte, error) {
	url, err := s.URL(name)
	if err != nil {
		return nil, err
	}
	f, ok := s.Get(path.Base(url))
	if !ok {
		return nil, fmt.Errorf("no file behind %s", url)
	}
	return f.Body, nil
}

// within says whether a list of ranges, such as U+20-7e,U+b7, has one of the
// characters.
func within(list string, needed map[rune]bool) (bool, error) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimPrefix(strings.TrimSpace(part), "U+"), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 16, 32)
		if err != nil {
			return false, fmt.Errorf("characters %q: %w", part, err)
		}
		to, err := strconv.ParseUint(last, 16, 32)
		if err != nil {
			return false, fmt.Errorf("characters %q: %w", part, err)
		}
		for r := range needed {
			if uint64(r) >= from && uint64(r) <= to {
				return true, nil
			}
		}
	}
	return false, nil
}
