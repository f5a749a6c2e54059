package hrhttp_test

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

const base = hrhttp.BasePath

// lab is the whole server, listening, on a log and an index in memory and a read model
// of one of the engines.
type lab struct {
	url     string
	store   *lrs.Store
	runtime *projections.Runtime
	model   *readmodel.Store
	gate    *gate
	all     string // Authorization of a credential with every scope
}

// onEach runs a test with a lab on each engine.
func onEach(t *testing.T, do func(t *testing.T, l *lab), change ...func(*hrhttp.Config)) {
	t.Parallel()
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) { do(t, newLab(t, dsn, change...)) })
	}
}

// onOne runs a test where the engine does not matter.
func onOne(t *testing.T, change ...func(*hrhttp.Config)) *lab {
	t.Parallel()
	return newLab(t, "sqlite:"+filepath.Join(t.TempDir(), "readmodel.db"), change...)
}

func newLab(t testing.TB, dsn string, change ...func(*hrhttp.Config)) *lab {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	model := readmodeltest.Open(t, dsn)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.NewFile(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	log := memlog.New()
	l := &lab{gate: newGate(log)}
	l.store, err = lrs.Open(t.Context(), lrs.Config{
		Log: log, Index: x, Blobs: blobs, Node: "test", Logger: quiet,
		HeadFile: filepath.Join(t.TempDir(), "head"), Metrics: lrs.NewMetrics(registry),
	})
	if err != nil {
		t.Fatal(err)
	}
	everything, err := auth.Environment("everything", "secret", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Auth().Add(everything); err != nil {
		t.Fatal(err)
	}
	l.all = basic("everything", "secret")
	l.model = model
	l.runtime = projections.Start(projections.Config{
		Log: l.gate, Store: model, Logger: quiet,
		Projections: []projections.Projection{
			people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
		},
	})

	cfg := hrhttp.Config{Runtime: l.runtime, Model: model, Log: quiet}
	for _, f := range change {
		f(&cfg)
	}
	httpCfg := api.DefaultConfig
	httpCfg.Log, httpCfg.Registry = quiet, registry
	server := api.NewServer(httpCfg)
	server.Attach(l.store, xapihttp.Config{Log: quiet, Default: xapi.V2, Limits: xapihttp.DefaultLimits}, cfg)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.url = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		l.gate.open()
		l.runtime.Close()
		for _, err := range []error{server.Shutdown(ctx), <-served, l.store.Close(ctx), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

// gate keeps commits from the projections while it is closed.
type gate struct {
	*memlog.Log
	mu     sync.Mutex
	opened chan struct{} // under mu; closed while the gate is open
}

func newGate(log *memlog.Log) *gate {
	g := &gate{Log: log, opened: make(chan struct{})}
	close(g.opened)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// Subscribe implements projections.Log.
func (g *gate) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range g.Log.Subscribe(ctx, from) {
			g.mu.Lock()
			opened := g.opened
			g.mu.Unlock()
			select {
			case <-opened:
			case <-ctx.Done():
				err = ctx.Err()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// credential adds a credential and returns its Authorization.
func (l *lab) credential(t testing.TB, key, scopes string, change ...func(*auth.Credential)) string {
	t.Helper()
	set, err := auth.ParseScopes(scopes)
	if err != nil {
		t.Fatal(err)
	}
	secret, hash := auth.GenerateSecret()
	c := auth.Credential{Key: key, Secret: hash, Scopes: set, Created: time.Now()}
	for _, f := range change {
		f(&c)
	}
	if err := l.store.AddCredential(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return basic(key, secret)
}

func boundTo(person string, units ...string) func(*auth.Credential) {
	return func(c *auth.Credential) { c.Person, c.Units = person, units }
}

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// client asks for no compression by itself, so that tests see what is sent.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}

// as is the header of another credential.
func as(authorization string) []string { return []string{"Authorization", authorization} }

// open sends a request for who reads the body himself. It goes with every scope, and as
// application/json if it has a body, unless header, pairs of name and value, says
// otherwise; an empty value removes.
func (l *lab) open(t testing.TB, method, target string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+target, body)
	if err != nil {
		t.Fatal(err)
	}
	header = slices.Concat([]string{"Authorization", l.all, "X-Experience-API-Version", "1.0.3"}, header)
	if body != nil {
		header = slices.Concat([]string{"Content-Type", "application/json"}, header)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Del(header[i])
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return res
}

func (l *lab) do(t testing.TB, method, target, body string, header ...string) *answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	res := l.open(t, method, target, r, header...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return &answer{TB: t, what: method + " " + target, status: res.StatusCode, header: res.Header, body: string(b)}
}

// get is a GET of a resource of the API that must succeed.
func (l *lab) get(t testing.TB, target string, header ...string) *answer {
	t.Helper()
	return l.do(t, "GET", base+target, "", header...).want(200)
}

// put is a PUT that must succeed; so are post, del and csv.
func (l *lab) put(t testing.TB, target, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "PUT", base+target, body, header...).want(204)
}

func (l *lab) post(t testing.TB, target, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "POST", base+target, body, header...).want(204)
}

func (l *lab) del(t testing.TB, target string) *answer {
	t.Helper()
	return l.do(t, "DELETE", base+target, "").want(204)
}

func (l *lab) csv(t testing.TB, target, body string) *answer {
	t.Helper()
	return l.do(t, "POST", base+target, body, "Content-Type", "text/csv").want(200)
}

// statements stores statements.
func (l *lab) statements(t testing.TB, all ...string) *answer {
	t.Helper()
	return l.do(t, "POST", "/xapi/statements", "["+strings.Join(all, ",")+"]").want(200)
}

// now is an asOf: that of an answer of this moment.
func (l *lab) now(t testing.TB) string {
	t.Helper()
	return l.get(t, "/definitions?limit=1").text("asOf")
}

// answer is a response, read to its end.
type answer struct {
	testing.TB
	what   string
	status int
	header http.Header
	body   string
	parsed any // of body, when it was asked for
}

func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// refused wants a refusal with a code and a sentence.
func (a *answer) refused(status int, code string) *answer {
	a.Helper()
	p := a.want(status).problem()
	if p.Code != code || p.Status != status || len(p.Message) < 10 || p.RequestID == "" || a.header.Get("ETag") != "" {
		a.Errorf("%s: %s, want the code %q, a sentence and a request id, and no ETag", a.what, a.body, code)
	}
	return a
}

func (a *answer) problem() (p problem.Problem) {
	a.Helper()
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.Fatalf("%s: no problem: %v\n%s", a.what, err, a.body)
	}
	return p
}

// says wants words in the message of a refusal.
func (a *answer) says(words ...string) *answer {
	a.Helper()
	message := a.problem().Message
	for _, word := range words {
		if !strings.Contains(message, word) {
			a.Errorf("%s: the message has no %q: %s", a.what, word, message)
		}
	}
	return a
}

var requestID = regexp.MustCompile(`"requestId":"[^"]*"`)

// anonymous is the body without the request's id.
func (a *answer) anonymous() string { return requestID.ReplaceAllString(a.body, `"requestId":""`) }

// same wants the same bytes as another answer.
func (a *answer) same(other *answer) {
	a.Helper()
	if a.body != other.body {
		a.Errorf("%s differs from %s:\n%s\n%s", a.what, other.what, a.body, other.body)
	}
}

// at walks the JSON of the answer as `select` of the domain's vectors does: a string is
// a field, an integer an index, an object stands for the first element whose fields
// equal it. What is not found is nil.
func (a *answer) at(path ...any) any {
	a.Helper()
	if a.parsed == nil {
		if err := json.Unmarshal([]byte(a.body), &a.parsed); err != nil {
			a.Fatalf("%s: %v\n%s", a.what, err, a.body)
		}
	}
	return walk(a.parsed, path)
}

func walk(v any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			v = walk(v, []any{float64(step)})
		case float64:
			list, _ := v.([]any)
			if v = nil; int(step) < len(list) {
				v = list[int(step)]
			}
		case map[string]any:
			list, _ := v.([]any)
			v = nil
			for _, element := range list {
				object, _ := element.(map[string]any)
				fits := object != nil
				for name, want := range step {
					fits = fits && object[name] == want
				}
				if fits {
					v = element
					break
				}
			}
		}
	}
	return v
}

// text and number are values of a JSON answer.
func (a *answer) text(path ...any) string {
	a.Helper()
	s, ok := a.at(path...).(string)
	if !ok {
		a.Fatalf("%s: %v is no text: %s", a.what, path, a.body)
	}
	return s
}

func (a *answer) number(path ...any) float64 {
	a.Helper()
	n, ok := a.at(path...).(float64)
	if !ok {
		a.Fatalf("%s: %v is no number: %s", a.what, path, a.body)
	}
	return n
}

// each gives a field of each element of a list, in order.
func (a *answer) each(list, field string) []string {
	a.Helper()
	all, ok := a.at(list).([]any)
	if !ok {
		a.Fatalf("%s: there is no list %s: %s", a.what, list, a.body)
	}
	texts := []string{}
	for _, element := range all {
		texts = append(texts, fmt.Sprint(walk(element, []any{field})))
	}
	return texts
}

var quoted = regexp.MustCompile(`"(?:[^"]|"")*"`)

// records reads the answer as CSV by RFC 4180, the header first.
func (a *answer) records() [][]string {
	a.Helper()
	if got := a.header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		a.Fatalf("%s: Content-Type %q", a.what, got)
	}
	if lines := strings.ReplaceAll(quoted.ReplaceAllString(a.body, ""), "\r\n", ""); strings.ContainsAny(lines, "\r\n") {
		a.Errorf("%s: a line ends with something else than CR LF: %q", a.what, a.body)
	}
	r := csv.NewReader(strings.NewReader(a.body))
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		a.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
	return all
}

// column gives one column of CSV.
func (a *answer) column(name string) []string {
	a.Helper()
	all := a.records()
	i := slices.Index(all[0], name)
	if i < 0 {
		a.Fatalf("%s: no column %s: %v", a.what, name, all[0])
	}
	texts := []string{}
	for _, record := range all[1:] {
		texts = append(texts, record[i])
	}
	return texts
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// esc makes one segment of a path of an id.
func esc(id string) string { return url.PathEscape(id) }

// query builds a query of pairs of name and value.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

// with adds a parameter to a target.
func with(target, name, value string) string {
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	return target + sep + name + "=" + url.QueryEscape(value)
}

// The definitions and statements of the tests.
const (
	listening = "https://ward.example/competencies/listening"
	speaking  = "https://ward.example/competencies/speaking"
	framework = "https://ward.example/frameworks/service"
	rules     = "https://ward.example/rules/default"

	passed = "http://adlnet.gov/expapi/verbs/passed"
	voided = "http://adlnet.gov/expapi/verbs/voided"

	simulation = "http://adlnet.gov/expapi/activities/simulation"
)

// frameworkOf has two competencies; a nurse must listen at a level from a threshold.
func frameworkOf(id string, from float64) string {
	return fmt.Sprintf(`{"kind":"framework","id":%q,"name":{"en":"Service"},"levels":[{"id":"novice","from":0},{"id":"able","from":%v}],
	"competencies":[{"id":%q},{"id":%q}],"requirements":[{"role":"nurse","competency":%q,"level":"able"}]}`, id, from, listening, speaking, listening)
}

// rulesOf take simulations, with a weight.
func rulesOf(id string, weight float64) string {
	return fmt.Sprintf(`{"kind":"evidence-rules","id":%q,"rules":[{"id":"simulation","match":{"verbs":[%q],"activityTypes":[%q]},
	"subject":"actor","competencies":"context.other","kind":"simulation","weight":%v,"attempts":"all"}]}`, id, passed, simulation, weight)
}

// define registers both.
func (l *lab) define(t testing.TB) {
	t.Helper()
	l.do(t, "POST", base+"/definitions", "["+frameworkOf(framework, 0.6)+","+rulesOf(rules, 1)+"]").want(200)
}

// The definitions of what patients say, and what is made of it.
const (
	kpiListened = "https://ward.example/kpis/listened"
	kpiPraise   = "https://ward.example/kpis/praise"
	annual      = "https://ward.example/evaluations/annual"
	programme   = "https://ward.example/programmes/listen"
	survey      = "https://ward.example/surveys/inpatient"
	question    = survey + "/listened"
	useful      = "https://ward.example/surveys/reaction/useful"
)

// defineFeedback registers them; the framework is there.
func (l *lab) defineFeedback(t testing.TB) {
	t.Helper()
	l.do(t, "POST", base+"/definitions", `[
		{"kind":"survey","id":"`+survey+`","audience":"patient","questions":[{"id":"`+question+`","scale":{"min":1,"max":4},"topBox":[4]}]},
		{"kind":"survey","id":"https://ward.example/surveys/reaction","audience":"staff","questions":[{"id":"`+useful+`","scale":{"min":1,"max":4},"topBox":[4]}]},
		{"kind":"kpi","id":"`+kpiListened+`","questions":["`+question+`"],"statistic":"topBox","direction":"up"},
		{"kind":"kpi","id":"`+kpiPraise+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"per1000","measure":"encounters","direction":"up"},
		{"kind":"programme","id":"`+programme+`","targetUnits":["ward-a"],"comparisonUnits":["ward-b"],"roles":["nurse"],
			"starts":"2025-03-01T00:00:00Z","ends":"2025-04-01T00:00:00Z","activities":[{"id":"https://ward.example/modules/1","method":"e-learning","required":true}],
			"assessments":{"pre":"https://ward.example/pre","post":"https://ward.example/post"},"reactionSurvey":"https://ward.example/surveys/reaction",
			"behaviour":{"competencies":["`+listening+`"],"kinds":["simulation"],"windowDays":90},"results":{"kpis":["`+kpiListened+`"],"windowMonths":3},
			"objectives":[{"id":"gain","metric":"learning.meanGain","comparator":">=","target":0.1,"by":"2025-06-01T00:00:00Z"}]},
		{"kind":"evaluation","id":"`+annual+`","roles":["nurse"],"metrics":[
			{"id":"listening","source":{"competency":"`+listening+`"},"weight":1,"scale":{"from":0,"to":1}},
			{"id":"patients","source":{"kpi":"`+kpiListened+`"},"weight":1,"scale":{"from":0,"to":1}},
			{"id":"praise","source":{"count":{"verbs":["http://id.tincanapi.com/verb/earned"]}},"weight":1,"scale":{"from":0,"to":3}}]}
	]`).want(200)
}

const wardUnits = "unit,name,parent\nhospital,Hospital,\nmedicine,Medicine,hospital\nward-a,Ward A,medicine\nward-b,Ward B,medicine\n" +
	"surgery,Surgery,hospital\nward-c,Ward C,surgery\n"

const peopleHeader = "person,name,role,unit,from,to,mbox,account_home,account_name\n"

// someone is a line of people.csv: a nurse of a unit, with an mbox.
func someone(id, unit string) string {
	return fmt.Sprintf("%s,Name of %s,nurse,%s,2025-01-01,,%s,,\n", id, id, unit, mboxOf(id))
}

func mboxOf(person string) string { return "mailto:" + person + "@ward.example" }

// agent is an actor with the mbox of a person.
func agent(person string) string { return `{"mbox":"` + mboxOf(person) + `"}` }

// id is the n-th statement's id.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// attempt is a simulation with a score for a competency, at noon of a day of January 2026.
func attempt(n int, actor, competency string, score float64, day int) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":%q},"object":{"id":"https://ward.example/simulations/1","definition":{"type":%q}},
	"result":{"score":{"scaled":%v}},"timestamp":"2026-01-%02dT12:00:00Z","context":{"contextActivities":{"other":[{"id":%q}]}}}`,
		id(n), actor, passed, simulation, score, day, competency)
}

// unscored is one without a score.
func unscored(n int, actor, activity string) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":%q},"object":{"id":%q,"definition":{"type":%q}},
	"context":{"contextActivities":{"other":[{"id":%q}]}}}`, id(n), actor, passed, activity, simulation, listening)
}

// uncovered is a statement that no rule takes.
func uncovered(n int, actor, activity string) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"https://ward.example/verbs/did"},"object":{"id":%q}}`, id(n), actor, activity)
}

func voiding(n, target int) string {
	return fmt.Sprintf(`{"id":%q,"actor":{"mbox":"mailto:office@ward.example"},"verb":{"id":%q},"object":{"objectType":"StatementRef","id":%q}}`,
		id(n), voided, id(target))
}

// competenciesOf and evidenceOf are resources.
func competenciesOf(person string) string { return "/people/" + esc(person) + "/competencies" }

func evidenceOf(person, competency string) string {
	return competenciesOf(person) + "/" + esc(competency) + "/evidence"
}
