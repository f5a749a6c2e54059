package hrhttp_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestDefinitions: what a PUT does to a definition that is new, the same, or another.
func TestDefinitions(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		target := "/definitions/framework/" + esc(framework)
		put := func(body string, header ...string) *answer {
			t.Helper()
			return l.do(t, "PUT", base+target, body, header...)
		}
		l.do(t, "GET", base+target, "").refused(404, "not_found")
		put(frameworkOf(framework, 0.6), "If-Match", "*").refused(412, "precondition.failed")
		beginning := l.now(t)
		if put(frameworkOf(framework, 0.6), "If-None-Match", "*").want(204).header.Get("X-Bedside-Position") == "" {
			t.Error("registered without a position")
		}
		first := l.get(t, target)
		tag := first.header.Get("ETag")
		if first.text("kind") != "framework" || first.text("id") != framework || first.number("revision") != 1 || first.at("definition", "levels", 1, "from") != 0.6 {
			t.Errorf("%s", first.body)
		}
		same := strings.ReplaceAll(strings.ReplaceAll(frameworkOf(framework, 0.6), "\n\t", " "), `"from":0.6`, `"from": 6e-1`)
		for _, body := range []string{frameworkOf(framework, 0.6), same} {
			for _, header := range [][]string{nil, {"If-Match", tag}} {
				if a := put(body, header...).want(204); a.header.Get("X-Bedside-Position") != "" {
					t.Errorf("the same again makes an event at %s", a.header.Get("X-Bedside-Position"))
				}
			}
		}
		changed := frameworkOf(framework, 0.7)
		put(changed).refused(428, "precondition.required").says("If-Match")
		put(changed, "If-Match", `"other"`).refused(412, "precondition.failed")
		put(changed, "If-Match", " ").refused(412, "precondition.failed")
		put(changed, "If-None-Match", "*").refused(412, "precondition.failed")
		put(frameworkOf(framework, 0.6), "If-Match", `"other"`).refused(412, "precondition.failed")
		l.get(t, with(target, "asOf", first.text("asOf"))).same(first)

		asOf := l.now(t)
		put(changed, "If-Match", tag).want(204)
		put(changed, "If-Match", tag).refused(412, "precondition.failed")
		now := l.get(t, target)
		if now.number("revision") != 2 || now.at("definition", "levels", 1, "from") != 0.7 || now.header.Get("ETag") == tag {
			t.Errorf("%s", now.body)
		}
		l.put(t, target, frameworkOf(framework, 0.8), "If-Match", `"x", `+now.header.Get("ETag"))
		if old := l.get(t, with(target, "asOf", asOf)); old.number("revision") != 1 || old.at("definition", "levels", 1, "from") != 0.6 || old.header.Get("ETag") != tag {
			t.Errorf("as of before: %s", old.body)
		}
		l.do(t, "GET", base+with(target, "asOf", beginning), "").refused(404, "not_found")
		equal(t, "before it", l.get(t, with("/definitions", "asOf", beginning)).each("definitions", "id"), []string{})

		// The id is one segment, decoded once; or a parameter.
		byParameter := with("/definitions/framework", "id", framework)
		if got := l.get(t, byParameter); got.at("definition") == nil || got.number("revision") != 3 {
			t.Errorf("%s", got.body)
		}
		l.do(t, "PUT", base+byParameter, frameworkOf(framework, 0.5), "If-Match", l.get(t, byParameter).header.Get("ETag")).want(204)
		odd := "https://ward.example/rules/50%25?x=/y"
		for _, where := range []string{"/definitions/evidence-rules/" + esc(odd), with("/definitions/evidence-rules", "id", odd)} {
			l.put(t, where, rulesOf(odd, 1))
			if got := l.get(t, where).text("id"); got != odd {
				t.Errorf("%s: %s", where, got)
			}
		}
		l.do(t, "GET", base+"/definitions/evidence-rules/"+esc(esc(odd)), "").refused(404, "not_found")
		l.do(t, "GET", base+"/definitions/framework/"+esc(odd), "").refused(404, "not_found")

		// What the path names and what the body is.
		for _, wrong := range []string{"/definitions/kpi/" + esc(framework), "/definitions/framework/" + esc(framework+"2"), "/definitions/framework",
			with("/definitions/framework", "id", "x"), "/definitions/framework/" + esc(esc(framework))} {
			l.do(t, "PUT", base+wrong, frameworkOf(framework, 0.5)).refused(400, "definition.id").says(framework)
		}
		l.do(t, "PUT", base+"/definitions/frameworks/"+esc(framework), frameworkOf(framework, 0.5)).refused(404, "not_found")
		l.do(t, "PUT", base+"/definitions/framework/"+esc(framework)+"?id=x", frameworkOf(framework, 0.5)).refused(400, "parameter.id")
		equal(t, "all", l.get(t, "/definitions").each("definitions", "kind"), []string{"evidence-rules", "framework"})
		equal(t, "of a kind", l.get(t, "/definitions/framework").each("definitions", "id"), []string{framework})
		equal(t, "of a kind", l.get(t, "/definitions/kpi").each("definitions", "id"), []string{})
	})
}

// TestFaults: what is wrong with a definition is told with its place and its rule.
func TestFaults(t *testing.T) {
	l := onOne(t)
	l.define(t)
	other := "https://ward.example/frameworks/other"
	for name, c := range map[string]struct{ kind, id, body, pointer, rule string }{
		"schema": {"framework", other, strings.Replace(frameworkOf(other, 0.6), `"from":0`, `"fro":0`, 1), "/levels/0", "definition.schema.additionalProperties"},
		"levels": {"framework", framework, strings.Replace(frameworkOf(framework, 0.6), `"from":0}`, `"from":0.6}`, 1), "/levels/1/from", "definition.levels.order"},
		"shared": {"framework", other, frameworkOf(other, 0.6), "/competencies/0/id", "definition.competency.unique"},
		"prior":  {"evidence-rules", other, strings.Replace(rulesOf(other, 1), `"rules":[`, `"prior":{"alpha":1,"beta":1},"rules":[`, 1), "/prior", "definition.prior.same"},
		"reference": {"evidence-rules", other, strings.Replace(rulesOf(other, 1), `"context.other"`, `["https://ward.example/none"]`, 1),
			"/rules/0/competencies/0", "definition.reference"},
		"kind":  {"framework", other, `{"kind":"x","id":"` + other + `"}`, "/kind", "definition.kind"},
		"twice": {"framework", other, `{"kind":"framework","kind":"framework"}`, "", "definition.json"},
		"null":  {"framework", other, `null`, "", "definition.schema.type"},
	} {
		t.Run(name, func(t *testing.T) {
			match := "" // nothing is replaced
			if c.id == framework {
				match = "*"
			}
			for _, a := range []*answer{
				l.do(t, "PUT", base+"/definitions/"+c.kind+"/"+esc(c.id), c.body, "If-Match", match),
				l.do(t, "POST", base+"/definitions", "["+rulesOf("https://ward.example/rules/good", 1)+","+c.body+"]"),
				l.do(t, "POST", base+"/definitions?dryRun=true", "["+c.body+"]"),
			} {
				p := a.refused(400, "definition.invalid").says(c.rule).problem()
				if p.Rule != c.rule || p.Pointer == nil || !strings.HasPrefix(*p.Pointer, c.pointer) {
					t.Errorf("%s: %s", a.what, a.body)
				}
			}
		})
	}
	a := l.do(t, "POST", base+"/definitions", "["+rulesOf("https://ward.example/rules/good", 1)+`,{"kind":"kpi"}]`)
	a.refused(400, "definition.invalid").says("definition 1")
	equal(t, "registered", l.get(t, "/definitions").each("definitions", "id"), []string{rules, framework})
}

// TestApply: an array is registered together, all or none, and dryRun changes nothing.
func TestApply(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		apply := func(parameters, body string) *answer {
			t.Helper()
			return l.do(t, "POST", base+"/definitions"+parameters, body)
		}
		list := func() []string { return l.get(t, "/definitions").each("definitions", "id") }
		both := "[" + rulesOf(rules, 1) + "," + frameworkOf(framework, 0.6) + "]"
		dry := apply("?dryRun=true", both).want(200)
		equal(t, "dry", dry.each("changes", "action"), []string{"added", "added"})
		if dry.at("dryRun") != true || dry.at("position") != nil || dry.header.Get("X-Bedside-Position") != "" || !strings.Contains(dry.text("changes", 0, "diff"), "+ ") {
			t.Errorf("%s", dry.body)
		}
		equal(t, "after a dry run", list(), []string{})
		apply("", "["+rulesOf(rules, 1)+","+strings.Replace(frameworkOf(framework, 0.6), `"able","from"`, `"novice","from"`, 1)+"]").refused(400, "definition.invalid")
		equal(t, "after one that is wrong", list(), []string{})
		apply("", "["+rulesOf(rules, 1)+","+rulesOf(rules, 2)+"]").refused(400, "definition.invalid").says("definition.batch.unique")
		done := apply("?dryRun=false", both).want(200)
		if done.text("position") != done.header.Get("X-Bedside-Position") || done.at("dryRun") != nil {
			t.Errorf("%s", done.body)
		}
		equal(t, "done", list(), []string{rules, framework})
		again := apply("", both).want(200)
		equal(t, "again", again.each("changes", "action"), []string{"unchanged", "unchanged"})
		if again.at("position") != nil || again.header.Get("X-Bedside-Position") != "" {
			t.Errorf("%s", again.body)
		}
		change := apply("?dryRun=true", "["+frameworkOf(framework, 0.9)+","+rulesOf(rules, 1)+"]").want(200)
		equal(t, "a change", change.each("changes", "action"), []string{"changed", "unchanged"})
		if diff := change.text("changes", 0, "diff"); !strings.Contains(diff, "0.9") || !strings.Contains(diff, "0.6") {
			t.Errorf("diff %s", diff)
		}
		equal(t, "as CSV", apply("?dryRun=true", both+"").want(200).each("changes", "kind"), []string{"evidence-rules", "framework"})
		if got := l.get(t, "/definitions/framework/"+esc(framework)).number("revision"); got != 1 {
			t.Errorf("revision %v", got)
		}
		for _, bad := range []string{"", "{}", "null1", "[", "[1]", `"x"`, frameworkOf(framework, 0.6)} {
			if a := apply("", bad); a.status != 400 && (bad != "" || a.status != 415) {
				t.Errorf("%q: %d %s", bad, a.status, a.body)
			}
		}
	})
}

// TestRulesChange: another revision of evidence rules makes other numbers of what is
// stored already, and asOf before it gives those of the former.
func TestRulesChange(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.statements(t, attempt(1, agent("ann"), listening, 0.9, 1), attempt(2, agent("ann"), listening, 0.4, 2))
		l.csv(t, "/people", peopleHeader+"ann,Ann,,,,,"+mboxOf("ann")+",,\n")
		none := l.now(t)
		l.define(t) // after what it is about
		weight := func(parameters ...string) string {
			t.Helper()
			a := l.get(t, competenciesOf("ann")+query(parameters...))
			e := l.get(t, evidenceOf("ann", listening)+query(parameters...))
			return fmt.Sprint(a.at("competencies", 0, "weight"), e.at("evidence", 0, "revision"), e.at("evidence", 0, "weight"), len(e.each("evidence", "rule")))
		}
		if got := weight(); got != "2 1 1 2" {
			t.Errorf("under the first rules: %s", got)
		}
		first := l.now(t)
		l.replace(t, rulesOf(rules, 3))
		if got := weight(); got != "6 2 3 2" {
			t.Errorf("under the second: %s", got)
		}
		second := l.now(t)
		l.statements(t, attempt(3, agent("ann"), listening, 0.5, 3))
		l.replace(t, strings.Replace(rulesOf(rules, 4), `"attempts":"all"`, `"attempts":"first"`, 1))
		if got := weight(); got != "4 3 4 1" {
			t.Errorf("under the third: %s", got)
		}
		if got := l.get(t, evidenceOf("ann", listening)).each("leftOut", "reason"); fmt.Sprint(got) != "[superseded superseded]" {
			t.Errorf("left out: %v", got)
		}
		if got := weight("asOf", second); got != "6 2 3 2" {
			t.Errorf("as of the second: %s", got)
		}
		if got := weight("asOf", first); got != "2 1 1 2" {
			t.Errorf("as of the first: %s", got)
		}
		if got := l.get(t, competenciesOf("ann")+query("asOf", none)).each("competencies", "competency"); len(got) != 0 {
			t.Errorf("before any: %v", got)
		}
		l.do(t, "GET", base+evidenceOf("ann", listening)+query("asOf", none), "").refused(404, "not_found")
		// A framework decides what is listed, and levels.
		l.replace(t, strings.Replace(frameworkOf(framework, 0.99), `"role":"nurse"`, `"role":"other"`, 1))
		if a := l.get(t, competenciesOf("ann")); a.at("competencies", 0, "level") != "novice" || a.at("competencies", 0, "state") != "not_required" {
			t.Errorf("%s", a.body)
		}
	})
}
