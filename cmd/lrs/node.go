package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/relay"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/notice"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// nodeConfig says what a node keeps and where. The data directory holds
//
//	lock        held while a process owns the directory
//	log/        the embedded NATS server's store: the event log, the only truth
//	head        how far the log has come (package lrs, headFile); head.tip is newer, and not synced
//	blobs/      attachments and large documents
//	index/      the index; may be removed while nothing runs, and is rebuilt
//	read/       the read model of the projections, if it is SQLite: the same
//	admin.sock  administration of the running server
//	restoring   while a restore or a copy fills the directory: nothing in it may be served
type nodeConfig struct {
	dir      string
	listen   string // also where a node without a baseURL says it is
	name     string
	baseURL  string
	minFree  int64
	maxLog   int64
	cache    int64
	maxQueue int64
	engine   engine
	port     natsPort
	read     string                               // DSN of the read model; "" for SQLite in the data directory
	blobs    func(dir string) (blob.Store, error) // the driver for attachments and large documents
	noSync   bool                                 // see natsembed.Config: no flag sets it
	now      func() time.Time                     // of the store, see lrs.Config: no flag sets it; nil for the machine's
	through  func(eventlog.Log) eventlog.Log      // what stands between a shared log and its node: no flag sets it
}

var defaultNode = nodeConfig{
	dir: "./data", listen: "127.0.0.1:8080", engine: engine{name: "main"},
	minFree: 1 << 30, maxLog: natsembed.DefaultMaxStore, cache: 96 << 20, maxQueue: 64 << 20,
	blobs: func(dir string) (blob.Store, error) { return blob.NewFile(dir) },
}

// flags are those of every command: whoever administers a stopped server must
// find it as it runs.
func (cfg *nodeConfig) flags(f *pflag.FlagSet) {
	f.StringVar(&cfg.dir, "data", cfg.dir, "`directory` of the log, the index and the attachments")
	f.StringVar(&cfg.listen, "listen", cfg.listen, "`address` to listen on; port 0 picks a free one")
	f.StringVar(&cfg.baseURL, "base-url", "", "this store's public `URL`, in the authority of credentials without one (default http://LISTEN)")
	f.StringVar(&cfg.name, "node", "", "this node's `name` in the commits that it writes (default the host's name)")
	f.Var((*sizeFlag)(&cfg.minFree), "min-free", "below so much free disk space writes are refused with 503")
	f.Var((*sizeFlag)(&cfg.maxLog), "max-log", "size that the event log may grow to")
	f.Var((*sizeFlag)(&cfg.cache), "index-cache", "memory for the index's cache")
	cfg.engine.flags(f)
	cfg.port.flags(f)
	f.StringVar(&cfg.read, "read-model", "", "`DSN` of the projections' database: sqlite:PATH or postgres://… (default sqlite:DATA/read/model.db)")
	f.Var((*sizeFlag)(&cfg.maxQueue), "max-queue", "bytes of changes that may wait before writes are refused with 503")
}

// url is where the node says it is: the same whether it runs or not.
func (cfg *nodeConfig) url() string {
	if cfg.baseURL != "" {
		return cfg.baseURL
	}
	return cfg.local()
}

// local is the URL of --listen, for a client on this machine.
func (cfg *nodeConfig) local() string {
	host, port, err := net.SplitHostPort(cfg.listen)
	if err != nil {
		return "http://" + cfg.listen // it cannot be listened on either
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// picked puts the port that the system picked in the place of port 0.
func (cfg *nodeConfig) picked(addr net.Addr) {
	host, port, err := net.SplitHostPort(cfg.listen)
	if err != nil || port != "0" {
		return
	}
	if _, port, err = net.SplitHostPort(addr.String()); err == nil {
		cfg.listen = net.JoinHostPort(host, port)
	}
}

// check refuses a base URL that no statement's authority could have.
func (cfg *nodeConfig) check() error {
	u, err := url.Parse(cfg.baseURL)
	if err != nil || cfg.baseURL != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return fmt.Errorf("--base-url %q is no http or https URL", cfg.baseURL)
	}
	if cfg.engine.shared() && cfg.port != (natsPort{}) {
		return errors.New("--nats-listen is a port of the server in this process: with --log subscribe to the cluster itself")
	}
	return cfg.engine.check()
}

// leastFree is what --min-free cannot go below: four memtables of the index and
// a commit, so that what was acknowledged can always be flushed.
const leastFree = 4*16<<20 + 1<<20

// node is the store with all it stands on, in one process.
type node struct {
	nats  *natsembed.Server // nil if the log is elsewhere
	conn  *nats.Conn        // to the server that has the log or, with EventStoreDB, its copy
	log   eventlog.Log
	copy  *natslog.Log // of a log on EventStoreDB, for the projections; nil without
	relay *relay.Relay // which fills it
	index *index.Index // the first one

	bucket *natsblob.Store // the attachments beside a log in a cluster; nil if they are in the data directory
	synced syncWatch       // of the cluster that has the log or, with EventStoreDB, its copy

	// files reads the files of a log in this process, as natsembed.Server.Verify; nil if the log is elsewhere.
	files func(ctx context.Context, upTo eventlog.Revision) (through eventlog.Revision, err error)

	store      *lrs.Store
	cfg        nodeConfig // once it has projections
	model      *readmodel.Store
	runtime    *projections.Runtime
	started    chan struct{} // closed when there is the runtime
	notices    *notice.Publisher
	signals    *signals
	indexDir   indexDir
	rebuilding sync.Mutex    // held while an index is rebuilt
	reindexed  chan struct{} // capacity 1: has one when an index was rebuilt
	keeping    sync.WaitGroup
	stop       context.CancelFunc // ends keepIndex
}

// openNode opens everything under a data directory that the caller has locked.
// What was opened before an error is closed again.
func openNode(ctx context.Context, cfg nodeConfig, registry *auth.Registry, reg prometheus.Registerer, log *slog.Logger) (n *node, err error) {
	n = &node{reindexed: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close(10*time.Second))
		}
	}()
	path := func(name string) string { return filepath.Join(cfg.dir, name) }
	if err := n.openLog(ctx, cfg, log); err != nil {
		return n, err
	}
	if cfg.engine.eventStore() {
		if err := n.openCopy(ctx, cfg.engine, log); err != nil {
			return n, err
		}
	}
	blobs, err := n.openBlobs(ctx, cfg)
	if err != nil {
		return n, err
	}
	n.indexDir = indexDir{path: path("index"), options: index.Options{Logger: log, CacheSize: cfg.cache}, log: log}
	if n.index, err = n.indexDir.open(); err != nil {
		return n, err
	}
	name := cfg.name
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return n, fmt.Errorf("the host's name (set --node): %w", err)
		}
	}
	config := lrs.Config{
		Log: n.log, Shared: cfg.engine.shared(), Index: n.index, Blobs: blobs, Auth: registry,
		HeadFile: headPath(cfg.dir), Node: name, Now: cfg.now, MaxQueue: cfg.maxQueue, MaxLog: cfg.maxLog,
		MinFree: uint64(max(cfg.minFree, leastFree)), Free: func() (uint64, error) { return freeSpace(cfg.dir) },
		Notes: n.noted, Logger: log, Metrics: lrs.NewMetrics(reg),
	}
	if cfg.engine.shared() {
		config.Neighbours = newCalls(n.conn, cfg.engine.name, log)
	}
	n.store, err = lrs.Open(ctx, config)
	if errors.Is(err, index.ErrDamaged) { // it was opened all right, and is marked now
		log.Warn("the index is damaged", "reason", err)
		_ = n.index.Close() // which says the same again
		if n.index, err = n.indexDir.open(); err != nil {
			return n, err
		}
		config.Index = n.index
		n.store, err = lrs.Open(ctx, config)
	}
	if err != nil && n.nats != nil {
		if damaged := n.nats.Damaged(); damaged != "" {
			err = fmt.Errorf("%w\nJetStream shortened message blocks after the last stop; they are kept as they were in %s", err, damaged)
		}
	}
	if err != nil {
		return n, err
	}
	keep, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.keeping.Go(func() { n.keepIndex(keep, log) })
	return n, nil
}

// openLog opens the event log alone.
func (n *node) openLog(ctx context.Context, cfg nodeConfig, log *slog.Logger) error {
	if err := unfinished(cfg.dir); err != nil {
		return err
	}
	if cfg.engine.eventStore() {
		return n.openEventStore(ctx, cfg.engine, log)
	}
	if cfg.engine.shared() {
		if err := n.openShared(ctx, cfg.engine, log); err != nil {
			return err
		}
		if cfg.through != nil {
			n.log = cfg.through(n.log)
		}
		return nil
	}
	return n.openEmbedded(ctx, cfg, log)
}

// openEmbedded opens the log of the server in this process.
func (n *node) openEmbedded(ctx context.Context, cfg nodeConfig, log *slog.Logger) (err error) {
	if err := logMissing(cfg.dir); err != nil {
		return err
	}
	embedded, err := cfg.natsConfig(log)
	if err != nil {
		return err
	}
	n.nats, err = natsembed.Start(ctx, embedded)
	if err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	if n.conn, err = n.nats.Connect(); err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	opened, err := natslog.Open(ctx, natslog.Config{Conn: n.conn, Name: cfg.engine.name, Replicas: 1, Restart: n.nats.Restart, Logger: log})
	if err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	n.log = opened // not before: a nil *natslog.Log is no nil eventlog.Log
	n.files = func(ctx context.Context, upTo eventlog.Revision) (eventlog.Revision, error) {
		through, err := n.nats.Verify(ctx, opened.Stream(), uint64(upTo)) // a revision is a sequence
		return eventlog.Revision(through), err
	}
	return nil
}

// openBlobs opens the attachments and large documents that go with the log, which must be whole as far as a mark beside
// them tells; see copyMark.
func (n *node) openBlobs(ctx context.Context, cfg nodeConfig) (blob.Store, error) {
	blobs, err := n.openAnyBlobs(ctx, cfg)
	if err == nil && n.bucket != nil {
		err = wholeCopy(ctx, n.log, n.bucket, cfg.engine.markPlace(), cfg.engine.name)
	}
	return blobs, err
}

// openAnyBlobs is openBlobs for a log that need not be whole.
func (n *node) openAnyBlobs(ctx context.Context, cfg nodeConfig) (blobs blob.Store, err error) {
	if cfg.engine.shared() {
		blobs, err = n.openBucket(ctx, cfg)
	} else {
		blobs, err = cfg.blobs(filepath.Join(cfg.dir, "blobs"))
	}
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	return blobs, nil
}

// openBucket opens the attachments beside a log in a cluster, and makes their bucket if the log is empty. Every node does so
// before it appends: if there are commits and no bucket, it was lost, and an empty one would hide that.
func (n *node) openBucket(ctx context.Context, cfg nodeConfig) (blob.Store, error) {
	begun := true // also if the log is damaged, which others find
	if err := untilAnswered(ctx, func() error {
		last, err := n.log.Head(ctx)
		if errors.Is(err, eventlog.ErrUnavailable) {
			return err
		}
		begun = err != nil || last > 0
		return nil
	}); err != nil {
		return nil, err
	}
	opened, err := natsblob.Open(ctx, natsblob.Config{
		Conn: n.conn, Name: cfg.engine.name, Replicas: cfg.engine.replicas, MustExist: begun,
		Patience: markPatience, TempDir: cfg.dir,
	})
	if err != nil {
		return nil, err
	}
	n.bucket = opened
	return opened, nil
}

// logMissing is the error when the head file knows a log and there is none: to
// create one would bury what happened.
func logMissing(dir string) error {
	_, noLog := os.Stat(filepath.Join(dir, "log", "jetstream"))
	if _, err := os.Stat(headPath(dir)); err == nil && errors.Is(noLog, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing, and %s knows of one; nothing was changed: restore the log from a backup",
			eventlog.ErrLogDamaged, filepath.Join(dir, "log"), headPath(dir))
	}
	return nil
}

// headPath is where the head file of a data directory is.
func headPath(dir string) string { return filepath.Join(dir, "head") }

// close closes what is open, the store first. A rebuild under way ends before:
// whoever asked for it is gone, and with that its context.
func (n *node) close(timeout time.Duration) error {
	if n.stop != nil {
		n.stop()
		n.keeping.Wait()
	}
	n.rebuilding.Lock()
	defer n.rebuilding.Unlock()
	var errs []error
	if n.runtime != nil {
		n.runtime.Close()
	}
	n.synced.close()
	if n.relay != nil { // before the logs that it uses; what it has not carried another node does, or the next start
		n.relay.Close()
	}
	n.quiet()
	if n.signals != nil && n.signals.stop != nil {
		n.signals.stop()
	}
	if n.model != nil {
		errs = append(errs, n.model.Close())
	}
	if n.store != nil {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		errs = append(errs, n.store.Close(ctx))
		n.index = n.store.Index()
	}
	if n.index != nil {
		err := n.index.Close()
		if errors.Is(err, index.ErrDamaged) {
			// As when a rebuild was under way: it was said when it was found, and nothing is lost.
			n.indexDir.log.Warn("the damaged index was not made again yet; the next start does it")
			err = nil
		}
		errs = append(errs, err)
	}
	if n.copy != nil {
		errs = append(errs, n.copy.Close())
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	if n.conn != nil {
		n.conn.Close()
	}
	if n.nats != nil {
		errs = append(errs, n.nats.Close())
	}
	return errors.Join(errs...)
}

// lockData makes this process the owner of a data directory.
func lockData(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	// The directory's own entry must survive a power cut, or all in it is lost.
	if err := syncDir(filepath.Dir(filepath.Clean(dir))); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s: stop that server first, or choose another --data", errInUse, dir)
	}
	return lock, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

var errInUse = errors.New("another lrs process owns the data directory")

func socketPath(dir string) string { return filepath.Join(dir, "admin.sock") }

// listenAdmin listens on the directory's socket, which only the owner may use.
// The caller holds the lock, so a socket that is there is left from a crash.
func listenAdmin(dir string) (net.Listener, error) {
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket (its path may have about 100 bytes; choose a shorter --data): %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	return l, nil
}

// freeSpace is how many bytes this process may still write where dir is.
func freeSpace(dir string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}
