package scimhttp

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	scimerrors "github.com/elimity-com/scim/errors"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/people"
)

// codePrefix begins the codes of refusals that have a scimType (RFC 7644, 3.12).
const codePrefix = "scim."

// statuses are those of the scimTypes that are not 400.
var statuses = map[string]int{"uniqueness": http.StatusConflict}

// refuse is a refusal with a scimType.
func refuse(scimType, format string, args ...any) error {
	status, ok := statuses[scimType]
	if !ok {
		status = http.StatusBadRequest
	}
	return problem.New(status, codePrefix+scimType, format, args...)
}

func notFound(id string) error {
	return problem.New(http.StatusNotFound, "not_found", "There is no resource %q here.", id)
}

// refused gives a refusal of package people its status and scimType.
func refused(err error) error {
	var r *people.Refusal
	if !errors.As(err, &r) {
		return err
	}
	switch {
	case r.Code == people.NotFound:
		return problem.New(http.StatusNotFound, "not_found", "%s.", r.Text())
	case r.Code == people.Conflict && (r.Owner != "" || r.Field == "userName"):
		return refuse("uniqueness", "%s.", r.Text())
	case r.Code == people.Conflict:
		return problem.New(http.StatusConflict, "people.conflict", "%s.", r.Text())
	}
	return refuse("invalidValue", "%s.", r.Text())
}

// writeError answers with an error in SCIM's form.
func writeError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := problem.Begin(w, r, log, refused(err))
	scimType, typed := strings.CutPrefix(p.Code, codePrefix)
	if !typed {
		scimType = ""
	}
	writeJSON(w, p.Status, scimerrors.ScimError{ScimType: scimerrors.ScimType(scimType), Detail: p.Message, Status: p.Status})
}

// writeJSON answers with a value. encoding/json, because the library's values know
// only that.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/scim+json")
	b, err := json.Marshal(v)
	if err != nil { // nothing here has what could not be encoded
		status, b = http.StatusInternalServerError, []byte(`{}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // an error: the client has gone
}
