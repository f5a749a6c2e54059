package esdbtest

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc/peer"
)

// Freeze stops the server and the network around it: nothing gets in or out, and
// nobody is told, until Thaw. New connections are taken, and hang.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen == nil {
		s.frozen = make(chan struct{})
	}
}

// Thaw ends a Freeze: what was on its way arrives.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen != nil {
		close(s.frozen)
		s.frozen = nil
	}
}

// Silence makes the connections that are open silent for good: nothing gets through
// any more, and nobody is told. New ones work.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.silent = true
	}
}

// Break breaks all connections.
func (s *Server) Break() {
	s.mu.Lock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// listening counts the connections that it accepts.
type listening struct {
	net.Listener
	server *Server
}

func (l *listening) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, server: l.server, closed: make(chan struct{})}
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.server.conns[c] = struct{}{}
	l.server.accepted++
	return c, nil
}

// conn is a connection that a Freeze holds up.
type conn struct {
	net.Conn
	server *Server
	closed chan struct{}
	once   sync.Once
	silent bool // under server.mu
}

// endpoint is the far end of a conn, by which a call finds its connection.
type endpoint struct {
	net.Addr
	conn *conn
}

func (c *conn) RemoteAddr() net.Addr { return endpoint{c.Conn.RemoteAddr(), c} }

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wait()
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	c.wait()
	return c.Conn.Write(p)
}

// wait waits while the server is frozen or the connection silent.
func (c *conn) wait() {
	for {
		c.server.mu.Lock()
		frozen, silent := c.server.frozen, c.silent
		c.server.mu.Unlock()
		if frozen == nil && silent {
			<-c.closed
			return
		}
		if frozen == nil {
			return
		}
		select {
		case <-frozen:
		case <-c.closed:
			return
		}
	}
}

func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.server.mu.Lock()
		delete(c.server.conns, c)
		c.server.mu.Unlock()
	})
	return c.Conn.Close()
}

// breakConn breaks the connection of a call.
func breakConn(ctx context.Context) {
	if p, ok := peer.FromContext(ctx); ok {
		if end, ok := p.Addr.(endpoint); ok {
			_ = end.conn.Close()
		}
	}
}
