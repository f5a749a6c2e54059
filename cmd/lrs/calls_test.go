package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// callsServer is a server with two users: one who may do everything, and one who may neither publish nor subscribe.
func callsServer(t *testing.T) (as func(user string) *nats.Conn) {
	t.Helper()
	nothing := &natsserver.SubjectPermission{Deny: []string{">"}}
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true,
		Users: []*natsserver.User{
			{Username: "all", Password: "secret"},
			{Username: "none", Password: "secret", Permissions: &natsserver.Permissions{Publish: nothing, Subscribe: nothing}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	return func(user string) *nats.Conn {
		e := engine{at: "nats://" + user + ":secret@" + s.Addr().String()}
		conn, err := e.connect(t.Context(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
}

// hears calls through one until the other has heard it: who has just subscribed may have missed the first.
func hears(t *testing.T, from, to *calls) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard := make(chan string, 1)
	go func() {
		for range from.Calls(ctx) { // which sends too
		}
	}()
	go func() {
		for message := range to.Calls(ctx) {
			heard <- string(message)
			return
		}
	}()
	for {
		if err := from.Call([]byte("mine")); err != nil && !errors.Is(err, errCallsHang) {
			t.Fatal(err)
		}
		select {
		case got := <-heard:
			if got != "mine" {
				t.Errorf("heard %q", got)
			}
			return
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("nothing is heard")
		}
	}
}

// TestCalls: nodes of one log hear each other, and nobody hears those of another.
func TestCalls(t *testing.T) {
	as := callsServer(t)
	log := slog.New(slog.DiscardHandler)
	a, b, other := newCalls(as("all"), "main", log), newCalls(as("all"), "main", log), newCalls(as("all"), "other", log)
	hears(t, a, b)
	ctx, cancel := context.WithCancel(t.Context())
	wrong := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for message := range other.Calls(ctx) {
			wrong <- string(message)
			return
		}
	}()
	hears(t, b, a)
	cancel()
	<-ended
	if len(wrong) > 0 {
		t.Error("the node of another log hears", <-wrong)
	}
}

// TestCallsRefused: where the servers refuse calls that is said once, with what to do, and not tried at every conflict.
func TestCallsRefused(t *testing.T) {
	as := callsServer(t)
	var log syncBuffer
	c := newCalls(as("none"), "main", slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for message := range c.Calls(ctx) {
			t.Errorf("heard %q", message)
		}
	}()
	for deadline := time.After(patience); !errors.Is(c.Call(nil), nats.ErrPermissionViolation); {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatal("a call is not refused")
		}
	}
	for deadline := time.After(patience); !strings.Contains(log.String(), "allow their NATS user to publish and to subscribe"); {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("the log says\n%s", log.String())
		}
	}
	cancel()
	<-ended
}

// hanging is the other end of a connection to a server.
type hanging struct{ end net.Conn }

func (h hanging) InProcessConn() (net.Conn, error) { return h.end, nil }

// TestCallsHang: who calls does not wait for a server that hangs.
func TestCallsHang(t *testing.T) {
	server, client := net.Pipe()
	began := make(chan error, 1) // when the server has a byte of what is published, and the connection waits for it to take the rest
	go func() {
		_, _ = io.WriteString(server, `INFO {"server_id":"hangs","version":"2.15.0","max_payload":1048576}`+"\r\n")
		for lines := bufio.NewScanner(server); lines.Scan() && lines.Text() != "PING"; {
		}
		_, _ = io.WriteString(server, "PONG\r\n")
		_, err := server.Read(make([]byte, 1))
		began <- err
	}()
	conn, err := nats.Connect("", nats.InProcessServer(hanging{client}), nats.NoReconnect(), nats.FlusherTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	c := newCalls(conn, "main", slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() {
		for range c.Calls(ctx) {
		}
	})
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !errors.Is(c.Call([]byte("mine")), errCallsHang) {
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("a call waits")
	}
	cancel()
	_ = server.Close()
	listening.Wait()
	conn.Close()
}
