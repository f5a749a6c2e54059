package lrs

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Neighbours is how the nodes that share a log tell each other what the log does not: that one of them wants to append, and
// lost. Nothing that is stored rests on it.
type Neighbours interface {
	// Call tells the other nodes something. It does not wait for them, and who is not reached is not told later.
	Call(message []byte) error
	// Calls yields what others tell, and what this node does, until ctx ends.
	Calls(ctx context.Context) iter.Seq[[]byte]
}

// call is what a node tells the others when another commit has the revision that it wanted.
type call struct {
	Node   string            `json:"node"`
	Caller uuid.UUID         `json:"caller"` // of the process: two nodes may have been given one name
	Lost   eventlog.Revision `json:"lost"`
	Append int64             `json:"append_us"` // how long an append of this node takes, µs
}

// callsAhead is how many calls wait for the committer. Who is not heard loses again, and calls again.
const callsAhead = 16

// listen hands the committer what other nodes call, until ctx ends.
func (s *Store) listen(ctx context.Context) {
	told := false
	for message := range s.cfg.Neighbours.Calls(ctx) {
		var c call
		if json.Unmarshal(message, &c) != nil || c.Append < 0 {
			continue // what a later release says is no reason to wait
		}
		if c.Caller == s.caller {
			continue
		}
		if c.Node == s.cfg.Node && !told {
			told = true
			s.cfg.Logger.Warn("another node has the name of this one: give each its own, with --node", "node", c.Node)
		}
		select {
		case s.calls <- c:
		default:
		}
	}
}

// call tells the other nodes that this one has lost a revision, and returns whether it is on its way.
func (c *committer) call(lost eventlog.Revision) bool {
	if c.cfg.Neighbours == nil {
		return false
	}
	message, err := json.Marshal(call{c.cfg.Node, c.caller, lost, c.turns.took.Microseconds()})
	if err == nil {
		err = c.cfg.Neighbours.Call(message)
	}
	if err != nil {
		c.cfg.Logger.Debug("the other nodes cannot be told that this one wants to append", "error", err)
	}
	return err == nil
}

// heard notes what another node called.
func (c *committer) heard(other call) {
	took := time.Duration(min(other.Append, contends.Microseconds())) * time.Microsecond
	c.turns.heard(other.Node, other.Lost, took, time.Now())
}
