package main

import (
	"errors"
	"net"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestConnectAway: who listens in the place of a server that is not there yet, as a load balancer does, cuts the connection
// off. That is no reason to give up, and wrong credentials are.
func TestConnectAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with l
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if _, err := nats.Connect(l.Addr().String()); err == nil || !away(err) {
		t.Errorf("cut off: %v", err)
	}
	l.Close()
	if _, err := nats.Connect(l.Addr().String()); err == nil || !away(err) {
		t.Errorf("nobody listens: %v", err)
	}
	for _, err := range []error{nats.ErrAuthorization, nats.ErrSecureConnRequired, errors.New("another")} {
		if away(err) {
			t.Errorf("%v is worth another try", err)
		}
	}
}
