package main

import (
	"os"
	"sync/atomic"
	"testing"
)

// emptyDisk: a node that has nothing but the address of the log joins while others write, catches up from the log and
// serves: all that was acknowledged before it was there, attachments and documents too, which are in the cluster, and what
// is written through it, on all. So does one that was there and has lost its disk, under its old name.
func (w *ward) emptyDisk(t *testing.T) {
	workers := newWorkers(1)[:2] // whose statements have attachments, and who write documents
	for _, one := range workers {
		for i := range 6 {
			if s := w.nodes[i%2]; !one.write(s) || !one.attach(t.Context(), s) {
				t.Fatalf("%+v", one.last)
			}
		}
	}
	for _, test := range []struct {
		name  string
		start func(t *testing.T) *server
	}{
		{"new", func(t *testing.T) *server {
			return spawn(t, t.TempDir(), nil, "--log", w.url(), "--node", "node-3")
		}},
		{"disk lost", func(t *testing.T) *server {
			w.nodes[2].kill()
			if err := os.RemoveAll(w.dirs[2]); err != nil {
				t.Fatal(err)
			}
			return w.begin(w.t, 2)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			others := w.nodes[:2]
			var joined *server
			w.load.under(t, others, func(acked *atomic.Int64) {
				more(t, acked, 20)
				var err error
				if joined, err = test.start(t).await(); err != nil {
					t.Fatal(err)
				}
				more(t, acked, 20)
			})
			all := append([]*server{joined}, others...)
			w.load.under(t, all[:1], func(acked *atomic.Int64) { more(t, acked, 10) })
			w.load.whole(t, all)
			for _, one := range workers {
				one.checked = 0
			}
			wantWhole(t, joined, workers)
			if test.name == "disk lost" {
				w.nodes[2] = joined
			}
		})
	}
}
