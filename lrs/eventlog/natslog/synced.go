package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotSeen: whether all servers that have the log sync each write cannot be seen now.
var ErrNotSeen = errors.New("natslog: whether the servers sync every write (jetstream { sync_interval: always }) cannot be seen")

// ErrNobodyAnswers is the ErrNotSeen of a connection that has not the right to ask.
var ErrNobodyAnswers = fmt.Errorf("%w: look at their configuration, or let this user publish to %s", ErrNotSeen, askServers)

// askServers is answered by every server of a cluster, to who is in the system account or has imported it from there.
const askServers = "$SYS.REQ.SERVER.PING.JSZ"

// Silence of quiet ends the answers of a cluster, and of patienceForServers the wait for the first.
const (
	quiet              = 300 * time.Millisecond
	patienceForServers = time.Second
)

// CheckSynced asks the servers whether they sync every write before they acknowledge it. Without that replicas do not
// help when the power of all goes off: JetStream's own two minutes lost every recent commit in each of three trials.
// Errors: ErrSettings, with the servers that do not; ErrNotSeen, with those of the stream that did not answer, which may
// yet turn out not to, or as ErrNobodyAnswers; ctx's.
func (l *Log) CheckSynced(ctx context.Context) error {
	answered, err := l.askSynced(ctx)
	if err != nil {
		return err
	}
	var lazy []string
	for name, always := range answered {
		if !always {
			lazy = append(lazy, name)
		}
	}
	if lazy != nil {
		slices.Sort(lazy)
		return fmt.Errorf("%w: %s sync only now and then: a power cut of all loses what was acknowledged (fix: jetstream { sync_interval: always })",
			ErrSettings, strings.Join(lazy, ", "))
	}
	if len(answered) == 0 {
		return ErrNobodyAnswers
	}
	info, err := l.info(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w of every server of stream %s: %w", ErrNotSeen, l.Stream(), err)
	}
	if silent := serversWithout(info.Cluster, answered); silent != nil {
		return fmt.Errorf("%w of %s: no answer", ErrNotSeen, strings.Join(silent, ", "))
	}
	return nil
}

// askSynced asks which servers sync always: false for those that do not, nothing for those that do not answer.
func (l *Log) askSynced(ctx context.Context) (answered map[string]bool, err error) {
	inbox := l.cfg.Conn.NewInbox()
	answers, err := l.cfg.Conn.SubscribeSync(inbox)
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := l.cfg.Conn.PublishRequest(askServers, inbox, nil); err != nil {
		return nil, fmt.Errorf("%w of any server: %w", ErrNotSeen, err)
	}
	answered = map[string]bool{}
	for wait := patienceForServers; ; wait = quiet {
		next, cancel := context.WithTimeout(ctx, wait)
		msg, err := answers.NextMsgWithContext(next)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil || len(msg.Data) == 0: // silence, or the status that nobody is there
			return answered, nil
		}
		if name, always, ok := syncOf(msg); ok {
			answered[name] = always
		}
	}
}

// serversWithout are the servers that have a stream and are not among those that answered.
func serversWithout(c *jetstream.ClusterInfo, answered map[string]bool) (silent []string) {
	if c == nil {
		return nil
	}
	names := []string{c.Leader}
	for _, r := range c.Replicas { // also those that are away; one that its leader never met has a text for its name
		names = append(names, r.Name)
	}
	for _, name := range names {
		if _, ok := answered[name]; !ok {
			silent = append(silent, name)
		}
	}
	slices.Sort(silent)
	return silent
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
