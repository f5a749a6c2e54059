package natsblob_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
)

// cluster is three servers that are one JetStream, with a connection to each.
type cluster struct {
	servers []*server.Server
	conns   []*nats.Conn
}

func startCluster(t *testing.T) cluster {
	t.Helper()
	var c cluster
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		if err := l.Close(); err != nil { // for the server, in a moment
			t.Fatal(err)
		}
	}
	for i, port := range ports {
		opts := &server.Options{
			ServerName: fmt.Sprint("node", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30, SyncAlways: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}, Routes: routes,
		}
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		nc, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		c.servers, c.conns = append(c.servers, s), append(c.conns, nc)
	}
	return c
}

// open opens a bucket with three replicas through one of the servers.
func (c cluster) open(t *testing.T, node int, name string) *natsblob.Store {
	t.Helper()
	s, err := natsblob.Open(t.Context(), natsblob.Config{Conn: c.conns[node], Name: name, Replicas: 3, Patience: time.Minute, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stopLeader stops the server that leads a bucket, and returns its number.
func (c cluster) stopLeader(t *testing.T, name string) int {
	t.Helper()
	js, err := jetstream.New(c.conns[0])
	if err != nil {
		t.Fatal(err)
	}
	str, err := js.Stream(t.Context(), "OBJ_bedside-"+name)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range c.servers {
		if s.Name() == str.CachedInfo().Cluster.Leader {
			s.Shutdown()
			s.WaitForShutdown()
			return i
		}
	}
	t.Fatalf("no leader: %+v", str.CachedInfo().Cluster)
	return 0
}

// Three servers with three replicas keep the contract between nodes, and lose nothing with their leader.
func TestCluster(t *testing.T) {
	c := startCluster(t)
	buckets := 0
	blobtest.RunShared(t, func(t *testing.T) (a, b blob.Store) {
		buckets++
		name := fmt.Sprint("shared", buckets)
		return c.open(t, buckets%3, name), c.open(t, (buckets+1)%3, name)
	})
	content := bytes.Repeat([]byte("evidence"), 100_000)
	id := blobtest.Put(t, c.open(t, 0, "test"), "", content)
	gone := c.stopLeader(t, "test")
	s := c.open(t, (gone+1)%3, "test")
	for t.Context().Err() == nil { // there is an election first
		if _, err := s.Has(t.Context(), id); !errors.Is(err, blob.ErrUnavailable) {
			break
		}
	}
	blobtest.Check(t, s, id, content)
	err := commit(t, s, content[1:])
	for errors.Is(err, blob.ErrUnavailable) && t.Context().Err() == nil {
		err = commit(t, s, content[1:])
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.servers {
		if i != gone {
			s := c.open(t, i, "test")
			blobtest.Check(t, s, id, content)
			blobtest.Check(t, s, blobtest.ID(content[1:]), content[1:])
			if n, _, err := s.Verify(t.Context()); n != 2 || err != nil {
				t.Errorf("Verify: %d, %v; want 2", n, err)
			}
		}
	}
}
