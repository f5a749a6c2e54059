package natsblob_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
)

// connectWith connects to a server as a user who may publish only to some subjects.
func connectWith(t *testing.T, publish ...string) *nats.Conn {
	t.Helper()
	s, _ := plainServer(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin", Password: "x"},
			{Username: "service", Password: "x", Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: publish},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			}},
		}
		o.NoAuthUser = "admin"
	})
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo("service", "x"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// rights are those that the package names.
func rights() (subjects []string) {
	for _, api := range []string{"INFO", "CREATE", "MSG.GET", "PURGE"} {
		subjects = append(subjects, "$JS.API.STREAM."+api+"."+stream)
	}
	return append(subjects, "$O."+bucket+".>")
}

// The rights that the package names are enough.
func TestRights(t *testing.T) {
	s := open(t, connectWith(t, rights()...))
	content := bytes.Repeat([]byte("rights"), 100_000)
	for range 2 {
		id := blobtest.Put(t, s, "", content)
		blobtest.Put(t, s, "", content)
		blobtest.Check(t, s, id, content)
		if n, _, err := s.Verify(t.Context()); n != 1 || err != nil {
			t.Errorf("Verify: %d, %v", n, err)
		}
		if n, err := s.Sweep(t.Context(), future(), drop); n != 1 || err != nil {
			t.Errorf("Sweep: %d, %v", n, err)
		}
		blobtest.CheckMissing(t, s, id)
	}
}

// A right that is missing looks like no answer. The error says so, unless it was the caller who went away.
func TestNoAnswer(t *testing.T) {
	all := rights()
	s := open(t, connectWith(t, append(all[:2:2], all[3:]...)...)) // without MSG.GET
	id := blobtest.ID(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, _, err := s.Open(ctx, id)
	_, err2 := s.Has(ctx, id)
	for _, err := range []error{err, err2} {
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("the caller's time is over: %v", err)
		}
	}
	s.SetRequestTimeout(10 * time.Millisecond)
	_, err = s.Has(t.Context(), id)
	saysUnavailable(t, "Has", err, bucket, "a right that is missing")

	nc := connectWith(t, all[2:]...) // not even INFO
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := natsblob.Open(ctx, natsblob.Config{Conn: nc, Name: "test"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open: %v", err)
	}
	_, err = natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test", RequestTimeout: 10 * time.Millisecond, Patience: 10 * time.Millisecond})
	saysUnavailable(t, "Open", err, bucket, "a right that is missing")
}
