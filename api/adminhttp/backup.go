package adminhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
)

// trailerError says behind a backup why it is not whole; it is empty if it is.
const trailerError = "Bedside-Error"

// Backup has the server write a backup of its log to w. When it returns nil, the server has said that all of it was sent.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	res, err := c.ask(ctx, http.MethodGet, "/backup", "", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("adminhttp: the server has broken off the backup: %w", err)
	}
	// Trailers are there when the body has been read.
	if said := res.Trailer.Get(trailerError); said != "" {
		return errors.New("the server has broken off the backup: " + said)
	}
	return nil
}

// backup streams a backup. An error after the first byte goes behind the rest.
func backup(m Maintenance, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(problem.WithRequest(r.Context(), &problem.Request{ID: uuid.NewString()}))
		out := &begun{ResponseWriter: w}
		w.Header().Set("Content-Type", "application/x-tar")
		w.Header().Set("Trailer", trailerError)
		switch err := m.Backup(r.Context(), out); {
		case err != nil && !out.yes:
			w.Header().Del("Trailer")
			problem.Write(w, r, log, err)
		case err != nil:
			log.Error("a backup was broken off", "error", err)
			w.Header().Set(trailerError, err.Error())
		}
	}
}

// begun is a ResponseWriter that knows whether there is an answer already.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}
