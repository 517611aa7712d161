package embedded

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// documentForm says how the engine's pieces of a streamed answer, each a whole
// document of the format, become one document.
type documentForm struct {
	// header gives the length of what stands at a document's top and must not
	// be repeated; nil when nothing does.
	header func(document []byte) int
	// native is ClickHouse's own format, where an answer without rows still
	// names its columns.
	native bool
}

// streamedFormats are the formats, in upper case, whose documents can be put one
// after the other. All others (JSON, Pretty, Parquet …) have something at their
// end, or count their rows: an answer in one of them is collected by the engine
// and then sent.
var streamedFormats = map[string]documentForm{
	"NATIVE":                              {native: true},
	"TSV":                                 {},
	"TABSEPARATED":                        {},
	"TSVRAW":                              {},
	"TABSEPARATEDRAW":                     {},
	"TSVWITHNAMES":                        {header: lines(1)},
	"TABSEPARATEDWITHNAMES":               {header: lines(1)},
	"TSVWITHNAMESANDTYPES":                {header: lines(2)},
	"TABSEPARATEDWITHNAMESANDTYPES":       {header: lines(2)},
	"CSV":                                 {},
	"CSVWITHNAMES":                        {header: csvLines(1)},
	"CSVWITHNAMESANDTYPES":                {header: csvLines(2)},
	"JSONEACHROW":                         {},
	"JSONLINES":                           {},
	"NDJSON":                              {},
	"JSONSTRINGSEACHROW":                  {},
	"JSONCOMPACTEACHROW":                  {},
	"JSONCOMPACTEACHROWWITHNAMES":         {header: lines(1)},
	"JSONCOMPACTEACHROWWITHNAMESANDTYPES": {header: lines(2)},
	"TSKV":                                {},
	"ROWBINARY":                           {},
	"ROWBINARYWITHNAMES":                  {header: rowBinaryHeader(1)},
	"ROWBINARYWITHNAMESANDTYPES":          {header: rowBinaryHeader(2)},
	"LINEASSTRING":                        {},
	"RAWBLOB":                             {},
	"MSGPACK":                             {},
	"NULL":                                {},
}

// lines is a header of so many lines, in a format that never breaks a line
// within a value.
func lines(count int) func([]byte) int {
	return func(document []byte) int {
		at := 0
		for range count {
			end := bytes.IndexByte(document[at:], '\n')
			if end < 0 {
				return len(document)
			}
			at += end + 1
		}
		return at
	}
}

// csvLines is a header of so many lines of CSV, where a line end within double
// quotes is none.
func csvLines(count int) func([]byte) int {
	return func(document []byte) int {
		quoted, left := false, count
		for at, char := range document {
			switch {
			case char == '"':
				quoted = !quoted
			case char == '\n' && !quoted:
				left--
				if left == 0 {
					return at + 1
				}
			}
		}
		return len(document)
	}
}

// rowBinaryHeader is the number of columns, followed by so many texts for each.
func rowBinaryHeader(texts int) func([]byte) int {
	return func(document []byte) int {
		columns, at := binary.Uvarint(document)
		if at <= 0 {
			return len(document)
		}
		for range columns * uint64(texts) {
			length, size := binary.Uvarint(document[at:])
			if size <= 0 || uint64(len(document)-at-size) < length {
				return len(document)
			}
			at += size + int(length)
		}
		return at
	}
}

// contentType is the media type of a format, as ClickHouse's server gives it.
func contentType(format string) string {
	upper := strings.ToUpper(format)
	switch {
	case strings.HasPrefix(upper, "TSV"), strings.HasPrefix(upper, "TABSEPARATED"), upper == "TSKV":
		return "text/tab-separated-values; charset=UTF-8"
	case upper == "CSV":
		return "text/csv; charset=UTF-8; header=absent"
	case strings.HasPrefix(upper, "CSV"):
		return "text/csv; charset=UTF-8; header=present"
	case strings.HasSuffix(upper, "EACHROW"), upper == "JSONLINES", upper == "NDJSON":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(upper, "JSON"):
		return "application/json; charset=UTF-8"
	case upper == "XML":
		return "application/xml; charset=UTF-8"
	case strings.HasPrefix(upper, "PRETTY"), upper == "VERTICAL", upper == "VALUES", upper == "MARKDOWN":
		return "text/plain; charset=UTF-8"
	}
	return "application/octet-stream"
}
