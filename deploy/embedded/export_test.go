package embedded

import "time"

// LockFolder is for tests that play another process.
var LockFolder = lockFolder

// SetGoodbye changes how long Close waits for clients, until the function that it
// gives is called.
func SetGoodbye(wait time.Duration) (restore func()) {
	before := goodbye
	goodbye = wait
	return func() { goodbye = before }
}
