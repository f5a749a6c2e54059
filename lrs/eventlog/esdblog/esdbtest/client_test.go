package esdbtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
	"github.com/google/uuid"
)

// client is the official client, which shows that the double speaks its protocol.
func client(t *testing.T, s *esdbtest.Server, url string) *esdb.Client {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if url == "" {
		url = s.URL()
	}
	cfg, err := esdb.ParseConnectionString(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func event(n int) esdb.EventData {
	return esdb.EventData{
		EventID: uuid.NewSHA1(uuid.Nil, []byte{byte(n)}), EventType: "Tested", ContentType: esdb.ContentTypeBinary,
		Data: fmt.Appendf(nil, "event %d", n), Metadata: []byte("about it"),
	}
}

func code(err error) esdb.ErrorCode {
	var e *esdb.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return -1
}

func TestOfficialClientAppends(t *testing.T) {
	s := esdbtest.New(esdbtest.Config{})
	c := client(t, s, "")
	appendTo := func(expected esdb.ExpectedRevision, events ...esdb.EventData) (uint64, error) {
		result, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: expected}, events...)
		if err != nil {
			return 0, err
		}
		return result.NextExpectedVersion, nil
	}
	wantRevision := func(what string, want uint64, got uint64, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s: revision %d, %v; want %d", what, got, err, want)
		}
	}
	r, err := appendTo(esdb.NoStream{}, event(0))
	wantRevision("first", 0, r, err)
	r, err = appendTo(esdb.Revision(0), event(1), event(2))
	wantRevision("two", 2, r, err)
	r, err = appendTo(esdb.Revision(0), event(1), event(2))
	wantRevision("the same again", 2, r, err)
	r, err = appendTo(esdb.NoStream{}, event(0))
	wantRevision("the first again", 0, r, err)
	r, err = appendTo(esdb.Any{}, event(3))
	wantRevision("any", 3, r, err)
	r, err = appendTo(esdb.Any{}, event(3))
	wantRevision("any again", 3, r, err)
	r, err = appendTo(esdb.StreamExists{}, event(4))
	wantRevision("exists", 4, r, err)
	for name, expected := range map[string]esdb.ExpectedRevision{
		"no stream": esdb.NoStream{}, "behind": esdb.Revision(2), "ahead": esdb.Revision(9),
	} {
		if _, err := appendTo(expected, event(5)); code(err) != esdb.ErrorCodeWrongExpectedVersion {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := event(6)
	large.Data = make([]byte, esdbtest.MaxAppendSize+1)
	if _, err := appendTo(esdb.Revision(4), large); err == nil {
		t.Error("an append over the limit")
	}
	if n := len(s.Store().Events("s")); n != 5 {
		t.Errorf("%d events are stored", n)
	}
}

func TestOfficialClientReads(t *testing.T) {
	s := esdbtest.New(esdbtest.Config{})
	c := client(t, s, "")
	for i := range 5 {
		if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, event(i)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(options esdb.ReadStreamOptions, count uint64) (got []uint64, err error) {
		stream, err := c.ReadStream(t.Context(), "s", options, count)
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		for {
			e, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return got, nil
			}
			if err != nil {
				return got, err
			}
			n := int(e.Event.EventNumber)
			if want := event(n); string(e.Event.Data) != string(want.Data) || e.Event.EventID != want.EventID ||
				e.Event.EventType != want.EventType || string(e.Event.UserMetadata) != string(want.Metadata) ||
				time.Since(e.Event.CreatedDate).Abs() > time.Hour {
				t.Errorf("event %d is %+v", n, e.Event)
			}
			got = append(got, e.Event.EventNumber)
		}
	}
	for _, tt := range []struct {
		options esdb.ReadStreamOptions
		count   uint64
		want    string
	}{
		{esdb.ReadStreamOptions{From: esdb.Start{}}, 99, "[0 1 2 3 4]"},
		{esdb.ReadStreamOptions{From: esdb.Revision(2)}, 2, "[2 3]"},
		{esdb.ReadStreamOptions{From: esdb.Revision(7)}, 2, "[]"},
		{esdb.ReadStreamOptions{From: esdb.End{}}, 2, "[]"},
		{esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}}, 2, "[4 3]"},
		{esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.Revision(1)}, 9, "[1 0]"},
	} {
		if got, err := read(tt.options, tt.count); err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%+v: %v, %v; want %s", tt.options, got, err, tt.want)
		}
	}
	// Metadata hides, deletion can be taken back, a tombstone cannot.
	var metadata esdb.StreamMetadata
	metadata.SetMaxCount(2)
	if _, err := c.SetStreamMetadata(t.Context(), "s", esdb.AppendToStreamOptions{}, metadata); err != nil {
		t.Fatal(err)
	}
	if m, err := c.GetStreamMetadata(t.Context(), "s", esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}}); err != nil || *m.MaxCount() != 2 {
		t.Errorf("metadata %+v, %v", m, err)
	}
	if got, err := read(esdb.ReadStreamOptions{From: esdb.Start{}}, 99); err != nil || fmt.Sprint(got) != "[3 4]" {
		t.Errorf("with $maxCount: %v, %v", got, err)
	}
	if _, err := c.DeleteStream(t.Context(), "s", esdb.DeleteStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(esdb.ReadStreamOptions{From: esdb.Start{}}, 99); code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("deleted: %v", err)
	}
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, event(5)); err != nil {
		t.Error(err)
	}
	if got, err := read(esdb.ReadStreamOptions{From: esdb.Start{}}, 99); err != nil || fmt.Sprint(got) != "[5]" {
		t.Errorf("written after it was deleted: %v, %v", got, err)
	}
	if _, err := c.TombstoneStream(t.Context(), "s", esdb.TombstoneStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(esdb.ReadStreamOptions{From: esdb.Start{}}, 99); code(err) != esdb.ErrorCodeStreamDeleted {
		t.Errorf("tombstoned: %v", err)
	}
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, event(6)); code(err) != esdb.ErrorCodeStreamDeleted {
		t.Errorf("append to a tombstoned stream: %v", err)
	}
}

func TestOfficialClientSubscribes(t *testing.T) {
	s := esdbtest.New(esdbtest.Config{})
	c := client(t, s, "")
	add := func(i int) {
		t.Helper()
		if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, event(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		add(i)
	}
	sub, err := c.SubscribeToStream(t.Context(), "s", esdb.SubscribeToStreamOptions{From: esdb.Revision(0)})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(n int) {
		t.Helper()
		if e := sub.Recv(); e.EventAppeared == nil || e.EventAppeared.Event.EventNumber != uint64(n) {
			t.Fatalf("%+v, not event %d", e, n)
		}
	}
	expect(1)
	expect(2)
	if e := sub.Recv(); e.CaughtUp == nil {
		t.Fatalf("%+v after the backlog", e)
	}
	for i := 3; i < 6; i++ {
		add(i)
		expect(i)
	}
	s.Stop()
	if e := sub.Recv(); e.SubscriptionDropped == nil {
		t.Errorf("%+v when the server is lost", e)
	}
}

// A cluster's gossip leads the client to the leader; its deadline is the server's.
func TestOfficialClientInCluster(t *testing.T) {
	store := esdbtest.NewStore()
	follower, leader := esdbtest.New(esdbtest.Config{Store: store}), esdbtest.New(esdbtest.Config{Store: store})
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(leader.Stop)
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	address := follower.Address()
	follower.Stop()
	c := client(t, follower, "esdb+discover://"+address+"?tls=false")
	esdbtest.Cluster{follower, leader}.Lead(leader)
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, event(0)); err != nil {
		t.Fatal(err)
	}
	if leader.Appends() != 1 || follower.Appends() != 0 {
		t.Errorf("%d appends at the leader, %d at the follower", leader.Appends(), follower.Appends())
	}
	leader.SetPlan(func(esdbtest.Append) esdbtest.Fault { return esdbtest.SilentlyKept })
	deadline := 50 * time.Millisecond
	_, err := c.AppendToStream(context.Background(), "s", esdb.AppendToStreamOptions{Deadline: &deadline}, event(1))
	if code(err) != esdb.ErrorCodeDeadlineExceeded {
		t.Errorf("without an answer: %v", err)
	}
	if n := len(store.Events("s")); n != 2 {
		t.Errorf("%d events are stored", n)
	}
}
