package blob

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
)

// checks compares files with their names, and remembers which it found whole. It is ready as it is.
//
// A disk changes a byte without a word, and a blob has no other checksum than its name. Each file is read once for
// that in a process, and again when its size or its time has changed; what rots later is for Verify to find.
type checks struct {
	// A file that many ask for at the same moment is read for one of them, and the others wait. It is chosen by the
	// first byte of an id.
	reading [256]sync.Mutex

	mu         sync.Mutex
	young, old map[string]state // under mu: found whole; two generations bound the memory
}

// state is what of a file changes when somebody writes to it.
type state struct {
	size     int64
	modified int64 // ns since 1970
}

// generation is how many files one generation of checks remembers: two take about 8 MB.
const generation = 1 << 15

// once checks the file of a blob unless that was done, and returns its size with the file at its begin. Errors:
// ErrDamaged, wrapped with the path; ctx's; those of reading.
func (c *checks) once(ctx context.Context, file *os.File, id string) (int64, error) {
	now, err := stateOf(file)
	if err != nil || c.known(id, now) {
		return now.size, err
	}
	lock := c.lock(id)
	lock.Lock()
	defer lock.Unlock()
	if c.known(id, now) {
		return now.size, nil
	}
	if err := c.read(ctx, file, id); err != nil {
		return 0, err
	}
	c.note(id, now)
	_, err = file.Seek(0, io.SeekStart)
	return now.size, err
}

// again checks whatever was found before. What it finds whole it does not remember: that would drive out what is
// asked for.
func (c *checks) again(ctx context.Context, file *os.File, id string) (int64, error) {
	now, err := stateOf(file)
	if err != nil {
		return 0, err
	}
	return now.size, c.read(ctx, file, id)
}

// read reads a file to its end, and forgets that it was whole if it is not.
func (c *checks) read(ctx context.Context, file *os.File, id string) error {
	hash, err := NewHash(id)
	if err != nil {
		return err
	}
	if _, err := io.Copy(hash, contextReader{ctx, file}); err != nil {
		return fmt.Errorf("read %s: %w", file.Name(), err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != id {
		c.forget(id)
		return fmt.Errorf("%w: %s has content with the hash %s; restore this file from a backup", ErrDamaged, file.Name(), got)
	}
	return nil
}

func (c *checks) lock(id string) *sync.Mutex {
	first, _ := hex.DecodeString(id[:2]) // the id is valid
	return &c.reading[first[0]]
}

// known tells whether a file was found whole in this state.
func (c *checks) known(id string, now state) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen, ok := c.young[id]; ok {
		return seen == now
	}
	seen, ok := c.old[id]
	if ok && seen == now { // what is asked for outlives the generation
		c.noteLocked(id, now)
	}
	return ok && seen == now
}

func (c *checks) note(id string, now state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteLocked(id, now)
}

func (c *checks) noteLocked(id string, now state) {
	if c.young == nil || len(c.young) >= generation {
		c.young, c.old = map[string]state{}, c.young
	}
	c.young[id] = now
}

func (c *checks) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, id)
	delete(c.old, id)
}

func stateOf(file *os.File) (state, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", file.Name())
	}
	if err != nil {
		return state{}, err
	}
	return state{info.Size(), info.ModTime().UnixNano()}, nil
}

// contextReader ends a long read when nobody waits for it any more.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
