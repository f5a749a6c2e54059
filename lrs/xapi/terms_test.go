package xapi

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// everything names a person or an Activity in every place that can have one.
const everything = `{
	"actor": {"objectType":"Group","mbox":"mailto:actor@Hospital.example","member":[{"openid":"http://people.example/member"}]},
	"verb": {"id":"http://example.com/verbs/did"},
	"object": {
		"objectType": "SubStatement",
		"actor": {"account":{"homePage":"http://hr.example","name":"sub actor"}},
		"verb": {"id":"http://example.com/verbs/sub"},
		"object": {"id":"http://example.com/sub/object","definition":{"type":"http://example.com/type"}},
		"context": {
			"registration": "11111111-1111-4111-8111-111111111111",
			"team": {"objectType":"Group","openid":"http://people.example/subteam"},
			"contextActivities": {"category":{"id":"http://example.com/sub/category"}}
		}
	},
	"context": {
		"registration": "22222222-2222-4222-8222-222222222222",
		"instructor": {"mbox":"mailto:instructor@b","name":"Ines"},
		"team": {"objectType":"Group","member":[{"mbox":"mailto:teammember@b","name":"Tom"}]},
		"contextAgents": [{"objectType":"contextAgent","agent":{"mbox":"mailto:contextagent@b"}}],
		"contextGroups": [{"objectType":"contextGroup","group":{"objectType":"Group","mbox":"mailto:contextgroup@b","member":[{"mbox":"mailto:groupmember@b"}]}}],
		"statement": {"objectType":"StatementRef","id":"33333333-3333-4333-8333-333333333333"},
		"contextActivities": {
			"parent": [{"id":"http://example.com/parent"}], "grouping": [{"id":"http://example.com/grouping"}],
			"category": [{"id":"http://example.com/category"}], "other": [{"id":"http://example.com/other"},{"id":"http://example.com/other2"}]
		}
	},
	"authority": {"objectType":"Group","member":[{"mbox":"mailto:app@b"},{"mbox":"mailto:user@b"}]}
}`

func mbox(address string) IFI { return IFI{Kind: Mbox, Value: "mailto:" + address} }

// Which terms find which Statements: C 2.1.3.
func TestTerms(t *testing.T) {
	ref := statementWith("object", `{"objectType":"StatementRef","id":"33333333-3333-4333-8333-333333333333"}`)
	agent := statementWith("object", `{"objectType":"Group","mbox":"mailto:object@b","member":[{"mbox":"mailto:member@b"}]}`, "authority", `{"mbox":"mailto:auth@b"}`)
	iri := func(path string) string { return "http://example.com/" + path }
	target := uuid.MustParse("33333333-3333-4333-8333-333333333333")
	group := func(members ...string) (a Actor) {
		a.ObjectType = "Group"
		for _, m := range members {
			a.Member = append(a.Member, Actor{ifi: mbox(m)})
		}
		return a
	}
	subActor := IFI{Kind: Account, HomePage: "http://hr.example", Value: "sub actor"}
	upper, _ := mbox("actor@Hospital.example").SHA1Sum()
	for _, test := range []struct {
		name, raw string
		term      Term
		want      bool
	}{
		{"verb", everything, VerbTerm(iri("verbs/did")), true},
		{"verb of the SubStatement", everything, VerbTerm(iri("verbs/sub")), false},
		{"actor", everything, AgentTerm(mbox("actor@hospital.example")), true},
		{"actor, domain in another case", everything, AgentTerm(mbox("actor@HOSPITAL.example")), true},
		{"actor, local part in another case", everything, AgentTerm(mbox("Actor@hospital.example")), false},
		{"actor by the SHA-1 of the lower case", everything, AgentTerm(upper), true},
		{"actor by the SHA-1 as sent", everything, AgentTerm(mboxSum("mailto:actor@Hospital.example")), true},
		{"actor, related", everything, RelatedAgentTerm(mbox("actor@hospital.example")), true},
		{"actor by the SHA-1, related", everything, RelatedAgentTerm(upper), true},
		{"member", everything, AgentTerm(IFI{Kind: OpenID, Value: "http://people.example/member"}), true},
		{"SubStatement's actor", everything, AgentTerm(subActor), false},
		{"SubStatement's actor, related", everything, RelatedAgentTerm(subActor), true},
		{"SubStatement's team, related", everything, RelatedAgentTerm(IFI{Kind: OpenID, Value: "http://people.example/subteam"}), true},
		{"instructor", everything, AgentTerm(mbox("instructor@b")), false},
		{"instructor, related", everything, RelatedAgentTerm(mbox("instructor@b")), true},
		{"team member, related", everything, RelatedAgentTerm(mbox("teammember@b")), true},
		{"contextAgent, related", everything, RelatedAgentTerm(mbox("contextagent@b")), true},
		{"contextGroup, related", everything, RelatedAgentTerm(mbox("contextgroup@b")), true},
		{"contextGroup's member, related", everything, RelatedAgentTerm(mbox("groupmember@b")), true},
		{"authority", everything, AgentTerm(mbox("user@b")), false},
		{"authority, related", everything, RelatedAgentTerm(mbox("user@b")), true},
		{"authority as a whole", everything, AuthorityTerm(group("app@b", "user@b")), true},
		{"authority in another order", everything, AuthorityTerm(group("user@b", "app@b")), true},
		{"authority, half of it", everything, AuthorityTerm(group("app@b", "app@b")), false},
		{"no object activity", everything, ActivityTerm(iri("sub/object")), false},
		{"SubStatement's object, related", everything, RelatedActivityTerm(iri("sub/object")), true},
		{"SubStatement's category, related", everything, RelatedActivityTerm(iri("sub/category")), true},
		{"parent", everything, ActivityTerm(iri("parent")), false},
		{"parent, related", everything, RelatedActivityTerm(iri("parent")), true},
		{"grouping, related", everything, RelatedActivityTerm(iri("grouping")), true},
		{"category, related", everything, RelatedActivityTerm(iri("category")), true},
		{"other, related", everything, RelatedActivityTerm(iri("other2")), true},
		{"no type, related", everything, RelatedActivityTerm(iri("type")), false},
		{"registration", everything, RegistrationTerm(uuid.MustParse("22222222-2222-4222-8222-222222222222")), true},
		{"SubStatement's registration", everything, RegistrationTerm(uuid.MustParse("11111111-1111-4111-8111-111111111111")), false},
		{"no registration", withContext(""), RegistrationTerm(uuid.Nil), false},
		{"context.statement", everything, ReferrerTerm(target), false},
		{"pair in a SubStatement", everything, VerbActivityTerm(iri("verbs/sub"), iri("sub/object")), false},

		{"object activity", statementWith(), ActivityTerm(iri("activities/a")), true},
		{"object activity, related", statementWith(), RelatedActivityTerm(iri("activities/a")), true},
		{"pair", statementWith(), VerbActivityTerm(iri("verbs/did"), iri("activities/a")), true},
		{"referrer", ref, ReferrerTerm(target), true},
		{"referrer of another", ref, ReferrerTerm(uuid.Nil), false},
		{"object Group", agent, AgentTerm(mbox("object@b")), true},
		{"object Group's member", agent, AgentTerm(mbox("member@b")), true},
		{"authority of one", agent, AuthorityTerm(Actor{ifi: mbox("auth@B")}), true},
		{"authority of one, as an agent", agent, AgentTerm(mbox("auth@b")), false},
		{"actor by another kind of IFI", statementWith("actor", `{"openid":"mailto:a@b"}`), AgentTerm(mbox("a@b")), false},
	} {
		if got := slices.Contains(Terms(parse(t, test.raw, V2)), test.term); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestTermsAreSortedAndOnce(t *testing.T) {
	s := parse(t, statementWith("object", `{"objectType":"Agent","mbox":"mailto:ana@hospital.example"}`, "authority", testActor), V1)
	terms := Terms(s)
	if !slices.IsSortedFunc(terms, Term.compare) || len(slices.Compact(slices.Clone(terms))) != len(terms) {
		t.Errorf("got %v", terms)
	}
	if want := 2*2 + 1 + 1; len(terms) != want { // agent and related, by mbox and SHA-1; verb; authority
		t.Errorf("got %d terms, want %d", len(terms), want)
	}
}

// Terms are part of the index's format: these were computed with sha256sum.
func TestTermsStay(t *testing.T) {
	const verb, activity = "http://example.com/verbs/did", "http://example.com/activities/a"
	for _, test := range []struct {
		term  Term
		facet Facet
		hash  string
	}{
		{AgentTerm(mbox("ana@hospital.example")), 1, "67c22cc161df3c6b8a723318d64add2a"},
		{RelatedAgentTerm(IFI{Account, "https://hr.hospital.example", "emp-000017"}), 2, "0e83dc6f3666c72ed9ad0724866a8235"},
		{VerbTerm(verb), 3, "b6a63e60f5c8b9ac4962413f3958fb47"},
		{ActivityTerm(verb), 4, "b6a63e60f5c8b9ac4962413f3958fb47"},
		{RelatedActivityTerm(verb), 5, "b6a63e60f5c8b9ac4962413f3958fb47"},
		{RegistrationTerm(uuid.MustParse(testID)), 6, strings.ReplaceAll(testID, "-", "")},
		{AuthorityTerm(Actor{ifi: mbox("ana@hospital.example")}), 7, "67c22cc161df3c6b8a723318d64add2a"},
		{VerbActivityTerm(verb, activity), 8, "bfed88058f2f4ae3606369d4bf80b0b4"},
		{ReferrerTerm(uuid.MustParse(testID)), 9, strings.ReplaceAll(testID, "-", "")},
	} {
		if test.term.Facet != test.facet || hex.EncodeToString(test.term.Hash[:]) != test.hash {
			t.Errorf("got %x, want facet %d, %s", test.term, test.facet, test.hash)
		}
	}
}

func TestIFIKey(t *testing.T) {
	for want, ifi := range map[string]IFI{
		"mbox:mailto:Ana@hospital.example":                      mbox("Ana@HOSPITAL.example"),
		"mbox_sha1sum:ebd31e95054c018b10727ccffd2ef2ec3a016ee9": {Kind: MboxSHA1Sum, Value: "EBD31e95054c018b10727ccffd2ef2ec3a016ee9"},
		"openid:http://people.example/Ana":                      {Kind: OpenID, Value: "http://people.example/Ana"},
		"account:https://hr.hospital.example emp 000017":        {Kind: Account, HomePage: "https://hr.hospital.example", Value: "emp 000017"},
		"": {},
	} {
		if got := ifi.Key(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if sum, ok := mbox("ana@HOSPITAL.example").SHA1Sum(); !ok || sum.Key() != "mbox_sha1sum:a5692bea05886c9597d87b25f74c3f0ae548c25b" {
		t.Errorf("got %v", sum)
	}
	if _, ok := (IFI{Kind: OpenID}).SHA1Sum(); ok {
		t.Error("an OpenID has no mbox_sha1sum")
	}
}

func TestVoiding(t *testing.T) {
	const ref = `{"objectType":"StatementRef","id":"` + testID + `"}`
	for _, test := range []struct {
		raw             string
		voiding, refers bool
	}{
		{statementWith(), false, false},
		{statementWith("object", ref), false, true},
		{statementWith("object", ref, "verb", `{"id":"`+Voided+`"}`), true, true},
		{statementWith("object", ref, "verb", `{"id":"`+Voided+`/"}`), false, true},
		{withSub("object", ref, "verb", `{"id":"`+Voided+`"}`), false, false},
	} {
		s := parse(t, test.raw, V1)
		target, refers := s.Target()
		if s.IsVoiding() != test.voiding || refers != test.refers || refers != (target.String() == testID) {
			t.Errorf("%s: %v, %v, %v", test.raw, s.IsVoiding(), target, refers)
		}
	}
}

func TestDefinitionsAndNames(t *testing.T) {
	s := parse(t, everything, V2)
	var ids []string
	for _, d := range Definitions(s) {
		ids = append(ids, d.ID)
		if (string(d.Raw) == `{"type":"http://example.com/type"}`) != (d.ID == "http://example.com/sub/object") {
			t.Errorf("%s: %s", d.ID, d.Raw)
		}
	}
	const at = "http://example.com/"
	if want := []string{at + "parent", at + "grouping", at + "category", at + "other", at + "other2", at + "sub/object", at + "sub/category"}; !slices.Equal(ids, want) {
		t.Errorf("got %q", ids)
	}
	if got, want := Names(s), []AgentName{{mbox("instructor@b"), "Ines"}, {mbox("teammember@b"), "Tom"}}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
