package natsblob_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

func TestConfig(t *testing.T) {
	nc := connect(t)
	for name, cfg := range map[string]natsblob.Config{
		"no connection": {Name: "test"},
		"no name":       {Conn: nc},
		"dots":          {Conn: nc, Name: "a.b"},
		"wildcard":      {Conn: nc, Name: "a*"},
		"long":          {Conn: nc, Name: strings.Repeat("x", 65)},
		"replicas":      {Conn: nc, Name: "test", Replicas: 6},
	} {
		if _, err := natsblob.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Buckets as a server has them: made by hand, with settings that it allows.
func TestOpenRefuses(t *testing.T) {
	js, err := jetstream.New(connect(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   []string
	}{
		"limits": {func(c *jetstream.StreamConfig) { c.MaxAge, c.MaxMsgs, c.MaxBytes = time.Hour, 100, 1<<20 },
			[]string{"max_age is 1h0m0s", "--max-age=0", "max_msgs is 100", "--max-msgs=-1", "max_bytes is 1048576", "--max-bytes=-1"}},
		"one each":  {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, []string{"max_msgs_per_subject is 1"}},
		"small":     {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, []string{"max_msg_size is 1000"}},
		"old goes":  {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, []string{"discard is DiscardOld"}},
		"memory":    {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, []string{"storage is Memory"}},
		"queue":     {func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, []string{"retention is WorkQueue"}},
		"async":     {func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }, []string{"persist_mode"}},
		"any node":  {func(c *jetstream.StreamConfig) { c.AllowDirect = true }, []string{"allow_direct is true", "--no-allow-direct"}},
		"no rollup": {func(c *jetstream.StreamConfig) { c.AllowRollup = false }, []string{"allow_rollup_hdrs is false", "--allow-rollup"}},
		"no purge":  {func(c *jetstream.StreamConfig) { c.AllowRollup, c.DenyPurge = false, true }, []string{"deny_purge is true"}},
		"no acks":   {func(c *jetstream.StreamConfig) { c.NoAck = true }, []string{"no_ack is true"}},
		"ttl":       {func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true }, []string{"allow_msg_ttl is true"}},
		"later":     {func(c *jetstream.StreamConfig) { c.Discard, c.AllowMsgSchedules = jetstream.DiscardOld, true }, []string{"allow_msg_schedules is true"}},
		"subjects":  {func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:1] }, []string{"subjects is"}},
		"told on": {func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Destination: "public.>"} },
			[]string{"republish is set"}},
		"renamed": {func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: c.Subjects[0], Destination: c.Subjects[0] + "x.>"}
		}, []string{"subject_transform is set"}},
	} {
		t.Run(name, func(t *testing.T) {
			name := strings.ReplaceAll(name, " ", "-")
			cfg := jetstream.StreamConfig{Name: "OBJ_bedside-" + name, Subjects: []string{"$O.bedside-" + name + ".C.>", "$O.bedside-" + name + ".M.>"},
				Discard: jetstream.DiscardNew, AllowRollup: true}
			tt.change(&cfg)
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			_, err := natsblob.Open(t.Context(), natsblob.Config{Conn: js.Conn(), Name: name})
			if !errors.Is(err, natsblob.ErrSettings) || errors.Is(err, blob.ErrUnavailable) {
				t.Errorf("%v; want ErrSettings", err)
			}
			for _, want := range append(tt.want, cfg.Name) {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
	_, err = natsblob.Open(t.Context(), natsblob.Config{Conn: js.Conn(), Name: "test", Replicas: 3, Patience: time.Millisecond})
	if !errors.Is(err, blob.ErrUnavailable) || !strings.Contains(err.Error(), "replicas") {
		t.Errorf("three replicas on one server: %v", err)
	}
}

func TestSealed(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	js, str := streamOf(t, nc)
	cfg := str.CachedInfo().Config
	cfg.Sealed = true
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrUnavailable) || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("Commit: %v", err)
	}
	if _, err := natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test"}); !errors.Is(err, natsblob.ErrSettings) || !strings.Contains(err.Error(), "sealed is true") {
		t.Errorf("Open: %v", err)
	}
}

// Nodes that start at once make one bucket.
func TestOpenTogether(t *testing.T) {
	s := start(t)
	errs := make(chan error)
	for range 4 {
		nc := connectTo(t, s)
		go func() {
			_, err := natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test"})
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// What was committed, replaced and swept is so when another server process starts on the directory.
func TestServerStartsAgain(t *testing.T) {
	dir := t.TempDir()
	server, err := natsembed.Start(t.Context(), natsembed.Config{Dir: dir, Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, connectTo(t, server))
	content := make([]byte, 700_000)
	id := blobtest.Put(t, s, "", content)
	swept := blobtest.Put(t, s, "", []byte("swept"))
	blobtest.Put(t, s, "", content)
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(of string) (bool, error) { return of == id, nil }); n != 1 || err != nil {
		t.Fatalf("Sweep: %d, %v", n, err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	server, err = natsembed.Start(t.Context(), natsembed.Config{Dir: dir, Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s = open(t, connectTo(t, server))
	blobtest.Check(t, s, id, content)
	blobtest.CheckMissing(t, s, swept)
	if n, size, err := s.Verify(t.Context()); n != 1 || size != int64(len(content)) || err != nil {
		t.Errorf("Verify: %d, %d, %v", n, size, err)
	}
}
