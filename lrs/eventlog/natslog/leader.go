package natslog

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// heardFrom is how lately a leader must have heard from a majority. Its replicas answer every second or two.
//
// One that is cut off from all has not been heard from for four seconds when the others elect another, so that nothing is
// stored that it does not know of while it is believed. One that is cut off from a single server, which is elected by a
// third that both reach, hears of it with its next heartbeat: up to a second later.
const heardFrom = 3 * time.Second

// leads returns why an answer about a stream with replicas may not be its leader's, nil if it is. A server that was cut
// off, or stopped for a while, goes on answering as leader, and once it has lost its majority as one of no leader at all.
func leads(info *jetstream.StreamInfo) error {
	if info.Config.Replicas < 2 {
		return nil
	}
	c := info.Cluster
	if c == nil || c.Leader == "" {
		return fmt.Errorf("stream %s has no leader now", info.Config.Name)
	}
	fresh, silent := 1, []string(nil) // who answers is not among the replicas
	for _, r := range c.Replicas {
		switch {
		case r.Name == c.Leader:
			return fmt.Errorf("who answers for stream %s follows %s, which leads it", info.Config.Name, c.Leader)
		case r.Offline || r.Active <= 0 && !r.Current || r.Active >= heardFrom: // 0: never since it leads, or just now
			silent = append(silent, fmt.Sprintf("%s for %s", r.Name, r.Active.Round(100*time.Millisecond)))
		default:
			fresh++
		}
	}
	if fresh <= info.Config.Replicas/2 {
		return fmt.Errorf("server %s may no longer lead stream %s: it has not heard from %s", c.Leader, info.Config.Name, strings.Join(silent, ", "))
	}
	return nil
}
