package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsServer builds the real nats-server once, from the module's own main package.
var natsServer = sync.OnceValues(func() (string, error) {
	dir, err := leftDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "nats-server")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// cluster is three nats-servers with JetStream, each a process of its own, on loopback.
type cluster struct {
	t       *testing.T
	program string
	servers [3]*natsProcess
}

type natsProcess struct {
	name    string
	address string // of its clients
	outward string // where nodes reach it: its address, or a link to that
	config  string
	dir     string
	cmd     *exec.Cmd // nil: it does not run
	exited  chan struct{}
	log     *syncBuffer
}

// startCluster starts the servers. change may alter a server's configuration, which is text.
func startCluster(t *testing.T, change func(n int, config string) string) *cluster {
	t.Helper()
	return startClusterLinked(t, nil, change)
}

// startClusterLinked is startCluster with links, if link is not nil: it makes one from a server, or from nodes (-1), to a
// server with an address, and returns the address of the link. No server tells another, or a client, of any other address.
func startClusterLinked(t *testing.T, link func(from, to int, address string) string, change func(n int, config string) string) *cluster {
	t.Helper()
	program, err := natsServer()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, program: program}
	clients, routes := freePorts(t, 3), freePorts(t, 3)
	for i := range c.servers {
		s := &natsProcess{
			name: fmt.Sprintf("n%d", i), address: fmt.Sprintf("127.0.0.1:%d", clients[i]), dir: t.TempDir(), log: &syncBuffer{},
		}
		var to []string
		for j, port := range routes {
			address := fmt.Sprintf("127.0.0.1:%d", port)
			if link != nil && j != i {
				address = link(i, j, address)
			}
			to = append(to, "nats://"+address)
		}
		s.outward = s.address
		toldServers := fmt.Sprintf("127.0.0.1:%d", routes[i])
		if link != nil {
			s.outward = link(-1, i, s.address)
			toldServers = "127.0.0.1:1" // where nobody is
		}
		config := fmt.Sprintf("server_name: %s\nlisten: %s\nclient_advertise: %q\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: always }\n"+
			"cluster { name: c, listen: 127.0.0.1:%d, advertise: %q, routes: [%s] }\n",
			s.name, s.address, s.outward, filepath.Join(s.dir, "js"), routes[i], toldServers, strings.Join(to, ", "))
		if change != nil {
			config = change(i, config)
		}
		s.config = filepath.Join(s.dir, "nats.conf")
		if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c.servers[i] = s
		c.start(i)
	}
	return c
}

// givenPorts counts what freePorts has given.
var givenPorts atomic.Int64

// freePorts are ports that nobody listens on, below those that the system gives to whoever asks for any: a server that is
// started again finds its own free.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	const first, all = 20_000, 12_000
	for range all {
		// Other processes that run tests begin elsewhere.
		port := first + (os.Getpid()*131+int(givenPorts.Add(1)))%all
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if ports = append(ports, port); len(ports) == n {
			return ports
		}
	}
	t.Fatalf("no %d ports are free", n)
	return nil
}

func (c *cluster) start(i int) {
	c.t.Helper()
	s := c.servers[i]
	s.cmd, s.exited = exec.Command(c.program, "-c", s.config), make(chan struct{})
	s.cmd.Stderr = s.log
	s.cmd.Env = append(os.Environ(), "NATS_NAME="+s.name) // for the configuration of docker-compose.yml
	if err := s.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	cmd, exited := s.cmd, s.exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
}

// kill ends a server as a crash does.
func (c *cluster) kill(i int) {
	_ = c.servers[i].cmd.Process.Kill()
	<-c.servers[i].exited
}

// stop ends a server as an operator does.
func (c *cluster) stop(i int) { c.signal(i, syscall.SIGTERM); <-c.servers[i].exited }

func (c *cluster) signal(i int, sig syscall.Signal) {
	c.t.Helper()
	if err := c.servers[i].cmd.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// url is what --log takes.
func (c *cluster) url() string {
	var all []string
	for _, s := range c.servers {
		all = append(all, s.outward)
	}
	return "nats://" + strings.Join(all, ",")
}

// leader is the server that leads the log's stream now, as soon as one does. The servers that are left out are not asked,
// and are not it: one that is cut off may still take itself for the leader.
func (c *cluster) leader(leftOut ...int) int {
	c.t.Helper()
	var addresses []string
	for i, s := range c.servers {
		if !slices.Contains(leftOut, i) {
			addresses = append(addresses, "nats://"+s.address)
		}
	}
	conn, err := nats.Connect(strings.Join(addresses, ","), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.IgnoreDiscoveredServers())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		asking, done := context.WithTimeout(ctx, 2*time.Second)
		stream, err := js.Stream(asking, "bedside-main")
		done()
		if err == nil && stream.CachedInfo().Cluster != nil {
			for i, s := range c.servers {
				if s.name == stream.CachedInfo().Cluster.Leader && !slices.Contains(leftOut, i) {
					return i
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	c.t.Fatalf("the stream has no leader after %s", patience)
	return 0
}

// formed waits until the servers are one JetStream. A node that starts waits for that too, but not as long as it may take
// them on a busy machine.
func (c *cluster) formed() {
	c.t.Helper()
	if err := c.untilJetStream(0, func(err error) bool { return err == nil }); err != nil {
		c.t.Fatalf("the servers are no cluster after %s: %v\n%s", patience, err, c.servers[0].log)
	}
}

// untilJetStream asks a server for its JetStream until what comes of that is what is wanted.
func (c *cluster) untilJetStream(i int, wanted func(error) bool) (err error) {
	c.t.Helper()
	conn, err := nats.Connect("nats://"+c.servers[i].address, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.IgnoreDiscoveredServers())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		asking, done := context.WithTimeout(ctx, 2*time.Second)
		_, err := js.AccountInfo(asking)
		done()
		if wanted(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// nodes starts stores over the cluster, each on a directory of its own.
func (c *cluster) nodes(t *testing.T, n int, args ...string) (all []*server) {
	t.Helper()
	var starting []*server
	for i := range n {
		starting = append(starting, spawn(t, t.TempDir(), nil, append([]string{"--log", c.url(), "--node", fmt.Sprintf("node-%d", i)}, args...)...))
	}
	for _, s := range starting {
		ready, err := s.await()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ready)
	}
	return all
}
