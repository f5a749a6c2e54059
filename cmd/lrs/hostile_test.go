package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
)

// maxResident is what the server's memory may come to under attack, MiB: --max-bodies
// (192) and what it holds beside them (100), twice, as the collector lets the heap
// double, and some for stacks and buffers. 400 to 600 are seen.
const maxResident = 800

// attacks are what a hostile client does. Each ends by itself, and says by t what
// it was answered and should not have been.
var attacks = []struct {
	name   string
	attack func(t testing.TB, s *server)
}{
	{"slow headers", slowHeaders},
	{"slow bodies", slowBodies},
	{"opening connections", openingConnections},
	{"idle connections", idleConnections},
	{"endless body", endlessBody},
	{"gzip bomb", gzipBomb},
	{"strange statements", strangeStatements},
	{"injection", injection},
	{"guessing", guessing},
	{"many elements", manyElements},
	{"large groups", largeGroups},
	{"merges", merges},
	{"references", references},
	{"stalled forms", stalledForms},
}

// startAttacked starts a server as it ships (the race detector would multiply the
// memory that is bounded here, until the bound said nothing), with short time-outs.
func startAttacked(t testing.TB) *server {
	t.Helper()
	s, err := spawnProgram(t, asShipped(t), t.TempDir(), nil, "--header-timeout", "2s", "--read-timeout", "8s", "--commit-timeout", "10s", "--max-body", "4MB", "--max-bodies", "192MB", "--log-level", "error").await()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHostile: whatever a client does, each gets a clear answer or is cut off,
// memory stays bounded, and another client is served all the time. How fast that
// client is served meanwhile is for BenchmarkUnderAttack.
func TestHostile(t *testing.T) {
	s := startAttacked(t)
	for _, tc := range attacks {
		t.Run(tc.name, func(t *testing.T) {
			stop := make(chan struct{})
			var bystander sync.WaitGroup
			bystander.Go(func() {
				served := 0
				for ; !isClosed(stop); served++ {
					honest(t, s)
				}
				if served == 0 {
					t.Error("the honest client was not served once")
				}
			})
			func() {
				defer bystander.Wait() // also where the attack ends the test
				defer close(stop)
				tc.attack(t, s)
			}()
			mb := resident(t, s.cmd.Process.Pid)
			t.Logf("%d MiB resident", mb)
			if mb > maxResident {
				t.Errorf("the server holds %d MiB", mb)
			}
		})
	}
	if err := s.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// honest stores and reads a statement, and takes no refusal.
func honest(t testing.TB, s *server) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	id := uuid.NewString()
	status, _, body, err := s.do(ctx, http.MethodPut, "/statements?statementId="+id, []byte(hostileStatement("")))
	if err != nil || status != http.StatusNoContent {
		t.Errorf("honest PUT: %d %v %s", status, err, body)
	}
	status, _, body, err = s.do(ctx, http.MethodGet, "/statements?statementId="+id, nil)
	if err != nil || status != http.StatusOK {
		t.Errorf("honest GET: %d %v %s", status, err, body)
	}
}

func hostileStatement(more string) string {
	return `{"actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"http://v.example/v"},"object":{"id":"http://a.example/a"}` + more + `}`
}

// resident is a process's resident memory, and highest the most it ever was, MiB.
func resident(t testing.TB, pid int) int { t.Helper(); return memory(t, pid, "VmRSS:") }
func highest(t testing.TB, pid int) int  { t.Helper(); return memory(t, pid, "VmHWM:") }

func memory(t testing.TB, pid int, what string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, what); ok {
			kb, err := strconv.Atoi(strings.Fields(v)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	t.Fatal("no " + what)
	return 0
}

// dial opens a raw connection to the server.
func dial(t testing.TB, s *server) net.Conn {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

const rawPost = "POST /xapi/statements HTTP/1.1\r\nHost: x\r\nX-Experience-API-Version: 1.0.3\r\nContent-Type: application/json\r\n" +
	"Authorization: Basic dGVzdGVyOmEgc2VjcmV0IGZvciB0ZXN0cw==\r\n"

// closedBy waits until the server ends a connection, and returns what it said.
func closedBy(t testing.TB, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		t.Error("the server left the connection open")
	}
	return string(b)
}

func slowHeaders(t testing.TB, s *server) {
	conns := make([]net.Conn, 500)
	for i := range conns {
		conns[i] = dial(t, s)
		if _, err := io.WriteString(conns[i], "GET /xapi/about HTTP/1.1\r\nHost: x\r\nX-"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		// The HTTP server itself says this: no handler has seen the request.
		if said := closedBy(t, c); !strings.HasPrefix(said, "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(said, "\r\nConnection: close\r\n") {
			t.Errorf("a slow header is answered with %q", said)
		}
	}
}

func slowBodies(t testing.TB, s *server) {
	conns := make([]net.Conn, 500)
	for i := range conns {
		conns[i] = dial(t, s)
		if _, err := io.WriteString(conns[i], rawPost+"Content-Length: 1000\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		if said := closedBy(t, c); !strings.HasPrefix(said, "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(said, "\r\nConnection: close\r\n") ||
			!strings.Contains(said, `"code":"request.body"`) {
			t.Errorf("a slow body is answered with %q", said)
		}
	}
}

// open10000 opens connections and uses each once.
func open10000(t testing.TB, s *server) []net.Conn {
	conns := make([]net.Conn, 10_000)
	for i := range conns {
		conns[i] = dial(t, s)
		if _, err := io.WriteString(conns[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		buf := make([]byte, 12)
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "HTTP/1.1 200" {
			t.Fatalf("%q, %v", buf, err)
		}
	}
	return conns
}

func openingConnections(t testing.TB, s *server) {
	for _, c := range open10000(t, s) {
		c.Close()
	}
}

// idleConnections leaves them idle for a while, in which the others are served.
func idleConnections(t testing.TB, s *server) {
	conns := open10000(t, s)
	idle(t, s)
	for _, c := range conns {
		c.Close()
	}
}

// idle is as long as a thousand requests take; for an attacker, without end.
var idle = func(t testing.TB, s *server) {
	for range 1000 {
		honest(t, s)
	}
}

// zeros is a body without end.
type zeros struct{ b byte }

// atWire reads no faster than all attackers together can send over a network of
// 1 Gbit/s: over the loopback it would be their own work that keeps both
// processors busy.
type atWire struct{ io.Reader }

var wire = rate.NewLimiter(1e9/8, 1<<20)

func (w atWire) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p[:min(len(p), 64<<10)])
	if e := wire.WaitN(context.Background(), n); e != nil {
		return n, e
	}
	return n, err
}

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = z.b
	}
	return len(p), nil
}

// raw sends a request and returns its status and body; the connection may break
// while the server has answered already.
func raw(t testing.TB, s *server, method, path string, body io.Reader, header ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testKey, testSecret)
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := testClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, err.Error()
	}
	return res.StatusCode, string(b)
}

func endlessBody(t testing.TB, s *server) {
	for _, path := range []string{"/statements", "/activities/profile?activityId=http://a.example/a&profileId=p"} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				status, body := raw(t, s, http.MethodPost, path, atWire{io.MultiReader(strings.NewReader("["), zeros{' '})})
				if status != http.StatusRequestEntityTooLarge && status != 0 { // 0: cut off while sending
					t.Errorf("%s: %d %s", path, status, body)
				}
			})
		}
		wg.Wait()
	}
	status, body := raw(t, s, http.MethodPost, "/statements", bytes.NewReader(make([]byte, 5<<20)))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"code":"request.size"`) {
		t.Errorf("5 MB: %d %s", status, body)
	}
}

func gzipBomb(t testing.TB, s *server) {
	var bomb bytes.Buffer
	zw := gzip.NewWriter(&bomb)
	if _, err := io.Copy(zw, io.LimitReader(zeros{' '}, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/statements", "/activities/profile?activityId=http://a.example/a&profileId=p"} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				status, body := raw(t, s, http.MethodPost, path, bytes.NewReader(bomb.Bytes()), "Content-Encoding", "gzip")
				// Not for its size: that is known only when it is in memory.
				if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"code":"request.ratio"`) {
					t.Errorf("%s: %d %s", path, status, body)
				}
			})
		}
		wg.Wait()
	}
}

func strangeStatements(t testing.TB, s *server) {
	members := make([]string, 1000)
	for i := range members {
		members[i] = fmt.Sprintf(`{"mbox":"mailto:m%d@example.com"}`, i)
	}
	keys := make([]string, 5000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"http://e.example/%d":%d`, i, i)
	}
	// Keys with one FNV-like or polynomial hash: Aa and BB collide in many.
	var colliding []string
	for i := range 1 << 11 {
		var b strings.Builder
		for bit := range 11 {
			b.WriteString([]string{"Aa", "BB"}[i>>bit&1])
		}
		colliding = append(colliding, fmt.Sprintf(`"http://e.example/%s":0`, b.String()))
	}
	for _, tc := range []struct {
		name, body string
		want       []int
	}{
		{"1,000 members", `{"actor":{"objectType":"Group","member":[` + strings.Join(members, ",") + `]},"verb":{"id":"http://v.example/v"},"object":{"id":"http://a.example/a"}}`, []int{200}},
		{"a long string", hostileStatement(`,"result":{"response":"` + strings.Repeat("x", 3<<20) + `"}`), []int{200, 413}},
		{"a string beyond the limit", hostileStatement(`,"result":{"response":"` + strings.Repeat("x", 10<<20) + `"}`), []int{413}},
		{"deep nesting", hostileStatement(`,"result":{"extensions":{"http://e.example/e":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}}`), []int{400}},
		{"many extension keys", hostileStatement(`,"result":{"extensions":{` + strings.Join(keys, ",") + `}}`), []int{200}},
		{"colliding keys", hostileStatement(`,"result":{"extensions":{` + strings.Join(colliding, ",") + `}}`), []int{200}},
		{"a huge number", hostileStatement(`,"result":{"score":{"raw":1e` + strings.Repeat("9", 1000) + `}}`), []int{200, 400}},
		{"a long number", hostileStatement(`,"result":{"score":{"raw":` + strings.Repeat("9", 1<<20) + `,"max":1}}`), []int{400}},
		{"an unfinished string", `{"actor":"` + strings.Repeat(`\u0000`, 1<<18), []int{400}},
	} {
		status, body := raw(t, s, http.MethodPost, "/statements", strings.NewReader(tc.body))
		if !slices.Contains(tc.want, status) {
			t.Errorf("%s: %d %.300s", tc.name, status, body)
		}
		if status >= 400 && !strings.Contains(body, `"code":`) {
			t.Errorf("%s: no clear error: %.300s", tc.name, body)
		}
	}
}

func injection(t testing.TB, s *server) {
	sum := strings.Repeat("0", 64)
	for _, tc := range []struct{ name, request, want string }{
		{"path", "GET /xapi/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		{"encoded path", "GET /xapi/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		{"header in a parameter", strings.Replace(rawPost, "POST /xapi/statements", "GET /xapi/statements?format=ids%0d%0aX-Evil:1", 1) + "\r\n", "400"},
		{"two lengths", rawPost + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		{"hash as path", strings.Replace(rawPost, "application/json", "multipart/mixed; boundary=b", 1) + "Content-Length: 179\r\n\r\n" +
			"--b\r\nContent-Type: application/json\r\n\r\n" + hostileStatement("") + "\r\n--b\r\nX-Experience-API-Hash: ../../../../tmp/x\r\n\r\n" + sum, "400"},
	} {
		c := dial(t, s)
		if _, err := io.WriteString(c, tc.request); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 "+tc.want) {
			t.Errorf("%s: %v %q", tc.name, err, buf[:n])
		}
		if strings.Contains(string(buf[:n]), "\r\nX-Evil") {
			t.Errorf("%s: a header was injected: %q", tc.name, buf[:n])
		}
		c.Close()
	}
}

// guessing tries secrets at speed, for keys that are there and keys that are not.
func guessing(t testing.TB, s *server) {
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 25 {
				key := testKey
				if w%2 == 0 {
					key = "nobody"
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/statements", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.SetBasicAuth(key, fmt.Sprint("guess", i))
				req.Header.Set("X-Experience-API-Version", "1.0.3")
				res, err := testClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				if res.StatusCode != http.StatusUnauthorized {
					t.Errorf("guess: %d", res.StatusCode)
				}
			}
		})
	}
	wg.Wait()
}
