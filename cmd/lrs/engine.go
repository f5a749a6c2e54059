package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// engine is where the event log is: in this process, or in a cluster that many nodes share.
type engine struct {
	at       string // URL; "" for the embedded server
	name     string
	replicas int
	creds    string
	ca       string
	cert     string
	key      string
}

func (e *engine) flags(f *pflag.FlagSet) {
	f.StringVar(&e.at, "log", "", "`URL` of the cluster that has the event log: nats://HOST,HOST,HOST or tls://…; nodes of one log share all but their index (default: in this process)")
	e.flagsOf(f, "", "")
}

// flagsOf are the flags that say how the log of a cluster is reached, under names with a prefix. Their defaults are e's.
func (e *engine) flagsOf(f *pflag.FlagSet, prefix, of string) {
	replicas := 3
	if prefix != "" {
		replicas = 0
	}
	f.StringVar(&e.name, prefix+"log-name", e.name, of+"`name` of the event log: stores with different names share a cluster")
	f.IntVar(&e.replicas, prefix+"log-replicas", replicas, of+"on how many servers of the cluster a commit is stored before it counts")
	f.StringVar(&e.creds, prefix+"log-creds", "", of+"`file` with the credentials for --log (NATS: JWT and seed)")
	f.StringVar(&e.ca, prefix+"log-ca", "", of+"PEM `file` of the roots that the certificates of --log must lead to")
	f.StringVar(&e.cert, prefix+"log-cert", "", of+"PEM `file` of this client's certificate for --log")
	f.StringVar(&e.key, prefix+"log-key", "", of+"PEM `file` of its key")
}

// with is e with what another sets in its place.
func (e engine) with(o engine) engine {
	return engine{
		at: e.at, name: cmp.Or(o.name, e.name), replicas: cmp.Or(o.replicas, e.replicas), creds: cmp.Or(o.creds, e.creds),
		ca: cmp.Or(o.ca, e.ca), cert: cmp.Or(o.cert, e.cert), key: cmp.Or(o.key, e.key),
	}
}

// shared tells whether other nodes may append to the log.
func (e *engine) shared() bool { return e.at != "" }

// check refuses settings that contradict one another.
func (e *engine) check() error {
	if !e.shared() {
		if e.creds != "" || e.ca != "" || e.cert != "" || e.key != "" {
			return errors.New("--log-creds, --log-ca, --log-cert and --log-key need --log")
		}
		return nil
	}
	for one := range strings.SplitSeq(e.at, ",") {
		u, err := url.Parse(withScheme(one, e.at))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" || u.Path != "" {
			return fmt.Errorf("--log: %q is no nats://HOST:PORT or tls://HOST:PORT", redactedURL(one))
		}
	}
	if (e.cert == "") != (e.key == "") {
		return errors.New("--log-cert and --log-key go together")
	}
	if e.replicas < 1 || e.replicas > 5 {
		return fmt.Errorf("--log-replicas is %d, must be 1 to 5", e.replicas)
	}
	return nil
}

// withScheme gives a host of a list the scheme of the first.
func withScheme(one, all string) string {
	if scheme, _, ok := strings.Cut(all, "://"); ok && !strings.Contains(one, "://") {
		return scheme + "://" + one
	}
	return one
}

// redactedURL is a URL without its password.
func redactedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "what was given"
	}
	return u.Redacted()
}

// connect connects to a NATS cluster, and goes on trying for as long as ctx lasts. Publishes are not kept for later
// while there is no server: they would come after their time-out.
func (e *engine) connect(ctx context.Context, log *slog.Logger) (*nats.Conn, error) {
	var urls []string
	for one := range strings.SplitSeq(e.at, ",") {
		urls = append(urls, withScheme(one, e.at))
	}
	options := []nats.Option{
		nats.Name("bedside"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Warn("the connection to the event log is lost", "error", err) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("connected to the event log again", "server", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("event log", "error", err) }),
	}
	if e.creds != "" {
		options = append(options, nats.UserCredentials(e.creds))
	}
	if e.ca != "" {
		options = append(options, nats.RootCAs(e.ca))
	}
	if e.cert != "" {
		options = append(options, nats.ClientCert(e.cert, e.key))
	}
	for said := false; ; said = true {
		conn, err := nats.Connect(strings.Join(urls, ","), options...)
		if err == nil || !errors.Is(err, nats.ErrNoServers) {
			return conn, err
		}
		if !said {
			log.Warn("no server of --log answers yet", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// openShared opens the log of a cluster.
func (n *node) openShared(ctx context.Context, e engine, log *slog.Logger) (err error) {
	if n.conn, err = e.connect(ctx, log); err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	opened, err := natslog.Open(ctx, natslog.Config{Conn: n.conn, Name: e.name, Replicas: e.replicas, Logger: log})
	if err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	n.log = opened
	switch err := opened.CheckSynced(ctx); {
	case errors.Is(err, natslog.ErrNotSeen):
		log.Warn("event log", "error", err)
		n.notes = append(n.notes, err.Error())
	case err != nil:
		return fmt.Errorf("event log (--log): %w", err)
	}
	return nil
}
