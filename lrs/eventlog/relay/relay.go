// Package relay carries the commits of one event log to another: of EventStoreDB, say, to a JetStream stream, for those
// who read there. Commit n becomes revision n, byte for byte, so that positions in both are the same.
//
// The source is the truth and the target a copy, to which nobody but relays of that source may append. Any number of
// relays may run at once, on any number of nodes, and each may be stopped or killed at any moment: the target's expected
// revision is all the locking there is, and what is in the target is all that a relay has to remember.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Config says what is carried where. The caller closes both logs after the relay.
type Config struct {
	Source eventlog.Log
	Target eventlog.Log

	// Timeout bounds each call to one of the logs, and of a loop over one the wait for the next commit that must be
	// there. Default 10 s.
	Timeout time.Duration

	// IdleCheck is after how long without a commit the source's head is asked for, lest a subscription that gives
	// nothing passes for a log to which nothing is appended. Default 10 s.
	IdleCheck time.Duration

	// MaxPause bounds the pauses, from 50 ms on, after which what did not work is tried again. Default 5 s.
	MaxPause time.Duration

	// Logger receives what is in the relay's way. Default slog.Default().
	Logger *slog.Logger
}

func (cfg *Config) complete() {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&cfg.Timeout:   10 * time.Second,
		&cfg.IdleCheck: 10 * time.Second,
		&cfg.MaxPause:  5 * time.Second,
	} {
		if *value <= 0 {
			*value = standard
		}
	}
}

// Relay carries commits until it is closed. Its methods may be called concurrently.
type Relay struct {
	cfg     Config
	log     *slog.Logger
	stop    context.CancelFunc
	ended   chan struct{} // closed when the goroutine that carries has ended
	awaited atomic.Uint64 // the revision that is awaited from the source; 0: none

	trying  eventlog.Revision // of the goroutine that carries: what it brings to the target; 0: nothing just now
	shorter int               // of that goroutine: how often in a row the source had less than the target

	mu     sync.Mutex
	status Status            // under mu
	about  eventlog.Revision // under mu: the revision that status.Err is about; 0: none
}

// Status is how a relay stands.
type Status struct {
	// Head is the last commit that this relay knows to be in the target as the source has it.
	Head eventlog.Head

	// Stored is how many commits it has stored, Found how many others were there before it, as another relay stored them.
	Stored, Found int64

	// Err is what is in its way, nil if nothing is; it is tried again. eventlog.ErrLogDamaged and eventlog.ErrTooLarge
	// do not go away by themselves: the error says what to do.
	Err error
}

// Start starts a relay. It waits for logs that are not available.
func Start(cfg Config) *Relay {
	cfg.complete()
	ctx, stop := context.WithCancel(context.Background())
	r := &Relay{cfg: cfg, log: cfg.Logger.With("component", "relay"), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.run(ctx)
	}()
	return r
}

// Close stops the relay where it is and waits for that. A commit that is being stored may be stored or not.
func (r *Relay) Close() {
	r.stop()
	<-r.ended
}

// Status tells how the relay stands.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// firstPause is the first of the pauses up to Config.MaxPause.
const firstPause = 50 * time.Millisecond

// run makes one pass after the other until ctx ends.
func (r *Relay) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		before := r.Status().Head.Revision
		err := r.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		if r.Status().Head.Revision > before {
			pause = firstPause
		}
		r.hindered(err)
		sleep(ctx, pause)
		pause = min(2*pause, r.cfg.MaxPause)
	}
}

// reached notes that the target has a commit as the source has it; count is of Status.
func (r *Relay) reached(head eventlog.Head, count func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Head = head
	if count != nil {
		count(&r.status)
	}
	if r.status.Err != nil && head.Revision >= r.about {
		r.status.Err = nil
		r.log.Info("commits are carried again", "revision", head.Revision)
	}
}

// hindered notes what is in the way, and says so once.
func (r *Relay) hindered(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.status.Err
	r.status.Err, r.about = err, r.trying
	switch {
	case errors.Is(err, eventlog.ErrLogDamaged), errors.Is(err, eventlog.ErrFormat), errors.Is(err, eventlog.ErrTooLarge):
		if was == nil || was.Error() != err.Error() {
			r.log.Error("commits are not carried any more", "error", err)
		}
	case was == nil:
		r.log.Warn("commits cannot be carried now; this is tried again", "error", err)
	}
}

// sleep waits; false: ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
