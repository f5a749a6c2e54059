package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// engine is where the event log is: in this process, or in a cluster that many nodes share.
type engine struct {
	at       string // URL; "" for the embedded server
	nats     string // with EventStoreDB: of the NATS cluster that has the rest
	name     string
	replicas int
	creds    string
	ca       string
	cert     string
	key      string
}

func (e *engine) flags(f *pflag.FlagSet) {
	f.StringVar(&e.at, "log", "", "`URL` of the cluster that has the event log: nats://HOST,HOST,HOST or tls://…, or, with --nats, esdb://… or kurrentdb://…; nodes of one log share all but their index (default: in this process)")
	f.StringVar(&e.nats, "nats", "", "`URL` of the NATS cluster that goes with an EventStoreDB (--log esdb://…): it has the attachments and a copy of the log, from which the projections read, and gets the change notices")
	e.flagsOf(f, "", "")
}

// flagsOf are the flags that say how the NATS cluster of a log is reached, under names with a prefix. Their defaults are
// e's.
func (e *engine) flagsOf(f *pflag.FlagSet, prefix, of string) {
	replicas := 3
	if prefix != "" {
		replicas = 0
	}
	f.StringVar(&e.name, prefix+"log-name", e.name, of+"`name` of the event log: stores with different names share a cluster")
	f.IntVar(&e.replicas, prefix+"log-replicas", replicas, of+"on how many servers of the NATS cluster (of --log or --nats) a commit and an attachment are stored before they count")
	f.StringVar(&e.creds, prefix+"log-creds", "", of+"`file` with the credentials for the NATS cluster of --log or --nats (JWT and seed); those for EventStoreDB are in its URL")
	f.StringVar(&e.ca, prefix+"log-ca", "", of+"PEM `file` of the roots that the certificates of the NATS cluster of --log or --nats must lead to")
	f.StringVar(&e.cert, prefix+"log-cert", "", of+"PEM `file` of this client's certificate for that cluster")
	f.StringVar(&e.key, prefix+"log-key", "", of+"PEM `file` of its key")
}

// with is e with what another sets in its place.
func (e engine) with(o engine) engine {
	return engine{
		at: e.at, nats: cmp.Or(o.nats, e.nats), name: cmp.Or(o.name, e.name), replicas: cmp.Or(o.replicas, e.replicas), creds: cmp.Or(o.creds, e.creds),
		ca: cmp.Or(o.ca, e.ca), cert: cmp.Or(o.cert, e.cert), key: cmp.Or(o.key, e.key),
	}
}

// shared tells whether other nodes may append to the log.
func (e *engine) shared() bool { return e.at != "" }

// eventStore tells whether the log is on EventStoreDB or KurrentDB; package esdblog reads the rest of the URL.
func (e *engine) eventStore() bool {
	scheme, _, _ := strings.Cut(e.at, "://")
	base, _ := strings.CutSuffix(scheme, "+discover")
	return base == "esdb" || base == "kurrentdb"
}

// cluster is the NATS cluster, and the flag that names it.
func (e *engine) cluster() (urls, flag string) {
	if e.eventStore() {
		return e.nats, "--nats"
	}
	return e.at, "--log"
}

// check refuses settings that contradict one another.
func (e *engine) check() error {
	if strings.HasSuffix(e.name, copySuffix) {
		return fmt.Errorf("log name %q: names that end in %s are those of the copies of logs on EventStoreDB, which may be removed at any time; choose another",
			e.name, copySuffix)
	}
	if e.nats != "" && !e.eventStore() {
		return errors.New("--nats goes with --log esdb://… only: a log on NATS has all in the cluster of --log, one in this process has all in --data")
	}
	if e.eventStore() && e.nats == "" {
		return errors.New("--log esdb://… needs --nats nats://HOST,HOST,HOST: attachments, and what the projections read, are in a NATS cluster with JetStream")
	}
	if !e.shared() {
		if e.creds != "" || e.ca != "" || e.cert != "" || e.key != "" {
			return errors.New("--log-creds, --log-ca, --log-cert and --log-key need --log")
		}
		return nil
	}
	urls, flag := e.cluster()
	for one := range strings.SplitSeq(urls, ",") {
		u, err := url.Parse(withScheme(one, urls))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" || u.Path != "" {
			return fmt.Errorf("%s: %q is no nats://HOST:PORT or tls://HOST:PORT%s", flag, redactedURL(one), map[string]string{"--log": ", and no esdb://…"}[flag])
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
// while there is no server: they would come after their time-out. A connection that was made once is made again, also when
// the servers have refused its credentials for a while; what closes it all the same is for closedForGood to say.
func (e *engine) connect(ctx context.Context, log *slog.Logger) (*nats.Conn, error) {
	all, flag := e.cluster()
	var urls []string
	for one := range strings.SplitSeq(all, ",") {
		urls = append(urls, withScheme(one, all))
	}
	log = log.With("cluster", flag)
	options := []nats.Option{
		nats.Name("bedside"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.PermissionErrOnSubscribe(true),
		nats.IgnoreAuthErrorAbort(), // an operator corrects the servers' configuration while nodes run
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // else this process has closed it
				log.Warn("the connection to NATS is lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("connected to NATS again", "server", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			level := slog.LevelWarn
			if errors.Is(err, nats.ErrSlowConsumer) {
				level = slog.LevelDebug // a reader asks again for what it has not been sent
			}
			log.Log(context.Background(), level, "NATS", "error", err)
		}),
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
		if err == nil || !away(err) {
			return conn, err
		}
		if !said {
			log.Warn("no server answers yet", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// closedForGood is the error of a node whose connection to NATS was closed by what a server said, which nats.go does not
// mend: nothing that needs NATS would come back for as long as the node runs.
func closedForGood(conn *nats.Conn) error {
	return fmt.Errorf("the connection to NATS is closed for good, start this node again: %w", cmp.Or(conn.LastError(), nats.ErrConnectionClosed))
}

// away tells whether err is that of a server that is not there yet, or just being stopped: it does not listen, or who
// listens for it, a load balancer or the process that ends, cuts the connection off or says nothing. It is worth another
// try, which what is wrong with credentials and certificates is not.
func away(err error) bool {
	for _, one := range []error{nats.ErrNoServers, io.EOF, syscall.ECONNRESET, syscall.EPIPE, nats.ErrTimeout, os.ErrDeadlineExceeded} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// openShared opens the log of a NATS cluster.
func (n *node) openShared(ctx context.Context, e engine, log *slog.Logger) (err error) {
	if n.conn, err = e.connect(ctx, log); err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	opened, err := natslog.Open(ctx, natslog.Config{Conn: n.conn, Name: e.name, Replicas: e.replicas, Logger: log})
	if err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	n.log = opened
	if err := n.synced.watch(ctx, opened.CheckSynced, log); err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	return nil
}
