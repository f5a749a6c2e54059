package natslog

import (
	"context"
	"fmt"
	"sync"
)

// warden restarts an embedded server that no longer stores. Restarts run apart
// from the appends that ask for them, one at a time.
type warden struct {
	log *Log

	mu      sync.Mutex    // guards what follows
	silence int           // appends in a row whose outcome is unknown
	running chan struct{} // closed when the restart under way is over; nil: none
	failed  error         // why the last restart did not work; another is due
}

func (w *warden) init(l *Log) { w.log = l }

// ready waits for a restart that is under way or due. Its error says that the
// server is down.
func (w *warden) ready(ctx context.Context) error {
	w.mu.Lock()
	if w.failed != nil {
		w.restartLocked()
	}
	running := w.running
	w.mu.Unlock()
	if running == nil {
		return nil
	}
	select {
	case <-running:
	case <-ctx.Done():
		return fmt.Errorf("the server is being restarted: %w", ctx.Err())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// answered notes that the server answers.
func (w *warden) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silence = 0
}

// silent notes an unknown outcome; storeFailed: the server said that it could not
// store.
func (w *warden) silent(storeFailed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silence++
	if storeFailed || w.silence >= w.log.cfg.RestartAfter {
		w.restartLocked()
	}
}

// restartLocked starts a restart unless one is under way.
func (w *warden) restartLocked() {
	l := w.log
	if l.cfg.Restart == nil || w.running != nil || l.life.Err() != nil {
		return
	}
	running := make(chan struct{})
	w.running = running
	l.log.Warn("restarting the embedded server", "unknown_outcomes", w.silence)
	go func() {
		ctx, cancel := context.WithTimeout(l.life, l.cfg.RestartTimeout)
		defer cancel()
		err := l.cfg.Restart(ctx)
		if err != nil {
			l.log.Error("the embedded server did not restart", "error", err)
			err = fmt.Errorf("restart: %w", err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.failed, w.running, w.silence = err, nil, 0
		close(running)
	}()
}

// stop waits for a restart under way, which the end of Log.life has cut short.
// None begins after that.
func (w *warden) stop() {
	w.mu.Lock()
	running := w.running
	w.mu.Unlock()
	if running != nil {
		<-running
	}
}
