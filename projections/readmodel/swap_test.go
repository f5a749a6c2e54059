package readmodel_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// connect opens a connection to a database of PostgreSQL, as an analyst does.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// untilBlocked returns when a statement that begins so waits for a lock.
func untilBlocked(t *testing.T, dsn, statement string) {
	t.Helper()
	conn := connect(t, dsn)
	for deadline := time.Now().Add(30 * time.Second); ; {
		n := 0
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1 || '%'",
			statement).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not wait", statement)
		}
	}
}

// TestViewIsOneMoment: a snapshot does not see what is committed while it reads.
func TestViewIsOneMoment(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		schema := items("toy", 1)
		c := publish(t, s, schema, 10)
		view(t, s, func(tx *readmodel.Tx) error {
			before, _, err := tx.Live(ctx, "toy")
			if err != nil {
				return err
			}
			update(t, s, func(tx *readmodel.Tx) (err error) { c, err = fill(ctx, tx, schema, c, 500); return err })
			n, err := count(ctx, tx, "toy_items")
			if err != nil {
				return err
			}
			after, _, err := tx.Live(ctx, "toy")
			if n != 10 || before != after {
				t.Errorf("%d rows; the checkpoint was %+v and is %+v", n, before, after)
			}
			return err
		})
	})
}

// TestSwapUnderReader: a reader that has begun sees the generation that was live then,
// all of it, whichever it reads first. PostgreSQL has the swap wait for it.
func TestSwapUnderReader(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		for _, first := range []string{"the checkpoint", "the rows"} {
			t.Run(engine+"/"+first, func(t *testing.T) {
				ctx := t.Context()
				s := readmodeltest.Open(t, dsn)
				schema := items("toy", 1)
				publish(t, s, schema, 10)
				var next readmodel.Checkpoint
				update(t, s, func(tx *readmodel.Tx) (err error) { next, err = build(ctx, tx, schema, 3); return err })
				swapped := make(chan error, 1)
				view(t, s, func(tx *readmodel.Tx) error {
					rows := func() (int, error) { return count(ctx, tx, "toy_items") }
					revision := func() (int, error) { c, _, err := tx.Live(ctx, "toy"); return int(c.Revision), err }
					before, after := revision, rows
					if first == "the rows" {
						before, after = after, before
					}
					n, err := before()
					if err != nil {
						return err
					}
					go func() {
						swapped <- s.Update(ctx, func(tx *readmodel.Tx) error {
							if next, err = fill(ctx, tx, schema, next, 20); err != nil {
								return err
							}
							return tx.GoLive(ctx, schema, next.Generation)
						})
					}()
					if engine == readmodeltest.PostgreSQL {
						untilBlocked(t, dsn, "LOCK TABLE")
					} else if err := <-swapped; err != nil {
						return err
					} else {
						swapped <- nil
					}
					m, err := after()
					if n != 10 || m != 10 {
						t.Errorf("%s tells %d, the other one %d", first, n, m)
					}
					return err
				})
				if err := <-swapped; err != nil {
					t.Fatal(err)
				}
				view(t, s, func(tx *readmodel.Tx) error {
					n, err := count(ctx, tx, "toy_items")
					if n != 20 {
						t.Errorf("%d rows after the swap", n)
					}
					return err
				})
			})
		}
	}
}

// TestReadersMeetSwaps: readers, all the while, find as many rows as the checkpoint of
// the same moment says, and never fewer than before.
func TestReadersMeetSwaps(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		schema := items("toy", 1)
		c := publish(t, s, schema, 10)
		const readers, swaps = 4, 12
		var wg sync.WaitGroup
		begun := make(chan struct{}, readers)
		for range readers {
			wg.Go(func() {
				last := 0
				for i := 0; ctx.Err() == nil; i++ {
					err := s.View(ctx, func(tx *readmodel.Tx) error {
						c, found, err := tx.Live(ctx, "toy")
						if err != nil {
							return err
						}
						n, err := count(ctx, tx, "toy_items")
						if err == nil && (!found || n != int(c.Revision) || n < last) {
							t.Errorf("%d rows at revision %d, after %d", n, c.Revision, last)
						}
						last = n
						return err
					})
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
						cancel()
					}
					if i == 0 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range readers {
			<-begun
		}
		n := 10
		step := func(do func(tx *readmodel.Tx) error) {
			if err := s.Update(ctx, do); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			n += 15
		}
		for range swaps {
			var next readmodel.Checkpoint
			step(func(tx *readmodel.Tx) (err error) { next, err = build(ctx, tx, schema, n/2); return err })
			step(func(tx *readmodel.Tx) (err error) { c, err = fill(ctx, tx, schema, c, n); return err })
			step(func(tx *readmodel.Tx) (err error) { next, err = fill(ctx, tx, schema, next, n); return err })
			step(func(tx *readmodel.Tx) error { return tx.GoLive(ctx, schema, next.Generation) })
			c = next
		}
		cancel()
		wg.Wait()
	})
}

// TestAnalysts: in PostgreSQL what analysts were granted on a view, and the views that
// they have built on it, outlive a swap; and an analyst's transaction that reads the
// views in another order than they are moved in, or stays open, costs a try, not a build,
// and does not keep others from reading.
func TestAnalysts(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		if engine != readmodeltest.PostgreSQL {
			continue
		}
		ctx := t.Context()
		s := readmodeltest.Open(t, dsn)
		schema := items("toy", 1)
		schema.Tables = append(schema.Tables, readmodel.Table{Name: "toy_more", Columns: "a BIGINT NOT NULL", Key: "a"})
		publish(t, s, schema, 3)
		analyst := connect(t, dsn)
		exec(t, analyst, "DROP ROLE IF EXISTS bedside_analyst")
		exec(t, analyst, "CREATE ROLE bedside_analyst")
		exec(t, analyst, "GRANT SELECT ON toy_items TO bedside_analyst")
		exec(t, analyst, "CREATE VIEW mine AS SELECT v FROM toy_items WHERE v > 0")
		publish(t, s, schema, 9)
		exec(t, analyst, "SET ROLE bedside_analyst")
		n := 0
		if err := analyst.QueryRow(ctx, "SELECT count(*) FROM toy_items").Scan(&n); err != nil || n != 9 {
			t.Errorf("%d rows by the grant: %v", n, err)
		}
		exec(t, analyst, "RESET ROLE")
		if err := analyst.QueryRow(ctx, "SELECT count(*) FROM mine").Scan(&n); err != nil || n != 8 {
			t.Errorf("%d rows in the analyst's view: %v", n, err)
		}

		// The analyst reads the last view; the swap takes the first and waits for the last;
		// the analyst wants the first.
		exec(t, analyst, "SET deadlock_timeout = '1h'") // the swap is the one that gives up
		exec(t, analyst, "BEGIN")
		exec(t, analyst, "SELECT * FROM toy_more")
		var next readmodel.Checkpoint
		update(t, s, func(tx *readmodel.Tx) (err error) { next, err = build(ctx, tx, schema, 30); return err })
		swap := func() error {
			return s.Update(ctx, func(tx *readmodel.Tx) error { return tx.GoLive(ctx, schema, next.Generation) })
		}
		swapped := make(chan error, 1)
		go func() { swapped <- swap() }()
		untilBlocked(t, dsn, "CREATE OR REPLACE VIEW toy_more")
		exec(t, analyst, "SELECT * FROM toy_items")                                 // until the swap gives up
		if err := <-swapped; !readmodel.Deadlocked(err) && !readmodel.Locked(err) { // whichever is noticed first
			t.Errorf("the swap ended with %v", err)
		}
		go func() { swapped <- swap() }()
		untilBlocked(t, dsn, "CREATE OR REPLACE VIEW toy_")
		view(t, s, func(tx *readmodel.Tx) error { // when the swap has given up
			n, err := count(ctx, tx, "toy_items")
			if n != 9 {
				t.Errorf("%d rows while an analyst's transaction is open", n)
			}
			return err
		})
		if err := <-swapped; !readmodel.Locked(err) {
			t.Errorf("the swap ended with %v", err)
		}
		exec(t, analyst, "COMMIT")
		if err := swap(); err != nil {
			t.Error(err)
		}

		// Columns of another kind cannot keep a view that is built on them.
		other := items("toy", 2)
		other.Tables[0].Columns = "k TEXT NOT NULL, v TEXT"
		err := s.Update(ctx, func(tx *readmodel.Tx) error {
			c, err := tx.Begin(ctx, other)
			if err != nil {
				return err
			}
			return tx.GoLive(ctx, other, c.Generation)
		})
		if err != nil {
			t.Error(err)
		}
		if err := analyst.QueryRow(ctx, "SELECT count(*) FROM mine").Scan(&n); err == nil {
			t.Error("the analyst's view has outlived the columns that it is of")
		}
		exec(t, analyst, "DROP OWNED BY bedside_analyst")
		exec(t, analyst, "DROP ROLE bedside_analyst")
	}
}

// TestSwapsDoNotMeet: two processes that swap and read at once do not stop one another.
func TestSwapsDoNotMeet(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error)
			for _, schema := range []readmodel.Schema{items("one", 1), items("other", 1)} {
				s := readmodeltest.Open(t, dsn)
				publish(t, s, schema, 1)
				go func() {
					for range 8 {
						if err := s.Update(ctx, func(tx *readmodel.Tx) error {
							c, err := build(ctx, tx, schema, 5)
							if err != nil {
								return err
							}
							return tx.GoLive(ctx, schema, c.Generation)
						}); err != nil {
							done <- err
							return
						}
						if err := s.View(ctx, func(tx *readmodel.Tx) error {
							_, err := count(ctx, tx, schema.Tables[0].Name)
							return err
						}); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range 2 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
