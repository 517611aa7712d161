package fold

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"youzhi/ingest/event"
)

func isCorrection(eventType string) bool { return strings.HasSuffix(eventType, ".corrected") }

// correct applies the corrections among the nodes, which are sorted by identity, to their targets. Every correction gets
// its fate, and every target that was taken back.
//
// Corrections of a correction are applied to it first; it then counts as recorded when the latest of them was. The
// corrections of one target are applied in the order (recordedtime, time, sequence, id), an absent recordedtime first:
// for each field, and for the time, the latest wins, and the latest says whether the event is void.
//
// Source: indicator catalogue B4 rule 2.
func correct(nodes []*node) {
	targets := map[*node]*node{}
	for _, n := range nodes {
		if !isCorrection(n.raw.Type) {
			continue
		}
		want := event.Event{Source: n.raw.Source, ID: n.raw.CorrectsID}
		i, found := slices.BinarySearchFunc(nodes, &want, func(n *node, want *event.Event) int { return compareIdentity(n.raw, want) })
		switch {
		case !found:
			n.fate = FateUnmatched
		case n.raw.Test && !nodes[i].raw.Test:
			// A test changes nothing real.
			n.fate = FateTest
		default:
			targets[n] = nodes[i]
		}
	}
	if len(targets) == 0 {
		return
	}
	refuseCircles(nodes, targets)
	for _, n := range nodes {
		if t := targets[n]; t != nil && n.fate == "" {
			t.amendments = append(t.amendments, n)
		}
	}
	for _, n := range nodes {
		n.amend()
	}
}

// refuseCircles gives up the corrections whose targets lead back to themselves, and those of such corrections: none of
// them ever comes to an event.
func refuseCircles(nodes []*node, targets map[*node]*node) {
	ends := map[*node]bool{}
	for _, n := range nodes {
		var path []*node
		onPath := map[*node]bool{}
		at, good := n, true
		for targets[at] != nil {
			if known, ok := ends[at]; ok {
				good = known
				break
			}
			if onPath[at] {
				good = false
				break
			}
			onPath[at] = true
			path = append(path, at)
			at = targets[at]
		}
		for _, passed := range path {
			ends[passed] = good
			if !good {
				passed.fate = FateBadCorrection
			}
		}
	}
}

// amend applies the corrections of a node, after theirs.
func (n *node) amend() {
	if n.resolved {
		return
	}
	n.resolved = true
	type amendment struct {
		by   *node
		what *event.Corrected
	}
	var amendments []amendment
	for _, by := range n.amendments {
		by.amend()
		if by.fate == FateVoided {
			continue
		}
		payload, err := event.DecodeData(by.raw.Type, by.data)
		what, ok := payload.(*event.Corrected)
		if err != nil || !ok {
			by.fate = FateBadCorrection
			continue
		}
		amendments = append(amendments, amendment{by, what})
	}
	slices.SortFunc(amendments, func(a, b amendment) int {
		return cmp.Or(
			a.by.recorded.Compare(b.by.recorded),
			a.by.time.Compare(b.by.time),
			strings.Compare(a.by.raw.Sequence, b.by.raw.Sequence),
			strings.Compare(a.by.raw.ID, b.by.raw.ID),
		)
	})
	void := false
	for _, a := range amendments {
		if !a.what.Void {
			merged, err := n.replace(a.what.Data)
			if err != nil {
				a.by.fate = FateBadCorrection
				continue
			}
			n.data = merged
			if a.what.TimeNew != nil {
				n.time = *a.what.TimeNew
			}
		}
		void = a.what.Void
		a.by.fate = FateCorrection
		n.correctedBy = append(n.correctedBy, a.by.raw.ID)
		if a.by.recorded.After(n.recorded) {
			n.recorded = a.by.recorded
		}
	}
	if void {
		n.fate = FateVoided
	}
}

// noLaterThan stands for when Kafka recorded a corrected event, which happened at the latest when its correction was
// recorded. That it is not in the future was judged then.
var noLaterThan = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// correctable are the members of a correction. One that another correction adds would be read by nobody.
var correctable = []string{"void", "data", "time_new"}

// replace returns the node's data with the members of fields in the place of its own; null removes one. The result has
// to be data that the node's type admits.
func (n *node) replace(fields []byte) ([]byte, error) {
	if len(fields) == 0 {
		return n.data, nil
	}
	var into, from map[string]json.RawMessage
	if err := json.Unmarshal(n.data, &into); err != nil {
		return nil, fmt.Errorf("read data to be corrected: %w", err)
	}
	if err := json.Unmarshal(fields, &from); err != nil {
		return nil, fmt.Errorf("read correction: %w", err)
	}
	if into == nil {
		return nil, errors.New("data to be corrected is null")
	}
	for name, value := range from {
		if isCorrection(n.raw.Type) && !slices.Contains(correctable, name) {
			return nil, fmt.Errorf("a correction has no member %q", name)
		}
		if string(value) == "null" {
			delete(into, name)
			continue
		}
		into[name] = value
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(into); err != nil {
		return nil, fmt.Errorf("write corrected data: %w", err)
	}
	corrected := *n.raw
	corrected.Data = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	// Judged as if it were reported like that: a correction must not do what an event may not.
	value, err := event.Marshal(corrected)
	if err != nil {
		return nil, fmt.Errorf("write corrected event: %w", err)
	}
	topic, _ := event.TopicOf(corrected.Type)
	decoded, err := event.Decode(value, noLaterThan, topic)
	if err != nil {
		return nil, fmt.Errorf("corrected event: %w", err)
	}
	return decoded.Data, nil
}
