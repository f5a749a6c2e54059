package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
)

// checkRights: what would lose or change commits, asked by the service user and by the operator.
func checkRights(t *testing.T, c *cluster, as func(string) string) {
	t.Helper()
	service, admin := connectAs(t, as("lrs")), connectAs(t, as("admin"))
	stream := logStream(t, admin)
	stream.Config["description"] = "changed by an operator"
	update, err := json.Marshal(stream.Config)
	if err != nil {
		t.Fatal(err)
	}
	stream.Config["max_msgs"] = 1
	shorter, err := json.Marshal(stream.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []right{
		{"STREAM.CREATE.bedside-main", string(shorter), `"err_code":10058`}, // it is there, with other settings
		{"STREAM.PURGE.OBJ_bedside-main", `{"filter":"$O.bedside-main.C.none"}`, `"success":true`},
	} {
		if answer, ok := service.ask("$JS.API."+tt.api, tt.request); !ok || !strings.Contains(answer, tt.answers) {
			t.Errorf("the service user: %s: %s, want %s", tt.api, answer, tt.answers)
		}
	}
	silent := slog.New(slog.DiscardHandler)
	hears(t, newCalls(service.conn, "main", silent), newCalls(connectAs(t, as("lrs")).conn, "main", silent))
	checkDoors(t, service, admin)
	checkReplies(t, service, connectAs(t, as("system")))
	checkOperator(t, service, admin, []right{
		{"STREAM.UPDATE.bedside-main", string(update), "changed by an operator"},
		{"STREAM.MSG.DELETE.bedside-main", `{"seq":1}`, `"err_code":10057`}, // deny_delete
		{"STREAM.PURGE.bedside-main", `{}`, `"err_code":10110`},             // deny_purge
		{"STREAM.SNAPSHOT.bedside-main", `{}`, `"type"`},
		{"STREAM.LEADER.STEPDOWN.bedside-main", `{}`, `"success":true`},
	})
	permitDeletion(t, c)
	checkOperator(t, service, admin, []right{
		{"STREAM.DELETE.OBJ_bedside-main", "", `"success":true`},
		{"STREAM.CREATE.other", `{"name":"other","subjects":["other"]}`, `"name":"other"`}, // in its place
		{"STREAM.DELETE.bedside-main", "", `"success":true`},
	})
}

// right is a request to JetStream's API, and what the answer has to whoever may ask it.
type right struct{ api, request, answers string }

// checkOperator: what the operator may and the service user may not.
func checkOperator(t *testing.T, service, admin *user, rights []right) {
	t.Helper()
	for _, tt := range rights {
		subject := "$JS.API." + tt.api
		if answer, ok := service.ask(subject, tt.request); ok {
			t.Errorf("the service user may: %s: %s", subject, answer)
		}
		// Who stood down or deletes leaves no leader for a moment: the servers say so, and are asked again.
		answer, ok := admin.ask(subject, tt.request)
		again := false
		for ok && answer == "" && t.Context().Err() == nil {
			answer, ok = admin.ask(subject, tt.request)
			again = true
		}
		if again && strings.Contains(answer, `"err_code":10059`) { // the first time had done it
			continue
		}
		if !ok || !strings.Contains(answer, tt.answers) {
			t.Errorf("the operator may not: %s: %s", subject, answer)
		}
	}
}

// checkReplies: the servers answer with their own rights, and to wherever the question says: to their own API too, where what has
// no body deletes a stream. It comes to system instead.
func checkReplies(t *testing.T, service, system *user) {
	t.Helper()
	kept, err := system.conn.SubscribeSync("bedside.kept.>")
	if err == nil {
		err = system.conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	const consumer = `{"stream_name":"bedside-main","config":{"name":"x","ack_policy":"none","deliver_policy":"new","mem_storage":true,"num_replicas":1,"inactive_threshold":60000000000}}`
	if answer, ok := service.ask("$JS.API.CONSUMER.CREATE.bedside-main.x", consumer); !ok || !strings.Contains(answer, `"name":"x"`) {
		t.Fatal(answer)
	}
	for _, stream := range []string{"bedside-main", "bedside-main-relay", "OBJ_bedside-main"} {
		err := service.conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.bedside-main.x", "$JS.API.STREAM.DELETE."+stream, []byte(`{"batch":1,"no_wait":true}`))
		if err == nil {
			err = service.conn.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		for subject := ""; subject != "bedside.kept."+stream; {
			msg, err := kept.NextMsg(patience)
			if err != nil {
				t.Fatalf("%s may be deleted by a reply: %v", stream, err)
			}
			subject = msg.Subject
		}
	}
}

// checkDoors: what the servers publish for a stream they publish with their own rights. So who could make any stream in the
// account could have them update or delete the log's: by a republish to JetStream's API of what is published to the other.
func checkDoors(t *testing.T, service, admin *user) {
	t.Helper()
	p, err := loadCompose(t.Context(), "nats", composeSecrets(t))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\$JS\.API\.STREAM\.CREATE\.([^"]+)"`).FindAllStringSubmatch(p.Configs["nats"].Content, -1)
	if len(names) < 3 {
		t.Fatalf("the service user may create %q; want the log, its copy and the attachments at least", names)
	}
	for _, name := range names {
		for _, to := range []string{"STREAM.UPDATE.bedside-main", "STREAM.DELETE.bedside-main"} {
			request := fmt.Sprintf(`{"name":%q,"subjects":["bedside.log.main-relay"],"storage":"file","num_replicas":3,"republish":{"src":"bedside.log.main-relay","dest":"$JS.API.%s"}}`, name[1], to)
			answer, ok := service.ask("$JS.API.STREAM.CREATE."+name[1], request)
			const inUse, noMore = `"err_code":10058`, `"err_code":10027`
			if ok && (strings.Contains(answer, inUse) || strings.Contains(answer, noMore)) {
				continue
			}
			t.Errorf("the service user may create %s so that it is a door to %s: %s", name[1], to, answer)
			if ok {
				admin.ask("$JS.API.STREAM.DELETE."+name[1], "")
			}
		}
	}
}

// permitDeletion has the servers let streams be deleted.
func permitDeletion(t *testing.T, c *cluster) {
	t.Helper()
	mappings := regexp.MustCompile(`(?s)\n *mappings \{.*?\}`)
	for _, s := range c.servers {
		config, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		without := mappings.ReplaceAll(config, nil)
		if len(without) == len(config) {
			t.Fatalf("no mappings in\n%s", config)
		}
		if err := os.WriteFile(s.config, without, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload(t, c)
}
