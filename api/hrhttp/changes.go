package hrhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
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
}

// readChanges tells whether there is a projection of whose changes a credential may be
// told.
func readChanges(s auth.Scopes) bool {
	return slices.ContainsFunc(projected, func(p string) bool { return readsChanges[p](s) })
}

const (
	heartbeat    = 15 * time.Second // a comment keeps proxies from closing the stream, and shows us that the client is there
	changesWrite = 30 * time.Second // a client that takes longer to read is cut off
)

// getChanges streams change notices as server-sent events (WHATWG HTML, 9.2): event
// change, with the position as id and the notice as data. Notices may be lost; see
// package notice. A bound credential is told of people within its reach, as it is when
// the notice is sent.
func (c *call) getChanges() error {
	if err := c.only("projection", "key"); err != nil {
		return err
	}
	projection, key := c.params.Get("projection"), c.params.Get("key")
	if c.params.Has("projection") && !slices.Contains(projected, projection) {
		return problem.BadRequest("parameter.projection", "The parameter projection is %q; there are %s.", projection, strings.Join(projected, ", "))
	}
	if c.Notices == nil {
		return notFound()
	}
	notices, cancel, err := c.Notices.Subscribe(func(n notice.Notice) bool {
		return (projection == "" || n.Projection == projection) && (key == "" || n.Key == key || n.Key == notice.All) &&
			(c.principal == nil || readsChanges[n.Projection](c.principal.Scopes))
	})
	if errors.Is(err, notice.ErrTooMany) {
		return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "changes.busy", RetryAfter: 30,
			Message: "Too many clients follow the changes; try again, or subscribe by NATS."}
	}
	if err != nil {
		return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "store.closed", RetryAfter: 5, Cause: err,
			Message: "The store is shutting down; try again."}
	}
	defer cancel()
	return c.stream(notices)
}

// stream writes notices until they end, the client goes, or its credential ends.
func (c *call) stream(notices <-chan notice.Notice) error {
	rc := http.NewResponseController(c.w)
	_ = rc.SetReadDeadline(time.Time{}) // the stream has no end by itself; without a connection, as in a test, there is none to lift
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusOK)
	send := func(text string) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(changesWrite))
		_, err := io.WriteString(c.w, text)
		return err == nil && rc.Flush() == nil
	}
	if !send(": changes\n\n") || c.r.Method == http.MethodHead {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case n, ok := <-notices:
			if !ok {
				return nil
			}
			if !c.tells(n) {
				continue
			}
			data, err := n.Data()
			if err != nil {
				return nil // the answer has begun; what cannot be written is lost, as notices may be
			}
			if !send(fmt.Sprintf("event: change\nid: %s\ndata: %s\n\n", n.Position, data)) {
				return nil
			}
		case <-beat.C:
			if !c.inForce() || !send(":\n\n") {
				return nil
			}
		case <-c.r.Context().Done():
			return nil
		}
	}
}

// inForce tells whether the credential still is what it was.
func (c *call) inForce() bool {
	if c.principal == nil {
		return true
	}
	key, secret, _ := c.r.BasicAuth()
	p, err := c.Store.Auth().Authenticate(c.r.Context(), key, secret, c.Now())
	return errors.Is(err, auth.ErrBusy) || err == nil && p == c.principal
}

// tells tells whether a notice is within the credential's reach.
func (c *call) tells(n notice.Notice) bool {
	if c.principal == nil {
		return true
	}
	if units, person := c.principal.Bound(); len(units) == 0 && person == "" {
		return true
	}
	if n.Key == notice.All || n.Projection == catalog.Name {
		return true
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), changesWrite)
	defer cancel()
	within := false
	err := c.Model.View(ctx, func(tx *readmodel.Tx) error {
		state, err := c.readers.people.State(ctx, tx, math.MaxInt64)
		if err != nil {
			return err
		}
		r := c.reach(state, c.Now())
		unit, isUnit := strings.CutPrefix(n.Key, "unit:")
		within = isUnit && r.units[unit] || !isUnit && r.people[n.Key]
		return nil
	})
	return err == nil && within
}
