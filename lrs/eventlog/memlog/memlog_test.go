package memlog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

func TestContract(t *testing.T) {
	eventlogtest.Run(t, func(*testing.T) (eventlog.Log, func() eventlog.Log) {
		log := memlog.New()
		return log, func() eventlog.Log { return log.Reopen() }
	})
}

// TestPolice misuses the log in every way that it notices: that call fails, and
// so does everything after it.
func TestPolice(t *testing.T) {
	other := eventlogtest.NewChain(t)
	other.Head.Revision, other.Head.Hash = 1, eventlog.Hash{1}
	for name, c := range map[string]struct {
		misuse func(log *memlog.Log, chain *eventlogtest.Chain) error
		want   string
	}{
		"no commit": {func(log *memlog.Log, _ *eventlogtest.Chain) error {
			return log.Append(t.Context(), 1, []byte("a string"))
		}, "no commit"},
		"a commit whose payload was changed after sealing": {func(log *memlog.Log, chain *eventlogtest.Chain) error {
			data := chain.Seal().Data
			data[len(data)/2]++
			return log.Append(t.Context(), 1, data)
		}, "no commit"},
		"sealed for another revision": {func(log *memlog.Log, chain *eventlogtest.Chain) error {
			chain.Head.Revision++
			return log.Append(t.Context(), 1, chain.Seal().Data)
		}, "sealed as revision 3"},
		"another log": {func(log *memlog.Log, _ *eventlogtest.Chain) error {
			return log.Append(t.Context(), 1, other.Seal().Data)
		}, "to log"},
		"another predecessor": {func(log *memlog.Log, chain *eventlogtest.Chain) error {
			chain.Head.Hash[0]++
			return log.Append(t.Context(), 1, chain.Seal().Data)
		}, "but the log is at"},
		"bytes changed by a reader": {func(log *memlog.Log, _ *eventlogtest.Chain) error {
			var last error
			for range 2 {
				for r, err := range log.Read(t.Context(), 1) {
					if last = err; err == nil {
						r.Data[0]++
					}
				}
			}
			return last
		}, "were changed"},
	} {
		t.Run(name, func(t *testing.T) {
			log, chain := memlog.New(), eventlogtest.NewChain(t)
			chain.Append(t.Context(), log)
			err := c.misuse(log, chain)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if _, again := log.Head(t.Context()); !errors.Is(again, err) {
				t.Fatalf("afterwards head gives %v", again)
			}
			if again := log.Append(t.Context(), 1, nil); again == nil {
				t.Fatal("afterwards an append works")
			}
		})
	}
}

// TestDamage checks that damage is what Follow gets to see, not the police.
func TestDamage(t *testing.T) {
	follow := func(log *memlog.Log, after eventlog.Head) (n int, err error) {
		for _, err := range eventlog.Follow(log.Read(t.Context(), after.Revision+1), after) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	log, chain := memlog.New(), eventlogtest.NewChain(t)
	for range 3 {
		chain.Append(t.Context(), log)
	}
	if n, err := follow(log, eventlog.Head{}); n != 3 || err != nil {
		t.Fatalf("%d commits, %v", n, err)
	}
	log.Damage(2, func(data []byte) []byte { data[20]++; return data })
	if n, err := follow(log, eventlog.Head{}); n != 1 || !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Fatalf("with revision 2 damaged: %d commits, %v", n, err)
	}

	log, chain = memlog.New(), eventlogtest.NewChain(t)
	chain.Append(t.Context(), log)
	first := chain.Head
	chain.Append(t.Context(), log)
	lost := chain.Seal()
	log.Truncate(1)
	if err := log.Append(t.Context(), 2, lost.Data); !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Fatalf("append to a log that lost its tail: %v", err)
	}
	chain.Head = first
	chain.Append(t.Context(), log)
	if n, err := follow(log, eventlog.Head{}); n != 2 || err != nil {
		t.Fatalf("after a new second commit: %d commits, %v", n, err)
	}
}
