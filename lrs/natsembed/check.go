package natsembed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrDamaged: a message block is not as JetStream wrote it. Start and Restart
// then change nothing.
var ErrDamaged = errors.New("the log is damaged")

// DamageError is ErrDamaged with the first fault of a stream.
type DamageError struct {
	Block    string // the file
	Offset   int64  // where in it, bytes
	Sequence uint64 // the one that had to come there
	Found    string // what is wrong
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d, where sequence %d belongs: %s; nothing was changed: "+
		"keep the directory as it is, restore a backup elsewhere, and compare", ErrDamaged, e.Block, e.Offset, e.Sequence, e.Found)
}

// Is makes a DamageError match ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// blockMax is more than JetStream writes into a block: 8 MB, and the message
// that went over it.
const blockMax = 8<<20 + recordMax

// check reads every block, before JetStream may mend any. A stream here only
// grows: its records are numbered from 1 without a gap, and each checks out. (The
// numbers of blocks may have gaps: JetStream drops an empty one.) The one exception
// is what a crash leaves: the last record of a stream's last block may be torn.
// check returns the blocks where it is. The error is a *DamageError, or that of
// reading.
//
// It takes about a second for two gigabytes of log, or as long as the disk takes
// to read them.
func check(dir string, blocks []block) (torn map[string]bool, err error) {
	torn = map[string]bool{}
	var buf []byte
	next, number := uint64(1), uint32(1) // which come
	for i, b := range blocks {
		if i > 0 && blocks[i-1].last {
			next, number = 1, 1
		}
		file := filepath.Join(dir, b.path)
		if buf, err = readBlock(file, buf, next); err != nil {
			return nil, err
		}
		c, err := newChecker(b.stream, b.number)
		if err != nil {
			return nil, err
		}
		good, after, fault := c.block(buf, next)
		if fault == "" && good < len(buf) {
			switch isTorn := c.torn(buf[good:], good, after); {
			case !isTorn:
				fault = "the record does not check out"
			case !b.last:
				fault = "the record is cut off, and later blocks are there"
			default:
				torn[b.path] = true
			}
		}
		if fault != "" {
			return nil, &DamageError{file, int64(good), after, fault + missing(good, b.number, number)}
		}
		next, number = after, b.number+1
	}
	return torn, nil
}

// block reads the records of a block up to the first that does not check out or
// has the wrong sequence: their bytes, and the sequence that must come then.
func (c checker) block(b []byte, next uint64) (good int, after uint64, fault string) {
	for good < len(b) {
		size, sequence := c.record(b[good:])
		switch plain := sequence &^ (erasedMark | tombstoneMark); {
		case size == 0:
			return good, next, ""
		case sequence&tombstoneMark != 0 && plain < next:
			// It repeats what is known.
		case sequence != plain:
			return good, next, fmt.Sprintf("sequence %d was there and has been lost or removed", plain)
		case sequence != next:
			return good, next, fmt.Sprintf("sequence %d is there", sequence)
		default:
			next = sequence + 1
		}
		good += size
	}
	return good, next, ""
}

// readBlock reads a file, into buf if it has the room.
func readBlock(file string, buf []byte, next uint64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &DamageError{file, 0, next, "it is no file"}
	}
	if fi.Size() > blockMax {
		return nil, &DamageError{file, 0, next, fmt.Sprintf("the block has %d bytes, and JetStream writes no more than %d", fi.Size(), blockMax)}
	}
	if int64(cap(buf)) < fi.Size() {
		buf = make([]byte, max(fi.Size(), 9<<20))
	}
	buf = buf[:fi.Size()]
	if _, err := io.ReadFull(f, buf); err != nil {
		return nil, fmt.Errorf("read %s (if the disk does not give it back, restore a backup elsewhere; nothing was changed): %w", file, err)
	}
	return buf, nil
}
