package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/request"
)

// readmeSteps are the commands of the README's part that begins with a heading in bold, one line each.
func readmeSteps(t *testing.T, heading string) (steps []string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "\n**"+heading+"**")
	if !found {
		t.Fatalf("the README has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n**") // the next one
	text, _, _ = strings.Cut(text, "\n## ")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); line != "" {
				steps = append(steps, line)
			}
		}
	}
	return steps
}

// TestReadmeToCluster performs the README's way from one machine to a cluster, word for word but for the cluster's
// addresses, in a directory with a ./data whose server has stopped: nothing that was acknowledged is lost, positions and
// more links of before are valid, and the nodes serve and write.
//
// It may run beside other tests: it waits for conditions only.
func TestReadmeToCluster(t *testing.T) {
	t.Parallel()
	steps := readmeSteps(t, "From one machine to a cluster.")
	var commands []string
	for _, step := range steps {
		commands = append(commands, strings.Join(strings.Fields(step)[:3], " "))
	}
	if want := []string{"lrs backup --data", "lrs log copy", "lrs log verify", "lrs serve --data", "lrs serve --data"}; !slices.Equal(commands, want) {
		t.Fatalf("the steps are\n%s\nwant %q", strings.Join(steps, "\n"), want)
	}

	// What an operator has: the program, the directory of a server that has stopped, and a cluster.
	dir, workers, answers, _, more := source(t)
	c := startCluster(t, nil)
	home, bin := t.TempDir(), t.TempDir()
	if err := os.Rename(dir, filepath.Join(home, "data")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "lrs")); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), runAsProgram+"=1", "PATH="+bin+":"+os.Getenv("PATH"), "LRS_MIN_FREE=64MB",
		"LRS_API_KEY="+testKey, "LRS_API_SECRET="+testSecret, "LRS_LISTEN=127.0.0.1:0")
	typed := func(step string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", "exec "+strings.ReplaceAll(step, "nats://host1,host2,host3", c.url()))
		cmd.Dir, cmd.Env = home, env
		return cmd
	}
	hashes := map[string]bool{}
	for _, step := range steps[:3] {
		out, err := typed(step).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", step, err, out)
		}
		hashes[hashOf(t, string(out))] = true
		if strings.Contains(step, "log ") && !strings.Contains(string(out), "whole    yes") {
			t.Errorf("%s: it does not say that all is there\n%s", step, out)
		}
	}
	if len(hashes) != 1 {
		t.Errorf("backup, copy and original have the hashes %v", hashes)
	}
	var nodes []*server
	for _, step := range steps[3:] {
		nodes = append(nodes, spawnCommand(t, typed(step)))
	}
	for _, s := range nodes {
		if _, err := s.await(); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range workers {
		w.checked = 0
	}
	wantWhole(t, nodes[0], workers)
	wantSame(t, nodes[1], workers, answers, "", more)
	written := nodes[1].ask(t, ask{method: http.MethodGet, path: "/statements?limit=1"})
	if got := nodes[0].ask(t, ask{method: http.MethodGet, path: "/statements?limit=1", header: latest([]answer{written})}); string(got.body) != string(written.body) {
		t.Errorf("at %s one node shows\n%s\nand the other\n%s", written.header.Get(request.HeaderPosition), written.body, got.body)
	}
	if _, err := os.Stat(filepath.Join(home, "bedside.tar")); err != nil {
		t.Error(err)
	}
	for i, s := range nodes {
		writeThrough(t, s)
		if err := s.stop(t); err != nil {
			t.Errorf("node %d: %v\n%s", i, err, s.stderr)
		}
	}
}
