package main

import (
	"testing"
	"time"
)

// slowRounds is how often the network of TestClusterSlowNetwork stalls; `make soak` has more.
var slowRounds = 1

// TestClusterSlowNetwork: between nodes and servers, and between the servers, everything takes 100 to 200 ms each way, and
// for a while does not arrive at all. An append then takes over a second, is taken for lost, and is stored when the network
// goes on: nobody may have been told that it was refused, and sent again it must not be there twice.
func TestClusterSlowNetwork(t *testing.T) {
	t.Parallel() // as TestClusterFaults
	network := newSlowNetwork(t)
	c := startClusterLinked(t, network.link, nil)
	c.suffer(t, []clusterFault{
		{"a long way, on which nothing arrives for a while", slowRounds, func(x *trial) {
			network.slow(100 * time.Millisecond)
			x.writes(20)
			network.hold(0, 1, 2)
			x.unknown(len(x.load.small) / 2) // by now appends have timed out
			network.release()
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
	})
}
