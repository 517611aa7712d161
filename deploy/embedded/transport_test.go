package embedded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// roundTrip sends a request with a body to a handler and gives the response.
func roundTrip(ctx context.Context, t testing.TB, handler http.HandlerFunc, body io.Reader) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://embedded/", body)
	if err != nil {
		t.Fatal(err)
	}
	return (&transport{handler: handler, stopping: t.Context()}).RoundTrip(request)
}

// TestTransportEmpty checks that a handler which ends at once is not taken for one
// that was given up.
func TestTransportEmpty(t *testing.T) {
	for range 20_000 {
		response, err := roundTrip(t.Context(), t, func(http.ResponseWriter, *http.Request) {}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.ContentLength != 0 || response.StatusCode != http.StatusOK {
			t.Fatalf("%v: %s, length %d", err, response.Status, response.ContentLength)
		}
	}
}

func TestTransport(t *testing.T) {
	// Bodies flow both ways at once.
	reader, writer := io.Pipe()
	response, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "yes")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("X-After", "no")
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	}, reader)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusAccepted || response.Header.Get("X-Before") != "yes" || response.Header.Get("X-After") != "" {
		t.Errorf("%s, %v", response.Status, response.Header)
	}
	for _, word := range []string{"one", "two"} {
		if _, err := io.WriteString(writer, word); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != word {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}

	// A panic before and after the status, and one to cut off.
	//nolint:bodyclose // there is no response
	if response, err := roundTrip(t.Context(), t, func(http.ResponseWriter, *http.Request) { panic("early") }, nil); err == nil || !strings.Contains(err.Error(), "early") {
		t.Errorf("%v, %v", response, err)
	}
	for _, cause := range []any{"late", http.ErrAbortHandler} {
		response, err := roundTrip(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begun")
			panic(cause)
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if string(got) != "begun" || err == nil {
			t.Errorf("%v: %q, %v", cause, got, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}

	// The client goes before the status, and in the middle of the answer.
	gone := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	silent, _ := io.Pipe()
	//nolint:bodyclose // there is no response
	response, err = roundTrip(ctx, t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		// It waits for a body that never comes.
		_, err := io.ReadAll(r.Body)
		gone <- err
	}, silent)
	if !errors.Is(err, context.Canceled) {
		t.Error(response, err)
	}
	if err := <-gone; err == nil {
		t.Error("a body that nobody writes came to its end")
	}
	response, err = roundTrip(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, "more"); err != nil {
				<-r.Context().Done()
				gone <- err
				return
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err := <-gone; err == nil {
		t.Error("the handler could write to nobody")
	}
}
