// Package natslog is the driver of eventlog.Log for NATS JetStream, in this
// process (natsembed) or in a cluster.
//
// A log is a stream with one subject; a commit is a message; its revision is its
// sequence in the stream. An append says which sequence must be the last one
// (Nats-Expected-Last-Sequence), which is all the locking there is between nodes.
// Message ids are not used. JetStream removes what it finds damaged and numbers
// on, so every reader checks that no sequence is missing.
//
// # Two that answer
//
// Every server that takes itself for the stream's leader receives an append and each question, and the first answer is
// the one that counts. One that was cut off goes on taking itself for the leader for ten seconds and more, and when its
// connections come back it may be reached again before it hears of its successor: accounts and elections have connections
// of their own (seen with nats-server 2.15: the refusal "wrong last sequence" of a commit that the successor was
// storing). So of a stream with replicas a refusal only says to look again (see outcome), and an answer about the stream
// counts if a majority has been heard from lately (see leads, and there for how long that may deceive).
//
// One that stays cut off is left: the connection goes to another server (see stay).
//
// # Rights
//
// A user needs to publish to bedside.log.NAME, to $JS.API.STREAM.{INFO,CREATE,MSG.GET}.bedside-NAME, to
// $JS.API.CONSUMER.{CREATE,MSG.NEXT,DELETE}.bedside-NAME.> and, for CheckSynced, to $SYS.REQ.SERVER.PING.JSZ, which its
// account imports from the system account; and to receive answers. Nothing here updates, deletes or purges the stream.
package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says which log to open and how long to wait for it.
type Config struct {
	// Conn is the connection; it stays the caller's. It must reconnect by itself,
	// and should not keep publishes for later while it does
	// (nats.ReconnectBufSize(-1)): they would come after their time-out.
	Conn *nats.Conn

	// Name is the log's name: 1 to 64 of A-Z a-z 0-9 _ -. The stream is
	// "bedside-" and the name, its subject "bedside.log." and the name.
	Name string

	// Replicas is on how many servers a commit is stored before it counts, 1 to 5;
	// default 1. A log with more is accepted.
	Replicas int

	// AppendTimeout bounds the wait for an append's answer; after it the outcome
	// is unknown. Default 2 s with Restart, which waits for silence, and else 30 s:
	// eventlog.Settle begins with less, and a slow way may take as long.
	AppendTimeout time.Duration

	// RequestTimeout bounds each other request. Default 5 s.
	RequestTimeout time.Duration

	// Patience is how long a reader keeps asking a log that is not available
	// before its loop ends with eventlog.ErrUnavailable. Default 30 s: an election
	// takes up to 10.
	Patience time.Duration

	// IdleCheck is how often a reader that gets nothing compares with the head.
	// Default 1 s.
	IdleCheck time.Duration

	// Restart restarts an embedded server (natsembed.Server.Restart). It is called
	// when JetStream says that it could not store, and after RestartAfter appends
	// in a row whose outcome is unknown: after a write error JetStream neither
	// answers nor recovers. nil for a server that is not ours.
	Restart func(context.Context) error

	// RestartAfter is that number; default 3. RestartTimeout bounds a call of
	// Restart; default 1 minute.
	RestartAfter   int
	RestartTimeout time.Duration

	// Logger receives what happens without a caller to tell: restarts, readers
	// that begin anew. Default slog.Default().
	Logger *slog.Logger
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (cfg *Config) complete() error {
	if cfg.Conn == nil {
		return errors.New("natslog: Config.Conn is nil")
	}
	if !validName.MatchString(cfg.Name) {
		return fmt.Errorf("natslog: log name %q: use 1 to 64 of A-Z a-z 0-9 _ -", cfg.Name)
	}
	if cfg.Replicas < 0 || cfg.Replicas > 5 {
		return fmt.Errorf("natslog: Config.Replicas is %d, must be 1 to 5", cfg.Replicas)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	appendTimeout := eventlog.MaxTimeout
	if cfg.Restart != nil {
		appendTimeout = 2 * time.Second
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&cfg.AppendTimeout:  appendTimeout,
		&cfg.RequestTimeout: 5 * time.Second,
		&cfg.Patience:       30 * time.Second,
		&cfg.IdleCheck:      time.Second,
		&cfg.RestartTimeout: time.Minute,
	} {
		if *value <= 0 {
			*value = standard
		}
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	if cfg.RestartAfter <= 0 {
		cfg.RestartAfter = 3
	}
	return nil
}

// Log is an open log: an eventlog.Log.
type Log struct {
	cfg    Config
	js     jetstream.JetStream
	stream jetstream.Stream
	log    *slog.Logger

	life     context.Context // ends with Close
	close    context.CancelFunc
	server   warden
	stay     *stay
	shorter  eventlog.Shorter
	replicas atomic.Int32 // of the stream, as it last said
}

// Open creates the log's stream or checks that the one there is keeps commits as
// they are (ErrSettings). It does not look for damage: Head does, and Read ends
// where there is any. While the server is not available, or the stream has no
// leader, Open asks again until Config.Patience is over or ctx ends.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, fmt.Errorf("natslog: %w", err)
	}
	l := &Log{cfg: cfg, js: js, log: cfg.Logger.With("component", "natslog", "log", cfg.Name)}
	l.life, l.close = context.WithCancel(context.Background())
	l.server.init(l)
	l.stay = l.newStay()
	p := l.patience()
	for {
		asked := time.Now()
		if l.stream, err = l.openStream(ctx); err == nil {
			_, err = l.info(ctx) // a stream that was just made has no leader yet
		}
		if err == nil || !errors.Is(err, eventlog.ErrUnavailable) {
			break
		}
		l.stay.failed(asked, err)
		if err = p.wait(ctx, err); err != nil {
			break
		}
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("natslog: log %s: %w", cfg.Name, err)
	}
	if cfg.Restart == nil {
		l.stay.wg.Go(func() {
			ticker := time.NewTicker(watchEvery)
			defer ticker.Stop()
			l.watch(ticker.C)
		})
	}
	return l, nil
}

// openStream finds or creates the stream and checks its settings.
func (l *Log) openStream(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.RequestTimeout)
	defer cancel()
	want := settings(l.cfg.Name, l.cfg.Replicas)
	stream, err := l.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = l.js.CreateStream(ctx, want)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster
		stream, err = l.js.Stream(ctx, want.Name)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	config := stream.CachedInfo().Config
	if err := checkSettings(config, want); err != nil {
		return nil, err
	}
	l.replicas.Store(int32(config.Replicas))
	if n := l.cfg.Conn.MaxPayload(); n < minPayload {
		return nil, fmt.Errorf("%w: the server's max_payload is %d bytes, commits need %d; set it to 8MB", ErrSettings, n, minPayload)
	}
	return stream, nil
}

// Stream is the name of the stream that has the log.
func (l *Log) Stream() string { return streamName(l.cfg.Name) }

// Close ends reads and subscriptions with eventlog.ErrClosed; an append under way
// still gets its result. It does not close the connection.
func (l *Log) Close() error {
	l.close()
	l.server.stop()
	l.stay.stop()
	return nil
}

// Head is the last revision that is stored. It is eventlog.ErrLogDamaged when the
// stream says of itself that a message is missing.
func (l *Log) Head(ctx context.Context) (eventlog.Revision, error) {
	state, err := l.state(ctx)
	if err != nil {
		return 0, err
	}
	if lost := state.LastSeq - state.Msgs; lost != 0 {
		return 0, fmt.Errorf("%w: stream %s has %d messages in sequences %d to %d: %d are missing; restore it from a backup",
			eventlog.ErrLogDamaged, streamName(l.cfg.Name), state.Msgs, state.FirstSeq, state.LastSeq, lost)
	}
	return eventlog.Revision(state.LastSeq), nil
}

// Bytes is how many bytes the log's commits take, as JetStream stores them.
func (l *Log) Bytes(ctx context.Context) (uint64, error) {
	state, err := l.state(ctx)
	return state.Bytes, err
}

// state is the stream's, as its leader has it.
func (l *Log) state(ctx context.Context) (jetstream.StreamState, error) {
	info, err := l.info(ctx)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return info.State, nil
}

// info is what the stream's leader says of it. While it is in doubt that the leader is the one who answers, it is
// eventlog.ErrUnavailable.
func (l *Log) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	if l.life.Err() != nil {
		return nil, eventlog.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.RequestTimeout)
	defer cancel()
	asked := time.Now()
	var doubt error
	for range 3 { // a replica that answers its leader just then may look as if it never had
		info, err := l.stream.Info(ctx)
		if reason(err) {
			l.stay.answered() // as that there is no such stream
		} else if err != nil {
			l.stay.failed(asked, err)
		}
		if err != nil {
			return nil, unavailable(fmt.Errorf("stream info: %w", err))
		}
		l.replicas.Store(int32(info.Config.Replicas))
		if doubt = leads(info); doubt == nil {
			l.stay.answered()
			return info, nil
		}
	}
	l.stay.failed(asked, doubt)
	return nil, unavailable(fmt.Errorf("stream info: %w", doubt))
}

// unavailable wraps err, which came instead of an answer.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", eventlog.ErrUnavailable, err)
}
