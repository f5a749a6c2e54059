package hrhttp_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestUnmappedCrowd: a statement of a Group is looked at once, however many its members
// are, also before and after it is voided.
func TestUnmappedCrowd(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.define(t)
		members := make([]string, 10_000)
		for i := range members {
			members[i] = agent(fmt.Sprintf("member-%d", i))
		}
		crowd := `{"objectType":"Group","member":[` + strings.Join(members, ",") + `]}`
		l.statements(t, attempt(1, crowd, listening, 0.5, 1))
		l.statements(t, uncovered(2, crowd, "https://ward.example/of/crowd"))
		before := l.now(t)
		l.statements(t, voiding(3, 1))
		for _, c := range []struct{ target, statements string }{
			{"/unmapped?limit=2", "1"}, {with("/unmapped?limit=2", "asOf", before), "2"},
		} {
			a := l.get(t, c.target)
			equal(t, c.target, a.each("actors", "statements"), []string{c.statements, c.statements})
			equal(t, c.target, a.each("activities", "statements"), []string{"1"})
			equal(t, c.target, a.each("scores", "statements"), nil)
		}
	})
}

// TestUnmappedParties: who is rated and is nobody is listed as who acts is, by the name
// that came last; and what a Group without members did is listed, too.
func TestUnmappedParties(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		const rated = "http://id.tincanapi.com/verb/rated"
		l.define(t)
		l.csv(t, "/units", wardUnits)
		l.csv(t, "/people", peopleHeader+someone("bob", "ward-a")+someone("cara", "ward-b"))
		rating := func(n int, of, result string) string {
			return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":%q},"object":%s,%s"context":{"contextActivities":{"other":[{"id":%q}]}}}`,
				id(n), agent("bob"), rated, strings.Replace(of, "{", `{"objectType":"Agent",`, 1), result, listening)
		}
		named := func(who, name string) string { return fmt.Sprintf(`{"name":%q,"mbox":%q}`, name, mboxOf(who)) }
		actors := func(parameters ...string) string {
			a := l.get(t, "/unmapped"+query(parameters...))
			var all []string
			for i, identity := range a.each("actors", "identity") {
				all = append(all, fmt.Sprint(identity, " ", a.at("actors", i, "name"), " ", a.number("actors", i, "statements")))
			}
			return strings.Join(all, ", ")
		}
		learner := func(name string, n int) string { return fmt.Sprintf("map[mbox:%s] %s %d", mboxOf("learner"), name, n) }

		l.statements(t, rating(1, agent("learner"), `"result":{"score":{"scaled":0.5}},`), rating(2, agent("cara"), ""))
		if got := actors(); got != "" {
			t.Errorf("no rule takes ratings, and there are %s", got)
		}
		l.replace(t, fmt.Sprintf(`{"kind":"evidence-rules","id":%q,"rules":[{"id":"rated","match":{"verbs":[%q]},
			"subject":"object","competencies":"context.other","kind":"observation","weight":1}]}`, rules, rated))
		nameless := l.now(t)
		l.statements(t, rating(3, named("learner", "L. Earner"), `"result":{"score":{"scaled":0.6}},`))
		first := l.now(t)
		l.statements(t, uncovered(4, named("learner", "Lea Earner"), "https://ward.example/x"))
		l.statements(t, rating(5, agent("learner"), ""))
		second := l.now(t)
		l.statements(t, voiding(6, 4))
		for _, c := range []struct{ asOf, want string }{
			{nameless, learner("<nil>", 1)},
			{first, learner("L. Earner", 2)},
			{second, learner("Lea Earner", 4)},
			{l.now(t), learner("L. Earner", 3)},
		} {
			if got := actors("asOf", c.asOf); got != c.want {
				t.Errorf("as of %s: %s, want %s", c.asOf, got, c.want)
			}
		}

		// Both sides of a rating are concerned.
		for unit, want := range map[string]string{"": "2", "ward-a": "2", "ward-b": "1", "ward-c": ""} {
			var bound []string
			if unit != "" {
				bound = as(l.credential(t, unit, "all/read", boundTo("", unit)))
			}
			equal(t, "scores in "+unit, l.get(t, "/unmapped", bound...).each("scores", "statements"), strings.Fields(want))
		}

		l.statements(t, uncovered(7, `{"objectType":"Group","mbox":"mailto:team@ward.example"}`, "https://ward.example/of/team"))
		equal(t, "activities", l.get(t, "/unmapped").each("activities", "activity"), []string{"https://ward.example/of/team"})
		l.post(t, "/people/cara/identities", agent("learner"))
		if got := actors(); got != "" {
			t.Errorf("she is known now, and there are %s", got)
		}
	})
}

// TestUnmappedCSV: it has all that the JSON has.
func TestUnmappedCSV(t *testing.T) {
	l := onOne(t)
	l.csv(t, "/people", peopleHeader+"ann,Ann Smith,,,,,,,\n")
	l.statements(t, uncovered(1, `{"name":"Smith, Ann","mbox":"mailto:as@ward.example"}`, "https://ward.example/x"))
	a, b := l.get(t, "/unmapped"), l.get(t, "/unmapped?format=csv")
	equal(t, "likely", b.column("likely"), []string{`[{"person":"ann","name":"Ann Smith","reason":"the name is that of the person"}]`, ""})
	equal(t, "first", b.column("first"), []string{a.text("actors", 0, "first"), ""})
	equal(t, "last", b.column("last"), []string{a.text("actors", 0, "last"), ""})
}
