package definition

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections/fact"
)

func TestReadFiles(t *testing.T) {
	good := &fstest.MapFile{Data: corpus(t, "valid")["kpi"]}
	bad := &fstest.MapFile{Data: corpus(t, "invalid")["definition.schema.minimum-minn"]}
	files, err := ReadFiles(fstest.MapFS{"b.json": good, "a.json": good, "notes.txt": bad, "below/c.json": bad, "profile.jsonld": bad})
	if err != nil || len(files) != 2 || files[0].Name != "a.json" || files[1].Definition.Kind() != KindKPI {
		t.Errorf("%v, %v", files, err)
	}
	_, err = ReadFiles(fstest.MapFS{"a.json": good, "b.json": bad, "c.json": bad})
	var named *FileError
	faults := Faults{}
	if !errors.As(err, &named) || named.Name != "b.json" || !errors.As(err, &faults) || faults[0].Pointer != "/minN" || !strings.Contains(err.Error(), "c.json: kpi ") {
		t.Errorf("%v", err)
	}
	if _, err := ReadFiles(fstest.MapFS{"a.txt": good}); err == nil {
		t.Error("nothing to read is accepted")
	}
}

func TestBuiltins(t *testing.T) {
	if got := Builtins(); !slices.Equal(got, []string{"patient-service"}) {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"", ".", "..", "patient", "../builtin/patient-service"} {
		if _, err := Builtin(name); err == nil {
			t.Errorf("%q is shipped", name)
		}
	}
	counts := map[string]int{}
	for _, d := range shipped(t) {
		counts[d.Kind()]++
		if !strings.HasPrefix(d.ID(), base) {
			t.Errorf("%s is elsewhere", d.ID())
		}
	}
	for kind, least := range map[string]int{KindFramework: 1, KindEvidenceRules: 1, KindSurvey: 2, KindKPI: 7, KindProgramme: 1, KindEvaluation: 1} {
		if counts[kind] < least {
			t.Errorf("%d of %s", counts[kind], kind)
		}
	}
	f, _ := Find[*Framework](NewSet(shipped(t)...), base+"framework")
	for _, c := range f.Competencies {
		for _, l := range f.Levels {
			if len(c.Indicators[l.ID]) == 0 {
				t.Errorf("%s: no indicators at %s", c.ID, l.ID)
			}
		}
	}
}

// recommended are statements as the shipped profile recommends them, by template, and the rule that takes each as
// evidence.
var recommended = []struct{ template, rule, verb, object string }{
	{"module", "e-learning", "http://adlnet.gov/expapi/verbs/completed", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/module"}`},
	{"course", "e-learning", "http://adlnet.gov/expapi/verbs/passed", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/course"}`},
	{"attendance", "workshop", "http://adlnet.gov/expapi/verbs/attended", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/meeting"}`},
	{"assessment", "test", "http://adlnet.gov/expapi/verbs/scored", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/assessment"}`},
	{"simulation", "simulation", "http://adlnet.gov/expapi/verbs/failed", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/simulation"}`},
	{"observation", "observation", "http://id.tincanapi.com/verb/rated", `"objectType":"Agent","mbox":"mailto:l@ward.example"`},
	{"certificate", "certificate", "http://id.tincanapi.com/verb/earned", `"id":"urn:o","definition":{"type":"` + base + `types/certificate"}`},
	{"recognition", "", "http://id.tincanapi.com/verb/earned", `"id":"urn:o","definition":{"type":"http://activitystrea.ms/schema/1.0/badge"}`},
	{"answer", "", "http://adlnet.gov/expapi/verbs/responded", `"id":"urn:o","definition":{"type":"http://adlnet.gov/expapi/activities/question"}`},
	{"complaint", "", "http://adlnet.gov/expapi/verbs/commented", `"id":"urn:o","definition":{"type":"` + base + `types/complaint"}`},
	{"compliment", "", "http://adlnet.gov/expapi/verbs/commented", `"id":"urn:o","definition":{"type":"` + base + `types/compliment"}`},
}

// TestRecommended: each of them is evidence by exactly one shipped rule, so that nothing counts twice, and follows its
// template.
func TestRecommended(t *testing.T) {
	rules, _ := Find[*EvidenceRules](NewSet(shipped(t)...), base+"rules")
	templates := map[string]template{}
	for _, p := range shippedProfile(t).Templates {
		templates[strings.TrimPrefix(p.ID, base+"profile/templates/")] = p
	}
	for _, r := range recommended {
		f, err := fact.FeaturesOf([]byte(`{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","timestamp":"2026-03-14T09:30:00Z","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"` + r.verb + `"},"object":{` + r.object + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		var by []string
		for i := range rules.Rules {
			if rules.Rules[i].Match.Compile()(&f) {
				by = append(by, rules.Rules[i].ID)
			}
		}
		if got := strings.Join(by, " "); got != r.rule {
			t.Errorf("%s is evidence by %q, not %q", r.template, got, r.rule)
		}
		p, ok := templates[r.template]
		verbs := []string{p.Verb}
		for _, rule := range p.Rules {
			if rule.Location == "$.verb.id" {
				verbs = rule.Any
			}
		}
		if !ok || !slices.Contains(verbs, f.Verb) || p.ObjectActivityType != f.ActivityType {
			t.Errorf("%s does not follow its template %+v", r.template, p)
		}
	}
}

// profile is what the tests look at in an xAPI Profile (xAPI Profiles 1.0).
type profile struct {
	Context    string `json:"@context"`
	ID         string
	Type       string
	ConformsTo string
	PrefLabel  Text
	Definition Text
	Versions   []struct {
		ID              string
		GeneratedAtTime Time
	}
	Author   struct{ Type, Name string }
	Concepts []struct {
		ID, Type, InScheme    string
		PrefLabel, Definition Text
		ActivityDefinition    *struct {
			Context           string `json:"@context"`
			Type              string
			Name, Description Text
		}
	}
	Templates []template
	Patterns  []pattern
}

type template struct {
	ID, Type, InScheme        string
	PrefLabel, Definition     Text
	Verb                      string
	ObjectActivityType        string
	ContextParentActivityType []string
	Rules                     []struct {
		Location, Presence string
		Any                []string
		All                []any
		ScopeNote          Text
	}
}

type pattern struct {
	ID, Type, InScheme              string
	Primary                         bool
	PrefLabel, Definition           Text
	Alternates, Sequence            []string
	Optional, OneOrMore, ZeroOrMore string
}

// parts gives what a pattern is made of.
func (p *pattern) parts() []string {
	parts := slices.Concat(p.Alternates, p.Sequence)
	for _, single := range []string{p.Optional, p.OneOrMore, p.ZeroOrMore} {
		if single != "" {
			parts = append(parts, single)
		}
	}
	return parts
}

func shippedProfile(t *testing.T) (p profile) {
	t.Helper()
	directory, err := Builtin("patient-service")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := fs.ReadFile(directory, "profile.jsonld")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &p, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProfile holds the shipped profile to the structure that xAPI Profiles 1.0 wants.
func TestProfile(t *testing.T) {
	p := shippedProfile(t)
	if p.Context != "https://w3id.org/xapi/profiles/context" || p.Type != "Profile" || p.ConformsTo != "https://w3id.org/xapi/profiles#1.0" ||
		p.PrefLabel["en"] == "" || p.Definition["en"] == "" || len(p.Versions) != 1 || p.Versions[0].GeneratedAtTime == 0 || p.Versions[0].ID == p.ID || p.Author.Type != "Organization" || p.Author.Name == "" {
		t.Errorf("header %+v", p)
	}
	scheme, seen := p.Versions[0].ID, map[string]bool{p.ID: true, p.Versions[0].ID: true}
	part := func(id, inScheme string, texts ...Text) {
		if seen[id] || xapi.CheckIRI(id) != nil || !strings.HasPrefix(id, base) || inScheme != scheme {
			t.Errorf("%s, in %s", id, inScheme)
		}
		seen[id] = true
		for _, text := range texts {
			if text["en"] == "" {
				t.Errorf("%s: a text is missing", id)
			}
		}
	}
	competencies := map[string]bool{}
	for _, c := range p.Concepts {
		switch c.Type {
		case "Activity":
			d := c.ActivityDefinition
			part(c.ID, c.InScheme, d.Name, d.Description)
			if d.Context != "https://w3id.org/xapi/profiles/activity-context" || !seen[d.Type] {
				t.Errorf("%s: %+v", c.ID, d)
			}
			competencies[c.ID] = true
		case "ActivityType":
			part(c.ID, c.InScheme, c.PrefLabel, c.Definition)
		default:
			t.Errorf("%s is a %s", c.ID, c.Type)
		}
	}
	f, _ := Find[*Framework](NewSet(shipped(t)...), base+"framework")
	for _, c := range f.Competencies {
		if !competencies[c.ID] {
			t.Errorf("%s is no activity of the profile", c.ID)
		}
	}
	templates, patterns := map[string]bool{}, map[string]*pattern{}
	for _, s := range p.Templates {
		part(s.ID, s.InScheme, s.PrefLabel, s.Definition)
		templates[s.ID] = true
		if s.Type != "StatementTemplate" || s.Verb == "" && s.ObjectActivityType == "" {
			t.Errorf("%s: no verb and no type", s.ID)
		}
		for _, r := range s.Rules {
			if !strings.HasPrefix(r.Location, "$.") || r.Presence == "" && r.Any == nil && r.All == nil || r.Presence != "" && !slices.Contains([]string{"included", "excluded", "recommended"}, r.Presence) {
				t.Errorf("%s: %+v", s.ID, r)
			}
		}
	}
	for i := range p.Patterns {
		q := &p.Patterns[i]
		part(q.ID, q.InScheme, q.PrefLabel, q.Definition)
		patterns[q.ID] = q
	}
	used := map[string]bool{}
	var walk func(id string, depth int)
	walk = func(id string, depth int) {
		if used[id] = true; templates[id] {
			return
		}
		q := patterns[id]
		if q == nil || depth > len(patterns) {
			t.Errorf("%s is neither template nor pattern, or a part of itself", id)
			return
		}
		for _, part := range q.parts() {
			walk(part, depth+1)
		}
	}
	for _, q := range patterns {
		operators := 0
		for _, given := range []bool{q.Alternates != nil, q.Sequence != nil, q.Optional != "", q.OneOrMore != "", q.ZeroOrMore != ""} {
			if given {
				operators++
			}
		}
		if q.Type != "Pattern" || operators != 1 || len(q.Alternates) == 1 || len(q.Sequence) == 1 {
			t.Errorf("%s: %+v", q.ID, q)
		}
		for _, id := range q.Alternates {
			if other := patterns[id]; other != nil && (other.Optional != "" || other.ZeroOrMore != "") {
				t.Errorf("%s: an alternative that may be absent", q.ID)
			}
		}
		if q.Primary {
			walk(q.ID, 0)
		}
	}
	for id := range seen {
		if (templates[id] || patterns[id] != nil) && !used[id] {
			t.Errorf("%s is in no primary pattern", id)
		}
	}
}
