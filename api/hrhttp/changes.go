package hrhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/notice"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// readsChanges are the scopes of which one is needed to be told of changes of a
// projection.
var readsChanges = map[string]func(auth.Scopes) bool{
	people.Name:     auth.Scopes.ReadPeople,
	catalog.Name:    auth.Scopes.ReadDefinitions,
	competency.Name: auth.Scopes.ReadCompetencies,

	feedback.Name:      auth.Scopes.ReadKPIs,
	effectiveness.Name: auth.Scopes.ReadKPIs,
	evaluation.Name:    auth.Scopes.ReadEvaluations,
}

// readChanges tells whether there is a projection of whose changes a credential may be
// told.
func readChanges(s auth.Scopes) bool {
	return slices.ContainsFunc(ofAll, func(p string) bool { return readsChanges[p](s) })
}

const (
	// heartbeat is how often a stream shows that it lives, and that its credential does.
	heartbeat = 15 * time.Second
	// eventTimeout is how long a client may take to receive a part of a stream.
	eventTimeout = 30 * time.Second
	// reconnect is when a browser tries again.
	reconnect = 5 * time.Second
)

// getChanges sends change notices as they come, as server-sent events: those about a
// projection and a key, or all. It never ends by itself.
func (c *call) getChanges() error {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	return c.stream(ticker.C)
}

// stream sends until the client leaves, its credential is no longer good or the server
// stops. What goes wrong on the way ends it: the client comes again, and is told.
func (c *call) stream(beat <-chan time.Time) error {
	c.ctx = c.r.Context() // it has no end set
	want, err := c.wanted()
	if err != nil {
		return err
	}
	notices, cancel, err := c.subscribe(want)
	if err != nil {
		return err
	}
	defer cancel()
	events, err := newEvents(c.w)
	if err != nil {
		return err
	}
	if c.r.Method == http.MethodHead {
		return nil
	}
	if err := c.follow(events, notices, beat); err != nil && c.ctx.Err() == nil {
		c.Log.Debug("a stream of changes ends", "reason", err)
	}
	return nil // the answer has begun: there is no other way to say it
}

// follow is the stream after its head.
func (c *call) follow(events *events, notices <-chan notice.Notice, beat <-chan time.Time) error {
	s := &sight{call: c}
	for _, n := range c.missed() {
		if err := s.tell(events, n); err != nil {
			return err
		}
	}
	for {
		select {
		case n, open := <-notices:
			if !open {
				return notice.ErrClosed
			}
			if err := s.renew(); err != nil {
				return err
			}
			if err := s.tell(events, n); err != nil {
				return err
			}
		case <-beat:
			if err := s.renew(); err != nil {
				return err
			}
			if err := events.comment("beat"); err != nil {
				return err
			}
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// wanted is the filter that the parameters make.
func (c *call) wanted() (func(notice.Notice) bool, error) {
	if err := c.only("projection", "key"); err != nil {
		return nil, err
	}
	projection, key := c.params.Get("projection"), c.params.Get("key")
	if c.params.Has("projection") {
		if !slices.Contains(ofAll, projection) {
			return nil, problem.BadRequest("parameter.projection", "The parameter projection is %q; it is one of %s.",
				projection, strings.Join(ofAll, ", "))
		}
		if !c.reads(projection, key) {
			return nil, problem.New(http.StatusForbidden, "auth.scope", "The credential's scopes (%s) do not cover changes of %s.",
				c.principal.Scopes, projection)
		}
	}
	if key == "" && c.params.Has("key") {
		return nil, problem.BadRequest("parameter.key", "The parameter key is empty; it is that of a person, a unit (unit:ID) or a definition (KIND:ID).")
	}
	return func(n notice.Notice) bool {
		return (projection == "" || n.Projection == projection) && (key == "" || n.Key == key || n.Key == notice.All)
	}, nil
}

// reads tells whether the credential may read what a projection has under a key.
func (c *call) reads(projection, key string) bool {
	if c.principal == nil {
		return true
	}
	// That an answer has come tells of it: whoever may not see it is not told.
	ofAnswers := (projection == feedback.Name || projection == effectiveness.Name) && strings.HasPrefix(key, feedback.AnswersKey) ||
		key == competency.UnmappedAnswersKey
	if ofAnswers && !c.principal.Scopes.ReadAnswers() {
		return false
	}
	if key == competency.UnmappedKey || key == competency.UnmappedAnswersKey { // it is for those who find out whose they are
		projection = people.Name
	}
	covers, known := readsChanges[projection]
	return known && covers(c.principal.Scopes)
}

func (c *call) subscribe(want func(notice.Notice) bool) (<-chan notice.Notice, func(), error) {
	if c.Notices == nil {
		return nil, nil, notFound()
	}
	notices, cancel, err := c.Notices.Subscribe(want)
	switch {
	case errors.Is(err, notice.ErrTooMany):
		err = &problem.Problem{Status: http.StatusServiceUnavailable, Code: "changes.busy", RetryAfter: 30, Cause: err,
			Message: "Too many clients follow the changes; try again, or subscribe by NATS."}
	case errors.Is(err, notice.ErrClosed):
		err = &problem.Problem{Status: http.StatusServiceUnavailable, Code: "store.closed", RetryAfter: 5, Cause: err,
			Message: "The store is shutting down; try again."}
	}
	return notices, cancel, err
}

// missed is what to tell a client that comes again: a browser then sends the id of the
// last event that it has had. What came after is not known any more, so all is looked
// at again.
func (c *call) missed() (all []notice.Notice) {
	last := c.r.Header.Get("Last-Event-ID")
	if last == "" {
		return nil
	}
	revision, err := request.Position("header Last-Event-ID", "request.position", last)
	if err != nil {
		return nil
	}
	for _, projection := range ofAll {
		if asked := c.params.Get("projection"); asked == "" || asked == projection {
			all = append(all, notice.Notice{Projection: projection, Key: notice.All, Position: notice.Position{Revision: revision}})
		}
	}
	return all
}

// sight is what of the notices a credential may see: those of projections that its
// scopes cover and, if it is bound, about people and units within its reach at this
// time. One that is about all keys is then one about each of these.
type sight struct {
	*call
	state   *people.State // nil: to be looked at
	sees    reach
	through uint64    // revision that state has come to
	taken   time.Time // when the reach was
}

// fresh is how old the reach may be: assignments begin and end by themselves, too.
const fresh = time.Second

// renew asks for the credentials again if they are not what they were.
func (s *sight) renew() error {
	if s.principal == nil || s.Store.Auth().Current(s.principal, s.Now()) {
		return nil
	}
	s.state = nil // the credential may be bound otherwise now
	return s.authenticate(&s.routes[0])
}

func (s *sight) tell(events *events, n notice.Notice) error {
	if !s.reads(n.Projection, n.Key) {
		return nil
	}
	keys, err := s.keys(n)
	if err != nil {
		return err
	}
	for _, key := range keys {
		n.Key = key
		if err := events.change(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *sight) keys(n notice.Notice) ([]string, error) {
	if !s.bound() || n.Projection == catalog.Name { // definitions are for all
		return []string{n.Key}, nil
	}
	if n.Projection == feedback.Name || n.Projection == effectiveness.Name {
		return nil, nil // a notice of these does not say which units it is about
	}
	if err := s.look(n.Position.Revision); err != nil {
		return nil, err
	}
	if n.Key == notice.All {
		return slices.DeleteFunc(s.all(n.Projection), func(key string) bool { return !s.asked(key) }), nil
	}
	if !s.within(n.Projection, n.Key) {
		return nil, nil
	}
	return []string{n.Key}, nil
}

func (s *sight) bound() bool {
	if s.principal == nil {
		return false
	}
	units, person := s.principal.Bound()
	return len(units) > 0 || person != ""
}

func (s *sight) within(projection, key string) bool {
	unit, isUnit := strings.CutPrefix(key, people.UnitKey)
	return s.sees.person(s.state, key) || projection == people.Name && isUnit && s.sees.unit(s.state, unit)
}

// all gives every key of a projection that is within reach.
func (s *sight) all(projection string) (keys []string) {
	keys = slices.Collect(maps.Keys(s.sees.people))
	if projection == people.Name {
		for unit := range s.sees.units {
			keys = append(keys, people.UnitKey+unit)
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return !s.within(projection, key) })
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (s *sight) asked(key string) bool { return !s.params.Has("key") || s.params.Get("key") == key }

// look renews the reach, unless it is fresh and has what happened up to a revision.
func (s *sight) look(revision uint64) error {
	now := s.Now()
	if s.state != nil && s.through >= revision && now.Sub(s.taken).Abs() < fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.Wait)
	defer cancel()
	return s.Model.View(ctx, func(tx *readmodel.Tx) error {
		live, _, err := tx.Live(ctx, people.Name)
		if err != nil {
			return err
		}
		state, err := s.readers.people.State(ctx, tx, math.MaxInt64)
		if err != nil {
			return err
		}
		s.state, s.sees, s.through, s.taken = state, s.reach(state, now), live.Revision, now
		return nil
	})
}

// events writes server-sent events (WHATWG HTML, 9.2). Each arrives at once.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// newEvents answers with the head of a stream.
func newEvents(w http.ResponseWriter) (*events, error) {
	e := &events{w: w, control: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy's
	return e, e.write(fmt.Appendf(nil, ": changes\nretry: %d\n\n", reconnect.Milliseconds()))
}

func (e *events) change(n notice.Notice) error {
	data, err := n.Data()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: change\nid: %s\ndata: %s\n\n", n.Position, data)
	return e.write(b.Bytes())
}

func (e *events) comment(text string) error { return e.write([]byte(": " + text + "\n\n")) }

func (e *events) write(b []byte) error {
	// Instead of the server's bound on an answer, which has an end.
	if err := e.control.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return err
	}
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.control.Flush()
}
