package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// Servers that were not seen to sync are asked again every lookAgain, as one that was away may be back. If nobody answered
// this user lacks the right to ask: what changes that is an operator, and each try is an error in the servers' logs.
const (
	lookAgain  = time.Minute
	lookRarely = time.Hour
)

// syncWatch is what a node knows of whether the NATS servers sync what they acknowledge. The zero value is ready for watch.
type syncWatch struct {
	stop    context.CancelFunc // nil while nothing is asked again; watch's and close's
	running sync.WaitGroup

	mu   sync.Mutex
	said string // what an operator must know: "" if all was seen, and is well
}

// watch fails if check finds servers that do not sync. If that cannot be seen now it says so, and goes on asking until it
// was seen of all, or close. What turns out then is told and does not end the node: others rely on it by then.
func (w *syncWatch) watch(ctx context.Context, check func(context.Context) error, log *slog.Logger) error {
	err := check(ctx)
	if !errors.Is(err, natslog.ErrNotSeen) {
		return err
	}
	w.tell(err, log)
	life, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.running.Go(func() { w.run(life, err, check, log) })
	return nil
}

// run asks again until err is nil or ctx ends.
func (w *syncWatch) run(ctx context.Context, err error, check func(context.Context) error, log *slog.Logger) {
	for err != nil {
		wait := lookAgain
		if errors.Is(err, natslog.ErrNobodyAnswers) {
			wait = lookRarely
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if err = check(ctx); ctx.Err() == nil {
			w.tell(err, log)
		}
	}
}

// tell notes and logs what a check came to, unless it is what the one before did.
func (w *syncWatch) tell(err error, log *slog.Logger) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	w.mu.Lock()
	same := said == w.said
	w.said = said
	w.mu.Unlock()
	switch {
	case same:
	case err == nil:
		log.Info("NATS: the servers sync every write")
	case errors.Is(err, natslog.ErrSettings):
		log.Error("NATS: acknowledged writes may be lost", "error", err)
	default:
		log.Warn("NATS", "error", err)
	}
}

// notes is what an operator must see to.
func (w *syncWatch) notes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said == "" {
		return nil
	}
	return []string{w.said}
}

// close ends the asking. The log that is asked through is closed after it.
func (w *syncWatch) close() {
	if w.stop != nil {
		w.stop()
	}
	w.running.Wait()
}
