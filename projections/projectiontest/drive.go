package projectiontest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Pace is what is done after a commit is appended.
type Pace struct {
	Wait bool // for the projections to take it; else it may come in a batch with the next
	Stop bool // the runtime, whatever it is at
	Late bool // the runtime is started only when one more commit is there
}

// Paces draws how a runtime meets n commits.
func Paces(n int) *rapid.Generator[[]Pace] {
	oneIn := func(n int) *rapid.Generator[bool] {
		return rapid.Map(rapid.IntRange(1, n), func(i int) bool { return i == n })
	}
	pace := rapid.Custom(func(t *rapid.T) Pace {
		return Pace{Wait: rapid.Bool().Draw(t, "wait"), Stop: oneIn(8).Draw(t, "stop"), Late: rapid.Bool().Draw(t, "late")}
	})
	return rapid.SliceOfN(pace, n, n)
}

// Changes collects the changes that a runtime tells of.
type Changes struct {
	mu  sync.Mutex
	all []projections.Change
}

func (c *Changes) add(change projections.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, change)
}

// All gives them as they came.
func (c *Changes) All() []projections.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// Drive appends commits to an empty log while runtimes make tables of them, one for
// each store, and closes these when they have taken all. It ends with an error when a
// projection stands still. changes, of the first store, may be nil.
func Drive(ctx context.Context, log *Log, all []projections.Projection, commits []Commit, paces []Pace, changes *Changes,
	stores ...*readmodel.Store) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	runtimes := make([]*projections.Runtime, len(stores))
	start := func() {
		for i, store := range stores {
			config := projections.Config{Log: log, Store: store, Projections: all, Logger: slog.New(alarm{cancel})}
			if changes != nil && i == 0 {
				config.Changed = changes.add
			}
			runtimes[i] = projections.Start(config)
		}
	}
	stop := func() {
		for _, r := range runtimes {
			r.Close()
		}
	}
	wait := func(revision uint64) (err error) {
		for _, r := range runtimes {
			err = errors.Join(err, r.Wait(ctx, revision))
		}
		return err
	}
	start()
	defer func() { stop() }()
	if err := wait(0); err != nil { // what the first build takes, no notice tells of
		return errors.Join(context.Cause(ctx), err)
	}
	stopped := false
	for i, c := range commits {
		revision, err := log.Append(ctx, c.First, c.Encoded()...)
		if err != nil {
			return err
		}
		if stopped {
			start()
			stopped = false
		}
		if paces[i].Wait {
			if err := wait(revision); err != nil {
				return errors.Join(context.Cause(ctx), err)
			}
		}
		if paces[i].Stop {
			stop()
			if stopped = paces[i].Late && i < len(commits)-1; !stopped {
				start()
			}
		}
	}
	return errors.Join(wait(log.Revision()), context.Cause(ctx))
}

// Replay builds all projections anew, each beside its live tables, in a store that
// has followed the log.
func Replay(ctx context.Context, log *Log, all []projections.Projection, store *readmodel.Store) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	runtime := projections.Start(projections.Config{Log: log, Store: store, Projections: all, Logger: slog.New(alarm{cancel})})
	defer runtime.Close()
	for _, name := range runtime.Names() {
		if err := runtime.Wait(ctx, log.Revision(), name); err != nil {
			return err
		}
		if _, err := runtime.Replay(ctx, name); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// alarm is a handler of slog that takes a warning for a failure.
type alarm struct{ raise context.CancelCauseFunc }

func (a alarm) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (a alarm) WithAttrs([]slog.Attr) slog.Handler               { return a }
func (a alarm) WithGroup(string) slog.Handler                    { return a }

func (a alarm) Handle(_ context.Context, r slog.Record) error {
	said := r.Message
	r.Attrs(func(attr slog.Attr) bool {
		said += fmt.Sprintf(", %s: %v", attr.Key, attr.Value)
		return true
	})
	a.raise(errors.New(said))
	return nil
}
