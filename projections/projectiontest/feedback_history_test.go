package projectiontest_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// These are histories of a hospital that measures itself: surveys, KPIs, programmes, evaluations, and what happens.

// wardFact is an event as it was thought of; one of the fields behind raw is set.
type wardFact struct {
	t   int64
	raw event.Encoded

	said  *said
	event event.Event // about people, units, measures and evaluations; what is about people may make no sense
	doc   any         // a definition
}

// said is a statement.
type said struct {
	id       string
	t        int64
	happened int64 // 0: when it was stored
	actors   []event.Identity
	group    bool
	verb     string
	object   string          // IRI of the activity, or id of the statement that it voids
	about    *event.Identity // the object is an Agent
	typ      string          // of the activity

	raw, scaled         *float64
	success, completion *bool
	duration            string

	team, sheet     string
	grouping, other []string
}

func (s *said) when() int64 {
	if s.happened != 0 {
		return s.happened
	}
	return s.t
}

// The definitions, as far as the model looks at them.
type (
	wardSurvey struct {
		Kind      string         `json:"kind"`
		ID        string         `json:"id"`
		Audience  string         `json:"audience"`
		Questions []wardQuestion `json:"questions"`
	}
	wardQuestion struct {
		ID     string             `json:"id"`
		Scale  map[string]float64 `json:"scale"`
		TopBox []float64          `json:"topBox"`
	}
	wardKPI struct {
		Kind      string     `json:"kind"`
		ID        string     `json:"id"`
		Questions []string   `json:"questions,omitzero"`
		Match     *wardMatch `json:"match,omitzero"`
		Measure   string     `json:"measure,omitzero"`
		Statistic string     `json:"statistic"`
		Direction string     `json:"direction"`
		Target    *float64   `json:"target,omitzero"`
		Interval  string     `json:"interval"`
		MinN      int        `json:"minN,omitzero"`
	}
	wardMatch struct {
		Verbs         []string `json:"verbs"`
		ActivityTypes []string `json:"activityTypes"`
	}
	wardProgramme struct {
		Kind            string           `json:"kind"`
		ID              string           `json:"id"`
		TargetUnits     []string         `json:"targetUnits"`
		ComparisonUnits []string         `json:"comparisonUnits"`
		Roles           []string         `json:"roles"`
		Starts          time.Time        `json:"starts"`
		Ends            time.Time        `json:"ends"`
		Activities      []map[string]any `json:"activities"`
		Assessments     map[string]any   `json:"assessments"`
		ReactionSurvey  string           `json:"reactionSurvey"`
		Behaviour       map[string]any   `json:"behaviour"`
		Results         map[string]any   `json:"results"`
		Objectives      []map[string]any `json:"objectives"`
	}
	wardEvaluation struct {
		Kind    string       `json:"kind"`
		ID      string       `json:"id"`
		Roles   []string     `json:"roles"`
		Metrics []wardMetric `json:"metrics"`
	}
	wardMetric struct {
		ID     string             `json:"id"`
		Source map[string]any     `json:"source"`
		Weight float64            `json:"weight"`
		Scale  map[string]float64 `json:"scale"`
	}
)

const (
	home        = "https://h.example/"
	adl         = "http://adlnet.gov/expapi/verbs/"
	wardSurveys = home + "surveys/patients"
	wardReacts  = home + "surveys/reaction"
	wardQuiz    = home + "surveys/quiz"
	wardYearly  = home + "evaluations/yearly"
)

var (
	wardUnits       = []string{"hospital", "Ward-a", "ward-b", "ward-c", "ward-d"}
	wardPeople      = []string{"p1", "P2", "p3"}
	wardProgrammes  = []string{home + "programmes/x", home + "programmes/y"}
	wardActivities  = []string{home + "modules/1", home + "modules/2", home + "workshops/1", home + "tests/pre", home + "tests/post", home + "tests/later"}
	wardCompetences = []string{home + "competencies/listening", home + "competencies/tact"}
	wardTypes       = []string{home + "types/compliment", home + "types/complaint", home + "types/suggestion"}
	wardVerbs       = []string{adl + "passed", adl + "failed", adl + "completed", adl + "attended", adl + "scored",
		"http://id.tincanapi.com/verb/earned", "http://id.tincanapi.com/verb/rated"}
	wardIdentities = []event.Identity{
		{Mbox: "mailto:ann@ward.example"}, {Account: event.Account{HomePage: "https://lms.example", Name: "1000"}},
		{Mbox: "mailto:bob@ward.example"}, {OpenID: "https://id.example/bob"},
		{Mbox: "mailto:cy@ward.example"}, {Account: event.Account{HomePage: "https://survey.example", Name: "x"}},
	}
)

// wardQuestions: the first two are of monthly KPIs, the third of one by the week or quarter, the others of reactions.
var wardQuestions = []string{home + "q/1", home + "q/2", home + "q/3", home + "q/useful", home + "q/again"}

// wardHistory is what happens, in commits.
type wardHistory struct {
	commits [][]*wardFact
}

// GoString shows a history as its events, for a test that fails.
func (h *wardHistory) GoString() string {
	text := ""
	for i, c := range h.commits {
		for j, f := range c {
			text += fmt.Sprintf("\n%d.%d at %d: %s %.600s", i+1, j, f.t, f.raw.Type, f.raw.Payload)
		}
	}
	return text
}

// wardMonth is when a month of 2026 begins.
func wardMonth(m int) time.Time { return time.Date(2026, time.Month(m), 1, 0, 0, 0, 0, time.UTC) }

var wardBegin = time.Date(2026, 1, 3, 9, 0, 0, 0, time.UTC)

// wardWriter makes a history.
type wardWriter struct {
	*rapid.T
	history wardHistory
	commit  []*wardFact
	now     int64
	said    int

	minN     int // of the monthly KPIs of answers
	interval string
	kpis     map[string]*wardKPI
	measured []event.MeasureRecorded
}

// wardHistories draws histories of so many happenings, most of which are several events.
func wardHistories(n int) *rapid.Generator[*wardHistory] {
	return rapid.Custom(func(t *rapid.T) *wardHistory {
		w := &wardWriter{T: t, now: wardBegin.UnixMicro(), kpis: map[string]*wardKPI{}}
		w.minN = rapid.SampledFrom([]int{5, 5, 7}).Draw(t, "minN")
		w.interval = rapid.SampledFrom([]string{"week", "quarter"}).Draw(t, "interval")
		w.opening()
		for range rapid.IntRange(n/2, n).Draw(t, "happenings") {
			w.happening()
		}
		w.seal()
		return &w.history
	})
}

func (w *wardWriter) oneIn(n int, label string) bool {
	return rapid.IntRange(1, n).Draw(w.T, label) == n
}

func pick[V any](w *wardWriter, label string, of ...V) V {
	return rapid.SampledFrom(of).Draw(w.T, label)
}

func (w *wardWriter) add(f *wardFact) {
	w.commit = append(w.commit, f)
	if w.oneIn(3, "seal") {
		w.seal()
	}
}

func (w *wardWriter) define(doc any)         { w.add(&wardFact{doc: doc}) }
func (w *wardWriter) happens(ev event.Event) { w.add(&wardFact{event: ev}) }
func (w *wardWriter) id() string             { w.said++; return StatementID(w.said - 1) }
func (w *wardWriter) month(m int) time.Time  { return wardMonth(m) }

// says adds a statement, some voided before they come.
func (w *wardWriter) says(s *said) {
	if s.verb != VerbVoided && w.oneIn(20, "voided first") {
		w.says(&said{id: w.id(), actors: wardIdentities[:1], verb: VerbVoided, object: s.id})
	}
	w.add(&wardFact{said: s})
}

// seal ends a commit: its events are 1 µs apart. Some are just when a month's numbers become final.
func (w *wardWriter) seal() {
	if len(w.commit) == 0 {
		return
	}
	const hour = int64(time.Hour / time.Microsecond)
	first := w.now + pick(w, "gap", 1, 1000, hour, 30*hour, 30*hour, 6*24*hour, 11*24*hour)
	if w.oneIn(6, "at the first of a month") {
		at := time.UnixMicro(w.now).UTC()
		first = max(first, time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()-1)
	}
	for i, f := range w.commit {
		f.t = first + int64(i)
		f.encode()
	}
	w.now = first + int64(len(w.commit)) - 1
	w.history.commits, w.commit = append(w.history.commits, w.commit), nil
}

func (f *wardFact) encode() {
	ev := f.event
	switch {
	case f.said != nil:
		f.said.t = f.t
		ev = event.StatementStored{Statement: f.said.json()}
	case f.doc != nil:
		b := mustJSON(f.doc)
		var head struct{ Kind, ID string }
		if err := json.Unmarshal(b, &head, json.MatchCaseInsensitiveNames(true)); err != nil {
			panic(err)
		}
		ev = event.DefinitionRegistered{Kind: head.Kind, ID: head.ID, Definition: b}
	}
	raw, err := ev.Encode()
	if err != nil {
		panic(fmt.Sprintf("a fact that is no event: %v", err))
	}
	f.raw = raw
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}

// json gives the statement as it is stored.
func (s *said) json() []byte {
	type object = map[string]any
	agent := func(i event.Identity) object {
		switch {
		case i.Mbox != "":
			return object{"mbox": i.Mbox}
		case i.OpenID != "":
			return object{"openid": i.OpenID}
		}
		return object{"account": i.Account}
	}
	stamp := func(t int64) string { return time.UnixMicro(t).UTC().Format(time.RFC3339Nano) }
	m := object{"id": s.id, "stored": stamp(s.t), "verb": object{"id": s.verb}}
	if s.happened != 0 {
		m["timestamp"] = stamp(s.happened)
	}
	if s.group {
		members := []object{}
		for _, a := range s.actors {
			members = append(members, agent(a))
		}
		m["actor"] = object{"objectType": "Group", "mbox": "mailto:team@ward.example", "member": members}
	} else {
		m["actor"] = agent(s.actors[0])
	}
	switch {
	case s.verb == VerbVoided:
		m["object"] = object{"objectType": "StatementRef", "id": s.object}
	case s.about != nil:
		a := agent(*s.about)
		a["objectType"] = "Agent"
		m["object"] = a
	case s.typ != "":
		m["object"] = object{"id": s.object, "definition": object{"type": s.typ}}
	default:
		m["object"] = object{"id": s.object}
	}
	score, result, context, activities := object{}, object{}, object{}, object{}
	put := func(in object, name string, v any, there bool) {
		if there {
			in[name] = v
		}
	}
	put(score, "raw", s.raw, s.raw != nil)
	put(score, "scaled", s.scaled, s.scaled != nil)
	put(result, "score", score, len(score) > 0)
	put(result, "success", s.success, s.success != nil)
	put(result, "completion", s.completion, s.completion != nil)
	put(result, "duration", s.duration, s.duration != "")
	put(m, "result", result, len(result) > 0)
	put(context, "team", object{"objectType": "Group", "account": object{"homePage": "https://hr.example", "name": s.team}}, s.team != "")
	put(context, "registration", s.sheet, s.sheet != "")
	for name, ids := range map[string][]string{"grouping": s.grouping, "other": s.other} {
		var list []object
		for _, id := range ids {
			list = append(list, object{"id": id})
		}
		put(activities, name, list, list != nil)
	}
	put(context, "contextActivities", activities, len(activities) > 0)
	put(m, "context", context, len(context) > 0)
	return mustJSON(m)
}

// opening makes histories have something to measure.
func (w *wardWriter) opening() {
	w.happens(event.UnitRegistered{Unit: wardUnits[0], Name: "All"})
	for i, u := range wardUnits[1:4] {
		w.happens(event.UnitRegistered{Unit: u, Name: "Ward", Parent: wardUnits[rapid.IntRange(0, min(i, 1)).Draw(w.T, "parent")]})
	}
	for i, p := range wardPeople {
		w.happens(event.PersonRegistered{Person: p})
		w.happens(event.AssignmentMade{
			AssignmentKey: event.AssignmentKey{Person: p, Role: "nurse", Unit: wardUnits[1+i%2], From: w.month(1)},
			To:            pick(w, "to", w.month(2), time.Time{}, w.month(3)),
		})
		w.happens(event.IdentityLinked{Person: p, Identity: wardIdentities[2*i]})
	}
	w.define(w.survey(wardSurveys, wardQuestions[:3]))
	w.define(w.survey(wardReacts, wardQuestions[3:]))
	for _, id := range []string{"box", "loyalty", "praise", pick(w, "kpi", "falls", "complaints", "rating")} {
		w.define(w.kpi(id))
	}
	w.define(map[string]any{
		"kind": "framework", "id": home + "framework", "levels": []any{map[string]any{"id": "able", "from": 0.5}},
		"competencies": []any{map[string]any{"id": wardCompetences[0], "kpi": home + "kpis/box"}, map[string]any{"id": wardCompetences[1]}},
		"requirements": []any{
			map[string]any{"role": "nurse", "competency": wardCompetences[0], "level": "able"},
			map[string]any{"role": "doctor", "competency": wardCompetences[1], "level": "able"},
		},
	})
	w.define(map[string]any{"kind": "evidence-rules", "id": home + "rules", "rules": []any{map[string]any{
		"id": "r", "match": map[string]any{"verbs": []string{adl + "passed", adl + "failed"}}, "competencies": "context.other", "kind": "test", "weight": 1,
	}, map[string]any{
		"id": "o", "match": map[string]any{"verbs": []string{wardVerbs[6]}}, "subject": "object", "competencies": wardCompetences, "kind": "observation", "weight": 2,
	}}})
	w.define(w.programme(wardProgrammes[0]))
	w.define(w.evaluation())
}

// happening adds one thing that happens. Small numbers come more often.
func (w *wardWriter) happening() {
	switch n := rapid.IntRange(0, 99).Draw(w.T, "kind"); {
	case n < 12:
		w.definition()
	case n < 22:
		for range rapid.IntRange(1, 5).Draw(w.T, "comments") {
			w.says(w.comment())
		}
	case n < 31:
		for range rapid.IntRange(1, 3).Draw(w.T, "measures") {
			w.happens(w.measure())
		}
	case n < 38:
		w.happens(w.someone())
	case n < 40:
		w.happens(w.remark())
	case n < 46:
		w.says(w.void())
	case n < 52:
		for range rapid.IntRange(1, 5).Draw(w.T, "deeds") {
			w.says(w.deed())
		}
	case n < 57:
		w.course()
	case n < 64:
		w.reactions()
	default:
		w.answers()
	}
}

// definition registers something, often once more.
func (w *wardWriter) definition() {
	switch rapid.IntRange(0, 7).Draw(w.T, "definition") {
	case 0:
		w.define(w.programme(pick(w, "programme", wardProgrammes[1], wardProgrammes[0])))
	case 1:
		w.define(w.evaluation())
	case 2:
		w.define(w.survey(wardSurveys, wardQuestions[:3]))
	case 3: // one that asks what programmes name, and perhaps asks that no more
		w.define(w.survey(wardQuiz, []string{pick(w, "activity", wardActivities...)}))
	default:
		w.define(w.kpi(pick(w, "kpi", "complaints", "falls", "praise", "rating", "loyalty", "box")))
	}
}

func (w *wardWriter) survey(id string, questions []string) *wardSurvey {
	s := &wardSurvey{Kind: "survey", ID: id, Audience: "patient"}
	for _, q := range questions {
		s.Questions = append(s.Questions, wardQuestion{q, map[string]float64{"min": 0, "max": 10}, pick(w, "topBox", []float64{9, 10}, []float64{10})})
	}
	return s
}

// kpi makes a revision: what may not change does not.
func (w *wardWriter) kpi(name string) *wardKPI {
	k := &wardKPI{Kind: "kpi", ID: home + "kpis/" + name, Direction: pick(w, "direction", "up", "down"), Interval: "month"}
	if w.oneIn(3, "target") {
		k.Target = pick(w, "target", []*float64{new(0.5), new(3.0)}...)
	}
	match := func(types ...string) *wardMatch { return &wardMatch{[]string{adl + "commented"}, types} }
	old := w.kpis[name]
	switch name {
	case "box", "rating":
		k.Questions, k.MinN = wardQuestions[:2], w.minN
		k.Statistic = pick(w, "statistic", "topBox", "mean", "nps")
	case "loyalty":
		k.Questions, k.Interval, k.Statistic = wardQuestions[2:3], w.interval, pick(w, "statistic", "nps", "mean")
	case "praise":
		k.Match = pick(w, "match", match(wardTypes[0]), match(wardTypes[0], wardTypes[2]))
		k.Statistic, k.MinN = "count", pick(w, "minN", 0, 5)
	case "complaints":
		k.Match, k.Measure, k.Statistic = match(wardTypes[1]), pick(w, "measure", "admissions", "stays"), "per1000"
		k.Interval, k.MinN = pick(w, "interval", "month", "quarter"), pick(w, "minN", 0, 5)
	case "falls":
		k.Measure, k.Statistic, k.Interval, k.MinN = pick(w, "measure", "falls", "stays"), "measure", pick(w, "interval", "month", "week"), pick(w, "minN", 0, 5)
	}
	if old != nil {
		k.Interval, k.MinN = old.Interval, old.MinN
	}
	w.kpis[name] = k
	return k
}

func (w *wardWriter) programme(id string) *wardProgramme {
	var listed []map[string]any
	for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom(wardActivities[:3]), 1, 3, rapid.ID[string]).Draw(w.T, "activities") {
		listed = append(listed, map[string]any{"id": a, "method": "workshop", "required": w.oneIn(2, "required")})
	}
	objective := func(id, metric string) map[string]any {
		return map[string]any{"id": id, "metric": metric, "comparator": ">=", "target": 0.1, "by": w.month(6)}
	}
	return &wardProgramme{
		Kind: "programme", ID: id, TargetUnits: []string{pick(w, "target", wardUnits[1:3]...)}, ComparisonUnits: []string{pick(w, "comparison", wardUnits[:3]...)},
		Roles: []string{"nurse"}, Starts: w.month(2), Ends: pick(w, "ends", w.month(2).AddDate(0, 0, 9), w.month(3), w.month(3).AddDate(0, 0, 4)),
		Activities: listed, ReactionSurvey: wardReacts,
		Assessments: map[string]any{"pre": wardActivities[3], "post": wardActivities[4], "retention": map[string]any{"activity": wardActivities[5], "afterDays": 20}},
		Behaviour:   map[string]any{"competencies": wardCompetences, "kinds": []string{"observation"}, "windowDays": 60},
		Results:     map[string]any{"kpis": []string{home + "kpis/box"}, "windowMonths": 2},
		Objectives: []map[string]any{
			objective("gain", "learning.meanGain"), objective("done", "completionRate"), objective("liked", "reaction.topBox"),
			objective("noticed", "results["+home+"kpis/box].difference"),
		},
	}
}

func (w *wardWriter) evaluation() *wardEvaluation {
	e := &wardEvaluation{Kind: "evaluation", ID: wardYearly, Roles: []string{"nurse"}}
	verbs := func(of ...string) map[string]any { return map[string]any{"verbs": of} }
	praise := verbs(wardVerbs[6])
	praise["subject"] = "object"
	for id, source := range map[string]map[string]any{
		"1 listening": {"competency": wardCompetences[0]}, "2 training": {"completion": wardProgrammes[:1]}, "3 patients": {"kpi": home + "kpis/box"},
		"4 recognition": {"count": verbs(wardVerbs[5])}, "5 development": {"hours": verbs(wardVerbs[2], wardVerbs[3])}, "6 observed": {"count": praise},
	} {
		e.Metrics = append(e.Metrics, wardMetric{id, source, 1, map[string]float64{"from": 0, "to": 10}})
	}
	slices.SortFunc(e.Metrics, func(a, b wardMetric) int { return int(a.ID[0]) - int(b.ID[0]) })
	return &wardEvaluation{e.Kind, e.ID, e.Roles, e.Metrics[rapid.IntRange(0, 2).Draw(w.T, "without"):]}
}

// time draws when a statement happened: in few months, so that some of what is there is enough; at times the same instant.
func (w *wardWriter) time() int64 {
	switch rapid.IntRange(0, 9).Draw(w.T, "timestamp") {
	case 0:
		return 0
	case 1:
		return pick(w, "bound", w.month(2), w.month(3), w.month(4)).UnixMicro() - pick(w, "just before", int64(0), 1)
	case 2:
		return pick(w, "instant", w.month(2).AddDate(0, 0, 11), w.month(3).AddDate(0, 0, 1)).UnixMicro()
	}
	return w.month(pick(w, "month", 1, 1, 1, 2, 2, 3, 3, 3, 4, 5)).UnixMicro() + rapid.Int64Range(0, 28*86400e6-1).Draw(w.T, "µs")
}

func (w *wardWriter) team() string {
	return pick(w, "team", wardUnits[1], wardUnits[1], wardUnits[1], wardUnits[2], wardUnits[2], wardUnits[2], wardUnits[3], wardUnits[4], wardUnits[0],
		"elsewhere", "")
}

// answers adds some of a unit and about a time.
func (w *wardWriter) answers() {
	unit, at := w.team(), w.time()
	for range rapid.IntRange(1, 12).Draw(w.T, "answers") {
		question := wardQuestions[pick(w, "question", 0, 0, 1, 2)]
		s := &said{id: w.id(), actors: wardIdentities[5:], verb: adl + "responded", object: question, team: unit}
		if !w.oneIn(8, "no raw score") {
			s.raw = new(float64(rapid.IntRange(0, 10).Draw(w.T, "raw")))
		}
		if s.happened = at; w.oneIn(4, "another time") {
			s.happened = w.time()
		}
		w.says(s)
	}
}

// reactions adds sheets of those who took part.
func (w *wardWriter) reactions() {
	for range rapid.IntRange(1, 4).Draw(w.T, "sheets") {
		sheet := pick(w, "sheet", "", fmt.Sprintf("00000000-0000-4000-9000-%012d", rapid.IntRange(0, 20).Draw(w.T, "number")))
		of := pick(w, "programme", wardProgrammes[:1], wardProgrammes[:1], wardProgrammes, nil)
		for _, q := range wardQuestions[3:] {
			w.says(&said{
				id: w.id(), happened: w.time(), actors: wardIdentities[5:], verb: adl + "responded", object: q, team: w.team(), sheet: sheet, grouping: of,
				raw: new(float64(rapid.IntRange(0, 10).Draw(w.T, "raw"))),
			})
		}
	}
}

func (w *wardWriter) comment() *said {
	return &said{
		id: w.id(), happened: w.time(), actors: wardIdentities[5:], verb: adl + "commented", object: home + "comments", typ: pick(w, "type", wardTypes...), team: w.team(),
	}
}

// deed makes a statement of somebody, or of a group of people.
func (w *wardWriter) deed() *said {
	s := &said{id: w.id(), happened: w.time(), verb: pick(w, "verb", append(wardVerbs, adl+"responded")...), object: pick(w, "activity", wardActivities...), group: w.oneIn(4, "group")}
	n := 1
	if s.group {
		n = rapid.IntRange(0, 3).Draw(w.T, "members")
	}
	for range n {
		s.actors = append(s.actors, pick(w, "actor", wardIdentities...))
	}
	if s.verb == wardVerbs[6] {
		s.about = new(pick(w, "rated", wardIdentities...))
	}
	s.scaled = pick(w, "scaled", nil, new(0.25), new(0.5), new(0.9))
	s.success, s.completion = pick(w, "success", nil, nil, new(true), new(false)), pick(w, "completion", nil, nil, new(true), new(false))
	s.duration = pick(w, "duration", "", "PT1H30M", "P1D", "PT0.5S")
	s.other = rapid.SliceOfNDistinct(rapid.SampledFrom(wardCompetences), 0, 2, rapid.ID[string]).Draw(w.T, "competencies")
	return s
}

// course adds what somebody shows before and after a programme, in any order.
func (w *wardWriter) course() {
	who := wardIdentities[2*rapid.IntRange(0, 2).Draw(w.T, "who")]
	for _, a := range wardActivities[3:] {
		score := new(float64(rapid.IntRange(0, 4).Draw(w.T, "score")) / 4)
		w.says(&said{id: w.id(), happened: w.time(), actors: []event.Identity{who}, verb: adl + "scored", object: a, scaled: score})
		w.says(&said{id: w.id(), happened: w.time(), actors: wardIdentities[4:5], verb: wardVerbs[6], about: &who, scaled: score})
	}
}

// void makes a voiding, of a statement that is there or still to come.
func (w *wardWriter) void() *said {
	s := &said{id: w.id(), actors: wardIdentities[:1], verb: VerbVoided}
	s.object = StatementID(rapid.IntRange(0, w.said).Draw(w.T, "voided"))
	if w.oneIn(2, "still to come") {
		s.object = StatementID(w.said + rapid.IntRange(0, 9).Draw(w.T, "later"))
	}
	return s
}

// measure records one, or corrects one.
func (w *wardWriter) measure() event.Event {
	if w.measured != nil && w.oneIn(2, "correct") {
		m := pick(w, "corrected", w.measured...)
		m.Value++
		return m
	}
	from := w.month(pick(w, "month", 1, 2, 2, 3))
	m := event.MeasureRecorded{Measure: pick(w, "measure", "stays", "falls", "admissions"), Unit: pick(w, "unit", wardUnits...), From: from}
	switch rapid.IntRange(0, 5).Draw(w.T, "period") {
	case 0:
		m.To = from.AddDate(0, 2, 0) // in no month
	case 1:
		m.From, m.To = from.AddDate(0, 0, 8), from.AddDate(0, 0, 9)
	default:
		m.To = from.AddDate(0, 1, 0)
	}
	m.Value = float64(rapid.IntRange(0, 200).Draw(w.T, "value"))
	if n := rapid.Int64Range(-2, 9).Draw(w.T, "n"); n >= 0 {
		m.N = &n
	}
	w.measured = append(w.measured, m)
	return m
}

// someone makes an event about people and units.
func (w *wardWriter) someone() event.Event {
	person, unit := pick(w, "person", wardPeople...), pick(w, "unit", wardUnits[1:]...)
	key := event.AssignmentKey{Person: person, Role: pick(w, "role", "nurse", "doctor"), Unit: unit, From: w.month(pick(w, "from", 2, 3, 1))}
	switch rapid.IntRange(0, 9).Draw(w.T, "about people") {
	case 0, 1, 2:
		return event.AssignmentMade{AssignmentKey: key, To: pick(w, "to", time.Time{}, key.From.AddDate(0, 1, 0), key.From.AddDate(0, 0, 40))}
	case 3:
		return event.AssignmentRemoved{AssignmentKey: key}
	case 4:
		return event.IdentityUnlinked{Person: person, Identity: pick(w, "identity", wardIdentities[:5]...)}
	case 5, 6:
		parent := pick(w, "parent", append([]string{""}, wardUnits...)...)
		if parent == unit {
			parent = ""
		}
		return event.UnitRegistered{Unit: unit, Name: "Ward", Parent: parent}
	case 7:
		return event.UnitRemoved{Unit: unit}
	case 8:
		return pick[event.Event](w, "register", event.PersonRegistered{Person: person}, event.PersonRegistered{Person: person}, event.PersonRemoved{Person: person})
	}
	return event.IdentityLinked{Person: person, Identity: pick(w, "identity", wardIdentities[:5]...)}
}

func (w *wardWriter) remark() event.Event {
	e := event.Evaluated{
		Person: pick(w, "person", wardPeople...), Evaluation: wardYearly, From: w.month(1), To: w.month(4),
		Position: "1.0", By: "Head of nursing", Text: pick(w, "text", "", "Agreed.", "a\x00b"),
	}
	if w.oneIn(2, "comment") {
		return event.EvaluationCommented{Evaluated: e}
	}
	return event.EvaluationDecided{Evaluated: e}
}
