package report

import (
	"strings"
	"unicode"

	"youzhi/metrics"
)

// setting is how the table of the indicators is set, in points.
type setting struct{ Size, Pad float64 }

// settings are the sizes of type that the table can have, the most open first,
// each with the least space above and below a row.
var settings = []setting{{8.6, 3}, {8, 2.2}, {7.6, 1.5}, {7.2, 1}, {6.9, 0.6}}

// The measures of the second sheet, in points, as in the style sheet.
const (
	mostPad    = 4.6  // above and below a row, however much room there is
	typeWidth  = 515  // of a sheet without its margins
	typeHeight = 787  // the same
	fixed      = 96   // header, title and head of the table, footer, and the spaces between
	lineHeight = 1.25 // of the table, in sizes
	small      = 7    // the most that heads, icons and verdicts have
	pill       = 11   // the height of a verdict or an icon
	gap        = 8    // between two columns
	noteSize   = 7    // of the notes below the table
	noteLine   = 9.8
	endWidth   = 190 // of the legend
	sourceText = 234 // of the texts of the provenance
)

// advance is about how wide a character is, in sizes; rather more than less.
func advance(c rune) float64 {
	switch {
	case c >= 0x2e80, c == '▲', c == '▼', c == '…':
		return 1
	case c == 'm', c == 'w', c == 'M', c == 'W', c == '%':
		return 0.9
	case unicode.IsSpace(c):
		return 0.28
	case strings.ContainsRune("iljtfr.,:;'()-/|", c):
		return 0.38
	case unicode.IsUpper(c):
		return 0.68
	}
	return 0.58
}

// width is about how wide a text is in a size of type.
func width(text string, size float64) float64 {
	sum := 0.0
	for _, c := range text {
		sum += advance(c)
	}
	return sum * size
}

// lines is how many lines a text takes at most: Latin words are kept whole where
// they can be.
func lines(text string, size, room float64) int {
	n, at, word := 1, 0.0, 0.0
	end := func() {
		if at+word > room && at > 0 {
			n, at = n+1, 0
		}
		for word > room {
			n, word = n+1, word-room
		}
		at, word = at+word, 0
	}
	for _, c := range text {
		if word += advance(c) * size; c == ' ' || c >= 0x2e80 {
			end()
		}
	}
	end()
	return n
}

// titleRoom is how much of the table's width the other columns leave to the titles.
func titleRoom(rows []row, size float64, heads []string) float64 {
	rest := float64(typeWidth)
	for i, column := range []struct {
		of   func(row) string
		size float64
	}{
		{func(r row) string { return r.Chapter }, size},
		{func(r row) string { return r.Value + " " + r.Unit }, size},
		{func(r row) string { return r.Goal }, size},
		{func(r row) string { return r.Sample }, size},
		{func(r row) string { return r.Arrow + " " + r.Change }, size},
		{func(r row) string { return r.Variation.shown() }, min(size, small)},
		{func(r row) string { return r.Assurance.shown() }, min(size, small)},
		{func(r row) string { return r.Status + "  " }, min(size, small)},
	} {
		most := width(heads[i], small)
		for _, r := range rows {
			most = max(most, width(column.of(r), column.size))
		}
		rest -= most + gap
	}
	return rest
}

// shown is an icon's text with room for its ring.
func (i icon) shown() string {
	if i.Word == "" {
		return i.Name
	}
	return "○○" + i.Word
}

// height is how high rows stand in a setting, without the space around them.
func height(rows []row, size float64, heads []string) float64 {
	room, sum := titleRoom(rows, size, heads), 0.0
	for _, r := range rows {
		sum += max(pill, float64(lines(r.Title, size, room))*size*lineHeight) + 0.5
	}
	return sum
}

// readable is the size of type below which nothing is set that fits in it.
const readable = 7.6

// choose takes the setting that breaks the fewest titles and, of those, the
// largest type; the smallest where none has room.
func choose(rows []row, heads []string, room float64) setting {
	best, fewest := settings[len(settings)-1], -1
	for _, s := range settings {
		if height(rows, s.Size, heads)+2*s.Pad*float64(len(rows)) > room || fewest >= 0 && s.Size < readable {
			continue
		}
		broken := 0
		for _, r := range rows {
			broken += lines(r.Title, s.Size, titleRoom(rows, s.Size, heads)) - 1
		}
		if fewest < 0 || broken < fewest {
			best, fewest = s, broken
		}
	}
	return best
}

// fill puts rows into the table, as far as the second sheet has room: all of them,
// else those that have a data source, and of those the first. The sheet must not
// grow, for the report has two.
func (d *document) fill(rows []row) {
	var heads []string
	for _, key := range []string{"chapter", "value", "goal", "sample", "change", "variation", "assurance", "status"} {
		heads = append(heads, say(d.Language, key))
	}
	room := typeHeight - fixed - d.endHeight()
	d.Setting = choose(rows, heads, room)
	tall := func() float64 { return height(rows, d.Setting.Size, heads) + 2*d.Setting.Pad*float64(len(rows)) }
	if tall() > room {
		var with []row
		for _, r := range rows {
			if r.Class == string(metrics.StatusNoSource) {
				d.Without = append(d.Without, r.Title)
			} else {
				with = append(with, r)
			}
		}
		if rows = with; len(d.Without) > 0 {
			room -= 4 + noteLine*float64(lines(say(d.Language, "without", len(d.Without))+strings.Join(d.Without, say(d.Language, "list")), noteSize, typeWidth))
		}
		for len(rows) > 0 && tall() > room {
			if d.Left == 0 {
				room -= 4 + noteLine
			}
			rows, d.Left = rows[:len(rows)-1], d.Left+1
		}
	}
	if len(rows) > 0 {
		d.Setting.Pad = min(mostPad, d.Setting.Pad+max(0, room-tall())/2/float64(len(rows)))
	}
	for i := range rows {
		rows[i].FirstOfChapter = i == 0 || rows[i-1].Chapter != rows[i].Chapter
	}
	d.Rows = rows
}

// endHeight is how high the legend and the provenance stand below the table.
func (d *document) endHeight() float64 {
	legend, source := 0, 0
	for _, key := range []string{"legend.variation", "legend.assurance", "legend.rule"} {
		legend += lines(say(d.Language, key), noteSize, endWidth)
	}
	for _, text := range []string{
		d.Span, d.Instant, strings.Join(append(d.Events, d.Refused), " · "), strings.Join(d.Revisions, " · "), d.Definitions, d.Hash, strings.Join(d.Again, " "),
	} {
		source += lines(text, noteSize, sourceText)
	}
	return 24 + max(9+noteLine*float64(legend), noteLine*float64(source))
}
