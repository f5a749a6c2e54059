package notice

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Errors of Subscribe.
var (
	ErrTooMany = errors.New("notice: there are too many subscribers")
	ErrClosed  = errors.New("notice: the publisher is closed")
)

// Config is what a Publisher is made of.
type Config struct {
	// Publish sends a notice to other programs. It may take its time, but must come to
	// an end. May be nil.
	Publish func(subject string, data []byte) error

	// Translate gives the keys under which others know one of a projection, which has
	// reached a position: none, if
	// nobody does. It may take its time. It is not asked about All. Default: each key
	// is known as it is.
	Translate func(projection, key string, at Position) []string

	Keys        int          // that may wait of each projection, for other programs and for each subscriber; default 10 000
	Subscribers int          // that may be at once; default 64
	Logger      *slog.Logger // default slog.Default
}

// Publisher sends notices. Its methods may be called concurrently.
type Publisher struct {
	cfg  Config
	done chan struct{} // closed by Close

	wake chan struct{} // capacity 1: there is something pending
	owed pending       // what could not be published; the goroutine's own

	mu          sync.Mutex
	closed      bool
	pending     pending
	subscribers map[*subscriber]struct{}
	wg          sync.WaitGroup // grows under mu
}

// retryPause is how long to wait after a notice could not be published.
const retryPause = time.Second

// New makes a Publisher. It must be closed.
func New(cfg Config) *Publisher {
	if cfg.Translate == nil {
		cfg.Translate = func(_, key string, _ Position) []string { return []string{key} }
	}
	if cfg.Keys == 0 {
		cfg.Keys = 10_000
	}
	if cfg.Subscribers == 0 {
		cfg.Subscribers = 64
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	p := &Publisher{
		cfg: cfg, done: make(chan struct{}), wake: make(chan struct{}, 1),
		owed: pending{limit: 0}, pending: pending{limit: cfg.Keys}, subscribers: map[*subscriber]struct{}{},
	}
	p.wg.Go(p.run)
	return p
}

// Close ends the streams of all subscribers, and then does no more. What was not sent
// yet is not sent.
func (p *Publisher) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// Changed says that answers of a projection about these keys may have changed; it has
// reached a position. Changed does not wait for anybody.
func (p *Publisher) Changed(projection string, keys []string, at Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.pending.add(projection, at, keys)
	signal(p.wake)
}

// signal wakes who receives from a channel of capacity 1, now or when it next does.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// run sends what is pending.
func (p *Publisher) run() {
	var retry <-chan time.Time
	for {
		select {
		case <-p.wake:
		case <-retry:
		case <-p.done:
			return
		}
		p.mu.Lock()
		batch := p.pending.take()
		p.mu.Unlock()
		for _, c := range batch {
			if !p.translate(c) {
				return
			}
			p.hand(c)
		}
		if !p.publish(append(p.owed.take(), batch...)) {
			retry = time.After(retryPause)
		}
	}
}

// translate replaces the keys by what others know them as; false if it is over.
func (p *Publisher) translate(c *change) bool {
	known := keys{limit: p.cfg.Keys}
	for _, key := range c.keys.list {
		select {
		case <-p.done:
			return false
		default:
		}
		if key == All {
			known.add(key)
			continue
		}
		for _, k := range p.cfg.Translate(c.projection, key, c.at) {
			known.add(k)
		}
	}
	c.keys = known
	return true
}

// publish tells other programs. What it could not is owed, as one notice about all keys.
func (p *Publisher) publish(batch []*change) (all bool) {
	if p.cfg.Publish == nil {
		return true
	}
	all = true
	for _, c := range batch {
		for _, key := range c.keys.list {
			data, err := Notice{c.projection, key, c.at}.Data()
			if err == nil {
				err = p.cfg.Publish(Subject(c.projection, key), data)
			}
			if err != nil {
				p.cfg.Logger.Warn("a change notice could not be published; one about all keys follows", "projection", c.projection, "error", err)
				p.owed.add(c.projection, c.at, []string{All})
				all = false
				break
			}
		}
	}
	return all
}
