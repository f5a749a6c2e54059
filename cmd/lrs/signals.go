package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/notice"
	"github.com/bedside-lrs/bedside/projections/people"
)

// signalTick is how often the KPIs that have changed are looked at for signals: a
// signal is about months, and to look costs more than to count.
const signalTick = 10 * time.Second

// signals tells of signals of KPIs that fire for the first time.
type signals struct {
	feedback.Watcher
	stop func() // and waits; nil before start
}

func (n *node) watchSignals(log *slog.Logger) *signals {
	return &signals{Watcher: feedback.Watcher{
		Model: n.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: log, Since: time.Now().UnixMicro(),
		Publish: func(keys []string, at projections.Position) {
			n.notices.Changed(feedback.Name, keys, notice.Position(at))
		},
	}}
}

func (s *signals) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	ticker := time.NewTicker(signalTick)
	s.stop = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		defer ticker.Stop()
		s.Run(ctx, ticker.C)
	}()
}
