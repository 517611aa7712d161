package embedded_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"youzhi/deploy/embedded"
	"youzhi/deploy/embedded/embeddedtest"
)

var discard = slog.New(slog.DiscardHandler)

// serve answers on a listener until the test ends and gives its URL.
func serve(t testing.TB, listener net.Listener, handler http.Handler) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- embedded.Serve(ctx, listener, handler, discard) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// get fetches a page.
func get(t testing.TB, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestServe(t *testing.T) {
	instance := embeddedtest.Engine(t)
	listener, err := embedded.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, listener, instance.Handler())
	for path, want := range map[string]string{
		"/ping":                       "Ok.\n",
		"/":                           "Ok.\n",
		"/?query=SELECT+1":            "1\n",
		"/?query=SELECT+1+FORMAT+CSV": "1\n",
	} {
		if got := get(t, base+path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := get(t, base+"/play"); !strings.Contains(got, "/play") {
		t.Errorf("/play: %q", got)
	}
	// The driver works over the socket as it does in the process.
	conn := openDatabase(t, toHost(listener.Addr().String()), newDatabase(t, instance))
	if err := conn.Exec(t.Context(), "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Append(uint64(7)); err != nil {
		t.Fatal(err)
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var sum uint64
	if err := conn.QueryRow(t.Context(), "SELECT sum(x) FROM t").Scan(&sum); err != nil || sum != 7 {
		t.Errorf("sum %d, %v", sum, err)
	}
	// A page of another site may not reach it.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, strings.NewReader("SELECT 1"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://example.org")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign page gets %s, %v", response.Status, err)
	}
}

// toHost sends all requests to one address.
type toHost string

func (h toHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = string(h)
	return http.DefaultTransport.RoundTrip(r)
}

func TestListen(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:1"} {
		if _, err := embedded.Listen(address, false); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"nonsense", "127.0.0.1", "127.0.0.1:99999"} {
		if _, err := embedded.Listen(address, true); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	listener, err := embedded.Listen("0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := embedded.Listen(listener.Addr().String(), true); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a taken port: %v", err)
	}
}

func TestEnginePath(t *testing.T) {
	path, err := embedded.EnginePath()
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	if filepath.Base(path) != "libchdb.so" {
		t.Errorf("found %s", path)
	}
	t.Setenv(embedded.EngineVariable, path)
	if got, err := embedded.EnginePath(); err != nil || got != path {
		t.Errorf("named file: %s, %v", got, err)
	}
	for _, wrong := range []string{filepath.Join(t.TempDir(), "none.so"), t.TempDir()} {
		t.Setenv(embedded.EngineVariable, wrong)
		if _, err := embedded.EnginePath(); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("wrong file: %v", err)
		}
	}
	t.Setenv(embedded.EngineVariable, "")
	t.Chdir(t.TempDir())
	if _, err := embedded.EnginePath(); err == nil || !strings.Contains(err.Error(), "make setup") || strings.Contains(err.Error(), "\n") {
		t.Errorf("missing engine: %v", err)
	}
}
