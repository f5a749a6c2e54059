package blob_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
)

// Whatever the order of commits and sweeps, a blob is there if and only if it was committed since the last sweep that
// did not keep it.
func TestFileModel(t *testing.T) {
	s, err := blob.NewUnsynced(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	contents := [][]byte{{}, {1}, {2}, bytes.Repeat([]byte{3}, 5000)}
	model := map[string]bool{} // goes on from run to run, as the store does
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			for _, c := range rapid.SliceOfN(rapid.SampledFrom(contents), 0, 4).Draw(rt, "commit") {
				model[blobtest.Put(t, s, "", c)] = true
			}
			_, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(id string) (bool, error) {
				if !model[id] {
					rt.Errorf("asked about %s, which is not there", id)
				}
				model[id] = rapid.Bool().Draw(rt, "keep")
				return model[id], nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			for _, c := range contents {
				if id := blobtest.ID(c); model[id] {
					blobtest.Check(t, s, id, c)
				} else {
					blobtest.CheckMissing(t, s, id)
				}
			}
		}
	})
}
