package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
)

// program is this binary as lrs, ready to run with arguments.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1", "LRS_MIN_FREE=64MB", "LRS_API_KEY="+testKey, "LRS_API_SECRET="+testSecret)
	return cmd
}

// run runs lrs and returns all that it says.
func run(args ...string) (string, error) {
	out, err := program(args...).CombinedOutput()
	return string(out), err
}

// wantRun is run for what must work.
func wantRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(args...)
	if err != nil {
		t.Fatalf("lrs %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// wantNoRun is run for what must fail, and say this.
func wantNoRun(t *testing.T, says []string, args ...string) {
	t.Helper()
	out, err := run(args...)
	if err == nil {
		t.Errorf("lrs %s went well\n%s", strings.Join(args, " "), out)
	}
	for _, text := range says {
		if !strings.Contains(out, text) {
			t.Errorf("lrs %s does not say %q\n%s", strings.Join(args, " "), text, out)
		}
	}
}

// wantUnserved starts a server on a directory that is not complete, which must end and say what to do, and verifies it,
// which must too.
func wantUnserved(t *testing.T, dir string, says ...string) {
	t.Helper()
	s, err := tryServer(t, dir, nil)
	if err == nil {
		s.kill()
		t.Fatalf("%s is served", dir)
	}
	for _, text := range append(says, "remove everything in the directory", filepath.Join(dir, "restoring")) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("serve does not say %q\n%v", text, err)
		}
	}
	wantNoRun(t, says, "log", "verify", "--data", dir)
	wantNoRun(t, says, "backup", "--data", dir, filepath.Join(t.TempDir(), "b.tar"))
}

var hashLine = regexp.MustCompile(`(?m)^hash     [0-9a-f]{64}$`)

// hashOf is the line with the hash of the last commit in what a command says.
func hashOf(t *testing.T, out string) string {
	t.Helper()
	line := hashLine.FindString(out)
	if line == "" {
		t.Fatalf("no hash in\n%s", out)
	}
	return line
}

// paced are workers that write at the same time, and can be looked at meanwhile.
type paced struct {
	workers []*killWorker
	locks   []sync.Mutex // of each: held while it writes
}

// write writes to a server until ctx ends, and counts what is acknowledged.
func (p *paced) write(ctx context.Context, s *server, acked *atomic.Int64) (wait func()) {
	p.locks = make([]sync.Mutex, len(p.workers))
	var wg sync.WaitGroup
	for i, w := range p.workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				p.locks[i].Lock()
				if w.write(s) {
					acked.Add(1)
				}
				p.locks[i].Unlock()
			}
		})
	}
	return wg.Wait
}

// sofar is what was acknowledged to each worker until now. Its result makes workers that know this as acknowledged, and
// whatever else was sent until that is called as sent.
func (p *paced) sofar() (then func() []*killWorker) {
	type state struct{ batches, acked, mergedA int }
	var states []state
	for i, w := range p.workers {
		p.locks[i].Lock()
		states = append(states, state{len(w.batches), w.acked, w.mergedA})
		p.locks[i].Unlock()
	}
	return func() (clones []*killWorker) {
		for i, w := range p.workers {
			c := &killWorker{n: w.n, rng: rand.New(rand.NewPCG(1, uint64(i))), counter: w.counter, merged: w.merged, acked: states[i].acked, mergedA: states[i].mergedA}
			for n, b := range w.batches {
				sent := *b
				sent.acked = b.acked && n < states[i].batches
				c.batches = append(c.batches, &sent)
			}
			clones = append(clones, c)
		}
		return clones
	}
}

// TestBackupUnderLoad backs a server up while many connections write to it. Restored elsewhere, each backup has whatever
// was acknowledged before it began, once and equal, and of the rest whole requests or nothing.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir, files := t.TempDir(), t.TempDir()
	s := startServer(t, dir)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	load := &paced{workers: newWorkers(seed)[:6]}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var acked atomic.Int64
	wait := load.write(ctx, s, &acked)
	type taken struct {
		file, said string
		then       func() []*killWorker
	}
	var backups []taken
	for i := range 2 {
		more(t, &acked, 60)
		b := taken{file: filepath.Join(files, fmt.Sprintf("%d.tar", i)), then: load.sofar()}
		b.said = wantRun(t, "backup", "--data", dir, b.file)
		backups = append(backups, b)
	}
	more(t, &acked, 20)
	stop()
	wait()
	s.kill() // what is on another machine now is all there is
	for _, b := range backups {
		if fi, err := os.Stat(b.file); err != nil || fi.Mode() != 0o600 {
			t.Fatalf("%v, %v", fi, err)
		}
		restored := filepath.Join(t.TempDir(), "new", "data")
		if err := os.Mkdir(filepath.Dir(restored), 0o700); err != nil {
			t.Fatal(err)
		}
		out := wantRun(t, "restore", "--data", restored, b.file)
		if hashOf(t, out) != hashOf(t, b.said) || !strings.Contains(out, "whole    yes") {
			t.Errorf("backup said\n%s\nrestore said\n%s", b.said, out)
		}
		if verified := wantRun(t, "log", "verify", "--data", restored); verified != out {
			t.Errorf("restore said\n%s\nverify says\n%s", out, verified)
		}
		if lease, err := lrs.ReadLease(headPath(restored)); err != nil || lease != metaOf(t, b.file).Lease || lease == 0 {
			t.Errorf("the head file has the lease %d (%v), the backup %+v", lease, err, metaOf(t, b.file))
		}
		r := startServer(t, restored)
		workers := b.then()
		wantWhole(t, r, workers)
		verifyList(t, r, workers, nil)
		if !workers[0].write(r) {
			t.Errorf("the restored store takes no writes: %+v", workers[0].last)
		}
		wantWhole(t, r, workers)
		if err := r.stop(t); err != nil {
			t.Errorf("stop: %v\n%s", err, r.stderr)
		}
	}
	if left, err := os.ReadDir(files); err != nil || len(left) != len(backups) {
		t.Errorf("beside the backups there is %v (%v)", left, err)
	}
}

// metaOf is what a backup says first.
func metaOf(t *testing.T, file string) (m archive.Meta) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tar.NewReader(f)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := json.UnmarshalRead(r, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// written is a data directory with a little of everything, whose server has stopped, and a backup of it.
func written(t *testing.T) (dir, file string, workers []*killWorker) {
	t.Helper()
	dir, file = t.TempDir(), filepath.Join(t.TempDir(), "b.tar")
	s := startServer(t, dir)
	workers = newWorkers(1)[:2]
	for _, w := range workers {
		for w.writes() < 12 {
			if !w.write(s) {
				t.Fatalf("%+v", w.last)
			}
		}
		for range 3 {
			if !w.attach(t.Context(), s) {
				t.Fatalf("%+v", w.last)
			}
		}
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	wantRun(t, "backup", "--data", dir, file)
	return dir, file, workers
}

// writes is how many requests a worker has sent.
func (w *killWorker) writes() int { return len(w.batches) + w.counter + w.merged }

// entryAt is an entry of a backup: its header is at begin, and its content at content.
type entryAt struct {
	name                string
	begin, content, end int
}

func entriesOf(t *testing.T, raw []byte) (all []entryAt) {
	t.Helper()
	at := 0
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		e := entryAt{h.Name, at, at + 512, at + 512 + int(h.Size)}
		at = (e.end + 511) / 512 * 512
		all = append(all, e)
	}
}

// TestRestoreRefuses: what is cut off, or was changed, is refused with what is wrong, and the directory is not served; so
// is a directory that has something. (Package archive tries every byte.)
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir, file, _ := written(t)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	entries := entriesOf(t, raw)
	damaged := map[string][]byte{}
	flipped := map[string]bool{}
	for i, e := range entries {
		kind, _, _ := strings.Cut(e.name, "/")
		if flipped[kind] {
			continue
		}
		flipped[kind] = true
		changed := slices.Clone(raw)
		changed[(e.content+e.end)/2] ^= 1
		damaged["a byte of "+kind+" changed"] = changed
		if i > 0 {
			damaged["cut off before "+kind] = raw[:e.begin]
		}
	}
	if len(flipped) != 4 {
		t.Fatalf("kinds of entries: %v", flipped)
	}
	n := 0
	for name, content := range damaged {
		n++
		into, bad := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "bad.tar")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		wantNoRun(t, []string{"this is no whole backup", "nothing in " + into + " may be served"}, "restore", "--data", into, bad)
		if n == 1 {
			wantUnserved(t, into, "lrs restore")
		} else if _, err := os.Stat(unfinishedPath(into)); err != nil {
			t.Error(err)
		}
	}
	wantNoRun(t, []string{filepath.Join(dir, "log") + " is there", "empty directory"}, "restore", "--data", dir, file)
	if _, err := os.Stat(unfinishedPath(dir)); err == nil {
		t.Error("a directory that was refused is marked")
	}
	for _, name := range []string{"log", "head", "head.tip", "blobs", "index", "read"} {
		used := t.TempDir()
		if err := os.Mkdir(filepath.Join(used, name), 0o700); err != nil {
			t.Fatal(err)
		}
		wantNoRun(t, []string{name + " is there", "empty directory"}, "restore", "--data", used, file)
	}
	wantNoRun(t, []string{"the disk is nearly full", "--min-free"}, "restore", "--data", filepath.Join(t.TempDir(), "data"), "--min-free", "1EB", file)
	s := startServer(t, dir)
	wantNoRun(t, []string{"another lrs process owns"}, "restore", "--data", dir, file)
	wantNoRun(t, []string{"log copy"}, "restore", "--data", t.TempDir(), "--log", "nats://127.0.0.1:1", file)
	// Of a server that was killed, and by standard output.
	s.kill()
	out, err := program("backup", "--data", dir, "-").Output()
	if err != nil || len(entriesOf(t, out)) != len(entries) {
		t.Errorf("%v: %d entries, want %d", err, len(entriesOf(t, out)), len(entries))
	}
}

// TestRestoreKilled kills a restore in its midst. The directory is not served, and another restore into it is refused until
// it is emptied.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	_, file, workers := written(t)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	cmd := program("restore", "--data", dir, "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &syncBuffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A pipe holds 64 KiB: when it has taken twice that, half is being restored.
	if len(raw) < 192<<10 {
		t.Fatalf("a backup of %d bytes is too small for this test", len(raw))
	}
	if _, err := in.Write(raw[:len(raw)*3/4]); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wantUnserved(t, dir, "lrs restore", "cut off or failed")
	wantNoRun(t, []string{"remove everything in the directory", "restore again"}, "restore", "--data", dir, file)
	wantNoRun(t, []string{"remove everything in the directory"}, "log", "copy", "--from", dir, "--to", t.TempDir())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantRun(t, "restore", "--data", dir, file)
	s := startServer(t, dir)
	wantWhole(t, s, workers)
	verifyList(t, s, workers, nil)
}
