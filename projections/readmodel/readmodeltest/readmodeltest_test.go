package readmodeltest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// TestFresh: what a test leaves in its database is not in the next one's.
func TestFresh(t *testing.T) {
	for range 2 {
		for engine, store := range Stores(t) {
			t.Run(engine, func(t *testing.T) {
				err := store.Update(t.Context(), func(tx *readmodel.Tx) error {
					return tx.Exec(t.Context(), "CREATE TABLE mine (x BIGINT)")
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestServerEndsWithProcess runs this test in a process of its own that is killed, and
// waits for its server to be gone.
func TestServerEndsWithProcess(t *testing.T) {
	const inside = "READMODELTEST_INSIDE"
	if os.Getenv(inside) != "" {
		newDatabase(t)
		s, err := running()
		if err != nil {
			t.Fatal(err)
		}
		pid, err := os.ReadFile(s.dir + "/data/postmaster.pid")
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(pid), "\n")
		os.Stdout.WriteString("server " + s.dir + " " + first + "\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	_, line, found := strings.Cut(string(out), "server ")
	fields := strings.Fields(line)
	if !found || len(fields) < 2 {
		t.Fatalf("the process had no server:\n%s", out)
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_, files := os.Stat(fields[0])
		if syscall.Kill(pid, 0) == syscall.ESRCH && os.IsNotExist(files) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("server %d or its files in %s outlive the process", pid, fields[0])
		}
	}
}

// TestMissing: without PostgreSQL a test fails, and says what to install.
func TestMissing(t *testing.T) {
	if _, err := exec.LookPath("initdb"); err == nil {
		t.Setenv("PATH", t.TempDir())
	}
	old := debian
	defer func() { debian = old }()
	debian = t.TempDir() + "/*/bin/initdb"
	if _, err := binaries(); err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Fatalf("%v", err)
	}
}
