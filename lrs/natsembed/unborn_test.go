package natsembed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a power cut leaves of a stream that was being created must not keep the
// server from starting, and a stream with a message must never go this way.
func TestUnbornStream(t *testing.T) {
	born := t.TempDir()
	s := start(t, born)
	stream(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remove := func(t *testing.T, file string) {
		t.Helper()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	empty := func(t *testing.T, file string) {
		t.Helper()
		if err := os.Truncate(file, 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		spoil   func(t *testing.T, file string)
		file    string
		message bool
		starts  bool
	}{
		"no description":             {remove, "meta.inf", false, true},
		"no checksum of it":          {remove, "meta.sum", false, true},
		"an empty description":       {empty, "meta.inf", false, true},
		"an empty checksum":          {empty, "meta.sum", false, true},
		"no description, a message":  {remove, "meta.inf", true, false},
		"an empty checksum, message": {empty, "meta.sum", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, born, dir)
			if tt.message {
				s := start(t, dir)
				publish(t, stream(t, s), 0, 1, 10)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			tt.spoil(t, filepath.Join(dir, streamDir, tt.file))
			s, err := Start(t.Context(), Config{Dir: dir})
			if !tt.starts {
				if err == nil || !strings.Contains(err.Error(), "could not recover the stream") {
					t.Errorf("Start: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			wantMessages(t, stream(t, s), 0)
		})
	}
}
