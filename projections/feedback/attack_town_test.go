package feedback_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
)

// town is a hospital with answers, and a model of what is known of them when.
type town struct {
	minN    int // of the monthly KPIs
	units   []string
	answers []*answer
	moves   []move // in order
	posts   []post
	staff   []string

	definitions []registration
	programmes  []string

	events []occurrence // all of the above, in order
}

// answer is one to a question of a survey.
type answer struct {
	question  string
	unit      string // what the team says; it need not be a unit
	happened  time.Time
	stored    int64 // µs
	voided    int64 // 0: never
	raw       int
	sheet     string
	groupings []string
}

func (a *answer) String() string {
	void := "never"
	if a.voided != 0 {
		void = time.UnixMicro(a.voided).UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s by %s on %s, stored %s, voided %s, raw %d, sheet %q, of %v", a.question, a.unit, a.happened.Format(time.RFC3339),
		time.UnixMicro(a.stored).UTC().Format(time.RFC3339Nano), void, a.raw, a.sheet, a.groupings)
}

// move is a unit that has another parent from now on.
type move struct {
	t            int64
	unit, parent string
}

type post struct {
	person, unit string
	from, to     time.Time // to is zero if no end is known
}

type registration struct {
	t    int64
	body string
}

// occurrence is an event at its time.
type occurrence struct {
	t     int64
	event event.Event
	moved func(int64) // takes the time that it has in the end
}

func month(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }

// dawn is before everything, and dusk after all that is final.
var dawn, dusk = time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC)

const (
	iri       = "https://h.example/"
	surveyOf  = iri + "surveys/patients"
	reactions = iri + "surveys/reaction"
	nightly   = "elsewhere" // the name of a team that is no unit
)

// The questions: of the monthly KPIs, of the quarterly one, and of the reaction survey.
var (
	monthly   = []string{iri + "q1", iri + "q2"}
	quarterly = []string{iri + "q3"}
	reacting  = []string{iri + "r1", iri + "r2"}
)

// plan is what a town is drawn for.
type plan struct {
	// What DOMAIN.md does not rule out and what isolates answers all the same: see TestLeaksAreClosed.
	kpiOfReaction bool // a KPI of the reaction survey's questions
	otherEnd      bool // a programme is registered again and ends later
	nested        bool // a sheet may be of two programmes
	shorterSurvey bool // the reaction survey loses a question
}

func towns(p plan) *rapid.Generator[*town] {
	return rapid.Custom(func(t *rapid.T) *town { return drawTown(t, p) })
}

func oneIn(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawTown(t *rapid.T, p plan) *town {
	c := &town{minN: rapid.SampledFrom([]int{5, 5, 6}).Draw(t, "minN"), programmes: []string{iri + "p1", iri + "p2"}}
	for i := range rapid.IntRange(2, 8).Draw(t, "units") {
		c.units = append(c.units, fmt.Sprintf("u%d", i))
	}
	c.drawTree(t)
	c.drawStaff(t)
	c.define(t, p)
	for _, unit := range append(slices.Clone(c.units), nightly) {
		for m := time.January; m <= time.March; m++ {
			for _, questions := range [][]string{monthly, monthly, quarterly} {
				for range rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3, 4, 5, 8}).Draw(t, "answers") {
					c.drawAnswer(t, rapid.SampledFrom(questions).Draw(t, "question"), unit, m)
				}
			}
		}
	}
	c.drawReactions(t, p)
	c.order()
	return c
}

// drawTree makes a tree with any number of tops, and moves units in it.
func (c *town) drawTree(t *rapid.T) {
	for i, u := range c.units {
		parent := ""
		if i > 0 && !oneIn(t, 5, "a top") {
			parent = rapid.SampledFrom(c.units[:i]).Draw(t, "parent")
		}
		c.moves = append(c.moves, move{dawn.UnixMicro() + int64(i), u, parent})
	}
	parents := c.tree(dusk.UnixMicro())
	var times []int64
	for range rapid.IntRange(0, 4).Draw(t, "moves") {
		times = append(times, moment(t, month(time.January), month(time.June)))
	}
	slices.Sort(times)
	for _, at := range times {
		m := move{at, rapid.SampledFrom(c.units).Draw(t, "moved"), rapid.SampledFrom(append([]string{""}, c.units...)).Draw(t, "to")}
		circle := false
		for above := m.parent; above != ""; above = parents[above] {
			circle = circle || above == m.unit
		}
		if !circle {
			parents[m.unit] = m.parent
			c.moves = append(c.moves, m)
		}
	}
}

// moment draws a time, µs, often one at which something becomes final.
func moment(t *rapid.T, from, to time.Time) int64 {
	if oneIn(t, 6, "at a bound") {
		return month(time.Month(rapid.IntRange(int(from.Month()), int(to.Month())).Draw(t, "month"))).UnixMicro() + rapid.Int64Range(-1, 1).Draw(t, "beside")
	}
	hours := int(to.Sub(from).Hours())
	return from.Add(time.Duration(rapid.IntRange(1, hours-1).Draw(t, "hours")) * time.Hour).UnixMicro()
}

func (c *town) drawStaff(t *rapid.T) {
	for i := range 4 {
		person := fmt.Sprintf("p%d", i)
		c.staff = append(c.staff, person)
		for range rapid.IntRange(1, 3).Draw(t, "posts") {
			unit := rapid.SampledFrom(c.units).Draw(t, "unit")
			from := rapid.SampledFrom([]time.Time{month(time.January), month(time.February), month(time.February).AddDate(0, 0, 14)}).Draw(t, "from")
			p := post{person, unit, from, time.Time{}}
			if rapid.Bool().Draw(t, "ends") {
				p.to = p.from.AddDate(0, rapid.IntRange(1, 2).Draw(t, "months"), 0)
			}
			c.posts = append(c.posts, p)
		}
	}
}

// define draws what is registered.
func (c *town) define(t *rapid.T, p plan) {
	early := func(doc map[string]any) { c.register(dawn.UnixMicro(), doc) }
	question := func(id string) map[string]any {
		return map[string]any{"id": id, "scale": map[string]any{"min": 0, "max": 10}, "topBox": []int{9, 10}}
	}
	survey := func(id string, questions ...string) map[string]any {
		var all []any
		for _, q := range questions {
			all = append(all, question(q))
		}
		return map[string]any{"kind": "survey", "id": id, "audience": "patient", "questions": all}
	}
	kpi := func(name, statistic, interval string, minN int, questions []string) map[string]any {
		return map[string]any{
			"kind": "kpi", "id": iri + name, "questions": questions, "statistic": statistic,
			"direction": "up", "interval": interval, "minN": minN,
		}
	}
	early(survey(surveyOf, slices.Concat(monthly, quarterly)...))
	early(survey(reactions, reacting...))
	early(kpi("box", "topBox", "month", c.minN, monthly))
	early(kpi("rating", "mean", "month", c.minN, monthly))
	early(kpi("loyalty", "nps", "quarter", 6, quarterly))
	if p.kpiOfReaction {
		early(kpi("courses", "mean", "month", 5, reacting))
	}
	if rapid.Bool().Draw(t, "a late KPI") {
		c.register(month(time.May).AddDate(0, 0, 3).UnixMicro(), kpi("late", "nps", "month", c.minN, monthly))
	}
	early(map[string]any{
		"kind": "framework", "id": iri + "framework", "levels": []any{map[string]any{"id": "able", "from": 0.5}},
		"competencies": []any{map[string]any{"id": iri + "listening", "kpi": iri + "box"}, map[string]any{"id": iri + "tact", "kpi": iri + "rating"}},
		"requirements": []any{
			map[string]any{"role": "nurse", "competency": iri + "listening", "level": "able"},
			map[string]any{"role": "nurse", "competency": iri + "tact", "level": "able"},
		},
	})
	metric := func(id, kpi string) map[string]any {
		return map[string]any{"id": id, "source": map[string]any{"kpi": iri + kpi}, "weight": 1, "scale": map[string]any{"from": 0, "to": 10}}
	}
	early(map[string]any{
		"kind": "evaluation", "id": iri + "evaluation", "roles": []string{"nurse"},
		"metrics": []any{metric("box", "box"), metric("rating", "rating")},
	})
	for _, id := range c.programmes {
		starts := time.Date(2026, time.February, rapid.SampledFrom([]int{1, 10, 20}).Draw(t, "starts"), 0, 0, 0, 0, time.UTC)
		ends := starts.AddDate(0, 0, rapid.SampledFrom([]int{5, 9, 28}).Draw(t, "ends"))
		some := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(c.units), 1, 2, rapid.ID[string]).Draw(t, label)
		}
		doc := map[string]any{
			"kind": "programme", "id": id, "targetUnits": some("target"), "comparisonUnits": some("comparison"), "roles": []string{"nurse"},
			"starts": starts.Format(time.RFC3339), "ends": ends.Format(time.RFC3339),
			"activities":     []any{map[string]any{"id": iri + "course", "method": "workshop", "required": true}},
			"reactionSurvey": reactions,
			"results":        map[string]any{"kpis": []string{iri + "box", iri + "rating"}, "windowMonths": 2},
		}
		early(doc)
		if p.otherEnd {
			doc["ends"] = ends.AddDate(0, 1, 0).Format(time.RFC3339)
			c.register(month(time.May).AddDate(0, 0, 2).UnixMicro(), doc)
		}
	}
	if p.shorterSurvey {
		c.register(month(time.May).AddDate(0, 0, 2).UnixMicro(), survey(reactions, reacting[0]))
	}
}

func (c *town) register(t int64, doc map[string]any) {
	b, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	c.definitions = append(c.definitions, registration{t, string(b)})
}

// drawAnswer draws an answer of a month: many are late, some come when all is final, some are taken back.
func (c *town) drawAnswer(t *rapid.T, question, unit string, m time.Month) *answer {
	a := &answer{question: question, unit: unit, raw: rapid.IntRange(0, 10).Draw(t, "raw")}
	a.happened = month(m).Add(time.Duration(rapid.IntRange(0, 27*24).Draw(t, "hour")) * time.Hour)
	a.stored = a.happened.UnixMicro()
	if oneIn(t, 3, "late") {
		a.stored = moment(t, a.happened, month(time.June))
	}
	if oneIn(t, 6, "voided") {
		a.voided = moment(t, a.happened, month(time.June))
	}
	c.answers = append(c.answers, a)
	return a
}

// drawReactions draws sheets of those who took part in a programme, or in none.
func (c *town) drawReactions(t *rapid.T, p plan) {
	for i := range rapid.IntRange(4, 30).Draw(t, "sheets") {
		sheet := ""
		if !oneIn(t, 4, "no registration") {
			sheet = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		}
		of := rapid.SampledFrom([][]string{nil, c.programmes[:1], c.programmes[:1], c.programmes[1:]}).Draw(t, "programme")
		if p.nested && len(of) > 0 && (of[0] != c.programmes[0] || !oneIn(t, 4, "the first alone")) {
			of = c.programmes // who is in the second is in the first
		}
		teams, last := append([]string{""}, c.units...), time.April
		if p.kpiOfReaction { // of the month that the programmes end in, from anywhere, and few of no programme
			teams, last = c.units[:1], time.February
			if of == nil && rapid.Bool().Draw(t, "of one all the same") {
				of = c.programmes[:1]
			}
		}
		for _, q := range reacting {
			if q == reacting[0] || rapid.Bool().Draw(t, "answers both") {
				a := c.drawAnswer(t, q, rapid.SampledFrom(teams).Draw(t, "team"),
					time.Month(rapid.IntRange(int(time.February), int(last)).Draw(t, "reaction in")))
				a.sheet, a.groupings = sheet, of
			}
		}
	}
}

// order puts all events in order, and gives each a time of its own.
func (c *town) order() {
	add := func(t int64, ev event.Event, moved func(int64)) {
		c.events = append(c.events, occurrence{t, ev, moved})
	}
	for i := range c.moves {
		m := &c.moves[i]
		add(m.t, event.UnitRegistered{Unit: m.unit, Name: "Unit", Parent: m.parent}, func(t int64) { m.t = t })
	}
	later := dawn.UnixMicro() + 100
	for _, p := range c.staff {
		add(later, event.PersonRegistered{Person: p}, nil)
	}
	for _, p := range c.posts {
		add(later, event.AssignmentMade{AssignmentKey: event.AssignmentKey{Person: p.person, Role: "nurse", Unit: p.unit, From: p.from}, To: p.to}, nil)
	}
	for _, d := range c.definitions {
		parsed, err := definition.Parse([]byte(d.body))
		if err != nil {
			panic(err)
		}
		add(d.t, event.DefinitionRegistered{Kind: parsed.Kind(), ID: parsed.ID(), Definition: []byte(d.body)}, nil)
	}
	for i, a := range c.answers {
		add(a.stored, event.StatementStored{Statement: a.json(i)}, func(t int64) { a.stored = t })
		if a.voided != 0 {
			add(a.voided, event.StatementStored{Statement: voiding(i)}, func(t int64) { a.voided = t })
		}
	}
	slices.SortStableFunc(c.events, func(a, b occurrence) int { return cmp.Compare(a.t, b.t) })
	last := int64(0)
	for i := range c.events {
		e := &c.events[i]
		e.t = max(e.t, last+1)
		last = e.t
		if e.moved != nil {
			e.moved(e.t)
		}
	}
}

func idOf(kind, n int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", kind, n) }

func (a *answer) json(n int) []byte {
	object := func(of ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(of); i += 2 {
			m[of[i].(string)] = of[i+1]
		}
		return m
	}
	context := object()
	if a.unit != "" {
		context["team"] = object("objectType", "Group", "account", object("homePage", "https://hr.example", "name", a.unit))
	}
	if a.sheet != "" {
		context["registration"] = a.sheet
	}
	var grouping []any
	for _, g := range a.groupings {
		grouping = append(grouping, object("id", g))
	}
	if grouping != nil {
		context["contextActivities"] = object("grouping", grouping)
	}
	b, err := json.Marshal(object("id", idOf(1, n), "timestamp", a.happened.Format(time.RFC3339Nano),
		"actor", object("account", object("homePage", "https://survey.example", "name", fmt.Sprint(n))),
		"verb", object("id", "http://adlnet.gov/expapi/verbs/responded"), "object", object("id", a.question),
		"result", object("score", object("raw", a.raw)), "context", context), json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}

func voiding(n int) []byte {
	return fmt.Appendf(nil, `{"id":%q,"timestamp":"2026-01-01T00:00:00Z","actor":{"mbox":"mailto:office@h.example"},`+
		`"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"objectType":"StatementRef","id":%q}}`, idOf(2, n), idOf(1, n))
}

// What follows is the model: DOMAIN.md, read as it is written.

// tree is each unit's parent as known at a time, µs.
func (c *town) tree(asOf int64) map[string]string {
	parents := map[string]string{}
	for _, m := range c.moves {
		if m.t <= asOf {
			parents[m.unit] = m.parent
		}
	}
	return parents
}

// unitPeriod is a unit's subtree in a period.
type unitPeriod struct {
	unit   string
	period feedback.Period
}

// behind finds the answers to questions that are in any of some units and periods, each as known at what known says for
// its period.
func (c *town) behind(questions []string, of []unitPeriod, known func(feedback.Period) int64) (all []int) {
	for i, a := range c.answers {
		in := slices.ContainsFunc(of, func(u unitPeriod) bool {
			asOf := known(u.period)
			if a.happened.Before(u.period.From) || !a.happened.Before(u.period.To) || !a.known(asOf) {
				return false
			}
			parents := c.tree(asOf)
			for unit := a.unit; ; unit = parents[unit] {
				if _, ok := parents[unit]; !ok {
					return false
				}
				if unit == u.unit {
					return true
				}
			}
		})
		if in && slices.Contains(questions, a.question) {
			all = append(all, i)
		}
	}
	return all
}

func (a *answer) known(asOf int64) bool {
	return a.stored <= asOf && (a.voided == 0 || a.voided > asOf)
}

// reacted finds the answers to questions of those who took part in a programme, as known at a time, and their sheets.
func (c *town) reacted(questions []string, programme string, asOf int64) (all []int, sheets int) {
	seen := map[string]bool{}
	for i, a := range c.answers {
		if !slices.Contains(questions, a.question) || !slices.Contains(a.groupings, programme) || !a.known(asOf) || a.happened.UnixMicro() > asOf {
			continue
		}
		all = append(all, i)
		if a.sheet == "" {
			sheets++
		} else if !seen[a.sheet] {
			seen[a.sheet] = true
			sheets++
		}
	}
	return all, sheets
}

// final is the first instant of the second month after the end.
func final(end time.Time) int64 {
	last := end.Add(-time.Microsecond)
	return time.Date(last.Year(), last.Month()+2, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// value is a statistic of answers.
func (c *town) value(statistic string, of []int) float64 {
	sum, top, detractors := 0, 0, 0
	for _, i := range of {
		raw := c.answers[i].raw
		sum += raw
		if raw >= 9 {
			top++
		}
		if raw <= 6 {
			detractors++
		}
	}
	n := float64(len(of))
	switch statistic {
	case "topBox":
		return float64(top) / n
	case "mean":
		return float64(sum) / n
	default:
		return 100 * float64(top-detractors) / n
	}
}

// describe lists answers for a message.
func (c *town) describe(of []int) string {
	var b strings.Builder
	for _, i := range of {
		fmt.Fprintf(&b, "\n  %v", c.answers[i])
	}
	return b.String()
}
