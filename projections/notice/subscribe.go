package notice

import "sync"

// subscriber is somebody in this process.
type subscriber struct {
	want    func(Notice) bool
	pending pending // under the Publisher's mu
	wake    chan struct{}
	done    chan struct{}
}

// Subscribe gives the notices from now on that want is true of, All included. want must
// not wait, nor call the Publisher. A subscriber that does not receive keeps nobody
// waiting: when there are more keys for it than Config.Keys, it gets All in their place.
// The channel is closed by cancel, which may be called more than once, and by
// Publisher.Close. Errors: ErrTooMany, ErrClosed.
func (p *Publisher) Subscribe(want func(Notice) bool) (notices <-chan Notice, cancel func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	if len(p.subscribers) >= p.cfg.Subscribers {
		return nil, nil, ErrTooMany
	}
	s := &subscriber{want: want, pending: pending{limit: p.cfg.Keys}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	p.subscribers[s] = struct{}{}
	out := make(chan Notice)
	p.wg.Go(func() { p.serve(s, out) })
	return out, sync.OnceFunc(func() {
		p.mu.Lock()
		delete(p.subscribers, s)
		p.mu.Unlock()
		close(s.done)
	}), nil
}

// hand gives a change to all subscribers that want it.
func (p *Publisher) hand(c *change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.subscribers {
		for _, key := range c.keys.list {
			if s.want(Notice{c.projection, key, c.at}) {
				s.pending.add(c.projection, c.at, []string{key})
				signal(s.wake)
			}
		}
	}
}

// serve sends a subscriber what is pending for it.
func (p *Publisher) serve(s *subscriber, out chan<- Notice) {
	defer close(out)
	for {
		select {
		case <-s.wake:
		case <-s.done:
			return
		case <-p.done:
			return
		}
		p.mu.Lock()
		batch := s.pending.take()
		p.mu.Unlock()
		for _, c := range batch {
			for _, key := range c.keys.list {
				select {
				case out <- Notice{c.projection, key, c.at}:
				case <-s.done:
					return
				case <-p.done:
					return
				}
			}
		}
	}
}
