package mapping

import (
	"bytes"
	"strings"
	"time"

	"youzhi/ingest/event"
)

// eventSpec says how a row becomes one event.
type eventSpec struct {
	typ, topic, name string
	when             condition // nil: always
	source           string
	subject          expression
	sequence         string
	time             *typed
	recorded         *typed
	corrects         expression
	test             bool
	data             object
}

// Draft is an event made of a row, with the name that the mapping gives it.
type Draft struct {
	Name  string
	Topic string
	Event event.Event // all but DataSchema and Hash
}

// Events makes the events of a row, whose fields are in the order of Columns.
// found has the look-ups that the input needs, notes takes what the row gives
// to count. A row with faults is bad as a whole: it yields all its faults and no
// event.
func (in *Input) Events(fields []string, found map[string]*Found, notes *Notes) ([]Draft, []Fault) {
	r := &row{input: in, fields: fields, found: found, notes: notes}
	var faults []Fault
	blame := func(f *Fault) {
		if f == nil {
			return
		}
		for _, known := range faults {
			if known == *f {
				return
			}
		}
		faults = append(faults, *f)
	}
	key, fault := r.key()
	blame(fault)
	var drafts []Draft
	for _, spec := range in.events {
		if spec.when != nil {
			ok, fault := spec.when(r)
			blame(fault)
			if !ok {
				continue
			}
		}
		e := event.Event{
			Source: spec.source, ID: key + "/" + spec.name, Type: spec.typ, Sequence: spec.sequence, Test: spec.test,
			DataSchema: "urn:youzhi:schema:" + spec.typ + ":1",
		}
		var fault *Fault
		e.Subject, fault = r.needText(spec.subject, "the subject of "+spec.name)
		blame(fault)
		e.Time, fault = r.instant(spec.time)
		blame(fault)
		if fault == nil && e.Time.IsZero() {
			v, _ := spec.time.eval(r)
			blame(r.fault(v.column, "empty; it is the time of %s", spec.name))
		}
		if spec.recorded != nil {
			e.Recorded, fault = r.instant(spec.recorded)
			blame(fault)
		}
		if spec.corrects != nil {
			e.CorrectsID, fault = r.needText(spec.corrects, "what "+spec.name+" corrects")
			blame(fault)
		}
		var data bytes.Buffer
		_, fault = spec.data.write(r, &data)
		blame(fault)
		e.Data = data.Bytes()
		drafts = append(drafts, Draft{Name: spec.name, Topic: spec.topic, Event: e})
	}
	if faults != nil {
		return nil, faults
	}
	return drafts, nil
}

// key joins the key columns so that different keys never look the same.
func (r *row) key() (string, *Fault) {
	parts := make([]string, len(r.input.key))
	for i, column := range r.input.key {
		if r.fields[column] == "" {
			return "", r.fault(column, "empty; it is part of the key")
		}
		parts[i] = escapeKey.Replace(r.fields[column])
	}
	return strings.Join(parts, "/"), nil
}

var escapeKey = strings.NewReplacer("%", "%25", "/", "%2F")

func (r *row) needText(of expression, what string) (string, *Fault) {
	v, fault := of(r)
	if fault == nil && v.text == "" {
		fault = r.fault(v.column, "empty; it is %s", what)
	}
	return v.text, fault
}

// instant returns the zero time for an empty value.
func (r *row) instant(of *typed) (time.Time, *Fault) {
	v, fault := of.eval(r)
	if fault != nil || v.text == "" {
		return time.Time{}, fault
	}
	at, err := time.Parse(time.RFC3339Nano, v.text)
	if err != nil {
		return time.Time{}, r.fault(v.column, "%v", err)
	}
	return at, nil
}
