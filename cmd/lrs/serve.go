package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/c2h5oh/datasize"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api"
	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// serveConfig is everything that `lrs serve` can be told.
type serveConfig struct {
	node     nodeConfig
	version  string
	x5cRoots string
	logLevel string
	logForm  string
	http     api.Config
	limits   xapihttp.Limits
	shutdown time.Duration
}

func newServe(node *nodeConfig) *cobra.Command {
	cfg := serveConfig{http: api.DefaultConfig, limits: xapihttp.DefaultLimits}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the store: log, index and HTTP server in this process",
		Long: `Starts the store under --data and serves xAPI at http://LISTEN/xapi. On the first
start it prints a key and a secret with every scope, unless LRS_API_KEY and
LRS_API_SECRET set them. SIGINT and SIGTERM finish the requests under way, flush
and stop; a second one stops at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.node = *node
			return serve(cmd.Context(), cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	cfg.version = "2.0.0"
	f.Var(oneOf{&cfg.version, []string{"2.0.0", "1.0.3"}}, "xapi-default-version",
		"the version in whose name requests without a version header are refused")
	size := func(v *int64, name string, usage string) {
		f.Var((*sizeFlag)(v), name, usage)
	}
	size(&cfg.limits.Body, "max-body", "largest JSON body of statements")
	size(&cfg.limits.Document, "max-document", "largest state or profile document")
	size(&cfg.limits.Bodies, "max-bodies", "all request bodies, what is made of them, and pages of statements in memory at once; above, large ones are refused with 503")
	size(&cfg.limits.Attachments, "max-attachments", "all attachments of one request")
	f.IntVar(&cfg.limits.Batch, "max-batch", cfg.limits.Batch, "statements in one request (a commit holds at most 1000)")
	f.IntVar(&cfg.limits.Page, "max-page", cfg.limits.Page, "statements in one answer; also the default")
	f.DurationVar(&cfg.limits.CommitTimeout, "commit-timeout", cfg.limits.CommitTimeout, "how long a write waits for the log before it is answered with 503")
	f.DurationVar(&cfg.http.HeaderTimeout, "header-timeout", cfg.http.HeaderTimeout, "time a client has to send a request's header")
	f.DurationVar(&cfg.http.ReadTimeout, "read-timeout", cfg.http.ReadTimeout, "time a client has to send a request")
	f.DurationVar(&cfg.http.StallTimeout, "stall-timeout", cfg.http.StallTimeout, "time a client has to send the next part of a body, or to read the next of an answer")
	f.DurationVar(&cfg.http.WriteTimeout, "write-timeout", cfg.http.WriteTimeout, "time to answer a request, slow clients included")
	f.DurationVar(&cfg.http.IdleTimeout, "idle-timeout", cfg.http.IdleTimeout, "how long an unused connection stays open")
	f.IntVar(&cfg.http.HeaderBytes, "max-header", cfg.http.HeaderBytes, "bytes of a request's header")
	f.StringSliceVar(&cfg.http.CORSOrigins, "cors-origins", cfg.http.CORSOrigins, "origins whose pages may use the API; * for all")
	f.StringVar(&cfg.x5cRoots, "x5c-roots", "", "PEM `file` of the roots that signed statements' certificates must lead to")
	f.DurationVar(&cfg.shutdown, "shutdown-timeout", 30*time.Second, "time for requests under way when the server stops")
	cfg.logLevel, cfg.logForm = "info", "text"
	f.Var(oneOf{&cfg.logLevel, []string{"debug", "info", "warn", "error"}}, "log-level", "least level that is logged, to standard error")
	f.Var(oneOf{&cfg.logForm, []string{"text", "json"}}, "log-format", "form of the log")
	return cmd
}

// serve runs the store until ctx ends, and stops it in order.
func serve(ctx context.Context, cfg serveConfig, stdout, stderr io.Writer) (err error) {
	if err := cfg.check(); err != nil {
		return err
	}
	log, err := newLogger(cfg.logLevel, cfg.logForm, stderr)
	if err != nil {
		return err
	}
	shutdown := func(server *api.Server) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.shutdown)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			log.Warn("requests that were not finished in time were cut off", "shutdown-timeout", cfg.shutdown)
			return nil
		}
		return err
	}
	roots, err := readRoots(cfg.x5cRoots)
	if err != nil {
		return err
	}
	version, err := xapi.ParseVersion(cfg.version)
	if err != nil {
		return err
	}
	environment, err := environmentCredential()
	if err != nil {
		return err
	}
	lock, err := lockData(cfg.node.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	listener, err := net.Listen("tcp", cfg.node.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	cfg.node.picked(listener.Addr())
	address := cfg.node.local()
	cfg.http.Log, cfg.http.Default = log, version
	cfg.http.Registry = prometheus.NewRegistry()
	cfg.http.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	server := api.NewServer(cfg.http)
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }() // ends by Shutdown below
	defer func() { err = errors.Join(err, shutdown(server)) }()

	registry := auth.NewRegistry(cfg.node.url())
	if environment != nil {
		if err := registry.Add(*environment); err != nil {
			return fmt.Errorf("LRS_API_KEY, LRS_API_SECRET: %w", err)
		}
	}
	n, err := openNode(ctx, cfg.node, registry, cfg.http.Registry, log)
	if err != nil && ctx.Err() != nil && !errors.Is(err, eventlog.ErrLogDamaged) {
		log.Info("stopped while starting", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	// Deferred calls run from the last: first the requests under way are
	// finished, then the store is closed.
	defer func() { err = errors.Join(err, n.close(cfg.shutdown)) }()
	defer func() { err = errors.Join(err, shutdown(server)) }()
	defer n.quiet() // before it: streams of changes have no end by themselves

	err = n.project(ctx, cfg.node, cfg.http.Registry, log)
	if err != nil && ctx.Err() != nil {
		log.Info("stopped while starting", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	local := adminhttp.Local{Store: n.store, BaseURL: cfg.node.url(), Now: time.Now}
	admin, err := n.serveAdmin(cfg.node, log, failed)
	if err != nil {
		return err
	}
	defer admin.Close()

	server.Attach(n.store, xapihttp.Config{
		Log: log, Default: version, X5CRoots: roots, Limits: cfg.limits,
	}, n.hr(log))
	closed := n.conn.StatusChanged(nats.CLOSED)
	if n.conn.IsClosed() { // before it could be told
		return closedForGood(n.conn)
	}
	if ctx.Err() != nil {
		return nil // stopped before there is anything that must be said
	}
	first, err := firstCredential(ctx, local)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Bedside is ready.\nxAPI endpoint: %s%s\n%s", address, xapihttp.BasePath, first)
	select {
	case <-ctx.Done():
		log.Info("stopping: finishing the requests under way")
		return nil
	case err := <-failed:
		return err
	case <-closed:
		return closedForGood(n.conn)
	}
}

// check refuses limits that would refuse everything.
func (cfg *serveConfig) check() error {
	for flag, value := range map[string]int64{
		"max-body": cfg.limits.Body, "max-document": cfg.limits.Document, "max-bodies": cfg.limits.Bodies, "max-attachments": cfg.limits.Attachments, "max-batch": int64(cfg.limits.Batch),
		"max-page": int64(cfg.limits.Page), "max-header": int64(cfg.http.HeaderBytes), "max-queue": cfg.node.maxQueue,
		"max-log": cfg.node.maxLog, "commit-timeout": int64(cfg.limits.CommitTimeout), "header-timeout": int64(cfg.http.HeaderTimeout),
		"read-timeout": int64(cfg.http.ReadTimeout), "stall-timeout": int64(cfg.http.StallTimeout), "write-timeout": int64(cfg.http.WriteTimeout),
		"idle-timeout": int64(cfg.http.IdleTimeout), "shutdown-timeout": int64(cfg.shutdown),
	} {
		if value <= 0 {
			return fmt.Errorf("--%s must be more than 0", flag)
		}
	}
	return cfg.node.check()
}

// firstCredential makes a credential with every scope on the first start: when
// there is none, and the log has nothing but its own creation. It returns what to
// print: the secret is not kept. A signal meanwhile does not part the two.
func firstCredential(ctx context.Context, local adminhttp.Local) (string, error) {
	for range local.Store.Auth().Credentials() {
		return "", nil
	}
	if local.Store.Head().Revision > 1 {
		return "There is no credential; add one with: lrs credential add\n", nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	created, err := local.Add(ctx, adminhttp.NewCredential{Name: "first start", Scopes: auth.ScopeAll.String()})
	if err != nil {
		return "", fmt.Errorf("first credential: %w", err)
	}
	return fmt.Sprintf("key:    %s\nsecret: %s\n(every scope; the secret is shown this once)\n", created.Key, created.Secret), nil
}

// environmentCredential is the credential of LRS_API_KEY and LRS_API_SECRET, in
// force while they are set and never logged; nil without them.
func environmentCredential() (*auth.Credential, error) {
	key, secret := os.Getenv("LRS_API_KEY"), os.Getenv("LRS_API_SECRET")
	if key == "" && secret == "" {
		return nil, nil
	}
	if key == "" || secret == "" {
		return nil, errors.New("LRS_API_KEY and LRS_API_SECRET must be set together")
	}
	cred, err := auth.Environment(key, secret, time.Now())
	if err != nil {
		return nil, fmt.Errorf("LRS_API_KEY, LRS_API_SECRET: %w", err)
	}
	return &cred, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--x5c-roots: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--x5c-roots: %s has no certificate in PEM", path)
	}
	return roots, nil
}

func newLogger(level, form string, w io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: l}
	if form == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// sizeFlag is a number of bytes, with a unit if one likes: 64KB, 8MB, 1GB.
// Units are powers of 1024.
type sizeFlag int64

func (s *sizeFlag) String() string { return datasize.ByteSize(*s).String() }
func (s *sizeFlag) Type() string   { return "size" }

func (s *sizeFlag) Set(text string) error {
	var v datasize.ByteSize
	if err := v.UnmarshalText([]byte(text)); err != nil || text == "" {
		return errors.New("it must be a number of bytes, such as 65536, 64KB, 8MB or 1GB")
	}
	if v > 1<<62 {
		return errors.New("it is too large")
	}
	*s = sizeFlag(v)
	return nil
}
