package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what the clients did, as they saw it.
type history struct {
	t     *testing.T
	start time.Time

	mu   sync.Mutex
	ops  []porcupine.Operation // under mu
	open []openCall            // under mu: those whose outcome nobody knows, and which may still happen
	next int                   // under mu: operations begun
}

// openCall is one of the operations, at a server.
type openCall struct {
	op       int
	of       *server
	answered bool // it was said that the outcome is unknown; else there was no answer
}

// operation is one request and what came of it.
type operation struct {
	client   int
	call     int64 // when, by history.now
	in       linearCall
	out      linearAnswer
	of       *server
	answered bool
}

// now is the time of a call or an answer.
func (h *history) now() int64 { return time.Since(h.start).Nanoseconds() }

// turn is a number that grows slowly, so that clients meet at the same keys
// while these are new, and the history of each stays short enough to check.
func (h *history) turn(operations int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return h.next / operations
}

func (h *history) add(o operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o.out.unknown {
		if o.in.reads() {
			return // it says nothing
		}
		h.open = append(h.open, openCall{len(h.ops), o.of, o.answered})
	}
	h.ops = append(h.ops, porcupine.Operation{ClientId: o.client, Input: o.in, Call: o.call, Output: o.out, Return: h.now()})
}

// died says that no server is left: what has no answer can happen no more.
func (h *history) died() { h.close(func(openCall) bool { return true }) }

// settled says that every server that is left has had a write acknowledged, which began when no client waited any more.
// What had no answer from a server that has ended, or the answer that nobody knows, has happened by now or never will:
// its commit named a revision that another has, or was before in the server's queue. Of a request that a living server
// left without any answer that is not sure, it may not have come to the queue.
//
// Without it every such request of a long history may have happened at any time until its end, and there are more orders
// than can be tried.
func (h *history) settled() {
	h.close(func(c openCall) bool {
		select {
		case <-c.of.exited:
			return true
		default:
			return c.answered
		}
	})
}

// close ends the open calls that can happen no more.
func (h *history) close(over func(openCall) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var left []openCall
	for _, c := range h.open {
		if !over(c) {
			left = append(left, c)
			continue
		}
		h.ops[c.op].Return = h.now()
	}
	h.open = left
}

func (h *history) keys() map[linearKey]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := map[linearKey]bool{}
	for _, op := range h.ops {
		keys[op.Input.(linearCall).linearKey] = true
	}
	return keys
}

// checkTime bounds how long the history of one key is looked at. Nearly all take milliseconds.
const checkTime = time.Minute

// check fails the test if the history is not linearizable, and, in other words, if that cannot be found out.
func (h *history) check() {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	kinds := map[string]int{}
	unknown := 0
	for _, op := range h.ops {
		in, out := op.Input.(linearCall), op.Output.(linearAnswer)
		if out.unknown {
			unknown++
		}
		kinds[fmt.Sprintf("%s %s %d", resourceNames[in.resource], in.method, out.status)]++
	}
	h.t.Logf("%d operations on %d keys, %d of unknown outcome; %v", len(h.ops), len(partition(h.ops)), unknown, kinds)
	v := judge(h.ops, checkTime)
	for _, ops := range v.illegal {
		h.t.Errorf("a history is not linearizable; it is in %s", h.keep(ops))
	}
	for _, ops := range v.unknown {
		h.t.Errorf("whether a history is linearizable was not found out in %s, which says nothing of the server: %d operations; they are in %s",
			checkTime, len(ops), h.keep(ops))
	}
}

// verdict has the histories of single keys that are wrong, and those for which the time was too short to tell.
type verdict struct{ illegal, unknown [][]porcupine.Operation }

// judge looks at the history of each key for so long at most.
func judge(ops []porcupine.Operation, limit time.Duration) (v verdict) {
	for _, of := range partition(ops) {
		switch porcupine.CheckOperationsTimeout(linearModel, of, limit) {
		case porcupine.Ok:
		case porcupine.Illegal:
			v.illegal = append(v.illegal, of)
		default:
			v.unknown = append(v.unknown, of)
		}
	}
	return v
}

// keep writes a history down, as text and as porcupine's picture of it, where it is still found when the test is over.
func (h *history) keep(ops []porcupine.Operation) (dir string) {
	h.t.Helper()
	dir, err := keptDir(h.t)
	if err != nil {
		h.t.Error(err)
		return "no file"
	}
	var text strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&text, "client %d %9d..%9d µs: %s\n", op.ClientId, op.Call/1000, op.Return/1000, describeOperation(op.Input, op.Output))
	}
	_, info := porcupine.CheckOperationsVerbose(linearModel, ops, 10*time.Second)
	err = errors.Join(os.WriteFile(filepath.Join(dir, "history.txt"), []byte(text.String()), 0o600),
		porcupine.VisualizePath(linearModel, info, filepath.Join(dir, "history.html")))
	if err != nil {
		h.t.Error(err)
	}
	h.t.Log(text.String())
	return dir
}

// keptDir is a directory of its own that outlives the test: among the artifacts if go test keeps them (-artifacts).
func keptDir(t *testing.T) (string, error) {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return os.MkdirTemp(t.ArtifactDir(), "history")
	}
	return os.MkdirTemp("", "lrs-history")
}
