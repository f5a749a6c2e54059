package natslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
			l := &Log{cfg: Config{Conn: conn}, log: slog.New(slog.NewTextHandler(&out, nil)), life: t.Context()}
			if tt.held {
				held.Lock()
				l.elsewhere(50*time.Millisecond, nats.ErrTimeout)
				held.Unlock()
			} else {
				l.elsewhere(5*time.Second, nats.ErrTimeout)
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

// asked is a stream of which only Info is asked.
type asked struct {
	jetstream.Stream
	info  *jetstream.StreamInfo
	err   error
	times int
}

func (a *asked) Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	a.times++
	return a.info, a.err
}

// TestWatch: where nobody asks anything of the log its leader is asked, and a server that does not reach it is left.
func TestWatch(t *testing.T) {
	gone := &jetstream.APIError{Code: http.StatusNotFound, ErrorCode: jetstream.JSErrCodeStreamNotFound}
	for name, tt := range map[string]struct {
		stream asked
		beside func(*stay) // every 900 ms
		times  int         // that it asks in 21 s
		leaves int
	}{
		"it answers":              {asked{info: &jetstream.StreamInfo{}}, nil, 10, 0},
		"it does not":             {asked{err: nats.ErrTimeout}, nil, 10, 1},
		"others have answers":     {asked{err: nats.ErrTimeout}, (*stay).answered, 0, 0},
		"others have none either": {asked{err: nats.ErrTimeout}, func(s *stay) { s.failed(time.Now(), nats.ErrTimeout) }, 0, 1},
		"there is no such stream": {asked{err: gone}, nil, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				life, end := context.WithCancel(t.Context())
				l := &Log{cfg: Config{RequestTimeout: time.Minute}, stream: &tt.stream, life: life}
				left := 0
				l.stay = &stay{now: time.Now, count: func() uint64 { return 0 }, leave: func(error) { left++ }, bound: leaveAfter}
				var wg sync.WaitGroup
				wg.Go(func() { l.watch(time.Tick(watchEvery)) })
				if tt.beside != nil {
					wg.Go(func() {
						for life.Err() == nil {
							tt.beside(l.stay)
							<-time.After(900 * time.Millisecond)
						}
					})
				}
				<-time.After(21 * time.Second)
				end()
				wg.Wait()
				l.stay.stop()
				if tt.stream.times != tt.times || left != tt.leaves {
					t.Errorf("asked %d times, left %d times; want %d, %d", tt.stream.times, left, tt.times, tt.leaves)
				}
			})
		})
	}
}

// TestNoSuchStream: appends to a stream that was deleted have no answer, and no server is to blame.
func TestNoSuchStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &asked{err: &jetstream.APIError{Code: http.StatusNotFound, ErrorCode: jetstream.JSErrCodeStreamNotFound}}
		l := &Log{cfg: Config{RequestTimeout: time.Minute}, stream: stream, life: t.Context()}
		l.stay = &stay{now: time.Now, count: func() uint64 { return 0 }, leave: func(why error) { t.Errorf("it leaves: %v", why) }, bound: leaveAfter}
		for range 60 {
			l.stay.failed(time.Now(), jetstream.ErrNoStreamResponse)
			<-time.After(time.Second)
			if _, err := l.info(t.Context()); !errors.Is(err, eventlog.ErrUnavailable) {
				t.Error(err)
			}
		}
	})
}
