package hrhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// present is the newest state, which a registration is decided against.
type present struct {
	people      *people.State
	definitions *catalog.Definitions
	through     int64 // all registrations up to this time are in it, µs
}

// registrations that come in between are met by deciding again, so often.
const registerTries = 20

// register stores the events that decide comes to in the newest state, all or none;
// the position is empty when there are none.
func (c *call) register(decide func(present) ([]event.Event, error)) (position string, err error) {
	wait, cancel := context.WithTimeoutCause(c.ctx, c.Wait, errBehind)
	defer cancel()
	for range registerTries {
		p, err := c.present(wait)
		if err != nil {
			return "", err
		}
		events, err := decide(p)
		if err != nil {
			return "", refused(err)
		}
		if len(events) == 0 {
			return "", nil
		}
		at, err := c.Store.Register(wait, events, p.through)
		if errors.Is(err, lrs.ErrStale) {
			continue
		}
		if errors.Is(err, event.ErrInvalid) { // a text is longer than an event can have it
			return "", problem.BadRequest("registration.invalid", "%v.", err)
		}
		if errors.Is(err, lrs.ErrTooLarge) {
			return "", problem.New(http.StatusRequestEntityTooLarge, "registration.size",
				"This makes %d events, more than one commit can hold; nothing was stored; send it in several parts.", len(events))
		}
		if err != nil {
			return "", err
		}
		position = fmt.Sprintf("%d.%d", at.Revision, at.Index)
		c.w.Header().Set("X-Bedside-Position", position)
		return position, nil
	}
	return "", &problem.Problem{Status: http.StatusServiceUnavailable, Code: "registration.busy", RetryAfter: 1,
		Message: "Other registrations came in between again and again; nothing was stored; try again."}
}

// present waits until the projections have all that the log has now.
func (c *call) present(wait context.Context) (p present, err error) {
	if err := c.Runtime.Wait(wait, uint64(c.Store.Head().Revision), people.Name, catalog.Name); err != nil {
		return p, behind(err)
	}
	err = c.Model.View(c.ctx, func(tx *readmodel.Tx) error {
		const newest = 1<<63 - 1
		p.through = newest
		for _, name := range []string{people.Name, catalog.Name} {
			live, _, err := tx.Live(c.ctx, name)
			if err != nil {
				return err
			}
			p.through = min(p.through, live.Through)
		}
		var err error
		if p.people, err = c.readers.people.State(c.ctx, tx, p.through); err != nil {
			return err
		}
		p.definitions, err = c.readers.catalog.At(c.ctx, tx, p.through)
		return err
	})
	return p, err
}

// refused gives a refusal of package people its status.
func refused(err error) error {
	var r *people.Refusal
	if !errors.As(err, &r) {
		return err
	}
	status := http.StatusBadRequest
	switch r.Code {
	case people.NotFound:
		status = http.StatusNotFound
	case people.Conflict:
		status = http.StatusConflict
	}
	message := r.Message
	if r.Field != "" {
		message = r.Field + ": " + message
	}
	if r.Line > 0 {
		message = fmt.Sprintf("line %d: %s", r.Line, message)
	}
	return problem.New(status, "people."+string(r.Code), "%s", message)
}

// done answers a write: 204, with the position of what was stored.
func (c *call) done(_ string, err error) error {
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
