package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestEventStoreStartsCutOff: a node whose log is on EventStoreDB begins with a server of the NATS cluster that the others
// do not reach, and goes to another. It was seen to fail with a node that asks for the attachments first: it ends after half
// a minute.
func TestEventStoreStartsCutOff(t *testing.T) {
	t.Parallel() // as TestClusterFaults
	network := newSlowNetwork(t)
	e := startEventStoreBeside(t, startClusterLinked(t, network.link, nil))
	e.formed()
	first, err := e.begin(0, t.TempDir()).await()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.stop(t); err != nil { // it has made what others expect
		t.Fatalf("%v\n%s", err, first.stderr)
	}
	const off = 0
	network.gather(off)
	network.cut(off)
	e.noJetStream(off)
	before := network.taken(off)
	s := e.begin(1, t.TempDir())
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); network.taken(off) == before; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the node does not connect\n%s", s.stderr)
		}
	}
	network.letIn()
	if _, err := s.await(); err != nil {
		t.Fatal(err)
	}
	setUp(t, s)
	status, position, body := passed(t, s, "p01")
	if status != http.StatusOK || position == "" {
		t.Errorf("%d %q %s", status, position, body)
	}
	if err := s.stop(t); err != nil {
		t.Errorf("%v\n%s", err, s.stderr)
	}
}

// noJetStream waits until a server that is cut off says that it knows of no leader. Before, it may pass for one itself.
func (c *cluster) noJetStream(i int) {
	c.t.Helper()
	if err := c.untilJetStream(i, func(err error) bool {
		var api *jetstream.APIError
		return errors.As(err, &api) && api.Code == http.StatusServiceUnavailable
	}); err != nil {
		c.t.Fatalf("after %s server %d, which is cut off, still has JetStream (%v)", patience, i, err)
	}
}
