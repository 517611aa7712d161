package event

import "slices"

// layouts is what a tape remembers of the objects it has read. Producers write
// their messages alike: the same names in the same order. A name that comes where
// it came before is known by comparing its bytes once, and objects whose names
// come in a known order are neither sorted nor looked through for two of the same
// name again. What is remembered changes how long a message takes and nothing
// else.
type layouts struct {
	names  []knownName // the first one stands for the message itself
	known  []layout
	byHash [256]int32 // hash of a layout -> the last one with it, and one more
}

// Bounds of what is remembered. A producer that makes up names fills them; then
// all is forgotten and learnt anew.
const (
	mostNames   = 4096
	mostLayouts = 1024
	longestName = 64 // bytes with its quotes
)

// unknownName is a name that is not remembered: it has escapes, or is long.
const unknownName = -1

// knownName is the name of a member where it was met: those of the objects under
// another name are others.
type knownName struct {
	quoted string     // as written, with its quotes, without escapes
	after  successors // names behind it in its object
	first  successors // names at the begin of an object under it
	under  map[string]int32
}

// successors are names that came next the last times, the last one first; 0 is
// none.
type successors [4]int32

// layout is the names of an object in the order in which they are written.
type layout struct {
	names  []int32
	sorted []int32 // the same members in the order of names, by index
	fields []planFields
	older  int32 // another one with the same hash, and one more
}

// planFields is what the members of a layout, in the order of names, are to a
// plan: nil is no field of it.
type planFields struct {
	plan   *plan
	fields []*field
}

// prepare makes room before a message. Layouts and names stay as they are while
// one is read.
func (l *layouts) prepare() {
	if len(l.names) == 0 || len(l.names) >= mostNames || len(l.known) >= mostLayouts {
		l.names, l.known, l.byHash = append(l.names[:0], knownName{}), l.known[:0], [256]int32{}
	}
}

// expect is the name, of those in s, that text goes on with, or 0.
func (l *layouts) expect(s *successors, text []byte) int32 {
	for i, id := range s {
		if id == 0 {
			return 0
		}
		quoted := l.names[id].quoted
		if len(text) >= len(quoted) && string(text[:len(quoted)]) == quoted {
			if i > 0 {
				copy(s[1:i+1], s[:i])
				s[0] = id
			}
			return id
		}
	}
	return 0
}

// learn is the name of a member under another known name, and remembers it if it is
// new.
// before is the name of the member before, 0 if it is the first one.
func (l *layouts) learn(under, before int32, quoted []byte) int32 {
	if len(quoted) > longestName {
		return unknownName
	}
	id, ok := l.names[under].under[string(quoted)]
	if !ok {
		if len(l.names) >= mostNames {
			return unknownName
		}
		id = int32(len(l.names))
		l.names = append(l.names, knownName{quoted: string(quoted)})
		if l.names[under].under == nil {
			l.names[under].under = map[string]int32{}
		}
		l.names[under].under[string(quoted)] = id
	}
	s := l.successors(under, before)
	copy(s[1:], s[:])
	s[0] = id
	return id
}

// successors are what to expect behind a name, or at the begin of an object.
func (l *layouts) successors(under, before int32) *successors {
	if before > 0 {
		return &l.names[before].after
	}
	return &l.names[under].first
}

// find is the layout of these names, -1 if it is new or one of them is unknown.
func (l *layouts) find(names []int32) int32 {
	i := l.byHash[bucket(names)] - 1
	for i >= 0 && !slices.Equal(l.known[i].names, names) {
		i = l.known[i].older - 1
	}
	return i
}

// remember keeps the layout of members, which are all different, from how they
// were written and how they are sorted. It returns -1 if there is no room.
func (l *layouts) remember(names, written, sorted []int32) int32 {
	if len(l.known) >= mostLayouts || slices.Contains(names, unknownName) {
		return -1
	}
	order := make([]int32, len(sorted))
	for i, m := range sorted {
		at, _ := slices.BinarySearch(written, m)
		order[i] = int32(at)
	}
	newest := &l.byHash[bucket(names)]
	l.known = append(l.known, layout{names: slices.Clone(names), sorted: order, older: *newest})
	*newest = int32(len(l.known))
	return *newest - 1
}

func bucket(names []int32) uint8 {
	hash := uint32(len(names))
	for _, n := range names {
		hash = hash*0x01000193 ^ uint32(n)
	}
	return uint8(hash ^ hash>>8 ^ hash>>16 ^ hash>>24)
}

// fieldsOf are the fields of p that the members of a layout are, in the order of
// names.
func (w *walker) fieldsOf(l int32, p *plan, members []int32) []*field {
	known := &w.known[l]
	for i := range known.fields {
		if known.fields[i].plan == p {
			return known.fields[i].fields
		}
	}
	fields := w.matched(p, members, make([]*field, 0, len(members)))
	known.fields = append(known.fields, planFields{p, fields})
	return fields
}
