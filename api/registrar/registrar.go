// Package registrar stores writes about people, units and definitions: each is decided against the newest state, and
// decided again when another came in between.
package registrar

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Registrar stores writes. Its methods may be called concurrently.
type Registrar struct {
	Store   *lrs.Store
	Runtime *projections.Runtime
	Model   *readmodel.Store
	People  *people.Reader
	Catalog *catalog.Reader
	Wait    time.Duration // bounds how long the projections are waited for, and the store; then 503
}

// Present is the newest state, which a write is decided against.
type Present struct {
	People      *people.State
	Definitions *catalog.Definitions
	Through     int64 // all registrations up to this time are in it, µs
	revision    uint64
}

// Position is where in the log this stands, as the header X-Bedside-Position has it.
func (p Present) Position() string {
	return place(lrs.Position{Revision: eventlog.Revision(p.revision)})
}

// registrations of other nodes that come in between are met by deciding again, so often.
const tries = 20

// Register stores the events that decide comes to in the newest state, all or none, and gives the position of the
// first; it is empty when there are none. decide may be called several times and must not keep what it was given. Its
// errors are returned as they are; all others are a *problem.Problem, or become one by problem.From.
func (r *Registrar) Register(ctx context.Context, decide func(Present) ([]event.Event, error)) (position string, err error) {
	wait, cancel := context.WithTimeoutCause(ctx, r.Wait, errBehind)
	defer cancel()
	done, err := r.Store.Turn(wait)
	if errors.Is(err, errBehind) {
		return "", busy()
	}
	if err != nil {
		return "", err
	}
	defer done()
	for range tries {
		p, err := r.present(ctx, wait)
		if err != nil {
			return "", err
		}
		events, err := decide(p)
		if err != nil || len(events) == 0 {
			return "", err
		}
		at, _, err := r.Store.Register(wait, events, p.Through)
		if errors.Is(err, lrs.ErrStale) {
			continue
		}
		if err != nil {
			return "", refusal(err, len(events))
		}
		return place(at), nil
	}
	return "", busy()
}

// atOnce is how many events RegisterAll stores together: a commit takes a thousand.
const atOnce = 500

// All is more events than any write makes.
const All = math.MaxInt

// Decide decides a write of many events, or what is left of one, against the newest state. It gives the first most events,
// which are all where most is All; and what decides the rest when the first stored of them are stored, nil if there is
// none. It does no more work than those events need, keeps nothing of what it was given, and may be called several times.
type Decide func(p Present, most int) (events []event.Event, rest func(stored int) Decide, err error)

// RegisterAll is Register for more events than one commit takes: they are stored in parts. All are decided before the
// first is stored, so that a refusal then leaves nothing behind. When another write comes in between, what has its turn
// next is decided again, and no more: an end is reached however many others write. If that is refused, the parts before
// stay. stored are the events of all parts, also with an error; the position is that of the last part. The projections are
// waited for as long as they get on: they may have all of another file to take first. Other registrations have their turn
// between the parts.
func (r *Registrar) RegisterAll(ctx context.Context, decide Decide) (position string, stored []event.Event, err error) {
	p := plan{decide: decide, most: All}
	for idle := 0; idle < tries; idle++ {
		at, part, err := r.step(ctx, &p)
		if errors.Is(err, lrs.ErrStale) {
			p.outdated(len(stored) > 0)
			continue
		}
		if err != nil {
			return position, stored, err
		}
		if len(part) > 0 {
			position, stored, idle = place(at), append(stored, part...), -1
		}
		if len(p.events) == 0 && p.decide == nil {
			return position, stored, nil
		}
	}
	return position, stored, busy()
}

// Plan gives the events that RegisterAll would store now, and stores nothing.
func (r *Registrar) Plan(ctx context.Context, decide Decide) ([]event.Event, error) {
	if err := r.caughtUp(ctx); err != nil {
		return nil, err
	}
	p, err := r.Present(ctx)
	if err != nil {
		return nil, err
	}
	events, _, err := decide(p, All)
	return events, err
}

// plan is what RegisterAll has still to store.
type plan struct {
	decide Decide                  // decides all that is not stored, but for what is stored of events; nil at the end
	most   int                     // events that are decided at once
	events []event.Event           // decided, and not stored
	gone   int                     // events that were before these, and are stored
	rest   func(stored int) Decide // of events, those before included
	since  int64                   // as Store.Register has it
}

// fill decides the next events.
func (p *plan) fill(now Present) (err error) {
	p.events, p.rest, err = p.decide(now, p.most)
	p.gone, p.since = 0, now.Through
	if err == nil && len(p.events) == 0 {
		p.decide = nil
	}
	return err
}

// stored takes the first n events off. Who could store all in peace decides more the next time: without others about there
// are few waits for the projections.
func (p *plan) stored(n int, last int64) {
	p.events, p.gone, p.since = p.events[n:], p.gone+n, last
	if len(p.events) == 0 {
		p.decide, p.most = p.rest(p.gone), max(p.most, 2*p.most)
	}
}

// outdated gives up what is decided and not stored. Once a part is stored only the next is decided anew, or what others do
// would make the work grow with the square of the file; before that all is, for the file to be refused as a whole.
func (p *plan) outdated(begun bool) {
	if len(p.events) > 0 && p.gone > 0 {
		p.decide = p.rest(p.gone)
	}
	p.events = nil
	if begun {
		p.most = atOnce
	}
}

// step stores the next part in one turn. When nothing is decided, that is done in the same turn: it is out of date only if
// another node is faster. The projections are waited for before, in nobody's turn, as it may take long; what others
// register until the turn is theirs to take in it.
func (r *Registrar) step(ctx context.Context, p *plan) (at lrs.Position, part []event.Event, err error) {
	if len(p.events) == 0 {
		if err := r.caughtUp(ctx); err != nil {
			return at, nil, err
		}
	}
	done, err := r.Store.Turn(ctx)
	if err != nil {
		return at, nil, err
	}
	defer done()
	if len(p.events) == 0 {
		now, err := r.Present(ctx)
		if err != nil {
			return at, nil, err
		}
		if err := p.fill(now); err != nil || len(p.events) == 0 {
			return at, nil, err
		}
	}
	return r.part(ctx, p)
}

// part stores the first events of a plan, and takes them off it.
func (r *Registrar) part(ctx context.Context, p *plan) (at lrs.Position, part []event.Event, err error) {
	wait, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	part = p.events[:min(len(p.events), atOnce)]
	at, last, err := r.Store.Register(wait, part, p.since)
	if err != nil {
		return at, nil, refusal(err, len(part))
	}
	p.stored(len(part), last)
	return at, part, nil
}

func place(at lrs.Position) string { return fmt.Sprintf("%d.%d", at.Revision, at.Index) }

// refusal gives what the store has against events its status.
func refusal(err error, events int) error {
	if errors.Is(err, event.ErrInvalid) { // a text is longer than an event can have it
		return problem.BadRequest("registration.invalid", "%v.", err)
	}
	if errors.Is(err, lrs.ErrTooLarge) {
		return problem.New(http.StatusRequestEntityTooLarge, "registration.size",
			"This makes %d events, more than one commit can hold; nothing was stored; send it in several parts.", events)
	}
	return err
}

func busy() error {
	return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "registration.busy", RetryAfter: 1,
		Message: "Other registrations came first again and again; this was not stored; try again."}
}

// Present gives the state with all that the log has now; it waits until the projections are that far.
func (r *Registrar) Present(ctx context.Context) (Present, error) {
	wait, cancel := context.WithTimeoutCause(ctx, r.Wait, errBehind)
	defer cancel()
	return r.present(ctx, wait)
}

// Await waits until Present has what is at a revision, which another node may have told.
func (r *Registrar) Await(ctx context.Context, revision uint64) error {
	wait, cancel := context.WithTimeoutCause(ctx, r.Wait, errBehind)
	defer cancel()
	return behind(r.Store.Await(wait, eventlog.Revision(revision)))
}

// caughtUp waits until the projections have all that the log has now, as long as they get on.
func (r *Registrar) caughtUp(ctx context.Context) error {
	head := uint64(r.Store.Head().Revision)
	for last := int64(-1); ; {
		wait, cancel := context.WithTimeoutCause(ctx, r.Wait, errBehind)
		err := r.Runtime.Wait(wait, head, people.Name, catalog.Name)
		cancel()
		if err == nil || !errors.Is(err, errBehind) {
			return behind(err)
		}
		at, found := r.reached(ctx)
		if !found || at <= last {
			return behind(err)
		}
		last = at
	}
}

// reached is how many events people and definitions have taken; false if the database does not say.
func (r *Registrar) reached(ctx context.Context) (events int64, ok bool) {
	wait, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	all, err := r.Runtime.Status(wait)
	for _, s := range all {
		if s.Name == people.Name || s.Name == catalog.Name {
			events += s.Live.Events
		}
	}
	return events, err == nil
}

func (r *Registrar) present(ctx, wait context.Context) (p Present, err error) {
	if err := r.Store.Latest(wait); err != nil { // what any node has acknowledged
		return p, behind(err)
	}
	p.revision = uint64(r.Store.Head().Revision)
	if err := r.Runtime.Wait(wait, p.revision, people.Name, catalog.Name); err != nil {
		return p, behind(err)
	}
	err = r.Model.View(ctx, func(tx *readmodel.Tx) error {
		const newest = 1<<63 - 1
		p.Through = newest
		for _, name := range []string{people.Name, catalog.Name} {
			live, _, err := tx.Live(ctx, name)
			if err != nil {
				return err
			}
			p.Through = min(p.Through, live.Through)
		}
		var err error
		if p.People, err = r.People.State(ctx, tx, p.Through); err != nil {
			return err
		}
		p.Definitions, err = r.Catalog.At(ctx, tx, p.Through)
		return err
	})
	return p, err
}

// errBehind is why a wait ends: the projections did not come as far in time.
var errBehind = errors.New("the projections are behind the log")

// behind is the answer to a client that would have to wait longer.
func behind(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, errBehind) && !errors.Is(err, projections.ErrClosed) {
		return err
	}
	return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "projection.behind", RetryAfter: 5, Cause: err,
		Message: "The projections have not come as far in the log yet; try again."}
}
