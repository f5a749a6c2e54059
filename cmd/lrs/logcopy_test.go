package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// answersOf are the answers of a server to many questions, by path; and where its next write stands.
func answersOf(t *testing.T, s *server, workers []*killWorker, more string) (answers map[string]string, next string) {
	t.Helper()
	answers = map[string]string{}
	ask := func(path string) string {
		status, header, body, err := s.do(t.Context(), http.MethodGet, path, nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", path, status, err, body)
		}
		answers[path] = header.Get("ETag") + header.Get("Last-Modified") + string(body)
		return string(body)
	}
	if more == "" {
		var page struct {
			More string `json:"more"`
		}
		if err := json.Unmarshal([]byte(ask("/statements?limit=3")), &page); err != nil || page.More == "" {
			t.Fatalf("%v: no more link", err)
		}
		more = page.More
	}
	// A page that was begun at another place goes on here.
	answers["more"] = ask(strings.TrimPrefix(more, xapihttp.BasePath))
	ask("/statements?ascending=true")
	for _, w := range workers {
		if w.acked > 0 {
			ask(w.state(fmt.Sprintf("own-%d", w.n)))
		}
	}
	ask(workers[0].state("shared"))
	status, header, body, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(workers[0].statement([16]byte{1}, "")))
	if err != nil || status/100 != 2 {
		t.Fatalf("%d %v %s", status, err, body)
	}
	return answers, header.Get("X-Bedside-Position")
}

// wantSame checks that a server on a copy answers as that on the source does, old links and positions included.
func wantSame(t *testing.T, s *server, workers []*killWorker, want map[string]string, next, more string) {
	t.Helper()
	wantWhole(t, s, workers)
	verifyList(t, s, workers, nil)
	got, position := answersOf(t, s, workers, more)
	for path, answer := range got {
		if before, ok := want[path]; ok && answer != before {
			t.Errorf("%s answers\n%s\nand did\n%s", path, answer, before)
		}
	}
	if next != "" && position != next {
		t.Errorf("the next write is at %q, and was at %q", position, next)
	}
}

// wantPosition asks a server for what was written at a position that an old answer had.
func wantPosition(t *testing.T, s *server, revision string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/statements?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testKey, testSecret)
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("X-Bedside-Position", revision+".0")
	res, err := testClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("at position %s.0: %s", revision, res.Status)
	}
}

// source is a data directory whose server has stopped, with the answers that it gave, a more link among them, and the
// position that its next write had. (That write went to a copy of the directory.)
func source(t *testing.T) (dir string, workers []*killWorker, answers map[string]string, next, more string) {
	t.Helper()
	dir, _, workers = written(t)
	twin := t.TempDir()
	copyDir(t, dir, twin)
	s := startServer(t, twin)
	status, _, body, err := s.do(t.Context(), http.MethodGet, "/statements?limit=4", nil)
	var page struct {
		More string `json:"more"`
	}
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil || page.More == "" {
		t.Fatalf("%d %v %s", status, err, body)
	}
	answers, next = answersOf(t, s, workers, page.More)
	s.kill()
	return dir, workers, answers, next, page.More
}

// TestCopyToDirectory copies between directories, whole and after a cut, and refuses what would lose something.
func TestCopyToDirectory(t *testing.T) {
	t.Parallel()
	dir, workers, answers, next, more := source(t)
	verified := wantRun(t, "log", "verify", "--data", dir)
	to := filepath.Join(t.TempDir(), "copy")
	out := wantRun(t, "log", "copy", "--from", dir, "--to", to)
	if !strings.HasSuffix(out, verified) || !strings.Contains(out, "copied ") {
		t.Errorf("copy says\n%s\nverify says\n%s", out, verified)
	}
	if again := wantRun(t, "log", "verify", "--data", to); again != verified {
		t.Errorf("the copy verifies as\n%s\nthe source as\n%s", again, verified)
	}
	wantNoRun(t, []string{"the same place"}, "log", "copy", "--from", dir, "--to", dir+"/.")
	if err := os.WriteFile(unfinishedPath(to), []byte(byCopy+"\n"), 0o600); err != nil { // as if it had been cut off
		t.Fatal(err)
	}
	wantUnserved(t, to, "lrs log copy", "goes on where it ended")
	wantNoRun(t, []string{"lrs log copy"}, "log", "copy", "--from", to, "--to", t.TempDir())
	if out := wantRun(t, "log", "copy", "--from", dir, "--to", to); !strings.Contains(out, "copied   0 commits") {
		t.Errorf("a second copy says\n%s", out)
	}
	s := startServer(t, to)
	wantNoRun(t, []string{"stop it first"}, "log", "copy", "--from", dir, "--to", to)
	wantNoRun(t, []string{"stop it first"}, "log", "copy", "--from", to, "--to", filepath.Join(t.TempDir(), "other"))
	wantSame(t, s, workers, answers, next, more)
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	wantNoRun(t, []string{"it is ahead"}, "log", "copy", "--from", dir, "--to", to)
	if out, err := verifyLog(to); err != nil {
		t.Errorf("a refused copy has changed its target: %v\n%s", err, out)
	}
	other, _, _ := written(t)
	wantNoRun(t, []string{"it has the log"}, "log", "copy", "--from", dir, "--to", other)
	wantNoRun(t, []string{"there is no store"}, "log", "copy", "--from", filepath.Join(dir, "typo"), "--to", to)
	wantNoRun(t, []string{"EventStoreDB"}, "log", "copy", "--from", dir, "--to", "esdb://127.0.0.1:2113")
	wantNoRun(t, []string{"is no data directory"}, "log", "copy", "--from", dir, "--to", "http://127.0.0.1")
	// A source that has lost its end is no whole log.
	older := t.TempDir()
	copyDir(t, dir, older)
	for _, note := range []string{"head", "head.tip"} {
		b, err := os.ReadFile(filepath.Join(to, note))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(older, note), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantNoRun(t, []string{"has seen revision"}, "log", "copy", "--from", older, "--to", filepath.Join(t.TempDir(), "other"))
	wantNoRun(t, []string{"has seen revision"}, "backup", "--data", older, filepath.Join(t.TempDir(), "b.tar"))
}

// TestCopyToCluster moves a store to three nats-servers, as the README says, and back.
func TestCopyToCluster(t *testing.T) {
	t.Parallel()
	dir, workers, answers, _, more := source(t)
	verified := wantRun(t, "log", "verify", "--data", dir)
	c := startCluster(t, nil)
	out := wantRun(t, "log", "copy", "--from", dir, "--to", c.url())
	if hashOf(t, out) != hashOf(t, verified) || !strings.Contains(out, "whole    yes") {
		t.Errorf("copy says\n%s\nverify says\n%s", out, verified)
	}
	back := filepath.Join(t.TempDir(), "back")
	wantRun(t, "log", "copy", "--from", c.url(), "--to", back)
	if again := wantRun(t, "log", "verify", "--data", back); again != verified {
		t.Errorf("back from the cluster it verifies as\n%s\nbefore as\n%s", again, verified)
	}
	beside := wantRun(t, "log", "copy", "--from", c.url(), "--to", c.url(), "--to-log-name", "beside", "--to-log-replicas", "1")
	if hashOf(t, beside) != hashOf(t, verified) {
		t.Errorf("under another name:\n%s", beside)
	}
	wantNoRun(t, []string{"the same place"}, "log", "copy", "--from", c.url(), "--to", c.url())
	node := c.nodes(t, 1)[0]
	last := regexp.MustCompile(`(?m)^commits  (\d+)$`).FindStringSubmatch(verified)[1]
	wantPosition(t, node, last)
	wantSame(t, node, workers, answers, "", more) // a Tick may be next
	node.kill()
	wantNoRun(t, []string{"it is ahead"}, "log", "copy", "--from", dir, "--to", c.url())

	// A backup of a cluster, without a node.
	file, restored := filepath.Join(t.TempDir(), "b.tar"), filepath.Join(t.TempDir(), "data")
	said := wantRun(t, "backup", "--log", c.url(), "--data", t.TempDir(), file)
	if out := wantRun(t, "restore", "--data", restored, file); hashOf(t, out) != hashOf(t, said) {
		t.Errorf("backup says\n%s\nrestore says\n%s", said, out)
	}
	wantWhole(t, startServer(t, restored), workers)
}
