package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// TestPowerCut loads the real program from many connections on a disk of its own
// and cuts the disk's power: what was not synced is gone. In every second round it
// kills the program between a write to the log and its sync, starts it again,
// reads, and then cuts: what could be read is acknowledged too. Everything
// acknowledged before the cut must be there afterwards.
//
// That the test would notice is shown by programs that forget to sync.
//
// An attachment's name is lost only if the attachments have a file system of their own:
// on one that they share with the log, the sync of each commit takes the journal with
// all names to the disk, before the commit is acknowledged.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for name, apart := range map[string]bool{"as built": false, "as built, attachments apart": true} {
		t.Run(name, func(t *testing.T) {
			if faults := cutRounds(t, "", apart, 8); len(faults) > 0 {
				t.Errorf("%d faults, the first: %s", len(faults), faults[0])
			}
		})
	}
	for what, apart := range map[string]bool{forgetLog: false, forgetBlobs: false, forgetNames: true} {
		t.Run(what, func(t *testing.T) {
			faults := cutRounds(t, what, apart, 40) // until there is a fault
			if len(faults) == 0 {
				t.Error("nothing was lost: this test does not see what a power cut takes")
			} else {
				t.Logf("%d faults, the first: %s", len(faults), faults[0])
			}
		})
	}
}

// TestPowerCutAtTheStart cuts the power at random moments of a first start and of
// the start after that: whatever is on the disk then, the next one works.
func TestPowerCutAtTheStart(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	d := newDisk(t, 256<<20)
	for round := range 6 {
		dir := filepath.Join(d.dir, strconv.Itoa(round))
		for range 2 {
			s := spawn(t, dir, nil)
			select {
			case <-s.ready:
			case <-s.exited:
				t.Fatalf("serve ended: %v\n%s", s.err, s.stderr)
			case <-time.After(time.Duration(rng.Int64N(int64(150 * time.Millisecond)))):
			}
			d.cutPower(t)
			s.kill()
			d.restorePower(t)
		}
		startServer(t, dir).kill()
	}
}

// cutRounds returns the faults of the first round that has any. With apart, the
// attachments are on a disk of their own, that loses its power with the other.
func cutRounds(t *testing.T, forget string, apart bool, rounds int) (faults []string) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	d := newDisk(t, 256<<20)
	dir := filepath.Join(d.dir, "d")
	disks := []*disk{d}
	if apart {
		blobs := newDisk(t, 256<<20)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink(blobs.dir, filepath.Join(dir, "blobs")), syncDir(dir), syncDir(d.dir)); err != nil {
			t.Fatal(err)
		}
		disks = append(disks, blobs)
	}
	cutPower := func() {
		// The attachments' first: until it is cut, each one more that is synced takes the names before it to the disk.
		for _, d := range slices.Backward(disks) {
			d.cutPower(t)
		}
	}
	workers := newWorkers(seed)
	start := func() *server {
		s, err := tryServer(t, dir, []string{forgetful + "=" + forget})
		if err != nil {
			faults = append(faults, err.Error())
			return nil
		}
		for _, w := range workers {
			faults = append(faults, w.verify(t.Context(), s)...)
		}
		return s
	}
	s := start()
	for round := range rounds {
		if s == nil || len(faults) > 0 {
			return faults
		}
		if round%2 == 0 {
			load(t, s, workers, 1+rng.Int64N(400), func() { s.powerless.Store(true); cutPower(); s.kill() })
		} else {
			load(t, s, workers, 1+rng.Int64N(100), s.kill)
			unsyncTail(t, dir)
			if s = start(); s == nil {
				return faults
			}
			cutPower()
			s.kill()
		}
		for _, d := range disks {
			d.restorePower(t)
		}
		s = start()
	}
	if s != nil && len(faults) == 0 {
		verifyList(t, s, workers, nil)
	}
	return faults
}

// unsyncTail makes the log's end one that was written and not synced: it is in the
// page cache and not on the disk.
func unsyncTail(t *testing.T, dir string) {
	t.Helper()
	file := lastBlock(t, dir)
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	keep := max(0, len(whole)-1000)
	if err := errors.Join(f.Truncate(int64(keep)), f.Sync()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(whole[keep:], int64(keep)); err != nil {
		t.Fatal(err)
	}
}

// forgetful names, in the environment, what this program does not sync.
const (
	forgetful   = "LRS_TEST_FORGETFUL"
	forgetLog   = "log not synced"
	forgetBlobs = "attachments not synced"
	forgetNames = "attachments' names not synced"
)

// makeForgetful changes the program for TestPowerCut.
func makeForgetful(what string) {
	switch what {
	case forgetLog:
		defaultNode.noSync = true
	case forgetBlobs, forgetNames:
		driver := defaultNode.blobs
		defaultNode.blobs = func(dir string) (blob.Store, error) {
			s, err := driver(dir)
			return unsyncedBlobs{s, dir, what == forgetNames}, err
		}
	}
}

// unsyncedBlobs is a blob.File that writes without syncing, or syncs the files and not
// their directories.
type unsyncedBlobs struct {
	blob.Store
	dir   string
	files bool // they are synced
}

func (s unsyncedBlobs) Create(context.Context, string) (blob.Writer, error) {
	return &unsyncedBlob{unsyncedBlobs: s}, nil
}

type unsyncedBlob struct {
	unsyncedBlobs
	bytes.Buffer
}

func (w *unsyncedBlob) Commit(context.Context) (string, int64, error) {
	sum := sha256.Sum256(w.Bytes())
	id := hex.EncodeToString(sum[:])
	path := filepath.Join(w.dir, id[:2], id)
	if !w.files {
		return id, int64(w.Len()), os.WriteFile(path, w.Bytes(), 0o600)
	}
	f, err := os.CreateTemp(filepath.Join(w.dir, "tmp"), "")
	if err != nil {
		return "", 0, err
	}
	_, err = f.Write(w.Bytes())
	return id, int64(w.Len()), errors.Join(err, f.Sync(), f.Close(), os.Rename(f.Name(), path))
}

func (w *unsyncedBlob) Abort() error { return nil }
