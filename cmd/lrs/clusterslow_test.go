package main

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// slowRounds is how often the network of TestClusterSlowNetwork stalls; `make soak` has more.
var slowRounds = 1

// TestClusterSlowNetwork: between nodes and servers, and between the servers, everything takes 100 to 200 ms each way, and
// for a while does not arrive at all. An append then takes over a second, is taken for lost, and is stored when the network
// goes on: nobody may have been told that it was refused, and sent again it must not be there twice.
//
// Then the leader, to which all nodes are connected, is cut off, and gets its connections back by halves: the nodes must go
// to others, and for a while two servers answer as leader, one of which refuses what the other stores.
//
// It was seen to fail with a time-out that the driver takes for a refusal (a statement is there that was refused), with a
// committer that answers before it appends (acknowledged statements are not there), and, when the leader is cut off, with a
// driver that takes any server's refusal for certain (statements and documents are there that were refused), with one that
// believes any server's head, and with one that stays where it is (no writes).
func TestClusterSlowNetwork(t *testing.T) {
	t.Parallel() // as TestClusterFaults
	network := newSlowNetwork(t)
	c := startClusterLinked(t, network.link, nil)
	c.suffer(t, []clusterFault{
		{"a long way, on which nothing arrives for a while", slowRounds, func(x *trial) {
			network.slow(100 * time.Millisecond)
			for range 2 {
				x.writes(20)
				<-network.stall(3 * time.Second) // an append times out after two, an election begins after four
			}
			x.writes(20)
			network.slow(0)
		}},
		{"a long way, and none from and to the leader", slowRounds, func(x *trial) {
			network.slow(100 * time.Millisecond)
			i := c.leader()
			network.hold(i)
			c.leader(i)
			x.writes(20)
			network.release()
			x.writes(20)
			network.slow(0)
		}},
		{"the leader is cut off, and comes back", slowRounds, func(x *trial) {
			i := c.leader()
			deposed := c.openLog(i)
			network.gather(i) // all nodes must find out that they are with the wrong one
			x.writes(50)
			network.cut(i)
			network.letIn()
			c.leader(i)
			x.writes(20)
			c.notBelieved(deposed)
			network.mendHalf(i)
			x.writes(50)
			network.mend()
			x.writes(50)
		}},
	})
}

// openLog opens the log by a connection to one server only.
func (c *cluster) openLog(i int) *natslog.Log {
	c.t.Helper()
	conn, err := nats.Connect("nats://"+c.servers[i].address, nats.IgnoreDiscoveredServers())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	log, err := natslog.Open(c.t.Context(), natslog.Config{Conn: conn, Name: "main", Replicas: 3, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	return log
}

// notBelieved checks that a log which is asked by a server that is cut off says no head: others have gone on.
func (c *cluster) notBelieved(log *natslog.Log) {
	c.t.Helper()
	if head, err := log.Head(c.t.Context()); !errors.Is(err, eventlog.ErrUnavailable) {
		c.t.Errorf("a server that is cut off says that the head is %d (%v)", head, err)
	}
}
