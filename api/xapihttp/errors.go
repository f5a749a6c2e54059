package xapihttp

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// notFound is 404 in the resource's words; other errors stay.
func notFound(err error, message string) error {
	if errors.Is(err, index.ErrNotFound) {
		return problem.New(http.StatusNotFound, "not_found", "%s", message)
	}
	return err
}

// unavailable marks a failure of the blob store before anything was decided. What is not
// there, of what is asked for, is lost: only a backup has it.
func unavailable(err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		err = fmt.Errorf("%w; restore the blob of that name from a backup", err)
	}
	return fmt.Errorf("%w: blob: %w", lrs.ErrUnavailable, err)
}
