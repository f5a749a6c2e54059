package readmodel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// publish builds a generation with n rows and makes it live.
func publish(t testing.TB, s *readmodel.Store, schema readmodel.Schema, n int) (c readmodel.Checkpoint) {
	t.Helper()
	update(t, s, func(tx *readmodel.Tx) (err error) {
		if c, err = build(t.Context(), tx, schema, n); err != nil {
			return err
		}
		return tx.GoLive(t.Context(), schema, c.Generation)
	})
	return c
}

func TestGenerations(t *testing.T) {
	onEach(t, func(t *testing.T, engine string, s *readmodel.Store) {
		ctx := t.Context()
		schema := items("toy", 1)
		shows := func(want int) {
			t.Helper()
			view(t, s, func(tx *readmodel.Tx) error {
				n, err := count(ctx, tx, "toy_items")
				if n != want {
					t.Errorf("the view shows %d rows, not %d", n, want)
				}
				return err
			})
		}
		view(t, s, func(tx *readmodel.Tx) error {
			if c, found, err := tx.Live(ctx, "toy"); found || err != nil {
				t.Errorf("%+v is live: %v", c, err)
			}
			return nil
		})
		if c := publish(t, s, schema, 10); c.Number != 1 || c.Version != 1 {
			t.Errorf("the first generation is %+v", c)
		}
		shows(10)
		same(t, "relations", relations(t, engine, s), []string{"toy_items", "toy_items_1"})

		var second readmodel.Checkpoint
		update(t, s, func(tx *readmodel.Tx) (err error) {
			second, err = build(ctx, tx, schema, 20)
			return err
		})
		shows(10)
		update(t, s, func(tx *readmodel.Tx) error {
			if err := tx.Aside(ctx, readmodel.Generation{Projection: "toy", Number: 1}, readmodel.SetAside{Revision: 1}); err != nil {
				return err
			}
			return tx.GoLive(ctx, schema, second.Generation)
		})
		shows(20)
		same(t, "relations", relations(t, engine, s), []string{"toy_items", "toy_items_2"})
		view(t, s, func(tx *readmodel.Tx) error {
			all, err := tx.Checkpoints(ctx, "toy")
			want := second
			want.Live = true
			same(t, "checkpoints", all, []readmodel.Checkpoint{want})
			if n, err := tx.CountAsides(ctx, readmodel.Generation{Projection: "toy", Number: 1}); n != 0 {
				t.Errorf("%d events set aside by a generation that is gone: %v", n, err)
			}
			return err
		})

		// Another version has other tables, and other columns.
		other := items("toy", 2)
		other.Tables[0].Columns = "v TEXT, k TEXT NOT NULL"
		other.Tables = append(other.Tables, readmodel.Table{Name: "toy_more", Columns: "a BIGINT NOT NULL, b BIGINT NOT NULL", Key: "a, b"})
		update(t, s, func(tx *readmodel.Tx) error {
			c, err := tx.Begin(ctx, other)
			if err != nil {
				return err
			}
			return tx.GoLive(ctx, other, c.Generation)
		})
		same(t, "relations", relations(t, engine, s), []string{"toy_items", "toy_items_3", "toy_more", "toy_more_3"})
		shows(0)
		publish(t, s, items("toy", 3), 5)
		same(t, "relations", relations(t, engine, s), []string{"toy_items", "toy_items_4"})
		shows(5)
	})
}

// TestNeighbours: projections whose names begin, or end, alike keep what is theirs.
func TestNeighbours(t *testing.T) {
	onEach(t, func(t *testing.T, engine string, s *readmodel.Store) {
		schemas := []readmodel.Schema{items("people", 1), items("people_extra", 1), items("people_extra_1", 1), items("projection", 1)}
		schemas[0].Tables = append(schemas[0].Tables, readmodel.Table{Name: "elsewhere", Columns: "a BIGINT NOT NULL", Key: "a"})
		for _, schema := range schemas {
			publish(t, s, schema, 7)
		}
		update(t, s, func(tx *readmodel.Tx) error { // an analyst's own
			if err := tx.Exec(t.Context(), "CREATE TABLE people_notes_1 (x BIGINT)"); err != nil {
				return err
			}
			return tx.Exec(t.Context(), "CREATE VIEW people_mine AS SELECT x FROM people_notes_1")
		})
		publish(t, s, schemas[0], 8)
		same(t, "relations", relations(t, engine, s), []string{
			"elsewhere", "elsewhere_2", "people_extra_1_items", "people_extra_1_items_1", "people_extra_items", "people_extra_items_1",
			"people_items", "people_items_2", "people_mine", "people_notes_1", "projection_items", "projection_items_1",
		})
		update(t, s, func(tx *readmodel.Tx) error {
			c, err := tx.Begin(t.Context(), schemas[1])
			if err == nil {
				err = tx.Forget(t.Context(), c.Generation)
			}
			return err
		})
		view(t, s, func(tx *readmodel.Tx) error {
			for table, want := range map[string]int{"people_items": 8, "people_extra_items": 7, "people_extra_1_items": 7, "projection_items": 7} {
				if n, err := count(t.Context(), tx, table); err != nil || n != want {
					t.Errorf("%s has %d rows, not %d: %v", table, n, want, err)
				}
			}
			return nil
		})
	})
}

// TestTableIsOneProjections: a name is refused that another projection has.
func TestTableIsOneProjections(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		publish(t, s, items("toy", 1), 1)
		publish(t, s, items("toy", 1), 1) // so that the next one's generation has another number
		thief := items("thief", 1)
		thief.Tables[0].Name = "toy_items"
		err := s.Update(t.Context(), func(tx *readmodel.Tx) error { _, err := tx.Begin(t.Context(), thief); return err })
		if err == nil || !strings.Contains(err.Error(), "projection toy") {
			t.Errorf("%v", err)
		}
	})
}

func TestAdvance(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		var c readmodel.Checkpoint
		update(t, s, func(tx *readmodel.Tx) (err error) { c, err = tx.Begin(ctx, items("toy", 4)); return err })
		want := c
		want.Log, want.Revision, want.Hash, want.Events, want.Through = "log", 1<<40, "hash", 1<<41, -5
		for _, step := range []struct {
			name  string
			from  uint64
			to    func(*readmodel.Checkpoint)
			moves bool
		}{
			{"from elsewhere", 1, func(*readmodel.Checkpoint) {}, false},
			{"of another generation", 0, func(c *readmodel.Checkpoint) { c.Number = 2 }, false},
			{"of another projection", 0, func(c *readmodel.Checkpoint) { c.Projection = "to" }, false},
			{"of another version", 0, func(c *readmodel.Checkpoint) { c.Version = 3 }, false},
			{"from where it is", 0, func(*readmodel.Checkpoint) {}, true},
			{"again", 0, func(*readmodel.Checkpoint) {}, false},
			{"from there on", 1 << 40, func(*readmodel.Checkpoint) {}, true},
		} {
			update(t, s, func(tx *readmodel.Tx) error {
				to := want
				step.to(&to)
				moved, err := tx.Advance(ctx, step.from, to)
				if moved != step.moves {
					t.Errorf("%s: moved is %v", step.name, moved)
				}
				return err
			})
		}
		view(t, s, func(tx *readmodel.Tx) error {
			all, err := tx.Checkpoints(ctx, "toy")
			same(t, "checkpoints", all, []readmodel.Checkpoint{want})
			return err
		})
	})
}

// TestForget: all of a generation goes, and never the live one.
func TestForget(t *testing.T) {
	onEach(t, func(t *testing.T, engine string, s *readmodel.Store) {
		ctx := t.Context()
		schema := items("toy", 1)
		live := publish(t, s, schema, 3)
		var c readmodel.Checkpoint
		update(t, s, func(tx *readmodel.Tx) (err error) {
			if c, err = build(ctx, tx, schema, 30); err != nil {
				return err
			}
			return tx.Aside(ctx, c.Generation, readmodel.SetAside{Revision: 1})
		})
		update(t, s, func(tx *readmodel.Tx) error { return tx.Forget(ctx, c.Generation) })
		same(t, "relations", relations(t, engine, s), []string{"toy_items", "toy_items_1"})
		view(t, s, func(tx *readmodel.Tx) error {
			n, err := tx.CountAsides(ctx, c.Generation)
			all, err2 := tx.Checkpoints(ctx, "toy")
			if n != 0 || len(all) != 1 {
				t.Errorf("%d set aside; checkpoints %v", n, all)
			}
			return errors.Join(err, err2)
		})
		if err := s.Update(ctx, func(tx *readmodel.Tx) error { return tx.Forget(ctx, live.Generation) }); err == nil {
			t.Error("the live generation was forgotten")
		}
		if err := s.Update(ctx, func(tx *readmodel.Tx) error { return tx.GoLive(ctx, schema, c.Generation) }); err == nil {
			t.Error("a generation that is gone went live")
		}
		view(t, s, func(tx *readmodel.Tx) error {
			n, err := count(ctx, tx, "toy_items")
			if n != 3 {
				t.Errorf("%d rows are live, not 3", n)
			}
			return err
		})
	})
}

func TestAsides(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, s *readmodel.Store) {
		ctx := t.Context()
		g := readmodel.Generation{Projection: "toy", Number: 7}
		want := []readmodel.SetAside{
			{Projection: "toy", Revision: 2, Event: 9, At: 5, Type: "A", Reason: "one"},
			{Projection: "toy", Revision: 2, Event: 10, At: 6, Type: "A", Reason: "ü"},
			{Projection: "toy", Revision: 10, Event: 0, At: 7, Type: "B", Reason: "bytes \uFFFD and \uFFFD"},
		}
		update(t, s, func(tx *readmodel.Tx) error {
			raw := want[2]
			raw.Reason = "bytes \xff and \x00"
			long := readmodel.SetAside{Revision: 11, Type: "\x00", Reason: strings.Repeat("ä", 100_000)}
			again := want[0]
			again.Reason = "another"
			for _, a := range []readmodel.SetAside{long, raw, want[1], want[0], again} {
				if err := tx.Aside(ctx, g, a); err != nil {
					return err
				}
			}
			return tx.Aside(ctx, readmodel.Generation{Projection: "toy", Number: 70}, want[0])
		})
		view(t, s, func(tx *readmodel.Tx) error {
			got, err := tx.Asides(ctx, g, 3)
			same(t, "set aside", got, want)
			if n, err := tx.CountAsides(ctx, g); n != 4 || err != nil {
				t.Errorf("%d are set aside: %v", n, err)
			}
			if got, err := tx.Asides(ctx, g, 100); err != nil || len(got) != 4 || len(got[3].Reason) > 4000 {
				t.Errorf("all: %.300v, %v", got, err)
			}
			return err
		})
	})
}

// TestClaim: one holder in all processes; a holder that is gone holds nothing.
func TestClaim(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			ctx := t.Context()
			here, err := readmodel.Open(ctx, dsn)
			if err != nil {
				t.Fatal(err)
			}
			claim := func(s *readmodel.Store, projection string, want bool) (release func()) {
				t.Helper()
				release, ok, err := s.Claim(ctx, projection)
				if err != nil || ok != want {
					t.Fatalf("claim of %s: %v, %v", projection, ok, err)
				}
				return release
			}
			release := claim(here, "toy", true)
			claim(here, "toy", false)
			claim(here, "toy_2", true)()
			release()
			release = claim(here, "toy", true)
			if engine == readmodeltest.PostgreSQL {
				there := readmodeltest.Open(t, dsn)
				claim(there, "toy", false)
				claim(there, "toy", false) // the refusal left nothing
				claim(there, "other", true)()
				release()
				release = claim(there, "toy", true)
				claim(here, "toy", false)
				release()
				claim(here, "toy", true)
			}
			if err := here.Close(); err != nil {
				t.Fatal(err)
			}
			if engine == readmodeltest.PostgreSQL {
				claim(readmodeltest.Open(t, dsn), "other", true)()
			}
		})
	}
}

// TestIndex: the lookups of a table are not there before they are asked for, and then are; nothing else is.
func TestIndex(t *testing.T) {
	onEach(t, func(t *testing.T, engine string, s *readmodel.Store) {
		ctx := t.Context()
		schema := items("toy", 1)
		schema.Tables[0].Lookups = []string{"v, k"}
		var c readmodel.Checkpoint
		update(t, s, func(tx *readmodel.Tx) (err error) {
			c, err = build(ctx, tx, schema, 1000)
			return err
		})
		drop := func() error {
			return s.Update(ctx, func(tx *readmodel.Tx) error { return tx.Exec(ctx, "DROP INDEX toy_items_1_l0") })
		}
		if err := drop(); err == nil {
			t.Error("the lookup was there from the beginning")
		}
		if err := s.Index(ctx, schema, c.Generation); err != nil {
			t.Fatal(err)
		}
		if err := drop(); err != nil {
			t.Error(err)
		}
		schema.Tables[0].Lookups = []string{"nothing"}
		if err := s.Index(ctx, schema, c.Generation); err == nil || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("a lookup of a column that is not there: %v", err)
		}
		// What comes after is an update like any other.
		update(t, s, func(tx *readmodel.Tx) error { return tx.GoLive(ctx, schema, c.Generation) })
	})
}
