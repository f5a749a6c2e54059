//go:build clients

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// allPassed is the last line of a script that came to its end.
var allPassed = regexp.MustCompile(`(?m)^[1-9]\d* passed, 0 failed\n\z`)

// TestStockClients runs TinCanJS and @xapi/xapi, as npm serves them, against the
// real server. It has a build tag because it needs Node.js, npm and a registry;
// with the tag, each that is missing is a failure.
func TestStockClients(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	runIn(t, dir, os.Environ(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	for _, script := range []string{"tincan.js", "xapi.js"} {
		t.Run(script, func(t *testing.T) {
			s := startServer(t, t.TempDir())
			env := append(os.Environ(), "XAPI_ENDPOINT="+s.url, "XAPI_KEY="+testKey, "XAPI_SECRET="+testSecret)
			out := runIn(t, dir, env, "node", script)
			if !allPassed.Match(out) {
				t.Fatalf("%s did not come to its end:\n%s", script, out)
			}
			t.Logf("%s", out)
			if err := s.stop(t); err != nil {
				t.Errorf("serve: %v\n%s", err, s.stderr)
			}
		})
	}
}

// runIn runs a program in a directory and returns what it printed.
func runIn(t *testing.T, dir string, env []string, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}
