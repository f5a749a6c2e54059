package natsblob

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// Content comes back whole whatever pieces it came in, and is in memory only up to a chunk.
func TestSpool(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7} {
		for _, piece := range []int{1000, chunkSize, size + 1} {
			t.Run(fmt.Sprint(size, "/", piece), func(t *testing.T) {
				content := make([]byte, size)
				for i := range content {
					content[i] = byte(i ^ i>>8)
				}
				s := &spool{dir: t.TempDir()}
				for left := content; len(left) > 0; {
					n := min(piece, len(left))
					if got, err := s.Write(left[:n]); got != n || err != nil {
						t.Fatal(got, err)
					}
					left = left[n:]
				}
				if inFile := s.file != nil; inFile != (size > chunkSize) || s.size != int64(size) {
					t.Errorf("size %d, in a file: %v", s.size, inFile)
				}
				r, err := s.reader()
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v; want %d", len(got), err, size)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Errorf("closed twice: %v", err)
				}
			})
		}
	}
}

func TestSpoolConstantMemory(t *testing.T) {
	s := &spool{dir: t.TempDir()}
	defer s.Close()
	piece := make([]byte, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 512 { // 32 MiB
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4*chunkSize {
		t.Errorf("32 MiB allocated %d bytes", used)
	}
}
