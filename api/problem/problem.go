// Package problem is how Bedside refuses: the body of every error answer, and
// the one table from errors to HTTP statuses.
package problem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/schemas"
)

// Problem is an error as the client sees it. Code is stable; Message is a
// sentence and may change.
type Problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`

	// Of a refused statement: its index in the batch, where in it, and which
	// rule it breaks; and what its JSON Schema says, most specific first.
	Statement  *int                `json:"statement,omitzero"`
	Pointer    *string             `json:"pointer,omitzero"` // RFC 6901
	Rule       string              `json:"rule,omitzero"`
	Violations []schemas.Violation `json:"violations,omitempty"`

	RequestID string `json:"requestId"` // also in the server's log

	RetryAfter int   `json:"-"` // seconds, for the header; 0 for none
	Cause      error `json:"-"` // for the log
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", p.Code, p.Message, p.Cause)
	}
	return p.Code + ": " + p.Message
}

func (p *Problem) Unwrap() error { return p.Cause }

// New is a refusal in the handler's own words.
func New(status int, code, format string, args ...any) *Problem {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = shortened(text, maxQuoted)
		}
	}
	return &Problem{Status: status, Code: code, Message: shortened(fmt.Sprintf(format, args...), maxMessage)}
}

// What a client sent is quoted up to maxQuoted bytes, and a message has at most
// maxMessage: else a small request could be answered, and logged, with megabytes.
const (
	maxQuoted  = 4 << 10
	maxMessage = 16 << 10
)

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:most], ""), len(text))
}

// BadRequest is New with status 400.
func BadRequest(code, format string, args ...any) *Problem {
	return New(http.StatusBadRequest, code, format, args...)
}

// row is one line of the table from errors to statuses.
type row struct {
	err     error
	status  int
	code    string
	retry   int    // seconds; 0: do not retry
	message string // "" for the error's own text
}

// table is read from the top; an error matches through wrapping.
var table = []row{
	{auth.ErrUnauthorized, http.StatusUnauthorized, "auth.unauthorized", 0, "The key or the secret is wrong, or the credential has expired."},
	// In front of what wraps them; no try will mend it, and 500 is logged as an error.
	{blob.ErrDamaged, http.StatusInternalServerError, "blob.damaged", 0, "The stored data of a document or an attachment is damaged; nothing was changed. The store's log names the file that must be restored from a backup."},
	{blob.ErrNotFound, http.StatusInternalServerError, "blob.missing", 0, "The stored data of a document or an attachment is missing; nothing was changed. The store's log names the blob that must be restored from a backup."},
	{auth.ErrBusy, http.StatusServiceUnavailable, "auth.busy", 1, "Too many secrets are being checked; try again."},
	{lrs.ErrBusy, http.StatusServiceUnavailable, "store.busy", 1, "Too many changes are waiting; nothing was stored; try again."},
	{lrs.ErrReferring, http.StatusServiceUnavailable, "store.referring", 5, "Too many statements of this credential are not found yet by what they refer to; nothing was stored; try again."},
	{lrs.ErrBehind, http.StatusServiceUnavailable, "store.behind", 5, "Some statements that are older than the list's since are not found yet by what they refer to; ask again."},
	{lrs.ErrNoSpace, http.StatusServiceUnavailable, "store.space", 30, "The store's disk is nearly full; nothing was stored; try again later."},
	{lrs.ErrClock, http.StatusServiceUnavailable, "store.clock", 30, "The store's clock is wrong; nothing was stored; try again later."},
	{lrs.ErrUnknownOutcome, http.StatusServiceUnavailable, "store.unknown", 5, "It is not known yet whether the change is stored. Send it again: a statement with an id, and a document, is then stored once."},
	{lrs.ErrClosed, http.StatusServiceUnavailable, "store.closed", 5, "The store is shutting down; nothing was stored; try again."},
	{lrs.ErrTooLarge, http.StatusRequestEntityTooLarge, "request.commit", 0, "The request is larger than one commit can hold; send fewer statements at once."},
	{lrs.ErrDocumentTooLarge, http.StatusRequestEntityTooLarge, "document.size", 0, "The merged document would be larger than the limit; nothing was changed."},
	{lrs.ErrNotMergeable, http.StatusBadRequest, "document.merge", 0, "Only two JSON objects can be merged, both as application/json; nothing was changed."},
	{lrs.ErrUnavailable, http.StatusServiceUnavailable, "store.unavailable", 5, "The store cannot do this now; nothing was stored; try again."},
	{blob.ErrUnavailable, http.StatusServiceUnavailable, "store.unavailable", 5, "The store's attachments and large documents cannot be reached now; try again."},
	{index.ErrClosed, http.StatusServiceUnavailable, "store.closed", 5, "The store is shutting down; try again."},
	{index.ErrDamaged, http.StatusServiceUnavailable, "store.unavailable", 30, "The store's index is damaged and must be rebuilt; nothing that is stored is lost."},
	{index.ErrUnreadable, http.StatusServiceUnavailable, "store.unavailable", 5, "The store's index cannot be read now; nothing that is stored is lost; try again."},
	{lrs.ErrExists, http.StatusConflict, "credential.exists", 0, ""},
	{lrs.ErrNotFound, http.StatusNotFound, "not_found", 0, ""},
	{auth.ErrCredential, http.StatusBadRequest, "credential.invalid", 0, ""},
	{auth.ErrUnknownScope, http.StatusBadRequest, "credential.scope", 0, ""},
	{auth.ErrSecret, http.StatusBadRequest, "credential.secret", 0, ""},
	{blob.ErrHashMismatch, http.StatusBadRequest, "attachment.hash", 0, "The data of an attachment does not have the hash that its part names."},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "request.timeout", 5, "The request took too long; it is not known whether a change is stored."},
	{context.Canceled, 499, "request.cancelled", 0, "The client went away."},
}

// From turns any error into what the client is told. Unknown errors are 500 and
// tell nothing of their inside.
func From(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var bad *xapi.Error
	if errors.As(err, &bad) {
		return fromXAPI(bad)
	}
	var conflict *lrs.ConflictError
	if errors.As(err, &conflict) {
		p := New(http.StatusConflict, "statement.conflict",
			"A statement with the id %s is stored and has other content; nothing of this request was stored.", conflict.ID)
		p.Statement = &conflict.Statement
		return p
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return New(http.StatusRequestEntityTooLarge, "request.size", "The request is larger than the limit of %d bytes.", tooLarge.Limit)
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			p := &Problem{Status: r.status, Code: r.code, Message: r.message, RetryAfter: r.retry, Cause: err}
			if p.Message == "" {
				p.Message = err.Error()
			}
			return p
		}
	}
	if readmodel.Away(err) {
		return &Problem{Status: http.StatusServiceUnavailable, Code: "projection.database", RetryAfter: 5, Cause: err,
			Message: "The database behind these answers cannot be reached now; try again. What is stored is not touched by that."}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: "internal", Message: "Something is wrong in the store; its log says what.", Cause: err}
}

// Late is the error of a request whose deadline ctx has. A request that only reads and runs into it is not told of changes
// that may be stored, as others are, but that its answer is for later.
func Late(ctx context.Context, r *http.Request, err error) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return err
	}
	code := From(err).Code
	late := errors.Is(ctx.Err(), context.DeadlineExceeded) // what was under way may have failed of it in any way
	if code != "request.timeout" && (code != "internal" || !late) {
		return err
	}
	return &Problem{Status: http.StatusServiceUnavailable, Code: "projection.database", RetryAfter: 5, Cause: err,
		Message: "The answer took too long: the database behind it does not answer in time; try again, or ask for less."}
}

func fromXAPI(bad *xapi.Error) *Problem {
	p := BadRequest("statement.invalid", "%s", bad.Message)
	p.Rule, p.Pointer = bad.Rule, &bad.Pointer
	if bad.Statement >= 0 {
		p.Statement = &bad.Statement
	}
	return p
}
