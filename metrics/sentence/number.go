package sentence

import (
	"math"
	"strconv"
	"strings"

	"youzhi/metrics/catalogue"
)

// Signs that numbers are written with.
const (
	thin  = "\u202f" // narrow no-break space, between groups of digits
	space = "\u00a0" // no-break space, between a number and its unit
	minus = "\u2212"
)

// Count writes a whole number in groups of three digits.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = minus, s[1:]
	}
	return sign + grouped(s)
}

func grouped(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + thin + s[i:]
	}
	return s
}

// Number writes a number with so many decimals, in groups of three digits.
func Number(v float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	whole = grouped(whole)
	if fraction != "" {
		whole += "." + fraction
	}
	// A number that rounds to nothing has no sign.
	if v < 0 && strings.ContainsAny(s, "123456789") {
		return minus + whole
	}
	return whole
}

// Percent writes a rate in percent without the sign: one decimal, two above 99 and
// below 1, none at 0 and 1. A rate that is not 0 or 1 is never rounded to it, since "100"
// says that nothing failed.
func Percent(v float64) string {
	switch {
	case v == 0 || v == 1:
		return Number(v*100, 0)
	case v > 0.99 && v < 1:
		return Number(min(math.Round(v*10000), 9999)/100, 2)
	case v > 0 && v < 0.01:
		return Number(max(math.Round(v*10000), 1)/100, 2)
	}
	return Number(v*100, 1)
}

// Sum writes a part of a figure: whole if it is, else with two decimals.
func Sum(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return Count(int64(v))
	}
	return Number(v, 2)
}

// Plain writes a value of a unit without the unit's name.
func Plain(u catalogue.Unit, v float64) string {
	switch u {
	case catalogue.Rate:
		return Percent(v)
	case catalogue.Units:
		switch {
		case v == math.Trunc(v):
			return Sum(v)
		case math.Abs(v) >= 100:
			return Number(v, 0)
		}
		return Number(v, 1)
	}
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) < 1:
		return Number(v, 2)
	}
	return Number(v, 1)
}

// apart writes values of a unit so that a value and a limit that it differs from
// read differently: as [Plain] does, or with two to four decimals.
func apart(u catalogue.Unit, value float64, limits ...float64) func(catalogue.Unit, float64) string {
	same := func(write func(catalogue.Unit, float64) string) bool {
		for _, limit := range limits {
			if limit != value && write(u, limit) == write(u, value) {
				return true
			}
		}
		return false
	}
	write := Plain
	for decimals := 2; decimals <= 4 && same(write); decimals++ {
		write = func(u catalogue.Unit, v float64) string {
			switch {
			case v == 0:
				return "0"
			case u == catalogue.Rate:
				v *= 100
			}
			return Number(v, decimals)
		}
	}
	return write
}

// Amount writes a value with its unit.
func (v Voice) Amount(u catalogue.Unit, x float64) string { return v.named(u, Plain(u, x)) }

// named puts the unit behind a value.
func (v Voice) named(u catalogue.Unit, value string) string {
	unit, ok := v.unit(u)
	switch {
	case !ok && u != "":
		unit = string(u)
	case unit == "":
		return value
	}
	if strings.HasPrefix(unit, "/") {
		return value + unit
	}
	return value + space + unit
}

// unit is the word of a unit.
func (v Voice) unit(u catalogue.Unit) (string, bool) {
	m := zh
	if v.Language == English {
		m = en
	}
	s, ok := m["unit."+string(u)]
	return s, ok
}
