// Package request has what every interface asks of a request before it does what it
// is for: credentials, parameters that are known, a body that comes to its end. All
// errors are *problem.Problem or become one by problem.From.
package request

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// Authenticate gives the principal of a request's HTTP Basic credentials: 401 without
// or with wrong ones, 403 if their scopes do not allow the method on path.
func Authenticate(ctx context.Context, r *http.Request, method, path string, registry *auth.Registry, now time.Time,
	allow func(auth.Scopes) bool) (*auth.Principal, error) {
	key, secret, ok := r.BasicAuth()
	if !ok {
		return nil, problem.New(http.StatusUnauthorized, "auth.missing", "HTTP Basic credentials are missing.")
	}
	principal, err := registry.Authenticate(ctx, key, secret, now)
	if err != nil {
		return nil, err
	}
	if !allow(principal.Scopes) {
		return nil, problem.New(http.StatusForbidden, "auth.scope", "The credential's scopes (%s) do not cover %s %s.", principal.Scopes, method, path)
	}
	return principal, nil
}

// Only refuses parameters that a resource does not know; names are case-sensitive (xAPI
// Communication 2.1.3).
func Only(params url.Values, names ...string) error {
	for name := range params {
		if slices.Contains(names, name) {
			continue
		}
		known := "there are none"
		if len(names) > 0 {
			known = "there are " + strings.Join(names, ", ")
		}
		return problem.BadRequest("parameter.unknown", "The parameter %q is not known here; %s.", name, known)
	}
	return nil
}

// BodyError tells the client's faults in sending a body from ours.
func BodyError(err error) error {
	var p *problem.Problem
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) || errors.As(err, &p) {
		return err
	}
	return &problem.Problem{Status: http.StatusBadRequest, Code: "request.body", Message: "The body could not be read to its end.", Cause: err}
}

// Null tells whether a body is the JSON null, which decoding takes for whatever is wanted with nothing in it: a write of
// that would wipe what there is.
func Null(body []byte) bool { return string(bytes.TrimSpace(body)) == "null" }
