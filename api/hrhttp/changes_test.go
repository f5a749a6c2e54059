package hrhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/projections/notice"
)

// announcer is a Publisher for the labs of a test, which nothing else tells of changes.
func announcer(t *testing.T, change ...func(*notice.Config)) (*notice.Publisher, func(*hrhttp.Config)) {
	t.Helper()
	var cfg notice.Config
	for _, f := range change {
		f(&cfg)
	}
	p := notice.New(cfg)
	t.Cleanup(p.Close)
	return p, func(cfg *hrhttp.Config) { cfg.Notices = p }
}

// feed is a stream of changes that is received.
type feed struct {
	testing.TB
	header http.Header
	lines  *bufio.Scanner
	leave  func()
}

// listen begins to receive, and is there when it returns.
func listen(t testing.TB, url string, header ...string) *feed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip, zstd")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{t, res.Header, bufio.NewScanner(res.Body), func() { cancel(); res.Body.Close() }}
	t.Cleanup(f.leave)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, res.Status)
	}
	if got := f.line(); got != ": changes" {
		t.Fatalf("%s begins with %q", url, got)
	}
	return f
}

func (l *lab) listen(t testing.TB, query string, authorization string, header ...string) *feed {
	t.Helper()
	return listen(t, l.url+base+"/changes"+query, append(as(authorization), header...)...)
}

// line is the next line; "" at the end of an event, "the end" of the stream.
func (f *feed) line() string {
	if !f.lines.Scan() {
		return "the end"
	}
	return f.lines.Text()
}

// want receives these events, PROJECTION KEY POSITION, and none between.
func (f *feed) want(events ...string) {
	f.Helper()
	for _, event := range events {
		var projection, key, position string
		if _, err := fmt.Sscan(event, &projection, &key, &position); err != nil {
			f.Fatal(event, err)
		}
		line := f.line()
		for line == "" || strings.HasPrefix(line, ":") || strings.HasPrefix(line, "retry:") {
			line = f.line()
		}
		got := []string{line, f.line(), f.line(), f.line()}
		want := []string{
			"event: change", "id: " + position,
			fmt.Sprintf(`data: {"projection":%q,"key":%q,"position":%q}`, projection, key, position), "",
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			f.Fatalf("received %q, want %q", got, want)
		}
	}
}

// wantEnd receives nothing more.
func (f *feed) wantEnd() {
	f.Helper()
	for line := f.line(); line != "the end"; line = f.line() {
		if line != "" && !strings.HasPrefix(line, ":") && !strings.HasPrefix(line, "retry:") {
			f.Fatalf("received %q, want the end", line)
		}
	}
	if err := f.lines.Err(); err != nil {
		f.Errorf("the stream is broken off: %v", err)
	}
}

// say tells of one key, and wants exactly these to hear of it. It waits for them, as
// notices that wait may become one.
func say(t testing.TB, p *notice.Publisher, projection, key string, revision uint64, heard ...*feed) {
	t.Helper()
	p.Changed(projection, []string{key}, notice.Position{Revision: revision, Index: 1})
	for _, f := range heard {
		f.want(fmt.Sprintf("%s %s %d.1", projection, key, revision))
	}
}

func TestChanges(t *testing.T) {
	p, with := announcer(t)
	l := onOne(t, with)
	every := l.listen(t, "", l.all)
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Content-Encoding": "", "Cache-Control": "no-store"} {
		if got := every.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	ofPeople, ofAnn := l.listen(t, "?projection=people", l.all), l.listen(t, "?key=ann", l.all)
	ofAnnsNumbers := l.listen(t, "?projection=competency&key=ann", l.all)
	plain := l.listen(t, "", l.all, "Accept-Encoding", "identity")

	say(t, p, "people", "bob", 3, every, plain, ofPeople)
	say(t, p, "competency", "ann", 4, every, plain, ofAnn, ofAnnsNumbers)
	say(t, p, "definitions", "framework:https://a.example/x?y=z", 5, every, plain)
	say(t, p, "people", "ann", 6, every, plain, ofPeople, ofAnn)
	say(t, p, "competency", "*", 7, every, plain, ofAnn, ofAnnsNumbers)
	say(t, p, "people", "*", 8, every, plain, ofPeople, ofAnn)

	p.Close()
	for _, f := range []*feed{every, ofPeople, ofAnn, ofAnnsNumbers, plain} {
		f.wantEnd()
	}
	a := l.do(t, "GET", base+"/changes", "")
	a.refused(503, "store.closed")
}

func TestChangesAreRefused(t *testing.T) {
	_, with := announcer(t, func(cfg *notice.Config) { cfg.Subscribers = 1 })
	l := onOne(t, with)
	for query, code := range map[string]string{
		"?projection=": "parameter.projection", "?projection=peoples": "parameter.projection", "?key=": "parameter.key",
		"?after=3": "parameter.unknown", "?key=a&key=b": "parameter.twice",
	} {
		l.do(t, "GET", base+"/changes"+query, "").refused(400, code)
	}
	l.do(t, "HEAD", base+"/changes", "").want(200)
	first := l.listen(t, "", l.all)
	if a := l.do(t, "GET", base+"/changes", ""); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	} else {
		a.refused(503, "changes.busy")
	}
	first.leave()
	for range 10_000 { // until the server knows that it has left
		res := l.open(t, "GET", base+"/changes", nil)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Error("a stream that was left keeps its place")
}

func TestNoChangesWithoutNotices(t *testing.T) {
	l := onOne(t, func(cfg *hrhttp.Config) { cfg.Notices = nil })
	l.do(t, "GET", base+"/changes", "").refused(404, "not_found")
}

// A credential hears of what its scopes let it read.
func TestChangesByScope(t *testing.T) {
	p, with := announcer(t)
	l := onOne(t, with)
	feeds := map[string]*feed{}
	heard := map[string][]string{
		"people/read": {"people", "definitions"}, "competencies/read": {"competency", "definitions"}, "definitions/write": {"definitions"},
		"people/read competencies/read": {"people", "competency", "definitions"}, "all/read": {"people", "competency", "definitions"},
	}
	for scopes, projections := range heard {
		authorization := l.credential(t, strings.ReplaceAll(scopes, " ", "+"), scopes)
		feeds[scopes] = l.listen(t, "", authorization)
		for _, projection := range []string{"people", "competency", "definitions"} {
			status := http.StatusForbidden
			if slices.Contains(projections, projection) {
				status = http.StatusOK
			}
			res := l.open(t, "GET", base+"/changes?projection="+projection, nil, as(authorization)...)
			res.Body.Close()
			if res.StatusCode != status {
				t.Errorf("%s, with %s: %d, want %d", projection, scopes, res.StatusCode, status)
			}
		}
	}
	say(t, p, "unknown", "x", 1)
	for i, projection := range []string{"people", "competency", "definitions"} {
		for _, key := range []string{"x", "*"} {
			var hear []*feed
			for scopes, f := range feeds {
				if slices.Contains(heard[scopes], projection) {
					hear = append(hear, f)
				}
			}
			say(t, p, projection, key, uint64(i), hear...)
		}
	}
	p.Close()
	for _, f := range feeds {
		f.wantEnd()
	}
}

// A bound credential hears of nobody whom it cannot read.
func TestChangesWithinReach(t *testing.T) {
	p, with := announcer(t)
	l := onOne(t, with)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a")+someone("bob", "ward-b")+someone("cyd", "ward-c"))
	l.get(t, "/people") // the projection has them

	medicine := l.listen(t, "", l.credential(t, "medicine", "all", boundTo("", "medicine")))
	wardA := l.listen(t, "", l.credential(t, "ward-a", "all", boundTo("", "ward-a")))
	cyd := l.listen(t, "", l.credential(t, "cyd", "all", boundTo("cyd")))
	learner := l.listen(t, "?key=cyd", l.credential(t, "learner", "competencies/read", boundTo("cyd")))
	asksForBob := l.listen(t, "?key=bob", l.credential(t, "curious", "all", boundTo("cyd")))
	nobody := l.listen(t, "", l.credential(t, "nobody", "all", boundTo("nobody", "nowhere")))
	free := l.listen(t, "", l.all)

	revision := uint64(0)
	tell := func(projection string, hear map[string][]*feed) {
		t.Helper()
		for _, key := range slices.Sorted(maps.Keys(hear)) {
			revision++
			say(t, p, projection, key, revision, append(hear[key], free)...)
		}
	}
	tell("people", map[string][]*feed{
		"ann": {medicine, wardA}, "bob": {medicine}, "cyd": {cyd}, "stranger": nil,
		"unit:medicine": {medicine}, "unit:ward-a": {medicine, wardA}, "unit:ward-b": {medicine}, "unit:ward-c": nil, "unit:hospital": nil, "unit:nowhere": nil,
	})
	const unlinked = "https://ward.example#mbox::mailto:ann@ward.example"
	tell("competency", map[string][]*feed{
		"ann": {medicine, wardA}, "bob": {medicine}, "cyd": {cyd, learner}, "stranger": nil, "unit:ward-a": nil, unlinked: nil,
	})

	// All is all that they may see.
	all := func(projection string, hear map[*feed][]string) {
		t.Helper()
		revision++
		say(t, p, projection, notice.All, revision, free)
		for f, keys := range hear {
			for _, key := range keys {
				f.want(fmt.Sprintf("%s %s %d.1", projection, key, revision))
			}
		}
	}
	all("competency", map[*feed][]string{medicine: {"ann", "bob"}, wardA: {"ann"}, cyd: {"cyd"}, learner: {"cyd"}})
	all("people", map[*feed][]string{
		medicine: {"ann", "bob", "unit:medicine", "unit:ward-a", "unit:ward-b"}, wardA: {"ann", "unit:ward-a"}, cyd: {"cyd"},
	})

	// The reach is that of the moment.
	a := l.post(t, "/people/bob/assignments", `{"role":"nurse","unit":"ward-a","from":"2025-01-01"}`)
	position := a.header.Get("X-Bedside-Position")
	l.get(t, "/people?after="+position)
	if _, err := fmt.Sscanf(position, "%d.", &revision); err != nil {
		t.Fatal(position, err)
	}
	tell("people", map[string][]*feed{"bob": {medicine, wardA}})

	// Definitions are for all who may read.
	tell("definitions", map[string][]*feed{
		"bob": {medicine, wardA, cyd, nobody, asksForBob}, "framework:f": {medicine, wardA, cyd, nobody},
		"*": {medicine, wardA, cyd, nobody, asksForBob, learner},
	})
	p.Close()
	for _, f := range []*feed{medicine, wardA, cyd, learner, asksForBob, nobody, free} {
		f.wantEnd()
	}
}

// Who comes again with the id of the last event looks at everything again.
func TestChangesAgain(t *testing.T) {
	_, with := announcer(t)
	l := onOne(t, with)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a")+someone("bob", "ward-b"))
	l.get(t, "/people")
	l.listen(t, "", l.all, "Last-Event-ID", "7.3").want("people * 7.0", "definitions * 7.0", "competency * 7.0")
	l.listen(t, "?projection=competency", l.all, "Last-Event-ID", "7.3").want("competency * 7.0")
	bound := l.credential(t, "bound", "competencies/read", boundTo("", "ward-b"))
	l.listen(t, "", bound, "Last-Event-ID", "7.3").want("definitions * 7.0", "competency bob 7.0")
	p, with := announcer(t)
	l = newLab(t, "sqlite:"+t.TempDir()+"/again.db", with)
	say(t, p, "people", "ann", 8, l.listen(t, "", l.all, "Last-Event-ID", "no position"))
}

// changesOf serves the changes of a lab with a heartbeat of the test's, under the
// limits of a server.
func changesOf(t *testing.T, l *lab, cfg hrhttp.Config, beat <-chan time.Time, limit time.Duration) string {
	t.Helper()
	cfg.Store, cfg.Now = l.store, time.Now
	cfg.Wait = limit - 20*time.Second // so that other answers would end then, too
	server := httptest.NewUnstartedServer(hrhttp.Changes(cfg, beat))
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// A stream shows that it lives, as long as its credential does.
func TestChangesHeartbeat(t *testing.T) {
	var cfg hrhttp.Config
	p, with := announcer(t)
	l := onOne(t, with, func(c *hrhttp.Config) { cfg = *c })
	beat := make(chan time.Time)
	f := listen(t, changesOf(t, l, cfg, beat, time.Minute), as(l.credential(t, "short", "all/read"))...)
	f.line()
	f.line()
	for range 3 {
		beat <- time.Time{}
		if got := f.line() + f.line(); got != ": beat" {
			t.Fatalf("received %q", got)
		}
	}
	say(t, p, "people", "ann", 1, f)
	if err := l.store.RevokeCredential(t.Context(), "short"); err != nil {
		t.Fatal(err)
	}
	beat <- time.Time{}
	f.wantEnd()
}

// A credential that is no longer good is told nothing more.
func TestChangesAfterRevocation(t *testing.T) {
	p, with := announcer(t)
	l := onOne(t, with)
	short, other := l.listen(t, "", l.credential(t, "short", "all/read")), l.listen(t, "", l.all)
	say(t, p, "people", "ann", 1, short, other)
	if err := l.store.RevokeCredential(t.Context(), "short"); err != nil {
		t.Fatal(err)
	}
	say(t, p, "people", "bob", 2, other)
	short.wantEnd()
}

// The server's limits on a request and an answer do not end a stream.
func TestChangesOutliveTimeouts(t *testing.T) {
	var cfg hrhttp.Config
	_, with := announcer(t)
	l := onOne(t, with, func(c *hrhttp.Config) { cfg = *c })
	const limit = 100 * time.Millisecond
	ticker := time.NewTicker(limit / 10)
	defer ticker.Stop()
	f := listen(t, changesOf(t, l, cfg, ticker.C, limit), as(l.all)...)
	for begin := time.Now(); time.Since(begin) < 5*limit; {
		if f.line() == "the end" {
			t.Fatalf("it ends after %v: %v", time.Since(begin), f.lines.Err())
		}
	}
}
