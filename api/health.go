package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// healthz says that the process answers.
func healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"status": "ok"})
}

// readiness is the body of /readyz.
type readiness struct {
	Ready    bool     `json:"ready"`
	Reasons  []string `json:"reasons"` // why not
	Revision uint64   `json:"revision,omitzero"`
	Notes    []string `json:"notes,omitempty"` // what an operator should see to

	// Projections that are behind or stand still do not make the store unready: they
	// catch up, and their answers say how far they are.
	Projections []projection `json:"projections,omitempty"`
}

// projection is how a projection stands.
type projection struct {
	Name       string  `json:"name"`
	Revision   uint64  `json:"revision"`
	LagEvents  int64   `json:"lagEvents"`
	LagSeconds float64 `json:"lagSeconds"`
	Building   bool    `json:"building,omitzero"`
	SetAside   int64   `json:"setAside"`
	Events     []aside `json:"events,omitempty"` // the first that are set aside
	Error      string  `json:"error,omitzero"`
}

// aside is an event that a projection could not digest.
type aside struct {
	Position string `json:"position"`
	Type     string `json:"type"`
	Reason   string `json:"reason"`
}

// asides are shown of each projection; `lrs projection status` shows more.
const asides = 10

// standing tells how each projection stands.
func standing(ctx context.Context, store *lrs.Store, runtime *projections.Runtime) []projection {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // half of it for the log
	defer cancel()
	all, err := runtime.Status(ctx)
	at := store.Position()
	out := make([]projection, len(all))
	for i, s := range all {
		lag := s.Lag(projections.Head{Events: int64(at.Events), Now: time.Now().UnixMicro()})
		out[i] = projection{
			Name: s.Name, Revision: s.Live.Revision, LagEvents: lag.Events, LagSeconds: lag.Time.Seconds(),
			Building: s.Building != nil, SetAside: s.SetAside,
		}
		if s.SetAside > 0 {
			events, failed := runtime.SetAside(ctx, s.Name, asides)
			err = cmp.Or(err, failed)
			for _, e := range events {
				out[i].Events = append(out[i].Events, aside{fmt.Sprintf("%d.%d", e.Revision, e.Event), e.Type, e.Reason})
			}
		}
		switch err := cmp.Or(s.Err, err); {
		case readmodel.Away(err): // its own text names the server and the user
			out[i].Error = "the database cannot be reached"
		case err != nil:
			out[i].Error = err.Error()
		}
	}
	return out
}

// readyz says whether the log is writable and the index is caught up, and why
// not: 200 or 503.
func readyz(store *lrs.Store, runtime *projections.Runtime) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readiness{Reasons: []string{}}
		if store == nil {
			body.Reasons = append(body.Reasons, "the store is starting or stopping")
		} else {
			body.Revision, body.Notes = uint64(store.Head().Revision), store.Notes()
			for _, err := range store.Ready() {
				body.Reasons = append(body.Reasons, err.Error())
			}
		}
		if runtime != nil {
			body.Projections = standing(r.Context(), store, runtime)
		}
		body.Ready = len(body.Reasons) == 0
		status := http.StatusOK
		if !body.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, body)
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil { // only for values that this package does not write
		status, b = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
