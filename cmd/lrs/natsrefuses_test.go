package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// singleNATS is one nats-server, whose clients need a password.
type singleNATS struct {
	*cluster
	password string
}

func startSingleNATS(t *testing.T) *singleNATS {
	t.Helper()
	program, err := natsServer()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &singleNATS{cluster: &cluster{t: t, program: program}, password: "secret"}
	s.servers[0] = &natsProcess{
		name: "n0", address: fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0]), dir: dir, config: filepath.Join(dir, "nats.conf"), log: &syncBuffer{},
	}
	s.expect(s.password)
	s.start(0)
	return s
}

// expect has the server want a password from its next start on.
func (s *singleNATS) expect(password string) {
	s.t.Helper()
	config := fmt.Sprintf("server_name: n0\nlisten: %s\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: always }\n"+
		"authorization { user: lrs, password: %q }\n", s.servers[0].address, filepath.Join(s.servers[0].dir, "js"), password)
	if err := os.WriteFile(s.servers[0].config, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// restart starts the server again, wanting another password.
func (s *singleNATS) restart(password string) {
	s.t.Helper()
	s.stop(0)
	s.expect(password)
	s.start(0)
}

// node starts a store that reaches the server at an address, with the password that the server wanted first.
func (s *singleNATS) node(t *testing.T, address string) *server {
	t.Helper()
	started, err := tryServer(t, t.TempDir(), []string{"LRS_LOG=nats://lrs:" + s.password + "@" + address}, "--log-replicas", "1")
	if err != nil {
		t.Fatal(err)
	}
	return started
}

// TestWrongPasswordForAWhile: a node whose credentials the servers refuse for a while, as when an operator got their
// configuration wrong, writes again when they are right, without a restart.
func TestWrongPasswordForAWhile(t *testing.T) {
	t.Parallel()
	cluster := startSingleNATS(t)
	s := cluster.node(t, cluster.servers[0].address)
	tick, deadline := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer tick.Stop()
	await := func(what string, so func() bool) {
		t.Helper()
		for !so() {
			select {
			case <-tick.C:
			case <-s.exited:
				t.Fatalf("%s: the node ended: %v\n%s", what, s.err, s.stderr)
			case <-deadline:
				t.Fatalf("%s: not after %s\n%s", what, patience, s.stderr)
			}
		}
	}

	cluster.restart("another")
	await("two refusals", func() bool { return strings.Count(s.stderr.String(), "authorization violation") >= 2 })
	if _, err := tryServer(t, t.TempDir(), s.cmd.Env, "--log-replicas", "1"); err == nil || !strings.Contains(strings.ToLower(err.Error()), "authorization violation") {
		t.Errorf("a node that starts with a wrong password: %v", err)
	}
	cluster.restart(cluster.password)
	await("a write", func() bool {
		status, _, _, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(hostileStatement("")))
		return err == nil && status == http.StatusOK
	})
	if err := s.stop(t); err != nil {
		t.Errorf("stopped: %v\n%s", err, s.stderr)
	}
}

// TestClosedForGood: what a server says may close the connection for ever. The node ends then, and says that it must be
// started again, instead of going on with 503 to every write.
func TestClosedForGood(t *testing.T) {
	t.Parallel()
	cluster := startSingleNATS(t)
	link := newSayingLink(t, cluster.servers[0].address, "-ERR 'No More Of This'\r\n")
	s := cluster.node(t, link.address)
	link.say.Store(true)
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatalf("the node goes on\n%s", s.stderr)
	}
	if told := s.stderr.String(); s.err == nil || !strings.Contains(told, "start this node again: nats: No More Of This") {
		t.Errorf("ended: %v\n%s", s.err, told)
	}
}

// sayingLink is a TCP proxy to a NATS server that can say something in the server's name.
type sayingLink struct {
	address string
	say     atomic.Bool
}

// newSayingLink makes one that, told to, adds words to the server's next answer to a ping, where no message can be under
// way. It ends with the test.
func newSayingLink(t *testing.T, server, words string) *sayingLink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &sayingLink{address: listener.Addr().String()}
	serve := func(client net.Conn) {
		defer client.Close()
		up, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		go func() { // ends with the client
			defer up.Close()
			_, _ = io.Copy(up, client)
		}()
		b := make([]byte, 64<<10)
		for {
			n, err := up.Read(b)
			said := b[:n]
			if bytes.HasSuffix(said, []byte("PONG\r\n")) && l.say.Load() {
				said = append(bytes.Clone(said), words...)
			}
			if _, failed := client.Write(said); err != nil || failed != nil {
				return
			}
		}
	}
	go func() { // ends with listener
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(client)
		}
	}()
	return l
}
