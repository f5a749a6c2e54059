package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// slowNetwork is TCP proxies that deliver late, or for a while not at all: what the two ends of a connection see is that of
// a long way between them. Nothing is lost and nothing changes its order, since TCP sees to that on a real one too. It can
// also cut a server off from the others.
type slowNetwork struct {
	t *testing.T

	mu    sync.Mutex
	delay time.Duration  // at least so long each way, and at random up to twice as long
	held  map[int]bool   // servers whose links deliver nothing
	apart map[int]apart  // servers that lack connections to others
	shut  map[int]bool   // servers that nodes may not connect to
	open  chan struct{}  // closed, and made anew, when one of them delivers again
	conns []joined       // to be closed at the end
	wg    sync.WaitGroup // of all goroutines; not under mu
}

// newSlowNetwork makes one that does not delay yet. It ends with the test.
func newSlowNetwork(t *testing.T) *slowNetwork {
	n := &slowNetwork{t: t, held: map[int]bool{}, apart: map[int]apart{}, shut: map[int]bool{}, open: make(chan struct{})}
	t.Cleanup(n.wg.Wait)
	t.Cleanup(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, c := range n.conns {
			c.close()
		}
	})
	return n
}

// cut ends the connections between a server and the others, and lets it have none until mend: each goes on with what it
// has, where one that is only held would be sent later what it has missed. Nodes stay connected.
func (n *slowNetwork) cut(server int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.apart[server] = wholly
	n.closeLocked()
}

// closeLocked ends the connections that may not be.
func (n *slowNetwork) closeLocked() {
	for _, c := range n.conns {
		if n.shutOff(c.way, false) {
			c.close()
		}
	}
}

// gather ends the connections of nodes to all servers but one, and lets them have none there until they are let in.
func (n *slowNetwork) gather(server int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range 3 {
		n.shut[i] = i != server
	}
	n.closeLocked()
}

// taken is how many connections of nodes a server has had.
func (n *slowNetwork) taken(server int) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if c.way == (way{-1, server}) {
			count++
		}
	}
	return count
}

func (n *slowNetwork) letIn() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.shut)
}

// mendHalf lets a server that was cut off have connections again, but not those by which servers elect a leader: they
// have one of their own for that, which may come back later. Until then two of them answer as leader.
func (n *slowNetwork) mendHalf(server int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.apart[server] = forElections
}

func (n *slowNetwork) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.apart)
}

// apart is which connections to others a server lacks.
type apart int

const (
	forElections apart = iota + 1
	wholly
)

// systemRoute is in what servers say first on the connection between them that is for elections.
var systemRoute = []byte(`"route_account":"$SYS"`)

// shutOff tells whether a way is one that may not be now; of one between servers, for elections, or for all else.
func (n *slowNetwork) shutOff(w way, elections bool) bool {
	if w.from < 0 {
		return n.shut[w.to]
	}
	least := wholly
	if elections {
		least = forElections
	}
	return n.apart[w.from] >= least || n.apart[w.to] >= least
}

// slow sets the delay of what is sent from now on.
func (n *slowNetwork) slow(delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = delay
}

// hold keeps back all that goes from or to servers.
func (n *slowNetwork) hold(servers ...int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range servers {
		n.held[i] = true
	}
}

// stall keeps back all for a while. It is over when the channel is closed.
func (n *slowNetwork) stall(while time.Duration) (over <-chan struct{}) {
	n.hold(0, 1, 2)
	done := make(chan struct{})
	time.AfterFunc(while, func() {
		n.release()
		close(done)
	})
	return done
}

// release delivers what was held, and goes on.
func (n *slowNetwork) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.held)
	close(n.open)
	n.open = make(chan struct{})
}

// way is from where to where a link goes: numbers of servers, and -1 for nodes.
type way struct{ from, to int }

// joined is the two connections of a link.
type joined struct {
	way
	from, to net.Conn
}

func (j joined) close() {
	j.from.Close()
	j.to.Close()
}

// link listens for connections to a server, and returns the address.
func (n *slowNetwork) link(from, to int, address string) string {
	n.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { l.Close() })
	n.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.wg.Go(func() { n.join(way{from, to}, conn, address) })
		}
	})
	return l.Addr().String()
}

// join carries bytes between a connection and the server until either ends.
func (n *slowNetwork) join(w way, from net.Conn, address string) {
	defer from.Close()
	var to net.Conn
	for deadline := time.Now().Add(5 * time.Second); ; { // who has been let in must not be turned away because the server only starts
		var err error
		if to, err = net.Dial("tcp", address); err == nil {
			break
		}
		if time.Now().After(deadline) || n.t.Context().Err() != nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	defer to.Close()
	n.mu.Lock()
	n.conns = append(n.conns, joined{w, from, to})
	apart := n.shutOff(w, false)
	n.mu.Unlock()
	if apart {
		return
	}
	ended := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(ended) }) }
	n.wg.Go(func() { n.carry(w, to, from, ended); end() })
	n.wg.Go(func() { n.carry(w, from, to, ended); end() })
	<-ended
}

// late is bytes that are due.
type late struct {
	data []byte
	due  time.Time
}

// carry delivers what comes from one connection to another, each when it is due.
func (n *slowNetwork) carry(w way, to io.Writer, from io.Reader, ended <-chan struct{}) {
	parts := make(chan late, 1024)
	n.wg.Go(func() {
		defer close(parts)
		for {
			buf := make([]byte, 16<<10)
			size, err := from.Read(buf)
			if bytes.Contains(buf[:size], systemRoute) && n.lacks(w) {
				return
			}
			if size > 0 {
				select {
				case parts <- late{buf[:size], n.due()}:
				case <-ended:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for part := range parts {
		timer := time.NewTimer(time.Until(part.due))
		select {
		case <-timer.C:
		case <-ended:
			timer.Stop()
			return
		}
		if !n.pass(w, ended) {
			return
		}
		if _, err := to.Write(part.data); err != nil {
			return
		}
	}
}

// lacks tells whether a way may not be for elections now.
func (n *slowNetwork) lacks(w way) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shutOff(w, true)
}

// due is when what is sent now arrives.
func (n *slowNetwork) due() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.delay == 0 {
		return time.Now()
	}
	return time.Now().Add(n.delay + rand.N(n.delay))
}

// pass waits while a link is held; false when the connection has ended.
func (n *slowNetwork) pass(w way, ended <-chan struct{}) bool {
	for {
		n.mu.Lock()
		held, open := n.held[w.from] || n.held[w.to], n.open
		n.mu.Unlock()
		if !held {
			return true
		}
		select {
		case <-open:
		case <-ended:
			return false
		}
	}
}
