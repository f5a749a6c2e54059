package natsembed

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// bridge is a server.Logger that writes to slog. A fatal error, after which
// nats-server expects the process to end, is only noted.
type bridge struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

func (b *bridge) Noticef(format string, v ...any) { b.log.Debug(fmt.Sprintf(format, v...)) }
func (b *bridge) Warnf(format string, v ...any)   { b.log.Warn(fmt.Sprintf(format, v...)) }
func (b *bridge) Errorf(format string, v ...any)  { b.log.Error(fmt.Sprintf(format, v...)) }
func (b *bridge) Debugf(format string, v ...any)  { b.log.Debug(fmt.Sprintf(format, v...)) }
func (b *bridge) Tracef(format string, v ...any)  { b.log.Debug(fmt.Sprintf(format, v...)) }

func (b *bridge) Fatalf(format string, v ...any) {
	msg := fmt.Sprintf(format, v...)
	b.fatal.CompareAndSwap(nil, &msg)
	b.log.Error(msg)
}
