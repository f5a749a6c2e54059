package readmodeltest

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Relay is a way to the PostgreSQL database of a test that can be cut, as when the server
// is away.
type Relay struct {
	DSN string

	tb       testing.TB
	server   string // socket
	dir      string
	mu       sync.Mutex
	listener net.Listener // under mu, like the next; nil while it is cut
	open     map[net.Conn]bool
}

// NewRelay gives an empty database behind a relay.
func NewRelay(tb testing.TB) *Relay {
	tb.Helper()
	u, err := url.Parse(newDatabase(tb))
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "relay-") // short: a socket's path has 107 bytes at most
	if err != nil {
		tb.Fatal(err)
	}
	r := &Relay{tb: tb, dir: dir, server: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"), open: map[net.Conn]bool{}}
	u.RawQuery = url.Values{"host": {dir}}.Encode()
	r.DSN = u.String()
	r.Restore()
	tb.Cleanup(func() {
		r.Cut()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// Restore takes connections again.
func (r *Relay) Restore() {
	r.tb.Helper()
	listener, err := net.Listen("unix", filepath.Join(r.dir, ".s.PGSQL.5432"))
	if err != nil {
		r.tb.Fatal(err)
	}
	r.mu.Lock()
	r.listener = listener
	r.mu.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // it was cut
			}
			server, err := net.Dial("unix", r.server)
			if err != nil || !r.keep(listener, client, server) {
				_ = client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = way[0].Close(), way[1].Close()
				}()
			}
		}
	}()
}

// keep notes the ends of a connection, unless it was cut meanwhile.
func (r *Relay) keep(listener net.Listener, ends ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range ends {
		r.open[c] = true
		if r.listener != listener {
			_ = c.Close()
		}
	}
	return r.listener == listener
}

// Cut ends all connections and takes none.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		_ = r.listener.Close()
	}
	r.listener = nil
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
}
