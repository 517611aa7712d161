package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// transport hands requests to a handler in the same process, without sockets.
// Bodies are streamed both ways.
type transport struct {
	handler http.Handler
	// stopping ends when the engine does not wait for its clients any longer.
	stopping context.Context
}

// RoundTrip runs the handler and returns as soon as it has written its status.
// The handler's context ends with the request's, and when the response's body is
// closed before its end.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	inner := r.Clone(ctx)
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	inner.RequestURI = r.URL.RequestURI()
	reader, writer := io.Pipe()
	response := &pipedResponse{
		header: make(http.Header),
		writer: writer,
		ready:  make(chan struct{}),
	}
	// A handler that waits for the rest of a body would not see the context's end.
	unblock := context.AfterFunc(ctx, func() { _ = inner.Body.Close() })
	// Nor would one that waits for its answer to be read see the engine stop.
	halt := context.AfterFunc(t.stopping, func() {
		cancel(errClosed)
		_ = writer.CloseWithError(errClosed)
	})
	go func() {
		defer cancel(nil)
		defer halt()
		defer unblock()
		defer func() { _ = inner.Body.Close() }()
		response.end(serve(t.handler, response, inner))
	}()
	select {
	case <-response.ready:
	case <-r.Context().Done():
		// The handler ends by itself: its context has ended too.
		_ = reader.CloseWithError(context.Cause(r.Context()))
		return nil, context.Cause(r.Context())
	}
	if r.Context().Err() != nil {
		// Both have come at once: nobody waits for the answer any more.
		_ = reader.CloseWithError(context.Cause(r.Context()))
		return nil, context.Cause(r.Context())
	}
	if response.failed != nil {
		return nil, response.failed
	}
	result := &http.Response{
		Status:        fmt.Sprintf("%d %s", response.status, http.StatusText(response.status)),
		StatusCode:    response.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        response.sent,
		ContentLength: -1,
		Request:       r,
		Body:          &pipedBody{reader: reader, cancel: cancel},
	}
	if response.empty {
		// The driver takes the columns of an answer from its body unless it is
		// told that there is none.
		result.ContentLength = 0
	}
	return result, nil
}

// serve runs a handler; a panic in it is the answer's failure, as in net/http's
// server.
func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case cause == http.ErrAbortHandler: //nolint:errorlint // recover gives the very value of the panic
			err = io.ErrUnexpectedEOF
		default:
			err = fmt.Errorf("panic in the handler of the embedded engine: %v", cause)
		}
	}()
	handler.ServeHTTP(w, r)
	return nil
}

// pipedResponse is the handler's side of a response.
type pipedResponse struct {
	header http.Header
	writer *io.PipeWriter

	once   sync.Once
	ready  chan struct{}
	sent   http.Header
	status int
	// empty says that the handler ended without a byte, failed that it ended
	// without a status by a panic.
	empty  bool
	failed error
}

// Header gives the headers, which count until the status is written.
func (p *pipedResponse) Header() http.Header { return p.header }

// WriteHeader lets the response go to the client.
func (p *pipedResponse) WriteHeader(status int) {
	p.once.Do(func() {
		p.status = status
		p.sent = p.header.Clone()
		close(p.ready)
	})
}

// Write waits until the client has read all of the bytes.
func (p *pipedResponse) Write(piece []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.writer.Write(piece)
}

// end closes the body; with an error the client's read fails with it.
func (p *pipedResponse) end(err error) {
	p.once.Do(func() {
		p.status = http.StatusOK
		p.sent = p.header.Clone()
		p.empty = true
		p.failed = err
		close(p.ready)
	})
	_ = p.writer.CloseWithError(err)
}

// errBodyClosed ends a handler whose client has closed the response.
var errBodyClosed = errors.New("the client closed the response")

// pipedBody is the client's side of a response.
type pipedBody struct {
	reader *io.PipeReader
	cancel context.CancelCauseFunc
}

// Read takes what the handler writes.
func (b *pipedBody) Read(piece []byte) (int, error) { return b.reader.Read(piece) }

// Close ends the handler's context, and so the statement that it runs.
func (b *pipedBody) Close() error {
	b.cancel(errBodyClosed)
	return b.reader.CloseWithError(errBodyClosed)
}
