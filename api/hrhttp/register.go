package hrhttp

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/people"
)

// present is the newest state, which a registration is decided against.
type present struct {
	people      *people.State
	definitions *catalog.Definitions
	through     int64 // all registrations up to this time are in it, µs
}

// register stores the events that decide comes to in the newest state, all or none;
// the position is empty when there are none.
func (c *call) register(decide func(present) ([]event.Event, error)) (position string, err error) {
	position, err = c.registrar().Register(c.ctx, func(p registrar.Present) ([]event.Event, error) {
		return decide(present{p.People, p.Definitions, p.Through})
	})
	if position != "" {
		c.w.Header().Set(request.HeaderPosition, position)
	}
	return position, refused(err)
}

func (c *call) registrar() *registrar.Registrar {
	return &registrar.Registrar{
		Store: c.Store, Runtime: c.Runtime, Model: c.Model, People: &c.readers.people, Catalog: &c.readers.catalog, Wait: c.Wait,
	}
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
	if r.File != "" {
		message = r.File + ": " + message
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
