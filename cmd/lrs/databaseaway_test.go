package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// TestDatabaseAway: while PostgreSQL is away, statements are stored; answers are 503, to be
// tried again; an operator sees why, and nobody else where the database is. When it is back
// all goes on.
func TestDatabaseAway(t *testing.T) {
	relay := readmodeltest.NewRelay(t)
	dir := t.TempDir()
	s := startWatched(t, dir, "--read-model", relay.DSN)
	settled(t, dir)
	ask := func(path string) (int, string, string) {
		t.Helper()
		whole := server{url: strings.TrimSuffix(s.url, "/xapi")}
		status, header, body, err := whole.do(t.Context(), "GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return status, header.Get("Retry-After"), string(body)
	}
	resources := []string{"/api/v1/people", "/api/v1/unmapped", "/api/v1/definitions"}
	for _, r := range resources {
		if status, _, body := ask(r); status != 200 {
			t.Fatalf("%s: %d %s", r, status, body)
		}
	}

	relay.Cut()
	for _, r := range resources {
		if status, retry, body := ask(r); status != 503 || retry == "" || !strings.Contains(body, `"projection.database"`) {
			t.Errorf("%s: %d, Retry-After %q, %s", r, status, retry, body)
		}
	}
	secret := relay.DSN[strings.LastIndex(relay.DSN, "%2F")+3:] // of the database's host
	readyz := func() string { _, _, body := ask("/readyz"); return body }
	if body := readyz(); !strings.Contains(body, "the database cannot be reached") || strings.Contains(body, secret) || strings.Contains(body, "postgres") {
		t.Errorf("/readyz: %s", body)
	}
	if status, _, body := ask("/metrics"); status != 200 || !strings.Contains(body, "projection_lag_events") {
		t.Errorf("/metrics: %d %s", status, body)
	}
	status, _, body, err := s.do(t.Context(), "POST", "/statements", []byte(
		`{"actor":{"mbox":"mailto:a@h.example"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"}}`))
	if err != nil || status != 200 {
		t.Errorf("a statement: %d %s %v", status, body, err)
	}
	cmd := exec.Command(os.Args[0], "projection", "status", "--data", dir)
	cmd.Env = append(os.Environ(), runAsProgram+"=1")
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || strings.Count(text, "stands still") != len(allProjections()) || !strings.Contains(text, secret) {
		t.Errorf("projection status: %v\n%s", err, out)
	}

	relay.Restore()
	tick, deadline := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for strings.Contains(readyz(), `"error"`) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("/readyz a minute later: %s", readyz())
		}
	}
	settled(t, dir)
	for _, r := range resources {
		if status, _, body := ask(r); status != 200 {
			t.Errorf("%s again: %d %s", r, status, body)
		}
	}
}
