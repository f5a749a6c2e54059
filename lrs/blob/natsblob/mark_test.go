package natsblob_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
)

// wantMark checks the mark of a store.
func wantMark(t *testing.T, s interface {
	Mark(context.Context, string) (string, error)
}, want string) {
	t.Helper()
	if got, err := s.Mark(t.Context(), ""); got != want || err != nil {
		t.Errorf("the mark is %q, %v; want %q", got, err, want)
	}
}

// A mark is set, and set anew, with the rights of a service user; it is one small object, and no blob.
func TestMark(t *testing.T) {
	nc := connectWith(t, rights()...)
	s := open(t, nc)
	wantMark(t, s, "")
	id := blobtest.Put(t, s, "", []byte("a blob"))
	for _, text := range []string{"revision 7", "revision 9"} {
		if err := s.SetMark(t.Context(), "", text); err != nil {
			t.Fatal(err)
		}
		wantMark(t, s, text)
		wantMark(t, open(t, nc), text)
		if n, size, err := s.Verify(t.Context()); n != 1 || size != 6 || err != nil {
			t.Errorf("Verify: %d, %d, %v", n, size, err)
		}
	}
	s.SetNow(future)
	n, err := s.Sweep(t.Context(), future(), func(of string) (bool, error) {
		if of != id {
			t.Errorf("asked about %s", of)
		}
		return false, nil
	})
	if n != 1 || err != nil {
		t.Errorf("Sweep: %d, %v", n, err)
	}
	wantMark(t, s, "revision 9")
}

// Package jetstream, and so the nats command, shows the mark, and can take it away.
func TestMarkIsAnObject(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	js, str := streamOf(t, nc)
	objects, err := js.ObjectStore(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.SetMark(t.Context(), "", "half"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := objects.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Description != "half" || all[0].Size != 0 {
		t.Fatalf("jetstream lists %+v, %v", all, err)
	}
	if got := subjects(t, str, ">"); len(got) != 1 || got[metaOf(all[0].Name)] != 1 {
		t.Errorf("the bucket has %v", got)
	}
	if b, err := objects.GetBytes(t.Context(), all[0].Name); len(b) != 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := objects.Delete(t.Context(), all[0].Name); err != nil {
		t.Fatal(err)
	}
	wantMark(t, s, "")
	if _, err := js.Publish(t.Context(), metaOf(all[0].Name), []byte(`{"name":`)); err != nil {
		t.Fatal(err)
	}
	if text, err := s.Mark(t.Context(), ""); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("a damaged mark is %q, %v", text, err)
	}
}

// A mark whose answer is lost is there or not; none is taken for set.
func TestMarkUnanswered(t *testing.T) {
	s := open(t, connect(t))
	lost := errors.New("lost")
	for _, stored := range []bool{false, true} {
		s.Break(func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error {
			if stored {
				return errors.Join(send(ctx, m), lost)
			}
			return lost
		})
		if err := s.SetMark(t.Context(), "", "half"); !errors.Is(err, lost) {
			t.Errorf("SetMark: %v", err)
		}
		wantMark(t, s, map[bool]string{true: "half"}[stored])
	}
}
