package embedded

import "strings"

// token is a word, name, literal or sign of a statement; comments and white
// space are none.
type token struct {
	// begin and end are the token's place in the text, in bytes.
	begin, end int
	// word is the token in upper case when it is a bare word, else "".
	word string
	// depth counts the open brackets around the token.
	depth int
}

// scan hands the tokens of a statement to visit until it says false. What
// follows an unclosed quote or comment is one token to the end of the text: the
// engine's parser is the one to complain.
func scan(text string, visit func(token) bool) {
	depth := 0
	for at := 0; at < len(text); {
		begin := at
		char := text[at]
		switch {
		case char == ' ' || char == '\t' || char == '\n' || char == '\r' || char == '\f' || char == '\v':
			at++
			continue
		case strings.HasPrefix(text[at:], "--") || strings.HasPrefix(text[at:], "#!") || strings.HasPrefix(text[at:], "# "):
			end := strings.IndexByte(text[at:], '\n')
			if end < 0 {
				return
			}
			at += end + 1
			continue
		case strings.HasPrefix(text[at:], "/*"):
			end := strings.Index(text[at+2:], "*/")
			if end < 0 {
				return
			}
			at += 2 + end + 2
			continue
		case char == '\'' || char == '"' || char == '`':
			at = quoteEnd(text, at)
		case isWordByte(char):
			for at < len(text) && isWordByte(text[at]) {
				at++
			}
			// A heredoc: $tag$ … $tag$ holds any text.
			if char == '$' {
				if end := heredocEnd(text, begin); end > 0 {
					at = end
					break
				}
			}
			if !visit(token{begin: begin, end: at, word: strings.ToUpper(text[begin:at]), depth: depth}) {
				return
			}
			continue
		case char == '(' || char == '[' || char == '{':
			at++
			if !visit(token{begin: begin, end: at, depth: depth}) {
				return
			}
			depth++
			continue
		case char == ')' || char == ']' || char == '}':
			at++
			depth--
		default:
			at++
		}
		if !visit(token{begin: begin, end: at, depth: depth}) {
			return
		}
	}
}

// quoteEnd is where the quoted text that begins at a place ends. A quote in it
// is doubled or has a backslash before it.
func quoteEnd(text string, at int) int {
	quote := text[at]
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case quote:
			if at+1 < len(text) && text[at+1] == quote {
				at++
				continue
			}
			return at + 1
		}
	}
	return len(text)
}

// heredocEnd is where the heredoc that begins at a place ends, or 0 if none does.
func heredocEnd(text string, at int) int {
	close := strings.IndexByte(text[at+1:], '$')
	if close < 0 {
		return 0
	}
	tag := text[at : at+1+close+1]
	if strings.ContainsAny(tag, " \t\r\n") {
		return 0
	}
	end := strings.Index(text[at+len(tag):], tag)
	if end < 0 {
		return 0
	}
	return at + len(tag) + end + len(tag)
}

// isWordByte takes every byte of a character outside of ASCII for a letter.
func isWordByte(char byte) bool {
	return char == '_' || char == '$' || char >= 0x80 ||
		'0' <= char && char <= '9' || 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
}

// firstWord is a statement's first word, brackets before it left out.
func firstWord(text string) string {
	word := ""
	scan(text, func(t token) bool {
		word = t.word
		return t.word == "" && text[t.begin] == '('
	})
	return word
}

// hasWord says whether a bare word stands anywhere in a statement.
func hasWord(text, word string) bool {
	found := false
	scan(text, func(t token) bool {
		found = t.word == word
		return !found
	})
	return found
}

// trimEnd cuts semicolons, comments and white space off a statement's end.
func trimEnd(text string) string {
	end := 0
	scan(text, func(t token) bool {
		if text[t.begin:t.end] != ";" {
			end = t.end
		}
		return true
	})
	return text[:end]
}

// insertParts are an INSERT's statement, the format of its rows, and the rows
// that stand in the statement itself.
type insertParts struct {
	statement, format, rows string
	// selects says that the rows come from a query, so none follow.
	selects bool
	// open says that the text ended before the place where rows begin, so
	// either more of the statement follows or it names no format.
	open bool
}

// splitInsert cuts an INSERT where its rows begin. The parts hold all of the
// text but the word FORMAT or VALUES and the white space after it.
func splitInsert(text string) insertParts {
	parts := insertParts{statement: text, open: true}
	// A table may have any name, "values" and "format" too: named says that the
	// name after INSERT INTO [TABLE | FUNCTION] has begun.
	words, named, formatAt := 0, false, -1
	scan(text, func(t token) bool {
		words++
		if t.depth > 0 {
			return true
		}
		if !named {
			switch t.word {
			case "INSERT", "INTO", "TABLE", "FUNCTION":
				if words <= 3 {
					return true
				}
			}
			named = true
			return true
		}
		if formatAt >= 0 {
			if t.word == "" {
				formatAt = -1
				return true
			}
			parts = insertParts{
				statement: text[:formatAt],
				format:    text[t.begin:t.end],
				rows:      afterFormat(text[t.end:]),
			}
			return false
		}
		switch t.word {
		case "FORMAT":
			if text[previous(text, t.begin)] != '.' {
				formatAt = t.begin
			}
		case "VALUES":
			if text[previous(text, t.begin)] != '.' {
				parts = insertParts{statement: text[:t.begin], format: "Values", rows: text[t.end:]}
				return false
			}
		case "SELECT", "WITH", "FROM", "WATCH", "EXPLAIN":
			parts = insertParts{statement: text, selects: true}
			return false
		}
		// INSERT INTO t (SELECT …) has its query in brackets; a list of columns
		// has none.
		if text[t.begin] == '(' {
			switch firstWord(text[t.begin:]) {
			case "SELECT", "WITH":
				parts = insertParts{statement: text, selects: true}
				return false
			}
		}
		return true
	})
	return parts
}

// previous is the place of the last byte before a place that is not white
// space, or the place itself at the text's beginning.
func previous(text string, at int) int {
	for before := at - 1; before >= 0; before-- {
		if !strings.ContainsRune(" \t\r\n", rune(text[before])) {
			return before
		}
	}
	return at
}

// afterFormat cuts what ClickHouse cuts between a format's name and the rows:
// blanks and one line end.
func afterFormat(text string) string {
	text = strings.TrimLeft(text, " \t\f")
	text = strings.TrimPrefix(text, ";")
	text = strings.TrimPrefix(text, "\r")
	return strings.TrimPrefix(text, "\n")
}

// outputFormat is the format that a query's own FORMAT clause names, or "". It
// may name one that is none, when a column has the name format; it never
// overlooks one.
func outputFormat(text string) string {
	format, pending := "", false
	scan(text, func(t token) bool {
		switch {
		case t.depth > 0:
			pending = false
		case pending && t.word != "":
			format, pending = text[t.begin:t.end], false
		default:
			pending = t.word == "FORMAT"
		}
		return true
	})
	return format
}
