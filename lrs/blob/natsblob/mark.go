package natsblob

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// markName begins the name of the object that carries a mark. No blob has such a name.
const markName = "log-copy"

// SetMark stores a short text beside the blobs in the place of the one of this name that was there; "" is a name too. It is
// for who fills a bucket and its log and must say so where all nodes see it. Verify and Sweep pass it over. After an error
// the old or the new text is there.
//
// It is the description of an object without content, so a newer one takes its place by one message, and nothing is purged.
func (s *Store) SetMark(ctx context.Context, name, text string) error {
	info := jetstream.ObjectInfo{ObjectMeta: jetstream.ObjectMeta{Name: markName + name, Description: text}}
	err := s.uploadChunks(ctx, &info, &spool{})
	if err == nil {
		err = s.publishMeta(ctx, info)
	}
	if err != nil {
		return fmt.Errorf("natsblob: set the mark: %w", err)
	}
	return nil
}

// Mark is the text that SetMark has stored last by a name, "" if there is none or it was deleted by other means.
func (s *Store) Mark(ctx context.Context, name string) (string, error) {
	o, err := s.object(ctx, markName+name)
	if errors.Is(err, blob.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("natsblob: mark (object %s of bucket %s): %w", markName+name, s.bucket, err)
	}
	return o.Description, nil
}
