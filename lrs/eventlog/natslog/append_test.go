package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// impostor takes the stream's place: appends to the log "test" get the answer.
// nil answers nothing, and does not even receive.
func impostor(t *testing.T, nc *nats.Conn, answer func(*nats.Msg)) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "bedside-test"); err != nil {
		t.Fatal(err)
	}
	if answer == nil {
		return
	}
	if _, err := nc.Subscribe("bedside.log.test", answer); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestOutcomes(t *testing.T) {
	refusal := func(code int, text string) string {
		return fmt.Sprintf(`{"error":{"code":400,"err_code":%d,"description":%q},"stream":"bedside-test","seq":0}`, code, text)
	}
	nc := connect(t, startServer(t, t.TempDir()))
	log := open(t, natslog.Config{Conn: nc, AppendTimeout: 100 * time.Millisecond})
	var answer atomic.Pointer[string]
	impostor(t, nc, func(m *nats.Msg) {
		if text := *answer.Load(); text != "silence" {
			_ = m.Respond([]byte(text))
		}
	})
	for _, tt := range []struct {
		answer string
		want   error
	}{
		{`{"stream":"bedside-test","seq":4}`, nil},
		{refusal(10071, "wrong last sequence: 4"), eventlog.ErrConflict},
		{refusal(10071, "wrong last sequence: 30"), eventlog.ErrConflict},
		{refusal(10071, "another wording"), eventlog.ErrConflict},
		{refusal(10164, "wrong last sequence"), eventlog.ErrConflict},
		{refusal(10054, "message size exceeds maximum allowed"), eventlog.ErrTooLarge},
		{refusal(10023, "insufficient resources"), eventlog.ErrUnavailable},
		{refusal(10002, "resource limits exceeded for account"), eventlog.ErrUnavailable},
		{refusal(10060, "expected stream does not match"), eventlog.ErrUnavailable},
		{refusal(10109, "invalid operation on sealed stream"), eventlog.ErrUnavailable},
		{refusal(10008, "JetStream system temporarily unavailable"), eventlog.ErrUnavailable},
		{refusal(10077, "write /data: input/output error"), eventlog.ErrUnknownOutcome},
		{refusal(10063, "expected stream sequence does not match"), eventlog.ErrUnknownOutcome},
		{refusal(19999, "something new"), eventlog.ErrUnknownOutcome},
		{`{"seq":4}`, eventlog.ErrUnknownOutcome},
		{"no JSON", eventlog.ErrUnknownOutcome},
		{"", eventlog.ErrUnknownOutcome},
		{"silence", eventlog.ErrUnknownOutcome},
	} {
		answer.Store(&tt.answer)
		err := log.Append(t.Context(), 3, []byte("x"))
		wantOnly(t, tt.answer, err, tt.want)
	}
	// Stored, but where no reader takes it for revision 4.
	elsewhere := `{"stream":"bedside-test","seq":5}`
	answer.Store(&elsewhere)
	err := log.Append(t.Context(), 3, []byte("x"))
	if !errors.Is(err, eventlog.ErrUnknownOutcome) || !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Errorf("stored as another sequence: %v", err)
	}
}

// wantOnly checks that err is each of want and no other of the port's errors; want nil: that there is none.
func wantOnly(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	for _, e := range []error{
		eventlog.ErrConflict, eventlog.ErrUnknownOutcome, eventlog.ErrTooLarge,
		eventlog.ErrUnavailable, eventlog.ErrClosed, eventlog.ErrLogDamaged,
	} {
		if errors.Is(err, e) != slices.Contains(want, e) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	if want[0] == nil && err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestNoResponders(t *testing.T) {
	nc := connect(t, startServer(t, t.TempDir()))
	log := open(t, natslog.Config{Conn: nc})
	impostor(t, nc, nil)
	wantOnly(t, "no stream", log.Append(t.Context(), 0, []byte("x")), eventlog.ErrUnknownOutcome)
}

// Whether what was sent before a connection broke has arrived is unknown; on a
// closed one nothing is sent.
func TestConnectionLost(t *testing.T) {
	s := startServer(t, t.TempDir())
	nc := connect(t, s)
	log := open(t, natslog.Config{Conn: nc})
	impostor(t, connect(t, s), func(*nats.Msg) { nc.Close() })
	wantOnly(t, "closed in flight", log.Append(t.Context(), 0, []byte("x")), eventlog.ErrUnknownOutcome)
	wantOnly(t, "closed before", log.Append(t.Context(), 0, []byte("x")), eventlog.ErrUnavailable)
}

func TestCancelledInFlight(t *testing.T) {
	nc := connect(t, startServer(t, t.TempDir()))
	restarts := 0
	log := open(t, natslog.Config{Conn: nc, RestartAfter: 1, Restart: func(context.Context) error { restarts++; return nil }})
	ctx, cancel := context.WithCancel(t.Context())
	impostor(t, nc, func(*nats.Msg) { cancel() })
	wantOnly(t, "cancelled", log.Append(ctx, 0, []byte("x")), eventlog.ErrUnknownOutcome)
	if err := log.Close(); err != nil || restarts > 0 {
		t.Errorf("%d restarts because a caller gave up; close: %v", restarts, err)
	}
}

// Two clients on one stream, each with its connection: of those that expect the
// same revision one wins, and the loser's error carries JetStream's code.
func TestTwoClients(t *testing.T) {
	s := startServer(t, t.TempDir())
	logs := []*natslog.Log{open(t, natslog.Config{Conn: connect(t, s)}), open(t, natslog.Config{Conn: connect(t, s)})}
	for expected := range eventlog.Revision(50) {
		results := make(chan error, len(logs))
		for i, log := range logs {
			go func() { results <- log.Append(t.Context(), expected, []byte{byte(i)}) }()
		}
		errs := []error{<-results, <-results}
		slices.SortFunc(errs, func(a, b error) int {
			switch {
			case a == nil:
				return -1
			case b == nil:
				return 1
			}
			return 0
		})
		wantOnly(t, "winner", errs[0], nil)
		wantOnly(t, "loser", errs[1], eventlog.ErrConflict)
		var api *jetstream.APIError
		if !errors.As(errs[1], &api) || api.ErrorCode != 10071 {
			t.Fatalf("the loser's error %v has no code 10071", errs[1])
		}
	}
	if head, err := logs[1].Head(t.Context()); head != 50 || err != nil {
		t.Errorf("head %d, %v", head, err)
	}
}

func TestRestartAfterSilence(t *testing.T) {
	for name, tt := range map[string]struct {
		answer   string
		attempts int
	}{
		"unknown outcomes": {"", 3},
		"a store error":    {`{"error":{"code":503,"err_code":10077,"description":"no space left on device"}}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			nc := connect(t, startServer(t, t.TempDir()))
			restarted := make(chan error) // unbuffered: a restart lasts until it is taken
			log := open(t, natslog.Config{
				Conn: nc, AppendTimeout: 10 * time.Millisecond,
				Restart: func(ctx context.Context) error {
					select {
					case err := <-restarted:
						return err
					case <-ctx.Done():
						return ctx.Err()
					}
				},
			})
			var healed atomic.Bool
			impostor(t, nc, func(m *nats.Msg) {
				if healed.Load() {
					_ = m.Respond([]byte(`{"stream":"bedside-test","seq":1}`))
				} else if tt.answer != "" {
					_ = m.Respond([]byte(tt.answer))
				}
			})
			append := func(ctx context.Context) error { return log.Append(ctx, 0, []byte("x")) }
			for i := range tt.attempts {
				wantOnly(t, fmt.Sprint("append ", i), append(t.Context()), eventlog.ErrUnknownOutcome)
			}
			// The restart is under way: appends wait for it, as long as they may.
			short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			wantOnly(t, "append during the restart", append(short), eventlog.ErrUnavailable)

			// When it fails, the append that waits for it says so, or the next
			// one, which asks for another.
			broken := errors.New("the disk is full")
			restarted <- broken
			result := make(chan error)
			go func() { result <- append(t.Context()) }()
			var err error
			select {
			case err = <-result:
			case restarted <- broken:
				err = <-result
			}
			if !errors.Is(err, eventlog.ErrUnavailable) || !errors.Is(err, broken) {
				t.Errorf("append after a failed restart: %v", err)
			}
			go func() { result <- append(t.Context()) }()
			healed.Store(true)
			restarted <- nil
			wantOnly(t, "append after the restart", <-result, nil)
		})
	}
}
