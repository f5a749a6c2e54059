package notice_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections/notice"
)

// wire is what other programs hear. While it is held, nothing gets through.
type wire struct {
	hold chan struct{} // capacity 1: full while it is held

	mu   sync.Mutex
	got  []string // under mu: SUBJECT DATA
	fail error    // under mu
}

func newWire() *wire { return &wire{hold: make(chan struct{}, 1)} }

func (w *wire) Publish(subject string, data []byte) error {
	w.hold <- struct{}{}
	defer func() { <-w.hold }()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail == nil {
		w.got = append(w.got, subject+" "+string(data))
	}
	return w.fail
}

func (w *wire) set(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// heard gives what came since it was last called.
func (w *wire) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

func line(projection, key string, revision int) string {
	return fmt.Sprintf("%s {\"projection\":%q,\"key\":%q,\"position\":\"%d.0\"}", notice.Subject(projection, key), projection, key, revision)
}

func at(revision int) notice.Position { return notice.Position{Revision: uint64(revision)} }

func want(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// publisher runs f in a bubble of time, with a Publisher.
func publisher(t *testing.T, cfg notice.Config, f func(t *testing.T, p *notice.Publisher, w *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		cfg.Logger = slog.New(slog.DiscardHandler)
		cfg.Publish = w.Publish
		p := notice.New(cfg)
		defer p.Close()
		f(t, p, w)
	})
}

func everything(notice.Notice) bool { return true }

func TestPublish(t *testing.T) {
	publisher(t, notice.Config{}, func(t *testing.T, p *notice.Publisher, w *wire) {
		p.Changed("people", []string{"p2", "p1", "p2"}, at(7))
		p.Changed("people", nil, at(8))
		synctest.Wait()
		want(t, w.heard(), []string{line("people", "p2", 7), line("people", "p1", 7)})
		p.Changed("definitions", []string{"framework:https://a.example/f"}, at(9))
		synctest.Wait()
		want(t, w.heard(), []string{line("definitions", "framework:https://a.example/f", 9)})
	})
}

// A server that takes its time holds up nobody who changes something, and each
// projection has what it missed in few notices.
func TestOverflow(t *testing.T) {
	publisher(t, notice.Config{Keys: 3}, func(t *testing.T, p *notice.Publisher, w *wire) {
		var unread [2]<-chan notice.Notice
		for i := range unread {
			var cancel func()
			var err error
			if unread[i], cancel, err = p.Subscribe(everything); err != nil {
				t.Fatal(err)
			}
			defer cancel()
		}
		w.hold <- struct{}{}
		p.Changed("people", []string{"first"}, at(1))
		synctest.Wait() // until it cannot send the first
		for i := 2; i <= 1000; i++ {
			p.Changed("people", []string{fmt.Sprint("p", i)}, at(i))
			p.Changed("competency", []string{fmt.Sprint("p", i%3)}, at(i))
		}
		<-w.hold
		synctest.Wait()
		want(t, w.heard(), []string{
			line("people", "first", 1), line("people", "*", 1000),
			line("competency", "p2", 1000), line("competency", "p0", 1000), line("competency", "p1", 1000),
		})
		// A subscriber that did not read has had the first in its hand.
		for _, ch := range unread {
			for _, n := range []string{"people first 1.0", "people * 1000.0", "competency p2 1000.0", "competency p0 1000.0", "competency p1 1000.0"} {
				got := <-ch
				if s := fmt.Sprint(got.Projection, " ", got.Key, " ", got.Position); s != n {
					t.Errorf("received %s, want %s", s, n)
				}
			}
		}
	})
}

func TestAllStandsForEveryKey(t *testing.T) {
	publisher(t, notice.Config{}, func(t *testing.T, p *notice.Publisher, w *wire) {
		p.Changed("competency", []string{"a", "*", "b"}, at(1))
		synctest.Wait()
		want(t, w.heard(), []string{line("competency", "*", 1)})
	})
}

func TestTranslate(t *testing.T) {
	known := map[string][]string{"mbox a": {"p1"}, "mbox b": {"p1", "p2"}, "many": {"m1", "m2", "m3", "m4"}}
	cfg := notice.Config{Keys: 3, Translate: func(projection, key string, _ notice.Position) []string {
		if projection == "competency" {
			return known[key]
		}
		return []string{key}
	}}
	publisher(t, cfg, func(t *testing.T, p *notice.Publisher, w *wire) {
		notices, cancel, err := p.Subscribe(everything)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		p.Changed("competency", []string{"mbox a", "mbox unknown", "mbox b"}, at(1))
		p.Changed("people", []string{"mbox a"}, at(1))
		synctest.Wait()
		want(t, w.heard(), []string{line("competency", "p1", 1), line("competency", "p2", 1), line("people", "mbox a", 1)})
		for _, key := range []string{"p1", "p2", "mbox a"} {
			if n := <-notices; n.Key != key {
				t.Errorf("received %+v, want %s", n, key)
			}
		}
		p.Changed("competency", []string{"mbox unknown"}, at(2))
		p.Changed("people", []string{"*"}, at(2))
		synctest.Wait()
		want(t, w.heard(), []string{line("people", "*", 2)})
		for i, key := range []string{"many", "*"} {
			p.Changed("competency", []string{key}, at(3+i))
			synctest.Wait()
			want(t, w.heard(), []string{line("competency", "*", 3+i)})
		}
	})
}

func TestPublishFails(t *testing.T) {
	publisher(t, notice.Config{}, func(t *testing.T, p *notice.Publisher, w *wire) {
		w.set(errors.New("the connection is broken"))
		p.Changed("people", []string{"p1", "p2"}, at(1))
		synctest.Wait()
		p.Changed("people", []string{"p3"}, at(2))
		p.Changed("definitions", []string{"d"}, at(2))
		synctest.Wait()
		w.set(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want(t, w.heard(), []string{line("people", "*", 2), line("definitions", "*", 2)})
		time.Sleep(time.Hour)
		want(t, w.heard(), nil)
		p.Changed("people", []string{"p4"}, at(3))
		synctest.Wait()
		want(t, w.heard(), []string{line("people", "p4", 3)})
	})
}

func TestSubscribe(t *testing.T) {
	publisher(t, notice.Config{Subscribers: 2}, func(t *testing.T, p *notice.Publisher, w *wire) {
		some, cancel, err := p.Subscribe(func(n notice.Notice) bool { return n.Key == "p1" })
		if err != nil {
			t.Fatal(err)
		}
		other, cancelOther, err := p.Subscribe(everything)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Subscribe(everything); !errors.Is(err, notice.ErrTooMany) {
			t.Errorf("a third subscriber: %v, want %v", err, notice.ErrTooMany)
		}
		p.Changed("people", []string{"p2", "p1"}, at(1))
		if n := <-some; n != (notice.Notice{Projection: "people", Key: "p1", Position: at(1)}) {
			t.Errorf("received %+v", n)
		}
		synctest.Wait()
		select {
		case n := <-some:
			t.Errorf("received %+v, too", n)
		default:
		}
		for range 2 {
			cancel()
		}
		if _, open := <-some; open {
			t.Error("it goes on after cancel")
		}
		third, cancelThird, err := p.Subscribe(everything)
		if err != nil {
			t.Fatal(err)
		}
		defer cancelThird()
		p.Close() // other has notices that it never received
		p.Close()
		for _, ch := range []<-chan notice.Notice{other, third} {
			if n, open := <-ch; open {
				t.Errorf("received %+v after Close", n)
			}
		}
		cancelOther()
		if _, _, err := p.Subscribe(everything); !errors.Is(err, notice.ErrClosed) {
			t.Errorf("after Close: %v, want %v", err, notice.ErrClosed)
		}
		w.heard()
		p.Changed("people", []string{"p1"}, at(2))
		synctest.Wait()
		want(t, w.heard(), nil)
	})
}

// Close ends a translation of many keys, and does not publish what it has.
func TestCloseDuringTranslation(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	w := newWire()
	asked := 0
	p := notice.New(notice.Config{Publish: w.Publish, Translate: func(_, key string, _ notice.Position) []string {
		asked++
		close(began)
		<-goOn
		return []string{key}
	}})
	p.Changed("people", []string{"p1", "p2"}, at(1))
	<-began
	closed := make(chan struct{})
	go func() { p.Close(); close(closed) }()
	for err := error(nil); !errors.Is(err, notice.ErrClosed); {
		var cancel func()
		if _, cancel, err = p.Subscribe(everything); err == nil {
			cancel()
		}
	}
	close(goOn)
	<-closed
	if asked != 1 || w.heard() != nil {
		t.Errorf("%d keys were translated", asked)
	}
}

// Whatever changes, and however slowly it is heard, somebody who hears all notices is
// told of each change: by its key or by All, with its position or a later one.
func TestNothingIsSkippedSilently(t *testing.T) {
	type told struct{ projection, key string }
	covers := func(newest map[told]uint64, c told, revision uint64) bool {
		return newest[c] >= revision || newest[told{c.projection, notice.All}] >= revision
	}
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(rt, "steps")
		publisher(t, notice.Config{Keys: limit}, func(t *testing.T, p *notice.Publisher, w *wire) {
			heard, made := map[told]uint64{}, map[told]uint64{}
			notices, cancel, err := p.Subscribe(everything)
			if err != nil {
				t.Fatal(err)
			}
			defer cancel()
			receive := func() bool {
				synctest.Wait()
				select {
				case n := <-notices:
					heard[told{n.Projection, n.Key}] = n.Position.Revision
					return true
				default:
					return false
				}
			}
			for i, step := range steps {
				switch step {
				case 0:
					w.set(errors.New("broken"))
				case 1:
					w.set(nil)
				case 2:
					receive()
				default:
					c := told{[]string{"people", "competency"}[step%2], fmt.Sprint("p", step)}
					made[c] = uint64(i + 1)
					p.Changed(c.projection, []string{c.key}, at(i+1))
					if step > 6 {
						synctest.Wait()
					}
				}
			}
			w.set(nil)
			time.Sleep(time.Minute)
			for receive() {
			}
			published := map[told]uint64{}
			for _, l := range w.heard() {
				var revision uint64
				subject, rest, _ := strings.Cut(l, ` {"projection":`)
				if _, err := fmt.Sscanf(rest[strings.Index(rest, `"position":"`):], `"position":"%d.0"}`, &revision); err != nil {
					t.Fatal(l, err)
				}
				parts := strings.Split(subject, ".")
				key, _, err := decode(parts[3])
				if err != nil {
					t.Fatal(l, err)
				}
				published[told{parts[2], key}] = revision
			}
			for c, revision := range made {
				if !covers(heard, c, revision) || !covers(published, c, revision) {
					t.Errorf("nobody is told of %v at %d\nheard %v\npublished %v", c, revision, heard, published)
				}
			}
			if len(heard) == 0 && len(made) > 0 {
				t.Error("nothing was heard")
			}
			for c := range maps.Keys(heard) {
				if _, known := made[c]; !known && c.key != notice.All {
					t.Errorf("told of %v, which did not change", c)
				}
			}
		})
	})
}

// Many tell, come and go at once.
func TestConcurrently(t *testing.T) {
	w := newWire()
	p := notice.New(notice.Config{Publish: w.Publish, Keys: 10, Subscribers: 1000})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 500 {
				p.Changed("people", []string{fmt.Sprint("p", n%20)}, at(n))
			}
		})
		wg.Go(func() {
			for range 50 {
				notices, cancel, err := p.Subscribe(everything)
				if err != nil {
					t.Error(err)
					return
				}
				if i > 0 {
					select {
					case <-notices:
					default:
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	p.Close()
}
