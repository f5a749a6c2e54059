package lrs

import (
	"context"
	"fmt"
	"time"
)

// Blobs that nothing names are those of requests that were refused, or that a
// crash cut off. They are kept for a day, and looked for every hour.
const (
	sweepAge   = 24 * time.Hour
	sweepEvery = time.Hour
)

// Sweep removes the blobs that no event names and that were last stored more
// than a day ago, and counts them.
//
// It needs no pause in sealing: whoever names a blob has stored it in the same
// request, which renews its age (blob.Store), and no request lasts a day.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	if s.cfg.Shared { // another node may have named a blob in what this one has not applied yet
		head, err := s.log.Head(ctx)
		if err == nil {
			err = s.Await(ctx, head)
		}
		if err != nil {
			return 0, fmt.Errorf("lrs: sweep: %w", err)
		}
	}
	n, err := s.blobs.Sweep(ctx, s.clock.now().Add(-sweepAge), func(id string) (bool, error) {
		view, err := s.View()
		if err != nil {
			return false, err
		}
		defer view.Close()
		return view.BlobReferenced(id)
	})
	if err != nil {
		return n, fmt.Errorf("lrs: sweep: %w", err)
	}
	return n, nil
}

func (s *Store) keepSwept(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if n, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("unreferenced attachments could not be removed", "error", err)
		} else if n > 0 {
			s.cfg.Logger.Info("removed attachments that nothing names", "blobs", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
