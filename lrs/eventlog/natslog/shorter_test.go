package natslog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// leader answers for a stream as a leader does that ends at a sequence.
type leader struct {
	ends     atomic.Uint64
	replicas int
}

// connect returns a connection to a server on which l is all there is of JetStream.
func (l *leader) connect(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for subject, answer := range map[string]func() any{
		"$JS.API.STREAM.INFO.bedside-test": func() any {
			return jetstream.StreamInfo{
				Config: jetstream.StreamConfig{
					Name: "bedside-test", Subjects: []string{"bedside.log.test"}, Storage: jetstream.FileStorage, Replicas: l.replicas,
					Discard: jetstream.DiscardNew, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, DenyDelete: true, DenyPurge: true,
				},
				State: jetstream.StreamState{LastSeq: l.ends.Load()},
			}
		},
		"bedside.log.test": func() any {
			return json.RawMessage(fmt.Sprintf(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: %d"}}`, l.ends.Load()))
		},
	} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			b, err := json.Marshal(answer())
			if err != nil {
				t.Error(err)
			}
			_ = m.Respond(b)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return nc
}

// TestShorter: a leader that ends before what was stored may be one that is not, or not yet. Only if that lasts, or if there
// is no other, the log has lost its end: who is told so stops serving.
func TestShorter(t *testing.T) {
	replicated := &leader{replicas: 3}
	replicated.ends.Store(3)
	log := open(t, natslog.Config{Conn: replicated.connect(t), Replicas: 3, Patience: time.Second})
	wantOnly(t, "at first", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable)
	replicated.ends.Store(5)
	wantOnly(t, "when it has caught up", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable)
	replicated.ends.Store(4)
	wantOnly(t, "when it has gone back", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable)
	for deadline := time.Now().Add(time.Minute); ; {
		err := log.Append(t.Context(), 5, []byte("x"))
		if errors.Is(err, eventlog.ErrLogDamaged) {
			break
		}
		if wantOnly(t, "while it lasts", err, eventlog.ErrUnavailable); time.Now().After(deadline) {
			t.Fatal("it lasts for a minute, and is no damage")
		}
	}

	alone := &leader{replicas: 1}
	alone.ends.Store(3)
	log = open(t, natslog.Config{Conn: alone.connect(t)})
	wantOnly(t, "without replicas", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrLogDamaged)
}
