package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Config is what a Runtime is made of. The caller closes Log and Store after it.
type Config struct {
	Log         Log
	Store       *readmodel.Store
	Projections []Projection
	Logger      *slog.Logger // default slog.Default

	// Changed is told after each commit which answers may have changed. It must not
	// wait. May be nil.
	Changed func(Change)
}

// Everything is the key of a change that may concern every answer of a projection.
const Everything = "*"

// Change says that answers of a projection may have changed.
type Change struct {
	Projection string
	Keys       []string
	Position   Position // that the projection has reached
}

// Runtime keeps projections up to the log. Its methods may be called concurrently.
type Runtime struct {
	cfg     Config
	runners map[string]*runner
	names   []string
	stream  stream

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	closing sync.Mutex     // held while wg grows, and while ctx is ended
	wg      sync.WaitGroup // the runners, and the replays under way
}

// Start prepares the tables and starts a goroutine for each projection. A projection
// whose tables are missing, of another version or of another log is built anew: until
// that is done it has no answers.
func Start(cfg Config) *Runtime {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Runtime{cfg: cfg, runners: map[string]*runner{}, ctx: ctx, stop: stop}
	r.stream.log, r.stream.ctx, r.stream.wg = cfg.Log, ctx, &r.wg
	for _, p := range cfg.Projections {
		name := p.Schema().Projection
		n := &runner{
			runtime: r, projection: p, name: name,
			log: cfg.Logger.With("projection", name), turn: make(chan struct{}, 1), progress: make(chan struct{}), hurry: make(chan struct{}, 1),
		}
		r.runners[name], r.names = n, append(r.names, name)
		r.wg.Go(func() { n.run(ctx) })
	}
	return r
}

// Close stops the projections where they are, and what waits for them.
func (r *Runtime) Close() {
	r.closing.Lock()
	r.stop()
	r.closing.Unlock()
	r.wg.Wait()
}

// Names gives the names of the projections, in the order of the configuration.
func (r *Runtime) Names() []string { return r.names }

// Errors of a Runtime.
var (
	ErrUnknownProjection = errors.New("projections: there is no projection of that name")
	ErrClosed            = errors.New("projections: the runtime is closed")
	// ErrBuilding: a projection is built one time at once, in all processes that share
	// the database.
	ErrBuilding = errors.New("projections: the projection is being built already")
	// ErrTransactionOpen: the tables that were built could not be put in the place of
	// the live ones.
	ErrTransactionOpen = errors.New("projections: a transaction that reads the tables is open for too long; end it and try again")
)

// runner gives the projection of a name.
func (r *Runtime) runner(name string) (*runner, error) {
	if n := r.runners[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%w: %q; there are %v", ErrUnknownProjection, name, r.names)
}

// Replay builds projections anew beside the live ones, and puts each in its place when
// it has come as far. They read the log together. After an error, ErrBuilding or
// ErrClosed among them, those that are not done are as they were; ErrUnknownProjection
// comes before anything is built.
func (r *Runtime) Replay(ctx context.Context, projections ...string) (done []string, err error) {
	projections = slices.Compact(slices.Sorted(slices.Values(projections)))
	runners := make([]*runner, len(projections))
	for i, name := range projections {
		if runners[i], err = r.runner(name); err != nil {
			return nil, err
		}
	}
	r.closing.Lock()
	if r.ctx.Err() != nil {
		r.closing.Unlock()
		return nil, ErrClosed
	}
	r.wg.Add(1)
	r.closing.Unlock()
	defer r.wg.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()

	var building sync.WaitGroup
	t := newTee(ctx, len(runners))
	errs := make([]error, len(runners))
	for i, n := range runners {
		building.Go(func() {
			defer t.readers[i].leave()
			errs[i] = n.replay(ctx, t.source(i))
		})
	}
	building.Go(func() { t.run(ctx, r.cfg.Log) })
	building.Wait()
	for i, err := range errs {
		if err == nil {
			done = append(done, projections[i])
		}
	}
	if err = errors.Join(errs...); err != nil && r.ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return done, err
}

// Wait returns when projections (all if none is named) have taken the commit with a
// revision, or with ctx's error, ErrUnknownProjection or ErrClosed.
func (r *Runtime) Wait(ctx context.Context, revision uint64, projections ...string) error {
	return r.await(ctx, projections, func(c readmodel.Checkpoint) bool { return c.Revision >= revision })
}

// ErrNotEmpty: Build's database has tables of projections already.
var ErrNotEmpty = errors.New("projections: the database is not empty; choose another")

// Build fills a store that has none of these tables with the log, for a look at the
// past: until (nil: always true) tells of an event's position and time whether it is
// still wanted, and no event behind the first that is not. If that is inside a commit,
// the checkpoint names the commit all the same, so that such a store is not one to
// follow the log with. The views are there when a projection is complete.
func Build(ctx context.Context, log Log, store *readmodel.Store, projections []Projection, until func(Position, int64) bool) error {
	for _, p := range projections {
		if err := buildInto(ctx, log, store, p, until); err != nil {
			return err
		}
	}
	return nil
}

func buildInto(ctx context.Context, log Log, store *readmodel.Store, p Projection, until func(Position, int64) bool) error {
	s := schemaOf(p)
	f := &follower{log: log, store: store, projection: p, until: until, building: true}
	if err := store.Update(ctx, func(tx *readmodel.Tx) error {
		all, err := tx.Checkpoints(ctx, s.Projection)
		if err == nil && len(all) > 0 {
			err = fmt.Errorf("%w: it has tables of the projection %s", ErrNotEmpty, s.Projection)
		}
		if err == nil {
			f.checkpoint, err = tx.Begin(ctx, s)
		}
		return err
	}); err != nil {
		return err
	}
	if err := f.follow(ctx, upToHead(f.log)); err != nil {
		return err
	}
	if err := store.Index(ctx, s, f.checkpoint.Generation); err != nil {
		return err
	}
	return store.Update(ctx, func(tx *readmodel.Tx) error { return tx.GoLive(ctx, s, f.checkpoint.Generation) })
}
