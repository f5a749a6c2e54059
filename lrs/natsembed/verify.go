package natsembed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Verify reads the message blocks of a stream while the server runs, as every start
// does: JetStream answers from its memory what it has written lately, and so can vouch
// for records that the disk has no more. Every record from sequence 1 to upTo, which
// must have been acknowledged, must be there and check out: else the error is a
// *DamageError, wrapped.
//
// It returns the last sequence that was read whole, upTo or one behind it. What follows
// may be on its way to the disk just now, and is no fault.
func (s *Server) Verify(ctx context.Context, stream string, upTo uint64) (through uint64, err error) {
	for {
		before := s.running.Load()
		if before == nil {
			return 0, errors.New("natsembed: verify: the server is being restarted; try again")
		}
		through, err = checkStream(ctx, s.cfg.Dir, stream, upTo)
		if err == nil || s.running.Load() == before || ctx.Err() != nil {
			break
		}
		// A start writes the newest blocks anew, and may have done it under the reader.
	}
	if err != nil {
		return through, fmt.Errorf("natsembed: verify: %w", err)
	}
	return through, nil
}

// checkStream is check of one stream that is being written, in which upTo is there.
func checkStream(ctx context.Context, dir, stream string, upTo uint64) (through uint64, err error) {
	blocks, err := listBlocks(dir) // not before upTo was known: its block is among them
	if err != nil {
		return 0, err
	}
	blocks = slices.DeleteFunc(blocks, func(b block) bool { return b.stream != stream })
	var buf []byte
	next, number := uint64(1), uint32(1) // which come
	file, end := filepath.Join(dir, streamDirs), 0
	for _, b := range blocks {
		if err := ctx.Err(); err != nil {
			return next - 1, context.Cause(ctx)
		}
		file = filepath.Join(dir, b.path)
		if buf, err = readBlock(file, buf, next); err != nil {
			return next - 1, err
		}
		c, err := newChecker(b.stream, b.number)
		if err != nil {
			return next - 1, err
		}
		good, after, fault := c.block(buf, next)
		switch {
		case fault != "" || good == len(buf):
		case b.last && after > upTo:
			return after - 1, nil // the rest is being written
		default:
			fault = "the record does not check out"
		}
		if fault != "" {
			return after - 1, &DamageError{file, int64(good), after, fault + missing(good, b.number, number)}
		}
		next, number, end = after, b.number+1, good
	}
	if next <= upTo {
		return next - 1, &DamageError{file, int64(end), next, fmt.Sprintf("the block ends there, and the log goes on to sequence %d", upTo)}
	}
	return next - 1, nil
}

// missing says of a fault at the begin of a block which block is not there.
func missing(at int, got, want uint32) string {
	if at > 0 || got <= want {
		return ""
	}
	return fmt.Sprintf(" (there is no %d.blk)", want)
}
