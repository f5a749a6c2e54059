package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

const pairs = "CREATE TABLE pairs (a BIGINT NOT NULL, b TEXT NOT NULL, c DOUBLE PRECISION, PRIMARY KEY (a))"

func TestPlaceholders(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		update(t, s, func(tx *readmodel.Tx) error {
			if err := tx.Exec(ctx, pairs); err != nil {
				return err
			}
			for i := range 12 { // more than nine: $10 is not $1 and a 0
				if err := tx.Exec(ctx, "INSERT INTO pairs (a, b, c) VALUES (?, ?, ?)", i, fmt.Sprint("ä", i), float64(i)/3); err != nil {
					return err
				}
			}
			n, err := tx.Affect(ctx, "UPDATE pairs SET c = NULL WHERE a IN (?,?,?,?,?,?,?,?,?,?) AND b <> ?", 0, 1, 2, 3, 4, 5, 6, 7, 8, 11, "ä11")
			if err == nil && n != 9 {
				t.Errorf("%d rows changed, not 9", n)
			}
			return err
		})
		view(t, s, func(tx *readmodel.Tx) error {
			var b string
			var c float64
			found, err := tx.One(ctx, "SELECT b, c FROM pairs WHERE c IS NOT NULL AND a > ? ORDER BY a LIMIT ?", []any{9, 1}, &b, &c)
			if !found || b != "ä10" || c != 10.0/3 {
				t.Errorf("%v %q %v", found, b, c)
			}
			if err != nil {
				return err
			}
			if found, err = tx.One(ctx, "SELECT b FROM pairs WHERE a = ?", []any{99}, &b); found {
				t.Error("found what is not there")
			}
			return err
		})
	})
}

// TestInsert: rows are there for whatever comes after them, in any number; of equal
// keys the first stays.
func TestInsert(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		update(t, s, func(tx *readmodel.Tx) error { return tx.Exec(ctx, pairs) })
		for _, n := range []int{0, 1, 63, 64, 65, 128, 200} {
			update(t, s, func(tx *readmodel.Tx) error {
				if err := tx.Exec(ctx, "DELETE FROM pairs"); err != nil {
					return err
				}
				one, other := tx.Insert("pairs", "a", "b"), tx.Insert("pairs", "b", "a")
				for i := range n {
					if err := one.Add(ctx, i, "first"); err != nil {
						return err
					}
					if err := one.Add(ctx, i, "again"); err != nil {
						return err
					}
					if err := other.Add(ctx, "other", i+1000); err != nil {
						return err
					}
				}
				if got, err := count(ctx, tx, "pairs"); err != nil || got != 2*n {
					t.Errorf("%d rows after the loop, not %d", got, 2*n)
				}
				if err := one.Add(ctx, 0, "too late"); err != nil {
					return err
				}
				if err := one.Add(ctx, 5000, "new"); err != nil {
					return err
				}
				if changed, err := tx.Affect(ctx, "UPDATE pairs SET c = 1 WHERE a = ?", 5000); err != nil || changed != 1 {
					t.Errorf("%d rows changed by a statement after Add: %v", changed, err)
				}
				return one.Add(ctx, 5001, "last")
			})
			view(t, s, func(tx *readmodel.Tx) error {
				got, err := texts(ctx, tx, "SELECT DISTINCT b FROM pairs WHERE a < 1000 AND (a > 0 OR ? > 0)", n)
				if want := []string{"first"}; err == nil && n > 0 && !slices.Equal(got, want) {
					t.Errorf("rows with %v, not %v", got, want)
				}
				if err != nil {
					return err
				}
				if last, err := count(ctx, tx, "pairs WHERE a = 5001"); err != nil || last != 1 {
					t.Errorf("%d rows added as the last of a transaction: %v", last, err)
				}
				return nil
			})
		}
		err := s.Update(ctx, func(tx *readmodel.Tx) error { return tx.Insert("pairs", "a", "b").Add(ctx, 1) })
		if err == nil {
			t.Error("a row with too few values was taken")
		}
	})
}

// TestUnstorable: what one engine cannot store, or not as it is, neither takes.
func TestUnstorable(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		update(t, s, func(tx *readmodel.Tx) error { return tx.Exec(ctx, pairs) })
		for _, row := range [][]any{{1, "a\x00b", 1.0}, {1, "\xff", 1.0}, {1, "b", math.NaN()}} {
			for name, do := range map[string]func(*readmodel.Tx) error{
				"add": func(tx *readmodel.Tx) error { return tx.Insert("pairs", "a", "b", "c").Add(ctx, row...) },
				"exec": func(tx *readmodel.Tx) error {
					return tx.Exec(ctx, "INSERT INTO pairs (a, b, c) VALUES (?, ?, ?)", row...)
				},
				"query": func(tx *readmodel.Tx) error {
					_, err := tx.One(ctx, "SELECT a FROM pairs WHERE a = ? AND b = ? AND c = ?", row, new(int64))
					return err
				},
			} {
				if err := s.Update(ctx, do); !errors.Is(err, readmodel.ErrUnstorable) {
					t.Errorf("%s %v: %v", name, row, err)
				}
			}
		}
		update(t, s, func(tx *readmodel.Tx) error { // what is odd and can be stored
			return tx.Insert("pairs", "a", "b", "c").Add(ctx, math.MaxInt64, "\u0001\uFFFD\U0010FFFF", math.Inf(-1))
		})
		view(t, s, func(tx *readmodel.Tx) error {
			var b string
			var c float64
			_, err := tx.One(ctx, "SELECT b, c FROM pairs WHERE a = ?", []any{int64(math.MaxInt64)}, &b, &c)
			if b != "\u0001\uFFFD\U0010FFFF" || !math.IsInf(c, -1) {
				t.Errorf("%q %v", b, c)
			}
			return err
		})
	})
}

// TestOneQueryAtOnce: SQLite could run a query inside a loop over another; PostgreSQL
// cannot.
func TestOneQueryAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		for name, inner := range map[string]func(*readmodel.Tx) error{
			"each": func(tx *readmodel.Tx) error { _, err := count(ctx, tx, "projection_tables"); return err },
			"exec": func(tx *readmodel.Tx) error { return tx.Exec(ctx, "DELETE FROM projection_tables") },
			"add":  func(tx *readmodel.Tx) error { return tx.Insert("pairs", "a").Add(ctx, 1) },
		} {
			err := s.Update(ctx, func(tx *readmodel.Tx) error {
				return tx.Each(ctx, "SELECT 1", nil, func(func(...any) error) error { return inner(tx) })
			})
			if err == nil || !strings.Contains(err.Error(), "loop") {
				t.Errorf("%s: %v", name, err)
			}
		}
		update(t, s, func(tx *readmodel.Tx) error { // a loop that ends early is over
			stop := errors.New("stop")
			if err := tx.Each(ctx, "SELECT 1", nil, func(func(...any) error) error { return stop }); err != stop {
				t.Errorf("the loop ended with %v", err)
			}
			_, err := count(ctx, tx, "projection_tables")
			return err
		})
	})
}

// TestTextOrder: as bytes, whatever the language of the database. The server of these
// tests speaks English, where "a" is before "B".
func TestTextOrder(t *testing.T) {
	onEach(t, func(t *testing.T, engine string, s *readmodel.Store) {
		ctx := t.Context()
		schema := items("toy", 1)
		words := []string{"B", "Z", "_", "a", "aB", "ab", "b", "http://a", "http://b", "Ä", "é"}
		update(t, s, func(tx *readmodel.Tx) error {
			c, err := tx.Begin(ctx, schema)
			if err != nil {
				return err
			}
			in := tx.Insert(c.Table("toy_items"), "k", "v")
			for i, w := range slices.Backward(words) {
				if err := in.Add(ctx, w, i); err != nil {
					return err
				}
			}
			return tx.GoLive(ctx, schema, c.Generation)
		})
		view(t, s, func(tx *readmodel.Tx) error {
			got, err := texts(ctx, tx, "SELECT k FROM toy_items ORDER BY k")
			same(t, "in order", got, words)
			if err != nil {
				return err
			}
			got, err = texts(ctx, tx, "SELECT k FROM toy_items WHERE k > ? ORDER BY k LIMIT 2", "Z")
			same(t, "after Z", got, []string{"_", "a"})
			if engine == readmodeltest.PostgreSQL { // or this test could not fail
				var english bool
				if _, err := tx.One(ctx, "SELECT 'a' < 'B'", nil, &english); err == nil && !english {
					t.Error("the database orders by bytes by itself")
				}
			}
			return err
		})
	})
}

// TestRollback: after an error, a panic or a cancelled context nothing is left, and the
// next update works.
func TestRollback(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		update(t, s, func(tx *readmodel.Tx) error { return tx.Exec(t.Context(), pairs) })
		add := func(ctx context.Context, tx *readmodel.Tx) {
			in := tx.Insert("pairs", "a", "b")
			for i := range 100 {
				if err := in.Add(ctx, i, "b"); err != nil {
					t.Error(err)
				}
			}
			if err := tx.Exec(ctx, "CREATE TABLE left_over (x BIGINT)"); err != nil {
				t.Error(err)
			}
		}
		broken := errors.New("broken")
		for name, do := range map[string]func() error{
			"error": func() error {
				return s.Update(t.Context(), func(tx *readmodel.Tx) error { add(t.Context(), tx); return broken })
			},
			"panic": func() (err error) {
				defer func() { err, _ = recover().(error) }()
				return s.Update(t.Context(), func(tx *readmodel.Tx) error { add(t.Context(), tx); panic(broken) })
			},
			"cancelled": func() error {
				ctx, cancel := context.WithCancelCause(t.Context())
				err := s.Update(ctx, func(tx *readmodel.Tx) error { add(ctx, tx); cancel(broken); return nil })
				if errors.Is(err, context.Canceled) {
					err = context.Cause(ctx)
				}
				return err
			},
			"a statement fails": func() error {
				err := s.Update(t.Context(), func(tx *readmodel.Tx) error { add(t.Context(), tx); return tx.Exec(t.Context(), "NONSENSE") })
				if err != nil && strings.Contains(err.Error(), "NONSENSE") {
					err = broken
				}
				return err
			},
			"a row is refused at the end": func() error {
				err := s.Update(t.Context(), func(tx *readmodel.Tx) error {
					add(t.Context(), tx)
					return tx.Insert("pairs", "a", "b").Add(t.Context(), 1000, nil) // b must not be null
				})
				if err != nil {
					err = broken
				}
				return err
			},
		} {
			if err := do(); !errors.Is(err, broken) {
				t.Errorf("%s: %v", name, err)
			}
			view(t, s, func(tx *readmodel.Tx) error {
				n, err := count(t.Context(), tx, "pairs")
				if n != 0 {
					t.Errorf("%s: %d rows are left", name, n)
				}
				return err
			})
		}
		update(t, s, func(tx *readmodel.Tx) error { add(t.Context(), tx); return nil })
	})
}

// TestCancelled: no call begins with a context that has ended, and one that waits for
// its turn gives up.
func TestCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, run := range map[string]func(context.Context, func(*readmodel.Tx) error) error{"update": s.Update, "view": s.View} {
			if err := run(ctx, func(*readmodel.Tx) error { t.Error("it runs"); return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		update(t, s, func(*readmodel.Tx) error {
			ctx, cancel := context.WithCancel(t.Context())
			waits := make(chan error)
			go func() {
				waits <- s.Update(ctx, func(*readmodel.Tx) error { t.Error("two updates at once"); return nil })
			}()
			cancel()
			if err := <-waits; !errors.Is(err, context.Canceled) {
				t.Errorf("the update that waited ended with %v", err)
			}
			return nil
		})
	})
}

func TestViewWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		for _, statement := range []string{"INSERT INTO projection_tables VALUES ('a', 1, 'b')", "CREATE TABLE x (a BIGINT)"} {
			if err := s.View(t.Context(), func(tx *readmodel.Tx) error { return tx.Exec(t.Context(), statement) }); err == nil {
				t.Errorf("a view could %s", statement)
			}
		}
	})
}

// TestUpdatesTakeTurns: also those of two processes, so that what one reads it can
// write back.
func TestUpdatesTakeTurns(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			stores := []*readmodel.Store{readmodeltest.Open(t, dsn), readmodeltest.Open(t, dsn)}
			update(t, stores[0], func(tx *readmodel.Tx) error {
				if err := tx.Exec(t.Context(), pairs); err != nil {
					return err
				}
				return tx.Insert("pairs", "a", "b").Add(t.Context(), 0, "")
			})
			if engine == readmodeltest.PostgreSQL { // certainly at once
				second := make(chan error)
				update(t, stores[0], func(*readmodel.Tx) error {
					go func() { second <- stores[1].Update(t.Context(), func(*readmodel.Tx) error { return nil }) }()
					untilBlocked(t, dsn, "SELECT pg_advisory_xact_lock")
					return nil
				})
				if err := <-second; err != nil {
					t.Error(err)
				}
			}
			const each, routines = 10, 4
			done := make(chan error)
			for i := range routines {
				go func() {
					for range each {
						if err := stores[i%2].Update(t.Context(), func(tx *readmodel.Tx) error {
							var b string
							if _, err := tx.One(t.Context(), "SELECT b FROM pairs", nil, &b); err != nil {
								return err
							}
							return tx.Exec(t.Context(), "UPDATE pairs SET b = ?", b+"x")
						}); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range routines {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			view(t, stores[1], func(tx *readmodel.Tx) error {
				n := 0
				_, err := tx.One(t.Context(), "SELECT length(b) FROM pairs", nil, &n)
				if n != each*routines {
					t.Errorf("%d updates are left of %d", n, each*routines)
				}
				return err
			})
		})
	}
}

// TestEndlessQuery: a query ends with its context, also one that has no row yet.
func TestEndlessQuery(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var n int
		err := s.View(ctx, func(tx *readmodel.Tx) error {
			_, err := tx.One(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", nil, &n)
			return err
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	})
}
