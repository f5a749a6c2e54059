package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// copyKills is how often each copy is killed.
const copyKills = 4

// TestCopyKilled kills lrs log copy at random moments, between commits and in blobs, and runs it again, to a directory and to
// the cluster of docker-compose.yml, as the user that the stores are. What is not complete is refused meanwhile; in the end
// the copy is what it would have been.
//
// It was seen to fail without the file restoring, without the mark in the bucket, and with commits that are copied before
// their blobs.
func TestCopyKilled(t *testing.T) {
	t.Parallel() // as TestClusterFaults
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir, workers := t.TempDir(), newWorkers(seed)[:8]
	s := startServer(t, dir)
	load(t, s, workers, 300, func() {
		if err := s.stop(t); err != nil {
			t.Error(err)
		}
	})
	verified := wantRun(t, "log", "verify", "--data", dir)
	commits := numberIn(t, verified, `(?m)^commits  (\d+)$`)
	_, as := composeCluster(t, nil)

	t.Run("to a directory", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "copy")
		all := sizeOf(filepath.Join(dir, "log")) + sizeOf(filepath.Join(dir, "blobs"))
		cut := 0
		for n := range copyKills {
			size := uint64(float64(all) * 0.8 * (float64(n) + rng.Float64()) / float64(copyKills)) // of the copy when it is killed
			killCopy(t, func() bool { return sizeOf(to) >= size }, "--from", dir, "--to", to)
			if _, err := os.Stat(unfinishedPath(to)); err == nil {
				cut++
				wantNoRun(t, []string{"lrs log copy"}, "log", "verify", "--data", to)
				wantUnserved(t, to, "lrs log copy", "goes on where it ended")
			}
		}
		if cut == 0 {
			t.Error("no copy was cut off")
		}
		wantRun(t, "log", "copy", "--from", dir, "--to", to)
		if again := wantRun(t, "log", "verify", "--data", to); again != verified {
			t.Errorf("the copy verifies as\n%s\nthe source as\n%s", again, verified)
		}
		copied := startServer(t, to)
		wantWhole(t, copied, workers)
		wantOnce(t, copied, workers)
	})
	t.Run("to a cluster", func(t *testing.T) {
		to := []string{"--from", dir, "--to", as("lrs")}
		copied := counted(t, as("admin"), "main")
		cut := 0
		for range copyKills {
			until := copied() + 1 + rng.IntN(commits/(copyKills+1))
			killCopy(t, func() bool { return copied() >= until }, to...)
			if copied() < commits-1 { // one may have been on its way
				cut++
				wantUnservedIn(t, as("lrs"), fmt.Sprintf("is to have revision %d with the hash %s", commits, strings.Fields(hashOf(t, verified))[1]))
			}
		}
		if cut == 0 {
			t.Errorf("%d of %d commits are there: no copy was cut off", copied(), commits)
		}
		for range 2 { // the second has nothing to bring
			out := wantRun(t, append([]string{"log", "copy"}, to...)...)
			if hashOf(t, out) != hashOf(t, verified) || !strings.Contains(out, "whole    yes") || strings.Contains(out, "ermissions") {
				t.Errorf("copy says\n%s\nverify says\n%s", out, verified)
			}
		}
		for deadline := time.Now().Add(patience); copied() < commits && time.Now().Before(deadline); {
		}
		if n := copied(); n != commits {
			t.Errorf("there are %d commits, of %d", n, commits)
		}
		for range 2 { // the second start is on a log that has gone on
			node, err := spawn(t, t.TempDir(), nil, "--log", as("lrs")).await()
			if err != nil {
				t.Fatal(err)
			}
			wantWhole(t, node, workers)
			wantOnce(t, node, workers)
			node.kill()
		}
	})
}

// wantUnservedIn is wantUnserved for a log in a cluster.
func wantUnservedIn(t *testing.T, log string, says ...string) {
	t.Helper()
	says = append(says, "an `lrs log copy` to log main", "was cut off", "goes on where it ended", "run the same command again")
	s, err := tryServer(t, t.TempDir(), nil, "--log", log)
	if err == nil {
		s.kill()
		t.Fatal("half a log is served")
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("serve does not say %q\n%v", text, err)
		}
	}
	wantNoRun(t, says, "log", "verify", "--log", log, "--data", t.TempDir())
	wantNoRun(t, says, "backup", "--log", log, "--data", t.TempDir(), filepath.Join(t.TempDir(), "b.tar"))
	wantNoRun(t, says, "log", "copy", "--from", log, "--to", t.TempDir())
}

// killCopy runs lrs log copy and kills it as soon as done is true, or lets it end.
func killCopy(t *testing.T, done func() bool, args ...string) {
	t.Helper()
	cmd := program(append([]string{"log", "copy"}, args...)...)
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("lrs log copy: %v\n%s", err, out)
			}
			return
		case <-deadline:
			t.Errorf("lrs log copy does not come to what it is killed at\n%s", out)
		case <-tick.C:
			continue
		}
		break
	}
	_ = cmd.Process.Kill() // it may just have ended
	<-ended
}

// sizeOf is how many bytes the files of a directory have, 0 if there is none.
func sizeOf(dir string) (size uint64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was just removed
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += uint64(info.Size())
		}
		return nil
	})
	return size
}

// counted tells how many commits a log of a cluster has, as far as the cluster answers: 0 before there is one.
func counted(t *testing.T, url, name string) func() int {
	t.Helper()
	conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	return func() int {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // a leader that is new leaves questions unanswered
		defer cancel()
		if stream, err := js.Stream(ctx, "bedside-"+name); err == nil {
			last = int(stream.CachedInfo().State.LastSeq)
		}
		return last
	}
}

// numberIn is the number that a pattern's first group finds.
func numberIn(t *testing.T, text, pattern string) (n int) {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in\n%s", pattern, text)
	}
	if _, err := fmt.Sscan(found[1], &n); err != nil {
		t.Fatal(err)
	}
	return n
}
