package lrs

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// maxInline is the largest document body that travels in its event. Larger ones
// go to the blob store first, so that one document cannot fill a commit.
const maxInline = 32 << 10

// Check decides, with the current document in hand (nil: there is none), if a
// write may go on. It is called by the committer, and for a large document also
// beside it, and must be pure and quick. Its error is returned to the writer as
// it is.
type Check func(current *index.Document) error

// DocumentWrite is a PUT or POST of a document (xAPI 1.0.3, Communication 2.2).
type DocumentWrite struct {
	Key         event.DocumentKey
	ContentType string
	Body        []byte
	Merge       bool // POST: JSON objects are merged, see ErrNotMergeable
	MaxSize     int  // bytes that a merged document may have, else ErrDocumentTooLarge; 0 for any
	Check       Check

	// Hold is told what merging into a large document takes in memory, before it does, and with a negative number what it
	// gives back. Its error is returned as it is, and nothing is changed. nil counts nothing.
	Hold func(n int64) error
}

// ErrNotMergeable: a POST onto a document where one of the two is not a JSON
// object under the content type application/json. Nothing is changed.
var ErrNotMergeable = errors.New("lrs: only JSON objects can be merged")

// ErrDocumentTooLarge: the document would be larger than DocumentWrite.MaxSize.
// Nothing is changed.
var ErrDocumentTooLarge = errors.New("lrs: the merged document is too large")

// errMergeOutside: the merge needs the blob store, which the committer does not
// wait for.
var errMergeOutside = errors.New("lrs: merge outside of the committer")

// errMoved: the document changed between reading it and the commit.
var errMoved = errors.New("lrs: the document changed meanwhile")

// WriteDocument stores a document and returns it as stored. Of concurrent
// writers each decides on what the one before it left: no acknowledged update
// is lost.
func (s *Store) WriteDocument(ctx context.Context, w DocumentWrite) (*event.Document, Position, error) {
	if w.Merge && len(w.Body) > maxInline { // not a blob yet: it may be merged into another
		return s.mergeOutside(ctx, w)
	}
	doc, err := s.newDocument(ctx, w.Key, w.ContentType, w.Body)
	if err != nil {
		return nil, Position{}, err
	}
	stored := doc
	pos, err := s.submit(ctx, int64(len(w.Body))+256, func(tx *transaction) (decision, error) {
		current, open, err := tx.document(w.Key)
		if err == nil && w.Check != nil {
			err = w.Check(current)
		}
		stored = doc
		merged := 0
		if err == nil && w.Merge && current != nil {
			merged = len(current.Body) + len(w.Body)
			stored, err = mergeInline(current, w)
		}
		if err != nil {
			return decision{rests: open, compared: merged}, err
		}
		d, err := storeDocument(stored)
		d.compared = merged
		return d, err
	})
	if errors.Is(err, errMergeOutside) {
		return s.mergeOutside(ctx, w)
	}
	if err != nil {
		return nil, Position{}, err
	}
	return stored, pos, nil
}

// mergeInline merges within the committer, without any I/O.
func mergeInline(current *index.Document, w DocumentWrite) (*event.Document, error) {
	if current.Blob != "" || len(w.Body) > maxInline {
		return nil, errMergeOutside
	}
	merged, err := mergeBodies(current.ContentType, current.Body, w, nil)
	if err != nil {
		return nil, err
	}
	if len(merged) > maxInline {
		return nil, errMergeOutside
	}
	return describe(w.Key, w.ContentType, merged), nil
}

// mergeBodies tells hold what it takes beside the two.
func mergeBodies(contentType string, body []byte, w DocumentWrite, hold func(int64) error) ([]byte, error) {
	if !IsJSON(contentType) || !IsJSON(w.ContentType) {
		return nil, fmt.Errorf("%w: the stored document is %s, the posted one %s", ErrNotMergeable, contentType, w.ContentType)
	}
	merged, err := xapi.Budget{Hold: hold}.MergeDocument(body, w.Body)
	if errors.Is(err, xapi.ErrNotObject) {
		return nil, fmt.Errorf("%w: %w", ErrNotMergeable, err)
	}
	if err != nil {
		return nil, err
	}
	if w.MaxSize > 0 && len(merged) > w.MaxSize {
		return nil, fmt.Errorf("%w: %d bytes of at most %d", ErrDocumentTooLarge, len(merged), w.MaxSize)
	}
	return merged, nil
}

// IsJSON says whether a content type is application/json, with any parameters: what
// a POST merges.
func IsJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

// newDocument describes a body, and stores it in the blob store if it is large.
func (s *Store) newDocument(ctx context.Context, key event.DocumentKey, contentType string, body []byte) (*event.Document, error) {
	doc := describe(key, contentType, body)
	if len(body) <= maxInline {
		return doc, nil
	}
	w, err := s.blobs.Create(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("%w: blob: %w", ErrUnavailable, err)
	}
	defer w.Abort() // of no effect after Commit
	if _, err := w.Write(body); err != nil {
		return nil, fmt.Errorf("%w: blob: %w", ErrUnavailable, err)
	}
	id, _, err := w.Commit(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: blob: %w", ErrUnavailable, err)
	}
	doc.Blob, doc.Body = id, nil
	return doc, nil
}

func describe(key event.DocumentKey, contentType string, body []byte) *event.Document {
	sum := sha1.Sum(body) // the ETag that xAPI 1.0.3 asks for (Communication 3.1)
	return &event.Document{
		Key: key, ContentType: contentType, ETag: hex.EncodeToString(sum[:]),
		Size: int64(len(body)), Body: body,
	}
}

func storeDocument(doc *event.Document) (decision, error) {
	return decide(event.DocumentStored{Document: *doc}, func(tx *transaction) {
		tx.documents[doc.Key] = &index.Document{Document: *doc}
	})
}

// DeleteDocument removes a document; one that is not there is no error.
func (s *Store) DeleteDocument(ctx context.Context, key event.DocumentKey, check Check) (Position, error) {
	return s.submit(ctx, 256, func(tx *transaction) (decision, error) {
		current, open, err := tx.document(key)
		if err == nil && check != nil {
			err = check(current)
		}
		if err != nil || current == nil {
			return decision{rests: open}, err
		}
		return decide(event.DocumentDeleted{Key: key}, func(tx *transaction) { tx.documents[key] = nil })
	})
}

// ClearDocuments removes every document of a state set: one activity, agent and
// registration (xAPI 1.0.3, Communication 2.3).
func (s *Store) ClearDocuments(ctx context.Context, key event.DocumentKey) (Position, error) {
	key = set(key)
	return s.submit(ctx, 256, func(tx *transaction) (decision, error) {
		return decide(event.DocumentsDeleted{Scope: key}, func(tx *transaction) {
			for k := range tx.documents {
				if set(k) == key {
					delete(tx.documents, k)
				}
			}
			tx.cleared[key] = true
		})
	})
}

// DocumentBody returns a document's bytes, from the index or the blob store.
func (s *Store) DocumentBody(ctx context.Context, doc *index.Document) ([]byte, error) {
	if doc.Blob == "" {
		return doc.Body, nil
	}
	r, size, err := s.blobs.Open(ctx, doc.Blob)
	if errors.Is(err, blob.ErrNotFound) {
		err = fmt.Errorf("%w; restore the blob of that name from a backup", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: document %s: %w", ErrUnavailable, doc.Key.ID, err)
	}
	defer r.Close()
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("%w: document %s: %w", ErrUnavailable, doc.Key.ID, err)
	}
	return body, nil
}
