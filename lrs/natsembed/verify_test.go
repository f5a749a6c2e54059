package natsembed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// layOut writes the blocks of the stream L, and no others, and reads them as of a
// running server.
func layOut(t *testing.T, dir string, blocks map[int][]byte, upTo uint64) (uint64, error) {
	t.Helper()
	_, _ = checkBlocks(t, dir, blocks)
	return checkStream(t.Context(), dir, "L", upTo)
}

// Every byte of what was acknowledged counts; what follows is on its way to the disk,
// and is not vouched for.
func TestVerifyEveryByte(t *testing.T) {
	one, two, begins := twoBlocks(t)
	dir := t.TempDir()
	for number, content := range map[int][]byte{1: one, 2: two} {
		for at := range content {
			blocks := map[int][]byte{1: one, 2: two}
			blocks[number] = bytes.Clone(content)
			blocks[number][at] ^= 0x10
			through, err := layOut(t, dir, blocks, 5) // 1 to 3 in block 1, 4 to 6 in block 2
			var damage *DamageError
			switch {
			case number == 2 && at >= begins[2]: // in 6, which is being written
				if err != nil || through != 5 {
					t.Fatalf("byte %d of the record that is being written: through %d, %v", at, through, err)
				}
			case !errors.As(err, &damage) || filepath.Base(damage.Block) != map[int]string{1: "1.blk", 2: "2.blk"}[number]:
				t.Fatalf("byte %d of block %d: through %d, %v", at, number, through, err)
			}
		}
	}
}

// However much of the last record is there, what was acknowledged is read; and whoever
// asks for more than there is learns it.
func TestVerifyEveryCut(t *testing.T) {
	one, two, begins := twoBlocks(t)
	dir := t.TempDir()
	for n := range two {
		through, err := layOut(t, dir, map[int][]byte{1: one, 2: two[:n]}, 5)
		if n < begins[2] != (err != nil) || err == nil && through != 5 || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("the last block has %d of %d bytes: through %d, %v", n, len(two), through, err)
		}
		if _, err := layOut(t, dir, map[int][]byte{1: one[:n], 2: two}, 5); !errors.Is(err, ErrDamaged) {
			t.Errorf("an older block has %d of %d bytes: %v", n, len(one), err)
		}
	}
	for name, blocks := range map[string]map[int][]byte{
		"nothing": nil, "last block missing": {1: one}, "older block missing": {2: two},
		"a record lost":   {1: one, 2: append(bytes.Clone(two[:begins[1]]), two[begins[2]:]...)},
		"another's block": {1: one, 2: one},
	} {
		if _, err := layOut(t, dir, blocks, 5); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if through, err := layOut(t, dir, map[int][]byte{1: one, 2: two}, 5); err != nil || through != 6 {
		t.Errorf("whole: through %d, %v", through, err)
	}
}

// TestVerifyRunning reads a server's blocks while it writes them and is restarted:
// nothing is called damaged that is whole. Then it finds what JetStream does not see.
func TestVerifyRunning(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	js := stream(t, s)
	const size = 700 << 10 // a block has a dozen
	publish(t, js, 0, 1, size)
	written := make(chan uint64, 100)
	go func() {
		defer close(written)
		for i := range 40 {
			ack, err := js.Publish(context.Background(), "l", payload(i, size), jetstream.WithRetryAttempts(100))
			if err != nil {
				t.Error(err)
				return
			}
			written <- ack.Sequence
		}
	}()
	upTo := uint64(1)
	for sequence := range written {
		upTo = sequence
		if through, err := s.Verify(t.Context(), "L", upTo); err != nil || through < upTo {
			t.Fatalf("up to %d: through %d, %v", upTo, through, err)
		}
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, js, 1, 2, 100)
	upTo += 2
	if through, err := s.Verify(t.Context(), "L", upTo); err != nil || through != upTo {
		t.Fatalf("after a restart: through %d, %v", through, err)
	}
	blocks, err := listBlocks(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, blocks[len(blocks)-1].path)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := len(content) - 20
	if _, err := f.WriteAt([]byte{content[at] ^ 1}, int64(at)); err != nil {
		t.Fatal(err)
	}
	l, err := js.Stream(t.Context(), "L")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.GetMsg(t.Context(), upTo); err != nil {
		t.Errorf("JetStream does see it: %v", err)
	}
	var damage *DamageError
	if _, err := s.Verify(t.Context(), "L", upTo); !errors.As(err, &damage) || damage.Sequence != upTo || damage.Block != file {
		t.Errorf("a flipped byte in the newest record: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(ended, "L", upTo); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
	if _, err := f.WriteAt(content[at:at+1], int64(at)); err != nil { // for the end of the test
		t.Fatal(err)
	}
}
