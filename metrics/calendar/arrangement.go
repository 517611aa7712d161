package calendar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// rule is one row of an arrangement: a day that does not follow the plain week, or is confirmed to.
type rule struct {
	day    Day
	work   bool
	name   string
	source string
	line   int
}

var columns = []string{"date", "kind", "name", "source"}

// readArrangement reads the rows of a CSV file with the columns date, kind, name, source; lines that begin with # are
// comments. All faults are reported, each with its line.
func readArrangement(file string, r io.Reader) ([]rule, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read calendar %s: %w", file, err)
	}
	// Spreadsheets put a byte order mark in front of UTF-8.
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	reader.Comment = '#'
	reader.FieldsPerRecord = -1

	head, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("calendar %s: empty, want the header %s", file, strings.Join(columns, ","))
	}
	if err != nil {
		return nil, fmt.Errorf("calendar %s: %w", file, err)
	}
	if !slices.Equal(head, columns) {
		line, _ := reader.FieldPos(0)
		return nil, fmt.Errorf("calendar %s line %d: header is %q, want %s", file, line, strings.Join(head, ","), strings.Join(columns, ","))
	}

	var rules []rule
	var faults []error
	seen := map[Day]int{}
	for {
		rec, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// Past a broken quote the reader has lost its place: what it would say of later lines is not to be believed.
			faults = append(faults, fmt.Errorf("calendar %s: %w", file, err))
			break
		}
		line, _ := reader.FieldPos(0)
		ru, err := readRule(rec)
		if err != nil {
			faults = append(faults, fmt.Errorf("calendar %s line %d: %w", file, line, err))
			continue
		}
		ru.line = line
		if first, dup := seen[ru.day]; dup {
			faults = append(faults, fmt.Errorf("calendar %s line %d: %s is given a second time, first on line %d", file, line, ru.day, first))
			continue
		}
		seen[ru.day] = line
		rules = append(rules, ru)
	}
	if len(faults) == 0 && len(rules) == 0 {
		faults = append(faults, fmt.Errorf("calendar %s: no day in it", file))
	}
	return rules, errors.Join(faults...)
}

func readRule(rec []string) (rule, error) {
	if len(rec) != len(columns) {
		return rule{}, fmt.Errorf("%d columns, want %d (%s)", len(rec), len(columns), strings.Join(columns, ","))
	}
	day, err := ParseDay(rec[0])
	if err != nil {
		return rule{}, err
	}
	ru := rule{day: day, name: rec[2], source: rec[3]}
	switch rec[1] {
	case "work":
		ru.work = true
	case "off":
	default:
		return rule{}, fmt.Errorf("kind %q, want work or off", rec[1])
	}
	if strings.TrimSpace(ru.name) == "" {
		return rule{}, errors.New("name is empty: say which holiday it belongs to")
	}
	if strings.TrimSpace(ru.source) == "" {
		return rule{}, errors.New("source is empty: say which notice arranges the day")
	}
	return ru, nil
}

// complete says what a year that is to be covered still lacks. The days that are off by law on fixed dates, and the first
// days of the Spring Festival, are in every notice: a file without them is not a year's arrangement but a part of it,
// and would make working days out of holidays.
func complete(year int, off map[Day]bool) error {
	for _, d := range []Day{
		Date(year, time.January, 1), Date(year, time.May, 1),
		Date(year, time.October, 1), Date(year, time.October, 2), Date(year, time.October, 3),
	} {
		if !off[d] {
			return fmt.Errorf("year %d is incomplete: %s is not given as off", year, d)
		}
	}
	spring := 0
	// The Chinese New Year falls between 21 January and 20 February; the holiday may begin on its eve.
	for d := Date(year, time.January, 20); d <= Date(year, time.February, 23); d++ {
		if off[d] {
			spring++
		}
	}
	if spring < 3 {
		return fmt.Errorf("year %d is incomplete: %d days of the Spring Festival are given as off, want at least 3", year, spring)
	}
	return nil
}
