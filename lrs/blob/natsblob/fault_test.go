package natsblob_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
)

var errNoAnswer = errors.New("no answer")

func isMeta(m *nats.Msg) bool { return strings.HasPrefix(m.Subject, "$O."+bucket+".M.") }

// failing breaks a store's publish of message n of a Commit: it is lost, or stored and reported lost.
func failing(n int, stored bool) natsblob.Fault {
	return func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error {
		if n--; n != 0 {
			return send(ctx, m)
		}
		if stored {
			if err := send(ctx, m); err != nil {
				return err
			}
		}
		return errNoAnswer
	}
}

func commit(t *testing.T, s blob.Store, content []byte) error {
	t.Helper()
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Commit(t.Context())
	return err
}

// A Commit that breaks off anywhere leaves nothing that can be read, or what was there, or all of the new; and
// nothing that a later sweep does not remove. It does so only when no Commit can be at work on it.
func TestInterruptedCommit(t *testing.T) {
	content := bytes.Repeat([]byte("evidence"), 80_000) // three chunks and the meta
	for _, before := range []bool{false, true} {
		for n := 1; n <= 4; n++ {
			for _, stored := range []bool{false, true} {
				nc := connect(t)
				s := open(t, nc)
				_, str := streamOf(t, nc)
				id := blobtest.ID(content)
				if before {
					blobtest.Put(t, s, "", content)
				}
				s.Break(failing(n, stored))
				if err := commit(t, s, content); !errors.Is(err, errNoAnswer) {
					t.Fatalf("Commit: %v", err)
				}
				s.Heal()
				there := before || n == 4 && stored
				check := func() {
					t.Helper()
					if there {
						blobtest.Check(t, s, id, content)
					} else {
						blobtest.CheckMissing(t, s, id)
					}
					if _, _, err := s.Verify(t.Context()); err != nil {
						t.Error(err)
					}
				}
				check()
				left := len(subjects(t, str, ">"))
				keep := func(string) (bool, error) { return there, nil }
				for _, young := range []time.Duration{0, natsblob.LeftoverAge - time.Minute} {
					s.SetNow(func() time.Time { return time.Now().Add(young) })
					if _, err := s.Sweep(t.Context(), future(), keep); err != nil || len(subjects(t, str, ">")) != left {
						t.Errorf("message %d: a sweep removes chunks that may be of a Commit under way (%v)", n, err)
					}
				}
				s.SetNow(func() time.Time { return time.Now().Add(natsblob.LeftoverAge + time.Minute) })
				if _, err := s.Sweep(t.Context(), time.Now().Add(-time.Hour), keep); err != nil || len(subjects(t, str, ">")) != left {
					t.Errorf("message %d: a sweep removes chunks younger than its time (%v)", n, err)
				}
				if _, err := s.Sweep(t.Context(), future(), keep); err != nil {
					t.Fatal(err)
				}
				want := 0
				if there {
					want = 2
				}
				if got := subjects(t, str, ">"); len(got) != want {
					t.Errorf("message %d, stored %v: a sweep leaves %v", n, stored, got)
				}
				check()
				if err := commit(t, s, content); err != nil {
					t.Fatal(err)
				}
				blobtest.Check(t, s, id, content)
			}
		}
	}
}

// A meta that is stored long after its Commit failed, behind that of another, makes a blob that is whole.
func TestLateMeta(t *testing.T) {
	nc := connect(t)
	a, b := open(t, nc), open(t, nc)
	content := bytes.Repeat([]byte("late"), 100_000)
	id := blobtest.Put(t, b, "", content)
	var late *nats.Msg
	a.Break(func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error {
		if isMeta(m) {
			late = m
			return errNoAnswer
		}
		return send(ctx, m)
	})
	if err := commit(t, a, content); !errors.Is(err, errNoAnswer) {
		t.Fatal(err)
	}
	blobtest.Put(t, b, "", content)
	if err := nc.PublishMsg(late); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		blobtest.Check(t, b, id, content)
		b.SetNow(func() time.Time { return time.Now().Add(natsblob.LeftoverAge + time.Minute) })
		if n, err := b.Sweep(t.Context(), future(), func(string) (bool, error) { return true, nil }); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	_, str := streamOf(t, nc)
	if got := subjects(t, str, ">"); len(got) != 2 {
		t.Errorf("the bucket has %v; want one meta and one upload", got)
	}
}

// Chunks whose meta JetStream has lost stay while the blob must be kept: a repair needs them.
func TestLostMeta(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	_, str := streamOf(t, nc)
	id := blobtest.Put(t, s, "", []byte("signed"))
	m, err := str.GetLastMsgForSubject(t.Context(), metaOf(id))
	if err == nil {
		err = str.DeleteMsg(t.Context(), m.Sequence)
	}
	if err != nil {
		t.Fatal(err)
	}
	blobtest.CheckMissing(t, s, id)
	s.SetNow(func() time.Time { return time.Now().Add(natsblob.LeftoverAge + time.Minute) })
	for _, kept := range []bool{true, false} {
		n, err := s.Sweep(t.Context(), future(), func(of string) (bool, error) { return kept && of == id, nil })
		if n != 0 || err != nil || len(subjects(t, str, ">")) == 1 != kept {
			t.Errorf("kept %v: Sweep: %d, %v, and the bucket has %v", kept, n, err, subjects(t, str, ">"))
		}
	}
}

// A Commit that replaces a blob leaves its chunks to those who may still name them until its own meta is stored.
func TestReplacedAfterItsMeta(t *testing.T) {
	nc := connect(t)
	s, other := open(t, nc), open(t, nc)
	content := bytes.Repeat([]byte("replaced"), 100_000)
	id := blobtest.Put(t, s, "", content)
	s.Break(func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error {
		blobtest.Check(t, other, id, content)
		err := send(ctx, m)
		blobtest.Check(t, other, id, content)
		return err
	})
	if err := commit(t, s, content); err != nil {
		t.Fatal(err)
	}
	blobtest.Check(t, other, id, content)
}

// Whoever goes away in the middle of a Commit ends it.
func TestCommitEndsWithContext(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	w, err := s.Create(t.Context(), "")
	if err == nil {
		_, err = w.Write(make([]byte, 600_000))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := 0
	s.Break(func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error {
		if sent++; sent == 2 {
			cancel()
		}
		return send(ctx, m)
	})
	if _, _, err := w.Commit(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrUnavailable) || sent != 2 {
		t.Errorf("Commit: %v after %d messages", err, sent)
	}
	_, str := streamOf(t, nc)
	for subject, n := range subjects(t, str, ">") {
		if n != 1 {
			t.Errorf("%s has %d messages; want the one before the end", subject, n)
		}
	}
	blobtest.CheckMissing(t, s, blobtest.ID(make([]byte, 600_000)))
	_, _, err = s.Open(ctx, blobtest.ID(nil))
	_, err2 := s.Has(ctx, blobtest.ID(nil))
	for _, err := range []error{err, err2} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("with an ended context: %v", err)
		}
	}
}

// Content on the way is in files that nobody can see, or nowhere; a disk that takes none fails the Write for good.
func TestTempDir(t *testing.T) {
	dir := t.TempDir()
	s, err := natsblob.Open(t.Context(), natsblob.Config{Conn: connect(t), Name: "test", TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 600_000)
	w, err := s.Create(t.Context(), "")
	if err == nil {
		_, err = w.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	r, _, err := s.Open(t.Context(), blobtest.Put(t, s, "", content))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("files in TempDir: %v, %v", left, err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	small := blobtest.Put(t, s, "", content[:1000]) // needs no file
	blobtest.Check(t, s, small, content[:1000])
	if _, _, err := s.Open(t.Context(), blobtest.ID(content)); err == nil || errors.Is(err, blob.ErrDamaged) {
		t.Errorf("Open without a place for the content: %v", err)
	}
	w2, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, full := w2.Write(content)
	if full == nil {
		t.Fatal("no error")
	}
	if err := os.Mkdir(dir, 0o700); err != nil { // there is space again
		t.Fatal(err)
	}
	if n, err := w2.Write(content); n != 0 || err != full {
		t.Errorf("second Write: %d, %v; want the error of the first", n, err)
	}
	if _, _, err := w2.Commit(t.Context()); !errors.Is(err, full) {
		t.Errorf("Commit: %v; want the error of Write", err)
	}
}
