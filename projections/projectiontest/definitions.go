package projectiontest

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// Framework is the document of that kind.
type Framework struct {
	Kind         string        `json:"kind"`
	ID           string        `json:"id"`
	Levels       []Level       `json:"levels"`
	Competencies []Competency  `json:"competencies"`
	Requirements []Requirement `json:"requirements"`
}

// Level is one of a Framework.
type Level struct {
	ID   string  `json:"id"`
	From float64 `json:"from"`
}

// Competency is one of a Framework.
type Competency struct {
	ID string `json:"id"`
}

// Requirement is one of a Framework.
type Requirement struct {
	Role        string   `json:"role"`
	Competency  string   `json:"competency"`
	Level       string   `json:"level"`
	MinEvidence int      `json:"minEvidence,omitzero"`
	MinWeight   *float64 `json:"minWeight,omitzero"`
	Kinds       []string `json:"kinds,omitzero"`
}

// JSON gives the document.
func (f *Framework) JSON() jsontext.Value { return marshal(f) }

// Rules is the document of the kind evidence-rules.
type Rules struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Prior *Prior `json:"prior,omitzero"`
	Rules []Rule `json:"rules"`
}

// Prior is that of Rules.
type Prior struct {
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
}

// Rule is one of Rules.
type Rule struct {
	ID           string  `json:"id"`
	Match        Match   `json:"match"`
	Subject      string  `json:"subject,omitzero"`
	Competencies any     `json:"competencies"` // a list, or "context.other"
	Kind         string  `json:"kind"`
	Weight       float64 `json:"weight"`
	HalfLifeDays float64 `json:"halfLifeDays,omitzero"`
	Attempts     string  `json:"attempts,omitzero"`
	Score        *Bounds `json:"score,omitzero"`
}

// Bounds are those of a Rule's raw scores.
type Bounds struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// Match is that of a Rule.
type Match struct {
	Verbs         []string                  `json:"verbs,omitzero"`
	Activities    []string                  `json:"activities,omitzero"`
	ActivityTypes []string                  `json:"activityTypes,omitzero"`
	ObjectType    string                    `json:"objectType,omitzero"`
	Parent        []string                  `json:"parent,omitzero"`
	Grouping      []string                  `json:"grouping,omitzero"`
	Category      []string                  `json:"category,omitzero"`
	Other         []string                  `json:"other,omitzero"`
	Extensions    map[string]jsontext.Value `json:"extensions,omitzero"`
}

// JSON gives the document.
func (r *Rules) JSON() jsontext.Value { return marshal(r) }

// Competencies are those that frameworks may list: the first three framework a, the
// last framework b.
var Competencies = []string{
	"https://h.example/competencies/a", "https://h.example/competencies/b", "https://h.example/competencies/c",
	"https://h.example/competencies/" + Noise(4000), // no row of an index takes it
}

// ruleIDs are those that a rule set may have.
var ruleIDs = []string{"r1", "r2", "r3", "r4\x00"}

var kinds = []string{"test", "observation"}

// framework makes a revision of one.
func (w *writer) framework(id string) *Framework {
	own := Competencies[:3]
	if id != "https://h.example/frameworks/a" {
		own = Competencies[3:]
	}
	f := &Framework{Kind: "framework", ID: id, Requirements: []Requirement{}}
	// Estimates come to 0 and 0.5 exactly, and to the others never.
	from := rapid.SampledFrom([][]float64{{0, 0.5, 0.71234}, {0.2345}, {0.5, 0.81234}}).Draw(w.T, "levels")
	for i, v := range from {
		f.Levels = append(f.Levels, Level{[]string{"one", "two", "three"}[i], v})
	}
	for _, c := range own[:rapid.IntRange(1, len(own)).Draw(w.T, "listed")] {
		f.Competencies = append(f.Competencies, Competency{c})
	}
	for range rapid.IntRange(0, 4).Draw(w.T, "requirements") {
		r := Requirement{
			Role:        rapid.SampledFrom(roles).Draw(w.T, "for"),
			Competency:  rapid.SampledFrom(f.Competencies).Draw(w.T, "of").ID,
			Level:       rapid.SampledFrom(f.Levels).Draw(w.T, "required").ID,
			MinEvidence: rapid.IntRange(0, 3).Draw(w.T, "minEvidence"),
		}
		if w.chance(2, "has a minWeight") {
			v := rapid.SampledFrom([]float64{0, 0.3, 2}).Draw(w.T, "minWeight")
			r.MinWeight = &v
		}
		if w.chance(3, "has kinds") {
			r.Kinds = []string{rapid.SampledFrom(kinds).Draw(w.T, "kinds")}
		}
		f.Requirements = append(f.Requirements, r)
	}
	return f
}

// rules makes a revision of a rule set. All sets have the same prior: a new one only
// while there is one set.
func (w *writer) rules(id string) *Rules {
	w.ruled[id] = true
	if len(w.ruled) == 1 && w.chance(3, "another prior") {
		w.prior = w.somePrior()
	}
	r := &Rules{Kind: "evidence-rules", ID: id, Prior: w.prior}
	if w.prior != nil && *w.prior == (Prior{0.5, 0.5}) && w.chance(2, "leave the prior out") {
		r.Prior = nil
	}
	names := rapid.Permutation(ruleIDs).Draw(w.T, "rules")
	for _, name := range names[:rapid.IntRange(1, len(names)).Draw(w.T, "number of rules")] {
		r.Rules = append(r.Rules, w.rule(name))
	}
	return r
}

func (w *writer) somePrior() *Prior {
	return rapid.SampledFrom([]*Prior{nil, {0.5, 0.5}, {1, 2}}).Draw(w.T, "prior")
}

func (w *writer) rule(id string) Rule {
	r := Rule{
		ID: id, Match: w.match(),
		Subject:      rapid.SampledFrom([]string{"", "actor", "object"}).Draw(w.T, "subject"),
		Competencies: "context.other",
		Kind:         rapid.SampledFrom(kinds).Draw(w.T, "kind of evidence"),
		Weight:       rapid.SampledFrom([]float64{0.4, 1, 3}).Draw(w.T, "weight"),
		HalfLifeDays: rapid.SampledFrom([]float64{0, 0.01, 30, 365}).Draw(w.T, "half-life"),
		Attempts:     rapid.SampledFrom([]string{"", "latest", "first", "best", "best", "all"}).Draw(w.T, "attempts"),
	}
	if w.chance(2, "has competencies") {
		r.Competencies = slices.Compact(slices.Sorted(slices.Values(
			rapid.SliceOfN(rapid.SampledFrom(Competencies[:3]), 1, 2).Draw(w.T, "competencies"))))
	}
	if w.chance(2, "has a score") {
		r.Score = rapid.SampledFrom([]*Bounds{{1, 5}, {0, 100}, {5, 1}}).Draw(w.T, "score")
	}
	return r
}

func (w *writer) match() (m Match) {
	if w.chance(2, "verbs") {
		m.Verbs = []string{rapid.SampledFrom(append([]string{verbRated}, verbs...)).Draw(w.T, "verb")}
		if w.chance(2, "two verbs") {
			m.Verbs = verbs
		}
	}
	if w.chance(6, "activities") {
		m.Activities = []string{rapid.SampledFrom(activities).Draw(w.T, "activity")}
	}
	if w.chance(6, "activityTypes") {
		m.ActivityTypes = []string{rapid.SampledFrom(activityTypes).Draw(w.T, "type")}
	}
	if w.chance(4, "objectType") {
		m.ObjectType = rapid.SampledFrom([]string{"Activity", "Agent", "Agent", "Group", "StatementRef", "SubStatement"}).Draw(w.T, "objectType")
	}
	for _, list := range []*[]string{&m.Parent, &m.Grouping, &m.Category} {
		if w.chance(10, "context") {
			*list = []string{rapid.SampledFrom(contexts).Draw(w.T, "one of")}
		}
	}
	if w.chance(10, "other") {
		m.Other = Competencies[:2]
	}
	if w.chance(10, "extensions") {
		m.Extensions = map[string]jsontext.Value{ExtensionLevel: jsontext.Value(rapid.SampledFrom(levels).Draw(w.T, "value"))}
	}
	if m.empty() {
		m.Verbs = append([]string{verbRated}, verbs...)
	}
	return m
}

func (m *Match) empty() bool {
	return len(m.Verbs)+len(m.Activities)+len(m.ActivityTypes)+len(m.Parent)+len(m.Grouping)+len(m.Category)+len(m.Other)+len(m.Extensions) == 0 &&
		m.ObjectType == ""
}
