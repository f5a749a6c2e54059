package lrs

import (
	"context"
	"errors"
	"math"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// MaxStatement is how many bytes a statement can have as it is stored, about: none that is longer fits into a commit.
func MaxStatement() int { return eventlog.DefaultLimits.Raw }

// StoreStatements stores the statements of one request, all or none (xAPI
// 1.0.3, Communication 2.1.1 and 2.1.2). A statement that is stored already
// with equal content is left as it is; with other content the whole request is
// a *ConflictError. The drafts belong to the store, also after it returns.
//
// define is false for a credential without the "define" scope: the statements
// are stored, and change no definition of an Activity or Agent.
//
// The answer may wait until statements that refer to others are found by what they
// refer to; see Config.Late. Too many of one credential that are not are
// ErrReferring.
//
// Attachments must be in the blob store before. The position is that of the
// first statement that was new, zero when none was.
func (s *Store) StoreStatements(ctx context.Context, drafts []*xapi.Draft, define bool) (Position, error) {
	var size int64
	for _, d := range drafts {
		size += int64(len(d.Statement().Raw)) + 512
		if s.cfg.Shared {
			d.Sent = nil // some of the nodes may still be of a release that stops at an event which says it
		}
	}
	leave, err := s.refer(ctx, drafts)
	if err != nil {
		return Position{}, err
	}
	late := uint64(0)
	defer func() { leave(late) }()
	c := comparison{store: s}
	for {
		at, err := s.submit(ctx, size, func(tx *transaction) (decision, error) {
			c.left = maxCompare
			return decideStatements(tx, drafts, define, &c)
		})
		if err == nil {
			late = s.awaitLate(ctx, drafts)
		}
		if errors.Is(err, ErrUnknownOutcome) {
			late = math.MaxUint64 // who hangs up has them counted until nothing is late
		}
		if !errors.Is(err, errCompareOutside) {
			return at, err
		}
		if err := c.outside(ctx, drafts); err != nil {
			return Position{}, err
		}
	}
}

func decideStatements(tx *transaction, drafts []*xapi.Draft, define bool, c *comparison) (decision, error) {
	d := decision{
		events: make([]eventlog.Event, 0, len(drafts)),
		drafts: make([]*xapi.Draft, 0, len(drafts)),
	}
	for i, draft := range drafts {
		old, open, err := tx.statement(draft.ID())
		if err != nil {
			return decision{}, err
		}
		if old != nil {
			d.rests = d.rests || open
			equal, cost, err := c.within(old, draft)
			d.compared += cost
			if err != nil { // errCompareOutside: what the open commit has is compared when it is stored
				return decision{rests: d.rests, compared: d.compared}, err
			}
			if !equal {
				return decision{rests: open, compared: d.compared + sizeOf(d.events)}, &ConflictError{Statement: i, ID: draft.ID()}
			}
			continue
		}
		ev, err := encode(event.StatementStored{
			Statement: draft.Stamp(tx.next(len(d.events))), NoDefine: !define, Sent: draft.Sent,
		})
		if err != nil {
			return decision{}, err
		}
		d.events = append(d.events, ev)
		d.drafts = append(d.drafts, draft)
	}
	d.merge = func(tx *transaction) {
		for i, draft := range d.drafts {
			tx.stored[draft.ID()] = d.events[i].Payload
		}
	}
	return d, nil
}
