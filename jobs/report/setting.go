package report

import (
	"strings"
	"unicode/utf8"

	"youzhi/metrics"
)

// setting is how the table of the indicators is set, in points.
type setting struct{ Size, Pad float64 }

// settings are the sizes of type that the table can have, the most open first,
// each with the least space above and below a row.
var settings = []setting{{8.6, 3}, {8, 2.2}, {7.6, 1.5}, {7.2, 1}, {6.9, 0.6}}

// The measures of the sheets, in points, as in the style sheet.
const (
	typeWidth  = 515 // of a sheet without its margins
	typeHeight = 787 // the same
	headHeight = 32  // of the header with its rule
	footHeight = 21  // of the footer with the space above it
	titleRule  = 27  // of a title with the spaces around it

	mostPad    = 4.6  // above and below a row of the table, however much room there is
	tableHead  = 33   // of the table's title and its first row
	lineHeight = 1.25 // of the table, in sizes
	small      = 7    // the most that heads, icons and verdicts have
	pill       = 11   // the height of a verdict or an icon
	gap        = 8    // between two columns
	noteSize   = 7    // of the notes below the table
	noteLine   = 9.8
	endWidth   = 188 // of the legend
	sourceText = 234 // of the texts of the provenance
)

// advances are the widths of the typeface's characters in hundredths of the size,
// those of Chinese being 100.
var advances = func() map[rune]float64 {
	of := map[rune]float64{}
	for _, w := range strings.Fields("a56 b62 c51 d62 e55 f32 g56 h61 i27 j27 k55 l28 m93 n61 o61 p62 q62 r39 s47 t38 u61 v52 w80 x50 y52 z47 " +
		"A61 B66 C64 D69 E59 F55 G69 H73 I29 J53 K65 L54 M81 N72 O74 P63 Q74 R63 S60 T60 U72 V57 W88 X57 Y53 Z60 " +
		"055 155 255 355 455 555 655 755 855 955 .28 ,28 :28 ;28 (34 )34 -35 /39 %92 –54 —89 =55 _55 −55 ·55 ?55 '28") {
		c, size := utf8.DecodeRuneInString(w)
		of[c] = float64(w[size]-'0')/10 + float64(w[size+1]-'0')/100
	}
	for _, space := range " \u00a0\u202f" {
		of[space] = 0.22
	}
	return of
}()

// width is how wide a text is in a size of type.
func width(text string, size float64) float64 {
	sum := 0.0
	for _, c := range text {
		sum += advance(c)
	}
	return sum * size
}

func advance(c rune) float64 {
	if w, ok := advances[c]; ok {
		return w
	}
	return 1
}

// lines is how many lines a text takes: Latin words are kept whole where they can
// be. It is a little too many rather than too few.
func lines(text string, size, room float64) int {
	room *= 0.97
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
	little := min(size, small)
	rest := float64(typeWidth)
	for i, of := range []func(row) float64{
		func(r row) float64 { return width(r.Chapter, size) },
		func(r row) float64 { return width(r.Value, size*bold) + width(" "+r.Unit, size) },
		func(r row) float64 { return width(r.Goal, size) },
		func(r row) float64 { return width(r.Sample, size) },
		func(r row) float64 { return width(r.Arrow+" "+r.Change, size) },
		func(r row) float64 { return r.Variation.width(little) },
		func(r row) float64 { return r.Assurance.width(little) },
		func(r row) float64 { return width(r.Status, little) + 8 },
	} {
		most := width(heads[i], little)
		for _, r := range rows {
			most = max(most, of(r))
		}
		rest -= most + gap
	}
	return rest
}

// bold is how much wider heavy type is.
const bold = 1.06

// width is how wide an icon stands with its word.
func (i icon) width(size float64) float64 {
	if i.Word == "" {
		return width(i.Name, min(size, 6.6))
	}
	return 12.5 + width(i.Word, size)
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
	room := typeHeight - headHeight - tableHead - footHeight - d.endHeight()
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

// The height of a picture, in points: the most that it is drawn, and the least
// that can be read.
const (
	mostPicture  = 128
	leastPicture = 60
)

// pictureHeight is how high the trends of the first sheet may be drawn, so that
// all that stands above and below them has room.
func (d *document) pictureHeight() float64 {
	rest := typeHeight - headHeight - footHeight - 2*titleRule - 8.0
	rest -= 4 + 19.5*float64(lines(d.Headline, 15*bold, typeWidth))
	for _, s := range d.Sentences {
		rest -= 1.5 + 12.5*float64(lines(s.Text, 8.8, typeWidth-11))
	}
	rest -= 6 + 11.7*float64(lines(d.Tally+" · "+d.More, 8.2, typeWidth))
	// The table of the time limits: two rows of heads, and its rows.
	rest -= 40
	for range d.Backlogs {
		rest -= backlogRow
	}
	// Around each picture: the frame, the title, the figures, how it is judged.
	for i := 0; i < len(d.Leading); i += 2 {
		most := 0
		for _, p := range d.Leading[i:min(i+2, len(d.Leading))] {
			most = max(most, lines(p.How, 6.8, panelWidth))
		}
		rest -= 66 + 9.2*float64(most)
	}
	rows := float64(max(1, (len(d.Leading)+1)/2))
	return max(leastPicture, min(mostPicture, rest/rows))
}

const (
	backlogRow = 17.5
	panelWidth = 241
)
