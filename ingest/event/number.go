package event

import (
	"math"
	"strconv"
)

// integer reads a whole number within f's bounds. 1.0 and 1e2 are whole, as in
// JSON Schema; a fraction is a wrong type; a whole number that int64 cannot
// hold is out of range.
func (w *walker) integer(i int32, f *field) (int64, bool) {
	if w.parts[i].kind != '0' {
		w.wrongType(i, "a whole number")
		return 0, false
	}
	raw := w.raw(i)
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		x, err := strconv.ParseFloat(string(raw), 64)
		switch {
		case err == nil && x != math.Trunc(x):
			w.fault(CodeType, "", "has a fraction, a whole number is needed")
			return 0, false
		case err != nil || math.Abs(x) >= 1<<63:
			w.outOfRange("does not fit into 64 bits")
			return 0, false
		}
		n = int64(x)
	}
	switch {
	case n < f.min:
		w.fault(CodeRange, "", "%d is below %d", n, f.min)
	case n > f.max:
		w.fault(CodeRange, "", "%d is above %d", n, f.max)
	}
	return n, true
}

// float reads a finite number within f's bounds.
func (w *walker) float(i int32, f *field) (float64, bool) {
	if w.parts[i].kind != '0' {
		w.wrongType(i, "a number")
		return 0, false
	}
	x, err := strconv.ParseFloat(string(w.raw(i)), 64)
	if err != nil {
		w.outOfRange("is not a finite number of 64 bits")
		return 0, false
	}
	switch {
	case x < f.least:
		w.fault(CodeRange, "", "%v is below %v", x, f.least)
	case x > f.most:
		w.fault(CodeRange, "", "%v is above %v", x, f.most)
	case f.above && x == f.least:
		w.fault(CodeRange, "", "must be above %v", f.least)
	}
	return x, true
}

// outOfRange is a fault of any reading, for there is no value to go on with.
func (w *walker) outOfRange(says string) {
	if w.strict {
		w.fault(CodeRange, "", "%s", says)
		return
	}
	w.fault(CodeType, "", "%s", says)
}
