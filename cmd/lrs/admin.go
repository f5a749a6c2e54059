package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// serveAdmin serves the administration of a node with projections at its socket until
// the server that it returns is closed; what ends it before goes to failed.
func (n *node) serveAdmin(cfg nodeConfig, log *slog.Logger, failed chan<- error) (*http.Server, error) {
	socket, err := listenAdmin(cfg.dir)
	if err != nil {
		return nil, err
	}
	operator := n.hr(log)
	operator.Operator = true
	operator.Wait = 5 * time.Minute // an operator waits while a projection is built anew
	admin := &http.Server{
		Handler: adminhttp.Handler(adminhttp.Services{
			Credentials: adminhttp.Local{Store: n.store, BaseURL: cfg.url(), Now: time.Now},
			Maintenance: n,
			Projections: n,
			HR:          hrhttp.Handler(operator),
		}, log),
		ReadTimeout: time.Minute,
	}
	go func() { failed <- ignoreClosed(admin.Serve(socket)) }()
	return admin, nil
}

// settleTimeout bounds what a command without a server waits for the projections.
const settleTimeout = 30 * time.Second

// withServer has the server that runs on --data do something, or, if none does, this
// process with the same services, as long as it takes.
func withServer(cmd *cobra.Command, node *nodeConfig, create bool, do func(context.Context, *adminhttp.Client) error) error {
	return administer(cmd, *node, create, do, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) (err error) {
		n, err := openNode(ctx, cfg, auth.NewRegistry(cfg.url()), prometheus.NewRegistry(), log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, n.close(10*time.Second)) }()
		if err := n.project(ctx, cfg, prometheus.NewRegistry(), log); err != nil {
			return err
		}
		// What is done, and what is told, should be of projections that have come to the
		// head. One that stands still is told of as it is.
		settle, cancel := context.WithTimeout(ctx, settleTimeout)
		defer cancel()
		if err := n.runtime.Wait(settle, uint64(n.store.Head().Revision)); err != nil {
			log.Warn("the projections have not come to the head of the log", "error", err)
		}
		failed := make(chan error, 1)
		admin, err := n.serveAdmin(cfg, log, failed)
		if err != nil {
			return err
		}
		defer admin.Close()
		return do(ctx, adminhttp.NewClient(socketPath(cfg.dir)))
	})
}
