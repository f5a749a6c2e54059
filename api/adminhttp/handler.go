package adminhttp

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/problem"
)

// maxBody bounds a request: a credential with its authority.
const maxBody = 1 << 20

// Services is what there is to administer.
type Services struct {
	Credentials
	Maintenance
	Projections
	HR http.Handler // of /api/v1, for the operator
}

// Handler serves the administration of a store.
func Handler(s Services, log *slog.Logger) http.Handler {
	r := mux.NewRouter().SkipClean(true)
	handle := func(method, path string, f func(r *http.Request) (any, error)) {
		r.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			r = r.WithContext(problem.WithRequest(r.Context(), &problem.Request{ID: uuid.NewString()}))
			v, err := f(r)
			if err != nil {
				problem.Write(w, r, log, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if err := json.MarshalWrite(w, v); err != nil {
				log.Error("admin answer", "error", err)
			}
		}).Methods(method)
	}
	handle(http.MethodGet, "/credentials", func(r *http.Request) (any, error) {
		return s.List(r.Context())
	})
	handle(http.MethodPost, "/credentials", func(r *http.Request) (any, error) {
		var n NewCredential
		b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err == nil {
			err = json.Unmarshal(b, &n, json.RejectUnknownMembers(true))
		}
		if err != nil {
			return nil, problem.BadRequest("request.body", "The body is no credential: %v.", err)
		}
		return s.Add(r.Context(), n)
	})
	// The key is a parameter, not a part of the path: it may have any character.
	handle(http.MethodDelete, "/credentials", func(r *http.Request) (any, error) {
		key := r.URL.Query().Get("key")
		if key == "" {
			return nil, problem.BadRequest("parameter.missing", "The parameter key is missing.")
		}
		return struct{}{}, s.Revoke(r.Context(), key)
	})
	handle(http.MethodGet, "/log/verify", func(r *http.Request) (any, error) {
		return s.VerifyLog(r.Context())
	})
	r.HandleFunc("/backup", backup(s.Maintenance, log)).Methods(http.MethodGet)
	handle(http.MethodPost, "/index/rebuild", func(r *http.Request) (any, error) {
		return s.RebuildIndex(r.Context())
	})
	projections(s.Projections, handle)
	if s.HR != nil {
		r.PathPrefix("/api/v1/").Handler(s.HR)
	}
	return r
}
