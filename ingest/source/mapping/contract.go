package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"youzhi/ingest/event"
)

// schema is what the JSON Schema of an event type says of a value. With it a
// misspelt field or word is a fault of the mapping, found before any row is
// read, and not one of each row, or worse, none.
type schema struct {
	Type       types              `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Examples   []string           `json:"examples"` // all words of an enumeration
}

// types are JSON types: one or a list of them in the schema.
type types []string

func (t *types) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// dataSchema returns the schema of `data` of an event type.
func dataSchema(eventType string) (*schema, error) {
	var message schema
	if err := json.Unmarshal(event.Schema(eventType), &message); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", eventType, err)
	}
	data := message.Properties["data"]
	if data == nil {
		return nil, fmt.Errorf("schema of %s: no data", eventType)
	}
	return data, nil
}

// fields reports the fields that the schema does not know and those that it
// wants and the object lacks. Where the schema names no fields, any may stand.
func (s *scope) fields(b block, of *schema) {
	if of == nil || of.Properties == nil {
		return
	}
	var given []string
	for _, e := range b.entries {
		given = append(given, e.key)
		if of.Properties[e.key] == nil {
			s.fault(e.at, "%s: the contract has no field %s here; it has %s", b.what, e.key, strings.Join(slices.Sorted(maps.Keys(of.Properties)), ", "))
		}
	}
	for _, name := range of.Required {
		if !slices.Contains(given, name) {
			s.fault(b.at, "%s: the contract wants the field %s", b.what, name)
		}
	}
}

// jsonType is the type that a value of the kind has in JSON.
func (k kind) jsonType() string {
	switch k {
	case asInteger, asNumber, asBoolean:
		return string(k)
	case asText, asInstant, asDate:
	}
	return "string"
}

// fits reports a JSON type or a word that the schema does not allow.
func (s *scope) fits(at ast.Node, what string, of *schema, jsonType string, words []string) {
	if of == nil || of.Type == nil {
		return
	}
	if !slices.Contains(of.Type, jsonType) && (jsonType != "integer" || !slices.Contains(of.Type, "number")) {
		s.fault(at, "%s: the contract wants %s here, not %s", what, of.Type[0], jsonType)
	}
	if of.Examples == nil {
		return
	}
	for _, word := range words {
		if word != event.Other && !slices.Contains(of.Examples, word) {
			s.fault(at, "%s: the contract has no word %q here; it has %s, %s", what, word, strings.Join(of.Examples, ", "), event.Other)
		}
	}
}

func (of *schema) field(name string) *schema {
	if of == nil {
		return nil
	}
	return of.Properties[name]
}

func (of *schema) items() *schema {
	if of == nil {
		return nil
	}
	return of.Items
}
