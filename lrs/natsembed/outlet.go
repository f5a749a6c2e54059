package natsembed

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"
)

// PublicSubjects are what subscribers may subscribe to.
const PublicSubjects = "bedside.changes.>"

// publicTokens is how many tokens a subject of PublicSubjects has at most:
// bedside.changes.PROJECTION.KEY.
const publicTokens = 4

// MinPassword is how long a subscriber's password must be, in characters.
const MinPassword = 16

// Limits on what others connect. A subscriber that does not read as fast as it is
// sent to is disconnected when so much waits for it, and may come back.
const (
	publicConnections   = 256
	publicPayload       = 64 << 10
	publicPending       = 1 << 20
	publicSubscriptions = 1024 // of a connection
	publicWrite         = 5 * time.Second
	publicAuth          = 2 * time.Second // to encrypt, and again to show a password
)

// Subscriber is a user that may subscribe to PublicSubjects, and do nothing else.
type Subscriber struct {
	User     string
	Password string // at least MinPassword characters
}

// outlet is a second server, the only one with a port. It has no JetStream, and nothing
// of the store's is in it: whatever others make it do, limits that are right for them
// bound it, and the log is elsewhere. It lives on while the store's server restarts.
type outlet struct {
	srv *server.Server
	nc  *nats.Conn // publishes
}

// checkOutlet refuses what cannot be opened, before anything is touched.
func (cfg *Config) checkOutlet() error {
	if cfg.Listen == "" {
		if len(cfg.Subscribers) > 0 || cfg.TLSCert != "" || cfg.TLSKey != "" {
			return errors.New("natsembed: subscribers or a certificate are configured, but no address to listen on")
		}
		return nil
	}
	if _, _, err := splitAddress(cfg.Listen); err != nil {
		return fmt.Errorf("natsembed: the address to listen on: %w", err)
	}
	if (cfg.TLSCert == "") != (cfg.TLSKey == "") {
		return errors.New("natsembed: TLS needs both a certificate and its key")
	}
	if len(cfg.Subscribers) == 0 {
		return errors.New("natsembed: listening needs a subscriber: give at least one user with a password")
	}
	seen := map[string]bool{}
	for i, s := range cfg.Subscribers {
		switch {
		case s.User == "":
			return fmt.Errorf("natsembed: subscriber %d has no user name", i+1)
		case seen[s.User]:
			return fmt.Errorf("natsembed: there are two subscribers %q", s.User)
		case utf8.RuneCountInString(s.Password) < MinPassword:
			return fmt.Errorf("natsembed: the password of the subscriber %q has fewer than %d characters", s.User, MinPassword)
		}
		seen[s.User] = true
	}
	return nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%s: the port is no number up to 65535", address)
	}
	return host, int(n), nil
}

// openOutlet listens.
func openOutlet(cfg *Config, log *slog.Logger) (*outlet, error) {
	host, port, err := splitAddress(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("natsembed: the address to listen on: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	var encryption *tls.Config
	if cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("natsembed: the certificate for subscribers: %w", err)
		}
		encryption = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	publisher := Subscriber{User: rand.Text(), Password: rand.Text()}
	srv, err := server.NewServer(&server.Options{
		ServerName:                 "bedside-changes",
		Host:                       host,
		Port:                       port,
		NoSigs:                     true,
		NoSystemAccount:            true,
		CustomClientAuthentication: newDoor(publisher, cfg.Subscribers),
		AuthTimeout:                publicAuth.Seconds(),
		TLSConfig:                  encryption,
		TLSTimeout:                 publicAuth.Seconds(),
		MaxConn:                    publicConnections,
		MaxPayload:                 publicPayload,
		MaxPending:                 publicPending,
		MaxSubs:                    publicSubscriptions,
		MaxSubTokens:               publicTokens,
		WriteDeadline:              publicWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("natsembed: the server for subscribers: %w", err)
	}
	// What others do wrong must not fill the disk with lines about it.
	l := &bridge{log: log.With("address", cfg.Listen), pace: rate.NewLimiter(1, 10)}
	srv.SetLoggerV2(l, false, false, false)
	srv.Start()
	o := &outlet{srv: srv}
	if fatal := l.fatal.Load(); fatal != nil {
		o.close()
		return nil, fmt.Errorf("natsembed: listening for subscribers on %s: %s", cfg.Listen, *fatal)
	}
	o.nc, err = nats.Connect("",
		nats.InProcessServer(srv),
		nats.Name("bedside"),
		nats.UserInfo(publisher.User, publisher.Password),
		nats.RetryOnFailedConnect(true), // others may be first, and too many
		nats.IgnoreAuthErrorAbort(),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.Warnf("in-process connection: %v", err) }),
	)
	if err != nil {
		o.close()
		return nil, fmt.Errorf("natsembed: connecting to the server for subscribers: %w", err)
	}
	if at, ok := srv.Addr().(*net.TCPAddr); ok && encryption == nil && !at.IP.IsLoopback() {
		log.Warn("subscribers' passwords cross the network unencrypted: configure a certificate", "address", at.String())
	}
	return o, nil
}

func (o *outlet) close() {
	if o.nc != nil {
		o.nc.Close()
	}
	stop(o.srv)
}

// Addr is the address that subscribers connect to, nil without Config.Listen.
func (s *Server) Addr() net.Addr {
	if s.outlet == nil {
		return nil
	}
	return s.outlet.srv.Addr()
}

// Publish sends data to those who subscribe to a subject of PublicSubjects at this
// moment; they may miss it. It keeps nothing and does not wait for them. Without
// Config.Listen there is nobody, and it does nothing.
func (s *Server) Publish(subject string, data []byte) error {
	if s.outlet == nil {
		return nil
	}
	if err := s.outlet.nc.Publish(subject, data); err != nil {
		return fmt.Errorf("natsembed: publish to subscribers: %w", err)
	}
	return nil
}

// door lets users in. The hashes are fast: they are in no file that could be stolen, and
// slow ones would let strangers keep the processor busy.
type door map[string]user

type user struct {
	password    [sha256.Size]byte
	permissions server.Permissions
}

func newDoor(publisher Subscriber, subscribers []Subscriber) door {
	nothing := &server.SubjectPermission{Deny: []string{">"}}
	public := &server.SubjectPermission{Allow: []string{PublicSubjects}}
	d := door{publisher.User: {sha256.Sum256([]byte(publisher.Password)), server.Permissions{Publish: public, Subscribe: nothing}}}
	for _, s := range subscribers {
		d[s.User] = user{sha256.Sum256([]byte(s.Password)), server.Permissions{Publish: nothing, Subscribe: public}}
	}
	return d
}

// Check implements server.Authentication.
func (d door) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	u, known := d[o.Username]
	given := sha256.Sum256([]byte(o.Password))
	right := subtle.ConstantTimeCompare(given[:], u.password[:]) == 1
	if !known || !right || c.Kind() != server.CLIENT {
		return false
	}
	c.RegisterUser(&server.User{Username: o.Username, Permissions: &u.permissions})
	return true
}
