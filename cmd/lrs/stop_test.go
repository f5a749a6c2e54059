package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestStopWhileStarting: SIGTERM ends a server with 0, however far its start is.
// The waits are for what the start leaves on disk, in its order.
func TestStopWhileStarting(t *testing.T) {
	for _, sign := range []string{"lock", "log", "log/jetstream", "blobs", "index", "head"} {
		t.Run(sign, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			s := spawn(t, dir, nil)
			tick := time.NewTicker(100 * time.Microsecond)
			defer tick.Stop()
			deadline := time.After(30 * time.Second)
			for {
				if _, err := os.Stat(filepath.Join(dir, sign)); err == nil {
					break
				}
				select {
				case <-tick.C:
				case <-deadline:
					t.Fatalf("no %s\n%s", sign, s.stderr)
				}
			}
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			<-s.exited
			if s.err != nil {
				t.Errorf("stopped at %s: %v\n%s", sign, s.err, s.stderr)
			}
		})
	}
}
