package natsembed

import (
	"os"
	"path/filepath"
	"testing"
)

// record is one that JetStream wrote: stream L, block 1, subject l, no headers.
func record(t testing.TB) []byte {
	dir := t.TempDir()
	s, err := Start(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ subject, body string }{
		{"$JS.API.STREAM.CREATE.L", `{"name":"L","subjects":["l"],"storage":"file","num_replicas":1}`},
		{"l", "some payload"},
	} {
		if _, err := nc.RequestWithContext(t.Context(), m.subject, []byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, streamDir, "msgs/1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestChecksOut(t *testing.T) {
	one := record(t)
	file := filepath.Join(t.TempDir(), "1.blk")
	check := func(data []byte, stream string, number uint32) bool {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		whole, err := checksOut(file, stream, number)
		if err != nil {
			t.Fatal(err)
		}
		return whole
	}
	if !check(one, "L", 1) || !check(append(one[:len(one):len(one)], one...), "L", 1) || !check(nil, "L", 1) {
		t.Error("whole records do not check out")
	}
	if check(one, "M", 1) || check(one, "L", 2) {
		t.Error("records of another stream or block check out")
	}
	for i := range one {
		// The sum does not cover the subject's length (byte 20), JetStream's neither.
		if i != 20 && check(flip(i)(one), "L", 1) {
			t.Errorf("checks out with byte %d changed", i)
		}
		if i > 0 && check(one[:i], "L", 1) {
			t.Errorf("checks out when cut at byte %d", i)
		}
	}
}

func FuzzChecksOut(f *testing.F) {
	one := record(f)
	f.Add(one)
	f.Add(one[:30])
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, 30: 0})
	file := filepath.Join(f.TempDir(), "1.blk")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := checksOut(file, "L", 1); err != nil {
			t.Fatal(err)
		}
	})
}
