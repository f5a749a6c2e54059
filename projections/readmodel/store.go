package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Store is the database. Its methods may be called concurrently.
type Store struct {
	readers *sql.DB
	writer  *sql.DB
	dialect dialect

	file *sqliteFile // nil with PostgreSQL

	writing chan struct{} // capacity 1: held by the one Update under way in this process

	mu      sync.Mutex
	claimed map[string]bool // under mu: projections that this process has claimed
}

type dialect int

const (
	sqlite dialect = iota
	postgres
)

// Open opens the database that a DSN names, and creates it if it is a file:
//
//	sqlite:PATH         a file; made with its -wal and -shm beside it
//	postgres://…        a PostgreSQL server, with the settings of libpq
//
// The database is this program's own; what it does not know there it leaves alone.
// No error has the DSN's password. ErrDamaged (wrapped): the file is damaged.
func Open(ctx context.Context, dsn string) (*Store, error) {
	s := &Store{writing: make(chan struct{}, 1), claimed: map[string]bool{}}
	var err error
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		err = s.openSQLite(rest)
	case "postgres", "postgresql":
		err = s.openPostgres(dsn)
	default: // it may be one of libpq's other form, with a password anywhere
		return nil, errors.New("readmodel: the DSN begins with neither sqlite: nor postgres://")
	}
	if err == nil {
		err = s.Update(ctx, func(tx *Tx) error { return createBooks(ctx, tx) })
	}
	if damaged(err) {
		err = fmt.Errorf("%w; move it and its -wal and -shm away: it is then made again from the log: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("readmodel: open %s: %w", redacted(dsn), err), s.Close())
	}
	return s, nil
}

// redacted is a DSN without what may be secret.
func redacted(dsn string) string {
	scheme, _, _ := strings.Cut(dsn, ":")
	if scheme == "sqlite" {
		return dsn
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return scheme + "://…"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path} // libpq takes a password in the query too
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	return shown.String()
}

// postgresReaders is how many connections read at once: few enough that several
// nodes fit under PostgreSQL's default of 100. One more writes, and one for each
// projection that is being built holds its claim.
const postgresReaders = 16

func (s *Store) openPostgres(dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The driver's error shows the DSN. It knows for sure what in it is a password
		// only if that is a well-formed URL.
		if _, malformed := url.Parse(dsn); malformed != nil {
			return errors.New("the DSN is no URL postgres://USER:PASSWORD@HOST:PORT/DATABASE; percent-encode what is special in the password")
		}
		return err
	}
	s.dialect = postgres
	s.writer, s.readers = stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	s.readers.SetMaxOpenConns(postgresReaders)
	s.readers.SetMaxIdleConns(4)
	return nil
}

// Close ends all connections.
func (s *Store) Close() error {
	var errs []error
	if s.file != nil {
		errs = append(errs, s.file.close())
	}
	for _, db := range []*sql.DB{s.readers, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// updating is the key of the advisory lock that writers of a PostgreSQL database
// hold, so that nodes that share it take turns.
const updating = 0x62656473_69646501

// Update runs do in a transaction, and commits it if do returns nil. Updates take
// turns.
func (s *Store) Update(ctx context.Context, do func(*Tx) error) error {
	return s.takeTurn(ctx, func() error { return s.update(ctx, do) })
}

// takeTurn runs do while no other update of this process is under way.
func (s *Store) takeTurn(ctx context.Context, do func() error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return fmt.Errorf("readmodel: wait for another update: %w", ctx.Err())
	}
	if s.file == nil {
		return do()
	}
	if err := s.file.fitCache(ctx, s.writer, s.building()); err != nil {
		return err
	}
	err := do()
	// The turn is done or not, whatever this says; the writer looks after its log itself then.
	_ = s.file.wrote(ctx, s.writer)
	return err
}

func (s *Store) update(ctx context.Context, do func(*Tx) error) error {
	return s.run(ctx, s.writer, nil, func(tx *Tx) error {
		if s.dialect == postgres {
			if err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(?)", int64(updating)); err != nil {
				return err
			}
		}
		if err := do(tx); err != nil {
			return err
		}
		return tx.flush(ctx)
	})
}

// sorting is an Update in which SQLite may sort more than fits into memory: in files.
func (s *Store) sorting(ctx context.Context, do func(*Tx) error) error {
	return s.takeTurn(ctx, func() (err error) {
		if s.dialect == sqlite {
			if _, err := s.writer.ExecContext(ctx, "PRAGMA temp_store = FILE"); err != nil {
				return fmt.Errorf("readmodel: sort in files: %w", err)
			}
			defer func() {
				_, e := s.writer.ExecContext(context.WithoutCancel(ctx), "PRAGMA temp_store = MEMORY")
				err = errors.Join(err, e)
			}()
		}
		return s.update(ctx, do)
	})
}

// View runs do on a snapshot: all that it reads is of one moment. GoLive waits for
// the views of a PostgreSQL database that are under way, so they must be short.
func (s *Store) View(ctx context.Context, do func(*Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if s.dialect == postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	return s.run(ctx, s.readers, options, func(tx *Tx) error {
		if s.dialect == postgres {
			// A snapshot has the rows of its moment, but under the views as they are now:
			// those of a generation that went live since would be half of its rows. LOCK
			// comes before the first query, which takes the snapshot; see GoLive.
			if err := tx.Exec(ctx, "LOCK TABLE projection_checkpoints IN ACCESS SHARE MODE"); err != nil {
				return err
			}
		}
		return do(tx)
	})
}

func (s *Store) run(ctx context.Context, db *sql.DB, options *sql.TxOptions, do func(*Tx) error) error {
	inner, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("readmodel: begin: %w", err)
	}
	defer func() { _ = inner.Rollback() }() // also when do panics; after a commit it does nothing
	if err = do(&Tx{tx: inner, dialect: s.dialect, statements: map[string]*sql.Stmt{}}); err == nil {
		if err = inner.Commit(); err != nil {
			err = fmt.Errorf("readmodel: commit: %w", err)
		}
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err) // each driver says in its own way that it was interrupted
	}
	return err
}

// Locked tells whether an Update failed because somebody else's transaction has read
// for longer than GoLive waits for it. It can be tried again.
func Locked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// Deadlocked tells whether an Update failed because PostgreSQL had to end it in
// favour of somebody else's transaction. It can be tried again.
func Deadlocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}
