package adminhttp

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/api/problem"
)

// Projections is what an operator has a node do with its projections.
type Projections interface {
	// ProjectionStatus tells how each projection stands, with the first events that it
	// has set aside.
	ProjectionStatus(ctx context.Context) ([]ProjectionStatus, error)
	// Replay builds projections (all if none is named) anew beside the live ones, and
	// puts them in their place.
	Replay(ctx context.Context, names []string) ([]Replayed, error)
	// Build fills the database of a DSN, which must have none of the tables, with the
	// log until a position or a time, both as the API writes them.
	Build(ctx context.Context, until, into string) (Built, error)
}

// ProjectionStatus is how a projection stands.
type ProjectionStatus struct {
	Name       string     `json:"name"`
	Position   string     `json:"position"` // of the last commit it has taken; "" before the first
	Through    string     `json:"through"`  // time of the last event it has taken
	LagEvents  int64      `json:"lagEvents"`
	LagSeconds float64    `json:"lagSeconds"`
	Building   string     `json:"building,omitzero"` // how far a rebuild under way is
	Error      string     `json:"error,omitzero"`    // why it stands still
	SetAside   int64      `json:"setAside"`
	Events     []SetAside `json:"events,omitzero"` // the first that are set aside
}

// SetAside is an event that a projection could not digest.
type SetAside struct {
	Position string `json:"position"`
	Type     string `json:"type"`
	Reason   string `json:"reason"`
}

// Replayed is a projection that was built anew.
type Replayed struct {
	Name    string  `json:"name"`
	Events  int64   `json:"events"`
	Seconds float64 `json:"seconds"`
}

// Built is what a database of the past has in it.
type Built struct {
	Position string  `json:"position"` // of the last event
	Through  string  `json:"through"`  // its time
	Events   int64   `json:"events"`
	Seconds  float64 `json:"seconds"`
}

// ProjectionStatus implements Projections in the running server.
func (c *Client) ProjectionStatus(ctx context.Context) (out []ProjectionStatus, err error) {
	return out, c.do(ctx, http.MethodGet, "/projections", nil, &out)
}

// Replay implements Projections in the running server.
func (c *Client) Replay(ctx context.Context, names []string) (out []Replayed, err error) {
	return out, c.do(ctx, http.MethodPost, "/projections/replay?"+url.Values{"projection": names}.Encode(), nil, &out)
}

// Build implements Projections in the running server.
func (c *Client) Build(ctx context.Context, until, into string) (out Built, err error) {
	return out, c.do(ctx, http.MethodPost, "/projections/build?"+url.Values{"until": {until}, "into": {into}}.Encode(), nil, &out)
}

// Import sends a file to a resource of the HR API, as its operator, and returns the
// answer. A refusal is a *problem.Problem.
func (c *Client) Import(ctx context.Context, path, contentType string, body []byte) (out jsontext.Value, err error) {
	return out, c.send(ctx, http.MethodPost, path, contentType, bytes.NewReader(body), &out)
}

// projections adds the routes.
func projections(p Projections, handle func(method, path string, f func(*http.Request) (any, error))) {
	handle(http.MethodGet, "/projections", func(r *http.Request) (any, error) { return p.ProjectionStatus(r.Context()) })
	handle(http.MethodPost, "/projections/replay", func(r *http.Request) (any, error) {
		return p.Replay(r.Context(), r.URL.Query()["projection"])
	})
	handle(http.MethodPost, "/projections/build", func(r *http.Request) (any, error) {
		q := r.URL.Query()
		if strings.TrimSpace(q.Get("until")) == "" || q.Get("into") == "" {
			return nil, problem.BadRequest("parameter.missing", "The parameters until and into are needed.")
		}
		return p.Build(r.Context(), q.Get("until"), q.Get("into"))
	})
}
