package lrs

import (
	"context"
	"errors"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// mergeOutside merges large documents: it reads, merges and stores the result
// as a blob, and starts again when the document has changed meanwhile: by another
// node, or by who replaced it. Each round that fails is another writer's success.
func (s *Store) mergeOutside(ctx context.Context, w DocumentWrite) (*event.Document, Position, error) {
	// Each reads the document, writes it anew as a blob and commits that; side by side all but one would have done so in
	// vain, and left a blob that nothing names.
	done, err := s.merging.turn(ctx, w.Key)
	if err != nil {
		return nil, Position{}, fmt.Errorf("%w: waited for others who merge into the document: %w", ErrBusy, err)
	}
	defer done()
	for {
		doc, base, err := s.mergedDocument(ctx, w)
		if err != nil {
			return nil, Position{}, err
		}
		pos, err := s.submit(ctx, int64(len(doc.Body))+256, func(tx *transaction) (decision, error) {
			current, open, err := tx.document(w.Key)
			if err == nil && !sameDocument(current, base) {
				err = errMoved
			}
			if err == nil && w.Check != nil {
				err = w.Check(current)
			}
			if err != nil {
				return decision{rests: open}, err
			}
			return storeDocument(doc)
		})
		if err == nil {
			return doc, pos, nil
		}
		if !errors.Is(err, errMoved) {
			return nil, Position{}, err
		}
	}
}

// sameDocument says whether a merge into one is a merge into the other. An ETag
// is of the content alone, and what may be merged is a question of the type too.
func sameDocument(a, b *index.Document) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ETag == b.ETag && a.ContentType == b.ContentType
}

// mergedDocument returns what w makes of the document as it is now, and that
// one, nil when there is none.
func (s *Store) mergedDocument(ctx context.Context, w DocumentWrite) (merged *event.Document, base *index.Document, err error) {
	view, err := s.View()
	if err != nil {
		return nil, nil, err
	}
	defer view.Close()
	current, err := view.Document(w.Key)
	if errors.Is(err, index.ErrNotFound) {
		current, err = nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: index: %w", ErrUnavailable, err)
	}
	if w.Check != nil { // the commit asks again; who is refused now has no blob written
		if err := w.Check(current); err != nil {
			return nil, nil, err
		}
	}
	if current == nil {
		doc, err := s.newDocument(ctx, w.Key, w.ContentType, w.Body)
		return doc, nil, err
	}
	var total int64
	hold := func(n int64) error {
		if w.Hold == nil {
			return nil
		}
		total += n
		return w.Hold(n)
	}
	defer func() {
		if total > 0 {
			_ = w.Hold(-total) // gives back, which does not fail
		}
	}()
	if err := hold(current.Size); err != nil {
		return nil, nil, err
	}
	body, err := s.DocumentBody(ctx, current)
	if err != nil {
		return nil, nil, err
	}
	content, err := mergeBodies(current.ContentType, body, w, hold)
	if err != nil {
		return nil, nil, err
	}
	doc, err := s.newDocument(ctx, w.Key, w.ContentType, content)
	return doc, current, err
}
