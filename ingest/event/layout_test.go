package event

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodedAlike holds a Decoder that has read other messages to one that has not.
func decodedAlike(t *testing.T, used *Decoder, value []byte) {
	t.Helper()
	var unused Decoder
	got, gotErr := used.Decode(value, recorded, "")
	want, wantErr := unused.Decode(value, recorded, "")
	if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("%s\n%v, of a new decoder %v\n%s", value, gotErr, wantErr, diff)
	}
}

// What was read before makes a message faster to read and changes nothing of what
// is read: members in another order, of other names, missing, twice, escaped.
func TestDecodedAlikeWhateverWasReadBefore(t *testing.T) {
	var used Decoder
	random := rand.New(rand.NewPCG(1, 2))
	all := samples(t)
	spoil := []func(value []byte) []byte{
		func(v []byte) []byte { return v },
		func(v []byte) []byte { return bytes.Replace(v, []byte(`"region"`), []byte(`"product"`), 1) },
		func(v []byte) []byte { return bytes.Replace(v, []byte(`"region"`), []byte(`"re\u0067ion"`), 1) },
		func(v []byte) []byte { return bytes.Replace(v, []byte(`"id"`), []byte(`"\u0069d"`), 1) },
		func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"data":{`), []byte(`"data":{"region":"1","x":{"id":1},`), 1)
		},
		func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"data":{`), []byte(`"data":{"region" :null,"":0,`), 1)
		},
		func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"data":{`), fmt.Appendf(nil, `"data":{"n%d":[{"a":1,"b":2},{"b":1,"a":2}],`, random.IntN(6000)), 1)
		},
		func(v []byte) []byte { return bytes.Replace(v, []byte(`":`), []byte(`" : `), random.IntN(9)) },
	}
	for range 4000 {
		s := all[random.IntN(len(all))].content
		if len(s) < 4096 {
			decodedAlike(t, &used, spoil[random.IntN(len(spoil))](s))
		}
	}
}

// Members come in every order; each of them is a layout, and there are more than
// are remembered.
func TestOrdersBeyondWhatIsRemembered(t *testing.T) {
	var used, unused tape
	random := rand.New(rand.NewPCG(3, 4))
	names := strings.Fields("alpha beta gamma delta epsilon zeta eta theta")
	most := 0
	for range 3000 {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var b bytes.Buffer
		for i, name := range names {
			fmt.Fprintf(&b, `%c"%s":%d`, "{,"[min(i, 1)], name, i)
		}
		value := append(b.Bytes(), '}')
		unused = tape{}
		if !used.read(value) || !unused.read(value) {
			t.Fatalf("%s is not read", value)
		}
		got, _ := used.appendCanonical(nil, 0)
		if want, _ := unused.appendCanonical(nil, 0); !bytes.Equal(got, want) {
			t.Fatalf("%s becomes %s", value, got)
		}
		most = max(most, len(used.known))
		twice := slices.Concat(value[:len(value)-1], []byte(`,"beta":1}`))
		if used.read(twice) {
			t.Fatalf("%s is read", twice)
		}
	}
	if most != mostLayouts {
		t.Errorf("%d layouts are remembered at most", most)
	}
}

// A producer that makes up names fills no memory.
func TestMadeUpNames(t *testing.T) {
	var used tape
	for i := range 3 * mostNames {
		value := fmt.Appendf(nil, `{"a":{"n%d":1},"%s":{"m":1},"b":1}`, i, strings.Repeat("long", i%40))
		if !used.read(value) {
			t.Fatalf("%s is not read", value)
		}
		if len(used.layouts.names) > mostNames || len(used.known) > mostLayouts {
			t.Fatalf("%d names and %d layouts", len(used.layouts.names), len(used.known))
		}
	}
}
