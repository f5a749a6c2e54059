package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// SettleOptions tune Settle; the zero value is fit for use.
type SettleOptions struct {
	// Timeout bounds the first attempt, and then the look at what the log has. 0
	// stands for 2 s: longer than a healthy log takes. It doubles from attempt to
	// attempt up to MaxTimeout, since a large commit may need longer by a slow
	// way: cut off each time, it would never get through.
	Timeout time.Duration

	// Backoff is how long to wait after the given attempt, from 1, left the
	// outcome open for the reason err. It is also the place to count or to log
	// that. nil stands for Backoff: 10 ms, doubling up to 1 s.
	Backoff func(attempt int, err error) time.Duration
}

// MaxTimeout is what the time-outs of attempts grow to, unless the first is longer.
const MaxTimeout = 30 * time.Second

// Backoff is the one that SettleOptions stand for without any.
func Backoff(attempt int, _ error) time.Duration {
	return min(10*time.Millisecond<<min(attempt-1, 10), time.Second)
}

// Settle appends data as revision expected+1 and returns when the outcome is
// known:
//
//	nil             stored, and durable as Log.Append promises
//	ErrConflict     another commit has that revision; this one never will
//	ErrTooLarge, ErrUnavailable, ErrClosed, ErrLogDamaged
//	                not stored, and never will be
//
// While it is not known, the same bytes are sent again for the same revision, so
// that at most one of the attempts can succeed. A conflict may then be with an
// earlier attempt of ours; the commit that has the revision tells. It tells also
// when answers to appends do not come, for whatever reason, and reads are answered:
// so after each attempt the log is looked at. That there is a commit is certain,
// since a log yields only what it has stored for good. That there is none is not:
// what was sent may still be on its way, and is sent again.
//
// When ctx ends first, or the log is closed or damaged, the error is
// ErrUnknownOutcome with the reason: the commit may be stored, now or later. Who
// goes on must read the log anew; whichever commit then gets the revision decides.
func Settle(ctx context.Context, log Log, expected Revision, data []byte, o SettleOptions) error {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing was sent: %w", ErrUnavailable, ctx.Err())
	}
	open := false // an attempt's outcome is unknown
	timeout := o.Timeout
	for attempt := 1; ; attempt++ {
		err := settleOnce(ctx, log, expected, data, timeout, open)
		if !errors.Is(err, ErrUnknownOutcome) || ctx.Err() != nil ||
			errors.Is(err, ErrClosed) || errors.Is(err, ErrLogDamaged) {
			return err
		}
		open = true
		timeout = max(timeout, min(2*timeout, MaxTimeout))
		wait := time.NewTimer(o.Backoff(attempt, err))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("revision %d, after %d attempts: %w (%w)", expected+1, attempt, err, ctx.Err())
		}
	}
}

// settleOnce is one attempt. If it is not enough, the error is ErrUnknownOutcome.
func settleOnce(ctx context.Context, log Log, expected Revision, data []byte, timeout time.Duration, open bool) error {
	err := appendWithin(ctx, log, expected, data, timeout)
	switch {
	case err == nil:
		return nil
	case !open && certain(err):
		return err
	case errors.Is(err, ErrClosed), errors.Is(err, ErrLogDamaged):
		return unknown(err)
	}
	// Even an error that is certain of this attempt says nothing of those before.
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !errors.Is(err, ErrConflict) {
		// The head is asked for first, as a log that is away says so at once, where a
		// read would wait for it.
		if head, unseen := log.Head(ctx); unseen != nil || head <= expected {
			return unknown(err)
		}
	}
	return compare(ctx, log, expected+1, data) // with another commit, or with an attempt of ours
}

func appendWithin(ctx context.Context, log Log, expected Revision, data []byte, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return log.Append(ctx, expected, data)
}

// certain tells whether err promises that an append has not stored anything. An
// error of no kind promises nothing.
func certain(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) {
		return false
	}
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrUnavailable) ||
		errors.Is(err, ErrClosed) || errors.Is(err, ErrLogDamaged)
}

// compare reads the commit that has the revision: nil if it is ours, ErrConflict
// if it is not. Right after a conflict it may not be there to be read yet, and a
// reader that is behind may not see it.
func compare(ctx context.Context, log Log, revision Revision, data []byte) error {
	for r, err := range log.Read(ctx, revision) {
		switch {
		case err != nil:
			return unknown(err)
		case r.Revision != revision:
			return unknown(damaged("revision %d where %d was to be read", r.Revision, revision))
		case bytes.Equal(r.Data, data):
			return nil
		}
		return fmt.Errorf("%w: %d, as was found when an unknown outcome was settled", ErrConflict, revision)
	}
	return unknown(fmt.Errorf("revision %d is taken, but cannot be read yet", revision))
}

func unknown(err error) error {
	if errors.Is(err, ErrUnknownOutcome) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}
