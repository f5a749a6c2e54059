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
	// Timeout bounds each call to the log. 0 stands for 5 s: longer than a
	// healthy log takes, shorter than an election. It may be too short for a
	// single call without harm, but not for every one.
	Timeout time.Duration

	// Backoff is how long to wait after the given attempt, from 1, left the
	// outcome open for the reason err. It is also the place to count or to log
	// that. nil stands for Backoff: 10 ms, doubling up to 1 s.
	Backoff func(attempt int, err error) time.Duration
}

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
// earlier attempt of ours; the commit that has the revision tells.
//
// When ctx ends first, or the log is closed or damaged, the error is
// ErrUnknownOutcome with the reason: the commit may be stored, now or later. Who
// goes on must read the log anew; whichever commit then gets the revision decides.
func Settle(ctx context.Context, log Log, expected Revision, data []byte, o SettleOptions) error {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing was sent: %w", ErrUnavailable, ctx.Err())
	}
	open := false // an attempt's outcome is unknown
	for attempt := 1; ; attempt++ {
		err := settleOnce(ctx, log, expected, data, o.Timeout, open)
		if !errors.Is(err, ErrUnknownOutcome) || ctx.Err() != nil ||
			errors.Is(err, ErrClosed) || errors.Is(err, ErrLogDamaged) {
			return err
		}
		open = true
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
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := log.Append(ctx, expected, data)
	switch {
	case err == nil:
		return nil
	case !open && certain(err):
		return err
	case errors.Is(err, ErrConflict): // with another commit, or with an attempt of ours
		return compare(ctx, log, expected+1, data)
	}
	// Even an error that is certain of this attempt says nothing of those before.
	return unknown(err)
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
// if it is not. Right after a conflict it may not be there to be read yet.
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
