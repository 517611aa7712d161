package event

import "time"

// written says how well a string is the written form that its name fixes.
type written uint8

const (
	wellWritten  written = iota
	notWritten           // another form altogether
	notReal              // the right form, but no such day or time exists
	withoutShift         // an instant that lacks its offset from UTC
)

// parseInstant reads an RFC 3339 instant: date, T, time to the second, any
// fraction, Z or an offset in hours and minutes; t and z may be lower case as
// the RFC allows. It returns UTC, cut to microseconds. A leap second (:60) is
// not real: no clock of ours can hold it.
func parseInstant(s []byte) (time.Time, written) {
	if len(s) < len("2006-01-02T15:04:05") {
		return time.Time{}, notWritten
	}
	day, asDay := parseDay(s[:10])
	hour, okH := digits(s[11:13])
	minute, okM := digits(s[14:16])
	second, okS := digits(s[17:19])
	if asDay == notWritten || !okH || !okM || !okS || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, notWritten
	}
	rest, micros := s[19:], 0
	if len(rest) > 0 && rest[0] == '.' {
		n, unit := 1, 100_000
		for ; n < len(rest) && rest[n]-'0' <= 9; n++ {
			micros += int(rest[n]-'0') * unit
			unit /= 10
		}
		if n == 1 {
			return time.Time{}, notWritten
		}
		rest = rest[n:]
	}
	if len(rest) == 0 {
		return time.Time{}, withoutShift
	}
	shift := 0
	switch {
	case len(rest) == 1 && rest[0]|0x20 == 'z':
	case len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		h, okH := digits(rest[1:3])
		m, okM := digits(rest[4:6])
		if !okH || !okM {
			return time.Time{}, notWritten
		}
		if h > 23 || m > 59 {
			return time.Time{}, notReal
		}
		shift = h*3600 + m*60
		if rest[0] == '-' {
			shift = -shift
		}
	default:
		return time.Time{}, notWritten
	}
	if asDay == notReal || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, notReal
	}
	seconds := day*86_400 + int64(hour*3600+minute*60+second-shift)
	return time.Unix(seconds, int64(micros)*1000).UTC(), wellWritten
}

// parseDay reads YYYY-MM-DD and returns days since 1970-01-01.
func parseDay(s []byte) (int64, written) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, notWritten
	}
	century, okC := digits(s[0:2])
	year, okY := digits(s[2:4])
	month, okM := digits(s[5:7])
	day, okD := digits(s[8:10])
	if !okC || !okY || !okM || !okD {
		return 0, notWritten
	}
	year += century * 100
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, notReal
	}
	// Years begin in March here, so that the leap day is the last of its year.
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) + (153*(m-3)+2)/5 + int64(day) - 719_469, wellWritten
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func digits(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}
