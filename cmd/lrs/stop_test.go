package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStopWhileStarting: SIGTERM ends a server with 0, however far its start is.
// The waits are for what the start leaves on disk, in its order.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
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

// TestDrain: a request under way when SIGTERM comes is finished and answered, and
// what it stored is there after the next start; the server ends with 0.
func TestDrain(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	body := []byte(hostileStatement(""))
	const id = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"
	c := dial(t, s)
	request := strings.Replace(rawPost, "POST /xapi/statements", "PUT /xapi/statements?statementId="+id, 1)
	if _, err := fmt.Fprintf(c, "%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", request, len(body)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(c)
	// The handler has begun to read the body: the request is under way.
	if line, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// It drains: it listens no more, and has not ended.
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		other, err := net.Dial("tcp", u.Host)
		if err != nil {
			break
		}
		other.Close()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it goes on listening")
		}
	}
	select {
	case <-s.exited:
		t.Fatalf("it ended with a request under way: %v\n%s", s.err, s.stderr)
	default:
	}
	if _, err := c.Write(body); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(answers)
	if err != nil || !strings.Contains(string(rest), "HTTP/1.1 204") {
		t.Errorf("%q, %v", rest, err)
	}
	<-s.exited
	if s.err != nil {
		t.Errorf("stopped: %v\n%s", s.err, s.stderr)
	}
	again := startServer(t, dir)
	if status, _, body, err := again.do(t.Context(), http.MethodGet, "/statements?statementId="+id, nil); err != nil || status != http.StatusOK {
		t.Errorf("after a restart: %d %v %s", status, err, body)
	}
}
