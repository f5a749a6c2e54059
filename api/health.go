package api

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs"
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
}

// readyz says whether the log is writable and the index is caught up, and why
// not: 200 or 503.
func readyz(store *lrs.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := readiness{Reasons: []string{}}
		if store == nil {
			body.Reasons = append(body.Reasons, "the store is starting or stopping")
		} else {
			body.Revision = uint64(store.Head().Revision)
			for _, err := range store.Ready() {
				body.Reasons = append(body.Reasons, err.Error())
			}
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
