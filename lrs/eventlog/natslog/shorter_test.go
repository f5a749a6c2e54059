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
	says     atomic.Pointer[string] // to an append; nil: that its last sequence is ends
	got      atomic.Pointer[[]byte] // by the last append, if it does not keep what it has
	keeps    atomic.Bool
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
				State:   jetstream.StreamState{LastSeq: l.ends.Load()},
				Cluster: &jetstream.ClusterInfo{Leader: "n1", Replicas: []*jetstream.PeerInfo{{Name: "n2", Active: 1}, {Name: "n3", Active: 1}}},
			}
		},
		"$JS.API.STREAM.MSG.GET.bedside-test": func() any {
			return map[string]any{"message": map[string]any{"seq": l.ends.Load(), "data": l.got.Load()}}
		},
		"bedside.log.test": func() any {
			if says := l.says.Load(); says != nil {
				return json.RawMessage(*says)
			}
			return json.RawMessage(fmt.Sprintf(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: %d"}}`, l.ends.Load()))
		},
	} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			if subject == "bedside.log.test" && !l.keeps.Load() {
				l.got.Store(&m.Data)
			}
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
	wantOnly(t, "at first", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable, eventlog.ErrUnknownOutcome)
	replicated.ends.Store(5)
	wantOnly(t, "when it has caught up", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable, eventlog.ErrUnknownOutcome)
	replicated.ends.Store(4)
	wantOnly(t, "when it has gone back", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrUnavailable, eventlog.ErrUnknownOutcome)
	for deadline := time.Now().Add(time.Minute); ; {
		err := log.Append(t.Context(), 5, []byte("x"))
		if errors.Is(err, eventlog.ErrLogDamaged) {
			break
		}
		if wantOnly(t, "while it lasts", err, eventlog.ErrUnavailable, eventlog.ErrUnknownOutcome); time.Now().After(deadline) {
			t.Fatal("it lasts for a minute, and is no damage")
		}
	}

	alone := &leader{replicas: 1}
	alone.ends.Store(3)
	log = open(t, natslog.Config{Conn: alone.connect(t)})
	wantOnly(t, "without replicas", log.Append(t.Context(), 5, []byte("x")), eventlog.ErrLogDamaged)
}

// TestDeposed: a server that no longer leads a stream with replicas receives appends too, and its refusal may come before
// the leader's answer. Append is certain of none that it could give.
func TestDeposed(t *testing.T) {
	stream := &leader{replicas: 3}
	stream.ends.Store(3)
	log := open(t, natslog.Config{Conn: stream.connect(t), Replicas: 3})
	for _, tt := range []struct {
		code int
		text string
		want []error
	}{
		{10071, "wrong last sequence: 2", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10071, "wrong last sequence: 30", []error{eventlog.ErrUnknownOutcome, eventlog.ErrConflict}},
		{10164, "wrong last sequence", []error{eventlog.ErrUnknownOutcome, eventlog.ErrConflict}},
		{10023, "insufficient resources", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10047, "insufficient storage resources available", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10109, "invalid operation on sealed stream", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10008, "JetStream system temporarily unavailable", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10039, "JetStream not enabled for account", []error{eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable}},
		{10054, "message size exceeds maximum allowed", []error{eventlog.ErrTooLarge}},
		{10060, "expected stream does not match", []error{eventlog.ErrUnavailable}},
	} {
		says := fmt.Sprintf(`{"error":{"code":400,"err_code":%d,"description":%q}}`, tt.code, tt.text)
		stream.says.Store(&says)
		wantOnly(t, says, log.Append(t.Context(), 3, []byte("x")), tt.want...)
	}

	// What such a refusal leaves open is settled by what is stored.
	old := `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"}}`
	settle := func(data string, stored []byte) error {
		stream.says.Store(&old)
		return eventlog.Settle(t.Context(), log, 3, []byte(data), eventlog.SettleOptions{Backoff: func(int, error) time.Duration {
			stream.says.Store(nil) // the leader's turn, which has a fourth
			stream.ends.Store(4)
			if stored != nil {
				stream.got.Store(&stored)
			}
			return 0
		}})
	}
	wantOnly(t, "ours is stored", settle("ours", nil), nil)
	stream.ends.Store(3)
	stream.keeps.Store(true)
	wantOnly(t, "another is stored", settle("ours", []byte("another")), eventlog.ErrConflict)
}
