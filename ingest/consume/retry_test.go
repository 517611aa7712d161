package consume

import (
	"net"
	"net/http"
	"testing"

	"youzhi/queries"
)

// A store that nobody serves is told from one that refuses: it is asked again soon.
func TestUnreached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	refusing := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)", http.StatusInternalServerError)
	})}
	go func() { _ = refusing.Serve(listener) }()
	ask := func() error {
		_, err := queries.Open(t.Context(), queries.Options{DSN: "http://" + address, Database: "youzhi"})
		if err == nil {
			t.Fatal("it is open")
		}
		return err
	}
	if err := ask(); unreached(err) {
		t.Errorf("taken for unreached: %v", err)
	}
	if err := refusing.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); !unreached(err) {
		t.Errorf("not taken for unreached: %v", err)
	}
}
