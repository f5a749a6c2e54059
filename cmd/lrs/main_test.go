package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary be the program: testscript runs it as lrs, and
// startServer runs it with runAsProgram set.
func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		makeForgetful(os.Getenv(forgetful))
		skewClock(os.Getenv(skewedClock))
		makeNewer(os.Getenv(newerFormat))
		main()
		return
	}
	// They wait more than they work: for elections, starts and disks. -parallel still counts.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(tidied{m}, map[string]func(){"lrs": main})
}

// tidied are the tests, and what they leave for one another is removed after them.
type tidied struct{ *testing.M }

func (t tidied) Run() int {
	defer func() {
		if dir, err := leftDir(); err == nil {
			_ = os.RemoveAll(dir)
		}
	}()
	return t.M.Run()
}

const runAsProgram = "LRS_TEST_RUN_AS_PROGRAM"

// server is a running `lrs serve`, a process of its own.
type server struct {
	url    string // without a final slash
	cmd    *exec.Cmd
	ready  chan string   // gets the url
	exited chan struct{} // closed when the process has ended
	err    error         // of the process; after exited

	// The power is being cut. What is answered from now on is no acknowledgement: a
	// machine without power answers nothing, but this process runs until it is killed,
	// and what an fsync returns while ext4 is being shut down is not what the disk keeps:
	// answers from then on were seen to be lost, and no others.
	powerless atomic.Bool
	stderr    *syncBuffer
}

const testKey, testSecret = "tester", "a secret for tests"

// startServer starts the store on a data directory and waits until it is ready.
func startServer(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	s, err := tryServer(t, dir, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryServer is startServer with more environment, for a server that may end
// before it is ready: that is the error, with what it said.
func tryServer(t *testing.T, dir string, env []string, args ...string) (*server, error) {
	t.Helper()
	return spawn(t, dir, env, args...).await()
}

// await waits until a server is ready.
func (s *server) await() (*server, error) {
	select {
	case s.url = <-s.ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("serve ended before it was ready: %w\n%s", s.err, s.stderr)
	case <-time.After(3 * time.Minute):
		return nil, fmt.Errorf("serve is not ready after three minutes\n%s", s.stderr)
	}
}

// spawn starts a server and does not wait for it. The race detector does not watch it.
func spawn(t *testing.T, dir string, env []string, args ...string) *server {
	t.Helper()
	program, err := unwatched()
	if err != nil {
		t.Fatal(err)
	}
	return spawnProgram(t, program, dir, env, args...)
}

// startWatched is startServer for a server that the race detector watches, if it watches the tests.
func startWatched(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	s, err := spawnProgram(t, os.Args[0], dir, nil, args...).await()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spawnProgram is spawn for a program of the caller's choice; os.Args[0] is these tests.
func spawnProgram(t testing.TB, program, dir string, env []string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(program, append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--min-free", "64MB"}, args...)...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1", "LRS_API_KEY="+testKey, "LRS_API_SECRET="+testSecret)
	cmd.Env = append(cmd.Env, env...)
	return spawnCommand(t, cmd)
}

// spawnCommand is spawn for a command that runs `lrs serve`, in whatever way.
func spawnCommand(t testing.TB, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd, exited: make(chan struct{}), ready: make(chan string, 1), stderr: &syncBuffer{}}
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.exited)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "xAPI endpoint: "); ok {
				s.ready <- url
			}
		}
		s.err = s.cmd.Wait()
	}()
	t.Cleanup(s.kill)
	return s
}

// asShipped builds the program without what go test adds, such as the race detector, and
// returns its file: for what bounds its memory, or has it do much.
func asShipped(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lrs")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// kill ends the process with SIGKILL and waits for it.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.exited
}

// stop ends the process as an operator would, and returns its error.
func (s *server) stop(t testing.TB) error {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	return s.err
}

// do sends one request and returns status and body; an error means that no
// whole answer came.
func (s *server) do(ctx context.Context, method, path string, body []byte) (int, http.Header, []byte, error) {
	return s.doTyped(ctx, method, path, "application/json", body)
}

// read is a GET that is sent again while a node of a cluster, which may have just lost a server that has attachments, says
// to come again. A server by itself has no reason to say so.
func (s *server) read(ctx context.Context, path string) (status int, header http.Header, body []byte, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		status, header, body, err = s.do(ctx, http.MethodGet, path, nil)
		if err != nil || status != http.StatusServiceUnavailable || !slices.Contains(s.cmd.Args, "--log") || time.Since(began) > patience {
			return status, header, body, err
		}
	}
}

// doTyped is do with a body of another media type, and with more headers: names and values.
func (s *server) doTyped(ctx context.Context, method, path, contentType string, body []byte, header ...string) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.SetBasicAuth(testKey, testSecret)
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := testClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, b, err
}

var testClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Deadline: time.Now().Add(2 * time.Minute), // a server that should not have started
		Dir:      filepath.Join("testdata", "script"),
		Cmds:     map[string]func(*testscript.TestScript, bool, []string){"await": await, "xapi": xapiCommand},
	})
}

// await waits for a line of a file that begins with a text, and sets a variable
// to the rest of it: await FILE TEXT VARIABLE.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await FILE TEXT VARIABLE")
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil && !os.IsNotExist(err) {
			ts.Fatalf("%v", err)
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, args[1]); ok && strings.HasSuffix(rest, "\n") {
				ts.Setenv(args[2], strings.TrimSpace(rest))
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("no line %q in %s:\n%s", args[1], args[0], b)
		}
	}
}

// xapiCommand sends a request and prints status and body:
// xapi KEY SECRET METHOD URL [JSON].
func xapiCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: xapi KEY SECRET METHOD URL [JSON]")
	}
	var body io.Reader
	if len(args) > 4 {
		body = strings.NewReader(args[4])
	}
	req, err := http.NewRequest(args[2], args[3], body)
	ts.Check(err)
	req.SetBasicAuth(args[0], args[1])
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", res.StatusCode, b)
}
