package queries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// Migrate brings the schema to the newest version: the numbered files of
// queries/schema in order, each applied once. A file that was applied and has
// changed since is an error. Statements are idempotent, so that a migration cut
// off by a crash is applied again.
func (db *DB) Migrate(ctx context.Context, now time.Time) error {
	err := db.Exec(ctx, `CREATE TABLE IF NOT EXISTS migrations
(
    name       String,
    sha256     String,
    applied_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY name`, nil)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	var applied []struct {
		Name   string `ch:"name"`
		SHA256 string `ch:"sha256"`
	}
	if err := db.Select(ctx, &applied, "SELECT name, sha256 FROM migrations FINAL", nil); err != nil {
		return fmt.Errorf("migrate: read what was applied: %w", err)
	}
	known := map[string]string{}
	for _, a := range applied {
		known[a.Name] = a.SHA256
	}
	names, err := fs.Glob(files, "schema/*.sql")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sort.Strings(names)
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".sql")
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		sum := sha256.Sum256(text)
		digest := hex.EncodeToString(sum[:])
		if have, ok := known[name]; ok {
			if have != digest {
				return fmt.Errorf("migrate: %s was applied with other content: this program is not the one that made the database", name)
			}
			continue
		}
		for _, statement := range statements(string(text)) {
			if err := db.Exec(ctx, statement, nil); err != nil {
				return fmt.Errorf("migrate: %s: %w", name, err)
			}
		}
		err = db.Insert(ctx, "migrations", "name, sha256, applied_at", 1, func(int) []any {
			return []any{name, digest, now.UTC()}
		})
		if err != nil {
			return fmt.Errorf("migrate: record %s: %w", name, err)
		}
	}
	return nil
}

// statements cuts a file at semicolons that end a line.
func statements(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ";\n") {
		part = strings.TrimSuffix(strings.TrimSpace(part), ";")
		code := false
		for line := range strings.SplitSeq(part, "\n") {
			line = strings.TrimSpace(line)
			code = code || (line != "" && !strings.HasPrefix(line, "--"))
		}
		if code {
			out = append(out, part)
		}
	}
	return out
}
