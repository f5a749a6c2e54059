package esdblog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// patience bounds how long a log that is not available is asked again. The pauses
// grow from 10 ms to Config.ReconnectMax.
type patience struct {
	l     *Log
	hasty bool          // what asking again does not help ends it at once
	since time.Time     // of the first failure since the last progress
	pause time.Duration // the last one; 0: there was progress
}

func (l *Log) patience() patience { return patience{l: l} }

// progress notes that the log is available.
func (p *patience) progress() { p.pause = 0 }

// wait pauses after err, or returns it when the patience is over.
func (p *patience) wait(ctx context.Context, err error) error {
	if p.hasty && errors.Is(err, errRefused) {
		return err
	}
	if p.pause == 0 {
		p.since = time.Now()
		p.l.log.Warn("asking again", "error", err)
	}
	left := p.l.cfg.Patience - time.Since(p.since)
	if left <= 0 {
		return err
	}
	p.pause = min(max(2*p.pause, 10*time.Millisecond), p.l.cfg.ReconnectMax)
	timer := time.NewTimer(min(p.pause, left))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", err, ctx.Err())
	case <-p.l.life.Done():
		return eventlog.ErrClosed
	}
}
