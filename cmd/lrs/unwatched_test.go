package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
)

// unwatched is these tests built without the race detector, which runs as `lrs` like the test binary does. A server that
// is watched needs twenty times as long to start: a test that starts many, or several at once, would test the machine.
// Those that have many clients at one server, or nodes that stay, run the watched program.
var unwatched = sync.OnceValues(func() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if ok && !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return os.Args[0], nil
	}
	dir, err := leftDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "lrs.test")
	if out, err := exec.Command("go", "test", "-c", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return program, nil
})

// leftDir is a directory for what tests leave for one another; tidied removes it.
var leftDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "lrs-test") })
