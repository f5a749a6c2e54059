// Package esdblog is the driver of eventlog.Log for EventStoreDB and KurrentDB.
//
// A log is a stream; a commit is an event; revision n is the stream's revision
// n-1. An append says which revision the stream must have, which is all the locking
// there is between nodes, and an event's id is derived from the commit's bytes, so
// that an append that is sent again finds the first. Everything goes to the node
// that leads.
//
// It speaks the client module's protocol packages over a connection of its own. The
// module's client gives up for good a second after it has lost its server, lets
// callers wait beyond their contexts, and does not ask for the leader.
//
// It is tested against esdbtest, which speaks the protocol; that shows nothing of a
// real server's disks, elections, truncations and limits. make test-esdb runs the
// contract against one.
package esdblog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Config says which log to open and how long to wait for it.
type Config struct {
	// URL is the connection string:
	//
	//   esdb://[user:password@]host[:port][,host…][?setting=value&…]
	//
	// also with the schemes esdb+discover, kurrentdb and kurrentdb+discover. With
	// several hosts or +discover the members are asked who leads; else the host is
	// taken for the leader until it names another. Settings, whose names may be in
	// any case: tls and tlsVerifyCert (default true), tlsCaFile, userCertFile and
	// userKeyFile, keepAliveInterval and keepAliveTimeout in ms (10000; an interval
	// of -1 turns it off, and with it the notice of a network that has gone
	// silent), gossipTimeout in s (5), discoveryInterval in ms (100),
	// defaultDeadline in ms (for AppendTimeout); nodePreference must be leader,
	// and maxDiscoverAttempts means nothing, as the log does not give up. With
	// tls=false user and password are sent all the same, in the clear.
	URL string

	// Name is the log's name: 1 to 64 of A-Z a-z 0-9 _ -. The stream is "bedside-"
	// and the name.
	Name string

	// AppendTimeout bounds an append, the wait for a connection included; after it
	// the outcome is unknown. Default 30 s: eventlog.Settle begins with less, and a
	// slow way may take as long.
	AppendTimeout time.Duration

	// RequestTimeout bounds the wait for each other answer. Default 5 s.
	RequestTimeout time.Duration

	// Patience is how long a reader keeps asking a log that is not available
	// before its loop ends with eventlog.ErrUnavailable, and how long a stream may
	// say that it ends before what was stored, as after an election, before that is
	// eventlog.ErrLogDamaged. Default 30 s.
	Patience time.Duration

	// IdleCheck is how often a subscription that gets nothing compares with the
	// head, which reads the last commit, and after how long Head looks again
	// whether the first is there. Default 5 s.
	IdleCheck time.Duration

	// ReconnectMax bounds the pauses, from 100 ms on, between attempts to connect
	// and to find the leader. Default 1 s.
	ReconnectMax time.Duration

	// Dial connects to host:port. nil stands for TCP, without a proxy.
	Dial func(ctx context.Context, address string) (net.Conn, error)

	// Logger receives what happens without a caller to tell. Default
	// slog.Default().
	Logger *slog.Logger
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (cfg *Config) complete() (*target, error) {
	if !validName.MatchString(cfg.Name) {
		return nil, fmt.Errorf("esdblog: log name %q: use 1 to 64 of A-Z a-z 0-9 _ -", cfg.Name)
	}
	t, err := parseTarget(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("esdblog: connection string: %w", err)
	}
	if cfg.AppendTimeout <= 0 {
		cfg.AppendTimeout = t.deadline
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&cfg.AppendTimeout:  eventlog.MaxTimeout,
		&cfg.RequestTimeout: 5 * time.Second,
		&cfg.Patience:       30 * time.Second,
		&cfg.IdleCheck:      5 * time.Second,
		&cfg.ReconnectMax:   time.Second,
	} {
		if *value <= 0 {
			*value = standard
		}
	}
	return t, nil
}

// Log is an open log: an eventlog.Log.
type Log struct {
	cfg  Config
	name string // the stream's
	link *link
	log  *slog.Logger

	life   context.Context // ends with Close
	cancel context.CancelFunc

	shorter eventlog.Shorter // than what an append comes after

	mu      sync.Mutex     // guards closed, looked, and additions to appends
	closed  bool           // no append may begin
	looked  time.Time      // when checkFirst last asked
	appends sync.WaitGroup // those under way
}

// Open checks that the log's stream keeps commits as they are (ErrSettings). It
// creates nothing: the first append does. It does not look for damage either: Head
// does, and Read ends where there is any. While the server is not available Open
// asks again until Config.Patience is over or ctx ends; what asking again does not
// help, a wrong password above all, it says at once.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	t, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, name: "bedside-" + cfg.Name, log: cfg.Logger.With("component", "esdblog", "log", cfg.Name)}
	if t.user != "" && t.tls == nil {
		l.log.Warn("user and password cross the network in the clear: tls=false")
	}
	if l.link, err = connect(t, &l.cfg, l.log); err != nil {
		return nil, fmt.Errorf("esdblog: %w", err)
	}
	l.life, l.cancel = context.WithCancel(context.Background())
	p := l.patience()
	p.hasty = true
	for {
		if err = l.checkSettings(ctx); err == nil || !errors.Is(err, eventlog.ErrUnavailable) {
			break
		}
		if err = p.wait(ctx, err); err != nil {
			break
		}
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("esdblog: log %s: %w", cfg.Name, err)
	}
	return l, nil
}

// Close ends reads and subscriptions with eventlog.ErrClosed, waits for an append
// under way, which still gets its result, and closes the connection.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.appends.Wait()
	return l.link.close()
}

// begin counts an append, for Close to wait for.
func (l *Log) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return eventlog.ErrClosed
	}
	l.appends.Add(1)
	return nil
}

// Head is the last revision that is stored. It is eventlog.ErrLogDamaged when the
// stream says of itself that it has been deleted, or no longer has the first.
func (l *Log) Head(ctx context.Context) (eventlog.Revision, error) {
	e, found, err := l.last(ctx, l.name)
	switch {
	case err != nil:
		return 0, err
	case e != nil:
		if err := l.checkFirst(ctx); err != nil {
			return 0, err
		}
		return eventlog.Revision(e.GetStreamRevision() + 1), nil
	case found:
		return 0, fmt.Errorf("%w: stream %s exists, but all its events are gone; restore it from a backup", eventlog.ErrLogDamaged, l.name)
	}
	// A stream that was deleted looks like one that never was.
	set, err := l.settings(ctx)
	if err == nil && set.TruncateBefore != nil {
		err = fmt.Errorf("%w: stream %s was deleted ($tb is %d): remove $tb from its metadata before a scavenge, or restore it from a backup",
			eventlog.ErrLogDamaged, l.name, *set.TruncateBefore)
	}
	return 0, err
}

// checkFirst looks, but not again and again, whether a stream that has commits has the first: metadata that was written since
// Open may hide it, and a scavenge remove it, without anybody reading there.
func (l *Log) checkFirst(ctx context.Context) error {
	l.mu.Lock()
	due := time.Since(l.looked) >= l.cfg.IdleCheck
	if due {
		l.looked = time.Now()
	}
	l.mu.Unlock()
	if !due {
		return nil
	}
	first, _, err := l.edge(ctx, l.name, forwards)
	if err == nil && first != nil && first.GetStreamRevision() > 0 {
		err = l.missing(ctx, first.GetStreamRevision()+1, 1)
	}
	if err != nil { // it is looked at again at once
		l.mu.Lock()
		l.looked = time.Time{}
		l.mu.Unlock()
	}
	return err
}

// last is a stream's last event; found tells whether there is such a stream.
func (l *Log) last(ctx context.Context, stream string) (e *streams.ReadResp_ReadEvent_RecordedEvent, found bool, err error) {
	return l.edge(ctx, stream, backwards)
}

// edge is a stream's last event, or, forwards, its first.
func (l *Log) edge(ctx context.Context, stream string, direction streams.ReadReq_Options_ReadDirection) (e *streams.ReadResp_ReadEvent_RecordedEvent, found bool, err error) {
	if l.life.Err() != nil {
		return nil, false, eventlog.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.RequestTimeout)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	for range redirects {
		e, found, err = l.edgeHere(ctx, stream, direction)
		if !l.link.follow(err) {
			break
		}
	}
	if err != nil && l.life.Err() != nil {
		err = eventlog.ErrClosed
	}
	return e, found, err
}

// edgeHere is edge, at the node that the link is to.
func (l *Log) edgeHere(ctx context.Context, stream string, direction streams.ReadReq_Options_ReadDirection) (*streams.ReadResp_ReadEvent_RecordedEvent, bool, error) {
	f, err := l.open(ctx, readRequest(stream, direction, 0, 1))
	if err != nil {
		return nil, false, err
	}
	defer f.stop()
	for found := true; ; {
		resp, err := f.recv(0)
		switch {
		case err == errEnd:
			return nil, found, nil
		case err != nil:
			return nil, false, err
		case resp.GetEvent().GetEvent() != nil:
			return resp.GetEvent().GetEvent(), true, nil
		case resp.GetStreamNotFound() != nil:
			found = false
		}
	}
}
