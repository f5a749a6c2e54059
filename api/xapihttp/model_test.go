package xapihttp_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/gorilla/mux"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// modelPage is the server's own limit of a page.
const modelPage = 7

// world is a store on a log in memory, its resources, and what it must answer.
type world struct {
	draw
	log   *memlog.Log
	fs    *vfs.MemFS
	dir   string
	head  string         // the head file, in some worlds: it costs time
	tick  chan time.Time // flushes the index
	now   time.Time      // under mu
	mu    sync.Mutex
	index *index.Index
	store *lrs.Store
	http  http.Handler
	naive *naive
	last  time.Time // when a statement was stored last
}

// clock moves one microsecond a reading, so that time never stands still.
func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Microsecond)
	return w.now
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func newWorld(t *rapid.T, dir string) *world {
	w := &world{
		draw: draw{t}, log: memlog.New(), fs: vfs.NewCrashableMem(), dir: dir, tick: make(chan time.Time),
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), naive: &naive{byID: map[string]*naiveStatement{}},
	}
	if w.in(4, "head file") {
		w.head = filepath.Join(dir, "head")
		for _, left := range []string{w.head, w.head + ".tip"} { // by the world before
			if err := os.Remove(left); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	w.open()
	for _, r := range modelReaders() {
		w.check(w.store.AddCredential(t.Context(), r.Credential))
	}
	t.Cleanup(func() { w.check(w.store.Close(context.Background())); w.check(w.index.Close()) })
	return w
}

// open starts the store on what there is.
func (w *world) open() {
	w.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var err error
	w.index, err = index.Open("index", index.Options{FS: w.fs, Logger: quiet, Tick: w.tick})
	w.check(err)
	blobs, err := blob.NewFile(filepath.Join(w.dir, "blobs"))
	w.check(err)
	w.store, err = lrs.Open(context.Background(), lrs.Config{
		Log: w.log, Index: w.index, Blobs: blobs, HeadFile: w.head, Node: "test", Now: w.clock, Logger: quiet,
	})
	w.check(err)
	limits := xapihttp.DefaultLimits
	limits.Page = modelPage
	router := mux.NewRouter()
	xapihttp.Register(router, xapihttp.Config{Store: w.store, Log: quiet, Now: w.clock, Default: xapi.V2, Limits: limits})
	w.http = router
}

func (w *world) stop() {
	w.Helper()
	w.check(w.store.Close(context.Background()))
	w.check(w.index.Close())
	w.log = w.log.Reopen()
}

// crash leaves what a killed process leaves: nothing is flushed or noted.
func (w *world) crash() {
	w.Helper()
	left := w.fs.CrashClone(vfs.CrashCloneCfg{})
	if w.head == "" {
		w.stop()
	} else {
		noted, err := os.ReadFile(w.head)
		w.check(err)
		w.stop()
		w.check(os.WriteFile(w.head, noted, 0o600))
	}
	w.fs = left
}

// forget loses the index.
func (w *world) forget() {
	w.stop()
	w.fs = vfs.NewCrashableMem()
}

// request asks the resources.
func (w *world) request(r *modelReader, method, target, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(context.Background(), method, "/xapi"+target, strings.NewReader(body))
	req.SetBasicAuth(r.Key, "secret")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res := httptest.NewRecorder()
	w.http.ServeHTTP(res, req)
	return res
}

// read is a GET that must succeed.
func (w *world) read(r *modelReader, target string, header ...string) (any, http.Header) {
	w.Helper()
	res := w.request(r, "GET", target, "", append([]string{versionHeader, v1}, header...)...)
	if res.Code != http.StatusOK {
		w.Fatalf("GET %s: %d %s", target, res.Code, res.Body)
	}
	v, err := parseNaive(res.Body.String())
	if err != nil {
		w.Fatalf("GET %s: %v in %s", target, err, res.Body)
	}
	return v, res.Header()
}

// write stores a batch of statements: new ones, known ones, and sometimes a
// known id with other content, which the whole batch is refused for.
func (w *world) write() {
	w.Helper()
	writer := rapid.SampledFrom(modelReaders()).Draw(w.T, "writer")
	version := w.one("request version", []string{v1, v2})
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(modelIDs), 1, 5, rapid.ID).Draw(w.T, "ids")
	var sent, fresh []string
	status := http.StatusOK
	for _, id := range ids {
		known := w.naive.byID[id]
		switch {
		case known == nil:
			sent = append(sent, w.statement(version, id))
			fresh = append(fresh, id)
		case w.in(6, "conflict"):
			sent = append(sent, strings.Replace(known.sent, `"verb":{"id":"`, `"verb":{"id":"urn:other:`, 1))
			status = http.StatusConflict
		default:
			sent = append(sent, known.sent)
		}
	}
	if strings.Contains(strings.Join(sent, ""), "contextAgents") || strings.Contains(strings.Join(sent, ""), "contextGroups") {
		version = v2 // a known one may have it
	}
	method, target, body := "POST", "/statements", "["+strings.Join(sent, ",")+"]"
	if len(sent) == 1 && w.in(2, "put") {
		method, target, body = "PUT", "/statements?statementId="+ids[0], sent[0]
		if status == http.StatusOK {
			status = http.StatusNoContent
		}
	}
	res := w.request(writer, method, target, body, versionHeader, version)
	if res.Code != status {
		w.Fatalf("%s %s: %d %s, want %d\n%s", method, target, res.Code, res.Body, status, body)
	}
	if status == http.StatusConflict {
		for _, id := range fresh {
			if res := w.request(modelReaders()[0], "GET", "/statements?statementId="+id, "", versionHeader, v1); res.Code != http.StatusNotFound {
				w.Fatalf("a statement of a refused batch: %d %s", res.Code, res.Body)
			}
		}
		return
	}
	if method == "POST" {
		want, _ := json.Marshal(ids)
		if got := strings.TrimSpace(res.Body.String()); got != string(want) {
			w.Fatalf("POST answers %s, want %s", got, want)
		}
	}
	before := len(w.naive.statements)
	for i, id := range ids {
		if w.naive.byID[id] == nil {
			v, err := parseNaive(sent[i])
			w.check(err)
			w.naive.add(&naiveStatement{id: id, sent: sent[i], json: v.(tree), defines: writer.defines})
		}
	}
	for _, s := range w.naive.statements[before:] { // now it is known which are voided
		w.learn(s, writer, version)
	}
}

// learn reads a new statement back: what the store decided becomes the model's.
func (w *world) learn(s *naiveStatement, writer *modelReader, version string) {
	w.Helper()
	name := "statementId"
	if w.naive.voided(s) {
		name = "voidedStatementId"
	}
	got, header := w.read(modelReaders()[0], "/statements?"+name+"="+s.id)
	stored := textAt(got, "stored")
	var err error
	s.stored, err = time.Parse("2006-01-02T15:04:05.000000Z", stored)
	w.check(err)
	s.json = storedForm(s.json, version, s.id, stored, writer.authority)
	if !agrees(got, s.json) {
		w.Fatalf("stored\n%v\nof %s", got, s.sent)
	}
	if !s.stored.After(w.last) {
		w.Fatalf("%s is stored at %s, not after the one before, %s", s.id, stored, w.last)
	}
	w.last = s.stored
	if header.Get(throughHeader) < stored {
		w.Fatalf("stored %s is shown, through %s", stored, header.Get(throughHeader))
	}
}

// modelFormat is how statements are asked for.
type modelFormat struct{ format, accept string }

func (w *world) drawFormat() modelFormat {
	return modelFormat{
		w.one("format", []string{"", "exact", "ids", "canonical"}),
		w.one("accept", []string{"", "de", "en", "en-US, de;q=0.5", "fr-FR;q=0.3, en;q=0.2, *;q=0.1", "de;q=0, *", "zh-Hans, fr-CA;q=0.9", "es"}),
	}
}

func (f modelFormat) set(q url.Values) (header []string) {
	if f.format != "" {
		q.Set("format", f.format)
	}
	if f.accept == "" {
		return nil
	}
	return []string{"Accept-Language", f.accept}
}

func (w *world) inFormat(s *naiveStatement, f modelFormat) tree {
	switch f.format {
	case "ids":
		return idsForm(s.json)
	case "canonical":
		return w.naive.canonicalForm(s.json, f.accept)
	}
	return s.json
}

// get asks for one statement by its id.
func (w *world) get() {
	w.Helper()
	r, f, id := rapid.SampledFrom(modelReaders()).Draw(w.T, "reader"), w.drawFormat(), w.one("id", modelIDs)
	name := w.one("by", []string{"statementId", "voidedStatementId"})
	s := w.naive.byID[id]
	q := url.Values{name: {id}}
	header := f.set(q)
	if s == nil || w.naive.voided(s) != (name == "voidedStatementId") || r.mine && !sameAuthority(r.authority, s.json["authority"]) {
		if res := w.request(r, "GET", "/statements?"+q.Encode(), "", versionHeader, v1); res.Code != http.StatusNotFound {
			w.Fatalf("GET %v by %s: %d %s", q, r.Key, res.Code, res.Body)
		}
		return
	}
	if got, _ := w.read(r, "/statements?"+q.Encode(), header...); !agrees(got, w.inFormat(s, f)) {
		w.Fatalf("GET %v, Accept-Language %q:\n%v\nwant\n%v", q, f.accept, got, w.inFormat(s, f))
	}
}

// describe asks what is known of an Activity and of an Agent.
func (w *world) describe() {
	w.Helper()
	all := modelReaders()[0]
	id := w.one("activity", modelActivities)
	want := tree{"objectType": "Activity", "id": id}
	if definition := w.naive.definition(id); definition != nil {
		want["definition"] = definition
	}
	if got, _ := w.read(all, "/activities?"+url.Values{"activityId": {id}}.Encode()); !agrees(got, want) {
		w.Fatalf("activity %s:\n%v\nwant\n%v", id, got, want)
	}

	text := "{" + w.one("agent", modelAgents) + "}"
	agent, err := parseNaive(text)
	w.check(err)
	want = tree{"objectType": "Person"}
	for name, value := range agent.(tree) {
		want[name] = []any{value}
	}
	got, _ := w.read(all, "/agents?"+url.Values{"agent": {text}}.Encode())
	var names []string
	for _, name := range listAt(got, "name") {
		names = append(names, name.(string))
	}
	slices.Sort(names)
	delete(got.(tree), "name")
	if known := w.naive.names(agent.(tree)); !agrees(got, want) || !slices.Equal(names, known) {
		w.Fatalf("agent %s: %v with names %q, want %v with %q", text, got, names, want, known)
	}
}

// TestModel compares everything that can be read of statements with naive, after
// any history of writing and of restarts: clean, killed with what was flushed or
// was not, and without an index.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, dir)
		use := func(f func()) func(*rapid.T) {
			return func(t *rapid.T) { w.T = t; f() }
		}
		t.Repeat(map[string]func(*rapid.T){
			"write":      use(w.write),
			"write more": use(w.write),
			"flush":      use(func() { w.tick <- w.clock() }),
			"restart":    use(w.restart),
			"get":        use(w.get),
			"list":       use(w.follow),
			"describe":   use(w.describe),
		})
		w.T = t
		w.everyFilter()
	})
}

func (w *world) restart() {
	w.Helper()
	switch w.upTo("restart", 2) {
	case 0:
		w.stop()
	case 1:
		w.crash()
	case 2:
		w.forget()
	}
	w.open()
}
