package projections_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// TestSetAside: an event that a projection cannot digest is set aside, with its position
// and the reason, and leaves no trace in the tables; everything else goes on.
func TestSetAside(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		plain := &plainToy{newToy("plain")}
		mix := []string{"A", fragile, "A", odd, zero, "B", fragile, refused, shocking, fragile, "A"}
		w.append(mix...)
		rt := w.start(p, plain)
		w.caughtUp(rt)
		w.append(mix...)
		w.append("A")
		w.append(fragile)
		w.append(slices.Repeat([]string{fragile, zero}, 10)...)
		w.append("A", ignored, odd)
		w.caughtUp(rt)
		w.check(p.name)
		want := w.want(nil)

		status, err := rt.Status(w.ctx)
		if err != nil || status[0].SetAside != int64(len(want.aside)) || status[0].Err != nil || status[1].SetAside != 0 {
			t.Errorf("%+v %v; %d were set aside", status, err, len(want.aside))
		}
		first, err := rt.SetAside(w.ctx, p.name, 4)
		if err != nil || len(first) != 4 {
			t.Fatalf("%v %v", first, err)
		}
		for i, a := range first {
			if got := fmt.Sprint(a.Revision, a.Event, a.At, a.Type); got != want.aside[i] || a.Reason == "" {
				t.Errorf("%+v is not %s", a, want.aside[i])
			}
		}
		if err := w.store.View(w.ctx, func(tx *readmodel.Tx) error {
			var n int64
			_, err := tx.One(w.ctx, "SELECT count(*) FROM plain_list", nil, &n)
			if want := int64(len(mix)*2 + 1 + 1 + 20 + 3); n != want {
				t.Errorf("the other projection has %d rows, not %d", n, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}

		// From zero, in other batches, the same are set aside.
		if _, err := rt.Replay(w.ctx, p.name); err != nil {
			t.Fatal(err)
		}
		w.check(p.name)
		if _, err := rt.SetAside(w.ctx, "nobody", 1); err == nil {
			t.Error("events of no projection")
		}
	})
}

// plainToy digests everything.
type plainToy struct{ *toy }

func (p *plainToy) Digest(e *projections.Event) (any, error) {
	e.Encoded.Type = "A"
	return string(e.Encoded.Payload), nil
}

// TestErased: an event whose payload is erased makes nothing, and is not set aside; one
// with an empty payload is an event like others.
func TestErased(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.append("A", "B", odd, "A")
		w.log.Damage(1, func(data []byte) []byte {
			erased, err := eventlog.Erase(data, 1, 2)
			if err != nil {
				t.Error(err)
			}
			return erased
		})
		w.commits[0].events[1].Erased = true
		w.commits[0].events[2].Erased, w.commits[0].events[2].Type = true, ignored
		w.empty()
		w.append("A")
		p := newToy("toy")
		rt := w.start(p)
		w.caughtUp(rt)
		w.check(p.name)
	})
}
