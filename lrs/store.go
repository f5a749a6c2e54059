package lrs

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Config is what a Store is made of. The caller opens Log, Index and Blobs, and
// closes them after the Store (the index that Store.Index then returns).
type Config struct {
	Log   eventlog.Log
	Index *index.Index // the first one; see Store.Rebuild
	Blobs blob.Store
	Auth  *auth.Registry // filled from the log; may hold ephemeral credentials already

	// Shared: other nodes append to the log too. The store follows what they do, and its watermark is that of the log's
	// last commit, since only that is the same for all.
	Shared bool

	// Neighbours are the other nodes of a shared log; nil if they cannot be called.
	Neighbours Neighbours

	HeadFile string                 // path of the head file, see headFile
	Node     string                 // this node's name in the commits it seals
	MinFree  uint64                 // below so many free bytes writes are ErrNoSpace
	Free     func() (uint64, error) // free bytes where the log and the index are
	MaxLog   int64                  // bytes that the log may have, for Ready; 0 if unknown
	MaxQueue int64                  // bytes of changes waiting; above, writes are ErrBusy; default 64 MiB
	Settle   eventlog.SettleOptions // how long one append is waited for before it is sent again
	Now      func() time.Time       // default time.Now
	Late     time.Duration          // how long the answer to a write waits for its StatementRefs to match; default 5 s
	Notes    func() []string        // what an operator should know of the log, for Store.Notes; may be nil
	Logger   *slog.Logger           // default slog.Default
	Metrics  *Metrics               // default: counted, not exported
}

// queueLength bounds the number of waiting changes; MaxQueue bounds their bytes.
const queueLength = 1 << 14

// leaseTime is how far ahead of the clock the watermark's bound is persisted,
// and leaseEvery how often. A start after a crash begins its times behind the
// bound, so at most leaseTime ahead of the clock.
const (
	leaseTime  = 3 * time.Second
	leaseEvery = time.Second
)

// Store is a learning record store on one event log. Its methods may be called
// concurrently.
type Store struct {
	cfg     Config
	log     eventlog.Log
	index   atomic.Pointer[index.Index] // replaced by the committer only, under swapping
	blobs   blob.Store
	auth    *auth.Registry
	clock   *clock
	metrics *Metrics

	// swapping is held for reading from loading the index to having a View of it,
	// so that an index that was replaced is closed behind its last reader.
	swapping sync.RWMutex

	queue       chan *change
	others      chan eventlog.Record          // what other nodes append; nil: there are none
	calls       chan call                     // what other nodes call
	caller      uuid.UUID                     // who this process is in its own calls
	passedOver  atomic.Int64                  // since when other nodes have had every revision that this one wanted, ns since 1970; 0: they have not
	heads       *heads                        // where a shared log's head is
	ticking     atomic.Bool                   // a Tick is under way
	ended       chan struct{}                 // closed when the committer has ended
	turn        chan struct{}                 // holds one while somebody has the turn to register
	referring   referring                     // who refers to other statements how much
	merging     oneAtATime[event.DocumentKey] // who merges into a large document
	comparers   oneAtATime[xapi.IFI]          // who compares large statements, of each credential by its authority; see comparison
	comparing   chan struct{}                 // holds one while large statements are compared
	queuedBytes atomic.Int64

	closing sync.RWMutex // held for reading while a change enters the queue
	closed  bool         // under closing

	unsettled chan struct{} // capacity 1: the index has terms to pass on

	logHead atomic.Uint64 // the last revision that this node knows to be in the log

	leasing sync.Mutex // held while the head file is written: writers of it take turns

	headMu   sync.Mutex
	head     eventlog.Head     // last applied commit, for the head file; under headMu, as are
	told     eventlog.Revision // head's, once the watermark is behind it; see tell
	advanced chan struct{}     // closed and made anew when told moves
	// Who waits until told is a revision; until the statement with a number is shown; until all that was stored at a time is.
	revisions, shownNumbers, shownTimes waiters

	broken      atomic.Pointer[error]      // the store can no longer go on; see fail
	logFailure  atomic.Pointer[logFailure] // the last append's failure, nil after a success
	appendSince atomic.Int64               // when the append or apply under way began, ns since 1970; 0 for none

	cancel context.CancelFunc // ends the committer's waits
	stop   context.CancelFunc // ends the lease keeper and the sweeper
	wg     sync.WaitGroup     // committer, lease keeper, sweeper
}

// Open checks the log against the head file and the index, creates the first
// commit of an empty log, applies what the index lacks, and starts the
// committer. It returns when the store can serve.
//
// eventlog.ErrLogDamaged (wrapped) says that the log lacks what the head file
// or the index has seen: the node must not serve.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.setDefaults()
	run, cancel := context.WithCancel(context.Background())
	background, stop := context.WithCancel(run)
	s := &Store{
		cfg: cfg, log: cfg.Log, auth: cfg.Auth, metrics: cfg.Metrics, clock: &clock{now: cfg.Now, shared: cfg.Shared},
		ended: make(chan struct{}), advanced: make(chan struct{}),
		queue: make(chan *change, queueLength), turn: make(chan struct{}, 1), comparing: make(chan struct{}, 1), cancel: cancel, stop: stop,
		unsettled: make(chan struct{}, 1), heads: newHeads(),
	}
	s.index.Store(cfg.Index)
	s.blobs = guardedBlobs{cfg.Blobs, s}
	c := &committer{Store: s, builder: eventlog.NewBuilder(eventlog.DefaultLimits)}
	if err := c.recover(ctx); err != nil {
		cancel()
		return nil, err
	}
	s.metrics.observe(s)
	if err := s.renewLease(); err != nil {
		cancel()
		return nil, err
	}
	if cfg.Shared {
		s.others = make(chan eventlog.Record, othersAhead)
		s.wg.Go(func() { s.keepUp(background) })
		if cfg.Neighbours != nil {
			s.calls, s.caller = make(chan call, callsAhead), uuid.New()
			s.wg.Go(func() { s.listen(background) })
		}
		s.wg.Go(func() { s.heads.run(background, s.log, func() eventlog.Revision { return s.Head().Revision }, s.fail) })
	}
	s.wg.Go(func() {
		defer close(s.ended)
		c.run(run)
	})
	s.wg.Go(func() { s.keepLease(background) })
	s.wg.Go(func() { s.keepSwept(background) })
	s.wg.Go(func() { s.keepSettled(background) })
	return s, nil
}

func (cfg *Config) setDefaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Late == 0 {
		cfg.Late = 5 * time.Second
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = 64 << 20
	}
	if cfg.Auth == nil {
		cfg.Auth = auth.NewRegistry("http://localhost")
	}
	if cfg.Free == nil {
		cfg.Free = func() (uint64, error) { return 1 << 62, nil }
	}
}

// submit queues a change and waits for its answer.
func (s *Store) submit(ctx context.Context, size int64, decide func(*transaction) (decision, error)) (Position, error) {
	ch := &change{ctx: ctx, size: size, decide: decide, answer: make(chan answer, 1)}
	if err := s.enqueue(ch); err != nil {
		return Position{}, err
	}
	select {
	case a := <-ch.answer:
		return a.position, a.err
	case <-ctx.Done():
		return Position{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
	}
}

func (s *Store) enqueue(ch *change) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if s.queuedBytes.Add(ch.size) > s.cfg.MaxQueue {
		s.queuedBytes.Add(-ch.size)
		return ErrBusy
	}
	select {
	case s.queue <- ch:
		return nil
	default:
		s.queuedBytes.Add(-ch.size)
		return ErrBusy
	}
}

// writable says why no commit may be sealed now, nil if one may.
func (s *Store) writable() error {
	if err := s.failure(); err != nil {
		return err
	}
	if err := s.Index().Err(); err != nil {
		return fmt.Errorf("%w: index: %w", ErrUnavailable, err)
	}
	free, err := s.cfg.Free()
	if err != nil {
		return fmt.Errorf("%w: free space: %w", ErrUnavailable, err)
	}
	if free < s.cfg.MinFree {
		return fmt.Errorf("%w: %d MiB are free and --min-free asks for %d MiB", ErrNoSpace, free>>20, s.cfg.MinFree>>20)
	}
	return nil
}

// Head is the last applied commit.
func (s *Store) Head() eventlog.Head {
	s.headMu.Lock()
	defer s.headMu.Unlock()
	return s.head
}

func (s *Store) setHead(h eventlog.Head) {
	s.headMu.Lock()
	defer s.headMu.Unlock()
	s.head = h
}

// Index is the index that is read from now.
func (s *Store) Index() *index.Index { return s.index.Load() }

// Auth is the registry of credentials that the store keeps current.
func (s *Store) Auth() *auth.Registry { return s.auth }

// Blobs is where attachments go before the statements that name them.
func (s *Store) Blobs() blob.Store { return s.blobs }

// Close refuses new changes, finishes those that are queued, and notes on disk
// how far the log has come. If ctx ends first, what is queued is answered
// ErrUnknownOutcome or ErrClosed.
func (s *Store) Close(ctx context.Context) error {
	s.closing.Lock()
	if s.closed {
		s.closing.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.closing.Unlock()

	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	s.stop()
	s.wg.Wait()
	s.cancel()
	if s.broken.Load() != nil || s.cfg.HeadFile == "" {
		return nil // the last lease stands: the next start treats this as a crash
	}
	return newHeadFile(s.Head(), s.clock.bound(), true).write(s.cfg.HeadFile)
}

// Lease is a time, in µs, beyond which nobody has been told until now that nothing will be stored: for WriteHead beside a
// copy of the log.
func (s *Store) Lease() int64 { return s.clock.limit() }

// renewLease persists how far watermarks may go, and how far the log has come.
func (s *Store) renewLease() error {
	s.leasing.Lock()
	defer s.leasing.Unlock()
	lease := s.clock.nextLease()
	if s.cfg.HeadFile != "" {
		if err := newHeadFile(s.Head(), lease, false).write(s.cfg.HeadFile); err != nil {
			return err
		}
	}
	s.clock.extend(lease)
	return nil
}

func (s *Store) keepLease(ctx context.Context) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.renewLease(); err != nil {
				s.cfg.Logger.Error("the watermark stands still until the head file can be written", "error", err)
			}
		}
	}
}

func newLogID() (id eventlog.LogID) {
	rand.Read(id[:]) // never fails: crypto/rand ends the program if the system has no randomness
	return id
}
