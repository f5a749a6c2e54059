package natslog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestStay(t *testing.T) {
	type event struct {
		at    int   // seconds
		asked int   // what failed
		err   error // nil: an answer came
		again bool  // the connection was made again before
	}
	failures := func(from, to int) (all []event) {
		for i := from; i <= to; i++ {
			all = append(all, event{at: i, asked: i - 1, err: nats.ErrTimeout})
		}
		return all
	}
	with := func(all []event, others ...event) []event {
		all = append(all, others...)
		slices.SortStableFunc(all, func(a, b event) int { return a.at - b.at })
		return all
	}
	for name, tt := range map[string]struct {
		events []event
		leaves []int // seconds
	}{
		"an election":                           {failures(1, 9), nil},
		"a server that is cut off":              {failures(1, 12), []int{10}},
		"none is better":                        {failures(1, 200), []int{10, 30, 70, 130, 190}},
		"an answer in between":                  {with(failures(1, 14), event{at: 5}), nil},
		"an answer, and then none any more":     {with(failures(1, 20), event{at: 5}), []int{15}},
		"a better one, and then none any more":  {with(failures(1, 30), event{at: 12}), []int{10, 22}},
		"one wait that is long enough":          {[]event{{at: 0}, {at: 30, asked: 1, err: nats.ErrTimeout}}, []int{30}},
		"what was asked before the last answer": {[]event{{at: 25}, {at: 30, asked: 1, err: nats.ErrTimeout}}, nil},
		"hardly anything is asked":              {[]event{{at: 1, err: nats.ErrTimeout}, {at: 60, asked: 59, err: nats.ErrTimeout}, {at: 120, asked: 119, err: nats.ErrTimeout}}, nil},
		"another connection has its own time":   {with(failures(1, 25), event{at: 8, asked: 7, err: nats.ErrTimeout, again: true}), []int{18}},
		"what was asked of the connection before": {
			[]event{{at: 1, err: nats.ErrTimeout}, {at: 12, asked: 1, err: nats.ErrTimeout, again: true}, {at: 13, asked: 2, err: nats.ErrTimeout}}, nil,
		},
		"callers that give up": {
			[]event{{at: 1, err: context.Canceled}, {at: 20, asked: 1, err: fmt.Errorf("%w: %w", eventlog.ErrUnavailable, context.Canceled)}}, nil,
		},
		"what was not sent": {[]event{{at: 20, err: unavailable(nats.ErrReconnectBufExceeded)}}, nil},
		"a refusal":         {[]event{{at: 20, err: unavailable(&jetstream.APIError{Code: 404, ErrorCode: jetstream.JSErrCodeStreamNotFound})}}, nil},
		"no JetStream":      {[]event{{at: 20, err: unavailable(&jetstream.APIError{Code: 503, ErrorCode: codeNotAvailable})}}, []int{20}},
		"a closed log":      {[]event{{at: 20, err: eventlog.ErrClosed}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			clock := func(seconds int) time.Time { return begun.Add(time.Duration(seconds) * time.Second) }
			var now int
			var made uint64
			var left []int
			s := &stay{
				now: func() time.Time { return clock(now) }, count: func() uint64 { return made }, bound: leaveAfter,
				leave: func(why error) {
					if why == nil {
						t.Errorf("after %d s it leaves and does not say why", now)
					}
					left = append(left, now)
				},
			}
			for _, e := range tt.events {
				s.wg.Wait()
				if now = e.at; e.again {
					made++
				}
				if e.err == nil {
					s.answered()
				} else {
					s.failed(clock(e.asked), e.err)
				}
			}
			s.stop()
			now = 1000
			for range 30 {
				now += 10
				s.failed(clock(now-1), nats.ErrTimeout)
			}
			if !slices.Equal(left, tt.leaves) {
				t.Errorf("it leaves after %v s, want %v", left, tt.leaves)
			}
		})
	}
}

// late is a connection on which nothing arrives while it is held.
type late struct {
	net.Conn
	held *sync.RWMutex
}

func (l late) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.held.RLock()
	defer l.held.RUnlock()
	return n, err
}

// Dial makes late the dialer of a connection.
func (l late) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return late{conn, l.held}, err
}

// TestElsewhere: a server that answers pings is left for another, which is not itself by another address; one to which
// nothing gets through is not left.
func TestElsewhere(t *testing.T) {
	begin := func() (url string) {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(s.Shutdown)
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("no server")
		}
		return s.ClientURL()
	}
	one, other := begin(), begin()
	silent := func() (url string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return "nats://" + l.Addr().String()
	}
	alias := strings.Replace(one, "127.0.0.1", "localhost", 1)
	for name, tt := range map[string]struct {
		urls []string
		held bool
		want string
		said string
	}{
		"another":            {[]string{one, other}, false, other, ""},
		"by another address": {[]string{one, alias, other}, false, other, ""},
		"hosts that say nothing, for two seconds each": {[]string{one, silent(), silent(), silent(), alias, other}, false, other, ""},
		"no other":            {[]string{one}, false, one, "no other server"},
		"no other, two names": {[]string{one, alias}, false, one, "no other server"},
		"a slow way":          {[]string{one, other}, true, one, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some wait
			var held sync.RWMutex
			conn, err := nats.Connect(strings.Join(tt.urls, ","), nats.SetCustomDialer(late{held: &held}), nats.DontRandomize(), nats.MaxReconnects(-1))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var out bytes.Buffer
			l := &Log{cfg: Config{Conn: conn}, log: slog.New(slog.NewTextHandler(&out, nil))}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if tt.held {
				held.Lock()
				l.elsewhere(ctx, 50*time.Millisecond, nats.ErrTimeout)
				held.Unlock()
			} else {
				l.elsewhere(ctx, 5*time.Second, nats.ErrTimeout)
			}
			if err := conn.FlushTimeout(20 * time.Second); err != nil || conn.ConnectedUrl() != tt.want || tt.held != (conn.Stats().Reconnects == 0) {
				t.Errorf("it is at %s, not at %s; %d connections more (%v)", conn.ConnectedUrl(), tt.want, conn.Stats().Reconnects, err)
			}
			if !strings.Contains(out.String(), tt.said) || tt.said == "" && strings.Contains(out.String(), "no other") {
				t.Errorf("it says %s", &out)
			}
		})
	}
}
