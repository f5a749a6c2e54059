package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs what the README has a new user type, between its first steps and its
// chapter on tests, word for word but for the address and the name of the program.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "\n## Start\n")
	text, _, found := strings.Cut(text, "\n## Test\n")
	if !found {
		t.Fatal("the README has no chapters Start and Test")
	}
	// As a user has it, who does not wait for a race detector: TestDemo does, for a smaller hospital.
	dir, program := t.TempDir(), asShipped(t)
	s, err := spawnProgram(t, program, dir, nil).await()
	if err != nil {
		t.Fatal(err)
	}
	var scripts, outputs []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		script := block[1]
		if !strings.Contains(script, "curl") && !strings.Contains(script, "definitions apply") && !strings.Contains(script, "demo") {
			continue // starting the server, and the key that it printed
		}
		script = strings.ReplaceAll(script, "http://127.0.0.1:8080/xapi", s.url)
		script = strings.ReplaceAll(script, "http://127.0.0.1:8080", strings.TrimSuffix(s.url, "/xapi"))
		script = strings.ReplaceAll(script, "go run ./cmd/lrs", fmt.Sprintf("%q --data %q", program, dir))
		cmd := exec.Command("sh", "-e", "-c", "curl() { command curl --fail-with-body -sS \"$@\"; }\n"+script)
		cmd.Env = append(os.Environ(), "KEY="+testKey, "SECRET="+testSecret)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, script, out)
		}
		scripts, outputs = append(scripts, script), append(outputs, string(out))
	}
	if len(outputs) != 13 {
		t.Fatalf("%d steps of the README were run, want 13", len(outputs))
	}
	for i, want := range map[int]string{
		1: `"scaled": 0.85`, 4: "definitions change", 6: `"estimate":`, 7: `"share":`,
		8: "Planted", 9: `"patient":0.`, 10: `"total":`, 11: `"meanGain":`, 12: `"beyond_limits"`,
	} {
		if !strings.Contains(outputs[i], want) {
			t.Errorf("step %d answers without %s:\n%s", i, want, outputs[i])
		}
	}
	// What the demo says to ask is what the README does, and holds whenever it is asked.
	unquoted := strings.NewReplacer("'", "")
	for i, script := range scripts[9:] {
		if !strings.Contains(unquoted.Replace(outputs[8]), strings.TrimSpace(unquoted.Replace(script))) {
			t.Errorf("the demo does not end with step %d:\n%s\n%s", 9+i, script, outputs[8])
		}
	}
	if !strings.Contains(outputs[9], `"at":"2026-11-01T00:00:00.000Z"`) {
		t.Errorf("the gaps are those of the day they are asked for:\n%s", outputs[9])
	}
	t.Log(outputs[6], outputs[7])
}
