package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/conf"
	"github.com/nats-io/nats.go"
)

func newFlagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// composeCluster starts three servers with the configuration of docker-compose.yml, but for addresses and directories.
// change may alter what a server reads. It returns what --log takes for a user.
func composeCluster(t *testing.T, change func(n int, config string) string) (c *cluster, as func(user string) string) {
	t.Helper()
	env := composeSecrets(t)
	p, err := loadCompose(t.Context(), "nats", env)
	if err != nil {
		t.Fatal(err)
	}
	content := p.Configs["nats"].Content
	c = startCluster(t, func(n int, own string) string {
		config := withAddresses(t, content, own)
		if change != nil {
			config = change(n, config)
		}
		return config
	})
	passwords := map[string]string{"lrs": env["NATS_PASSWORD"], "admin": env["NATS_ADMIN_PASSWORD"], "system": env["NATS_ADMIN_PASSWORD"]}
	return c, func(user string) string {
		var all []string
		for _, s := range c.servers {
			all = append(all, fmt.Sprintf("nats://%s:%s@%s", user, passwords[user], s.address))
		}
		return strings.Join(all, ",")
	}
}

// withAddresses puts addresses and directory of the configuration own into another.
func withAddresses(t *testing.T, config, own string) string {
	t.Helper()
	parsed, err := conf.Parse(own)
	if err != nil {
		t.Fatal(err)
	}
	cluster := parsed["cluster"].(map[string]any)
	replace := func(old, text string) {
		t.Helper()
		if !strings.Contains(config, old) {
			t.Fatalf("the configuration has no %q", old)
		}
		config = strings.ReplaceAll(config, old, text)
	}
	replace("0.0.0.0:4222", parsed["listen"].(string))
	replace("0.0.0.0:6222", cluster["listen"].(string))
	replace("127.0.0.1:8222", "127.0.0.1:-1")
	replace("store_dir: /data", fmt.Sprintf("store_dir: %q", parsed["jetstream"].(map[string]any)["store_dir"]))
	for i, route := range cluster["routes"].([]any) {
		replace(fmt.Sprintf("nats-%d:6222", i+1), strings.TrimPrefix(route.(string), "nats://"))
	}
	return config
}

// user is a connection of a test, and what the servers deny it.
type user struct {
	t      *testing.T
	conn   *nats.Conn
	denied chan string
}

func connectAs(t *testing.T, url string) *user {
	t.Helper()
	u := &user{t: t, denied: make(chan string, 16)}
	conn, err := nats.Connect(url, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			u.denied <- err.Error()
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	u.conn = conn
	return u
}

// ask sends a request and returns its answer, or ok false when the servers deny it.
func (u *user) ask(subject, request string) (answer string, ok bool) {
	u.t.Helper()
	inbox := u.conn.NewInbox()
	answers := make(chan *nats.Msg, 64)
	sub, err := u.conn.ChanSubscribe(inbox, answers)
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	// While they elect a leader they may not answer at all: they are asked again then.
	again := time.NewTicker(3 * time.Second)
	defer again.Stop()
	for deadline := time.After(time.Minute); ; {
		if err := u.conn.PublishRequest(subject, inbox, []byte(request)); err != nil {
			u.t.Fatal(err)
		}
		for waiting := true; waiting; {
			select {
			case msg := <-answers:
				return string(msg.Data), true
			case why := <-u.denied:
				if strings.Contains(why, `"`+subject+`"`) {
					return why, false
				}
			case <-again.C:
				waiting = false
			case <-deadline:
				u.t.Fatalf("%s: neither an answer nor a refusal", subject)
			}
		}
	}
}

// TestComposeNATS: over the servers of docker-compose.yml a store starts, appends, reads, and keeps attachments; it sees
// that they sync every write; and its user can neither change nor shorten the log, though the operator's can.
func TestComposeNATS(t *testing.T) {
	t.Parallel()
	c, as := composeCluster(t, nil)
	node := func(name, at string) *server {
		s, err := tryServer(t, t.TempDir(), []string{"LRS_LOG=" + at}, "--node", name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, _, _ := strings.Cut(as("lrs"), ",") // it tells of the others
	a, b := node("lrs-1", first), node("lrs-2", as("lrs"))
	admin := connectAs(t, as("admin"))
	notices, err := admin.conn.SubscribeSync("bedside.changes.>")
	if err == nil {
		err = admin.conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	at := &server{url: strings.TrimSuffix(a.url, "/xapi")}
	status, _, answer, err := at.doTyped(t.Context(), http.MethodPost, "/api/v1/units", "text/csv", []byte("unit,name,parent\nward-7,Ward 7,\n"))
	if err != nil || status/100 != 2 {
		t.Fatal(status, string(answer), err)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := notices.NextMsgWithContext(soon); err != nil {
		t.Errorf("no notice of a change: %v", err)
	}

	nodes, workers := []*server{a, b}, newWorkers(1)[:1]
	w := workers[0]
	if !w.post(t.Context(), a, 3) || !w.attach(t.Context(), b) || !w.attach(t.Context(), a) {
		t.Fatalf("%+v", w.last)
	}
	// The server that a is connected to is lost, and comes back: what connections do then must be allowed too.
	c.kill(0)
	for !w.post(t.Context(), a, 2) || !w.attach(t.Context(), b) {
		if t.Context().Err() != nil {
			t.Fatal(w.last)
		}
	}
	c.start(0)
	level(t, nodes)
	for _, s := range nodes {
		w.checked = 0
		wantWhole(t, s, workers)
		notes, err := askReady(t.Context(), strings.TrimSuffix(s.url, "/xapi"))
		if err != nil || len(notes) != 0 {
			t.Errorf("readiness: %v, notes %v; want none, which says that sync always was seen", err, notes)
		}
		if strings.Contains(s.stderr.String(), "ermissions") {
			t.Errorf("the store lacks rights:\n%s", s.stderr)
		}
	}
	if info := logStream(t, admin); len(info.Cluster.Replicas) != 2 || info.State.Messages == 0 {
		t.Errorf("the log's stream: %+v", info)
	}
	reload(t, c)
	loseBeginning(t, admin, nodes)
	checkRights(t, c, as)
	if _, err := tryServer(t, t.TempDir(), []string{"LRS_LOG=" + strings.ReplaceAll(as("lrs"), ":secret", ":another")}); err == nil {
		t.Error("a store with a wrong password starts")
	}
}

// reload: the servers read their configuration again when they are told to, as for an operator who has changed it.
func reload(t *testing.T, c *cluster) {
	t.Helper()
	const reloaded = "Reloaded server configuration"
	for i, s := range c.servers {
		before := strings.Count(s.log.String(), reloaded)
		c.signal(i, syscall.SIGHUP)
		for deadline := time.After(patience); strings.Count(s.log.String(), reloaded) == before; {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-deadline:
				t.Fatalf("%s has not reloaded:\n%s", s.name, s.log)
			}
			if strings.Contains(s.log.String(), "Failed to reload") {
				t.Fatalf("%s cannot reload:\n%s", s.name, s.log)
			}
		}
	}
}

// loseBeginning: when an operator limits the log's stream, its nodes stop as soon as they know what is lost, and say it.
func loseBeginning(t *testing.T, admin *user, nodes []*server) {
	t.Helper()
	stream := logStream(t, admin)
	stream.Config["max_msgs"], stream.Config["discard"] = 3, "old"
	update, err := json.Marshal(stream.Config)
	if err != nil {
		t.Fatal(err)
	}
	if answer, ok := admin.ask("$JS.API.STREAM.UPDATE.bedside-main", string(update)); !ok || !strings.Contains(answer, `"max_msgs":3`) {
		t.Fatal(answer)
	}
	for i, s := range nodes {
		for deadline := time.After(patience); ; {
			_, err := askReady(t.Context(), strings.TrimSuffix(s.url, "/xapi"))
			if err != nil && strings.Contains(err.Error(), "has 3 messages") && strings.Contains(err.Error(), "restore it from a backup") {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-deadline:
				t.Fatalf("node %d: its log has lost its beginning, and its readiness is %v", i, err)
			}
		}
		if w := newWorkers(7)[0]; w.post(t.Context(), s, 1) {
			t.Errorf("node %d acknowledges, on a log that has lost its beginning", i)
		}
	}
}

// streamInfo is what JetStream says of the log's stream.
type streamInfo struct {
	Config map[string]any `json:"config"`
	State  struct {
		Messages int `json:"messages"`
	} `json:"state"`
	Cluster struct {
		Replicas []any `json:"replicas"`
	} `json:"cluster"`
}

func logStream(t *testing.T, admin *user) (info streamInfo) {
	t.Helper()
	answer, _ := admin.ask("$JS.API.STREAM.INFO.bedside-main", "")
	if err := json.Unmarshal([]byte(answer), &info); err != nil || info.Config == nil {
		t.Fatalf("the log's stream: %s, %v", answer, err)
	}
	return info
}

// TestComposeNATSLazy: a store refuses the cluster when one server does not sync every write, and names it. While that server
// is away, as in a restart of one after the other, it starts, and says of which it does not know.
func TestComposeNATSLazy(t *testing.T) {
	t.Parallel()
	c, as := composeCluster(t, func(n int, config string) string {
		const always = ", sync_interval: always"
		if !strings.Contains(config, always) {
			t.Fatalf("no %q in\n%s", always, config)
		}
		if n != 1 {
			return config
		}
		return strings.Replace(config, always, "", 1)
	})
	_, err := tryServer(t, t.TempDir(), []string{"LRS_LOG=" + as("lrs")})
	if err == nil || !strings.Contains(err.Error(), "n1 sync only now and then") || !strings.Contains(err.Error(), "sync_interval: always") {
		t.Errorf("the start is not refused, or does not name the server: %v", err)
	}
	c.kill(1)
	s, err := tryServer(t, t.TempDir(), []string{"LRS_LOG=" + as("lrs")})
	if err != nil {
		t.Fatal(err)
	}
	notes, err := askReady(t.Context(), strings.TrimSuffix(s.url, "/xapi"))
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "cannot be seen of n1: no answer") || !strings.Contains(s.stderr.String(), notes[0]) {
		t.Errorf("readiness: %v, notes %q; want that n1 has not answered, here and in the log\n%s", err, notes, s.stderr)
	}
}
