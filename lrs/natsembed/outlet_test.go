package natsembed

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var hr = Subscriber{User: "hr", Password: "correct horse battery"}

// listen starts a server that lets hr in.
func listen(t *testing.T, dir string, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{Dir: dir, Logger: slog.New(slog.DiscardHandler), Listen: "127.0.0.1:0", Subscribers: []Subscriber{hr}}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Start(t.Context(), cfg)
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

// client is a NATS client of another program, and the errors that it is told of.
type client struct {
	*nats.Conn
	errs chan error
}

func dial(t *testing.T, s *Server, options ...nats.Option) client {
	t.Helper()
	errs := make(chan error, 100)
	nc, err := nats.Connect("nats://"+s.Addr().String(), append([]nats.Option{
		nats.UserInfo(hr.User, hr.Password), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return client{nc, errs}
}

// subscribe returns when the server knows of it.
func (c client) subscribe(t *testing.T, subject string) *nats.Subscription {
	t.Helper()
	sub, err := c.SubscribeSync(subject)
	if err == nil {
		err = c.FlushWithContext(within(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantNext(t *testing.T, sub *nats.Subscription, data string) {
	t.Helper()
	m, err := sub.NextMsgWithContext(within(t))
	if err != nil || string(m.Data) != data {
		t.Fatalf("received %+v, %v; want %q", m, err, data)
	}
}

func tell(t *testing.T, s *Server, subject, data string) {
	t.Helper()
	if err := s.Publish(subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func TestSubscriberHearsChanges(t *testing.T) {
	s := listen(t, t.TempDir())
	c := dial(t, s)
	all, one := c.subscribe(t, PublicSubjects), c.subscribe(t, "bedside.changes.people.p1")
	queue, err := c.QueueSubscribeSync("bedside.changes.people.*", "workers")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	tell(t, s, "bedside.changes.people.p2", "two")
	tell(t, s, "bedside.changes.people.p1", "one")
	for _, data := range []string{"two", "one"} {
		wantNext(t, all, data)
		wantNext(t, queue, data)
	}
	wantNext(t, one, "one")
	select {
	case err := <-c.errs:
		t.Error(err)
	default:
	}
}

func TestSubscriberMayDoNothingElse(t *testing.T) {
	s := listen(t, t.TempDir())
	js := stream(t, s)
	publish(t, js, 0, 3, 100)
	c := dial(t, s)
	hear := c.subscribe(t, PublicSubjects)

	attempts := map[string]func() error{
		"ask for a reply": func() error {
			return c.PublishRequest("bedside.changes.people.p1", "bedside.changes.people.p2", nil)
		},
		"list the streams": func() error { return c.PublishRequest("$JS.API.STREAM.LIST", "bedside.changes.people.p1", nil) },
	}
	for _, subject := range []string{
		">", "*", "*.>", "*.changes.>", "bedside.>", "bedside.*.>", "bedside.changes", "bedside.changesx.a", "l", "_INBOX.>", "_INBOX.a.b",
		"$SYS.>", "$SYS.ACCOUNT.>", "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$KV.>", "_R_.>",
	} {
		attempts["subscribe to "+subject] = func() error { _, err := c.SubscribeSync(subject); return err }
		attempts["subscribe in a queue to "+subject] = func() error { _, err := c.QueueSubscribeSync(subject, "q"); return err }
	}
	for _, subject := range []string{
		"bedside.changes.people.p1", "l", "anything", "_INBOX.a.b", "$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING",
		"$JS.API.INFO", "$JS.API.STREAM.DELETE.L", "$JS.API.STREAM.PURGE.L", "$JS.ACK.x", "$KV.a.b",
	} {
		attempts["publish to "+subject] = func() error { return c.Publish(subject, []byte("{}")) }
	}
	for name, attempt := range attempts {
		if err := attempt(); err != nil {
			t.Fatal(name, err)
		}
		if err := c.FlushWithContext(within(t)); err != nil {
			t.Fatal(name, err)
		}
		select {
		case err := <-c.errs:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v, want %v", name, err, nats.ErrPermissionViolation)
			}
		case <-within(t).Done():
			t.Errorf("%s: no error", name)
		}
	}

	// A request cannot be answered, be it that of a library.
	theirs, err := jetstream.New(c.Conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-c.errs; cancel() }()
	if _, err := theirs.AccountInfo(ctx); err == nil {
		t.Error("JetStream answers")
	}

	tell(t, s, "bedside.changes.people.p1", "heard")
	wantNext(t, hear, "heard") // and nothing before that
	wantMessages(t, js, 3)
}

func TestStrangers(t *testing.T) {
	s := listen(t, t.TempDir(), func(cfg *Config) { cfg.Subscribers = append(cfg.Subscribers, Subscriber{"other", "another password"}) })
	for name, option := range map[string]nats.Option{
		"nobody":              func(*nats.Options) error { return nil },
		"wrong password":      nats.UserInfo(hr.User, hr.Password+"x"),
		"no password":         nats.UserInfo(hr.User, ""),
		"of somebody else":    nats.UserInfo(hr.User, "another password"),
		"unknown user":        nats.UserInfo("admin", hr.Password),
		"unknown, no secret":  nats.UserInfo("admin", ""),
		"the name is no name": nats.UserInfo("bedside", hr.Password),
		"a token":             nats.Token(hr.Password),
	} {
		nc, err := nats.Connect("nats://"+s.Addr().String(), option, nats.NoReconnect())
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want %v", name, err, nats.ErrAuthorization)
		}
		if err == nil {
			nc.Close()
		}
	}
	dial(t, s, nats.UserInfo("other", "another password"))
}

// What was written before there was a port is there with one, and the other way round.
func TestListenOnExistingStore(t *testing.T) {
	dir := t.TempDir()
	without := start(t, dir)
	publish(t, stream(t, without), 0, 3, 1000)
	if err := without.Close(); err != nil {
		t.Fatal(err)
	}
	if without.Addr() != nil {
		t.Errorf("it listens on %v", without.Addr())
	}
	if err := without.Publish("bedside.changes.a.b", nil); err != nil {
		t.Errorf("publishing to nobody: %v", err)
	}

	with := listen(t, dir)
	js := stream(t, with)
	wantMessages(t, js, 3)
	publish(t, js, 3, 3, 1000)
	if err := with.Close(); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, stream(t, start(t, dir)), 6)
}

func TestSubscribersOutliveRestart(t *testing.T) {
	s := listen(t, t.TempDir())
	js := stream(t, s)
	publish(t, js, 0, 3, 1000)
	c, before := dial(t, s), s.Addr().String()
	sub := c.subscribe(t, PublicSubjects)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, js, 3, 3, 1000)
	wantMessages(t, js, 6)
	tell(t, s, "bedside.changes.people.p1", "after")
	wantNext(t, sub, "after")
	if s.Addr().String() != before {
		t.Errorf("it listens on %v, before on %v", s.Addr(), before)
	}
}

// Strangers may take all connections; the store and who is connected do not notice.
func TestTooManyConnections(t *testing.T) {
	s := listen(t, t.TempDir())
	js := stream(t, s)
	c := dial(t, s)
	sub := c.subscribe(t, PublicSubjects)
	var strangers []net.Conn
	defer func() {
		for _, conn := range strangers {
			conn.Close()
		}
	}()
	for range publicConnections {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		strangers = append(strangers, conn)
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	nc, err := nats.Connect("nats://"+s.Addr().String(), nats.UserInfo(hr.User, hr.Password), nats.NoReconnect())
	if err == nil {
		nc.Close()
		t.Errorf("there are more than %d connections", publicConnections)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	publish(t, js, 0, 3, 1000)
	tell(t, s, "bedside.changes.people.p1", "heard")
	wantNext(t, sub, "heard")
}

// Who does not read is disconnected, and nobody waits for it.
func TestSlowSubscriber(t *testing.T) {
	s := listen(t, t.TempDir())
	js := stream(t, s)
	slow, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprintf(slow, "CONNECT {\"user\":%q,\"pass\":%q,\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n", hr.User, hr.Password, PublicSubjects)
	for lines := bufio.NewScanner(slow); lines.Scan() && lines.Text() != "PONG"; {
		if strings.HasPrefix(lines.Text(), "-ERR") {
			t.Fatal(lines.Text())
		}
	}
	sent := 0
	for ; s.outlet.srv.NumSlowConsumers() == 0; sent++ {
		if sent > 1000 { // 32 MB: systems keep some, too
			t.Fatalf("%d notices wait for it", sent)
		}
		tell(t, s, "bedside.changes.people.p1", strings.Repeat("x", 32<<10))
		if err := s.outlet.nc.FlushWithContext(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, js, 0, 3, 1000)
	c := dial(t, s)
	sub := c.subscribe(t, PublicSubjects)
	tell(t, s, "bedside.changes.people.p1", "heard")
	wantNext(t, sub, "heard")
	if n := c.MaxPayload(); n != publicPayload {
		t.Errorf("it takes messages of %d bytes", n)
	}
}

func TestTooManySubscriptions(t *testing.T) {
	s := listen(t, t.TempDir())
	c := dial(t, s)
	for i := range publicSubscriptions + 1 {
		if _, err := c.SubscribeSync(fmt.Sprintf("bedside.changes.people.p%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-c.errs:
		if !errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
			t.Error(err)
		}
	case <-within(t).Done():
		t.Error("there is no limit")
	}
}

func TestTLS(t *testing.T) {
	cert, key, roots := certificate(t)
	s := listen(t, t.TempDir(), func(cfg *Config) { cfg.TLSCert, cfg.TLSKey = cert, key })
	c := dial(t, s, nats.RootCAs(roots))
	if _, err := c.TLSConnectionState(); err != nil {
		t.Errorf("it is not encrypted: %v", err)
	}
	sub := c.subscribe(t, PublicSubjects)
	tell(t, s, "bedside.changes.people.p1", "heard")
	wantNext(t, sub, "heard")

	// Not even with the right password, unencrypted.
	plain, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprintf(plain, "CONNECT {\"user\":%q,\"pass\":%q,\"verbose\":false}\r\nPING\r\n", hr.User, hr.Password)
	for lines := bufio.NewScanner(plain); lines.Scan(); {
		if lines.Text() == "PONG" {
			t.Error("it lets in who does not encrypt")
			break
		}
	}
}

// certificate makes one for 127.0.0.1, and files of it.
func certificate(t *testing.T) (cert, key, ca string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, cert
}

func TestListenConfig(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	some := []Subscriber{hr}
	for name, tt := range map[string]struct {
		change Config
		want   string
	}{
		"nobody":            {Config{Listen: "127.0.0.1:0"}, "at least one user"},
		"no address":        {Config{Subscribers: some}, "no address"},
		"no address, TLS":   {Config{TLSCert: "a", TLSKey: "b"}, "no address"},
		"no port":           {Config{Listen: "127.0.0.1", Subscribers: some}, "missing port"},
		"a service's name":  {Config{Listen: "127.0.0.1:nats", Subscribers: some}, "port"},
		"port too high":     {Config{Listen: "127.0.0.1:65536", Subscribers: some}, "port"},
		"no user name":      {Config{Listen: "127.0.0.1:0", Subscribers: []Subscriber{{"", hr.Password}}}, "no user name"},
		"twice":             {Config{Listen: "127.0.0.1:0", Subscribers: []Subscriber{hr, hr}}, "two subscribers"},
		"short password":    {Config{Listen: "127.0.0.1:0", Subscribers: []Subscriber{{"hr", "ääääääääääääääa"}}}, "fewer than 16"},
		"half a TLS":        {Config{Listen: "127.0.0.1:0", Subscribers: some, TLSCert: "cert.pem"}, "both"},
		"no such file":      {Config{Listen: "127.0.0.1:0", Subscribers: some, TLSCert: "no.pem", TLSKey: "no.pem"}, "no.pem"},
		"the port is taken": {Config{Listen: taken.Addr().String(), Subscribers: some}, taken.Addr().String()},
	} {
		cfg := tt.change
		cfg.Dir, cfg.Logger = filepath.Join(t.TempDir(), "log"), slog.New(slog.DiscardHandler)
		s, err := Start(t.Context(), cfg)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), hr.Password) {
			t.Errorf("%s: %v, want %q and no password", name, err, tt.want)
		}
		// The store, if it was begun, is no longer in use.
		begun, err := exists(cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if stopped, err := exists(filepath.Join(cfg.Dir, cleanMark)); err != nil || begun != stopped {
			t.Errorf("%s: a store was begun: %v; it was stopped: %v, %v", name, begun, stopped, err)
		}
	}
}
