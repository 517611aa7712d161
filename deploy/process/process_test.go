package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childVariable makes the test binary a process that TestSignals sends signals.
const childVariable = "PROCESS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		ctx, stop := UntilSignal(context.Background())
		defer stop()
		fmt.Println("started")
		<-ctx.Done()
		fmt.Println("stopping:", context.Cause(ctx))
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The first signal ends the context, the second the process.
func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0])
			child.Env = append(os.Environ(), childVariable+"=1")
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, want := range []string{"started", "stopping: " + signal.String() + " signal received"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("got %q, want %q (%v)", lines.Text(), want, lines.Err())
				}
				if err := child.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			// The second signal may come before the first has given its effect
			// back; a person presses the key again too.
			done := make(chan error, 1)
			go func() { done <- child.Wait() }()
			for {
				select {
				case err := <-done:
					var exit *exec.ExitError
					if !errors.As(err, &exit) || ctx.Err() != nil {
						t.Errorf("ended with %v, want the signal", err)
					}
					return
				case <-time.After(10 * time.Millisecond):
					_ = child.Process.Signal(signal)
				}
			}
		})
	}
}

func TestNewLogger(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "warn", "json")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not shown")
	log.Warn("shown", "batch_rows", 5)
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"msg":"shown","batch_rows":5}`) {
		t.Errorf("wrote %q", got)
	}
	if _, err := NewLogger(&out, "loud", "text"); err == nil {
		t.Error("took the level loud")
	}
	if _, err := NewLogger(&out, "info", "xml"); err == nil || err.Error() != `make the log: format "xml" is neither text nor json` {
		t.Errorf("format xml: %v", err)
	}
}
