package config

import (
	"fmt"
	"io"
	"log/slog"
)

// masked stands for a secret wherever it would be printed.
const masked = "******"

// Secret is a value that is never printed: fmt, slog and encoders show a mask.
// An empty one prints as empty, so that "not set" can be told.
type Secret struct {
	value string
}

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value, for the call that needs it.
func (s Secret) Reveal() string { return s.value }

// String implements fmt.Stringer with the mask.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return masked
}

// Format implements fmt.Formatter, so that no verb, not even %d, reaches the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML encoders
// use, with the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer with the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
