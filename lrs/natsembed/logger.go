package natsembed

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// bridge is a server.Logger that writes to slog. A fatal error, after which
// nats-server expects the process to end, is only noted.
type bridge struct {
	log   *slog.Logger
	pace  *rate.Limiter // of warnings and errors; nil: all are written
	fatal atomic.Pointer[string]
}

func (b *bridge) Noticef(format string, v ...any) { b.log.Debug(fmt.Sprintf(format, v...)) }
func (b *bridge) Warnf(format string, v ...any)   { b.paced(slog.LevelWarn, format, v) }
func (b *bridge) Errorf(format string, v ...any)  { b.paced(slog.LevelError, format, v) }
func (b *bridge) Debugf(format string, v ...any)  { b.log.Debug(fmt.Sprintf(format, v...)) }
func (b *bridge) Tracef(format string, v ...any)  { b.log.Debug(fmt.Sprintf(format, v...)) }

func (b *bridge) paced(level slog.Level, format string, v []any) {
	if b.pace == nil || b.pace.Allow() {
		b.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
	}
}

func (b *bridge) Fatalf(format string, v ...any) {
	msg := fmt.Sprintf(format, v...)
	b.fatal.CompareAndSwap(nil, &msg)
	b.log.Error(msg)
}
