package natsblob_test

import (
	"fmt"
	"testing"
)

// BenchmarkCommit and BenchmarkOpen are with the embedded server, which syncs each message.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{40 << 10, 10 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			s := open(b, connect(b))
			content := make([]byte, size)
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
				w, err := s.Create(b.Context(), "")
				if err == nil {
					_, err = w.Write(content)
				}
				if err == nil {
					_, _, err = w.Commit(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{40 << 10, 10 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			s := open(b, connect(b))
			w, err := s.Create(b.Context(), "")
			if err == nil {
				_, err = w.Write(make([]byte, size))
			}
			if err != nil {
				b.Fatal(err)
			}
			id, _, err := w.Commit(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				r, _, err := s.Open(b.Context(), id)
				if err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
