package natslog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// ErrNotSeen: whether the servers sync each write cannot be seen with this connection's rights.
var ErrNotSeen = errors.New("natslog: whether the servers sync every write (jetstream { sync_interval: always }) cannot be seen: " +
	"look at their configuration, or let this user publish to " + askServers)

// askServers is answered by every server of a cluster, to who is in the system account or has imported it from there.
const askServers = "$SYS.REQ.SERVER.PING.JSZ"

// Silence of quiet ends the answers of a cluster, and of patienceForServers the wait for the first.
const (
	quiet              = 300 * time.Millisecond
	patienceForServers = time.Second
)

// CheckSynced asks the servers whether they sync every write before they acknowledge it. Without that replicas do not
// help when the power of all goes off: JetStream's own two minutes lost every recent commit in each of three trials.
// Errors: ErrSettings, with the servers that do not; ErrNotSeen; ctx's.
func (l *Log) CheckSynced(ctx context.Context) error {
	inbox := l.cfg.Conn.NewInbox()
	answers, err := l.cfg.Conn.SubscribeSync(inbox)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := l.cfg.Conn.PublishRequest(askServers, inbox, nil); err != nil {
		return unavailable(err)
	}
	var lazy []string
	seen := false
	for wait := patienceForServers; ; wait = quiet {
		next, cancel := context.WithTimeout(ctx, wait)
		msg, err := answers.NextMsgWithContext(next)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !seen, err == nil && len(msg.Data) == 0: // silence, or the status that nobody is there
			return ErrNotSeen
		case err != nil && lazy != nil:
			return fmt.Errorf("%w: %s sync only now and then: a power cut of all loses what was acknowledged (fix: jetstream { sync_interval: always })",
				ErrSettings, strings.Join(lazy, ", "))
		case err != nil:
			return nil
		}
		name, always, ok := syncOf(msg)
		seen = seen || ok
		if ok && !always {
			lazy = append(lazy, name)
		}
	}
}

// syncOf reads a server's answer; not ok if it has no JetStream.
func syncOf(msg *nats.Msg) (name string, always, ok bool) {
	var answer struct {
		Server struct {
			Name string `json:"name"`
		} `json:"server"`
		Data struct {
			Disabled bool `json:"disabled"`
			Config   struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	if json.Unmarshal(msg.Data, &answer) != nil || answer.Data.Disabled {
		return "", false, false
	}
	return answer.Server.Name, answer.Data.Config.SyncAlways, true
}
