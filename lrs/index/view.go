package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// View is the index as it was at one moment. It belongs to one goroutine. Close
// it: the rows of its time cannot go before. What its methods return may be kept.
//
// Any method may return ErrDamaged, ErrUnreadable or ErrClosed (wrapped).
type View struct {
	index    *Index
	store    store
	snapshot *pebble.Snapshot
	position Position
	err      error // ErrClosed, or why there is no position
}

// View returns the index behind the last Apply that returned. It may be used
// until it is closed; Close of the Index waits for it.
func (x *Index) View() *View {
	v := &View{index: x}
	if v.err = x.enter(); v.err != nil {
		return v
	}
	v.snapshot = x.db.NewSnapshot()
	v.store.Reader, v.store.frames = v.snapshot, &x.frames
	v.position = Position{Next: 1}
	_, err := v.store.get(key{kindPosition}, func(value []byte) (err error) {
		v.position, err = decodePosition(value)
		return err
	})
	v.err = x.health.report(err)
	return v
}

// enter keeps the index open until leave.
func (x *Index) enter() error {
	x.views.Lock()
	defer x.views.Unlock()
	if x.views.closed {
		return ErrClosed
	}
	x.views.open.Add(1)
	return nil
}

func (x *Index) leave() { x.views.open.Done() }

// Close ends the View; a second Close does nothing.
func (v *View) Close() error {
	if v.snapshot == nil {
		return nil
	}
	err := errors.Join(v.store.close(), v.snapshot.Close())
	v.snapshot, v.err = nil, ErrClosed
	v.index.leave()
	return err
}

// Position is how much of the log the View shows.
func (v *View) Position() Position { return v.position }

// read runs a read of rows. What it found counts only if the index is sound
// afterwards too.
func (v *View) read(what string, do func() error) error {
	err := v.err
	if err == nil {
		err = v.index.health.report(do())
	}
	if err != nil {
		return fmt.Errorf("index: read %s: %w", what, err)
	}
	return nil
}

// Statement returns the statement with an id, voided or not. Error: ErrNotFound.
func (v *View) Statement(id uuid.UUID) (st Stored, err error) {
	found := false
	err = v.read("a statement", func() error {
		var n uint64
		if n, found, err = v.store.number(id); err != nil || !found {
			return err
		}
		row, ok, err := v.store.statementRow(n)
		if err == nil && !ok {
			err = errRow("missing number", numberKey(n))
		}
		if err != nil {
			return err
		}
		stored, size, err := v.store.payload(row)
		if isSmall(len(stored.Statement), size) {
			stored.Statement = bytes.Clone(stored.Statement)
		}
		st = row.statement(n, stored)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return st, err
}

func (r statementRow) statement(n uint64, st event.StatementStored) Stored {
	return Stored{Raw: st.Statement, Number: n, Stored: r.stored, Voided: r.flags&flagVoided != 0, Sent: st.Sent}
}

// Document returns the document with a key. Error: ErrNotFound.
func (v *View) Document(d event.DocumentKey) (*Document, error) {
	doc := &Document{}
	doc.Key = d
	found := false
	err := v.read("a document", func() (err error) {
		k := documentKey(d)
		found, err = v.store.get(k, func(value []byte) (err error) {
			_, doc.Updated, err = decodeListed(k, value)
			return err
		})
		if err != nil || !found {
			return err
		}
		k = contentKey(d)
		ok, err := v.store.get(k, func(value []byte) error { return decodeContent(k, value, &doc.Document) })
		if err == nil && !ok {
			err = errRow("missing content", k)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, ErrNotFound
	}
	return doc, nil
}

// DocumentIDs lists the documents of a scope, which is a key without ID, that
// were stored after since (µs; 0 for all), sorted. A State scope without
// registration has the documents without registration, and no others.
//
// hold is told how many bytes each takes, before all are there; its error ends the search and comes back.
func (v *View) DocumentIDs(scope event.DocumentKey, since int64, hold func(bytes int) error) ([]string, error) {
	ids := []string{}
	err := v.read("document ids", func() error {
		var bad error
		prefix := documentsOf(scope)
		err := v.store.scan(prefix, upperBound(prefix), func(k, value []byte) bool {
			id, updated, err := decodeListed(k, value)
			if err == nil && updated > since {
				if err = hold(len(id)); err == nil {
					ids = append(ids, id)
				}
			}
			bad = err
			return err == nil
		})
		return errors.Join(bad, err)
	})
	slices.Sort(ids)
	return ids, err
}

// Activity returns the definition merged from all statements that may define, as
// far as it goes into 64 KB (see "What is merged" in the package's comment); nil
// if there is none: then the Activity is known by its id at most.
func (v *View) Activity(iri string) (definition []byte, err error) {
	err = v.read("an activity", func() error {
		_, err := v.store.get(activityKey(iri), func(value []byte) error {
			definition = slices.Clone(value)
			return nil
		})
		return err
	})
	return definition, err
}

// Names returns the names that statements gave an Agent or Group, the first 100
// of at most 640 bytes; the one that came up last is first. agent is xapi.IFI.Key.
func (v *View) Names(agent string) ([]string, error) {
	type seen struct {
		n    uint64
		name string
	}
	var all []seen
	err := v.read("names", func() error {
		var bad error
		prefix := namesOf(agent)
		err := v.store.scan(prefix, upperBound(prefix), func(k, value []byte) bool {
			if len(value) < 8 {
				bad = errRow("name", k)
				return false
			}
			all = append(all, seen{binary.BigEndian.Uint64(value), string(value[8:])})
			return true
		})
		return errors.Join(bad, err)
	})
	slices.SortFunc(all, func(a, b seen) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name))
	})
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].name
	}
	return names, err
}

// Credentials yields the credentials in force, sorted by key, and ends after the
// first error.
func (v *View) Credentials() iter.Seq2[event.CredentialAdded, error] {
	return func(yield func(event.CredentialAdded, error) bool) {
		var all []event.CredentialAdded
		err := v.read("credentials", func() error {
			var bad error
			err := v.store.scan(key{kindCredential}, upperBound(key{kindCredential}), func(k, value []byte) bool {
				var c event.CredentialAdded
				c, bad = decodeCredential(k, value)
				all = append(all, c)
				return bad == nil
			})
			return errors.Join(bad, err)
		})
		if err != nil {
			yield(event.CredentialAdded{}, err)
			return
		}
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// BlobReferenced reports whether any statement or document that was ever stored
// names a blob. sha is its SHA-2 in hex.
func (v *View) BlobReferenced(sha string) (found bool, err error) {
	err = v.read("a blob reference", func() (err error) {
		found, err = v.store.has(blobKey(sha))
		return err
	})
	return found, err
}

// Registered is the time of the last event about people, units or definitions, µs; 0 if there is none.
func (v *View) Registered() (t int64, err error) {
	err = v.read("the last registration", func() error {
		_, err := v.store.get(key{kindRegistered}, func(value []byte) error {
			if len(value) != 8 {
				return fmt.Errorf("%w: the time of the last registration has %d bytes", ErrDamaged, len(value))
			}
			t = int64(binary.BigEndian.Uint64(value))
			return nil
		})
		return err
	})
	return t, err
}
