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
	key, fault := r.key()
	r.blame(fault)
	var drafts []Draft
	for _, spec := range in.events {
		if spec.when != nil {
			if ok, fault := spec.when(r); r.blame(fault) || !ok {
				continue
			}
		}
		e := event.Event{
			Source: spec.source, ID: key + "/" + spec.name, Type: spec.typ, Sequence: spec.sequence, Test: spec.test,
			DataSchema: "urn:youzhi:schema:" + spec.typ + ":1",
		}
		e.Subject = r.text(spec.subject, "the subject of "+spec.name)
		e.Time = r.instant(spec.time, "the time of "+spec.name)
		if spec.recorded != nil {
			e.Recorded = r.instant(spec.recorded, "")
		}
		if spec.corrects != nil {
			e.CorrectsID = r.text(spec.corrects, "what "+spec.name+" corrects")
		}
		var data bytes.Buffer
		spec.data.write(r, &data)
		e.Data = data.Bytes()
		drafts = append(drafts, Draft{Name: spec.name, Topic: spec.topic, Event: e})
	}
	if r.faults != nil {
		return nil, r.faults
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

// text returns a text that must be there; role says what it is.
func (r *row) text(of expression, role string) string {
	v, fault := of(r)
	if fault == nil && v.text == "" {
		fault = r.fault(v.column, "empty; it is %s", role)
	}
	r.blame(fault)
	return v.text
}

// instant returns an instant; one with a role must be there.
func (r *row) instant(of *typed, role string) time.Time {
	v, fault := of.eval(r)
	switch {
	case r.blame(fault):
	case v.text != "":
		at, err := time.Parse(time.RFC3339Nano, v.text)
		if err != nil {
			r.blame(r.fault(v.column, "%v", err))
		}
		return at
	case role != "":
		r.blame(r.fault(v.column, "empty; it is %s", role))
	}
	return time.Time{}
}

// Column returns the column that gave an event of the row what the contract
// refuses, for pointer, a JSON pointer into the message; "" where no single
// column did. The row is one for which Events made the event.
func (in *Input) Column(fields []string, found map[string]*Found, name, pointer string) string {
	r := &row{input: in, fields: fields, found: found, notes: new(Notes)}
	for _, spec := range in.events {
		if spec.name != name {
			continue
		}
		var of expression
		switch parts := strings.Split(pointer, "/")[1:]; {
		case len(parts) == 0:
		case parts[0] == "time":
			of = spec.time.eval
		case parts[0] == "recordedtime" && spec.recorded != nil:
			of = spec.recorded.eval
		case parts[0] == "subject":
			of = spec.subject
		case parts[0] == "correctsid":
			of = spec.corrects
		case parts[0] == "data":
			of = origin(spec.data, parts[1:])
		}
		if of == nil {
			return ""
		}
		if v, fault := of(r); fault == nil && v.column != none {
			return in.columns[v.column]
		}
	}
	return ""
}

// origin finds the expression that a pointer into `data` leads to, nil if there
// is none. The items of a list that a row leaves out move those behind them, so
// that only a list of one has a sure origin.
func origin(n node, parts []string) expression {
	switch v := n.(type) {
	case *typed:
		return v.eval
	case guarded:
		return origin(v.node, parts)
	case list:
		if len(v) == 1 && len(parts) > 0 {
			return origin(v[0], parts[1:])
		}
	case object:
		for _, f := range v {
			if len(parts) > 0 && f.name == parts[0] {
				return origin(f.value, parts[1:])
			}
		}
	}
	return nil
}
