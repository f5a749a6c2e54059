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

// Handler serves the administration of a store.
func Handler(credentials Credentials, m Maintenance, log *slog.Logger) http.Handler {
	r := mux.NewRouter()
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
		return credentials.List(r.Context())
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
		return credentials.Add(r.Context(), n)
	})
	// The key is a parameter, not a part of the path: it may have any character.
	handle(http.MethodDelete, "/credentials", func(r *http.Request) (any, error) {
		key := r.URL.Query().Get("key")
		if key == "" {
			return nil, problem.BadRequest("parameter.missing", "The parameter key is missing.")
		}
		return struct{}{}, credentials.Revoke(r.Context(), key)
	})
	handle(http.MethodGet, "/log/verify", func(r *http.Request) (any, error) {
		return m.VerifyLog(r.Context())
	})
	handle(http.MethodPost, "/index/rebuild", func(r *http.Request) (any, error) {
		return m.RebuildIndex(r.Context())
	})
	return r
}
