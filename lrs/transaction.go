package lrs

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// transaction is what a change is decided against: the index as of the last
// commit, and what the open commit has on top of it. The committer owns it.
type transaction struct {
	view  *index.View
	first int64 // time of the open commit's first event, µs

	events      []eventlog.Event
	drafts      []*xapi.Draft                         // by event; nil where the event is no statement
	stored      map[uuid.UUID][]byte                  // statements of the open commit, stamped
	documents   map[event.DocumentKey]*index.Document // nil: deleted in the open commit
	cleared     map[event.DocumentKey]bool            // state sets deleted in it, by key without ID
	credentials map[string]*auth.Credential           // nil: revoked in it
	registered  bool                                  // it has events about people, units or definitions
}

func newTransaction(view *index.View, first int64) *transaction {
	return &transaction{
		view: view, first: first,
		stored:      map[uuid.UUID][]byte{},
		documents:   map[event.DocumentKey]*index.Document{},
		cleared:     map[event.DocumentKey]bool{},
		credentials: map[string]*auth.Credential{},
	}
}

// decision is what one change comes to: events, all or none of them, and how
// they look to the changes that are decided after it.
type decision struct {
	events []eventlog.Event
	drafts []*xapi.Draft // by event; none when the events are no statements
	merge  func(*transaction)

	// rests is set when the decision depends on an event of the open commit:
	// then its answer must wait for the commit, even without events of its own.
	rests bool

	// compared is what was looked at beside the events, in bytes: stored content, and what came in to be compared with it
	// or merged into it; and events that were made in vain.
	compared int
}

// decide makes the decision that comes to one event.
func decide(e event.Event, merge func(*transaction)) (decision, error) {
	ev, err := encode(e)
	if err != nil {
		return decision{}, err
	}
	return decision{events: []eventlog.Event{ev}, merge: merge}, nil
}

// encode turns an event into the form of the log.
func encode(e event.Event) (eventlog.Event, error) {
	enc, err := e.Encode()
	if err != nil {
		return eventlog.Event{}, fmt.Errorf("lrs: %w", err)
	}
	return eventlog.Event{Type: enc.Type, Version: enc.Version, Meta: enc.Meta, Payload: enc.Payload}, nil
}

// next is the time of the event that a decision adds as its i-th.
func (t *transaction) next(i int) int64 { return t.first + int64(len(t.events)+i) }

// add takes a decision's events into the open commit.
func (t *transaction) add(d decision) {
	t.events = append(t.events, d.events...)
	t.drafts = append(t.drafts, d.drafts...)
	for len(t.drafts) < len(t.events) {
		t.drafts = append(t.drafts, nil)
	}
	if d.merge != nil {
		d.merge(t)
	}
}

// statement returns the JSON stored under an id, nil if there is none, and
// whether it is in the open commit only.
func (t *transaction) statement(id uuid.UUID) (raw []byte, open bool, err error) {
	if raw, ok := t.stored[id]; ok {
		return raw, true, nil
	}
	st, err := t.view.Statement(id)
	if errors.Is(err, index.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: index: %w", ErrUnavailable, err)
	}
	return st.Raw, false, nil
}

// document returns the document under a key, nil if there is none, and whether
// the open commit says so.
func (t *transaction) document(key event.DocumentKey) (doc *index.Document, open bool, err error) {
	if doc, ok := t.documents[key]; ok {
		return doc, true, nil
	}
	if t.cleared[set(key)] {
		return nil, true, nil
	}
	doc, err = t.view.Document(key)
	if errors.Is(err, index.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: index: %w", ErrUnavailable, err)
	}
	return doc, false, nil
}

// set is the key of the document set that a document belongs to.
func set(key event.DocumentKey) event.DocumentKey {
	key.ID = ""
	return key
}
