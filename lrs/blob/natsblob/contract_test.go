package natsblob_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

const (
	bucket = "bedside-test"
	stream = "OBJ_bedside-test"
)

var discard = slog.New(slog.DiscardHandler)

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Fixture {
		nc := connect(t)
		return blobtest.Fixture{
			Store:  open(t, nc),
			Reopen: func() blob.Store { return open(t, nc) },
			Damage: func(t *testing.T, id string) { flip(t, nc, id) },
		}
	})
}

func TestShared(t *testing.T) {
	blobtest.RunShared(t, func(t *testing.T) (a, b blob.Store) {
		s := start(t)
		return open(t, connectTo(t, s)), open(t, connectTo(t, s))
	})
}

func start(t testing.TB) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(t.Context(), natsembed.Config{Dir: t.TempDir(), Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connectTo(t testing.TB, s *natsembed.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// connect connects to a server of its own.
func connect(t testing.TB) *nats.Conn {
	t.Helper()
	return connectTo(t, start(t))
}

func open(t testing.TB, nc *nats.Conn) *natsblob.Store {
	t.Helper()
	s, err := natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func metaOf(id string) string {
	return "$O." + bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(id))
}

func streamOf(t testing.TB, nc *nats.Conn) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	str, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return js, str
}

// infoOf reads a meta as package jetstream would.
func infoOf(t testing.TB, str jetstream.Stream, id string) (info jetstream.ObjectInfo) {
	t.Helper()
	m, err := str.GetLastMsgForSubject(t.Context(), metaOf(id))
	if err == nil {
		err = json.Unmarshal(m.Data, &info)
	}
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// flip stores the chunks of a blob anew, the last one with its last byte changed.
func flip(t testing.TB, nc *nats.Conn, id string) {
	t.Helper()
	js, str := streamOf(t, nc)
	subject := "$O." + bucket + ".C." + infoOf(t, str, id).NUID
	var content [][]byte
	for at := uint64(1); ; {
		m, err := str.GetMsg(t.Context(), at, jetstream.WithGetMsgSubject(subject))
		if err != nil {
			break
		}
		content = append(content, m.Data)
		at = m.Sequence + 1
	}
	if err := str.Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil {
		t.Fatal(err)
	}
	last := content[len(content)-1]
	last[len(last)-1] ^= 1
	for _, chunk := range content {
		if _, err := js.Publish(t.Context(), subject, chunk); err != nil {
			t.Fatal(err)
		}
	}
}

// subjects counts the messages below a subject.
func subjects(t testing.TB, str jetstream.Stream, filter string) map[string]uint64 {
	t.Helper()
	info, err := str.Info(t.Context(), jetstream.WithSubjectFilter(filter))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Subjects
}
