package natslog_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// TestCheckSynced: what the servers say of themselves, as they say it. HERE stands for the one that has the stream.
func TestCheckSynced(t *testing.T) {
	const (
		always = `{"server":{"name":"HERE"},"data":{"config":{"sync_always":true}}}`
		other  = `{"server":{"name":"n2"},"data":{"config":{"sync_always":true}}}`
	)
	for name, tt := range map[string]struct {
		answers []string
		want    error
		names   string
	}{
		"all do":                             {[]string{always, other}, nil, ""},
		"the stream's is away":               {[]string{other}, natslog.ErrNotSeen, "of HERE: no answer"},
		"one does not, the stream's is away": {[]string{`{"server":{"name":"n2"},"data":{"config":{}}}`}, natslog.ErrSettings, "n2 sync"},
		"one does not":                       {[]string{always, `{"server":{"name":"n2"},"data":{"config":{}}}`, always}, natslog.ErrSettings, "n2 sync"},
		"one has none":                       {[]string{always, `{"server":{"name":"n2"},"data":{"disabled":true}}`}, nil, ""},
		"none has any":                       {[]string{`{"server":{"name":"n2"},"data":{"disabled":true}}`}, natslog.ErrNobodyAnswers, ""},
		"something else":                     {[]string{"x"}, natslog.ErrNobodyAnswers, ""},
		"nobody may be asked":                {nil, natslog.ErrNobodyAnswers, "let this user publish"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, t.TempDir())
			nc := connect(t, s)
			here := strings.NewReplacer("HERE", nc.ConnectedServerName())
			log := open(t, natslog.Config{Conn: nc})
			if tt.answers != nil {
				if _, err := nc.Subscribe("$SYS.REQ.SERVER.PING.JSZ", func(m *nats.Msg) {
					for _, a := range tt.answers {
						_ = m.Respond([]byte(here.Replace(a)))
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
			if want := tt.want == natslog.ErrNobodyAnswers; errors.Is(err, natslog.ErrNobodyAnswers) != want || want && !errors.Is(err, natslog.ErrNotSeen) {
				t.Errorf("%v: that nobody answers is said or not, want %v", err, want)
			}
			if err != nil && !strings.Contains(err.Error(), here.Replace(tt.names)) {
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
