package natsblob_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
)

func drop(string) (bool, error) { return false, nil }

func future() time.Time { return time.Now().Add(time.Hour) }

// The bucket is an object store for package jetstream, and so for the nats command: each reads what the other wrote.
func TestObjectStore(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	js, _ := streamOf(t, nc)
	objects, err := js.ObjectStore(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 10, 600_000} {
		content := bytes.Repeat([]byte{byte(size), 1, 2}, size)
		id := blobtest.Put(t, s, "", content)
		if got, err := objects.GetBytes(t.Context(), id); err != nil || !bytes.Equal(got, content) {
			t.Errorf("jetstream reads %d bytes of %d, %v", len(got), len(content), err)
		}
		if _, err := objects.PutBytes(t.Context(), id, content); err != nil { // as a restore does
			t.Fatal(err)
		}
		blobtest.Check(t, s, id, content)
		if err := objects.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		blobtest.CheckMissing(t, s, id)
		blobtest.Put(t, s, "", content)
		blobtest.Check(t, s, id, content)
	}
	if all, err := objects.List(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("jetstream lists %d, %v; want 3", len(all), err)
	}
}

// Objects that are no blobs stay, do not count, and nobody is asked about them.
func TestForeignObjects(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	js, _ := streamOf(t, nc)
	objects, err := js.ObjectStore(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.PutString(t.Context(), "README", "keep me"); err != nil {
		t.Fatal(err)
	}
	s.SetNow(future)
	n, err := s.Sweep(t.Context(), future(), func(id string) (bool, error) { t.Errorf("asked about %s", id); return false, nil })
	if n != 0 || err != nil {
		t.Errorf("Sweep: %d, %v", n, err)
	}
	if n, _, err := s.Verify(t.Context()); n != 0 || err != nil {
		t.Errorf("Verify: %d, %v", n, err)
	}
	if got, err := objects.GetString(t.Context(), "README"); got != "keep me" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A blob takes its space once, and none when it is swept.
func TestSpace(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	_, str := streamOf(t, nc)
	content := make([]byte, 600_000)
	id := blobtest.Put(t, s, "", content)
	for range 3 {
		blobtest.Put(t, s, "", content)
		want := map[string]uint64{metaOf(id): 1, "$O." + bucket + ".C." + infoOf(t, str, id).NUID: 3}
		got := subjects(t, str, ">")
		if len(got) != len(want) || got[metaOf(id)] != 1 || got["$O."+bucket+".C."+infoOf(t, str, id).NUID] != 3 {
			t.Fatalf("the bucket has %v; want %v", got, want)
		}
	}
	if n, err := s.Sweep(t.Context(), future(), drop); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := subjects(t, str, ">"); len(got) != 0 {
		t.Errorf("after a sweep the bucket has %v", got)
	}
}

// A sweep ends although what it asks about is stored again behind it.
func TestSweepEnds(t *testing.T) {
	s := open(t, connect(t))
	blobtest.Put(t, s, "", []byte("again"))
	asked := 0
	n, err := s.Sweep(t.Context(), future(), func(string) (bool, error) {
		if asked++; asked > 1 {
			return false, errors.New("asked again")
		}
		blobtest.Put(t, s, "", []byte("again"))
		return true, nil
	})
	if n != 0 || err != nil {
		t.Errorf("Sweep: %d, %v", n, err)
	}
}

// What JetStream has lost of a blob is damage: it drops what does not check out, without a word.
func TestLostChunk(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	_, str := streamOf(t, nc)
	content := make([]byte, 600_000)
	for i := range content {
		content[i] = byte(i >> 18)
	}
	for lost := range 3 {
		id := blobtest.Put(t, s, "", content)
		subject := "$O." + bucket + ".C." + infoOf(t, str, id).NUID
		at := uint64(0)
		for range lost + 1 {
			m, err := str.GetMsg(t.Context(), at+1, jetstream.WithGetMsgSubject(subject))
			if err != nil {
				t.Fatal(err)
			}
			at = m.Sequence
		}
		if err := str.DeleteMsg(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.Open(t.Context(), id)
		if !errors.Is(err, blob.ErrDamaged) || !strings.Contains(err.Error(), "2 of 3 chunks") || !strings.Contains(err.Error(), id) {
			t.Errorf("chunk %d lost: %v", lost, err)
		}
		if n, _, err := s.Verify(t.Context()); n != 0 || !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("Verify: %d, %v", n, err)
		}
	}
}

// A meta that cannot be read is damage too; storing the blob again heals it, and a sweep can take it.
func TestDamagedMeta(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	js, _ := streamOf(t, nc)
	content := []byte("content")
	id := blobtest.Put(t, s, "", content)
	damage := func() {
		t.Helper()
		if _, err := js.Publish(t.Context(), metaOf(id), []byte(`{"name":`)); err != nil {
			t.Fatal(err)
		}
		_, _, opened := s.Open(t.Context(), id)
		_, _, verified := s.Verify(t.Context())
		if !errors.Is(opened, blob.ErrDamaged) || !errors.Is(verified, blob.ErrDamaged) {
			t.Errorf("Open: %v; Verify: %v", opened, verified)
		}
		if has, err := s.Has(t.Context(), id); !has || err != nil {
			t.Errorf("Has: %v, %v", has, err)
		}
	}
	damage()
	blobtest.Put(t, s, "", content)
	blobtest.Check(t, s, id, content)
	damage()
	if _, err := s.Sweep(t.Context(), future(), drop); err != nil {
		t.Fatal(err)
	}
	blobtest.CheckMissing(t, s, id)
}
