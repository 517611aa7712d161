package queries

import (
	"context"
	"fmt"
	"sync"
)

// life remembers which life of ClickHouse's process an insert is sent to. It is
// asked for again after each insert that failed, because the process may have come
// to its end: what the next life knows of tokens cannot be relied on.
type life struct {
	mu       sync.Mutex
	id       string // "": to be asked for
	failures int
}

// forget has the life asked for again, by who is asking now as well.
func (l *life) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id = ""
	l.failures++
}

func (l *life) known() (id string, failures int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id, l.failures
}

// learn keeps what was asked for, unless an insert has failed meanwhile: the answer
// may be of before.
func (l *life) learn(id string, failures int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures == failures {
		l.id = id
	}
}

// serverLife is another text after each start of ClickHouse's process.
func (db *DB) serverLife(ctx context.Context) (string, error) {
	id, failures := db.life.known()
	if id != "" {
		return id, nil
	}
	for {
		var rows []struct {
			ID string `ch:"id"`
		}
		if err := db.Select(ctx, &rows, "SELECT if(count() = 0, '', toString(min(id))) AS id FROM lives", nil); err != nil {
			return "", fmt.Errorf("look whether ClickHouse was started anew: %w", err)
		}
		if id := rows[0].ID; id != "" {
			db.life.learn(id, failures)
			return id, nil
		}
		// Two that find none at once make two; the smaller one will do.
		if err := db.Exec(ctx, "INSERT INTO lives SELECT generateUUIDv4()", nil); err != nil {
			return "", fmt.Errorf("note that ClickHouse was started anew: %w", err)
		}
	}
}
