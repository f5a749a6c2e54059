package esdblog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// data is what the tests here store as the given revision.
func data(revision int) []byte { return fmt.Appendf(nil, "commit %d", revision) }

func appendN(t testing.TB, log eventlog.Log, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		if err := log.Append(t.Context(), eventlog.Revision(i-1), data(i)); err != nil {
			t.Fatalf("revision %d: %v", i, err)
		}
	}
}

// within bounds a wait that must end long before, in a bubble's time.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Hour)
	t.Cleanup(cancel)
	return ctx
}

// insist appends a revision until it is stored.
func insist(t testing.TB, log eventlog.Log, revision int) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for {
		err := eventlog.Settle(ctx, log, eventlog.Revision(revision-1), data(revision), eventlog.SettleOptions{})
		if !errors.Is(err, eventlog.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}

// take takes n records from next, which must begin with the given revision.
func take(t testing.TB, next func() (eventlog.Record, error, bool), first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		r, err, ok := next()
		if err != nil || !ok || r.Revision != eventlog.Revision(i) || string(r.Data) != string(data(i)) {
			t.Fatalf("revision %d (%q), %v, %v; want revision %d", r.Revision, r.Data, err, ok, i)
		}
	}
}

// read reads to the end of the log, or to the first error.
func read(_ context.Context, records iter.Seq2[eventlog.Record, error]) (n int, err error) {
	for _, err := range records {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// wantOnly checks that err is want and no other of the port's errors.
func wantOnly(t testing.TB, what string, err, want error) {
	t.Helper()
	for _, e := range []error{
		eventlog.ErrConflict, eventlog.ErrUnknownOutcome, eventlog.ErrTooLarge,
		eventlog.ErrUnavailable, eventlog.ErrClosed, eventlog.ErrLogDamaged,
	} {
		if errors.Is(err, e) != (e == want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	if want == nil && err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// The tests below run in bubbles of testing/synctest: the network is in memory, and
// a minute takes no time.

const host = "esdb.test:2113"

// inMemory starts a server at host, and says how to reach it.
func inMemory(t testing.TB, cfg esdbtest.Config) (*esdbtest.Server, esdblog.Config) {
	cfg.InMemory, cfg.Address = true, host
	s := serve(t, cfg)
	return s, esdblog.Config{URL: s.URL(), Dial: s.Dial}
}

// restart starts a server again.
func restart(t testing.TB, s *esdbtest.Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// The server is gone for a minute and comes back: writes resume by themselves, and
// so does a subscription that is patient enough.
func TestServerGoneForAMinute(t *testing.T) {
	for name, freeze := range map[string]bool{"stopped": false, "behind a black hole": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := inMemory(t, esdbtest.Config{})
				log := open(t, cfg)
				cfg.Patience = 2 * time.Minute
				patient := open(t, cfg)
				appendN(t, log, 1, 3)
				next, stop := iter.Pull2(patient.Subscribe(within(t), 1))
				defer stop()
				take(t, next, 1, 3)
				impatient := make(chan error, 1)
				go func() {
					_, err := read(t.Context(), log.Subscribe(within(t), 4))
					impatient <- err
				}()
				synctest.Wait()

				gone := time.Now()
				if freeze {
					s.Freeze()
				} else {
					s.Stop()
				}
				attempts := 0
				for ; time.Since(gone) < time.Minute; attempts++ {
					err := log.Append(t.Context(), 3, data(4))
					if err == nil || !errors.Is(err, eventlog.ErrUnavailable) && !errors.Is(err, eventlog.ErrUnknownOutcome) {
						t.Fatalf("%v after the loss of the server: %v", time.Since(gone), err)
					}
					if !freeze {
						wantOnly(t, "append without a server", err, eventlog.ErrUnavailable)
					}
					<-time.After(100 * time.Millisecond)
				}
				if attempts < 10 {
					t.Errorf("only %d attempts", attempts)
				}
				wantOnly(t, "a subscription without patience", <-impatient, eventlog.ErrUnavailable)

				if freeze {
					s.Thaw()
				} else {
					restart(t, s)
				}
				back := time.Now()
				for {
					err := log.Append(t.Context(), 3, data(4))
					if err == nil {
						break
					}
					if time.Since(back) > 10*time.Second {
						t.Fatalf("%v after the server came back: %v", time.Since(back), err)
					}
					<-time.After(10 * time.Millisecond)
				}
				appendN(t, log, 5, 3)
				take(t, next, 4, 4)
				if n, err := read(t.Context(), log.Read(t.Context(), 1)); n != 7 || err != nil {
					t.Errorf("%d commits, %v", n, err)
				}
			})
		})
	}
}

// Twenty callers that wait for a dead server return when their contexts end, at
// the latest, whatever they call.
func TestCallersReturn(t *testing.T) {
	for name, kill := range map[string]func(*esdbtest.Server){
		"stopped":             (*esdbtest.Server).Stop,
		"behind a black hole": (*esdbtest.Server).Freeze,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := inMemory(t, esdbtest.Config{})
				log := open(t, cfg)
				appendN(t, log, 1, 1)
				kill(s)
				const callers, wait = 20, time.Second
				var wg sync.WaitGroup
				began := time.Now()
				for i := range callers {
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), wait)
						defer cancel()
						var err error
						switch i % 4 {
						case 0:
							err = log.Append(ctx, 1, data(2))
						case 1:
							_, err = log.Head(ctx)
						case 2:
							_, err = read(ctx, log.Read(ctx, 1))
						case 3:
							_, err = read(ctx, log.Subscribe(ctx, 2))
						}
						if took := time.Since(began); err == nil || took > wait {
							t.Errorf("caller %d returned after %v: %v", i, took, err)
						}
					})
				}
				wg.Wait()
				s.Thaw()
			})
		})
	}
}

// dialer reaches servers by their addresses.
func dialer(servers ...*esdbtest.Server) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		for _, s := range servers {
			if s.Address() == address {
				return s.Dial(ctx, address)
			}
		}
		return nil, fmt.Errorf("%s: %w", address, syscall.EHOSTUNREACH)
	}
}

// A hundred restarts leave no goroutine and no connection behind, and a
// subscription neither loses a commit nor gets one twice.
func TestHundredRestarts(t *testing.T) {
	for _, url := range []string{"esdb://" + host + "?tls=false", "esdb+discover://" + host + "?tls=false"} {
		t.Run(url, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := inMemory(t, esdbtest.Config{})
				cfg.URL = url
				log := open(t, cfg)
				appendN(t, log, 1, 1)
				next, stop := iter.Pull2(log.Subscribe(within(t), 1))
				defer stop()
				take(t, next, 1, 1)
				settled := func() int {
					<-time.After(time.Minute) // all that ends by time has ended
					synctest.Wait()
					return runtime.NumGoroutine()
				}
				const restarts = 100
				before := 0
				for i := range restarts {
					s.Stop()
					restart(t, s)
					if err := insist(t, log, 2+i); err != nil {
						t.Fatal(err)
					}
					take(t, next, 2+i, 1)
					if i == 0 {
						before = settled()
					}
				}
				// What is left behind by each restart; one or two of the process's
				// own come and go.
				if after := settled(); after > before+restarts/10 {
					buf := make([]byte, 1<<20)
					t.Errorf("%d goroutines after the first restart, %d after %d\n%s", before, after, restarts, buf[:runtime.Stack(buf, true)])
				}
				if n := s.Connections(); n != 1 {
					t.Errorf("%d connections are open", n)
				}
				stop()
				if err := log.Close(); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n := s.Connections(); n != 0 {
					t.Errorf("%d connections are open after Close", n)
				}
			}) // and the bubble checks that no goroutine is left
		})
	}
}

// A subscription under load goes on where it was whenever connections break.
func TestSubscriptionOverBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const commits = 300
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				next, stop := iter.Pull2(log.Subscribe(within(t), 1))
				defer stop()
				take(t, next, 1, commits)
			})
		}
		for i := range commits {
			if err := insist(t, log, i+1); err != nil {
				t.Fatal(err)
			}
			if i%10 == 9 {
				s.Break()
			}
		}
		wg.Wait()
	})
}

// Writers that race while connections break are told the truth: what is
// acknowledged has its revision, and what is refused is nowhere.
func TestRaceOverBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, each = 3, 60
		faults := []esdbtest.Fault{{}, {}, esdbtest.AnswerLost, {}, esdbtest.CutOff, {}, {}, esdbtest.ReportedLost}
		s, cfg := inMemory(t, esdbtest.Config{Plan: func(a esdbtest.Append) esdbtest.Fault { return faults[a.N%len(faults)] }})
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			acked = map[string]eventlog.Revision{}
		)
		ended := make(chan struct{})
		go func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(3 * time.Millisecond):
					s.Break()
				}
			}
		}()
		for w := range writers {
			log := open(t, cfg)
			wg.Go(func() {
				head := eventlog.Revision(0)
				for n := 0; n < each; {
					commit := fmt.Sprintf("writer %d, commit %d after %d", w, n, head)
					err := eventlog.Settle(within(t), log, head, []byte(commit), eventlog.SettleOptions{})
					switch {
					case err == nil:
						mu.Lock()
						acked[commit] = head + 1
						mu.Unlock()
						n++
						head++
						<-time.After(time.Millisecond)
						continue
					case !errors.Is(err, eventlog.ErrConflict) && !errors.Is(err, eventlog.ErrUnavailable):
						t.Error(err)
						return
					}
					if now, err := log.Head(t.Context()); err == nil {
						head = now
					}
				}
			})
		}
		wg.Wait()
		close(ended)
		events := s.Store().Events("bedside-test")
		for i, e := range events {
			if r := acked[string(e.Data)]; r != eventlog.Revision(i+1) {
				t.Errorf("%q is revision %d, and was acknowledged as %d", e.Data, i+1, r)
			}
		}
		if len(events) != writers*each {
			t.Errorf("%d commits are stored, %d were acknowledged", len(events), writers*each)
		}
	})
}

// A subscription on a node that no longer gets what the others have is noticed.
func TestStalledSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		appendN(t, log, 1, 1)
		next, stop := iter.Pull2(log.Subscribe(within(t), 1))
		defer stop()
		take(t, next, 1, 1)
		s.Stall(true)
		appendN(t, log, 2, 2)
		calls := s.Calls().All
		go func() {
			for s.Calls().All < calls+3 { // two looks at the head, and the new subscription
				<-time.After(time.Second)
			}
			s.Stall(false)
		}()
		take(t, next, 2, 2)
	})
}

// A read whose server falls silent in the middle goes on where it was.
func TestReadOverSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		const commits, size = 10, 500_000 // more than is sent ahead
		for i := range commits {
			if err := log.Append(t.Context(), eventlog.Revision(i), append(make([]byte, size), byte(i))); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for r, err := range log.Read(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; int(r.Revision) != n || r.Data[size] != byte(n-1) {
				t.Fatalf("revision %d came as number %d", r.Revision, n)
			}
			if n == 3 {
				s.Freeze()
				go func() {
					<-time.After(8 * time.Second) // longer than RequestTimeout, too short for a ping to be missed
					s.Thaw()
				}()
			}
		}
		if n != commits {
			t.Errorf("%d commits", n)
		}
	})
}

// A connection that is silent for good, without having been broken, is given up.
func TestSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		next, stop := iter.Pull2(log.Subscribe(within(t), 1))
		defer stop()
		appendN(t, log, 1, 1)
		take(t, next, 1, 1)
		s.Silence()
		began := time.Now()
		appendN(t, open(t, cfg), 2, 1)
		take(t, next, 2, 1)
		if err := insist(t, log, 3); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Minute { // two pings, and some pauses
			t.Errorf("it was given up after %v", took)
		}
	})
}

// A server that begins a subscription with the event it is to begin after does not
// make a reader see it twice.
func TestRepeatedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{Repeats: true})
		log := open(t, cfg)
		appendN(t, log, 1, 3)
		next, stop := iter.Pull2(log.Subscribe(within(t), 2))
		defer stop()
		take(t, next, 2, 2)
		s.Break()
		if err := insist(t, log, 4); err != nil {
			t.Error(err)
		}
		take(t, next, 4, 1)
	})
}

// The first append without a connection waits for one; when that was in vain, those
// after it do not, until there is one again.
func TestWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		cfg.AppendTimeout = 3 * time.Second
		log := open(t, cfg)
		for i := range 3 {
			s.Stop()
			synctest.Wait()
			go func() {
				<-time.After(2 * time.Second)
				restart(t, s)
			}()
			appendN(t, log, i+1, 1)
		}
		s.Stop()
		synctest.Wait()
		for i, want := range []time.Duration{3 * time.Second, 0, 0} {
			began := time.Now()
			wantOnly(t, "append", log.Append(t.Context(), 3, data(4)), eventlog.ErrUnavailable)
			if took := time.Since(began); took != want {
				t.Errorf("append %d without a server took %v, want %v", i, took, want)
			}
		}
		restart(t, s)
		if err := insist(t, log, 4); err != nil {
			t.Error(err)
		}
	})
}

// An idle subscription survives: the connection's pings are answered, and the looks
// at the head change nothing.
func TestIdleSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		next, stop := iter.Pull2(log.Subscribe(within(t), 1))
		defer stop()
		appended := make(chan error, 1)
		go func() {
			<-time.After(time.Hour)
			appended <- log.Append(t.Context(), 0, data(1))
		}()
		take(t, next, 1, 1)
		if err := <-appended; err != nil {
			t.Fatal(err)
		}
		if n := s.Accepted(); n != 1 {
			t.Errorf("%d connections in an hour", n)
		}
		// After so long its patience is as great as ever.
		go func() {
			for range 3 {
				<-time.After(time.Hour)
				s.Stop()
				<-time.After(20 * time.Second)
				if err := s.Start(); err != nil {
					t.Error(err)
				}
			}
			appended <- insist(t, log, 2)
		}()
		take(t, next, 2, 1)
		if err := <-appended; err != nil {
			t.Fatal(err)
		}
	})
}

// Close gives an append that is under way its result, and ends what only waits.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived, answer := make(chan struct{}), make(chan struct{})
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		s.SetPlan(func(esdbtest.Append) esdbtest.Fault {
			close(arrived)
			<-answer
			return esdbtest.Fault{}
		})
		subscribed, appended, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := read(t.Context(), log.Subscribe(within(t), 1))
			subscribed <- err
		}()
		go func() { appended <- log.Append(t.Context(), 0, data(1)) }()
		<-arrived
		go func() { closed <- log.Close() }()
		wantOnly(t, "subscription", <-subscribed, eventlog.ErrClosed)
		synctest.Wait()
		select {
		case err := <-closed:
			t.Errorf("closed (%v) while an append was under way", err)
		default:
		}
		wantOnly(t, "a second append", log.Append(t.Context(), 1, data(2)), eventlog.ErrClosed)
		close(answer)
		wantOnly(t, "append", <-appended, nil)
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
