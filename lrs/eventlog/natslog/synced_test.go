package natslog_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// TestCheckSynced: what the servers say of themselves, as they say it.
func TestCheckSynced(t *testing.T) {
	const always = `{"server":{"name":"n1"},"data":{"config":{"sync_always":true}}}`
	for name, tt := range map[string]struct {
		answers []string
		want    error
		names   string
	}{
		"all do":              {[]string{always, always}, nil, ""},
		"one does not":        {[]string{always, `{"server":{"name":"n2"},"data":{"config":{}}}`, always}, natslog.ErrSettings, "n2 sync"},
		"one has none":        {[]string{always, `{"server":{"name":"n2"},"data":{"disabled":true}}`}, nil, ""},
		"none has any":        {[]string{`{"server":{"name":"n2"},"data":{"disabled":true}}`}, natslog.ErrNotSeen, ""},
		"something else":      {[]string{"x"}, natslog.ErrNotSeen, ""},
		"nobody may be asked": {nil, natslog.ErrNotSeen, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, t.TempDir())
			nc := connect(t, s)
			log := open(t, natslog.Config{Conn: nc})
			if tt.answers != nil {
				if _, err := nc.Subscribe("$SYS.REQ.SERVER.PING.JSZ", func(m *nats.Msg) {
					for _, a := range tt.answers {
						_ = m.Respond([]byte(a))
					}
				}); err != nil {
					t.Fatal(err)
				}
				if err := nc.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			err := log.CheckSynced(t.Context())
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), tt.names) {
				t.Errorf("%v names no %q", err, tt.names)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := log.CheckSynced(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("without time: %v", err)
			}
		})
	}
}
