package readmodel

import (
	"context"
	"fmt"
	"strings"
)

// createBooks makes the tables in which the runtime keeps its books. Every table
// name begins with that of a projection, or with projection_.
func createBooks(ctx context.Context, tx *Tx) error {
	for _, ddl := range []string{
		`CREATE TABLE IF NOT EXISTS projection_checkpoints (
			projection TEXT NOT NULL, generation BIGINT NOT NULL, version BIGINT NOT NULL, live BIGINT NOT NULL,
			log TEXT NOT NULL, revision BIGINT NOT NULL, hash TEXT NOT NULL, events BIGINT NOT NULL, through BIGINT NOT NULL,
			PRIMARY KEY (projection, generation))`,
		`CREATE TABLE IF NOT EXISTS projection_set_aside (
			projection TEXT NOT NULL, generation BIGINT NOT NULL, revision BIGINT NOT NULL, event BIGINT NOT NULL,
			at BIGINT NOT NULL, type TEXT NOT NULL, reason TEXT NOT NULL,
			PRIMARY KEY (projection, generation, revision, event))`,
		`CREATE TABLE IF NOT EXISTS projection_tables (
			projection TEXT NOT NULL, generation BIGINT NOT NULL, name TEXT NOT NULL,
			PRIMARY KEY (projection, generation, name))`,
	} {
		if err := tx.Exec(ctx, ddl); err != nil {
			return err
		}
	}
	return nil
}

// Checkpoint says how far a generation is: all events up to it are in its tables,
// or set aside, and no later one.
type Checkpoint struct {
	Generation
	Version  int
	Live     bool
	Log      string // id of the log
	Revision uint64 // of the last commit
	Hash     string // of that commit, hex: the next one continues it
	Events   int64  // how many there were
	Through  int64  // time of the last event, µs
}

// Checkpoints gives those of a projection, by generation.
func (t *Tx) Checkpoints(ctx context.Context, projection string) (all []Checkpoint, err error) {
	err = t.Each(ctx, `SELECT generation, version, live, log, revision, hash, events, through FROM projection_checkpoints
		WHERE projection = ? ORDER BY generation`, []any{projection}, func(scan func(...any) error) error {
		c := Checkpoint{Generation: Generation{Projection: projection}}
		var live, revision int64
		err := scan(&c.Number, &c.Version, &live, &c.Log, &revision, &c.Hash, &c.Events, &c.Through)
		c.Live, c.Revision = live != 0, uint64(revision)
		all = append(all, c)
		return err
	})
	return all, err
}

// Live gives the checkpoint of the generation that the views show; false if there
// is none yet.
func (t *Tx) Live(ctx context.Context, projection string) (Checkpoint, bool, error) {
	all, err := t.Checkpoints(ctx, projection)
	for _, c := range all {
		if c.Live {
			return c, true, err
		}
	}
	return Checkpoint{}, false, err
}

// Begin makes the tables of a new generation, and its checkpoint before the first
// event.
func (t *Tx) Begin(ctx context.Context, s Schema) (Checkpoint, error) {
	all, err := t.Checkpoints(ctx, s.Projection)
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Generation: Generation{Projection: s.Projection, Number: 1}, Version: s.Version}
	for _, old := range all {
		c.Number = max(c.Number, old.Number+1)
	}
	if err := t.Create(ctx, s, c.Generation); err != nil {
		return Checkpoint{}, err
	}
	return c, t.Exec(ctx, `INSERT INTO projection_checkpoints (projection, generation, version, live, log, revision, hash, events, through)
		VALUES (?, ?, ?, 0, '', 0, '', 0, 0)`, c.Projection, c.Number, c.Version)
}

// Advance moves a checkpoint from revision from to where c is. False: it was not
// there, because another process has moved it, or removed the generation or put one
// of another version in its place.
func (t *Tx) Advance(ctx context.Context, from uint64, c Checkpoint) (bool, error) {
	n, err := t.Affect(ctx, `UPDATE projection_checkpoints SET log = ?, revision = ?, hash = ?, events = ?, through = ?
		WHERE projection = ? AND generation = ? AND version = ? AND revision = ?`,
		c.Log, int64(c.Revision), c.Hash, c.Events, c.Through, c.Projection, c.Number, c.Version, int64(from))
	return n == 1, err
}

// GoLive makes the views show a generation, and removes all other generations of
// its projection.
func (t *Tx) GoLive(ctx context.Context, s Schema, g Generation) error {
	if t.dialect == postgres {
		// After the snapshots that see the tables as they are, before those that will see
		// what they become; and before any view is locked, so that there is one order. Who
		// reads a view in a transaction that stays open would otherwise make all others
		// wait: this one gives up, and is made again (Locked).
		if err := t.Exec(ctx, "SET LOCAL lock_timeout = '1s'"); err != nil {
			return err
		}
		if err := t.Exec(ctx, "LOCK TABLE projection_checkpoints IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	all, err := t.Checkpoints(ctx, g.Projection)
	if err != nil {
		return err
	}
	names := make([]string, len(s.Tables))
	for i, table := range s.Tables {
		names[i] = table.Name
	}
	if err := t.DropViews(ctx, g.Projection, names...); err != nil {
		return err
	}
	if err := t.Publish(ctx, s, g); err != nil {
		return err
	}
	for _, old := range all {
		if old.Number != g.Number {
			if err := t.forget(ctx, old.Generation); err != nil {
				return err
			}
		}
	}
	n, err := t.Affect(ctx, "UPDATE projection_checkpoints SET live = 1 WHERE projection = ? AND generation = ?", g.Projection, g.Number)
	if err == nil && n != 1 {
		err = fmt.Errorf("readmodel: generation %d of %s is gone: another process has removed it", g.Number, g.Projection)
	}
	return err
}

// Forget removes a generation that no view shows. It refuses the live one.
func (t *Tx) Forget(ctx context.Context, g Generation) error {
	live, found, err := t.Live(ctx, g.Projection)
	if err == nil && found && live.Number == g.Number {
		err = fmt.Errorf("readmodel: generation %d of %s is live", g.Number, g.Projection)
	}
	if err != nil {
		return err
	}
	return t.forget(ctx, g)
}

func (t *Tx) forget(ctx context.Context, g Generation) error {
	if err := t.Drop(ctx, g); err != nil {
		return err
	}
	for _, table := range []string{"projection_checkpoints", "projection_set_aside"} {
		if err := t.Exec(ctx, "DELETE FROM "+table+" WHERE projection = ? AND generation = ?", g.Projection, g.Number); err != nil {
			return err
		}
	}
	return nil
}

// SetAside is an event that a projection could not digest.
type SetAside struct {
	Projection string `json:"projection"`
	Revision   uint64 `json:"revision"`
	Event      int    `json:"event"` // index in the commit
	At         int64  `json:"-"`     // its time, µs
	Type       string `json:"type"`
	Reason     string `json:"reason"`
}

// reasonLimit is how much of a reason is kept, in bytes.
const reasonLimit = 2000

// printable makes text of what may come from the bytes of an event.
func printable(s string) string {
	s = strings.ReplaceAll(s[:min(len(s), reasonLimit)], "\x00", "\uFFFD")
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Aside records an event as set aside. Of its reasons the first stays.
func (t *Tx) Aside(ctx context.Context, g Generation, a SetAside) error {
	return t.Exec(ctx, `INSERT INTO projection_set_aside (projection, generation, revision, event, at, type, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, g.Projection, g.Number, int64(a.Revision), a.Event, a.At,
		printable(a.Type), printable(a.Reason))
}

// Asides gives the events that a generation has set aside, in their order, at most
// limit.
func (t *Tx) Asides(ctx context.Context, g Generation, limit int) (all []SetAside, err error) {
	err = t.Each(ctx, `SELECT revision, event, at, type, reason FROM projection_set_aside
		WHERE projection = ? AND generation = ? ORDER BY revision, event LIMIT ?`, []any{g.Projection, g.Number, limit},
		func(scan func(...any) error) error {
			a := SetAside{Projection: g.Projection}
			var revision int64
			err := scan(&revision, &a.Event, &a.At, &a.Type, &a.Reason)
			a.Revision = uint64(revision)
			all = append(all, a)
			return err
		})
	return all, err
}

// CountAsides is how many events a generation has set aside.
func (t *Tx) CountAsides(ctx context.Context, g Generation) (n int64, err error) {
	_, err = t.One(ctx, "SELECT count(*) FROM projection_set_aside WHERE projection = ? AND generation = ?",
		[]any{g.Projection, g.Number}, &n)
	return n, err
}
