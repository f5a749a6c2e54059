package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// launch starts a server and waits until its streams are recovered.
func (s *Server) launch() (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:             "bedside",
		DontListen:             true,
		NoSigs:                 true,
		MaxPayload:             MaxPayload,
		JetStream:              true,
		StoreDir:               s.cfg.Dir,
		SyncAlways:             !s.cfg.NoSync,
		JetStreamMaxStore:      s.cfg.MaxStore,
		JetStreamMaxMemory:     256 << 20, // readers' consumers only
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("natsembed: %w", err)
	}
	l := &bridge{log: s.log}
	srv.SetLoggerV2(l, false, false, false)
	srv.Start()
	switch fatal := l.fatal.Load(); {
	case fatal != nil:
		err = errors.New(*fatal)
	case !srv.JetStreamEnabled():
		err = errors.New("JetStream did not start")
	case !s.cfg.NoSync && !srv.JetStreamConfig().SyncAlways:
		err = errors.New("JetStream does not sync every write")
	default:
		return srv, nil
	}
	stop(srv)
	return nil, fmt.Errorf("natsembed: starting on %s: %w", s.cfg.Dir, err)
}

// inspect compares what JetStream recovered with what was there before. The
// server is up, but nobody can connect yet.
func (s *Server) inspect(srv *server.Server, aside *aside) error {
	if err := recovered(srv, s.cfg.Dir); err != nil {
		return err
	}
	changes, kept, err := aside.settle()
	if err != nil {
		return fmt.Errorf("natsembed: comparing message blocks after the start: %w", err)
	}
	if len(changes) > 0 {
		s.damaged.Store(&kept)
		s.log.Warn("JetStream shortened or changed message blocks while it recovered; the blocks as they were are kept",
			"directory", kept, "changes", changes)
	}
	return nil
}

// recovered is an error when a stream on disk is not one that the server has:
// JetStream only warns when it cannot recover a stream, and then lets a new and
// empty one take its place.
func recovered(srv *server.Server, dir string) error {
	info, err := srv.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Limit: 1 << 20})
	if err != nil {
		return fmt.Errorf("natsembed: listing the recovered streams: %w", err)
	}
	have := map[string]bool{}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			have[path.Join("jetstream", account.Name, "streams", stream.Name)] = true
		}
	}
	names, err := fs.Glob(os.DirFS(dir), streamDirs)
	if err != nil {
		return fmt.Errorf("natsembed: listing the streams on disk: %w", err)
	}
	for _, name := range names {
		if !have[name] && !strings.HasPrefix(path.Base(name), ".") { // "." marks one being deleted
			return fmt.Errorf("natsembed: JetStream could not recover the stream in %s (its warnings say why): restore it from a backup, or move the directory away to begin anew",
				filepath.Join(dir, name))
		}
	}
	return nil
}

func stop(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}
