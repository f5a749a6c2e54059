package readmodel

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// claiming is the first half of the keys of the advisory locks that claims on a
// PostgreSQL database are.
const claiming = 0x62656473

// unclaimTimeout bounds how long the release of a claim waits for the server.
const unclaimTimeout = 5 * time.Second

// Claim takes the sole right to build a projection, among all processes that share
// the database, until release is called or the process ends. ok is false while
// somebody else has it.
func (s *Store) Claim(ctx context.Context, projection string) (release func(), ok bool, err error) {
	s.mu.Lock()
	taken := s.claimed[projection]
	s.claimed[projection] = true
	s.mu.Unlock()
	if taken {
		return nil, false, nil
	}
	here := func() {
		s.mu.Lock()
		delete(s.claimed, projection)
		s.mu.Unlock()
		if s.file != nil { // a turn gives back the memory that only builds need; if it fails, the next one does
			_ = s.takeTurn(context.WithoutCancel(ctx), func() error { return nil })
		}
	}
	if s.dialect != postgres { // one process owns the file
		return here, true, nil
	}
	there, ok, err := s.lockSession(ctx, projection)
	if err != nil || !ok {
		here()
		return nil, false, err
	}
	return func() { there(); here() }, true, nil
}

// building tells whether somebody has a claim.
func (s *Store) building() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.claimed) > 0
}

// lockSession takes an advisory lock that belongs to a connection of its own, and
// ends with it.
func (s *Store) lockSession(ctx context.Context, projection string) (unlock func(), ok bool, err error) {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("readmodel: claim %s: %w", projection, err)
	}
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, hashtext($2))", claiming, projection).Scan(&ok); err != nil {
		discard(conn)
		return nil, false, fmt.Errorf("readmodel: claim %s: %w", projection, err)
	}
	if !ok {
		return nil, false, conn.Close()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), unclaimTimeout)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1, hashtext($2))", claiming, projection); err != nil {
			discard(conn)
			return
		}
		_ = conn.Close() // back to the pool
	}, true, nil
}

// discard ends a connection, and with it its locks, instead of giving it back.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
