package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/relay"
)

// start starts a relay that says nothing.
func start(source, target eventlog.Log) *relay.Relay {
	return relay.Start(relay.Config{Source: source, Target: target, Logger: slog.New(slog.DiscardHandler)})
}

// within bounds a wait that must end long before, in a bubble's time.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Hour)
	t.Cleanup(cancel)
	return ctx
}

// await waits until a log has a revision.
func await(ctx context.Context, log eventlog.Log, revision eventlog.Revision) error {
	for rec, err := range log.Subscribe(ctx, revision) {
		if err == nil && rec.Revision != revision {
			err = fmt.Errorf("revision %d came", rec.Revision)
		}
		if err != nil {
			return fmt.Errorf("waiting for revision %d: %w", revision, err)
		}
		return nil
	}
	return errors.New("the subscription has ended")
}

// prefix checks that the target is the beginning of the source, byte for byte, and says how long it is.
func prefix(ctx context.Context, source, target eventlog.Log) (n eventlog.Revision, err error) {
	var all [][]byte
	for rec, err := range source.Read(ctx, 1) {
		if err != nil {
			return 0, err
		}
		all = append(all, rec.Data)
	}
	for rec, err := range target.Read(ctx, 1) {
		if err != nil {
			return n, err
		}
		if n++; rec.Revision != n || int(n) > len(all) || !bytes.Equal(rec.Data, all[n-1]) {
			return n, fmt.Errorf("revision %d of the target (the source has %d) is not the source's", rec.Revision, len(all))
		}
	}
	return n, nil
}

// wantAll checks that the target comes to be all of the source.
func wantAll(t *testing.T, source, target eventlog.Log, revision eventlog.Revision) {
	t.Helper()
	ctx := within(t)
	if err := await(ctx, target, revision); err != nil {
		t.Fatal(err)
	}
	if n, err := prefix(ctx, source, target); err != nil || n != revision {
		t.Fatalf("%d of %d commits, %v", n, revision, err)
	}
}

// stuck waits until a relay says that it is hindered by an error.
func stuck(t *testing.T, r *relay.Relay, want error) error {
	t.Helper()
	ctx := within(t)
	for ctx.Err() == nil {
		if err := r.Status().Err; errors.Is(err, want) {
			return err
		}
		<-time.After(time.Second)
	}
	t.Fatalf("it stands at %+v; want %v", r.Status(), want)
	return nil
}

// TestCarries: what is there and what comes, also after a restart in the middle and to a target that has some.
func TestCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		r := start(source, target)
		for range 5 {
			chain.Append(t.Context(), source)
		}
		wantAll(t, source, target, 5)
		synctest.Wait()
		if s := r.Status(); s.Head != chain.Head || s.Stored != 5 || s.Found != 0 || s.Err != nil {
			t.Errorf("%+v", s)
		}
		r.Close()
		chain.Append(t.Context(), source)
		if n, err := target.Head(t.Context()); n != 5 || err != nil {
			t.Errorf("after Close: %d, %v", n, err)
		}
		r = start(source, target)
		defer r.Close()
		chain.Append(t.Context(), source)
		wantAll(t, source, target, 7)
		synctest.Wait()
		if s := r.Status(); s.Head != chain.Head || s.Stored != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMany: relays of one source get along, each commit is stored by one of them, and when one ends the others go on.
func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		var relays []*relay.Relay
		for range 3 {
			relays = append(relays, start(source, target))
		}
		for range 200 {
			chain.Append(t.Context(), source)
			<-time.After(time.Millisecond)
		}
		wantAll(t, source, target, 200)
		<-time.After(time.Second)
		var stored int64
		for i, r := range relays {
			s := r.Status()
			if stored += s.Stored; s.Head != chain.Head || s.Stored+s.Found > 200 || s.Err != nil {
				t.Errorf("relay %d: %+v", i, s)
			}
		}
		if stored != 200 {
			t.Errorf("%d were stored, of 200", stored)
		}
		for _, r := range relays {
			r.Close()
			if r == relays[2] {
				break
			}
			chain.Append(t.Context(), source)
			wantAll(t, source, target, chain.Head.Revision)
		}
	})
}

// TestFaults: each fault of each call, on either side, is lived through.
func TestFaults(t *testing.T) {
	for _, fault := range eventlogtest.Faults {
		for _, side := range []string{"source", "target"} {
			for first := range 6 {
				t.Run(fmt.Sprintf("%s %s from call %d", side, fault, first), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
						from, to := &eventlogtest.Faulty{Log: source}, &eventlogtest.Faulty{Log: target}
						plan := func(c eventlogtest.Call) eventlogtest.Fault {
							if c.N >= first && c.N < first+3 {
								return fault
							}
							return eventlogtest.None
						}
						if side == "source" {
							from.Plan = plan
						} else {
							to.Plan = plan
						}
						for range 3 {
							chain.Append(t.Context(), source)
							if chain.Head.Revision == 1 { // the target is not empty, and meets the source
								chainTo(t, source, target)
							}
						}
						r, other := start(from, to), start(source, target)
						defer r.Close()
						defer other.Close()
						for range 5 {
							chain.Append(t.Context(), source)
							<-time.After(30 * time.Second)
						}
						wantAll(t, source, target, 8)
						for ctx := within(t); r.Status().Head != chain.Head; <-time.After(time.Second) {
							if ctx.Err() != nil {
								t.Fatalf("%+v", r.Status())
							}
						}
						if err := r.Status().Err; err != nil {
							t.Errorf("it says still: %v", err)
						}
					})
				})
			}
		}
	}
}

// chainTo copies what a log has.
func chainTo(t *testing.T, source, target eventlog.Log) {
	t.Helper()
	for rec, err := range source.Read(t.Context(), 1) {
		if err == nil {
			err = target.Append(t.Context(), rec.Revision-1, rec.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAway: a log that is away is waited for, and what is in the way is told meanwhile.
func TestAway(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
				from, to := &eventlogtest.Faulty{Log: source}, &eventlogtest.Faulty{Log: target}
				var away atomic.Bool
				plan := func(eventlogtest.Call) eventlogtest.Fault {
					if away.Load() {
						return eventlogtest.Lost
					}
					return eventlogtest.None
				}
				if side == "source" {
					from.Plan = plan
				} else {
					to.Plan = plan
				}
				away.Store(true)
				chain.Append(t.Context(), source)
				r := start(from, to)
				defer func() { r.Close() }()
				for range 2 {
					want := eventlog.ErrUnavailable
					if side == "target" && chain.Head.Revision > 1 {
						want = eventlog.ErrUnknownOutcome // of the append: it goes on with that until it is known
					}
					stuck(t, r, want)
					away.Store(false)
					wantAll(t, source, target, chain.Head.Revision)
					synctest.Wait()
					if s := r.Status(); s.Err != nil || s.Head != chain.Head {
						t.Errorf("%+v", s)
					}
					away.Store(true)
					if side == "target" {
						chain.Append(t.Context(), source)
						continue
					}
					r.Close() // a subscription that works goes on, and carries: only a new one meets the fault
					chain.Append(t.Context(), source)
					r = start(from, to)
				}
				away.Store(false)
			})
		})
	}
}

// TestStalled: a subscription to the source that gives nothing is not taken for a log to which nothing is appended.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		subscriptions := 0
		from := &eventlogtest.Faulty{Log: source, Plan: func(c eventlogtest.Call) eventlogtest.Fault {
			if c.Op == eventlogtest.Subscribe {
				if subscriptions++; subscriptions == 1 {
					return eventlogtest.CutOff
				}
			}
			return eventlogtest.None
		}}
		r := start(from, target)
		defer r.Close()
		synctest.Wait()
		chain.Append(t.Context(), source)
		wantAll(t, source, target, 1)
	})
}

// TestAnotherCommit: a target that is not the source's is left as it is, and the error says what it holds and what to do.
func TestAnotherCommit(t *testing.T) {
	for name, c := range map[string]struct {
		// fork makes what the target has, given what the source has, before and after the relay has started.
		before, after func(t *testing.T, source *eventlogtest.Chain, target eventlog.Log)
		sourceHas     int
		want          []string
	}{
		"another log": {
			sourceHas: 3,
			before: func(t *testing.T, _ *eventlogtest.Chain, target eventlog.Log) {
				other := eventlogtest.NewChain(t)
				other.Append(t.Context(), target)
				other.Append(t.Context(), target)
			},
			want: []string{"revision 2", "it is of log", "the source is log", "choose another name"},
		},
		"another log that is longer": {
			sourceHas: 1,
			before: func(t *testing.T, _ *eventlogtest.Chain, target eventlog.Log) {
				other := eventlogtest.NewChain(t)
				other.Append(t.Context(), target)
				other.Append(t.Context(), target)
			},
			want: []string{"revision 1", "it is of log"},
		},
		"a log, and the source is empty": {
			before: func(t *testing.T, _ *eventlogtest.Chain, target eventlog.Log) {
				eventlogtest.NewChain(t).Append(t.Context(), target)
			},
			want: []string{"the target has 1 commits, the source only 0", "restored from a backup"},
		},
		"somebody else's commit while it runs": {
			sourceHas: 2,
			after: func(t *testing.T, source *eventlogtest.Chain, target eventlog.Log) {
				source.Fork("stranger").Append(t.Context(), target)
			},
			want: []string{"revision 3", `by node "stranger"`, `by node "test"`, "remove it and start them again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
				for range c.sourceHas {
					chain.Append(t.Context(), source)
				}
				if c.before != nil {
					c.before(t, chain, target)
				}
				var said bytes.Buffer
				r := relay.Start(relay.Config{Source: source, Target: target, Logger: slog.New(slog.NewTextHandler(&said, nil))})
				defer r.Close()
				if c.after != nil {
					wantAll(t, source, target, chain.Head.Revision)
					c.after(t, chain, target)
					chain.Append(t.Context(), source)
					chain.Append(t.Context(), source)
				}
				head, err := target.Head(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				err = stuck(t, r, eventlog.ErrLogDamaged)
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in: %v", want, err)
					}
				}
				<-time.After(time.Hour) // it is tried again, to the same end
				if again := r.Status().Err; again == nil || again.Error() != err.Error() {
					t.Errorf("then it says: %v", again)
				}
				r.Close()
				if n, again := strings.Count(said.String(), "level=ERROR"), strings.Contains(said.String(), "carried again"); n != 1 || again {
					t.Errorf("it is said %d times:\n%s", n, said.String())
				}
				if after, err := target.Head(t.Context()); after != head || err != nil {
					t.Errorf("the target had %d commits, and has %d (%v)", head, after, err)
				}
			})
		})
	}
}

// TestMended: a copy that has lost its tail gets it back; one that has the same commit in other bytes does not.
func TestMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		for range 4 {
			chain.Append(t.Context(), source)
		}
		r := start(source, target)
		wantAll(t, source, target, 4)
		target.Truncate(2)
		chain.Append(t.Context(), source)
		wantAll(t, source, target, 5)
		r.Close()
		target.Damage(5, func(data []byte) []byte {
			erased, err := eventlog.Erase(data, 0)
			if err != nil {
				t.Fatal(err)
			}
			return erased
		})
		r = start(source, target)
		if err := stuck(t, r, eventlog.ErrLogDamaged); !strings.Contains(err.Error(), "in other bytes") {
			t.Error(err)
		}
		r.Close()
	})
}

// TestSourceDamaged: damage of the source is not carried.
func TestSourceDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		for range 4 {
			chain.Append(t.Context(), source)
		}
		source.Damage(3, func(data []byte) []byte { data[len(data)/2]++; return data })
		r := start(source, target)
		defer r.Close()
		if err := stuck(t, r, eventlog.ErrLogDamaged); !strings.Contains(err.Error(), "source: revision 3") {
			t.Error(err)
		}
		if n, err := prefix(t.Context(), source, target); n != 2 || err != nil {
			t.Errorf("%d commits, %v", n, err)
		}
	})
}

// small is a log that takes no commit above a size.
type small struct {
	*memlog.Log
	limit int
}

func (s small) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if len(data) > s.limit {
		return fmt.Errorf("%w: over %d bytes", eventlog.ErrTooLarge, s.limit)
	}
	return s.Log.Append(ctx, expected, data)
}

func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		size := len(chain.Append(t.Context(), source).Data)
		var said bytes.Buffer
		r := relay.Start(relay.Config{Source: source, Target: small{target, size - 1}, Logger: slog.New(slog.NewTextHandler(&said, nil))})
		defer r.Close()
		if err := stuck(t, r, eventlog.ErrTooLarge); !strings.Contains(err.Error(), fmt.Sprintf("(%d bytes)", size)) {
			t.Error(err)
		}
		<-time.After(time.Hour)
		r.Close()
		if n := strings.Count(said.String(), "msg="); n != 1 {
			t.Errorf("it is said %d times:\n%s", n, said.String())
		}
	})
}

// TestOvertakenAndCutOff: a relay that was overtaken and cannot see by what goes on when it can.
func TestOvertakenAndCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
		sealed := chain.Append(t.Context(), source)
		appends, reads := 0, 0
		to := &eventlogtest.Faulty{Log: target, Plan: func(c eventlogtest.Call) eventlogtest.Fault {
			switch c.Op {
			case eventlogtest.Append:
				if appends++; appends == 1 {
					if err := target.Append(t.Context(), 0, sealed.Data); err != nil {
						t.Error(err)
					}
				}
			case eventlogtest.Read:
				if reads++; reads == 1 {
					return eventlogtest.CutOff
				}
			}
			return eventlogtest.None
		}}
		r := start(source, to)
		defer r.Close()
		chain.Append(t.Context(), source)
		wantAll(t, source, target, 2)
		if reads < 2 {
			t.Errorf("the target was read %d times", reads)
		}
	})
}

// held is a log whose appends take as long as somebody likes.
type held struct {
	*memlog.Log
	until chan struct{}
}

func (h held) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	<-h.until
	return h.Log.Append(ctx, expected, data)
}

// TestClose: when Close has returned the logs are not used any more.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target, chain := memlog.New(), held{memlog.New(), make(chan struct{})}, eventlogtest.NewChain(t)
		chain.Append(t.Context(), source)
		r := start(source, target)
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			r.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it has returned, and an append is under way")
		default:
		}
		close(target.until)
		<-closed
	})
}
