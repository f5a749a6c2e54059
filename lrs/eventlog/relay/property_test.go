package relay_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/relay"
)

// step is something that happens while relays run.
type step struct {
	commits int           // are appended to the source
	victim  int           // the relay that is stopped or started again; none if there is no such relay
	cut     int           // so many of its last commits are lost by the target, if it is a step of that kind
	pass    time.Duration // then
}

// life is a plan: how each call of each relay's logs ends, and what happens meanwhile.
type life struct {
	from, to [][]eventlogtest.Fault // by relay
	steps    []step
}

func drawLife(t *rapid.T) life {
	n := rapid.IntRange(1, 3).Draw(t, "relays")
	faults := rapid.SliceOfN(rapid.SampledFrom(eventlogtest.Faults[:]), 0, 25)
	l := life{
		from: rapid.SliceOfN(faults, n, n).Draw(t, "faults of the source"),
		to:   rapid.SliceOfN(faults, n, n).Draw(t, "faults of the target"),
	}
	l.steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			commits: rapid.IntRange(0, 4).Draw(t, "commits"),
			victim:  rapid.IntRange(-2, n-1).Draw(t, "victim"),
			cut:     max(0, rapid.IntRange(-20, 2).Draw(t, "cut")),
			pass:    time.Duration(rapid.Int64Range(0, int64(15*time.Second)).Draw(t, "pass")),
		}
	}), 1, 12).Draw(t, "steps")
	return l
}

// TestAlwaysAPrefix: whatever befalls the calls of however many relays, and whenever they are stopped and started, the
// target is the beginning of the source, byte for byte; and all of it when the faults are over. (memlog fails for good
// when it is given anything but the commit after its last.)
func TestAlwaysAPrefix(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLife(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = l.live(t) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func (l life) live(t *testing.T) error {
	source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
	var over atomic.Bool
	var from, to []*eventlogtest.Faulty
	relays := make([]*relay.Relay, len(l.from))
	plan := func(faults []eventlogtest.Fault) func(eventlogtest.Call) eventlogtest.Fault {
		planned := eventlogtest.Sequence(faults...)
		return func(c eventlogtest.Call) eventlogtest.Fault {
			if over.Load() {
				return eventlogtest.None
			}
			return planned(c)
		}
	}
	for i := range relays {
		from = append(from, &eventlogtest.Faulty{Log: source, Plan: plan(l.from[i])})
		to = append(to, &eventlogtest.Faulty{Log: target, Plan: plan(l.to[i])})
		relays[i] = start(from[i], to[i])
	}
	defer func() {
		for _, r := range relays {
			if r != nil {
				r.Close()
			}
		}
	}()
	for _, s := range l.steps {
		for range s.commits {
			chain.Append(t.Context(), source)
		}
		if s.victim >= 0 {
			if r := relays[s.victim]; r != nil {
				r.Close()
				relays[s.victim] = nil
			} else {
				relays[s.victim] = start(from[s.victim], to[s.victim])
			}
		}
		if head, err := target.Head(t.Context()); err == nil && s.cut > 0 && int(head) >= s.cut {
			target.Truncate(head - eventlog.Revision(s.cut))
		}
		<-time.After(s.pass)
		synctest.Wait()
		if _, err := prefix(t.Context(), source, target); err != nil {
			return err
		}
	}
	over.Store(true)
	for i := range relays {
		if to[i].Arrive(); relays[i] == nil {
			relays[i] = start(from[i], to[i])
		}
	}
	chain.Append(t.Context(), source)
	ctx := within(t)
	if err := await(ctx, target, chain.Head.Revision); err != nil {
		return fmt.Errorf("%w; %+v", err, relays[0].Status())
	}
	n, err := prefix(ctx, source, target)
	if err == nil && n != chain.Head.Revision {
		err = fmt.Errorf("%d commits of %d", n, chain.Head.Revision)
	}
	<-time.After(time.Hour)
	for i, r := range relays {
		if s := r.Status(); err == nil && (s.Head != chain.Head || s.Err != nil) {
			err = errors.Join(fmt.Errorf("relay %d stands at %d: ", i, s.Head.Revision), s.Err)
		}
	}
	return err
}
