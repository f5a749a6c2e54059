package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// memoryBound is what the server may hold while the disk is full: its caches and
// memtables are about 250 MB, and the race detector adds as much.
const memoryBound = 768 << 20

// TestDiskFull fills a small disk under load, nearly and wholly, with a foreign
// file and by the load itself, and frees it again. While it is full every write is
// answered 503 with Retry-After, and memory stays bounded; when there is space,
// writes resume in the same process; and everything acknowledged is there.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d := newDisk(t, 512<<20)
	dir, foreign := filepath.Join(d.dir, "d"), filepath.Join(d.dir, "foreign")
	s := startServer(t, dir, "--commit-timeout", "1s", "--max-queue", "4MB")
	c := newCrowd(seed, newWorkers(seed), s)
	c.await(t, "writes", func() bool { return c.acked > 50 })

	t.Log("nearly full")
	fill(t, foreign, leastFree/2)
	c.await(t, "refusals", func() bool { return c.refused["store.space"] > 50 })
	before, kept := c.counts(), freeBytes(t, d.dir)
	c.await(t, "refusals", func() bool { return c.refused["store.space"] > 250 })
	if n := c.counts().acked - before.acked; n > 0 {
		t.Errorf("%d writes were acknowledged while too little space was free", n)
	}
	if free := freeBytes(t, d.dir); free+1<<20 < kept {
		t.Errorf("refused writes took %d KB of the space that is kept", (kept-free)>>10)
	}
	c.resume(t, foreign)

	// An append that has begun when the space goes is settled when there is some
	// again; what is sent meanwhile waits, until the queue is full. Large requests
	// make it likely that one has begun, and some tries likelier; on a slow machine
	// the index may meet the full disk every time instead. (What becomes of such an
	// append is tested in natslog, without luck: TestRestartAfterSilence.)
	t.Log("wholly full")
	for round := 0; ; round++ {
		before = c.counts()
		liftFew := c.press(t, 2)
		c.await(t, "writes", func() bool { return c.acked > before.acked+20 })
		fill(t, foreign, 0)
		before = c.counts()
		liftMany := c.press(t, 8)
		c.await(t, "refusals", func() bool { return c.refusals() > before.refusals()+300 })
		if m := s.memory(t); m > memoryBound {
			t.Errorf("resident memory is %d MB", m>>20)
		}
		liftFew()
		liftMany()
		c.resume(t, foreign)
		if r := c.counts().refused; r["store.unknown"] > 0 && r["store.busy"] > 0 {
			break
		} else if round == 10 {
			if r["store.unknown"]+r["store.unavailable"] == 0 {
				t.Errorf("nothing has met the full disk: refused %v", r)
			}
			break
		}
	}

	t.Log("filled by the load")
	fill(t, foreign, leastFree+20<<20)
	before = c.counts()
	lift := c.press(t, 2)
	c.await(t, "refusals", func() bool { return c.refused["store.space"] > before.refused["store.space"]+200 })
	lift()
	c.resume(t, foreign)

	c.stop()
	t.Logf("%d acknowledged, refused %v, resident memory %d MB", c.acked, c.refused, s.memory(t)>>20)
	for _, fault := range c.faults {
		t.Error(fault)
	}
	c.wantAll(t, s)
	if err := s.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
	s = startServer(t, dir)
	c.wantAll(t, s)
	if out, err := verifyLog(dir); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// resume removes the foreign file and waits until writes succeed again.
func (c *crowd) resume(t *testing.T, foreign string) {
	t.Helper()
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	before := c.counts()
	start := time.Now()
	c.await(t, "writes", func() bool { return c.acked > before.acked+100 })
	t.Logf("writes resumed, 100 after %s", time.Since(start).Round(time.Millisecond))
}

// wantAll checks that all that was acknowledged is there, and nothing else that was
// not sent.
func (c *crowd) wantAll(t *testing.T, s *server) {
	t.Helper()
	for _, w := range c.small {
		w.checked = 0
	}
	wantWhole(t, s, c.small)
	maybe := map[uuid.UUID]bool{}
	for _, w := range c.big {
		w.wantAll(t, s)
		maps.Copy(maybe, w.sent)
	}
	verifyList(t, s, c.small, maybe)
}

// fill makes a file that leaves so many bytes free on its disk.
func fill(t *testing.T, file string, leave uint64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free := freeBytes(t, filepath.Dir(file))
	if free < leave {
		t.Fatalf("%d bytes are free already, to leave %d", free, leave)
	}
	at := int64(0)
	for n := int64(free - leave); n >= 4096; {
		err := syscall.Fallocate(int(f.Fd()), 0, at, n)
		switch {
		case err == nil:
			at += n
			if leave > 0 {
				return
			}
		case errors.Is(err, syscall.ENOSPC):
			n /= 2
		case !errors.Is(err, syscall.EINTR):
			t.Fatal(err)
		}
	}
}

func freeBytes(t *testing.T, dir string) uint64 {
	t.Helper()
	free, err := freeSpace(dir)
	if err != nil {
		t.Fatal(err)
	}
	return free
}

// memory is the server's resident memory, bytes.
func (s *server) memory(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
