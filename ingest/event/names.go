package event

import (
	"regexp"
	"strings"
	"sync"
)

// A detail is shown where the message may not be, so it says no name that the
// contract does not know: a name can hold a person's.

// notOurs stands for a name of the message that the contract does not know.
const notOurs = "…"

// names are all member names of the contract.
var names = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	var collect func(p *plan)
	collect = func(p *plan) {
		for _, f := range p.fields {
			out[f.name] = true
			if f.sub != nil {
				collect(f.sub)
			}
		}
	}
	collect(envelopePlan)
	for _, s := range registry {
		collect(s.plan)
	}
	return out
})

// place is an index of an array; a name of so few digits tells nothing either.
var place = regexp.MustCompile(`^[0-9]{1,5}$`)

// ownPointer is a JSON pointer with the contract's names alone.
func ownPointer(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		if part != "" && !names()[part] && !place.MatchString(part) {
			parts[i] = notOurs
		}
	}
	return strings.Join(parts, "/")
}

// typeLike is written as our own event types are: it tells what is missing here.
var typeLike = regexp.MustCompile(`^cn\.post\.[a-z_]{1,40}(\.[a-z_]{1,40}){0,2}$`)

// ownType is the name of an event type if it is written as ours are.
func ownType(name string) string {
	if typeLike.MatchString(name) {
		return name
	}
	return notOurs
}

// unspoken is what the library says, up to where it quotes more of the message than
// a single character, which stands in single quotes.
func unspoken(err error) string {
	said := err.Error()
	if i := strings.IndexAny(said, "\"`"); i >= 0 {
		said = said[:i] + notOurs
	}
	return said
}
