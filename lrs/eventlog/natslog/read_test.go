package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// unsynced starts a server that is fast enough for many appends.
func unsynced(t testing.TB, dir string) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(t.Context(), natsembed.Config{Dir: dir, Logger: discard, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// data is what the tests here store as the given revision.
func data(revision, size int) []byte { return fmt.Appendf(nil, "%0*d", size, revision) }

func appendN(t testing.TB, log eventlog.Log, first, n, size int) {
	t.Helper()
	for i := range n {
		if err := log.Append(t.Context(), eventlog.Revision(first+i-1), data(first+i, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// take takes n records from next, which must begin with the given revision.
func take(t testing.TB, next func() (eventlog.Record, error, bool), first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		r, err, ok := next()
		if err != nil || !ok || r.Revision != eventlog.Revision(i) || string(r.Data) != string(data(i, len(r.Data))) {
			t.Fatalf("revision %d of %d bytes, %v, %v; want revision %d", r.Revision, len(r.Data), err, ok, i)
		}
	}
}

// damagedLog is a log of ten commits from which sequences were deleted.
func damagedLog(t *testing.T, deleted []uint64) *natslog.Log {
	t.Helper()
	js, err := jetstream.New(connect(t, startServer(t, t.TempDir())))
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: "bedside-test", Subjects: []string{"bedside.log.test"}, Discard: jetstream.DiscardNew}
	stream, err := js.CreateStream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, err := js.Publish(t.Context(), "bedside.log.test", data(i+1, 100)); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range deleted {
		if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	cfg.DenyDelete, cfg.DenyPurge = true, true
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return open(t, natslog.Config{Conn: js.Conn()})
}

func TestDeletedMessages(t *testing.T) {
	for _, deleted := range [][]uint64{{1}, {1, 2, 3}, {2}, {5}, {5, 6}, {9}, {10}, {9, 10}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
		t.Run(fmt.Sprint(deleted), func(t *testing.T) {
			log := damagedLog(t, deleted)
			if _, err := log.Head(t.Context()); !errors.Is(err, eventlog.ErrLogDamaged) {
				t.Errorf("head: %v", err)
			}
			for name, records := range map[string]iter.Seq2[eventlog.Record, error]{
				"read":           log.Read(t.Context(), 1),
				"subscribe":      log.Subscribe(t.Context(), 1),
				"read the gap":   log.Read(t.Context(), eventlog.Revision(deleted[0])),
				"follow the gap": log.Subscribe(t.Context(), eventlog.Revision(deleted[0])),
			} {
				n, last := 0, error(nil)
				for r, err := range records {
					if last = err; err != nil {
						break
					}
					if n++; uint64(r.Revision) >= deleted[0] {
						t.Fatalf("%s: revision %d after the gap at %d", name, r.Revision, deleted[0])
					}
				}
				wantOnly(t, name, last, eventlog.ErrLogDamaged)
				if want := int(deleted[0]) - 1; n != want && !strings.Contains(name, "gap") {
					t.Errorf("%s: %d records before the gap, want %d", name, n, want)
				}
			}
			// What is behind a gap can be read by who knows where he is.
			if last := deleted[len(deleted)-1]; last < 10 {
				records, err := read(t.Context(), log, eventlog.Revision(last+1))
				if err != nil || len(records) != 10-int(last) {
					t.Errorf("behind the gap: %d records, %v", len(records), err)
				}
			}
		})
	}
}

// A byte that rots on disk is met by the reader, whether JetStream finds it when it
// starts or when it reads. (natsembed would find it first.)
func TestRottenByte(t *testing.T) {
	const size = 1000
	for name, at := range map[string]int{"payload": 4*size + 500, "record's length": 0} {
		for _, indexed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, indexed %v", name, indexed), func(t *testing.T) {
				dir := t.TempDir()
				on := func(o *server.Options) { o.StoreDir = dir }
				s := plainServer(t, on)
				appendN(t, open(t, natslog.Config{Conn: plainConn(t, s)}), 1, 10, size)
				s.Shutdown()
				s.WaitForShutdown()
				msgs := filepath.Join(dir, "jetstream/$G/streams/bedside-test/msgs")
				if !indexed {
					if err := os.Remove(filepath.Join(msgs, "index.db")); err != nil {
						t.Fatal(err)
					}
				}
				block := filepath.Join(msgs, "1.blk")
				content, err := os.ReadFile(block)
				if err != nil {
					t.Fatal(err)
				}
				record := len(content) / 10
				content[4*record+at%record] ^= 0x10
				if err := os.WriteFile(block, content, 0o600); err != nil {
					t.Fatal(err)
				}
				records, err := read(t.Context(), open(t, natslog.Config{Conn: plainConn(t, plainServer(t, on))}), 1)
				// When it reads the block at its start, JetStream cuts it off there and knows of
				// no more: that is for who knows how long the log was.
				if !errors.Is(err, eventlog.ErrLogDamaged) && (err != nil || len(records) != 4) {
					t.Errorf("%d records, %v", len(records), err)
				}
				if len(records) > 4 {
					t.Errorf("%d records, though the fifth is damaged", len(records))
				}
			})
		}
	}
}

func TestSubscriptionOutlivesRestart(t *testing.T) {
	s := startServer(t, t.TempDir())
	log := open(t, natslog.Config{Conn: connect(t, s)})
	appendN(t, log, 1, 3, 100)
	next, stop := iter.Pull2(log.Subscribe(t.Context(), 1))
	defer stop()
	take(t, next, 1, 3)
	for i := range 3 {
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := 4 + 2*i
		appendN(t, log, first, 2, 100)
		take(t, next, first, 2)
	}
	if records, err := read(t.Context(), log, 1); err != nil || len(records) != 9 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// A subscription that waits while the server restarts makes a new consumer by
// itself, though there is nothing to read.
func TestIdleSubscriptionOutlivesRestart(t *testing.T) {
	s := startServer(t, t.TempDir())
	nc := connect(t, s)
	log := open(t, natslog.Config{Conn: nc, RequestTimeout: 200 * time.Millisecond}) // what is asked while it stops gets no answer
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		for r, err := range log.Subscribe(t.Context(), 1) {
			if err == nil && r.Revision != 1 {
				err = fmt.Errorf("revision %d", r.Revision)
			}
			got <- err
			return
		}
	}()
	consumers := func() (n int) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for n == 0 && ctx.Err() == nil {
			stream, err := js.Stream(ctx, "bedside-test")
			if err != nil {
				t.Fatal(err)
			}
			n = stream.CachedInfo().State.Consumers
		}
		return n
	}
	for range 2 {
		if consumers() != 1 {
			t.Fatal("the subscription has no consumer")
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if consumers() != 1 {
		t.Fatal("the subscription has no consumer after a restart")
	}
	appendN(t, log, 1, 1, 100)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// A reader whose consumer is taken away goes on where it was.
func TestConsumerTakenAway(t *testing.T) {
	const commits = 3000 // more than a consumer sends ahead
	nc := connect(t, unsynced(t, t.TempDir()))
	log := open(t, natslog.Config{Conn: nc})
	appendN(t, log, 1, commits, 50)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "bedside-test")
	if err != nil {
		t.Fatal(err)
	}
	for name, records := range map[string]iter.Seq2[eventlog.Record, error]{
		"read":      log.Read(t.Context(), 1),
		"subscribe": log.Subscribe(t.Context(), 1),
	} {
		next, stop := iter.Pull2(records)
		defer stop()
		for first := 1; first <= commits; first += commits / 3 {
			take(t, next, first, commits/3)
			for consumer := range stream.ConsumerNames(t.Context()).Name() {
				if err := stream.DeleteConsumer(t.Context(), consumer); err != nil {
					t.Fatal(err)
				}
			}
		}
		if name == "read" {
			if r, err, ok := next(); ok {
				t.Errorf("read: revision %d, %v after the end", r.Revision, err)
			}
		}
	}
}

// A reader that stops in the middle while more is appended than the server would
// keep for a connection (64 MB) is not cut off.
func TestSlowReader(t *testing.T) {
	const commits, size = 76, 900_000
	s := unsynced(t, t.TempDir())
	log := open(t, natslog.Config{Conn: connect(t, s)})
	reading := plainErrors(t, s)
	next, stop := iter.Pull2(open(t, natslog.Config{Conn: reading.Conn}).Subscribe(t.Context(), 1))
	defer stop()
	appendN(t, log, 1, 2, size)
	take(t, next, 1, 2)
	appendN(t, log, 3, commits-2, size)
	take(t, next, 3, commits-2)
	if n := reading.Stats().Reconnects; n > 0 {
		t.Errorf("the reader was cut off %d times", n)
	}
	select {
	case err := <-reading.errs:
		t.Errorf("asynchronous error: %v", err)
	default:
	}
}

type errorConn struct {
	*nats.Conn
	errs chan error
}

// plainErrors is a connection whose asynchronous errors can be looked at.
func plainErrors(t *testing.T, s *natsembed.Server) errorConn {
	c := errorConn{connect(t, s), make(chan error, 100)}
	c.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.errs <- err })
	return c
}

func TestGoroutinesEnd(t *testing.T) {
	nc := connect(t, startServer(t, t.TempDir()))
	appendN(t, open(t, natslog.Config{Conn: nc}), 1, 10, 100)
	cycle := func() {
		log := open(t, natslog.Config{Conn: nc})
		if _, err := read(t.Context(), log, 1); err != nil {
			t.Fatal(err)
		}
		for range log.Subscribe(t.Context(), 1) {
			break
		}
		// A consumer whose making is broken off may outlive its deletion until it has been
		// inactive for a while: this one is there before the log is closed.
		begun, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for record := range log.Subscribe(t.Context(), 5) { // until Close
				if record.Revision == 5 {
					close(begun)
				}
			}
		}()
		<-begun
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	cycle() // the server starts some of its own when they are first needed
	before := runtime.NumGoroutine()
	for range 3 {
		cycle()
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
	}
}
