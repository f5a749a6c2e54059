package api

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
)

// pipes is a listener whose connections are within the process, so that synctest's clock is theirs.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.dialed <- server
	return client, nil
}

// hostPipes serves a route /work without a network, until the test ends its client.
func hostPipes(t *testing.T, cfg Config, work http.HandlerFunc) (client *http.Client, end func()) {
	t.Helper()
	cfg.Log, cfg.Registry = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	s := NewServer(cfg)
	s.route(nil, nil, func(r *mux.Router) { r.Handle("/work", work) })
	p := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(p) }()
	transport := &http.Transport{DialContext: p.dial, MaxConnsPerHost: 1}
	return &http.Client{Transport: transport}, func() {
		transport.CloseIdleConnections()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// TestLongWork: how long a client may send says nothing about how long the answer takes. When that took longer, net/http
// took the end of the time for the client's, and that of each further request of the connection.
func TestLongWork(t *testing.T) {
	const sent = "all of it"
	for name, tc := range map[string]struct {
		method string
		body   func() io.Reader
		reads  bool // the handler
	}{
		"no body":             {http.MethodGet, func() io.Reader { return nil }, true},
		"body":                {http.MethodPost, func() io.Reader { return strings.NewReader(sent) }, true},
		"chunked body":        {http.MethodPost, func() io.Reader { return io.MultiReader(strings.NewReader(sent)) }, true},
		"unread body":         {http.MethodGet, func() io.Reader { return strings.NewReader(sent) }, false},
		"unread chunked body": {http.MethodGet, func() io.Reader { return io.MultiReader(strings.NewReader(sent)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := DefaultConfig
				cfg.ReadTimeout, cfg.StallTimeout, cfg.WriteTimeout = time.Minute, time.Second, time.Hour
				work := func(r *http.Request) {
					select {
					case <-time.After(2 * cfg.ReadTimeout):
					case <-r.Context().Done():
						t.Error("the client was taken for gone")
					}
				}
				client, end := hostPipes(t, cfg, func(w http.ResponseWriter, r *http.Request) {
					work(r)
					if tc.reads {
						if b, err := io.ReadAll(r.Body); err != nil || r.ContentLength != 0 && string(b) != sent {
							t.Errorf("%q, %v", b, err)
						}
						if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
							t.Errorf("behind the end: %d, %v", n, err)
						}
					}
					for range 2 {
						work(r)
						if _, err := w.Write(make([]byte, 3*part)); err != nil {
							t.Error(err)
						}
					}
				})
				defer end()
				for range 2 { // by one connection
					req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://pipe/work", tc.body())
					if err != nil {
						t.Fatal(err)
					}
					res, err := client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 6*part {
						t.Errorf("%d bytes, %v", n, err)
					}
					res.Body.Close()
				}
			})
		})
	}
}

// TestClientGone: who hangs up ends what is done for it, at any time.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig
		cfg.ReadTimeout, cfg.WriteTimeout = time.Minute, time.Hour
		begun := make(chan struct{})
		ended := make(chan error, 1)
		client, end := hostPipes(t, cfg, func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			select {
			case <-time.After(30 * time.Minute):
			case <-r.Context().Done():
			}
			ended <- r.Context().Err()
		})
		defer end()
		ctx, hangUp := context.WithCancel(t.Context())
		defer hangUp()
		go func() {
			<-begun
			time.AfterFunc(10*time.Minute, hangUp)
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pipe/work", nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := client.Do(req); err == nil {
			res.Body.Close()
			t.Error("there was an answer")
		}
		if err := <-ended; err == nil {
			t.Error("nobody noticed")
		}
	})
}

// TestUnsentBody: a body that is announced, not needed and not sent is waited for as long as a body that stands still, if at
// all; also where the answer is a stream, which has no end.
func TestUnsentBody(t *testing.T) {
	const stall = 30 * time.Second
	for name, tc := range map[string]struct {
		announced string
		wait      time.Duration
	}{
		"some":                           {"1.1\r\nContent-Length: 100\r\n", stall},
		"without a length":               {"1.1\r\nTransfer-Encoding: chunked\r\n", stall},
		"more than would be read":        {"1.1\r\nContent-Length: 262144\r\n", 0},
		"some, which is asked for first": {"1.1\r\nExpect: 100-continue\r\nContent-Length: 100\r\n", 0},
		"some, which HTTP/1.0 sends":     {"1.0\r\nExpect: 100-continue\r\nContent-Length: 100\r\n", stall},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := DefaultConfig
				cfg.StallTimeout = stall
				client, end := hostPipes(t, cfg, func(w http.ResponseWriter, _ *http.Request) {
					if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
						t.Error(err)
					}
					_, _ = io.WriteString(w, "event")
				})
				defer end()
				conn, err := client.Transport.(*http.Transport).DialContext(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				if _, err := io.WriteString(conn, "GET /work HTTP/"+tc.announced+"Host: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != tc.wait {
					t.Errorf("it took %v, not %v", took, tc.wait)
				}
				if answer, err := io.ReadAll(res.Body); err != nil || string(answer) != "event" || !res.Close {
					t.Errorf("%q, %v, closed: %v", answer, err, res.Close)
				}
				if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("the connection is open: %v", err)
				}
			})
		})
	}
}

// TestSlowReader: a body that is there is read to its end, whatever its reader does in between.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig
		cfg.ReadTimeout, cfg.WriteTimeout = time.Minute, time.Hour
		const size = 100_000
		client, end := hostPipes(t, cfg, func(_ http.ResponseWriter, r *http.Request) {
			for read := 0; read < size; {
				n, err := r.Body.Read(make([]byte, 10_000))
				if read += n; err != nil && read < size {
					t.Errorf("%d read, then %v", read, err)
					return
				}
				<-time.After(cfg.ReadTimeout)
			}
		})
		defer end()
		res, err := client.Post("http://pipe/work", "text/plain", strings.NewReader(strings.Repeat("a", size)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	})
}
