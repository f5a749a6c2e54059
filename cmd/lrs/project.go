package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// allProjections are those of this program.
func allProjections() []projections.Projection {
	return []projections.Projection{
		people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
	}
}

// project opens the read model and starts the projections, before them the relay if they read a copy of the log.
func (n *node) project(ctx context.Context, cfg nodeConfig, reg prometheus.Registerer, log *slog.Logger) error {
	var err error
	if n.model, err = openModel(ctx, cfg, log); err != nil {
		return fmt.Errorf("read model (--read-model): %w", err)
	}
	n.cfg = cfg
	if n.copy != nil {
		if err := n.carry(ctx, reg, log); err != nil {
			return err
		}
	}
	n.announce(log)
	n.signals = n.watchSignals(log)
	n.runtime = projections.Start(projections.Config{
		Log: n.projected(), Store: n.model, Projections: allProjections(), Logger: log, Changed: n.changed,
	})
	close(n.started)
	n.signals.start()
	return reg.Register(n.runtime.Collector(n.logHead))
}

// hr configures the resources of /api/v1.
func (n *node) hr(log *slog.Logger) hrhttp.Config {
	return hrhttp.Config{Store: n.store, Runtime: n.runtime, Model: n.model, Notices: n.notices, Log: log}
}

// asides are shown of each projection.
const asides = 100

// statusTimeout bounds what is waited for the database to tell how projections stand.
const statusTimeout = 5 * time.Second

// ProjectionStatus implements adminhttp.Projections. What the database does not tell is
// an error of each projection: how they stand is asked most when it is away.
func (n *node) ProjectionStatus(ctx context.Context) ([]adminhttp.ProjectionStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	all, err := n.runtime.Status(ctx)
	out := make([]adminhttp.ProjectionStatus, len(all))
	for i, s := range all {
		lag := s.Lag(n.logHead())
		out[i] = adminhttp.ProjectionStatus{
			Name: s.Name, SetAside: s.SetAside, LagEvents: lag.Events, LagSeconds: lag.Time.Seconds(),
		}
		if s.Live.Revision > 0 {
			out[i].Position, out[i].Through = fmt.Sprint(s.Live.Revision), stamp(s.Live.Through)
		}
		if s.Building != nil {
			out[i].Building = fmt.Sprint(s.Building.Revision)
		}
		var events []readmodel.SetAside
		if err == nil {
			events, err = n.runtime.SetAside(ctx, s.Name, asides)
		}
		for _, e := range events {
			out[i].Events = append(out[i].Events, adminhttp.SetAside{
				Position: fmt.Sprintf("%d.%d", e.Revision, e.Event), Type: e.Type, Reason: e.Reason,
			})
		}
		if err := cmp.Or(s.Err, err); err != nil {
			out[i].Error = err.Error()
		}
	}
	return out, nil
}

func stamp(t int64) string { return time.UnixMicro(t).UTC().Format(time.RFC3339Nano) }

// logHead is how far the log is now.
func (n *node) logHead() projections.Head {
	p := n.store.Position()
	return projections.Head{Events: int64(p.Events), Now: time.Now().UnixMicro()}
}

// Replay implements adminhttp.Projections.
func (n *node) Replay(ctx context.Context, names []string) ([]adminhttp.Replayed, error) {
	if len(names) == 0 {
		names = n.runtime.Names()
	}
	if err := n.wholeFiles(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	done, err := n.runtime.Replay(ctx, names...)
	switch {
	case errors.Is(err, projections.ErrUnknownProjection):
		return nil, problem.New(http.StatusNotFound, "projection.unknown", "%s", err.Error())
	case errors.Is(err, projections.ErrTransactionOpen):
		err = problem.New(http.StatusConflict, "projection.locked", "%s", err.Error())
	case errors.Is(err, projections.ErrBuilding):
		err = problem.New(http.StatusConflict, "projection.building", "%s", err.Error())
	case errors.Is(err, projections.ErrClosed):
		err = problem.New(http.StatusServiceUnavailable, "store.closed", "The server is stopping; what was built is lost, and the live tables are as they were.")
	}
	if err != nil && len(done) > 0 {
		var p *problem.Problem
		if errors.As(err, &p) {
			p.Message += " Built anew were: " + strings.Join(done, ", ") + "."
		}
	}
	status, failed := n.runtime.Status(ctx)
	var all []adminhttp.Replayed
	for _, s := range status {
		if slices.Contains(done, s.Name) {
			all = append(all, adminhttp.Replayed{Name: s.Name, Events: s.Live.Events, Seconds: time.Since(start).Seconds()})
		}
	}
	return all, errors.Join(err, failed)
}

// Build implements adminhttp.Projections.
func (n *node) Build(ctx context.Context, until, into string) (built adminhttp.Built, err error) {
	wanted, revision, err := parseUntil(until)
	if err != nil {
		return built, problem.BadRequest("parameter.until", "%s", err.Error())
	}
	if own, err := n.cfg.readDSN(); err != nil || own == into {
		return built, errors.Join(err, problem.BadRequest("parameter.into", "That is the read model of the running projections; choose an empty database."))
	}
	store, err := readmodel.Open(ctx, into)
	if err != nil {
		return built, problem.BadRequest("parameter.into", "%s", err.Error())
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if head := n.store.Head().Revision; revision > uint64(head) {
		return built, problem.BadRequest("parameter.until", "--until names revision %d, and the log ends at %d.", revision, head)
	}
	if err := n.wholeFiles(ctx); err != nil {
		return built, err
	}
	start := time.Now()
	if err := projections.Build(ctx, n.projected(), store, allProjections(), wanted); err != nil {
		if errors.Is(err, projections.ErrNotEmpty) {
			err = problem.New(http.StatusConflict, "projection.database", "%s", err.Error())
		}
		return built, err
	}
	err = store.View(ctx, func(tx *readmodel.Tx) error {
		const ever = 1<<63 - 1
		p, t, _, err := projections.PositionAt(ctx, tx, people.Name, ever)
		if err != nil {
			return err
		}
		c, _, err := tx.Live(ctx, people.Name)
		built = adminhttp.Built{
			Position: fmt.Sprintf("%d.%d", p.Revision, p.Index), Through: stamp(t), Events: c.Events, Seconds: time.Since(start).Seconds(),
		}
		return err
	})
	return built, err
}

// parseUntil reads a position, such as 4711.0, with its revision, or a time.
func parseUntil(text string) (wanted func(projections.Position, int64) bool, revision uint64, err error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			last := t.UnixMicro()
			return func(_ projections.Position, at int64) bool { return at <= last }, 0, nil
		}
	}
	before, index, hasIndex := strings.Cut(text, ".")
	r, err := strconv.ParseUint(before, 10, 63)
	i := uint64(math.MaxInt32)
	if err == nil && hasIndex {
		i, err = strconv.ParseUint(index, 10, 31)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("--until %q is neither a position such as 4711.0 nor a time such as 2026-07-01T00:00:00Z", text)
	}
	return func(p projections.Position, _ int64) bool {
		return p.Revision < r || p.Revision == r && uint64(p.Index) <= i
	}, r, nil
}
