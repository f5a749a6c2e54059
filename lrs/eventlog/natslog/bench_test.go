package natslog_test

import (
	"fmt"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// BenchmarkAppend appends one commit after another to an embedded server that
// syncs every write.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			log := open(b, natslog.Config{Conn: connect(b, startServer(b, b.TempDir()))})
			commit := make([]byte, size)
			b.SetBytes(int64(size))
			revision := eventlog.Revision(0)
			for b.Loop() {
				if err := log.Append(b.Context(), revision, commit); err != nil {
					b.Fatal(err)
				}
				revision++
			}
		})
	}
}

// BenchmarkRead reads a log from its beginning; an op is a commit.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			const commits = 2000
			log := open(b, natslog.Config{Conn: connect(b, unsynced(b, b.TempDir()))})
			appendN(b, log, 1, commits, size)
			b.SetBytes(int64(size))
			for n := 0; n < b.N; {
				for _, err := range log.Read(b.Context(), 1) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
		})
	}
}
