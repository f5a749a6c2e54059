package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// batch is the rows of one commit, or of a part of Settle's work, before they
// are written. store reads what was written before; the maps hold what the
// batch has on top of it.
type batch struct {
	store
	writer *writer // as of the commit before
	rows   *pebble.Batch

	position Position // what it will be
	limits   limits
	queued   int // rows of kindQueue, as they will be
	late     int // rows of kindLate

	first        uint64      // number of the first statement of the commit
	statements   []statement // by number, from first
	ids          map[uuid.UUID]uint64
	older        map[uint64]*statement // statements before first that were looked at
	posts        []post
	references   // between statements
	descriptions // of Activities and Agents
}

// statement is what a batch knows of one statement.
type statement struct {
	id      uuid.UUID
	row     statementRow
	terms   []xapi.Term // its own; of an older statement nil until ownTerms
	passed  []xapi.Term // those of them that it passes on; nil until passedTerms
	absent  bool        // erased: it has a number, and nothing else
	changed bool        // an older statement's row must be set
}

// post is a posting to be set, unless its statement is voided.
type post struct {
	term xapi.Term
	n    uint64
}

// compare sorts posts as their keys.
func (p post) compare(q post) int {
	if p.term.Facet != q.term.Facet {
		return cmp.Compare(p.term.Facet, q.term.Facet)
	}
	for i := 0; i < len(hash{}); i += 8 {
		if x, y := binary.BigEndian.Uint64(p.term.Hash[i:]), binary.BigEndian.Uint64(q.term.Hash[i:]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(q.n, p.n)
}

// set and delete do not fail: a batch takes everything until it is committed.
func (b *batch) set(k key, value []byte) { _ = b.rows.Set(k, value, nil) }
func (b *batch) delete(k key)            { _ = b.rows.Delete(k, nil) }

func (b *batch) deleteAll(prefix key) { _ = b.rows.DeleteRange(prefix, upperBound(prefix), nil) }

// commit makes the rows of a commit.
func (b *batch) commit(c *eventlog.Commit, events []eventlog.Event, drafts []*xapi.Draft) error {
	if covered := framed(c); covered != len(events) {
		return fmt.Errorf("frames of %d events, not %d", covered, len(events))
	}
	b.statements = make([]statement, 0, len(events))
	b.ids = make(map[uuid.UUID]uint64, len(events))
	frame := 0
	for i := range events {
		for frame < len(c.Frames)-1 && i >= c.Frames[frame+1].First {
			frame++
		}
		place := statementRow{
			revision: c.Revision, frame: frame, event: i - c.Frames[frame].First, stored: c.FirstStored + int64(i),
		}
		var draft *xapi.Draft
		if i < len(drafts) {
			draft = drafts[i]
		}
		if err := b.event(&events[i], place, draft); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	if err := b.propagate(); err != nil {
		return err
	}
	b.finish(c)
	return nil
}

// framed is how many events a commit's frames have.
func framed(c *eventlog.Commit) (n int) {
	for _, f := range c.Frames {
		n += f.Count
	}
	return n
}

// event makes the rows of one event.
func (b *batch) event(e *eventlog.Event, place statementRow, draft *xapi.Draft) error {
	ev, err := event.Decode(event.Encoded{Type: e.Type, Version: e.Version, Meta: e.Meta, Payload: e.Payload})
	switch {
	case errors.Is(err, event.ErrErased):
		// Its number stays taken, so that the others keep theirs.
		if e.Type == event.TypeStatementStored {
			b.statements = append(b.statements, statement{absent: true})
		}
		return nil
	case err != nil:
		return err
	}
	switch ev := ev.(type) {
	case event.StatementStored:
		return b.statement(ev, place, draft)
	case event.DocumentStored:
		b.document(&ev.Document, place.stored)
	case event.DocumentDeleted:
		b.delete(documentKey(ev.Key))
		b.delete(contentKey(ev.Key))
	case event.DocumentsDeleted:
		b.deleteAll(documentsOf(ev.Scope))
		b.deleteAll(contentsOf(ev.Scope))
	case event.CredentialAdded:
		value, err := encodeCredential(ev)
		if err != nil {
			return err
		}
		b.set(credentialKey(ev.Credential.Key), value)
	case event.CredentialRevoked:
		b.delete(credentialKey(ev.Key))
	case event.LogCreated, event.Tick:
	case event.UnitRegistered, event.UnitRemoved, event.PersonRegistered, event.PersonRemoved,
		event.AssignmentMade, event.AssignmentRemoved, event.IdentityLinked, event.IdentityUnlinked,
		event.PersonAttributesSet, event.UnitAttributesSet,
		event.DefinitionRegistered, event.MeasureRecorded,
		event.EvaluationDecided, event.EvaluationCommented:
		// What they say is for the projections.
		b.set(key{kindRegistered}, binary.BigEndian.AppendUint64(nil, uint64(place.stored)))
	default:
		return fmt.Errorf("%w: %s is not known to the index", ErrUnknownType, e.Type)
	}
	return nil
}

func (b *batch) document(d *event.Document, updated int64) {
	listed, content := encodeDocument(d, updated)
	b.set(documentKey(d.Key), listed)
	b.set(contentKey(d.Key), content)
	if d.Blob != "" {
		b.set(blobKey(d.Blob), nil)
	}
}

// statement makes the rows of one statement, but for those that may still change
// with the commit's later events.
func (b *batch) statement(ev event.StatementStored, place statementRow, draft *xapi.Draft) error {
	st, terms, err := parse(ev.Statement, draft)
	if err != nil {
		return err
	}
	n := b.first + uint64(len(b.statements))
	b.ids[st.ID] = n
	b.statements = append(b.statements, statement{id: st.ID, row: place, terms: terms})
	if err := b.refer(st, n); err != nil {
		return err
	}
	b.attached(st.Attachments)
	if sub := st.Object.SubStatement; sub != nil {
		b.attached(sub.Attachments)
	}
	if ev.NoDefine {
		return nil
	}
	return b.describe(st, n)
}

func (b *batch) attached(attachments []xapi.Attachment) {
	for _, a := range attachments {
		b.set(blobKey(a.SHA2), nil)
	}
}

// parse gives a stored statement and its terms.
func parse(raw []byte, draft *xapi.Draft) (*xapi.Statement, []xapi.Term, error) {
	if draft != nil {
		return draft.Statement(), draft.Terms(), nil
	}
	st, err := xapi.ParseStored(raw, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("a statement in the log: %w", err)
	}
	return st, xapi.Terms(st), nil
}

// finish makes the rows that could change up to here, and the position's.
func (b *batch) finish(c *eventlog.Commit) {
	frame, value := -1, make([]byte, 0, 32)
	for i := range b.statements {
		st := &b.statements[i]
		if st.absent {
			continue
		}
		n := b.first + uint64(i)
		if frame == -1 {
			b.set(timeKey(st.row.stored), numberKey(n)[1:])
		}
		if st.row.frame != frame {
			frame = st.row.frame
			b.set(frameKey(c.Revision, frame), encodeFrame(c.Codec, c.Frames[frame].Data))
		}
		number := numberKey(n)
		b.set(number, st.row.append(value[:0]))
		b.set(idKey(st.id), number[1:])
		for _, t := range st.terms {
			if posted(t) {
				b.posts = append(b.posts, post{t, n})
			}
		}
		if st.row.flags&flagReferrer != 0 {
			b.posts = append(b.posts, post{anyReferrer, n})
		}
	}
	b.setChanged()
	b.position = b.position.after(c, b.first+uint64(len(b.statements)))
	b.set(key{kindPosition}, b.position.encode())
}

// posted says whether a statement's own term gets a posting. Who refers to a
// certain statement is in rows of kindReferrer.
func posted(t xapi.Term) bool { return t.Facet != xapi.FacetReferrer }

// setChanged sets all rows that are gathered before they are set.
func (b *batch) setChanged() {
	value := make([]byte, 0, 32)
	for n, st := range b.older {
		if st.changed {
			b.set(numberKey(n), st.row.append(value[:0]))
		}
	}
	b.setPostings()
	b.setReferences()
	b.setDescriptions()
}

// setPostings sets the postings of what is not voided. They are sorted, because
// a memtable takes neighbours faster.
func (b *batch) setPostings() {
	slices.SortFunc(b.posts, post.compare)
	k := newKey(0)
	for i, p := range b.posts {
		if i > 0 && p == b.posts[i-1] || b.known(p.n).row.flags&flagVoided != 0 {
			continue
		}
		k = appendTerm(k[:0], p.term).posting(p.n)
		b.set(k, nil)
	}
}

// known is a statement of this commit, or an older one that look has found.
func (b *batch) known(n uint64) *statement {
	if n >= b.first {
		return &b.statements[n-b.first]
	}
	return b.older[n]
}

// look finds a statement by number.
func (b *batch) look(n uint64) (*statement, error) {
	if st := b.known(n); st != nil {
		return st, nil
	}
	row, found, err := b.statementRow(n)
	if err == nil && !found {
		err = errRow("missing number", numberKey(n))
	}
	if err != nil {
		return nil, err
	}
	st := &statement{row: row}
	if b.older == nil {
		b.older = map[uint64]*statement{}
	}
	b.older[n] = st
	return st, nil
}

// lookID finds a statement by id.
func (b *batch) lookID(id uuid.UUID) (n uint64, found bool, err error) {
	if n, ok := b.ids[id]; ok {
		return n, true, nil
	}
	return b.number(id)
}

// ownTerms are the terms of a statement that look has found.
func (b *batch) ownTerms(st *statement) ([]xapi.Term, error) {
	if st.terms == nil {
		stored, _, err := b.payload(st.row)
		if err != nil {
			return nil, err
		}
		b.parsed += len(stored.Statement)
		if _, st.terms, err = parse(stored.Statement, nil); err != nil {
			return nil, err
		}
	}
	return st.terms, nil
}
