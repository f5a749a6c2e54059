package people

import (
	"errors"
	"fmt"
)

// Code says what kind of refusal it is, and with it the HTTP status.
type Code string

// The codes.
const (
	// Invalid (400): a value is malformed, or names something that is not registered.
	Invalid Code = "invalid"
	// NotFound (404): what the write is about is not registered.
	NotFound Code = "not_found"
	// Conflict (409): the write contradicts what is registered, or an earlier line of the same file.
	Conflict Code = "conflict"
)

// Refusal says why a write is not done. Find it with errors.As.
type Refusal struct {
	Code Code
	// Field is what is wrong: a column in a file, else one of unit, name, parent, person, role, from, to, mbox,
	// mbox_sha1sum, openid, account, account.homePage and account.name. "" if it is no single one.
	Field string
	// File is "units" or "people" where both came together, else "".
	File string
	// Line is the line of the file, from 1; 0 if the write did not come in a file.
	Line int
	// Message is a sentence for a person, about Field where there is one. It names nobody but whom the write itself names.
	Message string
	// Owner is the person to whom the identity belongs already, else "". Who may not see that person must not be told.
	Owner string
}

// Error gives all parts in one line.
func (r *Refusal) Error() string {
	if r.Owner != "" {
		return fmt.Sprintf("%s (%q)", r.Text(), r.Owner)
	}
	return r.Text()
}

// Text gives all parts but Owner: "line 3, column from: it is required".
func (r *Refusal) Text() string {
	if r.File != "" {
		return r.File + ": " + r.text()
	}
	return r.text()
}

func (r *Refusal) text() string {
	switch {
	case r.Line > 0 && r.Field != "":
		return fmt.Sprintf("line %d, column %s: %s", r.Line, r.Field, r.Message)
	case r.Line > 0:
		return fmt.Sprintf("line %d: %s", r.Line, r.Message)
	case r.Field != "":
		return r.Field + ": " + r.Message
	}
	return r.Message
}

func refuse(code Code, field, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Of adds the name of its file to a refusal, one of several that came together.
func Of(file string, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		placed := *r
		placed.File = file
		return &placed
	}
	return err
}
