package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// location is where a log is, or is to be, with its blobs: a data directory or a cluster.
type location struct {
	dir  string // of a data directory; "" for a cluster
	cfg  nodeConfig
	node node
	lock *flock.Flock // of a data directory that is open

	store archive.Store // once it is open
}

// newLocation reads the address of a place. e is what is said of clusters.
func newLocation(address string, cfg nodeConfig, e engine) (*location, error) {
	p := &location{cfg: cfg}
	p.cfg.port = natsPort{} // nobody subscribes to a command
	scheme, _, isURL := strings.Cut(address, "://")
	at := e
	at.at = address
	switch {
	case !isURL:
		p.dir, p.cfg.dir, p.cfg.engine = address, address, engine{name: e.name}
	case scheme == "nats" || scheme == "tls":
		at.nats = "" // which is of the other place
		p.cfg.dir, p.cfg.engine = "", at
	case at.eventStore() && at.nats == "":
		return nil, errors.New("a log in EventStoreDB has its attachments in a NATS cluster: name it with --nats, or with --to-nats if it is that of --to only")
	case at.eventStore():
		p.cfg.dir, p.cfg.engine = "", at
	default:
		return nil, fmt.Errorf("%q is no data directory, nats://, tls://, esdb:// or kurrentdb://", redactedURL(address))
	}
	return p, p.cfg.engine.check()
}

// same tells whether two places are one, as far as their addresses say.
func (p *location) same(other *location) bool {
	if p.dir == "" || other.dir == "" {
		return p.cfg.engine.at != "" && p.cfg.engine.at == other.cfg.engine.at && p.cfg.engine.name == other.cfg.engine.name
	}
	a, errA := os.Stat(p.dir)
	b, errB := os.Stat(other.dir)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// openSource opens a place that must have a log, and no server.
func (p *location) openSource(ctx context.Context, log *slog.Logger) error {
	if p.dir == "" {
		return p.open(ctx, log, p.node.openBlobs)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "log")); err != nil {
		return fmt.Errorf("there is no store in %s: %w", p.dir, err)
	}
	if err := unfinished(p.dir); err != nil {
		return err
	}
	if err := p.own(); err != nil {
		return err
	}
	if err := p.open(ctx, log, p.node.openBlobs); err != nil {
		return err
	}
	// A log that lost its tail must not pass for a whole one.
	if err := lrs.CheckNotes(ctx, p.store.Log, headPath(p.dir)); err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

// openTarget opens a place that may be empty.
func (p *location) openTarget(ctx context.Context, log *slog.Logger) error {
	if p.dir == "" {
		return p.open(ctx, log, p.node.openAnyBlobs)
	}
	if err := p.own(); err != nil {
		return err
	}
	by, err := filledBy(p.dir)
	if err == nil && by == byRestore {
		err = unfinished(p.dir)
	}
	if _, none := os.Stat(filepath.Join(p.dir, "log")); err == nil && by == "" && none != nil {
		if err = wantEmpty(p.dir); err == nil {
			err = beginFilling(p.dir, byCopy)
		}
	}
	if err != nil {
		return errors.Join(err, p.lock.Unlock())
	}
	return p.open(ctx, log, p.node.openAnyBlobs)
}

// own makes this process the owner of a data directory.
func (p *location) own() (err error) {
	if p.lock, err = lockData(p.dir); errors.Is(err, errInUse) {
		err = fmt.Errorf("a server is running on %s; stop it first: %w", p.dir, err)
	}
	return err
}

// open opens log and blobs, these with openBlobs. What was opened before an error is closed again.
func (p *location) open(ctx context.Context, log *slog.Logger, openBlobs func(context.Context, nodeConfig) (blob.Store, error)) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	switch {
	case p.dir != "":
		err = p.node.openEmbedded(ctx, p.cfg, log)
	case p.cfg.engine.eventStore():
		err = p.node.openEventStore(ctx, p.cfg.engine, log)
	default:
		err = p.node.openShared(ctx, p.cfg.engine, log)
	}
	if err != nil {
		return err
	}
	blobs, err := openBlobs(ctx, p.cfg)
	if err != nil {
		return err
	}
	p.store = archive.Store{Log: p.node.log, Blobs: blobs}
	if p.dir != "" {
		p.store.Room = p.cfg.room
	}
	return nil
}

// mark says in a target that it is being filled, up to head: in a directory, if nothing says so yet, or beside the blobs.
func (p *location) mark(ctx context.Context, head eventlog.Head) error {
	if p.dir == "" {
		return beginCopy(ctx, p.node.bucket, p.cfg.engine.markPlace(), head)
	}
	if by, err := filledBy(p.dir); by != "" || err != nil {
		return err
	}
	return beginFilling(p.dir, byCopy)
}

// lease is the bound on the watermarks that a place's server has published, µs; 0 for a cluster, whose nodes publish none
// that is later than the log's last commit.
func (p *location) lease() (int64, error) {
	if p.dir == "" {
		return 0, nil
	}
	return lrs.ReadLease(headPath(p.dir))
}

// finish closes a target that has all it shall have, with a head file that knows it, or a mark.
func (p *location) finish(ctx context.Context, head eventlog.Head, lease int64) error {
	if p.dir == "" {
		return endCopy(ctx, p.node.bucket, p.cfg.engine.markPlace(), head)
	}
	own, err := p.lease()
	if err != nil {
		return err
	}
	if err := lrs.WriteHead(headPath(p.dir), head, max(lease, own)); err != nil {
		return err
	}
	if err := p.node.close(10 * time.Second); err != nil {
		return err
	}
	p.node = node{}
	return endFilling(p.dir)
}

// close closes what is open, and gives up the directory.
func (p *location) close() error {
	err := p.node.close(10 * time.Second)
	p.node = node{}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Unlock())
	}
	return err
}
