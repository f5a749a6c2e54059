package esdblog_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]esdblog.Config{
		"no url":   {Name: "test"},
		"no name":  {URL: "esdb://h?tls=false"},
		"dots":     {URL: "esdb://h?tls=false", Name: "a.b"},
		"long":     {URL: "esdb://h?tls=false", Name: strings.Repeat("x", 65)},
		"a CA":     {URL: "esdb://h?tlsCaFile=/does/not/exist", Name: "test"},
		"user key": {URL: "esdb://h?userKeyFile=/does/not/exist", Name: "test"},
	} {
		if _, err := esdblog.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Streams whose metadata could lose commits are refused, with what to do.
func TestOpenRefuses(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"$maxCount":100}`:                 "$maxCount is 100",
		`{"$maxAge":3600}`:                  "$maxAge is 3600",
		`{"$tb":5}`:                         "$tb is 5",
		`{"$tb":0}`:                         "$tb is 0",
		`{"$tb":9223372036854775807}`:       "$tb is 9223372036854775807",
		`{"$maxCount":1,"$maxAge":2,"x":3}`: "$maxCount is 1 (only so many of the last commits are kept), $maxAge is 2",
		`{"$maxAge":"one hour"}`:            "cannot be read",
		`what`:                              "cannot be read",
	} {
		synctest.Test(t, func(t *testing.T) {
			s, cfg := inMemory(t, esdbtest.Config{})
			s.Store().SetMetadata("bedside-test", metadata)
			cfg.Name, cfg.Logger = "test", discard
			_, err := esdblog.Open(t.Context(), cfg)
			if !errors.Is(err, esdblog.ErrSettings) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", metadata, err, want)
			}
		})
	}
	for _, metadata := range []string{`{}`, ``, `{"$acl":{"$w":"bedside"},"$cacheControl":60}`} {
		synctest.Test(t, func(t *testing.T) {
			s, cfg := inMemory(t, esdbtest.Config{})
			s.Store().SetMetadata("bedside-test", metadata)
			open(t, cfg)
			if n := len(s.Store().Events("$$bedside-test")); n != 1 {
				t.Errorf("Open wrote metadata: %d events", n)
			}
		})
	}
}

// Open waits for a server that comes, gives up on one that does not, and says at
// once that a password is wrong.
func TestOpenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{User: "bedside", Password: "a:b@c"})
		cfg.Name, cfg.Logger = "test", discard
		began := time.Now()
		_, err := esdblog.Open(t.Context(), cfg)
		wantOnly(t, "without credentials", err, eventlog.ErrUnavailable)
		if !strings.Contains(err.Error(), "check the user and the password") || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		// They are sent without TLS too.
		cfg.URL = "esdb://bedside:a:b%40c@" + host + "?tls=false"
		s.Stop()
		_, err = esdblog.Open(t.Context(), cfg)
		wantOnly(t, "without a server", err, eventlog.ErrUnavailable)
		go func() {
			<-time.After(20 * time.Second)
			restart(t, s)
		}()
		log := open(t, cfg)
		appendN(t, log, 1, 1)
	})
}

// Everything that goes to a stream asks for the leader, in a header that is sent.
func TestRequiresLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		appendN(t, log, 1, 2)
		if n, err := read(t.Context(), log.Read(within(t), 1)); n != 2 || err != nil {
			t.Error(n, err)
		}
		next, stop := iter.Pull2(log.Subscribe(within(t), 1))
		defer stop()
		take(t, next, 1, 2)
		if calls := s.Calls(); calls.All < 5 || calls.RequiresLeader != calls.All {
			t.Errorf("%+v", calls)
		}
	})
}

// Damage of every kind ends a reader, before anything that follows it.
func TestDamage(t *testing.T) {
	const stream = "bedside-test"
	for name, tt := range map[string]struct {
		damage func(*esdbtest.Store)
		before int   // commits that a reader still gets
		head   error // of Head
		text   string
	}{
		"truncated":            {func(s *esdbtest.Store) { s.SetMetadata(stream, `{"$tb":4}`) }, 0, eventlog.ErrLogDamaged, "$tb is 4"},
		"counted":              {func(s *esdbtest.Store) { s.SetMetadata(stream, `{"$maxCount":3}`) }, 0, eventlog.ErrLogDamaged, "$maxCount is 3"},
		"scavenged":            {func(s *esdbtest.Store) { s.SetMetadata(stream, `{"$tb":4}`); s.Scavenge(stream) }, 0, eventlog.ErrLogDamaged, "restore"},
		"the first is missing": {func(s *esdbtest.Store) { s.Lose(stream, 0, 1) }, 0, eventlog.ErrLogDamaged, "revision 2, but not 1"},
		"one is missing":       {func(s *esdbtest.Store) { s.Lose(stream, 4, 1) }, 4, nil, "revision 6, but not 5"},
		"some are missing":     {func(s *esdbtest.Store) { s.Lose(stream, 4, 3) }, 4, nil, "revision 8, but not 5"},
		"deleted":              {func(s *esdbtest.Store) { s.Delete(stream) }, 0, eventlog.ErrLogDamaged, "was deleted"},
		"tombstoned":           {func(s *esdbtest.Store) { s.Tombstone(stream) }, 0, eventlog.ErrLogDamaged, "tombstone"},
		"all hidden by age":    {func(s *esdbtest.Store) { s.SetMetadata(stream, `{"$maxAge":1}`) }, 0, eventlog.ErrLogDamaged, "all its events are gone"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := inMemory(t, esdbtest.Config{})
				log := open(t, cfg)
				appendN(t, log, 1, 10)
				<-time.After(time.Minute)
				tt.damage(s.Store())
				head, err := log.Head(t.Context())
				if wantOnly(t, "head", err, tt.head); err == nil && head != 10 {
					t.Errorf("head %d", head)
				}
				for what, records := range map[string]iter.Seq2[eventlog.Record, error]{
					"read":      log.Read(within(t), 1),
					"subscribe": log.Subscribe(within(t), 1),
				} {
					if what == "subscribe" && (name == "deleted" || name == "all hidden by age") {
						continue // nothing is there to be got, as in an empty stream
					}
					n, err := read(t.Context(), records)
					wantOnly(t, what, err, eventlog.ErrLogDamaged)
					if err == nil || !strings.Contains(err.Error(), tt.text) {
						t.Errorf("%s: %v does not say %q", what, err, tt.text)
					}
					if n != tt.before {
						t.Errorf("%s: %d commits before the damage, want %d", what, n, tt.before)
					}
				}
				err = log.Append(t.Context(), 10, data(11))
				if name == "tombstoned" {
					wantOnly(t, "append", err, eventlog.ErrLogDamaged)
				}
			})
		})
	}
}

// A deleted stream that is written again would go on with a later revision.
func TestDeletedAndWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cfg := inMemory(t, esdbtest.Config{})
		log := open(t, cfg)
		appendN(t, log, 1, 3)
		s.Store().Delete("bedside-test")
		err := log.Append(t.Context(), 0, data(1))
		if !errors.Is(err, eventlog.ErrLogDamaged) || !errors.Is(err, eventlog.ErrUnknownOutcome) {
			t.Error(err)
		}
	})
}
